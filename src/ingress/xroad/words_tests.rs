//! Every trouble as X-Road tells it, by wire/xroad.md 2.5, 2.6 and 2.13.

use super::*;

const HERE: &str = "lgsp-h53";

/// Trouble, its code when the consumer's own platform notices it, and its code when another one does.
const TOLD: [(Trouble, &str, &str); 40] = [
    // 2.5: a client that is not registered; 2.6 asks at the consumer's side.
    (
        Trouble::CallerUnknown,
        "server.clientproxy.unknown_member",
        "server.serverproxy.unknown_member",
    ),
    // 2.5: the caller's TLS at the clientproxy, a peer's TLS at both.
    (
        Trouble::CallerForeign,
        "server.clientproxy.ssl_authentication_failed",
        "server.serverproxy.ssl_authentication_failed",
    ),
    (
        Trouble::CallerInsecure,
        "server.clientproxy.ssl_authentication_failed",
        "server.serverproxy.ssl_authentication_failed",
    ),
    // 2.5: no X-Road-Client.
    (
        Trouble::CallerMissing,
        "server.clientproxy.invalid_client_identifier",
        "server.clientproxy.invalid_client_identifier",
    ),
    (Trouble::RequestMalformed, "client.bad_request", "client.bad_request"),
    (Trouble::PathRefused, "client.bad_request", "client.bad_request"),
    (Trouble::RequestTooLarge, "client.bad_request", "client.bad_request"),
    (Trouble::RequestCut, "server.clientproxy.io_error", "server.clientproxy.io_error"),
    (Trouble::Throttled, "server.clientproxy.internal_error", "server.serverproxy.internal_error"),
    (Trouble::Busy, "server.clientproxy.internal_error", "server.serverproxy.internal_error"),
    // 2.5, 2.13: unregistered provider, or one without an address.
    (
        Trouble::ProviderUnknown,
        "server.clientproxy.unknown_member",
        "server.serverproxy.unknown_member",
    ),
    (Trouble::NoRoute, "server.clientproxy.unknown_member", "server.serverproxy.unknown_member"),
    // 2.13: the peer cuts the connection.
    (Trouble::LinkDown, "server.clientproxy.network_error", "server.serverproxy.network_error"),
    (
        Trouble::LinkRefused,
        "server.clientproxy.ssl_authentication_failed",
        "server.serverproxy.ssl_authentication_failed",
    ),
    (Trouble::LinkTimeout, "server.clientproxy.network_error", "server.serverproxy.network_error"),
    (
        Trouble::HopsExhausted,
        "server.clientproxy.network_error",
        "server.serverproxy.network_error",
    ),
    // 2.13: the peer answers HTTP 500.
    (Trouble::LinkGarbage, "server.clientproxy.http_error", "server.serverproxy.http_error"),
    // 2.13: the peer cuts the connection mid-answer, or answers without signature.
    (
        Trouble::LinkCut,
        "server.clientproxy.service_failed.io_error",
        "server.serverproxy.service_failed.io_error",
    ),
    (
        Trouble::LinkUnsigned,
        "server.clientproxy.missing_signature",
        "server.serverproxy.missing_signature",
    ),
    // 2.6: checks of the provider's side, wherever they are made.
    (
        Trouble::ServiceUnknown,
        "server.serverproxy.unknown_service",
        "server.serverproxy.unknown_service",
    ),
    (Trouble::WrongKind, "server.serverproxy.service_type", "server.serverproxy.service_type"),
    (Trouble::AccessDenied, "server.serverproxy.access_denied", "server.serverproxy.access_denied"),
    (
        Trouble::ServiceDisabled,
        "server.serverproxy.service_disabled",
        "server.serverproxy.service_disabled",
    ),
    (
        Trouble::ProviderBusy,
        "server.clientproxy.internal_error",
        "server.serverproxy.internal_error",
    ),
    (
        Trouble::CircuitOpen,
        "server.clientproxy.internal_error",
        "server.serverproxy.internal_error",
    ),
    // 2.5: the evidence chain.
    (
        Trouble::EvidenceFailed,
        "server.clientproxy.logging_failed",
        "server.serverproxy.logging_failed",
    ),
    (Trouble::Internal, "server.clientproxy.internal_error", "server.serverproxy.internal_error"),
    (
        Trouble::ShuttingDown,
        "server.clientproxy.internal_error",
        "server.serverproxy.internal_error",
    ),
    // 2.13: the provider is in maintenance.
    (
        Trouble::PlatformMaintenance,
        "server.clientproxy.maintenance_mode",
        "server.clientproxy.maintenance_mode",
    ),
    // 2.5, 2.13: failures of the provider's system have a third level.
    (
        Trouble::SystemUnreachable,
        "server.serverproxy.service_failed.network_error",
        "server.serverproxy.service_failed.network_error",
    ),
    (
        Trouble::SystemHostUnknown,
        "server.serverproxy.service_failed.unknown_host",
        "server.serverproxy.service_failed.unknown_host",
    ),
    (
        Trouble::SystemUntrusted,
        "server.serverproxy.service_failed.ssl_authentication_failed",
        "server.serverproxy.service_failed.ssl_authentication_failed",
    ),
    (
        Trouble::SystemTimeout,
        "server.serverproxy.service_failed.network_error",
        "server.serverproxy.service_failed.network_error",
    ),
    (
        Trouble::SystemCut,
        "server.serverproxy.service_failed.io_error",
        "server.serverproxy.service_failed.io_error",
    ),
    (
        Trouble::SystemGarbage,
        "server.serverproxy.service_failed.http_error",
        "server.serverproxy.service_failed.http_error",
    ),
    (
        Trouble::AnswerTooLarge,
        "server.serverproxy.service_failed.internal_error",
        "server.serverproxy.service_failed.internal_error",
    ),
    // 2.13: the provider is in maintenance.
    (
        Trouble::SystemMaintenance,
        "server.clientproxy.maintenance_mode",
        "server.clientproxy.maintenance_mode",
    ),
    (
        Trouble::SystemMissing,
        "server.serverproxy.service_failed.internal_error",
        "server.serverproxy.service_failed.internal_error",
    ),
    (
        Trouble::RuleMissing,
        "server.serverproxy.service_failed.internal_error",
        "server.serverproxy.service_failed.internal_error",
    ),
    (
        Trouble::RuleFailed,
        "server.serverproxy.service_failed.internal_error",
        "server.serverproxy.service_failed.internal_error",
    ),
];

