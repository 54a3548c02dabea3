//! How the process is: durability, journal, what waits, which links are down.

use super::health::not_ready;
use super::topology::{LiveLink, live_links};
use super::{Desk, Operated, State, VERSION};
use crate::clock::Timestamp;
use crate::journal::{Journal, Loss, Recovery, Seq};
use crate::pipeline::call::CallPorts;
use crate::story::moment;
use crate::tls::CrlState;
use axum::Json;
use serde::Serialize;

/// What an acknowledged document may rely on: it was flushed to this machine's disk.
pub(super) const DURABILITY: &str = "flushed";

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StatusAnswer {
    pub version: u32,
    /// The release that runs.
    #[schema(example = "0.1.0")]
    pub release: &'static str,
    pub topology: String,
    /// `flushed`: what was acknowledged is on this machine's disk. `replicated`: on several machines.
    #[schema(example = "flushed")]
    pub durability: &'static str,
    /// The folder that holds `pki/` and `journal/`.
    pub data: String,
    pub now: String,
    pub started_at: String,
    pub uptime_ms: u64,
    pub ready: bool,
    /// Why not; as `/readyz` says it.
    pub not_ready: Vec<&'static str>,
    pub journal: JournalStatus,
    pub recovery: RecoveryReport,
    pub fold: FoldStatus,
    pub directory: DirectoryStatus,
    pub revocation_list: RevocationListStatus,
    /// Documents with a delivery that is not over, summed over the platforms of this process.
    pub open_documents: usize,
    pub links_down: usize,
    pub platforms: Vec<PlatformStatus>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct JournalStatus {
    /// False for ever after a failed flush: restart and recover.
    pub open: bool,
    pub last_flush_at: Option<String>,
    pub last_checkpoint_at: Option<String>,
    pub queued_batches: usize,
    pub disk_bytes: u64,
    pub disk_bytes_max: u64,
}

/// What was found on disk when the process started.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RecoveryReport {
    /// There was no journal before.
    pub new: bool,
    pub from_checkpoint: bool,
    pub checkpoint_damaged: Option<String>,
    pub segments_read: u32,
    pub bytes_read: u64,
    pub entries_read: u64,
    /// An incomplete last write that was cut; nobody had been told of it.
    pub torn: Option<TornReport>,
    /// What `--accept-loss` went over.
    pub lost: Vec<LossReport>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TornReport {
    pub file: String,
    pub offset: u32,
    pub bytes: u32,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LossReport {
    pub file: String,
    pub offset: u32,
    pub bytes: u32,
    pub batches: u64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FoldStatus {
    /// Journal entries appended and not yet folded.
    pub lag_entries: u64,
    pub lag_entries_max: u64,
    pub folded_entries: u64,
    pub bytes_in_flight: u64,
    pub bytes_in_flight_max: u64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DirectoryStatus {
    pub agencies: usize,
    /// Changes made by the axis since the files were read.
    pub changes: u64,
    /// The day as of which agencies stand.
    pub on: String,
    /// The topology fixed that day; else it follows the calendar.
    pub fixed: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RevocationListStatus {
    /// `none`, `fresh` or `stale`.
    pub state: &'static str,
    pub next_update: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlatformStatus {
    pub name: String,
    pub open_documents: usize,
    /// Deliveries and reports that wait for neighbours.
    pub waiting_for_links: usize,
    /// Deliveries in inboxes that nobody has confirmed.
    pub waiting_in_inboxes: usize,
    pub links: Vec<LiveLink>,
}

/// How the process is.
#[utoipa::path(get, path = "/api/v1/status", tag = "status",
    responses((status = 200, body = StatusAnswer)))]
pub(super) async fn status<P: CallPorts>(state: State<P>) -> Json<StatusAnswer> {
    Json(answer(&state))
}

fn answer<P: CallPorts>(desk: &Desk<P>) -> StatusAnswer {
    let operated = &desk.operated;
    let now = operated.pipeline.now();
    let platforms = platforms(operated);
    let not_ready = not_ready(operated);
    StatusAnswer {
        version: VERSION,
        release: env!("CARGO_PKG_VERSION"),
        topology: operated.topology.name.to_string(),
        durability: DURABILITY,
        data: operated.data.display().to_string(),
        now: moment(now),
        started_at: moment(operated.started_at),
        uptime_ms: millis(now.since(operated.started_at)),
        ready: not_ready.is_empty(),
        not_ready,
        journal: journal(operated),
        recovery: recovery(&operated.recovery),
        fold: fold(operated),
        directory: directory(operated),
        revocation_list: revocation_list(operated, now),
        open_documents: platforms.iter().map(|platform| platform.open_documents).sum(),
        links_down: platforms.iter().flat_map(|p| &p.links).filter(|link| !link.up).count(),
        platforms,
    }
}

fn journal<P: CallPorts>(operated: &Operated<P>) -> JournalStatus {
    let health = operated.pipeline.ports().journal().health();
    JournalStatus {
        open: operated.pipeline.is_open() && !health.is_closed,
        last_flush_at: since_epoch(health.last_flush_at),
        last_checkpoint_at: since_epoch(operated.pipeline.gauges().checkpoint_at),
        queued_batches: health.queued,
        disk_bytes: health.disk_bytes,
        disk_bytes_max: health.disk_bytes_max,
    }
}

fn recovery(found: &Recovery) -> RecoveryReport {
    let lost = |loss: &Loss| LossReport {
        file: loss.file.clone(),
        offset: loss.offset,
        bytes: loss.bytes,
        batches: loss.batches,
    };
    RecoveryReport {
        new: found.is_new,
        from_checkpoint: found.checkpoint.is_some_and(|at| at > Seq(0)),
        checkpoint_damaged: found.checkpoint_damaged.clone(),
        segments_read: found.segments_read,
        bytes_read: found.bytes_read,
        entries_read: found.entries_read,
        torn: found.torn.as_ref().map(|torn| TornReport {
            file: torn.file.clone(),
            offset: torn.offset,
            bytes: torn.bytes,
        }),
        lost: found.lost.iter().map(lost).collect(),
    }
}

fn fold<P: CallPorts>(operated: &Operated<P>) -> FoldStatus {
    let gauges = operated.pipeline.gauges();
    FoldStatus {
        lag_entries: gauges.lag,
        lag_entries_max: operated.pipeline.limits.route_lag_max,
        folded_entries: gauges.folded,
        bytes_in_flight: gauges.bytes_in_flight,
        bytes_in_flight_max: operated.pipeline.limits.bytes_in_flight_max,
    }
}

fn directory<P: CallPorts>(operated: &Operated<P>) -> DirectoryStatus {
    let directory = operated.pipeline.directory();
    DirectoryStatus {
        agencies: directory.len(),
        changes: directory.version(),
        on: directory.today().to_string(),
        fixed: operated.topology.on.is_some(),
    }
}

fn revocation_list<P: CallPorts>(operated: &Operated<P>, now: Timestamp) -> RevocationListStatus {
    let (state, next_update) = match operated.trust.crl_state(now) {
        CrlState::None => ("none", None),
        CrlState::Fresh { next_update } => ("fresh", Some(moment(next_update))),
        CrlState::Stale { next_update } => ("stale", Some(moment(next_update))),
    };
    RevocationListStatus { state, next_update }
}

fn platforms<P: CallPorts>(operated: &Operated<P>) -> Vec<PlatformStatus> {
    let status = |platform: &crate::pipeline::Platform| {
        let (open_documents, (waiting_for_links, waiting_in_inboxes)) = {
            let post = platform.post.lock();
            (post.tracking.open_docs(), post.tracking.depths())
        };
        PlatformStatus {
            name: platform.name.clone(),
            open_documents,
            waiting_for_links,
            waiting_in_inboxes,
            links: live_links(operated, platform),
        }
    };
    operated.pipeline.platforms().iter().map(status).collect()
}

pub(super) fn since_epoch(at: Timestamp) -> Option<String> {
    (at > Timestamp::ZERO).then(|| moment(at))
}

pub(super) fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
