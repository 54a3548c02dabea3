//! Service calls: authenticate → admit → find → authorise or forward → answer, with evidence at each platform.
//!
//! One straight function per hop: no queue, no retry, nothing held but what is under way. A platform that is
//! not the provider's own passes the call on and believes what the next one says of it.
//!
//! Invariant: no answer is complete before its evidence is queued; a caller is who its certificate, or the
//! platform that vouches for it, says.

pub mod catalogue;
mod gate;
pub mod hop;
mod metered;
mod pass;
pub mod peer;
mod record;

use super::{Pipeline, Ports};
use crate::clock::{Clock, Timestamp};
use crate::domain::conditions::PlatformConditions;
use crate::domain::directory::Members;
use crate::domain::member_id::{MemberId, PLATFORM_CLASS};
use crate::domain::routing::{Hop, PlatformIx, RoutingTable};
use crate::domain::service::{CallFault, Services, Trouble};
use crate::egress::call::{CallBody, CallRoad};
use crate::evidence::{Evidence, PeerChain};
use gate::Gates;
use http::{HeaderMap, Method};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use catalogue::{CatalogueLimits, NotChanged};
pub use gate::Door;
pub use record::{CallRecord, SYSTEM_TYPE_CLIENT, SYSTEM_TYPE_PRODUCER, SYSTEM_TYPE_RELAY};

/// The outside world of calls: one seam more.
pub trait CallPorts: Ports {
    type Road: CallRoad;

    fn road(&self) -> &Self::Road;
}

/// Bounds of calls; each is a key of the topology file.
#[derive(Clone, Copy, Debug)]
pub struct CallLimits {
    /// Under way at one platform.
    pub calls_max: usize,
    pub timeout: Duration,
    pub body_bytes_max: u64,
    /// Bodies up to this size are held.
    pub buffer_bytes_max: usize,
    /// A message that must be read whole before it can go on.
    pub message_bytes_max: usize,
    /// All such messages at a time.
    pub held_bytes_max: usize,
    pub hops_max: u32,
    pub breaker_failures_max: u32,
    pub breaker_pause: Duration,
    pub catalogue: CatalogueLimits,
}

/// How a call came to be written: it decides how it is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Rest,
    Soap,
}

/// What a face hands in: one call, its caller known.
#[derive(Debug)]
pub struct Asked {
    /// As `ServiceId` writes it.
    pub service: String,
    pub dialect: Dialect,
    pub method: Method,
    /// Raw, below the service: empty, or with its leading `/`.
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: CallBody,
    /// One for all hops.
    pub request_id: String,
    /// As the client gave it, or made for it (wire/xroad.md 2.2, `X-Road-Id`).
    pub message_id: String,
    pub user_id: Option<String>,
    pub issue: Option<String>,
    pub represented: Option<Represented>,
}

/// On whose behalf a member calls (wire/xroad.md 2.2, `X-Road-Represented-Party`). Only noted, never a right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Represented {
    pub class: Option<String>,
    pub code: String,
}

/// Where a call came from.
#[derive(Debug)]
pub enum Origin {
    /// A member of this platform.
    Member { id: MemberId, tls: Arc<str> },
    /// A platform that vouches for a member of its own.
    Platform(Vouched),
}

/// What the platform before says of a call.
#[derive(Debug)]
pub struct Vouched {
    pub name: String,
    pub tls: Arc<str>,
    pub client: MemberId,
    pub first: String,
    pub hops_left: u32,
    /// What is left of the time that the call may take.
    pub left: Duration,
    /// The head of its evidence.
    pub chain: Option<PeerChain>,
}

/// What came of a call.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    /// Of the system behind the service.
    pub headers: HeaderMap,
    pub body: CallBody,
    /// Callers should leave this service.
    pub is_deprecated: bool,
}

/// One platform of this process, as calls see it.
#[derive(Debug)]
pub struct CallPlatform {
    pub ix: PlatformIx,
    pub name: Arc<str>,
    pub evidence: Evidence,
    pub door: Arc<Door>,
    pub counters: CallCounters,
    /// Places for those who download its evidence, which reads much of the log.
    pub downloads: Arc<Semaphore>,
}

/// Plain counts, read at scrape.
#[derive(Debug, Default)]
pub struct CallCounters {
    pub made: AtomicU64,
    pub failed: Troubles,
}

/// Failed calls by their trouble, in the order of `Trouble::ALL`.
#[derive(Debug)]
pub struct Troubles(Vec<AtomicU64>);

const KIB: usize = 1 << 10;
/// Downloads of evidence at a time, at one platform.
const DOWNLOADS_MAX: usize = 2;

/// The call plane of one process.
pub struct CallPlane<P: Ports> {
    pub pipeline: Arc<Pipeline<P>>,
    pub limits: CallLimits,
    pub members: Arc<Members>,
    /// The first part of every member's id.
    pub instance: Arc<str>,
    routes: RoutingTable,
    platforms: Vec<CallPlatform>,
    gates: Gates,
    /// In KiB.
    room: Arc<Semaphore>,
}

