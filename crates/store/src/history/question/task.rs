//! What must be read to answer a question, in pieces.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;

use super::columns::{Rows, times};
use super::file::{Files, SegmentFile};
use super::shape::Shape;
use super::time::Finder;
use super::worker::Range;
use super::{AskError, Facts, SegmentFiles};
use crate::StoreError;
use crate::history::rollup::{HOUR_US, Level};

/// Rows of one task, about. Small enough to share the work, large enough to be worth keeping.
const TASK_ROWS: u64 = 2_000_000;

/// A part of the work.
pub(super) struct Task<'a> {
    pub(super) source: Source<'a>,
    pub(super) range: Range,
    /// How many rows there are to read.
    pub(super) rows: u64,
}

/// Where the rows of a task are.
pub(super) enum Source<'a> {
    /// In memory.
    Tail(&'a [RecordBatch]),
    /// In a file.
    File { file: Arc<SegmentFile>, row_groups: Vec<usize> },
}

/// What looking at a row takes besides reading it, in bytes read.
const ROW_BYTES: u64 = 4;

impl Task<'_> {
    /// How many bytes must be read, about, unpacked.
    pub(super) fn bytes(&self, shape: &Shape, finder: &Finder) -> u64 {
        let read: u64 = match &self.source {
            Source::Tail(batches) => {
                let projection = self.range.projection(shape, finder);
                batches.iter().map(|batch| column_bytes(batch, projection.names())).sum()
            }
            Source::File { file, row_groups } => {
                let bytes = |row_group: &usize| {
                    let range = self.range_of(file, *row_group);
                    file.bytes(*row_group, range.projection(shape, finder).names())
                };
                row_groups.iter().map(bytes).sum()
            }
        };
        read + self.rows * ROW_BYTES
    }

    /// The rows of one row group.
    fn range_of(&self, file: &SegmentFile, row_group: usize) -> Range {
        let span = file.span(row_group, self.range.rows);
        // Where a level has a row group to itself, there is nothing to tell apart.
        let is_alone = |level: &i8| file.row_group_levels(row_group) == (*level, *level);
        let level = self.range.level.filter(|level| !is_alone(level));
        Range { span, level, ..self.range }
    }

    /// Calls `each` with the batches, as long as it says to go on; says whether all were read.
    pub(super) fn each_batch(
        &self,
        shape: &Shape,
        finder: &Finder,
        mut each: impl FnMut(&RecordBatch, &Range) -> Result<bool, AskError>,
    ) -> Result<bool, AskError> {
        match &self.source {
            Source::Tail(batches) => {
                for batch in *batches {
                    let range = Range { span: span(times(batch, Rows::Facts)?), ..self.range };
                    if overlaps(range.span, range.from_us, range.to_us) && !each(batch, &range)? {
                        return Ok(false);
                    }
                }
            }
            Source::File { file, row_groups } => {
                for row_group in row_groups {
                    let range = self.range_of(file, *row_group);
                    let projection = range.projection(shape, finder);
                    for batch in file.read(*row_group, projection.names())? {
                        if !each(&batch?, &range)? {
                            return Ok(false);
                        }
                    }
                }
            }
        }
        Ok(true)
    }
}

/// Bytes of columns that are in memory.
pub(super) fn column_bytes(batch: &RecordBatch, columns: &[&'static str]) -> u64 {
    let columns = columns.iter().filter_map(|name| batch.column_by_name(name));
    columns.map(|column| column.get_buffer_memory_size() as u64).sum()
}

fn span(times: &[i64]) -> (i64, i64) {
    times.iter().fold((i64::MAX, i64::MIN), |(min, max), time| (min.min(*time), max.max(*time)))
}

const fn overlaps(span: (i64, i64), from_us: i64, to_us: i64) -> bool {
    span.0 < to_us && from_us <= span.1
}

/// The tasks that answer a question of `shape` in the range of `finder`.
pub(super) fn plan<'a>(
    facts: Facts<'a>,
    shape: &Shape,
    finder: &Finder,
    files: &Files,
) -> Result<Vec<Task<'a>>, StoreError> {
    let mut tasks = Vec::new();
    let levels = usable(shape.levels(), finder);
    for segment in facts.segments {
        if overlaps((segment.first_us, segment.last_us), finder.from_us, finder.to_us) {
            plan_segment(segment, &levels, shape, finder, files, &mut tasks)?;
        }
    }
    plan_tail(facts.tail, finder, &mut tasks);
    // Long tasks first, so that the threads end at about the same time.
    tasks.sort_by_key(|task| std::cmp::Reverse(task.rows));
    Ok(tasks)
}

