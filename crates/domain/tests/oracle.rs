//! Random prices and random requests, against sums that another library makes in its own way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use chrono::{DateTime, Utc};
use outlay_domain::prices::{
    Charged, Conditions, ContextThreshold, PriceBook, PriceRow, Priced, Rateable,
};
use outlay_domain::usage::{Meter, Quantities, Tags};
use outlay_domain::{Amount, Quantity};
use proptest::prelude::*;
use rust_decimal::prelude::*;

fn now() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

/// The classes of a model, in the order in which one stands in for the next.
const CLASSES: [Meter; 6] = [
    Meter::InputTokens,
    Meter::CacheReadTokens,
    Meter::CacheWrite5mTokens,
    Meter::CacheWrite1hTokens,
    Meter::OutputTokens,
    Meter::ReasoningTokens,
];

/// Prices of one model: for each class a plain price, and one each for a tier, a threshold and
/// both, all optional but the plain prices of input and output.
#[derive(Debug, Clone)]
struct Model {
    prices: [[Option<Decimal>; 4]; 6],
    threshold: u64,
    factor: Option<Decimal>,
}

#[derive(Debug, Clone)]
struct Request {
    tokens: [u32; 6],
    priority: bool,
    special: bool,
}

/// A price with up to `places` digits behind the point, of the size that tokens cost.
fn price(places: u32) -> impl Strategy<Value = Decimal> {
    (0..10_i64.pow(places.min(12))).prop_map(move |digits| Decimal::new(digits, places + 3))
}

fn model() -> impl Strategy<Value = Model> {
    let optional = || proptest::option::of(price(12));
    let class = (optional(), optional(), optional(), optional())
        .prop_map(|(plain, tier, long, both)| [plain, tier, long, both]);
    let classes = proptest::array::uniform6(class);
    let factor = proptest::option::of((11_i64..30).prop_map(|tenths| Decimal::new(tenths, 1)));
    (classes, price(12), price(12), 1..500_000_u64, factor).prop_map(
        |(mut prices, input, output, threshold, factor)| {
            prices[0][0] = Some(input);
            prices[4][0] = Some(output);
            Model { prices, threshold, factor }
        },
    )
}

fn request() -> impl Strategy<Value = Request> {
    let tokens = proptest::array::uniform6(prop_oneof![Just(0_u32), 0..1_000_000_u32]);
    (tokens, any::<bool>(), any::<bool>()).prop_map(|(tokens, priority, special)| Request {
        tokens,
        priority,
        special,
    })
}

fn rows(model: &Model) -> Vec<PriceRow> {
    let conditions = |at: usize| {
        let mut conditions = Conditions::default();
        if at == 1 || at == 3 {
            conditions.tier = Some("priority".into());
        }
        if at >= 2 {
            conditions.context = Some(ContextThreshold::Over(model.threshold));
        }
        conditions
    };
    let row = |priced: Priced, price: Decimal, conditions: Conditions| PriceRow {
        id: format!("{}:{conditions}", priced.as_str()).into(),
        source: "test".into(),
        provider: "openai".into(),
        model: "m".parse().unwrap(),
        rank: 0,
        priced,
        per: 1,
        price: price.to_string().parse().unwrap(),
        currency: "USD".into(),
        charged: Charged::Each,
        conditions,
        valid_from: None,
        valid_to: None,
        version: "1".into(),
    };
    let mut rows = Vec::new();
    for (class, prices) in CLASSES.iter().zip(&model.prices) {
        for (at, price) in prices.iter().enumerate() {
            rows.extend(
                price.map(|price| row(Priced::Meter(class.clone()), price, conditions(at))),
            );
        }
    }
    let special =
        Conditions { parameters: vec![("speed".into(), "fast".into())], ..Conditions::default() };
    rows.extend(model.factor.map(|factor| row(Priced::Factor, factor, special)));
    rows
}

