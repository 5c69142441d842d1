//! Charges in the form of FOCUS 1.2 and 1.4.
//!
//! Columns by <https://focus.finops.org/focus-specification/>. What they hold here, and what is not
//! in them, is told in the guide on exports.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, LazyLock};

use axum::extract::{Query, State};
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use outlay_domain::people::Act;
use outlay_domain::usage::question::{Every, Measure, Value};
use outlay_domain::usage::{Fact, Meter};
use outlay_engine::exports::focus::{FocusRow, FocusRows};
use outlay_engine::exports::focus_category::{CategoryRule, category};
use outlay_engine::usage::UsageQuestion;
use outlay_store::sheet::Kind;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::sink::{Format, Rows, Table};
use super::{Pairs, asked, send};
use crate::auth::Scoped;
use crate::config::Config;
use crate::error::ApiError;
use crate::extract::Json;
use crate::forms::usage_params::{Known, Parameters};
use crate::forms::words::FocusType;
use crate::state::AppState;

/// The columns by their names in 1.2, in order; our own come last.
const COLUMNS: [(&str, Kind); 39] = [
    ("BilledCost", Kind::Decimal),
    ("BillingAccountId", Kind::Text),
    ("BillingAccountName", Kind::Text),
    ("BillingCurrency", Kind::Text),
    ("BillingPeriodEnd", Kind::Time),
    ("BillingPeriodStart", Kind::Time),
    ("ChargeCategory", Kind::Text),
    ("ChargeClass", Kind::Text),
    ("ChargeDescription", Kind::Text),
    ("ChargeFrequency", Kind::Text),
    ("ChargePeriodEnd", Kind::Time),
    ("ChargePeriodStart", Kind::Time),
    ("ConsumedQuantity", Kind::Decimal),
    ("ConsumedUnit", Kind::Text),
    ("ContractedCost", Kind::Decimal),
    ("ContractedUnitPrice", Kind::Decimal),
    ("EffectiveCost", Kind::Decimal),
    ("InvoiceIssuerName", Kind::Text),
    ("ListCost", Kind::Decimal),
    ("ListUnitPrice", Kind::Decimal),
    ("PricingCategory", Kind::Text),
    ("PricingQuantity", Kind::Decimal),
    ("PricingUnit", Kind::Text),
    ("ProviderName", Kind::Text),
    ("PublisherName", Kind::Text),
    ("ServiceCategory", Kind::Text),
    ("ServiceName", Kind::Text),
    ("ServiceSubcategory", Kind::Text),
    ("SkuId", Kind::Text),
    ("SkuMeter", Kind::Text),
    ("SkuPriceDetails", Kind::Text),
    ("SkuPriceId", Kind::Text),
    ("SubAccountId", Kind::Text),
    ("SubAccountName", Kind::Text),
    ("SubAccountType", Kind::Text),
    ("Tags", Kind::Text),
    ("x_ChargeBasis", Kind::Text),
    ("x_Project", Kind::Text),
    ("x_Team", Kind::Text),
];

/// A version of FOCUS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
pub(super) enum Version {
    #[serde(rename = "1.2")]
    V1_2,
    #[serde(rename = "1.4")]
    V1_4,
}

impl Version {
    const fn as_str(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_4 => "1.4",
        }
    }

    fn of(parameters: &Parameters) -> Result<Self, ApiError> {
        Ok(parameters.word("version")?.unwrap_or(Self::V1_4))
    }

    /// What the column is called in this version.
    fn name(self, column: &'static str) -> &'static str {
        match (self, column) {
            (Self::V1_4, "ProviderName") => "ServiceProviderName",
            (Self::V1_4, "PublisherName") => "HostProviderName",
            _ => column,
        }
    }

    fn columns(self) -> Vec<(&'static str, Kind)> {
        COLUMNS.map(|(column, kind)| (self.name(column), kind)).to_vec()
    }
}

/// How wide the periods of charges are.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Granularity {
    Hour,
    Day,
}

/// The form of a FOCUS export.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FocusFormat {
    Csv,
    Parquet,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct FocusParams {
    /// The version of FOCUS; 1.4 where it is not said.
    #[param(inline)]
    version: Option<Version>,
    /// The form; CSV where it is not said.
    #[param(inline)]
    format: Option<FocusFormat>,
    /// From this moment or day on.
    from: Option<String>,
    /// Before this moment or day.
    to: Option<String>,
    /// Whose days; UTC where it is not said.
    tz: Option<String>,
    /// How wide the periods of charges are; days where it is not said.
    #[param(inline)]
    granularity: Option<Granularity>,
    /// Only charges of these providers; any other attribute filters in the same way.
    provider: Option<String>,
}

