//! What is kept of an event: the event, its charge, and when it came.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Meter, UsageEvent};
use crate::{Amount, Quantity};

/// A usage event as it stands in the usage log and in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What happened to bring the fact about.
    pub kind: FactKind,
    /// When the server took it in.
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub received_at: DateTime<Utc>,
    /// What was used.
    pub event: UsageEvent,
    /// What it costs.
    pub charge: Charge,
}

impl Fact {
    /// Bytes of memory that it takes, about; what is written of it is hardly ever more.
    pub fn size_bytes(&self) -> usize {
        size_of::<Self>() - size_of::<UsageEvent>()
            + self.event.size_bytes()
            + self.charge.prices.len()
    }
}

/// Why a fact was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    /// Usage was reported.
    Usage,
    /// The same usage was rated again: only the difference of the charge is in it, every quantity
    /// is zero. It bears the id of the event that it adjusts.
    Adjustment,
    /// An event was taken back: every quantity and the charge are the event's, negated. It bears
    /// the id of the event that it reverses.
    Reversal,
    /// An event was taken back and this stands in its place, under the same id.
    Correction,
}

impl FactKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Usage, Self::Adjustment, Self::Reversal, Self::Correction];

    /// The word in the history.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Adjustment => "adjustment",
            Self::Reversal => "reversal",
            Self::Correction => "correction",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// What the fact adds to a count of events: a reversal takes one away.
    pub const fn event_count(self) -> i64 {
        match self {
            Self::Usage | Self::Correction => 1,
            Self::Adjustment => 0,
            Self::Reversal => -1,
        }
    }
}

/// What one event costs, naming the prices that it was rated with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// How the amount came about.
    pub basis: ChargeBasis,
    /// The amount; `None` while no price is known. Unknown is never zero. Of a partly priced event
    /// it is what is known.
    pub amount: Option<Amount>,
    /// What the fact adds to the count of events that lack a price: 1 for an unpriced and for a
    /// partly priced event, 0 for a priced one, -1 for an adjustment that priced the rest of an
    /// event later or a reversal of one that lacked a price.
    pub unpriced: i8,
    /// The ids of the price rows in the order of the lines, and after them `?METER` for each meter
    /// that was used and had no price while others had one; joined by commas.
    pub prices: CompactString,
}

/// What stands before the name of a meter without a price, among the ids of prices.
pub(crate) const UNPRICED_MARK: char = '?';

/// How an amount came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChargeBasis {
    /// Quantities times our prices.
    Rated,
    /// The provider or the sender stated it.
    Stated,
    /// No price was known.
    Unpriced,
    /// Quantities times our prices as far as these are known: something else was used that has no
    /// price.
    PartlyPriced,
}

impl ChargeBasis {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rated, Self::Stated, Self::Unpriced, Self::PartlyPriced];

    /// The word in the history and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rated => "rated",
            Self::Stated => "stated",
            Self::Unpriced => "unpriced",
            Self::PartlyPriced => "partly_priced",
        }
    }

    /// The basis of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.as_str() == word)
    }
}

impl Charge {
    /// A charge of what was stated.
    pub fn stated(amount: Amount) -> Self {
        Self {
            basis: ChargeBasis::Stated,
            amount: Some(amount),
            unpriced: 0,
            prices: CompactString::const_new(""),
        }
    }

    /// The ids of the price rows.
    pub fn price_ids(&self) -> impl Iterator<Item = &str> {
        self.prices.split(',').filter(|id| !id.is_empty() && !id.starts_with(UNPRICED_MARK))
    }

    /// What was used and has no price, and how much of it, where the charge is `event`'s.
    pub fn unpriced_meters<'a>(
        &'a self,
        event: &'a UsageEvent,
    ) -> impl Iterator<Item = (&'a Meter, Quantity)> {
        let lacks = move |meter: &Meter| match self.basis {
            ChargeBasis::Rated | ChargeBasis::Stated => false,
            // A call as such is free with most, so that what it used is what lacks a price.
            ChargeBasis::Unpriced => *meter != Meter::Requests || event.quantities.len() == 1,
            ChargeBasis::PartlyPriced => {
                let mut names =
                    self.prices.split(',').filter_map(|id| id.strip_prefix(UNPRICED_MARK));
                names.any(|name| name == meter.name())
            }
        };
        let used = event.quantities.iter().filter(|(_, used)| *used > Quantity::ZERO);
        used.filter(move |(meter, _)| lacks(meter) && !event.quantities.says_again(meter))
    }

    /// The charge of an event for which no price is known.
    pub const fn unpriced() -> Self {
        Self {
            basis: ChargeBasis::Unpriced,
            amount: None,
            unpriced: 1,
            prices: CompactString::const_new(""),
        }
    }
}
