//! Stories about usage that comes in.

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use outlay_domain::people::Caller;
use outlay_domain::prices::{Charged, Conditions, Priced};
use outlay_domain::usage::question::Measure;
use outlay_domain::usage::{EventDraft, Meter};
use outlay_domain::{Amount, Quantity};
use outlay_store::sqlite::manifest::Span;
use outlay_store::sqlite::totals::AccountMove;

use super::amend::{Amender, AmendmentError, AskedEvent};
use super::rerate::Rerating;
use super::*;
use crate::journal::Topic;
use crate::prices::NewPrice;
use crate::{Clock, FrozenClock, Options, Outlay};

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_078_400, 0).unwrap()
}

fn open(folder: &Path) -> Arc<Outlay> {
    open_with(folder, Arc::new(FrozenClock::at(noon())))
}

fn open_with(folder: &Path, clock: Arc<FrozenClock>) -> Arc<Outlay> {
    let options = Options { background: false, ..Options::default() };
    Arc::new(Outlay::open(folder, options, clock).unwrap())
}

/// An event that costs what it says.
fn costing(id: &str, cost: &str) -> Incoming {
    let draft = EventDraft {
        id: id.into(),
        source: "tests".into(),
        account: "acme".into(),
        occurred_at: Some(noon() - TimeDelta::hours(1)),
        provider: Some("somebody".into()),
        quantities: vec![(Meter::InputTokens, Quantity::from_units(10).unwrap())],
        stated_cost: Some(cost.parse().unwrap()),
        ..EventDraft::default()
    };
    Incoming { event: draft.accept(noon()).unwrap(), time_stated: true }
}

/// What the account `acme` was charged, its events, and those without a price.
fn charged(outlay: &Outlay) -> (String, i64, i64) {
    let accounts = outlay.books.read_blocking(|books| books.totals().accounts()).unwrap();
    accounts
        .get("acme")
        .map(|charged| (charged.amount.to_string(), charged.events, charged.unpriced))
        .unwrap_or_default()
}

fn words(outcomes: &[Outcome]) -> Vec<String> {
    outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Accepted(charged) => {
                charged.amount.map_or("unpriced".into(), |amount: Amount| amount.to_string())
            }
            Outcome::Repeated => "repeated".into(),
            Outcome::Refused(refusal) => format!("{} {}", refusal.code.as_str(), refusal.field),
        })
        .collect()
}

async fn send(outlay: &Outlay, events: Vec<Incoming>) -> Vec<String> {
    words(&outlay.journal.accept(events).await.unwrap())
}

#[tokio::test]
async fn an_event_is_charged_once_however_often_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());

    assert_eq!(
        send(&outlay, vec![costing("a", "0.5"), costing("a", "0.5")]).await,
        ["0.5", "repeated"]
    );
    assert_eq!(
        send(&outlay, vec![costing("a", "0.5"), costing("b", "1")]).await,
        ["repeated", "1"]
    );

    assert_eq!(charged(&outlay), ("1.5".into(), 2, 0));
}

#[tokio::test]
async fn another_body_under_a_known_id_is_refused_and_says_which_field() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    send(&outlay, vec![costing("a", "0.5")]).await;

    let again =
        send(&outlay, vec![costing("a", "0.7"), costing("b", "1"), costing("b", "2")]).await;

    assert_eq!(again, ["conflict cost", "1", "conflict cost"]);
    assert_eq!(charged(&outlay), ("1.5".into(), 2, 0));
}

#[tokio::test]
async fn what_was_acknowledged_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    send(&outlay, vec![costing("in a segment", "1")]).await;
    outlay.history.flush(&outlay.dedup).unwrap();
    send(&outlay, vec![costing("in the log", "2")]).await;
    drop(outlay);

    let outlay = open(folder.path());
    let again = send(
        &outlay,
        vec![
            costing("in a segment", "1"),
            costing("in the log", "2"),
            costing("in a segment", "3"),
        ],
    )
    .await;

    assert_eq!(again, ["repeated", "repeated", "conflict cost"]);
    assert_eq!(charged(&outlay), ("3".into(), 2, 0));
}

