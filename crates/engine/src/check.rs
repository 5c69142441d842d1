//! Whether books, history and keys are what was written, and agree.
//!
//! Everything is read from the disk as it stands at one moment; the server may go on writing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use compact_str::CompactString;
use outlay_domain::budgets::{CALENDAR, Counting};
use outlay_domain::usage::{Fact, FactKind};
use outlay_store::dedup::{Dedup, EventKey, Seen};
use outlay_store::history::{Segment, Snapshot, Verified, check_facts};
use outlay_store::sqlite::counters::CounterRow;
use outlay_store::sqlite::manifest::Totals;
use outlay_store::sqlite::totals::AccountTotal;
use outlay_store::{StoreError, View};
use serde::Serialize;

use crate::Outlay;
use crate::budgets::counters;
use crate::ledger;
use crate::plans;
use crate::tasks::TaskCondition;

/// Events of each segment whose keys are looked up.
const SAMPLED_EVENTS: usize = 256;
/// Facts of the usage log that are held in memory before they become columns.
const READ_FACTS: usize = 8_192;
/// Accounts whose ledgers are looked at at one moment.
const LEDGERS_AT_ONCE: usize = 100;
/// Postings that are read at a time.
const POSTINGS_AT_ONCE: u32 = 1_000;
/// How often a moment is looked for at which every commit of the log is in the sums, and how long it is
/// from one look to the next.
const LOOKS_MAX: usize = 1_000;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
/// Accounts that are named when many differ.
const NAMED_MAX: usize = 20;

const RESTORE: &str = "restore a backup, or put this file back from one; the rest can be used";
const REPORT_FLUSH: &str = "nothing is lost: what was answered is in the usage log; look at the \
                           tasks on the page System and at the server's log for why";
const REPORT: &str = "make a backup as it is, and restore the last good one beside it to compare";

const READ_AGAIN: &str = "restart the server: it reads them from the log again";
const COUNTED_ANEW: &str = "nothing: it is counted anew from the history within a minute, which \
                            answers for it until then; make a note of it for whoever looks after \
                            the machine";

/// What a check looked at, and what it found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CheckReport {
    /// Accounts whose sums were compared.
    pub accounts: usize,
    /// Events on them.
    pub events: i64,
    /// Facts that were read, in segments and in the log.
    pub facts: u64,
    /// Segments.
    pub segments: usize,
    /// Commits of the usage log.
    pub log_commits: u64,
    /// Counters of spend that were held against the history.
    pub counters: usize,
    /// Accounts with a ledger whose balances were held against their postings.
    pub ledgers: usize,
    /// Subscriptions that were held against their history.
    pub subscriptions: usize,
    /// Counters of limits that were held against the facts.
    pub limits: usize,
    /// Keys that repeats are known by, each counted once.
    pub keys: u64,
    /// What is wrong; nothing when all is in order.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Where: `books`, `log`, `tasks`, `history`, `totals`, `counters`, `ledger`, `plans`
    /// or `keys`.
    pub place: &'static str,
    /// What is wrong.
    pub detail: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What the books say at one moment.
struct Moment {
    totals: BTreeMap<CompactString, AccountTotal>,
    removed: BTreeMap<CompactString, Totals>,
    /// Facts of days before then may have been removed.
    removed_before_us: i64,
    counters: Vec<(CounterRow, BTreeMap<i64, i128>)>,
    /// What differs of subscriptions and limits, and what their counters say.
    plans: (Vec<String>, Vec<plans::Claim>),
    subscriptions: usize,
    /// Whether all that is in the log is in the sums.
    is_counted: bool,
    log: Log,
    /// All facts.
    facts: Snapshot,
}

/// What stands in the usage log.
#[derive(Default)]
struct Log {
    commits: u64,
    accounts: BTreeMap<CompactString, Totals>,
    facts: u64,
    keys: Vec<EventKey>,
    faults: Vec<String>,
}

