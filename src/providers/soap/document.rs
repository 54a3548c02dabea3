//! A bounded reader of one XML document: no document type, no processing instructions (SOAP 1.1, 3), UTF-8 only.

use std::ops::Range;

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;

use super::SoapFault;

/// Requests of these services are a few KiB; a large header is still let through.
const BYTES_MAX: usize = 256 << 10;
const DEPTH_MAX: usize = 32;
const ELEMENTS_MAX: usize = 2_000;
const ATTRIBUTES_MAX: usize = 64;
/// Each element keeps a copy.
const NAMESPACE_BYTES_MAX: usize = 512;

/// An element with its place in the document.
#[derive(Debug, PartialEq, Eq)]
pub struct Element {
    /// "" without one.
    pub namespace: String,
    /// Without prefix.
    pub name: String,
    /// All text directly inside, put together.
    pub text: String,
    pub children: Vec<Self>,
    /// With its colon; "" without one.
    pub(super) prefix: String,
    /// Of the start tag.
    pub(super) tag: Range<usize>,
    /// From the start tag to the end tag.
    pub(super) span: Range<usize>,
}

/// The body as text, without a byte order mark.
pub(super) fn text(body: &[u8]) -> Result<&str, SoapFault> {
    if body.len() > BYTES_MAX {
        return Err(malformed(format!("dài quá {BYTES_MAX} byte")));
    }
    let text = str::from_utf8(body).ok().ok_or_else(|| malformed("không phải UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.chars().all(is_xml_char) {
        Ok(text)
    } else {
        Err(malformed("có ký tự điều khiển"))
    }
}

/// The root element of a document.
pub(super) fn read(text: &str) -> Result<Element, SoapFault> {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut tree = Tree::default();
    loop {
        let before = position(&reader);
        let event = reader.read_event().map_err(|error| malformed(error.to_string()))?;
        let after = position(&reader);
        match event {
            Event::Start(start) => tree.open(element(&reader, &start, before..after)?)?,
            Event::Empty(start) => {
                tree.open(element(&reader, &start, before..after)?)?;
                tree.close(after)?;
            }
            Event::End(_) => tree.close(after)?,
            Event::Text(content) => {
                if content.contains("]]>") {
                    return Err(malformed("có ]]> trong văn bản"));
                }
                tree.text(&content.xml10_content())?;
            }
            Event::CData(content) => tree.inside()?.text.push_str(&content.xml10_content()),
            Event::GeneralRef(reference) => {
                let resolved = resolve(&reference)?;
                tree.inside()?.text.push_str(&resolved);
            }
            Event::Comment(_) => {}
            Event::Decl(declaration) if before == 0 => check_declaration(&declaration)?,
            Event::Decl(_) => return Err(malformed("khai báo XML không ở đầu")),
            Event::DocType(_) => return Err(malformed("không được có DOCTYPE")),
            Event::PI(_) => return Err(malformed("không được có chỉ thị xử lý")),
            Event::Eof => return tree.finish(),
        }
    }
}

/// Elements not yet closed, and the root when it is.
#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Tree {
    fn open(&mut self, element: Element) -> Result<(), SoapFault> {
        self.elements += 1;
        if self.open.len() >= DEPTH_MAX || self.elements > ELEMENTS_MAX {
            return Err(malformed("quá nhiều phần tử hoặc lồng quá sâu"));
        }
        if self.root.is_some() {
            return Err(malformed("có nhiều phần tử gốc"));
        }
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self, end: usize) -> Result<(), SoapFault> {
        let mut element = self.open.pop().ok_or_else(|| malformed("thẻ đóng thừa"))?;
        element.span.end = end;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, content: &str) -> Result<(), SoapFault> {
        if self.open.is_empty() && content.trim_matches(is_blank).is_empty() {
            return Ok(());
        }
        self.inside()?.text.push_str(content);
        Ok(())
    }

    fn inside(&mut self) -> Result<&mut Element, SoapFault> {
        self.open.last_mut().ok_or_else(|| malformed("có văn bản ngoài phần tử gốc"))
    }

    fn finish(self) -> Result<Element, SoapFault> {
        if !self.open.is_empty() {
            return Err(malformed("thiếu thẻ đóng"));
        }
        self.root.ok_or_else(|| malformed("rỗng"))
    }
}