#[tokio::test]
async fn a_clock_that_jumps_back_loses_nothing_and_counts_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FrozenClock::at(noon()));
    let outlay = open_with(folder.path(), clock.clone());
    send(&outlay, vec![costing("before", "1")]).await;
    outlay.history.flush(&outlay.dedup).unwrap();

    clock.advance(TimeDelta::days(-40));
    let after = vec![costing("before", "1"), costing("after", "2"), costing("before", "9")];
    assert_eq!(send(&outlay, after).await, ["repeated", "2", "conflict cost"]);
    outlay.history.flush(&outlay.dedup).unwrap();
    outlay.history.compact().unwrap();
    outlay.dedup.merge().unwrap();
    outlay.dedup.retain(clock.now()).unwrap();
    drop(outlay);

    clock.advance(TimeDelta::days(-40));
    let outlay = open_with(folder.path(), clock);
    let again = send(&outlay, vec![costing("before", "1"), costing("after", "2")]).await;
    assert_eq!(again, ["repeated", "repeated"]);
    assert_eq!(charged(&outlay), ("3".into(), 2, 0));
    let report = outlay.check().unwrap();
    assert_eq!((report.facts, report.findings), (2, vec![]));
}

#[tokio::test]
async fn an_event_without_a_time_repeats_although_time_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let sent_at = |minutes: i64| {
        let mut incoming = costing("untimed", "1");
        incoming.event.occurred_at = noon() + TimeDelta::minutes(minutes);
        incoming.time_stated = false;
        incoming
    };
    assert_eq!(send(&outlay, vec![sent_at(0)]).await, ["1"]);
    assert_eq!(send(&outlay, vec![sent_at(5)]).await, ["repeated"]);
    drop(outlay);

    let outlay = open(folder.path());
    assert_eq!(send(&outlay, vec![sent_at(9)]).await, ["repeated"]);
}

#[tokio::test]
async fn two_senders_of_one_event_at_once_charge_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());

    let sends = (0..20).map(|_| {
        let outlay = outlay.clone();
        tokio::spawn(async move { send(&outlay, vec![costing("raced", "1")]).await })
    });
    let mut accepted = 0;
    for sent in sends.collect::<Vec<_>>() {
        accepted += usize::from(sent.await.unwrap() == ["1"]);
    }

    assert_eq!(accepted, 1);
    assert_eq!(charged(&outlay), ("1".into(), 1, 0));
}

#[tokio::test]
async fn a_deleted_event_gives_back_what_it_cost_and_stays_known() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    send(&outlay, vec![costing("wrong", "2"), costing("right", "1")]).await;
    let amender = Amender { actor: "anna".into(), reason: "sent by a test".into() };
    let wrong = vec![costing("wrong", "2").event.name()];

    let deleted = outlay.delete_events(wrong.clone(), &amender).await.unwrap();
    let again = outlay.delete_events(wrong, &amender).await.unwrap();

    assert_eq!(deleted[0].as_ref().unwrap().amount, Some("-2".parse().unwrap()));
    assert!(again[0].is_err());
    assert_eq!(charged(&outlay), ("1".into(), 1, 0));
    assert_eq!(send(&outlay, vec![costing("wrong", "2")]).await, ["repeated"]);
}

#[tokio::test]
async fn a_correction_charges_what_is_right_instead() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    send(&outlay, vec![costing("a", "2")]).await;
    let amender = Amender { actor: "anna".into(), reason: "the cost was misread".into() };

    let correct = async |incoming: Incoming| {
        let names = vec![incoming.event.name()];
        outlay.correct_events(names, vec![incoming], &amender).await.unwrap()
    };
    let corrected = correct(costing("a", "3")).await;
    let twice = correct(costing("a", "2.5")).await;

    assert!(corrected[0].is_ok() && twice[0].is_ok());
    assert_eq!(charged(&outlay), ("2.5".into(), 1, 0));
}

