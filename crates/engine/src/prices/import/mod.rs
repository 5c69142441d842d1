//! Files of prices that other people keep, read as listings.

pub mod genai_prices;
pub mod litellm;
mod python;
pub mod sets;

use compact_str::CompactString;

use super::listing::{Listing, ListingError};

/// The listing of `source` that `text` is: LiteLLM's file, or the data of genai-prices.
pub fn read(source: &str, text: &str) -> Option<Result<Listing, ListingError>> {
    match source {
        litellm::SOURCE => Some(litellm::read(text)),
        genai_prices::SOURCE => Some(genai_prices::read(text)),
        _ => None,
    }
}

/// The edition of a file: the first half of its content's hash.
pub(super) fn version_of(text: &str) -> CompactString {
    use sha2::{Digest, Sha256};
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
