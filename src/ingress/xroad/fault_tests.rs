//! Claims about faults, row by row of wire/xroad.md 2.5.

use super::{Conformance, Fault, Malformed, Place, RELAYED_CODE_BYTES_MAX};
use crate::ingress::xroad::code::{Code, ErrorStyle};
use crate::ingress::xroad::identifier::IdentifierError;
use proptest::prelude::{any, proptest};

#[test]
fn the_eleven_accept_cases_give_their_content_types() {
    // wire/xroad.md 2.5, RestProxyTest.shouldRespectAcceptHeaderInErrorResponse
    let cases = [
        (Some("application/json;charset=utf-8"), "application/json"),
        (Some("foobarbaz"), "application/json"),
        (None, "application/json"),
        (Some("application/xml"), "application/xml;charset=utf-8"),
        (Some("text/xml"), "text/xml;charset=utf-8"),
        (Some("application/xml, text/xml"), "application/xml;charset=utf-8"),
        (Some("text/xml, application/xml"), "text/xml;charset=utf-8"),
        (Some("text/xml-patch+xml"), "application/json"),
        (Some("application/xml; q=0.2"), "application/xml;charset=utf-8"),
        (Some("text/xml, application/xml, application/json"), "text/xml;charset=utf-8"),
        (Some("text/*"), "text/xml;charset=utf-8"),
    ];
    let fault = Fault::new(Place::ServerProxy, Code::ServiceType, "x");
    for (accept, expected) in cases {
        let (content_type, body) = fault.body(accept, ErrorStyle::V78);
        assert_eq!(content_type, expected, "{accept:?}");
        let opens = if expected == "application/json" { b'{' } else { b'<' };
        assert_eq!(body.first(), Some(&opens), "{accept:?}");
    }
}

#[test]
fn every_code_of_the_table_has_both_spellings() {
    let (client, server) = (Place::ClientProxy, Place::ServerProxy);
    // wire/xroad.md 2.5, the table of codes
    let cases = [
        (server, Code::AccessDenied, "access_denied", "AccessDenied"),
        (server, Code::UnknownService, "unknown_service", "UnknownService"),
        (client, Code::UnknownMember, "unknown_member", "UnknownMember"),
        (server, Code::ServiceDisabled, "service_disabled", "ServiceDisabled"),
        (server, Code::ServiceType, "service_type", "ServiceType"),
        (
            client,
            Code::SslAuthenticationFailed,
            "ssl_authentication_failed",
            "SslAuthenticationFailed",
        ),
        (
            client,
            Code::InvalidClientIdentifier,
            "invalid_client_identifier",
            "InvalidClientIdentifier",
        ),
        (client, Code::MaintenanceMode, "maintenance_mode", "MaintenanceMode"),
        (client, Code::InvalidSecurityServer, "invalid_security_server", "InvalidSecurityServer"),
        (client, Code::InconsistentResponse, "inconsistent_response", "InconsistentResponse"),
        (client, Code::NetworkError, "network_error", "NetworkError"),
        (client, Code::IoError, "io_error", "IOError"),
        (client, Code::HttpError, "http_error", "HttpError"),
        (server, Code::LoggingFailed, "logging_failed", "LoggingFailed"),
        (server, Code::UnknownHost, "unknown_host", "UnknownHost"),
        (client, Code::InternalError, "internal_error", "InternalError"),
    ];
    for (place, code, current, legacy) in cases {
        let fault = Fault::new(place, code, "");
        let (new, old) = match place {
            Place::ClientProxy => ("server.clientproxy", "Server.ClientProxy"),
            Place::ServerProxy | Place::Client => ("server.serverproxy", "Server.ServerProxy"),
        };
        assert_eq!(fault.code_text(ErrorStyle::V78), format!("{new}.{current}"));
        assert_eq!(fault.code_text(ErrorStyle::Legacy), format!("{old}.{legacy}"));
        assert_eq!(fault.status(), 500);
    }
}

