//! The history under everything that may happen to it, against a plain list of facts.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::channel;

use chrono::{DateTime, Duration as TimeSpan, Utc};
use outlay_domain::usage::{
    Charge, ChargeBasis, Dimensions, EventName, FactKind, Meter, Quantities, Status, UsageEvent,
};
use outlay_domain::{Amount, Quantity};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::Tx;
use crate::dedup::{Dedup, DedupOptions, EventKey, Seen};
use crate::failpoint;
use crate::sqlite::usage_log;

fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// A fact whose every field follows from its number.
fn fact(number: u32) -> Fact {
    let name = |prefix: &str, of: u32| Some(format!("{prefix}-{}", number % of).into());
    let mut quantities = Quantities::new();
    quantities.set(Meter::Requests, Quantity::ONE);
    if !number.is_multiple_of(5) {
        quantities.set(Meter::InputTokens, Quantity::from_units(i64::from(number)).unwrap());
    }
    if number.is_multiple_of(7) {
        quantities.set(Meter::Seconds, Quantity::from_micros(1_500_000));
        quantities.set(Meter::Other("gpu_hours".into()), Quantity::from_micros(250_000));
    }
    let priced = !number.is_multiple_of(11);
    Fact {
        kind: FactKind::Usage,
        received_at: noon() + TimeSpan::seconds(i64::from(number)),
        event: UsageEvent {
            id: format!("event-{number}").into(),
            source: format!("source-{}", number % 2).into(),
            occurred_at: noon() - TimeSpan::minutes(i64::from(number % 10_000)),
            account: format!("account-{}", number % 4).into(),
            subject: if number.is_multiple_of(3) { None } else { name("subject", 5) },
            provider: name("provider", 3),
            model: if number.is_multiple_of(13) { None } else { name("model", 6) },
            operation: name("operation", 2),
            service: None,
            status: Status::ALL[(number % 4) as usize],
            duration_us: (!number.is_multiple_of(4)).then_some(i64::from(number) * 1_000),
            quantities,
            dimensions: Dimensions { team: name("team", 2), ..Dimensions::default() },
            tags: match number % 3 {
                0 => Default::default(),
                _ => {
                    [("feature".into(), format!("\"{}\"", number % 4).into())].into_iter().collect()
                }
            },
            stated_cost: number.is_multiple_of(17).then(|| Amount::from_nanos(5)),
            metadata: number.is_multiple_of(6).then(|| "{\"trace\":1}".into()),
        },
        charge: if priced {
            Charge {
                basis: ChargeBasis::Rated,
                amount: Some(Amount::from_nanos(i64::from(number) * 1_001)),
                unpriced: 0,
                prices: "1,2".into(),
            }
        } else {
            Charge::unpriced()
        },
    }
}

pub(super) fn facts(numbers: std::ops::Range<u32>) -> Vec<Fact> {
    numbers.map(fact).collect()
}

/// A data folder in use, as the engine uses it.
struct Store {
    folder: PathBuf,
    books: Arc<Books>,
    dedup: Dedup,
    history: History,
}

impl Store {
    fn open(folder: &Path) -> Self {
        let books = Arc::new(Books::open(folder).unwrap());
        let dedup = Dedup::open(folder, books.clone(), DedupOptions::default()).unwrap();
        let options = HistoryOptions {
            segment_rows: 200,
            row_group_rows: 32,
            fan_out: 3,
            ..HistoryOptions::default()
        };
        let history = History::open(folder, books.clone(), options).unwrap();
        books
            .read_blocking(|books| {
                books.usage_log().for_each_after(0, |seq, facts| {
                    dedup.insert(&keys(&facts));
                    history.append(seq, facts.into());
                    Ok(())
                })
            })
            .unwrap();
        Self { folder: folder.to_owned(), books, dedup, history }
    }

    fn commit(&self, facts: Vec<Fact>) {
        let body = usage_log::Encoder::default().encode(&facts).unwrap();
        let seq = self
            .books
            .write_blocking(|tx| tx.usage_log().append(facts[0].received_at, facts.len(), &body))
            .unwrap();
        self.dedup.insert(&keys(&facts));
        self.history.append(seq, facts.into());
    }

