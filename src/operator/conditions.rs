//! Conditions of links and platforms (latency, loss, bandwidth, outage, capacity), changed while it runs.
//! Effective with the next message; nothing is kept over a restart.

use super::asked::{Given, Named};
use super::fault::{ErrorAnswer, Fault, Problem};
use super::{Operated, State, VERSION};
use crate::domain::conditions::{LinkConditions, PlatformConditions};
use crate::domain::routing::PlatformIx;
use crate::pipeline::call::CallPorts;
use crate::topology;
use axum::Json;
use parking_lot::Mutex;
use serde::Serialize;

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ConditionsAnswer {
    pub version: u32,
    pub links: Vec<LinkView>,
    pub platforms: Vec<CapacityView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LinkAnswer {
    pub version: u32,
    pub link: LinkView,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CapacityAnswer {
    pub version: u32,
    pub platform: CapacityView,
}

/// The link from a platform to the one above it, both ways.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LinkView {
    pub child: String,
    pub parent: String,
    pub conditions: LinkConditionsBody,
    /// As the topology file has them.
    pub file: LinkConditionsBody,
    pub changed: bool,
}

/// What a platform can take.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CapacityView {
    pub name: String,
    pub conditions: PlatformConditionsBody,
    /// As the topology file has them.
    pub file: PlatformConditionsBody,
    pub changed: bool,
}

/// What a link does to messages; an absent key means: nothing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = LinkConditionsSchema)]
pub struct LinkConditionsBody(LinkConditions);

/// How much a platform can take; an absent key means: as much as the machine can.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = PlatformConditionsSchema)]
pub struct PlatformConditionsBody(PlatformConditions);

/// The keys of `LinkConditions`, for the description of the API.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = LinkConditions)]
pub struct LinkConditionsSchema {
    /// Milliseconds that every message takes.
    latency_ms: Option<u32>,
    /// Added to the latency: anything up to this, evenly.
    jitter_ms: Option<u32>,
    /// The share of messages that never arrive, from 0 to 1.
    loss: Option<f64>,
    bandwidth_bytes_per_s: Option<u64>,
    /// Nothing passes; documents wait.
    down: Option<bool>,
}

/// The keys of `PlatformConditions`, for the description of the API.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PlatformConditions)]
pub struct PlatformConditionsSchema {
    /// Documents that may be begun at once.
    workers: Option<u32>,
    documents_per_s: Option<f64>,
    calls_per_s: Option<f64>,
    /// Documents that may wait for their turn; more are refused.
    queue: Option<u32>,
    /// No service calls of others are taken.
    maintenance: Option<bool>,
}

/// Conditions of every link and platform that this process knows.
#[utoipa::path(get, path = "/api/v1/conditions", tag = "conditions",
    responses((status = 200, body = ConditionsAnswer)))]
pub(super) async fn conditions<P: CallPorts>(state: State<P>) -> Json<ConditionsAnswer> {
    Json(all(&state.operated))
}

/// Conditions of the link from a platform to the one above it.
#[utoipa::path(get, path = "/api/v1/conditions/links/{child}", tag = "conditions",
    params(("child" = String, Path, description = "The platform at the lower end", example = "lgsp-h60")),
    responses((status = 200, body = LinkAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn link<P: CallPorts>(
    state: State<P>,
    Named(child): Named,
) -> Result<Json<LinkAnswer>, Fault> {
    let (platform, shared) = find_link(&state.operated, &child)?;
    Ok(Json(link_answer(&state.operated, platform, *shared.lock())))
}

/// Replaces the conditions of a link, both ways, at once. A link that was down is tried at once.
#[utoipa::path(put, path = "/api/v1/conditions/links/{child}", tag = "conditions",
    params(("child" = String, Path, description = "The platform at the lower end")),
    request_body = LinkConditionsSchema,
    responses((status = 200, body = LinkAnswer), (status = 400, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer)))]
pub(super) async fn put_link<P: CallPorts>(
    state: State<P>,
    Named(child): Named,
    Given(wanted): Given<LinkConditions>,
) -> Result<Json<LinkAnswer>, Fault> {
    let (platform, shared) = find_link(&state.operated, &child)?;
    check_link(&wanted)?;
    set_link(&state.operated, platform, shared, wanted);
    Ok(Json(link_answer(&state.operated, platform, wanted)))
}

