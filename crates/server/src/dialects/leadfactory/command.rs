//! The commands of this dialect: `outlay leadfactory`, which is `outlay serve` for those who come from
//! LeadFactory, and `outlay import leadfactory`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use outlay_engine::import::Zone;

use super::import::{self, Followed, ImportArgs};
use crate::cli::client::CliError;
use crate::cli::globals::Globals;
use crate::cli::serve;
use crate::config::{ConfigError, Draft};

/// LeadFactory's own port.
const PORT: u16 = 5002;
/// How often the databases are read, where nobody says.
const POLL: Duration = Duration::from_secs(1);

/// What stands beside `outlay serve`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve LeadFactory's clients too, and follow its databases
    Leadfactory(ServeArgs),
}

impl Command {
    /// Runs it.
    pub async fn run(self, globals: &Globals) -> Result<ExitCode, CliError> {
        let Self::Leadfactory(args) = self;
        run(globals, args).await
    }
}

/// What stands beside `outlay import csv`.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// Import LeadFactory's databases, and follow them
    Leadfactory(ImportArgs),
}

impl Import {
    /// Runs it.
    pub async fn run(self, globals: &Globals) -> Result<ExitCode, CliError> {
        let Self::Leadfactory(args) = self;
        import::import(globals, args).await
    }
}

/// Flags of `outlay leadfactory`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  outlay leadfactory ~/leadfactory --timezone Europe/Berlin
  outlay leadfactory --host 0.0.0.0 --port 5003 --breakdown-port 5001
  COST_TRACKING_DB_PATH=/data/cost_tracking.db outlay leadfactory

LeadFactory's variables count too: COST_TRACKING_DB_PATH, PURCHASE_METRICS_DB_PATH,
ENHANCED_DASHBOARD_HOST, ENHANCED_DASHBOARD_PORT, ENABLE_PROMETHEUS_METRICS,
COST_SYNC_INTERVAL, ANALYTICS_CACHE_DURATION, BUDGET_GATE_THRESHOLD, HIGH_COST_THRESHOLD and
VOLATILITY_WARNING_THRESHOLD. FLASK_SECRET_KEY is not needed: there is nothing to sign.

Callers of this machine are let in, and whoever has a key of Outlay's. Others need
OUTLAY_DIALECTS_LEADFACTORY_NETWORKS or OUTLAY_DIALECTS_LEADFACTORY_KEY.")]
pub struct ServeArgs {
    /// Databases, or folders in which to look for them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The address on which LeadFactory's clients are answered [default: 127.0.0.1]
    #[arg(long, env = "ENHANCED_DASHBOARD_HOST", value_name = "HOST")]
    host: Option<String>,
    /// The port of the dashboard [default: 5002]
    #[arg(long, env = "ENHANCED_DASHBOARD_PORT", value_name = "PORT")]
    port: Option<u16>,
    /// A second port for clients of the breakdown API, which was on 5001
    #[arg(long, value_name = "PORT")]
    breakdown_port: Option<u16>,
    /// Log what is asked and done
    #[arg(long)]
    debug: bool,
    /// Answer from what is here already, and follow no databases
    #[arg(long)]
    no_integration: bool,
    /// The zone that LeadFactory's clock shows [default: this machine's]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// The address and port of Outlay itself
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The settings [default: outlay.toml in the data folder]
    #[arg(long, value_name = "FILE", env = "OUTLAY_CONFIG")]
    config: Option<PathBuf>,
}

/// Serves until SIGINT or SIGTERM.
async fn run(globals: &Globals, args: ServeArgs) -> Result<ExitCode, CliError> {
    let failed = |error: ConfigError| CliError::Failed(error.to_string());
    let settings = draft(globals, &args).and_then(Draft::settle).map_err(failed)?;
    let mut config = settings.config;
    let own = &mut config.dialects.leadfactory;
    if own.port == 0 {
        own.port = PORT;
    }
    let tz = own.tz().map(|tz| tz.name()).unwrap_or("UTC");
    let zone = Zone::named(tz).map_err(|error| CliError::Failed(error.to_string()))?;
    let poll = poll(std::env::var("COST_SYNC_INTERVAL").ok().as_deref())?;
    let followed = (!args.no_integration).then_some(Followed { paths: args.paths, zone, poll });
    serve::serve(globals, config, false, followed.map(import::follower)).await
}

fn draft(globals: &Globals, args: &ServeArgs) -> Result<Draft, ConfigError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let host = args.host.as_deref().map(|host| match host {
        "localhost" => "127.0.0.1",
        host => host,
    });
    let metrics = variable("ENABLE_PROMETHEUS_METRICS").map(|word| match &*word.to_lowercase() {
        "1" | "true" | "yes" | "on" => "true".to_owned(),
        "0" | "false" | "no" | "off" => "false".to_owned(),
        _ => word,
    });
    let mut draft = Draft::read(args.config.as_deref(), &globals.data)?
        .environment(std::env::vars())?
        .flag("dialects.leadfactory.enabled", "outlay leadfactory", Some(true))?
        .flag("dialects.leadfactory.host", "--host", host)?
        .flag("dialects.leadfactory.port", "--port", args.port)?
        .flag("dialects.leadfactory.breakdown_port", "--breakdown-port", args.breakdown_port)?
        .flag("dialects.leadfactory.timezone", "--timezone", args.timezone.as_deref())?
        .flag("dialects.leadfactory.prometheus_metrics", "ENABLE_PROMETHEUS_METRICS", metrics)?
        .flag(
            "log.level",
            "--debug",
            args.debug.then_some("info,outlay_server=debug,outlay_engine=debug"),
        )?
        .flag("server.listen", "--listen", args.listen)?;
    for (key, name) in [
        ("budget_gate_threshold", "BUDGET_GATE_THRESHOLD"),
        ("high_cost_threshold", "HIGH_COST_THRESHOLD"),
        ("volatility_warning_threshold", "VOLATILITY_WARNING_THRESHOLD"),
        ("cache_seconds", "ANALYTICS_CACHE_DURATION"),
    ] {
        draft = draft.flag(&format!("dialects.leadfactory.{key}"), name, variable(name))?;
    }
    Ok(draft)
}

/// How often the databases are read.
fn poll(asked: Option<&str>) -> Result<Duration, CliError> {
    let Some(text) = asked.filter(|text| !text.is_empty()) else { return Ok(POLL) };
    let seconds = text.parse().ok().filter(|seconds| (0.1..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| {
        CliError::Failed(format!(
            "COST_SYNC_INTERVAL: `{text}` is not a number of seconds from 0.1 to 86400"
        ))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_in_seconds() {
        assert_eq!(poll(None).unwrap(), POLL);
        assert_eq!(poll(Some("60")).unwrap(), Duration::from_secs(60));
        assert!(poll(Some("0")).is_err() && poll(Some("soon")).is_err());
    }
}
