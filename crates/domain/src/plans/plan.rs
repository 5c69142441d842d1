//! A plan, and what it must be like.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use super::limit::{Limit, LimitError, is_plain_id};
use crate::Amount;
use crate::ledger::{PLACE_MAX, PRIORITY_USUAL, Unit};
use crate::once::each_once;

/// Limits of one plan, at most.
pub const LIMITS_MAX: usize = 100;
/// Features of one plan, at most.
pub const FEATURES_MAX: usize = 200;
/// Kinds of credit that one plan gives, at most.
pub const CREDITS_MAX: usize = 8;
/// Days of a trial, at most.
pub const TRIAL_DAYS_MAX: u16 = 366;
/// Days of grace, at most.
pub const GRACE_DAYS_MAX: u16 = 366;
/// Months for which the rest of credit goes on, at most.
const ROLLOVER_MONTHS_MAX: u16 = 120;
const NAME_CHARS_MAX: usize = 100;
const TEXT_CHARS_MAX: usize = 1_000;

/// What a plan is called by programs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PlanId(CompactString);

impl PlanId {
    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PlanId {
    type Err = PlanError;

    fn from_str(id: &str) -> Result<Self, PlanError> {
        if is_plain_id(id) { Ok(Self(id.into())) } else { Err(PlanError::Id) }
    }
}

impl<'de> Deserialize<'de> for PlanId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CompactString::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One version of one plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlanRef {
    /// Which plan.
    pub id: PlanId,
    /// Which version, from 1.
    pub version: u32,
}

impl fmt::Display for PlanRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} version {}", self.id, self.version)
    }
}

/// A version of a plan, as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanVersion {
    /// Which.
    pub plan: PlanRef,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: CompactString,
    /// What it says.
    pub draft: PlanDraft,
}

/// What a plan says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PlanBody)]
pub struct PlanDraft {
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Pro")]
    pub name: CompactString,
    /// What it is for, in a sentence.
    #[serde(default)]
    #[schema(value_type = String, max_length = 1000, default = "")]
    pub description: CompactString,
    /// What it costs; nothing where nothing is said.
    #[serde(default)]
    #[schema(nullable = false)]
    pub price: PlanPrice,
    /// For how many days somebody may try it before they pay.
    #[serde(default)]
    #[schema(maximum = 366, default = 0)]
    pub trial_days: u16,
    /// For how many days it goes on although a payment is due.
    #[serde(default)]
    #[schema(maximum = 366, default = 0)]
    pub grace_days: u16,
    /// Whether only admins, and accounts that have it, see that it is there.
    #[serde(default)]
    pub hidden: bool,
    /// Credit that is given in each month of the subscription, of each unit once.
    #[serde(default)]
    #[schema(max_items = 8)]
    pub credits: Vec<PlanCredit>,
    /// What it has, by name.
    #[serde(default, deserialize_with = "each_once")]
    #[schema(value_type = BTreeMap<String, Feature>)]
    pub features: BTreeMap<CompactString, Feature>,
    /// How much may be used of what.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub limits: Vec<Limit>,
}

/// A file of plans.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlansFile {
    /// They, by their ids.
    #[serde(deserialize_with = "each_once")]
    pub plans: BTreeMap<String, PlanDraft>,
}

/// What a plan costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanPrice {
    /// In which currency.
    #[schema(value_type = String, example = "USD")]
    pub currency: Unit,
    /// For a month.
    #[serde(default = "nothing")]
    #[schema(value_type = String, default = "0", example = "79")]
    pub monthly: Amount,
    /// For a year; there is no paying by the year where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, example = "790")]
    pub yearly: Option<Amount>,
}

const fn nothing() -> Amount {
    Amount::ZERO
}

impl Default for PlanPrice {
    fn default() -> Self {
        Self { currency: Unit::USD, monthly: Amount::ZERO, yearly: None }
    }
}

/// Credit that a plan gives in each month of the subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanCredit {
    /// In which unit.
    #[schema(value_type = String, example = "USD")]
    pub unit: Unit,
    /// How much.
    #[schema(value_type = String, example = "10")]
    pub amount: Amount,
    /// What burns first: the lower number.
    #[serde(default = "usual")]
    #[schema(default = 100)]
    pub priority: i16,
    /// What of the rest goes on at the end of the month; nothing where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rollover: Option<PlanRollover>,
}

const fn usual() -> i16 {
    PRIORITY_USUAL
}

/// What of a month's credit goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRollover {
    /// How much of it, at most.
    #[schema(value_type = String, example = "5")]
    pub max: Amount,
    /// For how many months.
    #[schema(minimum = 1, maximum = 120, example = 1)]
    pub months: u16,
}

