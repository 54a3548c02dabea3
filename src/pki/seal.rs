//! Signatures by a holder's certificate, for what must be believed later: the anchors of evidence logs.
//!
//! The certificate is kept beside what it signed, so that a seal can be checked when the holder has another.

use super::read::{CertificateFacts, Fingerprint};
use super::{Bundle, Holder};
use rustls::SignatureScheme;
use rustls::sign::SigningKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, SignatureVerificationAlgorithm, UnixTime};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Signs in a holder's name.
pub struct Seal {
    key: Arc<dyn SigningKey>,
    certificate: CertificateDer<'static>,
    fingerprint: Fingerprint,
}

/// A seal could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("a certificate or key cannot be read")]
    Pem(#[from] rustls_pki_types::pem::Error),
    #[error("the key cannot sign")]
    Key(#[from] rustls::Error),
    #[error("the certificates kept beside the evidence cannot be used")]
    Io(#[from] std::io::Error),
    #[error("there is no authority to check certificates against")]
    Authority(#[from] rustls::client::VerifierBuilderError),
}

/// What our keys are; others cannot seal.
const SCHEMES: [SignatureScheme; 2] =
    [SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::ECDSA_NISTP384_SHA384];
/// The folder of certificates, beside what they signed.
const FOLDER: &str = "certificates";

impl Seal {
    /// Reads the holder's key, and keeps its certificate in `beside`.
    pub fn open(bundle: &Bundle, beside: &Path) -> Result<Self, SealError> {
        let certificate = CertificateDer::from_pem_file(&bundle.chain)?;
        let key = PrivateKeyDer::from_pem_file(&bundle.key)?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)?;
        let fingerprint = Fingerprint::of(&certificate);
        let folder = beside.join(FOLDER);
        std::fs::create_dir_all(&folder)?;
        let kept = folder.join(format!("{fingerprint}.der"));
        if !kept.exists() {
            std::fs::write(kept, &certificate)?;
        }
        Ok(Self { key, certificate, fingerprint })
    }

    /// Empty when the key cannot sign.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signer = self.key.choose_scheme(&SCHEMES);
        signer.and_then(|signer| signer.sign(bytes).ok()).unwrap_or_default()
    }

    /// DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificate's fingerprint.
    pub fn key_id(&self) -> String {
        self.fingerprint.to_string()
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("certificate", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Checks seals of one holder.
#[derive(Debug)]
pub struct SealCheck {
    certificates: BTreeMap<String, CertificateDer<'static>>,
}

impl SealCheck {
    /// Of the certificates kept in `beside`, those that the authorities of `ca` issued to this holder.
    pub fn open(ca: &Path, holder: &Holder, beside: &Path) -> Result<Self, SealError> {
        let mut roots = rustls::RootCertStore::empty();
        let mut between = Vec::new();
        for certificate in CertificateDer::pem_file_iter(ca)? {
            let certificate = certificate?;
            roots.add(certificate.clone())?;
            between.push(certificate);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                .build()?;
        let mut certificates = BTreeMap::new();
        for entry in std::fs::read_dir(beside.join(FOLDER))? {
            let der = CertificateDer::from(std::fs::read(entry?.path())?);
            let Ok(facts) = CertificateFacts::read(&der) else { continue };
            // When it signed it was valid; it may have ended since.
            let at = UnixTime::since_unix_epoch(Duration::from_secs(facts.not_before.secs() + 1));
            let is_ours = verifier.verify_client_cert(&der, &between, at).is_ok();
            if is_ours && facts.holder.as_ref() == Some(holder) {
                certificates.insert(facts.fingerprint.to_string(), der);
            }
        }
        Ok(Self { certificates })
    }

    /// Did the certificate of this fingerprint sign these bytes?
    pub fn holds(&self, key_id: &str, bytes: &[u8], signature: &[u8]) -> bool {
        use x509_parser::prelude::FromDer;
        let Some(der) = self.certificates.get(key_id) else { return false };
        let Ok((_, certificate)) = x509_parser::certificate::X509Certificate::from_der(der) else {
            return false;
        };
        let key = &certificate.public_key().subject_public_key.data;
        let algorithms = rustls::crypto::aws_lc_rs::default_provider();
        let mut algorithms = SCHEMES.iter().flat_map(|scheme| {
            let mapping = algorithms.signature_verification_algorithms.mapping;
            let known = mapping.iter().find(|(known, _)| known == scheme);
            known.map(|(_, algorithms)| *algorithms).unwrap_or_default().iter()
        });
        let fits = |algorithm: &dyn SignatureVerificationAlgorithm| {
            algorithm.verify_signature(key, bytes, signature).is_ok()
        };
        algorithms.any(|algorithm| fits(*algorithm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::pki::{Pki, Platform, PlatformName};

    #[test]
    fn a_seal_holds_for_what_was_signed_and_for_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::at(folder.path().join("pki"));
        let name = |name: &str| PlatformName::new(name).unwrap();
        let platforms = ["axis", "ndxp"]
            .map(|platform| Platform { name: name(platform), addresses: Vec::new() });
        pki.init(&platforms, &[], Timestamp::from_secs(1_700_000_000)).unwrap();
        let beside = folder.path().join("evidence");
        let holder = Holder::Platform(name("ndxp"));
        let seal = Seal::open(&pki.bundle(&holder), &beside).unwrap();
        let other = Seal::open(&pki.bundle(&Holder::Platform(name("axis"))), &beside).unwrap();
        let check = SealCheck::open(&pki.dir().join("ca.pem"), &holder, &beside).unwrap();
        let signature = seal.sign(b"anchor");
        assert!(check.holds(&seal.key_id(), b"anchor", &signature));
        assert!(!check.holds(&seal.key_id(), b"anchoR", &signature));
        assert!(!check.holds(&other.key_id(), b"anchor", &other.sign(b"anchor")), "another's");
        assert!(!check.holds(&seal.key_id(), b"anchor", &other.sign(b"anchor")));
    }
}
