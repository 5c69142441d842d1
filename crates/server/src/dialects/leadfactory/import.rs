//! `outlay import leadfactory`, and the follower within the server.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use clap::{Args, ValueEnum};
use compact_str::CompactString;
use futures::FutureExt;
use indicatif::ProgressBar;
use outlay_domain::imports::{ImportedBudgets, ImportedRuns};
use outlay_domain::usage::Refusal;
use outlay_engine::figure_text::count_text;
use outlay_engine::import::leadfactory::database::{Database, DatabaseError, Kind, Patience};
use outlay_engine::import::leadfactory::discovery::{
    DiscoveryError, Found, Surroundings, discover,
};
use outlay_engine::import::leadfactory::feed::{self, CallsKnown, CallsRule, Feed, Parcel};
use outlay_engine::import::leadfactory::revenue::{RevenueFeed, RevenueParcel};
use outlay_engine::import::leadfactory::tail::{Change, Cursor, Known, Rows};
use outlay_engine::import::leadfactory::{Tracker, budgets, runs};
use outlay_engine::import::{Place, Report, RowRefusal, Zone};
use outlay_engine::tasks::Task;
use serde::Serialize;
use serde_json::Value;
use tokio::task::block_in_place;

use super::status::{Seen, Status};
use crate::api::imports::{
    BudgetsBody, CursorBody, ImportBody, ImportsBody, MergeAnswer, MergeBody, ProgressBody,
    RefusalBody, RowsBody, RunsBody,
};
use crate::api::revenue::{RevenueAnswer, RevenueBody};
use crate::cli::client::{CliError, Client};
use crate::cli::globals::Globals;
use crate::cli::import::failure::{describe, failed};
use crate::cli::import::note::{Notes, write_line};
use crate::cli::import::progress::{Measure, bar, pace};
use crate::cli::import::sender::{Sender, Uplink};
use crate::cli::import::summary::{Kept, RevenueSummary, Summary, counted, decimal};
use crate::cli::import::zones::{zone, zone_or_here};
use crate::dialect::Follower;

/// Who pays for what LeadFactory counted, where nobody else is named.
const ACCOUNT: &str = "leadfactory";
/// How long an import waits for a lock of LeadFactory's.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a follower looks for new rows.
const POLL: Duration = Duration::from_secs(1);
/// How long a follower within the server waits for a lock before it says so.
const PATIENCE_WITHIN: Duration = Duration::from_secs(2);
/// How long it waits before it begins again.
const AGAIN: Duration = Duration::from_secs(5);
/// How soon a follower notices that it is to stop.
const STOP_POLL: Duration = Duration::from_millis(50);
/// How often a follower looks at budgets and runs: in how many looks for rows.
const LOOKS_PER_BUDGETS: u64 = 60;
/// How often a follower within the server looks for databases that were not there: in how many
/// looks for rows.
const LOOKS_PER_SEARCH: u64 = 10;
/// Refusals of one parcel that are logged one by one, at most.
const REFUSALS_LOGGED_MAX: usize = 20;
/// Payments in one request, at most.
const REVENUE_ROWS: usize = 1_000;

/// Flags of `outlay import leadfactory`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  outlay import leadfactory ~/leadfactory --timezone Europe/Berlin
  outlay import leadfactory data/cost_tracking.db ~/.leadfactory/gpt_usage.db --timezone UTC
  outlay import leadfactory ~/leadfactory --timezone Europe/Berlin --follow

Without a PATH the databases named by COST_TRACKING_DB_PATH, GPT_USAGE_DB_PATH,
PURCHASE_METRICS_DB_PATH, FINANCIAL_TRACKING_DB_PATH and BUDGET_DB_PATH are read, or else
those below the folder you are in.")]
pub struct ImportArgs {
    /// Databases, or folders in which to look for them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The zone that LeadFactory's clock shows [default: this machine's]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    timezone: Option<Zone>,
    /// Go on reading what is added, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Who pays
    #[arg(long, value_name = "NAME", default_value = ACCOUNT)]
    account: String,
    /// Which calls of gpt_usage.db are usage of their own: `failed` are those that no row of
    /// costs counts [default: failed beside a cost_tracking.db, all without]
    #[arg(long, value_name = "WHICH")]
    calls: Option<Calls>,
    /// Take the `gpu`/`stop` rows of bin/cost_tracking.py too, which count each GPU twice
    #[arg(long)]
    keep_gpu_stop: bool,
    /// Read every row again, also those that were imported before
    #[arg(long)]
    again: bool,
    /// Read and judge everything, and send nothing
    #[arg(long, conflicts_with = "follow")]
    dry_run: bool,
}

