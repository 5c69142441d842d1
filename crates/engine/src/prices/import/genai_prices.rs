//! Pydantic's genai-prices (MIT): the repository's `data.json` or the Python package's `data.py`.
//!
//! Prices are for a million tokens, a thousand searches, an hour of sound. Models have clauses that
//! say which names they go by, tried in order. A model may have several price lists: the last one
//! whose constraint holds counts, a constraint being a first day or hours of the day. Variants
//! replace single prices for a service tier, a batch job or another parameter.

use chrono::{DateTime, NaiveDate, Utc};
use compact_str::CompactString;
use outlay_domain::Quantity;
use outlay_domain::prices::{
    Charged, ClauseText, Conditions, ContextThreshold, Days, Hours, ModelPattern, Price, Priced,
    TimeOfDay, Window, provider_name,
};
use outlay_domain::usage::Meter;
use serde_json::{Map, Value};

use super::super::listing::{LISTED_ROWS_MAX, ListedRow, Listing, ListingError, Start};
use super::{python, version_of};

/// The source's name.
pub const SOURCE: &str = "genai-prices";

const EXPECTED: &str = "the data.json or data.py of genai-prices";

/// What Groq charges of a transcription at least, as the package has it in its code.
const GROQ_SECONDS_MIN: Quantity = Quantity::from_micros(10_000_000);

/// Reads either form.
pub fn read(text: &str) -> Result<Listing, ListingError> {
    let malformed = |detail: String| ListingError::Malformed { expected: EXPECTED, detail };
    let trimmed = text.trim_start_matches('\u{feff}').trim_start();
    let document = if trimmed.starts_with(['[', '{']) {
        serde_json::from_str(trimmed).map_err(|error| malformed(error.to_string()))?
    } else {
        python::assigned(text, "providers")
            .map_err(|error| malformed(format!("line {}: expected {}", error.line, error.detail)))?
    };
    let providers = document.get("providers").unwrap_or(&document);
    let Value::Array(providers) = providers else {
        return Err(malformed("there is no list of providers".to_owned()));
    };
    let mut listing = Listing {
        source: SOURCE.into(),
        version: version_of(text),
        rows: Vec::new(),
        left_out: Vec::new(),
    };
    for provider in providers {
        let Some(id) = provider.get("id").and_then(Value::as_str) else {
            return Err(malformed("a provider has no id".to_owned()));
        };
        let models = provider.get("models").and_then(Value::as_array).into_iter().flatten();
        for (rank, model) in models.enumerate() {
            read_model(id, rank, model, &mut listing)?;
        }
    }
    if listing.rows.is_empty() {
        return Err(ListingError::Empty(EXPECTED));
    }
    Ok(listing)
}

