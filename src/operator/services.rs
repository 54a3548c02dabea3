//! Services of the call plane: the catalogue, registration, rights, and which system answers.

use super::asked::{Asked, Given, Named};
use super::fault::{ErrorAnswer, Fault, Problem};
use super::{Operated, State, VERSION};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::service::{
    Grantee, Right, RightRecord, Service, ServiceChanged, ServiceId, ServiceKind, ServiceRecord,
    ServiceState, Services, Target, Way,
};
use crate::pipeline::call::{CallPorts, NotChanged};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ServicesAsked {
    /// Part of an id or a title.
    #[param(example = "dmdc")]
    search: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ServicesAnswer {
    pub version: u32,
    pub services: Vec<ServiceView>,
    pub groups: Vec<GroupView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ServiceAnswer {
    pub version: u32,
    pub service: ServiceView,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct GroupView {
    pub name: String,
    pub members: Vec<String>,
}

/// A service (dịch vụ).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ServiceView {
    #[schema(example = "VN:GOV:000.00.00.G06:DMDC/dmdc")]
    pub id: String,
    pub version: String,
    pub title_vi: String,
    pub title_en: String,
    /// `rest`, `openapi` or `soap`.
    pub kind: &'static str,
    /// `draft`, `test`, `published`, `deprecated` or `disabled`.
    pub state: &'static str,
    /// `central` or `distributed`: which half of NDXP carries its calls.
    pub way: &'static str,
    /// The platform that its owner's system is connected to.
    pub platform: String,
    /// `simulated`, `real` or `record`.
    pub target: &'static str,
    /// The simulated system, or the address of the real one.
    pub target_name: String,
    pub timeout_ms: u32,
    pub calls_max: u32,
    pub body_bytes_max: u64,
    pub rights: Vec<RightView>,
    /// Where it is called by X-Road's REST dialect.
    #[schema(example = "/r1/VN/GOV/000.00.00.G06/DMDC/dmdc")]
    pub path: String,
    /// Where gateways have it, for callers with a token: with its owner when another service has the same code and
    /// version. Absent for a service by SOAP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/dmdc/1.0")]
    pub context: Option<String>,
    /// There is an OpenAPI or WSDL document.
    pub described: bool,
    /// Not as in the topology file.
    pub changed: bool,
}

/// A right (quyền): who may call what.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RightView {
    /// A member's id, an agency's code (with all below it), `group:<name>` or `everyone`.
    #[schema(example = "H60")]
    pub to: String,
    /// Absent for every method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// `*` inside one segment, `**` anything; absent for every path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// What is registered of a service.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    pub version: String,
    pub title_vi: String,
    #[serde(default)]
    pub title_en: String,
    /// `rest`, `openapi` or `soap`.
    pub kind: String,
    #[serde(default)]
    pub way: Option<String>,
    pub platform: String,
    #[serde(default)]
    pub timeout_ms: Option<u32>,
    #[serde(default)]
    pub calls_max: Option<u32>,
    #[serde(default)]
    pub body_bytes_max: Option<u64>,
    /// The OpenAPI 3.1 or WSDL document.
    #[serde(default)]
    pub description: String,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StateBody {
    /// `draft`, `test`, `published`, `deprecated` or `disabled`.
    pub state: String,
}

#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetBody {
    /// `simulated`, `real` or `record`.
    pub target: String,
    /// Of the real system; a simulated one has its own name when this is absent.
    #[serde(default)]
    pub address: Option<String>,
}

/// The service catalogue (danh mục dịch vụ).
#[utoipa::path(get, path = "/api/v1/services", tag = "services", params(ServicesAsked),
    responses((status = 200, body = ServicesAnswer), (status = 400, body = ErrorAnswer)))]
pub(super) async fn services<P: CallPorts>(
    state: State<P>,
    Asked(asked): Asked<ServicesAsked>,
) -> Json<ServicesAnswer> {
    let operated = &state.operated;
    let services = operated.pipeline.services();
    let plain = crate::domain::directory::search::plain;
    let wanted = plain(asked.search.as_deref().unwrap_or_default());
    let fits = |service: &&Arc<Service>| {
        [&service.id.to_string(), &service.title_vi, &service.title_en]
            .iter()
            .any(|text| plain(text).contains(&wanted))
    };
    let groups = services.groups().iter().map(|(name, of)| GroupView {
        name: name.to_owned(),
        members: of.iter().map(ToString::to_string).collect(),
    });
    let contexts = contexts(&services);
    let shown = services.iter().filter(fits).map(|service| view(operated, service, &contexts));
    Json(ServicesAnswer { version: VERSION, services: shown.collect(), groups: groups.collect() })
}

