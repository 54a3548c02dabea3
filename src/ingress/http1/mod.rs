//! A small HTTP/1.1 server and client over our own head reader: Content-Length framing, chunks where a face
//! says so, every wait and every buffer bounded, and never an answer without a body.
//!
//! Invariant: requests of a connection are answered one by one, in order. After a head or body that cannot be
//! trusted nothing more is read as a request: the connection is answered, drained within limits, and closed.

mod answer;
mod body;
mod chunked;
mod client;
mod wire;

use super::head::{HeadFault, HeadLimits, HeadSearch, Parsed, RequestHead};
use crate::clock::{Clock, Timestamp};
use answer::Manner;
use body::Rest;
use bytes::Buf;
use chunked::Chunks;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use wire::{Wire, WireFault};

pub use answer::{Answer, AnswerBody, ChunkStream};
pub use body::{Body, BodyFault};
pub use chunked::ChunkFault;
pub use client::{AskFault, AskLimits, Client, Payload};

/// What one connection may cost.
#[derive(Clone, Copy, Debug)]
pub struct Http1Limits {
    pub head: HeadLimits,
    /// Known from Content-Length, it is refused unread; in chunks the face gets `BodyFault::TooLarge` when it
    /// shows.
    pub body_bytes_max: u64,
    /// From the first byte of a head to its last.
    pub head_ms_max: u64,
    /// Between requests.
    pub idle_ms_max: u64,
    /// From the end of the head to the end of the body.
    pub body_ms_max: u64,
    /// While a body comes or an answer goes, this long without a byte ends it.
    pub stall_ms_max: u64,
    /// From the first byte of an answer to its last.
    pub answer_ms_max: u64,
    /// What is read and thrown away so that a client that still sends can read its answer: a Java client
    /// writes the whole body before it looks (wire/vxp.md 1.4.7 says what it does when that fails).
    pub drain_bytes_max: u64,
    pub requests_max: u64,
}

impl Default for Http1Limits {
    fn default() -> Self {
        Self {
            head: HeadLimits { bytes_max: 64 * 1024, fields_max: 200 },
            body_bytes_max: 128 << 20,
            head_ms_max: 15_000,
            idle_ms_max: 75_000,
            body_ms_max: 300_000,
            stall_ms_max: 30_000,
            answer_ms_max: 300_000,
            drain_bytes_max: 128 << 20,
            requests_max: 100_000,
        }
    }
}

/// What a face takes besides paths and Content-Length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Takes {
    /// `Transfer-Encoding: chunked`. Not for a face that copies heads: the body comes without its framing.
    pub chunked: bool,
    /// Targets like `http://host:port/path`.
    pub absolute: bool,
}

/// One dialect on one connection.
pub trait Face: Send + Sync {
    /// Asked before anything is read of the body and before the interim answer; what is not taken is refused.
    fn takes(&self, _head: &RequestHead) -> Takes {
        Takes::PLAIN
    }

    /// Contract: one answer for one request. The body may be left unread, in part or whole. When reading it
    /// failed, the answer is still sent, and then the connection ends.
    fn answer(&self, head: RequestHead, body: &mut Body<'_>)
    -> impl Future<Output = Answer> + Send;

    /// Words what never became a request. Must have a body: clients read nothing else.
    fn refuse(&self, fault: &HttpFault) -> Answer;
}

/// Why something did not become a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpFault {
    #[error(transparent)]
    Head(#[from] HeadFault),
    #[error("the head did not arrive in time")]
    HeadTooSlow,
    #[error("the body is larger than {max} bytes")]
    BodyTooLarge { max: u64 },
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer closed it between requests, or asked to after the last.
    Closed,
    Idle,
    /// We are shutting down.
    Stopped,
    /// `requests_max` was reached.
    Spent,
    Refused(HttpFault),
    /// The peer went away in the middle of a head.
    Broken,
    BodyFailed(BodyFault),
    /// The peer did not take the answer, or the answer's own body broke off.
    AnswerCut,
}

/// What became of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    pub why: End,
    pub answered: u64,
}

/// How long a peer may take to notice that we close.
const LINGER_MS: u64 = 1_000;

