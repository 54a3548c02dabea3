//! Assembly: build the ports, bind the doors, start router and dispatchers, drain. No decisions.

mod calls;
mod flows;
mod health;
mod lines;
mod public;
mod settings;

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::domain::conditions::LinkConditions;
use crate::domain::directory::Directory;
use crate::domain::routing::PlatformIx;
use crate::domain::service::Services;
use crate::egress::call::CallLinks;
use crate::egress::link::Links;
use crate::ingress::network::Near;
use crate::ingress::relay;
use crate::ingress::wso2::{BadApplication, Desk};
use crate::ingress::{self, Door};
use crate::journal::{Journal, OpenError, Recovery, SegmentJournal};
use crate::observe::Tap;
use crate::operator::{self, Listens, Operated};
use crate::pipeline::call::CallPlane;
use crate::pipeline::{Pipeline, Ports, RecoverError, Setup};
use crate::pki::seal::SealError;
use crate::pki::{Holder, MemberId, NameError, Pki, PkiError, PlatformName, ServerAddress};
use crate::providers::host::Host;
use crate::signature::{Anchors, SignError};
use crate::story::order::Order;
use crate::tls::{self, Alpn, ListenerKind, Tls, TlsLoadError, TlsServer, Trust};
use crate::topology::{self, Topology};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The three seams, live.
#[derive(Debug)]
pub struct LivePorts {
    clock: Arc<SystemClock>,
    journal: SegmentJournal,
    links: Links,
    roads: CallLinks,
}

impl Ports for LivePorts {
    type Clock = SystemClock;
    type Journal = SegmentJournal;
    type Transport = Links;

    fn clock(&self) -> &SystemClock {
        &self.clock
    }

    fn journal(&self) -> &SegmentJournal {
        &self.journal
    }

    fn transport(&self) -> &Links {
        &self.links
    }
}

pub type LivePipeline = Pipeline<LivePorts>;
pub type LiveCallPlane = CallPlane<LivePorts>;

/// How a process is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Holds `pki/` and `journal/<process name>/`.
    pub data: PathBuf,
    /// Names of the platforms to run; empty runs all.
    pub only: Vec<String>,
    /// Go on over damaged parts of the journal.
    pub accept_loss: bool,
    /// Every port is any free one.
    pub any_port: bool,
    /// Seeds ids and hash tables.
    pub seed: u64,
}

