//! The usage of one LeadFactory: costs and calls, each event once.

use std::collections::BTreeMap;

use compact_str::CompactString;
use outlay_domain::usage::EventDraft;

use super::super::zone::Zone;
use super::super::{ImportRow, PARCEL_ROWS, Place};
use super::calls::{CALLS, Call, Unmatched};
use super::costs::{self, COSTS, RowClock};
use super::database::{Database, DatabaseError, Kind, Patience, Row, Tracker};
use super::tail::{Change, Cursor, Known, Rows, Tail};

/// How the rows are read.
#[derive(Debug, Clone)]
pub struct Options {
    /// The zone of the costs' times.
    pub zone: Zone,
    /// Who pays.
    pub account: CompactString,
    /// Whether the script's `gpu`/`stop` rows, which repeat what was counted, are taken too.
    pub keep_gpu_stops: bool,
    /// Which calls are events of their own.
    pub calls: CallsRule,
    /// Whether rows that were read before are read again.
    pub again: bool,
}

/// Which calls are events of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallsRule {
    /// Those that are not in `costs`: they failed, or cost nothing.
    NotInCosts,
    /// All of them: there are no costs that count them.
    All,
}

/// What the books remember of the calls.
#[derive(Debug, Clone, Default)]
pub struct CallsKnown {
    /// How far they were read.
    pub known: Vec<Known>,
    /// Up to which row they were counted with what they cost.
    pub counted_to: Option<i64>,
}

/// Rows to be sent and remembered together.
#[derive(Debug)]
pub struct Parcel {
    /// What kind of database they are from.
    pub kind: Kind,
    /// The source of their events.
    pub source: CompactString,
    /// The rows.
    pub rows: Vec<ImportRow>,
    /// How many rows were left out, by the reason.
    pub left_out: BTreeMap<&'static str, u64>,
    /// How far the table is read when the rows are kept.
    pub cursor: Cursor,
    /// More rows by which the database is known again.
    pub anchors: Vec<Cursor>,
    /// Which file it is.
    pub file: Option<CompactString>,
    /// The last row of these whose cost was counted from a call, if any.
    pub counted_to: Option<i64>,
}

/// A row repeats what the rows of each minute counted.
pub const GPU_STOP: &str = "gpu stop rows, whose cost the usage rows count";
/// A call's cost stands in `costs`.
pub const IN_COSTS: &str = "calls whose cost is a row of costs";
/// A cost's call was counted by an earlier import.
pub const COUNTED_AS_CALL: &str = "costs that were imported as calls before";

/// Reads costs and calls in parcels.
#[derive(Debug)]
pub struct Feed {
    options: Options,
    costs: Option<Costs>,
    calls: Option<Calls>,
    unmatched: Unmatched,
}

#[derive(Debug)]
struct Costs {
    tail: Tail,
    tracker: Tracker,
    clock: RowClock,
    replayed: bool,
}

#[derive(Debug)]
struct Calls {
    tail: Tail,
    counted_to: Option<i64>,
    loaded: bool,
}

impl Feed {
    /// Reads `costs` and `calls`, whichever there are.
    pub fn new(
        costs: Option<(&Database, Tracker, Vec<Known>)>,
        calls: Option<(&Database, CallsKnown)>,
        patience: &Patience,
        options: Options,
    ) -> Self {
        let tail = |database, table, known| {
            let tail = Tail::new(database, table, known, patience.clone());
            if options.again { tail.from_the_beginning() } else { tail }
        };
        let costs = costs.map(|(database, tracker, known)| Costs {
            tail: tail(database, &COSTS, known),
            tracker,
            clock: RowClock::new(options.zone),
            replayed: false,
        });
        let calls = calls.map(|(database, known)| Calls {
            tail: tail(database, &CALLS, known.known),
            counted_to: known.counted_to,
            loaded: false,
        });
        Self { options, costs, calls, unmatched: Unmatched::default() }
    }

    /// Finds out which databases they are, and how many of their rows were read before.
    pub fn recognise(&mut self) -> Result<Rows, DatabaseError> {
        let mut rows = Rows::default();
        if let Some(costs) = &mut self.costs {
            rows += costs.tail.recognise()?;
        }
        if let Some(calls) = &mut self.calls {
            rows += calls.tail.recognise()?;
        }
        Ok(rows)
    }

