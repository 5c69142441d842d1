//! Places at which a test may end the process, as a power cut would.
//!
//! Nothing happens unless the environment names one:
//! `OUTLAY_FAILPOINT=history.flush.renamed` aborts the process when that point is reached, and
//! `OUTLAY_FAILPOINT=history.flush.renamed:3` when it is reached for the third time.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Every point, in the order in which the work passes them.
pub const ALL: [&str; 17] = [
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
];

/// The point at which the process is to end, and how often it is passed before.
struct Armed {
    name: String,
    left: AtomicU64,
}

static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
    let text = std::env::var("OUTLAY_FAILPOINT").ok().filter(|text| !text.is_empty())?;
    let (name, count) = match text.split_once(':') {
        Some((name, count)) => (name.to_owned(), count.parse().unwrap_or(1)),
        None => (text, 1),
    };
    Some(Armed { name, left: AtomicU64::new(count) })
});

/// Ends the process here if the environment asks for it.
pub fn hit(name: &str) {
    debug_assert!(ALL.contains(&name), "`{name}` is not a listed failpoint");
    #[cfg(test)]
    observe::tell(name);
    if let Some(armed) = &*ARMED
        && armed.name == name
        && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        eprintln!("failpoint {name}: the process ends here");
        std::process::abort();
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
