use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::ledger::{Ledger, Terms};
use crate::plans::PlanId;

struct Shop(BTreeMap<PlanRef, PlanDraft>);

impl Shop {
    fn new() -> Self {
        let plan = |id: &str, json: &str| {
            let plan = PlanRef { id: id.parse::<PlanId>().unwrap(), version: 1 };
            let says: PlanDraft = serde_json::from_str(json).unwrap();
            says.check().unwrap();
            (plan, says)
        };
        Self(BTreeMap::from([
            plan(
                "basic",
                r#"{"name": "Basic", "price": {"currency": "USD", "monthly": "29", "yearly": "290"},
                    "trial_days": 14, "grace_days": 3,
                    "credits": [{"unit": "USD", "amount": "10"}]}"#,
            ),
            plan(
                "pro",
                r#"{"name": "Pro", "price": {"currency": "USD", "monthly": "79", "yearly": "790"},
                    "grace_days": 3,
                    "credits": [{"unit": "USD", "amount": "40", "rollover": {"max": "5", "months": 2}}]}"#,
            ),
            plan("free", r#"{"name": "Free"}"#),
        ]))
    }

    fn named(&self, id: &str) -> PlanRef {
        self.0.keys().find(|plan| plan.id.as_str() == id).unwrap().clone()
    }

    fn says(&self, id: &str) -> &PlanDraft {
        &self.0[&self.named(id)]
    }

    fn to(&self, id: &str, cycle: Cycle) -> NextPlan {
        NextPlan { plan: self.named(id), cycle }
    }

    fn begin(&self, id: &str, cycle: Cycle, tz: &str, at: &str) -> Subscription {
        let (plan, says) = (self.named(id), self.says(id));
        let tz = tz.parse().unwrap();
        Subscription::begin(plan, says, cycle, tz, false, 1, self::at(at)).unwrap().0
    }

    fn turn(&self, one: &mut Subscription, now: DateTime<Utc>) -> Vec<Step> {
        one.turn(now, &|plan| self.0.get(plan))
    }

    fn change(&self, one: &mut Subscription, to: NextPlan, when: When, at: &str) -> Option<Step> {
        one.change(to, when, &|plan| self.0.get(plan), self::at(at)).unwrap()
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn days(steps: &[Step]) -> Vec<String> {
    steps.iter().map(|step| step.from.format("%F").to_string()).collect()
}

fn units(text: &str) -> Amount {
    text.parse().unwrap()
}

#[test]
fn a_subscription_of_the_31st_renews_on_the_last_of_february_and_again_on_31_march() {
    let shop = Shop::new();
    let mut one = shop.begin("pro", Cycle::Monthly, "UTC", "2027-01-31T10:00:00Z");

    let steps = shop.turn(&mut one, at("2027-05-01T00:00:00Z"));

    assert_eq!(days(&steps), ["2027-02-28", "2027-03-31", "2027-04-30"]);
    assert!(steps.iter().all(|step| step.kind == StepKind::Renewed && step.charged == units("79")));
    assert!(steps.iter().all(|step| step.at == step.from && step.credits.len() == 1));
}

#[test]
fn a_year_is_paid_at_once_and_gives_its_credit_month_by_month() {
    let shop = Shop::new();
    let mut one = shop.begin("pro", Cycle::Yearly, "UTC", "2028-02-29T10:00:00Z");

    let steps = shop.turn(&mut one, at("2029-03-01T00:00:00Z"));

    let kinds: Vec<_> = steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds[..11], [StepKind::Month; 11]);
    assert_eq!(kinds[11..], [StepKind::Renewed]);
    assert_eq!((steps[11].charged, days(&steps)[11].as_str()), (units("790"), "2029-02-28"));
    assert_eq!(steps[11].to, at("2030-02-28T10:00:00Z"));
    assert!(steps.iter().all(|step| step.credits.len() == 1));
    assert!(steps[..11].iter().all(|step| step.charged == Amount::ZERO));
}

