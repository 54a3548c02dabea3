//! Assembly of the health ports of security servers.

use super::{Gateway, StartError, lines, settings};
use crate::domain::routing::PlatformIx;
use crate::ingress::health::{self, HealthCheck};
use crate::tls::Tls;
use crate::topology::{Platform, Topology};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// A bound health port, not yet served.
pub(super) struct HealthPort {
    pub(super) platform: PlatformIx,
    listener: TcpListener,
    pub(super) address: SocketAddr,
}

/// Binds those that the topology has on.
pub(super) async fn bind(
    topology: &Topology,
    local: &[PlatformIx],
    any_port: bool,
) -> Result<Vec<HealthPort>, StartError> {
    let mut bound = Vec::new();
    for server in local.iter().filter_map(|ix| topology.platform(*ix)) {
        let Some(port) = server.health_port else { continue };
        let port = if any_port { 0 } else { port };
        let failed = |source| StartError::Bind { platform: server.name.to_string(), port, source };
        let listener = TcpListener::bind((host(server)?, port)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        bound.push(HealthPort { platform: server.ix, listener, address });
    }
    Ok(bound)
}

/// Where the plain port is.
fn host(server: &Platform) -> Result<IpAddr, StartError> {
    if !server.is_beyond_loopback {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    server.address.parse().map_err(|_invalid| StartError::BadAddress(server.address.to_string()))
}

impl Gateway {
    pub(super) fn serve_health(
        &self,
        ports: Vec<HealthPort>,
        keys: &BTreeMap<PlatformIx, Arc<Tls>>,
    ) {
        for port in ports {
            let server = self.topology.platform(port.platform);
            let Some((server, key)) = server.zip(keys.get(&port.platform)) else { continue };
            let check = HealthCheck {
                plane: Arc::clone(&self.plane),
                server: server.ix,
                key: Arc::clone(key),
                near: lines::near(server),
                limits: settings::http1(&self.topology.limits),
            };
            let served = health::serve(port.listener, Arc::new(check), self.stop.clone());
            self.doors.spawn(served);
        }
    }
}
