//! The face of the document axis and the security server, asked by a client that writes its own bytes.
//!
//! Set-up: H60 and its department H60.06 at one LGSP, G12 at another, the axis between them, a security server
//! before each LGSP.

use crate::world::{bundle, start, start_only, topology};
use lienthong::gateway::Gateway;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const COUNTRY: &str = r#"
version = 1

[topology]
name = "vxp"

[directory]
files = ["directory/agencies.csv"]
on = 2026-11-20

[directory.synthetic]
departments = true
communes = 6

[limits]
relay_timeout_ms = 5_000

[[platform]]
name = "axis"
kind = "axis"

[[platform]]
name = "lgsp-h60"
kind = "lgsp"
parent = "axis"
agencies = ["H60"]

[[platform]]
name = "lgsp-g12"
kind = "lgsp"
parent = "axis"
agencies = ["G12"]

[[platform]]
name = "ss-h60"
kind = "ss"
parent = "lgsp-h60"

[[platform]]
name = "ss-g12"
kind = "ss"
parent = "lgsp-g12"

[[member]]
agency = "H60"
platform = "ss-h60"
systemid = "vxp.h60"
secret = "TEST-SECRET-h60"

[[member]]
agency = "H60.06"
platform = "ss-h60"
systemid = "vxp.h60.06"
secret = "TEST-SECRET-h60.06"

[[member]]
agency = "G12"
platform = "ss-g12"
systemid = "vxp.g12"
secret = "TEST-SECRET-g12"
"#;

const H60: &str = "VN:GOV:000.00.00.H60:QLVB";
const G12: &str = "VN:GOV:000.00.00.G12:QLVB";

/// How a client reaches its platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The security server's plain port.
    Plain,
    Mtls,
    /// Without a certificate.
    Tls,
}

/// Where the member of an agency (`h60`) connects.
pub(crate) fn address_of(gateway: &Gateway, way: Way, name: &str) -> SocketAddr {
    let platform = if way == Way::Plain { format!("ss-{name}") } else { format!("lgsp-{name}") };
    let ix = gateway.topology.platform_named(&platform).unwrap().ix;
    let listening = gateway.listening.iter().find(|l| l.platform == ix).unwrap();
    match way {
        Way::Plain => listening.local.unwrap(),
        Way::Mtls => listening.mtls.unwrap(),
        Way::Tls => listening.tls.unwrap(),
    }
}

/// A request before it is signed.
#[derive(Clone)]
struct Call {
    path: &'static str,
    systemid: &'static str,
    secret: &'static str,
    parameters: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    extra: &'static str,
}

impl Call {
    fn of(path: &'static str) -> Self {
        Self {
            path,
            systemid: "vxp.h60",
            secret: "TEST-SECRET-h60",
            parameters: Vec::new(),
            body: Vec::new(),
            extra: "",
        }
    }

    fn by_g12(mut self) -> Self {
        (self.systemid, self.secret) = ("vxp.g12", "TEST-SECRET-g12");
        self
    }

    fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.parameters.push((name, value.as_ref().to_vec()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut signed = format!("{{\"XroadVnpt-systemid\":\"{}\"", self.systemid).into_bytes();
        let mut head = format!("POST {} HTTP/1.1\r\nHost: x\r\n", self.path).into_bytes();
        let line = |head: &mut Vec<u8>, name: &str, value: &[u8]| {
            for part in [b"XroadVnpt-", name.as_bytes(), b": ", value, b"\r\n"] {
                head.extend_from_slice(part);
            }
        };
        line(&mut head, "systemid", self.systemid.as_bytes());
        for (name, value) in &self.parameters {
            line(&mut head, name, value);
            signed.extend_from_slice(format!(",\"XroadVnpt-{name}\":\"").as_bytes());
            signed.extend(
                value.iter().flat_map(|b| if *b == b'"' { vec![b'\\', b'"'] } else { vec![*b] }),
            );
            signed.push(b'"');
        }
        signed.push(b'}');
        let mac = hmac(self.secret.as_bytes(), &signed);
        line(&mut head, "sign-header", &signed);
        line(&mut head, "hash-header", hex(&mac).as_bytes());
        let rest = format!("{}Content-Length: {}\r\n\r\n", self.extra, self.body.len());
        [&head[..], rest.as_bytes(), &self.body].concat()
    }
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let pad = |with: u8| {
        let mut block = vec![with; 64];
        block.iter_mut().zip(key).for_each(|(slot, byte)| *slot ^= byte);
        block
    };
    let inner = Sha256::digest([pad(0x36), data.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One answer as it came.
#[derive(Debug)]
struct Reply {
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// `ErrorCode` and the stable code.
    fn code(&self) -> (String, String) {
        let json = self.json();
        assert_eq!(json["status"], if json["ErrorCode"] == "0" { "OK" } else { "FAIL" });
        let id = self.field("X-Correlation-Id").unwrap();
        let words = json["ErrorDesc"].as_str().unwrap();
        let code = self.field("X-Lienthong-Code").unwrap_or_default();
        if json["ErrorCode"] != "0" {
            assert!(words.contains(id) && words.contains(code), "{words}");
        }
        (json["ErrorCode"].as_str().unwrap().to_owned(), code.to_owned())
    }
}

async fn read_reply<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Reply> {
    let mut head = Vec::new();
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).await.ok()? == 0 {
                return None;
            }
            head.push(byte[0]);
        }
        if !head.starts_with(b"HTTP/1.1 100") {
            break;
        }
        head.clear();
    }
    let mut reply = Reply { head: String::from_utf8(head).unwrap(), body: Vec::new() };
    let length: usize = reply.field("Content-Length").unwrap().parse().unwrap();
    reply.body.resize(length, 0);
    stream.read_exact(&mut reply.body).await.ok()?;
    Some(reply)
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection of the member of an agency; over mutual TLS with this member's certificate.
async fn connect(gateway: &Gateway, way: Way, name: &str, member: &str) -> Box<dyn Stream> {
    let address = address_of(gateway, way, name);
    let stream = TcpStream::connect(address).await.unwrap();
    if way == Way::Plain {
        return Box::new(stream);
    }
    let mut config = if way == Way::Mtls {
        Arc::unwrap_or_clone(crate::world::client_config(&bundle(gateway, member)))
    } else {
        anonymous(&bundle(gateway, member).ca)
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = rustls_pki_types::ServerName::IpAddress(address.ip().into());
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    Box::new(connector.connect(name, stream).await.unwrap())
}

fn anonymous(ca: &Path) -> rustls::ClientConfig {
    use rustls_pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in rustls_pki_types::CertificateDer::pem_file_iter(ca).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

async fn ask_bytes(gateway: &Gateway, way: Way, name: &str, bytes: &[u8]) -> Option<Reply> {
    let member = if name == "h60" { H60 } else { G12 };
    let mut stream = connect(gateway, way, name, member).await;
    stream.write_all(bytes).await.unwrap();
    read_reply(&mut stream).await
}

async fn ask(gateway: &Gateway, way: Way, call: Call) -> Reply {
    let name = if call.systemid == "vxp.g12" { "g12" } else { "h60" };
    ask_bytes(gateway, way, name, &call.bytes()).await.unwrap()
}

fn edxml(from: &str, to: &[&str], number: u32) -> Vec<u8> {
    let to: String = to
        .iter()
        .map(|code| format!("<edXML:To><edXML:OrganId>{code}</edXML:OrganId></edXML:To>"))
        .collect();
    format!(
        concat!(
            "<edXML xmlns=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\"><edXML:edXMLEnvelope xmlns:edXML=",
            "\"http://www.mic.gov.vn/TBT/QCVN_102_2016\"><edXML:edXMLHeader><edXML:MessageHeader><edXML:From>",
            "<edXML:OrganId>{from}</edXML:OrganId></edXML:From>{to}<edXML:DocumentId>{from},2024/05/20,{number}/VP",
            "</edXML:DocumentId><edXML:Code><edXML:CodeNumber>{number}</edXML:CodeNumber><edXML:CodeNotation>VP",
            "</edXML:CodeNotation></edXML:Code><edXML:PromulgationInfo><edXML:PromulgationDate>2024/05/20",
            "</edXML:PromulgationDate></edXML:PromulgationInfo><edXML:Subject>V/v liên thông</edXML:Subject>",
            "</edXML:MessageHeader></edXML:edXMLHeader></edXML:edXMLEnvelope></edXML>"
        ),
        from = from,
        to = to,
        number = number
    )
    .into_bytes()
}

fn send(file: &[u8]) -> Call {
    let mut call = Call::of("/sendEdoc")
        .with("servicetype", "edoc")
        .with("messagetype", "EDOC")
        .with("hash-file", hex(&Sha256::digest(file)));
    call.body = [file, b"\r\n"].concat();
    call
}

fn list() -> Call {
    Call::of("/getReceivedEdocList").with("servicetype", "eDoc").with("messagetype", "edoc")
}

/// Waits until so many items are listed for G12, and returns them.
async fn arrived(gateway: &Gateway, count: usize) -> Vec<Value> {
    let mut events = gateway.pipeline.subscribe_events();
    loop {
        let reply = ask(gateway, Way::Plain, list().by_g12()).await;
        let items = reply.json()["data"].as_array().unwrap().clone();
        if items.len() >= count {
            return items;
        }
        events.recv().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_proves_itself_or_gets_code_15() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let bad_mac = Call { secret: "another", ..list() };
    let unknown = Call { systemid: "nobody", ..list() };
    let sibling = Call { systemid: "vxp.h60.06", secret: "TEST-SECRET-h60.06", ..list() };
    let elsewhere = list().by_g12();
    for (way, call, code) in [
        (Way::Plain, &bad_mac, "LT-D102"),
        (Way::Mtls, &bad_mac, "LT-D102"),
        (Way::Tls, &bad_mac, "LT-D102"),
        (Way::Plain, &unknown, "LT-D101"),
        (Way::Mtls, &unknown, "LT-D101"),
        (Way::Tls, &unknown, "LT-D101"),
        // The systemid of another member on this certificate.
        (Way::Mtls, &sibling, "LT-D104"),
        (Way::Mtls, &elsewhere, "LT-D101"),
        (Way::Tls, &elsewhere, "LT-D101"),
    ] {
        let reply = ask_bytes(&gateway, way, "h60", &call.bytes()).await.unwrap();
        assert_eq!(reply.code(), ("15".into(), code.into()), "{way:?}");
        assert!(reply.head.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    // One security server serves both members of H60; each goes out with its own certificate.
    for call in [list(), sibling] {
        for way in [Way::Plain, Way::Tls] {
            let reply = ask_bytes(&gateway, way, "h60", &call.bytes()).await.unwrap();
            assert_eq!(reply.code().0, "0");
        }
    }
    // A signed header that was changed on the way.
    let text = String::from_utf8(list().bytes()).unwrap();
    let changed = text.replacen("messagetype: edoc", "messagetype: status", 1);
    let reply = ask_bytes(&gateway, Way::Tls, "h60", changed.as_bytes()).await.unwrap();
    assert_eq!(reply.code(), ("15".into(), "LT-D102".into()));
    let unsigned = b"POST /getAgenciesList HTTP/1.1\r\nXroadVnpt-systemid: vxp.h60\r\nContent-Length: 0\r\n\r\n";
    let reply = ask_bytes(&gateway, Way::Mtls, "h60", unsigned).await.unwrap();
    assert_eq!(reply.code().0, "15");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_accepted_is_refused_with_the_numbers_of_the_field() {
    let data = tempfile::tempdir().unwrap();
    let text = COUNTRY.replace(
        "relay_timeout_ms = 5_000",
        "relay_timeout_ms = 5_000\nbody_bytes_max = 65_536\nchunk_bytes_max = 65_536\ninline_body_bytes_max = 65_536",
    );
    let gateway = start(&topology(&text), data.path()).await;
    let axis = gateway.pipeline.platforms().iter().find(|p| p.name == "axis").unwrap();
    let locked = lienthong::domain::agency::AgencyCode::parse("G12").unwrap();
    gateway.pipeline.lock(axis, &locked, true).await.unwrap();
    let good = edxml("000.00.00.H60", &["000.00.06.H60"], 1);
    let wrong_hash = Call { body: [&good[..], b"x\r\n"].concat(), ..send(&good) };
    let mut large = send(&good);
    large.body = vec![b'x'; 70_000];
    let foreign_header = send(&good).with("from", "000.00.00.G12");
    let mut kind = send(&good);
    kind.parameters[1].1 = b"letter".to_vec();
    for (call, code) in [
        (wrong_hash, ("10", "LT-D203")),
        (large, ("10", "LT-D202")),
        (send(b""), ("10", "LT-D201")),
        (send(b"hello, no XML at all"), ("22", "LT-D205")),
        (send(b"<html/>"), ("22", "LT-D209")),
        (send(&edxml("000.00.00.H60", &["000.00.00.Q99"], 2)), ("18", "LT-D302")),
        (send(&edxml("000.00.00.H60", &["000.00.00.G12"], 3)), ("23", "LT-D304")),
        (send(&edxml("000.00.00.G12", &["000.00.00.H60"], 4)), ("19", "LT-D112")),
        (foreign_header, ("19", "LT-D112")),
        (kind, ("-1", "LT-D408")),
        (
            Call::of("/updateStatus").with("status", "finished").with("docid", "x"),
            ("-1", "LT-D408"),
        ),
        (Call::of("/updateStatus").with("status", "done"), ("-1", "LT-D407")),
        (Call::of("/getEdoc").with("docId", "no-such"), ("-1", "LT-D402")),
        (list().with("fromDate", "yesterday"), ("-1", "LT-D408")),
        (Call::of("/deleteAgency").with("AgencyCode", "000.00.00.G12"), ("-1", "LT-D603")),
        (Call::of("/registerAgency"), ("-1", "LT-D408")),
        (Call::of("/getEdocs"), ("-1", "LT-D411")),
    ] {
        for way in [Way::Plain, Way::Tls] {
            let reply = ask(&gateway, way, call.clone()).await;
            assert_eq!(reply.code(), (code.0.into(), code.1.into()), "{} {way:?}", call.path);
            if call.path == "/sendEdoc" {
                assert!(reply.body.is_ascii());
                assert_eq!(reply.json()["DocId"], "");
            }
        }
    }
    // Neither narrows the recipients: a leaked `to` names others, and a bare one is never meant.
    for (number, to) in [(5, "[\"000.00.00.H41\"]"), (6, "000.00.00.H41")] {
        let file = edxml("000.00.00.H60", &["000.00.06.H60"], number);
        assert_eq!(ask(&gateway, Way::Tls, send(&file).with("to", to)).await.code().0, "0");
    }
    // A locked receiver refuses only itself, and the sender is told.
    let file = edxml("000.00.00.H60", &["000.00.06.H60", "000.00.00.G12"], 7);
    let reply = ask(&gateway, Way::Tls, send(&file)).await;
    assert_eq!(reply.code().0, "0");
    assert!(reply.json()["ErrorDesc"].as_str().unwrap().ends_with("000.00.00.G12 LT-D304"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_gets_the_first_doc_id_and_other_bytes_do_not() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.00.G12"], 1);
    let call = send(&file);
    // The answer to the first is never read.
    let mut dropped = connect(&gateway, Way::Plain, "h60", H60).await;
    dropped.write_all(&call.bytes()).await.unwrap();
    drop(dropped);
    let first = ask(&gateway, Way::Plain, call.clone()).await;
    let again = ask(&gateway, Way::Mtls, call).await;
    assert_eq!(first.code().0, "0");
    assert_eq!(first.json()["DocId"], again.json()["DocId"]);
    let text = String::from_utf8(first.body.clone()).unwrap();
    assert!(
        text.starts_with(
            r#"{"status":"OK","ErrorCode":"0","ErrorDesc":"Th\u00e0nh c\u00f4ng","DocId":""#
        ),
        "{text}"
    );
    let other = String::from_utf8(file).unwrap().replace("V/v", "Về việc");
    let refused = ask(&gateway, Way::Mtls, send(other.as_bytes())).await;
    assert_eq!(refused.code(), ("21".into(), "LT-D401".into()));
    assert_eq!(arrived(&gateway, 1).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_to_header_in_json_narrows_the_recipients() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.00.G12", "000.00.06.H60"], 1);
    let reply = ask(&gateway, Way::Plain, send(&file).with("to", "[\"000.00.06.H60\"]")).await;
    assert_eq!(reply.code().0, "0");
    let sent = ask(&gateway, Way::Plain, Call::of("/getSentEdocList")).await.json();
    let rows = sent["data"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["toCode"], "000.00.06.H60");
    gateway.stop().await;
}

// wire/vxp.md 1.6 and design.md 2.6.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_description_that_no_hmac_covers_counts_where_the_channel_says_who_calls() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.00.G12"], 1);
    assert_eq!(ask(&gateway, Way::Plain, send(&file)).await.code().0, "0");
    let items = arrived(&gateway, 1).await;
    let doc_id = items[0]["docId"].as_str().unwrap();
    // Low bytes of `Đã nhận, Ăn đ ă`, signed as UTF-8.
    let garbled = b"\x10\xe3 nh\xadn, \x02n \x11 \x03";
    let update = || {
        let call = Call { secret: "signed over other bytes", ..Call::of("/updateStatus") };
        let mut call = Call { systemid: "vxp.g12", ..call }
            .with("status", "processing")
            .with("docId", "left-over")
            .with("docid", doc_id)
            .with("description", garbled);
        call.body = b"{}".to_vec();
        call.extra = "Expect: 100-continue\r\n";
        call
    };
    assert_eq!(ask(&gateway, Way::Tls, update()).await.code(), ("15".into(), "LT-D103".into()));
    for way in [Way::Plain, Way::Mtls] {
        assert_eq!(ask(&gateway, way, update()).await.code().0, "0", "{way:?}");
        let list = Call { secret: "x", ..list().by_g12().with("description", garbled) };
        let code = ask(&gateway, way, list).await.code();
        assert_eq!(code, ("15".into(), "LT-D103".into()), "{way:?}");
    }
    // What can be restored of it reaches the sender.
    let mut events = gateway.pipeline.subscribe_events();
    loop {
        let sent = ask(&gateway, Way::Plain, Call::of("/getSentEdocList")).await.json();
        if sent["data"][0]["receiveStatus"] == "processing" {
            let words = sent["data"][0]["receiveStatusDesc"].as_str().unwrap();
            assert!(words.ends_with("Đ\u{fffd} nh\u{fffd}n, Ăn đ ă"), "{words}");
            break;
        }
        events.recv().await.unwrap();
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_filter_by_state_and_date_and_codes_close_an_item() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.00.G12"], 1);
    assert_eq!(ask(&gateway, Way::Plain, send(&file)).await.code().0, "0");
    let items = arrived(&gateway, 1).await;
    let doc_id: &'static str = items[0]["docId"].as_str().unwrap().to_owned().leak();
    let count = async |call: Call| {
        ask(&gateway, Way::Mtls, call.by_g12()).await.json()["data"].as_array().unwrap().len()
    };
    assert_eq!(count(list().with("status", "initial")).await, 1);
    assert_eq!(count(list().with("status", "DONE")).await, 0);
    assert_eq!(count(list().with("status", "done").with("docid", "left-over")).await, 1);
    assert_eq!(count(list().with("toDate", "31/12/2025 23:59:59")).await, 0);
    assert_eq!(count(list().with("fromDate", "2020/01/01").with("toDate", "2099-12-31")).await, 1);
    assert_eq!(count(list().with("to", "[\"000.00.00.H60\"]")).await, 1);
    assert_eq!(count(list().with("to", "000.00.00.G12")).await, 1);
    let set = async |status: &'static str| {
        let call = Call::of("/updateStatus").with("status", status).with("docid", doc_id).by_g12();
        ask(&gateway, Way::Mtls, call).await.code().0
    };
    assert_eq!(set("initial").await, "0");
    assert_eq!(set("01").await, "0");
    assert_eq!(count(list().with("status", "processing")).await, 1);
    assert_eq!(set("initial").await, "-1");
    assert_eq!(set("03").await, "0");
    assert_eq!(count(list()).await, 0);
    assert_eq!(count(list().with("status", "done")).await, 1);
    for code in ["01", "05", "06"] {
        assert_eq!(set(code).await, "0", "{code}");
    }
    assert_eq!(set("fail").await, "-1");
    gateway.stop().await;
}

// wire/vxp.md 1.2 and 1.5: downloadEdoc2 signs nothing; an error is an empty body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_is_the_file_or_nothing() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.00.G12"], 1);
    let sent = ask(&gateway, Way::Plain, send(&file)).await.json();
    let doc_id: &'static str = sent["DocId"].as_str().unwrap().to_owned().leak();
    let signed = Call::of("/downloadEdoc").with("docId", doc_id);
    for way in [Way::Plain, Way::Mtls, Way::Tls] {
        assert_eq!(ask(&gateway, way, signed.clone()).await.body, file, "{way:?}");
        let refused = ask(&gateway, way, Call { secret: "x", ..signed.clone() }).await;
        assert!(refused.body.is_empty());
        assert_eq!(refused.field("X-Lienthong-Code"), Some("LT-D102"));
    }
    let unsigned = format!("GET /downloadEdoc?docId={doc_id} HTTP/1.1\r\nHost: x\r\n\r\n");
    let reply = ask_bytes(&gateway, Way::Mtls, "h60", unsigned.as_bytes()).await.unwrap();
    assert_eq!(reply.body, file);
    let reply = ask_bytes(&gateway, Way::Tls, "h60", unsigned.as_bytes()).await.unwrap();
    assert!(reply.body.is_empty() && reply.field("X-Lienthong-Code") == Some("LT-D102"));
    // The other members' documents are nobody's to see.
    let reply = ask_bytes(&gateway, Way::Mtls, "g12", unsigned.as_bytes()).await.unwrap();
    assert!(reply.body.is_empty() && reply.field("X-Lienthong-Code").is_some());
    // Two members share the security server: without a systemid it cannot know whose request this is.
    let reply = ask_bytes(&gateway, Way::Plain, "h60", unsigned.as_bytes()).await.unwrap();
    assert!(reply.body.is_empty() && reply.field("X-Lienthong-Code") == Some("LT-D101"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_requests_are_answered_and_half_sent_ones_leave_no_trace() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let large = format!("POST /sendEdoc HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    for way in [Way::Plain, Way::Mtls, Way::Tls] {
        let reply = ask_bytes(&gateway, way, "h60", large.as_bytes()).await.unwrap();
        assert_eq!(reply.code(), ("-1".into(), "LT-D509".into()));
        assert_eq!(reply.json()["DocId"], "");
        let garbage = b"hello\r\n\r\n";
        let reply = ask_bytes(&gateway, way, "h60", garbage).await.unwrap();
        assert_eq!(reply.code().0, "-1");
        assert!(reply.head.starts_with("HTTP/1.1 400"));
    }
    let file = edxml("000.00.00.H60", &["000.00.06.H60"], 1);
    let bytes = send(&file).bytes();
    for way in [Way::Plain, Way::Mtls] {
        let mut stream = connect(&gateway, way, "h60", H60).await;
        stream.write_all(&bytes[..bytes.len() - 100]).await.unwrap();
        stream.shutdown().await.unwrap();
        let reply = read_reply(&mut stream).await;
        assert!(reply.is_none_or(|reply| reply.code().0 != "0"));
    }
    let sent = ask(&gateway, Way::Plain, Call::of("/getSentEdocList")).await.json();
    assert!(sent["data"].as_array().unwrap().is_empty());
    // And the same file whole is no duplicate of anything.
    assert_eq!(ask(&gateway, Way::Plain, send(&file)).await.code().0, "0");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_serves_one_call_after_the_other() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.06.H60"], 1);
    for way in [Way::Plain, Way::Mtls] {
        let mut stream = connect(&gateway, way, "h60", H60).await;
        let calls =
            [send(&file), list(), Call::of("//getSentEdocList"), Call::of("/countReceiveEdoc")];
        for call in calls {
            stream.write_all(&call.bytes()).await.unwrap();
            assert_eq!(read_reply(&mut stream).await.unwrap().code().0, "0", "{}", call.path);
        }
    }
    gateway.stop().await;
}

// design.md 2.5: at its deadline a security server answers FAIL/20 and repeats nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_security_server_whose_platform_is_silent_or_gone_answers_code_20() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for (held, code) in [(Some(silent), "LT-D505"), (None, "LT-D505")] {
        let data = tempfile::tempdir().unwrap();
        let text = COUNTRY.replace("relay_timeout_ms = 5_000", "relay_timeout_ms = 300").replace(
            "name = \"lgsp-h60\"",
            &format!("name = \"lgsp-h60\"\nport = {port}\nlisteners = [\"mtls\"]"),
        );
        let gateway = start_only(&topology(&text), data.path(), &["ss-h60"], true).await;
        let file = edxml("000.00.00.H60", &["000.00.06.H60"], 1);
        let reply = ask(&gateway, Way::Plain, send(&file)).await;
        assert_eq!(reply.code(), ("20".into(), code.into()));
        assert_eq!(reply.json()["DocId"], "");
        assert!(reply.field("Retry-After").is_none());
        let download = Call::of("/downloadEdoc").with("docId", "x");
        assert!(ask(&gateway, Way::Plain, download).await.body.is_empty());
        gateway.stop().await;
        drop(held);
    }
}

// The platform takes one document in a thousand seconds: the second waits for its turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_security_server_answers_at_its_deadline() {
    let data = tempfile::tempdir().unwrap();
    let text = COUNTRY
        .replace("relay_timeout_ms = 5_000", "relay_timeout_ms = 1_000\ndrain_timeout_ms = 0")
        .replace(
            "name = \"lgsp-h60\"",
            "name = \"lgsp-h60\"\nconditions = { documents_per_s = 0.001, workers = 1, queue = 5 }",
        );
    let gateway = start(&topology(&text), data.path()).await;
    let mut codes = Vec::new();
    for number in 1..=3 {
        let file = edxml("000.00.00.H60", &["000.00.06.H60"], number);
        codes.push(ask(&gateway, Way::Plain, send(&file)).await.code());
        if codes.last().unwrap().0 != "0" {
            break;
        }
    }
    assert_eq!(codes.last().unwrap(), &("20".into(), "LT-D506".into()));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_platform_closed_meanwhile_is_not_used() {
    let data = tempfile::tempdir().unwrap();
    let text = COUNTRY.replace(
        "relay_timeout_ms = 5_000",
        "relay_timeout_ms = 5_000\nidle_timeout_ms = 300\nhead_timeout_ms = 300",
    );
    let gateway = start(&topology(&text), data.path()).await;
    for _ in 0..3 {
        assert_eq!(ask(&gateway, Way::Plain, list()).await.code().0, "0");
        // Idle for less time than the security server's, and closed by the platform all the same.
        let mut witness = connect(&gateway, Way::Mtls, "h60", H60).await;
        witness.write_all(&list().bytes()).await.unwrap();
        assert_eq!(read_reply(&mut witness).await.unwrap().code().0, "0");
        assert!(read_reply(&mut witness).await.is_none());
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_member_sent_for_an_agency_below_is_in_its_outbox_alone() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    // H60 sends for its department, and the department for itself.
    let file = edxml("000.00.06.H60", &["000.00.00.G12"], 1);
    assert_eq!(ask(&gateway, Way::Plain, send(&file)).await.code().0, "0");
    let department =
        |call: Call| Call { systemid: "vxp.h60.06", secret: "TEST-SECRET-h60.06", ..call };
    let file = edxml("000.00.06.H60", &["000.00.00.G12"], 2);
    assert_eq!(ask(&gateway, Way::Plain, department(send(&file))).await.code().0, "0");
    let sent = Call::of("/getSentEdocList");
    let notations = async |call: Call| {
        let sent = ask(&gateway, Way::Plain, call).await.json();
        let rows = sent["data"].as_array().unwrap().clone();
        rows.iter().map(|row| row["notation"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(notations(sent.clone()).await, ["1/VP"]);
    assert_eq!(notations(department(sent)).await, ["2/VP", "1/VP"]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_member_is_refused_on_open_connections_and_new_ones() {
    use lienthong::pki::{Holder, MemberId, Reason, Which};
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let mut open = connect(&gateway, Way::Mtls, "h60", H60).await;
    open.write_all(&list().bytes()).await.unwrap();
    assert_eq!(read_reply(&mut open).await.unwrap().code().0, "0");
    assert_eq!(ask(&gateway, Way::Plain, list()).await.code().0, "0");
    let member = Which::Holder(Holder::Member(MemberId::parse(H60).unwrap()));
    let now = lienthong::clock::Clock::now(&*gateway.clock);
    gateway.pki.revoke(&member, Reason::KeyCompromise, now).unwrap();
    assert!(gateway.reload().is_empty());
    open.write_all(&list().bytes()).await.unwrap();
    let reply = read_reply(&mut open).await.unwrap();
    assert_eq!(reply.code(), ("15".into(), "LT-D105".into()));
    // The security server's connection of before is open still; a new one is not let in.
    assert_eq!(ask(&gateway, Way::Plain, list()).await.code().0, "15");
    gateway.stop().await;
}
