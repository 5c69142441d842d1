//! Settings from a file, the environment and flags, each remembered with its origin.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use axum::http::Uri;
use thiserror::Error;
use tracing_subscriber::EnvFilter;

use super::describe::{Key, keys};
use super::{CONFIG_FILE, Config, dialects};

/// Variables that the command line reads, and that are no settings.
const OF_THE_COMMAND_LINE: [&str; 4] =
    ["OUTLAY_CONFIG", "OUTLAY_DATA", "OUTLAY_TOKEN", "OUTLAY_URL"];

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("`{path}` cannot be read: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML, or a value is not what the key takes.
    #[error("{origin}: {detail}")]
    Malformed {
        /// Which file, line, variable or flag.
        origin: String,
        /// What is wrong.
        detail: String,
    },
}

/// Where a setting's value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A file.
    File {
        /// The path of the file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => to.write_str("default"),
            Self::File { path, line } => write!(to, "{}:{line}", path.display()),
            Self::Environment(variable) => to.write_str(variable),
            Self::Flag(flag) => to.write_str(flag),
        }
    }
}

/// Settings that can be used, and where each came from.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The settings.
    pub config: Config,
    /// Variables that begin like ours and name no setting.
    pub unknown_variables: Vec<String>,
    origins: BTreeMap<String, Origin>,
}

impl Settings {
    /// Where the value of `key`, such as `server.listen`, came from.
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }
}

/// Settings that are being gathered; what comes later wins.
#[derive(Debug, Clone)]
pub struct Draft {
    keys: Vec<Key>,
    table: toml::Table,
    origins: BTreeMap<String, Origin>,
    unknown_variables: Vec<String>,
}

impl Draft {
    /// Begins with a file. It must exist when it is named; the one in `data` may be absent.
    pub fn read(file: Option<&Path>, data: &Path) -> Result<Self, ConfigError> {
        let path = file.map_or_else(|| data.join(CONFIG_FILE), Path::to_path_buf);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
                String::new()
            }
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        let malformed = |error: toml::de::Error| ConfigError::Malformed {
            origin: place(&path, &text, error.span().map_or(0, |span| span.start)).to_string(),
            detail: error.message().to_owned(),
        };
        toml::from_str::<Config>(&text).map_err(malformed)?;
        Ok(Self {
            keys: keys(),
            table: toml::from_str(&text).map_err(malformed)?,
            origins: places(&path, &text).map_err(malformed)?,
            unknown_variables: Vec::new(),
        })
    }

    /// Adds the variables that name a setting, as `OUTLAY_SECTION_KEY`.
    pub fn environment(
        mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        for (variable, value) in variables.filter(|(name, _)| name.starts_with("OUTLAY_")) {
            let key = self.keys.iter().find(|key| key.variable() == variable).cloned();
            match key {
                Some(key) => self.set(&key, &value, Origin::Environment(variable))?,
                None if OF_THE_COMMAND_LINE.contains(&variable.as_str()) => {}
                None => self.unknown_variables.push(variable),
            }
        }
        self.unknown_variables.sort_unstable();
        Ok(self)
    }

    /// Adds a flag, if it was given.
    pub fn flag(
        mut self,
        name: &str,
        flag: &'static str,
        value: Option<impl fmt::Display>,
    ) -> Result<Self, ConfigError> {
        if let Some(value) = value {
            let key = self.keys.iter().find(|key| key.name() == name).cloned();
            let key = key.unwrap_or_else(|| unreachable!("`{name}` is a setting"));
            self.set(&key, &value.to_string(), Origin::Flag(flag))?;
        }
        Ok(self)
    }

    /// Judges what was gathered as a whole.
    pub fn settle(self) -> Result<Settings, ConfigError> {
        let config: Config = self.table.try_into().map_err(|error: toml::de::Error| {
            ConfigError::Malformed { origin: "settings".into(), detail: error.message().into() }
        })?;
        let settings =
            Settings { config, unknown_variables: self.unknown_variables, origins: self.origins };
        match judge(&settings.config) {
            Ok(()) => Ok(settings),
            Err((key, detail)) => Err(ConfigError::Malformed {
                origin: settings.origin(key).to_string(),
                detail: format!("{key}: {detail}"),
            }),
        }
    }

    fn set(&mut self, key: &Key, value: &str, origin: Origin) -> Result<(), ConfigError> {
        let section = key.section.split('.').try_fold(&mut self.table, |table, name| {
            table.entry(name).or_insert_with(|| toml::Table::new().into()).as_table_mut()
        });
        if let Some(section) = section {
            section.insert(key.key.clone(), typed(&key.default, value));
        }
        // Judged one by one, so that a mistake is told with its name.
        if let Err(error) = self.table.clone().try_into::<Config>() {
            return Err(ConfigError::Malformed {
                origin: origin.to_string(),
                detail: format!("`{value}` will not do: {}", error.message()),
            });
        }
        self.origins.insert(key.name(), origin);
        Ok(())
    }
}

