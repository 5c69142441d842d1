//! What came in for what was spent.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use compact_str::{CompactString, ToCompactString};
use outlay_analytics::trend::{self, Direction};
use outlay_domain::revenue::{RevenueKind, SharingRule, share};
use outlay_domain::usage::question::{
    Attribute, Buckets, Every, Filter, Group, Measure, Period, Value,
};
use outlay_store::StoreError;

use super::course::units;
use super::{Days, Insights};
use crate::revenue::{ProductRevenue, RevenueLine, RevenueTotal};
use crate::usage::{Answered, UnansweredError, UsageQuestion};

/// The currency of spend, and so of the revenue that is held against it.
pub const CURRENCY: &str = "USD";

impl Insights {
    /// Revenue in `currency` on `days` of `tz`; on all days where none are named.
    pub async fn revenue(
        &self,
        days: Option<Days>,
        tz: Tz,
        currency: &str,
    ) -> Result<Option<RevenueTotal>, StoreError> {
        let (from, to) = range(days, tz);
        let totals = self.books.read(move |books| books.revenue().totals(from, to)).await?;
        Ok(totals.into_iter().find(|total| total.currency.eq_ignore_ascii_case(currency)))
    }

    /// Revenue on `days` of `tz` by what was bought, at most `limit` rows of it.
    pub async fn revenue_by_product(
        &self,
        days: Option<Days>,
        tz: Tz,
        limit: u32,
    ) -> Result<Vec<ProductRevenue>, StoreError> {
        let (from, to) = range(days, tz);
        self.books.read(move |books| books.revenue().by_product(from, to, limit)).await
    }
}

fn range(days: Option<Days>, tz: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
    let (from, to) = days.map(|days| days.instants(tz)).unzip();
    let first = DateTime::UNIX_EPOCH;
    (from.flatten().unwrap_or(first), to.unwrap_or(DateTime::<Utc>::MAX_UTC))
}

/// Money that came in, held against what was spent for it; in nanos.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Return {
    /// What came in.
    pub revenue: i128,
    /// What was spent.
    pub spend: i128,
    /// How often something was sold.
    pub sales: i64,
}

#[allow(clippy::cast_precision_loss)]
impl Return {
    /// What is left.
    pub const fn profit(&self) -> i128 {
        self.revenue - self.spend
    }

    /// Profit over spend; one is as much again.
    pub fn on_spend(&self) -> Option<f64> {
        (self.spend != 0).then(|| self.profit() as f64 / self.spend as f64)
    }

    /// Profit over revenue.
    pub fn margin(&self) -> Option<f64> {
        (self.revenue != 0).then(|| self.profit() as f64 / self.revenue as f64)
    }
}

/// What is asked about returns.
#[derive(Debug, Clone)]
pub struct RoiQuestion {
    /// From this instant …
    pub from: DateTime<Utc>,
    /// … until before this one.
    pub to: DateTime<Utc>,
    /// Whose days.
    pub tz: Tz,
    /// The width of the buckets.
    pub every: Every,
    /// What to tell apart.
    pub by: Attribute,
    /// What usage and revenue must be like. Revenue that does not name an attribute has no value.
    pub filters: Vec<Filter>,
    /// Who is given revenue that names no group.
    pub rule: SharingRule,
}

/// Spend and revenue of a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Roi {
    /// The period and its buckets.
    pub period: Period,
    /// All of it.
    pub total: Return,
    /// Events of the period without a price: they are in no spend.
    pub unpriced: i128,
    /// All of the period before; `None` where there was nothing.
    pub previous: Option<Return>,
    /// Events of the period before without a price.
    pub previous_unpriced: i128,
    /// The groups: by spend, then those that only earned, then what names none.
    pub rows: Vec<RoiRow>,
    /// The buckets.
    pub series: Vec<Return>,
    /// Events without a price, of each bucket.
    pub series_unpriced: Vec<i128>,
    /// Where the profit of the buckets that are over goes.
    pub direction: Direction,
    /// Revenue in other currencies, in nanos: it is in no other figure.
    pub other_currencies: BTreeMap<CompactString, i128>,
}

/// What one group cost and earned. Its sales are those that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoiRow {
    /// Its value; `None` is usage and revenue without one.
    pub group: Option<CompactString>,
    /// What it cost and earned.
    pub own: Return,
    /// How much of that is a share of revenue that names no group.
    pub shared: i128,
    /// Events without a price: they are in no spend.
    pub unpriced: i128,
}

