//! The catalogue: every metric family of the gateway on one page, and how logs are set up.
//!
//! Nothing is counted here. Rooms bump plain atomics; at each scrape one `Collector` reads them all.
//! Label values come from closed lists: platforms of the topology, refusals, faults.
//!
//! Invariant: a name never changes its meaning or its unit; `tests/data/metrics.txt` is the promise.

use prometheus::core::{Collector, Desc};
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, Registry, TextEncoder};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// One metric family: what it is called, what it says, and by what it is told apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    pub sort: Sort,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Only grows; begins at zero with the process.
    Counter,
    Gauge,
}

macro_rules! families {
    ($($name:ident $sort:ident $text:literal $labels:expr, $help:literal;)*) => {
        $(pub static $name: Family =
            Family { name: $text, sort: Sort::$sort, labels: &$labels, help: $help };)*

        /// Every family, in the order in which a document meets the rooms.
        pub static FAMILIES: &[&Family] = &[$(&$name,)*];
    };
}

families! {
    // The process.
    BUILD Gauge "lienthong_build_info" ["version", "durability"], "Always 1; says which release runs and what acknowledged means.";
    STARTED Gauge "lienthong_start_time_seconds" [], "When the process began to serve, in seconds since 1970.";
    READY Gauge "lienthong_ready" [], "1 when the process takes documents, as /readyz says.";
    // Doors.
    CONNECTIONS Gauge "lienthong_connections" ["platform"], "Open connections of members and neighbours.";
    CONNECTIONS_OPENED Counter "lienthong_connections_opened_total" ["platform"], "Connections whose TLS handshake succeeded.";
    TLS_FAULTS Counter "lienthong_tls_faults_total" ["platform", "code"], "Connections refused in the TLS handshake, by fault.";
    // Accept.
    ACCEPTED Counter "lienthong_documents_accepted_total" ["platform"], "Documents and status messages taken from members: durable and acknowledged.";
    DUPLICATES Counter "lienthong_documents_duplicate_total" ["platform"], "Submissions answered with the DocId of an earlier one.";
    REFUSED Counter "lienthong_documents_refused_total" ["platform", "door", "reason"], "What was not taken: submissions of members, recipients of copies from neighbours (door link).";
    STATUSES Counter "lienthong_status_messages_total" ["platform"], "Status messages (01 to 16) among what was taken, from members and neighbours.";
    BYTES_IN Counter "lienthong_body_bytes_total" ["platform"], "Bytes of bodies taken, from members and neighbours.";
    BYTES_IN_FLIGHT Gauge "lienthong_bytes_in_flight" [], "Bytes of bodies in memory on their way into the journal.";
    BYTES_IN_FLIGHT_MAX Gauge "lienthong_bytes_in_flight_limit" [], "The limit bytes_in_flight_max of the topology file.";
    // Journal.
    JOURNAL_OPEN Gauge "lienthong_journal_open" [], "1 while the journal takes entries; 0 for ever after a failed flush.";
    JOURNAL_QUEUED Gauge "lienthong_journal_queued_batches" [], "Batches that wait for the disk.";
    JOURNAL_DISK Gauge "lienthong_journal_disk_bytes" [], "Bytes of journal files and checkpoints.";
    JOURNAL_DISK_MAX Gauge "lienthong_journal_disk_limit_bytes" [], "The limit disk_bytes_max of the topology file.";
    FLUSHED_AT Gauge "lienthong_journal_last_flush_timestamp_seconds" [], "When the last batch became durable, in seconds since 1970; 0 before the first.";
    CHECKPOINT_AT Gauge "lienthong_journal_last_checkpoint_timestamp_seconds" [], "When the last checkpoint was written by this process, in seconds since 1970; 0 before the first.";
    // Fold.
    FOLDED Counter "lienthong_route_folded_entries_total" [], "Journal entries folded, those of the recovery included.";
    LAG Gauge "lienthong_route_lag_entries" [], "Entries appended and not yet folded.";
    LAG_MAX Gauge "lienthong_route_lag_limit_entries" [], "The limit route_lag_max of the topology file.";
    OPEN_DOCUMENTS Gauge "lienthong_open_documents" ["platform"], "Documents with a delivery that is not over here.";
    // Deliver.
    WAITING Gauge "lienthong_link_waiting" ["platform", "peer"], "Deliveries and reports that wait for a neighbour.";
    LINK_UP Gauge "lienthong_link_up" ["platform", "peer"], "0 when the neighbour does not answer.";
    HANDED_ON Counter "lienthong_deliveries_handed_on_total" ["platform"], "Deliveries that a neighbour took over.";
    HOP_ACCEPTED Counter "lienthong_hop_deliveries_accepted_total" ["platform"], "Deliveries taken over from a neighbour.";
    ATTEMPTS_FAILED Counter "lienthong_deliveries_attempts_failed_total" ["platform"], "Answers of neighbours that did not take a delivery, for now or for ever.";
    ARRIVED Counter "lienthong_deliveries_arrived_total" ["platform"], "Deliveries that reached their inbox.";
    // Confirm.
    INBOX_OPEN Gauge "lienthong_inbox_open_deliveries" ["platform"], "Deliveries in inboxes that nobody has confirmed yet.";
    CONFIRMED Counter "lienthong_deliveries_confirmed_total" ["platform"], "Confirmations of recipients (updateStatus).";
    // Service calls.
    CALLS Counter "lienthong_calls_total" ["platform"], "Service calls that came to the platform, from members and other platforms.";
    CALLS_FAILED Counter "lienthong_calls_failed_total" ["platform", "trouble"], "Service calls that the platform could not have answered, by trouble.";
    CALLS_UNDER_WAY Gauge "lienthong_calls_under_way" ["platform"], "Service calls whose answer is not over.";
    EVIDENCE_RECORDS Counter "lienthong_evidence_records_total" ["platform"], "Records in the evidence of calls, those of earlier runs included.";
    EVIDENCE_WAITING Gauge "lienthong_evidence_waiting_records" ["platform"], "Records of evidence that wait for the disk.";
    NDOP_REPORTED Counter "lienthong_ndop_reported_total" ["platform"], "Observations of calls that NDOP took.";
    NDOP_DROPPED Counter "lienthong_ndop_dropped_total" ["platform"], "Records of evidence that were gone before they could be reported to NDOP.";
    NDOP_WAITING Gauge "lienthong_ndop_waiting_records" ["platform"], "Records of evidence that NDOP has not been told of yet.";
    NDOP_FAILURES Counter "lienthong_ndop_failures_total" ["platform"], "Reports to NDOP that came to nothing and are sent again.";
    // Directory and certificates.
    AGENCIES Gauge "lienthong_directory_agencies" [], "Agencies that the directory knows.";
    DIRECTORY_VERSION Gauge "lienthong_directory_version" [], "Changes that the axis has made to the directory.";
    TRUST_GENERATION Gauge "lienthong_trust_generation" [], "Grows with every change of authorities or revocation lists.";
    CRL_NEXT_UPDATE Gauge "lienthong_crl_next_update_timestamp_seconds" [], "When the revocation list is to be renewed, in seconds since 1970; 0 without one.";
    // The operator's door.
    WATCHERS Gauge "lienthong_event_streams" [], "Open event streams of the operator's API.";
}

