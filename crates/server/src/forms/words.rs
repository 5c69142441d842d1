//! Words of the API: enums as they stand on the wire, where the program's own ones say more or are
//! of a crate that has no wire.

use outlay_analytics::drivers::Presence as Present;
use outlay_analytics::{anomalies, trend};
use outlay_domain::alerts::AlertState as Own;
use outlay_domain::revenue;
use outlay_domain::usage::question;
use outlay_engine::annotations::MarkKind;
use outlay_engine::health::CheckState;
use outlay_engine::insights::brief;
use outlay_engine::insights::findings;
use outlay_engine::insights::recommendations;
use outlay_engine::tasks::TaskCondition;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An enum of words that stand for those of another enum, one for one.
macro_rules! words {
    ($(#[$about:meta])* $name:ident of $own:ty { $($(#[$doc:meta])* $word:ident),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$doc])* $word),+ }

        impl From<$own> for $name {
            fn from(own: $own) -> Self {
                type Its = $own;
                match own { $(Its::$word => Self::$word),+ }
            }
        }
    };
}

words! {
    /// The width of the buckets of a series.
    Every of question::Every {
        /// Full hours.
        Hour,
        /// Days.
        Day,
        /// Weeks, from Monday.
        Week,
        /// Months.
        Month,
    }
}

words! {
    /// What a sentence is about.
    BriefTopic of brief::Topic {
        /// What was spent, and what moved it.
        Spent,
        /// What is coming.
        Coming,
        /// What can be done.
        Advice,
    }
}

words! {
    /// Who is given revenue that names no group.
    SharingRule of revenue::SharingRule {
        /// It is given to nobody.
        Direct,
        /// Every group, by what it cost.
        Spend,
        /// Every group that cost something, the same.
        Even,
    }
}

words! {
    /// Where a series goes, as far as it can be told from noise.
    Direction of trend::Direction {
        /// It goes up.
        Rising,
        /// It goes down.
        Falling,
        /// It does neither.
        Steady,
    }
}

words! {
    /// How a task in the background does.
    TaskState of TaskCondition {
        /// It works, or waits for work.
        Ok,
        /// Its last turn failed, and will be tried again.
        Failing,
        /// Its last turn ended in a panic, and none was done since.
        Down,
        /// There is nothing more for it to do.
        Ended,
    }
}

words! {
    /// How something that was checked is.
    CheckStatus of CheckState {
        /// As it should be.
        Ok,
        /// Somebody should look at it.
        Warning,
        /// It does not work.
        Failing,
    }
}

words! {
    /// How something that happened is known.
    AnnotationKind of MarkKind {
        /// Somebody wrote it.
        Note,
        /// A model has another price.
        Price,
        /// An alert opened.
        Alert,
        /// Usage was imported.
        Import,
    }
}

words! {
    /// Kinds of recommendations.
    RecommendationKind of recommendations::Kind {
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
}

words! {
    /// How sure a saving is.
    Confidence of recommendations::Confidence {
        /// It was measured.
        High,
        /// It rests on a figure that is usual.
        Medium,
        /// It has to be tried.
        Low,
    }
}

words! {
    /// How soon something should be done.
    Priority of findings::Priority {
        /// To be done first.
        High,
        /// To be done next.
        Medium,
        /// When there is time.
        Low,
    }
}

/// Whether a group was there all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// In both periods.
    Stayed,
    /// Only in the period after.
    New,
    /// Only in the period before.
    Gone,
}

impl From<Present> for Presence {
    fn from(presence: Present) -> Self {
        match presence {
            Present::Both => Self::Stayed,
            Present::New => Self::New,
            Present::Gone => Self::Gone,
        }
    }
}

/// On which side of what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyDirection {
    /// More than expected.
    High,
    /// Less than expected.
    Low,
}

impl From<anomalies::Direction> for AnomalyDirection {
    fn from(direction: anomalies::Direction) -> Self {
        match direction {
            anomalies::Direction::Above => Self::High,
            anomalies::Direction::Below => Self::Low,
        }
    }
}

/// Where an alert is between open and resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nobody said that they saw it.
    Open,
    /// Somebody did.
    Acknowledged,
    /// It is over.
    Resolved,
}

impl From<&Own> for AlertState {
    fn from(state: &Own) -> Self {
        match state {
            Own::Open => Self::Open,
            Own::Acknowledged(_) => Self::Acknowledged,
            Own::Resolved { .. } => Self::Resolved,
        }
    }
}

/// Where a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetState {
    /// No threshold is reached.
    Within,
    /// A threshold is reached.
    Warned,
    /// It will be spent before its time, as things go.
    Overrunning,
    /// Nothing is left.
    Spent,
}

/// How the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SystemStatus {
    /// As it should.
    Ok,
    /// A check warns.
    Degraded,
    /// A check fails.
    Failing,
}

impl From<CheckState> for SystemStatus {
    fn from(worst: CheckState) -> Self {
        match worst {
            CheckState::Ok => Self::Ok,
            CheckState::Warning => Self::Degraded,
            CheckState::Failing => Self::Failing,
        }
    }
}

/// What became of something that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SentOutcome {
    /// It is kept.
    Accepted,
    /// It was kept before.
    Repeated,
    /// It was not taken.
    Refused,
}

/// What became of an event that was to be amended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AmendedOutcome {
    /// It is as was asked.
    Amended,
    /// It is as it was.
    Refused,
}

/// The type of a column of FOCUS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum FocusType {
    /// A text.
    String,
    /// An exact number.
    Decimal,
    /// A moment.
    Timestamp,
}
