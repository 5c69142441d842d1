//! What is paid for a call, as ALwrity's price list has it: one row for each model.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use compact_str::CompactString;
use outlay_domain::prices::{
    CURRENCY, Conditions, MANUAL_SOURCE, ModelPattern, Price, PriceBook, PriceRow, Priced,
};
use outlay_domain::usage::Meter;
use outlay_store::sqlite::prices::PriceFilter;
use parking_lot::Mutex;
use serde_json::json;

use super::access::Person;
use super::error::Refused;
use super::params::Params;
use super::providers::price_list_name;
use super::wire::naive;
use crate::error::ApiError;
use crate::state::AppState;

/// The set of ALwrity's own prices, which is listed alone where it was imported.
const OWN_SET: &str = "alwrity";
/// Models that are listed, at most.
const MODELS_MAX: usize = 1_000;
/// Rows that are looked at, at most.
const ROWS_MAX: u32 = 100_000;

/// `GET /api/subscription/pricing`. Without a credential prices that were set by hand are not told: they
/// may be somebody's contract.
pub async fn list(
    State(state): State<AppState>,
    person: Option<Person>,
    params: Params,
) -> Result<Response, Refused> {
    let listed = Listed::of(&state).await?;
    let wanted = params.one("provider").map(str::to_lowercase);
    let rows = listed.iter().filter(|row| person.is_some() || !row.is_manual);
    let rows = rows.filter(|row| wanted.as_ref().is_none_or(|wanted| *wanted == row.provider));
    let rows: Vec<&str> = rows.take(MODELS_MAX).map(|row| row.body.as_str()).collect();
    // Joined as they were written: anybody may ask, and as often as they like.
    let (total, pricing) = (rows.len(), rows.join(","));
    let body = format!(r#"{{"success":true,"data":{{"pricing":[{pricing}],"total":{total}}}}}"#);
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// One model, as it is listed.
struct ListedRow {
    provider: CompactString,
    is_manual: bool,
    /// As JSON.
    body: String,
}

/// The list, and of which book it was made.
#[derive(Default)]
struct Listed(Mutex<Option<(Weak<PriceBook>, List)>>);

/// All models that are listed.
type List = Arc<Vec<ListedRow>>;

impl Listed {
    /// The list as prices are now; made once for each change of them.
    async fn of(state: &AppState) -> Result<List, Refused> {
        let kept = state.kept.of::<Self>();
        let book = state.outlay.prices.book();
        let edition = Arc::downgrade(&book);
        if let Some((of, list)) = &*kept.0.lock()
            && of.ptr_eq(&edition)
        {
            return Ok(list.clone());
        }
        let (prices, now) = (state.outlay.prices.clone(), state.outlay.clock.now());
        let read = tokio::task::spawn_blocking(move || {
            let own = prices.sources()?.iter().any(|source| source.name == OWN_SET);
            let source = own.then(|| OWN_SET.to_owned());
            let filter = PriceFilter { source, at: Some(now), ..PriceFilter::default() };
            prices.page(&filter, ROWS_MAX)
        });
        let rows = read.await.map_err(|error| Refused::from(ApiError::internal(&error)))??;
        let list = Arc::new(list_of(rows.into_iter().map(|stored| stored.row)));
        *kept.0.lock() = Some((edition, list.clone()));
        Ok(list)
    }
}

/// One row for each model whose name is said in full, at its usual terms.
fn list_of(rows: impl Iterator<Item = PriceRow>) -> Vec<ListedRow> {
    let mut models = BTreeMap::<_, Vec<PriceRow>>::new();
    for row in rows {
        let Some(model) = name_of(&row.model) else { continue };
        if row.conditions == Conditions::default() && row.currency == CURRENCY {
            let key = (row.provider.clone(), CompactString::from(model), row.source.clone());
            models.entry(key).or_default().push(row);
        }
    }
    models
        .iter()
        .map(|((provider, model, source), rows)| listed(provider, model, source, rows))
        .collect()
}

/// The one name that a row is for; what is for all of a provider's models is called as ALwrity does.
fn name_of(model: &ModelPattern) -> Option<&str> {
    if model.is_any() { Some("default") } else { model.exact() }
}

fn listed(provider: &str, model: &str, source: &str, rows: &[PriceRow]) -> ListedRow {
    let provider = price_list_name(provider);
    let price = |meters: &[Meter]| {
        let is_meant =
            |row: &&PriceRow| matches!(&row.priced, Priced::Meter(meter) if meters.contains(meter));
        rows.iter().find(is_meant).map_or(0.0, |row| each(row.price, row.per))
    };
    let since = rows.iter().filter_map(|row| row.valid_from).max();
    let body = json!({
        "provider": provider,
        "model_name": model,
        // ALwrity counts a character of speech as a token.
        "cost_per_input_token": price(&[Meter::InputTokens, Meter::Characters]),
        "cost_per_output_token": price(&[Meter::OutputTokens]),
        "cost_per_request": price(&[Meter::Requests]),
        "cost_per_search": price(&[Meter::Searches]),
        "cost_per_image": price(&[Meter::Images]),
        "cost_per_page": price(&[Meter::Pages]),
        "description": format!("{model} of {provider}, by {source}"),
        "effective_date": since.map_or_else(|| "1970-01-01T00:00:00".to_owned(), naive),
    });
    ListedRow {
        provider: provider.into(),
        is_manual: source == MANUAL_SOURCE,
        body: body.to_string(),
    }
}

/// The price of one unit, where `per` of them cost that: the nearest float, but for the last digit.
#[allow(clippy::cast_precision_loss)]
fn each(price: Price, per: i64) -> f64 {
    price.to_string().parse::<f64>().unwrap_or(0.0) / per.max(1) as f64
}
