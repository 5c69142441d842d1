//! Prices and where they are from.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use hashbrown::HashMap;
use outlay_domain::prices::{Charged, Conditions, MAKERS, ModelPattern, PriceRow, Priced};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, ToSql, params};

use super::time::{from_us, to_us};
use super::tx::{Prices, Writes};
use crate::StoreError;

const ROWS: &str = "
    SELECT price_id, source, provider, model, place, priced, per, price, currency, charged,
           conditions, valid_from_us, valid_to_us, version, created_at_us, missing_since_us
    FROM prices";
const BY_SOURCE: &str = "WHERE source = ?1 ORDER BY price_id";
const BY_ID: &str = "WHERE price_id = ?1";
/// What every page is asked for, whatever its order is.
const ASKED: &str = "
    (CAST(?2 AS TEXT) IS NULL OR source = ?2)
      AND (CAST(?3 AS TEXT) IS NULL OR provider = ?3)
      AND (CAST(?4 AS TEXT) IS NULL OR priced = ?4)
      AND (CAST(?5 AS BIGINT) IS NULL
           OR ((valid_from_us IS NULL OR valid_from_us <= ?5)
               AND (valid_to_us IS NULL OR valid_to_us > ?5)))
      AND (NOT ?6 OR missing_since_us IS NOT NULL)";
/// The order of rows for models with `?8` in their name: that name itself first, then the makers' own
/// models, then by name. `?9` are the makers, each between commas.
const LIKELIEST: &str = "
    lower(model) <> ?8, replace(?9, ',' || provider || ',', '') = ?9,
    lower(model), provider, price_id";
const ADD: &str = "
    INSERT INTO prices (price_id, source, provider, model, place, priced, per, price, currency,
                        charged, conditions, valid_from_us, valid_to_us, version, created_at_us)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
const CLOSE: &str = "UPDATE prices SET valid_to_us = ?2 WHERE price_id = ?1";
const SET_PLACE: &str = "UPDATE prices SET place = ?2 WHERE price_id = ?1";
const SET_MISSING: &str = "UPDATE prices SET missing_since_us = ?2 WHERE price_id = ?1";
const SOURCES: &str = "
    SELECT source, version, imported_at_us FROM price_sources ORDER BY turn DESC, source";
const PUT_SOURCE: &str = "
    INSERT INTO price_sources (source, version, turn, imported_at_us)
    VALUES (?1, ?2, (SELECT coalesce(max(turn), 0) + 1 FROM price_sources), ?3)
    ON CONFLICT (source) DO UPDATE SET
        version = excluded.version, turn = excluded.turn, imported_at_us = excluded.imported_at_us";

/// A row as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPrice {
    /// The row.
    pub row: PriceRow,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// Since when its source no longer lists it.
    pub missing_since: Option<DateTime<Utc>>,
}

/// Where prices are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceSource {
    /// Its name.
    pub name: CompactString,
    /// The edition that was imported last.
    pub version: CompactString,
    /// When it was imported.
    pub imported_at: DateTime<Utc>,
}

/// Which prices are asked for.
#[derive(Debug, Clone, Default)]
pub struct PriceFilter {
    /// Only from this source.
    pub source: Option<String>,
    /// Only of this provider, by our name.
    pub provider: Option<String>,
    /// Only for models with that in their pattern, in lower case.
    pub model: Option<String>,
    /// Only of this meter, or `factor`.
    pub priced: Option<String>,
    /// Only those valid then.
    pub at: Option<DateTime<Utc>>,
    /// Only those that their source no longer lists.
    pub missing: bool,
    /// Only those behind the row of this id.
    pub after: Option<String>,
}

