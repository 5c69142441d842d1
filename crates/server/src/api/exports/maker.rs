//! Makes the files of schedules, as exports and reports are made for those who ask.

use std::io;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use outlay_domain::exports::{
    EventsFormat, Export, FocusFormat, FocusGranularity, FocusVersion, ScheduleDraft,
};
use outlay_domain::usage::question::Every;
use outlay_engine::Outlay;
use outlay_engine::exports::focus::FocusRows;
use outlay_engine::exports::schedules::{FileMaker, Piece, Pieces, Wanted};
use outlay_engine::insights::month::Month;
use outlay_engine::insights::month_report::MonthQuestion;
use outlay_engine::usage::questions::EXPORT_EVENTS;
use outlay_engine::usage::{By, UsageEvents};
use tokio::sync::mpsc;

use super::begin;
use super::events::EventRows;
use super::focus::{Charges, Version};
use super::sink::Format;
use crate::config::Config;
use crate::report;

/// Whose turns the server takes for its own files. They are made one after the other, and so need no
/// turn at being sent besides.
const PART: &str = "exports";

/// Makes the files of schedules.
pub struct Maker {
    outlay: Weak<Outlay>,
    config: Arc<Config>,
}

impl Maker {
    /// A maker of files about what is in `outlay`, as long as that is open.
    pub fn new(outlay: &Arc<Outlay>, config: Arc<Config>) -> Self {
        Self { outlay: Arc::downgrade(outlay), config }
    }
}

#[async_trait]
impl FileMaker for Maker {
    async fn make(&self, wanted: Wanted) -> Result<Pieces, String> {
        let outlay = self.outlay.upgrade().ok_or("the server is stopping")?;
        let Wanted { draft, .. } = &wanted;
        match draft.export {
            Export::Events { format } => {
                let rows = EventRows::new(format.into()).map_err(|error| error.to_string())?;
                let questions = outlay.questions.by(By::Server(PART));
                begin(questions, asked(&wanted), None, rows, None)
                    .await
                    .map_err(|error| error.to_string())
            }
            Export::Focus { format, version, granularity } => {
                let tz = draft.calendar.tz;
                let every = match granularity {
                    FocusGranularity::Hour => Every::Hour,
                    FocusGranularity::Day => Every::Day,
                };
                let lines = FocusRows::new(every, tz, outlay.prices.book());
                let config = self.config.clone();
                let rows = Charges::new(format.into(), version.into(), lines, tz, config)
                    .map_err(|error| error.to_string())?;
                let questions = outlay.questions.by(By::Server(PART));
                begin(questions, asked(&wanted), None, rows, None)
                    .await
                    .map_err(|error| error.to_string())
            }
            Export::Report {} => report(&outlay, &wanted).await,
        }
    }
}

impl From<EventsFormat> for Format {
    fn from(format: EventsFormat) -> Self {
        match format {
            EventsFormat::Csv => Self::Csv,
            EventsFormat::Ndjson => Self::Ndjson,
            EventsFormat::Parquet => Self::Parquet,
        }
    }
}

impl From<FocusFormat> for Format {
    fn from(format: FocusFormat) -> Self {
        match format {
            FocusFormat::Csv => Self::Csv,
            FocusFormat::Parquet => Self::Parquet,
        }
    }
}

impl From<FocusVersion> for Version {
    fn from(version: FocusVersion) -> Self {
        match version {
            FocusVersion::V1_2 => Self::V1_2,
            FocusVersion::V1_4 => Self::V1_4,
        }
    }
}

/// The events of a period.
fn asked(Wanted { draft, period }: &Wanted) -> UsageEvents {
    UsageEvents {
        from: Some(period.from),
        to: Some(period.to),
        filters: draft.filters.filters().to_vec(),
        id: None,
        above: None,
        about_lacking: false,
        limit: EXPORT_EVENTS,
        after: None,
    }
}

/// The report of a month, which is made at once.
async fn report(outlay: &Arc<Outlay>, wanted: &Wanted) -> Result<Pieces, String> {
    let ScheduleDraft { calendar, filters, .. } = &wanted.draft;
    let month = Month::of(wanted.period.first).ok_or("the calendar has no such month")?;
    let asked = MonthQuestion { month, tz: calendar.tz, filters: filters.filters().to_vec() };
    let reports = outlay.month_reports(By::Server(PART));
    let told = reports.about(&asked).await.map_err(|error| error.to_string())?;
    let page = Bytes::from(report::page(&told));
    let (sender, pieces) = mpsc::channel::<io::Result<Piece>>(2);
    for piece in [Piece::Bytes(page), Piece::End { rows: None }] {
        // There is room for both, and somebody who waits.
        sender.try_send(Ok(piece)).map_err(|error| error.to_string())?;
    }
    Ok(pieces)
}
