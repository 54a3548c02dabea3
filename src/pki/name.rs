//! Whom a certificate is issued to, and how that stands in its subject alternative name.
//!
//! The holder is a URI of its own form (`urn:lienthong:member:VN:GOV:000.00.13.H53:qlvb`), because a
//! common name is free text and a DNS name cannot hold a colon. What is not plain is percent-encoded.
//!
//! Invariant: `Holder::from_uri(holder.uri())` gives the same holder again.

use crate::domain::member_id::{MemberId, NameError, checked_name};
use std::fmt;

const MEMBER_PREFIX: &str = "urn:lienthong:member:";
const PLATFORM_PREFIX: &str = "urn:lienthong:platform:";
/// The name of a platform in its topology.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlatformName(String);

/// Whom a certificate is issued to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    Member(MemberId),
    Platform(PlatformName),
}

impl PlatformName {
    pub fn new(name: &str) -> Result<Self, NameError> {
        checked_name(name).map(Self)
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
                let parts = [id.instance(), id.class(), id.code(), id.system()].map(encoded);
                format!("{MEMBER_PREFIX}{}", parts.join(":"))
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

    /// The stem of this holder's files. No two holders share one: an agency code has no underscore, and
    /// nothing encoded has an `@`.
    pub(super) fn file_stem(&self) -> String {
        match self {
            Self::Member(id) if (id.instance(), id.class()) == ("VN", "GOV") => {
                format!("members/{}_{}", id.code(), encoded(id.system()))
            }
            Self::Member(id) => {
                let parts = [id.instance(), id.class(), id.code(), id.system()].map(encoded);
                format!("members/{}", parts.join("@"))
            }
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
            "DEV:COM:4321:TestClient",
            "lgsp-h53",
            "Trục liên thông",
        ] {
            let holder = Holder::parse(text).unwrap();
            assert!(holder.uri().is_ascii());
            assert_eq!(Holder::from_uri(&holder.uri()), Some(holder.clone()), "{text}");
            assert_eq!(Holder::parse(&holder.to_string()).unwrap(), holder);
        }
    }

    #[test]
    fn a_name_cannot_leave_its_folder_or_pose_as_another() {
        for text in ["..", ".x", "a/b", "a\\b", "", "a\nb", "VN:GOV:đây:y", "VN:GOV:H53:a:b"] {
            assert!(Holder::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(Holder::from_uri("urn:lienthong:platform:%2e%2e"), None);
        assert_eq!(Holder::from_uri("urn:lienthong:platform:%2"), None);
        assert_eq!(Holder::from_uri("urn:other:platform:a"), None);
    }

    #[test]
    fn no_two_members_share_a_file() {
        let stem = |text: &str| Holder::parse(text).unwrap().file_stem();
        assert_eq!(stem("VN:GOV:H53.13:qlvb"), "members/000.00.13.H53_qlvb");
        assert_eq!(stem("DEV:COM:4321:TestClient"), "members/DEV@COM@4321@TestClient");
        assert_ne!(stem("DEV:COM:a@b:c"), stem("DEV:COM:a:b@c"));
        assert_ne!(stem("DEV:GOV:H53:qlvb"), stem("VN:GOV:H53:qlvb"));
    }

    #[test]
    fn only_a_proper_label_becomes_a_dns_name() {
        let label = |name: &str| PlatformName::new(name).unwrap().dns_label();
        assert_eq!(label("LGSP-H53").as_deref(), Some("lgsp-h53"));
        assert_eq!(label("-a"), None);
        assert_eq!(label("a b"), None);
    }
}
