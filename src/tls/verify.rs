//! Verifiers that follow the trust store, and what they saw when they refused.
//!
//! rustls' error says *that* a certificate was revoked, not which. The verifier runs inside the handshake's
//! future, so it leaves what it saw in a task-local note that the same future picks up.

use super::keys::OwnKeys;
use super::trust::Trust;
use crate::pki::{CertificateFacts, Holder, PlatformName};
use arc_swap::ArcSwapOption;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// What was seen during one handshake.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The certificate that was refused.
    pub(super) refused: Option<CertificateFacts>,
    /// The name that was asked for and not found in it; on a server, the name the client asked for.
    pub(super) expected: Option<String>,
}

tokio::task_local! {
    static SEEN: RefCell<Seen>;
}

/// Runs a handshake and returns what its verifiers noted.
pub(super) async fn noting<F: Future>(handshake: F) -> (F::Output, Seen) {
    SEEN.scope(RefCell::default(), async {
        let done = handshake.await;
        (done, SEEN.with(RefCell::take))
    })
    .await
}

fn note(write: impl FnOnce(&mut Seen)) {
    // Outside `noting` nobody asks for it.
    SEEN.try_with(|seen| write(&mut seen.borrow_mut())).ok();
}

fn note_refused(end_entity: &CertificateDer<'_>) {
    note(|seen| seen.refused = CertificateFacts::read(end_entity).ok());
}

/// The refusal of a certificate. Whoever signs for itself is unknown to us before anything else is wrong with the
/// certificate: that of `openssl req -x509` would be called malformed, because it is a CA's.
fn refused(end_entity: &CertificateDer<'_>, error: Error) -> Error {
    let facts = CertificateFacts::read(end_entity).ok();
    let is_own = facts.as_ref().is_some_and(|facts| facts.subject == facts.issuer);
    note(|seen| seen.refused = facts);
    if is_own { CertificateError::UnknownIssuer.into() } else { error }
}

/// Checks clients against whatever the trust store holds now.
pub(super) struct ClientVerifier {
    pub(super) trust: Arc<Trust>,
    pub(super) required: bool,
}

impl ClientVerifier {
    fn current(&self) -> Arc<dyn ClientCertVerifier> {
        let now = self.trust.snapshot();
        Arc::clone(if self.required { &now.required } else { &now.optional })
    }
}

impl fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientVerifier").field("required", &self.required).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    // No hints: they could not follow a reload, and members have one certificate to choose from.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verdict = self.current().verify_client_cert(end_entity, intermediates, now);
        verdict.map_err(|error| refused(end_entity, error))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.current().verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.current().verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current().supported_verify_schemes()
    }
}

/// Checks servers against whatever the trust store holds now, and that it is the platform we mean.
pub(super) struct ServerVerifier {
    pub(super) trust: Arc<Trust>,
    pub(super) expected: Option<PlatformName>,
}

impl ServerVerifier {
    fn current(&self) -> Arc<dyn ServerCertVerifier> {
        Arc::clone(&self.trust.snapshot().server)
    }
}

impl fmt::Debug for ServerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerVerifier").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.current().verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        let verdict = verdict.map_err(|error| refused(end_entity, error));
        if verdict.is_err() {
            note(|seen| seen.expected = Some(server_name.to_str().into_owned()));
            return verdict;
        }
        let Some(expected) = &self.expected else { return verdict };
        let facts = CertificateFacts::read(end_entity);
        if facts.is_ok_and(|f| f.holder == Some(Holder::Platform(expected.clone()))) {
            return verdict;
        }
        note_refused(end_entity);
        note(|seen| seen.expected = Some(expected.to_string()));
        // The peer is told `access_denied`, which no other refusal of ours uses.
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.current().verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.current().verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current().supported_verify_schemes()
    }
}

/// Gives out whatever key is loaded now, as a server and as a client.
#[derive(Debug)]
pub(super) struct OwnKey(pub(super) ArcSwapOption<OwnKeys>);

impl OwnKey {
    fn certified(&self) -> Option<Arc<CertifiedKey>> {
        self.0.load().as_ref().map(|own| Arc::clone(&own.certified))
    }
}

impl ResolvesServerCert for OwnKey {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        note(|seen| seen.expected = hello.server_name().map(str::to_owned));
        self.certified()
    }
}

impl ResolvesClientCert for OwnKey {
    fn resolve(&self, _hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.certified().filter(|own| own.key.choose_scheme(schemes).is_some())
    }

    fn has_certs(&self) -> bool {
        self.0.load().is_some()
    }
}
