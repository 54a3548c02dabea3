//! Answers of this dialect: one JSON object with `status`, `ErrorCode` and `ErrorDesc`, whatever happened.

use super::operation::{Operation, nearest};
use crate::domain::rejection::{Reason, Rejection};
use crate::ingress::documents::words::{CODE_FIELD, CORRELATION_FIELD, error_code, sentence};
use crate::ingress::head::HeadFault;
use crate::ingress::http1::{Answer, AnswerBody, ChunkStream, HttpFault};
use bytes::Bytes;
use serde::Serialize;
use std::fmt::Write;

/// The keys that must be there, or a client's result has nulls in all of them (wire/vxp.md 1.5).
#[derive(Debug, Serialize)]
pub(super) struct Outcome<'a, T> {
    status: &'static str,
    #[serde(rename = "ErrorCode")]
    error_code: String,
    #[serde(rename = "ErrorDesc")]
    error_desc: &'a str,
    #[serde(flatten)]
    more: T,
}

/// What only sendEdoc answers.
#[derive(Debug, Serialize)]
pub(super) struct Sent {
    #[serde(rename = "DocId")]
    pub(super) doc_id: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Nothing {}

#[derive(Debug, Serialize)]
pub(super) struct Listed<T> {
    pub(super) data: Vec<T>,
}

#[derive(Debug, Serialize)]
pub(super) struct Counted {
    pub(super) count: usize,
}

/// An answer with what an operation has to say. `ErrorDesc` is for people.
pub(super) fn done<T: Serialize>(
    operation: Operation,
    description: &str,
    more: T,
    correlation_id: &str,
) -> Answer {
    let outcome =
        Outcome { status: "OK", error_code: "0".to_owned(), error_desc: description, more };
    json(200, Some(operation), &outcome, correlation_id)
}

/// A long answer of known length.
pub(super) fn json_stream((length, chunks): (u64, ChunkStream), correlation_id: &str) -> Answer {
    Answer::new(200, AnswerBody::Stream { length, chunks })
        .field("Content-Type", "application/json; charset=utf-8")
        .field(CORRELATION_FIELD, correlation_id.to_owned())
}

/// A refusal in the shape that the operation's clients can read.
pub fn refused(
    operation: Option<Operation>,
    rejection: &Rejection,
    correlation_id: &str,
) -> Answer {
    tracing::debug!(correlation_id, operation = operation.map(Operation::name), %rejection, "refused");
    let answer = match operation {
        // wire/vxp.md 1.5: any body that is not empty is saved as the file and reported as a success.
        Some(Operation::DownloadEdoc) => {
            Answer::new(download_status(rejection.reason), AnswerBody::Bytes(Bytes::new()))
                .field(CORRELATION_FIELD, correlation_id.to_owned())
        }
        _ => fail(200, operation, rejection, correlation_id),
    };
    let answer = answer.field(CODE_FIELD, rejection.code());
    match rejection.retry_after_ms {
        Some(ms) => answer.field("Retry-After", ms.div_ceil(1_000).to_string()),
        None => answer,
    }
}

/// No operation has this path. Other faces were asked before.
pub fn unknown_path(path: &str, correlation_id: &str) -> Answer {
    let meant = nearest(path).map(|name| format!("{path} → {name}"));
    let rejection =
        Rejection::new(Reason::UnknownOperation).detail(meant.unwrap_or_else(|| path.to_owned()));
    fail(404, None, &rejection, correlation_id).field(CODE_FIELD, rejection.code())
}

/// What never became a request.
pub fn faulty(fault: &HttpFault, correlation_id: &str) -> Answer {
    let reason = match fault {
        HttpFault::BodyTooLarge { .. } => Reason::TooLarge,
        HttpFault::HeadTooSlow => Reason::Timeout,
        HttpFault::Head(HeadFault::TooLarge | HeadFault::TooManyFields) => Reason::HeaderTooLarge,
        HttpFault::Head(_) => Reason::ParameterInvalid,
    };
    let rejection = Rejection::new(reason).detail(format!("{} {fault}", fault.code()));
    fail(fault.status(), None, &rejection, correlation_id).field(CODE_FIELD, rejection.code())
}

fn fail(
    status: u16,
    operation: Option<Operation>,
    rejection: &Rejection,
    correlation_id: &str,
) -> Answer {
    let description = sentence(rejection, correlation_id);
    let error_code = error_code(rejection.reason).to_string();
    // wire/vxp.md 1.5: without DocId every field of sendEdoc's result is null.
    if matches!(operation, None | Some(Operation::SendEdoc)) {
        let more = Sent { doc_id: String::new() };
        let outcome = Outcome { status: "FAIL", error_code, error_desc: &description, more };
        return json(status, operation, &outcome, correlation_id);
    }
    let outcome =
        Outcome { status: "FAIL", error_code, error_desc: &description, more: Nothing {} };
    json(status, operation, &outcome, correlation_id)
}

fn json<T: Serialize>(
    status: u16,
    operation: Option<Operation>,
    outcome: &T,
    correlation_id: &str,
) -> Answer {
    let text = serde_json::to_string(outcome).unwrap_or_default();
    // wire/vxp.md 1.4.5: sendEdoc's answer is decoded as US-ASCII.
    let is_plain = !matches!(operation, None | Some(Operation::SendEdoc));
    let text = if is_plain { text } else { ascii(&text) };
    Answer::json(status, text).field(CORRELATION_FIELD, correlation_id.to_owned())
}

/// Non-ASCII characters of a JSON text as `\uXXXX`.
fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            write!(out, "\\u{unit:04x}").ok();
        }
    }
    out
}

/// The SDK ignores it; other clients do not. Never 401, which makes Java's streams throw.
const fn download_status(reason: Reason) -> u16 {
    match error_code(reason) {
        15 => 403,
        20 => 503,
        _ => 404,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingress::documents::words::DONE;

    // wire/vxp.md 1.10.
    #[test]
    fn answers_look_as_recorded() {
        let more = || Sent { doc_id: "11111111-2222-3333-4444-555555555555".into() };
        let outcome =
            Outcome { status: "OK", error_code: "0".into(), error_desc: DONE, more: more() };
        assert_eq!(
            ascii(&serde_json::to_string(&outcome).unwrap()),
            r#"{"status":"OK","ErrorCode":"0","ErrorDesc":"Th\u00e0nh c\u00f4ng","DocId":"11111111-2222-3333-4444-555555555555"}"#
        );
        let listed = Outcome {
            status: "OK",
            error_code: "0".into(),
            error_desc: DONE,
            more: Listed::<Nothing> { data: Vec::new() },
        };
        assert_eq!(
            serde_json::to_string(&listed).unwrap(),
            r#"{"status":"OK","ErrorCode":"0","ErrorDesc":"Thành công","data":[]}"#
        );
    }

    #[test]
    fn characters_beyond_the_first_plane_become_two_escapes() {
        assert_eq!(ascii("Đ😀"), r"\u0110\ud83d\ude00");
    }
}
