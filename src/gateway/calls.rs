//! Assembly of the call plane: services out of the topology, the simulated systems, the roads, the evidence.

use super::lines::{conditions_of, mtls_address};
use super::{LiveCallPlane, LivePipeline, LivePorts, Options, StartError, process_name, settings};
use crate::clock::SystemClock;
use crate::domain;
use crate::domain::conditions::LinkConditions;
use crate::domain::member_id::MemberId;
use crate::domain::routing::PlatformIx;
use crate::domain::service::{Service, ServiceKind, Services, Target};
use crate::egress::LinkId;
use crate::egress::call::{CallLinks, Outside};
use crate::evidence::{Evidence, Signer, Trust, Writer};
use crate::ingress::wso2::{
    Application, ApplicationKey, Applications, Desk, KeyKind, Quota, Secret,
};
use crate::observe::{self, Tap};
use crate::pipeline::call::{CallPlane, CallPorts};
use crate::pki::seal::Seal;
use crate::pki::{Holder, Pki, PlatformName};
use crate::providers::host::{Host, RecordingLimits};
use crate::providers::population::{Date, Population, PopulationError};
use crate::providers::{self, Kind};
use crate::signature::{self, Anchors};
use crate::tls::{Alpn, Tls};
use crate::topology::{PlatformKind, ServiceEntry, Topology};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

impl CallPorts for LivePorts {
    type Road = CallLinks;

    fn road(&self) -> &CallLinks {
        &self.roads
    }
}

/// The simulated systems. All of them know the same agencies and, by the same seed, the same people.
pub(super) fn host(
    topology: &Topology,
    clock: &Arc<SystemClock>,
    (pki, anchors): (&Pki, &Anchors),
    options: &Options,
) -> Result<Arc<Host>, StartError> {
    let directory = &topology.directory;
    let agencies: Vec<(String, String)> = directory
        .roots()
        .into_iter()
        .map(|id| directory.agency(id))
        .map(|agency| (agency.code.wire(), agency.name_vi.to_string()))
        .collect();
    let today = directory.today();
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    let year = u16::try_from(today.year()).unwrap_or_default();
    let on = Date::new(year, part(today.month()), part(today.day()));
    let on = on.ok_or(PopulationError::Day)?;
    let population =
        Population::new(topology.simulated.population_seed, topology.simulated.population, on)?;
    let population = Arc::new(population);
    let seed = topology.simulated.population_seed;
    let tax = match signing_owners(topology).next() {
        Some(owner) => {
            let bundle = pki.bundle(&Holder::Member(owner.clone()));
            let read = |path: &Path| std::fs::read(path).map_err(StartError::Data);
            Some((
                anchors.clone(),
                signature::Signer::from_pem(&read(&bundle.key)?, &read(&bundle.chain)?)?,
            ))
        }
        None => None,
    };
    let recordings = options.data.join("recordings").join(process_name(&options.only));
    let limits = RecordingLimits {
        exchanges_max: topology.limits.recordings_max,
        bytes_max: topology.limits.recordings_bytes_max,
    };
    let systems = providers::all(seed, &agencies, &population, tax)?;
    let host = Host::new(
        Arc::clone(clock),
        systems,
        PROVIDER_BODY_BYTES_MAX,
        topology.simulated.office_pace,
        population,
        (&recordings, limits),
    );
    let host = host.map_err(StartError::Data)?;
    let host = host.with_behaviours(&topology.behaviours);
    Ok(Arc::new(host.with_rules(topology.rules.clone())))
}

/// Those whose simulated systems sign what they answer: they need a certificate, though they connect to nobody.
pub(super) fn signing_owners(topology: &Topology) -> impl Iterator<Item = &MemberId> {
    let signing = topology.services.iter().filter(|entry| signs(&entry.provider));
    let mut owners: Vec<&MemberId> = signing.map(|entry| entry.id.owner()).collect();
    // Services are in the order of their ids: those of one owner stand together.
    owners.dedup();
    owners.into_iter()
}

fn signs(provider: &str) -> bool {
    use providers::thue::{land, signed};
    [signed::CODE, land::SLIP, land::NOTICE].contains(&provider)
}

/// What a simulated system reads of one request.
const PROVIDER_BODY_BYTES_MAX: usize = 16 << 20;

/// What the gateways share.
pub(super) fn desk(topology: &Topology) -> Result<Arc<Desk>, StartError> {
    let recheck = Duration::from_millis(topology.limits.token_recheck_ms);
    Ok(Arc::new(Desk::new(applications(topology)?, recheck)))
}

