//! What changes schedules and runs, each in one commit.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use outlay_domain::exports::{
    ExportFile, ExportRun, ExportSchedule, Period, RunState, ScheduleDraft,
};
use outlay_domain::people::{AuditRecord, Caller, SERVER_ID};
use outlay_store::Tx;
use serde_json::{Value, json};
use uuid::Uuid;

use super::plan::{self, Due};
use super::{SCHEDULES_MAX, SchedulesError};
use crate::journal::{AcceptError, Act, Stop, Topic};

/// Periods of a schedule of which it is remembered what became of their files.
const RUNS_REMEMBERED: u32 = 1_000;
/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

type Judged<T> = Result<T, Stop<SchedulesError>>;

fn refuse<T>(error: impl Into<SchedulesError>) -> Judged<T> {
    Err(Stop::Refused(error.into()))
}

/// Keeps a new schedule. The same one sent again is kept once.
pub(super) struct Create {
    pub id: Uuid,
    pub draft: ScheduleDraft,
    pub caller: Caller,
}

impl Act for Create {
    type Done = ();
    type Refused = SchedulesError;
    const TELLS: &'static [Topic] = &[Topic::Exports];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<()> {
        let Self { id, draft, caller } = self;
        if let Some(known) = tx.exports().schedule(id)? {
            return if known.draft == draft { Ok(()) } else { refuse(SchedulesError::Taken(id)) };
        }
        if tx.exports().schedules()?.len() >= SCHEDULES_MAX {
            return refuse(SchedulesError::TooMany);
        }
        let schedule = ExportSchedule {
            id,
            created_by: caller.user.as_str().into(),
            created_at: at,
            changed_at: at,
            planned_to: at,
            draft,
        };
        put(tx, &schedule)?;
        audit(tx, &caller, at, "export_schedules.create", &schedule)
    }
}

/// Lets a schedule say something else from now on.
pub(super) struct Replace {
    pub id: Uuid,
    pub draft: ScheduleDraft,
    pub caller: Caller,
}

impl Act for Replace {
    type Done = ();
    type Refused = SchedulesError;
    const TELLS: &'static [Topic] = &[Topic::Exports];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<()> {
        let Self { id, draft, caller } = self;
        let known = schedule(tx, id)?;
        if known.draft == draft {
            return Ok(());
        }
        // What came due by another calendar, or while it was switched off, is nothing that was missed.
        let goes_on = known.draft.calendar == draft.calendar && known.draft.enabled;
        let planned_to = if goes_on { known.planned_to } else { at };
        let changed_at = if goes_on { known.changed_at } else { at };
        let changed = ExportSchedule { draft, planned_to, changed_at, ..known };
        put(tx, &changed)?;
        audit(tx, &caller, at, "export_schedules.replace", &changed)
    }
}

/// Removes a schedule; answers which files go with it.
pub(super) struct Remove {
    pub id: Uuid,
    pub caller: Caller,
}

impl Act for Remove {
    type Done = Vec<String>;
    type Refused = SchedulesError;
    const TELLS: &'static [Topic] = &[Topic::Exports];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<Vec<String>> {
        let known = schedule(tx, self.id)?;
        let runs = tx.exports().runs(self.id, u32::MAX)?;
        tx.exports().remove_schedule(self.id)?;
        audit(tx, &self.caller, at, "export_schedules.remove", &known)?;
        Ok(runs.into_iter().filter_map(|run| Some(run.file?.name)).collect())
    }
}

/// Has a file made although it is not due.
pub(super) struct Ask {
    pub schedule: Uuid,
    /// The first day of its period; the last period that is over where it is not said.
    pub first: Option<NaiveDate>,
    /// The id of the run, where there is none of that period.
    pub run: Uuid,
    pub caller: Caller,
}

impl Act for Ask {
    type Done = ExportRun;
    type Refused = SchedulesError;
    const TELLS: &'static [Topic] = &[Topic::Exports];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<ExportRun> {
        let schedule = schedule(tx, self.schedule)?;
        let period = match asked(&schedule, self.first, at) {
            Some(period) => period,
            None => {
                let first = self.first.unwrap_or_else(|| at.date_naive());
                return refuse(SchedulesError::NoPeriod(first));
            }
        };
        let known = tx.exports().run_of(schedule.id, &period)?;
        let mut run = match known {
            // It is about to be made, and that once.
            Some(run) if run.state == RunState::Waiting => return Ok(run),
            Some(mut run) => {
                run.begin_again(at);
                run
            }
            None => ExportRun::new(self.run, schedule.id, period, at),
        };
        run.asked_by = Some(self.caller.user.as_str().into());
        tx.exports().put_run(&run)?;
        let detail = json!({ "period": period.first });
        let target = schedule.id.to_string();
        tx.audit().append(&self.caller.did(at, "export_schedules.run", &target, detail))?;
        Ok(run)
    }
}

