//! Bearer tokens of a gateway: handed out for a key and its secret, valid for a time (domain.md 4.1 a: 3600 s, 30
//! minutes in Lạng Sơn; 8 rule 11).
//!
//! As with WSO2, who asks again while a token is valid gets the same one with what is left of its life. A token
//! may be bound to the certificate of the connection it was asked on (RFC 8705); then no other may use it.

mod abroad;
mod held;
#[cfg(test)]
mod tests;

use super::application::Client;
pub(super) use abroad::{Abroad, issuer_of};
use held::{Held, State};
use parking_lot::Mutex;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;

/// The SHA-256 of a certificate.
pub(super) type Fingerprint = [u8; 32];

/// The tokens of one gateway.
pub(super) struct Tokens {
    state: Mutex<State>,
    /// How many are kept, expired ones counted.
    limit: usize,
}

/// What a token is asked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Words with blanks between; empty for the usual ones.
    pub scope: String,
    /// At most `LIFE_S_MAX` is given, at least 1.
    pub life_s: u64,
    /// Of a valid token that is given again, so much is left; at least 1.
    pub left_s_min: u64,
    pub bound_to: Option<Fingerprint>,
    /// The name of the platform that hands it out: it is written behind a new token, so that others know whom to ask.
    pub issuer: String,
}

/// What the token endpoint answers, as WSO2 writes it. Its `Debug` text has no token.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) struct Token {
    #[serde(rename = "access_token")]
    pub text: String,
    pub scope: String,
    pub token_type: &'static str,
    /// Whole seconds left, rounded down.
    pub expires_in: u64,
}

/// Why no token is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum IssueError {
    #[error("this gateway has handed out as many tokens as it can keep")]
    Full,
    #[error("a consumer key has at most {TOKENS_PER_KEY_MAX} tokens at a time")]
    TooManyOfKey,
    #[error("a scope has at most {SCOPE_BYTES_MAX} bytes, all of them printable ASCII")]
    BadScope,
    /// The caller's random bytes were used before: two clients would share a token.
    #[error("the random bytes are not random")]
    RandomRepeated,
}

/// Why a token opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LookupError {
    #[error("the token has expired")]
    Expired,
    /// Never handed out, or expired so long ago that it is forgotten.
    #[error("the token is not known")]
    Unknown,
    #[error("the token belongs to another certificate")]
    ForeignCertificate,
    #[error("the platform that handed the token out does not answer")]
    IssuerSilent,
}

/// What every platform of the country together could need, at some 500 bytes each.
pub(super) const TOKENS_MAX: usize = 100_000;
/// Scopes and certificates differ; nobody needs so many of both.
const TOKENS_PER_KEY_MAX: usize = 64;
pub(super) const LIFE_S_DEFAULT: u64 = 3_600;
const LIFE_S_MAX: u64 = 86_400;
const SCOPE_BYTES_MAX: usize = 256;
/// For how long an expired token is still told from an unknown one.
const EXPIRED_KEPT_MS: u64 = 3_600_000;

const MS_PER_S: u64 = 1_000;
/// How many long expired tokens each new one clears away: more than one, so that they become fewer.
const PURGED_PER_ISSUE: usize = 4;
/// A client that is given a token with nothing left of it asks again at once, and again.
pub(super) const LEFT_S_MIN: u64 = 1;
/// What WSO2 grants to every application, and what else it grants where nothing is asked for.
const APPLICATION_SCOPE: &str = "am_application_scope";
const DEFAULT_SCOPE: &str = "default";
/// Longer than any token of ours; what is longer is not even hashed.
const TEXT_BYTES_MAX: usize = 256;

