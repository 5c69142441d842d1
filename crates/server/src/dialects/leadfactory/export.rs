//! Everything in a file.

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use outlay_domain::usage::question::Every;
use serde_json::{Value, json};

use super::breakdown::PERIODS;
use super::dashboard::{alerts_body, data, efficiency_body};
use super::desk::{Desk, Selection};
use super::error::Refused;
use super::optimization::recommendations;
use super::params::Params;
use super::status::Status;
use super::trends::body_if_any;
use super::wire::unsigned_zeros;

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
}

impl Form {
    fn read(word: &str) -> Result<Self, Refused> {
        match word {
            "json" => Ok(Self::Json),
            "csv" => Ok(Self::Csv),
            other => {
                let other: String = other.chars().take(40).collect();
                Err(Refused::bad(format!(
                    "Unsupported format: {other}. Must be one of: ['json', 'csv']"
                )))
            }
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

/// `GET /api/enhanced/export/{format}`.
pub async fn enhanced(
    desk: Desk,
    Path(format): Path<String>,
    params: Params,
) -> Result<Response, Refused> {
    #[derive(Clone, Copy, PartialEq)]
    enum What {
        Dashboard,
        Trends,
        Recommendations,
    }
    let words = [
        ("dashboard", What::Dashboard),
        ("trends", What::Trends),
        ("recommendations", What::Recommendations),
    ];
    let form = Form::read(&format)?;
    let what = params.choice("export_type", &words, What::Dashboard)?;
    let period = params.choice("time_period", &PERIODS, Every::Month)?;
    let with_trends = params.flag("include_trends", true)? && what != What::Recommendations;
    let with_advice = params.flag("include_recommendations", true)? && what != What::Trends;
    let (type_word, period_word) = (
        params.one("export_type")?.unwrap_or("dashboard"),
        params.one("time_period")?.unwrap_or("monthly"),
    );
    let mut body = json!({
        "export_metadata": {
            "generated_at": desk.stamp(),
            "export_type": type_word,
            "time_period": period_word,
            "format": form.word(),
            "includes": { "trends": with_trends, "recommendations": with_advice },
        },
    });
    let overview = desk.overview(&Selection::default()).await?;
    if what == What::Dashboard {
        body["dashboard_data"] = data(&desk, None, period, None).await?;
        body["efficiency_metrics"] = efficiency_body(&desk, &overview).await?;
        body["alerts"] = alerts_body(&desk, &overview).await?;
    }
    if with_trends {
        let (back, ahead) = if period == Every::Month { (90, 30) } else { (30, 7) };
        body["trend_analysis"] = body_if_any(&desk, None, back, ahead).await?;
    }
    if with_advice {
        body["recommendations"] = recommendations(&desk, &overview).unwrap_or_else(|| json!({}));
    }
    let name = format!("enhanced_cost_report_{type_word}_{period_word}");
    send(form, &name, body, enhanced_rows)
}

/// `GET /api/cost/integrated/export/{format}`.
pub async fn integrated(
    desk: Desk,
    Path(format): Path<String>,
    params: Params,
) -> Result<Response, Refused> {
    let form = Form::read(&format)?;
    let period = params.choice("time_period", &PERIODS, Every::Month)?;
    let word = params.one("time_period")?.unwrap_or("monthly");
    let overview = desk.overview(&Selection::default()).await?;
    let following = Status::of(&desk.state).read();
    let body = json!({
        "export_timestamp": desk.stamp(),
        "time_period": word,
        "dashboard_data": data(&desk, None, period, None).await?,
        "efficiency_metrics": efficiency_body(&desk, &overview).await?,
        "system_info": {
            "integration_version": "1.0.0",
            "databases": following.databases.iter().map(|seen| &seen.name).collect::<Vec<_>>(),
            "prometheus_enabled": desk.config().dialects.leadfactory.prometheus_metrics,
        },
    });
    send(form, &format!("integrated_cost_data_{word}"), body, integrated_rows)
}

fn send(
    form: Form,
    name: &str,
    body: Value,
    rows: fn(&Value) -> Vec<Vec<String>>,
) -> Result<Response, Refused> {
    let body = &unsigned_zeros(body);
    let (kind, text) = match form {
        Form::Json => {
            let text =
                serde_json::to_string_pretty(body).map_err(|error| Refused::internal(&error))?;
            ("application/json", text)
        }
        Form::Csv => {
            let text = csv(&rows(body)).map_err(|error| Refused::internal(&error))?;
            ("text/csv; charset=utf-8", text)
        }
    };
    let disposition = format!("attachment; filename={name}.{}", form.word());
    let headers =
        [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, text).into_response())
}

fn csv(rows: &[Vec<String>]) -> Result<String, csv::Error> {
    // The writer would make two quotes of an empty line.
    let parts: Vec<String> =
        rows.split(Vec::is_empty).map(table).collect::<Result<_, csv::Error>>()?;
    Ok(parts.join("\r\n"))
}

fn table(rows: &[Vec<String>]) -> Result<String, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(|error| error.into_error())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The text of a value in a table. What a spreadsheet would take for a formula is made a text.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => guarded(text),
        other => other.to_string(),
    }
}

