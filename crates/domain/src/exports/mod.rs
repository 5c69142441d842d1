//! Files that are made by themselves: which, how often, of what time, and how many are kept.

mod calendar;
mod run;
mod schedule;

pub use calendar::{Cadence, Calendar, Period, Weekday};
pub use run::{ExportFile, ExportRun, RunState, file_name};
pub use schedule::{
    EventsFormat, Export, ExportSchedule, FocusFormat, FocusGranularity, FocusVersion, KEEP_MAX,
    MONTH_DAY_MAX, ScheduleDraft, ScheduleError,
};
