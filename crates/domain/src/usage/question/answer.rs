//! Sums become rows.

use compact_str::CompactString;
use hashbrown::HashMap;

use super::{CreditRate, Latencies, Measure, Part, Question, QuestionError, Value};

/// Rows in one answer, at most.
pub const ROWS_MAX: usize = 50_000;

/// The values of the attributes that a question groups by, in its order; `None` where absent.
pub type Key = Box<[Option<CompactString>]>;

/// What a sum is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Events with these values.
    Of(Key),
    /// Events of all the groups that are not listed.
    Other,
}

/// Sums over facts, by bucket and group. A bucket and group without facts may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    parts: Vec<Part>,
    spread: bool,
    groups: Vec<Group>,
    cells: Vec<(u32, u32)>,
    sums: Vec<i128>,
    latencies: Vec<Latencies>,
}

impl Tally {
    /// An empty tally of `parts`, with or without how call times are spread.
    pub const fn new(parts: Vec<Part>, spread: bool) -> Self {
        Self {
            parts,
            spread,
            groups: Vec::new(),
            cells: Vec::new(),
            sums: Vec::new(),
            latencies: Vec::new(),
        }
    }

    /// Adds a group, which was not there before, and gives its index.
    pub fn add_group(&mut self, group: Group) -> u32 {
        let index = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.groups.push(group);
        index
    }

    /// Adds the sums of a bucket and group, one for each part.
    ///
    /// The spread is kept where the tally is with spread.
    pub fn add_cell(&mut self, bucket: u32, group: u32, sums: &[i128], latencies: Latencies) {
        debug_assert_eq!(sums.len(), self.parts.len());
        self.cells.push((bucket, group));
        self.sums.extend_from_slice(sums);
        if self.spread {
            self.latencies.push(latencies);
        }
    }

    /// What is summed.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The groups.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Bucket, group, sums and spread of every cell.
    pub fn cells(&self) -> impl Iterator<Item = (u32, u32, &[i128], Option<&Latencies>)> {
        self.cells.iter().enumerate().map(|(index, (bucket, group))| {
            let at = index * self.parts.len();
            let sums = &self.sums[at..at + self.parts.len()];
            (*bucket, *group, sums, self.latencies.get(index))
        })
    }

    /// The `top` groups by `measure`, largest first.
    pub fn top(&self, measure: &Measure, top: usize) -> Vec<(Value, Key)> {
        let mut totals = vec![Sums::zero(&self.parts); self.groups.len()];
        for (_, group, sums, latencies) in self.cells() {
            totals[group as usize].add(&self.parts, sums, latencies);
        }
        let mut ranked: Vec<(Value, Key)> = self
            .groups
            .iter()
            .zip(&totals)
            .filter_map(|(group, total)| match group {
                Group::Of(key) => {
                    Some((total.value(measure, &self.parts, CreditRate::ONE), key.clone()))
                }
                Group::Other => None,
            })
            .collect();
        ranked.sort_by(|(one, a), (two, b)| two.order(one).then_with(|| a.cmp(b)));
        ranked.truncate(top);
        ranked
    }
}

/// The sums of one cell.
#[derive(Debug, Clone)]
struct Sums {
    sums: Vec<i128>,
    latencies: Latencies,
}

impl Sums {
    fn zero(parts: &[Part]) -> Self {
        let sums = parts.iter().map(|part| i128::from(part.of_nothing())).collect();
        Self { sums, latencies: Latencies::default() }
    }

    fn add(&mut self, parts: &[Part], sums: &[i128], latencies: Option<&Latencies>) {
        for ((part, sum), more) in parts.iter().zip(&mut self.sums).zip(sums) {
            *sum = part.join(*sum, *more);
        }
        if let Some(latencies) = latencies {
            self.latencies.add(latencies);
        }
    }

    fn value(&self, measure: &Measure, parts: &[Part], credits: CreditRate) -> Value {
        let part = |part: &Part| {
            parts.iter().position(|known| known == part).map_or(0, |index| self.sums[index])
        };
        measure.value(part, Some(&self.latencies), credits)
    }

    fn values(&self, question: &Question, credits: CreditRate) -> Vec<Value> {
        let value = |measure| self.value(measure, question.parts(), credits);
        question.measures().iter().map(value).collect()
    }
}

/// A question's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// By bucket where there are buckets, then from the largest group to the smallest, by the
    /// first measure.
    pub rows: Vec<Row>,
    /// Everything together.
    pub total: Values,
}

/// One line of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Which of the question's buckets, where it has any.
    pub bucket: Option<usize>,
    /// Which group.
    pub group: Group,
    /// How much.
    pub values: Values,
}

