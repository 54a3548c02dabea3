//! `lienthong call`: one service call as a member, by X-Road's dialects over mutual TLS.

use super::answer::{Answer, Exit, Failure};
use super::args::Call;
use super::member::{Country, faulty, tls_client};
use super::run_file::MemberEntry;
use super::{Context, api, start};
use crate::clock::Clock;
use crate::domain::member_id::MemberId;
use crate::domain::service::Trouble;
use crate::texts;
use crate::tls::Alpn;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use serde_json::Value;
use std::time::Duration;

/// Longer than any platform waits.
const TIMEOUT: Duration = Duration::from_secs(120);

pub(super) async fn call(given: &Call, context: &Context) -> Result<Answer, Failure> {
    let path = format!("/api/v1/services/{}", api::encoded(&given.service));
    let service = api::ask(Method::GET, &path, None, context).await?;
    let service = service.get("service").cloned().unwrap_or_default();
    let country = Country::find(context)?;
    let agency = match &given.from {
        Some(code) => Some(super::inbox::parse(code)?),
        None => None,
    };
    let able = match (&given.actor.actor, &agency) {
        (None, None) => vec![country.only(&given.actor)?],
        _ => country.able(&given.actor, agency.as_ref())?,
    };
    let member = able.first().ok_or_else(super::inbox::no_agency)?;
    let request = request(given, &service, member)?;
    let deadline = context.clock.now().plus(TIMEOUT);
    let asked = Box::pin(ask(&country, member, request, context));
    let response = context.clock.timeout_at(deadline, asked).await.unwrap_or_else(|late| {
        Err(Failure::new(Exit::Unreachable, "không có câu trả lời", "no answer")
            .detail(late.to_string()))
    })?;
    Ok(told(&response, context))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn request(
    given: &Call,
    service: &Value,
    member: &MemberEntry,
) -> Result<Request<Full<bytes::Bytes>>, Failure> {
    let body = match given.body.as_deref() {
        None => None,
        Some(word) => Some(match word.strip_prefix('@') {
            Some(file) => std::fs::read(file)
                .map_err(|error| Failure::file(std::path::Path::new(file), &error))?,
            None => word.as_bytes().to_vec(),
        }),
    };
    let is_soap = text(service, "kind") == "soap";
    let usual = if body.is_some() { "POST" } else { "GET" };
    let method = given.method.as_deref().unwrap_or(usual);
    let (target, body) = if is_soap {
        let inner = String::from_utf8(body.unwrap_or_default()).map_err(|_unreadable| {
            Failure::usage("nội dung SOAP phải là UTF-8", "a SOAP body must be UTF-8")
        })?;
        ("/".to_owned(), Some(envelope(&inner, service, member).into_bytes()))
    } else {
        let slash =
            if given.path.is_empty() || given.path.starts_with(['/', '?']) { "" } else { "/" };
        (format!("{}{slash}{}", text(service, "path"), given.path), body)
    };
    let wrong = |what: &str| {
        Failure::usage(format!("không đọc được `{what}`"), format!("`{what}` cannot be read"))
    };
    let mut request = Request::builder()
        .method(if is_soap { "POST" } else { method })
        .uri(&target)
        .header(header::HOST, "platform")
        .header("x-road-client", member.id.replace(':', "/"))
        .body(Full::from(body.clone().unwrap_or_default()))
        .map_err(|_unreadable| wrong(&target))?;
    let headers = request.headers_mut();
    if is_soap {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=UTF-8"));
    } else if body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for line in &given.headers {
        let pair = line.split_once(':').and_then(|(name, value)| {
            let name: HeaderName = name.trim().parse().ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let (name, value) = pair.ok_or_else(|| wrong(line))?;
        headers.insert(name, value);
    }
    Ok(request)
}

/// The message of X-Road's SOAP dialect around what goes inside its body (wire/xroad.md 2.9).
fn envelope(inner: &str, service: &Value, member: &MemberEntry) -> String {
    let part = |id: &MemberId, code: Option<&str>, kind: &str, name: &str| {
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
    };
    let client = MemberId::parse(&member.id).ok();
    let client = client.map(|id| part(&id, None, "SUBSYSTEM", "client")).unwrap_or_default();
    let (owner, code) = text(service, "id").rsplit_once('/').unwrap_or_default();
    let owner = MemberId::parse(owner).ok();
    let called = owner.map(|id| part(&id, Some(code), "SERVICE", "service")).unwrap_or_default();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:xro=\"http://x-road.eu/xsd/xroad.xsd\" xmlns:id=\"http://x-road.eu/xsd/identifiers\">\
         <soapenv:Header>{client}{called}<xro:id>{}</xro:id>\
         <xro:protocolVersion>4.0</xro:protocolVersion></soapenv:Header>\
         <soapenv:Body>{inner}</soapenv:Body></soapenv:Envelope>",
        uuid::Uuid::now_v7()
    )
}

fn escaped(text: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(text)
}

async fn ask(
    country: &Country,
    member: &MemberEntry,
    request: Request<Full<bytes::Bytes>>,
    context: &Context,
) -> Result<Response<bytes::Bytes>, Failure> {
    let (ready, address) = country.door(member)?;
    let client = tls_client(ready, member, &context.clock, Alpn::Http1)?;
    let clock = &*context.clock;
    let name = ServerName::IpAddress(address.ip().into());
    let connected = client.connect(clock, address, name, clock.now().plus(TIMEOUT)).await;
    let stream = connected.map_err(|fault| faulty(&fault, address))?.stream;
    let failed = |error: hyper::Error| match client.explain(&error, clock.now()) {
        Some(fault) => faulty(&fault, address),
        None => {
            let failure = Failure::new(
                Exit::Unreachable,
                "mất kết nối với nền tảng",
                "the connection to the platform was lost",
            );
            failure.detail(start::chain(&error))
        }
    };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let exchange = async {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok::<_, hyper::Error>(Response::from_parts(parts, body))
    };
    let mut connection = std::pin::pin!(connection);
    let mut exchange = std::pin::pin!(exchange);
    tokio::select! {
        biased;
        done = &mut exchange => done.map_err(failed),
        _ = &mut connection => exchange.await.map_err(failed),
    }
}

fn told(response: &Response<bytes::Bytes>, context: &Context) -> Answer {
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let (status, fault) = (response.status(), header("x-road-error"));
    let body = String::from_utf8_lossy(response.body());
    let is_soap_fault = body.contains(":Fault>") && !status.is_success();
    let exit = match () {
        () if !fault.is_empty() || is_soap_fault => Exit::Refused,
        () if status.is_success() => Exit::Ok,
        () => Exit::Failed,
    };
    let request_id = header("x-road-request-id");
    let parsed: Value = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    if context.wording.json {
        let body = if parsed.is_null() { Value::from(body.as_ref()) } else { parsed };
        let answer = Answer::json(serde_json::json!({
            "ok": exit == Exit::Ok, "status": status.as_u16(), "error": fault,
            "request_id": request_id, "message_id": header("x-road-id"),
            "content_type": header("content-type"), "body": body,
        }));
        return Answer { exit_code: exit as u8, ..answer };
    }
    let pretty = if parsed.is_null() {
        body.into_owned()
    } else {
        serde_json::to_string_pretty(&parsed).unwrap_or_default()
    };
    let mut answer = Answer::data(format!("{}\n", pretty.trim_end()));
    let more =
        if request_id.is_empty() { String::new() } else { format!("lienthong calls {request_id}") };
    answer = answer.note(format!("{} {fault} {more}", status.as_u16()).trim_end());
    // `… [LT-S303]`: our own code stands at the end of the message.
    let trouble = pretty.rsplit_once("[LT-").and_then(|(_, rest)| rest.get(..4));
    let trouble = trouble.and_then(|code| Trouble::from_code(&format!("LT-{code}")));
    if let Some(trouble) = trouble.filter(|_| exit == Exit::Refused) {
        let told = texts::call(trouble, context.wording.lang);
        answer = answer.note(format!("{}: {} {}", trouble.code(), told.title, told.fix));
    }
    Answer { exit_code: exit as u8, ..answer }
}