fn asked(
    schedule: &ExportSchedule,
    first: Option<NaiveDate>,
    now: DateTime<Utc>,
) -> Option<Period> {
    let calendar = &schedule.draft.calendar;
    match first {
        Some(first) => calendar.beginning(first, now),
        None => calendar.ended(now),
    }
}

/// Removes the file of a run, or gives up making it; answers which file it was.
pub(super) struct LetGo {
    pub schedule: Uuid,
    pub run: Uuid,
    pub caller: Caller,
}

impl Act for LetGo {
    type Done = Option<String>;
    type Refused = SchedulesError;
    const TELLS: &'static [Topic] = &[Topic::Exports];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<Option<String>> {
        let schedule = schedule(tx, self.schedule)?;
        let found = tx.exports().run(self.run)?.filter(|run| run.schedule == schedule.id);
        let Some(mut run) = found else { return refuse(SchedulesError::UnknownRun(self.run)) };
        if run.state == RunState::Removed {
            return Ok(None);
        }
        let file = run.let_go(format!("{} removed it", self.caller.user));
        tx.exports().put_run(&run)?;
        let detail = json!({ "period": run.period.first });
        let target = schedule.id.to_string();
        tx.audit().append(&self.caller.did(at, "export_schedules.remove_file", &target, detail))?;
        Ok(file.map(|file| file.name))
    }
}

/// Notes what came due.
pub(super) struct Plan {
    pub now: DateTime<Utc>,
}

impl Act for Plan {
    type Done = ();
    type Refused = SchedulesError;
    const TELLS: &'static [Topic] = &[Topic::Exports];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<()> {
        for Due { schedule, runs, passed_over } in plan::due(tx, self.now)? {
            runs.iter().try_for_each(|run| tx.exports().put_run(run))?;
            tx.exports().put_schedule(&schedule)?;
            tx.exports().forget_old(schedule.id, RUNS_REMEMBERED)?;
            if passed_over > 0 {
                let detail = json!({ "periods": passed_over });
                tx.audit().append(&by_server(at, "export_schedules.skip", &schedule, detail))?;
            }
        }
        Ok(())
    }
}

/// Takes down that a file was made.
pub(super) struct Finish {
    pub run: Uuid,
    /// As it was when the making began.
    pub generation: i64,
    pub file: ExportFile,
}

/// What became of a file that was made.
#[derive(Debug)]
pub(super) enum Finished {
    /// It is kept; the one in whose place it stands, if there was one, is not.
    Kept(Option<String>),
    /// Meanwhile something happened by which it does not count.
    Outdated,
}

impl Act for Finish {
    type Done = Finished;
    type Refused = SchedulesError;
    const TELLS: &'static [Topic] = &[Topic::Exports];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<Finished> {
        let found = tx.exports().run(self.run)?;
        let Some(mut run) = found.filter(|run| run.generation == self.generation) else {
            return Ok(Finished::Outdated);
        };
        let detail = json!({
            "period": run.period.first, "size_bytes": self.file.size_bytes,
            "sha256": self.file.sha256,
        });
        let replaced = run.finish(self.file).map(|file| file.name);
        tx.exports().put_run(&run)?;
        let schedule = schedule(tx, run.schedule)?;
        tx.audit().append(&by_server(at, "export_schedules.made", &schedule, detail))?;
        Ok(Finished::Kept(replaced))
    }
}

/// Takes down that a file could not be made.
pub(super) struct Fail {
    pub run: Uuid,
    /// As it was when the making began.
    pub generation: i64,
    pub reason: String,
    /// By the clock that runs are due by.
    pub now: DateTime<Utc>,
}

impl Act for Fail {
    type Done = ();
    type Refused = SchedulesError;
    const TELLS: &'static [Topic] = &[Topic::Exports];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<()> {
        let found = tx.exports().run(self.run)?;
        let Some(mut run) = found.filter(|run| run.generation == self.generation) else {
            return Ok(());
        };
        let is_first = run.attempts == 0;
        let detail = json!({ "period": run.period.first, "reason": self.reason });
        run.fail(self.now, self.reason);
        tx.exports().put_run(&run)?;
        if is_first {
            let schedule = schedule(tx, run.schedule)?;
            tx.audit().append(&by_server(at, "export_schedules.failed", &schedule, detail))?;
        }
        Ok(())
    }
}

/// Lets go of what need not be kept any more; answers which files go.
pub(super) struct Tidy {
    pub kept_bytes: u64,
    /// By the clock that files are made by.
    pub now: DateTime<Utc>,
}

