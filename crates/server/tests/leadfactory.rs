//! LeadFactory's dialect, through the real program on its real databases.

#![allow(clippy::unwrap_used, missing_docs)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use outlay_domain::Amount;
use outlay_engine::clock::ShiftedClock;
use outlay_server::cli::client::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The fixture's last evening, which is now for the program.
const NOW: &str = "2026-11-15T20:00:00Z";
/// Holds the command line of the program, as JSON.
const COMMAND: &str = "COMMAND_OF_THE_PROGRAM";
const DATABASES: [&str; 5] = [
    "cost_tracking.db",
    "gpt_usage.db",
    "purchase_metrics.db",
    "financial_tracking.db",
    "budget_config.db",
];
const ALL_DAYS: &str = "start_date=2026-07-19&end_date=2026-11-15";

/// The program itself: no build that people run lets itself be told another time, so this binary is
/// started anew and runs the same code by another clock.
#[test]
#[ignore = "it is the program that the others start"]
fn the_program_runs_at_the_time_of_the_fixtures() {
    let command = std::env::var(COMMAND).unwrap();
    let command: Vec<String> = serde_json::from_str(&command).unwrap();
    let clock = ShiftedClock::starting_at(NOW.parse().unwrap());

    let ended = outlay_server::cli::run_at(command.into_iter().map(Into::into), Arc::new(clock));

    assert!(ended == ExitCode::SUCCESS);
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/leadfactory")
}

fn truth() -> Value {
    serde_json::from_slice(&std::fs::read(fixtures().join("truth.json")).unwrap()).unwrap()
}

