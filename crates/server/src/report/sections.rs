//! The parts of the page, each made from what it tells of.

use std::fmt::Write;

use chrono::NaiveDate;
use chrono_tz::Tz;
use outlay_domain::usage::question::{Group, Value};
use outlay_engine::figure_text::amount_text;
use outlay_engine::insights::month::Month;
use outlay_engine::insights::month_report::{BudgetLine, OpenedAlerts};
use outlay_engine::insights::{Analysis, Days};
use outlay_engine::usage::Answered;

use super::html::escape;

/// The totals beside those of the month before, and what has no price.
pub fn figures(totals: &Answered) -> String {
    let now = &totals.answer.total.now;
    let before = totals.answer.total.before.as_deref().unwrap_or_default();
    let (spent, was) = (nanos(now), nanos(before));
    let change = part(spent - was, was).map_or_else(
        || "nothing in the month before".to_owned(),
        |change| format!("{:+.1} % on the month before", change * 100.0),
    );
    let unpriced = count(now, 2);
    let mut text = format!(
        "<section class=\"figures\"><div><p>Spend</p><strong>{}</strong><small>{change}</small></div>\
         <div><p>Month before</p><strong>{}</strong><small>{} events</small></div>\
         <div><p>Events</p><strong>{}</strong><small>{unpriced} without a price</small></div></section>",
        amount_text(spent),
        amount_text(was),
        count(before, 1),
        count(now, 1),
    );
    if unpriced > 0 {
        let who = if unpriced == 1 {
            "One event has".to_owned()
        } else {
            format!("{unpriced} events have")
        };
        let _ = write!(
            text,
            "<p class=\"flag\">{who} no known price. What was not priced is in no figure of spend on \
             this page: it is unknown, not free.</p>"
        );
    }
    text
}

/// Spend by group; nothing where no group has a name.
pub fn groups(title: &str, answered: &Answered) -> String {
    let total = nanos(&answered.answer.total.now);
    let mut rows = String::new();
    for row in &answered.answer.rows {
        let spent = nanos(&row.values.now);
        let was = row.values.before.as_deref().map_or(0, nanos);
        if spent == 0 && was == 0 {
            continue;
        }
        let name = match &row.group {
            Group::Of(key) => key.first().cloned().flatten(),
            Group::Other => Some("everything else".into()),
        };
        let share = part(spent, total).unwrap_or_default() * 100.0;
        let change = part(spent - was, was)
            .map_or_else(|| "new".to_owned(), |change| format!("{:+.0} %", change * 100.0));
        let _ = write!(
            rows,
            "<tr><th>{}</th><td>{}</td><td>{share:.0} %</td><td>{change}</td></tr>",
            name.as_deref().map_or_else(|| "<i>none</i>".to_owned(), escape),
            amount_text(spent),
        );
    }
    // What nothing was told of has no table.
    let is_told = answered.answer.rows.iter().any(|row| match &row.group {
        Group::Of(key) => key.first().is_some_and(Option::is_some),
        Group::Other => true,
    });
    if rows.is_empty() || !is_told {
        return String::new();
    }
    format!(
        "<article><h2>{title}</h2><table><thead><tr><th></th><td>Spend</td><td>Share</td>\
         <td>Change</td></tr></thead><tbody>{rows}</tbody></table></article>"
    )
}

/// Unusual days of the month, and new levels.
pub fn unusual(analysis: Option<&Analysis>, days: Days) -> String {
    let is_own = |date: NaiveDate| days.first() <= date && date <= days.last();
    let mut items = String::new();
    let mut tell = |date: NaiveDate, what: String| {
        if is_own(date) {
            let _ = write!(items, "<li><b>{}</b>: {what}</li>", date.format("%-d %B"));
        }
    };
    if let Some(analysis) = analysis {
        for anomaly in &analysis.anomalies {
            let (value, expected) = (anomaly.value, anomaly.expected.max(0.0));
            let what = format!("{value:.2} spent, about {expected:.2} expected.");
            tell(analysis.date(anomaly.index), what);
        }
        for change in &analysis.changes {
            let (before, after) = (change.before.max(0.0), change.after.max(0.0));
            let what =
                format!("the level went from about {before:.2} to {after:.2} a day, and stayed.");
            tell(analysis.date(change.index), what);
        }
    }
    let said = match (analysis, items.is_empty()) {
        (None, _) => "<p>Too few days with usage to tell what is usual.</p>".to_owned(),
        (_, true) => "<p>No day was unusual, and the level did not change.</p>".to_owned(),
        (_, false) => format!("<ul>{items}</ul>"),
    };
    format!("<section><h2>Unusual days and new levels</h2>{said}</section>")
}

