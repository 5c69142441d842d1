//! What databases in the wild hold, and what happens to them while they are read.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use outlay_domain::Amount;
use outlay_domain::usage::{EventDraft, Meter, Status};
use rusqlite::Connection;

use super::database::{DatabaseError, Kind, Patience, Tracker};
use super::discovery::{DiscoveryError, Found, Surroundings, discover};
use super::feed::{CallsKnown, CallsRule, Feed, Options};
use super::fixtures::{Costs, PACKAGE, SCRIPT, at, berlin, drain, options, patience, unpack};
use super::tail::{Change, Cursor, Known, Rows};
use crate::import::PARCEL_ROWS;

fn feed_of(costs: &Costs, known: Vec<Known>) -> Feed {
    feed_with(costs, known, options())
}

fn feed_with(costs: &Costs, known: Vec<Known>, options: Options) -> Feed {
    let database = costs.database();
    let Kind::CostTracking(tracker) = database.kind else { panic!("these are costs") };
    Feed::new(Some((&database, tracker, known)), None, &patience(), options)
}

fn ids(drafts: &[EventDraft]) -> Vec<&str> {
    drafts.iter().map(|draft| draft.id.as_str()).collect()
}

fn moments(drafts: &[EventDraft]) -> Vec<String> {
    drafts.iter().map(|draft| draft.occurred_at.unwrap().format("%dT%TZ").to_string()).collect()
}

