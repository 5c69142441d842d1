use std::collections::BTreeMap;

use outlay_domain::people::Caller;
use outlay_domain::plans::Most;

use super::*;
use crate::usage::By;
use crate::{FrozenClock, Options};

fn open(folder: &std::path::Path) -> Outlay {
    let at = "2026-11-21T12:00:00Z".parse().unwrap();
    let options = Options { background: false, ..Options::default() };
    Outlay::open(folder, options, Arc::new(FrozenClock::at(at))).unwrap()
}

fn admin() -> Asker {
    (&Caller::operator()).into()
}

fn draft(json: &str) -> PlanDraft {
    serde_json::from_str(json).unwrap()
}

#[tokio::test]
async fn a_change_makes_a_new_version_and_the_same_again_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let plans = outlay.plans();
    let id: PlanId = "pro".parse().unwrap();
    let first = draft(r#"{"name": "Pro"}"#);
    let second = draft(r#"{"name": "Pro", "trial_days": 7}"#);
    let set = async |draft: &PlanDraft| {
        let kept = plans.set(id.clone(), draft.clone(), &admin()).await.unwrap();
        (kept.version.plan.version, kept.is_new)
    };

    assert_eq!(set(&first).await, (1, true));
    assert_eq!(set(&first).await, (1, false));
    assert_eq!(set(&second).await, (2, true));

    let kept = plans.one(id.clone(), Some(1), &admin()).await.unwrap();
    assert_eq!(kept.version.draft, first);
    let versions = plans.versions(id.clone(), u32::MAX, 10, &admin()).await.unwrap();
    assert_eq!(versions.iter().map(|one| one.plan.version).collect::<Vec<_>>(), [2, 1]);
    plans.close(id.clone(), &admin()).await.unwrap();
    assert!(plans.one(id.clone(), None, &admin()).await.unwrap().is_closed);
    assert_eq!(set(&second).await, (2, false), "it is open again");
    assert!(!plans.one(id.clone(), None, &admin()).await.unwrap().is_closed);
}

#[tokio::test]
async fn the_example_is_taken_whole_and_a_file_with_a_fault_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let plans = outlay.plans();
    let file: PlansFile = serde_json::from_str(EXAMPLE).unwrap();

    let mut faulty = file.clone();
    faulty.plans.get_mut("pro").unwrap().trial_days = 9_999;
    assert!(matches!(
        plans.import(faulty, &admin()).await,
        Err(PlansError::Plan { why: PlanError::Trial(9_999), .. })
    ));
    assert_eq!(plans.all(&admin()).await.unwrap(), []);

    assert_eq!(plans.import(file, &admin()).await.unwrap().len(), 4);
    let all = plans.all(&admin()).await.unwrap();
    let names: Vec<_> = all.iter().map(|kept| kept.version.plan.id.as_str()).collect();
    assert_eq!(names, ["free", "basic", "pro", "enterprise"]);
    let most = |plan: usize, limit: &str| all[plan].version.draft.limit(limit).unwrap().most;
    assert_eq!(most(0, "openai_calls"), Most::Nanos(0), "not in the plan");
    assert_eq!(most(0, "wavespeed_calls"), Most::Unlimited);
    assert_eq!(most(3, "openai_calls"), Most::Unlimited);
    assert_eq!(most(2, "gemini_tokens").to_string(), "5000000");
}

#[tokio::test]
async fn only_who_may_set_prices_sets_plans_and_hidden_ones_are_not_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let plans = outlay.plans();
    let hidden = draft(r#"{"name": "For one customer", "hidden": true}"#);
    plans.set("theirs".parse().unwrap(), hidden.clone(), &admin()).await.unwrap();
    let mut caller = Caller::operator();
    caller.role = outlay_domain::people::Role::Member;
    let member: Asker = (&caller).into();

    assert_eq!(plans.all(&member).await.unwrap(), []);
    let one = plans.one("theirs".parse().unwrap(), None, &member).await;
    assert!(matches!(one, Err(PlansError::Unknown(_))));
    let set = plans.set("theirs".parse().unwrap(), hidden, &member).await;
    assert!(matches!(set, Err(PlansError::Denied(_))));
    let import = plans.import(PlansFile { plans: BTreeMap::new() }, &member).await;
    assert!(matches!(import, Err(PlansError::Denied(_))));
    assert_eq!(plans.all(&By::Server("tests").into()).await.unwrap().len(), 1);
}
