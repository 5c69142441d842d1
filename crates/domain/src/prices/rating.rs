//! Rating: from quantities to an amount, in one way for events and for quotes.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use compact_str::CompactString;

use super::book::{Plan, PriceBook};
use super::price::{Cost, Rate};
use super::sheet::{Found, Sheet, counts_tokens, is_in_prompt};
use super::terms::{Terms, parameter};
use crate::usage::{
    Charge, ChargeBasis, Meter, Quantities, Status, Tags, UNPRICED_MARK, UsageEvent,
};
use crate::{Amount, Quantity};

/// What is to be rated.
#[derive(Debug, Clone, Copy)]
pub struct Rateable<'a> {
    /// Who is paid, by any of their names.
    pub provider: Option<&'a str>,
    /// For which model; `None` or empty meets prices for every model of the provider only.
    pub model: Option<&'a str>,
    /// How much was used; token classes are disjoint.
    pub quantities: &'a Quantities,
    /// The terms: service tier, batch, region and whatever else prices depend on.
    pub parameters: &'a Tags,
    /// When it was used.
    pub at: DateTime<Utc>,
    /// What the provider says it cost.
    pub stated: Option<Amount>,
}

/// What something costs, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// How the amount came about.
    pub basis: ChargeBasis,
    /// The amount, rounded once; `None` when nothing has a price. What some prices are missing for
    /// is not in it, and `unpriced` says what that is.
    pub amount: Option<Amount>,
    /// One line for each meter that costs something; none for a stated cost.
    pub lines: Vec<QuoteLine>,
    /// The ids of the factors that every token line was multiplied by.
    pub factors: Vec<CompactString>,
    /// Why there is no amount, or not all of it.
    pub unpriced: Option<Unpriced>,
}

impl Quote {
    fn without_lines(
        basis: ChargeBasis,
        amount: Option<Amount>,
        unpriced: Option<Unpriced>,
    ) -> Self {
        Self { basis, amount, lines: Vec::new(), factors: Vec::new(), unpriced }
    }

    /// The ids of all price rows, in the order of the lines, each once.
    pub fn prices(&self) -> Vec<&str> {
        let all = self.lines.iter().map(|line| &line.price).chain(&self.factors);
        let mut known = HashSet::new();
        all.map(CompactString::as_str).filter(|id| known.insert(*id)).collect()
    }
}

/// What one meter's share is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteLine {
    /// What was counted.
    pub meter: Meter,
    /// How much is charged for.
    pub quantity: Quantity,
    /// What one unit costs, factors included: a decimal.
    pub unit_price: String,
    /// Quantity times unit price, every digit of it.
    pub amount: String,
    /// The id of the price row.
    pub price: CompactString,
}

/// Why something has no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unpriced {
    /// Neither a provider nor a service is named.
    NoProvider,
    /// Nobody has a price for that model.
    UnknownModel {
        /// As it was named.
        provider: CompactString,
        /// As it was named; empty where none was.
        model: CompactString,
    },
    /// The model has prices, but none for that time.
    NotThen {
        /// As it was named.
        provider: CompactString,
        /// As it was named.
        model: CompactString,
        /// The time asked about.
        at: DateTime<Utc>,
    },
    /// The model has prices, but none for something that was used. The rest is charged, and the
    /// whole is *partly priced*.
    MissingPrices {
        /// As it was named.
        provider: CompactString,
        /// As it was named.
        model: CompactString,
        /// What has no price.
        meters: Vec<Meter>,
    },
    /// Nothing says how much was used, and the call as such has no price.
    NothingCounted {
        /// As it was named.
        provider: CompactString,
        /// As it was named; empty where none was.
        model: CompactString,
    },
    /// The amount is more than an amount can be.
    OutOfRange,
}

