//! A client of the VXP protocol that writes its own bytes, and the country it is used in: H60 and its department
//! H60.06 at one LGSP, G12 at another, the axis between them, a security server before each LGSP.

use crate::world::bundle;
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

# Nothing but its certificate says who it is.
[[member]]
agency = "H60.06"
system = "QLVB2"
platform = "lgsp-h60"
systemid = "vxp.nosecret"

[[member]]
agency = "G12"
platform = "ss-g12"
systemid = "vxp.g12"
secret = "TEST-SECRET-g12"
"#;

pub(crate) const H60: &str = "VN:GOV:000.00.00.H60:QLVB";
pub(crate) const G12: &str = "VN:GOV:000.00.00.G12:QLVB";

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
pub(crate) struct Call {
    pub(crate) path: &'static str,
    pub(crate) systemid: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) parameters: Vec<(&'static str, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    pub(crate) extra: &'static str,
}

impl Call {
    pub(crate) fn of(path: &'static str) -> Self {
        Self {
            path,
            systemid: "vxp.h60",
            secret: "TEST-SECRET-h60",
            parameters: Vec::new(),
            body: Vec::new(),
            extra: "",
        }
    }

    pub(crate) fn by_g12(mut self) -> Self {
        (self.systemid, self.secret) = ("vxp.g12", "TEST-SECRET-g12");
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.parameters.push((name, value.as_ref().to_vec()));
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
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

pub(crate) fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let pad = |with: u8| {
        let mut block = vec![with; 64];
        block.iter_mut().zip(key).for_each(|(slot, byte)| *slot ^= byte);
        block
    };
    let inner = Sha256::digest([pad(0x36), data.to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One answer as it came.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// `ErrorCode` and the stable code.
    pub(crate) fn code(&self) -> (String, String) {
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

pub(crate) async fn read_reply<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Reply> {
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

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A connection of the member of an agency; over mutual TLS with this member's certificate.
pub(crate) async fn connect(
    gateway: &Gateway,
    way: Way,
    name: &str,
    member: &str,
) -> Box<dyn Stream> {
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

pub(crate) fn anonymous(ca: &Path) -> rustls::ClientConfig {
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

pub(crate) async fn ask_bytes(
    gateway: &Gateway,
    way: Way,
    name: &str,
    bytes: &[u8],
) -> Option<Reply> {
    let member = if name == "h60" { H60 } else { G12 };
    let mut stream = connect(gateway, way, name, member).await;
    stream.write_all(bytes).await.unwrap();
    read_reply(&mut stream).await
}

pub(crate) async fn ask(gateway: &Gateway, way: Way, call: Call) -> Reply {
    let name = if call.systemid == "vxp.g12" { "g12" } else { "h60" };
    ask_bytes(gateway, way, name, &call.bytes()).await.unwrap()
}

pub(crate) fn edxml(from: &str, to: &[&str], number: u32) -> Vec<u8> {
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

pub(crate) fn send(file: &[u8]) -> Call {
    let mut call = Call::of("/sendEdoc")
        .with("servicetype", "edoc")
        .with("messagetype", "EDOC")
        .with("hash-file", hex(&Sha256::digest(file)));
    call.body = [file, b"\r\n"].concat();
    call
}

pub(crate) fn list() -> Call {
    Call::of("/getReceivedEdocList").with("servicetype", "eDoc").with("messagetype", "edoc")
}

/// Waits until so many items are listed for G12, and returns them.
pub(crate) async fn arrived(gateway: &Gateway, count: usize) -> Vec<Value> {
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
