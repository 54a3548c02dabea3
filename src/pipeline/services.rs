//! Services while the process runs: registered, changed, granted and revoked as journalled facts.

use super::{Pipeline, Ports};
use crate::domain::fact::{Fact, PlatformId};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::service::{Service, ServiceChanged, Services};
use crate::journal::{Content, Entry};
use std::sync::Arc;

impl<P: Ports> Pipeline<P> {
    pub fn services(&self) -> arc_swap::Guard<Arc<Services>> {
        self.services.load()
    }

    /// Effective when it returns: the next call sees it. The platform is the home of the service, whose
    /// process must be this one.
    pub async fn change_service(&self, fact: ServiceChanged) -> Result<Arc<Service>, Rejection> {
        let wrong = |what: &str| {
            Rejection::new(Reason::ServiceUnknown)
                .at(Place::Parameter("service".into()))
                .detail(what)
        };
        let mut next = Services::clone(&self.services.load());
        let routes = self.routes.load();
        if !next.change(&fact, |name| routes.platform(name)) {
            return Err(wrong(&fact.service));
        }
        let before = self.services.load();
        let service = next.by_id(&fact.service).or_else(|| before.by_id(&fact.service)).cloned();
        let service = service.ok_or_else(|| wrong(&fact.service))?;
        drop(before);
        let platform = PlatformId::of(routes.platform_name(service.home));
        drop(routes);
        let id = fact.service.clone();
        let entry = Entry {
            id: self.entry_id(),
            platform,
            at: self.now(),
            content: Content::Fact(Fact::ServiceChanged(Box::new(fact))),
        };
        let folded = self.append(vec![entry]).await?;
        self.await_folded(folded).await?;
        Ok(self.services.load().by_id(&id).cloned().unwrap_or(service))
    }

    pub(super) fn fold_services<'a, F>(&self, facts: F)
    where
        F: IntoIterator<Item = &'a ServiceChanged>,
    {
        let mut facts = facts.into_iter().peekable();
        if facts.peek().is_none() {
            return;
        }
        let mut next = Services::clone(&self.services.load());
        let routes = self.routes.load();
        for fact in facts {
            if !next.change(fact, |name| routes.platform(name)) {
                // The topology changed since: its service or its platform is gone.
                tracing::warn!(service = %fact.service, "a change of a service that is not known here");
            }
        }
        self.services.store(Arc::new(next));
    }

    /// What differs from the topology, for a checkpoint.
    pub(super) fn service_changes(&self) -> Vec<ServiceChanged> {
        let routes = self.routes.load();
        self.services.load().changes(|ix| routes.platform_name(ix).to_owned())
    }
}
