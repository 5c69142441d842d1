//! What a listing changes: which rows it opens and which it closes.
//!
//! Rows are never edited. A price that changed closes its row at the moment from which the other
//! one holds; a price that did not change leaves its row open, whoever listed it. A key that is no
//! longer listed stays open and is flagged, because a file that lost a line is more likely than a
//! model that became free.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use hashbrown::{HashMap, HashSet};
use outlay_domain::prices::{CURRENCY, Charged, Conditions, Price, PriceRow, Priced};
use outlay_store::sqlite::prices::StoredPrice;

use super::listing::{ListedRow, Listing, Start};

/// What is done to the book.
#[derive(Debug, Default)]
pub struct Changes {
    /// Rows to open.
    pub opened: Vec<PriceRow>,
    /// Rows to close, and when their validity ends.
    pub closed: Vec<Closed>,
    /// Listed prices that the book has already.
    pub unchanged: usize,
    /// Open rows that are no longer listed, and were until now.
    pub missing: Vec<PriceRow>,
    /// Rows that were missing and are listed again.
    pub returned: Vec<PriceRow>,
    /// Rows whose pattern has another place now.
    pub moved: Vec<(CompactString, i32)>,
}

/// A row that is closed.
#[derive(Debug, Clone)]
pub struct Closed {
    /// As it was.
    pub row: PriceRow,
    /// The end of its validity.
    pub valid_to: DateTime<Utc>,
}

/// What a row prices: two rows with the same key are the same price at different times.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    provider: CompactString,
    model: CompactString,
    priced: Priced,
    conditions: Conditions,
}

/// What a row says of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Value {
    per: i64,
    price: Price,
    charged: Charged,
}

/// A stretch of time in microseconds, `[from, to)`; the ends of `i64` are no ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    from: i64,
    to: i64,
}

impl Span {
    const fn is_empty(self) -> bool {
        self.from >= self.to
    }

    fn overlap(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }

    /// What is left of `self` before and after `other`.
    fn without(self, other: Self) -> [Self; 2] {
        [
            Self { to: self.to.min(other.from), ..self },
            Self { from: self.from.max(other.to), ..self },
        ]
    }
}

/// A row of the book while it is weighed, or a new one.
struct Weighed<'a> {
    row: Option<&'a PriceRow>,
    span: Span,
    value: Value,
}

/// What `listing` changes in the rows of its source, when it holds from `moment` on; without a
/// moment it has held since always.
pub fn weigh(listing: &Listing, known: &[StoredPrice], moment: Option<DateTime<Utc>>) -> Changes {
    let mut changes = Changes::default();
    let mut ids: HashSet<CompactString> = known.iter().map(|price| price.row.id.clone()).collect();
    let mut known_by_key: HashMap<Key, Vec<&StoredPrice>> = HashMap::new();
    for price in known {
        known_by_key.entry(Key::of(&price.row)).or_default().push(price);
    }
    let moment = moment.map_or(i64::MIN, |moment| moment.timestamp_micros());
    for (key, listed) in by_key(&listing.rows) {
        let known = known_by_key.remove(&key).unwrap_or_default();
        let mut weighed: Vec<Weighed<'_>> =
            known.iter().map(|price| Weighed::of(&price.row)).collect();
        for row in &listed {
            lay_listed(&mut weighed, row, moment);
        }
        note_known(&known, listed[0], &mut changes);
        note_weighed(weighed, listing, listed[0], &mut ids, &mut changes);
    }
    for price in known_by_key.into_values().flatten() {
        let is_open = price.row.valid_to.is_none();
        if is_open && price.missing_since.is_none() {
            changes.missing.push(price.row.clone());
        }
    }
    changes.missing.sort_by(|a, b| a.id.cmp(&b.id));
    changes
}

impl Key {
    fn of(row: &PriceRow) -> Self {
        Self {
            provider: row.provider.clone(),
            model: row.model.as_str().into(),
            priced: row.priced.clone(),
            conditions: row.conditions.clone(),
        }
    }
}

