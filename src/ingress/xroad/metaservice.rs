//! Services that the gateway itself answers (wire/xroad.md 2.8): which call is one, and what it says.

use super::identifier::{ClientId, ServiceTarget};
use super::{query, xml};
use serde::Serialize;

/// A REST metaservice, asked through the ordinary `r1` path with `GET`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RestMetaservice {
    ListMethods,
    AllowedMethods,
    GetOpenApi,
}

/// A SOAP metaservice, called like any service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SoapMetaservice {
    ListMethods,
    AllowedMethods,
    GetWsdl,
}

impl RestMetaservice {
    /// `None` for an ordinary service; also for another method on a metaservice's name, which falls
    /// through to the ordinary path.
    pub(super) fn of(method: &str, service_code: &str) -> Option<Self> {
        if method != "GET" {
            return None;
        }
        match service_code {
            "listMethods" => Some(Self::ListMethods),
            "allowedMethods" => Some(Self::AllowedMethods),
            "getOpenAPI" => Some(Self::GetOpenApi),
            _ => None,
        }
    }
}

impl SoapMetaservice {
    pub(super) fn of(service_code: &str) -> Option<Self> {
        match service_code {
            "listMethods" => Some(Self::ListMethods),
            "allowedMethods" => Some(Self::AllowedMethods),
            "getWsdl" => Some(Self::GetWsdl),
            _ => None,
        }
    }
}

/// The service that `getOpenAPI?serviceCode=X` asks for; `None` is answered with `invalid_request`.
pub(super) fn openapi_service(query: Option<&str>) -> Option<String> {
    query::only(query?, "serviceCode").filter(|code| !code.is_empty())
}

/// A service with its endpoints, for `listMethods` and `allowedMethods`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Method {
    pub service: ServiceTarget,
    pub service_type: MethodType,
    pub endpoints: Vec<Endpoint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum MethodType {
    OpenApi,
    Rest,
}

/// `*` and `**` stand for any method and path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Endpoint {
    pub method: String,
    pub path: String,
}

/// The answer of `listMethods` and `allowedMethods`. Metaservices are not listed.
pub(super) fn methods_json(methods: &[Method]) -> serde_json::Result<Vec<u8>> {
    let listed = methods
        .iter()
        .filter(|method| {
            let code = method.service.service_code.as_str();
            RestMetaservice::of("GET", code).is_none() && SoapMetaservice::of(code).is_none()
        })
        .map(|method| MethodJson {
            member_class: &method.service.class,
            member_code: &method.service.member,
            object_type: "SERVICE",
            service_code: &method.service.service_code,
            service_type: method.service_type,
            subsystem_code: &method.service.subsystem,
            xroad_instance: &method.service.instance,
            endpoint_list: &method.endpoints,
        })
        .collect();
    serde_json::to_vec(&MethodList { service: listed })
}

/// A member or subsystem of `listClients`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub id: ClientId,
    pub name: String,
    pub subsystem_name: Option<String>,
}

/// The instance asked for by a target `/listClients[?xRoadInstance=X]`; the outer `None` for another
/// target.
pub(super) fn list_clients(target: &str) -> Option<Option<String>> {
    let rest = target.strip_prefix("/listClients")?;
    match rest.strip_prefix('?') {
        Some(asked) => Some(query::only(asked, "xRoadInstance").filter(|code| !code.is_empty())),
        None => rest.is_empty().then_some(None),
    }
}

pub(super) fn clients_json(clients: &[Client]) -> serde_json::Result<Vec<u8>> {
    let member = clients
        .iter()
        .map(|client| ClientJson {
            id: ClientIdJson {
                member_class: &client.id.class,
                member_code: &client.id.member,
                subsystem_code: client.id.subsystem.as_deref(),
                object_type: object_type(&client.id),
                xroad_instance: &client.id.instance,
            },
            name: &client.name,
            subsystem_name: client.subsystem_name.as_deref(),
        })
        .collect();
    serde_json::to_vec(&ClientList { member })
}

pub(super) fn clients_xml(clients: &[Client]) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <xroad:clientList xmlns:xroad=\"http://x-road.eu/xsd/xroad.xsd\" \
         xmlns:id=\"http://x-road.eu/xsd/identifiers\">",
    );
    for client in clients {
        text.push_str("<xroad:member><xroad:id id:objectType=\"");
        text.push_str(object_type(&client.id));
        text.push_str("\">");
        leaf(&mut text, "id:xRoadInstance", &client.id.instance);
        leaf(&mut text, "id:memberClass", &client.id.class);
        leaf(&mut text, "id:memberCode", &client.id.member);
        if let Some(code) = &client.id.subsystem {
            leaf(&mut text, "id:subsystemCode", code);
        }
        text.push_str("</xroad:id>");
        leaf(&mut text, "xroad:name", &client.name);
        if let Some(name) = &client.subsystem_name {
            leaf(&mut text, "xroad:subsystemName", name);
        }
        text.push_str("</xroad:member>");
    }
    text.push_str("</xroad:clientList>");
    text
}

fn leaf(text: &mut String, name: &str, value: &str) {
    for part in ["<", name, ">", &xml::escaped(value), "</", name, ">"] {
        text.push_str(part);
    }
}

