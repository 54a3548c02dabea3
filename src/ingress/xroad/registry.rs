//! What the metaservices answer, out of our registry (wire/xroad.md 2.8).

use super::code::{Code, ErrorStyle};
use super::face::put;
use super::fault::{Fault, Place};
use super::identifier::{ClientId, ServiceTarget};
use super::metaservice::{self, Client, Endpoint, Method, MethodType, RestMetaservice};
use super::soap::{NAMESPACE_IDENTIFIERS, NAMESPACE_XROAD, SoapHeader};
use super::target::RestTarget;
use super::xml::escaped;
use super::{openapi, words};
use crate::domain::member_id::MemberId;
use crate::domain::service::{Groups, Service, ServiceId, ServiceKind, ServiceState, Services};
use crate::egress::call::CallBody;
use crate::ingress::calls::CallAnswer;
use crate::pipeline::call::{CallPlane, CallPorts};
use http::{Response, header};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The answer of a REST metaservice; a member without services has empty lists.
pub(super) fn metaservice<P: CallPorts>(
    plane: &CallPlane<P>,
    meta: RestMetaservice,
    target: &RestTarget<'_>,
    caller: &MemberId,
) -> Result<CallAnswer, Fault> {
    let unknown = || unknown_member(&target.service);
    let owner = words::owner(&target.service).ok_or_else(unknown)?;
    let services = plane.services();
    let offered: Vec<&Arc<Service>> = services.of_owner(&owner).filter(|s| is_told(s)).collect();
    if offered.is_empty() && plane.members.by_id(owner.as_str()).is_none() {
        return Err(unknown());
    }
    let groups = services.groups();
    let is_rest = |service: &&&Arc<Service>| service.kind != ServiceKind::Soap;
    let is_allowed = |service: &&&Arc<Service>| may_call(service, caller, groups);
    let listed: Vec<Method> = match meta {
        RestMetaservice::ListMethods => offered.iter().filter(is_rest).map(|s| method(s)).collect(),
        RestMetaservice::AllowedMethods => {
            offered.iter().filter(is_rest).filter(is_allowed).map(|s| method(s)).collect()
        }
        RestMetaservice::GetOpenApi => return open_api(&owner, target.query, &services),
    };
    let body = metaservice::methods_json(&listed).map_err(|error| internal(&error))?;
    Ok(typed("application/json", body))
}

/// Drafts are nobody's business but their owner's.
fn is_told(service: &Service) -> bool {
    service.state != ServiceState::Draft
}

fn method(service: &Service) -> Method {
    let owner = service.id.owner();
    let paths = serde_json::from_str::<serde_json::Value>(&service.description).ok();
    let paths = paths.as_ref().and_then(|d| d.get("paths")).and_then(|paths| paths.as_object());
    let mut endpoints = vec![Endpoint { method: "*".to_owned(), path: "**".to_owned() }];
    for (path, operations) in paths.into_iter().flatten() {
        let verbs = operations.as_object().into_iter().flatten().map(|(verb, _)| verb);
        for verb in verbs.filter(|verb| VERBS.contains(&verb.as_str())) {
            let path = path.split('/').map(|part| if part.starts_with('{') { "*" } else { part });
            let path = path.collect::<Vec<_>>().join("/");
            endpoints.push(Endpoint { method: verb.to_ascii_uppercase(), path });
        }
    }
    Method {
        service: ServiceTarget {
            instance: owner.instance().to_owned(),
            class: owner.class().to_owned(),
            member: owner.code().to_owned(),
            subsystem: owner.system().to_owned(),
            service_code: service.id.code().to_owned(),
        },
        service_type: match service.kind {
            ServiceKind::OpenApi => MethodType::OpenApi,
            ServiceKind::Rest | ServiceKind::Soap => MethodType::Rest,
        },
        endpoints,
    }
}

const VERBS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

fn open_api(
    owner: &MemberId,
    query: Option<&str>,
    services: &Services,
) -> Result<CallAnswer, Fault> {
    let Some(code) = metaservice::openapi_service(query) else {
        let message = "Missing serviceCode in message body";
        return Err(Fault::new(Place::ServerProxy, Code::InvalidRequest, message));
    };
    let id = ServiceId::new(owner.clone(), &code).ok().map(|id| id.to_string());
    let service = id.and_then(|id| services.by_id(&id)).filter(|s| is_told(s));
    let found = service.filter(|service| service.kind == ServiceKind::OpenApi);
    let Some(found) = found else {
        let message = format!("Service not found: {code}");
        return Err(Fault::new(Place::ServerProxy, Code::InternalError, message));
    };
    let mut description: serde_json::Value =
        serde_json::from_str(&found.description).map_err(|error| internal(&error))?;
    openapi::anonymise_servers(&mut description);
    let body = serde_json::to_vec(&description).map_err(|error| internal(&error))?;
    Ok(typed("application/json", body))
}

