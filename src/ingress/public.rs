//! The public door: what citizens' browsers and agencies' portals reach over the Internet (domain.md 1.2, C6 and C9). Plain
//! HTTP on loopback, and only what a service gives to `public`: VNeID's sign-in, the citizen's page, EMC's counter.
//!
//! Whoever comes is nobody in particular; a call from here is a call of `VN:PUBLIC:INTERNET:WEB`, with its evidence at
//! the platform where the service is. A page of another site that had a name of its own lead here is turned away.

use super::calls::{self, CallAnswer, CallRequest, OF_CONNECTION};
use super::head::RequestHead;
use super::http1::{self, Answer, Body, Http1Limits, HttpFault, Takes};
use crate::domain::member_id::{MemberId, PUBLIC_CLASS};
use crate::domain::service::{CallFault, Service, ServiceKind, Side, Trouble};
use crate::egress::call::CallBody;
use crate::pipeline::call::{Asked, CallPlane, CallPorts, Dialect, Origin, hop};
use crate::texts;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// One public door.
#[derive(Debug)]
pub struct Public<P: CallPorts> {
    plane: Arc<CallPlane<P>>,
    clock: Arc<P::Clock>,
    visitor: MemberId,
    /// The names under which this port may be called.
    hosts: Vec<String>,
    limits: PublicLimits,
}

/// Bounds of the door; each is a key of the topology file.
#[derive(Clone, Copy, Debug)]
pub struct PublicLimits {
    pub connections_max: usize,
    pub http1: Http1Limits,
}

/// What a visitor must not say for itself.
const FORWARDED: [&str; 3] = ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix"];

impl<P: CallPorts> Public<P> {
    /// `instance` is the first part of every id. `None` when it is no name.
    pub fn new(
        (plane, clock): (Arc<CallPlane<P>>, Arc<P::Clock>),
        instance: &str,
        address: SocketAddr,
        limits: PublicLimits,
    ) -> Option<Self> {
        let visitor = MemberId::from_parts(instance, PUBLIC_CLASS, "INTERNET", "WEB").ok()?;
        let names = ["localhost", "127.0.0.1", "[::1]"];
        let hosts = names.iter().map(|name| format!("{name}:{}", address.port())).collect();
        Some(Self { plane, clock, visitor, hosts, limits })
    }

    /// Serves the bound port until `stop`.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        let (clock, connections_max) = (Arc::clone(&self.clock), self.limits.connections_max);
        super::accept_each(listener, &*clock, connections_max, &stop, |stream, from| {
            let (door, stop) = (Arc::clone(&self), stop.clone());
            async move { door.connection(stream, from, &stop).await }
        })
        .await;
    }

    async fn connection(&self, stream: TcpStream, from: SocketAddr, stop: &CancellationToken) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "the connection is gone already");
            return;
        }
        let served = http1::serve(stream, &self.clock, &self.limits.http1, self, stop);
        let ended = Box::pin(served).await;
        tracing::debug!(%from, why = ?ended.why, answered = ended.answered, "a connection ended");
    }

    async fn visit(&self, request: CallRequest) -> CallAnswer {
        let host = request.text("host").unwrap_or_default().to_owned();
        let is_ours = self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(&host));
        if !is_ours || request.method == "HEAD" || request.method == "CONNECT" {
            let fault = CallFault::new(Trouble::RequestMalformed).detail("Host");
            return failed(&fault, StatusCode::FORBIDDEN);
        }
        let path = request.path().to_owned();
        if path == "/" {
            return self.front();
        }
        match self.call(request, &host, &path).await {
            Ok(answer) => answer,
            Err(fault) => failed(&fault, status_of(fault.trouble)),
        }
    }

    /// The services that the public may call in some way and that are at home in this process.
    fn open(&self) -> Vec<Arc<Service>> {
        let services = self.plane.services();
        let is_open = |service: &&Arc<Service>| {
            let mut rights = service.rights.iter();
            service.kind != ServiceKind::Soap
                && rights.any(|right| right.is_for(&self.visitor, services.groups()))
                && self.plane.platform(service.home).is_some()
        };
        services.iter().filter(is_open).cloned().collect()
    }

    async fn call(
        &self,
        request: CallRequest,
        host: &str,
        path: &str,
    ) -> Result<CallAnswer, CallFault> {
        let rest = path.strip_prefix('/').unwrap_or(path);
        let (code, below) =
            rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, ""));
        let mut open = self.open().into_iter().filter(|service| service.id.code() == code);
        // Of two services with one code neither is meant.
        let (Some(service), None) = (open.next(), open.next()) else {
            return Err(CallFault::new(Trouble::ServiceUnknown).detail(code));
        };
        let at = self.plane.platform(service.home);
        let at = at.ok_or_else(|| CallFault::new(Trouble::NoRoute).detail(code))?;
        let request_id = Uuid::now_v7().to_string();
        let asked = Asked {
            service: service.id.to_string(),
            dialect: Dialect::Rest,
            method: Method::from_bytes(request.method.as_bytes()).unwrap_or_default(),
            path: below.to_owned(),
            query: request.query().map(str::to_owned),
            headers: passed_on(&request, host, code),
            message_id: request_id.clone(),
            request_id,
            user_id: None,
            issue: None,
            represented: None,
            body: request.body,
        };
        let origin = Origin::Member { id: self.visitor.clone(), tls: "plain".into() };
        let answered = Box::pin(self.plane.call(at, asked, origin)).await?;
        let mut response = Response::new(answered.body);
        *response.status_mut() =
            StatusCode::from_u16(answered.status).unwrap_or(StatusCode::BAD_GATEWAY);
        *response.headers_mut() = without_connection(answered.headers);
        Ok(response)
    }

    /// What there is, for whoever opens the port in a browser.
    fn front(&self) -> CallAnswer {
        let rows: String = self
            .open()
            .iter()
            .map(|service| {
                let code = quick_xml::escape::escape(service.id.code());
                let title = quick_xml::escape::escape(&*service.title_vi);
                format!("<li><a href=\"/{code}/\">/{code}/</a> {title}\n")
            })
            .collect();
        let page = format!(
            "<!doctype html>\n<html lang=\"vi\"><meta charset=\"utf-8\"><title>lienthong</title>\n\
             <h1>Cổng công khai (SANDBOX)</h1>\n<ul>\n{rows}</ul>\n</html>\n"
        );
        answer(StatusCode::OK, "text/html; charset=utf-8", page)
    }
}

