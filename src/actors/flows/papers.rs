//! What an agency signs messages with, and by what it knows who signed the answer (domain.md 1.2 C7).

use crate::clock::Timestamp;
use crate::domain::envelope::SignatureState;
use crate::domain::member_id::MemberId;
use crate::pki::{CertificateFacts, Holder};
use crate::providers::soap::Envelope;
use crate::signature::{Anchors, SignError, Signer, verify};
use std::path::Path;

#[derive(Debug)]
pub struct Papers {
    signer: Signer,
    anchors: Anchors,
}

/// They could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PapersError {
    #[error("a key or certificate cannot be read")]
    File(#[from] std::io::Error),
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl Papers {
    /// Of the member whose key and certificate these are; `ca` vouches for the others.
    pub fn read(key: &Path, chain: &Path, ca: &Path) -> Result<Self, PapersError> {
        Ok(Self {
            signer: Signer::from_pem(&std::fs::read(key)?, &std::fs::read(chain)?)?,
            anchors: Anchors::from_pem(&std::fs::read(ca)?)?,
        })
    }

    pub(super) fn sign(&self, document: &str) -> Result<String, String> {
        self.signer.sign_root(document).map_err(|error| error.to_string())
    }

    /// That the answer's element is as the owner of the service signed it. `Err` says why it is not to be believed.
    pub(super) fn check(&self, answer: &[u8], service: &str, at: Timestamp) -> Result<(), String> {
        let envelope = Envelope::read(answer).map_err(|fault| fault.message)?;
        let verdict = verify(envelope.root_text(answer).as_bytes(), &self.anchors, at);
        let facts = verdict.certificate.as_deref().map(CertificateFacts::read);
        let holder = facts.and_then(Result::ok).and_then(|facts| facts.holder);
        let (owner, _) = service.rsplit_once('/').unwrap_or_default();
        let owner = MemberId::parse(owner).ok().map(Holder::Member);
        if verdict.state == SignatureState::Valid && holder.is_some() && holder == owner {
            return Ok(());
        }
        let note = verdict.note;
        Err(format!("câu trả lời không có chữ ký số hợp lệ của {service}: {note}"))
    }
}
