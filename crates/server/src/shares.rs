//! What all requests share, memory and processor time, parted so that no caller takes all.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Buf, Bytes, BytesMut};
use compact_str::CompactString;
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt, LengthLimitError};
use outlay_engine::parted::{Parted, Share};
use tokio::time::{Instant, timeout_at};

use crate::config::Config;
use crate::error::ApiError;

/// How long a request waits for memory for its body.
const BODY_PATIENCE: Duration = Duration::from_secs(2);
/// How long a request waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(20);
/// Files that are sent at a time. Each takes some megabytes for as long as its reader is slow.
const DOWNLOADS: usize = 8;
/// How long a request waits for its turn at that. Tests have less patience.
const DOWNLOAD_PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 20_000 });
/// Memory for bodies is shared in units of so many bytes.
const UNIT_BYTES: usize = 1024;
/// What a growing body takes at a time.
const STEP_UNITS: usize = 256;
/// A body's time grows by a second for so many bytes.
const BYTES_A_SECOND: usize = 64 * 1024;
/// Work on fewer bytes takes less time than handing it to another thread.
const SMALL_BYTES: usize = 16 * 1024;

/// Memory for bodies, turns at the processor, and files that are sent.
#[derive(Debug)]
pub struct Shares {
    body_units: Arc<Parted>,
    turns: Parted,
    downloads: Parted,
    body_time: Duration,
}

impl Shares {
    /// Shares by the settings.
    pub fn new(config: &Config) -> Self {
        let units = config.ingest.bodies_bytes / UNIT_BYTES;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            body_units: Arc::new(Parted::new(units, BODY_PATIENCE)),
            // One core is left to those that answer, so that they need not wait for a slice of time
            // of somebody who works.
            turns: Parted::new(cores.saturating_sub(1), TURN_PATIENCE),
            downloads: Parted::new(DOWNLOADS, DOWNLOAD_PATIENCE),
            body_time: Duration::from_secs(config.limits.body_seconds.into()),
        }
    }

    /// Reads the whole body of `who`'s request, up to `max` bytes.
    pub async fn read(&self, who: &str, mut body: Body, max: usize) -> Result<Held, ApiError> {
        let began = Instant::now();
        let mut share = None;
        let mut taken_units = 0;
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        let announced = body.size_hint().exact().unwrap_or(0);
        let mut length = 0;
        loop {
            let patience = self.body_time + Duration::from_secs((length / BYTES_A_SECOND) as u64);
            let frame = timeout_at(began + patience, body.frame()).await.map_err(|_| too_slow())?;
            let Some(frame) = frame else { break };
            let Ok(data) = frame.map_err(|error| unreadable(&error))?.into_data() else { continue };
            length += data.len();
            if length > max {
                return Err(too_large(max));
            }
            let units = length.div_ceil(UNIT_BYTES);
            if units > taken_units {
                let step =
                    if taken_units == 0 { units } else { (units - taken_units).max(STEP_UNITS) };
                taken_units += step;
                let more = self.body_units.take(who, step).await.ok_or_else(no_memory)?;
                merge(&mut share, more);
            }
            // Most bodies come in one piece, and stay it.
            if first.is_empty() && all.is_empty() {
                first = data;
                continue;
            }
            if all.is_empty() {
                // Room for what is announced: pages that nothing is written to cost nothing.
                all.reserve(usize::try_from(announced).unwrap_or(max).min(max));
                all.extend_from_slice(&first);
                first = Bytes::new();
            }
            all.extend_from_slice(&data);
        }
        let bytes = if all.is_empty() { first } else { all.freeze() };
        Ok(Held { bytes, _share: share })
    }

    /// Unpacks a body, up to `max` bytes. No turn is held while it waits for memory.
    pub async fn unpack(
        &self,
        who: &str,
        packed: Held,
        way: Packing,
        max: usize,
    ) -> Result<Held, ApiError> {
        let mut unpacking = match way {
            Packing::None => return Ok(packed),
            packing => Unpacking::of(packed.bytes.clone(), packing)?,
        };
        loop {
            let more = self.body_units.take(who, STEP_UNITS).await.ok_or_else(no_memory)?;
            let (units, name) = (self.body_units.clone(), CompactString::from(who));
            let work = move || unpacking.go_on(more, max, || units.take_free(&name, STEP_UNITS));
            match self.long_work(who, work).await?? {
                Unpacked::Whole(held) => return Ok(held),
                Unpacked::Partly(rest) => unpacking = rest,
            }
        }
    }

    /// Does work for `who`, about `bytes` of input: little of it at once, more of it in turns, away
    /// from the threads that answer everybody.
    pub async fn work<T: Send + 'static>(
        &self,
        who: &str,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        if bytes <= SMALL_BYTES {
            return Ok(work());
        }
        self.long_work(who, work).await
    }

    /// Does work for `who` that may take long, in turns.
    pub async fn long_work<T: Send + 'static>(
        &self,
        who: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.turns.take(who, 1).await.ok_or_else(no_turn)?;
        let worked = tokio::task::spawn_blocking(move || {
            // The turn lasts as long as the work, although nobody may wait for it any more.
            let _turn = turn;
            work()
        });
        worked.await.map_err(|error| ApiError::internal(&error))
    }

    /// A turn of `who` at sending a file that is made while it is read.
    pub async fn download(&self, who: &str) -> Result<Share, ApiError> {
        self.downloads.take(who, 1).await.ok_or_else(no_download)
    }

    /// Does work that is bounded already, away from the threads that answer everybody where it
    /// `is_long`.
    pub async fn aside<T: Send + 'static>(
        is_long: bool,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        if !is_long {
            return Ok(work());
        }
        tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::internal(&error))
    }
}

