//! A view, and what it must be like.

use std::fmt;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use utoipa::ToSchema;
use uuid::Uuid;

use super::period::{PeriodError, ViewPeriod};
use crate::budgets::Scope;
use crate::people::erasure::without_name;
use crate::usage::question::{Attribute, BY_MAX, Every, FILTERS_MAX, Measure, Test};

/// Characters in a name, at most.
pub const NAME_CHARS_MAX: usize = 100;
/// Columns of a table, at most.
pub const COLUMNS_MAX: usize = 40;
/// Bytes of one view as it is kept, at most.
pub const VIEW_BYTES_MAX: usize = 16 * 1024;

/// A view that somebody keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedView {
    /// Its id.
    pub id: Uuid,
    /// Who made it.
    pub owner: CompactString,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub changed_at: DateTime<Utc>,
    /// What it says.
    pub draft: ViewDraft,
}

/// What a view says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewDraft {
    /// What people call it.
    pub name: CompactString,
    /// Who sees that it is there.
    pub audience: Audience,
    /// What counts.
    pub filters: Scope,
    /// What is measured.
    #[serde(with = "word")]
    pub measure: Measure,
    /// What it is grouped by.
    #[serde(with = "words")]
    pub by: Vec<Attribute>,
    /// When it is of.
    pub period: ViewPeriod,
    /// Whose days; the deployment's where nothing is said.
    pub tz: Option<Tz>,
    /// How wide its buckets are; as fits where nothing is said.
    #[serde(with = "every")]
    pub every: Option<Every>,
    /// Whether the time before stands beside it.
    pub compare: bool,
    /// How it is drawn.
    pub form: Form,
    /// The columns of its table; the usual ones where there are none.
    #[serde(with = "words")]
    pub columns: Vec<Column>,
    /// What its table is ordered by.
    pub sort: Option<Sort>,
}

/// Who sees that a view is there. What they see in it is their own to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ViewAudience)]
pub enum Audience {
    /// Whoever made it.
    #[default]
    Owner,
    /// Everybody.
    All,
}

/// How a view is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ViewForm)]
pub enum Form {
    /// Bars over time, stacked where they add up.
    #[default]
    Bars,
    /// Lines over time.
    Line,
    /// What it comes to, bucket by bucket.
    Cumulative,
    /// The hours of a day against the days of the week.
    HeatMap,
    /// A table.
    Table,
}

/// A column of a table of usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// What rows are grouped by.
    By(Attribute),
    /// A figure.
    Measure(Measure),
    /// The share of the whole.
    Share,
    /// The change against the time before.
    Change,
}

/// What a table is ordered by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// Which column.
    #[serde(with = "word")]
    pub column: Column,
    /// Whether its usual order, figures the most first and words from A on, is turned around.
    pub reversed: bool,
}

/// A view on somebody's overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// Which view.
    pub view: Uuid,
    /// How much room it takes.
    pub size: PinSize,
}

/// How much room a view takes on an overview.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PinSize {
    /// Half of the width, where there is room for two.
    #[default]
    Half,
    /// All of it.
    Full,
}

/// Why a view cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ViewError {
    /// It has no name, too long a one, or one that does not stand in a line.
    #[error("a name has 1 to {NAME_CHARS_MAX} characters, and none that break the line")]
    Name,
    /// It is grouped by more than a question can be.
    #[error("{0} attributes to group by, {BY_MAX} at most")]
    TooManyBy(usize),
    /// It is grouped by the same twice.
    #[error("`{0}` is there twice")]
    SameBy(String),
    /// It has more filters than a question can have.
    #[error("{0} filters, {FILTERS_MAX} at most")]
    TooManyFilters(usize),
    /// It has more columns than anybody reads.
    #[error("{0} columns, {COLUMNS_MAX} at most")]
    TooManyColumns(usize),
    /// Its time cannot be.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// It is longer than a view may be.
    #[error("the view has {0} bytes, {VIEW_BYTES_MAX} at most")]
    TooLong(usize),
}

impl ViewError {
    /// The field at fault.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::TooManyBy(_) | Self::SameBy(_) => "by",
            Self::TooManyFilters(_) | Self::TooLong(_) => "filters",
            Self::TooManyColumns(_) => "columns",
            Self::Period(error) => error.field(),
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Name => "give a shorter name, in one line",
            Self::TooManyBy(_) => "group by fewer attributes and filter by the others",
            Self::SameBy(_) => "give it once",
            Self::TooManyFilters(_) => "use fewer filters",
            Self::TooManyColumns(_) => "choose fewer columns",
            Self::Period(error) => error.remedy(),
            Self::TooLong(_) => "filter by fewer values, or by what they begin with",
        }
    }
}

