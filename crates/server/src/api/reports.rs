//! What a month came to, as a page to print.

#![allow(unused_qualifications, reason = "what utoipa writes for `params(…)`")]

use std::fmt::Write;
use std::sync::LazyLock;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use outlay_domain::people::Act;
use outlay_domain::usage::question::{Attribute, Every, Group, Measure, Value};
use outlay_engine::figure_text::amount_text;
use outlay_engine::insights::budgets::Month;
use outlay_engine::insights::{Analysis, Course, Days, SpendQuestion};
use outlay_engine::usage::{Answered, UsageQuestion};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Scoped;
use crate::error::ApiError;
use crate::forms::usage_params::{Known, Parameters};
use crate::state::AppState;

/// Rows of a table of groups.
const TOP: usize = 8;
/// Days that the analysis looks at, the month's own included.
const DAYS_BEFORE: u32 = 179;
/// Days of the forecast: the longest month.
const AHEAD: usize = 31;
/// Budgets that are listed, at most.
const BUDGETS_MAX: usize = 50;
/// Alerts that are listed, at most.
const ALERTS_SHOWN: u32 = 8;
/// What the page may do when a browser opens it: show its own styles.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
);

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(month))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "its fields name the parameters, whose values are read by hand")]
struct MonthParams {
    /// Which month; the last one that is over where it is not said.
    #[param(example = "2026-10")]
    month: Option<String>,
    /// Whose days; UTC where it is not said.
    tz: Option<String>,
    /// Only usage of these providers; any other attribute filters in the same way.
    provider: Option<String>,
}

/// Answers what a month came to, as one page of HTML to print: it needs nothing else, and runs nothing.
///
/// Members are told of their own account; budgets and alerts are for those who see all accounts.
#[utoipa::path(get, path = "/api/v1/reports/month", operation_id = "report_month",
    tag = "reports", params(MonthParams),
    responses((status = 200, body = String, content_type = "text/html"),
        (status = 400, body = ApiError), (status = 401, body = ApiError),
        (status = 403, body = ApiError), (status = 422, body = ApiError),
        (status = 429, body = ApiError)))]
async fn month(
    State(state): State<AppState>,
    caller: Scoped,
    pairs: Pairs,
) -> Result<Response, ApiError> {
    static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<MonthParams>);
    caller.may(Act::SeeUsage)?;
    let Query(pairs) = pairs?;
    let parameters = Parameters::new(pairs, &KNOWN)?;
    let tz = parameters.tz()?;
    let today = state.outlay.insights(&*caller).today(tz);
    let asked = Asked { state: &state, caller: &caller, parameters: &parameters, tz, today };
    let page = asked.page(read_month(&parameters, today)?).await?;
    Ok(([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(page)).into_response())
}

fn read_month(parameters: &Parameters, today: NaiveDate) -> Result<Month, ApiError> {
    let Some(text) = parameters.one("month")? else {
        let last = today.with_day(1).and_then(|first| first.pred_opt());
        return last
            .and_then(Month::of)
            .ok_or_else(|| ApiError::bad_request("missing", "month", "must be given"));
    };
    let parts = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2);
    let month = parts.and_then(|(year, month)| {
        let year = year.parse().ok().filter(|year| (1970..2200).contains(year))?;
        Month::new(year, month.parse().ok()?)
    });
    month.ok_or_else(|| {
        ApiError::bad_request("malformed", "month", format!("`{text}` is no month"))
            .mend("write e.g. 2026-10")
    })
}

/// What is asked, and by whom.
struct Asked<'a> {
    state: &'a AppState,
    caller: &'a Scoped,
    parameters: &'a Parameters,
    tz: Tz,
    today: NaiveDate,
}

