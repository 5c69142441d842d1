//! LeadFactory's live updates, over Socket.IO.
//!
//! Everybody hears `enhanced_initial_data` and `cost_update` when they come in, and after that
//! `integrated_cost_update` and `cost_update` as soon as something new was committed, and every
//! thirty seconds in any case. Sockets that asked for the same are told together.
//!
//! `subscribe_enhanced_updates` says what of the first is wanted, and `subscribe_cost_updates` what
//! of the second: LeadFactory's two servers had one each.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::http::Extensions;
use chrono::TimeDelta;
use compact_str::CompactString;
use outlay_domain::people::Act;
use outlay_domain::usage::question::Attribute;
use outlay_engine::insights::{Days, SpendQuestion};
use outlay_engine::people::{IdentifyError, Standing};
use outlay_engine::tasks::Task;
use outlay_engine::usage::By;
use serde_json::{Map, Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{SocketRef, TryData};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::access::Admitted;
use super::breakdown::count_of;
use super::dashboard::{alerts_body, data, efficiency_body, integration_status};
use super::desk::{Desk, Selection, shares};
use super::details::transaction;
use super::error::Refused;
use super::status::Status;
use super::wire::{dollars, name, unsigned_zeros};
use crate::live::{Live, part};
use crate::state::{AppState, WeakState};

/// How often everybody is told in any case.
const PERIOD: Duration = Duration::from_secs(30);
/// The least time between two rounds.
const ROUNDS_APART: Duration = Duration::from_secs(1);
/// How long commits are gathered before a round.
const GATHERED: Duration = Duration::from_millis(50);
/// Operations that are listed, at most.
const RECENT_MAX: usize = 20;
/// Different wishes that one round answers, at most; sockets beyond hear of a later one.
const WISHES_MAX: usize = 200;
/// Wishes of one socket that are answered at a time; what it asks beyond is refused.
const ASKED_MAX: usize = 8;

/// The events that go on, each of which has a wish of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Update {
    /// What the dashboard on port 5002 listens to.
    Integrated,
    /// What the breakdown API on port 5001 sent.
    Cost,
}

impl Update {
    const ALL: [Self; 2] = [Self::Integrated, Self::Cost];

    const fn event(self) -> &'static str {
        match self {
            Self::Integrated => "integrated_cost_update",
            Self::Cost => "cost_update",
        }
    }

    /// The event by which a socket says what it wants of this one.
    const fn subscription(self) -> &'static str {
        match self {
            Self::Integrated => "subscribe_enhanced_updates",
            Self::Cost => "subscribe_cost_updates",
        }
    }

    /// Where those are who wish for the same.
    fn room(self, wish: &Wish) -> String {
        format!("{self:?} {wish:?}")
    }
}

/// What a socket wants to hear of each event.
#[derive(Debug, Clone)]
struct Wishes {
    integrated: Wish,
    cost: Wish,
}

impl Wishes {
    const fn of(&self, update: Update) -> &Wish {
        match update {
            Update::Integrated => &self.integrated,
            Update::Cost => &self.cost,
        }
    }

    fn put(&mut self, update: Update, wish: Wish) {
        match update {
            Update::Integrated => self.integrated = wish,
            Update::Cost => self.cost = wish,
        }
    }
}

/// What a socket wants to hear of an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Wish {
    scope: Option<CompactString>,
    service: Option<String>,
    totals: bool,
    efficiency: bool,
    alerts: bool,
}

impl Wish {
    /// What a socket hears that has asked for nothing.
    fn all(scope: Option<CompactString>) -> Self {
        Self { scope, service: None, totals: true, efficiency: true, alerts: false }
    }

