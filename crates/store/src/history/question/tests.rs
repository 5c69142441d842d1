//! Answers are compared with what a plain walk over the facts finds.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use compact_str::CompactString;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use outlay_domain::usage::question::{
    Answer, Attribute, CreditRate, Every, Filter, Group, Key, Latencies, Measure, Part, Question,
    QuestionDraft, Tally, bucket_of,
};
use outlay_domain::usage::{
    Charge, ChargeBasis, Dimensions, Fact, FactKind, Meter, Quantities, Status, UsageEvent,
};
use outlay_domain::{Amount, Quantity};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use tempfile::TempDir;

use super::limit::Bounds;
use super::*;
use crate::history::rollup::{self, RollupBuilder};
use crate::history::schema;

/// Facts in a tail and in segments, as a history would hold them.
struct World {
    facts: Vec<Fact>,
    tail: Vec<RecordBatch>,
    segments: Vec<SegmentFiles>,
    /// Removed with the world.
    _folder: TempDir,
}

impl World {
    /// Divides facts: some into the tail, the others into segments with or without roll-ups.
    ///
    /// Levels of the roll-ups have no more than `rollup_rows`.
    fn new(facts: Vec<Fact>, segments: usize, rollup_rows: Option<usize>) -> Self {
        let folder = TempDir::new().unwrap();
        let per_part = facts.len().div_ceil(segments + 1).max(1);
        let mut parts = facts.chunks(per_part);
        let tail = parts.next().unwrap_or_default();
        let tail = tail.chunks(7).map(|facts| schema::to_columns(facts).unwrap()).collect();
        let segments = parts
            .enumerate()
            .map(|(number, facts)| write_segment(folder.path(), number, facts, rollup_rows))
            .collect();
        Self { facts, tail, segments, _folder: folder }
    }

    fn facts(&self) -> Facts<'_> {
        Facts { tail: &self.tail, segments: &self.segments }
    }
}

fn write_segment(
    folder: &Path,
    number: usize,
    facts: &[Fact],
    rollup_rows: Option<usize>,
) -> SegmentFiles {
    let mut facts = facts.to_vec();
    facts.sort_by_key(|fact| (fact.event.occurred_at.date_naive(), fact.event.account.clone()));
    let columns = schema::to_columns(&facts).unwrap();
    let path = folder.join(format!("{number}.parquet"));
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(17)).build();
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, columns.schema(), Some(properties)).unwrap();
    writer.write(&columns).unwrap();
    writer.close().unwrap();
    let rollup_path = rollup_rows.map(|rows_max| {
        let path = folder.join(format!("{number}.rollup"));
        let mut rollup = RollupBuilder::limited(rows_max);
        for start in (0..facts.len()).step_by(23) {
            rollup.add(&columns.slice(start, 23.min(facts.len() - start))).unwrap();
        }
        rollup::write(&rollup.finish().unwrap(), File::create(&path).unwrap()).unwrap();
        path
    });
    let times = || facts.iter().map(|fact| fact.event.occurred_at.timestamp_micros());
    SegmentFiles {
        path,
        rollup_path,
        first_us: times().min().unwrap(),
        last_us: times().max().unwrap(),
    }
}

type Sums = BTreeMap<(u32, Key), (Vec<i128>, BTreeMap<u16, u64>)>;

/// Sums the facts one by one.
fn walk(facts: &[Fact], question: &Question, period: &Period) -> Sums {
    let mut sums = Sums::new();
    for fact in facts {
        let event = &fact.event;
        let at = event.occurred_at;
        let passes = question
            .filters()
            .iter()
            .all(|filter| filter.passes(value(event, filter.attribute()).as_deref()));
        if at < period.from || at >= period.to || !passes {
            continue;
        }
        let bucket = match &period.buckets {
            Some(buckets) => (0..buckets.len())
                .find(|bucket| buckets.start(*bucket) <= at && at < buckets.end(*bucket))
                .unwrap(),
            None => 0,
        };
        let key: Key = question.by().iter().map(|attribute| value(event, attribute)).collect();
        let (sums, spread) = sums.entry((bucket as u32, key)).or_insert_with(|| {
            let nothing = question.parts().iter().map(|part| i128::from(part.of_nothing()));
            (nothing.collect(), BTreeMap::new())
        });
        for (sum, part) in sums.iter_mut().zip(question.parts()) {
            *sum = part.join(*sum, adds(fact, part));
        }
        if let (FactKind::Usage, Some(duration), true) =
            (fact.kind, event.duration_us, question.needs_spread())
        {
            *spread.entry(bucket_of(duration)).or_default() += 1;
        }
    }
    sums
}

