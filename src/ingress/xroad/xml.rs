//! Text made fit for an XML 1.0 document.

use quick_xml::escape::escape;

/// Escapes markup; what XML 1.0 cannot hold at all becomes U+FFFD.
pub(super) fn escaped(text: &str) -> String {
    if text.chars().all(is_xml) {
        return escape(text).into_owned();
    }
    let clean: String = text.chars().map(|c| if is_xml(c) { c } else { '\u{fffd}' }).collect();
    escape(clean).into_owned()
}

/// `Char` of XML 1.0 2.2.
pub(super) fn is_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
