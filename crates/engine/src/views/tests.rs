//! Stories about views.

use std::path::Path;

use chrono::DateTime;
use outlay_domain::people::{Role, User, UserId, Via};
use outlay_domain::views::PinSize;
use outlay_store::sqlite::audit::AuditFilter;

use super::*;
use crate::{FrozenClock, Options};

fn open(folder: &Path) -> Outlay {
    let now = "2026-11-11T12:00:00Z".parse().unwrap();
    let options = Options { background: false, ..Options::default() };
    Outlay::open(folder, options, Arc::new(FrozenClock::at(now))).unwrap()
}

fn caller(name: &str, role: Role) -> Caller {
    let mut user = User::new(UserId::new(name).unwrap(), role, DateTime::UNIX_EPOCH);
    user.account = name.into();
    Caller::of(&user, Via::Session { id: Uuid::nil() })
}

fn draft(name: &str, audience: &str, filters: serde_json::Value) -> ViewDraft {
    serde_json::from_value(serde_json::json!({
        "name": name, "audience": audience, "filters": filters, "measure": "spend",
        "by": ["model"], "period": { "kind": "relative", "span": "30d" }, "tz": null,
        "every": null, "compare": true, "form": "bars", "columns": [], "sort": null,
    }))
    .unwrap()
}

fn everything() -> serde_json::Value {
    serde_json::json!({})
}

fn pin(id: u128) -> Pin {
    Pin { view: Uuid::from_u128(id), size: PinSize::Half }
}

#[tokio::test]
async fn everybody_keeps_their_own_and_only_admins_share_with_all() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let views = outlay.views();
    let (ada, alice) = (caller("ada", Role::Admin), caller("alice", Role::Member));
    let eve = caller("eve", Role::Viewer);
    let names = |views: Vec<SavedView>| {
        views.into_iter().map(|view| view.draft.name.to_string()).collect::<Vec<_>>()
    };
    let id = Uuid::from_u128;

    for (at, who) in [(1, &ada), (2, &alice), (3, &eve)] {
        let own = draft(&format!("of {}", who.user), "owner", everything());
        views.create(id(at), own, who).await.unwrap();
    }
    views.create(id(4), draft("shared", "all", everything()), &ada).await.unwrap();
    let of_shop = serde_json::json!({ "account": ["shop"] });
    views.create(id(5), draft("the shop's", "all", of_shop), &ada).await.unwrap();

    assert_eq!(names(views.all(&ada).await.unwrap()), ["of ada", "shared", "the shop's"]);
    assert_eq!(names(views.all(&eve).await.unwrap()), ["of eve", "shared", "the shop's"]);
    assert_eq!(names(views.all(&alice).await.unwrap()), ["of alice", "shared"]);
    let unseen = views.one(id(5), &alice).await.unwrap_err();
    assert!(matches!(unseen, ViewsError::Unknown(_)), "{unseen}");
    for who in [&alice, &eve] {
        let refused = views.create(id(9), draft("mine", "all", everything()), who).await;
        assert!(matches!(refused.unwrap_err(), ViewsError::Denied(_)));
        let refused = views.change(id(4), draft("mine", "owner", everything()), who).await;
        assert!(matches!(refused.unwrap_err(), ViewsError::NotTheirs(_)));
        let refused = views.remove(id(1), who).await.unwrap_err();
        assert!(matches!(refused, ViewsError::Unknown(_)), "{refused}");
    }
}

#[tokio::test]
async fn a_view_sent_again_is_kept_once_and_a_name_is_of_one_view() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let views = outlay.views();
    let alice = caller("alice", Role::Member);
    let id = Uuid::from_u128(1);
    let first = views.create(id, draft("mine", "owner", everything()), &alice).await.unwrap();

    let again = views.create(id, draft("mine", "owner", everything()), &alice).await.unwrap();
    let other = views.create(id, draft("other", "owner", everything()), &alice).await;
    let namesake =
        views.create(Uuid::from_u128(2), draft("mine", "owner", everything()), &alice).await;

    assert_eq!(again, first);
    assert!(matches!(other.unwrap_err(), ViewsError::Taken(_)));
    assert!(matches!(namesake.unwrap_err(), ViewsError::SameName(_)));
    assert_eq!(views.all(&alice).await.unwrap(), [first]);
}