#[test]
fn a_row_keeps_leadfactorys_own_words() {
    let costs = Costs::new(PACKAGE);
    costs.add("2026-07-19T12:00:00.5", "Yelp Fusion/é", None, "0.319029");
    costs.run(
        r#"INSERT INTO costs (timestamp, service, operation, amount, details, batch_id) VALUES
           ('2026-07-19T12:00:00', 'openai', 'gpt-4o_chat_completion', 1.4680171499999997,
            '{"input_tokens": 100, "output_tokens": 7, "model": "gpt-4o", "business_id": 12}',
            'batch_20260719'),
           ('2026-07-19T12:00:00', 'openai', 'gpt-4o_blocked', 0.0, '{"reason": "budget"}', NULL)"#,
    );

    let drafts = drain(&mut feed_of(&costs, Vec::new())).drafts;

    let plain = &drafts[0];
    assert_eq!(plain.id, "costs:1");
    assert!(plain.source.starts_with("leadfactory:cost_tracking:"), "{}", plain.source);
    assert_eq!(plain.account, "leadfactory");
    assert_eq!(plain.service.as_deref(), Some("Yelp Fusion/é"));
    assert_eq!((plain.operation.as_deref(), plain.provider.as_deref()), (None, None));
    assert_eq!(plain.occurred_at.unwrap().to_rfc3339(), "2026-07-19T10:00:00.500+00:00");
    let call = &drafts[1];
    assert_eq!(call.operation.as_deref(), Some("gpt-4o_chat_completion"));
    assert_eq!(call.provider.as_deref(), Some("openai"));
    assert_eq!(call.model.as_deref(), Some("gpt-4o"));
    assert_eq!(call.stated_cost, Some(Amount::from_nanos(1_468_017_150)));
    assert_eq!(call.quantities.len(), 2);
    let tags = [("batch_id".into(), "batch_20260719".into()), ("business_id".into(), "12".into())];
    assert_eq!(call.tags, tags);
    let blocked = &drafts[2];
    assert_eq!((blocked.status, blocked.model.as_deref()), (Status::Blocked, Some("gpt-4o")));
    assert_eq!(blocked.metadata.as_deref(), Some(r#"{"reason":"budget"}"#));
}

#[test]
fn a_spoilt_row_is_refused_with_its_id_and_its_neighbours_are_taken() {
    let costs = Costs::new(PACKAGE);
    costs.add("2026-07-19T12:00:00", "maps", None, "1.5");
    for amount in ["9e999", "-9e999", "-0.01", "'free'", "x'00'", "1e12"] {
        costs.add("2026-07-19T12:00:00", "maps", None, amount);
    }
    costs.add("19.07.2026", "maps", None, "1");
    costs.add("", "maps", None, "1");
    costs.run(
        "INSERT INTO costs (timestamp, service, amount)
               VALUES ('2026-07-19T12:00:00', CAST(x'ff' AS TEXT), 1)",
    );
    costs.add("2026-07-19T12:00:00", "maps", None, "2");

    let all = drain(&mut feed_of(&costs, Vec::new()));

    assert_eq!(ids(&all.drafts), ["costs:1", "costs:11"]);
    let told: Vec<String> =
        all.refused.iter().map(|(place, refusal)| format!("{place}: {refusal}")).collect();
    assert_eq!(
        told,
        [
            "costs row 2: amount: `inf` is not an amount of money",
            "costs row 3: amount: `-inf` is not an amount of money",
            "costs row 4: amount: -0.01 is negative",
            "costs row 5: amount: `free` is text, and an amount is a number",
            "costs row 6: amount: is bytes, and an amount is a number",
            "costs row 7: amount: `1e12` is outside the range of amounts, about 9.2 \
             billion either way",
            "costs row 8: timestamp: `19.07.2026` is not a time such as 2026-07-19T01:48:38 or \
             2026-07-19T01:48:38+02:00",
            "costs row 9: timestamp: a row must say when",
            "costs row 10: service: is not UTF-8 text",
        ]
    );
}

#[test]
fn a_control_character_in_a_name_costs_no_money() {
    let costs = Costs::new(PACKAGE);
    costs.run(
        "INSERT INTO costs (timestamp, service, operation, amount)
         VALUES ('2026-07-19T12:00:00', char(9) || 'a' || char(10) || 'b', 'x' || char(127), 1.5)",
    );

    let all = drain(&mut feed_of(&costs, Vec::new()));

    assert!(all.refused.is_empty());
    let draft = &all.drafts[0];
    assert_eq!(draft.id, "costs:1");
    assert_eq!((draft.service.as_deref(), draft.operation.as_deref()), (Some(" a b"), Some("x ")));
    assert!(draft.clone().accept(chrono::Utc::now()).is_ok());
}

#[test]
fn a_float_that_is_no_number_is_null_in_sqlite_and_refused() {
    let costs = Costs::new(
        "CREATE TABLE costs (id INTEGER PRIMARY KEY, timestamp TEXT, service TEXT, amount)",
    );
    costs.run(
        "INSERT INTO costs VALUES (1, '2026-07-19T12:00:00', 'maps', NULL),
                                        (2, '2026-07-19T12:00:00', 'maps', 3)",
    );

    let all = drain(&mut feed_of(&costs, Vec::new()));

    assert_eq!(all.refused[0].1.to_string(), "amount: is NULL");
    assert_eq!(
        all.drafts[0].stated_cost,
        Some(Amount::from_units(3)),
        "no column is needed but four"
    );
}

#[test]
fn the_scripts_database_is_recognised_and_its_gpu_is_counted_once() {
    let costs = Costs::new(SCRIPT);
    costs
        .add("2026-07-19T12:00:00", "gpu", Some("start"), "0")
        .add("2026-07-19T12:01:00", "gpu", Some("usage"), "0.04")
        .add("2026-07-19T12:02:00", "gpu", Some("usage"), "0.04")
        .add("2026-07-19T12:02:30", "gpu", Some("stop"), "0.08")
        .add("2026-07-19T12:03:00", "maps", Some("stop"), "1");
    costs.run("INSERT INTO monthly_budget (year, month, budget) VALUES (2026, 7, 300)");
    assert_eq!(costs.database().kind, Kind::CostTracking(Tracker::Script));

    let once = drain(&mut feed_of(&costs, Vec::new()));
    let twice =
        drain(&mut feed_with(&costs, Vec::new(), Options { keep_gpu_stops: true, ..options() }));

    let spend = |drafts: &[EventDraft]| -> Amount {
        drafts.iter().filter_map(|draft| draft.stated_cost).sum()
    };
    assert_eq!((spend(&once.drafts).to_string(), once.left_out), ("1.08".to_owned(), 1));
    assert_eq!((spend(&twice.drafts).to_string(), twice.left_out), ("1.16".to_owned(), 0));
    let (months, _) = super::budgets::read(&costs.database(), &patience(), None).unwrap().unwrap();
    assert_eq!(months.limits[0].period.word(), "2026-07");
    assert_eq!(months.limits[0].amount, Amount::from_units(300));
}

#[test]
fn a_run_is_its_tier_its_times_and_its_leads() {
    let costs = Costs::new(PACKAGE);
    costs.add("2026-07-19T01:30:00", "openai", None, "1.5").run(
        "CREATE TABLE batches (id TEXT PRIMARY KEY, start_time TEXT NOT NULL, end_time TEXT,
             tier TEXT, leads_processed INTEGER, total_cost REAL, cost_per_lead REAL, status TEXT);
         INSERT INTO batches VALUES
             ('running', '2026-07-20T01:00:00', NULL, '2', NULL, NULL, NULL, 'running'),
             ('done', '2026-07-19T01:00:00', '2026-07-19T03:00:00', '1', 60, 1.5, 0.025, 'completed'),
             ('odd', 'yesterday', NULL, '1', 3, NULL, NULL, 'failed'),
             ('less', '2026-07-19T01:00:00', NULL, '1', -3, NULL, NULL, 'failed');",
    );

    let (set, refused) =
        super::runs::read(&costs.database(), &patience(), berlin(), Some(&"of:costs".into()))
            .unwrap()
            .unwrap();

    assert_eq!(set.source, "of:costs");
    let done = &set.runs[0];
    assert_eq!((done.id.as_str(), done.tier.as_deref(), done.leads), ("done", Some("1"), 60));
    assert_eq!(done.started_at.to_rfc3339(), "2026-07-18T23:00:00+00:00");
    assert_eq!(done.ended_at.unwrap().to_rfc3339(), "2026-07-19T01:00:00+00:00");
    assert_eq!((set.runs[1].ended_at, set.runs[1].leads), (None, 0));
    assert_eq!(set.runs.len(), 2);
    let fields: Vec<_> = refused.iter().map(|(_, refusal)| refusal.field.as_str()).collect();
    assert_eq!(fields, ["start_time", "leads_processed"]);
}

#[test]
fn the_order_of_columns_changes_no_identity() {
    let (package, script) = (Costs::new(PACKAGE), Costs::new(SCRIPT));
    for costs in [&package, &script] {
        costs.add("2026-07-19T12:00:00", "maps", Some("geocode"), "0.5");
    }

    let source = |costs| drain(&mut feed_of(costs, Vec::new())).drafts[0].source.clone();

    assert_eq!(source(&package), source(&script));
}

#[test]
fn an_hour_that_the_clock_showed_twice_is_told_apart_by_the_order_of_rows() {
    let costs = Costs::new(PACKAGE);
    for time in ["01:30:00", "02:10:00", "02:50:00", "02:49:59", "02:05:00", "02:55:00", "03:10:00"]
    {
        costs.add(&format!("2026-10-25T{time}"), "maps", None, "1");
    }
    let first_times = ["24T23:30:00Z", "25T00:10:00Z", "25T00:50:00Z", "25T00:49:59Z"];
    let second_times = ["25T01:05:00Z", "25T01:55:00Z", "25T02:10:00Z"];

    let all = drain(&mut feed_of(&costs, Vec::new())).drafts;

    assert_eq!(moments(&all)[..4], first_times, "a second out of order is no change of clocks");
    assert_eq!(moments(&all)[4..], second_times);

    let mut earlier = feed_of(&costs, Vec::new());
    let known = known_after(&mut earlier, &costs, 5);
    let rest = drain(&mut feed_of(&costs, vec![known])).drafts;
    assert_eq!(moments(&rest), second_times[1..], "and a restart in that hour changes nothing");
}

/// What the books would hold after the first `rows` rows.
fn known_after(feed: &mut Feed, costs: &Costs, rows: i64) -> Known {
    let parcel = feed.next_parcel().unwrap().unwrap();
    let identity = parcel.source.rsplit(':').next().unwrap().into();
    let reader = super::database::Reader::open(&costs.path).unwrap();
    let row = reader.row(&super::costs::COSTS, rows).unwrap().unwrap();
    Known { identity, cursor: Some(Cursor::of(&row)), ..Known::default() }
}

#[test]
fn a_skipped_hour_is_read_by_the_offset_before_it() {
    let costs = Costs::new(PACKAGE);
    costs.add("2026-03-29T01:59:59", "maps", None, "1").add(
        "2026-03-29T02:30:00",
        "maps",
        None,
        "1",
    );

    let all = drain(&mut feed_of(&costs, Vec::new())).drafts;

    assert_eq!(moments(&all), ["29T00:59:59Z", "29T01:30:00Z"]);
}

#[test]
fn a_second_reading_begins_behind_the_first() {
    let costs = Costs::new(PACKAGE);
    for _ in 0..3 {
        costs.add("2026-07-19T12:00:00", "maps", None, "1");
    }
    let mut first = feed_of(&costs, Vec::new());
    let known = known_after(&mut first, &costs, 3);
    costs.add("2026-07-20T12:00:00", "maps", None, "2");

    let moved = costs.path.with_file_name("moved.db");
    std::fs::rename(&costs.path, &moved).unwrap();
    let database = at(moved);
    let mut second =
        Feed::new(Some((&database, Tracker::Package, vec![known])), None, &patience(), options());

    let rows = Rows { before: 3, left: 1 };
    assert_eq!(second.recognise().unwrap(), rows, "a moved file is known again");
    assert_eq!(ids(&drain(&mut second).drafts), ["costs:4"]);
    assert_eq!(second.take_changes(), []);
}

#[test]
fn rows_written_while_following_are_read_once_each() {
    let costs = Costs::new(PACKAGE);
    let mut feed = feed_of(&costs, Vec::new());
    assert!(feed.next_parcel().unwrap().is_none(), "an empty table has nothing yet");

    costs.add("2026-07-19T12:00:00", "maps", None, "1");
    assert_eq!(ids(&drain(&mut feed).drafts), ["costs:1"]);
    assert!(feed.next_parcel().unwrap().is_none());
    costs.add("2026-07-19T12:00:01", "maps", None, "1").add(
        "2026-07-19T12:00:02",
        "maps",
        None,
        "1",
    );
    assert_eq!(ids(&drain(&mut feed).drafts), ["costs:2", "costs:3"]);
}

#[test]
fn many_rows_come_in_parcels() {
    let costs = Costs::new(PACKAGE);
    let rows = PARCEL_ROWS as i64 + 7;
    costs.run(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO costs (timestamp, service, amount)
         SELECT '2026-07-19T12:00:00', 'maps', 0.000001 FROM n"
    ));
    let mut feed = feed_of(&costs, Vec::new());

    let first = feed.next_parcel().unwrap().unwrap();
    let second = feed.next_parcel().unwrap().unwrap();

    assert_eq!((first.rows.len(), first.cursor.id), (PARCEL_ROWS, PARCEL_ROWS as i64));
    assert_eq!((second.rows.len(), second.cursor.id), (7, rows));
    assert!(feed.next_parcel().unwrap().is_none());
}

