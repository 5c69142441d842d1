//! The names under which ALwrity keeps usage: fourteen providers, some of which are kinds of work.

use compact_str::CompactString;
use outlay_domain::usage::UsageEvent;

/// The names of ALwrity's own providers, as its pages show usage: `huggingface` is what its database
/// calls `mistral`.
pub const KEYS: [&str; 14] = [
    "gemini",
    "openai",
    "anthropic",
    "huggingface",
    "wavespeed",
    "exa",
    "tavily",
    "serper",
    "firecrawl",
    "metaphor",
    "stability",
    "video",
    "image_edit",
    "audio",
];

/// Under which name usage of `provider` for `operation` is counted: each event under one, so that all
/// of them sum to the total. What ALwrity has no name for keeps its own.
pub fn key_of(provider: Option<&str>, operation: Option<&str>) -> CompactString {
    let provider = provider.unwrap_or("unknown");
    if let Some(kind) = operation.and_then(kind_of) {
        return CompactString::const_new(kind);
    }
    match provider {
        "google" | "gemini" | "vertex_ai" | "google_ai_studio" => "gemini".into(),
        "azure" | "azure_openai" => "openai".into(),
        "mistral" | "huggingface" => "huggingface".into(),
        "elevenlabs" | "deepgram" | "assemblyai" => "audio".into(),
        "stability_ai" => "stability".into(),
        own => own.into(),
    }
}

/// The kind of work that counts more than who does it.
fn kind_of(operation: &str) -> Option<&'static str> {
    let has = |word: &str| operation.contains(word);
    if has("video") || has("animation") {
        Some("video")
    } else if has("image_edit") || has("image_upscal") || has("image-edit") {
        Some("image_edit")
    } else if has("image") {
        Some("stability")
    } else if has("audio") || has("speech") || has("voice") || has("transcri") {
        Some("audio")
    } else {
        None
    }
}

/// Under which name an event is counted.
pub fn key_of_event(event: &UsageEvent) -> CompactString {
    key_of(event.provider.as_deref(), event.operation.as_deref())
}

/// The name that somebody asks by: ALwrity's database and its pages differ in one.
pub fn asked(name: &str) -> &str {
    match name {
        "mistral" => "huggingface",
        name => name,
    }
}

/// The name of a provider in ALwrity's price list, which is its database's.
pub fn price_list_name(provider: &str) -> &str {
    match provider {
        "google" => "gemini",
        "huggingface" => "mistral",
        own => own,
    }
}

/// Who did the work, as ALwrity's list shows it.
pub fn actual(event: &UsageEvent) -> Option<&str> {
    match event.provider.as_deref()? {
        "gemini" | "vertex_ai" | "google_ai_studio" => Some("google"),
        "mistral" => Some("huggingface"),
        own => Some(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_counted_under_one_name() {
        for (provider, operation, key) in [
            (Some("openai"), None, "openai"),
            (Some("openai"), Some("image_generation"), "stability"),
            (Some("openai"), Some("speech"), "audio"),
            (Some("gemini"), Some("chat"), "gemini"),
            (Some("vertex_ai"), None, "gemini"),
            (Some("mistral"), Some("chat"), "huggingface"),
            (Some("wavespeed"), Some("video_generation"), "video"),
            (Some("wavespeed"), Some("chat"), "wavespeed"),
            (Some("stability"), Some("image_edit"), "image_edit"),
            (Some("deepseek"), Some("chat"), "deepseek"),
            (None, None, "unknown"),
        ] {
            assert_eq!(key_of(provider, operation), key, "{provider:?} {operation:?}");
        }
    }
}
