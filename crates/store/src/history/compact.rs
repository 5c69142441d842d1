//! Many small segments become few large ones.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;

use super::columns::{Pick, Source};
use super::order::{ORDER_COLUMNS, Place, Ranks};
use super::output::Output;
use super::segment::Scan;
use super::write::{Effort, UnnamedSegment};
use super::{History, HistoryOptions, Segment};
use crate::{StoreError, failpoint};

/// Rows that are read from a segment at once.
pub(super) const READ_ROWS: usize = 8_192;

impl History {
    /// Merges one group of segments, if there is one; says whether one was merged.
    pub fn compact(&self) -> Result<bool, StoreError> {
        let _replacing = self.replacing.lock();
        let Some(group) = group_to_merge(&self.segments(), &self.options) else { return Ok(false) };
        failpoint::hit("history.compact.begun");
        let Some(unnamed) = self.merge(&group)? else { return Ok(false) };
        failpoint::hit("history.compact.written");
        let log_seqs = log_seqs(&group);
        let merged: Vec<_> = unnamed
            .into_iter()
            .map(|segment| segment.publish(log_seqs))
            .collect::<Result<_, _>>()?;
        failpoint::hit("history.compact.renamed");
        self.books.write_blocking(|tx| {
            for segment in &group {
                tx.manifest().remove_segment(segment.row().segment_id)?;
            }
            merged.iter().try_for_each(|segment| tx.manifest().add_segment(segment.row()))
        })?;
        failpoint::hit("history.compact.registered");
        self.replace(&group, &merged);
        Ok(true)
    }

    /// Writes the rows of all segments of `group`, in order, to as few as need be; `None` when told
    /// to stop.
    fn merge(&self, group: &[Arc<Segment>]) -> Result<Option<Vec<UnnamedSegment>>, StoreError> {
        let ranks = ranks(group)?;
        let mut sources = Vec::with_capacity(group.len());
        let mut cursors = Vec::with_capacity(group.len());
        let mut next = BinaryHeap::with_capacity(group.len());
        for segment in group {
            if let Some((cursor, source)) = Cursor::begin(segment, &ranks)? {
                next.push(Reverse((cursor.place(), cursors.len())));
                cursors.push(cursor);
                sources.push(source);
            }
        }

        let rows: u64 = group.iter().map(|segment| segment.rows).sum();
        let sizes = group.iter().map(|segment| size(segment, &self.options));
        let stays = sizes.sum::<u64>() >= self.options.segment_rows / 2;
        let effort = if stays { Effort::Thorough } else { Effort::Fast };
        let mut output = Output::new(&self.shelf, effort, rows, &self.options);
        while let Some(mut least) = next.peek_mut() {
            let Reverse((place, at)) = *least;
            let cursor = &mut cursors[at];
            let pick = Pick { source: at as u32, row: cursor.row as u32 };
            output.take(pick, place, &mut sources)?;
            cursor.row += 1;
            if cursor.row == cursor.places.len() {
                if self.is_stopping() {
                    return Ok(None);
                }
                output.copy(&mut sources)?;
                if !cursor.read_on(&mut sources[at], &ranks)? {
                    PeekMut::pop(least);
                    continue;
                }
            }
            *least = Reverse((cursor.place(), at));
        }
        output.finish().map(Some)
    }
}

/// The names by which the rows of all segments are ordered.
fn ranks(group: &[Arc<Segment>]) -> Result<Ranks, StoreError> {
    let mut ranks = Ranks::default();
    for segment in group {
        for batch in segment.scan(&ORDER_COLUMNS, READ_ROWS)? {
            ranks.learn(&batch?)?;
        }
    }
    Ok(ranks.rank())
}

/// Where the reading of one segment stands.
struct Cursor<'a> {
    scan: Scan<'a>,
    /// The places of the rows of the current batch.
    places: Vec<Place>,
    row: usize,
}

impl<'a> Cursor<'a> {
    /// Reads the first batch; `None` if the segment is empty.
    fn begin(segment: &'a Segment, ranks: &Ranks) -> Result<Option<(Self, Source)>, StoreError> {
        let mut scan = segment.scan(&[], READ_ROWS)?;
        let Some(batch) = scan.next().transpose()? else { return Ok(None) };
        let places = ranks.places(&batch)?;
        Ok(Some((Self { scan, places, row: 0 }, Source::new(batch))))
    }

    fn place(&self) -> Place {
        self.places[self.row]
    }

    /// Reads the next batch; says whether there was one.
    fn read_on(&mut self, source: &mut Source, ranks: &Ranks) -> Result<bool, StoreError> {
        let Some(batch) = self.scan.next().transpose()? else { return Ok(false) };
        self.places = ranks.places(&batch)?;
        self.row = 0;
        source.advance(batch);
        Ok(true)
    }
}

/// How much of a full segment it is, by rows or by bytes, told in rows.
fn size(segment: &Segment, options: &HistoryOptions) -> u64 {
    let bytes = u128::from(segment.row().contents.size_bytes);
    let full_bytes = u128::from(options.segment_bytes.max(1));
    let as_rows = bytes * u128::from(options.segment_rows) / full_bytes;
    segment.rows.max(u64::try_from(as_rows).unwrap_or(u64::MAX)).max(1)
}

/// The segments that are to become one, or as few as they fit into.
///
/// Segments are of one tier when they have about as many rows, or bytes where their rows are large.
/// Of each tier, the oldest that are enough go together, so that a segment covers as short a time
/// as can be.
fn group_to_merge(
    segments: &[Arc<Segment>],
    options: &HistoryOptions,
) -> Option<Vec<Arc<Segment>>> {
    let fan_out = options.fan_out.max(2);
    let size = |segment: &Segment| size(segment, options);
    let tier = |segment: &Segment| size(segment).ilog(fan_out as u64);
    let small = segments.iter().filter(|segment| size(segment) < options.segment_rows / 2);
    let mut tiers = std::collections::BTreeMap::<u32, Vec<Arc<Segment>>>::new();
    for segment in small {
        tiers.entry(tier(segment)).or_default().push(segment.clone());
    }
    tiers.into_values().find_map(|tier| {
        let mut rows = 0;
        let enough = tier.iter().take(fan_out).position(|segment| {
            rows += size(segment);
            rows >= options.segment_rows
        });
        let count = enough.map_or(fan_out, |last| last + 1);
        (tier.len() >= count).then(|| tier[..count].to_vec())
    })
}

/// The commits of the usage log that the rows of all segments came in.
pub(super) fn log_seqs(segments: &[Arc<Segment>]) -> (i64, i64) {
    let first = segments.iter().map(|segment| segment.row().log_seqs.0).min();
    let last = segments.iter().map(|segment| segment.row().log_seqs.1).max();
    (first.unwrap_or_default(), last.unwrap_or_default())
}
