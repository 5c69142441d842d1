//! Who is answered when.
//!
//! Questions are worked on in turns, so that they do not take the whole machine, and there are
//! turns of three kinds, so that none waits for what has nothing to do with it. What is read
//! quickly, as nearly everything is that roll-ups or kept sums answer, has turns of its own beside
//! the long walks over the facts; of both kinds one caller has half at most. The server's own work
//! waits behind no caller, and no part of it takes more than half of the turns for that.

use std::time::Duration;

use compact_str::CompactString;
use outlay_domain::people::Caller;
use outlay_store::history::question::{Effort, StopSign};
use tokio::task::spawn_blocking;

use super::UnansweredError;
use crate::parted::Parted;

/// Quick questions that are worked on at the same time, at least.
const QUICK_LEAST: usize = 4;
/// Questions of the server's own that are worked on at the same time.
const OWN: usize = 8;
/// How long the server's own work waits for its turn, most often behind work of the same part.
const OWN_PATIENCE: Duration = Duration::from_secs(600);
/// A question is quick that reads no more than so many bytes, unpacked: a tenth of a second's work.
const QUICK_BYTES: u64 = 32 << 20;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Somebody from outside: a person, with all their keys and sessions.
    Caller(CompactString),
    /// The server itself, for this part of its work.
    Server(&'static str),
}

impl From<&Caller> for By {
    fn from(caller: &Caller) -> Self {
        Self::Caller(caller.user.as_str().into())
    }
}

/// The turns there are.
pub(super) struct Turns {
    quick: Parted,
    long: Parted,
    own: Parted,
}

impl Turns {
    /// So many turns for long walks, and for all callers so much patience.
    pub(super) fn new(long: usize, patience: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            quick: Parted::new(cores.max(QUICK_LEAST), patience),
            // With one alone, a caller would have all.
            long: Parted::new(long.max(2), patience),
            own: Parted::new(OWN, OWN_PATIENCE),
        }
    }

    /// Does `work` in a turn of whoever asks, on a thread that may wait for the disk. What turns out
    /// to be no quick work is begun again in a turn for long work.
    ///
    /// The turn ends with the work, and the work soon after nobody waits for it any more.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        by: &By,
        work: impl Fn(&Effort) -> Result<T, UnansweredError> + Clone + Send + 'static,
    ) -> Result<T, UnansweredError> {
        let who = match by {
            By::Server(part) => return in_turn(&self.own, part, None, work).await,
            By::Caller(who) => who,
        };
        match in_turn(&self.quick, who, Some(QUICK_BYTES), work.clone()).await {
            Err(UnansweredError::TooMuchToRead) => in_turn(&self.long, who, None, work).await,
            answered => answered,
        }
    }
}

async fn in_turn<T: Send + 'static>(
    turns: &Parted,
    who: &str,
    bytes_max: Option<u64>,
    work: impl FnOnce(&Effort) -> Result<T, UnansweredError> + Send + 'static,
) -> Result<T, UnansweredError> {
    let turn = turns.take(who, 1).await.ok_or(UnansweredError::Busy)?;
    let waiting = Waiting(StopSign::default());
    let effort = Effort { bytes_max, stop: waiting.0.clone() };
    spawn_blocking(move || {
        let _turn = turn;
        work(&effort)
    })
    .await?
}

