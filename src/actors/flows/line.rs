//! One agency's line to its platform: service calls by X-Road's dialects over HTTP/2 and mutual TLS, and documents.

use super::super::post::Post;
use super::papers::Papers;
use crate::clock::{Clock, SystemClock};
use crate::domain::member_id::MemberId;
use crate::tls::TlsClient;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use rustls_pki_types::ServerName;
use serde_json::Value;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// How one agency's system speaks with its platform. A connection is made when it is first used and again after it broke.
pub struct Line {
    clock: Arc<SystemClock>,
    client: Arc<TlsClient>,
    address: SocketAddr,
    member: MemberId,
    papers: Papers,
    pub(super) post: Post,
    open: Mutex<Option<SendRequest<Full<Bytes>>>>,
    connections: TaskTracker,
}

/// One question to a service.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// Code of the service: what stands after the slash of its id.
    pub(super) service: &'static str,
    pub(super) method: Method,
    /// Path and query below the service.
    pub(super) path: String,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    None,
    Json(Value),
    /// What goes inside the body of the envelope.
    Soap(String),
    /// The same, signed by who asks; the answer must be signed by who offers the service.
    Signed(String),
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) request_id: String,
    /// JSON, or the text of anything else.
    pub(super) body: Value,
}

/// Names under which one call is found again.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    pub service_id: &'a str,
    pub message_id: &'a str,
    /// What the call is about; empty for nothing in particular.
    pub issue: &'a str,
}

/// Longer than a platform waits for a provider.
const CALL_TIMEOUT: Duration = Duration::from_secs(40);
const ANSWER_BYTES_MAX: usize = 4 << 20;

impl Line {
    /// `client` and `papers` hold the member's key, `client` speaks HTTP/2; `address` is the platform's door.
    pub fn new(
        clock: &Arc<SystemClock>,
        (client, papers): (Arc<TlsClient>, Papers),
        member: MemberId,
        address: SocketAddr,
    ) -> Self {
        let post = Post::over(Arc::clone(clock), Arc::clone(&client), address);
        let clock = Arc::clone(clock);
        Self {
            clock,
            client,
            address,
            member,
            papers,
            post,
            open: Mutex::new(None),
            connections: TaskTracker::new(),
        }
    }

    /// One attempt. `Err` says why nobody knows what became of it.
    pub(super) async fn call(&self, ask: &Ask, named: Named<'_>) -> Result<Reply, String> {
        let until = self.clock.now().plus(CALL_TIMEOUT);
        let asked = Box::pin(self.exchange(ask, named));
        let answered = self.clock.timeout_at(until, asked).await;
        let answered = answered.unwrap_or_else(|late| Err(late.to_string()));
        if answered.is_err() {
            *self.open.lock() = None;
        }
        answered
    }

