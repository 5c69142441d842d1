//! Stories about files that are made by themselves.

use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;

use chrono::TimeDelta;
use outlay_domain::exports::{Cadence, RunState};
use outlay_domain::links::Link;
use outlay_domain::people::{Role, User, UserId, Via};
use outlay_domain::usage::EventDraft;
use outlay_store::sqlite::audit::AuditFilter;

use super::*;
use crate::alerts::{Alerts, WantedAlerts};
use crate::usage::Incoming;
use crate::usage::amend::Amender;
use crate::{FrozenClock, Options};

/// What a maker does.
#[derive(Clone)]
enum Doing {
    /// It writes of which time the file is.
    Writes,
    /// It refuses to begin.
    Refuses,
    /// It breaks off in the middle.
    BreaksOff,
    /// It fails in the middle.
    Fails,
}

/// A maker of small files, which counts them.
struct Fake {
    doing: Mutex<Doing>,
    made: AtomicUsize,
}

impl Fake {
    fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    fn does(&self, doing: Doing) {
        *self.doing.lock() = doing;
    }
}

#[async_trait]
impl FileMaker for Fake {
    async fn make(&self, wanted: Wanted) -> Result<Pieces, String> {
        self.made.fetch_add(1, Ordering::SeqCst);
        let (sender, pieces) = mpsc::channel(4);
        let Period { from, to, .. } = wanted.period;
        let bytes = Bytes::from(format!("{from} to {to}\n"));
        sender.try_send(Ok(Piece::Bytes(bytes))).unwrap();
        let doing = self.doing.lock().clone();
        match doing {
            Doing::Writes => sender.try_send(Ok(Piece::End { rows: Some(1) })).unwrap(),
            Doing::Refuses => return Err("the filter is no good".to_owned()),
            Doing::BreaksOff => {}
            Doing::Fails => sender.try_send(Err(io::ErrorKind::StorageFull.into())).unwrap(),
        }
        Ok(pieces)
    }
}

struct House {
    outlay: Arc<Outlay>,
    schedules: Schedules,
    clock: Arc<FrozenClock>,
    fake: Arc<Fake>,
    maker: Arc<dyn FileMaker>,
    ada: Caller,
    folder: PathBuf,
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl House {
    async fn open(folder: &Path, now: &str) -> Self {
        Self::open_with(folder, now, ExportLimits { free_bytes: 0, ..ExportLimits::default() })
            .await
    }

    async fn open_with(folder: &Path, now: &str, exports: ExportLimits) -> Self {
        let clock = Arc::new(FrozenClock::at(at(now)));
        let options = Options { background: false, exports, ..Options::default() };
        let outlay = Arc::new(Outlay::open(folder, options, clock.clone()).unwrap());
        // However long nothing went on, the clock is right.
        outlay.known_time.confirm("ada").unwrap();
        let fake = Arc::new(Fake { doing: Mutex::new(Doing::Writes), made: AtomicUsize::new(0) });
        let user = User::new(UserId::new("ada").unwrap(), Role::Admin, DateTime::UNIX_EPOCH);
        let schedules = outlay.export_schedules();
        schedules.settle().await.unwrap();
        Self {
            schedules,
            outlay,
            clock,
            maker: fake.clone(),
            fake,
            ada: Caller::of(&user, Via::Session { id: Uuid::nil() }),
            folder: folder.join(EXPORTS_FOLDER),
        }
    }

    async fn turn(&self) {
        self.schedules.turn(&self.maker).await.unwrap();
    }

    /// Lets it be that time, and everything be done that is due.
    async fn turn_at(&self, now: &str) {
        self.clock.advance(at(now) - self.clock.now());
        self.turn().await;
    }

    async fn create(&self, number: u128, draft: &ScheduleDraft) -> Uuid {
        let id = Uuid::from_u128(number);
        self.schedules.create(id, draft.clone(), &self.ada).await.unwrap();
        id
    }

    /// The first days of the periods of a schedule and how far their files are, the newest first.
    async fn states(&self, id: Uuid) -> Vec<String> {
        let runs = self.schedules.runs(id, 400, &self.ada).await.unwrap();
        let state = |told: Told| format!("{} {}", told.run.period.first, told.run.state.as_str());
        runs.into_iter().map(state).collect()
    }

    async fn run(&self, id: Uuid) -> ExportRun {
        self.schedules.runs(id, 1, &self.ada).await.unwrap().remove(0).run
    }

    /// The files in the folder, without what makes their names unique.
    fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.folder).unwrap();
        let name = |entry: io::Result<std::fs::DirEntry>| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let (kind, rest) = name.split_once('_').unwrap();
            format!("{kind} {}", rest.split_once('_').unwrap().0)
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    async fn done(&self) -> Vec<String> {
        let filter = AuditFilter::default();
        let page = self.outlay.books.read(move |books| books.audit().page(&filter, 100));
        let lines = page.await.unwrap().into_iter().rev();
        let ours = lines.filter(|line| line.record.action.starts_with("export_schedules."));
        ours.map(|line| {
            format!("{} {}", line.record.actor, line.record.action.split_once('.').unwrap().1)
        })
        .collect()
    }
}

