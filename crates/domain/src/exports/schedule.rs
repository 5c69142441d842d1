//! A schedule, and what it must be like.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;
use uuid::Uuid;

use super::calendar::{Cadence, Calendar};
use crate::budgets::Scope;
use crate::people::erasure::without_name;
use crate::usage::question::FILTERS_MAX;

/// Characters in a name, at most.
const NAME_CHARS_MAX: usize = 100;
/// Files that one schedule keeps, at most.
pub const KEEP_MAX: u32 = 400;
/// The last day on which months can be due: each of them has it.
pub const MONTH_DAY_MAX: u32 = 28;
/// Bytes of one schedule as it is kept, at most.
const SCHEDULE_BYTES_MAX: usize = 16 * 1024;

/// A schedule by which files are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSchedule {
    /// Its id.
    pub id: Uuid,
    /// Who made it.
    pub created_by: CompactString,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub changed_at: DateTime<Utc>,
    /// What came due up to then is done with.
    pub planned_to: DateTime<Utc>,
    /// What it says.
    pub draft: ScheduleDraft,
}

/// What a schedule says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleDraft {
    /// What people call it.
    pub name: CompactString,
    /// What is written.
    pub export: Export,
    /// What counts.
    pub filters: Scope,
    /// When.
    pub calendar: Calendar,
    /// How many files are kept.
    pub keep: u32,
    /// Whether files are made when they are due.
    pub enabled: bool,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = ScheduledExport)]
pub enum Export {
    /// Every event and what changed it.
    Events {
        /// The form of the file.
        format: EventsFormat,
    },
    /// Charges as FOCUS has them.
    Focus {
        /// The form of the file.
        format: FocusFormat,
        /// The version of FOCUS.
        #[serde(default)]
        version: FocusVersion,
        /// How wide the periods of charges are.
        #[serde(default)]
        granularity: FocusGranularity,
    },
    /// The report of a month, as one page of HTML to print.
    Report {},
}

/// The form of a file of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventsFormat {
    /// Comma-separated values.
    Csv,
    /// A JSON object a line.
    Ndjson,
    /// Columns, for programs.
    Parquet,
}

/// The form of a file of charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ScheduledFocusFormat)]
pub enum FocusFormat {
    /// Comma-separated values.
    Csv,
    /// Columns, for programs.
    Parquet,
}

/// A version of FOCUS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum FocusVersion {
    /// Of 2025.
    #[serde(rename = "1.2")]
    V1_2,
    /// The one after.
    #[default]
    #[serde(rename = "1.4")]
    V1_4,
}

/// How wide the periods of charges are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FocusGranularity {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    #[default]
    Day,
}

/// Why a schedule cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ScheduleError {
    /// It has no name, too long a one, or one that does not stand in a line.
    #[error("a name has 1 to {NAME_CHARS_MAX} characters, and none that break the line")]
    Name,
    /// The day has no such hour.
    #[error("hour {0} is none of 0 to 23")]
    Hour(u32),
    /// Not every month has such a day.
    #[error("not every month has a day {0}")]
    MonthDay(u32),
    /// It keeps no file, or too many.
    #[error("{0} files, from 1 to {KEEP_MAX} can be kept")]
    Keep(u32),
    /// A report is of a month.
    #[error("the report is of a month")]
    ReportOfNoMonth,
    /// It has more filters than a question can have.
    #[error("{0} filters, {FILTERS_MAX} at most")]
    TooManyFilters(usize),
    /// It is longer than a schedule may be.
    #[error("the schedule has {0} bytes, {SCHEDULE_BYTES_MAX} at most")]
    TooLong(usize),
}

impl ScheduleError {
    /// The field at fault.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Hour(_) => "hour",
            Self::MonthDay(_) => "cadence.on",
            Self::Keep(_) => "keep",
            Self::ReportOfNoMonth => "cadence.every",
            Self::TooManyFilters(_) | Self::TooLong(_) => "filters",
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Name => "give a shorter name, in one line",
            Self::Hour(_) => "give the hour of the day, 0 for midnight",
            Self::MonthDay(_) => "choose a day from 1 to 28",
            Self::Keep(_) => "keep fewer, and take older ones elsewhere",
            Self::ReportOfNoMonth => "have it made every `month`",
            Self::TooManyFilters(_) => "use fewer filters",
            Self::TooLong(_) => "filter by fewer values, or by what they begin with",
        }
    }
}

impl Export {
    /// The word for it, with which the names of its files begin.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Events { .. } => "events",
            Self::Focus { .. } => "focus",
            Self::Report {} => "report",
        }
    }

    /// What the names of its files end with.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Events { format: EventsFormat::Csv }
            | Self::Focus { format: FocusFormat::Csv, .. } => "csv",
            Self::Events { format: EventsFormat::Ndjson } => "ndjson",
            Self::Events { format: EventsFormat::Parquet }
            | Self::Focus { format: FocusFormat::Parquet, .. } => "parquet",
            Self::Report {} => "html",
        }
    }

    /// Whether its files name those for whom something was used, besides in what it was asked for.
    pub const fn names_subjects(self) -> bool {
        matches!(self, Self::Events { .. })
    }
}

