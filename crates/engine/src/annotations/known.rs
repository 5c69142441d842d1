//! What is known here without anybody having written it: other prices, alerts, imports.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use outlay_domain::alerts::{AlertRule, AlertState, Condition};
use outlay_domain::annotations::overlap;
use outlay_domain::links::Link;
use outlay_domain::prices::{MANUAL_SOURCE, Price, PriceRow, Priced, provider_name};
use outlay_domain::usage::question::{Attribute, Filter, Test};
use outlay_store::sqlite::alerts::WantedAlerts;
use outlay_store::sqlite::prices::PriceFilter;
use outlay_store::{StoreError, View};
use uuid::Uuid;

use super::{MARKS_MAX, Mark, MarkKind, WantedMarks};

/// Models whose prices are looked up for one answer, at most: a chart of more is about none of them.
const MODELS_MAX: usize = 10;
/// Price rows of one model that are looked through, at most.
const ROWS_MAX: u32 = 1_000;
/// Tokens that prices are told for.
const MILLION: i128 = 1_000_000;

/// When the models that `wanted` names got other prices, by the source that decides and by hand.
pub(super) fn prices(
    books: &View<'_>,
    wanted: &WantedMarks,
    source: Option<&str>,
) -> Result<Vec<Mark>, StoreError> {
    let mut marks = Vec::new();
    for model in models(&wanted.filters) {
        let filter = PriceFilter { model: Some(model.to_lowercase()), ..PriceFilter::default() };
        let rows = books.prices().page(&filter, ROWS_MAX)?;
        let decides = |row: &PriceRow| row.source == MANUAL_SOURCE || Some(&*row.source) == source;
        let rows: Vec<PriceRow> = rows
            .into_iter()
            .map(|stored| stored.row)
            .filter(|row| decides(row) && row.model.takes(&model.to_lowercase()))
            .filter(|row| is_of(row, &wanted.filters))
            .collect();
        marks.extend(changes(model, &rows, wanted));
    }
    Ok(marks)
}

/// The models that the filters name, one by one.
fn models(filters: &[Filter]) -> Vec<&str> {
    let of_models = filters.iter().find_map(|filter| match filter.test() {
        Test::In(values) if *filter.attribute() == Attribute::Model => Some(values),
        _ => None,
    });
    let named = of_models.into_iter().flatten().flatten().map(|model| model.as_str());
    let named: Vec<&str> = named.collect();
    if named.len() > MODELS_MAX { Vec::new() } else { named }
}

/// Whether a price is of a provider that passes the filters, by any of its names.
fn is_of(row: &PriceRow, filters: &[Filter]) -> bool {
    let of_providers = filters.iter().filter(|filter| *filter.attribute() == Attribute::Provider);
    of_providers.into_iter().all(|filter| match filter.test() {
        Test::In(values) => {
            values.iter().flatten().any(|value| *provider_name(value) == *row.provider)
        }
        Test::NotIn(_) | Test::Prefix(_) => filter.passes(Some(&row.provider)),
    })
}

/// Whether a price that was set by hand counts in the place of `row` when that begins.
fn is_overruled(row: &PriceRow, rows: &[PriceRow], from: DateTime<Utc>) -> bool {
    row.source != MANUAL_SOURCE
        && rows.iter().any(|other| {
            other.source == MANUAL_SOURCE
                && (&other.provider, &other.priced) == (&row.provider, &row.priced)
                && other.is_valid_at(from)
        })
}

/// A mark for each moment at which one of `rows` took the place of one with another price.
fn changes(model: &str, rows: &[PriceRow], wanted: &WantedMarks) -> Vec<Mark> {
    let mut at_once: BTreeMap<(DateTime<Utc>, &str), Vec<String>> = BTreeMap::new();
    for row in rows {
        let Some(from) = row.valid_from else { continue };
        if !(wanted.from <= from && from < wanted.to) || is_overruled(row, rows, from) {
            continue;
        }
        let is_before = |other: &&PriceRow| {
            other.id != row.id
                && (&other.provider, &other.priced, &other.conditions)
                    == (&row.provider, &row.priced, &row.conditions)
                && other.valid_from.is_none_or(|began| began < from)
        };
        let before = rows.iter().filter(is_before).max_by_key(|other| other.valid_from);
        if let Some(words) = before.and_then(|before| change_words(before, row)) {
            let words_at = at_once.entry((from, &row.provider)).or_default();
            if !words_at.contains(&words) {
                words_at.push(words);
            }
        }
    }
    let mark = |((at, provider), words): ((DateTime<Utc>, &str), Vec<String>)| Mark {
        at,
        until: None,
        text: format!("{provider} {model}: {}", words.join(", ")),
        kind: MarkKind::Price,
        link: Some(Link::Prices),
        note: None,
    };
    at_once.into_iter().map(mark).collect()
}

