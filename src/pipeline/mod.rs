//! The only place where order is decided: accept → journal → fold + route → deliver → confirm.
//!
//! One `Pipeline` per process serves all its platforms over one journal. The same files run live and in
//! virtual time: nothing here knows tokio's timers, sockets or files.
//!
//! Invariant: nobody is answered before the fold; nothing but `route` reads the journal while it runs.

mod accept;
mod answers;
mod append;
mod bodies;
pub mod call;
mod confirm;
mod deliver;
mod forgotten;
mod gauges;
mod hop;
mod look;
mod receive;
mod registry;
mod route;
mod services;
mod submitted;

use crate::bus::Bus;
use crate::bus::mailbox::MailboxLimits;
use crate::clock::{Clock, Timestamp};
use crate::domain::agency::AgencyCode;
use crate::domain::conditions::{PlatformConditions, QueueFull, Schedule};
use crate::domain::directory::Directory;
use crate::domain::envelope::DocId;
use crate::domain::fact::PlatformId;
use crate::domain::routing::{PlatformIx, RoutingTable};
use crate::domain::rules::Rules;
use crate::domain::service::Services;
use crate::domain::signature::Policy;
use crate::domain::tracking::{Ground, Tracking, TrackingLimits};
use crate::egress::Transport;
use crate::journal::Journal;
use crate::signature::Anchors;
use answers::Answers;
use arc_swap::ArcSwap;
use bodies::{Bodies, Budget};
use parking_lot::Mutex;
use services::Catalogue;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

pub use accept::{AcceptedAnswer, Content, ReceiverAnswer, Submission};
pub use bodies::BytesPermit;
pub use confirm::Word;
pub use gauges::{Connections, Gauges, OpenConnection, Refusals, Way, Ways};
pub use hop::Peer;
pub use look::Found;
pub use receive::{Leased, Listening};
pub use route::{Event, EventKind, RecoverError};

/// The outside world: three seams, one parameter.
pub trait Ports: Send + Sync + 'static {
    type Clock: Clock;
    type Journal: Journal;
    type Transport: Transport;

    fn clock(&self) -> &Self::Clock;
    fn journal(&self) -> &Self::Journal;
    fn transport(&self) -> &Self::Transport;
}

/// Bounds of the pipeline; each is a key of the topology file.
#[derive(Clone, Debug)]
pub struct PipelineLimits {
    pub body_bytes_max: u64,
    pub bytes_in_flight_max: u64,
    /// Share of `bytes_in_flight_max` that only transit may take.
    pub transit_reserved_share: f64,
    pub chunk_bytes_max: usize,
    pub batch_bytes_max: usize,
    pub batch_items_max: usize,
    pub inline_body_bytes_max: u64,
    pub route_lag_max: u64,
    pub link_batch_max: usize,
    pub link_batch_bytes_max: u64,
    pub dispatchers_per_mailbox: usize,
    pub hops_max: u32,
    pub recipients_max: usize,
    pub retry_first: std::time::Duration,
    pub retry_max: std::time::Duration,
    pub attempts_max: u32,
    pub hand_timeout: std::time::Duration,
    pub answer_timeout: std::time::Duration,
    pub inbox_age_max: std::time::Duration,
    pub retention: std::time::Duration,
    pub checkpoint_interval: std::time::Duration,
    /// A restart folds no more entries than this.
    pub checkpoint_entries_max: u64,
    pub tracking: TrackingLimits,
    pub overtaken_max: u32,
    pub events_queue_max: usize,
    pub list_items_max: usize,
    /// A locked receiver refuses the whole document instead of only itself.
    pub locked_refuses_all: bool,
}

/// One platform of this process.
#[derive(Debug)]
pub struct Platform {
    pub ix: PlatformIx,
    pub id: PlatformId,
    pub name: String,
    pub post: Mutex<Post>,
    pub counters: Counters,
    admission: Mutex<Admission>,
    link_states: Mutex<std::collections::BTreeMap<PlatformIx, LinkState>>,
    doubts: Mutex<deliver::Doubts>,
}

/// What one lock guards: the fold of a platform and its mailboxes.
#[derive(Debug)]
pub struct Post {
    pub tracking: Tracking,
    pub bus: Bus,
}

