//! `multipart/related`: the SOAP message first, then attachments (wire/xroad.md 2.9).
//!
//! Parts are slices of the body that came in. Lines may end in CRLF or LF alone. XOP references are
//! not resolved: they pass through.

use super::code::Code;
use super::fault::Fault;
use super::soap::transport::{self, Form};
use bytes::Bytes;
use memchr::memchr;
use memchr::memmem::Finder;

/// Parts of one message, the SOAP part included. Not a number of the protocol.
pub(super) const PARTS_MAX: usize = 1_024;
/// Bytes of one part's headers.
pub(super) const PART_HEADER_BYTES_MAX: usize = 16 * 1024;
/// RFC 2046 5.1.1.
pub(super) const BOUNDARY_CHARS_MAX: usize = 70;

/// A message taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Multipart {
    pub root: Part,
    pub attachments: Vec<Part>,
}

/// One part. Header names are as they came; content is not decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub headers: Vec<(String, String)>,
    pub content: Bytes,
}

impl Part {
    /// With a content type and no other header.
    pub(super) fn new(content_type: &str, content: impl Into<Bytes>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { headers, content: content.into() }
    }

    /// The first header of that name, whatever its case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }
}

/// Takes a body apart. Errors (wire/xroad.md 2.13): no part at all is `missing_soap`; a part without
/// a content type, or a first part that is not SOAP, is `invalid_content_type`; all else that is
/// wrong is `mime_parsing_failed`.
pub(super) fn read(boundary: Option<&str>, body: &Bytes) -> Result<Multipart, Fault> {
    let boundary = boundary
        .filter(|boundary| is_boundary(boundary))
        .ok_or_else(|| failed("boundary is missing or wrong"))?;
    let mut parts = split(boundary, body)?.into_iter();
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

/// A media type in lower case and its parameters, names in lower case, values unquoted.
pub(super) fn media_type(value: &str) -> (String, Vec<(String, String)>) {
    let mut pieces = pieces(value).into_iter();
    let media_type = pieces.next().unwrap_or_default().trim().to_ascii_lowercase();
    let parameters = pieces.filter_map(|piece| {
        let (name, value) = piece.split_once('=')?;
        Some((name.trim().to_ascii_lowercase(), unquoted(value.trim())))
    });
    (media_type, parameters.collect())
}

/// What stands between semicolons that are not quoted.
fn pieces(value: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut begins, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, c) in value.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ';' if !is_quoted => {
                found.extend(value.get(begins..at));
                begins = at + 1;
            }
            _ => {}
        }
    }
    found.extend(value.get(begins..));
    found
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => plain.extend(chars.next()),
            _ => plain.push(c),
        }
    }
    plain
}

/// RFC 2046 5.1.1: 1 to 70 of its characters, the last no blank.
pub(super) fn is_boundary(boundary: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
    (1..=BOUNDARY_CHARS_MAX).contains(&boundary.len())
        && boundary.bytes().all(fits)
        && !boundary.ends_with(' ')
}

fn split(boundary: &str, body: &Bytes) -> Result<Vec<Part>, Fault> {
    let mut parts = Vec::new();
    let mut begins = None;
    for delimiter in Delimiters::new(boundary, body) {
        if let Some(begins) = begins {
            if parts.len() >= PARTS_MAX {
                return Err(failed("too many parts"));
            }
            // An empty part may share its line end with the delimiter.
            let end = delimiter.begins.max(begins);
            parts.push(part(&body.slice(begins..end))?);
        }
        if delimiter.is_last {
            return Ok(parts);
        }
        begins = Some(delimiter.ends);
    }
    match begins {
        None => Ok(parts),
        Some(_) => Err(failed("the last boundary is missing")),
    }
}

struct Delimiter {
    /// Where the line end before the delimiter begins: it belongs to the delimiter.
    begins: usize,
    ends: usize,
    is_last: bool,
}

struct Delimiters<'a> {
    body: &'a [u8],
    finder: Finder<'static>,
    at: usize,
}

impl<'a> Delimiters<'a> {
    fn new(boundary: &str, body: &'a [u8]) -> Self {
        let finder = Finder::new(&format!("--{boundary}")).into_owned();
        Self { body, finder, at: 0 }
    }
}

impl Iterator for Delimiters<'_> {
    type Item = Delimiter;

    fn next(&mut self) -> Option<Delimiter> {
        loop {
            let found = self.at + self.finder.find(self.body.get(self.at..)?)?;
            self.at = found + self.finder.needle().len();
            let before = self.body.get(..found)?;
            if !before.is_empty() && !before.ends_with(b"\n") {
                continue;
            }
            let rest = self.body.get(self.at..)?;
            let is_last = rest.starts_with(b"--");
            let rest = if is_last { rest.get(2..)? } else { rest };
            let line = memchr(b'\n', rest);
            let padding = rest.get(..line.unwrap_or(rest.len()))?;
            let is_whole = padding.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
            if !is_whole || (line.is_none() && !is_last) {
                continue;
            }
            let ends = self.body.len() - rest.len() + line.map_or(rest.len(), |at| at + 1);
            self.at = ends;
            let line_end = match before {
                [.., b'\r', b'\n'] => 2,
                [.., b'\n'] => 1,
                _ => 0,
            };
            return Some(Delimiter { begins: found - line_end, ends, is_last });
        }
    }
}

fn part(bytes: &Bytes) -> Result<Part, Fault> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let line_end = memchr(b'\n', rest);
        let line = rest.get(..line_end.unwrap_or(rest.len())).unwrap_or_default();
        at += line_end.map_or(rest.len(), |end| end + 1);
        if at > PART_HEADER_BYTES_MAX {
            // The blank line may be the first byte past the bound, never more.
            return Err(failed("the headers of a part are too long"));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Ok(Part { headers, content: bytes.slice(at..) });
        }
        let line = std::str::from_utf8(line).ok().ok_or_else(|| failed("a header is not text"))?;
        match (line.starts_with([' ', '\t']), headers.last_mut()) {
            (true, Some((_, value))) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            (true, None) => return Err(failed("a header begins with a blank")),
            (false, _) => {
                let (name, value) =
                    line.split_once(':').ok_or_else(|| failed("a header has no colon"))?;
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }
}

fn failed(reason: &str) -> Fault {
    Fault::client(Code::MimeParsingFailed, format!("MIME parsing failed: {reason}"))
}

#[cfg(test)]
#[path = "mime_tests.rs"]
mod tests;