/// Back to what the topology file says.
#[utoipa::path(delete, path = "/api/v1/conditions/links/{child}", tag = "conditions",
    params(("child" = String, Path, description = "The platform at the lower end")),
    responses((status = 200, body = LinkAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn delete_link<P: CallPorts>(
    state: State<P>,
    Named(child): Named,
) -> Result<Json<LinkAnswer>, Fault> {
    let (platform, shared) = find_link(&state.operated, &child)?;
    set_link(&state.operated, platform, shared, platform.link);
    Ok(Json(link_answer(&state.operated, platform, platform.link)))
}

/// What a platform of this process can take.
#[utoipa::path(get, path = "/api/v1/conditions/platforms/{name}", tag = "conditions",
    params(("name" = String, Path, description = "A platform of this process", example = "axis")),
    responses((status = 200, body = CapacityAnswer), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub(super) async fn platform<P: CallPorts>(
    state: State<P>,
    Named(name): Named,
) -> Result<Json<CapacityAnswer>, Fault> {
    let (platform, now) = find_platform(&state.operated, &name)?;
    Ok(Json(capacity_answer(platform, now)))
}

/// Replaces what a platform can take, at once.
#[utoipa::path(put, path = "/api/v1/conditions/platforms/{name}", tag = "conditions",
    params(("name" = String, Path, description = "A platform of this process")),
    request_body = PlatformConditionsSchema,
    responses((status = 200, body = CapacityAnswer), (status = 400, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer), (status = 409, body = ErrorAnswer)))]
pub(super) async fn put_platform<P: CallPorts>(
    state: State<P>,
    Named(name): Named,
    Given(wanted): Given<PlatformConditions>,
) -> Result<Json<CapacityAnswer>, Fault> {
    let (platform, _) = find_platform(&state.operated, &name)?;
    check_platform(&wanted)?;
    set_platform(&state.operated, platform, wanted);
    Ok(Json(capacity_answer(platform, wanted)))
}

/// Back to what the topology file says.
#[utoipa::path(delete, path = "/api/v1/conditions/platforms/{name}", tag = "conditions",
    params(("name" = String, Path, description = "A platform of this process")),
    responses((status = 200, body = CapacityAnswer), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer)))]
pub(super) async fn delete_platform<P: CallPorts>(
    state: State<P>,
    Named(name): Named,
) -> Result<Json<CapacityAnswer>, Fault> {
    let (platform, _) = find_platform(&state.operated, &name)?;
    set_platform(&state.operated, platform, platform.conditions);
    Ok(Json(capacity_answer(platform, platform.conditions)))
}

/// Everything back to what the topology file says.
#[utoipa::path(post, path = "/api/v1/conditions/reset", tag = "conditions",
    responses((status = 200, body = ConditionsAnswer)))]
pub(super) async fn reset<P: CallPorts>(state: State<P>) -> Json<ConditionsAnswer> {
    let operated = &state.operated;
    for platform in &operated.topology.platforms {
        if let Some(shared) = operated.link_conditions.get(&platform.ix)
            && *shared.lock() != platform.link
        {
            set_link(operated, platform, shared, platform.link);
        }
        if operated.plane.conditions(platform.ix).is_some_and(|c| c != platform.conditions) {
            set_platform(operated, platform, platform.conditions);
        }
    }
    operated.host.reset();
    Json(all(operated))
}

fn all<P: CallPorts>(operated: &Operated<P>) -> ConditionsAnswer {
    let platforms = &operated.topology.platforms;
    let link = |platform: &topology::Platform| {
        let now = *operated.link_conditions.get(&platform.ix)?.lock();
        Some(link_answer(operated, platform, now).link)
    };
    let capacity = |platform: &topology::Platform| {
        let now = operated.plane.conditions(platform.ix)?;
        Some(capacity_answer(platform, now).platform)
    };
    ConditionsAnswer {
        version: VERSION,
        links: platforms.iter().filter_map(link).collect(),
        platforms: platforms.iter().filter_map(capacity).collect(),
    }
}

fn set_link<P: CallPorts>(
    operated: &Operated<P>,
    platform: &topology::Platform,
    shared: &Mutex<LinkConditions>,
    wanted: LinkConditions,
) {
    *shared.lock() = wanted;
    tracing::info!(child = %platform.name, conditions = ?wanted, "the conditions of a link were set");
    operated.pipeline.probe_links_now();
}

fn set_platform<P: CallPorts>(
    operated: &Operated<P>,
    platform: &topology::Platform,
    wanted: PlatformConditions,
) {
    operated.pipeline.set_conditions(platform.ix, wanted);
    operated.plane.set_conditions(platform.ix, wanted);
    tracing::info!(platform = %platform.name, conditions = ?wanted, "the conditions of a platform were set");
}

