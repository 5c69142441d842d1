//! Counters against all facts, whatever happens in which order.

use std::path::Path;

use outlay_domain::Amount;
use outlay_domain::budgets::BudgetDraft;
use outlay_domain::usage::{Charge, EventDraft, EventName, Fact, FactKind, UsageEvent};
use outlay_store::sqlite::alter_books;
use proptest::prelude::*;
use serde_json::json;
use tokio::sync::broadcast;

use super::*;
use crate::budgets::status::Aside;
use crate::budgets::{Budgets, Held};
use crate::journal::Committed;
use crate::usage::Incoming;
use crate::usage::amend::Amender;
use crate::{Clock, FrozenClock, Options};

/// A day of which the night is changed to winter time in Berlin.
fn start() -> DateTime<Utc> {
    "2026-10-24T20:00:00Z".parse().unwrap()
}

/// A folder that is written to, and all facts that were told of.
struct World {
    folder: tempfile::TempDir,
    clock: Arc<FrozenClock>,
    /// `None` while it is closed.
    open: Option<Arc<Outlay>>,
    told: broadcast::Receiver<Committed>,
    facts: Vec<(UsageEvent, i128)>,
    events: Vec<EventName>,
    /// Counters that were begun, and never settled so far.
    begun: Option<Begun>,
}

fn open(folder: &Path, clock: &Arc<FrozenClock>) -> Arc<Outlay> {
    let options = Options { background: false, ..Options::default() };
    Arc::new(Outlay::open(folder, options, clock.clone()).unwrap())
}

