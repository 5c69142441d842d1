//! What a month came to: its spend, what was unusual, and how its budgets ended.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use outlay_domain::alerts::Alert;
use outlay_domain::people::{Act, Denied};
use outlay_domain::usage::question::{Attribute, Every, Filter, Measure};
use outlay_store::{Books, StoreError};
use thiserror::Error;

use super::month::Month;
use super::{Analysis, Course, Days, Insights, SpendQuestion};
use crate::budgets::{BudgetStatus, Budgets, BudgetsError};
use crate::usage::{Answered, Questions, UnansweredError, UsageQuestion};
use crate::{Asker, Outlay, alerts};

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
/// The attributes whose groups have a table, and its title.
const GROUPS: [(&str, Attribute); 5] = [
    ("Providers", Attribute::Provider),
    ("Models", Attribute::Model),
    ("Services", Attribute::Service),
    ("Accounts", Attribute::Account),
    ("Teams", Attribute::Team),
];

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

/// Which month is told of.
#[derive(Debug, Clone)]
pub struct MonthQuestion {
    /// The month.
    pub month: Month,
    /// Whose days.
    pub tz: Tz,
    /// What usage must be like to be told of.
    pub filters: Vec<Filter>,
}

/// Why there is no report.
#[derive(Debug, Error)]
pub enum MonthReportError {
    /// Whoever asks may not see usage.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Usage could not be asked for.
    #[error(transparent)]
    Unanswered(#[from] UnansweredError),
    /// Budgets could not be held against spend.
    #[error(transparent)]
    Budgets(#[from] BudgetsError),
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The work was broken off.
    #[error("the look at the days was broken off")]
    Failed(#[source] tokio::task::JoinError),
}

/// Where reports are gathered. All that one tells is of one moment.
pub struct MonthReports {
    questions: Questions,
    insights: Insights,
    budgets: Budgets,
    books: Arc<Books>,
    asker: Asker,
}

impl Outlay {
    /// Where the report of a month is gathered, for somebody.
    pub fn month_reports(&self, asker: impl Into<Asker>) -> MonthReports {
        let asker = asker.into();
        let insights = self.insights(asker.by());
        let questions = insights.questions.clone();
        MonthReports {
            budgets: self.budgets(asker.clone()).asking(questions.clone()),
            books: self.books.clone(),
            questions,
            insights,
            asker,
        }
    }
}

impl MonthReports {
    /// The day that runs in `tz`.
    pub fn today(&self, tz: Tz) -> NaiveDate {
        self.insights.today(tz)
    }

    /// What the month came to. Who sees one account is told of that, and neither of budgets nor of
    /// alerts.
    pub async fn about(&self, asked: &MonthQuestion) -> Result<MonthReport, MonthReportError> {
        self.asker.may(Act::SeeUsage)?;
        let MonthQuestion { month, tz, .. } = *asked;
        let (days, today) = (month.days(), self.today(tz));
        let totals = self.usage(asked, vec![]).await?;
        let course = self.course(asked, today).await?;
        let on = |day: NaiveDate| course.days().find(|(date, ..)| *date == day);
        let spent =
            days.iter().map(|day| (day, on(day).map_or(0, |(_, nanos, _)| nanos))).collect();
        let analysis = tokio::task::spawn_blocking(move || Analysis::of(&course, AHEAD));
        let analysis = analysis.await.map_err(MonthReportError::Failed)?;
        let mut groups = Vec::with_capacity(GROUPS.len());
        for (title, by) in GROUPS {
            groups.push((title, self.usage(asked, vec![by]).await?));
        }
        let watched = match self.asker.scope() {
            None => Some((self.budgets(month, tz).await?, self.alerts(month, tz).await?)),
            Some(_) => None,
        };
        Ok(MonthReport { days, tz, today, totals, spent, groups, analysis, watched })
    }

    /// Spend of the month beside the month before, by group where there are any.
    async fn usage(
        &self,
        asked: &MonthQuestion,
        by: Vec<Attribute>,
    ) -> Result<Answered, UnansweredError> {
        let (from, to) = asked.month.days().instants(asked.tz);
        let top = (!by.is_empty()).then_some(TOP);
        let question = UsageQuestion {
            from,
            to: Some(to),
            tz: asked.tz,
            every: None,
            filters: asked.filters.clone(),
            measures: vec![Measure::Spend, Measure::Events, Measure::Unpriced],
            top,
            compare: true,
            by,
        };
        let scope = self.asker.scope();
        match top {
            Some(_) => self.questions.breakdown(question, scope.as_deref()).await,
            None => self.questions.total(question, scope.as_deref()).await,
        }
    }

    /// The days up to the end of the month, or up to today where that is sooner.
    async fn course(
        &self,
        asked: &MonthQuestion,
        today: NaiveDate,
    ) -> Result<Course, UnansweredError> {
        let last = asked.month.days().last().min(today);
        let question = SpendQuestion {
            days: Days::ending(last, DAYS_BEFORE),
            since: None,
            tz: asked.tz,
            every: Some(Every::Day),
            by: Vec::new(),
            filters: asked.filters.clone(),
            extremes: false,
        };
        let table = self.insights.spend(question, self.asker.scope().as_deref()).await?;
        Ok(Course::of(&table, last, today))
    }

    /// The budgets whose window ran when the month ended, and what was spent in it.
    async fn budgets(&self, month: Month, tz: Tz) -> Result<Vec<BudgetLine>, BudgetsError> {
        let (_, end) = month.days().instants(tz);
        let moment = (end - TimeDelta::seconds(1)).min(self.insights.now());
        let mut lines = Vec::new();
        for budget in self.budgets.all().await?.into_iter().take(BUDGETS_MAX) {
            match self.budgets.judge_at(budget, moment).await? {
                Ok(status) => lines.extend(line(&status, moment)),
                Err(unjudged) => lines.push(BudgetLine::Unjudged {
                    name: unjudged.budget.draft.name.to_string(),
                    why: unjudged.error.to_string(),
                }),
            }
        }
        Ok(lines)
    }

    async fn alerts(&self, month: Month, tz: Tz) -> Result<OpenedAlerts, StoreError> {
        let (from, to) = month.days().instants(tz);
        let from = from.unwrap_or(DateTime::<Utc>::MIN_UTC);
        let (count, newest) = alerts::opened(&self.books, from, to, ALERTS_SHOWN).await?;
        Ok(OpenedAlerts { count, newest })
    }
}

/// A budget, if its window ran at that moment.
fn line(status: &BudgetStatus, moment: DateTime<Utc>) -> Option<BudgetLine> {
    let (window, draft) = (status.window, &status.budget.draft);
    let day = |at: DateTime<Utc>| at.with_timezone(&draft.tz).date_naive();
    (window.from <= moment && window.to > moment).then(|| BudgetLine::Judged {
        name: draft.name.to_string(),
        window: (day(window.from), day(window.to - TimeDelta::seconds(1))),
        spent: status.used(),
        available: status.available,
        is_over: status.unspent() < 0,
    })
}
