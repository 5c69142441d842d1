use compact_str::format_compact;
use outlay_domain::prices::{Charged, Conditions, ContextThreshold, PriceBook, PriceRow, Priced};

use outlay_domain::usage::question::{Row, Values};

use super::claims::Claim;
use super::*;
use crate::usage::By;

fn row(model: &str, meter: Meter, price: &str) -> PriceRow {
    PriceRow {
        id: format_compact!("test:{model}:{}", meter.name()),
        source: "test".into(),
        provider: "openai".into(),
        model: outlay_domain::prices::ModelPattern::exactly(model),
        rank: 0,
        priced: Priced::Meter(meter),
        per: 1,
        price: price.parse().unwrap(),
        currency: "USD".into(),
        charged: Charged::Each,
        conditions: Conditions::default(),
        valid_from: None,
        valid_to: None,
        version: CompactString::default(),
    }
}

fn book() -> PriceBook {
    let rows = [
        row("gpt-4o", Meter::InputTokens, "0.0000025"),
        row("gpt-4o", Meter::CacheReadTokens, "0.00000125"),
        row("gpt-4o", Meter::OutputTokens, "0.00001"),
        row("gpt-4o-mini", Meter::InputTokens, "0.00000015"),
        row("gpt-4o-mini", Meter::CacheReadTokens, "0.000000075"),
        row("gpt-4o-mini", Meter::OutputTokens, "0.0000006"),
    ];
    PriceBook::new(rows, &[])
}

/// A million tokens in and a hundred thousand out: 3.50 at list prices.
fn used(nanos: i128) -> Used {
    Used {
        provider: "openai".into(),
        model: "gpt-4o".into(),
        nanos,
        events: 100,
        failed_nanos: 350_000_000,
        failed: 10,
        mix: vec![(Meter::InputTokens, 1_000_000_000_000), (Meter::OutputTokens, 100_000_000_000)],
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-20T00:00:00Z".parse().unwrap()
}

fn claims(used: &[Used]) -> Vec<(Kind, i128)> {
    let found = found::find(used, &book(), now());
    let sum = |found: &Found| found.claims.iter().map(|claim| claim.nanos).sum();
    found.iter().map(|found| (found.recommendation.kind, sum(found))).collect()
}

#[test]
fn savings_are_the_observed_tokens_at_both_prices() {
    let claims = claims(&[used(3_500_000_000)]);

    assert_eq!(
        claims,
        [
            (Kind::Failures, 350_000_000),
            // 1,000,000 × 0.15 / 10⁶ + 100,000 × 0.60 / 10⁶ = 0.21 instead of 3.50.
            (Kind::CheaperModel, 3_290_000_000),
            // 600,000 tokens from the cache, each 0.00000125 less.
            (Kind::PromptCaching, 750_000_000),
            // A quarter of it at half the price, which batch jobs have where no row says another.
            (Kind::Batch, 437_500_000),
        ]
    );
}

#[test]
fn a_discount_lessens_the_saving_as_much() {
    let claims = claims(&[used(1_750_000_000)]);

    assert!(claims.contains(&(Kind::CheaperModel, 1_645_000_000)), "{claims:?}");
}

#[test]
fn all_together_save_what_one_after_the_other_does() {
    let used = [used(3_500_000_000)];
    let course = Course::default();

    let items = priced(found::find(&used, &book(), now()), &used, &course, &[], now());

    // Of 3.50 the model leaves 0.21; of that caching leaves 11/14, batches 7/8, and no failures 9/10.
    let left = 129_937_500;
    let saved: i128 =
        items.iter().filter_map(|item| item.recommendation.saving).map(|s| s.monthly).sum();
    assert_eq!(saved, (3_500_000_000 - left) * 30);
    assert_eq!(items[0].recommendation.id, "model-openai-gpt-4o");
    assert_eq!(items[0].recommendation.proof.rows[0], ["input", "1,000,000", "$2.50", "$0.15"]);
}

/// A row of idle charges: service, provider, model, nanos.
fn idle_answer(rows: &[(&str, &str, &str, i128)]) -> Answer {
    let name = |text: &str| (!text.is_empty()).then(|| CompactString::from(text));
    let row = |(service, provider, model, nanos): &(&str, &str, &str, i128)| {
        let group = Group::Of([name(service), name(provider), name(model)].into());
        let now = vec![Value::Amount { nanos: *nanos }, Value::Count(24)];
        Row { bucket: None, group, values: Values { now, before: None } }
    };
    let total = Values { now: Vec::new(), before: None };
    Answer { rows: rows.iter().map(row).collect(), total }
}

#[test]
fn idle_capacity_is_saved_once_whoever_else_claims_it() {
    let mut used = vec![used(3_500_000_000)];
    let answer = idle_answer(&[
        ("training", "aws", "p5.48xlarge", 900_000_000),
        ("training", "openai", "gpt-4o", 500_000_000),
        ("", "aws", "p5.48xlarge", 100_000_000),
    ]);

    let found = idle::find(&answer, &mut used);

    let named: Vec<_> = found.iter().map(|found| found.recommendation.id.as_str()).collect();
    assert_eq!(named, ["idle-training", "idle"]);
    assert_eq!(used[1].nanos, 1_000_000_000, "what was idle only is spend of its own");
    assert_eq!(
        found[0].claims,
        [Claim { pair: 1, nanos: 900_000_000 }, Claim { pair: 0, nanos: 500_000_000 }]
    );
    assert_eq!(found[0].recommendation.proof.rows[0], ["aws", "p5.48xlarge", "24", "$0.90"]);
    assert_eq!(found[1].recommendation.scope["service"], [""], "what has no service");
}

/// Days of usage in a folder of its own, the last of them yesterday.
struct Usage {
    outlay: Outlay,
    _folder: tempfile::TempDir,
}

impl Usage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = crate::Options { background: false, ..crate::Options::default() };
        let clock = Arc::new(crate::FrozenClock::at(now() + TimeDelta::hours(12)));
        Self { outlay: Outlay::open(folder.path(), options, clock).unwrap(), _folder: folder }
    }

    /// What `model` cost `back` days ago.
    async fn spend(&self, back: i64, model: &str, operation: Option<&str>, cost: &str) {
        let draft = outlay_domain::usage::EventDraft {
            id: format!("{model}-{back}-{}", operation.unwrap_or_default()).into(),
            source: "tests".into(),
            account: "acme".into(),
            occurred_at: Some(now() - TimeDelta::days(back)),
            provider: Some("aws".into()),
            model: Some(model.into()),
            operation: operation.map(Into::into),
            stated_cost: Some(cost.parse().unwrap()),
            ..Default::default()
        };
        let event = draft.accept(now()).unwrap();
        let event = crate::usage::Incoming { event, time_stated: true };
        self.outlay.journal.accept(vec![event]).await.unwrap();
    }

    /// Kind and whole saving of what is advised.
    async fn savings(&self) -> Vec<(Kind, i128)> {
        let slice = Slice { days: 30, tz: Tz::UTC, filters: Vec::new() };
        let all = self.outlay.recommendations(By::Server("tests")).about(&slice).await.unwrap();
        let saving = |item: &Item| item.recommendation.saving.map_or(0, |saving| saving.monthly);
        all.items.iter().map(|item| (item.recommendation.kind, saving(item))).collect()
    }
}

