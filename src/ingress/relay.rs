//! The security server (máy chủ bảo mật): real SDKs talk plain HTTP to it on the agency's side, and it carries
//! what they say to the platform over mutual TLS with the member's own certificate (design.md 2.5).
//!
//! Invariant: heads are copied byte for byte, bodies piece by piece; nothing is stored, nothing is sent twice,
//! and there is an answer when the platform has given one or the deadline has passed.

use super::CallFaces;
use super::documents;
use super::head::RequestHead;
use super::http1::{
    self, Answer, AnswerBody, AskFault, AskLimits, Body, Client, Http1Limits, HttpFault, Payload,
    Takes,
};
use super::lgsp;
use super::network::Near;
use super::vxp::{self, Operation};
use crate::clock::{Clock, Timestamp};
use crate::domain::directory::{Connection, Member};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::pipeline::call::CallPorts;
use crate::tls::{Cause, PeerIdentity, Role, TlsClient, TlsFault, Witness};
use futures_util::StreamExt;
use parking_lot::Mutex;
use rustls_pki_types::ServerName;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

/// Bounds of one security server; each but the pool is a key of the topology file.
#[derive(Clone, Copy, Debug)]
pub struct RelayLimits {
    pub connections_max: usize,
    /// From the end of a request's head to the head of its answer.
    pub timeout: Duration,
    /// For a long answer after its head.
    pub body_timeout: Duration,
    pub http1: Http1Limits,
}

/// One security server: who goes through it, and who may talk to it.
pub struct Relay<P: CallPorts> {
    pub name: Arc<str>,
    pub clock: Arc<P::Clock>,
    pub ways: Vec<Way<P::Clock>>,
    /// Calls are not relayed: the security server is a platform of the call plane itself.
    pub calls: CallFaces<P>,
    pub limits: RelayLimits,
    pub near: Near,
}

/// How one member reaches its platform.
pub struct Way<C> {
    member: Arc<Member>,
    client: TlsClient,
    address: SocketAddr,
    /// Connections that wait for the next request, the last used at the end.
    idle: Mutex<Vec<Open<C>>>,
    places: Arc<Semaphore>,
}

/// A connection to the platform in the name of a member.
struct Open<C> {
    client: Client<TlsStream<Socket>, C>,
    socket: Socket,
    peer: PeerIdentity,
    used_at: Timestamp,
}

/// Requests of one member under way at a time; the SDK opens at most ten connections (domain.md 2.5).
const REQUESTS_PER_MEMBER_MAX: usize = 64;
const IDLE_PER_MEMBER_MAX: usize = 16;
/// Well below the time after which a platform closes an idle connection.
const IDLE_MAX: Duration = Duration::from_secs(15);
/// Longer answers go on as they come, and their connection with them.
const WHOLE_ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// Serves the plain port until `stop`.
pub async fn serve<P: CallPorts>(
    listener: TcpListener,
    relay: Arc<Relay<P>>,
    stop: CancellationToken,
) {
    let (clock, connections_max) = (Arc::clone(&relay.clock), relay.limits.connections_max);
    super::accept_each(listener, &*clock, connections_max, &stop, |stream, from| {
        let (relay, stop) = (Arc::clone(&relay), stop.clone());
        async move { relay.connection(stream, from, &stop).await }
    })
    .await;
}

impl<P: CallPorts> Relay<P> {
    async fn connection(&self, stream: TcpStream, from: SocketAddr, stop: &CancellationToken) {
        if !self.near.lets_in(from.ip()) {
            tracing::warn!(server = %self.name, %from, "a connection from a network that is not allowed was refused");
            return;
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection is gone already");
            return;
        }
        let served = http1::serve(stream, &self.clock, &self.limits.http1, self, stop);
        let ended = Box::pin(served).await;
        tracing::debug!(server = %self.name, why = ?ended.why, answered = ended.answered, "a connection ended");
    }

    /// The way of the member that the request claims. One that must connect by TLS is not relayed from here: it would be anybody on this network who speaks in its name.
    async fn way(&self, head: &RequestHead) -> Result<&Way<P::Clock>, Rejection> {
        let way = self.claimed(head).await?;
        match way.member.connection {
            Connection::NoSsl => Ok(way),
            other @ (Connection::SslNoAuth | Connection::SslAuth) => {
                Err(Rejection::new(Reason::UnknownCaller).detail(other.as_str()))
            }
        }
    }