/// The same event, of another account.
fn of_account(account: &str, mut incoming: Incoming) -> Incoming {
    incoming.event.account = account.into();
    incoming
}

/// What an account was charged, and its events.
fn charged_to(outlay: &Outlay, account: &str) -> (String, i64) {
    let accounts = outlay.books.read_blocking(|books| books.totals().accounts()).unwrap();
    accounts
        .get(account)
        .map(|charged| (charged.amount.to_string(), charged.events))
        .unwrap_or_default()
}

#[tokio::test]
async fn ids_of_one_account_are_nothing_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let globex = |cost: &str| of_account("globex", costing("order-3", cost));
    // In one commit, from the log, and from a segment.
    let sent = send(&outlay, vec![costing("order-3", "1"), globex("5"), globex("5")]).await;
    assert_eq!(sent, ["1", "5", "repeated"]);
    for _ in 0..2 {
        let again = send(&outlay, vec![costing("order-3", "1"), globex("5"), globex("6")]).await;
        assert_eq!(again, ["repeated", "repeated", "conflict cost"]);
        outlay.history.flush(&outlay.dedup).unwrap();
    }

    let amender = Amender { actor: "anna".into(), reason: "sent by a test".into() };
    let mine = vec![globex("5").event.name()];
    outlay.delete_events(mine, &amender).await.unwrap()[0].as_ref().unwrap();

    assert_eq!(charged(&outlay), ("1".into(), 1, 0));
    assert_eq!(charged_to(&outlay, "globex"), ("0".into(), 0));
    let facts = outlay.history.find(&[costing("order-3", "1").event.name()]).unwrap();
    assert_eq!(facts.len(), 1, "the other's event was not touched");
    assert_eq!(outlay.check().unwrap().findings, vec![]);
}

#[tokio::test]
async fn an_event_is_named_without_its_account_as_long_as_one_account_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let globex = of_account("globex", costing("both", "5"));
    send(&outlay, vec![costing("one", "1"), costing("both", "1"), globex]).await;
    let asked = |id: &str, account: Option<&str>| AskedEvent {
        account: account.map(Into::into),
        source: "tests".into(),
        id: id.into(),
    };
    let accounts = async |asked, may_move| {
        let names = outlay.resolve(vec![asked], may_move).await;
        names.map(|names| names.into_iter().map(|name| name.account).collect::<String>())
    };

    assert_eq!(accounts(asked("one", None), false).await.unwrap(), "acme");
    assert_eq!(accounts(asked("both", Some("globex")), false).await.unwrap(), "globex");
    assert_eq!(accounts(asked("both", Some("globex")), true).await.unwrap(), "globex");
    assert_eq!(accounts(asked("one", Some("globex")), false).await.unwrap(), "globex", "as said");
    assert_eq!(accounts(asked("one", Some("globex")), true).await.unwrap(), "acme", "it may go");
    for (asked, may_move) in [(asked("both", None), false), (asked("both", Some("hooli")), true)] {
        let refused = accounts(asked, may_move).await.unwrap_err();
        assert!(matches!(refused, AmendmentError::Ambiguous { accounts: 2, .. }), "{refused}");
    }
}

#[tokio::test]
async fn an_event_that_a_correction_brought_to_an_account_is_known_there() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    send(&outlay, vec![costing("a", "2")]).await;
    let there = || of_account("globex", costing("a", "2"));
    let amender = Amender { actor: "anna".into(), reason: "it was globex's".into() };
    let names = vec![costing("a", "2").event.name()];
    outlay.correct_events(names, vec![there()], &amender).await.unwrap()[0].as_ref().unwrap();

    for _ in 0..3 {
        let other = of_account("globex", costing("a", "3"));
        let again = send(&outlay, vec![costing("a", "2"), there(), other]).await;
        assert_eq!(again, ["repeated", "repeated", "conflict cost"]);
        outlay.history.flush(&outlay.dedup).unwrap();
    }
    assert_eq!(charged(&outlay), ("0".into(), 0, 0));
    assert_eq!(charged_to(&outlay, "globex"), ("2".into(), 1));
    drop(outlay);
    let outlay = open(folder.path());
    assert_eq!(send(&outlay, vec![there()]).await, ["repeated"]);
}