#[tokio::test]
async fn what_stood_idle_on_one_day_is_no_dear_day_as_well() {
    let usage = Usage::new();
    for back in 1..30 {
        usage.spend(back, "p5", None, &format!("{}", 10 + back % 3)).await;
    }
    usage.spend(9, "p5", Some("idle"), "118.08").await;

    let savings = usage.savings().await;

    let idle = savings.iter().find(|(kind, _)| *kind == Kind::Idle).unwrap();
    assert_eq!(idle.1, 118_080_000_000, "thirty days of thirty");
    assert!(savings.iter().all(|(kind, _)| *kind != Kind::Anomalies), "{savings:?}");
}

#[tokio::test]
async fn a_dear_day_saves_on_what_was_dear_on_it() {
    let usage = Usage::new();
    for back in 1..30 {
        usage.spend(back, "steady", None, &format!("{}", 100 + back % 3)).await;
        let cost = if back == 9 { 201 } else { 1 };
        usage.spend(back, "burst", None, &cost.to_string()).await;
    }
    let slice = Slice { days: 30, tz: Tz::UTC, filters: Vec::new() };
    let all = usage.outlay.recommendations(By::Server("tests"));
    let days = Days::ending(now().date_naive(), 29).unwrap();
    let busy = all.busy(days, &slice, None).await.unwrap();
    let used = all.used(days, &slice, None).await.unwrap();
    let course = Course::of(&busy, now().date_naive(), now().date_naive());
    let analysis = Analysis::of(&course, 30);

    let found = days::expensive(analysis.as_ref(), &busy, &used);

    let [expensive] = found.as_slice() else { panic!("{} found", found.len()) };
    let [claim] = expensive.claims.as_slice() else { panic!("{:?}", expensive.claims) };
    assert_eq!(used[claim.pair].model, "burst");
    // Not more than the 200 that it lay above its own usual dollar.
    assert!((100_000_000_000..=200_000_000_000).contains(&claim.nanos), "{claim:?}");
}

#[test]
fn long_prompts_are_shown_at_their_price_now_and_at_that_of_short_ones_then() {
    let mut long = row("gpt-4o", Meter::InputTokens, "0.000005");
    long.id = "test:long".into();
    long.rank = 1;
    long.conditions.context = Some(ContextThreshold::Over(200_000));
    let book = PriceBook::new(
        [
            row("gpt-4o", Meter::InputTokens, "0.0000025"),
            long,
            row("gpt-4o", Meter::OutputTokens, "0.00001"),
        ],
        &[],
    );

    let found = found::find(&[used(6_000_000_000)], &book, now());

    let tier = found.iter().find(|found| found.recommendation.kind == Kind::ContextTier).unwrap();
    let own = &tier.recommendation;
    assert_eq!(own.proof.rows[0], ["input", "1,000,000", "$5.00", "$2.50"]);
    assert_eq!(own.proof.rows[2], ["Together", "", "$6.00", "$3.50"]);
    let listed = own.evidence.iter().find(|figure| figure.label == "At list prices").unwrap();
    assert_eq!(listed.value, "$6.00");
}
