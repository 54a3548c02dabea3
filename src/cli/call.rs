//! `lienthong call`: one service call as a member, by X-Road's dialects over mutual TLS.

use super::answer::{Answer, Exit, Failure};
use super::args::Call;
use super::exchange::{exchange, stranger, tls_port};
use super::member::{Country, tls_client};
use super::run_file::{MemberEntry, running};
use super::{Context, across, api, start};
use crate::actors::flows::{Named, envelope};
use crate::clock::Clock;
use crate::domain::envelope::SignatureState;
use crate::domain::member_id::MemberId;
use crate::domain::service::Trouble;
use crate::providers::soap::Envelope;
use crate::signature::{self, Anchors, Signer};
use crate::texts;
use crate::tls::Alpn;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::Full;
use serde_json::Value;
use std::path::Path;

pub(super) async fn call(given: &Call, context: &Context) -> Result<Answer, Failure> {
    let path = format!("/api/v1/services/{}", api::encoded(&given.service));
    let service = across::service(&path, context).await?;
    let service = service.get("service").cloned().unwrap_or_default();
    if let (Some(token), Some(platform)) = (&given.token, &given.platform) {
        return through_gateway(given, &service, (token, platform), context).await;
    }
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
    let (ready, address) = country.door(member)?;
    let client = tls_client(ready, member, &context.clock, Alpn::Http1)?;
    let response = Box::pin(exchange(&client, address, request, &context.clock)).await?;
    let answer = told(&response, context);
    Ok(match judged(response.body(), &ready.ca, context) {
        Some(Ok(valid)) => answer.note(valid),
        Some(Err(invalid)) => answer.error(invalid),
        None => answer,
    })
}

/// As an application of a province calls: without a certificate, with a token.
async fn through_gateway(
    given: &Call,
    service: &Value,
    (token, platform): (&str, &str),
    context: &Context,
) -> Result<Answer, Failure> {
    let running = running(&context.data)?;
    let (ready, address) = tls_port(&running, platform)?;
    let client = stranger(ready, &context.clock)?;
    let mut request = plain(given, text(service, "context"), body(given)?.as_deref())?;
    let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
    let bearer = bearer.map_err(|_unreadable| {
        Failure::usage("mã truy cập có ký tự lạ", "the token has odd characters")
    })?;
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    let response = Box::pin(exchange(&client, address, request, &context.clock)).await?;
    Ok(told(&response, context))
}

