//! What each condition sees at a moment.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Days, NaiveDate, SecondsFormat, TimeDelta, Utc};
use chrono_tz::Tz;
use compact_str::{CompactString, format_compact};
use outlay_analytics::anomalies::{self, OnlineDetector, OnlineOptions};
use outlay_analytics::{change_points, season};
use outlay_domain::Amount;
use outlay_domain::alerts::{AlertRule, Condition, Hold, Reading, Severity, SpikeSeverity};
use outlay_domain::budgets::{Basis, Scope};
use outlay_domain::usage::question::{Every, Group, Measure, Value, day_start};

use super::{Alerts, AlertsError};
use crate::budgets::BudgetStatus;
use crate::figure_text::{amount_text, count_text};
use crate::health::DiskSpace;
use crate::insights::units;
use crate::usage::{UnansweredError, UsageQuestion};

/// Days that daily conditions look at.
const DAYS: u64 = 180;
/// Hours that hourly conditions look at: the season of a week, four times.
const HOURS: i64 = 24 * 28;
/// Hours before the first alarm: two weeks.
const HOURS_PROBATION: usize = 24 * 14;
/// For how long an anomaly is news.
const ANOMALY_NEWS: u64 = 2;
/// For how long a new level is news.
const CHANGE_NEWS: u64 = 7;
/// A limit is left when a measure falls below this share of it.
const LEFT_BELOW: f64 = 0.9;
/// Nothing below this much spend a day or hour is worth an alert.
const SPEND_MIN: f64 = 0.01;
const NANOS: f64 = 1e9;

