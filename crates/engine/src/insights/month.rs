//! A month of the calendar, and how what may be spent in it is used.
//!
//! It is told of months that are over and of months without a budget, too, and of spend as an older system
//! counts it; where a budget stands in its own window is [`BudgetStatus`](crate::budgets::BudgetStatus).

use chrono::{Datelike, NaiveDate};

use super::Days;
use super::course::units;
use crate::budgets::Outlook;

/// A month of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    first: NaiveDate,
    last: NaiveDate,
}

impl Month {
    /// That month, if the calendar has it.
    pub fn new(year: i32, month: u32) -> Option<Self> {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        let next = if month == 12 {
            NaiveDate::from_ymd_opt(year.checked_add(1)?, 1, 1)?
        } else {
            NaiveDate::from_ymd_opt(year, month + 1, 1)?
        };
        Some(Self { first, last: next.pred_opt()? })
    }

    /// The month of `day`.
    pub fn of(day: NaiveDate) -> Option<Self> {
        Self::new(day.year(), day.month())
    }

    /// Its days.
    pub fn days(self) -> Days {
        Days::new(self.first, self.last).unwrap_or(Days::only(self.first))
    }

    /// Its year.
    pub fn year(self) -> i32 {
        self.first.year()
    }

    /// Its number in the year, from 1.
    pub fn number(self) -> u32 {
        self.first.month()
    }
}

/// How what may be spent in a month is used, at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MonthUse {
    /// What may be spent, in nanos.
    pub budget: i128,
    /// What was, in nanos.
    pub spent: i128,
    /// Days of the month.
    pub days: u32,
    /// Days that are over or run; all of them where the month is over, none where it is to come.
    pub days_elapsed: u32,
    /// Spend in a day, in nanos: of whole days where there are any, and of the one that runs.
    pub daily_nanos: i128,
    /// What the month will come to, in nanos: what a budget for it would say, and at that rate
    /// where it is too early to look ahead.
    pub projected: i128,
    /// Days from now on until the budget is spent, where it will be.
    pub days_left: Option<f64>,
}

impl MonthUse {
    /// Uses `budget` by what was spent in `month` before today, and today; `outlook` is what will be
    /// spent, of a month that runs.
    pub fn new(
        month: Month,
        today: NaiveDate,
        budget: i128,
        before: i128,
        running: i128,
        outlook: Option<&Outlook>,
    ) -> Self {
        let days = month.days().count().unsigned_abs() as u32;
        let runs = month.first <= today && today <= month.last;
        let days_elapsed = match today {
            today if today > month.last => days,
            today if today < month.first => 0,
            today => today.day(),
        };
        let spent = before + running;
        let whole = if runs { days_elapsed - 1 } else { days_elapsed };
        // A day that has just begun tells nothing about how much days cost.
        let (counted, over) = if whole > 0 { (before, whole) } else { (spent, days_elapsed) };
        let daily_nanos = counted.checked_div(over.into()).unwrap_or_default();
        let rest = i128::from(days - days_elapsed);
        let still_today = if runs { (daily_nanos - running).max(0) } else { 0 };
        let outlook = outlook.filter(|_| runs);
        let projected = match outlook {
            Some(outlook) => nanos(outlook.expected).max(spent),
            None => spent + still_today + rest * daily_nanos,
        };
        let left = budget - spent;
        let days_left = match (runs, left, outlook) {
            // What is not bounded is not used up.
            _ if budget <= 0 => None,
            (true, left, _) if left <= 0 => Some(0.0),
            (true, left, Some(outlook)) => days_until(units(left), &outlook.days, daily_nanos),
            // Days are no money.
            #[allow(clippy::cast_precision_loss)]
            (true, left, None) if daily_nanos > 0 => Some(left as f64 / daily_nanos as f64),
            _ => None,
        };
        Self { budget, spent, days, days_elapsed, daily_nanos, projected, days_left }
    }