    async fn exchange(&self, ask: &Ask, named: Named<'_>) -> Result<Reply, String> {
        let request = self.request(ask, named)?;
        let mut sender = self.sender().await?;
        let answer = sender.send_request(request).await.map_err(|error| self.said(&error))?;
        let (parts, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| error.to_string())?.to_bytes();
        let field = |name: &str| {
            let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let text = || String::from_utf8_lossy(&body).into_owned();
        if let (Content::Signed(_), 200) = (&ask.content, parts.status.as_u16()) {
            self.papers.check(&body, named.service_id, self.clock.now())?;
        }
        Ok(Reply {
            status: parts.status.as_u16(),
            request_id: field("x-road-request-id").unwrap_or_default(),
            body: serde_json::from_slice(&body).unwrap_or_else(|_not_json| text().into()),
        })
    }

    fn request(&self, ask: &Ask, named: Named<'_>) -> Result<Request<Full<Bytes>>, String> {
        let id = named.service_id.replace(':', "/");
        let (uri, kind, body) = match &ask.content {
            Content::None => (format!("/r1/{id}{}", ask.path), None, String::new()),
            Content::Json(value) => {
                (format!("/r1/{id}{}", ask.path), Some("application/json"), value.to_string())
            }
            Content::Soap(inner) => {
                let text = envelope(inner, &self.member, named);
                ("/".to_owned(), Some("text/xml; charset=UTF-8"), text)
            }
            Content::Signed(inner) => {
                let signed = self.papers.sign(inner)?;
                let text = envelope(&signed, &self.member, named);
                ("/".to_owned(), Some("text/xml; charset=UTF-8"), text)
            }
        };
        let mut request = Request::builder()
            .method(&ask.method)
            .uri(format!("https://platform{uri}"))
            .header("x-road-client", self.member.to_string().replace(':', "/"))
            .header("x-road-id", named.message_id)
            .header("x-road-issue", named.issue)
            .body(Full::from(body))
            .map_err(|error| error.to_string())?;
        if let Some(kind) = kind {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Ok(request)
    }

    async fn sender(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let kept = self.open.lock().clone();
        if let Some(sender) = kept.filter(|sender| !sender.is_closed()) {
            return Ok(sender);
        }
        let clock = &*self.clock;
        let name = ServerName::IpAddress(self.address.ip().into());
        let until = clock.now().plus(CALL_TIMEOUT);
        let connected = Box::pin(self.client.connect(clock, self.address, name, until)).await;
        let stream = connected.map_err(|fault| fault.to_string())?.stream;
        let opened = handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (sender, connection) = opened.map_err(|error| self.said(&error))?;
        // It ends with the last sender.
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection of an agency ended");
            }
        });
        *self.open.lock() = Some(sender.clone());
        Ok(sender)
    }

    /// TLS 1.3: that our certificate was refused comes with the first read.
    fn said(&self, error: &hyper::Error) -> String {
        let fault = self.client.explain(error, self.clock.now());
        fault.map_or_else(|| error.to_string(), |fault| fault.to_string())
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("member", &self.member).finish_non_exhaustive()
    }
}

/// The message of X-Road's SOAP dialect around what goes inside its body (wire/xroad.md 2.9).
pub fn envelope(inner: &str, client: &MemberId, named: Named<'_>) -> String {
    let (owner, code) = named.service_id.rsplit_once('/').unwrap_or_default();
    let owner = MemberId::parse(owner).ok();
    let service = owner.map(|id| identifier(&id, Some(code))).unwrap_or_default();
    let issue = match named.issue {
        "" => String::new(),
        issue => format!("<xro:issue>{}</xro:issue>", escaped(issue)),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xro=\"http://x-road.eu/xsd/xroad.xsd\" xmlns:id=\"http://x-road.eu/xsd/identifiers\">\
         <soapenv:Header>{}{service}<xro:id>{}</xro:id>{issue}\
         <xro:protocolVersion>4.0</xro:protocolVersion></soapenv:Header>\
         <soapenv:Body>{inner}</soapenv:Body></soapenv:Envelope>",
        identifier(client, None),
        escaped(named.message_id),
    )
}

/// A client, or with a code the service of that member.
fn identifier(id: &MemberId, code: Option<&str>) -> String {
    let (name, kind) =
        if code.is_some() { ("service", "SERVICE") } else { ("client", "SUBSYSTEM") };
    let code = code.map(|code| format!("<id:serviceCode>{}</id:serviceCode>", escaped(code)));
    format!(
        "<xro:{name} id:objectType=\"{kind}\"><id:xRoadInstance>{}</id:xRoadInstance>\
         <id:memberClass>{}</id:memberClass><id:memberCode>{}</id:memberCode>\
         <id:subsystemCode>{}</id:subsystemCode>{}</xro:{name}>",
        escaped(id.instance()),
        escaped(id.class()),
        escaped(id.code()),
        escaped(id.system()),
        code.unwrap_or_default()
    )
}

pub(super) fn escaped(text: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(text)
}
