#![doc = include_str!("README.md")]

mod judge;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use outlay_domain::alerts::{
    Alert, AlertRule, AlertState, Condition, Reading, RuleDraft, RuleError, Turn, turn,
};
use outlay_domain::people::AuditRecord;
pub use outlay_store::sqlite::alerts::WantedAlerts;
use outlay_store::{Books, StoreError, Tx};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::watch;
use uuid::Uuid;

use crate::budgets::{Budgets, BudgetsError};
use crate::usage::{By, Questions, UnansweredError};
use crate::{Clock, Outlay};

/// Rules that may be kept, at most.
pub const RULES_MAX: usize = 200;
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
    questions: Questions,
    budgets: Budgets,
    clock: Arc<dyn Clock>,
    /// Whose days and hours are judged.
    tz: Tz,
    outlay: std::sync::Weak<Outlay>,
    changed: watch::Sender<u64>,
    to_judge: watch::Sender<u64>,
    memory: Mutex<Memory>,
}

/// What is remembered between two rounds.
#[derive(Default)]
struct Memory {
    /// When what looks at whole hours and days was judged last.
    slow_at: Option<DateTime<Utc>>,
    /// Commits that had failed by then.
    failures: u64,
    /// Panics of each task by then.
    panics: BTreeMap<&'static str, u64>,
    /// Why rules could not be judged, or not all of what they watch, when they were judged last.
    troubles: BTreeMap<CompactString, String>,
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
    /// There is no alert of that id.
    #[error("there is no alert `{0}`")]
    UnknownAlert(Uuid),
    /// What is over cannot be seen to.
    #[error("the alert is resolved already")]
    Resolved,
    /// There are as many rules as there may be.
    #[error("there are {RULES_MAX} alert rules already")]
    TooMany,
    /// Usage could not be asked for.
    #[error(transparent)]
    Unanswered(#[from] UnansweredError),
    /// The books could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<BudgetsError> for AlertsError {
    fn from(error: BudgetsError) -> Self {
        match error {
            BudgetsError::Unanswered(error) => Self::Unanswered(error),
            BudgetsError::Store(error) => Self::Store(error),
            // Budgets that are kept are known and right.
            BudgetsError::Budget(_) | BudgetsError::Unknown(_) | BudgetsError::TooMany => {
                Self::Unanswered(UnansweredError::Busy)
            }
        }
    }
}

/// What somebody does about an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
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
            questions: outlay.questions.by(OWN),
            budgets: outlay.budgets(OWN),
            clock: outlay.clock.clone(),
            tz: outlay.time_zone,
            outlay: Arc::downgrade(outlay),
            changed: watch::channel(0).0,
            to_judge: watch::channel(0).0,
            memory: Mutex::default(),
        })
    }

    /// Hears whenever an alert or a rule changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Hears whenever rules are to be judged anew, because one of them or a budget changed.
    pub fn to_judge(&self) -> watch::Receiver<u64> {
        self.to_judge.subscribe()
    }

    /// Has every rule judged soon, those that look at whole hours and days among them.
    pub fn judge_soon(&self) {
        self.memory.lock().slow_at = None;
        self.to_judge.send_modify(|version| *version += 1);
    }

    /// How long it is until the next moment at which hours may end.
    pub fn until_hours_end(&self) -> std::time::Duration {
        let now = self.clock.now();
        let end = (now.timestamp().div_euclid(QUARTER_S) + 1) * QUARTER_S;
        let end = DateTime::from_timestamp(end, 0).unwrap_or(now);
        (end - now).to_std().unwrap_or_default()
    }

    /// Every rule, by id.
    pub fn rules(&self) -> Result<Vec<AlertRule>, StoreError> {
        self.books.read_blocking(|books| books.alerts().rules())
    }

    /// Keeps `draft` as a new rule under `id`, or in place of the one that is there.
    pub fn put_rule(
        &self,
        id: CompactString,
        draft: RuleDraft,
        actor: &str,
    ) -> Result<AlertRule, AlertsError> {
        let now = self.clock.now();
        let rules = self.rules()?;
        let known = rules.iter().find(|rule| rule.id == id);
        if known.is_none() && rules.len() >= RULES_MAX {
            return Err(AlertsError::TooMany);
        }
        let created_at = known.map_or(now, |known| known.created_at);
        let rule = AlertRule::new(id, created_at, draft)?;
        self.books.write_blocking(|tx| {
            tx.alerts().put_rule(&rule)?;
            tx.audit().append(&record(&rule, "alert_rules.put", actor, now))
        })?;
        self.tell();
        self.judge_soon();
        Ok(rule)
    }

    /// The rule of that id.
    pub fn rule(&self, id: &str) -> Result<AlertRule, AlertsError> {
        let found = self.rules()?.into_iter().find(|rule| rule.id == id);
        found.ok_or_else(|| AlertsError::UnknownRule(id.chars().take(100).collect()))
    }

    /// Removes the rule of that id; its alerts resolve in the next round.
    pub fn remove_rule(&self, id: &str, actor: &str) -> Result<(), AlertsError> {
        let rule = self.rule(id)?;
        let now = self.clock.now();
        self.books.write_blocking(|tx| {
            tx.alerts().remove_rule(id)?;
            tx.audit().append(&record(&rule, "alert_rules.remove", actor, now))
        })?;
        self.tell();
        self.judge_soon();
        Ok(())
    }

    /// Why rules could not be judged when they were judged last, by rule.
    pub fn troubles(&self) -> BTreeMap<CompactString, String> {
        self.memory.lock().troubles.clone()
    }

    /// The newest alerts that are wanted, behind the time and id `before`.
    pub fn page(
        &self,
        wanted: &WantedAlerts<'_>,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Alert>, StoreError> {
        self.books.read_blocking(|books| books.alerts().page(wanted, before, limit))
    }

    /// How many alerts are open and not silent.
    pub fn count_open(&self) -> Result<i64, StoreError> {
        self.books.read_blocking(|books| books.alerts().count_open(self.clock.now()))
    }

    /// How many alerts opened in `[from, to)`, and the newest `limit` of them.
    pub fn opened(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        limit: u32,
    ) -> Result<(i64, Vec<Alert>), StoreError> {
        self.books.read_blocking(|books| {
            let any =
                WantedAlerts { states: AlertState::WORDS.to_vec(), ..WantedAlerts::default() };
            let newest = books.alerts().page(&any, Some((to, Uuid::nil())), limit)?;
            let within = newest.into_iter().filter(|alert| from <= alert.opened_at).collect();
            Ok((books.alerts().count_opened(from, to)?, within))
        })
    }

    /// Lets `actor` do something about an alert.
    pub fn see_to(&self, id: Uuid, deed: Deed, actor: &str) -> Result<Alert, AlertsError> {
        let at = self.clock.now();
        let alert = self.books.write_blocking(|tx| {
            let mut alert = tx.alerts().find(id)?.ok_or(AlertsError::UnknownAlert(id))?;
            if matches!(alert.state, AlertState::Resolved { .. }) {
                return Err(AlertsError::Resolved);
            }
            let by: CompactString = actor.into();
            match deed {
                Deed::Acknowledge => alert.state = alert.state.acknowledged(by, at),
                Deed::Snooze(until) => alert.snoozed_until = Some(until),
                Deed::Resolve => alert.state = alert.state.resolved(Some(by), at),
            }
            tx.alerts().set(&alert)?;
            Ok(alert)
        })?;
        self.tell();
        Ok(alert)
    }

    /// Judges every rule. Says whether an alert opened or resolved.
    ///
    /// A rule that cannot be judged now, because a question was not answered, keeps its alerts.
    pub async fn judge_all(&self) -> Result<bool, AlertsError> {
        let now = self.clock.now();
        let slow = self.is_slow_round(now);
        let rules = self.rules()?;
        let mut has_changed = self.resolve_ruleless(&rules, now)?;
        self.forget_troubles(&rules);
        for rule in rules.iter().filter(|rule| rule.draft.enabled) {
            if is_slow(&rule.draft.condition) && !slow {
                continue;
            }
            match self.read(rule, now).await {
                Ok(seen) => {
                    self.note_trouble(rule, seen.trouble);
                    has_changed |= self.turn(rule, seen.readings, now)?;
                }
                Err(error) => self.note_trouble(rule, Some(error.to_string())),
            }
        }
        if slow {
            let Some(outlay) = self.outlay.upgrade() else { return Ok(has_changed) };
            let safe = outlay.known_time.now().safe;
            self.books.write_blocking(|tx| tx.alerts().forget(safe - KEPT_FOR))?;
        }
        if has_changed {
            self.tell();
        }
        Ok(has_changed)
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

    /// Whether an hour may be over since whole hours were last looked at, or that is long ago.
    fn is_slow_round(&self, now: DateTime<Utc>) -> bool {
        let quarter = |at: DateTime<Utc>| at.timestamp().div_euclid(QUARTER_S);
        let mut memory = self.memory.lock();
        let is_due = memory
            .slow_at
            .is_none_or(|at| quarter(at) != quarter(now) || now - at >= SLOW_ROUND || now < at);
        if is_due {
            memory.slow_at = Some(now);
        }
        is_due
    }

    /// Resolves alerts whose rule was removed or switched off.
    fn resolve_ruleless(
        &self,
        rules: &[AlertRule],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let is_watched =
            |id: &CompactString| rules.iter().any(|rule| rule.id == *id && rule.draft.enabled);
        let orphaned: Vec<_> = self
            .books
            .read_blocking(|books| books.alerts().holding_rules())?
            .into_iter()
            .filter(|id| !is_watched(id))
            .collect();
        for id in &orphaned {
            self.books.write_blocking(|tx| {
                let holding = tx.alerts().holding(id)?;
                let turn = turn(&holding, Vec::new());
                write(tx, id, &holding, turn, now, None)
            })?;
        }
        Ok(!orphaned.is_empty())
    }

    fn turn(
        &self,
        rule: &AlertRule,
        readings: Vec<Reading>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let holding = self.books.read_blocking(|books| books.alerts().holding(&rule.id))?;
        if turn(&holding, readings.clone()).is_empty() {
            return Ok(false);
        }
        // Judged again inside the transaction: somebody may have been quicker.
        self.books.write_blocking(|tx| {
            let holding = tx.alerts().holding(&rule.id)?;
            let turn = turn(&holding, readings);
            write(tx, &rule.id, &holding, turn, now, Some(rule))
        })?;
        Ok(true)
    }

    fn tell(&self) {
        self.changed.send_modify(|version| *version += 1);
    }
}

