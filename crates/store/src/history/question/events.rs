//! The newest facts that pass some filters, page by page.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use compact_str::CompactString;
use datafusion::arrow::array::{Array, RecordBatch, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use outlay_domain::usage::Fact;
use outlay_domain::usage::question::Filter;

use super::columns::{
    Dictionary, FilterColumn, Passing, Projection, Rows, attribute_column, integers,
    keep_about_lacking, keep_charged_above, keep_named, micros, texts, times,
};
use super::file::SegmentFile;
use super::limit::Limit;
use super::task::column_bytes;
use super::{AskError, Asker, Effort, Facts};
use crate::StoreError;
use crate::history::schema::FactReader;

/// Rows that are read at once before it is known how wide they are. Tests have fewer.
const FIRST_ROWS: usize = if cfg!(test) { 8 } else { 256 };
/// Rows that are read at once, at most: the next ones may be wider than those before.
const ROWS_MAX: usize = if cfg!(test) { 16 } else { 1_024 };

/// A request for facts.
#[derive(Debug, Clone)]
pub struct EventsQuestion {
    /// The first instant that counts, in microseconds since 1970.
    pub from_us: i64,
    /// The first instant that no longer counts.
    pub to_us: i64,
    /// What facts must be like.
    pub filters: Vec<Filter>,
    /// Gives only what was sent under this id: an event and what changed it, of every source.
    pub id: Option<String>,
    /// Gives only events that were charged more than this.
    pub above_nanos: Option<i64>,
    /// Gives only facts that say of an event that it lacks a price, or that it no longer does.
    pub about_lacking: bool,
    /// How many facts to give.
    pub limit: usize,
    /// How many bytes of memory the facts may take; the first is given however large it is.
    pub bytes_max: usize,
    /// Where the page before ended.
    pub after: Option<EventsAfter>,
}

/// How many facts pass, and what they were charged together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventsSum {
    /// How many.
    pub count: u64,
    /// Their charges, in nanos.
    pub nanos: i128,
}

/// Where a page ended: facts are listed in the order of this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsAfter {
    /// What the last fact was.
    pub last: FactKey,
    /// How many facts with that key were given.
    pub given: u32,
}

/// The order of facts: the newest first, and within an instant always the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FactKey {
    /// When the event occurred, in microseconds since 1970.
    pub occurred_us: Reverse<i64>,
    /// When the server took it in.
    pub received_us: Reverse<i64>,
    /// Who sent it.
    pub source: CompactString,
    /// The sender's name for it.
    pub id: CompactString,
    /// Why the fact was written.
    pub kind: CompactString,
}

impl FactKey {
    /// The key of a fact.
    pub fn of(fact: &Fact) -> Self {
        Self {
            occurred_us: Reverse(fact.event.occurred_at.timestamp_micros()),
            received_us: Reverse(fact.received_at.timestamp_micros()),
            source: fact.event.source.clone(),
            id: fact.event.id.clone(),
            kind: fact.kind.as_str().into(),
        }
    }

    /// The columns in which keys are.
    const COLUMNS: [&str; 5] = ["occurred_at", "received_at", "source", "id", "kind"];

    /// The keys of all rows of a batch.
    fn all(batch: &RecordBatch) -> Result<Vec<Self>, StoreError> {
        let [occurred, received] =
            [Self::COLUMNS[0], Self::COLUMNS[1]].map(|name| micros(batch, name));
        let (occurred, received) = (occurred?, received?);
        let source = Dictionary::new(batch, "source")?;
        let kind = Dictionary::new(batch, "kind")?;
        let id = texts(batch, "id")?;
        let name = |names: &Dictionary<'_>, row: usize| match names.keys.is_valid(row) {
            true => CompactString::from(names.values.value(names.keys.value(row) as usize)),
            false => CompactString::const_new(""),
        };
        let key = |row| Self {
            occurred_us: Reverse(occurred[row]),
            received_us: Reverse(received[row]),
            source: name(&source, row),
            id: id.value(row).into(),
            kind: name(&kind, row),
        };
        Ok((0..batch.num_rows()).map(key).collect())
    }
}

/// Some facts.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    /// The facts, newest first.
    pub facts: Vec<Fact>,
    /// Where the next page begins, if there are more.
    pub next: Option<EventsAfter>,
}

/// Rows that are read together.
struct Unit<'a> {
    source: UnitSource<'a>,
    span: (i64, i64),
}

enum UnitSource<'a> {
    Tail(&'a RecordBatch),
    File { file: Arc<SegmentFile>, row_group: usize },
}

