//! What texts point at, as a thing and not as an address: whoever shows a text makes the address.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::budgets::Scope;

/// What a text points at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Link {
    /// The usage that the reader looks at.
    Usage,
    /// Usage between two moments.
    UsageBetween {
        /// Which.
        scope: Scope,
        /// What of it is measured, by its name on the wire; spend where none is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false, example = "latency_p95_ms")]
        measure: Option<String>,
        /// From then on.
        from: DateTime<Utc>,
        /// Until before then.
        until: DateTime<Utc>,
    },
    /// Usage of whole days, both ends included.
    UsageOfDays {
        /// Which.
        scope: Scope,
        /// The first day.
        first: NaiveDate,
        /// The last day.
        last: NaiveDate,
        /// Whose days, as an IANA name; the reader's where none is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false, example = "Europe/Berlin")]
        tz: Option<String>,
    },
    /// All about one value of an attribute, e.g. a model.
    Name {
        /// The attribute, by its name on the wire.
        #[schema(example = "model")]
        attribute: String,
        /// The value.
        #[schema(example = "gpt-4o")]
        name: String,
    },
    /// A budget.
    Budget {
        /// Its id.
        id: String,
    },
    /// A schedule of files.
    Schedule {
        /// Its id.
        id: String,
    },
    /// What is paid for a unit of usage.
    Prices,
    /// Models that have usage and no price.
    Unpriced,
    /// What somebody should look at.
    Alerts,
    /// Older systems whose usage is read in.
    Imports,
    /// What moved spend, what is coming, and what can be done.
    Insights,
}

impl Link {
    /// Usage of `names`, as filters by their names, on whole days. Names that are no filters do not
    /// narrow it.
    pub fn days(
        names: impl IntoIterator<Item = (String, Vec<String>)>,
        (first, last): (NaiveDate, NaiveDate),
        tz: Option<String>,
    ) -> Self {
        let mut known = BTreeMap::new();
        for (name, values) in names {
            if Scope::new(BTreeMap::from([(name.clone(), values.clone())])).is_ok() {
                known.insert(name, values);
            }
        }
        let scope = Scope::new(known).unwrap_or_default();
        Self::UsageOfDays { scope, first, last, tz }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_kept_as_what_it_points_at() {
        let scope = Scope::only("model", "a,b/c").unwrap();
        let from = "2026-11-11T11:30:00Z".parse().unwrap();
        let until = "2026-11-11T12:30:01Z".parse().unwrap();
        let link = Link::UsageBetween { scope, measure: None, from, until };

        let json = serde_json::to_string(&link).unwrap();

        assert_eq!(
            json,
            r#"{"to":"usage_between","scope":{"model":["a,b/c"]},"from":"2026-11-11T11:30:00Z","until":"2026-11-11T12:30:01Z"}"#
        );
        assert_eq!(serde_json::from_str::<Link>(&json).unwrap(), link);
    }

    #[test]
    fn what_is_no_filter_does_not_narrow_a_link() {
        let day = "2026-11-11".parse().unwrap();
        let names = [("colour", "red"), ("model", "gpt-4o")]
            .map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));

        let link = Link::days(names, (day, day), None);

        let scope = Scope::only("model", "gpt-4o").unwrap();
        assert_eq!(link, Link::UsageOfDays { scope, first: day, last: day, tz: None });
    }
}