impl Outlay {
    /// Looks at everything that is stored. This reads every byte, and takes its time.
    pub fn check(&self) -> Result<CheckReport, StoreError> {
        let mut report = CheckReport::default();
        for line in self.books.integrity()? {
            report.find("books", line, RESTORE);
        }
        let moment = self.moment()?;
        let segments = moment.facts.segments.clone();
        report.log_commits = moment.log.commits;
        report.facts = moment.log.facts;
        for fault in &moment.log.faults {
            report.find("log", fault.clone(), REPORT);
        }

        self.check_flushes(&mut report);
        let keys_of = |segment: &Segment| self.check_keys_of(segment, &mut report);
        let mut stored = Verified::of(&segments, keys_of)?;
        stored.add(&moment.log.accounts);
        stored.add(&moment.removed);
        report.segments = stored.segments;
        report.facts += stored.rows;
        for fault in &stored.faults {
            report.find("history", told(fault), RESTORE);
        }
        if !moment.is_counted {
            let detail = "commits of the usage log are not in the sums yet".to_owned();
            report.find("totals", detail, READ_AGAIN);
        } else if moment.log.faults.is_empty() && stored.faults.is_empty() {
            compare(&moment.totals, &stored.accounts, &mut report);
            self.check_counters(&moment, &mut report)?;
            self.check_limits(&moment, &mut report);
        }
        report.accounts = moment.totals.len();
        report.events = moment.totals.values().map(|charged| charged.events).sum();

        self.check_ledgers(&mut report)?;
        let faults = self.dedup.verify()?;
        report.keys = match faults.is_empty() {
            true => self.dedup.count_different()?,
            false => self.dedup.figures().keys,
        };
        for fault in faults {
            report.find("keys", fault, RESTORE);
        }
        let unknown = count_unknown(&self.dedup.check(&moment.log.keys)?);
        if unknown > 0 {
            let detail = format!("{unknown} events of the usage log would be counted again");
            report.find("keys", detail, READ_AGAIN);
        }
        Ok(report)
    }

    /// What the books say at one moment.
    fn moment(&self) -> Result<Moment, StoreError> {
        let mut looks = 0;
        loop {
            looks += 1;
            let moment = self.history.with_books(|books, segments| {
                // Between the writing of a commit and the noting of what it moves, sums and log
                // are of two moments; that takes microseconds, unless a mistake of ours came between.
                if !books.totals().have_all()? && looks < LOOKS_MAX {
                    return Ok(None);
                }
                Moment::read(books, segments, &self.dedup).map(Some)
            })?;
            match moment {
                Some(moment) => return Ok(moment),
                None => std::thread::sleep(BETWEEN_LOOKS),
            }
        }
    }