/// Serves one connection to its end. `stop` ends it between requests; one that has begun is still answered.
pub async fn serve<S, C, F>(
    io: S,
    clock: &Arc<C>,
    limits: &Http1Limits,
    face: &F,
    stop: &CancellationToken,
) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
    F: Face,
{
    let mut wire = Wire::new(io, Arc::clone(clock));
    let mut answered = 0;
    let why = loop {
        let head = match next_head(&mut wire, limits, stop).await {
            Ok(head) => head,
            Err(End::Refused(fault)) => break refuse(&mut wire, limits, face, fault).await,
            Err(end) => break end,
        };
        let refused = face.takes(&head).refuses(&head).map(HttpFault::Head);
        let is_large = head.content_length() > limits.body_bytes_max;
        let too_large = is_large.then_some(HttpFault::BodyTooLarge { max: limits.body_bytes_max });
        if let Some(fault) = refused.or(too_large) {
            break refuse(&mut wire, limits, face, fault).await;
        }
        answered += 1;
        let last = answered >= limits.requests_max || stop.is_cancelled();
        if let Err(end) = answer_one(&mut wire, limits, face, head, last).await {
            let spent = end == End::Closed && answered >= limits.requests_max;
            break if spent { End::Spent } else { end };
        }
    };
    Ended { why, answered }
}

/// The next request's head, or why there is none.
async fn next_head<S, C>(
    wire: &mut Wire<S, C>,
    limits: &Http1Limits,
    stop: &CancellationToken,
) -> Result<RequestHead, End>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
{
    let mut search = HeadSearch::default();
    let mut deadline = wire.in_ms(limits.idle_ms_max);
    let mut is_idle = true;
    loop {
        // A stray line end after the last body is no request yet, and gets no late answer.
        if is_idle && !wire.buffer.iter().all(|b| matches!(b, b'\r' | b'\n')) {
            is_idle = false;
            deadline = wire.in_ms(limits.head_ms_max);
        }
        match search.end(&wire.buffer, limits.head.bytes_max) {
            Ok(Some(_)) => return take_head(wire, limits.head),
            Ok(None) => {}
            Err(fault) => return Err(End::Refused(fault.into())),
        }
        let filled = if is_idle {
            tokio::select! {
                biased;
                filled = wire.fill(deadline) => filled,
                () = stop.cancelled() => return Err(End::Stopped),
            }
        } else {
            wire.fill(deadline).await
        };
        match filled {
            Ok(0) | Err(WireFault::Io(_)) => {
                return Err(if is_idle { End::Closed } else { End::Broken });
            }
            Ok(_) => {}
            Err(WireFault::TimedOut) if is_idle => return Err(End::Idle),
            Err(WireFault::TimedOut) => return Err(End::Refused(HttpFault::HeadTooSlow)),
        }
    }
}

fn take_head<S, C>(wire: &mut Wire<S, C>, limits: HeadLimits) -> Result<RequestHead, End> {
    match RequestHead::parse_any(&wire.buffer, limits) {
        Parsed::Complete { head, len } => {
            wire.buffer.advance(len);
            Ok(head)
        }
        // A head with two faults is refused for the one that the plain reader meets first, as no face can be
        // asked about it.
        Parsed::Malformed(fault) => match RequestHead::parse(&wire.buffer, limits) {
            Parsed::Malformed(first) => Err(End::Refused(first.into())),
            Parsed::Complete { .. } | Parsed::Partial => Err(End::Refused(fault.into())),
        },
        // The search found its end.
        Parsed::Partial => Err(End::Broken),
    }
}

