//! Why an import ended.

use crate::cli::client::CliError;

/// A failure of a command.
pub fn failed(error: &dyn std::error::Error) -> CliError {
    CliError::Failed(describe(error))
}

/// An error and its causes.
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
