//! The simulated systems behind the services, and how they behave: latency, failures, hanging, maintenance.

use super::asked::{Given, Named};
use super::fault::{ErrorAnswer, Fault, Problem};
use super::{State, VERSION};
use crate::domain::behaviour::Behaviour;
use crate::pipeline::call::CallPorts;
use crate::providers::Sureness;
use crate::providers::host::Host;
use axum::Json;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProvidersAnswer {
    pub version: u32,
    pub providers: Vec<ProviderView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProviderAnswer {
    pub version: u32,
    pub provider: ProviderView,
}

/// A simulated system (hệ thống mô phỏng).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProviderView {
    #[schema(example = "dmdc")]
    pub name: String,
    pub title_vi: String,
    pub title_en: String,
    /// `source`, `likely` or `unsure`: how well the real one's interface is known.
    pub sureness: &'static str,
    pub behaviour: BehaviourBody,
}

/// Absent means: at once, always and for everybody.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(value_type = Object, example = json!({"latency_ms": 300, "failure": 0.05}))]
#[serde(transparent)]
pub struct BehaviourBody(pub Behaviour);

/// All simulated systems.
#[utoipa::path(get, path = "/api/v1/providers", tag = "services",
    responses((status = 200, body = ProvidersAnswer)))]
pub(super) async fn providers<P: CallPorts>(state: State<P>) -> Json<ProvidersAnswer> {
    let host = &state.operated.host;
    let providers = host.names().map(|name| view(host, name)).collect();
    Json(ProvidersAnswer { version: VERSION, providers })
}

/// One simulated system.
#[utoipa::path(get, path = "/api/v1/providers/{name}", tag = "services",
    params(("name" = String, Path, description = "The system's name", example = "dmdc")),
    responses((status = 200, body = ProviderAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn provider<P: CallPorts>(
    state: State<P>,
    Named(name): Named,
) -> Result<Json<ProviderAnswer>, Fault> {
    let host = &state.operated.host;
    known(host, &name)?;
    Ok(Json(ProviderAnswer { version: VERSION, provider: view(host, &name) }))
}

/// How it behaves from now on. What is absent is as it would be without conditions.
#[utoipa::path(put, path = "/api/v1/providers/{name}", tag = "services", request_body = BehaviourBody,
    params(("name" = String, Path, description = "The system's name", example = "dmdc")),
    responses((status = 200, body = ProviderAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn put_provider<P: CallPorts>(
    state: State<P>,
    Named(name): Named,
    Given(given): Given<BehaviourBody>,
) -> Result<Json<ProviderAnswer>, Fault> {
    let host = &state.operated.host;
    known(host, &name)?;
    given.0.check().map_err(|bad| Fault::parameter(bad.key, bad.en))?;
    host.set_behaviour(&name, given.0);
    Ok(Json(ProviderAnswer { version: VERSION, provider: view(host, &name) }))
}

pub(super) fn known(host: &Host, name: &str) -> Result<(), Fault> {
    if host.has(name) {
        return Ok(());
    }
    let mut names: Vec<_> =
        host.names().map(|known| (strsim::osa_distance(known, name), known.to_owned())).collect();
    names.sort();
    let near = names.into_iter().take(3).map(|(_, name)| name).collect();
    Err(Fault::new(Problem::NoSuchProvider).detail(name).nearest(near))
}

fn view(host: &Host, name: &str) -> ProviderView {
    let description = host.description(name);
    ProviderView {
        name: name.to_owned(),
        title_vi: description.map_or(name, |description| description.title_vi).to_owned(),
        title_en: description.map_or(name, |description| description.title_en).to_owned(),
        sureness: match description.map(|description| description.sureness) {
            None | Some(Sureness::Source) => "source",
            Some(Sureness::Likely) => "likely",
            Some(Sureness::Unsure) => "unsure",
        },
        behaviour: BehaviourBody(
            host.behaviour(name).map(|of| Behaviour::clone(&of)).unwrap_or_default(),
        ),
    }
}