    /// What `asked` says, or why it cannot be.
    fn read(scope: Option<CompactString>, asked: &Value) -> Result<Self, String> {
        const WORDS: [&str; 4] = ["all", "dashboard", "efficiency", "alerts"];
        let types: Vec<&str> = match &asked["types"] {
            Value::Null => vec!["all"],
            Value::String(word) => vec![word],
            Value::Array(words) if words.iter().all(Value::is_string) => {
                words.iter().filter_map(Value::as_str).collect()
            }
            _ => return Err("types must be a list of words".into()),
        };
        if types.iter().any(|word| !WORDS.contains(word)) {
            return Err(format!("Invalid types. Must be some of: {WORDS:?}").replace('"', "'"));
        }
        let filters = &asked["filters"];
        if !(filters.is_null() || filters.is_object()) {
            return Err("filters must be an object".into());
        }
        let service = match &filters["service_type"] {
            Value::Null => None,
            Value::String(service) if service.len() <= 256 => Some(service.clone()),
            _ => return Err("filters.service_type must be the name of a service".into()),
        };
        let has = |word| types.contains(&word) || types.contains(&"all");
        Ok(Self {
            scope,
            service: service.filter(|service| !service.is_empty()),
            totals: has("dashboard"),
            efficiency: has("efficiency"),
            alerts: types.contains(&"alerts"),
        })
    }

    /// Whether `update` says anything that is wished for.
    fn hears(&self, update: Update) -> bool {
        self.totals || update == Update::Integrated
    }

    fn selection(&self) -> Selection {
        Selection::service(self.service.as_deref())
    }
}

fn desk(server: &WeakState, admitted: Admitted) -> Option<Desk> {
    Some(Desk::new(&server.upgrade()?, admitted))
}

/// What answers under `/socket.io/`; the same on every address.
pub fn live(state: &AppState) -> Live {
    Status::of(state).live(|| {
        let (layer, io) = SocketIo::builder()
            .max_payload(1_000_000)
            .ping_interval(Duration::from_secs(25))
            .ping_timeout(Duration::from_secs(20))
            .build_layer();
        let server = state.downgrade();
        let welcoming = server.clone();
        io.ns("/", async move |socket: SocketRef| welcome(socket, welcoming).await);
        let commits = state.outlay.journal.last_seq();
        state.outlay.tasks.spawn("live.leadfactory", move |task| {
            tell_all(io.clone(), server.clone(), commits.clone(), task)
        });
        let owner = |extensions: &Extensions| {
            extensions.get().map(|admitted: &Admitted| admitted.owner.clone())
        };
        Live::new(layer, owner)
    })
}

fn admitted(socket: &SocketRef) -> Option<Admitted> {
    socket.req_parts().extensions.get::<Admitted>().cloned()
}

async fn welcome(socket: SocketRef, server: WeakState) {
    // A connection that is open can be welcomed again at any time, also after it was sent away.
    let admitted = match admitted(&socket) {
        Some(admitted) if may_still(&admitted, &server).await => admitted,
        _ => return part(&socket),
    };
    // What is asked meanwhile is answered after what a page begins with, which comes first.
    let (welcomed, is_welcomed) = watch::channel(false);
    let turns = Arc::new(Semaphore::new(ASKED_MAX));
    for update in Update::ALL {
        let (server, is_welcomed, turns) = (server.clone(), is_welcomed.clone(), turns.clone());
        let told = async move |socket: SocketRef, TryData(asked): TryData<Value>| {
            let Ok(_turn) = turns.try_acquire() else {
                let error = "too much is asked at once; wait for the answers";
                return emit(&socket, "subscription_error", json!({ "error": error }));
            };
            // Whoever sends the beginning may be gone, and then there is nothing to wait for.
            let _ = is_welcomed.clone().wait_for(|welcomed| *welcomed).await;
            subscribe(&socket, &server, update, &asked.unwrap_or_default()).await;
        };
        socket.on(update.subscription(), told);
    }
    let wish = Wish::all(admitted.scope.clone());
    let Some(desk) = desk(&server, admitted) else { return };
    match initial(&desk).await {
        Ok(body) => emit(&socket, "enhanced_initial_data", body),
        Err(refused) => fail(&socket, &refused),
    }
    for update in Update::ALL {
        socket.join(update.room(&wish));
    }
    socket.extensions.insert(Wishes { integrated: wish.clone(), cost: wish.clone() });
    welcomed.send_replace(true);
    match updates(&desk, &wish).await {
        Ok((_, cost)) => emit(&socket, Update::Cost.event(), cost),
        Err(refused) => fail(&socket, &refused),
    }
}