fn read_model(
    provider: &str,
    rank: usize,
    model: &Value,
    listing: &mut Listing,
) -> Result<(), ListingError> {
    let label = model.get("id").and_then(Value::as_str).unwrap_or("unnamed");
    let mut leave_out =
        |reason: String| listing.left_out.push(format!("{provider}/{label}: {reason}"));
    let clause =
        model.get("match").cloned().unwrap_or_else(|| serde_json::json!({"equals": label}));
    let is_free = label.ends_with(":free");
    let clause: ClauseText = match serde_json::from_value(clause) {
        Ok(clause) => clause,
        Err(error) => {
            leave_out(format!("its match clause: {error}"));
            return Ok(());
        }
    };
    let pattern = match ModelPattern::from_clause(&clause) {
        Ok(pattern) => pattern,
        Err(error) => {
            leave_out(error.to_string());
            return Ok(());
        }
    };
    let lists = match lists(model.get("prices")) {
        // OpenRouter names what is free so, and genai-prices leaves the prices out.
        Ok(lists) if is_free && lists.iter().all(|list| list.prices.is_empty()) => {
            vec![List { constraint: Constraint::None, prices: free_prices() }]
        }
        Ok(lists) => lists,
        Err(reason) => {
            leave_out(reason);
            return Ok(());
        }
    };
    let variants = match variants(model.get("price_variants")) {
        Ok(variants) => variants,
        Err(reason) => {
            leave_out(reason);
            Vec::new()
        }
    };
    let is_groq_whisper =
        provider == "groq" && matches!(label, "whisper-large-v3" | "whisper-large-v3-turbo");
    let mut timeline = Timeline::default();
    timeline.add_standard(&lists);
    timeline.add_variants(&lists, &variants);
    let provider = provider_name(provider);
    for line in timeline.lines {
        let seconds = Priced::Meter(Meter::Seconds);
        let charged = if is_groq_whisper && line.cell.priced == seconds {
            Charged::AtLeast(GROQ_SECONDS_MIN)
        } else {
            Charged::Each
        };
        let start = match line.from {
            Some(from) => Start::At(from),
            None if line.until.is_some() || timeline.is_dated => Start::Beginning,
            None => Start::Import,
        };
        listing.rows.push(ListedRow {
            provider: provider.clone(),
            model: pattern.clone(),
            label: label.into(),
            rank: i32::try_from(rank).unwrap_or(i32::MAX),
            priced: line.cell.priced,
            per: line.per,
            price: line.price,
            charged,
            conditions: line.cell.conditions,
            start,
            until: line.until,
        });
    }
    if listing.rows.len() > LISTED_ROWS_MAX {
        return Err(ListingError::TooLarge);
    }
    Ok(())
}

fn free_prices() -> Vec<Cost> {
    [Meter::InputTokens, Meter::OutputTokens]
        .map(|meter| Cost { meter, per: 1, base: Price::ZERO, tiers: Vec::new() })
        .into()
}

/// A price list and when it counts.
struct List {
    constraint: Constraint,
    prices: Vec<Cost>,
}

#[derive(Clone, Copy, PartialEq)]
enum Constraint {
    None,
    From(DateTime<Utc>),
    Hours(TimeOfDay, TimeOfDay),
}

/// A variant: prices that replace single ones.
struct Variant {
    conditions: Conditions,
    from: Option<DateTime<Utc>>,
    prices: Vec<Cost>,
}

/// The price of a meter, which may depend on the length of the prompt.
#[derive(Clone, PartialEq)]
struct Cost {
    meter: Meter,
    per: i64,
    base: Price,
    tiers: Vec<(u64, Price)>,
}

/// One cell of a price list: a meter under conditions.
#[derive(Clone, PartialEq)]
struct Cell {
    priced: Priced,
    conditions: Conditions,
}

/// One cell's price over time.
struct Line {
    cell: Cell,
    per: i64,
    price: Price,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

#[derive(Default)]
struct Timeline {
    lines: Vec<Line>,
    is_dated: bool,
}

impl Timeline {
    /// Adds a price for a span, joined to what goes before if that is the same.
    fn add(
        &mut self,
        cell: Cell,
        (per, price): (i64, Price),
        from: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
    ) {
        let before = self.lines.iter_mut().find(|line| {
            line.cell == cell
                && line.until.is_some()
                && line.until == from
                && (line.per, line.price) == (per, price)
        });
        match before {
            Some(before) => before.until = until,
            None => self.lines.push(Line { cell, per, price, from, until }),
        }
    }

    fn add_standard(&mut self, lists: &[List]) {
        for (from, until) in spans(lists.iter().filter_map(List::start)) {
            self.is_dated |= from.is_some();
            let (counting, windows) = counting(lists, from);
            for cost in &counting.prices {
                for (context, price) in cost.levels() {
                    let conditions = Conditions { context, ..Conditions::default() };
                    self.add(cell(cost, conditions), (cost.per, price), from, until);
                }
            }
            for (list, hours) in windows {
                for cost in &list.prices {
                    for (context, price) in cost.levels() {
                        let hours = Some(hours.clone());
                        let conditions = Conditions { context, hours, ..Conditions::default() };
                        self.add(cell(cost, conditions), (cost.per, price), from, until);
                    }
                }
            }
        }
    }

