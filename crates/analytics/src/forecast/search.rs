//! Minimising a function of a few parameters without derivatives.

/// Nelder and Mead's simplex search (The Computer Journal 7, 1965) inside the unit box, from
/// `start`, with at most `evaluations` calls. Gives the best point seen and its value.
pub(super) fn minimise(
    start: &[f64],
    step: f64,
    evaluations: usize,
    mut value_at: impl FnMut(&[f64]) -> f64,
) -> (Vec<f64>, f64) {
    let mut value = |point: &[f64]| {
        let found = value_at(point);
        if found.is_nan() { f64::INFINITY } else { found }
    };
    let mut simplex = first_simplex(start, step, &mut value);
    let mut calls = simplex.len();
    while calls < evaluations && !start.is_empty() && !settled(&simplex) {
        calls += advance(&mut simplex, &mut value);
        simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
    }
    simplex.swap_remove(0)
}

type Corner = (Vec<f64>, f64);

fn first_simplex(start: &[f64], step: f64, value: &mut impl FnMut(&[f64]) -> f64) -> Vec<Corner> {
    let mut simplex = vec![(start.to_vec(), value(start))];
    for axis in 0..start.len() {
        let mut point = start.to_vec();
        point[axis] += if point[axis] + step <= 1.0 { step } else { -step };
        let found = value(&point);
        simplex.push((point, found));
    }
    simplex.sort_by(|a, b| a.1.total_cmp(&b.1));
    simplex
}

/// The sum of squares need not be known better than this to choose a forecast.
fn settled(simplex: &[Corner]) -> bool {
    let (best, worst) = (simplex[0].1, simplex[simplex.len() - 1].1);
    (worst - best).abs() <= 1e-7 * (best.abs() + 1e-12)
}

/// One move of the worst corner; says how many evaluations it took.
fn advance(simplex: &mut [Corner], value: &mut impl FnMut(&[f64]) -> f64) -> usize {
    let last = simplex.len() - 1;
    let centre = centre(&simplex[..last]);
    let mut probe = |distance: f64, simplex: &[Corner]| {
        let point: Vec<f64> = centre
            .iter()
            .zip(&simplex[last].0)
            .map(|(middle, worst)| (middle + distance * (middle - worst)).clamp(0.0, 1.0))
            .collect();
        let found = value(&point);
        (point, found)
    };
    let reflected = probe(1.0, simplex);
    if reflected.1 < simplex[0].1 {
        let expanded = probe(2.0, simplex);
        simplex[last] = if expanded.1 < reflected.1 { expanded } else { reflected };
        return 2;
    }
    if reflected.1 < simplex[last - 1].1 {
        simplex[last] = reflected;
        return 1;
    }
    let contracted = probe(if reflected.1 < simplex[last].1 { 0.5 } else { -0.5 }, simplex);
    if contracted.1 < simplex[last].1.min(reflected.1) {
        simplex[last] = contracted;
        return 2;
    }
    shrink(simplex, value);
    2 + last
}

fn centre(corners: &[Corner]) -> Vec<f64> {
    let mut centre = vec![0.0; corners[0].0.len()];
    for (point, _) in corners {
        for (sum, coordinate) in centre.iter_mut().zip(point) {
            *sum += coordinate / corners.len() as f64;
        }
    }
    centre
}

fn shrink(simplex: &mut [Corner], value: &mut impl FnMut(&[f64]) -> f64) {
    let (best, others) = simplex.split_at_mut(1);
    for (point, found) in others {
        for (coordinate, goal) in point.iter_mut().zip(&best[0].0) {
            *coordinate = 0.5 * (*coordinate + goal);
        }
        *found = value(point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_point_of_a_bowl_is_found() {
        let (point, value) = minimise(&[0.5, 0.5, 0.5], 0.2, 400, |x| {
            (x[0] - 0.2).powi(2) + (x[1] - 0.8).powi(2) * 5.0 + (x[2] - 0.4).powi(2) + 1.0
        });

        assert!((value - 1.0).abs() < 1e-5);
        assert!((point[0] - 0.2).abs() < 1e-2);
    }

    #[test]
    fn the_search_stays_in_its_box() {
        let (point, _) = minimise(&[0.5], 0.2, 100, |x| -x[0]);

        assert!(point[0] <= 1.0 && point[0] > 0.95);
    }
}
