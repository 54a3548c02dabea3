//! Answers of this dialect: one JSON object with `status`, `ErrorCode` and `ErrorDesc`, whatever happened.

use super::operation::{Operation, nearest};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::ingress::head::HeadFault;
use crate::ingress::http1::{Answer, AnswerBody, HttpFault};
use crate::texts::{self, Lang};
use bytes::Bytes;
use serde::Serialize;
use std::fmt::Write;

pub(super) const DONE: &str = "Thành công";
/// The stable code of a refusal, for those who cannot read it from a body.
pub const CODE_FIELD: &str = "X-Lienthong-Code";
pub const CORRELATION_FIELD: &str = "X-Correlation-Id";

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

/// wire/vxp.md 1.7, in the words of the field; what that table leaves open is decided here.
pub const fn error_code(reason: Reason) -> i32 {
    match reason {
        Reason::Empty | Reason::TooLarge | Reason::HashDiffers => 10,
        Reason::UnknownCaller
        | Reason::BadSignature
        | Reason::UncheckableCredential
        | Reason::ForeignCredential
        | Reason::CertificateRevoked => 15,
        Reason::ReceiverUnknown | Reason::ReceiverDissolved | Reason::NoRoute => 18,
        Reason::SenderUnknown | Reason::SenderNotYours | Reason::SenderDissolved => 19,
        Reason::Throttled
        | Reason::MailboxFull
        | Reason::Busy
        | Reason::DiskFull
        | Reason::Unavailable
        | Reason::Timeout
        | Reason::Internal
        | Reason::ShuttingDown
        | Reason::HopsExhausted => 20,
        Reason::ManifestDiffers | Reason::DuplicateDocument => 21,
        Reason::NotUtf8
        | Reason::Malformed
        | Reason::Truncated
        | Reason::TooDeep
        | Reason::DoctypeForbidden
        | Reason::NotEdxml
        | Reason::FieldMissing
        | Reason::FieldInvalid
        | Reason::StateSecret
        | Reason::DeclarationMissing
        | Reason::SignatureRefused
        | Reason::FutureDate
        | Reason::SenderMissing
        | Reason::ReceiverMissing
        | Reason::ReceiverTwice
        | Reason::TooManyReceivers
        | Reason::RecallOfUnknown
        | Reason::UnknownStatus
        | Reason::StatusReasonMissing => 22,
        Reason::ReceiverLocked => 23,
        Reason::NotYourDocument
        | Reason::UnknownDocument
        | Reason::BadTransition
        | Reason::ParameterMissing
        | Reason::ParameterInvalid
        | Reason::ContentDestroyed
        | Reason::InboxExpired
        | Reason::UnknownOperation
        | Reason::HeaderTooLarge
        | Reason::AgencyExists
        | Reason::AgencyUnknown
        | Reason::AgencyNotBelowYours
        | Reason::CodeInvalid
        | Reason::ServiceUnknown
        | Reason::ServiceInvalid => -1,
    }
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

/// The sentence, the code, where, what, and under which number the log has it.
fn sentence(rejection: &Rejection, correlation_id: &str) -> String {
    let mut text = texts::sentence(rejection.reason, Lang::Vi).to_owned();
    let place = rejection.at.as_ref().map(Place::to_string).unwrap_or_default();
    let parts = [rejection.code(), &place, &rejection.detail];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    // Writing to a string does not fail.
    write!(text, " [{}] (mã tra cứu {correlation_id})", parts.join(" · ")).ok();
    text
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

    // wire/vxp.md 1.7.
    #[test]
    fn refusals_have_the_numbers_of_the_field() {
        let known = [-1, 10, 15, 18, 19, 20, 21, 22, 23];
        for reason in Reason::ALL {
            assert!(known.contains(&error_code(*reason)), "{reason:?}");
        }
        for (reason, expected) in [
            (Reason::HashDiffers, 10),
            (Reason::ForeignCredential, 15),
            (Reason::ReceiverUnknown, 18),
            (Reason::SenderNotYours, 19),
            (Reason::DiskFull, 20),
            (Reason::DuplicateDocument, 21),
            (Reason::StateSecret, 22),
            (Reason::ReceiverLocked, 23),
            (Reason::BadTransition, -1),
        ] {
            assert_eq!(error_code(reason), expected);
        }
    }

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

    #[test]
    fn a_refusal_says_what_where_and_under_which_number() {
        let rejection = Rejection::new(Reason::ReceiverUnknown)
            .at(Place::Recipient("000.00.00.Q99".into()))
            .detail("000.00.00.H99");
        let text = sentence(&rejection, "c-1");
        assert!(
            text.ends_with(" [LT-D302 · 000.00.00.Q99 · 000.00.00.H99] (mã tra cứu c-1)"),
            "{text}"
        );
    }
}
