//! What an import answers at its end.

use std::process::ExitCode;
use std::time::Duration;

use outlay_domain::usage::question::Value;
use outlay_engine::figure_text::count_text;
use outlay_engine::import::{Report, RowRefusal};
use owo_colors::OwoColorize;
use serde::Serialize;

use super::note::write_line;
use super::progress::pace;
use crate::cli::Output;
use crate::cli::client::CliError;

/// Refusals that people are shown; programs get all that were kept.
const REFUSALS_SHOWN: usize = 20;

/// What became of everything.
#[derive(Debug, Serialize)]
pub struct Summary {
    dry_run: bool,
    accepted: u64,
    repeated: u64,
    refused: u64,
    left_out: u64,
    unpriced: u64,
    /// A decimal: the accepted rows' charges.
    spend: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revenue: Option<RevenueSummary>,
    #[serde(flatten)]
    kept: Kept,
    refusals: Vec<RowRefusal>,
    notes: Vec<String>,
    seconds: f64,
}

/// What is kept as it stands in the databases.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Kept {
    /// Budgets.
    #[serde(skip_serializing_if = "is_none")]
    pub budgets: u64,
    /// Runs over leads, by the name that the older system has for them.
    #[serde(skip_serializing_if = "is_none")]
    pub batches: u64,
}

// serde asks with a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

/// What became of payments.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct RevenueSummary {
    /// New ones.
    pub accepted: u64,
    /// Known ones.
    pub repeated: u64,
    /// Those that are none; the refusals name them.
    pub refused: u64,
}

impl RevenueSummary {
    /// Adds what became of some more payments.
    pub fn add(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.repeated += other.repeated;
        self.refused += other.refused;
    }
}

impl Summary {
    /// Sums up `report`.
    pub fn new(report: Report, notes: Vec<String>, elapsed: Duration, dry_run: bool) -> Self {
        Self {
            dry_run,
            accepted: report.accepted,
            repeated: report.repeated,
            refused: report.refused,
            left_out: report.left_out,
            unpriced: report.unpriced,
            spend: decimal(report.spend_nanos),
            revenue: None,
            kept: Kept::default(),
            refusals: report.refusals,
            notes,
            seconds: (elapsed.as_secs_f64() * 1_000.0).round() / 1_000.0,
        }
    }

    /// Adds what became of payments, and what is kept beside them.
    pub fn with(mut self, revenue: Option<RevenueSummary>, kept: Kept) -> Self {
        self.revenue = revenue;
        self.kept = kept;
        self
    }

    /// Writes the answer; the exit code is 1 where a row was refused.
    pub fn show(self, output: Output) -> Result<ExitCode, CliError> {
        if !output.is_json() {
            self.show_refusals();
        }
        output.show(&self, Self::text)?;
        let refused = self.refused + self.revenue.map_or(0, |revenue| revenue.refused);
        Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn show_refusals(&self) {
        for refusal in self.refusals.iter().take(REFUSALS_SHOWN) {
            write_line(&format!("{} {refusal}", "refused".red()));
        }
        if let Some(more) = self.more_refusals() {
            write_line(&more);
        }
    }

    /// How many rows were refused besides those that are shown, and where some of them stand.
    fn more_refusals(&self) -> Option<String> {
        let refused = self.refused + self.revenue.map_or(0, |revenue| revenue.refused);
        let shown = self.refusals.len().min(REFUSALS_SHOWN) as u64;
        let more = refused.saturating_sub(shown);
        let listed = self.refusals.len() as u64;
        let listed = match listed < refused {
            true => format!("the first {} of all", count_text(listed.into())),
            false => "them".to_owned(),
        };
        (more > 0).then(|| format!("… and {} more; --json lists {listed}", count_text(more.into())))
    }

    fn text(&self) -> String {
        let rows = self.accepted + self.repeated + self.refused + self.left_out;
        let elapsed = Duration::from_secs_f64(self.seconds);
        let mut lines = vec![format!(
            "{} in {:.1} s, {}",
            counted(rows, "row"),
            self.seconds,
            pace(rows, elapsed)
        )];
        let mut line = |name: &str, value: String| lines.push(format!("  {name:<10} {value:>14}"));
        line("accepted", count_text(self.accepted.into()));
        line("repeated", count_text(self.repeated.into()));
        line("refused", count_text(self.refused.into()));
        if self.left_out > 0 {
            line("left out", count_text(self.left_out.into()));
        }
        line("spend", self.spend.clone());
        if self.unpriced > 0 {
            line("unpriced", count_text(self.unpriced.into()));
        }
        if let Some(revenue) = self.revenue {
            lines.push(format!(
                "{} of revenue: {} new, {} known before, {} refused",
                counted(revenue.accepted + revenue.repeated + revenue.refused, "row"),
                count_text(revenue.accepted.into()),
                count_text(revenue.repeated.into()),
                count_text(revenue.refused.into())
            ));
        }
        for (number, one, many) in
            [(self.kept.budgets, "budget", "budgets"), (self.kept.batches, "batch", "batches")]
        {
            if number > 0 {
                let noun = if number == 1 { one } else { many };
                lines
                    .push(format!("{} {noun} kept as they stand there", count_text(number.into())));
            }
        }
        if self.dry_run {
            lines.push("nothing was sent: this was a dry run".to_owned());
        }
        lines.join("\n")
    }
}

/// A number and its noun.
pub fn counted(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count_text(number.into()))
}

/// An amount that may be beyond one event's range, as a decimal.
pub fn decimal(nanos: i128) -> String {
    Value::Amount { nanos }.text().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use outlay_engine::import::Place;

    use super::*;

    fn summary(refused: u64, kept: usize) -> Summary {
        let refusal = RowRefusal {
            row: Place::Line(1),
            code: "malformed".into(),
            field: "cost".into(),
            detail: "no".into(),
        };
        let report = Report { refused, refusals: vec![refusal; kept], ..Report::default() };
        Summary::new(report, Vec::new(), Duration::from_secs(1), false)
    }

    #[test]
    fn all_refused_rows_are_counted_although_not_all_are_kept() {
        let more = |refused, kept| summary(refused, kept).more_refusals();

        assert_eq!(more(20, 20), None);
        assert_eq!(more(25, 25).unwrap(), "… and 5 more; --json lists them");
        assert_eq!(
            more(3_990, 1_010).unwrap(),
            "… and 3,970 more; --json lists the first 1,010 of all"
        );
    }
}
