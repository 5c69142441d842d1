//! What moved spend between two periods.

use chrono::{DateTime, Utc};
use outlay_analytics::drivers::{self, Cell, Driver, DriversError, Item};
use outlay_domain::usage::question::{Attribute, BY_MAX, Group, Measure, QuestionError, Value};

use super::Insights;
use crate::usage::{Answered, UnansweredError, UsageQuestion};

/// What moved spend from the period before to the one that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct SpendChange {
    /// The period that was asked for, `[from, to)`.
    pub period: (DateTime<Utc>, DateTime<Utc>),
    /// The period before it.
    pub before: (DateTime<Utc>, DateTime<Utc>),
    /// By what the change is told apart, from the widest level on.
    pub by: Vec<Attribute>,
    /// The whole change, and in it that of each group. Volumes are events.
    pub driver: Driver,
}

/// Why a change was not taken apart.
#[derive(Debug, thiserror::Error)]
pub enum SpendChangeError {
    /// Usage could not be asked for.
    #[error(transparent)]
    Unanswered(#[from] UnansweredError),
    /// The figures are beyond all bounds.
    #[error(transparent)]
    Drivers(#[from] DriversError),
}

impl Insights {
    /// Takes the change of spend apart by the groups of `question`, keeping `top` on each level,
    /// about the account `scope` only where there is one.
    pub async fn spend_change(
        &self,
        question: UsageQuestion,
        top: usize,
        scope: Option<&str>,
    ) -> Result<SpendChange, SpendChangeError> {
        let asked = UsageQuestion {
            measures: vec![Measure::Spend, Measure::Events],
            every: None,
            top: None,
            compare: true,
            ..question
        };
        let (answered, by) = self.by_model(asked, scope).await?;
        let items = answered.answer.rows.iter().map(|row| Item {
            path: match &row.group {
                Group::Of(key) => {
                    key.iter().map(|name| name.as_deref().unwrap_or("").to_owned()).collect()
                }
                Group::Other => vec!["…".to_owned()],
            },
            before: row.values.before.as_deref().map_or_else(Cell::default, cell),
            after: cell(&row.values.now),
        });
        let items: Vec<Item> = items.collect();
        let span = |period: &outlay_domain::usage::question::Period| (period.from, period.to);
        let period = span(answered.question.period());
        Ok(SpendChange {
            period,
            before: answered.question.previous().map_or(period, span),
            driver: drivers::drivers(&items, top, by.len())?,
            by,
        })
    }

    /// Answers by model as well, where that can be, and says what was asked for: what a team spends
    /// for a request changes as it moves to other models, and that is no price.
    async fn by_model(
        &self,
        question: UsageQuestion,
        scope: Option<&str>,
    ) -> Result<(Answered, Vec<Attribute>), UnansweredError> {
        if question.by.len() < BY_MAX && !question.by.contains(&Attribute::Model) {
            let by = question.by.iter().cloned().chain([Attribute::Model]).collect();
            let finer = UsageQuestion { by, ..question.clone() };
            match self.questions.breakdown(finer, scope).await {
                Err(
                    UnansweredError::TooManyGroups
                    | UnansweredError::Question(QuestionError::TooManyRows),
                ) => {}
                answered => {
                    let answered = answered?;
                    let (_, by) =
                        answered.question.by().split_last().unwrap_or((&Attribute::Model, &[]));
                    let by = by.to_vec();
                    return Ok((answered, by));
                }
            }
        }
        let answered = self.questions.breakdown(question, scope).await?;
        let by = answered.question.by().to_vec();
        Ok((answered, by))
    }
}

fn cell(values: &[Value]) -> Cell {
    let figure = |index: usize| match values.get(index) {
        Some(Value::Amount { nanos }) => *nanos,
        Some(Value::Count(count)) => *count,
        _ => 0,
    };
    Cell { amount: figure(0), volume: figure(1) }
}
