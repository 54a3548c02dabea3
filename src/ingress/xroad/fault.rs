//! An error that the gateway itself answers with (wire/xroad.md 2.5): its code, status and body.

use super::code::{Code, ErrorStyle};
use super::identifier::IdentifierError;
use super::xml;
use serde::Serialize;

/// An error of the gateway. `detail` is the UUID under which the log has it; the face sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub place: Place,
    /// The failure is on the far side of `place`: the third level `service_failed`.
    pub service_failed: bool,
    pub code: FaultCode,
    pub message: String,
    pub detail: String,
}

/// Where it went wrong: the prefix of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Client,
    ClientProxy,
    ServerProxy,
}

/// The last part of a code: the gateway's own, or that of a SOAP fault sent as a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FaultCode {
    Own(Code),
    /// Visible ASCII, at most `RELAYED_CODE_BYTES_MAX` bytes: fit for a header.
    Relayed(String),
}

/// Whether malformed REST requests get what the specification says or what X-Road 7.8.0 does
/// (wire/xroad.md 2.5, "Spec against code").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Conformance {
    /// 400 `Client.BadRequest`
    StrictSpec,
    /// 500 `server.clientproxy.…`
    #[default]
    AsImplemented,
}

/// A REST request that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    ClientMissing,
    /// A method that is none of X-Road's (wire/xroad.md 2.1, enum `Verb`).
    Method,
    Target(IdentifierError),
    /// The named header.
    Header(&'static str, IdentifierError),
}

/// The longest code taken over from a SOAP fault.
pub(super) const RELAYED_CODE_BYTES_MAX: usize = 128;

impl From<Code> for FaultCode {
    fn from(code: Code) -> Self {
        Self::Own(code)
    }
}

impl Fault {
    pub(super) fn new(place: Place, code: Code, message: impl Into<String>) -> Self {
        Self {
            place,
            service_failed: false,
            code: code.into(),
            message: message.into(),
            detail: String::new(),
        }
    }

    /// An error in what the client sent.
    pub(super) fn client(code: Code, message: impl Into<String>) -> Self {
        Self::new(Place::Client, code, message)
    }

    /// A failure of what lies behind `place`: `….service_failed.…`.
    pub(super) fn service(place: Place, code: Code, message: impl Into<String>) -> Self {
        Self { service_failed: true, ..Self::new(place, code, message) }
    }

    pub(super) fn malformed(conformance: Conformance, malformed: Malformed) -> Self {
        let (code, message) = match malformed {
            Malformed::ClientMissing => {
                (Code::InvalidClientIdentifier, "Client identifier is missing".to_owned())
            }
            Malformed::Method => (Code::InternalError, "Invalid request method".to_owned()),
            Malformed::Target(error) => {
                (Code::InternalError, format!("Invalid request URI: {error}"))
            }
            Malformed::Header(name, error) => {
                (Code::InternalError, format!("Invalid header {name}: {error}"))
            }
        };
        match conformance {
            Conformance::StrictSpec => Self::client(Code::BadRequest, message),
            Conformance::AsImplemented => Self::new(Place::ClientProxy, code, message),
        }
    }

    /// A SOAP fault that came as a request: `client.<its code>` (wire/xroad.md 2.13). What cannot
    /// stand in a header is left out of the code.
    pub(super) fn relayed(code: &str, message: impl Into<String>) -> Self {
        let visible = code.chars().filter(char::is_ascii_graphic);
        let text: String = visible.take(RELAYED_CODE_BYTES_MAX).collect();
        let own = Self::client(Code::InvalidSoap, message);
        if text.is_empty() { own } else { Self { code: FaultCode::Relayed(text), ..own } }
    }

    /// The same error, made by the provider: `server.serverproxy.service_failed.…`.
    pub(super) fn into_service_failure(self) -> Self {
        Self { place: Place::ServerProxy, service_failed: true, ..self }
    }

    pub(super) fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// The value of `X-Road-Error`, of `type` and of `faultcode`.
    pub(super) fn code_text(&self, style: ErrorStyle) -> String {
        let place = self.place.text(style);
        let failed = match (self.service_failed, style) {
            (false, _) => "",
            (true, ErrorStyle::V78) => "service_failed.",
            (true, ErrorStyle::Legacy) => "ServiceFailed.",
        };
        let last = match &self.code {
            FaultCode::Own(code) => code.text(style),
            FaultCode::Relayed(text) => text,
        };
        format!("{place}.{failed}{last}")
    }

    /// The HTTP status of a REST answer: 500 for a code that starts with `server.`, else 400.
    pub(super) const fn status(&self) -> u16 {
        match self.place {
            Place::ClientProxy | Place::ServerProxy => 500,
            Place::Client => 400,
        }
    }

    /// Content type and body of a REST answer. `accept` is the request's `Accept`; several are joined
    /// by `, `.
    pub(super) fn body(&self, accept: Option<&str>, style: ErrorStyle) -> (&'static str, Vec<u8>) {
        let code = self.code_text(style);
        let format = accept.map_or(Format::Json, wanted);
        let body = match format {
            Format::Json => {
                let body = JsonBody { r#type: &code, message: &self.message, detail: &self.detail };
                // Three strings always serialize; an empty body would still carry X-Road-Error.
                serde_json::to_vec(&body).unwrap_or_default()
            }
            Format::ApplicationXml | Format::TextXml => format!(
                "<error><type>{}</type><message>{}</message><detail>{}</detail></error>",
                xml::escaped(&code),
                xml::escaped(&self.message),
                xml::escaped(&self.detail),
            )
            .into_bytes(),
        };
        (format.content_type(), body)
    }
}

impl Place {
    const fn text(self, style: ErrorStyle) -> &'static str {
        match (self, style) {
            (Self::Client, ErrorStyle::V78) => "client",
            (Self::Client, ErrorStyle::Legacy) => "Client",
            (Self::ClientProxy, ErrorStyle::V78) => "server.clientproxy",
            (Self::ClientProxy, ErrorStyle::Legacy) => "Server.ClientProxy",
            (Self::ServerProxy, ErrorStyle::V78) => "server.serverproxy",
            (Self::ServerProxy, ErrorStyle::Legacy) => "Server.ServerProxy",
        }
    }
}

#[derive(Serialize)]
struct JsonBody<'a> {
    r#type: &'a str,
    message: &'a str,
    detail: &'a str,
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    ApplicationXml,
    TextXml,
}

impl Format {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::ApplicationXml => "application/xml;charset=utf-8",
            Self::TextXml => "text/xml;charset=utf-8",
        }
    }
}

/// The first XML type wins, whatever its `q`.
fn wanted(accept: &str) -> Format {
    let types = accept.split(',').filter_map(|range| range.split(';').next()).map(str::trim);
    types
        .filter_map(|media_type| match media_type.to_ascii_lowercase().as_str() {
            "application/xml" => Some(Format::ApplicationXml),
            "text/xml" | "text/*" => Some(Format::TextXml),
            _ => None,
        })
        .next()
        .unwrap_or(Format::Json)
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
