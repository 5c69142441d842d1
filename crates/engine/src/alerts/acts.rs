//! What changes alerts and rules, each in one commit.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::alerts::{Alert, AlertRule, AlertState, Reading, RuleDraft, Turn, turn};
use outlay_domain::people::AuditRecord;
use outlay_store::{StoreError, Tx};
use uuid::Uuid;

use super::{AlertAction, AlertsError, RULES_MAX, unknown_rule};
use crate::journal::{Act, Stop, Topic};

type Judged<T> = Result<T, Stop<AlertsError>>;

/// Keeps a rule that there is not yet.
pub(super) struct CreateRule {
    pub id: CompactString,
    pub draft: RuleDraft,
    pub actor: CompactString,
}

impl Act for CreateRule {
    type Done = AlertRule;
    type Refused = AlertsError;
    const TELLS: &'static [Topic] = &[Topic::Alerts, Topic::Watched];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<AlertRule> {
        let rules = tx.alerts().rules()?;
        if rules.iter().any(|rule| rule.id == self.id) {
            return Err(Stop::Refused(AlertsError::Taken(self.id)));
        }
        if rules.len() >= RULES_MAX {
            return Err(Stop::Refused(AlertsError::TooMany));
        }
        put(tx, self.id, at, self.draft, &self.actor, at)
    }
}

/// Lets a rule say something else.
pub(super) struct ChangeRule {
    pub id: CompactString,
    pub draft: RuleDraft,
    pub actor: CompactString,
}

impl Act for ChangeRule {
    type Done = AlertRule;
    type Refused = AlertsError;
    const TELLS: &'static [Topic] = &[Topic::Alerts, Topic::Watched];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<AlertRule> {
        let known = known_rule(tx, &self.id)?;
        put(tx, known.id, known.created_at, self.draft, &self.actor, at)
    }
}

/// Removes a rule; its alerts resolve in the next round.
pub(super) struct RemoveRule {
    pub id: CompactString,
    pub actor: CompactString,
}

impl Act for RemoveRule {
    type Done = ();
    type Refused = AlertsError;
    const TELLS: &'static [Topic] = &[Topic::Alerts, Topic::Watched];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<()> {
        let rule = known_rule(tx, &self.id)?;
        tx.alerts().remove_rule(&rule.id)?;
        Ok(tx.audit().append(&record(&rule, "alert_rules.remove", &self.actor, at))?)
    }
}

/// Lets somebody do something about an alert.
pub(super) struct ActOn {
    pub id: Uuid,
    pub action: AlertAction,
    /// Only where it is about this account alone; wherever there is none.
    pub of: Option<CompactString>,
    pub actor: CompactString,
}

impl Act for ActOn {
    type Done = Alert;
    type Refused = AlertsError;
    const TELLS: &'static [Topic] = &[Topic::Alerts];

    fn act(self, tx: &Tx<'_>, at: DateTime<Utc>) -> Judged<Alert> {
        let found = tx.alerts().find(self.id)?;
        let found = found.filter(|alert| self.of.is_none() || alert.account == self.of);
        let mut alert = found.ok_or(Stop::Refused(AlertsError::UnknownAlert(self.id)))?;
        if matches!(alert.state, AlertState::Resolved { .. }) {
            return Err(Stop::Refused(AlertsError::Resolved));
        }
        match self.action {
            AlertAction::Acknowledge => alert.state = alert.state.acknowledged(self.actor, at),
            AlertAction::Snooze(until) => alert.snoozed_until = Some(until),
            AlertAction::Resolve => alert.state = alert.state.resolved(Some(self.actor), at),
        }
        tx.alerts().set(&alert)?;
        Ok(alert)
    }
}

/// Opens and resolves alerts of a rule by what it sees. What holds is read again here: somebody may
/// have been quicker.
pub(super) struct TurnRule {
    pub rule: AlertRule,
    pub readings: Vec<Reading>,
    pub now: DateTime<Utc>,
}

impl Act for TurnRule {
    type Done = ();
    type Refused = AlertsError;
    const TELLS: &'static [Topic] = &[Topic::Alerts];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Judged<()> {
        let holding = tx.alerts().holding(&self.rule.id)?;
        let turn = turn(&holding, self.readings);
        settle(tx, &holding, &turn, self.now)?;
        for reading in turn.opened {
            tx.alerts().add(&opened(&self.rule, reading, self.now))?;
        }
        Ok(())
    }
}

/// Resolves the alerts of a rule that is not watched any more.
pub(super) struct ResolveAll {
    pub rule_id: CompactString,
    pub now: DateTime<Utc>,
}

impl Act for ResolveAll {
    type Done = ();
    type Refused = AlertsError;
    const TELLS: &'static [Topic] = &[Topic::Alerts];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Judged<()> {
        let holding = tx.alerts().holding(&self.rule_id)?;
        Ok(settle(tx, &holding, &turn(&holding, Vec::new()), self.now)?)
    }
}

/// Forgets alerts that were resolved long ago.
pub(super) struct Forget {
    pub before: DateTime<Utc>,
}

impl Act for Forget {
    type Done = ();
    type Refused = AlertsError;
    const TELLS: &'static [Topic] = &[];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Judged<()> {
        tx.alerts().forget(self.before)?;
        Ok(())
    }
}

fn known_rule(tx: &Tx<'_>, id: &str) -> Judged<AlertRule> {
    let found = tx.alerts().rules()?.into_iter().find(|rule| rule.id == id);
    found.ok_or_else(|| Stop::Refused(unknown_rule(id)))
}

fn put(
    tx: &Tx<'_>,
    id: CompactString,
    created_at: DateTime<Utc>,
    draft: RuleDraft,
    actor: &str,
    at: DateTime<Utc>,
) -> Judged<AlertRule> {
    let rule =
        AlertRule::new(id, created_at, draft).map_err(|error| Stop::Refused(error.into()))?;
    tx.alerts().put_rule(&rule)?;
    tx.audit().append(&record(&rule, "alert_rules.put", actor, at))?;
    Ok(rule)
}

/// Writes of which alerts the condition went.
fn settle(
    tx: &Tx<'_>,
    holding: &[Alert],
    turn: &Turn,
    now: DateTime<Utc>,
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
    Ok(())
}

fn opened(rule: &AlertRule, reading: Reading, now: DateTime<Utc>) -> Alert {
    let Reading { key, severity, title, detail, link, account, .. } = reading;
    Alert {
        id: Uuid::now_v7(),
        rule_id: rule.id.clone(),
        key,
        severity: severity.unwrap_or(rule.draft.severity),
        title,
        detail,
        link,
        account,
        opened_at: now,
        state: AlertState::Open,
        snoozed_until: None,
        holds: true,
    }
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
