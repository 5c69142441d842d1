//! What happens when the server is up: the demo, the address, the way in.

use std::io::Write;

use owo_colors::OwoColorize;

use super::client::CliError;
use super::demo;
use crate::startup::Server;

/// Fills the demo if asked to, and says where the server is and how to sign in.
pub async fn greet(server: &Server, public_url: &str, with_demo: bool) -> Result<(), CliError> {
    if with_demo {
        demo::begin(server.state()).await?;
    }
    let link = server.first_sign_in_link(public_url).await;
    let link = link.map_err(|error| CliError::Failed(error.to_string()))?;
    let members_link =
        if with_demo { Some(demo::members_link(server.state(), public_url).await?) } else { None };
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{} {}", "Outlay is at".bold(), public_url.cyan())?;
    if let Some(link) = link {
        writeln!(stdout, "{} {}", "Sign in once:".bold(), link.cyan())?;
    }
    if let Some(link) = members_link {
        let whose = format!("Or in a private window as {}:", outlay_engine::demo::MEMBER.name);
        writeln!(stdout, "{} {}", whose.bold(), link.cyan())?;
    }
    stdout.flush()?;
    Ok(())
}
