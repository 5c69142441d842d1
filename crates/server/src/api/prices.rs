//! Prices: listed, set, imported, quoted by, and events rated again by them.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::people::Act;
use outlay_domain::prices::{
    CURRENCY, Charged, Conditions, MAKERS, Price, PriceRow, Priced, QuoteLine,
};
use outlay_domain::providers::MeasureError;
use outlay_domain::usage::question::{Attribute, Group, Measure, Value as Measured};
use outlay_domain::usage::{ChargeBasis, EVENT_TAGS_MAX, Meter, NAME_BYTES_MAX, Quantities};
use outlay_domain::{Amount, Quantity};
use outlay_engine::prices::import::{genai_prices, litellm, sets};
use outlay_engine::prices::listing::{Listing, ListingError};
use outlay_engine::prices::quote::{QuoteRequest, Quoted, Used, quote};
use outlay_engine::prices::unpriced::UnpricedModel;
use outlay_engine::prices::weigh::Changes;
use outlay_engine::prices::{NewPrice, PriceChangeError};
use outlay_engine::usage::UsageQuestion;
use outlay_engine::usage::amend::Amender;
use outlay_engine::usage::rerate::{RerateError, Rerated, Rerating};
use outlay_store::sqlite::prices::{PriceFilter, StoredPrice};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Caller, Scoped};
use crate::bounded::{UpTo, excess};
use crate::error::ApiError;
use crate::extract::{Json, Params};
use crate::forms::event_body::QuantitiesBody;
use crate::forms::event_row::by_name;
use crate::forms::paging::{page, page_size};
use crate::state::AppState;

/// Bytes of a file of prices, at most.
const IMPORT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Prices that one call sets, at most.
const SET_PRICES_MAX: usize = 64;
/// Rows that an answer about changes shows, of each kind, at most.
const SHOWN_ROWS_MAX: usize = 500;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, set))
        .routes(routes!(close))
        .routes(routes!(import))
        .routes(routes!(quote_call))
        .routes(routes!(unpriced))
        .routes(routes!(rerate))
}

/// One row of the price book.
#[derive(Debug, Serialize, ToSchema)]
struct PriceBody {
    /// Its id, as charges name it.
    id: String,
    /// Where it is from.
    #[schema(example = "litellm")]
    source: String,
    /// Who is paid.
    provider: String,
    /// For which models: a name, names with stars joined by `|`, or clauses in JSON.
    model: String,
    /// Which meter has the price, or `factor` for a multiplier.
    meter: String,
    /// For how many units the price is.
    unit: i64,
    /// The price, an exact decimal.
    #[schema(value_type = String, example = "2.5")]
    price: Price,
    /// Its currency.
    currency: String,
    /// When it applies beside its time.
    #[schema(value_type = Object)]
    conditions: Conditions,
    /// From when on; `null` since always.
    #[schema(required = true)]
    valid_from: Option<DateTime<Utc>>,
    /// Until when; `null` while it is open.
    #[schema(required = true)]
    valid_to: Option<DateTime<Utc>>,
    /// Which edition of the source it came with.
    version: String,
    /// Whether the provider sells models of its own, so that a model's name alone means theirs.
    by_maker: bool,
}

impl From<PriceRow> for PriceBody {
    fn from(row: PriceRow) -> Self {
        Self {
            by_maker: MAKERS.contains(&row.provider.as_str()),
            id: row.id.into(),
            source: row.source.into(),
            provider: row.provider.into(),
            model: row.model.as_str().into(),
            meter: row.priced.as_str().into(),
            unit: row.per,
            price: row.price,
            currency: row.currency.into(),
            conditions: row.conditions,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            version: row.version.into(),
        }
    }
}

/// A row of the price book, and what became of it in its source.
#[derive(Debug, Serialize, ToSchema)]
struct ListedPriceBody {
    /// The row.
    #[serde(flatten)]
    price: PriceBody,
    /// Since when its source no longer lists it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    missing_since: Option<DateTime<Utc>>,
}

impl From<StoredPrice> for ListedPriceBody {
    fn from(stored: StoredPrice) -> Self {
        Self { price: stored.row.into(), missing_since: stored.missing_since }
    }
}