#[test]
fn a_failure_on_the_far_side_has_a_third_level() {
    let fault = Fault::service(Place::ServerProxy, Code::UnknownHost, "");
    assert_eq!(fault.code_text(ErrorStyle::V78), "server.serverproxy.service_failed.unknown_host");
    assert_eq!(fault.code_text(ErrorStyle::Legacy), "Server.ServerProxy.ServiceFailed.UnknownHost");
    assert_eq!(fault.status(), 500);
}

#[test]
fn a_malformed_request_is_the_clients_fault_only_by_the_specification() {
    // wire/xroad.md 2.5, "Spec against code"
    let short = Malformed::Target(IdentifierError::PartCount);
    let cases = [
        (
            Conformance::AsImplemented,
            Malformed::ClientMissing,
            500,
            "server.clientproxy.invalid_client_identifier",
        ),
        (Conformance::AsImplemented, short, 500, "server.clientproxy.internal_error"),
        (Conformance::StrictSpec, Malformed::ClientMissing, 400, "client.bad_request"),
        (Conformance::StrictSpec, short, 400, "client.bad_request"),
    ];
    for (conformance, malformed, status, code) in cases {
        let fault = Fault::malformed(conformance, malformed);
        assert_eq!((fault.status(), fault.code_text(ErrorStyle::V78).as_str()), (status, code));
    }
    let strict = Fault::malformed(Conformance::StrictSpec, short);
    assert_eq!(strict.code_text(ErrorStyle::Legacy), "Client.BadRequest");
}

#[test]
fn the_json_body_has_three_fields_in_order() {
    // wire/xroad.md 2.5, the example body
    let fault = Fault::new(
        Place::ServerProxy,
        Code::AccessDenied,
        "Request is not allowed: SERVICE:DEV/COM/1234/TestService/mock1",
    )
    .with_detail("d6a0a5f4");
    let (_, body) = fault.body(None, ErrorStyle::V78);
    assert_eq!(
        String::from_utf8(body).unwrap(),
        r#"{"type":"server.serverproxy.access_denied","message":"Request is not allowed: SERVICE:DEV/COM/1234/TestService/mock1","detail":"d6a0a5f4"}"#
    );
}

#[test]
fn the_xml_body_is_escaped() {
    let fault = Fault::client(Code::InvalidXml, "a<b & \"c\" ]]> \u{1} ạ").with_detail("<d>");
    let (_, body) = fault.body(Some("text/xml"), ErrorStyle::V78);
    assert_eq!(
        String::from_utf8(body).unwrap(),
        "<error><type>client.invalid_xml</type><message>a&lt;b &amp; &quot;c&quot; ]]&gt; \u{fffd} ạ\
         </message><detail>&lt;d&gt;</detail></error>"
    );
}

#[test]
fn a_relayed_code_can_stand_in_a_header() {
    let code = |text: &str| Fault::relayed(text, "").code_text(ErrorStyle::V78);
    assert_eq!(code("Server.Adapter.Down"), "client.Server.Adapter.Down");
    assert_eq!(code("a\r\nX-Forged: ạ1"), "client.aX-Forged:1");
    assert_eq!(code(" \n"), "client.invalid_soap");
    assert_eq!(code(&"x".repeat(5_000)).len(), "client.".len() + RELAYED_CODE_BYTES_MAX);
}

proptest! {
    #[test]
    fn the_body_is_well_formed_whatever_the_message(message in any::<String>()) {
        let fault = Fault::client(Code::InvalidXml, message.clone());
        let (_, json) = fault.body(None, ErrorStyle::V78);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["message"], message);
        let (_, xml) = fault.body(Some("text/xml"), ErrorStyle::V78);
        let xml = String::from_utf8(xml).unwrap();
        let mut reader = quick_xml::Reader::from_str(&xml);
        while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
    }
}
