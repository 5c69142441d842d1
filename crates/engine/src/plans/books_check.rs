//! What is kept of subscriptions and limits, held against what it was made of.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use outlay_domain::budgets::Scope;
use outlay_domain::plans::{CounterKey, Limit};
use outlay_domain::usage::question::{Attribute, Measure, QuestionError, Value};
use outlay_store::{StoreError, View};

use super::subscriptions::had;
use crate::usage::{Answered, UnansweredError, UsageQuestion};

/// Something that a counter must have: what was used in a window.
pub(crate) struct Claim {
    /// Whose.
    pub account: String,
    /// Which limit.
    pub limit: Limit,
    /// From when on.
    pub from: DateTime<Utc>,
    /// Up to when.
    pub to: DateTime<Utc>,
    /// What the counter has, in billionths.
    pub used: i128,
}

impl Claim {
    /// The question that tells what it must be.
    pub fn question(&self) -> UsageQuestion {
        let mut names = self.limit.scope.names().clone();
        names.insert("account".to_owned(), vec![self.account.clone()]);
        let scope = Scope::new(names).unwrap_or_default();
        UsageQuestion {
            from: Some(self.from),
            to: Some(self.to),
            tz: chrono_tz::Tz::UTC,
            every: None,
            by: Vec::new(),
            filters: scope.filters().to_vec(),
            measures: vec![self.limit.measure.measure().clone()],
            top: None,
            compare: false,
        }
    }

    /// What differs, if anything does.
    pub fn fault(&self, answered: Result<Answered, UnansweredError>) -> Option<String> {
        let facts = match answered {
            Err(UnansweredError::Question(QuestionError::EmptyRange { .. })) => 0,
            Err(error) => return Some(error.to_string()),
            Ok(answered) => match answered.answer.total.now.first() {
                Some(Value::Amount { nanos }) => *nanos,
                Some(Value::Count(count)) => *count * 1_000_000_000,
                Some(Value::Quantity { micros }) => *micros * 1_000,
                _ => 0,
            },
        };
        (facts != self.used).then(|| {
            let text = |nanos| Value::Amount { nanos }.text();
            format!(
                "account `{}`: of its limit `{}` {} are counted from {} on, and its facts have {}",
                self.account,
                self.limit.id,
                text(self.used),
                self.from,
                text(facts)
            )
        })
    }
}

/// Holds what is kept of one account's subscription and limits against its history and its holds; answers
/// what differs, and what remains to be held against the facts.
pub(crate) fn check_books(
    books: &View<'_>,
    account: &str,
    number: i64,
) -> Result<(Vec<String>, Vec<Claim>), StoreError> {
    let Some(kept) = books.subscriptions().of(number)? else { return Ok((vec![], vec![])) };
    let Some((_, had)) = had(books, account)? else { return Ok((vec![], vec![])) };
    let mut found = Vec::new();
    let steps = books.subscriptions().count_steps(number)?;
    if steps != kept.steps {
        found.push(format!(
            "{steps} things happened to its subscription by its history, and {} by its own account",
            kept.steps
        ));
    }
    let mut held: BTreeMap<CounterKey, i128> = BTreeMap::new();
    for share in books.ledger().open_holds(number)?.iter().flat_map(|kept| &kept.limits) {
        *held.entry(share.key).or_default() += share.nanos;
    }
    let counters = books.limits().counters(number)?;
    let mut limits = BTreeMap::new();
    for limit in &had.plan.draft.limits {
        if let Some(counting) = books.limits().counting(&limit.counting())? {
            limits.insert(counting, limit);
        }
    }
    let mut claims = Vec::new();
    for (key, counter) in counters {
        let by_holds = held.remove(&key).unwrap_or(0);
        if by_holds != counter.held {
            found.push(format!(
                "{} billionths of a limit are held by its counter and {by_holds} by its holds",
                counter.held
            ));
        }
        let Some(limit) =
            limits.get(&key.0).filter(|limit| counter.is_whole && !is_personal(limit))
        else {
            continue;
        };
        claims.push(Claim {
            account: account.to_owned(),
            limit: (*limit).clone(),
            from: counter.window.from,
            to: counter.window.to,
            used: counter.used,
        });
    }
    Ok((found, claims))
}

/// Whether the erasure of a person may change what it counts.
fn is_personal(limit: &Limit) -> bool {
    let mut attributes = limit.scope.filters().iter().map(|filter| filter.attribute());
    let is_named = attributes.any(|one| matches!(one, Attribute::Subject | Attribute::Tag(_)));
    // The history answers meters that it has no column for more slowly, and the same.
    is_named
        || !matches!(
            limit.measure.measure(),
            Measure::Spend | Measure::Events | Measure::Tokens | Measure::Meter(_)
        )
}
