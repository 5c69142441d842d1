//! `outlay serve`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use axum::Extension;
use clap::Args;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::client::CliError;
use super::{Globals, welcome};
use crate::config::{Config, Draft};
use crate::dialect::{Dialect, Follower, Port};
use crate::serving::{Desk, LocalTrust};
use crate::startup::{Purpose, SOCKET_FILE, Server};

/// How long open requests may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Flags of `outlay serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  outlay serve
  outlay serve --data /var/lib/outlay --listen 0.0.0.0:8440
  outlay serve --demo")]
pub struct ServeArgs {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The address that people use, e.g. https://outlay.example.com
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// The settings [default: outlay.toml in the data folder]
    #[arg(long, value_name = "FILE", env = "OUTLAY_CONFIG")]
    config: Option<PathBuf>,
    /// Fill an empty data folder with demo usage, and let more trickle in
    #[arg(long)]
    demo: bool,
}

/// Serves until SIGINT or SIGTERM.
pub async fn run(globals: &Globals, args: ServeArgs) -> Result<ExitCode, CliError> {
    let settings = Draft::read(args.config.as_deref(), &globals.data)
        .and_then(|draft| draft.environment(std::env::vars()))
        .and_then(|draft| draft.flag("server.listen", "--listen", args.listen))
        .and_then(|draft| draft.flag("server.public_url", "--public-url", args.public_url))
        .and_then(Draft::settle)
        .map_err(|error| CliError::Failed(error.to_string()))?;
    serve(globals, settings.config, args.demo, None).await
}

/// Serves with these settings, and lets `follower` follow an older system meanwhile.
pub async fn serve(
    globals: &Globals,
    config: Config,
    demo: bool,
    follower: Option<Follower>,
) -> Result<ExitCode, CliError> {
    crate::log::start(&config.log).map_err(|error| CliError::Failed(error.to_string()))?;
    // Before anything is opened: a stop that is asked for early is an orderly one too.
    let mut stop_asked = StopSignals::listen()?;

    let listen = config.server.listen;
    let server = Server::open_with(&globals.data, config, Purpose::Serve)
        .await
        .map_err(|error| CliError::Failed(format!("{error:#}")))?;
    let listener = TcpListener::bind(listen).await.map_err(|error| {
        CliError::Failed(format!(
            "cannot listen on {listen}: {error}; choose another with --listen"
        ))
    })?;
    let address = listener.local_addr()?;
    let own = bind_dialects(server.dialects()).await?;
    let socket = bind_socket(server.data())?;

    let (stop, stopped) = watch::channel(false);
    let following = stopped.clone();
    let desk = Desk::open(&server.state().config, stopped);
    let tasks = &server.state().outlay.tasks;
    let own: Vec<_> = own
        .into_iter()
        .map(|(port, own)| {
            let router = (port.router)(server.state().clone());
            desk.clone().tcp(tasks, port.name, own, router)
        })
        .collect();
    let tcp = desk.clone().tcp(tasks, "doors.http", listener, server.live_router());
    let unix = desk.unix(tasks, "doors.socket", socket, server.router());

    let public_url = match server.state().config.server.public_url.as_str() {
        "" => format!("http://{address}"),
        url => url.trim_end_matches('/').to_owned(),
    };
    let serving = async {
        welcome::greet(&server, &public_url, demo).await?;
        if let Some(follower) = follower {
            follow(&server, follower, following);
        }
        std::future::pending().await
    };
    tokio::select! {
        failed = serving => return failed,
        () = stop_asked.wait() => {}
    }
    tracing::info!("stopping: taking in nothing more, finishing what is open");
    let _ = stop.send(true);
    let all = async {
        let _ = tokio::join!(tcp, unix);
        for own in own {
            let _ = own.await;
        }
    };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        tracing::warn!(
            "some requests were still open after {} s and were cut off",
            DRAIN.as_secs()
        );
    }
    // Gone already when somebody tidied up; nothing depends on it.
    let _ = std::fs::remove_file(server.data().join(SOCKET_FILE));
    server.stop().await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// Starts to follow an older system, until the server stops.
fn follow(server: &Server, follower: Follower, stopped: watch::Receiver<bool>) {
    let state = server.state().clone();
    let router = server.router().layer(Extension(LocalTrust));
    let tasks = state.outlay.tasks.clone();
    tasks.spawn(follower.name, move |task| {
        let following = (follower.follow)(state.clone(), router.clone(), task);
        let mut stopped = stopped.clone();
        async move {
            tokio::select! {
                () = following => {}
                // An error means that nobody is left who could say so.
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
        }
    });
}

/// Listens on the ports of dialects.
async fn bind_dialects(dialects: &[Dialect]) -> Result<Vec<(&Port, TcpListener)>, CliError> {
    let mut listeners = Vec::new();
    for dialect in dialects {
        for port in &dialect.ports {
            let Port { address, remedy, .. } = port;
            let listener = TcpListener::bind(address).await.map_err(|error| {
                CliError::Failed(format!(
                    "cannot listen on {address} for {}'s clients: {error}; {remedy}",
                    dialect.of
                ))
            })?;
            tracing::info!(%address, "{}'s clients are answered", dialect.of);
            listeners.push((port, listener));
        }
        if let Some(warning) = &dialect.warning {
            tracing::warn!("{warning}");
        }
    }
    Ok(listeners)
}

/// Listens on the data folder's socket, which only its owner may use.
fn bind_socket(data: &Path) -> Result<UnixListener, CliError> {
    use std::os::unix::fs::PermissionsExt;
    let path = data.join(SOCKET_FILE);
    // The folder is locked by now, so a socket that is there is left from a crash.
    let _ = std::fs::remove_file(&path);
    let socket = UnixListener::bind(&path).map_err(|error| {
        CliError::Failed(format!("cannot make the socket `{}`: {error}", path.display()))
    })?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(socket)
}

/// The signals by which a server is asked to stop.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From now on the signals end nothing by themselves.
    fn listen() -> Result<Self, CliError> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
