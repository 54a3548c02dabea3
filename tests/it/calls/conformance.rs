//! X-Road's black-box conformance list, row by row (wire/xroad.md 2.13). What has no counterpart here: signatures of
//! messages at either end, whose place the chained evidence has, and its `cannot_create_signature`.
//!
//! The rows of TLS are in `connections`, those of a misbehaving peer in `peers`.

use super::soap::{
    ANSWERED, ASKED, FIELDS, ID, VERSION, code, country, envelope, header, message, xml,
};
use super::{Answer, CLIENT, Country, changed, http_answer, right_to, system};
use bytes::Bytes;
use lienthong::domain::behaviour::Behaviour;
use lienthong::domain::conditions::PlatformConditions;
use lienthong::domain::service::ServiceChanged;
use tokio_util::task::TaskTracker;

const TEXT: &str = "text/xml";
const MULTIPART: &str = "multipart/related; boundary=b; type=\"text/xml\"";

fn body(content: &str) -> String {
    format!("<s:Body>{content}</s:Body>")
}

/// Parts of a `multipart/related` message, each with its own headers.
fn parts(parts: &[(&str, &str)]) -> String {
    let part = |(headers, content): &(&str, &str)| format!("--b\r\n{headers}\r\n{content}\r\n");
    format!("{}--b--\r\n", parts.iter().map(part).collect::<String>())
}

const SOAP_PART: &str = "Content-Type: text/xml\r\n";
const FILE_PART: &str = "Content-Type: application/pdf\r\nContent-ID: <1>\r\n";

fn own_fault() -> String {
    let fault = "<s:Fault><faultcode>own.code</faultcode><faultstring>x</faultstring></s:Fault>";
    envelope("", &body(fault))
}

async fn post(country: &Country, content_type: &str, action: &str, sent: &[u8]) -> Answer {
    let headers = [("Content-Type", content_type), ("SOAPAction", action)];
    country.call_with("POST", "/", &headers, sent).await
}

/// Name of the row, content type, `SOAPAction`, message, code.
type Asked = (&'static str, &'static str, &'static str, String, &'static str);

fn requests() -> Vec<Asked> {
    let whole = message(ASKED);
    let all_fields = header(&format!("{FIELDS}{VERSION}"));
    let no_version = envelope(&header(FIELDS), &body(ASKED));
    let with = |from: &str, to: &str| whole.replace(from, to);
    let row = |name, sent: String, code| (name, TEXT, "", sent, code);
    let typed = |name, content_type, sent: String, code| (name, content_type, "", sent, code);
    let twice = with("<x:id>m-1</x:id>", "<x:id>m-1</x:id><x:id>m-2</x:id>");
    let other_root = with("<XacThuc ", "<Khac ").replace("</XacThuc>", "</Khac>");
    let lacking = parts(&[(SOAP_PART, &no_version), (FILE_PART, "%PDF")]);
    let untyped = parts(&[(SOAP_PART, &whole), ("", "%PDF")]);
    vec![
        row("empty body", String::new(), "client.invalid_soap"),
        typed("empty multipart", MULTIPART, parts(&[]), "client.missing_soap"),
        typed("content type blah", "blah", whole.clone(), "client.invalid_content_type"),
        ("malformed SOAPAction", TEXT, "no quotes", whole.clone(), "client.invalid_soap_action"),
        row("no SOAP header", envelope("", &body(ASKED)), "client.missing_header"),
        row("no protocolVersion", no_version, "client.missing_header_field"),
        row("wrong protocolVersion", with(">4.0<", ">9.9<"), "client.invalid_protocol_version"),
        row("bad protocolVersion", with(">4.0<", ">bad<"), "client.invalid_protocol_version"),
        row("header field twice", twice, "client.duplicate_header_field"),
        row("no body", envelope(&all_fields, ""), "client.missing_body"),
        row("two roots", message(&format!("{ASKED}{ASKED}")), "client.invalid_body"),
        row("no root", message("text alone"), "client.invalid_body"),
        row("malformed root", message("<XacThuc>"), "client.invalid_soap"),
        row("root differs from serviceCode", other_root, "client.inconsistent_headers"),
        row("no objectType", with(" id:objectType=\"SERVICE\"", ""), "client.invalid_xml"),
        typed(
            "attachment without SOAP",
            MULTIPART,
            parts(&[(FILE_PART, "%PDF")]),
            "client.invalid_content_type",
        ),
        typed("broken attachment", MULTIPART, untyped, "client.invalid_content_type"),
        typed(
            "attachment with SOAP lacking a header field",
            MULTIPART,
            lacking,
            "client.missing_header_field",
        ),
        row("SOAP fault sent as a request", own_fault(), "client.own.code"),
        row("a DTD", format!("<!DOCTYPE x [<!ENTITY a \"aaaa\">]>{whole}"), "client.invalid_soap"),
        row(
            "unregistered client",
            with("000.00.06.H60", "H26"),
            "server.clientproxy.unknown_member",
        ),
        row("unregistered provider", with(">G01<", ">G17<"), "server.clientproxy.unknown_member"),
        row("unknown service", with("XacThuc", "KhongCo"), "server.serverproxy.unknown_service"),
        row(
            "unknown security server",
            message_to_server("H26", "ss-db"),
            "server.clientproxy.invalid_security_server",
        ),
    ]
}

