//! What is wrong with a configuration, where, and what was probably meant: in Vietnamese and in English.
//!
//! Mistakes are values; only `render` and `to_json` word them.

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use crate::texts::Lang;

/// One row per mistake: variant, stable code.
macro_rules! codes {
    ($($name:ident $code:literal,)*) => {
        /// The closed list of mistakes a configuration can have. Codes never change their meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($name,)* }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

codes! {
    // 00xx: the file itself.
    Syntax "LT-C0001",
    UnknownKey "LT-C0002",
    WrongType "LT-C0003",
    MissingKey "LT-C0004",
    OutOfRange "LT-C0005",
    UnknownChoice "LT-C0006",
    UnknownVersion "LT-C0007",
    Unreadable "LT-C0008",
    BadDate "LT-C0009",
    // 01xx: platforms.
    NoPlatform "LT-C0101",
    NameTwice "LT-C0102",
    BadName "LT-C0103",
    NameCollides "LT-C0104",
    UnknownPlatform "LT-C0105",
    BadParent "LT-C0106",
    ParentLoop "LT-C0107",
    RootTwice "LT-C0108",
    BadListener "LT-C0109",
    PortClash "LT-C0110",
    BadAddress "LT-C0111",
    NotActive "LT-C0112",
    BadAgencies "LT-C0113",
    // 02xx: members.
    BadMemberId "LT-C0201",
    MemberTwice "LT-C0202",
    SystemidTwice "LT-C0203",
    ForeignAgency "LT-C0204",
    BadSecret "LT-C0205",
    NothingToExpand "LT-C0206",
    BadServiceId "LT-C0207",
    ServiceTwice "LT-C0208",
    BadRight "LT-C0209",
    BadConnection "LT-C0210",
    BadRule "LT-C0211",
    UnknownSystem "LT-C0212",
    // 03xx: the directory.
    BadAgency "LT-C0301",
    UnknownAgency "LT-C0302",
    BadTable "LT-C0303",
    MissingColumn "LT-C0304",
    PeriodReversed "LT-C0305",
    PeriodsOverlap "LT-C0306",
    // 04xx: limits and settings.
    LimitsContradict "LT-C0401",
}

/// The same sentence twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub vi: String,
    pub en: String,
}

impl Text {
    pub fn new(vi: impl Into<String>, en: impl Into<String>) -> Self {
        Self { vi: vi.into(), en: en.into() }
    }

    pub fn in_lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::Vi => &self.vi,
            Lang::En => &self.en,
        }
    }
}

/// One mistake at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub code: Code,
    /// Which of `Mistakes::sources`.
    pub source: usize,
    /// Bytes of that source.
    pub span: Range<usize>,
    pub text: Text,
    /// What was expected, or probably meant.
    pub help: Option<Text>,
}

impl Mistake {
    pub fn new(
        code: Code,
        span: Range<usize>,
        vi: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        Self { code, source: 0, span, text: Text::new(vi, en), help: None }
    }

    #[must_use]
    pub fn help(mut self, vi: impl Into<String>, en: impl Into<String>) -> Self {
        self.help = Some(Text::new(vi, en));
        self
    }

    /// Names the nearest valid value, if one is near; otherwise lists them all, if there are few.
    #[must_use]
    #[expect(single_use_lifetimes, reason = "anonymous lifetimes in impl Trait are unstable")]
    pub fn suggest<'a>(self, given: &str, valid: impl Iterator<Item = &'a str> + Clone) -> Self {
        if let Some(near) = nearest(given, valid.clone()) {
            let vi = format!("có phải ý bạn là `{near}`?");
            return self.help(vi, format!("did you mean `{near}`?"));
        }
        let all: Vec<_> = valid.map(|name| format!("`{name}`")).collect();
        if all.is_empty() || all.len() > LISTED_MAX {
            return self;
        }
        let all = all.join(", ");
        self.help(format!("các giá trị hợp lệ: {all}"), format!("valid: {all}"))
    }
}

/// The most similar name, unless none is similar. Words may stand in another order
/// (`max_connections` for `connections_max`).
pub fn nearest<'a>(given: &str, valid: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let sorted = |text: &str| {
        let mut words: Vec<_> = text.split(['_', '-', '.']).collect();
        words.sort_unstable();
        words.join("_")
    };
    let given = given.to_lowercase();
    let given_sorted = sorted(&given);
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        let plain = strsim::jaro_winkler(&given, &name);
        plain.max(strsim::jaro_winkler(&given_sorted, &sorted(&name)))
    };
    let edits = |name: &str| std::cmp::Reverse(strsim::osa_distance(&given, &name.to_lowercase()));
    let (best, name) = valid
        .map(|name| (likeness(name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| edits(a.1).cmp(&edits(b.1))))?;
    (best >= LIKE_ENOUGH).then_some(name)
}

const LIKE_ENOUGH: f64 = 0.82;
const LISTED_MAX: usize = 16;

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    pub text: Arc<str>,
}

