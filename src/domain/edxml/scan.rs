//! Walks a file once, event by event, and notes what stands where.

use std::borrow::Cow;

use quick_xml::errors::{IllFormedError, SyntaxError};
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{Error, NsReader};

use super::attachment::{Attachment, Reference};
use super::header::{Field, Header, Organ, Receiver, Replacement, Response};
use super::names::Element;
use super::{Document, Mode, NAMESPACE, NAMESPACE_OLD, Prefix, XmlLimits, place_of, warning};
use crate::domain::rejection::{Reason, Rejection};

pub(super) struct Scan<'a> {
    reader: NsReader<&'a [u8]>,
    /// The text behind a byte order mark of `base` bytes.
    text: &'a [u8],
    base: usize,
    mode: Mode,
    limits: XmlLimits,
    /// Open elements, outermost first.
    path: Vec<Element>,
    elements: usize,
    /// How many of the open elements are a signature or inside one.
    in_signature: usize,
    root_closed: bool,
    envelope_closed: bool,
    header: Header<'a>,
    references: Vec<Reference<'a>>,
    attachments: Vec<Attachment<'a>>,
    /// The text of the innermost element, while it is one that is read.
    collected: Option<Field<'a>>,
}

/// Where a step of the walk stands.
#[derive(PartialEq, Eq)]
enum Step {
    Onward,
    End,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a [u8], base: usize, mode: Mode, limits: XmlLimits) -> Self {
        let mut reader = NsReader::from_reader(text);
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            text,
            base,
            mode,
            limits,
            path: Vec::with_capacity(16),
            elements: 0,
            in_signature: 0,
            root_closed: false,
            envelope_closed: false,
            header: Header { source: text, ..Header::default() },
            references: Vec::new(),
            attachments: Vec::new(),
            collected: None,
        }
    }

    pub(super) fn whole(mut self) -> Result<Document<'a>, Rejection> {
        while self.step()? == Step::Onward {}
        if !self.root_closed {
            let reason = if self.elements == 0 { Reason::NotEdxml } else { Reason::Truncated };
            return Err(self.refused(reason, self.text.len()));
        }
        let Self { header, references, attachments, .. } = self;
        Ok(Document { header, references, attachments })
    }

    pub(super) fn header(mut self) -> Result<Prefix<'a>, Rejection> {
        loop {
            let step = match self.step() {
                Err(refused) if refused.reason == Reason::Truncated => return Ok(Prefix::NeedMore),
                step => step?,
            };
            let attached = self.path.last() == Some(&Element::AttachmentEncoded);
            if self.envelope_closed || (attached && self.header.has_message) {
                return Ok(Prefix::Complete(Box::new(self.header)));
            }
            if step == Step::End {
                return if self.root_closed {
                    Ok(Prefix::Complete(Box::new(self.header)))
                } else {
                    Ok(Prefix::NeedMore)
                };
            }
        }
    }

    fn step(&mut self) -> Result<Step, Rejection> {
        let at = self.position();
        match self.reader.read_event() {
            Ok(Event::Start(tag)) => self.open(&tag, at)?,
            Ok(Event::End(_)) => self.close(at)?,
            Ok(Event::Text(text)) => self.text(text.into_inner(), at)?,
            Ok(Event::CData(text)) => self.text(text.into_inner(), at + 9)?,
            Ok(Event::GeneralRef(reference)) => self.reference(&reference, at)?,
            Ok(Event::Decl(declaration)) => self.declaration(&declaration, at)?,
            // Never read, so nothing in it can be expanded: domain.md 8 rule 5.
            Ok(Event::DocType(_)) => return Err(self.refused(Reason::DoctypeForbidden, at)),
            Ok(Event::Comment(_) | Event::PI(_) | Event::Empty(_)) => {}
            Ok(Event::Eof) => return Ok(Step::End),
            Err(error) => return Err(self.fault(&error, at)),
        }
        Ok(Step::Onward)
    }

    fn open(&mut self, tag: &BytesStart<'a>, at: usize) -> Result<(), Rejection> {
        self.elements += 1;
        if self.path.len() >= self.limits.depth_max {
            return Err(self
                .refused(Reason::TooDeep, at)
                .detail(self.limits.depth_max.to_string()));
        }
        if self.elements > self.limits.elements_max {
            let detail = format!("elements > {}", self.limits.elements_max);
            return Err(self.refused(Reason::TooLarge, at).detail(detail));
        }
        self.check_tag(tag, at)?;
        let local = tag.local_name();
        let name = match self.mode {
            Mode::Lenient => Element::any_case(local.as_ref()),
            Mode::Strict => Element::exact(local.as_ref()),
        };
        if self.path.is_empty() {
            self.check_root(tag, name, at)?;
        } else if self.in_signature == 0 {
            self.check_namespace(tag, name, at)?;
        }
        if self.path.last() == Some(&Element::ContentTransferEncoded) {
            return Err(self.refused(Reason::Malformed, at).detail("element inside base64"));
        }
        self.path.push(name);
        if self.in_signature > 0 || matches!(name, Element::Signature | Element::DigitalSignature) {
            self.in_signature += 1;
        }
        self.collected = None;
        self.enter();
        Ok(())
    }

    /// Makes room for what the innermost element will hold.
    fn enter(&mut self) {
        let path = self.path.get(1..).unwrap_or_default();
        let begins = self.base + self.position();
        match *path {
            [Element::AttachmentEncoded, Element::Attachment] => {
                self.attachments.push(Attachment::default());
                return;
            }
            [Element::AttachmentEncoded, Element::Attachment, Element::ContentTransferEncoded] => {
                if let Some(attachment) = self.attachments.last_mut() {
                    attachment.encoded = begins..begins;
                }
                return;
            }
            [_, Element::Body, Element::Manifest, Element::Reference] => {
                self.references.push(Reference::default());
                return;
            }
            [_, Element::Body] => self.header.has_body = true,
            [_, Element::Header, Element::Signature | Element::DigitalSignature] => {
                self.header.signatures += 1;
            }
            _ => {}
        }
        if let [_, Element::Header, inner @ ..] = path {
            match *inner {
                [Element::MessageHeader] => self.header.has_message = true,
                [Element::TraceHeaderList, Element::Bussiness] => self.header.has_bussiness = true,
                [Element::MessageHeader, Element::To] => self.header.to.push(Organ::default()),
                [Element::MessageHeader, Element::ResponseFor] => {
                    self.header.response_for.push(Response::default());
                }
                [.., Element::ReceiverList, Element::Receiver] => {
                    self.header.bussiness.receivers.push(Receiver::default());
                }
                [.., Element::ReplacementInfoList, Element::ReplacementInfo] => {
                    self.header.bussiness.replacements.push(Replacement::default());
                }
                [.., Element::OrganIdList, Element::OrganId] => {
                    if let Some(last) = self.header.bussiness.replacements.last_mut() {
                        last.organs.push(Field::default());
                    }
                }
                _ => {}
            }
        }
        if self.slot().is_some() {
            self.collected = Some(Field::default());
        }
    }

    fn close(&mut self, at: usize) -> Result<(), Rejection> {
        if let Some(found) = self.collected.take() {
            self.keep(found)?;
        }
        let ended = self.base + at;
        match self.path.pop() {
            Some(Element::ContentTransferEncoded) => {
                if let Some(attachment) = self.attachments.last_mut()
                    && self.path.last() == Some(&Element::Attachment)
                {
                    attachment.encoded.end = ended;
                }
            }
            Some(Element::Envelope) if self.path.len() == 1 => self.envelope_closed = true,
            _ => {}
        }
        self.in_signature = self.in_signature.saturating_sub(1);
        self.root_closed = self.path.is_empty();
        Ok(())
    }

    /// Puts a text in its place. The same element twice with different texts is refused in both modes:
    /// a guard that reads one of them must not be passed by the other.
    fn keep(&mut self, found: Field<'a>) -> Result<(), Rejection> {
        let trimmed = match found.text {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        };
        if trimmed.is_empty() {
            return Ok(());
        }
        let Some(slot) = self.slot() else { return Ok(()) };
        if slot.is_empty() {
            *slot = Field { text: trimmed, at: found.at };
            return Ok(());
        }
        let same = slot.text == trimmed;
        let path = self.element_path();
        if same && !self.mode.is_strict() {
            self.header.warnings.push(warning(Reason::FieldInvalid, path));
            return Ok(());
        }
        Err(Rejection::new(Reason::FieldInvalid).element(path).detail("twice"))
    }

    fn slot(&mut self) -> Option<&mut Field<'a>> {
        let path = self.path.get(1..).unwrap_or_default();
        match *path {
            [_, Element::Header, Element::MessageHeader, ref inner @ ..] => {
                self.header.message_slot(inner)
            }
            [_, Element::Header, Element::TraceHeaderList, Element::Bussiness, ref inner @ ..] => {
                self.header.bussiness_slot(inner)
            }
            [_, Element::Body, Element::Manifest, Element::Reference, ref leaf @ ..] => {
                self.references.last_mut()?.slot(leaf)
            }
            [Element::AttachmentEncoded, Element::Attachment, ref leaf @ ..] => {
                self.attachments.last_mut()?.slot(leaf)
            }
            _ => None,
        }
    }

    fn text(&mut self, text: Cow<'a, str>, at: usize) -> Result<(), Rejection> {
        if self.path.is_empty() {
            if text.trim_ascii().is_empty() {
                return Ok(());
            }
            return Err(self
                .refused(Reason::Malformed, at)
                .detail("text outside the root element"));
        }
        let Some(field) = self.collected.as_mut() else { return Ok(()) };
        // XML 1.0 2.2: of the control characters only tab, line feed and carriage return may stand in a document.
        if let Some(bad) =
            text.bytes().position(|b| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r'))
        {
            return Err(self.refused(Reason::Malformed, at + bad).detail("control character"));
        }
        if field.text.is_empty() {
            field.at = at + (text.len() - text.trim_start().len());
            field.text = text;
        } else {
            field.text.to_mut().push_str(&text);
        }
        Ok(())
    }

    /// `&amp;` and its four sisters, and character references. Nothing else exists without a DTD.
    fn reference(&mut self, reference: &BytesRef<'a>, at: usize) -> Result<(), Rejection> {
        let character = match reference.resolve_char_ref() {
            Ok(Some(character)) => Some(character),
            Ok(None) => quick_xml::escape::resolve_xml_entity(reference)
                .and_then(|text| text.chars().next()),
            Err(_) => None,
        };
        let allowed = character
            .filter(|&c| c >= ' ' || matches!(c, '\t' | '\n' | '\r'))
            .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'));
        let Some(character) = allowed else {
            return Err(self.refused(Reason::Malformed, at).detail("unknown entity or character"));
        };
        if self.path.is_empty() {
            return Err(self
                .refused(Reason::Malformed, at)
                .detail("text outside the root element"));
        }
        if let Some(field) = self.collected.as_mut() {
            if field.text.is_empty() {
                field.at = at;
            }
            field.text.to_mut().push(character);
        }
        Ok(())
    }

    fn declaration(&mut self, declaration: &BytesDecl<'a>, at: usize) -> Result<(), Rejection> {
        if at > 0 {
            self.forgive(Reason::Malformed, "xml", || {
                "the XML declaration is not first".to_owned()
            })?;
        }
        let Some(Ok(encoding)) = declaration.encoding() else { return Ok(()) };
        if encoding.eq_ignore_ascii_case("utf-8") || encoding.eq_ignore_ascii_case("us-ascii") {
            return Ok(());
        }
        // Writers in .NET declare utf-16 over UTF-8 bytes.
        self.forgive(Reason::NotUtf8, "xml/encoding", || encoding.into_owned())
    }

    fn check_root(
        &mut self,
        tag: &BytesStart<'a>,
        name: Element,
        at: usize,
    ) -> Result<(), Rejection> {
        if self.root_closed {
            return Err(self.refused(Reason::Malformed, at).detail("a second root element"));
        }
        if name != Element::EdXml {
            let local = shortened(tag.local_name().as_ref());
            return Err(self.refused(Reason::NotEdxml, at).detail(local));
        }
        let namespace = match self.reader.resolver().resolve_element(tag.name()).0 {
            ResolveResult::Bound(namespace) if namespace.as_ref() == NAMESPACE => return Ok(()),
            ResolveResult::Bound(namespace) => shortened(namespace.as_ref()),
            ResolveResult::Unbound => "no namespace".to_owned(),
            ResolveResult::Unknown(prefix) => format!("prefix {} is not bound", shortened(&prefix)),
        };
        // wire/vxp.md 3.5: http://www.e-doc.vn/Schema/ is from before 2016; http://www.go.vn/eDoc is a mistake seen.
        let old = if namespace == NAMESPACE_OLD { " (before 2016)" } else { "" };
        self.forgive(Reason::NotEdxml, "edXML", || format!("{namespace}{old}"))
    }

    /// The vendor's sample edoc.edxml leaves the prefix `edXML` unbound, and its parser takes it.
    fn check_namespace(
        &mut self,
        tag: &BytesStart<'a>,
        name: Element,
        at: usize,
    ) -> Result<(), Rejection> {
        if matches!(name, Element::Other | Element::Signature | Element::DigitalSignature) {
            return Ok(());
        }
        let depth = self.path.len();
        if !self.mode.is_strict() && depth > 1 {
            return Ok(());
        }
        let resolved = self.reader.resolver().resolve_element(tag.name()).0;
        let Some(detail) = (match resolved {
            ResolveResult::Bound(namespace) if namespace.as_ref() == NAMESPACE => None,
            ResolveResult::Bound(namespace) => Some(shortened(namespace.as_ref())),
            ResolveResult::Unbound => Some("no namespace".to_owned()),
            ResolveResult::Unknown(prefix) => {
                Some(format!("prefix {} is not bound", shortened(&prefix)))
            }
        }) else {
            return Ok(());
        };
        if self.mode.is_strict() {
            return Err(self.refused(Reason::NotEdxml, at).detail(detail));
        }
        if !self.header.warnings.iter().any(|w| w.reason == Reason::NotEdxml) {
            self.header.warnings.push(warning(Reason::NotEdxml, name.spelling()));
        }
        Ok(())
    }

    /// What quick-xml leaves to its caller: names and attributes.
    fn check_tag(&self, tag: &BytesStart<'a>, at: usize) -> Result<(), Rejection> {
        let name = tag.name();
        if !is_name(name.as_ref()) {
            return Err(self.refused(Reason::Malformed, at).detail("element name"));
        }
        if tag.attributes_raw().trim_ascii().is_empty() {
            return Ok(());
        }
        for attribute in tag.attributes() {
            let sound = attribute.is_ok_and(|attribute| {
                !attribute.value.contains('<')
                    && (!attribute.value.contains('&')
                        || quick_xml::escape::unescape(&attribute.value).is_ok())
            });
            if !sound {
                return Err(self.refused(Reason::Malformed, at).detail("attribute"));
            }
        }
        Ok(())
    }

    /// A warning when lenient, a refusal when strict.
    fn forgive(
        &mut self,
        reason: Reason,
        at: &str,
        detail: impl FnOnce() -> String,
    ) -> Result<(), Rejection> {
        if self.mode.is_strict() {
            return Err(Rejection::new(reason).element(at).detail(detail()));
        }
        self.header.warnings.push(warning(reason, at));
        Ok(())
    }

    fn fault(&self, error: &Error, at: usize) -> Rejection {
        let noted = usize::try_from(self.reader.error_position()).unwrap_or(usize::MAX);
        let at = if noted == 0 { at } else { noted.min(self.text.len()) };
        let rest = self.text.get(at..).unwrap_or_default();
        let markup_follows = memchr::memchr(b'<', rest.get(1..).unwrap_or_default()).is_some();
        let is_start_of = |full: &[u8]| rest.len() < full.len() && full.starts_with(rest);
        let reason = match error {
            Error::Encoding(_) => Reason::NotUtf8,
            Error::Syntax(SyntaxError::UnclosedDoctype) => Reason::DoctypeForbidden,
            Error::Syntax(SyntaxError::InvalidBangMarkup) => {
                if is_start_of(b"<!--") || is_start_of(b"<![CDATA[") || is_start_of(b"<!DOCTYPE") {
                    Reason::Truncated
                } else {
                    Reason::Malformed
                }
            }
            Error::Syntax(SyntaxError::UnclosedComment | SyntaxError::UnclosedCData) => {
                Reason::Truncated
            }
            Error::Syntax(_) | Error::IllFormed(IllFormedError::UnclosedReference)
                if !markup_follows =>
            {
                Reason::Truncated
            }
            Error::Syntax(_)
            | Error::IllFormed(_)
            | Error::InvalidAttr(_)
            | Error::Escape(_)
            | Error::Namespace(_)
            | Error::Io(_) => Reason::Malformed,
        };
        if reason == Reason::NotUtf8 {
            let whole = std::str::from_utf8(self.text).map_or_else(|e| e.valid_up_to(), str::len);
            return self.refused(reason, whole);
        }
        let refused = self.refused(reason, at);
        if reason == Reason::Malformed {
            refused.detail(shortened(&error.to_string()))
        } else {
            refused
        }
    }

    fn refused(&self, reason: Reason, at: usize) -> Rejection {
        Rejection::new(reason).at(place_of(self.text, at))
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }

    /// Local names below the header, as refusals name them.
    fn element_path(&self) -> String {
        let skipped = if self.path.get(2) == Some(&Element::Header) { 3 } else { 1 };
        let names = self.path.iter().skip(skipped).map(|name| name.spelling());
        names.collect::<Vec<_>>().join("/")
    }
}

/// XML 1.0 2.3, with every character beyond ASCII allowed: edXML has none there.
fn is_name(name: &str) -> bool {
    let begins = |b: &u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b':' | 0x80..);
    let goes_on = |b: &u8| begins(b) || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let bytes = name.as_bytes();
    bytes.first().is_some_and(begins) && bytes.iter().all(goes_on)
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
