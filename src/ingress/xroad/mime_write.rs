//! Writes `multipart/related` messages.

use super::mime::{Multipart, is_boundary};
use std::fmt;

/// Why parts cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MimeWriteError {
    /// The boundary breaks RFC 2046, or stands in a part: take another.
    Boundary,
    /// A header would end its line or its name early.
    Header,
}

impl fmt::Display for MimeWriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boundary => "the boundary is wrong or stands in a part",
            Self::Header => "a part's header is not a header",
        })
    }
}

impl std::error::Error for MimeWriteError {}

/// The content type of a written message.
pub(super) fn content_type(boundary: &str) -> String {
    format!("multipart/related; type=\"text/xml\"; boundary=\"{boundary}\"")
}

/// The message's parts in order, SOAP first.
pub(super) fn write(boundary: &str, message: &Multipart) -> Result<Vec<u8>, MimeWriteError> {
    if !is_boundary(boundary) {
        return Err(MimeWriteError::Boundary);
    }
    let delimiter = format!("--{boundary}");
    let finder = memchr::memmem::Finder::new(&delimiter);
    let parts = || std::iter::once(&message.root).chain(&message.attachments);
    let room = parts().map(|part| part.content.len() + PART_ROOM).sum();
    let mut written = Vec::with_capacity(room);
    for part in parts() {
        if finder.find(&part.content).is_some() {
            return Err(MimeWriteError::Boundary);
        }
        written.extend_from_slice(delimiter.as_bytes());
        written.extend_from_slice(b"\r\n");
        for (name, value) in &part.headers {
            if !is_header(name, value) {
                return Err(MimeWriteError::Header);
            }
            for piece in [name.as_str(), ": ", value, "\r\n"] {
                written.extend_from_slice(piece.as_bytes());
            }
        }
        written.extend_from_slice(b"\r\n");
        written.extend_from_slice(&part.content);
        written.extend_from_slice(b"\r\n");
    }
    written.extend_from_slice(delimiter.as_bytes());
    written.extend_from_slice(b"--\r\n");
    Ok(written)
}

fn is_header(name: &str, value: &str) -> bool {
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !name.is_empty() && name.bytes().all(is_name) && !value.chars().any(char::is_control)
}

/// About what the headers of a part take.
const PART_ROOM: usize = 256;
