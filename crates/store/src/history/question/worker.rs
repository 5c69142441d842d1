//! Sums the rows of batches by bucket and group.

use datafusion::arrow::array::RecordBatch;
use hashbrown::{HashMap, HashSet};
use outlay_domain::usage::question::{Group, Key, Latencies, Part, Tally, bucket_of};

use super::AskError;
use super::columns::{
    Cells, FilterColumn, GroupColumn, PartColumn, Passing, Projection, REST, Rows,
    attribute_column, each_latency, levels, times,
};
use super::limit::{Bounds, Limit};
use super::shape::{Only, Shape};
use super::sums::Sums;
use super::time::Finder;

/// Counts of call times, at most, over all buckets and groups.
const SPREAD_MAX: usize = 2_000_000;
/// Entries of the table by which a row finds its cell, at most; more are looked up by hash.
const TABLE_MAX: usize = 1 << 20;

/// The cell of rows that do not count.
const DROPPED: u32 = 0;
/// The ids of all groups that are folded into one.
const FOLDED: [u32; 3] = [REST; 3];
/// The entry of a table whose cell is not known yet.
const UNKNOWN: u32 = u32::MAX;

/// What a cell sums: a bucket, and the ids of the names by which is grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct CellKey {
    bucket: u32,
    ids: [u32; 3],
}

/// One range of rows to sum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    /// What the rows stand for.
    pub(super) rows: Rows,
    /// The only level of a roll-up that counts, where the rows are of several.
    pub(super) level: Option<i8>,
    /// The first instant that counts …
    pub(super) from_us: i64,
    /// … and the first after it that does not.
    pub(super) to_us: i64,
    /// The earliest and the latest instant of the rows.
    pub(super) span: (i64, i64),
}

impl Range {
    /// Whether all rows count.
    const fn is_whole(&self) -> bool {
        self.from_us <= self.span.0 && self.span.1 < self.to_us
    }

    /// The bucket in which all rows are, if it is one and all count.
    fn bucket(&self, finder: &Finder) -> Option<u32> {
        if !self.is_whole() {
            return None;
        }
        let first = finder.bucket(self.span.0);
        (first == finder.bucket(self.span.1)).then_some(first)
    }

    /// The columns that are needed of it.
    pub(super) fn projection(&self, shape: &Shape, finder: &Finder) -> Projection {
        let mut projection = Projection::default();
        if self.bucket(finder).is_none() {
            projection.add(self.rows.time_column());
        }
        if self.level.is_some() {
            projection.add("level");
        }
        for attribute in &shape.by {
            projection.add(attribute_column(attribute));
        }
        for filter in &shape.filters {
            projection.add(attribute_column(filter.attribute()));
        }
        for part in &shape.parts {
            self.rows.part_columns(part).into_iter().for_each(|column| projection.add(column));
        }
        if shape.spread {
            ["kind", "duration_us"].into_iter().for_each(|column| projection.add(column));
        }
        projection
    }
}

/// Sums batches, one after the other.
pub(super) struct Worker<'a> {
    shape: &'a Shape,
    /// Which groups are told apart, where not all are.
    only: Option<&'a Only>,
    finder: &'a Finder,
    bounds: Bounds,
    groups: Vec<GroupColumn>,
    filters: Vec<FilterColumn>,
    parts: Vec<PartColumn>,
    cells: HashMap<CellKey, u32>,
    keys: Vec<CellKey>,
    sums: Sums,
    spread: HashMap<(u32, u16), u64>,
    table: Table,
    places: Vec<u32>,
    keep: Vec<bool>,
}

/// The cells of places, where there are few enough.
#[derive(Debug, Default)]
struct Table {
    /// How many ids there is room for, by group column.
    strides: Vec<u32>,
    cells: Vec<u32>,
}

