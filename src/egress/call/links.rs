//! Neighbouring platforms as calls reach them: one HTTP/2 connection over mutual TLS per pair, made when it is
//! first used and again after it broke.

use super::{Asker, CallBody, CallRoad, Forwarded, Outside, Simulated, Toll};
use crate::clock::{Clock, SystemClock};
use crate::domain::conditions::LinkConditions;
use crate::domain::routing::PlatformIx;
use crate::domain::service::{CallFault, Service, Target, Trouble};
use crate::egress::LinkId;
use crate::pki::PlatformName;
use crate::tls::{Alpn, Cause, PeerIdentity, Tls, TlsClient, TlsFault, TlsLoadError};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use rustls_pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// All roads of calls that leave the platforms of this process.
#[derive(Debug)]
pub struct CallLinks {
    clock: Arc<SystemClock>,
    links: BTreeMap<LinkId, CallLink>,
    connections: TaskTracker,
    outside: Outside,
    simulated: Arc<dyn Simulated>,
    buffer_bytes_max: usize,
}

#[derive(Debug)]
struct CallLink {
    client: TlsClient,
    address: SocketAddr,
    toll: Arc<Toll>,
    open: Mutex<Option<Open>>,
    /// Held by the one who connects, so that a crowd makes one connection.
    connecting: tokio::sync::Mutex<()>,
}

/// A connection that stands, and who is at its other end.
#[derive(Clone, Debug)]
struct Open {
    sender: SendRequest<CallBody>,
    peer: Arc<PeerIdentity>,
    tls: Arc<str>,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What one slow reader may hold of an answer; many of them still leave room for others.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 64 << 20;
const PING_EVERY: Duration = Duration::from_secs(20);
/// What surrounds a body on a link with little bandwidth.
const HEAD_BYTES: u64 = 512;

impl CallLinks {
    pub fn new(
        clock: Arc<SystemClock>,
        simulated: Arc<dyn Simulated>,
        outside: Outside,
        buffer_bytes_max: usize,
    ) -> Self {
        Self {
            clock,
            links: BTreeMap::new(),
            connections: TaskTracker::new(),
            outside,
            simulated,
            buffer_bytes_max,
        }
    }

    /// Adds the road to another platform. `tls` holds the key of the platform it leaves from.
    pub fn add(
        &mut self,
        id: LinkId,
        tls: &Arc<Tls>,
        peer_name: PlatformName,
        address: SocketAddr,
        conditions: Arc<Mutex<LinkConditions>>,
    ) -> Result<(), TlsLoadError> {
        let client = tls.client(Some(peer_name), Alpn::Http2)?;
        let link = CallLink {
            client,
            address,
            toll: Arc::new(Toll::new(conditions)),
            open: Mutex::new(None),
            connecting: tokio::sync::Mutex::new(()),
        };
        self.links.insert(id, link);
        Ok(())
    }