    /// Holds counters of spend against the facts of the same moment. Those that differ are counted
    /// anew.
    fn check_counters(&self, moment: &Moment, report: &mut CheckReport) -> Result<(), StoreError> {
        let mut wrong = Vec::new();
        for (row, windows) in &moment.counters {
            let is_settled = row.is_counted && row.calendar == CALENDAR;
            // What nobody can read, or was never finished, answers nobody, and is begun anew.
            let Some((counting, since)) = Counting::from_key(&row.counting)
                .zip(DateTime::from_timestamp_micros(row.since_us))
                .filter(|_| is_settled)
            else {
                continue;
            };
            let asked = counters::question(&counting, since);
            let answered = self.questions.answer_now(&moment.facts, asked);
            let facts = match counters::by_window(&counting, answered) {
                Ok(facts) => facts,
                Err(error) => {
                    report.find("counters", told(&error), REPORT);
                    continue;
                }
            };
            report.counters += 1;
            let starts: std::collections::BTreeSet<_> =
                windows.keys().chain(facts.keys()).collect();
            let is_kept = |start: &&i64| **start >= moment.removed_before_us;
            let of = |sums: &BTreeMap<i64, i128>, start| sums.get(start).copied().unwrap_or(0);
            let mut differing = starts
                .into_iter()
                .filter(is_kept)
                .filter(|start| of(windows, start) != of(&facts, start));
            if let Some(start) = differing.next() {
                let from = DateTime::from_timestamp_micros(*start).unwrap_or_default();
                let detail = format!(
                    "of {} {} nanos are counted from {from} on, and its facts have {}",
                    row.counting,
                    of(windows, start),
                    of(&facts, start)
                );
                report.find("counters", detail, COUNTED_ANEW);
                wrong.push(row.id);
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        self.books.write_blocking(|tx| wrong.iter().try_for_each(|id| tx.counters().remove(*id)))
    }

    /// Holds what limits of plans count against the facts of the same moment, in windows that have
    /// everything.
    fn check_limits(&self, moment: &Moment, report: &mut CheckReport) {
        report.subscriptions = moment.subscriptions;
        for fault in &moment.plans.0 {
            report.find("plans", fault.clone(), REPORT);
        }
        let is_kept =
            |claim: &&plans::Claim| claim.from.timestamp_micros() >= moment.removed_before_us;
        for claim in moment.plans.1.iter().filter(is_kept) {
            let answered = self.questions.answer_now(&moment.facts, claim.question());
            report.limits += 1;
            if let Some(fault) = claim.fault(answered) {
                report.find("plans", fault, REPORT);
            }
        }
    }

    /// Whether what stands in the usage log gets into the history.
    /// Holds every balance against the postings of its account, some accounts at a time: each is
    /// looked at as it stands at one moment.
    fn check_ledgers(&self, report: &mut CheckReport) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = self.books.read_blocking(|books| {
                let accounts = books.ledger().accounts(after, LEDGERS_AT_ONCE)?;
                let mut found = Vec::new();
                for account in &accounts {
                    let faults = ledger::check_account(books, account, POSTINGS_AT_ONCE)?;
                    found.extend(faults.into_iter().map(|fault| (account.account.clone(), fault)));
                }
                Ok((accounts, found))
            });
            let (accounts, found) = match page {
                Ok(page) => page,
                Err(error @ StoreError::Damaged { .. }) => {
                    report.find("ledger", told(&error), REPORT);
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            report.ledgers += accounts.len();
            for (account, fault) in found {
                report.find("ledger", format!("account `{account}`: {fault}"), REPORT);
            }
            match accounts.last() {
                Some(last) => after = last.number,
                None => return Ok(()),
            }
        }
    }

    fn check_flushes(&self, report: &mut CheckReport) {
        for task in self.tasks.readings() {
            if matches!(task.condition, TaskCondition::Down | TaskCondition::Failing) {
                let why = task.last_error.unwrap_or_default();
                let commits = report.log_commits;
                let detail = match task.name {
                    "flush" => {
                        format!("{commits} commits are not written to the history: {why}")
                    }
                    name => format!("the background work `{name}` fails: {why}"),
                };
                report.find("tasks", detail, REPORT_FLUSH);
            }
        }
    }

    /// Looks some events of a segment up among the keys.
    fn check_keys_of(&self, segment: &Segment, report: &mut CheckReport) -> Result<(), StoreError> {
        let since = self.known_time.now().safe - self.dedup.window();
        let facts = segment.first_facts(SAMPLED_EVENTS)?;
        let events: Vec<_> = facts
            .iter()
            .filter(|fact| fact.kind == FactKind::Usage && fact.received_at >= since)
            .map(|fact| &fact.event)
            .collect();
        let unknown = count_unknown(&self.dedup.check_events(&events)?);
        if unknown > 0 {
            let detail = format!(
                "{unknown} of {SAMPLED_EVENTS} events of `{}` would be counted again",
                segment.path.display()
            );
            report.find("keys", detail, RESTORE);
        }
        Ok(())
    }
}

impl CheckReport {
    fn find(&mut self, place: &'static str, detail: String, remedy: &'static str) {
        self.findings.push(Finding { place, detail, remedy });
    }
}

impl Moment {
    fn read(
        books: &View<'_>,
        segments: Arc<[Arc<Segment>]>,
        dedup: &Dedup,
    ) -> Result<Self, StoreError> {
        let counters = books.counters().all()?.into_iter().map(|row| {
            let windows = books.counters().windows(row.id, row.since_us)?;
            Ok((row, windows))
        });
        let mut facts = Snapshot::of(segments);
        let (mut found, mut claims, mut subscriptions) = (Vec::new(), Vec::new(), 0);
        let mut after = 0;
        loop {
            let page = books.subscriptions().after(after, LEDGERS_AT_ONCE)?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (number, _) in &page {
                subscriptions += 1;
                let Some(account) = books.ledger().account_of(*number)? else { continue };
                let name = account.account.as_str();
                let (faults, more) = plans::check_books(books, name, *number)?;
                found.extend(faults.into_iter().map(|fault| format!("account `{name}`: {fault}")));
                claims.extend(more);
            }
        }
        Ok(Self {
            plans: (found, claims),
            subscriptions,
            totals: books.totals().accounts()?,
            removed: books.manifest().removals()?,
            removed_before_us: books.manifest().removed_before_us()?.unwrap_or(i64::MIN),
            counters: counters.collect::<Result<_, StoreError>>()?,
            is_counted: books.totals().have_all()?,
            log: Log::read(books, dedup, &mut facts)?,
            facts,
        })
    }
}

impl Log {
    /// Reads the log, and adds its facts to those of the history.
    fn read(books: &View<'_>, dedup: &Dedup, history: &mut Snapshot) -> Result<Self, StoreError> {
        let mut log = Self::default();
        let mut read = Vec::new();
        let mut last = books.manifest().last_log_seq()?;
        books.usage_log().for_each_after(0, |seq, facts| {
            log.commits += 1;
            log.facts += facts.len() as u64;
            if seq <= last {
                log.faults
                    .push(format!("commit {seq} is in the history already, and would count twice"));
            } else if seq > last + 1 {
                log.faults.push(format!("commits {} to {} are missing", last + 1, seq - 1));
            }
            last = last.max(seq);
            facts.iter().for_each(|fact| log.add(fact, dedup));
            match check_facts(&facts) {
                Ok(()) => read.extend(facts),
                Err(error) => log.faults.push(format!(
                    "commit {seq} cannot be written to the history: {}",
                    told(&error)
                )),
            }
            if read.len() >= READ_FACTS {
                history.add(&std::mem::take(&mut read))?;
            }
            Ok(())
        })?;
        history.add(&read)?;
        let head = books.usage_log().head()?;
        if head > last {
            log.faults.push(format!("commits {} to {head} are missing", last + 1));
        }
        Ok(log)
    }

    fn add(&mut self, fact: &Fact, dedup: &Dedup) {
        if fact.kind == FactKind::Usage {
            self.keys.push(dedup.key_of(&fact.event));
        }
        let sums = self.accounts.entry(fact.event.account.clone()).or_default();
        sums.rows += 1;
        sums.events += fact.kind.event_count();
        sums.unpriced += i64::from(fact.charge.unpriced);
        sums.amount_nanos += fact.charge.amount.map_or(0, |amount| i128::from(amount.nanos()));
    }
}

/// Holds the running totals against the sums of all facts.
fn compare(
    totals: &BTreeMap<CompactString, AccountTotal>,
    stored: &BTreeMap<CompactString, Totals>,
    report: &mut CheckReport,
) {
    let accounts: std::collections::BTreeSet<_> = totals.keys().chain(stored.keys()).collect();
    let mut different = 0;
    for account in accounts {
        let charged = totals.get(account).copied().unwrap_or_default();
        let sums = stored.get(account).copied().unwrap_or_default();
        let nanos = i128::from(charged.amount.nanos());
        let differences = [
            ("nanos charged", nanos, sums.amount_nanos),
            ("events", i128::from(charged.events), i128::from(sums.events)),
            ("unpriced events", i128::from(charged.unpriced), i128::from(sums.unpriced)),
        ];
        for (what, in_totals, in_facts) in differences {
            if in_totals == in_facts {
                continue;
            }
            different += 1;
            if different <= NAMED_MAX {
                let detail = format!(
                    "account `{account}` has {in_totals} {what} in its totals and {in_facts} in its facts"
                );
                report.find("totals", detail, REPORT);
            }
        }
    }
    if different > NAMED_MAX {
        let detail = format!("{} more sums differ", different - NAMED_MAX);
        report.find("totals", detail, REPORT);
    }
}

fn count_unknown(seen: &[Seen]) -> usize {
    seen.iter().filter(|seen| **seen == Seen::New).count()
}

/// An error with its causes in one line.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let causes: Vec<_> = causes.map(ToString::to_string).collect();
    if causes.is_empty() { error.to_string() } else { format!("{error}: {}", causes.join(": ")) }
}