#[test]
fn a_replaced_file_is_another_source_and_is_read_from_its_beginning() {
    let (old, new) = (Costs::new(PACKAGE), Costs::new(PACKAGE));
    old.add("2026-07-19T12:00:00", "maps", None, "1").add("2026-07-19T12:00:01", "maps", None, "1");
    new.add("2026-08-01T12:00:00", "mail", None, "2");
    let mut feed = feed_of(&old, Vec::new());
    let before = drain(&mut feed).drafts;

    std::fs::rename(&new.path, &old.path).unwrap();
    let after = drain(&mut feed).drafts;

    assert_eq!(ids(&after), ["costs:1"]);
    assert_ne!(after[0].source, before[0].source);
    let kind = Kind::CostTracking(Tracker::Package);
    assert_eq!(feed.take_changes(), [(kind, Change::Replaced)]);
}

#[test]
fn a_file_put_back_from_a_copy_is_read_again_under_the_same_ids() {
    let costs = Costs::new(PACKAGE);
    costs.add("2026-07-19T12:00:00", "maps", None, "1");
    let copy = std::fs::read(&costs.path).unwrap();
    costs.add("2026-07-19T12:00:01", "maps", None, "2");
    let mut feed = feed_of(&costs, Vec::new());
    let before = drain(&mut feed).drafts;

    std::fs::write(&costs.path, copy).unwrap();
    costs.add("2026-07-19T13:00:00", "mail", None, "3");
    let after = drain(&mut feed).drafts;

    assert_eq!(ids(&after), ["costs:2"], "from the last row on that is as it was");
    assert_eq!(after[0].source, before[0].source);
    let kind = Kind::CostTracking(Tracker::Package);
    assert_eq!(feed.take_changes(), [(kind, Change::PutBack { id: 2 })]);
}