#[tokio::test]
async fn a_correction_that_is_sent_again_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    send(&outlay, vec![costing("a", "2")]).await;
    let amender = Amender { actor: "anna".into(), reason: "the cost was misread".into() };
    let right = || vec![costing("a", "3")];
    let names = || vec![costing("a", "3").event.name()];
    let facts = || outlay.history.find(&names()).unwrap().len();

    outlay.correct_events(names(), right(), &amender).await.unwrap();
    let written = facts();
    let again = outlay.correct_events(names(), right(), &amender).await.unwrap();
    let timeless = Incoming { time_stated: false, ..costing("a", "3") };
    outlay.correct_events(names(), vec![timeless], &amender).await.unwrap();

    assert_eq!(facts(), written);
    assert_eq!(again[0].as_ref().unwrap().amount, Some("3".parse().unwrap()));
    assert_eq!(charged(&outlay), ("3".into(), 1, 0));
}

#[tokio::test]
async fn a_stopped_journal_takes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    outlay.stop();

    let refused = outlay.journal.accept(vec![costing("late", "1")]).await;

    assert!(matches!(refused, Err(AcceptError::Stopping)));
}

#[tokio::test]
async fn an_account_that_cannot_hold_what_it_is_rated_anew_leaves_the_others_rated() {
    let folder = tempfile::tempdir().unwrap();
    charge_nearly_all(folder.path(), 1_000_000_000);
    let outlay = open(folder.path());
    let unpriced = |account: &str| {
        let draft = EventDraft {
            id: "u".into(),
            source: "tests".into(),
            account: account.into(),
            occurred_at: Some(noon() - TimeDelta::hours(1)),
            provider: Some("p9".into()),
            model: Some("m9".into()),
            quantities: vec![(Meter::InputTokens, Quantity::from_units(1_000_000).unwrap())],
            ..EventDraft::default()
        };
        Incoming { event: draft.accept(noon()).unwrap(), time_stated: true }
    };
    assert_eq!(send(&outlay, vec![unpriced("acme"), unpriced("beta")]).await, ["unpriced"; 2]);
    let price = NewPrice {
        provider: "p9".into(),
        model: "m9".parse().unwrap(),
        priced: Priced::Meter(Meter::InputTokens),
        per: 1_000_000,
        price: "5".parse().unwrap(),
        charged: Charged::Each,
        conditions: Conditions::default(),
        valid_from: Some(noon() - TimeDelta::days(1)),
        valid_to: None,
    };
    outlay.prices.set(&Caller::operator(), vec![price]).await.unwrap();
    let amender = Amender { actor: "ada".into(), reason: "a price came".into() };
    let rerating = Rerating {
        from: None,
        to: None,
        provider: None,
        model: None,
        service: None,
        only_unpriced: true,
    };

    let book = outlay.prices.book();
    let rerated = outlay.rerate(&rerating, &book, Some(&amender)).await.unwrap();

    assert_eq!((rerated.priced, rerated.difference.to_string()), (1, "5".to_owned()));
    let refused: Vec<_> = rerated.refused.iter().map(|(account, why)| (&**account, why)).collect();
    assert!(matches!(&refused[..], [("acme", why)] if why.contains("acme")), "{refused:?}");
    let beta = outlay.books.read_blocking(|books| books.totals().charged("beta")).unwrap();
    assert_eq!((beta.amount.to_string(), beta.unpriced), ("5".to_owned(), 0));
}

