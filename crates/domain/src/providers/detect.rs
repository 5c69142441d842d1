//! Who was called, told from addresses and from answers.

use compact_str::CompactString;
use serde_json::Value;

use super::call::{Call, Source, named_provider};

/// A way of saying what was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's, which most others speak too.
    OpenAi,
    /// Anthropic's Messages.
    Anthropic,
    /// Google's `generateContent`.
    Gemini,
    /// Bedrock's `Converse`.
    Converse,
    /// Whatever a model that Bedrock hosts says.
    Invoked,
    /// Cohere's.
    Cohere,
    /// Ollama's own.
    Ollama,
}

/// What an address tells of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Address {
    /// Who is called, by our name.
    pub provider: Option<CompactString>,
    /// How they speak there.
    pub dialect: Option<Dialect>,
    /// The model, if the path names one.
    pub model: Option<CompactString>,
    /// The region or data zone, if the address names one.
    pub region: Option<CompactString>,
    /// What is asked for, e.g. `chat`.
    pub operation: Option<&'static str>,
}

/// A host's name or its end, and whose it is.
const HOSTS: [(&str, &str); 42] = [
    ("api.openai.com", "openai"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gemini"),
    ("aiplatform.googleapis.com", "vertex_ai"),
    (".openai.azure.com", "azure"),
    (".cognitiveservices.azure.com", "azure"),
    (".azure-api.net", "azure"),
    (".services.ai.azure.com", "azure_ai"),
    (".models.ai.azure.com", "azure_ai"),
    ("api.mistral.ai", "mistral"),
    ("codestral.mistral.ai", "mistral"),
    ("api.cohere.ai", "cohere"),
    ("api.cohere.com", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.x.ai", "xai"),
    ("openrouter.ai", "openrouter"),
    ("api.openrouter.ai", "openrouter"),
    ("api.perplexity.ai", "perplexity"),
    ("api.together.xyz", "together"),
    ("api.together.ai", "together"),
    ("api.fireworks.ai", "fireworks"),
    ("api.cerebras.ai", "cerebras"),
    ("api.venice.ai", "venice"),
    ("api.z.ai", "zai"),
    ("api.voyageai.com", "voyage"),
    ("api.novita.ai", "novita"),
    ("api.moonshot.ai", "moonshot"),
    ("api.moonshot.cn", "moonshot"),
    ("api.minimax.io", "minimax"),
    ("api.minimax.chat", "minimax"),
    ("api.minimaxi.com", "minimax"),
    ("api.deepinfra.com", "deepinfra"),
    ("api.sambanova.ai", "sambanova"),
    ("api.hyperbolic.xyz", "hyperbolic"),
    ("api.studio.nebius.com", "nebius"),
    ("dashscope.aliyuncs.com", "dashscope"),
    ("dashscope-intl.aliyuncs.com", "dashscope"),
    ("open.bigmodel.cn", "zhipuai"),
    ("integrate.api.nvidia.com", "nvidia_nim"),
    ("api.githubcopilot.com", "github_copilot"),
    ("api.elevenlabs.io", "elevenlabs"),
];

/// A part of a path, how one speaks there, what is asked for, and whose it is if only theirs.
const PATHS: [(&str, Dialect, &str, Option<&str>); 29] = [
    ("/openai/deployments/", Dialect::OpenAi, "chat", Some("azure")),
    ("/v1beta/openai/", Dialect::OpenAi, "chat", Some("gemini")),
    ("/chat/completions", Dialect::OpenAi, "chat", None),
    ("/v1/completions", Dialect::OpenAi, "completion", None),
    ("/responses", Dialect::OpenAi, "responses", None),
    ("/v1/embeddings", Dialect::OpenAi, "embedding", None),
    ("/embeddings", Dialect::OpenAi, "embedding", None),
    ("/images/generations", Dialect::OpenAi, "image", None),
    ("/images/edits", Dialect::OpenAi, "image", None),
    ("/audio/speech", Dialect::OpenAi, "speech", None),
    ("/audio/transcriptions", Dialect::OpenAi, "transcription", None),
    ("/audio/translations", Dialect::OpenAi, "transcription", None),
    ("/realtime", Dialect::OpenAi, "realtime", None),
    ("/v1/ocr", Dialect::OpenAi, "ocr", Some("mistral")),
    (":generatecontent", Dialect::Gemini, "chat", None),
    (":streamgeneratecontent", Dialect::Gemini, "chat", None),
    (":batchgeneratecontent", Dialect::Gemini, "chat", None),
    (":embedcontent", Dialect::Gemini, "embedding", None),
    (":batchembedcontents", Dialect::Gemini, "embedding", None),
    (":predict", Dialect::Gemini, "predict", None),
    (":predictlongrunning", Dialect::Gemini, "predict", None),
    ("/converse", Dialect::Converse, "chat", Some("bedrock")),
    ("/invoke", Dialect::Invoked, "chat", Some("bedrock")),
    ("/v2/chat", Dialect::Cohere, "chat", Some("cohere")),
    ("/v2/embed", Dialect::Cohere, "embedding", Some("cohere")),
    ("/v2/rerank", Dialect::Cohere, "rerank", Some("cohere")),
    ("/api/chat", Dialect::Ollama, "chat", Some("ollama")),
    ("/api/generate", Dialect::Ollama, "chat", Some("ollama")),
    ("/v1/messages", Dialect::Anthropic, "chat", Some("anthropic")),
];

/// What a host and a path tell. The path decides how one speaks, the host whose it is; on a host
/// of ours the path has to do both.
pub fn address(host: Option<&str>, path: &str) -> Address {
    let host = host.map(|host| host.trim().to_ascii_lowercase()).unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let lower = path.to_ascii_lowercase();
    let mut address = Address::default();
    if let Some((_, dialect, operation, owner)) =
        PATHS.iter().find(|(part, ..)| lower.contains(part) && is_whole_part(&lower, part))
    {
        address.dialect = Some(*dialect);
        address.operation = Some(operation_of(&lower, operation));
        address.provider = owner.map(CompactString::const_new);
        if *dialect == Dialect::Gemini {
            address.provider = Some("gemini".into());
        }
    }
    // Models of others are spoken to in their own way at the same place.
    if lower.contains("/publishers/") || lower.contains("/locations/") {
        address.provider = Some("vertex_ai".into());
    } else if lower.starts_with("/openai/v1/") {
        address.provider = Some("azure".into());
    }
    if let Some(provider) = provider_of_host(&host, &lower) {
        address.provider = Some(provider);
    } else if let Some(provider) = provider_of_prefix(&lower) {
        address.provider = Some(provider);
    }
    address.region = region_of(&host, path, address.provider.as_deref());
    address.model = model_of(path, &lower);
    if address.provider.as_deref() == Some("vertex_ai") && lower.contains("/publishers/anthropic/")
    {
        address.dialect = Some(Dialect::Anthropic);
    }
    address
}

/// `/converse` is also the start of `/converse-stream`, but not of `/conversexyz`.
fn is_whole_part(path: &str, part: &str) -> bool {
    let Some(at) = path.find(part) else { return false };
    let next = path[at + part.len()..].chars().next();
    part.ends_with('/') || next.is_none_or(|next| !next.is_ascii_alphanumeric())
}

/// Azure's deployments offer everything under one prefix.
fn operation_of(path: &str, first: &'static str) -> &'static str {
    const ENDS: [(&str, &str); 6] = [
        ("/embeddings", "embedding"),
        ("/images/generations", "image"),
        ("/images/edits", "image"),
        ("/audio/speech", "speech"),
        ("/audio/transcriptions", "transcription"),
        ("/responses", "responses"),
    ];
    ENDS.iter().find(|(end, _)| path.ends_with(end)).map_or(first, |(_, operation)| operation)
}

fn provider_of_host(host: &str, path: &str) -> Option<CompactString> {
    if host.is_empty() {
        return None;
    }
    let name = host.split(':').next().unwrap_or(host);
    let is = |known: &str| {
        name == known.trim_start_matches('.')
            || name.ends_with(known)
                && (known.starts_with('.')
                    || name[..name.len() - known.len()].ends_with(['.', '-']))
    };
    if let Some((_, provider)) = HOSTS.iter().find(|(known, _)| is(known)) {
        return Some((*provider).into());
    }
    if name.starts_with("bedrock-runtime") && name.contains(".amazonaws.com") {
        return Some("bedrock".into());
    }
    if name == "router.huggingface.co" {
        let upstream = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        return Some(compact_str::format_compact!("huggingface_{}", upstream.replace('-', "_")));
    }
    if name == "api.cloudflare.com" && path.contains("/ai") {
        return Some("cloudflare".into());
    }
    if name == "gateway.ai.cloudflare.com" {
        return path.split('/').nth(4).map(crate::prices::provider_name);
    }
    if name.contains("databricks") && path.contains("/serving-endpoints") {
        return Some("databricks".into());
    }
    if name.contains("aiplatform") && name.ends_with(".googleapis.com") {
        return Some("vertex_ai".into());
    }
    if name.ends_with(".googleapis.com") {
        return Some("google".into());
    }
    host.ends_with(":11434").then(|| "ollama".into())
}

/// A gateway's path may begin with the provider's name.
fn provider_of_prefix(path: &str) -> Option<CompactString> {
    const PREFIXES: [&str; 18] = [
        "openai",
        "anthropic",
        "gemini",
        "vertex_ai",
        "vertex-ai",
        "bedrock",
        "azure",
        "cohere",
        "mistral",
        "groq",
        "deepseek",
        "xai",
        "openrouter",
        "perplexity",
        "venice",
        "ollama",
        "fireworks",
        "together",
    ];
    let first = path.trim_start_matches('/').split('/').next()?;
    // Azure's own paths begin with `openai`.
    let is_azure = path.starts_with("/openai/deployments/") || path.starts_with("/openai/v1/");
    (PREFIXES.contains(&first) && !is_azure).then(|| crate::prices::provider_name(first))
}

fn region_of(host: &str, path: &str, provider: Option<&str>) -> Option<CompactString> {
    let name = host.split(':').next().unwrap_or(host);
    if let Some(zone) = name.strip_suffix(".api.openai.com") {
        return Some(zone.into());
    }
    if let Some((_, rest)) = path.split_once("/locations/") {
        return rest.split('/').next().filter(|region| !region.is_empty()).map(Into::into);
    }
    if let Some(region) = name.strip_suffix("-aiplatform.googleapis.com") {
        return Some(region.into());
    }
    if provider == Some("bedrock") {
        return name.split('.').nth(1).filter(|part| part.contains('-')).map(Into::into);
    }
    None
}

fn model_of(path: &str, lower: &str) -> Option<CompactString> {
    let segment_after = |marker: &str| {
        let at = lower.find(marker)? + marker.len();
        let rest = path.get(at..)?;
        rest.split('/').next().filter(|segment| !segment.is_empty())
    };
    if let Some(deployment) = segment_after("/deployments/") {
        return Some(percent_decoded(deployment));
    }
    if let Some(id) = segment_after("/model/") {
        return Some(percent_decoded(id));
    }
    // Azure's models stand behind one address, and the request names them.
    if lower.starts_with("/models/chat/") || lower.starts_with("/models/embeddings") {
        return None;
    }
    let model = segment_after("/models/")?;
    Some(percent_decoded(model.split(':').next().unwrap_or(model)))
}

/// Decodes `%3A` and the like; what is no escape stays as it is.
fn percent_decoded(text: &str) -> CompactString {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).as_ref().into()
}

/// What is known of how a call was spoken.
#[derive(Debug, Clone, Default)]
pub(super) struct Spoken {
    pub provider: Option<CompactString>,
    pub dialect: Option<Dialect>,
    pub model: Option<CompactString>,
    pub region: Option<CompactString>,
    pub is_batch: bool,
    /// The path in lower case.
    pub path: String,
}

impl Spoken {
    pub fn of(call: &Call<'_>) -> Self {
        let (host, path) = split_address(call.path.unwrap_or_default());
        let address = address(host, path);
        let lower = path.to_ascii_lowercase();
        Self {
            provider: named_provider(call).or(address.provider),
            dialect: address.dialect,
            model: address.model,
            region: address.region,
            is_batch: lower.contains("/batches")
                || lower.contains("batchgeneratecontent")
                || lower.contains("batchpredictionjobs"),
            path: lower,
        }
    }
}

/// Splits a whole address into host and path; a bare path has no host.
fn split_address(text: &str) -> (Option<&str>, &str) {
    let rest = match text.split_once("://") {
        Some((_, rest)) => rest,
        None => return (None, text),
    };
    match rest.find('/') {
        Some(at) => (Some(&rest[..at]), &rest[at..]),
        None => (Some(rest), ""),
    }
}

/// Takes away what an event or a batch job puts around an answer, and notes if it was a batch.
pub(super) fn unwrapped<'a>(document: &'a Value, spoken: &mut Spoken) -> &'a Value {
    if document.get("custom_id").is_none() {
        let inner = document.get("response").filter(|inner| inner.get("usage").is_some());
        return inner.unwrap_or(document);
    }
    let openai = document.get("response").and_then(|response| response.get("body"));
    let anthropic = document.get("result").and_then(|result| result.get("message"));
    match openai.or(anthropic) {
        Some(answer) => {
            spoken.is_batch = true;
            answer
        }
        None => document,
    }
}