    fn add_variants(&mut self, lists: &[List], variants: &[Variant]) {
        let mut done: Vec<&Conditions> = Vec::new();
        for variant in variants {
            if done.contains(&&variant.conditions) {
                continue;
            }
            done.push(&variant.conditions);
            let same: Vec<&Variant> =
                variants.iter().filter(|one| one.conditions == variant.conditions).collect();
            let starts = lists.iter().filter_map(List::start);
            for (from, until) in spans(starts.chain(same.iter().filter_map(|one| one.from))) {
                let active: Vec<&Variant> = same
                    .iter()
                    .copied()
                    .filter(|one| {
                        one.from.is_none_or(|start| from.is_some_and(|from| start <= from))
                    })
                    .collect();
                let (standard, _) = counting(lists, from);
                self.add_active(&active, standard, from, until);
            }
        }
    }

    /// Adds what variants with one condition make of a price list while they all hold.
    fn add_active(
        &mut self,
        active: &[&Variant],
        standard: &List,
        from: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
    ) {
        let Some(conditions) = active.first().map(|variant| &variant.conditions) else { return };
        let mut priced: Vec<&Meter> = Vec::new();
        for cost in active.iter().flat_map(|variant| &variant.prices) {
            // Of two variants the first one's price counts.
            if priced.contains(&&cost.meter) {
                continue;
            }
            priced.push(&cost.meter);
            let thresholds = standard.prices.iter().find(|known| known.meter == cost.meter);
            for (context, price) in cost.levels_at(thresholds) {
                let conditions = Conditions { context, ..conditions.clone() };
                self.add(cell(cost, conditions), (cost.per, price), from, until);
            }
        }
        if !conditions.batch {
            return;
        }
        // What a batch does not change costs the same in it, and not the half that stands in
        // where nothing is known of batches.
        for cost in standard.prices.iter().filter(|cost| !priced.contains(&&cost.meter)) {
            for (context, price) in cost.levels() {
                let conditions = Conditions { context, ..conditions.clone() };
                self.add(cell(cost, conditions), (cost.per, price), from, until);
            }
        }
    }
}

impl List {
    fn start(&self) -> Option<DateTime<Utc>> {
        match self.constraint {
            Constraint::From(from) => Some(from),
            _ => None,
        }
    }
}

impl Cost {
    /// The price for each length of the prompt.
    fn levels(&self) -> Vec<(Option<ContextThreshold>, Price)> {
        let tiers =
            self.tiers.iter().map(|(start, price)| (Some(ContextThreshold::Over(*start)), *price));
        std::iter::once((None, self.base)).chain(tiers).collect()
    }

