//! The doors: accept, TLS, who the peer is, connection limits, drain; the face is picked by protocol and path.
//!
//! A server is a function of a bound socket and a stop signal.

pub mod calls;
mod documents;
pub mod grpc;
pub mod head;
pub mod health;
pub mod http1;
pub mod lgsp;
mod multipart;
pub mod network;
pub mod public;
pub mod relay;
pub mod session;
pub mod vxp;
pub mod wso2;
pub mod xroad;

use crate::clock::{Clock, Timestamp};
use crate::domain::directory::Members;
use crate::domain::rejection::Rejection;
use crate::domain::routing::PlatformIx;
use crate::egress::call::CallBody;
use crate::pipeline::call::{CallPlane, CallPlatform, CallPorts, catalogue, hop, peer};
use crate::pipeline::{Connections, Pipeline};
use crate::tls::{Cause, TlsServer};
use crate::topology::XRoadSettings;
use calls::{CallAnswer, CallRequest, Channel};
use grpc::NativeServices;
use head::RequestHead;
use http::{Request, Response};
use http1::{Answer, Http1Limits, HttpFault, Takes};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use lgsp::Lgsp;
use network::Near;
use session::Session;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use vxp::{Operation, Vxp};
use wso2::{Desk, Gateway};
use xroad::XRoad;

/// Bounds of one listener; each is a key of the topology file.
#[derive(Clone, Copy, Debug)]
pub struct DoorLimits {
    pub connections_max: usize,
    pub handshake_timeout: Duration,
    pub head_bytes_max: usize,
    pub idle_timeout: Duration,
    pub streams_max: u32,
    pub message_bytes_max: usize,
    pub http1: Http1Limits,
}

/// One TLS listener of one platform.
#[derive(Debug)]
pub struct Door<P: CallPorts> {
    pub pipeline: Arc<Pipeline<P>>,
    pub plane: Arc<CallPlane<P>>,
    pub xroad: XRoadSettings,
    pub desk: Arc<Desk>,
    pub platform: PlatformIx,
    pub tls: TlsServer,
    pub members: Arc<Members>,
    pub limits: DoorLimits,
    /// Whose connections are taken; `None` takes everybody's, and believes nobody without certificate or credential.
    pub near: Option<Near>,
}

/// Below `hop::PATH`.
const HOP_PATH_BELOW: &str = "/call/v1/";
/// HTTP/2 windows: a file of many megabytes must not wait for credit every 64 KiB, and
/// what one slow reader holds must leave room for others.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 64 << 20;
/// How often a silent HTTP/2 peer is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(20);

/// Serves a bound socket until `stop`; then finishes what is under way.
pub async fn serve<P: CallPorts>(
    listener: TcpListener,
    door: Arc<Door<P>>,
    stop: CancellationToken,
) {
    let clock = door.pipeline.ports().clock();
    accept_each(listener, clock, door.limits.connections_max, &stop, |stream, from| {
        let (door, stop) = (Arc::clone(&door), stop.clone());
        async move { door.connection(stream, from, stop).await }
    })
    .await;
}

