//! The pages of all refusals, one file per hundred of the codes.

mod addresses;
mod callers;
mod exchange;
mod file;
mod registry;
mod service;

use super::{Both, Page};
use crate::domain::rejection::Reason;

/// One page per name: title, cause, example and fix, first in Vietnamese, then in English.
macro_rules! pages {
    ($($name:ident
        vi $vi_title:literal $vi_cause:literal $vi_example:literal $vi_fix:literal
        en $en_title:literal $en_cause:literal $en_example:literal $en_fix:literal;)*) => {
        $(pub(super) const $name: crate::texts::Both<crate::texts::Page> = crate::texts::Both {
            vi: crate::texts::Page {
                title: $vi_title,
                cause: $vi_cause,
                example: $vi_example,
                fix: $vi_fix,
            },
            en: crate::texts::Page {
                title: $en_title,
                cause: $en_cause,
                example: $en_example,
                fix: $en_fix,
            },
        };)*
    };
}

use pages;

/// A new refusal does not compile before it has its page.
pub(super) const fn page(reason: Reason) -> Both<Page> {
    match reason {
        Reason::UnknownCaller => callers::UNKNOWN_CALLER,
        Reason::BadSignature => callers::BAD_SIGNATURE,
        Reason::UncheckableCredential => callers::UNCHECKABLE_CREDENTIAL,
        Reason::ForeignCredential => callers::FOREIGN_CREDENTIAL,
        Reason::CertificateRevoked => callers::CERTIFICATE_REVOKED,
        Reason::BadCredential => callers::BAD_CREDENTIAL,
        Reason::SenderMissing => callers::SENDER_MISSING,
        Reason::SenderUnknown => callers::SENDER_UNKNOWN,
        Reason::SenderNotYours => callers::SENDER_NOT_YOURS,
        Reason::SenderDissolved => callers::SENDER_DISSOLVED,
        Reason::NotYourDocument => callers::NOT_YOUR_DOCUMENT,
        Reason::Empty => file::EMPTY,
        Reason::TooLarge => file::TOO_LARGE,
        Reason::HashDiffers => file::HASH_DIFFERS,
        Reason::NotUtf8 => file::NOT_UTF8,
        Reason::Malformed => file::MALFORMED,
        Reason::Truncated => file::TRUNCATED,
        Reason::TooDeep => file::TOO_DEEP,
        Reason::DoctypeForbidden => file::DOCTYPE_FORBIDDEN,
        Reason::NotEdxml => file::NOT_EDXML,
        Reason::FieldMissing => file::FIELD_MISSING,
        Reason::FieldInvalid => file::FIELD_INVALID,
        Reason::ManifestDiffers => file::MANIFEST_DIFFERS,
        Reason::StateSecret => file::STATE_SECRET,
        Reason::DeclarationMissing => file::DECLARATION_MISSING,
        Reason::SignatureRefused => file::SIGNATURE_REFUSED,
        Reason::FutureDate => file::FUTURE_DATE,
        Reason::ReceiverMissing => addresses::RECEIVER_MISSING,
        Reason::ReceiverUnknown => addresses::RECEIVER_UNKNOWN,
        Reason::ReceiverDissolved => addresses::RECEIVER_DISSOLVED,
        Reason::ReceiverLocked => addresses::RECEIVER_LOCKED,
        Reason::ReceiverTwice => addresses::RECEIVER_TWICE,
        Reason::TooManyReceivers => addresses::TOO_MANY_RECEIVERS,
        Reason::NoRoute => addresses::NO_ROUTE,
        Reason::HopsExhausted => addresses::HOPS_EXHAUSTED,
        Reason::DuplicateDocument => exchange::DUPLICATE_DOCUMENT,
        Reason::UnknownDocument => exchange::UNKNOWN_DOCUMENT,
        Reason::RecallOfUnknown => exchange::RECALL_OF_UNKNOWN,
        Reason::BadTransition => exchange::BAD_TRANSITION,
        Reason::UnknownStatus => exchange::UNKNOWN_STATUS,
        Reason::StatusReasonMissing => exchange::STATUS_REASON_MISSING,
        Reason::ParameterMissing => exchange::PARAMETER_MISSING,
        Reason::ParameterInvalid => exchange::PARAMETER_INVALID,
        Reason::ContentDestroyed => exchange::CONTENT_DESTROYED,
        Reason::InboxExpired => exchange::INBOX_EXPIRED,
        Reason::UnknownOperation => exchange::UNKNOWN_OPERATION,
        Reason::Throttled => service::THROTTLED,
        Reason::MailboxFull => service::MAILBOX_FULL,
        Reason::Busy => service::BUSY,
        Reason::DiskFull => service::DISK_FULL,
        Reason::Unavailable => service::UNAVAILABLE,
        Reason::Timeout => service::TIMEOUT,
        Reason::Internal => service::INTERNAL,
        Reason::ShuttingDown => service::SHUTTING_DOWN,
        Reason::HeaderTooLarge => service::HEADER_TOO_LARGE,
        Reason::AgencyExists => registry::AGENCY_EXISTS,
        Reason::AgencyUnknown => registry::AGENCY_UNKNOWN,
        Reason::AgencyNotBelowYours => registry::AGENCY_NOT_BELOW_YOURS,
        Reason::CodeInvalid => registry::CODE_INVALID,
        Reason::ServiceUnknown => registry::SERVICE_UNKNOWN,
        Reason::ServiceInvalid => registry::SERVICE_INVALID,
    }
}
