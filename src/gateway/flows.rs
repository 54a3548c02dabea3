//! Assembly of whoever runs flows in the background.

use super::{Bound, Options, StartError, lines};
use crate::actors::Ground;
use crate::actors::flows::Runner;
use crate::story::flows::Folder;
use crate::story::order::Order;
use crate::topology::PlatformKind;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;

impl super::Gateway {
    /// Reaches every platform whose address is known, whether it runs here or elsewhere. Ends with the doors.
    pub(super) fn start_flows(
        &self,
        bound: &[Bound],
        options: &Options,
    ) -> Result<mpsc::Sender<Order>, StartError> {
        let topology = &self.topology;
        let mut doors = BTreeMap::new();
        let takes_members = |kind| matches!(kind, PlatformKind::Lgsp | PlatformKind::Axis);
        for platform in topology.platforms.iter().filter(|p| p.active && takes_members(p.kind)) {
            let address = lines::mtls_address(platform, bound)?;
            if address.port() != 0 {
                doors.insert(platform.ix, address);
            }
        }
        let ground = Ground {
            topology: Arc::clone(topology),
            doors,
            pki: self.pki.clone(),
            trust: Arc::clone(&self.trust),
            clock: Arc::clone(&self.clock),
        };
        let folder = Folder::below(&options.data);
        let flows_max = topology.limits.flows_max;
        let population = Arc::clone(self.host.population());
        let runner = Runner::new(ground, folder, population, flows_max, options.seed);
        let (orders, taken) = mpsc::channel(flows_max);
        self.doors.spawn(runner.serve(taken, self.stop.clone()));
        Ok(orders)
    }
}
