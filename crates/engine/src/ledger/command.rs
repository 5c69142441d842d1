//! What the ledger is asked, and what it answers.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use outlay_domain::Amount;
use outlay_domain::budgets::Budget;
use outlay_domain::ledger::{
    Balance, Grant, GrantDraft, Hold, HoldState, LedgerRefusal, Posting, Terms, Unit,
};
use outlay_domain::people::AuditRecord;
use outlay_domain::plans::{
    Cycle, LimitMeasure, PlanId, PlanVersion, Subscription, SubscriptionRefusal, SubscriptionState,
    When,
};
use outlay_domain::usage::Quantities;
use outlay_domain::usage::question::Value;
use outlay_store::StoreError;
use thiserror::Error;

use crate::journal::AcceptError;

/// What a hold is called: the number of its account, and its own number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HoldName {
    /// The account's.
    pub account: i64,
    /// Its own.
    pub number: i64,
}

impl fmt::Display for HoldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "h{}-{}", self.account, self.number)
    }
}

impl FromStr for HoldName {
    type Err = LedgerRefusal;

    fn from_str(text: &str) -> Result<Self, LedgerRefusal> {
        let numbers = text.strip_prefix('h').and_then(|rest| rest.split_once('-'));
        let read = |number: &str| {
            let is_plain = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
            number.parse::<i64>().ok().filter(|number| is_plain && *number > 0)
        };
        numbers
            .and_then(|(account, number)| {
                Some(Self { account: read(account)?, number: read(number)? })
            })
            .ok_or(LedgerRefusal::NoHold)
    }
}

/// The id under which something is asked for, and what was, so that it is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The id, as it is kept: apart from those of events.
    pub id: CompactString,
    /// What was asked for, a field a line.
    pub body: CompactString,
    fields: Vec<&'static str>,
}

impl Asked {
    /// What is asked for under `id`: an act of this name with those fields.
    pub fn new(act: &'static str, id: &str, fields: &[(&'static str, String)]) -> Self {
        let all = [("act", act.to_owned())].into_iter().chain(fields.iter().cloned());
        let (mut body, mut names) = (CompactString::default(), Vec::new());
        for (name, value) in all {
            // A value of several lines would be told apart from none of the others.
            let value = value.replace('\\', "\\\\").replace('\n', "\\n");
            body.push_str(&value);
            body.push('\n');
            names.push(name);
        }
        Self { id: compact_str::format_compact!("c:{id}"), body, fields: names }
    }

    /// What stands for a text that may name people, which the ledger keeps for ever and must not have.
    pub fn without_names(text: &str) -> String {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(text.as_bytes());
        digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// The id as it was given.
    pub fn shown_id(&self) -> &str {
        self.id.strip_prefix("c:").unwrap_or(&self.id)
    }

    /// The first field that was another before; `None` where none was.
    pub fn difference(&self, before: &str) -> Option<&'static str> {
        if self.body == before {
            return None;
        }
        let mut pairs = self.fields.iter().zip(self.body.lines().zip(before.lines()));
        let found = pairs.find(|(_, (now, then))| now != then).map(|(name, _)| *name);
        // Another kind of act altogether, or one of an older version: it is the id that is taken.
        Some(found.filter(|name| *name != "act").unwrap_or("id"))
    }
}

/// What the ledger is asked.
#[derive(Debug)]
pub enum Command {
    /// Give credit.
    Grant {
        /// To whom.
        account: CompactString,
        /// In which unit.
        unit: Unit,
        /// What.
        draft: GrantDraft,
        /// By which id.
        asked: Asked,
        /// What the trail says of it.
        trail: AuditRecord,
    },
    /// Set credit aside on the balance and on all hard budgets that it counts for, or on none.
    Authorize {
        /// Whose.
        account: CompactString,
        /// In which unit.
        unit: Unit,
        /// How much.
        amount: Amount,
        /// What the usage will have.
        attributes: BTreeMap<String, String>,
        /// For how long.
        lasts: TimeDelta,
        /// What will be used, by which limits of plans tell what it counts.
        uses: Uses,
        /// By which id.
        asked: Asked,
    },
    /// Take what was set aside.
    Capture {
        /// Which hold.
        hold: HoldName,
        /// The only account that the caller may use.
        only: Option<CompactString>,
        /// How much of it; all where nothing is said.
        amount: Option<Amount>,
    },
    /// Give back what was set aside.
    Release {
        /// Which hold.
        hold: HoldName,
        /// The only account that the caller may use.
        only: Option<CompactString>,
    },
    /// Give back what was taken.
    Refund {
        /// Whose.
        account: CompactString,
        /// The number of the charge or capture.
        of: i64,
        /// How much of it; all that is left where nothing is said.
        amount: Option<Amount>,
        /// By which id.
        asked: Asked,
        /// What the trail says of it.
        trail: AuditRecord,
    },
    /// Put a balance right.
    Adjust {
        /// Whose.
        account: CompactString,
        /// In which unit.
        unit: Unit,
        /// By how much.
        amount: Amount,
        /// By which id.
        asked: Asked,
        /// What the trail says of it.
        trail: AuditRecord,
    },
    /// Change what an account agreed to. From then on it has a ledger.
    Agree {
        /// Whose.
        account: CompactString,
        /// What.
        terms: Terms,
        /// What the trail says of it.
        trail: AuditRecord,
    },
    /// Put away what is due.
    Ripen {
        /// Whose.
        account: CompactString,
    },
    /// Begin, change or end a subscription.
    Subscription {
        /// Whose.
        account: CompactString,
        /// What is to become of it.
        wanted: Wanted,
        /// What the trail says of it, where somebody asked for it.
        trail: Option<AuditRecord>,
    },
}

