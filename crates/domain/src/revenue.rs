//! What customers paid: the value that spend is held against.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Datelike, Utc};
use compact_str::{CompactString, format_compact};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Amount;
use crate::people::Caller;
use crate::usage::question::Attribute;
use crate::usage::{ID_BYTES_MAX, METADATA_BYTES_MAX, NAME_BYTES_MAX, Refusal, RefusalCode};

/// Years in which revenue can be.
const YEAR_MIN: i32 = 1970;
const YEAR_MAX: i32 = 2100;
/// Attributes of one fact, at most.
const ATTRIBUTES_MAX: usize = 32;

/// What one payment, its fee or its tax may come to, at most, either way, in units of its currency.
/// What is beyond it is a mistake of units, in the smallest of them too.
pub const REVENUE_AMOUNT_MAX: Amount = Amount::from_units(2_000_000_000);

/// Whether a payment may come to that.
pub fn is_within_bounds(amount: Amount) -> bool {
    amount.nanos().unsigned_abs() <= REVENUE_AMOUNT_MAX.nanos().unsigned_abs()
}

/// One payment, or what was taken back of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueFact {
    /// The row it was read from, e.g. `purchase_metrics_raw:17`.
    pub id: CompactString,
    /// The database or program it is from.
    pub source: CompactString,
    /// What happened.
    pub kind: RevenueKind,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// The payment's id at the payment provider.
    pub payment: Option<CompactString>,
    /// The transaction's own id, where it has one.
    pub transaction: Option<CompactString>,
    /// What the customer paid; negative where money went back.
    pub gross: Amount,
    /// What is left after the fee.
    pub net: Amount,
    /// What the payment provider kept.
    pub fee: Amount,
    /// The tax in it.
    pub tax: Amount,
    /// The currency, e.g. `usd`.
    pub currency: CompactString,
    /// What was bought.
    pub product: Option<CompactString>,
    /// What it was made with, by the names of usage attributes: `account`, `service`,
    /// `tag.feature` and so on.
    pub attributes: BTreeMap<CompactString, CompactString>,
    /// Anything else, a JSON object as text.
    pub metadata: Option<CompactString>,
}

/// A payment as somebody tells it, before it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevenueDraft {
    /// What its sender knows it by.
    pub id: CompactString,
    /// The database or program it is from.
    pub source: CompactString,
    /// What happened.
    pub kind: RevenueKind,
    /// When it happened.
    pub occurred_at: DateTime<Utc>,
    /// How much, whatever its sign: what went back counts negative.
    pub amount: Option<Amount>,
    /// The same with the sign that it counts with; one of the two is given.
    pub gross: Option<Amount>,
    /// The payment's id at the payment provider.
    pub payment: Option<CompactString>,
    /// The transaction's own id.
    pub transaction: Option<CompactString>,
    /// What is left after the fee; the amount where none is said.
    pub net: Option<Amount>,
    /// What the payment provider kept.
    pub fee: Amount,
    /// The tax in it.
    pub tax: Amount,
    /// The currency, three letters of any case.
    pub currency: CompactString,
    /// What was bought.
    pub product: Option<CompactString>,
    /// Whose account it is.
    pub account: Option<CompactString>,
    /// What it was made with, by the names of usage attributes.
    pub attributes: BTreeMap<CompactString, CompactString>,
    /// Anything else, a JSON object as text.
    pub metadata: Option<CompactString>,
}

impl RevenueDraft {
    /// The fact that it tells, of the account of `caller` where it names none and they see one only.
    pub fn accept(self, caller: Option<&Caller>) -> Result<RevenueFact, Refusal> {
        for (field, text) in [("id", &self.id), ("source", &self.source)] {
            bounded(field, text, ID_BYTES_MAX)?;
            if text.trim().is_empty() {
                return Err(malformed(field, "must not be of blanks only"));
            }
        }
        let is_letters = self.currency.bytes().all(|byte| byte.is_ascii_alphabetic());
        if self.currency.len() != 3 || !is_letters {
            return Err(malformed("currency", "must be three letters of ISO 4217, e.g. USD"));
        }
        if !(YEAR_MIN..=YEAR_MAX).contains(&self.occurred_at.year()) {
            let detail = format!("must be a moment of {YEAR_MIN} to {YEAR_MAX}");
            return Err(Refusal::new(RefusalCode::OutOfRange, "occurred_at", detail));
        }
        for (field, text) in [
            ("payment", &self.payment),
            ("transaction", &self.transaction),
            ("product", &self.product),
            ("account", &self.account),
        ] {
            if let Some(text) = text {
                bounded(field, text, NAME_BYTES_MAX)?;
            }
        }
        if let Some(json) = &self.metadata {
            bounded("metadata", json, METADATA_BYTES_MAX)?;
        }
        let gross = self.counted()?;
        let amount = if self.amount.is_some() { "amount" } else { "gross" };
        let net = self.net.unwrap_or(gross);
        for (field, one) in [(amount, gross), ("net", net), ("fee", self.fee), ("tax", self.tax)] {
            within_bounds(field, one)?;
        }
        Ok(RevenueFact {
            attributes: attributes(self.attributes, self.account, caller)?,
            metadata: self.metadata,
            id: self.id,
            source: self.source,
            kind: self.kind,
            occurred_at: self.occurred_at,
            payment: self.payment,
            transaction: self.transaction,
            gross,
            net,
            fee: self.fee,
            tax: self.tax,
            currency: self.currency.to_lowercase(),
            product: self.product,
        })
    }

