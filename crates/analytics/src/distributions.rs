//! The few distributions that tests of significance need.
//!
//! Normal (tail and quantile), Student's t, F and chi-squared, by the incomplete beta and gamma
//! functions. Accurate to about 1e-10, which is far more than a p-value deserves.

use std::f64::consts::PI;

/// Natural logarithm of the gamma function for `x > 0` (Lanczos 1964, g = 7, nine terms).
pub fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (PI / (PI * x).sin()).abs().ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let base = x + 7.5;
    let sum = TERMS
        .iter()
        .enumerate()
        .fold(0.999_999_999_999_809_9, |sum, (i, term)| sum + term / (x + i as f64 + 1.0));
    0.5 * (2.0 * PI).ln() + (x + 0.5) * base.ln() - base + sum.ln()
}

/// Regularised lower incomplete gamma function `P(a, x)`.
pub fn gamma_lower(a: f64, x: f64) -> f64 {
    if !(x > 0.0) || !(a > 0.0) {
        return 0.0;
    }
    if x.is_infinite() {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for i in 1..500 {
            term *= x / (a + i as f64);
            sum += term;
            if term < sum * 1e-16 {
                break;
            }
        }
        return (front * sum).min(1.0);
    }
    1.0 - front * gamma_fraction(a, x)
}

/// Regularised upper incomplete gamma function `1 - P(a, x)`, precise far in the tail.
pub fn gamma_upper(a: f64, x: f64) -> f64 {
    if !(x > 0.0) || !(a > 0.0) {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    if x < a + 1.0 {
        return 1.0 - gamma_lower(a, x);
    }
    (a * x.ln() - x - ln_gamma(a)).exp() * gamma_fraction(a, x)
}

/// The continued fraction of the upper incomplete gamma function, by Lentz's method.
fn gamma_fraction(a: f64, x: f64) -> f64 {
    let tiny = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / tiny;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..500 {
        let an = -(i as f64) * (i as f64 - a);
        b += 2.0;
        d = an * d + b;
        if d.abs() < tiny {
            d = tiny;
        }
        c = b + an / c;
        if c.abs() < tiny {
            c = tiny;
        }
        d = 1.0 / d;
        let delta = d * c;
        h *= delta;
        if (delta - 1.0).abs() < 1e-15 {
            break;
        }
    }
    h
}

/// Probability that a standard normal variable lies above `z`.
pub fn normal_upper(z: f64) -> f64 {
    if z.is_nan() {
        return f64::NAN;
    }
    let tail = 0.5 * gamma_upper(0.5, z * z / 2.0);
    if z >= 0.0 { tail } else { 1.0 - tail }
}

/// Probability that a standard normal variable lies further from zero than `z`, either side.
pub fn normal_two_sided(z: f64) -> f64 {
    if z.is_nan() { f64::NAN } else { gamma_upper(0.5, z * z / 2.0) }
}

/// The `z` with `p` of the standard normal below it (Acklam's rational start, one Halley step).
pub fn normal_quantile(p: f64) -> f64 {
    if p.is_nan() {
        return f64::NAN;
    }
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    let lower = p.min(1.0 - p);
    // Hastings' tail approximation is a start within 4.5e-4; Newton on the log of the tail ends it.
    let t = (-2.0 * lower.ln()).sqrt();
    let mut z = t
        - (2.515_517 + 0.802_853 * t + 0.010_328 * t * t)
            / (1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t);
    for _ in 0..3 {
        let tail = normal_upper(z);
        let density = (-z * z / 2.0).exp() / (2.0 * PI).sqrt();
        if !(density > 0.0 && tail > 0.0) {
            break;
        }
        let error = (tail - lower) / density;
        z += error / (1.0 - z * error / 2.0);
    }
    if p < 0.5 { -z } else { z }
}

/// Regularised incomplete beta function `I_x(a, b)`.
pub fn beta_regularised(x: f64, a: f64, b: f64) -> f64 {
    if !(x > 0.0) {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front =
        (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(1.0 - x, b, a) / b
    }
}

fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    let tiny = 1e-300;
    let guard = |value: f64| if value.abs() < tiny { tiny } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for i in 1..300 {
        let m = i as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / guard(1.0 + even * d);
        c = guard(1.0 + even / c);
        h *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / guard(1.0 + odd * d);
        c = guard(1.0 + odd / c);
        let delta = d * c;
        h *= delta;
        if (delta - 1.0).abs() < 1e-15 {
            break;
        }
    }
    h
}

/// Probability that an F variable with `d1` and `d2` degrees of freedom exceeds `x`.
pub fn f_upper(x: f64, d1: f64, d2: f64) -> f64 {
    if !(x > 0.0) {
        return 1.0;
    }
    beta_regularised(d2 / (d2 + d1 * x), d2 / 2.0, d1 / 2.0)
}

/// Probability that a chi-squared variable with `degrees` of freedom exceeds `x`.
pub fn chi_squared_upper(x: f64, degrees: f64) -> f64 {
    gamma_upper(degrees / 2.0, x / 2.0)
}

/// Probability that Student's t with `degrees` of freedom lies further from zero than `t`.
pub fn student_two_sided(t: f64, degrees: f64) -> f64 {
    beta_regularised(degrees / (degrees + t * t), degrees / 2.0, 0.5)
}

/// The `t > 0` that Student's t with `degrees` of freedom exceeds in size with probability `p`.
pub fn student_two_sided_quantile(p: f64, degrees: f64) -> f64 {
    let p = p.clamp(1e-15, 1.0);
    let (mut low, mut high) = (0.0, 1.0);
    while student_two_sided(high, degrees) > p && high < 1e12 {
        high *= 2.0;
    }
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if student_two_sided(middle, degrees) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64) {
        assert!((left - right).abs() <= 1e-9 * right.abs().max(1e-6), "{left} is not {right}");
    }

    // Figures of scipy.stats; with two degrees above, F's tail is `(1 + 2x/d2)^(-d2/2)`.
    #[test]
    fn tails_agree_with_scipy() {
        near(normal_upper(1.96), 0.024_997_895_148_220_435);
        near(normal_upper(-1.0), 0.841_344_746_068_542_9);
        near(normal_upper(6.0), 9.865_876_450_376_946e-10);
        near(normal_two_sided(3.0), 0.002_699_796_063_260_188_5);
        near(f_upper(3.5, 2.0, 20.0), 1.35f64.powi(-10));
        near(chi_squared_upper(7.814_727_903_251_178, 3.0), 0.05);
        near(student_two_sided(2.228_138_851_964_938_5, 10.0), 0.05);
    }

    #[test]
    fn the_normal_quantile_undoes_the_tail() {
        for p in [1e-12, 1e-4, 0.025, 0.2, 0.5, 0.9, 0.975, 0.999_9] {
            near(1.0 - normal_upper(normal_quantile(p)), p);
        }
        near(normal_quantile(0.975), 1.959_963_984_540_054);
        assert!(normal_quantile(0.0).is_infinite());
    }

    #[test]
    fn the_student_quantile_undoes_the_tail() {
        near(student_two_sided_quantile(0.05, 10.0), 2.228_138_851_964_938_5);
        near(student_two_sided_quantile(0.01, 3.0), 5.840_909_309_733_355);
    }
}
