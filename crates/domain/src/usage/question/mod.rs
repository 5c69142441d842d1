//! Questions about usage, and their answers.
//!
//! A [`Question`] is bounded when it is made. Whoever holds the facts sums them into a [`Tally`],
//! and [`Answer::new`] orders, folds and fills that into rows. All sums are of integers, so every
//! way of grouping the same facts adds up to the same total.

mod answer;
mod attribute;
mod calendar;
mod latency;
mod measure;

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use thiserror::Error;

pub use answer::{Answer, Group, Key, ROWS_MAX, Row, Tally, Values};
pub use attribute::{Attribute, Filter, Test};
pub(crate) use calendar::first_at;
pub use calendar::{BUCKETS_MAX, Buckets, Every, day_start, hour_start, local_text};
pub use latency::{LATENCY_BUCKETS, Latencies, bucket_of};
pub use measure::{CreditRate, Measure, Part, Value, millis};

use super::NAME_BYTES_MAX;

/// Attributes to group by, at most.
pub const BY_MAX: usize = 3;
/// Filters in one question, at most.
pub const FILTERS_MAX: usize = 32;
/// Measures in one question, at most.
pub const MEASURES_MAX: usize = 32;
/// Groups that `top` can ask for, at most.
pub const TOP_MAX: usize = 1_000;
/// Questions reach from the start of this year …
pub const FIRST_YEAR: i32 = 1970;
/// … to the start of this one.
pub const LAST_YEAR: i32 = 2200;

/// What somebody wants to know, not yet judged. [`Question::new`] makes it a question.
#[derive(Debug, Clone)]
pub struct QuestionDraft {
    /// Usage from this instant …
    pub from: DateTime<Utc>,
    /// … until before this one.
    pub to: DateTime<Utc>,
    /// Where days begin.
    pub tz: Tz,
    /// The buckets of a series.
    pub every: Option<Every>,
    /// What to group by.
    pub by: Vec<Attribute>,
    /// What events must be like to be counted.
    pub filters: Vec<Filter>,
    /// What to answer, the one to order by first.
    pub measures: Vec<Measure>,
    /// How many groups to keep; what is left is folded into one.
    pub top: Option<usize>,
    /// Sets the period before beside it; of one that runs at this moment only as much of it.
    pub compare: Option<DateTime<Utc>>,
}

/// A bounded question about usage.
///
/// Invariant: `from < to`; no more buckets, groupings, filters and measures than the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    period: Period,
    previous: Option<Period>,
    tz: Tz,
    every: Option<Every>,
    by: Vec<Attribute>,
    filters: Vec<Filter>,
    measures: Vec<Measure>,
    parts: Vec<Part>,
    top: Option<usize>,
}

/// A range of time, perhaps divided into buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// The first instant.
    pub from: DateTime<Utc>,
    /// The first instant after.
    pub to: DateTime<Utc>,
    /// Its parts.
    pub buckets: Option<Buckets>,
}

impl Period {
    fn new(
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        every: Option<Every>,
        tz: Tz,
    ) -> Result<Self, QuestionError> {
        let buckets = every.map(|every| Buckets::new(from, to, every, tz)).transpose()?;
        Ok(Self { from, to, buckets })
    }

    /// How many buckets there are; one where the period is not divided.
    pub fn bucket_count(&self) -> usize {
        self.buckets.as_ref().map_or(1, Buckets::len)
    }
}

