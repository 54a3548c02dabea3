//! Who connects, and for which agencies they speak.

use super::AgencyId;
use crate::domain::agency::AgencyCode;
use crate::domain::routing::PlatformIx;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A member's place in `Members`: dense, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberIx(pub u32);

impl MemberIx {
    pub const fn ix(self) -> usize {
        self.0 as usize
    }
}

/// Who plays a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberKind {
    /// We do, in this process (`actors`).
    Virtual,
    /// A system outside.
    External,
}

/// What a system must show at its own security server before it is believed (wire/xroad.md 2.6, the caller's TLS
/// mode). Everywhere else its certificate decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Connection {
    /// Plain HTTP will do: the network between the two is the agency's own.
    #[default]
    NoSsl,
    /// TLS, without a certificate of the system's.
    SslNoAuth,
    /// TLS with the certificate that names the system.
    SslAuth,
}

impl Connection {
    pub const ALL: [Self; 3] = [Self::NoSsl, Self::SslNoAuth, Self::SslAuth];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSsl => "nossl",
            Self::SslNoAuth => "sslnoauth",
            Self::SslAuth => "sslauth",
        }
    }
}

/// A shared secret. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// For checking a message authentication code, nothing else.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a member of the VXP family proves itself with when it has no certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Opaque, as issued (wire/vxp.md 1.2).
    pub systemid: Arc<str>,
    /// Without one only the channel can prove who calls.
    pub secret: Option<Secret>,
}

/// A system that connects with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// See `MemberId`: the name in its certificate.
    pub id: Arc<str>,
    /// The platform it is a member of.
    pub platform: PlatformIx,
    /// The security server it goes through, if any.
    pub security_server: Option<PlatformIx>,
    /// How it reaches that security server.
    pub connection: Connection,
    /// The agencies it was given; it speaks for all below them too.
    pub agencies: Vec<AgencyId>,
    /// Their codes, in the same order.
    pub codes: Vec<AgencyCode>,
    pub credential: Option<Credential>,
    pub kind: MemberKind,
}

impl Member {
    /// What it must show at a platform; `None` where it has no business.
    pub fn connection_at(&self, here: PlatformIx) -> Option<Connection> {
        if self.security_server == Some(here) {
            return Some(self.connection);
        }
        (self.platform == here).then_some(Connection::SslAuth)
    }

    /// True for its own agencies and every one below them.
    pub fn speaks_for(&self, code: &AgencyCode) -> bool {
        self.codes.iter().any(|own| code.is_at_or_below(own))
    }

    pub fn systemid(&self) -> Option<&Arc<str>> {
        self.credential.as_ref().map(|c| &c.systemid)
    }
}

/// Two members share an id or a systemid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    #[error("member id {0} is used twice")]
    IdTwice(Arc<str>),
    #[error("systemid {0} is used twice")]
    SystemidTwice(Arc<str>),
}

/// Every member of a topology, found by certificate or by systemid.
#[derive(Clone, Debug, Default)]
pub struct Members {
    all: Vec<Arc<Member>>,
    by_id: BTreeMap<Arc<str>, MemberIx>,
    by_systemid: BTreeMap<Arc<str>, MemberIx>,
}

impl Members {
    /// Adds one; on an error nothing has changed.
    pub fn add(&mut self, member: Member) -> Result<MemberIx, MemberError> {
        if self.by_id.contains_key(&member.id) {
            return Err(MemberError::IdTwice(member.id));
        }
        let systemid = member.systemid().cloned();
        if let Some(systemid) = systemid.as_ref().filter(|s| self.by_systemid.contains_key(*s)) {
            return Err(MemberError::SystemidTwice(systemid.clone()));
        }
        let ix = MemberIx(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.by_id.insert(member.id.clone(), ix);
        if let Some(systemid) = systemid {
            self.by_systemid.insert(systemid, ix);
        }
        self.all.push(Arc::new(member));
        Ok(ix)
    }

    pub fn member(&self, ix: MemberIx) -> Option<&Arc<Member>> {
        self.all.get(ix.ix())
    }

    /// By the name in a certificate.
    pub fn by_id(&self, id: &str) -> Option<Caller> {
        self.by_id.get(id).and_then(|ix| self.caller(*ix))
    }

    pub fn by_systemid(&self, systemid: &str) -> Option<Caller> {
        self.by_systemid.get(systemid).and_then(|ix| self.caller(*ix))
    }

    fn caller(&self, ix: MemberIx) -> Option<Caller> {
        self.member(ix).map(|member| Caller { ix, member: member.clone() })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.all.iter()
    }

    pub const fn len(&self) -> usize {
        self.all.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

/// An authenticated member and the agencies it speaks for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Caller {
    pub ix: MemberIx,
    pub member: Arc<Member>,
}

impl Caller {
    pub fn id(&self) -> &Arc<str> {
        &self.member.id
    }

    pub fn speaks_for(&self, code: &AgencyCode) -> bool {
        self.member.speaks_for(code)
    }

    /// True for an agency it was given itself, not for those below.
    pub fn is_own(&self, code: &AgencyCode) -> bool {
        self.member.codes.contains(code)
    }

    /// The agency meant when a request names none: only a member of exactly one has it.
    pub fn only_agency(&self) -> Option<(AgencyId, AgencyCode)> {
        match (self.member.agencies.as_slice(), self.member.codes.as_slice()) {
            ([id], [code]) => Some((*id, *code)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, code: &str, systemid: Option<&str>) -> Member {
        Member {
            id: id.into(),
            platform: PlatformIx(0),
            security_server: None,
            connection: Connection::NoSsl,
            agencies: vec![AgencyId(0)],
            codes: vec![AgencyCode::parse(code).unwrap()],
            credential: systemid.map(|systemid| Credential {
                systemid: systemid.into(),
                secret: Some(Secret::new(b"sandbox-only")),
            }),
            kind: MemberKind::External,
        }
    }

    #[test]
    fn a_caller_speaks_for_its_agencies_and_those_below() {
        let mut members = Members::default();
        members.add(member("VN:GOV:000.00.13.H53:QLVB", "H53.13", Some("vxp.1"))).unwrap();
        let caller = members.by_id("VN:GOV:000.00.13.H53:QLVB").unwrap();
        for (code, expected) in
            [("H53.13", true), ("H53.13.01", true), ("H53", false), ("H53.14", false)]
        {
            assert_eq!(caller.speaks_for(&AgencyCode::parse(code).unwrap()), expected, "{code}");
        }
        assert_eq!(members.by_systemid("vxp.1").unwrap().id(), caller.id());
        assert!(members.by_systemid("vxp.2").is_none());
    }

    #[test]
    fn names_are_used_once() {
        let mut members = Members::default();
        members.add(member("a", "H53", Some("s"))).unwrap();
        let twice = members.add(member("a", "H53", None));
        assert_eq!(twice, Err(MemberError::IdTwice("a".into())));
        let twice = members.add(member("b", "H53", Some("s")));
        assert_eq!(twice, Err(MemberError::SystemidTwice("s".into())));
        assert_eq!(members.len(), 1);
        assert!(members.by_id("b").is_none());
    }

    #[test]
    fn a_secret_is_never_printed() {
        let text = format!("{:?}", member("a", "H53", Some("s")));
        assert!(!text.contains("sandbox-only") && text.contains("Secret(…)"), "{text}");
    }
}
