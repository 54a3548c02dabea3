//! The tap of data sharing (NĐ 278/2025; domain.md 1.2 C10): each platform reports to NDOP, by an ordinary call in its own
//! name, what its evidence says of calls: who, what, when, how much, what came of it. Never a payload, a path or a person.
//!
//! Of documents it reports how many of which type went which way, by the counters that the platform keeps anyway: never
//! whose, and never what was in them.
//!
//! It reads the evidence behind the calls, so no call waits for it. NDOP says where it stands; a platform that could
//! not report goes on from there, and what retention took meanwhile is counted and shown.
//!
//! Invariant: one report under way per platform; nothing is held but one report.

mod documents;
mod observation;

use crate::clock::{Clock, Timestamp};
use crate::domain::member_id::{MemberId, PLATFORM_CLASS};
use crate::egress::call::CallBody;
use crate::evidence::Tail;
use crate::pipeline::call::{Asked, CallPlane, CallPlatform, CallPorts, Dialect, Origin};
use bytes::Bytes;
use documents::Documents;
use http::{HeaderMap, HeaderValue, Method, header};
use parking_lot::Mutex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// How the tap works; keys of `[ndop]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The service that takes reports, as `ServiceId` writes it.
    pub service: String,
    /// How long records are gathered.
    pub every: Duration,
    /// Observations in one report.
    pub batch_max: usize,
}

/// What the tap of one platform has done since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedState {
    /// The last record of evidence that was reported or passed over; 0 before NDOP has said where it stands.
    pub through: u64,
    pub reported: u64,
    /// Records that were gone before they could be reported.
    pub dropped: u64,
    /// Reports that came to nothing.
    pub failures: u64,
    /// Why the last report came to nothing; empty when it did not.
    pub trouble: String,
    /// Documents taken from members and neighbours that NDOP knows of, since the process began.
    pub documents: u64,
}

/// The tap of one process.
#[derive(Debug)]
pub struct Tap {
    settings: Settings,
    /// Holds a folder of evidence per platform.
    folder: PathBuf,
    states: Mutex<BTreeMap<Arc<str>, FeedState>>,
}

/// Records of evidence read at a time, whether they are worth a report or not.
const RECORDS_MAX: usize = 4_096;
/// The pause after failures, twice as long each time up to the second.
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 << 10;
const SYSTEM: &str = "NDOP";

/// What is read and not yet reported.
#[derive(Default)]
struct Batch {
    through: u64,
    dropped: u64,
    /// Each as JSON.
    observations: Vec<Vec<u8>>,
}

/// NDOP's answer to a report and to the question where it stands.
#[derive(Deserialize)]
struct Position {
    through: u64,
}

impl Tap {
    pub fn new(settings: Settings, evidence: &Path) -> Self {
        Self { settings, folder: evidence.to_owned(), states: Mutex::default() }
    }

    pub fn service(&self) -> &str {
        &self.settings.service
    }

    /// By the name of the platform.
    pub fn states(&self) -> BTreeMap<Arc<str>, FeedState> {
        self.states.lock().clone()
    }

