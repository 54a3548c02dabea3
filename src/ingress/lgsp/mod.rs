//! What provincial LGSPs speak for documents, besides the axis' own protocol (wire/vxp.md 2, domain.md 2.6): one
//! file for each dialect, and here which path belongs to which.
//!
//! Each turns requests into the verbs that the VXP face uses, and their results into its own bodies. They come by
//! any HTTP version.
//!
//! Invariant: these faces hold no state and decide nothing; a file is carried as it came.

mod body;
mod caller;
mod dialect_a;
mod edoc_service;
mod quang_nam;

use super::calls::{CallAnswer, CallRequest, Channel, as_http1};
use super::documents::lists::state_of;
use super::documents::words::{CODE_FIELD, CORRELATION_FIELD, error_code, sentence};
use super::documents::{self, Exchange, missing, nearest};
use super::head::RequestHead;
use super::head::target::{collapse_slashes, query_pairs};
use super::http1::{Answer, ChunkStream};
use super::wso2::{self, Desk};
use crate::domain::directory::{Caller, Directory};
use crate::domain::envelope::DocId;
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::routing::PlatformIx;
use crate::domain::tracking::InboxFilter;
use crate::egress::call::{CallBody, CutBody};
use crate::pipeline::call::{CallPlane, CallPorts};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::Frame;
use serde::Serialize;
use std::sync::Arc;

/// Whose words a request is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `/v1/…`, Lạng Sơn.
    A,
    /// `/EdocService/…`, Bkav's, in Tây Ninh and Lâm Đồng.
    EdocService,
    /// `/truclienthong/v1.0.0/…`.
    QuangNam,
}

/// One platform's faces on one connection.
#[derive(Debug)]
pub struct Lgsp<'a, P: CallPorts> {
    pub plane: &'a CallPlane<P>,
    pub platform: PlatformIx,
    pub desk: &'a Desk,
    pub channel: &'a Channel,
}

/// A request without its body.
#[derive(Debug)]
struct Head {
    method: String,
    /// With runs of slashes made one.
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
}

/// One request of a caller that has proved itself.
#[derive(Debug)]
struct Asked<'a, P: CallPorts> {
    exchange: Exchange<'a, P>,
    head: &'a Head,
}

/// A dialect's operation with the method it is asked by.
struct Row<O> {
    method: &'static str,
    name: &'static str,
    operation: O,
}

impl Dialect {
    const PREFIXES: [(&'static str, Self); 3] = [
        ("/v1/", Self::A),
        ("/EdocService/", Self::EdocService),
        ("/truclienthong/", Self::QuangNam),
    ];

    /// A login asks for a token, and is the gateway's.
    pub fn of_path(path: &str) -> Option<Self> {
        let path = collapse_slashes(path);
        let found = Self::PREFIXES.iter().find(|(prefix, _)| path.starts_with(prefix));
        found.map(|(_, dialect)| *dialect).filter(|_| path != wso2::LOGIN_PATH)
    }
}

impl<P: CallPorts> Lgsp<'_, P> {
    pub async fn answer(&self, dialect: Dialect, request: CallRequest) -> CallAnswer {
        let correlation_id = documents::new_correlation_id();
        let path = collapse_slashes(request.path()).into_owned();
        match self.try_answer(dialect, request, &correlation_id).await {
            Ok(mut answer) => {
                put(&mut answer, CORRELATION_FIELD, &correlation_id);
                answer
            }
            Err(rejection) => refused(dialect, &path, &rejection, &correlation_id),
        }
    }

    async fn try_answer(
        &self,
        dialect: Dialect,
        request: CallRequest,
        correlation_id: &str,
    ) -> Result<CallAnswer, Rejection> {
        let query = query_pairs(request.query().unwrap_or_default());
        let head = Head {
            path: collapse_slashes(request.path()).into_owned(),
            query: query.ok_or_else(|| documents::wrong("query"))?,
            headers: wso2::fields(&request),
            method: request.method,
        };
        match dialect {
            Dialect::A => self.dialect_a(&head, request.body, correlation_id).await,
            Dialect::EdocService => self.edoc_service(&head, request.body, correlation_id).await,
            Dialect::QuangNam => self.quang_nam(&head, request.body, correlation_id).await,
        }
    }

