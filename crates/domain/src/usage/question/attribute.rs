//! What usage can be grouped and filtered by.

use std::borrow::Cow;

use compact_str::CompactString;

use super::QuestionError;
use crate::usage::{NAME_BYTES_MAX, Status, TAG_KEY_BYTES_MAX};

/// The word before the key of a tag: `tag.feature`.
const TAG_PREFIX: &str = "tag.";

/// An attribute of usage events.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribute {
    /// Who pays.
    Account,
    /// Who or what used it.
    Subject,
    /// Who was paid.
    Provider,
    /// Which model or product.
    Model,
    /// What was done.
    Operation,
    /// Which service.
    Service,
    /// How it ended.
    Status,
    /// A team.
    Team,
    /// A project.
    Project,
    /// A platform.
    Platform,
    /// An environment.
    Environment,
    /// Who sent the event.
    Source,
    /// The tag under that key.
    Tag(CompactString),
}

impl Attribute {
    /// The attributes that have a name of their own, in the order in which they are listed.
    pub const NAMED: [Self; 12] = [
        Self::Account,
        Self::Subject,
        Self::Provider,
        Self::Model,
        Self::Operation,
        Self::Service,
        Self::Status,
        Self::Team,
        Self::Project,
        Self::Platform,
        Self::Environment,
        Self::Source,
    ];

    /// The name on the wire, which is that of the history's column unless it is a tag.
    pub fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Account => "account",
            Self::Subject => "subject",
            Self::Provider => "provider",
            Self::Model => "model",
            Self::Operation => "operation",
            Self::Service => "service",
            Self::Status => "status",
            Self::Team => "team",
            Self::Project => "project",
            Self::Platform => "platform",
            Self::Environment => "environment",
            Self::Source => "source",
            Self::Tag(key) => return Cow::Owned(format!("{TAG_PREFIX}{key}")),
        })
    }

    /// The attribute of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        if let Some(key) = name.strip_prefix(TAG_PREFIX) {
            let fits = !key.is_empty() && key.len() <= TAG_KEY_BYTES_MAX;
            return fits.then(|| Self::Tag(key.into()));
        }
        Self::NAMED.into_iter().find(|attribute| attribute.name() == name)
    }
}

/// A condition on one attribute. Filters of a question must all hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Filter {
    attribute: Attribute,
    test: Test,
}

/// What a filter asks of a value. An absent value is `None`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// The value is one of these.
    In(Vec<Option<CompactString>>),
    /// The value is none of these.
    NotIn(Vec<Option<CompactString>>),
    /// The value is there and begins with one of these.
    Prefix(Vec<CompactString>),
}

impl Filter {
    /// Values in one filter, at most.
    pub const VALUES_MAX: usize = 1_000;

    /// The filter that `name` stands for: `model` for these values, `model!` for all others,
    /// `model^` for what begins so. `None` when there is no attribute of that name.
    pub fn named<'a>(
        name: &str,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Option<Result<Self, QuestionError>> {
        Some(match (name.strip_suffix('!'), name.strip_suffix('^')) {
            (Some(name), _) => Self::not_among(Attribute::from_name(name)?, values),
            (_, Some(name)) => Self::prefix(Attribute::from_name(name)?, values),
            (None, None) => Self::among(Attribute::from_name(name)?, values),
        })
    }

    /// Its name with its values, as [`Filter::named`] takes them.
    pub fn by_name(&self) -> (String, Vec<String>) {
        let texts = |values: &[Option<CompactString>]| {
            values.iter().map(|value| value.as_deref().unwrap_or_default().to_owned()).collect()
        };
        let (mark, values) = match &self.test {
            Test::In(values) => ("", texts(values)),
            Test::NotIn(values) => ("!", texts(values)),
            Test::Prefix(values) => ("^", values.iter().map(CompactString::to_string).collect()),
        };
        (format!("{}{mark}", self.attribute.name()), values)
    }

    /// Whether a filter has that name.
    pub fn is_name(name: &str) -> bool {
        Attribute::from_name(name.strip_suffix(['!', '^']).unwrap_or(name)).is_some()
    }

    /// A filter that lets only `values` of `attribute` pass. An empty text stands for no value.
    pub fn among<'a>(
        attribute: Attribute,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, QuestionError> {
        let values = Self::values(&attribute, values)?;
        Ok(Self { attribute, test: Test::In(values) })
    }

    /// A filter that lets all but `values` of `attribute` pass. An empty text stands for no value.
    pub fn not_among<'a>(
        attribute: Attribute,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, QuestionError> {
        let values = Self::values(&attribute, values)?;
        Ok(Self { attribute, test: Test::NotIn(values) })
    }

    /// A filter that lets values of `attribute` pass that begin with one of `prefixes`.
    pub fn prefix<'a>(
        attribute: Attribute,
        prefixes: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, QuestionError> {
        let mut kept: Vec<CompactString> = Vec::new();
        for prefix in prefixes {
            if prefix.is_empty() {
                return Err(QuestionError::EmptyPrefix(attribute));
            }
            kept.push(prefix.into());
        }
        kept.sort_unstable();
        kept.dedup();
        Self::check_values(&attribute, kept.iter().map(|prefix| prefix.len()))?;
        Ok(Self { attribute, test: Test::Prefix(kept) })
    }

    /// A filter that lets only `value` of `attribute` pass.
    pub fn only(attribute: Attribute, value: &str) -> Self {
        Self { attribute, test: Test::In(vec![Some(value.into())]) }
    }

    fn values<'a>(
        attribute: &Attribute,
        values: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Option<CompactString>>, QuestionError> {
        let mut kept = Vec::new();
        for value in values {
            kept.push(match (attribute, value) {
                (_, "") => None,
                (Attribute::Status, word) => Some(
                    Status::parse(word)
                        .ok_or_else(|| QuestionError::UnknownStatus(word.into()))?
                        .as_str()
                        .into(),
                ),
                (_, value) => Some(CompactString::from(value)),
            });
        }
        kept.sort_unstable();
        kept.dedup();
        Self::check_values(attribute, kept.iter().flatten().map(|value| value.len()))?;
        if kept.is_empty() {
            return Err(QuestionError::NoValues(attribute.clone()));
        }
        Ok(kept)
    }

    fn check_values(
        attribute: &Attribute,
        lengths: impl Iterator<Item = usize>,
    ) -> Result<(), QuestionError> {
        let mut count = 0;
        for length in lengths {
            count += 1;
            if length > NAME_BYTES_MAX {
                return Err(QuestionError::ValueTooLong {
                    attribute: attribute.clone(),
                    bytes: length,
                });
            }
        }
        if count > Self::VALUES_MAX {
            return Err(QuestionError::TooManyValues { attribute: attribute.clone(), count });
        }
        Ok(())
    }

    /// What the filter looks at.
    pub const fn attribute(&self) -> &Attribute {
        &self.attribute
    }

    /// What the filter asks.
    pub const fn test(&self) -> &Test {
        &self.test
    }

    /// Whether an event with that value passes.
    pub fn passes(&self, value: Option<&str>) -> bool {
        let among = |values: &[Option<CompactString>]| {
            values.binary_search_by(|known| known.as_deref().cmp(&value)).is_ok()
        };
        match &self.test {
            Test::In(values) => among(values),
            Test::NotIn(values) => !among(values),
            Test::Prefix(prefixes) => value
                .is_some_and(|value| prefixes.iter().any(|prefix| value.starts_with(&**prefix))),
        }
    }
}
