//! The manifest and the attachments name the same files.

use std::collections::BTreeSet;

use crate::domain::edxml::{Document, Mode, bare_id};
use crate::domain::envelope::Warning;
use crate::domain::rejection::{Reason, Rejection};

const REFERENCE: &str = "edXMLManifest/Reference/ContentId";
const ATTACHMENT: &str = "AttachmentEncoded/Attachment/ContentId";

// domain.md 2.3: ContentId in manifest and attachment must match. A file that the manifest promises and that is
// not there is refused in both modes: a receiver must find a document complete (QĐ 28/2018 Art. 9).
pub(super) fn check(
    mode: Mode,
    document: &Document<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<(), Rejection> {
    let promised = ids(document.references.iter().map(|r| r.content_id.as_str()), REFERENCE)?;
    let carried = ids(document.attachments.iter().map(|a| a.content_id.as_str()), ATTACHMENT)?;
    if let Some(absent) = promised.difference(&carried).next() {
        return Err(differs(REFERENCE, absent));
    }
    if let Some(extra) = carried.difference(&promised).next() {
        if mode.is_strict() {
            return Err(differs(ATTACHMENT, extra));
        }
        warnings.push(Warning { reason: Reason::ManifestDiffers, at: ATTACHMENT.to_owned() });
    }
    Ok(())
}

fn ids<'a>(
    given: impl Iterator<Item = &'a str>,
    path: &str,
) -> Result<BTreeSet<&'a str>, Rejection> {
    let mut seen = BTreeSet::new();
    for id in given.map(bare_id) {
        // Two attachments without any id cannot be told apart either.
        if !seen.insert(id) {
            return Err(differs(path, id));
        }
    }
    Ok(seen)
}

fn differs(path: &str, id: &str) -> Rejection {
    let shown: String = id.chars().filter(|c| !c.is_control()).take(80).collect();
    Rejection::new(Reason::ManifestDiffers).element(path).detail(shown)
}
