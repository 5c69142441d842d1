//! Settings: defaults, then `outlay.toml`, then the environment, then flags; the later one wins.
//!
//! The text over a field is what people read about it: `outlay config example` and the guide
//! are made from it.

mod describe;
mod dialects;
mod load;

use std::net::SocketAddr;
use std::time::Duration;

use chrono_tz::Tz;
use outlay_domain::Quantity;
use outlay_domain::people::SessionPolicy;
use outlay_domain::usage::question::CreditRate;
use outlay_engine::exports::focus_category::CategoryRule;
use outlay_engine::exports::schedules::ExportLimits;
use outlay_engine::usage::QuestionOptions;
use outlay_engine::usage::sql::SqlOptions;
use outlay_store::history::sql::SqlLimits;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

pub use crate::values::{Network, SecretText};
pub use describe::{Key, example, keys, value};
pub use dialects::DialectsConfig;
pub use load::{ConfigError, Draft, Origin, Settings};

/// The file in the data folder that is read when none is named.
pub const CONFIG_FILE: &str = "outlay.toml";

/// All settings. Each can be given as `[section] key` in the file, or as
/// `OUTLAY_SECTION_KEY` in the environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where and how the server is reached.
    pub server: ServerConfig,
    /// How much is kept, and for how long.
    pub history: HistoryConfig,
    /// What comes in.
    pub ingest: IngestConfig,
    /// How usage is priced.
    // The section was called so before its noun had one name, and files of operators say it.
    #[serde(rename = "pricing")]
    pub prices: PricesConfig,
    /// What is asked about usage.
    pub questions: QuestionsConfig,
    /// How usage leaves in the forms of others.
    pub exports: ExportsConfig,
    /// How people come in.
    pub people: PeopleConfig,
    /// Who else may say who somebody is.
    pub trust: TrustConfig,
    /// How often callers may call.
    pub limits: LimitsConfig,
    /// What is written to the log.
    pub log: LogConfig,
    /// Who may read the metrics.
    pub metrics: MetricsConfig,
    /// Older systems whose clients are answered too.
    pub dialects: DialectsConfig,
}

/// How usage leaves in the forms of others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExportsConfig {
    /// FOCUS's categories of services or providers, e.g. `sendgrid = Integration / Messaging`; they go
    /// before what is usual.
    #[schema(value_type = Vec<String>)]
    pub focus_categories: Vec<CategoryRule>,
    /// Bytes of all files together that export schedules keep; the oldest go first.
    pub kept_bytes: u64,
}

impl Default for ExportsConfig {
    fn default() -> Self {
        let kept_bytes = ExportLimits::default().kept_bytes;
        Self { focus_categories: Vec::new(), kept_bytes }
    }
}

impl ExportsConfig {
    /// How much room files may take.
    pub fn limits(&self) -> ExportLimits {
        ExportLimits { kept_bytes: self.kept_bytes, ..ExportLimits::default() }
    }
}

/// Where and how the server is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// The address and port to listen on.
    #[schema(value_type = String)]
    pub listen: SocketAddr,
    /// The address that people use, e.g. `https://outlay.example.com`; the listening one when
    /// empty.
    pub public_url: String,
    /// The time zone of the team's days, e.g. `Europe/Berlin`: pages begin with them, and alerts
    /// look at them. Questions over HTTP are about days of UTC unless they name a zone.
    #[schema(value_type = String)]
    #[serde(deserialize_with = "time_zone")]
    pub time_zone: Tz,
    /// Origins of other sites whose scripts may call the API; none by default.
    pub cors_origins: Vec<String>,
    /// Proxies, as addresses or networks such as `10.0.0.0/8`, whose `X-Forwarded-For` is
    /// believed; none by default.
    #[schema(value_type = Vec<String>)]
    pub trusted_proxies: Vec<Network>,
    /// Names besides `public_url` by which people may call a server that listens to its own machine
    /// only, e.g. `outlay.example.com`. Requests under other names are refused there: a page of
    /// another site can make its own name point to this machine.
    pub hosts: Vec<String>,
}