fn recorded(name: &str) -> Value {
    let path = fixtures().join("answers").join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A float without its noise, exact to the billionth.
fn exact(value: &Value) -> Amount {
    let float = value.as_f64().unwrap_or_else(|| panic!("no number: {value}"));
    Amount::from_foreign_float(float).unwrap()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn unpack(name: &str, to: &Path) {
    let packed = std::fs::File::open(fixtures().join(format!("{name}.zst"))).unwrap();
    std::fs::write(to, zstd::decode_all(packed).unwrap()).unwrap();
}

/// The program, serving and following a copy of the fixture. It is killed when it is dropped.
struct Running {
    child: Child,
    port: u16,
    data: TempDir,
    from: TempDir,
}

impl Running {
    async fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_on(arguments, variables, |folder| {
            for name in DATABASES {
                unpack(name, &folder.join(name));
            }
        })
        .await
    }

    /// Follows what `fill` puts into the folder.
    async fn start_on(
        arguments: &[&str],
        variables: &[(&str, &str)],
        fill: impl FnOnce(&Path),
    ) -> Self {
        let from = tempfile::tempdir().unwrap();
        fill(from.path());
        let running = Self::spawn(from, &[], arguments, variables);
        running.wait(|health| health["checks"]["integration_thread"]["active"] == true).await;
        running
    }

    /// Follows the files of those names in `from`, or the folder itself.
    fn spawn(
        from: TempDir,
        names: &[&str],
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let paths = match names {
            [] => vec![from.path().to_owned()],
            names => names.iter().map(|name| from.path().join(name)).collect(),
        };
        let data = tempfile::tempdir().unwrap();
        let port = free_port();
        let port_text = port.to_string();
        let mut command = vec!["outlay", "leadfactory"];
        command.extend(paths.iter().map(|path| path.to_str().unwrap()));
        command.extend(["--port", &port_text, "--listen", "127.0.0.1:0", "--timezone", "UTC"]);
        command.extend(arguments);
        let child = Command::new(std::env::current_exe().unwrap())
            .env_clear()
            .envs(variables.iter().copied())
            .env(COMMAND, serde_json::to_string(&command).unwrap())
            .env("OUTLAY_DATA", data.path().join("outlay"))
            .env("HOME", from.path())
            .args(["--ignored", "--exact", "the_program_runs_at_the_time_of_the_fixtures"])
            .arg("--nocapture")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(data.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, port, data, from }
    }

    /// Waits until the health is as it should be.
    async fn wait(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let health = self.get("/api/enhanced/health").await;
            if let Some((_, body)) = health
                && is_so(&body)
            {
                return body;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "it does not get so");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the program said on standard error.
    fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("log")).unwrap()
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn text(&self, path: &str) -> Option<(StatusCode, String)> {
        let client = Client::remote(&self.url(), None).unwrap();
        let (status, bytes) = client.send(Method::GET, path, None, Bytes::new()).await.ok()?;
        Some((status, String::from_utf8(bytes.to_vec()).unwrap()))
    }

    async fn get(&self, path: &str) -> Option<(StatusCode, Value)> {
        let (status, text) = self.text(path).await?;
        Some((status, serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"))))
    }

    /// The body of a good answer.
    async fn ok(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        assert!(body.get("error").is_none(), "{path}: {body}");
        body
    }

    /// The text of a refusal.
    async fn refused(&self, path: &str) -> String {
        let (status, body) = self.get(path).await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {body}");
        body["error"].as_str().unwrap_or_else(|| panic!("{path}: {body}")).to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rows(body: &Value) -> &[Value] {
    body.as_array().unwrap()
}

fn row<'a>(list: &'a Value, values: &[(&str, &str)]) -> &'a Value {
    let has = |row: &&Value| values.iter().all(|(name, value)| row[*name] == *value);
    rows(list).iter().find(has).unwrap_or_else(|| panic!("no {values:?}"))
}

/// Fails unless all that stands in `recorded` stands in `ours` too, with values of the same kind.
fn assert_shape(recorded: &Value, ours: &Value, at: &str) {
    // Keys that are data, or that told of what is put right.
    const OTHERWISE: [&str; 11] = [
        ".recommendations[].service",
        ".z_score",
        ".weekday",
        ".weights",
        ".individual_forecasts",
        ".analysis_summary",
        ".checks",
        ".roi_metrics",
        ".service_breakdown",
        ".cost_breakdown.service_breakdown",
        ".details",
    ];
    if OTHERWISE.iter().any(|known| at.ends_with(known)) || recorded.is_null() || ours.is_null() {
        return;
    }
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (key, value) in recorded {
                let at = format!("{at}.{key}");
                match ours.get(key) {
                    Some(own) => assert_shape(value, own, &at),
                    None => assert!(OTHERWISE.iter().any(|known| at.ends_with(known)), "no {at}"),
                }
            }
        }
        (Value::Array(recorded), Value::Array(ours)) => {
            if let (Some(recorded), Some(ours)) = (recorded.first(), ours.first()) {
                assert_shape(recorded, ours, &format!("{at}[]"));
            }
        }
        (Value::Number(_), Value::Number(_))
        | (Value::String(_), Value::String(_))
        | (Value::Bool(_), Value::Bool(_)) => {}
        _ => panic!("{at} was {recorded} and is {ours}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_leadfactorys_shape_and_the_true_totals() {
    let running = Running::start(&[], &[]).await;
    let truth = truth();

    for (name, path) in [
        ("5002_detailed-breakdown", "/api/enhanced/detailed-breakdown"),
        ("5002_cost-trends_119_30", "/api/enhanced/cost-trends?days_back=119&forecast_days=30"),
        ("5002_optimization-recommendations", "/api/enhanced/optimization-recommendations"),
        ("5002_cost-efficiency", "/api/enhanced/cost-efficiency"),
        ("5002_cost-alerts", "/api/enhanced/cost-alerts"),
        ("5002_health", "/api/enhanced/health"),
        ("5001_integrated_dashboard", "/api/enhanced/dashboard-data"),
        ("5001_integrated_dashboard", "/api/cost/integrated/dashboard"),
        ("5001_integrated_efficiency", "/api/cost/integrated/efficiency"),
        ("5001_integrated_health", "/api/cost/integrated/health"),
        ("5001_breakdown", "/api/cost/breakdown"),
        ("5001_breakdown_operation", "/api/cost/breakdown?group_by=service&group_by=operation"),
        ("5001_trends_119_7", "/api/cost/trends?days_back=119"),
        ("5001_optimization", "/api/cost/optimization"),
        ("5001_budget-utilization", "/api/cost/budget-utilization"),
    ] {
        let body = running.ok(path).await;
        assert_shape(&recorded(name), &body, name);
    }
    let roi = running.ok(&format!("/api/cost/roi-analysis?{ALL_DAYS}")).await;
    assert_shape(&recorded("5001_roi-analysis_range"), &roi, "roi");
    let known = &truth["roi"];
    assert_eq!(exact(&roi["total_costs"]), exact(&known["cost"]));
    assert_eq!(exact(&roi["total_revenue"]), exact(&known["revenue_gross"]));
    assert_eq!(exact(&roi["profit"]), exact(&known["profit"]));
    assert_eq!(roi["total_transactions"], truth["purchases"]["count"]);

    let services = running.ok("/api/enhanced/detailed-breakdown").await;
    assert_eq!(exact(&services["summary"]["total_cost"]), exact(&truth["grand_total"]));
    assert_eq!(services["summary"]["total_transactions"], truth["transactions"]);
    for (service, known) in truth["per_service"].as_object().unwrap() {
        let own = row(&services["breakdown"], &[("service", service)]);
        assert_eq!(exact(&own["total_cost"]), exact(&known["total"]), "{service}");
        assert_eq!(own["transaction_count"], known["transactions"], "{service}");
    }
    let whole = &services["breakdown"];
    let (least, most) = (rows(whole).iter().map(|row| &row["min_cost"]), rows(whole).iter());
    let least = least.min_by(|one, two| one.as_f64().unwrap().total_cmp(&two.as_f64().unwrap()));
    assert_eq!(exact(least.unwrap()), exact(&truth["min_amount"]));
    let most = most.map(|row| &row["max_cost"]);
    let most = most.max_by(|one, two| one.as_f64().unwrap().total_cmp(&two.as_f64().unwrap()));
    assert_eq!(exact(most.unwrap()), exact(&truth["max_amount"]));

    let by = "group_by=service&group_by[]=operation";
    let operations = running.ok(&format!("/api/cost/breakdown?{ALL_DAYS}&{by}")).await;
    for (service, known) in truth["per_service_operation"].as_object().unwrap() {
        for (operation, known) in known.as_object().unwrap() {
            let names = [("service", service.as_str()), ("operation", operation.as_str())];
            let own = row(&operations["breakdown"], &names);
            assert_eq!(exact(&own["total_cost"]), exact(&known["total"]), "{names:?}");
            assert_eq!(own["transaction_count"], known["transactions"], "{names:?}");
        }
    }
    let days = running.ok("/api/enhanced/detailed-breakdown?group_by=date").await;
    for (date, known) in truth["per_day"].as_object().unwrap() {
        let own = row(&days["breakdown"], &[("date", date)]);
        assert_eq!(exact(&own["total_cost"]), exact(&known["total"]), "{date}");
        assert_eq!(own["transaction_count"], known["transactions"], "{date}");
    }
    let months = running
        .ok("/api/enhanced/detailed-breakdown?time_period=monthly&group_by=time_period")
        .await;
    for (month, known) in truth["per_month"].as_object().unwrap() {
        let own = row(&months["breakdown"], &[("time_period", month)]);
        assert_eq!(exact(&own["total_cost"]), exact(known), "{month}");
        let (year, number) = month.split_once('-').unwrap();
        let number: u32 = number.parse().unwrap();
        let used =
            running.ok(&format!("/api/cost/budget-utilization?year={year}&month={number}")).await;
        assert_eq!(exact(&used["spent"]), exact(known), "{month}");
        assert_eq!(exact(&used["budget"]), exact(&truth["monthly_budgets"][month]), "{month}");
    }
    for (back, known) in truth["window_totals"].as_object().unwrap() {
        let path = format!("/api/enhanced/cost-trends?days_back={back}");
        let trends = running.ok(&path).await;
        assert_eq!(exact(&trends["trend_metrics"]["total_cost"]), exact(&known["total"]), "{back}");
        assert_eq!(trends["analysis_period"]["days_analyzed"], known["calendar_days"]);
        assert_eq!(trends["analysis_period"]["start_date"], known["from"]);
        for (service, known) in known["per_service"].as_object().unwrap() {
            let path = format!(
                "{path}&service_type={}",
                service.replace(' ', "%20").replace('é', "%C3%A9")
            );
            let own = running.ok(&path).await;
            assert_eq!(exact(&own["trend_metrics"]["total_cost"]), exact(known), "{service}");
        }
    }
    let summary = running.ok("/api/cost/summary").await;
    assert_eq!(exact(&summary["overview"]["total_cost"]), exact(&truth["today_total"]));
    let other = running.ok("/api/cost/realtime-summary").await;
    assert_eq!(exact(&other["data"]["today_total"]), exact(&truth["today_total"]));
    assert_eq!(other["success"], true);
    // Twenty hours of today against as many of yesterday.
    let file = rusqlite::Connection::open(running.from.path().join("cost_tracking.db")).unwrap();
    let so_far: f64 = file
        .query_row(
            "SELECT sum(amount) FROM costs
             WHERE timestamp >= '2026-11-14' AND timestamp < '2026-11-14T20:00:00'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let change = 100.0 * (truth["today_total"].as_f64().unwrap() / so_far - 1.0);
    let told = other["data"]["daily_change_percent"].as_f64().unwrap();
    // The clock of the program goes on while it is asked.
    assert!((told - change).abs() < 1e-6, "{told} {change}");
    let (count, mean): (i64, f64) = file
        .query_row(
            "SELECT count(*), avg(amount) FROM costs WHERE timestamp >= '2026-10-17' AND amount >
             (SELECT min(10, 2 * avg(amount)) FROM costs WHERE timestamp >= '2026-10-17')",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let advice = running.ok("/api/cost/optimization").await;
    let often = row(&advice["recommendations"], &[("type", "frequent_high_cost")]);
    let text = format!("Detected {count} high-cost transactions averaging ${mean:.2}");
    assert!(count > 20, "more than are listed");
    assert_eq!(often["description"], text.as_str());
    for path in ["detailed-breakdown", "optimization-insights", "budget-status"] {
        assert_eq!(running.ok(&format!("/api/cost/{path}")).await["success"], true);
    }
    nested_as_leadfactory_nests_it(&running, &truth).await;
    let by_time = running.ok("/api/cost/breakdown?group_by=time_period&group_by=service").await;
    let times: Vec<&str> =
        rows(&by_time["breakdown"]).iter().filter_map(|row| row["time_period"].as_str()).collect();
    assert!(times.len() > 31 && times.is_sorted_by(|one, other| one >= other), "{times:?}");
    let used = running.ok("/api/cost/budget-utilization").await;
    let client = Client::local(&running.data.path().join("outlay")).await.unwrap();
    let budgets: Value = client.get("/api/v1/budgets").await.unwrap();
    client.close().await;
    let november = rows(&budgets["items"])
        .iter()
        .find(|budget| budget["id"].as_str().unwrap().ends_with(":2026-11"))
        .unwrap_or_else(|| panic!("no November in {budgets}"));
    let projected: f64 = november["status"]["projected"].as_f64().unwrap();
    let told = used["projected_monthly_spend"].as_f64().unwrap();
    // The clock of the program goes on while it is asked.
    assert!((told / projected - 1.0).abs() < 1e-4, "{told} {projected}");

    let (status, metrics) = running.text("/metrics").await.unwrap();
    assert_eq!(status, StatusCode::OK);
    for (service, known) in truth["per_service"].as_object().unwrap() {
        let name = format!("leadfactory_total_cost_total{{service=\"{service}\"}} ");
        let value = metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap();
        assert_eq!(value.parse::<Amount>().unwrap(), exact(&known["total"]), "{service}");
    }
    let has = |line: &str| assert!(metrics.contains(&format!("{line}\n")), "no {line}: {metrics}");
    let spent: f64 = truth["today_total"].as_f64().unwrap();
    let daily = metrics
        .lines()
        .find_map(|line| line.strip_prefix("lead_factory_budget_utilization{period=\"daily\"} "));
    assert!((daily.unwrap().parse::<f64>().unwrap() - spent / 100.0).abs() < 1e-9, "{metrics}");
    // Mails are sent on weekdays, and this is a Sunday.
    has("lead_factory_daily_cost{service=\"sendgrid\"} 0");
    for line in metrics.lines().filter(|line| line.starts_with("refunds_total{")) {
        assert!(line.starts_with("refunds_total{reason=\"unknown\",currency="), "{line}");
    }
    for line in metrics.lines().filter(|line| line.starts_with("average_order_value_cents{")) {
        assert!(!line.contains("currency"), "{line}");
    }
    // `total_cost` by `leads_processed` of the newest batch of each tier, and November's 1,434.27 dollars
    // by its 865 leads.
    for (name, cost) in [
        ("leadfactory_cost_per_lead{tier=\"1\"}", 37.637_309 / 65.0),
        ("leadfactory_cost_per_lead{tier=\"2\"}", 23.233_29 / 75.0),
        ("leadfactory_cost_per_lead{tier=\"3\"}", 20.276_449_6 / 74.0),
        ("lead_factory_cost_per_lead", 1_434.267_747_8 / 865.0),
    ] {
        let value = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        let value: f64 = value.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap();
        assert!((value - cost).abs() < 1e-8, "{name} {value} {cost}");
    }
}

/// The bodies of LeadFactory's other dashboard, and its export.
async fn nested_as_leadfactory_nests_it(running: &Running, truth: &Value) {
    let other = running.ok("/api/cost/detailed-breakdown").await;
    let nested = &other["data"]["aggregated_data"];
    let report = &nested["reports"]["monthly"];
    let november = &truth["per_month"]["2026-11"];
    assert_eq!(exact(&report["spent"]), exact(november));
    assert_eq!(exact(&report["budget"]), exact(&truth["monthly_budgets"]["2026-11"]));
    let left = report["budget"].as_f64().unwrap() - november.as_f64().unwrap();
    assert!((report["remaining"].as_f64().unwrap() - left).abs() < 1e-6, "{report}");
    assert_eq!(report["operations"], nested["monthly"]);
    let mut sum = Amount::ZERO;
    for operations in nested["monthly"].as_object().unwrap().values() {
        for amount in operations.as_object().unwrap().values() {
            sum = sum.checked_add(exact(amount)).unwrap();
        }
    }
    assert_eq!(sum, exact(november), "every operation of every service");
    assert_eq!(nested["reports"]["daily"]["breakdown"], nested["daily"]);
    let insights = running.ok("/api/cost/optimization-insights").await;
    let openai = &insights["data"]["service_analysis"]["openai"];
    let each =
        openai["total_cost"].as_f64().unwrap() / openai["transaction_count"].as_f64().unwrap();
    assert!((openai["avg_cost_per_transaction"].as_f64().unwrap() - each).abs() < 1e-6, "{openai}");
    assert!(openai["cost_percentage"].as_f64().unwrap() > 10.0, "{openai}");

    let file = running.ok("/api/enhanced/export/json").await;
    let recorded = recorded("5002_optimization-recommendations");
    assert_shape(&recorded, &file["recommendations"], "export");
    assert!(!rows(&file["recommendations"]["recommendations"]).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_failed_are_counted_nowhere_also_where_calls_came_alone() {
    let fill = |folder: &Path| unpack("gpt_usage.db", &folder.join("gpt_usage.db"));
    let running = Running::start_on(&[], &[("COST_SYNC_INTERVAL", "0.1")], fill).await;
    let file = rusqlite::Connection::open(running.from.path().join("gpt_usage.db")).unwrap();
    let went_well: i64 = file
        .query_row("SELECT count(*) FROM gpt_usage WHERE success", [], |row| row.get(0))
        .unwrap();

    let services = running.ok("/api/enhanced/detailed-breakdown").await;

    assert_eq!(services["summary"]["total_transactions"], went_well);
    assert_eq!(exact(&services["summary"]["total_cost"]), "5537.3445531".parse().unwrap());
    let least = services["breakdown"][0]["min_cost"].as_f64().unwrap();
    assert!(least > 0.0, "{services}");
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_shifts_and_anomalies_are_found_and_the_forecast_begins_tomorrow() {
    let running = Running::start(&[], &[]).await;
    let structure = &truth()["structure"];

    for service in ["openai", "gpu", "semrush", "screenshotone", "sendgrid"] {
        let path = format!("/api/enhanced/cost-trends?days_back=119&service_type={service}");
        let trends = running.ok(&path).await;
        let dates = |list: &Value| -> Vec<String> {
            rows(list).iter().map(|row| row["date"].as_str().unwrap().to_owned()).collect()
        };
        let planted = |list: &Value| -> Vec<String> {
            let own = rows(list).iter().filter(|row| row["service"] == service);
            own.map(|row| row["date"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(
            dates(&trends["change_points"]),
            planted(&structure["level_shifts"]),
            "{service}"
        );
        let found = dates(&trends["anomalies"]);
        for date in planted(&structure["anomalies"]) {
            assert!(found.contains(&date), "{service} {date} is not among {found:?}");
        }
        assert!(found.len() <= planted(&structure["anomalies"]).len() + 2, "{service} {found:?}");

        let history = rows(&trends["historical_data"]);
        assert_eq!(history.last().unwrap()["partial"], true);
        let forecasts = &trends["forecasts"];
        assert_eq!(forecasts["forecast_start_date"], "2026-11-16");
        assert_eq!(forecasts["forecast_end_date"], "2026-12-15");
        assert_eq!(rows(&forecasts["ensemble_forecast"]["values"]).len(), 30);
        let parts = &trends["trend_components"];
        for (place, row) in history.iter().take(rows(&parts["trend"]).len()).enumerate() {
            let of = |name: &str| parts[name][place].as_f64().unwrap();
            let sum = of("trend") + of("seasonal") + of("residuals");
            assert!((sum - row["cost"].as_f64().unwrap()).abs() < 1e-6);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_filter_and_what_cannot_be_is_refused_with_what_can() {
    let running = Running::start(&[], &[]).await;

    let gpu = running
        .ok("/api/enhanced/dashboard-data?service_filter=gpu&start_date=2026-11-01&end_date=2026-11-15")
        .await;
    let unsold =
        running.ok("/api/enhanced/dashboard-data?start_date=2020-01-01&end_date=2020-01-02").await;
    let nothing = json!({ "gross_revenue": 0.0, "net_revenue": 0.0, "transactions": 0 });
    assert_eq!(unsold["revenue_data"], nothing);
    let listed = rows(&gpu["cost_breakdown"]["breakdown"]);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["service"], "gpu");
    assert_eq!(exact(&listed[0]["total_cost"]).to_string(), "262.736789");
    assert_eq!(gpu["analytics"]["service_type"], "gpu");
    let expensive = running
        .ok("/api/enhanced/detailed-breakdown?min_cost=1000&sort_by=service&sort_order=asc")
        .await;
    let names: Vec<_> = rows(&expensive["breakdown"]).iter().map(|row| &row["service"]).collect();
    assert_eq!(names, ["gpu", "openai", "semrush"]);
    let again = running.ok("/api/enhanced/detailed-breakdown").await;
    assert_eq!(rows(&again["breakdown"]).len(), 6, "a filter leaves nothing behind");
    let unnamed = running.ok("/api/enhanced/detailed-breakdown?operation_type=unknown").await;
    assert_eq!(unnamed["summary"]["total_transactions"], 240);
    let until =
        running.ok("/api/enhanced/detailed-breakdown?end_date=2026-07-20&group_by=hour").await;
    assert_eq!(until["filters"]["start_date"], Value::Null);
    assert_eq!(until["summary"]["total_transactions"], 65);
    let failed = running.ok("/api/enhanced/detailed-breakdown?service_type=openai").await;
    assert_eq!(failed["summary"]["total_transactions"], 1_681, "calls that failed cost nothing");

    assert_eq!(
        running.refused("/api/cost/breakdown?time_period=yearly").await,
        "Invalid time_period. Must be one of: ['hourly', 'daily', 'weekly', 'monthly']"
    );
    let (status, body) = running.get("/api/enhanced/cost-trends?days_back=5").await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(body, json!({ "data_points": 6, "error": "Insufficient data for trend analysis" }));
    for path in ["?days_back=0", "?days_back=1", "?service_type=nobody"] {
        let text = running.refused(&format!("/api/cost/trends{path}")).await;
        assert_eq!(text, "Insufficient data for trend analysis");
    }
    let plain = running.ok("/api/cost/trends").await;
    assert_eq!(rows(&plain["historical_data"]).last().unwrap()["partial"], true);
    let few = running.ok("/api/cost/roi-analysis?start_date=2026-11-15&end_date=2026-11-15").await;
    assert!(!few.to_string().contains("\"error\""), "{few}");
    let until = running.ok("/api/cost/breakdown?end_date=2026-08-01").await;
    assert_eq!(until["filters"]["start_date"], "2026-07-02", "the thirty days before its end");
    for path in [
        "/api/enhanced/cost-trends?days_back=abc",
        "/api/enhanced/cost-trends?days_back=-1",
        "/api/enhanced/cost-trends?days_back=99999999999999999999",
        "/api/enhanced/cost-trends?forecast_days=366",
        "/api/enhanced/detailed-breakdown?group_by=colour",
        "/api/enhanced/detailed-breakdown?sort_by=colour",
        "/api/enhanced/detailed-breakdown?sort_order=up",
        "/api/enhanced/detailed-breakdown?min_cost=much",
        "/api/enhanced/detailed-breakdown?min_cost=inf",
        "/api/enhanced/detailed-breakdown?min_cost=5&max_cost=1",
        "/api/enhanced/detailed-breakdown?start_date=2026-02-30",
        "/api/enhanced/detailed-breakdown?start_date=0000-01-01",
        "/api/enhanced/detailed-breakdown?end_date=9999-12-31",
        "/api/enhanced/detailed-breakdown?start_date=2026-02-02&end_date=2026-02-01",
        "/api/enhanced/detailed-breakdown?start_date=2026-02-02&start_date=2026-02-01",
        "/api/enhanced/detailed-breakdown?start_date=1990-01-01&group_by=hour",
        "/api/enhanced/export/xml",
        "/api/enhanced/export/csv?export_type=everything",
        "/api/enhanced/export/csv?include_trends=perhaps",
        "/api/cost/budget-utilization?month=13",
        "/api/cost/budget-utilization?year=99999",
        "/api/cost/summary?time_period=hourly",
        "/api/cost/detailed-breakdown?group_by=hour",
    ] {
        running.refused(path).await;
    }
    let long = "x".repeat(5_000);
    running.refused(&format!("/api/enhanced/cost-trends?service_type={long}")).await;
    let (status, _) = running.get("/api/enhanced/nothing").await.unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_are_files_that_no_spreadsheet_runs() {
    let running = Running::start(&[], &[]).await;
    insert(&running, "=HYPERLINK(\"http://evil.example\")", 5_000.25).await;

    let client = Client::remote(&running.url(), None).unwrap();
    let path = "/api/enhanced/export/csv";
    let (status, bytes) = client.send(Method::GET, path, None, Bytes::new()).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(status, StatusCode::OK);
    let begin = "Enhanced Cost Dashboard Export\r\nGenerated At,2026-11-15T20:";
    assert!(text.starts_with(begin), "{text}");
    for part in
        ["\r\n\r\nDashboard Summary\r\n", "\r\n\r\nEfficiency Metrics\r\n", "\r\n\r\nForecast\r\n"]
    {
        assert!(text.contains(part), "{part}");
    }
    assert!(text.contains("\"'=HYPERLINK("), "{text}");
    assert!(!text.contains("\n=") && !text.contains(",="));

    let json = running.ok("/api/enhanced/export/json?export_type=trends").await;
    assert!(json.get("dashboard_data").is_none() && json["trend_analysis"].is_object());
    let (_, csv) = running.text("/api/cost/integrated/export/csv").await.unwrap();
    assert!(
        csv.starts_with("Metric,Value,Unit,Timestamp\r\nTotal Cost,14633.6690631,USD,"),
        "{csv}"
    );
}

/// Adds a row as LeadFactory would, and waits until it is counted.
async fn insert(running: &Running, service: &str, amount: f64) {
    let before = total(running).await;
    add_row(running, service, amount);
    let began = Instant::now();
    while total(running).await == before {
        assert!(began.elapsed() < Duration::from_secs(30), "the row does not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn add_row(running: &Running, service: &str, amount: f64) {
    let file = rusqlite::Connection::open(running.from.path().join("cost_tracking.db")).unwrap();
    file.execute(
        "INSERT INTO costs (timestamp, service, operation, amount) VALUES (?1, ?2, 'test', ?3)",
        rusqlite::params!["2026-11-15T19:59:30", service, amount],
    )
    .unwrap();
}

async fn total(running: &Running) -> Value {
    running.ok("/api/cost/realtime-summary").await["data"]["today_total"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_503_when_a_database_cannot_be_read() {
    let running = Running::start(&[], &[]).await;
    let (status, body) = running.get("/api/enhanced/health").await.unwrap();
    assert_eq!((status, &body["overall_status"]), (StatusCode::OK, &json!("healthy")));

    let path = running.from.path().join("cost_tracking.db");
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, vec![7_u8; 4_096]).unwrap();
    let (status, body) = running.get("/api/enhanced/health").await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(body["overall_status"], "unhealthy");
    assert_eq!(body["checks"]["database_cost_tracking"]["status"], "unhealthy");
    std::fs::write(&path, good).unwrap();
    running.wait(|health| health["overall_status"] == "healthy").await;

    std::fs::remove_file(running.from.path().join("purchase_metrics.db")).unwrap();
    let (status, body) = running.get("/api/cost/integrated/health").await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_503_as_long_as_there_is_nothing_to_follow() {
    for (file, why) in [
        (Some("x.db"), "x.db does not exist"),
        (Some("text.db"), "text.db is not a SQLite database"),
        (None, "no LeadFactory database found in "),
    ] {
        let from = tempfile::tempdir().unwrap();
        std::fs::write(from.path().join("text.db"), "no database, but text, and long enough")
            .unwrap();
        let names: Vec<&str> = file.into_iter().collect();
        let running = Running::spawn(from, &names, &[], &[("COST_SYNC_INTERVAL", "0.1")]);

        let thread = |health: &Value| health["checks"]["integration_thread"].clone();
        running.wait(|health| thread(health)["status"] == "unhealthy").await;

        let (status, body) = running.get("/api/enhanced/health").await.unwrap();
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
        assert_eq!(body["overall_status"], "unhealthy");
        for check in ["database_cost_tracking", "integration_thread"] {
            let check = &body["checks"][check];
            assert_eq!(check["status"], "unhealthy", "{body}");
            assert!(check["error"].as_str().unwrap().contains(why), "{body}");
        }
        let alerts = running.ok("/api/enhanced/cost-alerts").await;
        let told = row(&alerts["alerts"], &[("type", "system")]);
        assert!(told["message"].as_str().unwrap().contains(why), "{alerts}");

        let comes = running.from.path().join(file.unwrap_or("cost_tracking.db"));
        unpack("cost_tracking.db", &comes);
        let body = running.wait(|health| thread(health)["active"] == true).await;
        assert_eq!(body["overall_status"], "healthy", "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_refused_are_told_and_no_name_costs_money() {
    let running = Running::start(&[], &[("COST_SYNC_INTERVAL", "0.1")]).await;
    let before = exact(&total(&running).await);
    let body = running.ok("/api/enhanced/health").await;
    assert_eq!(body["checks"]["database_cost_tracking"], json!({ "status": "healthy" }));

    add_row(&running, "maps", f64::INFINITY);
    add_row(&running, "\t=1+1\n", 2.5);
    add_row(&running, "maps", f64::NEG_INFINITY);

    let is_told = |health: &Value| health["checks"]["database_cost_tracking"]["rows_refused"] == 2;
    let body = running.wait(is_told).await;
    assert_eq!(body["overall_status"], "healthy", "{body}");
    let alerts = running.ok("/api/enhanced/cost-alerts").await;
    let told = row(&alerts["warnings"], &[("type", "system")]);
    assert_eq!(told["message"], "2 rows of cost_tracking are refused and not counted");
    let logged = running.log();
    assert!(logged.contains("costs row ") && logged.contains("`inf` is not an amount"), "{logged}");
    assert_eq!(exact(&total(&running).await), before.checked_add("2.5".parse().unwrap()).unwrap());
    let path = "/api/enhanced/detailed-breakdown?service_type=%20%3D1%2B1%20";
    let named = running.ok(path).await;
    assert_eq!(named["breakdown"][0]["service"], " =1+1 ");
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_without_usage_are_looked_at_too_and_new_ones_are_followed() {
    let fill = |folder: &Path| {
        unpack("cost_tracking.db", &folder.join("cost_tracking.db"));
        std::fs::create_dir_all(folder.join("leadfactory/data")).unwrap();
        for name in ["ab_tests.db", "leadfactory/data/cost_aggregation.db"] {
            let file = rusqlite::Connection::open(folder.join(name)).unwrap();
            file.execute_batch("CREATE TABLE anything (id INTEGER PRIMARY KEY)").unwrap();
        }
        std::fs::write(folder.join("gpt_usage.db"), "not yet a database, for whatever reason")
            .unwrap();
    };
    let running = Running::start_on(&[], &[("COST_SYNC_INTERVAL", "0.1")], fill).await;

    let (status, body) = running.get("/api/enhanced/health").await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert_eq!(body["overall_status"], "degraded", "{body}");
    assert_eq!(body["checks"]["database_gpt_usage"]["status"], "unhealthy", "{body}");
    for name in ["cost_tracking", "ab_tests", "cost_aggregation"] {
        assert_eq!(body["checks"][format!("database_{name}")]["status"], "healthy", "{body}");
    }
    let file = running.ok("/api/cost/integrated/export/json").await;
    let names = json!(["cost_tracking", "gpt_usage", "ab_tests", "cost_aggregation"]);
    assert_eq!(file["system_info"]["databases"], names);
    assert_eq!(file["dashboard_data"]["system_health"]["databases_connected"], 4);

    std::fs::write(running.from.path().join("ab_tests.db"), vec![7_u8; 4_096]).unwrap();
    unpack("gpt_usage.db", &running.from.path().join("gpt_usage.db"));
    unpack("purchase_metrics.db", &running.from.path().join("purchase_metrics.db"));

    let is_followed = |health: &Value| health["checks"].get("database_purchase_metrics").is_some();
    let body = running.wait(is_followed).await;
    assert_eq!(body["checks"]["database_gpt_usage"]["status"], "healthy", "{body}");
    assert_eq!(body["checks"]["database_ab_tests"]["status"], "unhealthy", "{body}");
    running.wait(|health| health["checks"]["integration_thread"]["active"] == true).await;
    let dashboard = running.ok("/api/enhanced/dashboard-data").await;
    assert_eq!(dashboard["system_health"]["databases_connected"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn leadfactorys_variables_count() {
    let running = Running::start(
        &[],
        &[
            ("BUDGET_GATE_THRESHOLD", "123.5"),
            ("HIGH_COST_THRESHOLD", "20.0"),
            ("VOLATILITY_WARNING_THRESHOLD", "0.01"),
            ("ENABLE_PROMETHEUS_METRICS", "False"),
            ("COST_SYNC_INTERVAL", "0.2"),
            ("ANALYTICS_CACHE_DURATION", "0"),
            ("FLASK_SECRET_KEY", "secret"),
        ],
    )
    .await;

    let used = running.ok("/api/cost/budget-utilization?year=2026&month=6").await;
    assert_eq!(exact(&used["budget"]).to_string(), "123.5");
    let expensive = running.ok("/api/enhanced/detailed-breakdown").await;
    let expensive = rows(&expensive["recent_high_cost_transactions"]);
    assert!(
        !expensive.is_empty() && expensive.iter().all(|row| row["amount"].as_f64().unwrap() > 20.0)
    );
    let said = running.ok("/api/enhanced/optimization-recommendations").await;
    let jumps = row(&said["recommendations"], &[("type", "volatility_management")]);
    let alerts = running.ok("/api/enhanced/cost-alerts").await;
    let told = row(&alerts["warnings"], &[("type", "volatility")]);
    assert_eq!(jumps["priority"], told["severity"], "one finding is as urgent wherever it is told");
    let (status, _) = running.get("/metrics").await.unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_gate_is_the_thresholds_and_not_the_months_budget() {
    for (threshold, status) in [("1434.267747", "1"), ("1434.27", "0")] {
        let running = Running::start(&[], &[("BUDGET_GATE_THRESHOLD", threshold)]).await;

        let (_, metrics) = running.text("/metrics").await.unwrap();

        let line = format!("leadfactory_budget_gate_status {status}\n");
        assert!(metrics.contains(&line), "{threshold}: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn debug_logs_what_is_asked_without_its_secrets() {
    let running = Running::start(&["--debug"], &[]).await;

    running.ok("/api/cost/realtime-summary?key=a-secret").await;

    let logged = running.log();
    let line = logged.lines().find(|line| line.contains("/api/cost/realtime-summary")).unwrap();
    for part in
        ["DEBUG", "method=GET", "path=\"/api/cost/realtime-summary\"", "status=200", "took="]
    {
        assert!(line.contains(part), "{line}");
    }
    assert!(!logged.contains("a-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_need_a_key_and_other_sites_are_kept_out() {
    let key = [("OUTLAY_DIALECTS_LEADFACTORY_KEY", "a long enough key")];
    let data = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut child = Command::new(env!("CARGO_BIN_EXE_outlay"))
        .env_clear()
        .envs(key)
        .args(["leadfactory", "--no-integration", "--timezone", "UTC", "--listen", "127.0.0.1:0"])
        .args(["--port", &port.to_string(), "--data"])
        .arg(data.path().join("outlay"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let status = async |path: &str, token: Option<&str>| {
        let client = Client::remote(&url, token.map(ToOwned::to_owned)).unwrap();
        client.send(Method::GET, path, None, Bytes::new()).await.map(|(status, _)| status.as_u16())
    };
    let began = Instant::now();
    while status("/healthz", None).await.is_err() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not start");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let path = "/api/cost/realtime-summary";
    assert_eq!(status(path, None).await.unwrap(), 401);
    assert_eq!(status(path, Some("another key")).await.unwrap(), 401);
    assert_eq!(status(path, Some("a long enough key")).await.unwrap(), 200);
    assert_eq!(status(&format!("{path}?key=a%20long%20enough%20key"), None).await.unwrap(), 200);
    assert_eq!(status("/metrics", None).await.unwrap(), 401);
    // There are no batches here, and the metrics are none the less.
    assert_eq!(status("/metrics", Some("a long enough key")).await.unwrap(), 200);
    let sockets = "/socket.io/?EIO=4&transport=polling";
    assert_eq!(status(sockets, None).await.unwrap(), 401);
    assert_eq!(status(&format!("{sockets}&key=a%20long%20enough%20key"), None).await.unwrap(), 200);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_is_let_in_but_not_what_only_seems_to_be_it() {
    let running = Running::start(&[], &[]).await;
    let with = async |name: &str, value: &str| {
        let address = format!("127.0.0.1:{}", running.port);
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let host = if name == "Host" { String::new() } else { format!("Host: {address}\r\n") };
        let request = format!(
            "GET /api/cost/realtime-summary HTTP/1.1\r\n{host}{name}: {value}\r\nConnection: close\r\n\r\n"
        );
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };

    assert_eq!(with("Accept", "*/*").await, 200);
    assert_eq!(with("Host", "localhost:5002").await, 200);
    assert_eq!(with("Origin", "http://localhost:3000").await, 200);
    assert_eq!(with("Host", "evil.example").await, 421);
    assert_eq!(with("Origin", "https://evil.example").await, 403);
    assert_eq!(with("Origin", "null").await, 403);
    assert_eq!(with("X-Forwarded-For", "203.0.113.9").await, 401);
    assert_eq!(with("Authorization", "Bearer wrong").await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_and_other_methods_are_told_where_to_go() {
    let running = Running::start(&[], &[("OUTLAY_SERVER_HOSTS", "costs.lan")]).await;
    let asked = async |method: &str, path: &str, host: &str| {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let address = format!("127.0.0.1:{}", running.port);
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer.to_lowercase()
    };

    let here = asked("GET", "/", "localhost:5002").await;
    assert!(here.starts_with("http/1.1 307"), "{here}");
    assert!(here.contains("location: http://127.0.0.1:"), "{here}");
    let there = asked("GET", "/", "costs.lan:5002").await;
    assert!(there.starts_with("http/1.1 200"), "{there}");
    assert!(there.contains("pages are at http://127.0.0.1:"), "{there}");
    assert!(!there.contains("costs.lan"), "{there}");
    let options = asked("OPTIONS", "/api/cost/breakdown", "localhost").await;
    assert!(options.starts_with("http/1.1 200"), "{options}");
    assert!(options.contains("allow: get, head, options"), "{options}");
    let posted = asked("POST", "/api/cost/breakdown", "localhost").await;
    assert!(posted.starts_with("http/1.1 405"), "{posted}");
    assert_eq!(posted.matches("allow: ").count(), 1, "{posted}");
    let nowhere = asked("OPTIONS", "/api/cost/nothing", "localhost").await;
    assert!(nowhere.starts_with("http/1.1 404"), "{nowhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn members_see_their_own_account() {
    let running = Running::start(&[], &[]).await;
    let outlay = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_outlay"))
            .env_clear()
            .env("OUTLAY_DATA", running.data.path().join("outlay"))
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let token = |user: &str| {
        outlay(&["token", "--user", user]).split_whitespace().last().unwrap().to_owned()
    };
    let ada = token("ada");
    let client = Client::remote(&running.url(), Some(ada)).unwrap();

    let body: Value = client.get("/api/enhanced/detailed-breakdown").await.unwrap();
    assert_eq!(body["summary"]["total_transactions"], 0, "{body}");
    let body: Value = client.get(&format!("/api/cost/roi-analysis?{ALL_DAYS}")).await.unwrap();
    assert_eq!(body["analysis_type"], "cost_only", "revenue is nobody's own");
    assert_eq!(body["total_costs"], 0.0);
    let body: Value = client.get("/api/cost/budget-utilization").await.unwrap();
    assert_eq!((&body["budget"], &body["alerts"]), (&json!(0.0), &json!([])), "nor is the budget");
    let sent = client.send(Method::GET, "/metrics", None, Bytes::new()).await.unwrap();
    assert_eq!(sent.0, StatusCode::FORBIDDEN, "metrics are of all accounts");
}

/// Where npm put the client that LeadFactory's page uses, if anybody asked it to.
fn socket_client() -> Option<PathBuf> {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    web.join("node_modules/socket.io-client").is_dir().then_some(web)
}

const LISTENER: &str = r#"
const { createRequire } = require("node:module");
const { io } = createRequire(process.argv[1] + "/package.json")("socket.io-client");
const [, , url, transport] = process.argv;
const socket = io(url, { transports: [transport], reconnection: false });
const tell = (event, body) => console.log(JSON.stringify({ event, body }));
socket.on("connect", () => tell("connect", socket.io.engine.transport.name));
socket.on("connect_error", (error) => tell("connect_error", String(error)));
for (const event of ["enhanced_initial_data", "integrated_cost_update", "cost_update", "subscription_error"]) {
  socket.on(event, (body) => tell(event, body));
}
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { event, body } = JSON.parse(line);
  socket.emit(event, body);
});
"#;

/// The real client, in a process of its own.
struct Listener {
    child: tokio::process::Child,
    lines: tokio::io::Lines<tokio::io::BufReader<tokio::process::ChildStdout>>,
}

impl Listener {
    fn start(web: &Path, url: &str, transport: &str) -> Self {
        use tokio::io::AsyncBufReadExt;
        let mut child = tokio::process::Command::new("node")
            .args(["-e", LISTENER, "--"])
            .arg(web)
            .args([url, transport])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = tokio::io::BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next message of that name for which `is_so` holds.
    async fn hear(&mut self, event: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let heard = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("it hears no more");
                let mut told: Value = serde_json::from_str(&line).unwrap();
                if told["event"] == event && is_so(&told["body"]) {
                    return told["body"].take();
                }
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(20), heard).await;
        heard.unwrap_or_else(|_| panic!("no {event} came"))
    }

    async fn emit(&mut self, event: &str, body: Value) {
        use tokio::io::AsyncWriteExt;
        let line = format!("{}\n", json!({ "event": event, "body": body }));
        self.child.stdin.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_socket_client_hears_what_it_asked_for_over_both_transports() {
    let Some(web) = socket_client() else {
        eprintln!("left out: web/node_modules has no socket.io-client; run `npm ci` in web");
        return;
    };
    let running = Running::start(&[], &[]).await;
    let truth = truth();
    let mut spent = exact(&truth["today_total"]);

    for transport in ["polling", "websocket"] {
        let mut listener = Listener::start(&web, &running.url(), transport);
        assert_eq!(listener.hear("connect", |_| true).await, transport);
        let first = listener.hear("enhanced_initial_data", |_| true).await;
        let recorded_first = recorded("5001_integrated_dashboard");
        assert_shape(&recorded_first, &first["dashboard_data"], "initial");
        assert_eq!(first["dashboard_data"], first["dashboard"]);
        assert_eq!(first["efficiency_metrics"], first["efficiency"]);
        assert!(first["alerts"]["total_count"].is_number());
        let cost = listener.hear("cost_update", |_| true).await;
        assert_eq!(exact(&cost["daily_total"]), spent);

        listener.emit("subscribe_enhanced_updates", json!({})).await;
        let all = listener.hear("integrated_cost_update", |_| true).await;
        assert_shape(&recorded("socketio_integrated_cost_update")["data"], &all, "update");
        assert_eq!(exact(&all["daily_total"]), spent);

        // A new row in LeadFactory's database reaches the page by itself.
        add_row(&running, "gpu", 2.5);
        spent = spent.checked_add("2.5".parse().unwrap()).unwrap();
        let new = listener
            .hear("integrated_cost_update", |body| exact(&body["daily_total"]) == spent)
            .await;
        assert_eq!(new["recent_transactions"][0]["operation"], "test");

        let wish =
            json!({ "types": ["dashboard", "alerts"], "filters": { "service_type": "openai" } });
        listener.emit("subscribe_enhanced_updates", wish).await;
        let openai =
            listener.hear("integrated_cost_update", |body| body.get("alerts").is_some()).await;
        let services: Vec<_> = openai["service_breakdown"].as_object().unwrap().keys().collect();
        assert_eq!(services, ["openai"]);
        assert!(openai.get("efficiency_score").is_none());

        listener.emit("subscribe_cost_updates", json!({ "types": ["all"] })).await;
        listener.hear("cost_update", |body| exact(&body["daily_total"]) == spent).await;
        // Neither subscription takes anything from the other.
        add_row(&running, "gpu", 1.5);
        spent = spent.checked_add("1.5".parse().unwrap()).unwrap();
        listener.hear("cost_update", |body| exact(&body["daily_total"]) == spent).await;
        // The two come in any order, so the one before may have been passed over.
        add_row(&running, "openai", 0.5);
        spent = spent.checked_add("0.5".parse().unwrap()).unwrap();
        let openai = listener.hear("integrated_cost_update", |_| true).await;
        let services: Vec<_> = openai["service_breakdown"].as_object().unwrap().keys().collect();
        assert_eq!(services, ["openai"]);
        while exact(&total(&running).await) != spent {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        listener.emit("subscribe_cost_updates", json!({ "types": ["nonsense"] })).await;
        let error = listener.hear("subscription_error", |_| true).await;
        assert!(error["error"].as_str().unwrap().starts_with("Invalid types"));
    }
}
