//! `multipart/related`: the SOAP message first, then attachments (wire/xroad.md 2.9).
//!
//! XOP references are not resolved: they pass through.

use super::code::Code;
use super::fault::Fault;
use super::soap::transport::{self, Form};
use crate::ingress::multipart::{self, BadMultipart};
use bytes::Bytes;

pub(super) use multipart::{Part, is_boundary, media_type};

/// A message taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Multipart {
    pub root: Part,
    pub attachments: Vec<Part>,
}

/// Takes a body apart. Errors (wire/xroad.md 2.13): no part at all is `missing_soap`; a part without
/// a content type, or a first part that is not SOAP, is `invalid_content_type`; all else that is
/// wrong is `mime_parsing_failed`.
pub(super) fn read(boundary: Option<&str>, body: &Bytes) -> Result<Multipart, Fault> {
    let boundary = boundary
        .filter(|boundary| is_boundary(boundary))
        .ok_or_else(|| failed("boundary is missing or wrong"))?;
    let parts = multipart::split(boundary, body).map_err(|BadMultipart(why)| failed(why))?;
    let mut parts = parts.into_iter();
    let root = parts
        .next()
        .ok_or_else(|| Fault::client(Code::MissingSoap, "Request does not contain SOAP message"))?;
    let content_type = transport::content_type(root.content_type())?;
    if content_type.form != Form::Xml {
        return Err(Fault::client(Code::InvalidContentType, "The first part is not SOAP"));
    }
    let attachments: Vec<Part> = parts.collect();
    if attachments.iter().any(|part| part.content_type().is_none()) {
        let message = "Could not get content type for part";
        return Err(Fault::client(Code::InvalidContentType, message));
    }
    Ok(Multipart { root, attachments })
}

fn failed(reason: &str) -> Fault {
    Fault::client(Code::MimeParsingFailed, format!("MIME parsing failed: {reason}"))
}

#[cfg(test)]
#[path = "mime_tests.rs"]
mod tests;