fn value(event: &UsageEvent, attribute: &Attribute) -> Option<CompactString> {
    match attribute {
        Attribute::Account => Some(event.account.clone()),
        Attribute::Subject => event.subject.clone(),
        Attribute::Provider => event.provider.clone(),
        Attribute::Model => event.model.clone(),
        Attribute::Operation => event.operation.clone(),
        Attribute::Service => event.service.clone(),
        Attribute::Status => Some(event.status.as_str().into()),
        Attribute::Team => event.dimensions.team.clone(),
        Attribute::Project => event.dimensions.project.clone(),
        Attribute::Platform => event.dimensions.platform.clone(),
        Attribute::Environment => event.dimensions.environment.clone(),
        Attribute::Source => Some(event.source.clone()),
        Attribute::Tag(key) => {
            event.tags.get(key).filter(|value| !value.is_empty()).map(CompactString::from)
        }
    }
}

fn adds(fact: &Fact, part: &Part) -> i128 {
    let event = &fact.event;
    let is_usage = fact.kind == FactKind::Usage;
    i128::from(match part {
        Part::Nanos => fact.charge.amount.map_or(0, Amount::nanos),
        Part::Events => fact.kind.event_count(),
        Part::Errors if event.status == Status::Error => fact.kind.event_count(),
        Part::Errors => 0,
        Part::Unpriced => i64::from(fact.charge.unpriced),
        Part::Tokens => {
            let tokens = event.quantities.iter().filter(|(meter, _)| meter.is_tokens());
            tokens.map(|(_, quantity)| quantity.whole()).sum()
        }
        Part::Meter(meter) if meter.is_divisible() => event.quantities.get(meter).micros(),
        Part::Meter(meter) => event.quantities.get(meter).whole(),
        Part::LatencyMicros => event.duration_us.filter(|_| is_usage).unwrap_or_default(),
        Part::LeastNanos | Part::MostNanos => match fact.charge.amount {
            Some(amount) if fact.kind.event_count() == 1 => amount.nanos(),
            _ => part.of_nothing(),
        },
        Part::LatencyCount => i64::from(is_usage && event.duration_us.is_some()),
    })
}

fn sums(tally: &Tally) -> Sums {
    tally
        .cells()
        .map(|(bucket, group, sums, latencies)| {
            let Group::Of(key) = &tally.groups()[group as usize] else { panic!("a folded group") };
            let spread = latencies.map(Latencies::counts).unwrap_or_default();
            ((bucket, key.clone()), (sums.to_vec(), spread.iter().copied().collect()))
        })
        .collect()
}

fn start() -> DateTime<Utc> {
    "2026-03-27T22:10:00Z".parse().unwrap()
}