impl<A> Prices<'_, A> {
    /// Gives all rows, closed ones included, to `take`, one at a time: there are tens of thousands.
    pub fn each(&self, mut take: impl FnMut(PriceRow)) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare(ROWS)?;
        let mut patterns = Patterns::default();
        for stored in statement.query_map([], |row| read(row, &mut patterns))? {
            take(stored?.row);
        }
        Ok(())
    }

    /// All rows of a source, closed ones included.
    pub fn of_source(&self, source: &str) -> Result<Vec<StoredPrice>, StoreError> {
        let mut statement = self.conn.prepare(&format!("{ROWS} {BY_SOURCE}"))?;
        let mut patterns = Patterns::default();
        let rows = statement.query_map([source], |row| read(row, &mut patterns))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The row of that id.
    pub fn find(&self, price_id: &str) -> Result<Option<StoredPrice>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{ROWS} {BY_ID}"))?;
        let mut patterns = Patterns::default();
        Ok(statement.query_row([price_id], |row| read(row, &mut patterns)).optional()?)
    }

    /// The rows that `filter` asks for, at most `limit`: by id, or where they are for a model, first those
    /// that it most likely means.
    pub fn page(&self, filter: &PriceFilter, limit: u32) -> Result<Vec<StoredPrice>, StoreError> {
        let text = match filter.model {
            None => page_by_id(),
            Some(_) => page_of_model(),
        };
        let at = filter.at.map(to_us);
        let mut bound: Vec<&dyn ToSql> = vec![
            &filter.after,
            &filter.source,
            &filter.provider,
            &filter.priced,
            &at,
            &filter.missing,
            &limit,
        ];
        let makers = format!(",{},", MAKERS.join(","));
        if let Some(model) = &filter.model {
            bound.extend([model as &dyn ToSql, &makers]);
        }
        let mut statement = self.conn.prepare_cached(&text)?;
        let mut patterns = Patterns::default();
        let rows = statement.query_map(bound.as_slice(), |row| read(row, &mut patterns))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The sources, the one that decides first at the front.
    pub fn sources(&self) -> Result<Vec<PriceSource>, StoreError> {
        let mut statement = self.conn.prepare_cached(SOURCES)?;
        let sources = statement.query_map([], |row| {
            Ok(PriceSource {
                name: row.get::<_, String>(0)?.into(),
                version: row.get::<_, String>(1)?.into(),
                imported_at: from_us(row.get(2)?),
            })
        })?;
        Ok(sources.collect::<Result<_, _>>()?)
    }
}

impl Prices<'_, Writes> {
    /// Opens a row.
    pub fn add(&self, row: &PriceRow, now: DateTime<Utc>) -> Result<(), StoreError> {
        let charged = (row.charged != Charged::Each).then(|| json(&row.charged)).transpose()?;
        let conditions = (!row.conditions.is_empty()).then(|| json(&row.conditions)).transpose()?;
        self.conn.prepare_cached(ADD)?.execute(params![
            row.id.as_str(),
            row.source.as_str(),
            row.provider.as_str(),
            row.model.as_str(),
            row.rank,
            row.priced.as_str(),
            row.per,
            row.price.to_string(),
            row.currency.as_str(),
            charged,
            conditions,
            row.valid_from.map(to_us),
            row.valid_to.map(to_us),
            row.version.as_str(),
            to_us(now),
        ])?;
        Ok(())
    }

    /// Ends a row's validity at `valid_to`.
    pub fn close(&self, price_id: &str, valid_to: DateTime<Utc>) -> Result<(), StoreError> {
        self.conn.prepare_cached(CLOSE)?.execute(params![price_id, to_us(valid_to)])?;
        Ok(())
    }

    /// Moves a row's pattern among those of its source.
    pub fn set_place(&self, price_id: &str, place: i32) -> Result<(), StoreError> {
        self.conn.prepare_cached(SET_PLACE)?.execute(params![price_id, place])?;
        Ok(())
    }

    /// Notes that a row's source no longer lists it, or does again.
    pub fn set_missing(
        &self,
        price_id: &str,
        since: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        self.conn.prepare_cached(SET_MISSING)?.execute(params![price_id, since.map(to_us)])?;
        Ok(())
    }

    /// Notes an import, and makes its source the first to decide.
    pub fn put_source(
        &self,
        source: &str,
        version: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.conn.prepare_cached(PUT_SOURCE)?.execute(params![source, version, to_us(now)])?;
        Ok(())
    }
}

