//! The authorization endpoint: shows who may sign in, and sends the browser back with a code.

use super::super::Answer;
use super::super::input::Query;
use super::claims::subject;
use super::grant::{Code, Grant};
use super::target::{Target, Wish};
use super::{Outcome, Person, Request, SignIn, form, key, page};

/// Citizens on the consent page.
const CHOICES: u32 = 8;
/// Neighbours looked at for one who can have an account.
const CHOICE_SEARCH_MAX: u32 = 64;

impl SignIn {
    pub(super) fn authorize_get(&self, request: &Request<'_>) -> Outcome {
        Ok(self.authorize(request, &request.query, 302))
    }

    /// An authorization request by POST (`OpenID` Connect Core 3.1.2.1), or the consent page sent back.
    pub(super) fn authorize_post(&self, request: &Request<'_>) -> Outcome {
        Ok(match form::read(request.call) {
            Ok(form) => self.authorize(request, &form, 303),
            Err(_) => page::error(400, "Nội dung biểu mẫu không hợp lệ."),
        })
    }

    fn authorize(&self, request: &Request<'_>, parameters: &Query, status: u16) -> Answer {
        let back = (self.issuer_of(request.call), status);
        let target = match Target::read(self, parameters, back) {
            Ok(target) => target,
            Err(page) => return page,
        };
        // A link must not give consent: only the page's form does.
        let decision = if status == 303 { parameters.text("decision") } else { Ok(None) };
        let Ok(decision @ (None | Some("allow" | "deny"))) = decision else {
            return page::error(400, "decision phải là allow hoặc deny.");
        };
        let wish = match Wish::read(parameters, target.client) {
            Ok(wish) => wish,
            Err(refusal) => return target.refuse(refusal),
        };
        let now_ms = request.call.now_ms;
        match decision {
            None => self.ask(&target, wish, now_ms),
            Some("deny") => target.refuse(("access_denied", "the citizen refused")),
            Some(_) => {
                let chosen = parameters.text("citizen").ok().flatten();
                match chosen.and_then(|number| self.citizen(number)) {
                    Some(person) => self.consent(&target, wish, &person, now_ms),
                    None => page::error(404, "Không có công dân này, hoặc chưa có tài khoản."),
                }
            }
        }
    }

    fn ask(&self, target: &Target<'_>, wish: Wish<'_>, now_ms: i64) -> Answer {
        let hinted = wish.login_hint.and_then(|number| self.citizen(number));
        if !wish.is_silent {
            let citizens = hinted.map_or_else(|| self.choices(), |person| vec![person]);
            return page::consent(target, &wish, &citizens);
        }
        match hinted {
            Some(person) => self.consent(target, wish, &person, now_ms),
            None => target.refuse(("login_required", "login_hint must name a citizen")),
        }
    }

    fn consent(&self, target: &Target<'_>, wish: Wish<'_>, person: &Person, now_ms: i64) -> Answer {
        let grant = Grant {
            client_id: target.client.id.clone(),
            citizen: person.index,
            subject: subject(person.number),
            scope: wish.scope,
            at_ms: now_ms,
        };
        let mut code = Code::new(grant, target.redirect_uri.to_owned());
        code.nonce = wish.nonce.map(str::to_owned);
        code.challenge = wish.challenge.map(str::to_owned);
        let Some(key) = key::random() else {
            return target.refuse(("server_error", "no random numbers"));
        };
        match self.grants.lock().add_code(key.clone(), code, now_ms) {
            Ok(()) => target.send(&[("code", &key)]),
            Err(_) => target.refuse(("temporarily_unavailable", "too many sign-ins under way")),
        }
    }

    /// A few citizens from all over the country.
    fn choices(&self) -> Vec<Person> {
        let people = self.population.len();
        let starts = (0..CHOICES.min(people)).map(|choice| choice * (people / CHOICES.min(people)));
        let first = |start: u32| {
            let near = start..start.saturating_add(CHOICE_SEARCH_MAX).min(people);
            near.filter_map(|index| self.population.person(index))
                .find(|person| self.has_account(person))
        };
        let mut citizens: Vec<Person> = starts.filter_map(first).collect();
        citizens.dedup_by_key(|person| person.index);
        citizens
    }
}
