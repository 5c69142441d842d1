//! Many series at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use indicatif::ProgressBar;
use outlay_analytics::forecast::Runner;

/// As many threads as were asked for.
#[derive(Debug, Clone)]
pub struct Threads {
    count: usize,
    bar: ProgressBar,
}

impl Threads {
    /// So many threads, or one for each core; `bar` is moved on with each job of
    /// [`Threads::run_shown`].
    pub fn new(count: Option<usize>, bar: ProgressBar) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Self { count: count.unwrap_or_else(cores).max(1), bar }
    }

    /// As [`Runner::run`], counting on the bar.
    pub fn run_shown<T: Send>(&self, jobs: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
        self.run(jobs, |at| {
            let done = job(at);
            self.bar.inc(1);
            done
        })
    }
}

impl Runner for Threads {
    fn run<T: Send>(&self, jobs: usize, job: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let threads = self.count.min(jobs);
        if threads <= 1 {
            return (0..jobs).map(job).collect();
        }
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(jobs));
        let work = || {
            let mut mine = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= jobs {
                    break;
                }
                mine.push((at, job(at)));
            }
            // A thread that panicked ends the scope with its panic.
            if let Ok(mut done) = done.lock() {
                done.append(&mut mine);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_unstable_by_key(|(at, _)| *at);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_jobs() {
        for count in [1, 2, 7] {
            let threads = Threads::new(Some(count), ProgressBar::hidden());

            assert_eq!(threads.run(5, |at| at * at), [0, 1, 4, 9, 16]);
            assert!(threads.run(0, |at| at).is_empty());
        }
    }
}
