//! Undoing the escapes of queries and forms, once and strictly.

pub(super) use crate::ingress::head::target::percent_decoded as decoded;

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
