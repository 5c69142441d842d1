//! What more than one noun of the API reads or writes: accounts, events and questions about usage, words,
//! ids, and pages of lists.

pub mod accounts;
pub mod cloud_events;
pub mod event_body;
pub mod event_row;
pub mod event_schema;
pub mod ids;
pub mod months;
pub mod otlp;
pub mod paging;
pub mod usage_body;
pub mod usage_params;
pub mod words;
