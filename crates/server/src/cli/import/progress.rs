//! How far an import is, for people who wait for it.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use outlay_engine::figure_text::count_text;

/// What is counted towards the end.
#[derive(Debug, Clone, Copy)]
pub enum Measure {
    /// Bytes of a file.
    Bytes(Option<u64>),
    /// Rows of databases.
    Rows,
}

/// A bar on a terminal; nothing where programs read along.
pub fn bar(measure: Measure, quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match measure {
        Measure::Bytes(Some(size)) => {
            (ProgressBar::new(size), "{bar:30.cyan/dim} {bytes}/{total_bytes}  {msg}  {eta} left")
        }
        Measure::Bytes(None) => (ProgressBar::new_spinner(), "{spinner} {bytes}  {msg}"),
        Measure::Rows => (
            ProgressBar::no_length(),
            "{bar:30.cyan/dim} {human_pos}/{human_len} rows  {msg}  {eta} left",
        ),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Rows a second, in words.
pub fn pace(rows: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let pace = (rows as f64 / seconds) as u64;
    format!("{} rows/s", count_text(pace.into()))
}
