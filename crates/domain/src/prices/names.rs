//! One provider has many names, and so has one model.

use compact_str::CompactString;

/// Our name for a provider, whatever the sender calls it.
///
/// `azure.ai.openai`, `Azure-OpenAI` and `azure` are all `azure`. A name that nobody told us stays
/// as it is, in lower case and with `_` for `-`.
pub fn provider_name(given: &str) -> CompactString {
    let plain: CompactString = given
        .trim()
        .chars()
        .map(|char| if char == '-' || char == ' ' { '_' } else { char.to_ascii_lowercase() })
        .collect();
    match plain.as_str() {
        "open_ai" | "text_completion_openai" | "openai_compatible" => "openai".into(),
        "azure.ai.openai" | "az.ai.openai" | "azure_openai" | "azureopenai" | "azure_text" => {
            "azure".into()
        }
        "azure.ai.inference" | "az.ai.inference" | "azure_ai_inference" | "azure_foundry"
        | "azure_ai_foundry" => "azure_ai".into(),
        "claude" => "anthropic".into(),
        "gcp.gemini"
        | "google_gemini"
        | "google_genai"
        | "google_ai_studio"
        | "google_gla"
        | "google.generativeai" => "gemini".into(),
        "gcp.vertex_ai"
        | "vertex"
        | "vertexai"
        | "google_vertex"
        | "google_vertex_ai"
        | "google_vertexai"
        | "google_vertex_anthropic" => "vertex_ai".into(),
        "gcp.gen_ai" | "gcp" | "google_ai" => "google".into(),
        "aws.bedrock" | "aws_bedrock" | "amazon_bedrock" | "bedrock_converse" | "aws"
        | "amazon" => "bedrock".into(),
        "mistral_ai" | "mistralai" => "mistral".into(),
        "cohere_chat" | "cohereai" | "cohere_ai" => "cohere".into(),
        "x_ai" | "x.ai" | "grok" => "xai".into(),
        "deep_seek" => "deepseek".into(),
        "open_router" => "openrouter".into(),
        "perplexity_ai" | "perplexityai" | "pplx" => "perplexity".into(),
        "fireworks_ai" | "fireworksai" | "fireworks_ai_embedding_models" => "fireworks".into(),
        "together_ai" | "togetherai" => "together".into(),
        "moonshotai" | "moonshot_ai" => "moonshot".into(),
        "voyageai" | "voyage_ai" => "voyage".into(),
        "ibm.watsonx.ai" | "ibm_watsonx" | "ibm_watsonx_ai" => "watsonx".into(),
        "ollama_chat" => "ollama".into(),
        "venice.ai" | "venice_ai" | "veniceai" => "venice".into(),
        "z.ai" | "z_ai" => "zai".into(),
        name if name.starts_with("vertex_ai_") => "vertex_ai".into(),
        _ => plain,
    }
}

/// Who sells models of their own, by our names, so that a model's name alone means theirs.
pub const MAKERS: [&str; 10] = [
    "anthropic",
    "cohere",
    "deepseek",
    "gemini",
    "mistral",
    "moonshot",
    "openai",
    "perplexity",
    "voyage",
    "xai",
];

/// Under which providers a model's price is looked for, the provider's own name first, and
/// whose models the provider also offers at their maker's price.
pub(crate) fn shelves(provider: &str) -> (&'static [&'static str], &'static [&'static str]) {
    const MAKERS: &[&str] = &["openai", "anthropic", "deepseek", "xai", "moonshot"];
    match provider {
        "azure" => (&["azure_ai"], MAKERS),
        "azure_ai" => (&["azure"], MAKERS),
        "google" => (&["gemini", "vertex_ai"], &["anthropic"]),
        "gemini" => (&["google"], &["vertex_ai"]),
        "vertex_ai" => (&["google"], &["gemini", "anthropic"]),
        _ => (&[], &[]),
    }
}

/// The ways in which a model's name may be written in a price book.
#[derive(Debug, Default)]
pub(crate) struct ModelNames {
    /// The name as given, and with what providers and gateways put around it taken away.
    pub full: Vec<CompactString>,
    /// The same without the date of the release.
    pub undated: Vec<CompactString>,
}

