//! An answer: status, fields, and a body, whose length is known before its first byte goes out or shows at its
//! end.

use super::Pace;
use super::chunked;
use super::wire::{Wire, WireFault};
use crate::clock::Clock;
use crate::ingress::head::{ResponseHead, is_token};
use bytes::Bytes;
use futures_util::{FutureExt, Stream, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};

/// Below this, head and body go out in one write, and in one TLS record.
const JOINED_BYTES_MAX: usize = 16 * 1024;
/// Room for a head and a small body before it must grow.
const HEAD_BYTES_USUAL: usize = 2 * 1024;

/// Pieces of a body from elsewhere.
pub type ChunkStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The body of an answer.
pub enum AnswerBody {
    Bytes(Bytes),
    /// Exactly `length` bytes. One that ends early or fails cuts the connection, which is all a client can be told by then.
    Stream {
        length: u64,
        chunks: ChunkStream,
    },
    /// As long as it comes: in chunks for HTTP/1.1, to the end of the connection for 1.0. One that fails cuts
    /// the connection without the last chunk; a 1.0 client without TLS cannot tell that from the end.
    Unknown {
        chunks: ChunkStream,
    },
}

/// How an answer must go out to whom asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// The connection ends after it.
    pub(super) closes: bool,
    /// HEAD asked.
    pub(super) head_only: bool,
    /// A client of HTTP/1.0 knows no chunks.
    pub(super) is_old: bool,
}

/// How the end of a body shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// RFC 9110 6.4.1 and 8.6: this status has neither body nor length.
    NoBody,
    Length(u64),
    Chunks,
    Close,
}

enum AnswerHead {
    Made {
        status: u16,
        fields: Vec<(Cow<'static, str>, Bytes)>,
    },
    Mapped {
        status: u16,
        fields: HeaderMap,
    },
    /// Copied from another server, byte for byte.
    Copied {
        raw: Bytes,
        closes: bool,
    },
}

/// What a face answers.
pub struct Answer {
    head: AnswerHead,
    body: AnswerBody,
}

impl Answer {
    pub const fn new(status: u16, body: AnswerBody) -> Self {
        Self { head: AnswerHead::Made { status, fields: Vec::new() }, body }
    }

    pub fn json(status: u16, text: impl Into<Bytes>) -> Self {
        Self::new(status, AnswerBody::Bytes(text.into()))
            .field("Content-Type", "application/json; charset=utf-8")
    }

    /// The fields keep their order and the case of their names; the same name may come twice. See `field`.
    pub fn with_fields<N, V>(
        status: u16,
        fields: impl IntoIterator<Item = (N, V)>,
        body: AnswerBody,
    ) -> Self
    where
        N: Into<Cow<'static, str>>,
        V: Into<Bytes>,
    {
        fields
            .into_iter()
            .fold(Self::new(status, body), |answer, (name, value)| answer.field(name, value))
    }

    /// As `with_fields`, of names and values that are known to be well-formed.
    pub const fn with_map(status: u16, fields: HeaderMap, body: AnswerBody) -> Self {
        Self { head: AnswerHead::Mapped { status, fields }, body }
    }

    /// Another server's answer as it came. `body` must be as long as its head says.
    pub fn copied(head: &ResponseHead, body: AnswerBody) -> Self {
        let body = match body {
            // The head is copied with its Content-Length, so the length is known after all.
            AnswerBody::Unknown { chunks } => {
                AnswerBody::Stream { length: head.content_length(), chunks }
            }
            known @ (AnswerBody::Bytes(_) | AnswerBody::Stream { .. }) => known,
        };
        let head = AnswerHead::Copied { raw: head.raw().clone(), closes: head.closes() };
        Self { head, body }
    }

