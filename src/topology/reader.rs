//! Reads tables of a TOML document key by key, keeping spans, and notes every mistake instead of stopping at one.

use super::mistake::{Code, Mistake, Mistakes, Source};
use jiff::civil::Date;
use std::cell::RefCell;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Files read so far and what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Log {
    sources: RefCell<Vec<Source>>,
    mistakes: RefCell<Vec<Mistake>>,
}

impl Log {
    pub(super) fn add_source(&self, name: &str, text: Arc<str>) -> usize {
        let mut sources = self.sources.borrow_mut();
        sources.push(Source { name: name.to_owned(), text });
        sources.len() - 1
    }

    /// A mistake in the topology file itself, which is always source 0.
    pub(super) fn push(&self, mistake: Mistake) {
        self.mistakes.borrow_mut().push(mistake);
    }

    pub(super) fn push_in(&self, source: usize, mistake: Mistake) {
        self.push(Mistake { source, ..mistake });
    }

    /// Blots out a secret of the topology file: reports show the lines around a mistake.
    pub(super) fn mask(&self, span: Range<usize>) {
        let mut sources = self.sources.borrow_mut();
        let Some(source) = sources.first_mut() else { return };
        let mut text = source.text.to_string();
        let stars = "*".repeat(span.len());
        if text.is_char_boundary(span.start) && text.is_char_boundary(span.end) {
            text.replace_range(span, &stars);
            source.text = text.into();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.mistakes.borrow().is_empty()
    }

    pub(super) fn into_mistakes(self) -> Mistakes {
        Mistakes::new(self.sources.into_inner(), self.mistakes.into_inner())
    }
}

/// The document's outermost table. Every syntax error is noted, and then nothing else is looked at: what
/// stands around one would only be misread.
pub(super) fn parse<'i>(text: &'i str, log: &Log) -> Option<Spanned<DeTable<'i>>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let is_whole = errors.is_empty();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        log.push(Mistake::new(
            Code::Syntax,
            span,
            format!("không đúng cú pháp TOML: {message}"),
            format!("not valid TOML: {message}"),
        ));
    }
    is_whole.then_some(document)
}

/// One table being read. Keys asked for are the keys it may have; `finish` reports the others.
#[derive(Debug)]
pub(super) struct Table<'d> {
    log: &'d Log,
    entries: &'d DeTable<'d>,
    span: Range<usize>,
    /// As people write it: `[limits]`, `[[platform]]`; empty for the outermost.
    name: &'static str,
    known: Vec<&'static str>,
}

impl<'d> Table<'d> {
    pub(super) fn new(log: &'d Log, document: &'d Spanned<DeTable<'d>>) -> Self {
        let span = 0..0;
        Self { log, entries: document.get_ref(), span, name: "", known: Vec::new() }
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for key in self.entries.keys() {
            let given: &str = key.get_ref();
            if self.known.contains(&given) {
                continue;
            }
            let (vi, en) = match self.name {
                "" => ("tệp cấu hình", "the file"),
                name => (name, name),
            };
            self.log.push(
                Mistake::new(
                    Code::UnknownKey,
                    key.span(),
                    format!("{vi} không có khóa `{given}`"),
                    format!("{en} has no key `{given}`"),
                )
                .suggest(given, self.known.iter().copied()),
            );
        }
    }

    pub(super) fn push(&self, mistake: Mistake) {
        self.log.push(mistake);
    }

