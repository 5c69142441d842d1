//! What counts: everything, or the usage that passes some filters.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::once::each_once;
use crate::people::erasure::ERASED;
use crate::usage::UsageEvent;
use crate::usage::question::{Filter, QuestionError};

/// What counts, as filters by the names that questions have for them: `provider`, `team!` for all
/// but these, `model^` for what begins so. Without any, everything counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(into = "Names")]
pub struct Scope {
    names: Names,
    filters: Vec<Filter>,
}

type Names = BTreeMap<String, Vec<String>>;

impl PartialSchema for Scope {
    fn schema() -> RefOr<Schema> {
        Names::schema()
    }
}

impl ToSchema for Scope {
    fn name() -> Cow<'static, str> {
        "UsageScope".into()
    }
}

/// Why a scope cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// There is nothing of that name to filter by.
    #[error("`{0}` is nothing to filter by")]
    Unknown(String),
    /// The filter's values cannot be.
    #[error("{0}: {1}")]
    Filter(String, QuestionError),
}

impl Scope {
    /// The scope of these filters.
    pub fn new(names: BTreeMap<String, Vec<String>>) -> Result<Self, ScopeError> {
        let mut filters = Vec::with_capacity(names.len());
        for (name, values) in &names {
            let filter = Filter::named(name, values.iter().map(String::as_str))
                .ok_or_else(|| ScopeError::Unknown(name.chars().take(100).collect()))?;
            filters.push(filter.map_err(|error| ScopeError::Filter(name.clone(), error))?);
        }
        Ok(Self { names, filters })
    }

    /// Usage of one value of one attribute, e.g. `model` and `gpt-4o`.
    pub fn only(name: &str, value: &str) -> Result<Self, ScopeError> {
        Self::new(BTreeMap::from([(name.to_owned(), vec![value.to_owned()])]))
    }

    /// The only account that all of it belongs to, where it is one's.
    pub fn account(&self) -> Option<&str> {
        match self.names.get("account").map(Vec::as_slice) {
            Some([account]) => Some(account),
            _ => None,
        }
    }

    /// The filters, for questions.
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// The filters by their names.
    pub fn names(&self) -> &BTreeMap<String, Vec<String>> {
        &self.names
    }

    /// Whether usage with these attributes, by their names, counts.
    pub fn takes(&self, attributes: &BTreeMap<String, String>) -> bool {
        self.filters.iter().all(|filter| {
            let value = attributes.get(&*filter.attribute().name()).map(String::as_str);
            filter.passes(value.filter(|value| !value.is_empty()))
        })
    }

    /// Whether `event` counts.
    pub fn takes_event(&self, event: &UsageEvent) -> bool {
        self.takes_passed(event, None)
    }

    /// Whether `event` counts, which is known to pass the filter at `passed`.
    pub(super) fn takes_passed(&self, event: &UsageEvent, passed: Option<usize>) -> bool {
        self.filters.iter().enumerate().all(|(at, filter)| {
            passed == Some(at) || filter.passes(event.value_of(filter.attribute()))
        })
    }

    /// The same without the name of a person, where a filter by subject or by a tag has it as a value;
    /// `None` where none has. Accounts keep their names, as they do in usage.
    pub fn without(&self, subject: &str) -> Option<Self> {
        let mut names = self.names.clone();
        let mut has_changed = false;
        for (name, values) in &mut names {
            if !name.starts_with("subject") && !name.starts_with("tag.") {
                continue;
            }
            for value in values.iter_mut().filter(|value| *value == subject) {
                ERASED.clone_into(value);
                has_changed = true;
            }
        }
        has_changed.then(|| Self::new(names).unwrap_or_default())
    }

    /// Whether everything counts.
    pub fn is_everything(&self) -> bool {
        self.names.is_empty()
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(each_once(deserializer)?).map_err(D::Error::custom)
    }
}

impl From<Scope> for Names {
    fn from(scope: Scope) -> Self {
        scope.names
    }
}
