//! X-Road's SOAP dialect row by row (wire/xroad.md 2.8, 2.9, 2.13).

use super::{Country, changed, http_answer, system};
use bytes::Bytes;
use lienthong::domain::service::{ServiceChanged, ServiceRecord};
use tokio_util::task::TaskTracker;

pub(super) const ID: &str = "VN:GOV:000.00.00.G01:DB/XacThuc";

const WSDL: &str = r#"<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"><wsdl:service name="s"><wsdl:port name="p"><soap:address location="http://10.0.0.1/secret"/></wsdl:port></wsdl:service></wsdl:definitions>"#;

pub(super) fn header(fields: &str) -> String {
    format!(
        r#"<s:Header xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers">{fields}</s:Header>"#
    )
}

pub(super) const FIELDS: &str = r#"<x:client id:objectType="SUBSYSTEM"><id:xRoadInstance>VN</id:xRoadInstance><id:memberClass>GOV</id:memberClass><id:memberCode>000.00.06.H60</id:memberCode><id:subsystemCode>QLVB</id:subsystemCode></x:client><x:service id:objectType="SERVICE"><id:xRoadInstance>VN</id:xRoadInstance><id:memberClass>GOV</id:memberClass><id:memberCode>G01</id:memberCode><id:subsystemCode>DB</id:subsystemCode><id:serviceCode>XacThuc</id:serviceCode></x:service><x:id>m-1</x:id>"#;
pub(super) const VERSION: &str = "<x:protocolVersion>4.0</x:protocolVersion>";

pub(super) fn envelope(header: &str, body: &str) -> String {
    format!(
        r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">{header}{body}</s:Envelope>"#
    )
}

pub(super) fn message(body: &str) -> String {
    envelope(&header(&format!("{FIELDS}{VERSION}")), &format!("<s:Body>{body}</s:Body>"))
}

pub(super) const ASKED: &str =
    r#"<XacThuc xmlns="http://dancuquocgia.bca"><SoDinhDanh>001</SoDinhDanh></XacThuc>"#;
pub(super) const ANSWERED: &str =
    r#"<XacThucResponse xmlns="http://dancuquocgia.bca"><TonTai>true</TonTai></XacThucResponse>"#;

/// A country with a SOAP service that a real system answers.
pub(super) async fn country(answer: Bytes, tasks: &TaskTracker) -> Country {
    let country = Country::start().await;
    let record = ServiceRecord {
        kind: "soap".to_owned(),
        home: "ss-db".to_owned(),
        timeout_ms: 1_000,
        calls_max: 10,
        body_bytes_max: 1 << 20,
        description: WSDL.to_owned(),
        ..ServiceRecord::default()
    };
    let change = ServiceChanged {
        record: Some(Box::new(record)),
        granted: super::right_to("everyone"),
        state: "published".to_owned(),
        target: "real".to_owned(),
        target_name: system(answer, tasks).await,
        ..changed(ID)
    };
    country.change(change).await;
    country
}

pub(super) fn xml(status: &str, body: &str) -> Bytes {
    http_answer(status, "content-type: text/xml; charset=utf-8\r\n", body)
}

pub(super) fn code(text: &str) -> &str {
    let rest = text.split_once("<faultcode>").map_or("", |(_, rest)| rest);
    rest.split_once("</faultcode>").map_or("", |(code, _)| code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_soap_call_is_answered_with_its_hash() {
    let tasks = TaskTracker::new();
    let country = country(xml("200 OK", &message(ANSWERED)), &tasks).await;
    let typed = [("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", "\"\"")];
    for target in ["/", "http://example.org/xroad-endpoint"] {
        let answer = country.call_with("POST", target, &typed, message(ASKED).as_bytes()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains("<TonTai>true</TonTai>"));
        assert!(answer.text().contains("requestHash"), "{}", answer.text());
    }
    let found = country.records("ss-db", "m-1").await;
    assert_eq!((found.len(), &found[0]["serviceType"]), (2, &"WSDL".into()));
    // REST on a SOAP service, and the reverse.
    let answer = country.call("GET", "/r1/VN/GOV/G01/DB/XacThuc", b"").await;
    assert_eq!(answer.fault(), (500, "server.serverproxy.service_type"));
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_description_is_given_without_its_address() {
    let tasks = TaskTracker::new();
    let country = country(Bytes::new(), &tasks).await;
    let target = "/wsdl?xRoadInstance=VN&memberClass=GOV&memberCode=G01&subsystemCode=DB&serviceCode=XacThuc";
    let answer = country.call_with("GET", target, &[], b"").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("http://example.org/xroad-endpoint"));
    assert!(!answer.text().contains("10.0.0.1"));
    let meta = |name: &str, body: &str| {
        message(body).replace("<id:serviceCode>XacThuc", &format!("<id:serviceCode>{name}"))
    };
    let typed = [("Content-Type", "text/xml")];
    let list = meta("listMethods", r#"<x:listMethods xmlns:x="http://x-road.eu/xsd/xroad.xsd"/>"#);
    let answer = country.call_with("POST", "/", &typed, list.as_bytes()).await;
    assert!(
        answer.text().contains("<id:serviceCode>XacThuc</id:serviceCode>"),
        "{}",
        answer.text()
    );
    let wsdl = meta(
        "getWsdl",
        r#"<x:getWsdl xmlns:x="http://x-road.eu/xsd/xroad.xsd"><x:serviceCode>XacThuc</x:serviceCode></x:getWsdl>"#,
    );
    let answer = country.call_with("POST", "/", &typed, wsdl.as_bytes()).await;
    assert!(answer.header("content-type").starts_with("multipart/related"), "{}", answer.text());
    assert!(answer.text().contains("http://example.org/xroad-endpoint"));
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_go_there_and_come_back() {
    let tasks = TaskTracker::new();
    let part = |body: &str| {
        format!(
            "--b\r\nContent-Type: text/xml\r\n\r\n{body}\r\n--b\r\nContent-Type: application/pdf\r\n\
             Content-ID: <1>\r\n\r\n%PDF\r\n--b--\r\n"
        )
    };
    let typed = "content-type: multipart/related; boundary=b; type=\"text/xml\"\r\n";
    let country = country(http_answer("200 OK", typed, &part(&message(ANSWERED))), &tasks).await;
    let headers = [("Content-Type", "multipart/related; boundary=b; type=\"text/xml\"")];
    let answer = country.call_with("POST", "/", &headers, part(&message(ASKED)).as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("%PDF") && answer.text().contains("requestHash"));
    let broken = "--b\r\nContent-Type: text/xml\r\n\r\nhalf";
    let answer = country.call_with("POST", "/", &headers, broken.as_bytes()).await;
    assert!(code(&answer.text()).starts_with("client."), "{}", answer.text());
    country.gateway.stop().await;
}
