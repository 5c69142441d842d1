//! How soon a commit reaches the open pages.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use tokio::sync::Barrier;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::Server;
use super::client::AsyncConnection;
use super::events::EventTemplate;

/// Open pages.
const SOCKETS: usize = 1_000;
/// Events that are sent one by one, each once the pages are quiet.
const EVENTS: usize = 40;
/// Pages are told ten times a second at most; after this long they are quiet.
const QUIET: Duration = Duration::from_millis(400);

/// What the sockets saw: when the event under way was sent, and how long each took to hear of it.
#[derive(Default)]
struct Seen {
    sent: Option<Instant>,
    times: Vec<Duration>,
}

/// Sends events one by one while pages are open, and prints how long after the sending each page
/// heard of each; the request and its fsync are part of it.
pub fn measure(server: &Server) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut times = runtime.block_on(send_and_hear(server));
    times.sort();
    let at = |part: f64| times[(times.len() as f64 * part) as usize];
    println!(
        "from an event to {SOCKETS} pages       p50 {:>6.1?}  p99 {:.1?}  ({} of {} heard)",
        at(0.5),
        at(0.99),
        times.len(),
        SOCKETS * EVENTS
    );
}

async fn send_and_hear(server: &Server) -> Vec<Duration> {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let open = Arc::new(Barrier::new(SOCKETS + 1));
    for _ in 0..SOCKETS {
        let (address, token) = (server.address.clone(), server.token.clone());
        tokio::spawn(hear(address, token, open.clone(), seen.clone()));
    }
    open.wait().await;
    let mut connection = AsyncConnection::open(&server.address, &server.token).await;
    let mut template = EventTemplate::single(5_000);
    for _ in 0..EVENTS {
        tokio::time::sleep(QUIET).await;
        seen.lock().expect("no panic").sent = Some(Instant::now());
        assert_eq!(connection.post("/api/v1/events", template.next()).await, 200);
    }
    tokio::time::sleep(QUIET).await;
    std::mem::take(&mut seen.lock().expect("no panic").times)
}

/// One page: a Socket.IO client over a websocket.
async fn hear(address: String, token: String, open: Arc<Barrier>, seen: Arc<Mutex<Seen>>) {
    let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
    let mut request = url.into_client_request().expect("a request");
    let bearer = format!("Bearer {token}").parse().expect("a header");
    request.headers_mut().insert("Authorization", bearer);
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.expect("a socket");
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        // The packets of Engine.IO: 0 opens, 2 asks for a 3; those of Socket.IO within it: 40 is
        // the way in, 42 an event.
        if text.starts_with('0') {
            socket.send(Message::text("40")).await.expect("a socket that lasts");
        } else if text.starts_with('2') {
            socket.send(Message::text("3")).await.expect("a socket that lasts");
        } else if text.starts_with("40") {
            open.wait().await;
        } else if text.starts_with("42[\"usage\"") {
            let mut seen = seen.lock().expect("no panic");
            if let Some(sent) = seen.sent {
                seen.times.push(sent.elapsed());
            }
        }
    }
}
