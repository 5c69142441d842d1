//! A call as a span of a trace tells of it.

use compact_str::CompactString;

use super::counts::{Answer, Modalities, Prompt, Tally};
use super::{Flag, detect};
use crate::prices::provider_name;
use crate::usage::Quantities;

/// What a span stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One call to a model, by the name of what was asked for.
    Call(&'static str),
    /// What stands around calls, or beside them: an agent, a chain, a tool. What its calls used it
    /// often says again, as a sum.
    Around,
    /// Nobody told us.
    Unknown,
}

/// What an operation's name, or the name of a kind of span, stands for.
///
/// Frameworks that trace agents write the tokens of the calls within on the agent's span too. So
/// only what is known to be a call counts, and what is known to stand around calls never does.
pub fn step(operation: &str) -> Step {
    let is_joint = |char: char| matches!(char, '.' | '-' | ' ' | '/');
    let plain = operation.trim().to_ascii_lowercase().replace(is_joint, "_");
    match plain.as_str() {
        "chat" | "chat_completion" | "chat_completions" | "completion" | "acompletion" | "llm"
        | "generation" | "messages" | "amessages" | "anthropic_messages" | "responses"
        | "aresponses" => Step::Call("chat"),
        "text_completion" | "text_completions" | "atext_completion" => {
            Step::Call("text_completion")
        }
        "generate_content" | "agenerate_content" | "generate" => Step::Call("generate_content"),
        "embeddings" | "embedding" | "aembedding" => Step::Call("embeddings"),
        "rerank" | "reranker" | "arerank" => Step::Call("rerank"),
        "image_generation" | "aimage_generation" | "generate_image" => {
            Step::Call("image_generation")
        }
        "speech" | "aspeech" | "text_to_speech" => Step::Call("speech"),
        "transcription" | "atranscription" => Step::Call("transcription"),
        "moderation" | "amoderation" => Step::Call("moderation"),
        "invoke_agent" | "create_agent" | "invoke_workflow" | "execute_tool" | "retrieval"
        | "agent" | "chain" | "tool" | "workflow" | "task" | "retriever" | "guardrail"
        | "evaluator" | "prompt" | "parser" | "span" | "event" => Step::Around,
        _ => Step::Unknown,
    }
}

/// Whether nothing is generated, so that every token went in.
pub fn takes_input_only(operation: &str) -> bool {
    matches!(operation, "embeddings" | "rerank" | "moderation")
}

/// Our name for whoever was called.
///
/// Instrumentation of a client says whose client it is. Many speak OpenAI's dialect, so where the
/// address is that of somebody we know, it is them.
pub fn provider(
    named: Option<&str>,
    host: Option<&str>,
    model: Option<&str>,
) -> Option<CompactString> {
    let named = named.map(str::trim).filter(|name| !name.is_empty()).map(plain_provider);
    let of_host = || {
        let address = detect::address(host.filter(|host| !host.is_empty()), "");
        address.provider
    };
    let of_model = || model.and_then(detect::provider_of_model);
    match named {
        Some(name) if name == "openai" => Some(of_host().unwrap_or(name)),
        Some(name) => Some(name),
        None => of_host().or_else(of_model),
    }
}

/// The name without what a framework puts behind it: `openai.chat` and `google.vertex.chat`.
fn plain_provider(name: &str) -> CompactString {
    const KINDS: [&str; 10] = [
        "chat",
        "completion",
        "completions",
        "embedding",
        "embeddings",
        "generative_ai",
        "image",
        "messages",
        "responses",
        "textembedding",
    ];
    let ours = provider_name(name);
    let bare = match ours.rsplit_once('.') {
        Some((bare, kind)) if KINDS.contains(&kind) => provider_name(bare),
        _ => ours,
    };
    match bare.as_str() {
        "google.vertex" => "vertex_ai".into(),
        _ => bare,
    }
}

/// What a span says was used, as it stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanCounts {
    /// Tokens that went in.
    pub input: Option<u64>,
    /// Tokens that came out.
    pub output: Option<u64>,
    /// Tokens of all kinds.
    pub total: Option<u64>,
    /// Tokens of the input that were read from a cache.
    pub cache_read: Option<u64>,
    /// Tokens of the input that were written to a cache.
    pub cache_written: Option<u64>,
    /// Tokens of the output that were spent on thinking.
    pub reasoning: Option<u64>,
    /// Tokens of the input that are sound.
    pub input_audio: Option<u64>,
    /// Tokens of the output that are sound.
    pub output_audio: Option<u64>,
}

