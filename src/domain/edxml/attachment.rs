//! Attachments: where they are in the file, and their bytes when somebody asks.

use std::ops::Range;

use super::header::Field;
use super::names::Element;

/// `edXMLManifest/Reference`: what the body promises.
#[derive(Clone, Debug, Default)]
pub struct Reference<'a> {
    pub content_id: Field<'a>,
    pub content_type: Field<'a>,
    pub name: Field<'a>,
}

impl<'a> Reference<'a> {
    pub(super) fn slot(&mut self, path: &[Element]) -> Option<&mut Field<'a>> {
        match *path {
            [Element::ContentId] => Some(&mut self.content_id),
            [Element::ContentType] => Some(&mut self.content_type),
            [Element::AttachmentName] => Some(&mut self.name),
            _ => None,
        }
    }
}

/// `AttachmentEncoded/Attachment`.
#[derive(Clone, Debug, Default)]
pub struct Attachment<'a> {
    pub content_id: Field<'a>,
    pub content_type: Field<'a>,
    pub name: Field<'a>,
    /// Everything between the tags of `ContentTransferEncoded`, as a range of the file.
    pub encoded: Range<usize>,
}

/// Why an attachment has no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    #[error("the range lies outside this file")]
    OtherFile,
    #[error("not base64")]
    NotBase64,
}

impl Attachment<'_> {
    /// The bytes. They are often a ZIP with one entry, whatever `ContentType` says: look for `PK`.
    pub fn decode(&self, file: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let raw = file.get(self.encoded.clone()).ok_or(DecodeError::OtherFile)?;
        let raw = raw.trim_ascii();
        if memchr::memchr2(b'&', b'<', raw).is_none() {
            return base64_simd::forgiving_decode_to_vec(raw).or(Err(DecodeError::NotBase64));
        }
        base64_simd::forgiving_decode_to_vec(&without_markup(raw)).or(Err(DecodeError::NotBase64))
    }

    /// The last part of the name given, safe as a file name; `None` when nothing is left.
    pub fn file_name(&self) -> Option<String> {
        let last = self.name.as_str().rsplit(['/', '\\']).next().unwrap_or_default();
        let plain =
            |c: &char| !c.is_control() && !matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|');
        let name: String = last.chars().filter(plain).take(200).collect();
        let name = name.trim().trim_start_matches('.');
        (!name.is_empty()).then(|| name.to_owned())
    }

    /// An upper bound of the decoded size.
    pub fn bytes_max(&self) -> usize {
        self.encoded.len() / 4 * 3 + 3
    }
}

impl<'a> Attachment<'a> {
    pub(super) fn slot(&mut self, path: &[Element]) -> Option<&mut Field<'a>> {
        match *path {
            [Element::ContentId] => Some(&mut self.content_id),
            [Element::ContentType] => Some(&mut self.content_type),
            [Element::AttachmentName] => Some(&mut self.name),
            _ => None,
        }
    }
}

/// `cid:1` and `1` are one id.
pub(crate) fn bare_id(content_id: &str) -> &str {
    let bare = content_id.strip_prefix("cid:").or_else(|| content_id.strip_prefix("CID:"));
    bare.unwrap_or(content_id).trim()
}

/// Java's serializers write the carriage returns of MIME base64 as `&#13;`; others wrap it in CDATA.
fn without_markup(raw: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(next) = memchr::memchr2(b'&', b'<', rest) {
        let (before, from) = rest.split_at(next);
        plain.extend_from_slice(before);
        let skipped =
            ["&#13;", "&#xD;", "&#xd;", "&#10;", "&#xA;", "&#xa;", "&#9;", "&#32;", "<![CDATA["]
                .iter()
                .find_map(|markup| from.strip_prefix(markup.as_bytes()));
        // Anything else stays and is then refused as not base64.
        rest = skipped.unwrap_or_else(|| {
            plain.push(b'&');
            from.get(1..).unwrap_or_default()
        });
    }
    plain.extend_from_slice(rest);
    plain.retain(|&b| b != b']' && b != b'>');
    plain
}
