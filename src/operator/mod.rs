//! The operator's JSON API on loopback: what runs, what waits, what became of a document; conditions and
//! certificates. HTTP/1.1, no login: whoever may open a port of this machine's loopback is the operator.
//!
//! A page in a browser is not: the Host header must name this machine (DNS rebinding), and what changes
//! something must not come from a page of another site.
//!
//! Invariant: this room reads snapshots and calls pipeline verbs; it has no way of its own into journal or
//! bus, and it never shows a document's content. Content belongs to sender and recipients: who is one of
//! them fetches it with its certificate, and an operator has no need to know.

pub mod agencies;
mod asked;
pub mod calls;
pub mod certificates;
pub mod citizens;
pub mod conditions;
pub mod documents;
pub mod events;
pub mod fault;
pub mod flows;
pub mod health;
pub mod ndop;
mod openapi;
pub mod overdue;
pub mod providers;
mod readings;
mod routes;
pub mod rules;
pub mod services;
pub mod status;
pub mod topology;
pub mod trace;

use crate::clock::{Clock, Timestamp};
use crate::domain::calendar::Calendar;
use crate::domain::conditions::LinkConditions;
use crate::domain::routing::PlatformIx;
use crate::journal::Recovery;
use crate::observe::Tap;
use crate::pipeline::Pipeline;
use crate::pipeline::call::{CallPlane, CallPorts};
use crate::pki::Pki;
use crate::providers::host::{Host, RECORDED};
use crate::story::order::Order;
use crate::telemetry::Metrics;
use crate::tls::{Tls, Trust};
use crate::topology::{ListenerKind, Topology};
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use fault::{Fault, Problem};
use health::Pulse;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

pub use fault::{ErrorAnswer, ErrorBody};
pub use openapi::document;
pub use routes::ROUTES;

/// The version of every answer's shape.
const VERSION: u32 = 1;
const CONNECTIONS_MAX: usize = 128;
const WATCHERS_MAX: usize = 32;
/// The largest body is a set of conditions.
const BODY_BYTES_MAX: usize = 64 << 10;
/// A description of a service is larger.
const REGISTRATION_BYTES_MAX: usize = 4 << 20;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than the pipeline waits for a fold.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a platform listens.
#[derive(Clone, Copy, Debug)]
pub struct Listens {
    pub platform: PlatformIx,
    pub kind: ListenerKind,
    pub address: SocketAddr,
}

/// What the API shows and operates.
#[derive(Debug)]
pub struct Operated<P: CallPorts> {
    pub pipeline: Arc<Pipeline<P>>,
    pub plane: Arc<CallPlane<P>>,
    pub host: Arc<Host>,
    /// Reports calls to NDOP, when the topology has one.
    pub tap: Option<Arc<Tap>>,
    pub topology: Arc<Topology>,
    pub pki: Pki,
    pub trust: Arc<Trust>,
    /// Key material of the platforms of this process, to be read again after a change.
    pub keys: Vec<Arc<Tls>>,
    /// By the child's place.
    pub link_conditions: BTreeMap<PlatformIx, Arc<Mutex<LinkConditions>>>,
    pub listens: Vec<Listens>,
    pub recovery: Recovery,
    pub data: PathBuf,
    pub started_at: Timestamp,
    /// To whoever runs flows in the background.
    pub flows: mpsc::Sender<Order>,
}

impl<P: CallPorts> Operated<P> {
    /// The name under which a service is simulated when it is not real: its own, or what was recorded of it.
    fn simulated_name(&self, id: &str) -> String {
        let entry = self.topology.services.iter().find(|entry| entry.id.to_string() == id);
        entry.map_or_else(|| RECORDED.to_owned(), |entry| entry.provider.clone())
    }
}

/// What all requests share.
#[derive(Debug)]
struct Desk<P: CallPorts> {
    operated: Arc<Operated<P>>,
    calendar: Calendar,
    metrics: Metrics,
    pulse: Mutex<Pulse>,
    /// Places for event streams.
    watchers: Arc<Semaphore>,
    /// The names under which this port may be called.
    hosts: Vec<String>,
    asked: AtomicU64,
    stop: CancellationToken,
}

type State<P> = axum::extract::State<Arc<Desk<P>>>;

/// Serves a bound loopback socket until `stop`.
pub async fn serve<P: CallPorts>(
    listener: TcpListener,
    operated: Arc<Operated<P>>,
    stop: CancellationToken,
) {
    let desk = match desk(&listener, operated, stop.clone()) {
        Ok(desk) => Arc::new(desk),
        Err(error) => {
            tracing::error!(%error, "the operator's API cannot be served");
            return;
        }
    };
    let router = routes::router(Arc::clone(&desk));
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = next(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                let (desk, router, stop) = (Arc::clone(&desk), router.clone(), stop.clone());
                tasks.spawn(async move {
                    desk.connection(stream, router, stop).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                let clock = desk.operated.pipeline.ports().clock();
                clock.sleep_until(clock.now().plus(Duration::from_millis(100))).await;
            }
        }
    }
    tasks.close();
    tasks.wait().await;
}