/// Which calls are usage of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Calls {
    /// Those that no row of costs counts.
    Failed,
    /// All of them.
    All,
}

/// Imports LeadFactory's databases, once or until Ctrl-C.
pub async fn import(globals: &Globals, args: ImportArgs) -> Result<ExitCode, CliError> {
    let mut notes = Notes::default();
    let (zone, note) = zone_or_here(args.timezone)?;
    if let Some(note) = note {
        notes.tell(note, None);
    }
    let stop = stop_on_signals()?;
    let patience = Patience { total: PATIENCE, stop: Arc::clone(&stop) };
    let Some(found) = find(&args, POLL, &patience, &mut notes, None).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    tell_found(&found, &args, &mut notes);
    // Whoever follows waits for what cannot be read; an import must not call itself done without.
    if let Some((path, error)) = found.skipped.first().filter(|_| !args.follow) {
        return Err(CliError::Failed(format!(
            "{} should be imported and cannot be read: {}\n  nothing was imported; mend the file or \
             move it away, or name the files that are to be imported",
            path.display(),
            describe(error)
        )));
    }

    let client = if args.dry_run { None } else { Some(globals.client_of_any_folder().await?) };
    if args.follow && matches!(client, Some(Client::InProcess { .. })) {
        notes.tell(
            format!(
                "no server runs on {}: this follower keeps the folder open itself, and no server \
                 can start on it meanwhile",
                globals.data.display()
            ),
            None,
        );
    }
    let watch = Watch { quiet: globals.json, poll: POLL, within: None };
    let outcome = read_all(client.as_ref(), &args, zone, &found, patience, notes, watch).await;
    if let Some(client) = client {
        client.close().await;
    }
    outcome?.show(globals.output())
}

/// Databases that the server itself follows.
#[derive(Debug, Clone)]
pub struct Followed {
    /// Where they are, or where to look for them.
    pub paths: Vec<PathBuf>,
    /// The zone of their clock.
    pub zone: Zone,
    /// How often they are read.
    pub poll: Duration,
}

/// What follows these databases within the server.
pub fn follower(followed: Followed) -> Follower {
    let followed = Arc::new(followed);
    Follower {
        name: "followers.leadfactory",
        follow: Box::new(move |state, router, task| {
            let followed = followed.clone();
            async move { follow(&Client::Within(router), &followed, &Status::of(&state), &task).await }
                .boxed()
        }),
    }
}

