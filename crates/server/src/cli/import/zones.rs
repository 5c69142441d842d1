//! The zone of times that name none.

use outlay_engine::import::Zone;

use crate::cli::client::CliError;

/// The zone of that name.
pub fn zone(name: &str) -> Result<Zone, String> {
    Zone::named(name).map_err(|error| error.to_string())
}

/// The zone that was asked for, or this machine's, which is then said.
pub fn zone_or_here(asked: Option<Zone>) -> Result<(Zone, Option<String>), CliError> {
    if let Some(zone) = asked {
        return Ok((zone, None));
    }
    let here = iana_time_zone::get_timezone().ok().and_then(|name| Zone::named(&name).ok());
    let zone = here.ok_or_else(|| {
        CliError::Failed("this machine does not say its time zone; give --timezone".to_owned())
    })?;
    let note = format!(
        "times without a zone are read as {}, this machine's; --timezone names another",
        zone.name()
    );
    Ok((zone, Some(note)))
}
