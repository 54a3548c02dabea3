//! Tokens in the dress of Lạng Sơn's LGSP (`POST /v1/auth/login`), and whom a credential of the gateway stands for:
//! an application, or a member by its own systemid and secret.

use super::application::{AuthenticationError, Client, KeyKind};
use super::credentials::{Credentials, lgsp};
use super::face::{Desk, Gateway, fingerprint, json};
use super::request::FORM_BYTES_MAX;
use super::secret::Secret;
use super::token::{LIFE_S_DEFAULT, LookupError, Wanted};
use crate::domain::directory::{Caller, Members};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::routing::PlatformIx;
use crate::ingress::calls::{CallAnswer, CallRequest, Channel};
use crate::ingress::documents::words::{DONE, sentence};
use crate::ingress::documents::{missing, new_correlation_id, wrong};
use crate::pipeline::call::{CallPlane, CallPorts};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use std::sync::Arc;

/// wire/vxp.md 2 A.
pub(in crate::ingress) const LOGIN_PATH: &str = "/v1/auth/login";
/// A client keeps its token for 29 minutes, however old it was when it got it (wire/vxp.md 2 A).
const LOGIN_LEFT_S_MIN: u64 = 1_800;

/// A credential of the gateway, as a request shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ingress) enum Shown<'a> {
    Token(&'a str),
    /// VNPT's `lgspaccesstoken` header.
    AccessToken,
}

/// What of a login says who asks. `applicationCode`, `otp` and the rest are not needed for that.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Login {
    username: String,
    password: String,
}

impl Desk {
    /// An application by its key; else a member, which has its systemid and secret for this too.
    pub(super) fn authenticate(
        &self,
        members: &Members,
        given: &Credentials,
    ) -> Result<Arc<Client>, AuthenticationError> {
        let key = &given.consumer_key;
        let found = self.applications.authenticate(key, &given.consumer_secret);
        if found != Err(AuthenticationError::UnknownClient) {
            return found.cloned();
        }
        let caller = members.by_systemid(key).ok_or(AuthenticationError::UnknownClient)?;
        let secret = caller.member.credential.as_ref().and_then(|known| known.secret.as_ref());
        let secret = secret.ok_or(AuthenticationError::UnknownClient)?;
        if !Secret::new(&String::from_utf8_lossy(secret.expose())).is_same(&given.consumer_secret) {
            return Err(AuthenticationError::WrongSecret);
        }
        Ok(Arc::new(of_systemid(key, &caller)))
    }

    /// Who a key stands for by what is known here: an application, or a member by its systemid.
    pub(super) fn client(&self, members: &Members, key: &str) -> Option<Arc<Client>> {
        let application = self.applications.named(key).cloned();
        application.or_else(|| Some(Arc::new(of_systemid(key, &members.by_systemid(key)?))))
    }

    /// The id of the member that a credential stands for.
    pub(in crate::ingress) async fn member_of<P: CallPorts>(
        &self,
        shown: Shown<'_>,
        headers: &HeaderMap,
        (plane, here, channel): (&CallPlane<P>, PlatformIx, &Channel),
    ) -> Result<String, Rejection> {
        let refused = |name: &str| {
            Rejection::new(Reason::BadCredential).at(Place::Parameter(name.to_owned()))
        };
        let client = match shown {
            Shown::Token(text) => {
                let found = self.bearer(plane, here, text, channel).await;
                found.map_err(|error| match error {
                    LookupError::IssuerSilent => {
                        Rejection::new(Reason::Unavailable).detail(error.to_string())
                    }
                    LookupError::Expired
                    | LookupError::Unknown
                    | LookupError::ForeignCertificate => {
                        refused("Authorization").detail(error.to_string())
                    }
                })?
            }
            Shown::AccessToken => {
                let refused = |why: String| refused("lgspaccesstoken").detail(why);
                let given = lgsp(headers).map_err(|error| refused(error.to_string()))?;
                let given = given.ok_or_else(|| refused(String::new()))?;
                let found = self.authenticate(&plane.members, &given);
                found.map_err(|error| refused(error.to_string()))?
            }
        };
        Ok(client.member.clone())
    }
}

/// A member as its own application.
fn of_systemid(systemid: &str, caller: &Caller) -> Client {
    Client {
        application: systemid.to_owned(),
        member: caller.id().to_string(),
        kind: KeyKind::Production,
        consumer_key: systemid.to_owned(),
        quota: None,
    }
}

impl<P: CallPorts> Gateway<'_, P> {
    pub(super) async fn login(&self, request: CallRequest, channel: &Channel) -> CallAnswer {
        let correlation_id = new_correlation_id();
        match self.try_login(request, channel).await {
            Ok(text) => json(StatusCode::OK, text, None),
            Err((status, rejection)) => {
                tracing::debug!(correlation_id, %rejection, "a login was refused");
                let text = serde_json::json!({
                    "success": false,
                    "code": status.as_u16(),
                    "message": sentence(&rejection, &correlation_id),
                });
                json(status, text.to_string(), None)
            }
        }
    }

    async fn try_login(
        &self,
        request: CallRequest,
        channel: &Channel,
    ) -> Result<String, (StatusCode, Rejection)> {
        let bad = |rejection| (StatusCode::BAD_REQUEST, rejection);
        if request.method != "POST" {
            let detail = format!("{} → POST", request.method);
            let rejection = Rejection::new(Reason::UnknownOperation).detail(detail);
            return Err((StatusCode::METHOD_NOT_ALLOWED, rejection));
        }
        let body = request.body.collect(FORM_BYTES_MAX).await.ok().flatten();
        let body = body.ok_or_else(|| bad(wrong("body").detail(format!("≤ {FORM_BYTES_MAX}"))))?;
        let login: Login = serde_json::from_slice(&body)
            .map_err(|error| bad(wrong("body").detail(error.to_string())))?;
        for (name, value) in [("username", &login.username), ("password", &login.password)] {
            if value.is_empty() {
                return Err(bad(missing(name)));
            }
        }
        let refused = |why: &str| {
            let place = Place::Parameter("username, password".to_owned());
            let rejection = Rejection::new(Reason::BadCredential).at(place).detail(why);
            (StatusCode::UNAUTHORIZED, rejection)
        };
        let given = Credentials::new(&login.username, &login.password);
        let given = given.ok_or_else(|| refused("username"))?;
        let client = self.desk.authenticate(&self.plane.members, &given);
        let client = client.map_err(|error| refused(&error.to_string()))?;
        let wanted = Wanted {
            scope: String::new(),
            life_s: LIFE_S_DEFAULT,
            left_s_min: LOGIN_LEFT_S_MIN,
            bound_to: fingerprint(channel),
            issuer: self.at.name.to_string(),
        };
        let token = self.hand_out(&client, &wanted).map_err(|fault| {
            let rejection = Rejection::new(Reason::Busy).detail(fault.description());
            (fault.status(), rejection)
        })?;
        let answer = serde_json::json!({
            "success": true,
            "code": 200,
            "message": DONE,
            "data": {
                "id": client.member,
                "username": client.consumer_key,
                "name": client.application,
                "token": token.text,
            },
        });
        Ok(answer.to_string())
    }
}
