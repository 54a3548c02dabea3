//! The body of a message while it arrives: its length is known, its pieces are as large as they came.

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

/// Why a body never became whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    #[error("the body broke off with {missing} bytes missing")]
    Short { missing: u64 },
    #[error("the body did not arrive in time, {missing} bytes are missing")]
    TooSlow { missing: u64 },
    /// Only from `collect`.
    #[error("the body is larger than {max} bytes")]
    TooLarge { max: u64 },
}

type Piece<'a> = Pin<Box<dyn Future<Output = Result<Option<Bytes>, BodyFault>> + Send + 'a>>;

/// What a body reads from, whatever stream and clock are behind it.
pub(super) trait Source: Send {
    fn piece(&mut self) -> Piece<'_>;
    fn left(&self) -> u64;
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

    /// The whole rest at once, unless it is larger than `max`, which is refused before a byte is read.
    pub async fn collect(&mut self, max: u64) -> Result<Bytes, BodyFault> {
        let left = self.left();
        if left > max {
            return Err(BodyFault::TooLarge { max });
        }
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if self.left() == 0 {
            return Ok(first);
        }
        let announced = usize::try_from(left).unwrap_or(usize::MAX);
        let mut whole = BytesMut::with_capacity(announced.min(RESERVED_BYTES_MAX));
        whole.extend_from_slice(&first);
        while let Some(piece) = self.chunk().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// How many bytes are still to come.
    pub fn left(&self) -> u64 {
        self.source.left()
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("left", &self.left()).finish_non_exhaustive()
    }
}

/// The next `left` bytes of a connection.
pub(super) struct Framed<'w, S, C> {
    wire: &'w mut Wire<S, C>,
    left: u64,
    until: Timestamp,
    stall: Duration,
    fault: Option<BodyFault>,
}

impl<'w, S, C> Framed<'w, S, C> {
    pub(super) const fn new(
        wire: &'w mut Wire<S, C>,
        left: u64,
        until: Timestamp,
        stall: Duration,
    ) -> Self {
        Self { wire, left, until, stall, fault: None }
    }

    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    pub(super) const fn fault(&self) -> Option<BodyFault> {
        self.fault
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
        if self.left == 0 {
            return Ok(None);
        }
        if self.wire.buffer.is_empty() {
            let deadline = self.wire.clock.now().plus(self.stall).min(self.until);
            let missing = self.left;
            let fault = match self.wire.fill(deadline).await {
                Ok(count) if count > 0 => None,
                Ok(_) | Err(WireFault::Io(_)) => Some(BodyFault::Short { missing }),
                Err(WireFault::TimedOut) => Some(BodyFault::TooSlow { missing }),
            };
            if let Some(fault) = fault {
                self.fault = Some(fault);
                return Err(fault);
            }
        }
        let there = self.wire.buffer.len();
        let count = usize::try_from(self.left).map_or(there, |left| left.min(there));
        self.left -= count as u64;
        Ok(Some(self.wire.buffer.split_to(count).freeze()))
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
        self.left
    }
}
