//! A whole table in memory, row by row as it came, and series by series.

use std::collections::HashMap;

use outlay_analytics::calendar::Stamp;

use super::rows::{Rows, RowsError};
use super::stamps::{Clock, Style};

/// Rows that are held at most; each takes some 40 bytes.
const ROWS_MAX: usize = 50_000_000;

/// What was read.
#[derive(Debug, Default)]
pub struct Table {
    /// In the order of their first rows.
    pub series: Vec<Series>,
    /// For each row of the file, which series it is of.
    pub order: Vec<u32>,
}

/// The rows of one series, in the order of the file.
#[derive(Debug)]
pub struct Series {
    /// Its name.
    pub id: String,
    /// The times.
    pub stamps: Vec<Stamp>,
    /// What; `NaN` where it is missing.
    pub values: Vec<f64>,
    /// How its stamps are written.
    pub style: Style,
    texts: Texts,
}

impl Series {
    /// The stamp of a row as it stands in the file.
    pub fn ds(&self, row: usize) -> &str {
        self.texts.get(row)
    }
}

/// Many short texts in one.
#[derive(Debug, Default)]
struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len());
    }

    fn get(&self, at: usize) -> &str {
        let from = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[from..self.ends[at]]
    }
}

/// Reads all rows; `progress` is told now and then how many there are.
pub fn read(rows: &mut Rows, progress: impl Fn(usize)) -> Result<Table, RowsError> {
    let mut table = Table::default();
    let mut clocks: Vec<Clock> = Vec::new();
    let mut known: HashMap<String, u32> = HashMap::new();
    let mut latest: Option<u32> = None;
    while let Some(row) = rows.next()? {
        // Files mostly hold one series after the other.
        let at = match latest.filter(|&at| table.series[at as usize].id == row.id) {
            Some(at) => at,
            None => *known.entry(row.id.to_owned()).or_insert_with(|| {
                table.series.push(Series {
                    id: row.id.to_owned(),
                    stamps: Vec::new(),
                    values: Vec::new(),
                    style: Style::Integer,
                    texts: Texts::default(),
                });
                clocks.push(Clock::default());
                // There are fewer series than rows, of which there are few enough.
                u32::try_from(table.series.len() - 1).unwrap_or(u32::MAX)
            }),
        };
        latest = Some(at);
        let series = &mut table.series[at as usize];
        let Ok(stamp) = clocks[at as usize].take(row.stamp) else {
            return Err(RowsError::Malformed {
                line: row.line,
                detail: format!(
                    "`{}` is a stamp of another kind than `{}`, which series `{}` began with\n  \
                     write the stamps of a series alike",
                    row.ds,
                    series.ds(0),
                    series.id
                ),
            });
        };
        series.stamps.push(stamp);
        series.values.push(row.y);
        series.texts.push(row.ds);
        table.order.push(at);
        if table.order.len() > ROWS_MAX {
            return Err(RowsError::Malformed {
                line: row.line,
                detail: format!(
                    "there are more than {ROWS_MAX} rows\n  split the file by its series"
                ),
            });
        }
        if table.order.len().is_multiple_of(1 << 14) {
            progress(table.order.len());
        }
    }
    for (series, clock) in table.series.iter_mut().zip(clocks) {
        series.style = clock.settle(&mut series.stamps);
    }
    Ok(table)
}