/// A page of the price book.
#[derive(Debug, Serialize, ToSchema)]
struct PricePage {
    /// The rows: by id, or with `model` in the order that is told there.
    items: Vec<ListedPriceBody>,
    /// What to send as `cursor` for the next page; `null` where this is the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Which rows, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PriceParams {
    /// Only from this source.
    source: Option<String>,
    /// Only of this provider, by any of its names.
    provider: Option<String>,
    /// Only for models with that in their name: that very name first, then models of the providers
    /// that make them, then those of others, each by name.
    model: Option<String>,
    /// Only of this meter.
    meter: Option<String>,
    /// Only those valid then; now where `at` is absent and `all` is not set.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    at: Option<DateTime<Utc>>,
    /// Closed and future rows too.
    #[serde(default)]
    all: bool,
    /// Only those that their source no longer lists.
    #[serde(default)]
    missing: bool,
    /// How many, 1 to 500; 100 where absent.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists the price book.
#[utoipa::path(get, path = "/api/v1/prices", operation_id = "list_prices",
    tag = "prices", params(PriceParams),
    responses((status = 200, body = PricePage), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Params(params): Params<PriceParams>,
) -> Result<Json<PricePage>, ApiError> {
    caller.may(Act::SeePrices)?;
    let limit = page_size(params.limit)?;
    let now = state.outlay.clock.now();
    let filter = PriceFilter {
        source: params.source,
        provider: params
            .provider
            .map(|provider| outlay_domain::prices::provider_name(&provider).into()),
        model: params.model.map(|model| model.to_lowercase()),
        priced: params.meter.map(|meter| Priced::parse(&meter).as_str().into()),
        at: params.at.or((!params.all).then_some(now)),
        missing: params.missing,
        after: params.cursor.filter(|cursor| !cursor.is_empty()),
    };
    let outlay = state.outlay.clone();
    let rows = blocking(move || {
        let after: Vec<_> = filter.after.iter().map(CompactString::from).collect();
        if outlay.prices.rows(&after)?.len() < after.len() {
            let detail = "is not the `next_cursor` of an answer";
            return Err(ApiError::bad_request("malformed", "cursor", detail)
                .mend("begin again without a cursor"));
        }
        Ok(outlay.prices.page(&filter, limit + 1)?)
    });
    let rows = rows.await??;
    let (rows, next_cursor) = page(rows, limit, |stored| stored.row.id.to_string());
    Ok(Json(PricePage { items: rows.into_iter().map(Into::into).collect(), next_cursor }))
}

/// A price to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPriceBody {
    /// Who is paid, by any of their names.
    #[schema(value_type = String, min_length = 1, example = "openai")]
    provider: CompactString,
    /// For which models: a name, or names with stars joined by `|`.
    #[schema(min_length = 1, example = "gpt-next-*")]
    model: String,
    /// Which meter has the price.
    #[schema(min_length = 1, example = "input_tokens")]
    meter: String,
    /// The price, a decimal string.
    #[schema(value_type = String, example = "2.5")]
    price: Price,
    /// For how many units; 1 where absent.
    #[serde(default = "one")]
    #[schema(minimum = 1, example = 1_000_000)]
    unit: i64,
    /// `USD`.
    #[serde(default = "currency")]
    currency: String,
    /// When it applies: `context`, `tier`, `batch`, `region`, `hours`, `parameters`.
    #[serde(default)]
    #[schema(value_type = Object, required = false)]
    conditions: Conditions,
    /// From when on; from now on where absent.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    valid_from: Option<DateTime<Utc>>,
    /// Until when.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    valid_to: Option<DateTime<Utc>>,
}

const fn one() -> i64 {
    1
}

fn currency() -> String {
    CURRENCY.into()
}

/// What a change of prices changes.
#[derive(Debug, Serialize, ToSchema)]
struct ChangesBody {
    /// Whether it was made, or only looked at.
    applied: bool,
    /// How many rows are new, are closed, stay as they are, and are no longer listed.
    opened: usize,
    /// How many rows end.
    closed: usize,
    /// How many rows stay as they are.
    unchanged: usize,
    /// How many open rows the source no longer lists; they stay open.
    missing: usize,
    /// The new rows, the first 500.
    opened_rows: Vec<PriceBody>,
    /// The rows that end, the first 500.
    closed_rows: Vec<PriceBody>,
    /// What of a file was left out, and why.
    left_out: Vec<String>,
}