    /// The next rows; `None` when all were read, for now.
    pub fn next_parcel(&mut self) -> Result<Option<Parcel>, DatabaseError> {
        self.load_calls_read_before()?;
        if let Some(parcel) = self.next_calls()? {
            return Ok(Some(parcel));
        }
        self.replay_costs_read_before()?;
        self.next_costs()
    }

    /// What is to be remembered of the databases although none of their rows is new.
    pub fn take_marks(&mut self) -> Vec<Parcel> {
        let tails = self.tails_mut().filter_map(|(kind, tail)| Parcel::empty(kind, tail));
        tails.filter(|parcel| !parcel.anchors.is_empty()).collect()
    }

    /// The source of the costs of `database`, where this reads it: `None` in place of the source
    /// until there is a row to know the database by.
    pub fn source_of(&self, database: &Database) -> Option<Option<CompactString>> {
        let costs = self.costs.as_ref().filter(|costs| costs.tail.path() == database.path)?;
        let kind = Kind::CostTracking(costs.tracker);
        Some(costs.tail.identity().map(|identity| kind.source(identity)))
    }

    /// The sources that are known, each with those under which the same database was read too.
    pub fn sources(&self) -> Vec<(CompactString, Vec<CompactString>)> {
        let costs = self.costs.as_ref();
        let costs = costs.map(|costs| (Kind::CostTracking(costs.tracker), &costs.tail));
        let calls = self.calls.as_ref().map(|calls| (Kind::Calls, &calls.tail));
        let sources = costs.into_iter().chain(calls).filter_map(|(kind, tail)| {
            let duplicates = tail.duplicates().iter().map(|identity| kind.source(identity));
            Some((kind.source(tail.identity()?), duplicates.collect()))
        });
        sources.collect()
    }

    fn tails_mut(&mut self) -> impl Iterator<Item = (Kind, &mut Tail)> {
        let costs = self.costs.as_mut();
        let costs = costs.map(|costs| (Kind::CostTracking(costs.tracker), &mut costs.tail));
        let calls = self.calls.as_mut().map(|calls| (Kind::Calls, &mut calls.tail));
        costs.into_iter().chain(calls)
    }

    /// The calls that have no cost, and what they cost together, in nanos.
    pub const fn unmatched_calls(&self) -> (u64, i128) {
        self.unmatched.left()
    }

    /// By how many minutes the costs stand beside their calls, where they are out of step.
    pub fn clock_offset_minutes(&self) -> Option<i64> {
        self.unmatched.clock_offset_minutes()
    }

    /// What changed about the files since this was last asked.
    pub fn take_changes(&mut self) -> Vec<(Kind, Change)> {
        let mut changes = Vec::new();
        if let Some(costs) = &mut self.costs {
            let kind = Kind::CostTracking(costs.tracker);
            changes.extend(costs.tail.take_changes().into_iter().map(|change| (kind, change)));
        }
        if let Some(calls) = &mut self.calls {
            let changed = calls.tail.take_changes();
            changes.extend(changed.into_iter().map(|change| (Kind::Calls, change)));
        }
        changes
    }

    /// Calls of an earlier import still have their costs to be told apart from.
    fn load_calls_read_before(&mut self) -> Result<(), DatabaseError> {
        let Some(calls) = &mut self.calls else { return Ok(()) };
        if calls.loaded || self.costs.is_none() || self.options.calls == CallsRule::All {
            return Ok(());
        }
        calls.tail.recognise()?;
        if let Some(cursor) = calls.tail.cursor().cloned() {
            let mut after = i64::MIN;
            while after < cursor.id {
                let rows = calls.tail.ask(|file| file.page(&CALLS, after, PARCEL_ROWS))?;
                let Some(last) = rows.last() else { break };
                after = last.id;
                for row in rows.iter().filter(|row| row.id <= cursor.id) {
                    if let Ok(call) = Call::read(row, "", "")
                        && call.is_also_a_cost()
                    {
                        self.unmatched.insert(&call);
                    }
                }
            }
        }
        calls.loaded = true;
        Ok(())
    }

