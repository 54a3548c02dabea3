//! The simulated systems of a process, as the call plane reaches them: each behaves as its conditions say, and
//! what real systems answered while they were recorded is repeated here.

use super::recorded::Recordings;
use super::streams;
use super::{Answer, Call, Description, Provider};
use crate::clock::{Clock, SystemClock};
use crate::domain::service::{CallFault, Service, Trouble};
use crate::egress::call::{Answering, Asker, CallBody, Simulated};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How a simulated system behaves. Absent means: at once and always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Before each answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
    /// Added to the latency: anything from nothing up to this, most of it seldom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u32>,
    /// The share of calls answered 503, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<f64>,
    /// Takes calls and never answers.
    pub hangs: bool,
    pub maintenance: bool,
}

/// Every simulated system, by the code of its service.
pub struct Host {
    clock: Arc<SystemClock>,
    systems: BTreeMap<&'static str, Box<dyn Provider>>,
    behaviours: Mutex<BTreeMap<String, Behaviour>>,
    recordings: Recordings,
    body_bytes_max: usize,
    /// For bodies that are read, in KiB.
    room: Semaphore,
    nonce: AtomicU64,
}

/// Gives back what it is sent: for trying a connection.
pub const ECHO: &str = "echo";
/// Reads a body of any size and says how large it was and what its SHA-256 is.
pub const SINK: &str = "sink";
/// Answers `/<bytes>` with so many bytes.
pub const SOURCE: &str = "source";
/// Repeats what a real system answered while it was recorded.
pub const RECORDED: &str = "recorded";

impl Host {
    /// `body_bytes_max` is what a simulated system reads of one request.
    pub fn new(
        clock: Arc<SystemClock>,
        systems: Vec<Box<dyn Provider>>,
        body_bytes_max: usize,
    ) -> Self {
        let systems = systems.into_iter().map(|system| (system.description().code, system));
        Self {
            clock,
            systems: systems.collect(),
            behaviours: Mutex::default(),
            recordings: Recordings::default(),
            body_bytes_max,
            room: Semaphore::new(READ_BYTES_MAX >> 10),
            nonce: AtomicU64::new(1),
        }
    }

