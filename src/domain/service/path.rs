//! Paths of service calls and the patterns that rights name them by (wire/xroad.md 2.7).
//!
//! A pattern sees the path as it was sent. So that a path cannot mean one thing to a pattern and another to
//! the provider, what could be read in two ways is refused before any right is looked at, and an encoded
//! separator fits only a pattern for everything.

use std::fmt;
use std::str::FromStr;

/// The path of a call below its service, raw, with its leading `/`; empty when the service itself is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePath {
    raw: String,
    /// Its decoded form has more segments than the raw one.
    hides_separator: bool,
}

/// Why a path is not looked at any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the path goes up or stays with a dot segment")]
    DotSegment,
    #[error("the path has a control character or a backslash")]
    BadByte,
    #[error("the path has a broken percent sign")]
    BadEscape,
    #[error("the path is escaped more than {ESCAPED_TIMES_MAX} times")]
    EscapedTooOften,
}

/// How often a path may be escaped: providers that decode twice exist, those that decode for ever do not.
const ESCAPED_TIMES_MAX: usize = 3;

impl ServicePath {
    pub fn parse(raw: &str) -> Result<Self, PathError> {
        let mut text = raw.as_bytes().to_vec();
        let segments = |text: &[u8]| text.iter().filter(|byte| **byte == b'/').count();
        let mut hides_separator = false;
        // An innocent path may hold an escaped percent sign; whoever escapes it again and again hides something.
        for round in 0..=ESCAPED_TIMES_MAX {
            check_segments(&text)?;
            let (inner, is_broken) = unescaped(&text);
            if round == 0 && is_broken {
                return Err(PathError::BadEscape);
            }
            if inner == text {
                return Ok(Self { raw: raw.to_owned(), hides_separator });
            }
            text = inner;
            hides_separator |= segments(&text) > segments(raw.as_bytes());
        }
        Err(PathError::EscapedTooOften)
    }

    pub fn as_str(&self) -> &str {
        &self.raw
    }
}

fn check_segments(text: &[u8]) -> Result<(), PathError> {
    if text.iter().any(|byte| byte.is_ascii_control() || *byte == b'\\') {
        return Err(PathError::BadByte);
    }
    // `..;x` is `..` to a server that takes parameters off a segment.
    let name = |segment: &[u8]| segment.split(|byte| *byte == b';').next().map(<[u8]>::to_vec);
    let is_dot = |segment: &[u8]| matches!(name(segment).as_deref(), Some(b"." | b".."));
    if text.split(|byte| *byte == b'/').any(is_dot) {
        return Err(PathError::DotSegment);
    }
    Ok(())
}

/// Undoes one round of escaping. A percent sign without two hexadecimal digits stays, and is told of.
fn unescaped(text: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(text.len());
    let (mut rest, mut is_broken) = (text, false);
    while let [byte, after @ ..] = rest {
        rest = after;
        let digits = after.first_chunk::<2>().filter(|_| *byte == b'%');
        let decoded = digits.and_then(|digits| {
            let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
            u8::from_str_radix(text, 16).ok()
        });
        if let Some(decoded) = decoded {
            out.push(decoded);
            rest = after.get(2..).unwrap_or_default();
        } else {
            is_broken |= *byte == b'%';
            out.push(*byte);
        }
    }
    (out, is_broken)
}

/// One round of escapes undone, for showing and for comparing; what is no UTF-8 afterwards is replaced.
pub fn unescape(text: &str) -> String {
    String::from_utf8_lossy(&unescaped(text.as_bytes()).0).into_owned()
}

/// `*` any characters inside one segment, `**` or more any at all, `\*` and `\\` themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Byte(u8),
    InSegment,
    Anything,
}

/// Long enough for every path seen; the time of a match grows with it.
const PATTERN_BYTES_MAX: usize = 1_024;

/// The pattern is longer than 1,024 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a path pattern has at most {PATTERN_BYTES_MAX} bytes")]
pub struct PatternTooLong;

impl PathPattern {
    /// What a right without a path means.
    pub fn everything() -> Self {
        Self { text: "**".to_owned(), parts: vec![Part::Anything] }
    }

    pub fn fits(&self, path: &ServicePath) -> bool {
        if self.parts == [Part::Anything] {
            return true;
        }
        !path.hides_separator && self.fits_text(path.raw.as_bytes())
    }

    /// Every place of the pattern that the text so far can have reached: the time is bounded by the lengths of
    /// both, whatever the pattern.
    fn fits_text(&self, text: &[u8]) -> bool {
        let mut reached = vec![false; self.parts.len() + 1];
        let mut next = reached.clone();
        reached.iter_mut().take(1).for_each(|first| *first = true);
        self.pass_wildcards(&mut reached);
        for byte in text {
            next.fill(false);
            let stays = next.iter_mut().zip(&self.parts).zip(&reached);
            stays.for_each(|((next, part), is_here)| *next = *is_here && part.can_hold(*byte));
            let moves = next.iter_mut().skip(1).zip(&self.parts).zip(&reached);
            moves.for_each(|((next, part), is_here)| {
                *next |= *is_here && *part == Part::Byte(*byte);
            });
            self.pass_wildcards(&mut next);
            std::mem::swap(&mut reached, &mut next);
        }
        reached.last().copied().unwrap_or(false)
    }

