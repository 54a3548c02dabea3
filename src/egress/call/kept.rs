//! Connections to real systems. Whoever uses one drives it: a call costs no hand-over between tasks, and one that is
//! given up takes its connection with it.

use super::{CallBody, CutBody};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::domain::routing::PlatformIx;
use crate::tls::PeerIdentity;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Request, Response};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::TaskTracker;

/// The platform that asks, and scheme and authority of the system.
pub(super) type Key = (PlatformIx, String);

/// What a connection runs over: TCP or TLS.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Io for S {}

type Driver = Connection<TokioIo<Box<dyn Io>>, CallBody>;

/// A connection that serves a call, or waits for one.
pub(super) struct Line {
    sender: SendRequest<CallBody>,
    /// `None` while a task of its own drives it.
    driver: Option<Box<Driver>>,
    /// Who answers, by TLS.
    pub(super) peer: Option<PeerIdentity>,
}

impl Line {
    pub(super) async fn new(
        io: Box<dyn Io>,
        peer: Option<PeerIdentity>,
    ) -> Result<Self, hyper::Error> {
        let mut builder = Builder::new();
        let (sender, driver) =
            builder.max_buf_size(HEAD_BYTES_MAX).handshake(TokioIo::new(io)).await?;
        Ok(Self { sender, driver: Some(Box::new(driver)), peer })
    }

    fn drive(&mut self, context: &mut Context<'_>) {
        let Some(driver) = &mut self.driver else { return };
        if let Poll::Ready(ended) = Pin::new(driver).poll(context) {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to a real system ended");
            }
            // Whoever waits for something of it is told that nothing comes any more.
            self.driver = None;
        }
    }

    /// Whether it can take a request now. What the system did meanwhile, closing included, is seen first.
    fn is_ready(&mut self, context: &mut Context<'_>) -> bool {
        self.drive(context);
        !self.sender.is_closed() && self.sender.is_ready()
    }
}

/// Connections that wait for their next call, and the tasks of those that nobody drives.
#[derive(Debug)]
pub(super) struct Lines {
    clock: Arc<SystemClock>,
    /// How long a connection waits for its next call.
    idle: Duration,
    tasks: TaskTracker,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Since when, the longest first.
    lines: BTreeMap<Key, Vec<(Timestamp, Line)>>,
    is_swept: bool,
}

impl Lines {
    pub(super) fn new(clock: Arc<SystemClock>, idle: Duration) -> Arc<Self> {
        Arc::new(Self { clock, idle, tasks: TaskTracker::new(), waiting: Mutex::default() })
    }

    /// One that is free. Connections that ended are let go on the way.
    pub(super) fn take(&self, key: &Key) -> Option<Line> {
        loop {
            let (since, mut line) = self.waiting.lock().lines.get_mut(key)?.pop()?;
            let is_young = self.clock.now().since(since) < self.idle;
            if is_young && line.is_ready(&mut Context::from_waker(Waker::noop())) {
                return Some(line);
            }
        }
    }

    fn keep(self: &Arc<Self>, key: &Key, line: Line) {
        let mut waiting = self.waiting.lock();
        if waiting.lines.len() >= SYSTEMS_MAX && !waiting.lines.contains_key(key) {
            return;
        }
        let of_system = waiting.lines.entry(key.clone()).or_default();
        if of_system.len() < KEPT_MAX {
            of_system.push((self.clock.now(), line));
        }
        let is_swept = std::mem::replace(&mut waiting.is_swept, true);
        drop(waiting);
        if !is_swept {
            self.tasks.spawn(Arc::clone(self).sweep());
        }
    }

    /// Closes those that waited too long, until none waits.
    async fn sweep(self: Arc<Self>) {
        loop {
            self.clock.sleep_until(self.clock.now().plus(self.idle)).await;
            let now = self.clock.now();
            let mut waiting = self.waiting.lock();
            waiting.lines.retain(|_, lines| {
                lines.retain(|(since, _)| now.since(*since) < self.idle);
                !lines.is_empty()
            });
            if waiting.lines.is_empty() {
                waiting.is_swept = false;
                return;
            }
        }
    }