    /// The amount with the sign with which it counts.
    fn counted(&self) -> Result<Amount, Refusal> {
        let goes_back = matches!(self.kind, RevenueKind::Refund | RevenueKind::Chargeback);
        match (self.amount, self.gross) {
            (Some(_), Some(_)) => Err(malformed("amount", "is given beside `gross`; give one")),
            (None, None) => {
                Err(Refusal::new(RefusalCode::Missing, "amount", "must be given, e.g. \"12.50\""))
            }
            (None, Some(gross)) => Ok(gross),
            (Some(amount), None) if goes_back && !amount.is_negative() => amount
                .checked_neg()
                .ok_or_else(|| Refusal::new(RefusalCode::OutOfRange, "amount", "is out of range")),
            (Some(amount), None) if amount.is_negative() && self.kind == RevenueKind::Payment => {
                Err(malformed("amount", "is below zero; send what went back as a `refund`"))
            }
            (Some(amount), None) => Ok(amount),
        }
    }
}

/// What revenue was made with, whose account it is among that.
fn attributes(
    mut given: BTreeMap<CompactString, CompactString>,
    account: Option<CompactString>,
    caller: Option<&Caller>,
) -> Result<BTreeMap<CompactString, CompactString>, Refusal> {
    if given.len() > ATTRIBUTES_MAX {
        let detail = format!("{} given, {ATTRIBUTES_MAX} at most", given.len());
        return Err(Refusal::new(RefusalCode::TooLarge, "attributes", detail));
    }
    for (name, value) in &given {
        let field = || format!("attributes.{name}");
        if Attribute::from_name(name).is_none() {
            let names = Attribute::NAMED.map(|known| known.name().into_owned()).join(", ");
            let detail = format!("no such attribute; use {names} or tag.KEY");
            return Err(Refusal::new(RefusalCode::Unknown, field(), detail));
        }
        bounded(&field(), value, NAME_BYTES_MAX)?;
    }
    const ACCOUNT: CompactString = CompactString::const_new("account");
    match (account, given.get(&ACCOUNT)) {
        (Some(one), Some(other)) if one != *other => {
            return Err(malformed("account", "differs from `attributes.account`; give one"));
        }
        (Some(account), _) => {
            given.insert(ACCOUNT, account);
        }
        // A credential for one account tells of that account.
        (None, None) => {
            given.extend(caller.and_then(Caller::scope).map(|own| (ACCOUNT, own)));
        }
        (None, Some(_)) => {}
    }
    if let Some(account) = given.get(&ACCOUNT) {
        let own = caller.map(|caller| &caller.account);
        if own != Some(account) && account.trim() != account {
            let detail = format!("`{account}` begins or ends with a blank; send it without");
            return Err(malformed("account", &detail));
        }
        caller.map_or(Ok(()), |caller| caller.may_charge(account)).map_err(|denied| {
            Refusal::new(RefusalCode::Forbidden, "account", denied.to_string())
        })?;
    }
    Ok(given)
}

fn within_bounds(field: &str, amount: Amount) -> Result<(), Refusal> {
    if is_within_bounds(amount) {
        return Ok(());
    }
    let detail = format!(
        "{amount} is beyond the {REVENUE_AMOUNT_MAX} that one payment may come to; check its unit"
    );
    Err(Refusal::new(RefusalCode::OutOfRange, field, detail))
}

fn malformed(field: &str, detail: &str) -> Refusal {
    Refusal::new(RefusalCode::Malformed, field, detail)
}

fn bounded(field: &str, text: &str, max: usize) -> Result<(), Refusal> {
    match text.len() {
        0 => Err(malformed(field, "must not be empty")),
        bytes if bytes > max => Err(Refusal::new(
            RefusalCode::TooLarge,
            field,
            format!("{bytes} bytes given, {max} at most"),
        )),
        _ => Ok(()),
    }
}

/// What happened to money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevenueKind {
    /// It came in.
    #[serde(alias = "purchase")]
    Payment,
    /// It was given back.
    Refund,
    /// It was taken back by a bank.
    Chargeback,
    /// It was put right.
    Adjustment,
}

