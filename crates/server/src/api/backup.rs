//! Backups: downloaded as one file, or put into a folder of the server's machine.

use std::io::{self, Write};
use std::path::PathBuf;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bytes::{Bytes, BytesMut};
use futures::stream;
use outlay_domain::people::{Act, Via};
use outlay_engine::backup::{ARCHIVE_ENDING, BackupError, BackupNote, Staged};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::Json;
use crate::state::AppState;

/// Bytes that are sent at a time.
const CHUNK_BYTES: usize = 128 * 1024;
/// Chunks that are made ahead of a slow reader.
const CHUNKS_AHEAD: usize = 4;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(download)).routes(routes!(put_into_folder))
}

/// Sends a backup: everything as it stands now, as a tar compressed with zstd.
///
/// It holds all that the server knows, hashes of passwords and secrets included.
#[utoipa::path(post, path = "/api/v1/backup", operation_id = "download_backup", tag = "operations",
    responses((status = 200, body = String, content_type = "application/zstd"),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 429, body = ApiError), (status = 503, body = ApiError)))]
async fn download(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<impl IntoResponse, ApiError> {
    caller.may(Act::Administer)?;
    let turn = state.shares.download(caller.user.as_str()).await?;
    let staged = stage(&state).await?;
    let name = staged.note().made_at.format("outlay-%Y-%m-%dT%H%M%SZ");
    let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
    tokio::task::spawn_blocking(move || {
        // The turn lasts as long as the files that were put aside for it.
        let _turn = turn;
        send(&staged, sender);
    });
    let body = Body::from_stream(stream::unfold(chunks, |mut chunks| async {
        chunks.recv().await.map(|chunk| (chunk, chunks))
    }));
    let headers = [
        (header::CONTENT_TYPE, "application/zstd".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}{ARCHIVE_ENDING}\"")),
    ];
    Ok((headers, body))
}

/// Where to put a backup.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BackupFolder {
    /// A folder of the server's machine that is empty or not there, from the root.
    #[schema(value_type = String, example = "/backups/outlay-2026-01-31")]
    folder: PathBuf,
}

/// What a backup holds.
#[derive(Debug, Serialize, ToSchema)]
struct BackupBody {
    /// Where it is.
    folder: String,
    /// When it was made.
    made_at: chrono::DateTime<chrono::Utc>,
    /// Events on all accounts.
    events: i64,
    /// Bytes of its files.
    size_bytes: u64,
}

/// Puts a backup into a folder of the server's machine.
///
/// Only over the socket in the data folder, since whoever may choose a folder may write there as
/// the server.
#[utoipa::path(post, path = "/api/v1/backup/folder", operation_id = "create_backup",
    tag = "operations",
    request_body = BackupFolder,
    responses((status = 201, body = BackupBody), (status = 400, body = ApiError),
        (status = 401, body = ApiError), (status = 403, body = ApiError),
        (status = 409, body = ApiError), (status = 422, body = ApiError),
        (status = 503, body = ApiError)))]
async fn put_into_folder(
    State(state): State<AppState>,
    caller: Caller,
    Json(body): Json<BackupFolder>,
) -> Result<(StatusCode, Json<BackupBody>), ApiError> {
    caller.may(Act::Administer)?;
    if caller.via != Via::Operator {
        return Err(ApiError::forbidden(
            "a folder is only written for the owner of the data folder",
        )
        .mend("download the backup with POST /api/v1/backup"));
    }
    if !body.folder.is_absolute() {
        return Err(ApiError::bad_request("malformed", "folder", "must begin at the root"));
    }
    let staged = stage(&state).await?;
    let folder = body.folder.clone();
    let note: BackupNote = tokio::task::spawn_blocking(move || staged.move_to(&folder))
        .await
        .map_err(|error| ApiError::internal(&error))??;
    let body = BackupBody {
        folder: body.folder.display().to_string(),
        made_at: note.made_at,
        events: note.events,
        size_bytes: note.size_bytes,
    };
    Ok((StatusCode::CREATED, Json(body)))
}

async fn stage(state: &AppState) -> Result<Staged, ApiError> {
    let outlay = state.outlay.clone();
    let staged = tokio::task::spawn_blocking(move || outlay.stage_backup());
    Ok(staged.await.map_err(|error| ApiError::internal(&error))??)
}

/// Writes the archive into the answer. A failure ends the answer before its end.
fn send(staged: &Staged, sender: mpsc::Sender<io::Result<Bytes>>) {
    let to = Chunks { sender: sender.clone(), buffer: BytesMut::with_capacity(CHUNK_BYTES) };
    if let Err(error) = staged.write_archive(to) {
        if error.kind() != io::ErrorKind::BrokenPipe {
            tracing::error!(%error, "a backup could not be sent to its end");
        }
        // Nobody is left to be told when the reader went away.
        let _ = sender.blocking_send(Err(error));
    }
}

/// Gathers what is written into chunks of the answer.
struct Chunks {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: BytesMut,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let chunk = self.buffer.split().freeze();
        self.sender.blocking_send(Ok(chunk)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl From<BackupError> for ApiError {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::NotEmpty(_) => Self::conflict(error.to_string()).at("folder"),
            BackupError::NotABackup { .. } => {
                Self::unprocessable("not_a_backup", error.to_string())
            }
            BackupError::File { ref source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::InvalidFilename => {
                    Self::unprocessable("not_writable", error.to_string()).at("folder")
                }
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Self::unavailable(60, error.to_string())
                }
                _ => Self::internal(&error),
            },
            BackupError::Store(error) => error.into(),
        }
    }
}