    fn flush(&self) -> usize {
        self.history.flush(&self.dedup).unwrap()
    }

    /// Everything that a snapshot shows.
    fn facts(&self) -> Vec<Fact> {
        let snapshot = self.history.snapshot();
        let mut found = facts_of(&snapshot);
        sort(&mut found);
        found
    }

    fn holds(&self, expected: &[Fact]) {
        let mut expected = expected.to_vec();
        sort(&mut expected);
        assert_eq!(self.facts(), expected);
    }

    /// As [`Store::holds`], and that files, books and keys are in order too.
    fn is_sound_with(&self, expected: &[Fact]) {
        self.holds(expected);
        let seen = self.dedup.check(&keys(expected)).unwrap();
        assert!(seen.iter().all(|seen| *seen == Seen::Same), "{seen:?}");
        let verified = self.history.verify().unwrap();
        assert!(verified.faults.is_empty(), "{:?}", verified.faults);
        assert_eq!(self.dedup.verify().unwrap(), Vec::<String>::new());
        let files = fs::read_dir(self.folder.join(FOLDER)).unwrap().count();
        assert_eq!(files, 2 * self.history.figures().segments, "files and segments");
    }
}

fn facts_of(snapshot: &Snapshot) -> Vec<Fact> {
    let mut found = Vec::new();
    for batch in &*snapshot.tail {
        found.extend(schema::to_facts(batch).unwrap());
    }
    for segment in &*snapshot.segments {
        for batch in segment.scan(&[], 50).unwrap() {
            found.extend(schema::to_facts(&batch.unwrap()).unwrap());
        }
    }
    found
}

fn sort(facts: &mut [Fact]) {
    facts.sort_by(|a, b| (&a.event.id, a.kind.as_str()).cmp(&(&b.event.id, b.kind.as_str())));
}

fn keys(facts: &[Fact]) -> Vec<EventKey> {
    facts.iter().map(|fact| EventKey::by_source(&fact.event)).collect()
}

fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path());
    (folder, store)
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else if !entry.file_name().to_string_lossy().ends_with("-shm") {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_commit_is_in_the_next_snapshot_and_not_in_the_one_before() {
    let (_folder, store) = open();
    store.commit(facts(0..10));
    let before = store.history.snapshot();

    store.commit(facts(10..20));

    store.holds(&facts(0..20));
    assert_eq!(facts_of(&before).len(), 10);
    assert_eq!(store.history.tail_rows(), 20);
}

#[test]
fn every_field_survives_the_way_to_a_segment_and_a_restart() {
    let (folder, store) = open();
    let all = facts(0..300);
    store.commit(all.clone());

    assert_eq!(store.flush(), 300);
    store.is_sound_with(&all);
    assert_eq!(store.history.tail_rows(), 0);
    drop(store);

    Store::open(folder.path()).is_sound_with(&all);
}

#[test]
fn a_flush_drops_its_commits_from_the_usage_log_and_no_later_ones() {
    let (_folder, store) = open();
    let logged = |store: &Store| {
        let mut count = 0;
        let each = |_, facts: Vec<Fact>| {
            count += facts.len();
            Ok(())
        };
        store.books.read_blocking(|books| books.usage_log().for_each_after(0, each)).unwrap();
        count
    };
    store.commit(facts(0..10));
    store.flush();
    store.commit(facts(10..15));

    assert_eq!(logged(&store), 5);
    assert_eq!(store.flush(), 5);
    assert_eq!(logged(&store), 0);
    assert_eq!(store.flush(), 0, "nothing is left to flush");
    store.is_sound_with(&facts(0..15));
}

#[test]
fn rows_of_a_segment_stand_by_day_provider_model_account_and_time() {
    let (_folder, store) = open();
    store.commit(facts(0..500));
    store.flush();

    let segment = store.history.snapshot().segments[0].clone();
    let mut places = Vec::new();
    for batch in segment.scan(&[], 64).unwrap() {
        for fact in schema::to_facts(&batch.unwrap()).unwrap() {
            let event = fact.event;
            places.push((
                event.occurred_at.date_naive(),
                event.provider,
                event.model,
                event.account,
                event.occurred_at,
            ));
        }
    }

    assert_eq!(places.len(), 500);
    assert!(places.is_sorted(), "{places:?}");
    assert!(segment.metadata().unwrap().metadata().num_row_groups() > 10);
}

#[test]
fn compaction_leaves_few_sorted_segments_and_every_fact() {
    let (folder, store) = open();
    for part in 0..30 {
        store.commit(facts(part * 20..(part + 1) * 20));
        store.flush();
    }

    while store.history.compact().unwrap() {}

    let rows: Vec<u64> =
        store.history.snapshot().segments.iter().map(|segment| segment.rows).collect();
    assert!(rows.len() <= 8, "{rows:?}");
    assert!(rows.iter().all(|rows| *rows <= 200), "{rows:?}");
    store.is_sound_with(&facts(0..600));
    drop(store);
    Store::open(folder.path()).is_sound_with(&facts(0..600));
}

#[test]
fn a_snapshot_keeps_its_files_until_it_is_dropped() {
    let (_folder, store) = open();
    for part in 0..3 {
        store.commit(facts(part * 20..(part + 1) * 20));
        store.flush();
    }
    let before = store.history.snapshot();

    assert!(store.history.compact().unwrap());

    assert_eq!(facts_of(&before).len(), 60);
    let old: Vec<PathBuf> = before.segments.iter().map(|segment| segment.path.clone()).collect();
    assert!(old.iter().all(|path| path.exists()));
    drop(before);
    assert!(old.iter().all(|path| !path.exists()));
    store.is_sound_with(&facts(0..60));
}

#[test]
fn the_books_and_the_segments_that_they_name_are_read_at_one_moment() {
    let (_folder, store) = open();
    let rounds = 40;

    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for round in 0..rounds {
                store.commit(facts(round * 5..round * 5 + 5));
                store.flush();
                store.history.compact().unwrap();
            }
        });
        while !writing.is_finished() {
            let read = store.history.with_books(|books, segments| {
                let rows: u64 = segments.iter().map(|segment| segment.rows).sum();
                Ok((rows, books.manifest().last_log_seq()?))
            });
            let (rows, last_seq) = read.unwrap();
            assert_eq!(rows, last_seq.unsigned_abs() * 5, "each commit has five facts");
        }
    });
}

#[test]
fn compaction_that_is_told_to_stop_leaves_no_trace() {
    let (folder, store) = open();
    for part in 0..3 {
        store.commit(facts(part * 20..(part + 1) * 20));
        store.flush();
    }

    store.history.stop();

    assert!(!store.history.compact().unwrap());
    store.is_sound_with(&facts(0..60));
    drop(store);
    assert!(Store::open(folder.path()).history.compact().unwrap());
}

#[test]
fn facts_are_found_by_source_and_id_wherever_they_are() {
    let (_folder, store) = open();
    store.commit(facts(0..300));
    store.flush();
    store.commit(facts(300..310));
    let reversal =
        Fact { kind: FactKind::Reversal, received_at: noon() + TimeSpan::days(1), ..fact(7) };
    let correction = Fact { kind: FactKind::Correction, ..reversal.clone() };
    store.commit(vec![correction.clone(), reversal.clone()]);

    let wanted = [fact(7), fact(299), fact(305)];
    let found = store.history.find(&wanted.each_ref().map(|fact| fact.event.name())).unwrap();

    assert_eq!(found, [fact(7), fact(299), fact(305), reversal.clone(), correction.clone()]);
    let name = fact(7).event.name();
    let other_source = EventName { source: "source-9".into(), ..name.clone() };
    let other_account = EventName { account: "nobody".into(), ..name.clone() };
    assert_eq!(store.history.find(&[other_source, other_account]).unwrap(), []);
    let anybodys = store.history.find_in_every_account(&[(name.source, name.id)]).unwrap();
    assert_eq!(anybodys, [fact(7), reversal, correction]);
    assert_eq!(store.history.find(&[]).unwrap(), []);
    let many: Vec<_> = (0..310).map(|number| fact(number).event.name()).collect();
    assert_eq!(store.history.find(&many).unwrap().len(), 312);
}