/// The budgets whose window ran when the month ended; nothing where there are none.
pub fn budgets(lines: &[BudgetLine]) -> String {
    let rows: String = lines.iter().map(budget).collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "<section><h2>Budgets</h2><div class=\"sideways\"><table><thead><tr><th>Budget</th><td>Window</td><td>Spent</td>\
         <td>Available</td><td>Used</td></tr></thead><tbody>{rows}</tbody></table></div></section>"
    )
}

fn budget(line: &BudgetLine) -> String {
    let (name, window, spent, available, is_over) = match line {
        BudgetLine::Unjudged { name, why } => {
            let (name, why) = (escape(name), escape(why));
            return format!("<tr><th>{name}</th><td class=\"why\" colspan=\"4\">{why}</td></tr>");
        }
        BudgetLine::Judged { name, window, spent, available, is_over } => {
            (name, window, *spent, *available, *is_over)
        }
    };
    let class = if is_over { " class=\"over\"" } else { "" };
    let day = |date: &NaiveDate| date.format("%-d %b").to_string();
    format!(
        "<tr{class}><th>{}</th><td>{} – {}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        escape(name),
        day(&window.0),
        day(&window.1),
        amount_text(spent),
        amount_text(available),
        // Rounded down: all of it is used when it is, and not before.
        part(spent, available).map_or_else(
            || "–".to_owned(),
            |share| format!("{:.0} %", (share * 100.0 + 1e-9).floor())
        ),
    )
}

/// The alerts that opened in the month, the newest by name.
pub fn alerts(opened: &OpenedAlerts, tz: Tz) -> String {
    let OpenedAlerts { count, newest } = opened;
    let has_more = usize::try_from(*count).is_ok_and(|count| count > newest.len());
    let words = match count {
        0 => "No alert opened in this month.".to_owned(),
        1 => "One alert opened in this month.".to_owned(),
        count if has_more => format!("{count} alerts opened in this month; the newest:"),
        count => format!("{count} alerts opened in this month."),
    };
    let mut rows = String::new();
    for alert in newest {
        let _ = write!(
            rows,
            "<tr><th>{}</th><td>{}</td><td>{}</td></tr>",
            escape(&alert.title),
            alert.opened_at.with_timezone(&tz).format("%-d %b"),
            alert.state.as_str(),
        );
    }
    let table = match newest.len() {
        0 => String::new(),
        _ => format!(
            "<table><thead><tr><th>Alert</th><td>Opened</td><td>Now</td></tr></thead>\
             <tbody>{rows}</tbody></table>"
        ),
    };
    format!("<section><h2>Alerts</h2><p>{words}</p>{table}</section>")
}

/// What the month that follows will come to.
pub fn ahead(analysis: Option<&Analysis>, days: Days, today: NaiveDate) -> String {
    let next = days.last().succ_opt().and_then(Month::of);
    let forecast = analysis.and_then(|analysis| {
        let (next, forecast) = (next?.days(), analysis.forecast.as_ref()?);
        let interval = forecast.intervals.iter().find(|one| (one.level - 0.8).abs() < 1e-9)?;
        let places = (0..forecast.expected.len()).filter(|place| {
            let date = analysis.date(analysis.values.len() + place);
            next.first() <= date && date <= next.last()
        });
        let sum = |values: &[f64]| places.clone().map(|place| values[place]).sum::<f64>();
        let covered = i64::try_from(places.clone().count()).unwrap_or_default();
        (covered == next.count()).then(|| {
            format!(
                "<p>About <b>${:.2}</b> in {}, as the days before say. Were all days at the lower or \
                 the upper edge of their 80 % ranges, ${:.2} or ${:.2}.</p>",
                sum(&forecast.expected),
                next.first().format("%B %Y"),
                sum(&interval.low).max(0.0),
                sum(&interval.high),
            )
        })
    });
    let forecast = forecast.unwrap_or_else(|| {
        let why =
            if today <= days.last() { "the month is not over" } else { "too few days are known" };
        format!("<p>There is none: {why}.</p>")
    });
    format!("<section><h2>The month ahead</h2>{forecast}</section>")
}

fn nanos(values: &[Value]) -> i128 {
    match values.first() {
        Some(Value::Amount { nanos }) => *nanos,
        _ => 0,
    }
}

fn count(values: &[Value], at: usize) -> i128 {
    match values.get(at) {
        Some(Value::Count(count)) => *count,
        _ => 0,
    }
}

/// One amount over another; `None` where that is nothing.
#[allow(clippy::cast_precision_loss)]
fn part(amount: i128, whole: i128) -> Option<f64> {
    (whole > 0).then(|| amount as f64 / whole as f64)
}
