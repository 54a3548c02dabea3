//! The userinfo endpoint: the claims of the citizen who granted an access token (`OpenID` Connect Core 5.3).

use http::Method;
use http::header::AUTHORIZATION;

use super::super::{Answer, Call};
use super::answer::{OAuthError, unkept};
use super::claims::claims;
use super::{Outcome, Request, SignIn, form};

impl SignIn {
    pub(super) fn userinfo(&self, request: &Request<'_>) -> Outcome {
        Ok(self.claims_for(request.call).unwrap_or_else(|error| error.answer()))
    }

    fn claims_for(&self, call: &Call<'_>) -> Result<Answer, OAuthError> {
        let token = bearer(call)?;
        let grant = self.grants.lock().token(&token, call.now_ms).cloned();
        let person = grant
            .as_ref()
            .and_then(|grant| Some((self.population.person(grant.citizen)?, &grant.scope)));
        let (person, scope) = person.ok_or_else(|| {
            OAuthError::invalid_token("the access token is unknown, expired or revoked")
        })?;
        Ok(unkept(Answer::json(200, &claims(&person, scope))))
    }
}

/// RFC 6750 2.1 and 2.2: in the header, or in the form of a POST, never both.
fn bearer(call: &Call<'_>) -> Result<String, OAuthError> {
    let header = call.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let header = header.and_then(|value| value.split_once(' '));
    let by_header = header
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim().to_owned());
    let has_form = *call.method == Method::POST && !call.body.is_empty();
    let form = if has_form { Some(form::read(call)?) } else { None };
    let by_form = match &form {
        Some(form) => form::value(form, "access_token")?.map(str::to_owned),
        None => None,
    };
    match (by_header, by_form) {
        (Some(_), Some(_)) => Err(OAuthError::invalid_request("the access token is given twice")),
        (Some(token), None) | (None, Some(token)) => Ok(token),
        // RFC 6750 3.1: who sent no token at all is told no error, only how to come back.
        (None, None) => Err(OAuthError {
            challenge: Some("Bearer realm=\"VNeID\"".to_owned()),
            ..OAuthError::new(401, "invalid_token", "an access token is needed")
        }),
    }
}
