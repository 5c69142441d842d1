//! The price book: every row, indexed, and what is compiled from it for one model.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use hashbrown::{Equivalent, HashMap};

use super::names::{ModelNames, provider_name, shelves};
use super::pattern::ModelPattern;
use super::price::Price;
use super::row::{Charged, Conditions, MANUAL_SOURCE, PriceRow, Priced};
use super::sheet::{Sheet, SheetRow};
use super::terms::Terms;
use crate::usage::Meter;

/// Models for which the compiled rows are kept, at most. Senders choose names freely, so that the
/// memory has to be bounded; a real deployment uses a few hundred.
const PLANS_MAX: usize = 20_000;

/// All prices, as they stood at one moment. Immutable: a new price makes a new book.
///
/// Where several sources know a model, the first of them in the book's order decides; a row of
/// [`MANUAL_SOURCE`] replaces the deciding source's rows of its meter.
#[derive(Debug)]
pub struct PriceBook {
    rows: Vec<BookRow>,
    priced: Vec<Priced>,
    conditions: Vec<Conditions>,
    sources: Vec<CompactString>,
    shelves: HashMap<(u16, CompactString), Shelf>,
    plans: RwLock<HashMap<PlanKey, Option<Arc<Plan>>>>,
    /// The rows in the order of their ids; made when somebody looks for one.
    by_id: OnceLock<Vec<u32>>,
    stated_wins: bool,
}

/// A row without what its place in the book says.
#[derive(Debug)]
struct BookRow {
    id: Box<str>,
    price: Price,
    per: i64,
    charged: Charged,
    priced: u32,
    conditions: u32,
    valid_from: i64,
    valid_to: i64,
}

/// One source's prices of one provider's models.
#[derive(Debug, Default)]
struct Shelf {
    /// By name in lower case; names that differ only in case stand together.
    exact: HashMap<CompactString, Vec<Entry>>,
    /// In order of rank.
    patterns: Vec<Entry>,
}

/// The rows of one model.
#[derive(Debug)]
struct Entry {
    pattern: ModelPattern,
    rank: i32,
    rows: Vec<u32>,
}

/// What is known of one model over time.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In order of time; the first begins at `i64::MIN`. Of each, the sheet of the source that
    /// decides comes first, then those of sources that know tiers.
    spans: Vec<(i64, Vec<Sheet>)>,
}

impl Plan {
    /// The prices at a moment, or `None` when the model had none then.
    ///
    /// A tier has a price of its own: where the source that decides has none for it, the first
    /// that does speaks for the request.
    pub fn at(&self, at: DateTime<Utc>, terms: &Terms<'_>) -> Option<&Sheet> {
        let micros = at.timestamp_micros();
        let after = self.spans.partition_point(|(from, _)| *from <= micros);
        let sheets = &self.spans.get(after.checked_sub(1)?)?.1;
        let of_tier =
            terms.tier.as_ref().and_then(|_| sheets.iter().find(|sheet| sheet.knows_tier(terms)));
        of_tier.or(sheets.first())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct PlanKey {
    provider: CompactString,
    model: CompactString,
    region: Option<CompactString>,
}

#[derive(Hash)]
struct PlanKeyRef<'a> {
    provider: &'a str,
    model: &'a str,
    region: Option<&'a str>,
}

impl Equivalent<PlanKey> for PlanKeyRef<'_> {
    fn equivalent(&self, key: &PlanKey) -> bool {
        self.provider == key.provider
            && self.model == key.model
            && self.region == key.region.as_deref()
    }
}

/// How a source is made to decide about a model.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// The model is named or a pattern names it.
    Named,
    /// The source has a price for every model of the provider.
    AnyModel,
}

impl Default for PriceBook {
    /// A book without prices.
    fn default() -> Self {
        Self::new([], &[])
    }
}

impl PriceBook {
    /// A book of `rows`, where the sources named first in `order` decide first; those not named
    /// come after them, by name.
    pub fn new(rows: impl IntoIterator<Item = PriceRow>, order: &[CompactString]) -> Self {
        let mut builder = PriceBookBuilder::new(order);
        rows.into_iter().for_each(|row| builder.add(row));
        builder.finish()
    }