/// Listed rows by what they price, in the listing's order; each key's in order of time.
fn by_key(rows: &[ListedRow]) -> Vec<(Key, Vec<&ListedRow>)> {
    let mut at_key: HashMap<Key, usize> = HashMap::new();
    let mut keyed: Vec<(Key, Vec<&ListedRow>)> = Vec::new();
    for row in rows {
        let key = Key {
            provider: row.provider.clone(),
            model: row.model.as_str().into(),
            priced: row.priced.clone(),
            conditions: row.conditions.clone(),
        };
        let at = *at_key.entry(key.clone()).or_insert_with(|| {
            keyed.push((key, Vec::new()));
            keyed.len() - 1
        });
        keyed[at].1.push(row);
    }
    for (_, rows) in &mut keyed {
        rows.sort_by_key(|row| match row.start {
            Start::Beginning => i64::MIN,
            Start::Import => i64::MIN + 1,
            Start::At(at) => at.timestamp_micros(),
        });
    }
    keyed
}

impl<'a> Weighed<'a> {
    fn of(row: &'a PriceRow) -> Self {
        Self {
            row: Some(row),
            span: span_of(row),
            value: Value { per: row.per, price: row.price, charged: row.charged },
        }
    }
}

fn span_of(row: &PriceRow) -> Span {
    Span {
        from: row.valid_from.map_or(i64::MIN, |from| from.timestamp_micros()),
        to: row.valid_to.map_or(i64::MAX, |to| to.timestamp_micros()),
    }
}

fn lay_listed(weighed: &mut Vec<Weighed<'_>>, row: &ListedRow, moment: i64) {
    let value = Value { per: row.per, price: row.price, charged: row.charged };
    let to = row.until.map_or(i64::MAX, |until| until.timestamp_micros());
    match row.start {
        Start::Import => lay(weighed, Span { from: moment, to }, value, true),
        Start::At(at) => lay(weighed, Span { from: at.timestamp_micros(), to }, value, true),
        Start::Beginning => {
            // Of the time before the import the book may know better; from then on the listing does.
            lay(weighed, Span { from: i64::MIN, to: to.min(moment) }, value, false);
            lay(weighed, Span { from: moment, to }, value, true);
        }
    }
}

/// Lays a price over a span. Other prices there give way when it `replaces` them, and else stay
/// where they are.
fn lay(weighed: &mut Vec<Weighed<'_>>, span: Span, value: Value, replaces: bool) {
    let mut open = vec![span];
    let mut behind = Vec::new();
    for known in weighed.iter_mut() {
        let overlap = known.span.overlap(span);
        if overlap.is_empty() {
            continue;
        }
        if known.value == value || !replaces {
            open = open.iter().flat_map(|part| part.without(known.span)).collect();
            open.retain(|part| !part.is_empty());
            continue;
        }
        let rest = Span { from: span.to, to: known.span.to };
        if !rest.is_empty() {
            behind.push(Weighed { row: None, span: rest, value: known.value });
        }
        known.span.to = known.span.from.max(span.from);
    }
    weighed.extend(open.into_iter().filter(|part| !part.is_empty()).map(|span| Weighed {
        row: None,
        span,
        value,
    }));
    weighed.append(&mut behind);
}

/// Notes what is listed again, and patterns that moved.
fn note_known(known: &[&StoredPrice], listed: &ListedRow, changes: &mut Changes) {
    for price in known {
        if price.missing_since.is_some() {
            changes.returned.push(price.row.clone());
        }
        if price.row.rank != listed.rank {
            changes.moved.push((price.row.id.clone(), listed.rank));
        }
    }
}

fn note_weighed(
    weighed: Vec<Weighed<'_>>,
    listing: &Listing,
    listed: &ListedRow,
    ids: &mut HashSet<CompactString>,
    changes: &mut Changes,
) {
    for Weighed { row, span, value } in weighed {
        match row {
            Some(row) if span == span_of(row) => changes.unchanged += 1,
            Some(row) => {
                let valid_to = time(span.to).unwrap_or(DateTime::<Utc>::MIN_UTC);
                changes.closed.push(Closed { row: row.clone(), valid_to });
            }
            None if span.is_empty() => {}
            None => {
                let valid_from = time(span.from);
                changes.opened.push(PriceRow {
                    id: price_id(listing, listed, valid_from, ids),
                    source: listing.source.clone(),
                    provider: listed.provider.clone(),
                    model: listed.model.clone(),
                    rank: listed.rank,
                    priced: listed.priced.clone(),
                    per: value.per,
                    price: value.price,
                    currency: CURRENCY.into(),
                    charged: value.charged,
                    conditions: listed.conditions.clone(),
                    valid_from,
                    valid_to: time(span.to),
                    version: listing.version.clone(),
                });
            }
        }
    }
}