    /// A wildcard may stand for nothing.
    fn pass_wildcards(&self, reached: &mut [bool]) {
        let mut from_before = false;
        for (place, reached) in reached.iter_mut().enumerate() {
            *reached |= from_before;
            let part = self.parts.get(place);
            from_before = *reached && matches!(part, Some(Part::InSegment | Part::Anything));
        }
    }
}

impl Part {
    const fn can_hold(self, byte: u8) -> bool {
        match self {
            Self::Byte(_) => false,
            Self::InSegment => byte != b'/',
            Self::Anything => true,
        }
    }
}

impl FromStr for PathPattern {
    type Err = PatternTooLong;

    fn from_str(text: &str) -> Result<Self, PatternTooLong> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternTooLong);
        }
        let mut parts = Vec::with_capacity(text.len());
        let mut bytes = text.bytes().peekable();
        while let Some(byte) = bytes.next() {
            parts.push(match byte {
                b'*' => {
                    let mut stars = 1;
                    while bytes.next_if_eq(&b'*').is_some() {
                        stars += 1;
                    }
                    if stars > 1 { Part::Anything } else { Part::InSegment }
                }
                b'\\' => match bytes.next_if(|next| matches!(next, b'*' | b'\\')) {
                    Some(escaped) => Part::Byte(escaped),
                    None => Part::Byte(b'\\'),
                },
                other => Part::Byte(other),
            });
        }
        Ok(Self { text: text.to_owned(), parts })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fits(pattern: &str, path: &str) -> bool {
        let path = ServicePath::parse(path).unwrap();
        pattern.parse::<PathPattern>().unwrap().fits(&path)
    }

    #[test]
    fn a_star_stays_in_its_segment_and_two_cross_them() {
        // wire/xroad.md 2.7, and what follows from its rules.
        for (pattern, path, expected) in [
            ("/*/", "/a/", true),
            ("/*/", "/a/b/", false),
            ("/*", "/", true),
            ("**/bar/**", "a/b/c/bar/e/f", true),
            ("**/bar/**", "a/b/c/foo/e/f", false),
            ("**/*/**", "//", true),
            ("/a/**", "/a/", true),
            ("/a/**", "/a", false),
            ("/a/***", "/a/b/c", true),
            ("/a*c/d", "/abbc/d", true),
            ("/a*c/d", "/ab/c/d", false),
            ("/x/*.pdf", "/x/1.pdf", true),
            (r"/x/\*", "/x/*", true),
            (r"/x/\*", "/x/y", false),
            ("/x", "/X", false),
            ("", "", true),
            ("", "/", false),
            ("**", "", true),
            ("/path%3B/", "/path%3B/", true),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_a_provider_may_read_otherwise_fits_no_narrow_pattern() {
        for (path, expected) in [
            ("/a/../b", Err(PathError::DotSegment)),
            ("/a/%2e%2E/b", Err(PathError::DotSegment)),
            ("/a/%252e%252e/b", Err(PathError::DotSegment)),
            ("/a/..;x=1/b", Err(PathError::DotSegment)),
            ("/a/.", Err(PathError::DotSegment)),
            ("/a/..%2fb", Err(PathError::DotSegment)),
            ("/a/%5c..%5cb", Err(PathError::BadByte)),
            ("/a/%00", Err(PathError::BadByte)),
            ("/a/%2", Err(PathError::BadEscape)),
            ("/a/%zz", Err(PathError::BadEscape)),
            ("/a/%25252525252541", Err(PathError::EscapedTooOften)),
            ("/a/%25zz/%252e%252e/b", Err(PathError::DotSegment)),
            ("/a/%+1", Err(PathError::BadEscape)),
            ("/a/100%25", Ok(true)),
            ("/a/...", Ok(true)),
            ("/a/b%2fc", Ok(false)),
            ("/a/b%252fc", Ok(false)),
        ] {
            let narrow: PathPattern = "/a/*".parse().unwrap();
            let fits = ServicePath::parse(path).map(|path| narrow.fits(&path));
            assert_eq!(fits, expected, "{path}");
        }
        assert!(fits("**", "/a/b%2fc"));
    }

    /// The rules of a pattern, said as simply as can be.
    fn naive(parts: &[Part], text: &[u8]) -> bool {
        match (parts, text) {
            ([], []) => true,
            ([Part::Byte(wanted), rest @ ..], [found, text @ ..]) => {
                wanted == found && naive(rest, text)
            }
            ([Part::InSegment | Part::Anything, rest @ ..], _) if naive(rest, text) => true,
            ([Part::InSegment, ..], [found, text @ ..]) => *found != b'/' && naive(parts, text),
            ([Part::Anything, ..], [_, text @ ..]) => naive(parts, text),
            _ => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn patterns_agree_with_a_naive_model(
            pattern in "[ab/*]{0,8}(\\\\\\*)?[ab/*]{0,4}",
            path in "[ab/*]{0,12}",
        ) {
            let pattern: PathPattern = pattern.parse().unwrap();
            prop_assert_eq!(pattern.fits_text(path.as_bytes()), naive(&pattern.parts, path.as_bytes()));
        }

        #[test]
        fn no_path_is_too_odd_to_be_judged(path in ".{0,60}") {
            if let Ok(path) = ServicePath::parse(&path) {
                prop_assert!(PathPattern::everything().fits(&path));
            }
        }
    }
}
