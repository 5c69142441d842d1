//! Exact sums of many integers into many cells, and their extremes.

/// Sums of cells, several for each.
///
/// They are kept in 64 bits as long as none can have grown beyond, which is nearly always, and
/// carried over into 128 bits before one could.
#[derive(Debug)]
pub(super) struct Sums {
    /// How many sums each cell has.
    width: usize,
    /// What each sum of a cell without values is; anything but zero belongs to an extreme.
    empty: Vec<i64>,
    /// The sums since the last carry, cell by cell.
    low: Vec<i64>,
    /// How large the low sums of each kind may have grown.
    grown: Vec<u64>,
    /// What was carried over; empty while nothing was.
    high: Vec<i128>,
}

impl Sums {
    pub(super) fn new(empty: Vec<i64>) -> Self {
        let width = empty.len();
        Self { width, empty, low: Vec::new(), grown: vec![0; width], high: Vec::new() }
    }

    /// Removes all cells.
    pub(super) fn clear(&mut self) {
        self.low.clear();
        self.high.clear();
        self.grown.fill(0);
    }

    /// Adds a cell.
    pub(super) fn push(&mut self) {
        self.low.extend_from_slice(&self.empty);
        if !self.high.is_empty() {
            self.high.resize(self.low.len(), 0);
        }
    }

    /// The sums of one kind.
    pub(super) fn of(&mut self, kind: usize) -> SumsOf<'_> {
        SumsOf { sums: self, kind }
    }

    /// The sums of a cell.
    pub(super) fn of_cell(&self, cell: usize) -> impl Iterator<Item = i128> {
        let range = cell * self.width..(cell + 1) * self.width;
        let high = self.high.get(range.clone()).unwrap_or_default();
        let low = &self.low[range];
        (0..self.width)
            .map(move |kind| i128::from(low[kind]) + high.get(kind).copied().unwrap_or_default())
    }

    fn carry(&mut self) {
        self.high.resize(self.low.len(), 0);
        let is_sum = self.empty.iter().map(|empty| *empty == 0).cycle();
        for ((high, low), is_sum) in self.high.iter_mut().zip(&mut self.low).zip(is_sum) {
            if is_sum {
                *high += i128::from(std::mem::take(low));
            }
        }
        self.grown.fill(0);
    }
}

/// The sums of one kind, of all cells.
pub(super) struct SumsOf<'a> {
    sums: &'a mut Sums,
    kind: usize,
}

impl SumsOf<'_> {
    /// Lets `count` values be added to the low sums of which none is further than `largest` from
    /// nothing. `None` when they might not fit even then.
    pub(super) fn low(&mut self, largest: u64, count: usize) -> Option<LowSums<'_>> {
        let growth = largest.checked_mul(count as u64).filter(|growth| *growth <= MAX)?;
        if self.sums.grown[self.kind] + growth > MAX {
            self.sums.carry();
        }
        self.sums.grown[self.kind] += growth;
        let width = self.sums.width;
        Some(LowSums { sums: &mut self.sums.low[self.kind..], width })
    }

    /// Takes a value into the extreme of its cell.
    #[inline]
    pub(super) fn extend(&mut self, cell: usize, value: i64) {
        let extreme = &mut self.sums.low[cell * self.sums.width + self.kind];
        *extreme = match self.sums.empty[self.kind] {
            i64::MAX => value.min(*extreme),
            _ => value.max(*extreme),
        };
    }

    /// Adds a value of any size.
    pub(super) fn add(&mut self, cell: usize, value: i128) {
        if self.sums.high.is_empty() {
            self.sums.high.resize(self.sums.low.len(), 0);
        }
        self.sums.high[cell * self.sums.width + self.kind] += value;
    }
}

/// The furthest that a low sum may be from nothing.
const MAX: u64 = i64::MAX as u64;

/// Sums to which small values are added quickly.
pub(super) struct LowSums<'a> {
    sums: &'a mut [i64],
    width: usize,
}

impl LowSums<'_> {
    #[inline]
    pub(super) fn add(&mut self, cell: usize, value: i64) {
        let sum = &mut self.sums[cell * self.width];
        *sum = sum.wrapping_add(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_beyond_64_bits_are_exact() {
        let mut sums = Sums::new(vec![0, 0]);
        sums.push();
        sums.push();
        for _ in 0..10 {
            let mut of = sums.of(1);
            let mut low = of.low(i64::MAX.unsigned_abs(), 1).expect("one value always fits");
            low.add(1, i64::MAX);
            assert!(of.low(i64::MAX.unsigned_abs(), 2).is_none());
            of.add(0, i128::from(i64::MIN));
        }
        sums.push();

        let of_cell = |cell| sums.of_cell(cell).collect::<Vec<_>>();
        assert_eq!(of_cell(0), [0, i128::from(i64::MIN) * 10]);
        assert_eq!(of_cell(1), [0, i128::from(i64::MAX) * 10]);
        assert_eq!(of_cell(2), [0, 0]);
    }

    #[test]
    fn extremes_outlive_a_carry() {
        let mut sums = Sums::new(vec![0, i64::MAX, i64::MIN]);
        sums.push();
        sums.push();
        for value in [7, -3, 5] {
            sums.of(0).low(i64::MAX.unsigned_abs(), 1).expect("one fits").add(1, value);
            sums.of(1).extend(1, value);
            sums.of(2).extend(1, value);
        }

        assert_eq!(sums.of_cell(1).collect::<Vec<_>>(), [9, -3, 7]);
        assert_eq!(sums.of_cell(0).nth(1), Some(i128::from(i64::MAX)));
    }
}
