//! What an account may use, in the twenty words that ALwrity's pages have for it.

use serde_json::{Map, Value, json};

use super::desk::Usage;
use super::providers::asked;
use outlay_engine::insights::course::units;

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
    /// What people call the plan.
    pub plan_name: String,
    /// Which of ALwrity's four it is like.
    pub tier: &'static str,
    /// The limits, in the order of [`LIMITS`]; 0 where there is none.
    pub most: [f64; LIMITS.len()],
    /// What else the plan has.
    pub features: Vec<String>,
}

impl Limits {
    /// Those of an account without a plan, which nothing limits.
    pub fn none() -> Self {
        let (plan_name, tier) = ("Free".to_owned(), "free");
        Self { plan_name, tier, most: [0.0; LIMITS.len()], features: Vec::new() }
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
        self.most[LIMITS.len() - 1]
    }

    /// How much of each limit was used, in per cent. Three are always there, because ALwrity's pages put
    /// the number of calls where they are missing.
    pub fn percentages(&self, usage: &Usage) -> Map<String, Value> {
        let mut shares = Map::new();
        for name in ["gemini_calls", "huggingface_calls", "cost"] {
            shares.insert(name.into(), json!(0.0));
        }
        for (name, most) in LIMITS.iter().zip(self.most).filter(|(_, most)| *most > 0.0) {
            let share = 100.0 * used_of(name, usage) / most;
            let name = match *name {
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
        LIMITS.iter().zip(self.most).map(|(name, most)| ((*name).to_owned(), json!(most))).collect()
    }
}

/// What counts towards the limit of that name.
#[allow(clippy::cast_precision_loss)]
fn used_of(limit: &str, usage: &Usage) -> f64 {
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
