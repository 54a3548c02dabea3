//! The head of an answer: its length is always known, whatever the other server would like.

use super::fields::{Announced, Fields, read_fields};
use super::{HeadFault, HeadLimits, Parsed, first_line, is_version_1_0, parse};
use bytes::Bytes;

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    pub fields: Fields,
    pub status: u16,
    length: u64,
    closes: bool,
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
        let announced = match framing.announced()? {
            Announced::Nothing => None,
            Announced::Length(length) => Some(length),
            Announced::Chunked => return Err(HeadFault::Coded),
        };
        // RFC 9112 6.3: these never have a body, whatever they say.
        let bodiless = status < 200 || status == 204 || status == 304;
        let length = if bodiless { Some(0) } else { announced };
        Ok(Self {
            fields: Fields::new(head, entries),
            status,
            length: length.ok_or(HeadFault::NoLength)?,
            closes: framing.closes || is_old,
        })
    }

    pub const fn raw(&self) -> &Bytes {
        self.fields.raw()
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
