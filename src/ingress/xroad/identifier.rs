//! X-Road identifiers: who calls, what is called, and how both are written in a URL (wire/xroad.md 2.1, 2.2).
//!
//! Every part is percent-decoded alone, so `BAR%2FSERVICE` is the one code `BAR/SERVICE`. A part is
//! never empty and never longer than `IDENTIFIER_CHARS_MAX`.

use super::percent;
use std::fmt;

/// The width of an identifier in X-Road's own databases.
pub(super) const IDENTIFIER_CHARS_MAX: usize = 255;

/// A member, or one subsystem of it: `inst/class/code[/subsystem]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClientId {
    pub instance: String,
    pub class: String,
    pub member: String,
    pub subsystem: Option<String>,
}

/// A security server: `inst/class/code/serverCode`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ServerId {
    pub instance: String,
    pub class: String,
    pub member: String,
    pub server: String,
}

/// The service that a REST request names. REST needs all five parts (wire/xroad.md 2.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ServiceTarget {
    pub instance: String,
    pub class: String,
    pub member: String,
    pub subsystem: String,
    pub service_code: String,
}

/// The service that a SOAP request names, where subsystem and version may be missing (wire/xroad.md 2.9).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ServiceId {
    pub instance: String,
    pub class: String,
    pub member: String,
    pub subsystem: Option<String>,
    pub service_code: String,
    pub service_version: Option<String>,
}

/// On whose behalf the client acts: `[class/]code`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RepresentedParty {
    pub class: Option<String>,
    pub code: String,
}

/// Why a text is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdentifierError {
    /// Too few or too many parts between `/`.
    PartCount,
    Empty,
    TooLong,
    /// A `%` without two hexadecimal digits, or bytes that are not UTF-8.
    BadEncoding,
}

impl fmt::Display for IdentifierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PartCount => f.write_str("wrong number of identifier parts"),
            Self::Empty => f.write_str("an identifier is empty"),
            Self::TooLong => {
                write!(f, "an identifier is longer than {IDENTIFIER_CHARS_MAX} characters")
            }
            Self::BadEncoding => f.write_str("an identifier is not percent-encoded UTF-8"),
        }
    }
}

impl std::error::Error for IdentifierError {}

impl ClientId {
    /// Reads `X-Road-Client`.
    pub(super) fn parse(value: &str) -> Result<Self, IdentifierError> {
        let parts: [Option<&str>; 4] = split(value)?;
        let [Some(instance), Some(class), Some(member), subsystem] = parts else {
            return Err(IdentifierError::PartCount);
        };
        Ok(Self {
            instance: decoded(instance)?,
            class: decoded(class)?,
            member: decoded(member)?,
            subsystem: subsystem.map(decoded).transpose()?,
        })
    }
}

impl ServerId {
    /// Reads `X-Road-Security-Server`: exactly four parts.
    pub(super) fn parse(value: &str) -> Result<Self, IdentifierError> {
        let parts: [Option<&str>; 4] = split(value)?;
        let [Some(instance), Some(class), Some(member), Some(server)] = parts else {
            return Err(IdentifierError::PartCount);
        };
        Ok(Self {
            instance: decoded(instance)?,
            class: decoded(class)?,
            member: decoded(member)?,
            server: decoded(server)?,
        })
    }
}

impl RepresentedParty {
    /// Reads `X-Road-Represented-Party`.
    pub(super) fn parse(value: &str) -> Result<Self, IdentifierError> {
        let parts: [Option<&str>; 2] = split(value)?;
        match parts {
            [Some(class), Some(code)] => {
                Ok(Self { class: Some(decoded(class)?), code: decoded(code)? })
            }
            [Some(code), None] => Ok(Self { class: None, code: decoded(code)? }),
            [None, _] => Err(IdentifierError::PartCount),
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_parts(f, [&self.instance, &self.class, &self.member], self.subsystem.iter())
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_parts(f, [&self.instance, &self.class, &self.member], [&self.server])
    }
}

impl fmt::Display for ServiceTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest = [&self.subsystem, &self.service_code];
        write_parts(f, [&self.instance, &self.class, &self.member], rest)
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rest =
            self.subsystem.iter().chain([&self.service_code]).chain(self.service_version.iter());
        write_parts(f, [&self.instance, &self.class, &self.member], rest)
    }
}

impl fmt::Display for RepresentedParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(class) = &self.class {
            percent::write_segment(f, class)?;
            f.write_str("/")?;
        }
        percent::write_segment(f, &self.code)
    }
}

/// One identifier that is not encoded, as SOAP headers carry it.
pub(super) fn checked(identifier: String) -> Result<String, IdentifierError> {
    if identifier.is_empty() {
        return Err(IdentifierError::Empty);
    }
    if identifier.chars().nth(IDENTIFIER_CHARS_MAX).is_some() {
        return Err(IdentifierError::TooLong);
    }
    Ok(identifier)
}

