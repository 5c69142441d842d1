//! The file of one period: that it is to be made, what came of it, and where it is.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::calendar::Period;
use super::schedule::ScheduleDraft;

/// How long it is until a failed attempt is repeated, attempt by attempt; the last for all others.
const PAUSES: [TimeDelta; 5] = [
    TimeDelta::minutes(1),
    TimeDelta::minutes(5),
    TimeDelta::minutes(15),
    TimeDelta::hours(1),
    TimeDelta::hours(6),
];

/// The file of one period. There is one of each period of a schedule, however often it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRun {
    /// Its id.
    pub id: Uuid,
    /// By which schedule.
    pub schedule: Uuid,
    /// Of which time.
    pub period: Period,
    /// Who asked for it; nobody where it came due.
    pub asked_by: Option<CompactString>,
    /// How far it is.
    pub state: RunState,
    /// Counted up whenever what is being made must not count any more.
    pub generation: i64,
    /// How often it was tried since it was asked for.
    pub attempts: u32,
    /// From when on it is to be tried.
    pub next_try_at: DateTime<Utc>,
    /// When the last attempt ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why that failed, or why the file was removed.
    pub reason: Option<String>,
    /// The file, while it is kept.
    pub file: Option<ExportFile>,
}

/// A file that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFile {
    /// What it is called in its folder.
    pub name: String,
    /// How long it is.
    pub size_bytes: u64,
    /// How many rows it has, where it is a table.
    pub rows: Option<u64>,
    /// SHA-256 of all of it.
    pub sha256: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// What the schedule said then.
    pub made_by: ScheduleDraft,
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExportRunState)]
pub enum RunState {
    /// It is to be made, or is being made.
    Waiting,
    /// It was made.
    Done,
    /// It could not be made, and is tried again.
    Failed,
    /// It was removed, for its age or by hand, or was never made.
    Removed,
}

impl RunState {
    /// All of them.
    const ALL: [Self; 4] = [Self::Waiting, Self::Done, Self::Failed, Self::Removed];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Removed => "removed",
        }
    }

    /// What that word means.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl ExportRun {
    /// The file of `period`, which is to be made from `at` on.
    pub const fn new(id: Uuid, schedule: Uuid, period: Period, at: DateTime<Utc>) -> Self {
        Self {
            id,
            schedule,
            period,
            asked_by: None,
            state: RunState::Waiting,
            generation: 0,
            attempts: 0,
            next_try_at: at,
            ended_at: None,
            reason: None,
            file: None,
        }
    }

    /// Whether it is still to be made.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, RunState::Waiting | RunState::Failed)
    }

    /// It is to be made anew from `at` on; what is being made does not count any more.
    pub fn begin_again(&mut self, at: DateTime<Utc>) {
        self.state = RunState::Waiting;
        self.generation += 1;
        self.attempts = 0;
        self.next_try_at = at;
        self.reason = None;
    }

    /// It could not be made at `at`.
    pub fn fail(&mut self, at: DateTime<Utc>, reason: String) {
        let pause = PAUSES[PAUSES.len().min(self.attempts as usize + 1) - 1];
        self.state = RunState::Failed;
        self.attempts = self.attempts.saturating_add(1);
        self.next_try_at = at + pause;
        self.ended_at = Some(at);
        self.reason = Some(reason);
    }

    /// It was made.
    pub fn finish(&mut self, file: ExportFile) -> Option<ExportFile> {
        self.state = RunState::Done;
        self.attempts = self.attempts.saturating_add(1);
        self.ended_at = Some(file.made_at);
        self.reason = None;
        self.file.replace(file)
    }

    /// Lets go of the file, or gives up making it.
    pub fn let_go(&mut self, reason: String) -> Option<ExportFile> {
        self.state = RunState::Removed;
        self.generation += 1;
        self.reason = Some(reason);
        self.file.take()
    }
}

/// What the file of a period is called where people save it.
pub fn file_name(draft: &ScheduleDraft, first: NaiveDate) -> String {
    format!("{}_{first}.{}", draft.export.kind(), draft.export.ending())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_repeated_ever_later_up_to_a_bound() {
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let period = Period { first: at.date_naive(), from: at, to: at, due_at: at };
        let mut run = ExportRun::new(Uuid::nil(), Uuid::nil(), period, at);

        let pauses: Vec<_> = (0..7)
            .map(|_| {
                run.fail(at, "no space".into());
                (run.next_try_at - at).num_minutes()
            })
            .collect();

        assert_eq!(pauses, [1, 5, 15, 60, 360, 360, 360]);
        run.begin_again(at);
        assert_eq!((run.attempts, run.next_try_at, run.generation), (0, at, 1));
    }
}
