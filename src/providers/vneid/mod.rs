//! VNeID sign-in (domain.md 4.10): an `OpenID` Connect provider with the authorization code flow. The citizens are
//! those of the population; nobody has a password, whoever signs in says who they are.
//!
//! RFC 6749, 6750, 7636 (S256 only), 8252, 9207; `OpenID` Connect Core, Discovery and RP-Initiated Logout 1.0. No
//! session is kept between sign-ins, and no refresh tokens are given.

mod answer;
mod authorize;
mod claims;
mod client;
mod discovery;
mod form;
mod grant;
mod key;
mod logout;
mod page;
mod target;
/// Applications of the sandbox: one with a secret, one that can keep none, and the portal's page for citizens. All
/// return to loopback only.
pub fn sandbox_clients() -> Vec<Client> {
    [("sandbox", Some("sandbox-only".to_owned())), ("sandbox-public", None), ("dvcqg", None)]
        .map(|(id, secret)| Client {
            id: id.to_owned(),
            secret,
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            may_loop_back: true,
        })
        .into()
}

#[cfg(test)]
mod tests;
mod token;
mod userinfo;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::http::{Fault, Outcome, Reason, Request, Route, dispatch, matches};
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use crate::providers::population::{IdentityNumber, Person, Population};
use answer::OAuthError;
pub use client::Client;
pub(super) use discovery::issuer_of as address_of;
use grant::Grants;
use key::SigningKey;
pub(super) use key::{encode, random};

static DESCRIPTION: Description = Description {
    code: "vneid",
    owner: "G01",
    system: "VNEID",
    version: "1.0",
    title_vi: "Đăng nhập bằng tài khoản định danh điện tử VNeID",
    title_en: "VNeID sign-in (OpenID Connect)",
    sureness: Sureness::Likely,
    kind: Kind::OpenApi(include_str!("../openapi/vneid.json")),
};

const ROUTES: &[Route<SignIn>] = &[
    Route {
        method: "GET",
        template: "/.well-known/openid-configuration",
        run: SignIn::configuration,
    },
    Route { method: "GET", template: "/jwks", run: SignIn::jwks },
    Route { method: "GET", template: "/authorize", run: SignIn::authorize_get },
    Route { method: "POST", template: "/authorize", run: SignIn::authorize_post },
    Route { method: "POST", template: "/token", run: SignIn::token },
    Route { method: "GET", template: "/userinfo", run: SignIn::userinfo },
    Route { method: "POST", template: "/userinfo", run: SignIn::userinfo },
    Route { method: "GET", template: "/logout", run: SignIn::logout_get },
    Route { method: "POST", template: "/logout", run: SignIn::logout_post },
];

/// Assumed: a citizen has an account of their own from this age.
const ACCOUNT_YEARS_MIN: u16 = 14;

/// The sign-in service.
#[derive(Debug)]
pub struct SignIn {
    population: Arc<Population>,
    /// Without a slash at the end; `None` when each call tells.
    issuer: Option<String>,
    clients: BTreeMap<String, Client>,
    key: SigningKey,
    grants: Mutex<Grants>,
}

/// The machine gave no random numbers for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyError;

impl SignIn {
    /// Makes a new signing key. `issuer` is the address under which clients reach the service; without it the
    /// `X-Forwarded-*` and `Host` headers of each call tell. Of clients with the same id the last counts.
    pub fn new(
        population: Arc<Population>,
        issuer: Option<&str>,
        clients: Vec<Client>,
    ) -> Result<Self, KeyError> {
        Ok(Self {
            population,
            issuer: issuer.map(|issuer| issuer.trim_end_matches('/').to_owned()),
            clients: clients.into_iter().map(|client| (client.id.clone(), client)).collect(),
            key: SigningKey::generate().ok_or(KeyError)?,
            grants: Mutex::new(Grants::new()),
        })
    }

    fn issuer_of(&self, call: &Call<'_>) -> String {
        self.issuer.clone().unwrap_or_else(|| discovery::issuer_of(call.headers))
    }

    /// A citizen who can have an account, by identity number.
    fn citizen(&self, number: &str) -> Option<Person> {
        let person = self.population.find(IdentityNumber::parse(number)?)?;
        self.has_account(&person).then_some(person)
    }

    fn has_account(&self, person: &Person) -> bool {
        person.alive && person.birth_date.years_until(self.population.on()) >= ACCOUNT_YEARS_MIN
    }
}

impl Provider for SignIn {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| word(&fault, call))
    }
}

/// Faults that arise before an endpoint is reached; the texts of RFC 6749 5.2 are ASCII.
fn word(fault: &Fault, call: &Call<'_>) -> Answer {
    let description = match fault.reason {
        Reason::NoPath | Reason::NotFound => "no such endpoint",
        Reason::WrongMethod => "method not allowed",
        Reason::BadRequest
        | Reason::Unauthenticated
        | Reason::Denied
        | Reason::Conflict
        | Reason::Full => "malformed query string",
    };
    let answer = OAuthError::new(fault.reason.status(), "invalid_request", description).answer();
    if fault.reason != Reason::WrongMethod {
        return answer;
    }
    let fits = |route: &&Route<SignIn>| matches(route.template, call.path).is_some();
    let allowed: Vec<&str> = ROUTES.iter().filter(fits).map(|route| route.method).collect();
    answer.with_header("Allow", allowed.join(", "))
}

impl fmt::Display for KeyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("no random numbers for a signing key")
    }
}

impl std::error::Error for KeyError {}
