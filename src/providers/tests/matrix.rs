//! Every operation against good, spoiled and senseless input. Claim: no answer is undocumented, what the description
//! allows is not called malformed, and what it forbids is refused.

use serde_json::{Value, json};

use super::{
    Asker, OFFICE, OTHER, PROVINCE, agencies, country, document, encoded, land, newborns, schema,
};
use crate::providers::citizens::citizens;
use crate::providers::http::{Route, allowed_methods};
use crate::providers::{
    Provider, budget_unit, catalogue, consultation, dossier, ecabinet, emc, legal, ndop, paygov,
    post, report, shared,
};

const DRAWS: u64 = 300;
/// Of a body in a failed test's message.
const TOLD_CHARS: usize = 500;
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "QUERY"];

fn providers() -> Vec<Box<dyn Provider>> {
    let mut all = shared(7, &agencies());
    all.extend(citizens(7, &country(), &newborns(&country()), &land(&country())));
    all
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((method.to_uppercase(), path.clone(), operation.clone()));
        }
    }
    found
}

#[test]
fn every_description_is_sound_and_names_its_service() {
    let mut codes = Vec::new();
    for provider in providers() {
        let (facts, document) = (provider.description(), document(&*provider));
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], facts.version);
        for (method, path, operation) in operations(document) {
            assert!(operation["operationId"].is_string(), "{method} {path}");
            let has_body = operation.get("requestBody").is_some();
            assert!(!has_body || matches!(&*method, "POST" | "PUT"), "{method} {path}");
        }
        codes.push(facts.code);
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), providers().len(), "two services share a code");
}

fn listed<P>(routes: &[Route<P>]) -> Vec<(String, String)> {
    routes.iter().map(|route| (route.method.to_owned(), route.template.to_owned())).collect()
}

#[test]
fn the_descriptions_list_every_route_and_no_other() {
    let routes = [
        listed(catalogue::ROUTES),
        listed(dossier::ROUTES),
        listed(report::ROUTES),
        listed(emc::ROUTES),
        listed(paygov::ROUTES),
        listed(post::ROUTES),
        listed(ecabinet::ROUTES),
        listed(consultation::ROUTES),
        listed(legal::ROUTES),
        listed(budget_unit::ROUTES),
        listed(ndop::ROUTES),
    ];
    let providers = shared(7, &agencies());
    assert_eq!(providers.len(), routes.len());
    for (provider, mut routes) in providers.iter().zip(routes) {
        let operations = operations(document(&**provider)).into_iter();
        let mut described: Vec<_> = operations.map(|(method, path, _)| (method, path)).collect();
        described.sort();
        routes.sort();
        assert_eq!(described, routes);
    }
}

#[test]
fn a_wrong_method_is_405_and_an_unknown_path_is_404() {
    for provider in providers() {
        let document = document(&*provider);
        let asker = Asker::new(&*provider, PROVINCE);
        for path in document["paths"].as_object().unwrap().keys() {
            let target = path.replace("{", "").replace("}", "");
            for method in METHODS {
                let documented = document["paths"][path].get(method.to_lowercase()).is_some();
                if !documented {
                    assert_eq!(asker.ask(method, &target, b"{").0, 405, "{method} {target}");
                    let allowed = allowed_methods(provider.description(), &target);
                    assert!(!allowed.is_empty() && !allowed.contains(&method.to_owned()));
                }
            }
            for unknown in [format!("{target}/"), format!("/x{target}"), format!("{target}/x/y")] {
                assert_eq!(asker.get(&unknown).0, 404, "{unknown}");
            }
        }
        for unknown in ["", "/", "//", "/%", "/%ff", "/\u{0}", "nothing"] {
            assert_eq!(asker.get(unknown).0, 404, "{unknown}");
        }
    }
}

