//! A stream with its read buffer: every read and write has a deadline.

use super::Pace;
use super::body::{BodyFault, Framed, Rest};
use crate::clock::{Clock, Timestamp};
use bytes::{Buf, BytesMut};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const READ_BYTES: usize = 16 * 1024;

/// Reading or writing ended before it was done.
#[derive(Debug)]
pub(super) enum WireFault {
    Io(io::Error),
    TimedOut,
}

/// Holds at most what one head may have and one read more.
pub(super) struct Wire<S, C> {
    io: S,
    pub(super) clock: Arc<C>,
    pub(super) buffer: BytesMut,
}

impl<S, C> Wire<S, C> {
    pub(super) fn new(io: S, clock: Arc<C>) -> Self {
        Self { io, clock, buffer: BytesMut::new() }
    }
}

impl<S, C: Clock> Wire<S, C> {
    pub(super) fn in_ms(&self, ms: u64) -> Timestamp {
        self.clock.now().plus(Duration::from_millis(ms))
    }

    /// What comes next as a body.
    pub(super) fn framed(
        &mut self,
        rest: Rest,
        until: Timestamp,
        stall_ms_max: u64,
    ) -> Framed<'_, S, C> {
        Framed::new(self, rest, until, Duration::from_millis(stall_ms_max))
    }
}

impl<S, C> Wire<S, C>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
{
    /// Reads once. Zero at the end of the stream. Cancelling it loses nothing.
    pub(super) async fn fill(&mut self, deadline: Timestamp) -> Result<usize, WireFault> {
        self.buffer.reserve(READ_BYTES);
        let Self { io, clock, buffer } = self;
        match clock.timeout_at(deadline, io.read_buf(buffer)).await {
            Ok(Ok(count)) => Ok(count),
            Ok(Err(error)) => Err(WireFault::Io(error)),
            Err(_) => Err(WireFault::TimedOut),
        }
    }

    /// Writes all of it, or fails when the peer takes nothing for too long.
    pub(super) async fn send(&mut self, mut bytes: &[u8], pace: Pace) -> Result<(), WireFault> {
        while !bytes.is_empty() {
            let deadline = self.clock.now().plus(pace.stall).min(pace.until);
            match self.clock.timeout_at(deadline, self.io.write(bytes)).await {
                Ok(Ok(0)) => return Err(WireFault::Io(io::ErrorKind::WriteZero.into())),
                Ok(Ok(count)) => bytes.advance(count),
                Ok(Err(error)) => return Err(WireFault::Io(error)),
                Err(_) => return Err(WireFault::TimedOut),
            }
        }
        Ok(())
    }

    pub(super) async fn flush(&mut self, pace: Pace) -> Result<(), WireFault> {
        let deadline = self.clock.now().plus(pace.stall).min(pace.until);
        match self.clock.timeout_at(deadline, self.io.flush()).await {
            Ok(done) => done.map_err(WireFault::Io),
            Err(_) => Err(WireFault::TimedOut),
        }
    }

    /// Reads what is left of a body and throws it away, unless there is more than `bytes_max`.
    pub(super) async fn drain(
        &mut self,
        rest: Rest,
        bytes_max: u64,
        until: Timestamp,
        stall_ms_max: u64,
    ) -> Result<(), BodyFault> {
        let mut framed = self.framed(rest, until, stall_ms_max);
        let mut drained = 0;
        while let Some(piece) = framed.next().await? {
            drained += piece.len() as u64;
            if drained + framed.known().min(1) > bytes_max {
                return Err(BodyFault::TooLarge { max: bytes_max });
            }
        }
        Ok(())
    }

    /// Says that nothing follows, then reads on for a while: closing with unread bytes would reset the
    /// connection and take the answer with it.
    pub(super) async fn close(&mut self, linger_ms: u64, bytes_max: u64) {
        let until = self.in_ms(linger_ms);
        if !matches!(self.clock.timeout_at(until, self.io.shutdown()).await, Ok(Ok(()))) {
            return;
        }
        let mut left = bytes_max;
        while left > 0 {
            self.buffer.clear();
            match self.fill(until).await {
                Ok(count) if count > 0 => left = left.saturating_sub(count as u64),
                Ok(_) | Err(_) => return,
            }
        }
    }
}
