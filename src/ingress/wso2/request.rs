//! `POST /token`: reading what a client asks, and the answers when it gets none (RFC 6749 4.4 and 5.2, in WSO2's
//! words, which clients compare with).

use super::application::AuthenticationError;
use super::credentials::{Credentials, basic, lgsp};
use super::percent::{form_decoded, raw_pairs};
use super::token::{IssueError, LIFE_S_DEFAULT};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use std::collections::BTreeMap;

/// A request for a token. Whether key and secret are right is for `Applications` to say.
#[derive(Clone, Debug)]
pub(super) struct TokenRequest {
    pub credentials: Credentials,
    /// As it was sent; empty when nothing was asked for.
    pub scope: String,
    /// `validity_period`, a parameter of WSO2's own.
    pub life_s: u64,
}

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenFault {
    #[error("the request cannot be read: {0}")]
    InvalidRequest(&'static str),
    #[error("only client_credentials is known here")]
    UnsupportedGrantType,
    #[error("there is no grant_type")]
    GrantTypeMissing,
    #[error("the scope cannot be read")]
    InvalidScope,
    /// No key and secret, or none that can be read.
    #[error("the client does not say who it is")]
    ClientMissing,
    /// With the key that was given.
    #[error("no application has this consumer key")]
    UnknownClient(String),
    #[error("the consumer secret is wrong")]
    WrongSecret,
    /// Too many tokens are about.
    #[error("no token can be handed out now")]
    Busy,
}

/// A body of a token request has some 100 bytes, a few more with a key and a secret.
pub(super) const FORM_BYTES_MAX: usize = 8_192;
const PAIRS_MAX: usize = 32;
const FORM_TYPE: &str = "application/x-www-form-urlencoded";

impl TokenRequest {
    /// Reads the request; `query` is what follows `?`. Where several ways of saying who asks are used at once,
    /// none is believed (RFC 6749 2.3).
    pub(super) fn parse(
        headers: &HeaderMap,
        query: Option<&str>,
        body: &[u8],
    ) -> Result<Self, TokenFault> {
        let form = form(headers, query, body)?;
        match form.get("grant_type").map(String::as_str) {
            None | Some("") => return Err(TokenFault::GrantTypeMissing),
            Some("client_credentials") => {}
            Some(_) => return Err(TokenFault::UnsupportedGrantType),
        }
        let life_s = match form.get("validity_period") {
            None => LIFE_S_DEFAULT,
            Some(text) => seconds(text).ok_or(TokenFault::InvalidRequest(
                "validity_period is a number of seconds above 0",
            ))?,
        };
        let scope = form.get("scope").cloned().unwrap_or_default();
        Ok(Self { credentials: credentials(headers, &form)?, scope, life_s })
    }
}

/// The parameters of the body and, as WSO2 takes them too, of the query; never a secret from there, where it would
/// be in every log on the way.
fn form(
    headers: &HeaderMap,
    query: Option<&str>,
    body: &[u8],
) -> Result<BTreeMap<String, String>, TokenFault> {
    let query = query.unwrap_or_default();
    if body.len() > FORM_BYTES_MAX || query.len() > FORM_BYTES_MAX {
        return Err(TokenFault::InvalidRequest("the form is too long"));
    }
    if !body.is_empty() && !is_form(headers) {
        return Err(TokenFault::InvalidRequest(
            "the Content-Type is application/x-www-form-urlencoded",
        ));
    }
    let Ok(body) = std::str::from_utf8(body) else {
        return Err(TokenFault::InvalidRequest("the form is not UTF-8"));
    };
    let in_query = raw_pairs(query).map(|pair| (pair, true));
    let in_body = raw_pairs(body.trim()).map(|pair| (pair, false));
    let mut form = BTreeMap::new();
    for (count, ((name, value), is_query)) in in_query.chain(in_body).enumerate() {
        let (Some(name), Some(value)) = (form_decoded(name), form_decoded(value)) else {
            return Err(TokenFault::InvalidRequest("a parameter has a broken escape"));
        };
        if count >= PAIRS_MAX {
            return Err(TokenFault::InvalidRequest("there are too many parameters"));
        }
        if is_query && name == "client_secret" {
            return Err(TokenFault::InvalidRequest("client_secret does not belong in the address"));
        }
        if form.insert(name, value).is_some() {
            return Err(TokenFault::InvalidRequest("a parameter is given twice"));
        }
    }
    Ok(form)
}

/// A request that does not say what its body is, is taken at its word.
fn is_form(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(FORM_TYPE)
}

fn seconds(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|seconds| is_number && *seconds > 0)
}