    /// For a table that somebody else reads.
    pub(super) const fn entries(&self) -> &'d DeTable<'d> {
        self.entries
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Where a key stands, or else its table.
    pub(super) fn span_of(&self, key: &str) -> Range<usize> {
        let found = self.entries.iter().find(|(known, _)| known.get_ref() == key);
        found.map_or_else(|| self.span(), |(_, value)| value.span())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Notes that a key with a closed list of values is absent.
    pub(super) fn missing_choice<T>(&mut self, key: &'static str) -> Option<Spanned<T>> {
        self.known.push(key);
        self.missing(key);
        None
    }

    fn value(&mut self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.known.push(key);
        self.entries.get(key)
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: (&str, &str)) {
        let given = type_name(value.get_ref());
        self.log.push(Mistake::new(
            Code::WrongType,
            value.span(),
            format!("`{key}` phải là {}, không phải {}", wanted.0, given.0),
            format!("`{key}` must be {}, not {}", wanted.1, given.1),
        ));
    }

    fn missing(&self, key: &str) {
        let name = self.name;
        self.log.push(Mistake::new(
            Code::MissingKey,
            self.span(),
            format!("{name} thiếu khóa `{key}`"),
            format!("{name} lacks the key `{key}`"),
        ));
    }

    pub(super) fn string(&mut self, key: &'static str) -> Option<Spanned<&'d str>> {
        let value = self.value(key)?;
        if let DeValue::String(text) = value.get_ref() {
            return Some(Spanned::new(value.span(), text));
        }
        self.wrong_type(key, value, STRING);
        None
    }

    pub(super) fn required_string(&mut self, key: &'static str) -> Option<Spanned<&'d str>> {
        if !self.entries.contains_key(key) {
            self.known.push(key);
            self.missing(key);
            return None;
        }
        self.string(key)
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        let found = value.get_ref().as_bool();
        if found.is_none() {
            self.wrong_type(key, value, BOOLEAN);
        }
        found
    }

    /// Strings of a list; those that are none are noted and left out.
    pub(super) fn strings(&mut self, key: &'static str) -> Option<Vec<Spanned<&'d str>>> {
        let value = self.value(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(key, value, STRINGS);
            return None;
        };
        let mut found = Vec::new();
        for item in items {
            match item.get_ref().as_str() {
                Some(text) => found.push(Spanned::new(item.span(), text)),
                None => self.wrong_type(key, item, STRING),
            }
        }
        Some(found)
    }

    /// A whole number within a range. Sizes may be written with a unit: `"64 MiB"`.
    pub(super) fn integer(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let value = self.value(key)?;
        let is_size = key.contains("bytes");
        let size = value.get_ref().as_str().filter(|_| is_size).and_then(bytes_of);
        let plain = value.get_ref().as_integer();
        let plain = plain.and_then(|n| i128::from_str_radix(n.as_str(), n.radix()).ok());
        let number = plain.or(size);
        let Some(number) = number else {
            self.wrong_type(key, value, if is_size { SIZE } else { INTEGER });
            return None;
        };
        let found = u64::try_from(number).ok().filter(|n| range.contains(n));
        if found.is_none() {
            self.out_of_range(
                key,
                value.span(),
                &range.start().to_string(),
                &range.end().to_string(),
            );
        }
        found
    }

    pub(super) fn number(&mut self, key: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.value(key)?;
        let whole = value.get_ref().as_integer().map(|number| number.as_str());
        let decimal = value.get_ref().as_float().map(|number| number.as_str());
        let number: Option<f64> = whole.or(decimal).and_then(|number| number.parse().ok());
        let Some(number) = number else {
            self.wrong_type(key, value, NUMBER);
            return None;
        };
        if !range.contains(&number) {
            self.out_of_range(
                key,
                value.span(),
                &range.start().to_string(),
                &range.end().to_string(),
            );
            return None;
        }
        Some(number)
    }

    fn out_of_range(&self, key: &str, span: Range<usize>, min: &str, max: &str) {
        self.log.push(Mistake::new(
            Code::OutOfRange,
            span,
            format!("`{key}` phải từ {min} đến {max}"),
            format!("`{key}` must be from {min} to {max}"),
        ));
    }

    /// One of a closed list of names.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<Spanned<T>> {
        let given = self.string(key)?;
        self.chosen(key, &given, choices).map(|choice| Spanned::new(given.span(), choice))
    }

    /// Several of a closed list of names.
    pub(super) fn choices<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<Vec<Spanned<T>>> {
        let given = self.strings(key)?;
        let one = |given: &Spanned<&str>| {
            self.chosen(key, given, choices).map(|choice| Spanned::new(given.span(), choice))
        };
        Some(given.iter().filter_map(one).collect())
    }

    fn chosen<T: Copy>(
        &self,
        key: &str,
        given: &Spanned<&str>,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let text = *given.get_ref();
        if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*choice);
        }
        self.log.push(
            Mistake::new(
                Code::UnknownChoice,
                given.span(),
                format!("`{key}` không thể là `{text}`"),
                format!("`{key}` cannot be `{text}`"),
            )
            .suggest(text, choices.iter().map(|(name, _)| *name)),
        );
        None
    }

    /// A day, as a TOML date or as text.
    pub(super) fn date(&mut self, key: &'static str) -> Option<Date> {
        let value = self.value(key)?;
        let text = value.get_ref().as_str().map(str::to_owned);
        let date = value.get_ref().as_datetime().map(ToString::to_string);
        let Some(text) = text.or(date) else {
            self.wrong_type(key, value, DATE);
            return None;
        };
        let found = text.parse().ok();
        if found.is_none() {
            self.log.push(Mistake::new(
                Code::BadDate,
                value.span(),
                format!("`{text}` không phải là ngày: viết năm-tháng-ngày, ví dụ 2025-07-01"),
                format!("`{text}` is not a date: write year-month-day, such as 2025-07-01"),
            ));
        }
        found
    }

    /// A table within; an absent one reads as empty.
    pub(super) fn table(&mut self, key: &'static str, name: &'static str) -> Self {
        let (log, known) = (self.log, Vec::new());
        if let Some(value) = self.value(key) {
            if let DeValue::Table(entries) = value.get_ref() {
                return Self { log, entries, span: value.span(), name, known };
            }
            self.wrong_type(key, value, TABLE);
        }
        Self { log, entries: empty(), span: self.span(), name, known }
    }

    /// The tables of `[[key]]`, in order.
    pub(super) fn tables(&mut self, key: &'static str, name: &'static str) -> Vec<Self> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type(key, value, TABLES);
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in items {
            match item.get_ref().as_table() {
                Some(entries) => {
                    let (log, span, known) = (self.log, item.span(), Vec::new());
                    found.push(Self { log, entries, span, name, known });
                }
                None => self.wrong_type(key, item, TABLE),
            }
        }
        found
    }
}

fn empty() -> &'static DeTable<'static> {
    static EMPTY: std::sync::OnceLock<DeTable<'static>> = std::sync::OnceLock::new();
    EMPTY.get_or_init(DeTable::default)
}

/// `64 MiB`, `512KiB`, `2 GiB`, `100 B`.
fn bytes_of(text: &str) -> Option<i128> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: i128 = number.replace('_', "").parse().ok()?;
    let scale = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(scale)
}

