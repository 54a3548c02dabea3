//! Every limit of the gateway: its key, its default, its range and why it is there.
//!
//! Invariant: relations between limits hold in every `Limits` that a topology carries.

use super::mistake::{Code, Mistake};
use super::reader::Table;

/// A limit as documentation shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitInfo {
    pub key: &'static str,
    pub default: u64,
    pub min: u64,
    pub max: u64,
    pub why: &'static str,
}

/// A number that a limit can be kept as; `u64` beyond its range saturates.
trait FromLimit {
    fn from_limit(value: u64) -> Self;
}

impl FromLimit for u64 {
    fn from_limit(value: u64) -> Self {
        value
    }
}

impl FromLimit for u32 {
    fn from_limit(value: u64) -> Self {
        Self::try_from(value).unwrap_or(Self::MAX)
    }
}

impl FromLimit for usize {
    fn from_limit(value: u64) -> Self {
        Self::try_from(value).unwrap_or(Self::MAX)
    }
}

macro_rules! limits {
    ($(#[doc = $why:literal] $key:ident: $kind:ty = $default:expr, $min:expr, $max:expr;)*) => {
        #[derive(Clone, Debug, PartialEq)]
        pub struct Limits {
            $(#[doc = $why] pub $key: $kind,)*
            /// The share of `bytes_in_flight_max` and of mailboxes that only transit, receipts and outcomes may use:
            /// new documents must never stop old ones from leaving.
            pub transit_reserved_share: f64,
        }

        impl Limits {
            pub const ALL: &'static [LimitInfo] = &[$(LimitInfo {
                key: stringify!($key), default: $default, min: $min, max: $max, why: $why,
            },)*];
        }

        impl Default for Limits {
            fn default() -> Self {
                Self {
                    $($key: FromLimit::from_limit($default),)*
                    transit_reserved_share: 0.25,
                }
            }
        }

        /// Reads every key; what is absent or wrong keeps its default.
        fn read_each(table: &mut Table<'_>, limits: &mut Limits) {
            $(if let Some(value) = table.integer(stringify!($key), $min..=$max) {
                limits.$key = FromLimit::from_limit(value);
            })*
        }
    };
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const HOUR_MS: u64 = 3_600_000;

