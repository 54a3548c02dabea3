//! The state-secret guard: documents with state secrets never pass (QĐ 28/2018 Art. 1).
//!
//! edXML has no element for a classification (domain.md 8 rule 6), so the guard has two sources: what the sender
//! declares, and the marks of the Law on the protection of state secrets — Mật, Tối mật, Tuyệt mật — in
//! `TypeName`, `Subject` and `CodeNotation`.
//!
//! The syllable *mật* is part of many innocent words (bảo mật, mật khẩu, mật độ), and subjects speak of state secrets
//! without holding any (*tập huấn bảo vệ bí mật nhà nước*). So a find is one of three:
//!
//! * **innocent**: a single syllable that forms a known word with the syllable before or after it;
//! * **sure**: it looks like a mark — in `TypeName`, alone in its field, in brackets, leading the subject with a
//!   colon or dash behind it, or in capitals within a text that is not;
//! * **doubtful**: anything else in running text, and notation endings such as `-TM` (which may as well be
//!   a drafting unit: Thương mại). What a doubt does is configured.
//!
//! Invariant: a verdict names the class of the field and nothing of its content.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use super::envelope::{Declaration, Warning};
use super::rejection::{Reason, Rejection};

/// What a doubtful find does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    Refuse,
    /// Passes when the sender declared that there is no secret; else that declaration is asked for.
    AskDeclaration,
    Warn,
}

/// The guard as configured.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Every document must come with a declaration.
    pub declaration_required: bool,
    /// Marks in running text.
    pub in_text: Doubt,
    /// Endings of a notation.
    pub in_notation: Doubt,
    /// Each a mark as lower-case syllables.
    marks: Vec<Vec<String>>,
    /// A letter of each mark, the rarest it has, in both cases: a text with none of them holds no mark.
    telling: Vec<char>,
    /// Syllables that make a one-syllable mark innocent when they stand before or after it.
    innocent_before: Vec<String>,
    innocent_after: Vec<String>,
    /// In lower case, with their hyphen.
    notation_endings: Vec<String>,
}

/// The fields that are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a> {
    pub type_name: &'a str,
    pub subject: &'a str,
    pub code_notation: &'a str,
}

// Luật Bảo vệ bí mật nhà nước 2018: the three levels.
const MARKS: [&str; 3] = ["MẬT", "TỐI MẬT", "TUYỆT MẬT"];
// domain.md 8 rule 6, [unsure].
const NOTATION_ENDINGS: [&str; 3] = ["-M", "-TM", "-TuM"];
const INNOCENT_BEFORE: [&str; 9] =
    ["bảo", "bí", "cơ", "thân", "đường", "túi", "ống", "sỏi", "dịch"];
const INNOCENT_AFTER: [&str; 12] =
    ["độ", "khẩu", "mã", "ong", "thiết", "mía", "vụ", "thám", "ngữ", "danh", "hoa", "ước"];

impl Default for Guard {
    fn default() -> Self {
        Self::new(&MARKS, &NOTATION_ENDINGS)
    }
}

impl Guard {
    /// A guard with its own marks and notation endings.
    pub fn new<S: AsRef<str>>(marks: &[S], notation_endings: &[S]) -> Self {
        let syllables = |mark: &S| syllables(mark.as_ref()).into_iter().map(|s| s.word).collect();
        let lower = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        let marks: Vec<Vec<String>> =
            marks.iter().map(syllables).filter(|mark: &Vec<_>| !mark.is_empty()).collect();
        Self {
            declaration_required: false,
            in_text: Doubt::AskDeclaration,
            in_notation: Doubt::Warn,
            telling: marks.iter().flat_map(|mark| telling(mark)).collect(),
            marks,
            innocent_before: lower(&INNOCENT_BEFORE),
            innocent_after: lower(&INNOCENT_AFTER),
            notation_endings: notation_endings
                .iter()
                .map(|ending| ending.as_ref().nfkc().collect::<String>().to_lowercase())
                .filter(|ending| !ending.is_empty())
                .collect(),
        }
    }

    /// More syllables that make *mật* innocent before or behind it.
    #[must_use]
    pub fn innocent(mut self, before: &[&str], after: &[&str]) -> Self {
        self.innocent_before.extend(before.iter().map(|s| s.nfkc().collect::<String>()));
        self.innocent_after.extend(after.iter().map(|s| s.nfkc().collect::<String>()));
        self
    }

