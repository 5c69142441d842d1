#![doc = include_str!("README.md")]

mod filter;
mod key;
mod run;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use chrono::{DateTime, Duration, Utc};
use outlay_domain::usage::UsageEvent;
use parking_lot::{Mutex, RwLock};

pub(crate) use key::SECRET_BYTES;
pub use key::{EventKey, KeyForm, KeySecret};
use run::{Keys, RUN_KEYS_MAX, Run, RunWriter};
use table::Table;

use crate::sqlite::manifest::{RunRow, Span};
use crate::{Books, StoreError, Tx, disk, failpoint};

/// The folder of the runs, in the data folder.
pub const FOLDER: &str = "keys";

/// How repeats are remembered.
#[derive(Debug, Clone)]
pub struct DedupOptions {
    /// How long the key of an event is kept after it was received, at least.
    pub window: Duration,
    /// How many runs of about one size are merged into one.
    pub fan_out: usize,
    /// Up to how many keys a merge may make; with more than eight times as many in all, more.
    pub merged_keys: u64,
}

impl Default for DedupOptions {
    fn default() -> Self {
        Self { window: Duration::days(40), fan_out: 4, merged_keys: 1 << 24 }
    }
}

/// Whether an event came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// It never came before.
    New,
    /// The id came with another body; or, hardly ever, another id has the same hash. The history
    /// knows which.
    Differs,
    /// The id came with the same body.
    Same,
}

/// The name of a run's file.
pub(crate) fn file_name(run_id: i64) -> String {
    Run::file_name(run_id)
}

impl Seen {
    const fn of(same_body: bool) -> Self {
        if same_body { Self::Same } else { Self::Differs }
    }
}

/// What the keys take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DedupFigures {
    /// Keys in runs and in memory.
    pub keys: u64,
    /// Keys that are in memory only.
    pub fresh_keys: u64,
    /// How many files the keys are in.
    pub runs: usize,
    /// Bytes of those files.
    pub disk_bytes: u64,
    /// Bytes of memory: filters, indexes, and the keys that are not in runs yet.
    pub memory_bytes: usize,
}

/// Remembers which events came, exactly.
pub struct Dedup {
    folder: PathBuf,
    books: Arc<Books>,
    options: DedupOptions,
    secret: KeySecret,
    state: RwLock<State>,
    /// Whether there are runs of keys that were made in an older way.
    has_older: AtomicBool,
    last_run_id: AtomicI64,
    /// Held while runs are merged or dropped.
    changing: Mutex<()>,
}

#[derive(Default)]
struct State {
    /// Keys since the last run was begun.
    fresh: Table,
    /// Keys of the run that is being written.
    frozen: Vec<Arc<Table>>,
    runs: Vec<Arc<DatedRun>>,
}

/// A run, the time that it is for, and how its keys were made.
struct DatedRun {
    run: Run,
    received: Span,
    form: KeyForm,
}

/// Keys on their way from memory to a run.
pub(crate) struct Frozen {
    tables: Vec<Arc<Table>>,
}

/// A run that is on the disk and not in the books.
pub(crate) struct PendingRun {
    run: Run,
    row: RunRow,
    tables: Vec<Arc<Table>>,
}

