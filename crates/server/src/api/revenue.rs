//! What customers paid: sent by importers, read by the pages that hold spend against it.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::once::each_once;
use outlay_domain::revenue::{RevenueDraft, RevenueFact, RevenueKind};
use outlay_domain::usage::question::Value;
use outlay_domain::usage::{Refusal, RefusalCode};
use outlay_engine::revenue::{
    KeptRevenue, Recorded, Revenue, RevenueError, RevenueQuestion, RevenueTotal,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Caller, Scoped};
use crate::bounded::UpTo;
use crate::error::ApiError;
use crate::extract::{Json, Params, RawJson};
use crate::forms::event_body::DEFAULT_SOURCE;
use crate::forms::paging::{page, page_size};
use crate::forms::usage_params::{read_time, read_tz};
use crate::forms::words::SentOutcome;
use crate::malformed::{Fault, FaultKind, read_json};
use crate::metadata::readable;
use crate::state::AppState;

/// Facts in one request, at most.
const PAYMENTS_MAX: usize = 1_000;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(post_revenue, get_revenue))
}

/// A payment, or what was taken back of one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevenueBody {
    /// What its sender knows it by, e.g. the row it was read from.
    #[schema(value_type = String, example = "order-17")]
    id: CompactString,
    /// The database or program it is from; `api` where it is not said.
    #[serde(default = "api")]
    #[schema(value_type = String, example = "shop")]
    source: CompactString,
    /// What happened; a payment where it is not said. `purchase` means a payment, too.
    #[serde(default = "purchase")]
    kind: RevenueKind,
    /// When it happened.
    #[serde(deserialize_with = "crate::moment::required")]
    occurred_at: DateTime<Utc>,
    /// How much. A refund or chargeback counts negative, whatever its sign.
    #[serde(default, skip_serializing)]
    #[schema(value_type = Option<String>, example = "12.50")]
    amount: Option<Amount>,
    /// The same as `amount` with the sign that it counts with: negative where money went back.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "12.5")]
    gross: Option<Amount>,
    /// The payment's id at the payment provider: the same payment is counted once.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    payment: Option<CompactString>,
    /// The transaction's own id, by which refunds are told apart.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    transaction: Option<CompactString>,
    /// What is left after the fee; `gross` where it is not said.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    net: Option<Amount>,
    /// What the payment provider kept.
    #[serde(default)]
    #[schema(value_type = String)]
    fee: Amount,
    /// The tax in it.
    #[serde(default)]
    #[schema(value_type = String)]
    tax: Amount,
    /// The currency; USD where it is not said.
    #[serde(default = "dollars")]
    #[schema(value_type = String, example = "USD")]
    currency: CompactString,
    /// What was bought.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    product: Option<CompactString>,
    /// Whose account it is.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "acme")]
    account: Option<CompactString>,
    /// What it was made with, by the names of usage attributes: `service`, `model`, `tag.KEY` and
    /// so on.
    #[serde(default, deserialize_with = "each_once")]
    #[schema(value_type = BTreeMap<String, String>)]
    attributes: BTreeMap<CompactString, CompactString>,
    /// Anything else, a JSON object.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

/// One fact, or up to 1,000 of them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "says that there may be several; they are read one by one")]
enum RevenueFacts {
    /// A single fact.
    One(Box<RevenueBody>),
    /// A list of facts.
    Many(Vec<RevenueBody>),
}

const fn dollars() -> CompactString {
    CompactString::const_new("usd")
}

const fn api() -> CompactString {
    DEFAULT_SOURCE
}

const fn purchase() -> RevenueKind {
    RevenueKind::Payment
}

impl RevenueBody {
    /// Reads one fact from JSON; on failure says which field is at fault.
    fn parse(json: &str) -> Result<Self, Refusal> {
        read_json(json).map_err(|fault: Fault| {
            let code = match fault.kind {
                FaultKind::Missing => RefusalCode::Missing,
                FaultKind::Malformed => RefusalCode::Malformed,
                FaultKind::TooLarge => RefusalCode::TooLarge,
            };
            let detail = match (&fault.remedy, code) {
                (Some(remedy), RefusalCode::Malformed | RefusalCode::TooLarge) => {
                    format!("{}; {remedy}", fault.detail)
                }
                _ => fault.detail,
            };
            Refusal::new(code, fault.field, detail)
        })
    }