impl<'a> Worker<'a> {
    /// A worker that holds no more than `bounds` say.
    pub(super) fn new(
        shape: &'a Shape,
        only: Option<&'a Only>,
        finder: &'a Finder,
        bounds: Bounds,
    ) -> Self {
        let mut worker = Self {
            bounds,
            shape,
            only,
            finder,
            groups: shape.group_columns(only),
            filters: shape.filters.iter().cloned().map(FilterColumn::new).collect(),
            parts: shape.parts.iter().cloned().map(PartColumn::new).collect(),
            cells: HashMap::new(),
            keys: Vec::new(),
            sums: Sums::new(shape.parts.iter().map(Part::of_nothing).collect()),
            spread: HashMap::new(),
            table: Table::default(),
            places: Vec::new(),
            keep: Vec::new(),
        };
        worker.reset();
        worker
    }

    /// Forgets all sums.
    fn reset(&mut self) {
        self.cells.clear();
        self.keys.clear();
        self.keys.push(CellKey { bucket: u32::MAX, ids: [0; 3] });
        self.sums.clear();
        self.sums.push();
        self.spread.clear();
        self.table.cells.fill(UNKNOWN);
    }

    /// How many cells have sums.
    pub(super) fn len(&self) -> usize {
        self.keys.len() - 1
    }

    /// How many names were told apart.
    #[cfg(test)]
    pub(super) fn names(&self) -> usize {
        self.groups.iter().map(|group| group.names.ids() - 1).sum()
    }

    /// Adds the rows of `batch` that lie in `range`.
    pub(super) fn add(
        &mut self,
        batch: &RecordBatch,
        range: &Range,
        limit: &Limit<'_>,
    ) -> Result<(), AskError> {
        let rows = batch.num_rows();
        let mut filtered = Vec::new();
        for (index, filter) in self.filters.iter_mut().enumerate() {
            match filter.update(batch, limit)? {
                Passing::All => {}
                Passing::None => return Ok(()),
                Passing::Some => filtered.push(index),
            }
        }

        let constant = range.bucket(self.finder);
        let is_one = filtered.is_empty() && range.level.is_none() && self.groups.is_empty();
        if let (Some(bucket), true) = (constant, is_one) {
            let cell = self.cell(CellKey { bucket, ids: [0; 3] })?;
            return self.sum(batch, range.rows, CellsOf::One { cell, rows }, limit);
        }

        self.places.clear();
        self.keep.clear();
        self.keep.resize(rows, true);
        match constant {
            Some(bucket) => self.places.resize(rows, bucket),
            None => self.place_in_time(times(batch, range.rows)?, range),
        }
        let all_count = filtered.is_empty() && range.level.is_none() && range.is_whole();
        for index in filtered {
            self.filters[index].keep(batch, &mut self.keep)?;
        }
        if let Some(level) = range.level {
            let levels = levels(batch)?.iter();
            levels.zip(&mut self.keep).for_each(|(known, keep)| *keep &= *known == level);
        }
        self.name_groups(batch, all_count, limit)?;
        if self.fit_table() {
            self.place_by_table(batch)?;
        } else {
            self.place_by_hash(batch)?;
        }
        self.sum(batch, range.rows, CellsOf::Places, limit)
    }

    /// Numbers the names of the rows that count.
    fn name_groups(
        &mut self,
        batch: &RecordBatch,
        all_count: bool,
        limit: &Limit<'_>,
    ) -> Result<(), AskError> {
        let keep = (!all_count).then_some(self.keep.as_slice());
        for group in &mut self.groups {
            if !group.update(batch, keep, &self.bounds, limit)? {
                return Err(self.too_many());
            }
        }
        Ok(())
    }

    /// Puts the bucket of each row into its place.
    fn place_in_time(&mut self, times: &[i64], range: &Range) {
        let is_whole = range.is_whole();
        let bounds = self.finder.bounds();
        // Rows that follow each other are mostly of the same bucket.
        let (mut start, mut end, mut bucket) = (0, 0, 0);
        for (time, keep) in times.iter().zip(&mut self.keep) {
            if !(is_whole || (range.from_us..range.to_us).contains(time)) {
                *keep = false;
            } else if !(start <= *time && *time < end) {
                bucket = self.finder.bucket(*time);
                (start, end) = (bounds[bucket as usize], bounds[bucket as usize + 1]);
            }
            self.places.push(bucket);
        }
    }

