//! What each condition sees at a moment.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Days, NaiveDate, SecondsFormat, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;
use compact_str::{CompactString, format_compact};
use outlay_analytics::anomalies::{self, OnlineDetector, OnlineOptions};
use outlay_analytics::{change_points, season};
use outlay_domain::Amount;
use outlay_domain::alerts::{Alert, AlertRule, Condition, Hold, Reading, Severity, SpikeSeverity};
use outlay_domain::budgets::{Basis, Scope, Threshold};
use outlay_domain::ledger::Unit;
use outlay_domain::links::Link;
use outlay_domain::usage::question::{Every, Group, Measure, Value, day_start};
use outlay_store::sqlite::limits::KeptNotice;

use super::{Alerts, AlertsError};
use crate::budgets::{BudgetStatus, Judged, UnjudgedBudget};
use crate::exports::schedules::ExportTrouble;
use crate::figure_text::{amount_text, count_text, day_text, decimal_text, span_text, units_text};
use crate::health::{self, DiskSpace};
use crate::insights::findings::spike_severity;
use crate::insights::units;
use crate::tasks::TaskCondition;
use crate::usage::{Questions, UnansweredError, UsageQuestion};

/// Accounts that owe and are told of, at most.
const OWING_MAX: usize = 100;
/// Shares of limits that were reached and are told of, at most.
const NOTICES_MAX: usize = 1_000;
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
/// A threshold of a budget is left when the share falls more than so many points below it.
const LEFT_POINTS: i128 = 5;
/// All of a budget, in percent.
const WHOLE: u16 = 100;
/// Nothing below this much spend a day or hour is worth an alert.
const SPEND_MIN: f64 = 0.01;
const NANOS: f64 = 1e9;

/// What a rule sees.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub readings: Vec<Reading>,
    /// Why not all of what it watches could be read.
    pub trouble: Option<String>,
}

impl From<Vec<Reading>> for Seen {
    fn from(readings: Vec<Reading>) -> Self {
        Self { readings, trouble: None }
    }
}

impl Alerts {
    /// What `rule` sees now, as `questions` are answered.
    pub(super) async fn read(
        &self,
        rule: &AlertRule,
        questions: &Questions,
        budgets: &[Arc<Judged>],
        now: DateTime<Utc>,
    ) -> Result<Seen, AlertsError> {
        let readings = match &rule.draft.condition {
            Condition::Budget {} => return self.budgets_reached(rule, budgets).await,
            Condition::Unpriced {} => self.unpriced(questions, now).await,
            Condition::Above { measure, hours, limit, scope } => {
                self.above(questions, measure, *hours, *limit, scope, now).await
            }
            Condition::Anomaly { scope, severity } => {
                let mut readings = self.odd_days(questions, scope, *severity, now).await?;
                // Once a day is over, it tells of its hours too.
                let days: Vec<_> =
                    readings.iter().map(|day| day.key["day:".len()..].to_owned()).collect();
                let mut hours = self.odd_hours(questions, scope, *severity, now).await?;
                hours.retain(|hour| {
                    !days.iter().any(|day| hour.key["hour:".len()..].starts_with(day))
                });
                readings.extend(hours);
                Ok(readings)
            }
            Condition::Change { scope } => self.new_levels(questions, scope, now).await,
            Condition::Silence { scope, hours } => {
                self.silence(questions, scope, *hours, now).await
            }
            Condition::Owing {} => self.owing().await,
            Condition::Limits {} => self.limits_reached(now).await,
            Condition::Health {} => Ok(self.trouble()),
        };
        let mut readings = readings?;
        let account = rule.draft.condition.scope().and_then(Scope::account);
        for reading in &mut readings {
            reading.account = account.map(CompactString::from).or_else(|| reading.account.take());
        }
        Ok(readings.into())
    }

    /// The highest threshold of each kind that each budget reached in its window.
    async fn budgets_reached(
        &self,
        rule: &AlertRule,
        budgets: &[Arc<Judged>],
    ) -> Result<Seen, AlertsError> {
        let holding = self.holding(&rule.id).await?;
        let mut seen = Seen::default();
        for judged in budgets {
            match &**judged {
                // A window that is over is history, as that of an imported month: nobody can act.
                Ok(status) if status.asked_at >= status.window.to => {}
                Ok(status) => seen.readings.extend(budget_readings(status, &holding)),
                Err(UnjudgedBudget { budget, error }) => {
                    // What cannot be read has not gone.
                    let of_budget = format!("{}@", budget.id);
                    let own = holding.iter().filter(|alert| alert.key.starts_with(&of_budget));
                    seen.readings.extend(own.map(still_there));
                    seen.trouble.get_or_insert_with(|| {
                        format!("of the budget “{}” {error}", budget.draft.name)
                    });
                }
            }
        }
        Ok(seen)
    }

