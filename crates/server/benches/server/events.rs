//! Events to send: realistic ones, each with an id of its own.

use std::io::Write;

const MODELS: [(&str, &str); 6] = [
    ("openai", "gpt-4o-mini"),
    ("openai", "gpt-4o"),
    ("anthropic", "claude-sonnet-4-5"),
    ("google", "gemini-2.5-flash"),
    ("openai", "text-embedding-3-small"),
    ("anthropic", "claude-opus-4-1"),
];
/// What large teams use at once.
const MANY_MODELS: [(&str, &[&str]); 6] = [
    (
        "openai",
        &[
            "gpt-4.1",
            "gpt-4.1-mini",
            "gpt-4.1-nano",
            "gpt-4o",
            "gpt-4o-mini",
            "gpt-4-turbo",
            "gpt-3.5-turbo",
            "o3",
            "o4-mini",
            "text-embedding-3-small",
        ],
    ),
    (
        "anthropic",
        &[
            "claude-sonnet-4-5",
            "claude-sonnet-4-6",
            "claude-opus-4-1",
            "claude-opus-4-5",
            "claude-opus-4-6",
            "claude-haiku-4-5",
            "claude-3-haiku-20240307",
            "claude-opus-5",
        ],
    ),
    (
        "google",
        &[
            "gemini-2.5-flash",
            "gemini-2.5-pro",
            "gemini-2.0-flash",
            "gemini-1.5-pro",
            "gemini-1.5-flash",
            "gemini-3-pro-preview",
        ],
    ),
    (
        "mistral",
        &[
            "mistral-large-2512",
            "mistral-medium-2604",
            "mistral-small-2603",
            "codestral-2508",
            "devstral-2512",
            "ministral-8b-2512",
        ],
    ),
    ("deepseek", &["deepseek-chat", "deepseek-reasoner", "deepseek-v3.2", "deepseek-v4-pro"]),
    ("xai", &["grok-4", "grok-3", "grok-3-mini", "grok-4.3", "grok-4.5", "grok-code-fast-1"]),
];
const TEAMS: [&str; 8] =
    ["search", "support", "growth", "platform", "research", "finance", "mobile", "internal"];

/// Where an id will stand.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// A body whose ids change with each use; nothing else is made anew, so that the client is quick.
pub struct EventTemplate {
    body: Vec<u8>,
    ids: Vec<usize>,
    state: u64,
}

impl EventTemplate {
    /// An array of `events`.
    pub fn batch(events: usize, seed: u64) -> Self {
        let mut template = Self { body: vec![b'['], ids: Vec::new(), state: (seed + 1) << 48 };
        for number in 0..events {
            if number > 0 {
                template.body.push(b',');
            }
            template.event(number);
        }
        template.body.push(b']');
        template
    }

    /// One event.
    pub fn single(seed: u64) -> Self {
        let mut template = Self { body: Vec::new(), ids: Vec::new(), state: (seed + 1) << 48 };
        template.event(0);
        template
    }

    /// An array of `events` in which hardly anything is like its neighbour: 40 models, 2,000
    /// accounts, 20,000 subjects, four dimensions, two tags, and times of a whole year.
    pub fn varied(events: usize, seed: u64) -> Self {
        let mut template = Self { body: vec![b'['], ids: Vec::new(), state: (seed + 1) << 48 };
        for number in 0..events {
            if number > 0 {
                template.body.push(b',');
            }
            template.varied_event();
        }
        template.body.push(b']');
        template
    }

    fn varied_event(&mut self) {
        let mut below = |bound: u64| self.random() % bound;
        let models = MANY_MODELS
            .iter()
            .flat_map(|(provider, models)| models.iter().map(move |model| (*provider, *model)));
        let (provider, model) =
            models.cycle().nth(below(40) as usize).expect("there are forty models");
        // The twelve months before the eleventh of 2026.
        let month = 1 + below(12);
        let year = if month > 10 { 2025 } else { 2026 };
        let event = format!(
            "\",\"source\":\"gateway-{}\",\"occurred_at\":\"{year}-{month:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z\",\
             \"account\":\"account-{}\",\"subject\":\"user-{}\",\"provider\":\"{provider}\",\"model\":\"{model}\",\
             \"operation\":\"chat\",\"service\":\"service-{}\",\"duration_ms\":{},\
             \"quantities\":{{\"input_tokens\":{},\"output_tokens\":{},\"cache_read_tokens\":{}}},\
             \"dimensions\":{{\"team\":\"{}\",\"environment\":\"env-{}\",\"project\":\"project-{}\",\"platform\":\"platform-{}\"}},\
             \"tags\":{{\"feature\":\"f{}\",\"release\":\"r{}\"}}}}",
            below(4),
            1 + below(28),
            below(24),
            below(60),
            below(60),
            below(1000),
            below(2_000),
            below(20_000),
            below(40),
            below(9_000),
            below(4_000),
            below(900),
            below(2_000),
            TEAMS[below(8) as usize],
            below(3),
            below(300),
            below(6),
            below(200),
            below(50),
        );
        self.body.extend_from_slice(b"{\"id\":\"");
        self.ids.push(self.body.len());
        self.body.extend_from_slice(NO_ID.as_bytes());
        self.body.extend_from_slice(event.as_bytes());
    }

    fn event(&mut self, number: usize) {
        let (provider, model) = MODELS[number % MODELS.len()];
        let random = self.random();
        self.body.extend_from_slice(b"{\"id\":\"");
        self.ids.push(self.body.len());
        write!(
            self.body,
            "{NO_ID}\",\"source\":\"gateway\",\"occurred_at\":\"2026-11-{:02}T{:02}:{:02}:{:02}.{:03}Z\",\
             \"account\":\"account-{}\",\"subject\":\"user-{}\",\"provider\":\"{provider}\",\"model\":\"{model}\",\"operation\":\"chat\",\
             \"service\":\"service-{}\",\"duration_ms\":{},\"quantities\":{{\"input_tokens\":{},\"output_tokens\":{},\"cache_read_tokens\":{}}},\
             \"dimensions\":{{\"team\":\"{}\",\"environment\":\"production\"}},\"tags\":{{\"feature\":\"f{}\"}}}}",
            1 + random % 19, random / 19 % 24, random / 500 % 60, random / 30_000 % 60, random / 7 % 1000,
            random % 50, random % 997, random % 10, random / 3 % 9000, random % 4000, random / 5 % 900, random / 11 % 2000,
            TEAMS[(random % 8) as usize], random % 12,
        )
        .expect("memory takes bytes");
    }

    /// The body with new ids.
    pub fn next(&mut self) -> &[u8] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        for at in 0..self.ids.len() {
            let (mut high, mut low) = (self.random(), self.random());
            let start = self.ids[at];
            for (place, byte) in self.body[start..start + 36].iter_mut().enumerate() {
                if *byte != b'-' {
                    let digits = if place < 18 { &mut high } else { &mut low };
                    *byte = HEX[(*digits & 15) as usize];
                    *digits >>= 4;
                }
            }
        }
        &self.body
    }

    /// A number from SplitMix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}
