//! The old way to a service that UXP and Trembita clients still use (wire/xroad.md 2.8): `GET /wsdl?…`,
//! then a `POST` in absolute form to the address that the anonymised WSDL names.

use super::identifier::{IdentifierError, ServiceId, checked};
use super::query;
use quick_xml::NsReader;
use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use std::fmt;

/// The address that stands for the provider's in every description handed out.
pub(super) const ENDPOINT: &str = "http://example.org/xroad-endpoint";

/// Why a `/wsdl` query names no service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WsdlQueryError {
    /// The parameter is missing, repeated or not percent-encoded UTF-8.
    Parameter(&'static str),
    Identifier(&'static str, IdentifierError),
}

impl fmt::Display for WsdlQueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "parameter {name} must be given once"),
            Self::Identifier(name, error) => write!(f, "parameter {name}: {error}"),
        }
    }
}

impl std::error::Error for WsdlQueryError {}

/// Reads a target `/wsdl?xRoadInstance=…&memberClass=…&memberCode=…&subsystemCode=…&serviceCode=…`
/// with an optional `serviceVersion`; `None` for another target. An empty optional value is no value.
pub(super) fn parse(target: &str) -> Option<Result<ServiceId, WsdlQueryError>> {
    let rest = origin_form(target).strip_prefix("/wsdl")?;
    if rest.is_empty() {
        return Some(service(""));
    }
    rest.strip_prefix('?').map(service)
}

/// The target without scheme and host, when it came in absolute form.
pub(super) fn origin_form(target: &str) -> &str {
    let scheme = |name: &str| {
        target.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name))?;
        target.get(name.len()..)
    };
    let Some(rest) = scheme("http://").or_else(|| scheme("https://")) else { return target };
    match rest.find(['/', '?']) {
        Some(at) if rest.get(at..).is_some_and(|path| path.starts_with('/')) => {
            rest.get(at..).unwrap_or("/")
        }
        Some(_) | None => "/",
    }
}

/// True for a target that a SOAP message is posted to: `/`, or the absolute form of the anonymous
/// address.
pub(super) fn is_soap_endpoint(target: &str) -> bool {
    target == "/" || target == ENDPOINT || origin_form(target) == "/xroad-endpoint"
}

/// The description with every service address replaced by `ENDPOINT`. `None` when it is not
/// well-formed XML, or has a DTD: what cannot be read cannot be made anonymous.
pub(super) fn anonymise_wsdl_address(wsdl: &str) -> Option<String> {
    let wsdl = wsdl.strip_prefix('\u{feff}').unwrap_or(wsdl);
    if wsdl.starts_with('\u{feff}') {
        return None;
    }
    let mut reader = NsReader::from_str(wsdl);
    reader.config_mut().check_end_names = true;
    let mut written = String::with_capacity(wsdl.len() + ENDPOINT.len());
    let mut copied = 0;
    let mut depth = 0_usize;
    loop {
        let begins = usize::try_from(reader.buffer_position()).ok()?;
        let (namespace, event) = reader.read_resolved_event().ok()?;
        let (tag, is_empty) = match event {
            Event::Eof => break,
            Event::DocType(_) => return None,
            Event::End(_) => {
                depth = depth.checked_sub(1)?;
                continue;
            }
            Event::Start(tag) => (tag, false),
            Event::Empty(tag) => (tag, true),
            Event::Text(_)
            | Event::CData(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::GeneralRef(_) => continue,
        };
        depth += usize::from(!is_empty);
        let is_address = tag.local_name().as_ref() == "address"
            && matches!(namespace, ResolveResult::Bound(bound) if BINDINGS.contains(&bound.0));
        if is_address {
            let tag = anonymous(&tag, is_empty)?;
            written.push_str(wsdl.get(copied..begins)?);
            written.push_str(&tag);
            copied = usize::try_from(reader.buffer_position()).ok()?;
        }
    }
    if depth > 0 {
        return None;
    }
    written.push_str(wsdl.get(copied..)?);
    Some(written)
}

fn anonymous(tag: &BytesStart<'_>, is_empty: bool) -> Option<String> {
    let mut text = format!("<{}", tag.name().0);
    for attribute in tag.attributes() {
        let attribute = attribute.ok()?;
        let value = match attribute.key.0 {
            "location" => ENDPOINT.into(),
            // The value is still escaped but for the quotes, which may have been single.
            _ => attribute.value.replace('"', &escape("\"")),
        };
        text.push_str(&format!(" {}=\"{value}\"", attribute.key.0));
    }
    text.push_str(if is_empty { "/>" } else { ">" });
    Some(text)
}

fn service(asked: &str) -> Result<ServiceId, WsdlQueryError> {
    let required = |name: &'static str| {
        let value = query::only(asked, name).ok_or(WsdlQueryError::Parameter(name))?;
        checked(value).map_err(|error| WsdlQueryError::Identifier(name, error))
    };
    let optional = |name: &'static str| {
        let is_given = query::has(asked, name) && query::only(asked, name).as_deref() != Some("");
        is_given.then(|| required(name)).transpose()
    };
    Ok(ServiceId {
        instance: required("xRoadInstance")?,
        class: required("memberClass")?,
        member: required("memberCode")?,
        subsystem: optional("subsystemCode")?,
        service_code: required("serviceCode")?,
        service_version: optional("serviceVersion")?,
    })
}