/// The applications of the gateways.
fn applications(topology: &Topology) -> Result<Applications, StartError> {
    let mut applications = Applications::default();
    for entry in &topology.applications {
        let quota = entry.calls_per_minute.map(|requests| Quota { requests, per_ms: 60_000 });
        let key = |kind, key: &str, secret: &domain::directory::Secret| ApplicationKey {
            kind,
            consumer_key: key.to_owned(),
            consumer_secret: Secret::new(&String::from_utf8_lossy(secret.expose())),
            quota,
        };
        applications.add(Application {
            name: entry.name.clone(),
            member: entry.member.clone(),
            keys: vec![key(
                if entry.is_sandbox { KeyKind::Sandbox } else { KeyKind::Production },
                &entry.key,
                &entry.secret,
            )],
        })?;
    }
    Ok(applications)
}

/// What the topology offers, with what each simulated system says of itself.
pub(super) fn services(topology: &Topology, host: &Host) -> Services {
    let mut services = Services::new(topology.groups.clone());
    for entry in &topology.services {
        services.put(service(topology, entry, host));
    }
    services
}

fn service(topology: &Topology, entry: &ServiceEntry, host: &Host) -> Service {
    let description = host.description(&entry.provider);
    let (kind, text) = match description.map(|description| description.kind) {
        Some(Kind::OpenApi(text)) => (ServiceKind::OpenApi, text),
        Some(Kind::Wsdl(text)) => (ServiceKind::Soap, text),
        None => (ServiceKind::Rest, ""),
    };
    let said = |of: fn(&providers::Description) -> &'static str| {
        description.map_or_else(|| entry.id.code(), of).to_owned()
    };
    let limits = &topology.limits;
    let timeout = u32::try_from(limits.call_timeout_ms).unwrap_or(u32::MAX);
    Service {
        version: description.map_or("1.0", |description| description.version).to_owned(),
        title_vi: said(|description| description.title_vi),
        title_en: said(|description| description.title_en),
        kind,
        state: entry.state,
        way: entry.way,
        home: entry.platform,
        target: entry.target.clone().unwrap_or_else(|| Target::Simulated(entry.provider.clone())),
        timeout_ms: entry.timeout_ms.unwrap_or(timeout),
        calls_max: entry.calls_max.unwrap_or(limits.calls_per_provider_max),
        body_bytes_max: entry.body_bytes_max.unwrap_or(limits.call_body_bytes_max),
        description: text.into(),
        rights: entry.rights.clone(),
        is_changed: false,
        id: entry.id.clone(),
    }
}

/// The tap of this process.
pub(super) fn tap(topology: &Topology, options: &Options) -> Option<Arc<Tap>> {
    let entry = topology.ndop.as_ref()?;
    let settings = observe::Settings {
        service: entry.service.to_string(),
        every: Duration::from_millis(entry.every_ms),
        batch_max: entry.batch_max,
    };
    Some(Arc::new(Tap::new(settings, &options.data.join("evidence"))))
}

impl super::Gateway {
    /// Follows the services of every platform of other processes, each by a task: one that does not answer holds up
    /// no other.
    pub(super) fn follow_catalogues(&self) {
        let is_axis = |ix| self.topology.platform(ix).is_some_and(|p| p.kind == PlatformKind::Axis);
        let here = || self.plane.platforms().iter().map(|platform| platform.ix);
        let Some(from) = here().find(|ix| !is_axis(*ix)).or_else(|| here().next()) else { return };
        for platform in self.topology.platforms.iter().filter(|platform| platform.active) {
            let home = platform.ix;
            if self.plane.platform(home).is_some() {
                continue;
            }
            let (plane, stop) = (Arc::clone(&self.plane), self.stop.clone());
            self.workers.spawn(async move {
                stop.run_until_cancelled(plane.follow_catalogue(from, home)).await;
            });
        }
    }

    /// A task per platform, so that one that cannot report holds up no other. They end with the doors: what is given
    /// up then still finds the evidence open.
    pub(super) fn start_tap(&self) {
        let Some(tap) = &self.tap else { return };
        for ix in self.plane.platforms().iter().map(|platform| platform.ix) {
            let (tap, plane) = (Arc::clone(tap), Arc::clone(&self.plane));
            let stop = self.stop.clone();
            self.doors.spawn(async move {
                if let Some(at) = plane.platform(ix) {
                    stop.run_until_cancelled(tap.run(&plane, at)).await;
                }
            });
        }
    }
}

type Conditions = BTreeMap<PlatformIx, Arc<Mutex<LinkConditions>>>;

