//! The forms of answers: JSON that nobody may keep, errors of RFC 6749 5.2, and redirects.

use serde::Serialize;

use super::super::Answer;

/// An error for the client itself, not for the citizen's browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OAuthError {
    pub(super) status: u16,
    pub(super) error: &'static str,
    /// ASCII without `"` and `\` (RFC 6749 5.2).
    pub(super) description: &'static str,
    /// `WWW-Authenticate`.
    pub(super) challenge: Option<String>,
}

impl OAuthError {
    pub(super) fn new(status: u16, error: &'static str, description: &'static str) -> Self {
        Self { status, error, description, challenge: None }
    }

    pub(super) fn invalid_request(description: &'static str) -> Self {
        Self::new(400, "invalid_request", description)
    }

    pub(super) fn invalid_grant(description: &'static str) -> Self {
        Self::new(400, "invalid_grant", description)
    }

    /// RFC 6749 5.2: 401 with the scheme that the client may use.
    pub(super) fn invalid_client(description: &'static str) -> Self {
        let challenge = Some("Basic realm=\"VNeID\"".to_owned());
        Self { challenge, ..Self::new(401, "invalid_client", description) }
    }

    /// RFC 6750 3.
    pub(super) fn invalid_token(description: &'static str) -> Self {
        let challenge = format!(
            "Bearer realm=\"VNeID\", error=\"invalid_token\", error_description=\"{description}\""
        );
        Self { challenge: Some(challenge), ..Self::new(401, "invalid_token", description) }
    }

    pub(super) fn answer(&self) -> Answer {
        #[derive(Serialize)]
        struct Body {
            error: &'static str,
            error_description: &'static str,
        }
        let body = Body { error: self.error, error_description: self.description };
        let answer = unkept(Answer::json(self.status, &body));
        match &self.challenge {
            Some(challenge) => answer.with_header("WWW-Authenticate", challenge.as_str()),
            None => answer,
        }
    }
}

/// RFC 6749 5.1.
pub(super) fn unkept(answer: Answer) -> Answer {
    answer.with_header("Cache-Control", "no-store").with_header("Pragma", "no-cache")
}

/// Sends the browser on. `uri` has been checked against the client's list.
pub(super) fn redirect(status: u16, uri: &str, pairs: &[(&str, &str)]) -> Answer {
    let mut location = uri.to_owned();
    for (name, value) in pairs {
        let separator = if location.contains('?') { '&' } else { '?' };
        location.push(separator);
        location.push_str(name);
        location.push('=');
        percent_encode(&mut location, value);
    }
    unkept(Answer::new(status, "text/plain; charset=utf-8", "")).with_header("Location", location)
}

fn percent_encode(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}