impl Unpriced {
    /// The word on the wire.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoProvider => "no_provider",
            Self::UnknownModel { .. } => "unknown_model",
            Self::NotThen { .. } => "no_price_then",
            Self::MissingPrices { .. } => "missing_prices",
            Self::NothingCounted { .. } => "nothing_counted",
            Self::OutOfRange => "out_of_range",
        }
    }

    /// What lacks a price; empty where everything does.
    pub fn missing(&self) -> &[Meter] {
        match self {
            Self::MissingPrices { meters, .. } => meters,
            _ => &[],
        }
    }
}

impl fmt::Display for Unpriced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProvider => f.write_str("no provider is named"),
            Self::UnknownModel { provider, model } if model.is_empty() => {
                write!(f, "no model is named, and there is no price for every model of {provider}")
            }
            Self::UnknownModel { provider, model } => {
                write!(f, "no price is known for model {model} of {provider}")
            }
            Self::NotThen { provider, model, at } => {
                write!(f, "no price of model {model} of {provider} was valid at {at}")
            }
            Self::MissingPrices { provider, model, meters } => {
                let names: Vec<&str> = meters.iter().map(Meter::name).collect();
                write!(f, "model {model} of {provider} has no price for {}", names.join(", "))
            }
            Self::NothingCounted { provider, model } => write!(
                f,
                "nothing says how much of {model} of {provider} was used, and a call of it has no price"
            ),
            Self::OutOfRange => f.write_str("the amount is larger than amounts can be"),
        }
    }
}

/// What rating came to.
struct Walked {
    /// What everything with a price adds up to.
    amount: Amount,
    /// What was used and has none.
    missing: Vec<Meter>,
}

/// One step of rating a request.
enum Step<'a> {
    /// A meter's share.
    Share { meter: &'a Meter, quantity: Quantity, rate: Rate, cost: Cost, price: &'a str },
    /// A factor that was in the shares of all token classes.
    Factor(&'a str),
}

/// The lines of a quote, as they come.
#[derive(Default)]
struct Lines {
    lines: Vec<QuoteLine>,
    factors: Vec<CompactString>,
}

impl Lines {
    fn add(&mut self, step: Step<'_>) {
        match step {
            Step::Share { meter, quantity, rate, cost, price } => self.lines.push(QuoteLine {
                meter: meter.clone(),
                quantity,
                unit_price: rate.to_string(),
                amount: cost.to_string(),
                price: price.into(),
            }),
            Step::Factor(id) => self.factors.push(id.into()),
        }
    }

    /// A quote of what everything came to, or everything with a price.
    fn quote(self, walked: Walked, rateable: &Rateable<'_>) -> Quote {
        let Walked { amount, missing } = walked;
        let is_whole = missing.is_empty();
        Quote {
            basis: if is_whole { ChargeBasis::Rated } else { ChargeBasis::PartlyPriced },
            amount: Some(amount),
            lines: self.lines,
            factors: self.factors,
            unpriced: (!is_whole).then(|| rateable.missing(missing)),
        }
    }
}

impl<'a> Rateable<'a> {
    /// What is to be rated of an event.
    pub fn of(event: &'a UsageEvent) -> Self {
        Self {
            provider: event.provider.as_deref().or(event.service.as_deref()),
            model: event.model.as_deref(),
            quantities: &event.quantities,
            parameters: &event.tags,
            at: event.occurred_at,
            stated: event.stated_cost,
        }
    }
}

impl PriceBook {
    /// What an event costs.
    ///
    /// The tags `service_tier`, `batch`, `region`, `inference_geo`, `speed` and whatever else a
    /// price's conditions name are the terms. A cost that the event states is taken as it is. A
    /// blocked call never reached the provider, and costs nothing. One that was served and says
    /// nothing of what it used is unpriced: that is not known, and no zero.
    pub fn rate(&self, event: &UsageEvent) -> Charge {
        let rateable = Rateable::of(event);
        if let Some(stated) = rateable.stated
            && self.stated_wins()
        {
            return Charge::stated(stated);
        }
        if event.status == Status::Blocked {
            return rated(Amount::ZERO, CompactString::const_new(""));
        }
        let mut prices = CompactString::const_new("");
        let walked = self.walk(&rateable, |step| {
            let (Step::Share { price, .. } | Step::Factor(price)) = step;
            if !is_listed(&prices, price) {
                if !prices.is_empty() {
                    prices.push(',');
                }
                prices.push_str(price);
            }
        });
        match (walked, rateable.stated) {
            (Ok(_), None) if prices.is_empty() && counts_nothing(event) => Charge::unpriced(),
            (Ok(_), Some(stated)) if prices.is_empty() && counts_nothing(event) => {
                Charge::stated(stated)
            }
            (Ok(walked), _) if walked.missing.is_empty() => rated(walked.amount, prices),
            // A stated cost is of the whole.
            (_, Some(stated)) => Charge::stated(stated),
            (Ok(walked), None) => partly_priced(walked, prices),
            (Err(_), None) => Charge::unpriced(),
        }
    }