    /// The member whose systemid or token the request claims; without one, the only member there is.
    async fn claimed(&self, head: &RequestHead) -> Result<&Way<P::Clock>, Rejection> {
        let unknown = || Rejection::new(Reason::UnknownCaller);
        match self.calls.claimed(head).await {
            Ok(Some(member)) => {
                let way = self.ways.iter().find(|way| way.member.id == member);
                return way.ok_or_else(|| unknown().detail(&*member));
            }
            // Of one member alone, the platform refuses it in the same words.
            Err(rejection) if self.ways.len() != 1 => return Err(rejection),
            Ok(None) | Err(_) => {}
        }
        let is_lgsp = lgsp::Dialect::of_path(head.path()).is_some();
        let name = if is_lgsp { "Authorization" } else { "XroadVnpt-systemid" };
        match (vxp::systemid(head), self.ways.as_slice()) {
            (Some(systemid), ways) => ways
                .iter()
                .find(|way| way.member.systemid().is_some_and(|known| **known == *systemid))
                .ok_or_else(|| unknown().detail(systemid)),
            (None, [way]) => Ok(way),
            (None, _) => Err(unknown().at(Place::Parameter(name.to_owned()))),
        }
    }

    async fn carry(&self, head: &RequestHead, body: &mut Body<'_>) -> Result<Answer, Rejection> {
        if head.method() == "HEAD" {
            // Its answer would have a length and no body; no dialect uses it.
            return Err(Rejection::new(Reason::ParameterInvalid).detail("HEAD"));
        }
        let way = self.way(head).await?;
        let until = self.clock.now().plus(self.limits.timeout);
        let place = self
            .clock
            .timeout_at(until, Arc::clone(&way.places).acquire_owned())
            .await
            .map_err(|_elapsed| Rejection::new(Reason::Busy).retry_after_ms(1_000))?
            .map_err(|_closed| Rejection::new(Reason::ShuttingDown))?;
        let mut open =
            way.open(&self.clock, until).await.map_err(|fault| self.unreachable(way, &fault))?;
        let limits = self.ask_limits(until);
        let answered = open.client.ask(head.raw(), Payload::Body(body), &limits).await;
        let answer = answered.map_err(|fault| self.explain(way, &fault))?;
        let length = answer.content_length();
        let limits = self.ask_limits(self.clock.now().plus(self.limits.body_timeout));
        if length > WHOLE_ANSWER_BYTES_MAX {
            let chunks = open.client.into_chunks(&answer, &limits).map(kept(place)).boxed();
            return Ok(Answer::copied(&answer, AnswerBody::Stream { length, chunks }));
        }
        let whole = open.client.body(&answer, WHOLE_ANSWER_BYTES_MAX, &limits).await;
        let whole = whole.map_err(|fault| {
            tracing::warn!(server = %self.name, member = %way.member.id, %fault, "an answer broke off");
            Rejection::new(Reason::Unavailable).detail(fault.to_string())
        })?;
        way.keep(open, self.clock.now());
        Ok(Answer::copied(&answer, AnswerBody::Bytes(whole)))
    }

    const fn ask_limits(&self, until: Timestamp) -> AskLimits {
        let http1 = &self.limits.http1;
        AskLimits { head: http1.head, stall_ms_max: http1.stall_ms_max, until }
    }

    /// Why there is no answer; a broken connection may be a refused certificate.
    fn explain(&self, way: &Way<P::Clock>, fault: &AskFault) -> Rejection {
        let now = self.clock.now();
        let tls = match fault {
            AskFault::Io(error) => way.client.explain(error, now),
            AskFault::Closed => way.client.own_fault(now),
            AskFault::TimedOut => {
                tracing::warn!(server = %self.name, member = %way.member.id, "the platform did not answer in time");
                return Rejection::new(Reason::Timeout).detail(fault.to_string());
            }
            AskFault::Malformed(_) | AskFault::Payload(_) | AskFault::Interims => None,
        };
        if let Some(tls) = tls {
            return self.unreachable(way, &tls);
        }
        tracing::warn!(server = %self.name, member = %way.member.id, %fault, "the platform gave no answer");
        Rejection::new(Reason::Unavailable).detail(fault.to_string())
    }