/// What a plan has or has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = PlanFeature)]
pub enum Feature {
    /// It is there or not.
    Boolean {
        /// Whether it is.
        #[serde(default = "yes")]
        #[schema(default = true)]
        enabled: bool,
    },
    /// It is what a text says, such as a number of seats.
    Static {
        /// What it says.
        #[schema(value_type = String, max_length = 1000, example = "5")]
        value: CompactString,
    },
    /// It is there as long as a limit of the plan is not used up.
    Metered {
        /// The limit's id.
        #[schema(value_type = String, example = "image_calls")]
        limit: CompactString,
    },
}

const fn yes() -> bool {
    true
}

/// Why a plan cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Its id is not of its form.
    #[error("an id has 1 to 64 small letters, digits, `_`, `-` and `.`")]
    Id,
    /// It has no name, or too long a one.
    #[error("a name has 1 to {NAME_CHARS_MAX} characters, none of them a control character")]
    Name,
    /// Its description is too long.
    #[error(
        "a description has {TEXT_CHARS_MAX} characters at most, none of them a control character"
    )]
    Description,
    /// A price is below zero, or beyond what is kept.
    #[error("a price is from 0 to {PLACE_MAX}")]
    Price(&'static str),
    /// A trial is too long.
    #[error("a trial has {TRIAL_DAYS_MAX} days at most, not {0}")]
    Trial(u16),
    /// The grace is too long.
    #[error("grace has {GRACE_DAYS_MAX} days at most, not {0}")]
    Grace(u16),
    /// There are too many of something.
    #[error("{given} given, {most} at most")]
    TooMany {
        /// Of what.
        field: &'static str,
        /// How many there are.
        given: usize,
        /// How many there may be.
        most: usize,
    },
    /// A credit cannot be.
    #[error("{why}")]
    Credit {
        /// Which, from zero.
        place: usize,
        /// What of it.
        field: &'static str,
        /// Why.
        why: &'static str,
    },
    /// A feature cannot be.
    #[error("{why}")]
    Feature {
        /// Which.
        name: CompactString,
        /// Why.
        why: String,
    },
    /// A limit cannot be.
    #[error("{why}")]
    Limit {
        /// Which, from zero.
        place: usize,
        /// Why.
        why: LimitError,
    },
    /// Two limits have one id.
    #[error("there is another limit `{id}`")]
    SameLimit {
        /// Which, from zero.
        place: usize,
        /// Its id.
        id: CompactString,
    },
}

impl PlanError {
    /// The field at fault.
    pub fn field(&self) -> String {
        match self {
            Self::Id => "id".to_owned(),
            Self::Name => "name".to_owned(),
            Self::Description => "description".to_owned(),
            Self::Price(which) => format!("price.{which}"),
            Self::Trial(_) => "trial_days".to_owned(),
            Self::Grace(_) => "grace_days".to_owned(),
            Self::TooMany { field, .. } => (*field).to_owned(),
            Self::Credit { place, field, .. } => format!("credits[{place}].{field}"),
            Self::Feature { name, .. } => {
                format!("features.{}", name.chars().take(100).collect::<String>())
            }
            Self::Limit { place, why } => format!("limits[{place}].{}", why.field()),
            Self::SameLimit { place, .. } => format!("limits[{place}].id"),
        }
    }
}

