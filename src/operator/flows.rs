//! Flows across parties (luồng liên thông), as they were written down in the data folder, and orders to run one in the
//! background.

use super::asked::{Asked, Given, Named, limit};
use super::fault::{ErrorAnswer, Fault, Problem};
use super::{Operated, State, VERSION};
use crate::domain::agency::AgencyCode;
use crate::domain::rejection::{Reason, Rejection};
use crate::pipeline::call::CallPorts;
use crate::story::flow::{Flow, Kind, State as Stand};
use crate::story::flows::Folder;
use crate::story::order::{Order, Refused, Wanted};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FlowsAsked {
    /// Rows wanted, 20 by default.
    limit: Option<usize>,
}

/// A flow that is to be run.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FlowOrder {
    /// `birth`, `dossier`, `land-tax`, `report` or `ballot`.
    #[schema(value_type = String, example = "birth")]
    kind: Kind,
    /// The province's office that acts, in either form of its code; the first province when it is absent.
    #[schema(example = "H60")]
    from: Option<String>,
    /// Picks the people; any when it is absent.
    seed: Option<u64>,
    /// How long to go on while a party fails, 60,000 by default, at most an hour.
    #[schema(maximum = 3_600_000)]
    patience_ms: Option<u64>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ResumeAsked {
    /// How long to go on while a party fails, 60,000 by default, at most an hour.
    #[param(maximum = 3_600_000)]
    patience_ms: Option<u64>,
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

/// Runs a flow in the background. The answer comes before its first step; `Location` tells where it stands.
#[utoipa::path(post, path = "/api/v1/flows", tag = "calls", request_body = FlowOrder,
    responses((status = 202, body = FlowAnswer, headers(("Location" = String, description = "The flow"))),
        (status = 400, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer, description = "A party, a service or somebody fit is missing"),
        (status = 503, body = ErrorAnswer, description = "As many flows as may be are under way")))]
pub(super) async fn begin<P: CallPorts>(
    state: State<P>,
    Given(order): Given<FlowOrder>,
) -> Result<Response, Fault> {
    let FlowOrder { kind, from, seed, patience_ms } = order;
    let office = match &from {
        Some(from) => Some(
            AgencyCode::parse(from)
                .map_err(|error| Fault::parameter("from", format!("{from}: {error}")))?,
        ),
        None => None,
    };
    let wanted = Wanted::New { kind, seed, office };
    let ordered = order_for(&state.operated, wanted, patience_ms).await;
    ordered.map(answered)
}

/// Goes on in the background with a flow that stands still: nothing is done twice. One that is done is answered with
/// 200 and stays as it is.
#[utoipa::path(post, path = "/api/v1/flows/{id}/resume", tag = "calls",
    params(("id" = String, Path, description = "The flow's id", example = "H60-261122-00000001"), ResumeAsked),
    responses((status = 202, body = FlowAnswer, headers(("Location" = String, description = "The flow"))),
        (status = 200, body = FlowAnswer), (status = 400, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer, description = "It is under way already, a party has refused it, or one is missing"),
        (status = 503, body = ErrorAnswer, description = "As many flows as may be are under way")))]
pub(super) async fn resume<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
    Asked(asked): Asked<ResumeAsked>,
) -> Result<Response, Fault> {
    let ordered = order_for(&state.operated, Wanted::Again(id), asked.patience_ms).await;
    ordered.map(answered)
}

async fn order_for<P: CallPorts>(
    operated: &Operated<P>,
    wanted: Wanted,
    patience_ms: Option<u64>,
) -> Result<Flow, Fault> {
    let patience_ms = patience_ms.unwrap_or(PATIENCE_MS);
    if patience_ms > PATIENCE_MS_MAX {
        return Err(Fault::parameter("patience_ms", format!("at most {PATIENCE_MS_MAX}")));
    }
    let services = operated.pipeline.services();
    let services = services.iter().map(|one| (one.id.code().to_owned(), one.id.to_string()));
    let (answer, answered) = oneshot::channel();
    let patience = Duration::from_millis(patience_ms);
    let order = Order { wanted, patience, services: services.collect(), answer };
    let stopping = || Fault::from(Rejection::from(Reason::ShuttingDown));
    operated.flows.try_send(order).map_err(|unsent| match unsent {
        TrySendError::Full(_) => full(),
        TrySendError::Closed(_) => stopping(),
    })?;
    match answered.await {
        Ok(Ok(flow)) => Ok(flow),
        Ok(Err(refused)) => Err(worded(refused)),
        Err(_gone) => Err(stopping()),
    }
}

fn answered(flow: Flow) -> Response {
    if flow.state == Stand::Done {
        return Json(FlowAnswer { version: VERSION, flow: shown(flow) }).into_response();
    }
    let place = [(header::LOCATION, format!("/api/v1/flows/{}", flow.id))];
    let answer = Json(FlowAnswer { version: VERSION, flow: shown(flow) });
    (StatusCode::ACCEPTED, place, answer).into_response()
}

fn worded(refused: Refused) -> Fault {
    match refused {
        Refused::Lacking(what) => Fault::new(Problem::FlowLacks).detail(what.to_string()),
        Refused::Full => full(),
        Refused::Unknown => Fault::new(Problem::NoSuchFlow),
        Refused::UnderWay => Fault::new(Problem::FlowUnderWay),
        Refused::Over => Fault::new(Problem::FlowRefused),
        Refused::Failed(why) => Fault::failed(&std::io::Error::other(why)),
    }
}

fn full() -> Fault {
    let mut fault = Fault::new(Problem::TooManyFlows);
    fault.retry_after_ms = Some(RETRY_MS);
    fault
}

/// A flow of the sandbox takes some seconds.
const RETRY_MS: u64 = 2_000;
const PATIENCE_MS: u64 = 60_000;
const PATIENCE_MS_MAX: u64 = 3_600_000;

/// As `flow`.
pub(super) async fn told<P: CallPorts>(operated: &Operated<P>, id: String) -> Result<Flow, Fault> {
    let folder = Folder::below(&operated.data);
    let wanted = id.clone();
    let read = tokio::task::spawn_blocking(move || folder.load(&wanted)).await;
    let read = read.map_err(|error| Fault::failed(&error))?;
    read.map(shown).map_err(|error| {
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