    /// Makes the table large enough for all buckets and names, if it may be that large.
    fn fit_table(&mut self) -> bool {
        let fits = self.table.strides.len() == self.groups.len()
            && self
                .groups
                .iter()
                .zip(&self.table.strides)
                .all(|(group, stride)| group.names.ids() <= *stride as usize);
        if !fits {
            let stride = |group: &GroupColumn| (group.names.ids() + 1).next_power_of_two() as u32;
            self.table.strides = self.groups.iter().map(stride).collect();
            self.table.cells.clear();
        }
        let places = self
            .table
            .strides
            .iter()
            .try_fold(self.finder.len(), |places, stride| places.checked_mul(*stride as usize))
            .filter(|places| *places <= TABLE_MAX);
        match places {
            Some(places) => self.table.cells.resize(places, UNKNOWN),
            None => self.table.cells.clear(),
        }
        places.is_some()
    }

    /// Turns the bucket of each row into its cell.
    fn place_by_table(&mut self, batch: &RecordBatch) -> Result<(), AskError> {
        for (group, stride) in self.groups.iter().zip(&self.table.strides) {
            group.place(batch, *stride, &mut self.places)?;
        }
        let mut places = std::mem::take(&mut self.places);
        for (row, place) in places.iter_mut().enumerate() {
            if !self.keep[row] {
                *place = DROPPED;
                continue;
            }
            let known = self.table.cells[*place as usize];
            *place = if known == UNKNOWN { self.learn(*place)? } else { known };
        }
        self.places = places;
        Ok(())
    }

    /// Finds the cell of a place of the table for the first time.
    #[cold]
    fn learn(&mut self, place: u32) -> Result<u32, AskError> {
        let mut rest = place;
        let mut ids = [0; 3];
        for (index, stride) in self.table.strides.iter().enumerate().rev() {
            ids[index] = rest % stride;
            rest /= stride;
        }
        let cell = self.cell(CellKey { bucket: rest, ids })?;
        self.table.cells[place as usize] = cell;
        Ok(cell)
    }

    /// Turns the bucket of each row into its cell, when there are too many for a table.
    fn place_by_hash(&mut self, batch: &RecordBatch) -> Result<(), AskError> {
        let groups = std::mem::take(&mut self.groups);
        let mut places = std::mem::take(&mut self.places);
        let result = self.place_by_ids(&groups, batch, &mut places);
        self.groups = groups;
        self.places = places;
        result
    }

    fn place_by_ids(
        &mut self,
        groups: &[GroupColumn],
        batch: &RecordBatch,
        places: &mut [u32],
    ) -> Result<(), AskError> {
        let columns = groups.iter().map(|group| group.ids(batch)).collect::<Result<Vec<_>, _>>()?;
        let mut last = (CellKey { bucket: u32::MAX, ids: [0; 3] }, DROPPED);
        for (row, place) in places.iter_mut().enumerate() {
            if !self.keep[row] {
                *place = DROPPED;
                continue;
            }
            let mut key = CellKey { bucket: *place, ids: [0; 3] };
            for (id, column) in key.ids.iter_mut().zip(&columns) {
                *id = column.id(row);
            }
            if key != last.0 {
                last = (key, self.cell(key)?);
            }
            *place = last.1;
        }
        Ok(())
    }

    /// The cell of `key`.
    fn cell(&mut self, mut key: CellKey) -> Result<u32, AskError> {
        if let Some(only) = self.only
            && !self.is_told_apart(only, &key)
        {
            match only {
                Only::Share { .. } => return Ok(DROPPED),
                Only::Groups(_) => key.ids = FOLDED,
            }
        }
        if let Some(cell) = self.cells.get(&key) {
            return Ok(*cell);
        }
        if self.len() >= self.bounds.cells {
            return Err(self.too_many());
        }
        let cell = self.keys.len() as u32;
        self.cells.insert(key, cell);
        self.keys.push(key);
        self.sums.push();
        Ok(cell)
    }

    /// Whether the names of `key` are among those that are told apart.
    fn is_told_apart(&self, only: &Only, key: &CellKey) -> bool {
        match only {
            Only::Share { column, .. } => key.ids[*column] != REST,
            Only::Groups(groups) => groups.contains(&self.group_key(key)),
        }
    }

