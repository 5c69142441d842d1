//! How a kept event is written in answers and live updates.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use outlay_domain::usage::{ChargeBasis, Fact, FactKind, Meter, Status};
use outlay_domain::{Amount, Quantity};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// One fact of the history.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventRow {
    /// The sender's id.
    pub id: String,
    /// Who sent it.
    pub source: String,
    /// When it was used.
    pub occurred_at: DateTime<Utc>,
    /// When the server took it in.
    pub received_at: DateTime<Utc>,
    /// Why it was written.
    pub kind: FactKind,
    /// Who pays.
    pub account: String,
    /// Who or what used it.
    #[schema(required = true)]
    pub subject: Option<String>,
    /// Who was paid.
    #[schema(required = true)]
    pub provider: Option<String>,
    /// Which model.
    #[schema(required = true)]
    pub model: Option<String>,
    /// What was done.
    #[schema(required = true)]
    pub operation: Option<String>,
    /// Which service.
    #[schema(required = true)]
    pub service: Option<String>,
    /// How it ended.
    pub status: Status,
    /// How long it took, in milliseconds.
    #[schema(required = true)]
    pub duration_ms: Option<f64>,
    /// How much was used, by meter.
    pub quantities: BTreeMap<String, Quantity>,
    /// Team, project, platform and environment, where given.
    pub dimensions: BTreeMap<&'static str, String>,
    /// Free attributes.
    pub tags: BTreeMap<String, String>,
    /// What it costs; `null` while no price is known, and what is known where it is partly priced.
    #[schema(required = true, value_type = Option<String>, example = "0.00125")]
    pub amount: Option<Amount>,
    /// How the amount came about.
    pub basis: ChargeBasis,
    /// How much was used that has no price, by meter: all of it where it is unpriced, what is not
    /// in the amount where it is partly priced.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    pub unpriced: BTreeMap<String, Quantity>,
    /// 1 where it says that an event lacks a price, or one for a part; -1 where it says that one no
    /// longer does; 0 else. It adds up to how many events do.
    #[schema(minimum = -1, maximum = 1)]
    pub unpriced_events: i8,
    /// The ids of the price rows that it was rated with.
    pub prices: Vec<String>,
    /// What the sender said it cost.
    #[schema(required = true, value_type = Option<String>)]
    pub stated_cost: Option<Amount>,
    /// Anything else that the sender said.
    #[schema(required = true, value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
}

impl From<&Fact> for EventRow {
    fn from(fact: &Fact) -> Self {
        let event = &fact.event;
        let some =
            |name: &Option<compact_str::CompactString>| name.as_ref().map(ToString::to_string);
        let dimensions = [
            ("team", &event.dimensions.team),
            ("project", &event.dimensions.project),
            ("platform", &event.dimensions.platform),
            ("environment", &event.dimensions.environment),
        ];
        Self {
            id: event.id.to_string(),
            source: event.source.to_string(),
            occurred_at: event.occurred_at,
            received_at: fact.received_at,
            kind: fact.kind,
            account: event.account.to_string(),
            subject: some(&event.subject),
            provider: some(&event.provider),
            model: some(&event.model),
            operation: some(&event.operation),
            service: some(&event.service),
            status: event.status,
            #[allow(clippy::cast_precision_loss)]
            duration_ms: event.duration_us.map(|duration| duration as f64 / 1000.0),
            quantities: by_name(event.quantities.iter()),
            unpriced: by_name(fact.charge.unpriced_meters(event)),
            unpriced_events: fact.charge.unpriced,
            dimensions: dimensions
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.as_ref()?.to_string())))
                .collect(),
            tags: event.tags.iter().map(|(key, value)| (key.into(), value.into())).collect(),
            amount: fact.charge.amount,
            basis: fact.charge.basis,
            prices: fact.charge.price_ids().map(Into::into).collect(),
            stated_cost: event.stated_cost,
            metadata: event
                .metadata
                .as_ref()
                .and_then(|metadata| RawValue::from_string(metadata.to_string()).ok()),
        }
    }
}

/// Quantities by the names of their meters.
pub fn by_name<'a>(
    quantities: impl Iterator<Item = (&'a Meter, Quantity)>,
) -> BTreeMap<String, Quantity> {
    quantities.map(|(meter, quantity)| (meter.name().to_owned(), quantity)).collect()
}
