//! `outlay prices`: the price book from the command line.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{CliError, Client};
use super::{Globals, output};

/// Rows of a page.
const PAGE: usize = 500;

/// What to do with prices.
#[derive(Debug, Subcommand)]
pub enum PricesCommand {
    /// Import prices from a file, or a shipped set
    #[command(after_help = "Examples:
  outlay prices import litellm model_prices_and_context_window.json
  outlay prices import genai-prices data.json --valid-from 2026-11-01T00:00:00Z
  outlay prices import set:alwrity")]
    Import(ImportArgs),
    /// Show what an import would change
    Diff(ImportArgs),
    /// List the price book
    List(ListArgs),
    /// Set a price by hand
    #[command(after_help = "Examples:
  outlay prices set openai gpt-next-preview input_tokens 2.5 --unit 1000000
  outlay prices set acme 'vision-*' images 0.04 --valid-from 2026-11-01T00:00:00Z")]
    Set(SetArgs),
    /// End a price's validity
    Close(CloseArgs),
    /// Rate events again by the prices of their own times
    #[command(after_help = "Examples:
  outlay prices rerate                 # what would change for unpriced events
  outlay prices rerate --apply")]
    Rerate(RerateArgs),
}

/// Where prices come from.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// `litellm`, `genai-prices` or `set:NAME`
    source: String,
    /// The file, `-` for standard input; none for a set
    file: Option<PathBuf>,
    /// From when on prices without a date of their own hold [default: now]
    #[arg(long, value_name = "TIME")]
    valid_from: Option<String>,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

/// Which prices.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only of this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only for models with that in their name
    #[arg(long)]
    model: Option<String>,
    /// Only from this source
    #[arg(long)]
    source: Option<String>,
    /// Those valid then [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Closed and future prices too
    #[arg(long)]
    all: bool,
    /// How many at most
    #[arg(long, default_value_t = 200)]
    limit: usize,
}

/// A price.
#[derive(Debug, Args)]
pub struct SetArgs {
    /// Who is paid
    provider: String,
    /// For which models: a name, or names with stars joined by `|`
    model: String,
    /// What has the price, e.g. input_tokens
    meter: String,
    /// The price in USD
    price: String,
    /// For how many units the price is
    #[arg(long, default_value_t = 1)]
    unit: i64,
    /// From when on [default: now]
    #[arg(long, value_name = "TIME")]
    valid_from: Option<String>,
    /// Until when
    #[arg(long, value_name = "TIME")]
    valid_to: Option<String>,
    /// Only in this service tier
    #[arg(long)]
    tier: Option<String>,
    /// Only in this region
    #[arg(long)]
    region: Option<String>,
    /// Only in batch jobs
    #[arg(long)]
    batch: bool,
}

/// Which price ends.
#[derive(Debug, Args)]
pub struct CloseArgs {
    /// The price's id
    id: String,
    /// When [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// Which events are rated again.
#[derive(Debug, Args)]
pub struct RerateArgs {
    /// Events from then on
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Events before then
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Only of this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only of this model
    #[arg(long)]
    model: Option<String>,
    /// Events that have a price too
    #[arg(long)]
    all: bool,
    /// Charge the differences, instead of only showing them
    #[arg(long)]
    apply: bool,
}

/// Runs the command.
pub async fn run(globals: &Globals, command: PricesCommand) -> Result<ExitCode, CliError> {
    let client = globals.client().await?;
    let done = match command {
        PricesCommand::Import(args) => {
            let dry_run = args.dry_run;
            import(globals, &client, args, dry_run).await
        }
        PricesCommand::Diff(args) => import(globals, &client, args, true).await,
        PricesCommand::List(args) => list(globals, &client, args).await,
        PricesCommand::Set(args) => set(globals, &client, args).await,
        PricesCommand::Close(args) => close(globals, &client, args).await,
        PricesCommand::Rerate(args) => rerate(globals, &client, args).await,
    };
    client.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

async fn import(
    globals: &Globals,
    client: &Client,
    args: ImportArgs,
    dry_run: bool,
) -> Result<(), CliError> {
    let body = match (&args.file, args.source.starts_with("set:")) {
        (Some(file), _) => read(file)?,
        (None, true) => Vec::new(),
        (None, false) => {
            let needs = format!("`{}` needs a FILE; `-` reads standard input", args.source);
            return Err(CliError::Failed(needs));
        }
    };
    let query = query([
        ("source", Some(args.source)),
        ("valid_from", args.valid_from),
        ("dry_run", dry_run.then(|| "true".to_owned())),
    ]);
    let path = format!("/api/v1/prices/import?{query}");
    let (status, answer) =
        client.send(Method::POST, &path, Some("text/plain"), body.into()).await?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
    if !status.is_success() {
        return Err(CliError::Refused { status, body: answer });
    }
    globals.output().show(&answer, changes_text)
}

fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes)?;
    } else {
        bytes = std::fs::read(file).map_err(|error| {
            CliError::Failed(format!("`{}` cannot be read: {error}", file.display()))
        })?;
    }
    Ok(bytes)
}