prop_compose! {
    /// A fact of a small world, in which names meet often.
    fn any_fact()(
        minutes in 0_i64..6_000,
        odd_us in prop_oneof![Just(0_i64), 0_i64..60_000_000],
        names in prop::array::uniform10(0_usize..4),
        kind in prop_oneof![8 => Just(0_usize), 1 => 1_usize..4],
        status in 0_usize..4,
        amount in prop_oneof![
            3 => (-5_000_000_000_i64..50_000_000_000).prop_map(Some),
            1 => Just(None),
            1 => Just(Some(i64::MAX)),
        ],
        unpriced in -1_i8..2,
        duration in prop::option::of(0_i64..90_000_000),
        tokens in prop::array::uniform3(-100_i64..100_000),
        seconds in prop::option::of(0_i64..9_000_000),
        free in prop::option::of(1_i64..9_000_000),
        tag in 0_usize..4,
        id in 0_u32..1_000_000,
        basis in prop_oneof![3 => Just(ChargeBasis::Rated), 1 => Just(ChargeBasis::PartlyPriced)],
    ) -> Fact {
        let name = |index: usize, kind: &str| {
            (names[index] > 0).then(|| CompactString::from(format!("{kind}-{}", names[index])))
        };
        let mut quantities = Quantities::new();
        let units = |units| Quantity::from_units(units).unwrap();
        quantities.set(Meter::Requests, units(1));
        quantities.set(Meter::InputTokens, units(tokens[0]));
        quantities.set(Meter::OutputTokens, units(tokens[1]));
        if tokens[2] > 50_000 {
            quantities.set(Meter::ReasoningTokens, units(tokens[2]));
        }
        if let Some(seconds) = seconds {
            quantities.set(Meter::Seconds, Quantity::from_micros(seconds));
        }
        if let Some(free) = free {
            quantities.set(Meter::Other("gpu_hours".into()), Quantity::from_micros(free));
        }
        let tags = match tag {
            0 => vec![],
            1 => vec![("feature".into(), "".into())],
            tag => vec![
                ("feature".into(), format!("f{tag}").into()),
                ("noise".into(), format!("n{}", id % 11).into()),
            ],
        };
        let occurred_at = start() + TimeDelta::minutes(minutes) + TimeDelta::microseconds(odd_us);
        Fact {
            kind: FactKind::ALL[kind],
            received_at: occurred_at + TimeDelta::seconds(i64::from(id % 3)),
            event: UsageEvent {
                id: id.to_string().into(),
                source: format!("source-{}", names[0]).into(),
                occurred_at,
                account: format!("account-{}", names[1]).into(),
                subject: name(2, "subject"),
                provider: name(3, "provider"),
                model: name(4, "model"),
                operation: name(5, "operation"),
                service: name(6, "service"),
                status: Status::ALL[status],
                duration_us: duration,
                quantities,
                dimensions: Dimensions {
                    team: name(7, "team"),
                    project: name(8, "project"),
                    platform: name(9, "platform"),
                    environment: None,
                },
                tags: tags.into_iter().collect(),
                stated_cost: None,
                metadata: None,
            },
            charge: Charge {
                basis,
                amount: amount.map(Amount::from_nanos),
                unpriced,
                prices: "".into(),
            },
        }
    }
}

fn any_attribute() -> impl Strategy<Value = Attribute> {
    prop_oneof![
        6 => prop::sample::select(Attribute::NAMED.to_vec()),
        1 => Just(Attribute::Tag("feature".into())),
    ]
}

fn any_filter() -> impl Strategy<Value = Filter> {
    (any_attribute(), 0_usize..3, prop::collection::vec(0_usize..4, 1..3)).prop_map(
        |(attribute, test, numbers)| {
            let values: Vec<String> = match &attribute {
                Attribute::Status => {
                    numbers.iter().map(|number| Status::ALL[*number].to_string()).collect()
                }
                Attribute::Tag(_) => numbers.iter().map(|number| format!("f{number}")).collect(),
                named => numbers
                    .iter()
                    .map(|number| match number {
                        0 => String::new(),
                        number => format!("{}-{number}", named.name()),
                    })
                    .collect(),
            };
            let texts = values.iter().map(String::as_str);
            match test {
                0 => Filter::among(attribute, texts),
                1 => Filter::not_among(attribute, texts),
                _ => Filter::prefix(attribute, texts.filter(|text| !text.is_empty()).chain(["p"])),
            }
            .unwrap()
        },
    )
}

