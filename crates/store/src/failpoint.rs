//! Places at which a test may end the process, as a power cut would.
//!
//! Nothing happens unless the environment names one:
//! `OUTLAY_FAILPOINT=history.flush.renamed` aborts the process when that point is reached, and
//! `OUTLAY_FAILPOINT=history.flush.renamed:3` when it is reached for the third time.
//! `OUTLAY_FAILPOINT=history.flush.renamed:3:panic` panics there the first three times instead, as
//! a mistake of ours would.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Every point of what writes, in the order in which the work passes them.
pub const ALL: [&str; 19] = [
    "history.flush.begun",
    "history.flush.written",
    "history.flush.renamed",
    "history.flush.keys_written",
    "history.flush.registered",
    "history.compact.begun",
    "history.compact.written",
    "history.compact.renamed",
    "history.compact.registered",
    "history.rewrite.written",
    "history.rewrite.renamed",
    "history.rewrite.registered",
    "history.removed",
    "dedup.merge.written",
    "dedup.merge.renamed",
    "dedup.merge.registered",
    "dedup.retain.registered",
    "commit.begun",
    "commit.written",
];

/// Points of work that keeps nothing of usage: what takes connections, and what makes files of exports.
pub const OTHERS: [&str; 4] =
    ["serving.accepted", "exports.written", "exports.renamed", "exports.recorded"];

/// The point at which something is to happen, and how often it is passed before.
struct Armed {
    name: String,
    left: AtomicU64,
    effect: Effect,
}

/// What is to happen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// The process ends.
    Abort,
    /// The thread panics, each time until then.
    Panic,
}

static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
    let text = std::env::var("OUTLAY_FAILPOINT").ok().filter(|text| !text.is_empty())?;
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default().to_owned();
    let count = parts.next().and_then(|count| count.parse().ok()).unwrap_or(1);
    let effect = if parts.next() == Some("panic") { Effect::Panic } else { Effect::Abort };
    Some(Armed { name, left: AtomicU64::new(count), effect })
});

/// Ends the process here, or panics, if the environment asks for it.
pub fn hit(name: &str) {
    let is_listed = || ALL.contains(&name) || OTHERS.contains(&name);
    debug_assert!(is_listed(), "`{name}` is not a listed failpoint");
    #[cfg(test)]
    observe::tell(name);
    if let Some(armed) = &*ARMED
        && armed.name == name
    {
        armed.pass();
    }
}

impl Armed {
    fn pass(&self) {
        let less = |left: u64| left.checked_sub(1);
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        match (self.effect, left) {
            (Effect::Abort, Ok(1)) => {
                eprintln!("failpoint {}: the process ends here", self.name);
                std::process::abort();
            }
            (Effect::Panic, Ok(_)) => panic!("failpoint {}: a mistake of ours", self.name),
            _ => {}
        }
    }
}

/// Lets a test see each point as its thread passes it, e.g. to copy the files as they stand.
#[cfg(test)]
pub mod observe {
    use std::cell::RefCell;

    type Observer = Box<dyn FnMut(&str)>;

    thread_local! {
        static OBSERVER: RefCell<Option<Observer>> = const { RefCell::new(None) };
    }

    /// Calls `observer` at every point that this thread passes while `work` runs.
    pub fn during<T>(observer: impl FnMut(&str) + 'static, work: impl FnOnce() -> T) -> T {
        OBSERVER.set(Some(Box::new(observer)));
        let done = work();
        OBSERVER.set(None);
        done
    }

    pub(super) fn tell(name: &str) {
        // Taken out meanwhile, so that an observer may itself work with a store.
        if let Some(mut observer) = OBSERVER.take() {
            observer(name);
            OBSERVER.set(Some(observer));
        }
    }
}
