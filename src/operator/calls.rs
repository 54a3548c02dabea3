//! Service calls after the fact: the newest, the story of one, and whether the evidence holds.

use super::asked::{Asked, Named, limit};
use super::fault::{ErrorAnswer, Fault, Problem};
use super::{Operated, State, VERSION};
use crate::clock::Timestamp;
use crate::domain::member_id::PLATFORM_CLASS;
use crate::evidence::{self, Fault as EvidenceFault, Half, Verifier, VerifyOptions};
use crate::pipeline::call::CallPorts;
use crate::pki::seal::SealCheck;
use crate::pki::{Holder, PlatformName};
use crate::story;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CallsAsked {
    /// Rows wanted, 20 by default.
    #[param(minimum = 1)]
    limit: Option<usize>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CallsAnswer {
    pub version: u32,
    /// The record of each call at the platform where its caller is connected, the newest first.
    #[schema(value_type = Vec<Object>)]
    pub calls: Vec<Value>,
}

/// What each platform wrote down of one call, or of all calls with one message id.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CallAnswer {
    pub version: u32,
    pub id: String,
    /// In the order in which the platforms took it; fields as X-Road's operational monitoring names them.
    #[schema(value_type = Vec<Object>)]
    pub hops: Vec<Value>,
    /// Older evidence was not looked at.
    pub stopped_early: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VerifyAnswer {
    pub version: u32,
    /// No record was altered, dropped, swapped or cut off.
    pub clean: bool,
    pub logs: Vec<LogView>,
    /// What the logs say against each other.
    pub cross: Vec<String>,
    /// Heads of other logs that were compared.
    pub references: u64,
}

/// The evidence of one platform.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LogView {
    pub platform: String,
    pub records: u64,
    /// The first record that is still there; those before have left with their time or for want of room.
    pub first: u64,
    /// From when on the evidence holds; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    pub files: u64,
    pub signatures: u64,
    pub faults: Vec<EvidenceFaultView>,
    /// Faults beyond those that are told.
    pub more: u64,
    pub notes: Vec<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EvidenceFaultView {
    pub file: String,
    pub line: u64,
    /// `altered`, `dropped`, `swapped`, `cut_off`, …
    pub what: String,
}

/// The newest calls, by what the platforms where they came in wrote down.
#[utoipa::path(get, path = "/api/v1/calls", tag = "calls", params(CallsAsked),
    responses((status = 200, body = CallsAnswer), (status = 400, body = ErrorAnswer)))]
pub(super) async fn calls<P: CallPorts>(
    state: State<P>,
    Asked(asked): Asked<CallsAsked>,
) -> Result<Json<CallsAnswer>, Fault> {
    let operated = &state.operated;
    let limit = limit(asked.limit, 20, operated.pipeline.limits.list_items_max)?;
    let mut found = look(operated, "", RECENT_MAX.max(limit), RECENT_BYTES_MAX).await?.0;
    // What platforms report of calls is no call that somebody made.
    found.retain(|record| {
        text(record, "securityServerType") == "Client"
            && text(record, "clientMemberClass") != PLATFORM_CLASS
    });
    found.sort_by_key(|record| std::cmp::Reverse(number(record, "requestInTs")));
    found.truncate(limit);
    Ok(Json(CallsAnswer { version: VERSION, calls: found }))
}

/// The story of a call, by its request id or message id.
#[utoipa::path(get, path = "/api/v1/calls/{id}", tag = "calls",
    params(("id" = String, Path, description = "x-road-request-id or x-road-id")),
    responses((status = 200, body = CallAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn call<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
) -> Result<Json<CallAnswer>, Fault> {
    told(&state.operated, id).await.map(Json)
}

/// As `call`.
pub(super) async fn told<P: CallPorts>(
    operated: &Operated<P>,
    id: String,
) -> Result<CallAnswer, Fault> {
    let (mut hops, stopped_early) = look(operated, &id, HOPS_MAX, STORY_BYTES_MAX).await?;
    if hops.is_empty() {
        return Err(Fault::new(Problem::NoSuchCall).detail(id));
    }
    let rank = |record: &Value| match text(record, "securityServerType") {
        "Client" => 0,
        "Relay" => 1,
        _ => 2,
    };
    hops.sort_by(|a, b| {
        let order = number(a, "requestInTs").cmp(&number(b, "requestInTs"));
        order.then_with(|| rank(a).cmp(&rank(b)))
    });
    Ok(CallAnswer { version: VERSION, id, hops, stopped_early })
}

/// The records of a call at every platform here, each in a container that its platform signs, in one ZIP file.
#[utoipa::path(get, path = "/api/v1/calls/{id}/evidence", tag = "calls",
    params(("id" = String, Path, description = "x-road-request-id or x-road-id")),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip"),
        (status = 404, body = ErrorAnswer)))]
