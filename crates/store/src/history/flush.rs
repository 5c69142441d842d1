//! From the tail to a segment.

use std::sync::Arc;
use std::thread::yield_now;

use datafusion::arrow::array::{AsArray, RecordBatch};

use super::columns::{ColumnsBuilder, Pick, Source};
use super::order::{Place, Ranks};
use super::tail::Chunk;
use super::write::{Effort, SegmentWriter, rows_at_once};
use super::{History, Segment};
use crate::dedup::Dedup;
use crate::{StoreError, failpoint};

impl History {
    /// Writes the tail as it stands to a segment, and the keys in memory to a run.
    ///
    /// One transaction enters both in the books, writes what the commits moved to the rows of sums,
    /// and drops the commits from the usage log. Until then the commits count, afterwards
    /// the segment does. Answers how many facts were written. A
    /// tail of very many bytes is written part by part, each with a segment of its own.
    pub fn flush(&self, dedup: &Dedup) -> Result<usize, StoreError> {
        let _flushing = self.flushing.lock();
        let Some(last) = self.state.lock().tail.last_seq() else { return Ok(0) };
        let mut rows = 0;
        while self.state.lock().tail.first_seq().is_some_and(|first| first <= last) {
            rows += self.flush_oldest(dedup)?;
        }
        Ok(rows)
    }

    /// Writes the oldest part of the tail to a segment.
    fn flush_oldest(&self, dedup: &Dedup) -> Result<usize, StoreError> {
        let (chunks, last_received_us) = {
            let mut state = self.state.lock();
            let chunks = state.tail.oldest(self.options.flush_bytes);
            (chunks, state.tail.last_received_us())
        };
        let Some((first, last)) = chunks.first().zip(chunks.last()) else { return Ok(0) };
        let log_seqs = (first.log_seqs().0, last.log_seqs().1);
        // After the tail was closed: the keys of all its facts are there by now.
        let frozen = dedup.freeze();
        failpoint::hit("history.flush.begun");

        let segment = self.write_segment(&chunks, log_seqs)?;
        // Where only a part is written, the keys of the rest are in the run already.
        let mut received = segment.row().received;
        received.include(last_received_us);
        let run = dedup.write_run(frozen, received)?;
        failpoint::hit("history.flush.keys_written");
        self.books.write_moved(|tx| {
            tx.manifest().add_segment(segment.row())?;
            if let Some(run) = &run {
                run.register(tx)?;
            }
            tx.manifest().set_last_log_seq(log_seqs.1)?;
            let dropped = tx.usage_log().drop_through(log_seqs.1)?;
            check_dropped(dropped, &chunks)
        })?;
        failpoint::hit("history.flush.registered");

        let rows = segment.rows as usize;
        {
            let mut state = self.state.lock();
            state.tail.remove(&chunks);
            state.replace(&[], &[segment]);
        }
        self.flushed.notify_all();
        if let Some(run) = run {
            dedup.publish(run);
        }
        Ok(rows)
    }

    fn write_segment(
        &self,
        chunks: &[Arc<Chunk>],
        log_seqs: (i64, i64),
    ) -> Result<Arc<Segment>, StoreError> {
        let batches: Vec<RecordBatch> =
            chunks.iter().map(|chunk| chunk.columns().clone()).collect();
        let picks = sorted_picks(&batches)?;
        // A column at a time over all rows reads memory in far better order than by few rows.
        let bytes = text_bytes(&batches);
        let is_light = bytes < self.options.row_group_bytes;
        let copy_rows =
            if is_light { picks.len().max(1) } else { rows_at_once(bytes, picks.len()) };
        let mut sources: Vec<Source> = batches.into_iter().map(Source::new).collect();
        let rows = picks.len() as u64;
        let mut writer = SegmentWriter::create(&self.shelf, Effort::Fast, rows, rows)?;
        // Even parts, so that the last one is no crumb.
        let wanted = self.options.row_group_rows;
        let parts = (picks.len() + wanted / 2) / wanted;
        for picks in picks.chunks(picks.len().div_ceil(parts.max(1))) {
            let mut columns = ColumnsBuilder::with_capacity(picks.len());
            for some in picks.chunks(copy_rows) {
                columns.append(&mut sources, some)?;
                yield_now();
                if columns.text_bytes() >= self.options.row_group_bytes {
                    let next = ColumnsBuilder::with_capacity(picks.len());
                    writer.write(&std::mem::replace(&mut columns, next).finish()?)?;
                }
            }
            if columns.rows() > 0 {
                writer.write(&columns.finish()?)?;
            }
        }
        let unnamed = writer.finish()?;
        failpoint::hit("history.flush.written");
        let segment = unnamed.publish(log_seqs)?;
        failpoint::hit("history.flush.renamed");
        Ok(segment)
    }
}

/// A commit that is in the log and was not in the tail would be lost by being dropped from the log.
fn check_dropped(dropped: usize, chunks: &[Arc<Chunk>]) -> Result<(), StoreError> {
    let written: usize = chunks.iter().map(|chunk| chunk.log_commits()).sum();
    if dropped == written {
        return Ok(());
    }
    Err(StoreError::Damaged {
        what: "the tail of the history".into(),
        how: format!(
            "it has {written} commits where the usage log has {dropped}; a restart reads them again"
        ),
    })
}

/// Bytes of text in all columns, each name counted once for its batch.
fn text_bytes(batches: &[RecordBatch]) -> usize {
    let columns = batches.iter().flat_map(RecordBatch::columns);
    let texts = columns.filter_map(|column| match column.as_any_dictionary_opt() {
        Some(names) => names.values().as_string_opt::<i32>(),
        None => column.as_string_opt::<i32>(),
    });
    texts.map(|texts| texts.value_data().len()).sum()
}

/// All rows in the order of a segment.
fn sorted_picks(batches: &[RecordBatch]) -> Result<Vec<Pick>, StoreError> {
    let mut ranks = Ranks::default();
    batches.iter().try_for_each(|batch| ranks.learn(batch))?;
    let ranks = ranks.rank();
    let mut rows: Vec<(Place, Pick)> =
        Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for (source, batch) in (0..).zip(batches) {
        let places = ranks.places(batch)?.into_iter();
        rows.extend(places.zip(0..).map(|(place, row)| (place, Pick { source, row })));
    }
    rows.sort_unstable_by_key(|(place, pick)| (*place, pick.source, pick.row));
    Ok(rows.into_iter().map(|(_, pick)| pick).collect())
}
