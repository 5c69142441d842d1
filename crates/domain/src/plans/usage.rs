//! What an account used of what its plan limits.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use compact_str::CompactString;

use super::limit::{Limit, Most};
use crate::budgets::Window;

/// For how long a window stays open at least once it is over.
const OPEN_AFTER: TimeDelta = TimeDelta::hours(1);

/// Which counter: what it counts, by the number that has, and when its window begins, in microseconds
/// since 1970.
pub type CounterKey = (i64, i64);

/// What was used in one window, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// The window.
    pub window: Window,
    /// By events.
    pub used: i128,
    /// By captures of which no event tells.
    pub captured: i128,
    /// Set aside for work in flight.
    pub held: i128,
    /// Whether it has everything of its window.
    pub is_whole: bool,
}

impl Counter {
    /// One in which nothing is used.
    pub const fn new(window: Window, is_whole: bool) -> Self {
        Self { window, used: 0, captured: 0, held: 0, is_whole }
    }

    /// What nobody else can use.
    pub const fn taken(&self) -> i128 {
        self.used + self.captured + self.held
    }
}

/// A limit, with the number of what it counts.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// The limit.
    pub limit: &'a Limit,
    /// The number of what it counts.
    pub counting: i64,
}

/// How much of a measure somebody is about to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// So many billionths.
    Of(i128),
    /// Some; they do not say how much.
    Some,
}

/// What is taken of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taking {
    /// What it counts.
    pub counting: i64,
    /// In which window.
    pub window: Window,
    /// How much, in billionths.
    pub nanos: i128,
    /// Whether it is what is charged.
    pub is_spend: bool,
}

impl Taking {
    /// Of which counter.
    pub fn key(&self) -> CounterKey {
        (self.counting, self.window.from.timestamp_micros())
    }
}

/// What a hold has of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitShare {
    /// Of which counter.
    pub key: CounterKey,
    /// How much, in billionths.
    pub nanos: i128,
    /// Whether it is what is charged.
    pub is_spend: bool,
}

/// A limit would be passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Which.
    pub limit: CompactString,
    /// What is left of it, in billionths.
    pub available: i128,
    /// When there is more by itself.
    pub resets_at: DateTime<Utc>,
}

/// That a share of a limit was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Of which limit.
    pub limit: CompactString,
    /// In which window.
    pub window: Window,
    /// The share, in percent.
    pub percent: u16,
    /// What was used, in billionths.
    pub used: i128,
    /// What may be.
    pub most: Most,
}

/// All counters of an account whose windows are open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitUsage {
    counters: BTreeMap<CounterKey, Counter>,
    changed: BTreeSet<CounterKey>,
}

/// Whether what comes for a window changes nothing any more.
pub fn is_closed(window: Window, now: DateTime<Utc>) -> bool {
    closes_at(window) <= now
}

/// When a window is closed: once it has been over for as long as it lasted, and an hour at least.
pub fn closes_at(window: Window) -> DateTime<Utc> {
    window.to + (window.to - window.from).max(OPEN_AFTER)
}

impl LimitUsage {
    /// Counters as they were kept.
    pub fn new(kept: impl IntoIterator<Item = (CounterKey, Counter)>) -> Self {
        Self { counters: kept.into_iter().collect(), changed: BTreeSet::new() }
    }

    /// The counter of that key.
    pub fn get(&self, key: CounterKey) -> Option<&Counter> {
        self.counters.get(&key)
    }

    /// All counters.
    pub fn iter(&self) -> impl Iterator<Item = (CounterKey, &Counter)> {
        self.counters.iter().map(|(key, counter)| (*key, counter))
    }

