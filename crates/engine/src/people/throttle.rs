//! Slows down whoever guesses passwords.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use parking_lot::Mutex;

/// Things that are watched at a time, at most.
const WATCHED_MAX: usize = 20_000;

/// What failed attempts are counted for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Watched {
    /// One name from one address.
    Pair(String, Option<IpAddr>),
    /// One address, whatever the name.
    Address(IpAddr),
    /// One name, whatever the address.
    Name(String),
}

impl Watched {
    /// Failures in a row that cost nothing.
    fn free(&self) -> u32 {
        match self {
            Self::Pair(..) => 5,
            Self::Address(_) => 30,
            Self::Name(_) => 100,
        }
    }

    /// The longest wait.
    ///
    /// It is short for a name alone, or anybody could keep a user out by guessing at them.
    fn wait_max(&self) -> Duration {
        match self {
            Self::Pair(..) | Self::Address(_) => Duration::minutes(15),
            Self::Name(_) => Duration::seconds(30),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last_at: DateTime<Utc>,
}

/// Failures are forgotten after this time without another.
const FORGET_AFTER: Duration = Duration::hours(1);

/// Counts failed attempts to sign in, and says how long to wait before the next.
///
/// The first few are free; each further one doubles the wait, from one second to a quarter of an
/// hour.
#[derive(Debug, Default)]
pub struct Throttle {
    watched: Mutex<HashMap<Watched, Failures>>,
}

impl Throttle {
    /// Lets an attempt through, or says how long to wait.
    ///
    /// An attempt counts as failed until [`Throttle::succeeded`] says otherwise, so that many at
    /// once gain nothing.
    pub fn attempt(
        &self,
        name: &str,
        address: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<(), Duration> {
        let mut watched = self.watched.lock();
        let things = things(name, address);
        let wait = things.iter().filter_map(|thing| wait(thing, watched.get(thing)?, now)).max();
        if let Some(wait) = wait {
            return Err(wait);
        }
        for thing in things {
            let failures = watched.entry(thing).or_insert(Failures { count: 0, last_at: now });
            if now - failures.last_at >= FORGET_AFTER {
                failures.count = 0;
            }
            failures.count = failures.count.saturating_add(1);
            failures.last_at = now;
        }
        if watched.len() > WATCHED_MAX {
            forget(&mut watched, now);
        }
        Ok(())
    }

    /// Takes back the attempt that [`Throttle::attempt`] counted: it was right.
    pub fn succeeded(&self, name: &str, address: Option<IpAddr>) {
        let mut watched = self.watched.lock();
        for thing in things(name, address) {
            if matches!(thing, Watched::Pair(..)) {
                watched.remove(&thing);
            } else if let Some(failures) = watched.get_mut(&thing) {
                failures.count = failures.count.saturating_sub(1);
            }
        }
    }

    /// Forgets what is long past.
    pub fn forget_old(&self, now: DateTime<Utc>) {
        self.watched.lock().retain(|_, failures| now - failures.last_at < FORGET_AFTER);
    }
}

fn things(name: &str, address: Option<IpAddr>) -> Vec<Watched> {
    let name = name.to_ascii_lowercase();
    let address = address.map(whole_network);
    let mut things = vec![Watched::Name(name.clone()), Watched::Pair(name, address)];
    things.extend(address.map(Watched::Address));
    things
}

/// An IPv6 address stands for its /64: that is what one customer gets.
pub fn whole_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

fn wait(thing: &Watched, failures: &Failures, now: DateTime<Utc>) -> Option<Duration> {
    let over = failures.count.checked_sub(thing.free())?;
    let wait = Duration::seconds(1_i64 << over.min(20)).min(thing.wait_max());
    // No longer than the wait itself, should the clock have been set back meanwhile.
    let left = (failures.last_at + wait - now).min(wait);
    (left > Duration::zero()).then_some(left)
}

/// Makes room: first what is long past, then what failed least.
fn forget(watched: &mut HashMap<Watched, Failures>, now: DateTime<Utc>) {
    watched.retain(|_, failures| now - failures.last_at < FORGET_AFTER);
    let mut least = 1;
    while watched.len() > WATCHED_MAX / 2 {
        watched.retain(|_, failures| failures.count > least);
        least += 1;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn each_failure_after_the_fifth_doubles_the_wait() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            throttle.attempt("alice", address(1), at(0)).unwrap();
        }

        let waits: Vec<_> = [(0, 1), (1, 2), (3, 4), (7, 8)]
            .map(|(now, expected)| {
                let wait = throttle.attempt("alice", address(1), at(now)).unwrap_err();
                throttle.attempt("alice", address(1), at(now) + wait).unwrap();
                (wait.num_seconds(), expected)
            })
            .into();

        assert!(waits.iter().all(|(wait, expected)| wait == expected), "{waits:?}");
    }

    #[test]
    fn the_wait_ends_at_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        let mut now = at(0);
        let mut longest = Duration::zero();
        for _ in 0..40 {
            if let Err(wait) = throttle.attempt("alice", address(1), now) {
                longest = longest.max(wait);
                now += wait;
                throttle.attempt("alice", address(1), now).unwrap();
            }
        }

        assert_eq!(longest, Duration::minutes(15));
    }

    #[test]
    fn success_forgives_and_so_does_an_hour() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            throttle.attempt("alice", address(1), at(0)).unwrap();
        }
        assert!(throttle.attempt("ALICE", address(1), at(0)).is_err());

