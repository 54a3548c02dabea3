//! A simulated country: processes with a disk each, a network between them, and the members' way in.
//!
//! The pipeline in here is the one that runs live; only its three ports are modelled. A process that
//! crashes loses every task at once and keeps its disk; a restart is what `gateway` does at start.

use super::clock::SimClock;
use super::disk::Disk;
use super::executor::{Control, Executor, NodeId, Pause};
use super::journal::{DiskOptions, SimJournal};
use super::network::{Door, Network, SimTransport};
use crate::clock::{Clock, Timestamp};
use crate::domain::directory::Directory;
use crate::domain::routing::PlatformIx;
use crate::domain::rules::Rules;
use crate::domain::service::Services;
use crate::domain::signature::Policy;
use crate::domain::tracking::TrackingLimits;
use crate::pipeline::{Pipeline, PipelineLimits, Platform, Ports, Setup};
use crate::signature::Anchors;
use crate::topology::Topology;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// The three seams, modelled.
#[derive(Debug)]
pub struct SimPorts {
    clock: SimClock,
    journal: SimJournal,
    transport: SimTransport,
}

impl Ports for SimPorts {
    type Clock = SimClock;
    type Journal = SimJournal;
    type Transport = SimTransport;

    fn clock(&self) -> &SimClock {
        &self.clock
    }

    fn journal(&self) -> &SimJournal {
        &self.journal
    }

    fn transport(&self) -> &SimTransport {
        &self.transport
    }
}

pub type SimPipeline = Pipeline<SimPorts>;

/// How a country is set up.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    pub seed: u64,
    /// The platforms of each process, by name.
    pub processes: Vec<Vec<String>>,
    pub limits: PipelineLimits,
    pub disk: DiskOptions,
    /// How long a process stays down after a crash.
    pub downtime: Duration,
    /// How often unread inboxes are looked at.
    pub expiry_every: Duration,
    /// Draws which of the ready tasks runs next, to find what depends on the order.
    pub shuffled: bool,
}

pub struct World {
    executor: Executor,
    pub country: Arc<Country>,
}

/// What the world's tasks share.
pub struct Country {
    pub topology: Arc<Topology>,
    pub network: Arc<Network>,
    pub clock: SimClock,
    pub control: Control,
    options: WorldOptions,
    processes: Vec<Process>,
    /// What no process should ever say.
    complaints: Mutex<Vec<String>>,
}

struct Process {
    node: NodeId,
    platforms: Vec<PlatformIx>,
    disk: Arc<Disk>,
    down: Arc<Notify>,
    boots: AtomicU64,
    is_up: AtomicBool,
}

/// Who is in no process: members, and what befalls the country.
pub const OUTSIDE: NodeId = NodeId(0);

impl World {
    /// Starts every process.
    pub fn new(topology: Arc<Topology>, options: WorldOptions) -> Self {
        let executor = if options.shuffled {
            Executor::shuffled(START, options.seed)
        } else {
            Executor::new(START)
        };
        let (control, clock) = (executor.control(), executor.clock());
        let network =
            Network::new(control.clone(), clock.clone(), topology.routes.clone(), options.seed);
        let processes = options.processes.iter().zip(1..).map(|(names, node)| Process {
            node: NodeId(node),
            platforms: names
                .iter()
                .filter_map(|name| topology.platform_named(name))
                .map(|p| p.ix)
                .collect(),
            disk: Arc::new(Disk::new(options.disk.segment_entries, options.seed ^ u64::from(node))),
            down: Arc::default(),
            boots: AtomicU64::new(0),
            is_up: AtomicBool::new(false),
        });
        let country = Country {
            processes: processes.collect(),
            network: Arc::new(network),
            topology,
            clock,
            control,
            options,
            complaints: Mutex::default(),
        };
        let country = Arc::new(country);
        for place in 0..country.processes.len() {
            country.boot(place);
            country.control.spawn(OUTSIDE, Arc::clone(&country).keep_up(place));
        }
        Self { executor, country }
    }

    pub const fn executor(&mut self) -> &mut Executor {
        &mut self.executor
    }

    pub fn now(&self) -> Timestamp {
        self.executor.now()
    }

    pub fn run_for(&mut self, span: Duration) -> Pause {
        let deadline = self.executor.now().plus(span);
        self.executor.run_until(deadline)
    }