/// A request that names the security server it is for.
fn message_to_server(member: &str, server: &str) -> String {
    let named = format!(
        "<x:securityServer id:objectType=\"SERVER\"><id:xRoadInstance>VN</id:xRoadInstance>\
         <id:memberClass>GOV</id:memberClass><id:memberCode>{member}</id:memberCode>\
         <id:serverCode>{server}</id:serverCode></x:securityServer>"
    );
    envelope(&header(&format!("{FIELDS}{VERSION}{named}")), &body(ASKED))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_soap_request_gets_the_code_of_its_row() {
    let tasks = TaskTracker::new();
    let country = country(xml("200 OK", &message(ANSWERED)), &tasks).await;
    for (row, content_type, action, sent, expected) in requests() {
        let answer = post(&country, content_type, action, sent.as_bytes()).await;
        let found = answer.text();
        assert_eq!((answer.status.as_u16(), code(&found)), (500, expected), "{row}: {found}");
        assert!(found.contains("faultDetail"), "{row}");
    }
    let answer = country.call_with("GET", "/", &[("Content-Type", TEXT)], b"").await;
    assert_eq!(code(&answer.text()), "client.invalid_http_method", "GET on the SOAP port");
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_at_the_provider_gets_the_code_of_its_row() {
    let tasks = TaskTracker::new();
    let country = country(Bytes::new(), &tasks).await;
    let answered = message(ANSWERED);
    let bodiless = envelope(&header(&format!("{FIELDS}{VERSION}")), "");
    let two = message(&format!("{ANSWERED}{ANSWERED}"));
    for (row, answer, expected) in [
        ("provider answers empty", xml("200 OK", ""), "invalid_soap"),
        ("no header", xml("200 OK", &envelope("", &body(ANSWERED))), "missing_header"),
        ("missing field", xml("200 OK", &answered.replace(VERSION, "")), "missing_header_field"),
        ("bad body", xml("200 OK", &two), "invalid_body"),
        ("no body", xml("200 OK", &bodiless), "missing_body"),
        ("other headers", xml("200 OK", &answered.replace("m-1", "m-2")), "inconsistent_response"),
        (
            "provider: wrong content type",
            http_answer("200 OK", "content-type: text/html\r\n", "<p>"),
            "invalid_content_type",
        ),
        ("provider: HTTP error", xml("404 Not Found", "x"), "http_error"),
        ("provider: no HTTP", Bytes::from("nonsense\r\n\r\n"), "http_error"),
    ] {
        let address = system(answer, &tasks).await;
        let found = asked_of(&country, address).await;
        let expected = format!("server.serverproxy.service_failed.{expected}");
        assert_eq!(code(&found), expected, "{row}: {found}");
    }
    for (row, address, expected) in [
        ("provider host unknown", "http://no-such-host.invalid:1", "unknown_host"),
        ("provider unreachable", "http://127.0.0.1:1", "network_error"),
    ] {
        let found = asked_of(&country, address.to_owned()).await;
        let expected = format!("server.serverproxy.service_failed.{expected}");
        assert_eq!(code(&found), expected, "{row}: {found}");
    }
    let found = asked_of(&country, untrusted(&country, &tasks).await).await;
    let expected = "server.serverproxy.service_failed.ssl_authentication_failed";
    assert_eq!(code(&found), expected, "provider TLS: no trusted certificate: {found}");
    let own = system(xml("500 Internal Server Error", &own_fault()), &tasks).await;
    assert_eq!(code(&asked_of(&country, own).await), "own.code", "provider's own fault");
    country.gateway.stop().await;
}

/// What the provider's service says when this system is behind it.
async fn asked_of(country: &Country, address: String) -> String {
    country
        .change(ServiceChanged { target: "real".to_owned(), target_name: address, ..changed(ID) })
        .await;
    post(country, TEXT, "", message(ASKED).as_bytes()).await.text()
}

/// A system whose certificate is of an authority that nobody here trusts.
async fn untrusted(country: &Country, tasks: &TaskTracker) -> String {
    use lienthong::clock::Clock;
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};
    let foreign = lienthong::pki::Pki::at(country.data.path().join("foreign"));
    let name = lienthong::pki::PlatformName::new("system").unwrap();
    let platform = lienthong::pki::Platform { name: name.clone(), addresses: Vec::new() };
    foreign.init(&[platform], &[], country.gateway.clock.now()).unwrap();
    let files = foreign.bundle(&lienthong::pki::Holder::Platform(name));
    let chain = CertificateDer::pem_file_iter(&files.chain).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        assert!(acceptor.accept(stream).await.is_err(), "nobody trusts it");
    });
    format!("https://{address}")
}

