//! `outlay export schedule`: files that are made by themselves.

use std::path::PathBuf;

use axum::http::Method;
use clap::{Args, Subcommand, ValueEnum};
use outlay_engine::figure_text::{bytes_text, count_text};
use serde_json::{Map, Value, json};

use super::client::{CliError, Client};
use super::output::{self, Output};
use super::text::{path_part, shown, when};

/// Flags of `outlay export schedule`.
#[derive(Debug, Args)]
pub struct ScheduleArgs {
    #[command(subcommand)]
    command: ScheduleCommand,
}

#[derive(Debug, Subcommand)]
enum ScheduleCommand {
    /// Have a file made whenever a day, a week or a month has ended
    #[command(after_help = "Examples:
  outlay export schedule create finance --export focus --every month --on 3 --tz Europe/Berlin
  outlay export schedule create lake --export events --format parquet --every day --hour 2 --keep 90
  outlay export schedule create board --export report --every month")]
    Create(CreateArgs),
    /// List schedules, with their next and last files
    #[command(visible_alias = "ls")]
    List,
    /// Change some of what a schedule says
    #[command(after_help = "Examples:
  outlay export schedule change lake --keep 30
  outlay export schedule change lake --paused true
  outlay export schedule change lake --every week --on friday")]
    Change(ChangeArgs),
    /// Have the file of the last period that is over made now, or of another
    #[command(after_help = "Examples:
  outlay export schedule run lake
  outlay export schedule run lake --first-day 2026-11-01")]
    Run(RunArgs),
    /// List the files of a schedule, the newest first
    Files(NamedArgs),
    /// Write the newest file of a schedule, or another, to a file here
    #[command(after_help = "Examples:
  outlay export schedule fetch lake --out yesterday.parquet
  outlay export schedule fetch lake --first-day 2026-11-01 --out -")]
    Fetch(FetchArgs),
    /// Remove a schedule with its files, or one of its files
    #[command(after_help = "Examples:
  outlay export schedule remove lake --first-day 2026-11-01
  outlay export schedule remove lake")]
    Remove(RunArgs),
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// What people call it
    name: String,
    #[command(flatten)]
    says: Says,
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// The schedule's name or id
    schedule: String,
    /// What people call it from now on
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    says: Says,
}

/// What a schedule says, as far as it is given.
#[derive(Debug, Args)]
struct Says {
    /// What is written
    #[arg(long, value_name = "WHAT")]
    export: Option<Written>,
    /// csv, ndjson (events only) or parquet [default: csv]
    #[arg(long)]
    format: Option<String>,
    /// The version of FOCUS: 1.2 or 1.4 [default: 1.4]
    #[arg(long = "focus", value_name = "VERSION")]
    focus: Option<String>,
    /// The rows of FOCUS by the hour or the day [default: day]
    #[arg(long, value_name = "hour|day")]
    granularity: Option<String>,
    /// Only what passes, e.g. `provider=openai`, `model^=gpt-4`; may be repeated
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// How often, and of how long a time each file is
    #[arg(long, value_name = "day|week|month")]
    every: Option<Every>,
    /// On which day: one of the week, e.g. friday, or of the month, from 1 to 28 [default: the first]
    #[arg(long, value_name = "DAY")]
    on: Option<String>,
    /// At which hour of the day [default: 6]
    #[arg(long)]
    hour: Option<u32>,
    /// Whose days and hours [default: UTC]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// How many files are kept [default: 30]
    #[arg(long, value_name = "FILES")]
    keep: Option<u32>,
    /// Whether no files are made for now [default: false]
    #[arg(long, value_name = "true|false")]
    paused: Option<bool>,
}

#[derive(Debug, Args)]
struct NamedArgs {
    /// The schedule's name or id
    schedule: String,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The schedule's name or id
    schedule: String,
    /// The first day of the file's period
    #[arg(long, value_name = "DAY")]
    first_day: Option<String>,
}

