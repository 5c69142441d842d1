//! From rows in order to row groups and segments.

use super::HistoryOptions;
use super::columns::{ColumnsBuilder, Pick, Source};
use super::order::{Place, day_of};
use super::write::{Effort, SegmentWriter, Shelf, UnnamedSegment};
use crate::StoreError;

/// Rows that are gathered before they are copied, at most.
const COPY_ROWS: usize = 8_192;
/// Rows that are gathered however large they are, and while it is not known yet.
const COPY_ROWS_MIN: usize = 256;

/// Takes rows in order and cuts them into segments.
pub(super) struct Output<'a> {
    shelf: &'a Shelf,
    effort: Effort,
    /// Rows of a full segment; from half of that on, one ends with its day.
    segment_rows: u64,
    segment_bytes: u64,
    row_group_rows: usize,
    row_group_bytes: usize,
    /// Rows of any segment, at most.
    rows_max: u64,
    finished: Vec<UnnamedSegment>,
    segment: Option<SegmentWriter<'a>>,
    row_group: ColumnsBuilder,
    /// Rows that are to be copied into the row group.
    picks: Vec<Pick>,
    /// How many are gathered, so that they are a small part of a row group's bytes.
    copy_rows: usize,
    day: u64,
}

impl<'a> Output<'a> {
    /// Nothing yet of `rows` rows.
    pub fn new(shelf: &'a Shelf, effort: Effort, rows: u64, options: &HistoryOptions) -> Self {
        Self {
            shelf,
            effort,
            segment_rows: options.segment_rows,
            segment_bytes: options.segment_bytes,
            row_group_rows: options.row_group_rows,
            row_group_bytes: options.row_group_bytes,
            rows_max: rows.min(options.segment_rows),
            finished: Vec::new(),
            segment: None,
            row_group: ColumnsBuilder::with_capacity(options.row_group_rows),
            picks: Vec::with_capacity(COPY_ROWS),
            copy_rows: COPY_ROWS_MIN,
            day: 0,
        }
    }

    /// Takes the next row. Until [`Output::copy`] the sources must not advance.
    pub fn take(
        &mut self,
        pick: Pick,
        place: Place,
        sources: &mut [Source],
    ) -> Result<(), StoreError> {
        let day = day_of(place);
        if self.is_full(day) {
            self.copy(sources)?;
            self.end_segment()?;
        } else if self.row_group.rows() + self.picks.len() == self.row_group_rows {
            self.copy(sources)?;
            self.end_row_group()?;
        } else if self.picks.len() >= self.copy_rows {
            self.copy(sources)?;
        }
        self.day = day;
        self.picks.push(pick);
        Ok(())
    }

    /// Copies the rows that were taken out of their sources.
    pub fn copy(&mut self, sources: &mut [Source]) -> Result<(), StoreError> {
        if !self.picks.is_empty() {
            self.row_group.append(sources, &self.picks)?;
            self.picks.clear();
        }
        let bytes = self.row_group.text_bytes();
        if let Some(row_bytes) = bytes.checked_div(self.row_group.rows()) {
            let wanted = self.row_group_bytes / 16 / row_bytes.max(1);
            self.copy_rows = wanted.clamp(COPY_ROWS_MIN, COPY_ROWS);
        }
        if bytes >= self.row_group_bytes {
            self.end_row_group()?;
        }
        Ok(())
    }

    fn is_full(&self, next_day: u64) -> bool {
        let written = self.segment.as_ref().map_or(0, SegmentWriter::rows);
        let rows = written + (self.row_group.rows() + self.picks.len()) as u64;
        let bytes = self.segment.as_ref().map_or(0, SegmentWriter::bytes);
        let (rows_max, bytes_max) = (self.segment_rows, self.segment_bytes);
        let is_half = rows >= rows_max / 2 || bytes >= bytes_max / 2;
        rows >= rows_max || bytes >= bytes_max || is_half && next_day != self.day
    }

    fn end_row_group(&mut self) -> Result<(), StoreError> {
        if self.row_group.rows() == 0 {
            return Ok(());
        }
        let next = ColumnsBuilder::with_capacity(self.row_group_rows);
        let columns = std::mem::replace(&mut self.row_group, next).finish()?;
        let segment = match &mut self.segment {
            Some(segment) => segment,
            None => {
                let row_group_rows = self.row_group_rows as u64;
                let segment =
                    SegmentWriter::create(self.shelf, self.effort, self.rows_max, row_group_rows);
                self.segment.insert(segment?)
            }
        };
        segment.write(&columns)
    }

    fn end_segment(&mut self) -> Result<(), StoreError> {
        self.end_row_group()?;
        if let Some(segment) = self.segment.take() {
            self.finished.push(segment.finish()?);
        }
        Ok(())
    }

    /// Ends the last segment. Every row must have been copied.
    pub fn finish(mut self) -> Result<Vec<UnnamedSegment>, StoreError> {
        debug_assert!(self.picks.is_empty(), "every row was copied");
        self.end_segment()?;
        Ok(self.finished)
    }
}
