//! Demo usage: a small company's AI spend and what its customers pay, made up from a seed, so that a
//! newcomer sees something.
//!
//! Each event is a function of the seed and its number, so the same demo comes out each time. A
//! weekly rhythm, slow growth, a new level, two unusual days and a model without a price are in it on
//! purpose. So are two budgets, one of them nearly spent, and somebody who sees one account only.

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use compact_str::{CompactString, format_compact};
use outlay_domain::budgets::{BudgetDraft, Enforcement, Period, Scope, ScopeError, Threshold};
use outlay_domain::revenue::{RevenueFact, RevenueKind};
use outlay_domain::usage::{Dimensions, EventDraft, Meter, Status};
use outlay_domain::{Amount, Quantity};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Days of usage before the present.
pub const DAYS: i64 = 90;
/// The source of all demo events.
pub const SOURCE: &str = "demo";

/// A kind of call that the company makes.
struct Habit {
    service: &'static str,
    team: &'static str,
    project: &'static str,
    provider: &'static str,
    model: &'static str,
    operation: &'static str,
    /// Calls in an ordinary working hour.
    calls: f64,
    /// Tokens in and out of an ordinary call.
    tokens: (f64, f64),
    /// The part of the input that is cached.
    cached: f64,
    /// What a call costs where no tokens are counted.
    cost_nanos: i64,
    /// Whether it rests at the weekend and at night.
    office_hours: bool,
}

const HABITS: [Habit; 9] = [
    Habit {
        service: "support-bot",
        team: "support",
        project: "helpdesk",
        provider: "openai",
        model: "gpt-4o-mini",
        operation: "chat",
        calls: 16.0,
        tokens: (2400.0, 320.0),
        cached: 0.55,
        cost_nanos: 0,
        office_hours: true,
    },
    Habit {
        service: "support-bot",
        team: "support",
        project: "escalations",
        provider: "anthropic",
        model: "claude-sonnet-4-5",
        operation: "chat",
        calls: 4.0,
        tokens: (5200.0, 700.0),
        cached: 0.4,
        cost_nanos: 0,
        office_hours: true,
    },
    Habit {
        service: "search",
        team: "platform",
        project: "retrieval",
        provider: "openai",
        model: "text-embedding-3-small",
        operation: "embeddings",
        calls: 22.0,
        tokens: (900.0, 0.0),
        cached: 0.0,
        cost_nanos: 0,
        office_hours: false,
    },
    Habit {
        service: "search",
        team: "platform",
        project: "retrieval",
        provider: "cohere",
        model: "rerank-v3.5",
        operation: "rerank",
        calls: 5.0,
        tokens: (0.0, 0.0),
        cached: 0.0,
        cost_nanos: 2_000_000,
        office_hours: false,
    },
    Habit {
        service: "code-review",
        team: "engineering",
        project: "reviewer",
        provider: "anthropic",
        model: "claude-opus-4-1",
        operation: "chat",
        calls: 1.6,
        tokens: (14_000.0, 1_900.0),
        cached: 0.7,
        cost_nanos: 0,
        office_hours: true,
    },
    Habit {
        service: "code-review",
        team: "engineering",
        project: "autocomplete",
        provider: "google",
        model: "gemini-2.5-flash",
        operation: "chat",
        calls: 12.0,
        tokens: (3_100.0, 140.0),
        cached: 0.2,
        cost_nanos: 0,
        office_hours: true,
    },
    Habit {
        service: "reports",
        team: "finance",
        project: "summaries",
        provider: "openai",
        model: "gpt-4o",
        operation: "chat",
        calls: 2.2,
        tokens: (8_000.0, 1_100.0),
        cached: 0.1,
        cost_nanos: 0,
        office_hours: true,
    },
    Habit {
        service: "leads",
        team: "growth",
        project: "enrichment",
        provider: "semrush",
        model: "domain-overview",
        operation: "domain-overview",
        calls: 1.4,
        tokens: (0.0, 0.0),
        cached: 0.0,
        cost_nanos: 50_000_000,
        office_hours: true,
    },
    Habit {
        service: "lab",
        team: "research",
        project: "prototypes",
        provider: "openai",
        model: "gpt-next-preview",
        operation: "chat",
        calls: 0.12,
        tokens: (3_000.0, 600.0),
        cached: 0.0,
        cost_nanos: 0,
        office_hours: true,
    },
];

/// Something that the company sells.
struct Product {
    name: &'static str,
    /// What it is made with; nothing where all of the company is behind it.
    service: Option<&'static str>,
    /// Sales in an ordinary working hour.
    sales: f64,
    price_nanos: i64,
}