#[derive(Debug, Args)]
struct FetchArgs {
    /// The schedule's name or id
    schedule: String,
    /// The first day of the file's period; the newest file where it is not said
    #[arg(long, value_name = "DAY")]
    first_day: Option<String>,
    /// A file that is not there, or - for standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// What can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Written {
    /// Every event, as it is kept
    Events,
    /// Charges by the FinOps Open Cost and Usage Specification
    Focus,
    /// What a month came to, as a page to print
    Report,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Every {
    /// Every day
    Day,
    /// Every week, from Monday to Sunday
    Week,
    /// Every month
    Month,
}

const SCHEDULES: &str = "/api/v1/export-schedules";

/// What is to be written to a file here: where it is, and where it goes.
pub type Fetched = (String, PathBuf);

/// Runs `outlay export schedule …`; answers what is still to be downloaded.
pub async fn act(
    client: &Client,
    output: Output,
    args: ScheduleArgs,
) -> Result<Option<Fetched>, CliError> {
    match args.command {
        ScheduleCommand::Create(args) => create(client, output, args).await?,
        ScheduleCommand::List => {
            let all: Value = client.get(SCHEDULES).await?;
            output.show(&all["items"], table)?;
        }
        ScheduleCommand::Change(args) => change(client, output, args).await?,
        ScheduleCommand::Run(args) => {
            let path = format!("{}/runs", path_of(&find(client, &args.schedule).await?));
            let body = args.first_day.map_or(json!({}), |day| json!({ "first_day": day }));
            let run: Value = client.post(&path, &body).await?;
            output.show(&run, |run| {
                let day = shown(&run["period"], "first_day");
                format!("The server makes the file of {day}; `files` shows when it is there.")
            })?;
        }
        ScheduleCommand::Files(args) => {
            let runs = runs(client, &find(client, &args.schedule).await?).await?;
            output.show(&runs, |runs| files(runs))?;
        }
        ScheduleCommand::Fetch(args) => {
            let schedule = find(client, &args.schedule).await?;
            let run = run_of(client, &schedule, args.first_day.as_deref()).await?;
            let path = format!("{}/runs/{}/file", path_of(&schedule), shown(&run, "id"));
            return Ok(Some((path, args.out)));
        }
        ScheduleCommand::Remove(args) => remove(client, output, args).await?,
    }
    Ok(None)
}

async fn create(client: &Client, output: Output, args: CreateArgs) -> Result<(), CliError> {
    let says = &args.says;
    if says.export.is_none() || says.every.is_none() {
        let needed = "say what is written with --export, and how often with --every";
        return Err(CliError::Failed(needed.to_owned()));
    }
    let mut draft = Map::from_iter([("name".to_owned(), json!(args.name))]);
    says.write(&mut draft)?;
    let made: Value = client.post(SCHEDULES, &draft).await?;
    output.show(&made, |made| {
        let due = when(&made["next"], "due_at");
        format!("Made the schedule `{}`. Its first file is due {due}.", shown(made, "name"))
    })
}

async fn change(client: &Client, output: Output, args: ChangeArgs) -> Result<(), CliError> {
    const SAID: [&str; 8] =
        ["name", "export", "filters", "cadence", "hour", "tz", "keep", "enabled"];
    let schedule = find(client, &args.schedule).await?;
    let mut draft: Map<String, Value> =
        SAID.map(|field| (field.to_owned(), schedule[field].clone())).into_iter().collect();
    if let Some(name) = args.name {
        draft.insert("name".into(), json!(name));
    }
    args.says.write(&mut draft)?;
    let body = serde_json::to_vec(&draft).map_err(|error| CliError::Failed(error.to_string()))?;
    let path = path_of(&schedule);
    let (status, answer) =
        client.send(Method::PUT, &path, Some("application/json"), body.into()).await?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
    if !status.is_success() {
        return Err(CliError::Refused { status, body: answer });
    }
    output.show(&answer, |made| match made["next"].is_null() {
        true => format!("Changed `{}`. It is paused.", shown(made, "name")),
        false => {
            let due = when(&made["next"], "due_at");
            format!("Changed `{}`. Its next file is due {due}.", shown(made, "name"))
        }
    })
}

async fn remove(client: &Client, output: Output, args: RunArgs) -> Result<(), CliError> {
    let schedule = find(client, &args.schedule).await?;
    let name = shown(&schedule, "name");
    let (path, told) = match args.first_day {
        Some(day) => {
            let run = run_of(client, &schedule, Some(&day)).await?;
            let path = format!("{}/runs/{}", path_of(&schedule), shown(&run, "id"));
            (path, format!("Removed the file of {day} by `{name}`."))
        }
        None => (path_of(&schedule), format!("Removed `{name}` and its files.")),
    };
    let _: Value = client.delete(&path).await?;
    output.show(&json!({ "removed": path }), |_| told)
}

/// The schedule of that name or id.
async fn find(client: &Client, asked: &str) -> Result<Value, CliError> {
    let all: Value = client.get(SCHEDULES).await?;
    let is_asked = |one: &&Value| one["id"] == asked || one["name"] == asked;
    let found = all["items"].as_array().and_then(|items| items.iter().find(is_asked));
    found.cloned().ok_or_else(|| {
        CliError::Failed(format!(
            "there is no export schedule `{asked}`; `outlay export schedule list` shows all"
        ))
    })
}

fn path_of(schedule: &Value) -> String {
    format!("{SCHEDULES}/{}", path_part(&shown(schedule, "id")))
}

async fn runs(client: &Client, schedule: &Value) -> Result<Vec<Value>, CliError> {
    let list: Value = client.get(&format!("{}/runs?limit=400", path_of(schedule))).await?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// The run whose period begins with that day, or the newest of which there is a file.
async fn run_of(client: &Client, schedule: &Value, day: Option<&str>) -> Result<Value, CliError> {
    let is_asked = |run: &Value| match day {
        Some(day) => run["period"]["first_day"] == day,
        None => !run["file"].is_null(),
    };
    let found = runs(client, schedule).await?.into_iter().find(is_asked);
    found.ok_or_else(|| {
        let name = shown(schedule, "name");
        CliError::Failed(match day {
            Some(day) => {
                format!("`{name}` has no file of {day}; `files {name}` lists those it has")
            }
            None => format!("`{name}` has no file yet; `run {name}` has one made"),
        })
    })
}

impl Says {
    /// Writes what is said over `draft`.
    fn write(&self, draft: &mut Map<String, Value>) -> Result<(), CliError> {
        if self.has_export() {
            draft.insert("export".into(), self.export(draft.get("export")));
        }
        if let Some(cadence) = self.cadence(draft.get("cadence"))? {
            draft.insert("cadence".into(), cadence);
        }
        if !self.filter.is_empty() {
            draft.insert("filters".into(), self.filters()?);
        }
        let others = [
            ("hour", self.hour.map(|hour| json!(hour))),
            ("tz", self.tz.as_ref().map(|tz| json!(tz))),
            ("keep", self.keep.map(|keep| json!(keep))),
            ("enabled", self.paused.map(|paused| json!(!paused))),
        ];
        for (name, value) in others {
            if let Some(value) = value {
                draft.insert(name.into(), value);
            }
        }
        Ok(())
    }

    fn has_export(&self) -> bool {
        self.export.is_some()
            || self.format.is_some()
            || self.focus.is_some()
            || self.granularity.is_some()
    }

    fn export(&self, known: Option<&Value>) -> Value {
        let said = |given: &Option<String>, field: &str, usual: Option<&str>| {
            let known = known.and_then(|known| known[field].as_str());
            given.as_deref().or(known).or(usual).map(|value| json!(value))
        };
        let kind = self.export.map(|written| match written {
            Written::Events => "events",
            Written::Focus => "focus",
            Written::Report => "report",
        });
        let kind = kind.or_else(|| known?["kind"].as_str()).unwrap_or_default();
        let fields = [
            ("format", said(&self.format, "format", Some("csv")), kind != "report"),
            ("version", said(&self.focus, "version", None), kind == "focus"),
            ("granularity", said(&self.granularity, "granularity", None), kind == "focus"),
        ];
        let mut export = Map::from_iter([("kind".to_owned(), json!(kind))]);
        for (name, value, fits) in fields {
            if let (Some(value), true) = (value, fits) {
                export.insert(name.into(), value);
            }
        }
        Value::Object(export)
    }

    fn cadence(&self, known: Option<&Value>) -> Result<Option<Value>, CliError> {
        let every = match (self.every, known.and_then(|known| known["every"].as_str())) {
            (None, _) if self.on.is_none() => return Ok(None),
            (Some(Every::Day), _) | (None, Some("day")) => {
                return Ok(Some(json!({"every": "day"})));
            }
            (Some(Every::Week), _) | (None, Some("week")) => "week",
            _ => "month",
        };
        let on = match (&self.on, every) {
            (Some(day), "week") => json!(day.to_lowercase()),
            (None, "week") => json!("monday"),
            (Some(day), _) => json!(day.parse::<u32>().map_err(|_| {
                CliError::Failed(format!("`{day}` is no day of the month; give one from 1 to 28"))
            })?),
            (None, _) => json!(1),
        };
        Ok(Some(json!({ "every": every, "on": on })))
    }

    fn filters(&self) -> Result<Value, CliError> {
        let mut filters: Map<String, Value> = Map::new();
        for filter in &self.filter {
            let (name, values) = filter.split_once('=').ok_or_else(|| {
                CliError::Failed(format!("`{filter}` is no filter; write NAME=VALUE"))
            })?;
            let known = filters.entry(name).or_insert_with(|| json!([]));
            if let Some(known) = known.as_array_mut() {
                known.extend(values.split(',').map(|value| json!(value)));
            }
        }
        Ok(Value::Object(filters))
    }
}

fn table(schedules: &Value) -> String {
    let schedules = schedules.as_array().map(Vec::as_slice).unwrap_or_default();
    if schedules.is_empty() {
        return "No file is made by itself yet. Make a schedule: \
                outlay export schedule create NAME --export events --every day"
            .to_owned();
    }
    let rows = schedules.iter().map(|one| {
        vec![
            shown(one, "name"),
            shown(&one["export"], "kind"),
            shown(&one["cadence"], "every"),
            if one["enabled"] == false { "paused".into() } else { when(&one["next"], "due_at") },
            shown(&one["last"]["period"], "first_day"),
            state(&one["last"]),
            shown(one, "files"),
            bytes_text(one["size_bytes"].as_u64().unwrap_or_default()),
        ]
    });
    let heads = ["NAME", "WHAT", "EVERY", "NEXT", "LAST OF", "STATE", "FILES", "SIZE"];
    output::table(&heads, rows.collect(), &[6, 7])
}

fn files(runs: &[Value]) -> String {
    if runs.is_empty() {
        return "No file was made yet. Have one made: outlay export schedule run NAME".to_owned();
    }
    let rows = runs.iter().map(|run| {
        let file = &run["file"];
        let rows = file["rows"].as_u64();
        vec![
            shown(&run["period"], "first_day"),
            state(run),
            shown(file, "name"),
            rows.map_or_else(String::new, |rows| count_text(rows.into())),
            file["size_bytes"].as_u64().map_or_else(String::new, bytes_text),
            when(file, "made_at"),
            shown(run, "reason"),
        ]
    });
    let heads = ["OF", "STATE", "FILE", "ROWS", "SIZE", "MADE", "WHY"];
    output::table(&heads, rows.collect(), &[3, 4])
}

fn state(run: &Value) -> String {
    if run["running"] == true { "running".into() } else { shown(run, "state") }
}
