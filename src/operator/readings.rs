//! One reading of everything that is counted, for one scrape.

use super::Operated;
use super::health::not_ready;
use crate::clock::Timestamp;
use crate::journal::Journal;
use crate::observe::FeedState;
use crate::pipeline::Platform;
use crate::pipeline::call::{CallPlatform, CallPorts};
use crate::telemetry::{self as t, Readings, number};
use crate::tls::CrlState;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) fn read<P: CallPorts>(operated: &Operated<P>, watchers: usize) -> Readings {
    let mut readings = Readings::default();
    process(operated, &mut readings);
    readings.count(&t::WATCHERS, &[], watchers as u64);
    for platform in operated.pipeline.platforms() {
        counters(platform, &mut readings);
        depths(operated, platform, &mut readings);
    }
    for platform in operated.plane.platforms() {
        calls(platform, &mut readings);
    }
    if let Some(tap) = &operated.tap {
        let states = tap.states();
        for platform in operated.plane.platforms() {
            let state = states.get(&platform.name).cloned().unwrap_or_default();
            observed(platform, &state, &mut readings);
        }
    }
    readings
}

fn observed(platform: &CallPlatform, state: &FeedState, out: &mut Readings) {
    let name = &*platform.name;
    out.count(&t::NDOP_REPORTED, &[name], state.reported);
    out.count(&t::NDOP_DROPPED, &[name], state.dropped);
    let waiting = platform.evidence.durable().number.saturating_sub(state.through);
    out.count(&t::NDOP_WAITING, &[name], waiting);
    out.count(&t::NDOP_FAILURES, &[name], state.failures);
}

fn calls(platform: &CallPlatform, out: &mut Readings) {
    let (name, counters) = (&*platform.name, &platform.counters);
    out.count(&t::CALLS, &[name], counters.made.load(Ordering::Relaxed));
    for (trouble, count) in counters.failed.read().filter(|(_, count)| *count > 0) {
        out.count(&t::CALLS_FAILED, &[name, trouble.label()], count);
    }
    out.count(&t::CALLS_UNDER_WAY, &[name], platform.door.under_way() as u64);
    let (queued, durable) = (platform.evidence.head().number, platform.evidence.durable().number);
    out.count(&t::EVIDENCE_RECORDS, &[name], queued);
    out.count(&t::EVIDENCE_WAITING, &[name], queued.saturating_sub(durable));
}

fn process<P: CallPorts>(operated: &Operated<P>, out: &mut Readings) {
    let pipeline = &operated.pipeline;
    let (gauges, journal) = (pipeline.gauges(), pipeline.ports().journal().health());
    out.count(&t::BUILD, &[env!("CARGO_PKG_VERSION"), super::status::DURABILITY], 1);
    out.add(&t::STARTED, &[], seconds(operated.started_at));
    out.count(&t::READY, &[], u64::from(not_ready(operated).is_empty()));
    out.count(&t::BYTES_IN_FLIGHT, &[], gauges.bytes_in_flight);
    out.count(&t::BYTES_IN_FLIGHT_MAX, &[], pipeline.limits.bytes_in_flight_max);
    out.count(&t::JOURNAL_OPEN, &[], u64::from(!journal.is_closed && pipeline.is_open()));
    out.count(&t::JOURNAL_QUEUED, &[], journal.queued as u64);
    out.count(&t::JOURNAL_DISK, &[], journal.disk_bytes);
    out.count(&t::JOURNAL_DISK_MAX, &[], journal.disk_bytes_max);
    out.add(&t::FLUSHED_AT, &[], seconds(journal.last_flush_at));
    out.add(&t::CHECKPOINT_AT, &[], seconds(gauges.checkpoint_at));
    out.count(&t::FOLDED, &[], gauges.folded);
    out.count(&t::LAG, &[], gauges.lag);
    out.count(&t::LAG_MAX, &[], pipeline.limits.route_lag_max);
    let directory = pipeline.directory();
    out.count(&t::AGENCIES, &[], directory.len() as u64);
    out.count(&t::DIRECTORY_VERSION, &[], directory.version());
    out.count(&t::TRUST_GENERATION, &[], operated.trust.generation());
    let next_update = match operated.trust.crl_state(pipeline.now()) {
        CrlState::None => Timestamp::ZERO,
        CrlState::Fresh { next_update } | CrlState::Stale { next_update } => next_update,
    };
    out.add(&t::CRL_NEXT_UPDATE, &[], seconds(next_update));
}

fn counters(platform: &Platform, out: &mut Readings) {
    let (name, counters) = (platform.name.as_str(), &platform.counters);
    let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let opened = value(&counters.connections.opened);
    out.count(&t::CONNECTIONS_OPENED, &[name], opened);
    let closed = value(&counters.connections.closed);
    out.count(&t::CONNECTIONS, &[name], opened.saturating_sub(closed));
    for (code, count) in counters.connections.faults() {
        out.count(&t::TLS_FAULTS, &[name, code], count);
    }
    for (family, counter) in [
        (&t::ACCEPTED, &counters.accepted),
        (&t::DUPLICATES, &counters.duplicates),
        (&t::BYTES_IN, &counters.bytes_in),
        (&t::HANDED_ON, &counters.handed_on),
        (&t::HOP_ACCEPTED, &counters.hop_accepted),
        (&t::ATTEMPTS_FAILED, &counters.retried),
        (&t::ARRIVED, &counters.arrived),
        (&t::CONFIRMED, &counters.confirmed),
    ] {
        out.count(family, &[name], value(counter));
    }
    out.count(&t::STATUSES, &[name], super::topology::status_messages(counters));
    for (door, refusals) in [("member", &counters.refusals), ("link", &counters.hop_refusals)] {
        for (reason, count) in refusals.all() {
            out.count(&t::REFUSED, &[name, door, reason.label()], count);
        }
    }
}

fn depths<P: CallPorts>(operated: &Operated<P>, platform: &Platform, out: &mut Readings) {
    let name = platform.name.as_str();
    let links: Vec<_> = {
        let post = platform.post.lock();
        out.count(&t::OPEN_DOCUMENTS, &[name], post.tracking.open_docs() as u64);
        out.count(&t::INBOX_OPEN, &[name], post.tracking.depths().1 as u64);
        post.bus.neighbours().into_iter().map(|peer| (peer, post.bus.link_len(peer))).collect()
    };
    let states = operated.pipeline.link_states(platform.ix);
    let routes = operated.pipeline.routes();
    for (peer, waiting) in links {
        let labels = [name, routes.platform_name(peer)];
        out.count(&t::WAITING, &labels, waiting as u64);
        let is_down = states.get(&peer).is_some_and(|state| state.is_down);
        out.count(&t::LINK_UP, &labels, u64::from(!is_down));
    }
}

fn seconds(at: Timestamp) -> f64 {
    number(at.ms()) / 1_000.0
}
