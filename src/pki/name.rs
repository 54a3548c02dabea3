//! Whom a certificate is issued to, and how that stands in its subject alternative name.
//!
//! The holder is a URI of its own form (`urn:lienthong:member:VN:GOV:000.00.13.H53:qlvb`), because a
//! common name is free text and a DNS name cannot hold a colon. What is not plain is percent-encoded.
//!
//! Invariant: `Holder::from_uri(holder.uri())` gives the same holder again.

use crate::domain::agency::AgencyCode;
use std::fmt;
use std::str::FromStr;

const MEMBER_PREFIX: &str = "urn:lienthong:member:";
const PLATFORM_PREFIX: &str = "urn:lienthong:platform:";
/// Long enough for every name seen, short enough for a file name.
const NAME_CHARS_MAX: usize = 64;

/// A system that connects with a certificate: `VN:GOV:<agency code>:<system>` (domain.md 8.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId {
    pub agency: AgencyCode,
    system: String,
}

/// The name of a platform in its topology.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlatformName(String);

/// Whom a certificate is issued to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    Member(MemberId),
    Platform(PlatformName),
}

/// Why a text names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("not of the form VN:GOV:<agency code>:<system>")]
    NotAMember,
    #[error("the agency code is wrong")]
    Code(#[from] crate::domain::agency::CodeError),
    #[error(
        "a name has 1 to {NAME_CHARS_MAX} characters, no control character, no colon or slash, and no dot in front"
    )]
    BadName,
}

impl MemberId {
    pub fn new(agency: AgencyCode, system: &str) -> Result<Self, NameError> {
        Ok(Self { agency, system: checked(system)? })
    }

    /// Reads `VN:GOV:000.00.13.H53:qlvb`; the code may be in either of its written forms.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let mut parts = text.trim().splitn(4, ':');
        let (Some(country), Some(class), Some(code), Some(system)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NameError::NotAMember);
        };
        if !country.eq_ignore_ascii_case("VN") || !class.eq_ignore_ascii_case("GOV") {
            return Err(NameError::NotAMember);
        }
        Self::new(AgencyCode::parse(code)?, system)
    }

    pub fn system(&self) -> &str {
        &self.system
    }

    fn code(&self) -> String {
        self.agency.qcvn().unwrap_or_else(|| self.agency.as_str().to_owned())
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VN:GOV:{}:{}", self.code(), self.system)
    }
}

impl FromStr for MemberId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl PlatformName {
    pub fn new(name: &str) -> Result<Self, NameError> {
        checked(name).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a DNS label, where it is one.
    pub fn dns_label(&self) -> Option<String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let fits = self.0.len() <= 63 && self.0.bytes().all(plain);
        let hyphened = self.0.starts_with('-') || self.0.ends_with('-');
        (fits && !hyphened).then(|| self.0.to_ascii_lowercase())
    }
}

impl fmt::Display for PlatformName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Holder {
    /// Reads the form that `Display` writes: a member id where it is one, else a platform's name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match MemberId::parse(text) {
            Ok(member) => Ok(Self::Member(member)),
            Err(NameError::NotAMember) => PlatformName::new(text.trim()).map(Self::Platform),
            Err(wrong) => Err(wrong),
        }
    }

    pub fn uri(&self) -> String {
        match self {
            Self::Member(id) => {
                format!("{MEMBER_PREFIX}VN:GOV:{}:{}", id.code(), encoded(&id.system))
            }
            Self::Platform(name) => format!("{PLATFORM_PREFIX}{}", encoded(&name.0)),
        }
    }

    /// `None` for a URI that is not ours or is damaged.
    pub fn from_uri(uri: &str) -> Option<Self> {
        if let Some(id) = uri.strip_prefix(MEMBER_PREFIX) {
            return MemberId::parse(&decoded(id)?).ok().map(Self::Member);
        }
        let name = uri.strip_prefix(PLATFORM_PREFIX)?;
        PlatformName::new(&decoded(name)?).ok().map(Self::Platform)
    }

    /// The stem of this holder's files. No two holders share one: an agency code has no underscore.
    pub(super) fn file_stem(&self) -> String {
        match self {
            Self::Member(id) => format!("members/{}_{}", id.code(), encoded(&id.system)),
            Self::Platform(name) => format!("platforms/{}", encoded(&name.0)),
        }
    }

    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Member(_) => "member",
            Self::Platform(_) => "platform",
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(id) => id.fmt(f),
            Self::Platform(name) => name.fmt(f),
        }
    }
}

fn checked(name: &str) -> Result<String, NameError> {
    let bad = |c: char| c.is_control() || matches!(c, ':' | '/' | '\\');
    let long = name.chars().count() > NAME_CHARS_MAX;
    if name.is_empty() || long || name.starts_with('.') || name.chars().any(bad) {
        return Err(NameError::BadName);
    }
    Ok(name.to_owned())
}

fn encoded(text: &str) -> String {
    use fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(out, "%{byte:02X}").ok();
        }
    }
    out
}

fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_comes_back_out_of_its_uri() {
        for text in [
            "VN:GOV:000.00.13.H53:qlvb",
            "VN:GOV:H53.13:một cửa 100%",
            "VN:GOV:H55.242:x_y",
            "lgsp-h53",
            "Trục liên thông",
        ] {
            let holder = Holder::parse(text).unwrap();
            assert!(holder.uri().is_ascii());
            assert_eq!(Holder::from_uri(&holder.uri()), Some(holder.clone()), "{text}");
            assert_eq!(Holder::parse(&holder.to_string()).unwrap(), holder);
        }
        let old = MemberId::parse("vn:gov:000.00.13.H53:qlvb").unwrap();
        assert_eq!(old, MemberId::parse("VN:GOV:H53.13:qlvb").unwrap());
        assert_eq!(old.to_string(), "VN:GOV:000.00.13.H53:qlvb");
    }

    #[test]
    fn a_name_cannot_leave_its_folder_or_pose_as_another() {
        for text in ["..", ".x", "a/b", "a\\b", "", "a\nb", "VN:COM:H53:x", "VN:GOV:H53:a:b"] {
            assert!(Holder::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Holder::from_uri("urn:lienthong:platform:%2e%2e"), None);
        assert_eq!(Holder::from_uri("urn:lienthong:platform:%2"), None);
        assert_eq!(Holder::from_uri("urn:other:platform:a"), None);
    }

    #[test]
    fn only_a_proper_label_becomes_a_dns_name() {
        let label = |name: &str| PlatformName::new(name).unwrap().dns_label();
        assert_eq!(label("LGSP-H53").as_deref(), Some("lgsp-h53"));
        assert_eq!(label("-a"), None);
        assert_eq!(label("a b"), None);
    }
}