/// A visitor's fields as the service sees them, with the address that the visitor used.
fn passed_on(request: &CallRequest, host: &str, code: &str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(request.fields.len());
    for (name, value) in &request.fields {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        if let Some((name, value)) = name.zip(HeaderValue::from_bytes(value).ok()) {
            headers.append(name, value);
        }
    }
    let mut headers = without_connection(headers);
    for (name, value) in [
        ("x-forwarded-host", host.to_owned()),
        ("x-forwarded-proto", "http".to_owned()),
        ("x-forwarded-prefix", format!("/{code}")),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    headers
}

fn without_connection(headers: HeaderMap) -> HeaderMap {
    let mut headers = hop::without_ours(headers);
    for name in FORWARDED.into_iter().chain(OF_CONNECTION) {
        headers.remove(name);
    }
    headers
}

const fn status_of(trouble: Trouble) -> StatusCode {
    // That a service is there and not public is nobody's business.
    if matches!(trouble, Trouble::ServiceUnknown | Trouble::AccessDenied) {
        return StatusCode::NOT_FOUND;
    }
    if matches!(trouble, Trouble::Throttled | Trouble::Busy | Trouble::ProviderBusy) {
        return StatusCode::TOO_MANY_REQUESTS;
    }
    match trouble.side() {
        Side::Consumer => StatusCode::BAD_REQUEST,
        Side::Provider => StatusCode::SERVICE_UNAVAILABLE,
        Side::System => StatusCode::BAD_GATEWAY,
    }
}

fn failed(fault: &CallFault, status: StatusCode) -> CallAnswer {
    let title = |lang| texts::call_title(fault.trouble, lang);
    let body = serde_json::json!({
        "status": "FAIL",
        "ErrorCode": fault.trouble.code(),
        "ErrorDesc": title(texts::Lang::Vi),
        "ErrorDescEn": title(texts::Lang::En),
    });
    answer(status, "application/json; charset=utf-8", body.to_string())
}

fn answer(status: StatusCode, kind: &'static str, text: String) -> CallAnswer {
    let mut response = Response::new(CallBody::whole(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

impl<P: CallPorts> http1::Face for Public<P> {
    async fn answer(&self, head: RequestHead, body: &mut Body<'_>) -> Answer {
        let hold = self.plane.limits.buffer_bytes_max as u64;
        let waits = (&*self.clock, self.plane.limits.timeout);
        calls::over_http1(waits, &head, body, hold, |request| self.visit(request)).await
    }

    fn takes(&self, _head: &RequestHead) -> Takes {
        Takes { chunked: true, absolute: false }
    }

    fn refuse(&self, fault: &HttpFault) -> Answer {
        let text = format!("{{\"status\":\"FAIL\",\"ErrorDescEn\":\"{fault}\"}}");
        let kind = (
            header::CONTENT_TYPE.as_str().to_owned(),
            bytes::Bytes::from_static(b"application/json"),
        );
        Answer::with_fields(fault.status(), [kind], http1::AnswerBody::Bytes(text.into()))
    }
}