/// How an answer speaks: as its path says, or else as its fields look.
pub(super) fn dialect(source: &Source<'_>) -> Dialect {
    let document = source.document;
    let usage = document.get("usage").filter(|usage| usage.is_object()).unwrap_or(document);
    let has = |key: &str| usage.get(key).is_some_and(|value| !value.is_null());
    let answers = |key: &str| document.get(key).is_some_and(|value| !value.is_null());

    if answers("predictions")
        || answers("usageMetadata")
        || has("promptTokenCount")
        || has("totalTokenCount") && !has("prompt_tokens")
    {
        return Dialect::Gemini;
    }
    if has("inputTokens") || has("outputTokens") || has("totalTokens") {
        return Dialect::Converse;
    }
    if answers("prompt_eval_count") || answers("eval_count") {
        return Dialect::Ollama;
    }
    if has("billed_units")
        || document.get("meta").is_some_and(|meta| meta.get("billed_units").is_some())
    {
        return Dialect::Cohere;
    }
    if has("prompt_tokens") || has("completion_tokens") {
        return Dialect::OpenAi;
    }
    if has("input_tokens") || has("output_tokens") {
        return if speaks_anthropic(source, usage) { Dialect::Anthropic } else { Dialect::OpenAi };
    }
    if ["amazon-bedrock-invocationMetrics", "inputTextTokenCount", "prompt_token_count"]
        .iter()
        .any(|key| answers(key))
    {
        return Dialect::Invoked;
    }
    source.spoken.dialect.unwrap_or(match source.spoken.provider.as_deref() {
        Some("anthropic") => Dialect::Anthropic,
        Some("gemini" | "google" | "vertex_ai") => Dialect::Gemini,
        Some("bedrock") => Dialect::Invoked,
        Some("cohere") => Dialect::Cohere,
        Some("ollama") => Dialect::Ollama,
        _ => Dialect::OpenAi,
    })
}