    /// What the system of this name says of itself.
    pub fn description(&self, name: &str) -> Option<&'static Description> {
        self.systems.get(name).map(|system| system.description())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.systems.keys().copied().chain([ECHO, SINK, SOURCE, RECORDED])
    }

    pub fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    pub fn behaviour(&self, name: &str) -> Behaviour {
        self.behaviours.lock().get(name).copied().unwrap_or_default()
    }

    pub fn set_behaviour(&self, name: &str, behaviour: Behaviour) {
        let mut behaviours = self.behaviours.lock();
        if behaviour == Behaviour::default() {
            behaviours.remove(name);
        } else if self.has(name) {
            behaviours.insert(name.to_owned(), behaviour);
        }
    }

    /// Every system as it is without conditions.
    pub fn reset(&self) {
        self.behaviours.lock().clear();
    }

    async fn behave(&self, name: &str) -> Result<Option<Response<CallBody>>, CallFault> {
        let behaviour = self.behaviour(name);
        if behaviour == Behaviour::default() {
            return Ok(None);
        }
        if behaviour.maintenance {
            return Err(CallFault::new(Trouble::SystemMaintenance).detail(name));
        }
        if behaviour.hangs {
            return std::future::pending().await;
        }
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed);
        let latency = Duration::from_millis(u64::from(behaviour.latency_ms.unwrap_or(0)));
        let jitter = Duration::from_millis(u64::from(behaviour.jitter_ms.unwrap_or(0)));
        // Squared: most answers are quick, a few take the whole of it.
        let after = latency + jitter.mul_f64(share(nonce).powi(2));
        if !after.is_zero() {
            self.clock.sleep_until(self.clock.now().plus(after)).await;
        }
        if behaviour.failure.is_some_and(|failure| share(nonce ^ FAILURE_STREAM) < failure) {
            let body = format!("{{\"error\":\"{name}: failure by its conditions\"}}");
            return Ok(Some(response(503, "application/json", Bytes::from(body))));
        }
        Ok(None)
    }

    async fn ask(
        &self,
        service: &Service,
        name: &str,
        asker: &Asker,
        request: Request<CallBody>,
    ) -> Result<Response<CallBody>, CallFault> {
        if let Some(answer) = self.behave(name).await? {
            return Ok(answer);
        }
        match name {
            SINK => return streams::sink(request).await,
            SOURCE => return Ok(streams::source(request.uri().path())),
            _ => {}
        }
        let (parts, body) = request.into_parts();
        let cut =
            |cut: crate::egress::call::CutBody| CallFault::new(Trouble::RequestCut).detail(cut.0);
        let max = self.body_bytes_max;
        let wanted = body.length().map_or(max, |length| usize::try_from(length).unwrap_or(max));
        let kib = u32::try_from(wanted.min(max).div_ceil(1 << 10)).unwrap_or(u32::MAX);
        let _room = self.room.try_acquire_many(kib).map_err(|_full| {
            CallFault::new(Trouble::ProviderBusy).detail(name).retry_after_ms(1_000)
        })?;
        let body = body.collect(max).await.map_err(cut)?;
        let body = body.ok_or_else(|| {
            CallFault::new(Trouble::RequestTooLarge).detail(format!("{name}: at most {max} bytes"))
        })?;
        if name == ECHO {
            return Ok(echo(&parts, body));
        }
        if name == RECORDED {
            let id = service.id.to_string();
            return Ok(self.recordings.answer(&id, &parts, &body).map(CallBody::whole));
        }
        let system = self.systems.get(name);
        let system = system.ok_or_else(|| CallFault::new(Trouble::SystemMissing).detail(name))?;
        let path = parts.uri.path();
        let answer = system.answer(&Call {
            method: &parts.method,
            path: if path == "/" { "" } else { path },
            query: parts.uri.query(),
            headers: &parts.headers,
            body: &body,
            caller: &asker.client,
            correlation: &asker.message_id,
            now_ms: i64::try_from(self.clock.now().ms()).unwrap_or(i64::MAX),
        });
        let Answer { status, content_type, body, headers } = answer;
        let mut response = response(status, content_type, body.into());
        let allowed = (status == 405)
            .then(|| super::http::allowed_methods(system.description(), path).join(", "));
        let allowed = allowed.map(|methods| ("allow", methods));
        for (name, value) in headers.into_iter().chain(allowed) {
            let pair = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(&value).ok());
            if let Some((name, value)) = pair {
                response.headers_mut().append(name, value);
            }
        }
        Ok(response)
    }
}

impl Simulated for Host {
    fn answer<'a>(
        &'a self,
        service: &'a Arc<Service>,
        name: &'a str,
        asker: &'a Asker,
        request: Request<CallBody>,
    ) -> Answering<'a> {
        Box::pin(self.ask(service, name, asker, request))
    }

    fn record(&self, name: &str, asked: Request<Bytes>, answered: Response<Bytes>) {
        self.recordings.keep(name, asked, answered);
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("systems", &self.systems.keys()).finish_non_exhaustive()
    }
}

fn echo(parts: &Parts, body: Bytes) -> Response<CallBody> {
    let mut response = Response::new(CallBody::whole(body));
    let kept = parts.headers.get(header::CONTENT_TYPE).cloned();
    let kept = kept.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(header::CONTENT_TYPE, kept);
    response
}

pub(super) fn response(status: u16, content_type: &'static str, body: Bytes) -> Response<CallBody> {
    let mut response = Response::new(CallBody::whole(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if !content_type.is_empty() {
        let value = HeaderValue::from_static(content_type);
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

/// What simulated systems read at a time, all together.
const READ_BYTES_MAX: usize = 256 << 20;
const FAILURE_STREAM: u64 = 0x5bd1_e995_5bd1_e995;

/// A number from 0 up to, not including, 1: the finaliser of split-mix 64.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit a float exactly")]
fn share(nonce: u64) -> f64 {
    let mut x = nonce.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
