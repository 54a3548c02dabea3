//! The raw request target of a REST call (wire/xroad.md 2.1):
//! `/r1/{instance}/{class}/{member}/{subsystem}/{service}[/path][?query]`.
//!
//! Path and query stay raw: `/path%3B/` reaches the provider as it came.

use super::identifier::{IdentifierError, ServiceTarget, decoded};

/// A REST target taken apart. Borrowed parts are raw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RestTarget<'a> {
    pub service: ServiceTarget,
    /// Empty, or from the `/` behind the service code on.
    pub service_path: &'a str,
    pub query: Option<&'a str>,
}

/// True when the REST handler takes the request; all other targets are SOAP, metaservice or evidence.
pub(super) fn is_rest(target: &str) -> bool {
    target.starts_with("/r1/")
}

/// Methods that X-Road lets through (wire/xroad.md 2.1, enum `Verb`).
pub(super) fn is_rest_method(method: &str) -> bool {
    matches!(method, "DELETE" | "GET" | "HEAD" | "OPTIONS" | "PATCH" | "POST" | "PUT" | "TRACE")
}

impl<'a> RestTarget<'a> {
    /// Reads a target in origin form. Fewer than five identifiers, and identifiers that are empty,
    /// too long or badly encoded, are errors.
    pub(super) fn parse(target: &'a str) -> Result<Self, IdentifierError> {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let identifiers = path.strip_prefix("/r1/").ok_or(IdentifierError::PartCount)?;
        let mut parts = identifiers.splitn(6, '/');
        let mut next = || parts.next().ok_or(IdentifierError::PartCount);
        let raw = [next()?, next()?, next()?, next()?, next()?];
        let used = raw.iter().map(|part| part.len() + 1).sum::<usize>() - 1;
        let service_path = identifiers.get(used..).unwrap_or_default();
        let [instance, class, member, subsystem, service_code] = raw;
        let service = ServiceTarget {
            instance: decoded(instance)?,
            class: decoded(class)?,
            member: decoded(member)?,
            subsystem: decoded(subsystem)?,
            service_code: decoded(service_code)?,
        };
        Ok(Self { service, service_path, query })
    }
}

#[cfg(test)]
mod tests {
    use super::{RestTarget, is_rest, is_rest_method};
    use crate::ingress::xroad::identifier::IdentifierError;
    use proptest::prelude::{any, proptest};

    #[test]
    fn a_target_is_five_identifiers_a_raw_path_and_a_raw_query() {
        let base = "/r1/DEV/COM/1234/TestService";
        let cases = [
            // wire/xroad.md 2.1
            ("/mock1", Ok(("mock1", "", None))),
            ("/mock1/", Ok(("mock1", "/", None))),
            ("/mock1/a/b", Ok(("mock1", "/a/b", None))),
            ("/mock1/path%3B/", Ok(("mock1", "/path%3B/", None))),
            ("/mock1//x//", Ok(("mock1", "//x//", None))),
            ("/mock1?x=1&y=%2F?/", Ok(("mock1", "", Some("x=1&y=%2F?/")))),
            ("/mock1/a?", Ok(("mock1", "/a", Some("")))),
            ("/BAR%2FSERVICE/p", Ok(("BAR/SERVICE", "/p", None))),
            ("/%ff", Err(IdentifierError::BadEncoding)),
            ("/%4", Err(IdentifierError::BadEncoding)),
            ("/", Err(IdentifierError::Empty)),
            ("", Err(IdentifierError::PartCount)),
            ("?a/b/c", Err(IdentifierError::PartCount)),
        ];
        for (rest, expected) in cases {
            let target = format!("{base}{rest}");
            let read = RestTarget::parse(&target);
            let read = read
                .as_ref()
                .map(|read| (read.service.service_code.as_str(), read.service_path, read.query));
            assert_eq!(read, expected.as_ref().copied(), "{target}");
        }
    }

    #[test]
    fn encoded_separators_do_not_separate() {
        // wire/xroad.md 2.1: INSTANCE%2FCLASS… has too few parts
        let read = RestTarget::parse("/r1/DEV%2FCOM%2F1234%2FTestService/mock1");
        assert_eq!(read, Err(IdentifierError::PartCount));
    }

    #[test]
    fn only_r1_is_rest() {
        assert!(is_rest("/r1/DEV"));
        for other in ["/", "/r1", "/r2/DEV/COM/1/2/3", "/listClients", "/R1/x", ""] {
            assert!(!is_rest(other), "{other}");
        }
        assert!(is_rest_method("TRACE") && !is_rest_method("CONNECT") && !is_rest_method("get"));
    }

    proptest! {
        #[test]
        fn no_target_upsets_the_reader(text in any::<String>(), tail in "[/%a-z?]{0,60}") {
            drop(RestTarget::parse(&text));
            let target = format!("/r1/{tail}");
            if let Ok(read) = RestTarget::parse(&target) {
                let end = read.query.map_or_else(String::new, |query| format!("?{query}"));
                assert!(target.ends_with(&format!("{}{end}", read.service_path)));
            }
        }
    }
}
