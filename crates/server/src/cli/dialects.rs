//! The commands of dialects, beside the server's own.

use std::process::ExitCode;

use clap::Subcommand;

use super::Globals;
use super::client::CliError;
use crate::dialects::registered::each_dialect;

macro_rules! commands {
    ($($about:literal $name:ident: $variant:ident,)*) => {
        /// What serves the clients of an older system.
        #[derive(Debug, Subcommand)]
        pub enum DialectCommand {
            $(#[command(flatten)] $variant(crate::dialects::$name::command::Command),)*
        }

        impl DialectCommand {
            /// Runs it.
            pub async fn run(self, globals: &Globals) -> Result<ExitCode, CliError> {
                match self {
                    $(Self::$variant(command) => command.run(globals).await,)*
                }
            }
        }

        /// What imports from an older system.
        #[derive(Debug, Subcommand)]
        pub enum DialectImport {
            $(#[command(flatten)] $variant(crate::dialects::$name::command::Import),)*
        }

        impl DialectImport {
            /// Runs it.
            pub async fn run(self, globals: &Globals) -> Result<ExitCode, CliError> {
                match self {
                    $(Self::$variant(import) => import.run(globals).await,)*
                }
            }
        }
    };
}

each_dialect!(commands);
