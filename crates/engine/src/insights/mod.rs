#![doc = include_str!("README.md")]

pub mod advice;
pub mod analysis;
pub mod brief;
pub mod budgets;
pub mod change;
pub mod course;
pub mod days;
pub mod recommendations;
pub mod returns;
pub mod spend;

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use outlay_store::Books;

use crate::usage::{By, Questions};
use crate::{Clock, Outlay};

pub use analysis::Analysis;
pub use course::{Course, units};
pub use days::Days;
pub use spend::{SpendQuestion, SpendRow, SpendTable};

/// Where insights are asked for; cheap to clone.
#[derive(Clone)]
pub struct Insights {
    questions: Questions,
    books: Arc<Books>,
    clock: Arc<dyn Clock>,
}

impl Outlay {
    /// Where insights are asked for, by whom.
    pub fn insights(&self, by: impl Into<By>) -> Insights {
        Insights {
            questions: self.questions.by(by),
            books: self.books.clone(),
            clock: self.clock.clone(),
        }
    }
}

impl Insights {
    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The day that runs in `tz`.
    pub fn today(&self, tz: Tz) -> NaiveDate {
        self.now().with_timezone(&tz).date_naive()
    }
}