/// The levels whose rows never lie in two buckets.
fn usable(mut levels: Vec<&'static Level>, finder: &Finder) -> Vec<&'static Level> {
    let bounds = finder.bounds();
    levels.retain(|level| {
        let inner = &bounds[1..bounds.len() - 1];
        inner.iter().all(|bound| bound.rem_euclid(level.span.micros()) == 0)
    });
    levels
}

fn plan_segment(
    segment: &SegmentFiles,
    levels: &[&'static Level],
    shape: &Shape,
    finder: &Finder,
    files: &Files,
    tasks: &mut Vec<Task<'_>>,
) -> Result<(), StoreError> {
    let (from_us, to_us) = (finder.from_us, finder.to_us);
    let rollup = match (&segment.rollup_path, levels) {
        (None, _) | (_, []) => None,
        (Some(path), levels) => match files.get(path) {
            Ok(file) => choose(&file, levels, segment, finder).map(|level| (file, level)),
            Err(error) => {
                tracing::warn!(%error, "a roll-up cannot be read: its facts are read instead, which takes longer");
                None
            }
        },
    };
    let Some((file, level)) = rollup else {
        return plan_file(
            files.get(&segment.path)?,
            Rows::Facts,
            None,
            (from_us, to_us),
            shape,
            tasks,
        );
    };

    // The whole hours from the roll-up, the cut ones from the facts.
    let width = level.span.micros();
    let start = if segment.first_us < from_us { ceil(from_us, width) } else { from_us };
    let end = if segment.last_us >= to_us { floor(to_us, width) } else { to_us };
    // Rows of a roll-up bear the start of their hour, which may lie before the first fact in it.
    let rows_from = if segment.first_us < from_us { start } else { floor(segment.first_us, width) };
    let level = Some(level.id);
    plan_file(file, Rows::Rollup, level, (rows_from, end), shape, tasks)?;
    for edge in [(from_us, start), (end, to_us)] {
        if edge.0 < edge.1 && overlaps((segment.first_us, segment.last_us), edge.0, edge.1) {
            plan_file(files.get(&segment.path)?, Rows::Facts, None, edge, shape, tasks)?;
        }
    }
    Ok(())
}

/// The level with the fewest rows that can answer.
fn choose(
    file: &SegmentFile,
    levels: &[&'static Level],
    segment: &SegmentFiles,
    finder: &Finder,
) -> Option<&'static Level> {
    let cuts_start = segment.first_us < finder.from_us;
    let cuts_end = segment.last_us >= finder.to_us;
    let fits = |width: i64| {
        (!cuts_start || finder.from_us.rem_euclid(width) == 0)
            && (!cuts_end || finder.to_us.rem_euclid(width) == 0)
    };
    let fewest = |widths: &dyn Fn(i64) -> bool| {
        levels
            .iter()
            .filter(|level| widths(level.span.micros()))
            .filter_map(|level| Some((file.level_rows(level.id)?, *level)))
            .min_by_key(|(rows, level)| (*rows, level.id))
            .map(|(_, level)| level)
    };
    fewest(&fits).or_else(|| {
        let from_us = if cuts_start { ceil(finder.from_us, HOUR_US) } else { segment.first_us };
        let to_us = if cuts_end { floor(finder.to_us, HOUR_US) } else { segment.last_us };
        if from_us < to_us { fewest(&|width| width == HOUR_US) } else { None }
    })
}

const fn floor(us: i64, width: i64) -> i64 {
    us - us.rem_euclid(width)
}

const fn ceil(us: i64, width: i64) -> i64 {
    floor(us + width - 1, width)
}

/// Plans to read a file, or one level of it, as far as it has rows that count.
fn plan_file(
    file: Arc<SegmentFile>,
    rows: Rows,
    level: Option<i8>,
    (from_us, to_us): (i64, i64),
    shape: &Shape,
    tasks: &mut Vec<Task<'_>>,
) -> Result<(), StoreError> {
    let mut row_groups = Vec::new();
    let (mut count, mut span) = (0, (i64::MAX, i64::MIN));
    for row_group in 0..file.row_groups() {
        let has_level = |level: i8| {
            let (first, last) = file.row_group_levels(row_group);
            first <= level && level <= last
        };
        if level.is_some_and(|level| !has_level(level)) {
            continue;
        }
        let of_row_group = file.span(row_group, rows);
        if !overlaps(of_row_group, from_us, to_us)
            || shape.filters.iter().any(|filter| file.rules_out(row_group, filter))
        {
            continue;
        }
        row_groups.push(row_group);
        count += file.rows(row_group);
        span = (span.0.min(of_row_group.0), span.1.max(of_row_group.1));
        if count >= TASK_ROWS {
            let source =
                Source::File { file: file.clone(), row_groups: std::mem::take(&mut row_groups) };
            tasks.push(Task {
                source,
                range: Range { rows, level, from_us, to_us, span },
                rows: count,
            });
            (count, span) = (0, (i64::MAX, i64::MIN));
        }
    }
    if !row_groups.is_empty() {
        let source = Source::File { file, row_groups };
        tasks.push(Task {
            source,
            range: Range { rows, level, from_us, to_us, span },
            rows: count,
        });
    }
    Ok(())
}

fn plan_tail<'a>(tail: &'a [RecordBatch], finder: &Finder, tasks: &mut Vec<Task<'a>>) {
    let (from_us, to_us) = (finder.from_us, finder.to_us);
    let range =
        Range { rows: Rows::Facts, level: None, from_us, to_us, span: (i64::MIN, i64::MAX) };
    let mut rest = tail;
    while !rest.is_empty() {
        let mut rows = 0;
        let mut batches = 0;
        while batches < rest.len() && rows < TASK_ROWS / 8 {
            rows += rest[batches].num_rows() as u64;
            batches += 1;
        }
        let (part, others) = rest.split_at(batches);
        tasks.push(Task { source: Source::Tail(part), range, rows });
        rest = others;
    }
}
