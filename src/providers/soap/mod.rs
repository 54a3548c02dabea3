//! SOAP 1.1 as X-Road carries it (wire/xroad.md 2.9): an envelope is read strictly and within bounds, and answered
//! with its own header, byte for byte, because the asking gateway compares the two.

mod document;
#[cfg(test)]
mod tests;
mod write;

use std::ops::Range;

use http::Method;

use super::{Answer, Call};
pub use document::Element;
pub use write::Xml;

pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";
const SOAP_1_1: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_1_2: &str = "http://www.w3.org/2003/05/soap-envelope";

/// One service at one address: questions by POST, its description by GET. `ask` answers a question.
pub fn serve(call: &Call<'_>, wsdl: &'static str, ask: impl FnOnce(&Call<'_>) -> Answer) -> Answer {
    let refused = |status, message: &str| {
        let mut answer = SoapFault::client(message).answer();
        answer.status = status;
        answer
    };
    if !matches!(call.path, "" | "/") {
        return refused(404, "dịch vụ không có đường dẫn này");
    }
    let wants_wsdl = call.query.is_some_and(|query| query.eq_ignore_ascii_case("wsdl"));
    match *call.method {
        Method::POST => ask(call),
        Method::GET if wants_wsdl => Answer::new(200, CONTENT_TYPE, wsdl),
        _ => refused(405, "chỉ nhận POST, hoặc GET ?wsdl").with_header("Allow", "GET, POST"),
    }
}

/// A well-formed request with exactly one element in its body.
#[derive(Debug)]
pub struct Envelope {
    /// The start tag of the envelope, which holds the namespaces that the header may use, and the header.
    opening: String,
    /// "soapenv:" or, for a default namespace, "".
    prefix: String,
    pub(super) root: Element,
}

/// Why no answer is given. Worded for the caller, in Vietnamese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoapFault {
    pub code: FaultCode,
    pub message: String,
}

/// SOAP 1.1, 4.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    VersionMismatch,
    Client,
    Server,
}

impl Envelope {
    /// Refuses what is no SOAP 1.1 envelope, a document type, and anything past the bounds of `document`.
    pub fn read(body: &[u8]) -> Result<Self, SoapFault> {
        let text = document::text(body)?;
        let mut envelope = document::read(text)?;
        if envelope.name != "Envelope" || envelope.namespace == SOAP_1_2 {
            let message = "phần tử gốc phải là Envelope của SOAP 1.1";
            return Err(SoapFault::new(FaultCode::VersionMismatch, message));
        }
        if envelope.namespace != SOAP_1_1 {
            let message = format!("không gian tên của Envelope phải là {SOAP_1_1}");
            return Err(SoapFault::new(FaultCode::VersionMismatch, message));
        }
        let is = |element: &Element, name| element.name == name && element.namespace == SOAP_1_1;
        let (header, body) = match envelope.children.as_mut_slice() {
            [body] if is(body, "Body") => (None, body),
            [header, body] if is(header, "Header") && is(body, "Body") => {
                (Some(header.span.clone()), body)
            }
            _ => return Err(SoapFault::client("Envelope phải gồm Header (nếu có) rồi đến Body")),
        };
        let (Some(root), 0) = (body.children.pop(), body.children.len()) else {
            return Err(SoapFault::client("Body phải có đúng một phần tử"));
        };
        let slice = |range: Range<usize>| text.get(range).unwrap_or_default();
        let header = header.map_or("", slice);
        let opening = format!("{}{header}", slice(envelope.tag.clone()));
        Ok(Self { opening, prefix: envelope.prefix, root })
    }

    /// The element in the body.
    pub fn root(&self) -> &Element {
        &self.root
    }

    /// The request's envelope and header around another body.
    pub fn answer(&self, body: &str) -> Answer {
        Answer::new(200, CONTENT_TYPE, self.around(body))
    }

    /// A fault with the request's header.
    pub fn fault(&self, fault: &SoapFault) -> Answer {
        Answer::new(500, CONTENT_TYPE, self.around(&fault.to_xml()))
    }

    /// The element in the body as it stood in `body`, from which this was read: what a signature covers.
    pub fn root_text<'b>(&self, body: &'b [u8]) -> &'b str {
        let text = document::text(body).unwrap_or_default();
        text.get(self.root.span.clone()).unwrap_or_default()
    }

    fn around(&self, body: &str) -> String {
        let Self { opening, prefix, .. } = self;
        format!("{DECLARATION}{opening}<{prefix}Body>{body}</{prefix}Body></{prefix}Envelope>")
    }
}

impl SoapFault {
    pub fn new(code: FaultCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub fn client(message: impl Into<String>) -> Self {
        Self::new(FaultCode::Client, message)
    }

    /// For requests of which no header can be repeated. HTTP status 500 (SOAP 1.1, 6.2).
    pub fn answer(&self) -> Answer {
        let fault = self.to_xml();
        let body = format!(
            "{DECLARATION}<soap:Envelope xmlns:soap=\"{SOAP_1_1}\"><soap:Body>{fault}</soap:Body></soap:Envelope>"
        );
        Answer::new(500, CONTENT_TYPE, body)
    }

    fn to_xml(&self) -> String {
        let code = match self.code {
            FaultCode::VersionMismatch => "VersionMismatch",
            FaultCode::Client => "Client",
            FaultCode::Server => "Server",
        };
        let mut xml = Xml::default();
        // The children of a fault have no namespace, whatever the default one of the request is.
        xml.open(&format!("soap:Fault xmlns:soap=\"{SOAP_1_1}\" xmlns=\"\""));
        xml.leaf("faultcode", &format!("soap:{code}"));
        xml.leaf("faultstring", &self.message);
        xml.close("soap:Fault");
        xml.into_text()
    }
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
