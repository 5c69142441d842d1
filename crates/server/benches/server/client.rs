//! As little of an HTTP client as the measuring needs, so that the server's work is what counts.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// An answer.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// How a body is packed.
#[derive(Clone, Copy)]
pub enum Packing {
    /// Not at all.
    None,
    /// `gzip`.
    Gzip,
}

/// One kept-alive connection.
pub struct Connection {
    stream: TcpStream,
    token: String,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub fn open(address: &str, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, token: token.to_owned(), buffer: Vec::new() })
    }

    /// `GET path`.
    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.stream.write_all(head("GET", path, &self.token, None).as_bytes())?;
        self.answer()
    }

    /// `POST path`.
    pub fn post(&mut self, path: &str, body: &[u8]) -> io::Result<Answer> {
        self.post_packed(path, Packing::None, body)
    }

    /// `POST path` with a body that is packed.
    pub fn post_packed(&mut self, path: &str, packing: Packing, body: &[u8]) -> io::Result<Answer> {
        let head = head("POST", path, &self.token, Some(body.len()));
        let head = match packing {
            Packing::None => head,
            Packing::Gzip => head.replacen("\r\n", "\r\nContent-Encoding: gzip\r\n", 1),
        };
        self.stream.write_all(head.as_bytes())?;
        self.stream.write_all(body)?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Answer> {
        self.buffer.clear();
        let mut chunk = [0; 65_536];
        loop {
            if let Some((status, start, length)) = parse(&self.buffer)
                && self.buffer.len() >= start + length
            {
                return Ok(Answer { status, body: self.buffer[start..start + length].to_vec() });
            }
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.buffer.extend_from_slice(&chunk[..read]),
            }
        }
    }
}

/// The same, for many connections on one thread.
pub struct AsyncConnection {
    stream: tokio::net::TcpStream,
    token: String,
    buffer: Vec<u8>,
    start: usize,
}

impl AsyncConnection {
    /// Connects.
    pub async fn open(address: &str, token: &str) -> Self {
        let stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("an option");
        Self { stream, token: token.to_owned(), buffer: Vec::new(), start: 0 }
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// `POST path`; answers the status.
    pub async fn post(&mut self, path: &str, body: &[u8]) -> u16 {
        let mut request = head("POST", path, &self.token, Some(body.len())).into_bytes();
        request.extend_from_slice(body);
        self.stream.write_all(&request).await.expect("a write");
        self.buffer.clear();
        loop {
            if let Some((status, start, length)) = parse(&self.buffer)
                && self.buffer.len() >= start + length
            {
                self.start = start;
                return status;
            }
            let read = self.stream.read_buf(&mut self.buffer).await.expect("a read");
            assert!(read > 0, "the server closed the connection");
        }
    }
}

fn head(method: &str, path: &str, token: &str, length: Option<usize>) -> String {
    let length = length.map_or_else(String::new, |length| {
        format!("Content-Type: application/json\r\nContent-Length: {length}\r\n")
    });
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{length}\r\n"
    )
}

/// Status, start of the body and its length, once the head is whole.
fn parse(bytes: &[u8]) -> Option<(u16, usize, usize)> {
    let start = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..start]).ok()?.to_ascii_lowercase();
    let status = head.get(9..12)?.parse().ok()?;
    let length = head.split("content-length: ").nth(1)?.split('\r').next()?.parse().ok()?;
    Some((status, start, length))
}
