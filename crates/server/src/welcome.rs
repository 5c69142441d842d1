//! What the server says when it is up.

use crate::cli::client::CliError;
use crate::startup::Server;

/// Prints the address.
pub async fn greet(_server: &Server, public_url: &str, _demo: bool) -> Result<(), CliError> {
    println!("Outlay is at {public_url}");
    Ok(())
}