/// The rules, written down once more and in the plainest way.
fn oracle(model: &Model, request: &Request) -> Decimal {
    let prompt: u64 = request.tokens[..4].iter().map(|tokens| u64::from(*tokens)).sum();
    let is_long = prompt > model.threshold;
    let own = |class: usize| {
        let [plain, tier, long, both] = model.prices[class];
        let tier = tier.filter(|_| request.priority);
        let both = both.filter(|_| is_long && request.priority);
        let long = long.filter(|_| is_long);
        both.or(long).or(tier).or(plain)
    };
    let input = own(0).unwrap();
    let output = own(4).unwrap();
    let written = own(2).unwrap_or(input);
    let reasoning = {
        let fits = |class: usize, at: usize| match at {
            3 => is_long && request.priority && model.prices[class][3].is_some(),
            2 => is_long && model.prices[class][2].is_some(),
            1 => request.priority && model.prices[class][1].is_some(),
            _ => model.prices[class][0].is_some(),
        };
        let best = |class: usize| (0..4).rev().find(|at| fits(class, *at));
        match (best(5), best(4).unwrap()) {
            (None, _) => output,
            // Output has a price for the tier or the threshold, and thinking has none.
            (Some(own_at), output_at)
                if (output_at % 2 == 1 && own_at % 2 == 0) || (output_at >= 2 && own_at < 2) =>
            {
                output
            }
            (Some(_), _) => own(5).unwrap(),
        }
    };
    let rates =
        [input, own(1).unwrap_or(input), written, own(3).unwrap_or(written), output, reasoning];
    let sum: Decimal =
        rates.iter().zip(request.tokens).map(|(rate, tokens)| *rate * Decimal::from(tokens)).sum();
    let factor = model.factor.filter(|_| request.special).unwrap_or(Decimal::ONE);
    (sum * factor).round_dp_with_strategy(9, RoundingStrategy::MidpointAwayFromZero)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_quote_is_what_plain_decimals_come_to(model in model(), request in request()) {
        let book = PriceBook::new(rows(&model), &[]);
        let quantities: Quantities = CLASSES
            .iter()
            .zip(request.tokens)
            .map(|(class, tokens)| (class.clone(), Quantity::from_units(tokens.into()).unwrap()))
            .collect();
        let mut tags = Vec::new();
        if request.priority {
            tags.push(("service_tier".into(), "priority".into()));
        }
        if request.special {
            tags.push(("speed".into(), "fast".into()));
        }
        let parameters: Tags = tags.into_iter().collect();

        let quote = book.quote(&Rateable {
            provider: Some("openai"),
            model: Some("m"),
            quantities: &quantities,
            parameters: &parameters,
            at: now(),
            stated: None,
        });

        let expected: Amount = oracle(&model, &request).to_string().parse().unwrap();
        prop_assert_eq!(quote.amount, Some(expected));
        let lines: Decimal =
            quote.lines.iter().map(|line| Decimal::from_str(&line.amount).unwrap()).sum();
        let rounded = lines.round_dp_with_strategy(9, RoundingStrategy::MidpointAwayFromZero);
        prop_assert_eq!(rounded.normalize().to_string(), expected.to_string());
    }

    #[test]
    fn a_price_reads_back_as_it_is_written(attos in 0..=10_i128.pow(27)) {
        let price = outlay_domain::prices::Price::from_attos(attos).unwrap();
        prop_assert_eq!(price.to_string().parse(), Ok(price));
    }

    #[test]
    fn a_float_in_a_price_file_is_the_decimal_it_stood_for(digits in 1..1_000_000_i64, places in 0..15_u32) {
        let decimal = Decimal::new(digits, places);
        let float = decimal.to_f64().unwrap();
        let noisy = format!("{:e}", float * (1.0 + f64::EPSILON));

        let price = outlay_domain::prices::Price::from_foreign(&noisy).unwrap();

        prop_assert_eq!(price.to_string(), decimal.normalize().to_string());
    }
}
