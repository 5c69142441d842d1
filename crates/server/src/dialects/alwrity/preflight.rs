//! What some work would cost, and whether the account's plan has room for it.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use compact_str::CompactString;
use outlay_domain::Quantity;
use outlay_domain::usage::{Meter, Quantities};
use outlay_engine::insights::course::units;
use outlay_engine::prices::quote::{QuoteRequest, Used, quote};
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::Person;
use super::desk::Desk;
use super::error::Refused;
use super::limits::{Limits, used_of};
use super::params::Sent;
use super::plans;
use super::providers::{asked, key_of};
use super::wire::Data;
use crate::state::AppState;

/// Operations of one question, at most.
const OPERATIONS_MAX: usize = 100;
/// Text work, of which one limit counts all.
const TEXT: [&str; 4] = ["gemini", "openai", "anthropic", "huggingface"];

/// What is asked.
#[derive(Debug, Deserialize)]
pub struct PreflightBody {
    operations: Vec<Operation>,
}

/// One piece of work.
#[derive(Debug, Deserialize)]
pub struct Operation {
    provider: CompactString,
    model: Option<CompactString>,
    #[serde(default)]
    tokens_requested: u32,
    operation_type: CompactString,
    actual_provider_name: Option<CompactString>,
}

impl Operation {
    /// Under which of ALwrity's names it is counted.
    fn key(&self) -> CompactString {
        let provider = match self.provider.as_str() {
            "fal" | "fal-ai" => "video",
            own => asked(own),
        };
        key_of(Some(provider), Some(&self.operation_type))
    }
}

/// `POST /api/subscription/preflight-check`. It holds nothing: whoever is about to spend asks
/// `/api/v1/authorize`.
pub async fn check(
    State(state): State<AppState>,
    person: Person,
    Sent(PreflightBody { operations }): Sent<PreflightBody>,
) -> Result<Data, Refused> {
    if operations.is_empty() {
        return Err(Refused::new(StatusCode::BAD_REQUEST, "No valid operations provided"));
    }
    if operations.len() > OPERATIONS_MAX {
        let why = format!("List should have at most {OPERATIONS_MAX} items after validation");
        return Err(Refused::invalid("too_long", "body", "operations", why, ""));
    }
    let desk = Desk::new(&state, &person, person.own());
    let standing = plans::had(&state, &desk.account, &person.asker()).await?;
    let limits = &standing.limits;
    let usage = desk.usage(Some(desk.month())).await?;
    let mut asked = Asked { limits, used: BTreeMap::new(), usage: &usage };
    let mut rows = Vec::new();
    let expired = || "Subscription expired. Please renew your subscription to continue.".to_owned();
    let (mut total, mut refused) = (0.0, (!standing.is_active()).then(expired));
    for operation in &operations {
        let cost = estimate(&state, operation);
        total += cost.unwrap_or(0.0);
        let (info, why) = asked.add(operation, total);
        refused = refused.or(why);
        rows.push((operation, cost, info));
    }
    let told: Vec<Value> = rows
        .iter()
        .map(|(operation, cost, info)| {
            let unpriced =
                || "no price is known for this: what it costs is not in the estimate".to_owned();
            json!({
                "provider": operation.actual_provider_name.as_ref().unwrap_or(&operation.provider),
                "operation_type": operation.operation_type,
                "cost": cost.unwrap_or(0.0),
                "allowed": refused.is_none(),
                "limit_info": info,
                "message": refused.clone().or_else(|| cost.is_none().then(unpriced)),
            })
        })
        .collect();
    let summary = rows.first().and_then(|(_, _, info)| info.as_ref()).map(|info| {
        json!({
            "current_calls": info["current_usage"],
            "limit": info["limit"],
            "remaining": info["remaining"],
        })
    });
    Ok(Data(json!({
        "can_proceed": refused.is_none(),
        "estimated_cost": total,
        "operations": told,
        "total_cost": total,
        "usage_summary": summary,
        "cached": false,
    })))
}

/// What was used, and what the operations so far would use besides.
struct Asked<'a> {
    limits: &'a Limits,
    usage: &'a super::desk::Usage,
    used: BTreeMap<&'static str, f64>,
}

impl Asked<'_> {
    /// Adds an operation: the limit that says most about it, and what stands in its way.
    fn add(&mut self, operation: &Operation, cost: f64) -> (Option<Value>, Option<String>) {
        let key = operation.key();
        let tokens = f64::from(operation.tokens_requested);
        let spent = units(self.usage.total.nanos);
        let mut first = None;
        let mut why = None;
        for (name, more) in counted(&key, tokens) {
            let Some(most) = self.limits.most(name) else { continue };
            let before = used_of(name, self.usage);
            let besides = self.used.entry(name).or_default();
            *besides += more;
            let after = before + *besides;
            if after > most && why.is_none() {
                why = Some(format!("{name}: {after} of {most} would be used this month"));
            }
            first = first.or(Some(json!({
                "current_usage": before, "limit": most, "remaining": (most - before).max(0.0),
            })));
        }
        if let Some(most) = self.limits.most("monthly_cost").filter(|most| spent + cost > *most) {
            let told =
                format!("monthly_cost: {:.4} of {most} dollars would be spent", spent + cost);
            why = why.or(Some(told));
        }
        (first, why)
    }
}

/// The limits towards which an operation counts, and how much: the one that its people know it by first.
fn counted(key: &str, tokens: f64) -> Vec<(&'static str, f64)> {
    let is_text = TEXT.contains(&key);
    let mut counted = Vec::new();
    for name in super::limits::LIMITS {
        match name.rsplit_once('_') {
            Some(("ai_text_generation", _)) if is_text => counted.push((name, 1.0)),
            Some((own, "calls")) if asked(own) == key => counted.push((name, 1.0)),
            Some((own, "tokens")) if asked(own) == key && tokens > 0.0 => {
                counted.push((name, tokens))
            }
            _ => {}
        }
    }
    counted
}

/// What it costs, in dollars; nothing where no price is known.
fn estimate(state: &AppState, operation: &Operation) -> Option<f64> {
    let mut quantities = Quantities::default();
    let tokens = i64::from(operation.tokens_requested);
    if let Some(tokens) = Quantity::from_units(tokens).filter(|_| tokens > 0) {
        quantities.set(Meter::InputTokens, tokens);
    }
    if operation.key() == "stability" {
        quantities.set(Meter::Images, Quantity::ONE);
    }
    let request = QuoteRequest {
        provider: Some(operation.provider.clone()),
        model: operation.model.clone(),
        used: Used::Quantities(quantities),
        request: None,
        path: None,
        parameters: vec![],
        at: state.outlay.clock.now(),
    };
    let quoted = quote(&state.outlay.prices.book(), &request).ok()?;
    Some(units(quoted.quote.amount?.nanos().into()))
}
