//! Writes SOAP messages: faults, answers of the gateway itself, and the request hash that goes into a
//! provider's answer.

use super::{
    NAMESPACE_IDENTIFIERS, NAMESPACE_REPRESENTATION, NAMESPACE_SOAP, NAMESPACE_XROAD, SoapHeader,
    SoapMessage,
};
use crate::ingress::xroad::code::ErrorStyle;
use crate::ingress::xroad::fault::Fault;
use crate::ingress::xroad::identifier::{ClientId, ServerId, ServiceId};
use crate::ingress::xroad::xml::escaped;
use std::fmt::{self, Write};

/// The algorithm of `requestHash`.
const SHA512: &str = "http://www.w3.org/2001/04/xmlenc#sha512";

/// The fault as a SOAP message: `detail/faultDetail` is the UUID.
pub(crate) fn fault_message(fault: &Fault, style: ErrorStyle) -> String {
    format!(
        "{DECLARATION}<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"{NAMESPACE_SOAP}\"><SOAP-ENV:Body>\
         <SOAP-ENV:Fault><faultcode>{}</faultcode><faultstring>{}</faultstring>\
         <faultactor></faultactor><detail><xroad:faultDetail xmlns:xroad=\"{NAMESPACE_XROAD}\">{}\
         </xroad:faultDetail></detail></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>",
        escaped(&fault.code_text(style)),
        escaped(&fault.message),
        escaped(&fault.detail),
    )
}

/// An answer of the gateway itself: the request's header fields, the base64 hash of the request, and
/// a body that is well-formed XML with its own namespaces.
pub(crate) fn answer(request: &SoapHeader, request_hash: &str, body_xml: &str) -> String {
    envelope(&format!("{}{}", HeaderXml(request), HashXml(request_hash)), body_xml)
}

/// A provider's answer with the request's hash as the last header field; a hash that it already has is
/// taken out. The result is UTF-8 and says so; all else is unchanged.
pub(crate) fn with_request_hash(answer: &SoapMessage<'_>, request_hash: &str) -> String {
    let text = answer.text.as_ref();
    let begins = match text.strip_prefix("<?xml").and_then(|rest| rest.find("?>")) {
        Some(at) => at + "<?xml?>".len(),
        None => 0,
    };
    let before_hash = match &answer.old_hash {
        Some(old) => [text.get(begins..old.start), text.get(old.end..answer.header_end)],
        None => [text.get(begins..answer.header_end), None],
    };
    let mut written = String::with_capacity(text.len() + HASH_ROOM);
    written.push_str(DECLARATION);
    written.extend(before_hash.into_iter().flatten());
    written.push_str(&HashXml(request_hash).to_string());
    written.push_str(text.get(answer.header_end..).unwrap_or_default());
    written
}

fn envelope(header_xml: &str, body_xml: &str) -> String {
    format!(
        "{DECLARATION}<SOAP-ENV:Envelope xmlns:SOAP-ENV=\"{NAMESPACE_SOAP}\" \
         xmlns:xroad=\"{NAMESPACE_XROAD}\" xmlns:id=\"{NAMESPACE_IDENTIFIERS}\" \
         xmlns:repr=\"{NAMESPACE_REPRESENTATION}\"><SOAP-ENV:Header>{header_xml}\
         </SOAP-ENV:Header><SOAP-ENV:Body>{body_xml}</SOAP-ENV:Body></SOAP-ENV:Envelope>"
    )
}

struct HashXml<'a>(&'a str);

impl fmt::Display for HashXml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "<xroad:requestHash xmlns:xroad=\"{NAMESPACE_XROAD}\" algorithmId=\"{SHA512}\">{}\
             </xroad:requestHash>",
            escaped(self.0)
        )
    }
}

struct HeaderXml<'a>(&'a SoapHeader);

impl fmt::Display for HeaderXml<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = self.0;
        write_client(f, &header.client)?;
        write_service(f, &header.service)?;
        if let Some(server) = &header.security_server {
            write_server(f, server)?;
        }
        if let Some(party) = &header.represented_party {
            f.write_str("<repr:representedParty>")?;
            optional(f, "repr:partyClass", party.class.as_ref())?;
            leaf(f, "repr:partyCode", &party.code)?;
            f.write_str("</repr:representedParty>")?;
        }
        optional(f, "xroad:userId", header.user_id.as_ref())?;
        leaf(f, "xroad:id", &header.id)?;
        optional(f, "xroad:issue", header.issue.as_ref())?;
        leaf(f, "xroad:protocolVersion", &header.protocol_version)
    }
}

fn write_client(f: &mut impl Write, client: &ClientId) -> fmt::Result {
    let kind = if client.subsystem.is_some() { "SUBSYSTEM" } else { "MEMBER" };
    write!(f, "<xroad:client id:objectType=\"{kind}\">")?;
    member(f, [&client.instance, &client.class, &client.member])?;
    optional(f, "id:subsystemCode", client.subsystem.as_ref())?;
    f.write_str("</xroad:client>")
}

fn write_service(f: &mut impl Write, service: &ServiceId) -> fmt::Result {
    f.write_str("<xroad:service id:objectType=\"SERVICE\">")?;
    member(f, [&service.instance, &service.class, &service.member])?;
    optional(f, "id:subsystemCode", service.subsystem.as_ref())?;
    leaf(f, "id:serviceCode", &service.service_code)?;
    optional(f, "id:serviceVersion", service.service_version.as_ref())?;
    f.write_str("</xroad:service>")
}

fn write_server(f: &mut impl Write, server: &ServerId) -> fmt::Result {
    f.write_str("<xroad:securityServer id:objectType=\"SERVER\">")?;
    member(f, [&server.instance, &server.class, &server.member])?;
    leaf(f, "id:serverCode", &server.server)?;
    f.write_str("</xroad:securityServer>")
}

fn member(f: &mut impl Write, [instance, class, code]: [&String; 3]) -> fmt::Result {
    leaf(f, "id:xRoadInstance", instance)?;
    leaf(f, "id:memberClass", class)?;
    leaf(f, "id:memberCode", code)
}

fn optional(f: &mut impl Write, name: &str, value: Option<&String>) -> fmt::Result {
    value.map_or(Ok(()), |value| leaf(f, name, value))
}

fn leaf(f: &mut impl Write, name: &str, value: &str) -> fmt::Result {
    write!(f, "<{name}>{}</{name}>", escaped(value))
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
/// About what a declaration and a hash take.
const HASH_ROOM: usize = 384;