    /// The same, with the thresholds of the price that it replaces: where this one does not
    /// change, it must not fall back to that one.
    fn levels_at(&self, replaced: Option<&Cost>) -> Vec<(Option<ContextThreshold>, Price)> {
        let mut levels = self.levels();
        for (start, _) in replaced.into_iter().flat_map(|cost| &cost.tiers) {
            if !self.tiers.iter().any(|(own, _)| own == start) {
                let below = self.tiers.iter().rfind(|(own, _)| own < start);
                let price = below.map_or(self.base, |(_, price)| *price);
                levels.push((Some(ContextThreshold::Over(*start)), price));
            }
        }
        levels
    }
}

fn cell(cost: &Cost, conditions: Conditions) -> Cell {
    Cell { priced: Priced::Meter(cost.meter.clone()), conditions }
}

/// From when and until when something holds.
type Validity = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// The spans of time before, between and after the starts.
fn spans(starts: impl Iterator<Item = DateTime<Utc>>) -> Vec<Validity> {
    let mut starts: Vec<Option<DateTime<Utc>>> = starts.map(Some).chain([None]).collect();
    starts.sort();
    starts.dedup();
    let ends: Vec<_> = starts.iter().skip(1).copied().chain([None]).collect();
    starts.into_iter().zip(ends).collect()
}

/// The list that counts from `from` on, and those that replace it at certain hours.
fn counting(lists: &[List], from: Option<DateTime<Utc>>) -> (&List, Vec<(&List, Hours)>) {
    let holds = |list: &List| match list.constraint {
        Constraint::None => true,
        Constraint::From(start) => from.is_some_and(|from| start <= from),
        Constraint::Hours(..) => false,
    };
    // Where none holds the first one counts.
    let at = lists.iter().rposition(holds).unwrap_or(0);
    let mut taken: Vec<(u32, u32)> = Vec::new();
    let mut windows = Vec::new();
    for list in lists[at + 1..].iter().rev() {
        let Constraint::Hours(start, end) = list.constraint else { continue };
        // A later list's hours are not an earlier one's.
        let free = without(&of_day(start, end), &taken);
        taken.extend(&free);
        if !free.is_empty() {
            let windows_of = free.iter().map(|(from, to)| Window {
                from: TimeOfDay::from_seconds(*from),
                to: TimeOfDay::from_seconds(*to),
                days: Days::ALL,
            });
            windows.push((list, Hours { windows: windows_of.collect(), calendar: None }));
        }
    }
    (&lists[at], windows)
}

/// A time of the day as spans of seconds that do not pass midnight; the same start and end are no
/// time at all.
fn of_day(start: TimeOfDay, end: TimeOfDay) -> Vec<(u32, u32)> {
    let (start, end) = (start.seconds(), end.seconds());
    let spans = if end < start {
        vec![(start, TimeOfDay::DAY_SECONDS), (0, end)]
    } else {
        vec![(start, end)]
    };
    spans.into_iter().filter(|(from, to)| from < to).collect()
}

fn without(spans: &[(u32, u32)], taken: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut left = spans.to_vec();
    for (from, to) in taken {
        left = left
            .into_iter()
            .flat_map(|(start, end)| [(start, end.min(*from)), (start.max(*to), end)])
            .filter(|(start, end)| start < end)
            .collect();
    }
    left
}

fn lists(value: Option<&Value>) -> Result<Vec<List>, String> {
    let lists = match value {
        Some(Value::Object(prices)) => {
            vec![List { constraint: Constraint::None, prices: costs(prices)? }]
        }
        Some(Value::Array(lists)) => lists
            .iter()
            .map(|list| {
                let prices = list.get("prices").and_then(Value::as_object).ok_or("no prices")?;
                let constraint = constraint(list.get("constraint"))?;
                Ok(List { constraint, prices: costs(prices)? })
            })
            .collect::<Result<_, String>>()?,
        _ => Vec::new(),
    };
    if lists.is_empty() { Err("it has no prices".to_owned()) } else { Ok(lists) }
}

fn constraint(value: Option<&Value>) -> Result<Constraint, String> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(Constraint::None) };
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    if let Some(day) = text("start_date") {
        let day: NaiveDate = day.parse().map_err(|_| format!("`{day}` is not a day"))?;
        return Ok(Constraint::From(day.and_time(chrono::NaiveTime::MIN).and_utc()));
    }
    match (text("start_time"), text("end_time")) {
        (Some(start), Some(end)) => Ok(Constraint::Hours(time_of_day(start)?, time_of_day(end)?)),
        _ => Err("a constraint that is neither a day nor hours".to_owned()),
    }
}

/// A time such as `00:30:00Z` or `08:30:00+08:00`, in UTC.
fn time_of_day(text: &str) -> Result<TimeOfDay, String> {
    let bad = || format!("`{text}` is not a time of the day");
    let plain = text.trim_end_matches('Z');
    let (time, offset) =
        match plain.char_indices().skip(1).find(|(_, char)| matches!(char, '+' | '-')) {
            Some((at, _)) => plain.split_at(at),
            None => (plain, ""),
        };
    let whole = time.split('.').next().unwrap_or(time);
    let seconds = whole.parse::<TimeOfDay>().map_err(|_| bad())?.seconds();
    if offset.is_empty() {
        return Ok(TimeOfDay::from_seconds(seconds));
    }
    let shift = offset[1..].parse::<TimeOfDay>().map_err(|_| bad())?.seconds();
    let day = TimeOfDay::DAY_SECONDS;
    let utc = if offset.starts_with('-') { seconds + shift } else { seconds + day - shift };
    Ok(TimeOfDay::from_seconds(utc))
}