fn draft(keep: u32) -> ScheduleDraft {
    serde_json::from_value(serde_json::json!({
        "name": "Nightly", "export": { "kind": "events", "format": "csv" }, "filters": {},
        "calendar": { "cadence": { "every": "day" }, "hour": 6, "tz": "Europe/Berlin" },
        "keep": keep, "enabled": true,
    }))
    .unwrap()
}

#[tokio::test]
async fn a_file_is_made_when_its_day_is_over_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), "2026-10-24T12:00:00Z").await;
    let id = house.create(1, &draft(10)).await;

    house.turn_at("2026-10-25T04:59:59Z").await;
    assert_eq!(house.states(id).await, [""; 0], "it is not yet six in Berlin");
    house.turn_at("2026-10-25T05:00:00Z").await;
    house.turn().await;
    house.turn_at("2026-10-26T05:00:00Z").await;

    assert_eq!(house.states(id).await, ["2026-10-25 done", "2026-10-24 done"]);
    assert_eq!(house.fake.made(), 2);
    let run = house.run(id).await;
    let file = run.file.unwrap();
    let written = std::fs::read_to_string(house.folder.join(&file.name)).unwrap();
    // The day on which clocks went back has 25 hours.
    assert_eq!(written, "2026-10-24 22:00:00 UTC to 2026-10-25 23:00:00 UTC\n");
    let sum: String = {
        use sha2::{Digest, Sha256};
        Sha256::digest(&written).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    assert_eq!((file.size_bytes, file.rows, file.sha256), (written.len() as u64, Some(1), sum));
    assert_eq!(house.done().await, ["ada create", "outlay made", "outlay made"]);
}

#[tokio::test]
async fn what_was_due_while_the_server_was_down_is_made_up_for_within_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), "2026-03-01T12:00:00Z").await;
    let id = house.create(1, &draft(3)).await;
    house.turn_at("2026-03-02T08:00:00Z").await;
    drop(house);

    let house = House::open(folder.path(), "2026-04-10T03:00:00Z").await;
    house.turn().await;
    house.turn().await;

    let kept = ["2026-04-08 done", "2026-04-07 done", "2026-04-06 done"];
    assert_eq!(house.states(id).await[..3], kept);
    assert_eq!(house.states(id).await[3..], ["2026-03-01 removed"]);
    assert_eq!(house.files().len(), 3);
    assert_eq!(house.fake.made(), 3, "each once, and none that would go at once");
    assert!(house.done().await.contains(&"outlay skip".to_owned()));
}

#[tokio::test]
async fn a_crash_between_the_file_and_its_record_leaves_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), "2026-03-01T12:00:00Z").await;
    let id = house.create(1, &draft(3)).await;
    house.clock.advance(TimeDelta::days(1));
    // As far as that the run is known, and its file has its name, or has not.
    house.schedules.journal.act(acts::Plan { now: house.clock.now() }).await.unwrap();
    std::fs::write(house.folder.join("events_2026-03-01_0.csv"), "renamed").unwrap();
    std::fs::write(house.folder.join("events_2026-03-01_1.csv.tmp"), "half").unwrap();
    let now = house.clock.now().to_rfc3339();
    drop(house);

    let house = House::open(folder.path(), &now).await;
    assert_eq!(house.files(), [""; 0], "what nobody names is gone");
    house.turn().await;

    assert_eq!(house.states(id).await, ["2026-03-01 done"]);
    assert_eq!(house.files(), ["events 2026-03-01"]);
}