fn credentials(
    headers: &HeaderMap,
    form: &BTreeMap<String, String>,
) -> Result<Credentials, TokenFault> {
    let in_header = basic(headers).or(Err(TokenFault::ClientMissing))?;
    let of_lgsp = lgsp(headers).or(Err(TokenFault::ClientMissing))?;
    let (id, secret) = (form.get("client_id"), form.get("client_secret"));
    let in_form = match (id, secret) {
        (Some(id), Some(secret)) => {
            Some(Credentials::new(id, secret).ok_or(TokenFault::ClientMissing)?)
        }
        (_, None) => None,
        (None, Some(_)) => return Err(TokenFault::ClientMissing),
    };
    let mut ways = [in_header, of_lgsp, in_form].into_iter().flatten();
    let found = ways.next().ok_or(TokenFault::ClientMissing)?;
    let is_other = id.is_some_and(|id| *id != found.consumer_key);
    if ways.next().is_some() || is_other {
        return Err(TokenFault::InvalidRequest(
            "the client must not use more than one authentication method",
        ));
    }
    Ok(found)
}

impl TokenFault {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::InvalidRequest(_)
            | Self::UnsupportedGrantType
            | Self::GrantTypeMissing
            | Self::InvalidScope => StatusCode::BAD_REQUEST,
            Self::ClientMissing | Self::UnknownClient(_) | Self::WrongSecret => {
                StatusCode::UNAUTHORIZED
            }
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The error of RFC 6749 5.2.
    pub(super) const fn error(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) | Self::GrantTypeMissing => "invalid_request",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::ClientMissing | Self::UnknownClient(_) | Self::WrongSecret => "invalid_client",
            Self::Busy => "temporarily_unavailable",
        }
    }

    /// In WSO2's words. RFC 6749 5.2 has room for ASCII alone, so the Vietnamese stands beside it.
    pub(super) fn description(&self) -> String {
        match self {
            Self::InvalidRequest(detail) => format!("Invalid request: {detail}"),
            Self::UnsupportedGrantType => "Unsupported grant_type value".to_owned(),
            Self::GrantTypeMissing => "Missing grant_type parameter value".to_owned(),
            Self::InvalidScope => "The requested scope is invalid".to_owned(),
            Self::ClientMissing => {
                "Unsupported Client Authentication Method! Send Authorization: Basic base64(consumerKey:consumerSecret)"
                    .to_owned()
            }
            Self::UnknownClient(key) => {
                let shown: String = key.chars().filter(|c| is_shown(*c)).take(128).collect();
                format!("A valid OAuth client could not be found for client_id: {shown}")
            }
            Self::WrongSecret => "Client credentials are invalid.".to_owned(),
            Self::Busy => "Too many tokens are valid; ask again later".to_owned(),
        }
    }

    pub(super) const fn description_vi(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "Yêu cầu cấp mã truy cập không đọc được.",
            Self::UnsupportedGrantType => "Chỉ hỗ trợ grant_type=client_credentials.",
            Self::GrantTypeMissing => "Thiếu tham số grant_type.",
            Self::InvalidScope => "Phạm vi (scope) yêu cầu không hợp lệ.",
            Self::ClientMissing => {
                "Yêu cầu không có consumer key và consumer secret, hoặc có mà không đọc được."
            }
            Self::UnknownClient(_) => "Không có ứng dụng nào có consumer key này.",
            Self::WrongSecret => "Consumer secret không đúng.",
            Self::Busy => "Cổng đã cấp quá nhiều mã truy cập; hãy thử lại sau.",
        }
    }

    /// The JSON body.
    pub(super) fn body(&self) -> String {
        let body = serde_json::json!({
            "error": self.error(),
            "error_description": self.description(),
            "error_description_vi": self.description_vi(),
        });
        body.to_string()
    }

    /// The header that goes with a 401.
    pub(super) fn www_authenticate(&self) -> Option<&'static str> {
        (self.status() == StatusCode::UNAUTHORIZED).then_some("Basic realm=\"WSO2 API Manager\"")
    }
}