impl ModelNames {
    pub fn of(provider: &str, model: &str, region: Option<&str>) -> Self {
        let mut full: Vec<CompactString> = Vec::new();
        let push = |full: &mut Vec<CompactString>, name: &str| {
            if !name.is_empty() && !full.iter().any(|known| known == name) {
                full.push(name.into());
            }
        };
        let (bare, region_of_name) = match provider {
            "bedrock" => without_route(model.trim()),
            _ => (without_wrapping(provider, model.trim()), None),
        };
        // What the name says of the region is closer to the model than what is said beside it.
        let region = region_of_name.or(region);
        if let Some(region) = region {
            // Some books price a region as another model, e.g. `eu/gpt-5` or
            // `us-east-1/anthropic.claude-v2`.
            push(&mut full, &format!("{}/{bare}", region.to_ascii_lowercase()));
        }
        push(&mut full, bare);
        push(&mut full, model.trim());
        match provider {
            "bedrock" => {
                let plain = without_profile(without_window(bare));
                if let Some(region) = region {
                    push(&mut full, &format!("{}/{plain}", region.to_ascii_lowercase()));
                }
                push(&mut full, without_window(bare));
                push(&mut full, plain);
            }
            "vertex_ai" | "google" => push(&mut full, without_publisher(bare)),
            _ => {}
        }
        if let Some(base) = fine_tuned_base(bare) {
            push(&mut full, base);
        }
        for at in 0..full.len() {
            if let Some(dashed) = with_dashed_date(&full[at]) {
                push(&mut full, &dashed);
            }
        }

        let mut undated: Vec<CompactString> = Vec::new();
        for name in &full {
            if let Some(base) = without_release(name)
                && !full.iter().any(|known| known == base)
            {
                push(&mut undated, base);
            }
        }
        Self { full, undated }
    }
}

/// Takes away a provider's prefix, a resource path and an ARN.
fn without_wrapping<'a>(provider: &str, model: &'a str) -> &'a str {
    let model = match model.strip_prefix("arn:") {
        Some(arn) => arn.rsplit_once('/').map_or(model, |(_, id)| id),
        None => model,
    };
    let model = match model.rsplit_once("/models/") {
        Some((path, id)) if path.contains("publishers/") => id,
        _ => model.strip_prefix("models/").unwrap_or(model),
    };
    match model.split_once('/') {
        Some((prefix, rest)) if provider_name(prefix) == provider && !rest.is_empty() => rest,
        _ => model,
    }
}

/// Takes away what gateways put before a model of Bedrock's: the provider, the interface by which it
/// is called (`converse/`), an ARN's path, and the region, which is told beside the rest.
fn without_route(model: &str) -> (&str, Option<&str>) {
    const ROUTES: [&str; 6] =
        ["converse", "converse_like", "invoke", "async_invoke", "agentcore", "mantle"];
    let mut rest = model;
    while let Some((prefix, tail)) = rest.split_once('/') {
        let is_route = ROUTES.contains(&prefix) || provider_name(prefix) == "bedrock";
        if !is_route || tail.is_empty() || rest.starts_with("arn:") {
            break;
        }
        rest = tail;
    }
    if let Some(arn) = rest.strip_prefix("arn:") {
        let region = arn.split(':').nth(2).filter(|region| is_region(region));
        return (arn.rsplit_once('/').map_or(rest, |(_, id)| id), region);
    }
    match rest.split_once('/') {
        Some((region, tail)) if is_region(region) && !tail.is_empty() => (tail, Some(region)),
        _ => (rest, None),
    }
}

/// Whether a word is a region of AWS, such as `us-east-1` or `us-gov-west-1`.
fn is_region(word: &str) -> bool {
    let mut parts = word.rsplit('-');
    let number = parts.next().unwrap_or_default();
    let is_word =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let words: Vec<&str> = parts.collect();
    !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && (2..=3).contains(&words.len())
        && words.iter().all(|part| is_word(part))
        && words.last().is_some_and(|first| first.len() == 2)
}

