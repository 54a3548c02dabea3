//! Bytes to text: UTF-8, ISO-8859-1, and UTF-16 with a byte order mark.

use super::SOAP_BYTES_MAX;
use crate::ingress::xroad::code::Code;
use crate::ingress::xroad::fault::Fault;
use std::borrow::Cow;

/// Text without a byte order mark. A second one is an error: it would shift every position.
pub(super) fn decode<'a>(bytes: &'a [u8], charset: Option<&str>) -> Result<Cow<'a, str>, Fault> {
    let text = text_of(bytes, charset)?;
    if text.starts_with('\u{feff}') {
        return Err(Fault::client(
            Code::InvalidSoap,
            "Malformed SOAP message: two byte order marks",
        ));
    }
    Ok(text)
}

/// A byte order mark wins over the XML declaration, that over `charset`, that over UTF-8. UTF-8 is
/// borrowed.
fn text_of<'a>(bytes: &'a [u8], charset: Option<&str>) -> Result<Cow<'a, str>, Fault> {
    if bytes.len() > SOAP_BYTES_MAX {
        let message = format!("SOAP message is longer than {SOAP_BYTES_MAX} bytes");
        return Err(Fault::client(Code::InvalidSoap, message));
    }
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => return utf8(rest),
        [0xFE, 0xFF, rest @ ..] => return utf16(rest, u16::from_be_bytes),
        [0xFF, 0xFE, rest @ ..] => return utf16(rest, u16::from_le_bytes),
        _ => {}
    }
    let label = declared(bytes).or(charset).unwrap_or("utf-8");
    match label.to_ascii_lowercase().as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => utf8(bytes),
        "iso-8859-1" | "iso_8859-1" | "iso8859-1" | "latin1" | "l1" => {
            Ok(bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into())
        }
        _ => {
            let shown: String = label.chars().take(LABEL_CHARS_MAX).collect();
            Err(Fault::client(Code::InvalidXml, format!("Encoding {shown} is not supported")))
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Fault> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        Fault::client(Code::InvalidXml, format!("SOAP message is not UTF-8: {error}"))
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, Fault> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    let text = char::decode_utf16(pairs.iter().map(|pair| unit(*pair)));
    let text: Option<String> = text.collect::<Result<_, _>>().ok();
    match text {
        Some(text) if odd.is_empty() => Ok(text.into()),
        Some(_) | None => Err(Fault::client(Code::InvalidXml, "SOAP message is not UTF-16")),
    }
}

/// The encoding that the XML declaration names.
fn declared(bytes: &[u8]) -> Option<&str> {
    let start = bytes.get(..DECLARATION_BYTES_MAX.min(bytes.len()))?;
    let start = start.strip_prefix(b"<?xml")?;
    let end = memchr::memmem::find(start, b"?>")?;
    let declaration = std::str::from_utf8(start.get(..end)?).ok()?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    value.get(1..)?.split_once(quote).map(|(label, _)| label)
}

/// No sensible declaration is longer.
const DECLARATION_BYTES_MAX: usize = 512;
const LABEL_CHARS_MAX: usize = 40;

#[cfg(test)]
mod tests {
    use super::{SOAP_BYTES_MAX, decode};
    use crate::ingress::xroad::code::{Code, ErrorStyle};

    #[test]
    fn the_text_is_the_same_in_every_encoding() {
        let bom = "\u{feff}<a>é</a>";
        let little: Vec<u8> = bom.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = bom.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [bom.as_bytes(), "<a>é</a>".as_bytes(), &little, &big] {
            assert_eq!(decode(bytes, None).unwrap(), "<a>é</a>");
        }
        assert_eq!(decode(b"<a>\xe9</a>", Some("ISO-8859-1")).unwrap(), "<a>é</a>");
        let declared = b"<?xml version='1.0' encoding = 'ISO-8859-1' ?><a>\xe9</a>";
        assert!(decode(declared, Some("utf-8")).unwrap().ends_with("<a>é</a>"));
    }

    #[test]
    fn what_cannot_be_read_is_invalid_xml() {
        let odd = [0xFF, 0xFE, 0x3C];
        let lone = [0xFE, 0xFF, 0xD8, 0x00];
        let cases: [(&[u8], Option<&str>); 5] = [
            (b"<a>\xe9</a>", None),
            (b"<?xml version='1.0' encoding='koi8-r'?><a/>", None),
            (b"<a/>", Some("koi8-r")),
            (&odd, None),
            (&lone, None),
        ];
        for (bytes, charset) in cases {
            let fault = decode(bytes, charset).unwrap_err();
            assert_eq!(fault.code_text(ErrorStyle::V78), "client.invalid_xml", "{bytes:?}");
        }
    }

    #[test]
    fn a_second_byte_order_mark_is_not_skipped() {
        let fault = decode("\u{feff}\u{feff}<a/>".as_bytes(), None).unwrap_err();
        assert_eq!(fault.code, Code::InvalidSoap.into());
    }

    #[test]
    fn a_message_is_bounded() {
        let long = vec![b' '; SOAP_BYTES_MAX + 1];
        assert_eq!(decode(&long, None).unwrap_err().code, Code::InvalidSoap.into());
    }
}