/// What is to be known of the signature in an answer; nothing when it has none.
fn judged(answer: &[u8], ca: &Path, context: &Context) -> Option<Result<String, String>> {
    let envelope = Envelope::read(answer).ok()?;
    let anchors = Anchors::from_pem(&std::fs::read(ca).ok()?).ok()?;
    let verdict =
        signature::verify(envelope.root_text(answer).as_bytes(), &anchors, context.clock.now());
    let subject = verdict.subject.unwrap_or_default();
    Some(match verdict.state {
        SignatureState::None | SignatureState::Unchecked => return None,
        SignatureState::Valid => {
            let vi = format!("chữ ký số hợp lệ: {subject}");
            let en = format!("the signature is valid: {subject}");
            Ok(context.wording.pick(&vi, &en).to_owned())
        }
        SignatureState::Invalid | SignatureState::Untrusted => {
            let vi = format!("chữ ký số KHÔNG hợp lệ: {}", verdict.note);
            let en = format!("the signature is NOT valid: {}", verdict.note);
            Err(context.wording.pick(&vi, &en).to_owned())
        }
    })
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn request(
    given: &Call,
    service: &Value,
    member: &MemberEntry,
) -> Result<Request<Full<Bytes>>, Failure> {
    let mut body = body(given)?;
    if given.sign {
        body = Some(signed(body.unwrap_or_default(), member)?);
    }
    let mut request = if text(service, "kind") == "soap" {
        let inner = String::from_utf8(body.unwrap_or_default()).map_err(|_unreadable| {
            Failure::usage("nội dung SOAP phải là UTF-8", "a SOAP body must be UTF-8")
        })?;
        let client = MemberId::parse(&member.id)
            .map_err(|error| unreadable(&member.id).detail(error.to_string()))?;
        let message_id = uuid::Uuid::now_v7().to_string();
        let named = Named { service_id: text(service, "id"), message_id: &message_id, issue: "" };
        let message = Bytes::from(envelope(&inner, &client, named));
        let mut request = Request::new(Full::from(message));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = http::Uri::from_static("/");
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static("platform"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=UTF-8"));
        own_headers(given, headers)?;
        request
    } else {
        plain(given, text(service, "path"), body.as_deref())?
    };
    let client = HeaderValue::from_str(&member.id.replace(':', "/"));
    let client = client.map_err(|_unreadable| unreadable(&member.id))?;
    request.headers_mut().insert("x-road-client", client);
    Ok(request)
}

fn body(given: &Call) -> Result<Option<Vec<u8>>, Failure> {
    let Some(word) = given.body.as_deref() else { return Ok(None) };
    match word.strip_prefix('@') {
        Some(file) => {
            let file = Path::new(file);
            std::fs::read(file).map(Some).map_err(|error| Failure::file(file, &error))
        }
        None => Ok(Some(word.as_bytes().to_vec())),
    }
}

fn signed(body: Vec<u8>, member: &MemberEntry) -> Result<Vec<u8>, Failure> {
    let failed = |why: String| {
        Failure::new(Exit::Failed, "không ký được", "it cannot be signed").detail(why)
    };
    let read = |path: &Path| std::fs::read(path).map_err(|error| Failure::file(path, &error));
    let text = String::from_utf8(body).map_err(|error| failed(error.to_string()))?;
    let signer = Signer::from_pem(&read(&member.key)?, &read(&member.cert)?);
    let signed = signer.and_then(|signer| signer.sign_root(&text));
    signed.map(String::into_bytes).map_err(|error| failed(start::chain(&error)))
}

/// Without a credential. `base` is where the service stands.
fn plain(given: &Call, base: &str, body: Option<&[u8]>) -> Result<Request<Full<Bytes>>, Failure> {
    let usual = if body.is_some() { "POST" } else { "GET" };
    let slash = if given.path.is_empty() || given.path.starts_with(['/', '?']) { "" } else { "/" };
    let target = format!("{base}{slash}{}", given.path);
    let mut request = Request::builder()
        .method(given.method.as_deref().unwrap_or(usual))
        .uri(&target)
        .header(header::HOST, "platform")
        .body(Full::from(Bytes::copy_from_slice(body.unwrap_or_default())))
        .map_err(|_unreadable| unreadable(&target))?;
    if body.is_some() {
        let kind = if given.sign { "application/xml" } else { "application/json" };
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    own_headers(given, request.headers_mut())?;
    Ok(request)
}

fn own_headers(given: &Call, headers: &mut HeaderMap) -> Result<(), Failure> {
    for line in &given.headers {
        let pair = line.split_once(':').and_then(|(name, value)| {
            let name: HeaderName = name.trim().parse().ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let (name, value) = pair.ok_or_else(|| unreadable(line))?;
        headers.insert(name, value);
    }
    Ok(())
}

fn unreadable(what: &str) -> Failure {
    Failure::usage(format!("không đọc được `{what}`"), format!("`{what}` cannot be read"))
}

fn told(response: &Response<Bytes>, context: &Context) -> Answer {
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
    let line = format!("{} {fault} {more}", status.as_u16());
    answer =
        if exit == Exit::Ok { answer.note(line.trim_end()) } else { answer.error(line.trim_end()) };
    // `… [LT-S303]`: our own code stands at the end of the message.
    let trouble = pretty.rsplit_once("[LT-").and_then(|(_, rest)| rest.get(..4));
    let trouble = trouble.and_then(|code| Trouble::from_code(&format!("LT-{code}")));
    if let Some(trouble) = trouble.filter(|_| exit == Exit::Refused) {
        let told = texts::call(trouble, context.wording.lang);
        answer = answer.error(format!("{}: {} {}", trouble.code(), told.title, told.fix));
    }
    Answer { exit_code: exit as u8, ..answer }
}