#[tokio::test]
async fn a_file_that_could_not_be_made_says_why_and_is_tried_again_later() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), "2026-03-01T12:00:00Z").await;
    let id = house.create(1, &draft(3)).await;

    let mut reasons = Vec::new();
    house.clock.advance(TimeDelta::days(1));
    for doing in [Doing::Refuses, Doing::BreaksOff, Doing::Fails] {
        house.fake.does(doing);
        house.turn().await;
        house.turn().await;
        let run = house.run(id).await;
        assert_eq!((run.state, run.file), (RunState::Failed, None));
        reasons.push(run.reason.unwrap());
        house.clock.advance(run.next_try_at - house.clock.now());
    }

    assert_eq!(reasons[0], "the filter is no good");
    assert!(reasons[1].contains("ended in the middle"), "{}", reasons[1]);
    assert!(reasons[2].contains("no storage space"), "{}", reasons[2]);
    assert_eq!(house.fake.made(), 3, "no sooner than it is to be tried again");
    assert_eq!(house.files(), [""; 0], "and nothing is left behind");
    let trouble = house.outlay.exports.trouble().unwrap();
    assert!(trouble.why.contains("1 Mar 2026 by “Nightly”"), "{trouble:?}");
    assert_eq!(trouble.schedule, id);
    let alerts = Alerts::new(&house.outlay);
    alerts.judge_all().await.unwrap();
    let open = WantedAlerts { states: vec!["open".into()], ..WantedAlerts::default() };
    let told = alerts.page(open, None, 10, &(&house.ada).into()).await.unwrap().alerts;
    let told = told.into_iter().find(|alert| alert.key == "exports").unwrap();
    assert_eq!(told.link, Some(Link::Schedule { id: id.to_string() }), "it leads to what is wrong");
    let check = house.outlay.checks().into_iter().find(|check| check.name == "exports").unwrap();
    assert_eq!(check.condition, crate::health::CheckState::Warning);

    house.fake.does(Doing::Writes);
    house.turn().await;

    assert_eq!(house.states(id).await, ["2026-03-01 done"]);
    assert_eq!(house.outlay.exports.trouble(), None);
    assert_eq!(house.done().await, ["ada create", "outlay failed", "outlay made"], "told once");
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_is_left_to_events() {
    let folder = tempfile::tempdir().unwrap();
    let limits = ExportLimits { free_bytes: u64::MAX, ..ExportLimits::default() };
    let house = House::open_with(folder.path(), "2026-03-01T12:00:00Z", limits).await;
    let id = house.create(1, &draft(3)).await;

    house.turn_at("2026-03-02T12:00:00Z").await;

    let reason = house.run(id).await.reason.unwrap();
    assert!(reason.contains("are left to events; make room"), "{reason}");
    assert_eq!(house.fake.made(), 0);
}

#[tokio::test]
async fn all_files_together_stay_within_their_bytes_and_one_that_never_fits_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let size = "2026-03-01 00:00:00 UTC to 2026-03-02 00:00:00 UTC\n".len() as u64;
    let limits = ExportLimits { kept_bytes: size * 3, free_bytes: 0 };
    let house = House::open_with(folder.path(), "2026-03-01T12:00:00Z", limits).await;
    let (one, two) = (house.create(1, &draft(10)).await, {
        let other = ScheduleDraft { name: "Other".into(), ..draft(10) };
        house.create(2, &other).await
    });

    for day in ["02", "03", "04"] {
        house.turn_at(&format!("2026-03-{day}T12:00:00Z")).await;
    }

    assert_eq!(house.files().len(), 3);
    for id in [one, two] {
        assert_eq!(house.states(id).await[0], "2026-03-03 done", "the newest of each stays");
    }
    let (name, folder) = (house.clock.now().to_rfc3339(), folder);
    drop(house);
    let limits = ExportLimits { kept_bytes: size - 1, free_bytes: 0 };
    let house = House::open_with(folder.path(), &name, limits).await;
    house.turn_at("2026-03-05T12:00:00Z").await;
    let reason = house.run(one).await.reason.unwrap();
    assert!(reason.contains("exports.kept_bytes"), "{reason}");
}