    /// Nothing, a warning, or a refusal.
    pub fn check(
        &self,
        declaration: Declaration,
        fields: &Fields<'_>,
    ) -> Result<Option<Warning>, Rejection> {
        match declaration {
            Declaration::Secret => {
                return Err(Rejection::new(Reason::StateSecret).element("declaration"));
            }
            Declaration::Unspecified if self.declaration_required => {
                return Err(Rejection::new(Reason::DeclarationMissing));
            }
            Declaration::Unspecified | Declaration::NoSecret => {}
        }
        if self.find(fields.type_name) != Find::Nothing {
            return Err(refused(TYPE_NAME));
        }
        let mut warned = None;
        match self.find(fields.subject) {
            Find::Nothing => {}
            Find::Sure => return Err(refused(SUBJECT)),
            Find::Doubtful => warned = resolve(self.in_text, declaration, SUBJECT)?,
        }
        // Between hyphens a mark is a word of its own (`-MẬT`); an ending is only a letter or two.
        if self.find(fields.code_notation) != Find::Nothing {
            return Err(refused(CODE_NOTATION));
        }
        if self.ends_marked(fields.code_notation) {
            warned = resolve(self.in_notation, declaration, CODE_NOTATION)?.or(warned);
        }
        Ok(warned)
    }

    fn ends_marked(&self, notation: &str) -> bool {
        let notation = notation.trim().to_lowercase();
        self.notation_endings.iter().any(|ending| notation.ends_with(ending.as_str()))
    }

    /// Most texts hold none, and this allocates nothing. A letter with marks is written as one character, or
    /// with combining ones.
    fn may_hold_a_mark(&self, text: &str) -> bool {
        if text.is_empty() || self.telling.iter().any(char::is_ascii) {
            return !text.is_empty();
        }
        let tells = |letter: char| {
            !letter.is_ascii()
                && (self.telling.contains(&letter) || canonical_combining_class(letter) != 0)
        };
        text.chars().any(tells)
    }

    /// The worst find in a text.
    fn find(&self, text: &str) -> Find {
        if !self.may_hold_a_mark(text) {
            return Find::Nothing;
        }
        let words = syllables(text);
        let all_capitals = words.iter().all(|s| s.capitals);
        let mut worst = Find::Nothing;
        for mark in &self.marks {
            for (start, found) in words.windows(mark.len()).enumerate() {
                let same = found.iter().zip(mark).all(|(word, part)| word.word == *part);
                let broken = found.iter().skip(1).any(|word| word.gap != Gap::Blank);
                if !same || broken {
                    continue;
                }
                let around = Around {
                    before: start.checked_sub(1).and_then(|i| words.get(i)),
                    after: words.get(start + mark.len()),
                    gap: found.first().map_or(Gap::Edge, |first| first.gap),
                };
                if mark.len() == 1 && self.is_innocent(&around) {
                    continue;
                }
                let capitals = found.iter().all(|word| word.capitals) && !all_capitals;
                worst = worst.max(if capitals || around.looks_like_a_mark() {
                    Find::Sure
                } else {
                    Find::Doubtful
                });
            }
        }
        worst
    }

    fn is_innocent(&self, around: &Around<'_>) -> bool {
        let is_in = |list: &[String], word: &Syllable| list.contains(&word.word);
        let before = around.before.filter(|_| around.gap == Gap::Blank);
        let after = around.after.filter(|next| next.gap == Gap::Blank);
        before.is_some_and(|word| is_in(&self.innocent_before, word))
            || after.is_some_and(|word| is_in(&self.innocent_after, word))
    }
}

const TYPE_NAME: &str = "MessageHeader/DocumentType/TypeName";
const SUBJECT: &str = "MessageHeader/Subject";
const CODE_NOTATION: &str = "MessageHeader/Code/CodeNotation";

fn refused(field: &str) -> Rejection {
    Rejection::new(Reason::StateSecret).element(field)
}

fn resolve(
    doubt: Doubt,
    declaration: Declaration,
    field: &str,
) -> Result<Option<Warning>, Rejection> {
    let warned = Warning { reason: Reason::StateSecret, at: field.to_owned() };
    match doubt {
        Doubt::Refuse => Err(refused(field)),
        Doubt::AskDeclaration if declaration != Declaration::NoSecret => {
            Err(Rejection::new(Reason::DeclarationMissing).element(field))
        }
        Doubt::AskDeclaration | Doubt::Warn => Ok(Some(warned)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Find {
    Nothing,
    Doubtful,
    Sure,
}

/// The last letter that is not ASCII, in both cases; an ASCII one, which tells nothing, where there is no other.
fn telling(mark: &[String]) -> Vec<char> {
    let letters = || mark.iter().flat_map(|word| word.chars());
    let rarest = letters().rfind(|letter| !letter.is_ascii()).or_else(|| letters().next());
    rarest
        .into_iter()
        .flat_map(|letter| letter.to_lowercase().chain(letter.to_uppercase()))
        .collect()
}

/// What stands between a syllable and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// The text begins here.
    Edge,
    Blank,
    Opening,
    Other,
}

/// A find and its neighbours.
struct Around<'a> {
    before: Option<&'a Syllable>,
    after: Option<&'a Syllable>,
    gap: Gap,
}

impl Around<'_> {
    fn looks_like_a_mark(&self) -> bool {
        let leads = self.before.is_none();
        let ends = self.after.is_none();
        let cut_off = self.after.is_some_and(|next| next.gap != Gap::Blank);
        (leads || self.gap == Gap::Opening) && (ends || cut_off)
    }
}

#[derive(Debug)]
struct Syllable {
    word: String,
    capitals: bool,
    gap: Gap,
}

