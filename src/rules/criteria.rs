//! When a rule fits: every criterion it has must hold.

use super::asked::Facts;
use super::expect::Expect;
use super::miss::Difference;
use super::path::PathTemplate;
use super::reader::Object;
use super::xpath::XPath;
use super::{CRITERIA_MAX, WORD_BYTES_MAX};
use crate::domain::service::{Grantee, Groups, Right};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Criteria {
    method: Option<String>,
    path: Option<PathTemplate>,
    query: Vec<(String, Expect)>,
    headers: Vec<(String, Expect)>,
    json: Vec<(String, Expect)>,
    xpath: Vec<(XPath, Expect)>,
    caller: Option<Right>,
    state: Vec<(String, Expect)>,
}

/// Headers that hold a credential: neither what is there nor what a rule expects is shown.
const SECRET: &[&str] = &["authorization", "proxy-authorization", "cookie", "x-api-key", "apikey"];

pub(super) fn is_secret(header: &str) -> bool {
    SECRET.contains(&header) || header.contains("token") || header.contains("secret")
}

impl Criteria {
    pub(super) fn read(mut table: Object<'_>) -> Self {
        let method = table.string("method").map(|method| method.to_ascii_uppercase());
        let path = table.string("path").and_then(|text| {
            PathTemplate::read(&text).map_err(|(vi, en)| table.push("path", vi, en)).ok()
        });
        let query = expects(&mut table, "query", |name| Some(name.to_owned()));
        let headers = expects(&mut table, "headers", |name| {
            http::HeaderName::try_from(name).ok().map(|name| name.as_str().to_owned())
        });
        let json = expects(&mut table, "json", |pointer| {
            (pointer.is_empty() || pointer.starts_with('/')).then(|| pointer.to_owned())
        });
        let xpath = expects(&mut table, "xpath", XPath::parse);
        let state = expects(&mut table, "state", |name| {
            (1..=WORD_BYTES_MAX).contains(&name.len()).then(|| name.to_owned())
        });
        let caller = table.string("caller").and_then(|who| {
            let found = who.parse().ok().filter(|who| !matches!(who, Grantee::Group(_)));
            if found.is_none() {
                table.push(
                    "caller",
                    format!("`{who}` không phải mã thành viên hay mã định danh của cơ quan"),
                    format!("`{who}` is neither a member id nor an agency code"),
                );
            }
            found.map(Right::whole)
        });
        table.finish();
        Self { method, path, query, headers, json, xpath, caller, state }
    }

    /// Which criteria do not hold; none means that the rule fits.
    pub(super) fn differences(
        &self,
        facts: &Facts<'_>,
        states: &BTreeMap<String, String>,
    ) -> Vec<Difference> {
        let mut found = Vec::new();
        self.head(facts, &mut found);
        for (name, expect) in &self.state {
            let got = states.get(name).map(String::as_str);
            if !expect.fits_texts(got.into_iter()) {
                found.push(Difference::new(format!("state {name}"), &expect.told(), got));
            }
        }
        self.inside(facts, &mut found);
        found
    }

    /// What stands in front of the body.
    fn head(&self, facts: &Facts<'_>, found: &mut Vec<Difference>) {
        let asked = facts.asked;
        if let Some(wanted) = self.method.as_deref().filter(|wanted| *wanted != asked.method) {
            found.push(Difference::new("method", wanted, Some(asked.method)));
        }
        if let Some(wanted) = &self.path
            && !facts.path.as_ref().is_some_and(|path| wanted.fits(path))
        {
            found.push(Difference::new("path", wanted.as_str(), Some(asked.path)));
        }
        if let Some(right) = &self.caller {
            let is_it =
                facts.caller.as_ref().is_some_and(|who| right.is_for(who, &Groups::default()));
            if !is_it {
                let wanted = right.to.to_string();
                found.push(Difference::new("caller", &wanted, Some(asked.caller)));
            }
        }
        for (name, expect) in &self.query {
            let given = || facts.query.iter().filter(|(key, _)| key == name);
            if !expect.fits_texts(given().map(|(_, value)| value.as_str())) {
                let got = given().next().map(|(_, value)| value.as_str());
                let what = format!("query {name}");
                found.push(Difference::new(what, &expect.told(), got).of_payload());
            }
        }
        for (name, expect) in &self.headers {
            if !expect.fits_texts(facts.headers(name)) {
                let got = facts.headers(name).next();
                let (expected, got) = if is_secret(name) {
                    (HIDDEN.to_owned(), got.map(|_| HIDDEN))
                } else {
                    (expect.told(), got)
                };
                let what = format!("header {name}");
                found.push(Difference::new(what, &expected, got).of_payload());
            }
        }
    }

    /// What stands in the body.
    fn inside(&self, facts: &Facts<'_>, found: &mut Vec<Difference>) {
        for (pointer, expect) in &self.json {
            let json = facts.json();
            let value = json.ok().and_then(|json| json.pointer(pointer));
            if json.is_ok() && expect.fits_json(value) {
                continue;
            }
            let got = match json {
                Err(why) => Some(why.to_owned()),
                Ok(_) => value
                    .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            };
            let what = format!("json {pointer}");
            found.push(Difference::new(what, &expect.told(), got.as_deref()).of_payload());
        }
        for (path, expect) in &self.xpath {
            let what = format!("xpath {}", path.as_str());
            let xml = match facts.xml() {
                Ok(xml) => xml,
                Err(why) => {
                    found.push(Difference::new(what, &expect.told(), Some(why)).of_payload());
                    continue;
                }
            };
            let values = path.values(xml);
            if !expect.fits_texts(values.iter().copied()) {
                let got = values.first().copied();
                found.push(Difference::new(what, &expect.told(), got).of_payload());
            }
        }
    }

    /// The named segments of a path that fits.
    pub(super) fn parameters(&self, path: &str) -> BTreeMap<String, String> {
        let named = self.path.iter().flat_map(|template| template.names(path));
        named.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// For putting rules in an order of likeness: the pattern of its path.
    pub(super) fn path_told(&self) -> &str {
        self.path.as_ref().map_or("", PathTemplate::as_str)
    }

    /// The states that it looks at.
    pub(super) fn states(&self) -> impl Iterator<Item = &str> {
        self.state.iter().map(|(name, _)| name.as_str())
    }
}

const HIDDEN: &str = "(hidden)";

/// The entries of one table of criteria; `name` says whether a key is a good one.
fn expects<T>(
    table: &mut Object<'_>,
    key: &'static str,
    name: impl Fn(&str) -> Option<T>,
) -> Vec<(T, Expect)> {
    let mut found = Vec::new();
    for (given, value) in table.named(key, CRITERIA_MAX) {
        let Some(name) = name(given) else {
            table.push_named(key, given, bad_name(key));
            continue;
        };
        match Expect::read(value) {
            Ok(expect) => found.push((name, expect)),
            Err(mistake) => table.push_named(key, given, mistake),
        }
    }
    found
}

fn bad_name(key: &str) -> (String, String) {
    let (vi, en) = match key {
        "headers" => ("không phải tên phần đầu HTTP", "no name of an HTTP header"),
        "json" => {
            ("con trỏ JSON trống hoặc bắt đầu bằng /", "a JSON pointer is empty or begins with /")
        }
        "xpath" => (
            "đường dẫn XML có dạng `/a/b[2]/@c`, `//a/b/text()`",
            "a path into XML is of the form `/a/b[2]/@c` or `//a/b/text()`",
        ),
        _ => ("tên không hợp lệ", "not a good name"),
    };
    (vi.to_owned(), en.to_owned())
}
