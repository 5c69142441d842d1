//! What was used: events, their bounds, and questions about many of them.

pub mod amendment;
mod event;
mod fact;
mod meter;
pub mod question;

pub use event::{
    Dimensions, EVENT_AMOUNT_MAX, EVENT_DURATION_US_MAX, EVENT_QUANTITY_MAX, EVENT_TAGS_MAX,
    EventDraft, EventName, FUTURE_TOLERANCE_HOURS, ID_BYTES_MAX, METADATA_BYTES_MAX,
    NAME_BYTES_MAX, OLDEST_YEAR, QUANTITIES_MAX, Refusal, RefusalCode, Status, TAG_KEY_BYTES_MAX,
    TAG_VALUE_BYTES_MAX, Tags, UsageEvent,
};
pub(crate) use fact::UNPRICED_MARK;
pub use fact::{Charge, ChargeBasis, Fact, FactKind};
pub(crate) use meter::TOTAL_TOKENS;
pub use meter::{METER_NAME_BYTES_MAX, Meter, MeterNameFault, Quantities};
