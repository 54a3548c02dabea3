//! The tokens that are kept, by what they are looked for by: their digest, their key and scope, their end.

use super::{Fingerprint, MS_PER_S, TOKENS_PER_KEY_MAX, Token};
use crate::ingress::wso2::application::Client;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

type TokenDigest = [u8; 32];

/// What distinguishes the tokens of one consumer key: scope, certificate, and the platform that hands them out.
pub(super) type Slot = (String, Option<Fingerprint>, String);

pub(super) struct Held {
    pub(super) client: Arc<Client>,
    /// Kept because who asks again gets it again.
    pub(super) text: String,
    pub(super) scope: String,
    pub(super) bound_to: Option<Fingerprint>,
    pub(super) issuer: String,
    pub(super) expires_at_ms: u64,
}

/// Invariant: every token is in `by_digest` and in `by_end`; `by_key` has the newest of each slot, and no key
/// without a token.
#[derive(Default)]
pub(super) struct State {
    by_digest: BTreeMap<TokenDigest, Held>,
    by_key: BTreeMap<String, BTreeMap<Slot, TokenDigest>>,
    by_end: BTreeSet<(u64, TokenDigest)>,
}

impl Held {
    pub(super) fn to_token(&self, now_ms: u64) -> Token {
        Token {
            text: self.text.clone(),
            scope: self.scope.clone(),
            token_type: "Bearer",
            expires_in: self.expires_at_ms.saturating_sub(now_ms) / MS_PER_S,
        }
    }
}

impl State {
    pub(super) fn len(&self) -> usize {
        self.by_digest.len()
    }

    pub(super) fn has(&self, digest: &TokenDigest) -> bool {
        self.by_digest.contains_key(digest)
    }

    pub(super) fn get(&self, digest: &TokenDigest) -> Option<&Held> {
        self.by_digest.get(digest)
    }

    pub(super) fn current(&self, consumer_key: &str, slot: &Slot) -> Option<&Held> {
        self.by_digest.get(self.by_key.get(consumer_key)?.get(slot)?)
    }

    pub(super) fn insert(&mut self, digest: TokenDigest, held: Held) {
        let slots = self.by_key.entry(held.client.consumer_key.clone()).or_default();
        slots.insert((held.scope.clone(), held.bound_to, held.issuer.clone()), digest);
        self.by_end.insert((held.expires_at_ms, digest));
        self.by_digest.insert(digest, held);
    }

    pub(super) fn remove(&mut self, digest: &TokenDigest) -> bool {
        let Some(held) = self.by_digest.remove(digest) else { return false };
        self.by_end.remove(&(held.expires_at_ms, *digest));
        let key = held.client.consumer_key.as_str();
        if let Some(slots) = self.by_key.get_mut(key) {
            let slot = (held.scope, held.bound_to, held.issuer);
            // A newer token may have the slot by now.
            if slots.get(&slot) == Some(digest) {
                slots.remove(&slot);
            }
            if slots.is_empty() {
                self.by_key.remove(key);
            }
        }
        true
    }

    /// Removes at most `count` of those that ended at `ended_ms` or before.
    pub(super) fn purge(&mut self, ended_ms: u64, count: usize) {
        for _ in 0..count {
            if !self.drop_oldest_expired(ended_ms) {
                return;
            }
        }
    }

    /// False when none has ended by then.
    pub(super) fn drop_oldest_expired(&mut self, now_ms: u64) -> bool {
        let oldest = self.by_end.first().copied();
        oldest.is_some_and(|(end, digest)| end <= now_ms && self.remove(&digest))
    }

    /// Whether this key may have one more token; its expired ones make room.
    pub(super) fn has_room_for_key(
        &mut self,
        consumer_key: &str,
        slot: &Slot,
        now_ms: u64,
    ) -> bool {
        let Some(slots) = self.by_key.get(consumer_key) else { return true };
        if slots.contains_key(slot) || slots.len() < TOKENS_PER_KEY_MAX {
            return true;
        }
        let has_ended = |digest: &&TokenDigest| {
            self.by_digest.get(*digest).is_none_or(|held| held.expires_at_ms <= now_ms)
        };
        let ended: Vec<_> = slots.values().filter(has_ended).copied().collect();
        ended.iter().filter(|digest| self.remove(digest)).count() > 0
    }
}
