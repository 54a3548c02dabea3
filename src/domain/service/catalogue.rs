//! What platforms in different processes tell each other of their services: each speaks for those that have their
//! home there, and for no others. Who hears it adds it to what its own topology and journal say.

use super::change::merged;
use super::{ServiceChanged, ServiceId, Services};
use crate::domain::routing::PlatformIx;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The answer of a home: everything after a number, or as much of it as fits.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CataloguePage {
    /// Of the teller's process: numbers of another one mean nothing.
    #[prost(uint64, tag = "1")]
    pub epoch: u64,
    /// What is told goes up to this number.
    #[prost(uint64, tag = "2")]
    pub through: u64,
    /// The rest is to be asked for.
    #[prost(bool, tag = "3")]
    pub more: bool,
    /// Every service of this home that is not as in the topology.
    #[prost(string, repeated, tag = "4")]
    pub present: Vec<String>,
    /// Services that the topology has at this home and that are not there any more.
    #[prost(string, repeated, tag = "5")]
    pub removed: Vec<String>,
    /// Of `present`, what changed since.
    #[prost(message, repeated, tag = "6")]
    pub changes: Vec<ServiceChanged>,
}

/// What one home in another process has told so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    pub epoch: u64,
    pub through: u64,
    changes: BTreeMap<String, ServiceChanged>,
    removed: BTreeSet<String>,
}

impl Told {
    /// Adds a page that was asked for from `through` on. At most `services_max` services are kept. True when it said
    /// something new.
    pub fn take(&mut self, page: CataloguePage, services_max: usize) -> bool {
        let mut is_news = page.epoch != self.epoch;
        if is_news {
            *self = Self { epoch: page.epoch, ..Self::default() };
        }
        self.through = page.through;
        let present: BTreeSet<String> = page.present.into_iter().collect();
        let before = self.changes.len();
        self.changes.retain(|id, _| present.contains(id));
        is_news |= self.changes.len() != before || !page.changes.is_empty();
        for change in page.changes {
            let is_known = self.changes.contains_key(&change.service);
            if is_known || self.changes.len() < services_max {
                self.changes.insert(change.service.clone(), change);
            }
        }
        let removed: BTreeSet<String> = page.removed.into_iter().collect();
        is_news |= removed != self.removed;
        self.removed = removed;
        is_news
    }
}

impl Services {
    /// What `home` tells of its services: what changed after `after`, the oldest first, in some `bytes_max` bytes
    /// and at least one service. `file` is the topology's.
    pub fn page(
        &self,
        file: &Self,
        (home, after): (PlatformIx, u64),
        bytes_max: usize,
        name: impl Fn(PlatformIx) -> String,
    ) -> CataloguePage {
        let own = || self.by_id.iter().filter(|(_, it)| it.is_changed && it.home == home);
        let is_gone = |id: &str| self.by_id(id).is_none_or(|now| now.home != home);
        let of_file = file.by_id.iter().filter(|(id, it)| it.home == home && is_gone(id));
        let mut later: Vec<_> = own()
            .filter_map(|(id, service)| Some((*self.numbers.get(id)?, service)))
            .filter(|(number, _)| *number > after)
            .collect();
        later.sort_by_key(|(number, _)| *number);
        let mut page = CataloguePage {
            through: self.version,
            present: own().map(|(id, _)| id.to_string()).collect(),
            removed: of_file.map(|(id, _)| id.to_string()).collect(),
            ..CataloguePage::default()
        };
        let (mut bytes, mut through) = (0, after);
        for (number, service) in later {
            let change = service.to_fact(&name);
            bytes += change.encoded_len();
            if bytes > bytes_max && !page.changes.is_empty() {
                return CataloguePage { through, more: true, ..page };
            }
            through = number;
            page.changes.push(change);
        }
        page
    }

