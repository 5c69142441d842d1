#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::FileExt;

use outlay_domain::Quantity;
use outlay_domain::usage::{EventDraft, Meter, UsageEvent};
use proptest::prelude::*;
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64;

use super::*;

fn now() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn days_ago(days: i64) -> Span {
    let us = (now() - Duration::days(days)).timestamp_micros();
    Span { first_us: us, last_us: us }
}

fn key(number: u64) -> EventKey {
    EventKey { id: xxh3_64(&number.to_le_bytes()), body: xxh3_64(&(!number).to_le_bytes()) }.kept()
}

fn keys(numbers: impl IntoIterator<Item = u64>) -> Vec<EventKey> {
    numbers.into_iter().map(key).collect()
}

fn with_another_body(key: EventKey) -> EventKey {
    EventKey { body: key.body ^ 1, ..key }
}

fn open(folder: &TempDir) -> Dedup {
    open_with(folder, DedupOptions::default())
}

fn open_with(folder: &TempDir, options: DedupOptions) -> Dedup {
    let books = Arc::new(Books::open(folder.path()).unwrap());
    Dedup::open(folder.path(), books, options).unwrap()
}

fn run_files(folder: &TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path().join(FOLDER)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn an_event_is_new_once() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = open(&folder);
    let [first, second] = [key(1), key(2)];

    dedup.insert(&[first]);

    let seen = dedup.check(&[first, second, with_another_body(first)]).unwrap();
    assert_eq!(seen, [Seen::Same, Seen::New, Seen::Differs]);
}

#[test]
fn an_id_that_came_with_two_bodies_knows_both() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = open(&folder);
    let bodies = [key(1), with_another_body(key(1))];

    dedup.insert(&bodies[..1]);
    dedup.flush(days_ago(0)).unwrap();
    dedup.insert(&bodies[1..]);

    assert_eq!(dedup.check(&bodies).unwrap(), [Seen::Same, Seen::Same]);
    let third = EventKey { body: key(1).body ^ 2, ..key(1) };
    assert_eq!(dedup.check(&[third]).unwrap(), [Seen::Differs]);
}

#[test]
fn keys_are_known_while_they_move_from_memory_to_a_run_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = open(&folder);
    let known = keys(0..10_000);
    let all_same = vec![Seen::Same; known.len()];

    dedup.insert(&known);
    let frozen = dedup.freeze();
    assert_eq!(dedup.check(&known).unwrap(), all_same);
    let pending = dedup.write_run(frozen, days_ago(0)).unwrap().unwrap();
    assert_eq!(dedup.check(&known).unwrap(), all_same);
    dedup.books.write_blocking(|tx| pending.register(tx)).unwrap();
    dedup.publish(pending);
    assert_eq!(dedup.check(&known).unwrap(), all_same);
    assert_eq!(dedup.figures().fresh_keys, 0);
    drop(dedup);

    let dedup = open(&folder);
    assert_eq!(dedup.check(&known).unwrap(), all_same);
    assert_eq!(dedup.check(&keys(10_000..20_000)).unwrap(), vec![Seen::New; 10_000]);
}

#[test]
fn keys_of_a_flush_that_failed_go_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = open(&folder);

    dedup.insert(&keys(0..10));
    drop(dedup.write_run(dedup.freeze(), days_ago(0)).unwrap());
    dedup.insert(&keys(10..20));
    dedup.flush(days_ago(0)).unwrap();
    drop(dedup);

    let dedup = open(&folder);
    assert_eq!(dedup.check(&keys(0..20)).unwrap(), [Seen::Same; 20]);
    assert_eq!(run_files(&folder).len(), 1, "the file of the failed flush is an orphan");
}

#[test]
fn runs_of_one_size_are_merged_and_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = open(&folder);

    for part in 0..16 {
        // Every part repeats a few keys of the one before.
        dedup.insert(&keys((part * 1_000_u64).saturating_sub(5)..(part + 1) * 1_000));
        dedup.flush(days_ago(0)).unwrap();
    }
    while dedup.merge().unwrap() {}

    let figures = dedup.figures();
    assert_eq!(figures.keys, 16_000, "what is in two runs is in the merged one once");
    assert!(figures.runs <= 4, "{} runs are left", figures.runs);
    assert_eq!(run_files(&folder).len(), figures.runs);
    drop(dedup);
    let dedup = open(&folder);
    assert_eq!(dedup.check(&keys(0..16_000)).unwrap(), vec![Seen::Same; 16_000]);
    assert_eq!(dedup.check(&keys(16_000..32_000)).unwrap(), vec![Seen::New; 16_000]);
    assert!(dedup.verify().unwrap().is_empty());
}