/// Roads from every platform of this process to every other: along the tree for calls of the central half,
/// straight for those of the distributed one.
pub(super) fn roads(
    topology: &Topology,
    local: &[PlatformIx],
    keys: &BTreeMap<PlatformIx, Arc<Tls>>,
    bound: &[super::Bound],
    conditions: &Conditions,
    (clock, host): (&Arc<SystemClock>, &Arc<Host>),
) -> Result<CallLinks, StartError> {
    let limits = &topology.limits;
    let mut clients = BTreeMap::new();
    for (ix, key) in keys {
        clients.insert(*ix, key.client(None, Alpn::Http1)?);
    }
    let stall = Duration::from_millis(limits.call_timeout_ms);
    let idle = Duration::from_millis(limits.provider_idle_ms);
    let outside = Outside::new(Arc::clone(clock), clients, (stall, idle));
    let simulated = Arc::clone(host);
    let observed =
        |entry: &&ServiceEntry| topology.ndop.as_ref().is_some_and(|n| n.service == entry.id);
    let ndop = topology.services.iter().find(observed).map(|entry| entry.platform);
    let mut roads =
        CallLinks::new(Arc::clone(clock), simulated, outside, limits.call_buffer_bytes_max);
    for &from in local {
        for to in topology.platforms.iter().filter(|to| to.active && to.ix != from) {
            let Some(key) = keys.get(&from) else { continue };
            let is_axis = topology.platform(from).is_some_and(|p| p.kind == PlatformKind::Axis);
            // The axis makes no calls; it reports its documents, and asks other processes for their services.
            if is_axis && ndop != Some(to.ix) && local.contains(&to.ix) {
                continue;
            }
            let address = mtls_address(to, bound)?;
            let shared = conditions_of(topology, conditions, from, to.ix);
            roads.add(
                LinkId { from, to: to.ix },
                key,
                PlatformName::new(&to.name)?,
                address,
                shared,
            )?;
        }
    }
    Ok(roads)
}

struct PlatformSeal {
    seal: Seal,
    pki: Pki,
}

impl Signer for PlatformSeal {
    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.seal.sign(bytes)
    }

    fn key_id(&self) -> String {
        self.seal.key_id()
    }

    fn certificate(&self) -> Vec<u8> {
        self.seal.certificate().to_vec()
    }

    fn trust(&self) -> std::io::Result<Trust> {
        let (anchors, between, revoked) = self.pki.trusted()?;
        Ok(Trust { anchors, between, revoked })
    }
}

/// The evidence of each platform.
type Logs = Vec<(PlatformIx, Evidence)>;

/// One log per platform of this process, and the writers that are to be run.
pub(super) fn evidence(
    topology: &Topology,
    local: &[PlatformIx],
    pki: &Pki,
    folder: &Path,
    accept_loss: bool,
) -> Result<(Logs, Vec<Writer>), StartError> {
    let (mut logs, mut writers) = (Vec::new(), Vec::new());
    for ix in local {
        let Some(platform) = topology.platform(*ix) else { continue };
        let own = folder.join(&*platform.name);
        let holder = Holder::Platform(PlatformName::new(&platform.name)?);
        let seal = Seal::open(&pki.bundle(&holder), &own)?;
        let seal = PlatformSeal { seal, pki: pki.clone() };
        let settings = settings::evidence(&topology.limits, &platform.name, accept_loss);
        let (evidence, writer, opened) = Evidence::open(&own, settings, Box::new(seal))?;
        if opened.cut_bytes > 0 {
            tracing::warn!(platform = %platform.name, bytes = opened.cut_bytes, "the last record of evidence was torn and is cut");
        }
        if let Some(broken) = &opened.broken {
            tracing::error!(platform = %platform.name, ?broken, "the evidence is damaged; a new file goes on after the break");
        }
        logs.push((*ix, evidence));
        writers.push(writer);
    }
    Ok((logs, writers))
}

pub(super) fn plane(
    topology: &Topology,
    local: &[PlatformIx],
    pipeline: &Arc<LivePipeline>,
    pki: &Pki,
    options: &Options,
) -> Result<(Arc<LiveCallPlane>, Vec<Writer>), StartError> {
    let folder = options.data.join("evidence");
    let (logs, writers) = evidence(topology, local, pki, &folder, options.accept_loss)?;
    let platforms = logs.into_iter().filter_map(|(ix, evidence)| {
        topology.platform(ix).map(|platform| (ix, platform.conditions, evidence))
    });
    let plane = CallPlane::new(
        Arc::clone(pipeline),
        settings::calls(&topology.limits),
        (Arc::clone(&topology.instance), Arc::new(topology.members.clone())),
        topology.call_routes.clone(),
        platforms.collect(),
    );
    Ok((Arc::new(plane), writers))
}

pub(super) fn start_writers(writers: Vec<Writer>) -> Result<(), std::io::Error> {
    for writer in writers {
        std::thread::Builder::new().name("evidence".to_owned()).spawn(move || {
            if let Err(error) = writer.run() {
                tracing::error!(%error, "evidence can no longer be written; calls are refused from now on");
            }
        })?;
    }
    Ok(())
}