#[tokio::test]
async fn an_erasure_has_what_is_counted_of_a_person_counted_anew_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    let mut event = costing("a", "1");
    event.event.subject = Some("ada".into());
    send(&outlay, vec![event]).await;
    let mut watched = outlay.journal.changes(Topic::Watched);
    watched.mark_unchanged();
    let amender = Amender { actor: "bob".into(), reason: "asked to be forgotten".into() };

    let facts = outlay.erase_subject("ada".into(), &amender).await.unwrap();

    assert_eq!(facts, 1);
    assert!(watched.has_changed().unwrap(), "whoever tends to counters hears of it");
}

/// Lets the account `acme` have room for no more than `left` billionths, as older versions let it.
fn charge_nearly_all(folder: &Path, left: i64) {
    let outlay = open(folder);
    let charged = AccountMove { nanos: (i64::MAX - left).into(), events: 0, unpriced: 0 };
    outlay.books.write_blocking(|tx| tx.totals().post("acme", charged)).unwrap();
}

#[tokio::test]
async fn an_event_that_its_account_cannot_hold_is_refused_and_its_neighbours_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    charge_nearly_all(folder.path(), 5_000_000_000);
    let outlay = open(folder.path());
    let neighbour = |id: &str| {
        let mut incoming = costing(id, "3");
        incoming.event.account = "beta".into();
        incoming
    };

    let (one, two) = tokio::join!(
        send(
            &outlay,
            vec![neighbour("n-1"), costing("a", "3"), costing("b", "3"), neighbour("n-2")]
        ),
        send(&outlay, vec![neighbour("n-3"), costing("c", "2"), costing("d", "0.5")]),
    );

    let refused = |word: &String| word == "out_of_range account";
    assert_eq!(one, ["3", "3", "out_of_range account", "3"]);
    assert_eq!(two, ["3", "2", "out_of_range account"]);
    assert_eq!(one.iter().chain(&two).filter(|word| refused(word)).count(), 2);
    assert_eq!(charged(&outlay).0, "9223372036.854775807");
    assert_eq!(outlay.journal.counters().failures.load(std::sync::atomic::Ordering::Relaxed), 0);
    // What does not fit is no repeat when it comes again, and fits once there is room.
    let amender = Amender { actor: "ada".into(), reason: "too much".into() };
    let taken_back = outlay.delete_events(vec![costing("a", "1").event.name()], &amender).await;
    assert!(taken_back.unwrap()[0].is_ok());
    assert_eq!(send(&outlay, vec![costing("b", "3")]).await, ["3"]);
}

#[tokio::test]
async fn an_amendment_that_its_account_cannot_hold_is_refused_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    charge_nearly_all(folder.path(), 3_000_000_000);
    let outlay = open(folder.path());
    send(&outlay, vec![costing("a", "1"), costing("b", "1")]).await;
    let amender = Amender { actor: "ada".into(), reason: "more".into() };
    let wanted = vec![costing("a", "1.5"), costing("b", "9")];

    let names = wanted.iter().map(|incoming| incoming.event.name()).collect();
    let refused = outlay.correct_events(names, wanted, &amender).await;

    let Err(AmendmentError::Accept(AcceptError::Refused(refusal))) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refusal.field, "account");
    assert_eq!(send(&outlay, vec![costing("c", "0.25")]).await, ["0.25"], "the rest goes on");
}

#[test]
fn what_no_event_can_cost_or_use_is_refused_with_the_field() {
    let refusal = |change: fn(&mut EventDraft)| {
        let mut draft = EventDraft {
            id: "x".into(),
            source: "tests".into(),
            account: "acme".into(),
            provider: Some("somebody".into()),
            ..EventDraft::default()
        };
        change(&mut draft);
        draft.accept(noon()).map(|_| ()).map_err(|refusal| refusal.field.to_string())
    };
    assert_eq!(refusal(|draft| draft.stated_cost = "100000000".parse().ok()), Ok(()));
    assert_eq!(
        refusal(|draft| draft.stated_cost = "9223372036.854775807".parse().ok()),
        Err("cost".into())
    );
    assert_eq!(
        refusal(|draft| draft.quantities =
            vec![(Meter::InputTokens, Quantity::from_units(1_000_000_000_001).unwrap())]),
        Err("quantities.input_tokens".into())
    );
    assert_eq!(refusal(|draft| draft.duration_us = Some(i64::MAX)), Err("duration_ms".into()));
}

