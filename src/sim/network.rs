//! The modelled network between platforms, and the `Transport` of a process on it.
//!
//! A request runs as a task of the process it reaches: it dies with that process and not with the one that
//! asked. An answer may be lost after the work was done. Nothing is ever sent twice.

use super::world::SimPipeline;
use crate::clock::Clock;
use crate::domain::conditions::{Fate, LinkConditions, Wire};
use crate::domain::routing::{PlatformIx, RoutingTable};
use crate::domain::tracking::Chunks;
use crate::egress::{LinkId, LinkOutcome, Transport, Unreachable};
use crate::journal::{Journal, Seq};
use crate::pipeline::Peer;
use crate::random::Random;
use crate::sim::clock::SimClock;
use crate::sim::executor::{Control, NodeId};
use crate::wire::v1;
use bytes::Bytes;
use futures_util::future::Either;
use parking_lot::Mutex;
use sha2::Digest;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// All links of the country.
pub struct Network {
    control: Control,
    clock: SimClock,
    routes: RoutingTable,
    inner: Mutex<Inner>,
}

struct Inner {
    doors: BTreeMap<PlatformIx, Door>,
    /// By the child: a link has the same conditions both ways.
    links: BTreeMap<PlatformIx, LinkConditions>,
    wires: BTreeMap<LinkId, Wire>,
    random: Random,
    counts: NetworkCounts,
}

/// What went over the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkCounts {
    pub requests: u64,
    pub lost_requests: u64,
    pub lost_answers: u64,
    /// Requests that found nobody.
    pub refused: u64,
}

/// An open platform.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) node: NodeId,
    pub(super) pipeline: Arc<SimPipeline>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Answer,
}

impl Network {
    pub(super) fn new(control: Control, clock: SimClock, routes: RoutingTable, seed: u64) -> Self {
        let inner = Inner {
            doors: BTreeMap::new(),
            links: BTreeMap::new(),
            wires: BTreeMap::new(),
            random: Random::stream(seed, 0x6e65_7477),
            counts: NetworkCounts::default(),
        };
        Self { control, clock, routes, inner: Mutex::new(inner) }
    }

    /// Sets the conditions of the link between a platform and its parent.
    pub fn set_link(&self, child: PlatformIx, conditions: LinkConditions) {
        self.inner.lock().links.insert(child, conditions);
    }

    pub fn counts(&self) -> NetworkCounts {
        self.inner.lock().counts
    }

    pub(super) fn open(&self, platform: PlatformIx, door: Door) {
        self.inner.lock().doors.insert(platform, door);
    }

    pub(super) fn shut(&self, platform: PlatformIx) {
        let door = self.inner.lock().doors.remove(&platform);
        drop(door);
    }

    pub(super) fn door(&self, platform: PlatformIx) -> Option<Door> {
        self.inner.lock().doors.get(&platform).cloned()
    }

    /// Lets a message of so many bytes meet the conditions of its link.
    async fn pass(
        &self,
        link: LinkId,
        bytes: u64,
        direction: Direction,
    ) -> Result<(), Unreachable> {
        let now = self.clock.now();
        let fate = {
            let mut inner = self.inner.lock();
            let child =
                if self.routes.parent(link.from) == Some(link.to) { link.from } else { link.to };
            let conditions = inner.links.get(&child).copied().unwrap_or_default();
            let nonce = inner.random.next();
            let wire = match direction {
                Direction::Request => link,
                Direction::Answer => LinkId { from: link.to, to: link.from },
            };
            let fate = conditions.fate(inner.wires.entry(wire).or_default(), bytes, now, nonce);
            match (fate, direction) {
                (Fate::Lost, Direction::Request) => inner.counts.lost_requests += 1,
                (Fate::Lost, Direction::Answer) => inner.counts.lost_answers += 1,
                _ => inner.counts.requests += 1,
            }
            fate
        };
        match fate {
            Fate::Deliver { after } => {
                self.clock.sleep_until(now.plus(after)).await;
                Ok(())
            }
            // Nobody ever answers: the caller's deadline notices.
            Fate::Lost => std::future::pending().await,
            Fate::Down => Err(unreachable("LT-L001", "the link is down")),
        }
    }