/// Serves each connection in a task of its own, so many at a time; returns when all have ended after `stop`.
async fn accept_each<C, F, S>(
    listener: TcpListener,
    clock: &C,
    connections_max: usize,
    stop: &CancellationToken,
    serve: F,
) where
    C: Clock,
    F: Fn(TcpStream, SocketAddr) -> S,
    S: Future<Output = ()> + Send + 'static,
{
    let connections = Arc::new(Semaphore::new(connections_max));
    let tasks = TaskTracker::new();
    loop {
        // When all places are taken, accept waits.
        let place = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            place = Arc::clone(&connections).acquire_owned() => place,
        };
        let Ok(place) = place else { break };
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, from)) => {
                let served = serve(stream, from);
                tasks.spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: wait for some to come back.
                tracing::warn!(%error, "accepting a connection failed");
                clock.sleep_until(clock.now().plus(Duration::from_millis(100))).await;
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

impl<P: CallPorts> Door<P> {
    async fn connection(&self, stream: TcpStream, from: SocketAddr, stop: CancellationToken) {
        let clock = self.pipeline.ports().clock();
        if self.near.as_ref().is_some_and(|near| !near.lets_in(from.ip())) {
            tracing::warn!(%from, "a connection from a network that is not allowed was refused");
            return;
        }
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection is gone already");
            return;
        }
        let deadline = clock.now().plus(self.limits.handshake_timeout);
        let accepted = match self.tls.accept(clock, stream, deadline).await {
            Ok(accepted) => accepted,
            Err(fault) => {
                if let Some(platform) = self.pipeline.platform(self.platform) {
                    platform.counters.connections.fault(fault.code());
                }
                let (code, said) = (fault.code(), fault.en());
                // Who tries the door and goes away is nobody's fault; a certificate that does not hold is.
                if matches!(fault.cause, Cause::Closed | Cause::Timeout | Cause::NotTls) {
                    tracing::info!(%from, code, fault = %said, "a connection was refused");
                } else {
                    tracing::warn!(%from, code, fault = %said, "a connection was refused");
                }
                return;
            }
        };
        let trust = Arc::clone(self.tls.tls().trust());
        let session = Arc::new(Session::new(
            accepted.peer,
            trust,
            &self.members,
            &self.pipeline.routes(),
            self.platform,
        ));
        let connections = self.pipeline.platform(self.platform).map(|p| &p.counters.connections);
        let _counted = connections.map(Connections::open);
        if accepted.is_http2 {
            self.http2(accepted.stream, session, stop).await;
        } else {
            self.http1(accepted.stream, session, &stop).await;
        }
    }

    /// Everything that is not HTTP/2: one dialect after the other is asked whether the path is its own.
    async fn http1<S>(&self, stream: S, session: Arc<Session>, stop: &CancellationToken)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send,
    {
        let channel = Channel::Tls(Arc::clone(&session));
        let vxp =
            Vxp::new(Arc::clone(&self.pipeline), self.platform, session, Arc::clone(&self.members));
        let calls = CallFaces {
            plane: Arc::clone(&self.plane),
            platform: self.platform,
            channel,
            xroad: self.xroad,
            desk: Arc::clone(&self.desk),
        };
        let clock = Arc::new(PipelineClock(Arc::clone(&self.pipeline)));
        let faces = Faces { vxp, calls };
        let served = http1::serve(stream, &clock, &self.limits.http1, &faces, stop);
        // Boxed: it is large, and most connections are HTTP/2.
        let ended = Box::pin(served).await;
        tracing::debug!(why = ?ended.why, answered = ended.answered, "a connection ended");
    }

    /// The native face.
    async fn http2<S>(&self, stream: S, session: Arc<Session>, stop: CancellationToken)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let calls = Arc::new(CallFaces {
            plane: Arc::clone(&self.plane),
            platform: self.platform,
            channel: Channel::Tls(Arc::clone(&session)),
            xroad: self.xroad,
            desk: Arc::clone(&self.desk),
        });
        let services = Arc::new(NativeServices::new(
            Arc::clone(&self.pipeline),
            self.platform,
            Arc::clone(&session),
            self.limits.message_bytes_max,
        ));
        let service = service_fn(move |request: Request<Incoming>| {
            let (services, calls) = (Arc::clone(&services), Arc::clone(&calls));
            let session = Arc::clone(&session);
            async move {
                let target = request.uri().path();
                if target == catalogue::PATH {
                    return Ok(calls.tell_catalogue(&session, &request).await.map(Body::new));
                }
                if target == peer::TOKEN_PATH {
                    let body = CallBody::stream(request.into_body());
                    let asked = (&*calls.plane, &*calls.desk);
                    let told = wso2::tell_token(asked, &session, body).await;
                    return Ok(told.map(Body::new));
                }
                if target == hop::PATH || target.starts_with(HOP_PATH_BELOW) {
                    return Ok(calls.passed_on(&session, request).await.map(Body::new));
                }
                // The native face comes by far the most often, and is asked nothing else.
                if is_grpc(&request) {
                    return services.call(request).await.unwrap_or_else(|| Ok(unknown_path()));
                }
                if let Some(dialect) = calls.dialect(target) {
                    let request = CallRequest::of_http2(request);
                    return Ok(calls.answer(dialect, request).await.map(Body::new));
                }
                Ok(unknown_path())
            }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_concurrent_streams(self.limits.streams_max)
            .max_header_list_size(u32::try_from(self.limits.head_bytes_max).unwrap_or(u32::MAX))
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(self.limits.idle_timeout)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

/// How a request asks for a service, or an LGSP's client for documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    Documents(lgsp::Dialect),
    XRoad,
    Adapter,
    Gateway,
}

/// The dialects of service calls on one connection, and those of LGSPs for documents.
#[derive(Debug)]
pub struct CallFaces<P: CallPorts> {
    plane: Arc<CallPlane<P>>,
    platform: PlatformIx,
    channel: Channel,
    xroad: XRoadSettings,
    desk: Arc<Desk>,
}

impl<P: CallPorts> CallFaces<P> {
    /// At the plain port of a security server.
    pub fn plain(
        plane: Arc<CallPlane<P>>,
        server: PlatformIx,
        xroad: XRoadSettings,
        desk: Arc<Desk>,
    ) -> Self {
        Self { plane, platform: server, channel: Channel::Plain { server }, xroad, desk }
    }

    async fn over_http1(
        &self,
        dialect: Dialect,
        head: &RequestHead,
        body: &mut http1::Body<'_>,
    ) -> Answer {
        let hold = self.plane.limits.buffer_bytes_max as u64;
        let waits = (self.plane.pipeline.ports().clock(), self.plane.limits.timeout);
        calls::over_http1(waits, head, body, hold, |request| self.answer(dialect, request)).await
    }

    fn at(&self) -> Option<&CallPlatform> {
        self.plane.platform(self.platform)
    }

    /// Whose path it is (design.md 2.6: `/r1/`, known prefixes, gateway contexts, SOAP).
    fn dialect(&self, target: &str) -> Option<Dialect> {
        if target.starts_with("/r1/") {
            return Some(Dialect::XRoad);
        }
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        // A security server passes documents on to the platform.
        if matches!(self.channel, Channel::Tls(_))
            && let Some(own) = lgsp::Dialect::of_path(path)
        {
            return Some(Dialect::Documents(own));
        }
        if wso2::adapter_takes(path) {
            return Some(Dialect::Adapter);
        }
        if self.at().is_some_and(|at| self.gateway(at).takes(path)) {
            return Some(Dialect::Gateway);
        }
        XRoad::<P>::takes(target).then_some(Dialect::XRoad)
    }

    /// Documents come by far the most often, and their bodies are never chunked.
    fn takes_of(&self, head: &RequestHead) -> Takes {
        if Operation::of_path(head.path()).is_none() && self.dialect(head.target()).is_some() {
            Takes::ALL
        } else {
            Takes::PLAIN
        }
    }

    fn gateway<'a>(&'a self, at: &'a CallPlatform) -> Gateway<'a, P> {
        Gateway { plane: &self.plane, at, desk: &self.desk }
    }

    fn lgsp(&self) -> Lgsp<'_, P> {
        let (plane, platform) = (&*self.plane, self.platform);
        Lgsp { plane, platform, desk: &self.desk, channel: &self.channel }
    }

    /// The member whose request an LGSP's client seems to send; the platform checks it.
    async fn claimed(&self, head: &RequestHead) -> Result<Option<Arc<str>>, Rejection> {
        match lgsp::Dialect::of_path(head.path()) {
            Some(dialect) => self.lgsp().claimed(dialect, head).await,
            None => Ok(None),
        }
    }

    async fn answer(&self, dialect: Dialect, request: CallRequest) -> CallAnswer {
        let Some(at) = self.at() else { return calls::not_here() };
        match dialect {
            Dialect::Documents(dialect) => Box::pin(self.lgsp().answer(dialect, request)).await,
            Dialect::Adapter => self.gateway(at).forward(request, &self.channel).await,
            Dialect::Gateway => self.gateway(at).answer(request, &self.channel).await,
            Dialect::XRoad => {
                let xroad = XRoad { plane: &self.plane, at, settings: self.xroad };
                xroad.answer(request, &self.channel).await
            }
        }
    }

    async fn tell_catalogue<B>(&self, session: &Session, request: &Request<B>) -> CallAnswer {
        match self.at() {
            Some(at) => {
                calls::tell_catalogue(&self.plane, at, session, request.uri().query()).await
            }
            None => calls::not_here(),
        }
    }

    async fn passed_on(&self, session: &Session, request: Request<Incoming>) -> CallAnswer {
        match self.at() {
            Some(at) => calls::passed_on(&self.plane, at, session, request).await,
            None => calls::not_here(),
        }
    }
}

/// The dialects of HTTP/1.1 on one connection, in the order of design.md 2.6.
#[derive(Debug)]
struct Faces<P: CallPorts> {
    vxp: Vxp<P>,
    calls: CallFaces<P>,
}

impl<P: CallPorts> http1::Face for Faces<P> {
    async fn answer(&self, head: RequestHead, body: &mut http1::Body<'_>) -> Answer {
        if let Some(operation) = Operation::of_path(head.path()) {
            return self.vxp.answer(operation, &head, body).await;
        }
        if let Some(dialect) = self.calls.dialect(head.target()) {
            return self.calls.over_http1(dialect, &head, body).await;
        }
        vxp::unknown_path(head.path(), &documents::new_correlation_id())
    }

    fn takes(&self, head: &RequestHead) -> Takes {
        self.calls.takes_of(head)
    }

    fn refuse(&self, fault: &HttpFault) -> Answer {
        vxp::faulty(fault, &documents::new_correlation_id())
    }
}

/// The pipeline's clock, for those who keep one.
#[derive(Debug)]
struct PipelineClock<P: CallPorts>(Arc<Pipeline<P>>);

impl<P: CallPorts> Clock for PipelineClock<P> {
    fn now(&self) -> Timestamp {
        self.0.ports().clock().now()
    }

    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send {
        self.0.ports().clock().sleep_until(at)
    }
}

fn is_grpc(request: &Request<Incoming>) -> bool {
    let content_type = request.headers().get(http::header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

fn unknown_path() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = http::StatusCode::NOT_FOUND;
    response
}