/// What the books would hold after all of `feed` was sent.
fn remembered(feed: &mut Feed) -> Known {
    let mut known = Known::default();
    while let Some(parcel) = feed.next_parcel().unwrap() {
        known.identity = parcel.source.rsplit(':').next().unwrap().into();
        known.cursor = Some(parcel.cursor);
        known.anchors.extend(parcel.anchors);
        known.file = parcel.file;
    }
    known
}

fn many(costs: &Costs, rows: i64) {
    costs.run(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO costs (timestamp, service, amount)
         SELECT strftime('2026-07-%dT%H:%M:%S', i * 60, 'unixepoch'), 'maps', i * 0.001 FROM n"
    ));
}

#[test]
fn a_database_is_known_again_whatever_is_deleted_from_it() {
    for delete in [
        "id <= 300",
        "id <= 300 OR id = 1000",
        "id > 800",
        "id % 3 <> 0",
        "id NOT BETWEEN 400 AND 600",
        "1",
    ] {
        let costs = Costs::new(PACKAGE);
        many(&costs, 1_000);
        let mut following = feed_of(&costs, Vec::new());
        let known = remembered(&mut following);
        costs.run(&format!("DELETE FROM costs WHERE {delete}")).add(
            "2026-08-19T12:00:00",
            "maps",
            None,
            "1",
        );

        let mut importing = feed_of(&costs, vec![known.clone()]);
        let mut again =
            feed_with(&costs, vec![known.clone()], Options { again: true, ..options() });
        let source = Kind::CostTracking(Tracker::Package).source(&known.identity);
        for feed in [&mut following, &mut importing, &mut again] {
            let rows = drain(feed).drafts;

            assert_eq!(rows.last().unwrap().id, "costs:1001", "{delete}");
            assert!(rows.iter().all(|draft| draft.source == source), "{delete}");
            assert_eq!(feed.source_of(&costs.database()), Some(Some(source.clone())));
        }
    }
}

