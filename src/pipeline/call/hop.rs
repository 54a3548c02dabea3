//! What travels with a call from platform to platform: fields of an HTTP/2 request and of its answer.
//!
//! The method, the query, the body and every field of the client's go as they are; ours begin with `lt-`, and
//! a client's that do are dropped at the first door.

use super::{Answered, Asked, Dialect, Represented, Vouched};
use crate::domain::member_id::MemberId;
use crate::domain::service::{CallFault, Trouble};
use crate::egress::call::CallBody;
use crate::evidence::{Head, PeerChain};
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use std::sync::Arc;
use std::time::Duration;

/// Where a platform takes the calls of others.
pub const PATH: &str = "/call/v1";
/// What our fields begin with.
pub const PREFIX: &str = "lt-";

const CLIENT: HeaderName = HeaderName::from_static("lt-client");
const SERVICE: HeaderName = HeaderName::from_static("lt-service");
const DIALECT: HeaderName = HeaderName::from_static("lt-dialect");
const REQUEST_ID: HeaderName = HeaderName::from_static("lt-request-id");
const MESSAGE_ID: HeaderName = HeaderName::from_static("lt-message-id");
const USER_ID: HeaderName = HeaderName::from_static("lt-user-id");
const ISSUE: HeaderName = HeaderName::from_static("lt-issue");
const REPRESENTED: HeaderName = HeaderName::from_static("lt-represented");
const REPRESENTED_CLASS: HeaderName = HeaderName::from_static("lt-represented-class");
const FIRST: HeaderName = HeaderName::from_static("lt-first");
const HOPS_LEFT: HeaderName = HeaderName::from_static("lt-hops-left");
const LEFT_MS: HeaderName = HeaderName::from_static("lt-left-ms");
const CHAIN: HeaderName = HeaderName::from_static("lt-chain");
const FAULT: HeaderName = HeaderName::from_static("lt-fault");
const FAULT_AT: HeaderName = HeaderName::from_static("lt-fault-at");
const FAULT_DETAIL: HeaderName = HeaderName::from_static("lt-fault-detail");
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("lt-retry-after-ms");
const DEPRECATED: HeaderName = HeaderName::from_static("lt-deprecated");

/// What the platform that sends says beside the call itself.
#[derive(Debug)]
pub(super) struct Sender<'a> {
    pub(super) client: &'a MemberId,
    pub(super) first: &'a str,
    pub(super) hops_left: u32,
    pub(super) left: Duration,
    pub(super) chain: PeerChain,
}

/// A call as it goes to the next platform.
pub(super) fn request(
    asked: &mut Asked,
    sender: &Sender<'_>,
    body: CallBody,
) -> Result<Request<CallBody>, CallFault> {
    let malformed = |what: String| CallFault::new(Trouble::RequestMalformed).detail(what);
    let query = asked.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
    // HTTP/2 insists on an authority; nobody reads it.
    let target = format!("https://platform{PATH}{}{query}", asked.path);
    let target: Uri = target.parse().map_err(|_unreadable| malformed(asked.path.clone()))?;
    let mut request = Request::new(body);
    *request.method_mut() = asked.method.clone();
    *request.uri_mut() = target;
    *request.headers_mut() = std::mem::take(&mut asked.headers);
    let headers = request.headers_mut();
    let mut put = |name: HeaderName, text: &str| -> Result<(), CallFault> {
        let value = HeaderValue::from_bytes(text.as_bytes());
        headers.insert(name, value.map_err(|_unreadable| malformed(text.to_owned()))?);
        Ok(())
    };
    put(CLIENT, &sender.client.to_string())?;
    put(SERVICE, &asked.service)?;
    put(DIALECT, if asked.dialect == Dialect::Soap { "soap" } else { "rest" })?;
    put(REQUEST_ID, &asked.request_id)?;
    put(MESSAGE_ID, &asked.message_id)?;
    let represented = asked.represented.as_ref();
    for (name, text) in [
        (USER_ID, asked.user_id.as_ref()),
        (ISSUE, asked.issue.as_ref()),
        (REPRESENTED, represented.map(|it| &it.code)),
        (REPRESENTED_CLASS, represented.and_then(|it| it.class.as_ref())),
    ] {
        if let Some(text) = text {
            put(name, text)?;
        }
    }
    put(FIRST, sender.first)?;
    put(HOPS_LEFT, &sender.hops_left.to_string())?;
    put(LEFT_MS, &sender.left.as_millis().to_string())?;
    put(CHAIN, &chain_text(&sender.chain))?;
    Ok(request)
}