#[test]
fn a_trial_is_not_paid_and_the_months_begin_when_it_is_over() {
    let shop = Shop::new();
    let tz = Tz::Europe__Berlin;
    let now = at("2027-03-20T08:00:00Z");
    let (mut one, step) = Subscription::begin(
        shop.named("basic"),
        shop.says("basic"),
        Cycle::Monthly,
        tz,
        true,
        1,
        now,
    )
    .unwrap();

    assert_eq!((step.charged, step.credits.len()), (Amount::ZERO, 1));
    // 14 days later at the same time of day, by summer time.
    assert_eq!(one.month_window(), Window { from: now, to: at("2027-04-03T07:00:00Z") });
    assert_eq!(one.fall_due(shop.says("basic"), now), Err(SubscriptionRefusal::Tried));

    let steps = shop.turn(&mut one, at("2027-04-03T07:00:00Z"));
    assert_eq!((steps.len(), steps[0].charged), (1, units("29")));
    assert_eq!(one.state, SubscriptionState::Active);
    assert_eq!(one.period().to, at("2027-05-03T07:00:00Z"));
}

#[test]
fn an_upgrade_now_gives_back_and_charges_for_what_is_left() {
    let shop = Shop::new();
    let mut one = shop.begin("basic", Cycle::Monthly, "UTC", "2027-04-01T00:00:00Z");

    let step =
        shop.change(&mut one, shop.to("pro", Cycle::Monthly), When::Now, "2027-04-16T00:00:00Z");

    let step = step.unwrap();
    assert_eq!((step.credited, step.charged), (units("14.5"), units("39.5")));
    assert_eq!(step.to, at("2027-05-01T00:00:00Z"), "the period goes on");
    let grant = step.credits[0].draft(step.at).unwrap();
    assert_eq!(grant.amount, units("15"), "half of what there is more");
    let again =
        shop.change(&mut one, shop.to("pro", Cycle::Monthly), When::Now, "2027-04-17T00:00:00Z");
    assert_eq!(again, None, "the same again changes nothing");
}

#[test]
fn who_pays_by_the_year_from_now_on_begins_anew() {
    let shop = Shop::new();
    let mut one = shop.begin("basic", Cycle::Monthly, "UTC", "2027-04-01T00:00:00Z");

    let step =
        shop.change(&mut one, shop.to("basic", Cycle::Yearly), When::Now, "2027-04-16T00:00:00Z");

    let step = step.unwrap();
    assert_eq!((step.credited, step.charged), (units("14.5"), units("290")));
    assert_eq!((step.from, step.to), (at("2027-04-16T00:00:00Z"), at("2028-04-16T00:00:00Z")));
    assert_ne!(step.credits[0].id, "1/0/USD", "a month of its own");
}

#[test]
fn a_downgrade_at_the_end_waits_for_it_and_can_be_taken_back() {
    let shop = Shop::new();
    let mut one = shop.begin("pro", Cycle::Monthly, "UTC", "2027-01-31T00:00:00Z");
    let free = shop.to("free", Cycle::Monthly);

    let step = shop.change(&mut one, free.clone(), When::PeriodEnd, "2027-02-02T00:00:00Z");
    assert_eq!(step.unwrap().from, at("2027-02-28T00:00:00Z"));
    assert_eq!(one.plan, shop.named("pro"));
    let step = one.resume(shop.says("pro"), at("2027-02-03T00:00:00Z")).unwrap();
    assert_eq!(step.unwrap().kind, StepKind::Resumed);
    shop.change(&mut one, free, When::PeriodEnd, "2027-02-04T00:00:00Z");

    let steps = shop.turn(&mut one, at("2027-03-31T00:00:00Z"));
    assert_eq!(days(&steps), ["2027-02-28", "2027-03-31"], "on its own days");
    assert_eq!((steps[0].kind, steps[0].charged), (StepKind::Changed, Amount::ZERO));
    assert_eq!(steps[0].before, Some(shop.named("pro")));
}

