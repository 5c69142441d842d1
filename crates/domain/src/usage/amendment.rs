//! How an event is taken back or put right: by further facts that name it.

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::{Charge, Fact, FactKind, Quantities, UsageEvent};
use crate::{Amount, Quantity};

/// Why an event cannot be amended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AmendError {
    /// No event bears the id.
    #[error("no event has this source and id")]
    NotFound,
    /// It was taken back before.
    #[error("the event was deleted before")]
    Deleted,
    /// The sums leave the range of amounts.
    #[error("the charges of the event leave the range of amounts")]
    OutOfRange,
}

/// The fact that takes an event back, given all facts under its id, oldest first.
///
/// After it, everything that the facts added to any sum is gone: the charge with its adjustments,
/// the quantities, the count of events and of unpriced ones.
pub fn reversal(facts: &[Fact], received_at: DateTime<Utc>) -> Result<Fact, AmendError> {
    let standing = standing(facts)?;
    let mut amount = None;
    let mut unpriced = 0_i8;
    for fact in facts {
        if let Some(part) = fact.charge.amount {
            let sum: Amount = amount.unwrap_or(Amount::ZERO);
            amount = Some(sum.checked_add(part).ok_or(AmendError::OutOfRange)?);
        }
        unpriced += fact.charge.unpriced;
    }
    let negated = |quantity: Quantity| Quantity::from_micros(-quantity.micros());
    let quantities: Quantities = standing
        .event
        .quantities
        .iter()
        .map(|(meter, quantity)| (meter.clone(), negated(quantity)))
        .collect();
    Ok(Fact {
        kind: FactKind::Reversal,
        received_at,
        event: UsageEvent { quantities, duration_us: None, ..standing.event.clone() },
        charge: Charge {
            basis: standing.charge.basis,
            amount: amount
                .map(|sum| sum.checked_neg().ok_or(AmendError::OutOfRange))
                .transpose()?,
            unpriced: -unpriced,
            prices: standing.charge.prices.clone(),
        },
    })
}

/// The fact that charges the difference between what an event was charged and `charge`, given all
/// facts under its id, oldest first. `None` when nothing differs.
pub fn adjustment(
    facts: &[Fact],
    charge: Charge,
    received_at: DateTime<Utc>,
) -> Result<Option<Fact>, AmendError> {
    let standing = standing(facts)?;
    let parts = facts.iter().filter_map(|fact| fact.charge.amount);
    let charged = parts
        .into_iter()
        .try_fold(Amount::ZERO, |sum, part| sum.checked_add(part))
        .ok_or(AmendError::OutOfRange)?;
    let unpriced: i8 = facts.iter().map(|fact| fact.charge.unpriced).sum();
    let Some(amount) = charge.amount else { return Ok(None) };
    // What was charged as a whole is not made a part because a price is no longer known.
    if unpriced == 0 && charge.unpriced > 0 {
        return Ok(None);
    }
    let completed = charge.unpriced - unpriced;
    let difference = amount.checked_sub(charged).ok_or(AmendError::OutOfRange)?;
    if difference == Amount::ZERO && completed == 0 {
        return Ok(None);
    }
    let quantities = std::iter::once((super::Meter::Requests, Quantity::ZERO)).collect();
    Ok(Some(Fact {
        kind: FactKind::Adjustment,
        received_at,
        event: UsageEvent { quantities, duration_us: None, ..standing.event.clone() },
        charge: Charge { amount: Some(difference), unpriced: completed, ..charge },
    }))
}

