//! What people write onto charts: a deploy, a campaign, a new price.

use chrono::{DateTime, Datelike, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::budgets::Scope;
use crate::people::erasure::without_name;
use crate::usage::question::{Attribute, FILTERS_MAX, FIRST_YEAR, Filter, LAST_YEAR, Test};
use crate::views::names_none_but;

/// Characters of a text, at most.
pub const TEXT_CHARS_MAX: usize = 300;
/// Bytes of an annotation as it is kept, at most.
pub const ANNOTATION_BYTES_MAX: usize = 8 * 1024;

/// Something that happened, as somebody wrote it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Its id.
    pub id: Uuid,
    /// Who wrote it.
    pub author: CompactString,
    /// Of which account it is, where its author sees one only.
    pub account: Option<CompactString>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// What it says.
    pub draft: AnnotationDraft,
}

/// What an annotation says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnotationDraft {
    /// What happened, in a line.
    pub text: String,
    /// When, or when it began.
    pub at: DateTime<Utc>,
    /// When it was over, where it took a time.
    pub until: Option<DateTime<Utc>>,
    /// Which usage it is about; all of it where nothing is said.
    #[serde(default)]
    pub scope: Scope,
}

/// Why an annotation cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnnotationError {
    /// It says nothing, or too much, or in more than a line.
    #[error("a text has 1 to {TEXT_CHARS_MAX} characters, and none that break the line")]
    Text,
    /// It is at a time that no usage has.
    #[error("it is before {FIRST_YEAR} or after {LAST_YEAR}")]
    At,
    /// It is over before it begins, or at a time that no usage has.
    #[error("it is over before it begins, or after {LAST_YEAR}")]
    Until,
    /// It has more filters than a question can have.
    #[error("{0} filters, {FILTERS_MAX} at most")]
    TooManyFilters(usize),
    /// It is longer than an annotation may be.
    #[error("the annotation has {0} bytes, {ANNOTATION_BYTES_MAX} at most")]
    TooLong(usize),
}

impl AnnotationError {
    /// The field at fault.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::At => "at",
            Self::Until => "until",
            Self::TooManyFilters(_) | Self::TooLong(_) => "scope",
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Text => "say it in a line",
            Self::At => "give a time that usage can have",
            Self::Until => "give a later time, or leave it out for a moment",
            Self::TooManyFilters(_) => "use fewer filters",
            Self::TooLong(_) => "filter by fewer values, or by what they begin with",
        }
    }
}

impl AnnotationDraft {
    /// The same without the name of a person; `None` where it does not name them.
    pub fn without(&self, subject: &str) -> Option<Self> {
        let text = without_name(&self.text, subject);
        let scope = self.scope.without(subject);
        if text.is_none() && scope.is_none() {
            return None;
        }
        let mut draft = self.clone();
        draft.text = text.unwrap_or(draft.text);
        draft.scope = scope.unwrap_or(draft.scope);
        Some(draft)
    }

    /// Whether there can be such an annotation.
    pub fn check(&self) -> Result<(), AnnotationError> {
        let has_control = self.text.chars().any(char::is_control);
        if self.text.trim().is_empty() || self.text.chars().count() > TEXT_CHARS_MAX || has_control
        {
            return Err(AnnotationError::Text);
        }
        let fits = |at: DateTime<Utc>| (FIRST_YEAR..LAST_YEAR).contains(&at.year());
        if !fits(self.at) {
            return Err(AnnotationError::At);
        }
        if self.until.is_some_and(|until| until <= self.at || !fits(until)) {
            return Err(AnnotationError::Until);
        }
        let filters = self.scope.filters().len();
        if filters > FILTERS_MAX {
            return Err(AnnotationError::TooManyFilters(filters));
        }
        match serde_json::to_string(self).map_or(usize::MAX, |json| json.len()) {
            size if size > ANNOTATION_BYTES_MAX => Err(AnnotationError::TooLong(size)),
            _ => Ok(()),
        }
    }
}

impl Annotation {
    /// Whether whoever sees the account `own` only, or all of them, may read it.
    pub fn is_seen_by(&self, own: Option<&str>) -> bool {
        let is_theirs = match (&self.account, own) {
            (Some(account), Some(own)) => account == own,
            (None, _) | (_, None) => true,
        };
        is_theirs && names_none_but(&self.draft.scope, own)
    }
}