/// What the rooms said at one scrape.
#[derive(Debug, Default)]
pub struct Readings {
    samples: Vec<(&'static Family, Vec<String>, f64)>,
}

impl Readings {
    /// `labels` in the order in which the family names them.
    pub fn add(&mut self, family: &'static Family, labels: &[&str], value: f64) {
        debug_assert_eq!(labels.len(), family.labels.len(), "{}", family.name);
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        self.samples.push((family, labels, value));
    }

    pub fn count(&mut self, family: &'static Family, labels: &[&str], value: u64) {
        self.add(family, labels, number(value));
    }
}

/// A count as Prometheus wants it: a float is exact up to 2^53.
#[expect(clippy::cast_precision_loss, reason = "every Prometheus sample is a float")]
pub const fn number(value: u64) -> f64 {
    value as f64
}

/// Everything a scrape shows, read when it comes.
pub struct Metrics {
    registry: Registry,
}

impl Metrics {
    /// `read` is called once per scrape.
    pub fn new(
        read: impl Fn() -> Readings + Send + Sync + 'static,
    ) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let descs = FAMILIES.iter().map(|family| desc(family)).collect::<Result<_, _>>()?;
        registry.register(Box::new(Scrape { read, descs }))?;
        registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self { registry })
    }

    /// The text format, version 0.0.4.
    pub fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut out = Vec::with_capacity(16 << 10);
        TextEncoder::new().encode(&self.registry.gather(), &mut out)?;
        Ok(out)
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// The media type of `Metrics::text`.
pub const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

