//! Our own HTTP/1.1 head reader, for the VXP face and the security server.
//!
//! It exists for one reason: Java's httpclient writes the low byte of each UTF-16 unit, so `Đ đ Ă ă` arrive
//! as the control bytes 0x10 0x11 0x02 0x03 in header values (wire/vxp.md 1.6), and other readers refuse
//! them. Values may hold anything but CR, LF and NUL; everything else is stricter than usual.
//!
//! Invariant: `raw()` is what came, byte for byte, and a second reader of those bytes finds the same end of
//! the head and the same length of the body: one Content-Length or none, no transfer codings, no folded
//! lines, no bare line ends.

pub mod target;

use bytes::Bytes;
use std::ops::Range;

/// How much of a head is read before it is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    pub bytes_max: usize,
    pub fields_max: usize,
}

/// What a buffer holds so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<H> {
    Partial,
    /// `len` bytes of the buffer belong to the head.
    Complete {
        head: H,
        len: usize,
    },
    Malformed(HeadFault),
}

/// Why a head is not taken. The connection cannot go on after any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadFault {
    #[error("not HTTP")]
    Garbage,
    #[error("a line ends without a carriage return")]
    BareLineFeed,
    #[error("a carriage return stands alone")]
    BareCarriageReturn,
    #[error("the first line is not method, target and version")]
    FirstLine,
    #[error("only HTTP/1.1 and HTTP/1.0 are spoken here")]
    Version,
    #[error("the target is not a path")]
    Target,
    #[error("a header name is missing or holds a forbidden character")]
    FieldName,
    #[error("a header value is continued on the next line")]
    Folded,
    #[error("a header value holds NUL")]
    Nul,
    #[error("Content-Length is not a plain number")]
    BadLength,
    #[error("Content-Length is given more than once")]
    LengthTwice,
    #[error("Transfer-Encoding is not accepted, send Content-Length")]
    Coded,
    #[error("Transfer-Encoding and Content-Length together")]
    CodedWithLength,
    #[error("Host is given more than once")]
    HostTwice,
    #[error("Expect asks for something unknown")]
    Expectation,
    #[error("the head is too large")]
    TooLarge,
    #[error("the head has too many fields")]
    TooManyFields,
    #[error("the answer does not say how long it is")]
    NoLength,
}

/// The header fields of a message with the bytes they came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    raw: Bytes,
    entries: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: Range<usize>,
    value: Range<usize>,
}

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    pub fields: Fields,
    method: Range<usize>,
    target: Range<usize>,
    length: Option<u64>,
    expects_continue: bool,
    closes: bool,
}

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    pub fields: Fields,
    pub status: u16,
    length: u64,
    closes: bool,
}

/// Looks for the end of a head in a buffer that grows, each byte once.
#[derive(Clone, Debug, Default)]
pub struct HeadSearch {
    looked: usize,
    line: usize,
    begun: bool,
    skipped: usize,
}

/// What the fields say about the message around them.
#[derive(Default)]
struct Framing {
    length: Option<u64>,
    coded: bool,
    hosts: usize,
    expects_continue: bool,
    closes: bool,
}

/// A client that adds a stray line end to its former body (RFC 9112 2.2) is forgiven once.
const EMPTY_LINES_MAX: usize = 1;
/// 10^19 does not fit 64 bits; nothing near it fits a disk.
const LENGTH_DIGITS_MAX: usize = 18;

