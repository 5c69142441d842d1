#![doc = include_str!("README.md")]

mod claims;
mod days;
mod decisions;
mod found;
mod idle;
mod rates;
mod siblings;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use outlay_analytics::robust;
use outlay_domain::links::Link;
use outlay_domain::recommendations::State;
use outlay_domain::usage::question::{
    Answer, Attribute, Every, Filter, Group, Measure, ROWS_MAX, Value, day_start,
};
use outlay_domain::usage::{Meter, Status};
use serde::{Deserialize, Serialize};

use super::analysis::{Analysis, DAYS_BEFORE};
use super::findings::Priority;
use super::{Course, Days, Insights, SpendQuestion, SpendTable};
use crate::budgets::Budgets;
use crate::journal::Journal;
use crate::prices::Prices;
use crate::usage::UsageQuestion;
use crate::{Asker, Outlay};

use claims::{share, without_overlap};
pub use decisions::{Decision, Measured, NOTE_MAX, NewDecision, RecommendationsError};
use found::{Found, Used};

/// Days of the month that savings are of.
const MONTH_DAYS: i128 = 30;
/// Pairs of provider and model that are analysed, the most expensive first.
const MODELS_MAX: usize = 200;
/// Savings below this in a month are not worth a word, in nanos: a cent.
const SAVING_MIN: i128 = 10_000_000;
/// Four of five cases are within so many standard deviations.
const Z: f64 = 1.2816;

/// Which spend something is about: filters by their names, as in questions.
pub type Scope = BTreeMap<String, Vec<String>>;

/// Where recommendations are made and decided; cheap to clone.
#[derive(Clone)]
pub struct Recommendations {
    insights: Insights,
    budgets: Budgets,
    journal: Arc<Journal>,
    prices: Arc<Prices>,
    asker: Asker,
}

impl Outlay {
    /// Where recommendations are, for somebody who asks about them.
    pub fn recommendations(&self, asker: impl Into<Asker>) -> Recommendations {
        let asker = asker.into();
        Recommendations {
            insights: self.insights(asker.by()),
            budgets: self.budgets(asker.clone()),
            asker,
            journal: self.journal.clone(),
            prices: self.prices.clone(),
        }
    }
}

/// Which days and which usage to look at.
#[derive(Debug, Clone)]
pub struct Slice {
    /// How many days, today included.
    pub days: u32,
    /// Whose days.
    pub tz: Tz,
    /// What usage must be like.
    pub filters: Vec<Filter>,
}

/// Something to do, what it saves, and what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// The same for the same kind and scope.
    pub id: CompactString,
    /// Which kind of thing to do.
    pub kind: Kind,
    /// How soon, where that is not what its kind says.
    #[serde(default)]
    pub urgency: Option<Priority>,
    /// In a few words.
    pub title: String,
    /// In a sentence.
    pub description: String,
    /// What a month would cost less; nothing where it is about risk and not about a sum.
    pub saving: Option<Saving>,
    /// How sure that is.
    pub confidence: Confidence,
    /// What has to hold for it.
    pub assumption: String,
    /// Which usage it is about.
    pub scope: Scope,
    /// Figures behind it.
    pub evidence: Vec<Evidence>,
    /// The rows that prove it.
    pub proof: Proof,
    /// What to do, one by one.
    pub actions: Vec<String>,
    /// The days that it is about, where these are not those that were analysed.
    #[serde(default)]
    pub window: Option<DaysOf>,
}

/// Days, both ends included, and whose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaysOf {
    /// The first day.
    pub first: NaiveDate,
    /// The last day.
    pub last: NaiveDate,
    /// The time zone.
    pub tz: Tz,
}

/// What a month of thirty days would cost less, in nanos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Saving {
    /// What is expected.
    pub monthly: i128,
    /// The low end.
    pub low: i128,
    /// The high end.
    pub high: i128,
}

/// A figure with what it is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is of.
    pub label: String,
    /// The figure.
    pub value: String,
}

