//! From the tail to a segment.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;

use super::columns::{ColumnsBuilder, Pick, Source};
use super::order::{Place, Ranks};
use super::tail::Chunk;
use super::write::{Effort, SegmentWriter};
use super::{History, Segment};
use crate::dedup::Dedup;
use crate::sqlite::{manifest, usage_log};
use crate::{StoreError, failpoint};

impl History {
    /// Writes the tail to a segment, and the keys in memory to a run.
    ///
    /// One transaction enters both in the books and drops the batches from the usage log. Until
    /// then the batches count, afterwards the segment does. Answers how many facts were written.
    pub fn flush(&self, dedup: &Dedup) -> Result<usize, StoreError> {
        let _flushing = self.flushing.lock();
        let chunks = self.state.lock().tail.close();
        let Some((first, last)) = chunks.first().zip(chunks.last()) else { return Ok(0) };
        let log_seqs = (first.log_seqs().0, last.log_seqs().1);
        // After the tail was closed: the keys of all its facts are there by now.
        let frozen = dedup.freeze();
        failpoint::hit("history.flush.begun");

        let segment = self.write_segment(&chunks, log_seqs)?;
        let run = dedup.write_run(frozen, segment.row().received)?;
        failpoint::hit("history.flush.keys_written");
        self.books.write(|tx| {
            manifest::add_segment(tx, segment.row())?;
            if let Some(run) = &run {
                run.register(tx)?;
            }
            manifest::set_last_log_seq(tx, log_seqs.1)?;
            usage_log::drop_through(tx, log_seqs.1)
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
        let mut sources: Vec<Source> = batches.into_iter().map(Source::new).collect();
        let rows = picks.len() as u64;
        let mut writer = SegmentWriter::create(&self.shelf, Effort::Fast, rows, rows)?;
        // Even parts, so that the last one is no crumb.
        let wanted = self.options.row_group_rows;
        let parts = (picks.len() + wanted / 2) / wanted;
        for picks in picks.chunks(picks.len().div_ceil(parts.max(1))) {
            let mut columns = ColumnsBuilder::with_capacity(picks.len());
            columns.append(&mut sources, picks)?;
            writer.write(&columns.finish()?)?;
        }
        let unnamed = writer.finish()?;
        failpoint::hit("history.flush.written");
        let segment = unnamed.publish(log_seqs)?;
        failpoint::hit("history.flush.renamed");
        Ok(segment)
    }
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