impl Question {
    /// Judges `draft` against the limits.
    pub fn new(draft: QuestionDraft) -> Result<Self, QuestionError> {
        let QuestionDraft { from, to, tz, every, mut by, mut filters, mut measures, top, compare } =
            draft;
        if from >= to {
            return Err(QuestionError::EmptyRange { from, to });
        }
        let year = |year| Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).earliest();
        if year(FIRST_YEAR).is_some_and(|first| from < first) {
            return Err(QuestionError::TooEarly(from));
        }
        if year(LAST_YEAR).is_some_and(|last| to > last) {
            return Err(QuestionError::TooLate(to));
        }
        dedup(&mut by);
        if by.len() > BY_MAX {
            return Err(QuestionError::TooManyBy(by.len()));
        }
        dedup(&mut filters);
        if filters.len() > FILTERS_MAX {
            return Err(QuestionError::TooManyFilters(filters.len()));
        }
        dedup(&mut measures);
        if measures.is_empty() {
            return Err(QuestionError::NoMeasures);
        }
        if measures.len() > MEASURES_MAX {
            return Err(QuestionError::TooManyMeasures(measures.len()));
        }
        if let Some(top) = top {
            if !(1..=TOP_MAX).contains(&top) {
                return Err(QuestionError::TopOutOfRange(top));
            }
            if by.is_empty() {
                return Err(QuestionError::TopOfNothing);
            }
        }
        let period = Period::new(from, to, every, tz)?;
        let previous = match compare {
            // Buckets stand beside buckets, and those to come beside none.
            Some(now) if every.is_none() && from <= now && now < to => {
                Some(calendar::previous_up_to(from, to, tz, now))
            }
            Some(_) => Some(calendar::previous(from, to, tz)),
            None => None,
        };
        let previous = match previous {
            Some((from, to)) => Some(Period::new(from, to, every, tz)?),
            None => None,
        };
        let mut parts: Vec<Part> = measures.iter().flat_map(Measure::parts).collect();
        dedup(&mut parts);
        Ok(Self { period, previous, tz, every, by, filters, measures, parts, top })
    }

    /// The same question about one account's usage only, whatever else it asks for.
    #[must_use]
    pub fn within(mut self, account: &str) -> Self {
        // Filters must all hold, so one more can only take away. It does not count against the
        // limit, which is there for callers.
        self.filters.push(Filter::only(Attribute::Account, account));
        self
    }

    /// What it asks about.
    pub const fn period(&self) -> &Period {
        &self.period
    }

    /// What that is compared with.
    pub const fn previous(&self) -> Option<&Period> {
        self.previous.as_ref()
    }

    /// Where days begin.
    pub const fn tz(&self) -> Tz {
        self.tz
    }

    /// The width of the buckets, where there are any.
    pub const fn every(&self) -> Option<Every> {
        self.every
    }

    /// What to group by.
    pub fn by(&self) -> &[Attribute] {
        &self.by
    }

    /// What events must be like to be counted; all hold.
    pub fn filters(&self) -> &[Filter] {
        &self.filters
    }

    /// What to answer.
    pub fn measures(&self) -> &[Measure] {
        &self.measures
    }

    /// The sums that the measures need.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether the measures need to know how call times are spread.
    pub fn needs_spread(&self) -> bool {
        self.measures.iter().any(Measure::needs_spread)
    }

    /// How many groups to keep.
    pub const fn top(&self) -> Option<usize> {
        self.top
    }
}

/// Keeps the first of equal items.
fn dedup<T: PartialEq>(items: &mut Vec<T>) {
    let mut kept = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    *items = kept;
}