    fn next_calls(&mut self) -> Result<Option<Parcel>, DatabaseError> {
        let Some(calls) = &mut self.calls else { return Ok(None) };
        let rows = calls.tail.next(PARCEL_ROWS)?;
        let Some(mut parcel) = Parcel::of(Kind::Calls, &mut calls.tail, rows.len()) else {
            return Ok(None);
        };
        for row in &rows {
            let place = Place::Row { table: row.table(), id: row.id };
            match Call::read(row, &parcel.source, &self.options.account) {
                Ok(call) if call.is_also_a_cost() => match self.options.calls {
                    CallsRule::NotInCosts => {
                        *parcel.left_out.entry(IN_COSTS).or_default() += 1;
                        self.unmatched.insert(&call);
                    }
                    CallsRule::All => {
                        parcel.counted_to = Some(call.id);
                        parcel.rows.push(ImportRow { place, outcome: Ok(call.draft) });
                    }
                },
                Ok(call) => parcel.rows.push(ImportRow { place, outcome: Ok(call.draft) }),
                Err(refusal) => parcel.rows.push(ImportRow { place, outcome: Err(refusal) }),
            }
        }
        Ok(Some(parcel))
    }

    /// Costs of an earlier import still take their calls out of those to be matched.
    fn replay_costs_read_before(&mut self) -> Result<(), DatabaseError> {
        let Some(costs) = &mut self.costs else { return Ok(()) };
        if costs.replayed || self.calls.is_none() {
            return Ok(());
        }
        costs.tail.recognise()?;
        if let Some(cursor) = costs.tail.cursor().cloned() {
            let mut clock = RowClock::new(self.options.zone);
            let mut after = i64::MIN;
            while after < cursor.id {
                let rows = costs.tail.ask(|file| file.page(&COSTS, after, PARCEL_ROWS))?;
                let Some(last) = rows.last() else { break };
                after = last.id;
                for row in rows.iter().filter(|row| row.id <= cursor.id) {
                    if let Ok(draft) = costs::draft(row, "", "", &mut clock, &costs.tail)?
                        && is_call(&draft)
                    {
                        self.unmatched.take(&draft);
                    }
                }
            }
        }
        costs.replayed = true;
        Ok(())
    }

    fn next_costs(&mut self) -> Result<Option<Parcel>, DatabaseError> {
        let Some(costs) = &mut self.costs else { return Ok(None) };
        let rows = costs.tail.next(PARCEL_ROWS)?;
        let kind = Kind::CostTracking(costs.tracker);
        let Some(mut parcel) = Parcel::of(kind, &mut costs.tail, rows.len()) else {
            return Ok(None);
        };
        let counted_to = self.calls.as_ref().and_then(|calls| calls.counted_to);
        for row in &rows {
            if costs.tracker == Tracker::Script && !self.options.keep_gpu_stops && is_gpu_stop(row)
            {
                *parcel.left_out.entry(GPU_STOP).or_default() += 1;
                continue;
            }
            let place = Place::Row { table: row.table(), id: row.id };
            let account = &self.options.account;
            let mut outcome =
                costs::draft(row, &parcel.source, account, &mut costs.clock, &costs.tail)?;
            if let Ok(draft) = &mut outcome
                && is_call(draft)
                && let Some(call) = self.unmatched.take(draft)
            {
                if counted_to.is_some_and(|counted_to| call.id <= counted_to) {
                    *parcel.left_out.entry(COUNTED_AS_CALL).or_default() += 1;
                    continue;
                }
                call.enrich(draft);
            }
            parcel.rows.push(ImportRow { place, outcome });
        }
        Ok(Some(parcel))
    }
}

impl Parcel {
    fn of(kind: Kind, tail: &mut Tail, rows: usize) -> Option<Self> {
        if rows == 0 {
            return None;
        }
        Self::empty(kind, tail).map(|parcel| Self { rows: Vec::with_capacity(rows), ..parcel })
    }

    /// What there is to be remembered of a table beside its rows.
    fn empty(kind: Kind, tail: &mut Tail) -> Option<Self> {
        let (identity, cursor) = tail.identity().zip(tail.cursor())?;
        Some(Self {
            kind,
            source: kind.source(identity),
            rows: Vec::new(),
            left_out: BTreeMap::new(),
            cursor: cursor.clone(),
            file: tail.file().cloned(),
            counted_to: None,
            anchors: tail.take_anchors(),
        })
    }
}

/// Whether a cost is that of a call, which `gpt_usage` would hold too.
fn is_call(cost: &EventDraft) -> bool {
    cost.provider.as_deref() == Some("openai")
}

fn is_gpu_stop(row: &Row) -> bool {
    let is = |column, word| row.text(column).is_some_and(|text| text == word);
    is("service", "gpu") && is("operation", "stop")
}