    /// With what homes in other processes have told. A home may take back or change what it has and add what nobody
    /// has: nobody takes over a service of another's. Of two who tell of one service, the one who had it `before` keeps it.
    #[must_use]
    pub fn with_told(
        &self,
        before: &Self,
        told_by: &BTreeMap<PlatformIx, Told>,
        platform: impl Fn(&str) -> Option<PlatformIx>,
    ) -> Self {
        let mut all = self.clone();
        for (home, told) in told_by {
            for id in &told.removed {
                if all.by_id(id).is_some_and(|known| known.home == *home) {
                    all.by_id.remove(id.as_str());
                }
            }
        }
        for (home, told) in told_by {
            for change in told.changes.values() {
                let Ok(id) = ServiceId::parse(&change.service) else { continue };
                let key: Arc<str> = id.to_string().into();
                let is_its_own =
                    change.record.as_ref().is_some_and(|of| platform(&of.home) == Some(*home));
                let is_free = all.by_id(&key).is_none_or(|known| known.home == *home);
                let holder = before.by_id(&key).map(|known| known.home);
                let is_held = holder.filter(|holder| holder != home).is_some_and(|holder| {
                    told_by.get(&holder).is_some_and(|told| told.changes.contains_key(&*key))
                });
                if !is_its_own || !is_free || is_held {
                    continue;
                }
                let former = all.by_id.get(&key).map(|service| super::Service::clone(service));
                if let Some(service) = merged(id, former, change, &platform) {
                    all.by_id.insert(key, Arc::new(service));
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::service;
    use super::super::{RightRecord, Service, ServiceState};
    use super::*;

    const HOME: PlatformIx = PlatformIx(1);
    const OTHER: PlatformIx = PlatformIx(2);
    const MAX: usize = 100;

    fn id(number: usize) -> String {
        format!("VN:GOV:000.00.00.G06:DMDC/s{number}")
    }

    fn platform(name: &str) -> Option<PlatformIx> {
        name.strip_prefix('p').and_then(|ix| ix.parse().ok()).map(PlatformIx)
    }

    fn name(ix: PlatformIx) -> String {
        format!("p{}", ix.0)
    }

    /// Three at `HOME` and one elsewhere.
    fn file() -> Services {
        let mut services = Services::default();
        (0..3).for_each(|number| services.put(service(&id(number))));
        services.put(Service { home: OTHER, ..service(&id(3)) });
        services
    }

    fn changed(id: String, state: &str) -> ServiceChanged {
        ServiceChanged { service: id, state: state.to_owned(), ..ServiceChanged::default() }
    }

    /// Asks until everything is told; how many pages it took.
    fn follow(told: &mut Told, of: &Services, epoch: u64, bytes_max: usize) -> usize {
        for pages in 1..MAX {
            let after = if told.epoch == epoch { told.through } else { 0 };
            let page = of.page(&file(), (HOME, after), bytes_max, name);
            let is_over = !page.more;
            told.take(CataloguePage { epoch, ..page }, MAX);
            if is_over {
                return pages;
            }
        }
        panic!("it never ends")
    }

    fn heard(told: &Told) -> Services {
        let told = BTreeMap::from([(HOME, told.clone())]);
        file().with_told(&file(), &told, platform)
    }

    #[test]
    fn of_two_homes_that_tell_of_one_service_the_one_that_had_it_keeps_it() {
        let tells = |home| {
            let service = Service { home, ..service(&id(9)) };
            let changes = BTreeMap::from([(id(9), service.to_fact(name))]);
            (home, Told { epoch: 1, through: 1, changes, ..Told::default() })
        };
        for first in [HOME, OTHER] {
            let before = file().with_told(&file(), &BTreeMap::from([tells(first)]), platform);
            assert_eq!(before.by_id(&id(9)).unwrap().home, first);
            let both = BTreeMap::from([tells(HOME), tells(OTHER)]);
            let after = file().with_told(&before, &both, platform);
            assert_eq!(after.by_id(&id(9)).unwrap().home, first);
        }
    }

    #[test]
    fn what_is_told_in_pages_is_what_the_home_has() {
        for (bytes_max, pages) in [(usize::MAX, 1), (1, 3)] {
            let (mut own, mut told) = (file(), Told::default());
            assert_eq!(follow(&mut told, &own, 1, bytes_max), 1, "nothing changed");
            assert!(heard(&told).iter().eq(file().iter()));
            for number in [2, 0, 1] {
                assert!(own.change(&changed(id(number), "test"), platform));
            }
            assert_eq!(follow(&mut told, &own, 1, bytes_max), pages, "{bytes_max}");
            assert!(heard(&told).iter().eq(own.iter()));
            // Only what changed since, and what is gone is gone.
            let right = RightRecord { to: "H26".to_owned(), ..RightRecord::default() };
            let grant = ServiceChanged { granted: vec![right], ..changed(id(1), "") };
            assert!(own.change(&grant, platform));
            let gone = ServiceChanged { removed: true, ..changed(id(0), "") };
            assert!(own.change(&gone, platform));
            let page = own.page(&file(), (HOME, told.through), usize::MAX, name);
            assert_eq!((page.changes.len(), page.removed), (1, vec![id(0)]));
            assert_eq!(follow(&mut told, &own, 1, bytes_max), 1);
            assert!(heard(&told).iter().eq(own.iter()));
            // Another process of the same home counts anew.
            let mut restarted = file();
            assert!(restarted.change(&changed(id(2), "disabled"), platform));
            follow(&mut told, &restarted, 2, bytes_max);
            assert!(heard(&told).iter().eq(restarted.iter()));
        }
    }

    #[test]
    fn a_home_speaks_for_its_own_services_alone() {
        let mut liar = file();
        let mut taken = service(&id(3));
        taken.state = ServiceState::Disabled;
        assert!(liar.change(&taken.to_fact(name), platform));
        let mut told = Told::default();
        follow(&mut told, &liar, 1, usize::MAX);
        assert_eq!(told.changes.len(), 1, "it says so");
        let mut page = liar.page(&file(), (HOME, told.through), usize::MAX, name);
        page.removed.push(id(3));
        // Nor in another's name.
        page.present.push(id(9));
        page.changes.push(Service { home: OTHER, ..service(&id(9)) }.to_fact(name));
        told.take(CataloguePage { epoch: 1, ..page }, MAX);
        assert!(heard(&told).iter().eq(file().iter()));
    }

    #[test]
    fn no_more_is_kept_of_a_home_than_it_may_have() {
        let mut own = file();
        for number in 0..3 {
            assert!(own.change(&changed(id(number), "test"), platform));
        }
        let mut told = Told::default();
        told.take(own.page(&file(), (HOME, 0), usize::MAX, name), 2);
        assert_eq!(told.changes.len(), 2);
        assert!(own.change(&changed(id(0), "disabled"), platform));
        told.take(own.page(&file(), (HOME, told.through), usize::MAX, name), 2);
        assert_eq!(told.changes[&id(0)].state, "disabled", "what is kept is kept up to date");
    }
}
