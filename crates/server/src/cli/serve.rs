//! `outlay serve`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::client::{CliError, Client};
use super::import::leadfactory::Followed;
use super::{Globals, import};
use crate::config::{Config, Draft};
use crate::dialects::leadfactory;
use crate::serving::Desk;
use crate::startup::{Purpose, SOCKET_FILE, Server};
use crate::state::AppState;

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

/// Serves with these settings, and follows databases of LeadFactory's meanwhile, where any are
/// named.
pub async fn serve(
    globals: &Globals,
    config: Config,
    demo: bool,
    followed: Option<Followed>,
) -> Result<ExitCode, CliError> {
    crate::log::start(&config.log)?;
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
    let own = bind_dialects(server.state()).await?;
    let socket = bind_socket(server.data())?;

    let (stop, stopped) = watch::channel(false);
    let desk = Desk::open(&server.state().config, stopped);
    let tasks = &server.state().outlay.tasks;
    let own: Vec<_> = own
        .into_iter()
        .map(|(name, own)| {
            let router = leadfactory::own_router(server.state().clone());
            desk.clone().tcp(tasks, name, own, router)
        })
        .collect();
    let tcp = desk.clone().tcp(tasks, "doors.http", listener, server.live_router());
    let unix = desk.unix(tasks, "doors.socket", socket, server.router());

    let public_url = match server.state().config.server.public_url.as_str() {
        "" => format!("http://{address}"),
        url => url.trim_end_matches('/').to_owned(),
    };
    let serving = async {
        crate::welcome::greet(&server, &public_url, demo).await?;
        if let Some(followed) = followed {
            let client = Client::Socket(server.data().join(SOCKET_FILE));
            import::leadfactory::follow(&client, &followed, &server.state().leadfactory).await;
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

/// Listens on the ports of dialects that are on; what each is called.
async fn bind_dialects(state: &AppState) -> Result<Vec<(&'static str, TcpListener)>, CliError> {
    let settings = &state.config.dialects.leadfactory;
    let mut listeners = Vec::new();
    let ports = [
        ("doors.leadfactory", settings.port),
        ("doors.leadfactory.breakdown", settings.breakdown_port),
    ];
    for (name, port) in ports {
        if !settings.enabled || port == 0 {
            continue;
        }
        let address = SocketAddr::from((settings.host, port));
        let listener = TcpListener::bind(address).await.map_err(|error| {
            CliError::Failed(format!(
                "cannot listen on {address} for LeadFactory's clients: {error}; choose another \
                 port in [dialects.leadfactory], or with `outlay leadfactory --port`"
            ))
        })?;
        tracing::info!(%address, "LeadFactory's clients are answered");
        listeners.push((name, listener));
    }
    if let Some(hint) = leadfactory::opening_hint(settings) {
        tracing::warn!("{hint}");
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