limits! {
    /// An open connection costs a descriptor and some 40 KiB of TLS state; at the limit, accepting waits.
    connections_max: usize = 4_096, 1, 1_000_000;
    /// A stranger who opens a connection and says nothing is let go.
    handshake_timeout_ms: u64 = 5_000, 50, HOUR_MS;
    /// VXP sends every parameter twice and signs a copy of it; real heads have 2 to 4 KiB.
    head_bytes_max: usize = 64 * KIB, KIB, 16 * MIB;
    /// A request line that never ends must not hold a connection.
    head_timeout_ms: u64 = 10_000, 50, HOUR_MS;
    /// Clients poll every one to five minutes; a connection that idles longer is cheaper to make again.
    idle_timeout_ms: u64 = 90_000, 100, 24 * HOUR_MS;
    /// Products in the field stop at 50 MB; base64 adds a third only where it is inside the XML.
    body_bytes_max: usize = 64 * MIB, KIB, GIB;
    /// The largest body over 5 Mbit/s, the slowest line of the network.
    body_timeout_ms: u64 = 120_000, 100, HOUR_MS;
    /// What all bodies being received may take of memory; beyond it senders are told to come later.
    bytes_in_flight_max: usize = 256 * MIB, MIB, 64 * GIB;
    /// A piece of a body: small enough that a receipt never waits long behind one.
    chunk_bytes_max: usize = 512 * KIB, KIB, 16 * MIB;
    /// What one flush writes at most: a large document never stalls the receipts of others.
    batch_bytes_max: usize = 2 * MIB, 4 * KIB, 64 * MIB;
    /// Batches waiting for the disk; beyond it `append` waits and admission sees it first.
    journal_queue_max: usize = 4_096, 1, 1_000_000;
    /// Bytes waiting for the disk, half of them bodies; beyond it `append` waits.
    journal_queue_bytes_max: u32 = 64 * MIB, MIB, 2 * GIB;
    /// The newest entries in memory: what is delivered at once is not read back from disk.
    journal_tail_bytes_max: usize = 32 * MIB, MIB, 16 * GIB;
    /// Entries that are durable and not yet folded; beyond it admission throttles.
    route_lag_max: u64 = 65_536, 16, 100_000_000;
    /// Deliveries waiting for one recipient or neighbour; beyond it new documents to it are refused.
    mailbox_depth_max: usize = 100_000, 1, 100_000_000;
    /// How many urgent documents may pass an ordinary one before it goes.
    overtaken_max: u32 = 16, 0, 1_000_000;
    /// How long a delivery is held before it is tried again.
    lease_ms: u64 = 30_000, 100, HOUR_MS;
    /// Deliveries handed to a neighbour in one message.
    link_batch_max: usize = 256, 1, 65_536;
    /// The size of one such message; gRPC peers refuse more than they expect.
    link_batch_bytes_max: usize = 4 * MIB, 64 * KIB, 64 * MIB;
    /// Bodies up to this size travel inside the message and are written with its fact, larger ones go in chunks.
    inline_body_bytes_max: usize = 64 * KIB, 0, 16 * MIB;
    /// Messages on a stream that are not yet answered.
    window_max: usize = 64, 1, 65_536;
    /// Documents or confirmations in one request of the native face.
    batch_items_max: usize = 1_024, 1, 65_536;
    /// More than all communes of the country, with room.
    recipients_max: usize = 5_000, 1, 200_000;
    /// A real edXML header nests 6 deep; hostile XML nests for ever.
    xml_depth_max: usize = 64, 8, 1_024;
    /// LGSP, axis, LGSP are three; the rest is for deeper trees. A loop ends here.
    hops_max: u32 = 8, 3, 64;
    /// Documents whose id is remembered to recognise a repeat.
    duplicates_max: usize = 1_000_000, 1_000, 1_000_000_000;
    /// Closed documents whose story is kept in memory; older ones are read from the journal.
    recent_documents_max: usize = 20_000, 100, 100_000_000;
    /// How long closed segments are kept for stories and searches.
    retention_hours: u64 = 720, 1, 876_000;
    /// An inbox nobody reads must end some day, with notice to the sender.
    inbox_days_max: u64 = 30, 1, 3_650;
    /// The size of a journal file: the unit that is given back to the disk.
    segment_bytes: u64 = 64 * MIB, MIB, 16 * GIB;
    /// A restart folds no more than what was written in this time.
    checkpoint_interval_s: u64 = 60, 1, 86_400;
    /// And no more entries than this, whatever was written: about three seconds of folding.
    checkpoint_entries_max: u64 = 800_000, 100, 1_000_000_000;
    /// The disk a laptop can spare; at the limit new documents are refused and old ones still leave.
    disk_bytes_max: u64 = 8 * GIB, 16 * MIB, 1_024 * GIB;
    /// Rows in one answer to a list; the rest comes with the next.
    list_items_max: usize = 1_000, 1, 100_000;
    /// How soon a new revocation list is noticed.
    revocation_check_ms: u64 = 1_000, 10, HOUR_MS;
    /// How long a security server waits for its platform before it answers FAIL/20.
    relay_timeout_ms: u64 = 30_000, 100, HOUR_MS;
    /// How long a stop waits for work in hand.
    drain_timeout_ms: u64 = 10_000, 0, HOUR_MS;
    /// Calls under way at one platform; X-Road refuses beyond 5,000 connections.
    calls_max: usize = 5_000, 1, 1_000_000;
    /// Calls under way to one provider, unless its service says otherwise; more are refused at once.
    calls_per_provider_max: u32 = 256, 1, 1_000_000;
    /// How long a call may take in all; X-Road's clients wait 30 seconds.
    call_timeout_ms: u64 = 30_000, 10, HOUR_MS;
    /// How long a connection to a real system waits for another call; most servers keep an idle one longer.
    provider_idle_ms: u64 = 1_000, 0, HOUR_MS;
    /// The body of a call or of its answer; it streams through and is never held whole.
    call_body_bytes_max: u64 = 4 * GIB, KIB, 1_024 * GIB;
    /// Bodies up to this size are held whole; it is also what one stream may have under way on a link.
    call_buffer_bytes_max: usize = 64 * KIB, KIB, 16 * MIB;
    /// A SOAP message with its attachments: it is read whole, for its answer must be compared with it.
    call_message_bytes_max: usize = 32 * MIB, KIB, GIB;
    /// What all messages that are read whole may take of memory.
    calls_held_bytes_max: usize = 256 * MIB, MIB, 64 * GIB;
    /// Answers of real systems that are recorded to be repeated; more push out the oldest.
    recordings_max: usize = 1_000, 1, 100_000;
    /// What all recordings together may take in memory; on disk it is a third more.
    recordings_bytes_max: usize = 32 * MIB, 64 * KIB, GIB;
    /// Failures of a provider in a row after which it is left alone for a while.
    breaker_failures_max: u32 = 20, 1, 1_000_000;
    /// For how long.
    breaker_pause_ms: u64 = 5_000, 10, HOUR_MS;
    /// How long a platform waits for a change before it tells one in another process that its services are as before.
    catalogue_wait_ms: u64 = 20_000, 10, HOUR_MS;
    /// How soon a platform of another process that did not answer is asked for its services again.
    catalogue_retry_ms: u64 = 1_000, 10, HOUR_MS;
    /// What of changed services goes into one answer; a service with its description takes some 4 MiB at most.
    catalogue_page_bytes_max: usize = 8 * MIB, 8 * MIB, 256 * MIB;
    /// Changed services of one platform in another process that are kept here.
    catalogue_services_max: usize = 10_000, 1, 1_000_000;
    /// How long what a platform of another process said of its access token is believed before it is asked again.
    token_recheck_ms: u64 = 60_000, 0, 24 * HOUR_MS;
    /// Records of evidence waiting for the disk; beyond it calls are refused.
    evidence_queue_max: usize = 65_536, 16, 10_000_000;
    /// How long a record of evidence may wait for the disk.
    evidence_flush_ms_max: u64 = 50, 1, 10_000;
    /// The size of a file of evidence.
    evidence_segment_bytes: u64 = 64 * MIB, 64 * KIB, 16 * GIB;
    /// What the evidence of one platform may take of the disk; the oldest file leaves, younger than its days or not.
    evidence_bytes_max: u64 = 16 * GIB, 128 * KIB, 1_024 * GIB;
    /// How long evidence is kept; systems of security level 3 keep a year.
    evidence_days: u64 = 365, 1, 36_500;
    /// Flows across parties that the operator's API runs at once; more are refused.
    flows_max: usize = 32, 1, 900;
    /// Events a slow console may lag behind before it must start over.
    events_queue_max: usize = 1_024, 16, 1_000_000;
}

