//! `outlay analyze` as people run it: the real program, on tables of their own.

#![allow(clippy::unwrap_used, clippy::float_cmp, missing_docs)]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with tables, and no data folder.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(self, name: &str, text: &str) -> Self {
        std::fs::write(self.file(name), text).unwrap();
        self
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outlay"));
        command.env_clear().env("HOME", self.0.path()).current_dir(self.0.path());
        command.arg("analyze").args(args).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The lines of a table that was asked for.
    fn table(&self, args: &[&str]) -> Vec<Vec<String>> {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    fn refusal(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        assert!(output.stdout.is_empty(), "{args:?}: an answer was begun");
        (output.status.code().unwrap(), said(&output))
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Days of four months with a week's profile, a spike on the 60th, and twice the level from the
/// 80th on.
fn days(id: &str) -> String {
    let first: chrono::NaiveDate = "2026-01-01".parse().unwrap();
    let week = [10.0, 11.0, 12.0, 11.0, 10.0, 4.0, 3.0];
    let mut rows = String::new();
    for (at, day) in first.iter_days().take(120).enumerate() {
        let wobble = f64::from(((at * 7_919) % 101) as u32) / 101.0 - 0.5;
        let level = if at >= 80 { 20.0 } else { 0.0 };
        let spike = if at == 60 { 40.0 } else { 0.0 };
        rows.push_str(&format!("{id},{day},{:.3}\n", week[at % 7] + wobble + level + spike));
    }
    rows
}

fn two_series() -> Place {
    let table = format!("unique_id,ds,y\n{}{}", days("a"), days("b"));
    Place::new().with("days.csv", &table)
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[test]
fn each_series_is_forecast_on_the_days_that_follow() {
    let place = two_series();

    let table = place.table(&["forecast", "days.csv", "--horizon", "7", "--level", "95,80"]);

    assert_eq!(table[0], ["unique_id", "ds", "forecast", "lo-80", "hi-80", "lo-95", "hi-95"]);
    assert_eq!(table.len(), 1 + 2 * 7);
    assert_eq!(table[1][..2], ["a", "2026-05-01"]);
    assert_eq!(table[14][..2], ["b", "2026-05-07"]);
    for row in &table[1..] {
        let at: Vec<f64> = row[2..].iter().map(|text| number(text)).collect();
        assert!(at[3] <= at[1] && at[1] <= at[0] && at[0] <= at[2] && at[2] <= at[4], "{row:?}");
        assert!((20.0..36.0).contains(&at[0]), "{row:?}");
    }
}

#[test]
fn every_method_answers() {
    let place = two_series();

    let methods = [
        "naive",
        "seasonal-naive",
        "drift",
        "moving-average",
        "linear",
        "ets",
        "theta",
        "optimised-theta",
        "dynamic-theta",
        "mstl",
        "autoregression",
    ];
    for method in methods {
        let table = place.table(&["forecast", "days.csv", "--horizon", "2", "--method", method]);
        assert_eq!(table.len(), 5, "{method}");
    }
}

#[test]
fn the_day_of_a_spike_and_the_day_of_a_change_are_told() {
    let place = two_series();

    let rows = place.table(&["anomalies", "days.csv"]);
    let changes = place.table(&["change-points", "days.csv"]);

    let heads = ["unique_id", "ds", "y", "expected", "lo", "hi", "score", "severity", "anomaly"];
    assert_eq!(rows[0], heads);
    assert_eq!(rows.len(), 241);
    let alarms: Vec<&str> =
        rows.iter().filter(|row| row[8] == "true").map(|row| row[1].as_str()).collect();
    assert_eq!(alarms, ["2026-03-02", "2026-03-02"]);
    assert_eq!(rows[61][7], "critical");
    assert_eq!(changes[0], ["unique_id", "ds", "index", "before", "after", "lo", "hi"]);
    assert_eq!(changes[1][..3], ["a", "2026-03-22", "80"]);
    assert_eq!(changes[2][..3], ["b", "2026-03-22", "80"]);
    assert_eq!(changes.len(), 3);
    assert!((number(&changes[1][4]) - number(&changes[1][3]) - 20.0).abs() < 2.0);
    assert!(changes[1][5] <= changes[1][1] && changes[1][1] <= changes[1][6]);
}

#[test]
fn the_parts_of_a_series_sum_to_it() {
    let place = two_series();

    let table = place.table(&["decompose", "days.csv"]);

    assert_eq!(table[0], ["unique_id", "ds", "y", "trend", "season-7", "remainder"]);
    for row in &table[1..] {
        let at: Vec<f64> = row[2..].iter().map(|text| number(text)).collect();
        assert!((at[1] + at[2] + at[3] - at[0]).abs() < 1e-9, "{row:?}");
    }
}

#[test]
fn json_holds_the_same_rows() {
    let place = two_series();
    let args = ["change-points", "days.csv"];

    let rows = place.table(&args);
    let output = place.run(&[args[0], args[1], "--json"]);

    let json: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json.len(), rows.len() - 1);
    assert_eq!(json[0]["ds"], rows[1][1]);
    assert_eq!(json[0]["index"], 80);
    assert_eq!(json[0]["before"].as_f64().unwrap(), number(&rows[1][3]));
}

#[test]
fn an_answer_may_replace_its_question_but_a_failure_does_not() {
    let place = two_series().with("bad.csv", "ds,y\n1,1\n2,x\n");

    assert!(place.run(&["decompose", "days.csv", "-o", "days.csv"]).status.success());
    assert!(!place.run(&["anomalies", "bad.csv", "--online", "-o", "bad.csv"]).status.success());

    assert!(std::fs::read_to_string(place.file("days.csv")).unwrap().contains("remainder"));
    assert_eq!(std::fs::read_to_string(place.file("bad.csv")).unwrap(), "ds,y\n1,1\n2,x\n");
    assert_eq!(std::fs::read_dir(place.0.path()).unwrap().count(), 2, "nothing else is left");
}

/// Tables that people have, and ours did not expect.
fn awkward() -> Vec<(&'static str, String, usize)> {
    let lines = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let column = |y: fn(i32) -> String, count: i32| {
        let rows: String = (0..count).map(|at| format!("{at},{}\n", y(at))).collect();
        format!("ds,y\n{rows}")
    };
    vec![
        ("header only", "unique_id,ds,y\n".to_owned(), 0),
        ("one row", lines(&["ds,y", "2026-01-01,5"]), 1),
        ("two rows", lines(&["ds,y", "2026-01-01,5", "2026-01-02,"]), 2),
        ("no end of line", "ds,y\n1,2\n2,3".to_owned(), 2),
        ("blank lines and carriage returns", "ds,y\r\n1,2\r\n\r\n2,3\r\n".to_owned(), 2),
        ("mark, quotes and semicolons", "\u{feff}\"ds\";\"y\"\n\"1\";\"2\"\n".to_owned(), 1),
        ("other columns", lines(&["x,y,z,unique_id,ds", "?,1,?,a,1", "?,2,?,b,1"]), 2),
        ("flat", column(|_| "7".to_owned(), 200), 200),
        ("zeros", column(|_| "0".to_owned(), 200), 200),
        ("mostly zeros", column(|at| (if at % 23 == 0 { 5 } else { 0 }).to_string(), 200), 200),
        ("huge", column(|at| format!("{}e300", at % 5), 200), 200),
        ("tiny", column(|at| format!("{}e-300", at % 5), 200), 200),
        ("negative", column(|at| (-at * at % 17).to_string(), 200), 200),
        ("holes", column(|at| if at % 3 == 0 { String::new() } else { at.to_string() }, 200), 200),
        ("unsorted", column(|at| at.to_string(), 200).replace("\n1", "\n9000"), 200),
        ("repeats", lines(&["ds,y", "1,1", "1,2", "2,3", "2,4", "2,5", "3,6", "1,7"]), 7),
        (
            "irregular",
            lines(&["ds,y", "1,1", "5,2", "7,3", "900,4", "901,5", "1e0,6"]).replace("1e0", "902"),
            6,
        ),
        ("interleaved", lines(&["unique_id,ds,y", "a,1,1", "b,1,9", "a,2,2", "b,2,8"]), 4),
        ("quoted names", lines(&["unique_id,ds,y", "\"a, \"\"b\"\"\",1,1"]), 1),
        (
            "offsets",
            lines(&[
                "ds,y",
                "2026-03-28T00:00:00+01:00,1",
                "2026-03-29T00:00:00+01:00,2",
                "2026-03-30T00:00:00+02:00,3",
            ]),
            3,
        ),
    ]
}

#[test]
fn awkward_tables_are_answered_row_by_row() {
    for (name, text, rows) in awkward() {
        let place = Place::new().with("table.csv", &text);

        for args in [
            &["anomalies", "table.csv"][..],
            &["anomalies", "table.csv", "--online"],
            &["anomalies", "table.csv", "--method", "seasonal"],
            &["decompose", "table.csv"],
            &["decompose", "table.csv", "--scale", "log"],
        ] {
            let table = place.table(args);
            assert_eq!(table.len(), rows + 1, "{name}: {args:?}");
            let heads = table[0].len();
            let is_whole = |row: &Vec<String>| row.len() == heads || name == "quoted names";
            assert!(table.iter().all(is_whole), "{name}: {args:?}");
        }
        place.table(&["change-points", "table.csv"]);
        place.table(&["forecast", "table.csv"]);
        serde_json::from_slice::<Vec<Value>>(
            &place.run(&["forecast", "table.csv", "--json"]).stdout,
        )
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn running_numbers_may_count_hours() {
    let profile = |at: usize| 10.0 + 5.0 * f64::from(u8::from(at % 24 > 8));
    let rows: String = (0..240).map(|at| format!("{at},{}\n", profile(at))).collect();
    let place = Place::new().with("hours.csv", &format!("ds,y\n{rows}"));

    let table = place.table(&["forecast", "hours.csv", "--freq", "h"]);

    assert_eq!(table.len(), 1 + 48);
    assert_eq!(table[1][1], "240");
    for (at, row) in table[1..].iter().enumerate() {
        assert!((number(&row[2]) - profile(at)).abs() < 0.5, "{row:?}");
    }
}

#[test]
fn rows_are_judged_in_the_order_of_the_file() {
    let place =
        Place::new().with("mixed.csv", "unique_id,ds,y\nb,3,1\na,1,2\nb,1,3\na,1,4\nb,3,5\n");

    for args in [&["anomalies", "mixed.csv"][..], &["anomalies", "mixed.csv", "--online"]] {
        let table = place.table(args);

        let heads: Vec<String> = table[1..].iter().map(|row| row[..3].join(",")).collect();
        assert_eq!(heads, ["b,3,1", "a,1,2", "b,1,3", "a,1,4", "b,3,5"]);
    }
}

/// Five thousand rows of two series, with a jump.
fn readings(count: usize) -> String {
    let mut text = "unique_id,ds,y\n".to_owned();
    for at in 0..count {
        let wobble = ((at * 7_919) % 1_009) as f64 / 1_009.0;
        let jump = if at == 1_700 { 80.0 } else { 0.0 };
        text.push_str(&format!("a,{at},{}\nb,{at},{}\n", 20.0 + wobble + jump, 5.0 * wobble));
    }
    text
}

#[test]
fn online_judgement_knows_nothing_of_the_future() {
    let place = Place::new().with("short.csv", &readings(1_800)).with("long.csv", &readings(2_500));

    let short = place.table(&["anomalies", "short.csv", "--online"]);
    let long = place.table(&["anomalies", "long.csv", "--online", "--threads", "1"]);

    assert_eq!(short[..], long[..short.len()]);
    let alarms: Vec<&[String]> =
        long.iter().filter(|row| row[8] == "true").map(|row| &row[..2]).collect();
    assert!(alarms.contains(&&["a".to_owned(), "1700".to_owned()][..]), "{alarms:?}");
}

#[test]
fn online_a_row_is_answered_before_the_next_one_comes() {
    let place = Place::new();
    let mut child = place
        .command(&["anomalies", "-", "--online"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut asked = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answer = move || answers.next().unwrap().unwrap();

    asked.write_all(b"ds,y\n").unwrap();
    assert!(answer().starts_with("unique_id,ds,y,"));
    for row in 0..3 {
        asked.write_all(format!("{row},{row}\n").as_bytes()).unwrap();
        assert!(answer().starts_with(&format!("series,{row},{row},")));
    }
    drop(asked);

    assert!(child.wait().unwrap().success());
}

#[test]
fn a_packed_table_is_read_from_standard_input() {
    let place = two_series();
    let packed = zstd::encode_all(std::fs::File::open(place.file("days.csv")).unwrap(), 1).unwrap();
    let mut child = place
        .command(&["forecast", "-", "--horizon", "1", "--level", "80"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();

    child.stdin.take().unwrap().write_all(&packed).unwrap();
    let output = child.wait_with_output().unwrap();

    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 3);
}

#[test]
fn a_refusal_names_the_place_and_what_to_do() {
    let place = Place::new()
        .with("empty.csv", "")
        .with("noy.csv", "ds,x\n1,2\n")
        .with("word.csv", "unique_id,ds,y\na,1,2\na,2,two\n")
        .with("soon.csv", "ds,y\nsoon,2\n")
        .with("kinds.csv", "ds,y\n1,2\n2026-01-01,3\n")
        .with("wide.csv", "ds,y\n1,2,3\n")
        .with("days.csv", "ds,y\n2026-01-01,2\n2026-01-02,3\n")
        .with("ones.csv", "ds,y\n1,2\n2,3\n");

    for (args, code, told) in [
        (&["forecast", "missing.csv"][..], 1, "missing.csv: No such file"),
        (&["forecast", "empty.csv"], 1, "the first line names the columns: unique_id,ds,y"),
        (&["decompose", "noy.csv"], 1, "no column `y` among `ds`, `x`"),
        (&["decompose", "noy.csv", "--map", "y=z"], 1, "no column `z`"),
        (&["anomalies", "word.csv"], 1, "word.csv: line 3, column `y`: `two` is not"),
        (&["change-points", "soon.csv"], 1, "line 2, column `ds`: `soon` is neither"),
        (&["change-points", "kinds.csv"], 1, "line 3: `2026-01-01` is a stamp of another kind"),
        (&["change-points", "wide.csv"], 1, "line 2: there are 3 columns, and the header has 2"),
        (&["forecast", "days.csv", "--freq", "h"], 1, "a step of 1 hour does not lead"),
        (&["anomalies", "days.csv", "--freq", "7"], 1, "a step of 7 does not lead"),
        (&["forecast", "ones.csv", "--freq", "often"], 2, "is no step such as"),
        (&["forecast", "ones.csv", "--level", "120"], 2, "between 0 and 100"),
        (&["forecast", "ones.csv", "--method", "magic"], 2, "possible values: ensemble"),
        (&["forecast", "ones.csv", "--map", "z=a"], 2, "say unique_id, ds or y"),
        (&["anomalies", "ones.csv", "--online", "--freq", "1"], 2, "cannot be used with"),
    ] {
        let (was, said) = place.refusal(args);
        assert_eq!(was, code, "{args:?}: {said}");
        assert!(said.contains(told), "{args:?}: {said}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let place = Place::new().with("long.csv", &readings(20_000));
    for args in [&["decompose", "long.csv"][..], &["anomalies", "long.csv", "--online"]] {
        let mut child =
            place.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();

        let output = child.wait_with_output().unwrap();

        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert!(output.stderr.is_empty(), "{}", said(&output));
    }
}