#[test]
fn a_run_is_forgotten_when_all_of_it_is_older_than_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = open(&folder);
    for (days, number) in [(50, 1), (41, 2), (39, 3), (0, 4)] {
        dedup.insert(&keys([number]));
        dedup.flush(days_ago(days)).unwrap();
    }

    let forgotten = dedup.retain(now()).unwrap();

    assert_eq!(forgotten, 2);
    let seen = [Seen::New, Seen::New, Seen::Same, Seen::Same];
    assert_eq!(dedup.check(&keys(1..=4)).unwrap(), seen);
    drop(dedup);
    assert_eq!(open(&folder).check(&keys(1..=4)).unwrap(), seen);
}

#[test]
fn a_merged_run_covers_at_most_a_fifth_of_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = open(&folder);
    for day in 0..40 {
        dedup.insert(&keys([day]));
        dedup.flush(days_ago(day as i64)).unwrap();
    }

    while dedup.merge().unwrap() {}

    let longest = dedup
        .books
        .read_blocking(|books| books.manifest().runs())
        .unwrap()
        .into_iter()
        .map(|run| run.received.last_us - run.received.first_us)
        .max();
    assert!(longest.unwrap() <= Duration::days(8).num_microseconds().unwrap());
    assert!(dedup.figures().runs < 16);
}

#[test]
fn every_flipped_byte_is_an_error_and_never_a_new_event() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = open(&folder);
    let known = keys(0..500);
    dedup.insert(&known);
    dedup.flush(days_ago(0)).unwrap();
    let path = run_files(&folder).remove(0);
    let whole = fs::read(&path).unwrap();

    for at in (0..whole.len()).step_by(7) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(&path, &flipped).unwrap();

        let seen = Run::open(1, &path).and_then(|run| {
            let mut seen = vec![Seen::New; known.len()];
            check_run(&run, &known, &mut seen, &mut Vec::new())?;
            Ok(seen)
        });
        match seen {
            Err(error) => assert!(error.to_string().contains("0000000001.keys"), "{error}"),
            Ok(_) => panic!("byte {at} of {} has changed and nobody noticed", whole.len()),
        }
        assert_eq!(dedup.verify().unwrap().len(), 1);
    }
}

#[test]
fn a_short_or_missing_run_is_named_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = open(&folder);
    dedup.insert(&keys(0..500));
    dedup.flush(days_ago(0)).unwrap();
    drop(dedup);
    let path = run_files(&folder).remove(0);
    let books = Arc::new(Books::open(folder.path()).unwrap());
    let error = || {
        let opened = Dedup::open(folder.path(), books.clone(), DedupOptions::default());
        opened.err().unwrap().to_string()
    };

    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1_000).unwrap();
    assert!(error().contains("0000000001.keys"), "{}", error());
    fs::remove_file(&path).unwrap();
    assert!(error().contains("0000000001.keys"), "{}", error());
}

#[test]
fn a_new_event_costs_memory_of_two_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = open(&folder);

    dedup.insert(&keys(0..300_000));
    dedup.flush(days_ago(0)).unwrap();

    let figures = dedup.figures();
    assert!(figures.memory_bytes < 300_000 * 2, "{} bytes of memory", figures.memory_bytes);
    assert!(figures.disk_bytes < 300_000 * 15, "{} bytes on disk", figures.disk_bytes);
}

