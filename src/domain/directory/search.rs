//! Finding agencies by what people type: with or without diacritics, in old or new tone placement, in
//! either Unicode form, by any part of a name or a code.

use super::{AgencyId, Chunk, Directory, Standing};
use crate::domain::agency::AgencyCode;
use std::cmp::Reverse;
use std::sync::Arc;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};

/// The searchable text of a chunk: one line per agency, made once per chunk.
#[derive(Debug, Default)]
pub(super) struct Folded {
    text: String,
    /// Where each agency's line ends.
    ends: Vec<usize>,
}

/// Letters without any mark, lower case, blanks single: `Tuyên Quang` and `TUYEN  QUANG` are one.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        parts(c, |c| {
            if !is_combining_mark(c) {
                push_plain(&mut out, c);
            }
        });
    }
    out.truncate(out.trim_end().len());
    out
}

/// Keeps the marks, but each tone stands at the end of its syllable, so that `hoà` and `hòa` are one.
/// Lower case, `đ` as `d`, blanks single.
pub fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut tone = None;
    for c in text.chars() {
        parts(c, |c| {
            if is_tone(c) {
                tone = Some(c);
                return;
            }
            if !c.is_alphabetic() && !is_combining_mark(c) {
                out.extend(tone.take());
            }
            push_plain(&mut out, c);
        });
    }
    out.truncate(out.trim_end().len());
    out.extend(tone);
    out
}

/// A lower-case letter and its marks. Their order is that of the text, which is enough: tones are set
/// apart, and no letter has two of the others.
fn parts(c: char, mut part: impl FnMut(char)) {
    if c.is_ascii() {
        part(c.to_ascii_lowercase());
    } else {
        decompose_canonical(c, |c| c.to_lowercase().for_each(&mut part));
    }
}

fn push_plain(out: &mut String, c: char) {
    match c {
        'đ' => out.push('d'),
        c if c.is_whitespace() => {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        }
        c => out.push(c),
    }
}

/// The five tone marks; circumflex, breve and horn make other letters and stay where they are.
const fn is_tone(c: char) -> bool {
    matches!(c, '\u{300}' | '\u{301}' | '\u{303}' | '\u{309}' | '\u{323}')
}

/// How good a hit is: less is better. Then come agencies alive, higher levels, and the order of codes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    CodeIs,
    CodeStarts,
    NameIs,
    NameStarts,
    WordStarts,
    Inside,
}

impl Directory {
    /// Agencies whose name or code holds every word of `text`, the best first. A hit with the same
    /// diacritics comes before one that only has the same letters.
    pub fn search(&self, text: &str, limit: usize) -> Vec<AgencyId> {
        let query = plain(text);
        let words: Vec<&str> = query.split(' ').filter(|w| !w.is_empty()).collect();
        let Some(longest) = words.iter().max_by_key(|w| w.len()) else { return Vec::new() };
        let finder = memchr::memmem::Finder::new(longest);
        let code = AgencyCode::parse(text).ok();
        let with_marks = Some(marked(text)).filter(|m| *m != query);
        let mut hits = Vec::new();
        for (number, chunk) in self.chunks.iter().enumerate() {
            let folded = chunk.folded.get_or_init(|| Arc::new(Folded::of(chunk)));
            for slot in folded.lines_with(&finder) {
                let Some(line) = folded.line(slot) else { continue };
                if !words.iter().all(|word| line.contains(word)) {
                    continue;
                }
                let id = AgencyId(u32::try_from(number * super::CHUNK + slot).unwrap_or(u32::MAX));
                let agency = self.agency(id);
                let fit = if code == Some(agency.code) { Fit::CodeIs } else { fit(line, &query) };
                let differs =
                    with_marks.as_ref().is_some_and(|m| !marked(&agency.name_vi).contains(m));
                let gone = !matches!(self.standing_today(id), Standing::Alive | Standing::Locked);
                hits.push((fit, differs, gone, agency.code.level(), agency.code, id));
            }
        }
        hits.sort_unstable_by_key(|hit| (hit.0 > Fit::CodeStarts, hit.1, *hit));
        hits.into_iter().take(limit).map(|hit| hit.5).collect()
    }

    /// The agency most likely meant by a code or name that the directory does not hold. Looks only
    /// among the siblings of a code, so its cost does not grow with the directory.
    pub fn nearest(&self, text: &str) -> Option<AgencyId> {
        let Ok(code) = AgencyCode::parse(text) else {
            return self.search(text, 1).first().copied();
        };
        let siblings = match self.known_above(&code) {
            Some(above) => self.children(&above),
            None => self.roots(),
        };
        let distance =
            |id: &AgencyId| strsim::osa_distance(self.agency(*id).code.as_str(), code.as_str());
        let (distance, id) =
            siblings.iter().take(NEAREST_MAX).map(|id| (distance(id), *id)).min_by_key(
                |(distance, id)| {
                    let alive = self.standing_today(*id) == Standing::Alive;
                    (*distance, Reverse(alive), *id)
                },
            )?;
        (distance <= 2).then_some(id)
    }

