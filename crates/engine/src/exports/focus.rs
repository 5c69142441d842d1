//! Charges in the form of FOCUS, the FinOps Open Cost and Usage Specification.
//!
//! A row is what one account was charged in one period for one SKU: a meter of a model, at one price.
//! Events keep what they cost and the price rows that it came from, not the lines. So each event is
//! rated again at its time; where that comes to what it was charged, the lines part the charge,
//! exactly. Where it does not (a stated cost, or prices that were changed since), the charge stays
//! whole: one row by the request, without a unit price. Events without a price are in no row.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use outlay_domain::pricing::{PriceBook, Quote, Rateable};
use outlay_domain::revenue::share;
use outlay_domain::usage::question::Every;
use outlay_domain::usage::{ChargeBasis, Fact, FactKind, Meter, Quantities, UsageEvent};
use outlay_domain::{Amount, Quantity};
use rust_decimal::Decimal;

/// Tokens in the unit that they are priced by.
const PRICED_TOKENS: u32 = 1_000_000;

/// What tells rows apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FocusKey {
    /// Who pays.
    pub account: CompactString,
    /// Who was paid.
    pub provider: Option<CompactString>,
    /// Which service.
    pub service: Option<CompactString>,
    /// Which model.
    pub model: Option<CompactString>,
    /// A team.
    pub team: Option<CompactString>,
    /// A project.
    pub project: Option<CompactString>,
    /// What was counted; `None` where the charge is not parted.
    pub meter: Option<Meter>,
    /// The price row.
    pub price: Option<CompactString>,
    /// What one unit of the meter costs.
    pub unit_price: Option<Decimal>,
    /// How the amounts came about.
    pub basis: &'static str,
    /// Whether the row only puts earlier charges right.
    pub is_adjustment: bool,
}

/// Charges of one SKU in one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FocusRow {
    /// The start of the period.
    pub start: DateTime<Utc>,
    /// The first instant after.
    pub end: DateTime<Utc>,
    /// What it is for.
    pub key: FocusKey,
    /// What was charged, in nanos.
    pub nanos: i128,
    /// How much of the meter, in millionths; requests where the charge is not parted.
    pub micros: i128,
}

impl FocusRow {
    /// How much was used.
    pub fn consumed(&self) -> Decimal {
        Decimal::from_i128_with_scale(self.micros, 6).normalize()
    }

    /// Whether tokens were counted.
    pub fn is_tokens(&self) -> bool {
        self.key.meter.as_ref().is_some_and(Meter::is_tokens)
    }

    /// How much is priced: millions of tokens, and anything else by one.
    pub fn priced(&self) -> Decimal {
        match self.is_tokens() {
            true => Decimal::from_i128_with_scale(self.micros, 12).normalize(),
            false => self.consumed(),
        }
    }

    /// What one priced unit costs.
    pub fn unit_price(&self) -> Option<Decimal> {
        let price = self.key.unit_price?;
        let scale = if self.is_tokens() { PRICED_TOKENS } else { 1 };
        Some(price.checked_mul(scale.into())?.normalize())
    }
}

/// Facts become rows, period by period.
///
/// Facts are added from the newest to the oldest; only the rows of one period are held.
pub struct FocusRows {
    every: Every,
    tz: Tz,
    period: Option<(DateTime<Utc>, DateTime<Utc>)>,
    sums: BTreeMap<FocusKey, (i128, i128)>,
}

impl FocusRows {
    /// Rows by the hour or the day of `tz`.
    pub const fn new(every: Every, tz: Tz) -> Self {
        Self { every, tz, period: None, sums: BTreeMap::new() }
    }

    /// Adds a fact; answers the rows of the period that it ends.
    pub fn add(&mut self, fact: &Fact, book: &PriceBook) -> Vec<FocusRow> {
        let at = fact.event.occurred_at;
        let is_within = self.period.is_some_and(|(start, end)| start <= at && at < end);
        let over = if is_within { Vec::new() } else { self.finish() };
        if !is_within {
            let start = self.every.start(at, self.tz);
            self.period = Some((start, self.every.next(start, self.tz)));
        }
        for (key, nanos, micros) in lines(fact, book) {
            let sums = self.sums.entry(key).or_default();
            sums.0 += nanos;
            sums.1 += micros;
        }
        over
    }