/// A table that proves a saving.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Proof {
    /// The heads.
    pub columns: Vec<String>,
    /// The rows, each as wide as the heads.
    pub rows: Vec<Vec<String>>,
}

/// Kinds of things to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Another model does at a lower price.
    CheaperModel,
    /// Prompts that begin alike could be cached.
    PromptCaching,
    /// What can wait is cheaper in batches.
    Batch,
    /// Long prompts meet a more expensive tier.
    ContextTier,
    /// Failures are paid for.
    Failures,
    /// Something runs and nobody uses it.
    Idle,
    /// Spend jumps about.
    Volatility,
    /// Spend grows.
    Growth,
    /// Single days were far too expensive.
    Anomalies,
    /// A budget will not do.
    Budget,
    /// One service is much of the whole.
    Service,
}

/// How sure a saving is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// It was measured.
    High,
    /// It rests on a figure that is usual.
    Medium,
    /// It has to be tried.
    Low,
}

/// A recommendation with what people decided about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What to do.
    pub recommendation: Recommendation,
    /// What was decided; a snooze that is over is open again.
    pub state: State,
    /// By whom and when, where anybody did.
    pub decision: Option<Decision>,
    /// The usage that it is about.
    pub link: Link,
    /// What was saved since it was done, where that can be said.
    pub measured: Option<Measured>,
    /// Which spend is measured.
    measures: Scope,
}

/// Recommendations about some days.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommended {
    /// The start of the days.
    pub from: DateTime<Utc>,
    /// The end of the days.
    pub to: DateTime<Utc>,
    /// What was spent, in nanos.
    pub spend: i128,
    /// What the open ones save together.
    pub saving: Saving,
    /// All of them, whatever was decided: the open ones first, by priority and saving.
    pub items: Vec<Item>,
}

impl Recommendation {
    /// How soon.
    pub fn priority(&self) -> Priority {
        self.urgency.unwrap_or(self.kind.priority())
    }
}

impl Kind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CheaperModel => "cheaper_model",
            Self::PromptCaching => "prompt_caching",
            Self::Batch => "batch",
            Self::ContextTier => "context_tier",
            Self::Failures => "failures",
            Self::Idle => "idle",
            Self::Volatility => "volatility",
            Self::Growth => "growth",
            Self::Anomalies => "anomalies",
            Self::Budget => "budget",
            Self::Service => "service",
        }
    }

    /// How soon, where the finding itself does not say.
    pub const fn priority(self) -> Priority {
        match self {
            Self::CheaperModel | Self::Failures | Self::Budget => Priority::High,
            Self::PromptCaching
            | Self::ContextTier
            | Self::Idle
            | Self::Volatility
            | Self::Growth
            | Self::Anomalies => Priority::Medium,
            Self::Batch | Self::Service => Priority::Low,
        }
    }

    /// How ids of it begin.
    const fn prefix(self) -> &'static str {
        match self {
            Self::CheaperModel => "model",
            Self::PromptCaching => "caching",
            Self::ContextTier => "context",
            other => other.as_str(),
        }
    }
}

impl Confidence {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

impl Evidence {
    fn new(label: &str, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into() }
    }
}

/// The scope of one model.
fn of_model(provider: &str, model: &str) -> Scope {
    let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    [one("provider", provider), one("model", model)].into_iter().collect()
}

impl Recommendation {
    /// One about a model, of which the rest has to be said.
    fn of(kind: Kind, provider: &str, model: &str) -> Self {
        let scope = of_model(provider, model);
        Self { scope, ..Self::named(kind, &[provider, model]) }
    }

    fn named(kind: Kind, names: &[&str]) -> Self {
        let mut id = CompactString::from(kind.prefix());
        for name in names {
            id.push('-');
            id.push_str(&plain(name));
        }
        Self {
            id,
            kind,
            title: String::new(),
            description: String::new(),
            saving: None,
            confidence: Confidence::Medium,
            assumption: String::new(),
            scope: Scope::new(),
            evidence: Vec::new(),
            proof: Proof::default(),
            actions: Vec::new(),
            window: None,
            urgency: None,
        }
    }
}

