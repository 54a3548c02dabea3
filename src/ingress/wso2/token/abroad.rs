//! Tokens that platforms of other processes handed out, as those said of them.

use super::{Fingerprint, LookupError, TEXT_BYTES_MAX, digest};
use crate::ingress::wso2::application::Client;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What was heard of a token.
#[derive(Clone)]
pub(in crate::ingress::wso2) struct Heard {
    pub(in crate::ingress::wso2) client: Arc<Client>,
    pub(in crate::ingress::wso2) bound_to: Option<Fingerprint>,
    pub(in crate::ingress::wso2) expires_at_ms: u64,
    /// Then the issuer is asked again: it may know better by now.
    pub(in crate::ingress::wso2) until_ms: u64,
}

/// What is remembered of them.
pub(in crate::ingress::wso2) struct Abroad {
    heard: Mutex<BTreeMap<[u8; 32], Heard>>,
    /// How many are kept.
    limit: usize,
    /// For how long an answer is believed.
    recheck_ms: u64,
    /// Places for questions.
    pub(in crate::ingress::wso2) asking: Semaphore,
}

/// Questions under way.
const ASKING_MAX: usize = 64;

impl Abroad {
    pub(in crate::ingress::wso2) fn new(limit: usize, recheck_ms: u64) -> Self {
        Self { heard: Mutex::default(), limit, recheck_ms, asking: Semaphore::new(ASKING_MAX) }
    }

    /// What was heard lately.
    pub(in crate::ingress::wso2) fn recall(&self, text: &str, now_ms: u64) -> Option<Heard> {
        let heard = self.heard.lock();
        heard.get(&digest(text)).filter(|heard| now_ms < heard.until_ms).cloned()
    }

    /// Keeps what the issuer has just said. When there is no room it is asked again next time.
    pub(in crate::ingress::wso2) fn keep(
        &self,
        text: &str,
        (client, bound_to): (Arc<Client>, Option<Fingerprint>),
        left_ms: u64,
        now_ms: u64,
    ) -> Heard {
        let said = Heard {
            client,
            bound_to,
            expires_at_ms: now_ms.saturating_add(left_ms),
            until_ms: now_ms.saturating_add(self.recheck_ms),
        };
        let mut heard = self.heard.lock();
        if heard.len() >= self.limit {
            heard.retain(|_, known| now_ms < known.until_ms);
        }
        if heard.len() < self.limit {
            heard.insert(digest(text), said.clone());
        }
        said
    }

    pub(in crate::ingress::wso2) fn forget(&self, text: &str) {
        self.heard.lock().remove(&digest(text));
    }
}

impl Heard {
    /// Whose it is. `presented` is the certificate of the connection that the token came on.
    pub(in crate::ingress::wso2) fn admit(
        self,
        presented: Option<&Fingerprint>,
        now_ms: u64,
    ) -> Result<Arc<Client>, LookupError> {
        if self.bound_to.is_some() && self.bound_to.as_ref() != presented {
            return Err(LookupError::ForeignCertificate);
        }
        if self.expires_at_ms <= now_ms {
            return Err(LookupError::Expired);
        }
        Ok(self.client)
    }
}

impl fmt::Debug for Abroad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Abroad").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// The platform that a token says it is from.
pub(in crate::ingress::wso2) fn issuer_of(text: &str) -> Option<&str> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    text.split_once('.').map(|(_, issuer)| issuer)
}
