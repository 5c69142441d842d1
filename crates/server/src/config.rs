//! Settings: defaults, then `outlay.toml`, then the environment, then flags; the later one wins.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The file in the data folder that is read when none is named.
pub const CONFIG_FILE: &str = "outlay.toml";

/// All settings. Each can be given as `[section] key` in the file, or as
/// `OUTLAY_SECTION_KEY` in the environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where and how the server is reached.
    pub server: ServerConfig,
    /// How much is kept, and for how long.
    pub history: HistoryConfig,
    /// What comes in.
    pub ingest: IngestConfig,
    /// What is written to the log.
    pub log: LogConfig,
}

/// Where and how the server is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The address that people use, e.g. `https://outlay.example.com`; the listening one when empty.
    pub public_url: String,
    /// Origins of other sites whose scripts may call the API; none by default.
    pub cors_origins: Vec<String>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8440)),
            public_url: String::new(),
            cors_origins: Vec::new(),
        }
    }
}

/// How much is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryConfig {
    /// Days that events are kept, counted from when they occurred; 0 keeps them for ever.
    pub retention_days: u32,
    /// Days in which a repeat is known for one, at least; 35 or more.
    pub dedup_days: u32,
    /// Events in memory before they are written to a segment.
    pub tail_events: usize,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self { retention_days: 0, dedup_days: 400, tail_events: 131_072 }
    }
}

/// What comes in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    /// Events that may wait to be committed; more are answered with 429.
    pub queue_events: usize,
    /// Bytes of one request's body, after decompression.
    pub body_bytes: usize,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self { queue_events: 200_000, body_bytes: 32 * 1024 * 1024 }
    }
}

/// What is written to the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Least level: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as
    /// `info,outlay_store=debug`.
    pub level: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Text }
    }
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or a value is not what the key takes.
    #[error("{origin}: {detail}")]
    Malformed {
        /// Which file or variable.
        origin: String,
        /// What is wrong.
        detail: String,
    },
}

impl Config {
    /// Reads the settings. `file` must exist when it is named; the one in `data` may be absent.
    pub fn load(
        file: Option<&Path>,
        data: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let path = file.map_or_else(|| data.join(CONFIG_FILE), Path::to_path_buf);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                String::new()
            }
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        let malformed = |origin: &Path, detail: String| ConfigError::Malformed {
            origin: origin.display().to_string(),
            detail,
        };
        // Judged alone first, so that a mistake is told with its line in the file.
        toml::from_str::<Self>(&text).map_err(|error| malformed(&path, error.to_string()))?;
        let mut table: toml::Table =
            toml::from_str(&text).map_err(|error| malformed(&path, error.to_string()))?;
        let known = toml::Table::try_from(Self::default())
            .map_err(|error| malformed(&path, error.to_string()))?;
        for (variable, value) in environment {
            overlay(&mut table, &known, &variable, value);
        }
        table.try_into().map_err(|error: toml::de::Error| ConfigError::Malformed {
            origin: "the environment (OUTLAY_…)".into(),
            detail: error.message().to_owned(),
        })
    }
}

/// Sets `OUTLAY_SECTION_KEY`, if that names a setting, in the form of its default.
fn overlay(table: &mut toml::Table, known: &toml::Table, variable: &str, value: String) {
    let Some(name) = variable.strip_prefix("OUTLAY_") else { return };
    let name = name.to_lowercase();
    for (section, keys) in known {
        let Some(key) = name.strip_prefix(section.as_str()).and_then(|rest| rest.strip_prefix('_'))
        else {
            continue;
        };
        let Some(default) = keys.get(key) else { continue };
        let typed = match default {
            toml::Value::Integer(_) => value.parse().map(toml::Value::Integer).ok(),
            toml::Value::Float(_) => value.parse().map(toml::Value::Float).ok(),
            toml::Value::Boolean(_) => value.parse().map(toml::Value::Boolean).ok(),
            toml::Value::Array(_) => Some(toml::Value::Array(
                value
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(Into::into)
                    .collect(),
            )),
            _ => None,
        };
        let section = table.entry(section).or_insert_with(|| toml::Table::new().into());
        if let Some(section) = section.as_table_mut() {
            section.insert(key.to_owned(), typed.unwrap_or(toml::Value::String(value)));
        }
        return;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
        let pairs: Vec<_> =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        pairs.into_iter()
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = "[server]\nlisten = \"127.0.0.1:1\"\npublic_url = \"https://a\"\n";
        std::fs::write(folder.path().join(CONFIG_FILE), file).unwrap();

        let config = Config::load(
            None,
            folder.path(),
            environment(&[
                ("OUTLAY_SERVER_LISTEN", "127.0.0.1:2"),
                ("OUTLAY_HISTORY_RETENTION_DAYS", "90"),
                ("OUTLAY_SERVER_CORS_ORIGINS", "https://a, https://b"),
            ]),
        )
        .unwrap();

        assert_eq!(config.server.listen.port(), 2);
        assert_eq!(config.server.public_url, "https://a");
        assert_eq!(config.server.cors_origins, ["https://a", "https://b"]);
        assert_eq!(config.history.retention_days, 90);
        assert_eq!(config.log, LogConfig::default());
    }

    #[test]
    fn a_mistake_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.toml");
        std::fs::write(&path, "[server]\nlissten = 1\n").unwrap();

        let in_file = Config::load(Some(&path), folder.path(), environment(&[])).unwrap_err();
        let in_environment = Config::load(
            None,
            folder.path(),
            environment(&[("OUTLAY_HISTORY_RETENTION_DAYS", "many")]),
        )
        .unwrap_err();

        assert!(in_file.to_string().contains("lissten"), "{in_file}");
        assert!(in_environment.to_string().contains("environment"), "{in_environment}");
    }
}