async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

fn desk<P: CallPorts>(
    listener: &TcpListener,
    operated: Arc<Operated<P>>,
    stop: CancellationToken,
) -> Result<Desk<P>, Box<dyn std::error::Error + Send + Sync>> {
    let port = listener.local_addr()?.port();
    let watchers = Arc::new(Semaphore::new(WATCHERS_MAX));
    let (read, streams) = (Arc::clone(&operated), Arc::clone(&watchers));
    let metrics = Metrics::new(move || {
        let open = WATCHERS_MAX.saturating_sub(streams.available_permits());
        readings::read(&read, open)
    })?;
    Ok(Desk {
        operated,
        calendar: Calendar::vietnam(),
        metrics,
        pulse: Mutex::default(),
        watchers,
        hosts: ["localhost", "127.0.0.1", "[::1]"]
            .iter()
            .map(|name| format!("{name}:{port}"))
            .collect(),
        asked: AtomicU64::new(1),
        stop,
    })
}

impl<P: CallPorts> Desk<P> {
    async fn connection(
        self: &Arc<Self>,
        stream: TcpStream,
        router: Router,
        stop: CancellationToken,
    ) {
        let service = service_fn(move |request: Request<Incoming>| {
            let (desk, router) = (Arc::clone(self), router.clone());
            async move { Ok::<_, Infallible>(desk.answer(router, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(BODY_BYTES_MAX)
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
            tracing::debug!(%error, "a connection of the operator ended");
        }
    }

    /// Checks who asks, has it answered in time, and words what went wrong.
    async fn answer(&self, router: Router, request: Request<Incoming>) -> Response {
        let correlation_id = self.correlation_id(request.headers());
        let answered = match self.check(&request) {
            Ok(()) => self.answer_in_time(router, request).await,
            Err(fault) => fault.into_response(),
        };
        let mut response = worded(answered, &correlation_id);
        let headers = response.headers_mut();
        for (name, value) in SECURITY {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        }
        if let Ok(id) = HeaderValue::from_str(&correlation_id) {
            headers.insert(CORRELATION_ID, id);
        }
        response
    }

    async fn answer_in_time(&self, router: Router, request: Request<Incoming>) -> Response {
        let clock = self.operated.pipeline.ports().clock();
        let answering = router.oneshot(request.map(Body::new));
        match clock.timeout_at(clock.now().plus(ANSWER_TIMEOUT), answering).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_late) => Fault::new(Problem::TooLate).into_response(),
        }
    }

    fn check(&self, request: &Request<Incoming>) -> Result<(), Fault> {
        let named = |name: HeaderName| {
            request.headers().get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"))
        };
        let host = named(header::HOST).unwrap_or_default();
        let in_target = request.uri().authority().map(http::uri::Authority::as_str);
        if !self.is_ours(host) || in_target.is_some_and(|host| !self.is_ours(host)) {
            return Err(Fault::new(Problem::ForeignHost).at("Host").detail(host));
        }
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return Ok(());
        }
        let foreign = named(header::ORIGIN)
            .filter(|origin| !origin.strip_prefix("http://").is_some_and(|o| self.is_ours(o)));
        match foreign {
            Some(origin) => Err(Fault::new(Problem::ForeignOrigin).at("Origin").detail(origin)),
            None => Ok(()),
        }
    }

    fn is_ours(&self, host: &str) -> bool {
        self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host))
    }

    /// The caller's own, when it is fit to stand in a log; else a new one.
    fn correlation_id(&self, headers: &HeaderMap) -> String {
        let given = headers.get(CORRELATION_ID).and_then(|id| id.to_str().ok());
        let is_fit =
            |id: &&str| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        given.filter(is_fit).map_or_else(
            || {
                let number = self.asked.fetch_add(1, Ordering::Relaxed);
                format!("operator-{:x}-{number}", self.operated.started_at.ms())
            },
            str::to_owned,
        )
    }
}

/// A `Fault` that came as a response gets its body here.
fn worded(mut response: Response, correlation_id: &str) -> Response {
    let Some(fault) = response.extensions_mut().remove::<Fault>() else { return response };
    tracing::debug!(correlation_id, code = fault.code(), detail = %fault.detail, "not served");
    let status = fault.status();
    let retry_after = fault.retry_after_ms.map(|ms| ms.div_ceil(1_000));
    let allowed = response.headers_mut().remove(header::ALLOW);
    let mut response = (status, axum::Json(fault.worded(correlation_id))).into_response();
    if let Some(allowed) = allowed {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");

/// On every answer that does not say otherwise itself.
const SECURITY: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];