/// `input tokens 2.5 → 2 USD per million`; nothing where the price is the same.
fn change_words(before: &PriceRow, after: &PriceRow) -> Option<String> {
    let meter = after.priced.as_str();
    let per = match &after.priced {
        Priced::Meter(_) if meter.ends_with("_tokens") => MILLION,
        Priced::Meter(_) | Priced::Factor => 1,
    };
    let (old, new) = (price_per(before, per)?, price_per(after, per)?);
    if old == new {
        return None;
    }
    let unit = match (&after.priced, per) {
        (Priced::Factor, _) => String::new(),
        (_, MILLION) => format!(" {} per million", after.currency),
        _ => format!(" {}", after.currency),
    };
    Some(format!("{} {old} → {new}{unit}", meter.replace('_', " ")))
}

fn price_per(row: &PriceRow, units: i128) -> Option<Price> {
    let attos = row.price.attos().checked_mul(units)?;
    Price::from_attos(attos / i128::from(row.per).max(1))
}

/// The alerts that opened about spend which passes the filters; those about the account `own` alone,
/// for whoever sees one.
pub(super) fn alerts(
    books: &View<'_>,
    wanted: &WantedMarks,
    own: Option<&str>,
) -> Result<Vec<Mark>, StoreError> {
    let all = WantedAlerts {
        states: AlertState::WORDS.map(Into::into).to_vec(),
        account: own.map(Into::into),
        ..WantedAlerts::default()
    };
    let rules = books.alerts().rules()?;
    let found = books.alerts().page(&all, Some((wanted.to, Uuid::nil())), MARKS_MAX)?;
    let of_time = found.into_iter().filter(|alert| alert.opened_at >= wanted.from);
    let of_spend = of_time.filter(|alert| {
        let rule = rules.iter().find(|rule| rule.id == alert.rule_id);
        rule.is_some_and(|rule| is_about(rule, &wanted.filters))
    });
    let mark = |alert: outlay_domain::alerts::Alert| Mark {
        at: alert.opened_at,
        until: None,
        text: alert.title,
        kind: MarkKind::Alert,
        link: Some(alert.link.unwrap_or(Link::Alerts)),
        note: None,
    };
    Ok(of_spend.map(mark).collect())
}

/// Whether a rule watches usage that passes the filters. One of budgets says not which, and stands on
/// the charts of everything.
fn is_about(rule: &AlertRule, filters: &[Filter]) -> bool {
    match &rule.draft.condition {
        Condition::Above { scope, .. }
        | Condition::Anomaly { scope, .. }
        | Condition::Change { scope }
        | Condition::Silence { scope, .. } => overlap(scope.filters(), filters),
        Condition::Budget {} => filters.is_empty(),
        Condition::Unpriced {}
        | Condition::Owing {}
        | Condition::Limits {}
        | Condition::Health {} => false,
    }
}

/// The imports that ended, on the charts of everything.
pub(super) fn imports(books: &View<'_>, wanted: &WantedMarks) -> Result<Vec<Mark>, StoreError> {
    if !wanted.filters.is_empty() {
        return Ok(Vec::new());
    }
    let records = books.imports().records()?;
    let of_time = records.into_iter().filter(|record| {
        wanted.from <= record.last_at && record.last_at < wanted.to && record.rows.accepted > 0
    });
    let mark = |record: outlay_domain::imports::ImportRecord| Mark {
        at: record.last_at,
        until: None,
        text: format!("Imported {} events from {}", record.rows.accepted, record.name),
        kind: MarkKind::Import,
        link: Some(Link::Imports),
        note: None,
    };
    Ok(of_time.take(MARKS_MAX as usize).map(mark).collect())
}
