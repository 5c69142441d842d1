//! Whether the product can go on doing what it is for.

use std::path::Path;
use std::sync::atomic::Ordering;

use crate::Outlay;
use crate::figure_text::count_text;

/// Free space below which the disk is nearly full.
const FREE_BYTES_MIN: u64 = 1 << 30;
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

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// As it should be.
    Ok,
    /// Somebody should look at it.
    Warning,
    /// It does not work.
    Failing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub condition: Condition,
    /// The figures, in a line.
    pub text: String,
}

impl Check {
    fn new(name: &'static str, condition: Condition, text: String) -> Self {
        Self { name, condition, text }
    }
}

impl Outlay {
    /// Looks at what must work. Writes to the disk, to see whether it can.
    pub fn checks(&self) -> Vec<Check> {
        let mut checks = vec![match self.check_writable() {
            Ok(()) => Check::new("writes", Condition::Ok, "the data folder takes writes".into()),
            Err(error) => Check::new("writes", Condition::Failing, error.to_string()),
        }];
        if let Some(space) = DiskSpace::of(&self.data_dir) {
            let condition = if space.is_nearly_full() { Condition::Warning } else { Condition::Ok };
            let text = format!("{} free of {}", gigabytes(space.free), gigabytes(space.total));
            checks.push(Check::new("disk", condition, text));
        }
        checks.push(match self.commits.counters().failures.load(Ordering::Relaxed) {
            0 => Check::new("commits", Condition::Ok, "none failed since the start".into()),
            failures => Check::new(
                "commits",
                Condition::Warning,
                format!("{failures} failed since the start; their senders were told"),
            ),
        });
        let (waiting, most) = (self.commits.waiting(), self.commits.waiting_max());
        let count = |events: usize| count_text(events as i128);
        let is_nearly_full = waiting as f64 >= most as f64 * QUEUE_NEARLY_FULL;
        let condition = if is_nearly_full { Condition::Warning } else { Condition::Ok };
        checks.push(Check::new(
            "queue",
            condition,
            format!("{} of {} events wait", count(waiting), count(most)),
        ));
        checks
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
