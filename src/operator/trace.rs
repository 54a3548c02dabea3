//! The story behind an id of any kind: of a document, of a flow, or of a call.

use super::asked::Named;
use super::calls::CallAnswer;
use super::fault::{ErrorAnswer, Fault};
use super::{State, VERSION, calls, documents, flows};
use crate::pipeline::call::CallPorts;
use crate::story::Story;
use crate::story::flow::Flow;
use axum::Json;
use serde::Serialize;

/// One of the three.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TraceAnswer {
    pub version: u32,
    /// `document`, `flow` or `call`: which of the following is there.
    #[schema(example = "document")]
    pub kind: &'static str,
    /// As `/api/v1/documents/{id}` tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Story>,
    /// As `/api/v1/flows/{id}` tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub flow: Option<Flow>,
    /// As `/api/v1/calls/{id}` tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallAnswer>,
}

/// The story of whatever has this id: a document, else a flow, else every call that carries it. When nothing has it,
/// the answer is that of an unknown document.
#[utoipa::path(get, path = "/api/v1/trace/{id}", tag = "documents",
    params(("id" = String, Path,
        description = "A DocId, `<mã định danh of the sender>/<DocumentId>` percent-encoded, a flow's id, x-road-request-id, x-road-id or x-road-issue",
        example = "0193a5b0-7c1e-7d52-8b1c-0d2f6a0c9e11")),
    responses((status = 200, body = TraceAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn trace<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
) -> Result<Json<TraceAnswer>, Fault> {
    let operated = &state.operated;
    let nothing =
        TraceAnswer { version: VERSION, kind: "", document: None, flow: None, call: None };
    let unknown = match documents::told(operated, &id).await {
        Ok(story) => {
            let document = Some(story);
            return Ok(Json(TraceAnswer { kind: "document", document, ..nothing }));
        }
        Err(fault) if fault.is_unknown() => fault,
        Err(fault) => return Err(fault),
    };
    match flows::told(operated, id.clone()).await {
        Ok(flow) => return Ok(Json(TraceAnswer { kind: "flow", flow: Some(flow), ..nothing })),
        Err(fault) if fault.is_unknown() => {}
        Err(fault) => return Err(fault),
    }
    match calls::told(operated, id).await {
        Ok(call) => Ok(Json(TraceAnswer { kind: "call", call: Some(call), ..nothing })),
        Err(fault) if fault.is_unknown() => Err(unknown),
        Err(fault) => Err(fault),
    }
}
