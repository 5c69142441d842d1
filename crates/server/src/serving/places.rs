//! How many connections there are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use outlay_engine::people::whole_network;
use parking_lot::Mutex;

use super::line::Line;
use crate::config::{LimitsConfig, Network};

/// Connections that are always taken, however few files may be open.
const LEAST: usize = 32;
/// For how long a stranger's request is answered undisturbed when all places are taken.
const STRANGERS_TIME: Duration = Duration::from_secs(5);

/// Bounded places for connections.
#[derive(Debug)]
pub struct Places {
    max: usize,
    of_address_max: usize,
    strangers_max: usize,
    proxies: Vec<Network>,
    strangers: Arc<AtomicUsize>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    lines: HashMap<u64, (IpAddr, Arc<Line>)>,
    of_address: HashMap<IpAddr, usize>,
}

/// One connection's place; it is free again once this is gone.
#[derive(Debug)]
pub struct Place {
    line: Arc<Line>,
    number: u64,
    places: Weak<Places>,
}

impl Place {
    /// A place that counts nowhere.
    pub fn of_the_owner() -> Self {
        let line = Line::of_stranger(&Arc::default());
        Self { line, number: 0, places: Weak::new() }
    }

    /// What is known of the connection.
    pub fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.places.upgrade() {
            places.taken.lock().free(self.number);
        }
    }
}

impl Places {
    /// Places by the settings, where `files` may be open. Half of the files are for the data.
    pub fn new(limits: &LimitsConfig, proxies: &[Network], files: u64) -> Self {
        let of_files = usize::try_from(files / 2).unwrap_or(usize::MAX);
        let max = usize::try_from(limits.connections).unwrap_or(usize::MAX).min(of_files);
        let max = max.max(LEAST);
        let of_address = usize::try_from(limits.connections_per_address).unwrap_or(usize::MAX);
        Self {
            max,
            // Nobody takes more than half of what there is, however little that is.
            of_address_max: of_address.min(max / 2),
            strangers_max: max / 2,
            proxies: proxies.to_vec(),
            strangers: Arc::default(),
            taken: Mutex::default(),
        }
    }

    /// Connections in all, at most.
    pub fn max(&self) -> usize {
        self.max
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.taken.lock().lines.len()
    }

    /// A place for a connection from `address`. Where a bound is reached, the connection that is
    /// idle for the longest gives way; `None` when none is idle.
    pub fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let is_proxy = self.proxies.iter().any(|network| network.contains(address));
        let address = whole_network(address);
        let mut taken = self.taken.lock();
        if !is_proxy && taken.of(address) >= self.of_address_max {
            taken.end_one(|(of, _)| *of == address)?;
        }
        if taken.lines.len() >= self.max {
            taken.end_one(|_| true)?;
        }
        if self.strangers.load(Ordering::Relaxed) >= self.strangers_max {
            taken.end_one(|(_, line)| !line.is_known())?;
        }
        taken.next += 1;
        let number = taken.next;
        let line = Line::of_stranger(&self.strangers);
        taken.lines.insert(number, (address, line.clone()));
        *taken.of_address.entry(address).or_default() += 1;
        Some(Place { line, number, places: Arc::downgrade(self) })
    }

    /// Ends the connection that is idle for the longest, where one is.
    pub fn end_an_idle_one(&self) {
        // None is idle: then those that are in use end by themselves.
        let _ = self.taken.lock().end_one(|_| true);
    }
}

/// Whom to end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    IdleStranger,
    Idle,
    SlowStranger,
}

impl Taken {
    fn of(&self, address: IpAddr) -> usize {
        self.of_address.get(&address).copied().unwrap_or(0)
    }

    /// Ends one of the connections in question: first strangers who ask nothing, of the address
    /// that has the most connections, then whoever asks nothing, then strangers whose request
    /// takes long. `None` when all are in use.
    fn end_one(&mut self, is_in_question: impl Fn(&(IpAddr, Arc<Line>)) -> bool) -> Option<()> {
        let in_question = self.lines.iter().filter(|(_, line)| is_in_question(line));
        let ranked = in_question.filter_map(|(number, (address, line))| {
            let crowd = usize::MAX - self.of(*address);
            Some(((rank(line)?, crowd, line.since()), *number))
        });
        let (_, number) = ranked.min()?;
        let (_, line) = self.free(number)?;
        line.end();
        Some(())
    }