/// A name as it stands in an id, which has to stand in a path as it is.
fn plain(name: &str) -> CompactString {
    let letter = |letter: char| {
        let is_plain = letter.is_ascii_alphanumeric() || "_.".contains(letter);
        if is_plain { letter.to_ascii_lowercase() } else { '-' }
    };
    name.chars().take(60).map(letter).collect()
}

impl Recommendations {
    /// What could be done about the spend of those days that whoever asks sees, and what was decided
    /// about it.
    pub async fn about(&self, slice: &Slice) -> Result<Recommended, RecommendationsError> {
        let insights = &self.insights;
        let scope = self.asker.scope();
        let scope = scope.as_deref();
        let today = insights.today(slice.tz);
        let days = Days::ending(today, slice.days.saturating_sub(1)).unwrap_or(Days::only(today));
        let by_day = SpendQuestion {
            days: Some(days.with_before(DAYS_BEFORE)),
            since: None,
            tz: slice.tz,
            every: Some(Every::Day),
            by: vec![Attribute::Service],
            filters: slice.filters.clone(),
            extremes: false,
        };
        let (table, used, idle, busy) = tokio::try_join!(
            insights.spend(by_day, scope),
            self.used(days, slice, scope),
            self.idle(days, slice, scope),
            self.busy(days.with_before(DAYS_BEFORE), slice, scope)
        )?;
        let course = Course::of(&table, today, today).since(days.first());
        let table = table.since(days.first());
        let book = self.prices.book();
        let now = insights.now();
        let whole = scope.is_none() && slice.filters.is_empty();
        let (found, used, course) = tokio::task::spawn_blocking(move || {
            let mut used = used;
            let mut found = found::find(&used, &book, now);
            found.extend(idle::find(&idle, &mut used));
            let analysis = Analysis::of(&course, 30);
            // What stood idle is advised about already, and makes no day an unusual one.
            let of_busy = match idle.rows.is_empty() {
                true => analysis.clone(),
                false => Analysis::of(&Course::of(&busy, today, today).since(days.first()), 30),
            };
            let busy = busy.since(days.first());
            found.extend(days::find(analysis.as_ref(), &table));
            found.extend(days::expensive(of_busy.as_ref(), &busy, &used));
            (found, used, course)
        })
        .await
        .map_err(RecommendationsError::Failed)?;
        let mut found = found;
        if whole {
            let judged = self.budgets.statuses().await?;
            let standing: Vec<_> = judged.into_iter().flatten().collect();
            found.extend(days::budgets(&standing));
        }
        let kept = self.decisions().await?;
        let mut items = priced(found, &used, &course, &kept, now);
        if whole {
            items.extend(decisions::gone(&items, &kept, now));
        }
        for item in &mut items {
            item.link = behind(&item.recommendation, days, slice);
            item.measured = self.measured(item, &kept, slice.tz, scope).await?;
        }
        let open = items.iter().filter(|item| item.state == State::Open);
        let saving = open.filter_map(|item| item.recommendation.saving).fold(
            Saving::default(),
            |sum, one| Saving {
                monthly: sum.monthly + one.monthly,
                low: sum.low + one.low,
                high: sum.high + one.high,
            },
        );
        let spend = course.total();
        let ceiling = monthly(spend.max(0), course.len());
        Ok(Recommended {
            from: day_start(days.first(), slice.tz),
            to: now,
            spend,
            saving: Saving { high: saving.high.min(ceiling), ..saving },
            items,
        })
    }

    /// The most expensive models.
    async fn used(
        &self,
        days: Days,
        slice: &Slice,
        scope: Option<&str>,
    ) -> Result<Vec<Used>, crate::usage::UnansweredError> {
        let meters: Vec<Meter> = Meter::KNOWN.into_iter().filter(Meter::is_tokens).collect();
        let by = [Attribute::Provider, Attribute::Model, Attribute::Status];
        let mut question = breakdown(days, slice, by);
        question.measures.extend(meters.iter().cloned().map(Measure::Meter));
        let answered = self.insights.questions.breakdown(question, scope).await?;
        Ok(models(&answered.answer, &meters))
    }

