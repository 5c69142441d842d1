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
const TEAMS: [&str; 8] =
    ["search", "support", "growth", "platform", "research", "finance", "mobile", "internal"];

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

    fn event(&mut self, number: usize) {
        let (provider, model) = MODELS[number % MODELS.len()];
        let random = self.random();
        self.body.extend_from_slice(b"{\"id\":\"");
        self.ids.push(self.body.len());
        write!(
            self.body,
            "00000000-0000-0000-0000-000000000000\",\"source\":\"gateway\",\"occurred_at\":\"2026-11-{:02}T{:02}:{:02}:{:02}.{:03}Z\",\
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
