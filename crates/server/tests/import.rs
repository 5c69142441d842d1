//! `outlay import` as people run it: the real program, on real databases and files.

#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use outlay_domain::Amount;
use outlay_server::cli::client::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

/// A data folder, and a folder with what is imported into it.
struct Place {
    data: TempDir,
    from: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { data: tempfile::tempdir().unwrap(), from: tempfile::tempdir().unwrap() }
    }

    fn with_fixtures(names: &[&str]) -> Self {
        let place = Self::new();
        for name in names {
            let packed = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../fixtures/leadfactory")
                .join(format!("{name}.zst"));
            let bytes = zstd::decode_all(std::fs::File::open(packed).unwrap()).unwrap();
            std::fs::write(place.file(name), bytes).unwrap();
        }
        place
    }

    fn file(&self, name: &str) -> PathBuf {
        self.from.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outlay"));
        command
            .env_clear()
            .env("HOME", self.from.path())
            .arg("--data")
            .arg(self.data.path())
            .arg("import")
            .args(args)
            .current_dir(self.from.path());
        command
    }

    fn import(&self, args: &[&str]) -> (i32, Value) {
        answer(&self.run(args))
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).arg("--json").output().unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let client = Client::local(self.data.path()).await.unwrap();
        let answer = client.get(path).await.unwrap();
        client.close().await;
        answer
    }
}

