//! What every handler asks with: the settings, the zone, and whose spend it is about.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use compact_str::{CompactString, format_compact};
use outlay_domain::Amount;
use outlay_domain::budgets::Window;
use outlay_domain::usage::question::{Attribute, Every, Filter};
use outlay_domain::usage::{Fact, Status};
use outlay_engine::budgets::{Budgets, Outlook};
use outlay_engine::import::leadfactory::sources::{sources_of_all_calls, unpaid_sources};
use outlay_engine::insights::analysis::DAYS_BEFORE;
use outlay_engine::insights::findings::{
    Finding, ServiceShare, Thresholds, expensive_above, find, score, services,
};
use outlay_engine::insights::month::{Month, MonthUse};
use outlay_engine::insights::{Analysis, Course, Days, Insights, SpendQuestion, SpendTable};
use outlay_engine::usage::{By, UsageEvents};
use outlay_store::history::question::EventsSum;
use tokio::task::spawn_blocking;

use super::access::Admitted;
use super::error::Refused;
use super::status;
use super::wire::{local, name};
use crate::config::Config;
use crate::live::ties::Owner;
use crate::state::AppState;

/// Days back that an overview looks at.
const OVERVIEW_DAYS: u32 = 30;
/// Days ahead that an overview looks at.
const OVERVIEW_HORIZON: usize = 30;

/// Whose turns those take who need not say who they are.
const DIALECT: &str = "leadfactory";

/// What every handler asks with.
#[derive(Clone)]
pub struct Desk {
    /// All that the server has.
    pub state: AppState,
    /// Where is asked.
    pub insights: Insights,
    /// Whose days are meant.
    pub tz: Tz,
    by: By,
    scope: Option<CompactString>,
}

impl FromRequestParts<AppState> for Desk {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Refused> {
        let admitted = parts.extensions.get::<Admitted>().cloned();
        let admitted = admitted.ok_or_else(|| Refused::bad("nobody was let in"))?;
        Ok(Self::new(state, admitted))
    }
}

/// What spend is asked about.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Of one service.
    pub service: Option<String>,
    /// Of one operation.
    pub operation: Option<String>,
}

impl Selection {
    /// The spend of one service, or all.
    pub fn service(service: Option<&str>) -> Self {
        Self { service: service.map(ToOwned::to_owned), operation: None }
    }

    fn filters(&self) -> Result<Vec<Filter>, Refused> {
        let filter = |attribute, wanted: &Option<String>| {
            wanted.as_deref().map(|wanted| match wanted {
                // What has no name is shown under this word, beside what is really called so.
                "unknown" => Filter::among(attribute, ["unknown", ""]),
                wanted => Filter::among(attribute, [wanted]),
            })
        };
        let filters = [
            filter(Attribute::Service, &self.service),
            filter(Attribute::Operation, &self.operation),
        ];
        Ok(filters.into_iter().flatten().collect::<Result<_, _>>()?)
    }
}

/// The state of spend as a whole.
pub struct Overview {
    /// What the last thirty days have in them, where there are enough.
    pub analysis: Option<Arc<Analysis>>,
    /// How many days were analysed.
    pub days: usize,
    /// The services of the running month.
    pub services: Vec<ServiceShare>,
    /// The running month's budget.
    pub month: MonthUse,
    /// How well spend is under control, from 0 to 100.
    pub score: f64,
    /// What could be done.
    pub findings: Vec<Finding>,
}

impl Desk {
    /// A desk for somebody who was let in.
    pub fn new(state: &AppState, admitted: Admitted) -> Self {
        let by = By::Caller(match &admitted.owner {
            Owner::Caller(user, _) => user.as_str().into(),
            Owner::FixedKey => DIALECT.into(),
            Owner::Address(from) => format_compact!("{DIALECT} {from}"),
        });
        Self::of(state, by, admitted.scope)
    }

    /// A desk that asks in the turns of `by`, about the account `scope` only where there is one.
    pub fn of(state: &AppState, by: By, scope: Option<CompactString>) -> Self {
        Self {
            insights: state.outlay.insights(by.clone()),
            tz: state.config.dialects.leadfactory.tz().unwrap_or(Tz::UTC),
            by,
            scope,
            state: state.clone(),
        }
    }

    /// Where budgets are.
    pub fn budgets(&self) -> Budgets {
        self.state.outlay.budgets(self.by.clone())
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.state.config
    }

    /// Whether all spend is seen here.
    pub const fn sees_all(&self) -> bool {
        self.scope.is_none()
    }

    /// The time now.
    pub fn now(&self) -> DateTime<Utc> {
        self.insights.now()
    }

