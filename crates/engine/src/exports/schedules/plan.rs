//! What is to be made and what is to go, worked out from what the books say; nothing is written here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use outlay_domain::exports::{ExportRun, ExportSchedule, Period};
use outlay_store::StoreError;
use outlay_store::sqlite::View;
use uuid::Uuid;

/// Periods of one schedule that are made up for after a pause, at most.
const CATCH_UP_MAX: u32 = 62;

/// What came due of a schedule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// The schedule, with that done.
    pub schedule: ExportSchedule,
    /// Runs to be made; some of them are known and made again.
    pub runs: Vec<ExportRun>,
    /// Periods that came due so long ago that they are not made up for.
    pub passed_over: u64,
}

/// What came due until `now`, schedule by schedule. Those of which there is nothing to note are left out.
pub(super) fn due(books: &View<'_>, now: DateTime<Utc>) -> Result<Vec<Due>, StoreError> {
    let mut all = Vec::new();
    for schedule in books.exports().schedules()? {
        if !schedule.draft.enabled {
            continue;
        }
        let after = planned_to(books, &schedule, now)?;
        let limit = schedule.draft.keep.min(CATCH_UP_MAX) as usize;
        let (periods, passed_over) = schedule.draft.calendar.missed(after, now, limit);
        if periods.is_empty() && schedule.planned_to <= now {
            continue;
        }
        let mut runs = Vec::new();
        for period in periods {
            runs.extend(run_for(books, schedule.id, period, now)?);
        }
        let schedule = ExportSchedule { planned_to: now, ..schedule };
        all.push(Due { schedule, runs, passed_over });
    }
    Ok(all)
}

/// What came due up to then is done with. A clock that was ahead for a while leaves nothing undone, and
/// one that was behind does not make up for what was before the schedule.
fn planned_to(
    books: &View<'_>,
    schedule: &ExportSchedule,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    let since = schedule.changed_at.min(now);
    if schedule.planned_to <= now {
        return Ok(schedule.planned_to.max(since));
    }
    let runs = books.exports().runs(schedule.id, u32::MAX)?;
    let due = runs.iter().map(|run| run.period.due_at).filter(|due_at| *due_at <= now);
    Ok(due.max().unwrap_or(since).max(since))
}

/// The run of a period that came due, unless its file is there, or was decided about, already.
fn run_for(
    books: &View<'_>,
    schedule: Uuid,
    period: Period,
    now: DateTime<Utc>,
) -> Result<Option<ExportRun>, StoreError> {
    let Some(mut known) = books.exports().run_of(schedule, &period)? else {
        return Ok(Some(ExportRun::new(Uuid::now_v7(), schedule, period, now)));
    };
    // By a clock that was wrong it was made before the period was over.
    let is_premature = known
        .file
        .as_ref()
        .is_some_and(|file| file.made_at > now || file.made_at < known.period.to);
    Ok(is_premature.then(|| {
        known.begin_again(now);
        known
    }))
}

/// Runs that are to let go of their files, or are given up, each with why.
pub(super) fn to_let_go(
    books: &View<'_>,
    kept_bytes: u64,
    now: DateTime<Utc>,
) -> Result<Vec<(ExportRun, String)>, StoreError> {
    let age = |run: &ExportRun| age(run, now);
    let mut gone = Vec::new();
    let mut by_schedule: BTreeMap<Uuid, Vec<ExportRun>> = BTreeMap::new();
    for run in books.exports().all_runs()? {
        by_schedule.entry(run.schedule).or_default().push(run);
    }
    let mut left = Vec::new();
    let mut newest = BTreeSet::new();
    for schedule in books.exports().schedules()? {
        let runs = by_schedule.remove(&schedule.id).unwrap_or_default();
        let keep = schedule.draft.keep as usize;
        gone.extend(given_up(&runs, keep, now));
        let mut kept: Vec<ExportRun> = runs.into_iter().filter(|run| run.file.is_some()).collect();
        kept.sort_by_key(age);
        let too_many = kept.len().saturating_sub(keep);
        let why = format!("the schedule keeps {keep} files, and newer ones were made");
        gone.extend(kept.drain(..too_many).map(|run| (run, why.clone())));
        newest.extend(kept.last().map(|run| run.id));
        left.append(&mut kept);
    }
    left.sort_by_key(age);
    gone.extend(too_large(left, &newest, kept_bytes));
    Ok(gone)
}

/// Those that wait, or fail, since so many newer periods came due that their files would go at once.
fn given_up(runs: &[ExportRun], keep: usize, now: DateTime<Utc>) -> Vec<(ExportRun, String)> {
    let is_due = |run: &&ExportRun| run.period.due_at <= now;
    let mut by_period: Vec<&ExportRun> = runs.iter().filter(is_due).collect();
    by_period.sort_by_key(|run| std::cmp::Reverse(run.period.to));
    let is_old = |run: &&ExportRun| run.is_open() && run.file.is_none() && run.asked_by.is_none();
    let why = || format!("it was never made, and {keep} newer files are due");
    by_period.into_iter().skip(keep).filter(is_old).map(|run| (run.clone(), why())).collect()
}

/// The oldest files, which come first, until the others fit; the newest of each schedule stays.
fn too_large(
    kept: Vec<ExportRun>,
    newest: &BTreeSet<Uuid>,
    kept_bytes: u64,
) -> Vec<(ExportRun, String)> {
    let size = |run: &ExportRun| run.file.as_ref().map_or(0, |file| file.size_bytes);
    let mut total: u64 = kept.iter().map(size).sum();
    let mut gone = Vec::new();
    for run in kept.into_iter().filter(|run| !newest.contains(&run.id)) {
        if total <= kept_bytes {
            break;
        }
        total -= size(&run);
        let why = "all files together were larger than `exports.kept_bytes` allows".to_owned();
        gone.push((run, why));
    }
    gone
}

/// What files are ordered by, those first that go first: those that were made by a clock that was ahead,
/// and then the oldest.
fn age(run: &ExportRun, now: DateTime<Utc>) -> impl Ord + use<> {
    let made_at = run.file.as_ref().map(|file| file.made_at);
    (made_at.is_some_and(|at| at <= now), made_at, run.period.to, run.id)
}