/// Namespaces whose `address` is a place on the network: SOAP 1.1, SOAP 1.2 and HTTP bindings.
const BINDINGS: [&str; 3] = [
    "http://schemas.xmlsoap.org/wsdl/soap/",
    "http://schemas.xmlsoap.org/wsdl/soap12/",
    "http://schemas.xmlsoap.org/wsdl/http/",
];

#[cfg(test)]
mod tests {
    use super::{
        ENDPOINT, WsdlQueryError, anonymise_wsdl_address, is_soap_endpoint, origin_form, parse,
    };
    use proptest::prelude::{any, proptest};

    const FULL: &str = "/wsdl?xRoadInstance=DEV&memberClass=COM&memberCode=1234&subsystemCode=Test+S&serviceCode=a%2Fb";

    #[test]
    fn a_wsdl_query_names_a_service() {
        // wire/xroad.md 2.8, last paragraph
        let service = parse(FULL).unwrap().unwrap();
        assert_eq!(service.subsystem.as_deref(), Some("Test S"));
        assert_eq!((service.service_code.as_str(), service.service_version), ("a/b", None));
        let service = parse(&format!("{FULL}&serviceVersion=v1")).unwrap().unwrap();
        assert_eq!(service.service_version.as_deref(), Some("v1"));
        let service = parse(&FULL.replace("Test+S", "")).unwrap().unwrap();
        assert_eq!(service.subsystem, None);
        assert!(parse(&format!("http://proxy{FULL}")).unwrap().is_ok());
    }

    #[test]
    fn a_wsdl_query_without_a_needed_parameter_says_which() {
        let without = FULL.replace("memberCode=1234&", "");
        assert_eq!(parse(&without), Some(Err(WsdlQueryError::Parameter("memberCode"))));
        let twice = format!("{FULL}&serviceCode=x");
        assert_eq!(parse(&twice), Some(Err(WsdlQueryError::Parameter("serviceCode"))));
        let broken = format!("{FULL}&serviceVersion=%");
        assert_eq!(parse(&broken), Some(Err(WsdlQueryError::Parameter("serviceVersion"))));
        assert!(parse("/wsdl").unwrap().is_err());
        assert_eq!(parse("/wsdlx"), None);
        assert_eq!(parse("/r1/wsdl?serviceCode=1"), None);
    }

    #[test]
    fn an_absolute_target_is_understood() {
        let cases = [
            ("http://example.org/xroad-endpoint", "/xroad-endpoint"),
            ("HTTPS://h:8443/r1/a?b=http://x/", "/r1/a?b=http://x/"),
            ("http://h", "/"),
            ("http://h?x=/", "/"),
            ("/http://h/x", "/http://h/x"),
            ("*", "*"),
        ];
        for (target, expected) in cases {
            assert_eq!(origin_form(target), expected, "{target}");
        }
        assert!(is_soap_endpoint("/") && is_soap_endpoint(ENDPOINT));
        assert!(!is_soap_endpoint("/r1/a") && !is_soap_endpoint("http://h/other"));
    }

    #[test]
    fn every_address_of_a_wsdl_is_replaced() {
        let wsdl = r#"<?xml version="1.0"?><w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:o="urn:other"><w:service><w:port><s:address x='a"b' location="http://secret:80/x?a&amp;b" /></w:port><w:port><address xmlns="http://schemas.xmlsoap.org/wsdl/soap12/" location='http://secret/'></address></w:port><o:address location="kept"/></w:service></w:definitions>"#;
        let written = anonymise_wsdl_address(wsdl).unwrap();
        assert!(!written.contains("secret"), "{written}");
        assert_eq!(written.matches(ENDPOINT).count(), 2);
        assert!(written.contains(r#"<s:address x="a&quot;b" location="http://example.org/"#));
        assert!(written.contains(r#"<o:address location="kept"/></w:service></w:definitions>"#));
        assert_eq!(anonymise_wsdl_address(&written).as_deref(), Some(written.as_str()));
        let marked = format!("\u{feff}{wsdl}");
        assert_eq!(anonymise_wsdl_address(&marked), Some(written));
    }

    #[test]
    fn a_description_that_cannot_be_read_is_not_handed_out() {
        for broken in ["<a>", "<a></b>", "<!DOCTYPE a [<!ENTITY x 'y'>]><a/>", "<a b=>"] {
            assert!(anonymise_wsdl_address(&format!("{broken} ")).is_none(), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn no_text_upsets_the_readers(text in any::<String>()) {
            drop(anonymise_wsdl_address(&text));
            drop(parse(&text));
            drop(parse(&format!("/wsdl?{text}")));
        }
    }
}