    /// What was not idle, by day and by pair of provider and model.
    async fn busy(
        &self,
        days: Days,
        slice: &Slice,
        scope: Option<&str>,
    ) -> Result<SpendTable, crate::usage::UnansweredError> {
        let mut question = UsageQuestion {
            every: Some(Every::Day),
            by: vec![Attribute::Provider, Attribute::Model],
            measures: SpendTable::MEASURES.to_vec(),
            top: Some(groups_max(days)),
            ..breakdown(days, slice, idle::BY)
        };
        question.filters.push(idle::busy());
        let answered = self.insights.questions.series(question, scope).await?;
        Ok(SpendTable::of(&answered, slice.tz))
    }

    /// The most expensive idle charges.
    async fn idle(
        &self,
        days: Days,
        slice: &Slice,
        scope: Option<&str>,
    ) -> Result<Answer, crate::usage::UnansweredError> {
        let mut question = breakdown(days, slice, idle::BY);
        question.filters.push(idle::filter());
        Ok(self.insights.questions.breakdown(question, scope).await?.answer)
    }
}

/// The usage that is behind a recommendation: its scope within what is analysed, on the days that it is
/// about.
fn behind(own: &Recommendation, days: Days, slice: &Slice) -> Link {
    let mut names = own.scope.clone();
    let (days, tz) = match &own.window {
        // A budget counts what it counts, whatever else is narrowed to.
        Some(window) => ((window.first, window.last), window.tz),
        None => {
            for (name, values) in slice.filters.iter().map(Filter::by_name) {
                names.entry(name).or_insert(values);
            }
            ((days.first(), days.last()), slice.tz)
        }
    };
    Link::days(names, days, Some(tz.name().to_owned()))
}

/// Groups of a series of so many days, at most: as many rows as an answer may have.
fn groups_max(days: Days) -> usize {
    let days = usize::try_from(days.count()).unwrap_or(ROWS_MAX);
    (ROWS_MAX / (days + 1)).saturating_sub(1).clamp(1, MODELS_MAX)
}

/// What `slice` is about, by `by`, in spend and events.
fn breakdown(days: Days, slice: &Slice, by: [Attribute; 3]) -> UsageQuestion {
    let (from, to) = days.instants(slice.tz);
    UsageQuestion {
        from,
        to: Some(to),
        tz: slice.tz,
        every: None,
        by: by.into(),
        filters: slice.filters.clone(),
        measures: vec![Measure::Spend, Measure::Events],
        top: Some(MODELS_MAX * 2),
        compare: false,
    }
}

/// The rows of an answer by provider, model and status, whose measures are spend, events and
/// `meters`.
fn models(answer: &Answer, meters: &[Meter]) -> Vec<Used> {
    let mut models: BTreeMap<(CompactString, CompactString), Used> = BTreeMap::new();
    for row in &answer.rows {
        let Group::Of(key) = &row.group else { continue };
        let [Some(provider), Some(model), status] = key.as_ref() else { continue };
        let figure = |at: usize| match row.values.now.get(at) {
            Some(Value::Amount { nanos }) => *nanos,
            Some(Value::Count(count)) => *count,
            Some(Value::Quantity { micros }) => *micros,
            _ => 0,
        };
        let used = models.entry((provider.clone(), model.clone())).or_insert_with(|| Used {
            provider: provider.clone(),
            model: model.clone(),
            ..Used::default()
        });
        let (nanos, events) = (figure(0), figure(1));
        used.nanos += nanos;
        used.events += events;
        if status.as_deref() == Some(Status::Error.as_str()) {
            used.failed_nanos += nanos;
            used.failed += events;
        }
        for (place, meter) in meters.iter().enumerate() {
            let tokens = match row.values.now.get(place + 2) {
                Some(Value::Count(count)) => count * 1_000_000,
                _ => figure(place + 2),
            };
            match used.mix.iter_mut().find(|(known, _)| known == meter) {
                Some((_, sum)) => *sum += tokens,
                None if tokens > 0 => used.mix.push((meter.clone(), tokens)),
                None => {}
            }
        }
    }
    let mut models: Vec<Used> = models.into_values().collect();
    models.sort_by_key(|used| std::cmp::Reverse(used.nanos));
    models.truncate(MODELS_MAX);
    models
}