    /// Now, as LeadFactory writes it.
    pub fn stamp(&self) -> String {
        local(self.now(), self.tz)
    }

    /// The day that runs.
    pub fn today(&self) -> NaiveDate {
        self.insights.today(self.tz)
    }

    /// A question about `selection`, as LeadFactory would count.
    pub async fn question(
        &self,
        selection: &Selection,
        days: Option<Days>,
    ) -> Result<SpendQuestion, Refused> {
        let mut filters = selection.filters()?;
        let unpaid = unpaid_sources(&self.state.outlay.books).await?;
        if !unpaid.is_empty() {
            // LeadFactory knows of calls that failed only where it does not count them.
            let unpaid = unpaid.iter().map(|source| source.as_str());
            filters.push(Filter::not_among(Attribute::Source, unpaid)?);
        }
        Ok(SpendQuestion {
            days,
            since: None,
            tz: self.tz,
            every: None,
            by: vec![],
            filters,
            extremes: false,
        })
    }

    /// Asks for spend. Where all calls were imported for want of their costs, those that failed are
    /// asked for no more than where they stand alone: LeadFactory counts them nowhere.
    pub async fn spend(&self, question: SpendQuestion) -> Result<SpendTable, Refused> {
        let scope = self.scope.as_deref();
        let calls = self.sources_of_all_calls().await?;
        if calls.is_empty() {
            return Ok(self.insights.spend(question, scope).await?);
        }
        let names = || calls.iter().map(|source| source.as_str());
        let with = |filters: Vec<Filter>| {
            let filters = question.filters.iter().cloned().chain(filters).collect();
            SpendQuestion { filters, ..question.clone() }
        };
        let others = with(vec![Filter::not_among(Attribute::Source, names())?]);
        let went_well = with(vec![
            Filter::among(Attribute::Source, names())?,
            Filter::not_among(Attribute::Status, [Status::Error.as_str()])?,
        ]);
        let (others, calls) = tokio::try_join!(
            self.insights.spend(others, scope),
            self.insights.spend(went_well, scope),
        )?;
        Ok(others.and(calls))
    }

    /// The sources that hold every call, those with a cost and those that failed.
    async fn sources_of_all_calls(&self) -> Result<Vec<CompactString>, Refused> {
        Ok(sources_of_all_calls(&self.state.outlay.books).await?)
    }

    /// The newest operations that cost more than what is expensive, where `mean` is what one costs.
    pub async fn expensive_events(
        &self,
        question: &SpendQuestion,
        mean_nanos: i128,
        limit: usize,
    ) -> Result<Vec<Fact>, Refused> {
        let above = self.expensive_above(mean_nanos);
        let scope = self.scope.as_deref();
        Ok(self.insights.expensive_events(question, above, limit, scope).await?)
    }

    /// How many operations of some days cost more than what is expensive, and how much together.
    pub async fn expensive_sum(
        &self,
        days: Option<Days>,
        mean_nanos: i128,
    ) -> Result<EventsSum, Refused> {
        let (from, to) = days.map(|days| days.instants(self.tz)).unzip();
        let asked = UsageEvents {
            from: from.flatten(),
            to,
            filters: self.question(&Selection::default(), days).await?.filters,
            id: None,
            above: Some(self.expensive_above(mean_nanos)),
            about_lacking: false,
            limit: 1,
            after: None,
        };
        let questions = self.state.outlay.questions.by(self.by.clone());
        Ok(questions.events_sum(asked, self.scope.as_deref()).await?)
    }

    /// From what amount on an operation is expensive.
    pub fn expensive_above(&self, mean_nanos: i128) -> Amount {
        expensive_above(mean_nanos, self.config().dialects.leadfactory.high_cost())
    }

    /// The newest operations.
    pub async fn newest_events(
        &self,
        question: &SpendQuestion,
        limit: usize,
    ) -> Result<Vec<Fact>, Refused> {
        let scope = self.scope.as_deref();
        let calls = self.sources_of_all_calls().await?;
        // Calls that failed stand among the others; LeadFactory knows nothing of them.
        let asked = if calls.is_empty() { limit } else { limit * 4 };
        let mut facts = self.insights.newest_events(question, asked, scope).await?;
        facts.retain(|fact| {
            fact.event.status != Status::Error || !calls.contains(&fact.event.source)
        });
        facts.truncate(limit);
        Ok(facts)
    }

    /// The last days up to today of what is selected.
    pub async fn course(
        &self,
        selection: &Selection,
        days_back: u32,
    ) -> Result<(Days, Course), Refused> {
        let today = self.today();
        let days = Days::ending(today, days_back).unwrap_or(Days::only(today));
        let question = self.question(selection, Some(days.with_before(DAYS_BEFORE))).await?;
        let table = self.spend(SpendQuestion { every: Some(Every::Day), ..question }).await?;
        Ok((days, Course::of(&table, today, today).since(days.first())))
    }