#[tokio::test]
async fn whoever_asks_gets_the_file_of_a_period_made_again_in_the_place_of_the_old() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), "2026-03-10T12:00:00Z").await;
    let id = house.create(1, &draft(3)).await;
    let day = |text: &str| Some(text.parse().unwrap());

    let first = house.schedules.run_now(id, None, &house.ada).await.unwrap().run;
    let again = house.schedules.run_now(id, day("2026-03-09"), &house.ada).await.unwrap().run;
    assert_eq!((first.id, first.state), (again.id, RunState::Waiting), "it is made once");
    house.turn().await;
    let old = house.run(id).await.file.unwrap();
    house.schedules.run_now(id, None, &house.ada).await.unwrap();
    let while_waiting = house.schedules.open(id, first.id, &house.ada).await.unwrap();
    assert_eq!(while_waiting.name, "events_2026-03-09.csv");
    house.turn().await;

    let new = house.run(id).await.file.unwrap();
    assert_ne!(old.name, new.name);
    assert_eq!(house.files(), ["events 2026-03-09"]);
    let refused = |first| house.schedules.run_now(id, first, &house.ada);
    assert!(matches!(refused(day("2026-03-10")).await, Err(SchedulesError::NoPeriod(_))));
    assert!(matches!(refused(day("1492-03-10")).await, Err(SchedulesError::NoPeriod(_))));
    refused(day("2020-02-29")).await.unwrap();
    house.turn().await;
    assert_eq!(house.files().len(), 2, "of a day long ago, too");
}

#[tokio::test]
async fn a_changed_calendar_begins_anew_and_what_is_switched_off_misses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), "2026-03-01T12:00:00Z").await;
    let mut monthly = draft(10);
    monthly.calendar.cadence = Cadence::Month { on: 1 };
    let id = house.create(1, &monthly).await;

    house.clock.advance(TimeDelta::days(20));
    house.schedules.replace(id, draft(10), &house.ada).await.unwrap();
    house.turn().await;
    assert_eq!(house.states(id).await, [""; 0], "twenty days were not missed");
    house.turn_at("2026-03-22T12:00:00Z").await;
    assert_eq!(house.states(id).await, ["2026-03-21 done"]);
    let off = ScheduleDraft { enabled: false, ..draft(10) };
    let standing = house.schedules.replace(id, off, &house.ada).await.unwrap();
    assert_eq!(standing.next, None);
    house.turn_at("2026-03-25T12:00:00Z").await;
    house.schedules.replace(id, draft(10), &house.ada).await.unwrap();
    house.turn_at("2026-03-26T12:00:00Z").await;

    assert_eq!(house.states(id).await, ["2026-03-25 done", "2026-03-21 done"]);
}

#[tokio::test]
async fn a_clock_that_was_years_ahead_neither_takes_files_away_nor_leaves_days_out() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), "2026-03-01T12:00:00Z").await;
    let id = house.create(1, &draft(2)).await;
    for day in ["02", "03"] {
        house.turn_at(&format!("2026-03-{day}T12:00:00Z")).await;
    }

    house.clock.set(at("2035-01-01T12:00:00Z"));
    house.turn().await;
    let files = house.files();
    assert!(files.contains(&"events 2026-03-01".to_owned()), "{files:?}");
    house.clock.set(at("2026-03-04T12:00:00Z"));
    house.turn().await;

    let states = house.states(id).await;
    assert!(states.contains(&"2026-03-03 done".to_owned()), "{states:?}");
}

#[tokio::test]
async fn only_admins_see_schedules_and_the_same_one_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), "2026-03-01T12:00:00Z").await;
    let id = house.create(1, &draft(3)).await;
    house.create(1, &draft(3)).await;
    let other = ScheduleDraft { keep: 4, ..draft(3) };

    let taken = house.schedules.create(id, other.clone(), &house.ada).await;
    assert!(matches!(taken, Err(SchedulesError::Taken(_))));
    let namesake = house.schedules.create(Uuid::from_u128(2), other, &house.ada).await;
    assert!(matches!(namesake, Err(SchedulesError::SameName(_))));
    for role in [Role::Member, Role::Viewer] {
        let mut user = User::new(UserId::new("eve").unwrap(), role, DateTime::UNIX_EPOCH);
        user.account = "eve".into();
        let eve = Caller::of(&user, Via::Session { id: Uuid::nil() });
        assert!(matches!(house.schedules.all(&eve).await, Err(SchedulesError::Denied(_))));
        let run = house.schedules.run_now(id, None, &eve).await;
        assert!(matches!(run, Err(SchedulesError::Denied(_))));
        assert!(matches!(house.schedules.remove(id, &eve).await, Err(SchedulesError::Denied(_))));
    }
    assert_eq!(house.schedules.all(&house.ada).await.unwrap().len(), 1);
    assert_eq!(house.done().await, ["ada create"]);
}

