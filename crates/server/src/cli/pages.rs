//! Lists that come in pages.

use serde_json::Value;

use super::client::{CliError, Client};
use super::text::path_part;

/// Items of one page, at most.
const LIMIT: &str = "1000";

/// All items at `path`, whatever the number of pages.
pub async fn all(
    client: &Client,
    path: &str,
    query: &[(&str, &str)],
) -> Result<Vec<Value>, CliError> {
    let mut items = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut page: Value = client.get(&page_path(path, query, cursor.as_deref())).await?;
        if let Value::Array(more) = page["items"].take() {
            items.extend(more);
        }
        match page["next_cursor"].take() {
            Value::String(next) => cursor = Some(next),
            _ => return Ok(items),
        }
    }
}

fn page_path(path: &str, query: &[(&str, &str)], cursor: Option<&str>) -> String {
    let cursor = cursor.map(|cursor| ("cursor", cursor));
    let pairs = query.iter().copied().chain([("limit", LIMIT)]).chain(cursor);
    let pairs: Vec<_> = pairs.map(|(key, value)| format!("{key}={}", path_part(value))).collect();
    format!("{path}?{}", pairs.join("&"))
}
