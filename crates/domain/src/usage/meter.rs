//! What can be counted.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Quantity;
use crate::prices::counts_tokens;

/// Tokens of every class together.
pub(crate) const TOTAL_TOKENS: &str = "total_tokens";

/// Bytes in the name of a free-form meter, at most.
pub const METER_NAME_BYTES_MAX: usize = 64;

/// What is wrong with a meter's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MeterNameFault {
    /// It is empty, or too long.
    #[error("a meter's name has 1 to {METER_NAME_BYTES_MAX} bytes")]
    Length,
    /// It has letters that no name has.
    #[error("a meter's name is made of letters, digits and _-.:/")]
    Letters,
}

const fn is_of_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/')
}

/// What a quantity counts.
///
/// Token classes are disjoint: a token that was read from a cache is a [`Meter::CacheReadTokens`]
/// and not also a [`Meter::InputTokens`]. The providers' own counts, which often overlap, are
/// taken apart before they become quantities.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Meter {
    /// Calls to the provider.
    Requests,
    /// Fresh text input, neither read from nor written to a cache.
    InputTokens,
    /// Text output that the caller sees.
    OutputTokens,
    /// Input that the provider had cached.
    CacheReadTokens,
    /// Input written to a cache that lives five minutes, or as long as the provider decides.
    CacheWrite5mTokens,
    /// Input written to a cache that lives an hour.
    CacheWrite1hTokens,
    /// Output spent on thinking.
    ReasoningTokens,
    /// Sound that went in.
    InputAudioTokens,
    /// Sound that came out.
    OutputAudioTokens,
    /// Sound that the provider had cached.
    CacheReadAudioTokens,
    /// Pictures that went in, as tokens.
    InputImageTokens,
    /// Pictures that came out, as tokens.
    OutputImageTokens,
    /// Pictures that came out, as pieces.
    Images,
    /// Time of sound, video or a machine.
    Seconds,
    /// Written characters, e.g. of text to be spoken.
    Characters,
    /// Pages of documents.
    Pages,
    /// Searches of the web, or search units.
    Searches,
    /// Anything else, by a name of the sender's.
    Other(CompactString),
}

impl Meter {
    /// The meters that have a name of their own, in the order in which they are listed.
    pub const KNOWN: [Self; 17] = [
        Self::Requests,
        Self::InputTokens,
        Self::OutputTokens,
        Self::CacheReadTokens,
        Self::CacheWrite5mTokens,
        Self::CacheWrite1hTokens,
        Self::ReasoningTokens,
        Self::InputAudioTokens,
        Self::OutputAudioTokens,
        Self::CacheReadAudioTokens,
        Self::InputImageTokens,
        Self::OutputImageTokens,
        Self::Images,
        Self::Seconds,
        Self::Characters,
        Self::Pages,
        Self::Searches,
    ];

    /// The name on the wire, in price rows and in the history's columns.
    pub fn name(&self) -> &str {
        match self {
            Self::Requests => "requests",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::CacheReadTokens => "cache_read_tokens",
            Self::CacheWrite5mTokens => "cache_write_5m_tokens",
            Self::CacheWrite1hTokens => "cache_write_1h_tokens",
            Self::ReasoningTokens => "reasoning_tokens",
            Self::InputAudioTokens => "input_audio_tokens",
            Self::OutputAudioTokens => "output_audio_tokens",
            Self::CacheReadAudioTokens => "cache_read_audio_tokens",
            Self::InputImageTokens => "input_image_tokens",
            Self::OutputImageTokens => "output_image_tokens",
            Self::Images => "images",
            Self::Seconds => "seconds",
            Self::Characters => "characters",
            Self::Pages => "pages",
            Self::Searches => "searches",
            Self::Other(name) => name,
        }
    }

    /// The meter of that name; other spellings that senders use are understood too.
    pub fn from_name(name: &str) -> Self {
        match name {
            "requests" => Self::Requests,
            "input_tokens" | "prompt_tokens" => Self::InputTokens,
            "output_tokens" | "completion_tokens" => Self::OutputTokens,
            "cache_read_tokens"
            | "cached_tokens"
            | "cached_input_tokens"
            | "cached_read_tokens"
            | "cache_read_input_tokens" => Self::CacheReadTokens,
            "cache_write_5m_tokens"
            | "cache_write_tokens"
            | "cache_creation_tokens"
            | "cache_creation_input_tokens"
            | "cache_write_input_tokens" => Self::CacheWrite5mTokens,
            "cache_write_1h_tokens" => Self::CacheWrite1hTokens,
            "reasoning_tokens" | "thinking_tokens" => Self::ReasoningTokens,
            "input_audio_tokens" | "audio_input_tokens" | "audio_tokens" => Self::InputAudioTokens,
            "output_audio_tokens" | "audio_output_tokens" => Self::OutputAudioTokens,
            "cache_read_audio_tokens" => Self::CacheReadAudioTokens,
            "input_image_tokens" | "image_input_tokens" | "image_tokens" => Self::InputImageTokens,
            "output_image_tokens" | "image_output_tokens" => Self::OutputImageTokens,
            "images" => Self::Images,
            "seconds" => Self::Seconds,
            "characters" => Self::Characters,
            "pages" => Self::Pages,
            "searches" => Self::Searches,
            other => Self::Other(other.into()),
        }
    }

