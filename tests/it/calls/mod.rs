//! Service calls over real sockets: through security servers and platforms to simulated and real systems.

mod blame;
mod bodies;
mod conformance;
mod connections;
mod download;
pub(crate) mod gateway;
mod observed;
mod peers;
mod proof;
mod public;
mod reports;
mod rest;
mod rights;
mod rules;
mod signed;
mod soap;

use crate::world::{bundle, client_config, start, topology};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use lienthong::domain::service::{RightRecord, ServiceChanged};
use lienthong::gateway::Gateway;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

/// A province whose systems go through a security server, a ministry with services, and a database at NDXP.
pub(crate) const COUNTRY: &str = r#"
version = 1

[topology]
name = "calls"

[directory]
files = ["directory/agencies.csv"]
on = 2026-11-20

[directory.synthetic]
departments = true

[limits]
call_timeout_ms = 5_000

[[platform]]
name = "axis"
kind = "axis"

[[platform]]
name = "ndxp"
kind = "ndxp"

[[platform]]
name = "lgsp-h60"
kind = "lgsp"
parent = "axis"
agencies = ["H60"]

[[platform]]
name = "lgsp-g06"
kind = "lgsp"
parent = "axis"
agencies = ["G06"]

[[platform]]
name = "ss-h60"
kind = "ss"
parent = "lgsp-h60"

[[platform]]
name = "ss-db"
kind = "ss"
parent = "ndxp"

[[member]]
agency = "H60.06"
system = "QLVB"
platform = "ss-h60"

[[member]]
agency = "H60"
system = "LGSP"
platform = "lgsp-h60"

[[service]]
id = "VN:GOV:G06:DMDC/dmdc"
platform = "lgsp-g06"
rights = ["H60 GET", "H60 PUT /only/*"]

[[service]]
id = "VN:GOV:G06:DMDC/echo"
platform = "lgsp-g06"
rights = ["everyone"]

[[service]]
id = "VN:GOV:G01:DB/echo"
platform = "ss-db"
way = "distributed"
rights = ["everyone"]

[[service]]
id = "VN:GOV:G06:DMDC/sink"
platform = "lgsp-g06"
rights = ["everyone"]

[[service]]
id = "VN:GOV:G06:DMDC/source"
platform = "lgsp-g06"
rights = ["everyone"]

[[service]]
id = "VN:GOV:G06:DMDC/off"
provider = "echo"
platform = "lgsp-g06"
state = "disabled"
rights = ["everyone"]

[[service]]
id = "VN:GOV:G01:DB/real"
platform = "ss-db"
url = "http://127.0.0.1:1"
timeout_ms = 1_000
rights = ["everyone"]
"#;

pub(crate) const CLIENT: &str = "VN/GOV/000.00.06.H60/QLVB";

/// A running country and its folder.
pub(crate) struct Country {
    pub(crate) gateway: Gateway,
    pub(crate) data: TempDir,
}

impl Country {
    pub(crate) async fn start() -> Self {
        Self::start_with(COUNTRY).await
    }

    pub(crate) async fn start_with(text: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let gateway = start(&topology(text), data.path()).await;
        Self { gateway, data }
    }

    /// The plain port of a security server.
    pub(crate) fn plain(&self, server: &str) -> SocketAddr {
        let ix = self.gateway.topology.platform_named(server).unwrap().ix;
        self.gateway.listening.iter().find(|l| l.platform == ix).unwrap().local.unwrap()
    }

    /// Through the consumer's security server, as its member.
    pub(crate) async fn call(&self, method: &str, target: &str, body: &[u8]) -> Answer {
        self.call_with(method, target, &[("X-Road-Client", CLIENT)], body).await
    }

    pub(crate) async fn call_with(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let stream = TcpStream::connect(self.plain("ss-h60")).await.unwrap();
        ask(stream, method, target, headers, body).await
    }

    /// Has a real system answer the service `real`.
    pub(crate) async fn answer_with(&self, address: &str) {
        self.change(ServiceChanged {
            target: "real".to_owned(),
            target_name: address.to_owned(),
            ..changed("VN:GOV:000.00.00.G01:DB/real")
        })
        .await;
    }

    pub(crate) async fn change(&self, change: ServiceChanged) {
        self.gateway.pipeline.change_service(change).await.unwrap();
    }

    pub(crate) fn log(&self, platform: &str) -> std::path::PathBuf {
        self.data.path().join("evidence").join(platform)
    }

    /// What a platform wrote down of a call.
    pub(crate) async fn records(&self, platform: &str, id: &str) -> Vec<Value> {
        let found = self.gateway.plane.platforms().iter().find(|p| &*p.name == platform).unwrap();
        found.evidence.flushed(found.evidence.head().number).await.unwrap();
        lienthong::evidence::find(&self.log(platform), id, 10, 1 << 30).unwrap().records
    }
}

pub(crate) fn changed(service: &str) -> ServiceChanged {
    ServiceChanged { service: service.to_owned(), ..ServiceChanged::default() }
}

pub(crate) fn right_to(to: &str) -> Vec<RightRecord> {
    vec![RightRecord { to: to.to_owned(), ..RightRecord::default() }]
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    /// Status and X-Road's code.
    pub(crate) fn fault(&self) -> (u16, &str) {
        (self.status.as_u16(), self.header("x-road-error"))
    }
}

pub(crate) async fn ask<S>(
    stream: S,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    TaskTracker::new().spawn(connection);
    let mut request = Request::builder().method(method).uri(target);
    if headers.iter().all(|(name, _)| *name != "host") {
        request = request.header("host", "ss");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::copy_from_slice(body))).unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: head.status, headers: head.headers, body }
}

/// A member's own line to a platform, over mutual TLS.
pub(crate) async fn tls(
    gateway: &Gateway,
    platform: &str,
    member: &str,
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let address = crate::world::address(gateway, platform);
    let mut config = (*client_config(&bundle(gateway, member))).clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let name = rustls_pki_types::ServerName::IpAddress(address.ip().into());
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

/// A system that answers every connection with these bytes, once it has read a whole head, and then closes.
pub(crate) async fn system(answer: impl Into<Bytes>, tasks: &TaskTracker) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = answer.into();
    tasks.spawn(async move {
        // Enough for any test; the runtime ends it.
        for _ in 0..10_000 {
            let Ok((mut stream, _)) = listener.accept().await else { return };
            let mut read = Vec::new();
            while !read.windows(4).any(|four| four == b"\r\n\r\n") {
                let mut piece = [0; 4096];
                match stream.read(&mut piece).await {
                    Ok(count) if count > 0 => read.extend_from_slice(&piece[..count]),
                    _ => break,
                }
            }
            stream.write_all(&answer).await.ok();
            stream.shutdown().await.ok();
        }
    });
    format!("http://{address}")
}

pub(crate) fn http_answer(status: &str, headers: &str, body: &str) -> Bytes {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into()
}

/// Every file of evidence of one log, in order.
pub(crate) fn segments(log: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(log)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.ends_with(".jsonl") && name != "anchors.jsonl"
        })
        .collect();
    files.sort();
    files
}