    /// What is left, in nanos; less than nothing where more was spent.
    pub const fn remaining(&self) -> i128 {
        self.budget - self.spent
    }

    /// By how much the projection is beyond the budget, in nanos; nothing without one.
    pub fn overage(&self) -> i128 {
        if self.budget > 0 { (self.projected - self.budget).max(0) } else { 0 }
    }

    /// Days that are still to come, without the one that runs.
    pub const fn days_remaining(&self) -> u32 {
        self.days - self.days_elapsed
    }

    /// How much of the budget was spent; one is all of it.
    #[allow(clippy::cast_precision_loss)]
    pub fn share(&self) -> f64 {
        if self.budget > 0 { self.spent as f64 / self.budget as f64 } else { 0.0 }
    }
}

/// Days until `left` is spent, as much as is expected on each of `days`, of which the first runs; by
/// the rate beyond them.
fn days_until(left: f64, days: &[f64], daily_nanos: i128) -> Option<f64> {
    let mut left = left;
    for (count, expected) in days.iter().enumerate() {
        if *expected > 0.0 && left <= *expected {
            return Some(count as f64 + left / expected);
        }
        left -= expected.max(0.0);
    }
    let daily = units(daily_nanos);
    (daily > 0.0).then(|| days.len() as f64 + left / daily)
}

/// What is expected is no exact amount: the nearest one.
#[allow(clippy::cast_possible_truncation, reason = "forecasts are far below the bound")]
fn nanos(units: f64) -> i128 {
    (units * 1e9).round() as i128
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const UNIT: i128 = 1_000_000_000;

    #[test]
    fn a_running_month_is_projected_from_whole_days() {
        let month = Month::new(2026, 11).unwrap();
        let today = NaiveDate::from_ymd_opt(2026, 11, 11).unwrap();

        let used = MonthUse::new(month, today, 600 * UNIT, 200 * UNIT, 5 * UNIT, None);

        assert_eq!((used.days, used.days_elapsed, used.days_remaining()), (30, 11, 19));
        assert_eq!(used.daily_nanos, 20 * UNIT);
        assert_eq!(used.projected, (200 + 20 + 19 * 20) * UNIT);
        assert_eq!(used.overage(), 0);
        assert!((used.days_left.unwrap() - 395.0 / 20.0).abs() < 1e-9);
    }

    #[test]
    fn a_month_comes_to_what_its_budget_says() {
        let month = Month::new(2026, 11).unwrap();
        let today = NaiveDate::from_ymd_opt(2026, 11, 29).unwrap();
        let outlook = Outlook { expected: 260.5, range: None, days: vec![15.5, 40.0] };

        let used = MonthUse::new(month, today, 240 * UNIT, 200 * UNIT, 5 * UNIT, Some(&outlook));

        assert_eq!(used.projected, 260 * UNIT + UNIT / 2);
        // Fifteen and a half today, and the rest of thirty-five on the day after.
        assert!((used.days_left.unwrap() - (1.0 + 19.5 / 40.0)).abs() < 1e-9, "{used:?}");
    }

    #[test]
    fn months_that_are_over_or_to_come_project_nothing() {
        let month = Month::new(2026, 12).unwrap();
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();

        let over = MonthUse::new(month, day(2027, 2, 1), 10 * UNIT, 31 * UNIT, 0, None);
        assert_eq!((over.projected, over.overage(), over.days_left), (31 * UNIT, 21 * UNIT, None));
        let coming = MonthUse::new(month, day(2026, 1, 1), 0, 0, 0, None);
        assert_eq!((coming.days_elapsed, coming.projected, coming.days_left), (0, 0, None));
    }

    #[test]
    fn the_calendar_bounds_months() {
        assert!(Month::new(2026, 13).is_none());
        assert!(Month::new(i32::MAX, 12).is_none());
        assert_eq!(Month::new(2028, 2).unwrap().days().count(), 29);
    }
}
