//! Which headers cross the gateway, and in which order (wire/xroad.md 2.2, 2.3).
//!
//! Names are compared without regard to case and handed on as they came, because the request hash is
//! computed over them. A header that `Connection` names is not dropped: X-Road keeps to its list.

use super::fault::{Conformance, Fault, Malformed};
use super::identifier::{ClientId, IdentifierError, RepresentedParty, ServerId, ServiceTarget};
use crate::ingress::calls::OF_CONNECTION;

/// Dropped in both directions beside what belongs to the connection (wire/xroad.md 2.2, `SKIPPED_HEADERS`).
const SKIPPED: [&str; 2] = ["user-agent", "server"];

/// Set by the gateway, so a client's own are dropped (wire/xroad.md 2.2).
pub(super) const OWN_IN_REQUEST: [&str; 2] = [REQUEST_ID, REQUEST_HASH];

/// Set by the gateway, so a provider's own are dropped. X-Road 7.8.0 forgets `x-road-service` and
/// `x-road-error`; this list does not (wire/xroad.md 2.3).
pub(super) const OWN_IN_ANSWER: [&str; 6] = [ID, CLIENT, SERVICE, REQUEST_ID, REQUEST_HASH, ERROR];

pub(super) const CLIENT: &str = "x-road-client";
pub(super) const SERVICE: &str = "x-road-service";
pub(super) const ID: &str = "x-road-id";
pub(super) const USER_ID: &str = "x-road-userid";
pub(super) const ISSUE: &str = "x-road-issue";
pub(super) const SECURITY_SERVER: &str = "x-road-security-server";
pub(super) const REPRESENTED_PARTY: &str = "x-road-represented-party";
pub(super) const REQUEST_ID: &str = "x-road-request-id";
pub(super) const REQUEST_HASH: &str = "x-road-request-hash";
pub(super) const ERROR: &str = "x-road-error";

/// A header as it came.
pub(super) type Header<'a> = (&'a str, &'a [u8]);

/// What a client sent, less what is dropped. The named fields are also in `kept`; of a repeated
/// header the last is named and all are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RequestHeaders<'a> {
    /// In arrival order: the order of the request hash.
    pub kept: Vec<Header<'a>>,
    pub client: Option<&'a [u8]>,
    pub id: Option<&'a [u8]>,
    pub user_id: Option<&'a [u8]>,
    pub issue: Option<&'a [u8]>,
    pub security_server: Option<&'a [u8]>,
    pub represented_party: Option<&'a [u8]>,
}

impl<'a> RequestHeaders<'a> {
    /// Takes the headers of a client's request in arrival order.
    pub(super) fn filter(headers: impl IntoIterator<Item = Header<'a>>) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            if !passes_to_provider(name) {
                continue;
            }
            found.kept.push((name, value));
            if let Some(slot) = found.slot(name) {
                *slot = Some(value);
            }
        }
        found
    }

    /// Reads the identifiers that the headers carry.
    pub(super) fn parties(&self, conformance: Conformance) -> Result<Parties, Fault> {
        let missing = || Fault::malformed(conformance, Malformed::ClientMissing);
        let wrong =
            |name| move |error| Fault::malformed(conformance, Malformed::Header(name, error));
        let client = self.client.ok_or_else(missing)?;
        Ok(Parties {
            client: text(client).and_then(ClientId::parse).map_err(wrong(CLIENT))?,
            security_server: self
                .security_server
                .map(|value| text(value).and_then(ServerId::parse).map_err(wrong(SECURITY_SERVER)))
                .transpose()?,
            represented_party: self
                .represented_party
                .map(|value| {
                    text(value).and_then(RepresentedParty::parse).map_err(wrong(REPRESENTED_PARTY))
                })
                .transpose()?,
        })
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<&'a [u8]>> {
        let slots = [
            (CLIENT, &mut self.client),
            (ID, &mut self.id),
            (USER_ID, &mut self.user_id),
            (ISSUE, &mut self.issue),
            (SECURITY_SERVER, &mut self.security_server),
            (REPRESENTED_PARTY, &mut self.represented_party),
        ];
        slots.into_iter().find(|(wanted, _)| name.eq_ignore_ascii_case(wanted)).map(|slot| slot.1)
    }
}

/// Who takes part in a request besides its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parties {
    pub client: ClientId,
    pub security_server: Option<ServerId>,
    pub represented_party: Option<RepresentedParty>,
}

/// What the gateway says about an exchange, as headers of its answer (wire/xroad.md 2.3).
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange<'a> {
    pub id: &'a str,
    pub client: &'a ClientId,
    pub service: &'a ServiceTarget,
    pub request_id: &'a str,
    /// `None` when the provider answered before it had read the request.
    pub request_hash: Option<&'a str>,
}

impl Exchange<'_> {
    pub(super) fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let hash = self.request_hash.map(|hash| (REQUEST_HASH, hash.to_owned()));
        let always = [
            (ID, self.id.to_owned()),
            (CLIENT, self.client.to_string()),
            (SERVICE, self.service.to_string()),
            (REQUEST_ID, self.request_id.to_owned()),
        ];
        always.into_iter().chain(hash)
    }
}

/// The `x-road-id` of a request that came without one (wire/xroad.md 2.2).
pub(super) fn generated_id(instance: &str, uuid: &str) -> String {
    format!("{instance}-{uuid}")
}

/// Whether a client's header goes on to the provider.
pub(super) fn passes_to_provider(name: &str) -> bool {
    !is_skipped(name) && !is_one_of(name, &OWN_IN_REQUEST)
}

/// Whether a provider's header goes back to the client.
pub(super) fn passes_to_client(name: &str) -> bool {
    !is_skipped(name) && !is_one_of(name, &OWN_IN_ANSWER)
}