#[test]
fn retention_removes_whole_days_and_leaves_their_sums_in_the_books() {
    let (folder, store) = open();
    let all = facts(0..6_000);
    for part in all.chunks(1_000) {
        store.commit(part.to_vec());
        store.flush();
    }
    let before = store.history.verify().unwrap().accounts;
    let cutoff = noon() - TimeSpan::days(2);
    let midnight = cutoff.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();

    let removed = store.history.retain(cutoff).unwrap();

    let kept: Vec<Fact> =
        all.iter().filter(|fact| fact.event.occurred_at >= midnight).cloned().collect();
    assert!(kept.len() > 2_000 && kept.len() < 5_000);
    assert_eq!(removed as usize, all.len() - kept.len());
    store.holds(&kept);
    assert_eq!(store.history.verify().unwrap().accounts, before, "the books still add up");
    assert_eq!(store.history.retain(cutoff).unwrap(), 0);
    drop(store);
    Store::open(folder.path()).holds(&kept);
}

#[test]
fn an_erased_subject_leaves_what_was_used_and_nothing_about_the_person() {
    let (folder, store) = open();
    for part in 0..3 {
        store.commit(facts(part * 100..(part + 1) * 100));
        store.flush();
    }
    let before = store.history.verify().unwrap();
    let is_theirs = |fact: &Fact| fact.event.subject.as_deref() == Some("subject-2");

    let erased = store.history.erase("subject-2").unwrap();

    let expected: Vec<Fact> = facts(0..300)
        .into_iter()
        .map(|mut fact| {
            if is_theirs(&fact) {
                fact.event.subject = None;
                fact.event.tags = Default::default();
                fact.event.metadata = None;
            }
            fact
        })
        .collect();
    assert_eq!(erased as usize, facts(0..300).iter().filter(|fact| is_theirs(fact)).count());
    assert!(erased > 10);
    store.holds(&expected);
    let after = store.history.verify().unwrap();
    assert_eq!((after.faults.len(), after.accounts), (0, before.accounts));
    assert_eq!(store.history.erase("subject-2").unwrap(), 0);
    // The name is in no byte of any file.
    drop(store);
    drop(Store::open(folder.path()));
    for entry in fs::read_dir(folder.path().join(FOLDER)).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"subject-2"));
    }
}

#[test]
fn a_damaged_segment_is_named_and_the_others_can_be_read() {
    let (_folder, store) = open();
    for part in 0..2 {
        store.commit(facts(part * 100..(part + 1) * 100));
        store.flush();
    }
    let segments = store.history.snapshot().segments;
    let (first, second) = (&segments[0].path, &segments[1].path);
    let whole = fs::read(first).unwrap();
    let second_name = second.file_name().unwrap().to_str().unwrap();
    let name = first.file_name().unwrap().to_str().unwrap();
    let fault = || {
        let verified = store.history.verify().unwrap();
        assert_eq!(verified.segments, 1);
        assert_eq!(verified.faults.len(), 1);
        let fault = verified.faults[0].to_string();
        assert!(fault.contains(name) && !fault.contains(second_name), "{fault}");
        fault
    };

    fs::write(first, &whole[..whole.len() / 2]).unwrap();
    assert!(fault().contains("bytes instead of"), "{}", fault());
    let mut flipped = whole.clone();
    flipped[whole.len() / 3] ^= 1;
    fs::write(first, &flipped).unwrap();
    assert!(fault().contains("have changed"), "{}", fault());
    fs::remove_file(first).unwrap();
    assert!(fault().contains("could not be read"), "{}", fault());

    assert_eq!(
        segments[1].scan(&[], 50).unwrap().map(|batch| batch.unwrap().num_rows()).sum::<usize>(),
        100
    );
    let refused = segments[0].scan(&[], 50).err().unwrap().to_string();
    assert!(refused.contains(name), "{refused}");
    fs::write(first, &whole).unwrap();
    store.is_sound_with(&facts(0..200));
}

