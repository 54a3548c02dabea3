//! The lines of the log: how they are written, and how one is read back.
//!
//! | Line | Begins | Ends |
//! |---|---|---|
//! | record | `{"n":17,"prev":"<64 hex>",` and its own fields | `,"chain":"<64 hex>"}` |
//! | header of a segment | `{"evidence":1,…,"prev":"<64 hex>"` | `,"chain":"<64 hex>"}` |
//! | anchor | `{"anchor":3,…,"chain":"<64 hex>","key":"…"` | `,"signature":"<base64>"}` |
//!
//! `chain` is SHA-256 of the 32 bytes of `prev` and of the line before `,"chain":`. A signature is of the line before
//! `,"signature":`. Ends are read byte for byte and hex is lower case, so no byte of a line can change unseen.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Head;

pub(super) type Chain = [u8; 32];

/// One line without its line feed.
#[derive(Debug)]
pub(super) enum Line<'a> {
    Record {
        n: u64,
        prev: Chain,
        chain: Chain,
    },
    Header {
        header: Header,
        prev: Chain,
        chain: Chain,
    },
    Anchor(Anchor<'a>),
    /// It was one of ours.
    Altered,
    Unknown,
}

/// First line of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// Version of the format.
    pub(super) evidence: u32,
    pub(super) platform: String,
    pub(super) segment: u64,
    /// The oldest segment that retention left.
    pub(super) oldest: u64,
    /// Number of the first record in this segment.
    pub(super) first: u64,
    /// Of the first record, milliseconds since 1970.
    pub(super) at: u64,
    #[serde(rename = "break", skip_serializing_if = "Option::is_none", default)]
    pub(super) broken: Option<Break>,
}

/// The operator let the log go on behind this damage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Break {
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) kind: String,
}

#[derive(Debug)]
pub(super) struct Anchor<'a> {
    pub(super) fields: AnchorFields,
    pub(super) signed: &'a [u8],
    pub(super) signature: Vec<u8>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct AnchorFields {
    /// Counts the anchors of the platform.
    pub(super) anchor: u64,
    pub(super) platform: String,
    pub(super) n: u64,
    #[serde(with = "hex")]
    pub(super) chain: Chain,
    pub(super) key: String,
}

impl AnchorFields {
    pub(super) const fn head(&self) -> Head {
        Head { number: self.n, chain: self.chain }
    }
}

/// Appends the record `fields` (an object's text without its opening brace) and returns its chain.
pub(super) fn push_record(line: &mut Vec<u8>, n: u64, prev: &Chain, fields: &[u8]) -> Chain {
    let start = line.len();
    line.extend_from_slice(RECORD);
    push_number(line, n);
    push_prev(line, prev);
    line.push(b',');
    line.extend_from_slice(fields.strip_suffix(b"}").unwrap_or(fields));
    push_chain(line, start, prev)
}

/// Appends a header and returns its chain.
pub(super) fn push_header(
    line: &mut Vec<u8>,
    header: &Header,
    prev: &Chain,
) -> serde_json::Result<Chain> {
    let start = line.len();
    serde_json::to_writer(&mut *line, header)?;
    line.pop_if(|last| *last == b'}');
    push_prev(line, prev);
    Ok(push_chain(line, start, prev))
}

/// Appends an anchor; `sign` makes the signature of the bytes it is given.
pub(super) fn push_anchor(
    line: &mut Vec<u8>,
    fields: &AnchorFields,
    sign: impl FnOnce(&[u8]) -> Vec<u8>,
) -> serde_json::Result<()> {
    let start = line.len();
    serde_json::to_writer(&mut *line, fields)?;
    line.pop_if(|last| *last == b'}');
    let signature = sign(line.get(start..).unwrap_or_default());
    line.extend_from_slice(SIGNATURE);
    line.extend_from_slice(base64_simd::STANDARD.encode_to_string(signature).as_bytes());
    line.extend_from_slice(b"\"}\n");
    Ok(())
}

pub(super) fn parse(line: &[u8]) -> Line<'_> {
    if let Some(rest) = line.strip_prefix(RECORD) {
        parse_record(line, rest).unwrap_or(Line::Altered)
    } else if line.starts_with(HEADER) {
        parse_header(line).unwrap_or(Line::Altered)
    } else if line.starts_with(ANCHOR) {
        parse_anchor(line).map_or(Line::Altered, Line::Anchor)
    } else {
        Line::Unknown
    }
}

/// The number of a record, without a look at what follows.
pub(super) fn record_number(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(RECORD)?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    parse_number(rest.get(..digits)?)
}

fn parse_record<'a>(line: &'a [u8], rest: &'a [u8]) -> Option<Line<'a>> {
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = rest.split_at_checked(digits)?;
    let rest = rest.strip_prefix(PREV)?;
    let prev = parse_hex(rest.get(..HEX_BYTES)?)?;
    let chain = intact_chain(line, &prev)?;
    Some(Line::Record { n: parse_number(digits)?, prev, chain })
}

