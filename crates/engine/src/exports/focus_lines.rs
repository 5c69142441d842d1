//! What each fact of a charge is for, line by line.
//!
//! Facts keep what they cost and the price rows that it came from, not the lines. The rows are never
//! edited, so the lines are worked out from them again and come out as they were charged, whatever
//! was set since. Where they do not come to the amount (a stated cost), the charge stays whole: one
//! line by the request.
//!
//! An adjustment has the difference only, and no quantities. So it is told beside the fact that it
//! adjusts: what each meter was charged before, and what it is charged now. What is taken back is
//! taken back line by line, adjustments too.

use std::collections::BTreeMap;

use outlay_domain::prices::{QuoteLine, Recount};
use outlay_domain::revenue::share;
use outlay_domain::usage::{ChargeBasis, Fact, FactKind, Meter, Quantities, UsageEvent};
use outlay_domain::{Amount, Quantity};
use rust_decimal::Decimal;

use super::focus::FocusKey;

/// A part of a charge: for what, how much in nanos, and of how much in millionths.
pub(super) type Line = (FocusKey, i128, i128);

/// The lines of a fact that says what was used, and of the later ones about it, oldest first.
pub(super) fn lines(fact: &Fact, later: &[Fact], recount: &mut Recount) -> Vec<Line> {
    let mut told = Told { stated: fact, charged: None, by_meter: None, lines: Vec::new() };
    told.state(recount);
    for fact in later {
        match fact.kind {
            FactKind::Adjustment => told.adjust(fact, recount),
            _ => told.take_back(fact, recount),
        }
    }
    told.lines
}

/// The lines of a fact about an event that is not among those that were asked for.
pub(super) fn lines_alone(fact: &Fact, recount: &mut Recount) -> Vec<Line> {
    let Some(amount) = fact.charge.amount else { return Vec::new() };
    if fact.kind == FactKind::Adjustment {
        return vec![adjusted_whole(fact, amount, recount)];
    }
    // What is taken back was charged as what it was.
    let charged = match fact.kind {
        FactKind::Reversal => amount.checked_neg(),
        _ => Some(amount),
    };
    let event = match fact.kind {
        FactKind::Reversal => taken_back(&fact.event),
        _ => fact.event.clone(),
    };
    let sign = if fact.kind == FactKind::Reversal { -1 } else { 1 };
    let parted = charged.and_then(|charged| parted(&event, fact, charged, recount));
    let Some(parted) = parted else {
        let requests = fact.event.quantities.get(&Meter::Requests).micros();
        return vec![(key(fact), amount.nanos().into(), requests.into())];
    };
    let line = |(line, nanos): (QuoteLine, i128)| {
        let micros = i128::from(line.quantity.micros());
        (key_of_line(fact, &line), sign * nanos, sign * micros)
    };
    parted.into_iter().map(line).collect()
}

/// What is known of an event's charge, fact by fact.
struct Told<'a> {
    /// The fact that says what was used.
    stated: &'a Fact,
    /// What was charged up to now.
    charged: Option<Amount>,
    /// The same by meter, where that is known.
    by_meter: Option<BTreeMap<Meter, i128>>,
    lines: Vec<Line>,
}

impl Told<'_> {
    fn state(&mut self, recount: &mut Recount) {
        let fact = self.stated;
        self.lines = lines_alone(fact, recount);
        self.charged = fact.charge.amount;
        let of_meter = |(key, nanos, _): &Line| Some((key.meter.clone()?, *nanos));
        // Where nothing was charged yet, every meter was charged nothing.
        self.by_meter = self.lines.iter().map(of_meter).collect();
    }

    /// Tells an adjustment by what it changes for each meter.
    fn adjust(&mut self, fact: &Fact, recount: &mut Recount) {
        let Some(difference) = fact.charge.amount else { return };
        let before = self.by_meter.take();
        self.charged = self.charged.unwrap_or(Amount::ZERO).checked_add(difference);
        let now =
            self.charged.and_then(|charged| parted(&self.stated.event, fact, charged, recount));
        self.by_meter = now.as_deref().map(by_meter);
        let (Some(before), Some(now)) = (before, now) else {
            self.lines.push(adjusted_whole(fact, difference, recount));
            return;
        };
        let mut left = before;
        for (line, nanos) in now {
            let was = left.remove(&line.meter).unwrap_or(0);
            // A difference is at no unit price.
            let key = FocusKey { unit_price: None, ..key_of_line(fact, &line) };
            self.lines.push((key, nanos - was, 0));
        }
        for (meter, was) in left {
            self.lines.push((FocusKey { meter: Some(meter), ..key(fact) }, -was, 0));
        }
    }

    /// Tells a reversal as what was told before, negated.
    fn take_back(&mut self, fact: &Fact, recount: &mut Recount) {
        let told: i128 = self.lines.iter().map(|(_, nanos, _)| nanos).sum();
        let amount = fact.charge.amount.map_or(0, |amount| i128::from(amount.nanos()));
        if told == -amount {
            let negated: Vec<Line> = self
                .lines
                .iter()
                .map(|(key, nanos, micros)| (key.clone(), -nanos, -micros))
                .collect();
            self.lines.extend(negated);
        } else {
            self.lines.extend(lines_alone(fact, recount));
        }
        self.charged = None;
        self.by_meter = None;
    }
}

fn by_meter(lines: &[(QuoteLine, i128)]) -> BTreeMap<Meter, i128> {
    lines.iter().map(|(line, nanos)| (line.meter.clone(), *nanos)).collect()
}

/// An adjustment of which is not known what it changes for each meter.
fn adjusted_whole(fact: &Fact, difference: Amount, recount: &Recount) -> Line {
    let meter = recount.only_meter(&fact.charge.prices);
    let price = meter.as_ref().and_then(|_| fact.charge.price_ids().next());
    let key = FocusKey { price: price.map(Into::into), meter, ..key(fact) };
    (key, difference.nanos().into(), 0)
}

/// How the prices that `fact` names part `charged`, which is all that `event` was charged then.
fn parted(
    event: &UsageEvent,
    fact: &Fact,
    charged: Amount,
    recount: &mut Recount,
) -> Option<Vec<(QuoteLine, i128)>> {
    if !matches!(fact.charge.basis, ChargeBasis::Rated | ChargeBasis::PartlyPriced) {
        return None;
    }
    let quote = recount.quote(event, &fact.charge.prices)?;
    if quote.amount != Some(charged) || quote.lines.is_empty() {
        return None;
    }
    let weights: Option<Vec<u128>> = quote.lines.iter().map(|line| weight(&line.amount)).collect();
    // Lines that all cost nothing have no weight.
    let parts =
        share(charged.nanos().into(), &weights?).unwrap_or_else(|| vec![0; quote.lines.len()]);
    let is_whole = parts.iter().sum::<i128>() == i128::from(charged.nanos());
    is_whole.then(|| quote.lines.into_iter().zip(parts).collect())
}

/// What a whole charge is for.
fn key(fact: &Fact) -> FocusKey {
    let event = &fact.event;
    FocusKey {
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
    }
}

fn key_of_line(fact: &Fact, line: &QuoteLine) -> FocusKey {
    FocusKey {
        meter: Some(line.meter.clone()),
        price: Some(line.price.clone()),
        unit_price: line.unit_price.parse().ok(),
        ..key(fact)
    }
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
