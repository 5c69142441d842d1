//! `outlay import csv` and `outlay import jsonl`.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::Utc;
use outlay_engine::import::lines::LineReader;
use outlay_engine::import::money::DecimalMark;
use outlay_engine::import::record::Options;
use outlay_engine::import::table::TableReader;
use outlay_engine::import::unpack::{self, BytesRead, Input};
use outlay_engine::import::{ImportRow, PARCEL_ROWS, Report};
use tokio::sync::mpsc;

use super::failure::{describe, failed};
use super::note::Notes;
use super::progress::{Measure, bar, pace};
use super::sender::{Sender, Uplink};
use super::summary::Summary;
use super::zones::zone_or_here;
use super::{CsvArgs, FileArgs};
use crate::cli::Globals;
use crate::cli::client::CliError;

/// Parcels that are read ahead of the one that is being sent.
const PARCELS_AHEAD: usize = 2;

/// Imports a table.
pub async fn import_csv(globals: &Globals, args: CsvArgs) -> Result<ExitCode, CliError> {
    let mut notes = Notes::default();
    let mark = if args.decimal_comma { DecimalMark::Comma } else { DecimalMark::Point };
    let options = options(&args.file, "csv", mark, &mut notes)?;
    let input = open(&args.file.file)?;
    let (read, size) = (input.read.clone(), input.size);
    let reader =
        TableReader::new(input, args.separator, options).map_err(|error| failed(&error))?;
    let unused: Vec<&str> = reader.unused().collect();
    if !unused.is_empty() {
        notes.tell(not_imported("columns", &unused), None);
    }
    let rows = reader.map(|row| row.map_err(|error| describe(&error)));
    let (report, elapsed, ()) = send_all(globals, &args.file, rows, |_| (), read, size).await?;
    report_at_end(globals, &args.file, report, notes, elapsed)
}

/// Imports lines of JSON.
pub async fn import_lines(globals: &Globals, args: FileArgs) -> Result<ExitCode, CliError> {
    let mut notes = Notes::default();
    let options = options(&args, "jsonl", DecimalMark::Point, &mut notes)?;
    let input = open(&args.file)?;
    let (read, size) = (input.read.clone(), input.size);
    let reader = Lines(LineReader::new(input, options).map_err(|error| failed(&error))?);
    let unused = |reader: Lines| -> Vec<String> {
        reader.0.unused().into_iter().map(str::to_owned).collect()
    };
    let (report, elapsed, unused) = send_all(globals, &args, reader, unused, read, size).await?;
    if !unused.is_empty() {
        let unused: Vec<&str> = unused.iter().map(String::as_str).collect();
        notes.tell(not_imported("keys", &unused), None);
    }
    report_at_end(globals, &args, report, notes, elapsed)
}

struct Lines(LineReader);

impl Iterator for Lines {
    type Item = Result<ImportRow, String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|row| row.map_err(|error| describe(&error)))
    }
}

fn options(
    args: &FileArgs,
    source: &str,
    mark: DecimalMark,
    notes: &mut Notes,
) -> Result<Options, CliError> {
    let (zone, note) = zone_or_here(args.timezone)?;
    if let Some(note) = note {
        notes.tell(note, None);
    }
    Ok(Options {
        source: args.source.as_deref().unwrap_or(source).into(),
        account: args.account.as_deref().map(Into::into),
        zone,
        mark,
        map: args.map.clone(),
    })
}

fn open(path: &Path) -> Result<Input, CliError> {
    let opened =
        if path.as_os_str() == "-" { unpack::unpack(std::io::stdin()) } else { unpack::open(path) };
    opened.map_err(|error| CliError::Failed(format!("{}: {error}", path.display())))
}

/// Reads on a thread of its own and sends what it gives, parcel by parcel; `end` is asked of the
/// reader when it has been read.
async fn send_all<R, T>(
    globals: &Globals,
    args: &FileArgs,
    mut reader: R,
    end: impl FnOnce(R) -> T + Send + 'static,
    read: BytesRead,
    size: Option<u64>,
) -> Result<(Report, Duration, T), CliError>
where
    R: Iterator<Item = Result<ImportRow, String>> + Send + 'static,
    T: Send + 'static,
{
    let (parcels, mut received) = mpsc::channel(PARCELS_AHEAD);
    let started = Instant::now();
    let reading = tokio::task::spawn_blocking(move || {
        loop {
            let rows: Result<Vec<ImportRow>, String> = reader.by_ref().take(PARCEL_ROWS).collect();
            let is_end = !matches!(&rows, Ok(rows) if !rows.is_empty());
            // The receiver is gone when sending failed; that error is told, not this one.
            if parcels.blocking_send(rows).is_err() || is_end {
                return end(reader);
            }
        }
    });
    let client = match args.dry_run {
        true => None,
        false => Some(globals.client_of_any_folder().await?),
    };
    let sender = match &client {
        Some(client) => Sender::Server(Uplink { client, until: None }),
        None => Sender::DryRun(Utc::now()),
    };
    let bar = bar(Measure::Bytes(size), globals.json);
    let mut report = Report::default();
    let mut stopped = None;
    while let Some(rows) = received.recv().await {
        match rows {
            Ok(rows) => report.add(sender.send(rows).await?),
            Err(error) => stopped = Some(error),
        }
        bar.set_position(read.get());
        bar.set_message(pace(report.rows(), started.elapsed()));
    }
    bar.finish_and_clear();
    drop(received);
    let at_end = reading.await.map_err(|error| CliError::Failed(error.to_string()))?;
    if let Some(client) = client {
        client.close().await;
    }
    if let Some(error) = stopped {
        return Err(CliError::Failed(format!(
            "{error}\n  {} rows before it were imported; import the file again when it is mended, \
             they will not be counted twice",
            report.accepted + report.repeated
        )));
    }
    Ok((report, started.elapsed(), at_end))
}

fn report_at_end(
    globals: &Globals,
    args: &FileArgs,
    report: Report,
    notes: Notes,
    elapsed: Duration,
) -> Result<ExitCode, CliError> {
    Summary::new(report, notes.into_kept(), elapsed, args.dry_run).show(globals.output())
}

fn not_imported(what: &str, names: &[&str]) -> String {
    format!(
        "not imported: the {what} {}; --map tags.KEY=COLUMN makes a tag of one",
        names.join(", ")
    )
}