fn is_skipped(name: &str) -> bool {
    is_one_of(name, &OF_CONNECTION) || is_one_of(name, &SKIPPED)
}

fn text(value: &[u8]) -> Result<&str, IdentifierError> {
    std::str::from_utf8(value).ok().ok_or(IdentifierError::BadEncoding)
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|other| name.eq_ignore_ascii_case(other))
}

#[cfg(test)]
mod tests {
    use super::{
        Exchange, Header, OF_CONNECTION, RequestHeaders, SKIPPED, generated_id, passes_to_client,
        passes_to_provider,
    };
    use crate::ingress::xroad::code::ErrorStyle;
    use crate::ingress::xroad::fault::Conformance;
    use crate::ingress::xroad::identifier::ClientId;
    use crate::ingress::xroad::target::RestTarget;

    #[test]
    fn the_skipped_headers_cross_in_no_direction() {
        // wire/xroad.md 2.2, SKIPPED_HEADERS
        let skipped = "transfer-encoding keep-alive proxy-authenticate proxy-authorization te \
             trailer upgrade connection user-agent host content-length server expect";
        assert_eq!(skipped.split(' ').count(), OF_CONNECTION.len() + SKIPPED.len());
        for name in skipped.split(' ') {
            let loud = name.to_ascii_uppercase();
            assert!(!passes_to_provider(&loud) && !passes_to_client(&loud), "{name}");
        }
    }

    #[test]
    fn neither_side_can_forge_what_the_gateway_says() {
        // wire/xroad.md 2.2 rows X-Road-Request-Id and -Hash; 2.3 last bullet
        assert!(!passes_to_provider("X-Road-Request-Id"));
        assert!(!passes_to_provider("X-Road-Request-Hash"));
        let own = ["Id", "Client", "Service", "Request-Id", "Request-Hash", "Error"];
        for name in own {
            assert!(!passes_to_client(&format!("X-Road-{name}")), "{name}");
        }
    }

    #[test]
    fn what_x_road_does_not_know_passes() {
        // wire/xroad.md 2.2, last row
        let passing =
            ["Content-Type", "Accept", "Authorization", "Cache-Control", "X-Anything", "Date"];
        for name in passing {
            assert!(passes_to_provider(name) && passes_to_client(name), "{name}");
        }
        assert!(passes_to_provider("X-Road-Id") && passes_to_provider("x-road-service"));
    }

    #[test]
    fn the_last_client_header_wins_and_arrival_order_stays() {
        let sent: [(&str, &[u8]); 6] = [
            ("Host", b"h"),
            ("x-road-client", b"A/B/1"),
            ("Accept", b"*/*"),
            ("X-Road-Request-Hash", b"forged"),
            ("X-ROAD-CLIENT", b"A/B/2"),
            ("X-Road-UserId", b"VN1"),
        ];
        let found = RequestHeaders::filter(sent);
        assert_eq!(found.client, Some(&b"A/B/2"[..]));
        assert_eq!(found.user_id, Some(&b"VN1"[..]));
        assert_eq!(found.issue, None);
        let names: Vec<_> = found.kept.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["x-road-client", "Accept", "X-ROAD-CLIENT", "X-Road-UserId"]);
    }

    #[test]
    fn identifiers_in_headers_are_read_or_refused() {
        let code = |headers: &[Header<'_>]| {
            let found = RequestHeaders::filter(headers.iter().copied());
            let parties = found.parties(Conformance::AsImplemented);
            parties.map_err(|fault| fault.code_text(ErrorStyle::V78))
        };
        let client: Header<'_> = ("X-Road-Client", b"DEV/COM/1/s");
        // wire/xroad.md 2.5, shouldFailIfClientHeaderMissing
        assert_eq!(code(&[]), Err("server.clientproxy.invalid_client_identifier".to_owned()));
        let wrong: [&[Header<'_>]; 4] = [
            &[("X-Road-Client", b"DEV")],
            &[("X-Road-Client", b"DEV/COM/\xff")],
            &[client, ("X-Road-Security-Server", b"DEV/COM/1")],
            &[client, ("X-Road-Represented-Party", b"a/b/c")],
        ];
        for headers in wrong {
            let expected = Err("server.clientproxy.internal_error".to_owned());
            assert_eq!(code(headers), expected, "{headers:?}");
        }
        let right = code(&[
            client,
            ("X-Road-Security-Server", b"DEV/COM/1/ss1"),
            ("x-road-represented-party", b"COM/2"),
        ]);
        let right = right.unwrap();
        assert_eq!(right.client.subsystem.as_deref(), Some("s"));
        assert_eq!(right.security_server.unwrap().server, "ss1");
        assert_eq!(right.represented_party.unwrap().code, "2");
    }

    #[test]
    fn an_answer_says_who_called_what() {
        let client = ClientId::parse("DEV/COM/1/a%2Fb").unwrap();
        let service = RestTarget::parse("/r1/DEV/COM/2/c/d").unwrap().service;
        let id = generated_id("DEV", "u-1");
        let exchange = Exchange {
            id: &id,
            client: &client,
            service: &service,
            request_id: "r-1",
            request_hash: Some("aGFzaA=="),
        };
        // wire/xroad.md 2.3
        let expected = [
            ("x-road-id", "DEV-u-1"),
            ("x-road-client", "DEV/COM/1/a%2Fb"),
            ("x-road-service", "DEV/COM/2/c/d"),
            ("x-road-request-id", "r-1"),
            ("x-road-request-hash", "aGFzaA=="),
        ];
        let expected = expected.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(exchange.headers().collect::<Vec<_>>(), expected);
        let early = Exchange { request_hash: None, ..exchange };
        assert!(early.headers().all(|(name, _)| name != "x-road-request-hash"));
    }
}