/// A row that may be on the page.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    time: i64,
    unit: usize,
    row: usize,
}

impl Asker {
    /// The newest facts that pass, from where the last page ended.
    pub fn events(
        &self,
        facts: Facts<'_>,
        question: &EventsQuestion,
        effort: &Effort,
    ) -> Result<EventPage, AskError> {
        let limit = Limit::new(&self.options, effort);
        let units = self.units(facts, question)?;
        let mut candidates = newest(&units, question, &limit)?;
        // What is read in one go is put in order afterwards.
        if candidates.len() > FIRST_ROWS {
            candidates = first_by_key(&units, candidates, question, &limit)?;
        }
        let mut page = Page::new(question);
        let mut count = FIRST_ROWS;
        while !candidates.is_empty() {
            let rest = candidates.split_off(count.min(candidates.len()));
            let mut found = read_facts(&units, candidates, &limit)?;
            found.sort_by_cached_key(FactKey::of);
            for fact in found {
                if !page.add(fact) {
                    return Ok(page.end(true));
                }
            }
            count = page.rows_to_read();
            candidates = rest;
        }
        Ok(page.end(false))
    }

    /// All facts that pass together, whatever the limit is and where a page ended.
    pub fn events_sum(
        &self,
        facts: Facts<'_>,
        question: &EventsQuestion,
        effort: &Effort,
    ) -> Result<EventsSum, AskError> {
        let limit = Limit::new(&self.options, effort);
        let question = EventsQuestion { after: None, ..question.clone() };
        let mut sieve = Sieve::new(&question);
        sieve.projection.add("amount_nanos");
        let projection = sieve.projection.clone();
        let mut sum = EventsSum::default();
        for unit in self.units(facts, &question)? {
            unit.each_batch(&projection, &limit, |batch, _| {
                let Some(keep) = sieve.keep(batch, &limit)? else { return Ok(()) };
                let amounts = integers(batch, "amount_nanos")?;
                let rows = times(batch, Rows::Facts)?.iter().zip(keep).enumerate();
                for (row, (time, keep)) in rows {
                    if keep && question.from_us <= *time && *time < question.to_us {
                        sum.count += 1;
                        sum.nanos +=
                            if amounts.is_valid(row) { amounts.value(row).into() } else { 0 };
                    }
                }
                Ok(())
            })?;
        }
        Ok(sum)
    }

    /// What must be looked at, the newest first.
    fn units<'a>(
        &self,
        facts: Facts<'a>,
        question: &EventsQuestion,
    ) -> Result<Vec<Unit<'a>>, StoreError> {
        let to_us = match &question.after {
            Some(after) => question.to_us.min(after.last.occurred_us.0 + 1),
            None => question.to_us,
        };
        let overlaps = |span: (i64, i64)| span.0 < to_us && question.from_us <= span.1;
        let mut units = Vec::new();
        for batch in facts.tail {
            let times = times(batch, Rows::Facts)?;
            let span = (
                times.iter().copied().min().unwrap_or(i64::MAX),
                times.iter().copied().max().unwrap_or(i64::MIN),
            );
            if overlaps(span) {
                units.push(Unit { source: UnitSource::Tail(batch), span });
            }
        }
        for segment in facts.segments {
            if !overlaps((segment.first_us, segment.last_us)) {
                continue;
            }
            let file = self.files.get(&segment.path)?;
            for row_group in 0..file.row_groups() {
                let span = file.span(row_group, Rows::Facts);
                let is_possible =
                    || !question.filters.iter().any(|filter| file.rules_out(row_group, filter));
                if overlaps(span) && is_possible() {
                    units.push(Unit {
                        source: UnitSource::File { file: file.clone(), row_group },
                        span,
                    });
                }
            }
        }
        units.sort_by_key(|unit| Reverse(unit.span.1));
        Ok(units)
    }
}

/// What facts must be like, but for their time.
struct Sieve {
    filters: Vec<FilterColumn>,
    id: Option<String>,
    above_nanos: Option<i64>,
    about_lacking: bool,
    /// The columns that it looks at, and the time.
    projection: Projection,
}

impl Sieve {
    fn new(question: &EventsQuestion) -> Self {
        let mut projection = Projection::default();
        projection.add(Rows::Facts.time_column());
        for filter in &question.filters {
            projection.add(attribute_column(filter.attribute()));
        }
        if question.id.is_some() {
            projection.add("id");
        }
        if question.above_nanos.is_some() {
            ["kind", "amount_nanos"].into_iter().for_each(|column| projection.add(column));
        }
        if question.about_lacking {
            ["unpriced", "basis"].into_iter().for_each(|column| projection.add(column));
        }
        let filters = question.filters.iter().cloned().map(FilterColumn::new).collect();
        let EventsQuestion { above_nanos, about_lacking, .. } = *question;
        Self { filters, id: question.id.clone(), above_nanos, about_lacking, projection }
    }

