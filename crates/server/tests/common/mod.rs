//! The real program, started and ended by tests.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod desk;
pub mod load;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use outlay_server::cli::client::{CliError, Client};
use outlay_server::startup::SOCKET_FILE;
use serde_json::Value;

/// How long a start or a stop may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A server that is about to be started.
pub struct Launch {
    data: PathBuf,
    variables: Vec<(String, String)>,
}

impl Launch {
    /// On `data`, on any free port.
    pub fn on(data: &Path) -> Self {
        Self { data: data.to_path_buf(), variables: Vec::new() }
    }

    /// With a variable of the environment.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.variables.push((name.to_owned(), value.to_string()));
        self
    }

    /// Starts it, and waits until it answers. It may end before it does: then with what it said.
    pub async fn start(self) -> Result<Running, Ended> {
        let log = self.data.with_extension("log");
        let errors = File::options().create(true).append(true).open(&log).unwrap();
        let begun = errors.metadata().unwrap().len();
        let mut child = outlay(&self.data)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .envs(self.variables)
            .stdin(Stdio::null())
            .stdout(errors.try_clone().unwrap())
            .stderr(errors)
            .spawn()
            .unwrap();
        let client = Client::Socket(self.data.join(SOCKET_FILE));
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                let said = std::fs::read(&log).unwrap().split_off(begun as usize);
                return Err(Ended { status, said: String::from_utf8_lossy(&said).into_owned() });
            }
            if client.get::<Value>("/healthz").await.is_ok() {
                return Ok(Running { child, data: self.data, log, begun });
            }
            assert!(started.elapsed() < PATIENCE, "the server does not answer");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A server that ended instead of starting.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it wrote to its log.
    pub said: String,
}

/// A server that runs. It is killed when it is dropped.
pub struct Running {
    child: Child,
    data: PathBuf,
    log: PathBuf,
    begun: u64,
}

impl Running {
    /// A way to it, as the folder's owner.
    pub fn client(&self) -> Client {
        Client::Socket(self.data.join(SOCKET_FILE))
    }

    /// Where it is on the network, as `127.0.0.1:1234`.
    pub async fn address(&self) -> String {
        loop {
            // It answers on its socket a moment before it says where else it is.
            let said = self.said();
            if let Some((_, rest)) = said.split_once("http://") {
                let end =
                    rest.find(|letter: char| !letter.is_ascii_digit() && !".:".contains(letter));
                return rest[..end.unwrap_or(rest.len())].to_owned();
            }
            tokio::task::yield_now().await;
        }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to its log so far.
    pub fn said(&self) -> String {
        let said = std::fs::read(&self.log).unwrap().split_off(self.begun as usize);
        String::from_utf8_lossy(&said).into_owned()
    }

    /// Ends it as a power cut would; answers how it had ended before that, if it had.
    pub fn kill(mut self) -> Option<ExitStatus> {
        let before = self.child.try_wait().unwrap();
        let _ = self.child.kill();
        self.child.wait().unwrap();
        before
    }

    /// Waits until it ends by itself, for a while.
    pub async fn ends_within(&mut self, while_: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        loop {
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || started.elapsed() > while_ {
                return ended;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Asks it to stop, as a service manager would, and waits until it has. Fails unless it stopped
    /// in order.
    pub async fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let status = self.ends_within(PATIENCE).await;
        let status = status.unwrap_or_else(|| panic!("SIGTERM did nothing: {}", self.said()));
        assert!(status.success(), "{status}: {}", self.said());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, about to work on `data`, with nothing of this process's settings.
pub fn outlay(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outlay"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OUTLAY_")) {
        command.env_remove(name);
    }
    command.env("OUTLAY_DATA", data).env("NO_COLOR", "1");
    command
}

/// Runs one command on `data` to its end.
pub async fn run(data: &Path, arguments: &[&str]) -> Output {
    let mut command = outlay(data);
    command.args(arguments).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

/// Fails unless `outlay check` finds `data` in order.
pub async fn assert_in_order(data: &Path) {
    let checked = run(data, &["check"]).await;
    assert!(
        checked.status.success(),
        "{}{}",
        String::from_utf8_lossy(&checked.stdout),
        String::from_utf8_lossy(&checked.stderr)
    );
}

/// Posts JSON; answers the status and the JSON that came back.
pub async fn post(
    client: &Client,
    path: &str,
    body: &Value,
) -> Result<(StatusCode, Value), CliError> {
    let body = Bytes::from(body.to_string());
    let (status, answer) = client.send(Method::POST, path, Some("application/json"), body).await?;
    Ok((status, serde_json::from_slice(&answer).unwrap_or_default()))
}

/// Gets a path; answers the status and the text that came back.
pub async fn get(client: &Client, path: &str) -> Result<(StatusCode, String), CliError> {
    let (status, answer) = client.send(Method::GET, path, None, Bytes::new()).await?;
    Ok((status, String::from_utf8_lossy(&answer).into_owned()))
}