#[tokio::test]
async fn files_go_with_their_schedule_or_by_hand_and_lost_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), "2026-03-01T12:00:00Z").await;
    let id = house.create(1, &draft(5)).await;
    for day in ["02", "03", "04"] {
        house.turn_at(&format!("2026-03-{day}T12:00:00Z")).await;
    }
    let runs = house.schedules.runs(id, 9, &house.ada).await.unwrap();

    house.schedules.let_go(id, runs[0].run.id, &house.ada).await.unwrap();
    house.schedules.let_go(id, runs[0].run.id, &house.ada).await.unwrap();
    house.turn().await;
    let by_hand = house.run(id).await;
    assert_eq!(
        (by_hand.state, by_hand.reason.unwrap()),
        (RunState::Removed, "ada removed it".into())
    );
    let lost = runs[1].run.file.as_ref().unwrap();
    std::fs::remove_file(house.folder.join(&lost.name)).unwrap();
    let opened = house.schedules.open(id, runs[1].run.id, &house.ada).await;
    assert!(matches!(opened, Err(SchedulesError::Missing(_))));
    house.schedules.settle().await.unwrap();
    assert_eq!(
        house.states(id).await,
        ["2026-03-03 removed", "2026-03-02 removed", "2026-03-01 done"]
    );
    house.schedules.remove(id, &house.ada).await.unwrap();

    assert_eq!(house.files(), [""; 0]);
    assert!(matches!(house.schedules.one(id, &house.ada).await, Err(SchedulesError::Unknown(_))));
}

fn event(id: &str, subject: &str, occurred_at: &str) -> Incoming {
    let draft = EventDraft {
        id: id.into(),
        source: "shop".into(),
        account: "acme".into(),
        subject: Some(subject.into()),
        occurred_at: Some(at(occurred_at)),
        stated_cost: Some("1".parse().unwrap()),
        ..EventDraft::default()
    };
    Incoming { event: draft.accept(at(occurred_at)).unwrap(), time_stated: true }
}

#[tokio::test]
async fn files_of_the_days_of_a_person_who_is_erased_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), "2026-03-01T12:00:00Z").await;
    let named = serde_json::json!({ "subject": ["zoe"] });
    let of_zoe = ScheduleDraft {
        name: "What zoe used".into(),
        export: outlay_domain::exports::Export::Focus {
            format: outlay_domain::exports::FocusFormat::Csv,
            version: outlay_domain::exports::FocusVersion::default(),
            granularity: outlay_domain::exports::FocusGranularity::default(),
        },
        filters: serde_json::from_value(named).unwrap(),
        ..draft(9)
    };
    let (all, own) = (house.create(1, &draft(9)).await, house.create(2, &of_zoe).await);
    let events =
        [event("a", "zoe", "2026-03-01T10:00:00Z"), event("b", "bob", "2026-03-03T10:00:00Z")];
    house.outlay.journal.accept(events.into()).await.unwrap();
    for day in ["02", "03", "04"] {
        house.turn_at(&format!("2026-03-{day}T12:00:00Z")).await;
    }
    assert_eq!(house.files().len(), 6);
    let amender = Amender { actor: "ada".into(), reason: "asked by letter".into() };

    house.outlay.erase_subject("zoe".into(), &amender).await.unwrap();

    // Days are told apart by UTC, and the second begins there with the end of the first.
    let days = ["2026-03-03 done", "2026-03-02 waiting", "2026-03-01 waiting"];
    assert_eq!(house.states(all).await, days, "the day on which something was used for them");
    assert_eq!(house.states(own).await[0], "2026-03-03 waiting", "and all that names them");
    assert_eq!(house.files(), ["events 2026-03-03"]);
    let standing = house.schedules.one(own, &house.ada).await.unwrap();
    assert_eq!(standing.schedule.draft.name, "What [erased] used");
    house.turn().await;
    assert_eq!(house.files().len(), 6);
}

#[tokio::test]
async fn nothing_is_made_while_somebody_is_being_erased() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::open(folder.path(), "2026-03-01T12:00:00Z").await;
    let id = house.create(1, &draft(9)).await;
    let held = house.outlay.exports.hold();

    house.turn_at("2026-03-02T12:00:00Z").await;
    assert_eq!((house.states(id).await, house.fake.made()), (vec!["2026-03-01 waiting".into()], 0));
    drop(held);
    house.turn().await;

    assert_eq!(house.states(id).await, ["2026-03-01 done"]);
}