/// One service, by its id (percent-encoded).
#[utoipa::path(get, path = "/api/v1/services/{id}", tag = "services",
    params(("id" = String, Path, description = "The service's id, its slash as %2F", example = "VN:GOV:G06:DMDC%2Fdmdc")),
    responses((status = 200, body = ServiceAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn service<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
) -> Result<Json<ServiceAnswer>, Fault> {
    let service = find(&state.operated, &id)?;
    Ok(answer(&state.operated, &service))
}

/// Its OpenAPI or WSDL document.
#[utoipa::path(get, path = "/api/v1/services/{id}/description", tag = "services",
    params(("id" = String, Path, description = "The service's id, its slash as %2F")),
    responses((status = 200, body = String, content_type = "application/json"), (status = 404, body = ErrorAnswer)))]
pub(super) async fn description<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
) -> Result<Response, Fault> {
    let service = find(&state.operated, &id)?;
    if service.description.is_empty() {
        return Err(Fault::new(Problem::NoDescription).detail(id));
    }
    let is_wsdl = service.kind == ServiceKind::Soap;
    let content_type = if is_wsdl { "text/xml; charset=utf-8" } else { "application/json" };
    Ok(([(header::CONTENT_TYPE, content_type)], service.description.to_string()).into_response())
}

/// Registers a service, or a new version of one. A new one is a draft with no rights.
#[utoipa::path(put, path = "/api/v1/services/{id}", tag = "services", request_body = Registration,
    params(("id" = String, Path, description = "The service's id, its slash as %2F")),
    responses((status = 200, body = ServiceAnswer), (status = 400, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub(super) async fn register<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
    Given(given): Given<Registration>,
) -> Result<Json<ServiceAnswer>, Fault> {
    let operated = &state.operated;
    let id = ServiceId::parse(&id).map_err(|error| invalid("id", error.to_string()))?;
    let home = super::conditions::find_named(operated, &given.platform)?;
    operated.plane.check_home(home.ix).map_err(not_changed)?;
    check_description(&given)?;
    let limits = &operated.topology.limits;
    let record = ServiceRecord {
        kind: word::<ServiceKind>("kind", &given.kind)?.to_string(),
        way: word::<Way>("way", given.way.as_deref().unwrap_or("central"))?.to_string(),
        version: given.version,
        title_vi: given.title_vi,
        title_en: given.title_en,
        home: home.name.to_string(),
        timeout_ms: given
            .timeout_ms
            .unwrap_or_else(|| u32::try_from(limits.call_timeout_ms).unwrap_or(u32::MAX)),
        calls_max: given.calls_max.unwrap_or(limits.calls_per_provider_max),
        body_bytes_max: given.body_bytes_max.unwrap_or(limits.call_body_bytes_max),
        description: given.description,
    };
    let change = ServiceChanged { record: Some(Box::new(record)), ..changed(&id.to_string()) };
    make(operated, change).await
}

/// A description that cannot be read helps nobody.
fn check_description(given: &Registration) -> Result<(), Fault> {
    let readable = match given.kind.as_str() {
        "openapi" => serde_json::from_str::<serde_json::Value>(&given.description)
            .map(drop)
            .map_err(|error| error.to_string()),
        "soap" => crate::ingress::xroad::check_wsdl(&given.description),
        _ => Ok(()),
    };
    readable.map_err(|why| invalid("description", why))
}

/// Takes a service out of the catalogue.
#[utoipa::path(delete, path = "/api/v1/services/{id}", tag = "services",
    params(("id" = String, Path, description = "The service's id, its slash as %2F")),
    responses((status = 200, body = ServiceAnswer), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub(super) async fn remove<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
) -> Result<Json<ServiceAnswer>, Fault> {
    let service = find_here(&state.operated, &id)?;
    let change = ServiceChanged { removed: true, ..changed(&service.id.to_string()) };
    make(&state.operated, change).await
}

/// Puts it into another state: draft → test → published → deprecated → disabled, or back.
#[utoipa::path(put, path = "/api/v1/services/{id}/state", tag = "services", request_body = StateBody,
    params(("id" = String, Path, description = "The service's id, its slash as %2F")),
    responses((status = 200, body = ServiceAnswer), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub(super) async fn put_state<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
    Given(given): Given<StateBody>,
) -> Result<Json<ServiceAnswer>, Fault> {
    let service = find_here(&state.operated, &id)?;
    let wanted = word::<ServiceState>("state", &given.state)?;
    let change = ServiceChanged { state: wanted.to_string(), ..changed(&service.id.to_string()) };
    make(&state.operated, change).await
}

/// Grants a right: effective with the next call.
#[utoipa::path(post, path = "/api/v1/services/{id}/grant", tag = "services", request_body = RightView,
    params(("id" = String, Path, description = "The service's id, its slash as %2F")),
    responses((status = 200, body = ServiceAnswer), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub(super) async fn grant<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
    Given(given): Given<RightView>,
) -> Result<Json<ServiceAnswer>, Fault> {
    let service = find_here(&state.operated, &id)?;
    let granted = vec![right(&state.operated, given)?.to_record()];
    make(&state.operated, ServiceChanged { granted, ..changed(&service.id.to_string()) }).await
}

/// Revokes a right: the next call is refused. Without method and path, everything that was granted to that one.
#[utoipa::path(post, path = "/api/v1/services/{id}/revoke", tag = "services", request_body = RightView,
    params(("id" = String, Path, description = "The service's id, its slash as %2F")),
    responses((status = 200, body = ServiceAnswer), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub(super) async fn revoke<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
    Given(given): Given<RightView>,
) -> Result<Json<ServiceAnswer>, Fault> {
    let service = find_here(&state.operated, &id)?;
    let all_of_it = given.method.is_none() && given.path.is_none();
    let wanted = right(&state.operated, given)?;
    let own = service.rights.iter();
    let revoked: Vec<RightRecord> = own
        .filter(|own| if all_of_it { own.to == wanted.to } else { **own == wanted })
        .map(Right::to_record)
        .collect();
    if revoked.is_empty() {
        let rights = service.rights.iter().map(ToString::to_string).collect();
        return Err(Fault::new(Problem::NoSuchRight).detail(wanted.to_string()).nearest(rights));
    }
    make(&state.operated, ServiceChanged { revoked, ..changed(&service.id.to_string()) }).await
}

/// Says which system answers: the simulated one, a real one, or a real one that is recorded.
#[utoipa::path(put, path = "/api/v1/services/{id}/target", tag = "services", request_body = TargetBody,
    params(("id" = String, Path, description = "The service's id, its slash as %2F")),
    responses((status = 200, body = ServiceAnswer), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub(super) async fn put_target<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
    Given(given): Given<TargetBody>,
) -> Result<Json<ServiceAnswer>, Fault> {
    let operated = &state.operated;
    let service = find_here(operated, &id)?;
    let name = match (given.target.as_str(), given.address) {
        ("simulated", None) => operated.simulated_name(&service.id.to_string()),
        ("simulated", Some(name)) if operated.host.has(&name) => name,
        ("simulated", Some(name)) => {
            let known = operated.host.names().map(str::to_owned).collect();
            return Err(Fault::new(Problem::NoSuchProvider).detail(name).nearest(known));
        }
        (_, Some(address)) => checked_address(address)?,
        (_, None) => return Err(invalid("address", "http:// or https://")),
    };
    let target = Target::of_words(&given.target, &name)
        .ok_or_else(|| invalid("target", "simulated, real or record"))?;
    let (target, target_name) = target.words();
    let change = ServiceChanged {
        target: target.to_owned(),
        target_name: target_name.to_owned(),
        ..changed(&service.id.to_string())
    };
    make(operated, change).await
}

fn checked_address(address: String) -> Result<String, Fault> {
    let uri = address.parse::<http::Uri>().ok();
    let is_http =
        uri.as_ref().and_then(http::Uri::scheme_str).is_some_and(|s| s.starts_with("http"));
    let has_host = uri.as_ref().and_then(http::Uri::authority).is_some();
    if is_http && has_host { Ok(address) } else { Err(invalid("address", "http:// or https://")) }
}

pub(super) fn find<P: CallPorts>(operated: &Operated<P>, id: &str) -> Result<Arc<Service>, Fault> {
    let services = operated.pipeline.services();
    let canonical = ServiceId::parse(id).map_or_else(|_| id.to_owned(), |id| id.to_string());
    if let Some(service) = services.by_id(&canonical) {
        return Ok(Arc::clone(service));
    }
    // A code alone will do where only one service has it.
    let mut named = services.iter().filter(|service| service.id.code() == id);
    if let (Some(only), None) = (named.next(), named.next()) {
        return Ok(Arc::clone(only));
    }
    let near = services.nearest(&canonical, 3);
    let near = near.into_iter().map(|service| service.id.to_string()).collect();
    Err(Fault::new(Problem::NoSuchService).detail(id).nearest(near))
}

/// One that can be changed here. Where it cannot, nothing else about the request matters.
fn find_here<P: CallPorts>(operated: &Operated<P>, id: &str) -> Result<Arc<Service>, Fault> {
    let service = find(operated, id)?;
    operated.plane.check_home(service.home).map_err(not_changed)?;
    Ok(service)
}

fn right<P: CallPorts>(operated: &Operated<P>, given: RightView) -> Result<Right, Fault> {
    let to: Grantee = given.to.parse().map_err(|error: crate::domain::service::BadGrantee| {
        invalid("to", format!("{}: {error}", given.to))
    })?;
    if let Grantee::Group(name) = &to
        && !operated.pipeline.services().groups().has(name)
    {
        return Err(invalid("to", format!("no group {name}")));
    }
    let record = RightRecord {
        to: to.to_string(),
        method: given.method.unwrap_or_default(),
        path: given.path.unwrap_or_default(),
    };
    Right::of_record(&record).ok_or_else(|| invalid("path", record.path))
}

fn word<T: std::str::FromStr<Err = crate::domain::service::UnknownWord>>(
    name: &str,
    text: &str,
) -> Result<T, Fault> {
    text.parse().map_err(|_unreadable| invalid(name, text))
}

fn invalid(at: &str, why: impl Into<String>) -> Fault {
    Rejection::new(Reason::ServiceInvalid).at(Place::Parameter(at.to_owned())).detail(why).into()
}

fn changed(service: &str) -> ServiceChanged {
    ServiceChanged {
        service: service.to_owned(),
        by: "operator".to_owned(),
        ..ServiceChanged::default()
    }
}

async fn make<P: CallPorts>(
    operated: &Operated<P>,
    change: ServiceChanged,
) -> Result<Json<ServiceAnswer>, Fault> {
    let change = ServiceChanged { at: operated.pipeline.now().0, ..change };
    let service = operated.plane.change_service(change).await.map_err(not_changed)?;
    Ok(answer(operated, &service))
}

fn not_changed(why: NotChanged) -> Fault {
    match why {
        NotChanged::Elsewhere(home) => {
            Fault::new(Problem::ServiceElsewhere).at("platform").detail(home)
        }
        NotChanged::Refused(rejection) => rejection.into(),
    }
}

fn answer<P: CallPorts>(operated: &Operated<P>, service: &Service) -> Json<ServiceAnswer> {
    let contexts = contexts(&operated.pipeline.services());
    Json(ServiceAnswer { version: VERSION, service: view(operated, service, &contexts) })
}

/// Where gateways have services, by their ids.
fn contexts(services: &Services) -> BTreeMap<String, String> {
    let offered = services.contexts().into_iter();
    offered.map(|one| (one.service.id.to_string(), one.context())).collect()
}

fn view<P: CallPorts>(
    operated: &Operated<P>,
    service: &Service,
    contexts: &BTreeMap<String, String>,
) -> ServiceView {
    let owner = service.id.owner();
    let (target, target_name) = service.target.words();
    let rights = service.rights.iter().map(|right| RightView {
        to: right.to.to_string(),
        method: right.method.clone(),
        path: Some(right.path.to_string()).filter(|path| path != "**"),
    });
    ServiceView {
        id: service.id.to_string(),
        version: service.version.clone(),
        title_vi: service.title_vi.clone(),
        title_en: service.title_en.clone(),
        kind: service.kind.as_str(),
        state: service.state.as_str(),
        way: service.way.as_str(),
        platform: operated.plane.routes().platform_name(service.home).to_owned(),
        target,
        target_name: target_name.to_owned(),
        timeout_ms: service.timeout_ms,
        calls_max: service.calls_max,
        body_bytes_max: service.body_bytes_max,
        rights: rights.collect(),
        path: format!(
            "/r1/{}/{}/{}/{}/{}",
            owner.instance(),
            owner.class(),
            owner.code(),
            owner.system(),
            service.id.code()
        ),
        context: contexts.get(&service.id.to_string()).cloned(),
        described: !service.description.is_empty(),
        changed: service.is_changed,
    }
}
