//! Sign-out at the client's wish (`OpenID` Connect RP-Initiated Logout 1.0). There is no session to end; the access
//! tokens that the citizen gave the client end.

use serde_json::Value;

use super::super::Answer;
use super::super::input::Query;
use super::answer::redirect;
use super::client::Client;
use super::{Outcome, Request, SignIn, form, page};

const STATE_BYTES_MAX: usize = 2_048;

impl SignIn {
    pub(super) fn logout_get(&self, request: &Request<'_>) -> Outcome {
        Ok(self.logout(&request.query, 302))
    }

    pub(super) fn logout_post(&self, request: &Request<'_>) -> Outcome {
        let form = form::read(request.call);
        Ok(match form {
            Ok(form) => self.logout(&form, 303),
            Err(_) => page::error(400, "Nội dung biểu mẫu không hợp lệ."),
        })
    }

    fn logout(&self, parameters: &Query, status: u16) -> Answer {
        let end = self.end(parameters);
        match end {
            Ok(None) => page::signed_out(),
            Ok(Some((uri, None))) => redirect(status, uri, &[]),
            Ok(Some((uri, Some(state)))) => redirect(status, uri, &[("state", state)]),
            Err((status, message)) => page::error(status, message),
        }
    }

    /// Where to go afterwards, with the state to bring along.
    fn end<'a>(&self, parameters: &'a Query) -> Result<End<'a>, Refusal> {
        let text = |name: &str| -> Result<Option<&'a str>, Refusal> {
            let value = parameters.text(name).ok().ok_or((400, "Tham số lặp lại."))?;
            Ok(value.filter(|value| !value.is_empty()))
        };
        let hint = text("id_token_hint")?.map(|hint| {
            self.key.open(hint).ok_or((403, "id_token_hint không phải do hệ thống này cấp."))
        });
        let hint: Option<Value> = hint.transpose()?;
        let claim = |name: &str| hint.as_ref().and_then(|claims| claims.get(name)?.as_str());
        let (named, audience) = (text("client_id")?, claim("aud"));
        if named.is_some() && audience.is_some() && named != audience {
            return Err((403, "client_id không phải của id_token_hint."));
        }
        let client: Option<&Client> = audience.or(named).and_then(|id| self.clients.get(id));
        let uri = text("post_logout_redirect_uri")?;
        let allowed = uri.filter(|uri| client.is_some_and(|client| client.may_end_at(uri)));
        if uri.is_some() && allowed.is_none() {
            let message = "Địa chỉ trả về (post_logout_redirect_uri) không thuộc ứng dụng.";
            return Err((403, message));
        }
        let state = text("state")?.filter(|state| state.len() <= STATE_BYTES_MAX);
        if let (Some(audience), Some(subject)) = (audience, claim("sub")) {
            self.grants.lock().end(audience, subject);
        }
        Ok(allowed.map(|uri| (uri, state)))
    }
}

type End<'a> = Option<(&'a str, Option<&'a str>)>;
/// HTTP status and what the citizen reads.
type Refusal = (u16, &'static str);