fn amender() -> Amender {
    Amender { actor: "ada".into(), reason: "a test".into() }
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FrozenClock::at(start()));
        let outlay = open(folder.path(), &clock);
        let told = outlay.journal.watch();
        Self { folder, clock, open: Some(outlay), told, facts: vec![], events: vec![], begun: None }
    }

    fn outlay(&self) -> &Arc<Outlay> {
        self.open.as_ref().unwrap()
    }

    fn budgets(&self) -> Budgets {
        self.outlay().budgets(By::Server("tests"))
    }

    fn hear(&mut self) {
        while let Ok(committed) = self.told.try_recv() {
            let sums = committed.facts.iter().map(|fact| {
                (fact.event.clone(), fact.charge.amount.map_or(0, |amount| amount.nanos().into()))
            });
            self.facts.extend(sums);
        }
    }

    fn event(&self, id: usize, kind: usize, hours: i64, nanos: i64) -> Incoming {
        let pick = |place: usize, values: &[&str]| {
            let value = values[kind / place % values.len()];
            (!value.is_empty()).then(|| value.into())
        };
        let draft = EventDraft {
            id: format!("e{id}").into(),
            source: "tests".into(),
            account: "acme".into(),
            occurred_at: Some(self.clock.now() + TimeDelta::hours(hours)),
            provider: pick(1, &["openai", "anthropic", ""]),
            model: pick(3, &["gpt-4", "gpt-5", ""]),
            subject: pick(9, &["ada", "bob", ""]),
            stated_cost: Some(Amount::from_nanos(nanos)),
            ..EventDraft::default()
        };
        Incoming { event: draft.accept(self.clock.now()).unwrap(), time_stated: true }
    }

    fn one(&self, place: usize) -> Option<EventName> {
        (!self.events.is_empty()).then(|| self.events[place % self.events.len()].clone())
    }

    async fn act(&mut self, step: Step) {
        match step {
            Step::Send(events) => {
                let first = self.events.len();
                let events: Vec<Incoming> = (first..)
                    .zip(events)
                    .map(|(id, (kind, hours, nanos))| self.event(id, kind, hours, nanos))
                    .collect();
                self.events.extend(events.iter().map(|incoming| incoming.event.name()));
                self.outlay().journal.accept(events).await.unwrap();
            }
            Step::Correct(place, (kind, hours, nanos)) => {
                let Some(name) = self.one(place) else { return };
                let mut event = self.event(0, kind, hours, nanos);
                event.event.id = name.id.clone();
                // One that was taken back is refused.
                self.outlay().correct_events(vec![name], vec![event], &amender()).await.unwrap();
            }
            Step::Delete(place) => {
                let Some(name) = self.one(place) else { return };
                self.outlay().delete_events(vec![name], &amender()).await.unwrap();
            }
            Step::Adjust(place, nanos) => {
                // As a re-rating does.
                let Some(name) = self.one(place) else { return };
                let found = self.outlay().history.find(&[name]).unwrap();
                let Some(fact) = found.into_iter().next() else { return };
                let charge = Charge::stated(Amount::from_nanos(nanos));
                let received_at = self.clock.now();
                let event = UsageEvent { quantities: Default::default(), ..fact.event };
                let fact = Fact { kind: FactKind::Adjustment, received_at, event, charge };
                self.outlay().journal.amend(vec![fact], Vec::new()).await.unwrap();
            }
            Step::Budget(id, draft) => {
                let (id, draft) = (format!("b{id}"), draft.draft());
                let budgets = self.budgets();
                if budgets.one(&id).await.is_ok() {
                    budgets.change(&id, draft).await.unwrap();
                } else {
                    budgets.create(id.into(), draft).await.unwrap();
                }
            }
            Step::Remove(id) => {
                let _ = self.budgets().remove(&format!("b{id}")).await;
            }
            Step::Begin => {
                let history = self.outlay().history.clone();
                self.begun = Some(self.outlay().journal.act(Begin { history }).await.unwrap());
            }
            Step::Settle => {
                if let Some(begun) = self.begun.take() {
                    self.outlay().settle(begun).await.unwrap();
                }
            }
            Step::Tend => self.outlay().tend_counters().await.unwrap(),
            Step::Flush => drop(self.outlay().history.flush(&self.outlay().dedup).unwrap()),
            Step::Erase => {
                // Whoever reads what is erased is waited for.
                self.begun = None;
                self.outlay().erase_subject("ada".into(), &amender()).await.unwrap();
                self.hear();
                for (event, _) in &mut self.facts {
                    if event.subject.as_deref() == Some("ada") {
                        event.subject = None;
                    }
                }
            }
            Step::Wait(hours) => self.clock.advance(TimeDelta::hours(hours)),
            Step::Reopen => self.reopen(),
        }
        self.hear();
    }

    fn reopen(&mut self) {
        self.begun = None;
        self.open = None;
        self.open = Some(open(self.folder.path(), &self.clock));
        self.told = self.outlay().journal.watch();
    }

    /// What all facts say of a budget: what was spent in its window and in the one before.
    fn expected(&self, draft: &BudgetDraft) -> Counted {
        let window = draft.period.window(self.clock.now(), draft.tz);
        let spent = |window: outlay_domain::budgets::Window| {
            let within = self.facts.iter().filter(|(event, _)| {
                window.contains(event.occurred_at) && draft.scope.takes_event(event)
            });
            within.map(|(_, nanos)| nanos).sum()
        };
        let before = draft.carries_over.then(|| draft.period.before(window, draft.tz)).flatten();
        Counted { spent: spent(window), before: before.map(spent) }
    }

    /// Holds what is counted, and what is told, against all facts. Says how many counters answered.
    async fn judge(&self) -> usize {
        let now = self.clock.now();
        let mut answered = 0;
        for budget in self.budgets().all().await.unwrap() {
            let expected = self.expected(&budget.draft);
            let said = self.outlay().books.read_blocking(|books| counted(books, &budget, now));
            let said = said.unwrap();
            answered += usize::from(said.is_some());
            assert_eq!(said.unwrap_or(expected), expected, "{budget:?} at {now}");
            let status = self.budgets().status(budget.clone()).await.unwrap();
            let held = Held::of(&budget, expected, Aside::default());
            assert_eq!((status.spent, status.available), (held.spent, held.available));
            let left = status.remaining.max(0) as i64;
            let refused = async |nanos: i64| {
                let amount = Amount::from_nanos(nanos);
                let is_hard = budget.draft.enforcement == Enforcement::Hard;
                let asked = is_hard.then(|| budget.clone()).into_iter().collect();
                !self.budgets().short_of(amount, asked).await.unwrap().is_empty()
            };
            let refuses =
                budget.draft.enforcement == Enforcement::Hard && status.window.contains(now);
            assert_eq!(refused(left).await, refuses && status.remaining < 0);
            assert_eq!(refused(left + 1).await, refuses);
        }
        answered
    }
}

type Usage = (usize, i64, i64);

/// What may happen.
#[derive(Debug, Clone)]
enum Step {
    Send(Vec<Usage>),
    Correct(usize, Usage),
    Delete(usize),
    Adjust(usize, i64),
    Budget(usize, Draft),
    Remove(usize),
    Begin,
    Settle,
    Tend,
    Flush,
    Erase,
    Wait(i64),
    Reopen,
}