impl ChangesBody {
    fn new(changes: Changes, left_out: Vec<String>, applied: bool) -> Self {
        Self {
            applied,
            opened: changes.opened.len(),
            closed: changes.closed.len(),
            unchanged: changes.unchanged,
            missing: changes.missing.len(),
            opened_rows: changes.opened.into_iter().take(SHOWN_ROWS_MAX).map(Into::into).collect(),
            closed_rows: changes
                .closed
                .into_iter()
                .take(SHOWN_ROWS_MAX)
                .map(|closed| PriceRow { valid_to: Some(closed.valid_to), ..closed.row }.into())
                .collect(),
            left_out: left_out.into_iter().take(SHOWN_ROWS_MAX).collect(),
        }
    }
}

/// Sets a price by hand.
///
/// It comes before every imported price of the same meter and models as long as it is valid. Rows
/// that were set before for the same thing are closed, never overwritten; what was charged stays
/// charged until it is rated again.
#[utoipa::path(post, path = "/api/v1/prices", operation_id = "set_price",
    tag = "prices", request_body = NewPriceBody,
    responses((status = 201, body = ChangesBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn set(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<NewPriceBody>,
) -> Result<(StatusCode, Json<ChangesBody>), ApiError> {
    let new = new_price(body)?;
    let changes = state.outlay.prices.set(&caller, vec![new]).await?.into_iter().next();
    let answer = ChangesBody::new(changes.unwrap_or_default(), Vec::new(), true);
    Ok((StatusCode::CREATED, Json(answer)))
}

fn new_price(body: NewPriceBody) -> Result<NewPrice, ApiError> {
    let malformed = |field: &str, detail: String| ApiError::bad_request("malformed", field, detail);
    if body.provider.is_empty() {
        return Err(malformed("provider", "must not be empty".into()));
    }
    if let Some(fault) = Meter::fault_of_name(&body.meter) {
        return Err(malformed("meter", fault.to_string())
            .mend("use the name that events use for it, e.g. input_tokens"));
    }
    if body.unit < 1 {
        return Err(malformed("unit", format!("{} is not a number of units", body.unit)));
    }
    if body.currency != CURRENCY {
        return Err(malformed("currency", format!("`{}` is not {CURRENCY}", body.currency))
            .mend("convert the price; amounts are kept in one currency"));
    }
    if let (Some(from), Some(to)) = (body.valid_from, body.valid_to)
        && from >= to
    {
        return Err(malformed("valid_to", format!("{to} is not after {from}")));
    }
    Ok(NewPrice {
        provider: body.provider,
        model: body.model.parse().map_err(|error| malformed("model", format!("{error}")))?,
        priced: Priced::parse(&body.meter),
        per: body.unit,
        price: body.price,
        charged: Charged::default(),
        conditions: body.conditions,
        valid_from: body.valid_from,
        valid_to: body.valid_to,
    })
}

/// A row to close.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CloseBody {
    /// The row's id.
    id: String,
    /// When it ends; now where absent.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    at: Option<DateTime<Utc>>,
}

/// Ends a row's validity. It stays in the book for usage before that.
#[utoipa::path(post, path = "/api/v1/prices/close", operation_id = "close_price",
    tag = "prices", request_body = CloseBody,
    responses((status = 200, body = ListedPriceBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 404, body = ApiError), (status = 409, body = ApiError)))]
async fn close(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<CloseBody>,
) -> Result<Json<ListedPriceBody>, ApiError> {
    let row = state.outlay.prices.close(&caller, body.id.into(), body.at).await?;
    Ok(Json(row.into()))
}

/// What is imported, and from when on it holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImportParams {
    /// `litellm` or `genai-prices` with the file as body, or a shipped set such as `set:alwrity`.
    source: String,
    /// From when on prices without a date of their own hold; now where absent.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    valid_from: Option<DateTime<Utc>>,
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
}

