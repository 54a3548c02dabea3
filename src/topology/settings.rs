//! `[documents]` and `[tls]`: how strict the gateway is.

use super::mistake::{Code, Mistake};
use super::reader::{Log, Table};
use super::shipped::Place;
use std::sync::Arc;

/// How an edXML header is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// What can be understood passes, with a warning.
    #[default]
    Lenient,
    Strict,
}

/// What happens to a business status that goes backward or follows a terminal one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusOrder {
    /// Recorded, with a warning.
    #[default]
    Lenient,
    /// Refused.
    Strict,
}

/// What an invalid or untrusted signature does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignaturePolicy {
    #[default]
    Record,
    Warn,
    Refuse,
}

/// What one locked receiver among several does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LockedReceiver {
    #[default]
    RefuseItself,
    RefuseAll,
}

/// The state-secret guard (QĐ 28/2018 Art. 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrecy {
    /// The sender must declare that nothing is secret.
    pub declaration_required: bool,
    /// Marks that stop a document when its type, subject or notation carries one.
    pub patterns: Vec<String>,
}

/// A file that another room reads the contents of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFile {
    pub name: String,
    pub text: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documents {
    pub reading: Reading,
    pub status_order: StatusOrder,
    pub signature: SignaturePolicy,
    pub locked_receiver: LockedReceiver,
    pub secrecy: Secrecy,
    /// Document types that go without paper (CV 775/VPCP-KSTT); the built-in list when absent.
    pub paperless: Option<TextFile>,
    /// Holidays and make-up days; the built-in calendar when absent.
    pub calendar: Option<TextFile>,
}

impl Default for Documents {
    fn default() -> Self {
        let patterns = ["TUYỆT MẬT", "TỐI MẬT", "MẬT"].map(str::to_owned).to_vec();
        Self {
            reading: Reading::default(),
            status_order: StatusOrder::default(),
            signature: SignaturePolicy::default(),
            locked_receiver: LockedReceiver::default(),
            secrecy: Secrecy { declaration_required: false, patterns },
            paperless: None,
            calendar: None,
        }
    }
}

impl Documents {
    pub(super) fn read(mut table: Table<'_>, log: &Log, place: &Place) -> Self {
        let mut found = Self::default();
        let reading = [("lenient", Reading::Lenient), ("strict", Reading::Strict)];
        if let Some(reading) = table.choice("reading", &reading) {
            found.reading = reading.into_inner();
        }
        let order = [("lenient", StatusOrder::Lenient), ("strict", StatusOrder::Strict)];
        if let Some(order) = table.choice("status_order", &order) {
            found.status_order = order.into_inner();
        }
        let policy = [
            ("record", SignaturePolicy::Record),
            ("warn", SignaturePolicy::Warn),
            ("refuse", SignaturePolicy::Refuse),
        ];
        if let Some(policy) = table.choice("signature", &policy) {
            found.signature = policy.into_inner();
        }
        let locked = [
            ("refuse_itself", LockedReceiver::RefuseItself),
            ("refuse_all", LockedReceiver::RefuseAll),
        ];
        if let Some(locked) = table.choice("locked_receiver", &locked) {
            found.locked_receiver = locked.into_inner();
        }
        found.paperless = text_file(&mut table, "paperless", log, place);
        found.calendar = text_file(&mut table, "calendar", log, place);
        let mut secrecy = table.table("secrecy", "[documents.secrecy]");
        if let Some(required) = secrecy.boolean("declaration_required") {
            found.secrecy.declaration_required = required;
        }
        if let Some(patterns) = secrecy.strings("patterns") {
            found.secrecy.patterns =
                patterns.into_iter().map(|pattern| (*pattern.get_ref()).to_owned()).collect();
        }
        secrecy.finish();
        table.finish();
        found
    }
}