const PRODUCTS: [Product; 4] = [
    Product {
        name: "answered ticket",
        service: Some("support-bot"),
        sales: 0.35,
        price_nanos: 990_000_000,
    },
    Product {
        name: "reviewed change",
        service: Some("code-review"),
        sales: 0.5,
        price_nanos: 1_200_000_000,
    },
    Product { name: "lead pack", service: Some("leads"), sales: 0.03, price_nanos: 2_000_000_000 },
    Product { name: "platform fee", service: None, sales: 0.02, price_nanos: 9_000_000_000 },
];
/// One of so many purchases is given back two days later.
const REFUNDED_ONE_IN: u32 = 40;

const ACCOUNTS: [&str; 4] = ["northwind", "initech", "globex", "internal"];

/// The account whose spend nears its budget.
const TIGHT_ACCOUNT: &str = ACCOUNTS[0];
/// What all may spend in a month: a little less than they do.
const MONTH_NANOS: i64 = 220_000_000_000;
/// What [`TIGHT_ACCOUNT`] may spend in 30 days: a little more than it does.
const TIGHT_NANOS: i64 = 56_000_000_000;

/// Days since when the support bot answers more of its cases with the larger model.
const NEW_LEVEL_DAYS: i64 = 20;

/// Somebody of the demo who signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoMember {
    /// What they sign in by.
    pub id: &'static str,
    /// What people call them.
    pub name: &'static str,
    /// The account that they see.
    pub account: &'static str,
    /// What their program's key is called.
    pub key: &'static str,
}

/// Who sees one account only.
pub const MEMBER: DemoMember = DemoMember {
    id: "mia@northwind.example",
    name: "Mia Winter",
    account: TIGHT_ACCOUNT,
    key: "northwind's website",
};

/// The id of the plan that the demo's tight account has.
pub const PLAN: &str = "team";

/// That plan: roomy enough that the demo goes on, and small enough that its limits are seen to move.
pub const PLAN_JSON: &str = r#"{
    "name": "Team", "description": "What the demo's account northwind has.",
    "price": {"currency": "USD", "monthly": "99", "yearly": "990"}, "grace_days": 7,
    "credits": [{"unit": "USD", "amount": "100", "rollover": {"max": "20", "months": 1}}],
    "features": {
        "priority_support": {"kind": "boolean"}, "seats": {"kind": "static", "value": "5"},
        "chat": {"kind": "metered", "limit": "chat_calls"}
    },
    "limits": [
        {"id": "spend", "measure": "spend", "most": "150", "every": "period"},
        {"id": "chat_calls", "measure": "events", "most": 20000, "every": "period", "scope": {"operation": ["chat"]}},
        {"id": "tokens", "measure": "tokens", "most": "1000000", "every": "day", "enforcement": "soft"},
        {"id": "bursts", "measure": "events", "most": 600, "every": "minute"},
        {"id": "searches", "measure": "searches", "most": "unlimited", "every": "month"}
    ]
}"#;

/// The demo's budgets with their ids: of all that is spent, and of one account, which is nearly spent
/// on any day of the month, because it looks back instead of beginning anew.
pub fn budgets() -> Result<Vec<(CompactString, BudgetDraft)>, ScopeError> {
    let draft = |name: &str, scope, nanos, period| BudgetDraft {
        name: name.into(),
        scope,
        amount: Amount::from_nanos(nanos),
        period,
        tz: chrono_tz::Tz::UTC,
        enforcement: Enforcement::Soft,
        thresholds: Threshold::usual(),
        carries_over: false,
    };
    let all = draft("All AI spend", Scope::default(), MONTH_NANOS, Period::Month {});
    let tight = Scope::only("account", TIGHT_ACCOUNT)?;
    let tight = draft("Northwind", tight, TIGHT_NANOS, Period::Rolling { days: 30 });
    Ok(vec![("demo-all".into(), all), ("demo-northwind".into(), tight)])
}

/// The demo events of the hour that begins at `hour`, up to `until`, oldest first.
pub fn hour(hour: DateTime<Utc>, now: DateTime<Utc>, until: DateTime<Utc>) -> Vec<EventDraft> {
    let mut rng = StdRng::seed_from_u64(u64::try_from(hour.timestamp()).unwrap_or(0));
    let days_ago = (now - hour).num_days();
    let mut drafts = Vec::new();
    for habit in &HABITS {
        let expected = habit.calls * rhythm(habit, hour) * level(habit, days_ago);
        let calls = whole(expected * rng.random_range(0.75..1.25), &mut rng);
        for _ in 0..calls {
            drafts.push(call(habit, hour, drafts.len(), &mut rng));
        }
    }
    drafts.retain(|draft| draft.occurred_at.is_some_and(|at| at < until));
    drafts.sort_by_key(|draft| draft.occurred_at);
    drafts
}