fn emit(socket: &SocketRef, event: &str, body: Value) {
    if let Err(error) = socket.emit(event, &unsigned_zeros(body)) {
        tracing::debug!(%error, event, "a live update of LeadFactory's did not leave");
    }
}

fn fail(socket: &SocketRef, refused: &Refused) {
    emit(socket, "update_error", json!({ "error": refused.text() }));
}

/// Keeps what a socket asks of `update`, and tells it at once. What it asked of the other stays.
async fn subscribe(socket: &SocketRef, server: &WeakState, update: Update, asked: &Value) {
    let admitted = match admitted(socket) {
        Some(admitted) if may_still(&admitted, server).await => admitted,
        _ => return part(socket),
    };
    let wish = match Wish::read(admitted.scope.clone(), asked) {
        Ok(wish) => wish,
        Err(error) => return emit(socket, "subscription_error", json!({ "error": error })),
    };
    let Some(mut wishes) = socket.extensions.get::<Wishes>() else { return };
    socket.leave(update.room(wishes.of(update)));
    socket.join(update.room(&wish));
    wishes.put(update, wish.clone());
    socket.extensions.insert(wishes);
    if !wish.hears(update) {
        return;
    }
    let Some(desk) = desk(server, admitted) else { return };
    match (updates(&desk, &wish).await, update) {
        (Ok((body, _)), Update::Integrated) | (Ok((_, body)), Update::Cost) => {
            emit(socket, update.event(), body);
        }
        (Err(refused), _) => fail(socket, &refused),
    }
}

/// What a page begins with, under both names that its readers know.
async fn initial(desk: &Desk) -> Result<Value, Refused> {
    use outlay_domain::usage::question::Every;
    let overview = desk.overview(&Selection::default()).await?;
    let dashboard = data(desk, None, Every::Day, None).await?;
    let efficiency = efficiency_body(desk, &overview).await?;
    Ok(json!({
        "dashboard_data": dashboard,
        "dashboard": dashboard,
        "efficiency_metrics": efficiency,
        "efficiency": efficiency,
        "alerts": alerts_body(desk, &overview).await?,
    }))
}

/// What is told to those who wish for it: `integrated_cost_update` and `cost_update`.
async fn updates(desk: &Desk, wish: &Wish) -> Result<(Value, Value), Refused> {
    let selection = wish.selection();
    let question = desk.question(&selection, Some(Days::only(desk.today()))).await?;
    let by = vec![Attribute::Service, Attribute::Operation];
    let daily = SpendQuestion { by, ..question.clone() };
    let since = Some(desk.now() - TimeDelta::hours(1));
    let hourly = SpendQuestion { days: None, since, ..question };
    let (daily, hour, recent) = tokio::try_join!(
        desk.spend(daily),
        desk.spend(hourly.clone()),
        desk.newest_events(&hourly, RECENT_MAX),
    )?;
    let mut services = Map::new();
    for share in shares(&daily, |_| true) {
        services.insert(share.service.to_string(), json!({}));
    }
    for row in &daily.rows {
        let label = |place: usize| name(row.group.get(place).and_then(|name| name.as_deref()));
        services[label(0)][label(1)] = dollars(row.nanos);
    }
    let recent: Vec<Value> = recent.iter().map(|fact| transaction(fact, desk.tz)).collect();
    let cost = json!({
        "timestamp": desk.stamp(),
        "daily_total": dollars(daily.total.nanos),
        "hourly_total": dollars(hour.total.nanos),
        "service_breakdown": services,
        "recent_transactions": recent,
        "transaction_count_last_hour": count_of(hour.total.events),
    });
    let mut integrated = if wish.totals { cost.clone() } else { json!({}) };
    integrated["timestamp"] = cost["timestamp"].clone();
    integrated["integration_status"] = integration_status(desk);
    if wish.efficiency || wish.alerts {
        let overview = desk.overview(&selection).await?;
        if wish.efficiency {
            integrated["efficiency_score"] = json!(overview.score);
        }
        if wish.alerts {
            integrated["alerts"] = alerts_body(desk, &overview).await?;
        }
    }
    Ok((integrated, cost))
}