#[tokio::test]
async fn what_was_corrected_last_stands_also_after_the_clock_was_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FrozenClock::at(noon()));
    let outlay = open_with(folder.path(), clock.clone());
    send(&outlay, vec![costing("a", "1")]).await;
    let amender = Amender { actor: "ada".into(), reason: "it was wrong".into() };
    let names = || vec![costing("a", "1").event.name()];
    outlay.correct_events(names(), vec![costing("a", "2")], &amender).await.unwrap();

    clock.set(noon() - TimeDelta::days(3));
    outlay.correct_events(names(), vec![costing("a", "5")], &amender).await.unwrap();
    outlay.history.flush(&outlay.dedup).unwrap();
    // What is taken back is what stands.
    clock.set(noon() - TimeDelta::days(2));
    outlay.delete_events(names(), &amender).await.unwrap();

    assert_eq!(charged(&outlay), ("0".into(), 0, 0));
    let facts = outlay.history.find(&[costing("a", "1").event.name()]).unwrap();
    let mut stated: Vec<_> = facts.iter().map(|fact| (fact.received_at, fact.kind)).collect();
    stated.sort_by_key(|(at, _)| *at);
    assert_eq!(stated.last().unwrap().1, outlay_domain::usage::FactKind::Reversal);
}

#[tokio::test]
async fn a_key_that_stands_in_two_places_is_counted_once_and_belongs_to_a_kept_event() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    send(&outlay, vec![costing("a", "1"), costing("b", "2")]).await;
    // As a flush does that comes between the keys of a commit and its facts.
    let now_us = noon().timestamp_micros();
    outlay.dedup.flush(Span { first_us: now_us, last_us: now_us }).unwrap();
    drop(outlay);

    let outlay = open(folder.path());
    assert_eq!(outlay.dedup.figures().keys, 4, "from the run, and from the log again");
    assert_eq!(outlay.check().unwrap().keys, 2);
    let again = send(&outlay, vec![costing("a", "1"), costing("b", "2")]).await;
    assert_eq!(again, ["repeated", "repeated"]);
    outlay.history.flush(&outlay.dedup).unwrap();
    let report = outlay.check().unwrap();
    assert_eq!((report.facts, report.keys, report.findings), (2, 2, vec![]));
    assert_eq!(charged(&outlay), ("3".into(), 2, 0));
}

#[tokio::test]
async fn questions_of_one_moment_agree_whatever_comes_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path());
    send(&outlay, vec![costing("in a segment", "1")]).await;
    outlay.history.flush(&outlay.dedup).unwrap();
    send(&outlay, vec![costing("in the tail", "2")]).await;
    let spend = async |questions: &Questions| {
        let asked = UsageQuestion {
            from: None,
            to: None,
            tz: chrono_tz::Tz::UTC,
            every: None,
            by: Vec::new(),
            filters: Vec::new(),
            measures: vec![Measure::Spend],
            top: None,
            compare: false,
        };
        questions.total(asked, None).await.unwrap().answer.total.now[0].text().to_string()
    };
    let questions = outlay.questions.by(By::Server("tests"));
    let moment = questions.of_one_moment();
    assert_eq!(spend(&moment).await, "3");

    send(&outlay, vec![costing("later", "4")]).await;
    outlay.history.flush(&outlay.dedup).unwrap();
    assert_eq!(spend(&questions).await, "7");
    assert_eq!(spend(&moment).await, "3", "although the tail it saw was written to a segment");
    assert_eq!(spend(&questions.of_one_moment()).await, "7");
    assert_eq!(spend(&moment.of_one_moment()).await, "3", "those of a moment stay of that one");
    assert_eq!(spend(&questions).await, "7", "and asking about it harms no newer question");
}
