//! `costs`: one row per billed operation.

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use compact_str::{CompactString, format_compact};
use outlay_domain::Amount;
use outlay_domain::usage::{EventDraft, Refusal, RefusalCode, Status};

use super::super::zone::{WallTime, Zone, parse_local, parse_time};
use super::database::{Cell, DatabaseError, Kind, Row, Table};
use super::{details, tail::Tail};

/// The table of costs, in either tracker's shape.
pub static COSTS: Table = Table {
    name: "costs",
    columns: &["id", "timestamp", "service", "operation", "amount", "details", "batch_id"],
    required: &["id", "timestamp", "service", "amount"],
};

/// How far back a time may stand behind an earlier row's without the clock having been put back:
/// several processes write at once, and each takes its time before it waits for the lock.
const OUT_OF_ORDER: Duration = Duration::minutes(5);

/// Makes the draft of a row.
pub fn draft(
    row: &Row,
    source: &str,
    account: &str,
    clock: &mut RowClock,
    tail: &Tail,
) -> Result<Result<EventDraft, Refusal>, DatabaseError> {
    let occurred_at = match clock.instant(row, tail)? {
        Ok(at) => at,
        Err(refusal) => return Ok(Err(refusal)),
    };
    Ok(fill(row, source, account, occurred_at))
}

fn fill(
    row: &Row,
    source: &str,
    account: &str,
    occurred_at: DateTime<Utc>,
) -> Result<EventDraft, Refusal> {
    let service = name(row, "service")?;
    let operation = name(row, "operation")?;
    let amount = dollars(row, "amount")?;
    let mut draft = EventDraft {
        id: format_compact!("{}:{}", row.table(), row.id),
        source: source.into(),
        account: account.into(),
        occurred_at: Some(occurred_at),
        provider: service.as_deref().and_then(provider),
        operation,
        service,
        stated_cost: Some(amount),
        ..EventDraft::default()
    };
    if let Some(batch) = row.text("batch_id") {
        details::tag(&mut draft, "batch_id", &batch.as_str().into());
    }
    if let Some(text) = row.text("details").filter(|text| !text.is_empty()) {
        details::absorb(&mut draft, &text);
    }
    if draft.operation.as_deref().is_some_and(|operation| operation.ends_with("_blocked"))
        && amount == Amount::ZERO
    {
        draft.status = Status::Blocked;
    }
    if draft.model.is_none() && draft.provider.as_deref() == Some("openai") {
        draft.model = draft.operation.as_deref().and_then(model_of);
    }
    Ok(draft)
}

/// The source of what a database of costs holds beside them: that of its costs, and as long as
/// there are none to know it by, that of its kind.
pub(super) fn source(kind: Kind, costs: Option<&CompactString>) -> CompactString {
    costs.cloned().unwrap_or_else(|| format_compact!("leadfactory:{}", kind.word()))
}

/// The name in `column`, with a space for each control character; an empty one is none.
///
/// LeadFactory takes any text for a name, and usage no control characters: better a name that is
/// not to the letter than an amount that is lost.
pub(super) fn name(row: &Row, column: &str) -> Result<Option<CompactString>, Refusal> {
    match row.get(column) {
        Cell::Bytes(_) => Err(Refusal::new(RefusalCode::Malformed, column, "is not UTF-8 text")),
        _ => Ok(row.text(column).filter(|text| !text.is_empty()).map(|text| plain(&text))),
    }
}

fn plain(text: &str) -> CompactString {
    text.chars().map(|letter| if letter.is_ascii_control() { ' ' } else { letter }).collect()
}

/// The dollars in `column`, exact to the nano.
pub(super) fn dollars(row: &Row, column: &str) -> Result<Amount, Refusal> {
    let refuse = |code, detail: String| Err(Refusal::new(code, column, detail));
    let amount = match row.get(column) {
        Cell::Real(value) if value.is_finite() => Amount::from_foreign_float(*value),
        Cell::Real(value) => {
            let detail = format!("`{value}` is not an amount of money");
            return refuse(RefusalCode::OutOfRange, detail);
        }
        Cell::Integer(units) => units.to_string().parse(),
        Cell::Text(text) => {
            let start: String = text.chars().take(40).collect();
            let detail = format!("`{start}` is text, and an amount is a number");
            return refuse(RefusalCode::Malformed, detail);
        }
        // SQLite keeps a float that is not a number as NULL.
        Cell::Null => return refuse(RefusalCode::Missing, "is NULL".into()),
        Cell::Bytes(_) => {
            return refuse(RefusalCode::Malformed, "is bytes, and an amount is a number".into());
        }
    };
    match amount {
        Ok(amount) if amount.is_negative() => {
            refuse(RefusalCode::OutOfRange, format!("{amount} is negative"))
        }
        Ok(amount) => Ok(amount),
        Err(error) => refuse(RefusalCode::OutOfRange, error.to_string()),
    }
}

