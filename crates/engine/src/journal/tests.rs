//! Stories about acts that share a commit.

use std::path::Path;
use std::sync::mpsc;

use chrono::{DateTime, Utc};
use outlay_domain::people::AuditRecord;
use outlay_domain::usage::EventDraft;
use outlay_store::Tx;
use outlay_store::sqlite::audit::AuditFilter;

use super::*;
use crate::{FrozenClock, Options, Outlay};

/// Whatever a test does in a commit.
struct Do<F>(F);

impl<F> Act for Do<F>
where
    F: FnOnce(&Tx<'_>) -> Result<(), Stop<AcceptError>> + Send + 'static,
{
    type Done = ();
    type Refused = AcceptError;
    const TELLS: &'static [Topic] = &[Topic::Watched];

    fn act(self, tx: &Tx<'_>, _at: DateTime<Utc>) -> Result<(), Stop<AcceptError>> {
        (self.0)(tx)
    }
}

/// A line of the trail that says `word`.
fn noted(tx: &Tx<'_>, word: &str) -> Result<(), Stop<AcceptError>> {
    let record = AuditRecord {
        at: noon(),
        actor: "ada".into(),
        action: word.into(),
        target: "test".into(),
        detail: serde_json::json!({}),
    };
    Ok(tx.audit().append(&record)?)
}

fn noon() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn open(folder: &Path, options: Options) -> Arc<Outlay> {
    let options = Options { background: false, ..options };
    Arc::new(Outlay::open(folder, options, Arc::new(FrozenClock::at(noon()))).unwrap())
}

fn event(id: &str) -> Incoming {
    let draft = EventDraft {
        id: id.into(),
        source: "tests".into(),
        account: "acme".into(),
        provider: Some("openai".into()),
        stated_cost: Some("1".parse().unwrap()),
        occurred_at: Some(noon()),
        ..EventDraft::default()
    };
    Incoming { event: draft.accept(noon()).unwrap(), time_stated: true }
}

/// Everything that the trail says, the oldest first.
fn trail(outlay: &Outlay) -> Vec<String> {
    let page = outlay
        .books
        .read_blocking(|books| books.audit().page(&AuditFilter::default(), 100))
        .unwrap();
    let own = page.iter().filter(|entry| entry.record.target == "test");
    let mut words: Vec<_> = own.map(|entry| entry.record.action.to_string()).collect();
    words.reverse();
    words
}

fn spent(outlay: &Outlay) -> i64 {
    let charged = outlay.books.read_blocking(|books| books.totals().charged("acme")).unwrap();
    charged.events
}

/// Holds the journal's thread in a commit, so that what comes meanwhile shares the next one.
struct Held {
    go: mpsc::Sender<()>,
    held: tokio::task::JoinHandle<Result<(), AcceptError>>,
}

impl Held {
    async fn hold(outlay: &Arc<Outlay>) -> Self {
        let (go, gone) = mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let outlay = outlay.clone();
        let held = tokio::spawn(async move {
            let wait = Do(move |_: &Tx<'_>| {
                let _ = begun.send(());
                let _ = gone.recv();
                Ok(())
            });
            outlay.journal.act(wait).await
        });
        has_begun.await.unwrap();
        Self { go, held }
    }

    async fn release(self) {
        self.go.send(()).unwrap();
        self.held.await.unwrap().unwrap();
    }
}

/// Has `act` wait in the journal of `outlay`; what became of it comes later.
fn waiting<F>(outlay: &Arc<Outlay>, act: F) -> tokio::task::JoinHandle<Result<(), AcceptError>>
where
    F: FnOnce(&Tx<'_>) -> Result<(), Stop<AcceptError>> + Send + 'static,
{
    let outlay = outlay.clone();
    tokio::spawn(async move { outlay.journal.act(Do(act)).await })
}

fn sent(
    outlay: &Arc<Outlay>,
    id: &'static str,
) -> tokio::task::JoinHandle<Result<Vec<Outcome>, AcceptError>> {
    let outlay = outlay.clone();
    tokio::spawn(async move { outlay.journal.accept(vec![event(id)]).await })
}

/// Lets tasks that were spawned before come as far as they do by themselves.
async fn settled(outlay: &Outlay, waiting: usize) {
    while outlay.journal.waiting() < waiting {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_refused_act_leaves_no_trace_and_harms_no_neighbour() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path(), Options::default());
    let held = Held::hold(&outlay).await;

    let first = waiting(&outlay, |tx| noted(tx, "first"));
    settled(&outlay, 1).await;
    let refused = waiting(&outlay, |tx| {
        noted(tx, "refused")?;
        Err(Stop::Refused(AcceptError::Behind))
    });
    settled(&outlay, 2).await;
    let damaged = waiting(&outlay, |tx| {
        noted(tx, "damaged")?;
        Err(StoreError::Damaged { what: "a row".into(), how: "so".into() }.into())
    });
    let kept = sent(&outlay, "a");
    let last = waiting(&outlay, |tx| noted(tx, "last"));
    settled(&outlay, 5).await;
    held.release().await;

    first.await.unwrap().unwrap();
    last.await.unwrap().unwrap();
    assert!(matches!(refused.await.unwrap(), Err(AcceptError::Behind)));
    assert!(matches!(damaged.await.unwrap(), Err(AcceptError::Store(_))));
    assert!(matches!(kept.await.unwrap().unwrap()[..], [Outcome::Accepted(_)]));
    let mut said = trail(&outlay);
    said.sort();
    assert_eq!(said, ["first", "last"]);
    assert_eq!(spent(&outlay), 1);
}

#[tokio::test]
async fn a_disk_that_fails_fails_all_who_share_the_commit() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path(), Options::default());
    let held = Held::hold(&outlay).await;

    let before = waiting(&outlay, |tx| noted(tx, "before"));
    let event_before = sent(&outlay, "a");
    settled(&outlay, 2).await;
    let full = waiting(&outlay, |_| {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        Err(StoreError::file("books.db")(full).into())
    });
    settled(&outlay, 3).await;
    let after = waiting(&outlay, |tx| noted(tx, "after"));
    let event_after = sent(&outlay, "b");
    settled(&outlay, 5).await;
    held.release().await;

    for failed in [before, full, after] {
        assert!(matches!(failed.await.unwrap(), Err(AcceptError::Store(_))));
    }
    for failed in [event_before, event_after] {
        assert!(matches!(failed.await.unwrap(), Err(AcceptError::Store(_))));
    }
    assert_eq!((trail(&outlay).len(), spent(&outlay)), (0, 0));
    assert!(outlay.writes.failure().is_some());

    assert!(matches!(sent(&outlay, "a").await.unwrap().unwrap()[..], [Outcome::Accepted(_)]));
    assert_eq!(outlay.writes.failure(), None);
}