/// Text in the form of a default value; a list's items stand between commas.
fn typed(default: &toml::Value, text: &str) -> toml::Value {
    let typed = match default {
        toml::Value::Integer(_) => text.replace('_', "").parse().map(toml::Value::Integer).ok(),
        toml::Value::Float(_) => text.parse().map(toml::Value::Float).ok(),
        toml::Value::Boolean(_) => text.parse().map(toml::Value::Boolean).ok(),
        toml::Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(toml::Value::Array(items.map(Into::into).collect()))
        }
        _ => None,
    };
    typed.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// The place of each setting in a file.
fn places(path: &Path, text: &str) -> Result<BTreeMap<String, Origin>, toml::de::Error> {
    let mut places = BTreeMap::new();
    let document = toml::de::DeTable::parse(text)?;
    let mut open = vec![(String::new(), document.get_ref())];
    while let Some((section, table)) = open.pop() {
        for (key, value) in table {
            let name = match section.as_str() {
                "" => key.get_ref().to_string(),
                section => format!("{section}.{}", key.get_ref()),
            };
            places.insert(name.clone(), place(path, text, key.span().start));
            if let Some(table) = value.get_ref().as_table() {
                open.push((name, table));
            }
        }
    }
    Ok(places)
}

fn place(path: &Path, text: &str, offset: usize) -> Origin {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    Origin::File { path: path.to_path_buf(), line }
}

/// Refuses bounds under which nothing would work.
fn judge_sizes(config: &Config) -> Result<(), (&'static str, String)> {
    let refuse = |key, why: &str| Err((key, why.to_owned()));
    let (ingest, limits) = (&config.ingest, &config.limits);
    if !(1_000_000..=1 << 50).contains(&config.exports.kept_bytes) {
        return refuse("exports.kept_bytes", "must be 1000000 or more");
    }
    if !(16_777_216..=1 << 40).contains(&ingest.queue_bytes) {
        return refuse("ingest.queue_bytes", "must be 16777216 or more");
    }
    if ingest.bodies_bytes < ingest.body_bytes.saturating_mul(4) || ingest.bodies_bytes > 1 << 40 {
        return refuse("ingest.bodies_bytes", "must be four times ingest.body_bytes or more");
    }
    if !(32..=1_048_576).contains(&limits.connections) {
        return refuse("limits.connections", "must be from 32 to 1048576");
    }
    if !(16..=1_048_576).contains(&limits.connections_per_address) {
        return refuse("limits.connections_per_address", "must be from 16 to 1048576");
    }
    let waits = [
        ("limits.head_seconds", limits.head_seconds),
        ("limits.body_seconds", limits.body_seconds),
        ("limits.write_seconds", limits.write_seconds),
        ("limits.idle_seconds", limits.idle_seconds),
    ];
    match waits.into_iter().find(|(_, seconds)| !(1..=3_600).contains(seconds)) {
        Some((key, _)) => refuse(key, "must be from 1 to 3600"),
        None => Ok(()),
    }
}