fn any_question() -> impl Strategy<Value = Question> {
    let measure = prop::sample::select(
        Measure::named()
            .chain([Measure::Meter(Meter::Other("gpu_hours".into()))])
            .chain([Measure::SpendLeast, Measure::SpendMost])
            .collect::<Vec<_>>(),
    );
    let minutes = prop_oneof![
        2 => (0_i64..140).prop_map(|hours| hours * 60 - 10),
        1 => (0_i64..7).prop_map(|days| days * 1_440 - 1_330),
        1 => -100_i64..7_000,
    ];
    (
        minutes.clone(),
        minutes,
        prop::option::of(prop::sample::select(Every::ALL.to_vec())),
        prop::sample::select(vec![
            Tz::UTC,
            Tz::Europe__Berlin,
            Tz::Asia__Kolkata,
            Tz::America__Los_Angeles,
        ]),
        prop::collection::vec(any_attribute(), 0..4),
        prop::collection::vec(any_filter(), 0..3),
        prop::collection::vec(measure, 1..4),
    )
        .prop_map(|(one, two, every, tz, by, filters, measures)| {
            let (from, to) = (one.min(two), one.max(two) + 1);
            Question::new(QuestionDraft {
                from: start() + TimeDelta::minutes(from),
                to: start() + TimeDelta::minutes(if to == from + 1 { to } else { to - 1 }),
                tz,
                every,
                by,
                filters,
                measures,
                top: None,
                compare: Some(DateTime::<Utc>::MAX_UTC),
            })
            .unwrap()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn an_answer_is_what_a_walk_over_the_facts_finds(
        facts in prop::collection::vec(any_fact(), 0..300),
        questions in prop::collection::vec(any_question(), 1..6),
        segments in 0_usize..4,
        rollup_rows in prop::option::of(prop::sample::select(vec![3_usize, 40, 10_000])),
        threads in 1_usize..3,
    ) {
        let world = World::new(facts, segments, rollup_rows);
        let asker = Asker::new(AskOptions { threads, ..AskOptions::default() });
        for question in &questions {
            // The second time, sums that were kept take part.
            for _ in 0..2 {
                let (current, previous) = asker.ask(world.facts(), question, &Effort::default()).unwrap();
                prop_assert_eq!(sums(&current), walk(&world.facts, question, question.period()));
                let before = question.previous().unwrap();
                prop_assert_eq!(sums(&previous.unwrap()), walk(&world.facts, question, before));
            }
        }
    }

    #[test]
    fn the_top_of_too_many_groups_is_found_exactly(
        facts in prop::collection::vec(any_fact(), 0..300),
        segments in 0_usize..3,
        measure in prop::sample::select(Measure::named().collect::<Vec<_>>()),
        top in 1_usize..4,
    ) {
        let world = World::new(facts, segments, None);
        let question = Question::new(QuestionDraft {
            from: start(),
            to: start() + TimeDelta::days(5),
            tz: Tz::UTC,
            every: None,
            by: vec![Attribute::Tag("noise".into())],
            filters: vec![],
            measures: vec![measure],
            top: Some(top),
            compare: None,
        })
        .unwrap();
        let answer = |cells_max| {
            let asker = Asker::new(AskOptions { cells_max, ..AskOptions::default() });
            let (tally, _) = asker.ask(world.facts(), &question, &Effort::default()).unwrap();
            Answer::new(&question, &tally, None, CreditRate::ONE).unwrap()
        };

        // There are twelve values. With five cells the facts are gone through in shares.
        prop_assert_eq!(answer(5), answer(1_000));
    }

    #[test]
    fn pages_of_events_are_the_facts_in_order(
        facts in prop::collection::vec(any_fact(), 0..200),
        filters in prop::collection::vec(any_filter(), 0..2),
        above_nanos in prop::option::of(0_i64..3_000_000_000),
        named in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        about_lacking in prop::bool::weighted(0.3),
        segments in 0_usize..4,
        limit in 1_usize..40,
        bytes_max in prop::sample::select(vec![1, 5_000, usize::MAX]),
    ) {
        let world = World::new(facts, segments, None);
        let asker = Asker::default();
        let named = named.filter(|_| !world.facts.is_empty());
        let id = named.map(|index| index.get(&world.facts).event.id.to_string());
        let mut question = EventsQuestion {
            from_us: (start() + TimeDelta::minutes(500)).timestamp_micros(),
            to_us: (start() + TimeDelta::minutes(5_000)).timestamp_micros(),
            filters,
            id: id.clone(),
            above_nanos,
            about_lacking,
            limit,
            bytes_max,
            after: None,
        };

        let sum = asker.events_sum(world.facts(), &question, &Effort::default()).unwrap();
        let mut listed = Vec::new();
        loop {
            let page = asker.events(world.facts(), &question, &Effort::default()).unwrap();
            prop_assert!(page.facts.len() <= limit);
            listed.extend(page.facts);
            match page.next {
                Some(next) => question.after = Some(next),
                None => break,
            }
        }

        let mut expected: Vec<Fact> = world
            .facts
            .iter()
            .filter(|fact| {
                let us = fact.event.occurred_at.timestamp_micros();
                let passes = |filter: &Filter| {
                    filter.passes(value(&fact.event, filter.attribute()).as_deref())
                };
                let is_expensive = above_nanos.is_none_or(|above| {
                    let amount = fact.charge.amount.filter(|_| fact.kind.event_count() == 1);
                    amount.is_some_and(|amount| amount.nanos() > above)
                });
                let is_in_time = question.from_us <= us && us < question.to_us;
                let is_lacking =
                    fact.charge.unpriced != 0 || fact.charge.basis == ChargeBasis::PartlyPriced;
                let is_named = id.as_deref().is_none_or(|id| fact.event.id.as_str() == id);
                let is_expensive = is_expensive && is_named && (is_lacking || !about_lacking);
                is_in_time && is_expensive && question.filters.iter().all(passes)
            })
            .cloned()
            .collect();
        expected.sort_by_cached_key(FactKey::of);
        let keys = |facts: &[Fact]| facts.iter().map(FactKey::of).collect::<Vec<_>>();
        prop_assert_eq!(keys(&listed), keys(&expected));
        prop_assert_eq!(listed.len(), expected.len());
        let amounts = expected.iter().filter_map(|fact| fact.charge.amount);
        let nanos = amounts.map(|amount| i128::from(amount.nanos())).sum::<i128>();
        prop_assert_eq!(sum, EventsSum { count: expected.len() as u64, nanos });
    }
}

/// Facts of three days, one every ten minutes.
fn some_facts() -> Vec<Fact> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    (0..432)
        .map(|number| {
            let mut fact = any_fact().new_tree(&mut runner).unwrap().current();
            fact.event.occurred_at = start() + TimeDelta::minutes(number * 10);
            fact
        })
        .collect()
}

fn a_question(by: Attribute, from_minutes: i64) -> Question {
    Question::new(QuestionDraft {
        from: start() + TimeDelta::minutes(from_minutes),
        to: start() + TimeDelta::days(4),
        tz: Tz::Europe__Berlin,
        every: Some(Every::Day),
        by: vec![by],
        filters: vec![],
        measures: vec![Measure::Spend, Measure::Tokens, Measure::Errors, Measure::LatencyMean],
        top: None,
        compare: None,
    })
    .unwrap()
}

#[test]
fn what_a_rollup_can_answer_reads_no_facts() {
    let world = World::new(some_facts(), 2, Some(10_000));
    for segment in &world.segments {
        std::fs::remove_file(&segment.path).unwrap();
    }

    // From a full hour on; the segments begin at odd minutes.
    let question = a_question(Attribute::Team, 24 * 60 + 50);
    let (tally, _) = Asker::default().ask(world.facts(), &question, &Effort::default()).unwrap();
    assert_eq!(sums(&tally), walk(&world.facts, &question, question.period()));

    for needs_facts in
        [a_question(Attribute::Subject, 0), a_question(Attribute::Team, 24 * 60 + 15)]
    {
        let failed = Asker::default().ask(world.facts(), &needs_facts, &Effort::default());
        assert!(matches!(failed, Err(AskError::Store(StoreError::File { .. }))));
    }
}

#[test]
fn a_rollup_that_cannot_be_read_is_done_without() {
    let world = World::new(some_facts(), 2, Some(10_000));
    for segment in &world.segments {
        std::fs::write(segment.rollup_path.as_ref().unwrap(), "not Parquet").unwrap();
    }

    let question = a_question(Attribute::Team, 0);
    let (tally, _) = Asker::default().ask(world.facts(), &question, &Effort::default()).unwrap();

    assert_eq!(sums(&tally), walk(&world.facts, &question, question.period()));
}

#[test]
fn a_damaged_segment_is_named() {
    let world = World::new(some_facts(), 1, None);
    let path = &world.segments[0].path;
    let whole = std::fs::read(path).unwrap();
    let ask = || {
        Asker::default()
            .ask(world.facts(), &a_question(Attribute::Team, 0), &Effort::default())
            .unwrap_err()
    };

    std::fs::write(path, &whole[..whole.len() / 2]).unwrap();
    let cut = ask().to_string();
    let mut flipped = whole;
    flipped[4..2_000].iter_mut().for_each(|byte| *byte ^= 0x55);
    std::fs::write(path, flipped).unwrap();
    let flipped = ask().to_string();

    let name = path.display().to_string();
    assert!(cut.contains(&name), "{cut}");
    assert!(flipped.contains(&name), "{flipped}");
}

#[test]
fn a_question_ends_with_its_time() {
    let world = World::new(some_facts(), 1, None);
    let asker = Asker::new(AskOptions { time_limit: Duration::ZERO, ..AskOptions::default() });

    let refused = asker.ask(world.facts(), &a_question(Attribute::Team, 0), &Effort::default());

    assert!(matches!(refused, Err(AskError::TooSlow(_))));
}

#[test]
fn a_question_ends_when_nobody_waits_for_it() {
    let world = World::new(some_facts(), 1, None);
    let effort = Effort::default();
    effort.stop.raise();

    let asker = Asker::default();
    let answered = asker.ask(world.facts(), &a_question(Attribute::Team, 0), &effort);
    let listed = asker.events(world.facts(), &all_events(), &effort);
    let summed = asker.events_sum(world.facts(), &all_events(), &effort);

    assert!(matches!(answered, Err(AskError::Stopped)));
    assert!(matches!(listed, Err(AskError::Stopped)));
    assert!(matches!(summed, Err(AskError::Stopped)));
}

fn all_events() -> EventsQuestion {
    EventsQuestion {
        from_us: i64::MIN,
        to_us: i64::MAX,
        filters: vec![],
        id: None,
        above_nanos: None,
        about_lacking: false,
        limit: 10,
        bytes_max: usize::MAX,
        after: None,
    }
}

#[test]
fn pages_of_wide_events_end_before_they_take_more_memory_than_they_may() {
    let mut facts = some_facts();
    for (number, fact) in facts.iter_mut().enumerate() {
        // Some are narrow, and one alone is larger than a page.
        let bytes = if number == 200 { 30_000 } else { (number % 5) * 2_000 };
        fact.event.metadata = Some(format!("\"{}\"", "x".repeat(bytes)).into());
    }
    let world = World::new(facts.clone(), 2, None);
    let mut question = EventsQuestion { limit: 1_000, bytes_max: 20_000, ..all_events() };
    let mut listed = Vec::new();
    let mut pages = 0;
    loop {
        let page = Asker::default().events(world.facts(), &question, &Effort::default()).unwrap();
        let bytes: usize = page.facts.iter().map(Fact::size_bytes).sum();
        assert!(bytes <= 20_000 || page.facts.len() == 1, "{bytes}");
        pages += 1;
        listed.extend(page.facts);
        match page.next {
            Some(next) => question.after = Some(next),
            None => break,
        }
    }

    assert!(pages > 10, "{pages}");
    facts.sort_by_cached_key(FactKey::of);
    assert_eq!(listed, facts);
}

#[test]
fn what_must_read_much_is_told_from_what_roll_ups_and_kept_sums_answer() {
    // From a full hour on, with buckets of whole days, behind the tail.
    let world = World::new(some_facts(), 2, Some(10_000));
    let segments = Facts { tail: &[], segments: &world.segments };
    let of = |asker: &Asker, measures: &[Measure], bytes_max: Option<u64>| {
        let every = Some(Every::Day);
        let from = start() + TimeDelta::minutes(145 * 10);
        let draft = QuestionDraft {
            from,
            to: start() + TimeDelta::days(4),
            tz: Tz::UTC,
            every,
            by: vec![Attribute::Team],
            filters: vec![],
            measures: measures.to_vec(),
            top: None,
            compare: None,
        };
        let effort = Effort { bytes_max, ..Effort::default() };
        asker.ask(segments, &Question::new(draft).unwrap(), &effort).map(|_| ())
    };
    let asker = Asker::default();
    let spread = [Measure::LatencyPercentile(50)];

    assert!(matches!(of(&asker, &spread, Some(2_000)), Err(AskError::TooMuchToRead)));
    of(&asker, &spread, None).unwrap();
    of(&asker, &spread, Some(0)).unwrap();

    let few = Effort { bytes_max: Some(10), ..Effort::default() };
    let listed = asker.events(world.facts(), &all_events(), &few);
    assert!(matches!(listed, Err(AskError::TooMuchToRead)));
}

/// Facts of one day, each of another subject, every second one of the provider `odd`.
fn facts_of_many_subjects(count: i64) -> Vec<Fact> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let fact = any_fact().new_tree(&mut runner).unwrap().current();
    (0..count)
        .map(|number| {
            let mut fact = fact.clone();
            fact.event.id = format!("event-{number}").into();
            fact.event.occurred_at = start() + TimeDelta::seconds(number);
            fact.event.subject = Some(format!("subject {number}").into());
            let provider = if number % 2 == 0 { "even" } else { "odd" };
            fact.event.provider = Some(provider.into());
            fact
        })
        .collect()
}