#[test]
fn a_crash_at_any_point_of_a_merge_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let dedup = open(&folder);
    for part in 0..4 {
        dedup.insert(&keys(part * 100..(part + 1) * 100));
        dedup.flush(days_ago(0)).unwrap();
    }
    let (copies, sent) = std::sync::mpsc::channel();
    let source = folder.path().to_owned();

    failpoint::observe::during(
        move |point| {
            let copy = tempfile::tempdir().unwrap();
            copy_folder(&source, copy.path());
            copies.send((point.to_owned(), copy)).unwrap();
        },
        || assert!(dedup.merge().unwrap()),
    );

    let mut points = Vec::new();
    for (point, copy) in sent {
        let dedup = open(&copy);
        assert_eq!(dedup.check(&keys(0..400)).unwrap(), [Seen::Same; 400], "after {point}");
        assert_eq!(run_files(&copy).len(), dedup.figures().runs, "orphans after {point}");
        points.push(point);
    }
    assert_eq!(points, ["dedup.merge.written", "dedup.merge.renamed", "dedup.merge.registered"]);
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn event(id: &str) -> UsageEvent {
    let received_at = now();
    EventDraft {
        id: id.into(),
        source: "search-api".into(),
        occurred_at: Some(received_at),
        account: "acme".into(),
        provider: Some("openai".into()),
        model: Some("gpt-4o".into()),
        quantities: vec![
            (Meter::InputTokens, Quantity::ONE),
            (Meter::Other("b".into()), Quantity::ONE),
        ],
        tags: vec![("feature".into(), "chat".into())],
        ..EventDraft::default()
    }
    .accept(received_at)
    .unwrap()
}

fn secret() -> KeySecret {
    let bytes: Vec<u8> = (0..SECRET_BYTES).map(|at| at as u8).collect();
    KeySecret::from_bytes(&bytes).unwrap()
}

/// Keys lie in files: if this fails, every event ever stored would be new again.
#[test]
fn the_key_of_an_event_never_changes() {
    assert_eq!(
        EventKey::by_source(&event("a-1")),
        EventKey { id: 0xb513382a27b5ab39, body: 0x1a8d6ff130 }
    );
    assert_eq!(
        secret().key_of(&event("a-1")),
        EventKey { id: 0x5822c054ce21d8e1, body: 0x73d2588647 }
    );
}

#[test]
fn every_field_counts_and_account_source_and_id_cannot_be_confused() {
    let secret = secret();
    let base = event("a-1");
    let mut others = vec![base.clone(); 8];
    others[0].occurred_at += Duration::microseconds(1);
    others[1].subject = Some("x".into());
    others[2].quantities.set(Meter::InputTokens, Quantity::from_micros(2_000_000));
    others[3].tags = [("feature".into(), "chats".into())].into_iter().collect();
    others[4].metadata = Some("{}".into());
    others[5].dimensions.team = Some("chat".into());
    others[6].dimensions.project = Some("chat".into());
    others[7].duration_us = Some(0);

    let mut bodies: Vec<u64> = others.iter().map(|event| secret.key_of(event).body).collect();
    assert!(others.iter().all(|event| secret.key_of(event).id == secret.key_of(&base).id));
    bodies.push(secret.key_of(&base).body);
    bodies.sort_unstable();
    bodies.dedup();
    assert_eq!(bodies.len(), 9);

    for moved in [
        UsageEvent { source: "search-apia".into(), id: "-1".into(), ..base.clone() },
        UsageEvent { account: "acme2".into(), ..base.clone() },
        UsageEvent { account: "acmesearch-api".into(), source: "".into(), ..base.clone() },
    ] {
        assert_ne!(secret.key_of(&moved).id, secret.key_of(&base).id);
        assert_ne!(secret.key_of(&moved).body, secret.key_of(&base).body);
    }
}

#[test]
fn every_folder_has_a_secret_of_its_own_that_stays() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = |folder: &TempDir| open(folder).key_of(&event("a-1"));

    assert_eq!(key(&one), key(&one));
    assert_ne!(key(&one), key(&other));
}

/// Keys as the version before wrote them, to a run that the books say is of its form.
fn older_run(folder: &TempDir, run_id: i64, events: &[UsageEvent]) {
    let path = folder.path().join(FOLDER).join(Run::file_name(run_id));
    let mut keys: Vec<_> = events.iter().map(EventKey::by_source).collect();
    keys.sort_unstable();
    let mut writer = RunWriter::create(&path, keys.len() as u64).unwrap();
    keys.into_iter().for_each(|key| writer.push(key).unwrap());
    let of = (days_ago(0), KeyForm::BySource);
    let (_, row) = finish(writer, run_id, path, of, || {}).unwrap();
    let books = Books::open(folder.path()).unwrap();
    books.write_blocking(|tx| tx.manifest().add_run(&row)).unwrap();
}

