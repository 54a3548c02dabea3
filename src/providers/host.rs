//! The simulated systems of a process, as the call plane reaches them: each behaves as its conditions say, and
//! what real systems answered while they were recorded is repeated here.

use super::population::Population;
pub use super::recorded::RecordingLimits;
use super::recorded::Recordings;
use super::ruled::{self, Ruled};
use super::soap::Envelope;
use super::streams;
use super::{Answer, Call, Description, Provider};
use crate::clock::{Clock, SystemClock};
use crate::domain::behaviour::Behaviour;
use crate::domain::service::{CallFault, Service, ServiceKind, Trouble};
use crate::egress::call::{Answering, Asker, CallBody, Simulated};
use crate::rules::{self, Book, Decision, Full, Rule, RuleSet};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Every simulated system, by the code of its service.
pub struct Host {
    clock: Arc<SystemClock>,
    systems: BTreeMap<&'static str, Box<dyn Provider>>,
    behaviours: Mutex<BTreeMap<String, Arc<Behaviour>>>,
    /// From the topology: what `reset` goes back to.
    first: BTreeMap<String, Arc<Behaviour>>,
    /// By system and member: a minute, and the calls in it.
    rates: Mutex<BTreeMap<(String, String), (u64, u32)>>,
    ruled: Ruled,
    recordings: Recordings,
    body_bytes_max: usize,
    /// Of every system that has none of its own.
    pace: u32,
    population: Arc<Population>,
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
    /// `body_bytes_max` is what a simulated system reads of one request; `pace` how many times faster than in life
    /// their staff works; recordings are in a folder of this process alone. Blocks.
    pub fn new(
        clock: Arc<SystemClock>,
        systems: Vec<Box<dyn Provider>>,
        body_bytes_max: usize,
        pace: u32,
        population: Arc<Population>,
        (folder, limits): (&Path, RecordingLimits),
    ) -> io::Result<Self> {
        let recordings = Recordings::open(folder, limits)?;
        let systems = systems.into_iter().map(|system| (system.description().code, system));
        Ok(Self {
            clock,
            systems: systems.collect(),
            behaviours: Mutex::default(),
            first: BTreeMap::new(),
            rates: Mutex::default(),
            ruled: Ruled::default(),
            recordings,
            body_bytes_max,
            pace,
            population,
            room: Semaphore::new(READ_BYTES_MAX >> 10),
            nonce: AtomicU64::new(1),
        })
    }

    /// With response rules from the start, by the names of systems.
    #[must_use]
    pub fn with_rules(mut self, rules: BTreeMap<String, RuleSet>) -> Self {
        self.ruled = Ruled::new(rules);
        self
    }

    /// Behaving from the start, by the names of systems.
    #[must_use]
    pub fn with_behaviours(mut self, behaviours: &BTreeMap<String, Behaviour>) -> Self {
        let shared = |(name, of): (&String, &Behaviour)| (name.clone(), Arc::new(of.clone()));
        self.first = behaviours.iter().map(shared).collect();
        *self.behaviours.lock() = self.first.clone();
        self
    }