#[tokio::test]
async fn a_flood_of_events_keeps_nobody_from_acting() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path(), Options { queue_events: 1, ..Options::default() });
    let held = Held::hold(&outlay).await;
    let waits = sent(&outlay, "a");
    settled(&outlay, 1).await;

    let too_much = outlay.journal.accept(vec![event("b")]).await;
    let acted = waiting(&outlay, |tx| noted(tx, "acted"));
    settled(&outlay, 2).await;
    held.release().await;

    assert!(matches!(too_much, Err(AcceptError::QueueFull)));
    acted.await.unwrap().unwrap();
    assert_eq!(waits.await.unwrap().unwrap().len(), 1);
    assert_eq!(trail(&outlay), ["acted"]);
}

#[tokio::test]
async fn what_is_done_is_told_of_and_what_is_refused_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path(), Options::default());
    let mut watched = outlay.journal.changes(Topic::Watched);
    let alerts = outlay.journal.changes(Topic::Alerts);

    let refused = waiting(&outlay, |_| Err(Stop::Refused(AcceptError::Behind))).await.unwrap();
    assert!(refused.is_err() && !watched.has_changed().unwrap());
    waiting(&outlay, |tx| noted(tx, "done")).await.unwrap().unwrap();

    assert!(watched.has_changed().unwrap());
    watched.mark_unchanged();
    assert!(!alerts.has_changed().unwrap());
}

/// An event with `bytes` of metadata.
fn wide(id: &str, bytes: usize) -> Incoming {
    let mut wide = event(id);
    wide.event.metadata = Some(format!("{{\"note\":\"{}\"}}", "x".repeat(bytes)).into());
    wide
}

#[tokio::test]
async fn a_small_request_passes_a_large_one_that_came_first() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path(), Options::default());
    let mut committed = outlay.journal.watch();
    let held = Held::hold(&outlay).await;

    let large: Vec<_> = (0..100).map(|at| wide(&format!("wide-{at}"), 8_000)).collect();
    let sender = outlay.clone();
    let large = tokio::spawn(async move { sender.journal.accept(large).await });
    settled(&outlay, 100).await;
    let small = sent(&outlay, "small");
    settled(&outlay, 101).await;
    held.release().await;

    assert!(matches!(small.await.unwrap().unwrap()[..], [Outcome::Accepted(_)]));
    assert_eq!(large.await.unwrap().unwrap().len(), 100);
    let first = committed.try_recv().unwrap();
    assert_eq!(first.facts.iter().map(|fact| &*fact.event.id).collect::<Vec<_>>(), ["small"]);
    let second = committed.try_recv().unwrap();
    let bytes: usize = second.facts.iter().map(Fact::size_bytes).sum();
    assert!(bytes <= COMMIT_BESIDE_LIGHT.bytes, "{bytes}");
}

#[tokio::test]
async fn a_large_request_is_answered_as_one_in_the_order_in_which_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path(), Options::default());
    let mut events: Vec<_> = (0..3_000).map(|at| event(&format!("e-{at}"))).collect();
    events.push(event("e-0"));
    events.insert(0, wide("e-2999", 10));

    let outcomes = outlay.journal.accept(events).await.unwrap();

    assert_eq!(outcomes.len(), 3_002);
    assert_eq!(outcomes[3_001], Outcome::Repeated, "the first piece has it");
    let Outcome::Refused(refusal) = &outcomes[3_000] else { panic!("it differs from the first") };
    assert_eq!(refusal.field, "metadata");
    assert!(outcomes[..3_000].iter().all(|outcome| matches!(outcome, Outcome::Accepted(_))));
    assert_eq!(spent(&outlay), 3_000);
}

#[test]
fn a_request_is_parted_where_a_piece_would_be_too_heavy() {
    let folder = tempfile::tempdir().unwrap();
    let outlay = open(folder.path(), Options::default());
    let sizes = |events: Vec<Incoming>| -> Vec<usize> {
        in_pieces(outlay.journal.prepare(events)).iter().map(Vec::len).collect()
    };
    let many = |count: usize, bytes: usize| -> Vec<Incoming> {
        (0..count).map(|at| wide(&format!("{at}"), bytes)).collect()
    };

    assert_eq!(sizes(many(1, 8)), [1]);
    assert!(sizes(many(2_100, 8)).iter().all(|size| *size <= PIECE_MAX.events));
    assert_eq!(sizes(many(3, 100_000)), [1, 1, 1]);
    assert_eq!(sizes(many(2_100, 8)).iter().sum::<usize>(), 2_100);
}
