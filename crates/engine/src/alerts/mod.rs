#![doc = include_str!("README.md")]

mod acts;
mod judge;
mod round;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use outlay_domain::alerts::{Alert, AlertRule, AlertState, Reading, RuleDraft, RuleError, turn};
use outlay_domain::people::{Act, Denied};
pub use outlay_store::sqlite::alerts::WantedAlerts;
use outlay_store::{Books, StoreError};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::watch;
use uuid::Uuid;

use crate::budgets::{Budgets, BudgetsError, Judged};
use crate::journal::{AcceptError, Journal, Topic};
use crate::usage::{By, Questions, UnansweredError};

use crate::{Asker, Clock, Outlay};
use round::Watch;

/// Rules that may be kept, at most.
pub const RULES_MAX: usize = 1_000;
/// How long an alert may be silent.
const SNOOZE_MAX: TimeDelta = TimeDelta::days(366);
/// How long resolved alerts are kept.
const KEPT_FOR: TimeDelta = TimeDelta::days(400);
/// How long what looks at whole hours and days is good for.
const SLOW_ROUND: TimeDelta = TimeDelta::minutes(10);
/// Seconds of a quarter of an hour: hours end on one of them in every time zone.
const QUARTER_S: i64 = 15 * 60;

/// Whose turns are taken when rules are judged.
const OWN: By = By::Server("alerts");

/// Where rules are kept and judged, and alerts seen to.
pub struct Alerts {
    books: Arc<Books>,
    journal: Arc<Journal>,
    questions: Questions,
    budgets: Budgets,
    clock: Arc<dyn Clock>,
    /// Whose days and hours are judged.
    tz: Tz,
    outlay: std::sync::Weak<Outlay>,
    /// Hears of whatever rules are judged by besides usage.
    watched: watch::Receiver<u64>,
    memory: Mutex<Memory>,
}

/// What is remembered between two rounds.
#[derive(Default)]
struct Memory {
    /// When what looks at whole hours and days was judged last.
    slow_at: Option<DateTime<Utc>>,
    /// Which rules and budgets there were then.
    watched: u64,
    /// Commits that had failed by then.
    failures: u64,
    /// Panics of each task by then.
    panics: BTreeMap<&'static str, u64>,
    /// Why rules could not be judged, or not all of what they watch, when they were judged last.
    troubles: BTreeMap<CompactString, String>,
    /// What is watched; `None` where all of it is to be judged anew.
    watch: Option<Arc<Watch>>,
    /// When rules were judged last.
    judged_at: BTreeMap<CompactString, DateTime<Utc>>,
    /// Where budgets stood when they were judged last.
    standing: BTreeMap<CompactString, Arc<Judged>>,
    /// How many rules and budgets the last round asked about.
    asked: usize,
}

/// Why alerts or rules were not read, judged or changed.
#[derive(Debug, Error)]
pub enum AlertsError {
    /// The rule cannot be.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// There is no rule of that id.
    #[error("there is no alert rule `{0}`")]
    UnknownRule(CompactString),
    /// There is a rule of that id already.
    #[error("there is an alert rule `{0}` already")]
    Taken(CompactString),
    /// There is no alert of that id.
    #[error("there is no alert `{0}`")]
    UnknownAlert(Uuid),
    /// Whoever asks may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// An alert is silent until some moment of the year ahead.
    #[error("must be in the future, and at most a year ahead")]
    Until,
    /// What is over cannot be seen to.
    #[error("the alert is resolved already")]
    Resolved,
    /// There are as many rules as there may be.
    #[error("there are {RULES_MAX} alert rules already")]
    TooMany,
    /// Usage could not be asked for.
    #[error(transparent)]
    Unanswered(#[from] UnansweredError),
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was to be written was not taken into a commit.
    #[error(transparent)]
    NotTaken(#[from] AcceptError),
}

impl From<BudgetsError> for AlertsError {
    fn from(error: BudgetsError) -> Self {
        match error {
            BudgetsError::Unanswered(error) => Self::Unanswered(error),
            BudgetsError::Store(error) => Self::Store(error),
            BudgetsError::NotTaken(error) => Self::NotTaken(error),
            // Budgets that are kept are known and right, and the server may see all.
            BudgetsError::Budget(_)
            | BudgetsError::Denied(_)
            | BudgetsError::OtherAccount(_)
            | BudgetsError::Unknown(_)
            | BudgetsError::Taken(_)
            | BudgetsError::TooMany => Self::Unanswered(UnansweredError::Busy),
        }
    }
}

/// Some alerts, and what is shown beside them.
#[derive(Debug, Clone)]
pub struct AlertsPage {
    /// The alerts, the newest first.
    pub alerts: Vec<Alert>,
    /// Every rule, by id.
    pub rules: Vec<AlertRule>,
    /// How many alerts are open and not silent.
    pub open: i64,
}

/// What somebody does about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertAction {
    /// They saw it.
    Acknowledge,
    /// It shall be silent until then.
    Snooze(DateTime<Utc>),
    /// It is over.
    Resolve,
}

impl Alerts {
    /// The alerts of `outlay`.
    pub fn new(outlay: &Arc<Outlay>) -> Arc<Self> {
        Arc::new(Self {
            books: outlay.books.clone(),
            journal: outlay.journal.clone(),
            questions: outlay.questions.by(OWN),
            budgets: outlay.budgets(OWN),
            clock: outlay.clock.clone(),
            tz: outlay.time_zone,
            outlay: Arc::downgrade(outlay),
            watched: outlay.journal.changes(Topic::Watched),
            memory: Mutex::default(),
        })
    }