/// What somebody is about to use, besides what it costs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uses {
    /// How much of what; `None` where they do not say.
    pub quantities: Option<Quantities>,
    /// The feature that the plan must have.
    pub feature: Option<CompactString>,
}

/// What is to become of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// It begins.
    Begin {
        /// With which plan.
        plan: PlanId,
        /// Which version of it; the newest where nothing is said.
        version: Option<u32>,
        /// For how long is paid at a time.
        cycle: Cycle,
        /// Whose days.
        tz: Tz,
        /// Whether it is tried first; whoever never had a plan does where nothing is said.
        tried: Option<bool>,
    },
    /// Another plan or version, or paid for another time.
    Change {
        /// Which plan.
        plan: PlanId,
        /// Which version of it; the newest where nothing is said.
        version: Option<u32>,
        /// For how long is paid at a time; as before where nothing is said.
        cycle: Option<Cycle>,
        /// When.
        when: When,
    },
    /// It ends.
    Cancel(When),
    /// It goes on, where it would end or change.
    Resume,
    /// A payment is due.
    FallDue,
    /// It was paid.
    Pay,
    /// Only what happens by itself.
    Turn,
}

/// What the ledger did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Credit was given.
    Given(Given),
    /// Credit was set aside.
    Authorized(Authorized),
    /// A hold is over.
    Captured(Captured),
    /// Something was posted.
    Posted(Posting),
    /// The terms are these.
    Agreed(Terms),
    /// What was due is put away.
    Ripened,
    /// The subscription is so now.
    Subscribed(Box<Subscribed>),
}

/// A subscription, after something was asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// How it is.
    pub subscription: Subscription,
    /// What its plan says.
    pub plan: Arc<PlanVersion>,
    /// Whether anything was done, and was not so before.
    pub is_changed: bool,
}

/// Credit that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// In which unit.
    pub unit: Unit,
    /// The grant.
    pub grant: Grant,
    /// What the account had then.
    pub balance: Balance,
    /// Whether it was given before, under the same id.
    pub is_repeated: bool,
}

/// Credit that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    /// What the hold is called.
    pub hold: HoldName,
    /// In which unit.
    pub unit: Unit,
    /// How much.
    pub amount: Amount,
    /// What could be spent besides then.
    pub available: Amount,
    /// Up to when it is held.
    pub expires_at: DateTime<Utc>,
    /// Whether the account has a balance in this unit that can run out.
    pub is_limited: bool,
    /// Whether it was set aside before, under the same id.
    pub is_repeated: bool,
}

/// A hold that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Whose it is.
    pub account: CompactString,
    /// In which unit.
    pub unit: Unit,
    /// How it ended.
    pub state: HoldState,
    /// What was taken.
    pub amount: Amount,
    /// What of that was more than the hold.
    pub beyond: Amount,
    /// What went back.
    pub released: Amount,
    /// What the account had then.
    pub balance: Balance,
    /// Whether it was over before.
    pub is_repeated: bool,
}

impl Captured {
    pub(crate) fn of(account: &str, hold: &Hold, balance: Balance, is_repeated: bool) -> Self {
        let more = hold.captured.nanos().saturating_sub(hold.amount.nanos());
        Self {
            account: account.into(),
            unit: hold.unit.clone(),
            state: hold.state,
            amount: hold.captured,
            beyond: Amount::from_nanos(more.max(0)),
            released: Amount::from_nanos(more.saturating_neg().max(0)),
            balance,
            is_repeated,
        }
    }
}

/// A limit that would be passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Which.
    pub reached: Reached,
    /// What is left of it, in nanos.
    pub available: i128,
    /// When there is more again by itself, if ever.
    pub resets_at: Option<DateTime<Utc>>,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = Value::Amount { nanos: self.available }.text();
        match &self.reached {
            Reached::Budget(_) => f.write_str("a limit would be passed"),
            Reached::Plan { limit, measure } => {
                let left = match measure.is_spend() {
                    true => format!("{left} to spend"),
                    false => format!("{left} {measure}"),
                };
                write!(f, "the limit `{limit}` of the account's plan has {left} left")
            }
            Reached::Feature(name) => {
                write!(f, "the account has no plan with the feature `{name}`")
            }
            Reached::Subscription(SubscriptionState::Ended) => {
                f.write_str("the account's subscription is over")
            }
            Reached::Subscription(_) => {
                f.write_str("a payment for the account's subscription is due for too long")
            }
        }
    }
}

/// Which limit it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// A hard budget.
    Budget(Budget),
    /// A hard limit of the account's plan, by its id.
    Plan {
        /// The limit's id.
        limit: CompactString,
        /// What it measures.
        measure: LimitMeasure,
    },
    /// The plan has no such feature, or there is no plan.
    Feature(CompactString),
    /// The subscription is over, or a payment is due for too long.
    Subscription(SubscriptionState),
}

/// Why the ledger does not do something.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] LedgerRefusal),
    /// A limit would be passed.
    #[error("{0}")]
    Limit(Box<Limit>),
    /// What was spent of a hard budget is not counted yet. Which one is not for everybody to hear.
    #[error("what was spent of a hard budget that it counts for is still being counted")]
    Counting,
    /// The account has no ledger.
    #[error("the account has no ledger")]
    NoAccount,
    /// Its subscription does not allow it.
    #[error(transparent)]
    Subscription(#[from] SubscriptionRefusal),
    /// There is no such plan.
    #[error("there is no plan `{0}`")]
    NoPlan(PlanId),
    /// Nobody new gets the plan.
    #[error("the plan `{0}` is closed, and nobody new gets it")]
    PlanClosed(PlanId),
    /// It was not taken into a commit.
    #[error(transparent)]
    NotTaken(#[from] AcceptError),
    /// The books could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}
