//! Questions about usage, as those who ask see them.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::ops::Deref;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

/// A desk that is asked about usage.
struct Desk(common::desk::Desk);

impl Deref for Desk {
    type Target = common::desk::Desk;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Desk {
    async fn with(events: Value) -> Self {
        Self(common::desk::Desk::with(&events).await)
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, String) {
        let (status, body) = self.0.send(request).await;
        (status, String::from_utf8(body).unwrap())
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let request = Request::get(format!("/api/v1/usage/{path}"));
        let (status, body) = self.send(request.body(Body::empty()).unwrap()).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn ask(&self, path: &str) -> Value {
        let (status, answer) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// The rows, each as its values joined by spaces.
    async fn rows(&self, path: &str, columns: &[&str]) -> Vec<String> {
        let answer = self.ask(path).await;
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => "-".into(),
            other => other.to_string(),
        };
        let row = |row: &Value| {
            columns.iter().map(|column| text(&row[*column])).collect::<Vec<_>>().join(" ")
        };
        answer["rows"].as_array().unwrap().iter().map(row).collect()
    }
}

fn event(id: u32, at: &str, provider: &str, cost: &str, more: Value) -> Value {
    let mut event = json!({
        "id": id.to_string(), "source": "test", "occurred_at": at, "account": "acme",
        "provider": provider, "cost": cost,
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

/// Five calls around the night in which Berlin's clocks go forward.
fn calls() -> Value {
    json!([
        event(
            1,
            "2026-03-28T22:59:59.999999Z",
            "openai",
            "1.5",
            json!({
                "model": "gpt-4o", "duration_ms": 100, "tags": {"feature": "chat"},
                "quantities": {"input_tokens": 1000, "output_tokens": 50},
            })
        ),
        event(
            2,
            "2026-03-28T23:00:00Z",
            "openai",
            "0.000000001",
            json!({
                "model": "gpt-4o-mini", "duration_ms": 300, "status": "error",
                "quantities": {"input_tokens": 7},
            })
        ),
        event(
            3,
            "2026-03-29T21:59:59Z",
            "anthropic",
            "2.25",
            json!({
                "model": "claude-opus", "account": "globex", "duration_ms": 200,
                "quantities": {"requests": 3, "seconds": 2.5},
            })
        ),
        event(
            4,
            "2026-03-29T22:00:00Z",
            "mistral",
            "10",
            json!({
                "dimensions": {"team": "search"},
            })
        ),
        event(
            5,
            "2026-04-02T10:00:00Z",
            "openai",
            "4",
            json!({
                "model": "o3, the \"big\" one", "quantities": {"gpu_hours": 1.5},
            })
        ),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_agree_however_they_are_grouped() {
    let desk = Desk::with(calls()).await;

    let total = desk.ask("total").await;
    assert_eq!(total["total"], json!({"spend": "17.750000001", "requests": 7}));
    assert_eq!(total["rows"][0], total["total"]);
    for path in ["series", "series?every=hour&by=model", "breakdown?by=tag.feature,team,status"] {
        let answer = desk.ask(path).await;
        assert_eq!(answer["total"], total["total"], "{path}");
        let rows = answer["rows"].as_array().unwrap();
        let requests: i64 = rows.iter().map(|row| row["requests"].as_i64().unwrap()).sum();
        assert_eq!(requests, 7, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_those_of_the_time_zone() {
    let desk = Desk::with(calls()).await;

    let path = "series?from=2026-03-28&to=2026-03-31&every=day&tz=Europe/Berlin";
    let rows = desk.rows(path, &["time", "spend", "requests"]).await;

    assert_eq!(
        rows,
        [
            "2026-03-28T00:00:00+01:00 1.5 1",
            "2026-03-29T00:00:00+01:00 2.250000001 4",
            "2026-03-30T00:00:00+02:00 10 1",
        ]
    );
    let path = "series?from=2026-03-29&to=2026-03-30&every=hour&tz=Europe/Berlin";
    let hours = desk.rows(path, &["time"]).await;
    assert_eq!(hours.len(), 23);
    assert_eq!(hours[2], "2026-03-29T03:00:00+02:00");
}

#[tokio::test(flavor = "multi_thread")]
async fn weeks_and_months_have_rows_for_their_gaps() {
    let desk = Desk::with(calls()).await;

    let weeks = desk.rows("series?from=2026-03-23&to=2026-04-13&every=week", &["time", "spend"]);
    assert_eq!(
        weeks.await,
        ["2026-03-23T00:00:00Z 13.750000001", "2026-03-30T00:00:00Z 4", "2026-04-06T00:00:00Z 0"]
    );
    let months = desk.ask("series?from=2026-03-15&to=2026-05-15&every=month").await;
    let starts: Vec<_> =
        months["rows"].as_array().unwrap().iter().map(|row| &row["time"]).collect();
    assert_eq!(starts, ["2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_keep_what_they_name() {
    let desk = Desk::with(calls()).await;

    for (filter, spend) in [
        ("provider=openai,anthropic", "7.750000001"),
        ("provider=openai&provider=anthropic", "7.750000001"),
        ("provider!=openai", "12.25"),
        ("model^=gpt-4", "1.500000001"),
        ("model%5E=gpt-4o-,claude", "2.250000001"),
        ("model=", "10"),
        ("model!=", "7.750000001"),
        (r"model=o3\,+the+%22big%22+one", "4"),
        ("tag.feature=chat", "1.5"),
        ("tag.feature=", "16.250000001"),
        ("status=error", "0.000000001"),
        ("status=500", "0.000000001"),
        ("team=search&provider=openai", "0"),
        ("account=globex", "2.25"),
        ("source=test", "17.750000001"),
    ] {
        let answer = desk.ask(&format!("total?{filter}")).await;
        assert_eq!(answer["total"]["spend"], spend, "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_measure_is_answered() {
    let desk = Desk::with(calls()).await;

    let answer = desk
        .ask(
            "total?measures=spend,credits,events,errors,unpriced,tokens,requests,input_tokens,\
             output_tokens,seconds,meter.gpu_hours,latency_mean_ms,latency_p50_ms,latency_p99_ms",
        )
        .await;

    let p99 = answer["total"]["latency_p99_ms"].as_f64().unwrap();
    assert!((297.0..=303.0).contains(&p99), "{p99}");
    let mut total = answer["total"].clone();
    for name in ["latency_p50_ms", "latency_p99_ms"] {
        total.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(
        total,
        json!({
            "spend": "17.750000001", "credits": "17.750000001", "events": 5, "errors": 1,
            "unpriced": 0, "tokens": 1057, "requests": 7, "input_tokens": 1007,
            "output_tokens": 50, "seconds": "2.5", "meter.gpu_hours": "1.5",
            "latency_mean_ms": 200.0,
        })
    );
    let nothing = desk.ask("total?team=none&measures=latency_p50_ms,spend,seconds").await;
    assert_eq!(nothing["total"], json!({"latency_p50_ms": null, "spend": "0", "seconds": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_at_the_top_is_one_row() {
    let desk = Desk::with(calls()).await;
    let columns = ["provider", "other", "spend"];

    assert_eq!(
        desk.rows("breakdown?by=provider", &columns).await,
        ["mistral - 10", "openai - 5.500000001", "anthropic - 2.25"]
    );
    assert_eq!(
        desk.rows("breakdown?by=provider&top=1", &columns).await,
        ["mistral - 10", "- true 7.750000001"]
    );
    assert_eq!(
        desk.rows("breakdown?by=provider&measures=requests,spend", &columns[..2]).await,
        ["anthropic -", "openai -", "mistral -"]
    );
    let series = "series?from=2026-03-28&to=2026-03-30&every=day&by=provider&top=1";
    assert_eq!(
        desk.rows(series, &["time", "provider", "other", "spend"]).await,
        [
            "2026-03-28T00:00:00Z mistral - 0",
            "2026-03-28T00:00:00Z - true 1.500000001",
            "2026-03-29T00:00:00Z mistral - 10",
            "2026-03-29T00:00:00Z - true 2.25",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_period_before_stands_beside_each_row() {
    let desk = Desk::with(calls()).await;

    let april = "from=2026-04-01&to=2026-05-01&compare=previous";
    let answer = desk.ask(&format!("breakdown?by=provider&{april}")).await;
    assert_eq!(
        answer["previous"],
        json!({"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"})
    );
    assert_eq!(answer["total"]["previous"], json!({"spend": "13.750000001", "requests": 6}));
    assert_eq!(
        answer["rows"],
        json!([
            {"provider": "openai", "spend": "4", "requests": 1,
             "previous": {"spend": "1.500000001", "requests": 2}},
            {"provider": "anthropic", "spend": "0", "requests": 0,
             "previous": {"spend": "2.25", "requests": 3}},
            {"provider": "mistral", "spend": "0", "requests": 0,
             "previous": {"spend": "10", "requests": 1}},
        ])
    );
    // March has one day more than April, and so has its series.
    let series = desk.ask(&format!("series?{april}")).await;
    assert_eq!(series["rows"].as_array().unwrap().len(), 30);
    assert_eq!(series["rows"][28]["previous"]["spend"], "12.25");
    assert_eq!(series["total"]["previous"]["spend"], "13.750000001");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_over_is_partial() {
    let desk = Desk::with(calls()).await;

    let past = desk.ask("series?from=2026-03-28&to=2026-03-30").await;
    assert_eq!(past["partial"], false);
    assert!(past["rows"].as_array().unwrap().iter().all(|row| row["partial"].is_null()));

    let running = desk.ask("series?every=month").await;
    let rows = running["rows"].as_array().unwrap();
    assert_eq!(running["partial"], true);
    assert_eq!(rows.last().unwrap()["partial"], true);
    assert!(rows[0]["partial"].is_null());
    assert_eq!(desk.ask("total").await["partial"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_says_why_and_what_to_do() {
    let desk = Desk::with(calls()).await;

    for (path, code, field) in [
        ("total?colour=red", "unknown", "colour"),
        ("total?by=provider", "unknown", "by"),
        ("total?from=yesterday", "malformed", "from"),
        ("total?from=2026-03-02&to=2026-03-01", "malformed", "from"),
        ("total?from=1900-01-01", "out_of_range", "from"),
        ("total?tz=Mars/Olympus", "malformed", "tz"),
        ("total?tz=UTC&tz=UTC", "malformed", "tz"),
        ("total?measures=cost", "unknown", "measures"),
        ("total?compare=next", "malformed", "compare"),
        ("total?status=odd", "malformed", "status"),
        ("total?model^=", "malformed", "model^"),
        ("total?format=xml", "malformed", "format"),
        ("series?every=year", "malformed", "every"),
        ("series?every=hour&from=2020-01-01&to=2026-01-01", "too_large", "every"),
        ("breakdown", "missing", "by"),
        ("breakdown?by=colour", "unknown", "by"),
        ("breakdown?by=provider,model,team,status", "too_large", "by"),
        ("breakdown?by=provider&top=0", "out_of_range", "top"),
        ("breakdown?by=provider&top=many", "out_of_range", "top"),
        ("series?top=3", "malformed", "top"),
        ("events?limit=1001", "out_of_range", "limit"),
        ("events?cursor=nonsense", "malformed", "cursor"),
        ("events?measures=spend", "unknown", "measures"),
    ] {
        let (status, answer) = desk.get(path).await;
        let told = (status.as_u16(), answer["code"].as_str(), answer["field"].as_str());
        assert_eq!(told, (400, Some(code), Some(field)), "{path}: {answer}");
        assert!(answer["remedy"].is_string(), "{path}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_page_by_page_newest_first() {
    let desk = Desk::with(calls()).await;

    let mut path = "events?limit=2".to_owned();
    let mut ids = Vec::new();
    loop {
        let page = desk.ask(&path).await;
        let items = page["items"].as_array().unwrap();
        ids.push(
            items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("events?limit=2&cursor={cursor}"),
            None => break,
        }
    }

    assert_eq!(ids, [vec!["5", "4"], vec!["3", "2"], vec!["1"]]);
    let filtered = desk.ask("events?provider=openai&to=2026-04-01").await;
    assert_eq!(filtered["items"].as_array().unwrap().len(), 2);
    assert_eq!(filtered["items"][0]["amount"], "0.000000001");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_answers_come_from_segments() {
    let desk = Desk::with(calls()).await;
    let paths = [
        "total?measures=spend,events,errors,tokens,latency_mean_ms,latency_p95_ms",
        "series?every=hour&by=provider&from=2026-03-28T22:30:00Z&to=2026-03-29T22:30:00Z",
        "series?every=day&by=account,model&tz=Asia/Kolkata",
        "breakdown?by=tag.feature&compare=previous&from=2026-03-29&to=2026-04-03",
        "events?limit=3",
    ];
    let mut before = Vec::new();
    for path in paths {
        before.push(desk.ask(path).await);
    }

    let outlay = &desk.server.state().outlay;
    assert_eq!(outlay.history.flush(&outlay.dedup).unwrap(), 5);

    for (path, before) in paths.iter().zip(before) {
        assert_eq!(desk.ask(path).await, before, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_told_of_their_own_account_only() {
    let desk = Desk::with(calls()).await;
    let minted = desk.post("/api/v1/tokens", &json!({"user": "globex", "role": "member"})).await.1;
    let token = format!("Bearer {}", minted["token"].as_str().unwrap());
    let ask = async |path: &str| {
        let request = Request::get(format!("/api/v1/usage/{path}")).header("authorization", &token);
        let (status, body) = desk.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()
    };

    assert_eq!(minted["account"], "globex");
    assert_eq!(ask("total").await["total"]["spend"], "2.25");
    assert_eq!(ask("total?account=acme").await["total"]["spend"], "0");
    assert_eq!(ask("total?account!=globex").await["total"]["spend"], "0");
    assert_eq!(ask("breakdown?by=account").await["rows"].as_array().unwrap().len(), 1);
    assert_eq!(ask("series?by=account&every=month").await["total"]["requests"], 3);
    assert_eq!(ask("events").await["items"].as_array().unwrap().len(), 1);
    assert_eq!(ask("events?account=acme").await["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_holds_no_formulas() {
    let mut events = calls();
    let formula = event(6, "2026-04-02T10:00:00Z", "=HYPERLINK(\"x\")", "0.5", json!({}));
    events.as_array_mut().unwrap().push(formula);
    let desk = Desk::with(events).await;
    let table = async |path: &str, accept: &str| {
        let request = Request::get(format!("/api/v1/usage/{path}")).header("accept", accept);
        desk.send(request.body(Body::empty()).unwrap()).await.1
    };

    let path = "breakdown?by=provider&from=2026-04-01&to=2026-05-01&compare=previous&top=3";
    let named = table(&format!("{path}&format=csv"), "*/*").await;
    let accepted = table(path, "text/csv").await;

    assert_eq!(
        named,
        "provider,other,spend,requests,previous_spend,previous_requests\n\
         openai,false,4,1,1.500000001,2\n\
         \"'=HYPERLINK(\"\"x\"\")\",false,0.5,1,0,0\n\
         anthropic,false,0,0,2.25,3\n\
         ,true,0,0,10,1\n"
    );
    assert_eq!(accepted, named);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_deployment_answers_too() {
    let desk = Desk::with(json!([])).await;

    assert_eq!(desk.ask("total").await["total"], json!({"spend": "0", "requests": 0}));
    assert_eq!(desk.ask("series").await["rows"].as_array().unwrap().len(), 1);
    assert_eq!(desk.ask("breakdown?by=model").await["rows"], json!([]));
    assert_eq!(desk.ask("events").await, json!({"items": [], "next_cursor": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_reads_the_tail_and_the_segments() {
    let desk = Desk::with(calls()).await;
    let outlay = &desk.server.state().outlay;
    outlay.history.flush(&outlay.dedup).unwrap();
    let late = event(7, "2026-04-03T10:00:00.5Z", "openai", "0.25", json!({"duration_ms": 2}));
    desk.post("/api/v1/events", &late).await;

    let query = "SELECT provider, sum(spend) AS spend, count(*) AS facts, max(occurred_at) AS last, \
                 avg(duration_us) AS mean FROM events WHERE provider <> 'mistral' \
                 GROUP BY provider ORDER BY 2 DESC";
    let (status, answer) = desk.post("/api/v1/sql", &json!({ "query": query })).await;

    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["columns"][0], json!({"name": "provider", "type": "Utf8"}));
    assert_eq!(answer["truncated"], false);
    assert_eq!(
        answer["rows"],
        json!([
            {"provider": "openai", "spend": "5.750000001", "facts": 4,
             "last": "2026-04-03T10:00:00.500Z", "mean": 134000.0},
            {"provider": "anthropic", "spend": "2.25", "facts": 1,
             "last": "2026-03-29T21:59:59Z", "mean": 200000.0},
        ])
    );
    let (_, nanos) = desk
        .post("/api/v1/sql", &json!({"query": "SELECT sum(amount_nanos) AS n FROM events"}))
        .await;
    assert_eq!(nanos["rows"], json!([{"n": 18_000_000_001_i64}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_changes_nothing_and_is_bounded() {
    let desk = Desk::with(calls()).await;
    let run = async |query: &str| desk.post("/api/v1/sql", &json!({ "query": query })).await;

    for query in [
        "SELECT",
        "SELECT colour FROM events",
        "SELECT 1; SELECT 2",
        "DROP TABLE events",
        "CREATE TABLE mine AS SELECT * FROM events",
        "CREATE EXTERNAL TABLE mine STORED AS CSV LOCATION '/etc/passwd'",
        "INSERT INTO events SELECT * FROM events",
        "COPY events TO '/tmp/outlay-stolen.csv' STORED AS CSV",
        "SET datafusion.execution.batch_size = 1",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM 'file:///etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM information_schema.tables",
        "SHOW TABLES",
        "SHOW ALL",
        "DELETE FROM events",
        "CREATE FUNCTION f(BIGINT) RETURNS BIGINT RETURN $1",
        "SELECT 9223372036854775807 + 1",
    ] {
        let (status, answer) = run(query).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::BAD_REQUEST, &json!("sql")),
            "{query}: {answer}"
        );
        assert!(!answer["detail"].as_str().unwrap().is_empty());
    }
    let (status, many) = run("SELECT a.value FROM generate_series(1, 20000) a").await;
    assert_eq!(status, StatusCode::OK, "{many}");
    assert_eq!(many["rows"].as_array().unwrap().len(), 10_000);
    assert_eq!(many["truncated"], true);

    let member = desk.post("/api/v1/tokens", &json!({"user": "globex", "role": "member"})).await.1;
    let request = Request::post("/api/v1/sql")
        .header("authorization", format!("Bearer {}", member["token"].as_str().unwrap()))
        .header("content-type", "application/json")
        .body(json!({"query": "SELECT 1"}).to_string().into());
    assert_eq!(desk.send(request.unwrap()).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_cannot_be_worked_on_is_answered_in_words() {
    let desk = common::desk::Desk::open_with_program("/nowhere/outlay").await;

    let (status, answer) = desk.post("/api/v1/sql", &json!({"query": "SELECT 1"})).await;

    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    assert_eq!(answer["detail"], "no process can be started for the query");
}