impl SpanCounts {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes the counts apart, so that no token is in two of them.
    ///
    /// By the conventions the input holds what was cached, and the output the thinking. Some say
    /// them beside it, as their provider does: there the total tells, or a part that is more than
    /// its whole.
    pub fn quantities(self, takes_input_only: bool) -> (Quantities, Vec<Flag>) {
        let mut tally = Tally::default();
        let read = self.cache_read.unwrap_or(0);
        let written = self.cache_written.unwrap_or(0);
        let cached = read.saturating_add(written);
        let reasoning = self.reasoning.unwrap_or(0);
        if let (None, None, Some(total)) = (self.input, self.output, self.total) {
            tally.add_lone_total(total, takes_input_only);
            return tally.into_quantities();
        }
        let rest = |known: Option<u64>| Some(self.total?.saturating_sub(known?));
        let input = self.input.or_else(|| rest(self.output)).unwrap_or(cached);
        let output = self.output.or_else(|| rest(self.input)).unwrap_or(reasoning);
        let sum = input.saturating_add(output);
        let over = self.total.and_then(|total| total.checked_sub(sum));
        let is_beside = |part: u64, whole: u64| match over {
            Some(0) => false,
            Some(over) if over == part || over == cached.saturating_add(reasoning) => true,
            _ => part > whole,
        };
        let inputs = match cached > 0 && is_beside(cached, input) {
            true => input.saturating_add(cached),
            false => input,
        };
        let outputs = match reasoning > 0 && is_beside(reasoning, output) {
            true => output.saturating_add(reasoning),
            false => output,
        };
        let sound =
            |audio: Option<u64>| Modalities { audio: audio.unwrap_or(0), ..Modalities::default() };
        tally.add_prompt(&Prompt {
            total: inputs,
            cached: Modalities { total: read, ..Modalities::default() },
            written_5m: written,
            modalities: sound(self.input_audio),
            ..Prompt::default()
        });
        let modalities = sound(self.output_audio);
        tally.add_answer(&Answer { total: outputs, reasoning, modalities });
        tally.into_quantities()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(counts: SpanCounts) -> String {
        let (quantities, flags) = counts.quantities(false);
        let one = |(meter, quantity): (&crate::usage::Meter, crate::Quantity)| {
            format!("{}={quantity}", meter.name())
        };
        let words: Vec<String> = quantities.iter().map(one).collect();
        format!("{}{}", words.join(" "), if flags.is_empty() { "" } else { " !" })
    }

    #[test]
    fn what_stands_around_calls_is_no_call() {
        for call in ["chat", "text_completion", "generate_content", "embeddings", "LLM", "rerank"] {
            assert!(matches!(step(call), Step::Call(_)), "{call}");
        }
        for around in ["invoke_agent", "create_agent", "execute_tool", "CHAIN", "AGENT", "workflow"]
        {
            assert_eq!(step(around), Step::Around, "{around}");
        }
        assert_eq!(step("chat.completions"), Step::Call("chat"));
        assert_eq!(step("think"), Step::Unknown);
    }

    #[test]
    fn whoever_was_called_is_told_by_the_name_the_address_or_the_model() {
        let name = |named, host, model| provider(named, host, model).unwrap_or_default();

        assert_eq!(name(Some("azure.ai.openai"), None, None), "azure");
        assert_eq!(name(Some("gcp.vertex_ai"), None, None), "vertex_ai");
        assert_eq!(name(Some("openai.chat"), None, None), "openai");
        assert_eq!(name(Some("google.vertex.chat"), None, None), "vertex_ai");
        assert_eq!(name(Some("amazon-bedrock"), None, None), "bedrock");
        assert_eq!(name(Some("openai"), Some("api.groq.com"), None), "groq");
        assert_eq!(name(Some("openai"), Some("gateway.internal"), None), "openai");
        assert_eq!(name(Some("anthropic"), Some("api.groq.com"), None), "anthropic");
        assert_eq!(name(None, Some("api.anthropic.com"), None), "anthropic");
        assert_eq!(name(None, None, Some("claude-sonnet-4-5")), "anthropic");
        assert_eq!(name(Some(" "), None, None), "");
    }

    #[test]
    fn a_token_is_in_one_count_only() {
        let all = SpanCounts {
            input: Some(1000),
            output: Some(300),
            cache_read: Some(600),
            cache_written: Some(100),
            reasoning: Some(200),
            ..SpanCounts::default()
        };
        assert_eq!(
            used(all),
            "input_tokens=300 output_tokens=100 cache_read_tokens=600 \
             cache_write_5m_tokens=100 reasoning_tokens=200"
        );
        assert_eq!(used(SpanCounts { total: Some(1300), ..all }), used(all));
    }

    #[test]
    fn what_is_said_beside_its_whole_is_added_to_it() {
        let beside = SpanCounts {
            input: Some(50),
            output: Some(300),
            cache_read: Some(600),
            cache_written: Some(100),
            ..SpanCounts::default()
        };
        let told = "input_tokens=50 output_tokens=300 cache_read_tokens=600 \
                    cache_write_5m_tokens=100";
        assert_eq!(used(beside), told);
        assert_eq!(used(SpanCounts { total: Some(1050), ..beside }), told);

        let large = SpanCounts { input: Some(5000), total: Some(6000), ..beside };
        assert!(used(large).starts_with("input_tokens=5000 "), "{}", used(large));
        let within = SpanCounts { total: Some(5300), ..large };
        assert!(used(within).starts_with("input_tokens=4300 "), "{}", used(within));

        let thinking = SpanCounts {
            input: Some(10),
            output: Some(20),
            reasoning: Some(30),
            total: Some(60),
            ..SpanCounts::default()
        };
        assert_eq!(used(thinking), "input_tokens=10 output_tokens=20 reasoning_tokens=30");
    }

    #[test]
    fn a_total_tells_the_half_that_is_not_said() {
        let total = SpanCounts { total: Some(120), ..SpanCounts::default() };
        assert_eq!(used(total), "total_tokens=120");
        assert_eq!(
            used(SpanCounts { input: Some(100), ..total }),
            "input_tokens=100 output_tokens=20"
        );
        let (quantities, _) = total.quantities(true);
        assert_eq!(quantities.iter().next().map(|(meter, _)| meter.name()), Some("input_tokens"));
    }

    #[test]
    fn counts_that_contradict_their_total_are_cut_and_said_to_be() {
        let counts = SpanCounts {
            input: Some(50),
            output: Some(10),
            cache_read: Some(80),
            total: Some(60),
            ..SpanCounts::default()
        };
        assert_eq!(used(counts), "output_tokens=10 cache_read_tokens=50 !");
    }
}