#[test]
fn a_database_that_begins_anew_is_another_one_also_in_the_same_file() {
    let costs = Costs::new(PACKAGE);
    many(&costs, 1_000);
    let known = remembered(&mut feed_of(&costs, Vec::new()));
    costs.run("DELETE FROM costs; DELETE FROM sqlite_sequence").add(
        "2026-08-19T12:00:00",
        "maps",
        None,
        "1",
    );

    let rows = drain(&mut feed_of(&costs, vec![known.clone()])).drafts;

    assert_eq!(ids(&rows), ["costs:1"]);
    assert!(
        !rows[0].source.ends_with(known.identity.as_str()),
        "its ids would be taken for repeats"
    );
}

#[test]
fn of_two_names_for_one_database_the_first_stays_and_the_other_is_told() {
    let costs = Costs::new(PACKAGE);
    many(&costs, 1_000);
    let first = remembered(&mut feed_of(&costs, Vec::new()));
    costs.run("DELETE FROM costs WHERE id <= 300");
    // An older version, which lost the first name with the row of its cursor.
    let second = remembered(&mut feed_of(&costs, Vec::new()));
    assert_ne!(first.identity, second.identity);

    let mut feed = feed_of(&costs, vec![first.clone(), second.clone()]);
    feed.recognise().unwrap();

    let source = |known: &Known| Kind::CostTracking(Tracker::Package).source(&known.identity);
    assert_eq!(feed.sources(), [(source(&first), vec![source(&second)])]);
}

#[test]
fn a_file_without_its_first_rows_keeps_its_identity() {
    let costs = Costs::new(PACKAGE);
    costs.add("2026-07-19T12:00:00", "maps", None, "1").add(
        "2026-07-19T12:00:01",
        "maps",
        None,
        "2",
    );
    let mut first = feed_of(&costs, Vec::new());
    let known = known_after(&mut first, &costs, 2);
    costs.run("DELETE FROM costs WHERE id = 1").add("2026-07-19T12:00:02", "maps", None, "3");

    let mut again = feed_of(&costs, vec![known.clone()]);
    let rest = drain(&mut again).drafts;

    assert_eq!(ids(&rest), ["costs:3"]);
    assert!(rest[0].source.ends_with(known.identity.as_str()));
    let kind = Kind::CostTracking(Tracker::Package);
    assert_eq!(again.take_changes(), [(kind, Change::BeginningGone)]);
}

