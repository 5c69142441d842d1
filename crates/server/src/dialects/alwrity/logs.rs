//! Each call, the newest first.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use compact_str::CompactString;
use outlay_domain::prices::Recount;
use outlay_domain::usage::question::{Attribute, Filter, Group};
use outlay_domain::usage::{Fact, Meter, Status};
use outlay_engine::insights::course::units;
use outlay_engine::usage::{UsageEvents, UsageQuestion};
use serde_json::{Value, json};

use super::access::Person;
use super::desk::{Desk, Month};
use super::error::Refused;
use super::params::Params;
use super::providers::{actual, asked, key_of, key_of_event};
use super::wire::{naive, number_of};
use crate::error::ApiError;
use crate::state::AppState;

/// Calls of a page, where nobody says how many.
const LIMIT: usize = 50;
/// Calls of a page, at most.
const LIMIT_MAX: usize = 5_000;
/// Calls that are passed over before a page begins, at most: they are read to be counted.
const OFFSET_MAX: usize = 20_000;
/// Calls that are read at a time.
const READ: usize = 1_000;

/// `GET /api/subscription/usage-logs`.
pub async fn list(
    State(state): State<AppState>,
    person: Person,
    params: Params,
) -> Result<Response, Refused> {
    let desk = Desk::new(&state, &person, person.own());
    let limit = params.whole("limit", LIMIT, 1..=LIMIT_MAX)?;
    let offset = params.whole("offset", 0, 0..=OFFSET_MAX)?;
    let wanted = Wanted {
        month: params.one("billing_period").map(Month::named).transpose()?,
        key: params.one("provider").map(|name| asked(&name.to_lowercase()).into()),
        went_well: match params.whole("status_code", 0_u16, 0..=599)? {
            0 => None,
            code => Some((200..300).contains(&code)),
        },
    };
    let groups = desk.groups_of(&wanted).await?;
    let mut total = 0;
    for filters in &groups {
        let events = wanted.events(filters.clone());
        total += desk.questions().events_sum(events, Some(&desk.account)).await?.count;
    }
    let facts = desk.page(&wanted, &groups, offset, limit).await?;
    let book = state.outlay.prices.book();
    // Thousands of rows take longer than a thread that answers has.
    let write = move || {
        let mut recount = Recount::new(book);
        let logs: Vec<Value> = facts.iter().map(|fact| row(fact, &mut recount)).collect();
        let reached = u64::try_from(offset + limit).unwrap_or(u64::MAX);
        let body = json!({
            "logs": logs,
            "total_count": total,
            "limit": limit,
            "offset": offset,
            "has_more": reached < total,
        });
        body.to_string()
    };
    let body = tokio::task::spawn_blocking(write).await;
    let body = body.map_err(|error| Refused::from(ApiError::internal(&error)))?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// Which calls are wanted.
struct Wanted {
    month: Option<Month>,
    /// Under which of ALwrity's names.
    key: Option<CompactString>,
    /// Those that went well, or those that did not.
    went_well: Option<bool>,
}

impl Wanted {
    fn filters(&self) -> Result<Vec<Filter>, Refused> {
        let ok = [Status::Ok.as_str()];
        let filter = match self.went_well {
            Some(true) => Some(Filter::among(Attribute::Status, ok)?),
            Some(false) => Some(Filter::not_among(Attribute::Status, ok)?),
            None => None,
        };
        Ok(filter.into_iter().collect())
    }

    fn events(&self, filters: Vec<Filter>) -> UsageEvents {
        UsageEvents {
            from: self.month.map(Month::from),
            to: self.month.map(Month::to),
            filters,
            id: None,
            above: None,
            about_lacking: false,
            limit: READ,
            after: None,
        }
    }
}

impl Desk {
    /// Filters that together let pass what is wanted, and no call twice: one list for each provider whose
    /// calls are counted under the wanted name, or a single one for all.
    async fn groups_of(&self, wanted: &Wanted) -> Result<Vec<Vec<Filter>>, Refused> {
        let filters = wanted.filters()?;
        let Some(key) = &wanted.key else { return Ok(vec![filters]) };
        let question = UsageQuestion {
            by: vec![Attribute::Provider, Attribute::Operation],
            filters: filters.clone(),
            ..super::desk::asked(wanted.month, wanted.month)
        };
        let answered = self.questions().breakdown(question, Some(&self.account)).await?;
        let mut operations = BTreeMap::<CompactString, BTreeSet<CompactString>>::new();
        for row in &answered.answer.rows {
            let Group::Of(names) = &row.group else { continue };
            let name = |place: usize| names.get(place)?.as_deref();
            if key_of(name(0), name(1)) == *key {
                let of = operations.entry(name(0).unwrap_or_default().into()).or_default();
                of.insert(name(1).unwrap_or_default().into());
            }
        }
        let groups = operations.into_iter().map(|(provider, operations)| {
            let mut filters = filters.clone();
            filters.push(Filter::among(Attribute::Provider, [provider.as_str()])?);
            let operations = operations.iter().map(CompactString::as_str);
            filters.push(Filter::among(Attribute::Operation, operations)?);
            Ok(filters)
        });
        groups.collect()
    }

    /// The wanted calls after `offset` others, at most `limit`.
    async fn page(
        &self,
        wanted: &Wanted,
        groups: &[Vec<Filter>],
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Fact>, Refused> {
        let filters = match groups {
            [] => return Ok(vec![]),
            [one] => one.clone(),
            // Calls of several providers stand between each other, so they are sorted out here.
            _ => wanted.filters()?,
        };
        let is_wanted =
            |fact: &Fact| wanted.key.as_ref().is_none_or(|key| key_of_event(&fact.event) == *key);
        let (mut passed, mut facts, mut after, mut read) = (0, Vec::new(), None, 0);
        loop {
            let events = UsageEvents { after, ..wanted.events(filters.clone()) };
            let page = self.questions().events(events, Some(&self.account)).await?;
            read += page.facts.len();
            for fact in page.facts.into_iter().filter(is_wanted) {
                if passed < offset {
                    passed += 1;
                } else if facts.len() < limit {
                    facts.push(fact);
                }
            }
            after = page.next;
            if facts.len() >= limit || after.is_none() {
                return Ok(facts);
            }
            if read > 4 * (OFFSET_MAX + LIMIT_MAX) {
                let why = "these calls are too far apart to be listed; name a billing_period";
                return Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, why));
            }
        }
    }
}