impl Roi {
    /// By what part of what it was before profit changed; `None` where there was none before.
    #[allow(clippy::cast_precision_loss)]
    pub fn change(&self) -> Option<f64> {
        let before = self.previous?.profit();
        (before != 0).then(|| (self.total.profit() - before) as f64 / before.abs() as f64)
    }
}

impl Insights {
    /// Holds revenue against spend, about the account `scope` only where there is one.
    pub async fn roi(
        &self,
        question: RoiQuestion,
        scope: Option<&str>,
    ) -> Result<Roi, UnansweredError> {
        let (groups, days) = self.spend_both_ways(&question, scope).await?;
        let scope = scope.map(ToOwned::to_owned);
        let returns = self.books.read(move |books| {
            let mut earned = Earned::new(&question, &groups, &days, scope.as_deref());
            let (from, to) = (earned.previous.from, earned.period.to);
            books.revenue().each(from, to, |line| earned.add(line))?;
            Ok(earned.roi(&groups, &days))
        });
        Ok(returns.await?)
    }

    /// Spend by group and by bucket, of one moment.
    async fn spend_both_ways(
        &self,
        question: &RoiQuestion,
        scope: Option<&str>,
    ) -> Result<(Answered, Answered), UnansweredError> {
        let asked = UsageQuestion {
            from: Some(question.from),
            to: Some(question.to),
            tz: question.tz,
            every: None,
            by: vec![question.by.clone()],
            filters: question.filters.clone(),
            measures: vec![Measure::Spend, Measure::Events, Measure::Unpriced],
            top: None,
            compare: true,
        };
        let by_day = UsageQuestion {
            every: Some(question.every),
            by: vec![],
            compare: false,
            ..asked.clone()
        };
        let groups = self.questions.breakdown(asked, scope).await?;
        let days = self.questions.series(by_day, scope).await?;
        Ok((groups, days))
    }
}

/// Revenue as it is summed up.
struct Earned<'a> {
    question: &'a RoiQuestion,
    scope: Option<&'a str>,
    by: CompactString,
    period: Period,
    previous: Period,
    total: Return,
    before: Return,
    groups: BTreeMap<Option<CompactString>, Return>,
    buckets: Vec<Return>,
    other_currencies: BTreeMap<CompactString, i128>,
}

impl<'a> Earned<'a> {
    fn new(
        question: &'a RoiQuestion,
        groups: &Answered,
        days: &Answered,
        scope: Option<&'a str>,
    ) -> Self {
        let period = days.question.period().clone();
        Self {
            question,
            scope,
            by: question.by.name().to_compact_string(),
            previous: groups.question.previous().unwrap_or(&period).clone(),
            total: Return::default(),
            before: Return::default(),
            groups: BTreeMap::new(),
            buckets: vec![Return::default(); period.bucket_count()],
            period,
            other_currencies: BTreeMap::new(),
        }
    }

    fn add(&mut self, line: RevenueLine) {
        let value = |name: &str| line.attributes.get(name).map(CompactString::as_str);
        let is_own = self.scope.is_none_or(|own| value("account") == Some(own));
        let passes = |filter: &Filter| filter.passes(value(&filter.attribute().name()));
        if !is_own || !self.question.filters.iter().all(passes) {
            return;
        }
        let (at, nanos) = (line.occurred_at, i128::from(line.gross_nanos));
        let sold = i64::from(line.kind == RevenueKind::Payment);
        // The two may overlap, and there may be days between them that are in neither.
        let is_before = (self.previous.from..self.previous.to).contains(&at);
        let is_now = (self.period.from..self.period.to).contains(&at);
        if !line.currency.eq_ignore_ascii_case(CURRENCY) {
            if is_now {
                *self.other_currencies.entry(line.currency.to_uppercase()).or_default() += nanos;
            }
            return;
        }
        if is_before {
            self.before.earn(nanos, sold);
        }
        if !is_now {
            return;
        }
        self.total.earn(nanos, sold);
        self.groups.entry(value(&self.by).map(Into::into)).or_default().earn(nanos, sold);
        if let Some(bucket) = bucket(self.period.buckets.as_ref(), at)
            && let Some(bucket) = self.buckets.get_mut(bucket)
        {
            bucket.earn(nanos, sold);
        }
    }

