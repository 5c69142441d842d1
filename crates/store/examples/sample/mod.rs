//! Usage as a company of some thousand people might have it, the same for the same seed.
//!
//! Three providers with twenty models each, fifty accounts in eight teams, forty subjects an
//! account. A few models, accounts and features make up most of it; days have a rhythm; counts of
//! tokens and times spread over orders of magnitude, as they do in life.

use chrono::{DateTime, Utc};
use compact_str::{CompactString, format_compact};
use outlay_domain::usage::{
    Charge, ChargeBasis, Dimensions, Fact, FactKind, Meter, Quantities, Status, UsageEvent,
};
use outlay_domain::{Amount, Quantity};

const PROVIDERS: [&str; 3] = ["anthropic", "openai", "google"];
const MODELS: u64 = 20;
const ACCOUNTS: u64 = 50;
const TEAMS: [&str; 8] =
    ["search", "support", "growth", "platform", "research", "sales", "finance", "mobile"];
const SUBJECTS: u64 = 40;
const FEATURES: [&str; 12] = [
    "chat",
    "summary",
    "answers",
    "triage",
    "drafts",
    "translate",
    "extract",
    "classify",
    "review",
    "voice",
    "vision",
    "agents",
];
const TIERS: [&str; 3] = ["free", "pro", "enterprise"];
const OPERATIONS: [&str; 3] = ["chat", "embeddings", "responses"];

/// Events that are committed together, and so received at one moment.
pub const BATCH_EVENTS: u64 = 1_000;
const DAY_US: u64 = 86_400_000_000;

/// How the ids of events are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// Random UUIDs.
    V4,
    /// UUIDs that begin with the time.
    V7,
}

/// Makes facts, each from its number alone.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Another seed, other facts.
    pub seed: u64,
    /// How many facts there are in all, spread over `days`.
    pub facts: u64,
    /// Over how many days.
    pub days: u64,
    /// When they begin.
    pub starts_at: DateTime<Utc>,
    /// How the ids are made.
    pub ids: Ids,
}

impl Sample {
    /// The facts of these numbers.
    pub fn facts(&self, numbers: std::ops::Range<u64>) -> Vec<Fact> {
        numbers.map(|number| self.fact(number)).collect()
    }

    fn fact(&self, number: u64) -> Fact {
        let mut random = Random(self.seed ^ number.wrapping_mul(0xd6e8_feb8_6659_fd93));
        let received_us = self.received_us(number / BATCH_EVENTS * BATCH_EVENTS + BATCH_EVENTS);
        let occurred_us = self.received_us(number) - random.skewed(50_000, 6) as i64;

        let account = random.favours_first(ACCOUNTS);
        let provider = random.favours_first(PROVIDERS.len() as u64) as usize;
        let model = random.favours_first(MODELS);
        let operation = OPERATIONS[(model % 7).min(2) as usize];
        let output = if operation == "embeddings" { 0 } else { random.skewed(30, 6) };
        let cached = if random.one_in(3) { random.skewed(500, 4) } else { 0 };
        let reasoning =
            if model.is_multiple_of(5) && output > 0 { random.skewed(60, 5) } else { 0 };
        let input = random.skewed(60, 6);
        let mut quantities = Quantities::new();
        for (meter, count) in [
            (Meter::Requests, 1),
            (Meter::InputTokens, input),
            (Meter::OutputTokens, output),
            (Meter::CacheReadTokens, cached),
            (Meter::ReasoningTokens, reasoning),
        ] {
            if count > 0 {
                quantities.set(meter, Quantity::from_micros(count as i64 * 1_000_000));
            }
        }
        // Nanos a token; an unknown model now and then.
        let price = 150 + 350 * model as i64;
        let amount =
            price * (input as i64 + 4 * (output + reasoning) as i64) + price * cached as i64 / 10;
        let charge = if model == 19 {
            Charge::unpriced()
        } else {
            Charge {
                basis: ChargeBasis::Rated,
                amount: Some(Amount::from_nanos(amount)),
                unpriced: 0,
                prices: format_compact!("{}", provider as u64 * MODELS + model + 1),
            }
        };

        let team = account % TEAMS.len() as u64;
        let mut tags: Vec<(CompactString, CompactString)> = Vec::with_capacity(2);
        if !random.one_in(4) {
            tags.push(("feature".into(), FEATURES[random.favours_first(12) as usize].into()));
        }
        if random.one_in(2) {
            tags.push(("tier".into(), TIERS[random.favours_first(3) as usize].into()));
        }
        Fact {
            kind: FactKind::Usage,
            received_at: time(received_us),
            event: UsageEvent {
                id: self.id(number, occurred_us, &mut random),
                source: format_compact!("gateway-{}", account % 4),
                occurred_at: time(occurred_us),
                account: format_compact!("account-{account:03}"),
                subject: Some(format_compact!("user-{account:03}-{:02}", random.below(SUBJECTS))),
                provider: Some(PROVIDERS[provider].into()),
                model: Some(format_compact!("{}-model-{model:02}", PROVIDERS[provider])),
                operation: Some(operation.into()),
                service: Some(format_compact!("service-{}", account % 12)),
                status: if random.one_in(40) { Status::Error } else { Status::Ok },
                duration_us: Some(random.skewed(20_000, 7) as i64),
                quantities,
                dimensions: Dimensions {
                    team: Some(TEAMS[team as usize].into()),
                    project: Some(format_compact!(
                        "{}-{}",
                        TEAMS[team as usize],
                        random.favours_first(3)
                    )),
                    platform: Some(if random.one_in(5) { "batch" } else { "api" }.into()),
                    environment: Some(
                        if random.one_in(8) { "staging" } else { "production" }.into(),
                    ),
                },
                tags: tags.into_iter().collect(),
                stated_cost: None,
                metadata: None,
            },
            charge,
        }
    }

    /// The time of a number: busy afternoons, quiet nights.
    fn received_us(&self, number: u64) -> i64 {
        let through = number as f64 * self.days as f64 / self.facts as f64;
        let rhythm = (std::f64::consts::TAU * through).sin() / std::f64::consts::TAU * 0.8;
        self.starts_at.timestamp_micros() + ((through + rhythm) * DAY_US as f64) as i64
    }

    fn id(&self, number: u64, occurred_us: i64, random: &mut Random) -> CompactString {
        let high = match self.ids {
            Ids::V4 => random.next(),
            Ids::V7 => (occurred_us as u64 / 1_000) << 16 | random.below(1 << 16),
        };
        // The number makes it unique, and mixing hides it.
        let low = mix(self.seed ^ number);
        let uuid = uuid::Uuid::from_u64_pair(high, low);
        format_compact!("{uuid}")
    }
}

fn time(us: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(us).unwrap_or_default()
}

/// SplitMix64: small, quick, and the same everywhere.
struct Random(u64);

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// The first are far likelier than the last, as names are in life.
    fn favours_first(&mut self, bound: u64) -> u64 {
        let unit = self.below(1 << 20) as f64 / (1 << 20) as f64;
        (unit * unit * unit * bound as f64) as u64
    }

    /// From `least` up, mostly near it, seldom up to 2 to the power of `octaves` times as much.
    fn skewed(&mut self, least: u64, octaves: u64) -> u64 {
        let scale = self.below(octaves * 16) / 16;
        let around = least << scale;
        around + self.below(around)
    }
}