fn unknown_member(asked: &dyn std::fmt::Display) -> Fault {
    Fault::new(Place::ClientProxy, Code::UnknownMember, format!("Unknown member {asked}"))
}

fn internal(error: &dyn std::error::Error) -> Fault {
    Fault::new(Place::ServerProxy, Code::InternalError, error.to_string())
}

fn typed(content_type: &'static str, body: Vec<u8>) -> CallAnswer {
    let mut response = Response::new(CallBody::whole(body));
    put(response.headers_mut(), header::CONTENT_TYPE, content_type);
    response
}

/// Members and those who offer services (wire/xroad.md 2.8, `listClients`).
pub(super) fn clients<P: CallPorts>(
    plane: &CallPlane<P>,
    instance: Option<&str>,
    accept: Option<&str>,
) -> CallAnswer {
    let services = plane.services();
    let mut names: BTreeMap<MemberId, String> = BTreeMap::new();
    for service in services.iter().filter(|s| is_told(s)) {
        names.insert(service.id.owner().clone(), service.title_vi.clone());
    }
    let members = plane.members.iter().filter_map(|member| MemberId::parse(&member.id).ok());
    members.for_each(|id| {
        names.entry(id).or_default();
    });
    let directory = plane.pipeline.directory();
    let listed: Vec<Client> = names
        .into_iter()
        .filter(|(id, _)| instance.is_none_or(|wanted| id.instance() == wanted))
        .map(|(id, title)| {
            let agency = id.agency().and_then(|code| directory.agency_of(code));
            let name = agency.map_or(title, |agency| agency.name_vi.to_string());
            Client {
                subsystem_name: Some(id.system().to_owned()),
                id: ClientId {
                    instance: id.instance().to_owned(),
                    class: id.class().to_owned(),
                    member: id.code().to_owned(),
                    subsystem: Some(id.system().to_owned()),
                },
                name,
            }
        })
        .collect();
    if accept.is_some_and(|accept| accept.contains("application/json")) {
        return match metaservice::clients_json(&listed) {
            Ok(body) => typed("application/json", body),
            Err(error) => {
                let (content_type, body) = internal(&error).body(accept, ErrorStyle::V78);
                typed(content_type, body)
            }
        };
    }
    typed("text/xml;charset=utf-8", metaservice::clients_xml(&listed).into_bytes())
}

/// The body of an answer to SOAP's `listMethods` or `allowedMethods`.
pub(super) fn soap_methods<P: CallPorts>(
    plane: &CallPlane<P>,
    header: &SoapHeader,
    only_allowed_to: Option<&MemberId>,
) -> Result<String, Fault> {
    let asked = &header.service;
    let id = words::service_id(asked).ok_or_else(|| unknown_member(asked))?;
    let owner = id.owner();
    let services = plane.services();
    let name = &asked.service_code;
    let mut body = format!(
        "<xroad:{name}Response xmlns:xroad=\"{NAMESPACE_XROAD}\" xmlns:id=\"{NAMESPACE_IDENTIFIERS}\">"
    );
    let offered = services.of_owner(owner).filter(|s| is_told(s) && s.kind == ServiceKind::Soap);
    for service in
        offered.filter(|s| only_allowed_to.is_none_or(|who| may_call(s, who, services.groups())))
    {
        body.push_str("<xroad:service id:objectType=\"SERVICE\">");
        for (element, text) in [
            ("xRoadInstance", owner.instance()),
            ("memberClass", owner.class()),
            ("memberCode", owner.code()),
            ("subsystemCode", owner.system()),
            ("serviceCode", service.id.code()),
            ("serviceVersion", &service.version),
        ] {
            let text = escaped(text);
            body.push_str(&format!("<id:{element}>{text}</id:{element}>"));
        }
        body.push_str("</xroad:service>");
    }
    body.push_str(&format!("</xroad:{name}Response>"));
    Ok(body)
}

/// Some part of a service is open to this member.
fn may_call(service: &Service, caller: &MemberId, groups: &Groups) -> bool {
    service.id.owner() == caller || service.rights.iter().any(|right| right.is_for(caller, groups))
}