const fn object_type(id: &ClientId) -> &'static str {
    if id.subsystem.is_some() { "SUBSYSTEM" } else { "MEMBER" }
}

#[derive(Serialize)]
struct MethodList<'a> {
    service: Vec<MethodJson<'a>>,
}

#[derive(Serialize)]
struct MethodJson<'a> {
    member_class: &'a str,
    member_code: &'a str,
    object_type: &'static str,
    service_code: &'a str,
    service_type: MethodType,
    subsystem_code: &'a str,
    xroad_instance: &'a str,
    endpoint_list: &'a [Endpoint],
}

#[derive(Serialize)]
struct ClientList<'a> {
    member: Vec<ClientJson<'a>>,
}

#[derive(Serialize)]
struct ClientJson<'a> {
    id: ClientIdJson<'a>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subsystem_name: Option<&'a str>,
}

#[derive(Serialize)]
struct ClientIdJson<'a> {
    member_class: &'a str,
    member_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subsystem_code: Option<&'a str>,
    object_type: &'static str,
    xroad_instance: &'a str,
}

#[cfg(test)]
mod tests {
    use super::{
        Client, Endpoint, Method, MethodType, RestMetaservice, SoapMetaservice, clients_json,
        clients_xml, list_clients, methods_json, openapi_service,
    };
    use crate::ingress::xroad::identifier::ClientId;
    use crate::ingress::xroad::target::RestTarget;

    fn method(code: &str) -> Method {
        let target = format!("/r1/DEV/COM/1234/TestService/{code}");
        let service = RestTarget::parse(&target).unwrap().service;
        let endpoints = vec![Endpoint { method: "GET".into(), path: "/**".into() }];
        Method { service, service_type: MethodType::OpenApi, endpoints }
    }

    #[test]
    fn a_metaservice_is_a_get_of_its_name() {
        assert_eq!(RestMetaservice::of("GET", "listMethods"), Some(RestMetaservice::ListMethods));
        assert_eq!(RestMetaservice::of("GET", "getOpenAPI"), Some(RestMetaservice::GetOpenApi));
        // wire/xroad.md 2.8: another method falls through
        assert_eq!(RestMetaservice::of("POST", "listMethods"), None);
        assert_eq!(RestMetaservice::of("GET", "getWsdl"), None);
        assert_eq!(SoapMetaservice::of("getWsdl"), Some(SoapMetaservice::GetWsdl));
        assert_eq!(SoapMetaservice::of("getOpenAPI"), None);
    }

    #[test]
    fn methods_are_listed_in_snake_case_without_metaservices() {
        let list = [method("mock1"), method("listMethods"), method("getWsdl")];
        // wire/xroad.md 2.8
        let expected = r#"{"service":[{"member_class":"COM","member_code":"1234","object_type":"SERVICE","service_code":"mock1","service_type":"OPENAPI","subsystem_code":"TestService","xroad_instance":"DEV","endpoint_list":[{"method":"GET","path":"/**"}]}]}"#;
        assert_eq!(String::from_utf8(methods_json(&list).unwrap()).unwrap(), expected);
        let rest = serde_json::to_string(&MethodType::Rest).unwrap();
        assert_eq!(rest, "\"REST\"");
    }

    #[test]
    fn clients_are_listed_in_both_forms() {
        let clients = [
            Client {
                id: ClientId::parse("DEV/COM/1234").unwrap(),
                name: "A & B".into(),
                subsystem_name: None,
            },
            Client {
                id: ClientId::parse("DEV/COM/1234/Sub").unwrap(),
                name: "A & B".into(),
                subsystem_name: Some("Đăng ký".into()),
            },
        ];
        let json = r#"{"member":[{"id":{"member_class":"COM","member_code":"1234","object_type":"MEMBER","xroad_instance":"DEV"},"name":"A & B"},{"id":{"member_class":"COM","member_code":"1234","subsystem_code":"Sub","object_type":"SUBSYSTEM","xroad_instance":"DEV"},"name":"A & B","subsystem_name":"Đăng ký"}]}"#;
        assert_eq!(String::from_utf8(clients_json(&clients).unwrap()).unwrap(), json);
        let xml = clients_xml(&clients);
        assert!(xml.contains("<xroad:name>A &amp; B</xroad:name></xroad:member>"), "{xml}");
        assert!(xml.contains("<xroad:id id:objectType=\"SUBSYSTEM\">"), "{xml}");
        assert!(xml.contains("<id:subsystemCode>Sub</id:subsystemCode></xroad:id>"), "{xml}");
    }

    #[test]
    fn list_clients_is_known_by_its_target() {
        assert_eq!(list_clients("/listClients"), Some(None));
        assert_eq!(list_clients("/listClients?xRoadInstance=DEV"), Some(Some("DEV".into())));
        assert_eq!(list_clients("/listClientsX"), None);
        assert_eq!(list_clients("/r1/listClients"), None);
    }

    #[test]
    fn an_openapi_description_is_asked_for_by_service_code() {
        assert_eq!(openapi_service(Some("serviceCode=a%2Fb")), Some("a/b".into()));
        for none in [None, Some(""), Some("serviceCode="), Some("serviceCode=a&serviceCode=b")] {
            assert_eq!(openapi_service(none), None, "{none:?}");
        }
    }
}
