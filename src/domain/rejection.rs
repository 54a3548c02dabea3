//! The closed list of refusals: they erred, or we are busy. Each has a stable code.
//!
//! A refusal is a value, never an error of ours. Faces word it; `texts` holds its sentences.

/// Where in what was sent the fault is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An element of the edXML header, as a path of local names (`MessageHeader/From/OrganId`).
    Element(String),
    /// A line and column of the file, both from 1.
    Position { line: u32, column: u32 },
    /// A request parameter or header by name.
    Parameter(String),
    /// A recipient by its agency code as it was given.
    Recipient(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Element(path) | Self::Parameter(path) | Self::Recipient(path) => {
                f.write_str(path)
            }
            Self::Position { line, column } => write!(f, "{line}:{column}"),
        }
    }
}

/// Why something is not taken. Plain data: what the caller may learn is in here and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {reason:?}{}{}", reason.code(), at.as_ref().map(|p| format!(" at {p}")).unwrap_or_default(), if detail.is_empty() { String::new() } else { format!(": {detail}") })]
pub struct Rejection {
    pub reason: Reason,
    pub at: Option<Place>,
    /// A short fact in no particular language that helps (a name, a limit, the nearest valid value). May be empty.
    pub detail: String,
    /// Milliseconds after which trying again makes sense; `None` when it never does.
    pub retry_after_ms: Option<u64>,
}

impl Rejection {
    pub const fn new(reason: Reason) -> Self {
        Self { reason, at: None, detail: String::new(), retry_after_ms: None }
    }

    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.at = Some(place);
        self
    }

    #[must_use]
    pub fn element(self, path: impl Into<String>) -> Self {
        self.at(Place::Element(path.into()))
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    #[must_use]
    pub const fn retry_after_ms(mut self, ms: u64) -> Self {
        self.retry_after_ms = Some(ms);
        self
    }

    pub const fn code(&self) -> &'static str {
        self.reason.code()
    }
}

impl From<Reason> for Rejection {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}

/// One row per refusal: variant, stable code, metric label.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident $code:literal $label:literal,)*) => {
        /// The closed list of refusals. Codes never change their meaning and are never used twice.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[doc = $doc])* $name,)* }

        impl Reason {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The label of this reason in metrics.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    // 1xx: who is calling.
    /// No member has this credential or certificate.
    UnknownCaller "LT-D101" "unknown_caller",
    /// The HMAC does not match the signed header (wire/vxp.md 1.3).
    BadSignature "LT-D102" "bad_signature",
    /// The HMAC cannot be checked and the channel does not prove who calls (design.md 2.6).
    UncheckableCredential "LT-D103" "uncheckable_credential",
    /// The credential belongs to another member than the certificate.
    ForeignCredential "LT-D104" "foreign_credential",
    /// The caller's certificate has been revoked.
    CertificateRevoked "LT-D105" "certificate_revoked",
    /// A token, key or secret is missing, wrong or expired.
    BadCredential "LT-D106" "bad_credential",
    SenderMissing "LT-D110" "sender_missing",
    SenderUnknown "LT-D111" "sender_unknown",
    /// The sender is not an agency that the caller speaks for.
    SenderNotYours "LT-D112" "sender_not_yours",
    SenderDissolved "LT-D113" "sender_dissolved",
    /// The document is in the inbox or outbox of an agency that the caller does not speak for.
    NotYourDocument "LT-D114" "not_your_document",
    // 2xx: the file.
    Empty "LT-D201" "empty",
    TooLarge "LT-D202" "too_large",
    HashDiffers "LT-D203" "hash_differs",
    NotUtf8 "LT-D204" "not_utf8",
    Malformed "LT-D205" "malformed",
    Truncated "LT-D206" "truncated",
    TooDeep "LT-D207" "too_deep",
    DoctypeForbidden "LT-D208" "doctype_forbidden",
    NotEdxml "LT-D209" "not_edxml",
    FieldMissing "LT-D210" "field_missing",
    FieldInvalid "LT-D211" "field_invalid",
    ManifestDiffers "LT-D212" "manifest_differs",
    /// State secrets never pass (QĐ 28/2018 Art. 1).
    StateSecret "LT-D213" "state_secret",
    DeclarationMissing "LT-D214" "declaration_missing",
    SignatureRefused "LT-D215" "signature_refused",
    FutureDate "LT-D216" "future_date",
    // 3xx: the addresses.
    ReceiverMissing "LT-D301" "receiver_missing",
    ReceiverUnknown "LT-D302" "receiver_unknown",
    ReceiverDissolved "LT-D303" "receiver_dissolved",
    ReceiverLocked "LT-D304" "receiver_locked",
    ReceiverTwice "LT-D305" "receiver_twice",
    TooManyReceivers "LT-D306" "too_many_receivers",
    NoRoute "LT-D307" "no_route",
    HopsExhausted "LT-D308" "hops_exhausted",
    // 4xx: the rules of the exchange.
    /// Same sender and DocumentId, type new, other bytes.
    DuplicateDocument "LT-D401" "duplicate_document",
    UnknownDocument "LT-D402" "unknown_document",
    RecallOfUnknown "LT-D403" "recall_of_unknown",
    BadTransition "LT-D404" "bad_transition",
    UnknownStatus "LT-D405" "unknown_status",
    /// Status 02 must give its reason (QĐ 28/2018 Art. 5.4).
    StatusReasonMissing "LT-D406" "reason_missing",
    ParameterMissing "LT-D407" "parameter_missing",
    ParameterInvalid "LT-D408" "parameter_invalid",
    /// The document was recalled and its content destroyed (QĐ 28/2018 Art. 9).
    ContentDestroyed "LT-D409" "content_destroyed",
    /// Nobody fetched it within `inbox_days_max`.
    InboxExpired "LT-D410" "inbox_expired",
    UnknownOperation "LT-D411" "unknown_operation",
    // 5xx: not now, or our own failure.
    Throttled "LT-D501" "throttled",
    MailboxFull "LT-D502" "mailbox_full",
    Busy "LT-D503" "busy",
    DiskFull "LT-D504" "disk_full",
    Unavailable "LT-D505" "unavailable",
    Timeout "LT-D506" "timeout",
    Internal "LT-D507" "internal",
    ShuttingDown "LT-D508" "shutting_down",
    HeaderTooLarge "LT-D509" "header_too_large",
    // 6xx: the directory.
    AgencyExists "LT-D601" "agency_exists",
    AgencyUnknown "LT-D602" "agency_unknown",
    AgencyNotBelowYours "LT-D603" "agency_not_below_yours",
    CodeInvalid "LT-D604" "code_invalid",
    /// No service of this id, or its home is no platform.
    ServiceUnknown "LT-D605" "service_unknown",
    ServiceInvalid "LT-D606" "service_invalid",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_used_once_and_found_again() {
        let mut codes: Vec<_> = Reason::ALL.iter().map(|r| r.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
        }
    }
}
