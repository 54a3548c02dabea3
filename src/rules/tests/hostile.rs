//! Whatever rules and callers hold, a decision ends, and what it holds is bounded.

use super::*;
use crate::rules::template::OUTPUT_BYTES_MAX;
use proptest::prelude::*;

fn spoilt(template: &str, call: &Call) -> String {
    let book = book(true, &[json!({ "id": "a", "then": { "template": template } })]);
    let decided = call.decide(&book);
    let Decision::Answer(Err(spoilt)) = decided else { panic!("{template}: {decided:?}") };
    spoilt.why
}

#[test]
fn a_template_that_never_ends_or_only_grows_runs_out_of_fuel() {
    for template in [
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
        "{{ 'x' * 99999999 }}",
        "{{ ('x' * 10000)|replace('x', 'xxxxxxxxxxxxxxxx')|replace('x', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxx') }}",
        "{{ range(99999)|list|tojson }}",
        "{% for i in range(9) recursive %}{{ loop(range(9)) }}{% endfor %}",
    ] {
        let why = spoilt(template, &get(""));
        let known = ["out of fuel", "recursion limit", "range has too many", "invalid operation"];
        assert!(known.iter().any(|word| why.contains(word)), "{template}: {why}");
    }
    let long = format!("{{% for i in range(60) %}}{}{{% endfor %}}", "x".repeat(20_000));
    assert!(spoilt(&long, &get("")).contains(&OUTPUT_BYTES_MAX.to_string()));
    let many = "{% for i in range(100) %}{{ xpath('//a') }}{% endfor %}";
    assert!(spoilt(many, &post("<a/>")).contains("calls of xpath"));
}

fn refused(template: &str) -> String {
    let given = json!({ "id": "a", "then": { "template": template } });
    Rule::read(&given).map_or_else(|mistakes| mistakes[0].told(), |_| panic!("{template}"))
}

#[test]
fn a_chain_that_would_overflow_the_parser_is_refused_and_the_longest_allowed_is_rendered() {
    for (start, link, end) in [
        ("", "not ", "1"),
        ("", "-", "1"),
        ("1", "+1", ""),
        ("json", ".a", ""),
        ("1", "|int", ""),
        ("", "1 if 1 else ", "1"),
        ("1", "**1", ""),
        ("", "query and ", "1"),
        ("json", "[0]", ""),
        ("json", "()", ""),
        ("1", " is defined", ""),
        ("1", "~1", ""),
        ("", "(", "1"),
        ("", "[", "1"),
    ] {
        for count in [130, 3_000] {
            let template = format!("{{{{ {start}{}{end} }}}}", link.repeat(count));
            assert!(refused(&template).contains("more than 128"), "{link}");
        }
        let longest = 126 / link.split_whitespace().count().max(link.len().min(3));
        let template = format!("{{{{ {start}{}{end} }}}}", link.repeat(longest));
        if let Ok(rule) = Rule::read(&json!({ "id": "a", "then": { "template": template } })) {
            let rules = vec![Arc::new(rule)];
            post("{}").decide(&Mutex::new(Book::new(&RuleSet { only: true, rules })));
        }
    }
    for template in [
        format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}".repeat(3_000)),
        format!("{}{}", "{% if 1 %}".repeat(3_000), "{% endif %}".repeat(3_000)),
        format!("{}{}", "{% for a in query %}".repeat(1_400), "{% endfor %}".repeat(1_400)),
    ] {
        refused(&template);
    }
}

#[test]
fn a_value_that_holds_another_many_times_cannot_be_made() {
    for template in [
        "{% set a = [1] %}",
        "{% with a = 1 %}{% endwith %}",
        "{{ [query, query] }}",
        "{% for a in [query, query] %}{% endfor %}",
        "{% for a in (query, query) %}{% endfor %}",
        "{% for a in query, query %}{% endfor %}",
        "{{ {'a': query} }}",
        "{{ query|zip(query) }}",
        "{{ query|batch(9) }}",
        "{{ (query + query)|batch(99)|batch(99) }}",
        "{{ [[1], [1, query]] }}",
        "{{ namespace(a=1) }}",
        "{{ dict(a=query, b=query) }}",
        "{{ query|default([query, query]) }}",
        "{{ query.in [query, query] }}",
        "{{ 1 in [query] }}",
        "{{ query[query, query] }}",
        "{{ not (query, query) }}",
        "{% do query %}",
        "{% filter upper %}{% endfilter %}",
    ] {
        refused(template);
    }
    let fine = "{% for a, b in query|list %}{% endfor %}{% for a in ['x', 1, none] %}{{ a }}{% endfor %}{{ range(1, 3)|list }}{{ loop_ }}";
    let fine = fine.replace("{{ loop_ }}", "{{ query['a']|default('-') }}{{ json.in|d(1) }}");
    assert!(Rule::read(&json!({ "id": "a", "then": { "template": fine } })).is_ok());
}

