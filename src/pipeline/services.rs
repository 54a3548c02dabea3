//! Services while the process runs: registered, changed, granted and revoked as journalled facts, and what homes in
//! other processes tell of theirs.

use super::{Pipeline, Ports};
use crate::clock::Clock;
use crate::domain::fact::{Fact, PlatformId};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::routing::PlatformIx;
use crate::domain::service::{CataloguePage, Service, ServiceChanged, Services, Told};
use crate::journal::{Content, Entry};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The services that a process knows.
#[derive(Debug)]
pub(super) struct Catalogue {
    /// As the topology has them.
    file: Services,
    /// With what was journalled here.
    own: ArcSwap<Services>,
    /// With what others have told: what calls look at.
    all: ArcSwap<Services>,
    /// By home. Held while `all` is made, so that the newest stays.
    told: Mutex<BTreeMap<PlatformIx, Told>>,
    /// Of `own`, for those who wait for news.
    version: tokio::sync::watch::Sender<u64>,
    /// Numbers of the process that ran here before mean nothing.
    epoch: u64,
}

impl Catalogue {
    pub(super) fn new(file: Services, epoch: u64) -> Self {
        let (own, all) = (ArcSwap::from_pointee(file.clone()), ArcSwap::from_pointee(file.clone()));
        let version = tokio::sync::watch::Sender::new(file.version());
        Self { file, own, all, told: Mutex::default(), version, epoch }
    }
}

impl<P: Ports> Pipeline<P> {
    /// Every service known here.
    pub fn services(&self) -> arc_swap::Guard<Arc<Services>> {
        self.catalogue.all.load()
    }

    /// Effective when it returns: the next call sees it. The home of the service, before and after, must be a
    /// platform of this process: nobody else would believe it.
    pub async fn change_service(&self, fact: ServiceChanged) -> Result<Arc<Service>, Rejection> {
        let wrong = |what: &str| {
            Rejection::new(Reason::ServiceUnknown)
                .at(Place::Parameter("service".into()))
                .detail(what)
        };
        let before = Arc::clone(&self.catalogue.own.load());
        let mut next = Services::clone(&before);
        let routes = self.routes.load();
        if !next.change(&fact, |name| routes.platform(name)) {
            return Err(wrong(&fact.service));
        }
        let service = next.by_id(&fact.service).or_else(|| before.by_id(&fact.service)).cloned();
        let service = service.ok_or_else(|| wrong(&fact.service))?;
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
        Ok(self.services().by_id(&id).cloned().unwrap_or(service))
    }

    pub(super) fn fold_services<'a, F>(&self, facts: F)
    where
        F: IntoIterator<Item = &'a ServiceChanged>,
    {
        let mut facts = facts.into_iter().peekable();
        if facts.peek().is_none() {
            return;
        }
        let mut next = Services::clone(&self.catalogue.own.load());
        let routes = self.routes.load();
        for fact in facts {
            if !next.change(fact, |name| routes.platform(name)) {
                // The topology changed since: its service or its platform is gone.
                tracing::warn!(service = %fact.service, "a change of a service that is not known here");
            }
        }
        let version = next.version();
        self.catalogue.own.store(Arc::new(next));
        self.publish(&self.catalogue.told.lock());
        self.catalogue.version.send_replace(version);
    }

    fn publish(&self, told: &BTreeMap<PlatformIx, Told>) {
        let own = Arc::clone(&self.catalogue.own.load());
        let routes = self.routes.load();
        let all = if told.is_empty() {
            own
        } else {
            let before = self.catalogue.all.load();
            Arc::new(own.with_told(&before, told, |name| routes.platform(name)))
        };
        self.catalogue.all.store(all);
    }

    /// What differs from the topology, for a checkpoint.
    pub(super) fn service_changes(&self) -> Vec<ServiceChanged> {
        let routes = self.routes.load();
        self.catalogue.own.load().changes(|ix| routes.platform_name(ix).to_owned())
    }

    /// What `home`, a platform of this process, tells another of its services: everything after a number of an
    /// epoch, as soon as there is something, or nothing after `wait`.
    pub async fn tell_catalogue(
        &self,
        home: PlatformIx,
        (epoch, after): (u64, u64),
        (bytes_max, wait): (usize, Duration),
    ) -> CataloguePage {
        let is_known = epoch == self.catalogue.epoch;
        if is_known {
            let mut version = self.catalogue.version.subscribe();
            let news = async { version.wait_for(|version| *version > after).await.map(drop).ok() };
            // A stop does not wait for those who wait.
            let news = self.draining.run_until_cancelled(news);
            let clock = self.ports.clock();
            clock.timeout_at(self.now().plus(wait), Box::pin(news)).await.ok();
        }
        let (routes, after) = (self.routes.load(), if is_known { after } else { 0 });
        let own = self.catalogue.own.load();
        let name = |ix| routes.platform_name(ix).to_owned();
        let page = own.page(&self.catalogue.file, (home, after), bytes_max, name);
        CataloguePage { epoch: self.catalogue.epoch, ..page }
    }

    /// What `home`, a platform of another process, has told. Returns what to ask for next: an epoch and a number.
    pub fn hear_catalogue(
        &self,
        home: PlatformIx,
        page: CataloguePage,
        services_max: usize,
    ) -> (u64, u64) {
        let mut told = self.catalogue.told.lock();
        let of_home = told.entry(home).or_default();
        let is_news = of_home.take(page, services_max);
        let next = (of_home.epoch, of_home.through);
        if is_news {
            self.publish(&told);
        }
        next
    }
}
