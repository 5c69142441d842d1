//! What an account may use, in the twenty words that ALwrity's pages have for it.

use outlay_domain::plans::{Limit, LimitWindow, Most, PlanVersion};
use outlay_engine::insights::course::units;
use outlay_engine::plans::is_there;
use serde_json::{Map, Value, json};

use super::desk::Usage;
use super::providers::asked;

/// The limits that ALwrity's pages know; 0 is shown as none.
pub const LIMITS: [&str; 20] = [
    "ai_text_generation_calls",
    "gemini_calls",
    "openai_calls",
    "anthropic_calls",
    "mistral_calls",
    "tavily_calls",
    "serper_calls",
    "metaphor_calls",
    "firecrawl_calls",
    "exa_calls",
    "stability_calls",
    "video_calls",
    "image_edit_calls",
    "audio_calls",
    "wavespeed_calls",
    "gemini_tokens",
    "openai_tokens",
    "anthropic_tokens",
    "mistral_tokens",
    "monthly_cost",
];

/// What an account may use in a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    plan_name: String,
    tier: &'static str,
    most: [Most; LIMITS.len()],
    features: Vec<String>,
}

impl Limits {
    /// Those of an account without a plan, which nothing limits.
    pub fn none() -> Self {
        let (plan_name, tier) = ("Free".to_owned(), "free");
        Self { plan_name, tier, most: [Most::Unlimited; LIMITS.len()], features: Vec::new() }
    }

    /// Those of a plan: of its limits by the month, which ALwrity's pages have words for.
    pub fn of(plan: &PlanVersion) -> Self {
        let draft = &plan.draft;
        let most = |name: &str| {
            let is_meant = |limit: &&Limit| {
                let of_month = matches!(limit.every, LimitWindow::Month | LimitWindow::Period);
                of_month && (limit.id == name || other_id(name).is_some_and(|id| limit.id == id))
            };
            draft.limits.iter().find(is_meant).map_or(Most::Unlimited, |limit| limit.most)
        };
        let features = draft.features.iter().filter(|(_, feature)| is_there(feature));
        Self {
            plan_name: draft.name.to_string(),
            tier: tier_of(plan),
            most: LIMITS.map(most),
            features: features.map(|(name, _)| name.to_string()).collect(),
        }
    }

    /// Which of ALwrity's four tiers the plan is like.
    pub const fn tier(&self) -> &'static str {
        self.tier
    }

    /// What else the plan has.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// The limits as ALwrity's price page wants them, with what 0 means for each.
    pub fn told(&self) -> Value {
        let mut told = self.numbers();
        let means = LIMITS.iter().zip(self.most).map(|(name, most)| {
            let word = match most {
                Most::Unlimited => "unlimited",
                Most::Nanos(0) => "disabled",
                Most::Nanos(_) => "limited",
            };
            ((*name).to_owned(), json!(word))
        });
        told["_zero_means"] = means.collect();
        told
    }

    /// The limit of that name, where there is one.
    pub fn most(&self, name: &str) -> Option<f64> {
        let place = LIMITS.iter().position(|known| *known == name)?;
        match self.most[place] {
            Most::Unlimited => None,
            Most::Nanos(nanos) => Some(units(nanos)),
        }
    }

    /// As ALwrity's pages want them.
    pub fn body(&self) -> Value {
        json!({
            "plan_name": self.plan_name,
            "tier": self.tier,
            "limits": self.numbers(),
            "features": self.features,
        })
    }

    /// What may be spent in a month, in dollars; 0 where nothing says.
    pub fn monthly_cost(&self) -> f64 {
        self.most("monthly_cost").unwrap_or(0.0)
    }

    /// How much of each limit was used, in per cent. Three are always there, because ALwrity's pages put
    /// the number of calls where they are missing.
    pub fn percentages(&self, usage: &Usage) -> Map<String, Value> {
        let mut shares = Map::new();
        for name in ["gemini_calls", "huggingface_calls", "cost"] {
            shares.insert(name.into(), json!(0.0));
        }
        for name in LIMITS {
            let Some(most) = self.most(name).filter(|most| *most > 0.0) else { continue };
            let share = 100.0 * used_of(name, usage) / most;
            let name = match name {
                "monthly_cost" => "cost",
                "mistral_calls" => "huggingface_calls",
                "mistral_tokens" => "huggingface_tokens",
                name => name,
            };
            shares.insert(name.into(), json!(share));
        }
        shares
    }

    /// `active`, or `warning` from 80 per cent of any limit on, or `limit_reached` at all of one.
    pub fn status(&self, usage: &Usage) -> &'static str {
        let most = self.percentages(usage).values().filter_map(Value::as_f64).fold(0.0, f64::max);
        match most {
            most if most >= 100.0 => "limit_reached",
            most if most >= 80.0 => "warning",
            _ => "active",
        }
    }

    fn numbers(&self) -> Value {
        let number = |name: &str| json!(self.most(name).unwrap_or(0.0));
        LIMITS.iter().map(|name| ((*name).to_owned(), number(name))).collect()
    }
}

/// What our own plans call a limit that ALwrity has another word for.
fn other_id(name: &str) -> Option<&'static str> {
    match name {
        "stability_calls" => Some("image_calls"),
        "monthly_cost" => Some("spend"),
        _ => None,
    }
}

/// The tier of a plan: its id where that is one of ALwrity's four, or the one that costs about as much.
fn tier_of(plan: &PlanVersion) -> &'static str {
    const DOLLAR: i64 = 1_000_000_000;
    let id = plan.plan.id.as_str();
    let known = ["free", "basic", "pro", "enterprise"].into_iter().find(|tier| *tier == id);
    known.unwrap_or_else(|| match plan.draft.price.monthly.nanos() / DOLLAR {
        ..=0 => "free",
        1..50 => "basic",
        50..150 => "pro",
        _ => "enterprise",
    })
}

/// What counts towards the limit of that name.
#[allow(clippy::cast_precision_loss)]
pub fn used_of(limit: &str, usage: &Usage) -> f64 {
    const TEXT: [&str; 4] = ["gemini", "openai", "anthropic", "huggingface"];
    let of = |key: &str| usage.by.get(asked(key)).copied().unwrap_or_default();
    match limit {
        "monthly_cost" => units(usage.total.nanos),
        "ai_text_generation_calls" => TEXT.map(|key| of(key).calls).iter().sum::<i128>() as f64,
        limit => match limit.rsplit_once('_') {
            Some((key, "tokens")) => of(key).tokens as f64,
            Some((key, _)) => of(key).calls as f64,
            None => 0.0,
        },
    }
}
