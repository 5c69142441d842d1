//! How fast questions are answered, beside DataFusion on the same files.
//!
//! ```text
//! cargo run --package outlay-store --example questions -- [ROWS] [FOLDER]
//! ```
//!
//! Without arguments it writes two million facts into a temporary folder. A folder that is named is
//! kept, and used again by the next run with as many rows.
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use datafusion::arrow::array::{
    ArrayRef, DictionaryArray, Int8Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use datafusion::arrow::datatypes::Int32Type;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::schema::types::ColumnPath;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use outlay_domain::usage::question::{
    Answer, Attribute, CreditRate, Every, Filter, Measure, Question, QuestionDraft,
};
use outlay_store::history::question::{AskOptions, Asker, Effort, Facts, SegmentFiles};
use outlay_store::history::rollup::{self, RollupBuilder};
use outlay_store::history::schema::SCHEMA;

const DAYS: u64 = 30;
const ROW_GROUP_ROWS: usize = 262_144;
const THREADS: usize = 2;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rows: u64 = arguments.next().map_or(2_000_000, |rows| rows.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or_else(|| temporary.path().into(), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();

    let begun = Instant::now();
    let segments = segments(&folder, rows);
    println!("{rows} facts in {} segments, ready after {:.1?}", segments.len(), begun.elapsed());
    let bytes = |path: &Path| std::fs::metadata(path).unwrap().len();
    let facts: u64 = segments.iter().map(|segment| bytes(&segment.path)).sum();
    let rollups: u64 =
        segments.iter().flat_map(|segment| &segment.rollup_path).map(|path| bytes(path)).sum();
    println!(
        "{:.1} bytes a fact on disk, and {:.2} for roll-ups\n",
        facts as f64 / rows as f64,
        rollups as f64 / rows as f64
    );

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .unwrap();
    compare_groupings(&segments, rows, &folder, &runtime);
    dashboards(&segments);
}

/// Groups by two dimensions, reading the facts.
fn compare_groupings(
    segments: &[SegmentFiles],
    rows: u64,
    folder: &Path,
    runtime: &tokio::runtime::Runtime,
) {
    let without_rollups = without_rollups(segments);
    println!("grouping by two dimensions, from the facts, {THREADS} threads");
    println!(
        "{:<24}{:>12}{:>14}{:>14}{:>14}{:>8}",
        "by", "ours", "rows/s", "CPU a row", "DataFusion", "ratio"
    );
    let pairs = [
        ("provider", "model"),
        ("account", "model"),
        ("team", "service"),
        ("project", "environment"),
        ("subject", "operation"),
        ("source", "status"),
    ];
    for (one, two) in pairs {
        let by = [one, two].map(|name| Attribute::from_name(name).unwrap());
        let question = question(&by, None, vec![], None);
        let ours = best(3, || {
            asker(0, THREADS)
                .ask(Facts { tail: &[], segments: &without_rollups }, &question, &Effort::default())
                .unwrap();
        });
        let before = cpu_nanos();
        asker(0, 1)
            .ask(Facts { tail: &[], segments: &without_rollups }, &question, &Effort::default())
            .unwrap();
        let cpu = (cpu_nanos() - before) as f64 / rows as f64;
        let sql = format!(
            "SELECT {one}, {two}, sum(amount_nanos), sum(requests) FROM facts GROUP BY {one}, {two}"
        );
        let theirs = best(2, || runtime.block_on(datafusion(folder, &sql)));
        println!(
            "{:<24}{:>12}{:>14.0}{:>14}{:>14}{:>8.2}",
            format!("{one}, {two}"),
            millis(ours),
            rows as f64 / ours.as_secs_f64(),
            format!("{cpu:.1} ns"),
            millis(theirs),
            ours.as_secs_f64() / theirs.as_secs_f64(),
        );
    }
    println!();
}

fn without_rollups(segments: &[SegmentFiles]) -> Vec<SegmentFiles> {
    let without = |segment: &SegmentFiles| SegmentFiles { rollup_path: None, ..segment.clone() };
    segments.iter().map(without).collect()
}

/// What the overview asks: first with nothing known, then again. Answers from roll-ups must be the
/// same as those from facts.
fn dashboards(segments: &[SegmentFiles]) {
    let account = || Filter::among(Attribute::Account, ["account-7"]).unwrap();
    let model = || Filter::prefix(Attribute::Model, ["model-1"]).unwrap();
    let mut questions = vec![
        ("total", question(&[], None, vec![], None)),
        ("hours", question(&[], Some(Every::Hour), vec![], None)),
        ("hours of an account", question(&[], Some(Every::Hour), vec![account()], None)),
        (
            "days, an account's models",
            question(&[Attribute::Model], Some(Every::Day), vec![account()], None),
        ),
        ("models of a prefix", question(&[Attribute::Model], None, vec![model()], None)),
        (
            "team and project",
            question(&[Attribute::Team, Attribute::Project], None, vec![], Some(20)),
        ),
    ];
    for attribute in
        ["provider", "model", "service", "account", "team", "project", "operation", "status"]
    {
        let attribute = Attribute::from_name(attribute).unwrap();
        let by = [attribute];
        questions.push(("breakdown by one", question(&by, None, vec![], Some(10))));
        questions.push(("days by one", question(&by, Some(Every::Day), vec![], Some(7))));
        questions.push(("hours by one", question(&by, Some(Every::Hour), vec![], Some(7))));
    }
    let facts = Facts { tail: &[], segments };
    let without_rollups = without_rollups(segments);
    let raw = Facts { tail: &[], segments: &without_rollups };
    let asker = asker(32 << 20, THREADS);
    println!("{:<28}{:<14}{:>12}{:>12}", "dashboard question", "by", "first", "again");
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for (name, question) in &questions {
        let time = |times: &mut Vec<Duration>| {
            let begun = Instant::now();
            let (tally, _) = asker.ask(facts, question, &Effort::default()).unwrap();
            let answer = Answer::new(question, &tally, None, CreditRate::ONE).unwrap();
            times.push(begun.elapsed());
            (answer, millis(begun.elapsed()))
        };
        let ((answer, one), (same, two)) = (time(&mut first), time(&mut again));
        let (tally, _) = self::asker(0, THREADS).ask(raw, question, &Effort::default()).unwrap();
        let from_facts = Answer::new(question, &tally, None, CreditRate::ONE).unwrap();
        assert!(answer == from_facts && same == from_facts, "{name} differs");
        let by = question.by().first().map(|attribute| attribute.name().into_owned());
        println!("{name:<28}{:<14}{one:>12}{two:>12}", by.unwrap_or_default());
    }
    for (name, mut times) in [("first", first), ("again", again)] {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
        println!("{name}: p50 {}, p95 {}, max {}", millis(at(50)), millis(at(95)), millis(at(100)));
    }
    println!("{} KB of sums kept", asker.kept_bytes() >> 10);
}

/// What this thread has run for, which tells more than the clock on a busy machine.
fn cpu_nanos() -> u64 {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedule.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default()
}

fn asker(kept_bytes: usize, threads: usize) -> Asker {
    Asker::new(AskOptions {
        threads,
        time_limit: Duration::from_secs(600),
        kept_bytes,
        ..AskOptions::default()
    })
}

fn question(
    by: &[Attribute],
    every: Option<Every>,
    filters: Vec<Filter>,
    top: Option<usize>,
) -> Question {
    let from = start();
    Question::new(QuestionDraft {
        from,
        to: from + TimeDelta::days(DAYS as i64),
        tz: Tz::UTC,
        every,
        by: by.to_vec(),
        filters,
        measures: vec![Measure::Spend, Measure::from_name("requests").unwrap()],
        top,
        compare: None,
    })
    .unwrap()
}

async fn datafusion(folder: &Path, sql: &str) {
    let config = SessionConfig::new().with_target_partitions(THREADS);
    let context = SessionContext::new_with_config(config);
    let path = folder.join("facts");
    let options = ParquetReadOptions::default();
    context.register_parquet("facts", path.to_str().unwrap(), options).await.unwrap();
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    assert!(batches.iter().any(|batch| batch.num_rows() > 0));
}

fn best(times: usize, mut work: impl FnMut()) -> Duration {
    (0..times)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed()
        })
        .min()
        .unwrap()
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

fn start() -> DateTime<Utc> {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

/// Writes the facts, unless they are there: two days a segment, sorted as the history sorts them.
fn segments(folder: &Path, rows: u64) -> Vec<SegmentFiles> {
    let (facts, rollups) = (folder.join("facts"), folder.join("rollups"));
    std::fs::create_dir_all(&facts).unwrap();
    std::fs::create_dir_all(&rollups).unwrap();
    (0..DAYS / 2)
        .map(|number| {
            let first = start() + TimeDelta::days(number as i64 * 2);
            let segment = SegmentFiles {
                path: facts.join(format!("{rows}-{number}.parquet")),
                rollup_path: Some(rollups.join(format!("{rows}-{number}.parquet"))),
                first_us: first.timestamp_micros(),
                last_us: (first + TimeDelta::days(2)).timestamp_micros() - 1,
            };
            if !segment.rollup_path.as_ref().unwrap().exists() {
                write(&segment, rows / (DAYS / 2), number);
            }
            segment
        })
        .collect()
}

fn write(segment: &SegmentFiles, rows: u64, seed: u64) {
    let mut random = Random(seed * 7_919 + 1);
    let mut places: Vec<(u32, u32, u32, u32)> = (0..rows)
        .map(|_| {
            let time = random.below(2 * 86_400 * 1_000) as u32;
            (time / 86_400_000, random.skewed(60) as u32, random.skewed(500) as u32, time)
        })
        .collect();
    places.sort_unstable();

    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).unwrap()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_offset_index_disabled(true);
    let plain = [
        "occurred_at",
        "received_at",
        "duration_us",
        "amount_nanos",
        "input_tokens",
        "output_tokens",
    ];
    for column in plain {
        properties = properties
            .set_column_dictionary_enabled(ColumnPath::from(column), false)
            .set_column_encoding(ColumnPath::from(column), Encoding::DELTA_BINARY_PACKED);
    }
    let properties = properties
        .set_column_dictionary_enabled(ColumnPath::from("id"), false)
        .set_column_encoding(ColumnPath::from("id"), Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .build();
    let file = File::create(&segment.path).unwrap();
    let mut writer = ArrowWriter::try_new(file, SCHEMA.clone(), Some(properties)).unwrap();
    let mut rollup = RollupBuilder::of(places.len() as u64);
    for places in places.chunks(ROW_GROUP_ROWS) {
        let batch = batch(places, segment.first_us, &mut random);
        rollup.add(&batch).unwrap();
        writer.write(&batch).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
    let file = File::create(segment.rollup_path.as_ref().unwrap()).unwrap();
    rollup::write(&rollup.finish().unwrap(), file).unwrap();
}

fn batch(places: &[(u32, u32, u32, u32)], first_us: i64, random: &mut Random) -> RecordBatch {
    let rows = places.len();
    let time = |late: i64| -> ArrayRef {
        let times =
            places.iter().map(|(_, _, _, millis)| first_us + i64::from(*millis) * 1_000 + late);
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    let names = |kind: &str, keys: Vec<u64>| -> ArrayRef {
        let count = keys.iter().max().map_or(0, |max| max + 1);
        let values = StringArray::from_iter_values((0..count).map(|key| format!("{kind}-{key}")));
        let keys = Int32Array::from_iter_values(keys.into_iter().map(|key| key as i32));
        Arc::new(DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values)).unwrap())
    };
    let word = |word: &str| -> ArrayRef {
        let values = Arc::new(StringArray::from(vec![word]));
        let keys = Int32Array::from(vec![0; rows]);
        Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).unwrap())
    };
    let mut drawn = |count: u64| (0..rows).map(|_| random.skewed(count)).collect::<Vec<_>>();
    let (subject, operation, service) = (drawn(20_000), drawn(5), drawn(12));
    let (project, platform, environment) = (drawn(60), drawn(3), drawn(2));
    let (status, tags, source) = (drawn(40), drawn(200), drawn(4));
    let mut numbers = |count: u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values((0..rows).map(|_| random.below(count) as i64)))
    };
    let (input, output, amount, duration) =
        (numbers(4_000), numbers(1_000), numbers(40_000_000), numbers(20_000_000));
    let columns = SCHEMA
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "occurred_at" => time(0),
            "received_at" => time(137_000),
            "id" => {
                let ids = places.iter().zip(0_u64..).map(|((_, model, account, millis), row)| {
                    format!(
                        "{:016x}",
                        (row << 40) ^ u64::from(model * account) << 32 ^ u64::from(*millis)
                    )
                });
                Arc::new(StringArray::from_iter_values(ids)) as ArrayRef
            }
            "source" => names("source", source.clone()),
            "account" => names("account", places.iter().map(|place| u64::from(place.2)).collect()),
            "subject" => names("subject", subject.clone()),
            "provider" => {
                names("provider", places.iter().map(|place| u64::from(place.1 / 8)).collect())
            }
            "model" => names("model", places.iter().map(|place| u64::from(place.1)).collect()),
            "operation" => names("operation", operation.clone()),
            "service" => names("service", service.clone()),
            "status" => {
                let keys = status.iter().map(|status| i32::from(*status == 39));
                let values = Arc::new(StringArray::from(vec!["ok", "error"]));
                let keys = Int32Array::from_iter_values(keys);
                Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).unwrap())
            }
            "team" => names("team", places.iter().map(|place| u64::from(place.2 % 20)).collect()),
            "project" => names("project", project.clone()),
            "platform" => names("platform", platform.clone()),
            "environment" => names("environment", environment.clone()),
            "kind" => word("usage"),
            "basis" => word("rated"),
            "prices" => word("a,b"),
            "duration_us" => duration.clone(),
            "requests" => Arc::new(Int64Array::from(vec![1; rows])),
            "input_tokens" => input.clone(),
            "output_tokens" => output.clone(),
            "amount_nanos" => amount.clone(),
            "unpriced" => Arc::new(Int8Array::from(vec![0; rows])),
            "tags" => {
                let count = 200;
                let texts = (0..count).map(|key| format!("{{\"feature\":\"f{key}\"}}"));
                let values = Arc::new(StringArray::from_iter_values(texts));
                let keys = Int32Array::from_iter_values(tags.iter().map(|key| *key as i32));
                Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).unwrap())
            }
            _ => new_null_array(field.data_type(), rows),
        })
        .collect();
    RecordBatch::try_new(SCHEMA.clone(), columns).unwrap()
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, count: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % count
    }

    /// Small numbers come more often.
    fn skewed(&mut self, count: u64) -> u64 {
        let most = self.below(count) + 1;
        self.below(most)
    }
}