fn parse_header(line: &[u8]) -> Option<Line<'_>> {
    let before = line.len().checked_sub(CHAIN_BYTES + PREV.len() + HEX_BYTES + 1)?;
    let prev = line.get(before..)?.strip_prefix(PREV)?;
    let prev = parse_hex(prev.get(..HEX_BYTES)?)?;
    let chain = intact_chain(line, &prev)?;
    let header = serde_json::from_slice(line).ok()?;
    Some(Line::Header { header, prev, chain })
}

fn parse_anchor(line: &[u8]) -> Option<Anchor<'_>> {
    let end = memchr::memmem::rfind(line, SIGNATURE)?;
    let (signed, rest) = line.split_at_checked(end)?;
    let text = rest.strip_prefix(SIGNATURE)?.strip_suffix(b"\"}")?;
    let signature = base64_simd::STANDARD.decode_to_vec(text).ok()?;
    // Spare bits at the end of base64 must not be a place to hide a change.
    if base64_simd::STANDARD.encode_to_string(&signature).as_bytes() != text {
        return None;
    }
    let fields = serde_json::from_slice(line).ok()?;
    Some(Anchor { fields, signed, signature })
}

/// The chain that the line states, when it is the hash of the line.
fn intact_chain(line: &[u8], prev: &Chain) -> Option<Chain> {
    let (covered, stated) = line.split_at_checked(line.len().checked_sub(CHAIN_BYTES)?)?;
    let stated = parse_hex(stated.strip_prefix(CHAIN)?.strip_suffix(b"\"}")?)?;
    (hash(prev, covered) == stated).then_some(stated)
}

fn hash(prev: &Chain, covered: &[u8]) -> Chain {
    Sha256::new().chain_update(prev).chain_update(covered).finalize().into()
}

fn push_prev(line: &mut Vec<u8>, prev: &Chain) {
    line.extend_from_slice(PREV);
    push_hex(line, prev);
    line.push(b'"');
}

fn push_chain(line: &mut Vec<u8>, start: usize, prev: &Chain) -> Chain {
    let chain = hash(prev, line.get(start..).unwrap_or_default());
    line.extend_from_slice(CHAIN);
    push_hex(line, &chain);
    line.extend_from_slice(b"\"}\n");
    chain
}

fn push_number(line: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut rest = number;
    let mut start = digits.len();
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        start = at;
        if rest == 0 {
            break;
        }
    }
    line.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// Decimal digits without sign or leading zeros.
pub(super) fn parse_number(digits: &[u8]) -> Option<u64> {
    let is_plain = digits.iter().all(u8::is_ascii_digit);
    let is_shortest = digits.len() == 1 || digits.first() != Some(&b'0');
    let text = std::str::from_utf8(digits).ok()?;
    text.parse().ok().filter(|_| is_plain && is_shortest)
}

pub(super) fn push_hex(text: &mut Vec<u8>, chain: &Chain) {
    let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' - 10 + value };
    let mut digits = [0; HEX_BYTES];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(chain) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    text.extend_from_slice(&digits);
}

/// Sixty-four digits in lower case.
pub(super) fn parse_hex(digits: &[u8]) -> Option<Chain> {
    let mut chain = [0; 32];
    if digits.len() != HEX_BYTES {
        return None;
    }
    for (byte, pair) in chain.iter_mut().zip(digits.chunks_exact(2)) {
        for digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = *byte << 4 | value;
        }
    }
    Some(chain)
}

/// A chain as text, for serde.
pub(super) mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::{Chain, HEX_BYTES, parse_hex, push_hex};

    pub(in crate::evidence) fn serialize<S: Serializer>(
        chain: &Chain,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut text = Vec::with_capacity(HEX_BYTES);
        push_hex(&mut text, chain);
        serializer.serialize_str(&String::from_utf8_lossy(&text))
    }

    pub(in crate::evidence) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Chain, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        parse_hex(text.as_bytes()).ok_or_else(|| de::Error::custom("not a chain"))
    }
}

pub(super) const FORMAT: u32 = 1;
pub(super) const HEX_BYTES: usize = 64;
/// What a record gets around its own fields, at most.
pub(super) const FRAME_BYTES: usize = 256;
const RECORD: &[u8] = b"{\"n\":";
const HEADER: &[u8] = b"{\"evidence\":";
const ANCHOR: &[u8] = b"{\"anchor\":";
const PREV: &[u8] = b",\"prev\":\"";
const CHAIN: &[u8] = b",\"chain\":\"";
const CHAIN_BYTES: usize = CHAIN.len() + HEX_BYTES + 2;
const SIGNATURE: &[u8] = b",\"signature\":\"";
