//! `outlay openapi`: the API's description.

use std::process::ExitCode;

use super::client::CliError;

/// Prints the OpenAPI document. It is part of the program, and needs no server.
pub fn run() -> Result<ExitCode, CliError> {
    println!("{}", document()?);
    Ok(ExitCode::SUCCESS)
}

/// The document as it stands in `docs/reference`.
fn document() -> Result<String, CliError> {
    crate::api::document().to_pretty_json().map_err(|error| CliError::Failed(error.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/openapi.json");

    #[test]
    fn the_kept_document_is_what_the_code_says() {
        let kept = std::fs::read_to_string(KEPT).unwrap();

        assert!(kept.trim_end() == document().unwrap(), "run `make openapi`");
    }
}