#[test]
fn senseless_bodies_and_queries_get_documented_answers() {
    let deep = "[".repeat(5_000);
    let bodies = [
        "",
        "null",
        "{",
        "[]",
        "{}",
        "[{}]",
        "[1]",
        "\"\"",
        "1e999",
        "{\"a\":1e999}",
        "tập",
        "\u{0}",
        "{\"data\":[[]]}",
        "{\"session\":1}",
        deep.as_str(),
    ];
    let queries =
        ["a", "%", "%ff", "=&=", "trang=0", "trang=99999999999999999999", "trang=1&trang=2"];
    for provider in providers() {
        for (method, path, _) in operations(document(&*provider)) {
            let asker = Asker::new(&*provider, PROVINCE);
            for value in
                ["1", "madantoc", "%E2%82%AC", "a%2Fb", "%00", "-1", "18446744073709551616"]
            {
                let path = fill(&path, value);
                for body in bodies {
                    asker.ask(&method, &path, body.as_bytes());
                    asker.ask(&method, &path, b"\xff\xfe");
                }
                for query in queries {
                    asker.ask(&method, &format!("{path}?{query}"), b"{}");
                }
            }
            for strange in ["", ":", "VN:GOV", "VN:GOV:....:x", "\u{0}"] {
                for now_ms in [i64::MIN, 0, i64::MAX] {
                    let asker = Asker::new(&*provider, strange).at(now_ms);
                    asker.ask(&method, &fill(&path, "1"), b"{}");
                }
            }
        }
    }
}

#[test]
fn the_description_says_what_is_malformed() {
    for provider in providers() {
        let document = document(&*provider);
        for (method, path, operation) in operations(document) {
            for draw in 0..DRAWS {
                let caller = [PROVINCE, OTHER, OFFICE][usize::try_from(draw % 3).unwrap()];
                let asker = Asker::new(&*provider, caller);
                let target =
                    fill(&path, ["1", "H60", "madantockhac"][usize::try_from(draw % 3).unwrap()]);
                let (target, query_fits) = with_query(&target, &operation, draw);
                let wanted = &operation["requestBody"]["content"]["application/json"]["schema"];
                let mut body = schema::fitting(document, wanted, draw, 0);
                if draw % 2 == 1 {
                    body = schema::spoiled(&body, draw / 2);
                }
                let mistake = schema::mistake(document, wanted, &body)
                    .filter(|_| operation.get("requestBody").is_some());
                let (status, answer) = asker.ask(&method, &target, body.to_string().as_bytes());
                let body: String = body.to_string().chars().take(TOLD_CHARS).collect();
                let told = format!("{method} {target} {body} gave {status} {answer}; {mistake:?}");
                if query_fits && mistake.is_none() {
                    assert_ne!(status, 400, "allowed, yet malformed: {told}");
                } else {
                    assert!(status >= 400, "forbidden, yet taken: {told}");
                }
            }
        }
    }
}

/// Adds query parameters, good ones mostly; says whether they fit the description.
fn with_query(target: &str, operation: &Value, draw: u64) -> (String, bool) {
    let (mut pairs, mut fits) = (Vec::new(), true);
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    for (at, parameter) in parameters.filter(|parameter| parameter["in"] == "query").enumerate() {
        let (name, kind) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
        let draw = draw.wrapping_mul(17).wrapping_add(at as u64);
        let required = parameter["required"] == true;
        if draw.is_multiple_of(7) {
            fits &= !required;
            continue;
        }
        if !required && draw.is_multiple_of(3) {
            continue;
        }
        let value = schema::fitting(&json!({}), kind, draw, 0);
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let wrong = kind["type"] == "integer" && draw.is_multiple_of(11);
        let value = if wrong { "x1".to_owned() } else { value };
        pairs.push(format!("{name}={}", encoded(&value)));
        fits &= !wrong;
        if draw.is_multiple_of(23) {
            pairs.push(format!("{name}={}", encoded(&value)));
            fits = false;
        }
    }
    if pairs.is_empty() {
        (target.to_owned(), fits)
    } else {
        (format!("{target}?{}", pairs.join("&")), fits)
    }
}

fn fill(template: &str, value: &str) -> String {
    let segments = template.split('/').map(|part| if part.starts_with('{') { value } else { part });
    segments.collect::<Vec<_>>().join("/")
}