    fn group_key(&self, key: &CellKey) -> Key {
        self.groups.iter().zip(key.ids).map(|(group, id)| group.names.text(id).cloned()).collect()
    }

    /// The error of too many groups, which says where most names are.
    fn too_many(&self) -> AskError {
        let names = self.groups.iter().map(|group| group.names.ids()).enumerate();
        let widest = names.max_by_key(|(_, ids)| *ids).map_or(0, |(index, _)| index);
        AskError::TooManyGroups { widest }
    }

    fn sum(
        &mut self,
        batch: &RecordBatch,
        rows: Rows,
        cells: CellsOf,
        limit: &Limit<'_>,
    ) -> Result<(), AskError> {
        let cells = match cells {
            CellsOf::One { cell, rows } => Cells::One { cell, rows },
            CellsOf::Places => Cells::Each(&self.places),
        };
        for (index, part) in self.parts.iter_mut().enumerate() {
            part.add(batch, rows, cells, &mut self.sums.of(index), limit)?;
        }
        if self.shape.spread {
            let spread = &mut self.spread;
            each_latency(batch, |row, micros| {
                let cell = cells.of(row) as u32;
                if cell != DROPPED {
                    *spread.entry((cell, bucket_of(micros))).or_default() += 1;
                }
            })?;
            if spread.len() > SPREAD_MAX {
                return Err(self.too_many());
            }
        }
        Ok(())
    }

    /// The sums so far; the worker starts anew.
    pub(super) fn take(&mut self) -> Partial {
        let mut spread: Vec<_> = self.spread.iter().map(|(key, count)| (*key, *count)).collect();
        spread.sort_unstable();
        let mut spread = spread.chunk_by(|((one, _), _), ((two, _), _)| one == two).peekable();

        let mut groups: HashMap<[u32; 3], u32> = HashMap::new();
        let mut partial = Partial { groups: Vec::new(), cells: Vec::new(), sums: Vec::new() };
        for (cell, key) in self.keys.iter().enumerate().skip(1) {
            let group = *groups.entry(key.ids).or_insert_with(|| {
                let is_folded = matches!(self.only, Some(Only::Groups(_))) && key.ids == FOLDED;
                partial.groups.push(if is_folded {
                    Group::Other
                } else {
                    Group::Of(self.group_key(key))
                });
                partial.groups.len() as u32 - 1
            });
            let latencies = spread
                .next_if(|counts| counts[0].0.0 as usize == cell)
                .map(|counts| counts.iter().map(|((_, bucket), count)| (*bucket, *count)));
            partial.cells.push(PartialCell {
                starts_us: self.shape.every.map(|_| self.finder.bounds()[key.bucket as usize]),
                group,
                latencies: latencies.map(Latencies::from_counts).unwrap_or_default(),
            });
            partial.sums.extend(self.sums.of_cell(cell));
        }
        self.reset();
        partial
    }
}

/// Which rows belong to which cell, without borrowing the worker.
enum CellsOf {
    One { cell: u32, rows: usize },
    Places,
}

/// The sums of some of the rows, which can be kept for the next question of the same shape.
#[derive(Debug)]
pub(super) struct Partial {
    groups: Vec<Group>,
    cells: Vec<PartialCell>,
    /// For each cell, the sum of each part.
    sums: Vec<i128>,
}

#[derive(Debug)]
struct PartialCell {
    /// The start of the bucket, where there are several: its number depends on the question.
    starts_us: Option<i64>,
    group: u32,
    latencies: Latencies,
}

impl Partial {
    /// About how much memory it takes.
    pub(super) fn size_bytes(&self) -> usize {
        let latencies = |cell: &PartialCell| cell.latencies.counts().len() * 16;
        size_of::<Self>()
            + self.groups.iter().map(|group| names_bytes(group) + size_of::<Group>()).sum::<usize>()
            + self
                .cells
                .iter()
                .map(|cell| latencies(cell) + size_of::<PartialCell>())
                .sum::<usize>()
            + self.sums.len() * size_of::<i128>()
    }
}

