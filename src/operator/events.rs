//! Server-sent events: a snapshot first, then what changed, gathered ten times a second.
//!
//! Invariant: what one client may make this process hold is bounded; a client that reads too slowly loses
//! events and is told how many.

use super::fault::{ErrorAnswer, Fault, Problem};
use super::topology::{LiveLink, live_links};
use super::{Desk, State, VERSION};
use crate::clock::{Clock, Timestamp};
use crate::domain::fact::{DeliveryState, Record};
use crate::pipeline::call::CallPorts;
use crate::pipeline::{Event, EventKind};
use crate::story::{kind_name, moment};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header;
use serde::Serialize;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

const GATHERED_FOR: Duration = Duration::from_millis(100);
const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);
/// Documents told one by one in a delta; the rest is counted.
const SAMPLES_MAX: usize = 20;
/// Recipients told of a sample.
const SAMPLE_RECIPIENTS_MAX: usize = 8;

/// The first event, `snapshot`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Snapshot {
    pub version: u32,
    pub at: String,
    pub platforms: Vec<PlatformNow>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlatformNow {
    pub platform: String,
    pub open_documents: usize,
    pub waiting_in_inboxes: usize,
    pub accepted: u64,
    pub refused: u64,
    pub arrived: u64,
    pub handed_on: u64,
    pub confirmed: u64,
    pub links: Vec<LiveLink>,
}

/// The event `delta`: what happened since the one before.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct Delta {
    pub version: u32,
    /// Counts the events of this stream; the snapshot is 0.
    pub number: u64,
    pub at: String,
    pub platforms: Vec<PlatformDelta>,
    pub links: Vec<LinkDelta>,
    /// A few of the documents taken in since, at most twenty.
    pub documents: Vec<Sample>,
    /// How many there were.
    pub documents_total: u64,
    /// Agencies that changed in the directory.
    pub agencies: Vec<String>,
}

/// Counts of one platform since the delta before.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct PlatformDelta {
    pub platform: String,
    /// Taken in, from members and over links.
    pub accepted: u64,
    pub handed_on: u64,
    /// Words of recipients.
    pub confirmed: u64,
    /// News on its way back to senders.
    pub progressed: u64,
    /// Answers of neighbours that did not take a delivery.
    pub refused: u64,
}

/// One direction of a link since the delta before.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct LinkDelta {
    pub from: String,
    pub to: String,
    /// Deliveries that went over it.
    pub deliveries: u64,
    /// It went up or down.
    pub up: Option<bool>,
    pub code: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Sample {
    pub platform: String,
    pub doc_id: String,
    pub document_id: String,
    pub kind: &'static str,
    pub from: String,
    /// At most eight.
    pub to: Vec<String>,
    pub recipients: usize,
    pub subject: String,
    pub urgency: u32,
    /// The neighbour it came from; empty at the first platform.
    pub via: String,
}

/// The event `missed`: so many events were lost because the client read too slowly.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Missed {
    pub version: u32,
    pub missed: u64,
}

/// The event `heartbeat`, when nothing else happened for ten seconds.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Heartbeat {
    pub version: u32,
    pub at: String,
}

/// Server-sent events: `snapshot`, then `delta`, `missed` and `heartbeat`, each with one JSON object.
#[utoipa::path(get, path = "/api/v1/events", tag = "events",
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "`event: snapshot` with a Snapshot, then `delta` (Delta), `missed` (Missed), `heartbeat` (Heartbeat)"),
        (status = 503, body = ErrorAnswer)))]