/// What changed, row by row, and in sum.
fn changes_text(answer: &Value) -> String {
    let count = |key: &str| answer[key].as_u64().unwrap_or(0);
    let mut lines = Vec::new();
    for (sign, key) in [("-", "closed_rows"), ("+", "opened_rows")] {
        for row in answer[key].as_array().into_iter().flatten() {
            lines.push(format!("{sign} {}", price_text(row)));
        }
    }
    for left_out in answer["left_out"].as_array().into_iter().flatten() {
        lines.push(format!("left out: {}", left_out.as_str().unwrap_or_default()));
    }
    let verb = if answer["applied"] == true { "" } else { " would be" };
    lines.push(format!(
        "{}{verb} opened, {}{verb} closed, {} unchanged, {} no longer listed and left open",
        count("opened"),
        count("closed"),
        count("unchanged"),
        count("missing"),
    ));
    lines.join("\n")
}

fn price_text(row: &Value) -> String {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let unit = match row["unit"].as_i64() {
        None | Some(1) => String::new(),
        Some(unit) => format!(" per {unit}"),
    };
    format!(
        "{} {} {} {}{unit} {}",
        text("provider"),
        text("model"),
        text("meter"),
        text("price"),
        conditions_text(row)
    )
}

fn conditions_text(row: &Value) -> String {
    match row["conditions"].as_object() {
        Some(conditions) if !conditions.is_empty() => Value::Object(conditions.clone()).to_string(),
        _ => String::new(),
    }
}

async fn list(globals: &Globals, client: &Client, args: ListArgs) -> Result<(), CliError> {
    let mut items: Vec<Value> = Vec::new();
    let mut cursor = None;
    while items.len() < args.limit {
        let query = query([
            ("provider", args.provider.clone()),
            ("model", args.model.clone()),
            ("source", args.source.clone()),
            ("at", args.at.clone()),
            ("all", args.all.then(|| "true".to_owned())),
            ("limit", Some(PAGE.min(args.limit - items.len()).to_string())),
            ("cursor", cursor),
        ]);
        let mut page: Value = client.get(&format!("/api/v1/prices?{query}")).await?;
        if let Value::Array(rows) = page["items"].take() {
            items.extend(rows);
        }
        cursor = page["next_cursor"].as_str().map(ToOwned::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    let answer = json!({ "items": items, "next_cursor": cursor });
    globals.output().show(&answer, |answer| {
        let rows = answer["items"].as_array().into_iter().flatten().map(|row| {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            vec![
                text("id"),
                text("provider"),
                text("model"),
                text("meter"),
                text("price"),
                row["unit"].to_string(),
                conditions_text(row),
                text("source"),
            ]
        });
        let heads = ["id", "provider", "model", "meter", "USD", "per", "when", "source"];
        let mut table = output::table(&heads, rows.collect(), &[4, 5]);
        if answer["next_cursor"].is_string() {
            table.push_str("\nThere are more; see --limit, --provider and --model.");
        }
        table
    })
}

async fn set(globals: &Globals, client: &Client, args: SetArgs) -> Result<(), CliError> {
    let mut conditions = serde_json::Map::new();
    conditions.extend(args.tier.map(|tier| ("tier".to_owned(), tier.into())));
    conditions.extend(args.region.map(|region| ("region".to_owned(), region.into())));
    if args.batch {
        conditions.insert("batch".into(), true.into());
    }
    let body = json!({
        "provider": args.provider,
        "model": args.model,
        "meter": args.meter,
        "price": args.price,
        "unit": args.unit,
        "conditions": conditions,
        "valid_from": args.valid_from,
        "valid_to": args.valid_to,
    });
    let answer: Value = client.post("/api/v1/prices", &body).await?;
    globals.output().show(&answer, changes_text)
}

async fn close(globals: &Globals, client: &Client, args: CloseArgs) -> Result<(), CliError> {
    let body = json!({ "id": args.id, "at": args.at });
    let answer: Value = client.post("/api/v1/prices/close", &body).await?;
    globals.output().show(&answer, |row| {
        format!("{} ends at {}", price_text(row), row["valid_to"].as_str().unwrap_or_default())
    })
}

async fn rerate(globals: &Globals, client: &Client, args: RerateArgs) -> Result<(), CliError> {
    let body = json!({
        "from": args.from,
        "to": args.to,
        "provider": args.provider,
        "model": args.model,
        "all": args.all,
        "dry_run": !args.apply,
    });
    let answer: Value = client.post("/api/v1/prices/rerate", &body).await?;
    globals.output().show(&answer, |answer| {
        let verb = if answer["applied"] == true { "changed" } else { "would change" };
        format!(
            "{} events looked at, {} {verb}, {} of them get a first price, {} stay unpriced; difference {} USD",
            answer["events"],
            answer["changed"],
            answer["priced"],
            answer["unpriced"],
            answer["difference"].as_str().unwrap_or_default(),
        )
    })
}

/// A query string of the parameters that are there.
fn query<const N: usize>(parameters: [(&str, Option<String>); N]) -> String {
    let given: BTreeMap<&str, String> =
        parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let parts: Vec<String> =
        given.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    parts.join("&")
}

/// A value as it stands in a query string.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