/// Follows databases within the server that `client` calls, for as long as this is awaited.
async fn follow(client: &Client, followed: &Followed, status: &Status, task: &Task) {
    task.beat();
    status.want();
    let args = ImportArgs {
        paths: followed.paths.clone(),
        timezone: Some(followed.zone),
        follow: true,
        account: ACCOUNT.into(),
        calls: None,
        keep_gpu_stop: false,
        again: false,
        dry_run: false,
    };
    loop {
        if let Err(error) =
            follow_once(client, &args, followed, Within { status, task, paths: &args.paths }).await
        {
            tracing::error!(%error, "LeadFactory's databases cannot be followed");
            status.failed(error.to_string());
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn follow_once(
    client: &Client,
    args: &ImportArgs,
    followed: &Followed,
    within: Within<'_>,
) -> Result<(), CliError> {
    let mut notes = Notes::default();
    let patience = Patience { total: PATIENCE_WITHIN, stop: Arc::default() };
    let Some(found) = find(args, followed.poll, &patience, &mut notes, Some(within.status)).await?
    else {
        return Ok(());
    };
    tell_found(&found, args, &mut notes);
    within.status.found(seen(&found));
    let watch = Watch { quiet: true, poll: followed.poll, within: Some(within) };
    read_all(Some(client), args, followed.zone, &found, patience, notes, watch).await.map(drop)
}

/// All databases that were found, under LeadFactory's names.
fn seen(found: &Found) -> Vec<Seen> {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into();
    let unreadable = found.skipped.iter().map(|(path, _)| (path, true));
    let others = found.others.iter().map(|path| (path, false));
    let named = unreadable.chain(others).map(|(path, is_imported)| Seen {
        name: stem(path),
        path: path.clone(),
        is_imported,
    });
    let read = found.databases.iter().map(|own| Seen {
        name: own.kind.word().into(),
        path: own.path.clone(),
        is_imported: true,
    });
    read.chain(named).collect()
}

/// Who watches the reading, and how often is read.
struct Watch<'a> {
    quiet: bool,
    poll: Duration,
    within: Option<Within<'a>>,
}

/// The server within which is read.
struct Within<'a> {
    status: &'a Status,
    task: &'a Task,
    paths: &'a [PathBuf],
}

/// Reads what was found, once or until told to stop.
async fn read_all(
    client: Option<&Client>,
    args: &ImportArgs,
    zone: Zone,
    found: &Found,
    patience: Patience,
    notes: Notes,
    watch: Watch<'_>,
) -> Result<Summary, CliError> {
    let remembered = match client {
        Some(client) => client.get::<ImportsBody>("/api/v1/imports").await?,
        None => ImportsBody { items: Vec::new(), next_cursor: None },
    };
    let rule = calls_rule(found, &remembered, args.calls)?;
    let stop = Arc::clone(&patience.stop);
    let run = Run {
        uplink: client
            .map(|client| Uplink { client, until: args.follow.then(|| Arc::clone(&stop)) }),
        quiet: watch.quiet,
        follow: args.follow,
        poll: watch.poll,
        within: watch.within,
        stop,
        started: Instant::now(),
        bar: bar(Measure::Rows, watch.quiet || args.follow),
        report: Report::default(),
        left_out: BTreeMap::new(),
        revenue: None,
        zone,
        last_budgets: BTreeMap::new(),
        last_runs: BTreeMap::new(),
        merged: BTreeSet::new(),
        notes,
        waiting_for: None,
    };
    let options = feed::Options {
        zone,
        account: args.account.as_str().into(),
        keep_gpu_stops: args.keep_gpu_stop,
        calls: rule,
        again: args.again,
    };
    let memory = Memory { remembered };
    let mut usage = usage_feeds(found, &memory, &patience, &options);
    let mut revenue = revenue_feeds(found, &memory, &patience, &options);
    run.all(found, &mut usage, &mut revenue, &patience).await
}

/// What the server remembers of earlier imports.
struct Memory {
    remembered: ImportsBody,
}

impl Memory {
    /// The databases of `kind` that were read before, the one that was read first before others.
    fn known(&self, kind: Kind) -> Vec<Known> {
        let is_known = |item: &&ImportBody| item.kind == kind.word() && item.merged_into.is_none();
        let mut items: Vec<_> = self.remembered.items.iter().filter(is_known).collect();
        items.sort_by_key(|item| (item.first_at, &item.source));
        items.into_iter().filter_map(known).collect()
    }

    fn counted_to(&self) -> Option<i64> {
        let calls = self.remembered.items.iter().filter(|item| item.kind == Kind::Calls.word());
        calls.filter_map(|item| item.counted_to).max()
    }
}

fn known(item: &ImportBody) -> Option<Known> {
    let cursor = |row: &CursorBody| Cursor { id: row.id, fingerprint: row.fingerprint.clone() };
    Some(Known {
        identity: item.source.rsplit(':').next()?.into(),
        cursor: item.cursor.as_ref().map(cursor),
        anchors: item.anchors.iter().map(cursor).collect(),
        file: item.file.clone(),
    })
}

/// What the follower of a usage feed is called by, and what it reads.
struct UsageFeed {
    feed: Feed,
    names: BTreeMap<&'static str, CompactString>,
}

/// One run of the command.
struct Run<'a> {
    uplink: Option<Uplink<'a>>,
    quiet: bool,
    follow: bool,
    poll: Duration,
    within: Option<Within<'a>>,
    stop: Arc<AtomicBool>,
    started: Instant,
    bar: ProgressBar,
    report: Report,
    left_out: BTreeMap<&'static str, u64>,
    revenue: Option<RevenueSummary>,
    zone: Zone,
    last_budgets: BTreeMap<PathBuf, ImportedBudgets>,
    last_runs: BTreeMap<PathBuf, ImportedRuns>,
    merged: BTreeSet<CompactString>,
    notes: Notes,
    waiting_for: Option<String>,
}

/// What ended a round.
enum Trouble {
    /// A database cannot be read.
    Database(DatabaseError),
    /// The server has not taken what was sent.
    Server(CliError),
}