/// How a report looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    pub colour: bool,
    /// Draw with ASCII only.
    pub ascii: bool,
}

/// Everything wrong with a configuration, in the order of files and lines.
#[derive(Clone, Debug)]
pub struct Mistakes {
    pub sources: Vec<Source>,
    pub all: Vec<Mistake>,
}

impl Mistakes {
    pub(super) fn new(sources: Vec<Source>, mut all: Vec<Mistake>) -> Self {
        all.sort_by(|a, b| {
            let key = |m: &Mistake| (m.source, m.span.start, m.span.end, m.code);
            key(a).cmp(&key(b))
        });
        all.dedup();
        Self { sources, all }
    }

    /// Line and column of a mistake, both from 1; columns count characters.
    pub fn place(&self, mistake: &Mistake) -> (usize, usize) {
        let text = self.sources.get(mistake.source).map_or("", |s| &*s.text);
        let before = text.get(..mistake.span.start).unwrap_or(text);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    pub fn file(&self, mistake: &Mistake) -> &str {
        self.sources.get(mistake.source).map_or("", |s| &s.name)
    }

    /// For people: every mistake with its line and a caret, then how many there are.
    pub fn render(&self, lang: Lang, style: Style) -> String {
        let theme = match (style.ascii, style.colour) {
            (true, _) => GraphicalTheme::none(),
            (false, true) => GraphicalTheme::unicode(),
            (false, false) => GraphicalTheme::unicode_nocolor(),
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(100)
            .with_wrap_lines(true)
            .with_links(false);
        let mut out = String::new();
        for mistake in &self.all {
            let report = Report { mistake, lang, source: self.source(mistake) };
            if handler.render_report(&mut out, &report).is_err() {
                out.push_str(mistake.text.in_lang(lang));
            }
            out.push('\n');
        }
        if lang == Lang::Vi {
            out = with_vietnamese_help(&out);
        }
        let count = self.all.len();
        out.push_str(&match lang {
            Lang::Vi => format!("{count} lỗi cấu hình\n"),
            Lang::En if count == 1 => "1 mistake in the configuration\n".to_owned(),
            Lang::En => format!("{count} mistakes in the configuration\n"),
        });
        out
    }

    fn source(&self, mistake: &Mistake) -> NamedSource<Arc<str>> {
        let text = self.sources.get(mistake.source).map(|s| s.text.clone()).unwrap_or_default();
        NamedSource::new(self.file(mistake), text)
    }

    /// For programs: `[{code, file, line, column, message, help}]`.
    pub fn to_json(&self, lang: Lang) -> serde_json::Value {
        let one = |mistake: &Mistake| {
            let (line, column) = self.place(mistake);
            serde_json::json!({
                "code": mistake.code.as_str(),
                "file": self.file(mistake),
                "line": line,
                "column": column,
                "message": mistake.text.in_lang(lang),
                "help": mistake.help.as_ref().map(|help| help.in_lang(lang)),
            })
        };
        self.all.iter().map(one).collect()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.all {
            let (line, column) = self.place(mistake);
            let (file, code) = (self.file(mistake), mistake.code.as_str());
            writeln!(f, "{file}:{line}:{column}: {code} {}", mistake.text.en)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// The one word that the drawing library brings along.
fn with_vietnamese_help(report: &str) -> String {
    let mut out = String::with_capacity(report.len());
    for line in report.split_inclusive('\n') {
        match line.split_once("help: ") {
            Some((before, rest)) if before.len() <= HELP_INDENT_MAX => {
                out.push_str(before);
                out.push_str("gợi ý: ");
                out.push_str(rest);
            }
            _ => out.push_str(line),
        }
    }
    out
}

/// Two blanks and a colour.
const HELP_INDENT_MAX: usize = 10;

/// A mistake as miette wants it.
#[derive(Debug)]
struct Report<'a> {
    mistake: &'a Mistake,
    lang: Lang,
    source: NamedSource<Arc<str>>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mistake.text.in_lang(self.lang))
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.mistake.code.as_str()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.mistake.help.as_ref()?;
        Some(Box::new(help.in_lang(self.lang)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.source.inner().is_empty()).then_some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.mistake.span.clone();
        let here = LabeledSpan::new_primary_with_span(None, (span.start, span.len()));
        (!self.source.inner().is_empty()).then(|| Box::new(std::iter::once(here)) as Box<_>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_is_used_once() {
        let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        assert!(codes.iter().all(|code| code.len() == 8 && code.starts_with("LT-C")));
    }

    #[test]
    fn the_nearest_name_is_the_one_meant() {
        let keys = ["connections_max", "handshake_timeout_ms", "lgsp", "axis", "latency_ms"];
        for (given, expected) in [
            ("conections_max", Some("connections_max")),
            ("max_connections", Some("connections_max")),
            ("latency", Some("latency_ms")),
            ("lgps", Some("lgsp")),
            ("LGSP", Some("lgsp")),
            ("zzz", None),
        ] {
            assert_eq!(nearest(given, keys.iter().copied()), expected, "{given}");
        }
    }
}
