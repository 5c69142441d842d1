//! A stream that does not wait for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::bare;
use super::places::Place;

/// For how long, and for how many bytes, is read what a client sends on that was refused. A
/// connection that is closed with something unread takes the answer with it.
const AFTERWARDS: Duration = Duration::from_secs(2);
const AFTERWARDS_BYTES: usize = 4 * 1024 * 1024;

/// How long is waited for what; for ever, where nothing is said.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the whole head of a request, from its first byte on or from the beginning.
    pub head: Option<Duration>,
    /// For the next request.
    pub idle: Option<Duration>,
    /// For a client to take some of what it asked for.
    pub write: Option<Duration>,
}

impl Patience {
    /// For ever.
    pub const fn endless() -> Self {
        Self { head: None, idle: None, write: None }
    }
}

/// A stream, with the place that its connection takes as long as it lasts.
pub struct Watched<S> {
    stream: S,
    place: Place,
    patience: Patience,
    /// How many requests were answered when it was last looked at.
    answered: u64,
    /// Whether some of a head has come.
    is_in_head: bool,
    reading: Timer,
    writing: Timer,
    instead: Instead,
}

/// What is written instead of an answer that the library made by itself.
#[derive(Default)]
struct Instead {
    bytes: Vec<u8>,
    written: usize,
    /// Bytes that are still read after it; nothing where there was no such answer.
    left: Option<usize>,
    /// Whether the client has been told that nothing comes after it.
    is_told: bool,
}

impl<S> Watched<S> {
    /// Watches a stream.
    pub fn new(stream: S, place: Place, patience: Patience) -> Self {
        let mut reading = Timer::default();
        reading.set(patience.head);
        Self {
            stream,
            place,
            patience,
            answered: 0,
            // Whoever connects means to ask something.
            is_in_head: true,
            reading,
            writing: Timer::default(),
            instead: Instead::default(),
        }
    }

    /// Whether `bytes` are a bare refusal, which is then written in our shape.
    fn is_replaced(&mut self, bytes: &[u8]) -> bool {
        let instead = match self.place.line().is_waiting() {
            true => bare::shaped(bytes),
            false => None,
        };
        let Some(instead) = instead else { return false };
        self.instead =
            Instead { bytes: instead, left: Some(AFTERWARDS_BYTES), ..Instead::default() };
        true
    }

    /// Notes that bytes came.
    fn heard(&mut self) {
        self.look();
        if self.place.line().is_waiting() && !self.is_in_head {
            self.is_in_head = true;
            self.reading.set(self.patience.head);
        }
    }

    /// Starts to wait for the next request once one is answered.
    fn look(&mut self) {
        let answered = self.place.line().answered();
        if answered != self.answered {
            self.answered = answered;
            self.is_in_head = false;
            self.reading.set(self.patience.idle);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(context, into) {
            if into.filled().len() > before {
                this.heard();
            }
            return Poll::Ready(read);
        }
        if this.place.line().is_waiting() {
            this.look();
            ready!(this.reading.poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.writing.stop();
            return written;
        }
        if !self.writing.is_set() {
            self.writing.set(self.patience.write);
        }
        ready!(self.writing.poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    /// Writes what stands for a bare refusal.
    fn poll_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.instead.written < self.instead.bytes.len() {
            let rest = &self.instead.bytes[self.instead.written..];
            let written = Pin::new(&mut self.stream).poll_write(context, rest);
            match ready!(self.written(context, written))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.instead.written += count,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// Reads what a client sends on that was refused, until it ends or the time is over.
    fn poll_rest(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 8 * 1024];
        while let Some(left @ 1..) = self.instead.left {
            let mut into = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(context, &mut into) {
                Poll::Pending => return self.reading.poll(context),
                Poll::Ready(Ok(())) if !into.filled().is_empty() => {
                    self.instead.left = Some(left.saturating_sub(into.filled().len()));
                }
                Poll::Ready(_) => break,
            }
        }
        self.instead.left = None;
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_instead(context))?;
        if this.is_replaced(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_instead(context))?;
        let mut filled = parts.iter().filter(|part| !part.is_empty());
        if let (Some(only), None) = (filled.next(), filled.next())
            && this.is_replaced(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        this.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_instead(context))?;
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.written(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_instead(context))?;
        if !this.instead.is_told {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            this.instead.is_told = this.instead.left.is_some();
            this.reading.set(Some(AFTERWARDS));
        }
        this.poll_rest(context).map(Ok)
    }
}

/// The end of some waiting.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    is_set: bool,
}

impl Timer {
    fn set(&mut self, patience: Option<Duration>) {
        self.is_set = patience.is_some();
        let Some(patience) = patience else { return };
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(Instant::now() + patience),
            None => self.sleep = Some(Box::pin(sleep(patience))),
        }
    }

    fn stop(&mut self) {
        self.is_set = false;
    }

    fn is_set(&self) -> bool {
        self.is_set
    }

    /// Ready once the time is over.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.sleep {
            Some(sleep) if self.is_set => sleep.as_mut().poll(context),
            _ => Poll::Pending,
        }
    }
}
