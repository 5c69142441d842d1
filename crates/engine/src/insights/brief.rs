//! What somebody should know first, in a few sentences: what was spent and what moved it, what is
//! coming, and what can be done.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use outlay_domain::budgets::{Period, Window};
use outlay_domain::links::Link;
use outlay_domain::recommendations::State;
use outlay_domain::usage::question::{Attribute, Filter};

use super::Insights;
use super::change::{SpendChange, SpendChangeError};
use super::recommendations::{Item, Recommendation, Recommendations, RecommendationsError, Slice};
use crate::budgets::{BudgetStatus, Budgets, BudgetsError, Outlook};
use crate::figure_text::{amount_text, units_text};
use crate::usage::{UnansweredError, UsageQuestion};
use crate::{Asker, Outlay};

/// Groups of a change that are gone through for the one that explains most of it.
const GROUPS: usize = 10;
/// A change of less than this share of what was spent before is none worth a word.
const CHANGE_MIN_PERCENT: i128 = 1;
/// Days that advice is taken from.
const ADVICE_DAYS: u32 = 30;

/// A few sentences, each about one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Brief {
    /// The period that was asked for, `[from, to)`.
    pub period: (DateTime<Utc>, DateTime<Utc>),
    /// What was spent in it, in nanos.
    pub spend: i128,
    /// What was spent in the period before, in nanos.
    pub before: i128,
    /// What there is to say, in order.
    pub sentences: Vec<Sentence>,
    /// The month that runs.
    pub month: Month,
}

/// A sentence about one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// About what.
    pub topic: Topic,
    /// Its words, in order; nothing stands between them.
    pub parts: Vec<Part>,
}

/// What a sentence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// What was spent, and what moved it.
    Spent,
    /// What is coming.
    Coming,
    /// What can be done.
    Advice,
}

/// Some words of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// They.
    pub text: String,
    /// What is behind them.
    pub link: Option<Link>,
}

/// The month that runs, up to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Month {
    /// The month.
    pub window: Window,
    /// What it comes to as things go; `None` while usage is too young to say.
    pub outlook: Option<Outlook>,
    /// What may be spent in it, where a budget is about just that: its id, its name, and how many
    /// nanos.
    pub budget: Option<(String, String, i128)>,
}

