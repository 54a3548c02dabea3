//! Claims about rules: what fits, what is told of what does not, what a state machine does, and what is refused.

mod hostile;

use super::*;
use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use serde_json::{Value, json};

const CALLER: &str = "VN:GOV:000.00.06.H60:QLVB";

fn rule(given: &Value) -> Arc<Rule> {
    Arc::new(Rule::read(given).unwrap_or_else(|mistakes| panic!("{mistakes:?}")))
}

fn book(only: bool, rules: &[Value]) -> Mutex<Book> {
    let rules = rules.iter().map(rule).collect();
    Mutex::new(Book::new(&RuleSet { only, rules }))
}

/// A call in the making.
struct Call {
    method: &'static str,
    path: String,
    query: Option<&'static str>,
    headers: HeaderMap,
    body: Vec<u8>,
    caller: &'static str,
    is_soap: bool,
}

fn get(path: &str) -> Call {
    let (headers, body) = (HeaderMap::new(), Vec::new());
    Call {
        method: "GET",
        path: path.into(),
        query: None,
        headers,
        body,
        caller: CALLER,
        is_soap: false,
    }
}

fn post(body: &str) -> Call {
    Call { method: "POST", body: body.into(), ..get("/x") }
}

impl Call {
    fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    fn decide(&self, book: &Mutex<Book>) -> Decision {
        Book::decide(
            book,
            &Asked {
                method: self.method,
                path: &self.path,
                query: self.query,
                headers: &self.headers,
                body: &self.body,
                caller: self.caller,
                correlation: "c-1",
                now_ms: 1_795_000_000_123,
                is_soap: self.is_soap,
            },
        )
    }

    fn plan(&self, book: &Mutex<Book>) -> Plan {
        let decided = self.decide(book);
        let Decision::Answer(Ok(plan)) = decided else { panic!("{decided:?}") };
        plan
    }

    fn miss(&self, book: &Mutex<Book>) -> Miss {
        let decided = self.decide(book);
        let Decision::Nobody(miss) = decided else { panic!("{decided:?}") };
        miss
    }

    /// What differs from one rule; nothing when it fits.
    fn differs(&self, when: &Value) -> Vec<String> {
        let book = book(true, &[json!({ "id": "a", "when": when })]);
        let Decision::Nobody(miss) = self.decide(&book) else { return Vec::new() };
        let differences = miss.nearest[0].differences.iter();
        differences
            .map(|one| format!("{}: {} / {}", one.criterion, one.expected, one.got))
            .collect()
    }
}

#[test]
fn a_rule_fits_when_all_of_it_holds_and_what_does_not_is_told() {
    let call =
        || Call { query: Some("trang=1&ten=%C4%90%E1%BB%97+V%C4%83n&x=1&x=2"), ..get("/a/b") };
    for (when, expected) in [
        (json!({}), &[][..]),
        (json!({ "method": "get", "path": "/a/*" }), &[]),
        (json!({ "method": "POST", "path": "/a" }), &["method: POST / GET", "path: /a / /a/b"]),
        (json!({ "path": "/{one}/{two}" }), &[]),
        (json!({ "path": "/{one}" }), &["path: /{one} / /a/b"]),
        (json!({ "query": { "trang": 1, "ten": "Đỗ Văn", "x": "2" } }), &[]),
        (json!({ "query": { "trang": { "present": false } } }), &["query trang: absent / 1"]),
        (json!({ "query": { "y": { "regex": "^1$" } } }), &["query y: /^1$/ / absent"]),
        (json!({ "caller": "H60" }), &[]),
        (json!({ "caller": "H60.06" }), &["caller: H60.06 / VN:GOV:000.00.06.H60:QLVB"]),
        (json!({ "caller": CALLER }), &[]),
        (json!({ "caller": "G06" }), &["caller: G06 / VN:GOV:000.00.06.H60:QLVB"]),
        (json!({ "state": { "step": "paid" } }), &["state step: paid / absent"]),
        (json!({ "state": { "step": { "present": false } } }), &[]),
        (
            json!({ "json": { "/a": 1 } }),
            &["json /a: 1 / no JSON: EOF while parsing a value at line 1 column 0"],
        ),
    ] {
        let found = call().differs(&when);
        if when.get("caller") == Some(&json!("H60.06")) && found.is_empty() {
            // 000.00.06.H60 is H60.06, written the other way.
            continue;
        }
        assert_eq!(found, expected, "{when}");
    }
}