impl Act for Tidy {
    type Done = Vec<String>;
    type Refused = SchedulesError;
    const TELLS: &'static [Topic] = &[Topic::Exports];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Judged<Vec<String>> {
        let mut files = Vec::new();
        for (mut run, why) in plan::to_let_go(tx, self.kept_bytes, self.now)? {
            files.extend(run.let_go(why).map(|file| file.name));
            tx.exports().put_run(&run)?;
        }
        Ok(files)
    }
}

/// Takes down which files are not in their folder, as after a restore.
pub(super) struct Lose {
    pub files: BTreeSet<String>,
}

impl Act for Lose {
    type Done = ();
    type Refused = SchedulesError;
    const TELLS: &'static [Topic] = &[Topic::Exports];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Judged<()> {
        for mut run in tx.exports().kept_runs()? {
            if run.file.as_ref().is_some_and(|file| self.files.contains(&file.name)) {
                // What is to be made again still is.
                if run.is_open() {
                    run.file = None;
                } else {
                    run.let_go(
                        "it is not in the data folder; a backup holds no exports".to_owned(),
                    );
                }
                tx.exports().put_run(&run)?;
            }
        }
        Ok(())
    }
}

/// Has no file name a person any more: lets go of those in which they may stand, to be made again, and
/// takes them out of what schedules say.
pub(super) struct Forget {
    pub subject: String,
    /// The days, counted from 1970 in UTC, on which something was used for them.
    pub days: BTreeSet<i64>,
    /// By the clock that runs are due by.
    pub now: DateTime<Utc>,
}

impl Act for Forget {
    type Done = ();
    type Refused = AcceptError;
    const TELLS: &'static [Topic] = &[Topic::Exports];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Result<(), Stop<AcceptError>> {
        let Self { subject, days, now } = self;
        let mut drafts = BTreeMap::new();
        for mut schedule in tx.exports().schedules()? {
            drafts.insert(schedule.id, schedule.draft.clone());
            if let Some(draft) = schedule.draft.without(&subject) {
                schedule.draft = draft;
                tx.exports().put_schedule(&schedule)?;
            }
        }
        for mut run in tx.exports().all_runs()? {
            let made_by = run.file.as_ref().map(|file| &file.made_by);
            let sources = made_by.into_iter().chain(drafts.get(&run.schedule));
            let is_named = |draft: &ScheduleDraft| {
                draft.without(&subject).is_some()
                    || draft.export.names_subjects() && is_of(&run.period, &days)
            };
            if (run.file.is_some() || run.is_open()) && sources.into_iter().any(is_named) {
                run.file = None;
                run.begin_again(now);
                tx.exports().put_run(&run)?;
            }
        }
        Ok(())
    }
}

/// Whether a period has a part of one of these days.
fn is_of(period: &Period, days: &BTreeSet<i64>) -> bool {
    let first = period.from.timestamp().div_euclid(DAY_SECONDS);
    let last = (period.to.timestamp() - 1).div_euclid(DAY_SECONDS);
    days.range(first..=last).next().is_some()
}

fn schedule(tx: &Tx<'_>, id: Uuid) -> Judged<ExportSchedule> {
    tx.exports().schedule(id)?.ok_or(Stop::Refused(SchedulesError::Unknown(id)))
}

fn put(tx: &Tx<'_>, schedule: &ExportSchedule) -> Judged<()> {
    schedule.draft.check().map_err(|error| Stop::Refused(error.into()))?;
    let is_namesake =
        |other: &ExportSchedule| other.id != schedule.id && other.draft.name == schedule.draft.name;
    if tx.exports().schedules()?.iter().any(is_namesake) {
        return refuse(SchedulesError::SameName(schedule.draft.name.clone()));
    }
    Ok(tx.exports().put_schedule(schedule)?)
}

/// What people decided about a schedule. The values that it filters by may name people, and the trail
/// is never changed, so it has the filters' names alone.
fn audit(
    tx: &Tx<'_>,
    caller: &Caller,
    at: DateTime<Utc>,
    action: &str,
    schedule: &ExportSchedule,
) -> Judged<()> {
    let draft = &schedule.draft;
    let detail = json!({
        "export": draft.export, "calendar": draft.calendar, "keep": draft.keep,
        "enabled": draft.enabled, "filters": draft.filters.names().keys().collect::<Vec<_>>(),
    });
    tx.audit().append(&caller.did(at, action, &schedule.id.to_string(), detail))?;
    Ok(())
}

fn by_server(
    at: DateTime<Utc>,
    action: &str,
    schedule: &ExportSchedule,
    detail: Value,
) -> AuditRecord {
    AuditRecord {
        at,
        actor: SERVER_ID.into(),
        action: action.into(),
        target: schedule.id.to_string().into(),
        detail,
    }
}
