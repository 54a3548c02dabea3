//! Response rules over real sockets: from the topology, from the operator, by REST and by SOAP; what they spoil is
//! blamed on the provider's system, and a call that fits none is told the nearest.

use super::{Answer, COUNTRY, Country, ask};
use serde_json::{Value, json};
use tokio::net::TcpStream;

const DMDC: &str = "/r1/VN/GOV/G06/DMDC/dmdc";
const ECHO: &str = "/r1/VN/GOV/G06/DMDC/echo";

const RULES: &str = r#"
[[provider]]
name = "dmdc"

[[provider.rule]]
id = "ethnic-groups"
when = { method = "GET", path = "/Category/{list}", caller = "H60", headers = { "X-Test" = "1" } }
then = { template = '{"list":{{ params.list }},"by":{{ agency }},"nth":{{ count }}}', headers = { "X-Ruled" = "yes" } }

[[provider]]
name = "echo"
only = true

[[provider.rule]]
id = "pay"
when = { method = "POST", path = "/pay", json = { "/amount" = { regex = "^[0-9]+$" } } }
then = { status = 202, json = { accepted = true }, set = { step = "paid" }, delay_ms = 120 }

[[provider.rule]]
id = "receipt"
when = { method = "GET", path = "/pay", state = { step = "paid" } }
then = { template = '{"step":{{ state.step }}}' }

[[provider.rule]]
id = "cut"
when = { path = "/cut" }
then = { body = "half of this never comes", fault = "cut" }

[[provider.rule]]
id = "empty"
when = { path = "/empty" }
then = { fault = "empty" }

[[provider.rule]]
id = "garbage"
when = { path = "/garbage" }
then = { fault = "garbage" }

[[provider.rule]]
id = "hang"
when = { path = "/hang" }
then = { fault = "hang" }

[[provider.rule]]
id = "endless"
when = { path = "/endless" }
then = { template = "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}" }
"#;

const CITIZEN: &str = r#"
[[service]]
id = "VN:GOV:G01:DB/XacThucThongTinCongDan"
platform = "ss-db"
rights = ["everyone"]
"#;

async fn country() -> Country {
    Country::start_with(&format!("{COUNTRY}{CITIZEN}{RULES}")).await
}

