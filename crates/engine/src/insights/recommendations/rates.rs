//! What tokens come to at list prices, class by class and exactly.

use chrono::{DateTime, Utc};
use outlay_domain::Quantity;
use outlay_domain::prices::{Price, PriceBook, Rateable};
use outlay_domain::usage::{Meter, Quantities, Tags};

/// Attos times micros, in nanos: 10⁻¹⁸ × 10⁻⁶ over 10⁻⁹.
const TO_NANOS: i128 = 10_i128.pow(15);
/// A prompt of so many tokens meets the price of long prompts, where there is one.
const LONG_PROMPT: i64 = 2_000_000;

/// How much was used of each class of tokens, in millionths of a token.
pub type Mix = Vec<(Meter, i128)>;

/// The terms on which tokens are priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Terms {
    /// Short prompts, answered at once.
    Plain,
    /// Part of a batch job.
    Batch,
    /// A prompt beyond every threshold.
    Long,
}

/// The price of one token of each class of a mix, in 10⁻¹⁸ of the unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates(Vec<(Meter, i128)>);

impl Rates {
    /// The prices of `meters` at `at`; `None` where one of them has none, or none by the token.
    pub fn of(
        book: &PriceBook,
        (provider, model): (&str, &str),
        meters: impl Iterator<Item = Meter>,
        terms: Terms,
        at: DateTime<Utc>,
    ) -> Option<Self> {
        let each = match terms {
            Terms::Long => Quantity::from_units(LONG_PROMPT)?,
            Terms::Plain | Terms::Batch => Quantity::ONE,
        };
        let quantities: Quantities = meters.map(|meter| (meter, each)).collect();
        let batch = (terms == Terms::Batch).then(|| ("batch".into(), "true".into()));
        let parameters: Tags = batch.into_iter().collect();
        let quote = book.quote(&Rateable {
            provider: Some(provider),
            model: Some(model),
            quantities: &quantities,
            parameters: &parameters,
            at,
            stated: None,
        });
        quote.amount?;
        let rates = quote.lines.iter().map(|line| {
            let price: Price = line.unit_price.parse().ok()?;
            (line.quantity == each).then(|| (line.meter.clone(), price.attos()))
        });
        let rates: Vec<_> = rates.collect::<Option<_>>()?;
        (rates.len() == quantities.len()).then_some(Self(rates))
    }

    /// The price of a token of that class, in 10⁻¹⁸; nothing where it was not asked for.
    pub fn attos(&self, meter: &Meter) -> i128 {
        self.0.iter().find(|(known, _)| known == meter).map_or(0, |(_, attos)| *attos)
    }

    /// What `micros` of a class come to, in nanos.
    pub fn nanos(&self, meter: &Meter, micros: i128) -> i128 {
        rounded(self.attos(meter).saturating_mul(micros))
    }

    /// What a mix comes to, in nanos, rounded once.
    pub fn total(&self, mix: &Mix) -> i128 {
        let sum = mix.iter().fold(0_i128, |sum, (meter, micros)| {
            sum.saturating_add(self.attos(meter).saturating_mul(*micros))
        });
        rounded(sum)
    }
}

/// Half away from zero.
pub const fn rounded(attos: i128) -> i128 {
    let half = if attos < 0 { -TO_NANOS / 2 } else { TO_NANOS / 2 };
    attos.saturating_add(half) / TO_NANOS
}