/// Whether a condition looks at whole hours and days, which change when one is over.
const fn is_slow(condition: &Condition) -> bool {
    matches!(condition, Condition::Anomaly { .. } | Condition::Change { .. })
}

fn write(
    tx: &Tx<'_>,
    rule_id: &CompactString,
    holding: &[Alert],
    turn: Turn,
    now: DateTime<Utc>,
    rule: Option<&AlertRule>,
) -> Result<(), StoreError> {
    for alert in holding {
        let mut alert = alert.clone();
        if turn.resolved.contains(&alert.id) {
            alert.state = alert.state.resolved(None, now);
        } else if !turn.gone.contains(&alert.id) {
            continue;
        }
        alert.holds = false;
        tx.alerts().set(&alert)?;
    }
    let Some(rule) = rule else { return Ok(()) };
    for reading in turn.opened {
        let Reading { key, severity, title, detail, path, .. } = reading;
        let alert = Alert {
            id: Uuid::now_v7(),
            rule_id: rule_id.clone(),
            key,
            severity: severity.unwrap_or(rule.draft.severity),
            title,
            detail,
            path,
            opened_at: now,
            state: AlertState::Open,
            snoozed_until: None,
            holds: true,
        };
        tx.alerts().add(&alert)?;
    }
    Ok(())
}

fn record(rule: &AlertRule, action: &str, actor: &str, at: DateTime<Utc>) -> AuditRecord {
    AuditRecord {
        at,
        actor: actor.into(),
        action: action.into(),
        target: rule.id.clone(),
        detail: serde_json::json!(rule.draft),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
