//! What an import tells people beside its counts.

use std::io::Write;

use indicatif::ProgressBar;
use owo_colors::OwoColorize;

/// Writes notes to standard error, above a progress bar where there is one, and keeps them for
/// the report.
#[derive(Debug, Default)]
pub struct Notes {
    kept: Vec<String>,
}

impl Notes {
    /// Tells `note`.
    pub fn tell(&mut self, note: impl Into<String>, bar: Option<&ProgressBar>) {
        let note = note.into();
        let line = format!("{} {note}", "note:".cyan().bold());
        match bar {
            Some(bar) => bar.suspend(|| write_line(&line)),
            None => write_line(&line),
        }
        self.kept.push(note);
    }

    /// All notes.
    pub fn into_kept(self) -> Vec<String> {
        self.kept
    }
}

/// Writes a line to standard error.
pub fn write_line(line: &str) {
    // Nothing can be done about a standard error that takes no text.
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}
