//! Reads SOAP 4.0 messages (wire/xroad.md 2.9): what stands in the header, what the body's root is, and
//! which error a message earns (2.13).
//!
//! The message itself is never altered: the face passes on the bytes that it got. No entity is
//! expanded but the five of XML and character references; a DTD is refused.
//! When several things are wrong, the first in the document is told, then what is missing in the
//! order header, header field, body, root, root's name (as X-Road 7.8.0 does).

mod answer;
mod encoding;
mod envelope;
mod header;
pub(super) mod transport;
mod walk;
pub(super) mod write;

#[cfg(test)]
mod tests;

use super::code::Code;
use super::fault::Fault;
use super::identifier::{ClientId, RepresentedParty, ServerId, ServiceId};
use std::borrow::Cow;
use std::ops::Range;

pub(super) use answer::{Answer, check_answer};
pub(super) use envelope::wsdl_asked;

/// The longest SOAP part that is read. Attachments do not count. Not a number of the protocol.
pub(super) const SOAP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Open elements inside each other.
pub(super) const DEPTH_MAX: usize = 64;
/// Elements in the header, at any depth.
pub(super) const HEADER_ELEMENTS_MAX: usize = 512;
/// Characters of a header field that is not an identifier.
pub(super) const FIELD_CHARS_MAX: usize = 2_048;

/// A message that is complete: header and body are there, the body has one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SoapMessage<'a> {
    pub header: SoapHeader,
    /// The local name of what `Body` holds.
    pub body_root: String,
    /// The message as text, without a byte order mark.
    pub text: Cow<'a, str>,
    /// Where `</Header>` begins in `text`.
    header_end: usize,
    /// A `requestHash` that is already there.
    old_hash: Option<Range<usize>>,
}

/// The header fields of the protocol, as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SoapHeader {
    pub client: ClientId,
    pub service: ServiceId,
    pub id: String,
    pub user_id: Option<String>,
    pub issue: Option<String>,
    pub protocol_version: String,
    pub represented_party: Option<RepresentedParty>,
    pub security_server: Option<ServerId>,
}

/// A SOAP fault as somebody else wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SoapFault {
    pub code: String,
    pub string: String,
}

/// Reads a request. `charset` is that of the content type; a byte order mark and the XML declaration
/// come before it. Errors are those of wire/xroad.md 2.13, all `client.…`.
pub(super) fn read_request<'a>(
    bytes: &'a [u8],
    charset: Option<&str>,
) -> Result<SoapMessage<'a>, Fault> {
    match envelope::read(bytes, charset)? {
        envelope::Envelope::Fault(fault) => Err(Fault::relayed(&fault.code, fault.string)),
        envelope::Envelope::Message(message) => {
            // X-Road itself only compares the beginnings, which lets `getStateX` through.
            if message.body_root != message.header.service.service_code {
                let message =
                    "Malformed SOAP message: service code does not match in header and body";
                return Err(Fault::client(Code::InconsistentHeaders, message));
            }
            Ok(*message)
        }
    }
}

/// SOAP 1.1.
pub(super) const NAMESPACE_SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub(super) const NAMESPACE_XROAD: &str = "http://x-road.eu/xsd/xroad.xsd";
pub(super) const NAMESPACE_IDENTIFIERS: &str = "http://x-road.eu/xsd/identifiers";
pub(super) const NAMESPACE_REPRESENTATION: &str = "http://x-road.eu/xsd/representation.xsd";