pub(super) async fn events<P: CallPorts>(state: State<P>) -> Result<Response, Fault> {
    let desk = Arc::clone(&state);
    let place = Arc::clone(&desk.watchers)
        .try_acquire_owned()
        .map_err(|_full| Fault::new(Problem::TooManyWatchers))?;
    // First the subscription: what happens while the snapshot is taken comes twice rather than never.
    let events = desk.operated.pipeline.subscribe_events();
    let first = written("snapshot", &snapshot(&desk));
    let watch = Watch { desk, events, number: 0, first: Some(first), _place: place };
    let stream = stream::unfold(watch, |mut watch| async {
        let bytes = watch.next().await?;
        Some((Ok::<_, Infallible>(bytes), watch))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream")];
    Ok((headers, Body::from_stream(stream)).into_response())
}

/// One client.
struct Watch<P: CallPorts> {
    desk: Arc<Desk<P>>,
    events: Receiver<Arc<Event>>,
    number: u64,
    first: Option<Bytes>,
    _place: OwnedSemaphorePermit,
}

impl<P: CallPorts> Watch<P> {
    /// The next bytes for the client; `None` when the process stops.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let desk = Arc::clone(&self.desk);
        let clock = desk.operated.pipeline.ports().clock();
        let mut gathered = Gathered::default();
        let mut until = clock.now().plus(HEARTBEAT_EVERY);
        loop {
            // Asked here too: where events never pause, no deadline would ever be seen to pass.
            if gathered.has_news() && clock.now() >= until {
                return Some(self.word(gathered, clock.now()));
            }
            let received = tokio::select! {
                biased;
                () = desk.stop.cancelled() => return None,
                received = clock.timeout_at(until, self.events.recv()) => received,
            };
            match received {
                Ok(Ok(event)) => {
                    if !gathered.has_news() {
                        until = clock.now().plus(GATHERED_FOR);
                    }
                    gathered.add(&event);
                }
                Ok(Err(RecvError::Lagged(missed))) => {
                    gathered.missed += missed;
                    until = until.min(clock.now().plus(GATHERED_FOR));
                }
                Ok(Err(RecvError::Closed)) => return None,
                Err(_elapsed) => return Some(self.word(gathered, clock.now())),
            }
        }
    }

    fn word(&mut self, gathered: Gathered, now: Timestamp) -> Bytes {
        let mut out = Vec::new();
        if gathered.missed > 0 {
            let missed = Missed { version: VERSION, missed: gathered.missed };
            out.extend(written("missed", &missed));
        }
        if !gathered.is_empty() {
            self.number += 1;
            out.extend(written("delta", &gathered.delta(self.number, now)));
        }
        if out.is_empty() {
            out.extend(written("heartbeat", &Heartbeat { version: VERSION, at: moment(now) }));
        }
        out.into()
    }
}

/// What happened since the last delta.
#[derive(Debug, Default)]
struct Gathered {
    platforms: BTreeMap<String, PlatformDelta>,
    links: BTreeMap<(String, String), LinkDelta>,
    samples: Vec<Sample>,
    documents: u64,
    agencies: Vec<String>,
    missed: u64,
}

impl Gathered {
    fn is_empty(&self) -> bool {
        self.platforms.is_empty() && self.links.is_empty() && self.agencies.is_empty()
    }

    fn has_news(&self) -> bool {
        !self.is_empty() || self.missed > 0
    }

    fn add(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Accepted(accepted) => {
                self.platform(event).accepted += 1;
                self.documents += 1;
                if self.samples.len() < SAMPLES_MAX {
                    self.samples.push(sample(&event.platform, accepted));
                }
            }
            EventKind::HandedOn { peer, receivers } => {
                self.platform(event).handed_on += *receivers as u64;
                self.link(event, peer).deliveries += *receivers as u64;
            }
            EventKind::Confirmed { .. } => self.platform(event).confirmed += 1,
            EventKind::Progressed { state, .. } => {
                let platform = self.platform(event);
                platform.progressed += 1;
                platform.refused += u64::from(*state == DeliveryState::Refused);
            }
            EventKind::Refused { .. } => self.platform(event).refused += 1,
            EventKind::Link { peer, is_down, code } => {
                let link = self.link(event, peer);
                link.up = Some(!is_down);
                link.code.clone_from(code);
            }
            EventKind::Directory { code, .. } => {
                if self.agencies.len() < SAMPLES_MAX && !self.agencies.contains(code) {
                    self.agencies.push(code.clone());
                }
            }
        }
    }

    fn platform(&mut self, event: &Event) -> &mut PlatformDelta {
        self.platforms.entry(event.platform.clone()).or_default()
    }

    fn link(&mut self, event: &Event, peer: &str) -> &mut LinkDelta {
        self.links.entry((event.platform.clone(), peer.to_owned())).or_default()
    }

    fn delta(self, number: u64, now: Timestamp) -> Delta {
        let platform = |(platform, delta)| PlatformDelta { platform, ..delta };
        let link = |((from, to), delta)| LinkDelta { from, to, ..delta };
        Delta {
            version: VERSION,
            number,
            at: moment(now),
            platforms: self.platforms.into_iter().map(platform).collect(),
            links: self.links.into_iter().map(link).collect(),
            documents: self.samples,
            documents_total: self.documents,
            agencies: self.agencies,
        }
    }
}

