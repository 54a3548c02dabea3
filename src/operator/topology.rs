//! Who is there: platforms with their links, and members.

use super::status::since_epoch;
use super::{Operated, State, VERSION};
use crate::domain::conditions::{LinkConditions, PlatformConditions};
use crate::domain::directory::{Member, MemberKind};
use crate::domain::envelope::Kind;
use crate::domain::routing::PlatformIx;
use crate::pipeline::call::CallPorts;
use crate::pipeline::{Counters, Platform, Way};
use crate::topology;
use axum::Json;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TopologyAnswer {
    pub version: u32,
    pub name: String,
    /// The first part of every member's id.
    #[schema(example = "VN")]
    pub instance: String,
    pub platforms: Vec<PlatformView>,
}

/// A platform (nền tảng): an LGSP, the national document axis (trục liên thông), NDXP, a security server.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlatformView {
    pub name: String,
    /// `lgsp`, `axis`, `ndxp` or `ss` (máy chủ bảo mật).
    #[schema(example = "lgsp")]
    pub kind: &'static str,
    pub name_vi: String,
    pub name_en: String,
    /// The platform above it.
    pub parent: Option<String>,
    /// False: it exists in name only.
    pub active: bool,
    /// It runs in this process; only then `counters`, `conditions` and `links` are told.
    pub here: bool,
    /// Where it is reached when it runs elsewhere.
    pub address: String,
    /// Agencies homed here, with all below them (mã định danh, canonical form).
    pub agencies: Vec<String>,
    pub members: usize,
    pub listeners: Vec<ListenerView>,
    /// What it can take; absent keys mean no limit.
    #[schema(value_type = Option<Object>)]
    pub conditions: Option<PlatformConditions>,
    /// Of its link to the platform above, both ways.
    #[schema(value_type = Option<Object>)]
    pub link_conditions: Option<LinkConditions>,
    /// From here to its neighbours.
    pub links: Vec<LiveLink>,
    pub counters: Option<CountersView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ListenerView {
    /// `mtls`, `tls` or `local`.
    pub kind: &'static str,
    /// Address and port; the port of the topology file when the platform runs elsewhere.
    #[schema(example = "127.0.0.1:7100")]
    pub address: String,
}

/// One direction of a link, as it is now.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct LiveLink {
    /// The neighbour.
    pub to: String,
    /// False when it does not answer.
    pub up: bool,
    /// When that last changed; absent while it never did.
    pub since: Option<String>,
    /// Why it is down: `LT-T…` (TLS), `LT-L…` (link).
    pub code: String,
    pub detail: String,
    /// Deliveries and reports that wait for it.
    pub waiting: usize,
}

/// Counts since the process began.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CountersView {
    pub accepted: u64,
    pub refused: u64,
    pub duplicates: u64,
    pub arrived: u64,
    pub handed_on: u64,
    pub confirmed: u64,
    pub hop_accepted: u64,
    pub attempts_failed: u64,
    pub status_messages: u64,
    pub body_bytes: u64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MembersAnswer {
    pub version: u32,
    pub members: Vec<MemberView>,
}

/// A system that connects with a certificate (hệ thống thành viên).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MemberView {
    /// The name in its certificate.
    #[schema(example = "VN:GOV:000.00.00.H60:qlvb")]
    pub id: String,
    pub platform: String,
    pub security_server: Option<String>,
    /// How it must connect there: `nossl`, `sslnoauth` or `sslauth`.
    pub connection: &'static str,
    /// Agencies it speaks for, with all below them.
    pub agencies: Vec<String>,
    /// Opaque, as issued; the secret is never shown.
    pub systemid: Option<String>,
    /// `virtual`: played by this process. `external`: a system outside.
    pub kind: &'static str,
}

/// Every platform of the topology, with what this process knows of it.
#[utoipa::path(get, path = "/api/v1/topology", tag = "topology",
    responses((status = 200, body = TopologyAnswer)))]
pub(super) async fn topology<P: CallPorts>(state: State<P>) -> Json<TopologyAnswer> {
    let operated = &state.operated;
    Json(TopologyAnswer {
        version: VERSION,
        name: operated.topology.name.to_string(),
        instance: operated.topology.instance.to_string(),
        platforms: operated.topology.platforms.iter().map(|p| view(operated, p)).collect(),
    })
}

/// Every member of the topology, and where it connects.
#[utoipa::path(get, path = "/api/v1/members", tag = "topology",
    responses((status = 200, body = MembersAnswer)))]