    /// Whom all of them know.
    pub const fn population(&self) -> &Arc<Population> {
        &self.population
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

    /// Nothing for one that answers at once, always and everybody.
    pub fn behaviour(&self, name: &str) -> Option<Arc<Behaviour>> {
        self.behaviours.lock().get(name).cloned()
    }

    pub fn set_behaviour(&self, name: &str, behaviour: Behaviour) {
        let mut behaviours = self.behaviours.lock();
        if behaviour == Behaviour::default() {
            behaviours.remove(name);
        } else if self.has(name) {
            behaviours.insert(name.to_owned(), Arc::new(behaviour));
        }
    }

    /// Every system as the topology has it.
    pub fn reset(&self) {
        *self.behaviours.lock() = self.first.clone();
        self.ruled.reset();
    }

    /// The rules of a system at work; nothing where it has none.
    pub fn rules(&self, name: &str) -> Option<Arc<Mutex<Book>>> {
        self.ruled.of(name)
    }

    /// Replaces all rules of a system, at once; counts and states begin anew.
    pub fn set_rules(&self, name: &str, set: &RuleSet) {
        if self.has(name) {
            self.ruled.set(name, set);
        }
    }

    /// Adds a rule or replaces the one of its id, at once.
    pub fn put_rule(&self, name: &str, rule: Arc<Rule>) -> Result<(), Full> {
        if self.has(name) { self.ruled.put(name, rule) } else { Ok(()) }
    }

    /// Whether there was one.
    pub fn remove_rule(&self, name: &str, id: &str) -> bool {
        self.ruled.remove(name, id)
    }

    /// What the rules of a system make of a call; nothing when it is to answer by itself.
    async fn rule(
        &self,
        (name, book): (&str, &Mutex<Book>),
        asked: &rules::Asked<'_>,
    ) -> Result<Option<Response<CallBody>>, CallFault> {
        let envelope = asked.is_soap.then(|| Envelope::read(asked.body));
        // What is no envelope cannot be answered as one: the system says what is wrong with it.
        let Ok(envelope) = envelope.transpose() else { return Ok(None) };
        match Book::decide(book, asked) {
            Decision::Pass => Ok(None),
            Decision::Nobody(miss) => Ok(Some(ruled::nobody(name, &miss, envelope.as_ref()))),
            Decision::Answer(Err(spoilt)) => {
                let detail = format!("{name}: {spoilt}");
                Err(CallFault::new(Trouble::RuleFailed).detail(detail))
            }
            Decision::Answer(Ok(plan)) => {
                if !plan.delay.is_zero() {
                    self.clock.sleep_until(self.clock.now().plus(plan.delay)).await;
                }
                if plan.fault == Some(rules::Fault::Hang) {
                    return std::future::pending().await;
                }
                ruled::answer(plan, envelope.as_ref()).map(Some)
            }
        }
    }

    async fn behave(
        &self,
        name: &str,
        member: &str,
        behaviour: &Behaviour,
    ) -> Result<Option<Response<CallBody>>, CallFault> {
        if behaviour.is_in_maintenance(self.clock.now()) {
            return Err(CallFault::new(Trouble::SystemMaintenance).detail(name));
        }
        if !behaviour.lets_in(member) {
            return Ok(Some(said(403, &format!("{name}: {member} is not on its list of callers"))));
        }
        if let Some(most) = behaviour.calls_per_minute
            && !self.takes_one_more(name, member, most)
        {
            return Ok(Some(said(429, &format!("{name}: more than {most} calls in a minute"))));
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
            return Ok(Some(said(503, &format!("{name}: failure by its conditions"))));
        }
        Ok(None)
    }

    fn takes_one_more(&self, name: &str, member: &str, most: u32) -> bool {
        let minute = self.clock.now().secs() / 60;
        let mut rates = self.rates.lock();
        // What lies behind counts no more; nobody is kept longer than that.
        rates.retain(|_, (counted, _)| *counted == minute);
        if rates.len() >= RATES_MAX {
            return false;
        }
        let (_, calls) = rates.entry((name.to_owned(), member.to_owned())).or_insert((minute, 0));
        *calls = calls.saturating_add(1);
        *calls <= most
    }

    async fn ask(
        &self,
        service: &Service,
        name: &str,
        asker: &Asker,
        request: Request<CallBody>,
    ) -> Result<Response<CallBody>, CallFault> {
        let behaviour = self.behaviour(name);
        if let Some(behaviour) = &behaviour
            && let Some(answer) = self.behave(name, &asker.client, behaviour).await?
        {
            return Ok(answer);
        }
        let book = self.ruled.of(name);
        match name {
            SINK if book.is_none() => return streams::sink(request).await,
            SOURCE if book.is_none() => return Ok(streams::source(request.uri().path())),
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
        let path = parts.uri.path();
        let call = Call {
            method: &parts.method,
            path: if path == "/" { "" } else { path },
            query: parts.uri.query(),
            headers: &parts.headers,
            body: &body,
            caller: &asker.client,
            correlation: &asker.message_id,
            now_ms: i64::try_from(self.clock.now().ms()).unwrap_or(i64::MAX),
            pace: behaviour.and_then(|of| of.pace).unwrap_or(self.pace),
        };
        if let Some(book) = book {
            let asked = asked(&call, service.kind == ServiceKind::Soap);
            if let Some(answer) = self.rule((name, &book), &asked).await? {
                return Ok(answer);
            }
        }
        match name {
            ECHO => return Ok(echo(&parts, body)),
            SINK => return streams::sink(Request::from_parts(parts, CallBody::whole(body))).await,
            SOURCE => return Ok(streams::source(path)),
            RECORDED => {
                let id = service.id.to_string();
                return Ok(self.recordings.answer(&id, &parts, &body).map(CallBody::whole));
            }
            _ => {}
        }
        let system = self.systems.get(name);
        let system = system.ok_or_else(|| CallFault::new(Trouble::SystemMissing).detail(name))?;
        Ok(served(&**system, &call))
    }
}

/// What a simulated system answers by itself.
fn served(system: &dyn Provider, call: &Call<'_>) -> Response<CallBody> {
    let Answer { status, content_type, body, headers } = system.answer(call);
    let mut response = response(status, content_type, body.into());
    let allowed = (status == 405)
        .then(|| super::http::allowed_methods(system.description(), call.path).join(", "));
    let allowed = allowed.map(|methods| ("allow", methods));
    for (name, value) in headers.into_iter().chain(allowed) {
        let pair = name.parse::<HeaderName>().ok().zip(HeaderValue::from_str(&value).ok());
        if let Some((name, value)) = pair {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn asked<'a>(call: &Call<'a>, is_soap: bool) -> rules::Asked<'a> {
    rules::Asked {
        method: call.method.as_str(),
        path: call.path,
        query: call.query,
        headers: call.headers,
        body: call.body,
        caller: call.caller,
        correlation: call.correlation,
        now_ms: call.now_ms,
        is_soap,
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

/// A refusal of the system's own.
fn said(status: u16, error: &str) -> Response<CallBody> {
    let body = serde_json::json!({ "error": error }).to_string();
    response(status, "application/json", Bytes::from(body))
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

/// Members whose calls are counted at a time.
const RATES_MAX: usize = 10_000;
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
