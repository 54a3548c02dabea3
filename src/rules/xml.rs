//! A bounded reader of one XML document into a flat tree: local names, text, attributes. No document type.

use super::LOOKED_INTO_BYTES_MAX;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

const DEPTH_MAX: usize = 64;
const ELEMENTS_MAX: usize = 10_000;
const ATTRIBUTES_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Xml {
    /// In the order of their start tags; the first is the root.
    elements: Vec<Element>,
}

#[derive(Debug, Default)]
pub(super) struct Element {
    /// Without prefix.
    pub(super) name: String,
    /// All text directly inside, put together.
    pub(super) text: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<usize>,
}

impl Xml {
    /// Why not, in English.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        if text.len() > LOOKED_INTO_BYTES_MAX {
            return Err("too large".to_owned());
        }
        let mut reader = Reader::from_str(text);
        let mut tree = Tree::default();
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(start) => tree.open(element(&start)?)?,
                Event::Empty(start) => {
                    tree.open(element(&start)?)?;
                    tree.open.pop();
                }
                Event::End(_) => {
                    tree.open.pop().ok_or("an end tag too many")?;
                }
                Event::Text(content) => tree.text(&content.xml10_content()),
                Event::CData(content) => tree.text(&content.xml10_content()),
                Event::GeneralRef(reference) => tree.text(&resolve(&reference)?),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::DocType(_) => return Err("a document type is not read".to_owned()),
                Event::Eof => return tree.finish(),
            }
        }
    }

    pub(super) fn get(&self, place: usize) -> Option<&Element> {
        self.elements.get(place)
    }

    /// Places of all elements, in their order.
    pub(super) fn places(&self) -> std::ops::Range<usize> {
        0..self.elements.len()
    }
}

#[derive(Default)]
struct Tree {
    elements: Vec<Element>,
    /// Places of those not yet closed.
    open: Vec<usize>,
}

impl Tree {
    fn open(&mut self, element: Element) -> Result<(), String> {
        let place = self.elements.len();
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("deeper than {DEPTH_MAX} elements"));
        }
        if place >= ELEMENTS_MAX {
            return Err(format!("more than {ELEMENTS_MAX} elements"));
        }
        match self.open.last().and_then(|parent| self.elements.get_mut(*parent)) {
            Some(parent) => parent.children.push(place),
            None if place == 0 => {}
            None => return Err("more than one root".to_owned()),
        }
        self.elements.push(element);
        self.open.push(place);
        Ok(())
    }

    fn text(&mut self, content: &str) {
        if let Some(inside) = self.open.last().and_then(|place| self.elements.get_mut(*place)) {
            inside.text.push_str(content);
        }
    }

    fn finish(self) -> Result<Xml, String> {
        if self.elements.is_empty() || !self.open.is_empty() {
            return Err("no whole document".to_owned());
        }
        Ok(Xml { elements: self.elements })
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attributes.len() >= ATTRIBUTES_MAX {
            return Err(format!("more than {ATTRIBUTES_MAX} attributes"));
        }
        let value = attribute.normalized_value(XmlVersion::Explicit1_0);
        let value = value.map_err(|error| error.to_string())?.into_owned();
        attributes.push((attribute.key.local_name().as_ref().to_owned(), value));
    }
    let name = start.local_name().as_ref().to_owned();
    Ok(Element { name, attributes, ..Element::default() })
}

/// Entities of one's own cannot be declared, so there are none to resolve.
fn resolve(reference: &BytesRef<'_>) -> Result<String, String> {
    let character = reference.resolve_char_ref().map_err(|error| error.to_string())?;
    if let Some(character) = character {
        return Ok(character.to_string());
    }
    let known = resolve_predefined_entity(reference);
    known.map(str::to_owned).ok_or_else(|| "an unknown entity".to_owned())
}
