//! What customers paid: sent by importers, read by the pages that hold spend against it.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use axum::extract::State;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::people::{Act, Role};
use outlay_domain::revenue::{RevenueFact, RevenueKind};
use outlay_domain::usage::question::Value;
use outlay_domain::usage::{ID_BYTES_MAX, METADATA_BYTES_MAX, NAME_BYTES_MAX};
use outlay_engine::revenue::{self, KeptRevenue, Recorded, RevenueTotal};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::users::{page, page_size};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::{Json, Params};
use crate::state::AppState;

/// Facts in one request, at most.
const BATCH_MAX: usize = 10_000;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(post_revenue, get_revenue))
}

/// A payment, or what was taken back of one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevenueBody {
    /// The row or record it was read from.
    #[schema(value_type = String, example = "purchase_metrics_raw:17")]
    id: CompactString,
    /// The database or program it is from.
    #[schema(value_type = String)]
    source: CompactString,
    /// What happened.
    #[schema(value_type = String, example = "payment")]
    kind: RevenueKind,
    /// When.
    occurred_at: DateTime<Utc>,
    /// The payment's id at the payment provider: the same payment is counted once.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    payment: Option<CompactString>,
    /// The transaction's own id, by which refunds are told apart.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    transaction: Option<CompactString>,
    /// What the customer paid; negative where money went back.
    #[schema(value_type = String, example = "99")]
    gross: Amount,
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
    /// The currency.
    #[serde(default = "dollars")]
    #[schema(value_type = String, example = "usd")]
    currency: CompactString,
    /// What was bought.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    product: Option<CompactString>,
    /// Anything else, a JSON object.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

fn dollars() -> CompactString {
    CompactString::const_new("usd")
}

impl RevenueBody {
    fn fact(self) -> Result<RevenueFact, (&'static str, String)> {
        bounded("id", &self.id, ID_BYTES_MAX)?;
        bounded("source", &self.source, ID_BYTES_MAX)?;
        bounded("currency", &self.currency, 16)?;
        for (field, text) in [
            ("payment", &self.payment),
            ("transaction", &self.transaction),
            ("product", &self.product),
        ] {
            if let Some(text) = text {
                bounded(field, text, NAME_BYTES_MAX)?;
            }
        }
        let metadata = self.metadata.as_deref().map(RawValue::get).filter(|json| *json != "null");
        if let Some(json) = metadata {
            if !json.starts_with('{') {
                return Err(("metadata", "must be a JSON object".into()));
            }
            bounded("metadata", json, METADATA_BYTES_MAX)?;
        }
        Ok(RevenueFact {
            metadata: metadata.map(CompactString::from),
            id: self.id,
            source: self.source,
            kind: self.kind,
            occurred_at: self.occurred_at,
            payment: self.payment,
            transaction: self.transaction,
            gross: self.gross,
            net: self.net.unwrap_or(self.gross),
            fee: self.fee,
            tax: self.tax,
            currency: self.currency.to_lowercase(),
            product: self.product,
        })
    }
}

fn bounded(field: &'static str, text: &str, max: usize) -> Result<(), (&'static str, String)> {
    match text.len() {
        0 => Err((field, "must not be empty".into())),
        bytes if bytes > max => Err((field, format!("{bytes} bytes given, {max} at most"))),
        _ => Ok(()),
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
    /// The refused ones.
    pub refusals: Vec<RefusedRevenue>,
}

/// A fact that was not kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RefusedRevenue {
    /// Its place in the request, from 0.
    pub index: usize,
    /// A stable word for programs.
    pub code: String,
    /// The field at fault.
    pub field: String,
    /// What is wrong.
    pub detail: String,
}

impl RevenueAnswer {
    fn refuse(&mut self, index: usize, code: &str, field: &str, detail: String) {
        self.refused += 1;
        let (code, field) = (code.to_owned(), field.to_owned());
        self.refusals.push(RefusedRevenue { index, code, field, detail });
    }
}

/// Takes payments, refunds and chargebacks in.
///
/// A payment is known by its id at the payment provider, so that two systems that tell of it
/// count it once; refunds, chargebacks and adjustments are known by their transaction's id. Told
/// again it is `repeated`; told again with another amount it is refused.
#[utoipa::path(post, path = "/api/v1/revenue", tag = "revenue", request_body = Vec<RevenueBody>,
    responses(
        (status = 200, body = RevenueAnswer),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError),
    ))]
async fn post_revenue(
    State(state): State<AppState>,
    caller: Caller,
    Json(bodies): Json<Vec<RevenueBody>>,
) -> Result<Json<RevenueAnswer>, ApiError> {
    caller.may(Act::SendUsage)?;
    caller.require(Role::Admin)?;
    if bodies.len() > BATCH_MAX {
        let detail = format!("{} facts given, {BATCH_MAX} at most", bodies.len());
        return Err(ApiError::bad_request("too_large", "body", detail));
    }
    let mut answer = RevenueAnswer::default();
    let (mut places, mut facts) = (Vec::new(), Vec::new());
    for (index, body) in bodies.into_iter().enumerate() {
        match body.fact() {
            Ok(fact) => {
                places.push(index);
                facts.push(fact);
            }
            Err((field, detail)) => answer.refuse(index, "malformed", field, detail),
        }
    }
    let outlay = state.outlay.clone();
    let recorded =
        tokio::task::spawn_blocking(move || revenue::record(&outlay.books, &*outlay.clock, &facts))
            .await
            .map_err(|error| ApiError::internal(&error))??;
    for (index, recorded) in places.into_iter().zip(recorded) {
        match recorded {
            Recorded::New => answer.accepted += 1,
            Recorded::Known => answer.repeated += 1,
            Recorded::Differs { gross, currency } => {
                let detail = format!("the same payment is known with {gross} {currency}");
                answer.refuse(index, "conflict", "gross", detail);
            }
        }
    }
    Ok(Json(answer))
}

/// Which revenue is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RevenueQuery {
    /// From this moment on, RFC 3339.
    from: Option<DateTime<Utc>>,
    /// Before this moment, RFC 3339.
    to: Option<DateTime<Utc>>,
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
#[utoipa::path(get, path = "/api/v1/revenue", tag = "revenue", params(RevenueQuery),
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
    caller.may(Act::SeeUsage)?;
    if caller.scope().is_some() {
        return Err(ApiError::forbidden("revenue belongs to the whole organisation")
            .mend("ask an admin or a viewer"));
    }
    let from = query.from.unwrap_or(DateTime::UNIX_EPOCH);
    let to = query.to.unwrap_or(DateTime::<Utc>::MAX_UTC);
    let limit = page_size(query.limit)?;
    let (after, key) = match &query.cursor {
        Some(cursor) => read_cursor(cursor)?,
        None => (from, String::new()),
    };
    let outlay = state.outlay.clone();
    let (facts, totals) = tokio::task::spawn_blocking(move || {
        let facts = revenue::page(&outlay.books, (after, &key), to, limit + 1)?;
        Ok::<_, ApiError>((facts, revenue::totals(&outlay.books, from, to)?))
    })
    .await
    .map_err(|error| ApiError::internal(&error))??;
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

impl TryFrom<RevenueFact> for RevenueBody {
    type Error = serde_json::Error;

    fn try_from(fact: RevenueFact) -> Result<Self, Self::Error> {
        Ok(Self {
            metadata: fact.metadata.map(|json| RawValue::from_string(json.into())).transpose()?,
            id: fact.id,
            source: fact.source,
            kind: fact.kind,
            occurred_at: fact.occurred_at,
            payment: fact.payment,
            transaction: fact.transaction,
            gross: fact.gross,
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