#[test]
fn what_is_cancelled_ends_when_what_is_paid_for_is_over_or_now() {
    let shop = Shop::new();
    let mut one = shop.begin("pro", Cycle::Yearly, "UTC", "2027-01-01T00:00:00Z");
    let mut other = one.clone();

    one.cancel(When::PeriodEnd, shop.says("pro"), at("2027-03-01T00:00:00Z")).unwrap();
    let steps = shop.turn(&mut one, at("2030-01-01T00:00:00Z"));
    assert_eq!(steps.len(), 12);
    assert_eq!((steps[11].kind, steps[11].at), (StepKind::Ended, at("2028-01-01T00:00:00Z")));
    assert_eq!(one.due_at(), None);

    let now = at("2027-07-02T12:00:00Z");
    let step = other.cancel(When::Now, shop.says("pro"), now).unwrap().unwrap();
    assert_eq!(step.credited, units("395"), "half of the year");
    assert_eq!(other.resume(shop.says("pro"), now), Err(SubscriptionRefusal::None));
}

#[test]
fn a_payment_that_is_due_has_its_days_of_grace() {
    let shop = Shop::new();
    let says = shop.says("basic");
    let mut one = shop.begin("basic", Cycle::Monthly, "UTC", "2027-01-01T00:00:00Z");

    one.fall_due(says, at("2027-01-30T00:00:00Z")).unwrap().unwrap();
    assert!(one.state.allows_use());
    let steps = shop.turn(&mut one, at("2027-03-02T00:00:00Z"));
    let told: Vec<_> = steps.iter().map(|step| (step.kind, step.credits.len())).collect();
    let expected = [(StepKind::Renewed, 1), (StepKind::Suspended, 0), (StepKind::Renewed, 0)];
    assert_eq!(told, expected, "and no credit without pay");
    assert!(!one.state.allows_use());

    let step = one.pay(says, at("2027-03-05T00:00:00Z")).unwrap().unwrap();
    assert_eq!(step.credits[0].id, "1/2/USD", "that of the month");
    assert_eq!(one.pay(says, at("2027-03-06T00:00:00Z")), Ok(None));
}

fn zones() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Pacific/Apia",
    ])
}