/// One identifier as it stands in a URL.
pub(super) fn decoded(part: &str) -> Result<String, IdentifierError> {
    // Three bytes for each of at most four: longer cannot decode to few enough characters.
    if part.len() > IDENTIFIER_CHARS_MAX * 12 {
        return Err(IdentifierError::TooLong);
    }
    checked(percent::decode(part).ok_or(IdentifierError::BadEncoding)?)
}

/// The parts between `/`, at most `N` of them.
fn split<const N: usize>(value: &str) -> Result<[Option<&str>; N], IdentifierError> {
    let mut given = value.split('/');
    let parts = std::array::from_fn(|_| given.next());
    if given.next().is_some() { Err(IdentifierError::PartCount) } else { Ok(parts) }
}

fn write_parts<'a>(
    f: &mut fmt::Formatter<'_>,
    member: [&'a String; 3],
    rest: impl IntoIterator<Item = &'a String>,
) -> fmt::Result {
    let [instance, others @ ..] = member;
    percent::write_segment(f, instance)?;
    for part in others.into_iter().chain(rest) {
        f.write_str("/")?;
        percent::write_segment(f, part)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{
        ClientId, IDENTIFIER_CHARS_MAX, IdentifierError, RepresentedParty, ServerId, ServiceTarget,
    };
    use crate::ingress::xroad::target::RestTarget;
    use proptest::prelude::{any, prop_assert_eq, proptest};

    #[test]
    fn a_client_has_three_or_four_parts() {
        let cases = [
            // wire/xroad.md 2.2, row X-Road-Client
            ("DEV/COM/4321", Ok(None)),
            ("DEV/COM/4321/TestClient", Ok(Some("TestClient"))),
            ("DEV/COM/4321/a%2Fb", Ok(Some("a/b"))),
            ("DEV/COM/4321/a+b", Ok(Some("a+b"))),
            ("DEV/COM/4321/%C4%90", Ok(Some("Đ"))),
            ("DEV/COM", Err(IdentifierError::PartCount)),
            ("DEV/COM/1/2/3", Err(IdentifierError::PartCount)),
            ("", Err(IdentifierError::PartCount)),
            ("DEV//4321/x", Err(IdentifierError::Empty)),
            ("DEV/COM/4321/", Err(IdentifierError::Empty)),
            ("DEV/COM/4321/%C4", Err(IdentifierError::BadEncoding)),
            ("DEV/COM/4321/%4", Err(IdentifierError::BadEncoding)),
            ("DEV/COM/4321/%zz", Err(IdentifierError::BadEncoding)),
        ];
        for (value, expected) in cases {
            let read = ClientId::parse(value).map(|client| client.subsystem);
            assert_eq!(read, expected.map(|code| code.map(str::to_owned)), "{value}");
        }
    }

    #[test]
    fn a_server_has_exactly_four_parts() {
        assert!(ServerId::parse("DEV/COM/1234/ss1").is_ok());
        for wrong in ["DEV/COM/1234", "DEV/COM/1234/ss1/x", ""] {
            assert_eq!(ServerId::parse(wrong), Err(IdentifierError::PartCount), "{wrong}");
        }
    }

    #[test]
    fn a_represented_party_has_at_most_two_parts() {
        let one = RepresentedParty::parse("1234").unwrap();
        assert_eq!((one.class, one.code.as_str()), (None, "1234"));
        let two = RepresentedParty::parse("COM/1234").unwrap();
        assert_eq!(two.to_string(), "COM/1234");
        assert_eq!(RepresentedParty::parse("a/b/c"), Err(IdentifierError::PartCount));
    }

    #[test]
    fn an_identifier_is_bounded_in_characters() {
        let longest = "ĐĐĐ".repeat(IDENTIFIER_CHARS_MAX / 3);
        assert!(ClientId::parse(&format!("A/B/{longest}")).is_ok());
        let longer = format!("A/B/{longest}x");
        assert_eq!(ClientId::parse(&longer), Err(IdentifierError::TooLong));
        let huge = format!("A/B/{}", "x".repeat(1 << 20));
        assert_eq!(ClientId::parse(&huge), Err(IdentifierError::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            instance in "\\PC{1,20}", class in "[ -~]{1,20}", member in "[\\x00-\\x7f]{1,20}",
            subsystem in "\\PC{1,40}", service_code in "[/%+? ]{1,10}",
        ) {
            let service = ServiceTarget { instance, class, member, subsystem, service_code };
            let target = format!("/r1/{service}");
            let read = RestTarget::parse(&target).map(|target| target.service);
            prop_assert_eq!(read, Ok(service.clone()));
            let ServiceTarget { instance, class, member, subsystem, .. } = service;
            let client = ClientId { instance, class, member, subsystem: Some(subsystem) };
            prop_assert_eq!(ClientId::parse(&client.to_string()), Ok(client));
        }

        #[test]
        fn no_text_upsets_the_readers(text in any::<String>()) {
            drop(ClientId::parse(&text));
            drop(ServerId::parse(&text));
            drop(RepresentedParty::parse(&text));
        }
    }
}
