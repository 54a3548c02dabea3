//! Strings of the commands and the demo: one row per key. Braces such as `{count}` are filled by `fill`.

use super::{Both, Lang};

/// One row per string: key, Vietnamese, English.
macro_rules! table {
    ($($(#[doc = $doc:literal])* $key:ident $vi:literal $en:literal,)*) => {
        /// A string of the commands or the demo.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Text { $($(#[doc = $doc])* $key,)* }

        impl Text {
            pub const ALL: &'static [Self] = &[$(Self::$key,)*];

            const fn both(self) -> Both<&'static str> {
                match self { $(Self::$key => Both { vi: $vi, en: $en },)* }
            }
        }
    };
}

table! {
    Cause "Nguyên nhân" "Cause",
    Example "Ví dụ" "Example",
    Fix "Cách khắc phục" "Fix",
    Ready "Sẵn sàng." "Ready.",
    PressToStop "Ctrl-C để dừng." "Ctrl-C to stop.",
    /// `explain` with a code that does not exist.
    UnknownCode "Không có mã {code}." "There is no code {code}.",
    /// A nearest valid value follows.
    DidYouMean "Có phải ý bạn là {suggestion}?" "Did you mean {suggestion}?",
    /// A document that kept the rules.
    FileIsGood "Tệp hợp lệ: {kind}, {receivers} nơi nhận, {attachments} tệp đính kèm."
               "The file is good: {kind}, {receivers} receivers, {attachments} attachments.",
    Warning "Cảnh báo" "Warning",
    Refused "Bị từ chối" "Refused",
    SandboxOnly "MÔI TRƯỜNG THỬ NGHIỆM, không dùng cho công việc thật."
                "SANDBOX, not for real use.",
}

/// The string as it stands in the table.
pub const fn text(key: Text, lang: Lang) -> &'static str {
    key.both().of(lang)
}

impl Text {
    /// The string with its braces filled; a name that the string does not have is ignored.
    pub fn fill(self, lang: Lang, values: &[(&str, &dyn std::fmt::Display)]) -> String {
        let mut filled = String::new();
        let mut rest = text(self, lang);
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, behind)) = after.split_once('}') else { break };
            match values.iter().find(|(given, _)| *given == name) {
                Some((_, value)) => filled.push_str(&value.to_string()),
                None => {
                    for part in ["{", name, "}"] {
                        filled.push_str(part);
                    }
                }
            }
            rest = behind;
        }
        filled.push_str(rest);
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn braces(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|part| part.split('}').next()).collect()
    }

    #[test]
    fn both_languages_fill_the_same_braces() {
        for key in Text::ALL {
            let (vi, en) = (text(*key, Lang::Vi), text(*key, Lang::En));
            assert!(!vi.is_empty() && !en.is_empty());
            assert_eq!(braces(vi), braces(en), "{key:?}");
        }
    }

    #[test]
    fn braces_are_filled_once() {
        let filled = Text::UnknownCode.fill(Lang::En, &[("code", &"{code}"), ("other", &1)]);
        assert_eq!(filled, "There is no code {code}.");
        assert_eq!(Text::UnknownCode.fill(Lang::En, &[]), "There is no code {code}.");
    }
}