    /// Sends a request, once. An error that holds the request says that nothing of it was written.
    pub(super) async fn send(
        self: &Arc<Self>,
        key: &Key,
        mut line: Line,
        request: Request<CallBody>,
    ) -> Result<Response<CallBody>, TrySendError<Request<CallBody>>> {
        let is_streamed = matches!(request.body(), CallBody::Stream(_));
        let mut sent = pin!(line.sender.try_send_request(request));
        // A body may still be sent when the answer is there and nobody reads it yet: it goes on by itself.
        if is_streamed && let Some(driver) = line.driver.take() {
            self.tasks.spawn(async move {
                if let Err(error) = driver.await {
                    tracing::debug!(%error, "a connection to a real system ended");
                }
            });
        }
        let answered = poll_fn(|context| {
            if let Poll::Ready(answered) = sent.as_mut().poll(context) {
                return Poll::Ready(answered);
            }
            if let Some(driver) = &mut line.driver
                && Pin::new(driver).poll(context).is_ready()
            {
                line.driver = None;
            }
            sent.as_mut().poll(context)
        });
        let (mut head, incoming) = answered.await?.into_parts();
        // RFC 9112 6.3: the length beside a coding is not that of the body.
        if head.headers.remove(TRANSFER_ENCODING).is_some() {
            head.headers.remove(CONTENT_LENGTH);
        }
        let (lines, key) = (Arc::clone(self), key.clone());
        let mut answer = Answer { incoming, line: Some(line), lines, key };
        let body = if answer.incoming.is_end_stream() {
            answer.end(&mut Context::from_waker(Waker::noop()));
            CallBody::Empty
        } else {
            CallBody::Stream(Box::pin(answer))
        };
        Ok(Response::from_parts(head, body))
    }
}

/// The body of an answer; whoever reads it drives the connection, which is free again at its end.
struct Answer {
    incoming: Incoming,
    line: Option<Line>,
    lines: Arc<Lines>,
    key: Key,
}

impl Answer {
    fn end(&mut self, context: &mut Context<'_>) {
        if let Some(mut line) = self.line.take()
            && line.is_ready(context)
        {
            self.lines.keep(&self.key, line);
        }
    }

    fn poll_incoming(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            return Poll::Ready(frame);
        }
        if let Some(line) = &mut self.line {
            line.drive(context);
        }
        Pin::new(&mut self.incoming).poll_frame(context)
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = CutBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutBody>>> {
        let frame = std::task::ready!(self.poll_incoming(context));
        match &frame {
            None => self.end(context),
            Some(Ok(_)) if self.incoming.is_end_stream() => self.end(context),
            Some(Ok(_)) => {}
            Some(Err(_)) => self.line = None,
        }
        Poll::Ready(frame.map(|frame| frame.map_err(|error| CutBody(error.to_string()))))
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// Per platform and system.
const KEPT_MAX: usize = 128;
/// Platforms and systems whose connections are kept.
const SYSTEMS_MAX: usize = 256;
const HEAD_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

    fn lines() -> Arc<Lines> {
        Lines::new(Arc::new(SystemClock::new()), Duration::from_hours(1))
    }

    fn key() -> Key {
        (PlatformIx(0), "http://a.example".to_owned())
    }

    async fn line() -> (Line, DuplexStream) {
        let (ours, theirs) = duplex(1 << 16);
        (Line::new(Box::new(ours), None).await.unwrap(), theirs)
    }

    async fn answer(system: &mut DuplexStream) {
        let mut head = [0; 1_024];
        assert!(system.read(&mut head).await.unwrap() > 0);
        system.write_all(ANSWER).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_is_free_again_when_its_answer_was_read_and_until_the_system_closes_it() {
        let (lines, key) = (lines(), key());
        let (mut line, mut system) = line().await;
        for _ in 0..3 {
            let asked = lines.send(&key, line, Request::new(CallBody::Empty));
            let (answered, ()) = tokio::join!(asked, answer(&mut system));
            let answered = answered.unwrap();
            assert!(lines.take(&key).is_none(), "its answer is still to be read");
            let body = answered.into_body().collect(3).await.unwrap().unwrap();
            assert_eq!(&body[..], b"abc");
            line = lines.take(&key).unwrap();
        }
        lines.keep(&key, line);
        drop(system);
        assert!(lines.take(&key).is_none());
    }

    #[tokio::test]
    async fn an_answer_that_was_given_up_takes_its_connection_with_it() {
        let (lines, key) = (lines(), key());
        let (line, mut system) = line().await;
        let asked = lines.send(&key, line, Request::new(CallBody::Empty));
        let (answered, ()) = tokio::join!(asked, answer(&mut system));
        drop(answered.unwrap());
        assert!(lines.take(&key).is_none());
        assert_eq!(system.read(&mut [0; 8]).await.unwrap(), 0, "the system sees the end");
    }

    #[tokio::test]
    async fn a_body_goes_on_while_nobody_reads_the_answer_that_came_before_its_end() {
        let (lines, key) = (lines(), key());
        let (line, mut system) = line().await;
        let (pieces, fed) = tokio::sync::mpsc::channel(1);
        let fed = futures_util::stream::unfold(fed, |mut fed| async {
            fed.recv().await.map(|piece: &'static [u8]| (Ok(Frame::data(piece.into())), fed))
        });
        let body = CallBody::pieces(fed.boxed(), Some(6));
        let asked = lines.send(&key, line, Request::new(body));
        let (answered, ()) = tokio::join!(asked, answer(&mut system));
        let unread = answered.unwrap();
        pieces.send(b"123").await.unwrap();
        pieces.send(b"456").await.unwrap();
        let mut came = [0; 6];
        system.read_exact(&mut came).await.unwrap();
        assert_eq!(&came, b"123456");
        drop(unread);
    }
}