impl PlanDraft {
    /// Whether it can be, or why not.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.name.trim().is_empty() || !is_text(&self.name, NAME_CHARS_MAX) {
            return Err(PlanError::Name);
        }
        if !is_text(&self.description, TEXT_CHARS_MAX) {
            return Err(PlanError::Description);
        }
        for (which, price) in [("monthly", Some(self.price.monthly)), ("yearly", self.price.yearly)]
        {
            if price.is_some_and(|price| price < Amount::ZERO || price > PLACE_MAX) {
                return Err(PlanError::Price(which));
            }
        }
        if self.trial_days > TRIAL_DAYS_MAX {
            return Err(PlanError::Trial(self.trial_days));
        }
        if self.grace_days > GRACE_DAYS_MAX {
            return Err(PlanError::Grace(self.grace_days));
        }
        for (field, given, most) in [
            ("credits", self.credits.len(), CREDITS_MAX),
            ("features", self.features.len(), FEATURES_MAX),
            ("limits", self.limits.len(), LIMITS_MAX),
        ] {
            if given > most {
                return Err(PlanError::TooMany { field, given, most });
            }
        }
        self.check_credits()?;
        self.check_limits()?;
        self.check_features()
    }

    fn check_credits(&self) -> Result<(), PlanError> {
        for (place, credit) in self.credits.iter().enumerate() {
            let refuse = |field, why| Err(PlanError::Credit { place, field, why });
            if credit.amount <= Amount::ZERO || credit.amount > PLACE_MAX {
                return refuse("amount", "must be more than zero, and a billion at most");
            }
            if self.credits[..place].iter().any(|other| other.unit == credit.unit) {
                return refuse("unit", "is there twice; a plan gives each unit once");
            }
            let Some(rollover) = credit.rollover else { continue };
            if rollover.max <= Amount::ZERO {
                return refuse(
                    "rollover.max",
                    "must be more than zero; leave `rollover` out where nothing goes on",
                );
            }
            if !(1..=ROLLOVER_MONTHS_MAX).contains(&rollover.months) {
                return refuse("rollover.months", "must be from 1 to 120");
            }
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), PlanError> {
        for (place, limit) in self.limits.iter().enumerate() {
            limit.check().map_err(|why| PlanError::Limit { place, why })?;
            if self.limits[..place].iter().any(|other| other.id == limit.id) {
                return Err(PlanError::SameLimit { place, id: limit.id.clone() });
            }
        }
        Ok(())
    }

    fn check_features(&self) -> Result<(), PlanError> {
        for (name, feature) in &self.features {
            let refuse = |why: String| Err(PlanError::Feature { name: name.clone(), why });
            if !is_plain_id(name) {
                return refuse(
                    "a name has 1 to 64 small letters, digits, `_`, `-` and `.`".to_owned(),
                );
            }
            match feature {
                Feature::Static { value } if !is_text(value, TEXT_CHARS_MAX) => {
                    return refuse(format!(
                        "a value has {TEXT_CHARS_MAX} characters at most, none of them a control \
                         character"
                    ));
                }
                Feature::Metered { limit } if self.limit(limit).is_none() => {
                    let limit: String = limit.chars().take(100).collect();
                    return refuse(format!("the plan has no limit `{limit}`"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The limit of that id.
    pub fn limit(&self, id: &str) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.id == id)
    }

    /// What it gives of one unit in a month.
    pub fn credit(&self, unit: &Unit) -> Amount {
        let credit = self.credits.iter().find(|credit| credit.unit == *unit);
        credit.map_or(Amount::ZERO, |credit| credit.amount)
    }
}

fn is_text(text: &str, chars_max: usize) -> bool {
    text.chars().count() <= chars_max && !text.chars().any(char::is_control)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PRO: &str = r#"{
        "name": "Pro", "price": {"currency": "USD", "monthly": "79", "yearly": "790"},
        "trial_days": 14, "grace_days": 7,
        "credits": [{"unit": "USD", "amount": "10", "rollover": {"max": "5", "months": 1}}],
        "features": {
            "analytics": {"kind": "boolean"}, "seats": {"kind": "static", "value": "5"},
            "images": {"kind": "metered", "limit": "images"}
        },
        "limits": [
            {"id": "images", "measure": "images", "most": 100, "every": "period"},
            {"id": "spend", "measure": "spend", "most": "unlimited", "every": "month"}
        ]
    }"#;

    fn pro() -> PlanDraft {
        serde_json::from_str(PRO).unwrap()
    }

    #[test]
    fn a_plan_reads_back_as_it_is_written() {
        let plan = pro();

        assert_eq!(plan.check(), Ok(()));
        let written = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<PlanDraft>(&written).unwrap(), plan);
        assert_eq!(plan.price.yearly, Some(Amount::from_units(790)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_field() {
        let refused = |change: &dyn Fn(&mut PlanDraft)| {
            let mut plan = pro();
            change(&mut plan);
            plan.check().unwrap_err().field()
        };

        assert_eq!(refused(&|plan| plan.name = " ".into()), "name");
        assert_eq!(refused(&|plan| plan.description = "\u{7}".into()), "description");
        assert_eq!(
            refused(&|plan| plan.price.yearly = Some(Amount::from_nanos(-1))),
            "price.yearly"
        );
        assert_eq!(refused(&|plan| plan.trial_days = 367), "trial_days");
        assert_eq!(refused(&|plan| plan.credits[0].amount = Amount::ZERO), "credits[0].amount");
        assert_eq!(refused(&|plan| plan.credits.push(plan.credits[0].clone())), "credits[1].unit");
        assert_eq!(refused(&|plan| plan.limits[1].id = "images".into()), "limits[1].id");
        assert_eq!(
            refused(&|plan| {
                plan.limits.remove(0);
            }),
            "features.images"
        );
        assert_eq!(
            refused(&|plan| {
                let one = plan.limits[0].clone();
                plan.limits = vec![one; LIMITS_MAX + 1];
            }),
            "limits"
        );
        assert!(serde_json::from_str::<PlanDraft>(&PRO.replace("trial_days", "days")).is_err());
        assert!(
            serde_json::from_str::<PlanDraft>(&PRO.replace("seats", "analytics")).is_err(),
            "a feature that stands there twice"
        );
    }

    #[test]
    fn an_id_is_a_plain_word() {
        assert!("pro-2026.1_b".parse::<PlanId>().is_ok());
        for wrong in ["", "Pro", "a b", "ä", &"a".repeat(65)] {
            assert_eq!(wrong.parse::<PlanId>(), Err(PlanError::Id), "{wrong}");
        }
    }
}