        throttle.succeeded("Alice", address(1));
        assert!(throttle.attempt("alice", address(1), at(0)).is_ok());
        for _ in 0..4 {
            throttle.attempt("alice", address(1), at(0)).unwrap();
        }
        assert!(throttle.attempt("alice", address(1), at(0)).is_err());
        for _ in 0..5 {
            throttle.attempt("alice", address(1), at(3600)).unwrap();
        }
        throttle.forget_old(at(7200));
        assert!(throttle.watched.lock().is_empty());
    }

    #[test]
    fn one_address_guesses_at_many_names_only_so_often() {
        let throttle = Throttle::default();
        for number in 0..30 {
            throttle.attempt(&format!("user{number}"), address(1), at(0)).unwrap();
        }

        assert!(throttle.attempt("user99", address(1), at(0)).is_err());
        assert!(throttle.attempt("user99", address(2), at(0)).is_ok());
    }

    #[test]
    fn many_addresses_guess_at_one_name_only_so_often_and_its_owner_waits_little() {
        let throttle = Throttle::default();
        let mut now = at(0);
        for number in 0..=255 {
            if let Err(wait) = throttle.attempt("alice", address(number), now) {
                assert!(wait <= Duration::seconds(30), "{wait}");
                now += wait;
            }
        }

        let owner = throttle.attempt("alice", Some(IpAddr::from([198, 51, 100, 1])), now);

        assert!(owner.is_err());
    }

    #[test]
    fn a_whole_ipv6_network_is_one_address() {
        let a: IpAddr = "2001:db8:1:2::1".parse().unwrap();
        let b: IpAddr = "2001:db8:1:2:ffff::9".parse().unwrap();
        let c: IpAddr = "2001:db8:1:3::1".parse().unwrap();
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();

        assert_eq!(whole_network(a), whole_network(b));
        assert_ne!(whole_network(a), whole_network(c));
        assert_eq!(Some(whole_network(mapped)), address(1));
    }

    #[test]
    fn what_is_watched_is_bounded_and_the_worst_is_kept() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            throttle.attempt("alice", None, at(0)).unwrap();
        }
        for number in 0..WATCHED_MAX {
            throttle.attempt(&format!("user{number}"), None, at(1)).unwrap();
        }

        assert!(throttle.watched.lock().len() <= WATCHED_MAX);
        assert!(throttle.attempt("alice", None, at(0)).is_err());
    }
}