    /// Looks at a course, and at least `horizon` days ahead, off the threads that answer.
    pub async fn analyse(
        &self,
        course: Course,
        horizon: usize,
    ) -> Result<Option<Arc<Analysis>>, Refused> {
        let kept = status::Status::of(&self.state);
        let ttl_seconds = self.config().dialects.leadfactory.cache_seconds;
        let horizon = horizon.max(OVERVIEW_HORIZON);
        Ok(spawn_blocking(move || kept.analysis(course, horizon, ttl_seconds)).await?)
    }

    /// The running month, and what was spent in it before today and today.
    pub async fn utilisation(&self, month: Month) -> Result<(MonthUse, SpendTable), Refused> {
        let question = self.question(&Selection::default(), Some(month.days())).await?;
        let by = vec![Attribute::Service];
        let table = self.spend(SpendQuestion { every: Some(Every::Day), by, ..question }).await?;
        let used = self.used(month, &Selection::default(), &table).await?;
        Ok((used, table))
    }

    /// The budget of a month, or that of months without one; none where not all spend is seen,
    /// because the budget is the organisation's.
    async fn budget(&self, month: Month) -> Result<Amount, Refused> {
        if !self.sees_all() {
            return Ok(Amount::ZERO);
        }
        let budgets = self.budgets();
        let days = month.days();
        let own = budgets.of_month(days.first(), days.last()).await?;
        Ok(own.unwrap_or_else(|| self.config().dialects.leadfactory.budget()))
    }

    async fn used(
        &self,
        month: Month,
        selection: &Selection,
        table: &SpendTable,
    ) -> Result<MonthUse, Refused> {
        let today = self.today();
        let of_month = |day: NaiveDate| month.days().contains(day);
        let (mut before, mut running) = (0, 0);
        for row in &table.rows {
            match table.day(row) {
                Some(day) if day == today && of_month(day) => running += row.nanos,
                Some(day) if of_month(day) => before += row.nanos,
                _ => {}
            }
        }
        let budget = self.budget(month).await?.nanos().into();
        let outlook = match of_month(today) {
            true => self.outlook(month, selection).await?,
            false => None,
        };
        Ok(MonthUse::new(month, today, budget, before, running, outlook.as_ref()))
    }

    /// What the month will come to: what a budget for it would say.
    async fn outlook(
        &self,
        month: Month,
        selection: &Selection,
    ) -> Result<Option<Outlook>, Refused> {
        let mut filters = selection.filters()?;
        if let Some(account) = &self.scope {
            filters.push(Filter::only(Attribute::Account, account));
        }
        let (Some(from), to) = month.days().instants(self.tz) else { return Ok(None) };
        let budgets = self.budgets();
        Ok(budgets.outlook(&filters, self.tz, Window { from, to }).await?)
    }

    /// Looks at everything, or at one service.
    pub async fn overview(&self, selection: &Selection) -> Result<Overview, Refused> {
        let today = self.today();
        let month = Month::of(today).ok_or_else(|| Refused::bad("the clock is wrong"))?;
        let back = Days::ending(today, OVERVIEW_DAYS).unwrap_or(Days::only(today));
        let all = Days::new(back.first().min(month.days().first()), today).unwrap_or(back);
        let question = self.question(selection, Some(all.with_before(DAYS_BEFORE))).await?;
        let by = vec![Attribute::Service];
        let table = self.spend(SpendQuestion { every: Some(Every::Day), by, ..question }).await?;
        let used = self.used(month, selection, &table).await?;
        let services = shares(&table, |day| day >= month.days().first());
        let course = Course::of(&table, today, today).since(back.first());
        let days = course.len();
        let analysis = self.analyse(course, OVERVIEW_HORIZON).await?;
        let thresholds = Thresholds {
            volatility: self.config().dialects.leadfactory.volatility_warning_threshold,
        };
        let of_days = shares(&table, |day| day >= back.first());
        let findings = analysis
            .as_deref()
            .map_or_else(Vec::new, |analysis| find(analysis, &of_days, Some(&used), thresholds));
        Ok(Overview {
            score: score(analysis.as_deref(), &services),
            analysis,
            days,
            services,
            month: used,
            findings,
        })
    }
}

/// The services of some days, the largest first.
pub fn shares(table: &SpendTable, counts: impl Fn(NaiveDate) -> bool) -> Vec<ServiceShare> {
    services(table, |service| Some(name(service)), counts)
}