/// The measures of a row, in the question's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// Of the period asked for.
    pub now: Vec<Value>,
    /// Of the period before, where the question compares and there is one.
    pub before: Option<Vec<Value>>,
}

impl Answer {
    /// Orders, folds and fills sums into rows.
    ///
    /// Each bucket has a row for every group, so that a gap is seen as zero.
    pub fn new(
        question: &Question,
        current: &Tally,
        previous: Option<&Tally>,
        credits: CreditRate,
    ) -> Result<Self, QuestionError> {
        let ranking = Ranking::new(question, current, previous, credits);
        let buckets = question.period().bucket_count();
        let rows = ranking.groups.len().saturating_mul(buckets);
        if rows > ROWS_MAX {
            return Err(QuestionError::TooManyRows);
        }

        let now = ranking.grid(question, current, buckets);
        let before = previous.zip(question.previous()).map(|(tally, period)| {
            (period.bucket_count(), ranking.grid(question, tally, period.bucket_count()))
        });
        let mut answer =
            Self { rows: Vec::with_capacity(rows), total: Values { now: vec![], before: None } };
        for bucket in 0..buckets {
            for (place, group) in ranking.groups.iter().enumerate() {
                let at = bucket * ranking.groups.len() + place;
                let before = before.as_ref().and_then(|(buckets, grid)| {
                    (bucket < *buckets).then(|| grid[at].values(question, credits))
                });
                answer.rows.push(Row {
                    bucket: question.every().map(|_| bucket),
                    group: group.clone(),
                    values: Values { now: now[at].values(question, credits), before },
                });
            }
        }
        answer.total = Values {
            now: total(question, current).values(question, credits),
            before: previous.map(|previous| total(question, previous).values(question, credits)),
        };
        Ok(answer)
    }
}

fn total(question: &Question, tally: &Tally) -> Sums {
    let mut total = Sums::zero(question.parts());
    for (_, _, sums, latencies) in tally.cells() {
        total.add(question.parts(), sums, latencies);
    }
    total
}

/// Which groups an answer lists, in which order.
struct Ranking {
    groups: Vec<Group>,
    places: HashMap<Group, usize>,
}

impl Ranking {
    fn new(
        question: &Question,
        current: &Tally,
        previous: Option<&Tally>,
        credits: CreditRate,
    ) -> Self {
        // The one group of a question that does not group is there even if it is empty, and a
        // group that has gone is listed too: it is part of what changed.
        let whole = question.by().is_empty().then(|| Group::Of(Box::new([])));
        let mut known: HashMap<&Group, usize> = HashMap::new();
        let mut groups: Vec<&Group> = Vec::new();
        let gone = previous.into_iter().flat_map(Tally::groups);
        for group in current.groups().iter().chain(gone).chain(&whole) {
            known.entry(group).or_insert_with(|| {
                groups.push(group);
                groups.len() - 1
            });
        }
        // The first groups are those of the current tally, in its order.
        let mut totals = vec![Sums::zero(question.parts()); groups.len()];
        for (_, group, sums, latencies) in current.cells() {
            totals[group as usize].add(question.parts(), sums, latencies);
        }

        let first = &question.measures()[0];
        let mut ranked: Vec<(Value, &Group)> = totals
            .iter()
            .map(|total| total.value(first, question.parts(), credits))
            .zip(groups)
            .collect();
        ranked.sort_by(|(one, a), (two, b)| {
            let is_other = |group: &Group| matches!(group, Group::Other);
            is_other(a).cmp(&is_other(b)).then_with(|| two.order(one)).then_with(|| a.cmp(b))
        });
        let groups: Vec<Group> = match question.top() {
            Some(top) if ranked.len() > top => {
                let kept = ranked[..top].iter().map(|(_, group)| (*group).clone());
                kept.chain([Group::Other]).collect()
            }
            _ => ranked.into_iter().map(|(_, group)| group.clone()).collect(),
        };
        let places = groups.iter().cloned().zip(0..).collect();
        Self { groups, places }
    }

    /// Where the sums of `group` go.
    fn place(&self, group: &Group) -> Option<usize> {
        self.places.get(group).or_else(|| self.places.get(&Group::Other)).copied()
    }

