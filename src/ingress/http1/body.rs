//! The body of a message while it arrives: by Content-Length or in chunks, its pieces as large as they came.

use super::chunked::{ChunkFault, Chunks};
use super::wire::{Wire, WireFault};
use crate::clock::{Clock, Timestamp};
use bytes::{Bytes, BytesMut};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// Nothing is set aside for bytes that were only announced, beyond this.
const RESERVED_BYTES_MAX: usize = 1 << 20;

/// Why a body never became whole. `missing` is what is known to be missing: of a body in chunks the rest of
/// its present chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error("the body broke off with {missing} bytes missing")]
    Short { missing: u64 },
    #[error("the body did not arrive in time, {missing} bytes are missing")]
    TooSlow { missing: u64 },
    /// From `collect`; of a body in chunks also when it passes `Http1Limits::body_bytes_max`.
    #[error("the body is larger than {max} bytes")]
    TooLarge { max: u64 },
    #[error(transparent)]
    Chunks(#[from] ChunkFault),
}

type Piece<'a> = Pin<Box<dyn Future<Output = Result<Option<Bytes>, BodyFault>> + Send + 'a>>;

/// What a body reads from, whatever stream and clock are behind it.
pub(super) trait Source: Send {
    fn piece(&mut self) -> Piece<'_>;
    fn left(&self) -> u64;
    fn announced(&self) -> Option<u64>;
}

/// A body being read. Dropping it leaves the rest to the connection.
pub struct Body<'a> {
    source: &'a mut dyn Source,
}

impl<'a> Body<'a> {
    pub(super) fn new(source: &'a mut dyn Source) -> Self {
        Self { source }
    }

    /// The next bytes; `None` after the last. After an error it stays with that error.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, BodyFault> {
        self.source.piece().await
    }

    /// The whole rest at once, unless it is larger than `max`: that is refused before a byte is read, or when
    /// in chunks, as soon as it shows. What was read until then is lost.
    pub async fn collect(&mut self, max: u64) -> Result<Bytes, BodyFault> {
        let left = self.left();
        if self.announced().is_some() && left > max {
            return Err(BodyFault::TooLarge { max });
        }
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if self.left() == 0 {
            return Ok(first);
        }
        let known = usize::try_from(left).unwrap_or(usize::MAX);
        let mut whole = BytesMut::with_capacity(known.min(RESERVED_BYTES_MAX));
        let mut next = Some(first);
        while let Some(piece) = next {
            if (whole.len() as u64).saturating_add(piece.len() as u64) > max {
                return Err(BodyFault::TooLarge { max });
            }
            whole.extend_from_slice(&piece);
            next = self.chunk().await?;
        }
        Ok(whole.freeze())
    }

    /// How many bytes are still to come. Of a body in chunks: at least so many, and 1 when it is not known
    /// whether any will, so that zero always means that the body was read to its end.
    pub fn left(&self) -> u64 {
        self.source.left()
    }

    /// The Content-Length of the whole body, zero without a body; `None` in chunks.
    pub fn announced(&self) -> Option<u64> {
        self.source.announced()
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("left", &self.left()).finish_non_exhaustive()
    }
}

/// What is to come of a body.
#[derive(Clone, Debug)]
pub(super) enum Rest {
    Length { left: u64, whole: u64 },
    Chunks(Chunks),
}

/// What a buffer had of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Piece(Bytes),
    /// More must be read first.
    Nothing,
    End,
}

impl Rest {
    pub(super) const fn of_length(length: u64) -> Self {
        Self::Length { left: length, whole: length }
    }

    /// See `Body::left`.
    pub(super) const fn left(&self) -> u64 {
        match self {
            Self::Length { left, .. } => *left,
            Self::Chunks(chunks) => chunks.left(),
        }
    }

    /// How many bytes are surely still to come.
    pub(super) const fn known(&self) -> u64 {
        match self {
            Self::Length { left, .. } => *left,
            Self::Chunks(chunks) => chunks.known(),
        }
    }

    fn take(&mut self, buffer: &mut BytesMut) -> Result<Taken, BodyFault> {
        match self {
            Self::Length { left: 0, .. } => Ok(Taken::End),
            Self::Length { .. } if buffer.is_empty() => Ok(Taken::Nothing),
            Self::Length { left, .. } => {
                let there = buffer.len();
                let count = usize::try_from(*left).map_or(there, |left| left.min(there));
                *left -= count as u64;
                Ok(Taken::Piece(buffer.split_to(count).freeze()))
            }
            Self::Chunks(chunks) => chunks.take(buffer),
        }
    }
}

/// A body at the front of a connection.
pub(super) struct Framed<'w, S, C> {
    wire: &'w mut Wire<S, C>,
    rest: Rest,
    until: Timestamp,
    stall: Duration,
    fault: Option<BodyFault>,
}

impl<'w, S, C> Framed<'w, S, C> {
    pub(super) const fn new(
        wire: &'w mut Wire<S, C>,
        rest: Rest,
        until: Timestamp,
        stall: Duration,
    ) -> Self {
        Self { wire, rest, until, stall, fault: None }
    }

    /// How many bytes are surely still to come.
    pub(super) const fn known(&self) -> u64 {
        self.rest.known()
    }

    /// What was not read, and why reading ended if that was no choice.
    pub(super) fn into_rest(self) -> (Rest, Option<BodyFault>) {
        (self.rest, self.fault)
    }
}

impl<S, C> Framed<'_, S, C>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
{
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, BodyFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let next = self.read().await;
        self.fault = next.as_ref().err().copied();
        next
    }

    async fn read(&mut self) -> Result<Option<Bytes>, BodyFault> {
        loop {
            match self.rest.take(&mut self.wire.buffer)? {
                Taken::Piece(piece) => return Ok(Some(piece)),
                Taken::End => return Ok(None),
                Taken::Nothing => {}
            }
            let deadline = self.wire.clock.now().plus(self.stall).min(self.until);
            let missing = self.rest.left();
            match self.wire.fill(deadline).await {
                Ok(count) if count > 0 => {}
                Ok(_) | Err(WireFault::Io(_)) => return Err(BodyFault::Short { missing }),
                Err(WireFault::TimedOut) => return Err(BodyFault::TooSlow { missing }),
            }
        }
    }
}

impl<S, C> Source for Framed<'_, S, C>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
{
    fn piece(&mut self) -> Piece<'_> {
        Box::pin(self.next())
    }

    fn left(&self) -> u64 {
        self.rest.left()
    }

    fn announced(&self) -> Option<u64> {
        match &self.rest {
            Rest::Length { whole, .. } => Some(*whole),
            Rest::Chunks(_) => None,
        }
    }
}