impl HeadSearch {
    /// Where the head ends, once it is all there. What can never become a head is refused as early as it shows.
    pub fn end(&mut self, buffer: &[u8], bytes_max: usize) -> Result<Option<usize>, HeadFault> {
        loop {
            let line = buffer.get(self.line..).unwrap_or_default();
            // A TLS greeting on a plain port shows itself by its first byte.
            if !self.begun && line.first().is_some_and(|b| !is_token(*b) && !b"\r\n".contains(b)) {
                return Err(HeadFault::Garbage);
            }
            let unread = buffer.get(self.looked..).unwrap_or_default();
            let Some(offset) = memchr::memchr(b'\n', unread) else { break };
            let at = self.looked + offset;
            let line = buffer.get(self.line..at).unwrap_or_default();
            let Some(line) = line.strip_suffix(b"\r") else { return Err(HeadFault::BareLineFeed) };
            self.looked = at + 1;
            self.line = at + 1;
            if !line.is_empty() {
                self.begun = true;
            } else if self.begun {
                return if at < bytes_max { Ok(Some(at + 1)) } else { Err(HeadFault::TooLarge) };
            } else if self.skipped < EMPTY_LINES_MAX {
                self.skipped += 1;
            } else {
                return Err(HeadFault::Garbage);
            }
        }
        self.looked = buffer.len();
        if buffer.len() > bytes_max { Err(HeadFault::TooLarge) } else { Ok(None) }
    }
}

impl RequestHead {
    pub fn parse(buffer: &[u8], limits: HeadLimits) -> Parsed<Self> {
        parse(buffer, limits, Self::read)
    }

    fn read(head: &[u8], limits: HeadLimits) -> Result<Self, HeadFault> {
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
        // RFC 9112 3.2.2: absolute-form is for proxies; another reader might believe its host.
        if target.first() != Some(&b'/')
            || !target.iter().all(|b| b.is_ascii_graphic() && *b != b'#')
        {
            return Err(HeadFault::Target);
        }
        let is_old = is_version_1_0(version)?;
        let method = 0..method.len();
        let target = method.end + 1..method.end + 1 + target.len();
        let (entries, framing) = read_fields(head, rest, limits)?;
        framing.check()?;
        if framing.hosts > 1 {
            return Err(HeadFault::HostTwice);
        }
        Ok(Self {
            fields: Fields { raw: Bytes::copy_from_slice(head), entries },
            method,
            target,
            length: framing.length,
            // RFC 9110 10.1.1: a 1.0 client does not know the interim answer.
            expects_continue: framing.expects_continue && !is_old,
            // HTTP/1.0 keep-alive is a guess between two parties; it is not made here.
            closes: framing.closes || is_old,
        })
    }

    /// The head as it came, to be copied on unchanged.
    pub const fn raw(&self) -> &Bytes {
        &self.fields.raw
    }

    pub fn method(&self) -> &str {
        self.fields.text(&self.method)
    }

    /// Path and query as they came.
    pub fn target(&self) -> &str {
        self.fields.text(&self.target)
    }

    pub fn path(&self) -> &str {
        self.target().split_once('?').map_or_else(|| self.target(), |(path, _)| path)
    }

    pub fn query(&self) -> &str {
        self.target().split_once('?').map_or("", |(_, query)| query)
    }

    pub fn content_length(&self) -> u64 {
        self.length.unwrap_or(0)
    }

    pub const fn has_content_length(&self) -> bool {
        self.length.is_some()
    }

    /// The client waits for `100 Continue` before it sends the body.
    pub const fn expects_continue(&self) -> bool {
        self.expects_continue
    }

    /// The connection ends after the answer.
    pub const fn closes(&self) -> bool {
        self.closes
    }
}

impl ResponseHead {
    pub fn parse(buffer: &[u8], limits: HeadLimits) -> Parsed<Self> {
        parse(buffer, limits, Self::read)
    }