    /// The sums of every bucket and group, bucket by bucket.
    fn grid(&self, question: &Question, tally: &Tally, buckets: usize) -> Vec<Sums> {
        let mut grid = vec![Sums::zero(question.parts()); buckets * self.groups.len()];
        let places: Vec<_> = tally.groups().iter().map(|group| self.place(group)).collect();
        for (bucket, group, sums, latencies) in tally.cells() {
            if let Some(place) = places[group as usize] {
                let cell = &mut grid[bucket as usize * self.groups.len() + place];
                cell.add(question.parts(), sums, latencies);
            }
        }
        grid
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::usage::question::{Attribute, Every, QuestionDraft};

    /// A question about three days of spend.
    fn question(by: &[Attribute], every: Option<Every>, top: Option<usize>) -> Question {
        Question::new(QuestionDraft {
            from: "2026-01-02T00:00:00Z".parse().unwrap(),
            to: "2026-01-05T00:00:00Z".parse().unwrap(),
            tz: chrono_tz::Tz::UTC,
            every,
            by: by.to_vec(),
            filters: vec![],
            measures: vec![Measure::Spend],
            top,
            compare: Some(chrono::DateTime::UNIX_EPOCH),
        })
        .unwrap()
    }

    /// A tally of nanos for `(bucket, name, nanos)`.
    fn tally(cells: &[(u32, &str, i128)]) -> Tally {
        let mut tally = Tally::new(vec![Part::Nanos], false);
        let mut groups = HashMap::new();
        for (bucket, name, nanos) in cells {
            let key: Key = Box::new([Some(CompactString::from(*name))]);
            let group = *groups.entry(*name).or_insert_with(|| tally.add_group(Group::Of(key)));
            tally.add_cell(*bucket, group, &[*nanos], Latencies::default());
        }
        tally
    }

    fn lines(answer: &Answer) -> Vec<String> {
        answer
            .rows
            .iter()
            .map(|row| {
                let bucket = row.bucket.map_or(String::new(), |bucket| format!("{bucket} "));
                let group = match &row.group {
                    Group::Of(key) => {
                        key.iter().map(|name| name.as_deref().unwrap_or("-")).collect::<String>()
                    }
                    Group::Other => "other".into(),
                };
                format!("{bucket}{group} {}", written(&row.values))
            })
            .collect()
    }

    fn written(values: &Values) -> String {
        let texts = |values: &[Value]| values.iter().map(|value| value.text()).collect::<String>();
        match &values.before {
            Some(before) => format!("{} was {}", texts(&values.now), texts(before)),
            None => texts(&values.now),
        }
    }

    const NANOS: i128 = 1_000_000_000;

    #[test]
    fn groups_go_from_large_to_small_and_ties_by_name() {
        let question = question(&[Attribute::Team], None, None);
        let current = tally(&[(0, "b", 2 * NANOS), (0, "c", 5 * NANOS), (0, "a", 2 * NANOS)]);

        let answer = Answer::new(&question, &current, None, CreditRate::ONE).unwrap();

        assert_eq!(lines(&answer), ["c 5", "a 2", "b 2"]);
        assert_eq!(written(&answer.total), "9");
    }

    #[test]
    fn what_is_not_at_the_top_is_folded() {
        let question = question(&[Attribute::Team], None, Some(1));
        let current = tally(&[(0, "a", 2 * NANOS), (0, "b", 5 * NANOS), (0, "c", NANOS)]);
        let previous = tally(&[(0, "gone", 7 * NANOS), (0, "b", NANOS)]);

        let answer = Answer::new(&question, &current, Some(&previous), CreditRate::ONE).unwrap();

        assert_eq!(lines(&answer), ["b 5 was 1", "other 3 was 7"]);
        assert_eq!(written(&answer.total), "8 was 8");
    }

    #[test]
    fn a_gap_is_a_row_of_nothing() {
        let question = question(&[Attribute::Team], Some(Every::Day), None);
        let current = tally(&[(0, "a", NANOS), (2, "b", 3 * NANOS)]);

        let answer = Answer::new(&question, &current, None, CreditRate::ONE).unwrap();

        assert_eq!(lines(&answer), ["0 b 0", "0 a 1", "1 b 0", "1 a 0", "2 b 3", "2 a 0"]);
    }

    #[test]
    fn nothing_at_all_is_still_an_answer() {
        let nothing = Tally::new(vec![Part::Nanos], false);

        let whole = question(&[], None, None);
        let answer = Answer::new(&whole, &nothing, Some(&nothing), CreditRate::ONE).unwrap();
        assert_eq!(lines(&answer), [" 0 was 0"]);

        let grouped = question(&[Attribute::Team], None, None);
        let answer = Answer::new(&grouped, &nothing, None, CreditRate::ONE).unwrap();
        assert!(answer.rows.is_empty());
        assert_eq!(written(&answer.total), "0");
    }

    #[test]
    fn an_answer_that_is_too_long_is_refused() {
        let question = question(&[Attribute::Team], Some(Every::Day), None);
        let names: Vec<String> = (0..ROWS_MAX / 3 + 1).map(|name| name.to_string()).collect();
        let cells: Vec<_> = names.iter().map(|name| (0, name.as_str(), 1)).collect();

        let refused = Answer::new(&question, &tally(&cells), None, CreditRate::ONE);

        assert_eq!(refused, Err(QuestionError::TooManyRows));
    }
}
