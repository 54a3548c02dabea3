//! Bodies in several parts (RFC 2046 5.1): SOAP with attachments, forms with a file.
//!
//! Parts are slices of the body that came in. Lines may end in CRLF or LF alone.

use bytes::Bytes;
use memchr::memchr;
use memchr::memmem::Finder;

/// Parts of one message. Not a number of any protocol.
pub(in crate::ingress) const PARTS_MAX: usize = 1_024;
/// Bytes of one part's headers.
pub(in crate::ingress) const PART_HEADER_BYTES_MAX: usize = 16 * 1024;
/// RFC 2046 5.1.1.
pub(in crate::ingress) const BOUNDARY_CHARS_MAX: usize = 70;

/// One part. Header names are as they came; content is not decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ingress) struct Part {
    pub(in crate::ingress) headers: Vec<(String, String)>,
    pub(in crate::ingress) content: Bytes,
}

impl Part {
    /// With a content type and no other header.
    pub(in crate::ingress) fn new(content_type: &str, content: impl Into<Bytes>) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Self { headers, content: content.into() }
    }

    /// The first header of that name, whatever its case.
    pub(in crate::ingress) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(in crate::ingress) fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }
}

/// Why a body cannot be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::ingress) struct BadMultipart(pub(in crate::ingress) &'static str);

/// A media type in lower case and its parameters, names in lower case, values unquoted.
pub(in crate::ingress) fn media_type(value: &str) -> (String, Vec<(String, String)>) {
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
pub(in crate::ingress) fn is_boundary(boundary: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
    (1..=BOUNDARY_CHARS_MAX).contains(&boundary.len())
        && boundary.bytes().all(fits)
        && !boundary.ends_with(' ')
}

/// Takes a body apart at its boundary.
pub(in crate::ingress) fn split(boundary: &str, body: &Bytes) -> Result<Vec<Part>, BadMultipart> {
    let mut parts = Vec::new();
    let mut begins = None;
    for delimiter in Delimiters::new(boundary, body) {
        if let Some(begins) = begins {
            if parts.len() >= PARTS_MAX {
                return Err(BadMultipart("too many parts"));
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
        Some(_) => Err(BadMultipart("the last boundary is missing")),
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

fn part(bytes: &Bytes) -> Result<Part, BadMultipart> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let line_end = memchr(b'\n', rest);
        let line = rest.get(..line_end.unwrap_or(rest.len())).unwrap_or_default();
        at += line_end.map_or(rest.len(), |end| end + 1);
        if at > PART_HEADER_BYTES_MAX {
            // The blank line may be the first byte past the bound, never more.
            return Err(BadMultipart("the headers of a part are too long"));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Ok(Part { headers, content: bytes.slice(at..) });
        }
        let line = std::str::from_utf8(line).ok().ok_or(BadMultipart("a header is not text"))?;
        match (line.starts_with([' ', '\t']), headers.last_mut()) {
            (true, Some((_, value))) => {
                value.push(' ');
                value.push_str(line.trim());
            }
            (true, None) => return Err(BadMultipart("a header begins with a blank")),
            (false, _) => {
                let (name, value) =
                    line.split_once(':').ok_or(BadMultipart("a header has no colon"))?;
                headers.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }
}
