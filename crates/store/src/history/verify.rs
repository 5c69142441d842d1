//! Whether the history is what was written.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use compact_str::CompactString;

#[cfg(test)]
use super::History;
use super::Segment;
use super::compact::READ_ROWS;
use super::rewrite::add_by_account;
use super::write::TOTALS_COLUMNS;
use crate::StoreError;
use crate::disk::{self, Contents};
use crate::sqlite::manifest::Totals;

/// What a look at every byte of some segments found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Segments that are as they should be.
    pub segments: usize,
    /// Facts in those.
    pub rows: u64,
    /// One for each that is not.
    pub faults: Vec<StoreError>,
    /// Sums by account over those that are.
    pub accounts: BTreeMap<CompactString, Totals>,
}

impl Verified {
    /// Reads all of `segments`, compares them with what the books say, and has `sound` look at each
    /// that is as it should be.
    pub fn of(
        segments: &[Arc<Segment>],
        mut sound: impl FnMut(&Segment) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let mut verified = Self::default();
        for segment in segments {
            match segment.verify() {
                Ok(accounts) => {
                    verified.segments += 1;
                    verified.rows += segment.rows;
                    verified.add(&accounts);
                    sound(segment)?;
                }
                Err(error) => verified.faults.push(error),
            }
        }
        Ok(verified)
    }

    /// Counts what is elsewhere with what was read.
    pub fn add(&mut self, more: &BTreeMap<CompactString, Totals>) {
        for (account, totals) in more {
            self.accounts.entry(account.clone()).or_default().add(totals);
        }
    }
}

#[cfg(test)]
impl History {
    /// All of it with its tail, and with what retention removed in the sums.
    pub(super) fn verify(&self) -> Result<Verified, StoreError> {
        // The segments and the removals of one moment: nothing is removed meanwhile.
        let (snapshot, removed) = {
            let _replacing = self.replacing.lock();
            (self.snapshot(), self.books.read_blocking(|books| books.manifest().removals())?)
        };
        let mut verified = Verified::of(&snapshot.segments, |_| Ok(()))?;
        for batch in &*snapshot.tail {
            verified.rows += batch.num_rows() as u64;
            add_by_account(&mut verified.accounts, batch)?;
        }
        verified.add(&removed);
        Ok(verified)
    }
}

impl Segment {
    /// Reads every byte of it. Sums by account, if it is what was written.
    fn verify(&self) -> Result<BTreeMap<CompactString, Totals>, StoreError> {
        let row = self.row();
        verify_file(&self.path, row.contents)?;
        verify_file(&self.rollup_path, row.rollup_contents)?;
        // A file may hold what was written and yet be beyond reading, if the disk lied then.
        let accounts = catch_unwind(AssertUnwindSafe(|| read_accounts(self)))
            .map_err(|_| self.damage("it cannot be decoded"))??;
        let mut found = Totals::default();
        accounts.values().for_each(|totals| found.add(totals));
        let differences = differences(&row.totals, &found);
        if differences.is_empty() {
            Ok(accounts)
        } else {
            Err(self.damage(&differences.join(", ")))
        }
    }
}

fn verify_file(path: &Path, expected: Contents) -> Result<(), StoreError> {
    let damaged =
        |how: String| StoreError::Damaged { what: format!("the file `{}`", path.display()), how };
    let found = disk::contents_of(path)?;
    if found.size_bytes != expected.size_bytes {
        let (found, expected) = (found.size_bytes, expected.size_bytes);
        return Err(damaged(format!("it has {found} bytes instead of {expected}")));
    }
    if found.checksum != expected.checksum {
        return Err(damaged("its bytes have changed since it was written".into()));
    }
    Ok(())
}

fn read_accounts(segment: &Segment) -> Result<BTreeMap<CompactString, Totals>, StoreError> {
    let mut columns = vec!["account"];
    columns.extend(TOTALS_COLUMNS);
    let mut accounts = BTreeMap::new();
    for batch in segment.scan(&columns, READ_ROWS)? {
        add_by_account(&mut accounts, &batch?)?;
    }
    Ok(accounts)
}

fn differences(expected: &Totals, found: &Totals) -> Vec<String> {
    let sums = [
        ("rows", i128::from(expected.rows), i128::from(found.rows)),
        ("events", i128::from(expected.events), i128::from(found.events)),
        ("requests", expected.requests, found.requests),
        ("unpriced events", i128::from(expected.unpriced), i128::from(found.unpriced)),
        ("charged nanos", expected.amount_nanos, found.amount_nanos),
    ];
    sums.into_iter()
        .filter(|(_, expected, found)| expected != found)
        .map(|(what, expected, found)| format!("it has {found} {what} instead of {expected}"))
        .collect()
}