impl Dedup {
    /// Opens the keys in `data_dir`, as `books` list them.
    ///
    /// Keys that are in the usage log only must be inserted again by the caller.
    pub fn open(
        data_dir: &Path,
        books: Arc<Books>,
        options: DedupOptions,
    ) -> Result<Self, StoreError> {
        let folder = data_dir.join(FOLDER);
        disk::create_folder(&folder)?;
        let (rows, last_run_id, secret) = books.read_blocking(|books| {
            let secret = books.manifest().key_secret()?;
            Ok((books.manifest().runs()?, books.manifest().last_run_id()?, secret))
        })?;
        let known: HashSet<String> = rows.iter().map(|row| Run::file_name(row.run_id)).collect();
        disk::remove_orphans(&folder, |name| known.contains(name))?;
        let runs: Vec<Arc<DatedRun>> = rows
            .into_iter()
            .map(|row| {
                let run = Run::open(row.run_id, folder.join(Run::file_name(row.run_id)))?;
                Ok(Arc::new(DatedRun { run, received: row.received, form: row.form }))
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Self {
            folder,
            books,
            options,
            secret,
            has_older: AtomicBool::new(any_older(&runs)),
            state: RwLock::new(State { runs, ..State::default() }),
            last_run_id: AtomicI64::new(last_run_id),
            changing: Mutex::new(()),
        })
    }

    /// The key by which `event` is remembered.
    pub fn key_of(&self, event: &UsageEvent) -> EventKey {
        self.secret.key_of(event)
    }

    /// The key by which runs of before know `event`; `None` once there are none.
    pub fn older_key_of(&self, event: &UsageEvent) -> Option<EventKey> {
        self.has_older.load(Ordering::Relaxed).then(|| EventKey::by_source(event))
    }

    /// Says of each event whether it came before.
    pub fn check_events(&self, events: &[&UsageEvent]) -> Result<Vec<Seen>, StoreError> {
        let keys: Vec<_> = events.iter().map(|event| self.key_of(event)).collect();
        let older: Option<Vec<_>> = events.iter().map(|event| self.older_key_of(event)).collect();
        self.check_also_older(&keys, older.as_deref())
    }

    /// Says of each key whether it came before. Repeats within `keys` are the caller's to see.
    pub fn check(&self, keys: &[EventKey]) -> Result<Vec<Seen>, StoreError> {
        self.check_also_older(keys, None)
    }

    /// The same, where `older` are the keys of the same events for runs of before, if any are left.
    ///
    /// Those know no account: where the bodies differ, another account's event may bear the id,
    /// and the answer is `Differs`.
    pub fn check_also_older(
        &self,
        keys: &[EventKey],
        older: Option<&[EventKey]>,
    ) -> Result<Vec<Seen>, StoreError> {
        let keys: Vec<EventKey> = keys.iter().map(|key| key.kept()).collect();
        let mut seen = vec![Seen::New; keys.len()];
        let runs = {
            // Tables and runs together, so that no key is on its way between them.
            let state = self.state.read();
            for table in state.frozen.iter().map(|table| &**table).chain([&state.fresh]) {
                if !table.is_empty() {
                    for (seen, key) in seen.iter_mut().zip(&keys) {
                        *seen = (*seen).max(table.check(*key));
                    }
                }
            }
            state.runs.clone()
        };
        let mut buffer = Vec::new();
        for dated in &runs {
            let keys = match dated.form {
                KeyForm::ByAccount => Some(keys.as_slice()),
                KeyForm::BySource => older,
            };
            if let Some(keys) = keys {
                check_run(&dated.run, keys, &mut seen, &mut buffer)?;
            }
        }
        Ok(seen)
    }

    /// Remembers keys whose events are committed.
    ///
    /// Must come before [`History::append`](crate::history::History::append) of the same events:
    /// a flush relies on it.
    pub fn insert(&self, keys: &[EventKey]) {
        let mut state = self.state.write();
        for key in keys {
            state.fresh.insert(key.kept());
        }
    }

    /// Bytes of memory that the keys take.
    pub fn memory_bytes(&self) -> usize {
        self.figures().memory_bytes
    }

    /// How long the key of an event is kept after it was received, at least.
    pub fn window(&self) -> Duration {
        self.options.window
    }

    /// What the keys take.
    pub fn figures(&self) -> DedupFigures {
        let state = self.state.read();
        let tables = || state.frozen.iter().map(|table| &**table).chain([&state.fresh]);
        let fresh_keys = tables().map(|table| table.len() as u64).sum();
        DedupFigures {
            keys: fresh_keys + state.runs.iter().map(|dated| dated.run.keys).sum::<u64>(),
            fresh_keys,
            runs: state.runs.len(),
            disk_bytes: state.runs.iter().map(|dated| dated.run.disk_bytes()).sum(),
            memory_bytes: tables().map(Table::memory_bytes).sum::<usize>()
                + state.runs.iter().map(|dated| dated.run.memory_bytes()).sum::<usize>(),
        }
    }

    /// Writes the keys that are in memory to a run, without a segment beside it.
    ///
    /// For keys that are in the history already, e.g. when runs are made anew from it.
    pub fn flush(&self, received: Span) -> Result<(), StoreError> {
        if let Some(pending) = self.write_run(self.freeze(), received)? {
            self.books.write_blocking(|tx| pending.register(tx))?;
            self.publish(pending);
        }
        Ok(())
    }

    /// Takes the keys that are in memory for a run. They are found as before.
    pub(crate) fn freeze(&self) -> Frozen {
        let mut state = self.state.write();
        let fresh = std::mem::take(&mut state.fresh);
        if !fresh.is_empty() {
            state.frozen.push(Arc::new(fresh));
        }
        Frozen { tables: state.frozen.clone() }
    }

    /// Writes frozen keys to a run, unless there are none.
    pub(crate) fn write_run(
        &self,
        frozen: Frozen,
        received: Span,
    ) -> Result<Option<PendingRun>, StoreError> {
        let mut keys: Vec<EventKey> = frozen.tables.iter().flat_map(|table| table.iter()).collect();
        if keys.is_empty() {
            return Ok(None);
        }
        keys.sort_unstable();
        let (run_id, path) = self.next_run();
        let mut writer = RunWriter::create(&path, keys.len() as u64)?;
        keys.into_iter().try_for_each(|key| writer.push(key))?;
        let (run, row) = finish(writer, run_id, path, (received, KeyForm::ByAccount), || {})?;
        Ok(Some(PendingRun { run, row, tables: frozen.tables }))
    }

    /// Uses a run that is in the books now, in place of the keys in memory.
    pub(crate) fn publish(&self, pending: PendingRun) {
        let PendingRun { run, row, tables } = pending;
        let mut state = self.state.write();
        state.runs.push(Arc::new(DatedRun { run, received: row.received, form: row.form }));
        state.frozen.retain(|table| !tables.iter().any(|written| Arc::ptr_eq(written, table)));
    }

    fn next_run(&self) -> (i64, PathBuf) {
        let run_id = self.last_run_id.fetch_add(1, Ordering::Relaxed) + 1;
        (run_id, self.folder.join(Run::file_name(run_id)))
    }

    /// Merges one group of runs of about one size, if there is one; says whether there was.
    pub fn merge(&self) -> Result<bool, StoreError> {
        let _changing = self.changing.lock();
        let runs = self.state.read().runs.clone();
        let Some(group) = self.group_to_merge(&runs) else { return Ok(false) };
        let (run, row) = self.write_merged(&group)?;
        self.books.write_blocking(|tx| {
            group.iter().try_for_each(|dated| tx.manifest().remove_run(dated.run.run_id))?;
            tx.manifest().add_run(&row)
        })?;
        failpoint::hit("dedup.merge.registered");
        let merged = Arc::new(DatedRun { run, received: row.received, form: row.form });
        self.replace(&group, Some(merged));
        remove_files(&group)?;
        Ok(true)
    }

    /// The smallest runs of one tier that may become one.
    fn group_to_merge(&self, runs: &[Arc<DatedRun>]) -> Option<Vec<Arc<DatedRun>>> {
        let all: u64 = runs.iter().map(|dated| dated.run.keys).sum();
        let keys_max = self.options.merged_keys.max(all / 8).min(RUN_KEYS_MAX);
        // A run is dropped as a whole, so it must not hold the keys of too long a time.
        let span_max = (self.options.window / 5).num_microseconds().unwrap_or(i64::MAX);
        let fan_out = self.options.fan_out.max(2);
        let tier = |dated: &DatedRun| dated.run.keys.max(1).ilog(fan_out as u64);

        let mut sorted = runs.to_vec();
        sorted.sort_by_key(|dated| (dated.form.number(), tier(dated), dated.received.last_us));
        sorted
            .windows(fan_out)
            .find(|group| {
                let keys: u64 = group.iter().map(|dated| dated.run.keys).sum();
                let received =
                    group.iter().fold(Span::EMPTY, |span, dated| span.union(dated.received));
                // Keys that were made in two ways cannot be told apart in one run.
                group[0].form == group[fan_out - 1].form
                    && tier(&group[0]) == tier(&group[fan_out - 1])
                    && keys <= keys_max
                    && received.last_us.saturating_sub(received.first_us) <= span_max
            })
            .map(<[_]>::to_vec)
    }

    fn write_merged(&self, group: &[Arc<DatedRun>]) -> Result<(Run, RunRow), StoreError> {
        let keys = group.iter().map(|dated| dated.run.keys).sum();
        let received = group.iter().fold(Span::EMPTY, |span, dated| span.union(dated.received));
        let (run_id, path) = self.next_run();
        let mut writer = RunWriter::create(&path, keys)?;
        each_in_order(group, |key| writer.push(key))?;
        let what = (received, group[0].form);
        finish(writer, run_id, path, what, || failpoint::hit("dedup.merge.written"))
            .inspect(|_| failpoint::hit("dedup.merge.renamed"))
    }

    /// Forgets runs of which every event was received before the window; says how many.
    pub fn retain(&self, now: DateTime<Utc>) -> Result<usize, StoreError> {
        let _changing = self.changing.lock();
        let cutoff = (now - self.options.window).timestamp_micros();
        let runs = self.state.read().runs.clone();
        let expired: Vec<_> =
            runs.into_iter().filter(|dated| dated.received.last_us < cutoff).collect();
        if expired.is_empty() {
            return Ok(0);
        }
        self.books.write_blocking(|tx| {
            expired.iter().try_for_each(|dated| tx.manifest().remove_run(dated.run.run_id))
        })?;
        failpoint::hit("dedup.retain.registered");
        self.replace(&expired, None);
        remove_files(&expired)?;
        Ok(expired.len())
    }

    fn replace(&self, old: &[Arc<DatedRun>], new: Option<Arc<DatedRun>>) {
        let mut state = self.state.write();
        state.runs.retain(|run| !old.iter().any(|old| Arc::ptr_eq(old, run)));
        state.runs.extend(new);
        self.has_older.store(any_older(&state.runs), Ordering::Relaxed);
    }

    /// How many different keys there are, which takes reading them all.
    ///
    /// One key may stand in two places: a commit hands its keys over before its facts, so a flush
    /// between the two writes keys of a commit that stays in the usage log. Is the process ended
    /// before the next flush, the commit is read from the log again, and its keys are then in memory
    /// and in the run. No key is without its event, because none is handed over before the event is
    /// on the disk; that it stands there twice says the same as once, and merging makes it one.
    pub fn count_different(&self) -> Result<u64, StoreError> {
        // While it is held, no run goes.
        let _changing = self.changing.lock();
        let (runs, tables) = {
            let state = self.state.read();
            let fresh: Vec<EventKey> = state.fresh.iter().collect();
            (state.runs.clone(), (state.frozen.clone(), fresh))
        };
        let (frozen, mut in_memory) = tables;
        in_memory.extend(frozen.iter().flat_map(|table| table.iter()));
        in_memory.sort_unstable();
        in_memory.dedup();
        let mut different = 0;
        let (by_account, by_source): (Vec<_>, Vec<_>) =
            runs.into_iter().partition(|dated| dated.form == KeyForm::ByAccount);
        for group in [&by_account, &by_source] {
            let mut last = None;
            each_in_order(group, |key| {
                different += u64::from(last.replace(key) != Some(key));
                Ok(())
            })?;
        }
        let mut buffer = Vec::new();
        for key in in_memory {
            let mut is_written = false;
            for dated in by_account.iter().filter(|dated| dated.run.may_hold(key.id)) {
                dated.run.find(key.id, &mut buffer, |body| is_written |= body == key.body)?;
            }
            different += u64::from(!is_written);
        }
        Ok(different)
    }

    /// Reads every run from end to end; one line for each that is damaged.
    pub fn verify(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.books.read_blocking(|books| books.manifest().runs())?;
        let mut faults = Vec::new();
        for row in rows {
            let path = self.folder.join(Run::file_name(row.run_id));
            if let Err(error) = verify_run(&row, &path) {
                faults.push(error.to_string());
            }
        }
        Ok(faults)
    }
}

impl PendingRun {
    /// Enters the run in the books.
    pub(crate) fn register(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        tx.manifest().add_run(&self.row)
    }
}

fn any_older(runs: &[Arc<DatedRun>]) -> bool {
    runs.iter().any(|dated| dated.form == KeyForm::BySource)
}

/// Asks one run about the keys that it may change the answer for.
fn check_run(
    run: &Run,
    keys: &[EventKey],
    seen: &mut [Seen],
    buffer: &mut Vec<u8>,
) -> Result<(), StoreError> {
    for (seen, key) in seen.iter_mut().zip(keys) {
        if run.may_hold(key.id) && *seen != Seen::Same {
            run.find(key.id, buffer, |body| *seen = (*seen).max(Seen::of(body == key.body)))?;
        }
    }
    Ok(())
}

/// Calls `each` with the keys of several runs, in order; with one that stands in two of them twice.
fn each_in_order(
    runs: &[Arc<DatedRun>],
    mut each: impl FnMut(EventKey) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut sources: Vec<(EventKey, Keys<'_>)> = Vec::with_capacity(runs.len());
    for dated in runs {
        let mut keys = dated.run.keys()?;
        if let Some(first) = keys.next()? {
            sources.push((first, keys));
        }
    }
    // Few sources: looking at each is as fast as a heap.
    while let Some(least) = (0..sources.len()).min_by_key(|&at| sources[at].0) {
        let (key, keys) = &mut sources[least];
        each(*key)?;
        match keys.next()? {
            Some(next) => *key = next,
            None => drop(sources.swap_remove(least)),
        }
    }
    Ok(())
}

fn finish(
    writer: RunWriter,
    run_id: i64,
    path: PathBuf,
    (received, form): (Span, KeyForm),
    written: impl FnOnce(),
) -> Result<(Run, RunRow), StoreError> {
    let (file, parts) = writer.finish()?;
    written();
    let contents = file.publish()?;
    let run = Run::opened(run_id, path, parts)?;
    let row = RunRow { run_id, keys: run.keys, received, form, contents };
    Ok((run, row))
}

fn remove_files(runs: &[Arc<DatedRun>]) -> Result<(), StoreError> {
    // A check that still holds a run has its file open.
    for dated in runs {
        let path = dated.run.path();
        std::fs::remove_file(path).map_err(StoreError::file(path))?;
    }
    Ok(())
}

fn verify_run(row: &RunRow, path: &Path) -> Result<(), StoreError> {
    let damaged = |how: String| StoreError::Damaged {
        what: format!("the file of keys `{}`", path.display()),
        how,
    };
    let contents = disk::contents_of(path)?;
    if contents.size_bytes != row.contents.size_bytes {
        let (found, expected) = (contents.size_bytes, row.contents.size_bytes);
        return Err(damaged(format!("it has {found} bytes instead of {expected}")));
    }
    if contents.checksum != row.contents.checksum {
        return Err(damaged("its bytes have changed".into()));
    }
    let run = Run::open(row.run_id, path)?;
    let mut keys = run.keys()?;
    let mut count = 0;
    while keys.next()?.is_some() {
        count += 1;
    }
    if count != row.keys {
        return Err(damaged(format!("it has {count} keys instead of {}", row.keys)));
    }
    Ok(())
}