/// Bytes of the names of a group.
fn names_bytes(group: &Group) -> usize {
    match group {
        Group::Of(key) => {
            let texts = key.iter().flatten().filter(|text| text.is_heap_allocated());
            size_of_val::<[_]>(key) + texts.map(|text| text.len()).sum::<usize>()
        }
        Group::Other => 0,
    }
}

/// Adds up partial sums.
pub(super) struct Merger<'a> {
    shape: &'a Shape,
    finder: &'a Finder,
    bounds: Bounds,
    groups: HashMap<Group, u32>,
    /// Bytes of their names.
    names_bytes: usize,
    cells: HashMap<(u32, u32), u32>,
    sums: Vec<i128>,
    latencies: Vec<Latencies>,
}

impl<'a> Merger<'a> {
    pub(super) fn new(shape: &'a Shape, finder: &'a Finder, bounds: Bounds) -> Self {
        Self {
            shape,
            finder,
            bounds,
            groups: HashMap::new(),
            names_bytes: 0,
            cells: HashMap::new(),
            sums: Vec::new(),
            latencies: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, partial: &Partial) -> Result<(), AskError> {
        let groups = partial.groups.iter().map(|group| self.group(group));
        let groups: Vec<u32> = groups.collect::<Result<_, _>>()?;
        let parts = self.shape.parts.len();
        self.cells.reserve(partial.cells.len());
        let mut last = (None, Some(0));
        for (index, cell) in partial.cells.iter().enumerate() {
            if cell.starts_us != last.0 {
                last = (cell.starts_us, cell.starts_us.and_then(|us| self.finder.starting(us)));
            }
            // A kept partial sum lies whole in the range, and so do its buckets.
            let Some(bucket) = last.1 else { continue };
            let next = self.cells.len() as u32;
            let at =
                *self.cells.entry((bucket, groups[cell.group as usize])).or_insert(next) as usize;
            if at == next as usize {
                if at >= self.bounds.cells {
                    return Err(self.too_many());
                }
                let nothing = self.shape.parts.iter().map(|part| i128::from(part.of_nothing()));
                self.sums.extend(nothing);
                self.latencies.push(Latencies::default());
            }
            let sums = &mut self.sums[at * parts..(at + 1) * parts];
            let more = &partial.sums[index * parts..];
            for ((part, sum), more) in self.shape.parts.iter().zip(sums).zip(more) {
                *sum = part.join(*sum, *more);
            }
            self.latencies[at].add(&cell.latencies);
        }
        Ok(())
    }

    /// The number of a group.
    fn group(&mut self, group: &Group) -> Result<u32, AskError> {
        if let Some(known) = self.groups.get(group) {
            return Ok(*known);
        }
        self.names_bytes += names_bytes(group);
        if self.groups.len() >= self.bounds.groups || self.names_bytes > self.bounds.names_bytes {
            return Err(self.too_many());
        }
        let number = self.groups.len() as u32;
        self.groups.insert(group.clone(), number);
        Ok(number)
    }

    /// The error of too many groups, which says where most names are.
    fn too_many(&self) -> AskError {
        let names = |index: usize| {
            let keys = self.groups.keys().filter_map(|group| match group {
                Group::Of(key) => key.get(index),
                Group::Other => None,
            });
            keys.collect::<HashSet<_>>().len()
        };
        let widest = (0..self.shape.by.len()).max_by_key(|index| names(*index)).unwrap_or(0);
        AskError::TooManyGroups { widest }
    }

    pub(super) fn finish(mut self) -> Tally {
        let parts: Vec<Part> = self.shape.parts.clone();
        let count = parts.len();
        let mut tally = Tally::new(parts, self.shape.spread);
        let mut groups: Vec<(Group, u32)> = self.groups.into_iter().collect();
        groups.sort_unstable_by_key(|(_, index)| *index);
        for (group, _) in groups {
            tally.add_group(group);
        }
        for ((bucket, group), at) in self.cells {
            let at = at as usize;
            let latencies = std::mem::take(&mut self.latencies[at]);
            tally.add_cell(bucket, group, &self.sums[at * count..(at + 1) * count], latencies);
        }
        tally
    }
}