pub(super) async fn container<P: CallPorts>(
    state: State<P>,
    Named(id): Named,
) -> Result<Response, Fault> {
    let mut logs = Vec::new();
    for platform in state.operated.plane.platforms() {
        let head = platform.evidence.head();
        if head.number > 0 {
            platform.evidence.flushed(head.number).await.ok();
            logs.push(platform.evidence.clone());
        }
    }
    let wanted = id.clone();
    let packing = tokio::task::spawn_blocking(move || {
        let mut found = Vec::new();
        for log in logs {
            let bounds = (HOPS_MAX, STORY_BYTES_MAX);
            found.extend(log.containers(&wanted, Half::Both, bounds, |_| true)?);
        }
        let bytes = if found.is_empty() { None } else { Some(evidence::bundle(&found)?) };
        Ok::<_, std::io::Error>(bytes)
    });
    let packed = packing.await.map_err(|error| Fault::failed(&error))?;
    let bytes = packed.map_err(|error| Fault::failed(&error))?;
    let bytes = bytes.ok_or_else(|| Fault::new(Problem::NoSuchCall).detail(id))?;
    Ok(([(header::CONTENT_TYPE, evidence::BUNDLE_TYPE)], bytes).into_response())
}

/// Checks the evidence of every platform here: each log by itself, and each against the others.
#[utoipa::path(post, path = "/api/v1/evidence/verify", tag = "calls",
    responses((status = 200, body = VerifyAnswer), (status = 500, body = ErrorAnswer)))]
pub(super) async fn verify<P: CallPorts>(state: State<P>) -> Result<Json<VerifyAnswer>, Fault> {
    for platform in state.operated.plane.platforms() {
        // What was queued before the question is part of the answer.
        let head = platform.evidence.head();
        platform.evidence.flushed(head.number).await.map_err(|error| Fault::failed(&error))?;
    }
    let (folder, ca) = (folder(&state.operated), state.operated.pki.dir().join("ca.pem"));
    let checked = tokio::task::spawn_blocking(move || verify_all(&folder, &ca)).await;
    let checked = checked.map_err(|error| Fault::failed(&error))?;
    checked.map(Json).map_err(|error| Fault::failed(&error))
}

/// Enough for the newest calls of each platform.
const RECENT_BYTES_MAX: u64 = 1 << 20;
const RECENT_MAX: usize = 2_000;
const STORY_BYTES_MAX: u64 = 256 << 20;
const HOPS_MAX: usize = 1_000;
const FAULTS_MAX: usize = 100;

fn folder<P: CallPorts>(operated: &Operated<P>) -> PathBuf {
    operated.data.join("evidence")
}

/// Records of every platform here. What is queued is flushed first: a call that was answered is found.
async fn look<P: CallPorts>(
    operated: &Operated<P>,
    id: &str,
    limit: usize,
    bytes_max: u64,
) -> Result<(Vec<Value>, bool), Fault> {
    let mut logs = Vec::new();
    for platform in operated.plane.platforms() {
        let head = platform.evidence.head();
        if head.number > 0 {
            // A log that failed is still read as far as it goes.
            platform.evidence.flushed(head.number).await.ok();
            logs.push(folder(operated).join(&*platform.name));
        }
    }
    let id = id.to_owned();
    let looking = tokio::task::spawn_blocking(move || {
        let (mut records, mut stopped) = (Vec::new(), false);
        for log in logs {
            let found = evidence::find(&log, &id, limit, bytes_max)?;
            records.extend(found.records);
            stopped |= found.stopped_early;
        }
        Ok::<_, std::io::Error>((records, stopped))
    });
    let found = looking.await.map_err(|error| Fault::failed(&error))?;
    found.map_err(|error| Fault::failed(&error))
}

fn text<'a>(record: &'a Value, name: &str) -> &'a str {
    record.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(record: &Value, name: &str) -> u64 {
    record.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// Signatures by the certificates kept beside a log.
struct Seals(SealCheck);

impl Verifier for Seals {
    fn verify(&self, key: &str, bytes: &[u8], signature: &[u8]) -> bool {
        self.0.holds(key, bytes, signature)
    }
}

/// Checks every log below a folder; blocks.
pub fn verify_all(folder: &Path, ca: &Path) -> std::io::Result<VerifyAnswer> {
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let (mut logs, mut all) = (Vec::new(), Vec::new());
    for name in names {
        let own = folder.join(&name);
        let holder = PlatformName::new(&name).map_err(std::io::Error::other)?;
        let seals = SealCheck::open(ca, &Holder::Platform(holder), &own);
        let seals = Seals(seals.map_err(std::io::Error::other)?);
        let options = VerifyOptions { verifier: Some(&seals), faults_max: FAULTS_MAX };
        let report = evidence::verify(&own, &options)?;
        logs.push(LogView {
            platform: name.clone(),
            records: report.records,
            first: report.first,
            since: (report.first > 0).then(|| story::moment(Timestamp::from_ms(report.since_ms))),
            files: report.segments,
            signatures: report.signatures_checked,
            faults: report.faults.iter().map(fault_view).collect(),
            more: report.faults_untold,
            notes: report.notes.iter().map(|note| format!("{note:?}")).collect(),
        });
        all.push((name, own));
    }
    let cross = evidence::cross_check(&all)?;
    let clean = cross.faults.is_empty() && logs.iter().all(|log| log.faults.is_empty());
    Ok(VerifyAnswer {
        version: VERSION,
        clean,
        logs,
        cross: cross.faults.iter().map(ToString::to_string).collect(),
        references: cross.references,
    })
}

fn fault_view(fault: &EvidenceFault) -> EvidenceFaultView {
    EvidenceFaultView { file: fault.file.clone(), line: fault.line, what: fault.kind.to_string() }
}