#[test]
fn no_flipped_byte_of_a_segment_ends_the_process_or_passes_unseen() {
    let (folder, store) = open();
    store.commit(facts(0..100));
    store.flush();
    drop(store);
    let path = folder.path().join(FOLDER).join("0000000001.parquet");
    let whole = fs::read(&path).unwrap();

    for at in (0..whole.len()).step_by(211) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x20;
        fs::write(&path, &flipped).unwrap();
        let store = Store::open(folder.path());

        // Not every flip can be seen by decoding, but none may end in a panic.
        let segment = &store.history.snapshot().segments[0];
        let read = segment.scan(&[], 50).and_then(|batches| batches.collect::<Result<Vec<_>, _>>());
        let named = read.err().is_none_or(|error| error.to_string().contains("0000000001.parquet"));
        assert!(named, "byte {at} of {}", whole.len());
        let verified = store.history.verify().unwrap();
        assert_eq!(verified.faults.len(), 1, "byte {at} of {}", whole.len());
    }
}

#[test]
fn a_tail_without_room_waits_for_a_flush_and_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path());
    store.history.options.tail_rows_max = 10;
    let patience = Duration::from_millis(50);
    store.commit(facts(0..20));

    let started = std::time::Instant::now();
    assert!(store.history.wait_for_room(patience), "rows alone stop nobody");
    assert!(started.elapsed() >= patience);

    std::thread::scope(|scope| {
        let started = std::time::Instant::now();
        scope.spawn(|| store.flush());
        assert!(store.history.wait_for_room(Duration::from_secs(60)));
        assert!(started.elapsed() < Duration::from_secs(30));
    });
    assert_eq!(store.history.tail_rows(), 0);
}

/// A fact whose tags are its own, and take as many bytes as they may.
fn bulky(number: u32) -> Fact {
    let value = |tag: u32| format!("{number}-{tag}-").repeat(20);
    let tags = (0..30).map(|tag| (format!("tag-{tag}").into(), value(tag).into())).collect();
    let plain = fact(number);
    Fact { event: UsageEvent { tags, ..plain.event }, ..plain }
}

fn bulky_facts(numbers: std::ops::Range<u32>) -> Vec<Fact> {
    numbers.map(bulky).collect()
}

#[test]
fn row_groups_end_by_bytes_in_a_flush_a_compaction_and_a_rewrite() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path());
    let bytes_max = 64 << 10;
    store.history.options.row_group_rows = 100_000;
    store.history.options.row_group_bytes = bytes_max;
    let mut all = Vec::new();
    let is_bounded = |store: &Store| {
        for segment in store.history.snapshot().segments.iter() {
            let row_groups = segment.metadata().unwrap().metadata().row_groups();
            // What is copied at once may be on top of it; a segment of one row group would be more.
            assert!(row_groups.len() >= (segment.rows / 1_200).max(1) as usize);
            assert!(segment.rows < 1_200 || row_groups.len() > 1, "{}", row_groups.len());
        }
    };

    for part in 0..3 {
        let facts = bulky_facts(part * 2_500..(part + 1) * 2_500);
        store.commit(facts.clone());
        all.extend(facts);
        store.flush();
    }
    is_bounded(&store);
    store.history.options.segment_rows = 1 << 20;
    while store.history.compact().unwrap() {}
    assert_eq!(store.history.snapshot().segments.len(), 1, "they were merged");
    is_bounded(&store);
    store.history.erase("subject-1").unwrap();
    is_bounded(&store);
    assert!(store.history.verify().unwrap().faults.is_empty());
    assert_eq!(store.facts().len(), all.len());
}