fn time_zone<'de, D: Deserializer<'de>>(from: D) -> Result<Tz, D::Error> {
    let name = String::deserialize(from)?;
    name.parse().map_err(|_| D::Error::custom(crate::values::no_zone(&name)))
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8440)),
            public_url: String::new(),
            time_zone: Tz::UTC,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            hosts: Vec::new(),
        }
    }
}

/// How much is kept, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HistoryConfig {
    /// Days that events are kept, counted from when they occurred; 0 keeps them for ever.
    pub retention_days: u32,
    /// Days in which a repeat is known for one, at least; 35 or more.
    pub dedup_days: u32,
    /// Events in memory before they are written to a segment; 256 MB of them are enough, too.
    pub tail_events: usize,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self { retention_days: 0, dedup_days: 400, tail_events: 131_072 }
    }
}

/// What comes in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    /// Events that may wait to be committed; more are answered with 429.
    pub queue_events: usize,
    /// Bytes of events that may wait to be committed; more are answered with 429.
    pub queue_bytes: usize,
    /// Bytes of one request's body, after decompression.
    pub body_bytes: usize,
    /// Bytes of all bodies that are read at a time, half of them for one caller at most; more wait
    /// for two seconds and are then answered with 429.
    pub bodies_bytes: usize,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            queue_events: 200_000,
            queue_bytes: 128 * 1024 * 1024,
            body_bytes: 32 * 1024 * 1024,
            bodies_bytes: 256 * 1024 * 1024,
        }
    }
}

/// How usage is priced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PricesConfig {
    /// Whether our prices decide even where an event states its cost; a stated cost still counts
    /// where no price is known.
    pub rate_stated: bool,
}

/// What is asked about usage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QuestionsConfig {
    /// Seconds that a question may take.
    pub time_limit_seconds: u32,
    /// Seconds that a query in SQL may take.
    pub sql_time_limit_seconds: u32,
    /// Memory that a query in SQL may take, in MB, beside the newest facts.
    pub sql_memory_mb: u32,
    /// Queries in SQL that are worked on at the same time, each in a process of its own.
    pub sql_turns: u32,
    /// How many credits one unit of the currency is, with up to six decimals: spend in credits is
    /// the measure `credits`.
    pub credits_per_unit: String,
}

impl Default for QuestionsConfig {
    fn default() -> Self {
        Self {
            time_limit_seconds: 30,
            sql_time_limit_seconds: 10,
            sql_memory_mb: 256,
            sql_turns: 2,
            credits_per_unit: "1".into(),
        }
    }
}

impl QuestionsConfig {
    /// How many credits a unit is, where that is a number that can be.
    pub fn credits(&self) -> Option<CreditRate> {
        let rate: Quantity = self.credits_per_unit.parse().ok()?;
        CreditRate::from_micros(u64::try_from(rate.micros()).ok()?)
    }

    /// What questions may use.
    pub fn question_options(&self) -> QuestionOptions {
        let mut options = QuestionOptions::default();
        options.ask.time_limit = Duration::from_secs(self.time_limit_seconds.into());
        options.credits = self.credits().unwrap_or_default();
        options
    }

    /// How queries in SQL are worked on.
    pub fn sql_options(&self) -> SqlOptions {
        let time = Duration::from_secs(self.sql_time_limit_seconds.into());
        let memory_bytes = (self.sql_memory_mb as usize) << 20;
        let limits = SqlLimits { time, memory_bytes, ..SqlLimits::default() };
        SqlOptions { limits, turns: self.sql_turns as usize, ..SqlOptions::default() }
    }
}

/// How people come in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleConfig {
    /// Hours after which a session that is not used ends.
    pub session_idle_hours: u32,
    /// Days after which a session ends, however much it is used.
    pub session_days: u32,
    /// Minutes for which a sign-in link counts.
    pub link_minutes: u32,
}