fn page_by_id() -> String {
    format!("{ROWS} WHERE price_id > coalesce(?1, '') AND {ASKED} ORDER BY price_id LIMIT ?7")
}

/// Rows never change and never go, so that the row where a page ended says where the next one begins.
fn page_of_model() -> String {
    format!(
        "{ROWS}
    WHERE (?8 = '' OR replace(lower(model), ?8, '') <> lower(model))
      AND (CAST(?1 AS TEXT) IS NULL
           OR ({LIKELIEST}) > (SELECT {LIKELIEST} FROM prices WHERE price_id = ?1))
      AND {ASKED}
    ORDER BY {LIKELIEST}
    LIMIT ?7"
    )
}

fn json(value: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Damaged { what: "a price".into(), how: error.to_string() })
}

/// Patterns by their text: a model's rows share one.
type Patterns = HashMap<String, ModelPattern>;

fn read(row: &Row<'_>, patterns: &mut Patterns) -> Result<StoredPrice, rusqlite::Error> {
    let model: String = row.get(3)?;
    let pattern = match patterns.get(&model) {
        Some(pattern) => pattern.clone(),
        None => {
            let pattern: ModelPattern = parsed(3, model.parse())?;
            patterns.insert(model, pattern.clone());
            pattern
        }
    };
    let text = |column: usize| row.get::<_, String>(column).map(CompactString::from);
    let conditions: Option<String> = row.get(10)?;
    let charged: Option<String> = row.get(9)?;
    Ok(StoredPrice {
        row: PriceRow {
            id: text(0)?,
            source: text(1)?,
            provider: text(2)?,
            model: pattern,
            rank: row.get(4)?,
            priced: Priced::parse(&text(5)?),
            per: row.get(6)?,
            price: parsed(7, text(7)?.parse())?,
            currency: text(8)?,
            charged: match charged {
                Some(json) => parsed(9, serde_json::from_str(&json))?,
                None => Charged::Each,
            },
            conditions: match conditions {
                Some(json) => parsed(10, serde_json::from_str(&json))?,
                None => Conditions::default(),
            },
            valid_from: row.get::<_, Option<i64>>(11)?.map(from_us),
            valid_to: row.get::<_, Option<i64>>(12)?.map(from_us),
            version: text(13)?,
        },
        created_at: from_us(row.get(14)?),
        missing_since: row.get::<_, Option<i64>>(15)?.map(from_us),
    })
}