const fn is_shown(c: char) -> bool {
    (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\')
}

impl TokenFault {
    /// `consumer_key` is the one that was given.
    pub(super) fn of_authentication(error: AuthenticationError, consumer_key: &str) -> Self {
        match error {
            AuthenticationError::UnknownClient => Self::UnknownClient(consumer_key.to_owned()),
            AuthenticationError::WrongSecret => Self::WrongSecret,
        }
    }
}

impl From<IssueError> for TokenFault {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::BadScope => Self::InvalidScope,
            IssueError::Full | IssueError::TooManyOfKey | IssueError::RandomRepeated => Self::Busy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::secret::Secret;
    use super::*;
    use http::HeaderValue;
    use http::header::AUTHORIZATION;
    use proptest::prelude::*;

    const BASIC: (&str, &str) = ("authorization", "Basic a2V5OnNlY3JldA==");
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded; charset=UTF-8");
    const LGSP: (&str, &str) =
        ("lgspaccesstoken", "eyJBY2Nlc3NLZXkiOiJrZXkiLCJTZWNyZXRLZXkiOiJzZWNyZXQifQ==");
    const PLAIN: &str = "grant_type=client_credentials";

    fn parse(
        headers: &[(&'static str, &str)],
        query: &str,
        body: &str,
    ) -> Result<TokenRequest, TokenFault> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        TokenRequest::parse(&map, Some(query), body.as_bytes())
    }

    #[test]
    fn a_client_says_who_it_is_in_any_of_three_ways() {
        let with_id = "grant_type=client_credentials&client_id=key&client_secret=s%65cret";
        for (headers, query, body) in [
            (vec![BASIC, FORM], "", PLAIN),
            (vec![BASIC], "", "grant_type=client_credentials\r\n"),
            (vec![BASIC], PLAIN, ""),
            (vec![BASIC], "", "grant_type=client_credentials&client_id=key"),
            (vec![FORM], "", with_id),
            (vec![LGSP, FORM], "", PLAIN),
        ] {
            let request = parse(&headers, query, body).unwrap();
            assert_eq!(request.credentials.consumer_key, "key");
            assert!(request.credentials.consumer_secret.is_same(&Secret::new("secret")), "{body}");
            assert_eq!((request.scope.as_str(), request.life_s), ("", LIFE_S_DEFAULT));
        }
        let body = "grant_type=client_credentials&scope=a+b&validity_period=1800";
        let request = parse(&[BASIC], "", body).unwrap();
        assert_eq!((request.scope.as_str(), request.life_s), ("a b", 1_800));
    }

    #[test]
    fn what_cannot_be_answered_is_told_apart() {
        const INVALID: (u16, &str) = (400, "invalid_request");
        const CLIENT: (u16, &str) = (401, "invalid_client");
        let bad = |value| ("authorization", value);
        let both = "grant_type=client_credentials&client_id=key&client_secret=secret";
        for (headers, query, body, expected) in [
            (vec![BASIC], "", "", INVALID),
            (vec![BASIC], "", "grant_type=", INVALID),
            (vec![BASIC], "", "grant_type=password", (400, "unsupported_grant_type")),
            (vec![BASIC], "", "grant_type=client_credentials&grant_type=x", INVALID),
            (vec![BASIC], PLAIN, PLAIN, INVALID),
            (vec![BASIC], "", "grant_type=client_credentials&validity_period=0", INVALID),
            (vec![BASIC], "", "grant_type=client_credentials&validity_period=-1", INVALID),
            (vec![BASIC], "", "grant_type=client_credentials&validity_period=%2B1", INVALID),
            (vec![BASIC], "", "grant_type=client_credentials&scope=%", INVALID),
            (vec![BASIC, ("content-type", "application/json")], "", "{}", INVALID),
            (vec![BASIC], "", both, INVALID),
            (vec![BASIC, LGSP], "", PLAIN, INVALID),
            (vec![BASIC], "", "grant_type=client_credentials&client_id=other", INVALID),
            (vec![], "client_id=key&client_secret=secret", PLAIN, INVALID),
            (vec![], "", PLAIN, CLIENT),
            (vec![], "", "grant_type=client_credentials&client_id=key", CLIENT),
            (vec![], "", "grant_type=client_credentials&client_secret=key", CLIENT),
            (vec![bad("Basic ???")], "", PLAIN, CLIENT),
            (vec![bad("Bearer abc")], "", PLAIN, CLIENT),
            (vec![BASIC, BASIC], "", PLAIN, CLIENT),
            (vec![("lgspaccesstoken", "x")], "", PLAIN, CLIENT),
        ] {
            let fault = parse(&headers, query, body).unwrap_err();
            assert_eq!((fault.status().as_u16(), fault.error()), expected, "{headers:?} {body}");
            assert_eq!(fault.www_authenticate().is_some(), expected.0 == 401);
        }
        let long = format!("{PLAIN}&x={}", "y".repeat(FORM_BYTES_MAX));
        assert_eq!(parse(&[BASIC], "", &long).unwrap_err().error(), "invalid_request");
        let many =
            format!("{PLAIN}{}", (0..PAIRS_MAX).map(|ix| format!("&{ix}")).collect::<String>());
        assert_eq!(parse(&[BASIC], "", &many).unwrap_err().error(), "invalid_request");
    }

    #[test]
    fn answers_are_in_the_words_of_wso2() {
        let unknown = AuthenticationError::UnknownClient;
        for (fault, description) in [
            (
                TokenFault::of_authentication(unknown, "k\"1"),
                "A valid OAuth client could not be found for client_id: k1",
            ),
            (
                TokenFault::of_authentication(AuthenticationError::WrongSecret, "k"),
                "Client credentials are invalid.",
            ),
            (TokenFault::UnsupportedGrantType, "Unsupported grant_type value"),
            (TokenFault::GrantTypeMissing, "Missing grant_type parameter value"),
            (IssueError::Full.into(), "Too many tokens are valid; ask again later"),
            (IssueError::BadScope.into(), "The requested scope is invalid"),
        ] {
            let body: serde_json::Value = serde_json::from_str(&fault.body()).unwrap();
            assert_eq!(body["error_description"], description);
            assert_eq!(body["error"], fault.error());
            assert!(!body["error_description_vi"].as_str().unwrap().is_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_request_is_too_odd(
            body in prop::collection::vec(any::<u8>(), 0..300),
            query in ".{0,60}",
            is_plain in any::<bool>(),
            authorization in "(Basic |Bearer |)[ -~]{0,40}",
        ) {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_str(&authorization).unwrap());
            let body = if is_plain { [PLAIN.as_bytes(), b"&", &body].concat() } else { body };
            if let Err(fault) = TokenRequest::parse(&headers, Some(&query), &body) {
                prop_assert!(fault.status().is_client_error());
                prop_assert!(fault.description().is_ascii());
            }
        }
    }
}