const STRING: (&str, &str) = ("một chuỗi", "a string");
const STRINGS: (&str, &str) = ("một danh sách chuỗi", "a list of strings");
const BOOLEAN: (&str, &str) = ("`true` hoặc `false`", "`true` or `false`");
const INTEGER: (&str, &str) = ("một số nguyên", "a whole number");
const NUMBER: (&str, &str) = ("một số", "a number");
const SIZE: (&str, &str) =
    ("một số nguyên hoặc kích thước như \"64 MiB\"", "a whole number or a size such as \"64 MiB\"");
const DATE: (&str, &str) = ("một ngày", "a date");
const TABLE: (&str, &str) = ("một bảng", "a table");
const TABLES: (&str, &str) = ("một danh sách bảng `[[…]]`", "a list of tables `[[…]]`");

const fn type_name(value: &DeValue<'_>) -> (&'static str, &'static str) {
    match value {
        DeValue::String(_) => STRING,
        DeValue::Integer(_) => INTEGER,
        DeValue::Float(_) => ("một số thực", "a decimal number"),
        DeValue::Boolean(_) => ("giá trị đúng/sai", "a true/false value"),
        DeValue::Datetime(_) => DATE,
        DeValue::Array(_) => ("một danh sách", "a list"),
        DeValue::Table(_) => TABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("64 MiB", Some(64 << 20)),
            ("512KiB", Some(512 << 10)),
            ("1_000 B", Some(1000)),
            ("7", Some(7)),
            ("1 MB", None),
            ("MiB", None),
        ] {
            assert_eq!(bytes_of(text), bytes, "{text}");
        }
    }
}
