//! Every route of the API, once: the router and the description are both held against this list.

use super::fault::{Fault, Problem};
use super::{BODY_BYTES_MAX, Desk, REGISTRATION_BYTES_MAX};
use super::{
    agencies, calls, certificates, citizens, conditions, documents, events, flows, health, ndop,
    openapi, overdue, providers, rules, services, status, topology, trace,
};
use crate::pipeline::call::CallPorts;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath};
use axum::http::header::ALLOW;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, delete, get, post, put};
use std::sync::Arc;

/// (method, path), in the order of the router.
pub const ROUTES: &[(&str, &str)] = &[
    ("get", "/"),
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/metrics"),
    ("get", "/api/v1/openapi.json"),
    ("get", "/api/v1/status"),
    ("get", "/api/v1/topology"),
    ("get", "/api/v1/members"),
    ("get", "/api/v1/agencies"),
    ("get", "/api/v1/agencies/{code}"),
    ("post", "/api/v1/agencies/{code}/lock"),
    ("post", "/api/v1/agencies/{code}/unlock"),
    ("get", "/api/v1/documents"),
    ("get", "/api/v1/documents/{id}"),
    ("get", "/api/v1/trace/{id}"),
    ("get", "/api/v1/overdue"),
    ("get", "/api/v1/services"),
    ("get", "/api/v1/services/{id}"),
    ("put", "/api/v1/services/{id}"),
    ("delete", "/api/v1/services/{id}"),
    ("get", "/api/v1/services/{id}/description"),
    ("put", "/api/v1/services/{id}/state"),
    ("put", "/api/v1/services/{id}/target"),
    ("post", "/api/v1/services/{id}/grant"),
    ("post", "/api/v1/services/{id}/revoke"),
    ("get", "/api/v1/providers"),
    ("get", "/api/v1/providers/{name}"),
    ("put", "/api/v1/providers/{name}"),
    ("get", "/api/v1/population"),
    ("get", "/api/v1/citizens/{which}"),
    ("get", "/api/v1/flows"),
    ("post", "/api/v1/flows"),
    ("get", "/api/v1/flows/{id}"),
    ("post", "/api/v1/flows/{id}/resume"),
    ("get", "/api/v1/providers/{name}/rules"),
    ("put", "/api/v1/providers/{name}/rules"),
    ("delete", "/api/v1/providers/{name}/rules"),
    ("get", "/api/v1/providers/{name}/rules/{id}"),
    ("put", "/api/v1/providers/{name}/rules/{id}"),
    ("delete", "/api/v1/providers/{name}/rules/{id}"),
    ("get", "/api/v1/providers/{name}/misses"),
    ("get", "/api/v1/calls"),
    ("get", "/api/v1/calls/{id}"),
    ("get", "/api/v1/calls/{id}/evidence"),
    ("post", "/api/v1/evidence/verify"),
    ("get", "/api/v1/ndop"),
    ("get", "/api/v1/events"),
    ("get", "/api/v1/conditions"),
    ("get", "/api/v1/conditions/links/{child}"),
    ("put", "/api/v1/conditions/links/{child}"),
    ("delete", "/api/v1/conditions/links/{child}"),
    ("get", "/api/v1/conditions/platforms/{name}"),
    ("put", "/api/v1/conditions/platforms/{name}"),
    ("delete", "/api/v1/conditions/platforms/{name}"),
    ("post", "/api/v1/conditions/reset"),
    ("get", "/api/v1/pki/certificates"),
    ("post", "/api/v1/pki/reload"),
    ("post", "/api/v1/pki/revoke"),
    ("post", "/api/v1/pki/renew"),
];

pub(super) fn router<P: CallPorts>(desk: Arc<Desk<P>>) -> Router {
    let mut router = Router::new();
    for ((_, path), served) in ROUTES.iter().zip(served::<P>()) {
        router = router.route(path, served);
    }
    router
        .fallback(async || Fault::new(Problem::NoSuchPath))
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(desk)
}

/// RFC 9110 15.5.6: a 405 lists what is allowed.
async fn not_allowed(path: Option<MatchedPath>) -> impl IntoResponse {
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    let methods = ROUTES.iter().filter(|(_, known)| *known == path);
    let allowed: Vec<String> = methods.map(|(method, _)| method.to_uppercase()).collect();
    ([(ALLOW, allowed.join(", "))], Fault::new(Problem::WrongMethod))
}

/// In the order of `ROUTES`.
fn served<P: CallPorts>() -> Vec<MethodRouter<Arc<Desk<P>>>> {
    vec![
        get(openapi::front),
        get(health::healthz::<P>),
        get(health::readyz::<P>),
        get(health::metrics::<P>),
        get(openapi::openapi),
        get(status::status::<P>),
        get(topology::topology::<P>),
        get(topology::members::<P>),
        get(agencies::agencies::<P>),
        get(agencies::agency::<P>),
        post(agencies::lock::<P>),
        post(agencies::unlock::<P>),
        get(documents::documents::<P>),
        get(documents::story::<P>),
        get(trace::trace::<P>),
        get(overdue::overdue::<P>),
        get(services::services::<P>),
        get(services::service::<P>),
        put(services::register::<P>).layer(DefaultBodyLimit::max(REGISTRATION_BYTES_MAX)),
        delete(services::remove::<P>),
        get(services::description::<P>),
        put(services::put_state::<P>),
        put(services::put_target::<P>),
        post(services::grant::<P>),
        post(services::revoke::<P>),
        get(providers::providers::<P>),
        get(providers::provider::<P>),
        put(providers::put_provider::<P>),
        get(citizens::population::<P>),
        get(citizens::citizen::<P>),
        get(flows::flows::<P>),
        post(flows::begin::<P>),
        get(flows::flow::<P>),
        post(flows::resume::<P>),
        get(rules::rules::<P>),
        put(rules::put_rules::<P>).layer(DefaultBodyLimit::max(REGISTRATION_BYTES_MAX)),
        delete(rules::delete_rules::<P>),
        get(rules::rule::<P>),
        put(rules::put_rule::<P>).layer(DefaultBodyLimit::max(REGISTRATION_BYTES_MAX)),
        delete(rules::delete_rule::<P>),
        get(rules::misses::<P>),
        get(calls::calls::<P>),
        get(calls::call::<P>),
        get(calls::container::<P>),
        post(calls::verify::<P>),
        get(ndop::ndop::<P>),
        get(events::events::<P>),
        get(conditions::conditions::<P>),
        get(conditions::link::<P>),
        put(conditions::put_link::<P>),
        delete(conditions::delete_link::<P>),
        get(conditions::platform::<P>),
        put(conditions::put_platform::<P>),
        delete(conditions::delete_platform::<P>),
        post(conditions::reset::<P>),
        get(certificates::certificates::<P>),
        post(certificates::reload::<P>),
        post(certificates::revoke::<P>),
        post(certificates::renew::<P>),
    ]
}
