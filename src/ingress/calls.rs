//! Doors of the call plane: what a face of service calls is given, whatever HTTP version it came by, and the
//! door for calls that other platforms pass on.

use super::session::Session;
use crate::clock::{Clock, Timestamp};
use crate::domain::directory::{Caller, Connection};
use crate::domain::member_id::MemberId;
use crate::domain::rejection::Rejection;
use crate::domain::routing::PlatformIx;
use crate::domain::service::{CallFault, Trouble};
use crate::egress::call::{CallBody, CutBody};
use crate::ingress::head::RequestHead;
use crate::ingress::http1::{self, Answer, AnswerBody};
use crate::pipeline::call::{Asked, CallPlane, CallPlatform, CallPorts, Origin, Vouched, hop};
use bytes::Bytes;
use futures_util::future::FusedFuture;
use futures_util::{FutureExt, StreamExt};
use http::{Request, Response};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use prost::Message;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// One request to a face of calls, as it came.
#[derive(Debug)]
pub struct CallRequest {
    pub method: String,
    /// Path and query in origin form, raw; or absolute form, for a client that takes us for its proxy.
    pub target: String,
    /// Names as they came, in their order.
    pub fields: Vec<(String, Bytes)>,
    pub body: CallBody,
}

/// How whoever asks has come in.
#[derive(Clone, Debug)]
pub enum Channel {
    /// By TLS, with a certificate or without.
    Tls(Arc<Session>),
    /// By the plain port of a security server.
    Plain { server: PlatformIx },
}

/// Fields that belong to the connection between two and are not passed on (RFC 9110 7.6.1).
pub const OF_CONNECTION: [&str; 11] = [
    "transfer-encoding",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "connection",
    "host",
    "content-length",
    "expect",
];

/// The answer to one request.
pub type CallAnswer = Response<CallBody>;

impl CallRequest {
    /// From HTTP/2, where names are in small letters.
    pub fn of_http2(request: Request<Incoming>) -> Self {
        let (parts, body) = request.into_parts();
        let fields = parts.headers.iter();
        let fields = fields.map(|(name, value)| {
            (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes()))
        });
        Self {
            method: parts.method.as_str().to_owned(),
            target: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            fields: fields.collect(),
            body: CallBody::stream(body),
        }
    }

    fn of_http1(head: &RequestHead, body: CallBody) -> Self {
        let fields = head.fields.shared();
        Self {
            method: head.method().to_owned(),
            target: head.target().to_owned(),
            fields: fields.map(|(name, value)| (name.to_owned(), value)).collect(),
            body,
        }
    }

    /// The last value of that name, whatever its case.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        let mut named = self.fields.iter().rev();
        named.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_ref())
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.field(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(self.target.as_str(), |(path, _)| path)
    }
}

impl Channel {
    /// TLS version and cipher suite, or that there is none.
    pub fn words(&self) -> Arc<str> {
        match self {
            Self::Tls(session) => Arc::clone(session.tls()),
            Self::Plain { .. } => "plain".into(),
        }
    }

    /// The member of the certificate, checked again.
    pub fn member(&self, now: Timestamp) -> Result<Option<&Caller>, Rejection> {
        match self {
            Self::Tls(session) if session.has_certificate() => session.caller(now).map(Some),
            Self::Tls(_) | Self::Plain { .. } => Ok(None),
        }
    }
}