#[test]
fn bodies_made_to_grow_are_not_read() {
    let laughs = r#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><x>&b;</x>"#;
    for (body, expected) in [
        (laughs.to_owned(), "document type"),
        ("<x>&b;</x>".to_owned(), "unknown entity"),
        (format!("{}{}", "<a>".repeat(500), "</a>".repeat(500)), "deeper than"),
        (format!("<a>{}</a>", "<b/>".repeat(20_000)), "more than 10000 elements"),
        (format!("<a>{}</a>", "x".repeat(2 << 20)), "bytes"),
        ("<a/><b/>".to_owned(), "more than one root"),
        ("<a><b></a>".to_owned(), "no XML"),
        (String::new(), "no whole document"),
    ] {
        let told = post(&body).differs(&json!({ "xpath": { "//x": "1" } }));
        assert!(told[0].contains(expected), "{expected}: {told:?}");
    }
    for body in [format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), "{".repeat(1_000)] {
        let told = post(&body).differs(&json!({ "json": { "": { "present": true } } }));
        assert!(told[0].contains("no JSON"), "{told:?}");
    }
}

#[test]
fn what_is_too_large_of_a_rule_is_refused() {
    let many: serde_json::Map<String, Value> =
        (0..100).map(|number| (format!("q{number}"), json!(1))).collect();
    for given in [
        json!({ "id": "a", "then": { "body": "x".repeat(RULE_BYTES_MAX) } }),
        json!({ "id": "a", "when": { "query": many } }),
        json!({ "id": "a", "when": { "query": { "q": { "regex": "x".repeat(2_000) } } } }),
        json!({ "id": "a", "when": { "query": { "q": { "regex": "(\\w{1000}){1000}" } } } }),
        json!({ "id": "a", "when": { "path": "/*".repeat(1_000) } }),
        json!({ "id": "a", "when": { "xpath": { "/a".repeat(100): 1 } } }),
        json!({ "id": "a", "then": { "set": { "s": "x".repeat(1_000) } } }),
    ] {
        assert!(Rule::read(&given).is_err(), "{}", shown(&given));
    }
    let rules: Vec<Value> =
        (0..=RULES_MAX).map(|number| json!({ "id": format!("n{number}") })).collect();
    assert!(RuleSet::read(&json!({ "rules": rules })).is_err());
}

fn shown(given: &Value) -> String {
    given.to_string().chars().take(100).collect()
}

fn anything() -> Mutex<Book> {
    let when = json!({ "path": "/a/{b}/*", "query": { "q": { "regex": "(a|b)*c" } },
        "headers": { "x-a": { "present": true } }, "json": { "/a/0": 1 }, "xpath": { "//a[2]/@b": "1" } });
    let template =
        "{{ json }}{{ params.b }}{{ xpath('/a/b') }}{% for x in query %}{{ x }}{% endfor %}";
    let then = json!({ "template": template });
    book(
        true,
        &[
            json!({ "id": "all", "when": when, "then": then }),
            json!({ "id": "xml", "when": { "xpath": { "//a": { "present": true } } }, "then": then }),
            json!({ "id": "json", "when": { "json": { "": { "present": true } } }, "then": then }),
        ],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_call_is_too_odd_to_be_decided(
        path in "(/[a-z%0-9{}*.]{0,8}){0,6}",
        body in prop_oneof![
            "(<[/?!a-c]?[a-c =\"'&;#x0-9]{0,6}>?){0,12}",
            "[\\[\\]{}\",:0-9a-c ]{0,40}",
            ".{0,60}",
        ],
        caller in ".{0,20}",
    ) {
        let call = Call { path, ..post(&body) };
        let book = anything();
        let asked = Asked {
            method: call.method, path: &call.path, query: Some(&body), headers: &call.headers,
            body: &call.body, caller: &caller, correlation: "", now_ms: i64::MIN, is_soap: false,
        };
        match Book::decide(&book, &asked) {
            Decision::Answer(Ok(plan)) => prop_assert!(plan.body.len() <= OUTPUT_BYTES_MAX),
            Decision::Nobody(miss) => prop_assert_eq!(miss.nearest.len(), 3),
            Decision::Answer(Err(_)) | Decision::Pass => {}
        }
    }

    #[test]
    fn no_rule_is_too_odd_to_be_read(
        key in prop_oneof![
            Just("id"), Just("when"), Just("then"), Just("path"), Just("template"), Just("xpath"),
        ],
        text in ".{0,40}",
        template in "[{}%a-f .|~*0-9()\\[\\]']{0,40}",
    ) {
        for given in [
            json!({ "id": "a", key: text }),
            json!({ "id": "a", "when": { key: text, "path": text, "xpath": { &text: 1 }, "json": { &text: 1 } } }),
            json!({ "id": "a", "then": { "template": template } }),
        ] {
            if let Ok(rule) = Rule::read(&given) {
                let rules = vec![Arc::new(rule)];
                post("{}").decide(&Mutex::new(Book::new(&RuleSet { only: true, rules })));
            }
        }
    }
}
