//! Conditions that somebody watches, and each time one of them held.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use outlay_domain::alerts::{Acknowledgement, Alert, AlertRule, AlertState, Severity};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};
use uuid::Uuid;

use super::time::{from_us, to_us};
use super::tx::{Alerts, Writes};
use crate::StoreError;

const RULES: &str = "SELECT rule_id, rule FROM alert_rules ORDER BY rule_id";
const PUT_RULE: &str = "
    INSERT INTO alert_rules (rule_id, rule) VALUES (?1, ?2)
    ON CONFLICT (rule_id) DO UPDATE SET rule = excluded.rule";
const REMOVE_RULE: &str = "DELETE FROM alert_rules WHERE rule_id = ?1";
const COLUMNS: &str = "
    SELECT alert_id, rule_id, key, severity, title, detail, link, opened_at_us, state, actor,
           changed_at_us, snoozed_until_us, holds, seen_by, seen_at_us, account
    FROM alerts";
const HOLDING: &str = "WHERE holds = 1 AND rule_id = ?1";
const HOLDING_RULES: &str = "SELECT DISTINCT rule_id FROM alerts WHERE holds = 1";
const BY_ID: &str = "WHERE alert_id = ?1";
const PAGE: &str = "
    WHERE (opened_at_us, alert_id) < (?1, ?2)
      AND replace(?3, state, '') <> ?3
      AND (?4 = '' OR replace(?4, severity, '') <> ?4)
      AND (?5 = '' OR replace(',' || ?5 || ',', ',' || rule_id || ',', '') <> ',' || ?5 || ',')
      AND (?7 = '' OR account = ?7)
    ORDER BY opened_at_us DESC, alert_id DESC LIMIT ?6";
const COUNT_OPEN: &str = "
    SELECT count(*) FROM alerts
    WHERE state = 'open' AND (snoozed_until_us IS NULL OR snoozed_until_us <= ?1)
      AND (?2 = '' OR account = ?2)";
const COUNT_OPENED: &str =
    "SELECT count(*) FROM alerts WHERE ?1 <= opened_at_us AND opened_at_us < ?2";
const ADD: &str = "
    INSERT INTO alerts (alert_id, rule_id, key, severity, title, detail, link, opened_at_us, state,
                        actor, changed_at_us, snoozed_until_us, holds, account)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'open', NULL, ?8, NULL, 1, ?9)
    ON CONFLICT DO NOTHING";
const SET: &str = "
    UPDATE alerts SET state = ?2, actor = ?3, changed_at_us = ?4, snoozed_until_us = ?5, holds = ?6,
                      seen_by = ?7, seen_at_us = ?8
    WHERE alert_id = ?1";
const FORGET: &str = "
    DELETE FROM alerts WHERE state = 'resolved' AND holds = 0 AND changed_at_us < ?1";

impl<A> Alerts<'_, A> {
    /// Every rule, by id.
    pub fn rules(&self) -> Result<Vec<AlertRule>, StoreError> {
        let mut statement = self.conn.prepare_cached(RULES)?;
        let mut rows = statement.query([])?;
        let mut rules = Vec::new();
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            let json: String = row.get(1)?;
            rules.push(serde_json::from_str(&json).map_err(|error| damaged(&id, &error))?);
        }
        Ok(rules)
    }

    /// The alerts of a rule whose condition held when it was judged last.
    pub fn holding(&self, rule_id: &str) -> Result<Vec<Alert>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} {HOLDING}"))?;
        let alerts = statement.query_map([rule_id], read)?;
        Ok(alerts.collect::<Result<_, _>>()?)
    }

    /// The rules that have such alerts.
    pub fn holding_rules(&self) -> Result<Vec<CompactString>, StoreError> {
        let mut statement = self.conn.prepare_cached(HOLDING_RULES)?;
        let ids =
            statement.query_map([], |row| row.get::<_, String>(0).map(CompactString::from))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// The alert of that id.
    pub fn find(&self, id: Uuid) -> Result<Option<Alert>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} {BY_ID}"))?;
        Ok(statement.query_row([id.to_string()], read).optional()?)
    }

    /// The newest `limit` alerts that are wanted and stand behind the time and id `before`.
    pub fn page(
        &self,
        wanted: &WantedAlerts,
        before: Option<(DateTime<Utc>, Uuid)>,
        limit: u32,
    ) -> Result<Vec<Alert>, StoreError> {
        let (at, id) =
            before.map_or((i64::MAX, String::new()), |(at, id)| (to_us(at), id.to_string()));
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} {PAGE}"))?;
        let WantedAlerts { states, severities, rules, account } = wanted;
        let (states, severities, rules) = (states.join(" "), severities.join(" "), rules.join(","));
        let account = account.as_deref().unwrap_or_default();
        let wanted = params![at, id, states, severities, rules, limit, account];
        let alerts = statement.query_map(wanted, read)?;
        Ok(alerts.collect::<Result<_, _>>()?)
    }

    /// How many alerts are open and not silent, of those about `account` alone where one is named.
    pub fn count_open(&self, account: Option<&str>, now: DateTime<Utc>) -> Result<i64, StoreError> {
        let wanted = params![to_us(now), account.unwrap_or_default()];
        Ok(self.conn.prepare_cached(COUNT_OPEN)?.query_row(wanted, |row| row.get(0))?)
    }

    /// How many alerts opened in `[from, to)`, of those that are not forgotten.
    pub fn count_opened(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<i64, StoreError> {
        let range = params![to_us(from), to_us(to)];
        Ok(self.conn.prepare_cached(COUNT_OPENED)?.query_row(range, |row| row.get(0))?)
    }
}

