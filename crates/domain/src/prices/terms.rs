//! The terms on which a request was served, as far as prices depend on them.

use chrono::{DateTime, Timelike, Utc};
use compact_str::CompactString;

use super::row::Hours;
use crate::usage::Tags;

/// Names of the tags that rating reads. Everything else that a row's conditions ask for is read
/// from the tag of that name too, e.g. `search_context_size` or `quality`.
pub mod parameter {
    /// The service tier that served the request: `priority`, `flex`, …
    pub const SERVICE_TIER: &str = "service_tier";
    /// Whether it was part of a batch job: `true`.
    pub const BATCH: &str = "batch";
    /// The region or data zone that served it: `eu`, `us-east5`, …
    pub const REGION: &str = "region";
    /// Where the model ran, as Anthropic says it: `us`.
    pub const INFERENCE_GEO: &str = "inference_geo";
    /// How fast it was asked to be, as Anthropic says it: `fast`.
    pub const SPEED: &str = "speed";
}

/// The terms on which a request was served.
#[derive(Debug, Clone)]
pub(crate) struct Terms<'a> {
    /// The tier in lower case, if it is not the standard one.
    pub tier: Option<CompactString>,
    pub batch: bool,
    /// The whole prompt, tokens from and to a cache included.
    pub prompt_tokens: u64,
    pub parameters: &'a Tags,
    at: Option<DateTime<Utc>>,
}

impl<'a> Terms<'a> {
    /// No special terms at all.
    pub fn plain(no_tags: &'a Tags) -> Self {
        Self { tier: None, batch: false, prompt_tokens: 0, parameters: no_tags, at: None }
    }

    pub fn new(parameters: &'a Tags, prompt_tokens: u64, at: DateTime<Utc>) -> Self {
        let (tier, batch_tier) = match parameters.get(parameter::SERVICE_TIER) {
            Some(tier) => billed_tier(tier),
            None => (None, false),
        };
        let batch = batch_tier
            || parameters.get(parameter::BATCH).is_some_and(is_true)
            || parameters
                .get("processing")
                .is_some_and(|value| value.eq_ignore_ascii_case("batch"));
        Self { tier, batch, prompt_tokens, parameters, at: Some(at) }
    }

    /// Whether one of the windows is open.
    pub fn are_within(&self, hours: &Hours) -> bool {
        self.at.is_some_and(|at| hours.include(at.with_nanosecond(0).unwrap_or(at)))
    }

    /// Whether the request was served on that tier.
    pub fn has_tier(&self, tier: &str) -> bool {
        self.tier_rank(Some(tier)).is_some()
    }

    /// How well a row's tier fits: the tier itself best, then its other name, then no tier;
    /// `None` when it is another tier.
    pub fn tier_rank(&self, wanted: Option<&str>) -> Option<u8> {
        let Some(wanted) = wanted else { return Some(0) };
        match self.tier.as_deref()? {
            served if served.eq_ignore_ascii_case(wanted) => Some(2),
            // OpenAI renamed its priority tier; books use either word.
            "fast" if wanted.eq_ignore_ascii_case("priority") => Some(1),
            _ => None,
        }
    }
}

/// The tier that prices go by, and whether it is that of batch jobs.
fn billed_tier(served: &str) -> (Option<CompactString>, bool) {
    let tier = served.trim().to_ascii_lowercase();
    match tier.as_str() {
        "" | "auto" | "default" | "standard" | "standard_only" | "on_demand" | "ondemand" => {
            (None, false)
        }
        "batch" => (None, true),
        "on_demand_priority" => (Some("priority".into()), false),
        "on_demand_flex" => (Some("flex".into()), false),
        other => (Some(other.into()), false),
    }
}

fn is_true(value: &str) -> bool {
    ["true", "1", "yes", "batch"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
}