/// Whether a neighbour answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkState {
    pub is_down: bool,
    pub since: Timestamp,
    pub code: String,
    pub detail: String,
}

/// Plain counts of one platform, bumped once per batch and read at scrape.
#[derive(Debug, Default)]
pub struct Counters {
    pub accepted: AtomicU64,
    pub refused: AtomicU64,
    pub duplicates: AtomicU64,
    pub arrived: AtomicU64,
    pub handed_on: AtomicU64,
    pub confirmed: AtomicU64,
    pub hop_accepted: AtomicU64,
    pub retried: AtomicU64,
    /// What was taken and where it went, repeats left out.
    pub ways: Ways,
    pub bytes_in: AtomicU64,
    /// What members were refused.
    pub refusals: Refusals,
    /// What neighbours were refused, recipient by recipient.
    pub hop_refusals: Refusals,
    pub connections: Connections,
}

/// What the pipeline is built from.
#[derive(Debug)]
pub struct Setup {
    pub limits: PipelineLimits,
    pub rules: Rules,
    pub signature_policy: Policy,
    /// Authorities that may vouch for who signed an edXML file.
    pub anchors: Anchors,
    pub directory: Arc<Directory>,
    pub routes: Arc<RoutingTable>,
    /// As the topology has them.
    pub services: Services,
    /// Platforms that this process runs, with their conditions.
    pub platforms: Vec<(PlatformIx, PlatformConditions)>,
    /// Seeds ids and hash maps; from the system's entropy when live.
    pub seed: u64,
}

/// The pipeline of one process.
#[derive(Debug)]
pub struct Pipeline<P: Ports> {
    ports: P,
    pub limits: PipelineLimits,
    pub rules: Rules,
    signature_policy: Policy,
    anchors: Anchors,
    platforms: Vec<Platform>,
    directory: ArcSwap<Directory>,
    routes: ArcSwap<RoutingTable>,
    catalogue: Catalogue,
    answers: Answers,
    bodies: Bodies,
    budget: Arc<Budget>,
    ids: Mutex<Random>,
    is_closed: AtomicBool,
    draining: CancellationToken,
    folded_entries: AtomicU64,
    appended_entries: AtomicU64,
    checkpoint_at: AtomicU64,
    probe_now: tokio::sync::Notify,
    events: tokio::sync::broadcast::Sender<Arc<Event>>,
}

impl<P: Ports> Pipeline<P> {
    pub fn new(ports: P, setup: Setup) -> Self {
        let limits = setup.limits;
        let mailbox = MailboxLimits {
            depth_max: limits.tracking.link_depth_max.max(limits.tracking.mailbox_depth_max) + 1,
            overtaken_max: limits.overtaken_max,
        };
        let platforms = setup
            .platforms
            .iter()
            .map(|(ix, conditions)| {
                let name = setup.routes.platform_name(*ix).to_owned();
                Platform {
                    ix: *ix,
                    id: PlatformId::of(&name),
                    post: Mutex::new(Post {
                        tracking: Tracking::new(limits.tracking, setup.seed),
                        bus: Bus::new(mailbox, setup.routes.neighbours(*ix), setup.seed),
                    }),
                    name,
                    counters: Counters::default(),
                    admission: Mutex::new(Admission::new(*conditions)),
                    link_states: Mutex::new(std::collections::BTreeMap::new()),
                    doubts: Mutex::default(),
                }
            })
            .collect::<Vec<_>>();
        let (events, _) = tokio::sync::broadcast::channel(limits.events_queue_max.max(1));
        let epoch = ports.clock().now().0;
        Self {
            answers: Answers::new(setup.seed),
            bodies: Bodies::new(limits.retention / 2, setup.seed, SHARED_BODY_BYTES_MIN),
            budget: Arc::new(Budget::new(
                limits.bytes_in_flight_max,
                limits.transit_reserved_share,
            )),
            ports,
            rules: setup.rules,
            signature_policy: setup.signature_policy,
            anchors: setup.anchors,
            platforms,
            directory: ArcSwap::new(setup.directory),
            routes: ArcSwap::new(setup.routes),
            catalogue: Catalogue::new(setup.services, epoch),
            ids: Mutex::new(Random(setup.seed)),
            is_closed: AtomicBool::new(false),
            draining: CancellationToken::new(),
            folded_entries: AtomicU64::new(0),
            appended_entries: AtomicU64::new(0),
            checkpoint_at: AtomicU64::new(0),
            probe_now: tokio::sync::Notify::new(),
            events,
            limits,
        }
    }