/// Tells everybody when something was committed, and every thirty seconds.
async fn tell_all(
    io: SocketIo,
    server: WeakState,
    mut commits: watch::Receiver<i64>,
    task: Arc<Task>,
) {
    task.beat();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut last = Instant::now() - ROUNDS_APART;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            committed = commits.changed() => {
                if committed.is_err() {
                    return;
                }
                // A batch seldom comes alone.
                sleep_until((last + ROUNDS_APART).max(Instant::now() + GATHERED)).await;
                commits.mark_unchanged();
            }
        }
        last = Instant::now();
        if server.upgrade().is_none() {
            return;
        }
        round(&io, &server).await;
        task.done();
    }
}

async fn round(io: &SocketIo, server: &WeakState) {
    let mut asked: HashSet<Wish> = HashSet::new();
    for socket in io.sockets() {
        let is_let_in = match admitted(&socket) {
            Some(admitted) => may_still(&admitted, server).await,
            None => false,
        };
        if !is_let_in {
            part(&socket);
        } else if let Some(wishes) = socket.extensions.get::<Wishes>()
            && asked.len() < WISHES_MAX
        {
            asked.extend([wishes.integrated, wishes.cost]);
        }
    }
    for wish in asked {
        let Some(state) = server.upgrade() else { return };
        let desk = Desk::of(&state, By::Server("live"), wish.scope.clone());
        let told = match updates(&desk, &wish).await {
            Ok((integrated, cost)) => [(Update::Integrated, integrated), (Update::Cost, cost)],
            Err(refused) => {
                tracing::debug!(
                    error = refused.text(),
                    "a live update of LeadFactory's was not made"
                );
                continue;
            }
        };
        // A room that nobody is in hears nothing.
        for (update, body) in told.into_iter().filter(|(update, _)| wish.hears(*update)) {
            let (event, room) = (update.event(), update.room(&wish));
            if let Err(error) = io.to(room).emit(event, &unsigned_zeros(body)).await {
                tracing::debug!(%error, event, "a live update of LeadFactory's did not reach everybody");
            }
        }
    }
}

/// Whether whoever opened the socket may still see what they saw.
async fn may_still(admitted: &Admitted, server: &WeakState) -> bool {
    let (Some(caller), Some(server)) = (&admitted.caller, server.upgrade()) else {
        return true;
    };
    match server.people.recheck(caller).await {
        Ok(Standing { caller, .. }) => {
            caller.may(Act::SeeUsage).is_ok() && caller.scope() == admitted.scope
        }
        // The books cannot be read: a failure of ours is no reason to send anybody away.
        Err(IdentifyError::Store(_)) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_judged() {
        let read = |asked: Value| Wish::read(None, &asked);

        let all = read(json!({})).unwrap();
        assert!(all.totals && all.efficiency && !all.alerts && all.service.is_none());
        let some =
            json!({ "types": ["efficiency", "alerts"], "filters": { "service_type": "gpu" } });
        let some = read(some).unwrap();
        assert!(!some.totals && some.efficiency && some.alerts);
        assert_eq!(some.service.as_deref(), Some("gpu"));
        assert_eq!(
            read(json!({ "types": ["costs"] })).unwrap_err(),
            "Invalid types. Must be some of: ['all', 'dashboard', 'efficiency', 'alerts']"
        );
        assert!(read(json!({ "types": 5 })).is_err());
        assert!(read(json!({ "filters": [] })).is_err());
    }
}