    /// Which rows pass; `None` where none does.
    fn keep(
        &mut self,
        batch: &RecordBatch,
        limit: &Limit<'_>,
    ) -> Result<Option<Vec<bool>>, AskError> {
        let mut keep = vec![true; batch.num_rows()];
        for filter in &mut self.filters {
            match filter.update(batch, limit)? {
                Passing::All => {}
                Passing::None => return Ok(None),
                Passing::Some => filter.keep(batch, &mut keep)?,
            }
        }
        if let Some(id) = &self.id {
            keep_named(batch, id, &mut keep)?;
        }
        if let Some(above) = self.above_nanos {
            keep_charged_above(batch, above, &mut keep)?;
        }
        if self.about_lacking {
            keep_about_lacking(batch, &mut keep)?;
        }
        Ok(Some(keep))
    }
}

/// A page in the making.
struct Page<'a> {
    question: &'a EventsQuestion,
    /// How many facts with the last key of the page before are still to be left out.
    given: u32,
    facts: Vec<Fact>,
    bytes: usize,
}

impl<'a> Page<'a> {
    fn new(question: &'a EventsQuestion) -> Self {
        let given = question.after.as_ref().map_or(0, |after| after.given);
        Self { question, given, facts: Vec::new(), bytes: 0 }
    }

    /// Adds the next fact, unless an earlier page has it; says whether there was room.
    fn add(&mut self, fact: Fact) -> bool {
        if self.was_given(&fact) {
            return true;
        }
        let bytes = self.bytes + fact.size_bytes();
        let is_over = bytes > self.question.bytes_max && !self.facts.is_empty();
        if is_over || self.facts.len() >= self.question.limit {
            return false;
        }
        self.bytes = bytes;
        self.facts.push(fact);
        true
    }

    fn was_given(&mut self, fact: &Fact) -> bool {
        let Some(after) = &self.question.after else { return false };
        match FactKey::of(fact).cmp(&after.last) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal => {
                let was_given = self.given > 0;
                self.given = self.given.saturating_sub(1);
                was_given
            }
        }
    }

    /// How many rows more are likely to fill it, by how wide those are that it has.
    fn rows_to_read(&self) -> usize {
        let Some(each) = self.bytes.checked_div(self.facts.len()) else { return FIRST_ROWS };
        let left = self.question.bytes_max.saturating_sub(self.bytes);
        // One more, which shows that there is a next page.
        (left / each.max(1) + 1).min(ROWS_MAX)
    }

    fn end(self, has_more: bool) -> EventPage {
        let before = self.question.after.as_ref();
        let next = has_more.then(|| after(&self.facts, before)).flatten();
        EventPage { facts: self.facts, next }
    }
}

/// Where a page that ends with the last of `given` ends.
fn after(given: &[Fact], before: Option<&EventsAfter>) -> Option<EventsAfter> {
    let last = FactKey::of(given.last()?);
    let same = given.iter().rev().take_while(|fact| FactKey::of(fact) == last).count() as u32;
    let earlier = before.filter(|before| before.last == last).map_or(0, |before| before.given);
    Some(EventsAfter { last, given: same + earlier })
}