    /// What it says, to be judged.
    fn draft(self) -> Result<RevenueDraft, Refusal> {
        let metadata = self.metadata.as_deref().map(RawValue::get).filter(|json| *json != "null");
        if let Some(json) = metadata {
            readable(json)
                .map_err(|detail| Refusal::new(RefusalCode::Malformed, "metadata", detail))?;
        }
        Ok(RevenueDraft {
            metadata: metadata.map(CompactString::from),
            id: self.id,
            source: self.source,
            kind: self.kind,
            occurred_at: self.occurred_at,
            amount: self.amount,
            gross: self.gross,
            payment: self.payment,
            transaction: self.transaction,
            net: self.net,
            fee: self.fee,
            tax: self.tax,
            currency: self.currency,
            product: self.product,
            account: self.account,
            attributes: self.attributes,
        })
    }
}

/// What became of the facts of one request.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct RevenueAnswer {
    /// Kept now.
    pub accepted: u64,
    /// Known before, from this source or another.
    pub repeated: u64,
    /// Not kept.
    pub refused: u64,
    /// One for each fact, in the order of the request.
    pub items: Vec<RevenueItem>,
}

/// What became of one fact.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RevenueItem {
    /// Its place in the request, from 0.
    pub index: usize,
    /// Its id, where it could be read.
    #[serde(default, skip_serializing_if = "CompactString::is_empty")]
    #[schema(value_type = String)]
    pub id: CompactString,
    /// What became of it.
    pub outcome: SentOutcome,
    /// Why it was refused, as a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<RefusalCode>,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl RevenueAnswer {
    fn add(&mut self, id: CompactString, outcome: Result<SentOutcome, Refusal>) {
        let (outcome, refusal) = match outcome {
            Ok(outcome) => (outcome, None),
            Err(refusal) => (SentOutcome::Refused, Some(refusal)),
        };
        match outcome {
            SentOutcome::Accepted => self.accepted += 1,
            SentOutcome::Repeated => self.repeated += 1,
            SentOutcome::Refused => self.refused += 1,
        }
        let field = refusal.as_ref().map(|refusal| refusal.field.to_string());
        self.items.push(RevenueItem {
            index: self.items.len(),
            id,
            outcome,
            code: refusal.as_ref().map(|refusal| refusal.code),
            field: field.filter(|field| !field.is_empty()),
            detail: refusal.map(|refusal| refusal.detail),
        });
    }

    /// The status: as for events.
    fn status(&self) -> StatusCode {
        let conflict = Some(RefusalCode::Conflict);
        if self.accepted + self.repeated > 0 || self.items.is_empty() {
            StatusCode::OK
        } else if self.items.iter().all(|item| item.code == conflict) {
            StatusCode::CONFLICT
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

/// Takes payments, refunds and chargebacks in: one, or an array of up to 1,000.
///
/// A fact is known by its source and id; a payment also by its id at the payment provider, so that
/// two systems that tell of it count it once, and refunds, chargebacks and adjustments by their
/// transaction's id. Told again it is `repeated`; told again with something else it is refused as
/// a `conflict` that names the field. A bad fact does not touch its neighbours. The status is 200
/// when at least one was accepted or repeated; when all were refused it is 409 for conflicts and
/// 422 for anything else.
#[utoipa::path(post, path = "/api/v1/revenue", operation_id = "send_revenue",
    tag = "revenue", request_body = RevenueFacts,
    responses(
        (status = 200, body = RevenueAnswer),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError),
        (status = 409, description = "Every fact is in conflict with an earlier one", body = RevenueAnswer),
        (status = 413, description = "Too many bytes or facts", body = ApiError),
        (status = 415, body = ApiError),
        (status = 422, description = "Every fact was refused", body = RevenueAnswer),
    ))]