fn by_subject(filters: Vec<Filter>) -> Question {
    Question::new(QuestionDraft {
        from: start(),
        to: start() + TimeDelta::days(1),
        tz: Tz::UTC,
        every: None,
        by: vec![Attribute::Subject],
        filters,
        measures: vec![Measure::Spend],
        top: None,
        compare: None,
    })
    .unwrap()
}

#[test]
fn grouping_stops_at_the_first_group_that_is_too_many() {
    let facts = facts_of_many_subjects(5_000);
    let batch = schema::to_columns(&facts).unwrap();
    let names_read = |question: &Question, bounds: Bounds| {
        let shape = Arc::new(Shape::of(question));
        let finder = Finder::new(question.period());
        let (options, effort) = (AskOptions::default(), Effort::default());
        let limit = Limit::of(&options, &effort, question);
        let mut worker = Worker::new(&shape, None, &finder, bounds);
        let tail = Task {
            source: Source::Tail(std::slice::from_ref(&batch)),
            range: worker::Range {
                rows: columns::Rows::Facts,
                level: None,
                from_us: finder.from_us,
                to_us: finder.to_us,
                span: (i64::MIN, i64::MAX),
            },
            rows: 5_000,
        };
        let added = tail.each_batch(&shape, &finder, |batch, range| {
            worker.add(batch, range, &limit)?;
            Ok(true)
        });
        (added.is_ok(), worker.names())
    };
    let wide = Bounds { cells: 1_000_000, groups: usize::MAX, names_bytes: usize::MAX };

    assert_eq!(names_read(&by_subject(vec![]), wide), (true, 5_000));
    assert_eq!(names_read(&by_subject(vec![]), Bounds { groups: 100, ..wide }), (false, 101));
    let (is_done, names) = names_read(&by_subject(vec![]), Bounds { names_bytes: 5_000, ..wide });
    assert!(!is_done && names < 200, "{names} names");

    // Names of events that do not count are of no group.
    let odd = by_subject(vec![Filter::only(Attribute::Provider, "odd")]);
    assert_eq!(names_read(&odd, Bounds { groups: 2_500, ..wide }), (true, 2_500));
}

