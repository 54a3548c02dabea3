//! What was granted: codes for one use within a minute, and access tokens for an hour. Both tables are bounded; when
//! one is full of what has not expired, nothing more is granted.

use super::super::moment::{HOUR_MS, MINUTE_MS};
use super::super::table::{Bounds, Full, Table};

/// RFC 6749 4.1.2 recommends at most ten minutes.
pub(super) const CODE_LIFE_MS: i64 = MINUTE_MS;
pub(super) const TOKEN_LIFE_MS: i64 = HOUR_MS;
const CODES: Bounds = Bounds { rows_max: 10_000, bytes_max: 32 << 20 };
const TOKENS: Bounds = Bounds { rows_max: 50_000, bytes_max: 32 << 20 };
/// Counted for a row beside its texts.
const ROW_BYTES: usize = 256;

#[derive(Debug)]
pub(super) struct Grants {
    codes: Table<String, Code>,
    tokens: Table<String, Token>,
}

/// Who let whom see what.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) client_id: String,
    /// Index in the population.
    pub(super) citizen: u32,
    /// `sub` of the citizen.
    pub(super) subject: String,
    /// Those known, parted by blanks.
    pub(super) scope: String,
    /// When the citizen consented, milliseconds since 1970.
    pub(super) at_ms: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) grant: Grant,
    pub(super) redirect_uri: String,
    pub(super) nonce: Option<String>,
    /// `code_challenge`, S256.
    pub(super) challenge: Option<String>,
    /// The access token, once exchanged.
    exchanged: Option<String>,
}

#[derive(Debug)]
struct Token {
    grant: Grant,
    expires_ms: i64,
}

impl Grants {
    pub(super) const fn new() -> Self {
        Self { codes: Table::new(CODES), tokens: Table::new(TOKENS) }
    }

    pub(super) fn add_code(&mut self, key: String, code: Code, now_ms: i64) -> Result<(), Full> {
        if self.codes.len() >= CODES.rows_max {
            self.codes.retain(|code| code.is_live(now_ms));
        }
        let texts = [Some(&code.redirect_uri), code.nonce.as_ref(), Some(&code.grant.scope)];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        self.codes.put(key, code, ROW_BYTES + texts)
    }

    /// The code of a client, which from now on counts as exchanged for `token`. A second exchange gives `None` and
    /// takes back what the first one gave (RFC 6749 4.1.2).
    pub(super) fn exchange(
        &mut self,
        key: &str,
        client_id: &str,
        token: &str,
        now_ms: i64,
    ) -> Option<Code> {
        let code = self.codes.get_mut(&key.to_owned())?;
        if code.grant.client_id != client_id || !code.is_live(now_ms) {
            return None;
        }
        if let Some(earlier) = code.exchanged.take() {
            code.exchanged = Some(String::new());
            self.revoke(&earlier);
            return None;
        }
        code.exchanged = Some(token.to_owned());
        Some(code.clone())
    }

    pub(super) fn add_token(&mut self, key: String, grant: Grant, now_ms: i64) -> Result<(), Full> {
        if self.tokens.len() >= TOKENS.rows_max {
            self.tokens.retain(|token| now_ms < token.expires_ms);
        }
        let bytes = ROW_BYTES + grant.scope.len() + grant.client_id.len();
        self.tokens.put(
            key,
            Token { grant, expires_ms: now_ms.saturating_add(TOKEN_LIFE_MS) },
            bytes,
        )
    }

    pub(super) fn token(&self, key: &str, now_ms: i64) -> Option<&Grant> {
        let token = self.tokens.get(&key.to_owned())?;
        (now_ms < token.expires_ms).then_some(&token.grant)
    }

    /// Ends all that a citizen granted to a client.
    pub(super) fn end(&mut self, client_id: &str, subject: &str) {
        let ends = |grant: &Grant| grant.client_id == client_id && grant.subject == subject;
        self.codes.retain(|code| !ends(&code.grant));
        self.tokens.retain(|token| !ends(&token.grant));
    }

    fn revoke(&mut self, token: &str) {
        if let Some(token) = self.tokens.get_mut(&token.to_owned()) {
            token.expires_ms = i64::MIN;
        }
    }
}

impl Code {
    pub(super) fn new(grant: Grant, redirect_uri: String) -> Self {
        Self { grant, redirect_uri, nonce: None, challenge: None, exchanged: None }
    }

    fn is_live(&self, now_ms: i64) -> bool {
        now_ms < self.grant.at_ms.saturating_add(CODE_LIFE_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            client_id: "a".to_owned(),
            citizen: 1,
            subject: "s1".to_owned(),
            scope: "openid".to_owned(),
            at_ms: 0,
        }
    }

    #[test]
    fn a_full_table_takes_no_more_until_rows_expire() {
        let mut grants = Grants::new();
        for at in 0..CODES.rows_max {
            let code = Code::new(grant(), String::new());
            assert_eq!(grants.add_code(at.to_string(), code, 0), Ok(()));
        }
        let code = || Code::new(grant(), String::new());
        assert_eq!(grants.add_code("x".to_owned(), code(), CODE_LIFE_MS - 1), Err(Full));
        assert_eq!(grants.add_code("x".to_owned(), code(), CODE_LIFE_MS), Ok(()));
        for at in 0..TOKENS.rows_max {
            assert_eq!(grants.add_token(at.to_string(), grant(), 0), Ok(()));
        }
        assert_eq!(grants.add_token("x".to_owned(), grant(), TOKEN_LIFE_MS - 1), Err(Full));
        assert_eq!(grants.add_token("x".to_owned(), grant(), TOKEN_LIFE_MS), Ok(()));
    }

    #[test]
    fn a_code_is_exchanged_once_and_a_second_time_takes_the_token_back() {
        let mut grants = Grants::new();
        grants.add_code("k".to_owned(), Code::new(grant(), String::new()), 0).unwrap();
        assert!(grants.exchange("k", "b", "t0", 1).is_none(), "another client's");
        assert!(grants.exchange("k", "a", "t1", CODE_LIFE_MS).is_none(), "too late");
        assert!(grants.exchange("k", "a", "t1", 1).is_some());
        grants.add_token("t1".to_owned(), grant(), 1).unwrap();
        assert!(grants.token("t1", 2).is_some());
        assert!(grants.exchange("k", "a", "t2", 2).is_none());
        assert!(grants.token("t1", 2).is_none());
        assert!(grants.exchange("k", "a", "t3", 3).is_none());
    }

    #[test]
    fn a_citizen_ends_only_what_that_citizen_granted_to_that_client() {
        let mut grants = Grants::new();
        grants.add_token("t".to_owned(), grant(), 0).unwrap();
        grants.end("b", "s1");
        grants.end("a", "s2");
        assert!(grants.token("t", 1).is_some());
        grants.end("a", "s1");
        assert!(grants.token("t", 1).is_none());
    }
}