    /// Hears whenever rules are to be judged anew, because one of them or a budget changed.
    pub fn to_judge(&self) -> watch::Receiver<u64> {
        self.watched.clone()
    }

    /// How long it is until the next moment at which hours may end.
    pub fn until_hours_end(&self) -> std::time::Duration {
        let now = self.clock.now();
        let end = (now.timestamp().div_euclid(QUARTER_S) + 1) * QUARTER_S;
        let end = DateTime::from_timestamp(end, 0).unwrap_or(now);
        (end - now).to_std().unwrap_or_default()
    }

    /// Every rule, by id.
    pub async fn rules(&self) -> Result<Vec<AlertRule>, StoreError> {
        self.books.read(|books| books.alerts().rules()).await
    }

    /// Keeps a new rule under `id`, or under one of its own where none is chosen. Admins only.
    pub async fn create_rule(
        &self,
        id: Option<CompactString>,
        draft: RuleDraft,
        asker: &Asker,
    ) -> Result<AlertRule, AlertsError> {
        asker.require_admin()?;
        let id = id.unwrap_or_else(|| Uuid::now_v7().to_string().into());
        self.journal.act(acts::CreateRule { id, draft, actor: asker.name() }).await
    }

    /// Lets the rule of that id say `draft` from now on. Admins only.
    pub async fn change_rule(
        &self,
        id: &str,
        draft: RuleDraft,
        asker: &Asker,
    ) -> Result<AlertRule, AlertsError> {
        asker.require_admin()?;
        self.journal.act(acts::ChangeRule { id: id.into(), draft, actor: asker.name() }).await
    }

    /// Removes the rule of that id; its alerts resolve in the next round. Admins only.
    pub async fn remove_rule(&self, id: &str, asker: &Asker) -> Result<(), AlertsError> {
        asker.require_admin()?;
        self.journal.act(acts::RemoveRule { id: id.into(), actor: asker.name() }).await
    }

    /// Why rules could not be judged when they were judged last, by rule.
    pub fn troubles(&self) -> BTreeMap<CompactString, String> {
        self.memory.lock().troubles.clone()
    }

    /// The newest alerts that are wanted and that whoever asks sees, behind the time and id `before`,
    /// with all rules as they stood at that moment and how many alerts that they see were open and
    /// not silent.
    pub async fn page(
        &self,
        wanted: WantedAlerts,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: u32,
        asker: &Asker,
    ) -> Result<AlertsPage, StoreError> {
        let now = self.clock.now();
        let wanted = WantedAlerts { account: asker.scope().or(wanted.account), ..wanted };
        self.books
            .read(move |books| {
                let open = books.alerts().count_open(wanted.account.as_deref(), now)?;
                Ok(AlertsPage {
                    alerts: books.alerts().page(&wanted, before, limit)?,
                    rules: books.alerts().rules()?,
                    open,
                })
            })
            .await
    }