#[test]
fn the_inside_of_a_body_is_named_by_pointers_and_paths() {
    let call = post(r#"{"a":{"b":[1,"x"],"c":null,"d":"001"}}"#);
    for (pointer, expect, fits) in [
        ("/a/b/0", json!(1), true),
        ("/a/b/0", json!("1"), false),
        ("/a/b", json!([1, "x"]), true),
        ("/a/c", json!({ "present": true }), true),
        ("/a/e", json!({ "present": false }), true),
        ("/a/d", json!({ "regex": "^0+1$" }), true),
        ("/a/b/0", json!({ "regex": "^1$" }), true),
        ("/a/e", json!({ "regex": "" }), false),
        ("/a", json!({ "equals": { "b": [1, "x"], "c": null, "d": "001" } }), true),
    ] {
        let differs = call.differs(&json!({ "json": { pointer: expect } }));
        assert_eq!(differs.is_empty(), fits, "{pointer} {expect}: {differs:?}");
    }
    let call = post(
        r#"<?xml version="1.0"?><s:E xmlns:s="u"><s:B id="7"><x>1</x><x> 2 </x><y a="&amp;">t<z/>u</y></s:B></s:E>"#,
    );
    for (path, expect, fits) in [
        ("/E/B/x", json!("1"), true),
        ("/E/B/x[2]", json!(2), true),
        ("/E/B/x[3]", json!({ "present": false }), true),
        ("//x", json!("2"), true),
        ("//x[2]/text()", json!("1"), false),
        ("//y/@a", json!("&"), true),
        ("//y", json!("tu"), true),
        ("//*/@id", json!({ "regex": "^[0-9]$" }), true),
        ("/B/x", json!({ "present": true }), false),
        ("//E/B/y/z", json!({ "present": true }), true),
    ] {
        let differs = call.differs(&json!({ "xpath": { path: expect } }));
        assert_eq!(differs.is_empty(), fits, "{path} {expect}: {differs:?}");
    }
}

#[test]
fn two_steps_of_a_state_machine_answer_in_turn_and_a_counted_rule_runs_out() {
    let book = book(
        false,
        &[
            json!({ "id": "paid", "order": 1, "when": { "state": { "step": "paid" } },
                "then": { "json": { "paid": true }, "set": { "step": "" } } }),
            json!({ "id": "pay", "when": { "method": "POST" },
                "then": { "status": 202, "set": { "step": "paid" }, "times": 2 } }),
        ],
    );
    let pay = Call { method: "POST", ..get("/pay") };
    for _ in 0..2 {
        assert!(matches!(get("/pay").decide(&book), Decision::Pass), "not yet");
        assert_eq!(pay.plan(&book).status, 202);
        assert_eq!(book.lock().states()["step"], "paid");
        assert_eq!(get("/pay").plan(&book).body, r#"{"paid":true}"#);
        assert!(book.lock().states().is_empty(), "an empty text forgets");
    }
    assert!(matches!(pay.decide(&book), Decision::Pass), "it answers twice only");
    let last = book.lock().misses().next().unwrap();
    assert_eq!(last.nearest[0].differences[0].criterion, "state step");
    assert_eq!(last.nearest[1].differences[0].expected, "at most 2");
    let answered: Vec<_> = book.lock().rules().iter().map(|known| known.answered).collect();
    assert_eq!(answered, [2, 2]);
}

#[test]
fn the_lowest_order_is_tried_first_and_a_new_rule_takes_its_namesakes_place() {
    let named = |id: &str, order: u64, body: &str| json!({ "id": id, "order": order, "then": { "body": body } });
    let book = book(true, &[named("b", 1, "b"), named("a", 1, "a"), named("z", 0, "z")]);
    assert_eq!(get("").plan(&book).body, "z");
    book.lock().put(rule(&named("z", 7, "z"))).unwrap();
    assert_eq!(get("").plan(&book).body, "a");
    assert!(book.lock().remove("a") && !book.lock().remove("a"));
    assert_eq!(get("").plan(&book).body, "b");
    for number in 0..RULES_MAX - 2 {
        book.lock().put(rule(&named(&format!("n-{number}"), 9, ""))).unwrap();
    }
    assert_eq!(book.lock().put(rule(&named("more", 1, ""))), Err(Full));
    book.lock().put(rule(&named("b", 1, "again"))).unwrap();
    assert_eq!(get("").plan(&book).body, "again");
}

#[test]
fn states_that_no_rule_speaks_of_are_forgotten() {
    let book = book(false, &[json!({ "id": "a", "then": { "set": { "s": 1 } } })]);
    get("").plan(&book);
    assert_eq!(book.lock().states().len(), 1);
    book.lock().remove("a");
    assert!(book.lock().states().is_empty());
}

#[test]
fn a_miss_names_the_three_nearest_and_shows_no_secret_and_no_payload_to_the_operator() {
    let of = |id: &str, path: &str, more: Value| {
        let mut when = json!({ "path": path });
        when.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "id": id, "when": when })
    };
    let book = book(
        true,
        &[
            of("far", "/elsewhere", json!({ "method": "PUT", "json": { "/id": "001" } })),
            of("near", "/Category/{x}", json!({})),
            of("nearest", "/Category", json!({})),
            of(
                "inside",
                "/Categry",
                json!({ "json": { "/id": "002" }, "headers":
                { "Authorization": "Bearer expected-secret", "X-Test": "1" } }),
            ),
        ],
    );
    let call = Call { path: "/Categry".to_owned(), ..post(r#"{"id":"079-personal"}"#) }
        .with("authorization", "Bearer given-secret");
    let miss = call.miss(&book);
    let near: Vec<_> = miss.nearest.iter().map(|near| near.rule.as_str()).collect();
    assert_eq!(near, ["nearest", "near", "inside"]);
    let told = serde_json::to_string(&miss).unwrap();
    assert!(told.contains("079-personal"), "the caller sees its own words: {told}");
    assert!(!told.contains("secret"), "{told}");
    let shown = book.lock().misses().next().unwrap();
    let shown = serde_json::to_string(&shown).unwrap();
    assert!(!shown.contains("079-personal") && !shown.contains("secret"), "{shown}");
    assert!(shown.contains("json /id") && shown.contains("002"), "{shown}");
    for number in 0..100 {
        Call { path: format!("/{number}"), ..get("") }.miss(&book);
    }
    let kept: Vec<_> = book.lock().misses().map(|miss| miss.path).collect();
    assert_eq!((kept.len(), kept[0].as_str()), (miss::MISSES_MAX, "/99"));
}

#[test]
fn a_template_sees_the_call_and_escapes_by_its_content_type() {
    let of = |then: Value| {
        book(true, &[json!({ "id": "a", "when": { "path": "/p/{name}" }, "then": then })])
    };
    let call = || {
        let call = Call { path: "/p/%C3%A1%22%3C".into(), ..post(r#"{"n":2}"#) };
        Call { query: Some("q=1"), ..call }.with("x-a", "A").with("authorization", "Bearer s")
    };
    let template = r#"{"name":{{ params.name }},"n":{{ json.n + 1 }},"q":{{ query.q }},"a":{{ headers["x-a"] }},"hidden":{{ headers.authorization is defined }},"of":{{ agency }},"count":{{ count }},"now":{{ now }}}"#;
    let book = of(json!({ "template": template }));
    let plan = call().plan(&book);
    let made: Value = serde_json::from_str(&plan.body).unwrap();
    let expected = json!({ "name": "á\"<", "n": 3, "q": "1", "a": "A", "hidden": false,
        "of": "000.00.06.H60", "count": 1, "now": "2026-11-18T13:26:40.123+07:00" });
    assert_eq!(made["name"], expected["name"], "{}", plan.body);
    for key in ["n", "q", "a", "hidden", "of", "count"] {
        assert_eq!(made[key], expected[key], "{key}: {}", plan.body);
    }
    assert!(made["now"].as_str().unwrap().ends_with("+07:00"), "{}", plan.body);
    assert_eq!(plan.headers[0].1, "application/json");
    let soap = Call { path: "/p/%3Ca".into(), is_soap: true, ..post("<e><id k='1'>7</id></e>") };
    let book = of(
        json!({ "template": "<r>{{ params.name }}{{ xpath('//id') }}{{ xpath('//id/@k') }}{{ xpath('//no')|default('') }}</r>" }),
    );
    assert_eq!(soap.plan(&book).body, "<r>&lt;a71</r>");
    let text =
        json!({ "headers": { "Content-Type": "text/csv" }, "template": "{{ params.name }};" });
    assert_eq!(call().plan(&of(text)).body, "á\"<;");
}

#[test]
fn everything_wrong_with_a_rule_is_told_at_once_with_its_place() {
    let wrong = json!({
        "id": "a b", "order": -1, "wen": {},
        "when": { "path": "/**/{x}", "headers": { "a b": "1" }, "json": { "a": 1 },
            "xpath": { "//a[0]": 1 }, "query": { "q": { "regex": "(" } }, "caller": "group:x",
            "state": { "s": { "equals": 1, "present": true } } },
        "then": { "status": 99, "fault": "explode", "delay_ms": 3_600_000, "body": "x", "json": 1,
            "headers": { "Content-Length": "1" }, "set": { "s": [] }, "times": 0, "file": "x" },
    });
    let mut found: Vec<String> =
        Rule::read(&wrong).unwrap_err().iter().map(|mistake| mistake.at.join(".")).collect();
    found.sort();
    let expected = [
        "id",
        "order",
        "then.body",
        "then.delay_ms",
        "then.fault",
        "then.file",
        "then.headers.Content-Length",
        "then.set.s",
        "then.status",
        "then.times",
        "wen",
        "when.caller",
        "when.headers.a b",
        "when.json.a",
        "when.path",
        "when.query.q",
        "when.state.s",
        "when.xpath.//a[0]",
    ];
    assert_eq!(found, expected);
    let near = Rule::read(&json!({ "id": "a", "wen": {} })).unwrap_err();
    assert!(near[0].en.contains("did you mean `when`"), "{near:?}");
    assert!(Rule::read(&json!([])).is_err() && Rule::read(&json!({})).is_err());
    for (template, expected) in [
        ("a\n{{ x", "line 2"),
        ("{{ jsn.a }}", "`jsn`"),
        ("{% include 'file' %}", "line 1"),
        ("{% macro a() %}{% endmacro %}", "line 1"),
    ] {
        let given = json!({ "id": "a", "then": { "template": template } });
        let told = Rule::read(&given).unwrap_err()[0].told();
        assert!(told.starts_with("then.template: ") && told.contains(expected), "{told}");
    }
    let set = RuleSet::read(&json!({ "only": true, "rule": [{ "id": "a" }, { "id": "a" }, {}] }));
    let told: Vec<String> = set.unwrap_err().iter().map(RuleMistake::told).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("rule.2.id: ") && told[1].contains("a rule `a` already"));
}