/// A body that was read. Its share of the memory is given back when it is gone.
#[derive(Debug)]
pub struct Held {
    bytes: Bytes,
    _share: Option<Share>,
}

impl std::ops::Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A body that is being unpacked.
struct Unpacking {
    reader: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    share: Option<Share>,
}

/// How far that went.
enum Unpacked {
    Whole(Held),
    /// There was no more memory.
    Partly(Unpacking),
}

impl Unpacking {
    fn of(packed: Bytes, way: Packing) -> Result<Self, ApiError> {
        let packed = packed.reader();
        let reader: Box<dyn Read + Send> = match way {
            Packing::None => Box::new(packed),
            Packing::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Packing::Zstd => Box::new(zstd_reader(packed).map_err(|error| broken(&error))?),
        };
        Ok(Self { reader, bytes: Vec::new(), share: None })
    }

    /// Unpacks as long as there is memory, and up to `max` bytes.
    fn go_on(
        mut self,
        share: Share,
        max: usize,
        more: impl Fn() -> Option<Share>,
    ) -> Result<Unpacked, ApiError> {
        let mut free = Some(share);
        while let Some(share) = free {
            merge(&mut self.share, share);
            let step = STEP_UNITS * UNIT_BYTES;
            let read = self.reader.by_ref().take(step as u64).read_to_end(&mut self.bytes);
            let read = read.map_err(|error| broken(&error))?;
            if self.bytes.len() > max {
                return Err(too_large(max));
            }
            if read < step {
                return Ok(Unpacked::Whole(Held { bytes: self.bytes.into(), _share: self.share }));
            }
            std::thread::yield_now();
            // Room for all that may come, where there is much: pages that nobody writes to cost nothing,
            // and moving megabytes again and again would.
            self.bytes.reserve_exact((max + 1).saturating_sub(self.bytes.len()));
            free = more();
        }
        Ok(Unpacked::Partly(self))
    }
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    None,
    /// `gzip`.
    Gzip,
    /// `zstd`.
    Zstd,
}

impl Packing {
    /// What the headers of a request say.
    pub fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let said = headers.get_all(header::CONTENT_ENCODING).iter().collect::<Vec<_>>();
        let word = match said.as_slice() {
            [] => return Ok(Self::None),
            [word] => word.to_str().unwrap_or("?").trim().to_ascii_lowercase(),
            [..] => "several".into(),
        };
        match word.as_str() {
            "" | "identity" => Ok(Self::None),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            other => {
                let detail = format!("`{other}` is no way of packing that is understood");
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                Err(ApiError::new(status, "unsupported", detail)
                    .at("Content-Encoding")
                    .mend("send the body as it is, or packed by gzip or zstd"))
            }
        }
    }
}

/// A reader that takes no more memory for its window than RFC 8878 asks of every reader.
fn zstd_reader(packed: impl BufRead) -> io::Result<impl Read> {
    const WINDOW_LOG_MAX: u32 = 23;
    let mut reader = zstd::stream::read::Decoder::with_buffer(packed)?;
    reader.window_log_max(WINDOW_LOG_MAX)?;
    Ok(reader)
}

fn merge(share: &mut Option<Share>, more: Share) {
    match share {
        Some(share) => share.merge(more),
        None => *share = Some(more),
    }
}

