//! What a client reads first: the configuration and the public key (`OpenID` Connect Discovery 1.0).

use http::HeaderMap;
use serde_json::json;

use super::super::Answer;
use super::claims::{CLAIMS, SCOPES};
use super::{Outcome, Request, SignIn};

const HOST_BYTES_MAX: usize = 255;

impl SignIn {
    pub(super) fn configuration(&self, request: &Request<'_>) -> Outcome {
        let issuer = self.issuer_of(request.call);
        let at = |path: &str| format!("{issuer}{path}");
        Ok(Answer::json(
            200,
            &json!({
                "issuer": issuer,
                "authorization_endpoint": at("/authorize"),
                "token_endpoint": at("/token"),
                "userinfo_endpoint": at("/userinfo"),
                "jwks_uri": at("/jwks"),
                "end_session_endpoint": at("/logout"),
                "scopes_supported": SCOPES,
                "claims_supported": CLAIMS,
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                "token_endpoint_auth_methods_supported":
                    ["client_secret_basic", "client_secret_post", "none"],
                "code_challenge_methods_supported": ["S256"],
                "prompt_values_supported": ["none", "login", "consent", "select_account"],
                "ui_locales_supported": ["vi"],
                "claims_parameter_supported": false,
                "request_parameter_supported": false,
                "request_uri_parameter_supported": false,
                "authorization_response_iss_parameter_supported": true,
            }),
        ))
    }

    pub(super) fn jwks(&self, _: &Request<'_>) -> Outcome {
        Ok(Answer::json(200, &json!({"keys": [self.key.jwk()]})))
    }
}

/// The address under which the caller reached the service: as a proxy tells, else by `Host`.
pub(in crate::providers) fn issuer_of(headers: &HeaderMap) -> String {
    // Of several proxies the first in the list is the one next to the caller.
    let first = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(',').next().unwrap_or_default().trim()
    };
    let is_plain = |text: &&str, marks: &[u8]| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || marks.contains(&byte);
        (1..=HOST_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)
    };
    let scheme = if first("x-forwarded-proto") == "https" { "https" } else { "http" };
    let hosts = [first("x-forwarded-host"), first("host")];
    let host = hosts.into_iter().find(|host| is_plain(host, b".-:[]")).unwrap_or("localhost");
    let prefix = Some(first("x-forwarded-prefix"))
        .filter(|prefix| prefix.starts_with('/') && is_plain(prefix, b"/._~-:"));
    format!("{scheme}://{host}{}", prefix.unwrap_or_default().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_is_the_address_the_caller_used() {
        let table: [(&[(&'static str, &str)], &str); 6] = [
            (&[], "http://localhost"),
            (&[("host", "127.0.0.1:8080")], "http://127.0.0.1:8080"),
            (
                &[
                    ("host", "inner"),
                    ("x-forwarded-host", "vneid.example, inner"),
                    ("x-forwarded-proto", "https"),
                    ("x-forwarded-prefix", "/r1/vneid/"),
                ],
                "https://vneid.example/r1/vneid",
            ),
            (&[("host", "a/b?c"), ("x-forwarded-proto", "ftp")], "http://localhost"),
            (&[("host", "a"), ("x-forwarded-host", "\"<x>")], "http://a"),
            (&[("host", "a"), ("x-forwarded-prefix", "evil")], "http://a"),
        ];
        for (pairs, issuer) in table {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            assert_eq!(issuer_of(&headers), issuer);
        }
    }
}