    /// Adds a field. Bytes that would end it become blanks; a name that is no token is left out, with its
    /// value. So are Content-Length, Transfer-Encoding and Connection, which are not the face's to set. A
    /// copied head stays as it is.
    #[must_use]
    pub fn field(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> Self {
        let (name, value) = (name.into(), value.into());
        match &mut self.head {
            AnswerHead::Made { fields, .. } if is_for_faces(&name) => fields.push((name, value)),
            AnswerHead::Mapped { fields, .. } if is_for_faces(&name) => {
                let name = HeaderName::from_bytes(name.as_bytes()).ok();
                if let Some((name, value)) = name.zip(HeaderValue::from_maybe_shared(value).ok()) {
                    fields.append(name, value);
                }
            }
            AnswerHead::Made { .. } | AnswerHead::Mapped { .. } | AnswerHead::Copied { .. } => {}
        }
        self
    }

    pub(super) const fn closes(&self) -> bool {
        match &self.head {
            AnswerHead::Made { .. } | AnswerHead::Mapped { .. } => false,
            AnswerHead::Copied { closes, .. } => *closes,
        }
    }

    pub(super) async fn write<S, C>(
        self,
        wire: &mut Wire<S, C>,
        pace: Pace,
        manner: Manner,
    ) -> Result<(), WireFault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
        C: Clock,
    {
        let ending = self.ending(manner);
        // RFC 9110 8.6: whoever gave no length for a HEAD does not say that there is nothing.
        let ending = if manner.head_only && ending == Ending::Length(0) && self.is_mapped() {
            Ending::NoBody
        } else {
            ending
        };
        let mut head = self.head.into_bytes(ending, manner.closes);
        match self.body {
            _ if manner.head_only || ending == Ending::NoBody => wire.send(&head, pace).await?,
            AnswerBody::Bytes(body) if body.len() <= JOINED_BYTES_MAX => {
                head.extend_from_slice(&body);
                wire.send(&head, pace).await?;
            }
            AnswerBody::Bytes(body) => {
                wire.send(&head, pace).await?;
                wire.send(&body, pace).await?;
            }
            AnswerBody::Stream { mut chunks, .. } | AnswerBody::Unknown { mut chunks } => {
                wire.send(&head, pace).await?;
                send_stream(wire, pace, ending, &mut chunks).await?;
            }
        }
        wire.flush(pace).await
    }

    const fn is_mapped(&self) -> bool {
        matches!(self.head, AnswerHead::Mapped { .. })
    }

    fn ending(&self, manner: Manner) -> Ending {
        if let AnswerHead::Made { status, .. } | AnswerHead::Mapped { status, .. } = &self.head
            && matches!(status, ..200 | 204 | 304)
        {
            return Ending::NoBody;
        }
        match (self.body.length(), manner.is_old) {
            (Some(length), _) => Ending::Length(length),
            (None, false) => Ending::Chunks,
            (None, true) => Ending::Close,
        }
    }
}

/// Whether a field of that name is a face's to set: not the framing, and nothing that breaks it.
fn is_for_faces(name: &str) -> bool {
    const OURS: [&str; 3] = ["Content-Length", "Transfer-Encoding", "Connection"];
    !name.is_empty()
        && name.bytes().all(is_token)
        && !OURS.iter().any(|ours| ours.eq_ignore_ascii_case(name))
}

async fn send_stream<S, C>(
    wire: &mut Wire<S, C>,
    pace: Pace,
    ending: Ending,
    chunks: &mut ChunkStream,
) -> Result<(), WireFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
{
    let mut left = match ending {
        Ending::Length(length) => Some(length),
        Ending::NoBody | Ending::Chunks | Ending::Close => None,
    };
    while left != Some(0) {
        let Some(piece) = next_piece(wire, pace, chunks).await? else {
            if left.is_some() {
                return Err(WireFault::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            break;
        };
        if let Some(left) = &mut left {
            let rest = left.checked_sub(piece.len() as u64);
            *left = rest.ok_or_else(|| WireFault::Io(io::ErrorKind::InvalidData.into()))?;
        }
        match ending {
            Ending::Chunks => send_chunk(wire, pace, &piece).await?,
            Ending::NoBody | Ending::Length(_) | Ending::Close => wire.send(&piece, pace).await?,
        }
    }
    if ending == Ending::Chunks { wire.send(chunked::LAST, pace).await } else { Ok(()) }
}

/// Before it waits, what was written so far goes out: a slow provider's pieces reach the client as they come.
async fn next_piece<S, C>(
    wire: &mut Wire<S, C>,
    pace: Pace,
    chunks: &mut ChunkStream,
) -> Result<Option<Bytes>, WireFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
{
    let next = match chunks.next().now_or_never() {
        Some(next) => next,
        None => {
            wire.flush(pace).await?;
            let next = wire.clock.timeout_at(pace.until, chunks.next()).await;
            next.map_err(|_elapsed| WireFault::TimedOut)?
        }
    };
    next.transpose().map_err(WireFault::Io)
}

/// A small piece goes with its framing in one write.
async fn send_chunk<S, C>(wire: &mut Wire<S, C>, pace: Pace, piece: &[u8]) -> Result<(), WireFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
{
    // Empty, it would be the last chunk.
    if piece.is_empty() {
        return Ok(());
    }
    let opening = chunked::opening(piece.len());
    if piece.len() <= JOINED_BYTES_MAX {
        let whole = [opening.as_bytes(), piece, chunked::CLOSING].concat();
        return wire.send(&whole, pace).await;
    }
    wire.send(opening.as_bytes(), pace).await?;
    wire.send(piece, pace).await?;
    wire.send(chunked::CLOSING, pace).await
}

impl AnswerHead {
    fn into_bytes(self, ending: Ending, closes: bool) -> Vec<u8> {
        let mut head = Vec::with_capacity(HEAD_BYTES_USUAL);
        match self {
            Self::Copied { raw, .. } => return raw.into(),
            Self::Made { status, fields } => {
                push_status(&mut head, status);
                for (name, value) in &fields {
                    push_field(&mut head, name.as_bytes(), value);
                }
            }
            Self::Mapped { status, fields } => {
                push_status(&mut head, status);
                for (name, value) in &fields {
                    if is_for_faces(name.as_str()) {
                        push_field(&mut head, name.as_str().as_bytes(), value.as_bytes());
                    }
                }
            }
        }
        match ending {
            Ending::Length(length) => {
                head.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
            }
            Ending::Chunks => head.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            Ending::NoBody | Ending::Close => {}
        }
        if closes {
            head.extend_from_slice(b"Connection: close\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head
    }
}

fn push_status(head: &mut Vec<u8>, status: u16) {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
    let line = format!("HTTP/1.1 {status} {}\r\n", reason.unwrap_or("Unknown"));
    head.extend_from_slice(line.as_bytes());
}

fn push_field(head: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    head.extend_from_slice(name);
    head.extend_from_slice(b": ");
    let begin = head.len();
    head.extend_from_slice(value);
    if memchr::memchr3(b'\r', b'\n', 0, value).is_some() {
        for byte in head.iter_mut().skip(begin) {
            if matches!(byte, b'\r' | b'\n' | 0) {
                *byte = b' ';
            }
        }
    }
    head.extend_from_slice(b"\r\n");
}

impl AnswerBody {
    const fn length(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::Stream { length, .. } => Some(*length),
            Self::Unknown { .. } => None,
        }
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerBody").field("length", &self.length()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match &self.head {
            AnswerHead::Made { status, .. } | AnswerHead::Mapped { status, .. } => Some(status),
            AnswerHead::Copied { .. } => None,
        };
        f.debug_struct("Answer").field("status", &status).field("body", &self.body).finish()
    }
}