fn too_large(max: usize) -> ApiError {
    let detail = format!("the body has more than {max} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
        .at("body")
        .mend("send less in one request")
}

fn unreadable(error: &axum::Error) -> ApiError {
    let source = std::error::Error::source(error);
    if source.is_some_and(|source| source.downcast_ref::<LengthLimitError>().is_some()) {
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is too large")
            .at("body")
            .mend("send less in one request");
    }
    ApiError::bad_request("malformed", "body", format!("the body cannot be read: {error}"))
        .mend("check that its Content-Encoding is what it says, and that it is whole")
}

fn broken(error: &io::Error) -> ApiError {
    ApiError::bad_request("malformed", "body", format!("the body cannot be unpacked: {error}"))
        .mend("check that its Content-Encoding is what it says, and that it is whole")
}

fn too_slow() -> ApiError {
    let detail = "the body of the request did not come in time";
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "too_slow", detail)
        .at("body")
        .mend("send it again over a better line, or less in one request")
}

fn no_memory() -> ApiError {
    ApiError::too_many(1, "too many bytes of requests are being read")
        .mend("send the same request again after Retry-After; nothing of it was kept")
}

fn no_turn() -> ApiError {
    ApiError::too_many(2, "too much is being worked on for this caller, or for everybody")
        .mend("send the same request again after Retry-After; nothing of it was kept")
}

fn no_download() -> ApiError {
    ApiError::too_many(10, "too many files are being sent to this caller, or to everybody")
        .mend("ask again after Retry-After, when others are read to their end")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_up_to_its_bound_and_gives_its_share_back() {
        let mut config = Config::default();
        config.ingest.bodies_bytes = 1024 * 1024;
        let shares = Shares::new(&config);
        let body = || Body::from(vec![b'x'; 300 * 1024]);

        let held = shares.read("alice", body(), 300 * 1024).await.unwrap();
        assert_eq!(held.len(), 300 * 1024);
        assert_eq!(shares.body_units.free(), 1024 - 300);
        let refused = shares.read("alice", body(), 300 * 1024 - 1).await.unwrap_err();
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);

        drop(held);
        assert_eq!(shares.body_units.free(), 1024);
    }

    #[tokio::test]
    async fn what_unpacks_to_more_than_its_bound_is_left_at_the_bound() {
        let packed = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
        let shares = Shares::new(&Config::default());
        let unpack = async |bytes: Vec<u8>, max: usize| {
            let held = shares.read("alice", Body::from(bytes), 1 << 20).await.unwrap();
            shares.unpack("alice", held, Packing::Zstd, max).await
        };

        let bomb = packed(&vec![0; 64 << 20]);
        assert!(bomb.len() < 10_000);
        assert_eq!(unpack(bomb, 1 << 20).await.unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(unpack(packed(b"whole"), 5).await.unwrap().len(), 5);
        assert_eq!(unpack(b"no such thing".to_vec(), 99).await.unwrap_err().code, "malformed");
        let all = shares.body_units.free();
        assert_eq!(all, Config::default().ingest.bodies_bytes / UNIT_BYTES);
    }

    #[tokio::test]
    async fn one_caller_who_reads_nothing_leaves_files_to_others() {
        let shares = Shares::new(&Config::default());
        let mut held = Vec::new();
        for _ in 0..DOWNLOADS / 2 {
            held.push(shares.download("mallory").await.unwrap());
        }

        let refused = shares.download("mallory").await.unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after), (429, Some(10)));
        assert!(shares.download("alice").await.is_ok());

        held.pop();
        assert!(shares.download("mallory").await.is_ok());
    }

    #[tokio::test]
    async fn a_body_over_what_a_caller_may_hold_waits_and_is_refused_as_too_many() {
        let mut config = Config::default();
        config.ingest.bodies_bytes = 1024 * 1024;
        let mut shares = Shares::new(&config);
        shares.body_units = Arc::new(Parted::new(1024, Duration::from_millis(1)));
        let body = || Body::from(vec![b'x'; 400 * 1024]);

        let held = shares.read("alice", body(), 1024 * 1024).await.unwrap();
        let refused = shares.read("alice", body(), 1024 * 1024).await.unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.retry_after), (429, Some(1)));
        assert!(shares.read("bob", body(), 1024 * 1024).await.is_ok());
        drop(held);
        assert!(shares.read("alice", body(), 1024 * 1024).await.is_ok());
    }
}