impl Default for PeopleConfig {
    fn default() -> Self {
        Self { session_idle_hours: 7 * 24, session_days: 30, link_minutes: 15 }
    }
}

impl PeopleConfig {
    /// How long sessions last.
    pub fn session_policy(&self) -> SessionPolicy {
        SessionPolicy {
            idle: chrono::Duration::hours(self.session_idle_hours.into()),
            absolute: chrono::Duration::days(self.session_days.into()),
        }
    }
}

/// An issuer of tokens who may say who somebody is; nobody by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrustConfig {
    /// What we call it, in the audit trail.
    pub name: String,
    /// Where its public keys are: an https address or a file in the data folder. RS256 and ES256.
    pub jwks: String,
    /// The secret it signs with, where it signs with HS256.
    #[schema(write_only, value_type = String)]
    pub secret: SecretText,
    /// A file in the data folder with that secret, instead.
    pub secret_file: String,
    /// What its tokens must say as `iss`; needed beside `jwks`.
    pub issuer: String,
    /// Of which its tokens must say one as `aud`; any, when there is none.
    pub audiences: Vec<String>,
    /// Which claim names the user: `sub`, `user_id`, or `either` of them.
    pub user_claim: TrustedClaim,
    /// Whether a user whom nobody knows yet becomes a member.
    pub create_users: bool,
    /// Whether its tokens let an admin do what admins do; they do what members do otherwise.
    pub admins: bool,
    /// More issuers, each as `[[trust.more]]` with the same settings.
    #[schema(no_recursion)]
    pub more: Vec<TrustConfig>,
}

/// Which claim of a token names the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrustedClaim {
    /// Whichever is there; both, if they agree.
    #[default]
    Either,
    /// `sub`.
    Sub,
    /// `user_id`.
    UserId,
}

/// How often callers may call, where 0 is no limit, and how long they may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Requests of one caller a second, over time.
    pub requests_per_second: u32,
    /// Requests of one caller at once.
    pub requests_burst: u32,
    /// Requests of one caller that send usage, a second, over time.
    pub ingest_requests_per_second: u32,
    /// Requests of one caller that send usage, at once.
    pub ingest_burst: u32,
    /// Attempts to sign in from one address, a minute.
    pub sign_ins_per_minute: u32,
    /// Connections in all, and no more than half the files that the system lets the program open.
    /// Half of them are for callers who have not said who they are.
    pub connections: u32,
    /// Connections of one address, and no more than half of all. Proxies that are trusted have no
    /// such bound.
    pub connections_per_address: u32,
    /// Seconds that the head of a request may take.
    pub head_seconds: u32,
    /// Seconds that the body of a request may take, and one more for each 64 KiB of it.
    pub body_seconds: u32,
    /// Seconds that a client may take nothing of its answer.
    pub write_seconds: u32,
    /// Seconds that a connection waits for its next request.
    pub idle_seconds: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            requests_per_second: 200,
            requests_burst: 1_000,
            ingest_requests_per_second: 50_000,
            ingest_burst: 100_000,
            sign_ins_per_minute: 60,
            connections: 8_192,
            connections_per_address: 2_048,
            head_seconds: 15,
            body_seconds: 30,
            write_seconds: 60,
            idle_seconds: 75,
        }
    }
}

/// What is written to the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Who may read the metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Networks whose programs may read `/metrics` without a key, e.g. `10.0.0.0/8`; none by
    /// default. The sender's own address counts, so behind a proxy this is the proxy's.
    #[schema(value_type = Vec<String>)]
    pub networks: Vec<Network>,
}

impl Config {
    /// Reads the settings of a data folder. `file` must exist when it is named; the one in
    /// `data` may be absent.
    pub fn load(
        file: Option<&std::path::Path>,
        data: &std::path::Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        Ok(Draft::read(file, data)?.environment(environment)?.settle()?.config)
    }
}
