//! Why TLS failed: the cause, whose side it is on, and who noticed. Read from errors of either end.
//!
//! With TLS 1.3 a client's handshake is over before the server has looked at its certificate: the
//! refusal arrives with the first read. So faults are read out of any error chain, not only a handshake's.

use super::verify::Seen;
use crate::clock::Timestamp;
use crate::pki::{CertificateFacts, Serial};
use rustls::{AlertDescription, CertificateError};
use std::error::Error as StdError;
use std::io;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

/// Who noticed and ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// We refused the peer.
    Us,
    /// The peer refused us, by an alert.
    Peer,
}

/// What was wrong. What an alert does not say is filled in from our own certificate, or is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    UnknownCa {
        issuer: Option<String>,
    },
    Expired {
        not_after: Option<Timestamp>,
    },
    NotYetValid {
        not_before: Option<Timestamp>,
    },
    Revoked {
        serial: Option<Serial>,
    },
    WrongName {
        expected: Option<String>,
        got: Vec<String>,
    },
    NoClientCertificate,
    WrongPurpose,
    BadSignature,
    BadCertificate(String),
    /// No revocation list covers the certificate's issuer.
    RevocationUnknown,
    CrlExpired {
        next_update: Option<Timestamp>,
    },
    /// No common version, cipher, key exchange or application protocol.
    Incompatible(String),
    /// What came was no TLS at all; most often plain HTTP.
    NotTls,
    Protocol(String),
    /// The peer hung up during the handshake, or the network did.
    Closed,
    Timeout,
    Unreachable(String),
    /// An alert with no more exact meaning here.
    Alert(String),
    /// We have no key of our own to answer with.
    NoOwnKey,
}

/// A failure of TLS, named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {}", cause.code(), self.en())]
pub struct TlsFault {
    /// Whose certificate, offer or conduct it is.
    pub side: Role,
    pub seen_by: Witness,
    pub cause: Cause,
    /// The holder of the certificate in question, or an address; may be empty.
    pub about: String,
}

/// What is known besides the error itself.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// Which end we are.
    pub(super) role: Role,
    pub(super) own: Option<&'a CertificateFacts>,
    pub(super) seen: Seen,
    pub(super) now: Timestamp,
}

impl Role {
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl Cause {
    /// Codes never change their meaning and are never used twice.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCa { .. } => "LT-T001",
            Self::Expired { .. } => "LT-T002",
            Self::NotYetValid { .. } => "LT-T003",
            Self::Revoked { .. } => "LT-T004",
            Self::WrongName { .. } => "LT-T005",
            Self::NoClientCertificate => "LT-T006",
            Self::WrongPurpose => "LT-T007",
            Self::BadSignature => "LT-T008",
            Self::BadCertificate(_) => "LT-T009",
            Self::RevocationUnknown => "LT-T010",
            Self::CrlExpired { .. } => "LT-T011",
            Self::Incompatible(_) => "LT-T012",
            Self::NotTls => "LT-T013",
            Self::Protocol(_) => "LT-T014",
            Self::Closed => "LT-T015",
            Self::Timeout => "LT-T016",
            Self::Unreachable(_) => "LT-T017",
            Self::Alert(_) => "LT-T018",
            Self::NoOwnKey => "LT-T019",
        }
    }
}