#[tokio::test]
async fn people_keep_so_many_views_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let views = outlay.views();
    let alice = caller("alice", Role::Member);
    for at in 0..VIEWS_PER_PERSON_MAX {
        let own = draft(&format!("view {at}"), "owner", everything());
        views.create(Uuid::from_u128(at as u128), own, &alice).await.unwrap();
    }

    let refused = views.create(Uuid::max(), draft("one more", "owner", everything()), &alice).await;

    assert!(matches!(refused.unwrap_err(), ViewsError::TooMany));
}

#[tokio::test]
async fn an_overview_is_laid_out_by_whoever_looks_at_it_from_what_they_see() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let views = outlay.views();
    let (ada, alice) = (caller("ada", Role::Admin), caller("alice", Role::Member));
    let id = Uuid::from_u128;
    views.create(id(1), draft("private", "owner", everything()), &ada).await.unwrap();
    views.create(id(2), draft("shared", "all", everything()), &ada).await.unwrap();
    views.create(id(3), draft("own", "owner", everything()), &alice).await.unwrap();

    views.pin(vec![pin(3), pin(2)], &alice).await.unwrap();
    let unseen = views.pin(vec![pin(3), pin(1)], &alice).await.unwrap_err();
    let twice = views.pin(vec![pin(3), pin(3)], &alice).await.unwrap_err();
    let many = views.pin(vec![pin(3); PINS_MAX + 1], &alice).await.unwrap_err();

    assert!(matches!(unseen, ViewsError::Pin { place: 1, why: PinFault::Unknown(_) }));
    assert!(matches!(twice, ViewsError::Pin { place: 1, why: PinFault::Twice(_) }));
    assert!(matches!(many, ViewsError::TooManyPins(_)));
    assert_eq!(views.pins(&alice).await.unwrap(), [pin(3), pin(2)], "a refusal changes nothing");
    assert_eq!(views.pins(&ada).await.unwrap(), []);
    // What is taken back is gone from others' overviews at once.
    views.change(id(2), draft("shared", "owner", everything()), &ada).await.unwrap();
    assert_eq!(views.pins(&alice).await.unwrap(), [pin(3)]);
}

#[tokio::test]
async fn only_what_all_see_is_in_the_audit_trail() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let (views, ada) = (outlay.views(), caller("ada", Role::Admin));
    let id = Uuid::from_u128(1);

    let of_zoe = || draft("of zoe", "all", serde_json::json!({ "subject": ["of zoe"] }));
    views.create(id, draft("v", "owner", everything()), &ada).await.unwrap();
    views.change(id, of_zoe(), &ada).await.unwrap();
    views.change(id, draft("v", "owner", everything()), &ada).await.unwrap();
    views.remove(id, &ada).await.unwrap();

    let trail =
        outlay.books.read(|books| books.audit().page(&AuditFilter::default(), 10)).await.unwrap();
    let actions: Vec<_> = trail.iter().map(|entry| entry.record.action.as_str()).collect();
    assert_eq!(actions, ["views.change", "views.change"]);
    let told = trail.iter().map(|entry| entry.record.detail.to_string()).collect::<String>();
    assert!(!told.contains("of zoe") && told.contains(r#""filters":["subject"]"#), "{told}");
}

#[tokio::test]
async fn a_person_who_is_erased_stands_in_no_view_of_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = Arc::new(open(folder.path()));
    let (views, eve) = (outlay.views(), caller("eve", Role::Viewer));
    let named = serde_json::json!({ "subject": ["zoe"], "account": ["zoe"] });
    let id = Uuid::from_u128(1);
    views.create(id, draft("What zoe used", "owner", named), &eve).await.unwrap();
    let mut changes = outlay.journal.changes(crate::journal::Topic::Views);
    changes.mark_unchanged();

    views.forget("zoe").await.unwrap();

    let view = views.one(id, &eve).await.unwrap();
    assert_eq!(view.draft.name, "What [erased] used");
    let left = serde_json::json!({ "subject": ["[erased]"], "account": ["zoe"] });
    assert_eq!(serde_json::to_value(&view.draft.filters).unwrap(), left);
    assert!(changes.has_changed().unwrap(), "and open pages are told");
}