fn text_file(
    table: &mut Table<'_>,
    key: &'static str,
    log: &Log,
    place: &Place,
) -> Option<TextFile> {
    let name = table.string(key)?;
    match place.open(name.get_ref()) {
        Ok(found) => Some(TextFile { name: found.name, text: found.text.into() }),
        Err(reason) => {
            log.push(unreadable(name.get_ref(), name.span(), &reason));
            None
        }
    }
}

pub(super) fn unreadable(name: &str, span: std::ops::Range<usize>, reason: &str) -> Mistake {
    Mistake::new(
        Code::Unreadable,
        span,
        format!("không đọc được `{name}`: {reason}"),
        format!("cannot read `{name}`: {reason}"),
    )
}

/// How X-Road's dialects answer (wire/xroad.md 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XRoadSettings {
    /// Codes as up to 7.7.1 (`Server.ServerProxy.AccessDenied`) and not as from 7.8.0.
    pub legacy_errors: bool,
    /// A malformed request is 400 as the specification says, and not 500 as X-Road answers.
    pub strict_spec: bool,
}

impl XRoadSettings {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let mut found = Self::default();
        if let Some(style) = table.choice("error_style", &[("7.8", false), ("legacy", true)]) {
            found.legacy_errors = style.into_inner();
        }
        let conformance = [("as-implemented", false), ("strict-spec", true)];
        if let Some(conformance) = table.choice("conformance", &conformance) {
            found.strict_spec = conformance.into_inner();
        }
        table.finish();
        found
    }
}

/// A setting that is no limit, as documentation shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettingInfo {
    pub key: &'static str,
    pub default: &'static str,
    /// What it may be.
    pub values: &'static str,
    pub why: &'static str,
}

impl SettingInfo {
    /// Those of the X-Road faces.
    pub const ALL: [Self; 4] = [
        Self {
            key: "member.connection",
            default: "nossl",
            values: "nossl|sslnoauth|sslauth",
            why: "What a system must show at its own security server: nothing (plain HTTP will do), TLS, or TLS with \
                  its certificate. Elsewhere it is always sslauth.",
        },
        Self {
            key: "platform.health_port",
            default: "0",
            values: "0…65535",
            why: "Where load balancers ask for a security server's health; 0 is off, X-Road's custom is 5588.",
        },
        Self {
            key: "xroad.error_style",
            default: "7.8",
            values: "7.8|legacy",
            why: "How codes are spelled: server.serverproxy.access_denied, or Server.ServerProxy.AccessDenied as up \
                  to 7.7.1.",
        },
        Self {
            key: "xroad.conformance",
            default: "as-implemented",
            values: "as-implemented|strict-spec",
            why: "A REST request that cannot be read is 500 as X-Road 7.8.0 answers, or 400 as its specification says.",
        },
    ];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlExpired {
    Warn,
    Refuse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// TLS 1.2 beside 1.3, for old clients.
    pub accepts_tls12: bool,
    /// Offer the hybrid X25519MLKEM768 key exchange first.
    pub post_quantum: bool,
    /// What to do when a revocation list is past its next update.
    pub crl_expired: CrlExpired,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self { accepts_tls12: false, post_quantum: true, crl_expired: CrlExpired::Warn }
    }
}

impl TlsSettings {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let mut found = Self::default();
        if let Some(versions) = table.choices("versions", &[("1.3", false), ("1.2", true)]) {
            found.accepts_tls12 = versions.iter().any(|old| *old.get_ref());
            if versions.iter().all(|old| *old.get_ref()) {
                table.push(Mistake::new(
                    Code::OutOfRange,
                    table.span_of("versions"),
                    "`versions` phải có \"1.3\"",
                    "`versions` must hold \"1.3\"",
                ));
            }
        }
        if let Some(on) = table.boolean("post_quantum") {
            found.post_quantum = on;
        }
        let choices = [("warn", CrlExpired::Warn), ("refuse", CrlExpired::Refuse)];
        if let Some(choice) = table.choice("crl_expired", &choices) {
            found.crl_expired = choice.into_inner();
        }
        table.finish();
        found
    }
}