    /// Does the work as a task of the process at the other end.
    async fn run<T, F>(
        &self,
        link: LinkId,
        work: impl FnOnce(Arc<SimPipeline>, Peer) -> F,
    ) -> Result<T, Unreachable>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let Some(door) = self.door(link.to) else {
            self.inner.lock().counts.refused += 1;
            return Err(unreachable("LT-L001", "connection refused"));
        };
        let peer = Peer {
            ix: link.from,
            name: self.routes.platform_name(link.from).to_owned(),
            tls: String::new(),
        };
        // When the caller gives up, some servers notice and stop where they are, others go on.
        let (calling, hung_up) = oneshot::channel::<()>();
        let is_stopped = self.inner.lock().random.chance(0.5);
        let work = Box::pin(work(door.pipeline, peer));
        let handle = self.control.spawn(door.node, async move {
            if !is_stopped {
                return Some(work.await);
            }
            match futures_util::future::select(work, hung_up).await {
                Either::Left((done, _)) => Some(done),
                Either::Right(_) => None,
            }
        });
        let done = handle.await;
        drop(calling);
        done.ok().flatten().ok_or_else(|| unreachable("LT-L001", "connection reset"))
    }

    async fn ask<T, F>(
        &self,
        link: LinkId,
        bytes: u64,
        work: impl FnOnce(Arc<SimPipeline>, Peer) -> F,
    ) -> Result<T, Unreachable>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Unreachable>> + Send + 'static,
    {
        self.pass(link, bytes, Direction::Request).await?;
        let done = self.run(link, work).await??;
        self.pass(link, ANSWER_BYTES, Direction::Answer).await?;
        Ok(done)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

/// The road out of one process.
#[derive(Debug)]
pub struct SimTransport {
    network: Arc<Network>,
}

impl SimTransport {
    pub(super) const fn new(network: Arc<Network>) -> Self {
        Self { network }
    }
}

impl Transport for SimTransport {
    async fn hand(&self, link: LinkId, hand_over: v1::HandOver) -> LinkOutcome {
        let bodies: u64 = hand_over.documents.iter().map(|d| d.body.len() as u64).sum();
        let heads = 512 * hand_over.documents.len() + 128 * hand_over.reports.len();
        let work = move |pipeline: Arc<SimPipeline>, peer| async move {
            let _permit = pipeline.admit_bytes(bodies, true).map_err(|_full| busy())?;
            let platform = pipeline.platform(link.to).ok_or_else(busy)?;
            Ok(pipeline.hand(platform, &peer, hand_over).await)
        };
        let answer = self.network.ask(link, bodies + heads as u64, work).await;
        answer.map_or_else(LinkOutcome::Unreachable, LinkOutcome::Answered)
    }

    async fn hand_body<J: Journal>(
        &self,
        link: LinkId,
        document: v1::HandDocument,
        chunks: Vec<u64>,
        journal: &J,
    ) -> LinkOutcome {
        let (sender, frames) = mpsc::channel(1);
        let feed = async {
            for seq in chunks {
                let chunk = journal
                    .chunk(Seq(seq))
                    .await
                    .map_err(|error| unreachable("LT-L003", &error.to_string()))?;
                self.network.pass(link, chunk.len() as u64, Direction::Request).await?;
                if sender.send(chunk).await.is_err() {
                    break;
                }
            }
            drop(sender);
            Ok::<(), Unreachable>(())
        };
        let work = move |pipeline, peer| take_body(pipeline, link, peer, document, frames);
        let (fed, answer) =
            futures_util::future::join(feed, self.network.ask(link, 512, work)).await;
        match (fed, answer) {
            (_, Err(why)) | (Err(why), Ok(_)) => LinkOutcome::Unreachable(why),
            (Ok(()), Ok(answer)) => LinkOutcome::Answered(answer),
        }
    }

    async fn probe(&self, link: LinkId) -> Result<(), Unreachable> {
        let work = |_pipeline, _peer| async { Ok(()) };
        let deadline = self.network.clock.now().plus(PROBE_TIMEOUT);
        let attempt = self.network.ask(link, ANSWER_BYTES, work);
        let late = unreachable("LT-L002", "no answer in time");
        self.network.clock.timeout_at(deadline, attempt).await.unwrap_or(Err(late))
    }

    async fn directory_changes(
        &self,
        link: LinkId,
        request: v1::ChangesRequest,
    ) -> Result<v1::AgencyList, Unreachable> {
        let work =
            |pipeline: Arc<SimPipeline>, _| async move { Ok(pipeline.changes_since(&request)) };
        let deadline = self.network.clock.now().plus(PROBE_TIMEOUT);
        let attempt = self.network.ask(link, ANSWER_BYTES, work);
        let late = unreachable("LT-L002", "no answer in time");
        self.network.clock.timeout_at(deadline, attempt).await.unwrap_or(Err(late))
    }

    async fn directory_change(
        &self,
        link: LinkId,
        change: v1::DirectoryChangeUp,
    ) -> Result<v1::DirectoryReply, Unreachable> {
        let work = move |pipeline, peer| take_change(pipeline, link, peer, change);
        self.network.ask(link, ANSWER_BYTES, work).await
    }
}

/// The receiving end of a body in chunks, as `ingress/grpc/link.rs` does it.
async fn take_body(
    pipeline: Arc<SimPipeline>,
    link: LinkId,
    peer: Peer,
    document: v1::HandDocument,
    mut frames: mpsc::Receiver<Bytes>,
) -> Result<v1::HandVerdicts, Unreachable> {
    let platform = pipeline.platform(link.to).ok_or_else(busy)?;
    if let Some(chunks) = pipeline.has_body(&document.sha256, document.bytes_total) {
        return Ok(pipeline.hand_stored(platform, &peer, document, chunks).await);
    }
    let (mut chunks, mut bytes) = (Vec::new(), 0);
    let mut hash = sha2::Sha256::new();
    while let Some(chunk) = frames.recv().await {
        bytes += chunk.len() as u64;
        hash.update(&chunk);
        chunks.push(pipeline.store_chunk(platform, chunk).await.map_err(|_full| busy())?);
    }
    let digest: [u8; 32] = hash.finalize().into();
    if bytes != document.bytes_total || document.sha256 != digest[..] {
        return Err(unreachable("LT-L001", "the body is not the one announced"));
    }
    let chunks = Chunks::from_slice(&chunks);
    Ok(pipeline.hand_stored(platform, &peer, document, chunks).await)
}

/// Boxed, because a change may travel on from there: the same call inside itself.
fn take_change(
    pipeline: Arc<SimPipeline>,
    link: LinkId,
    peer: Peer,
    change: v1::DirectoryChangeUp,
) -> Pin<Box<dyn Future<Output = Result<v1::DirectoryReply, Unreachable>> + Send>> {
    Box::pin(async move {
        let platform = pipeline.platform(link.to).ok_or_else(busy)?;
        let answer = pipeline.change_from_below(platform, &peer, change).await;
        Ok(match answer {
            Ok(version) => v1::DirectoryReply { refusal: None, version },
            Err(rejection) => {
                let code = rejection.code().to_owned();
                let refusal = v1::Refusal { code, ..v1::Refusal::default() };
                v1::DirectoryReply { refusal: Some(refusal), version: 0 }
            }
        })
    })
}

fn busy() -> Unreachable {
    unreachable("LT-L001", "the neighbour is busy")
}

fn unreachable(code: &'static str, detail: &str) -> Unreachable {
    Unreachable { code, detail: detail.to_owned() }
}

const ANSWER_BYTES: u64 = 256;
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
