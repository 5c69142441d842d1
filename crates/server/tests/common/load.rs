//! Events whose sums a test knows, and senders that remember what was answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use outlay_domain::Amount;
use outlay_server::cli::client::Client;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::{get, post};

const ACCOUNTS: [&str; 4] = ["ada", "grace", "linus", "default"];
const PROVIDERS: [&str; 4] = ["openai", "anthropic", "google", "mistral"];

/// Events that are sent together, and again in the same words.
#[derive(Debug, Clone)]
pub struct Batch {
    events: Vec<Value>,
    sums: BTreeMap<&'static str, Sum>,
}

/// What an account should be charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many events.
    pub events: u64,
    /// How much.
    pub nanos: i64,
}

/// All that was ever sent, and what of it was answered.
pub struct Load {
    seed: u64,
    began_at: DateTime<Utc>,
    sent: Mutex<Sent>,
}

#[derive(Default)]
struct Sent {
    batches: u64,
    answered: BTreeMap<&'static str, Sum>,
    open: Vec<Batch>,
}

impl Load {
    /// Events made from `seed`.
    pub fn new(seed: u64) -> Arc<Self> {
        // Whole microseconds, and a day ago, so that no event is in the future.
        let began_at = Utc::now() - TimeDelta::days(1);
        Arc::new(Self { seed, began_at, sent: Mutex::default() })
    }

    /// A batch that was never sent before.
    fn next(&self) -> Batch {
        let number = {
            let mut sent = self.sent.lock();
            sent.batches += 1;
            sent.batches
        };
        let mut random = StdRng::seed_from_u64(self.seed ^ number.wrapping_mul(0x9E37_79B9));
        let size = if random.random_bool(0.2) { 1 } else { random.random_range(2..300) };
        let mut batch = Batch { events: Vec::new(), sums: BTreeMap::new() };
        for place in 0..size {
            let account = ACCOUNTS[random.random_range(0..ACCOUNTS.len())];
            let nanos = random.random_range(1..5_000_000_000_i64);
            let occurred_at =
                self.began_at + TimeDelta::milliseconds(random.random_range(0..86_000_000));
            batch.events.push(json!({
                "id": format!("{number}-{place}"),
                "source": "load",
                "occurred_at": occurred_at.to_rfc3339_opts(SecondsFormat::Micros, true),
                "account": account,
                "provider": PROVIDERS[random.random_range(0..PROVIDERS.len())],
                "model": format!("model-{}", random.random_range(0..12)),
                "quantities": { "requests": 1, "input_tokens": random.random_range(1..9_999) },
                "tags": { "feature": format!("f{}", random.random_range(0..40)) },
                "cost": Amount::from_nanos(nanos).to_string(),
            }));
            let sum = batch.sums.entry(account).or_default();
            sum.events += 1;
            sum.nanos += nanos;
        }
        batch
    }

    /// Sends new batches until `stop`, or until nobody answers.
    pub async fn send_until(self: Arc<Self>, client: Client, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            let batch = self.next();
            self.sent.lock().open.push(batch.clone());
            if !self.send(&client, batch).await {
                return;
            }
        }
    }

    /// Sends again what was not answered; says whether everything was.
    pub async fn send_open(&self, client: &Client) -> bool {
        let open = self.sent.lock().open.clone();
        for batch in open {
            if !self.send(client, batch).await {
                return false;
            }
        }
        true
    }

    /// Sends a batch, and remembers it as answered when it was. `false` when nobody answered, or
    /// when the server said that it cannot write now.
    async fn send(&self, client: &Client, batch: Batch) -> bool {
        let (status, answer) = match post(client, "/api/v1/events", &json!(batch.events)).await {
            Ok(answered) => answered,
            Err(_) => return false,
        };
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            return false;
        }
        assert_eq!(status, StatusCode::OK, "{answer}");
        let done = answer["accepted"].as_u64().unwrap() + answer["repeated"].as_u64().unwrap();
        assert_eq!(done, batch.events.len() as u64, "{answer}");

        let mut sent = self.sent.lock();
        sent.open.retain(|other| other.events[0]["id"] != batch.events[0]["id"]);
        for (account, sum) in batch.sums {
            let answered = sent.answered.entry(account).or_default();
            answered.events += sum.events;
            answered.nanos += sum.nanos;
        }
        true
    }

    /// How many events were answered.
    pub fn events(&self) -> u64 {
        self.sent.lock().answered.values().map(|sum| sum.events).sum()
    }

    /// How many events were made and perhaps sent.
    pub fn events_sent(&self) -> u64 {
        self.events()
            + self.sent.lock().open.iter().map(|batch| batch.events.len() as u64).sum::<u64>()
    }

    /// Fails unless the server counts and charges exactly what was answered, when nothing is open.
    pub async fn assert_kept(&self, client: &Client) {
        let wanted = {
            let sent = self.sent.lock();
            assert!(sent.open.is_empty(), "{} batches are open", sent.open.len());
            sent.answered.values().fold(Sum::default(), |sum, account| Sum {
                events: sum.events + account.events,
                nanos: sum.nanos + account.nanos,
            })
        };

        let (_, metrics) = get(client, "/metrics").await.unwrap();

        let figure = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().to_owned()
        };
        assert_eq!(figure("outlay_ledger_events "), wanted.events.to_string());
        let spend: Amount = figure("outlay_ledger_spend ").parse().unwrap();
        assert_eq!(spend, Amount::from_nanos(wanted.nanos));
    }
}
