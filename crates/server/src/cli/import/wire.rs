//! A draft as the API reads it.

use outlay_domain::Amount;
use outlay_domain::usage::{EventDraft, Status};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

/// A draft, written as `POST /api/v1/events` reads it.
pub struct WireEvent<'a>(pub &'a EventDraft);

impl Serialize for WireEvent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let draft = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &draft.id)?;
        map.serialize_entry("source", &draft.source)?;
        if let Some(at) = draft.occurred_at {
            map.serialize_entry("occurred_at", &at)?;
        }
        if !draft.account.is_empty() {
            map.serialize_entry("account", &draft.account)?;
        }
        let dimensions = &draft.dimensions;
        for (name, value) in [
            ("subject", &draft.subject),
            ("provider", &draft.provider),
            ("model", &draft.model),
            ("operation", &draft.operation),
            ("service", &draft.service),
            ("team", &dimensions.team),
            ("project", &dimensions.project),
            ("platform", &dimensions.platform),
            ("environment", &dimensions.environment),
        ] {
            if let Some(value) = value {
                map.serialize_entry(name, value)?;
            }
        }
        if draft.status != Status::Ok {
            map.serialize_entry("status", draft.status.as_str())?;
        }
        if let Some(micros) = draft.duration_us {
            map.serialize_entry("duration_ms", &Milliseconds(micros))?;
        }
        if !draft.quantities.is_empty() {
            map.serialize_entry("quantities", &Quantities(draft))?;
        }
        if !draft.tags.is_empty() {
            map.serialize_entry("tags", &Tags(draft))?;
        }
        if let Some(cost) = &draft.stated_cost {
            map.serialize_entry::<_, Amount>("cost", cost)?;
        }
        if let Some(metadata) = &draft.metadata {
            let metadata: &RawValue =
                serde_json::from_str(metadata).map_err(serde::ser::Error::custom)?;
            map.serialize_entry("metadata", metadata)?;
        }
        map.end()
    }
}

struct Milliseconds(i64);

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1_000 == 0 {
            return serializer.serialize_i64(self.0 / 1_000);
        }
        // A float holds every microsecond of two centuries.
        #[allow(clippy::cast_precision_loss)]
        serializer.serialize_f64(self.0 as f64 / 1_000.0)
    }
}

struct Quantities<'a>(&'a EventDraft);

impl Serialize for Quantities<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.quantities.iter().map(|(meter, much)| (meter.name(), much)))
    }
}

struct Tags<'a>(&'a EventDraft);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.tags.iter().map(|(key, value)| (key, value)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use chrono::DateTime;
    use outlay_domain::Quantity;
    use outlay_domain::usage::{Dimensions, Meter};

    use super::*;

    #[test]
    fn a_draft_is_written_as_the_api_reads_it() {
        let draft = EventDraft {
            id: "costs:1".into(),
            source: "leadfactory:cost_tracking:1".into(),
            occurred_at: DateTime::from_timestamp_micros(1_784_425_718_116_250),
            account: "leadfactory".into(),
            service: Some("Yelp Fusion/é".into()),
            status: Status::Blocked,
            duration_us: Some(12_500),
            quantities: vec![
                (Meter::InputTokens, Quantity::from_units(7).unwrap()),
                (Meter::Seconds, Quantity::from_micros(250_000)),
            ],
            dimensions: Dimensions { team: Some("core".into()), ..Dimensions::default() },
            tags: vec![("lead_id".into(), "12".into())],
            stated_cost: Some("1.46801715".parse().unwrap()),
            metadata: Some(r#"{"a":[1]}"#.into()),
            ..EventDraft::default()
        };

        let json = serde_json::to_string(&WireEvent(&draft)).unwrap();

        assert_eq!(
            json,
            r#"{"id":"costs:1","source":"leadfactory:cost_tracking:1","occurred_at":"2026-07-19T01:48:38.116250Z","account":"leadfactory","service":"Yelp Fusion/é","team":"core","status":"blocked","duration_ms":12.5,"quantities":{"input_tokens":7,"seconds":"0.25"},"tags":{"lead_id":"12"},"cost":"1.46801715","metadata":{"a":[1]}}"#
        );
    }
}