impl ViewDraft {
    /// The same without the name of a person; `None` where it does not name them.
    pub fn without(&self, subject: &str) -> Option<Self> {
        let name = without_name(&self.name, subject);
        let filters = self.filters.without(subject);
        if name.is_none() && filters.is_none() {
            return None;
        }
        let mut draft = self.clone();
        draft.name = name.map_or(draft.name, CompactString::from);
        draft.filters = filters.unwrap_or(draft.filters);
        Some(draft)
    }

    /// Whether there can be such a view.
    pub fn check(&self) -> Result<(), ViewError> {
        let has_control = self.name.chars().any(char::is_control);
        if self.name.trim().is_empty() || self.name.chars().count() > NAME_CHARS_MAX || has_control
        {
            return Err(ViewError::Name);
        }
        if self.by.len() > BY_MAX {
            return Err(ViewError::TooManyBy(self.by.len()));
        }
        for (place, one) in self.by.iter().enumerate() {
            if self.by[..place].contains(one) {
                return Err(ViewError::SameBy(one.name().into_owned()));
            }
        }
        if self.filters.filters().len() > FILTERS_MAX {
            return Err(ViewError::TooManyFilters(self.filters.filters().len()));
        }
        if self.columns.len() > COLUMNS_MAX {
            return Err(ViewError::TooManyColumns(self.columns.len()));
        }
        self.period.check()?;
        match self.size_bytes() {
            size if size > VIEW_BYTES_MAX => Err(ViewError::TooLong(size)),
            _ => Ok(()),
        }
    }

    /// How long it is as it is kept.
    fn size_bytes(&self) -> usize {
        serde_json::to_string(self).map_or(usize::MAX, |json| json.len())
    }
}

impl SavedView {
    /// Whether somebody may see that it is there, who sees the account `own` only, or all of them.
    ///
    /// What all see may name accounts, and whoever sees one is not told of others.
    pub fn is_seen_by(&self, user: &str, own: Option<&str>) -> bool {
        let is_for_all = self.draft.audience == Audience::All;
        self.owner == user || (is_for_all && names_none_but(&self.draft.filters, own))
    }
}

/// Whether `scope` names no account but `own`; whoever has none sees all of them.
pub fn names_none_but(scope: &Scope, own: Option<&str>) -> bool {
    let Some(own) = own else { return true };
    let of_accounts =
        scope.filters().iter().filter(|filter| *filter.attribute() == Attribute::Account);
    of_accounts.into_iter().all(|filter| match filter.test() {
        Test::In(values) | Test::NotIn(values) => {
            values.iter().flatten().all(|account| account == own)
        }
        Test::Prefix(prefixes) => prefixes.iter().all(|prefix| own.starts_with(prefix.as_str())),
    })
}

impl Column {
    /// The name on the wire.
    pub fn name(&self) -> String {
        match self {
            Self::By(attribute) => attribute.name().into_owned(),
            Self::Measure(measure) => measure.name().into_owned(),
            Self::Share => "share".to_owned(),
            Self::Change => "change".to_owned(),
        }
    }

    /// The column of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "share" => return Some(Self::Share),
            "change" => return Some(Self::Change),
            _ => {}
        }
        let measure = || Measure::from_name(name).map(Self::Measure);
        Attribute::from_name(name).map(Self::By).or_else(measure)
    }
}

impl PinSize {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Half => "half",
            Self::Full => "full",
        }
    }

    /// What that word means.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Half, Self::Full].into_iter().find(|size| size.as_str() == word)
    }
}

/// What is kept by its name.
trait Named: Sized {
    fn word(&self) -> String;
    fn of_word(word: &str) -> Option<Self>;
}

impl Named for Measure {
    fn word(&self) -> String {
        self.name().into_owned()
    }
    fn of_word(word: &str) -> Option<Self> {
        Self::from_name(word)
    }
}

impl Named for Attribute {
    fn word(&self) -> String {
        self.name().into_owned()
    }
    fn of_word(word: &str) -> Option<Self> {
        Self::from_name(word)
    }
}

impl Named for Column {
    fn word(&self) -> String {
        self.name()
    }
    fn of_word(word: &str) -> Option<Self> {
        Self::from_name(word)
    }
}

impl Named for Every {
    fn word(&self) -> String {
        self.as_str().to_owned()
    }
    fn of_word(word: &str) -> Option<Self> {
        Self::parse(word)
    }
}