#[test]
fn a_locked_database_is_waited_for_and_no_longer_than_patience_lasts() {
    let costs = Costs::new(PACKAGE);
    costs.add("2026-07-19T12:00:00", "maps", None, "1");
    let database = costs.database();
    let read_with = |total| {
        let patience = Patience::of(total);
        let costs = Some((&database, Tracker::Package, Vec::new()));
        Feed::new(costs, None, &patience, options()).next_parcel()
    };
    let writer = Connection::open(&costs.path).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();

    let impatient = read_with(Duration::ZERO);
    assert!(matches!(impatient, Err(DatabaseError::Busy(_))), "{impatient:?}");

    let unlock = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(600));
        writer.execute_batch("COMMIT").unwrap();
    });
    let patient = read_with(Duration::from_secs(20)).unwrap().unwrap();
    unlock.join().unwrap();
    assert_eq!(patient.rows.len(), 1);
}

#[test]
fn reading_never_keeps_a_writer_out() {
    let costs = Costs::new(PACKAGE);
    costs.add("2026-07-19T12:00:00", "maps", None, "1");
    let mut feed = feed_of(&costs, Vec::new());
    let parcel = feed.next_parcel().unwrap();

    let writer = Connection::open(&costs.path).unwrap();
    writer.busy_timeout(Duration::ZERO).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE; COMMIT").unwrap();

    assert!(parcel.is_some(), "the feed is still in use");
    assert!(feed.next_parcel().unwrap().is_none());
}

#[test]
fn a_missing_file_is_passing_trouble_for_a_follower_and_named() {
    let costs = Costs::new(PACKAGE);
    costs.add("2026-07-19T12:00:00", "maps", None, "1");
    let mut feed = feed_of(&costs, Vec::new());
    drain(&mut feed);
    let away = costs.path.with_extension("away");

    std::fs::rename(&costs.path, &away).unwrap();
    let error = feed.next_parcel().unwrap_err();
    assert!(matches!(error, DatabaseError::Missing(_)), "{error}");

    std::fs::rename(&away, &costs.path).unwrap();
    costs.add("2026-07-19T12:00:01", "maps", None, "1");
    assert_eq!(ids(&drain(&mut feed).drafts), ["costs:2"]);
}

#[test]
fn nothing_is_written_beside_or_into_what_is_read() {
    for mode in ["DELETE", "WAL"] {
        let costs = Costs::new(PACKAGE);
        costs.run(&format!("PRAGMA journal_mode = {mode}"));
        costs.add("2026-07-19T12:00:00", "odd #%? name", None, "1");
        let odd = costs.path.with_file_name("odd #%? é name.db");
        std::fs::rename(&costs.path, &odd).unwrap();
        let before = std::fs::read(&odd).unwrap();
        let database = at(odd.clone());
        let mut feed = Feed::new(
            Some((&database, Tracker::Package, Vec::new())),
            None,
            &patience(),
            options(),
        );

        assert_eq!(drain(&mut feed).drafts.len(), 1);

        let files: Vec<_> = std::fs::read_dir(costs.folder.path()).unwrap().collect();
        assert_eq!(files.len(), 1, "{mode}: {files:?}");
        assert_eq!(std::fs::read(&odd).unwrap(), before);
    }
}

#[test]
fn a_writer_with_a_log_of_its_own_is_followed() {
    let costs = Costs::new(PACKAGE);
    let writer = Connection::open(&costs.path).unwrap();
    writer.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0").unwrap();
    let add = |id: i64| {
        let sql = "INSERT INTO costs (id, timestamp, service, amount)
                   VALUES (?1, '2026-07-19T12:00:00', 'maps', 1)";
        writer.execute(sql, [id]).unwrap();
    };
    add(1);
    let mut feed = feed_of(&costs, Vec::new());

    assert_eq!(ids(&drain(&mut feed).drafts), ["costs:1"]);
    add(2);
    assert_eq!(ids(&drain(&mut feed).drafts), ["costs:2"], "from the log, not from the file");
}