impl Run<'_> {
    /// Reads everything once, or until told to stop.
    async fn all(
        mut self,
        found: &Found,
        usage: &mut [UsageFeed],
        revenue: &mut [(RevenueFeed, CompactString)],
        patience: &Patience,
    ) -> Result<Summary, CliError> {
        self.tell_read_before(usage, revenue)?;
        let mut looks: u64 = 0;
        loop {
            let with_budgets = looks.is_multiple_of(LOOKS_PER_BUDGETS);
            match self.round(found, usage, revenue, patience, with_budgets).await {
                Ok(()) => {
                    self.waiting_for = None;
                    if let Some(within) = &self.within {
                        within.status.synced(Utc::now());
                        within.task.done();
                    }
                }
                Err(Trouble::Database(error)) if self.follow => self.tell_waiting(&error),
                Err(Trouble::Database(error)) => return Err(failed(&error)),
                Err(Trouble::Server(error)) => return Err(error),
            }
            looks += 1;
            if !self.follow || !pause(&self.stop, self.poll).await {
                break;
            }
            // Whoever follows begins again with all that is there then.
            if looks.is_multiple_of(LOOKS_PER_SEARCH) && self.more_came(found, patience) {
                break;
            }
        }
        for usage in usage {
            self.tell_about_calls(&usage.feed);
        }
        for (reason, count) in std::mem::take(&mut self.left_out) {
            self.tell(format!("left out: {} {reason}", count_text(count.into())));
        }
        self.bar.finish_and_clear();
        let kept = Kept {
            budgets: self.last_budgets.values().map(|set| set.limits.len() as u64).sum(),
            batches: self.last_runs.values().map(|set| set.runs.len() as u64).sum(),
        };
        let elapsed = self.started.elapsed();
        let dry_run = self.uplink.is_none();
        Ok(Summary::new(self.report, self.notes.into_kept(), elapsed, dry_run)
            .with(self.revenue, kept))
    }

    /// Whether there are databases to follow that were not there, or could not be read.
    fn more_came(&self, known: &Found, patience: &Patience) -> bool {
        let Some(within) = &self.within else { return false };
        let found = block_in_place(|| look_for(within.paths, patience));
        found.is_ok_and(|found| found.databases.iter().any(|own| !known.databases.contains(own)))
    }

    /// Reads all that is there now.
    async fn round(
        &mut self,
        found: &Found,
        usage: &mut [UsageFeed],
        revenue: &mut [(RevenueFeed, CompactString)],
        patience: &Patience,
        with_budgets: bool,
    ) -> Result<(), Trouble> {
        for usage in usage.iter_mut() {
            while let Some(parcel) = block_in_place(|| usage.feed.next_parcel())? {
                self.tell_changes(usage.feed.take_changes());
                self.send_usage(parcel, &usage.names).await?;
                if self.is_stopped() {
                    return Ok(());
                }
            }
            for marks in usage.feed.take_marks() {
                self.send_marks(marks, &usage.names).await?;
            }
        }
        for (feed, name) in revenue {
            while let Some(parcel) = block_in_place(|| feed.next_parcel())? {
                self.send_revenue(parcel, name).await?;
            }
        }
        if with_budgets {
            for database in &found.databases {
                let costs = usage.iter().find_map(|usage| usage.feed.source_of(database)).flatten();
                let costs = costs.as_ref();
                let read = block_in_place(|| budgets::read(database, patience, costs))?;
                if let Some(read) = read {
                    self.send_kept::<_, BudgetsBody>(
                        |run| &mut run.last_budgets,
                        "budgets",
                        &database.path,
                        read,
                    )
                    .await?;
                }
                let zone = self.zone;
                let read = block_in_place(|| runs::read(database, patience, zone, costs))?;
                if let Some(read) = read {
                    self.send_kept::<_, RunsBody>(
                        |import| &mut import.last_runs,
                        "batches",
                        &database.path,
                        read,
                    )
                    .await?;
                }
            }
        }
        self.merge(usage).await?;
        Ok(())
    }

    /// Lets each database count once that an older version took for several.
    async fn merge(&mut self, usage: &[UsageFeed]) -> Result<(), CliError> {
        let Some(uplink) = self.uplink.clone() else { return Ok(()) };
        let sources: Vec<_> = usage.iter().flat_map(|usage| usage.feed.sources()).collect();
        for (source, duplicates) in sources {
            if self.merged.contains(&source) {
                continue;
            }
            let body = MergeBody { source: source.clone(), duplicates };
            let merged: MergeAnswer = uplink.post_json("/api/v1/imports/merges", &body).await?;
            if !merged.sources.is_empty() {
                self.tell(format!(
                    "{}: the same database was counted under {} as well; taken back were {}, {} \
                     and {}",
                    kind_of(&source),
                    counted(merged.sources.len() as u64, "other name"),
                    counted(merged.events, "event"),
                    counted(merged.budgets, "budget"),
                    match merged.batches {
                        1 => "1 batch".to_owned(),
                        batches => format!("{} batches", count_text(batches.into())),
                    },
                ));
            }
            self.merged.insert(source);
        }
        Ok(())
    }

    /// Remembers by what a database is known again of which no row is new.
    async fn send_marks(
        &mut self,
        marks: Parcel,
        names: &BTreeMap<&'static str, CompactString>,
    ) -> Result<(), CliError> {
        let Some(uplink) = &self.uplink else { return Ok(()) };
        let rows = rows_body(&Report::default());
        let progress = usage_progress(marks, names, rows, Vec::new());
        uplink.post_json::<Value>("/api/v1/imports", &progress).await?;
        Ok(())
    }

    async fn send_usage(
        &mut self,
        mut parcel: Parcel,
        names: &BTreeMap<&'static str, CompactString>,
    ) -> Result<(), CliError> {
        let sender = match &self.uplink {
            Some(uplink) => Sender::Server(uplink.clone()),
            None => Sender::DryRun(Utc::now()),
        };
        let mut report = sender.send(std::mem::take(&mut parcel.rows)).await?;
        report.left_out = parcel.left_out.values().sum();
        for (reason, count) in &parcel.left_out {
            *self.left_out.entry(reason).or_default() += count;
        }
        let kind = parcel.kind.word();
        if let Some(uplink) = &self.uplink {
            let (rows, refusals) = (rows_body(&report), refusal_bodies(&report));
            let progress = usage_progress(parcel, names, rows, refusals);
            uplink.post_json::<Value>("/api/v1/imports", &progress).await?;
        }
        self.tell_parcel(&report);
        self.log_refusals(kind, &report);
        self.report.add(report);
        self.bar.set_position(self.report.rows());
        self.bar.set_message(pace(self.report.rows(), self.started.elapsed()));
        Ok(())
    }

    async fn send_revenue(
        &mut self,
        parcel: RevenueParcel,
        name: &CompactString,
    ) -> Result<(), CliError> {
        let mut counts = RevenueSummary::default();
        let mut report = Report::default();
        let (mut places, mut facts) = (Vec::new(), Vec::new());
        for (place, fact) in parcel.rows {
            match fact {
                Ok(fact) => {
                    places.push(place);
                    facts.push(fact);
                }
                Err(refusal) => report.refuse(place, &refusal),
            }
        }
        match &self.uplink {
            None => counts.accepted = facts.len() as u64,
            Some(uplink) => {
                let pages = facts.chunks(REVENUE_ROWS).zip(places.chunks(REVENUE_ROWS));
                for (facts, places) in pages {
                    let bodies = facts
                        .iter()
                        .cloned()
                        .map(RevenueBody::try_from)
                        .collect::<Result<Vec<_>, _>>()
                        .map_err(|error| CliError::Failed(error.to_string()))?;
                    let answer = tell_revenue(uplink, &bodies).await?;
                    counts.accepted += answer.accepted;
                    counts.repeated += answer.repeated;
                    for item in answer.items {
                        if let Some((place, code)) = places.get(item.index).zip(item.code) {
                            let field = item.field.unwrap_or_default();
                            let detail = item.detail.unwrap_or_default();
                            report.refuse_because(*place, code.as_str(), &field, &detail);
                        }
                    }
                }
            }
        }
        counts.refused = report.refused;
        let kind = kind_of(&parcel.source);
        if let Some(uplink) = &self.uplink {
            let rows = RowsBody {
                accepted: counts.accepted,
                repeated: counts.repeated,
                refused: counts.refused,
                left_out: 0,
            };
            let progress = ProgressBody {
                kind: kind.clone(),
                source: parcel.source,
                name: name.clone(),
                cursor: Some(cursor_body(parcel.cursor)),
                anchors: parcel.anchors.into_iter().map(cursor_body).collect(),
                file: parcel.file,
                counted_to: None,
                rows,
                refusals: refusal_bodies(&report),
            };
            uplink.post_json::<Value>("/api/v1/imports", &progress).await?;
        }
        self.log_refusals(&kind, &report);
        self.revenue.get_or_insert_default().add(counts);
        // Payments are counted beside usage; only their refusals stand in one list.
        self.report.refusals.append(&mut report.refusals);
        Ok(())
    }

    /// Sends a set that is kept as it stands, unless it is what was sent from `path` before.
    async fn send_kept<S: Clone + PartialEq, B: From<S> + Serialize>(
        &mut self,
        known: fn(&mut Self) -> &mut BTreeMap<PathBuf, S>,
        noun: &str,
        path: &Path,
        (set, refused): (S, Vec<(Place, Refusal)>),
    ) -> Result<(), CliError> {
        if known(self).get(path) == Some(&set) {
            return Ok(());
        }
        for (place, refusal) in refused {
            self.tell(format!("not kept: {place}: {refusal}"));
        }
        if let Some(uplink) = &self.uplink {
            let body = B::from(set.clone());
            uplink.post_json::<Value>(&format!("/api/v1/imports/{noun}"), &body).await?;
        }
        known(self).insert(path.to_path_buf(), set);
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// What people are told.
impl Run<'_> {
    fn tell(&mut self, note: impl Into<String>) {
        self.notes.tell(note, Some(&self.bar));
    }

    fn tell_read_before(
        &mut self,
        usage: &mut [UsageFeed],
        revenue: &mut [(RevenueFeed, CompactString)],
    ) -> Result<(), CliError> {
        let mut usage_rows = Rows::default();
        for usage in usage {
            usage_rows += self.recognised(usage.feed.recognise())?;
        }
        let mut rows = usage_rows;
        for (feed, _) in revenue {
            rows += self.recognised(feed.recognise())?;
        }
        self.bar.set_length(usage_rows.left);
        if rows.before > 0 {
            self.tell(format!(
                "{} read before, those that were refused included, and not read again; --again does",
                counted(rows.before, "row")
            ));
        }
        Ok(())
    }

    /// A follower waits for a file that is away or locked; an import fails at once.
    fn recognised(&mut self, rows: Result<Rows, DatabaseError>) -> Result<Rows, CliError> {
        match rows {
            Err(error) if self.follow => {
                self.tell_waiting(&error);
                Ok(Rows::default())
            }
            Err(error) => Err(failed(&error)),
            Ok(rows) => Ok(rows),
        }
    }

    fn tell_waiting(&mut self, error: &DatabaseError) {
        let error = describe(error);
        if let Some(within) = &self.within {
            within.status.failed(error.clone());
        }
        if self.waiting_for.as_ref() != Some(&error) {
            self.tell(format!("waiting: {error}"));
            self.waiting_for = Some(error);
        }
    }

    fn tell_changes(&mut self, changes: Vec<(Kind, Change)>) {
        for (kind, change) in changes {
            let kind = kind.word();
            self.tell(match change {
                Change::Replaced => {
                    format!("{kind}: another database stands there now; it is read as a source of its own")
                }
                Change::PutBack { id } => format!(
                    "{kind}: row {id}, the last that was imported, is gone or another: the \
                     database was put back from a copy, and is read again from its beginning"
                ),
                Change::BeginningGone => {
                    format!("{kind}: its first rows are gone; it is the same database still")
                }
            });
        }
    }

    /// One line a parcel while following: whoever looks sees that it works.
    fn tell_parcel(&self, report: &Report) {
        if !self.follow || self.quiet {
            return;
        }
        let line = format!(
            "{}  {} accepted, {} repeated, {} refused, {} spent",
            Utc::now().format("%FT%TZ"),
            count_text(report.accepted.into()),
            count_text(report.repeated.into()),
            count_text(report.refused.into()),
            decimal(report.spend_nanos),
        );
        self.bar.suspend(|| write_line(&line));
        for refusal in &report.refusals {
            self.bar.suspend(|| write_line(&format!("refused {refusal}")));
        }
    }

    /// Within the server nobody sees lines on a terminal: what was refused goes to the log.
    fn log_refusals(&self, kind: &str, report: &Report) {
        if self.within.is_none() {
            return;
        }
        for refusal in report.refusals.iter().take(REFUSALS_LOGGED_MAX) {
            tracing::warn!(
                database = kind,
                row = %refusal.row,
                field = refusal.field,
                reason = ?refusal.detail,
                "a row of LeadFactory's was refused, and is not counted"
            );
        }
        let more = report.refused.saturating_sub(REFUSALS_LOGGED_MAX as u64);
        if more > 0 {
            tracing::warn!(
                database = kind,
                rows = more,
                "more rows of LeadFactory's were refused; GET /api/v1/imports lists the newest"
            );
        }
    }

    fn tell_about_calls(&mut self, feed: &Feed) {
        let (calls, nanos) = feed.unmatched_calls();
        if calls > 0 && !self.follow {
            self.tell(format!(
                "{} of gpt_usage, {} together, have no row in costs and are not counted; \
                 LeadFactory's own reports leave them out too",
                counted(calls, "call"),
                decimal(nanos)
            ));
        }
        if let Some(minutes) = feed.clock_offset_minutes() {
            let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
            let side = if minutes < 0 { "before" } else { "behind" };
            self.tell(format!(
                "most rows of costs stand {hours} h {rest:02} min {side} their own calls in \
                 gpt_usage, whose times are UTC: is --timezone the zone of LeadFactory's clock?"
            ));
        }
    }
}