struct Scrape<F> {
    read: F,
    descs: Vec<Desc>,
}

impl<F: Fn() -> Readings + Send + Sync> Collector for Scrape<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let readings = (self.read)();
        FAMILIES.iter().filter_map(|family| gathered(family, &readings)).collect()
    }
}

fn desc(family: &Family) -> Result<Desc, prometheus::Error> {
    let labels = family.labels.iter().map(|&label| label.to_owned()).collect();
    Desc::new(family.name.to_owned(), family.help.to_owned(), labels, Default::default())
}

/// The samples of one family; `None` when there are none.
fn gathered(family: &'static Family, readings: &Readings) -> Option<MetricFamily> {
    let metrics: Vec<Metric> = readings
        .samples
        .iter()
        .filter(|(of, ..)| std::ptr::eq(*of, family))
        .map(|(_, labels, value)| metric(family, labels, *value))
        .collect();
    if metrics.is_empty() {
        return None;
    }
    let mut out = MetricFamily::default();
    out.set_name(family.name.to_owned());
    out.set_help(family.help.to_owned());
    out.set_field_type(match family.sort {
        Sort::Counter => MetricType::COUNTER,
        Sort::Gauge => MetricType::GAUGE,
    });
    out.set_metric(metrics);
    Some(out)
}

fn metric(family: &Family, labels: &[String], value: f64) -> Metric {
    let pair = |(name, value): (&&str, &String)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value(value.clone());
        pair
    };
    let mut metric = Metric::from_label(family.labels.iter().zip(labels).map(pair).collect());
    match family.sort {
        Sort::Counter => {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        }
        Sort::Gauge => {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
    }
    metric
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One object per line.
    Json,
}

/// Logs cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log filter cannot be read")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("logs are set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends logs to standard error. `filter` is in the words of `tracing`: `info`, `lienthong=debug,h2=warn`.
pub fn init(format: LogFormat, filter: &str, has_colour: bool) -> Result<(), LogError> {
    let filter: EnvFilter = filter.parse()?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            lines.with_ansi(has_colour).finish().try_init()?;
        }
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_their_unit_and_are_used_once() {
        let mut names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FAMILIES.len());
        for family in FAMILIES {
            assert!(family.name.starts_with("lienthong_"), "{}", family.name);
            let is_total = family.name.ends_with("_total");
            assert_eq!(is_total, family.sort == Sort::Counter, "{}", family.name);
            assert!(family.help.ends_with('.'), "{}", family.name);
        }
    }

    #[test]
    fn a_scrape_reads_afresh_and_shows_the_process_beside() {
        let counter = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(41));
        let read = std::sync::Arc::clone(&counter);
        let metrics = Metrics::new(move || {
            let mut readings = Readings::default();
            let value = read.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            readings.count(&REFUSED, &["a\"b", "member", "empty"], value);
            readings
        })
        .unwrap();
        metrics.text().unwrap();
        let text = String::from_utf8(metrics.text().unwrap()).unwrap();
        assert!(text.contains("# TYPE lienthong_documents_refused_total counter\n"), "{text}");
        let line =
            r#"lienthong_documents_refused_total{platform="a\"b",door="member",reason="empty"} 42"#;
        assert!(text.contains(line), "{text}");
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }
}