impl Annotation {
    /// Whether it can be about usage that passes `filters`.
    pub fn is_about(&self, filters: &[Filter]) -> bool {
        let of_account =
            self.account.as_deref().map(|account| Filter::only(Attribute::Account, account));
        overlap(self.draft.scope.filters(), filters) && overlap(of_account.as_slice(), filters)
    }
}

/// Whether there can be usage that passes all of both.
pub fn overlap(some: &[Filter], others: &[Filter]) -> bool {
    let any_passes = |values: &Filter, test: &Filter| match values.test() {
        Test::In(values) => values.iter().any(|value| test.passes(value.as_deref())),
        Test::NotIn(_) | Test::Prefix(_) => true,
    };
    some.iter().all(|one| {
        let alike = others.iter().filter(|other| other.attribute() == one.attribute());
        alike.into_iter().all(|other| any_passes(one, other) && any_passes(other, one))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn draft() -> AnnotationDraft {
        serde_json::from_value(serde_json::json!({
            "text": "Release 7", "at": "2026-11-10T10:00:00Z", "until": null,
            "scope": {"model": ["gpt-4o"]},
        }))
        .unwrap()
    }

    #[test]
    fn what_cannot_be_is_refused_by_field() {
        let refused = |change: &dyn Fn(&mut AnnotationDraft)| {
            let mut draft = draft();
            change(&mut draft);
            draft.check().map_err(|error| error.field()).err()
        };

        assert_eq!(refused(&|_| ()), None);
        assert_eq!(refused(&|draft| draft.text = " ".into()), Some("text"));
        assert_eq!(refused(&|draft| draft.text = "a\nb".into()), Some("text"));
        assert_eq!(refused(&|draft| draft.text = "t".repeat(301)), Some("text"));
        assert_eq!(refused(&|draft| draft.at = DateTime::<Utc>::MIN_UTC), Some("at"));
        assert_eq!(refused(&|draft| draft.until = Some(draft.at)), Some("until"));
        let long = (0..900).map(|at| format!("{at:0>20}")).collect();
        let scope = Scope::new([("model".to_owned(), long)].into()).unwrap();
        assert_eq!(refused(&|draft| draft.scope = scope.clone()), Some("scope"));
    }

    #[test]
    fn scopes_overlap_where_usage_can_pass_both() {
        let both = |some: (&str, &str), others: (&str, &str)| {
            let of = |(name, value): (&str, &str)| Scope::only(name, value).unwrap();
            overlap(of(some).filters(), of(others).filters())
        };

        assert!(both(("model", "a"), ("model", "a")));
        assert!(!both(("model", "a"), ("model", "b")));
        assert!(both(("model", "a"), ("provider", "b")));
        assert!(!both(("model!", "a"), ("model", "a")));
        assert!(both(("model!", "a"), ("model", "b")));
        assert!(both(("model^", "gpt"), ("model", "gpt-4o")));
        assert!(!both(("model^", "gpt"), ("model", "claude")));
        assert!(overlap(&[], Scope::only("model", "a").unwrap().filters()));
    }

    #[test]
    fn whoever_sees_one_account_reads_what_names_no_other() {
        let mut note = Annotation {
            id: Uuid::nil(),
            author: "ada".into(),
            account: None,
            created_at: DateTime::UNIX_EPOCH,
            draft: draft(),
        };
        assert!(note.is_seen_by(None) && note.is_seen_by(Some("acme")));

        note.draft.scope = Scope::only("account", "shop").unwrap();
        assert!(note.is_seen_by(None) && !note.is_seen_by(Some("acme")));

        note.draft.scope = Scope::default();
        note.account = Some("shop".into());
        assert!(note.is_seen_by(None) && note.is_seen_by(Some("shop")));
        assert!(!note.is_seen_by(Some("acme")));

        let on = |account| note.is_about(&[Filter::only(Attribute::Account, account)]);
        assert!(on("shop") && !on("acme"), "it stands on the charts of its own account");
    }
}
