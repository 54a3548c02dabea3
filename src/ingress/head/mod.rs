//! Our own HTTP/1.1 head reader, for the VXP face and the security server.
//!
//! It exists for one reason: Java's httpclient writes the low byte of each UTF-16 unit, so `Đ đ Ă ă` arrive
//! as the control bytes 0x10 0x11 0x02 0x03 in header values (wire/vxp.md 1.6), and other readers refuse
//! them. Values may hold anything but CR, LF and NUL; everything else is stricter than usual.
//!
//! Invariant: `raw()` is what came, byte for byte, and a second reader of those bytes finds the same end of
//! the head and the same length of the body: one Content-Length or none, no transfer coding unless the caller
//! asks for requests with `chunked` alone, no folded lines, no bare line ends.

mod fault;
mod fields;
mod request;
mod response;
pub mod target;

pub use fault::HeadFault;
pub use fields::Fields;
pub use request::RequestHead;
pub use response::ResponseHead;

pub(super) use fields::is_field_line;

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

/// Looks for the end of a head in a buffer that grows, each byte once.
#[derive(Clone, Debug, Default)]
pub struct HeadSearch {
    looked: usize,
    line: usize,
    begun: bool,
    skipped: usize,
}

/// A client that adds a stray line end to its former body (RFC 9112 2.2) is forgiven once.
const EMPTY_LINES_MAX: usize = 1;

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

/// RFC 9110 5.6.2.
pub(super) const fn is_token(byte: u8) -> bool {
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
