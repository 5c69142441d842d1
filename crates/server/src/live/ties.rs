//! Whose connection it is: what is asked of an open one must come from whoever opened it.
//!
//! Over polling a connection is many requests, which name it by an id, and a WebSocket may take it
//! over by the same id. The library goes by the id alone, so whoever learnt one could read along,
//! send in another's name, or end it. Here the id counts only together with the credential that
//! opened the connection, and for others it is one that nobody knows.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Extensions, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use outlay_domain::people::{Caller, UserId, Via};
use parking_lot::Mutex;
use serde::Deserialize;

use crate::auth::is_socket;
use crate::error::ApiError;

/// A connection over which nothing comes for so long is over: its client is asked every 25 seconds
/// whether it is there, and has 20 to say so.
const SILENT_MAX: Duration = Duration::from_secs(120);
/// Connections that one owner may open within that time.
const OPENED_MAX: usize = 500;
/// Ties beyond which those that are over are looked for.
const TIES_MANY: usize = 1_000;
/// Bytes of what a connection begins with, at most.
const OPENING_BYTES_MAX: usize = 4 * 1024;

/// What the library itself says of an id that nobody has.
const UNKNOWN: &str = r#"{"code":"1","message":"Session ID unknown"}"#;

/// Whoever opens a connection, by what they proved who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A caller, with their credential.
    Caller(UserId, Via),
    /// Whoever has the key that is in the settings.
    FixedKey,
    /// Whoever calls from there, and needs no credential.
    Address(IpAddr),
}

impl From<&Caller> for Owner {
    fn from(caller: &Caller) -> Self {
        Self::Caller(caller.user.clone(), caller.via.clone())
    }
}

/// The open connections, and whose they are.
pub struct Ties {
    /// Who sent a request, as whatever let them in says.
    owner: fn(&Extensions) -> Option<Owner>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    ties: HashMap<String, Tie>,
    /// How many were left when it was last looked for those that are over.
    left: usize,
}

struct Tie {
    owner: Owner,
    heard_at: Instant,
}

impl Tie {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard_at) > SILENT_MAX
    }
}

impl Ties {
    /// No connections yet.
    pub fn new(owner: fn(&Extensions) -> Option<Owner>) -> Arc<Self> {
        Arc::new(Self { owner, open: Mutex::default() })
    }

    /// Whether the connection is `owner`'s, who is heard of now.
    fn hear(&self, id: &str, owner: &Owner, now: Instant) -> bool {
        match self.open.lock().ties.get_mut(id) {
            Some(tie) if tie.owner == *owner => {
                tie.heard_at = now;
                true
            }
            _ => false,
        }
    }

    /// Whether `owner` may open another.
    fn has_room(&self, owner: &Owner, now: Instant) -> bool {
        let open = self.open.lock();
        let own = open.ties.values().filter(|tie| tie.owner == *owner && !tie.is_over(now));
        own.count() < OPENED_MAX
    }

    fn add(&self, id: String, owner: Owner, now: Instant) {
        let mut open = self.open.lock();
        if open.ties.len() >= TIES_MANY.max(2 * open.left) {
            open.ties.retain(|_, tie| !tie.is_over(now));
            open.left = open.ties.len();
        }
        open.ties.insert(id, Tie { owner, heard_at: now });
    }
}

/// Lets a request through to the connection that it names where that is its sender's own, and
/// remembers whose it is where it opens one.
pub async fn hold(State(ties): State<Arc<Ties>>, request: Request, next: Next) -> Response {
    if !is_socket(request.uri().path()) {
        return next.run(request).await;
    }
    let Some(owner) = (ties.owner)(request.extensions()) else { return unknown() };
    let named = request.uri().query().and_then(id_in);
    if let Some(id) = named {
        return match ties.hear(id, &owner, Instant::now()) {
            true => next.run(request).await,
            false => unknown(),
        };
    }
    if !ties.has_room(&owner, Instant::now()) {
        let detail = "this caller opens more live connections than they may";
        return ApiError::too_many(SILENT_MAX.as_secs(), detail).into_response();
    }
    tie(&ties, owner, next.run(request).await).await
}

/// The id in the query, read as the library reads it.
fn id_in(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("sid="))
}

/// What the connection begins with that a request has just opened.
#[derive(Deserialize)]
struct Opening {
    sid: String,
}

/// Remembers the connection that an answer tells of. A WebSocket's is told over the socket alone,
/// and no other request may name it.
async fn tie(ties: &Ties, owner: Owner, response: Response) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(text) = Limited::new(body, OPENING_BYTES_MAX).collect().await else { return unknown() };
    let text = text.to_bytes();
    let json = text.iter().position(|byte| *byte == b'{').map(|at| &text[at..]);
    if let Some(Opening { sid }) = json.and_then(|json| serde_json::from_slice(json).ok()) {
        ties.add(sid, owner, Instant::now());
    }
    Response::from_parts(parts, Body::from(text))
}

fn unknown() -> Response {
    (StatusCode::BAD_REQUEST, [(header::CONTENT_TYPE, "application/json")], UNKNOWN).into_response()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn from(last: u8) -> Owner {
        Owner::Address(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn a_connection_is_its_owners_as_long_as_it_is_heard_of() {
        let ties = Ties::new(|_| None);
        let began = Instant::now();
        ties.add("a".into(), from(1), began);

        assert!(ties.hear("a", &from(1), began));
        assert!(!ties.hear("a", &from(2), began));
        assert!(!ties.hear("a", &Owner::FixedKey, began));
        assert!(!ties.hear("b", &from(1), began), "nobody opened it");
    }

    #[test]
    fn what_is_over_is_forgotten_and_one_owner_takes_no_room_of_others() {
        let ties = Ties::new(|_| None);
        let began = Instant::now();
        for number in 0..OPENED_MAX {
            assert!(ties.has_room(&from(1), began));
            ties.add(format!("a{number}"), from(1), began);
        }
        assert!(!ties.has_room(&from(1), began));
        assert!(ties.has_room(&from(2), began));

        let later = began + SILENT_MAX + Duration::from_millis(1);
        assert!(ties.has_room(&from(1), later));
        for number in 0..=TIES_MANY {
            ties.add(format!("b{number}"), from(2), later);
        }
        assert_eq!(ties.open.lock().ties.len(), TIES_MANY + 1, "the old ones are gone");
    }

    #[test]
    fn the_id_is_read_as_the_library_reads_it() {
        assert_eq!(id_in("EIO=4&transport=polling&sid=abc&sid=def"), Some("abc"));
        assert_eq!(id_in("EIO=4&sid="), Some(""));
        assert_eq!(id_in("EIO=4&xsid=abc&SID=abc&s%69d=abc"), None);
    }
}