/// Name of the row, content type, message, what the provider answers.
type Passing = (&'static str, &'static str, Vec<u8>, Bytes);

fn passes() -> Vec<Passing> {
    let (asked, answered) = (message(ASKED), message(ANSWERED));
    let good = xml("200 OK", &answered);
    let row = |name, sent: String| (name, TEXT, sent.into_bytes(), good.clone());
    let multipart = |sent: &str, count: usize| {
        let mut all = vec![(SOAP_PART, sent)];
        all.extend((0..count).map(|_| (FILE_PART, "%PDF")));
        parts(&all)
    };
    let packed = format!("content-type: {MULTIPART}\r\n");
    let default_namespace = format!(
        "<Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\">{}<Body>{ASKED}</Body></Envelope>",
        header(&format!("{FIELDS}{VERSION}")).replace("<s:", "<").replace("</s:", "</"),
    );
    let split = envelope(&format!("{}{}", header(FIELDS), header(VERSION)), &body(ASKED));
    let user = |text: &str| text.replace(VERSION, &format!("<x:userId>VN1</x:userId>{VERSION}"));
    let with_user = user(&asked);
    let latin: Vec<u8> = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{answered}")
        .replace("true", "\u{e9}")
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let mut latin_answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\ncontent-type: text/xml; charset=ISO-8859-1\r\n\r\n",
        latin.len()
    )
    .into_bytes();
    latin_answer.extend(latin);
    let mtom = "application/xop+xml; charset=UTF-8; type=\"text/xml\"";
    let mtom_part = format!("Content-Type: {mtom}\r\n");
    vec![
        row("plain", asked.clone()),
        row("default namespace", default_namespace),
        row("CDATA", asked.replace(">001<", "><![CDATA[<001>]]><")),
        row("comment", asked.replace(ASKED, &format!("<!-- a -->{ASKED}<!-- b -->"))),
        row("XML-encoded", asked.replace(">001<", ">&lt;001&gt;&#x26;<")),
        row("whitespace", asked.replace("><", ">\n  <")),
        row("split header", split),
        row("UTF-8 BOM", format!("\u{feff}{asked}")),
        ("userId", TEXT, with_user.into_bytes(), xml("200 OK", &user(&answered))),
        row("to its security server", message_to_server("G01", "ss-db")),
        ("ISO-8859-1 answer", TEXT, asked.clone().into_bytes(), latin_answer.into()),
        ("one attachment", MULTIPART, multipart(&asked, 1).into_bytes(), good.clone()),
        ("many attachments", MULTIPART, multipart(&asked, 20).into_bytes(), good.clone()),
        (
            "attachments in the answer",
            TEXT,
            asked.clone().into_bytes(),
            http_answer("200 OK", &packed, &multipart(&answered, 3)),
        ),
        (
            "MTOM",
            MULTIPART,
            parts(&[(&mtom_part, &asked), (FILE_PART, "%PDF")]).into_bytes(),
            good.clone(),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_soap_message_that_should_pass_does() {
    let tasks = TaskTracker::new();
    let country = country(Bytes::new(), &tasks).await;
    for (row, content_type, sent, answer) in passes() {
        let change = ServiceChanged {
            target: "real".to_owned(),
            target_name: system(answer, &tasks).await,
            ..changed(ID)
        };
        country.change(change).await;
        let got = post(&country, content_type, "\"\"", &sent).await;
        assert_eq!(got.status, 200, "{row}: {}", got.text());
        assert!(got.text().contains("requestHash"), "{row}: {}", got.text());
    }
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_that_is_missing_and_a_service_that_is_off_are_told_alike_to_both_dialects() {
    let tasks = TaskTracker::new();
    let country = country(xml("200 OK", &message(ANSWERED)), &tasks).await;
    let sent = message(ASKED);
    for (row, change, expected) in [
        (
            "disabled",
            ServiceChanged { state: "disabled".to_owned(), ..changed(ID) },
            "server.serverproxy.service_disabled",
        ),
        (
            "no right",
            ServiceChanged { revoked: right_to("everyone"), ..changed(ID) },
            "server.serverproxy.access_denied",
        ),
    ] {
        country.change(change).await;
        let found = post(&country, TEXT, "", sent.as_bytes()).await.text();
        assert_eq!(code(&found), expected, "{row}: {found}");
    }
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_in_maintenance_is_told_with_its_message() {
    let country = Country::start().await;
    let (direct, dmdc) = ("/r1/VN/GOV/G01/DB/echo", "/r1/VN/GOV/G06/DMDC/dmdc/AllCategory");
    let told = (500, "server.clientproxy.maintenance_mode");
    let platforms = country.gateway.plane.platforms();
    let server = platforms.iter().find(|p| &*p.name == "ss-db").unwrap();
    let off = PlatformConditions { maintenance: true, ..PlatformConditions::default() };
    server.door.set_conditions(off);
    let answer = country.call("GET", direct, b"").await;
    assert_eq!(answer.fault(), told, "the provider's security server: {}", answer.text());
    assert!(answer.text().contains("Security server ss-db is in maintenance mode [LT-S310]"));
    assert_eq!(country.call("GET", dmdc, b"").await.status, 200, "others go on");
    server.door.set_conditions(PlatformConditions::default());
    assert_eq!(country.call("GET", direct, b"").await.status, 200);
    let resting = Behaviour { maintenance: true, ..Behaviour::default() };
    country.gateway.host.set_behaviour("dmdc", resting);
    let answer = country.call("GET", dmdc, b"").await;
    assert_eq!(answer.fault(), told, "the provider's system: {}", answer.text());
    assert!(answer.text().contains("LT-S408"), "{}", answer.text());
    country.gateway.stop().await;
}

/// Name of the row, method, target, headers, status, code.
type Rest = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    u16,
    &'static str,
);

const DMDC: &str = "/r1/VN/GOV/G06/DMDC/dmdc";
const ECHO: &str = "/r1/VN/GOV/G06/DMDC/echo";
const TO: (&str, &str) = ("X-Road-Client", CLIENT);
const UNREGISTERED: (&str, &str) = ("X-Road-Client", "VN/GOV/H26/QLVB");

const fn server(id: &'static str) -> (&'static str, &'static str) {
    ("X-Road-Security-Server", id)
}

const MALFORMED: &str = "server.clientproxy.internal_error";
const UNKNOWN: &str = "server.clientproxy.unknown_member";
const WRONG_SERVER: &str = "server.clientproxy.invalid_security_server";
const DENIED: &str = "server.serverproxy.access_denied";
const DISABLED: &str = "server.serverproxy.service_disabled";
const NO_SERVICE: &str = "server.serverproxy.unknown_service";
const NO_CLIENT: &str = "server.clientproxy.invalid_client_identifier";
const PARTIES: (&str, &str) = ("X-Road-Represented-Party", "a/b/c");

const REST: [Rest; 26] = [
    ("missing client", "GET", ECHO, &[], 500, NO_CLIENT),
    ("short URI", "GET", "/r1/VN/GOV/G06/DMDC", &[TO], 500, MALFORMED),
    ("encoded separators", "GET", "/r1/VN%2FGOV/G06/DMDC/echo", &[TO], 500, MALFORMED),
    ("method that is none", "PURGE", ECHO, &[TO], 500, MALFORMED),
    ("no subsystem", "GET", ECHO, &[("X-Road-Client", "VN/GOV/H60")], 500, UNKNOWN),
    ("unregistered client", "GET", ECHO, &[UNREGISTERED], 500, UNKNOWN),
    ("unregistered provider", "GET", "/r1/VN/GOV/G17/X/y", &[TO], 500, UNKNOWN),
    ("unknown service", "GET", "/r1/VN/GOV/G06/DMDC/nothing", &[TO], 500, NO_SERVICE),
    ("POST denied", "POST", DMDC, &[TO], 500, DENIED),
    ("PATCH denied", "PATCH", DMDC, &[TO], 500, DENIED),
    ("disabled", "GET", "/r1/VN/GOV/G06/DMDC/off", &[TO], 500, DISABLED),
    ("traversal", "GET", "/r1/VN/GOV/G06/DMDC/dmdc/../echo", &[TO], 400, "client.bad_request"),
    ("segment of two", "PUT", "/r1/VN/GOV/G06/DMDC/dmdc/only/a%2Fb", &[TO], 500, DENIED),
    (
        "path encoded twice",
        "PUT",
        "/r1/VN/GOV/G06/DMDC/dmdc/only/%252e%252e/x",
        &[TO],
        400,
        "client.bad_request",
    ),
    ("another's server", "GET", ECHO, &[TO, server("VN/GOV/G06/ndxp")], 500, WRONG_SERVER),
    ("another member", "GET", ECHO, &[TO, server("VN/GOV/H60/lgsp-g06")], 500, WRONG_SERVER),
    ("another class", "GET", ECHO, &[TO, server("VN/COM/G06/lgsp-g06")], 500, WRONG_SERVER),
    ("another instance", "GET", ECHO, &[TO, server("EE/GOV/G06/lgsp-g06")], 500, WRONG_SERVER),
    ("server of two parts", "GET", ECHO, &[TO, server("VN/GOV")], 500, MALFORMED),
    ("party of three parts", "GET", ECHO, &[TO, PARTIES], 500, MALFORMED),
    ("its server", "GET", ECHO, &[TO, server("VN/GOV/G06/lgsp-g06")], 200, ""),
    ("long code", "GET", ECHO, &[TO, server("VN/GOV/000.00.00.G06/lgsp-g06")], 200, ""),
    ("client twice: the last wins", "GET", ECHO, &[UNREGISTERED, TO], 200, ""),
    ("PATCH allowed", "PATCH", ECHO, &[TO], 200, ""),
    ("percent-encoded ids", "GET", "/r1/VN/GOV/G06/%44MDC/%65cho", &[TO], 200, ""),
    ("trailing slash", "GET", "/r1/VN/GOV/G06/DMDC/echo/", &[TO], 200, ""),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rest_request_gets_the_code_of_its_row() {
    let country = Country::start().await;
    for (row, method, target, headers, status, code) in REST {
        let answer = country.call_with(method, target, headers, b"").await;
        assert_eq!(answer.fault(), (status, code), "{row}: {}", answer.text());
        if !code.is_empty() {
            assert_eq!(answer.json()["type"], code, "{row}");
            assert!(uuid::Uuid::parse_str(answer.json()["detail"].as_str().unwrap()).is_ok());
        }
    }
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_party_it_is_stands_in_the_evidence_of_every_hop() {
    let tasks = TaskTracker::new();
    let country = country(xml("200 OK", &message(ANSWERED)), &tasks).await;
    let headers = [
        TO,
        ("X-Road-Id", "r-1"),
        ("X-Road-Represented-Party", "COM/a%2Fb"),
        ("X-Road-Security-Server", "VN/GOV/G06/lgsp-g06"),
    ];
    assert_eq!(country.call_with("GET", ECHO, &headers, b"").await.status, 200);
    for platform in ["ss-h60", "ndxp", "lgsp-g06"] {
        let record = country.records(platform, "r-1").await.remove(0);
        assert_eq!(record["representedPartyClass"], "COM", "{platform}");
        assert_eq!(record["representedPartyCode"], "a/b", "{platform}");
        assert_eq!(record["clientSecurityServerAddress"], "ss-h60", "{platform}");
        assert_eq!(record["serviceSecurityServerAddress"], "lgsp-g06", "{platform}");
    }
    let party = "<r:representedParty xmlns:r=\"http://x-road.eu/xsd/representation.xsd\">\
                 <r:partyCode>77</r:partyCode></r:representedParty>";
    let with = |text: String| text.replace(VERSION, &format!("{VERSION}{party}"));
    let address = system(xml("200 OK", &with(message(ANSWERED))), &tasks).await;
    let change = ServiceChanged { target: "real".to_owned(), target_name: address, ..changed(ID) };
    country.change(change).await;
    let answer = post(&country, TEXT, "", with(message(ASKED)).as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let record = country.records("ss-db", "m-1").await.remove(0);
    assert_eq!(record["representedPartyCode"], "77");
    assert!(record.get("representedPartyClass").is_none());
    country.gateway.stop().await;
}
