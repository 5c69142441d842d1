//! `gpt_usage`: calls of language models, most of which stand in `costs` too.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use compact_str::{CompactString, format_compact};
use hashbrown::HashMap;
use outlay_domain::usage::{EventDraft, Meter, Refusal, RefusalCode, Status};
use outlay_domain::{Amount, Quantity};
use serde_json::{Map, Value};

use super::super::zone::from_epoch_seconds;
use super::costs::{dollars, name};
use super::database::{Cell, Row, Table};
use super::details;

/// The table of calls.
pub static CALLS: Table = Table {
    name: "gpt_usage",
    columns: &[
        "id",
        "timestamp",
        "model",
        "operation",
        "input_tokens",
        "output_tokens",
        "total_cost",
        "request_duration",
        "success",
        "error_message",
        "metadata",
        "batch_id",
    ],
    required: &["id", "timestamp", "model", "total_cost", "success"],
};

/// How far the clocks of a call and of its cost may be apart: the zone that a cost is read in may
/// be wrong by a day at most.
const APART_US: i64 = 26 * 3_600 * 1_000_000;
/// Calls of the same price that are compared by their tokens, at most.
const CANDIDATES_MAX: usize = 32;

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its event, as it is when it stands alone.
    pub draft: EventDraft,
    /// Whether it went well.
    pub succeeded: bool,
    /// The id of its row.
    pub id: i64,
}

impl Call {
    /// Reads a row.
    pub fn read(row: &Row, source: &str, account: &str) -> Result<Self, Refusal> {
        let model = name(row, "model")?;
        let operation = name(row, "operation")?;
        let joined = match (&model, &operation) {
            (Some(model), Some(operation)) => Some(format_compact!("{model}_{operation}")),
            _ => operation.clone(),
        };
        let succeeded = !matches!(row.get("success"), Cell::Integer(0));
        let mut draft = EventDraft {
            id: format_compact!("{}:{}", row.table(), row.id),
            source: source.into(),
            account: account.into(),
            occurred_at: Some(moment(row)?),
            provider: Some(CompactString::const_new("openai")),
            service: Some(CompactString::const_new("openai")),
            model,
            operation: joined,
            status: if succeeded { Status::Ok } else { Status::Error },
            stated_cost: Some(dollars(row, "total_cost")?),
            ..EventDraft::default()
        };
        for (meter, column) in
            [(Meter::InputTokens, "input_tokens"), (Meter::OutputTokens, "output_tokens")]
        {
            if let Some(tokens) = tokens(row, column)? {
                draft.quantities.push((meter, tokens));
            }
        }
        if let Some(batch) = row.text("batch_id") {
            details::tag(&mut draft, "batch_id", &batch.as_str().into());
        }
        details::absorb(&mut draft, &other_details(row));
        Ok(Self { draft, succeeded, id: row.id })
    }

    /// Whether the same call stands in `costs`.
    pub fn is_also_a_cost(&self) -> bool {
        self.succeeded && self.draft.stated_cost.is_some_and(|cost| cost > Amount::ZERO)
    }
}

fn moment(row: &Row) -> Result<DateTime<Utc>, Refusal> {
    let refuse = |detail: String| Refusal::new(RefusalCode::Malformed, "timestamp", detail);
    #[allow(clippy::cast_precision_loss)]
    let seconds = match row.get("timestamp") {
        Cell::Real(seconds) => *seconds,
        Cell::Integer(seconds) => *seconds as f64,
        _ => return Err(refuse("is not a number of seconds since 1970".into())),
    };
    from_epoch_seconds(seconds).map_err(|error| refuse(error.to_string()))
}

fn tokens(row: &Row, column: &str) -> Result<Option<Quantity>, Refusal> {
    let tokens = match row.get(column) {
        Cell::Null => return Ok(None),
        Cell::Integer(tokens) if *tokens >= 0 => Quantity::from_units(*tokens),
        _ => None,
    };
    let detail = "is not a whole number of tokens, zero or more";
    tokens.map(Some).ok_or_else(|| Refusal::new(RefusalCode::OutOfRange, column, detail))
}

/// What the row says beside its own columns, as one object.
fn other_details(row: &Row) -> String {
    let mut object = match row.text("metadata").map(|text| serde_json::from_str::<Value>(&text)) {
        Some(Ok(Value::Object(object))) => object,
        _ => Map::new(),
    };
    if let Cell::Real(seconds) = row.get("request_duration")
        && let Some(seconds) = serde_json::Number::from_f64(*seconds)
    {
        object.insert("request_duration".into(), seconds.into());
    }
    if let Some(error) = row.text("error_message").filter(|error| !error.is_empty()) {
        object.insert("error".into(), error.as_str().into());
    }
    Value::Object(object).to_string()
}

