//! Undoing the escapes of queries and forms, once and strictly.

/// `None` for a broken escape, for what is not UTF-8, and for control characters. Decodes once, never twice.
pub(super) fn decoded(text: &str) -> Option<String> {
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

/// As `decoded`, for one name or value of a query or a form, where `+` is a space.
pub(super) fn form_decoded(text: &str) -> Option<String> {
    decoded(&text.replace('+', " "))
}

/// The pairs of a query or form, still escaped.
pub(super) fn raw_pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split('&')
        .filter(|raw| !raw.is_empty())
        .map(|raw| raw.split_once('=').unwrap_or((raw, "")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_undone_once() {
        for (text, plain) in [
            ("VN%3AGOV", Some("VN:GOV")),
            ("Ti%e1%ba%bfng+Vi%E1%BB%87t", Some("Tiếng Việt")),
            ("%252F", Some("%2F")),
            ("%", None),
            ("%4", None),
            ("%+1", None),
            ("%zz", None),
            ("%00", None),
            ("%0d%0a", None),
            ("%c0%af", None),
        ] {
            assert_eq!(form_decoded(text).as_deref(), plain, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in ".{0,60}") {
            let longest = decoded(&text).map_or(0, |plain| plain.len());
            prop_assert!(longest <= text.len());
            prop_assert!(raw_pairs(&text).count() <= text.len() + 1);
        }
    }
}