    fn known_above(&self, code: &AgencyCode) -> Option<AgencyCode> {
        let mut above = code.parent();
        while let Some(code) = above {
            if self.lookup(&code).is_some() {
                return Some(code);
            }
            above = code.parent();
        }
        None
    }
}

/// Parts of a line are apart by `PART`, so that no query runs over two of them.
fn fit(line: &str, query: &str) -> Fit {
    let mut best = Fit::Inside;
    for (place, part) in line.trim_end_matches('\n').split(PART).enumerate() {
        let is_code = place < 2;
        let fit = match part.find(query) {
            Some(0) if is_code => Fit::CodeStarts,
            Some(0) if part.len() == query.len() => Fit::NameIs,
            Some(0) => Fit::NameStarts,
            Some(at) if part.get(..at).is_some_and(|s| s.ends_with(' ')) => Fit::WordStarts,
            _ => Fit::Inside,
        };
        best = best.min(fit);
    }
    best
}

impl Folded {
    fn of(chunk: &Chunk) -> Self {
        let mut folded = Self::default();
        for slot in &chunk.slots {
            let agency = &slot.agency;
            let canonical = agency.code.as_str();
            let mut part = |text: &str| {
                folded.text.push_str(text);
                folded.text.push(PART);
            };
            part(&canonical.to_ascii_lowercase());
            part(&agency.code.qcvn().unwrap_or_default().to_ascii_lowercase());
            part(&plain(&agency.name_vi));
            part(&plain(&agency.name_en));
            folded.text.push('\n');
            folded.ends.push(folded.text.len());
        }
        folded
    }

    fn line(&self, slot: usize) -> Option<&str> {
        let start = slot.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before))?;
        self.text.get(*start..*self.ends.get(slot)?)
    }

    /// The agencies whose line holds the word, each once.
    fn lines_with(&self, finder: &memchr::memmem::Finder<'_>) -> Vec<usize> {
        let mut slots = Vec::new();
        let mut from = 0;
        while let Some(at) = self.text.as_bytes().get(from..).and_then(|rest| finder.find(rest)) {
            let slot = self.ends.partition_point(|end| *end <= from + at);
            slots.push(slot);
            match self.ends.get(slot) {
                Some(end) => from = *end,
                None => break,
            }
        }
        slots
    }
}

/// A character that no name and no query holds.
const PART: char = '\u{1}';

/// How many siblings are compared for a suggestion.
const NEAREST_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::directory::tests::{directory, id};

    #[test]
    fn old_and_new_tone_marks_are_one() {
        for (a, b) in [
            ("hoà", "hòa"),
            ("Hoà Bình", "hòa   bình"),
            ("thuỷ", "thủy"),
            ("Đắk Lắk", "ĐẮK LẮK"),
            ("hòa", "ho\u{300}a"),
        ] {
            assert_eq!(marked(a), marked(b), "{a} {b}");
        }
        assert_ne!(marked("hòa"), marked("hoa"));
        assert_ne!(marked("Hòa Bình"), marked("Hóa Bình"));
        assert_ne!(marked("Hà Nam"), marked("Hạ Nam"));
        assert_eq!(plain("Đắk  Lắk, HOÀ"), "dak lak, hoa");
    }

    #[test]
    fn people_find_what_they_mean() {
        let directory = directory("2026-01-01");
        // (typed, first hit)
        let table = [
            ("tuyen quang", "H60"),
            ("TUYÊN QUANG", "H60"),
            ("tuye\u{302}n quang", "H60"),
            ("h60", "H60"),
            ("000.00.00.H60", "H60"),
            ("000.00.09.h60", "H60.09"),
            ("nghe an", "H41"),
            ("noi vu H60", "H60.09"),
            ("Ministry of Finance", "G12"),
            ("bô tài chính", "G12"),
        ];
        for (typed, expected) in table {
            let first = directory.search(typed, 3).first().copied();
            assert_eq!(first, Some(id(&directory, expected)), "{typed}");
        }
        assert!(directory.search("  ", 3).is_empty());
        assert!(directory.search("khong co don vi nay", 3).is_empty());
    }

    #[test]
    fn the_nearest_code_is_a_sibling() {
        let directory = directory("2026-01-01");
        for (given, expected) in [
            ("H6O", Some("H60")),
            ("H60.90", Some("H60.09")),
            ("000.00.08.H60", Some("H60.09")),
            ("XYZW", None),
            ("Tuyên Quang", Some("H60")),
        ] {
            let expected = expected.map(|code| id(&directory, code));
            assert_eq!(directory.nearest(given), expected, "{given}");
        }
    }
}
