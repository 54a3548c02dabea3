//! The part of an authorization request that must be right before the browser may be sent anywhere, and the part
//! whose errors go back to the client (`OpenID` Connect Core 3.1.2.2, 3.1.2.6).

use super::super::Answer;
use super::super::input::Query;
use super::answer::redirect;
use super::claims::known_scopes;
use super::client::Client;
use super::{SignIn, page};

const STATE_BYTES_MAX: usize = 2_048;
const NONCE_BYTES_MAX: usize = 512;
/// Letters of base64url(SHA-256).
const CHALLENGE_BYTES: usize = 43;

/// Where the answer goes.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) client: &'a Client,
    pub(super) redirect_uri: &'a str,
    pub(super) state: Option<&'a str>,
    pub(super) issuer: String,
    /// 302 after GET, 303 after POST.
    pub(super) status: u16,
}

/// What is asked for.
#[derive(Debug)]
pub(super) struct Wish<'a> {
    pub(super) scope: String,
    pub(super) nonce: Option<&'a str>,
    pub(super) challenge: Option<&'a str>,
    pub(super) is_silent: bool,
    /// Identity number.
    pub(super) login_hint: Option<&'a str>,
}

/// Error code and description for the client.
pub(super) type Refusal = (&'static str, &'static str);

impl<'a> Target<'a> {
    /// Without a known client and an address of its own the citizen is told, not the client.
    pub(super) fn read(
        sign_in: &'a SignIn,
        parameters: &'a Query,
        (issuer, status): (String, u16),
    ) -> Result<Self, Answer> {
        let text = |name: &str| parameters.text(name).ok().flatten();
        let given = |name: &str| text(name).filter(|value| !value.is_empty());
        let missing = || page::error(400, "Thiếu hoặc lặp lại client_id hay redirect_uri.");
        let client = sign_in.clients.get(given("client_id").ok_or_else(missing)?);
        let client =
            client.ok_or_else(|| page::error(403, "Ứng dụng (client_id) chưa đăng ký."))?;
        let redirect_uri = given("redirect_uri").ok_or_else(missing)?;
        if !client.may_return_to(redirect_uri) {
            let message = "Địa chỉ trả về (redirect_uri) không thuộc ứng dụng.";
            return Err(page::error(403, message));
        }
        let state = text("state").filter(|state| state.len() <= STATE_BYTES_MAX);
        Ok(Self { client, redirect_uri, state, issuer, status })
    }

    /// RFC 6749 4.1.2.1, with `iss` of RFC 9207.
    pub(super) fn refuse(&self, (error, description): Refusal) -> Answer {
        self.send(&[("error", error), ("error_description", description)])
    }

    pub(super) fn send(&self, pairs: &[(&str, &str)]) -> Answer {
        let mut pairs = pairs.to_vec();
        pairs.extend(self.state.map(|state| ("state", state)));
        pairs.push(("iss", &self.issuer));
        redirect(self.status, self.redirect_uri, &pairs)
    }
}

impl<'a> Wish<'a> {
    pub(super) fn read(parameters: &'a Query, client: &Client) -> Result<Self, Refusal> {
        let text = |name: &str| -> Result<Option<&'a str>, Refusal> {
            let value = parameters.text(name).ok();
            let value = value.ok_or(("invalid_request", "repeated parameter"))?;
            Ok(value.filter(|value| !value.is_empty()))
        };
        for (name, error) in UNSUPPORTED {
            if text(name)?.is_some() {
                return Err((error, "parameter not supported"));
            }
        }
        if text("state")?.is_some_and(|state| state.len() > STATE_BYTES_MAX) {
            return Err(("invalid_request", "state is too long"));
        }
        match text("response_type")? {
            Some("code") => {}
            Some(_) => return Err(("unsupported_response_type", "response_type must be code")),
            None => return Err(("invalid_request", "response_type is missing")),
        }
        if text("response_mode")?.is_some_and(|mode| mode != "query") {
            return Err(("invalid_request", "response_mode must be query"));
        }
        let scope = text("scope")?.and_then(known_scopes);
        let scope = scope.ok_or(("invalid_scope", "scope must contain openid"))?;
        let nonce = text("nonce")?;
        if nonce.is_some_and(|nonce| nonce.len() > NONCE_BYTES_MAX) {
            return Err(("invalid_request", "nonce is too long"));
        }
        let challenge = challenge(text("code_challenge")?, text("code_challenge_method")?)?;
        if challenge.is_none() && client.secret.is_none() {
            return Err(("invalid_request", "a public client must send code_challenge"));
        }
        let is_silent = is_silent(text("prompt")?)?;
        Ok(Self { scope, nonce, challenge, is_silent, login_hint: text("login_hint")? })
    }
}

/// RFC 7636 4.3; without a method `plain` is meant, which is not offered.
fn challenge<'a>(
    challenge: Option<&'a str>,
    method: Option<&str>,
) -> Result<Option<&'a str>, Refusal> {
    let Some(challenge) = challenge else {
        let alone = method.is_some().then_some(("invalid_request", "code_challenge is missing"));
        return alone.map_or(Ok(None), Err);
    };
    if method != Some("S256") {
        return Err(("invalid_request", "code_challenge_method must be S256"));
    }
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if challenge.len() != CHALLENGE_BYTES || !challenge.bytes().all(is_letter) {
        return Err(("invalid_request", "code_challenge must be 43 letters of base64url"));
    }
    Ok(Some(challenge))
}

/// `none` must stand alone (`OpenID` Connect Core 3.1.2.1). The others change nothing: every sign-in asks.
fn is_silent(prompt: Option<&str>) -> Result<bool, Refusal> {
    let mut words = prompt.unwrap_or_default().split(' ').filter(|word| !word.is_empty());
    if prompt == Some("none") {
        return Ok(true);
    }
    if words.all(|word| matches!(word, "login" | "consent" | "select_account")) {
        return Ok(false);
    }
    Err(("invalid_request", "prompt must be none alone, or of login, consent, select_account"))
}

const UNSUPPORTED: [(&str, &str); 3] = [
    ("request", "request_not_supported"),
    ("request_uri", "request_uri_not_supported"),
    ("registration", "registration_not_supported"),
];