/// Sends charges in the form of FOCUS: a row for each period, account, model, team, project and SKU.
///
/// The costs add up to the spend of the same range, exactly. Usage without a price is in no row;
/// the metadata says how much of it there is.
#[utoipa::path(get, path = "/api/v1/exports/focus", operation_id = "export_focus",
    tag = "exports", params(FocusParams),
    responses((status = 200, description = "The charges", content(
            (String = "text/csv"), (String = "application/vnd.apache.parquet"))),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError)))]
pub async fn export(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<FocusParams>);
    caller.may(Act::SeeUsage)?;
    let Query(pairs) = pairs?;
    let parameters = Parameters::new(pairs, &KNOWN)?;
    let version = Version::of(&parameters)?;
    let format = format(&parameters)?;
    let tz = parameters.tz()?;
    let lines = FocusRows::new(granularity(&parameters)?, tz, state.outlay.prices.book());
    let rows = Charges::new(format, version, lines, tz, state.config.clone())
        .map_err(|error| ApiError::internal(&error))?;
    let scope = caller.scope().map(String::from);
    let questions = state.outlay.questions.by(&*caller);
    let asked = asked(&parameters)?;
    let turn = state.shares.download(caller.user.as_str()).await?;
    send(questions, asked, scope, rows, ("focus", format), turn).await
}

fn granularity(parameters: &Parameters) -> Result<Every, ApiError> {
    Ok(match parameters.word("granularity")? {
        None | Some(Granularity::Day) => Every::Day,
        Some(Granularity::Hour) => Every::Hour,
    })
}

/// The form: there are no lines of JSON in FOCUS.
fn format(parameters: &Parameters) -> Result<Format, ApiError> {
    Ok(match parameters.word("format")? {
        None | Some(FocusFormat::Csv) => Format::Csv,
        Some(FocusFormat::Parquet) => Format::Parquet,
    })
}

/// Charges in some form.
pub(super) struct Charges {
    table: Table,
    rows: FocusRows,
    tz: Tz,
    config: Arc<Config>,
}

impl Charges {
    /// None yet.
    pub(super) fn new(
        format: Format,
        version: Version,
        rows: FocusRows,
        tz: Tz,
        config: Arc<Config>,
    ) -> io::Result<Self> {
        Ok(Self { table: Table::new(format, &version.columns())?, rows, tz, config })
    }

    fn write(&mut self, rows: &[FocusRow]) -> io::Result<()> {
        rows.iter().try_for_each(|row| {
            self.table.row(&cells(row, self.tz, &self.config.exports.focus_categories)?)
        })
    }
}

impl Rows for Charges {
    fn page(&mut self, facts: &[Fact]) -> io::Result<Vec<u8>> {
        for fact in facts {
            let over = self.rows.add(fact);
            self.write(&over)?;
        }
        self.table.take()
    }

    fn finish(mut self) -> io::Result<(Vec<u8>, u64)> {
        let over = self.rows.finish();
        self.write(&over)?;
        self.table.finish()
    }
}

