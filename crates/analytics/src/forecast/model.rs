//! What every method is behind: fitted once, then asked from any origin.

/// Parameters learned from a series, able to forecast from any history of it.
///
/// Backtests fit on the part before their first origin and ask from each origin with these
/// parameters, so nothing of what is forecast has been seen, and a method pays for its search once.
pub(super) trait Model {
    /// `horizon` values after the end of `history`, which is never empty.
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64>;

    /// The same form fitted to more of the series, where that spares a search; `None` to start over.
    fn refit(&self, _series: &[f64]) -> Option<Box<dyn Model>> {
        None
    }

    /// The form and the parameters chosen, for people.
    fn describe(&self) -> String {
        String::new()
    }
}
