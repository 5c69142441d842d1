//! Charges in the form of FOCUS, the FinOps Open Cost and Usage Specification.
//!
//! A row is what one account was charged in one period for one SKU: a meter of a model, at one price.
//! How charges are parted is told in `focus_lines`. Events without a price are in no row.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use hashbrown::HashMap;
use outlay_domain::prices::{PriceBook, Recount};
use outlay_domain::usage::question::Every;
use outlay_domain::usage::{EventName, Fact, FactKind, Meter};
use rust_decimal::Decimal;

use super::focus_lines::{Line, lines, lines_alone};

/// Tokens in the unit that they are priced by.
const PRICED_TOKENS: u32 = 1_000_000;
/// Bytes of amendments that wait for the fact that they amend, at most. They wait within an instant
/// only; what no longer has room is told by itself.
const HELD_BYTES_MAX: usize = 32 * 1024 * 1024;

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
/// Facts are added from the newest to the oldest; only the rows of one period are held, and the
/// amendments of one instant.
pub struct FocusRows {
    every: Every,
    tz: Tz,
    recount: Recount,
    period: Option<(DateTime<Utc>, DateTime<Utc>)>,
    sums: BTreeMap<FocusKey, (i128, i128)>,
    held: Held,
}

/// Amendments of one instant, each event's newest first.
#[derive(Default)]
struct Held {
    instant: Option<DateTime<Utc>>,
    by_event: HashMap<EventName, Vec<Fact>>,
    size_bytes: usize,
}

impl FocusRows {
    /// Rows by the hour or the day of `tz`, of charges by the prices of `book`.
    pub fn new(every: Every, tz: Tz, book: Arc<PriceBook>) -> Self {
        Self {
            every,
            tz,
            recount: Recount::new(book),
            period: None,
            sums: BTreeMap::new(),
            held: Held::default(),
        }
    }

    /// Adds a fact; answers the rows of the period that it ends.
    pub fn add(&mut self, fact: &Fact) -> Vec<FocusRow> {
        let at = fact.event.occurred_at;
        if self.held.instant != Some(at) {
            self.release();
            self.held.instant = Some(at);
        }
        let is_within = self.period.is_some_and(|(start, end)| start <= at && at < end);
        let over = if is_within { Vec::new() } else { self.finish() };
        if !is_within {
            let start = self.every.start(at, self.tz);
            self.period = Some((start, self.every.next(start, self.tz)));
        }
        self.tell(fact);
        over
    }

    /// The rows of the last period.
    pub fn finish(&mut self) -> Vec<FocusRow> {
        self.release();
        let sums = std::mem::take(&mut self.sums);
        let Some((start, end)) = self.period.take() else { return Vec::new() };
        sums.into_iter()
            .filter(|(_, (nanos, micros))| *nanos != 0 || *micros != 0)
            .map(|(key, (nanos, micros))| FocusRow { start, end, key, nanos, micros })
            .collect()
    }

    /// Tells a fact that says what was used, together with what came later of it; holds others.
    fn tell(&mut self, fact: &Fact) {
        let told = match fact.kind {
            FactKind::Usage | FactKind::Correction => {
                lines(fact, &self.held.of(fact), &mut self.recount)
            }
            _ if self.held.take(fact) => return,
            _ => lines_alone(fact, &mut self.recount),
        };
        self.sum(told);
    }

    /// Tells by themselves what waited for a fact that was not asked for.
    fn release(&mut self) {
        self.held.size_bytes = 0;
        let held = std::mem::take(&mut self.held.by_event);
        for fact in held.values().flatten() {
            let told = lines_alone(fact, &mut self.recount);
            self.sum(told);
        }
    }

    fn sum(&mut self, lines: Vec<Line>) {
        for (key, nanos, micros) in lines {
            let sums = self.sums.entry(key).or_default();
            sums.0 += nanos;
            sums.1 += micros;
        }
    }
}

impl Held {
    /// Holds an amendment; says whether there was room.
    fn take(&mut self, fact: &Fact) -> bool {
        let size_bytes = self.size_bytes + fact.size_bytes();
        if size_bytes > HELD_BYTES_MAX {
            return false;
        }
        self.size_bytes = size_bytes;
        self.by_event.entry(fact.event.name()).or_default().push(fact.clone());
        true
    }

    /// The amendments of an event, oldest first.
    fn of(&mut self, fact: &Fact) -> Vec<Fact> {
        if self.by_event.is_empty() {
            return Vec::new();
        }
        let mut facts = self.by_event.remove(&fact.event.name()).unwrap_or_default();
        self.size_bytes -= facts.iter().map(Fact::size_bytes).sum::<usize>();
        facts.reverse();
        facts
    }
}