/// A row's cells, in the order of the columns.
fn cells(row: &FocusRow, tz: Tz, rules: &[CategoryRule]) -> io::Result<Vec<Option<String>>> {
    let key = &row.key;
    let (category, subcategory) = category(row, rules);
    let text = |text: &str| Some(text.to_owned());
    let name = |name: &Option<compact_str::CompactString>| name.as_ref().map(ToString::to_string);
    let cost = || Some(Value::Amount { nanos: row.nanos }.text().to_string());
    let provider = key.provider.as_deref().or(key.service.as_deref()).unwrap_or("Unknown");
    let month = Every::Month.start(row.start, tz);
    let unit_price = || row.unit_price().map(|price| price.to_string());
    // What puts earlier charges right was consumed by nobody.
    let quantity = |quantity: String| (!key.is_adjustment).then_some(quantity);
    let (consumed_unit, pricing_unit) = units(row);
    let meter = meter_name(key.meter.as_ref());
    let model = key.model.as_deref().unwrap_or("any model");
    let sub_account = match (&key.project, &key.team) {
        (Some(project), _) => Some((project.to_string(), "Project")),
        (None, Some(team)) => Some((team.to_string(), "Team")),
        (None, None) => None,
    };
    let tags: BTreeMap<&str, &str> = [("project", &key.project), ("team", &key.team)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .collect();
    let details: BTreeMap<&str, &str> =
        key.model.iter().map(|model| ("x_ModelId", model.as_str())).collect();
    let sub_account_name = sub_account.as_ref().map(|(name, _)| name.clone());
    Ok(vec![
        cost(),
        text(&key.account),
        text(&key.account),
        text("USD"),
        Some(time(Every::Month.next(month, tz))),
        Some(time(month)),
        text(if key.is_adjustment { "Adjustment" } else { "Usage" }),
        None,
        Some(format!("{meter} of {model} by {provider}")),
        text("Usage-Based"),
        Some(time(row.end)),
        Some(time(row.start)),
        quantity(row.consumed().to_string()),
        quantity(consumed_unit),
        cost(),
        unit_price(),
        cost(),
        text(provider),
        cost(),
        unit_price(),
        (!key.is_adjustment).then(|| "Standard".to_owned()),
        quantity(row.priced().to_string()),
        quantity(pricing_unit),
        text(provider),
        text(provider),
        text(category),
        text(key.service.as_deref().unwrap_or(provider)),
        text(subcategory),
        Some(format!("{provider}/{}/{meter}", key.model.as_deref().unwrap_or("*"))),
        text(&meter),
        json(&details)?,
        name(&key.price),
        sub_account_name.clone(),
        sub_account_name,
        sub_account.map(|(_, kind)| kind.to_owned()),
        json(&tags)?,
        text(key.basis),
        name(&key.project),
        name(&key.team),
    ])
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A JSON object; nothing where it would be empty.
fn json(values: &BTreeMap<&str, &str>) -> io::Result<Option<String>> {
    Ok(if values.is_empty() { None } else { Some(serde_json::to_string(values)?) })
}

/// What a meter is called as the meter of a SKU.
fn meter_name(meter: Option<&Meter>) -> String {
    match meter {
        None | Some(Meter::Requests) => "Requests".to_owned(),
        Some(Meter::InputTokens) => "Input Tokens".to_owned(),
        Some(Meter::OutputTokens) => "Output Tokens".to_owned(),
        Some(Meter::CacheReadTokens) => "Cache Read Input Tokens".to_owned(),
        Some(Meter::CacheWrite5mTokens) => "Cache Write Input Tokens".to_owned(),
        Some(Meter::CacheWrite1hTokens) => "Cache Write Input Tokens (1 Hour)".to_owned(),
        Some(other) => {
            let words = other.name().split('_').map(|word| {
                let mut letters = word.chars();
                letters
                    .next()
                    .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
            });
            words.collect::<Vec<_>>().join(" ")
        }
    }
}

/// The units of what was consumed and of what is priced.
fn units(row: &FocusRow) -> (String, String) {
    if row.is_tokens() {
        return ("Tokens".to_owned(), "1000000 Tokens".to_owned());
    }
    let unit = meter_name(row.key.meter.as_ref());
    (unit.clone(), unit)
}

/// What the export's file is, by the specification's metadata.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct FocusMetadata {
    /// When this was written.
    creation_date: String,
    /// Who wrote it.
    data_generator: &'static str,
    /// Which version of Outlay.
    data_generator_version: &'static str,
    /// Which version of FOCUS.
    #[schema(example = "1.4")]
    focus_version: &'static str,
    /// Names these columns of this version.
    #[schema(example = "outlay-focus-1.4-1")]
    schema_id: String,
    /// The columns, in order.
    column_definition: Vec<FocusColumn>,
    /// Events of the range for which no price is known: they are in no row.
    #[serde(rename = "x_UnpricedEvents")]
    unpriced_events: i64,
}

/// A column.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct FocusColumn {
    /// Its name.
    column_name: &'static str,
    /// Its type.
    data_type: FocusType,
}

/// Describes the FOCUS export: its version, its columns, and how much usage has no price.
#[utoipa::path(get, path = "/api/v1/exports/focus/metadata", operation_id = "describe_focus",
    tag = "exports", params(FocusParams),
    responses((status = 200, body = FocusMetadata), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 422, body = ApiError), (status = 429, body = ApiError)))]
pub async fn metadata(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Pairs,
) -> Result<Json<FocusMetadata>, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<FocusParams>);
    caller.may(Act::SeeUsage)?;
    let Query(pairs) = pairs?;
    let parameters = Parameters::new(pairs, &KNOWN)?;
    let version = Version::of(&parameters)?;
    let measures = vec![Measure::Unpriced];
    let question = UsageQuestion { measures, ..parameters.question()? };
    let questions = state.outlay.questions.by(&*caller);
    let answered = questions.total(question, caller.scope().as_deref()).await?;
    let unpriced = match answered.answer.total.now.first() {
        Some(Value::Count(count)) => i64::try_from(*count).unwrap_or(i64::MAX),
        _ => 0,
    };
    let column = |(column_name, kind)| FocusColumn {
        column_name,
        data_type: match kind {
            Kind::Text => FocusType::String,
            Kind::Decimal => FocusType::Decimal,
            Kind::Time => FocusType::Timestamp,
        },
    };
    Ok(Json(FocusMetadata {
        creation_date: time(state.outlay.clock.now()),
        data_generator: "Outlay",
        data_generator_version: env!("CARGO_PKG_VERSION"),
        focus_version: version.as_str(),
        schema_id: format!("outlay-focus-{}-1", version.as_str()),
        column_definition: version.columns().into_iter().map(column).collect(),
        unpriced_events: unpriced,
    }))
}