/// May whoever came in by this channel speak for this member here? A certificate must name it, whatever its
/// connection; without one its own security server believes it as far as its `Connection` says (wire/xroad.md 2.6).
pub fn admit<P: CallPorts>(
    plane: &CallPlane<P>,
    at: &CallPlatform,
    channel: &Channel,
    id: &MemberId,
) -> Result<(), CallFault> {
    let name = id.as_str();
    let refused = |trouble, why: &str| Err(CallFault::new(trouble).detail(why));
    let known = plane.members.by_id(name);
    let Some(connection) = known.and_then(|known| known.member.connection_at(at.ix)) else {
        return refused(Trouble::CallerUnknown, name);
    };
    let client = format!("Client (SUBSYSTEM:{})", name.replace(':', "/"));
    if let Channel::Tls(session) = channel
        && session.has_certificate()
    {
        if let Err(fault) = session.recheck(plane.now()) {
            let why = format!("{client} TLS certificate does not hold: {}", fault.en());
            return refused(Trouble::CallerInsecure, &why);
        }
        if session.called() == name {
            return Ok(());
        }
        let why = format!("{client} TLS certificate does not match any IS certificates");
        return refused(Trouble::CallerForeign, &format!("{why}: {}", session.called()));
    }
    match (connection, channel) {
        (Connection::NoSsl, _) | (Connection::SslNoAuth, Channel::Tls(_)) => Ok(()),
        (Connection::SslNoAuth, Channel::Plain { .. }) => {
            let why = "specifies HTTPS NO AUTH but client made plaintext connection";
            refused(Trouble::CallerInsecure, &format!("{client} {why}"))
        }
        (Connection::SslAuth, _) => {
            let why = "specifies HTTPS but did not supply TLS certificate";
            refused(Trouble::CallerInsecure, &format!("{client} {why}"))
        }
    }
}

/// A call that another platform passes on.
pub async fn passed_on<P: CallPorts>(
    plane: &CallPlane<P>,
    at: &CallPlatform,
    session: &Session,
    request: Request<Incoming>,
) -> CallAnswer {
    let answered = answer_passed_on(plane, at, session, request).await;
    let answered = answered.map_err(|fault| fault.at(&at.name));
    hop::response(answered, &at.evidence.durable().of_peer(&at.name))
}

async fn answer_passed_on<P: CallPorts>(
    plane: &CallPlane<P>,
    at: &CallPlatform,
    session: &Session,
    request: Request<Incoming>,
) -> Result<crate::pipeline::call::Answered, CallFault> {
    let admitted = vouched_for(plane, at, session, request);
    let (asked, vouched) = admitted.inspect_err(|fault| plane.refuse(at, fault))?;
    Box::pin(plane.call(at, asked, Origin::Platform(vouched))).await
}

/// What another platform passes on, if it may.
fn vouched_for<P: CallPorts>(
    plane: &CallPlane<P>,
    at: &CallPlatform,
    session: &Session,
    request: Request<Incoming>,
) -> Result<(Asked, Vouched), CallFault> {
    let peer = session.platform(plane.now());
    let peer = peer.map_err(|r| CallFault::new(Trouble::CallerUnknown).detail(r.detail))?;
    let (asked, vouched) = hop::read(request.map(CallBody::stream), peer, session.tls())?;
    let known = plane.routes().platform(peer);
    if known.is_some_and(|peer| plane.vouches(peer, at.ix, &vouched.client)) {
        return Ok((asked, vouched));
    }
    let detail = format!("{peer} ≠ {}", vouched.client);
    Err(CallFault::new(Trouble::CallerForeign).detail(detail))
}

/// Another platform asks for the services of this one.
pub async fn tell_catalogue<P: CallPorts>(
    plane: &CallPlane<P>,
    at: &CallPlatform,
    session: &Session,
    query: Option<&str>,
) -> CallAnswer {
    let asks = session.platform(plane.now()).ok().and_then(|name| plane.routes().platform(name));
    if asks.is_none() {
        let mut response = Response::new(CallBody::Empty);
        *response.status_mut() = http::StatusCode::FORBIDDEN;
        return response;
    }
    let page = plane.tell_catalogue(at.ix, query.unwrap_or_default()).await;
    Response::new(CallBody::whole(page.encode_to_vec()))
}

/// This platform serves no calls in this process.
pub(super) fn not_here() -> CallAnswer {
    let mut response = Response::new(CallBody::Empty);
    *response.status_mut() = http::StatusCode::NOT_FOUND;
    response
}