    /// The rows of the last period.
    pub fn finish(&mut self) -> Vec<FocusRow> {
        let sums = std::mem::take(&mut self.sums);
        let Some((start, end)) = self.period.take() else { return Vec::new() };
        sums.into_iter()
            .filter(|(_, (nanos, micros))| *nanos != 0 || *micros != 0)
            .map(|(key, (nanos, micros))| FocusRow { start, end, key, nanos, micros })
            .collect()
    }
}

/// The lines of a fact's charge: for what, how much in nanos, and of how much in millionths.
fn lines(fact: &Fact, book: &PriceBook) -> Vec<(FocusKey, i128, i128)> {
    let Some(amount) = fact.charge.amount else { return Vec::new() };
    let event = &fact.event;
    let whole = FocusKey {
        account: event.account.clone(),
        provider: event.provider.clone(),
        service: event.service.clone(),
        model: event.model.clone(),
        team: event.dimensions.team.clone(),
        project: event.dimensions.project.clone(),
        meter: None,
        price: None,
        unit_price: None,
        basis: fact.charge.basis.as_str(),
        is_adjustment: fact.kind == FactKind::Adjustment,
    };
    parted(fact, amount, &whole, book).unwrap_or_else(|| {
        let requests = event.quantities.get(&Meter::Requests).micros();
        vec![(whole, amount.nanos().into(), requests.into())]
    })
}

/// The charge line by line, where rating it again comes to the same.
fn parted(
    fact: &Fact,
    amount: Amount,
    whole: &FocusKey,
    book: &PriceBook,
) -> Option<Vec<(FocusKey, i128, i128)>> {
    let is_rated = matches!(fact.charge.basis, ChargeBasis::Rated | ChargeBasis::PartlyPriced);
    if !is_rated || fact.kind == FactKind::Adjustment {
        return None;
    }
    // What is taken back was rated as what it was.
    let is_reversal = fact.kind == FactKind::Reversal;
    let (quote, charged) = if is_reversal {
        (rated(&taken_back(&fact.event), book), amount.checked_neg()?)
    } else {
        (rated(&fact.event, book), amount)
    };
    if quote.amount != Some(charged) || !fact.charge.price_ids().eq(quote.prices()) {
        return None;
    }
    let amounts: Option<Vec<u128>> = quote.lines.iter().map(|line| weight(&line.amount)).collect();
    let parts = share(charged.nanos().into(), &amounts?);
    // Lines that all cost nothing have no weight.
    let parts = parts.unwrap_or_else(|| vec![0; quote.lines.len()]);
    if quote.lines.is_empty() || parts.iter().sum::<i128>() != i128::from(charged.nanos()) {
        return None;
    }
    let sign = if is_reversal { -1 } else { 1 };
    let line = |(line, nanos): (&outlay_domain::pricing::QuoteLine, i128)| {
        let key = FocusKey {
            meter: Some(line.meter.clone()),
            price: Some(line.price.clone()),
            unit_price: line.unit_price.parse().ok(),
            ..whole.clone()
        };
        (key, sign * nanos, sign * i128::from(line.quantity.micros()))
    };
    Some(quote.lines.iter().zip(parts).map(line).collect())
}

fn rated(event: &UsageEvent, book: &PriceBook) -> Quote {
    book.quote(&Rateable { stated: None, ..Rateable::of(event) })
}

/// The event that a reversal takes back.
fn taken_back(event: &UsageEvent) -> UsageEvent {
    let mut quantities = Quantities::new();
    for (meter, quantity) in event.quantities.iter() {
        quantities.set(meter.clone(), Quantity::from_micros(-quantity.micros()));
    }
    UsageEvent { quantities, ..event.clone() }
}

/// A line's amount as a weight, in 10⁻¹⁸.
fn weight(amount: &str) -> Option<u128> {
    let mut amount: Decimal = amount.parse().ok()?;
    amount.rescale(18);
    (amount.scale() == 18).then(|| u128::try_from(amount.mantissa()).ok()).flatten()
}