#[derive(Debug, Clone)]
struct Draft {
    scope: usize,
    period: usize,
    tz: usize,
    is_hard: bool,
    carries_over: bool,
}

impl Draft {
    fn draft(&self) -> BudgetDraft {
        let scopes = [
            json!({}),
            json!({"provider": ["openai"]}),
            json!({"provider!": ["openai"], "model^": ["gpt-"]}),
            json!({"model": ["gpt-5", ""]}),
            json!({"subject": ["ada", "bob"]}),
            json!({"subject!": ["ada"]}),
        ];
        let periods = [
            json!({"every": "day"}),
            json!({"every": "week"}),
            json!({"every": "month"}),
            json!({"every": "quarter"}),
            json!({"every": "rolling", "days": 3}),
            json!({"every": "once", "first": "2026-10-23", "last": "2026-10-26"}),
        ];
        let zones = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"];
        serde_json::from_value(json!({
            "name": "a budget",
            "amount": "100",
            "scope": scopes[self.scope],
            "period": periods[self.period],
            "tz": zones[self.tz],
            "enforcement": if self.is_hard { "hard" } else { "soft" },
            "carries_over": self.carries_over && self.period < 4,
        }))
        .unwrap()
    }
}

fn usage() -> impl Strategy<Value = Usage> {
    (0..27_usize, -80..23_i64, 1..60_000_000_000_i64)
}

fn budget() -> impl Strategy<Value = Step> {
    let draft = (0..6_usize, 0..6_usize, 0..4_usize, prop::bool::weighted(0.8), any::<bool>());
    let draft = draft.prop_map(|(scope, period, tz, is_hard, carries_over)| Draft {
        scope,
        period,
        tz,
        is_hard,
        carries_over,
    });
    (0..4_usize, draft).prop_map(|(id, draft)| Step::Budget(id, draft))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(usage(), 1..12).prop_map(Step::Send),
        2 => (any::<usize>(), usage()).prop_map(|(place, usage)| Step::Correct(place, usage)),
        1 => any::<usize>().prop_map(Step::Delete),
        1 => (any::<usize>(), -1_000_000_000..1_000_000_000_i64)
            .prop_map(|(place, nanos)| Step::Adjust(place, nanos)),
        4 => budget(),
        1 => (0..4_usize).prop_map(Step::Remove),
        2 => Just(Step::Begin),
        2 => Just(Step::Settle),
        3 => Just(Step::Tend),
        1 => Just(Step::Flush),
        1 => Just(Step::Erase),
        1 => (1..60_i64).prop_map(Step::Wait),
        1 => prop::bool::weighted(0.3).prop_map(|is_closed| {
            if is_closed { Step::Reopen } else { Step::Tend }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn counters_say_what_all_facts_say(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                world.act(step).await;
                world.judge().await;
            }

            world.outlay().tend_counters().await.unwrap();
            let hard = world.budgets().all().await.unwrap();
            let hard = hard.iter().filter(|one| one.draft.enforcement == Enforcement::Hard).count();
            assert!(world.judge().await >= hard, "each hard budget has a counter that answers");
            let report = world.outlay().check().unwrap();
            assert_eq!(report.findings, vec![]);
            let counters = world.outlay().books.read_blocking(|books| books.counters().all()).unwrap();
            assert_eq!(report.counters, counters.len());
        });
    }
}

fn hard(period: serde_json::Value) -> BudgetDraft {
    let draft = json!({
        "name": "all", "amount": "100", "period": period, "enforcement": "hard",
    });
    serde_json::from_value(draft).unwrap()
}

#[tokio::test]
async fn a_counter_that_differs_from_its_facts_is_found_and_counted_anew() {
    let mut world = World::new();
    world.act(Step::Send(vec![(0, -1, 5_000_000_000)])).await;
    let month = hard(json!({"every": "month"}));
    world.budgets().create("b".into(), month).await.unwrap();
    world.act(Step::Tend).await;
    assert_eq!(world.judge().await, 1);

    world
        .outlay()
        .books
        .write_blocking(|tx| {
            let row = tx.counters().all()?.remove(0);
            let month = "2026-10-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
            tx.counters().add([((row.id, month.timestamp_micros()), 1)])
        })
        .unwrap();
    let findings = world.outlay().check().unwrap().findings;
    let places: Vec<_> = findings.iter().map(|finding| finding.place).collect();
    assert_eq!(places, ["counters"], "{findings:?}");
    assert_eq!(world.judge().await, 0, "the history answers meanwhile");

    world.act(Step::Tend).await;
    assert_eq!(world.judge().await, 1);
    assert_eq!(world.outlay().check().unwrap().findings, vec![]);
}