#[test]
fn every_trouble_has_its_code_and_status_at_both_places() {
    let rows: Vec<Trouble> = TOLD.iter().map(|(trouble, ..)| *trouble).collect();
    assert_eq!(rows, Trouble::ALL);
    for (trouble, here, there) in TOLD {
        let unplaced = CallFault::new(trouble);
        let cases = [
            (unplaced.clone(), here),
            (unplaced.clone().at(HERE), here),
            (unplaced.at("lgsp-h60"), there),
        ];
        for (noticed, code) in cases {
            let told = fault(&noticed, HERE);
            assert_eq!(told.code_text(ErrorStyle::V78), code, "{noticed}");
            // 2.5: 500 if the code starts with `server.`, else 400.
            let status = if code.starts_with("server.") { 500 } else { 400 };
            assert_eq!(told.status(), status, "{noticed}");
        }
    }
}

#[test]
fn every_message_names_our_code() {
    for trouble in Trouble::ALL {
        let told = fault(&CallFault::new(*trouble).detail("why"), HERE).message;
        assert!(told.ends_with(&format!("why [{}]", trouble.code())), "{told}");
    }
}

#[test]
fn a_denial_has_the_sentence_that_clients_look_at() {
    // wire/xroad.md 2.5, the example body
    let denied = CallFault::new(Trouble::AccessDenied).detail("DEV:COM:1234:TestService/mock1");
    let told = fault(&denied, HERE).message;
    let sentence = "Request is not allowed: SERVICE:DEV/COM/1234/TestService/mock1";
    assert_eq!(told, format!("{sentence} [LT-S303]"));
}

#[test]
fn a_name_that_is_none_of_ours_is_no_member() {
    let client = |text: &str| member_id(&ClientId::parse(text).unwrap());
    assert_eq!(client("DEV/COM/4321/TestClient"), MemberId::parse("DEV:COM:4321:TestClient").ok());
    for other in ["DEV/COM/4321", "DEV/COM/4321/a%3Ab", "DEV/COM/4321%2Fx/a"] {
        assert_eq!(client(other), None, "{other}");
    }
}