/// Has a face answer a request that comes by HTTP/1.1. Small bodies are read first; a larger one is fed to the
/// face as it comes.
pub async fn over_http1<C, F, A>(
    (clock, patience): (&C, Duration),
    head: &RequestHead,
    body: &mut http1::Body<'_>,
    hold: u64,
    face: F,
) -> Answer
where
    C: Clock,
    F: FnOnce(CallRequest) -> A,
    A: Future<Output = CallAnswer>,
{
    let announced = body.announced();
    if announced.is_some_and(|length| length <= hold) {
        let held = match body.collect(hold).await {
            Ok(bytes) => CallBody::whole(bytes),
            Err(fault) => cut(fault.to_string()),
        };
        return as_http1(face(CallRequest::of_http1(head, held)).await);
    }
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let fed = CallBody::pieces(fed(receiver).boxed(), announced);
    let answering = face(CallRequest::of_http1(head, fed)).fuse();
    let mut answering = std::pin::pin!(answering);
    let feeding = async move {
        loop {
            let piece = body.chunk().await.map_err(|fault| CutBody(fault.to_string()));
            let is_over = !matches!(piece, Ok(Some(_)));
            // Nobody takes it any more: the answer was given without it.
            if sender.send(piece).await.is_err() || is_over {
                return;
            }
        }
    };
    let mut feeding = std::pin::pin!(feeding.fuse());
    let answer = loop {
        tokio::select! {
            biased;
            answer = answering.as_mut() => break answer,
            () = feeding.as_mut(), if !feeding.is_terminated() => {}
        }
    };
    // An answer goes out behind its request: the rest is fed as long as somebody takes it.
    if !feeding.is_terminated() {
        let until = clock.now().plus(patience);
        clock.timeout_at(until, feeding).await.ok();
    }
    as_http1(answer)
}

/// The pieces of a request as they are fed. Its end is told: a body whose feeding stops was cut, or a provider would
/// take half of it for the whole.
fn fed(
    receiver: tokio::sync::mpsc::Receiver<Result<Option<Bytes>, CutBody>>,
) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, CutBody>> {
    futures_util::stream::unfold(Some(receiver), |receiver| async {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Ok(Some(piece))) => Some((Ok(Frame::data(piece)), Some(receiver))),
            Some(Ok(None)) => None,
            Some(Err(cut)) => Some((Err(cut), None)),
            None => Some((Err(CutBody("the request was not read to its end".to_owned())), None)),
        }
    })
}

fn cut(why: String) -> CallBody {
    let broken = futures_util::stream::once(async { Err::<Frame<Bytes>, _>(CutBody(why)) });
    CallBody::stream(StreamBody::new(broken.boxed()))
}

pub(super) fn as_http1(answer: CallAnswer) -> Answer {
    let (parts, body) = answer.into_parts();
    let body = match body {
        CallBody::Empty => AnswerBody::Bytes(Bytes::new()),
        CallBody::Whole(bytes) => AnswerBody::Bytes(bytes),
        CallBody::Stream(stream) => {
            let length = stream.size_hint().exact();
            let chunks = CallBody::Stream(stream)
                .into_data_stream()
                .map(|piece| piece.map_err(std::io::Error::other))
                .boxed();
            match length {
                Some(length) => AnswerBody::Stream { length, chunks },
                None => AnswerBody::Unknown { chunks },
            }
        }
    };
    Answer::with_map(parts.status.as_u16(), parts.headers, body)
}

/// The moment, as HTTP writes it.
pub fn http_date<C: Clock>(clock: &C) -> String {
    let at = jiff::Timestamp::from_second(i64::try_from(clock.now().secs()).unwrap_or_default());
    at.unwrap_or_default().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_whose_feeding_stops_was_cut_and_one_that_says_so_is_over() {
        for (is_told, is_whole) in [(true, true), (false, false)] {
            let (sender, receiver) = tokio::sync::mpsc::channel(2);
            sender.send(Ok(Some(Bytes::from_static(b"ab")))).await.unwrap();
            if is_told {
                sender.send(Ok(None)).await.unwrap();
            }
            drop(sender);
            let body = CallBody::pieces(fed(receiver).boxed(), None);
            assert_eq!(body.collect(10).await.is_ok(), is_whole);
        }
    }
}