    /// Reports for one platform until it is dropped.
    pub async fn run<P: CallPorts>(&self, plane: &CallPlane<P>, at: &CallPlatform) {
        let mut feed = Feed {
            tail: None,
            batch: Batch::default(),
            pause: Duration::ZERO,
            since: plane.pipeline.ports().clock().now(),
            documents: Documents::default(),
        };
        loop {
            let clock = plane.pipeline.ports().clock();
            let pause = feed.pause.max(self.settings.every);
            clock.sleep_until(clock.now().plus(pause)).await;
            match self.report(plane, at, &mut feed).await {
                Ok(()) => feed.pause = Duration::ZERO,
                Err(trouble) => {
                    feed.pause = (feed.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
                    self.note(at, |state| {
                        state.failures += 1;
                        state.trouble = trouble;
                    });
                }
            }
        }
    }

    fn note(&self, at: &CallPlatform, change: impl FnOnce(&mut FeedState)) {
        let mut states = self.states.lock();
        change(states.entry(Arc::clone(&at.name)).or_default());
    }

    /// Everything that is on disk now.
    async fn report<P: CallPorts>(
        &self,
        plane: &CallPlane<P>,
        at: &CallPlatform,
        feed: &mut Feed,
    ) -> Result<(), String> {
        let durable = at.evidence.durable().number;
        if feed.tail.is_none() && durable > 0 {
            feed.tail = Some(self.begin(plane, at, durable).await?);
        }
        while feed.tail.is_some() && (feed.through() < durable || !feed.batch.is_empty()) {
            if feed.batch.is_empty() {
                let before = feed.through();
                self.read(feed, durable).await?;
                if feed.through() == before {
                    // Not there although it is on disk: somebody took the file. It is looked for again later.
                    return Ok(());
                }
            }
            if !feed.batch.is_empty() {
                self.send(plane, at, &feed.batch).await?;
            }
            let batch = std::mem::take(&mut feed.batch);
            let reported = u64::try_from(batch.observations.len()).unwrap_or(u64::MAX);
            self.note(at, |state| {
                state.through = batch.through.max(state.through);
                state.reported += reported;
                state.dropped += batch.dropped;
                state.trouble.clear();
            });
        }
        self.report_documents(plane, at, feed).await
    }

    /// When any were counted since the last report.
    async fn report_documents<P: CallPorts>(
        &self,
        plane: &CallPlane<P>,
        at: &CallPlatform,
        feed: &mut Feed,
    ) -> Result<(), String> {
        let Some(platform) = plane.pipeline.platform(at.ix) else { return Ok(()) };
        let counted = Documents::read(&platform.counters);
        if counted == feed.documents {
            return Ok(());
        }
        let through = feed.through();
        let report = counted.report(through, feed.since).into();
        self.call(plane, at, Method::POST, "/observations", report).await?;
        self.note(at, |state| {
            state.documents = counted.taken();
            state.trouble.clear();
        });
        feed.documents = counted;
        Ok(())
    }

    /// Goes on where NDOP stands.
    async fn begin<P: CallPorts>(
        &self,
        plane: &CallPlane<P>,
        at: &CallPlatform,
        durable: u64,
    ) -> Result<Tail, String> {
        let through = self.call(plane, at, Method::GET, "/position", Bytes::new()).await?.through;
        if through > durable {
            return Err(format!(
                "NDOP knows records up to {through}, the evidence ends with {durable}"
            ));
        }
        self.note(at, |state| state.through = through);
        Ok(Tail::new(&self.folder.join(&*at.name), through))
    }

    async fn read(&self, feed: &mut Feed, until: u64) -> Result<(), String> {
        let Some(mut tail) = feed.tail.take() else { return Ok(()) };
        let (platform_max, service) = (self.settings.batch_max, self.settings.service.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let mut batch = Batch::default();
            let mut failed = None;
            let mut looked = 0;
            while tail.through() < until
                && looked < RECORDS_MAX
                && batch.observations.len() < platform_max
            {
                let room = (platform_max - batch.observations.len()).min(RECORDS_MAX - looked);
                looked += room;
                let before = tail.through();
                let passed = tail.read(until, room, |n, text| {
                    batch.observations.extend(observation::of(n, text, &service));
                });
                match passed {
                    Ok(passed) => {
                        batch.dropped += passed.missed;
                        batch.through = passed.through;
                    }
                    Err(error) => failed = Some(error.to_string()),
                }
                if failed.is_some() || tail.through() == before {
                    break;
                }
            }
            (tail, batch, failed)
        });
        let (tail, batch, failed) = reading.await.map_err(|error| error.to_string())?;
        (feed.tail, feed.batch) = (Some(tail), batch);
        match failed {
            Some(error) if feed.batch.is_empty() => Err(error),
            Some(_) | None => Ok(()),
        }
    }

    async fn send<P: CallPorts>(
        &self,
        plane: &CallPlane<P>,
        at: &CallPlatform,
        batch: &Batch,
    ) -> Result<(), String> {
        let position =
            self.call(plane, at, Method::POST, "/observations", batch.report().into()).await?;
        if position.through < batch.through {
            return Err(format!("NDOP took records up to {} only", position.through));
        }
        Ok(())
    }

    async fn call<P: CallPorts>(
        &self,
        plane: &CallPlane<P>,
        at: &CallPlatform,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Position, String> {
        let instance = self.settings.service.split(':').next().unwrap_or_default();
        let id = MemberId::from_parts(instance, PLATFORM_CLASS, &at.name, SYSTEM);
        let id = id.map_err(|error| error.to_string())?;
        let request_id = Uuid::now_v7().to_string();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let asked = Asked {
            service: self.settings.service.clone(),
            dialect: Dialect::Rest,
            method,
            path: path.to_owned(),
            query: None,
            headers,
            body: CallBody::whole(body),
            message_id: request_id.clone(),
            request_id,
            user_id: None,
            issue: None,
            represented: None,
        };
        let origin = Origin::Member { id, tls: "itself".into() };
        let answered = Box::pin(plane.call(at, asked, origin)).await;
        let answered =
            answered.map_err(|fault| format!("{} {}", fault.trouble.code(), fault.detail))?;
        let body = answered.body.collect(ANSWER_BYTES_MAX).await.map_err(|cut| cut.0)?;
        if answered.status != 200 {
            return Err(format!("NDOP answered {}", answered.status));
        }
        serde_json::from_slice(&body.unwrap_or_default()).map_err(|error| error.to_string())
    }
}

/// The tap of one platform at work.
struct Feed {
    tail: Option<Tail>,
    /// Kept until NDOP has it.
    batch: Batch,
    pause: Duration,
    /// When the platform's counters began.
    since: Timestamp,
    /// The last that NDOP was told.
    documents: Documents,
}

impl Feed {
    /// How far the evidence was read.
    fn through(&self) -> u64 {
        self.tail.as_ref().map_or(0, Tail::through)
    }
}

impl Batch {
    /// Nothing to tell. How far was read alone is not worth a report.
    fn is_empty(&self) -> bool {
        self.observations.is_empty() && self.dropped == 0
    }

    fn report(&self) -> Vec<u8> {
        let Self { through, dropped, observations } = self;
        let head = format!("{{\"through\":{through},\"dropped\":{dropped},\"observations\":[");
        let mut report = head.into_bytes();
        report.extend_from_slice(&observations.join(&b','));
        report.extend_from_slice(b"]}");
        report
    }
}