    /// The place in [`Meter::KNOWN`], or `None` for a free-form meter.
    pub fn known_index(&self) -> Option<usize> {
        Some(match self {
            Self::Requests => 0,
            Self::InputTokens => 1,
            Self::OutputTokens => 2,
            Self::CacheReadTokens => 3,
            Self::CacheWrite5mTokens => 4,
            Self::CacheWrite1hTokens => 5,
            Self::ReasoningTokens => 6,
            Self::InputAudioTokens => 7,
            Self::OutputAudioTokens => 8,
            Self::CacheReadAudioTokens => 9,
            Self::InputImageTokens => 10,
            Self::OutputImageTokens => 11,
            Self::Images => 12,
            Self::Seconds => 13,
            Self::Characters => 14,
            Self::Pages => 15,
            Self::Searches => 16,
            Self::Other(_) => return None,
        })
    }

    /// Says what is wrong with a meter's name, if anything is.
    pub fn fault_of_name(name: &str) -> Option<MeterNameFault> {
        match name {
            "" => Some(MeterNameFault::Length),
            long if long.len() > METER_NAME_BYTES_MAX => Some(MeterNameFault::Length),
            name if name.bytes().all(is_of_names) => None,
            _ => Some(MeterNameFault::Letters),
        }
    }

    /// Whether the meter counts tokens.
    pub fn is_tokens(&self) -> bool {
        self.known_index().is_some_and(|index| (1..=11).contains(&index))
    }

    /// Whether a fraction of one can be used.
    pub fn is_divisible(&self) -> bool {
        matches!(self, Self::Seconds | Self::Other(_))
    }
}

/// What one event used, one quantity a meter, in the order of [`Meter`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quantities(Vec<(Meter, Quantity)>);

impl Quantities {
    /// No quantities.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The quantity of `meter`, zero where none was said.
    pub fn get(&self, meter: &Meter) -> Quantity {
        match self.0.binary_search_by(|(known, _)| known.cmp(meter)) {
            Ok(at) => self.0[at].1,
            Err(_) => Quantity::ZERO,
        }
    }

    /// Whether anything was said of `meter`.
    pub fn contains(&self, meter: &Meter) -> bool {
        self.0.binary_search_by(|(known, _)| known.cmp(meter)).is_ok()
    }

    /// Replaces the quantity of `meter`.
    pub fn set(&mut self, meter: Meter, quantity: Quantity) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&meter)) {
            Ok(at) => self.0[at].1 = quantity,
            Err(at) => self.0.insert(at, (meter, quantity)),
        }
    }

    /// Whether `meter` is a total that says once more how many the other tokens are.
    pub fn says_again(&self, meter: &Meter) -> bool {
        let is_total = |meter: &Meter| matches!(meter, Meter::Other(name) if name == TOTAL_TOKENS);
        if !is_total(meter) {
            return false;
        }
        let others = self.iter().filter(|(one, _)| counts_tokens(one) && !is_total(one));
        let sum: i128 = others.map(|(_, used)| i128::from(used.micros())).sum();
        sum == i128::from(self.get(meter).micros())
    }

    /// Meters and their quantities, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Meter, Quantity)> {
        self.0.iter().map(|(meter, quantity)| (meter, *quantity))
    }

    /// How many meters have a quantity.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no meter has a quantity.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Meter, Quantity)> for Quantities {
    fn from_iter<I: IntoIterator<Item = (Meter, Quantity)>>(iter: I) -> Self {
        let mut quantities = Self::new();
        for (meter, quantity) in iter {
            quantities.set(meter, quantity);
        }
        quantities
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_meter_has_its_own_name_and_place() {
        for (index, meter) in Meter::KNOWN.iter().enumerate() {
            assert_eq!(meter.known_index(), Some(index));
            assert_eq!(&Meter::from_name(meter.name()), meter);
        }
    }
}