/// Somebody who waits for an answer. When they are gone, nobody needs to work on it.
struct Waiting(StopSign);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.raise();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use parking_lot::{Condvar, Mutex};
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    use super::*;

    /// A question that must read much, and is worked on until the gate is opened.
    #[derive(Clone)]
    struct Wide {
        begun: UnboundedSender<()>,
        gate: Arc<(Mutex<bool>, Condvar)>,
    }

    impl Wide {
        fn new() -> (Self, UnboundedReceiver<()>) {
            let (begun, begins) = unbounded_channel();
            (Self { begun, gate: Arc::default() }, begins)
        }

        fn work(
            &self,
        ) -> impl Fn(&Effort) -> Result<&'static str, UnansweredError> + Clone + Send + 'static
        {
            let own = self.clone();
            move |effort| {
                long("wide")(effort)?;
                own.begun.send(()).unwrap();
                let (is_open, opened) = &*own.gate;
                opened.wait_while(&mut is_open.lock(), |is_open| !*is_open);
                Ok("wide")
            }
        }

        fn open(&self) {
            *self.gate.0.lock() = true;
            self.gate.1.notify_all();
        }
    }

    /// Work that reads too much for a quick turn.
    fn long(
        answer: &'static str,
    ) -> impl Fn(&Effort) -> Result<&'static str, UnansweredError> + Clone + Send + 'static {
        move |effort| match effort.bytes_max {
            Some(_) => Err(UnansweredError::TooMuchToRead),
            None => Ok(answer),
        }
    }

    fn turns() -> Arc<Turns> {
        // Whoever is not answered at once is refused soon.
        Arc::new(Turns::new(2, Duration::from_secs(5)))
    }

    fn caller(name: &str) -> By {
        By::Caller(name.into())
    }

    #[tokio::test]
    async fn a_member_with_wide_groupings_keeps_neither_a_viewer_nor_the_alerts_waiting() {
        let turns = turns();
        let (wide, mut begun) = Wide::new();
        let asked: Vec<_> = (0..2)
            .map(|_| {
                let (turns, work) = (turns.clone(), wide.work());
                tokio::spawn(async move { turns.work(&caller("mallory"), work).await })
            })
            .collect();
        begun.recv().await.unwrap();

        let quick = turns.work(&caller("viewer"), |_| Ok("quick")).await;
        let scan = turns.work(&caller("viewer"), long("scan")).await;
        let alerts = turns.work(&By::Server("alerts"), long("alerts")).await;
        let own_quick = turns.work(&caller("mallory"), |_| Ok("quick")).await;

        assert_eq!((quick.unwrap(), scan.unwrap()), ("quick", "scan"));
        assert_eq!((alerts.unwrap(), own_quick.unwrap()), ("alerts", "quick"));
        assert!(begun.try_recv().is_err(), "the second one waits for the first");
        wide.open();
        for asked in asked {
            assert_eq!(asked.await.unwrap().unwrap(), "wide");
        }
    }

    #[tokio::test]
    async fn the_servers_own_work_waits_for_no_caller_however_many_there_are() {
        let turns = turns();
        let (wide, mut begun) = Wide::new();
        let asked: Vec<_> = ["mallory", "malory"]
            .map(|name| {
                let (turns, work) = (turns.clone(), wide.work());
                tokio::spawn(async move { turns.work(&caller(name), work).await })
            })
            .into();
        for _ in &asked {
            begun.recv().await.unwrap();
        }

        let alerts = turns.work(&By::Server("alerts"), long("alerts")).await;
        let quick = turns.work(&caller("viewer"), |_| Ok("quick")).await;

        assert_eq!((alerts.unwrap(), quick.unwrap()), ("alerts", "quick"));
        wide.open();
        for asked in asked {
            asked.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_stops_and_gives_its_turn_back() {
        let turns = turns();
        let (begun, mut begins) = unbounded_channel();
        let endless = move |effort: &Effort| -> Result<(), UnansweredError> {
            long("endless")(effort)?;
            begun.send(()).unwrap();
            while !effort.stop.is_raised() {
                std::thread::yield_now();
            }
            Err(UnansweredError::Busy)
        };
        let asked = {
            let turns = turns.clone();
            tokio::spawn(async move { turns.work(&caller("mallory"), endless).await })
        };
        begins.recv().await.unwrap();

        asked.abort();

        let next = turns.work(&caller("mallory"), long("next")).await;
        assert_eq!(next.unwrap(), "next");
    }
}