    /// Why our prices do not cover an event, or not all of it; `None` when they do.
    pub fn why_unpriced(&self, event: &UsageEvent) -> Option<Unpriced> {
        let rateable = Rateable::of(event);
        let mut has_lines = false;
        match self.walk(&rateable, |_| has_lines = true) {
            Ok(_) if !has_lines && counts_nothing(event) => Some(rateable.nothing_counted()),
            Ok(walked) if walked.missing.is_empty() => None,
            Ok(walked) => Some(rateable.missing(walked.missing)),
            Err(reason) => Some(reason),
        }
    }

    /// What something costs, line by line: the same as [`PriceBook::rate`] says of an event.
    pub fn quote(&self, rateable: &Rateable<'_>) -> Quote {
        let stated = |amount| Quote::without_lines(ChargeBasis::Stated, Some(amount), None);
        if let Some(amount) = rateable.stated
            && self.stated_wins()
        {
            return stated(amount);
        }
        let mut lines = Lines::default();
        let walked = self.walk(rateable, |step| lines.add(step));
        match (walked, rateable.stated) {
            (Ok(walked), _) if walked.missing.is_empty() => lines.quote(walked, rateable),
            (_, Some(amount)) => stated(amount),
            (Ok(walked), None) => lines.quote(walked, rateable),
            (Err(reason), None) => Quote::without_lines(ChargeBasis::Unpriced, None, Some(reason)),
        }
    }

    /// Rates something by the prices of its time.
    fn walk(
        &self,
        rateable: &Rateable<'_>,
        visit: impl FnMut(Step<'_>),
    ) -> Result<Walked, Unpriced> {
        let plan = self.plan_of(rateable)?;
        let terms = rateable.terms();
        let sheet = plan.at(rateable.at, &terms).ok_or_else(|| rateable.not_then())?;
        sheet.walk(rateable, &terms, visit)
    }

    fn plan_of(&self, rateable: &Rateable<'_>) -> Result<Arc<Plan>, Unpriced> {
        let provider = rateable.provider.filter(|name| !name.is_empty());
        let provider = provider.ok_or(Unpriced::NoProvider)?;
        let region = rateable.parameters.get(parameter::REGION);
        self.plan(provider, rateable.model.unwrap_or(""), region).ok_or_else(|| {
            Unpriced::UnknownModel {
                provider: provider.into(),
                model: rateable.model.unwrap_or("").into(),
            }
        })
    }
}

impl Sheet {
    /// What something costs by these prices, whatever it states.
    pub(crate) fn quote(&self, rateable: &Rateable<'_>) -> Quote {
        let mut lines = Lines::default();
        match self.walk(rateable, &rateable.terms(), |step| lines.add(step)) {
            Ok(walked) => lines.quote(walked, rateable),
            Err(reason) => Quote::without_lines(ChargeBasis::Unpriced, None, Some(reason)),
        }
    }