impl RevenueKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Payment, Self::Refund, Self::Chargeback, Self::Adjustment];

    /// The word on the wire and in the books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Chargeback => "chargeback",
            Self::Adjustment => "adjustment",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for RevenueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl RevenueFact {
    /// The account it is of, where it names one.
    pub fn account(&self) -> Option<&str> {
        self.attributes.get("account").map(CompactString::as_str)
    }

    /// The key by which the same money is known in every database that tells of it.
    ///
    /// A payment is paid once, so its id at the payment provider is the key. Money can go back in
    /// several parts, so there the transaction's own id is. What is of an account is known within
    /// that account: nobody takes another's ids.
    pub fn key(&self) -> CompactString {
        self.key_in(self.account())
    }

    /// The key that it would have, were it of `account`.
    pub fn key_in(&self, account: Option<&str>) -> CompactString {
        let kind = match account {
            Some(account) => format_compact!("{}@{}:{account}", self.kind, account.len()),
            None => format_compact!("{}", self.kind),
        };
        match self.provider_id() {
            Some(id) => format_compact!("{kind}:{id}"),
            None => format_compact!("{kind}:{}:{}", self.source, self.id),
        }
    }

    /// The id at the payment provider by which every system knows it.
    pub fn provider_id(&self) -> Option<&str> {
        match (self.kind, &self.payment, &self.transaction) {
            (RevenueKind::Payment, Some(payment), _) => Some(payment),
            (_, _, transaction) => transaction.as_deref(),
        }
    }
}

/// Who is given revenue that names no group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SharingRule {
    /// It is given to nobody.
    Direct,
    /// Every group, by what it cost.
    Spend,
    /// Every group that cost something, the same.
    Even,
}

impl SharingRule {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Spend, Self::Even];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Spend => "spend",
            Self::Even => "even",
        }
    }

    /// The rule of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == word)
    }

    /// How much of a whole goes to a group that cost `spend` nanos, beside the other groups.
    pub const fn weight(self, spend: i128) -> u128 {
        match self {
            Self::Spend if spend > 0 => spend.unsigned_abs(),
            Self::Even if spend > 0 => 1,
            _ => 0,
        }
    }
}

/// Parts of `amount` in proportion to `weights`, which add up to it; `None` where nobody weighs.
///
/// Each part is rounded down, and what is left goes by one to those that lost most (largest
/// remainder), the first of equals. Less than nothing is parted like as much above nothing.
pub fn share(amount: i128, weights: &[u128]) -> Option<Vec<i128>> {
    /// Weights add up to less than this, so that a product of two stays within 128 bits.
    const TOTAL_BITS: u32 = 63;
    let sum = weights.iter().fold(0_u128, |sum, weight| sum.saturating_add(*weight));
    if sum == 0 {
        return None;
    }
    // Weights beyond nine billion units lose digits that no share shows.
    let shift = (128 - sum.leading_zeros()).saturating_sub(TOTAL_BITS);
    let weights: Vec<u128> = weights.iter().map(|weight| weight >> shift).collect();
    let total: u128 = weights.iter().sum();
    let (whole, rest) = (amount.unsigned_abs() / total, amount.unsigned_abs() % total);
    let mut parts: Vec<u128> =
        weights.iter().map(|weight| whole * weight + rest * weight / total).collect();
    let left = amount.unsigned_abs() - parts.iter().sum::<u128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(rest * weights[*place] % total));
    for place in order.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        parts[place] += 1;
    }
    let signed = |part: u128| {
        let part = i128::try_from(part).unwrap_or(i128::MAX);
        if amount < 0 { -part } else { part }
    };
    Some(parts.into_iter().map(signed).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_parted_goes_to_those_who_lost_most() {
        assert_eq!(share(10, &[1, 1, 1]), Some(vec![4, 3, 3]));
        assert_eq!(share(-10, &[1, 1, 1]), Some(vec![-4, -3, -3]));
        assert_eq!(share(5, &[3, 0, 1]), Some(vec![4, 0, 1]));
        assert_eq!(share(5, &[0, 0]), None);
        assert_eq!(share(0, &[7]), Some(vec![0]));
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_last_nano(
            amount in -(1_i128 << 100)..(1_i128 << 100),
            weights in prop::collection::vec(0_u128..(1 << 90), 1..40),
        ) {
            match share(amount, &weights) {
                Some(parts) => prop_assert_eq!(parts.iter().sum::<i128>(), amount),
                None => prop_assert!(weights.iter().all(|weight| *weight == 0)),
            }
        }

        #[test]
        fn a_share_is_within_one_nano_of_its_proportion(
            amount in 0_i128..(1 << 60),
            weights in prop::collection::vec(0_u128..(1 << 50), 1..20),
        ) {
            let total: u128 = weights.iter().sum();
            prop_assume!(total > 0);
            for (part, weight) in share(amount, &weights).unwrap().iter().zip(&weights) {
                let scaled = amount.unsigned_abs() * weight;
                prop_assert!((part.unsigned_abs() * total).abs_diff(scaled) < total);
            }
        }
    }
}