#[test]
fn runs_of_before_are_asked_in_their_own_way_until_they_are_over() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&folder));
    for (run_id, id) in [(1, "a-1"), (2, "a-2"), (3, "a-3"), (4, "a-4")] {
        older_run(&folder, run_id, &[event(id)]);
    }
    let dedup = open(&folder);
    let anothers = UsageEvent { account: "globex".into(), ..event("a-1") };
    let changed = UsageEvent { subject: Some("x".into()), ..event("a-1") };
    let asked = [event("a-1"), event("a-4"), anothers.clone(), changed, event("a-5")];
    let asked: Vec<&UsageEvent> = asked.iter().collect();
    let known = [Seen::Same, Seen::Same, Seen::Differs, Seen::Differs, Seen::New];
    assert_eq!(dedup.check_events(&asked).unwrap(), known);

    dedup.insert(&[dedup.key_of(&anothers)]);
    for _ in 0..3 {
        dedup.flush(days_ago(0)).unwrap();
        dedup.insert(&[dedup.key_of(&event("a-5"))]);
    }
    while dedup.merge().unwrap() {}

    let forms: Vec<_> = dedup.state.read().runs.iter().map(|run| run.form).collect();
    assert!(forms.contains(&KeyForm::BySource) && forms.contains(&KeyForm::ByAccount), "{forms:?}");
    let after = [Seen::Same, Seen::Same, Seen::Same, Seen::Differs, Seen::Same];
    assert_eq!(dedup.check_events(&asked).unwrap(), after);
    drop(dedup);
    let dedup = open(&folder);
    dedup.insert(&[dedup.key_of(&event("a-5"))]);
    assert_eq!(dedup.check_events(&asked).unwrap(), after, "the books know the form of a run");

    dedup.retain(now() + Duration::days(41)).unwrap();
    assert_eq!(dedup.older_key_of(&event("a-1")), None, "nobody is asked any more");
}

#[derive(Debug, Clone)]
enum Step {
    Insert(Vec<(u8, u8)>),
    Flush,
    Merge,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec((any::<u8>(), 0..3_u8), 0..40).prop_map(Step::Insert),
        2 => Just(Step::Flush),
        2 => Just(Step::Merge),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Ids that share their first bits share buckets; few ids make repeats and conflicts likely.
    #[test]
    fn it_answers_like_a_map_whatever_happens(steps in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let mut dedup = open(&folder);
        let mut model: HashMap<u64, Vec<u64>> = HashMap::new();
        let mut in_memory: Vec<EventKey> = Vec::new();

        for step in steps {
            match step {
                Step::Insert(pairs) => {
                    let keys: Vec<EventKey> = pairs
                        .into_iter()
                        .map(|(id, body)| EventKey {
                            id: if id < 128 { key(id.into()).id } else { id.into() },
                            body: body.into(),
                        })
                        .collect();
                    let expected: Vec<Seen> = keys
                        .iter()
                        .map(|key| match model.get(&key.id) {
                            None => Seen::New,
                            Some(bodies) => Seen::of(bodies.contains(&key.body)),
                        })
                        .collect();
                    prop_assert_eq!(dedup.check(&keys).unwrap(), expected);
                    dedup.insert(&keys);
                    in_memory.extend(&keys);
                    for key in keys {
                        model.entry(key.id).or_default().push(key.body);
                    }
                }
                Step::Flush => {
                    dedup.flush(days_ago(0)).unwrap();
                    in_memory.clear();
                }
                Step::Merge => {
                    dedup.merge().unwrap();
                }
                Step::Restart => {
                    drop(dedup);
                    dedup = open(&folder);
                    // As from the usage log.
                    dedup.insert(&in_memory);
                }
            }
        }
    }
}

#[test]
fn a_bucket_is_read_from_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.keys");
    let mut sorted = keys(0..5_000);
    sorted.sort_unstable();
    let mut writer = RunWriter::create(&path, 5_000).unwrap();
    sorted.iter().try_for_each(|key| writer.push(*key)).unwrap();
    let (file, parts) = writer.finish().unwrap();
    file.publish().unwrap();
    let run = Run::opened(1, path.clone(), parts).unwrap();

    let mut read = Vec::new();
    let mut keys = run.keys().unwrap();
    while let Some(key) = keys.next().unwrap() {
        read.push(key);
    }

    assert_eq!(read, sorted);
    let mut magic = [0; 8];
    let file = fs::File::open(&path).unwrap();
    file.read_exact_at(&mut magic, file.metadata().unwrap().len() - 80).unwrap();
    assert_eq!(&magic, b"OUTLKEYS");
}
