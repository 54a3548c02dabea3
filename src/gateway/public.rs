//! The two doors of a process that are no platform's: the operator's and the public one. Both on loopback only.

use super::{StartError, settings};
use crate::ingress::public::Public;
use crate::topology::Topology;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// `is_any` takes any free port, as when several processes share a topology.
pub(super) async fn bind_operator(
    topology: &Topology,
    is_any: bool,
) -> Result<(TcpListener, SocketAddr), StartError> {
    bound("operator", if is_any { 0 } else { topology.operator_port }).await
}

async fn bound(name: &str, port: u16) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { platform: name.to_owned(), port, source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// As `bind_operator`; none when the topology has no such door.
pub(super) async fn bind(
    topology: &Topology,
    is_any: bool,
) -> Result<Option<(TcpListener, SocketAddr)>, StartError> {
    let Some(port) = topology.public_port else { return Ok(None) };
    bound("public", if is_any { 0 } else { port }).await.map(Some)
}

impl super::Gateway {
    pub(super) fn serve_public(&self, bound: Option<(TcpListener, SocketAddr)>) {
        let Some((listener, address)) = bound else { return };
        let world = (Arc::clone(&self.plane), Arc::clone(&self.clock));
        let limits = settings::public(&self.topology.limits);
        if let Some(door) = Public::new(world, &self.topology.instance, address, limits) {
            self.doors.spawn(Arc::new(door).serve(listener, self.stop.clone()));
        }
    }
}
