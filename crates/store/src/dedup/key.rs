//! What is remembered of an event to know it again.

use std::cell::RefCell;

use chrono::{DateTime, Utc};
use outlay_domain::usage::{QUANTITIES_MAX, UsageEvent};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_secret, xxh3_64_with_seed};

/// Two independent hashes of one event.
///
/// The same account, source and id give the same `id`; the same event, to the last field, gives
/// the same `body`. Both are hashes of a canonical form, which must never change: keys of it lie
/// in files. A field that is added to the event later is left out where it is absent, so that the
/// events of before keep their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// XXH3 of the account, the source and the id.
    pub id: u64,
    /// XXH3, by other bytes of the secret, of the whole event.
    pub body: u64,
}

/// How the keys of a run were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    /// By source and id, whoever's account it was, and without a secret: as up to version 0.1.
    BySource,
    /// By account, source and id, under the secret of the data folder.
    ByAccount,
}

impl KeyForm {
    /// The number in the books.
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::BySource => 1,
            Self::ByAccount => 2,
        }
    }

    /// The form of that number.
    pub(crate) const fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::BySource),
            2 => Some(Self::ByAccount),
            _ => None,
        }
    }
}

/// The random bytes of a data folder that its keys are made with.
///
/// Who does not know them cannot make two events whose keys are the same, and so neither have an
/// event taken for another's repeat nor crowd a table.
pub struct KeySecret {
    id: [u8; PART_BYTES],
    body: [u8; PART_BYTES],
}

/// Bytes of the secret that each hash is made with.
const PART_BYTES: usize = 192;
/// Bytes of the whole secret.
pub(crate) const SECRET_BYTES: usize = 2 * PART_BYTES;

/// Bits of the body's hash that are kept. With the 64 of the id, 104 bits agree before an event
/// counts as a repeat: among 10⁸ events, a wrong match of a new one has odds of 5 × 10⁻²⁴.
pub const BODY_BITS: u32 = 40;

const BODY_MASK: u64 = (1 << BODY_BITS) - 1;
const OLD_BODY_SEED: u64 = 0x6f75_746c_6179_0001;

thread_local! {
    static FORM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl KeySecret {
    /// The secret of those bytes; `None` where they are not as many as there must be.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (id, body) = bytes.split_at_checked(PART_BYTES)?;
        Some(Self { id: id.try_into().ok()?, body: body.try_into().ok()? })
    }

    /// The key of `event`.
    pub fn key_of(&self, event: &UsageEvent) -> EventKey {
        FORM.with_borrow_mut(|form| {
            let id_ends = write_form(form, event, KeyForm::ByAccount);
            EventKey {
                id: xxh3_64_with_secret(&form[..id_ends], &self.id),
                body: xxh3_64_with_secret(form, &self.body) & BODY_MASK,
            }
        })
    }
}

impl EventKey {
    /// The key of `event` as it was made up to version 0.1, for runs of that time.
    pub fn by_source(event: &UsageEvent) -> Self {
        FORM.with_borrow_mut(|form| {
            let id_ends = write_form(form, event, KeyForm::BySource);
            Self {
                id: xxh3_64(&form[..id_ends]),
                body: xxh3_64_with_seed(form, OLD_BODY_SEED) & BODY_MASK,
            }
        })
    }

    /// The key with as much of the body's hash as is kept.
    pub(super) const fn kept(self) -> Self {
        Self { id: self.id, body: self.body & BODY_MASK }
    }
}

/// Writes the canonical form into an empty `form`, and says how long the part is that names the
/// event: its account, source and id, or without its account, which then follows the time.
///
/// Each field that is present is its number (a byte), then a text as its length (32 bits, little
/// endian) and its bytes, or a number as 64 bits, little endian. Times are microseconds since 1970,
/// quantities millionths, amounts billionths. Quantities and tags are two fields each, sorted by name.
fn write_form(form: &mut Vec<u8>, event: &UsageEvent, by: KeyForm) -> usize {
    form.clear();
    if by == KeyForm::ByAccount {
        text(form, 4, Some(&event.account));
    }
    text(form, 1, Some(&event.source));
    text(form, 2, Some(&event.id));
    let id_ends = form.len();
    number(form, 3, Some(micros(event.occurred_at)));
    if by == KeyForm::BySource {
        text(form, 4, Some(&event.account));
    }
    text(form, 5, event.subject.as_deref());
    text(form, 6, event.provider.as_deref());
    text(form, 7, event.model.as_deref());
    text(form, 8, event.operation.as_deref());
    text(form, 9, event.service.as_deref());
    text(form, 10, Some(event.status.as_str()));
    number(form, 11, event.duration_us);
    quantities(form, event);
    text(form, 14, event.dimensions.team.as_deref());
    text(form, 15, event.dimensions.project.as_deref());
    text(form, 16, event.dimensions.platform.as_deref());
    text(form, 17, event.dimensions.environment.as_deref());
    for (key, value) in event.tags.iter() {
        text(form, 18, Some(key));
        text(form, 19, Some(value));
    }
    number(form, 20, event.stated_cost.map(|cost| cost.nanos()));
    text(form, 21, event.metadata.as_deref());
    id_ends
}

/// Sorted by name, because the order of the meters themselves changes when one gets a column.
fn quantities(form: &mut Vec<u8>, event: &UsageEvent) {
    let mut sorted = [("", 0); QUANTITIES_MAX + 1];
    let mut count = 0;
    for (slot, (meter, quantity)) in sorted.iter_mut().zip(event.quantities.iter()) {
        *slot = (meter.name(), quantity.micros());
        count += 1;
    }
    sorted[..count].sort_unstable();
    for &(name, micros) in &sorted[..count] {
        text(form, 12, Some(name));
        number(form, 13, Some(micros));
    }
}

fn text(form: &mut Vec<u8>, field: u8, text: Option<&str>) {
    if let Some(text) = text {
        // Every text of an event is bounded far below 4 GiB.
        let length = text.len() as u32;
        form.push(field);
        form.extend_from_slice(&length.to_le_bytes());
        form.extend_from_slice(text.as_bytes());
    }
}

fn number(form: &mut Vec<u8>, field: u8, number: Option<i64>) {
    if let Some(number) = number {
        form.push(field);
        form.extend_from_slice(&number.to_le_bytes());
    }
}

fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}