    /// Whose request this seems to be, for a security server that chooses a certificate by it. The platform checks.
    pub(super) async fn claimed(
        &self,
        dialect: Dialect,
        head: &RequestHead,
    ) -> Result<Option<Arc<str>>, Rejection> {
        let head = Head {
            method: head.method().to_owned(),
            path: head.path().to_owned(),
            query: query_pairs(head.query()).unwrap_or_default(),
            headers: wso2::header_map_of(head.fields.iter()),
        };
        self.meant(dialect, &head).await
    }

    /// The platform's part of a request, for a caller that is known.
    fn asked<'a>(
        &'a self,
        head: &'a Head,
        caller: &'a Caller,
        (tls, correlation_id): (&'a str, &'a str),
    ) -> Result<Asked<'a, P>, Rejection> {
        let pipeline = &self.plane.pipeline;
        let platform = pipeline.platform(self.platform).ok_or(Reason::Unavailable)?;
        let exchange = Exchange { pipeline, platform, caller, tls, correlation_id };
        Ok(Asked { exchange, head })
    }
}

impl Head {
    /// A parameter of the query; an empty one counts as absent.
    fn query(&self, name: &str) -> Option<&str> {
        let found = self
            .query
            .iter()
            .find(|(known, value)| known.eq_ignore_ascii_case(name) && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// The value of a header that is there once.
    fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.get_all(name).iter();
        let value = all.next().filter(|_| all.next().is_none())?;
        let text = std::str::from_utf8(value.as_bytes()).ok()?.trim();
        (!text.is_empty()).then_some(text)
    }

    /// A parameter of the query, or one that travels as a header.
    fn given(&self, name: &str) -> Option<&str> {
        self.query(name).or_else(|| self.header(name))
    }
}

impl<P: CallPorts> Asked<'_, P> {
    fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.exchange.pipeline.directory())
    }
}

/// The operation that a method and the rest of a path ask for; else which one is most likely meant.
fn operation<O: Copy>(rows: &[Row<O>], method: &str, name: &str) -> Result<O, Rejection> {
    let named: Vec<&Row<O>> = rows.iter().filter(|row| row.name == name).collect();
    if let Some(row) = named.iter().find(|row| row.method == method) {
        return Ok(row.operation);
    }
    let meant = match named.first() {
        Some(_) => named.iter().map(|row| row.method).collect::<Vec<_>>().join(", "),
        None => {
            let names = rows.iter().map(|row| row.name);
            nearest(name, names).unwrap_or_default().to_owned()
        }
    };
    let asked = if named.is_empty() { name.to_owned() } else { format!("{method} {name}") };
    let detail = if meant.is_empty() { asked } else { format!("{asked} → {meant}") };
    let place = if named.is_empty() { "path" } else { "method" };
    Err(Rejection::new(Reason::UnknownOperation)
        .at(Place::Parameter(place.to_owned()))
        .detail(detail))
}

/// Of a dialect whose clients look at the status of a gateway's own words only: who may not ask and what may be asked
/// again later; a refusal of a document is 200.
fn status_of(rejection: &Rejection) -> StatusCode {
    match (rejection.reason, error_code(rejection.reason)) {
        (Reason::UnknownOperation, _) => status_of_unknown(rejection),
        (_, 15) => StatusCode::UNAUTHORIZED,
        (_, 20) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    }
}

/// 405 for a known path, else 404.
fn status_of_unknown(rejection: &Rejection) -> StatusCode {
    match &rejection.at {
        Some(Place::Parameter(place)) if place == "method" => StatusCode::METHOD_NOT_ALLOWED,
        _ => StatusCode::NOT_FOUND,
    }
}

fn doc_id(text: Option<&str>, name: &str) -> Result<DocId, Rejection> {
    let text = text.ok_or_else(|| missing(name))?;
    text.parse().map_err(|_invalid| Rejection::new(Reason::UnknownDocument).detail(text))
}

/// Which documents of an inbox are asked for: of a kind, the parameter of this name, and in a `status`.
fn filter(head: &Head, (kind, name): (Option<&str>, &str)) -> Result<InboxFilter, Rejection> {
    let state = head.query("status");
    let state =
        state.map(|word| state_of(word).ok_or_else(|| documents::wrong("status").detail(word)));
    Ok(InboxFilter {
        status_messages: wants_status(kind, name)?,
        state: state.transpose()?,
        ..InboxFilter::default()
    })
}

