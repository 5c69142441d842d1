//! How commands write: tables and sentences for people, JSON for programs.

use std::io::Write;

use owo_colors::OwoColorize;
use serde::Serialize;

use super::client::CliError;

/// Where a command's answer goes.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// JSON where asked for, text elsewhere.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read the answer.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Writes `value` as JSON, or what `text` makes of it.
    pub fn show<T: Serialize>(
        self,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), CliError> {
        let written = if self.json {
            serde_json::to_string_pretty(value)
                .map_err(|error| CliError::Failed(error.to_string()))?
        } else {
            text(value)
        };
        let mut stdout = anstream::stdout().lock();
        match writeln!(stdout, "{}", written.trim_end()) {
            // A reader such as `head` that has seen enough is no failure.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => Ok(written?),
        }
    }
}

/// Rows under bold heads, numbers to the right where `right` says so.
pub fn table(heads: &[&str], rows: Vec<Vec<String>>, right: &[usize]) -> String {
    use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heads.iter().map(|head| Cell::new(head).add_attribute(Attribute::Bold)));
    table.add_rows(rows);
    for &column in right {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// Writes an error to standard error.
pub fn error(error: &CliError) {
    let mut stderr = anstream::stderr().lock();
    // Nothing can be done about a standard error that takes no text.
    let _ = writeln!(stderr, "{} {error}", "error:".red().bold());
}

/// Writes a warning to standard error.
pub fn warn(text: &str) {
    let mut stderr = anstream::stderr().lock();
    // As above.
    let _ = writeln!(stderr, "{} {text}", "warning:".yellow().bold());
}