/// The rows among which those of the page are: all that are not older than its last one.
fn newest(
    units: &[Unit<'_>],
    question: &EventsQuestion,
    limit: &Limit<'_>,
) -> Result<Vec<Candidate>, AskError> {
    let mut sieve = Sieve::new(question);
    let projection = sieve.projection.clone();
    let to_us = question.to_us;
    let boundary = question.after.as_ref().map(|after| after.last.occurred_us.0);

    // Rows at the instant where the last page ended may have been on it, so they do not count.
    let wanted = question.limit + 1;
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut oldest = question.from_us;
    for (index, unit) in units.iter().enumerate() {
        if unit.span.1 < oldest {
            break;
        }
        unit.each_batch(&projection, limit, |batch, first_row| {
            let Some(keep) = sieve.keep(batch, limit)? else { return Ok(()) };
            let rows = times(batch, Rows::Facts)?.iter().zip(keep).enumerate();
            for (row, (time, keep)) in rows {
                let is_new = boundary.is_none_or(|boundary| *time <= boundary);
                if keep && oldest <= *time && *time < to_us && is_new {
                    candidates.push(Candidate { time: *time, unit: index, row: first_row + row });
                }
            }
            if candidates.len() > 4 * wanted {
                oldest = oldest.max(prune(&mut candidates, wanted, boundary));
            }
            Ok(())
        })?;
        oldest = oldest.max(prune(&mut candidates, wanted, boundary));
    }
    Ok(candidates)
}

/// Drops candidates that are older than the first `wanted`; says how old those are.
fn prune(candidates: &mut Vec<Candidate>, wanted: usize, boundary: Option<i64>) -> i64 {
    let mut times: Vec<i64> = candidates
        .iter()
        .map(|candidate| candidate.time)
        .filter(|time| Some(*time) != boundary)
        .collect();
    if times.len() < wanted {
        return i64::MIN;
    }
    let (_, oldest, _) = times.select_nth_unstable_by_key(wanted - 1, |time| Reverse(*time));
    let oldest = *oldest;
    candidates.retain(|candidate| candidate.time >= oldest);
    oldest
}

/// The candidates in the order of the page. Of very many, as there are when an import knows the day
/// only, those that may be on it.
fn first_by_key(
    units: &[Unit<'_>],
    mut candidates: Vec<Candidate>,
    question: &EventsQuestion,
    limit: &Limit<'_>,
) -> Result<Vec<Candidate>, AskError> {
    candidates.sort_unstable_by_key(|candidate| (candidate.unit, candidate.row));
    let mut keyed = Vec::with_capacity(candidates.len());
    for of_unit in candidates.chunk_by(|one, two| one.unit == two.unit) {
        limit.check()?;
        let rows: Vec<usize> = of_unit.iter().map(|candidate| candidate.row).collect();
        let batch = units[of_unit[0].unit].rows(Some(&FactKey::COLUMNS), &rows)?;
        keyed.extend(FactKey::all(&batch)?.into_iter().zip(of_unit.iter().copied()));
    }
    if let Some(after) = &question.after {
        keyed.retain(|(key, _)| *key >= after.last);
    }
    let place = |candidate: &Candidate| (candidate.unit, candidate.row);
    keyed.sort_unstable_by(|(one, a), (two, b)| one.cmp(two).then_with(|| place(a).cmp(&place(b))));
    let given = question.after.as_ref().map_or(0, |after| after.given as usize);
    keyed.truncate(question.limit + 1 + given);
    Ok(keyed.into_iter().map(|(_, candidate)| candidate).collect())
}

fn read_facts(
    units: &[Unit<'_>],
    mut candidates: Vec<Candidate>,
    limit: &Limit<'_>,
) -> Result<Vec<Fact>, AskError> {
    candidates.sort_unstable_by_key(|candidate| (candidate.unit, candidate.row));
    let mut facts = Vec::with_capacity(candidates.len());
    for of_unit in candidates.chunk_by(|one, two| one.unit == two.unit) {
        limit.check()?;
        let rows: Vec<usize> = of_unit.iter().map(|candidate| candidate.row).collect();
        let batch = units[of_unit[0].unit].rows(None, &rows)?;
        let reader = FactReader::new(&batch)?;
        for row in 0..batch.num_rows() {
            facts.push(reader.fact(row)?);
        }
    }
    Ok(facts)
}

impl Unit<'_> {
    /// Calls `each` with the batches and the number of their first row, within `limit`.
    fn each_batch(
        &self,
        projection: &Projection,
        limit: &Limit<'_>,
        mut each: impl FnMut(&RecordBatch, usize) -> Result<(), AskError>,
    ) -> Result<(), AskError> {
        match &self.source {
            UnitSource::Tail(batch) => {
                limit.check()?;
                limit.take(column_bytes(batch, projection.names()))?;
                each(batch, 0)
            }
            UnitSource::File { file, row_group } => {
                limit.check()?;
                limit.take(file.bytes(*row_group, projection.names()))?;
                let mut first_row = 0;
                for batch in file.read(*row_group, projection.names())? {
                    let batch = batch?;
                    limit.check()?;
                    each(&batch, first_row)?;
                    first_row += batch.num_rows();
                }
                Ok(())
            }
        }
    }

    /// Some of the rows, in ascending order, with some or all columns.
    fn rows(
        &self,
        columns: Option<&[&'static str]>,
        rows: &[usize],
    ) -> Result<RecordBatch, StoreError> {
        match &self.source {
            UnitSource::Tail(batch) => {
                let rows = UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64));
                Ok(take_record_batch(batch, &rows)?)
            }
            UnitSource::File { file, row_group } => file.read_rows(*row_group, columns, rows),
        }
    }
}
