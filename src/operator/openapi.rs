//! The API described by itself, and the page that says where it is.

use super::{
    agencies, calls, certificates, citizens, conditions, documents, events, flows, health, ndop,
    overdue, providers, rules, services, status, topology, trace,
};
use crate::story;
use axum::response::{Html, IntoResponse, Response};
use http::header;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "lienthong: the operator's API",
        description = "What runs, what waits and what became of each document on the platforms of one process \
            (LGSP, trục liên thông văn bản, NDXP). Served on loopback only. Every answer carries `version`; a \
            failure carries a stable code, a sentence in Vietnamese and in English, and the correlation id of \
            the log. The content of documents is never shown: sender and recipient fetch it with their \
            certificates. Moments are RFC 3339 in Vietnam time (+07:00)."
    ),
    tags(
        (name = "status", description = "The process as a whole."),
        (name = "topology", description = "Platforms (nền tảng) and members (hệ thống thành viên)."),
        (name = "directory", description = "Agencies (cơ quan) by mã định danh."),
        (name = "documents", description = "Documents (văn bản điện tử) and what became of them."),
        (name = "services", description = "Services (dịch vụ) of the call plane and the systems behind them."),
        (name = "calls", description = "Service calls and their evidence."),
        (name = "events", description = "What happens, as it happens."),
        (name = "conditions", description = "Latency, loss, bandwidth, outage, capacity."),
        (name = "certificates", description = "Chứng thư số of the sandbox."),
        (name = "health", description = "For supervisors and Prometheus."),
        (name = "description", description = "This document."),
    ),
    paths(
        front, openapi, health::healthz, health::readyz, health::metrics, status::status,
        topology::topology, topology::members, agencies::agencies, agencies::agency,
        agencies::lock, agencies::unlock, documents::documents, documents::story,
        trace::trace, overdue::overdue, services::services, services::service, services::register,
        services::remove, services::description, services::put_state, services::put_target,
        services::grant, services::revoke, providers::providers, providers::provider,
        providers::put_provider, rules::rules, rules::put_rules, rules::delete_rules, rules::rule,
        rules::put_rule, rules::delete_rule, rules::misses, citizens::population,
        citizens::citizen, flows::flows, flows::begin,
        flows::flow, flows::resume, calls::calls, calls::call, calls::container,
        calls::verify, ndop::ndop, events::events, conditions::conditions, conditions::link,
        conditions::put_link, conditions::delete_link, conditions::platform,
        conditions::put_platform, conditions::delete_platform, conditions::reset,
        certificates::certificates, certificates::reload, certificates::revoke,
        certificates::renew
    ),
    components(schemas(
        story::Story, events::Snapshot, events::Delta, events::Missed, events::Heartbeat
    ))
)]
struct Description;

/// The description of the API, OpenAPI 3.1.
pub fn document() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// This description, in OpenAPI 3.1.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "description",
    responses((status = 200, body = Object, content_type = "application/json")))]
pub(super) async fn openapi() -> Response {
    axum::Json(document()).into_response()
}

/// Where things are, for whoever opens the port in a browser.
#[utoipa::path(get, path = "/", tag = "description",
    responses((status = 200, body = String, content_type = "text/html")))]
pub(super) async fn front() -> Response {
    ([(header::CONTENT_LANGUAGE, "vi, en")], Html(FRONT)).into_response()
}

const FRONT: &str = r#"<!doctype html>
<html lang="vi"><meta charset="utf-8"><title>lienthong</title>
<h1>lienthong</h1>
<p>Giao diện lập trình của người vận hành. / The operator's API.</p>
<ul>
<li><a href="/api/v1/status">/api/v1/status</a>: tình trạng / status
<li><a href="/api/v1/topology">/api/v1/topology</a>: nền tảng và liên kết / platforms and links
<li><a href="/api/v1/documents">/api/v1/documents</a>: văn bản / documents
<li><a href="/api/v1/openapi.json">/api/v1/openapi.json</a>: mô tả / description
<li><a href="/metrics">/metrics</a>: số liệu / metrics
</ul>
</html>
"#;
