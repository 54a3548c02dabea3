//! A small part of `XPath`, enough to name one value of a message:
//!
//! ```text
//! path := '/' step ('/' step)* end?  |  '//' step ('/' step)* end?
//! step := (local name | '*') ('[' number from 1 ']')?
//! end  := '/text()' | '/@' local name
//! ```
//!
//! Names are compared without their prefixes; `[n]` counts those of the same name below one parent; `//` stands
//! only in front. A path without an end, or with `/text()`, is the text directly inside the element.

use super::xml::Xml;

const PATH_BYTES_MAX: usize = 512;
const STEPS_MAX: usize = 32;

#[derive(Clone, Debug)]
pub(super) struct XPath {
    text: String,
    is_anywhere: bool,
    steps: Vec<Step>,
    attribute: Option<String>,
}

#[derive(Clone, Debug)]
struct Step {
    /// `None` for any.
    name: Option<String>,
    /// From 1.
    place: Option<usize>,
}

impl XPath {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() > PATH_BYTES_MAX {
            return None;
        }
        let rest = text.strip_prefix('/')?;
        let (is_anywhere, rest) = match rest.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let mut parts: Vec<&str> = rest.split('/').collect();
        let attribute = parts.last().and_then(|last| last.strip_prefix('@')).map(str::to_owned);
        let has_end = attribute.is_some() || parts.last() == Some(&"text()");
        if has_end {
            parts.pop();
        }
        if attribute.as_deref().is_some_and(|name| !is_name(name))
            || !(1..=STEPS_MAX).contains(&parts.len())
        {
            return None;
        }
        let steps = parts.into_iter().map(Step::read).collect::<Option<Vec<_>>>()?;
        Some(Self { text: text.to_owned(), is_anywhere, steps, attribute })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Every value that the path names, in the order of the document.
    pub(super) fn values<'x>(&self, xml: &'x Xml) -> Vec<&'x str> {
        let Some((first, more)) = self.steps.split_first() else { return Vec::new() };
        let mut reached = if self.is_anywhere { first.anywhere(xml) } else { first.root(xml) };
        for step in more {
            reached = reached.into_iter().flat_map(|at| step.children(xml, at)).collect();
        }
        let elements = reached.into_iter().filter_map(|at| xml.get(at));
        match &self.attribute {
            None => elements.map(|element| element.text.trim()).collect(),
            Some(wanted) => elements
                .flat_map(|element| &element.attributes)
                .filter(|(name, _)| name == wanted)
                .map(|(_, value)| value.as_str())
                .collect(),
        }
    }
}

impl Step {
    fn read(text: &str) -> Option<Self> {
        let (name, place) = match text.strip_suffix(']') {
            None => (text, None),
            Some(text) => {
                let (name, place) = text.split_once('[')?;
                let place = place.parse().ok().filter(|place| *place >= 1)?;
                (name, Some(place))
            }
        };
        let name = match name {
            "*" => None,
            name if is_name(name) => Some(name.to_owned()),
            _ => return None,
        };
        Some(Self { name, place })
    }

    fn fits(&self, xml: &Xml, at: usize) -> bool {
        let name = self.name.as_deref();
        name.is_none_or(|name| xml.get(at).is_some_and(|element| element.name == name))
    }

    fn root(&self, xml: &Xml) -> Vec<usize> {
        let is_it = self.fits(xml, 0) && self.place.is_none_or(|place| place == 1);
        xml.places().take(usize::from(is_it)).collect()
    }

    fn children(&self, xml: &Xml, at: usize) -> Vec<usize> {
        let children = xml.get(at).map(|element| element.children.as_slice()).unwrap_or_default();
        let alike = children.iter().copied().filter(|child| self.fits(xml, *child));
        match self.place {
            None => alike.collect(),
            Some(place) => alike.skip(place - 1).take(1).collect(),
        }
    }

    fn anywhere(&self, xml: &Xml) -> Vec<usize> {
        let below = xml.places().flat_map(|at| self.children(xml, at));
        let mut all: Vec<usize> = self.root(xml).into_iter().chain(below).collect();
        all.sort_unstable();
        all
    }
}

fn is_name(name: &str) -> bool {
    let is_start = |one: char| one.is_alphabetic() || one == '_';
    let is_inner = |one: char| one.is_alphanumeric() || matches!(one, '_' | '-' | '.');
    name.starts_with(is_start) && name.chars().all(is_inner)
}