/// Reads what `request` wrote. `name` and `tls` are the neighbour's by its certificate.
pub fn read(
    request: Request<CallBody>,
    name: &str,
    tls: &Arc<str>,
) -> Result<(Asked, Vouched), CallFault> {
    let (parts, body) = request.into_parts();
    let text = |name: &HeaderName| {
        let value = parts.headers.get(name)?;
        std::str::from_utf8(value.as_bytes()).ok().map(str::to_owned)
    };
    let missing =
        |name: &HeaderName| CallFault::new(Trouble::RequestMalformed).detail(name.as_str());
    let needed = |name: &HeaderName| text(name).ok_or_else(|| missing(name));
    let number =
        |name: &HeaderName| needed(name)?.parse::<u32>().map_err(|_unreadable| missing(name));
    let client = MemberId::parse(&needed(&CLIENT)?).map_err(|_unreadable| missing(&CLIENT))?;
    let vouched = Vouched {
        name: name.to_owned(),
        tls: Arc::clone(tls),
        client,
        first: needed(&FIRST)?,
        hops_left: number(&HOPS_LEFT)?,
        left: Duration::from_millis(u64::from(number(&LEFT_MS)?)),
        chain: text(&CHAIN).and_then(|text| chain_of(name, &text)),
    };
    let dialect =
        if text(&DIALECT).as_deref() == Some("soap") { Dialect::Soap } else { Dialect::Rest };
    let path = parts.uri.path();
    let asked = Asked {
        service: needed(&SERVICE)?,
        dialect,
        path: path.strip_prefix(PATH).unwrap_or(path).to_owned(),
        query: parts.uri.query().map(str::to_owned),
        request_id: needed(&REQUEST_ID)?,
        message_id: needed(&MESSAGE_ID)?,
        user_id: text(&USER_ID),
        issue: text(&ISSUE),
        represented: text(&REPRESENTED)
            .map(|code| Represented { class: text(&REPRESENTED_CLASS), code }),
        method: parts.method,
        headers: without_ours(parts.headers),
        body,
    };
    Ok((asked, vouched))
}

/// The client's fields alone.
pub fn without_ours(mut headers: HeaderMap) -> HeaderMap {
    let ours: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with(PREFIX)).cloned().collect();
    for name in ours {
        headers.remove(name);
    }
    headers
}

/// An answer as it goes back, with the head of the evidence here.
pub fn response(answered: Result<Answered, CallFault>, chain: &PeerChain) -> Response<CallBody> {
    let mut response = match answered {
        Ok(answered) => {
            let mut response = Response::new(answered.body);
            *response.status_mut() =
                StatusCode::from_u16(answered.status).unwrap_or(StatusCode::BAD_GATEWAY);
            *response.headers_mut() = answered.headers;
            if answered.is_deprecated {
                response.headers_mut().insert(DEPRECATED, HeaderValue::from_static("1"));
            }
            response
        }
        Err(fault) => worded(&fault),
    };
    if let Ok(value) = HeaderValue::from_str(&chain_text(chain)) {
        response.headers_mut().insert(CHAIN, value);
    }
    response
}

fn worded(fault: &CallFault) -> Response<CallBody> {
    let mut response = Response::new(CallBody::Empty);
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    let headers = response.headers_mut();
    headers.insert(FAULT, HeaderValue::from_static(fault.trouble.code()));
    let detail: String =
        fault.detail.chars().filter(|c| !c.is_control()).take(DETAIL_CHARS_MAX).collect();
    for (name, text) in [(FAULT_AT, &fault.at), (FAULT_DETAIL, &detail)] {
        if let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) {
            headers.insert(name, value);
        }
    }
    if let Some(ms) = fault.retry_after_ms {
        headers.insert(RETRY_AFTER_MS, HeaderValue::from(ms));
    }
    response
}

const DETAIL_CHARS_MAX: usize = 300;

/// Reads what `response` wrote, and the head that came with it.
pub(super) fn answered(
    response: Response<CallBody>,
    from: &str,
) -> (Result<Answered, CallFault>, Option<PeerChain>) {
    let (parts, body) = response.into_parts();
    let text = |name: &HeaderName| {
        let value = parts.headers.get(name)?;
        std::str::from_utf8(value.as_bytes()).ok().map(str::to_owned)
    };
    let chain = text(&CHAIN).and_then(|text| chain_of(from, &text));
    if chain.is_none() {
        let is_answer = parts.status.is_success();
        let trouble = if is_answer { Trouble::LinkUnsigned } else { Trouble::LinkGarbage };
        return (Err(CallFault::new(trouble).detail(format!("{from}: {}", parts.status))), None);
    }
    if let Some(code) = text(&FAULT) {
        let fault = CallFault {
            trouble: Trouble::from_code(&code).unwrap_or(Trouble::Internal),
            at: text(&FAULT_AT).unwrap_or_default(),
            detail: text(&FAULT_DETAIL).unwrap_or_default(),
            retry_after_ms: text(&RETRY_AFTER_MS).and_then(|ms| ms.parse().ok()),
        };
        return (Err(fault), chain);
    }
    let answered = Answered {
        status: parts.status.as_u16(),
        is_deprecated: parts.headers.contains_key(DEPRECATED),
        headers: without_ours(parts.headers),
        body,
    };
    (Ok(answered), chain)
}

fn chain_text(chain: &PeerChain) -> String {
    Head { number: chain.n, chain: chain.chain }.to_string()
}

fn chain_of(platform: &str, text: &str) -> Option<PeerChain> {
    text.parse::<Head>().ok().map(|head| head.of_peer(platform))
}
