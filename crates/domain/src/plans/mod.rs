#![doc = include_str!("README.md")]

mod limit;
mod months;
mod plan;
mod subscription;
mod usage;

pub use limit::{
    ALERTS_MAX, Limit, LimitError, LimitMeasure, LimitWindow, Most, PERCENT_MAX, usual_alerts,
};
pub use months::Months;
pub use plan::{
    CREDITS_MAX, FEATURES_MAX, Feature, GRACE_DAYS_MAX, LIMITS_MAX, PlanCredit, PlanDraft,
    PlanError, PlanId, PlanPrice, PlanRef, PlanRollover, PlanVersion, PlansFile, TRIAL_DAYS_MAX,
};
pub use subscription::{
    Cycle, NextPlan, PlanBook, PlanGrant, Step, StepKind, Subscription, SubscriptionRefusal,
    SubscriptionState, When,
};
pub use usage::{
    Counted, Counter, CounterKey, Demand, LimitShare, LimitUsage, Notice, Passed, Taking,
    closes_at, is_closed,
};