impl TlsFault {
    pub const fn new(side: Role, seen_by: Witness, cause: Cause) -> Self {
        Self { side, seen_by, cause, about: String::new() }
    }

    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    pub const fn code(&self) -> &'static str {
        self.cause.code()
    }

    /// Reads any error chain; `None` when it has nothing to do with TLS.
    pub(super) fn read(error: &(dyn StdError + 'static), known: &Known<'_>) -> Option<Self> {
        let mut next = Some(error);
        while let Some(at) = next {
            if let Some(tls) = at.downcast_ref::<rustls::Error>() {
                return Some(Self::from_rustls(tls, known));
            }
            if let Some(inner) = at.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
                next = Some(inner);
                continue;
            }
            // h2 keeps the I/O error to itself and only prints it.
            if let Some(alert) = printed_alert(&at.to_string()) {
                return Some(Self::from_alert(alert, known));
            }
            next = at.source();
        }
        None
    }

    /// As `read`, for an error of the handshake itself, which is always a fault.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the list of kinds is open")]
    pub(super) fn read_handshake(error: &io::Error, known: &Known<'_>) -> Self {
        if let Some(fault) = Self::read(error, known) {
            return fault;
        }
        let cause = match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => Cause::Closed,
            io::ErrorKind::TimedOut => Cause::Timeout,
            _ => Cause::Protocol(error.to_string()),
        };
        Self::new(known.role.other(), Witness::Us, cause)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "rustls' errors are an open list")]
    fn from_rustls(error: &rustls::Error, known: &Known<'_>) -> Self {
        use rustls::Error as E;
        let cause = match error {
            E::AlertReceived(alert) => return Self::from_alert(*alert, known),
            E::InvalidCertificate(wrong) => {
                let cause = certificate_cause(wrong, &known.seen);
                let about = known.seen.refused.as_ref().map(CertificateFacts::called);
                return Self::new(known.role.other(), Witness::Us, cause)
                    .about(about.unwrap_or_default());
            }
            E::NoCertificatesPresented => Cause::NoClientCertificate,
            E::PeerIncompatible(_) | E::NoApplicationProtocol => {
                Cause::Incompatible(error.to_string())
            }
            E::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => Cause::NotTls,
            _ => Cause::Protocol(error.to_string()),
        };
        Self::new(known.role.other(), Witness::Us, cause)
    }

    /// The peer refused us: its alert names the cause, our own certificate the particulars.
    #[expect(clippy::wildcard_enum_match_arm, reason = "alerts are an open list")]
    fn from_alert(alert: AlertDescription, known: &Known<'_>) -> Self {
        let own = known.own;
        let names = || own.map(|own| own.names.clone()).unwrap_or_default();
        use AlertDescription as A;
        let cause = match alert {
            A::UnknownCA => Cause::UnknownCa { issuer: own.map(|own| own.issuer.clone()) },
            // RFC 8446 6.2: certificate_expired also says that it is not valid yet.
            A::CertificateExpired => match own {
                Some(own) if known.now < own.not_before => {
                    Cause::NotYetValid { not_before: Some(own.not_before) }
                }
                _ => Cause::Expired { not_after: own.map(|own| own.not_after) },
            },
            A::CertificateRevoked => {
                Cause::Revoked { serial: own.map(|own| own.key.serial.clone()) }
            }
            // Our certificate is well-formed, so this means that a client looked for another name.
            A::BadCertificate if known.role == Role::Server && own.is_some() => {
                Cause::WrongName { expected: known.seen.expected.clone(), got: names() }
            }
            // What our own verifiers say to a platform other than the one that was meant.
            A::AccessDenied => Cause::WrongName {
                expected: None,
                got: own.map(CertificateFacts::called).into_iter().collect(),
            },
            A::CertificateRequired | A::NoCertificate => Cause::NoClientCertificate,
            A::UnsupportedCertificate => Cause::WrongPurpose,
            A::DecryptError => Cause::BadSignature,
            A::BadCertificate => Cause::BadCertificate(String::new()),
            A::ProtocolVersion
            | A::HandshakeFailure
            | A::InsufficientSecurity
            | A::NoApplicationProtocol => Cause::Incompatible(format!("{alert:?}")),
            _ => Cause::Alert(format!("{alert:?}")),
        };
        let about = own.map(CertificateFacts::called).unwrap_or_default();
        Self::new(known.role, Witness::Peer, cause).about(about)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "rustls' errors are an open list")]
fn certificate_cause(error: &CertificateError, seen: &Seen) -> Cause {
    use CertificateError as E;
    let refused = seen.refused.as_ref();
    match error {
        E::UnknownIssuer => Cause::UnknownCa { issuer: refused.map(|seen| seen.issuer.clone()) },
        E::Expired | E::ExpiredContext { .. } => {
            Cause::Expired { not_after: refused.map(|seen| seen.not_after) }
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            Cause::NotYetValid { not_before: refused.map(|seen| seen.not_before) }
        }
        E::Revoked => Cause::Revoked { serial: refused.map(|seen| seen.key.serial.clone()) },
        E::NotValidForName | E::NotValidForNameContext { .. } => Cause::WrongName {
            expected: seen.expected.clone(),
            got: refused.map(|seen| seen.names.clone()).unwrap_or_default(),
        },
        E::ApplicationVerificationFailure => Cause::WrongName {
            expected: seen.expected.clone(),
            got: refused.map(CertificateFacts::called).into_iter().collect(),
        },
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => Cause::WrongPurpose,
        E::BadSignature => Cause::BadSignature,
        E::UnknownRevocationStatus => Cause::RevocationUnknown,
        E::ExpiredRevocationListContext { next_update, .. } => {
            Cause::CrlExpired { next_update: Some(Timestamp::from_secs(next_update.as_secs())) }
        }
        E::ExpiredRevocationList => Cause::CrlExpired { next_update: None },
        _ => Cause::BadCertificate(error.to_string()),
    }
}

/// rustls prints an alert it received as `received fatal alert: CertificateRevoked`.
fn printed_alert(text: &str) -> Option<AlertDescription> {
    let (_, after) = text.split_once("received fatal alert: ")?;
    let name: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
    (0..=u8::MAX).map(AlertDescription::from).find(|alert| format!("{alert:?}") == name)
}