    fn read(head: &[u8], limits: HeadLimits) -> Result<Self, HeadFault> {
        let (first, rest) = first_line(head)?;
        let (version, after) = first.split_at_checked(8).ok_or(HeadFault::FirstLine)?;
        let is_old = is_version_1_0(version)?;
        let digits = after.strip_prefix(b" ").and_then(|after| after.get(..3));
        let closed = matches!(after.get(4), None | Some(b' '));
        let status: u16 = digits
            .filter(|digits| closed && digits.iter().all(u8::is_ascii_digit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok())
            .filter(|status| *status >= 100)
            .ok_or(HeadFault::FirstLine)?;
        let (entries, framing) = read_fields(head, rest, limits)?;
        framing.check()?;
        // RFC 9112 6.3: these never have a body, whatever they say.
        let bodiless = status < 200 || status == 204 || status == 304;
        let length = if bodiless { Some(0) } else { framing.length };
        Ok(Self {
            fields: Fields { raw: Bytes::copy_from_slice(head), entries },
            status,
            length: length.ok_or(HeadFault::NoLength)?,
            closes: framing.closes || is_old,
        })
    }

    pub const fn raw(&self) -> &Bytes {
        &self.fields.raw
    }

    pub const fn content_length(&self) -> u64 {
        self.length
    }

    pub const fn closes(&self) -> bool {
        self.closes
    }

    /// `100 Continue` and the like: the answer is still to come.
    pub const fn is_interim(&self) -> bool {
        self.status < 200
    }
}

impl Fields {
    /// Names in their own case, in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.entries.iter().map(|field| (self.text(&field.name), self.bytes(&field.value)))
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
    fn text(&self, range: &Range<usize>) -> &str {
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
            self.coded = true;
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
    const fn check(&self) -> Result<(), HeadFault> {
        match (self.coded, self.length) {
            (true, Some(_)) => Err(HeadFault::CodedWithLength),
            (true, None) => Err(HeadFault::Coded),
            (false, _) => Ok(()),
        }
    }
}

impl HeadFault {
    /// The HTTP status it is answered with.
    pub const fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::Coded => 411,
            Self::Expectation => 417,
            Self::TooLarge | Self::TooManyFields => 431,
            Self::Garbage
            | Self::BareLineFeed
            | Self::BareCarriageReturn
            | Self::FirstLine
            | Self::Target
            | Self::FieldName
            | Self::Folded
            | Self::Nul
            | Self::BadLength
            | Self::LengthTwice
            | Self::CodedWithLength
            | Self::HostTwice
            | Self::NoLength => 400,
        }
    }

    /// Codes never change their meaning and are never used twice.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Garbage => "LT-H001",
            Self::BareLineFeed => "LT-H002",
            Self::BareCarriageReturn => "LT-H003",
            Self::FirstLine => "LT-H004",
            Self::Version => "LT-H005",
            Self::Target => "LT-H006",
            Self::FieldName => "LT-H007",
            Self::Folded => "LT-H008",
            Self::Nul => "LT-H009",
            Self::BadLength => "LT-H010",
            Self::LengthTwice => "LT-H011",
            Self::Coded => "LT-H012",
            Self::CodedWithLength => "LT-H013",
            Self::HostTwice => "LT-H014",
            Self::Expectation => "LT-H015",
            Self::TooLarge => "LT-H016",
            Self::TooManyFields => "LT-H017",
            Self::NoLength => "LT-H018",
        }
    }
}

fn parse<H>(
    buffer: &[u8],
    limits: HeadLimits,
    read: impl FnOnce(&[u8], HeadLimits) -> Result<H, HeadFault>,
) -> Parsed<H> {
    let len = match HeadSearch::default().end(buffer, limits.bytes_max) {
        Ok(None) => return Parsed::Partial,
        Ok(Some(len)) => len,
        Err(fault) => return Parsed::Malformed(fault),
    };
    let mut head = buffer.get(..len).unwrap_or_default();
    while let Some(after) = head.strip_prefix(b"\r\n") {
        head = after;
    }
    match read(head, limits) {
        Ok(head) => Parsed::Complete { head, len },
        Err(fault) => Parsed::Malformed(fault),
    }
}

/// The first line without its end, and where the next begins.
fn first_line(head: &[u8]) -> Result<(&[u8], usize), HeadFault> {
    let end = memchr::memmem::find(head, b"\r\n").ok_or(HeadFault::FirstLine)?;
    let line = head.get(..end).unwrap_or_default();
    if line.contains(&b'\r') {
        return Err(HeadFault::BareCarriageReturn);
    }
    Ok((line, end + 2))
}

fn is_version_1_0(version: &[u8]) -> Result<bool, HeadFault> {
    match version {
        b"HTTP/1.1" => Ok(false),
        b"HTTP/1.0" => Ok(true),
        _ if version.starts_with(b"HTTP/") => Err(HeadFault::Version),
        _ => Err(HeadFault::FirstLine),
    }
}

fn read_fields(
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

/// RFC 9110 5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests;
