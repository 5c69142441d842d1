#![doc = include_str!("README.md")]

pub mod analysis;
pub mod brief;
pub mod change;
pub mod course;
pub mod days;
pub mod findings;
pub mod month;
pub mod month_report;
pub mod recommendations;
pub mod roi;
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

/// Where insights are asked for, of the moment of the first question; cheap to clone, and made for
/// each report anew.
#[derive(Clone)]
pub struct Insights {
    questions: Questions,
    books: Arc<Books>,
    clock: Arc<dyn Clock>,
}

impl Outlay {
    /// Where insights are asked for, by whom. All that is asked there is told of one moment.
    pub fn insights(&self, by: impl Into<By>) -> Insights {
        Insights {
            questions: self.questions.by(by).of_one_moment(),
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