    /// What would be taken of each counter if all `limits` let it, or the first that does not. What
    /// `own` holds already stands in nobody's way.
    pub fn judge<'a>(
        &self,
        limits: impl IntoIterator<Item = Counted<'a>>,
        window_of: impl Fn(&Limit) -> Window,
        demand: impl Fn(&Limit) -> Demand,
        own: &[LimitShare],
        now: DateTime<Utc>,
    ) -> Result<Vec<Taking>, Passed> {
        let mut takings: BTreeMap<CounterKey, Taking> = BTreeMap::new();
        for Counted { limit, counting } in limits {
            let window = window_of(limit);
            if is_closed(window, now) {
                continue;
            }
            let key = (counting, window.from.timestamp_micros());
            let wanted = demand(limit);
            if let Most::Nanos(most) = limit.most
                && limit.is_hard()
            {
                let mine = own.iter().filter(|share| share.key == key);
                let mine: i128 = mine.map(|share| share.nanos).sum();
                let taken = self.get(key).map_or(0, Counter::taken) - mine;
                let available = most - taken;
                let fits = match wanted {
                    Demand::Of(nanos) => nanos <= 0 || nanos <= available,
                    Demand::Some => available > 0,
                };
                if !fits {
                    let (limit, resets_at) = (limit.id.clone(), window.to);
                    return Err(Passed { limit, available, resets_at });
                }
            }
            if let Demand::Of(nanos) = wanted
                && nanos != 0
            {
                let is_spend = limit.measure.is_spend();
                // Two limits that count the same count it once.
                takings.insert(key, Taking { counting, window, nanos, is_spend });
            }
        }
        Ok(takings.into_values().collect())
    }

    /// Counts what was taken as used; answers the shares of `limits` that were reached by it.
    pub fn take<'a>(
        &mut self,
        takings: &[Taking],
        limits: impl Iterator<Item = Counted<'a>> + Clone,
        whole_from: DateTime<Utc>,
    ) -> Vec<Notice> {
        let mut notices = Vec::new();
        for taking in takings {
            let counter = self.touch(taking, whole_from);
            let before = counter.used + counter.captured;
            counter.used += taking.nanos;
            let after = counter.used + counter.captured;
            notices.extend(reached(taking, before, after, limits.clone()));
        }
        notices
    }

    /// Sets aside what was taken; answers what the hold has then.
    pub fn hold(&mut self, takings: &[Taking], whole_from: DateTime<Utc>) -> Vec<LimitShare> {
        let held = |taking: &Taking| {
            self.touch(taking, whole_from).held += taking.nanos;
            LimitShare { key: taking.key(), nanos: taking.nanos, is_spend: taking.is_spend }
        };
        takings.iter().map(held).collect()
    }

    /// Lets go of what a hold had. What was of a closed window is gone with that.
    pub fn release(&mut self, shares: &[LimitShare]) {
        for share in shares {
            if let Some(counter) = self.counters.get_mut(&share.key) {
                counter.held -= share.nanos;
                self.changed.insert(share.key);
            }
        }
    }

    /// Counts what a hold had as captured: of what is charged `spent`, of all else what was set aside.
    /// Answers the shares of `limits` that were reached by it.
    pub fn capture<'a>(
        &mut self,
        shares: &[LimitShare],
        spent: i128,
        limits: impl Iterator<Item = Counted<'a>> + Clone,
    ) -> Vec<Notice> {
        let mut notices = Vec::new();
        for share in shares {
            let Some(counter) = self.counters.get_mut(&share.key) else { continue };
            let nanos = if share.is_spend { spent } else { share.nanos };
            let before = counter.used + counter.captured;
            counter.captured += nanos;
            let after = counter.used + counter.captured;
            self.changed.insert(share.key);
            let (counting, window) = (share.key.0, counter.window);
            let taking = Taking { counting, window, nanos, is_spend: share.is_spend };
            notices.extend(reached(&taking, before, after, limits.clone()));
        }
        notices
    }

    /// Takes back so much of what was charged and captured.
    pub fn give_back(&mut self, shares: &[LimitShare], spent: i128) {
        for share in shares.iter().filter(|share| share.is_spend) {
            if let Some(counter) = self.counters.get_mut(&share.key) {
                counter.captured -= spent;
                self.changed.insert(share.key);
            }
        }
    }

    /// Notes that counters of what is not `counted` without a gap have not everything.
    pub fn doubt(&mut self, counted: impl Fn(i64) -> bool) {
        for (key, counter) in &mut self.counters {
            if counter.is_whole && !counted(key.0) {
                counter.is_whole = false;
                self.changed.insert(*key);
            }
        }
    }

    /// The counters that changed since this was asked. Those of closed windows are let go of.
    pub fn take_changes(&mut self, now: DateTime<Utc>) -> Vec<(CounterKey, Counter)> {
        let changed = std::mem::take(&mut self.changed);
        self.counters.retain(|_, counter| !is_closed(counter.window, now));
        let found = |key: &CounterKey| Some((*key, *self.counters.get(key)?));
        changed.iter().filter_map(found).collect()
    }

    /// Whether a window is closed by now.
    pub fn closes_any(&self, now: DateTime<Utc>) -> bool {
        self.counters.values().any(|counter| is_closed(counter.window, now))
    }

    fn touch(&mut self, taking: &Taking, whole_from: DateTime<Utc>) -> &mut Counter {
        let key = taking.key();
        self.changed.insert(key);
        let is_whole = taking.window.from >= whole_from;
        self.counters.entry(key).or_insert_with(|| Counter::new(taking.window, is_whole))
    }
}