fn known<T: Named, E: serde::de::Error>(word: &str) -> Result<T, E> {
    T::of_word(word).ok_or_else(|| E::custom(Unknown(word)))
}

/// A name that stands for nothing.
struct Unknown<'a>(&'a str);

impl fmt::Display for Unknown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is nothing called `{}`", self.0)
    }
}

mod word {
    use super::{Deserialize, Deserializer, Named, Serializer, known};

    pub fn serialize<T: Named, S: Serializer>(one: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&one.word())
    }

    pub fn deserialize<'de, T: Named, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        known(&String::deserialize(from)?)
    }
}

mod words {
    use super::{Deserialize, Deserializer, Named, Serializer, known};

    pub fn serialize<T: Named, S: Serializer>(all: &[T], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(all.iter().map(Named::word))
    }

    pub fn deserialize<'de, T: Named, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
        Vec::<String>::deserialize(from)?.iter().map(|word| known(word)).collect()
    }
}

mod every {
    use super::{Deserialize, Deserializer, Every, Named, Serialize, Serializer, known};

    pub fn serialize<S: Serializer>(every: &Option<Every>, to: S) -> Result<S::Ok, S::Error> {
        every.map(|every| every.word()).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Every>, D::Error> {
        Option::<String>::deserialize(from)?.map(|word| known(&word)).transpose()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn draft() -> ViewDraft {
        serde_json::from_value(serde_json::json!({
            "name": "Chat by model", "audience": "owner",
            "filters": {"provider": ["openai"], "account!": ["acme"]},
            "measure": "meter.gpu_hours", "by": ["model", "tag.feature"],
            "period": {"kind": "relative", "span": "last-month"}, "tz": "Europe/Berlin",
            "every": "week", "compare": true, "form": "heat_map",
            "columns": ["model", "share", "spend", "change"],
            "sort": {"column": "spend", "reversed": true},
        }))
        .unwrap()
    }

    #[test]
    fn a_view_reads_back_as_it_is_written() {
        let json = serde_json::to_string(&draft()).unwrap();

        assert_eq!(serde_json::from_str::<ViewDraft>(&json).unwrap(), draft());
        assert_eq!(draft().check(), Ok(()));
    }

    #[test]
    fn what_cannot_be_is_refused_by_field() {
        let refused = |change: &dyn Fn(&mut ViewDraft)| {
            let mut draft = draft();
            change(&mut draft);
            draft.check().unwrap_err().field()
        };

        assert_eq!(refused(&|draft| draft.name = "  ".into()), "name");
        assert_eq!(refused(&|draft| draft.name = "a\nb".into()), "name");
        assert_eq!(refused(&|draft| draft.name = "n".repeat(101).into()), "name");
        assert_eq!(refused(&|draft| draft.by = Attribute::NAMED[..4].to_vec()), "by");
        assert_eq!(refused(&|draft| draft.by = vec![Attribute::Model; 2]), "by");
        assert_eq!(refused(&|draft| draft.columns = vec![Column::Share; 41]), "columns");
        let long = (0..900).map(|at| format!("{at:0>20}")).collect();
        let filters = Scope::new([("model".to_owned(), long)].into()).unwrap();
        assert_eq!(refused(&|draft| draft.filters = filters.clone()), "filters");
    }

    #[test]
    fn what_all_see_is_hidden_from_whoever_sees_one_account_where_it_names_another() {
        let seen = |filter: &str, value: &str, own: Option<&str>| {
            let scope = Scope::only(filter, value).unwrap();
            names_none_but(&scope, own)
        };

        assert!(seen("account", "other", None));
        assert!(seen("account", "acme", Some("acme")));
        assert!(seen("account^", "ac", Some("acme")));
        assert!(seen("model", "other", Some("acme")));
        assert!(seen("account", "", Some("acme")));
        for filter in ["account", "account!", "account^"] {
            assert!(!seen(filter, "other", Some("acme")), "{filter}");
        }
    }

    #[test]
    fn a_private_view_is_its_owners_alone() {
        let at = DateTime::UNIX_EPOCH;
        let mut view = SavedView {
            id: Uuid::nil(),
            owner: "alice".into(),
            created_at: at,
            changed_at: at,
            draft: draft(),
        };

        assert!(view.is_seen_by("alice", Some("shop")));
        assert!(!view.is_seen_by("bob", None));
        view.draft.audience = Audience::All;
        assert!(view.is_seen_by("bob", None));
        assert!(!view.is_seen_by("bob", Some("shop")), "it names another account");
    }
}
