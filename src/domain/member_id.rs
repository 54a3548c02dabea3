//! `MemberId`: the four-part name of a system that connects.
//!
//! `instance:class:member:subsystem` (domain.md 4.1, wire/xroad.md 2.1). In the class `GOV` the member is an
//! agency and stands in the 13-character form; in the others (`COM` with a tax code) it is any name.

use super::agency::{AgencyCode, CodeError};
use std::fmt;
use std::str::FromStr;

/// Long enough for every name seen, short enough for a file name.
pub const NAME_CHARS_MAX: usize = 64;

/// The class whose members are agencies, and the country: written in any case, known by this one.
const GOVERNMENT: &str = "GOV";
const VIET_NAM: &str = "VN";

/// The class of platforms, which call in their own name only to tell of what they carried.
pub const PLATFORM_CLASS: &str = "PLATFORM";
/// The class of whoever comes by a public door: nobody in particular.
pub const PUBLIC_CLASS: &str = "PUBLIC";

/// `VN:GOV:000.00.13.H53:qlvb`, `VN:COM:0106001236:NganLuongPaymentSvc`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId {
    /// Whole, with its colons: ids are written, compared and looked up far more often than taken apart.
    text: String,
    /// Where class, code and system begin.
    parts: [usize; 3],
    agency: Option<AgencyCode>,
}

/// Why a text names no member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("not of the form VN:GOV:<agency code>:<system>")]
    NotAMember,
    #[error("the agency code is wrong")]
    Code(#[from] CodeError),
    #[error(
        "a name has 1 to {NAME_CHARS_MAX} characters, no control character, no colon or slash, and no dot in front"
    )]
    BadName,
}

impl MemberId {
    /// The system of an agency.
    pub fn of_agency(instance: &str, agency: &AgencyCode, system: &str) -> Result<Self, NameError> {
        check_name(instance)?;
        check_name(system)?;
        Ok(Self::of_checked([instance, GOVERNMENT, &agency.wire(), system], Some(*agency)))
    }

    /// Reads `VN:GOV:000.00.13.H53:qlvb`; an agency's code may be in either of its written forms.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let mut parts = text.trim().splitn(4, ':');
        let (Some(instance), Some(class), Some(code), Some(system)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NameError::NotAMember);
        };
        Self::from_parts(instance, class, code, system)
    }

    pub fn from_parts(
        instance: &str,
        class: &str,
        code: &str,
        system: &str,
    ) -> Result<Self, NameError> {
        let is_ours = instance.eq_ignore_ascii_case(VIET_NAM);
        let instance = if is_ours { VIET_NAM } else { instance };
        if class.eq_ignore_ascii_case(GOVERNMENT) {
            return Self::of_agency(instance, &AgencyCode::parse(code)?, system);
        }
        let names = [instance, class, code, system];
        names.into_iter().try_for_each(check_name)?;
        Ok(Self::of_checked(names, None))
    }

    fn of_checked(names: [&str; 4], agency: Option<AgencyCode>) -> Self {
        let [instance, class, code, _] = names.map(|name| name.len() + 1);
        Self {
            text: names.join(":"),
            parts: [instance, instance + class, instance + class + code],
            agency,
        }
    }

    /// As `Display` writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn part(&self, begin: usize, next: usize) -> &str {
        self.text.get(begin..next - 1).unwrap_or_default()
    }

    pub fn instance(&self) -> &str {
        let [class, ..] = self.parts;
        self.part(0, class)
    }

    pub fn class(&self) -> &str {
        let [class, code, _] = self.parts;
        self.part(class, code)
    }

    /// The member's own code; an agency's has 13 characters where it has that form.
    pub fn code(&self) -> &str {
        let [_, code, system] = self.parts;
        self.part(code, system)
    }

    /// The subsystem, in X-Road's words.
    pub fn system(&self) -> &str {
        let [.., system] = self.parts;
        self.part(system, self.text.len() + 1)
    }

    /// Whose system it is, in the class `GOV`.
    pub const fn agency(&self) -> Option<&AgencyCode> {
        self.agency.as_ref()
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for MemberId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

/// A name that can be part of an id and of a file name.
pub fn checked_name(name: &str) -> Result<String, NameError> {
    check_name(name).map(|()| name.to_owned())
}

fn check_name(name: &str) -> Result<(), NameError> {
    let bad = |c: char| c.is_control() || matches!(c, ':' | '/' | '\\');
    let long = name.chars().count() > NAME_CHARS_MAX;
    if name.is_empty() || long || name.starts_with('.') || name.chars().any(bad) {
        return Err(NameError::BadName);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agency_has_one_name_whichever_form_its_code_came_in() {
        let id = MemberId::parse("VN:GOV:H53.13:qlvb").unwrap();
        assert_eq!(id, MemberId::parse(" VN:GOV:000.00.13.H53:qlvb ").unwrap());
        assert_eq!(id, MemberId::parse("vn:gov:000.00.13.H53:qlvb").unwrap());
        assert_eq!(id.to_string(), "VN:GOV:000.00.13.H53:qlvb");
        assert_eq!(id.agency(), Some(&AgencyCode::parse("H53.13").unwrap()));
        assert_eq!((id.instance(), id.class(), id.system()), ("VN", "GOV", "qlvb"));
    }

    #[test]
    fn other_classes_have_members_of_any_name() {
        for text in ["DEV:COM:4321:TestClient", "VN:COM:0106001236:NganLuongPaymentSvc"] {
            let id = MemberId::parse(text).unwrap();
            assert_eq!((id.to_string().as_str(), id.agency()), (text, None));
        }
    }

    #[test]
    fn what_is_no_id_is_told_apart() {
        for (text, wrong) in [
            ("VN:GOV:H53", NameError::NotAMember),
            ("lgsp-h53", NameError::NotAMember),
            ("VN:COM:H53:a:b", NameError::BadName),
            ("VN:COM::a", NameError::BadName),
            ("VN:COM:..:a", NameError::BadName),
            ("VN:COM:a/b:c", NameError::BadName),
        ] {
            assert_eq!(MemberId::parse(text), Err(wrong), "{text}");
        }
        assert!(matches!(MemberId::parse("VN:GOV:đây:a"), Err(NameError::Code(_))));
    }
}