/// One call, or what was changed about one later: so rows sum to what was spent.
fn row(fact: &Fact, recount: &mut Recount) -> Value {
    let event = &fact.event;
    let tokens = |is_counted: fn(&Meter) -> bool| -> i64 {
        let counted = event.quantities.iter().filter(|(meter, _)| is_counted(meter));
        counted.map(|(_, used)| used.micros() / 1_000_000).sum()
    };
    let (input, output) = (tokens(is_input), tokens(is_output));
    let total = fact.charge.amount.map_or(0.0, |amount| units(amount.nanos().into()));
    let quote = recount.quote(event, &fact.charge.prices);
    let cost = |is_counted: fn(&Meter) -> bool| -> f64 {
        let lines = quote.iter().flat_map(|quote| &quote.lines);
        let counted = lines.filter(|line| is_counted(&line.meter));
        counted.filter_map(|line| line.amount.parse::<f64>().ok()).sum()
    };
    let went_well = event.status == Status::Ok;
    json!({
        "id": number_of((&event.source, &event.id, fact.kind.as_str(), fact.received_at.timestamp_micros())),
        "timestamp": naive(event.occurred_at),
        "provider": actual(event).unwrap_or("unknown"),
        "actual_provider_name": actual(event),
        "model_used": event.model,
        "endpoint": event.operation.as_deref().or(event.service.as_deref()).unwrap_or("usage"),
        "method": "POST",
        "tokens_input": input,
        "tokens_output": output,
        "tokens_total": input + output,
        "cost_input": cost(is_input),
        "cost_output": cost(is_output),
        "cost_total": total,
        "response_time": seconds(event.duration_us),
        "status_code": status_code(event.status),
        "status": if went_well { "success" } else { "failed" },
        "error_message": (!went_well).then(|| event.status.as_str()),
        "billing_period": Month::of(event.occurred_at).name(),
        "retry_count": 0,
        "is_aggregated": false,
    })
}

fn is_input(meter: &Meter) -> bool {
    meter.is_tokens() && !is_output(meter)
}

const fn is_output(meter: &Meter) -> bool {
    use Meter::{OutputAudioTokens, OutputImageTokens, OutputTokens, ReasoningTokens};
    matches!(meter, OutputTokens | ReasoningTokens | OutputAudioTokens | OutputImageTokens)
}

#[allow(clippy::cast_precision_loss)]
fn seconds(micros: Option<i64>) -> f64 {
    micros.map_or(0.0, |micros| micros as f64 / 1e6)
}

/// The status of HTTP that says about the same: which one it was is not kept.
const fn status_code(status: Status) -> u16 {
    match status {
        Status::Ok => 200,
        Status::Error => 500,
        Status::Cancelled => 499,
        Status::Blocked => 429,
    }
}