/// Imports prices.
///
/// The body is LiteLLM's `model_prices_and_context_window.json`, or genai-prices' `data.json` or
/// `data.py`. Prices that are as they were stay open; changed ones are closed at `valid_from` and
/// opened anew; ones that the file no longer lists stay open and are marked.
#[utoipa::path(post, path = "/api/v1/prices/import", operation_id = "import_prices",
    tag = "prices", params(ImportParams),
    request_body(content = String, content_type = "text/plain"),
    responses((status = 200, body = ChangesBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 413, body = ApiError)))]
async fn import(
    State(state): State<AppState>,
    caller: Caller,
    Params(params): Params<ImportParams>,
    body: Body,
) -> Result<Json<ChangesBody>, ApiError> {
    caller.may(Act::SetPrices)?;
    let body = state.shares.read(caller.user.as_str(), body, IMPORT_BYTES_MAX).await?;
    let source = params.source;
    // The turn is for reading the file. What waits for the disk holds up nobody who reads theirs.
    let read = state.shares.long_work(caller.user.as_str(), move || {
        let text = std::str::from_utf8(&body).map_err(|error| {
            ApiError::bad_request("malformed", "body", format!("the file is not UTF-8: {error}"))
        })?;
        read_listing(&source, text)
    });
    let mut listing = read.await??;
    let left_out = std::mem::take(&mut listing.left_out);
    let (prices, moment) = (state.outlay.prices.clone(), params.valid_from);
    let changes = if params.dry_run {
        let moment = moment.unwrap_or_else(|| state.outlay.clock.now());
        blocking(move || prices.weigh(&listing, moment)).await??
    } else {
        prices.import(&caller, listing, moment).await?
    };
    Ok(Json(ChangesBody::new(changes, left_out, !params.dry_run)))
}

fn read_listing(source: &str, text: &str) -> Result<Listing, ApiError> {
    let listing = match source.split_once(':') {
        Some(("set", name)) => sets::set(name),
        _ => match source {
            "litellm" => litellm::read(text),
            "genai-prices" => genai_prices::read(text),
            other => {
                let detail = format!("`{other}` is not a source of prices");
                return Err(ApiError::bad_request("malformed", "source", detail)
                    .mend("say litellm, genai-prices or set:NAME"));
            }
        },
    };
    listing.map_err(|error| match &error {
        ListingError::UnknownSet(..) => {
            ApiError::bad_request("malformed", "source", error.to_string())
        }
        _ => ApiError::bad_request("malformed", "body", error.to_string()),
    })
}

/// A call to quote. Exactly one of `quantities`, `usage`, `response` and `sse` is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct QuoteBody {
    /// Who is called; told from `path` or the answer where absent.
    #[schema(value_type = Option<String>, example = "openai")]
    provider: Option<CompactString>,
    /// The model; told from the answer, `request` or `path` where absent.
    #[schema(value_type = Option<String>, example = "gpt-4o")]
    model: Option<CompactString>,
    /// How much is used, by meter; token classes are disjoint.
    #[schema(value_type = Option<BTreeMap<String, Quantity>>,
        example = json!({"input_tokens": 1000, "output_tokens": 200}))]
    quantities: Option<QuantitiesBody>,
    /// The provider's usage object, as it came.
    #[schema(value_type = Option<Object>)]
    usage: Option<Value>,
    /// The provider's whole answer, as an object or as text.
    #[schema(value_type = Option<Object>)]
    response: Option<Value>,
    /// The text of the provider's stream.
    sse: Option<String>,
    /// The request's body, for what the answer does not say.
    #[schema(value_type = Option<Object>)]
    request: Option<Value>,
    /// The request's path or whole address.
    path: Option<String>,
    /// Terms of the request: `service_tier`, `batch`, `region`, `inference_geo`, `speed`.
    #[serde(default, deserialize_with = "outlay_domain::once::each_once")]
    #[schema(value_type = Object, required = false)]
    parameters: BTreeMap<String, Value>,
    /// When; now where absent.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    at: Option<DateTime<Utc>>,
}

