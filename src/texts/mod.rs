//! Every sentence that a user reads, in Vietnamese and English.
//!
//! Refusals have pages (`refusals`), the exchange has names (`names`), and commands and the demo have strings of
//! their own (`ui`, a table by `text!`). All keys are types: what has no text does not compile.
//!
//! Invariant: nothing here decides anything, and no other room holds a sentence for users.

mod calls;
mod names;
mod refusals;
mod ui;

use crate::domain::rejection::Reason;

pub use calls::{Told, call, call_title};
pub use names::Named;
pub use ui::{Text, text};

/// The language of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Lang {
    #[default]
    Vi,
    En,
}

impl Lang {
    pub const ALL: [Self; 2] = [Self::Vi, Self::En];

    /// `vi`, `en`, or a locale that begins so (`en_GB.UTF-8`).
    pub fn parse(given: &str) -> Option<Self> {
        let language = given.split(['_', '-', '.']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("vi") {
            Some(Self::Vi)
        } else if language.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    pub const fn code(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }
}

/// What `explain` says about a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// One sentence: the same that a refusal comes with.
    pub title: &'static str,
    pub cause: &'static str,
    pub example: &'static str,
    pub fix: &'static str,
}

/// A text in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Both<T> {
    vi: T,
    en: T,
}

impl<T: Copy> Both<T> {
    const fn of(self, lang: Lang) -> T {
        match lang {
            Lang::Vi => self.vi,
            Lang::En => self.en,
        }
    }
}

/// The sentence of a refusal.
pub const fn sentence(reason: Reason, lang: Lang) -> &'static str {
    page(reason, lang).title
}

/// The page of a refusal.
pub const fn page(reason: Reason, lang: Lang) -> Page {
    refusals::page(reason).of(lang)
}

/// The page of a code as users type it (`LT-D211`, `lt-d211`, `D211`).
pub fn explain(code: &str, lang: Lang) -> Option<Page> {
    let code = code.trim().to_ascii_uppercase();
    let reason = Reason::from_code(&code).or_else(|| Reason::from_code(&format!("LT-{code}")))?;
    Some(page(reason, lang))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_reason_has_a_page_of_its_own_in_both_languages() {
        for lang in Lang::ALL {
            let mut titles = BTreeSet::new();
            for reason in Reason::ALL {
                let page = page(*reason, lang);
                for text in [page.title, page.cause, page.example, page.fix] {
                    assert!(text.len() > 10, "{} {lang:?}", reason.code());
                    assert_eq!(text, text.trim());
                }
                let one_sentence =
                    page.title.ends_with('.') && page.title.matches(". ").count() == 0;
                assert!(one_sentence, "{}: {}", reason.code(), page.title);
                assert!(titles.insert(page.title), "{} repeats a title", reason.code());
                assert_eq!(sentence(*reason, lang), page.title);
            }
        }
    }

    #[test]
    fn vietnamese_is_written_with_its_marks_in_nfc() {
        for reason in Reason::ALL {
            let page = page(*reason, Lang::Vi);
            let all = [page.title, page.cause, page.example, page.fix].concat();
            assert!(!page.title.is_ascii(), "{}", reason.code());
            assert!(unicode_normalization::is_nfc(&all), "{}", reason.code());
        }
    }

    #[test]
    fn a_code_is_found_as_people_type_it() {
        for code in ["LT-D211", " lt-d211 ", "d211"] {
            let page = explain(code, Lang::En).unwrap();
            assert_eq!(page.title, sentence(Reason::FieldInvalid, Lang::En));
        }
        assert_eq!(explain("LT-D999", Lang::Vi), None);
        assert_eq!(explain("", Lang::Vi), None);
    }

    #[test]
    fn a_locale_names_a_language() {
        assert_eq!(Lang::parse("vi_VN.UTF-8"), Some(Lang::Vi));
        assert_eq!(Lang::parse("EN"), Some(Lang::En));
        assert_eq!(Lang::parse("fr"), None);
    }
}