/// The time of microseconds that are no end.
fn time(micros: i64) -> Option<DateTime<Utc>> {
    if micros == i64::MIN || micros == i64::MAX {
        return None;
    }
    DateTime::from_timestamp_micros(micros)
}

/// A name for a row that people can read, e.g. `litellm:openai/gpt-4o:input_tokens@2026-11-20`.
fn price_id(
    listing: &Listing,
    listed: &ListedRow,
    valid_from: Option<DateTime<Utc>>,
    ids: &mut HashSet<CompactString>,
) -> CompactString {
    let mut id = format!(
        "{}:{}/{}:{}",
        listing.source,
        listed.provider,
        listed.label,
        listed.priced.as_str()
    );
    let mut conditions = listed.conditions.clone();
    let in_hours = conditions.hours.take().is_some();
    if !conditions.is_empty() {
        id.push_str(&format!(":{conditions}"));
    }
    if in_hours {
        id.push_str(":hours");
    }
    if let Some(from) = valid_from {
        let is_midnight = from.timestamp() % 86_400 == 0;
        let form = if is_midnight { "@%Y-%m-%d" } else { "@%Y-%m-%dT%H%M%S" };
        id.push_str(&from.format(form).to_string());
    }
    // Charges join ids by commas.
    let id: CompactString = id
        .chars()
        .map(|char| if char == ',' || char.is_whitespace() { '_' } else { char })
        .collect();
    let mut unique = id.clone();
    let mut number = 2;
    while !ids.insert(unique.clone()) {
        unique = compact_str::format_compact!("{id}~{number}");
        number += 1;
    }
    unique
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use outlay_domain::prices::ModelPattern;
    use outlay_domain::usage::Meter;

    use super::*;

    fn day(text: &str) -> DateTime<Utc> {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    /// A listing of one model's input prices: `price`, or `price from..until`.
    fn listing(prices: &[&str]) -> Listing {
        let rows = prices.iter().map(|text| {
            let (price, span) = text.split_once(' ').unwrap_or((text, ""));
            let (from, until) = span.split_once("..").unwrap_or(("", ""));
            ListedRow {
                provider: "openai".into(),
                model: ModelPattern::exactly("m"),
                label: "m".into(),
                rank: 0,
                priced: Priced::Meter(Meter::InputTokens),
                per: 1,
                price: price.parse().unwrap(),
                charged: Charged::Each,
                conditions: Conditions::default(),
                start: match (from, span) {
                    ("", "") => Start::Import,
                    ("", _) => Start::Beginning,
                    (from, _) => Start::At(day(from)),
                },
                until: (!until.is_empty()).then(|| day(until)),
            }
        });
        let rows = rows.collect();
        Listing { source: "test".into(), version: "1".into(), rows, left_out: Vec::new() }
    }

    /// The book's rows after the changes.
    fn apply(known: &[StoredPrice], changes: Changes) -> Vec<StoredPrice> {
        let mut rows = known.to_vec();
        for closed in changes.closed {
            let at = rows.iter().position(|price| price.row.id == closed.row.id).unwrap();
            rows[at].row.valid_to = Some(closed.valid_to);
        }
        for row in changes.opened {
            rows.push(StoredPrice { row, created_at: day("2026-11-20"), missing_since: None });
        }
        for row in changes.missing {
            let at = rows.iter().position(|price| price.row.id == row.id).unwrap();
            rows[at].missing_since = Some(day("2026-11-20"));
        }
        rows
    }

    /// What is valid when, in order of time, as `price from..to`.
    fn timeline(rows: &[StoredPrice]) -> Vec<String> {
        let mut rows: Vec<&PriceRow> = rows
            .iter()
            .map(|price| &price.row)
            .filter(|row| row.valid_from.is_none() || row.valid_from != row.valid_to)
            .filter(|row| row.valid_to != Some(DateTime::<Utc>::MIN_UTC))
            .collect();
        rows.sort_by_key(|row| row.valid_from);
        let text = |time: Option<DateTime<Utc>>| {
            time.map(|time| time.format("%m-%d").to_string()).unwrap_or_default()
        };
        let line = |row: &&PriceRow| {
            format!("{} {}..{}", row.price, text(row.valid_from), text(row.valid_to))
        };
        rows.iter().map(line).collect()
    }

    /// Imports one listing after the other, each at its day, and answers what is valid when.
    fn imported(imports: &[(&str, &[&str])]) -> Vec<String> {
        let mut rows = Vec::new();
        for (at, prices) in imports {
            let moment = (!at.is_empty()).then(|| day(at));
            let changes = weigh(&listing(prices), &rows, moment);
            rows = apply(&rows, changes);
        }
        timeline(&rows)
    }

    #[test]
    fn a_changed_price_closes_its_row_and_an_unchanged_one_stays_open() {
        assert_eq!(imported(&[("2026-01-01", &["1"])]), ["1 01-01.."]);
        assert_eq!(imported(&[("", &["1"]), ("2026-02-01", &["1"])]), ["1 .."]);
        assert_eq!(
            imported(&[("", &["1"]), ("2026-02-01", &["2"]), ("2026-03-01", &["2"])]),
            ["1 ..02-01", "2 02-01.."]
        );
    }

    #[test]
    fn an_import_for_an_earlier_day_holds_from_then_on() {
        assert_eq!(
            imported(&[("2026-03-01", &["1"]), ("2026-02-01", &["1"])]),
            ["1 02-01..03-01", "1 03-01.."]
        );
        assert_eq!(imported(&[("2026-03-01", &["1"]), ("2026-02-01", &["2"])]), ["2 02-01.."]);
        assert_eq!(imported(&[("2026-03-01", &["1"]), ("2026-03-01", &["2"])]), ["2 03-01.."]);
    }

    #[test]
    fn dated_prices_bring_their_own_beginning() {
        let dated: &[&str] = &["1 ..2026-05-01", "2 2026-05-01.."];
        let again: &[&str] = &["1 ..2026-05-01", "2 2026-05-01..2026-08-01", "3 2026-08-01.."];

        assert_eq!(imported(&[("2026-07-01", dated)]), ["1 ..05-01", "2 05-01.."]);
        assert_eq!(
            imported(&[("2026-07-01", dated), ("2026-07-02", again)]),
            ["1 ..05-01", "2 05-01..08-01", "3 08-01.."]
        );
        assert_eq!(
            imported(&[("2026-02-01", &["9"]), ("2026-07-01", dated)]),
            ["1 ..02-01", "9 02-01..05-01", "2 05-01.."],
            "what was booked before the first date stays as it was"
        );
        assert_eq!(
            imported(&[("2026-02-01", &["9"]), ("2026-03-01", dated)]),
            ["1 ..02-01", "9 02-01..03-01", "1 03-01..05-01", "2 05-01.."]
        );
    }

    #[test]
    fn a_price_that_vanished_stays_open_and_is_flagged_once() {
        let rows = apply(&[], weigh(&listing(&["1"]), &[], None));

        let gone = weigh(&listing(&[]), &rows, Some(day("2026-02-01")));
        assert_eq!((gone.missing.len(), gone.closed.len()), (1, 0));
        let rows = apply(&rows, gone);
        assert_eq!(timeline(&rows), ["1 .."]);
        assert!(weigh(&listing(&[]), &rows, None).missing.is_empty());
        assert_eq!(weigh(&listing(&["1"]), &rows, None).returned.len(), 1);
    }

    #[test]
    fn ids_can_be_read_and_are_never_used_twice() {
        let rows = apply(&[], weigh(&listing(&["1"]), &[], None));
        let rows = apply(&rows, weigh(&listing(&["2"]), &rows, Some(day("2026-02-01"))));
        let rows = apply(&rows, weigh(&listing(&["3"]), &rows, Some(day("2026-02-01"))));

        let ids: Vec<&str> = rows.iter().map(|price| price.row.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "test:openai/m:input_tokens",
                "test:openai/m:input_tokens@2026-02-01",
                "test:openai/m:input_tokens@2026-02-01~2",
            ]
        );
    }
}