#[tokio::test]
async fn what_commits_moved_is_moved_again_from_the_log_and_never_twice() {
    let mut world = World::new();
    world.act(Step::Send(vec![(0, -1, 5_000_000_000)])).await;
    world.budgets().create("b".into(), hard(json!({"every": "month"}))).await.unwrap();
    world.act(Step::Tend).await;
    let counted = async |world: &World| {
        assert_eq!(world.judge().await, 1, "the counter answers, which nobody began anew");
        assert_eq!(world.outlay().check().unwrap().findings, vec![]);
    };

    // In memory and in the log alone; in the rows; and some of both.
    world.act(Step::Send(vec![(0, -1, 7), (1, -2, 30)])).await;
    for step in [Step::Reopen, Step::Flush, Step::Reopen, Step::Send(vec![(0, -1, 500)])] {
        world.act(step).await;
        counted(&world).await;
    }
    world.act(Step::Reopen).await;
    world.act(Step::Send(vec![(0, -1, 9_000)])).await;
    world.act(Step::Flush).await;
    world.act(Step::Reopen).await;
    counted(&world).await;
}

#[tokio::test]
async fn a_flush_that_fails_leaves_what_was_moved_to_the_next() {
    let mut world = World::new();
    world.budgets().create("b".into(), hard(json!({"every": "month"}))).await.unwrap();
    world.act(Step::Tend).await;
    world.act(Step::Send(vec![(0, -1, 5_000_000_000)])).await;
    let deny = "CREATE TRIGGER deny BEFORE INSERT ON history_segments
                BEGIN SELECT raise(ABORT, 'a disk that fails'); END";
    alter_books(world.folder.path(), deny);

    assert!(world.outlay().history.flush(&world.outlay().dedup).is_err());
    assert_eq!(world.judge().await, 1);
    world.act(Step::Send(vec![(0, -1, 7)])).await;
    alter_books(world.folder.path(), "DROP TRIGGER deny");
    world.act(Step::Flush).await;

    assert_eq!(world.judge().await, 1);
    assert_eq!(world.outlay().check().unwrap().findings, vec![]);
    world.act(Step::Reopen).await;
    assert_eq!(world.judge().await, 1);
}

#[tokio::test]
async fn what_was_spent_stays_counted_when_the_history_lets_go_of_it() {
    let mut world = World::new();
    world.act(Step::Send(vec![(0, -75, 5_000_000_000), (0, -1, 1_000_000_000)])).await;
    let month = hard(json!({"every": "month"}));
    let budget = world.budgets().create("b".into(), month).await.unwrap();
    world.act(Step::Tend).await;
    world.act(Step::Flush).await;

    let removed = world.outlay().history.retain(start() - TimeDelta::days(1)).unwrap();

    assert_eq!(removed, 1);
    assert_eq!(world.judge().await, 1);
    assert_eq!(world.budgets().status(budget).await.unwrap().spent, 6_000_000_000);
    assert_eq!(world.outlay().check().unwrap().findings, vec![], "nobody can tell any more");
}

#[tokio::test]
async fn counters_that_nobody_needs_are_removed_and_what_two_budgets_count_is_counted_once() {
    let mut world = World::new();
    let counters = |world: &World| {
        world.outlay().books.read_blocking(|books| books.counters().all()).unwrap().len()
    };
    for (id, days) in [("three", 3), ("seven", 7)] {
        let rolling = hard(json!({"every": "rolling", "days": days}));
        world.budgets().create(id.into(), rolling).await.unwrap();
    }
    world.budgets().create("day".into(), hard(json!({"every": "day"}))).await.unwrap();
    world.act(Step::Tend).await;
    assert_eq!(counters(&world), 1, "days are counted once for all of them");

    for id in ["three", "seven", "day"] {
        world.budgets().remove(id).await.unwrap();
    }
    world.act(Step::Tend).await;
    assert_eq!(counters(&world), 0);
}
