//! One pass over a message: header, body and its root, or the fault that it is.

use super::header::Fields;
use super::walk::{Namespace, Token, Walk, malformed};
use super::{FIELD_CHARS_MAX, SoapFault, SoapMessage, encoding};
use crate::ingress::xroad::code::Code;
use crate::ingress::xroad::fault::Fault;
use std::borrow::Cow;

pub(super) enum Envelope<'a> {
    Message(Box<SoapMessage<'a>>),
    Fault(SoapFault),
}

pub(super) fn read<'a>(bytes: &'a [u8], charset: Option<&str>) -> Result<Envelope<'a>, Fault> {
    let text = encoding::decode(bytes, charset)?;
    let scan = Scan::of(&text)?;
    match scan.fault {
        Some(fault) => Ok(Envelope::Fault(fault)),
        None => scan.message(text).map(|message| Envelope::Message(Box::new(message))),
    }
}

/// What one pass finds.
#[derive(Default)]
struct Scan {
    fields: Fields,
    header_end: usize,
    has_body: bool,
    root: Option<String>,
    fault: Option<SoapFault>,
}

impl Scan {
    fn of(text: &str) -> Result<Self, Fault> {
        let mut walk = Walk::new(text);
        let Token::Open(root) = walk.next()? else { return Err(malformed("envelope missing")) };
        if walk.namespace(&root)? != Namespace::Soap || root.local_name().as_ref() != "Envelope" {
            return Err(malformed("envelope missing"));
        }
        let mut scan = Self::default();
        loop {
            match walk.next()? {
                Token::Open(tag) => {
                    let is_soap = walk.namespace(&tag)? == Namespace::Soap;
                    match tag.local_name().as_ref() {
                        "Header" if is_soap => {
                            scan.fields.read(&mut walk)?;
                            // `<Header/>` has no end tag to stand before.
                            if walk.begins < walk.ends() {
                                scan.header_end = walk.begins;
                            }
                        }
                        "Body" if is_soap && scan.has_body => {
                            return Err(malformed("there are two bodies"));
                        }
                        "Body" if is_soap => scan.body(&mut walk)?,
                        _ => walk.skip()?,
                    }
                }
                Token::Text(_) => {}
                Token::Close | Token::End => break,
            }
        }
        match walk.next()? {
            Token::End => Ok(scan),
            Token::Open(_) | Token::Close | Token::Text(_) => {
                Err(malformed("something follows the envelope"))
            }
        }
    }

    fn body(&mut self, walk: &mut Walk<'_>) -> Result<(), Fault> {
        self.has_body = true;
        loop {
            match walk.next()? {
                Token::Open(tag) => {
                    let is_fault = walk.namespace(&tag)? == Namespace::Soap
                        && tag.local_name().as_ref() == "Fault";
                    if is_fault {
                        self.fault = Some(fault(walk)?);
                        continue;
                    }
                    if self.root.is_some() {
                        return Err(invalid_body());
                    }
                    self.root = Some(tag.local_name().as_ref().to_owned());
                    walk.skip()?;
                }
                Token::Text(_) => {}
                Token::Close | Token::End => return Ok(()),
            }
        }
    }

    fn message(self, text: Cow<'_, str>) -> Result<SoapMessage<'_>, Fault> {
        let old_hash = self.fields.request_hash.clone();
        let header = self.fields.complete()?;
        if !self.has_body {
            let message = "Malformed SOAP message: body missing";
            return Err(Fault::client(Code::MissingBody, message));
        }
        let body_root = self.root.ok_or_else(invalid_body)?;
        Ok(SoapMessage { header, body_root, text, header_end: self.header_end, old_hash })
    }
}

fn invalid_body() -> Fault {
    let message = "Malformed SOAP message: body must have exactly one child element";
    Fault::client(Code::InvalidBody, message)
}

/// Reads a fault, whose children have no namespace in SOAP 1.1 and any in practice.
fn fault(walk: &mut Walk<'_>) -> Result<SoapFault, Fault> {
    let mut found = SoapFault::default();
    loop {
        match walk.next()? {
            Token::Open(tag) => match tag.local_name().as_ref() {
                "faultcode" => found.code = walk.value(FIELD_CHARS_MAX)?.trim().to_owned(),
                "faultstring" => found.string = walk.value(FIELD_CHARS_MAX)?,
                _ => walk.skip()?,
            },
            Token::Text(_) => {}
            Token::Close | Token::End => return Ok(found),
        }
    }
}

/// The service code that a `getWsdl` call asks for (wire/xroad.md 2.8); `None` when it is missing.
pub(crate) fn wsdl_asked(message: &SoapMessage<'_>) -> Option<String> {
    let mut walk = Walk::new(&message.text);
    let mut path: Vec<String> = Vec::new();
    loop {
        match walk.next().ok()? {
            Token::Open(tag) => {
                let local = tag.local_name().as_ref().to_owned();
                if local == "serviceCode" && path == WSDL_ASKED {
                    return walk.value(FIELD_CHARS_MAX).ok();
                }
                path.push(local);
            }
            Token::Close => drop(path.pop()),
            Token::Text(_) => {}
            Token::End => return None,
        }
    }
}

const WSDL_ASKED: [&str; 3] = ["Envelope", "Body", "getWsdl"];
