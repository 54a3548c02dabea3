//! What a VXP request says about itself: its parameters, which travel as signed headers, and their HMAC.
//!
//! Invariant: a parameter that comes out of `Parameters::read` was named in `sign-header`, in that spelling, and
//! stood in a header with that value.

use crate::domain::rejection::{Place, Reason, Rejection};
use crate::ingress::head::Fields;
use sha2::{Digest, Sha256};
use std::str::Chars;

/// Every header of the SDK but `Content-Type` and `User-Agent` begins so (wire/vxp.md 1.3).
pub(super) const PREFIX: &str = "XroadVnpt-";
pub(super) const SYSTEMID: &str = "XroadVnpt-systemid";
pub(super) const SIGN_HEADER: &str = "XroadVnpt-sign-header";
pub(super) const HASH_HEADER: &str = "XroadVnpt-hash-header";

/// What the HMAC of a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mac {
    Holds,
    Differs,
    /// The signed text was garbled on the way out of the client, so nobody can check it (wire/vxp.md 1.6).
    Uncheckable,
}

/// Parameters by their own spelling: `docid` and `docId` are two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    all: Vec<(String, String)>,
}

/// A value of the `sign-header` object, as JSON reads it and as a client reads it that escapes only quotes.
#[derive(Debug, PartialEq, Eq)]
struct Value {
    decoded: String,
    plain: String,
}

impl Parameters {
    /// Checks that each header named in `sign-header` is there with that value.
    pub(super) fn read(fields: &Fields) -> Result<Self, Rejection> {
        let signed = fields.first(SIGN_HEADER).unwrap_or_default();
        let is_garbled = is_garbled(signed);
        let wrong =
            |name: &str| Rejection::new(Reason::BadSignature).at(Place::Parameter(name.to_owned()));
        let named = pairs(&text_of(signed, is_garbled)).ok_or_else(|| wrong(SIGN_HEADER))?;
        let mut all = Vec::with_capacity(named.len());
        for (name, value) in named {
            let there = fields
                .all(&name)
                .map(|there| text_of(there, is_garbled))
                .find(|there| there == value.decoded.trim() || there == value.plain.trim());
            let Some(there) = there else { return Err(wrong(&name)) };
            if let Some((_, name)) = split_prefix(&name) {
                all.push((name.to_owned(), there));
            }
        }
        Ok(Self { all })
    }

    /// The parameters of a request that signs nothing: from its headers and its query.
    pub(super) fn unsigned(fields: &Fields, query: &[(String, String)]) -> Self {
        let mut all = query.to_vec();
        all.extend(fields.iter().filter_map(|(name, value)| {
            let (_, name) = split_prefix(name)?;
            Some((name.to_owned(), text_of(value, is_garbled(value))))
        }));
        Self { all }
    }

    /// By exactly this name; an empty one counts as absent.
    pub(super) fn exact(&self, name: &str) -> Option<&str> {
        self.find(|known| known == name)
    }

    pub(super) fn any_case(&self, name: &str) -> Option<&str> {
        self.find(|known| known.eq_ignore_ascii_case(name))
    }

    fn find(&self, is_it: impl Fn(&str) -> bool) -> Option<&str> {
        let found = self.all.iter().find(|(known, value)| is_it(known) && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }
}

fn split_prefix(name: &str) -> Option<(&str, &str)> {
    let (prefix, rest) = name.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some((prefix, rest))
}

/// Checks the lower-case hex of HMAC-SHA256 over the raw bytes of `sign-header`.
pub(super) fn check_mac(secret: &[u8], signed: &[u8], claimed: &[u8]) -> Mac {
    let expected = hmac_sha256(secret, signed);
    if unhex(claimed).is_some_and(|claimed| is_same(&expected, &claimed)) {
        return Mac::Holds;
    }
    // A UTF-8 JVM sends sendEdoc's parameters whole, so this is asked only when the HMAC does not hold.
    let has_strange = signed.iter().any(|b| *b < 0x20 || *b >= 0x80);
    if has_strange { Mac::Uncheckable } else { Mac::Differs }
}

/// RFC 2104 over SHA-256.
fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0_u8; BLOCK];
    let hashed: [u8; 32];
    let short: &[u8] = if key.len() > BLOCK {
        hashed = Sha256::digest(key).into();
        &hashed
    } else {
        key
    };
    for (slot, byte) in block.iter_mut().zip(short) {
        *slot = *byte;
    }
    let inner = Sha256::new().chain_update(block.map(|b| b ^ 0x36)).chain_update(data).finalize();
    Sha256::new().chain_update(block.map(|b| b ^ 0x5c)).chain_update(inner).finalize().into()
}