/// The calls whose costs are still to be found, or the other way about.
#[derive(Debug, Default)]
pub struct Unmatched {
    calls: HashMap<(CompactString, i64), BTreeMap<(i64, i64), Tokens>>,
    count: u64,
    nanos: i128,
    offsets: BTreeMap<i64, u64>,
}

type Tokens = (Option<i64>, Option<i64>);

/// What a cost learns from its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The id of the call's row.
    pub id: i64,
    /// Its input and output.
    tokens: Tokens,
}

impl Unmatched {
    /// Remembers a call whose cost is still to come.
    pub fn insert(&mut self, call: &Call) {
        let Some((key, at)) = key_of(&call.draft) else { return };
        let tokens = tokens_of(&call.draft);
        self.count += 1;
        self.nanos += i128::from(key.1);
        self.calls.entry(key).or_default().insert((at, call.id), tokens);
    }

    /// Takes out the call that `cost` is the cost of: same operation, same dollars, same tokens
    /// where both name them, and of several the nearest in time.
    pub fn take(&mut self, cost: &EventDraft) -> Option<Match> {
        let (key, at) = key_of(cost)?;
        let calls = self.calls.get_mut(&key)?;
        let wanted = tokens_of(cost);
        let agrees = |tokens: &Tokens| {
            let same = |a: Option<i64>, b: Option<i64>| a.is_none() || b.is_none() || a == b;
            same(tokens.0, wanted.0) && same(tokens.1, wanted.1)
        };
        let later = calls.range((at, i64::MIN)..=(at.saturating_add(APART_US), i64::MAX));
        let earlier = calls.range((at.saturating_sub(APART_US), i64::MIN)..(at, i64::MIN)).rev();
        let nearest = |(key, tokens): (&(i64, i64), &Tokens)| (key.0.abs_diff(at), *key, *tokens);
        let found = later
            .take(CANDIDATES_MAX)
            .map(nearest)
            .chain(earlier.take(CANDIDATES_MAX).map(nearest))
            .filter(|(_, _, tokens)| agrees(tokens))
            .min_by_key(|(distance, key, _)| (*distance, *key))?;
        let (_, (call_at, id), tokens) = found;
        calls.remove(&(call_at, id));
        if calls.is_empty() {
            self.calls.remove(&key);
        }
        self.count -= 1;
        self.nanos -= i128::from(key.1);
        *self.offsets.entry(quarters(at - call_at)).or_default() += 1;
        Some(Match { id, tokens })
    }

    /// How many calls have no cost, and what they cost together, in nanos.
    pub const fn left(&self) -> (u64, i128) {
        (self.count, self.nanos)
    }

    /// By how many minutes most costs stand beside their calls, where that is not none: the costs
    /// are then read in a zone that they were not written in.
    pub fn clock_offset_minutes(&self) -> Option<i64> {
        let matches: u64 = self.offsets.values().sum();
        let in_step = self.offsets.get(&0).copied().unwrap_or(0);
        let (quarters, most) = self.offsets.iter().max_by_key(|(_, count)| **count)?;
        let is_off = *quarters != 0 && *most >= 3 && in_step * 2 < matches;
        is_off.then_some(quarters * 15)
    }
}

impl Match {
    /// Adds what `cost` does not say itself.
    pub fn enrich(self, cost: &mut EventDraft) {
        let said = |cost: &EventDraft, meter: &Meter| {
            cost.quantities.iter().any(|(known, _)| known == meter)
        };
        for (meter, tokens) in
            [(Meter::InputTokens, self.tokens.0), (Meter::OutputTokens, self.tokens.1)]
        {
            if let Some(tokens) = tokens.and_then(Quantity::from_units)
                && !said(cost, &meter)
            {
                cost.quantities.push((meter, tokens));
            }
        }
    }
}

/// The nearest number of quarters of an hour; every zone's offset is a whole number of them.
const fn quarters(micros: i64) -> i64 {
    const QUARTER_US: i64 = 15 * 60 * 1_000_000;
    (micros + QUARTER_US / 2).div_euclid(QUARTER_US)
}

fn key_of(draft: &EventDraft) -> Option<((CompactString, i64), i64)> {
    let operation = draft.operation.clone()?;
    let nanos = draft.stated_cost?.nanos();
    Some(((operation, nanos), draft.occurred_at?.timestamp_micros()))
}

fn tokens_of(draft: &EventDraft) -> Tokens {
    let of = |meter: Meter| {
        draft.quantities.iter().find(|(known, _)| *known == meter).map(|(_, much)| much.whole())
    };
    (of(Meter::InputTokens), of(Meter::OutputTokens))
}