    /// Runs a task of the outside to its end; `None` when it takes longer than `span`.
    pub fn run<T: Send + 'static>(
        &mut self,
        span: Duration,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let deadline = self.executor.now().plus(span);
        let handle = self.executor.spawn(OUTSIDE, work);
        self.executor.run_until_done(&handle, deadline)
    }

    /// A digest of every step so far.
    pub const fn fingerprint(&self) -> u64 {
        self.executor.fingerprint()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("executor", &self.executor).finish_non_exhaustive()
    }
}

impl Country {
    pub fn platform(&self, name: &str) -> Option<PlatformIx> {
        self.topology.platform_named(name).map(|platform| platform.ix)
    }

    pub fn disks(&self) -> impl Iterator<Item = &Arc<Disk>> {
        self.processes.iter().map(|process| &process.disk)
    }

    pub fn disk(&self, place: usize) -> Option<&Arc<Disk>> {
        self.processes.get(place).map(|process| &process.disk)
    }

    pub const fn processes_len(&self) -> usize {
        self.processes.len()
    }

    /// How often processes came up again.
    pub fn restarts(&self) -> u64 {
        let boots = |process: &Process| process.boots.load(Ordering::Relaxed).saturating_sub(1);
        self.processes.iter().map(boots).sum()
    }

    pub fn complaints(&self) -> Vec<String> {
        self.complaints.lock().clone()
    }

    /// The pipeline that runs a platform, while its process is up.
    pub fn pipeline(&self, platform: PlatformIx) -> Option<Arc<SimPipeline>> {
        self.network.door(platform).map(|door| door.pipeline)
    }

    /// Asks a platform as a member would: `None` when nobody is there, or the process died over it.
    pub async fn ask<T, F>(
        &self,
        platform: PlatformIx,
        work: impl FnOnce(Arc<SimPipeline>) -> F,
    ) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let door = self.network.door(platform)?;
        self.control.spawn(door.node, Box::pin(work(door.pipeline))).await.ok()
    }

    /// The power goes at one process. It comes up again by itself.
    pub fn crash(&self, place: usize) {
        let Some(process) = self.processes.get(place) else { return };
        if !process.is_up.swap(false, Ordering::Relaxed) {
            return;
        }
        for platform in &process.platforms {
            self.network.shut(*platform);
        }
        self.control.kill(process.node);
        process.disk.cut_power();
        process.down.notify_one();
    }

    async fn keep_up(self: Arc<Self>, place: usize) {
        let Some(process) = self.processes.get(place) else { return };
        loop {
            process.down.notified().await;
            self.clock.sleep_until(self.clock.now().plus(self.options.downtime)).await;
            self.boot(place);
        }
    }

    fn boot(self: &Arc<Self>, place: usize) {
        if let Some(process) = self.processes.get(place) {
            let boot = process.boots.fetch_add(1, Ordering::Relaxed);
            process.is_up.store(true, Ordering::Relaxed);
            self.control.spawn(process.node, Arc::clone(self).start(place, boot));
        }
    }

    /// What `gateway` does: restore, recover, then open and let the workers run.
    async fn start(self: Arc<Self>, place: usize, boot: u64) {
        let Some(process) = self.processes.get(place) else { return };
        let node = process.node;
        let pipeline = Arc::new(self.assemble(place, boot, process));
        let writer = Arc::clone(&pipeline);
        self.control.spawn(node, async move { writer.ports().journal.write().await });
        let after = match pipeline.restore().await {
            Ok(after) => after,
            Err(error) => {
                self.complaints.lock().push(format!("node {} cannot restart: {error}", node.0));
                return;
            }
        };
        let after = pipeline.recover(after, process.disk.end()).await;
        let router = Arc::clone(&pipeline);
        self.control.spawn(node, async move { router.route(after).await });
        for &ix in &process.platforms {
            for peer in self.topology.routes.neighbours(ix) {
                self.at(node, &pipeline, ix, move |pipeline, platform| {
                    Box::pin(pipeline.deliver(platform, peer))
                });
            }
            let parent = self.topology.routes.parent(ix);
            if parent.is_some_and(|parent| pipeline.platform(parent).is_none()) {
                self.at(node, &pipeline, ix, |pipeline, platform| {
                    Box::pin(pipeline.follow_directory(platform))
                });
            }
            self.network.open(ix, Door { node, pipeline: Arc::clone(&pipeline) });
        }
        let every = self.options.expiry_every;
        self.control.spawn(node, async move {
            loop {
                let clock = &pipeline.ports().clock;
                clock.sleep_until(clock.now().plus(every)).await;
                pipeline.expire_unread().await;
            }
        });
    }

    /// Runs one of the pipeline's endless loops for a platform.
    fn at(
        &self,
        node: NodeId,
        pipeline: &Arc<SimPipeline>,
        ix: PlatformIx,
        work: impl for<'p> FnOnce(&'p SimPipeline, &'p Platform) -> Work<'p> + Send + 'static,
    ) {
        let pipeline = Arc::clone(pipeline);
        self.control.spawn(node, async move {
            if let Some(platform) = pipeline.platform(ix) {
                work(&pipeline, platform).await;
            }
        });
    }

    fn assemble(self: &Arc<Self>, place: usize, boot: u64, process: &Process) -> SimPipeline {
        let country = Arc::downgrade(self);
        let fuse = Arc::new(move || {
            if let Some(country) = country.upgrade() {
                country.crash(place);
            }
        });
        let journal =
            SimJournal::new(Arc::clone(&process.disk), self.clock.clone(), self.options.disk, fuse);
        let transport = SimTransport::new(Arc::clone(&self.network));
        let ports = SimPorts { clock: self.clock.clone(), journal, transport };
        let topology = &self.topology;
        let platforms = process.platforms.iter().filter_map(|ix| topology.platform(*ix));
        let node = u64::from(process.node.0);
        let setup = Setup {
            limits: self.options.limits.clone(),
            rules: Rules::default(),
            signature_policy: Policy::Record,
            anchors: Anchors::default(),
            directory: Arc::new(Directory::clone(&topology.directory)),
            routes: Arc::new(topology.routes.clone()),
            services: Services::default(),
            platforms: platforms.map(|platform| (platform.ix, platform.conditions)).collect(),
            // Live, every start draws its own.
            seed: self.options.seed ^ (node << 48) ^ (boot << 32),
        };
        Pipeline::new(ports, setup)
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Country").field("network", &self.network).finish_non_exhaustive()
    }
}