/// Why something cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuestionError {
    /// The range is empty or backwards.
    #[error("from {from} is not before to {to}")]
    EmptyRange {
        /// The start.
        from: DateTime<Utc>,
        /// The end.
        to: DateTime<Utc>,
    },
    /// The range starts before there was anything to measure.
    #[error("{0} is before {FIRST_YEAR}")]
    TooEarly(DateTime<Utc>),
    /// The range ends too far ahead.
    #[error("{0} is after the start of {LAST_YEAR}")]
    TooLate(DateTime<Utc>),
    /// The range has too many buckets.
    #[error("the range has more than {BUCKETS_MAX} buckets of one {}", .0.as_str())]
    TooManyBuckets(Every),
    /// Too many attributes to group by.
    #[error("{0} attributes to group by, {BY_MAX} at most")]
    TooManyBy(usize),
    /// Too many filters.
    #[error("{0} filters, {FILTERS_MAX} at most")]
    TooManyFilters(usize),
    /// Too many values in a filter.
    #[error("{count} values for `{}`, {} at most", attribute.name(), Filter::VALUES_MAX)]
    TooManyValues {
        /// What is filtered by.
        attribute: Attribute,
        /// How many values there are.
        count: usize,
    },
    /// A filter on nothing.
    #[error("no value for `{}`", .0.name())]
    NoValues(Attribute),
    /// A value is longer than any name.
    #[error("a value of {bytes} bytes for `{}`, {NAME_BYTES_MAX} at most", attribute.name())]
    ValueTooLong {
        /// What is filtered by.
        attribute: Attribute,
        /// How long the value is.
        bytes: usize,
    },
    /// Everything begins with nothing.
    #[error("an empty prefix for `{}`", .0.name())]
    EmptyPrefix(Attribute),
    /// A status that no event can have.
    #[error("`{0}` is not a status; there are ok, error, cancelled and blocked")]
    UnknownStatus(CompactString),
    /// Nothing to answer.
    #[error("no measure is asked for")]
    NoMeasures,
    /// Too many measures.
    #[error("{0} measures, {MEASURES_MAX} at most")]
    TooManyMeasures(usize),
    /// `top` is nothing or too much.
    #[error("top {0} is not between 1 and {TOP_MAX}")]
    TopOutOfRange(usize),
    /// `top` without groups.
    #[error("`top` is given, and nothing to group by")]
    TopOfNothing,
    /// The answer would be too long.
    #[error("the answer would have more than {ROWS_MAX} rows")]
    TooManyRows,
}

