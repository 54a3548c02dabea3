//! Our own key and certificate, read and checked against each other.

use super::TlsLoadError;
use crate::pki::CertificateFacts;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::PathBuf;
use std::sync::Arc;

/// Our certificate (with what links it to an authority) and its key, both PEM.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    pub chain: PathBuf,
    pub key: PathBuf,
}

#[derive(Debug)]
pub(super) struct OwnKeys {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) facts: CertificateFacts,
}

impl KeyFiles {
    pub(super) fn all(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.chain, &self.key].into_iter()
    }
}

impl OwnKeys {
    pub(super) fn read(files: &KeyFiles, provider: &CryptoProvider) -> Result<Self, TlsLoadError> {
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(&super::read_file(&files.chain)?)
                .collect::<Result<_, _>>()?;
        let leaf = chain.first().ok_or_else(|| TlsLoadError::Empty(files.chain.clone()))?;
        let facts = CertificateFacts::read(leaf)?;
        let key = PrivateKeyDer::from_pem_slice(&super::read_file(&files.key)?)?;
        let certified = CertifiedKey::from_der(chain, key, provider)?;
        Ok(Self { certified: Arc::new(certified), facts })
    }
}