/// What a call costs.
#[derive(Debug, Serialize, ToSchema)]
struct QuoteAnswer {
    /// Who is called.
    provider: String,
    /// Which model was priced.
    #[schema(required = true)]
    model: Option<String>,
    /// The amount, exact to nine places; `null` where it is unpriced, and of what is known where it
    /// is partly priced.
    #[schema(required = true, value_type = Option<String>, example = "0.0045")]
    amount: Option<Amount>,
    /// Its currency.
    #[schema(value_type = String)]
    currency: &'static str,
    /// How the amount came about.
    basis: ChargeBasis,
    /// One for each token class or unit, before rounding.
    lines: Vec<QuoteLineBody>,
    /// The ids of the price rows used.
    prices: Vec<String>,
    /// How much is used, by meter.
    quantities: BTreeMap<String, Quantity>,
    /// The terms that were found.
    parameters: BTreeMap<String, String>,
    /// Why there is no amount, or not all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    unpriced: Option<UnpricedBody>,
    /// What was odd about the answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// One token class or unit of a quote.
#[derive(Debug, Serialize, ToSchema)]
struct QuoteLineBody {
    /// What was used.
    meter: String,
    /// How much of it.
    quantity: Quantity,
    /// The price of one, an exact decimal.
    unit_price: String,
    /// Its share of the amount, an exact decimal.
    amount: String,
    /// The price row.
    price: String,
}

impl From<QuoteLine> for QuoteLineBody {
    fn from(line: QuoteLine) -> Self {
        Self {
            meter: line.meter.name().into(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            amount: line.amount,
            price: line.price.into(),
        }
    }
}

/// Why something has no price.
#[derive(Debug, Serialize, ToSchema)]
struct UnpricedBody {
    /// The reason, as a word.
    #[schema(value_type = String, example = "unknown_model")]
    code: &'static str,
    /// The reason.
    reason: String,
    /// The meters without a price.
    missing: Vec<String>,
}

impl From<Quoted> for QuoteAnswer {
    fn from(quoted: Quoted) -> Self {
        let prices = quoted.quote.prices().into_iter().map(Into::into).collect();
        Self {
            provider: quoted.provider.into(),
            model: quoted.model.map(Into::into),
            amount: quoted.quote.amount,
            currency: CURRENCY,
            basis: quoted.quote.basis,
            prices,
            quantities: by_name(quoted.quantities.iter()),
            parameters: quoted
                .parameters
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            unpriced: quoted.quote.unpriced.as_ref().map(|unpriced| UnpricedBody {
                code: unpriced.code(),
                reason: unpriced.to_string(),
                missing: unpriced.missing().iter().map(|meter| meter.name().to_owned()).collect(),
            }),
            lines: quoted.quote.lines.into_iter().map(Into::into).collect(),
            warnings: quoted.flags.iter().map(outlay_domain::providers::Flag::describe).collect(),
        }
    }
}

/// Says what a call costs, by the same rules that rate events.
#[utoipa::path(post, path = "/api/v1/prices/quote", operation_id = "quote_call",
    tag = "prices", request_body = QuoteBody,
    responses((status = 200, body = QuoteAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 422, description = "Nothing says what was used", body = ApiError)))]
async fn quote_call(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<QuoteBody>,
) -> Result<Json<QuoteAnswer>, ApiError> {
    caller.may(Act::SeePrices)?;
    let is_counted = body.usage.is_none() && body.response.is_none() && body.sse.is_none();
    let own = state.clone();
    let work = move || {
        let request = quote_request(body, own.outlay.clock.now())?;
        Ok::<_, ApiError>(quote(&own.outlay.prices.book(), &request)?.into())
    };
    // What was counted already is quoted at once; an answer has to be read first.
    let quoted: Result<QuoteAnswer, _> = match is_counted {
        true => work(),
        false => state.shares.long_work(caller.user.as_str(), work).await?,
    };
    Ok(Json(quoted?))
}