fn reached<'a>(
    taking: &Taking,
    before: i128,
    after: i128,
    limits: impl Iterator<Item = Counted<'a>>,
) -> Vec<Notice> {
    let of_counter = limits.filter(|counted| counted.counting == taking.counting);
    let notices = of_counter.flat_map(|Counted { limit, .. }| {
        limit.passed(before, after).map(|percent| Notice {
            limit: limit.id.clone(),
            window: taking.window,
            percent,
            used: after,
            most: limit.most,
        })
    });
    notices.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNIT: i128 = 1_000_000_000;

    fn limit(id: &str, most: &str, enforcement: &str) -> Limit {
        let json = format!(
            r#"{{"id": "{id}", "measure": "events", "most": "{most}", "every": "day",
                 "enforcement": "{enforcement}"}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn day(number: i64) -> Window {
        let from = DateTime::from_timestamp(1_800_000_000 + number * 86_400, 0).unwrap();
        Window { from, to: from + TimeDelta::days(1) }
    }

    #[derive(Debug, Clone)]
    enum Deed {
        Ask(i64),
        Capture(usize),
        Release(usize),
        Event(usize, i64),
        Use(i64),
        TakeBack(i64),
    }

    fn deeds() -> impl Strategy<Value = Deed> {
        prop_oneof![
            (0..12_i64).prop_map(Deed::Ask),
            (0..8_usize).prop_map(Deed::Capture),
            (0..8_usize).prop_map(Deed::Release),
            (0..8_usize, 0..12_i64).prop_map(|(place, used)| Deed::Event(place, used)),
            (0..12_i64).prop_map(Deed::Use),
            (0..5_i64).prop_map(Deed::TakeBack),
        ]
    }

    /// A model that a reader can check by eye: what is used, and what is held by whom.
    #[derive(Default)]
    struct Model {
        used: i128,
        held: Vec<i128>,
    }

    impl Model {
        fn left(&self, most: i128) -> i128 {
            most - self.used - self.held.iter().sum::<i128>()
        }
    }

    proptest! {
        #[test]
        fn a_hard_limit_is_never_passed_by_what_asked_or_came_and_nothing_is_counted_twice(
            most in 0..40_i64,
            history in prop::collection::vec(deeds(), 0..120),
        ) {
            // Another limit counts the same, and refuses nothing.
            let limits = [limit("hard", &most.to_string(), "hard"), limit("soft", "5", "soft")];
            let counted = || limits.iter().map(|limit| Counted { limit, counting: 1 });
            let most = i128::from(most) * UNIT;
            let (window, now) = (day(0), day(0).from);
            let mut usage = LimitUsage::default();
            let mut model = Model::default();
            let mut holds: Vec<Vec<LimitShare>> = Vec::new();
            let mut by_hand = 0;
            let mut percents = Vec::new();

            for deed in history {
                let judge = |usage: &LimitUsage, nanos, own: &[LimitShare]| {
                    usage.judge(counted(), |_| window, |_| Demand::Of(nanos), own, now)
                };
                match deed {
                    Deed::Ask(units) => {
                        let nanos = i128::from(units) * UNIT;
                        let judged = judge(&usage, nanos, &[]);
                        prop_assert_eq!(judged.is_ok(), nanos == 0 || nanos <= model.left(most));
                        if let Ok(takings) = judged {
                            holds.push(usage.hold(&takings, now));
                            model.held.push(nanos);
                        } else if let Err(passed) = judged {
                            prop_assert_eq!(passed.available, model.left(most));
                        }
                    }
                    Deed::Capture(place) if place < holds.len() => {
                        let shares = holds.remove(place);
                        let nanos = model.held.remove(place);
                        usage.release(&shares);
                        let notices = usage.capture(&shares, 0, counted());
                        percents.extend(notices);
                        model.used += nanos;
                    }
                    Deed::Release(place) if place < holds.len() => {
                        usage.release(&holds.remove(place));
                        model.held.remove(place);
                    }
                    Deed::Event(place, units) if place < holds.len() => {
                        let nanos = i128::from(units) * UNIT;
                        let judged = judge(&usage, nanos, &holds[place]);
                        let own = model.held[place];
                        prop_assert_eq!(
                            judged.is_ok(),
                            nanos == 0 || nanos <= model.left(most) + own
                        );
                        if let Ok(takings) = judged {
                            usage.release(&holds.remove(place));
                            model.held.remove(place);
                            percents.extend(usage.take(&takings, counted(), now));
                            model.used += nanos;
                        }
                    }
                    Deed::Use(units) => {
                        let nanos = i128::from(units) * UNIT;
                        if let Ok(takings) = judge(&usage, nanos, &[]) {
                            percents.extend(usage.take(&takings, counted(), now));
                            model.used += nanos;
                        }
                    }
                    Deed::TakeBack(units) => {
                        let nanos = -i128::from(units) * UNIT;
                        by_hand += nanos;
                        let takings = judge(&usage, nanos, &[]).unwrap();
                        usage.take(&takings, counted(), now);
                        model.used += nanos;
                    }
                    _ => {}
                }
                let counter = usage.get((1, window.from.timestamp_micros()));
                let taken = counter.map_or(0, Counter::taken);
                prop_assert_eq!(taken, model.used + model.held.iter().sum::<i128>());
                prop_assert!(taken <= most, "overspent");
            }
            if by_hand == 0 {
                let mut told: Vec<_> =
                    percents.iter().map(|notice| (&notice.limit, notice.percent)).collect();
                told.sort();
                let all = told.len();
                told.dedup();
                prop_assert_eq!(told.len(), all, "each share is told of once");
            }
        }
    }

    #[test]
    fn nothing_at_all_refuses_what_says_no_amount_and_no_end_refuses_nothing() {
        let judge = |most: &str, demand| {
            let limit = limit("one", most, "hard");
            let counted = [Counted { limit: &limit, counting: 1 }];
            let now = day(0).from;
            LimitUsage::default().judge(counted, |_| day(0), |_| demand, &[], now)
        };

        assert_eq!(judge("0", Demand::Some).unwrap_err().available, 0);
        assert_eq!(judge("0", Demand::Of(1)).unwrap_err().resets_at, day(1).from);
        assert_eq!(judge("0", Demand::Of(0)), Ok(vec![]), "who uses nothing passes nothing");
        assert!(judge("unlimited", Demand::Of(i128::from(i64::MAX))).is_ok());
        assert!(judge("1", Demand::Some).is_ok());
    }

    #[test]
    fn what_comes_for_a_closed_window_changes_nothing_and_is_not_refused() {
        let limit = limit("one", "0", "hard");
        let counted = [Counted { limit: &limit, counting: 1 }];
        let judge =
            |now| LimitUsage::default().judge(counted, |_| day(0), |_| Demand::Of(UNIT), &[], now);

        assert!(judge(day(1).to - TimeDelta::seconds(1)).is_err());
        assert_eq!(judge(day(1).to), Ok(vec![]));
        let mut usage = LimitUsage::new([((1, 0), Counter::new(day(0), true))]);
        assert_eq!(usage.take_changes(day(1).to), []);
        assert_eq!(usage, LimitUsage::default());
    }
}
