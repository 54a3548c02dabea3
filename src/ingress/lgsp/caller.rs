//! Who asks: by certificate, by a token or VNPT's `lgspaccesstoken`, and by what each dialect has of its own for
//! one unit (design.md 2.6, wire/vxp.md 2 A, B, D).
//!
//! A token says which software calls, the unit's credential for which unit. Whatever is given must hold, and beside
//! a certificate it must be of that member.

use super::{Dialect, Head, Lgsp};
use crate::domain::agency::AgencyCode;
use crate::domain::directory::{Caller, Secret};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::ingress::wso2::{self, Shown};
use crate::pipeline::call::CallPorts;
use http::header::AUTHORIZATION;
use std::sync::Arc;

/// The unit's own credential, by dialect.
const SYSTEM_ID: &str = "X-SystemId";
const SECRET_KEY: &str = "X-SecretKey";
pub(super) const ORGAN_ID: &str = "organId";
/// The client's library has it as `secretDonVi`; how it travels is assumed.
const UNIT_SECRETS: [&str; 2] = ["secret", "secretDonVi"];
const ACCESS_TOKEN: &str = "lgspaccesstoken";

/// What lets a request in.
struct Ticket {
    caller: Caller,
    /// It proves the unit as well.
    is_whole: bool,
}

impl<P: CallPorts> Lgsp<'_, P> {
    /// The caller; `of_unit` where the operation is one unit's.
    pub(super) async fn caller(
        &self,
        dialect: Dialect,
        head: &Head,
        of_unit: bool,
    ) -> Result<Caller, Rejection> {
        let certified = self.channel.member(self.plane.now())?.cloned();
        let ticket = self.ticket(dialect, head).await?;
        let unit = self.unit(dialect, head)?;
        if let Some(own) = certified {
            let others = [ticket.as_ref().map(|ticket| &ticket.caller), unit.as_ref()];
            return match others.into_iter().flatten().find(|other| other.ix != own.ix) {
                None => Ok(own),
                Some(other) => {
                    Err(Rejection::new(Reason::ForeignCredential).detail(other.id().to_string()))
                }
            };
        }
        let ticket = ticket.ok_or_else(|| bad("Authorization"))?;
        match unit {
            Some(unit) => Ok(unit),
            None if ticket.is_whole || !of_unit => Ok(ticket.caller),
            None => Err(bad(match dialect {
                Dialect::A => SYSTEM_ID,
                Dialect::EdocService => ORGAN_ID,
                Dialect::QuangNam => UNIT_SECRETS[0],
            })),
        }
    }

    /// The member that is meant, when what says so holds; `None` when nothing does.
    pub(super) async fn meant(
        &self,
        dialect: Dialect,
        head: &Head,
    ) -> Result<Option<Arc<str>>, Rejection> {
        if let Some(unit) = self.unit(dialect, head)? {
            return Ok(Some(Arc::clone(unit.id())));
        }
        Ok(self.ticket(dialect, head).await?.map(|ticket| Arc::clone(ticket.caller.id())))
    }

    async fn ticket(&self, dialect: Dialect, head: &Head) -> Result<Option<Ticket>, Rejection> {
        let has_access_token = head.headers.contains_key(ACCESS_TOKEN);
        let whole =
            if has_access_token { Some(self.of(Shown::AccessToken, head).await?) } else { None };
        let token = match dialect {
            Dialect::A | Dialect::QuangNam => bearer(head)?,
            Dialect::EdocService => bare(head)?,
        };
        let by_token = match token {
            None => None,
            Some(token) => Some(match (self.of(Shown::Token(token), head).await, dialect) {
                // Bkav's tokens are written down once for each unit and never change.
                (Err(refused), Dialect::EdocService) => {
                    self.by_organ(head, token).ok_or(refused)?
                }
                (found, _) => found?,
            }),
        };
        match (whole, by_token) {
            (Some(one), Some(other)) if one.ix != other.ix => {
                Err(Rejection::new(Reason::ForeignCredential).detail(other.id().to_string()))
            }
            (Some(caller), _) => Ok(Some(Ticket { caller, is_whole: true })),
            (None, Some(caller)) => {
                // There the organ is looked for below what the token's member speaks for.
                let is_whole = dialect == Dialect::EdocService;
                Ok(Some(Ticket { caller, is_whole }))
            }
            (None, None) => Ok(None),
        }
    }

    /// Who a credential of the gateway stands for.
    async fn of(&self, shown: Shown<'_>, head: &Head) -> Result<Caller, Rejection> {
        let known = (self.plane, self.platform, self.channel);
        let id = self.desk.member_of(shown, &head.headers, known).await?;
        self.here(self.plane.members.by_id(&id), || id.clone())
    }

    fn unit(&self, dialect: Dialect, head: &Head) -> Result<Option<Caller>, Rejection> {
        let members = &self.plane.members;
        match dialect {
            Dialect::A => {
                let Some(systemid) = head.header(SYSTEM_ID) else { return Ok(None) };
                let found = members.by_systemid(systemid);
                let caller = self.here(found, || systemid.to_owned())?;
                let given = head.header(SECRET_KEY).unwrap_or_default();
                if secret(&caller).is_some_and(|known| is_same(known, given)) {
                    Ok(Some(caller))
                } else {
                    Err(bad(SECRET_KEY))
                }
            }
            Dialect::QuangNam => {
                let given = UNIT_SECRETS.iter().find_map(|name| head.given(name));
                let Some(given) = given else { return Ok(None) };
                let has_it =
                    |caller: &Caller| secret(caller).is_some_and(|known| is_same(known, given));
                self.only(has_it).map(Some).ok_or_else(|| bad(UNIT_SECRETS[0]))
            }
            Dialect::EdocService => Ok(None),
        }
    }

    /// The member whose secret is this organ's fixed token.
    fn by_organ(&self, head: &Head, token: &str) -> Option<Caller> {
        let organ = AgencyCode::parse(head.header(ORGAN_ID)?).ok()?;
        self.only(|caller| {
            caller.is_own(&organ) && secret(caller).is_some_and(|known| is_same(known, token))
        })
    }

    /// The one member of this platform of which that is true.
    fn only(&self, is_it: impl Fn(&Caller) -> bool) -> Option<Caller> {
        let members = &self.plane.members;
        let callers = members.iter().filter_map(|member| members.by_id(&member.id));
        let mut found = callers.filter(|caller| self.connects_here(caller) && is_it(caller));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    fn here(
        &self,
        found: Option<Caller>,
        called: impl Fn() -> String,
    ) -> Result<Caller, Rejection> {
        let found = found.filter(|caller| self.connects_here(caller));
        found.ok_or_else(|| Rejection::new(Reason::UnknownCaller).detail(called()))
    }

    fn connects_here(&self, caller: &Caller) -> bool {
        let member = &caller.member;
        member.platform == self.platform || member.security_server == Some(self.platform)
    }
}