impl ScheduleDraft {
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

    /// Whether there can be such a schedule.
    pub fn check(&self) -> Result<(), ScheduleError> {
        let has_control = self.name.chars().any(char::is_control);
        if self.name.trim().is_empty() || self.name.chars().count() > NAME_CHARS_MAX || has_control
        {
            return Err(ScheduleError::Name);
        }
        if self.calendar.hour > 23 {
            return Err(ScheduleError::Hour(self.calendar.hour));
        }
        match (self.calendar.cadence, self.export) {
            (Cadence::Month { on }, _) if !(1..=MONTH_DAY_MAX).contains(&on) => {
                return Err(ScheduleError::MonthDay(on));
            }
            (Cadence::Day {} | Cadence::Week { .. }, Export::Report {}) => {
                return Err(ScheduleError::ReportOfNoMonth);
            }
            _ => {}
        }
        if !(1..=KEEP_MAX).contains(&self.keep) {
            return Err(ScheduleError::Keep(self.keep));
        }
        if self.filters.filters().len() > FILTERS_MAX {
            return Err(ScheduleError::TooManyFilters(self.filters.filters().len()));
        }
        match serde_json::to_string(self).map_or(usize::MAX, |json| json.len()) {
            size if size > SCHEDULE_BYTES_MAX => Err(ScheduleError::TooLong(size)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn draft(changes: serde_json::Value) -> ScheduleDraft {
        let mut draft = json!({
            "name": "Nightly charges", "export": { "kind": "focus", "format": "csv" },
            "filters": { "provider": ["openai"] },
            "calendar": { "cadence": { "every": "day" }, "hour": 6, "tz": "Europe/Berlin" },
            "keep": 30, "enabled": true,
        });
        let fields = draft.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            fields.insert(name.clone(), value.clone());
        }
        serde_json::from_value(draft).unwrap()
    }

    fn at(cadence: serde_json::Value, hour: u32) -> serde_json::Value {
        json!({ "cadence": cadence, "hour": hour, "tz": "UTC" })
    }

    #[test]
    fn a_schedule_is_read_as_it_was_written() {
        let weekly = at(json!({ "every": "week", "on": "thursday" }), 0);
        for draft in [draft(json!({})), draft(json!({ "calendar": weekly }))] {
            assert_eq!(draft.check(), Ok(()));
            let text = serde_json::to_string(&draft).unwrap();
            assert_eq!(serde_json::from_str::<ScheduleDraft>(&text).unwrap(), draft);
        }
    }

    #[test]
    fn a_person_is_taken_out_of_names_and_filters() {
        let of_ada = json!({ "subject": ["ada", "bob"], "account": ["ada"], "tag.user": ["ada"] });
        let named = draft(json!({ "name": "What ada used", "filters": of_ada }));

        let without = named.without("ada").unwrap();

        assert_eq!(without.name, "What [erased] used");
        let left = json!({
            "subject": ["[erased]", "bob"], "account": ["ada"], "tag.user": ["[erased]"],
        });
        assert_eq!(serde_json::to_value(&without.filters).unwrap(), left);
        assert_eq!(named.without("eve"), None);
    }

    #[test]
    fn what_cannot_be_names_its_field() {
        let month = |on| at(json!({ "every": "month", "on": on }), 6);
        let many: std::collections::BTreeMap<_, _> =
            (0..33).map(|tag| (format!("tag.t{tag}"), ["x"])).collect();
        for (changes, field) in [
            (json!({ "name": " " }), "name"),
            (json!({ "name": "two\nlines" }), "name"),
            (json!({ "calendar": at(json!({ "every": "day" }), 24) }), "hour"),
            (json!({ "calendar": month(0) }), "cadence.on"),
            (json!({ "calendar": month(29) }), "cadence.on"),
            (json!({ "keep": 0 }), "keep"),
            (json!({ "keep": 401 }), "keep"),
            (json!({ "export": { "kind": "report" } }), "cadence.every"),
            (json!({ "filters": many }), "filters"),
            (json!({ "filters": { "model": vec!["x".repeat(250); 80] } }), "filters"),
        ] {
            let error = draft(changes.clone()).check().unwrap_err();
            assert_eq!(error.field(), field, "{changes}");
            assert!(!error.remedy().is_empty());
        }
        let report = json!({ "export": { "kind": "report" }, "calendar": month(28) });
        assert_eq!(draft(report).check(), Ok(()));
    }
}