impl Alerts {
    /// What `rule` sees now.
    pub(super) async fn read(
        &self,
        rule: &AlertRule,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reading>, AlertsError> {
        match &rule.draft.condition {
            Condition::Budget {} => self.budgets_reached().await,
            Condition::Unpriced {} => self.unpriced(now).await,
            Condition::Above { measure, hours, limit, scope } => {
                self.above(measure, *hours, *limit, scope, now).await
            }
            Condition::Anomaly { scope, severity } => {
                let mut readings = self.odd_days(scope, *severity, now).await?;
                // Once a day is over, it tells of its hours too.
                let days: Vec<_> =
                    readings.iter().map(|day| day.key["day:".len()..].to_owned()).collect();
                let mut hours = self.odd_hours(scope, *severity, now).await?;
                hours.retain(|hour| {
                    !days.iter().any(|day| hour.key["hour:".len()..].starts_with(day))
                });
                readings.extend(hours);
                Ok(readings)
            }
            Condition::Change { scope } => self.new_levels(scope, now).await,
            Condition::Silence { scope, hours } => self.silence(scope, *hours, now).await,
            Condition::Health {} => Ok(self.trouble()),
        }
    }

    /// The highest threshold of each kind that each budget reached in its window.
    async fn budgets_reached(&self) -> Result<Vec<Reading>, AlertsError> {
        let mut readings = Vec::new();
        for status in self.budgets.statuses().await? {
            // What is spent already needs no forecast.
            let is_spent = status.remaining <= 0;
            for basis in [Basis::Actual, Basis::Forecast] {
                let mut reached = status.reached.iter();
                let highest = reached.rfind(|one| one.threshold.basis == basis);
                let Some(highest) = highest.filter(|_| basis == Basis::Actual || !is_spent) else {
                    continue;
                };
                let (threshold, percent) = (highest.threshold.percent, highest.percent);
                readings.push(budget_reading(&status, basis, threshold, percent));
            }
        }
        Ok(readings)
    }

    async fn unpriced(&self, now: DateTime<Utc>) -> Result<Vec<Reading>, AlertsError> {
        let from = now - TimeDelta::days(1);
        let question = UsageQuestion {
            by: vec![
                outlay_domain::usage::question::Attribute::Provider,
                outlay_domain::usage::question::Attribute::Model,
            ],
            top: Some(20),
            ..asked(&Scope::default(), Measure::Unpriced, from, now, None)
        };
        let answered = self.questions.breakdown(question, None).await?;
        let readings = answered.answer.rows.iter().filter_map(|row| {
            let (Group::Of(key), Some(Value::Count(count))) = (&row.group, row.values.now.first())
            else {
                return None;
            };
            if *count <= 0 {
                return None;
            }
            let name = |at: usize| key.get(at).cloned().flatten().unwrap_or("unknown".into());
            let (provider, model) = (name(0), name(1));
            let mut scope = BTreeMap::new();
            scope.insert("provider".to_owned(), vec![provider.to_string()]);
            scope.insert("model".to_owned(), vec![model.to_string()]);
            Some(Reading {
                key: format_compact!("{provider}/{model}"),
                hold: Hold::Holds,
                severity: None,
                title: format!("{model} of {provider} has no price"),
                detail: match count {
                    1 => "one event of the last day is not in any sum of spend".into(),
                    count => format!("{count} events of the last day are not in any sum of spend"),
                },
                path: Some("/prices?view=unpriced".into()),
            })
        });
        Ok(readings.collect())
    }

    async fn above(
        &self,
        measure: &str,
        hours: u16,
        limit: Amount,
        scope: &Scope,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reading>, AlertsError> {
        let Some(measured) = Measure::from_name(measure) else { return Ok(Vec::new()) };
        let from = now - TimeDelta::hours(i64::from(hours));
        let question = asked(scope, measured, from, now, None);
        let answered = self.questions.total(question, None).await?;
        let Some(value) = answered.answer.total.now.first() else { return Ok(Vec::new()) };
        let (reaches, part) = against(value, limit);
        let hold = match (reaches, part >= LEFT_BELOW) {
            (true, _) => Hold::Holds,
            (false, true) => Hold::Nearly,
            (false, false) => return Ok(Vec::new()),
        };
        let (text, limit) = match value {
            Value::Amount { nanos } => (amount_text(*nanos), amount_text(limit.nanos().into())),
            Value::Count(count) => (count_text(*count), limit.to_string()),
            other => (other.text().to_string(), limit.to_string()),
        };
        Ok(vec![Reading {
            key: CompactString::const_new("limit"),
            hold,
            severity: None,
            title: format!("{measure} of the last {hours} h is {text}, the limit is {limit}"),
            detail: about(scope),
            path: Some(path(scope, from, now)),
        }])
    }

    /// Hours that closed lately and were not as expected.
    async fn odd_hours(
        &self,
        scope: &Scope,
        least: SpikeSeverity,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reading>, AlertsError> {
        let from = now - TimeDelta::hours(HOURS);
        let series = self.series(scope, from, now, Every::Hour).await?;
        // The hour that runs is no whole one.
        let whole = series.split_last().map_or(&[][..], |(_, whole)| whole);
        let news = now - TimeDelta::hours(24 * ANOMALY_NEWS as i64);
        let options = OnlineOptions {
            seasons: vec![24, 168],
            probation: HOURS_PROBATION,
            ..Default::default()
        };
        let mut detector = OnlineDetector::new(options);
        let begun = whole.iter().position(|(_, spend)| *spend > 0.0).unwrap_or(whole.len());
        let mut readings = Vec::new();
        for (at, spend) in &whole[begun..] {
            let verdict = detector.push(*spend);
            let is_worth = (spend - verdict.expected).abs() >= SPEND_MIN;
            if verdict.anomaly && is_worth && *at >= news && is_at_least(verdict.severity, least) {
                let local = at.with_timezone(&self.tz);
                readings.push(Reading {
                    key: format_compact!(
                        "hour:{}",
                        local.to_rfc3339_opts(SecondsFormat::Secs, true)
                    ),
                    hold: Hold::Holds,
                    severity: (verdict.severity >= anomalies::Severity::Critical)
                        .then_some(Severity::Critical),
                    title: format!(
                        "${spend:.2} in the hour from {}, ${:.2} were expected",
                        local.format("%F %H:%M %Z"),
                        verdict.expected.max(0.0)
                    ),
                    detail: format!("{}, usual is up to ${:.2}", about(scope), verdict.hi.max(0.0)),
                    path: Some(path(scope, *at, *at + TimeDelta::hours(1))),
                });
            }
        }
        Ok(readings)
    }

    /// Days that were over lately and were not as expected.
    async fn odd_days(
        &self,
        scope: &Scope,
        least: SpikeSeverity,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reading>, AlertsError> {
        let (days, values) = self.whole_days(scope, now).await?;
        let seasons = season::season_lengths(&values, &season::Options::daily());
        let news = self.today(now) - Days::new(ANOMALY_NEWS);
        let found = anomalies::detect(&values, &anomalies::Options::new(&seasons)).anomalies;
        let readings = found.into_iter().filter_map(|anomaly| {
            let day = days[anomaly.index];
            let is_worth = (anomaly.value - anomaly.expected).abs() >= SPEND_MIN;
            if day < news || !is_worth || !is_at_least(anomaly.severity, least) {
                return None;
            }
            Some(Reading {
                key: format_compact!("day:{day}"),
                hold: Hold::Holds,
                severity: (anomaly.severity >= anomalies::Severity::Critical)
                    .then_some(Severity::Critical),
                title: format!(
                    "${:.2} on {day}, ${:.2} were expected",
                    anomaly.value,
                    anomaly.expected.max(0.0)
                ),
                detail: format!(
                    "{}, usual is ${:.2} to ${:.2}",
                    about(scope),
                    anomaly.lo.max(0.0),
                    anomaly.hi.max(0.0)
                ),
                path: Some(day_path(scope, day)),
            })
        });
        Ok(readings.collect())
    }

    async fn new_levels(
        &self,
        scope: &Scope,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reading>, AlertsError> {
        let (days, values) = self.whole_days(scope, now).await?;
        let seasons = season::season_lengths(&values, &season::Options::daily());
        let found = change_points::change_points(&values, &change_points::Options::steps(&seasons));
        let news = self.today(now) - Days::new(CHANGE_NEWS);
        let readings = found.into_iter().filter_map(|change| {
            let day = days[change.index];
            if day < news || change.size().abs() < SPEND_MIN {
                return None;
            }
            Some(Reading {
                // The date of a change may move by a day or two as more is seen of it.
                key: format_compact!("level:{}", if change.size() > 0.0 { "up" } else { "down" }),
                hold: Hold::Holds,
                severity: None,
                title: format!(
                    "Spend went from ${:.2} to ${:.2} a day around {day}",
                    change.before.max(0.0),
                    change.after.max(0.0)
                ),
                detail: format!(
                    "{}, between {} and {}",
                    about(scope),
                    days[change.lo.min(days.len() - 1)],
                    days[change.hi.min(days.len() - 1)]
                ),
                path: Some(day_path(scope, day)),
            })
        });
        Ok(readings.collect())
    }

    async fn silence(
        &self,
        scope: &Scope,
        hours: u16,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reading>, AlertsError> {
        let from = now - TimeDelta::hours(i64::from(hours));
        let count = |from| asked(scope, Measure::Events, from, now, None);
        let events = |answered: &crate::usage::Answered| match answered.answer.total.now.first() {
            Some(Value::Count(count)) => *count,
            _ => 0,
        };
        let lately = events(&self.questions.total(count(from), None).await?);
        // What never sent anything is not silent; it has not begun.
        let ever = events(&self.questions.total(count(now - TimeDelta::days(31)), None).await?);
        if lately > 0 || ever == 0 {
            return Ok(Vec::new());
        }
        Ok(vec![Reading {
            key: CompactString::const_new("silence"),
            hold: Hold::Holds,
            severity: None,
            title: format!("Nothing came in for {hours} h"),
            detail: about(scope),
            path: Some(path(scope, now - TimeDelta::days(7), now)),
        }])
    }

    fn trouble(&self) -> Vec<Reading> {
        let Some(outlay) = self.outlay.upgrade() else { return Vec::new() };
        let mut readings = Vec::new();
        let mut found = |key: &'static str, title: String, detail: &str| {
            readings.push(Reading {
                key: CompactString::const_new(key),
                hold: Hold::Holds,
                severity: None,
                title,
                detail: detail.into(),
                path: None,
            });
        };
        if let Some(space) = DiskSpace::of(&outlay.data_dir).filter(|space| space.is_nearly_full())
        {
            let title = format!("The disk has {} MB left", space.free >> 20);
            found("disk", title, "make room, or events will be refused");
        }
        let failures =
            outlay.commits.counters().failures.load(std::sync::atomic::Ordering::Relaxed);
        let before = std::mem::replace(&mut self.memory.lock().failures, failures);
        if failures > before {
            let title = format!("{} batches could not be written", failures - before);
            found("commits", title, "their senders were told; the log says why");
        }
        readings
    }

    fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.tz).date_naive()
    }

    /// Spend of the days that are over, from the first one with any.
    async fn whole_days(
        &self,
        scope: &Scope,
        now: DateTime<Utc>,
    ) -> Result<(Vec<NaiveDate>, Vec<f64>), UnansweredError> {
        let today = self.today(now);
        let from = day_start(today - Days::new(DAYS), self.tz);
        let to = day_start(today, self.tz);
        let series = self.series(scope, from, to, Every::Day).await?;
        let begun = series.iter().position(|(_, spend)| *spend > 0.0).unwrap_or(series.len());
        let day = |(at, spend): &(DateTime<Utc>, f64)| (self.today(*at), *spend);
        Ok(series[begun..].iter().map(day).unzip())
    }

    /// Spend in units, a value for every bucket.
    async fn series(
        &self,
        scope: &Scope,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        every: Every,
    ) -> Result<Vec<(DateTime<Utc>, f64)>, UnansweredError> {
        let from = every.start(from, self.tz);
        let asked = asked(scope, Measure::Spend, from, to, Some(every));
        let question = UsageQuestion { tz: self.tz, ..asked };
        let answered = self.questions.series(question, None).await?;
        let Some(buckets) = answered.question.period().buckets.as_ref() else { return Ok(vec![]) };
        let mut series: Vec<_> =
            (0..buckets.len()).map(|index| (buckets.start(index), 0.0)).collect();
        for row in &answered.answer.rows {
            if let (Some(bucket), Some(Value::Amount { nanos })) =
                (row.bucket, row.values.now.first())
            {
                series[bucket].1 += units(*nanos);
            }
        }
        Ok(series)
    }
}

fn budget_reading(status: &BudgetStatus, basis: Basis, threshold: u16, percent: f64) -> Reading {
    let draft = &status.budget.draft;
    let spent = units(status.spent);
    let available = units(status.available);
    let (title, detail) = match basis {
        Basis::Actual => (
            format!("{}: {percent:.0} % of the budget is spent", draft.name),
            format!("${spent:.2} of ${available:.2}, the threshold is {threshold} %"),
        ),
        Basis::Forecast => {
            let expected = status.outlook.as_ref().map_or(0.0, |outlook| outlook.expected);
            let mut detail = format!("${expected:.2} of ${available:.2} are expected");
            if let Some(day) = status.crossed_on {
                let _ = write!(detail, ", spent by {day}");
            }
            (format!("{}: will reach {percent:.0} % of the budget", draft.name), detail)
        }
    };
    Reading {
        key: format_compact!(
            "{}@{}:{}:{threshold}",
            status.budget.id,
            status.window.from.format("%F"),
            if basis == Basis::Actual { "actual" } else { "forecast" }
        ),
        hold: Hold::Holds,
        severity: (basis == Basis::Actual && threshold >= 100).then_some(Severity::Critical),
        title,
        detail,
        path: Some(format!("/budgets?budget={}", status.budget.id)),
    }
}

/// Whether `value` reaches `limit`, and which share of it it is.
#[allow(clippy::cast_precision_loss)]
fn against(value: &Value, limit: Amount) -> (bool, f64) {
    let limit_nanos = i128::from(limit.nanos());
    let nanos = match value {
        Value::Amount { nanos } => *nanos,
        Value::Count(count) => count.saturating_mul(1_000_000_000),
        other => {
            let part = other.text().parse::<f64>().unwrap_or(0.0) / (limit_nanos as f64 / NANOS);
            return (part >= 1.0, part);
        }
    };
    (nanos >= limit_nanos, nanos as f64 / limit_nanos as f64)
}

fn is_at_least(found: anomalies::Severity, least: SpikeSeverity) -> bool {
    let least = match least {
        SpikeSeverity::Low => anomalies::Severity::Low,
        SpikeSeverity::Medium => anomalies::Severity::Medium,
        SpikeSeverity::High => anomalies::Severity::High,
        SpikeSeverity::Critical => anomalies::Severity::Critical,
    };
    found >= least
}

fn asked(
    scope: &Scope,
    measure: Measure,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    every: Option<Every>,
) -> UsageQuestion {
    UsageQuestion {
        from: Some(from),
        to: Some(to),
        tz: Tz::UTC,
        every,
        by: Vec::new(),
        filters: scope.filters().to_vec(),
        measures: vec![measure],
        top: None,
        compare: false,
    }
}

/// The scope in words.
fn about(scope: &Scope) -> String {
    if scope.is_everything() {
        return "all usage".into();
    }
    let filter = |(name, values): (&String, &Vec<String>)| format!("{name} {}", values.join(", "));
    scope.names().iter().map(filter).collect::<Vec<_>>().join("; ")
}

/// The page that shows the usage behind a reading.
fn path(scope: &Scope, from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let text = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("/explore?from={}&to={}{}", text(from), text(to), filters(scope))
}

fn day_path(scope: &Scope, day: NaiveDate) -> String {
    // The page counts the last day in.
    format!("/explore?from={day}&to={day}{}", filters(scope))
}

fn filters(scope: &Scope) -> String {
    let escape = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    char::from(byte).to_string()
                }
                byte => format!("%{byte:02X}"),
            })
            .collect()
    };
    let filter = |(name, values): (&String, &Vec<String>)| {
        let values: Vec<String> = values.iter().map(|value| escape(value)).collect();
        format!("&{}={}", escape(name), values.join(","))
    };
    scope.names().iter().map(filter).collect()
}