fn sample(platform: &str, accepted: &Record) -> Sample {
    let to = accepted.recipients.iter().take(SAMPLE_RECIPIENTS_MAX);
    Sample {
        platform: platform.to_owned(),
        doc_id: accepted.id().to_string(),
        document_id: accepted.document_id().to_owned(),
        kind: kind_name(accepted.kind()),
        from: accepted.from().to_owned(),
        to: to.map(|recipient| recipient.code().to_owned()).collect(),
        recipients: accepted.recipients.len(),
        subject: accepted.subject().to_owned(),
        urgency: accepted.urgency,
        via: accepted.via().to_owned(),
    }
}

fn snapshot<P: CallPorts>(desk: &Desk<P>) -> Snapshot {
    let operated = &desk.operated;
    let platform = |platform: &crate::pipeline::Platform| {
        let (open_documents, waiting_in_inboxes) = {
            let post = platform.post.lock();
            (post.tracking.open_docs(), post.tracking.depths().1)
        };
        let value = |counter: &std::sync::atomic::AtomicU64| {
            counter.load(std::sync::atomic::Ordering::Relaxed)
        };
        let counters = &platform.counters;
        PlatformNow {
            platform: platform.name.clone(),
            open_documents,
            waiting_in_inboxes,
            accepted: value(&counters.accepted),
            refused: value(&counters.refused),
            arrived: value(&counters.arrived),
            handed_on: value(&counters.handed_on),
            confirmed: value(&counters.confirmed),
            links: live_links(operated, platform),
        }
    };
    Snapshot {
        version: VERSION,
        at: moment(operated.pipeline.now()),
        platforms: operated.pipeline.platforms().iter().map(platform).collect(),
    }
}

fn written(event: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {event}\ndata: {data}\n\n").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: EventKind) -> Event {
        Event { at: Timestamp::ZERO, platform: "axis".into(), kind }
    }

    #[test]
    fn a_burst_becomes_one_delta_with_few_samples() {
        let mut gathered = Gathered::default();
        for _ in 0..1_000 {
            gathered.add(&event(EventKind::Accepted(Arc::default())));
            gathered.add(&event(EventKind::HandedOn { peer: "lgsp-h60".into(), receivers: 3 }));
        }
        gathered.add(&event(EventKind::Link {
            peer: "lgsp-h60".into(),
            is_down: true,
            code: "LT-L001".into(),
        }));
        let delta = gathered.delta(7, Timestamp::ZERO);
        assert_eq!((delta.documents.len(), delta.documents_total), (SAMPLES_MAX, 1_000));
        assert_eq!(delta.platforms[0].accepted, 1_000);
        let link = &delta.links[0];
        assert_eq!((link.deliveries, link.up, link.code.as_str()), (3_000, Some(false), "LT-L001"));
    }

    #[test]
    fn an_event_is_one_line_of_json_between_blank_lines() {
        let bytes = written("missed", &Missed { version: 1, missed: 5 });
        assert_eq!(&bytes[..], b"event: missed\ndata: {\"version\":1,\"missed\":5}\n\n");
    }
}
