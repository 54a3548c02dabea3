//! The token endpoint: a code for an ID token and an access token (`OpenID` Connect Core 3.1.3).

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::Answer;
use super::super::input::{Query, percent_decode};
use super::answer::{OAuthError, unkept};
use super::client::Client;
use super::grant::{Code, TOKEN_LIFE_MS};
use super::{Outcome, Request, SignIn, form, key};

/// RFC 7636 4.1.
const VERIFIER_BYTES: std::ops::RangeInclusive<usize> = 43..=128;
const SECOND_MS: i64 = 1_000;

impl SignIn {
    pub(super) fn token(&self, request: &Request<'_>) -> Outcome {
        Ok(self.exchange(request).unwrap_or_else(|error| error.answer()))
    }

    fn exchange(&self, request: &Request<'_>) -> Result<Answer, OAuthError> {
        let (call, now_ms) = (request.call, request.call.now_ms);
        let form = form::read(call)?;
        let client = self.authenticate(&form, call.headers)?;
        if form::required(&form, "grant_type")? != "authorization_code" {
            let told = "grant_type must be authorization_code";
            return Err(OAuthError::new(400, "unsupported_grant_type", told));
        }
        let code_key = form::required(&form, "code")?;
        let redirect_uri = form::required(&form, "redirect_uri")?;
        let verifier = form::value(&form, "code_verifier")?;
        let token = key::random().ok_or_else(broken)?;
        let code = self.grants.lock().exchange(code_key, &client.id, &token, now_ms);
        // From here on the code is used up, right or wrong: nobody may try again.
        let code = code.ok_or_else(|| {
            OAuthError::invalid_grant("code is unknown, expired, used, or of another client")
        })?;
        if code.redirect_uri != redirect_uri {
            return Err(OAuthError::invalid_grant("redirect_uri is not that of the request"));
        }
        check_verifier(code.challenge.as_deref(), verifier)?;
        let claims = id_claims(&code, &token, &self.issuer_of(call), now_ms);
        let id_token = self.key.sign(&claims).ok_or_else(broken)?;
        let scope = code.grant.scope.clone();
        self.grants.lock().add_token(token.clone(), code.grant, now_ms).map_err(|_full| {
            OAuthError::new(503, "temporarily_unavailable", "too many access tokens are in use")
        })?;
        Ok(unkept(Answer::json(
            200,
            &json!({
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": TOKEN_LIFE_MS / SECOND_MS,
                "id_token": id_token,
                "scope": scope,
            }),
        )))
    }

    /// RFC 6749 2.3.1 and 3.2.1: by the header or in the form, never both; a public client names itself.
    fn authenticate(&self, form: &Query, headers: &HeaderMap) -> Result<&Client, OAuthError> {
        let id = form::value(form, "client_id")?;
        let secret = form::value(form, "client_secret")?;
        let (id, secrets) = match headers.get(AUTHORIZATION).map(|value| basic(value.as_bytes())) {
            Some(None) => {
                return Err(OAuthError::invalid_client("malformed Authorization header"));
            }
            Some(Some(_)) if secret.is_some() => {
                return Err(OAuthError::invalid_request("client credentials given twice"));
            }
            Some(Some((by, _))) if id.is_some_and(|id| id != by) => {
                return Err(OAuthError::invalid_request("client_id given twice"));
            }
            Some(Some((id, secrets))) => (Some(id), secrets),
            None => (id.map(str::to_owned), secret.map(str::to_owned).into_iter().collect()),
        };
        let client = id.and_then(|id| self.clients.get(&id));
        let client = client.ok_or_else(|| OAuthError::invalid_client("unknown client"))?;
        let good = if secrets.iter().all(String::is_empty) {
            client.secret.is_none()
        } else {
            secrets.iter().any(|secret| client.has_secret(secret))
        };
        good.then_some(client).ok_or_else(|| OAuthError::invalid_client("wrong client secret"))
    }
}

/// Id, and the secret as it may be meant: RFC 6749 2.3.1 wants both form-encoded, and clients such as Authlib send
/// them as they are.
fn basic(value: &[u8]) -> Option<(String, Vec<String>)> {
    let (scheme, pair) = str::from_utf8(value).ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = base64_simd::STANDARD.decode_to_vec(pair.trim()).ok()?;
    let (id, secret) = str::from_utf8(&pair).ok()?.split_once(':')?;
    let id = percent_decode(id, true).unwrap_or_else(|| id.to_owned());
    let secrets = [Some(secret.to_owned()), percent_decode(secret, true)];
    Some((id, secrets.into_iter().flatten().collect()))
}

fn id_claims(code: &Code, token: &str, issuer: &str, now_ms: i64) -> Value {
    // The left half (`OpenID` Connect Core 3.1.3.6).
    let digest = Sha256::digest(token);
    let (half, _) = digest.split_at(digest.len() / 2);
    let mut claims = json!({
        "iss": issuer,
        "sub": code.grant.subject,
        "aud": code.grant.client_id,
        "iat": now_ms.div_euclid(SECOND_MS),
        "exp": now_ms.saturating_add(TOKEN_LIFE_MS).div_euclid(SECOND_MS),
        "auth_time": code.grant.at_ms.div_euclid(SECOND_MS),
        "at_hash": key::encode(half),
    });
    if let (Some(nonce), Some(claims)) = (&code.nonce, claims.as_object_mut()) {
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    claims
}

/// RFC 7636 4.6. A verifier without a challenge is refused as well: someone took the challenge away on its way.
fn check_verifier(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), OAuthError> {
    let good = match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            VERIFIER_BYTES.contains(&verifier.len())
                && key::encode(Sha256::digest(verifier)) == challenge
        }
        (None, Some(_)) | (Some(_), None) => false,
    };
    good.then_some(()).ok_or_else(|| OAuthError::invalid_grant("code_verifier does not fit"))
}

fn broken() -> OAuthError {
    OAuthError::new(500, "server_error", "the token could not be made")
}