fn bad(name: &str) -> Rejection {
    Rejection::new(Reason::BadCredential).at(Place::Parameter(name.to_owned()))
}

fn secret(caller: &Caller) -> Option<&Secret> {
    caller.member.credential.as_ref().and_then(|known| known.secret.as_ref())
}

fn is_same(known: &Secret, given: &str) -> bool {
    let known = String::from_utf8_lossy(known.expose());
    wso2::Secret::new(&known).is_same(&wso2::Secret::new(given))
}

/// `Authorization: Bearer …`.
fn bearer(head: &Head) -> Result<Option<&str>, Rejection> {
    let Some(text) = authorization(head)? else { return Ok(None) };
    without_scheme(text).map(Some).ok_or_else(|| bad("Authorization").detail("Bearer"))
}

/// `Authorization: …`, where a scheme may be missing.
fn bare(head: &Head) -> Result<Option<&str>, Rejection> {
    let text = authorization(head)?;
    Ok(text.map(|text| without_scheme(text).unwrap_or(text)))
}

fn authorization(head: &Head) -> Result<Option<&str>, Rejection> {
    if !head.headers.contains_key(AUTHORIZATION) {
        return Ok(None);
    }
    head.header(AUTHORIZATION.as_str()).map(Some).ok_or_else(|| bad("Authorization"))
}

fn without_scheme(text: &str) -> Option<&str> {
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};

    fn head(values: &[&str]) -> Head {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Head { method: String::new(), path: String::new(), query: Vec::new(), headers }
    }

    #[test]
    fn a_token_has_its_scheme_where_the_dialect_wants_one() {
        assert_eq!(bearer(&head(&["bearer abc"])), Ok(Some("abc")));
        assert_eq!(bearer(&head(&[])), Ok(None));
        for wrong in [&["abc"][..], &["Basic abc"], &["Bearer a", "Bearer a"], &[""]] {
            let refused = bearer(&head(wrong)).unwrap_err();
            assert_eq!(refused.reason, Reason::BadCredential, "{wrong:?}");
        }
        assert_eq!(bare(&head(&["wH9q/5E="])), Ok(Some("wH9q/5E=")));
        assert_eq!(bare(&head(&["Bearer abc"])), Ok(Some("abc")));
    }
}
