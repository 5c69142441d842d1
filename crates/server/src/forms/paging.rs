//! Pages of lists.

use crate::error::ApiError;

/// Items on a page, where the caller says nothing, and at most.
const PAGE: u32 = 100;
const PAGE_MAX: u32 = 1_000;

/// Judges how many items are asked for.
pub fn page_size(limit: Option<u32>) -> Result<u32, ApiError> {
    match limit.unwrap_or(PAGE) {
        limit @ 1..=PAGE_MAX => Ok(limit),
        limit => {
            let detail = format!("{limit} is not from 1 to {PAGE_MAX}");
            Err(ApiError::bad_request("out_of_range", "limit", detail))
        }
    }
}

/// Cuts the one item too many off, and says where the next page begins.
pub fn page<T>(
    mut items: Vec<T>,
    limit: u32,
    cursor: impl FnOnce(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let limit = limit as usize;
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = if has_more { items.last().map(cursor) } else { None };
    (items, next)
}