fn answer(output: &Output) -> (i32, Value) {
    let text = String::from_utf8_lossy(&output.stdout);
    let value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("no answer: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), value)
}

fn truth() -> Value {
    serde_json::from_str(include_str!("../../../fixtures/leadfactory/truth.json")).unwrap()
}

/// A total of the truth, without the noise of floats.
fn exact(value: &Value) -> String {
    Amount::from_foreign_float(value.as_f64().unwrap()).unwrap().to_string()
}

const DATABASES: [&str; 5] = [
    "cost_tracking.db",
    "gpt_usage.db",
    "purchase_metrics.db",
    "financial_tracking.db",
    "budget_config.db",
];
/// All the fixture's days.
const SPAN: &str = "from=2026-07-19&to=2026-11-16&tz=UTC";
/// The rows of costs: calls that failed stand beside them and count as requests.
const COSTS: &str = "source^=leadfactory:cost_tracking:";

fn rows(answer: &Value) -> &[Value] {
    answer["rows"].as_array().unwrap()
}

/// How many services the truth knows.
fn services_of(truth: &Value) -> usize {
    truth["per_service"].as_object().unwrap().len()
}

/// The row that has these values.
fn row<'a>(answer: &'a Value, values: &[(&str, &str)]) -> &'a Value {
    let has = |row: &&Value| values.iter().all(|(name, value)| row[*name] == *value);
    rows(answer).iter().find(has).unwrap_or_else(|| panic!("no row {values:?} in {answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_total_of_leadfactory_is_right_to_the_last_digit_on_every_question() {
    let truth = truth();
    let place = Place::with_fixtures(&DATABASES);

    let (code, answer) = place.import(&["leadfactory", ".", "--timezone", "UTC"]);

    assert_eq!(code, 0, "{answer}");
    assert_eq!(answer["spend"], exact(&truth["grand_total"]));
    assert_eq!((&answer["accepted"], &answer["refused"]), (&json!(3_977 + 24), &json!(0)));
    assert_eq!(answer["revenue"], json!({"accepted": 247, "repeated": 237, "refused": 0}));

    let total = place.get(&format!("/api/v1/usage/total?{SPAN}&{COSTS}")).await;
    assert_eq!(total["total"]["spend"], exact(&truth["grand_total"]));
    assert_eq!(total["total"]["requests"], truth["transactions"]);
    let with_failed = place.get(&format!("/api/v1/usage/total?{SPAN}&measures=spend,errors")).await;
    assert_eq!(with_failed["total"], json!({"spend": exact(&truth["grand_total"]), "errors": 24}));

    let services = place.get(&format!("/api/v1/usage/breakdown?{SPAN}&{COSTS}&by=service")).await;
    for (name, expected) in truth["per_service"].as_object().unwrap() {
        let row = row(&services, &[("service", name)]);
        assert_eq!(row["spend"], exact(&expected["total"]), "{name}");
        assert_eq!(row["requests"], expected["transactions"], "{name}");
    }
    assert_eq!(rows(&services).len(), truth["per_service"].as_object().unwrap().len());

    let operations =
        place.get(&format!("/api/v1/usage/breakdown?{SPAN}&{COSTS}&by=service,operation")).await;
    for (service, known) in truth["per_service_operation"].as_object().unwrap() {
        for (operation, expected) in known.as_object().unwrap() {
            let of = |row: &&Value| {
                let shown = row["operation"].as_str().filter(|name| !name.is_empty());
                row["service"] == *service && shown.unwrap_or("unknown") == operation
            };
            let row = rows(&operations).iter().find(of).unwrap();
            assert_eq!(row["spend"], exact(&expected["total"]), "{service} {operation}");
            assert_eq!(row["requests"], expected["transactions"], "{service} {operation}");
        }
    }

    let days = place.get(&format!("/api/v1/usage/series?{SPAN}&{COSTS}&every=day")).await;
    for (date, expected) in truth["per_day"].as_object().unwrap() {
        let row = row(&days, &[("time", &format!("{date}T00:00:00Z"))]);
        assert_eq!(row["spend"], exact(&expected["total"]), "{date}");
        assert_eq!(row["requests"], expected["transactions"], "{date}");
    }

    let service_days =
        place.get(&format!("/api/v1/usage/series?{SPAN}&{COSTS}&every=day&by=service")).await;
    for (service, known) in truth["per_day_service"].as_object().unwrap() {
        for (date, expected) in known.as_object().unwrap() {
            let time = format!("{date}T00:00:00Z");
            let found = rows(&service_days)
                .iter()
                .find(|row| row["service"] == *service && row["time"] == *time);
            let spend = found.map_or(&Value::Null, |row| &row["spend"]);
            let spend = spend.as_str().unwrap_or("0");
            assert_eq!(spend, exact(expected), "{service} {date}");
        }
    }

    let months = place.get(&format!("/api/v1/usage/series?{SPAN}&{COSTS}&every=month")).await;
    for (month, expected) in truth["per_month"].as_object().unwrap() {
        let starts = |row: &&Value| row["time"].as_str().unwrap().starts_with(month.as_str());
        let row = rows(&months).iter().find(starts).unwrap();
        assert_eq!(row["spend"], exact(expected), "{month}");
    }

    for (days, window) in truth["window_totals"].as_object().unwrap() {
        let from = window["from"].as_str().unwrap();
        let span = format!("from={from}&to=2026-11-16&tz=UTC");
        let path = format!("/api/v1/usage/breakdown?{span}&{COSTS}&by=service");
        let services = place.get(&path).await;
        assert_eq!(services["total"]["spend"], exact(&window["total"]), "{days} days");
        assert_eq!(services["total"]["requests"], window["transactions"], "{days} days");
        for (service, expected) in window["per_service"].as_object().unwrap() {
            let row = row(&services, &[("service", service)]);
            assert_eq!(row["spend"], exact(expected), "{days} days of {service}");
        }
    }

    let measures = "measures=spend,requests,input_tokens,output_tokens";
    let models = place
        .get(&format!(
            "/api/v1/usage/breakdown?{SPAN}&status=ok&provider=openai&by=model&{measures}"
        ))
        .await;
    for (model, expected) in truth["gpt_usage"].as_object().unwrap() {
        let row = row(&models, &[("model", model)]);
        assert_eq!(row["spend"], exact(&expected["cost"]), "{model}");
        for measure in ["requests", "input_tokens", "output_tokens"] {
            assert_eq!(row[measure], expected[measure], "{model} {measure}");
        }
    }

    let revenue = place.get("/api/v1/revenue?limit=1").await;
    let dollars =
        |cents: &Value| Amount::from_nanos(cents.as_i64().unwrap() * 10_000_000).to_string();
    let refunds = json!(-159_000);
    let less_refunds =
        |cents: &Value| dollars(&json!(cents.as_i64().unwrap() + refunds.as_i64().unwrap()));
    let expected = &truth["purchases"];
    assert_eq!(
        revenue["totals"],
        json!([{
            "currency": "usd", "payments": 237, "returns": 10,
            "gross": less_refunds(&expected["gross_cents"]),
            "net": less_refunds(&expected["net_cents"]),
            "fee": dollars(&expected["fee_cents"]),
            "tax": "0",
        }])
    );

    let roi = place.get(&format!("/api/v1/insights/roi?{SPAN}&{COSTS}&rule=direct")).await;
    assert_eq!(roi["total"]["revenue"], "0", "what names no source is of none");
    let roi = place.get(&format!("/api/v1/insights/roi?{SPAN}")).await;
    assert_eq!(roi["total"]["revenue"], less_refunds(&expected["gross_cents"]));
    assert_eq!(roi["total"]["purchases"], expected["count"]);
    assert_eq!(roi["total"]["spend"], exact(&truth["grand_total"]));
    assert_eq!(roi["rows"].as_array().unwrap().len(), 1 + services_of(&truth), "failures too");

    let budgets = place.get("/api/v1/imports/budgets").await;
    let sets = budgets["items"].as_array().unwrap();
    let limits: usize = sets.iter().map(|set| set["limits"].as_array().unwrap().len()).sum();
    assert_eq!(limits, 11);
    let config = sets.iter().find(|set| set["source"] == "leadfactory:budget_config").unwrap();
    assert_eq!(
        config["thresholds"],
        json!([
            {"level": "critical", "part": "0.9", "enabled": true},
            {"level": "warning", "part": "0.75", "enabled": true},
        ])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn importing_again_repeats_nothing_whichever_way() {
    let place = Place::with_fixtures(&DATABASES);
    let import =
        |args: &[&str]| place.import(&[&["leadfactory", "--timezone", "UTC"], args].concat());

    let (_, first) = import(&["."]);
    let (_, second) = import(&["."]);
    std::fs::create_dir(place.file("moved")).unwrap();
    std::fs::rename(place.file("cost_tracking.db"), place.file("moved/costs.db")).unwrap();
    let (_, moved) = import(&["moved/costs.db", "gpt_usage.db"]);
    let (_, again) = import(&["--again", "moved/costs.db", "gpt_usage.db"]);

    let told = |answer: &Value| (answer["accepted"].clone(), answer["repeated"].clone());
    assert_eq!(told(&first), (json!(4_001), json!(0)));
    assert_eq!(told(&second), (json!(0), json!(0)));
    let notes = second["notes"].to_string();
    assert!(notes.contains("6,165 rows read before"), "{notes}");
    assert_eq!(told(&moved), (json!(0), json!(0)));
    assert_eq!(told(&again), (json!(0), json!(4_001)));
    let total = place.get(&format!("/api/v1/usage/total?{SPAN}")).await;
    assert_eq!(total["total"]["spend"], "9633.4190631");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_costs_that_come_one_after_the_other_are_counted_once() {
    let place = Place::with_fixtures(&["cost_tracking.db", "gpt_usage.db"]);
    let import = |args: &[&str]| place.run(&[&["leadfactory", "--timezone", "UTC"], args].concat());

    let calls = import(&["gpt_usage.db"]);
    let costs_alone = import(&["cost_tracking.db"]);
    let (_, both) = answer(&import(&["gpt_usage.db", "cost_tracking.db"]));

    assert_eq!(answer(&calls).1["spend"], "5537.3445531");
    assert_eq!(costs_alone.status.code(), Some(1));
    let error = String::from_utf8_lossy(&costs_alone.stderr).into_owned();
    assert!(error.contains("give both files"), "{error}");
    assert_eq!(both["left_out"], 1_680);
    let total = place.get(&format!("/api/v1/usage/total?{SPAN}")).await;
    assert_eq!(total["total"]["spend"], "9633.4190631");
}

/// Changes a data folder's books to what an older version might have left there.
fn alter_books(place: &Place, sql: &str) {
    outlay_store::sqlite::alter_books(place.data.path(), sql);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_go_from_a_database_make_no_second_one() {
    let place = Place::with_fixtures(&DATABASES);
    let file = rusqlite::Connection::open(place.file("cost_tracking.db")).unwrap();
    let import = || place.import(&["leadfactory", ".", "--timezone", "UTC"]);
    let sets = async |noun: &str| {
        let sets = place.get(&format!("/api/v1/imports/{noun}")).await;
        let items = sets["items"].as_array().unwrap().clone();
        items.iter().filter(|set| set["source"] != "leadfactory:budget_config").count()
    };

    import();
    file.execute_batch("DELETE FROM costs WHERE id <= 300").unwrap();
    add(&file, 1, "0.5");
    let (code, second) = import();
    file.execute_batch("DELETE FROM costs WHERE id <= 600 OR id = 3978").unwrap();
    add(&file, 2, "0.25");
    let (_, third) = import();

    assert_eq!(code, 0);
    assert_eq!((&second["accepted"], &third["accepted"]), (&json!(1), &json!(1)));
    let known = place.get("/api/v1/imports").await;
    let costs = known["items"].as_array().unwrap().iter();
    assert_eq!(costs.filter(|item| item["kind"] == "cost_tracking").count(), 1, "{known}");
    assert_eq!((sets("budgets").await, sets("batches").await), (1, 1));
    let total = place.get("/api/v1/usage/total?from=2026-07-19&to=2026-11-17&tz=UTC").await;
    assert_eq!(total["total"]["spend"], "9634.1690631", "{third}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_version_counted_twice_is_taken_back_once() {
    let place = Place::with_fixtures(&["cost_tracking.db"]);
    let file = rusqlite::Connection::open(place.file("cost_tracking.db")).unwrap();
    let import = || place.import(&["leadfactory", ".", "--timezone", "UTC"]);
    let spend = async || {
        let total = place.get(&format!("/api/v1/usage/total?{SPAN}")).await;
        total["total"]["spend"].as_str().unwrap().to_owned()
    };
    let count = async |noun: &str| {
        let sets = place.get(&format!("/api/v1/imports/{noun}")).await;
        sets["items"].as_array().unwrap().len()
    };
    import();
    // An older version knew a database by its first row and its last; both are gone here.
    let fingerprint = "UPDATE imports SET file = NULL, cursor_fingerprint = ";
    alter_books(
        &place,
        &format!(
            "CREATE TABLE kept AS SELECT cursor_fingerprint FROM imports;
             DELETE FROM import_anchors; {fingerprint} 'x'"
        ),
    );
    file.execute_batch("DELETE FROM costs WHERE id <= 300").unwrap();
    import();
    alter_books(
        &place,
        &format!(
            "DELETE FROM import_anchors;
             {fingerprint} (SELECT cursor_fingerprint FROM kept); DROP TABLE kept;
             INSERT INTO imported_budgets VALUES ('leadfactory:cost_tracking:third', 1, 0);
             INSERT INTO imported_limits
                 SELECT 'leadfactory:cost_tracking:third', id, amount_nanos, period, model,
                        endpoint, description
                 FROM imported_limits GROUP BY id"
        ),
    );
    let doubled = spend().await;
    assert_eq!((count("budgets").await, count("batches").await), (3, 2));

    let (code, healed) = import();
    let (_, quiet) = import();

    assert_ne!(doubled, "9633.4190631");
    assert_eq!((code, spend().await.as_str()), (0, "9633.4190631"));
    assert_eq!((count("budgets").await, count("batches").await), (1, 1));
    let told = "the same database was counted under 2 other names as well; taken back were 3,677 \
                events, 10 budgets and";
    assert!(healed["notes"].to_string().contains(told), "{healed}");
    assert!(!quiet["notes"].to_string().contains("taken back"), "{quiet}");
    let imports = place.get("/api/v1/imports").await;
    let merged = imports["items"].as_array().unwrap().iter();
    let merged = merged.filter(|item| !item["merged_into"].is_null());
    assert_eq!(merged.count(), 1, "{imports}");
}

#[test]
fn a_database_that_should_be_there_and_cannot_be_read_is_a_failure() {
    for bytes in [Vec::new(), vec![7_u8; 8_192], b"SQLite format 3\0".to_vec()] {
        let place = Place::with_fixtures(&DATABASES);
        std::fs::write(place.file("cost_tracking.db"), &bytes).unwrap();

        let output = place.run(&["leadfactory", ".", "--timezone", "UTC"]);

        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(
            error.contains("cost_tracking.db should be imported and cannot be read"),
            "{error}"
        );
        let (code, named) = place.import(&["leadfactory", "gpt_usage.db", "--timezone", "UTC"]);
        assert_eq!(
            (code, &named["spend"]),
            (0, &json!("5537.3445531")),
            "named, it is what counts"
        );
        assert_eq!(named["repeated"], 0, "nothing was imported before");
    }
}

/// A follower, and what it writes.
struct Follower {
    child: Child,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Follower {
    fn start(place: &Place) -> Self {
        let mut child = place
            .command(&["leadfactory", "cost_tracking.db", "--timezone", "UTC", "--follow"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    /// Waits until a line holds `text`.
    fn tells(&self, text: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        let mut told = Vec::new();
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let Ok(line) = self.lines.recv_timeout(left) else { break };
            if line.contains(text) {
                return;
            }
            told.push(line);
        }
        panic!("nobody told `{text}`, but {told:#?}");
    }

    /// Stops it as Ctrl-C does; answers its exit code and its last words.
    fn interrupt(self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let output = self.child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    }
}

fn add(writer: &rusqlite::Connection, second: u32, amount: &str) {
    let sql = format!(
        "INSERT INTO costs (timestamp, service, amount)
         VALUES ('2026-11-16T12:00:{second:02}.5', 'maps', {amount})"
    );
    writer.execute(&sql, []).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_reads_what_is_added_through_locks_and_restarts_and_repeats_nothing() {
    let place = Place::with_fixtures(&["cost_tracking.db"]);
    let writer = rusqlite::Connection::open(place.file("cost_tracking.db")).unwrap();

    let follower = Follower::start(&place);
    follower.tells("3,977 accepted");
    add(&writer, 1, "0.25");
    follower.tells("1 accepted, 0 repeated, 0 refused, 0.25 spent");
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    add(&writer, 2, "0.5");
    std::thread::sleep(Duration::from_secs(2));
    writer.execute_batch("COMMIT").unwrap();
    follower.tells("1 accepted, 0 repeated, 0 refused, 0.5 spent");
    std::fs::rename(place.file("cost_tracking.db"), place.file("away.db")).unwrap();
    follower.tells("does not exist");
    std::fs::rename(place.file("away.db"), place.file("cost_tracking.db")).unwrap();
    let (code, last_words) = follower.interrupt();
    assert_eq!(code, Some(0));
    assert!(last_words.contains("9634.1690631"), "{last_words}");

    add(&writer, 3, "1");
    add(&writer, 4, "9e999");
    let follower = Follower::start(&place);
    follower.tells("3,979 rows read before");
    follower.tells("1 accepted, 0 repeated, 1 refused, 1 spent");
    follower.tells("costs row 3981: amount: `inf` is not an amount of money");
    let (code, _) = follower.interrupt();
    assert_eq!(code, Some(1), "a row was refused");

    let total = place.get("/api/v1/usage/total?from=2026-07-19&to=2026-11-17&tz=UTC").await;
    assert_eq!(total["total"], json!({"spend": "9635.1690631", "requests": 3_980}));
    let imports = place.get("/api/v1/imports").await;
    let import = &imports["items"][0];
    assert_eq!(import["cursor"]["id"], 3_981);
    assert_eq!(
        import["rows"],
        json!({"accepted": 3_980, "repeated": 0, "refused": 1, "left_out": 0})
    );
    assert_eq!(import["refusals"][0]["row"], "costs row 3981");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_imported_row_by_row_and_once() {
    let place = Place::new();
    let table = "Day;Vendor;Model;Preis;input_tokens;team;Notes\r\n\
                 2026-10-01;openai;gpt-4o;1,25;100;core;\"a; b\"\r\n\
                 2026-10-01;openai;gpt-4o;gratis;100;core;\r\n\
                 2026-10-02;openai;gpt-4o;1,25;100;core;\r\n\
                 2026-10-02;openai;gpt-4o;1,25;100;core;\r\n";
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all("\u{feff}".as_bytes()).unwrap();
    packed.write_all(table.as_bytes()).unwrap();
    std::fs::write(place.file("bill"), packed.finish().unwrap()).unwrap();
    let args = [
        "csv",
        "bill",
        "--map",
        "occurred_at=Day",
        "--map",
        "cost=Preis",
        "--decimal-comma",
        "--timezone",
        "UTC",
        "--account",
        "acme",
    ];

    let (code, first) = place.import(&args);
    let (_, second) = place.import(&args);

    assert_eq!(code, 1, "a row was refused");
    assert_eq!((&first["accepted"], &first["repeated"]), (&json!(3), &json!(0)));
    assert_eq!(first["spend"], "3.75");
    assert_eq!(
        first["refusals"],
        json!([{
            "row": "line 3", "code": "malformed", "field": "cost",
            "detail": "column `Preis`: `gratis` is not a decimal number such as 12.5",
        }])
    );
    assert!(first["notes"].to_string().contains("the columns Notes"), "{first}");
    assert_eq!((&second["accepted"], &second["repeated"]), (&json!(0), &json!(3)));
    let path = "/api/v1/usage/breakdown?from=2026-10-01&to=2026-10-03&by=account,team\
                &measures=spend,requests,input_tokens";
    let breakdown = place.get(path).await;
    assert_eq!(
        breakdown["rows"],
        json!([{
            "account": "acme", "team": "core", "spend": "3.75", "requests": 3, "input_tokens": 300,
        }])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_json_come_from_standard_input() {
    let place = Place::new();
    let lines = "{\"id\":\"a\",\"ts\":1791000000,\"service\":\"maps\",\"cost\":0.5}\n\
                 {\"id\":\"a\",\"ts\":1791000000,\"service\":\"maps\",\"cost\":0.75}\n\
                 {\"id\":\"b\",\"ts\":1791000000,\"service\":\"maps\",\"cost\":1}\n";
    let mut command = place.command(&["jsonl", "-", "--source", "crm", "--json"]);
    let mut child = command
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();

    let (code, answer) = answer(&child.wait_with_output().unwrap());

    assert_eq!(code, 1);
    assert_eq!((&answer["accepted"], &answer["spend"]), (&json!(2), &json!("1.5")));
    let refusal = &answer["refusals"][0];
    assert_eq!((&refusal["row"], &refusal["code"]), (&json!("line 2"), &json!("conflict")));
}

/// The API of one data folder, as the command line calls it.
struct Api {
    client: Client,
    _folder: TempDir,
}

impl Api {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { client: Client::local(folder.path()).await.unwrap(), _folder: folder }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        self.client.post(path, body).await.unwrap()
    }

    async fn refusal(&self, path: &str, body: &Value) -> String {
        self.client.post::<Value>(path, body).await.unwrap_err().to_string()
    }

    async fn get(&self, path: &str) -> Value {
        self.client.get(path).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revenue_is_kept_once_paged_and_summed() {
    let api = Api::open().await;
    let payment = |number: i64, gross: &str| {
        json!({
            "id": format!("row:{number}"), "source": "shop", "kind": "payment", "gross": gross,
            "fee": "0.3", "occurred_at": format!("2026-11-0{number}T12:00:00Z"),
            "payment": format!("pi_{number}"), "metadata": {"lead": number},
        })
    };
    let facts = json!([
        payment(1, "2000000000"),
        payment(2, "2000000000"),
        payment(3, "99"),
        payment(1, "2000000000"),
        payment(2, "1")
    ]);

    let answer = api.post("/api/v1/revenue", &facts).await;

    assert_eq!(
        (&answer["accepted"], &answer["repeated"], &answer["refused"]),
        (&json!(3), &json!(1), &json!(1))
    );
    assert_eq!(
        answer["items"][4],
        json!({
            "index": 4, "id": "row:2", "outcome": "refused", "code": "conflict",
            "field": "amount",
            "detail": "is another than was told before, and what was told is not changed",
        })
    );

    let first = api.get("/api/v1/revenue?limit=2").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = api.get(&format!("/api/v1/revenue?limit=2&cursor={cursor}")).await;
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (ids(&first), ids(&second)),
        (vec!["row:1".into(), "row:2".into()], vec!["row:3".into()])
    );
    assert_eq!(second["next_cursor"], Value::Null);
    assert_eq!(first["items"][0]["metadata"], json!({"lead": 1}));
    assert_eq!(first["totals"][0]["gross"], "4000000099");
    let november =
        api.get("/api/v1/revenue?from=2026-11-02T00:00:00Z&to=2026-11-03T00:00:00Z").await;
    assert_eq!(november["totals"][0]["payments"], 1);

    let nameless = json!([{
        "id": "", "source": "shop", "kind": "payment", "gross": "1",
        "occurred_at": "2026-11-01T12:00:00Z",
    }]);
    let both = json!([nameless[0], facts[2], {"id": "x", "kind": "gift"}]);
    let malformed = api.post("/api/v1/revenue", &both).await;
    assert_eq!(malformed["items"][0]["field"], "id");
    assert_eq!(malformed["items"][1]["outcome"], "repeated");
    assert_eq!(malformed["items"][2]["field"], "kind");
    let cursor = api.client.get::<Value>("/api/v1/revenue?cursor=x").await.unwrap_err().to_string();
    assert!(cursor.contains("cursor"), "{cursor}");
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_batches_and_cursors_are_kept_for_the_next_import() {
    let api = Api::open().await;
    let limit = |period: &str| json!({"id": period, "amount": "100", "period": period});
    let set = |limits: Value| {
        json!({"source": "leadfactory:budget_config", "enabled": true, "limits": limits,
               "thresholds": [{"level": "warning", "part": "0.75", "enabled": true}]})
    };
    let progress = |id: i64| {
        json!({"source": "leadfactory:cost_tracking:1", "kind": "cost_tracking", "name": "a.db",
               "cursor": {"id": id, "fingerprint": "f"}, "rows": {"accepted": 2}})
    };

    api.post("/api/v1/imports/budgets", &set(json!([limit("daily"), limit("2026-07")]))).await;
    api.post("/api/v1/imports/budgets", &set(json!([limit("weekly")]))).await;
    api.post("/api/v1/imports", &progress(7)).await;
    api.post("/api/v1/imports", &progress(9)).await;

    let budgets = api.get("/api/v1/imports/budgets").await;
    assert_eq!(budgets["items"][0]["limits"].as_array().unwrap().len(), 1);
    assert_eq!(budgets["items"][0]["limits"][0]["period"], "weekly");
    let imports = api.get("/api/v1/imports").await;
    assert_eq!(imports["items"][0]["cursor"]["id"], 9);
    assert_eq!(imports["items"][0]["rows"]["accepted"], 4);

    let batches = |leads: Value| {
        let batch =
            json!({"id": "b1", "tier": "2", "started_at": "2026-07-01T01:00:00Z", "leads": leads});
        json!({"source": "leadfactory:cost_tracking:1", "batches": [batch]})
    };
    api.post("/api/v1/imports/batches", &batches(json!(0))).await;
    api.post("/api/v1/imports/batches", &batches(json!(74))).await;
    let kept = api.get("/api/v1/imports/batches").await;
    assert_eq!(kept["items"].as_array().unwrap().len(), 1);
    assert_eq!(kept["items"][0]["batches"][0]["leads"], 74);
    assert_eq!(kept["items"][0]["batches"][0]["ended_at"], Value::Null, "it runs");
    let refusal = api.refusal("/api/v1/imports/batches", &batches(json!(u64::MAX))).await;
    assert_eq!(refusal, "batches[0].leads: 9223372036854775807 at most");

    let refusal = api.refusal("/api/v1/imports/budgets", &set(json!([limit("yearly")]))).await;
    assert_eq!(refusal, "limits[0].period: `yearly` is not daily, weekly, monthly or a month");
    let refusal =
        api.refusal("/api/v1/imports", &json!({"source": "", "kind": "x", "name": ""})).await;
    assert_eq!(refusal, "source: must be given and not empty");
}