fn quote_request(body: QuoteBody, now: DateTime<Utc>) -> Result<QuoteRequest, ApiError> {
    if body.parameters.len() > EVENT_TAGS_MAX {
        let detail = format!("{} given, {EVENT_TAGS_MAX} at most", body.parameters.len());
        return Err(ApiError::bad_request("too_large", "parameters", detail));
    }
    for (field, name) in [("provider", &body.provider), ("model", &body.model)] {
        let bytes = name.as_ref().map_or(0, |name| name.len());
        if bytes > NAME_BYTES_MAX {
            let detail = format!("{bytes} bytes given, {NAME_BYTES_MAX} at most");
            return Err(ApiError::bad_request("too_large", field, detail));
        }
    }
    let mut ways = Vec::new();
    // What is null is not said.
    if let Some(quantities) = body.quantities.filter(|quantities| !quantities.0.is_empty()) {
        ways.push(Used::Quantities(quantities_of(quantities)?));
    }
    ways.extend(body.usage.map(Used::Usage));
    if let Some(response) = body.response {
        ways.push(Used::Response(match response {
            Value::String(text) if excess(&text).is_some() => {
                let detail = excess(&text).unwrap_or_default();
                return Err(ApiError::bad_request("too_large", "response", detail));
            }
            Value::String(text) => serde_json::from_str(&text).map_err(|error| {
                ApiError::bad_request("malformed", "response", format!("not JSON: {error}"))
            })?,
            response => response,
        }));
    }
    ways.extend(body.sse.map(Used::Stream));
    let used = match (ways.pop(), ways.is_empty()) {
        (Some(used), true) => used,
        (None, _) => {
            return Err(ApiError::bad_request(
                "missing",
                "quantities",
                "nothing says how much is used",
            )
            .mend("give one of `quantities`, `usage`, `response` and `sse`"));
        }
        (Some(_), false) => {
            return Err(ApiError::bad_request(
                "malformed",
                "quantities",
                "how much is used is said twice",
            )
            .mend("give only one of `quantities`, `usage`, `response` and `sse`"));
        }
    };
    let parameters = body.parameters.into_iter().map(|(name, value)| {
        let value = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        (CompactString::from(name), CompactString::from(value))
    });
    Ok(QuoteRequest {
        provider: body.provider.filter(|provider| !provider.is_empty()),
        model: body.model.filter(|model| !model.is_empty()),
        used,
        request: body.request,
        path: body.path,
        parameters: parameters.collect(),
        at: body.at.unwrap_or(now),
    })
}

fn quantities_of(body: QuantitiesBody) -> Result<Quantities, ApiError> {
    for (meter, quantity) in &body.0 {
        if let Some(fault) = Meter::fault_of_name(meter.name()) {
            return Err(ApiError::bad_request("malformed", "quantities", fault.to_string()));
        }
        let field = format!("quantities.{}", meter.name());
        if quantity.is_negative() {
            return Err(ApiError::bad_request(
                "out_of_range",
                field,
                format!("{quantity} is negative"),
            ));
        }
        if !meter.is_divisible() && !quantity.is_whole() {
            let detail = format!("{quantity} is not a whole number");
            return Err(ApiError::bad_request("malformed", field, detail));
        }
    }
    Ok(body.0.into_iter().collect())
}

impl From<MeasureError> for ApiError {
    fn from(error: MeasureError) -> Self {
        let detail = error.to_string();
        match error {
            MeasureError::UnknownProvider => Self::bad_request("missing", "provider", detail),
            MeasureError::NoUsage(_) => Self::unprocessable("no_usage", detail),
            MeasureError::Unread { .. } => Self::unprocessable("unknown_usage", detail)
                .mend("say how much was used in `quantities`"),
            MeasureError::NotACount { field, .. } => {
                Self::bad_request("malformed", field.to_string(), detail)
            }
            MeasureError::BadStream(_) => Self::bad_request("malformed", "sse", detail),
        }
    }
}

/// Which time is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UnpricedParams {
    /// Usage from then on.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    from: Option<DateTime<Utc>>,
    /// Usage before then.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    to: Option<DateTime<Utc>>,
    /// Whether to say of each model, too, what was used without a price, how much, and when first
    /// and last. For that the events are looked at, the newest 100,000 of them at most.
    #[serde(default)]
    meters: bool,
}

/// Models without a price.
#[derive(Debug, Serialize, ToSchema)]
struct UnpricedModels {
    /// The models, the one with the most events first.
    items: Vec<UnpricedModelBody>,
    /// With `meters=true`: whether only the newest events were looked at, because there are more
    /// than 100,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    is_cut: Option<bool>,
}

/// A model of which usage has no price.
#[derive(Debug, Serialize, ToSchema)]
struct UnpricedModelBody {
    /// Who was paid, as the events name them.
    #[schema(required = true)]
    provider: Option<String>,
    /// The model, as the events name it.
    #[schema(required = true)]
    model: Option<String>,
    /// How many events have no price, or one for a part only.
    events: i64,
    /// What prices are needed for.
    #[serde(flatten)]
    #[schema(value_type = UnpricedNeeds)]
    needs: Option<UnpricedNeeds>,
}

