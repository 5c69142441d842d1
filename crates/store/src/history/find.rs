//! Single facts by account, source and id.

use std::collections::{HashMap, HashSet};

use compact_str::CompactString;
use datafusion::arrow::array::{Array, AsArray, RecordBatch, StringArray, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use outlay_domain::usage::{EventName, Fact, FactKind};

use super::order::unlike;
use super::schema::FactReader;
use super::segment::IdFilters;
use super::{History, Segment};
use crate::StoreError;

/// The ids that are looked for, each with its sources and accounts; no account is every account.
type Wanted<'a> = HashMap<&'a str, HashSet<(&'a str, Option<&'a str>)>>;

impl History {
    /// All facts that bear one of these names: the event, its corrections and reversals.
    ///
    /// They come in the order of arrival; of those that came at one moment, a reversal stands
    /// before the correction that takes its place.
    pub fn find(&self, names: &[EventName]) -> Result<Vec<Fact>, StoreError> {
        let mut wanted = Wanted::new();
        for EventName { account, source, id } in names {
            wanted.entry(id).or_default().insert((source, Some(account)));
        }
        self.find_wanted(&wanted)
    }

    /// All facts of any account that bear one of these sources and ids, in the same order.
    pub fn find_in_every_account(
        &self,
        names: &[(CompactString, CompactString)],
    ) -> Result<Vec<Fact>, StoreError> {
        let mut wanted = Wanted::new();
        for (source, id) in names {
            wanted.entry(id).or_default().insert((source, None));
        }
        self.find_wanted(&wanted)
    }

    fn find_wanted(&self, wanted: &Wanted<'_>) -> Result<Vec<Fact>, StoreError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let snapshot = self.snapshot();
        let mut found = Vec::new();
        for segment in &*snapshot.segments {
            find_in_segment(segment, wanted, &mut found)?;
        }
        for batch in &*snapshot.tail {
            let rows = rows_with_ids(batch, wanted)?;
            if !rows.is_empty() {
                let rows = UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64));
                keep_wanted(&take_record_batch(batch, &rows)?, wanted, &mut found)?;
            }
        }
        found.sort_by_key(|fact| (fact.received_at, rank(fact.kind)));
        Ok(found)
    }
}

fn rank(kind: FactKind) -> usize {
    FactKind::ALL.iter().position(|known| *known == kind).unwrap_or_default()
}

/// Reads the ids of those row groups whose filter does not rule all of them out, and the whole
/// rows of what is found there.
fn find_in_segment(
    segment: &Segment,
    wanted: &Wanted<'_>,
    found: &mut Vec<Fact>,
) -> Result<(), StoreError> {
    let filters = IdFilters::open(segment)?;
    for row_group in 0..segment.metadata()?.metadata().num_row_groups() {
        let mut possible = Wanted::new();
        for (id, names) in wanted {
            if filters.may_hold(row_group, id)? {
                possible.insert(id, names.clone());
            }
        }
        if possible.is_empty() {
            continue;
        }
        let mut rows = Vec::new();
        let mut start = 0;
        for batch in segment.scan_row_group(row_group, &["id"], None)? {
            let batch = batch?;
            rows.extend(rows_with_ids(&batch, &possible)?.iter().map(|row| start + row));
            start += batch.num_rows();
        }
        if rows.is_empty() {
            continue;
        }
        for batch in segment.scan_row_group(row_group, &[], Some(selection(&rows)))? {
            keep_wanted(&batch?, &possible, found)?;
        }
    }
    Ok(())
}

fn rows_with_ids(batch: &RecordBatch, wanted: &Wanted<'_>) -> Result<Vec<usize>, StoreError> {
    let ids: &StringArray = batch
        .column_by_name("id")
        .and_then(|column| column.as_string_opt())
        .ok_or_else(|| unlike("id"))?;
    let is_wanted: Box<dyn Fn(&str) -> bool> = match wanted.keys().next() {
        // Comparing is faster than hashing.
        Some(only) if wanted.len() == 1 => Box::new(move |id| id == *only),
        _ => Box::new(|id| wanted.contains_key(id)),
    };
    Ok((0..ids.len()).filter(|row| is_wanted(ids.value(*row))).collect())
}

/// Rows of a row group, in order, as the reader wants them told.
fn selection(rows: &[usize]) -> RowSelection {
    let mut selectors = Vec::with_capacity(rows.len() * 2);
    let mut next = 0;
    for &row in rows {
        selectors.push(RowSelector::skip(row - next));
        selectors.push(RowSelector::select(1));
        next = row + 1;
    }
    RowSelection::from(selectors)
}

fn keep_wanted(
    rows: &RecordBatch,
    wanted: &Wanted<'_>,
    found: &mut Vec<Fact>,
) -> Result<(), StoreError> {
    let reader = FactReader::new(rows)?;
    for row in 0..rows.num_rows() {
        let Some(names) = wanted.get(reader.id(row)) else { continue };
        let (source, account) = (reader.source(row), reader.account(row));
        if names.contains(&(source, Some(account))) || names.contains(&(source, None)) {
            found.push(reader.fact(row)?);
        }
    }
    Ok(())
}
