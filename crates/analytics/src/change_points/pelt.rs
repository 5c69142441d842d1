//! PELT with squared deviations from the mean: the plain procedure.

/// The best places to cut `values`: those that make the least of `Σ (squared deviations from the
/// mean of each segment) + penalty · (number of changes)`, with segments of at least
/// `segment_min` points. Exact, in linear time where changes are many
/// (Killick, Fearnhead & Eckley 2012, *Optimal Detection of Changepoints With a Linear
/// Computational Cost*). Each place is the index of the first point of a segment.
pub fn pelt(values: &[f64], penalty: f64, segment_min: usize) -> Vec<usize> {
    let values = crate::robust::fill_gaps(values);
    let count = values.len();
    let segment_min = segment_min.max(1);
    if count < 2 * segment_min {
        return Vec::new();
    }
    let sums = Sums::new(&values);
    let mut best = vec![f64::INFINITY; count + 1];
    let mut cut = vec![0usize; count + 1];
    best[0] = -penalty;
    // Each start with the end from which on it can no longer win.
    let mut starts: Vec<(usize, usize)> = Vec::new();
    for end in segment_min..=count {
        let start = end - segment_min;
        if best[start].is_finite() {
            starts.push((start, usize::MAX));
        }
        starts.retain(|(_, expires)| *expires > end);
        for (start, _) in &starts {
            let cost = best[*start] + sums.cost(*start, end) + penalty;
            if cost < best[end] {
                best[end] = cost;
                cut[end] = *start;
            }
        }
        // A start that loses even without paying for the change loses for good, once a segment
        // that starts here is long enough.
        for (start, expires) in &mut starts {
            if best[*start] + sums.cost(*start, end) > best[end] {
                *expires = (*expires).min(end + segment_min);
            }
        }
    }
    places(&cut, count)
}

fn places(cut: &[usize], count: usize) -> Vec<usize> {
    let mut places = Vec::new();
    let mut end = count;
    while end > 0 {
        end = cut[end];
        if end > 0 {
            places.push(end);
        }
    }
    places.reverse();
    places
}

/// Running sums of the centred values and of their squares.
struct Sums {
    values: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    fn new(values: &[f64]) -> Self {
        let center = crate::robust::mean(values);
        let (mut sum, mut square) = (0.0, 0.0);
        let mut sums = Self { values: vec![0.0], squares: vec![0.0] };
        for value in values {
            sum += value - center;
            square += (value - center) * (value - center);
            sums.values.push(sum);
            sums.squares.push(square);
        }
        sums
    }

    fn cost(&self, from: usize, to: usize) -> f64 {
        let sum = self.values[to] - self.values[from];
        (self.squares[to] - self.squares[from] - sum * sum / (to - from) as f64).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> Vec<f64> {
        include_str!("../../tests/golden/pelt.csv")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.parse().unwrap())
            .collect()
    }

    /// The least total cost, by trying every start of every segment.
    fn least_cost(values: &[f64], penalty: f64, segment_min: usize) -> f64 {
        let sums = Sums::new(values);
        let mut best = vec![f64::INFINITY; values.len() + 1];
        best[0] = -penalty;
        for end in segment_min..=values.len() {
            best[end] = (0..=end - segment_min)
                .map(|start| best[start] + sums.cost(start, end) + penalty)
                .fold(f64::INFINITY, f64::min);
        }
        best[values.len()]
    }

    #[test]
    fn no_cuts_cost_less() {
        let values = golden();
        let sums = Sums::new(&values);
        for (segment_min, penalty) in [(1, 3.0), (2, 2.0), (7, 4.0), (20, 1.0), (33, 0.1)] {
            let mut edges = vec![0];
            edges.extend(pelt(&values, penalty, segment_min));
            edges.push(values.len());

            let cost: f64 = edges.windows(2).map(|edge| sums.cost(edge[0], edge[1])).sum();
            let total = cost + penalty * (edges.len() - 2) as f64;

            assert!((total - least_cost(&values, penalty, segment_min)).abs() < 1e-9);
        }
    }

    #[test]
    fn the_cuts_are_those_of_ruptures() {
        let values = golden();
        let expected: [(usize, f64, &[usize]); 3] = [
            (2, 5.0, &[41, 75, 118, 126, 137]),
            (7, 10.0, &[41, 75, 137]),
            (1, 3.0, &[2, 41, 67, 68, 75, 118, 126, 137, 149, 150, 157, 158, 184, 185]),
        ];
        for (segment_min, penalty, places) in expected {
            assert_eq!(pelt(&values, penalty, segment_min), places);
        }
    }

    #[test]
    fn any_input_is_cut() {
        let odd: [&[f64]; 5] =
            [&[], &[1.0], &[f64::NAN; 9], &[f64::MAX, f64::MIN, 1.0, f64::MAX], &[0.0; 30]];
        for values in odd {
            for segment_min in [0, 1, 2, 100] {
                let _ = pelt(values, 3.0, segment_min);
            }
        }
        assert!(pelt(&[2.0; 50], 1.0, 2).is_empty());
    }
}
