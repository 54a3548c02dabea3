//! Flows across parties (luồng liên thông), as they were written down in the data folder.

use super::asked::{Asked, Named, limit};
use super::fault::{ErrorAnswer, Fault, Problem};
use super::{Operated, State, VERSION};
use crate::pipeline::call::CallPorts;
use crate::story::flow::Flow;
use crate::story::flows::Folder;
use axum::Json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FlowsAsked {
    /// Rows wanted, 20 by default.
    limit: Option<usize>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FlowsAnswer {
    pub version: u32,
    /// The newest first, without what the steps were answered.
    #[schema(value_type = Vec<Object>)]
    pub flows: Vec<Flow>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FlowAnswer {
    pub version: u32,
    #[schema(value_type = Object)]
    pub flow: Flow,
}

/// The newest flows.
#[utoipa::path(get, path = "/api/v1/flows", tag = "calls", params(FlowsAsked),
    responses((status = 200, body = FlowsAnswer), (status = 400, body = ErrorAnswer)))]
pub(super) async fn flows<P: CallPorts>(
    state: State<P>,
    Asked(asked): Asked<FlowsAsked>,
) -> Result<Json<FlowsAnswer>, Fault> {
    let limit = limit(asked.limit, 20, state.operated.pipeline.limits.list_items_max)?;
    let folder = Folder::below(&state.operated.data);
    let read = tokio::task::spawn_blocking(move || folder.all()).await;
    let read = read.map_err(|error| Fault::failed(&error))?;
    let mut flows = read.map_err(|error| Fault::failed(&error))?;
    flows.truncate(limit);
    Ok(Json(FlowsAnswer { version: VERSION, flows: flows.into_iter().map(shown).collect() }))
}

/// One flow: who did what when, and where it stands.
#[utoipa::path(get, path = "/api/v1/flows/{id}", tag = "calls",
    params(("id" = String, Path, description = "The flow's id", example = "H60-261122-00000001")),
    responses((status = 200, body = FlowAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn flow<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
) -> Result<Json<FlowAnswer>, Fault> {
    let flow = told(&state.operated, id).await?;
    Ok(Json(FlowAnswer { version: VERSION, flow }))
}

/// As `flow`.
pub(super) async fn told<P: CallPorts>(operated: &Operated<P>, id: String) -> Result<Flow, Fault> {
    load(operated, id).await.map(shown)
}

/// With all that it holds.
async fn load<P: CallPorts>(operated: &Operated<P>, id: String) -> Result<Flow, Fault> {
    let folder = Folder::below(&operated.data);
    let wanted = id.clone();
    let read = tokio::task::spawn_blocking(move || folder.load(&wanted)).await;
    let read = read.map_err(|error| Fault::failed(&error))?;
    read.map_err(|error| {
        let is_unknown = error.kind() == std::io::ErrorKind::NotFound;
        if is_unknown { Fault::new(Problem::NoSuchFlow).detail(id) } else { Fault::failed(&error) }
    })
}

/// The operator never sees payloads.
fn shown(mut flow: Flow) -> Flow {
    flow.input = Value::Null;
    flow.outcome = Value::Null;
    for step in &mut flow.steps {
        step.answer = Value::Null;
    }
    flow
}