#[test]
fn a_tail_of_many_bytes_is_flushed_in_parts_and_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path());
    store.history.options.flush_bytes = 1;
    let all = bulky_facts(0..9_000);
    for facts in all.chunks(3_000) {
        store.commit(facts.to_vec());
    }

    assert!(store.history.tail_bytes() > 9_000 * 2_000);
    assert_eq!(store.flush(), 9_000);

    assert!(store.history.snapshot().segments.len() > 1, "one segment for each part");
    assert_eq!((store.history.tail_rows(), store.history.tail_bytes()), (0, 0));
    store.is_sound_with(&all);
    drop(store);
    Store::open(folder.path()).is_sound_with(&all);
}

#[test]
fn a_commit_larger_than_a_chunk_is_flushed_as_a_whole() {
    let (folder, mut store) = open();
    store.history.options.flush_bytes = 1;
    // 20 KB of text each, in one commit.
    let big: Vec<Fact> = (0..4_000)
        .map(|number| {
            let metadata = format!("{{\"text\":\"{}\"}}", "x".repeat(20_000));
            let plain = fact(number);
            Fact { event: UsageEvent { metadata: Some(metadata.into()), ..plain.event }, ..plain }
        })
        .collect();
    store.commit(big.clone());
    store.commit(facts(4_000..4_010));

    assert!(store.history.snapshot().tail.len() > 2, "it lies in several chunks");
    assert_eq!(store.flush(), 4_010);

    let all: Vec<Fact> = big.into_iter().chain(facts(4_000..4_010)).collect();
    store.is_sound_with(&all);
    drop(store);
    Store::open(folder.path()).is_sound_with(&all);
}

#[test]
fn a_tail_of_too_many_bytes_takes_in_nothing_more_until_it_is_flushed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path());
    store.history.options.tail_bytes_max = 10_000;
    assert!(store.history.wait_for_room(Duration::ZERO));
    store.commit(bulky_facts(0..100));

    assert!(!store.history.wait_for_room(Duration::ZERO));
    store.flush();
    assert!(store.history.wait_for_room(Duration::ZERO));
}

#[test]
fn a_commit_that_is_in_the_log_and_not_in_the_tail_is_not_dropped_by_a_flush() {
    let (folder, store) = open();
    store.commit(facts(0..10));
    let lost = facts(10..20);
    let body = usage_log::Encoder::default().encode(&lost).unwrap();
    let append = |tx: &Tx<'_>| tx.usage_log().append(noon(), 10, &body);
    store.books.write_blocking(append).unwrap();
    store.commit(facts(20..30));

    let refused = store.history.flush(&store.dedup).unwrap_err();

    assert!(refused.to_string().contains("2 commits where the usage log has 3"), "{refused}");
    drop(store);
    let store = Store::open(folder.path());
    assert_eq!(store.flush(), 30);
    store.is_sound_with(&facts(0..30));
}

#[test]
fn a_segment_ends_by_bytes_and_is_merged_no_further() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(folder.path());
    store.history.options.segment_rows = 1 << 20;
    store.history.options.segment_bytes = 40_000;
    store.history.options.row_group_bytes = 20_000;
    for part in 0..9 {
        store.commit(bulky_facts(part * 400..(part + 1) * 400));
        store.flush();
    }

    let mut turns = 0;
    while store.history.compact().unwrap() {
        turns += 1;
        assert!(turns < 50, "compaction must come to an end");
    }

    store.is_sound_with(&bulky_facts(0..3_600));
}

/// What each stage of the work passes, in order.
const FLUSH_POINTS: [&str; 5] = [
    "history.flush.begun",
    "history.flush.written",
    "history.flush.renamed",
    "history.flush.keys_written",
    "history.flush.registered",
];