impl Asked<'_> {
    async fn page(&self, month: Month) -> Result<String, ApiError> {
        let totals = self.usage(month, vec![]).await?;
        let course = self.course(month).await?;
        let days = month.days();
        let own: Vec<(NaiveDate, i128)> = days
            .iter()
            .map(|day| {
                let spent = course.days().find(|(date, ..)| *date == day);
                (day, spent.map_or(0, |(_, nanos, _)| nanos))
            })
            .collect();
        let analysis = tokio::task::spawn_blocking(move || Analysis::of(&course, AHEAD));
        let analysis = analysis.await.map_err(|error| ApiError::internal(&error))?;

        let name = days.first().format("%B %Y").to_string();
        let mut page = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>Spend in {name}</title><style>{STYLE}</style></head><body><main>\
             <header><p class=\"brand\">Outlay</p><h1>Spend in {name}</h1>\
             <p class=\"sub\">{} to {}, {}{}</p></header>",
            days.first(),
            days.last(),
            escape(self.tz.name()),
            if self.today <= days.last() { ". The month is not over." } else { "" },
        );
        page.push_str(&figures(&totals));
        let odd: Vec<NaiveDate> = analysis.iter().flat_map(odd_days).collect();
        page.push_str(&chart(&own, &odd));
        page.push_str("<section class=\"grid\">");
        for (title, by) in [
            ("Providers", Attribute::Provider),
            ("Models", Attribute::Model),
            ("Services", Attribute::Service),
            ("Accounts", Attribute::Account),
            ("Teams", Attribute::Team),
        ] {
            let answered = self.usage(month, vec![by]).await?;
            page.push_str(&groups(title, &answered));
        }
        page.push_str("</section>");
        page.push_str(&unusual(analysis.as_ref(), days));
        if self.caller.scope().is_none() {
            page.push_str(&self.budgets(month).await?);
            page.push_str(&self.alerts(month).await?);
        }
        page.push_str(&ahead(analysis.as_ref(), days, self.today));
        page.push_str(NOTES);
        page.push_str("</main></body></html>");
        Ok(page)
    }

    /// Spend of the month beside the month before, by group where there are any.
    async fn usage(&self, month: Month, by: Vec<Attribute>) -> Result<Answered, ApiError> {
        let (from, to) = month.days().instants(self.tz);
        let top = (!by.is_empty()).then_some(TOP);
        let question = UsageQuestion {
            from,
            to: Some(to),
            tz: self.tz,
            every: None,
            filters: self.parameters.filters()?,
            measures: vec![Measure::Spend, Measure::Events, Measure::Unpriced],
            top,
            compare: true,
            by,
        };
        let (questions, scope) =
            (self.state.outlay.questions.by(&**self.caller), self.caller.scope());
        Ok(match top {
            Some(_) => questions.breakdown(question, scope.as_deref()).await?,
            None => questions.total(question, scope.as_deref()).await?,
        })
    }

    /// The days up to the end of the month, or up to today where that is sooner.
    async fn course(&self, month: Month) -> Result<Course, ApiError> {
        let last = month.days().last().min(self.today);
        let question = SpendQuestion {
            days: Days::ending(last, DAYS_BEFORE),
            since: None,
            tz: self.tz,
            every: Some(Every::Day),
            by: Vec::new(),
            filters: self.parameters.filters()?,
            extremes: false,
        };
        let scope = self.caller.scope();
        let insights = self.state.outlay.insights(&**self.caller);
        let table = insights.spend(question, scope.as_deref()).await?;
        Ok(Course::of(&table, last, self.today))
    }

    /// The budgets whose window ran when the month ended, and what was spent in it.
    async fn budgets(&self, month: Month) -> Result<String, ApiError> {
        let (_, end) = month.days().instants(self.tz);
        let moment = (end - TimeDelta::seconds(1)).min(self.state.outlay.clock.now());
        let budgets = self.state.outlay.budgets(&**self.caller);
        let mut rows = String::new();
        for budget in budgets.all().await?.into_iter().take(BUDGETS_MAX) {
            let status = match budgets.judge_at(budget, moment).await? {
                Ok(status) => status,
                Err(unjudged) => {
                    let _ = write!(
                        rows,
                        "<tr><th>{}</th><td class=\"why\" colspan=\"4\">{}</td></tr>",
                        escape(&unjudged.budget.draft.name),
                        escape(&unjudged.error.to_string()),
                    );
                    continue;
                }
            };
            let (window, draft) = (status.window, &status.budget.draft);
            if window.from > moment || window.to <= moment {
                continue;
            }
            let share = part(status.spent, status.available);
            let class = if status.remaining < 0 { " class=\"over\"" } else { "" };
            let day = |at: DateTime<Utc>| at.with_timezone(&draft.tz).format("%-d %b").to_string();
            let _ = write!(
                rows,
                "<tr{class}><th>{}</th><td>{} – {}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&draft.name),
                day(window.from),
                day(window.to - TimeDelta::seconds(1)),
                amount_text(status.spent),
                amount_text(status.available),
                // Rounded down: all of it is used when it is, and not before.
                share.map_or_else(
                    || "–".to_owned(),
                    |share| format!("{:.0} %", (share * 100.0 + 1e-9).floor())
                ),
            );
        }
        if rows.is_empty() {
            return Ok(String::new());
        }
        Ok(format!(
            "<section><h2>Budgets</h2><div class=\"sideways\"><table><thead><tr><th>Budget</th><td>Window</td><td>Spent</td>\
             <td>Available</td><td>Used</td></tr></thead><tbody>{rows}</tbody></table></div></section>"
        ))
    }

    async fn alerts(&self, month: Month) -> Result<String, ApiError> {
        let (from, to) = month.days().instants(self.tz);
        let from = from.unwrap_or(DateTime::<Utc>::MIN_UTC);
        let (count, newest) = self.state.alerts.opened(from, to, ALERTS_SHOWN).await?;
        let words = match count {
            0 => "No alert opened in this month.".to_owned(),
            1 => "One alert opened in this month.".to_owned(),
            count if count > i64::from(ALERTS_SHOWN) => {
                format!("{count} alerts opened in this month; the newest:")
            }
            count => format!("{count} alerts opened in this month."),
        };
        let mut rows = String::new();
        for alert in &newest {
            let _ = write!(
                rows,
                "<tr><th>{}</th><td>{}</td><td>{}</td></tr>",
                escape(&alert.title),
                alert.opened_at.with_timezone(&self.tz).format("%-d %b"),
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
        Ok(format!("<section><h2>Alerts</h2><p>{words}</p>{table}</section>"))
    }
}

/// The totals beside those of the month before, and what has no price.
fn figures(totals: &Answered) -> String {
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

/// Spend by day as bars. Unusual days are dark and have a mark.
#[allow(clippy::cast_precision_loss)]
fn chart(days: &[(NaiveDate, i128)], odd: &[NaiveDate]) -> String {
    let (width, height, left_edge, base) = (720.0_f64, 190.0_f64, 56.0_f64, 164.0_f64);
    let most = days.iter().map(|(_, nanos)| *nanos).max().unwrap_or_default().max(1);
    let most = round_up(most);
    let step = (width - left_edge) / days.len().max(1) as f64;
    let mut bars = String::new();
    for (place, (day, nanos)) in days.iter().enumerate() {
        let tall = (*nanos).max(0) as f64 / most as f64 * (base - 20.0);
        let left = left_edge + place as f64 * step;
        let (x, y) = (left + step * 0.14, base - tall);
        let is_odd = odd.contains(day);
        let class = if is_odd { "odd" } else { "bar" };
        let _ = write!(
            bars,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" rx=\"1.5\">\
             <title>{day}: {}</title></rect>",
            step * 0.72,
            amount_text(*nanos),
        );
        let middle = left + step / 2.0;
        if is_odd {
            let _ = write!(
                bars,
                "<circle class=\"mark\" cx=\"{middle:.1}\" cy=\"{:.1}\" r=\"2.5\"/>",
                y - 7.0
            );
        }
        if place == 0 || day.day().is_multiple_of(5) {
            let _ = write!(
                bars,
                "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                base + 16.0,
                day.day()
            );
        }
    }
    let mut lines = String::new();
    for share in [0.0, 0.5, 1.0] {
        let y = base - share * (base - 20.0);
        let value = if share < 0.25 {
            0
        } else if share < 0.75 {
            most / 2
        } else {
            most
        };
        let _ = write!(
            lines,
            "<line x1=\"{left_edge}\" x2=\"{width}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left_edge - 8.0,
            y + 3.5,
            amount_text(value),
        );
    }
    let legend = match days.iter().any(|(day, _)| odd.contains(day)) {
        true => "<p class=\"legend\"><i></i> unusual days</p>",
        false => "",
    };
    format!(
        "<section><h2>Spend by day</h2><svg viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"Spend by day\">{lines}{bars}</svg>{legend}</section>"
    )
}

/// The least amount of one of the digits 1, 2, 4, 6 or 8 and zeros that is not below `nanos`: half of
/// it is as round.
fn round_up(nanos: i128) -> i128 {
    let mut unit = 1;
    while nanos > unit * 10 {
        unit *= 10;
    }
    [1, 2, 4, 6, 8, 10]
        .map(|digit| digit * unit)
        .into_iter()
        .find(|round| *round >= nanos)
        .unwrap_or(nanos)
}

fn groups(title: &str, answered: &Answered) -> String {
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

fn odd_days(analysis: &Analysis) -> Vec<NaiveDate> {
    analysis.anomalies.iter().map(|anomaly| analysis.date(anomaly.index)).collect()
}

/// Unusual days of the month, and new levels.
fn unusual(analysis: Option<&Analysis>, days: Days) -> String {
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

/// What the month that follows will come to.
fn ahead(analysis: Option<&Analysis>, days: Days, today: NaiveDate) -> String {
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

/// A text that HTML shows as it is.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

const STYLE: &str = "@page{size:A4;margin:16mm}*{box-sizing:border-box}\
body{margin:0;background:#fff;color:#1b2430;font:14px/1.5 system-ui,sans-serif;-webkit-print-color-adjust:exact;print-color-adjust:exact}\
main{max-width:760px;margin:0 auto;padding:40px 20px}\
.brand{margin:0;color:#0b7285;font-weight:600}h1{margin:0;font-size:28px;line-height:1.25}\
.sub{margin:4px 0 24px;color:#5b6675}h2{font-size:15px;margin:28px 0 8px}\
.figures{display:grid;grid-template-columns:repeat(3,1fr);gap:12px}\
.figures div{border:1px solid #dde2e8;border-radius:8px;padding:12px 14px}\
.figures p{margin:0;color:#5b6675}.figures strong{display:block;font-size:22px;font-variant-numeric:tabular-nums}\
small{color:#5b6675}.flag{border-left:4px solid #e8590c;background:#fff4e6;padding:8px 12px}\
svg{width:100%;height:auto;display:block}svg line{stroke:#e3e7ec}svg text{font-size:10px;fill:#5b6675}\
.bar{fill:#3bacbd}.odd{fill:#0b5563}.mark{fill:#e8590c}.legend{margin:4px 0 0;color:#5b6675;font-size:12px}.legend i{display:inline-block;width:9px;height:9px;border-radius:2px;background:#0b5563}\
.grid{display:grid;grid-template-columns:1fr 1fr;gap:0 28px}\
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}\
th{text-align:left;font-weight:400;overflow-wrap:anywhere}td{text-align:right;white-space:nowrap;padding-left:10px}\
thead td,thead th{color:#5b6675;font-size:12px}tr{border-bottom:1px solid #e9edf1}tr>*{padding-top:4px;padding-bottom:4px}\
.over td{color:#c92a2a}.sideways{overflow-x:auto}.sideways th{min-width:130px}.why{white-space:normal;color:#5b6675}.notes{color:#5b6675;font-size:12px}ul{padding-left:18px}\
section,article{break-inside:avoid}.grid{break-inside:auto}\
@media print{main{max-width:none;padding:0}}@media(max-width:560px){.grid,.figures{grid-template-columns:1fr}}";

const NOTES: &str = "<section class=\"notes\"><h2>How these figures come about</h2>\
<p>Spend is the sum of exact charges, shown to the cent. The month before is the calendar month before. \
Budgets show the window that ran when the month ended, with what was carried over into it. Unusual days, levels and \
the forecast are estimates in dollars, made from up to 180 days before the month ended. Usage without a known \
price is in no figure.</p></section>";
