//! Something of which there is so much, shared so that no caller takes all.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Callers beyond whom those that hold nothing are forgotten.
const CALLERS_MAX: usize = 1_000;

/// Something of which there is so much, half of it for one caller at most.
#[derive(Debug)]
pub struct Parted {
    all: Arc<Semaphore>,
    each: usize,
    of: Mutex<HashMap<CompactString, Arc<Semaphore>>>,
    patience: Duration,
}

/// What a caller holds of it, until it is dropped.
#[derive(Debug)]
pub struct Share {
    own: OwnedSemaphorePermit,
    all: OwnedSemaphorePermit,
}

impl Share {
    /// Makes one of two shares of the same caller.
    pub fn merge(&mut self, more: Self) {
        self.own.merge(more.own);
        self.all.merge(more.all);
    }
}

impl Parted {
    /// So much of it, for which a caller waits as long as `patience`.
    ///
    /// Where there is one only, whoever has it has all.
    pub fn new(all: usize, patience: Duration) -> Self {
        let all = all.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            all: Arc::new(Semaphore::new(all)),
            each: all.div_ceil(2),
            of: Mutex::default(),
            patience,
        }
    }

    /// Takes so much for a caller; `None` where it does not become free in time.
    ///
    /// The caller's own part comes first: whoever has it all waits for themselves, and stands in
    /// nobody's way. Callers who wait for the rest get it in the order in which they came.
    pub async fn take(&self, who: &str, count: usize) -> Option<Share> {
        let count = u32::try_from(count).ok()?;
        let until = Instant::now() + self.patience;
        let own = timeout_at(until, self.of(who).acquire_many_owned(count)).await.ok()?.ok()?;
        let all = self.all.clone().acquire_many_owned(count);
        let all = timeout_at(until, all).await.ok()?.ok()?;
        Some(Share { own, all })
    }

    /// Takes so much for a caller; `None` where it is not free.
    pub fn take_free(&self, who: &str, count: usize) -> Option<Share> {
        let count = u32::try_from(count).ok()?;
        let own = self.of(who).try_acquire_many_owned(count).ok()?;
        let all = self.all.clone().try_acquire_many_owned(count).ok()?;
        Some(Share { own, all })
    }

    /// How much nobody has.
    pub fn free(&self) -> usize {
        self.all.available_permits()
    }

    fn of(&self, who: &str) -> Arc<Semaphore> {
        let mut of = self.of.lock();
        if let Some(own) = of.get(who) {
            return own.clone();
        }
        if of.len() >= CALLERS_MAX {
            of.retain(|_, own| Arc::strong_count(own) > 1);
        }
        of.entry(who.into()).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn parted() -> Parted {
        Parted::new(10, Duration::from_millis(1))
    }

    #[tokio::test]
    async fn one_caller_gets_half_and_leaves_the_other_half_to_others() {
        let parted = parted();

        let held = parted.take("mallory", 5).await.unwrap();
        assert!(parted.take("mallory", 1).await.is_none());
        assert!(parted.take_free("mallory", 1).is_none());
        let others = parted.take("alice", 5).await.unwrap();
        assert!(parted.take("bob", 1).await.is_none(), "there is no more");

        drop((held, others));
        assert!(parted.take("mallory", 5).now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn who_waits_for_their_own_part_stands_in_nobodys_way() {
        let parted = Parted::new(10, Duration::from_secs(600));
        let _held = parted.take("mallory", 5).await.unwrap();
        let mut waiting = std::pin::pin!(parted.take("mallory", 5));
        assert!(waiting.as_mut().now_or_never().is_none());

        assert!(parted.take("alice", 5).now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn callers_who_wait_get_turns_in_order_however_often_one_of_them_asks() {
        let parted = Parted::new(2, Duration::from_secs(600));
        let mallory = parted.take("mallory", 1).await.unwrap();
        let alice = parted.take("alice", 1).await.unwrap();
        let mut again = std::pin::pin!(parted.take("mallory", 1));
        assert!(again.as_mut().now_or_never().is_none());
        let mut bob = std::pin::pin!(parted.take("bob", 1));
        assert!(bob.as_mut().now_or_never().is_none());

        drop(mallory);

        assert!(again.as_mut().now_or_never().is_none(), "it is bob's turn");
        assert!(bob.as_mut().now_or_never().flatten().is_some());
        drop(alice);
        assert!(again.as_mut().now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn the_only_one_there_is_goes_to_whoever_comes_first() {
        let parted = Parted::new(1, Duration::from_millis(1));

        let held = parted.take_free("alice", 1).unwrap();
        assert!(parted.take_free("bob", 1).is_none());

        drop(held);
        assert!(parted.take_free("bob", 1).is_some());
    }

    #[tokio::test]
    async fn callers_who_hold_nothing_are_forgotten() {
        let parted = parted();
        let held = parted.take("alice", 1).await.unwrap();
        for number in 0..CALLERS_MAX * 2 {
            drop(parted.take(&number.to_string(), 1).await.unwrap());
        }

        assert!(parted.of.lock().len() <= CALLERS_MAX);
        assert!(parted.of.lock().contains_key("alice"));
        drop(held);
    }
}
