//! An answer: status, fields, and a body whose length is known before its first byte goes out.

use super::Pace;
use super::wire::{Wire, WireFault};
use crate::clock::Clock;
use crate::ingress::head::ResponseHead;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};

/// Below this, head and body go out in one write, and in one TLS record.
const JOINED_BYTES_MAX: usize = 16 * 1024;

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
}

enum AnswerHead {
    Made {
        status: u16,
        fields: Vec<(Cow<'static, str>, Bytes)>,
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

    /// Another server's answer as it came. `body` must be as long as its head says.
    pub fn copied(head: &ResponseHead, body: AnswerBody) -> Self {
        let head = AnswerHead::Copied { raw: head.raw().clone(), closes: head.closes() };
        Self { head, body }
    }

    /// Adds a field. Bytes that would end it become blanks. Content-Length and Connection are not the
    /// face's to set, and a copied head stays as it is.
    #[must_use]
    pub fn field(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> Self {
        if let AnswerHead::Made { fields, .. } = &mut self.head {
            fields.push((name.into(), value.into()));
        }
        self
    }

    pub(super) const fn closes(&self) -> bool {
        match &self.head {
            AnswerHead::Made { .. } => false,
            AnswerHead::Copied { closes, .. } => *closes,
        }
    }

    pub(super) async fn write<S, C>(
        self,
        wire: &mut Wire<S, C>,
        pace: Pace,
        closes: bool,
        head_only: bool,
    ) -> Result<(), WireFault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
        C: Clock,
    {
        let mut head = self.head.into_bytes(self.body.length(), closes);
        match self.body {
            _ if head_only => wire.send(&head, pace).await?,
            AnswerBody::Bytes(body) if body.len() <= JOINED_BYTES_MAX => {
                head.extend_from_slice(&body);
                wire.send(&head, pace).await?;
            }
            AnswerBody::Bytes(body) => {
                wire.send(&head, pace).await?;
                wire.send(&body, pace).await?;
            }
            AnswerBody::Stream { length, mut chunks } => {
                wire.send(&head, pace).await?;
                send_stream(wire, pace, length, &mut chunks).await?;
            }
        }
        wire.flush(pace).await
    }
}

async fn send_stream<S, C>(
    wire: &mut Wire<S, C>,
    pace: Pace,
    mut left: u64,
    chunks: &mut ChunkStream,
) -> Result<(), WireFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
{
    while left > 0 {
        let next = wire.clock.timeout_at(pace.until, chunks.next()).await;
        let chunk = match next {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(error))) => return Err(WireFault::Io(error)),
            Ok(None) => return Err(WireFault::Io(io::ErrorKind::UnexpectedEof.into())),
            Err(_) => return Err(WireFault::TimedOut),
        };
        let rest = left.checked_sub(chunk.len() as u64);
        left = rest.ok_or_else(|| WireFault::Io(io::ErrorKind::InvalidData.into()))?;
        wire.send(&chunk, pace).await?;
    }
    Ok(())
}

impl AnswerHead {
    fn into_bytes(self, length: u64, closes: bool) -> Vec<u8> {
        let (status, fields) = match self {
            Self::Copied { raw, .. } => return raw.into(),
            Self::Made { status, fields } => (status, fields),
        };
        let reason = http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason());
        let mut head =
            format!("HTTP/1.1 {status} {}\r\n", reason.unwrap_or("Unknown")).into_bytes();
        for (name, value) in fields {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend(
                value.iter().map(|b| if matches!(b, b'\r' | b'\n' | 0) { b' ' } else { *b }),
            );
            head.extend_from_slice(b"\r\n");
        }
        // RFC 9110 8.6: none with 204.
        if status != 204 {
            head.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
        }
        if closes {
            head.extend_from_slice(b"Connection: close\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head
    }
}

impl AnswerBody {
    const fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Stream { length, .. } => *length,
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
            AnswerHead::Made { status, .. } => Some(status),
            AnswerHead::Copied { .. } => None,
        };
        f.debug_struct("Answer").field("status", &status).field("body", &self.body).finish()
    }
}
