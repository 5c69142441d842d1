//! The report of a month as one page of HTML to print: it needs nothing else, and runs nothing.
//!
//! What it tells is a [`MonthReport`], a value; how that looks stands here alone.

mod chart;
mod html;
mod sections;

use chrono::NaiveDate;
use chrono_tz::Tz;
use outlay_domain::alerts::Alert;
use outlay_engine::insights::{Analysis, Days};
use outlay_engine::usage::Answered;

use html::escape;

/// What the page may do when a browser opens it: show its own styles.
pub const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";

const STYLE: &str = include_str!("style.css");

/// What a month came to.
pub struct MonthReport {
    /// Its days.
    pub days: Days,
    /// Whose days they are.
    pub tz: Tz,
    /// The day on which it is told.
    pub today: NaiveDate,
    /// Spend, events and what has no price, beside the month before.
    pub totals: Answered,
    /// What was spent on each day.
    pub spent: Vec<(NaiveDate, i128)>,
    /// The largest groups of some attributes, under the titles of their tables.
    pub groups: Vec<(&'static str, Answered)>,
    /// What is usual, where there are enough days to tell.
    pub analysis: Option<Analysis>,
    /// Budgets and alerts, for those who may see them.
    pub watched: Option<(Vec<BudgetLine>, OpenedAlerts)>,
}

/// A budget, as it stood when the month ended.
pub enum BudgetLine {
    /// It could be judged.
    Judged {
        /// What it is called.
        name: String,
        /// The first and the last day of its window.
        window: (NaiveDate, NaiveDate),
        /// What was spent in that, in billionths.
        spent: i128,
        /// What might be, in billionths.
        available: i128,
        /// Whether more was spent than that.
        is_over: bool,
    },
    /// It could not.
    Unjudged {
        /// What it is called.
        name: String,
        /// What is in the way.
        why: String,
    },
}

/// Alerts that opened in the month.
pub struct OpenedAlerts {
    /// How many.
    pub count: i64,
    /// The newest of them.
    pub newest: Vec<Alert>,
}

impl MonthReport {
    /// The page.
    pub fn page(&self) -> String {
        let analysis = self.analysis.as_ref();
        let odd: Vec<NaiveDate> = analysis.into_iter().flat_map(odd_days).collect();
        let groups = self.groups.iter().map(|(title, answered)| sections::groups(title, answered));
        let watched = self.watched.as_ref().map_or_else(String::new, |(budgets, alerts)| {
            sections::budgets(budgets) + &sections::alerts(alerts, self.tz)
        });
        [
            self.head(),
            sections::figures(&self.totals),
            chart::chart(&self.spent, &odd),
            format!("<section class=\"grid\">{}</section>", groups.collect::<String>()),
            sections::unusual(analysis, self.days),
            watched,
            sections::ahead(analysis, self.days, self.today),
            format!("{NOTES}</main></body></html>"),
        ]
        .concat()
    }

    fn head(&self) -> String {
        let name = self.days.first().format("%B %Y").to_string();
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>Spend in {name}</title><style>{STYLE}</style></head><body><main>\
             <header><p class=\"brand\">Outlay</p><h1>Spend in {name}</h1>\
             <p class=\"sub\">{} to {}, {}{}</p></header>",
            self.days.first(),
            self.days.last(),
            escape(self.tz.name()),
            if self.today <= self.days.last() { ". The month is not over." } else { "" },
        )
    }
}

fn odd_days(analysis: &Analysis) -> Vec<NaiveDate> {
    analysis.anomalies.iter().map(|anomaly| analysis.date(anomaly.index)).collect()
}

const NOTES: &str = "<section class=\"notes\"><h2>How these figures come about</h2>\
<p>Spend is the sum of exact charges, shown to the cent. The month before is the calendar month before. \
Budgets show the window that ran when the month ended, with what was carried over into it. Unusual days, levels and \
the forecast are estimates in dollars, made from up to 180 days before the month ended. Usage without a known \
price is in no figure.</p></section>";