/// Takes away how long a prompt a Bedrock model was bought for, e.g. `:200k`.
fn without_window(model: &str) -> &str {
    match model.rsplit_once(':') {
        Some((base, window))
            if window.strip_suffix('k').is_some_and(|size| {
                !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit())
            }) =>
        {
            base
        }
        _ => model,
    }
}

/// Takes away the maker's name before a model of Google's platform, e.g. `google/`.
fn without_publisher(model: &str) -> &str {
    match model.split_once('/') {
        Some(("google" | "anthropic", rest)) if !rest.is_empty() => rest,
        _ => model,
    }
}

/// Takes away the geography of a Bedrock inference profile, e.g. `us.`.
fn without_profile(model: &str) -> &str {
    const PROFILES: [&str; 11] =
        ["us", "eu", "apac", "ap", "au", "jp", "ca", "sa", "us-gov", "global", "me"];
    match model.split_once('.') {
        Some((profile, rest)) if PROFILES.contains(&profile) && rest.contains('.') => rest,
        _ => model,
    }
}

/// The base model of a fine-tuned one: `ft:gpt-4o-mini:org::id` is priced as `ft:gpt-4o-mini`.
fn fine_tuned_base(model: &str) -> Option<&str> {
    let rest = model.strip_prefix("ft:")?;
    let base_len = rest.find(':')?;
    Some(&model[.."ft:".len() + base_len])
}

/// `gpt-5.2-20251211` as `gpt-5.2-2025-12-11`.
fn with_dashed_date(model: &str) -> Option<CompactString> {
    let (base, date) = model.rsplit_once('-')?;
    is_compact_date(date).then(|| {
        compact_str::format_compact!("{base}-{}-{}-{}", &date[..4], &date[4..6], &date[6..])
    })
}

/// The name without the date or the word `latest` behind it.
fn without_release(model: &str) -> Option<&str> {
    if let Some((base, release)) = model.rsplit_once('@')
        && !base.is_empty()
        && (is_compact_date(release) || matches!(release, "default" | "latest"))
    {
        return Some(base);
    }
    if let Some(base) = model.strip_suffix("-latest") {
        return Some(base);
    }
    let (base, last) = model.rsplit_once('-')?;
    if is_compact_date(last) || is_month_and_day(last) {
        return Some(base).filter(|base| !base.is_empty());
    }
    let dashed_len = "-2025-12-11".len();
    let at = model.len().checked_sub(dashed_len).filter(|at| *at > 0)?;
    if !model.is_char_boundary(at) {
        return None;
    }
    let (base, date) = model.split_at(at);
    let compact: CompactString = date.chars().filter(char::is_ascii_digit).collect();
    let is_dashed =
        date.bytes().zip(b"-0000-00-00").all(|(byte, form)| (byte == b'-') == (*form == b'-'));
    (is_dashed && is_compact_date(&compact)).then_some(base)
}

/// Eight digits that are a day of this century.
fn is_compact_date(text: &str) -> bool {
    text.len() == 8
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.starts_with("20")
        && is_month_and_day(&text[4..])
}

