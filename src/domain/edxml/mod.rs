//! Reads and writes edXML (QCVN 102:2016/BTTTT, in the flavour in use).
//!
//! `scan` walks the file once and finds what stands in the header and where the attachments are; it knows
//! the shape of the file and none of its rules. `domain/rules` turns a `Header` into an `Envelope` or a
//! `Rejection`. `write` builds documents and status messages.
//!
//! Invariant: the file is borrowed, never copied and never altered; an attachment is a range of it.
//! No entity is ever expanded but the five of XML and character references.

mod attachment;
mod header;
mod names;
mod scan;
#[cfg(test)]
mod tests;
pub mod write;

use super::envelope::Warning;
use super::rejection::{Place, Reason, Rejection};

pub(crate) use attachment::bare_id;
pub use attachment::{Attachment, DecodeError, Reference};
pub use header::{Bussiness, Field, Header, Organ, OtherInfo, Receiver, Replacement, Response};

/// The namespace of QCVN 102:2016.
pub const NAMESPACE: &str = "http://www.mic.gov.vn/TBT/QCVN_102_2016";
/// The namespace before 2016.
pub const NAMESPACE_OLD: &str = "http://www.e-doc.vn/Schema/";
/// The namespace of XML signatures.
pub const NAMESPACE_DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// How much is forgiven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// As the axis reads: by lower-cased local name, any order, any namespace; oddities become warnings.
    #[default]
    Lenient,
    /// As the standard is written.
    Strict,
}

impl Mode {
    pub const fn is_strict(self) -> bool {
        matches!(self, Self::Strict)
    }
}

/// How much XML is read before giving up. Neither is a number of a standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XmlLimits {
    /// Open elements inside each other. edXML itself needs 8.
    pub depth_max: usize,
    /// Elements of the whole file. A document to 1,000 recipients has about 9,000.
    pub elements_max: usize,
}

impl Default for XmlLimits {
    fn default() -> Self {
        Self { depth_max: 64, elements_max: 65_536 }
    }
}

/// A whole file, read.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    pub header: Header<'a>,
    /// What the manifest in the body promises.
    pub references: Vec<Reference<'a>>,
    pub attachments: Vec<Attachment<'a>>,
}

/// What the first bytes of a file gave.
#[derive(Clone, Debug)]
pub enum Prefix<'a> {
    /// The header is whole. More may follow, which the whole file's reading will judge.
    Complete(Box<Header<'a>>),
    /// Nothing is wrong so far; the header is not over.
    NeedMore,
}

/// Reads a whole file. What is refused here is refused for its shape: not XML, cut off, a DTD, too deep,
/// not edXML. Missing and wrong fields are for `rules`.
pub fn read(file: &[u8], mode: Mode, limits: XmlLimits) -> Result<Document<'_>, Rejection> {
    let (base, text) = without_marks(file)?;
    scan::Scan::new(text, base, mode, limits).whole()
}

/// Reads the header from the first bytes of a file, so that the state-secret guard can pass before the
/// rest has come. Reading ends with the envelope or where the attachments begin.
pub fn read_header(first: &[u8], mode: Mode, limits: XmlLimits) -> Result<Prefix<'_>, Rejection> {
    if first.len() < 4 {
        return Ok(Prefix::NeedMore);
    }
    let (base, text) = match without_marks(first) {
        Err(refused) if refused.reason == Reason::Empty => return Ok(Prefix::NeedMore),
        other => other?,
    };
    scan::Scan::new(whole_characters(text), base, mode, limits).header()
}

/// The text behind a byte order mark, and how long that was. Names what is no XML text at all.
fn without_marks(file: &[u8]) -> Result<(usize, &[u8]), Rejection> {
    let utf16 = matches!(file, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'<', 0, ..] | [0, b'<', ..]);
    if utf16 {
        return Err(refused_at(Reason::NotUtf8, 1, 1).detail("UTF-16"));
    }
    let (base, text) = match file.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (3, rest),
        None => (0, file),
    };
    match text.iter().find(|b| !b.is_ascii_whitespace()) {
        None => Err(Rejection::new(Reason::Empty)),
        Some(b'<') => Ok((base, text)),
        Some(_) if text.starts_with(b"PK\x03\x04") => {
            Err(refused_at(Reason::NotEdxml, 1, 1).detail("zip"))
        }
        Some(_) if text.starts_with(b"%PDF") => {
            Err(refused_at(Reason::NotEdxml, 1, 1).detail("pdf"))
        }
        // The vendor's sample edoc_new.edxml begins with junk bytes; its own parser refuses it too.
        Some(_) => Err(refused_at(Reason::Malformed, 1, 1).detail("junk before the root element")),
    }
}

fn refused_at(reason: Reason, line: u32, column: u32) -> Rejection {
    Rejection::new(reason).at(Place::Position { line, column })
}

/// Cuts off a character whose last bytes have not come yet.
fn whole_characters(text: &[u8]) -> &[u8] {
    let tail = text.len().saturating_sub(3);
    for start in (tail..text.len()).rev() {
        let width = match text.get(start) {
            Some(0xc0..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..=0xf7) => 4,
            _ => continue,
        };
        if start + width > text.len() {
            return text.get(..start).unwrap_or(text);
        }
        break;
    }
    text
}

/// Line and column (in characters) of a byte, both from 1.
pub(crate) fn place_of(file: &[u8], at: usize) -> Place {
    let before = file.get(..at).unwrap_or(file);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let in_line = before.get(start..).unwrap_or_default();
    // A continuation byte begins no character.
    let column = in_line.iter().filter(|&&b| b & 0xc0 != 0x80).count() + 1;
    Place::Position { line: count(line), column: count(column) }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn warning(reason: Reason, at: impl Into<String>) -> Warning {
    Warning { reason, at: at.into() }
}