/// What customers paid in the hour that begins at `hour`, and took back later, up to `until`.
pub fn sales(hour: DateTime<Utc>, until: DateTime<Utc>) -> Vec<RevenueFact> {
    let mut rng = StdRng::seed_from_u64(u64::try_from(hour.timestamp()).unwrap_or(0) ^ 1);
    let mut facts = Vec::new();
    for product in &PRODUCTS {
        for _ in 0..whole(product.sales * 3.0 * office(hour), &mut rng) {
            let at = hour + TimeDelta::microseconds(rng.random_range(0..3_600_000_000));
            let account = ACCOUNTS[rng.random_range(0..ACCOUNTS.len() - 1)];
            let id = format_compact!("demo-{}-{}", hour.timestamp(), facts.len());
            let sale = sale(product, RevenueKind::Payment, id, at, account);
            if rng.random_ratio(1, REFUNDED_ONE_IN) {
                let (id, at) = (format_compact!("{}-back", sale.id), at + TimeDelta::days(2));
                facts.push(self::sale(product, RevenueKind::Refund, id, at, account));
            }
            facts.push(sale);
        }
    }
    facts.retain(|fact| fact.occurred_at < until);
    facts
}

fn sale(
    product: &Product,
    kind: RevenueKind,
    id: CompactString,
    occurred_at: DateTime<Utc>,
    account: &str,
) -> RevenueFact {
    let nanos = if kind == RevenueKind::Refund { -1 } else { 1 } * product.price_nanos;
    let named = |name: &str, value: &str| (name.into(), value.into());
    let service = product.service.map(|service| named("service", service));
    RevenueFact {
        id,
        source: SOURCE.into(),
        kind,
        occurred_at,
        payment: None,
        transaction: None,
        gross: Amount::from_nanos(nanos),
        net: Amount::from_nanos(nanos),
        fee: Amount::ZERO,
        tax: Amount::ZERO,
        currency: "usd".into(),
        product: Some(product.name.into()),
        attributes: service.into_iter().chain([named("account", account)]).collect(),
        metadata: None,
    }
}

/// How much of the ordinary goes on in an hour of the week.
fn rhythm(habit: &Habit, hour: DateTime<Utc>) -> f64 {
    if habit.office_hours { office(hour) } else { 0.7 }
}

/// How much goes on in an hour of the week where people do it.
fn office(hour: DateTime<Utc>) -> f64 {
    let weekend = hour.weekday().number_from_monday() > 5;
    let day = match hour.hour() {
        0..=5 => 0.06,
        6..=7 => 0.4,
        8..=17 => 1.0,
        18..=20 => 0.5,
        _ => 0.15,
    };
    if weekend { day * 0.25 } else { day }
}

/// How much of the ordinary goes on in a day of the past.
fn level(habit: &Habit, days_ago: i64) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let growth = 1.0 - days_ago.clamp(0, DAYS) as f64 / DAYS as f64 * 0.35;
    let jump = match habit.project {
        "escalations" if days_ago < NEW_LEVEL_DAYS => 3.2,
        _ => 1.0,
    };
    let unusual = match (habit.project, days_ago) {
        ("reviewer", 11) => 3.2,
        ("helpdesk", 37) => 2.6,
        _ => 1.0,
    };
    growth * jump * unusual
}

/// A whole number whose mean is `expected`.
fn whole(expected: f64, rng: &mut StdRng) -> u32 {
    let down = expected.floor();
    let up = rng.random_bool((expected - down).clamp(0.0, 1.0));
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let down = down as u32;
    down + u32::from(up)
}