/// What prices are needed for; with `meters=true`.
#[derive(Debug, Serialize, ToSchema)]
struct UnpricedNeeds {
    /// The service, where no provider is named and all events have the same.
    #[schema(required = false)]
    service: Option<String>,
    /// How many of the events are partly priced: something in them has a price and is charged.
    #[schema(required = false)]
    partly_priced: u64,
    /// What was used without a price, and how much of it, by meter.
    #[schema(required = false)]
    meters: BTreeMap<String, Quantity>,
    /// When the first of the events occurred: a price that is to hold for all of them is valid from
    /// then on.
    #[schema(required = false)]
    first_at: DateTime<Utc>,
    /// When the last of them did.
    #[schema(required = false)]
    last_at: DateTime<Utc>,
}

impl From<UnpricedModel> for UnpricedModelBody {
    fn from(found: UnpricedModel) -> Self {
        let meters = by_name(found.meters.iter().map(|(meter, quantity)| (meter, *quantity)));
        Self {
            provider: found.provider.map(Into::into),
            model: found.model.map(Into::into),
            events: i64::try_from(found.events).unwrap_or(i64::MAX),
            needs: Some(UnpricedNeeds {
                service: found.service.map(Into::into),
                partly_priced: found.partly_priced,
                meters,
                first_at: found.first_at,
                last_at: found.last_at,
            }),
        }
    }
}

/// Lists the models of events that no price is known for, or not for all that they used.
#[utoipa::path(get, path = "/api/v1/prices/unpriced", operation_id = "list_unpriced_models",
    tag = "prices", params(UnpricedParams),
    responses((status = 200, body = UnpricedModels), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn unpriced(
    State(state): State<AppState>,
    caller: Scoped,
    Params(params): Params<UnpricedParams>,
) -> Result<Json<UnpricedModels>, ApiError> {
    caller.may(Act::SeeUsage)?;
    let scope = caller.scope();
    if params.meters {
        let range = (params.from, params.to);
        let questions = state.outlay.questions.by(&*caller);
        let found = questions.unpriced(range, scope.as_deref()).await?;
        let items = found.models.into_iter().map(Into::into).collect();
        return Ok(Json(UnpricedModels { items, is_cut: Some(found.is_cut) }));
    }
    let question = UsageQuestion {
        from: params.from,
        to: params.to,
        tz: chrono_tz::UTC,
        every: None,
        by: vec![Attribute::Provider, Attribute::Model],
        filters: Vec::new(),
        measures: vec![Measure::Unpriced],
        top: None,
        compare: false,
    };
    let questions = state.outlay.questions.by(&*caller);
    let answered = questions.breakdown(question, scope.as_deref()).await?;
    let mut items: Vec<UnpricedModelBody> = answered
        .answer
        .rows
        .iter()
        .filter_map(|row| {
            let Group::Of(names) = &row.group else { return None };
            let Some(Measured::Count(events)) = row.values.now.first() else { return None };
            let events = i64::try_from(*events).ok()?;
            let name = |index: usize| names.get(index)?.as_ref().map(ToString::to_string);
            let (provider, model) = (name(0), name(1));
            (events > 0).then_some(UnpricedModelBody { provider, model, events, needs: None })
        })
        .collect();
    items.sort_by(|a, b| b.events.cmp(&a.events).then_with(|| a.model.cmp(&b.model)));
    Ok(Json(UnpricedModels { items, is_cut: None }))
}

/// Which events are rated again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RerateBody {
    /// Events from then on.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    from: Option<DateTime<Utc>>,
    /// Events before then.
    #[serde(default, deserialize_with = "crate::moment::optional")]
    to: Option<DateTime<Utc>>,
    /// Only of this provider, as the events name it.
    #[schema(value_type = Option<String>)]
    provider: Option<CompactString>,
    /// Only of this model, as the events name it.
    #[schema(value_type = Option<String>)]
    model: Option<CompactString>,
    /// Only of this service, as the events name it.
    #[schema(value_type = Option<String>)]
    service: Option<CompactString>,
    /// Events that have a price too; only unpriced and partly priced ones where absent.
    #[serde(default)]
    all: bool,
    /// Prices to set by hand before, all of them or none; where nothing is written, events are
    /// rated as if they were set.
    #[schema(value_type = Vec<NewPriceBody>, required = false, max_items = 64)]
    prices: Option<UpTo<SET_PRICES_MAX, NewPriceBody>>,
    /// Only say what would change; so where absent.
    #[serde(default = "yes")]
    #[schema(default = true)]
    dry_run: bool,
}