/// Four digits that are a month and a day, as in `gpt-4-0613`.
fn is_month_and_day(text: &str) -> bool {
    text.len() == 4
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && ("01"..="12").contains(&&text[..2])
        && ("01"..="31").contains(&&text[2..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_has_one_name_of_ours() {
        for (given, ours) in [
            ("OpenAI", "openai"),
            ("azure.ai.openai", "azure"),
            ("Azure-OpenAI", "azure"),
            ("aws.bedrock", "bedrock"),
            ("gcp.gemini", "gemini"),
            ("gcp.vertex_ai", "vertex_ai"),
            ("vertex_ai-anthropic_models", "vertex_ai"),
            ("x_ai", "xai"),
            ("x-ai", "xai"),
            ("mistral_ai", "mistral"),
            ("fireworks_ai", "fireworks"),
            ("Some-Gateway", "some_gateway"),
        ] {
            assert_eq!(provider_name(given), ours, "{given}");
        }
    }

    #[test]
    fn a_model_is_looked_for_under_all_its_names() {
        let full = |provider, model, region| ModelNames::of(provider, model, region).full.join(" ");

        assert_eq!(full("openai", "openai/gpt-4o", None), "gpt-4o openai/gpt-4o");
        assert_eq!(
            full("gemini", "models/gemini-2.5-pro", None),
            "gemini-2.5-pro models/gemini-2.5-pro"
        );
        assert_eq!(full("azure", "gpt-5", Some("EU")), "eu/gpt-5 gpt-5");
        assert_eq!(
            full("bedrock", "us.anthropic.claude-3-haiku-v1:0", None),
            "us.anthropic.claude-3-haiku-v1:0 anthropic.claude-3-haiku-v1:0",
        );
        assert_eq!(
            full("bedrock", "arn:aws:bedrock:us-east-1:1:inference-profile/eu.meta.llama", None),
            "us-east-1/eu.meta.llama eu.meta.llama \
             arn:aws:bedrock:us-east-1:1:inference-profile/eu.meta.llama us-east-1/meta.llama meta.llama",
        );
        assert_eq!(
            full("vertex_ai", "google/gemini-2.5-pro", None),
            "google/gemini-2.5-pro gemini-2.5-pro"
        );
        assert_eq!(full("openai", "ft:gpt-4o:acme::1", None), "ft:gpt-4o:acme::1 ft:gpt-4o");
        assert_eq!(full("openai", "gpt-5.2-20251211", None), "gpt-5.2-20251211 gpt-5.2-2025-12-11");
    }

    #[test]
    fn a_model_of_bedrock_s_is_known_however_a_gateway_logs_it() {
        for (logged, first) in [
            ("bedrock/anthropic.claude-v2", "anthropic.claude-v2"),
            ("converse/us.anthropic.claude-v2", "us.anthropic.claude-v2"),
            ("bedrock/converse/eu.anthropic.claude-v2", "eu.anthropic.claude-v2"),
            ("bedrock/invoke/anthropic.claude-v2", "anthropic.claude-v2"),
            ("bedrock_converse/anthropic.claude-v2", "anthropic.claude-v2"),
            ("bedrock/us-east-1/anthropic.claude-v2", "us-east-1/anthropic.claude-v2"),
            ("bedrock/converse/us-gov-west-1/anthropic.v2", "us-gov-west-1/anthropic.v2"),
            ("global.anthropic.claude-v2:0:200k", "global.anthropic.claude-v2:0:200k"),
            (
                "bedrock/arn:aws:bedrock:eu-west-1::foundation-model/anthropic.claude-v2",
                "eu-west-1/anthropic.claude-v2",
            ),
        ] {
            let names = ModelNames::of("bedrock", logged, None).full;
            assert_eq!(names[0], first, "{logged}");
            let plain = names.iter().any(|name| name.starts_with("anthropic."));
            assert!(plain, "{logged}: {names:?}");
        }
        let other = ModelNames::of("bedrock", "bedrock/us-east-1x/m.x", Some("eu-west-1")).full;
        assert_eq!(other[0], "eu-west-1/us-east-1x/m.x");
    }

    #[test]
    fn the_date_of_a_release_can_be_left_out() {
        let undated = |model| ModelNames::of("openai", model, None).undated.join(" ");

        assert_eq!(undated("gpt-4o-2031-02-28"), "gpt-4o");
        assert_eq!(undated("claude-x-20310228"), "claude-x");
        assert_eq!(undated("claude-x@20310228"), "claude-x");
        assert_eq!(undated("grok-4-latest"), "grok-4");
        assert_eq!(undated("gpt-4-0613"), "gpt-4");
        assert_eq!(undated("mistral-large-2411"), "");
        assert_eq!(undated("gpt-4"), "");
        assert_eq!(undated("20310228"), "");
        assert_eq!(undated("ééé-2031-02-28"), "ééé");
    }
}
