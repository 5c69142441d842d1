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

    /// Of two schemas with one name the description has only the later one, for both.
    #[test]
    fn no_two_schemas_share_a_name() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![folder];
        let mut names = std::collections::BTreeMap::<String, usize>::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(path).unwrap();
                let derived = text.split("#[derive(").skip(1);
                for after in derived.filter(|after| {
                    after.split(")]").next().is_some_and(|traits| traits.contains("ToSchema"))
                }) {
                    let mut words = after.split_whitespace();
                    words.find(|word| ["struct", "enum"].contains(word));
                    let name: String = words
                        .next()
                        .unwrap_or_default()
                        .chars()
                        .take_while(|letter| letter.is_alphanumeric())
                        .collect();
                    *names.entry(name).or_default() += 1;
                }
            }
        }
        assert!(names.len() > 50, "the schemas were found: {names:?}");
        names.retain(|_, count| *count > 1);
        assert_eq!(names, Default::default());
    }
}