#[test]
fn what_is_no_database_of_leadfactorys_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.db");
    std::fs::write(
        &text,
        "these are notes, and long enough to be taken for a header of SQLite's".repeat(20),
    )
    .unwrap();
    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE things (id)").unwrap();
    let lacking =
        Costs::new("CREATE TABLE costs (id INTEGER PRIMARY KEY, timestamp TEXT, service TEXT)");
    lacking.run("INSERT INTO costs VALUES (1, 'now', 'maps')");
    let odd = Costs::new("CREATE TABLE costs (id TEXT, timestamp TEXT, service TEXT, amount REAL)");
    odd.run("INSERT INTO costs VALUES ('a', 'now', 'maps', 1)");

    let told = |path: PathBuf| match found(&[path]) {
        Err(error) => error.to_string(),
        Ok(_) => String::new(),
    };

    assert!(told(text).ends_with("notes.db is not a SQLite database"));
    assert!(told(other).ends_with("other.db holds no table of LeadFactory's that is imported"));
    assert!(told(folder.path().join("gone.db")).ends_with("gone.db does not exist"));
    let error = feed_of(&lacking, Vec::new()).next_parcel().unwrap_err().to_string();
    assert!(error.ends_with("the table costs has no column amount"), "{error}");
    let error = feed_of(&odd, Vec::new()).next_parcel().unwrap_err().to_string();
    assert!(error.ends_with("the ids of the table costs are not whole numbers"), "{error}");
}

fn found(paths: &[PathBuf]) -> Result<Found, DiscoveryError> {
    let nowhere = tempfile::tempdir().unwrap();
    let surroundings =
        Surroundings { variable: &|_| None, home: None, here: nowhere.path().to_path_buf() };
    discover(paths, &surroundings, &patience())
}

fn kinds(found: &Found) -> Vec<&'static str> {
    found.databases.iter().map(|database| database.kind.word()).collect()
}

#[test]
fn databases_are_found_by_folder_by_variable_and_at_home() {
    let root = tempfile::tempdir().unwrap();
    let home = tempfile::tempdir().unwrap();
    for folder in ["data", "leadfactory/data"] {
        std::fs::create_dir_all(root.path().join(folder)).unwrap();
    }
    std::fs::create_dir_all(home.path().join(".leadfactory")).unwrap();
    unpack("cost_tracking.db", &root.path().join("leadfactory/data"));
    unpack("purchase_metrics.db", root.path());
    unpack("budget_config.db", root.path());
    unpack("gpt_usage.db", &home.path().join(".leadfactory"));
    std::fs::write(root.path().join("data/cost_tracking.db"), "x".repeat(5_000)).unwrap();
    let expected = ["purchase_metrics", "budget_config", "cost_tracking", "gpt_usage"];
    let no_variable = |_: &str| None;
    let at_home = |variable, here: PathBuf| Surroundings {
        variable,
        home: Some(home.path().to_path_buf()),
        here,
    };

    let by_folder = discover(
        &[root.path().to_path_buf()],
        &at_home(&no_variable, PathBuf::from("/nowhere")),
        &patience(),
    )
    .unwrap();
    assert_eq!(kinds(&by_folder), expected);
    assert!(matches!(by_folder.skipped.as_slice(), [(_, DatabaseError::NotSqlite(_))]));

    let here = discover(&[], &at_home(&no_variable, root.path().to_path_buf()), &patience());
    assert_eq!(kinds(&here.unwrap()), expected);

    let costs: OsString = root.path().join("leadfactory/data/cost_tracking.db").into();
    let variables = BTreeMap::from([("COST_TRACKING_DB_PATH", costs)]);
    let variable = |name: &str| variables.get(name).cloned();
    let by_variable = discover(&[], &at_home(&variable, PathBuf::from("/nowhere")), &patience());
    assert_eq!(kinds(&by_variable.unwrap()), ["cost_tracking", "gpt_usage"]);

    let file = root.path().join("leadfactory/data/cost_tracking.db");
    let by_file = found(&[file.clone(), file]).unwrap();
    assert_eq!(kinds(&by_file), ["cost_tracking"], "each once, and nothing that was not named");

    let empty = tempfile::tempdir().unwrap();
    let error = found(&[empty.path().to_path_buf()]).err().unwrap().to_string();
    assert!(error.contains("no LeadFactory database found in"), "{error}");
}

