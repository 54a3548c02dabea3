//! Services of the call plane: what is offered, by whom, in which state, and who may call it.
//!
//! `Services` is a snapshot like the directory: it never changes, a change makes another one. The topology
//! gives the first; what happens at run time is journalled and wins over the file.
//!
//! Invariant: a service without a right is open to its owner alone.

mod catalogue;
mod change;
mod fault;
mod id;
mod path;
mod right;

use super::member_id::MemberId;
use super::routing::PlatformIx;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

pub use catalogue::{CataloguePage, Told};
pub use change::{RightRecord, ServiceChanged, ServiceRecord};
pub use fault::{CallFault, Side, Trouble};
pub use id::{ServiceId, ServiceIdError};
pub use path::{PathError, PathPattern, PatternTooLong, ServicePath, unescape};
pub use right::{BadGrantee, Grantee, Groups, Right};

/// Words of one sort, as files, the API and the journal spell them.
macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $of:literal])* $variant:ident $word:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $of])* $variant,)* }

        impl $name {
            pub const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text { $($word => Ok(Self::$variant),)* _ => Err(UnknownWord) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// Not one of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of the words known here")]
pub struct UnknownWord;

words! {
    /// How a service is described, and so how it is called.
    ServiceKind {
        Rest "rest",
        OpenApi "openapi",
        Soap "soap",
    }
}

words! {
    /// Where a service is in its life (domain.md 1.5: register, review, test, publish, deprecate).
    ServiceState {
        /// Registered, not yet reviewed: for its owner alone.
        Draft "draft",
        /// For those who have a right, to try.
        Test "test",
        Published "published",
        /// Still answers; callers are told to leave.
        Deprecated "deprecated",
        Disabled "disabled",
    }
}

words! {
    /// Which half of NDXP carries its calls (domain.md 1.2).
    Way {
        /// LGSP → NDXP → LGSP or database.
        Central "central",
        /// From the consumer's platform or security server straight to the provider's.
        Distributed "distributed",
    }
}

/// Who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The simulated system of this name, in this process.
    Simulated(String),
    /// A system outside.
    Real(String),
    /// A system outside; what is asked and answered is kept for a simulated one to repeat.
    Record(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub id: ServiceId,
    pub version: String,
    pub title_vi: String,
    pub title_en: String,
    pub kind: ServiceKind,
    pub state: ServiceState,
    pub way: Way,
    /// The platform or security server that its owner's system is connected to.
    pub home: PlatformIx,
    pub target: Target,
    /// How long its system may take for an answer's head.
    pub timeout_ms: u32,
    /// Calls under way at once; more are refused.
    pub calls_max: u32,
    /// The larger of a request's and an answer's body.
    pub body_bytes_max: u64,
    /// The OpenAPI or WSDL document.
    pub description: Arc<str>,
    pub rights: Vec<Right>,
    /// Changed since the topology was read.
    pub is_changed: bool,
}

/// Why a call is not authorised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No right, or still a draft.
    NoRight,
    Disabled,
}

impl Service {
    /// May this member make this call? Rights come before the state, so that a stranger learns nothing of it
    /// (wire/xroad.md 2.6).
    pub fn authorise(
        &self,
        caller: &MemberId,
        method: &str,
        path: &ServicePath,
        groups: &Groups,
    ) -> Result<(), Denial> {
        let is_owner = self.id.owner() == caller;
        let admits = |right: &Right| right.admits(caller, method, path, groups);
        let may = is_owner || (self.state != ServiceState::Draft && self.rights.iter().any(admits));
        match self.state {
            _ if !may => Err(Denial::NoRight),
            ServiceState::Disabled => Err(Denial::Disabled),
            ServiceState::Draft
            | ServiceState::Test
            | ServiceState::Published
            | ServiceState::Deprecated => Ok(()),
        }
    }
}

/// A service as gateways have it.
#[derive(Clone, Copy, Debug)]
pub struct Contexted<'a> {
    pub service: &'a Arc<Service>,
    /// No other has the same code and version.
    pub is_alone: bool,
}

impl<'a> Contexted<'a> {
    fn key(&self) -> (&'a str, &'a str) {
        (self.service.id.code(), &self.service.version)
    }

    /// The one to call it by.
    pub fn context(&self) -> String {
        if self.is_alone { self.short() } else { self.with_owner() }
    }

    /// `/dmdc/1.0`.
    pub fn short(&self) -> String {
        format!("/{}/{}", self.service.id.code(), self.service.version)
    }

    /// `/000.00.00.G06/DMDC/dmdc/1.0`: nobody else can have it.
    pub fn with_owner(&self) -> String {
        let owner = self.service.id.owner();
        format!("/{}/{}{}", owner.code(), owner.system(), self.short())
    }
}

/// Every service known here.
#[derive(Clone, Debug, Default)]
pub struct Services {
    by_id: BTreeMap<Arc<str>, Arc<Service>>,
    /// Those of the topology that are no more.
    removed: BTreeSet<Arc<str>>,
    groups: Arc<Groups>,
    /// How many changes were made.
    version: u64,
    /// Which of them was the last of each service that was changed.
    numbers: BTreeMap<Arc<str>, u64>,
}

impl Services {
    pub fn new(groups: Groups) -> Self {
        Self { groups: Arc::new(groups), ..Self::default() }
    }

    /// Adds or replaces.
    pub fn put(&mut self, service: Service) {
        self.by_id.insert(service.id.to_string().into(), Arc::new(service));
    }

    /// By its canonical id, as `ServiceId` writes it.
    pub fn by_id(&self, id: &str) -> Option<&Arc<Service>> {
        self.by_id.get(id)
    }

    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Grows with every change.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// In the order of ids.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.by_id.values()
    }

    /// What one member offers.
    pub fn of_owner<'a>(&'a self, owner: &'a MemberId) -> impl Iterator<Item = &'a Arc<Service>> {
        self.iter().filter(move |service| service.id.owner() == owner)
    }

    /// Where gateways have their APIs: each service but those by SOAP at its context with its owner, and at the short
    /// one too, as long as no other has the same code and version.
    pub fn contexts(&self) -> Vec<Contexted<'_>> {
        let mut found: Vec<Contexted<'_>> = self
            .iter()
            .filter(|service| service.kind != ServiceKind::Soap)
            .map(|service| Contexted { service, is_alone: true })
            .collect();
        found.sort_by(|a, b| a.key().cmp(&b.key()));
        for group in found.chunk_by_mut(|a, b| a.key() == b.key()).filter(|all| all.len() > 1) {
            group.iter_mut().for_each(|one| one.is_alone = false);
        }
        found
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Those whose names are nearest, the nearest first: for who mistyped one.
    pub fn nearest(&self, id: &str, max: usize) -> Vec<&Arc<Service>> {
        let mut scored: Vec<_> = self
            .iter()
            .map(|service| {
                (strsim::normalized_damerau_levenshtein(&service.id.to_string(), id), service)
            })
            .filter(|(likeness, _)| *likeness > LIKENESS_MIN)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        scored.into_iter().take(max).map(|(_, service)| service).collect()
    }
}

const LIKENESS_MIN: f64 = 0.6;

#[cfg(test)]
pub(crate) mod tests;