    fn roi(mut self, groups: &Answered, days: &Answered) -> Roi {
        let before = groups.answer.total.before.as_deref().unwrap_or_default();
        (self.total.spend, self.before.spend) = (nanos(&groups.answer.total.now), nanos(before));
        let mut series_unpriced = vec![0; self.buckets.len()];
        for row in &days.answer.rows {
            let Some(place) = row.bucket.filter(|place| *place < self.buckets.len()) else {
                continue;
            };
            self.buckets[place].spend = nanos(&row.values.now);
            series_unpriced[place] = unpriced(&row.values.now);
        }
        let is_empty = self.before == Return::default() && count(before) == 0;
        let whole = |place: &usize| {
            let buckets = self.period.buckets.as_ref();
            !days.is_running(*place)
                && buckets.is_some_and(|buckets| {
                    buckets.start(*place) >= self.period.from
                        && buckets.end(*place) <= self.period.to
                })
        };
        let profits: Vec<f64> = (0..self.buckets.len())
            .filter(whole)
            .map(|place| units(self.buckets[place].profit()))
            .collect();
        let seasons: &[usize] = match self.question.every {
            Every::Hour => &[24],
            Every::Day => &[7],
            Every::Week | Every::Month => &[],
        };
        let trend = trend::trend(&profits, &trend::Options::new(seasons));
        Roi {
            rows: self.rows(groups),
            period: self.period,
            total: self.total,
            unpriced: unpriced(&groups.answer.total.now),
            previous_unpriced: unpriced(before),
            series_unpriced,
            previous: (!is_empty).then_some(self.before),
            series: self.buckets,
            direction: trend.map_or(Direction::Steady, |trend| trend.direction),
            other_currencies: self.other_currencies,
        }
    }

    /// The groups, with their shares.
    fn rows(&self, answered: &Answered) -> Vec<RoiRow> {
        let mut earned = self.groups.clone();
        let mut rows: Vec<RoiRow> = Vec::new();
        for row in &answered.answer.rows {
            let Group::Of(key) = &row.group else { continue };
            let group = key.first().cloned().flatten();
            let revenue = earned.remove(&group).unwrap_or_default();
            let own = Return { spend: nanos(&row.values.now), ..revenue };
            if own != Return::default() || count(&row.values.now) != 0 {
                let unpriced = unpriced(&row.values.now);
                rows.push(RoiRow { group, own, shared: 0, unpriced });
            }
        }
        let row = |(group, own)| RoiRow { group, own, shared: 0, unpriced: 0 };
        let mut rest: Vec<RoiRow> = earned.into_iter().map(row).collect();
        rest.sort_by_key(|row| std::cmp::Reverse(row.own.revenue));
        rows.extend(rest);
        rows.sort_by_key(|row| row.group.is_none());
        self.share(&mut rows);
        rows
    }

    /// Shares what names no group by the rule.
    fn share(&self, rows: &mut [RoiRow]) {
        let weight = |row: &RoiRow| self.question.rule.weight(row.own.spend);
        let weights: Vec<u128> = rows.iter().map(weight).collect();
        let Some(nameless) = rows.iter_mut().find(|row| row.group.is_none()) else { return };
        let Some(parts) = share(nameless.own.revenue, &weights) else { return };
        nameless.own.revenue = 0;
        for (row, part) in rows.iter_mut().zip(parts) {
            row.own.revenue += part;
            row.shared = part;
        }
    }
}

impl Return {
    const fn earn(&mut self, nanos: i128, sold: i64) {
        self.revenue += nanos;
        self.sales += sold;
    }

    /// Spend for each sale, in nanos, rounded half away from zero.
    pub fn spend_per_sale(&self) -> Option<i128> {
        let sales = i128::from(self.sales);
        (sales > 0).then(|| {
            let half = if self.spend < 0 { -sales } else { sales };
            (2 * self.spend + half) / (2 * sales)
        })
    }
}

/// The bucket in which `at` lies.
fn bucket(buckets: Option<&Buckets>, at: DateTime<Utc>) -> Option<usize> {
    buckets?.bounds().partition_point(|bound| *bound <= at).checked_sub(1)
}

/// The first measure, an amount.
fn nanos(values: &[Value]) -> i128 {
    match values.first() {
        Some(Value::Amount { nanos }) => *nanos,
        _ => 0,
    }
}

/// The second measure, a count.
fn count(values: &[Value]) -> i128 {
    count_at(values, 1)
}

/// The third measure, a count.
fn unpriced(values: &[Value]) -> i128 {
    count_at(values, 2)
}

fn count_at(values: &[Value], place: usize) -> i128 {
    match values.get(place) {
        Some(Value::Count(count)) => *count,
        _ => 0,
    }
}