fn call(habit: &Habit, hour: DateTime<Utc>, number: usize, rng: &mut StdRng) -> EventDraft {
    let at = hour + TimeDelta::microseconds(rng.random_range(0..3_600_000_000));
    let failed = rng.random_bool(0.018);
    let spread = |mean: f64, rng: &mut StdRng| {
        #[allow(clippy::cast_possible_truncation)]
        let tokens = (mean * (0.4 + 1.2 * rng.random::<f64>())) as i64;
        Quantity::from_units(tokens).unwrap_or_default()
    };
    let mut quantities = vec![(Meter::Requests, Quantity::ONE)];
    if habit.tokens.0 > 0.0 && !failed {
        quantities.push((Meter::InputTokens, spread(habit.tokens.0 * (1.0 - habit.cached), rng)));
        if habit.cached > 0.0 {
            quantities.push((Meter::CacheReadTokens, spread(habit.tokens.0 * habit.cached, rng)));
        }
        if habit.tokens.1 > 0.0 {
            quantities.push((Meter::OutputTokens, spread(habit.tokens.1, rng)));
        }
    }
    let stated = (habit.cost_nanos > 0)
        .then(|| Amount::from_nanos(if failed { 0 } else { habit.cost_nanos }));
    let milliseconds = 180.0 + habit.tokens.1 * 6.0;
    #[allow(clippy::cast_possible_truncation)]
    let duration = (milliseconds * 1000.0 * rng.random_range(0.5..2.2)) as i64;
    let account = ACCOUNTS[rng.random_range(0..ACCOUNTS.len())];
    EventDraft {
        id: format_compact!("demo-{}-{number}", hour.timestamp()),
        source: SOURCE.into(),
        occurred_at: Some(at),
        account: account.into(),
        subject: Some(format_compact!("user-{}", rng.random_range(1..40))),
        provider: Some(habit.provider.into()),
        model: Some(habit.model.into()),
        operation: Some(habit.operation.into()),
        service: Some(habit.service.into()),
        status: if failed { Status::Error } else { Status::Ok },
        duration_us: Some(duration),
        quantities,
        dimensions: Dimensions {
            team: Some(habit.team.into()),
            project: Some(habit.project.into()),
            platform: Some(CompactString::const_new(if rng.random_bool(0.7) {
                "web"
            } else {
                "mobile"
            })),
            environment: Some(CompactString::const_new(if rng.random_bool(0.9) {
                "production"
            } else {
                "staging"
            })),
        },
        tags: vec![("feature".into(), habit.project.into())],
        stated_cost: stated,
        metadata: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_same_hour_comes_out_the_same() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let noon = DateTime::from_timestamp(1_789_992_000, 0).unwrap();
        let ids = |drafts: Vec<EventDraft>| {
            drafts.into_iter().map(|draft| (draft.id, draft.occurred_at)).collect::<Vec<_>>()
        };

        let all = ids(hour(noon, now, noon + TimeDelta::hours(1)));
        let half = ids(hour(noon, now, noon + TimeDelta::minutes(30)));

        assert_eq!(all, ids(hour(noon, now, noon + TimeDelta::hours(1))));
        assert!(!half.is_empty() && all.starts_with(&half), "the rest of an hour only adds to it");
    }

    #[test]
    fn one_level_is_new_and_stays() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let of_day = |days_ago: i64| {
            let first = now - TimeDelta::days(days_ago + 1);
            let calls = (0..24).flat_map(|number| {
                let at = first + TimeDelta::hours(number);
                hour(at - TimeDelta::seconds(at.timestamp() % 3600), now, now)
            });
            calls.filter(|call| call.dimensions.project.as_deref() == Some("escalations")).count()
        };

        let (before, since) = (of_day(30), of_day(16));

        // Two weeks apart, so that both are the same weekday.
        assert!(since > 2 * before, "{since} calls after {before}");
    }

    #[test]
    fn the_member_sees_the_account_whose_budget_is_nearly_spent() {
        let budgets = budgets().unwrap();

        let scopes: Vec<_> = budgets.iter().map(|(_, draft)| draft.scope.names().clone()).collect();

        assert!(scopes[0].is_empty(), "the first is of everything");
        assert_eq!(scopes[1]["account"], [MEMBER.account]);
    }

    #[test]
    fn customers_pay_more_than_the_usage_costs_and_some_want_it_back() {
        let until = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let first = DateTime::from_timestamp(1_790_000_000 - 90 * 86_400, 0).unwrap();
        let hours = (0..90 * 24).map(|hour| first + TimeDelta::hours(hour));

        let facts: Vec<_> = hours.flat_map(|hour| sales(hour, until)).collect();

        let ids: std::collections::HashSet<_> = facts.iter().map(RevenueFact::key).collect();
        let refunds = facts.iter().filter(|fact| fact.kind == RevenueKind::Refund).count();
        let sum: i64 = facts.iter().map(|fact| fact.gross.nanos()).sum();
        assert_eq!(ids.len(), facts.len(), "each is a fact of its own");
        assert!(refunds > 5 && refunds < facts.len() / 20, "{refunds} of {}", facts.len());
        assert!(sum > 500_000_000_000, "{sum}");
        assert!(facts.iter().all(|fact| fact.occurred_at < until));
    }
}