impl Limits {
    pub(super) fn read(mut table: Table<'_>) -> Self {
        let mut limits = Self::default();
        read_each(&mut table, &mut limits);
        if let Some(share) = table.number("transit_reserved_share", 0.0..=0.9) {
            limits.transit_reserved_share = share;
        }
        limits.check(&table);
        table.finish();
        limits
    }

    /// `bytes_in_flight_max` without the reserved share: what new intake may use.
    pub fn intake_bytes_max(&self) -> usize {
        self.bytes_in_flight_max - self.reserved(self.bytes_in_flight_max)
    }

    /// `mailbox_depth_max` without the reserved share.
    pub fn intake_depth_max(&self) -> usize {
        self.mailbox_depth_max - self.reserved(self.mailbox_depth_max)
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share from 0 to 0.9 of a number that fits"
    )]
    fn reserved(&self, of: usize) -> usize {
        ((of as f64 * self.transit_reserved_share) as usize).min(of)
    }

    /// The relations between limits: each with the keys it is about and why it must hold.
    fn check(&self, table: &Table<'_>) {
        let wide = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
        let two_segments = self.segment_bytes.saturating_mul(2);
        let relations = [
            (
                "chunk_bytes_max",
                wide(self.chunk_bytes_max),
                "batch_bytes_max",
                wide(self.batch_bytes_max),
            ),
            ("batch_bytes_max", wide(self.batch_bytes_max), "segment_bytes", self.segment_bytes),
            ("segment_bytes × 2", two_segments, "disk_bytes_max", self.disk_bytes_max),
            (
                "body_bytes_max",
                wide(self.body_bytes_max),
                "bytes_in_flight_max − transit_reserved_share",
                wide(self.intake_bytes_max()),
            ),
            ("body_bytes_max", wide(self.body_bytes_max), "disk_bytes_max", self.disk_bytes_max),
            (
                "inline_body_bytes_max",
                wide(self.inline_body_bytes_max),
                "chunk_bytes_max",
                wide(self.chunk_bytes_max),
            ),
            (
                "chunk_bytes_max",
                wide(self.chunk_bytes_max),
                "link_batch_bytes_max",
                wide(self.link_batch_bytes_max),
            ),
            (
                "evidence_segment_bytes × 2",
                self.evidence_segment_bytes.saturating_mul(2),
                "evidence_bytes_max",
                self.evidence_bytes_max,
            ),
            ("head_timeout_ms", self.head_timeout_ms, "idle_timeout_ms", self.idle_timeout_ms),
        ];
        for (less, value, more, bound) in relations {
            if value <= bound {
                continue;
            }
            let key = less.split(' ').next().unwrap_or(less);
            let other = more.split(' ').next().unwrap_or(more);
            let span = [key, other]
                .iter()
                .find(|key| table.has(key))
                .map_or_else(|| table.span(), |key| table.span_of(key));
            table.push(
                Mistake::new(
                    Code::LimitsContradict,
                    span,
                    format!("`{less}` = {value} lớn hơn `{more}` = {bound}"),
                    format!("`{less}` = {value} is more than `{more}` = {bound}"),
                )
                .help(
                    format!("giảm `{key}` hoặc tăng `{other}`"),
                    format!("lower `{key}` or raise `{other}`"),
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_within_its_range_and_has_a_reason() {
        for limit in Limits::ALL {
            assert!((limit.min..=limit.max).contains(&limit.default), "{}", limit.key);
            assert!(limit.why.trim().ends_with('.'), "{}", limit.key);
        }
    }

    #[test]
    fn a_reserved_share_is_kept_from_new_intake() {
        let limits = Limits { bytes_in_flight_max: 100, mailbox_depth_max: 8, ..Limits::default() };
        assert_eq!((limits.intake_bytes_max(), limits.intake_depth_max()), (75, 6));
    }
}