/// `Err` when the connection ends with this request.
async fn answer_one<S, C, F>(
    wire: &mut Wire<S, C>,
    limits: &Http1Limits,
    face: &F,
    head: RequestHead,
    last: bool,
) -> Result<(), End>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
    F: Face,
{
    let rest = if head.is_chunked() {
        Rest::Chunks(Chunks::new(limits.body_bytes_max))
    } else {
        Rest::of_length(head.content_length())
    };
    let mut manner = Manner {
        closes: head.closes() || last,
        head_only: head.method() == "HEAD",
        is_old: head.is_http_1_0(),
    };
    let body_until = wire.in_ms(limits.body_ms_max);
    // wire/vxp.md 1.4.4: without the interim answer the SDK waits three seconds.
    if head.expects_continue() && rest.left() > 0 && wire.buffer.is_empty() {
        let paced = Pace::of(wire, limits);
        wire.send(b"HTTP/1.1 100 Continue\r\n\r\n", paced).await.map_err(|_cut| End::AnswerCut)?;
    }
    let mut framed = wire.framed(rest, body_until, limits.stall_ms_max);
    let answer = face.answer(head, &mut Body::new(&mut framed)).await;
    let (rest, fault) = framed.into_rest();
    let too_much = rest.known() > limits.drain_bytes_max;
    manner.closes |= answer.closes() || fault.is_some() || too_much;
    let paced = Pace::of(wire, limits);
    answer.write(wire, paced, manner).await.map_err(|_cut| End::AnswerCut)?;
    if let Some(fault) = fault {
        wire.close(linger_ms(fault, limits), limits.drain_bytes_max).await;
        return Err(End::BodyFailed(fault));
    }
    let drained = wire.drain(rest, limits.drain_bytes_max, body_until, limits.stall_ms_max).await;
    if manner.closes {
        wire.close(LINGER_MS, limits.drain_bytes_max).await;
        return Err(End::Closed);
    }
    if let Err(fault) = drained {
        wire.close(LINGER_MS, limits.drain_bytes_max).await;
        return Err(End::BodyFailed(fault));
    }
    Ok(())
}

/// A client that is still sending too much reads its answer after it.
const fn linger_ms(fault: BodyFault, limits: &Http1Limits) -> u64 {
    match fault {
        BodyFault::TooLarge { .. } => limits.stall_ms_max,
        BodyFault::Short { .. } | BodyFault::TooSlow { .. } | BodyFault::Chunks(_) => LINGER_MS,
    }
}

async fn refuse<S, C, F>(
    wire: &mut Wire<S, C>,
    limits: &Http1Limits,
    face: &F,
    fault: HttpFault,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
    F: Face,
{
    let paced = Pace::of(wire, limits);
    // Chunks are for whom a head was read from.
    let manner = Manner { closes: true, head_only: false, is_old: true };
    if face.refuse(&fault).write(wire, paced, manner).await.is_ok() {
        let linger_ms = match fault {
            // A body that was announced honestly is on its way; the answer is read after it.
            HttpFault::BodyTooLarge { .. } => limits.stall_ms_max,
            HttpFault::Head(_) | HttpFault::HeadTooSlow => LINGER_MS,
        };
        wire.close(linger_ms, limits.drain_bytes_max).await;
    }
    End::Refused(fault)
}

/// How fast a peer must take what we write.
#[derive(Clone, Copy, Debug)]
struct Pace {
    until: Timestamp,
    stall: Duration,
}

impl Pace {
    fn of<S, C: Clock>(wire: &Wire<S, C>, limits: &Http1Limits) -> Self {
        Self {
            until: wire.in_ms(limits.answer_ms_max),
            stall: Duration::from_millis(limits.stall_ms_max),
        }
    }
}

impl Takes {
    pub const PLAIN: Self = Self { chunked: false, absolute: false };
    pub const ALL: Self = Self { chunked: true, absolute: true };

    fn refuses(self, head: &RequestHead) -> Option<HeadFault> {
        if head.authority().is_some() && !self.absolute {
            return Some(HeadFault::Target);
        }
        (head.is_chunked() && !self.chunked).then_some(HeadFault::Coded)
    }
}

impl HttpFault {
    pub const fn status(&self) -> u16 {
        match self {
            Self::Head(fault) => fault.status(),
            Self::HeadTooSlow => 408,
            Self::BodyTooLarge { .. } => 413,
        }
    }

    pub const fn code(&self) -> &'static str {
        match self {
            Self::Head(fault) => fault.code(),
            Self::HeadTooSlow => "LT-H019",
            Self::BodyTooLarge { .. } => "LT-H020",
        }
    }

    /// The answer of a door without a dialect of its own. It has the keys whose absence turns a VXP
    /// application's result into nulls (wire/vxp.md 1.5).
    pub fn answer(&self) -> Answer {
        let error_code = match self {
            Self::BodyTooLarge { .. } => "10",
            Self::HeadTooSlow => "20",
            Self::Head(_) => "-1",
        };
        let text = serde_json::json!({
            "status": "FAIL",
            "ErrorCode": error_code,
            "ErrorDesc": format!("{} {self}", self.code()),
            "DocId": "",
        });
        Answer::json(self.status(), text.to_string())
    }
}

#[cfg(test)]
mod tests;