/// `input_tokens` is said by two dialects: with OpenAI it includes cached tokens, with Anthropic
/// it does not.
fn speaks_anthropic(source: &Source<'_>, usage: &Value) -> bool {
    const OURS: [&str; 4] = [
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
        "cache_creation",
        "server_tool_use",
    ];
    const THEIRS: [&str; 5] = [
        "input_tokens_details",
        "output_tokens_details",
        "input_token_details",
        "output_token_details",
        "total_tokens",
    ];
    let has = |key: &str| usage.get(key).is_some_and(|value| !value.is_null());
    if OURS.iter().any(|key| has(key)) {
        return true;
    }
    let is_claude = || {
        let names =
            [source.call.model, source.spoken.model.as_deref(), source.document["model"].as_str()];
        names.into_iter().flatten().any(|name| name.to_ascii_lowercase().contains("claude"))
    };
    if source.spoken.dialect == Some(Dialect::Anthropic) || source.is_provider("anthropic") {
        return true;
    }
    !THEIRS.iter().any(|key| has(key)) && is_claude()
}

/// Some answers name their maker.
pub(super) fn provider_of_body(document: &Value) -> Option<CompactString> {
    if document.get("usageMetadata").is_some() {
        return Some("gemini".into());
    }
    if document.get("type").and_then(Value::as_str) == Some("message") {
        return Some("anthropic".into());
    }
    let model = document.get("model")?.as_str()?;
    provider_of_model(model)
}

