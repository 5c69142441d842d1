//! What happens when the server is up: the demo, the address, the way in.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use outlay_domain::usage::EventDraft;
use outlay_engine::usage::{AcceptError, Incoming};
use outlay_engine::{Outlay, demo, revenue};
use owo_colors::OwoColorize;

use super::client::CliError;
use crate::startup::Server;

/// Demo events in one commit, at most.
const DEMO_EVENTS_AT_ONCE: usize = 5_000;
/// How often new demo events come.
const DEMO_PERIOD: Duration = Duration::from_secs(2);

/// Fills the demo if asked to, and says where the server is and how to sign in.
pub async fn greet(server: &Server, public_url: &str, with_demo: bool) -> Result<(), CliError> {
    let outlay = server.state().outlay.clone();
    if with_demo {
        let until = outlay.clock.now();
        fill_demo(&outlay, until).await?;
        let tasks = outlay.tasks.clone();
        tasks.spawn("demo", move |_| trickle_demo(outlay.clone(), until));
    }
    let link = server.first_sign_in_link(public_url).await;
    let link = link.map_err(|error| CliError::Failed(error.to_string()))?;
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{} {}", "Outlay is at".bold(), public_url.cyan())?;
    if let Some(link) = link {
        writeln!(stdout, "{} {}", "Sign in once:".bold(), link.cyan())?;
    }
    stdout.flush()?;
    Ok(())
}

/// Lets the demo's past happen, up to `until`. What is there already is not counted twice.
async fn fill_demo(outlay: &Outlay, until: DateTime<Utc>) -> Result<(), CliError> {
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
    revenue::record(&outlay.journal, sales)
        .await
        .map_err(|error| CliError::Failed(format!("the demo could not be written: {error}")))?;
    progress.finish_and_clear();
    Ok(())
}

/// Lets the demo's present happen, as it comes.
async fn trickle_demo(outlay: Arc<Outlay>, mut since: DateTime<Utc>) {
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
        Err(error) => Err(CliError::Failed(format!("the demo could not be written: {error}"))),
    }
}