impl QuestionError {
    /// The parameter at fault.
    pub fn field(&self) -> CompactString {
        match self {
            Self::EmptyRange { .. } | Self::TooEarly(_) => "from".into(),
            Self::TooLate(_) => "to".into(),
            Self::TooManyBuckets(_) => "every".into(),
            Self::TooManyBy(_) | Self::TooManyRows => "by".into(),
            Self::TooManyFilters(_) => "filters".into(),
            Self::TooManyValues { attribute, .. }
            | Self::NoValues(attribute)
            | Self::ValueTooLong { attribute, .. }
            | Self::EmptyPrefix(attribute) => attribute.name().into(),
            Self::UnknownStatus(_) => "status".into(),
            Self::NoMeasures | Self::TooManyMeasures(_) => "measures".into(),
            Self::TopOutOfRange(_) | Self::TopOfNothing => "top".into(),
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::EmptyRange { .. } => {
                "ranges are half-open: give a `to` after `from`, e.g. the day after the last day"
            }
            Self::TooEarly(_) => "ask for a later `from`",
            Self::TooLate(_) => "ask for an earlier `to`",
            Self::TooManyBuckets(_) => "ask for a shorter range or a wider `every`",
            Self::TooManyBy(_) => "group by fewer attributes and filter by the others",
            Self::TooManyFilters(_) => "ask with fewer filters",
            Self::TooManyValues { .. } => "ask in parts, or filter by a prefix",
            Self::NoValues(_) | Self::EmptyPrefix(_) => "give a value, or leave the filter out",
            Self::ValueTooLong { .. } => "give a shorter value",
            Self::UnknownStatus(_) => "use one of those four words",
            Self::NoMeasures => "name a measure, e.g. spend",
            Self::TooManyMeasures(_) => "ask for fewer measures",
            Self::TopOutOfRange(_) => "ask for a number in that range",
            Self::TopOfNothing => "say what to group `by`, or leave `top` out",
            Self::TooManyRows => {
                "ask for the `top` groups only, a wider `every`, a shorter range or a filter"
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn draft() -> QuestionDraft {
        QuestionDraft {
            from: "2026-01-01T00:00:00Z".parse().unwrap(),
            to: "2026-02-01T00:00:00Z".parse().unwrap(),
            tz: Tz::UTC,
            every: None,
            by: vec![],
            filters: vec![],
            measures: vec![Measure::Spend],
            top: None,
            compare: None,
        }
    }

    #[test]
    fn a_question_is_bounded() {
        let refused = |draft| Question::new(draft).unwrap_err();
        let by = |count: usize| Attribute::NAMED[..count].to_vec();
        let from = draft().from;

        assert!(Question::new(draft()).is_ok());
        assert!(Question::new(QuestionDraft { by: by(3), ..draft() }).is_ok());
        assert!(matches!(
            refused(QuestionDraft { to: from, ..draft() }),
            QuestionError::EmptyRange { .. }
        ));
        assert_eq!(refused(QuestionDraft { by: by(4), ..draft() }), QuestionError::TooManyBy(4));
        assert_eq!(
            refused(QuestionDraft { measures: vec![], ..draft() }),
            QuestionError::NoMeasures
        );
        assert_eq!(
            refused(QuestionDraft { top: Some(0), by: by(1), ..draft() }),
            QuestionError::TopOutOfRange(0)
        );
        assert_eq!(refused(QuestionDraft { top: Some(5), ..draft() }), QuestionError::TopOfNothing);
        assert!(matches!(
            refused(QuestionDraft { to: "2300-01-01T00:00:00Z".parse().unwrap(), ..draft() }),
            QuestionError::TooLate(_)
        ));
    }

    #[test]
    fn what_is_asked_twice_is_asked_once() {
        let measures = vec![Measure::Spend, Measure::Credits, Measure::Spend];
        let by = vec![Attribute::Model, Attribute::Model];
        let question = Question::new(QuestionDraft { measures, by, ..draft() }).unwrap();

        assert_eq!(question.measures(), [Measure::Spend, Measure::Credits]);
        assert_eq!(question.parts(), [Part::Nanos]);
        assert_eq!(question.by(), [Attribute::Model]);
    }

    #[test]
    fn filters_tell_values_and_their_absence_apart() {
        let passing = |filter: Filter| {
            [None, Some("gpt-4o"), Some("gpt-4"), Some("claude")].map(|value| filter.passes(value))
        };
        let model = Attribute::Model;

        let among = Filter::among(model.clone(), ["gpt-4", ""]).unwrap();
        assert_eq!(passing(among), [true, false, true, false]);
        let not_among = Filter::not_among(model.clone(), ["gpt-4"]).unwrap();
        assert_eq!(passing(not_among), [true, true, false, true]);
        let present = Filter::not_among(model.clone(), [""]).unwrap();
        assert_eq!(passing(present), [false, true, true, true]);
        let prefix = Filter::prefix(model.clone(), ["gpt-4", "x"]).unwrap();
        assert_eq!(passing(prefix), [false, true, true, false]);
        assert_eq!(Filter::prefix(model.clone(), [""]), Err(QuestionError::EmptyPrefix(model)));
    }

    #[test]
    fn a_status_is_read_as_events_are() {
        let failed = Filter::among(Attribute::Status, ["failed"]).unwrap();

        assert!(failed.passes(Some("error")));
        assert!(matches!(
            Filter::among(Attribute::Status, ["odd"]),
            Err(QuestionError::UnknownStatus(_))
        ));
    }

    #[test]
    fn a_scope_can_only_take_away() {
        let filters = vec![Filter::among(Attribute::Account, ["bob"]).unwrap()];
        let question = Question::new(QuestionDraft { filters, ..draft() }).unwrap().within("alice");

        let passes = |account| question.filters().iter().all(|filter| filter.passes(Some(account)));
        assert!(!passes("alice"));
        assert!(!passes("bob"));
    }

    #[test]
    fn every_attribute_is_found_by_its_name() {
        for attribute in Attribute::NAMED {
            assert_eq!(Attribute::from_name(&attribute.name()), Some(attribute));
        }
        assert_eq!(Attribute::from_name("tag.team"), Some(Attribute::Tag("team".into())));
        assert_eq!(Attribute::from_name("tag."), None);
        assert_eq!(Attribute::from_name("colour"), None);
    }
}
