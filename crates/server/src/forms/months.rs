//! Months of the calendar, as parameters name them.

use outlay_engine::insights::month::Month;

use crate::error::ApiError;

/// The month that `text` names, which the parameter `field` gives.
pub fn month_of(field: &'static str, text: &str) -> Result<Month, ApiError> {
    let parts = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2);
    let month = parts.and_then(|(year, month)| {
        let year = year.parse().ok().filter(|year| (1970..2200).contains(year))?;
        Month::new(year, month.parse().ok()?)
    });
    month.ok_or_else(|| {
        let text: String = text.chars().take(40).collect();
        ApiError::bad_request("malformed", field, format!("`{text}` is no month"))
            .mend("write e.g. 2026-10")
    })
}