fn parsed<T, E: std::error::Error + Send + Sync + 'static>(
    column: usize,
    result: Result<T, E>,
) -> Result<T, rusqlite::Error> {
    result.map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use outlay_domain::usage::Meter;

    use super::*;
    use crate::Books;

    fn noon() -> DateTime<Utc> {
        "2026-11-20T12:00:00Z".parse().unwrap()
    }

    fn row(id: &str) -> PriceRow {
        PriceRow {
            id: id.into(),
            source: "litellm".into(),
            provider: "openai".into(),
            model: "gpt-4o*".parse().unwrap(),
            rank: 3,
            priced: Priced::Meter(Meter::InputTokens),
            per: 1,
            price: "0.0000025".parse().unwrap(),
            currency: "USD".into(),
            charged: Charged::Once,
            conditions: Conditions { tier: Some("priority".into()), ..Conditions::default() },
            valid_from: Some(noon()),
            valid_to: None,
            version: "abc".into(),
        }
    }

    #[test]
    fn a_row_comes_back_as_it_was_opened_and_is_closed_but_never_edited() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        books.write_blocking(|tx| tx.prices().add(&row("a"), noon())).unwrap();

        let kept = books.read_blocking(|conn| conn.prices().find("a")).unwrap().unwrap();
        assert_eq!(kept.row, row("a"));
        books.write_blocking(|tx| tx.prices().close("a", noon())).unwrap();
        let mut closed = Vec::new();
        books.read_blocking(|conn| conn.prices().each(|row| closed.push(row.valid_to))).unwrap();
        assert_eq!(closed, [Some(noon())]);
        let edited = books.write_blocking(|tx| {
            tx.prices().conn.execute("UPDATE prices SET price = '7'", [])?;
            Ok::<_, StoreError>(())
        });
        assert!(edited.is_err());
        let deleted = books.write_blocking(|tx| {
            tx.prices().conn.execute("DELETE FROM prices", [])?;
            Ok::<_, StoreError>(())
        });
        assert!(deleted.is_err());
    }

    #[test]
    fn the_source_that_was_imported_last_decides_first() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        for source in ["a", "b", "a"] {
            books.write_blocking(|tx| tx.prices().put_source(source, "1", noon())).unwrap();
        }

        let names: Vec<_> = books
            .read_blocking(|books| books.prices().sources())
            .unwrap()
            .into_iter()
            .map(|source| source.name)
            .collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn a_page_holds_what_its_filter_asks_for() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        books
            .write_blocking(|tx| {
                tx.prices().add(&row("a"), noon())?;
                tx.prices().add(&PriceRow { provider: "azure".into(), ..row("b") }, noon())?;
                tx.prices().add(&PriceRow { valid_to: Some(noon()), ..row("c") }, noon())?;
                tx.prices().set_missing("b", Some(noon()))
            })
            .unwrap();
        let ids = |filter: PriceFilter| -> Vec<CompactString> {
            let page = books.read_blocking(|conn| conn.prices().page(&filter, 10)).unwrap();
            page.into_iter().map(|stored| stored.row.id).collect()
        };

        let all = PriceFilter::default;
        assert_eq!(ids(all()), ["a", "b", "c"]);
        assert_eq!(ids(PriceFilter { after: Some("a".into()), ..all() }), ["b", "c"]);
        assert_eq!(ids(PriceFilter { provider: Some("azure".into()), ..all() }), ["b"]);
        assert_eq!(ids(PriceFilter { model: Some("4o".into()), ..all() }), ["a", "c", "b"]);
        assert_eq!(ids(PriceFilter { at: Some(noon()), ..all() }), ["a", "b"]);
        assert_eq!(ids(PriceFilter { missing: true, ..all() }), ["b"]);
        assert_eq!(ids(PriceFilter { priced: Some("images".into()), ..all() }).len(), 0);
    }

    #[test]
    fn a_name_finds_itself_first_then_its_maker_then_others_by_name_and_pages_part_nothing_twice() {
        let folder = tempfile::tempdir().unwrap();
        let books = Books::open(folder.path()).unwrap();
        let sold = [
            ("1", "abacus", "gpt-4o"),
            ("2", "abacus", "gpt-4o-mini"),
            ("3", "azure", "eu/gpt-4o"),
            ("4", "openai", "gpt-4o-mini"),
            ("5", "openai", "GPT-4o"),
            ("6", "openai", "gpt-4o"),
            ("7", "openai", "chatgpt-4o-latest"),
            ("8", "openai", "gpt-3.5"),
            ("9", "openai", "gpt-4o-mini"),
        ];
        books
            .write_blocking(|tx| {
                sold.into_iter().try_for_each(|(id, provider, model)| {
                    let (provider, model) = (provider.into(), ModelPattern::exactly(model));
                    tx.prices().add(&PriceRow { provider, model, ..row(id) }, noon())
                })
            })
            .unwrap();
        let ids = |after: Option<String>, limit: u32| -> Vec<String> {
            let filter =
                PriceFilter { model: Some("gpt-4o".into()), after, ..PriceFilter::default() };
            let page = books.read_blocking(|conn| conn.prices().page(&filter, limit)).unwrap();
            page.into_iter().map(|stored| stored.row.id.to_string()).collect()
        };

        let all = ids(None, 100);
        assert_eq!(all, ["5", "6", "1", "7", "4", "9", "3", "2"].map(String::from).to_vec());
        for size in 1..=4 {
            let mut pages: Vec<String> = Vec::new();
            while pages.len() < all.len() {
                let next = ids(pages.last().cloned(), size);
                assert_ne!(next.len(), 0, "pages of {size} after {pages:?}");
                pages.extend(next);
            }
            assert_eq!(pages, all, "pages of {size}");
        }
    }
}