/// Where the sentences are written; cheap to clone.
#[derive(Clone)]
pub struct Briefs {
    insights: Insights,
    budgets: Budgets,
    recommendations: Recommendations,
    /// The account that is seen, where it is one only.
    scope: Option<CompactString>,
}

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
pub enum BriefError {
    /// The change could not be taken apart.
    #[error(transparent)]
    Change(#[from] SpendChangeError),
    /// Budgets could not be held against spend.
    #[error(transparent)]
    Budgets(#[from] BudgetsError),
    /// Usage could not be asked for.
    #[error(transparent)]
    Unanswered(#[from] UnansweredError),
    /// Advice could not be had.
    #[error(transparent)]
    Recommendations(#[from] RecommendationsError),
}

impl Outlay {
    /// Where the sentences are written, for somebody.
    pub fn briefs(&self, asker: impl Into<Asker>) -> Briefs {
        let asker = asker.into();
        Briefs {
            insights: self.insights(asker.by()),
            budgets: self.budgets(asker.clone()),
            scope: asker.scope(),
            recommendations: self.recommendations(asker),
        }
    }
}

impl Briefs {
    /// Says what there is to say about the usage that is asked for.
    pub async fn about(&self, usage: UsageQuestion) -> Result<Brief, BriefError> {
        let scope = self.scope.clone();
        let (tz, filters) = (usage.tz, usage.filters.clone());
        let slice = Slice { days: ADVICE_DAYS, tz, filters: filters.clone() };
        let change = self.insights.spend_change(usage, GROUPS, scope.as_deref()).await?;
        let statuses = self.budgets.statuses().await?;
        let statuses: Vec<BudgetStatus> = statuses.into_iter().flatten().collect();
        let advice = self.recommendations.about(&slice).await?.items;

        let own = account_filter(scope.as_deref())?;
        let within: Vec<Filter> = filters.iter().cloned().chain(own).collect();
        let now = self.insights.now();
        let window = Period::Month {}.window(now, tz);
        let outlook = self.budgets.outlook(&within, tz, window).await?;
        let month = Month { window, outlook, budget: budget_of(&statuses, &within, window) };

        // Budgets are about what they are about, whatever the page is narrowed to.
        let told = if filters.is_empty() { statuses.as_slice() } else { &[] };
        let sentences =
            [Some(spent(&change)), coming(told, &month, now, tz), best(&advice).map(advised)];
        Ok(Brief {
            period: change.period,
            spend: change.driver.after.amount,
            before: change.driver.before.amount,
            sentences: sentences.into_iter().flatten().collect(),
            month,
        })
    }
}

/// What narrows usage to the account that is seen.
fn account_filter(scope: Option<&str>) -> Result<Option<Filter>, UnansweredError> {
    let only = |account| Filter::among(Attribute::Account, [account]);
    Ok(scope.map(only).transpose()?)
}

/// The budget whose window is this month and that counts the same usage, the smallest where there
/// are several.
fn budget_of(
    statuses: &[BudgetStatus],
    within: &[Filter],
    window: Window,
) -> Option<(String, String, i128)> {
    let fits = |one: &&BudgetStatus| {
        one.window == window && one.budget.draft.scope.filters() == within && one.available > 0
    };
    let one = statuses.iter().filter(fits).min_by_key(|one| one.available)?;
    Some((one.budget.id.to_string(), one.budget.draft.name.to_string(), one.available))
}

impl Part {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), link: None }
    }

    fn link(text: impl Into<String>, link: Link) -> Self {
        Self { text: text.into(), link: Some(link) }
    }
}

/// What was spent, how it moved, and who moved it most.
fn spent(change: &SpendChange) -> Sentence {
    let (before, after) = (change.driver.before.amount, change.driver.after.amount);
    let mut parts =
        vec![Part::link(amount_text(after), Link::Usage), Part::plain(time_words(change.period))];
    let moved = after - before;
    if before == 0 {
        if after != 0 {
            parts.push(Part::plain(", and nothing before"));
        }
    } else if moved.abs() * 100 < before.abs() * CHANGE_MIN_PERCENT {
        parts.push(Part::plain(", as much as before"));
    } else {
        let way = if moved > 0 { ", up " } else { ", down " };
        parts.push(Part::plain(way));
        parts.push(Part::link(amount_text(moved.abs()), Link::Insights));
        parts.extend(mover(change, moved));
    }
    parts.push(Part::plain("."));
    Sentence { topic: Topic::Spent, parts }
}

/// The group that went the same way as the whole and farthest, with how far.
fn mover(change: &SpendChange, moved: i128) -> Vec<Part> {
    let Some(attribute) = change.by.first() else { return Vec::new() };
    let groups = change.driver.children.iter();
    let same_way = groups.filter(|one| one.effects.change().signum() == moved.signum());
    let Some(most) = same_way.max_by_key(|one| one.effects.change().abs()) else {
        return Vec::new();
    };
    // What is folded together, or has no name, explains nothing to anybody.
    let Some(name) = most.name.as_deref().filter(|name| !name.is_empty()) else {
        return Vec::new();
    };
    let size = most.effects.change().abs();
    let words = if size <= moved.abs() {
        format!(" explains {} of it", amount_text(size))
    } else {
        let verb = if moved > 0 { "rose" } else { "fell" };
        format!(" alone {verb} {}", amount_text(size))
    };
    let link = Link::Name { attribute: attribute.name().into_owned(), name: name.to_owned() };
    vec![Part::plain(": "), Part::link(name, link), Part::plain(words)]
}

/// How long a period is: whole days where it has them.
fn time_words((from, to): (DateTime<Utc>, DateTime<Utc>)) -> String {
    let span = to - from;
    // A day of a zone that changes its clock has 23 or 25 hours.
    let days = (span + TimeDelta::hours(2)).num_days();
    match days {
        ..=0 => format!(" in {} hours", span.num_hours().max(1)),
        1 => " in one day".to_owned(),
        days => format!(" in {days} days"),
    }
}

/// Which budget is crossed first, or what the month comes to.
fn coming(
    statuses: &[BudgetStatus],
    month: &Month,
    now: DateTime<Utc>,
    tz: Tz,
) -> Option<Sentence> {
    let parts = match urgent(statuses, now) {
        Some(status) => crossing(status),
        None => ending(month, tz)?,
    };
    Some(Sentence { topic: Topic::Coming, parts })
}

/// The budget that needs somebody first: one that will be crossed, then one that is spent.
fn urgent(statuses: &[BudgetStatus], now: DateTime<Utc>) -> Option<&BudgetStatus> {
    let open = || statuses.iter().filter(|one| one.window.from <= now && now < one.window.to);
    let ahead = open().filter(|one| one.unspent() > 0 && one.crossed_on.is_some());
    let first = ahead.min_by_key(|one| (one.crossed_on, one.budget.draft.name.clone()));
    first.or_else(|| open().filter(|one| one.unspent() <= 0).min_by_key(|one| one.unspent()))
}

fn crossing(status: &BudgetStatus) -> Vec<Part> {
    let draft = &status.budget.draft;
    let budget = Link::Budget { id: status.budget.id.to_string() };
    let link = Part::link(draft.name.to_string(), budget);
    let all = amount_text(status.available);
    match status.crossed_on.filter(|_| status.unspent() > 0) {
        Some(day) => {
            vec![link, Part::plain(format!(" crosses {all} on {}.", day_words(day)))]
        }
        None => {
            let over = amount_text(-status.unspent());
            vec![link, Part::plain(format!(" has spent its {all}, and {over} more."))]
        }
    }
}

/// What the month comes to, where that can be said.
fn ending(month: &Month, tz: Tz) -> Option<Vec<Part>> {
    let outlook = month.outlook.as_ref()?;
    let name = month_name(month.window.from.with_timezone(&tz).date_naive());
    let ends =
        Part::link(format!("{name} ends at {}", units_text(outlook.expected)), Link::Insights);
    let words = match outlook.range {
        Some((low, high)) => {
            format!(
                " as things go, {} to {} four times of five.",
                units_text(low),
                units_text(high)
            )
        }
        None => " as things go.".to_owned(),
    };
    Some(vec![ends, Part::plain(words)])
}

/// The open advice that saves most.
fn best(items: &[Item]) -> Option<&Recommendation> {
    let open = items.iter().filter(|item| item.state == State::Open);
    let saving = |one: &&Recommendation| one.saving.map_or(0, |saving| saving.monthly);
    open.map(|item| &item.recommendation).filter(|one| saving(one) > 0).max_by_key(saving)
}

fn advised(recommendation: &Recommendation) -> Sentence {
    let saving = recommendation.saving.unwrap_or_default();
    let parts = vec![
        Part::link(recommendation.title.trim_end_matches('.'), Link::Insights),
        Part::plain(format!(
            ": it saves {} to {} a month.",
            amount_text(saving.low),
            amount_text(saving.high)
        )),
    ];
    Sentence { topic: Topic::Advice, parts }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn month_name(day: NaiveDate) -> &'static str {
    MONTHS[day.month0() as usize % 12]
}

fn day_words(day: NaiveDate) -> String {
    format!("{} {}", day.day(), month_name(day))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use outlay_analytics::drivers::{Cell, Item as Moved, drivers};

    use super::*;

    const DOLLAR: i128 = 1_000_000_000;

    fn at(day: u32) -> DateTime<Utc> {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc()
    }

    /// A change of providers from dollars before to dollars after.
    fn change(groups: &[(&str, i128, i128)]) -> SpendChange {
        let cell = |dollars: i128| Cell { amount: dollars * DOLLAR, volume: 1 };
        let items: Vec<Moved> = groups
            .iter()
            .map(|(name, before, after)| Moved {
                path: vec![(*name).to_owned()],
                before: cell(*before),
                after: cell(*after),
            })
            .collect();
        SpendChange {
            period: (at(1), at(21)),
            before: (at(1), at(1)),
            by: vec![Attribute::Provider],
            driver: drivers(&items, GROUPS, 1).unwrap(),
        }
    }

    fn words(sentence: &Sentence) -> String {
        sentence.parts.iter().map(|part| part.text.as_str()).collect()
    }

    #[test]
    fn spend_is_told_with_its_change_and_who_moved_it_most() {
        let sentence = spent(&change(&[("anthropic", 100, 125), ("openai", 55, 68)]));

        assert_eq!(
            words(&sentence),
            "$193.00 in 20 days, up $38.00: anthropic explains $25.00 of it."
        );
        let links: Vec<_> = sentence.parts.iter().filter_map(|part| part.link.clone()).collect();
        let (attribute, name) = ("provider".to_owned(), "anthropic".to_owned());
        assert_eq!(links, [Link::Usage, Link::Insights, Link::Name { attribute, name }]);
    }

    #[test]
    fn who_moved_farther_than_the_whole_did_explains_no_part_of_it() {
        let sentence = spent(&change(&[("anthropic", 100, 60), ("openai", 50, 80)]));

        assert_eq!(
            words(&sentence),
            "$140.00 in 20 days, down $10.00: anthropic alone fell $40.00."
        );
    }

    #[test]
    fn a_change_that_is_none_names_nobody() {
        let sentence = spent(&change(&[("anthropic", 1_000, 1_005)]));
        assert_eq!(words(&sentence), "$1,005.00 in 20 days, as much as before.");

        let sentence = spent(&change(&[("anthropic", 0, 5)]));
        assert_eq!(words(&sentence), "$5.00 in 20 days, and nothing before.");
    }

    #[test]
    fn what_has_no_name_is_not_named() {
        let sentence = spent(&change(&[("", 10, 40)]));

        assert_eq!(words(&sentence), "$40.00 in 20 days, up $30.00.");
    }

    #[test]
    fn a_month_ends_where_its_forecast_says() {
        let window = Period::Month {}.window(at(21), Tz::UTC);
        let outlook = |range| Some(Outlook { expected: 172.4, range, days: vec![] });
        let month = |range| Month { window, outlook: outlook(range), budget: None };
        let said = |range| words(&coming(&[], &month(range), at(21), Tz::UTC).unwrap());

        assert_eq!(
            said(Some((160.0, 190.5))),
            "November ends at $172.40 as things go, $160.00 to $190.50 four times of five."
        );
        assert_eq!(said(None), "November ends at $172.40 as things go.");
        let young = Month { window, outlook: None, budget: None };
        assert_eq!(coming(&[], &young, at(21), Tz::UTC), None);
    }

    #[test]
    fn a_period_is_told_in_days_or_hours() {
        let from = at(1);
        assert_eq!(time_words((from, from + TimeDelta::hours(6))), " in 6 hours");
        assert_eq!(time_words((from, from + TimeDelta::hours(23))), " in one day");
        assert_eq!(time_words((from, at(8))), " in 7 days");
    }
}