async fn post_revenue(
    State(state): State<AppState>,
    caller: Scoped,
    body: RawJson,
) -> Result<(StatusCode, Json<RevenueAnswer>), ApiError> {
    let revenue = state.outlay.revenue(&*caller);
    revenue.may_record()?;
    let (own, bytes) = (revenue.clone(), body.0.len());
    let judging = move || judge(&body, &own);
    let judged = state.shares.work(caller.user.as_str(), bytes, judging).await??;
    let facts: Vec<RevenueFact> =
        judged.iter().filter_map(|(_, fact)| fact.as_ref().ok().cloned()).collect();
    let recorded = revenue.record(facts).await?;
    let mut recorded = recorded.into_iter();
    let mut answer = RevenueAnswer::default();
    for (id, fact) in judged {
        let outcome = fact.and_then(|_| match recorded.next() {
            Some(Recorded::New) => Ok(SentOutcome::Accepted),
            Some(Recorded::Known) | None => Ok(SentOutcome::Repeated),
            // What is known may have been told by another, and is not for everybody to hear.
            Some(Recorded::Differs { field, .. }) => {
                let detail = "is another than was told before, and what was told is not changed";
                Err(Refusal::new(RefusalCode::Conflict, field, detail))
            }
        });
        answer.add(id, outcome);
    }
    Ok((answer.status(), Json(answer)))
}

/// A fact, or why it is none, with its id.
type Judged = (CompactString, Result<RevenueFact, Refusal>);

/// The facts of a body, or why each is none.
fn judge(body: &RawJson, revenue: &Revenue) -> Result<Vec<Judged>, ApiError> {
    let judged = parts(body.text()?)?.into_iter().map(|json| {
        let body = RevenueBody::parse(json);
        let id = body.as_ref().map(|body| body.id.clone()).unwrap_or_default();
        (id, body.and_then(|body| revenue.judged(body.draft()?)))
    });
    Ok(judged.collect())
}

/// The facts of a body: one object, or an array of them.
fn parts(body: &str) -> Result<Vec<&str>, ApiError> {
    let broken = |detail: String| {
        ApiError::bad_request("malformed", "body", detail)
            .mend("send one JSON object, or an array of them")
    };
    match body.trim_start().as_bytes().first() {
        Some(b'{') => Ok(vec![body]),
        Some(b'[') => {
            let items = serde_json::from_str::<UpTo<PAYMENTS_MAX, &RawValue>>(body);
            let UpTo(items) = items.map_err(|error| Fault::new("", &error.to_string()))?;
            Ok(items.into_iter().map(RawValue::get).collect())
        }
        _ => Err(broken("the body is neither a JSON object nor an array".into())),
    }
}

/// Which revenue is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RevenueQuery {
    /// From this moment, or the start of this day, on.
    #[param(example = "2026-11-01")]
    from: Option<String>,
    /// Before this moment, or the start of this day.
    #[param(example = "2026-12-01")]
    to: Option<String>,
    /// Whose days; UTC where it is not said.
    tz: Option<String>,
    /// Facts on a page: 1 to 1,000.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// The `next_cursor` of an earlier answer.
    cursor: Option<String>,
}

/// A page of revenue, and the sums of all of it.
#[derive(Debug, Serialize, ToSchema)]
struct RevenuePage {
    /// The facts, by time.
    items: Vec<RevenueBody>,
    /// Where the next page begins.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// The sums of everything between `from` and `to`, a row for each currency.
    totals: Vec<TotalBody>,
}

/// Revenue of one currency.
#[derive(Debug, Serialize, ToSchema)]
struct TotalBody {
    /// The currency.
    #[schema(value_type = String, example = "usd")]
    currency: CompactString,
    /// How many payments.
    payments: i64,
    /// How many refunds, chargebacks and adjustments.
    returns: i64,
    /// What customers paid, less what they got back.
    #[schema(value_type = String)]
    gross: CompactString,
    /// The same without the fees.
    #[schema(value_type = String)]
    net: CompactString,
    /// What the payment provider kept.
    #[schema(value_type = String)]
    fee: CompactString,
    /// The taxes.
    #[schema(value_type = String)]
    tax: CompactString,
}