const fn yes() -> bool {
    true
}

/// What a re-rating changed, or would change.
#[derive(Debug, Serialize, ToSchema)]
struct RerateAnswer {
    /// Whether it was done.
    applied: bool,
    /// Events examined.
    events: usize,
    /// Events whose charge changes.
    changed: usize,
    /// How many accounts they are of.
    accounts: usize,
    /// Events that had no price, or one for a part only, and get a whole one.
    priced: usize,
    /// Events that still have no price, or one for a part only.
    unpriced: usize,
    /// Those among them of which a part is charged.
    partly_priced: usize,
    /// What the changes add up to.
    #[schema(value_type = String)]
    difference: Amount,
    /// Accounts of which events stay as they are charged, because what they would be charged cannot be
    /// held, each with why; nobody hinders the others.
    #[schema(value_type = BTreeMap<String, String>)]
    refused: BTreeMap<CompactString, String>,
}

/// Rates events again, by today's prices of their own times.
///
/// Without `"dry_run": false` nothing is written, and the answer says what would change. The
/// difference is charged by adjustments that name their events; nothing is overwritten. With
/// `prices`, these are set before, so that one call looks at a remedy for usage without a price,
/// and one applies it.
#[utoipa::path(post, path = "/api/v1/prices/rerate", operation_id = "rerate_events",
    tag = "prices", request_body = RerateBody,
    responses((status = 200, body = RerateAnswer), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError)))]
async fn rerate(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<RerateBody>,
) -> Result<Json<RerateAnswer>, ApiError> {
    caller.may(Act::SetPrices)?;
    let prices = body.prices.map_or_else(Vec::new, |prices| prices.0);
    let prices = prices.into_iter().zip(0..).map(|(price, at)| {
        new_price(price).map_err(|refused| refused.below(&format!("prices[{at}]")))
    });
    let prices = prices.collect::<Result<Vec<_>, _>>()?;
    let rerating = Rerating {
        from: body.from,
        to: body.to,
        provider: body.provider,
        model: body.model,
        service: body.service,
        only_unpriced: !body.all,
    };
    let amender = Amender {
        actor: caller.user.as_str().into(),
        reason: "rated again by newer prices".into(),
    };
    let amender = (!body.dry_run).then_some(&amender);
    let now = state.outlay.clock.now();
    let book = state.outlay.prices.to_rate_by(&caller, prices, now, body.dry_run).await?;
    let rerated = state.outlay.rerate(&rerating, &book, amender).await?;
    let Rerated { events, changed, accounts, priced, unpriced, partly_priced, difference, refused } =
        rerated;
    Ok(Json(RerateAnswer {
        applied: !body.dry_run,
        events,
        changed,
        accounts: accounts.len(),
        priced,
        unpriced,
        partly_priced,
        difference,
        refused,
    }))
}

impl From<RerateError> for ApiError {
    fn from(error: RerateError) -> Self {
        match error {
            RerateError::Unanswered(error) => error.into(),
            RerateError::Amendment(error) => error.into(),
        }
    }
}

impl From<PriceChangeError> for ApiError {
    fn from(error: PriceChangeError) -> Self {
        let detail = error.to_string();
        match error {
            PriceChangeError::Denied(error) => error.into(),
            PriceChangeError::UnknownPrice(_) => Self::not_found(detail),
            PriceChangeError::EndsBeforeItBegins { .. } => {
                Self::bad_request("out_of_range", "at", detail)
            }
            PriceChangeError::Closed { .. } => Self::conflict(detail),
            PriceChangeError::Store(error) => error.into(),
            PriceChangeError::NotTaken(error) => error.into(),
            PriceChangeError::Failed(error) => Self::internal(&error),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::internal(&error))
}