type Work<'p> = std::pin::Pin<Box<dyn Future<Output = ()> + Send + 'p>>;

impl WorldOptions {
    /// Each platform in a process of its own, small limits so that all of them are met.
    pub fn apart(topology: &Topology, seed: u64) -> Self {
        let carries = topology.platforms.iter().filter(|p| p.active && p.carries());
        Self {
            seed,
            processes: carries.map(|platform| vec![platform.name.to_string()]).collect(),
            limits: limits(),
            disk: DiskOptions::default(),
            downtime: Duration::from_secs(3),
            expiry_every: Duration::from_secs(3_600),
            shuffled: false,
        }
    }

    /// All platforms in one process.
    pub fn together(topology: &Topology, seed: u64) -> Self {
        let apart = Self::apart(topology, seed);
        Self { processes: vec![apart.processes.concat()], ..apart }
    }
}

/// The topology file's limits, smaller: what takes a day there is met in a simulated minute here.
pub fn limits() -> PipelineLimits {
    PipelineLimits {
        body_bytes_max: 1 << 20,
        bytes_in_flight_max: 16 << 20,
        transit_reserved_share: 0.25,
        chunk_bytes_max: 16 << 10,
        batch_bytes_max: 128 << 10,
        batch_items_max: 64,
        inline_body_bytes_max: 8 << 10,
        route_lag_max: 4_096,
        link_batch_max: 32,
        link_batch_bytes_max: 256 << 10,
        dispatchers_per_mailbox: 4,
        hops_max: 8,
        recipients_max: 100,
        retry_first: Duration::from_millis(250),
        retry_max: Duration::from_secs(60),
        attempts_max: 10_000,
        hand_timeout: Duration::from_secs(5),
        answer_timeout: Duration::from_secs(20),
        inbox_age_max: Duration::from_secs(30 * 86_400),
        retention: Duration::from_secs(30 * 86_400),
        checkpoint_interval: Duration::from_secs(20),
        checkpoint_entries_max: 400,
        tracking: TrackingLimits {
            mailbox_depth_max: 10_000,
            link_depth_max: 10_000,
            recent_documents_max: 100_000,
            duplicates_max: 100_000,
            status_order_strict: false,
        },
        overtaken_max: 16,
        events_queue_max: 1,
        list_items_max: 1_000,
        locked_refuses_all: false,
    }
}

/// 2026-11-20 08:00 in Vietnam.
pub const START: Timestamp = Timestamp::from_secs(1_795_136_400);
