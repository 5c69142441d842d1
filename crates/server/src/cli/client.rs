//! How commands talk to a server: the one of a data folder, one elsewhere, or none at all.
//!
//! Every command is a call of our own API. Where no server runs on the data folder, the command
//! opens the folder itself and calls the same routes in its own process.

use std::io::Write;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, Uri, header};
use axum::{BoxError, Router};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;
use tokio::net::UnixStream;
use tower::ServiceExt;

use crate::auth::LocalTrust;
use crate::startup::{self, SOCKET_FILE, Server};

/// Why a command did not get what it asked for.
#[derive(Debug, Error)]
pub enum CliError {
    /// The server said no. The text is its own.
    #[error("{}", refusal_text(.body, *.status))]
    Refused {
        /// Its answer's status.
        status: StatusCode,
        /// Its answer.
        body: Value,
    },
    /// Nobody answered.
    #[error("cannot reach {whom}: {why}")]
    Unreachable {
        /// Who should have.
        whom: String,
        /// What went wrong.
        why: String,
    },
    /// Something on this side.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    /// The exit code: 3 nobody answered, 4 denied, 1 anything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } => 3,
            Self::Refused { status, .. }
                if matches!(*status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) =>
            {
                4
            }
            _ => 1,
        }
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

fn refusal_text(body: &Value, status: StatusCode) -> String {
    let said = |key: &str| body.get(key).and_then(Value::as_str);
    let mut text = match (said("field"), said("detail")) {
        (Some(field), Some(detail)) => format!("{field}: {detail}"),
        (None, Some(detail)) => detail.to_owned(),
        _ => format!("the server answered {status}"),
    };
    if let Some(remedy) = said("remedy") {
        text.push_str("\n  ");
        text.push_str(remedy);
    }
    text
}

/// A way to a server.
pub enum Client {
    /// The running server of a data folder.
    Socket(PathBuf),
    /// The data folder itself, opened by this process.
    InProcess {
        /// Keeps the folder open.
        server: Box<Server>,
        /// Its routes.
        router: Router,
    },
    /// The server that this process is, by its routes as its owner calls them.
    Within(Router),
    /// A server elsewhere.
    Remote {
        /// Its address, without a path.
        url: String,
        /// What it knows us by.
        token: Option<String>,
        /// The connections.
        http: reqwest::Client,
    },
}

impl Client {
    /// The server of `data`, or the folder itself where none runs.
    pub async fn local(data: &Path) -> Result<Self, CliError> {
        let socket = data.join(SOCKET_FILE);
        if UnixStream::connect(&socket).await.is_ok() {
            return Ok(Self::Socket(socket));
        }
        let server = Server::open(data, startup::Purpose::Command)
            .await
            .map_err(|error| CliError::Failed(format!("{error:#}")))?;
        let router = server.router().layer(axum::Extension(LocalTrust));
        Ok(Self::InProcess { server: Box::new(server), router })
    }

    /// A server elsewhere.
    pub fn remote(url: &str, token: Option<String>) -> Result<Self, CliError> {
        crate::tls::install();
        let http = reqwest::Client::builder()
            .user_agent(concat!("outlay/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| CliError::Failed(error.to_string()))?;
        Ok(Self::Remote { url: url.trim_end_matches('/').to_owned(), token, http })
    }

    /// `GET path`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.json(Method::GET, path, None::<&()>).await
    }

    /// `POST path` with a JSON body.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        self.json(Method::POST, path, Some(body)).await
    }