/// Takes the same time wherever they differ.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    let differing = one.iter().zip(other).fold(0_u8, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(differing) == 0
}

fn unhex(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if text.len() != 64 {
        return None;
    }
    for (slot, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        *slot = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(bytes)
}

fn is_garbled(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err() || bytes.iter().any(|b| *b < 0x20)
}

/// A header value as text. Of a garbled one the four letters are restored that cannot be anything else.
// wire/vxp.md 1.6: httpclient writes the low byte of each UTF-16 unit.
fn text_of(bytes: &[u8], is_garbled: bool) -> String {
    if !is_garbled {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let letter = |byte: &u8| match byte {
        0x02 => 'Ă',
        0x03 => 'ă',
        0x10 => 'Đ',
        0x11 => 'đ',
        0x20..=0x7e => char::from(*byte),
        _ => char::REPLACEMENT_CHARACTER,
    };
    bytes.iter().map(letter).collect()
}

/// The pairs of a flat JSON object of strings, in order.
fn pairs(text: &str) -> Option<Vec<(String, Value)>> {
    let text = text.trim();
    let mut chars = text.chars();
    let mut found = Vec::new();
    if chars.next() != Some('{') {
        return None;
    }
    if chars.as_str().trim() == "}" {
        return Some(found);
    }
    loop {
        let name = string(&mut chars)?.decoded;
        if next_solid(&mut chars)? != ':' {
            return None;
        }
        found.push((name, string(&mut chars)?));
        match next_solid(&mut chars)? {
            ',' => {}
            '}' if chars.as_str().trim().is_empty() => return Some(found),
            _ => return None,
        }
    }
}

fn next_solid(chars: &mut Chars<'_>) -> Option<char> {
    chars.find(|c| !c.is_ascii_whitespace())
}

fn string(chars: &mut Chars<'_>) -> Option<Value> {
    if next_solid(chars)? != '"' {
        return None;
    }
    let mut value = Value { decoded: String::new(), plain: String::new() };
    loop {
        match chars.next()? {
            '"' => return Some(value),
            '\\' => escape(chars, &mut value)?,
            c => {
                value.decoded.push(c);
                value.plain.push(c);
            }
        }
    }
}

fn escape(chars: &mut Chars<'_>, value: &mut Value) -> Option<()> {
    let kind = chars.next()?;
    if kind == '"' {
        value.decoded.push('"');
        value.plain.push('"');
        return Some(());
    }
    value.plain.push('\\');
    value.plain.push(kind);
    match kind {
        '\\' | '/' => value.decoded.push(kind),
        'n' => value.decoded.push('\n'),
        'r' => value.decoded.push('\r'),
        't' => value.decoded.push('\t'),
        'b' => value.decoded.push('\u{8}'),
        'f' => value.decoded.push('\u{c}'),
        'u' => {
            // A client that escapes nothing may mean a folder that begins with u.
            let rest = chars.as_str();
            let unit = rest.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
            match unit {
                Some(unit) => {
                    value.plain.extend(chars.take(4));
                    value.decoded.push(char::from_u32(unit).unwrap_or('\u{fffd}'));
                }
                None => value.decoded.push_str("\\u"),
            }
        }
        other => {
            value.decoded.push('\\');
            value.decoded.push(other);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingress::head::{HeadLimits, Parsed, RequestHead};

    const SECRET: &[u8] = b"TEST-SECRET-not-real";

    fn head(text: &[u8]) -> RequestHead {
        match RequestHead::parse(text, HeadLimits { bytes_max: 65_536, fields_max: 100 }) {
            Parsed::Complete { head, .. } => head,
            Parsed::Partial | Parsed::Malformed(_) => panic!("not a head"),
        }
    }

    fn mac_of(head: &RequestHead) -> Mac {
        let value = |name| head.fields.first(name).unwrap();
        check_mac(SECRET, value(SIGN_HEADER), value(HASH_HEADER))
    }

    // wire/vxp.md 1.3 and 1.10: recorded requests.
    #[test]
    fn recorded_requests_verify() {
        for text in [
            &include_bytes!("../../../tests/data/vxp/getReceivedEdocList.http")[..],
            &include_bytes!("../../../tests/data/vxp/sendEdoc.http")[..],
        ] {
            let head = head(text);
            assert_eq!(mac_of(&head), Mac::Holds);
            let parameters = Parameters::read(&head.fields).unwrap();
            assert_eq!(parameters.exact("systemid"), Some("vxp.test.01"));
            assert_eq!(parameters.any_case("ServiceType"), Some("eDoc"));
        }
    }

    #[test]
    fn one_changed_byte_or_another_secret_does_not_verify() {
        let text = include_bytes!("../../../tests/data/vxp/getReceivedEdocList.http");
        let head = head(text);
        let (signed, hash) =
            (head.fields.first(SIGN_HEADER).unwrap(), head.fields.first(HASH_HEADER).unwrap());
        assert_eq!(check_mac(b"TEST-SECRET-not-rea1", signed, hash), Mac::Differs);
        let mut changed = signed.to_vec();
        changed[30] ^= 1;
        assert_eq!(check_mac(SECRET, &changed, hash), Mac::Differs);
        assert_eq!(check_mac(SECRET, signed, &hash[..62]), Mac::Differs);
        assert_eq!(check_mac(SECRET, signed, b""), Mac::Differs);
    }

    // RFC 4231, test cases 2 and 6 (a key longer than a block).
    #[test]
    fn hmac_vectors_hold() {
        let hex = |bytes: [u8; 32]| {
            bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
        };
        assert_eq!(
            hex(hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let data = b"Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(
            hex(hmac_sha256(&[0xaa; 131], data)),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn a_header_that_differs_from_what_was_signed_is_found() {
        let text = include_str!("../../../tests/data/vxp/getReceivedEdocList.http");
        let changed =
            text.replacen("XroadVnpt-messagetype: edoc", "XroadVnpt-messagetype: status", 1);
        let refused = Parameters::read(&head(changed.as_bytes()).fields).unwrap_err();
        assert_eq!(refused.at, Some(Place::Parameter("XroadVnpt-messagetype".into())));
        // A header that nobody signed is not a parameter.
        let added = text.replacen("\r\nUser-Agent", "\r\nXroadVnpt-status: done\r\nUser-Agent", 1);
        assert_eq!(Parameters::read(&head(added.as_bytes()).fields).unwrap().exact("status"), None);
    }

    // wire/vxp.md 1.4.2: docId AAAA is left over, docid BBBB is meant.
    #[test]
    fn names_keep_their_case() {
        let text = concat!(
            "POST /updateStatus HTTP/1.1\r\nXroadVnpt-docid: BBBB\r\nXroadVnpt-docId: AAAA\r\n",
            "XroadVnpt-sign-header: {\"XroadVnpt-docId\":\"AAAA\",\"XroadVnpt-docid\":\"BBBB\"}\r\n\r\n",
        );
        let parameters = Parameters::read(&head(text.as_bytes()).fields).unwrap();
        assert_eq!(parameters.exact("docid"), Some("BBBB"));
        assert_eq!(parameters.exact("docId"), Some("AAAA"));
    }

    #[test]
    fn values_are_read_with_json_escapes_and_without() {
        let text = r#"{"a":"[\"x\"]", "b":"C:\temp\unew" ,"c":"\u0041\\"}"#;
        let found = pairs(text).unwrap();
        let values: Vec<(&str, &str)> =
            found.iter().map(|(_, v)| (v.decoded.as_str(), v.plain.as_str())).collect();
        let expected =
            [(r#"["x"]"#, r#"["x"]"#), ("C:\temp\\unew", r"C:\temp\unew"), (r"A\", r"\u0041\\")];
        assert_eq!(values, expected);
        for broken in [
            "",
            "{",
            "[]",
            "{\"a\"}",
            "{\"a\":\"b\"",
            "{\"a\":1}",
            "{\"a\":\"b\"}x",
            "{\"a\":\"b\",}",
        ] {
            assert_eq!(pairs(broken), None, "{broken}");
        }
        assert_eq!(pairs("{}"), Some(Vec::new()));
    }

    // wire/vxp.md 1.6: `Đ đ Ă ă` arrive as control bytes, other letters as bytes from 0x80 up.
    #[test]
    fn low_bytes_cannot_be_checked_and_four_letters_come_back() {
        let mut text = b"POST /updateStatus HTTP/1.1\r\nXroadVnpt-description: ".to_vec();
        let description = b"\x10\xe3 nh\xadn \x02\x03\x11";
        text.extend_from_slice(description);
        text.extend_from_slice(b"\r\nXroadVnpt-sign-header: {\"XroadVnpt-description\":\"");
        text.extend_from_slice(description);
        text.extend_from_slice(b"\"}\r\nXroadVnpt-hash-header: ");
        text.extend_from_slice("0".repeat(64).as_bytes());
        text.extend_from_slice(b"\r\n\r\n");
        let head = head(&text);
        assert_eq!(mac_of(&head), Mac::Uncheckable);
        let parameters = Parameters::read(&head.fields).unwrap();
        assert_eq!(parameters.exact("description"), Some("Đ\u{fffd} nh\u{fffd}n Ăăđ"));
    }
}
