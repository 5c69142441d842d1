//! Power at single frequencies, and autocorrelations.

use std::f64::consts::{PI, TAU};

/// Power of `values` at `bin` cycles over their whole length (Goertzel 1958).
pub(crate) fn power(values: &[f64], bin: usize) -> f64 {
    let angle = TAU * bin as f64 / values.len().max(1) as f64;
    let twice = 2.0 * angle.cos();
    let (mut last, mut before) = (0.0, 0.0);
    for value in values {
        let next = value + twice * last - before;
        before = last;
        last = next;
    }
    (last * last + before * before - twice * last * before).max(0.0)
}

/// Autocorrelations at lags `0..lags` about the mean, by the Fourier transform; lag 0 is 1. Zeros
/// for a series without variance.
pub fn autocorrelations(values: &[f64], lags: usize) -> Vec<f64> {
    let lags = lags.min(values.len());
    let center = crate::robust::mean(values);
    let size = (values.len() + lags).next_power_of_two();
    let mut real = vec![0.0; size];
    for (slot, value) in real.iter_mut().zip(values) {
        *slot = value - center;
    }
    let mut imaginary = vec![0.0; size];
    transform(&mut real, &mut imaginary);
    for (re, im) in real.iter_mut().zip(imaginary.iter_mut()) {
        *re = *re * *re + *im * *im;
        *im = 0.0;
    }
    transform(&mut real, &mut imaginary);
    let whole = real[0];
    if !(whole > 0.0 && whole.is_finite()) {
        return vec![0.0; lags];
    }
    real[..lags].iter().map(|sum| sum / whole).collect()
}

/// Fast Fourier transform in place; the length is a power of two.
fn transform(real: &mut [f64], imaginary: &mut [f64]) {
    let size = real.len();
    if size < 2 {
        return;
    }
    let bits = size.trailing_zeros();
    for i in 0..size {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if j > i {
            real.swap(i, j);
            imaginary.swap(i, j);
        }
    }
    let turns: Vec<(f64, f64)> =
        (0..size / 2).map(|i| (-2.0 * PI * i as f64 / size as f64).sin_cos()).collect();
    let mut half = 1;
    while half < size {
        let stride = size / (2 * half);
        for start in (0..size).step_by(2 * half) {
            for i in 0..half {
                let (sin, cos) = turns[i * stride];
                let (a, b) = (start + i, start + i + half);
                let re = real[b] * cos - imaginary[b] * sin;
                let im = real[b] * sin + imaginary[b] * cos;
                real[b] = real[a] - re;
                imaginary[b] = imaginary[a] - im;
                real[a] += re;
                imaginary[a] += im;
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_has_its_power_at_its_frequency() {
        let wave: Vec<f64> = (0..60).map(|i| (TAU * i as f64 / 12.0).cos()).collect();

        assert!((power(&wave, 5) - 900.0).abs() < 1e-6);
        assert!(power(&wave, 4) < 1e-6);
    }

    #[test]
    fn autocorrelations_equal_their_sums() {
        let values: Vec<f64> = (0..37).map(|i| ((i * i * 31) % 17) as f64).collect();
        let center = crate::robust::mean(&values);
        let sum = |lag: usize| -> f64 {
            (lag..37).map(|i| (values[i] - center) * (values[i - lag] - center)).sum()
        };

        for (lag, ours) in autocorrelations(&values, 20).iter().enumerate() {
            assert!((ours - sum(lag) / sum(0)).abs() < 1e-9);
        }
        assert_eq!(autocorrelations(&[1.0; 5], 3), vec![0.0; 3]);
        assert!(autocorrelations(&[], 3).is_empty());
    }
}
