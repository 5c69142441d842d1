//! Whether the history is what was written.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use compact_str::CompactString;

use super::compact::READ_ROWS;
use super::rewrite::add_by_account;
use super::write::TOTALS_COLUMNS;
use super::{History, Segment};
use crate::StoreError;
use crate::disk::{self, Contents};
use crate::sqlite::manifest::Totals;

/// What a look at every byte of the history found.
#[derive(Debug, Clone, Default)]
pub struct Verified {
    /// Segments that are as they should be.
    pub segments: usize,
    /// Facts in those, and in the tail.
    pub rows: u64,
    /// One line for each thing that is wrong, with what to do about it.
    pub faults: Vec<String>,
    /// Sums by account over the tail and the sound segments, and over what retention removed.
    pub accounts: BTreeMap<CompactString, Totals>,
}

impl History {
    /// Reads all of it, and compares it with what the books say.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        // The segments and the removals of one moment: nothing is removed meanwhile.
        let (snapshot, removed) = {
            let _replacing = self.replacing.lock();
            (self.snapshot(), self.books.read_blocking(|books| books.manifest().removals())?)
        };
        for segment in &*snapshot.segments {
            match segment.verify() {
                Ok(accounts) => {
                    verified.segments += 1;
                    verified.rows += segment.rows;
                    add_all(&mut verified.accounts, &accounts);
                }
                Err(error) => verified.faults.push(format!(
                    "{error}; restore the file from a backup, everything else can be used \
                     meanwhile"
                )),
            }
        }
        for batch in &*snapshot.tail {
            verified.rows += batch.num_rows() as u64;
            add_by_account(&mut verified.accounts, batch)?;
        }
        add_all(&mut verified.accounts, &removed);
        Ok(verified)
    }
}

fn add_all(sums: &mut BTreeMap<CompactString, Totals>, more: &BTreeMap<CompactString, Totals>) {
    for (account, totals) in more {
        sums.entry(account.clone()).or_default().add(totals);
    }
}

impl Segment {
    /// Reads every byte of it. Sums by account, if it is what was written.
    pub fn verify(&self) -> Result<BTreeMap<CompactString, Totals>, StoreError> {
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
