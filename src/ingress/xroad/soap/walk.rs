//! Walks a message element by element, with namespaces, within bounds.

use super::{DEPTH_MAX, NAMESPACE_SOAP};
use crate::ingress::xroad::code::Code;
use crate::ingress::xroad::fault::Fault;
use crate::ingress::xroad::xml::is_xml;
use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use std::borrow::Cow;

pub(super) struct Walk<'a> {
    reader: NsReader<&'a [u8]>,
    depth: usize,
    /// Where the last token begins.
    pub(super) begins: usize,
}

pub(super) enum Token<'a> {
    Open(BytesStart<'a>),
    Close,
    Text(Cow<'a, str>),
    End,
}

/// A namespace that means something here. The `https` spelling is that of UXP clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    Soap,
    Xroad,
    Identifiers,
    Representation,
    Other,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, depth: 0, begins: 0 }
    }

    /// Where the last token ends.
    pub(super) fn ends(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// The next token. Blanks outside of the root element are none; what else stands there is, and the
    /// caller refuses it.
    pub(super) fn next(&mut self) -> Result<Token<'a>, Fault> {
        loop {
            self.begins = self.ends();
            let token = match self.reader.read_event() {
                Ok(Event::Start(tag)) => {
                    self.enter()?;
                    Token::Open(tag)
                }
                Ok(Event::End(_)) => {
                    self.depth = self.depth.saturating_sub(1);
                    Token::Close
                }
                Ok(Event::Text(text)) => Self::text(text.into_inner())?,
                Ok(Event::CData(text)) if self.depth > 0 => Self::text(text.into_inner())?,
                Ok(Event::GeneralRef(reference)) if self.depth > 0 => {
                    Token::Text(Cow::Owned(character(&reference)?.to_string()))
                }
                Ok(Event::Decl(_)) if self.begins == 0 => continue,
                Ok(Event::Comment(_) | Event::PI(_)) => continue,
                Ok(Event::Eof) if self.depth == 0 => Token::End,
                Ok(Event::Eof) => return Err(malformed("the message ends too early")),
                Ok(Event::DocType(_)) => return Err(malformed("a DTD is not allowed")),
                Ok(Event::CData(_) | Event::GeneralRef(_) | Event::Decl(_) | Event::Empty(_)) => {
                    return Err(malformed("markup out of place"));
                }
                Err(error) => return Err(malformed(&error.to_string())),
            };
            if !matches!(&token, Token::Text(text) if self.depth == 0 && text.trim().is_empty()) {
                return Ok(token);
            }
        }
    }

    fn enter(&mut self) -> Result<(), Fault> {
        if self.depth >= DEPTH_MAX {
            return Err(malformed(&format!("elements are nested deeper than {DEPTH_MAX}")));
        }
        self.depth += 1;
        Ok(())
    }

    fn text(text: Cow<'a, str>) -> Result<Token<'a>, Fault> {
        if text.chars().all(is_xml) {
            Ok(Token::Text(normal(text)))
        } else {
            Err(malformed("a character that XML does not allow"))
        }
    }

    /// Reads past the end of the element just opened.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        let outside = self.depth.saturating_sub(1);
        while self.depth > outside {
            self.next()?;
        }
        Ok(())
    }

    /// The text of the element just opened, past whose end it reads. What its children hold is left out.
    pub(super) fn value(&mut self, chars_max: usize) -> Result<String, Fault> {
        let mut value = String::new();
        let mut left = chars_max;
        loop {
            match self.next()? {
                Token::Text(text) => {
                    let count = text.chars().count();
                    left = left
                        .checked_sub(count)
                        .ok_or_else(|| malformed("a header field is too long"))?;
                    value.push_str(&text);
                }
                Token::Open(_) => self.skip()?,
                Token::Close | Token::End => return Ok(value),
            }
        }
    }

    pub(super) fn namespace(&self, tag: &BytesStart<'_>) -> Result<Namespace, Fault> {
        resolved(&self.reader.resolver().resolve_element(tag.name()).0).map(known)
    }

    /// The attribute of that name in the namespace of identifiers.
    pub(super) fn identifier_attribute(
        &self,
        tag: &BytesStart<'_>,
        local: &str,
    ) -> Result<Option<String>, Fault> {
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| malformed(&error.to_string()))?;
            if self.is_identifier(attribute.key, local)? {
                let value = quick_xml::escape::unescape(&attribute.value)
                    .map_err(|error| malformed(&error.to_string()))?;
                return Ok(Some(value.into_owned()));
            }
        }
        Ok(None)
    }

    fn is_identifier(&self, key: QName<'_>, wanted: &str) -> Result<bool, Fault> {
        if key.prefix().is_none() || key.as_namespace_binding().is_some() {
            return Ok(false);
        }
        let (namespace, local) = self.reader.resolver().resolve_attribute(key);
        Ok(known(resolved(&namespace)?) == Namespace::Identifiers && local.as_ref() == wanted)
    }
}

pub(super) fn malformed(reason: &str) -> Fault {
    // The parser's reasons quote the message.
    let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
    Fault::client(Code::InvalidSoap, format!("Malformed SOAP message: {reason}"))
}

fn resolved<'n>(namespace: &'n ResolveResult<'_>) -> Result<&'n str, Fault> {
    match namespace {
        ResolveResult::Bound(namespace) => Ok(namespace.0),
        ResolveResult::Unbound => Ok(""),
        ResolveResult::Unknown(_) => Err(malformed("a namespace prefix is not declared")),
    }
}

fn known(uri: &str) -> Namespace {
    if uri == NAMESPACE_SOAP {
        return Namespace::Soap;
    }
    let plain = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    match plain.and_then(|plain| plain.strip_prefix("x-road.eu/xsd/")) {
        Some("xroad.xsd") => Namespace::Xroad,
        Some("identifiers") => Namespace::Identifiers,
        Some("representation.xsd") => Namespace::Representation,
        Some(_) | None => Namespace::Other,
    }
}

fn character(reference: &BytesRef<'_>) -> Result<char, Fault> {
    let character = match reference.resolve_char_ref() {
        Ok(Some(character)) => Some(character),
        Ok(None) => {
            quick_xml::escape::resolve_xml_entity(reference).and_then(|text| text.chars().next())
        }
        Err(_) => None,
    };
    character.filter(|c| is_xml(*c)).ok_or_else(|| malformed("an unknown entity or character"))
}

/// Line ends as XML 1.0 2.11 wants them.
fn normal(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        text
    }
}

const REASON_CHARS_MAX: usize = 200;
