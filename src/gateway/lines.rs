//! Assembly of the lines between platforms: their conditions, the links of documents, and the security servers.

use super::{Bound, LiveCallPlane, LivePorts, StartError, settings};
use crate::clock::SystemClock;
use crate::domain::conditions::LinkConditions;
use crate::domain::routing::PlatformIx;
use crate::egress::LinkId;
use crate::egress::link::Links;
use crate::ingress::CallFaces;
use crate::ingress::network::Near;
use crate::ingress::relay::{Relay, Way};
use crate::ingress::wso2::Desk;
use crate::pki::{Holder, MemberId, Pki, PlatformName};
use crate::tls::{Alpn, Tls, Trust};
use crate::topology::{self, Topology};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

pub(super) fn conditions(topology: &Topology) -> BTreeMap<PlatformIx, Arc<Mutex<LinkConditions>>> {
    topology
        .platforms
        .iter()
        .filter(|p| p.parent.is_some() || topology.call_routes.parent(p.ix).is_some())
        .map(|p| (p.ix, Arc::new(Mutex::new(p.link))))
        .collect()
}

pub(super) fn links(
    topology: &Topology,
    local: &[PlatformIx],
    keys: &BTreeMap<PlatformIx, Arc<Tls>>,
    bound: &[Bound],
    conditions: &BTreeMap<PlatformIx, Arc<Mutex<LinkConditions>>>,
    clock: &Arc<SystemClock>,
) -> Result<Links, StartError> {
    let mut links = Links::new(Arc::clone(clock));
    for &from in local {
        for to in topology.routes.neighbours(from) {
            let (Some(key), Some(peer)) = (keys.get(&from), topology.platform(to)) else {
                continue;
            };
            let shared = conditions_of(topology, conditions, from, to);
            let address = mtls_address(peer, bound)?;
            links.add(LinkId { from, to }, key, PlatformName::new(&peer.name)?, address, shared)?;
        }
    }
    Ok(links)
}

/// Where a platform takes mutual TLS: in this process if it runs here, else where the topology says.
pub(super) fn mtls_address(
    platform: &topology::Platform,
    bound: &[Bound],
) -> Result<SocketAddr, StartError> {
    let mtls = topology::ListenerKind::Mtls;
    if let Some(here) = bound.iter().find(|b| b.platform == platform.ix && b.kind == mtls) {
        return Ok(here.address);
    }
    let ip: IpAddr = platform
        .address
        .parse()
        .map_err(|_invalid| StartError::BadAddress(platform.address.to_string()))?;
    Ok(SocketAddr::new(ip, platform.port(mtls).unwrap_or_default()))
}

pub(super) type Relays = BTreeMap<PlatformIx, Relay<LivePorts>>;

/// The security servers that run here, and the members' keys that they hold.
pub(super) fn relays(
    topology: &Topology,
    pki: &Pki,
    trust: &Arc<Trust>,
    bound: &[Bound],
    (plane, desk): (&Arc<LiveCallPlane>, &Arc<Desk>),
) -> Result<(Relays, Vec<Arc<Tls>>), StartError> {
    let (mut relays, mut keys) = (Relays::new(), Vec::new());
    for door in bound.iter().filter(|b| b.kind == topology::ListenerKind::Local) {
        let Some(server) = topology.platform(door.platform) else { continue };
        let Some(above) = server.parent.and_then(|parent| topology.platform(parent)) else {
            continue;
        };
        let address = mtls_address(above, bound)?;
        let mut ways = Vec::new();
        for member in topology.members.iter() {
            if member.security_server != Some(server.ix) {
                continue;
            }
            let holder = Holder::Member(MemberId::parse(&member.id)?);
            let key = Tls::load(trust, pki.bundle(&holder).into())?;
            let client = key.client(Some(PlatformName::new(&above.name)?), Alpn::Http1)?;
            keys.push(key);
            ways.push(Way::new(Arc::clone(member), client, address));
        }
        if server.is_beyond_loopback {
            tracing::warn!(server = %server.name, address = %door.address, "a plain port is open to other machines");
        }
        let relay = Relay {
            name: Arc::clone(&server.name),
            clock: Arc::clone(&plane.pipeline.ports().clock),
            calls: CallFaces::plain(Arc::clone(plane), server.ix, topology.xroad, Arc::clone(desk)),
            ways,
            limits: settings::relay(&topology.limits),
            near: near(server),
        };
        relays.insert(server.ix, relay);
    }
    Ok((relays, keys))
}

/// Whose systems may use the ports of a security server that believe without a certificate.
pub(super) fn near(server: &topology::Platform) -> Near {
    let allow = if server.is_beyond_loopback { server.allow.clone() } else { Vec::new() };
    Near { allow }
}

/// A platform has one line to all that is not below it: to its parent, to NDXP, and straight to other security
/// servers. What lies on it meets documents and calls alike.
pub(super) fn conditions_of(
    topology: &Topology,
    conditions: &BTreeMap<PlatformIx, Arc<Mutex<LinkConditions>>>,
    from: PlatformIx,
    to: PlatformIx,
) -> Arc<Mutex<LinkConditions>> {
    let is_below = |child: PlatformIx, above: PlatformIx| {
        let parent = topology.platform(child).and_then(|platform| platform.parent);
        parent == Some(above) || topology.call_routes.parent(child) == Some(above)
    };
    let line = if is_below(to, from) { to } else { from };
    conditions.get(&line).cloned().unwrap_or_default()
}