/// Refuses values that their types allow and that cannot work: the key, and why.
fn judge(config: &Config) -> Result<(), (&'static str, String)> {
    let refuse = |key, why: &str| Err((key, why.to_owned()));
    if !config.server.public_url.is_empty() && !is_web_address(&config.server.public_url) {
        return refuse("server.public_url", "is no address such as https://outlay.example.com");
    }
    if let Some(origin) = config.server.cors_origins.iter().find(|origin| !is_origin(origin)) {
        let why = format!("`{origin}` is no origin such as https://app.example.com");
        return Err(("server.cors_origins", why));
    }
    if config.history.dedup_days < 35 {
        return refuse("history.dedup_days", "must be 35 or more");
    }
    if !(1_000..=10_000_000).contains(&config.history.tail_events) {
        return refuse("history.tail_events", "must be from 1000 to 10000000");
    }
    if !(10_000..=10_000_000).contains(&config.ingest.queue_events) {
        return refuse("ingest.queue_events", "must be from 10000 (one full request) to 10000000");
    }
    if !(65_536..=1_073_741_824).contains(&config.ingest.body_bytes) {
        return refuse("ingest.body_bytes", "must be from 65536 to 1073741824");
    }
    judge_sizes(config)?;
    if !(1..=3_600).contains(&config.questions.time_limit_seconds) {
        return refuse("questions.time_limit_seconds", "must be from 1 to 3600");
    }
    if !(1..=3_600).contains(&config.questions.sql_time_limit_seconds) {
        return refuse("questions.sql_time_limit_seconds", "must be from 1 to 3600");
    }
    if !(32..=1_048_576).contains(&config.questions.sql_memory_mb) {
        return refuse("questions.sql_memory_mb", "must be from 32 to 1048576");
    }
    if !(1..=64).contains(&config.questions.sql_turns) {
        return refuse("questions.sql_turns", "must be from 1 to 64");
    }
    if config.questions.credits().is_none() {
        let why = "must be a number above 0 and up to 1000000000, with six decimals at most";
        return refuse("questions.credits_per_unit", why);
    }
    if config.people.session_idle_hours == 0 {
        return refuse("people.session_idle_hours", "must be 1 or more");
    }
    if !(1..=400).contains(&config.people.session_days) {
        // Browsers forget a cookie after 400 days in any case.
        return refuse("people.session_days", "must be from 1 to 400");
    }
    if !(1..=1440).contains(&config.people.link_minutes) {
        return refuse("people.link_minutes", "must be from 1 to 1440, which is a day");
    }
    dialects::judge(&config.dialects)?;
    if let Err(error) = EnvFilter::try_new(&config.log.level) {
        return Err(("log.level", format!("`{}` is no filter: {error}", config.log.level)));
    }
    Ok(())
}

/// Whether `text` is an address that a browser can be sent to.
fn is_web_address(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
    })
}

