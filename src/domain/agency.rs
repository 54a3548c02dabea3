//! `AgencyCode`: how an agency (cơ quan) is addressed.
//!
//! One agency has two written forms: thirteen characters in four groups, lowest level first
//! (QCVN 102:2016, `000.00.13.H53`), and level one first without zero groups (QĐ 20/2020/QĐ-TTg,
//! `H53.13`). The second is the canonical form here; both parse, whatever their case.
//!
//! Invariant: an `AgencyCode` is never empty, holds only `A–Z`, `0–9`, `-` and single dots, and starts
//! with its level-one group.

use std::fmt;
use std::str::FromStr;

/// QĐ 20/2020/QĐ-TTg: up to 35 characters (assumed).
pub const CODE_CHARS_MAX: usize = 35;

/// The canonical form, held in place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgencyCode {
    bytes: [u8; CODE_CHARS_MAX],
    len: u8,
}

/// Why a text is not an agency code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error("empty")]
    Empty,
    #[error("longer than {CODE_CHARS_MAX} characters")]
    TooLong,
    #[error("a group is empty or holds a character other than A-Z, 0-9 or -")]
    BadGroup,
    #[error("the level-one group (such as G22 or H53) is missing")]
    NoRoot,
}

impl AgencyCode {
    /// Reads either form. Surrounding blanks are ignored.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(CodeError::Empty);
        }
        if text.len() > CODE_CHARS_MAX {
            return Err(CodeError::TooLong);
        }
        // One pass: this runs several times for every document.
        let mut code = Self { bytes: [0; CODE_CHARS_MAX], len: 0 };
        let mut last = b'.';
        for byte in text.bytes() {
            let fits =
                byte.is_ascii_alphanumeric() || byte == b'-' || (byte == b'.' && last != byte);
            if !fits {
                return Err(CodeError::BadGroup);
            }
            code.push(byte.to_ascii_uppercase());
            last = byte;
        }
        if last == b'.' {
            return Err(CodeError::BadGroup);
        }
        if is_qcvn(text) {
            return Self::from_groups(text.rsplit('.').filter(|g| !is_zero(g)));
        }
        if code.bytes.first().is_some_and(u8::is_ascii_alphabetic) {
            Ok(code)
        } else {
            Err(CodeError::NoRoot)
        }
    }

    #[expect(single_use_lifetimes, reason = "anonymous lifetimes in impl Trait are unstable")]
    fn from_groups<'a>(groups: impl Iterator<Item = &'a str>) -> Result<Self, CodeError> {
        let mut code = Self { bytes: [0; CODE_CHARS_MAX], len: 0 };
        for group in groups {
            if code.len > 0 {
                code.push(b'.');
            } else if !group.starts_with(|c: char| c.is_ascii_alphabetic()) {
                return Err(CodeError::NoRoot);
            }
            for byte in group.bytes() {
                code.push(byte.to_ascii_uppercase());
            }
        }
        if code.len == 0 { Err(CodeError::NoRoot) } else { Ok(code) }
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(usize::from(self.len)) {
            *slot = byte;
            self.len += 1;
        }
    }

    /// The canonical (QĐ 20/2020) form.
    pub fn as_str(&self) -> &str {
        // Only ASCII was ever pushed.
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The canonical form, for hashing and comparing.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The thirteen-character form of QCVN 102, when the code fits it: at most four levels of
    /// 3, 2, 2 and 3 characters.
    pub fn qcvn(&self) -> Option<String> {
        let mut groups = self.as_str().split('.');
        let root = groups.next().filter(|g| g.len() == 3)?;
        let second = padded(groups.next(), 2)?;
        let third = padded(groups.next(), 2)?;
        let fourth = padded(groups.next(), 3)?;
        groups.next().is_none().then(|| format!("{fourth}.{third}.{second}.{root}"))
    }

    /// The form other systems expect to see: thirteen characters where they exist, else canonical.
    pub fn wire(&self) -> String {
        self.qcvn().unwrap_or_else(|| self.as_str().to_owned())
    }

    /// The agency one level up; `None` for a ministry or province.
    pub fn parent(&self) -> Option<Self> {
        let (parent, _) = self.as_str().rsplit_once('.')?;
        Self::from_groups(parent.split('.')).ok()
    }

    /// The ministry or province this agency belongs to (itself at level one).
    #[must_use]
    pub fn root(&self) -> Self {
        let root = self.as_str().split('.').next().unwrap_or_default();
        Self::from_groups(std::iter::once(root)).unwrap_or(*self)
    }

    /// 1 for a ministry or province, 2 for a department, and so on.
    pub fn level(&self) -> usize {
        self.as_str().split('.').count()
    }

    /// True for the agency itself and everything under it.
    pub fn is_at_or_below(&self, other: &Self) -> bool {
        let (own, above) = (self.as_bytes(), other.as_bytes());
        // Siblings differ in their last character, nearly always: a member may have hundreds of agencies to compare.
        let ends_alike = above.len().checked_sub(1).is_some_and(|end| own.get(end) == above.last());
        ends_alike
            && own
                .strip_prefix(above)
                .is_some_and(|rest| rest.first().is_none_or(|next| *next == b'.'))
    }
}