impl Alerts<'_, Writes> {
    /// Keeps `rule`, in place of the one of its id.
    pub fn put_rule(&self, rule: &AlertRule) -> Result<(), StoreError> {
        let json = serde_json::to_string(rule).map_err(|error| damaged(&rule.id, &error))?;
        self.conn.prepare_cached(PUT_RULE)?.execute(params![rule.id.as_str(), json])?;
        Ok(())
    }

    /// Removes the rule of that id.
    pub fn remove_rule(&self, id: &str) -> Result<(), StoreError> {
        self.conn.prepare_cached(REMOVE_RULE)?.execute([id])?;
        Ok(())
    }

    /// Opens an alert; `false` when its rule and key have one already.
    pub fn add(&self, alert: &Alert) -> Result<bool, StoreError> {
        let link = alert.link.as_ref().map(serde_json::to_string).transpose();
        let link = link.map_err(|error| damaged(&alert.rule_id, &error))?;
        let added = self.conn.prepare_cached(ADD)?.execute(params![
            alert.id.to_string(),
            alert.rule_id.as_str(),
            alert.key.as_str(),
            alert.severity.as_str(),
            alert.title,
            alert.detail,
            link,
            to_us(alert.opened_at),
            alert.account.as_deref(),
        ])?;
        Ok(added > 0)
    }

    /// Writes where `alert` is now between open and resolved.
    pub fn set(&self, alert: &Alert) -> Result<(), StoreError> {
        let (actor, at) = match &alert.state {
            AlertState::Open => (None, alert.opened_at),
            AlertState::Acknowledged(seen) => (Some(&seen.by), seen.at),
            AlertState::Resolved { by, at, .. } => (by.as_ref(), *at),
        };
        let seen = alert.state.acknowledgement();
        self.conn.prepare_cached(SET)?.execute(params![
            alert.id.to_string(),
            alert.state.as_str(),
            actor.map(CompactString::as_str),
            to_us(at),
            alert.snoozed_until.map(to_us),
            alert.holds,
            seen.map(|seen| seen.by.as_str()),
            seen.map(|seen| to_us(seen.at)),
        ])?;
        Ok(())
    }

    /// Forgets what was resolved before `before`, and says how many.
    pub fn forget(&self, before: DateTime<Utc>) -> Result<usize, StoreError> {
        Ok(self.conn.prepare_cached(FORGET)?.execute([to_us(before)])?)
    }
}

/// Which alerts are wanted.
#[derive(Debug, Clone, Default)]
pub struct WantedAlerts {
    /// In one of these states.
    pub states: Vec<CompactString>,
    /// Of one of these severities; of any where there are none.
    pub severities: Vec<CompactString>,
    /// Of one of these rules, without commas in their ids; of any where there are none.
    pub rules: Vec<CompactString>,
    /// About this account alone; about any and all where none is named.
    pub account: Option<CompactString>,
}

fn read(row: &Row<'_>) -> Result<Alert, rusqlite::Error> {
    let text = |column: usize| row.get::<_, String>(column);
    let wrong = |column: usize, what: String| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
    };
    let id = text(0)?.parse().map_err(|error: uuid::Error| wrong(0, error.to_string()))?;
    let severity = text(3)?;
    let by = row.get::<_, Option<String>>(9)?.map(CompactString::from);
    let at = from_us(row.get(10)?);
    let seen_by = row.get::<_, Option<String>>(13)?.map(CompactString::from);
    let seen_at = row.get::<_, Option<i64>>(14)?.map(from_us);
    let acknowledged = seen_by.zip(seen_at).map(|(by, at)| Acknowledgement { by, at });
    Ok(Alert {
        id,
        rule_id: text(1)?.into(),
        key: text(2)?.into(),
        severity: Severity::parse(&severity).ok_or_else(|| wrong(3, severity))?,
        title: text(4)?,
        detail: text(5)?,
        // An alert says what holds even where what it points at is not known any more.
        link: row.get::<_, Option<String>>(6)?.and_then(|link| serde_json::from_str(&link).ok()),
        account: row.get::<_, Option<String>>(15)?.map(CompactString::from),
        opened_at: from_us(row.get(7)?),
        state: match text(8)?.as_str() {
            "open" => AlertState::Open,
            "acknowledged" => AlertState::Acknowledged(
                acknowledged.unwrap_or_else(|| Acknowledgement { by: by.unwrap_or_default(), at }),
            ),
            _ => AlertState::Resolved { by, at, acknowledged },
        },
        snoozed_until: row.get::<_, Option<i64>>(11)?.map(from_us),
        holds: row.get(12)?,
    })
}

fn damaged(id: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged { what: format!("the alert rule `{id}`"), how: error.to_string() }
}