    /// A connection whose certificate still holds.
    async fn open(&self, link: &CallLink) -> Result<Open, CallFault> {
        let _only_one = link.connecting.lock().await;
        if let Some(open) = self.standing(link)? {
            return Ok(open);
        }
        let deadline = self.clock.now().plus(CONNECT_TIMEOUT);
        let name = ServerName::IpAddress(link.address.ip().into());
        let connected = Box::pin(link.client.connect(&*self.clock, link.address, name, deadline));
        let connected = connected.await.map_err(|fault| refused(&fault))?;
        let tls: Arc<str> = format!("{} {}", connected.peer.version, connected.peer.cipher).into();
        let handshake = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .keep_alive_interval(PING_EVERY)
            .handshake(TokioIo::new(connected.stream))
            .await;
        let (sender, connection) =
            handshake.map_err(|error| CallFault::new(Trouble::LinkDown).detail(words(&error)))?;
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection for calls ended");
            }
        });
        let open = Open { sender, peer: Arc::new(connected.peer), tls };
        *link.open.lock() = Some(open.clone());
        Ok(open)
    }

    fn standing(&self, link: &CallLink) -> Result<Option<Open>, CallFault> {
        let mut place = link.open.lock();
        let Some(open) = place.as_ref().filter(|open| !open.sender.is_closed()) else {
            return Ok(None);
        };
        let trust = link.client.tls().trust();
        if let Err(fault) = open.peer.recheck(trust, self.clock.now()) {
            *place = None;
            return Err(refused(&fault));
        }
        Ok(Some(open.clone()))
    }

    async fn attempt(
        &self,
        link: &CallLink,
        request: Request<CallBody>,
    ) -> Result<Forwarded, CallFault> {
        let down =
            |_| CallFault::new(Trouble::LinkDown).detail("the link is down by its conditions");
        let is_free = link.toll.is_free();
        let request = if is_free {
            request
        } else {
            let held = request.body().length().unwrap_or_default();
            link.toll.pass(&self.clock, HEAD_BYTES + held).await.map_err(down)?;
            request.map(|body| slowed(body, link, &self.clock))
        };
        let standing = self.standing(link)?;
        let mut open = match standing {
            Some(open) => open,
            None => Box::pin(self.open(link)).await?,
        };
        let answered = open.sender.send_request(request).await;
        let response = answered.map_err(|error| self.failed(link, &error))?;
        if !is_free {
            let held = response.body().size_hint().exact().unwrap_or_default();
            link.toll.pass(&self.clock, HEAD_BYTES + held).await.map_err(down)?;
        }
        let response = response.map(CallBody::stream);
        let response =
            if is_free { response } else { response.map(|body| slowed(body, link, &self.clock)) };
        Ok(Forwarded { response, tls: open.tls })
    }

    fn failed(&self, link: &CallLink, error: &hyper::Error) -> CallFault {
        match link.client.explain(error, self.clock.now()) {
            Some(fault) => refused(&fault),
            None => CallFault::new(Trouble::LinkDown).detail(words(error)),
        }
    }

    async fn record(
        &self,
        name: &str,
        at: PlatformIx,
        address: &str,
        request: Request<CallBody>,
    ) -> Result<Response<CallBody>, CallFault> {
        let (parts, body) = request.into_parts();
        let cut = |cut: super::CutBody| CallFault::new(Trouble::RequestCut).detail(cut.0);
        let Some(asked) = body.collect(self.buffer_bytes_max).await.map_err(cut)? else {
            return Err(CallFault::new(Trouble::RequestTooLarge)
                .detail(format!("recorded: at most {} bytes", self.buffer_bytes_max)));
        };
        let asked = Request::from_parts(parts, asked);
        let sent = asked.clone().map(CallBody::whole);
        let answered = self.outside.ask(at, address, sent).await?;
        let (parts, body) = answered.into_parts();
        let body = body.held(self.buffer_bytes_max).await;
        let body = body.map_err(|cut| CallFault::new(Trouble::SystemCut).detail(cut.0))?;
        if matches!(body, CallBody::Stream(_)) {
            tracing::warn!(name, "an answer too large to be recorded");
            return Ok(Response::from_parts(parts, body));
        }
        let bytes = body.collect(self.buffer_bytes_max).await.ok().flatten();
        let answered = Response::from_parts(parts, bytes.unwrap_or_default());
        self.simulated.record(name, asked, answered.clone());
        Ok(answered.map(CallBody::whole))
    }
}

impl CallRoad for CallLinks {
    async fn forward(
        &self,
        from: PlatformIx,
        to: PlatformIx,
        request: Request<CallBody>,
    ) -> Result<Forwarded, CallFault> {
        let link = self.links.get(&LinkId { from, to });
        let link = link.ok_or_else(|| CallFault::from(Trouble::NoRoute))?;
        self.attempt(link, request).await
    }

    async fn provide(
        &self,
        at: PlatformIx,
        service: &Arc<Service>,
        asker: &Asker,
        request: Request<CallBody>,
    ) -> Result<Response<CallBody>, CallFault> {
        match &service.target {
            Target::Simulated(name) => self.simulated.answer(service, name, asker, request).await,
            Target::Real(address) => self.outside.ask(at, address, request).await,
            Target::Record(address) => {
                let name = service.id.to_string();
                Box::pin(self.record(&name, at, address, request)).await
            }
        }
    }
}

/// A stream whose pieces pay the toll one by one; what is held has paid already.
fn slowed(body: CallBody, link: &CallLink, clock: &Arc<SystemClock>) -> CallBody {
    let length = body.length();
    let CallBody::Stream(stream) = body else { return body };
    let (toll, clock) = (Arc::clone(&link.toll), Arc::clone(clock));
    let pieces = futures_util::stream::unfold(stream, move |mut stream| {
        let (toll, clock) = (Arc::clone(&toll), Arc::clone(&clock));
        async move {
            let frame = stream.frame().await?;
            let bytes =
                frame.as_ref().ok().and_then(|frame| frame.data_ref()).map_or(0, Bytes::len);
            let passed = toll.pass(&clock, bytes as u64).await;
            let frame = match passed {
                Ok(()) => frame,
                Err(down) => Err(super::CutBody(down.to_string())),
            };
            Some((frame, stream))
        }
    });
    CallBody::pieces(pieces, length)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else is wrong, one side refused the other"
)]
fn refused(fault: &TlsFault) -> CallFault {
    let trouble = match fault.cause {
        Cause::Unreachable(_) => Trouble::LinkDown,
        Cause::Timeout => Trouble::LinkTimeout,
        _ => Trouble::LinkRefused,
    };
    CallFault::new(trouble).detail(format!("{} {}", fault.code(), fault.en()))
}

pub(super) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