/// The maker of a model whose name is theirs alone.
pub(super) fn provider_of_model(model: &str) -> Option<CompactString> {
    const STARTS: [(&str, &str); 19] = [
        ("gpt-", "openai"),
        ("chatgpt-", "openai"),
        ("ft:gpt-", "openai"),
        ("o1", "openai"),
        ("o3", "openai"),
        ("o4", "openai"),
        ("text-embedding-3", "openai"),
        ("text-embedding-ada", "openai"),
        ("dall-e-", "openai"),
        ("whisper-1", "openai"),
        ("tts-1", "openai"),
        ("claude-", "anthropic"),
        ("gemini-", "gemini"),
        ("mistral-", "mistral"),
        ("command-", "cohere"),
        ("deepseek-", "deepseek"),
        ("grok-", "xai"),
        ("voyage-", "voyage"),
        ("rerank-v", "cohere"),
    ];
    let lower = model.to_ascii_lowercase();
    STARTS
        .iter()
        .find(|(start, _)| lower.starts_with(start))
        .map(|(_, provider)| (*provider).into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let (host, path) = split_address(text);
        let address = address(host, path);
        let or_dash = |text: Option<&str>| text.unwrap_or("-").to_owned();
        format!(
            "{} {:?} {} {} {}",
            or_dash(address.provider.as_deref()),
            address.dialect,
            or_dash(address.model.as_deref()),
            or_dash(address.region.as_deref()),
            or_dash(address.operation),
        )
    }

    #[test]
    fn an_address_tells_who_is_called_and_how_they_speak() {
        for (address, expected) in [
            ("https://api.openai.com/v1/chat/completions", "openai Some(OpenAi) - - chat"),
            ("https://eu.api.openai.com/v1/responses", "openai Some(OpenAi) - eu responses"),
            ("https://api.anthropic.com/v1/messages", "anthropic Some(Anthropic) - - chat"),
            ("/v1/messages", "anthropic Some(Anthropic) - - chat"),
            (
                "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent?key=x",
                "gemini Some(Gemini) gemini-2.5-pro - chat",
            ),
            (
                "/v1/projects/p/locations/us-east5/publishers/google/models/gemini-2.5-pro:streamGenerateContent",
                "vertex_ai Some(Gemini) gemini-2.5-pro us-east5 chat",
            ),
            (
                "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5:rawPredict",
                "vertex_ai Some(Anthropic) claude-sonnet-4-5 us-east5 -",
            ),
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream",
                "bedrock Some(Converse) us.anthropic.claude-3-haiku-20240307-v1:0 us-east-1 chat",
            ),
            (
                "/model/amazon.titan-embed-text-v2%3A0/invoke",
                "bedrock Some(Invoked) amazon.titan-embed-text-v2:0 - chat",
            ),
            (
                "https://acme.openai.azure.com/openai/deployments/prod-4o/chat/completions?api-version=2024-10-21",
                "azure Some(OpenAi) prod-4o - chat",
            ),
            (
                "https://acme.openai.azure.com/openai/deployments/e/embeddings",
                "azure Some(OpenAi) e - embedding",
            ),
            ("https://api.cohere.com/v2/rerank", "cohere Some(Cohere) - - rerank"),
            ("https://api.x.ai/v1/chat/completions", "xai Some(OpenAi) - - chat"),
            ("https://openrouter.ai/api/v1/chat/completions", "openrouter Some(OpenAi) - - chat"),
            ("https://api.venice.ai/api/v1/chat/completions", "venice Some(OpenAi) - - chat"),
            ("http://localhost:11434/api/chat", "ollama Some(Ollama) - - chat"),
            ("http://localhost:11434/v1/chat/completions", "ollama Some(OpenAi) - - chat"),
            (
                "/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4-5:rawPredict",
                "vertex_ai Some(Anthropic) claude-sonnet-4-5 us-east5 -",
            ),
            (
                "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/google/models/imagen-4.0-generate-001:predict",
                "vertex_ai Some(Gemini) imagen-4.0-generate-001 eu predict",
            ),
            (
                "/azure/openai/deployments/prod-4o/chat/completions?api-version=1",
                "azure Some(OpenAi) prod-4o - chat",
            ),
            ("/openai/v1/chat/completions", "azure Some(OpenAi) - - chat"),
            (
                "https://acme.services.ai.azure.com/models/chat/completions",
                "azure_ai Some(OpenAi) - - chat",
            ),
            ("/anthropic/v1/messages", "anthropic Some(Anthropic) - - chat"),
            ("/v1beta/openai/chat/completions", "gemini Some(OpenAi) - - chat"),
            (
                "https://notapi.openai.com.evil.example/v1/chat/completions",
                "- Some(OpenAi) - - chat",
            ),
            (
                "https://router.huggingface.co/fireworks-ai/v1/chat/completions",
                "huggingface_fireworks_ai Some(OpenAi) - - chat",
            ),
        ] {
            assert_eq!(told(address), expected, "{address}");
        }
    }

    #[test]
    fn a_percent_sign_without_digits_is_left_alone() {
        assert_eq!(percent_decoded("a%3Ab%zz%4"), "a:b%zz%4");
    }
}