    async fn unpriced(
        &self,
        questions: &Questions,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reading>, AlertsError> {
        let from = now - TimeDelta::days(1);
        let question = UsageQuestion {
            by: vec![
                outlay_domain::usage::question::Attribute::Provider,
                outlay_domain::usage::question::Attribute::Model,
            ],
            top: Some(20),
            ..asked(&Scope::default(), Measure::Unpriced, from, now, None)
        };
        let answered = questions.breakdown(question, None).await?;
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
                title: format!("{model} of {provider} has usage without a price"),
                detail: match count {
                    1 => "one event of the last day is in no sum of spend, or only a part of it"
                        .into(),
                    count => format!(
                        "{} events of the last day are in no sum of spend, or only a part of each",
                        count_text(*count)
                    ),
                },
                link: Some(Link::Unpriced),
                account: None,
            })
        });
        Ok(readings.collect())
    }

    async fn above(
        &self,
        questions: &Questions,
        measure: &str,
        hours: u16,
        limit: Amount,
        scope: &Scope,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reading>, AlertsError> {
        let Some(measured) = Measure::from_name(measure) else { return Ok(Vec::new()) };
        let from = now - TimeDelta::hours(i64::from(hours));
        let question = asked(scope, measured.clone(), from, now, None);
        let answered = questions.total(question, None).await?;
        let Some(value) = answered.answer.total.now.first() else { return Ok(Vec::new()) };
        let (reaches, part) = against(value, limit);
        let hold = match (reaches, part >= LEFT_BELOW) {
            (true, _) => Hold::Holds,
            (false, true) => Hold::Nearly,
            (false, false) => return Ok(Vec::new()),
        };
        let (name, verb) = measure_words(&measured);
        let (text, limit) = figures(value, limit);
        let span = last_hours(hours);
        Ok(vec![Reading {
            key: CompactString::const_new("limit"),
            hold,
            severity: None,
            title: format!("{name} of the {span} {verb} {text}, the limit is {limit}"),
            detail: about(scope),
            link: Some(between(scope, &measured, from, now)),
            account: None,
        }])
    }

    /// Hours that closed lately and were not as expected.
    async fn odd_hours(
        &self,
        questions: &Questions,
        scope: &Scope,
        least: SpikeSeverity,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reading>, AlertsError> {
        let from = now - TimeDelta::hours(HOURS);
        let series = self.series(questions, scope, from, now, Every::Hour).await?;
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
                    severity: (verdict.severity >= anomalies::AnomalySeverity::Critical)
                        .then_some(Severity::Critical),
                    title: format!(
                        "{} in the hour from {}, {} were expected",
                        units_text(*spend),
                        local.format("%-d %b %Y, %H:%M %Z"),
                        units_text(verdict.expected.max(0.0))
                    ),
                    detail: format!(
                        "{}, usual is up to {}",
                        about(scope),
                        units_text(verdict.hi.max(0.0))
                    ),
                    link: Some(between(scope, &Measure::Spend, *at, *at + TimeDelta::hours(1))),
                    account: None,
                });
            }
        }
        Ok(readings)
    }

    /// Days that were over lately and were not as expected.
    async fn odd_days(
        &self,
        questions: &Questions,
        scope: &Scope,
        least: SpikeSeverity,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reading>, AlertsError> {
        let (days, values) = self.whole_days(questions, scope, now).await?;
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
                severity: (anomaly.severity >= anomalies::AnomalySeverity::Critical)
                    .then_some(Severity::Critical),
                title: format!(
                    "{} on {}, {} were expected",
                    units_text(anomaly.value),
                    day_text(day),
                    units_text(anomaly.expected.max(0.0))
                ),
                detail: format!(
                    "{}, usual is {} to {}",
                    about(scope),
                    units_text(anomaly.lo.max(0.0)),
                    units_text(anomaly.hi.max(0.0))
                ),
                link: Some(of_day(scope, day)),
                account: None,
            })
        });
        Ok(readings.collect())
    }

    async fn new_levels(
        &self,
        questions: &Questions,
        scope: &Scope,
        now: DateTime<Utc>,
    ) -> Result<Vec<Reading>, AlertsError> {
        let (days, values) = self.whole_days(questions, scope, now).await?;
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
                    "Spend went from {} to {} a day around {}",
                    units_text(change.before.max(0.0)),
                    units_text(change.after.max(0.0)),
                    day_text(day)
                ),
                detail: format!(
                    "{}, between {} and {}",
                    about(scope),
                    day_text(days[change.lo.min(days.len() - 1)]),
                    day_text(days[change.hi.min(days.len() - 1)])
                ),
                link: Some(of_day(scope, day)),
                account: None,
            })
        });
        Ok(readings.collect())
    }

    async fn silence(
        &self,
        questions: &Questions,
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
        let lately = events(&questions.total(count(from), None).await?);
        // What never sent anything is not silent; it has not begun.
        let ever = events(&questions.total(count(now - TimeDelta::days(31)), None).await?);
        if lately > 0 || ever == 0 {
            return Ok(Vec::new());
        }
        Ok(vec![Reading {
            key: CompactString::const_new("silence"),
            hold: Hold::Holds,
            severity: None,
            title: match hours {
                1 => "Nothing came in for an hour".into(),
                hours => format!("Nothing came in for {hours} hours"),
            },
            detail: about(scope),
            link: Some(between(scope, &Measure::Events, now - TimeDelta::days(7), now)),
            account: None,
        }])
    }

    /// The accounts that owe, those that owe most where they are many.
    async fn owing(&self) -> Result<Vec<Reading>, AlertsError> {
        let owing = self.books.read(|books| books.ledger().owing(OWING_MAX)).await?;
        let reading = |(account, unit, debt): (CompactString, Unit, Amount)| {
            let owed = Amount::from_nanos(debt.nanos().saturating_neg());
            Reading {
                key: format_compact!("{unit}:{account}"),
                hold: Hold::Holds,
                severity: None,
                title: format!("`{account}` owes {owed} {unit}"),
                detail: "its usage took more than it had; grant it credit, or change its terms"
                    .into(),
                link: None,
                account: Some(account),
            }
        };
        Ok(owing.into_iter().map(reading).collect())
    }

    /// The highest share that was reached of each limit of a plan, in windows that run.
    async fn limits_reached(&self, now: DateTime<Utc>) -> Result<Vec<Reading>, AlertsError> {
        let notices =
            self.books.read(move |books| books.limits().notices(now, NOTICES_MAX)).await?;
        let mut highest: BTreeMap<_, KeptNotice> = BTreeMap::new();
        for notice in notices {
            let of = (notice.account.clone(), notice.limit.clone(), notice.window.from);
            match highest.get(&of) {
                Some(known) if known.percent >= notice.percent => {}
                _ => {
                    highest.insert(of, notice);
                }
            }
        }
        let reading = |notice: KeptNotice| {
            let KeptNotice { account, limit, window, percent, used, most } = notice;
            Reading {
                key: format_compact!("{account}:{limit}@{}:{percent}", window.from.timestamp()),
                hold: Hold::Holds,
                severity: (percent >= WHOLE).then_some(Severity::Critical),
                title: format!("`{account}` reached {percent} % of its limit `{limit}`"),
                detail: format!(
                    "{used} of {most} were used then; it begins anew at {}",
                    window.to.with_timezone(&self.tz).format("%F %H:%M %Z")
                ),
                link: None,
                account: Some(account),
            }
        };
        Ok(highest.into_values().map(reading).collect())
    }

    fn trouble(&self) -> Vec<Reading> {
        let Some(outlay) = self.outlay.upgrade() else { return Vec::new() };
        let mut readings = Vec::new();
        let mut found = |key: &str, title: String, detail: &str, link: Option<Link>| {
            readings.push(Reading {
                key: key.into(),
                hold: Hold::Holds,
                severity: None,
                title,
                detail: detail.into(),
                link,
                account: None,
            });
        };
        if let Some(space) = DiskSpace::of(&outlay.data_dir).filter(|space| space.is_nearly_full())
        {
            let title = format!("The disk has {} MB left", space.free >> 20);
            found("disk", title, "make room, or events will be refused", None);
        }
        let failures =
            outlay.journal.counters().failures.load(std::sync::atomic::Ordering::Relaxed);
        let before = std::mem::replace(&mut self.memory.lock().failures, failures);
        if failures > before {
            let title = format!("{} commits could not be written", failures - before);
            found("commits", title, "their senders were told; the log says why", None);
        }
        if let Some(ahead) = outlay.known_time.now().ahead {
            let title = format!("The clock is {} days ahead", ahead.num_days());
            found("clock", title, health::CLOCK_REMEDY, None);
        }
        if let Some(ExportTrouble { schedule, why }) = outlay.exports.trouble() {
            let title = "An export could not be made".to_owned();
            let link = Link::Schedule { id: schedule.to_string() };
            found("exports", title, &format!("it is tried again: {why}"), Some(link));
        }
        for task in outlay.tasks.readings() {
            let panics = &mut self.memory.lock().panics;
            let before = panics.insert(task.name, task.panics).unwrap_or_default();
            if task.condition == TaskCondition::Down || task.panics > before {
                let title = format!("The task “{}” ended in a panic", task.name);
                let why = task.last_error.as_deref().unwrap_or_default();
                let detail = format!("it is started again; the log says more: {why}");
                found(&format!("task:{}", task.name), title, &detail, None);
            }
        }
        readings
    }

    fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.tz).date_naive()
    }

    /// Spend of the days that are over, from the first one with any.
    async fn whole_days(
        &self,
        questions: &Questions,
        scope: &Scope,
        now: DateTime<Utc>,
    ) -> Result<(Vec<NaiveDate>, Vec<f64>), UnansweredError> {
        let today = self.today(now);
        let from = day_start(today - Days::new(DAYS), self.tz);
        let to = day_start(today, self.tz);
        let series = self.series(questions, scope, from, to, Every::Day).await?;
        let begun = series.iter().position(|(_, spend)| *spend > 0.0).unwrap_or(series.len());
        let day = |(at, spend): &(DateTime<Utc>, f64)| (self.today(*at), *spend);
        Ok(series[begun..].iter().map(day).unzip())
    }

    /// Spend in units, a value for every bucket.
    async fn series(
        &self,
        questions: &Questions,
        scope: &Scope,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        every: Every,
    ) -> Result<Vec<(DateTime<Utc>, f64)>, UnansweredError> {
        let from = every.start(from, self.tz);
        let asked = asked(scope, Measure::Spend, from, to, Some(every));
        let question = UsageQuestion { tz: self.tz, ..asked };
        let answered = questions.series(question, None).await?;
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

/// The highest threshold of each kind that `status` reached. One that opened an alert, of `holding`,
/// counts as reached until the share is clearly below it: what is corrected by a little would else
/// open an alert each time.
fn budget_readings(status: &BudgetStatus, holding: &[Alert]) -> Vec<Reading> {
    let mut readings = Vec::new();
    for basis in [Basis::Actual, Basis::Forecast] {
        // What is spent already needs no forecast.
        if basis == Basis::Forecast && status.unspent() <= 0 {
            break;
        }
        let Some(percent) = status.whole_percent(basis) else { continue };
        let highest = levels(status, basis).into_iter().find_map(|level| {
            let key = budget_key(status, basis, level);
            let limit = i128::from(level.percent);
            let hold = if status.reaches(level) {
                Hold::Holds
            } else if percent >= limit - LEFT_POINTS && holding.iter().any(|own| own.key == key) {
                Hold::Nearly
            } else {
                return None;
            };
            Some((level, budget_reading(status, (key, hold), level, percent)))
        });
        let Some((level, reading)) = highest else { continue };
        readings.push(reading);
        if level.percent >= WHOLE {
            break;
        }
    }
    readings
}

/// The thresholds of a kind, the highest first. Whoever wants to know of a part that is spent wants
/// to know of all of it, too.
fn levels(status: &BudgetStatus, basis: Basis) -> Vec<Threshold> {
    let own = status.budget.draft.thresholds.iter().copied();
    let mut levels: Vec<Threshold> = own.filter(|level| level.basis == basis).collect();
    let has_part = levels.iter().any(|level| level.percent < WHOLE);
    if basis == Basis::Actual && has_part && levels.iter().all(|level| level.percent != WHOLE) {
        levels.push(Threshold { percent: WHOLE, basis });
    }
    levels.sort_by_key(|level| std::cmp::Reverse(level.percent));
    levels
}

fn budget_key(status: &BudgetStatus, basis: Basis, level: Threshold) -> CompactString {
    format_compact!(
        "{}@{}:{}:{}",
        status.budget.id,
        status.window.from.format("%F"),
        if basis == Basis::Actual { "actual" } else { "forecast" },
        level.percent
    )
}

fn budget_reading(
    status: &BudgetStatus,
    (key, hold): (CompactString, Hold),
    level: Threshold,
    percent: i128,
) -> Reading {
    let draft = &status.budget.draft;
    let (spent, available) = (amount_text(status.used()), amount_text(status.available));
    let percent = count_text(percent);
    let (title, detail) = match level.basis {
        Basis::Actual => {
            let mut detail = format!("{spent} of {available}");
            if draft.thresholds.contains(&level) {
                let _ = write!(detail, ", the threshold is {} %", level.percent);
            }
            (format!("{}: {percent} % of the budget is spent", draft.name), detail)
        }
        Basis::Forecast => {
            let expected = status.outlook.as_ref().map_or(0.0, |outlook| outlook.expected);
            let mut detail = format!("{} of {available} are expected", units_text(expected));
            if let Some(day) = status.crossed_on {
                let _ = write!(detail, ", spent by {}", day_text(day));
            }
            (format!("{}: will reach {percent} % of the budget", draft.name), detail)
        }
    };
    let is_spent = level.basis == Basis::Actual && level.percent >= WHOLE;
    Reading {
        key,
        hold,
        severity: is_spent.then_some(Severity::Critical),
        title,
        detail,
        link: Some(Link::Budget { id: status.budget.id.to_string() }),
        account: draft.scope.account().map(CompactString::from),
    }
}

/// What keeps `alert` as it is.
fn still_there(alert: &Alert) -> Reading {
    Reading {
        key: alert.key.clone(),
        hold: Hold::Nearly,
        severity: None,
        title: alert.title.clone(),
        detail: alert.detail.clone(),
        link: alert.link.clone(),
        account: alert.account.clone(),
    }
}

/// A measure in words, and whether it is or they are.
fn measure_words(measure: &Measure) -> (String, &'static str) {
    let words = match measure {
        Measure::Spend => return ("Spend".into(), "is"),
        Measure::LatencyMean => return ("Latency (mean)".into(), "is"),
        Measure::LatencyPercentile(percent) => return (format!("Latency (p{percent})"), "is"),
        Measure::Unpriced => "unpriced events".into(),
        Measure::Meter(meter) => meter.name().replace('_', " "),
        other => other.name().into_owned(),
    };
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    (first.into_iter().chain(letters).collect(), "are")
}

/// A value and its limit, in the same unit.
fn figures(value: &Value, limit: Amount) -> (String, String) {
    match value {
        Value::Amount { nanos } => (amount_text(*nanos), amount_text(limit.nanos().into())),
        Value::Latency { micros } => {
            (span_text(micros.unwrap_or(0.0) / 1e3), span_text(limit.nanos() as f64 / NANOS))
        }
        other => (decimal_text(&other.text()), decimal_text(&limit.to_string())),
    }
}

fn last_hours(hours: u16) -> String {
    if hours == 1 { "last hour".into() } else { format!("last {hours} hours") }
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

fn is_at_least(found: anomalies::AnomalySeverity, least: SpikeSeverity) -> bool {
    found != anomalies::AnomalySeverity::None && spike_severity(found) >= least
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

/// What `measure` reads behind a reading. Its moments are whole seconds and its end is left out, so a
/// part of a second counts as a whole one.
fn between(scope: &Scope, measure: &Measure, from: DateTime<Utc>, to: DateTime<Utc>) -> Link {
    let whole = |at: DateTime<Utc>| at.trunc_subsecs(0);
    let until = if whole(to) == to { to } else { whole(to) + TimeDelta::seconds(1) };
    let measure = match measure {
        Measure::Spend => None,
        other => Some(other.name().into_owned()),
    };
    Link::UsageBetween { scope: scope.clone(), measure, from: whole(from), until }
}

fn of_day(scope: &Scope, day: NaiveDate) -> Link {
    Link::UsageOfDays { scope: scope.clone(), first: day, last: day, tz: None }
}