/// The fact that bears the event's content at present.
pub fn standing(facts: &[Fact]) -> Result<&Fact, AmendError> {
    let stated = |fact: &&Fact| matches!(fact.kind, FactKind::Usage | FactKind::Correction);
    let newest = facts.iter().rev().find(stated).ok_or(AmendError::NotFound)?;
    match facts.iter().map(|fact| fact.kind.event_count()).sum::<i64>() {
        0 => Err(AmendError::Deleted),
        _ => Ok(newest),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{ChargeBasis, EventDraft, Meter};
    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + minute * 60, 0).unwrap()
    }

    fn used(charge: Charge) -> Fact {
        let draft = EventDraft {
            id: "e-1".into(),
            source: "test".into(),
            account: "acme".into(),
            provider: Some("openai".into()),
            quantities: vec![(Meter::InputTokens, Quantity::from_units(100).unwrap())],
            ..EventDraft::default()
        };
        let event = draft.accept(at(0)).unwrap();
        Fact { kind: FactKind::Usage, received_at: at(0), event, charge }
    }

    fn rated(text: &str) -> Charge {
        Charge {
            basis: ChargeBasis::Rated,
            prices: "p1".into(),
            ..Charge::stated(text.parse().unwrap())
        }
    }

    fn sum(facts: &[Fact]) -> (i64, i64, i64, i64) {
        let amount = facts.iter().filter_map(|fact| fact.charge.amount).map(Amount::nanos).sum();
        let unpriced = facts.iter().map(|fact| i64::from(fact.charge.unpriced)).sum();
        let tokens =
            facts.iter().map(|fact| fact.event.quantities.get(&Meter::InputTokens).whole()).sum();
        let events = facts.iter().map(|fact| fact.kind.event_count()).sum();
        (amount, unpriced, tokens, events)
    }

    #[test]
    fn a_reversal_leaves_nothing_of_an_event() {
        let mut facts = vec![used(Charge::unpriced())];
        facts.extend(adjustment(&facts, rated("0.5"), at(1)).unwrap());
        facts.extend(adjustment(&facts, rated("0.4"), at(2)).unwrap());
        assert_eq!(sum(&facts), (400_000_000, 0, 100, 1));

        facts.push(reversal(&facts, at(3)).unwrap());

        assert_eq!(sum(&facts), (0, 0, 0, 0));
        assert_eq!(reversal(&facts, at(4)), Err(AmendError::Deleted));
    }

    #[test]
    fn an_event_still_unpriced_is_taken_back_as_such() {
        let mut facts = vec![used(Charge::unpriced())];

        facts.push(reversal(&facts, at(1)).unwrap());

        assert_eq!(sum(&facts), (0, 0, 0, 0));
        assert_eq!(facts[1].charge.amount, None);
    }

    fn partly(text: &str) -> Charge {
        Charge {
            basis: ChargeBasis::PartlyPriced,
            unpriced: 1,
            prices: "p1,?searches".into(),
            ..Charge::stated(text.parse().unwrap())
        }
    }

    #[test]
    fn a_part_is_completed_by_what_it_lacks_and_no_more() {
        let mut facts = vec![used(Charge::unpriced())];
        facts.extend(adjustment(&facts, partly("0.3"), at(1)).unwrap());
        assert_eq!(sum(&facts), (300_000_000, 1, 100, 1));
        assert_eq!(adjustment(&facts, partly("0.3"), at(2)), Ok(None));

        facts.extend(adjustment(&facts, rated("0.5"), at(3)).unwrap());

        assert_eq!(facts[2].charge.amount, Some("0.2".parse().unwrap()));
        assert_eq!(sum(&facts), (500_000_000, 0, 100, 1));
        assert_eq!(adjustment(&facts, rated("0.5"), at(4)), Ok(None));
    }

    #[test]
    fn what_was_charged_as_a_whole_is_not_made_a_part() {
        let facts = vec![used(rated("1"))];

        assert_eq!(adjustment(&facts, partly("0.4"), at(1)), Ok(None));
    }

    #[test]
    fn a_partly_priced_event_is_taken_back_whole() {
        let mut facts = vec![used(partly("0.3"))];

        facts.push(reversal(&facts, at(1)).unwrap());

        assert_eq!(sum(&facts), (0, 0, 0, 0));
    }

    #[test]
    fn an_adjustment_charges_the_difference_once() {
        let mut facts = vec![used(rated("1"))];

        facts.extend(adjustment(&facts, rated("1.25"), at(1)).unwrap());

        assert_eq!(facts[1].charge.amount, Some("0.25".parse().unwrap()));
        assert_eq!(adjustment(&facts, rated("1.25"), at(2)), Ok(None));
        assert_eq!(adjustment(&[], rated("1"), at(2)), Err(AmendError::NotFound));
    }
}