fn check_link(wanted: &LinkConditions) -> Result<(), Fault> {
    let wrong = |at: &str, why: &str| Err(Fault::new(Problem::WrongBody).at(at).detail(why));
    if wanted.loss.is_some_and(|loss| !(0.0..=1.0).contains(&loss)) {
        return wrong("loss", "from 0 to 1");
    }
    if wanted.bandwidth_bytes_per_s == Some(0) {
        return wrong("bandwidth_bytes_per_s", "at least 1; use down for an outage");
    }
    let delays = [("latency_ms", wanted.latency_ms), ("jitter_ms", wanted.jitter_ms)];
    match delays.into_iter().find(|(_, ms)| ms.is_some_and(|ms| ms > DELAY_MS_MAX)) {
        Some((at, _)) => wrong(at, "at most 600000"),
        None => Ok(()),
    }
}

/// A link slower than this is down.
const DELAY_MS_MAX: u32 = 600_000;

fn check_platform(wanted: &PlatformConditions) -> Result<(), Fault> {
    let rates = [("documents_per_s", wanted.documents_per_s), ("calls_per_s", wanted.calls_per_s)];
    let is_wrong = |rate: f64| !(rate.is_finite() && rate > 0.0);
    match rates.into_iter().find(|(_, rate)| rate.is_some_and(is_wrong)) {
        Some((at, _)) => Err(Fault::new(Problem::WrongBody)
            .at(at)
            .detail("more than 0; leave it out for no limit")),
        None if wanted.workers == Some(0) => {
            Err(Fault::new(Problem::WrongBody).at("workers").detail("at least 1"))
        }
        None => Ok(()),
    }
}

pub(super) fn find_named<'a, P: CallPorts>(
    operated: &'a Operated<P>,
    name: &str,
) -> Result<&'a topology::Platform, Fault> {
    operated.topology.platform_named(name).ok_or_else(|| {
        Fault::new(Problem::NoSuchPlatform).detail(name).nearest(nearest(operated, name))
    })
}

/// Platform names like this one, the most alike first.
pub(super) fn nearest<P: CallPorts>(operated: &Operated<P>, name: &str) -> Vec<String> {
    let mut names: Vec<(usize, &str)> = operated
        .topology
        .platforms
        .iter()
        .map(|platform| (strsim::osa_distance(&platform.name, name), &*platform.name))
        .filter(|(distance, _)| *distance <= 3)
        .collect();
    names.sort_unstable();
    names.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

fn find_link<'a, P: CallPorts>(
    operated: &'a Operated<P>,
    child: &str,
) -> Result<(&'a topology::Platform, &'a Mutex<LinkConditions>), Fault> {
    let platform = find_named(operated, child)?;
    let shared = operated.link_conditions.get(&platform.ix);
    let shared = shared.ok_or_else(|| Fault::new(Problem::NoSuchLink).detail(child))?;
    Ok((platform, shared))
}

fn find_platform<'a, P: CallPorts>(
    operated: &'a Operated<P>,
    name: &str,
) -> Result<(&'a topology::Platform, PlatformConditions), Fault> {
    let platform = find_named(operated, name)?;
    let now = operated.plane.conditions(platform.ix);
    Ok((platform, now.ok_or_else(|| Fault::new(Problem::NotRunHere).detail(name))?))
}

fn link_answer<P: CallPorts>(
    operated: &Operated<P>,
    platform: &topology::Platform,
    now: LinkConditions,
) -> LinkAnswer {
    let ndxp = || operated.plane.routes().parent(platform.ix);
    let parent = platform.parent.or_else(ndxp).unwrap_or(PlatformIx(u16::MAX));
    let link = LinkView {
        child: platform.name.to_string(),
        parent: operated.topology.platform(parent).map(|p| p.name.to_string()).unwrap_or_default(),
        conditions: LinkConditionsBody(now),
        file: LinkConditionsBody(platform.link),
        changed: now != platform.link,
    };
    LinkAnswer { version: VERSION, link }
}

fn capacity_answer(platform: &topology::Platform, now: PlatformConditions) -> CapacityAnswer {
    let platform = CapacityView {
        name: platform.name.to_string(),
        conditions: PlatformConditionsBody(now),
        file: PlatformConditionsBody(platform.conditions),
        changed: now != platform.conditions,
    };
    CapacityAnswer { version: VERSION, platform }
}