/// Copies the folder at every point that `work` passes, opens each copy as after a power cut, and
/// compares it with what the store must hold before or after `work`.
fn survives_every_crash(
    store: &Store,
    work: impl FnOnce(),
    expected_points: &[&str],
    before: &[Fact],
    after: &[Fact],
) {
    let (copies, taken) = channel();
    let folder = store.folder.clone();
    failpoint::observe::during(
        move |point| {
            let copy = tempfile::tempdir().unwrap();
            copy_folder(&folder, copy.path());
            copies.send((point.to_owned(), copy)).unwrap();
        },
        work,
    );
    let mut points = Vec::new();
    for (point, copy) in taken {
        let registered = point.ends_with("registered") || point.ends_with("removed");
        let expected = if registered { after } else { before };
        let again = Store::open(copy.path());
        again.is_sound_with(expected);
        // Whatever was interrupted can be done again.
        again.flush();
        while again.history.compact().unwrap() {}
        again.is_sound_with(expected);
        points.push(point);
    }
    points.dedup();
    assert_eq!(points, expected_points);
}

#[test]
fn a_crash_at_any_point_of_a_flush_loses_and_doubles_nothing() {
    let (_folder, store) = open();
    store.commit(facts(0..100));
    store.flush();
    store.commit(facts(100..150));
    store.commit(facts(150..200));

    let all = facts(0..200);
    survives_every_crash(&store, || assert_eq!(store.flush(), 100), &FLUSH_POINTS, &all, &all);
    store.is_sound_with(&all);
}

#[test]
fn a_crash_at_any_point_of_a_compaction_loses_and_doubles_nothing() {
    let (_folder, store) = open();
    for part in 0..3 {
        store.commit(facts(part * 80..(part + 1) * 80));
        store.flush();
    }
    store.commit(facts(240..250));

    let all = facts(0..250);
    let points = [
        "history.compact.begun",
        "history.compact.written",
        "history.compact.renamed",
        "history.compact.registered",
        "history.removed",
    ];
    let compact = || assert!(store.history.compact().unwrap());
    survives_every_crash(&store, compact, &points, &all, &all);
    store.is_sound_with(&all);
}

#[test]
fn a_crash_at_any_point_of_retention_removes_all_or_nothing_of_a_segment() {
    let (_folder, store) = open();
    let all = facts(0..3_000);
    store.commit(all.clone());
    store.flush();
    let cutoff = "2026-02-28T00:00:00Z".parse().unwrap();
    let kept: Vec<Fact> =
        all.iter().filter(|fact| fact.event.occurred_at >= cutoff).cloned().collect();

    let points = [
        "history.rewrite.written",
        "history.rewrite.renamed",
        "history.rewrite.registered",
        "history.removed",
    ];
    let retain = || assert!(store.history.retain(cutoff).unwrap() > 0);
    survives_every_crash(&store, retain, &points, &all, &kept);
}

#[test]
fn every_failpoint_is_named_once() {
    let mut names = failpoint::ALL.to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), failpoint::ALL.len());
}

#[derive(Debug, Clone)]
enum Step {
    Commit(u8),
    Flush,
    Compact,
    Merge,
    Snapshot,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (1..60_u8).prop_map(Step::Commit),
        3 => Just(Step::Flush),
        2 => Just(Step::Compact),
        1 => Just(Step::Merge),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn nothing_is_lost_or_doubled_whatever_happens(steps in steps()) {
        let (folder, mut store) = open();
        let mut next = 0;
        let mut held = Vec::new();
        for step in steps {
            match step {
                Step::Commit(count) => {
                    store.commit(facts(next..next + u32::from(count)));
                    next += u32::from(count);
                }
                Step::Flush => {
                    store.flush();
                }
                Step::Compact => {
                    store.history.compact().unwrap();
                }
                Step::Merge => {
                    store.dedup.merge().unwrap();
                }
                Step::Snapshot => held.push((next, store.history.snapshot())),
                Step::Restart => {
                    held.clear();
                    drop(store);
                    store = Store::open(folder.path());
                }
            }
        }
        for (rows, snapshot) in held {
            prop_assert_eq!(facts_of(&snapshot).len(), rows as usize);
        }
        store.is_sound_with(&facts(0..next));
    }
}
