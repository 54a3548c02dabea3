//! What happens to services while the process runs, as a journalled fact, and what it makes of a snapshot.

use super::{
    Grantee, PathPattern, Right, Service, ServiceId, ServiceKind, ServiceState, Services, Target,
    Way,
};
use crate::domain::routing::PlatformIx;
use std::sync::Arc;

/// A service was registered, changed, granted or revoked. What is absent stays as it was.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ServiceChanged {
    #[prost(string, tag = "1")]
    pub service: String,
    /// Registration, or a new version: everything but its rights.
    #[prost(message, optional, boxed, tag = "2")]
    pub record: Option<Box<ServiceRecord>>,
    #[prost(message, repeated, tag = "3")]
    pub granted: Vec<RightRecord>,
    #[prost(message, repeated, tag = "4")]
    pub revoked: Vec<RightRecord>,
    /// Of `ServiceState`; empty when it stays.
    #[prost(string, tag = "5")]
    pub state: String,
    /// `simulated`, `real` or `record`; empty when it stays.
    #[prost(string, tag = "6")]
    pub target: String,
    /// The name of the simulated system, or the address of the real one.
    #[prost(string, tag = "7")]
    pub target_name: String,
    /// `granted` are all the rights there are.
    #[prost(bool, tag = "8")]
    pub replaces_rights: bool,
    /// Who did it: a member's id or `operator`.
    #[prost(string, tag = "9")]
    pub by: String,
    #[prost(uint64, tag = "10")]
    pub at: u64,
    /// It is no more.
    #[prost(bool, tag = "11")]
    pub removed: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct ServiceRecord {
    #[prost(string, tag = "1")]
    pub version: String,
    #[prost(string, tag = "2")]
    pub title_vi: String,
    #[prost(string, tag = "3")]
    pub title_en: String,
    #[prost(string, tag = "4")]
    pub kind: String,
    #[prost(string, tag = "5")]
    pub way: String,
    /// The name of its home.
    #[prost(string, tag = "6")]
    pub home: String,
    #[prost(uint32, tag = "7")]
    pub timeout_ms: u32,
    #[prost(uint32, tag = "8")]
    pub calls_max: u32,
    #[prost(uint64, tag = "9")]
    pub body_bytes_max: u64,
    #[prost(string, tag = "10")]
    pub description: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RightRecord {
    #[prost(string, tag = "1")]
    pub to: String,
    /// Empty for every method.
    #[prost(string, tag = "2")]
    pub method: String,
    #[prost(string, tag = "3")]
    pub path: String,
}

impl Services {
    /// The snapshot after a change; false when the change is about nothing that can be. `platform` finds a
    /// platform by its name.
    pub fn change(
        &mut self,
        fact: &ServiceChanged,
        platform: impl Fn(&str) -> Option<PlatformIx>,
    ) -> bool {
        let Ok(id) = ServiceId::parse(&fact.service) else { return false };
        let key: Arc<str> = id.to_string().into();
        if fact.removed {
            let was_there = self.by_id.remove(&key).is_some();
            if was_there {
                self.version += 1;
                self.numbers.remove(&key);
                self.removed.insert(key);
            }
            return was_there;
        }
        let former = self.by_id.get(&key).map(|service| Service::clone(service));
        let Some(mut service) = merged(id, former, fact, platform) else { return false };
        service.is_changed = true;
        self.version += 1;
        self.numbers.insert(Arc::clone(&key), self.version);
        self.removed.remove(&key);
        self.by_id.insert(key, Arc::new(service));
        true
    }

    /// One change for each service that differs from the topology: what a checkpoint keeps.
    pub fn changes(&self, name: impl Fn(PlatformIx) -> String) -> Vec<ServiceChanged> {
        let removed = self.removed.iter().map(|id| ServiceChanged {
            service: id.to_string(),
            removed: true,
            ..ServiceChanged::default()
        });
        let changed = self.iter().filter(|service| service.is_changed);
        changed.map(|service| service.to_fact(&name)).chain(removed).collect()
    }
}

pub(super) fn merged(
    id: ServiceId,
    former: Option<Service>,
    fact: &ServiceChanged,
    platform: impl Fn(&str) -> Option<PlatformIx>,
) -> Option<Service> {
    let mut service = match (&fact.record, former) {
        (Some(record), former) => of_record(id, former, record, platform)?,
        (None, former) => former?,
    };
    if let Ok(state) = fact.state.parse() {
        service.state = state;
    }
    if let Some(target) = Target::of_words(&fact.target, &fact.target_name) {
        service.target = target;
    }
    if fact.replaces_rights {
        service.rights.clear();
    }
    for right in fact.revoked.iter().filter_map(Right::of_record) {
        service.rights.retain(|own| *own != right);
    }
    for right in fact.granted.iter().filter_map(Right::of_record) {
        if !service.rights.contains(&right) {
            service.rights.push(right);
        }
    }
    Some(service)
}

fn of_record(
    id: ServiceId,
    former: Option<Service>,
    record: &ServiceRecord,
    platform: impl Fn(&str) -> Option<PlatformIx>,
) -> Option<Service> {
    let (state, target, rights) = match former {
        Some(former) => (former.state, former.target, former.rights),
        None => (ServiceState::Draft, Target::Simulated(id.code().to_owned()), Vec::new()),
    };
    Some(Service {
        version: record.version.clone(),
        title_vi: record.title_vi.clone(),
        title_en: record.title_en.clone(),
        kind: record.kind.parse().unwrap_or(ServiceKind::Rest),
        state,
        way: record.way.parse().unwrap_or(Way::Central),
        home: platform(&record.home)?,
        target,
        timeout_ms: record.timeout_ms,
        calls_max: record.calls_max,
        body_bytes_max: record.body_bytes_max,
        description: record.description.as_str().into(),
        rights,
        is_changed: true,
        id,
    })
}

impl Service {
    /// Everything about it, as one change.
    pub fn to_fact(&self, name: impl Fn(PlatformIx) -> String) -> ServiceChanged {
        let (target, target_name) = self.target.words();
        ServiceChanged {
            service: self.id.to_string(),
            record: Some(Box::new(ServiceRecord {
                version: self.version.clone(),
                title_vi: self.title_vi.clone(),
                title_en: self.title_en.clone(),
                kind: self.kind.as_str().to_owned(),
                way: self.way.as_str().to_owned(),
                home: name(self.home),
                timeout_ms: self.timeout_ms,
                calls_max: self.calls_max,
                body_bytes_max: self.body_bytes_max,
                description: self.description.to_string(),
            })),
            granted: self.rights.iter().map(Right::to_record).collect(),
            replaces_rights: true,
            state: self.state.as_str().to_owned(),
            target: target.to_owned(),
            target_name: target_name.to_owned(),
            ..ServiceChanged::default()
        }
    }
}

impl Target {
    /// `simulated`, `real` or `record`, and the name or address that goes with it.
    pub fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Simulated(name) => ("simulated", name),
            Self::Real(address) => ("real", address),
            Self::Record(address) => ("record", address),
        }
    }

    pub fn of_words(word: &str, name: &str) -> Option<Self> {
        match word {
            "simulated" => Some(Self::Simulated(name.to_owned())),
            "real" => Some(Self::Real(name.to_owned())),
            "record" => Some(Self::Record(name.to_owned())),
            _ => None,
        }
    }
}

impl Right {
    pub fn to_record(&self) -> RightRecord {
        RightRecord {
            to: self.to.to_string(),
            method: self.method.clone().unwrap_or_default(),
            path: self.path.to_string(),
        }
    }

    /// An empty path is a right to everything.
    pub fn of_record(record: &RightRecord) -> Option<Self> {
        let path = if record.path.is_empty() {
            PathPattern::everything()
        } else {
            record.path.parse().ok()?
        };
        let method = (!record.method.is_empty()).then(|| record.method.to_ascii_uppercase());
        Some(Self { to: record.to.parse::<Grantee>().ok()?, method, path })
    }
}