    /// `PATCH path` with a JSON body.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        self.json(Method::PATCH, path, Some(body)).await
    }

    /// `PUT path`.
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        self.json(Method::PUT, path, Some(body)).await
    }

    /// `method path` without a body.
    pub async fn empty<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
    ) -> Result<T, CliError> {
        self.json(method, path, None::<&()>).await
    }

    /// `DELETE path`.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.json(Method::DELETE, path, None::<&()>).await
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, CliError> {
        let body = body.map(serde_json::to_vec).transpose().map_err(unreadable)?;
        let content_type = body.is_some().then_some("application/json");
        let body = Bytes::from(body.unwrap_or_default());
        let (status, answer) = self.send(method, path, content_type, body).await?;
        let answer: Value = if answer.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&answer).map_err(unreadable)?
        };
        if !status.is_success() {
            return Err(CliError::Refused { status, body: answer });
        }
        serde_json::from_value(answer).map_err(unreadable)
    }

    /// Sends any request, and answers whatever status came back.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), CliError> {
        let response = self.open(method, path, content_type, body).await?;
        let status = response.status();
        let body = response.into_body().collect().await;
        Ok((status, body.map_err(|error| self.unreachable(&error))?.to_bytes()))
    }

    /// Sends a request, and writes its answer to `to` as it comes; answers how many bytes it had.
    pub async fn download(
        &self,
        method: Method,
        path: &str,
        to: &mut (dyn Write + Send),
    ) -> Result<u64, CliError> {
        let mut response = self.open(method, path, None, Bytes::new()).await?;
        let status = response.status();
        if !status.is_success() {
            let body = response.into_body().collect().await;
            let body = body.map_err(|error| self.unreachable(&error))?.to_bytes();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            return Err(CliError::Refused { status, body });
        }
        let mut written = 0;
        while let Some(frame) = response.body_mut().frame().await {
            let frame = frame.map_err(|error| self.unreachable(&error))?;
            if let Some(bytes) = frame.data_ref() {
                to.write_all(bytes)?;
                written += bytes.len() as u64;
            }
        }
        Ok(written)
    }

    /// Sends a request; the body of the answer comes while it is read.
    async fn open(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Bytes,
    ) -> Result<Response<AnyBody>, CliError> {
        match self {
            Self::Socket(socket) => {
                let stream = UnixStream::connect(socket).await;
                let stream = stream.map_err(|error| self.unreachable(&error))?;
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream))
                        .await
                        .map_err(|error| self.unreachable(&error))?;
                tokio::spawn(connection);
                let request = request(method, path, content_type, Full::new(body))?;
                let response = sender.send_request(request).await;
                Ok(response.map_err(|error| self.unreachable(&error))?.map(any_body))
            }
            Self::InProcess { router, .. } | Self::Within(router) => {
                let request = request(method, path, content_type, Body::from(body))?;
                let Ok(response) = router.clone().oneshot(request).await;
                Ok(response.map(any_body))
            }
            Self::Remote { url, token, http } => {
                let mut request = http.request(method, format!("{url}{path}")).body(body);
                if let Some(content_type) = content_type {
                    request = request.header(header::CONTENT_TYPE, content_type);
                }
                if let Some(token) = token {
                    request = request.bearer_auth(token);
                }
                let response = request.send().await;
                let response = response.map_err(|error| self.unreachable(&error.without_url()))?;
                Ok(Response::from(response).map(any_body))
            }
        }
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> CliError {
        let whom = match self {
            Self::Socket(socket) => format!("the server of {}", socket.display()),
            Self::InProcess { server, .. } => server.data().display().to_string(),
            Self::Within(_) => "this server".to_owned(),
            Self::Remote { url, .. } => url.clone(),
        };
        CliError::Unreachable { whom, why: error.to_string() }
    }

    /// Lets go of the data folder, everything written.
    pub async fn close(self) {
        if let Self::InProcess { server, .. } = self {
            server.stop().await;
        }
    }
}

fn request<B>(
    method: Method,
    path: &str,
    content_type: Option<&str>,
    body: B,
) -> Result<Request<B>, CliError> {
    let uri: Uri = path.parse().map_err(unreadable)?;
    let mut request = Request::builder().method(method).uri(uri).header(header::HOST, "localhost");
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    request.body(body).map_err(unreadable)
}

/// The body of an answer, wherever it comes from.
type AnyBody = UnsyncBoxBody<Bytes, BoxError>;

fn any_body<B>(body: B) -> AnyBody
where
    B: hyper::body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    body.map_err(Into::into).boxed_unsync()
}

fn unreadable(error: impl std::fmt::Display) -> CliError {
    CliError::Failed(error.to_string())
}