#[test]
fn an_answer_with_too_many_rows_is_refused_as_such_and_its_top_is_not() {
    let world = World::new(facts_of_many_subjects(60_000), 0, None);
    let asker = Asker::default();
    let all = by_subject(vec![]);
    let top = Question::new(QuestionDraft {
        from: start(),
        to: start() + TimeDelta::days(1),
        tz: Tz::UTC,
        every: None,
        by: vec![Attribute::Subject],
        filters: vec![],
        measures: vec![Measure::Spend],
        top: Some(3),
        compare: None,
    })
    .unwrap();

    let refused = asker.ask(world.facts(), &all, &Effort::default());
    assert!(matches!(refused, Err(AskError::TooManyRows)), "{refused:?}");
    let (tally, _) = asker.ask(world.facts(), &top, &Effort::default()).unwrap();
    assert_eq!(tally.len(), 60_000);
}

#[test]
fn groups_beyond_the_limit_are_refused() {
    let world = World::new(some_facts(), 1, None);
    let asker = Asker::new(AskOptions { cells_max: 3, ..AskOptions::default() });

    let refused = asker.ask(world.facts(), &a_question(Attribute::Model, 0), &Effort::default());

    assert!(matches!(refused, Err(AskError::TooManyRows)));
}

#[test]
fn sums_that_are_kept_are_bounded_and_forgotten_with_their_files() {
    let world = World::new(some_facts(), 2, Some(10_000));
    let asker = Asker::new(AskOptions { kept_bytes: 20_000, ..AskOptions::default() });

    for attribute in Attribute::NAMED {
        asker.ask(world.facts(), &a_question(attribute, 0), &Effort::default()).unwrap();
        assert!(asker.kept_bytes() <= 20_000);
    }
    assert!(asker.kept_bytes() > 0);

    asker.forget_others(&[]);
    assert_eq!(asker.kept_bytes(), 0);
}
