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
  outlay prices set --provider openai --model gpt-next --meter input_tokens --price 2.5 --meter output_tokens --price 10
  outlay prices set --provider acme --model 'vision-*' --meter images --price 0.04 --from 2026-11-01")]
    Set(SetArgs),
    /// End a price's validity
    Close(CloseArgs),
    /// Rate events again by the prices of their own times
    #[command(after_help = "Examples:
  outlay prices rerate                 # what would change for events that lack a price
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
    #[arg(long)]
    provider: String,
    /// For which models: a name, or names with stars joined by `|`
    #[arg(long)]
    model: String,
    /// What has the price, e.g. input_tokens; can be given several times, each with a price
    #[arg(long, required = true)]
    meter: Vec<String>,
    /// The price in USD, in the order of the meters
    #[arg(long, required = true)]
    price: Vec<String>,
    /// For how many units a price is, e.g. 1M, 1K or 1 [default: 1M for tokens and characters, else 1]
    #[arg(long, alias = "unit", value_name = "UNITS", value_parser = units)]
    per: Option<i64>,
    /// From when on, a time or a day of UTC [default: now]
    #[arg(long, alias = "valid-from", value_name = "TIME", value_parser = moment)]
    from: Option<String>,
    /// Until when
    #[arg(long, alias = "valid-to", value_name = "TIME", value_parser = moment)]
    to: Option<String>,
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
    /// Events from then on, a time or a day of UTC
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<String>,
    /// Events before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<String>,
    /// Only of this provider
    #[arg(long)]
    provider: Option<String>,
    /// Only of this model
    #[arg(long)]
    model: Option<String>,
    /// Only of this service
    #[arg(long)]
    service: Option<String>,
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
    if args.meter.len() != args.price.len() {
        return Err(CliError::Failed(format!(
            "{} meters and {} prices are given; give `--price` once for each `--meter`",
            args.meter.len(),
            args.price.len()
        )));
    }
    let mut conditions = serde_json::Map::new();
    conditions.extend(args.tier.clone().map(|tier| ("tier".to_owned(), tier.into())));
    conditions.extend(args.region.clone().map(|region| ("region".to_owned(), region.into())));
    if args.batch {
        conditions.insert("batch".into(), true.into());
    }
    let mut answers = Vec::new();
    for (meter, price) in args.meter.iter().zip(&args.price) {
        let body = json!({
            "provider": args.provider,
            "model": args.model,
            "meter": meter,
            "price": price,
            "unit": args.per.unwrap_or_else(|| said_per(meter)),
            "conditions": conditions,
            "valid_from": args.from,
            "valid_to": args.to,
        });
        let answer: Value = client.post("/api/v1/prices", &body).await?;
        answers.push(answer);
    }
    let answer = match answers.len() {
        1 => answers.remove(0),
        _ => json!({ "items": answers }),
    };
    globals.output().show(&answer, |answer| {
        let all = answer["items"].as_array().map_or(std::slice::from_ref(answer), Vec::as_slice);
        let mut lines: Vec<String> = all.iter().map(changes_text).collect();
        lines.push(rerate_advice(globals, &args));
        lines.join("\n")
    })
}

/// For how many units people say the price of a meter.
fn said_per(meter: &str) -> i64 {
    if meter.ends_with("_tokens") || meter == "characters" { 1_000_000 } else { 1 }
}

/// What must be done so that usage of before is charged by the price, word for word.
fn rerate_advice(globals: &Globals, args: &SetArgs) -> String {
    if args.from.is_none() {
        return "It holds from now on; `--from` makes it hold for usage of before, too.".to_owned();
    }
    let mut rerate = RerateArgs {
        from: args.from.clone(),
        to: args.to.clone(),
        provider: Some(args.provider.clone()),
        // Events name one model, and a pattern is none.
        model: Some(args.model.clone()).filter(|model| !model.contains(['*', '|', '{'])),
        service: None,
        all: false,
        apply: false,
    };
    let look = rerate_command(globals, &rerate);
    rerate.apply = true;
    let apply = rerate_command(globals, &rerate);
    format!(
        "Usage that was kept before is not charged yet. What it would come to:\n  {look}\nTo charge it:\n  {apply}"
    )
}

