//! The asking side, for the security server: a head copied as it is, a body, and the answer's head and body.
//!
//! Invariant: one attempt. Nothing is sent twice, whatever happens.

use super::Pace;
use super::answer::ChunkStream;
use super::body::{Body, BodyFault, Framed, Rest};
use super::wire::{Wire, WireFault};
use crate::clock::{Clock, Timestamp};
use crate::ingress::head::{HeadFault, HeadLimits, HeadSearch, Parsed, ResponseHead};
use bytes::{Buf, Bytes};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// `100 Continue` and the like before the answer; more is mischief.
const INTERIMS_MAX: usize = 8;
/// A server that stopped reading may have said why.
const LAST_WORD: Duration = Duration::from_secs(1);

/// What one exchange may cost.
#[derive(Clone, Copy, Debug)]
pub struct AskLimits {
    pub head: HeadLimits,
    pub stall_ms_max: u64,
    /// For head and body of the request and the head of the answer together.
    pub until: Timestamp,
}

/// What is sent after the head. It must be as long as the head says.
#[derive(Debug)]
pub enum Payload<'a, 'b> {
    Bytes(Bytes),
    /// Passed on as it arrives.
    Body(&'a mut Body<'b>),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskFault {
    /// Ask `TlsClient::explain` about the source: this may be a refused certificate.
    #[error("the connection failed")]
    Io(#[source] io::Error),
    #[error("the connection was closed before the answer")]
    Closed,
    #[error("no answer in time")]
    TimedOut,
    #[error("the answer is malformed")]
    Malformed(#[source] HeadFault),
    /// What was to be passed on broke off; the server got half of it.
    #[error("the body to be sent broke off")]
    Payload(#[source] BodyFault),
    #[error("more interim answers than {INTERIMS_MAX}")]
    Interims,
}

/// A connection to a server.
pub struct Client<S, C> {
    wire: Wire<S, C>,
    /// An answer was read to its end, or nothing was asked yet.
    clean: bool,
    closes: bool,
}

impl<S, C> Client<S, C>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
{
    pub fn new(io: S, clock: Arc<C>) -> Self {
        Self { wire: Wire::new(io, clock), clean: true, closes: false }
    }

    /// Sends `head` byte for byte and the payload, and reads the head of the answer.
    pub async fn ask(
        &mut self,
        head: &[u8],
        payload: Payload<'_, '_>,
        limits: &AskLimits,
    ) -> Result<ResponseHead, AskFault> {
        self.clean = false;
        let pace = Pace { until: limits.until, stall: Duration::from_millis(limits.stall_ms_max) };
        match self.send(head, payload, pace).await {
            Ok(()) => self.answer_head(limits.head, limits.until).await,
            Err(AskFault::Io(error)) => {
                // It may have answered before it stopped reading; the answer counts for more than the error.
                self.closes = true;
                let until = self.wire.clock.now().plus(LAST_WORD).min(limits.until);
                match self.answer_head(limits.head, until).await {
                    Ok(head) => Ok(head),
                    Err(AskFault::Io(why)) => Err(AskFault::Io(why)),
                    Err(_) => Err(AskFault::Io(error)),
                }
            }
            Err(fault) => Err(fault),
        }
    }

    /// The answer's body; to be read to its end before anything else is asked.
    pub async fn body(
        &mut self,
        head: &ResponseHead,
        bytes_max: u64,
        limits: &AskLimits,
    ) -> Result<Bytes, BodyFault> {
        let rest = Rest::of_length(head.content_length());
        let mut framed = self.wire.framed(rest, limits.until, limits.stall_ms_max);
        let whole = Body::new(&mut framed).collect(bytes_max).await?;
        self.clean = !head.closes() && !self.closes;
        Ok(whole)
    }

    /// The answer's body piece by piece; ends the connection.
    pub fn into_chunks(self, head: &ResponseHead, limits: &AskLimits) -> ChunkStream
    where
        S: 'static,
    {
        let (until, stall) = (limits.until, Duration::from_millis(limits.stall_ms_max));
        let whole = Some((self.wire, Rest::of_length(head.content_length())));
        Box::pin(futures_util::stream::unfold(whole, move |state| async move {
            let (mut wire, rest) = state?;
            let mut framed = Framed::new(&mut wire, rest, until, stall);
            let piece = framed.next().await;
            let (rest, _) = framed.into_rest();
            match piece {
                Ok(None) => None,
                Ok(Some(piece)) => Some((Ok(piece), Some((wire, rest)))),
                Err(fault) => Some((Err(io::Error::other(fault)), None)),
            }
        }))
    }

    /// Whether another request may follow on this connection.
    pub fn is_reusable(&self) -> bool {
        self.clean && !self.closes && self.wire.buffer.is_empty()
    }

    async fn send(
        &mut self,
        head: &[u8],
        payload: Payload<'_, '_>,
        pace: Pace,
    ) -> Result<(), AskFault> {
        match payload {
            Payload::Bytes(bytes) if bytes.len() <= 16 * 1024 => {
                self.wire.send(&[head, &bytes].concat(), pace).await?;
            }
            Payload::Bytes(bytes) => {
                self.wire.send(head, pace).await?;
                self.wire.send(&bytes, pace).await?;
            }
            Payload::Body(body) => {
                self.wire.send(head, pace).await?;
                while let Some(piece) = body.chunk().await.map_err(AskFault::Payload)? {
                    self.wire.send(&piece, pace).await?;
                }
            }
        }
        Ok(self.wire.flush(pace).await?)
    }

    async fn answer_head(
        &mut self,
        limits: HeadLimits,
        until: Timestamp,
    ) -> Result<ResponseHead, AskFault> {
        for _ in 0..=INTERIMS_MAX {
            let mut search = HeadSearch::default();
            while search
                .end(&self.wire.buffer, limits.bytes_max)
                .map_err(AskFault::Malformed)?
                .is_none()
            {
                if self.wire.fill(until).await? == 0 {
                    return Err(AskFault::Closed);
                }
            }
            match ResponseHead::parse(&self.wire.buffer, limits) {
                Parsed::Complete { head, len } => {
                    self.wire.buffer.advance(len);
                    if !head.is_interim() {
                        return Ok(head);
                    }
                }
                Parsed::Malformed(fault) => return Err(AskFault::Malformed(fault)),
                // The search found its end.
                Parsed::Partial => return Err(AskFault::Closed),
            }
        }
        Err(AskFault::Interims)
    }
}

impl From<WireFault> for AskFault {
    fn from(fault: WireFault) -> Self {
        match fault {
            WireFault::Io(error) => Self::Io(error),
            WireFault::TimedOut => Self::TimedOut,
        }
    }
}

impl<S, C> fmt::Debug for Client<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("clean", &self.clean).finish_non_exhaustive()
    }
}