    /// Rates something share by share and adds up exactly; the sum is rounded once. What has no
    /// price is left out and named; where nothing has one, that is why there is no amount.
    fn walk(
        &self,
        rateable: &Rateable<'_>,
        terms: &Terms<'_>,
        mut visit: impl FnMut(Step<'_>),
    ) -> Result<Walked, Unpriced> {
        let mut missing: Vec<Meter> = Vec::new();
        let mut sum = Cost::ZERO;
        let mut is_any_priced = false;
        let mut has_tokens = false;
        for (meter, used) in rateable.quantities.iter().filter(|(_, used)| *used != Quantity::ZERO)
        {
            let Some(found) = self.rate(meter, terms) else {
                // Most prices are not by the call, and then a call is free.
                if *meter != Meter::Requests && !rateable.quantities.says_again(meter) {
                    missing.push(meter.clone());
                }
                continue;
            };
            is_any_priced = true;
            let is_tokens = counts_tokens(meter);
            has_tokens |= is_tokens;
            let quantity = found.charged.of(used);
            let rate = if is_tokens { multiplied(self, terms, &found) } else { Some(found.rate) };
            let rate = rate.ok_or(Unpriced::OutOfRange)?;
            let cost = rate.of(quantity).ok_or(Unpriced::OutOfRange)?;
            sum = sum.checked_add(cost).ok_or(Unpriced::OutOfRange)?;
            visit(Step::Share { meter, quantity, rate, cost, price: self.id_of(&found) });
        }
        if !missing.is_empty() && !is_any_priced {
            return Err(rateable.missing(missing));
        }
        if has_tokens {
            self.factors(terms).for_each(|factor| visit(Step::Factor(&factor.id)));
        }
        let amount = sum.rounded().ok_or(Unpriced::OutOfRange)?;
        Ok(Walked { amount, missing })
    }
}

impl Rateable<'_> {
    fn terms(&self) -> Terms<'_> {
        Terms::new(self.parameters, self.prompt_tokens(), self.at)
    }

    fn prompt_tokens(&self) -> u64 {
        let prompt = self.quantities.iter().filter(|(meter, _)| is_in_prompt(meter));
        prompt.fold(0, |sum: u64, (_, tokens)| {
            sum.saturating_add(u64::try_from(tokens.whole()).unwrap_or(0))
        })
    }

    fn named(&self) -> (CompactString, CompactString) {
        (self.provider.unwrap_or("").into(), self.model.unwrap_or("").into())
    }

    fn not_then(&self) -> Unpriced {
        let (provider, model) = self.named();
        Unpriced::NotThen { provider, model, at: self.at }
    }

    fn nothing_counted(&self) -> Unpriced {
        let (provider, model) = self.named();
        Unpriced::NothingCounted { provider, model }
    }

    fn missing(&self, meters: Vec<Meter>) -> Unpriced {
        let (provider, model) = self.named();
        Unpriced::MissingPrices { provider, model, meters }
    }
}

/// Whether an event says only that there was a call, which was served.
fn counts_nothing(event: &UsageEvent) -> bool {
    let is_served = matches!(event.status, Status::Ok | Status::Cancelled);
    let is_call =
        |(meter, used): (&Meter, Quantity)| *meter == Meter::Requests && used != Quantity::ZERO;
    is_served && event.quantities.iter().all(is_call)
}

fn multiplied(sheet: &Sheet, terms: &Terms<'_>, found: &Found) -> Option<Rate> {
    sheet.factors(terms).try_fold(found.rate, |rate, factor| rate.times(factor.price))
}

fn rated(amount: Amount, prices: CompactString) -> Charge {
    Charge { basis: ChargeBasis::Rated, amount: Some(amount), unpriced: 0, prices }
}

/// A charge of what is known, which names what is not.
fn partly_priced(walked: Walked, mut prices: CompactString) -> Charge {
    for meter in &walked.missing {
        if !prices.is_empty() {
            prices.push(',');
        }
        prices.push(UNPRICED_MARK);
        prices.push_str(meter.name());
    }
    Charge { basis: ChargeBasis::PartlyPriced, amount: Some(walked.amount), unpriced: 1, prices }
}

/// Whether `id` is already among the ids that `prices` joins by commas.
fn is_listed(prices: &str, id: &str) -> bool {
    prices.len() >= id.len() && prices.split(',').any(|known| known == id)
}
