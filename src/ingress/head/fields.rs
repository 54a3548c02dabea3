//! The header fields of a head, in the bytes they came in, and what they say about the message around them.

use super::{HeadFault, HeadLimits, is_token};
use bytes::Bytes;
use std::ops::Range;

/// The header fields of a message with the bytes they came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    raw: Bytes,
    entries: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

/// What the fields say about the message around them.
#[derive(Default)]
pub(super) struct Framing {
    length: Option<u64>,
    coding: Coding,
    pub(super) hosts: usize,
    pub(super) expects_continue: bool,
    pub(super) closes: bool,
}

/// How the body that follows a head is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announced {
    Nothing,
    Length(u64),
    Chunked,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    None,
    Chunked,
    Other,
}

/// 10^19 does not fit 64 bits; nothing near it fits a disk.
const LENGTH_DIGITS_MAX: usize = 18;

impl Fields {
    pub(super) fn new(head: &[u8], entries: Vec<Field>) -> Self {
        Self { raw: Bytes::copy_from_slice(head), entries }
    }

    pub(super) const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Names in their own case, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.entries.iter().map(|field| (self.text(&field.name), self.bytes(&field.value)))
    }

    /// As `iter`, the values without a copy: each keeps the whole head alive.
    pub fn shared(&self) -> impl Iterator<Item = (&str, Bytes)> {
        self.iter().map(|(name, value)| (name, self.raw.slice_ref(value)))
    }

    /// The first field of that name, whatever its case.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The first field of exactly that name: `docid` and `docId` are two things to the VXP SDK (wire/vxp.md 1.4.2).
    pub fn exact(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| value)
    }

    /// All of that name, whatever their case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Only ranges of ASCII are asked for: names, methods, targets.
    pub(super) fn text(&self, range: &Range<usize>) -> &str {
        std::str::from_utf8(self.bytes(range)).unwrap_or_default()
    }

    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.raw.get(range.clone()).unwrap_or_default()
    }
}

impl Framing {
    fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadFault> {
        if name.eq_ignore_ascii_case(b"content-length") {
            if self.length.is_some() {
                return Err(HeadFault::LengthTwice);
            }
            self.length = Some(length(value)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            // One field with one coding: two readers of a list may differ in which one is the last.
            let is_alone = self.coding == Coding::None && value.eq_ignore_ascii_case(b"chunked");
            self.coding = if is_alone { Coding::Chunked } else { Coding::Other };
        } else if name.eq_ignore_ascii_case(b"host") {
            self.hosts += 1;
        } else if name.eq_ignore_ascii_case(b"expect") {
            if !value.eq_ignore_ascii_case(b"100-continue") {
                return Err(HeadFault::Expectation);
            }
            self.expects_continue = true;
        } else if name.eq_ignore_ascii_case(b"connection") {
            let mut options = value.split(|b| *b == b',');
            self.closes |= options.any(|o| o.trim_ascii().eq_ignore_ascii_case(b"close"));
        }
        Ok(())
    }

    // RFC 9112 6.1: both together is how requests are smuggled.
    pub(super) const fn announced(&self) -> Result<Announced, HeadFault> {
        match (self.coding, self.length) {
            (Coding::None, None) => Ok(Announced::Nothing),
            (Coding::None, Some(length)) => Ok(Announced::Length(length)),
            (Coding::Chunked | Coding::Other, Some(_)) => Err(HeadFault::CodedWithLength),
            (Coding::Chunked, None) => Ok(Announced::Chunked),
            (Coding::Other, None) => Err(HeadFault::Coded),
        }
    }
}

pub(super) fn read_fields(
    head: &[u8],
    mut at: usize,
    limits: HeadLimits,
) -> Result<(Vec<Field>, Framing), HeadFault> {
    let mut entries = Vec::new();
    let mut framing = Framing::default();
    loop {
        let rest = head.get(at..).unwrap_or_default();
        // Every line feed was seen to follow a carriage return, so a line ends at the next one.
        let Some(end) = memchr::memchr(b'\n', rest) else { return Ok((entries, framing)) };
        let line = rest.get(..end).and_then(|line| line.strip_suffix(b"\r")).unwrap_or_default();
        if line.is_empty() {
            return Ok((entries, framing));
        }
        if entries.len() >= limits.fields_max {
            return Err(HeadFault::TooManyFields);
        }
        let (name, value) = read_field(line)?;
        framing.note(name, line.get(value.clone()).unwrap_or_default())?;
        entries.push(Field { name: at..at + name.len(), value: at + value.start..at + value.end });
        at += end + 1;
    }
}

/// Whether the line, without its end, is a field and nothing else.
pub(in crate::ingress) fn is_field_line(line: &[u8]) -> bool {
    read_field(line).is_ok()
}

/// The name, and where in the line the value is.
fn read_field(line: &[u8]) -> Result<(&[u8], Range<usize>), HeadFault> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(HeadFault::Folded);
    }
    let colon = memchr::memchr(b':', line).ok_or(HeadFault::FieldName)?;
    let name = line.get(..colon).unwrap_or_default();
    // RFC 9112 5.1: no blank between name and colon; a blank is no token character either.
    if name.is_empty() || !name.iter().copied().all(is_token) {
        return Err(HeadFault::FieldName);
    }
    let value = line.get(colon + 1..).unwrap_or_default();
    if memchr::memchr(0, value).is_some() {
        return Err(HeadFault::Nul);
    }
    if memchr::memchr(b'\r', value).is_some() {
        return Err(HeadFault::BareCarriageReturn);
    }
    let is_blank = |b: &&u8| matches!(b, b' ' | b'\t');
    let leading = value.iter().take_while(is_blank).count();
    let trailing = value.iter().skip(leading).rev().take_while(is_blank).count();
    Ok((name, colon + 1 + leading..line.len() - trailing))
}

fn length(value: &[u8]) -> Result<u64, HeadFault> {
    if value.is_empty() || value.len() > LENGTH_DIGITS_MAX || !value.iter().all(u8::is_ascii_digit)
    {
        return Err(HeadFault::BadLength);
    }
    Ok(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}
