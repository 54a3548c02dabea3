//! A fault in a sentence, Vietnamese or English: whose certificate, what is wrong, the facts that help.

use super::fault::{Cause, Role, TlsFault, Witness};
use crate::clock::Timestamp;
use jiff::tz::{Offset, TimeZone};

impl TlsFault {
    pub fn en(&self) -> String {
        let (client, server) = ("the client", "the server");
        let (side, peer) = match self.side {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        let what = en_cause(&self.cause);
        let about = in_brackets(&self.about);
        match (self.cause.is_of_certificate(), self.seen_by) {
            (true, Witness::Us) => format!("{side}'s certificate{about} is refused: {what}"),
            (true, Witness::Peer) => format!("{peer} rejected our certificate{about}: {what}"),
            (false, Witness::Us) => format!("TLS with {side}{about} failed: {what}"),
            (false, Witness::Peer) => format!("{peer} ended TLS: {what}"),
        }
    }

    pub fn vi(&self) -> String {
        let (client, server) = ("máy khách", "máy chủ");
        let (side, peer) = match self.side {
            Role::Client => (client, server),
            Role::Server => (server, client),
        };
        let what = vi_cause(&self.cause);
        let about = in_brackets(&self.about);
        match (self.cause.is_of_certificate(), self.seen_by) {
            (true, Witness::Us) => format!("từ chối chứng thư của {side}{about}: {what}"),
            (true, Witness::Peer) => {
                format!("{peer} từ chối chứng thư của chúng ta{about}: {what}")
            }
            (false, Witness::Us) => format!("kết nối TLS với {side}{about} không thành: {what}"),
            (false, Witness::Peer) => format!("{peer} ngắt kết nối TLS: {what}"),
        }
    }
}

impl Cause {
    const fn is_of_certificate(&self) -> bool {
        match self {
            Self::UnknownCa { .. }
            | Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::Revoked { .. }
            | Self::WrongName { .. }
            | Self::WrongPurpose
            | Self::BadSignature
            | Self::BadCertificate(_)
            | Self::RevocationUnknown
            | Self::CrlExpired { .. } => true,
            Self::NoClientCertificate
            | Self::Incompatible(_)
            | Self::NotTls
            | Self::Protocol(_)
            | Self::Closed
            | Self::Timeout
            | Self::Unreachable(_)
            | Self::Alert(_)
            | Self::NoOwnKey => false,
        }
    }
}

fn en_cause(cause: &Cause) -> String {
    match cause {
        Cause::UnknownCa { issuer } => with("issued by an unknown authority", issuer.as_deref()),
        Cause::Expired { not_after } => with("expired", time(*not_after).as_deref()),
        Cause::NotYetValid { not_before } => {
            with("not valid yet; valid from", time(*not_before).as_deref())
        }
        Cause::Revoked { serial } => {
            with("revoked", serial.as_ref().map(|s| format!("serial {s}")).as_deref())
        }
        Cause::WrongName { expected, got } => format!(
            "issued for another name (expected {}, has {})",
            expected.as_deref().unwrap_or("another"),
            listed(got, "none")
        ),
        Cause::NoClientCertificate => "a client certificate is required and none was sent".into(),
        Cause::WrongPurpose => "not issued for this purpose (server or client)".into(),
        Cause::BadSignature => "its signature does not hold".into(),
        Cause::BadCertificate(detail) => with("malformed", some(detail)),
        Cause::RevocationUnknown => "no revocation list covers its authority".into(),
        Cause::CrlExpired { next_update } => {
            with("the revocation list is out of date", time(*next_update).as_deref())
        }
        Cause::Incompatible(detail) => {
            with("no common TLS version, cipher or protocol", some(detail))
        }
        Cause::NotTls => "what came is not TLS (plain HTTP on a TLS port?)".into(),
        Cause::Protocol(detail) => with("the protocol was not kept", some(detail)),
        Cause::Closed => "the connection was closed during the handshake".into(),
        Cause::Timeout => "the handshake took too long".into(),
        Cause::Unreachable(detail) => with("it cannot be reached", some(detail)),
        Cause::Alert(alert) => format!("alert {alert}"),
        Cause::NoOwnKey => "no certificate of our own is loaded".into(),
    }
}

fn vi_cause(cause: &Cause) -> String {
    match cause {
        Cause::UnknownCa { issuer } => {
            with("cơ quan cấp chứng thư không được tin cậy", issuer.as_deref())
        }
        Cause::Expired { not_after } => with("đã hết hạn", time(*not_after).as_deref()),
        Cause::NotYetValid { not_before } => {
            with("chưa có hiệu lực; có hiệu lực từ", time(*not_before).as_deref())
        }
        Cause::Revoked { serial } => {
            with("đã bị thu hồi", serial.as_ref().map(|s| format!("số hiệu {s}")).as_deref())
        }
        Cause::WrongName { expected, got } => format!(
            "cấp cho tên khác (cần {}, có {})",
            expected.as_deref().unwrap_or("tên khác"),
            listed(got, "không có tên nào")
        ),
        Cause::NoClientCertificate => "cần chứng thư của máy khách nhưng không nhận được".into(),
        Cause::WrongPurpose => "không được cấp cho mục đích này (máy chủ hoặc máy khách)".into(),
        Cause::BadSignature => "chữ ký không đúng".into(),
        Cause::BadCertificate(detail) => with("sai định dạng", some(detail)),
        Cause::RevocationUnknown => "không có danh sách thu hồi của cơ quan cấp".into(),
        Cause::CrlExpired { next_update } => {
            with("danh sách thu hồi đã quá hạn", time(*next_update).as_deref())
        }
        Cause::Incompatible(detail) => {
            with("không có phiên bản TLS, bộ mã hoặc giao thức chung", some(detail))
        }
        Cause::NotTls => "dữ liệu nhận được không phải TLS (HTTP thường vào cổng TLS?)".into(),
        Cause::Protocol(detail) => with("sai giao thức", some(detail)),
        Cause::Closed => "kết nối bị đóng khi đang bắt tay".into(),
        Cause::Timeout => "bắt tay quá thời hạn".into(),
        Cause::Unreachable(detail) => with("không kết nối được", some(detail)),
        Cause::Alert(alert) => format!("cảnh báo {alert}"),
        Cause::NoOwnKey => "chưa nạp chứng thư của chúng ta".into(),
    }
}

fn with(what: &str, detail: Option<&str>) -> String {
    detail.map_or_else(|| what.to_owned(), |detail| format!("{what} ({detail})"))
}

fn some(detail: &str) -> Option<&str> {
    (!detail.is_empty()).then_some(detail)
}

fn in_brackets(about: &str) -> String {
    if about.is_empty() { String::new() } else { format!(" ({about})") }
}

fn listed(names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

/// Vietnam time, ISO 8601 (QĐ 28/2018 Art. 14).
fn time(at: Option<Timestamp>) -> Option<String> {
    let secs = i64::try_from(at?.secs()).ok()?;
    let zone = TimeZone::fixed(Offset::constant(7));
    let zoned = jiff::Timestamp::from_second(secs).ok()?.to_zoned(zone);
    Some(zoned.strftime("%Y-%m-%d %H:%M:%S %:z").to_string())
}
