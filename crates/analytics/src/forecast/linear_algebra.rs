//! Symmetric positive systems and the Gram matrices of lagged series.

/// A square matrix by rows.
#[derive(Clone, Debug)]
pub(super) struct Square {
    pub(super) size: usize,
    cells: Vec<f64>,
}

impl Square {
    pub(super) fn zeros(size: usize) -> Self {
        Self { size, cells: vec![0.0; size * size] }
    }

    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        self.cells[row * self.size + column]
    }

    pub(super) fn set(&mut self, row: usize, column: usize, value: f64) {
        self.cells[row * self.size + column] = value;
    }

    pub(super) fn row(&self, row: usize) -> &[f64] {
        &self.cells[row * self.size..(row + 1) * self.size]
    }

    pub(super) fn add(&mut self, other: &Self, factor: f64) {
        for (cell, more) in self.cells.iter_mut().zip(&other.cells) {
            *cell += factor * more;
        }
    }

    /// The rows and columns from `first` on.
    pub(super) fn from(&self, first: usize) -> Self {
        let mut rest = Self::zeros(self.size - first);
        for row in 0..rest.size {
            let from = &self.row(row + first)[first..];
            rest.cells[row * (self.size - first)..][..from.len()].copy_from_slice(from);
        }
        rest
    }
}

/// Solves `(matrix + diag(ridge)) x = right` by Cholesky's factorisation; `None` where the matrix
/// is not safely positive definite.
pub(super) fn solve(matrix: &Square, ridge: &[f64], right: &[f64]) -> Option<Vec<f64>> {
    let factor = cholesky(matrix, ridge)?;
    let solution = backward(&factor, forward(&factor, right));
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

fn cholesky(matrix: &Square, ridge: &[f64]) -> Option<Square> {
    let mut factor = Square::zeros(matrix.size);
    for (row, &ridge) in ridge.iter().enumerate().take(matrix.size) {
        for column in 0..=row {
            let known = dot(&factor.row(row)[..column], &factor.row(column)[..column]);
            if row == column {
                let pivot = matrix.at(row, row) + ridge;
                let rest = pivot - known;
                // A pivot lost to rounding would blow up everything after it.
                if rest.is_nan() || rest <= pivot * 1e-12 {
                    return None;
                }
                factor.set(row, row, rest.sqrt());
            } else {
                let value = (matrix.at(row, column) - known) / factor.at(column, column);
                factor.set(row, column, value);
            }
        }
    }
    Some(factor)
}

fn forward(factor: &Square, right: &[f64]) -> Vec<f64> {
    let mut solution = right.to_vec();
    for row in 0..factor.size {
        let known = dot(&factor.row(row)[..row], &solution[..row]);
        solution[row] = (solution[row] - known) / factor.at(row, row);
    }
    solution
}

fn backward(factor: &Square, mut solution: Vec<f64>) -> Vec<f64> {
    for row in (0..factor.size).rev() {
        solution[row] /= factor.at(row, row);
        let value = solution[row];
        for (above, weight) in solution[..row].iter_mut().zip(factor.row(row)) {
            *above -= value * weight;
        }
    }
    solution
}

/// Four sums at once, so that additions need not wait for each other.
pub(super) fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (fours, tail) = left.as_chunks::<4>();
    let (others, other_tail) = right.as_chunks::<4>();
    for (four, other) in fours.iter().zip(others) {
        for lane in 0..4 {
            sums[lane] += four[lane] * other[lane];
        }
    }
    let rest: f64 = tail.iter().zip(other_tail).map(|(a, b)| a * b).sum();
    rest + sums.iter().sum::<f64>()
}

/// Sums of products of a series with itself at every pair of lags from 0 to `longest`:
/// `cell(a, b) = Σ_t y[t−a]·y[t−b]` over `t = longest..n`.
///
/// One row costs `n·longest`; each further cell follows from its upper left neighbour by one term
/// that enters and one that leaves (the covariance method of linear prediction).
pub(super) fn lag_gram(series: &[f64], longest: usize) -> Square {
    let mut gram = Square::zeros(longest + 1);
    let n = series.len();
    if n <= longest {
        return gram;
    }
    for lag in 0..=longest {
        let value = dot(&series[longest..], &series[longest - lag..n - lag]);
        gram.set(0, lag, value);
        gram.set(lag, 0, value);
    }
    for a in 1..=longest {
        for b in a..=longest {
            let enters = series[longest - a] * series[longest - b];
            let leaves = series[n - a] * series[n - b];
            let value = gram.at(a - 1, b - 1) + enters - leaves;
            gram.set(a, b, value);
            gram.set(b, a, value);
        }
    }
    gram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gram_of_lags_equals_its_definition() {
        let series: Vec<f64> = (0..40).map(|t| ((t * t) % 17) as f64 - 5.0).collect();

        let gram = lag_gram(&series, 6);

        for a in 0..=6 {
            for b in 0..=6 {
                let direct: f64 = (6..40).map(|t| series[t - a] * series[t - b]).sum();
                assert!((gram.at(a, b) - direct).abs() < 1e-9, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_solved_system_gives_back_its_right_side() {
        let series: Vec<f64> = (0..60).map(|t| ((t * 7) % 23) as f64).collect();
        let matrix = lag_gram(&series, 5).from(1);
        let right = [1.0, -2.0, 3.0, 0.5, 0.0];

        let solution = solve(&matrix, &[0.1; 5], &right).expect("positive definite");

        for row in 0..5 {
            let value = dot(matrix.row(row), &solution) + 0.1 * solution[row];
            assert!((value - right[row]).abs() < 1e-8);
        }
    }

    #[test]
    fn a_singular_system_has_no_solution() {
        assert!(solve(&Square::zeros(3), &[0.0; 3], &[1.0; 3]).is_none());
    }
}