const CALLS: &str = "
    CREATE TABLE gpt_usage (
        id INTEGER PRIMARY KEY, timestamp REAL NOT NULL, model TEXT NOT NULL,
        operation TEXT NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
        total_tokens INTEGER NOT NULL, input_cost REAL NOT NULL, output_cost REAL NOT NULL,
        total_cost REAL NOT NULL, request_duration REAL, success BOOLEAN NOT NULL,
        error_message TEXT, metadata TEXT, batch_id TEXT);";

/// One call at noon in Berlin on 2026-07-19, `second` seconds later.
fn call(second: i64, cost: &str, tokens: i64, success: bool) -> String {
    let at = 1_784_455_200 + second;
    format!(
        "INSERT INTO gpt_usage (timestamp, model, operation, input_tokens, output_tokens,
             total_tokens, input_cost, output_cost, total_cost, success)
         VALUES ({at}, 'gpt-4o', 'chat', {tokens}, 1, {tokens} + 1, 0, 0, {cost}, {success});"
    )
}

fn both(costs: &Costs, calls: &str, known: CallsKnown) -> Feed {
    let path = costs.folder.path().join("gpt_usage.db");
    if !path.exists() {
        Connection::open(&path).unwrap().execute_batch(calls).unwrap();
    }
    let (costs, calls) = (costs.database(), at(path));
    let costs = Some((&costs, Tracker::Package, Vec::new()));
    Feed::new(costs, Some((&calls, known)), &patience(), options())
}

#[test]
fn a_cost_learns_its_tokens_from_its_call() {
    let costs = Costs::new(PACKAGE);
    costs
        .add("2026-07-19T12:00:00.2", "openai", Some("gpt-4o_chat"), "0.5")
        .add("2026-07-19T12:00:10.2", "openai", Some("gpt-4o_chat"), "0.5")
        .add("2026-07-19T12:00:20.2", "maps", None, "0.5");
    let calls = [
        CALLS.to_owned(),
        call(10, "0.5", 200, true),
        call(0, "0.5", 100, true),
        call(30, "0.7", 300, true),
        call(40, "0", 400, true),
        call(50, "0", 500, false),
    ]
    .concat();

    let mut feed = both(&costs, &calls, CallsKnown::default());
    let all = drain(&mut feed);

    let of = |id: &str| all.drafts.iter().find(|draft| draft.id == id).unwrap();
    let input = |id: &str| {
        of(id)
            .quantities
            .iter()
            .find(|(meter, _)| *meter == Meter::InputTokens)
            .map(|(_, q)| q.whole())
    };
    assert_eq!(input("costs:1"), Some(100), "of two calls of one price, the nearer in time");
    assert_eq!(input("costs:2"), Some(200));
    assert_eq!(input("costs:3"), None);
    assert_eq!(of("gpt_usage:4").status, Status::Ok, "a free call stands nowhere else");
    assert_eq!(of("gpt_usage:5").status, Status::Error);
    assert_eq!(all.drafts.len(), 5);
    assert_eq!(feed.unmatched_calls(), (1, 700_000_000));
}

#[test]
fn costs_of_calls_that_were_counted_before_are_left_out() {
    let costs = Costs::new(PACKAGE);
    costs
        .add("2026-07-19T12:00:00", "openai", Some("gpt-4o_chat"), "0.5")
        .add("2026-07-19T12:00:10", "openai", Some("gpt-4o_chat"), "0.6")
        .add("2026-07-19T12:00:20", "maps", None, "1");
    let calls = [CALLS.to_owned(), call(0, "0.5", 100, true), call(10, "0.6", 200, true)].concat();
    let path = costs.folder.path().join("gpt_usage.db");
    Connection::open(&path).unwrap().execute_batch(&calls).unwrap();
    let alone = Options { calls: CallsRule::All, ..options() };
    let mut first = Feed::new(None, Some((&at(path), CallsKnown::default())), &patience(), alone);
    let parcel = first.next_parcel().unwrap().unwrap();
    assert_eq!((parcel.rows.len(), parcel.counted_to), (2, Some(2)));
    let identity = parcel.source.rsplit(':').next().unwrap().into();
    let known = Known { identity, cursor: Some(parcel.cursor), ..Known::default() };

    let known = CallsKnown { known: vec![known], counted_to: Some(1) };
    let all = drain(&mut both(&costs, &calls, known));

    assert_eq!(ids(&all.drafts), ["costs:2", "costs:3"]);
    assert_eq!(all.left_out, 1);
}