/// Status messages, documents, or nothing said.
fn wants_status(kind: Option<&str>, name: &str) -> Result<Option<bool>, Rejection> {
    kind.map(|kind| is_status_message(kind, name)).transpose()
}

/// `edoc` or `status`, in any case.
fn is_status_message(kind: &str, name: &str) -> Result<bool, Rejection> {
    match kind {
        _ if kind.eq_ignore_ascii_case("edoc") => Ok(false),
        _ if kind.eq_ignore_ascii_case("status") => Ok(true),
        _ => Err(documents::wrong(name).detail(kind)),
    }
}

/// A refusal in the words of its dialect.
fn refused(
    dialect: Dialect,
    path: &str,
    rejection: &Rejection,
    correlation_id: &str,
) -> CallAnswer {
    tracing::debug!(correlation_id, ?dialect, %rejection, "refused");
    let said = sentence(rejection, correlation_id);
    let mut answer = match dialect {
        Dialect::A => dialect_a::refused(rejection, &said),
        Dialect::EdocService => edoc_service::refused(path, rejection, &said),
        Dialect::QuangNam => quang_nam::refused(rejection, &said),
    };
    put(&mut answer, CORRELATION_FIELD, correlation_id);
    put(&mut answer, CODE_FIELD, rejection.code());
    if let Some(ms) = rejection.retry_after_ms {
        put(&mut answer, "Retry-After", &ms.div_ceil(1_000).to_string());
    }
    answer
}

/// The same for a security server that has no answer of its platform.
pub fn refused_over_http1(dialect: Dialect, path: &str, rejection: &Rejection) -> Answer {
    as_http1(refused(dialect, path, rejection, &documents::new_correlation_id()))
}

fn put(answer: &mut CallAnswer, name: &'static str, value: &str) {
    let name = header::HeaderName::from_bytes(name.as_bytes());
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
        answer.headers_mut().insert(name, value);
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> CallAnswer {
    let text = serde_json::to_string(body).unwrap_or_default();
    with_type(status, CallBody::whole(text))
}

/// A long answer of known length.
fn streamed((length, chunks): (u64, ChunkStream)) -> CallAnswer {
    let pieces =
        chunks.map(|piece| piece.map(Frame::data).map_err(|error| CutBody(error.to_string())));
    with_type(StatusCode::OK, CallBody::pieces(pieces, Some(length)))
}

fn with_type(status: StatusCode, body: CallBody) -> CallAnswer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    put(&mut answer, "Content-Type", "application/json; charset=utf-8");
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_one_dialect() {
        for (path, expected) in [
            ("/v1/sendEdoc", Some(Dialect::A)),
            ("//v1//sendEdoc", Some(Dialect::A)),
            ("/v1/auth/login", None),
            ("/v1", None),
            ("/EdocService/getDocument", Some(Dialect::EdocService)),
            ("/edocservice/getDocument", None),
            ("/truclienthong/v1.0.0/vanbans", Some(Dialect::QuangNam)),
            ("/sendEdoc", None),
            ("/dmdc/1.0/AllCategory", None),
        ] {
            assert_eq!(Dialect::of_path(path), expected, "{path}");
        }
    }

    #[test]
    fn a_wrong_name_is_told_the_nearest_and_a_wrong_method_the_right_one() {
        let rows = [
            Row { method: "GET", name: "vanbans", operation: 1 },
            Row { method: "POST", name: "vanbans", operation: 2 },
        ];
        assert_eq!(operation(&rows, "POST", "vanbans"), Ok(2));
        for (method, name, detail, status) in [
            ("GET", "vanban", "vanban → vanbans", StatusCode::NOT_FOUND),
            ("GET", "favicon.ico", "favicon.ico", StatusCode::NOT_FOUND),
            ("DELETE", "vanbans", "DELETE vanbans → GET, POST", StatusCode::METHOD_NOT_ALLOWED),
        ] {
            let rejection = operation(&rows, method, name).unwrap_err();
            assert_eq!(
                (rejection.detail.as_str(), status_of_unknown(&rejection)),
                (detail, status)
            );
        }
    }
}
