//! Ids that people choose, and those of paths.

use compact_str::CompactString;

use crate::error::ApiError;

/// Refuses a body that names another thing than its path.
pub fn same_as_path<Asked: PartialEq<Id>, Id>(
    asked: Option<&Asked>,
    of_path: &Id,
) -> Result<(), ApiError> {
    if asked.is_some_and(|asked| asked != of_path) {
        let detail = "must be that of the path, or be left out";
        return Err(ApiError::bad_request("malformed", "id", detail));
    }
    Ok(())
}

/// An id that somebody chose: letters, digits and some marks, so that it stands in a path as it is.
pub fn known_id(id: &str) -> Result<CompactString, ApiError> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
    if id.is_empty() || id.len() > 100 || !id.chars().all(is_plain) {
        let detail = "must have 1 to 100 letters, digits, `-`, `_`, `.` or `:`";
        return Err(ApiError::bad_request("malformed", "id", detail));
    }
    Ok(id.into())
}
