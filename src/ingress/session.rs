//! One connection's peer: who it is by its certificate, checked again whenever trust has moved.

use crate::clock::Timestamp;
use crate::domain::directory::{Caller, Members};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::routing::{PlatformIx, RoutingTable};
use crate::pipeline::Peer;
use crate::tls::{PeerId, PeerIdentity, TlsFault, Trust};
use std::sync::Arc;

/// What the rest of the house may know of a connection.
#[derive(Debug)]
pub struct Session {
    identity: PeerIdentity,
    trust: Arc<Trust>,
    /// The member that the certificate names, when it connects where it belongs.
    member: Option<Caller>,
    /// The neighbouring platform that the certificate names.
    peer: Option<Peer>,
    tls: Arc<str>,
}

impl Session {
    pub fn new(
        identity: PeerIdentity,
        trust: Arc<Trust>,
        members: &Members,
        routes: &RoutingTable,
        here: PlatformIx,
    ) -> Self {
        let member = match &identity.id {
            PeerId::Member(id) => members.by_id(id.as_str()).filter(|caller| {
                let member = &caller.member;
                member.platform == here || member.security_server == Some(here)
            }),
            PeerId::Platform(_) | PeerId::Other(_) | PeerId::Anonymous => None,
        };
        let tls = format!("{} {}", identity.version, identity.cipher);
        let peer = match &identity.id {
            PeerId::Platform(name) => routes
                .platform(name.as_str())
                .filter(|ix| routes.neighbours(here).contains(ix))
                .map(|ix| Peer { ix, name: name.as_str().to_owned(), tls: tls.clone() }),
            PeerId::Member(_) | PeerId::Other(_) | PeerId::Anonymous => None,
        };
        Self { identity, trust, member, peer, tls: tls.into() }
    }

    /// Does the certificate still hold? One atomic load while nothing moved.
    pub fn recheck(&self, now: Timestamp) -> Result<(), TlsFault> {
        if self.identity.id == PeerId::Anonymous {
            return Ok(());
        }
        self.identity.recheck(&self.trust, now)
    }

    /// The member that calls, by its certificate alone.
    pub fn caller(&self, now: Timestamp) -> Result<&Caller, Rejection> {
        self.recheck(now).map_err(|fault| refused(&fault))?;
        self.member
            .as_ref()
            .ok_or_else(|| Rejection::new(Reason::UnknownCaller).detail(self.called()))
    }

    /// The neighbour that calls, by its certificate alone.
    pub fn peer(&self, now: Timestamp) -> Result<&Peer, Rejection> {
        self.recheck(now).map_err(|fault| refused(&fault))?;
        self.peer
            .as_ref()
            .ok_or_else(|| Rejection::new(Reason::UnknownCaller).detail(self.called()))
    }

    /// The platform that calls, a neighbour or not, by its certificate alone.
    pub fn platform(&self, now: Timestamp) -> Result<&str, Rejection> {
        self.recheck(now).map_err(|fault| refused(&fault))?;
        match &self.identity.id {
            PeerId::Platform(name) => Ok(name.as_str()),
            PeerId::Member(_) | PeerId::Other(_) | PeerId::Anonymous => {
                Err(Rejection::new(Reason::UnknownCaller).detail(self.called()))
            }
        }
    }

    /// The member of the certificate, if there is one; for faces that carry their own credential.
    pub const fn member(&self) -> Option<&Caller> {
        self.member.as_ref()
    }

    pub fn has_certificate(&self) -> bool {
        self.identity.id != PeerId::Anonymous
    }

    /// Of the certificate, for a token that is bound to it.
    pub fn fingerprint(&self) -> Option<[u8; 32]> {
        self.identity.fingerprint.map(|fingerprint| fingerprint.0)
    }

    /// TLS version and cipher suite.
    pub const fn tls(&self) -> &Arc<str> {
        &self.tls
    }

    /// How the peer calls itself.
    pub fn called(&self) -> String {
        match &self.identity.id {
            PeerId::Member(id) => id.to_string(),
            PeerId::Platform(name) => name.as_str().to_owned(),
            PeerId::Other(subject) => subject.clone(),
            PeerId::Anonymous => String::new(),
        }
    }
}

fn refused(fault: &TlsFault) -> Rejection {
    Rejection::new(Reason::CertificateRevoked).detail(format!("{} {}", fault.code(), fault.en()))
}
