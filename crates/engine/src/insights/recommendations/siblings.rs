//! Which cheaper model may do instead: a declared table, no guess from names.
//!
//! Ours to keep: the smaller model of the same kind, or a later generation of the same size. Whether
//! it is cheaper at the observed mix of tokens is decided by the price book and not here.

/// A provider's model, and what may do instead.
struct Pair(&'static str, &'static str, &'static str);

const PAIRS: &[Pair] = &[
    Pair("openai", "gpt-4", "gpt-4o"),
    Pair("openai", "gpt-4-turbo", "gpt-4o"),
    Pair("openai", "gpt-4o", "gpt-4o-mini"),
    Pair("openai", "gpt-4.1", "gpt-4.1-mini"),
    Pair("openai", "gpt-4.1-mini", "gpt-4.1-nano"),
    Pair("openai", "gpt-5", "gpt-5-mini"),
    Pair("openai", "gpt-5-mini", "gpt-5-nano"),
    Pair("openai", "gpt-3.5-turbo", "gpt-4o-mini"),
    Pair("openai", "o1", "o3"),
    Pair("openai", "o3", "o4-mini"),
    Pair("openai", "text-embedding-ada-002", "text-embedding-3-small"),
    Pair("openai", "text-embedding-3-large", "text-embedding-3-small"),
    Pair("anthropic", "claude-3-opus", "claude-sonnet-4-5"),
    Pair("anthropic", "claude-opus-4", "claude-sonnet-4-5"),
    Pair("anthropic", "claude-opus-4-1", "claude-opus-4-5"),
    Pair("anthropic", "claude-opus-4-5", "claude-sonnet-4-5"),
    Pair("anthropic", "claude-sonnet-4-5", "claude-haiku-4-5"),
    Pair("anthropic", "claude-sonnet-4", "claude-haiku-4-5"),
    Pair("anthropic", "claude-3-7-sonnet", "claude-haiku-4-5"),
    Pair("anthropic", "claude-3-5-sonnet", "claude-haiku-4-5"),
    Pair("google", "gemini-1.5-pro", "gemini-2.5-flash"),
    Pair("google", "gemini-2.5-pro", "gemini-2.5-flash"),
    Pair("google", "gemini-2.5-flash", "gemini-2.5-flash-lite"),
    Pair("mistral", "mistral-large-latest", "mistral-small-latest"),
    Pair("mistral", "mistral-medium-latest", "mistral-small-latest"),
];

/// The model that may do instead of `model`, if any is declared. A date at the end of the name, as
/// in `gpt-4o-2024-08-06`, is not looked at.
pub fn instead_of(provider: &str, model: &str) -> Option<&'static str> {
    let name = undated(model);
    let is_it = |pair: &&Pair| pair.0.eq_ignore_ascii_case(provider) && pair.1 == name;
    PAIRS.iter().find(is_it).map(|pair| pair.2)
}

fn undated(model: &str) -> &str {
    let is_date = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    for length in [11, 9] {
        if let Some(at) = model.len().checked_sub(length)
            && let Some((name, date)) = model.split_at_checked(at)
            && date.starts_with('-')
            && is_date(date)
            && date.bytes().filter(u8::is_ascii_digit).count() == 8
        {
            return name;
        }
    }
    model
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use chrono::{DateTime, Utc};
    use outlay_domain::usage::Meter;

    use super::super::rates::{Rates, Terms};
    use super::*;
    use crate::{FrozenClock, Options, Outlay};

    #[test]
    fn every_sibling_has_a_price_and_a_lower_one() {
        let now: DateTime<Utc> = "2026-11-20T00:00:00Z".parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let options = Options { background: false, ..Options::default() };
        let outlay = Outlay::open(folder.path(), options, Arc::new(FrozenClock::at(now))).unwrap();
        let book = outlay.prices.book();
        let price = |provider: &str, model: &str| {
            let output = (!model.starts_with("text-embedding")).then_some(Meter::OutputTokens);
            let meters = || std::iter::once(Meter::InputTokens).chain(output.clone());
            let rates = Rates::of(&book, (provider, model), meters(), Terms::Plain, now)?;
            Some(rates.total(&meters().map(|meter| (meter, 1_000_000_000_000)).collect()))
        };

        let wrong: Vec<_> = PAIRS
            .iter()
            .map(|pair| (pair.1, price(pair.0, pair.1), pair.2, price(pair.0, pair.2)))
            .filter(|(_, expensive, _, cheap)| !matches!((expensive, cheap), (Some(d), Some(c)) if c < d))
            .collect();

        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn a_dated_name_has_the_sibling_of_its_model() {
        assert_eq!(instead_of("openai", "gpt-4o-2024-08-06"), Some("gpt-4o-mini"));
        assert_eq!(instead_of("anthropic", "claude-sonnet-4-5-20250929"), Some("claude-haiku-4-5"));
        assert_eq!(instead_of("openai", "gpt-4o-mini"), None);
        assert_eq!(instead_of("azure", "gpt-4o"), None);
    }
}