/// Lists what customers paid, oldest first.
#[utoipa::path(get, path = "/api/v1/revenue", operation_id = "list_revenue",
    tag = "revenue", params(RevenueQuery),
    responses(
        (status = 200, body = RevenuePage),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError),
    ))]
async fn get_revenue(
    State(state): State<AppState>,
    caller: Caller,
    Params(query): Params<RevenueQuery>,
) -> Result<Json<RevenuePage>, ApiError> {
    let tz = read_tz(query.tz.as_deref())?;
    let time = |name, text: &Option<String>| {
        text.as_deref()
            .filter(|text| !text.is_empty())
            .map(|text| read_time(name, text, tz))
            .transpose()
    };
    let from = time("from", &query.from)?.unwrap_or(DateTime::UNIX_EPOCH);
    let to = time("to", &query.to)?.unwrap_or(DateTime::<Utc>::MAX_UTC);
    let limit = page_size(query.limit)?;
    let (after, key) = match &query.cursor {
        Some(cursor) => read_cursor(cursor)?,
        None => (from, String::new()),
    };
    let question = RevenueQuestion { from, to, after: (after, key), limit: limit + 1 };
    let (facts, totals) = state.outlay.revenue(&*caller).page(question).await?;
    let (facts, next_cursor) = page(facts, limit, write_cursor);
    let items = facts
        .into_iter()
        .map(|kept| RevenueBody::try_from(kept.fact))
        .collect::<Result<_, _>>()
        .map_err(|error| ApiError::internal(&error))?;
    let totals = totals.into_iter().map(TotalBody::from).collect();
    Ok(Json(RevenuePage { items, next_cursor, totals }))
}

fn write_cursor(kept: &KeptRevenue) -> String {
    format!("{}.{}", kept.fact.occurred_at.timestamp_micros(), kept.key)
}

fn read_cursor(cursor: &str) -> Result<(DateTime<Utc>, String), ApiError> {
    cursor
        .split_once('.')
        .and_then(|(micros, key)| {
            let at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
            Some((at, key.to_owned()))
        })
        .ok_or_else(|| {
            ApiError::bad_request("malformed", "cursor", "is not the `next_cursor` of an answer")
        })
}

impl From<RevenueError> for ApiError {
    fn from(error: RevenueError) -> Self {
        match error {
            RevenueError::Denied(error) => error.into(),
            RevenueError::NotTaken(error) => error.into(),
            RevenueError::Store(error) => error.into(),
        }
    }
}

impl TryFrom<RevenueFact> for RevenueBody {
    type Error = serde_json::Error;

    fn try_from(mut fact: RevenueFact) -> Result<Self, Self::Error> {
        Ok(Self {
            account: fact.attributes.remove("account"),
            attributes: fact.attributes,
            amount: None,
            metadata: fact.metadata.map(|json| RawValue::from_string(json.into())).transpose()?,
            id: fact.id,
            source: fact.source,
            kind: fact.kind,
            occurred_at: fact.occurred_at,
            payment: fact.payment,
            transaction: fact.transaction,
            gross: Some(fact.gross),
            net: Some(fact.net),
            fee: fact.fee,
            tax: fact.tax,
            currency: fact.currency,
            product: fact.product,
        })
    }
}

impl From<RevenueTotal> for TotalBody {
    fn from(total: RevenueTotal) -> Self {
        let text = |nanos| Value::Amount { nanos }.text();
        Self {
            currency: total.currency,
            payments: total.payments,
            returns: total.returns,
            gross: text(total.gross_nanos),
            net: text(total.net_nanos),
            fee: text(total.fee_nanos),
            tax: text(total.tax_nanos),
        }
    }
}