impl Tokens {
    /// The token of this client, or a new one made of `random`, which must never be used twice. While there is a
    /// valid one, the life asked for changes nothing.
    pub(super) fn issue(
        &self,
        client: &Arc<Client>,
        wanted: &Wanted,
        random: &[u8; 32],
        now_ms: u64,
    ) -> Result<Token, IssueError> {
        let scope = granted_scope(&wanted.scope).ok_or(IssueError::BadScope)?;
        let slot = (scope, wanted.bound_to, wanted.issuer.clone());
        let mut state = self.state.lock();
        state.purge(now_ms.saturating_sub(EXPIRED_KEPT_MS), PURGED_PER_ISSUE);
        if let Some(held) = state.current(&client.consumer_key, &slot)
            // A key that was given to another application meanwhile.
            && held.client == *client
            && held.expires_at_ms.saturating_sub(now_ms) >= wanted.left_s_min.clamp(LEFT_S_MIN, LIFE_S_MAX) * MS_PER_S
        {
            return Ok(held.to_token(now_ms));
        }
        let text = written(base64_simd::URL_SAFE_NO_PAD.encode_to_string(random), &wanted.issuer);
        let digest = digest(&text);
        if state.has(&digest) {
            return Err(IssueError::RandomRepeated);
        }
        if !state.has_room_for_key(&client.consumer_key, &slot, now_ms) {
            return Err(IssueError::TooManyOfKey);
        }
        if state.len() >= self.limit && !state.drop_oldest_expired(now_ms) {
            return Err(IssueError::Full);
        }
        let life_ms = wanted.life_s.clamp(1, LIFE_S_MAX) * MS_PER_S;
        let (scope, bound_to, issuer) = slot;
        let expires_at_ms = now_ms.saturating_add(life_ms);
        let client = Arc::clone(client);
        let held = Held { client, text, scope, bound_to, issuer, expires_at_ms };
        let token = held.to_token(now_ms);
        state.insert(digest, held);
        Ok(token)
    }

    /// What another platform is told of a token: whose it is, its certificate, what is left of its life in ms.
    pub(super) fn describe(
        &self,
        text: &str,
        now_ms: u64,
    ) -> Option<(Arc<Client>, Option<Fingerprint>, u64)> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let state = self.state.lock();
        let held = state.get(&digest(text))?;
        Some((Arc::clone(&held.client), held.bound_to, held.expires_at_ms.saturating_sub(now_ms)))
    }

    /// Whose token this is. `presented` is the certificate of the connection that the token came on.
    pub(super) fn look_up(
        &self,
        text: &str,
        presented: Option<&Fingerprint>,
        now_ms: u64,
    ) -> Result<Arc<Client>, LookupError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(LookupError::Unknown);
        }
        let digest = digest(text);
        let state = self.state.lock();
        let held = state.get(&digest).ok_or(LookupError::Unknown)?;
        // Before the time: a stranger does not learn how long a token lives.
        if held.bound_to.is_some() && held.bound_to.as_ref() != presented {
            return Err(LookupError::ForeignCertificate);
        }
        if held.expires_at_ms <= now_ms {
            return Err(LookupError::Expired);
        }
        Ok(Arc::clone(&held.client))
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self { state: Mutex::new(State::default()), limit: TOKENS_MAX }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("scope", &self.scope)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

/// RFC 6750 2.1: a token may have dots.
fn written(random: String, issuer: &str) -> String {
    if issuer.is_empty() { random } else { format!("{random}.{issuer}") }
}

/// Tokens are found by this, so that the time of a search tells nothing of a token's text.
fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// The scopes in one order, so that the same ones asked for in another are the same token.
fn granted_scope(asked: &str) -> Option<String> {
    let is_printable = asked.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if asked.len() > SCOPE_BYTES_MAX || !is_printable || asked.contains(['"', '\\']) {
        return None;
    }
    let mut words: Vec<_> =
        asked.split(' ').filter(|word| !word.is_empty() && *word != APPLICATION_SCOPE).collect();
    words.sort_unstable();
    words.dedup();
    if words.is_empty() {
        words.push(DEFAULT_SCOPE);
    }
    Some(format!("{APPLICATION_SCOPE} {}", words.join(" ")))
}