    /// The same book, in which our prices decide even where a cost was stated.
    pub fn rating_stated_events_too(mut self) -> Self {
        self.stated_wins = false;
        self
    }

    /// Whether a stated cost is taken as it is.
    pub(crate) const fn stated_wins(&self) -> bool {
        self.stated_wins
    }

    /// How many rows the book has, closed ones included.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the book has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The sources, the one that decides first at the front.
    pub fn sources(&self) -> &[CompactString] {
        &self.sources
    }

    /// Whether any source has a price of any model of `provider`.
    pub fn knows_provider(&self, provider: &str) -> bool {
        let provider = provider_name(provider);
        let (own, makers) = shelves(&provider);
        let names = || std::iter::once(provider.as_str()).chain(own.iter().chain(makers).copied());
        (0..self.sources.len()).any(|source| names().any(|name| self.shelf(source, name).is_some()))
    }

    /// What is known of a model, or `None` when no source knows it.
    pub(crate) fn plan(
        &self,
        provider: &str,
        model: &str,
        region: Option<&str>,
    ) -> Option<Arc<Plan>> {
        let key = PlanKeyRef { provider, model, region };
        if let Some(plan) = self.plans.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return plan.clone();
        }
        let plan = self.compile(provider, model, region).map(Arc::new);
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= PLANS_MAX {
            plans.clear();
        }
        let key = PlanKey {
            provider: provider.into(),
            model: model.into(),
            region: region.map(Into::into),
        };
        plans.insert(key, plan.clone());
        plan
    }

    fn compile(&self, provider: &str, model: &str, region: Option<&str>) -> Option<Plan> {
        let (provider, model) = routed(provider, model);
        let names = ModelNames::of(&provider, model, region);
        let mut deciding: Vec<&[u32]> = Vec::new();
        let mut manual: &[u32] = &[];
        for depth in [Depth::Named, Depth::AnyModel] {
            for source in 0..self.sources.len() {
                let Some(entry) = self.find(source, &provider, &names, depth) else { continue };
                if self.sources[source] != MANUAL_SOURCE {
                    deciding.push(&entry.rows);
                } else if manual.is_empty() {
                    manual = &entry.rows;
                }
            }
        }
        if deciding.is_empty() && manual.is_empty() {
            return None;
        }
        let mut starts: Vec<i64> = deciding
            .iter()
            .copied()
            .chain([manual])
            .flatten()
            .map(|row| &self.rows[*row as usize])
            .flat_map(|row| [row.valid_from, row.valid_to])
            .chain([i64::MIN])
            .filter(|micros| *micros != i64::MAX)
            .collect();
        starts.sort_unstable();
        starts.dedup();
        let halves_cache_reads = provider == HALVES_CACHE_READS;
        let spans = starts
            .into_iter()
            .map(|from| (from, self.sheets(&deciding, manual, from, halves_cache_reads)))
            .collect();
        Some(Plan { spans })
    }

    /// The sheets of the span that begins at `from`: that of the first source with valid rows, and
    /// those of later ones that have prices for tiers.
    fn sheets(&self, deciding: &[&[u32]], manual: &[u32], from: i64, halves: bool) -> Vec<Sheet> {
        let valid = |rows: &[u32]| -> Vec<&BookRow> {
            let rows = rows.iter().map(|row| &self.rows[*row as usize]);
            rows.filter(|row| row.valid_from <= from && from < row.valid_to).collect()
        };
        let manual = valid(manual);
        let has_tier = |row: &&BookRow| self.conditions[row.conditions as usize].tier.is_some();
        let mut bases: Vec<Vec<&BookRow>> = Vec::new();
        for rows in deciding.iter().map(|rows| valid(rows)).filter(|rows| !rows.is_empty()) {
            if bases.is_empty() || rows.iter().any(has_tier) {
                bases.push(rows);
            }
        }
        if bases.is_empty() && !manual.is_empty() {
            bases.push(Vec::new());
        }
        let with_manual = |mut base: Vec<&BookRow>| {
            base.retain(|row| !manual.iter().any(|own| own.priced == row.priced));
            let rows = base.into_iter().chain(manual.iter().copied());
            Sheet::new(rows.map(|row| self.on_sheet(row)), halves)
        };
        bases.into_iter().map(with_manual).collect()
    }

    fn on_sheet(&self, row: &BookRow) -> (Priced, SheetRow) {
        let row_on_sheet = SheetRow {
            id: row.id.as_ref().into(),
            price: row.price,
            per: row.per,
            charged: row.charged,
            conditions: self.conditions[row.conditions as usize].clone(),
        };
        (self.priced[row.priced as usize].clone(), row_on_sheet)
    }

    /// What the rows of these ids say together; `None` where one is not known, or none is named.
    pub(crate) fn sheet_of<'a>(
        &self,
        ids: impl Iterator<Item = &'a str>,
        halves: bool,
    ) -> Option<Sheet> {
        let rows: Vec<&BookRow> = ids.map(|id| self.row(id)).collect::<Option<_>>()?;
        let sheet = || Sheet::new(rows.iter().map(|row| self.on_sheet(row)), halves);
        (!rows.is_empty()).then(sheet)
    }

    /// The meter that the row of that id has a price for.
    pub(crate) fn meter_of(&self, id: &str) -> Option<&Meter> {
        match &self.priced[self.row(id)?.priced as usize] {
            Priced::Meter(meter) => Some(meter),
            Priced::Factor => None,
        }
    }

    fn row(&self, id: &str) -> Option<&BookRow> {
        let row = |at: u32| &self.rows[at as usize];
        let by_id = self.by_id.get_or_init(|| {
            let mut order: Vec<u32> = (0..index(self.rows.len())).collect();
            order.sort_unstable_by_key(|at| &row(*at).id);
            order
        });
        let found = by_id.binary_search_by_key(&id, |at| &*row(*at).id).ok()?;
        Some(row(by_id[found]))
    }

    fn shelf(&self, source: usize, provider: &str) -> Option<&Shelf> {
        let source = u16::try_from(source).ok()?;
        self.shelves.get(&ShelfKeyRef { source, provider })
    }

    fn find(
        &self,
        source: usize,
        provider: &str,
        names: &ModelNames,
        depth: Depth,
    ) -> Option<&Entry> {
        let (own, makers) = shelves(provider);
        let of = |names: &[&str]| -> Vec<&Shelf> {
            names.iter().filter_map(|name| self.shelf(source, name)).collect()
        };
        let mut first = vec![provider];
        first.extend(own);
        for shelves in [of(&first), of(makers)] {
            let found = match depth {
                Depth::Named => find_named(&shelves, &names.full)
                    .or_else(|| find_named(&shelves, &names.undated)),
                Depth::AnyModel => shelves
                    .iter()
                    .flat_map(|shelf| &shelf.patterns)
                    .find(|entry| entry.pattern.is_any()),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

fn find_named<'a>(shelves: &[&'a Shelf], names: &[CompactString]) -> Option<&'a Entry> {
    for name in names {
        let lower = name.to_ascii_lowercase();
        for shelf in shelves {
            if let Some(entries) = shelf.exact.get(lower.as_str()) {
                let same_case = entries.iter().find(|entry| entry.pattern.exact() == Some(name));
                return same_case.or_else(|| entries.first());
            }
        }
    }
    for name in names {
        let lower = name.to_ascii_lowercase();
        for shelf in shelves {
            let mut patterns = shelf.patterns.iter().filter(|entry| !entry.pattern.is_any());
            if let Some(entry) = patterns.find(|entry| entry.pattern.takes(&lower)) {
                return Some(entry);
            }
        }
    }
    None
}