/// Whether `text` is what a browser sends as `Origin`: an address without a path.
fn is_origin(text: &str) -> bool {
    let after_scheme = text.split_once("://").map_or("", |(_, rest)| rest);
    is_web_address(text) && !after_scheme.contains('/')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::LogConfig;
    use super::*;

    fn settle(file: &str, environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(CONFIG_FILE), file).unwrap();
        let pairs = environment.iter().map(|(key, value)| ((*key).into(), (*value).into()));
        Draft::read(None, folder.path())?.environment(pairs)?.settle()
    }

    #[test]
    fn flags_win_over_the_environment_that_over_the_file_and_that_over_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = "[server]\nlisten = \"127.0.0.1:1\"\npublic_url = \"https://a\"\n\n\
                    [ingest]\nqueue_events = 30000\n";
        std::fs::write(folder.path().join(CONFIG_FILE), file).unwrap();
        let environment = [
            ("OUTLAY_SERVER_LISTEN", "127.0.0.1:2"),
            ("OUTLAY_HISTORY_RETENTION_DAYS", "90"),
            ("OUTLAY_SERVER_CORS_ORIGINS", "https://a, https://b"),
            ("OUTLAY_DATA", "/somewhere"),
            ("OUTLAY_SERVER_LISTN", "x"),
            ("PATH", "/bin"),
        ];

        let settings = Draft::read(None, folder.path())
            .unwrap()
            .environment(environment.into_iter().map(|(key, value)| (key.into(), value.into())))
            .unwrap()
            .flag("server.listen", "--listen", Some("127.0.0.1:3"))
            .unwrap()
            .flag("server.public_url", "--public-url", None::<String>)
            .unwrap()
            .settle()
            .unwrap();

        let config = &settings.config;
        assert_eq!(config.server.listen.port(), 3);
        assert_eq!(settings.origin("server.listen"), &Origin::Flag("--listen"));
        assert_eq!(config.server.public_url, "https://a");
        assert_eq!(config.server.cors_origins, ["https://a", "https://b"]);
        assert_eq!(config.history.retention_days, 90);
        assert_eq!(
            settings.origin("history.retention_days").to_string(),
            "OUTLAY_HISTORY_RETENTION_DAYS"
        );
        assert_eq!(config.ingest.queue_events, 30_000);
        assert!(settings.origin("ingest.queue_events").to_string().ends_with("outlay.toml:6"));
        assert_eq!(config.log, LogConfig::default());
        assert_eq!(settings.origin("log.level"), &Origin::Default);
        assert_eq!(settings.unknown_variables, ["OUTLAY_SERVER_LISTN"]);
    }

    #[test]
    fn a_mistake_in_the_file_is_told_with_its_line() {
        let error = settle("[server]\n\nlissten = 1\n", &[]).unwrap_err().to_string();
        assert!(error.contains("outlay.toml:3: unknown field `lissten`"), "{error}");

        let error = settle("[server]\nlisten = \"here\"\n", &[]).unwrap_err().to_string();
        assert!(error.contains("outlay.toml:2: "), "{error}");

        let error = settle("[history]\ndedup_days = 34\n", &[]).unwrap_err().to_string();
        assert!(error.contains("outlay.toml:2: history.dedup_days: must be 35"), "{error}");

        let error = settle("[server\n", &[]).unwrap_err().to_string();
        assert!(error.contains("outlay.toml:1: "), "{error}");
    }

    #[test]
    fn a_mistake_in_the_environment_is_told_with_its_variable() {
        let error = settle("", &[("OUTLAY_HISTORY_RETENTION_DAYS", "many")]).unwrap_err();
        assert!(error.to_string().starts_with("OUTLAY_HISTORY_RETENTION_DAYS: `many`"), "{error}");

        let error = settle("", &[("OUTLAY_SERVER_PUBLIC_URL", "outlay.example")]).unwrap_err();
        assert!(error.to_string().starts_with("OUTLAY_SERVER_PUBLIC_URL: "), "{error}");

        let error = settle("", &[("OUTLAY_METRICS_NETWORKS", "10.0.0.0/99")]).unwrap_err();
        assert!(error.to_string().contains("`10.0.0.0/99` is no network"), "{error}");
    }

    #[test]
    fn a_time_zone_is_judged_before_the_dialect_that_shows_it_is_on() {
        let file = "[dialects.leadfactory]\ntimezone = \"Europe/Berlim\"\n";
        let error = settle(file, &[]).unwrap_err().to_string();
        assert!(error.contains("outlay.toml:2: dialects.leadfactory.timezone"), "{error}");
        assert!(error.contains("did you mean Europe/Berlin?"), "{error}");

        let error = settle("[server]\ntime_zone = \"Berlin\"\n", &[]).unwrap_err().to_string();
        assert!(error.contains("did you mean Europe/Berlin?"), "{error}");
        assert!(settle("[dialects.leadfactory]\ntimezone = \"Europe/Berlin\"\n", &[]).is_ok());
    }

    #[test]
    fn a_named_file_must_exist() {
        let folder = tempfile::tempdir().unwrap();

        let error = Draft::read(Some(&folder.path().join("own.toml")), folder.path()).unwrap_err();

        assert!(matches!(error, ConfigError::Unreadable { .. }), "{error}");
    }

    #[test]
    fn an_origin_has_no_path() {
        assert!(is_origin("https://app.example.com:8443"));
        for text in ["*", "https://", "app.example.com", "https://a.example/x", "ftp://a.example"] {
            assert!(!is_origin(text), "{text}");
        }
    }
}