fn element(
    reader: &NsReader<&[u8]>,
    start: &BytesStart<'_>,
    tag: Range<usize>,
) -> Result<Element, SoapFault> {
    let name = checked(start.name())?;
    for (count, attribute) in start.attributes().enumerate() {
        let attribute = attribute.map_err(|error| malformed(error.to_string()))?;
        let key = checked(attribute.key)?;
        let good = count < ATTRIBUTES_MAX
            && attribute.normalized_value(XmlVersion::Explicit1_0).is_ok()
            && !attribute.value.contains('<');
        let is_declaration = key.as_namespace_binding().is_some();
        let (bound, _) = reader.resolver().resolve_attribute(key);
        if !good || (!is_declaration && matches!(bound, ResolveResult::Unknown(_))) {
            return Err(malformed(format!("thuộc tính {} sai", key.0)));
        }
    }
    let (namespace, local) = reader.resolver().resolve_element(name);
    let namespace = match namespace {
        ResolveResult::Bound(namespace) => namespace.0,
        ResolveResult::Unbound => "",
        ResolveResult::Unknown(_) => {
            return Err(malformed(format!("tiền tố của {} chưa khai báo", name.0)));
        }
    };
    if namespace.len() > NAMESPACE_BYTES_MAX {
        return Err(malformed("không gian tên quá dài"));
    }
    let prefix = name.0.strip_suffix(local.as_ref()).unwrap_or_default();
    Ok(Element {
        namespace: namespace.to_owned(),
        name: local.as_ref().to_owned(),
        text: String::new(),
        children: Vec::new(),
        prefix: prefix.to_owned(),
        span: tag.clone(),
        tag,
    })
}

/// quick-xml takes nearly anything as a name, and names go into answers.
fn checked(name: QName<'_>) -> Result<QName<'_>, SoapFault> {
    let is_start = |one: char| one.is_ascii_alphabetic() || one == '_' || !one.is_ascii();
    let is_inner = |one: char| is_start(one) || one.is_ascii_digit() || matches!(one, '-' | '.');
    let is_part = |part: &str| part.starts_with(is_start) && part.chars().all(is_inner);
    let parts = name.0.split(':').count();
    let good = parts <= 2 && name.0.len() <= NAMESPACE_BYTES_MAX && name.0.split(':').all(is_part);
    if good { Ok(name) } else { Err(malformed("có tên không hợp lệ")) }
}

fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), SoapFault> {
    let version = declaration.version().map_err(|error| malformed(error.to_string()))?;
    let encoding = match declaration.encoding() {
        Some(encoding) => encoding.map_err(|error| malformed(error.to_string()))?.to_string(),
        None => "UTF-8".to_owned(),
    };
    if version != "1.0" || !encoding.eq_ignore_ascii_case("UTF-8") {
        return Err(malformed("phải là XML 1.0 mã hóa UTF-8"));
    }
    Ok(())
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, SoapFault> {
    let character = reference.resolve_char_ref().map_err(|error| malformed(error.to_string()))?;
    if let Some(character) = character {
        let character = Some(character).filter(|&one| is_xml_char(one));
        return character.map(String::from).ok_or_else(|| malformed("có ký tự điều khiển"));
    }
    let known = resolve_predefined_entity(reference);
    known.map(str::to_owned).ok_or_else(|| malformed("có thực thể lạ"))
}

fn position(reader: &NsReader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// XML 1.0, production 2.
fn is_xml_char(one: char) -> bool {
    matches!(one, '\t' | '\n' | '\r') || (one >= ' ' && !matches!(one, '\u{fffe}' | '\u{ffff}'))
}

fn is_blank(one: char) -> bool {
    matches!(one, ' ' | '\t' | '\n' | '\r')
}

fn malformed(message: impl Into<String>) -> SoapFault {
    SoapFault::client(format!("thông điệp SOAP không hợp lệ: {}", message.into()))
}
