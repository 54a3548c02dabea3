//! Who is at the other end of a connection, and whether that still holds.
//!
//! Invariant: an identity is only as good as its last `recheck`; every door checks after the handshake,
//! resumed ones included, and again at each request or batch.

use super::fault::{Cause, Role, TlsFault, Witness};
use super::trust::{StaleCrl, Trust};
use crate::clock::Timestamp;
use crate::pki::read::CertificateKey;
use crate::pki::{CertificateFacts, Fingerprint, Holder, MemberId, PlatformName};
use rustls::{CommonState, HandshakeKind, ProtocolVersion};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Whom the peer's certificate names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerId {
    Member(MemberId),
    Platform(PlatformName),
    /// A certificate of an authority we trust that names none of ours: its subject.
    Other(String),
    /// No certificate; only on listeners that do not insist.
    Anonymous,
}

/// The peer of one connection.
#[derive(Debug)]
pub struct PeerIdentity {
    pub id: PeerId,
    /// Of the certificates sent, the peer's own first.
    pub keys: Box<[CertificateKey]>,
    pub fingerprint: Option<Fingerprint>,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    /// `TLS 1.3` or `TLS 1.2`.
    pub version: &'static str,
    pub cipher: String,
    /// The key exchange, where rustls says it.
    pub group: String,
    pub resumed: bool,
    role: Role,
    chain: Box<[CertificateDer<'static>]>,
    authorities: Fingerprint,
    /// The generation of the last check.
    checked: AtomicU64,
    /// When the certificate ends, or the revocation list if a stale one is refused.
    holds_until: AtomicU64,
}

impl PeerIdentity {
    /// `role` is the peer's. Not yet checked: `recheck` does that.
    pub(super) fn of(
        connection: &CommonState,
        role: Role,
        trust: &Trust,
    ) -> Result<Self, TlsFault> {
        let chain = connection.peer_certificates().unwrap_or_default();
        let read = chain
            .iter()
            .map(|der| CertificateFacts::read(der))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| TlsFault::new(role, Witness::Us, Cause::BadCertificate(e.to_string())))?;
        let own = read.first();
        let id = match own {
            None => PeerId::Anonymous,
            Some(facts) => match &facts.holder {
                Some(Holder::Member(id)) => PeerId::Member(id.clone()),
                Some(Holder::Platform(name)) => PeerId::Platform(name.clone()),
                None => PeerId::Other(facts.subject.clone()),
            },
        };
        Ok(Self {
            id,
            fingerprint: own.map(|facts| facts.fingerprint),
            not_before: own.map(|facts| facts.not_before),
            not_after: own.map(|facts| facts.not_after),
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
                _ => "TLS 1.3",
            },
            cipher: connection
                .negotiated_cipher_suite()
                .map(|suite| format!("{:?}", suite.suite()))
                .unwrap_or_default(),
            group: connection
                .negotiated_key_exchange_group()
                .map(|group| format!("{:?}", group.name()))
                .unwrap_or_default(),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            role,
            chain: chain.into(),
            authorities: trust.snapshot().authorities,
            checked: AtomicU64::new(0),
            holds_until: AtomicU64::new(0),
            keys: read.into_iter().map(|facts| facts.key).collect(),
        })
    }

    /// One atomic load while nothing moved; otherwise the certificates are looked up in the revocation list
    /// of now, and checked in full if the authorities changed. After an error the connection must end.
    pub fn recheck(&self, trust: &Trust, now: Timestamp) -> Result<(), TlsFault> {
        let generation = trust.generation();
        if self.checked.load(Ordering::Relaxed) == generation
            && now.0 <= self.holds_until.load(Ordering::Relaxed)
        {
            return Ok(());
        }
        let until = self.check(trust, now).map_err(|cause| self.fault(cause))?;
        self.holds_until.store(until.0, Ordering::Relaxed);
        self.checked.store(generation, Ordering::Relaxed);
        Ok(())
    }

    fn check(&self, trust: &Trust, now: Timestamp) -> Result<Timestamp, Cause> {
        let Some(not_after) = self.not_after else { return Ok(Timestamp(u64::MAX)) };
        if now > not_after {
            return Err(Cause::Expired { not_after: Some(not_after) });
        }
        let snapshot = trust.snapshot();
        for key in &self.keys {
            if snapshot.revocations.entries.contains_key(key) {
                return Err(Cause::Revoked { serial: Some(key.serial.clone()) });
            }
        }
        if snapshot.authorities != self.authorities {
            self.verify_again(snapshot.required.as_ref(), now)?;
        }
        let Some(next_update) = snapshot.revocations.next_update else { return Ok(not_after) };
        if trust.options.stale_crl == StaleCrl::Warn {
            return Ok(not_after);
        }
        if now > next_update {
            return Err(Cause::CrlExpired { next_update: Some(next_update) });
        }
        Ok(not_after.min(next_update))
    }

    /// The purpose is a client's. A server of ours is one as well; any other must connect anew.
    fn verify_again(
        &self,
        verifier: &dyn rustls::server::danger::ClientCertVerifier,
        now: Timestamp,
    ) -> Result<(), Cause> {
        let at = UnixTime::since_unix_epoch(Duration::from_secs(now.secs()));
        let Some((own, above)) = self.chain.split_first() else { return Ok(()) };
        verifier.verify_client_cert(own, above, at).map(drop).map_err(|_reason| {
            let issuer = CertificateFacts::read(own).ok().map(|facts| facts.issuer);
            Cause::UnknownCa { issuer }
        })
    }

    fn fault(&self, cause: Cause) -> TlsFault {
        TlsFault::new(self.role, Witness::Us, cause).about(self.id.to_string())
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(id) => id.fmt(f),
            Self::Platform(name) => name.fmt(f),
            Self::Other(subject) => f.write_str(subject),
            Self::Anonymous => f.write_str("anonymous"),
        }
    }
}
