//! How long it takes to rate one event: it happens in the one writer, for every event.
#![allow(missing_docs, clippy::unwrap_used)]

use chrono::{DateTime, Utc};
use criterion::{Criterion, criterion_group, criterion_main};
use outlay_domain::Quantity;
use outlay_domain::prices::{Charged, Conditions, ContextThreshold, PriceBook, PriceRow, Priced};
use outlay_domain::usage::{EventDraft, Meter, UsageEvent};

fn now() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn row(model: usize, meter: &Meter, price: &str, conditions: Conditions) -> PriceRow {
    PriceRow {
        id: format!("litellm:openai/model-{model}:{}:{conditions}", meter.name()).into(),
        source: "litellm".into(),
        provider: "openai".into(),
        model: format!("model-{model}").parse().unwrap(),
        rank: 0,
        priced: Priced::Meter(meter.clone()),
        per: 1,
        price: price.parse().unwrap(),
        currency: "USD".into(),
        charged: Charged::Each,
        conditions,
        valid_from: None,
        valid_to: None,
        version: "1".into(),
    }
}

/// A thousand models with a plain, a tiered and a long-context price of each class.
fn book() -> PriceBook {
    let classes = [Meter::InputTokens, Meter::OutputTokens, Meter::CacheReadTokens];
    let rows = (0..1000).flat_map(|model| {
        classes.clone().into_iter().flat_map(move |meter| {
            let tier = Conditions { tier: Some("priority".into()), ..Conditions::default() };
            let context = Some(ContextThreshold::Over(200_000));
            let long = Conditions { context, ..Conditions::default() };
            [
                row(model, &meter, "0.0000025", Conditions::default()),
                row(model, &meter, "0.000005", tier),
                row(model, &meter, "0.0000051", long),
            ]
        })
    });
    PriceBook::new(rows, &["litellm".into()])
}

fn event(tags: &[(&str, &str)], prompt: i64) -> UsageEvent {
    let tokens = |units| Quantity::from_units(units).unwrap();
    let draft = EventDraft {
        id: "1".into(),
        source: "bench".into(),
        account: "alice".into(),
        occurred_at: Some(now()),
        provider: Some("openai".into()),
        model: Some("model-500".into()),
        quantities: vec![
            (Meter::InputTokens, tokens(prompt)),
            (Meter::CacheReadTokens, tokens(400)),
            (Meter::OutputTokens, tokens(321)),
            (Meter::ReasoningTokens, tokens(123)),
        ],
        tags: tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        ..EventDraft::default()
    };
    draft.accept(now()).unwrap()
}

fn rate(criterion: &mut Criterion) {
    let book = book();
    let plain = event(&[("feature", "chat")], 1200);
    let special = event(&[("feature", "chat"), ("service_tier", "priority")], 300_000);

    criterion.bench_function("rate/plain", |bench| bench.iter(|| book.rate(&plain)));
    criterion.bench_function("rate/tier and long context", |bench| {
        bench.iter(|| book.rate(&special));
    });
}

criterion_group!(benches, rate);
criterion_main!(benches);
