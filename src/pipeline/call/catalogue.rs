//! Services across processes: changed at their home only, and followed by everybody else.
//!
//! Each process asks every platform of the others for its services and is answered when there is news. What was
//! heard is not journalled: a home that is not there to be asked again is not there to be called either.

use super::{CallPlane, CallPorts};
use crate::clock::Clock;
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::routing::PlatformIx;
use crate::domain::service::{
    CallFault, CataloguePage, Service, ServiceChanged, ServiceState, Trouble,
};
use crate::egress::call::CallBody;
use prost::Message;
use std::sync::Arc;
use std::time::Duration;

/// Where a platform tells others of its services.
pub const PATH: &str = "/call/catalogue";

/// How services are followed.
#[derive(Clone, Copy, Debug)]
pub struct CatalogueLimits {
    /// One answer holds so much of services, and at least one.
    pub page_bytes_max: usize,
    /// Of one home.
    pub services_max: usize,
    /// How long an answer waits for news.
    pub wait: Duration,
    /// How soon a home that did not answer is asked again.
    pub retry: Duration,
}

/// Why a service is not changed.
#[derive(Debug)]
pub enum NotChanged {
    /// This platform, which runs in another process, is or would be its home.
    Elsewhere(String),
    Refused(Rejection),
}

impl<P: CallPorts> CallPlane<P> {
    /// Effective when it returns, and on its way to the other processes.
    pub async fn change_service(
        &self,
        mut fact: ServiceChanged,
    ) -> Result<Arc<Service>, NotChanged> {
        let known = self.services().by_id(&fact.service).map(|service| service.home);
        if let Some(record) = &fact.record {
            if let Some(home) = self.routes.platform(&record.home) {
                self.check_home(home)?;
            }
            match known {
                // What the topology, or the home it had before, said of one of that name is over.
                None => {
                    fact.replaces_rights = true;
                    ServiceState::Draft.as_str().clone_into(&mut fact.state);
                }
                Some(home) if self.platform(home).is_none() => {
                    let name = self.routes.platform_name(home);
                    let taken = Rejection::new(Reason::ServiceInvalid);
                    let taken = taken.at(Place::Parameter("platform".to_owned()));
                    return Err(NotChanged::Refused(
                        taken.detail(format!("{name} ≠ {}", record.home)),
                    ));
                }
                Some(_) => {}
            }
        } else if let Some(home) = known {
            self.check_home(home)?;
        }
        self.pipeline.change_service(fact).await.map_err(NotChanged::Refused)
    }

    /// Only the process that runs its home can change a service.
    pub fn check_home(&self, home: PlatformIx) -> Result<(), NotChanged> {
        match self.platform(home) {
            Some(_) => Ok(()),
            None => Err(NotChanged::Elsewhere(self.routes.platform_name(home).to_owned())),
        }
    }

    /// What a platform of this process tells another that asks.
    pub async fn tell_catalogue(&self, home: PlatformIx, query: &str) -> CataloguePage {
        let number = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let value =
                pairs.find(|(key, _)| *key == name).and_then(|(_, value)| value.parse().ok());
            value.unwrap_or_default()
        };
        let limits = &self.limits.catalogue;
        let known = (number(EPOCH), number(AFTER));
        self.pipeline.tell_catalogue(home, known, (limits.page_bytes_max, limits.wait)).await
    }

    /// Follows the services of `home`, a platform of another process, by the road of a platform of this one. Ends
    /// when it is dropped.
    pub async fn follow_catalogue(&self, from: PlatformIx, home: PlatformIx) {
        let clock = self.pipeline.ports().clock();
        let limits = &self.limits.catalogue;
        let (mut known, mut is_heard) = ((0, 0), true);
        while self.pipeline.is_open() {
            let next_at = self.now().plus(limits.retry);
            let fault = match self.ask_catalogue(from, home, known).await {
                Ok(page) => {
                    let is_more = page.more;
                    known = self.pipeline.hear_catalogue(home, page, limits.services_max);
                    is_heard = true;
                    // One that answers at once with nothing, because it is about to stop, is not asked at once again.
                    if !is_more {
                        clock.sleep_until(next_at).await;
                    }
                    continue;
                }
                Err(fault) => fault,
            };
            if std::mem::replace(&mut is_heard, false) {
                let home = self.routes.platform_name(home);
                tracing::info!(home, %fault, "the services of a platform are not followed until it answers");
            }
            clock.sleep_until(self.now().plus(limits.retry)).await;
        }
    }

    async fn ask_catalogue(
        &self,
        from: PlatformIx,
        home: PlatformIx,
        (epoch, after): (u64, u64),
    ) -> Result<CataloguePage, CallFault> {
        let target = format!("https://platform{PATH}?{EPOCH}={epoch}&{AFTER}={after}");
        let limits = &self.limits.catalogue;
        let bytes_max = limits.page_bytes_max.saturating_mul(2);
        let wait = limits.wait + self.limits.timeout;
        let garbage = |why: String| CallFault::new(Trouble::LinkGarbage).detail(why);
        let asked =
            self.ask_peer((from, home), &target, CallBody::Empty, (bytes_max, wait)).await?;
        let page = asked.ok_or_else(|| garbage("404".to_owned()))?;
        CataloguePage::decode(page).map_err(|error| garbage(error.to_string()))
    }
}

const EPOCH: &str = "epoch";
const AFTER: &str = "after";
