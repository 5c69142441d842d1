//! The requests of the last hour, minute by minute.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;
use parking_lot::Mutex;

use super::http::Asked;

/// Minutes that are kept.
pub const MINUTES: usize = 60;
/// Requests that failed that are kept.
const FAILED_MAX: usize = 50;

/// Counters of the requests of the last hour.
///
/// Bounded: a minute has a row for each route and method, of which there are as many as there are
/// routes.
#[derive(Debug, Default)]
pub struct RecentRequests(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    minutes: VecDeque<Minute>,
    failed: VecDeque<FailedRequest>,
}

#[derive(Debug)]
struct Minute {
    number: i64,
    by: BTreeMap<Asked, RouteUse>,
}

/// What was asked of one route.
#[derive(Debug, Clone, Copy, Default)]
pub struct RouteUse {
    /// Requests answered.
    pub requests: u64,
    /// Those of them at which the server failed: from status 500 on. What a caller did wrong is not one.
    pub failed: u64,
    /// How long they took together.
    pub took: Duration,
    /// When the last one was answered.
    pub last_at: Option<DateTime<Utc>>,
}

impl RouteUse {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.took += other.took;
        self.last_at = self.last_at.max(other.last_at);
    }
}

/// A request at which the server failed.
#[derive(Debug, Clone)]
pub struct FailedRequest {
    /// When it was answered.
    pub at: DateTime<Utc>,
    /// The route's template.
    pub route: CompactString,
    /// Its method.
    pub method: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// How long it took.
    pub took: Duration,
}

/// What was asked in the last minutes.
#[derive(Debug, Clone, Default)]
pub struct RecentUse {
    /// Everything together.
    pub all: RouteUse,
    /// By route and method.
    pub by: BTreeMap<Asked, RouteUse>,
    /// The newest at which the server failed, the newest first.
    pub failed: Vec<FailedRequest>,
}

impl RecentRequests {
    /// Counts a request that was answered at `now`.
    pub fn answered(&self, asked: &Asked, status: u16, took: Duration, now: DateTime<Utc>) {
        let mut recent = self.0.lock();
        let number = number_of(now);
        // A clock that is set back goes on in the newest minute.
        if recent.minutes.back().is_none_or(|minute| minute.number < number) {
            recent.minutes.push_back(Minute { number, by: BTreeMap::new() });
            while recent.minutes.len() > MINUTES {
                recent.minutes.pop_front();
            }
        }
        let has_failed = status >= 500;
        if let Some(minute) = recent.minutes.back_mut() {
            let one = RouteUse { requests: 1, failed: has_failed.into(), took, last_at: Some(now) };
            match minute.by.get_mut(asked) {
                Some(known) => known.add(&one),
                None => {
                    minute.by.insert(asked.clone(), one);
                }
            }
        }
        if has_failed {
            if recent.failed.len() >= FAILED_MAX {
                recent.failed.pop_front();
            }
            let (route, method) = asked.clone();
            recent.failed.push_back(FailedRequest { at: now, route, method, status, took });
        }
    }

    /// What was asked in the last `minutes`, the one that runs included.
    pub fn of_last(&self, minutes: usize, now: DateTime<Utc>) -> RecentUse {
        let recent = self.0.lock();
        let back = i64::try_from(minutes).unwrap_or(i64::MAX);
        let first = number_of(now).saturating_sub(back);
        let mut found = RecentUse::default();
        for minute in recent.minutes.iter().filter(|minute| minute.number > first) {
            for (asked, of_route) in &minute.by {
                found.all.add(of_route);
                found.by.entry(asked.clone()).or_default().add(of_route);
            }
        }
        let since = now - TimeDelta::try_minutes(back).unwrap_or(TimeDelta::MAX);
        let failed = recent.failed.iter().rev().filter(|request| request.at >= since);
        found.failed = failed.cloned().collect();
        found
    }
}

fn number_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_of_the_last_minutes_and_no_longer() {
        let recent = RecentRequests::default();
        let noon: DateTime<Utc> = "2026-11-20T12:00:30Z".parse().unwrap();
        let at = |minutes| noon + TimeDelta::minutes(minutes);
        let asked = |route: &str| -> Asked { (route.into(), "GET") };
        let took = Duration::from_millis(20);

        recent.answered(&asked("/old"), 500, took, at(0));
        recent.answered(&asked("/a"), 200, took, at(4));
        recent.answered(&asked("/a"), 503, took, at(5));
        recent.answered(&asked("/b"), 404, took, at(5));
        // The clock was set back.
        recent.answered(&asked("/b"), 200, took, at(1));

        let found = recent.of_last(5, at(5));
        assert_eq!((found.all.requests, found.all.failed), (4, 1));
        assert_eq!(found.by[&asked("/a")].requests, 2);
        assert_eq!(found.by[&asked("/b")].last_at, Some(at(5)));
        assert_eq!(found.failed.len(), 2, "{:?}", found.failed);
        assert_eq!(found.failed[0].route, "/a");
        for minute in 6..200 {
            recent.answered(&asked("/a"), 500, took, at(minute));
        }
        assert_eq!(recent.of_last(1_000, at(200)).all.requests, 60);
        assert_eq!(recent.of_last(1_000, at(200)).failed.len(), FAILED_MAX);
    }
}