impl From<DatabaseError> for Trouble {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl From<CliError> for Trouble {
    fn from(error: CliError) -> Self {
        Self::Server(error)
    }
}

/// Finds the databases. A follower waits for them; `None` where it is stopped before they come.
async fn find(
    args: &ImportArgs,
    poll: Duration,
    patience: &Patience,
    notes: &mut Notes,
    status: Option<&Status>,
) -> Result<Option<Found>, CliError> {
    let mut told = String::new();
    loop {
        let error = match block_in_place(|| look_for(&args.paths, patience)) {
            Ok(found) => return Ok(Some(found)),
            Err(error) if args.follow => describe(&error),
            Err(error) => return Err(failed(&error)),
        };
        if told != error {
            notes.tell(format!("waiting: {error}"), None);
            told.clone_from(&error);
        }
        if let Some(status) = status {
            status.found_none(error);
        }
        if !pause(&patience.stop, poll).await {
            return Ok(None);
        }
    }
}

fn look_for(paths: &[PathBuf], patience: &Patience) -> Result<Found, DiscoveryError> {
    let variable = |name: &str| std::env::var_os(name);
    let surroundings =
        Surroundings { variable: &variable, home: std::env::home_dir(), here: PathBuf::from(".") };
    discover(paths, &surroundings, patience)
}

/// Waits for the next look; answers whether there is one.
async fn pause(stop: &AtomicBool, poll: Duration) -> bool {
    for _ in 0..poll.as_millis() / STOP_POLL.as_millis() {
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        tokio::time::sleep(STOP_POLL).await;
    }
    !stop.load(Ordering::Relaxed)
}

fn tell_found(found: &Found, args: &ImportArgs, notes: &mut Notes) {
    for (path, error) in &found.skipped {
        notes.tell(format!("left out {}: {}", path.display(), describe(error)), None);
    }
    for database in &found.databases {
        notes.tell(format!("reading {} ({})", database.path.display(), database.kind.word()), None);
        if database.kind == Kind::CostTracking(Tracker::Script) && !args.keep_gpu_stop {
            notes.tell(
                "it was written by bin/cost_tracking.py, which counts a GPU's cost once a minute \
                 and again at its stop: the gpu/stop rows are left out (--keep-gpu-stop takes them)",
                None,
            );
        }
    }
}

/// Which calls are events of their own, so that nothing is counted twice.
fn calls_rule(
    found: &Found,
    remembered: &ImportsBody,
    asked: Option<Calls>,
) -> Result<CallsRule, CliError> {
    let is_named = |path: &Path, word: &str| path.file_stem().is_some_and(|stem| stem == word);
    // What cannot be read now may hold the costs of the calls: they are not to be taken for spend.
    let has = |word: &str| {
        found.databases.iter().any(|database| database.kind.word() == word)
            || found.skipped.iter().any(|(path, _)| is_named(path, word))
    };
    let was_imported = |word: &str, counted: bool| {
        let counts = |item: &ImportBody| !counted || item.counted_to.is_some();
        remembered.items.iter().any(|item| item.kind == word && counts(item))
    };
    let refuse = |detail: &str| Err(CliError::Failed(detail.to_owned()));
    match (has("cost_tracking"), has("gpt_usage"), asked) {
        (_, _, Some(Calls::All)) => Ok(CallsRule::All),
        (_, _, Some(Calls::Failed)) => Ok(CallsRule::NotInCosts),
        (true, false, None) if was_imported("gpt_usage", true) => refuse(
            "gpt_usage.db was imported on its own before, with what its calls cost, and the same \
             calls stand in cost_tracking.db\n  give both files, so that each call is counted \
             once; or --calls all, if they are of different LeadFactories",
        ),
        (false, true, None) if was_imported("cost_tracking", false) => refuse(
            "a cost_tracking.db was imported before, and holds what the calls of gpt_usage.db \
             cost\n  give both files, or --calls failed for the calls that failed alone; or \
             --calls all, if they are of different LeadFactories",
        ),
        (false, true, None) => Ok(CallsRule::All),
        _ => Ok(CallsRule::NotInCosts),
    }
}

/// The costs, each database a feed of its own; the first of the package's shares its feed with
/// the calls, which the package writes too.
fn usage_feeds(
    found: &Found,
    memory: &Memory,
    patience: &Patience,
    options: &feed::Options,
) -> Vec<UsageFeed> {
    let mut calls = found.databases.iter().find(|database| database.kind == Kind::Calls);
    let mut costs: Vec<(&Database, Tracker)> = found
        .databases
        .iter()
        .filter_map(|database| match database.kind {
            Kind::CostTracking(tracker) => Some((database, tracker)),
            _ => None,
        })
        .collect();
    costs.sort_by_key(|(_, tracker)| *tracker);
    let feed = |costs: Option<(&Database, Tracker)>, calls: Option<&Database>| {
        let both = [costs.map(|(database, _)| database), calls];
        let names = both
            .into_iter()
            .flatten()
            .map(|database| (database.kind.word(), file_name(database)))
            .collect();
        let costs =
            costs.map(|(database, tracker)| (database, tracker, memory.known(database.kind)));
        let calls = calls.map(|database| {
            let known = memory.known(database.kind);
            (database, CallsKnown { known, counted_to: memory.counted_to() })
        });
        UsageFeed { feed: Feed::new(costs, calls, patience, options.clone()), names }
    };
    let mut feeds: Vec<UsageFeed> =
        costs.into_iter().map(|costs| feed(Some(costs), calls.take())).collect();
    if let Some(calls) = calls {
        feeds.push(feed(None, Some(calls)));
    }
    feeds
}

/// Sends payments; an answer that refuses all of them is an answer too.
async fn tell_revenue(
    uplink: &Uplink<'_>,
    bodies: &[RevenueBody],
) -> Result<RevenueAnswer, CliError> {
    match uplink.post_json("/api/v1/revenue", &bodies).await {
        Err(CliError::Refused { body, .. }) if body.get("items").is_some() => {
            serde_json::from_value(body).map_err(|error| CliError::Failed(error.to_string()))
        }
        answer => answer,
    }
}

fn revenue_feeds(
    found: &Found,
    memory: &Memory,
    patience: &Patience,
    options: &feed::Options,
) -> Vec<(RevenueFeed, CompactString)> {
    // Purchases first: their times are UTC and need no zone.
    [Kind::Purchases, Kind::Finances]
        .into_iter()
        .flat_map(|kind| found.databases.iter().filter(move |database| database.kind == kind))
        .map(|database| {
            let known = memory.known(database.kind);
            let feed = RevenueFeed::new(database, known, patience, options.zone, options.again);
            (feed, file_name(database))
        })
        .collect()
}

fn file_name(database: &Database) -> CompactString {
    database.path.file_name().unwrap_or_default().to_string_lossy().into()
}

fn kind_of(source: &str) -> CompactString {
    source.split(':').nth(1).unwrap_or_default().into()
}

fn cursor_body(cursor: Cursor) -> CursorBody {
    CursorBody { id: cursor.id, fingerprint: cursor.fingerprint }
}

fn usage_progress(
    parcel: Parcel,
    names: &BTreeMap<&'static str, CompactString>,
    rows: RowsBody,
    refusals: Vec<RefusalBody>,
) -> ProgressBody {
    let kind = parcel.kind.word();
    ProgressBody {
        source: parcel.source,
        kind: kind.into(),
        name: names.get(kind).cloned().unwrap_or_default(),
        cursor: Some(cursor_body(parcel.cursor)),
        anchors: parcel.anchors.into_iter().map(cursor_body).collect(),
        file: parcel.file,
        counted_to: parcel.counted_to,
        rows,
        refusals,
    }
}

fn rows_body(report: &Report) -> RowsBody {
    RowsBody {
        accepted: report.accepted,
        repeated: report.repeated,
        refused: report.refused,
        left_out: report.left_out,
    }
}

fn refusal_bodies(report: &Report) -> Vec<RefusalBody> {
    let body = |refusal: &RowRefusal| RefusalBody {
        row: refusal.row.to_string(),
        field: refusal.field.clone(),
        detail: refusal.detail.clone(),
    };
    report.refusals.iter().map(body).collect()
}

/// A flag that the first SIGINT or SIGTERM sets. The second ends the process as it always does.
fn stop_on_signals() -> Result<Arc<AtomicBool>, CliError> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        flag.store(true, Ordering::Relaxed);
        write_line("stopping after what is being sent; once more to stop at once");
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(130);
    });
    Ok(stop)
}