async fn operate(country: &Country, method: &str, path: &str, body: &Value) -> Answer {
    let to = country.gateway.operator;
    let stream = TcpStream::connect(to).await.unwrap();
    let host = to.to_string();
    let headers = [("host", host.as_str()), ("content-type", "application/json")];
    let target = format!("/api/v1/providers/{path}");
    ask(stream, method, &target, &headers, body.to_string().as_bytes()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_of_the_topology_answers_and_the_system_answers_the_rest() {
    let country = country().await;
    let target = format!("{DMDC}/Category/madantoc");
    let headers = [("X-Road-Client", super::CLIENT), ("X-Test", "1")];
    for nth in 1..=2 {
        let answer = country.call_with("GET", &target, &headers, b"").await;
        assert_eq!((answer.status.as_u16(), answer.header("x-ruled")), (200, "yes"));
        assert_eq!(answer.json(), json!({ "list": "madantoc", "by": "000.00.06.H60", "nth": nth }));
    }
    let own = country.call("GET", &target, b"").await;
    assert_eq!((own.status.as_u16(), own.header("x-ruled")), (200, ""), "{}", own.text());
    let unknown = country.call("GET", &format!("{DMDC}/Categry/madantoc"), b"").await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.text().contains("(Category ≠ Categry)"), "{}", unknown.text());
    let misses = operate(&country, "GET", "dmdc/misses", &Value::Null).await.json();
    let nearest = &misses["misses"][1]["nearest"][0];
    assert_eq!(nearest["rule"], "ethnic-groups", "{misses}");
    assert_eq!(nearest["differences"][0]["criterion"], "header x-test");
    assert_eq!(misses["misses"][1]["answered"], true);
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_steps_answer_in_turn_and_a_near_miss_says_what_differs() {
    let country = country().await;
    let pay = format!("{ECHO}/pay");
    let early = country.call("GET", &pay, b"").await;
    assert_eq!(early.status, 404);
    let error = &early.json()["error"];
    assert_eq!((&error["code"], &error["system"]), (&"LT-S410".into(), &"echo".into()));
    assert!(!error["vi"].as_str().unwrap().is_empty() && !error["en"].as_str().unwrap().is_empty());
    let nearest = error["nearest"].as_array().unwrap();
    assert_eq!(nearest.len(), 3);
    assert_eq!(nearest[0]["rule"], "receipt");
    let differs = json!([{ "criterion": "state step", "expected": "paid", "got": "absent" }]);
    assert_eq!(nearest[0]["differences"], differs);
    let id = error["correlation_id"].as_str().unwrap();
    assert_eq!(country.records("ss-h60", id).await.len(), 1, "the call is found by it");
    let wrong = country.call("POST", &pay, br#"{"amount":"ten"}"#).await.json();
    let differs = &wrong["error"]["nearest"][0]["differences"];
    assert_eq!(
        *differs,
        json!([{ "criterion": "json /amount", "expected": "/^[0-9]+$/", "got": "ten" }])
    );
    let paid = country.call("POST", &pay, br#"{"amount":10}"#).await;
    assert_eq!((paid.status.as_u16(), paid.json()), (202, json!({ "accepted": true })));
    let record = country.records("lgsp-g06", paid.header("x-road-request-id")).await.remove(0);
    let took = record["responseInTs"].as_u64().unwrap() - record["requestOutTs"].as_u64().unwrap();
    assert!((120..3_000).contains(&took), "{took} ms");
    assert_eq!(country.call("GET", &pay, b"").await.json(), json!({ "step": "paid" }));
    country.gateway.host.reset();
    assert_eq!(country.call("GET", &pay, b"").await.status, 404, "a reset forgets the step");
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_rule_spoils_is_blamed_on_the_providers_system() {
    let text = format!("{COUNTRY}{RULES}").replace("5_000", "1_000");
    let country = Country::start_with(&text).await;
    for (path, code) in [
        ("/cut", "LT-S405"),
        ("/empty", "LT-S405"),
        ("/garbage", "LT-S406"),
        ("/hang", "LT-S404"),
        ("/endless", "LT-S411"),
    ] {
        let answer = country.call("GET", &format!("{ECHO}{path}"), b"").await;
        assert!(answer.status == 500 && answer.text().contains(code), "{path}: {}", answer.text());
        let found = country.records("ss-h60", "").await.remove(0);
        let blamed = (&found["faultCode"], &found["faultSide"], &found["faultAt"]);
        assert_eq!(blamed, (&code.into(), &"system".into(), &"lgsp-g06".into()), "{path}");
    }
    country.gateway.stop().await;
}

const NAME: &str = "XacThucThongTinCongDan";

fn envelope(body: &str) -> String {
    format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers"><x:client id:objectType="SUBSYSTEM"><id:xRoadInstance>VN</id:xRoadInstance><id:memberClass>GOV</id:memberClass><id:memberCode>000.00.06.H60</id:memberCode><id:subsystemCode>QLVB</id:subsystemCode></x:client><x:service id:objectType="SERVICE"><id:xRoadInstance>VN</id:xRoadInstance><id:memberClass>GOV</id:memberClass><id:memberCode>G01</id:memberCode><id:subsystemCode>DB</id:subsystemCode><id:serviceCode>XacThucThongTinCongDan</id:serviceCode></x:service><x:id>m-1</x:id><x:protocolVersion>4.0</x:protocolVersion></s:Header><s:Body>{body}</s:Body></s:Envelope>"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soap_answer_of_a_rule_stands_in_the_envelope_of_its_request() {
    let country = country().await;
    let rule = json!({
        "when": { "xpath": { "//SoDinhDanh": { "regex": "^001" } } },
        "then": { "template": "<XacThucThongTinCongDanResponse><so>{{ xpath('//SoDinhDanh') }}</so></XacThucThongTinCongDanResponse>" },
    });
    let path = "XacThucThongTinCongDan/rules/known";
    assert_eq!(operate(&country, "PUT", path, &rule).await.status, 200);
    let typed = [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", "\"\"")];
    let asked =
        |number: &str| envelope(&format!("<{NAME}><SoDinhDanh>{number}</SoDinhDanh></{NAME}>"));
    let answer = country.call_with("POST", "/", &typed, asked("0019").as_bytes()).await;
    let text = answer.text();
    assert!(text.contains("Response><so>0019</so></") && text.contains("requestHash"), "{text}");
    let own = country.call_with("POST", "/", &typed, asked("002").as_bytes()).await;
    assert!(own.text().contains("chỉ nhận XacThucThongTinCongDan"), "{}", own.text());
    let mut set = json!({ "only": true, "rules": [rule] });
    set["rules"][0]["id"] = "known".into();
    let put = operate(&country, "PUT", "XacThucThongTinCongDan/rules", &set).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let miss = country.call_with("POST", "/", &typed, asked("002").as_bytes()).await.text();
    assert!(miss.contains("LT-S410") && miss.contains("/^001/ ≠ 002"), "{miss}");
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_operator_puts_reads_and_takes_away_rules() {
    let country = country().await;
    let refused = operate(&country, "PUT", "dmdc/rules/a", &json!({ "when": { "pth": 1 } })).await;
    let error = &refused.json()["error"];
    assert_eq!((refused.status.as_u16(), &error["code"]), (400, &"LT-O024".into()));
    assert!(error["detail"].as_str().unwrap().contains("did you mean `path`"), "{error}");
    let other = operate(&country, "PUT", "dmdc/rules/a", &json!({ "id": "b" })).await;
    assert_eq!(other.json()["error"]["code"], "LT-O024");
    let teapot = json!({ "then": { "status": 418 }, "order": 1 });
    assert_eq!(operate(&country, "PUT", "dmdc/rules/a", &teapot).await.status, 200);
    let target = format!("{DMDC}/AllCategory");
    assert_eq!(country.call("GET", &target, b"").await.status, 418);
    let all = operate(&country, "GET", "dmdc/rules", &Value::Null).await.json();
    let ids: Vec<_> = all["rules"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    assert_eq!(ids, ["a", "ethnic-groups"]);
    assert_eq!(all["rules"][0]["answered"], 1);
    let one = operate(&country, "GET", "dmdc/rules/ethnic-grups", &Value::Null).await;
    assert_eq!(one.json()["error"]["nearest"][0], "ethnic-groups");
    assert_eq!(operate(&country, "DELETE", "dmdc/rules/a", &Value::Null).await.status, 200);
    assert_eq!(country.call("GET", &target, b"").await.status, 200);
    let gone = operate(&country, "DELETE", "dmdc/rules", &Value::Null).await.json();
    assert_eq!(gone["rules"], json!([]));
    let nowhere = operate(&country, "GET", "dmcd/rules", &Value::Null).await.json();
    assert_eq!(nowhere["error"]["code"], "LT-O021");
    country.gateway.stop().await;
}
