//! Percent-encoding of one path segment, and its undoing.
//!
//! The safe set is that of a URL path segment (RFC 3986 pchar): unreserved, sub-delims, `:` and `@`.
//! `+` is itself, never a blank.

use std::fmt;

pub(super) fn write_segment(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        if is_safe(byte) {
            f.write_char(char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// `None` for a broken escape or bytes that are not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut plain = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        plain.push(if byte == b'%' {
            hex(bytes.next()?)? << 4 | hex(bytes.next()?)?
        } else {
            byte
        });
    }
    String::from_utf8(plain).ok()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn is_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$'()*,;&=@:+".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{decode, write_segment};

    #[test]
    fn only_a_path_segment_passes_unescaped() {
        let mut written = String::new();
        write_segment(&mut written, "aZ9-._~!$'()*,;&=@:+ /%?#\"<Đ\n").unwrap();
        assert_eq!(written, "aZ9-._~!$'()*,;&=@:+%20%2F%25%3F%23%22%3C%C4%90%0A");
    }

    #[test]
    fn a_broken_escape_is_no_text() {
        for broken in ["%", "%4", "%4g", "%%41", "%FF", "%C4"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
        assert_eq!(decode("%41+%e1%ba%a1").as_deref(), Some("A+ạ"));
    }
}