/// The process could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the topology has no platform named {0}")]
    UnknownPlatform(String),
    #[error("port {port} of {platform} cannot be bound")]
    Bind { platform: String, port: u16, source: std::io::Error },
    #[error("the address {0} is not an IP address")]
    BadAddress(String),
    #[error(transparent)]
    Pki(#[from] PkiError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Tls(#[from] TlsLoadError),
    #[error(transparent)]
    Journal(#[from] OpenError),
    #[error(transparent)]
    Recover(#[from] RecoverError),
    #[error(transparent)]
    Anchors(#[from] SignError),
    #[error("the synthetic population cannot be made")]
    Population(#[from] crate::providers::population::PopulationError),
    #[error("VNeID has no key to sign with")]
    SignIn(#[from] crate::providers::vneid::KeyError),
    #[error("an application of the topology cannot be used")]
    Application(#[from] BadApplication),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("the evidence of calls cannot be used")]
    Evidence(#[from] crate::evidence::OpenError),
    #[error("the data folder cannot be used")]
    Data(#[source] std::io::Error),
}

/// Where a platform listens.
#[derive(Clone, Debug)]
pub struct Listening {
    pub platform: PlatformIx,
    pub mtls: Option<SocketAddr>,
    pub tls: Option<SocketAddr>,
    pub local: Option<SocketAddr>,
    /// Of a security server, when it is on.
    pub health: Option<SocketAddr>,
}

/// A running process.
#[derive(Debug)]
pub struct Gateway {
    pub topology: Arc<Topology>,
    pub pipeline: Arc<LivePipeline>,
    pub plane: Arc<LiveCallPlane>,
    pub host: Arc<Host>,
    pub listening: Vec<Listening>,
    /// Where the operator's API listens: loopback only.
    pub operator: SocketAddr,
    /// Where citizens and portals come in: loopback only.
    pub public: Option<SocketAddr>,
    pub recovery: Recovery,
    pub pki: Pki,
    pub trust: Arc<Trust>,
    pub clock: Arc<SystemClock>,
    /// Reports calls to NDOP, when the topology has one.
    pub tap: Option<Arc<Tap>>,
    /// Conditions of the links, by the child's place; shared by both directions that run here.
    pub link_conditions: BTreeMap<PlatformIx, Arc<Mutex<LinkConditions>>>,
    keys: Vec<Arc<Tls>>,
    doors: TaskTracker,
    workers: TaskTracker,
    stop: CancellationToken,
}

/// The keys of this process's platforms.
fn keys_of(
    local: &[PlatformIx],
    (topology, pki, trust): (&Topology, &Pki, &Arc<Trust>),
) -> Result<BTreeMap<PlatformIx, Arc<Tls>>, StartError> {
    let mut keys = BTreeMap::new();
    for platform in local.iter().filter_map(|ix| topology.platform(*ix)) {
        let holder = Holder::Platform(PlatformName::new(&platform.name)?);
        keys.insert(platform.ix, Tls::load(trust, pki.bundle(&holder).into())?);
    }
    Ok(keys)
}

/// A bound door, not yet served.
struct Bound {
    platform: PlatformIx,
    kind: topology::ListenerKind,
    listener: TcpListener,
    address: SocketAddr,
}

impl Gateway {
    /// Binds every socket first, then recovers, then serves.
    pub async fn start(topology: Arc<Topology>, options: Options) -> Result<Self, StartError> {
        let clock = Arc::new(SystemClock::new());
        let local = local_platforms(&topology, &options.only)?;
        let pki = Pki::at(options.data.join("pki"));
        init_pki(&pki, &topology, clock.now())?;
        let bound = bind(&topology, &local, options.any_port).await?;
        let health = health::bind(&topology, &local, options.any_port).await?;
        let is_any = options.any_port || !options.only.is_empty();
        let (operator_listener, operator) = public::bind_operator(&topology, is_any).await?;
        let public = public::bind(&topology, is_any).await?;
        let trust = tls::trust_of(&pki, settings::tls(&topology), &clock)?;
        let keys = keys_of(&local, (&topology, &pki, &trust))?;
        let process = process_name(&options.only);
        let journal_options = settings::journal(
            &topology.limits,
            options.data.join("journal").join(process),
            options.accept_loss,
        );
        let (journal, recovery) = SegmentJournal::open(journal_options, Arc::clone(&clock))?;
        let link_conditions = lines::conditions(&topology);
        let links = lines::links(&topology, &local, &keys, &bound, &link_conditions, &clock)?;
        let anchors = std::fs::read(pki.dir().join("ca.pem")).map_err(StartError::Data)?;
        let anchors = Anchors::from_pem(&anchors)?;
        let host = calls::host(&topology, &clock, (&pki, &anchors), &options)?;
        let roads =
            calls::roads(&topology, &local, &keys, &bound, &link_conditions, (&clock, &host))?;
        let ports = LivePorts { clock: Arc::clone(&clock), journal, links, roads };
        let services = calls::services(&topology, &host);
        let setup = setup(&topology, &local, (anchors, services), options.seed);
        let pipeline = Arc::new(Pipeline::new(ports, setup));
        let (plane, writers) = calls::plane(&topology, &local, &pipeline, &pki, &options)?;
        let desk = calls::desk(&topology)?;
        let (relays, relay_keys) = lines::relays(&topology, &pki, &trust, &bound, (&plane, &desk))?;
        let tap = calls::tap(&topology, &options);
        let after = pipeline.restore().await?;
        let after = pipeline.recover(after, recovery.end).await;
        let mut gateway = Self {
            topology,
            pipeline,
            plane,
            host,
            listening: listening(&local, &bound, &health),
            operator,
            public: public.as_ref().map(|(_, address)| *address),
            recovery,
            pki,
            trust,
            clock,
            tap,
            link_conditions,
            keys: keys.values().cloned().chain(relay_keys).collect(),
            doors: TaskTracker::new(),
            workers: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let flows = gateway.start_flows(&bound, &options)?;
        gateway.start_workers(after);
        calls::start_writers(writers).map_err(StartError::Data)?;
        gateway.open_doors(bound, &keys, (relays, desk))?;
        gateway.serve_health(health, &keys);
        gateway.serve_public(public);
        gateway.start_tap();
        gateway.follow_catalogues();
        gateway.serve_operator(operator_listener, options.data, flows);
        Ok(gateway)
    }

    /// Stops intake, lets what is under way finish until the drain deadline, closes the journal.
    pub async fn stop(self) {
        self.pipeline.drain();
        self.stop.cancel();
        self.doors.close();
        let deadline =
            self.clock.now().plus(Duration::from_millis(self.topology.limits.drain_timeout_ms));
        if self.clock.timeout_at(deadline, self.doors.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        self.pipeline.ports().journal().close().await;
        for platform in self.plane.platforms() {
            let head = platform.evidence.head();
            platform.evidence.close();
            if platform.evidence.flushed(head.number).await.is_err() {
                tracing::error!(platform = %platform.name, "the last evidence was not written");
            }
        }
        self.workers.close();
        if self
            .clock
            .timeout_at(self.clock.now().plus(Duration::from_secs(5)), self.workers.wait())
            .await
            .is_err()
        {
            tracing::warn!("some work did not end in time");
        }
    }

    /// Deliveries that wait for neighbours, on all platforms of this process.
    pub fn under_way(&self) -> usize {
        self.pipeline
            .platforms()
            .iter()
            .map(|platform| platform.post.lock().tracking.depths().0)
            .sum()
    }

    /// Reads certificates and revocation lists again. What failed stays as it was and is returned.
    pub fn reload(&self) -> Vec<TlsLoadError> {
        tls::reload_all(&self.trust, &self.keys, self.clock.now())
    }

    /// Ends with the process.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// The operator's API ends with the doors.
    fn serve_operator(&self, listener: TcpListener, data: PathBuf, flows: mpsc::Sender<Order>) {
        let kinds = |of: &Listening| {
            [
                (topology::ListenerKind::Mtls, of.mtls),
                (topology::ListenerKind::Tls, of.tls),
                (topology::ListenerKind::Local, of.local),
            ]
        };
        let listens = self.listening.iter().flat_map(|of| {
            kinds(of).into_iter().filter_map(|(kind, address)| {
                Some(Listens { platform: of.platform, kind, address: address? })
            })
        });
        let operated = Operated {
            pipeline: Arc::clone(&self.pipeline),
            plane: Arc::clone(&self.plane),
            host: Arc::clone(&self.host),
            tap: self.tap.clone(),
            topology: Arc::clone(&self.topology),
            pki: self.pki.clone(),
            trust: Arc::clone(&self.trust),
            keys: self.keys.clone(),
            link_conditions: self.link_conditions.clone(),
            listens: listens.collect(),
            recovery: self.recovery.clone(),
            data,
            started_at: self.clock.now(),
            flows,
        };
        self.doors.spawn(operator::serve(listener, Arc::new(operated), self.stop.clone()));
    }

    fn start_workers(&self, after: crate::journal::Seq) {
        let pipeline = Arc::clone(&self.pipeline);
        self.workers.spawn(async move { pipeline.route(after).await });
        let routes = Arc::clone(&self.pipeline.routes());
        for place in 0..self.pipeline.platforms().len() {
            let Some(ix) = self.pipeline.platforms().get(place).map(|platform| platform.ix) else {
                continue;
            };
            for peer in routes.neighbours(ix) {
                let (pipeline, stop) = (Arc::clone(&self.pipeline), self.stop.clone());
                self.workers.spawn(async move {
                    if let Some(platform) = pipeline.platform(ix) {
                        stop.run_until_cancelled(pipeline.deliver(platform, peer)).await;
                    }
                });
            }
            if routes.parent(ix).is_some_and(|parent| self.pipeline.platform(parent).is_none()) {
                let (pipeline, stop) = (Arc::clone(&self.pipeline), self.stop.clone());
                self.workers.spawn(async move {
                    if let Some(platform) = pipeline.platform(ix) {
                        stop.run_until_cancelled(pipeline.follow_directory(platform)).await;
                    }
                });
            }
        }
        self.start_timers();
    }

    /// Certificates and revocation lists by their files; unread inboxes and the calendar by the hour.
    fn start_timers(&self) {
        let (trust, keys, clock, stop) = (
            Arc::clone(&self.trust),
            self.keys.clone(),
            Arc::clone(&self.clock),
            self.stop.clone(),
        );
        let every = Duration::from_millis(self.topology.limits.revocation_check_ms);
        self.workers.spawn(async move {
            let watch = async {
                loop {
                    clock.sleep_until(clock.now().plus(every)).await;
                    reload_touched(&trust, &keys, clock.now());
                }
            };
            stop.run_until_cancelled(watch).await;
        });
        let (pipeline, clock, stop) =
            (Arc::clone(&self.pipeline), Arc::clone(&self.clock), self.stop.clone());
        let follows_calendar = self.topology.on.is_none();
        self.workers.spawn(async move {
            let watch = async {
                loop {
                    clock.sleep_until(clock.now().plus(EXPIRY_EVERY)).await;
                    pipeline.expire_unread().await;
                    if follows_calendar {
                        pipeline.follow_calendar();
                    }
                }
            };
            stop.run_until_cancelled(watch).await;
        });
    }

    /// At the TLS port of a security server its systems need no certificate, if they are set so.
    fn near(&self, platform: PlatformIx, kind: ListenerKind) -> Option<Near> {
        let server = self.topology.platform(platform)?;
        let believes = server.kind == topology::PlatformKind::Ss && kind == ListenerKind::Tls;
        believes.then(|| lines::near(server))
    }

    fn open_doors(
        &mut self,
        bound: Vec<Bound>,
        keys: &BTreeMap<PlatformIx, Arc<Tls>>,
        (mut relays, desk): (lines::Relays, Arc<Desk>),
    ) -> Result<(), StartError> {
        let members = Arc::new(self.topology.members.clone());
        for door in bound {
            let Some(tls) = keys.get(&door.platform) else { continue };
            let kind = match door.kind {
                topology::ListenerKind::Mtls => ListenerKind::Mtls,
                topology::ListenerKind::Tls => ListenerKind::Tls,
                topology::ListenerKind::Local => {
                    if let Some(relay) = relays.remove(&door.platform) {
                        let served =
                            relay::serve(door.listener, Arc::new(relay), self.stop.clone());
                        self.doors.spawn(served);
                    }
                    continue;
                }
            };
            let served = Door {
                pipeline: Arc::clone(&self.pipeline),
                plane: Arc::clone(&self.plane),
                xroad: self.topology.xroad,
                desk: Arc::clone(&desk),
                platform: door.platform,
                tls: server(tls, kind)?,
                members: Arc::clone(&members),
                limits: settings::door(&self.topology.limits),
                near: self.near(door.platform, kind),
            };
            self.doors.spawn(ingress::serve(door.listener, Arc::new(served), self.stop.clone()));
        }
        Ok(())
    }
}

fn server(tls: &Arc<Tls>, kind: ListenerKind) -> Result<TlsServer, TlsLoadError> {
    tls.server(kind, Alpn::Both)
}

fn reload_touched(trust: &Trust, keys: &[Arc<Tls>], now: Timestamp) {
    let mut failed = Vec::new();
    failed.extend(trust.reload_if_touched(now).err());
    failed.extend(keys.iter().filter_map(|key| key.reload_if_touched().err()));
    for error in failed {
        tracing::warn!(%error, "a certificate file cannot be used; the former one stays in force");
    }
}

fn local_platforms(topology: &Topology, only: &[String]) -> Result<Vec<PlatformIx>, StartError> {
    if let Some(unknown) = only.iter().find(|name| topology.platform_named(name).is_none()) {
        return Err(StartError::UnknownPlatform(unknown.clone()));
    }
    let is_wanted = |name: &str| only.is_empty() || only.iter().any(|wanted| wanted == name);
    Ok(topology.platforms.iter().filter(|p| p.active && is_wanted(&p.name)).map(|p| p.ix).collect())
}

/// `all`, or the names of the platforms that run here: one journal per process.
fn process_name(only: &[String]) -> String {
    if only.is_empty() { "all".to_owned() } else { only.join("+") }
}

fn init_pki(pki: &Pki, topology: &Topology, now: Timestamp) -> Result<(), StartError> {
    let mut platforms = Vec::new();
    for platform in topology.platforms.iter().filter(|p| p.active) {
        let mut addresses = Vec::new();
        if let Ok(ip) = platform.address.parse::<IpAddr>() {
            addresses.push(ServerAddress::Ip(ip));
        }
        platforms
            .push(crate::pki::Platform { name: PlatformName::new(&platform.name)?, addresses });
    }
    let members: Vec<MemberId> = topology
        .members
        .iter()
        .map(|member| MemberId::parse(&member.id))
        .chain(calls::signing_owners(topology).cloned().map(Ok))
        .collect::<Result<_, _>>()?;
    pki.init(&platforms, &members, now)?;
    Ok(())
}

async fn bind(
    topology: &Topology,
    local: &[PlatformIx],
    any_port: bool,
) -> Result<Vec<Bound>, StartError> {
    let mut bound = Vec::new();
    for ix in local {
        let Some(platform) = topology.platform(*ix) else { continue };
        let address: IpAddr = platform
            .address
            .parse()
            .map_err(|_invalid| StartError::BadAddress(platform.address.to_string()))?;
        for listener in &platform.listeners {
            let ip =
                if listener.kind == topology::ListenerKind::Local && !platform.is_beyond_loopback {
                    IpAddr::V4(Ipv4Addr::LOCALHOST)
                } else {
                    address
                };
            let port = if any_port { 0 } else { listener.port };
            let failed =
                |source| StartError::Bind { platform: platform.name.to_string(), port, source };
            let socket = TcpListener::bind((ip, port)).await.map_err(failed)?;
            let address = socket.local_addr().map_err(failed)?;
            bound.push(Bound { platform: *ix, kind: listener.kind, listener: socket, address });
        }
    }
    Ok(bound)
}

fn listening(
    local: &[PlatformIx],
    bound: &[Bound],
    health: &[health::HealthPort],
) -> Vec<Listening> {
    let at = |platform: PlatformIx, kind| {
        bound.iter().find(|b| b.platform == platform && b.kind == kind).map(|b| b.address)
    };
    local
        .iter()
        .map(|&platform| Listening {
            platform,
            mtls: at(platform, topology::ListenerKind::Mtls),
            tls: at(platform, topology::ListenerKind::Tls),
            local: at(platform, topology::ListenerKind::Local),
            health: health.iter().find(|port| port.platform == platform).map(|port| port.address),
        })
        .collect()
}

fn setup(
    topology: &Topology,
    local: &[PlatformIx],
    (anchors, services): (Anchors, Services),
    seed: u64,
) -> Setup {
    let carried =
        local.iter().filter_map(|ix| topology.platform(*ix)).filter(|platform| platform.carries());
    Setup {
        limits: settings::pipeline(topology),
        rules: settings::rules(topology),
        signature_policy: settings::signature_policy(topology),
        anchors,
        directory: Arc::new(Directory::clone(&topology.directory)),
        routes: Arc::new(topology.routes.clone()),
        services,
        platforms: carried.map(|platform| (platform.ix, platform.conditions)).collect(),
        seed,
    }
}

/// How often unread inboxes and the calendar are looked at.
const EXPIRY_EVERY: Duration = Duration::from_secs(60);
