//! Is the process alive, may it take documents, and what does it count.

use super::fault::Fault;
use super::{Desk, Operated, State, VERSION};
use crate::clock::Timestamp;
use crate::journal::Journal;
use crate::pipeline::Gauges;
use crate::pipeline::call::CallPorts;
use crate::telemetry;
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use std::time::Duration;

/// A fold that had work and did none for so long is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// The answer of `/healthz` and `/readyz`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HealthAnswer {
    pub version: u32,
    /// `ok` or `failing`.
    #[schema(example = "ok")]
    pub status: &'static str,
    /// Why it fails: `journal_closed`, `fold_stuck`, `draining`, `lagging`, `disk_full`, `no_platform`.
    pub reasons: Vec<&'static str>,
}

/// When the fold was last seen to move.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    folded: u64,
    moved_at: Timestamp,
}

impl Pulse {
    /// True when entries have waited since `STUCK_AFTER` and none was folded.
    fn is_stuck(&mut self, gauges: &Gauges, now: Timestamp) -> bool {
        if gauges.lag == 0 || gauges.folded != self.folded || self.moved_at == Timestamp::ZERO {
            *self = Self { folded: gauges.folded, moved_at: now };
        }
        now.since(self.moved_at) >= STUCK_AFTER
    }
}

/// The process lives: its fold moves. A failed flush is for ever, so a closed journal fails it too.
#[utoipa::path(get, path = "/healthz", tag = "health",
    responses((status = 200, body = HealthAnswer), (status = 503, body = HealthAnswer)))]
pub(super) async fn healthz<P: CallPorts>(state: State<P>) -> Response {
    let pipeline = &state.operated.pipeline;
    let mut reasons = Vec::new();
    if !pipeline.is_open() && !pipeline.gauges().is_draining {
        reasons.push("journal_closed");
    }
    if state.pulse.lock().is_stuck(&pipeline.gauges(), pipeline.now()) {
        reasons.push("fold_stuck");
    }
    answer(reasons)
}

/// The process takes documents: journal open, doors bound, fold close behind, disk not full, not draining.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, body = HealthAnswer), (status = 503, body = HealthAnswer)))]
pub(super) async fn readyz<P: CallPorts>(state: State<P>) -> Response {
    answer(not_ready(&state.operated))
}

/// Numbers for Prometheus, text format 0.0.4. Every family is described in `telemetry.rs`.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(super) async fn metrics<P: CallPorts>(state: State<P>) -> Result<Response, Fault> {
    scrape(&state)
}

fn scrape<P: CallPorts>(desk: &Desk<P>) -> Result<Response, Fault> {
    let text = desk.metrics.text().map_err(|error| Fault::failed(&error))?;
    Ok(([(header::CONTENT_TYPE, telemetry::TEXT_FORMAT)], text).into_response())
}

/// Why this process takes no documents; empty when it does.
pub(super) fn not_ready<P: CallPorts>(operated: &Operated<P>) -> Vec<&'static str> {
    let pipeline = &operated.pipeline;
    let (gauges, journal) = (pipeline.gauges(), pipeline.ports().journal().health());
    let checks = [
        ("journal_closed", !pipeline.is_open() || journal.is_closed),
        ("draining", gauges.is_draining),
        ("lagging", gauges.lag > pipeline.limits.route_lag_max),
        ("disk_full", journal.disk_bytes >= journal.disk_bytes_max / 20 * 19),
        ("no_platform", pipeline.platforms().is_empty() || operated.listens.is_empty()),
    ];
    checks.into_iter().filter(|(_, fails)| *fails).map(|(reason, _)| reason).collect()
}

fn answer(reasons: Vec<&'static str>) -> Response {
    let is_well = reasons.is_empty();
    let code = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let status = if is_well { "ok" } else { "failing" };
    (code, Json(HealthAnswer { version: VERSION, status, reasons })).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_is_stuck_only_when_it_has_work_and_does_not_move() {
        let gauges = |lag, folded| Gauges {
            lag,
            folded,
            bytes_in_flight: 0,
            checkpoint_at: Timestamp::ZERO,
            is_draining: false,
        };
        let at = Timestamp::from_secs;
        let mut pulse = Pulse::default();
        assert!(!pulse.is_stuck(&gauges(5, 10), at(1_000)));
        assert!(!pulse.is_stuck(&gauges(5, 10), at(1_029)));
        assert!(pulse.is_stuck(&gauges(5, 10), at(1_030)));
        assert!(!pulse.is_stuck(&gauges(5, 11), at(1_031)), "it moves again");
        assert!(!pulse.is_stuck(&gauges(0, 11), at(2_000)), "it has nothing to do");
        assert!(!pulse.is_stuck(&gauges(1, 11), at(2_001)));
    }
}
