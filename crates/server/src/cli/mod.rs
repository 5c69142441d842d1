//! The command line: `outlay serve`, and commands that call the API.

mod account;
pub mod analyze;
pub mod backup;
pub mod check;
pub mod client;
mod clock;
pub mod config;
mod demo;
mod dialects;
mod export;
pub mod globals;
pub mod import;
pub mod key;
pub mod openapi;
pub mod output;
pub mod pages;
mod plan;
pub mod prices;
pub mod ready;
pub mod restore;
mod schedule;
pub mod serve;
mod subscription;
pub mod text;
pub mod token;
pub mod user;
mod welcome;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use outlay_engine::{Clock, SystemClock};
use outlay_store::history::sql::{job, worker};

use crate::startup;

use client::CliError;
pub use globals::{Color, Globals};
pub use output::Output;

/// Shows, limits and bills what a team's AI and API usage costs.
#[derive(Debug, Parser)]
#[command(name = "outlay", version, about, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server
    Serve(serve::ServeArgs),
    #[command(flatten)]
    Dialect(dialects::DialectCommand),
    /// Import usage from files and from other programs' databases
    Import(import::ImportArgs),
    /// Forecast any series, take it apart, and find what is unusual in it
    #[command(subcommand)]
    Analyze(analyze::AnalyzeCommand),
    /// Import, list, compare and set prices, and rate events again
    #[command(subcommand)]
    Prices(prices::PricesCommand),
    /// Show and check the settings
    Config(config::ConfigArgs),
    /// Ask whether the server is up and takes writes
    Ready,
    /// Back everything up, to a file or a folder
    Backup(backup::BackupArgs),
    /// Write every event, or charges as FOCUS has them, to a file, now or by a schedule
    Export(export::ExportArgs),
    /// Write what a month came to, as a page to print
    Report(export::ReportArgs),
    /// Make a data folder of a backup
    Restore(restore::RestoreArgs),
    /// Compare books, history and running totals, to the last billionth
    Check,
    /// Confirm the machine's clock where old data would be removed by it
    #[command(subcommand)]
    Clock(clock::ClockCommand),
    /// Print the API's description (OpenAPI 3.1)
    Openapi,
    /// Add, list, change and disable users
    User(user::UserArgs),
    /// Give accounts credit, and show what they have
    Account(account::AccountArgs),
    /// Import, list, show and close plans
    Plan(plan::PlanArgs),
    /// Begin, show, change and end the subscriptions of accounts
    Subscription(subscription::SubscriptionArgs),
    /// Make, list and revoke API keys
    Key(key::KeyArgs),
    /// Sign a token for a user, who is made where there is none
    Token(token::TokenArgs),
}

/// Runs the command line of this process, by the machine's clock.
pub fn run() -> ExitCode {
    // No command of people's: the server starts it for a query, with nothing but a pipe.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == job::COMMAND) {
        return worker::work();
    }
    run_at(std::env::args_os(), Arc::new(SystemClock))
}

/// Runs a command line, the program's name first, by `clock`: tests on recorded days stay true by
/// one that shows those days.
pub fn run_at(arguments: impl IntoIterator<Item = OsString>, clock: Arc<dyn Clock>) -> ExitCode {
    let cli = Cli::parse_from(arguments);
    startup::go_by(clock);
    // What is made in a data folder is for its owner alone, wherever the folder stands.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match cli.globals.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(&CliError::Failed(format!("the program cannot start: {error}")));
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(dispatch(cli));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

async fn dispatch(cli: Cli) -> Result<ExitCode, CliError> {
    let globals = cli.globals;
    match cli.command {
        Command::Serve(args) => serve::run(&globals, args).await,
        Command::Dialect(command) => command.run(&globals).await,
        Command::Import(args) => import::run(&globals, args).await,
        Command::Analyze(command) => analyze::run(&globals, command).await,
        Command::Prices(command) => prices::run(&globals, command).await,
        Command::Config(args) => config::run(&globals, args),
        Command::Ready => ready::run(&globals).await,
        Command::Backup(args) => backup::run(&globals, args).await,
        Command::Export(args) => export::run(&globals, args).await,
        Command::Report(args) => export::report(&globals, args).await,
        Command::Restore(args) => restore::run(&globals, args).await,
        Command::Check => check::run(&globals).await,
        Command::Clock(command) => clock::run(&globals, command).await,
        Command::Openapi => openapi::run(),
        Command::User(args) => user::run(&globals, args).await,
        Command::Account(args) => account::run(&globals, args).await,
        Command::Plan(args) => plan::run(&globals, args).await,
        Command::Subscription(args) => subscription::run(&globals, args).await,
        Command::Key(args) => key::run(&globals, args).await,
        Command::Token(args) => token::run(&globals, args).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_can_be_read() {
        Cli::command().debug_assert();
    }
}