fn guarded(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if is_formula { format!("'{text}") } else { text.to_owned() }
}

fn line(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn pair(name: &str, value: &Value) -> Vec<String> {
    vec![name.to_owned(), cell(value)]
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn enhanced_rows(body: &Value) -> Vec<Vec<String>> {
    let about = &body["export_metadata"];
    let mut rows = vec![
        line(&["Enhanced Cost Dashboard Export"]),
        pair("Generated At", &about["generated_at"]),
        pair("Export Type", &about["export_type"]),
        pair("Time Period", &about["time_period"]),
    ];
    if let Some(dashboard) = body.get("dashboard_data") {
        let summary = &dashboard["cost_breakdown"]["summary"];
        let (efficiency, alerts) = (&body["efficiency_metrics"], &body["alerts"]);
        let course = &efficiency["efficiency_trends"];
        let count = |name: &str| json!(alerts[name].as_array().map_or(0, Vec::len));
        rows.extend([
            vec![],
            line(&["Dashboard Summary"]),
            pair("Total Cost", &summary["total_cost"]),
            pair("Total Transactions", &summary["total_transactions"]),
            pair("Avg Transaction Cost", &summary["avg_transaction_cost"]),
            vec![],
            line(&["Efficiency Metrics"]),
            pair("Optimization Score", &efficiency["optimization_score"]),
            pair("Growth Rate %", &course["growth_rate"]),
            pair("Volatility", &course["volatility"]),
            pair("Trend Direction", &course["trend_direction"]),
            vec![],
            line(&["Alerts Summary"]),
            pair("High Priority Alerts", &count("alerts")),
            pair("Warnings", &count("warnings")),
            pair("Info Messages", &count("info")),
            vec![],
            line(&["Costs by Service"]),
            line(&["Service", "Total Cost", "Transactions", "Avg Cost", "Share %"]),
        ]);
        rows.extend(items(&dashboard["cost_breakdown"]["breakdown"]).map(|row| {
            let fields =
                ["service", "total_cost", "transaction_count", "avg_cost", "cost_percentage"];
            fields.map(|field| cell(&row[field])).to_vec()
        }));
    }
    if let Some(trends) = body.get("trend_analysis") {
        rows.extend([vec![], line(&["Cost Trends"]), line(&["Date", "Cost", "Transactions"])]);
        rows.extend(items(&trends["historical_data"]).map(|row| {
            ["date", "cost", "transaction_count"].map(|field| cell(&row[field])).to_vec()
        }));
        rows.extend([vec![], line(&["Forecast"]), line(&["Date", "Cost", "80% Low", "80% High"])]);
        let forecast = &trends["forecasts"];
        let bounds = &forecast["prediction_intervals"]["intervals"]["80%"];
        let ensemble = &forecast["ensemble_forecast"];
        for (place, date) in items(&ensemble["dates"]).enumerate() {
            rows.push(vec![
                cell(date),
                cell(&ensemble["values"][place]),
                cell(&bounds["lower_bounds"][place]),
                cell(&bounds["upper_bounds"][place]),
            ]);
        }
    }
    if let Some(recommendations) = body.get("recommendations") {
        rows.extend([
            vec![],
            line(&["Recommendations"]),
            line(&["Priority", "Type", "Title", "Description", "Estimated Savings"]),
        ]);
        rows.extend(items(&recommendations["recommendations"]).map(|row| {
            let fields = ["priority", "type", "title", "description", "estimated_savings"];
            fields.map(|field| cell(&row[field])).to_vec()
        }));
    }
    rows
}

fn integrated_rows(body: &Value) -> Vec<Vec<String>> {
    let summary = &body["dashboard_data"]["cost_breakdown"]["summary"];
    let at = &body["export_timestamp"];
    let row = |name: &str, value: &Value, unit: &str| {
        vec![name.to_owned(), cell(value), unit.to_owned(), cell(at)]
    };
    vec![
        line(&["Metric", "Value", "Unit", "Timestamp"]),
        row("Total Cost", &summary["total_cost"], "USD"),
        row("Total Transactions", &summary["total_transactions"], "count"),
        row("Avg Transaction Cost", &summary["avg_transaction_cost"], "USD"),
        row("Optimization Score", &body["efficiency_metrics"]["optimization_score"], "score"),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_numbers_stay_numbers() {
        assert_eq!(cell(&json!("=1+1")), "'=1+1");
        assert_eq!(cell(&json!("@x")), "'@x");
        assert_eq!(cell(&json!(-2.5)), "-2.5");
        assert_eq!(cell(&json!("plain")), "plain");
    }

    #[test]
    fn empty_rows_are_empty_lines() {
        let text = csv(&[line(&["a", "b"]), vec![], line(&["c"])]).unwrap();
        assert_eq!(text, "a,b\r\n\r\nc\r\n");
    }
}
