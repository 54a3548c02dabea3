//! What holds for every provider: its description is complete, and whatever is asked, the answer is a documented one.

mod matrix;
mod one_story;
mod schema;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use http::{HeaderMap, Method};
use serde_json::Value;

use super::citizen::Newborns;
use super::citizens::citizens;
use super::http::matches;
use super::{Call, Kind, Provider, shared};
use crate::providers::datdai::LandRegister;
use crate::providers::population::{Date, Population};

/// 2026-01-05T08:00:00+07:00, a Monday.
pub(super) const NOW: i64 = 1_767_574_800_000;
pub(super) const PROVINCE: &str = "VN:GOV:000.00.00.H60:MOTCUA";
pub(super) const DEPARTMENT: &str = "VN:GOV:000.00.06.H60:QLVB";
pub(super) const OTHER: &str = "VN:GOV:000.00.00.H26:QLVB";
pub(super) const OFFICE: &str = "VN:GOV:000.00.00.G22:VPCP";

pub(super) fn agencies() -> Vec<(String, String)> {
    let named = [
        ("000.00.00.G22", "Văn phòng Chính phủ"),
        ("000.00.00.G12", "Bộ Tài chính"),
        ("000.00.00.H60", "UBND tỉnh Tuyên Quang"),
        ("000.00.06.H60", "Sở Khoa học và Công nghệ tỉnh Tuyên Quang"),
        ("H26", "UBND thành phố Hà Nội"),
    ];
    named.map(|(code, name)| (code.to_owned(), name.to_owned())).to_vec()
}

/// Who asks, when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker<'a> {
    pub(super) provider: &'a dyn Provider,
    pub(super) caller: &'a str,
    pub(super) now_ms: i64,
}

impl<'a> Asker<'a> {
    pub(super) fn new(provider: &'a dyn Provider, caller: &'a str) -> Self {
        Self { provider, caller, now_ms: NOW }
    }

    pub(super) fn at(self, now_ms: i64) -> Self {
        Self { now_ms, ..self }
    }

    pub(super) fn get(self, target: &str) -> (u16, Value) {
        self.ask("GET", target, b"")
    }

    pub(super) fn post(self, target: &str, body: &Value) -> (u16, Value) {
        self.ask("POST", target, body.to_string().as_bytes())
    }

    /// Asks, and holds the answer against the description.
    pub(super) fn ask(self, method: &str, target: &str, body: &[u8]) -> (u16, Value) {
        let (path, query) = target.split_once('?').map_or((target, None), |(p, q)| (p, Some(q)));
        let answer = self.provider.answer(&Call {
            method: &Method::from_bytes(method.as_bytes()).unwrap(),
            path,
            query,
            headers: &HeaderMap::new(),
            body,
            caller: self.caller,
            correlation: "test",
            now_ms: self.now_ms,
            pace: 1,
        });
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let value: Value = if answer.content_type.starts_with("application/json") {
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{target}: {text}"))
        } else {
            text.into()
        };
        let document = document(self.provider);
        if let Some(operation) = operation(document, method, path) {
            let documented = &operation["responses"][answer.status.to_string()]["content"];
            let told = format!("{method} {target} {}: {value}", answer.status);
            let wanted = documented.get(answer.content_type);
            let wanted = wanted.unwrap_or_else(|| panic!("undocumented: {told}"));
            if let Some(mistake) = schema::mistake(document, &wanted["schema"], &value) {
                panic!("{told}: {mistake}");
            }
        } else {
            assert!(matches!(answer.status, 404 | 405), "{method} {target} {}", answer.status);
        }
        (answer.status, value)
    }
}

/// A small country as it was on the day of `NOW`.
pub(super) fn country() -> Arc<Population> {
    let day = Date::new(2026, 1, 5).unwrap();
    Arc::new(Population::new(7, 50_000, day).unwrap())
}

pub(super) fn newborns(population: &Arc<Population>) -> Arc<Newborns> {
    Arc::new(Newborns::new(7, population))
}

pub(super) fn land(population: &Arc<Population>) -> Arc<LandRegister> {
    Arc::new(LandRegister::new(population))
}

pub(super) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Read once: every answer is held against one.
static DOCUMENTS: LazyLock<BTreeMap<&str, Value>> = LazyLock::new(|| {
    let read = |provider: &dyn Provider| match provider.description().kind {
        Kind::OpenApi(text) => (provider.description().code, serde_json::from_str(text).unwrap()),
        Kind::Wsdl(_) => panic!("these providers speak JSON"),
    };
    let all = shared(0, &[]).into_iter().chain(citizens(
        0,
        &country(),
        &newborns(&country()),
        &land(&country()),
    ));
    all.map(|provider| read(&*provider)).collect()
});

pub(super) fn document(provider: &dyn Provider) -> &'static Value {
    &DOCUMENTS[provider.description().code]
}

/// The documented operation a call means.
fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<&'a Value> {
    let paths = document["paths"].as_object().unwrap();
    let mut fitting: Vec<_> = paths
        .iter()
        .filter_map(|(template, item)| {
            let parameters = matches(template, path)?;
            Some((parameters.len(), item.get(method.to_lowercase())?))
        })
        .collect();
    fitting.sort_by_key(|(parameters, _)| *parameters);
    fitting.first().map(|(_, operation)| *operation)
}

#[test]
fn a_topology_may_name_every_system_there_is_and_no_other() {
    let all = super::all(7, &[], &country(), None).unwrap();
    let own = all.iter().map(|system| system.description().code);
    // The first three need a certificate to be made.
    let others = [
        super::thue::signed::CODE,
        super::thue::land::SLIP,
        super::thue::land::NOTICE,
        super::host::ECHO,
        super::host::SINK,
        super::host::SOURCE,
        super::host::RECORDED,
    ];
    let all: std::collections::BTreeSet<_> = own.chain(others).collect();
    assert_eq!(super::SYSTEMS.iter().copied().collect::<std::collections::BTreeSet<_>>(), all);
    assert_eq!(super::SYSTEMS.len(), all.len());
}
