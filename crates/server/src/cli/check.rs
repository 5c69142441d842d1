//! `outlay check`: whether everything that is stored is what was written.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::Globals;
use super::client::CliError;

/// Runs `outlay check`; exits with 1 when something is wrong.
pub async fn run(globals: &Globals) -> Result<ExitCode, CliError> {
    let client = globals.client().await?;
    let checked = client.post("/api/v1/check", &json!({})).await;
    client.close().await;
    let report: Value = checked?;
    globals.output().show(&report, as_text)?;
    Ok(if report["ok"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn as_text(report: &Value) -> String {
    let looked_at = format!(
        "{} events on {} accounts; {} facts in {} segments and {} commits of the log; {} counters; {} \
         ledgers; {} subscriptions with {} limits; {} keys",
        report["events"],
        report["accounts"],
        report["facts"],
        report["segments"],
        report["log_batches"],
        report["counters"],
        report["ledgers"],
        report["subscriptions"],
        report["limits"],
        report["keys"],
    );
    let findings = report["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    if findings.is_empty() {
        return format!("in order: {looked_at}");
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = findings.iter().map(|finding| {
        format!(
            "{}: {}\n  {}",
            text(&finding["place"]),
            text(&finding["detail"]),
            text(&finding["remedy"])
        )
    });
    let lines: Vec<_> = lines.collect();
    format!("{}\n\n{} found; read {looked_at}", lines.join("\n"), findings.len())
}