/// Syllables in lower case, NFKC, without invisible characters.
fn syllables(text: &str) -> Vec<Syllable> {
    let mut list: Vec<Syllable> = Vec::new();
    let mut gap = Gap::Edge;
    let mut inside = false;
    let visible =
        |c: &char| !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    for character in text.nfkc().filter(visible) {
        if character.is_alphanumeric() {
            if !inside {
                list.push(Syllable { word: String::new(), capitals: true, gap });
                inside = true;
            }
            if let Some(last) = list.last_mut() {
                last.capitals &= !character.is_lowercase();
                last.word.extend(character.to_lowercase());
            }
            continue;
        }
        if inside {
            gap = Gap::Blank;
            inside = false;
        }
        if matches!(character, '(' | '[' | '{' | '"' | '“' | '«' | '\'' | '*') {
            gap = Gap::Opening;
        } else if !character.is_whitespace() {
            gap = Gap::Other;
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(fields: &Fields<'_>, declaration: Declaration) -> &'static str {
        match Guard::default().check(declaration, fields) {
            Ok(None) => "passes",
            Ok(Some(_)) => "warned",
            Err(refused) => refused.reason.label(),
        }
    }

    #[test]
    fn subjects_are_told_apart() {
        // (subject, verdict without a declaration): domain.md 8 rule 6.
        let table = [
            ("V/v tập huấn công tác bảo vệ bí mật nhà nước", "passes"),
            ("V/v bảo mật hệ thống thông tin", "passes"),
            ("TĂNG CƯỜNG BẢO MẬT", "passes"),
            ("Mật độ dân số và mật khẩu quản trị", "passes"),
            ("Sản xuất mật ong", "passes"),
            ("", "passes"),
            ("[MẬT] V/v phương án", "state_secret"),
            ("(Mật) V/v phương án", "state_secret"),
            ("Mật: phương án", "state_secret"),
            ("TUYỆT MẬT - Kế hoạch", "state_secret"),
            ("Kế hoạch phòng thủ TỐI MẬT năm 2026", "state_secret"),
            ("Mật", "state_secret"),
            ("MA\u{302}\u{323}T: viết bằng dấu rời", "state_secret"),
            ("M\u{200b}ẬT: có ký tự ẩn", "state_secret"),
            ("Danh mục bí mật nhà nước độ Tối mật lĩnh vực y tế", "declaration_missing"),
            ("V/v xử lý văn bản mật", "declaration_missing"),
        ];
        for (subject, expected) in table {
            let fields = Fields { subject, ..Fields::default() };
            assert_eq!(verdict(&fields, Declaration::Unspecified), expected, "{subject}");
        }
    }

    #[test]
    fn marks_of_plain_letters_are_found_in_any_width() {
        let guard = Guard::new(&["secret"], &[]);
        for (subject, passes) in
            [("SECRET: plan", false), ("ｓｅｃｒｅｔ: plan", false), ("plan", true)]
        {
            let fields = Fields { subject, ..Fields::default() };
            assert_eq!(guard.check(Declaration::NoSecret, &fields).is_ok(), passes, "{subject}");
        }
    }

    #[test]
    fn a_declaration_settles_a_doubt_and_nothing_else() {
        let doubtful = Fields { subject: "V/v xử lý văn bản mật", ..Fields::default() };
        assert_eq!(verdict(&doubtful, Declaration::NoSecret), "warned");
        let sure = Fields { subject: "[MẬT] V/v phương án", ..Fields::default() };
        assert_eq!(verdict(&sure, Declaration::NoSecret), "state_secret");
        assert_eq!(verdict(&Fields::default(), Declaration::Secret), "state_secret");
        let strict = Guard { declaration_required: true, ..Guard::default() };
        let refused = strict.check(Declaration::Unspecified, &Fields::default()).unwrap_err();
        assert_eq!(refused.reason, Reason::DeclarationMissing);
    }

    #[test]
    fn type_and_notation_are_looked_at_too() {
        let typed = Fields { type_name: "Công văn mật", ..Fields::default() };
        assert_eq!(verdict(&typed, Declaration::NoSecret), "state_secret");
        let marked = Fields { code_notation: "UBND-MẬT", ..Fields::default() };
        assert_eq!(verdict(&marked, Declaration::NoSecret), "state_secret");
        let ending = Fields { code_notation: "BCT-TM", ..Fields::default() };
        assert_eq!(verdict(&ending, Declaration::Unspecified), "warned");
        let plain = Fields { code_notation: "VPCP-KSTT", ..Fields::default() };
        assert_eq!(verdict(&plain, Declaration::Unspecified), "passes");
    }

    #[test]
    fn a_verdict_tells_nothing_of_the_content() {
        let fields = Fields { subject: "TUYỆT MẬT: hầm chỉ huy", ..Fields::default() };
        let refused = Guard::default().check(Declaration::NoSecret, &fields).unwrap_err();
        assert_eq!(refused, Rejection::new(Reason::StateSecret).element(SUBJECT));
    }
}
