//! The account that a path names.

use compact_str::CompactString;

use crate::auth::Scoped;
use crate::error::ApiError;

/// Bytes of an account, at most, as of one that usage is sent for.
const ACCOUNT_BYTES_MAX: usize = 256;

/// An account of which the caller may see and use what there is; one of somebody else is not there.
pub fn own_account(caller: &Scoped, account: &str) -> Result<CompactString, ApiError> {
    check_account(account)?;
    match caller.may_see(account) {
        Ok(()) => Ok(account.into()),
        Err(_) => Err(ApiError::not_found("there is no such account")),
    }
}

/// Refuses what cannot be the name of an account.
pub fn check_account(account: &str) -> Result<(), ApiError> {
    let is_wrong = account.is_empty()
        || account.len() > ACCOUNT_BYTES_MAX
        || account.trim() != account
        || account.chars().any(char::is_control);
    if is_wrong {
        let detail = "must have 1 to 256 bytes, none of them of a control character, and no blanks at \
                      either end";
        return Err(ApiError::bad_request("malformed", "account", detail));
    }
    Ok(())
}
