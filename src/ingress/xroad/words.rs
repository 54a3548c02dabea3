//! What X-Road says in its words, in ours, and the reverse: its identifiers, our troubles, its settings.

use super::code::{Code, ErrorStyle};
use super::fault::{Conformance, Fault, Place};
use super::identifier::{self, ClientId, RepresentedParty, ServerId, ServiceTarget};
use crate::domain::member_id::MemberId;
use crate::domain::service::{CallFault, ServiceId, Trouble};
use crate::pipeline::call::{CallPlane, CallPorts, Represented};
use crate::texts::{self, Lang};
use crate::topology::XRoadSettings;

/// The member of an identifier; one without a subsystem is none of ours.
pub(super) fn member_id(client: &ClientId) -> Option<MemberId> {
    let subsystem = client.subsystem.as_deref()?;
    MemberId::from_parts(&client.instance, &client.class, &client.member, subsystem).ok()
}

/// Who offers the service that a REST request names.
pub(super) fn owner(service: &ServiceTarget) -> Option<MemberId> {
    let ServiceTarget { instance, class, member, subsystem, .. } = service;
    MemberId::from_parts(instance, class, member, subsystem).ok()
}

/// On whose behalf the client acts.
pub(super) fn represented(party: &RepresentedParty) -> Represented {
    Represented { class: party.class.clone(), code: party.code.clone() }
}

/// The service of an identifier. Versions are the provider's affair: a service has one here.
pub(super) fn service_id(service: &identifier::ServiceId) -> Option<ServiceId> {
    let subsystem = service.subsystem.as_deref()?;
    let owner = MemberId::from_parts(&service.instance, &service.class, &service.member, subsystem);
    ServiceId::new(owner.ok()?, &service.service_code).ok()
}

/// A trouble as X-Road tells it. Where it was noticed decides what is to blame: the consumer's server
/// (`here`), the provider's, or what lies behind that (wire/xroad.md 2.5).
pub(super) fn fault(fault: &CallFault, here: &str) -> Fault {
    let place = if fault.at.is_empty() || fault.at == here {
        Place::ClientProxy
    } else {
        Place::ServerProxy
    };
    let message = message(fault);
    let at = |place, code| Fault::new(place, code, message.clone());
    let system = |code| Fault::service(Place::ServerProxy, code, message.clone());
    match fault.trouble {
        // NoRoute: the provider has no address.
        Trouble::CallerUnknown | Trouble::ProviderUnknown | Trouble::NoRoute => {
            at(place, Code::UnknownMember)
        }
        Trouble::CallerForeign | Trouble::CallerInsecure | Trouble::LinkRefused => {
            at(place, Code::SslAuthenticationFailed)
        }
        Trouble::CallerMissing => at(Place::ClientProxy, Code::InvalidClientIdentifier),
        Trouble::RequestMalformed | Trouble::PathRefused | Trouble::RequestTooLarge => {
            at(Place::Client, Code::BadRequest)
        }
        Trouble::RequestCut => at(Place::ClientProxy, Code::IoError),
        Trouble::LinkDown | Trouble::LinkTimeout | Trouble::HopsExhausted => {
            at(place, Code::NetworkError)
        }
        Trouble::LinkGarbage => at(place, Code::HttpError),
        Trouble::LinkUnsigned => at(place, Code::MissingSignature),
        Trouble::LinkCut => Fault::service(place, Code::IoError, message),
        Trouble::ServiceUnknown => at(Place::ServerProxy, Code::UnknownService),
        Trouble::WrongKind => at(Place::ServerProxy, Code::ServiceType),
        Trouble::AccessDenied => at(Place::ServerProxy, Code::AccessDenied),
        Trouble::ServiceDisabled => at(Place::ServerProxy, Code::ServiceDisabled),
        Trouble::EvidenceFailed => at(place, Code::LoggingFailed),
        Trouble::Throttled
        | Trouble::Busy
        | Trouble::ProviderBusy
        | Trouble::CircuitOpen
        | Trouble::Internal
        | Trouble::ShuttingDown => at(place, Code::InternalError),
        Trouble::SystemUnreachable | Trouble::SystemTimeout => system(Code::NetworkError),
        Trouble::SystemHostUnknown => system(Code::UnknownHost),
        Trouble::SystemUntrusted => system(Code::SslAuthenticationFailed),
        Trouble::SystemCut => system(Code::IoError),
        Trouble::SystemGarbage => system(Code::HttpError),
        Trouble::AnswerTooLarge
        | Trouble::SystemMissing
        | Trouble::RuleMissing
        | Trouble::RuleFailed => system(Code::InternalError),
        Trouble::SystemMaintenance | Trouble::PlatformMaintenance => {
            at(Place::ClientProxy, Code::MaintenanceMode)
        }
    }
}

/// X-Road's own sentence where it has one that clients look at; then our code, so that `lienthong explain`
/// can say more.
fn message(fault: &CallFault) -> String {
    let code = fault.trouble.code();
    let own = SENTENCES.iter().find(|(trouble, _)| *trouble == fault.trouble);
    if let Some((_, sentence)) = own {
        return format!("{sentence}: SERVICE:{} [{code}]", fault.detail.replace(':', "/"));
    }
    let title = texts::call_title(fault.trouble, Lang::En);
    if fault.detail.is_empty() {
        format!("{title} [{code}]")
    } else {
        format!("{title} {} [{code}]", fault.detail)
    }
}

const SENTENCES: [(Trouble, &str); 3] = [
    (Trouble::AccessDenied, "Request is not allowed"),
    (Trouble::ServiceUnknown, "Unknown service"),
    (Trouble::ServiceDisabled, "Service is disabled"),
];

/// The targeted security server must be the one that serves the provider (wire/xroad.md 2.2). Its owner is a member that
/// offers services there, or the agency that the platform was made for.
pub(super) fn check_server<P: CallPorts>(
    plane: &CallPlane<P>,
    server: &ServerId,
    owner: Option<&MemberId>,
) -> Result<(), Fault> {
    let services = plane.services();
    let serves = owner.is_some_and(|owner| {
        let ServerId { instance, class, member, .. } = server;
        let named = MemberId::from_parts(instance, class, member, owner.system()).ok();
        let Some(named) = named.filter(|named| named.instance() == owner.instance()) else {
            return false;
        };
        let is_owner = |home| {
            let routes = plane.pipeline.routes();
            let mut roots = routes.roots(home).iter();
            named == *owner || roots.any(|root| named.agency() == Some(root))
        };
        let here = |home| plane.routes().platform_name(home) == server.server;
        services.of_owner(owner).any(|service| here(service.home) && is_owner(service.home))
    });
    if serves {
        return Ok(());
    }
    let message = format!("Invalid security server {server}");
    Err(Fault::new(Place::ClientProxy, Code::InvalidSecurityServer, message))
}

impl From<XRoadSettings> for Conformance {
    fn from(settings: XRoadSettings) -> Self {
        if settings.strict_spec { Self::StrictSpec } else { Self::AsImplemented }
    }
}

impl From<XRoadSettings> for ErrorStyle {
    fn from(settings: XRoadSettings) -> Self {
        if settings.legacy_errors { Self::Legacy } else { Self::V78 }
    }
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
