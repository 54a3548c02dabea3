//! X-Road's own requests get the answers that its scenarios look for.

use http::HeaderMap;

use super::*;

fn ask(mock: Mock, method: &Method, path: &str, body: &str) -> (u16, String) {
    let answer = Example { seed: 7, mock }.answer(&Call {
        method,
        path,
        query: None,
        headers: &HeaderMap::new(),
        body: body.as_bytes(),
        caller: "DEV:COM:4321:TestClient",
        correlation: "ID11234",
        now_ms: 0,
        pace: 1,
    });
    (answer.status, String::from_utf8(answer.body).unwrap())
}

fn soap(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:p=\"{NAMESPACE}\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap().0
}

#[test]
fn the_rest_mock_greets_by_method() {
    let (status, body) = ask(Mock::Rest, &Method::POST, "", "{\"data\": 1.0}");
    assert_eq!((status, &*body), (200, r#"{"message":"Hello, world from POST service!"}"#));
    assert_eq!(ask(Mock::Rest, &Method::DELETE, "", "").0, 405);
    assert_eq!(ask(Mock::Rest, &Method::GET, "/x", "").0, 404);
}

#[test]
fn a_random_number_is_from_1_to_100_and_the_same_for_the_same_message() {
    let body = soap("<p:getRandom><p:request/></p:getRandom>");
    let (status, text) = ask(Mock::Random, &Method::POST, "", &body);
    assert_eq!(status, 200, "{text}");
    let number: u64 = between(&text, "<data>", "</data>").parse().unwrap();
    assert!((1..=RANDOM_MAX).contains(&number));
    assert_eq!(ask(Mock::Random, &Method::POST, "", &body).1, text);
}

#[test]
fn a_greeting_names_who_asked_and_nothing_else_is_taken() {
    let hello = |request: &str| soap(&format!("<p:helloService>{request}</p:helloService>"));
    let body = hello("<p:request><p:name>Lê &lt; Á</p:name></p:request>");
    let (status, text) = ask(Mock::Hello, &Method::POST, "", &body);
    assert_eq!(status, 200, "{text}");
    let said = between(&text, "<message>", "</message>");
    assert_eq!(said, "Hello Lê &lt; Á! Greetings from adapter server!");
    for bad in [
        hello(""),
        hello("<p:request><p:name> </p:name></p:request>"),
        hello(&format!("<p:request><p:name>{}</p:name></p:request>", "a".repeat(257))),
        soap("<p:getRandom/>"),
        soap("<helloService><request><name>x</name></request></helloService>"),
        "{}".to_owned(),
    ] {
        let (status, text) = ask(Mock::Hello, &Method::POST, "", &bad);
        assert!(status == 500 && text.contains("<faultstring>"), "{bad}: {text}");
    }
}