    fn unreachable(&self, way: &Way<P::Clock>, fault: &TlsFault) -> Rejection {
        tracing::warn!(
            server = %self.name,
            member = %way.member.id,
            code = fault.code(),
            fault = %fault.en(),
            "the platform cannot be reached"
        );
        Rejection::new(Reason::Unavailable).detail(format!("{} {}", fault.code(), fault.vi()))
    }
}

/// Holds a place until the stream is dropped.
fn kept<T>(place: OwnedSemaphorePermit) -> impl FnMut(T) -> T + Send {
    move |piece| {
        // Named, so that the closure owns it.
        let _held = &place;
        piece
    }
}

impl<P: CallPorts> http1::Face for Relay<P> {
    async fn answer(&self, head: RequestHead, body: &mut Body<'_>) -> Answer {
        let operation = Operation::of_path(head.path());
        if operation.is_none()
            && let Some(dialect) = self.calls.dialect(head.target())
        {
            return self.calls.over_http1(dialect, &head, body).await;
        }
        match self.carry(&head, body).await {
            Ok(answer) => answer,
            Err(rejection) => match lgsp::Dialect::of_path(head.path()) {
                Some(dialect) => lgsp::refused_over_http1(dialect, head.path(), &rejection),
                None => vxp::refused(operation, &rejection, &documents::new_correlation_id()),
            },
        }
    }

    fn takes(&self, head: &RequestHead) -> Takes {
        self.calls.takes_of(head)
    }

    fn refuse(&self, fault: &HttpFault) -> Answer {
        vxp::faulty(fault, &documents::new_correlation_id())
    }
}

impl<C: Clock> Way<C> {
    /// `client` holds the member's key and expects the platform's name.
    pub fn new(member: Arc<Member>, client: TlsClient, address: SocketAddr) -> Self {
        let places = Arc::new(Semaphore::new(REQUESTS_PER_MEMBER_MAX));
        Self { member, client, address, idle: Mutex::new(Vec::new()), places }
    }

    /// A connection that waited, if one still stands and its certificates still hold; else a new one.
    async fn open(&self, clock: &Arc<C>, until: Timestamp) -> Result<Open<C>, TlsFault> {
        let now = clock.now();
        while let Some(open) = self.last_idle() {
            let trust = self.client.tls().trust();
            let is_fresh = now.since(open.used_at) < IDLE_MAX;
            if is_fresh && open.socket.is_silent() && open.peer.recheck(trust, now).is_ok() {
                return Ok(open);
            }
        }
        let unreachable = |why: String| {
            TlsFault::new(Role::Server, Witness::Us, Cause::Unreachable(why))
                .about(self.address.to_string())
        };
        let connected = clock.timeout_at(until, TcpStream::connect(self.address)).await;
        let stream = connected
            .map_err(|elapsed| unreachable(elapsed.to_string()))?
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|error| unreachable(error.to_string()))?;
        let socket = Socket(Arc::new(stream));
        let name = ServerName::IpAddress(self.address.ip().into());
        let connected = Box::pin(self.client.wrap(&**clock, socket.clone(), name, until)).await?;
        let client = Client::new(connected.stream, Arc::clone(clock));
        Ok(Open { client, socket, peer: connected.peer, used_at: now })
    }

    fn last_idle(&self) -> Option<Open<C>> {
        self.idle.lock().pop()
    }

    fn keep(&self, mut open: Open<C>, now: Timestamp) {
        if !open.client.is_reusable() {
            return;
        }
        open.used_at = now;
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_PER_MEMBER_MAX {
            idle.push(open);
        }
    }
}

/// A connection that can be looked at while TLS owns it: whether the other end has closed it meanwhile.
#[derive(Clone, Debug)]
struct Socket(Arc<TcpStream>);

impl Socket {
    /// Between an answer and the next request a server has nothing to say but goodbye.
    fn is_silent(&self) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(Waker::noop());
        self.0.poll_peek(&mut context, &mut ReadBuf::new(&mut byte)).is_pending()
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            std::task::ready!(self.0.poll_read_ready(context))?;
            match self.0.try_read(into.initialize_unfilled()) {
                Ok(count) => {
                    into.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            std::task::ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// The last owner closes it; nobody here half-closes.
    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl<P: CallPorts> fmt::Debug for Relay<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("name", &self.name)
            .field("ways", &self.ways)
            .finish_non_exhaustive()
    }
}

impl<C> fmt::Debug for Way<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way")
            .field("member", &self.member.id)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
