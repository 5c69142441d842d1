//! Segments that are written again without something: what is too old, and who is to be forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray, RecordBatch, new_null_array,
};
use datafusion::arrow::compute::kernels::zip::zip;
use datafusion::arrow::compute::{filter_record_batch, not};
use datafusion::arrow::datatypes::TimestampMicrosecondType;

use super::columns::{Pick, Source};
use super::compact::READ_ROWS;
use super::order::{DAY_US, ORDER_COLUMNS, Ranks, dictionary, unlike};
use super::output::Output;
use super::schema::SCHEMA;
use super::write::{Effort, TOTALS_COLUMNS, each_total};
use super::{History, HistoryOptions, Segment};
use crate::sqlite::manifest::Totals;
use crate::{StoreError, failpoint};

/// The columns in which a person may be named.
const PERSONAL_COLUMNS: [&str; 3] = ["subject", "tags", "metadata"];

/// How long somebody may go on reading what was erased.
const ERASURE_PATIENCE: Duration = Duration::from_secs(30);
const ERASURE_PAUSE: Duration = Duration::from_millis(10);

/// Sums by account.
type ByAccount = BTreeMap<CompactString, Totals>;

impl History {
    /// Removes facts of days that ended before `cutoff`, and answers how many.
    ///
    /// Ends early when told to stop; the next time it goes on from there.
    ///
    /// A segment that is older as a whole goes. One that is older in part is written again without
    /// that part. What was removed stays in the books as sums by account, so that they add up.
    pub fn retain(&self, cutoff: DateTime<Utc>) -> Result<u64, StoreError> {
        let _replacing = self.replacing.lock();
        let cutoff_us = cutoff.timestamp_micros().div_euclid(DAY_US) * DAY_US;
        let mut removed_rows = 0;
        for segment in self.segments().iter() {
            if segment.row().occurred.first_us >= cutoff_us || self.is_stopping() {
                continue;
            }
            let removed = totals_before(segment, cutoff_us)?;
            removed_rows += removed.values().map(|totals| totals.rows).sum::<u64>();
            let kept = if segment.row().occurred.last_us < cutoff_us {
                Vec::new()
            } else {
                self.rewrite(segment, |batch| {
                    Ok(filter_record_batch(&batch, &not(&occurred_before(&batch, cutoff_us)?)?)?)
                })?
            };
            self.books.write_blocking(|tx| {
                tx.manifest().remove_segment(segment.row().segment_id)?;
                kept.iter().try_for_each(|kept| tx.manifest().add_segment(kept.row()))?;
                tx.manifest().add_removals(cutoff_us, &removed)
            })?;
            failpoint::hit("history.rewrite.registered");
            self.replace(std::slice::from_ref(segment), &kept);
        }
        Ok(removed_rows)
    }

    /// Takes the name, the tags and the metadata off every fact of `subject`, and answers how many
    /// there were. What was used and what it costs stay.
    ///
    /// The tail must have been flushed. Backups and exports are beyond reach. Files go when nobody
    /// reads them any more; see [`History::wait_until_erased`].
    pub fn erase(&self, subject: &str) -> Result<u64, StoreError> {
        let _replacing = self.replacing.lock();
        let mut erased = 0;
        for segment in self.segments().iter() {
            let rows = rows_of_subject(segment, subject)?;
            if rows == 0 {
                continue;
            }
            let rewritten = self.rewrite(segment, |batch| without_subject(&batch, subject))?;
            self.books.write_blocking(|tx| {
                tx.manifest().remove_segment(segment.row().segment_id)?;
                // What they counted of the person is in their scopes no more.
                tx.counters().remove_personal()?;
                rewritten.iter().try_for_each(|new| tx.manifest().add_segment(new.row()))
            })?;
            failpoint::hit("history.rewrite.registered");
            let files = [segment.path.clone(), segment.rollup_path.clone()];
            self.erased.lock().extend(files);
            self.replace(std::slice::from_ref(segment), &rewritten);
            erased += rows;
        }
        Ok(erased)
    }

    /// The days, counted from 1970 in UTC, on which something was used for `subject`.
    ///
    /// The tail must have been flushed.
    pub fn days_of_subject(&self, subject: &str) -> Result<BTreeSet<i64>, StoreError> {
        let mut days = BTreeSet::new();
        for segment in self.segments().iter() {
            for batch in segment.scan(&["subject", "occurred_at"], READ_ROWS)? {
                let batch = batch?;
                let of_subject = is_of_subject(&batch, subject)?;
                if of_subject.true_count() > 0 {
                    let own = filter_record_batch(&batch, &of_subject)?;
                    days.extend(times(&own)?.values().iter().map(|time| time.div_euclid(DAY_US)));
                }
            }
        }
        Ok(days)
    }

    /// Waits until no file is left of which people were erased.
    pub fn wait_until_erased(&self) -> Result<(), StoreError> {
        let begun = Instant::now();
        loop {
            let mut left = self.erased.lock();
            left.retain(|path| path.exists());
            if left.is_empty() {
                return Ok(());
            }
            drop(left);
            if begun.elapsed() > ERASURE_PATIENCE {
                let who = "what was erased is being read, e.g. for a question or an export";
                return Err(StoreError::StillRead(who));
            }
            std::thread::sleep(ERASURE_PAUSE);
        }
    }

