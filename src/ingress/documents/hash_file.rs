//! The digest that a client sends of its file, in both spellings, over the file without the line end that SDKs append.

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The file inside a body, as its `hash-file` says; `None` when it says something else.
// wire/vxp.md 1.4.3: the digest is of the file without the CRLF that the SDK appends to the body. A client that
// appends nothing may send a file that ends in one.
pub(in crate::ingress) fn file_in(body: &Bytes, hash_file: Option<&str>) -> Option<Bytes> {
    let without = body.strip_suffix(b"\r\n").map(|file| body.slice_ref(file));
    let Some(claimed) = hash_file else { return Some(without.unwrap_or_else(|| body.clone())) };
    let is_it = |file: &Bytes| is_spelling_of(claimed, &Sha256::digest(file).into());
    match without {
        Some(file) if is_it(&file) => Some(file),
        _ => is_it(body).then(|| body.clone()),
    }
}

// wire/vxp.md 1.4.3: `Integer.toHexString` per byte, so 0x0a is written as one digit; Bkav's client pads.
fn is_spelling_of(claimed: &str, digest: &[u8; 32]) -> bool {
    let spelled = |padded: bool| {
        digest.iter().fold(String::with_capacity(64), |text, byte| {
            if padded { format!("{text}{byte:02x}") } else { format!("{text}{byte:x}") }
        })
    };
    claimed.eq_ignore_ascii_case(&spelled(false)) || claimed.eq_ignore_ascii_case(&spelled(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Its digest has bytes below 16: see the test.
    const FILE: &[u8] = b"<edXML>4</edXML>";

    fn spellings(file: &[u8]) -> (String, String) {
        let digest = Sha256::digest(file);
        let padded = digest.iter().map(|b| format!("{b:02x}")).collect();
        (digest.iter().map(|b| format!("{b:x}")).collect(), padded)
    }

    #[test]
    fn both_spellings_are_taken() {
        let (unpadded, padded) = spellings(FILE);
        assert!(unpadded.len() < 64, "the sample must show the difference");
        let body = Bytes::from([FILE, b"\r\n"].concat());
        for claimed in [&unpadded, &padded, &padded.to_uppercase()] {
            assert_eq!(file_in(&body, Some(claimed)).as_deref(), Some(FILE), "{claimed}");
        }
        let mut wrong = padded;
        wrong.replace_range(0..1, if wrong.starts_with('0') { "1" } else { "0" });
        assert_eq!(file_in(&body, Some(&wrong)), None);
    }

    #[test]
    fn the_line_end_belongs_to_the_file_only_when_the_digest_says_so() {
        let file = [FILE, b"\r\n"].concat();
        let (of_file, _) = spellings(&file);
        let bare = Bytes::from(file.clone());
        assert_eq!(file_in(&bare, Some(&of_file)).as_deref(), Some(&file[..]));
        let appended = Bytes::from([&file[..], b"\r\n"].concat());
        assert_eq!(file_in(&appended, Some(&of_file)).as_deref(), Some(&file[..]));
        assert_eq!(file_in(&bare, None).as_deref(), Some(FILE));
        assert_eq!(file_in(&Bytes::from_static(FILE), None).as_deref(), Some(FILE));
    }
}