/// The command for a re-rating, to be pasted into a shell.
fn rerate_command(globals: &Globals, args: &RerateArgs) -> String {
    let mut words = vec!["outlay prices rerate".to_owned()];
    let mut flag = |name: &str, value: Option<&str>| {
        words.extend(value.map(|value| format!("--{name} {}", shell_word(value))));
    };
    match &globals.url {
        Some(url) => flag("url", Some(url)),
        None => flag("data", globals.data.to_str().filter(|data| *data != "outlay-data")),
    }
    flag("provider", args.provider.as_deref());
    flag("model", args.model.as_deref());
    flag("service", args.service.as_deref());
    flag("from", args.from.as_deref());
    flag("to", args.to.as_deref());
    words.extend(args.all.then(|| "--all".to_owned()));
    words.extend(args.apply.then(|| "--apply".to_owned()));
    words.join(" ")
}

/// A word as a shell takes it, whoever named it.
fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"./:@_-".contains(&byte);
    match !text.is_empty() && text.bytes().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// `1M` and the like as a number.
fn units(text: &str) -> Result<i64, String> {
    let (digits, factor) = match text.char_indices().next_back() {
        Some((at, 'M' | 'm')) => (&text[..at], 1_000_000),
        Some((at, 'K' | 'k')) => (&text[..at], 1_000),
        _ => (text, 1),
    };
    let units = digits.parse::<i64>().ok().and_then(|units| units.checked_mul(factor));
    units
        .filter(|units| *units > 0)
        .ok_or_else(|| format!("`{text}` is not a number of units, such as 1M, 1K or 3600"))
}

/// A time of RFC 3339, or a day, which begins at midnight of UTC.
fn moment(text: &str) -> Result<String, String> {
    if text.parse::<chrono::NaiveDate>().is_ok() {
        return Ok(format!("{text}T00:00:00Z"));
    }
    match chrono::DateTime::parse_from_rfc3339(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("`{text}` is not a time such as 2026-11-01 or 2026-11-01T08:00:00Z")),
    }
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
        "service": args.service,
        "all": args.all,
        "dry_run": !args.apply,
    });
    let answer: Value = client.post("/api/v1/prices/rerate", &body).await?;
    globals.output().show(&answer, |answer| {
        let is_applied = answer["applied"] == true;
        let verb = if is_applied { "changed" } else { "would change" };
        let mut text = format!(
            "{} events looked at, {} of {} accounts {verb}, {} of them get a whole price for the first time, \
             {} lack one still; difference {} USD",
            answer["events"],
            answer["changed"],
            answer["accounts"],
            answer["priced"],
            answer["unpriced"],
            answer["difference"].as_str().unwrap_or_default(),
        );
        if !is_applied {
            let apply = RerateArgs { apply: true, ..args };
            text.push_str("\nThis was a dry run: nothing was charged. To charge it:\n  ");
            text.push_str(&rerate_command(globals, &apply));
        }
        text
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_people_say_them() {
        assert_eq!(units("1M"), Ok(1_000_000));
        assert_eq!(units("10k"), Ok(10_000));
        assert_eq!(units("3600"), Ok(3_600));
        assert!(units("0").is_err() && units("M").is_err() && units("9999999999999999M").is_err());
        assert_eq!((said_per("input_tokens"), said_per("images")), (1_000_000, 1));
    }

    #[test]
    fn a_day_is_a_moment() {
        assert_eq!(moment("2026-11-01").as_deref(), Ok("2026-11-01T00:00:00Z"));
        assert_eq!(moment("2026-11-01T08:00:00+01:00").as_deref(), Ok("2026-11-01T08:00:00+01:00"));
        assert!(moment("yesterday").is_err());
    }

    #[test]
    fn names_are_words_to_a_shell_and_nothing_else() {
        assert_eq!(shell_word("gpt-4o"), "gpt-4o");
        assert_eq!(shell_word("x; reboot"), "'x; reboot'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