#[derive(Debug, Clone)]
enum Deed {
    Change(&'static str, bool, bool),
    Cancel,
    Resume,
    Due,
    Pay,
    Nothing,
}

fn deeds() -> impl Strategy<Value = Deed> {
    let plan = prop::sample::select(vec!["basic", "pro", "free"]);
    prop_oneof![
        3 => (plan, any::<bool>(), any::<bool>())
            .prop_map(|(plan, yearly, now)| Deed::Change(plan, yearly, now)),
        1 => Just(Deed::Cancel),
        2 => Just(Deed::Resume),
        1 => Just(Deed::Due),
        2 => Just(Deed::Pay),
        6 => Just(Deed::Nothing),
    ]
}

fn apply(shop: &Shop, one: &mut Subscription, deed: &Deed, now: DateTime<Utc>) -> Vec<Step> {
    let says = shop.0[&one.plan].clone();
    let done = match deed {
        Deed::Change(plan, yearly, is_now) => {
            let is_yearly = *yearly && *plan != "free";
            let cycle = if is_yearly { Cycle::Yearly } else { Cycle::Monthly };
            let when = if *is_now { When::Now } else { When::PeriodEnd };
            one.change(shop.to(plan, cycle), when, &|plan| shop.0.get(plan), now)
        }
        Deed::Cancel => one.cancel(When::PeriodEnd, &says, now),
        Deed::Resume => one.resume(&says, now),
        Deed::Due => one.fall_due(&says, now),
        Deed::Pay => one.pay(&says, now),
        Deed::Nothing => Ok(None),
    };
    done.unwrap_or_default().into_iter().collect()
}

proptest! {
    #[test]
    fn however_often_it_is_turned_the_same_happens_and_each_thing_once(
        zone in zones(),
        begin in 946_684_800_i64..2_000_000_000,
        yearly in any::<bool>(),
        history in prop::collection::vec((deeds(), 1..2_000_i64), 1..25),
        looks in prop::collection::vec(-900..900_i64, 0..60),
    ) {
        let shop = Shop::new();
        let begin = DateTime::from_timestamp(begin, 0).unwrap();
        let cycle = if yearly { Cycle::Yearly } else { Cycle::Monthly };
        let plan = (shop.named("basic"), shop.says("basic"), zone.parse().unwrap());
        let (seldom, first) =
            Subscription::begin(plan.0, plan.1, cycle, plan.2, true, 1, begin).unwrap();
        let (mut seldom, mut often) = (seldom.clone(), seldom);
        let (mut by_seldom, mut by_often) = (vec![first.clone()], vec![first]);
        let mut now = begin;
        let mut looks = looks.into_iter().cycle();

        for (deed, hours) in history {
            let next = now + TimeDelta::hours(hours);
            // One is looked at again and again, also by a clock that jumps back.
            for _ in 0..4 {
                let look = now + TimeDelta::hours(looks.next().unwrap_or(0));
                by_often.extend(shop.turn(&mut often, look.min(next)));
            }
            now = next;
            by_often.extend(shop.turn(&mut often, now));
            by_seldom.extend(shop.turn(&mut seldom, now));
            by_often.extend(apply(&shop, &mut often, &deed, now));
            by_seldom.extend(apply(&shop, &mut seldom, &deed, now));
        }

        // A payment that falls due without days of grace is due for too long at once.
        by_seldom.extend(shop.turn(&mut seldom, now));
        by_often.extend(shop.turn(&mut often, now));
        prop_assert_eq!(&seldom, &often);
        prop_assert_eq!(&by_seldom, &by_often);
        let mut ids = BTreeSet::new();
        for step in by_seldom.iter().filter(|step| step.kind != StepKind::Paid) {
            for grant in &step.credits {
                prop_assert!(ids.insert(grant.id.clone()), "{} is given twice", grant.id);
            }
        }
        let months = by_seldom.iter().filter(|step| {
            matches!(step.kind, StepKind::Renewed | StepKind::Month)
        });
        let starts: Vec<_> = months.map(|step| step.at).collect();
        prop_assert!(starts.windows(2).all(|pair| pair[0] < pair[1]));
        prop_assert!(seldom.due_at().is_none_or(|due| due > now));
    }

    #[test]
    fn after_any_downtime_there_is_what_there_would_have_been(
        begin in 946_684_800_i64..2_000_000_000,
        hours in 0..20_000_i64,
    ) {
        let shop = Shop::new();
        let begin = DateTime::from_timestamp(begin, 0).unwrap();
        let end = begin + TimeDelta::hours(hours);
        let (plan, says) = (shop.named("pro"), shop.says("pro"));
        let one = Subscription::begin(plan, says, Cycle::Monthly, Tz::UTC, false, 1, begin);
        let (mut one, first) = one.unwrap();
        let (mut in_time, mut late) =
            (Ledger::new(Terms::default(), 0), Ledger::new(Terms::default(), 0));
        let give = |ledger: &mut Ledger, grant: &PlanGrant, now| {
            ledger.ripen(now).unwrap();
            if let Some(draft) = grant.draft(now) {
                ledger.grant(&grant.unit, draft, now).unwrap();
            }
        };
        first.credits.iter().for_each(|grant| {
            give(&mut in_time, grant, begin);
            give(&mut late, grant, begin);
        });

        for step in shop.turn(&mut one, end) {
            step.credits.iter().for_each(|grant| give(&mut in_time, grant, step.at));
            step.credits.iter().for_each(|grant| give(&mut late, grant, end));
        }
        in_time.ripen(end).unwrap();
        late.ripen(end).unwrap();

        prop_assert_eq!(in_time.balance(&Unit::USD), late.balance(&Unit::USD));
    }

    #[test]
    fn what_is_left_and_what_was_used_come_to_the_price(
        price in 0..1_000_000_000_000_i64,
        length in 1..40_000_000_i64,
        part in 0..=1_000_i64,
    ) {
        let from = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let whole = Window { from, to: from + TimeDelta::seconds(length) };
        let now = from + TimeDelta::seconds(length * part / 1_000);
        let amount = Amount::from_nanos(price);

        let rest = rest_of(amount, whole, now);

        prop_assert!(rest >= Amount::ZERO && rest <= amount);
        let exact = price as i128 * (whole.to - now).num_seconds() as i128;
        let off = rest.nanos() as i128 * length as i128 - exact;
        prop_assert!(off.abs() * 2 <= length as i128, "half a billionth at most");
        prop_assert_eq!(rest_of(amount, whole, from - TimeDelta::days(1)), amount);
        prop_assert_eq!(rest_of(amount, whole, whole.to), Amount::ZERO);
    }
}
