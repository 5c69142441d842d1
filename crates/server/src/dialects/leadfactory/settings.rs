//! The settings of this dialect: `[dialects.leadfactory]`.

use std::net::{IpAddr, Ipv4Addr};

use chrono_tz::Tz;
use outlay_domain::Amount;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::values::{Network, SecretText, no_zone};

pub use LeadfactoryConfig as Settings;

/// LeadFactory's cost dashboard: its paths below `/api/enhanced` and `/api/cost`, and its live
/// updates. Without `networks` and `key` only callers on this machine are let in, and whoever has
/// signed in here or has a key of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LeadfactoryConfig {
    /// Whether its clients are answered.
    pub enabled: bool,
    /// Networks whose programs are let in without a key, e.g. `10.0.0.0/8`.
    #[schema(value_type = Vec<String>)]
    pub networks: Vec<Network>,
    /// A key that lets any program in that sends it as `X-API-Key`, as a bearer token or as `key`
    /// in the address; none when empty.
    #[schema(write_only, value_type = String)]
    pub key: SecretText,
    /// The zone that its clock shows, by its IANA name; this machine's when empty.
    pub timezone: String,
    /// The address on which its own ports listen.
    #[schema(value_type = String)]
    pub host: IpAddr,
    /// A port of its own, beside the server's address; LeadFactory's is 5002, and 0 is none.
    pub port: u16,
    /// A second port, where LeadFactory's breakdown API was: 5001, and 0 is none.
    pub breakdown_port: u16,
    /// The budget of months that have none of their own, and what may be spent in any month before
    /// `leadfactory_budget_gate_status` is 1.
    pub budget_gate_threshold: String,
    /// From what amount on an operation is listed as expensive: twice the mean of all, and 10 at most,
    /// when empty.
    pub high_cost_threshold: String,
    /// How much of a day's cost may be noise before it is warned of.
    pub volatility_warning_threshold: f64,
    /// Whether LeadFactory's metrics stand on `/metrics`.
    pub prometheus_metrics: bool,
    /// Seconds for which an analysis may be answered again while nothing new came in; 0 is never.
    pub cache_seconds: u32,
}

impl Default for LeadfactoryConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            networks: Vec::new(),
            key: SecretText::default(),
            timezone: String::new(),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            breakdown_port: 0,
            budget_gate_threshold: "1000".into(),
            high_cost_threshold: String::new(),
            volatility_warning_threshold: 0.3,
            prometheus_metrics: true,
            cache_seconds: 300,
        }
    }
}

impl LeadfactoryConfig {
    /// The zone of its clock, where there is one of that name.
    pub fn tz(&self) -> Option<Tz> {
        match self.timezone.as_str() {
            "" => iana_time_zone::get_timezone().ok()?.parse().ok(),
            name => name.parse().ok(),
        }
    }

    /// The budget of months that have none of their own.
    pub fn budget(&self) -> Amount {
        self.budget_gate_threshold.parse().unwrap_or(Amount::ZERO)
    }

    /// From what amount on an operation is expensive, where that is set.
    pub fn high_cost(&self) -> Option<Amount> {
        self.high_cost_threshold.parse().ok()
    }
}

/// Refuses what cannot work: the key, and why.
pub fn judge(own: &LeadfactoryConfig) -> Result<(), (&'static str, String)> {
    let is_amount = |text: &str| text.parse::<Amount>().is_ok_and(|amount| !amount.is_negative());
    // A name is judged whether the dialect is on or not, so that switching it on is no surprise.
    if (own.enabled || !own.timezone.is_empty()) && own.tz().is_none() {
        let why = match own.timezone.as_str() {
            "" => "this machine does not say its time zone; name one".to_owned(),
            name => no_zone(name),
        };
        return Err(("dialects.leadfactory.timezone", why));
    }
    if !is_amount(&own.budget_gate_threshold) {
        let why = format!("`{}` is no amount of money", own.budget_gate_threshold);
        return Err(("dialects.leadfactory.budget_gate_threshold", why));
    }
    if !own.high_cost_threshold.is_empty() && !is_amount(&own.high_cost_threshold) {
        let why = format!("`{}` is no amount of money", own.high_cost_threshold);
        return Err(("dialects.leadfactory.high_cost_threshold", why));
    }
    if !(0.0..=100.0).contains(&own.volatility_warning_threshold) {
        let why = "must be a share such as 0.3, from 0 to 100".to_owned();
        return Err(("dialects.leadfactory.volatility_warning_threshold", why));
    }
    if own.port != 0 && own.port == own.breakdown_port {
        let why = "is the dialect's other port already".to_owned();
        return Err(("dialects.leadfactory.breakdown_port", why));
    }
    Ok(())
}