/// Who is paid for a service, where its name is a company's.
fn provider(service: &str) -> Option<CompactString> {
    let plain = service.to_lowercase();
    match plain.as_str() {
        "openai" | "gpt" | "chatgpt" => Some(CompactString::const_new("openai")),
        "anthropic" | "semrush" | "screenshotone" | "sendgrid" => Some(plain.into()),
        _ => None,
    }
}

/// The model in `gpt-4o_chat_completion`, where a row has no details that name it.
fn model_of(operation: &str) -> Option<CompactString> {
    let (model, _) = operation.split_once('_')?;
    model.starts_with("gpt-").then(|| model.into())
}

/// Reads the times of rows that stand in the order in which they were written.
#[derive(Debug)]
pub struct RowClock {
    zone: Zone,
    repeated: Option<RepeatedHour>,
}

/// An hour that the clock showed twice, and how far the rows are in it.
#[derive(Debug)]
struct RepeatedHour {
    from: NaiveDateTime,
    to: NaiveDateTime,
    latest: Option<NaiveDateTime>,
    /// The clock has been put back.
    second: bool,
}

impl RowClock {
    /// A clock that shows the time of `zone`.
    pub const fn new(zone: Zone) -> Self {
        Self { zone, repeated: None }
    }

    /// The moment that `row` names in its `timestamp`.
    fn instant(
        &mut self,
        row: &Row,
        tail: &Tail,
    ) -> Result<Result<DateTime<Utc>, Refusal>, DatabaseError> {
        let refuse = |code, detail: String| Ok(Err(Refusal::new(code, "timestamp", detail)));
        let Some(text) = row.text("timestamp").filter(|text| !text.is_empty()) else {
            return refuse(RefusalCode::Missing, "a row must say when".into());
        };
        let Some(local) = parse_local(&text) else {
            return match parse_time(&text, self.zone) {
                Ok(at) => Ok(Ok(at)),
                Err(error) => refuse(RefusalCode::Malformed, error.to_string()),
            };
        };
        Ok(Ok(match self.zone.read(local) {
            WallTime::Once(at) => at,
            WallTime::Twice { first, second } => {
                if self.repeated_hour(local, row.id, tail)?.is_second(local) {
                    second
                } else {
                    first
                }
            }
        }))
    }

    /// The repeated hour around `local`, with the rows before `id` taken into account.
    fn repeated_hour(
        &mut self,
        local: NaiveDateTime,
        id: i64,
        tail: &Tail,
    ) -> Result<&mut RepeatedHour, DatabaseError> {
        let known = self.repeated.take().filter(|hour| (hour.from..hour.to).contains(&local));
        let hour = match known {
            Some(hour) => hour,
            None => {
                let mut hour = RepeatedHour::around(local, self.zone);
                let text = |at: NaiveDateTime| at.format("%Y-%m-%dT%H:%M:%S").to_string();
                let (from, to) = (text(hour.from), text(hour.to));
                let before =
                    tail.ask(|file| file.texts_before(&COSTS, "timestamp", id, (&from, &to)))?;
                for earlier in before.iter().filter_map(|text| parse_local(text)) {
                    hour.is_second(earlier);
                }
                hour
            }
        };
        Ok(self.repeated.insert(hour))
    }
}

impl RepeatedHour {
    fn around(local: NaiveDateTime, zone: Zone) -> Self {
        use chrono::Timelike;
        let minute = Duration::minutes(1);
        let is_twice = |at: NaiveDateTime| matches!(zone.read(at), WallTime::Twice { .. });
        let start = local.with_second(0).and_then(|at| at.with_nanosecond(0)).unwrap_or(local);
        let (mut from, mut to) = (start, start + minute);
        while is_twice(from - minute) {
            from -= minute;
        }
        while is_twice(to) {
            to += minute;
        }
        Self { from, to, latest: None, second: false }
    }

    /// Whether a row of that time, the next by id, was written after the clock was put back.
    fn is_second(&mut self, local: NaiveDateTime) -> bool {
        if self.latest.is_some_and(|latest| latest - local > OUT_OF_ORDER) {
            self.second = true;
        }
        self.latest = self.latest.max(Some(local));
        self.second
    }
}