    /// Writes a segment again, each batch changed by `change`, which keeps the order of the rows.
    fn rewrite(
        &self,
        segment: &Segment,
        change: impl Fn(RecordBatch) -> Result<RecordBatch, StoreError>,
    ) -> Result<Vec<Arc<Segment>>, StoreError> {
        let ranks = ranks(segment)?;
        let whole = HistoryOptions {
            segment_rows: u64::MAX,
            segment_bytes: u64::MAX,
            ..self.options.clone()
        };
        let mut output = Output::new(&self.shelf, Effort::Thorough, segment.rows, &whole);
        let mut sources = [Source::new(RecordBatch::new_empty(SCHEMA.clone()))];
        for batch in segment.scan(&[], READ_ROWS)? {
            let batch = change(batch?)?;
            let places = ranks.places(&batch)?;
            sources[0].advance(batch);
            for (row, place) in (0..).zip(places) {
                output.take(Pick { source: 0, row }, place, &mut sources)?;
            }
            output.copy(&mut sources)?;
        }
        let unnamed = output.finish()?;
        failpoint::hit("history.rewrite.written");
        let log_seqs = segment.row().log_seqs;
        let rewritten =
            unnamed.into_iter().map(|new| new.publish(log_seqs)).collect::<Result<_, _>>()?;
        failpoint::hit("history.rewrite.renamed");
        Ok(rewritten)
    }
}

fn ranks(segment: &Segment) -> Result<Ranks, StoreError> {
    let mut ranks = Ranks::default();
    for batch in segment.scan(&ORDER_COLUMNS, READ_ROWS)? {
        ranks.learn(&batch?)?;
    }
    Ok(ranks.rank())
}

fn occurred_before(batch: &RecordBatch, cutoff_us: i64) -> Result<BooleanArray, StoreError> {
    Ok(times(batch)?.values().iter().map(|time| Some(*time < cutoff_us)).collect())
}

fn times(batch: &RecordBatch) -> Result<&PrimitiveArray<TimestampMicrosecondType>, StoreError> {
    let column = batch.column_by_name("occurred_at");
    column.and_then(|column| column.as_primitive_opt()).ok_or_else(|| unlike("occurred_at"))
}

/// Sums by account over the facts of a segment that occurred before `cutoff_us`.
fn totals_before(segment: &Segment, cutoff_us: i64) -> Result<ByAccount, StoreError> {
    let mut columns = vec!["occurred_at", "account"];
    columns.extend(TOTALS_COLUMNS);
    let mut totals = ByAccount::new();
    for batch in segment.scan(&columns, READ_ROWS)? {
        let batch = batch?;
        let old = filter_record_batch(&batch, &occurred_before(&batch, cutoff_us)?)?;
        add_by_account(&mut totals, &old)?;
    }
    Ok(totals)
}

/// Adds the rows of a batch to the sums of their accounts.
pub(super) fn add_by_account(
    totals: &mut ByAccount,
    batch: &RecordBatch,
) -> Result<(), StoreError> {
    let (accounts, names) = dictionary(batch, "account")?;
    let mut sums = vec![Totals::default(); names.len()];
    let mut nobody = Totals::default();
    each_total(batch, |row, total| match accounts.key(row) {
        Some(key) => sums[key].add(&total),
        None => nobody.add(&total),
    })?;
    for (name, sum) in names.iter().zip(sums).chain([(Some(""), nobody)]) {
        if sum.rows > 0 {
            totals.entry(name.unwrap_or_default().into()).or_default().add(&sum);
        }
    }
    Ok(())
}

fn rows_of_subject(segment: &Segment, subject: &str) -> Result<u64, StoreError> {
    let mut rows = 0;
    for batch in segment.scan(&["subject"], READ_ROWS)? {
        rows += is_of_subject(&batch?, subject)?.true_count() as u64;
    }
    Ok(rows)
}

fn is_of_subject(batch: &RecordBatch, subject: &str) -> Result<BooleanArray, StoreError> {
    let (subjects, names) = dictionary(batch, "subject")?;
    let is_wanted: Vec<bool> = names.iter().map(|name| name == Some(subject)).collect();
    let keys = subjects.keys();
    Ok((0..keys.len())
        .map(|row| Some(keys.is_valid(row) && is_wanted[keys.value(row) as usize]))
        .collect())
}

fn without_subject(batch: &RecordBatch, subject: &str) -> Result<RecordBatch, StoreError> {
    let is_of_subject = is_of_subject(batch, subject)?;
    if is_of_subject.true_count() == 0 {
        return Ok(batch.clone());
    }
    let columns = batch.schema_ref().fields().iter().zip(batch.columns()).map(|(field, column)| {
        if !PERSONAL_COLUMNS.contains(&field.name().as_str()) {
            return Ok(column.clone());
        }
        let nothing: ArrayRef = new_null_array(column.data_type(), column.len());
        Ok(zip(&is_of_subject, &nothing, column)?)
    });
    let columns = columns.collect::<Result<Vec<_>, StoreError>>()?;
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}