pub(super) async fn members<P: CallPorts>(state: State<P>) -> Json<MembersAnswer> {
    let topology = &state.operated.topology;
    let member = |member: &Member| MemberView {
        id: member.id.to_string(),
        platform: name_of(topology, Some(member.platform)).unwrap_or_default(),
        security_server: name_of(topology, member.security_server),
        connection: member.connection.as_str(),
        agencies: member.codes.iter().map(|code| code.as_str().to_owned()).collect(),
        systemid: member.systemid().map(ToString::to_string),
        kind: match member.kind {
            MemberKind::Virtual => "virtual",
            MemberKind::External => "external",
        },
    };
    let members = topology.members.iter().map(|one| member(one)).collect();
    Json(MembersAnswer { version: VERSION, members })
}

fn view<P: CallPorts>(operated: &Operated<P>, platform: &topology::Platform) -> PlatformView {
    let topology = &operated.topology;
    let live = operated.pipeline.platform(platform.ix);
    PlatformView {
        name: platform.name.to_string(),
        kind: platform.kind.as_str(),
        name_vi: platform.name_vi.to_string(),
        name_en: platform.name_en.to_string(),
        parent: name_of(topology, platform.parent),
        active: platform.active,
        here: live.is_some(),
        address: platform.address.to_string(),
        agencies: platform.roots.iter().map(|code| code.as_str().to_owned()).collect(),
        members: topology.members.iter().filter(|m| m.platform == platform.ix).count(),
        listeners: listeners(operated, platform),
        conditions: operated.plane.conditions(platform.ix),
        link_conditions: operated.link_conditions.get(&platform.ix).map(|link| *link.lock()),
        links: live.map(|live| live_links(operated, live)).unwrap_or_default(),
        counters: live.map(|live| counters(&live.counters)),
    }
}

fn listeners<P: CallPorts>(
    operated: &Operated<P>,
    platform: &topology::Platform,
) -> Vec<ListenerView> {
    let bound = |kind| {
        let is_it = |l: &&super::Listens| l.platform == platform.ix && l.kind == kind;
        operated.listens.iter().find(is_it).map(|l| l.address.to_string())
    };
    let view = |listener: &topology::Listener| ListenerView {
        kind: match listener.kind {
            topology::ListenerKind::Mtls => "mtls",
            topology::ListenerKind::Tls => "tls",
            topology::ListenerKind::Local => "local",
        },
        address: bound(listener.kind)
            .unwrap_or_else(|| format!("{}:{}", platform.address, listener.port)),
    };
    platform.listeners.iter().map(view).collect()
}

/// The links that leave a platform of this process.
pub(super) fn live_links<P: CallPorts>(
    operated: &Operated<P>,
    platform: &Platform,
) -> Vec<LiveLink> {
    let states = operated.pipeline.link_states(platform.ix);
    let routes = operated.pipeline.routes();
    let waiting: Vec<(PlatformIx, usize)> = {
        let bus = &platform.post.lock().bus;
        bus.neighbours().into_iter().map(|peer| (peer, bus.link_len(peer))).collect()
    };
    let link = |(peer, waiting): (PlatformIx, usize)| {
        let state = states.get(&peer).cloned().unwrap_or_default();
        LiveLink {
            to: routes.platform_name(peer).to_owned(),
            up: !state.is_down,
            since: since_epoch(state.since),
            code: state.code,
            detail: state.detail,
            waiting,
        }
    };
    waiting.into_iter().map(link).collect()
}

fn counters(counters: &Counters) -> CountersView {
    let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    CountersView {
        accepted: value(&counters.accepted),
        refused: value(&counters.refused),
        duplicates: value(&counters.duplicates),
        arrived: value(&counters.arrived),
        handed_on: value(&counters.handed_on),
        confirmed: value(&counters.confirmed),
        hop_accepted: value(&counters.hop_accepted),
        attempts_failed: value(&counters.retried),
        status_messages: status_messages(counters),
        body_bytes: value(&counters.bytes_in),
    }
}

/// Taken from members and neighbours.
pub(super) fn status_messages(counters: &Counters) -> u64 {
    let of = |way| counters.ways.read(way, Kind::Status);
    of(Way::FromMember) + of(Way::FromNeighbour)
}

fn name_of(topology: &topology::Topology, ix: Option<PlatformIx>) -> Option<String> {
    topology.platform(ix?).map(|platform| platform.name.to_string())
}