    fn free(&mut self, number: u64) -> Option<(IpAddr, Arc<Line>)> {
        let (address, line) = self.lines.remove(&number)?;
        if let Some(count) = self.of_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.of_address.remove(&address);
            }
        }
        // Whoever has no place is no stranger any more.
        line.is_known_now();
        Some((address, line))
    }
}

fn rank(line: &Line) -> Option<Rank> {
    match (line.is_waiting(), line.is_known()) {
        _ if line.is_upgraded() => None,
        (true, false) => Some(Rank::IdleStranger),
        (true, true) => Some(Rank::Idle),
        (false, false) if line.unchanged_for() > STRANGERS_TIME => Some(Rank::SlowStranger),
        (false, _) => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ATTACKER: &str = "198.51.100.7";

    fn places(max: u32, of_address: u32) -> Arc<Places> {
        let limits = LimitsConfig {
            connections: max,
            connections_per_address: of_address,
            ..LimitsConfig::default()
        };
        Arc::new(Places::new(&limits, &["10.0.0.1".parse().unwrap()], 1 << 20))
    }

    fn take(places: &Arc<Places>, address: &str) -> Option<Place> {
        places.take(address.parse().unwrap())
    }

    /// Whether a connection was told to end.
    fn is_ended(place: &Place) -> bool {
        use futures::FutureExt;
        place.line().ended().now_or_never().is_some()
    }

    #[test]
    fn strangers_who_ask_nothing_give_way_to_whoever_comes() {
        let places = places(100, 50);
        let idle: Vec<Place> = (0..50).map(|_| take(&places, ATTACKER).unwrap()).collect();

        let next = take(&places, "192.0.2.1").unwrap();

        assert!(is_ended(&idle[0]), "the oldest gave way");
        assert!(!is_ended(&idle[1]) && !is_ended(&next));
        assert_eq!(places.open(), 50);
    }

    #[test]
    fn an_address_has_its_share_and_a_proxy_of_ours_has_more() {
        let places = places(100, 10);
        let own: Vec<Place> = (0..10).map(|_| take(&places, ATTACKER).unwrap()).collect();
        let busy: Vec<_> = own
            .iter()
            .map(|place| {
                place.line().is_known_now();
                place.line().begin()
            })
            .collect();

        assert!(take(&places, ATTACKER).is_none(), "all of its places are in use");
        let others: Vec<_> = (0..30).map(|_| take(&places, "10.0.0.1").unwrap()).collect();
        assert_eq!(places.open(), 40);
        drop((busy, others));
        assert!(take(&places, ATTACKER).is_some(), "one that is idle gives way");
    }

    #[test]
    fn the_address_with_the_most_connections_gives_way_first() {
        let places = places(64, 32);
        let neighbour = take(&places, "192.0.2.1").unwrap();
        let crowd: Vec<Place> = (0..31).map(|_| take(&places, ATTACKER).unwrap()).collect();

        let _next = take(&places, "192.0.2.2").unwrap();

        assert!(!is_ended(&neighbour), "although it is idle for longer");
        assert!(is_ended(&crowd[0]));
    }

    #[test]
    fn open_pages_and_requests_of_known_callers_are_never_ended() {
        let places = places(64, 32);
        let held: Vec<_> = (0..64)
            .map(|number| {
                let place = take(&places, &format!("192.0.2.{number}")).unwrap();
                place.line().is_known_now();
                if number % 2 == 0 {
                    place.line().is_upgraded_now();
                }
                let answering = place.line().begin();
                (place, answering)
            })
            .collect();

        assert!(take(&places, "198.51.100.1").is_none());
        assert!(held.iter().all(|(place, _)| !is_ended(place)));
        drop(held);
        assert_eq!(places.open(), 0);
        assert_eq!(places.strangers.load(Ordering::Relaxed), 0);
    }
}
