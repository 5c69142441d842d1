//! What a question asks for, apart from when.

use std::sync::Arc;

use chrono_tz::Tz;
use hashbrown::HashSet;
use outlay_domain::usage::Meter;
use outlay_domain::usage::question::{Attribute, Every, Filter, Key, Part, Question};
use xxhash_rust::xxh3::xxh3_64;

use super::columns::{Chosen, GroupColumn, attribute_column};
use crate::history::rollup::{DIMENSIONS, LEVELS, Level};

/// What a question asks for, apart from when. Sums of one shape over the same rows are the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub(super) by: Vec<Attribute>,
    pub(super) filters: Vec<Filter>,
    pub(super) parts: Vec<Part>,
    /// Whether to count how call times are spread.
    pub(super) spread: bool,
    /// The buckets, and where their days begin.
    pub(super) every: Option<(Every, Tz)>,
}

/// A choice of groups.
#[derive(Debug, Clone)]
pub(super) enum Only {
    /// These; all others are folded into one.
    Groups(Arc<HashSet<Key>>),
    /// Those of which one name has this remainder; the others are left out.
    Share { column: usize, of: u64, remainder: u64 },
}

impl Shape {
    pub(super) fn of(question: &Question) -> Self {
        let mut filters = question.filters().to_vec();
        filters.sort_unstable();
        Self {
            by: question.by().to_vec(),
            filters,
            parts: question.parts().to_vec(),
            spread: question.needs_spread(),
            every: question.every().map(|every| (every, question.tz())),
        }
    }

    /// What is needed to rank the groups by the first measure, without buckets.
    pub(super) fn ranking(question: &Question) -> Self {
        let first = &question.measures()[0];
        Self {
            parts: first.parts(),
            spread: first.needs_spread(),
            every: None,
            ..Self::of(question)
        }
    }

    /// The columns of the groups, of which perhaps only some are told apart.
    pub(super) fn group_columns(&self, only: Option<&Only>) -> Vec<GroupColumn> {
        let column = |(index, attribute): (usize, &Attribute)| {
            GroupColumn::new(attribute.clone(), only.and_then(|only| only.names(index)))
        };
        self.by.iter().enumerate().map(column).collect()
    }

    /// The levels of roll-ups that can answer.
    pub(super) fn levels(&self) -> Vec<&'static Level> {
        let is_summed =
            |part: &Part| part.is_sum() && !matches!(part, Part::Meter(Meter::Other(_)));
        if self.spread || !self.parts.iter().all(is_summed) {
            return Vec::new();
        }
        let attributes = self.by.iter().chain(self.filters.iter().map(Filter::attribute));
        let mut needed = 0_u16;
        for attribute in attributes {
            let column = attribute_column(attribute);
            match DIMENSIONS.iter().position(|dimension| *dimension == column) {
                Some(index) => needed |= 1 << index,
                None => return Vec::new(),
            }
        }
        LEVELS.iter().filter(|level| level.dimensions & needed == needed).collect()
    }
}

impl Only {
    /// Which names of a column are told apart.
    fn names(&self, index: usize) -> Option<Chosen> {
        match self {
            Self::Groups(groups) => {
                let names: HashSet<_> = groups.iter().map(|key| key[index].clone()).collect();
                Some(Box::new(move |name| match name {
                    Some(name) => names.contains(&Some(name.into())),
                    None => names.contains(&None),
                }))
            }
            Self::Share { column, of, remainder } if *column == index => {
                let (of, remainder) = (*of, *remainder);
                Some(Box::new(move |name| {
                    xxh3_64(name.unwrap_or_default().as_bytes()) % of == remainder
                }))
            }
            Self::Share { .. } => None,
        }
    }
}
