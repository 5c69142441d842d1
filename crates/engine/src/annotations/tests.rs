//! Stories about annotations.

use std::path::Path;

use outlay_domain::budgets::Scope;
use outlay_domain::people::{Role, User, UserId, Via};
use outlay_domain::prices::{ModelPattern, Priced};
use outlay_domain::usage::question::Attribute;

use super::*;
use crate::prices::NewPrice;
use crate::{FrozenClock, Options};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn open(folder: &Path) -> Outlay {
    let options = Options { background: false, ..Options::default() };
    Outlay::open(folder, options, Arc::new(FrozenClock::at(at("2026-11-11T12:00:00Z")))).unwrap()
}

fn caller(name: &str, role: Role) -> Caller {
    let mut user = User::new(UserId::new(name).unwrap(), role, DateTime::UNIX_EPOCH);
    user.account = name.into();
    Caller::of(&user, Via::Session { id: Uuid::nil() })
}

fn draft(text: &str, scope: Scope) -> AnnotationDraft {
    AnnotationDraft { text: text.into(), at: at("2026-11-10T10:00:00Z"), until: None, scope }
}

fn november(filters: Vec<Filter>) -> WantedMarks {
    WantedMarks { from: at("2026-11-01T00:00:00Z"), to: at("2026-12-01T00:00:00Z"), filters }
}

async fn texts(outlay: &Outlay, filters: Vec<Filter>, who: &Caller) -> Vec<String> {
    let marks = outlay.annotations().marks(november(filters), who).await.unwrap();
    marks.items.into_iter().map(|mark| mark.text).collect()
}

#[tokio::test]
async fn what_is_written_is_read_by_whoever_sees_what_it_is_about() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let notes = outlay.annotations();
    let (ada, alice) = (caller("ada", Role::Admin), caller("alice", Role::Member));
    let id = Uuid::from_u128;
    let shop = Scope::only("account", "shop").unwrap();
    notes.create(id(1), draft("a release", Scope::default()), &ada).await.unwrap();
    notes.create(id(2), draft("for the shop", shop), &ada).await.unwrap();
    notes.create(id(3), draft("of alice", Scope::default()), &alice).await.unwrap();
    let chat = Scope::only("model", "gpt-4o").unwrap();
    notes.create(id(4), draft("of one model", chat), &ada).await.unwrap();

    let model = |name| vec![Filter::only(Attribute::Model, name)];
    let all = ["a release", "for the shop", "of alice", "of one model"];
    assert_eq!(texts(&outlay, vec![], &ada).await, all);
    assert_eq!(texts(&outlay, model("other"), &ada).await, all[..3]);
    assert_eq!(texts(&outlay, vec![], &alice).await, ["a release", "of alice", "of one model"]);
    let bob = caller("bob", Role::Member);
    assert_eq!(texts(&outlay, vec![], &bob).await, ["a release", "of one model"]);
}

#[tokio::test]
async fn whoever_wrote_it_changes_it_or_an_admin_and_what_is_sent_again_is_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let notes = outlay.annotations();
    let (ada, alice) = (caller("ada", Role::Admin), caller("alice", Role::Member));
    let id = Uuid::from_u128(1);
    let said = draft("a release", Scope::default());
    let first = notes.create(id, said.clone(), &ada).await.unwrap();

    assert_eq!(notes.create(id, said.clone(), &ada).await.unwrap(), first);
    let taken = notes.create(id, draft("other", Scope::default()), &ada).await.unwrap_err();
    assert!(matches!(taken, AnnotationsError::Taken(_)), "{taken}");
    let theirs = notes.change(id, said.clone(), &alice).await.unwrap_err();
    assert!(matches!(theirs, AnnotationsError::NotTheirs(_)), "{theirs}");
    let unseen = notes.remove(Uuid::from_u128(2), &alice).await.unwrap_err();
    assert!(matches!(unseen, AnnotationsError::Unknown(_)), "{unseen}");

    let own = Uuid::from_u128(3);
    notes.create(own, draft("of alice", Scope::default()), &alice).await.unwrap();
    notes.change(own, draft("corrected", Scope::default()), &ada).await.unwrap();
    assert_eq!(texts(&outlay, vec![], &alice).await, ["a release", "corrected"]);
    notes.remove(own, &ada).await.unwrap();
    assert_eq!(texts(&outlay, vec![], &alice).await, ["a release"]);
}

#[tokio::test]
async fn a_models_new_price_is_told_where_the_model_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let ada = caller("ada", Role::Admin);
    for (amount, from) in
        [("0.0000025", "2026-11-01T00:00:00Z"), ("0.000002", "2026-11-05T00:00:00Z")]
    {
        let new = NewPrice {
            provider: "acme".into(),
            model: ModelPattern::exactly("chat-1"),
            priced: Priced::parse("input_tokens"),
            per: 1,
            price: amount.parse().unwrap(),
            charged: Default::default(),
            conditions: Default::default(),
            valid_from: Some(at(from)),
            valid_to: None,
        };
        outlay.prices.set(&ada, vec![new]).await.unwrap();
    }

    let model = |name| vec![Filter::only(Attribute::Model, name)];
    assert_eq!(
        texts(&outlay, model("chat-1"), &ada).await,
        ["acme chat-1: input tokens 2.5 → 2 USD per million"]
    );
    assert_eq!(texts(&outlay, model("chat-10"), &ada).await, [""; 0]);
    assert_eq!(texts(&outlay, vec![], &ada).await, [""; 0]);
}

#[tokio::test]
async fn what_is_written_changed_and_removed_is_in_the_trail_without_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let (notes, ada) = (outlay.annotations(), caller("ada", Role::Admin));
    let id = Uuid::from_u128(1);

    notes.create(id, draft("zoe left", Scope::default()), &ada).await.unwrap();
    notes.create(id, draft("zoe left", Scope::default()), &ada).await.unwrap();
    notes.change(id, draft("zoe came", Scope::default()), &ada).await.unwrap();
    notes.remove(id, &ada).await.unwrap();

    let filter = outlay_store::sqlite::audit::AuditFilter::default();
    let trail = outlay.books.read(move |books| books.audit().page(&filter, 10)).await.unwrap();
    let actions: Vec<_> = trail.iter().rev().map(|entry| &*entry.record.action).collect();
    assert_eq!(actions, ["annotations.create", "annotations.change", "annotations.remove"]);
    assert!(trail.iter().all(|entry| !entry.record.detail.to_string().contains("zoe")));
}

#[tokio::test]
async fn a_person_who_is_erased_stands_in_no_annotation() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let (notes, ada) = (outlay.annotations(), caller("ada", Role::Admin));
    let of_zoe = Scope::only("subject", "zoe").unwrap();
    for (number, text, scope) in [
        (1, "New keys", of_zoe),
        (2, "zoe left", Scope::default()),
        (3, "zoey came", Scope::default()),
    ] {
        notes.create(Uuid::from_u128(number), draft(text, scope), &ada).await.unwrap();
    }

    notes.forget("zoe").await.unwrap();

    let mut told = texts(&outlay, Vec::new(), &ada).await;
    told.sort();
    assert_eq!(told, ["New keys", "[erased] left", "zoey came"]);
    let kept = outlay.books.read(|books| books.annotations().find(Uuid::from_u128(1))).await;
    let scope = kept.unwrap().unwrap().draft.scope;
    assert_eq!(scope.names()["subject"], ["[erased]"]);
}
