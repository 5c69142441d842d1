//! What every command understands.

use std::path::PathBuf;

use clap::Args;

use super::client::{CliError, Client};
use super::output::Output;

/// What every command understands.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// The data folder; its running server is called, or the folder opened where none runs.
    #[arg(
        long,
        global = true,
        env = "OUTLAY_DATA",
        default_value = "outlay-data",
        value_name = "DIR"
    )]
    pub data: PathBuf,
    /// A server elsewhere, instead of the data folder's.
    #[arg(long, global = true, env = "OUTLAY_URL", value_name = "URL")]
    pub url: Option<String>,
    /// An API key or token for `--url`.
    #[arg(long, global = true, env = "OUTLAY_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// Answer in JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// In any case.
    Always,
    /// Never.
    Never,
}

impl Globals {
    /// A way to the server that the flags name. A folder that is not Outlay's is refused: made by
    /// mistake, it would be in order, and its backup empty.
    pub async fn client(&self) -> Result<Client, CliError> {
        if self.url.is_none() && !outlay_engine::is_data_folder(&self.data) {
            return Err(CliError::Failed(format!(
                "`{}` is not a data folder of Outlay's: it has no books\n  \
                 name the right one with --data; `outlay serve` makes a new one",
                self.data.display()
            )));
        }
        self.client_of_any_folder().await
    }

    /// The same, for commands that fill a folder which they may make themselves.
    pub async fn client_of_any_folder(&self) -> Result<Client, CliError> {
        match &self.url {
            Some(url) => Client::remote(url, self.token.clone()),
            None => Client::local(&self.data).await,
        }
    }

    /// Where the command writes its answer.
    pub fn output(&self) -> Output {
        Output::new(self.json)
    }
}