/// Who asks half of input's price for cached input that has none of its own.
const HALVES_CACHE_READS: &str = "fireworks";

/// Whether cached input without a price of its own costs half of other input there.
pub(crate) fn halves_cache_reads(provider: &str, model: &str) -> bool {
    routed(provider, model).0 == HALVES_CACHE_READS
}

/// A gateway that names the real provider in front of the model's name steps aside.
fn routed<'a>(provider: &str, model: &'a str) -> (CompactString, &'a str) {
    let name = provider_name(provider);
    match model.split_once('/') {
        Some((prefix, rest)) if name == "litellm" => (provider_name(prefix), rest),
        _ => (name, model),
    }
}

#[derive(Hash)]
struct ShelfKeyRef<'a> {
    source: u16,
    provider: &'a str,
}

impl Equivalent<(u16, CompactString)> for ShelfKeyRef<'_> {
    fn equivalent(&self, key: &(u16, CompactString)) -> bool {
        self.source == key.0 && self.provider == key.1
    }
}

/// Puts rows onto shelves, one at a time.
pub struct PriceBookBuilder {
    book: PriceBook,
    priced: HashMap<Priced, u32>,
    conditions: HashMap<Conditions, u32>,
    named_in_order: usize,
}

impl PriceBookBuilder {
    /// An empty book; `order` as for [`PriceBook::new`].
    pub fn new(order: &[CompactString]) -> Self {
        let book = PriceBook {
            rows: Vec::new(),
            priced: Vec::new(),
            conditions: Vec::new(),
            sources: order.to_vec(),
            shelves: HashMap::new(),
            plans: RwLock::new(HashMap::new()),
            by_id: OnceLock::new(),
            stated_wins: true,
        };
        Self {
            named_in_order: order.len(),
            book,
            priced: HashMap::new(),
            conditions: HashMap::new(),
        }
    }

