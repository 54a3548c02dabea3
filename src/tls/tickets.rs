//! Session tickets that become worthless when revocation or keys change.
//!
//! A resumed session does not run the client verifier again, so a ticket must not outlive the state of
//! trust it was given under. Nor may it change doors: each listener has tickets of its own, because
//! rustls resumes an anonymous session even where a certificate is required.

use super::trust::Trust;
use parking_lot::Mutex;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ProducesTickets;
use std::fmt;
use std::sync::Arc;

/// What rustls' own ticketer has: it rolls its keys every six hours.
const LIFETIME_SECS: u32 = 12 * 3600;

pub(super) struct Tickets {
    trust: Arc<Trust>,
    current: Mutex<Option<(u64, Arc<dyn ProducesTickets>)>>,
}

impl Tickets {
    pub(super) fn new(trust: Arc<Trust>) -> Self {
        Self { trust, current: Mutex::new(None) }
    }

    /// The ticketer of this generation; `None` if no random keys could be had, and then no session resumes.
    fn current(&self) -> Option<Arc<dyn ProducesTickets>> {
        let generation = self.trust.generation();
        let mut current = self.current.lock();
        if let Some((made_in, ticketer)) = current.as_ref()
            && *made_in == generation
        {
            return Some(Arc::clone(ticketer));
        }
        *current = Ticketer::new().ok().map(|ticketer| (generation, ticketer));
        current.as_ref().map(|(_, ticketer)| Arc::clone(ticketer))
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME_SECS
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.current()?.encrypt(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.current()?.decrypt(cipher)
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets")
    }
}
