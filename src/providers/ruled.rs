//! Response rules of simulated systems: kept by the system's name, and their answers as responses.

use super::host::response;
use super::soap::{Envelope, SoapFault};
use crate::domain::service::{CallFault, Trouble};
use crate::egress::call::{CallBody, CutBody};
use crate::rules::{Book, Fault, Full, Miss, NearRule, Plan, Rule, RuleSet};
use crate::texts::{self, Lang};
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Response, header};
use hyper::body::Frame;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

type Books = BTreeMap<String, Arc<Mutex<Book>>>;

/// Systems without rules are not in it: to them a call costs one look-up.
#[derive(Debug, Default)]
pub(super) struct Ruled {
    books: ArcSwap<Books>,
    /// As the topology has them.
    configured: BTreeMap<String, RuleSet>,
}

impl Ruled {
    pub(super) fn new(configured: BTreeMap<String, RuleSet>) -> Self {
        let ruled = Self { books: ArcSwap::default(), configured };
        ruled.reset();
        ruled
    }

    pub(super) fn of(&self, system: &str) -> Option<Arc<Mutex<Book>>> {
        self.books.load().get(system).cloned()
    }

    pub(super) fn reset(&self) {
        let configured = self.configured.iter();
        let books =
            configured.map(|(system, set)| (system.clone(), Arc::new(Book::new(set).into())));
        self.books.store(Arc::new(books.collect()));
    }

    /// Replaces all rules of a system; counts and states begin anew.
    pub(super) fn set(&self, system: &str, set: &RuleSet) {
        let book = Arc::new(Mutex::new(Book::new(set)));
        self.change(|books| {
            if set.only || !set.rules.is_empty() {
                books.insert(system.to_owned(), Arc::clone(&book));
            } else {
                books.remove(system);
            }
        });
    }

    pub(super) fn put(&self, system: &str, rule: Arc<Rule>) -> Result<(), Full> {
        self.change(|books| {
            books.entry(system.to_owned()).or_default();
        });
        self.of(system).map_or(Ok(()), |book| book.lock().put(rule))
    }

    pub(super) fn remove(&self, system: &str, id: &str) -> bool {
        let Some(book) = self.of(system) else { return false };
        let mut open = book.lock();
        let was_there = open.remove(id);
        if open.rules().is_empty() && !open.only() {
            self.change(|books| {
                books.remove(system);
            });
        }
        was_there
    }

    fn change(&self, change: impl Fn(&mut Books)) {
        self.books.rcu(|books| {
            let mut next = Books::clone(books);
            change(&mut next);
            next
        });
    }
}

/// What a rule answers, once its delay is over and it is known not to hang. In a SOAP service it stands inside the
/// body of the request's envelope.
pub(super) fn answer(
    plan: Plan,
    envelope: Option<&Envelope>,
) -> Result<Response<CallBody>, CallFault> {
    let blamed = |trouble| CallFault::new(trouble).detail(format!("rule {}", plan.rule));
    match plan.fault {
        Some(Fault::Garbage) => return Err(blamed(Trouble::SystemGarbage)),
        Some(Fault::Empty) => return Err(blamed(Trouble::SystemCut)),
        Some(Fault::Cut | Fault::Hang) | None => {}
    }
    let body: Bytes = match envelope {
        Some(envelope) => envelope.answer(&plan.body).body.into(),
        None => plan.body.into(),
    };
    let cut = (plan.fault == Some(Fault::Cut)).then(|| cut(&body, &plan.rule));
    let mut response = response(plan.status, "", body);
    for (name, value) in plan.headers {
        response.headers_mut().append(name, value);
    }
    if envelope.is_some() {
        let xml = http::HeaderValue::from_static(super::soap::CONTENT_TYPE);
        response.headers_mut().insert(header::CONTENT_TYPE, xml);
    }
    if let Some(cut) = cut {
        *response.body_mut() = cut;
    }
    Ok(response)
}

/// Half of a body, and then the line breaks.
fn cut(body: &Bytes, rule: &str) -> CallBody {
    let half = body.slice(..body.len() / 2);
    let pieces = [Ok(Frame::data(half)), Err(CutBody(format!("cut by the rule {rule}")))];
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX).max(1);
    CallBody::pieces(futures_util::stream::iter(pieces), Some(length))
}

/// What is said to a call that fits no rule of a system that answers by rules only.
pub(super) fn nobody(system: &str, miss: &Miss, envelope: Option<&Envelope>) -> Response<CallBody> {
    let told = |lang| texts::call_title(Trouble::RuleMissing, lang);
    let code = Trouble::RuleMissing.code();
    if let Some(envelope) = envelope {
        let near: Vec<_> = miss.nearest.iter().map(near).collect();
        let text = format!(
            "{code} {} | {} ({system}; {}) ≈ {}",
            told(Lang::Vi),
            told(Lang::En),
            miss.correlation_id,
            near.join(" · ")
        );
        let answer = envelope.fault(&SoapFault::client(text));
        return response(answer.status, answer.content_type, answer.body.into());
    }
    let text = serde_json::json!({
        "version": 1,
        "error": {
            "code": code,
            "vi": told(Lang::Vi),
            "en": told(Lang::En),
            "system": system,
            "asked": format!("{} {}", miss.method, miss.path),
            "correlation_id": miss.correlation_id,
            "nearest": miss.nearest,
        },
    });
    response(404, "application/json", text.to_string().into())
}

fn near(near: &NearRule) -> String {
    let differences = near.differences.iter().map(|difference| {
        format!("{}: {} ≠ {}", difference.criterion, difference.expected, difference.got)
    });
    format!("{} ({})", near.rule, differences.collect::<Vec<_>>().join(", "))
}
