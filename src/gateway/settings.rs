//! From the keys of the topology file to what each room takes.

use crate::domain::edxml::{Mode, XmlLimits};
use crate::domain::rules::Rules;
use crate::domain::secrecy::Guard;
use crate::domain::signature::Policy;
use crate::domain::tracking::TrackingLimits;
use crate::evidence;
use crate::ingress::DoorLimits;
use crate::ingress::head::HeadLimits;
use crate::ingress::http1::Http1Limits;
use crate::ingress::public::PublicLimits;
use crate::ingress::relay::RelayLimits;
use crate::journal::JournalOptions;
use crate::pipeline::PipelineLimits;
use crate::pipeline::call::{CallLimits, CatalogueLimits};
use crate::tls::{StaleCrl, TlsOptions, TlsVersions};
use crate::topology::{
    CrlExpired, Limits, LockedReceiver, Reading, SignaturePolicy, StatusOrder, Topology,
};
use std::path::PathBuf;
use std::time::Duration;

pub(super) fn pipeline(topology: &Topology) -> PipelineLimits {
    let limits = &topology.limits;
    PipelineLimits {
        body_bytes_max: limits.body_bytes_max as u64,
        bytes_in_flight_max: limits.bytes_in_flight_max as u64,
        transit_reserved_share: limits.transit_reserved_share,
        chunk_bytes_max: limits.chunk_bytes_max,
        batch_bytes_max: limits.batch_bytes_max,
        batch_items_max: limits.batch_items_max,
        inline_body_bytes_max: limits.inline_body_bytes_max as u64,
        route_lag_max: limits.route_lag_max,
        link_batch_max: limits.link_batch_max,
        link_batch_bytes_max: limits.link_batch_bytes_max as u64,
        dispatchers_per_mailbox: DISPATCHERS_PER_MAILBOX,
        hops_max: limits.hops_max,
        recipients_max: limits.recipients_max,
        retry_first: RETRY_FIRST,
        retry_max: RETRY_MAX,
        attempts_max: ATTEMPTS_MAX,
        hand_timeout: Duration::from_millis(limits.lease_ms),
        answer_timeout: ANSWER_TIMEOUT,
        inbox_age_max: Duration::from_secs(limits.inbox_days_max * 86_400),
        retention: Duration::from_secs(limits.retention_hours * 3_600),
        checkpoint_interval: Duration::from_secs(limits.checkpoint_interval_s),
        checkpoint_entries_max: limits.checkpoint_entries_max,
        tracking: TrackingLimits {
            mailbox_depth_max: limits.mailbox_depth_max,
            link_depth_max: limits.mailbox_depth_max.saturating_mul(10),
            recent_documents_max: limits.recent_documents_max,
            duplicates_max: limits.duplicates_max,
            status_order_strict: topology.documents.status_order == StatusOrder::Strict,
        },
        overtaken_max: limits.overtaken_max,
        events_queue_max: limits.events_queue_max,
        list_items_max: limits.list_items_max,
        locked_refuses_all: topology.documents.locked_receiver == LockedReceiver::RefuseAll,
    }
}

/// Hand-overs to one neighbour that may be unanswered at once.
const DISPATCHERS_PER_MAILBOX: usize = 4;
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// Answers of "later" to one delivery before it is given up; at a minute each, about a week.
const ATTEMPTS_MAX: u32 = 10_000;
/// How long a sender waits for its receipt before it is told that nobody knows.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) fn rules(topology: &Topology) -> Rules {
    let (limits, documents) = (&topology.limits, &topology.documents);
    let mut guard = Guard::default();
    if !documents.secrecy.patterns.is_empty() {
        guard = Guard::new(&documents.secrecy.patterns, &[]);
    }
    guard.declaration_required = documents.secrecy.declaration_required;
    Rules {
        mode: match documents.reading {
            Reading::Lenient => Mode::Lenient,
            Reading::Strict => Mode::Strict,
        },
        xml: XmlLimits { depth_max: limits.xml_depth_max, ..XmlLimits::default() },
        body_bytes_max: limits.body_bytes_max,
        recipients_max: limits.recipients_max,
        guard,
    }
}

pub(super) const fn signature_policy(topology: &Topology) -> Policy {
    match topology.documents.signature {
        SignaturePolicy::Record => Policy::Record,
        SignaturePolicy::Warn => Policy::Warn,
        SignaturePolicy::Refuse => Policy::Refuse,
    }
}

