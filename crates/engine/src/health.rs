//! Whether the product can go on doing what it is for.

use std::path::Path;
use std::sync::atomic::Ordering;

use thiserror::Error;

use crate::Outlay;
use crate::exports::schedules::ExportTrouble;
use crate::figure_text::count_text;
use crate::known_time::TimeReading;
use crate::tasks::{TaskCondition, TaskReading};

/// Free space below which the disk is nearly full.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// What to do about a clock that is too far ahead to be believed.
pub const CLOCK_REMEDY: &str = "nothing more is removed for its age until it is set right, or an \
                                admin says that it is, with `outlay clock confirm`";
/// Share of the queue from which on senders will soon be asked to wait.
const QUEUE_NEARLY_FULL: f64 = 0.8;

/// Space of a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// What can still be written.
    pub free: u64,
    /// All of it.
    pub total: u64,
}

impl DiskSpace {
    /// The disk that `folder` is on; `None` where the system does not tell.
    pub fn of(folder: &Path) -> Option<Self> {
        let disk = rustix::fs::statvfs(folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Some(Self { free: bytes(disk.f_bavail), total: bytes(disk.f_blocks) })
    }

    /// Whether events will soon be refused for want of space.
    pub const fn is_nearly_full(self) -> bool {
        self.free < FREE_BYTES_MIN
    }
}

/// Why no events would be taken in now.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotReady {
    /// The last write failed.
    #[error("the server cannot write to its data folder: {0}")]
    Writes(String),
    /// A part of the background work ended in a panic, and did nothing since.
    #[error("the task `{0}` ended in a panic and is started again; the log says why")]
    Task(&'static str),
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Somebody should look at it.
    Warning,
    /// It does not work.
    Failing,
}

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is called.
    pub name: &'static str,
    /// How it is.
    pub condition: CheckState,
    /// The figures, in a line.
    pub text: String,
}

impl Check {
    fn new(name: &'static str, condition: CheckState, text: String) -> Self {
        Self { name, condition, text }
    }
}

impl Outlay {
    /// Whether events would be taken in now. Costs nothing: it is what is known already.
    pub fn readiness(&self) -> Result<(), NotReady> {
        if let Some(why) = self.writes.failure() {
            return Err(NotReady::Writes(why));
        }
        match self.tasks.down().into_iter().next() {
            Some(task) => Err(NotReady::Task(task.name)),
            None => Ok(()),
        }
    }

    /// Looks at what must work.
    pub fn checks(&self) -> Vec<Check> {
        let mut checks = vec![match self.writes.failure() {
            None => Check::new("writes", CheckState::Ok, "the data folder takes writes".into()),
            Some(why) => Check::new("writes", CheckState::Failing, why),
        }];
        checks.push(tasks(&self.tasks.readings()));
        checks.push(clock(self.known_time.now()));
        if let Some(space) = DiskSpace::of(&self.data_dir) {
            let condition =
                if space.is_nearly_full() { CheckState::Warning } else { CheckState::Ok };
            let text = format!("{} free of {}", gigabytes(space.free), gigabytes(space.total));
            checks.push(Check::new("disk", condition, text));
        }
        checks.push(match self.journal.counters().failures.load(Ordering::Relaxed) {
            0 => Check::new("commits", CheckState::Ok, "none failed since the start".into()),
            failures => Check::new(
                "commits",
                CheckState::Warning,
                format!("{failures} failed since the start; their senders were told"),
            ),
        });
        if let Some(ExportTrouble { why, .. }) = self.exports.trouble() {
            checks.push(Check::new(
                "exports",
                CheckState::Warning,
                format!("{why}; it is tried again"),
            ));
        }
        let (waiting, most) = (self.journal.waiting(), self.journal.waiting_max());
        let count = |events: usize| count_text(events as i128);
        let is_nearly_full = waiting as f64 >= most as f64 * QUEUE_NEARLY_FULL;
        let condition = if is_nearly_full { CheckState::Warning } else { CheckState::Ok };
        checks.push(Check::new(
            "queue",
            condition,
            format!("{} of {} events wait", count(waiting), count(most)),
        ));
        checks
    }
}

/// What goes on in the background, in a line.
fn tasks(readings: &[TaskReading]) -> Check {
    let is = |condition| move |reading: &&TaskReading| reading.condition == condition;
    let why = |reading: &TaskReading| reading.last_error.clone().unwrap_or_default();
    if let Some(down) = readings.iter().find(is(TaskCondition::Down)) {
        let text = format!("“{}” ended in a panic and is started again: {}", down.name, why(down));
        return Check::new("tasks", CheckState::Failing, text);
    }
    if let Some(failing) = readings.iter().find(is(TaskCondition::Failing)) {
        let text = format!("“{}” failed and is tried again: {}", failing.name, why(failing));
        return Check::new("tasks", CheckState::Failing, text);
    }
    match readings.iter().filter(|reading| reading.panics > 0).max_by_key(|reading| reading.panics)
    {
        Some(once) => {
            let text = format!(
                "“{}” works again; it panicked {} times since the start: {}",
                once.name,
                once.panics,
                why(once)
            );
            Check::new("tasks", CheckState::Warning, text)
        }
        None => Check::new("tasks", CheckState::Ok, format!("all {} go on", readings.len())),
    }
}

/// What the machine's clock says, against what is known.
fn clock(reading: TimeReading) -> Check {
    match reading.ahead {
        None => Check::new("clock", CheckState::Ok, "it agrees with what is known".into()),
        Some(ahead) => {
            let text =
                format!("it is {} days ahead of what is known: {CLOCK_REMEDY}", ahead.num_days());
            Check::new("clock", CheckState::Warning, text)
        }
    }
}

/// Bytes as people read them.
fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_nearly_full_below_a_gigabyte() {
        let space = |free| DiskSpace { free, total: 1 << 40 };
        assert!(space(FREE_BYTES_MIN - 1).is_nearly_full());
        assert!(!space(FREE_BYTES_MIN).is_nearly_full());
        let here = DiskSpace::of(Path::new("/")).unwrap_or(space(0));
        assert!(here.free > 0 && here.free <= here.total);
    }
}