    pub const fn ports(&self) -> &P {
        &self.ports
    }

    pub fn now(&self) -> Timestamp {
        self.ports.clock().now()
    }

    /// The platforms of this process.
    pub fn platforms(&self) -> &[Platform] {
        &self.platforms
    }

    pub fn platform(&self, ix: PlatformIx) -> Option<&Platform> {
        self.platforms.iter().find(|platform| platform.ix == ix)
    }

    fn platform_by_id(&self, id: PlatformId) -> Option<&Platform> {
        self.platforms.iter().find(|platform| platform.id == id)
    }

    pub fn directory(&self) -> arc_swap::Guard<Arc<Directory>> {
        self.directory.load()
    }

    pub fn routes(&self) -> arc_swap::Guard<Arc<RoutingTable>> {
        self.routes.load()
    }

    /// What happens, for the operator: each event once per subscriber; a slow one misses some and is told so.
    pub fn subscribe_events(&self) -> tokio::sync::broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// False once the journal is closed: nothing more can be acknowledged.
    pub fn is_open(&self) -> bool {
        !self.is_closed.load(Ordering::Acquire)
    }

    /// Refuses new intake from now on; what is under way goes on.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Resolves when the process drains: streams that would go on for ever end then.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Replaces a platform's conditions at run time.
    pub fn set_conditions(&self, platform: PlatformIx, conditions: PlatformConditions) {
        if let Some(platform) = self.platform(platform) {
            *platform.admission.lock() = Admission::new(conditions);
        }
    }

    pub fn link_states(
        &self,
        platform: PlatformIx,
    ) -> std::collections::BTreeMap<PlatformIx, LinkState> {
        self.platform(platform).map(|p| p.link_states.lock().clone()).unwrap_or_default()
    }

    fn ground<'a>(
        &self,
        platform: &'a Platform,
        directory: &'a Directory,
        routes: &'a RoutingTable,
    ) -> Ground<'a> {
        Ground { here: platform.ix, here_name: &platform.name, routes, directory }
    }

    fn new_doc_id(&self, now: Timestamp) -> DocId {
        let mut random = self.ids.lock();
        let wide = u128::from(random.next()) << 64 | u128::from(random.next());
        DocId::new(now, wide)
    }

    fn entry_ids(&self) -> [u128; 2] {
        let mut random = self.ids.lock();
        [(); 2].map(|()| u128::from(random.next()) << 64 | u128::from(random.next()))
    }

    fn entry_id(&self) -> u128 {
        let mut random = self.ids.lock();
        u128::from(random.next()) << 64 | u128::from(random.next())
    }

    /// Bytes of bodies in memory now.
    pub fn bytes_in_flight(&self) -> u64 {
        self.budget.taken()
    }

    /// How many appended entries the fold has not yet seen.
    pub fn lag(&self) -> u64 {
        self.appended_entries
            .load(Ordering::Relaxed)
            .saturating_sub(self.folded_entries.load(Ordering::Relaxed))
    }
}

/// A platform's capacity and how much of it is taken.
#[derive(Debug)]
struct Admission {
    conditions: PlatformConditions,
    schedule: Schedule,
}

impl Admission {
    fn new(conditions: PlatformConditions) -> Self {
        Self { conditions, schedule: Schedule::default() }
    }

    fn next_document(&mut self, now: Timestamp) -> Result<Timestamp, QueueFull> {
        self.conditions.next_document(&mut self.schedule, now)
    }
}

/// Bodies at least this large are stored once and shared by digest; a smaller one is cheaper to store again.
const SHARED_BODY_BYTES_MIN: u64 = 4096;

/// `SplitMix64`: ids need to differ, not to be secret.
#[derive(Debug)]
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// Canonical code or `None`.
fn parse_code(text: &str) -> Option<AgencyCode> {
    AgencyCode::parse(text).ok()
}