pub(super) const fn tls(topology: &Topology) -> TlsOptions {
    TlsOptions {
        versions: if topology.tls.accepts_tls12 { TlsVersions::Both } else { TlsVersions::Only13 },
        post_quantum: topology.tls.post_quantum,
        resumption: true,
        stale_crl: match topology.tls.crl_expired {
            CrlExpired::Warn => StaleCrl::Warn,
            CrlExpired::Refuse => StaleCrl::Refuse,
        },
        key_log: false,
    }
}

pub(super) fn door(limits: &Limits) -> DoorLimits {
    DoorLimits {
        connections_max: limits.connections_max,
        handshake_timeout: Duration::from_millis(limits.handshake_timeout_ms),
        head_bytes_max: limits.head_bytes_max,
        idle_timeout: Duration::from_millis(limits.idle_timeout_ms),
        streams_max: u32::try_from(limits.window_max).unwrap_or(u32::MAX).max(256),
        message_bytes_max: limits.link_batch_bytes_max.max(limits.body_bytes_max) + (1 << 20),
        http1: http1(limits),
    }
}

pub(super) fn http1(limits: &Limits) -> Http1Limits {
    Http1Limits {
        head: HeadLimits { bytes_max: limits.head_bytes_max, fields_max: HEAD_FIELDS_MAX },
        // The face refuses what is too large, in its own words.
        body_bytes_max: u64::MAX,
        head_ms_max: limits.head_timeout_ms,
        idle_ms_max: limits.idle_timeout_ms,
        body_ms_max: limits.body_timeout_ms,
        answer_ms_max: limits.body_timeout_ms,
        drain_bytes_max: (limits.body_bytes_max as u64).saturating_mul(2),
        ..Http1Limits::default()
    }
}

/// The SDK sends about 30; one service object that leaks headers for days about 40.
const HEAD_FIELDS_MAX: usize = 200;

pub(super) fn relay(limits: &Limits) -> RelayLimits {
    RelayLimits {
        connections_max: limits.connections_max,
        timeout: Duration::from_millis(limits.relay_timeout_ms),
        body_timeout: Duration::from_millis(limits.body_timeout_ms),
        http1: http1(limits),
    }
}

pub(super) fn public(limits: &Limits) -> PublicLimits {
    PublicLimits { connections_max: limits.connections_max, http1: http1(limits) }
}

pub(super) fn calls(limits: &Limits) -> CallLimits {
    CallLimits {
        calls_max: limits.calls_max,
        timeout: Duration::from_millis(limits.call_timeout_ms),
        body_bytes_max: limits.call_body_bytes_max,
        buffer_bytes_max: limits.call_buffer_bytes_max,
        message_bytes_max: limits.call_message_bytes_max,
        held_bytes_max: limits.calls_held_bytes_max,
        hops_max: limits.hops_max,
        breaker_failures_max: limits.breaker_failures_max,
        breaker_pause: Duration::from_millis(limits.breaker_pause_ms),
        catalogue: CatalogueLimits {
            page_bytes_max: limits.catalogue_page_bytes_max,
            services_max: limits.catalogue_services_max,
            wait: Duration::from_millis(limits.catalogue_wait_ms),
            retry: Duration::from_millis(limits.catalogue_retry_ms),
        },
    }
}

pub(super) fn evidence(limits: &Limits, platform: &str, accept_loss: bool) -> evidence::Settings {
    evidence::Settings {
        queue_records_max: limits.evidence_queue_max as u64,
        flush_ms_max: limits.evidence_flush_ms_max,
        segment_bytes_max: limits.evidence_segment_bytes,
        kept_bytes_max: limits.evidence_bytes_max,
        kept_days_max: limits.evidence_days,
        accept_loss,
        ..evidence::Settings::new(platform)
    }
}

pub(super) fn journal(limits: &Limits, dir: PathBuf, accept_loss: bool) -> JournalOptions {
    let clamp = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
    JournalOptions {
        dir,
        segment_bytes: clamp(limits.segment_bytes),
        batch_bytes_max: clamp(limits.batch_bytes_max as u64),
        queue_batches_max: clamp(limits.journal_queue_max as u64),
        queue_bytes_max: limits.journal_queue_bytes_max,
        tail_bytes_max: limits.journal_tail_bytes_max,
        disk_bytes_max: limits.disk_bytes_max,
        accept_loss,
        ..JournalOptions::default()
    }
}
