//! The template of an answer: the part of Jinja's language that `grammar` lets through, on a fuel that pays for every step
//! and every byte it makes.
//!
//! It sees `method`, `path`, `params`, `query`, `headers` (never a credential), `json`, `xpath(path)`, `caller`,
//! `agency`, `correlation`, `state`, `now`, `now_ms` and `count` (how many calls the rule has answered, this one
//! included). In an answer of JSON a value is written as JSON, its quotes included; in one of XML it is escaped.

use super::asked::Facts;
use super::criteria::is_secret;
use super::grammar;
use super::miss::shown;
use super::xpath::XPath;
use crate::clock::Timestamp;
use crate::story;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug)]
pub(super) struct Template {
    environment: Environment<'static>,
    has_json: bool,
    has_xpath: bool,
}

/// How values are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Xml,
    Text,
}

/// What a template is rendered with, beside the call.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) states: &'a BTreeMap<String, String>,
    pub(super) count: u64,
}

/// An instruction costs one; so do 64 bytes of output or of a value on the way.
const FUEL: u64 = 50_000;
pub(super) const OUTPUT_BYTES_MAX: usize = 1 << 20;
/// A template does not look into a larger body: comparing its parts is work that fuel does not pay for.
const BODY_BYTES_MAX: usize = 128 << 10;
/// One looks at every element of a message.
const XPATH_CALLS_MAX: usize = 64;
const NESTED_MAX: usize = 64;
/// Names that a template may use; others are mistyped.
const KNOWN: &[&str] = &[
    "method",
    "path",
    "params",
    "query",
    "headers",
    "json",
    "xpath",
    "caller",
    "agency",
    "correlation",
    "state",
    "now",
    "now_ms",
    "count",
];

impl Template {
    /// The mistake comes in both languages, with its line.
    pub(super) fn read(source: &str) -> Result<Self, (String, String)> {
        grammar::check(source)
            .map_err(|(vi, en)| (format!("mẫu sai: {vi}"), format!("a wrong template: {en}")))?;
        let mut environment = grammar::environment();
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(NESTED_MAX);
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        for form in [Form::Json, Form::Xml, Form::Text] {
            environment.add_template_owned(form.name(), source.to_owned()).map_err(|e| {
                let told = told(&e);
                (format!("mẫu sai: {told}"), format!("a wrong template: {told}"))
            })?;
        }
        let template = environment.get_template(Form::Text.name());
        let used = template.map(|template| template.undeclared_variables(false));
        let used = used.unwrap_or_default();
        let is_known = |name: &&String| {
            KNOWN.contains(&name.as_str())
                || environment.globals().any(|(global, _)| global == *name)
        };
        if let Some(unknown) = used.iter().filter(|name| !is_known(name)).min() {
            let all = KNOWN.join(", ");
            return Err((
                format!("mẫu không có biến `{unknown}`; các biến: {all}"),
                format!("a template has no variable `{unknown}`; there are {all}"),
            ));
        }
        let (has_json, has_xpath) = (used.contains("json"), used.contains("xpath"));
        Ok(Self { environment, has_json, has_xpath })
    }

    /// Why not, in English.
    pub(super) fn render(
        &self,
        form: Form,
        facts: &Facts<'_>,
        given: Given<'_>,
    ) -> Result<String, String> {
        let context = self.context(facts, given);
        let template = self.environment.get_template(form.name()).map_err(|e| told(&e))?;
        let text = template.render(context).map_err(|error| told(&error))?;
        if text.len() > OUTPUT_BYTES_MAX {
            return Err(format!("it makes more than {OUTPUT_BYTES_MAX} bytes"));
        }
        Ok(text)
    }

    fn context(&self, facts: &Facts<'_>, given: Given<'_>) -> Value {
        let asked = facts.asked;
        let headers = asked.headers.iter().filter(|(name, _)| !is_secret(name.as_str()));
        let headers = headers
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
        let agency = facts.caller.as_ref().and_then(|caller| caller.agency());
        let ms = u64::try_from(asked.now_ms).unwrap_or_default();
        let at = Timestamp(ms.saturating_mul(1_000_000));
        let is_small = asked.body.len() <= BODY_BYTES_MAX;
        let json = (self.has_json && is_small)
            .then(|| facts.json().ok().map(|json| Value::from(Serde(json))));
        let xpath = self.has_xpath.then(|| xpath_of(facts));
        let headers: BTreeMap<String, String> = headers.collect();
        let query: BTreeMap<String, String> = facts.query.iter().cloned().collect();
        Value::from(BTreeMap::from([
            ("method", Value::from(asked.method)),
            ("path", Value::from(asked.path)),
            ("params", Value::from(given.parameters)),
            ("query", Value::from(query)),
            ("headers", Value::from(headers)),
            ("json", json.flatten().unwrap_or_default()),
            ("xpath", xpath.unwrap_or_default()),
            ("caller", Value::from(asked.caller)),
            ("agency", agency.map(|code| Value::from(code.wire())).unwrap_or_default()),
            ("correlation", Value::from(asked.correlation)),
            ("state", Value::from(given.states.clone())),
            ("now", Value::from(story::moment(at))),
            ("now_ms", Value::from(asked.now_ms)),
            ("count", Value::from(given.count)),
        ]))
    }
}

impl Form {
    /// By its ending the engine knows how to escape.
    const fn name(self) -> &'static str {
        match self {
            Self::Json => "answer.json",
            Self::Xml => "answer.xml",
            Self::Text => "answer.txt",
        }
    }
}

/// The first value that a path names, as text; undefined, as all that is absent, where there is none.
fn xpath_of(facts: &Facts<'_>) -> Value {
    let xml = facts.xml().map(Arc::clone).map_err(str::to_owned);
    let calls = AtomicUsize::new(0);
    Value::from_function(move |path: String| -> Result<Value, Error> {
        let wrong = |what: String| Error::new(ErrorKind::InvalidOperation, what);
        if calls.fetch_add(1, Ordering::Relaxed) >= XPATH_CALLS_MAX {
            return Err(wrong(format!("more than {XPATH_CALLS_MAX} calls of xpath")));
        }
        let path = XPath::parse(&path).ok_or_else(|| wrong(format!("no path into XML: {path}")))?;
        let xml = xml.as_ref().map_err(|why| wrong(format!("the body is {why}")))?;
        Ok(path.values(xml).first().map(|text| Value::from(*text)).unwrap_or_default())
    })
}

fn told(error: &Error) -> String {
    let line = error.line().map_or_else(String::new, |line| format!("line {line}: "));
    if error.kind() == ErrorKind::OutOfFuel {
        return format!("{line}out of fuel ({FUEL}): a loop too long, or more than it may make");
    }
    let detail = error.detail().map_or_else(String::new, |detail| format!(": {detail}"));
    shown(&format!("{line}{}{detail}", error.kind()))
}