    /// Does something about an alert, and answers it with every rule. It takes an admin; who is of the
    /// account that an alert is about may say that they saw it.
    pub async fn act_on(
        &self,
        id: Uuid,
        action: AlertAction,
        asker: &Asker,
    ) -> Result<(Alert, Vec<AlertRule>), AlertsError> {
        let of = match (asker.require_admin(), action, asker.scope()) {
            (Ok(()), ..) => None,
            // It is a note about what happened, as those that are written onto charts.
            (Err(_), AlertAction::Acknowledge, Some(account)) => {
                asker.may(Act::Annotate)?;
                Some(account)
            }
            (Err(denied), ..) => return Err(denied.into()),
        };
        if let AlertAction::Snooze(until) = action {
            let ahead = until - self.clock.now();
            if ahead <= TimeDelta::zero() || ahead > SNOOZE_MAX {
                return Err(AlertsError::Until);
            }
        }
        let alert = self.journal.act(acts::ActOn { id, action, of, actor: asker.name() }).await?;
        Ok((alert, self.rules().await?))
    }

    /// Keeps in mind what stood in the way of judging `rule`, and logs it when it is new.
    fn note_trouble(&self, rule: &AlertRule, trouble: Option<String>) {
        let troubles = &mut self.memory.lock().troubles;
        let Some(trouble) = trouble else {
            troubles.remove(&rule.id);
            return;
        };
        if troubles.get(&rule.id) != Some(&trouble) {
            tracing::warn!(rule.id = %rule.id, trouble, "an alert rule could not be judged");
            troubles.insert(rule.id.clone(), trouble);
        }
    }

    /// Forgets what stood in the way of rules that are not watched any more.
    fn forget_troubles(&self, rules: &[AlertRule]) {
        let is_watched =
            |id: &CompactString| rules.iter().any(|rule| rule.id == *id && rule.draft.enabled);
        self.memory.lock().troubles.retain(|id, _| is_watched(id));
    }

    /// Whether an hour may be over since whole hours were last looked at, or that is long ago, or what
    /// is watched has changed.
    fn is_slow_round(&self, now: DateTime<Utc>) -> bool {
        let quarter = |at: DateTime<Utc>| at.timestamp().div_euclid(QUARTER_S);
        let watched = *self.watched.borrow();
        let mut memory = self.memory.lock();
        let is_due = memory.watched != watched
            || memory
                .slow_at
                .is_none_or(|at| quarter(at) != quarter(now) || now - at >= SLOW_ROUND || now < at);
        if is_due {
            memory.slow_at = Some(now);
            memory.watched = watched;
        }
        is_due
    }

    /// Resolves alerts whose rule was removed or switched off.
    async fn resolve_ruleless(
        &self,
        rules: &[AlertRule],
        now: DateTime<Utc>,
    ) -> Result<bool, AlertsError> {
        let is_watched =
            |id: &CompactString| rules.iter().any(|rule| rule.id == *id && rule.draft.enabled);
        let holding = self.books.read(|books| books.alerts().holding_rules()).await?;
        let orphaned: Vec<_> = holding.into_iter().filter(|id| !is_watched(id)).collect();
        let has_any = !orphaned.is_empty();
        for rule_id in orphaned {
            self.journal.act(acts::ResolveAll { rule_id, now }).await?;
        }
        Ok(has_any)
    }

    async fn turn(
        &self,
        rule: AlertRule,
        readings: Vec<Reading>,
        now: DateTime<Utc>,
    ) -> Result<bool, AlertsError> {
        if turn(&self.holding(&rule.id).await?, readings.clone()).is_empty() {
            return Ok(false);
        }
        self.journal.act(acts::TurnRule { rule, readings, now }).await?;
        Ok(true)
    }

    /// The alerts of a rule whose condition held when it was judged last.
    async fn holding(&self, rule_id: &CompactString) -> Result<Vec<Alert>, StoreError> {
        let rule_id = rule_id.clone();
        self.books.read(move |books| books.alerts().holding(&rule_id)).await
    }
}

/// How many alerts opened in `[from, to)`, and the newest `limit` of them.
pub(crate) async fn opened(
    books: &Arc<Books>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    limit: u32,
) -> Result<(i64, Vec<Alert>), StoreError> {
    books
        .read(move |books| {
            let states = AlertState::WORDS.map(CompactString::from).to_vec();
            let any = WantedAlerts { states, ..WantedAlerts::default() };
            let newest = books.alerts().page(&any, Some((to, Uuid::nil())), limit)?;
            let within = newest.into_iter().filter(|alert| from <= alert.opened_at).collect();
            Ok((books.alerts().count_opened(from, to)?, within))
        })
        .await
}

fn unknown_rule(id: &str) -> AlertsError {
    AlertsError::UnknownRule(id.chars().take(100).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
