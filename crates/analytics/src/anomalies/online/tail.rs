//! How far out an answer must lie to be rare, learnt from the answers so far.

/// The distribution of an answer, in bins of equal ratio, and the limit that follows from it.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    /// Weight of answers that are zero or tiny, then of each bin.
    bins: Vec<f32>,
    pub whole: f64,
    pub limit: f64,
    added: usize,
}

const BIN_RATIO_LN: f64 = 0.1;
/// Binary exponent range that is told apart: `e^-28 ..= e^28`.
const BIN_RANGE_LN: f64 = 28.0;
/// The tail begins where this share of the weight lies above.
const TAIL_SHARE: f64 = 0.02;
/// Answers before a limit is trusted, and between its updates.
const UPDATE: usize = 8;
/// Answers remembered, about.
const MEMORY: f64 = 10_000.0;

impl Default for Tail {
    fn default() -> Self {
        let bins = 2 + (2.0 * BIN_RANGE_LN / BIN_RATIO_LN) as usize;
        Self { bins: vec![0.0; bins], whole: 0.0, limit: 0.0, added: 0 }
    }
}

impl Tail {
    pub fn add(&mut self, answer: f64, rate: f64) {
        let bin = if answer > 0.0 {
            let place = (answer.ln() + BIN_RANGE_LN) / BIN_RATIO_LN;
            1 + (place.max(0.0) as usize).min(self.bins.len() - 2)
        } else {
            0
        };
        self.bins[bin] += 1.0;
        self.whole += 1.0;
        self.added += 1;
        if self.whole > MEMORY {
            self.bins.iter_mut().for_each(|weight| *weight *= 0.5);
            self.whole *= 0.5;
        }
        let every = if self.added < 1000 { UPDATE } else { 4 * UPDATE };
        if self.added.is_multiple_of(every) {
            self.limit = self.quantile(rate);
        }
    }

    fn center(bin: usize) -> f64 {
        if bin == 0 { 0.0 } else { ((bin as f64 - 0.5) * BIN_RATIO_LN - BIN_RANGE_LN).exp() }
    }

    /// The answer that is exceeded with the chance `rate`.
    fn quantile(&self, rate: f64) -> f64 {
        let mut above = 0.0;
        let (mut sum, mut squares) = (0.0, 0.0);
        let mut start = 0.0;
        for bin in (0..self.bins.len()).rev() {
            let weight = f64::from(self.bins[bin]);
            if weight > 0.0 && above + weight > TAIL_SHARE * self.whole && above > 0.0 {
                start = Self::center(bin);
                break;
            }
            above += weight;
            sum += weight * Self::center(bin);
            squares += weight * Self::center(bin).powi(2);
            start = Self::center(bin);
        }
        if !(above > 0.0) {
            return 0.0;
        }
        let excess = (sum / above - start).max(0.0);
        let variance = (squares / above - (sum / above).powi(2)).max(1e-300);
        // Moments of the generalised Pareto distribution, kept between exponential and heavy.
        let ratio = excess * excess / variance;
        let shape = (0.5 * (1.0 - ratio)).clamp(0.05, 0.4);
        let scale = excess * (1.0 - shape);
        let part = (above / self.whole / rate.max(1e-12)).max(1.0);
        start + scale / shape * (part.powf(shape) - 1.0)
    }
}
