use compact_str::format_compact;
use outlay_domain::pricing::{Charged, Conditions, PriceBook, PriceRow, Priced};

use outlay_domain::usage::question::{Row, Values};

use super::claims::Claim;
use super::*;

fn row(model: &str, meter: Meter, price: &str) -> PriceRow {
    PriceRow {
        id: format_compact!("test:{model}:{}", meter.name()),
        source: "test".into(),
        provider: "openai".into(),
        model: outlay_domain::pricing::ModelPattern::exactly(model),
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