fn variants(value: Option<&Value>) -> Result<Vec<Variant>, String> {
    let variants = value.and_then(Value::as_array).into_iter().flatten();
    let mut read = Vec::new();
    for variant in variants {
        let prices =
            variant.get("prices").and_then(Value::as_object).ok_or("a variant without prices")?;
        let prices = costs(prices)?;
        if prices.is_empty() {
            continue;
        }
        let from = match constraint(variant.get("constraint"))? {
            Constraint::None => None,
            Constraint::From(from) => Some(from),
            Constraint::Hours(..) => return Err("a variant for hours of the day".to_owned()),
        };
        let when =
            variant.get("when").and_then(Value::as_object).ok_or("a variant without when")?;
        read.push(Variant { conditions: conditions(when), from, prices });
    }
    Ok(read)
}

fn conditions(when: &Map<String, Value>) -> Conditions {
    let mut conditions = Conditions::default();
    for (name, value) in when {
        let value = value.as_str().unwrap_or_default();
        match (name.as_str(), value) {
            ("processing", "batch") => conditions.batch = true,
            ("service_tier", "default" | "standard") => {}
            ("service_tier", tier) => conditions.tier = Some(tier.into()),
            (name, value) => conditions.parameters.push((name.into(), value.into())),
        }
    }
    conditions.parameters.sort();
    conditions
}

fn costs(prices: &Map<String, Value>) -> Result<Vec<Cost>, String> {
    let mut costs: Vec<Cost> = Vec::new();
    for (key, value) in prices.iter().filter(|(_, value)| !value.is_null()) {
        let Some((meter, per, rank)) = unit(key) else { continue };
        let cost = match value {
            Value::Object(tiered) => Cost {
                base: price(tiered.get("base").ok_or("tiers without a base")?)?,
                tiers: tiers(tiered)?,
                meter,
                per,
            },
            value => Cost { base: price(value)?, tiers: Vec::new(), meter, per },
        };
        let known = costs.iter().position(|known| known.meter == cost.meter);
        match known {
            // A key that says more exactly what it is for wins.
            Some(at) if rank > 0 => costs[at] = cost,
            Some(_) => {}
            None => costs.push(cost),
        }
    }
    price_annotations_beside_pages(&mut costs);
    costs.iter_mut().for_each(to_single_units);
    Ok(costs)
}

fn tiers(tiered: &Map<String, Value>) -> Result<Vec<(u64, Price)>, String> {
    let mut tiers = Vec::new();
    for tier in tiered.get("tiers").and_then(Value::as_array).into_iter().flatten() {
        let start = tier.get("start").and_then(Value::as_u64).ok_or("a tier without a start")?;
        tiers.push((start, price(tier.get("price").ok_or("a tier without a price")?)?));
    }
    tiers.sort_by_key(|(start, _)| *start);
    Ok(tiers)
}

fn price(value: &Value) -> Result<Price, String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        other => return Err(format!("{other} is not a price")),
    };
    Price::from_foreign(&text).map_err(|error| error.to_string())
}

/// An annotated page is also a page: ours is charged beside it, theirs instead of it.
fn price_annotations_beside_pages(costs: &mut [Cost]) {
    let Some(page) = costs.iter().find(|cost| cost.meter == Meter::Pages).cloned() else { return };
    for cost in
        costs.iter_mut().filter(|cost| is_annotated_page(&cost.meter) && cost.per == page.per)
    {
        let beside = cost.base.attos().saturating_sub(page.base.attos());
        cost.base = Price::from_attos(beside.max(0)).unwrap_or(cost.base);
    }
}

fn is_annotated_page(meter: &Meter) -> bool {
    matches!(meter, Meter::Other(name) if name == "annotated_pages")
}

