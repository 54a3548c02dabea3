//! Words and numbers of answers that the dialects share: the field's error codes, and one sentence for people.

use crate::domain::rejection::{Place, Reason, Rejection};
use crate::pipeline::AcceptedAnswer;
use crate::texts::{self, Lang};
use std::fmt::Write;

pub(in crate::ingress) const DONE: &str = "Thành công";
/// The stable code of a refusal, for those who cannot read it from a body.
pub(in crate::ingress) const CODE_FIELD: &str = "X-Lienthong-Code";
pub(in crate::ingress) const CORRELATION_FIELD: &str = "X-Correlation-Id";

/// wire/vxp.md 1.7, in the words of the field; what that table leaves open is decided here.
pub(in crate::ingress) const fn error_code(reason: Reason) -> i32 {
    match reason {
        Reason::Empty | Reason::TooLarge | Reason::HashDiffers => 10,
        Reason::UnknownCaller
        | Reason::BadSignature
        | Reason::UncheckableCredential
        | Reason::ForeignCredential
        | Reason::CertificateRevoked
        | Reason::BadCredential => 15,
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

/// A locked receiver is left out and the others get it: the sender must learn that.
pub(in crate::ingress) fn description_of(answer: &AcceptedAnswer) -> String {
    let mut left_out = String::new();
    for receiver in &answer.receivers {
        if let Some(reason) = receiver.refused {
            left_out.push_str(&format!("; {} {}", receiver.agency.wire(), reason.code()));
        }
    }
    format!("{DONE}{left_out}")
}

/// The sentence, the code, where, what, and under which number the log has it.
pub(in crate::ingress) fn sentence(rejection: &Rejection, correlation_id: &str) -> String {
    let mut text = texts::sentence(rejection.reason, Lang::Vi).to_owned();
    let place = rejection.at.as_ref().map(Place::to_string).unwrap_or_default();
    let parts = [rejection.code(), &place, &rejection.detail];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    // Writing to a string does not fail.
    write!(text, " [{}] (mã tra cứu {correlation_id})", parts.join(" · ")).ok();
    text
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