fn is_zero(group: &str) -> bool {
    group.bytes().all(|b| b == b'0')
}

/// QĐ 28/2018 Art. 10: thirteen characters, four groups separated by dots, level one last.
fn is_qcvn(text: &str) -> bool {
    if text.len() != 13 {
        return false;
    }
    let mut groups = text.split('.');
    let lengths = [3, 2, 2, 3];
    let fits = lengths.iter().all(|&len| groups.next().is_some_and(|g| g.len() == len));
    fits && groups.next().is_none()
        && text.rsplit('.').next().is_some_and(|g| g.starts_with(|c: char| c.is_ascii_alphabetic()))
        && !text.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn padded(group: Option<&str>, width: usize) -> Option<String> {
    let group = group.unwrap_or_default();
    (group.len() <= width).then(|| format!("{group:0>width$}"))
}

impl fmt::Display for AgencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AgencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AgencyCode {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_one_code() {
        // (given, canonical, thirteen characters): domain.md 3.1.
        let table = [
            ("000.00.00.H53", "H53", Some("000.00.00.H53")),
            ("000.00.13.H53", "H53.13", Some("000.00.13.H53")),
            ("000.01.13.H53", "H53.13.01", Some("000.01.13.H53")),
            ("000.21.31.H53", "H53.31.21", Some("000.21.31.H53")),
            (" h53.13 ", "H53.13", Some("000.00.13.H53")),
            ("001.00.20.TT2", "TT2.20.001", None),
            ("H55.242", "H55.242", None),
            ("H37.DN.001", "H37.DN.001", None),
            ("G22", "G22", Some("000.00.00.G22")),
        ];
        for (given, canonical, qcvn) in table {
            let code = AgencyCode::parse(given).unwrap();
            assert_eq!(code.as_str(), canonical, "{given}");
            assert_eq!(code.qcvn().as_deref(), qcvn, "{given}");
        }
    }

    #[test]
    fn what_is_not_a_code_is_refused() {
        assert_eq!(AgencyCode::parse("  "), Err(CodeError::Empty));
        assert_eq!(AgencyCode::parse("000.00.00.000"), Err(CodeError::NoRoot));
        assert_eq!(AgencyCode::parse("H53..13"), Err(CodeError::BadGroup));
        assert_eq!(AgencyCode::parse("H53.ĐN"), Err(CodeError::BadGroup));
        assert_eq!(AgencyCode::parse(&"H".repeat(36)), Err(CodeError::TooLong));
        assert_eq!(AgencyCode::parse("53.H13"), Err(CodeError::NoRoot));
    }

    #[test]
    fn the_tree_is_in_the_code() {
        let commune = AgencyCode::parse("H53.31.21").unwrap();
        let province = AgencyCode::parse("H53").unwrap();
        assert_eq!(commune.parent().unwrap().as_str(), "H53.31");
        assert_eq!(commune.root(), province);
        assert_eq!(commune.level(), 3);
        assert!(commune.is_at_or_below(&province) && province.is_at_or_below(&province));
        assert!(!AgencyCode::parse("H531").unwrap().is_at_or_below(&province));
    }
}