/// Makes a price for a million the price of one, where that loses nothing.
fn to_single_units(cost: &mut Cost) {
    let single = |price: Price| price.divided_exactly(cost.per);
    let base = single(cost.base);
    let tiers: Option<Vec<(u64, Price)>> =
        cost.tiers.iter().map(|(start, price)| Some((*start, single(*price)?))).collect();
    if let (Some(base), Some(tiers)) = (base, tiers) {
        cost.base = base;
        cost.tiers = tiers;
        cost.per = 1;
    }
}

/// What a key prices, for how many units, and how exactly the key says so.
fn unit(key: &str) -> Option<(Meter, i64, u8)> {
    const MILLION: i64 = 1_000_000;
    let other = |name: &'static str| Meter::Other(CompactString::const_new(name));
    Some(match key {
        "input_mtok" => (Meter::InputTokens, MILLION, 0),
        "input_text_mtok" => (Meter::InputTokens, MILLION, 1),
        "output_mtok" => (Meter::OutputTokens, MILLION, 0),
        "output_text_mtok" => (Meter::OutputTokens, MILLION, 1),
        "cache_read_mtok" => (Meter::CacheReadTokens, MILLION, 0),
        "cache_text_read_mtok" => (Meter::CacheReadTokens, MILLION, 1),
        "cache_write_mtok" => (Meter::CacheWrite5mTokens, MILLION, 0),
        "cache_write_5m_mtok" | "cache_text_write_5m_mtok" => {
            (Meter::CacheWrite5mTokens, MILLION, 1)
        }
        "cache_text_write_mtok" => (Meter::CacheWrite5mTokens, MILLION, 0),
        "cache_write_1h_mtok" => (Meter::CacheWrite1hTokens, MILLION, 0),
        "cache_text_write_1h_mtok" => (Meter::CacheWrite1hTokens, MILLION, 1),
        "input_audio_mtok" => (Meter::InputAudioTokens, MILLION, 0),
        "output_audio_mtok" => (Meter::OutputAudioTokens, MILLION, 0),
        "cache_audio_read_mtok" => (Meter::CacheReadAudioTokens, MILLION, 0),
        "cache_audio_write_mtok" => (other("cache_write_audio_tokens"), MILLION, 0),
        "input_image_mtok" => (Meter::InputImageTokens, MILLION, 0),
        "output_image_mtok" => (Meter::OutputImageTokens, MILLION, 0),
        "cache_image_read_mtok" => (other("cache_read_image_tokens"), MILLION, 0),
        "input_video_mtok" => (other("input_video_tokens"), MILLION, 0),
        "output_video_mtok" => (other("output_video_tokens"), MILLION, 0),
        "cache_video_read_mtok" => (other("cache_read_video_tokens"), MILLION, 0),
        "output_reasoning_mtok" => (Meter::ReasoningTokens, MILLION, 0),
        "output_citation_mtok" => (other("citation_tokens"), MILLION, 0),
        "input_mchars" => (Meter::Characters, MILLION, 0),
        "input_gpixels" => (other("pixels"), 1_000_000_000, 0),
        "audio_hours" | "input_audio_hours" => (Meter::Seconds, 3_600, 0),
        "output_audio_hours" => (other("output_audio_seconds"), 3_600, 0),
        "input_document_kpages" => (Meter::Pages, 1_000, 0),
        "input_annotated_document_kpages" => (other("annotated_pages"), 1_000, 0),
        "rerank_searches_kcount" | "web_searches_kcount" => (Meter::Searches, 1_000, 0),
        "social_searches_kcount" => (other("social_searches"), 1_000, 0),
        "storage_searches_kcount" => (other("file_searches"), 1_000, 0),
        "code_executions_kcount" => (other("code_executions"), 1_000, 0),
        "input_text_messages_kcount" => (other("text_messages"), 1_000, 0),
        "requests_kcount" => (Meter::Requests, 1_000, 0),
        _ => return None,
    })
}
