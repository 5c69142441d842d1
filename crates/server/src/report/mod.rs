//! The report of a month as one page of HTML to print: it needs nothing else, and runs nothing.
//!
//! What it tells is a [`MonthReport`]; how that looks stands here alone.

mod chart;
mod html;
mod sections;

use chrono::NaiveDate;
use outlay_engine::insights::Analysis;
use outlay_engine::insights::month_report::MonthReport;

use html::escape;

/// What the page may do when a browser opens it: show its own styles.
pub const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

const STYLE: &str = include_str!("style.css");

/// The page.
pub fn page(report: &MonthReport) -> String {
    let analysis = report.analysis.as_ref();
    let odd: Vec<NaiveDate> = analysis.into_iter().flat_map(odd_days).collect();
    let groups = report.groups.iter().map(|(title, answered)| sections::groups(title, answered));
    let watched = report.watched.as_ref().map_or_else(String::new, |(budgets, alerts)| {
        sections::budgets(budgets) + &sections::alerts(alerts, report.tz)
    });
    [
        head(report),
        sections::figures(&report.totals),
        chart::chart(&report.spent, &odd),
        format!("<section class=\"grid\">{}</section>", groups.collect::<String>()),
        sections::unusual(analysis, report.days),
        watched,
        sections::ahead(analysis, report.days, report.today),
        format!("{NOTES}</main></body></html>"),
    ]
    .concat()
}

fn head(report: &MonthReport) -> String {
    let name = report.days.first().format("%B %Y").to_string();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Spend in {name}</title><style>{STYLE}</style></head><body><main>\
         <header><p class=\"brand\">Outlay</p><h1>Spend in {name}</h1>\
         <p class=\"sub\">{} to {}, {}{}</p></header>",
        report.days.first(),
        report.days.last(),
        escape(report.tz.name()),
        if report.today <= report.days.last() { ". The month is not over." } else { "" },
    )
}

fn odd_days(analysis: &Analysis) -> Vec<NaiveDate> {
    analysis.anomalies.iter().map(|anomaly| analysis.date(anomaly.index)).collect()
}

const NOTES: &str = "<section class=\"notes\"><h2>How these figures come about</h2>\
<p>Spend is the sum of exact charges, shown to the cent. The month before is the calendar month before. \
Budgets show the window that ran when the month ended, with what was carried over into it. Unusual days, levels and \
the forecast are estimates in dollars, made from up to 180 days before the month ended. Usage without a known \
price is in no figure.</p></section>";
