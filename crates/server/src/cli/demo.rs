//! The demo: its past, its present, its budgets and its member.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use outlay_domain::people::{Caller, Role, SERVER_ID, Scope, Scopes, UserId};
use outlay_domain::plans::{Cycle, PlanId};
use outlay_domain::usage::EventDraft;
use outlay_engine::budgets::BudgetsError;
use outlay_engine::ledger::Wanted;
use outlay_engine::people::{NewKey, NewUser, PeopleError};
use outlay_engine::plans::PlansError;
use outlay_engine::usage::{AcceptError, By, Incoming};
use outlay_engine::{Asker, Outlay, demo};

use super::client::CliError;
use crate::state::AppState;

/// Demo events in one commit, at most.
const DEMO_EVENTS_AT_ONCE: usize = 5_000;
/// How often new demo events come.
const DEMO_PERIOD: Duration = Duration::from_secs(2);

/// Fills the demo, and lets it go on.
pub async fn begin(state: &AppState) -> Result<(), CliError> {
    let outlay = state.outlay.clone();
    let until = outlay.clock.now();
    fill(&outlay, until).await?;
    furnish(state).await?;
    subscribe(&outlay).await?;
    let tasks = outlay.tasks.clone();
    tasks.spawn("demo", move |_| trickle(outlay.clone(), until));
    Ok(())
}

/// A link that signs the demo's member in.
pub async fn members_link(state: &AppState, public_url: &str) -> Result<String, CliError> {
    let member = members_id()?;
    let link = state.people.issue_link(&Caller::operator(), &member, public_url).await;
    link.map(|link| link.url).map_err(not_written)
}

fn members_id() -> Result<UserId, CliError> {
    UserId::new(demo::MEMBER.id).map_err(not_written)
}

/// Makes the budgets, and the member with a key, unless they were made before: what people changed or
/// removed since stays so.
async fn furnish(state: &AppState) -> Result<(), CliError> {
    let operator = Caller::operator();
    let member = members_id()?;
    match state.people.user(&operator, &member).await {
        Ok(_) => return Ok(()),
        Err(PeopleError::NotFound(_)) => {}
        Err(error) => return Err(not_written(error)),
    }
    let budgets = state.outlay.budgets(By::Server(SERVER_ID));
    for (id, draft) in demo::budgets().map_err(not_written)? {
        match budgets.create(id, draft).await {
            // Somebody changed it before the member was made.
            Ok(_) | Err(BudgetsError::Taken(_)) => {}
            Err(error) => return Err(not_written(error)),
        }
    }
    let user = NewUser {
        id: member.clone(),
        name: Some(demo::MEMBER.name.into()),
        account: Some(demo::MEMBER.account.into()),
        role: Role::Member,
        password: None,
    };
    state.people.create_user(&operator, user).await.map_err(not_written)?;
    let key = NewKey {
        user: Some(member),
        name: demo::MEMBER.key.into(),
        scopes: [Scope::EventsWrite].into_iter().collect::<Scopes>(),
        account: None,
        expires_at: None,
    };
    // Nobody needs its secret: it is there to be seen.
    state.people.create_key(&operator, key).await.map_err(not_written)?;
    Ok(())
}

/// Lets the member's account have a plan, unless the plan was made before.
async fn subscribe(outlay: &Outlay) -> Result<(), CliError> {
    let asker = Asker::from(By::Server(SERVER_ID));
    let plan: PlanId = demo::PLAN.parse().map_err(not_written)?;
    match outlay.plans().one(plan.clone(), None, &asker).await {
        Ok(_) => return Ok(()),
        Err(PlansError::Unknown(_)) => {}
        Err(error) => return Err(not_written(error)),
    }
    let draft = serde_json::from_str(demo::PLAN_JSON).map_err(not_written)?;
    outlay.plans().set(plan.clone(), draft, &asker).await.map_err(not_written)?;
    let begin = Wanted::Begin {
        plan,
        version: None,
        cycle: Cycle::Monthly,
        tz: outlay.time_zone,
        tried: Some(false),
    };
    let account = demo::MEMBER.account.into();
    outlay.subscriptions().make(account, begin, &asker).await.map_err(not_written)?;
    Ok(())
}

fn not_written(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(format!("the demo could not be written: {error}"))
}

/// Lets the demo's past happen, up to `until`. What is there already is not counted twice.
async fn fill(outlay: &Outlay, until: DateTime<Utc>) -> Result<(), CliError> {
    let hours = demo::DAYS * 24;
    let progress = if std::io::stderr().is_terminal() {
        indicatif::ProgressBar::new(hours.unsigned_abs())
    } else {
        indicatif::ProgressBar::hidden()
    };
    progress.set_message("demo usage");
    let first = this_hour(until) - TimeDelta::hours(hours);
    let mut events = Vec::new();
    let mut sales = Vec::new();
    for number in 0..=hours {
        let hour = first + TimeDelta::hours(number);
        events.extend(incoming(demo::hour(hour, until, until), until));
        if events.len() >= DEMO_EVENTS_AT_ONCE {
            accept(outlay, std::mem::take(&mut events)).await?;
        }
        sales.extend(demo::sales(hour, until));
        progress.inc(1);
    }
    accept(outlay, events).await?;
    outlay.revenue(By::Server("demo")).record(sales).await.map_err(not_written)?;
    progress.finish_and_clear();
    Ok(())
}

/// Lets the demo's present happen, as it comes.
async fn trickle(outlay: Arc<Outlay>, mut since: DateTime<Utc>) {
    let mut ticks = tokio::time::interval(DEMO_PERIOD);
    loop {
        ticks.tick().await;
        let now = outlay.clock.now();
        let drafts: Vec<EventDraft> = [this_hour(since), this_hour(now)]
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .flat_map(|hour| demo::hour(hour, now, now))
            .filter(|draft| draft.occurred_at.is_some_and(|at| at >= since))
            .collect();
        match accept(&outlay, incoming(drafts, now).collect()).await {
            Ok(()) => since = now,
            Err(error) => {
                tracing::debug!(%error, "the demo ends");
                return;
            }
        }
    }
}

fn this_hour(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

fn incoming(drafts: Vec<EventDraft>, now: DateTime<Utc>) -> impl Iterator<Item = Incoming> {
    drafts
        .into_iter()
        .filter_map(move |draft| draft.accept(now).ok())
        .map(|event| Incoming { event, time_stated: true })
}

async fn accept(outlay: &Outlay, events: Vec<Incoming>) -> Result<(), CliError> {
    match outlay.journal.accept(events).await {
        Ok(_) => Ok(()),
        Err(error @ AcceptError::Stopping) => Err(CliError::Failed(error.to_string())),
        Err(error) => Err(not_written(error)),
    }
}
