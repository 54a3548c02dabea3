//! Paths and queries of a request, decoded so that nothing hides in them.

use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::ops::Range;

const SCHEME: &[u8] = b"http://";

/// The path with runs of slashes made one: sendEdoc asks for `//sendEdoc` when its endpoint ends in a slash (wire/vxp.md 1.1).
pub fn collapse_slashes(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return Cow::Borrowed(path);
    }
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// The decoded segments of a path, empty ones left out. `None` where one is not UTF-8, holds a control
/// character or a slash, or is `.` or `..`: nobody sends these who means well.
pub fn segments(path: &str) -> Option<Vec<String>> {
    path.split('/')
        .filter(|raw| !raw.is_empty())
        .map(|raw| {
            let plain = percent_decoded(raw)?;
            let strange = plain.contains(['/', '\\']) || plain == "." || plain == "..";
            (!strange).then_some(plain)
        })
        .collect()
}

/// The decoded pairs of a query. `None` as in `segments`.
pub fn query_pairs(query: &str) -> Option<Vec<(String, String)>> {
    query
        .split('&')
        .filter(|raw| !raw.is_empty())
        .map(|raw| {
            let (name, value) = raw.split_once('=').unwrap_or((raw, ""));
            let decoded = |text: &str| percent_decoded(&text.replace('+', " "));
            Some((decoded(name)?, decoded(value)?))
        })
        .collect()
}

/// Where the authority of an absolute `http` target is (RFC 9112 3.2.2): a host and perhaps a port, and after
/// them a path, a query or nothing. `None` for any other scheme, for names and passwords before the host
/// (RFC 9110 4.2.4), and for what is no host.
pub(super) fn authority(target: &[u8]) -> Option<Range<usize>> {
    let (scheme, after) = target.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let length = after.iter().take_while(|b| !matches!(b, b'/' | b'?')).count();
    let (host, port) = match after.get(..length)?.strip_prefix(b"[") {
        Some(inner) => {
            let end = inner.iter().position(|b| *b == b']')?;
            let (host, port) = inner.split_at_checked(end)?;
            let is_address = std::str::from_utf8(host).ok()?.parse::<Ipv6Addr>().is_ok();
            (is_address.then_some(host)?, port.get(1..)?)
        }
        None => {
            let end = after.iter().take(length).take_while(|b| **b != b':').count();
            let (host, port) = after.get(..length)?.split_at_checked(end)?;
            let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
            (host.iter().all(is_name).then_some(host)?, port)
        }
    };
    let is_port = match port.strip_prefix(b":") {
        Some(digits) => is_port_number(digits),
        None => port.is_empty(),
    };
    (is_port && !host.is_empty()).then_some(SCHEME.len()..SCHEME.len() + length)
}

fn is_port_number(digits: &[u8]) -> bool {
    let text = std::str::from_utf8(digits).unwrap_or_default();
    // `parse` alone would take a sign.
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// `None` for a broken escape, for what is not UTF-8, and for control characters. Decodes once, never twice.
pub fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let high = char::from(bytes.next()?).to_digit(16)?;
            let low = char::from(bytes.next()?).to_digit(16)?;
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_collapse() {
        for (path, plain) in [
            ("//sendEdoc", "/sendEdoc"),
            ("/XrdAdapter//adapter///getEdoc", "/XrdAdapter/adapter/getEdoc"),
            ("/a/b", "/a/b"),
            ("/", "/"),
            ("///", "/"),
        ] {
            assert_eq!(collapse_slashes(path), plain);
        }
    }

    #[test]
    fn escapes_cannot_hide_anything() {
        assert_eq!(percent_decoded("Ti%E1%BA%BFng%20Vi%E1%BB%87t").as_deref(), Some("Tiếng Việt"));
        // Decoded once: a second reader must not find a slash.
        assert_eq!(percent_decoded("%252F").as_deref(), Some("%2F"));
        for broken in ["%", "%4", "%zz", "%+1", "%00", "%0d%0a", "%7f", "%ff", "%c0%af", "a%C3"] {
            assert_eq!(percent_decoded(broken), None, "{broken}");
        }
        assert_eq!(segments("/r1//VN/a%20b/").unwrap(), ["r1", "VN", "a b"]);
        for strange in ["/a/../b", "/%2e%2e/b", "/a%2fb", "/a%5cb", "/."] {
            assert_eq!(segments(strange), None, "{strange}");
        }
        let pairs = query_pairs("a=1&b=x+y%3D&c").unwrap();
        let expected = [("a", "1"), ("b", "x y="), ("c", "")];
        assert_eq!(pairs, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert_eq!(query_pairs("a=%0a"), None);
    }
}