/// Room for one message held whole; dropping it gives it back.
#[derive(Debug)]
pub struct Held {
    _room: OwnedSemaphorePermit,
    bytes_max: usize,
}

impl Held {
    pub const fn bytes_max(&self) -> usize {
        self.bytes_max
    }
}

impl<P: CallPorts> CallPlane<P> {
    /// `platforms` are those of this process, with what they can take and where their evidence goes.
    pub fn new(
        pipeline: Arc<Pipeline<P>>,
        limits: CallLimits,
        (instance, members): (Arc<str>, Arc<Members>),
        routes: RoutingTable,
        platforms: Vec<(PlatformIx, PlatformConditions, Evidence)>,
    ) -> Self {
        let platforms = platforms.into_iter().map(|(ix, conditions, evidence)| CallPlatform {
            ix,
            name: routes.platform_name(ix).into(),
            evidence,
            door: Arc::new(Door::new(conditions, limits.calls_max)),
            counters: CallCounters::default(),
            downloads: Arc::new(Semaphore::new(DOWNLOADS_MAX)),
        });
        let platforms = platforms.collect();
        let room = Arc::new(Semaphore::new(limits.held_bytes_max / KIB));
        let gates = Gates::default();
        Self { pipeline, limits, members, instance, routes, platforms, gates, room }
    }

    pub fn platforms(&self) -> &[CallPlatform] {
        &self.platforms
    }

    pub fn platform(&self, ix: PlatformIx) -> Option<&CallPlatform> {
        self.platforms.iter().find(|platform| platform.ix == ix)
    }

    pub fn conditions(&self, platform: PlatformIx) -> Option<PlatformConditions> {
        self.platform(platform).map(|platform| platform.door.conditions())
    }

    /// Replaces what a platform can take of calls, at run time.
    pub fn set_conditions(&self, platform: PlatformIx, conditions: PlatformConditions) {
        if let Some(platform) = self.platform(platform) {
            platform.door.set_conditions(conditions);
        }
    }

    pub const fn routes(&self) -> &RoutingTable {
        &self.routes
    }

    pub fn services(&self) -> arc_swap::Guard<Arc<Services>> {
        self.pipeline.services()
    }

    pub fn now(&self) -> Timestamp {
        self.pipeline.ports().clock().now()
    }

    /// Room for a message of this length, or for the largest there may be; refused when there is none.
    pub fn hold(&self, length: Option<u64>) -> Result<Held, CallFault> {
        let bytes_max = self.limits.message_bytes_max;
        let length =
            length.map_or(bytes_max, |length| usize::try_from(length).unwrap_or(usize::MAX));
        if length > bytes_max {
            return Err(CallFault::new(Trouble::RequestTooLarge)
                .detail(format!("at most {bytes_max} bytes")));
        }
        let kib = u32::try_from(length.div_ceil(KIB)).unwrap_or(u32::MAX);
        match Arc::clone(&self.room).try_acquire_many_owned(kib) {
            Ok(room) => Ok(Held { _room: room, bytes_max }),
            Err(_full) => Err(CallFault::new(Trouble::Busy)
                .detail(format!("calls_held_bytes_max = {}", self.limits.held_bytes_max))
                .retry_after_ms(1_000)),
        }
    }

    /// May this neighbour speak for this member, or for this platform, here? Straight from where the member is connected (its security
    /// server, or the platform behind that), or along the way that calls take.
    pub fn vouches(&self, peer: PlatformIx, here: PlatformIx, client: &MemberId) -> bool {
        if client.class() == PLATFORM_CLASS {
            let own = self.routes.platform(client.code());
            return own.is_some_and(|own| {
                peer == own || self.routes.next_hop_to_platform(here, own) == Hop::Link(peer)
            });
        }
        let Some(caller) = self.members.by_id(client.as_str()) else { return false };
        let home = caller.member.security_server.unwrap_or(caller.member.platform);
        let towards = self.routes.next_hop_to_platform(here, home);
        peer == home || peer == caller.member.platform || towards == Hop::Link(peer)
    }

    /// Counts a request that a door refused before it became a call: it is among the failed, not among the made.
    pub fn refuse(&self, at: &CallPlatform, fault: &CallFault) {
        at.counters.failed.count(fault.trouble);
    }
}

impl Troubles {
    pub fn count(&self, trouble: Trouble) {
        let place = Trouble::ALL.iter().position(|known| *known == trouble);
        if let Some(counter) = place.and_then(|place| self.0.get(place)) {
            counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    pub fn read(&self) -> impl Iterator<Item = (Trouble, u64)> {
        let counts = self.0.iter().map(|count| count.load(std::sync::atomic::Ordering::Relaxed));
        Trouble::ALL.iter().copied().zip(counts)
    }
}

impl Default for Troubles {
    fn default() -> Self {
        Self(Trouble::ALL.iter().map(|_| AtomicU64::new(0)).collect())
    }
}

impl<P: Ports> fmt::Debug for CallPlane<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallPlane").field("platforms", &self.platforms).finish_non_exhaustive()
    }
}