    /// Adds a row.
    pub fn add(&mut self, row: PriceRow) {
        let source = self.source(&row.source);
        let at = index(self.book.rows.len());
        let provider = provider_name(&row.provider);
        let shelf = self.book.shelves.entry((source, provider)).or_default();
        let entries = match row.model.exact() {
            Some(name) => shelf.exact.entry(name.to_ascii_lowercase().into()).or_default(),
            None => &mut shelf.patterns,
        };
        // A model's rows come one after the other.
        match entries.iter_mut().rev().find(|entry| entry.pattern == row.model) {
            Some(entry) => {
                entry.rank = entry.rank.min(row.rank);
                entry.rows.push(at);
            }
            None => entries.push(Entry { pattern: row.model, rank: row.rank, rows: vec![at] }),
        }
        let priced = intern(&mut self.priced, &mut self.book.priced, row.priced);
        let conditions = intern(&mut self.conditions, &mut self.book.conditions, row.conditions);
        self.book.rows.push(BookRow {
            id: row.id.as_str().into(),
            price: row.price,
            per: row.per,
            charged: row.charged,
            priced,
            conditions,
            valid_from: row.valid_from.map_or(i64::MIN, |from| from.timestamp_micros()),
            valid_to: row.valid_to.map_or(i64::MAX, |to| to.timestamp_micros()),
        });
    }

    fn source(&mut self, name: &CompactString) -> u16 {
        let at = self.book.sources.iter().position(|known| known == name).unwrap_or_else(|| {
            self.book.sources.push(name.clone());
            self.book.sources.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }

    /// The book of the rows so far.
    pub fn finish(mut self) -> PriceBook {
        for shelf in self.book.shelves.values_mut() {
            shelf.patterns.sort_by_key(|entry| entry.rank);
            shelf.exact.values_mut().for_each(Vec::shrink_to_fit);
        }
        self.sort_unnamed_sources();
        self.book.rows.shrink_to_fit();
        self.book
    }

    /// The order must not depend on the order of the rows.
    fn sort_unnamed_sources(&mut self) {
        let Self { book, named_in_order, .. } = self;
        let before = book.sources.clone();
        book.sources[*named_in_order..].sort();
        let place = |source: u16| {
            let name = &before[usize::from(source)];
            let at = book.sources.iter().position(|known| known == name).unwrap_or_default();
            u16::try_from(at).unwrap_or(u16::MAX)
        };
        let moved: HashMap<_, _> = std::mem::take(&mut book.shelves)
            .into_iter()
            .map(|((source, provider), shelf)| ((place(source), provider), shelf))
            .collect();
        book.shelves = moved;
    }
}

fn intern<T: Clone + Eq + std::hash::Hash>(
    known: &mut HashMap<T, u32>,
    all: &mut Vec<T>,
    value: T,
) -> u32 {
    if let Some(at) = known.get(&value) {
        return *at;
    }
    let at = index(all.len());
    all.push(value.clone());
    known.insert(value, at);
    at
}

/// A book of four billion rows does not fit into any memory.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