/// The saving of a month, where it is `nanos` in `days` days.
fn monthly(nanos: i128, days: usize) -> i128 {
    share(nanos, MONTH_DAYS, i128::try_from(days.max(1)).unwrap_or(i128::MAX))
}

/// Half the width of the range of a month's mean, in thousandths of it: see the README.
#[allow(clippy::cast_possible_truncation, reason = "between 0 and 1,000")]
fn spread(course: &Course) -> i128 {
    let values = course.whole_values();
    let mean = robust::mean(&values);
    if values.len() < 2 || mean <= 0.0 {
        return 1_000;
    }
    let deviation = robust::variance(&values).sqrt() / mean;
    let width = Z * deviation * (1.0 / 30.0 + 1.0 / values.len() as f64).sqrt();
    (1_000.0 * width).clamp(0.0, 1_000.0) as i128
}

/// What was found with its saving of a month, without overlap among the open ones.
fn priced(
    found: Vec<Found>,
    used: &[Used],
    course: &Course,
    kept: &[decisions::Kept],
    now: DateTime<Utc>,
) -> Vec<Item> {
    let spend: Vec<i128> = used.iter().map(|used| used.nanos.max(0)).collect();
    let state = |found: &Found| {
        let kept = kept.iter().find(|kept| kept.row.id == found.recommendation.id);
        kept.map_or(State::Open, |kept| kept.state(now))
    };
    let is_open: Vec<bool> = found.iter().map(|found| state(found) == State::Open).collect();
    let claimed = |open: bool| -> Vec<_> {
        let claims = found.iter().zip(&is_open);
        claims
            .map(|(found, is)| if *is == open { found.claims.clone() } else { Vec::new() })
            .collect()
    };
    let saved = without_overlap(&spend, &claimed(true));
    let spread = spread(course);
    let mut items: Vec<Item> = Vec::new();
    for (place, mut found) in found.into_iter().enumerate() {
        let alone = || without_overlap(&spend, std::slice::from_ref(&found.claims))[0];
        let nanos = if is_open[place] { saved[place] } else { alone() };
        let month = monthly(nanos, course.len());
        if !found.claims.is_empty() {
            if month < SAVING_MIN && is_open[place] {
                continue;
            }
            let pairs: i128 = found.claims.iter().filter_map(|claim| spend.get(claim.pair)).sum();
            let part =
                |percent: i128, thousandths: i128| month * percent / 100 * thousandths / 1_000;
            let (low, high) = found.parts;
            found.recommendation.saving = Some(Saving {
                monthly: month,
                low: part(low, 1_000 - spread),
                high: part(high, 1_000 + spread).min(monthly(pairs, course.len())).max(month),
            });
        }
        let own = kept.iter().find(|kept| kept.row.id == found.recommendation.id);
        items.push(Item {
            state: own.map_or(State::Open, |kept| kept.state(now)),
            decision: own.map(decisions::Kept::decision),
            // What is behind it is said with the days that are asked about.
            link: Link::Insights,
            measured: None,
            measures: found.measured,
            recommendation: found.recommendation,
        });
    }
    items.sort_by_key(|item| {
        let saving = item.recommendation.saving.map_or(0, |saving| saving.monthly);
        let is_decided = item.state != State::Open;
        (is_decided, std::cmp::Reverse(saving), item.recommendation.priority())
    });
    items
}

/// The day before.
fn yesterday(day: NaiveDate) -> NaiveDate {
    day.checked_sub_signed(TimeDelta::days(1)).unwrap_or(day)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
