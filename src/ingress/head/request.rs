//! The head of a request: plain, or with the forms that only some dialects take.

use super::fields::{Announced, Fields, read_fields};
use super::{HeadFault, HeadLimits, Parsed, first_line, is_token, is_version_1_0, parse, target};
use bytes::Bytes;
use std::ops::Range;

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    pub fields: Fields,
    method: Range<usize>,
    target: Range<usize>,
    authority: Option<Range<usize>>,
    announced: Announced,
    expects_continue: bool,
    closes: bool,
    is_old: bool,
}

/// Which requests are read at all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Forms {
    Plain,
    Any,
}

impl RequestHead {
    /// A head whose target is a path and whose body, if any, has a Content-Length.
    pub fn parse(buffer: &[u8], limits: HeadLimits) -> Parsed<Self> {
        parse(buffer, limits, |head, limits| Self::read(head, limits, Forms::Plain))
    }

    /// Also reads `Transfer-Encoding: chunked` and targets like `http://host:port/path`. Whoever takes such a
    /// head must look at `is_chunked` and `authority`; what `parse` takes is the same here.
    pub fn parse_any(buffer: &[u8], limits: HeadLimits) -> Parsed<Self> {
        parse(buffer, limits, |head, limits| Self::read(head, limits, Forms::Any))
    }

    fn read(head: &[u8], limits: HeadLimits, forms: Forms) -> Result<Self, HeadFault> {
        let (first, rest) = first_line(head)?;
        let mut parts = first.split(|b| *b == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(HeadFault::FirstLine);
        };
        if method.is_empty() || !method.iter().copied().all(is_token) {
            return Err(HeadFault::FirstLine);
        }
        let method = 0..method.len();
        let at = method.end + 1;
        let authority = authority_in(target, forms)?.map(|part| at + part.start..at + part.end);
        let is_old = is_version_1_0(version)?;
        let (entries, framing) = read_fields(head, rest, limits)?;
        let announced = framing.announced()?;
        // RFC 9112 6.1: 1.0 has no transfer codings; a reader before us may have seen another length.
        if announced == Announced::Chunked && (is_old || forms == Forms::Plain) {
            return Err(HeadFault::Coded);
        }
        if framing.hosts > 1 {
            return Err(HeadFault::HostTwice);
        }
        Ok(Self {
            fields: Fields::new(head, entries),
            method,
            target: at..at + target.len(),
            authority,
            announced,
            // RFC 9110 10.1.1: a 1.0 client does not know the interim answer.
            expects_continue: framing.expects_continue && !is_old,
            // HTTP/1.0 keep-alive is a guess between two parties; it is not made here.
            closes: framing.closes || is_old,
            is_old,
        })
    }

    /// The head as it came, to be copied on unchanged. Not to be copied when `is_chunked`: its body comes
    /// without its framing.
    pub const fn raw(&self) -> &Bytes {
        self.fields.raw()
    }

    pub fn method(&self) -> &str {
        self.fields.text(&self.method)
    }

    /// The target as it came: path and query, with scheme and authority before them if the client sent these.
    pub fn target(&self) -> &str {
        self.fields.text(&self.target)
    }

    /// Host and port out of a target like `http://host:port/path`. It goes before Host (RFC 9112 3.2.2), and
    /// is as little to be believed.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_ref().map(|range| self.fields.text(range))
    }

    /// Never empty: `http://host` asks for `/`.
    pub fn path(&self) -> &str {
        let (path, _) = self.path_and_query();
        if path.is_empty() { "/" } else { path }
    }

    pub fn query(&self) -> &str {
        self.path_and_query().1
    }

    fn path_and_query(&self) -> (&str, &str) {
        let start = self.authority.as_ref().map_or(self.target.start, |authority| authority.end);
        let text = self.fields.text(&(start..self.target.end));
        text.split_once('?').unwrap_or((text, ""))
    }

    /// Zero without one, also when `is_chunked`.
    pub const fn content_length(&self) -> u64 {
        match self.announced {
            Announced::Length(length) => length,
            Announced::Nothing | Announced::Chunked => 0,
        }
    }

    pub const fn has_content_length(&self) -> bool {
        matches!(self.announced, Announced::Length(_))
    }

    /// The body comes in chunks, so its length shows at its end. Only from `parse_any`.
    pub const fn is_chunked(&self) -> bool {
        matches!(self.announced, Announced::Chunked)
    }

    /// The client waits for `100 Continue` before it sends the body.
    pub const fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// The connection ends after the answer.
    pub const fn closes(&self) -> bool {
        self.closes
    }

    pub const fn is_http_1_0(&self) -> bool {
        self.is_old
    }
}

/// Where in the target its authority is; none in a path.
fn authority_in(target: &[u8], forms: Forms) -> Result<Option<Range<usize>>, HeadFault> {
    if !target.iter().all(|b| b.is_ascii_graphic() && *b != b'#') {
        return Err(HeadFault::Target);
    }
    if target.first() == Some(&b'/') {
        return Ok(None);
    }
    // RFC 9112 3.2.2: absolute-form is for proxies; another reader might believe its host.
    match (forms, target::authority(target)) {
        (Forms::Any, Some(authority)) => Ok(Some(authority)),
        (Forms::Any, None) | (Forms::Plain, _) => Err(HeadFault::Target),
    }
}
