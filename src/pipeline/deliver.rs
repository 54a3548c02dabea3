//! bus → neighbour → journal the outcome; the fold settles. One loop per link.
//!
//! An unreachable neighbour is a state of the link: one probe at a time, with back-off, no attempt counted and
//! nothing journalled per document. Only a neighbour's answers count. Outcome before settle: a crash
//! between them repeats a delivery, never loses one.

use super::{Event, EventKind, LinkState, Pipeline, Platform, Ports};
use crate::clock::{Clock, Timestamp};
use crate::domain::envelope::DocId;
use crate::domain::fact::{Attempted, Fact, HandedOn, Hop, Progressed, Record, id_bytes};
use crate::domain::rejection::Reason;
use crate::domain::routing::PlatformIx;
use crate::domain::tracking::Carried;
use crate::egress::{LinkId, LinkOutcome, Transport, Unreachable};
use crate::journal::{Content, Entry, Journal, Seq};
use crate::wire::v1;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// One leased item, with all that is needed to hand it over without the lock.
enum Load {
    Delivery {
        number: u64,
        receiver: DocId,
        agency: String,
        attempts: u32,
        accepted: Arc<Record>,
        chunks: Vec<u64>,
    },
    Report {
        number: u64,
        news: Arc<Progressed>,
    },
}

/// Recipients of one document behind this hop: they travel as one copy.
struct Copy {
    accepted: Arc<Record>,
    chunks: Vec<u64>,
    receivers: Vec<(u64, DocId, String)>,
    attempts: u32,
    /// An earlier attempt may have been answered without our seeing it.
    is_repeat: bool,
}

impl Copy {
    fn numbers(&self) -> Vec<u64> {
        self.receivers.iter().map(|(number, ..)| *number).collect()
    }
}

/// What a neighbour said, by the receiver's DocId.
type Verdicts = BTreeMap<Bytes, v1::HandVerdict>;

/// Items of which it is not known whether a neighbour took them in an attempt that went unanswered.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    below: u64,
    numbers: BTreeSet<u64>,
}

impl Doubts {
    fn begin(&mut self, below: u64) {
        self.below = self.below.max(below);
    }

    fn has(&self, number: u64) -> bool {
        number < self.below || self.numbers.contains(&number)
    }

    fn add(&mut self, numbers: &[u64]) {
        self.numbers.extend(numbers);
    }

    fn clear(&mut self, numbers: &[u64]) {
        if !self.numbers.is_empty() {
            self.numbers.retain(|number| !numbers.contains(number));
        }
    }
}

/// What one hand-over came to.
enum Settled {
    /// Facts are journalled; the fold settles.
    Answered,
    /// The link is down: these go back.
    Unreachable(Vec<u64>, Unreachable),
}

impl<P: Ports> Pipeline<P> {
    /// Carries what waits for one neighbour until the pipeline closes.
    pub async fn deliver(&self, platform: &Platform, peer: PlatformIx) {
        let link = LinkId { from: platform.ix, to: peer };
        let wake = {
            let post = platform.post.lock();
            // An earlier process may have handed over whatever waits already.
            platform.doubts.lock().begin(post.tracking.next_number());
            post.bus.link_wake(peer)
        };
        let Some(wake) = wake else { return };
        let mut under_way = FuturesUnordered::new();
        let mut back_off = Duration::ZERO;
        while self.is_open() {
            if back_off.is_zero() {
                while under_way.len() < self.limits.dispatchers_per_mailbox {
                    let loads = self.lease(platform, peer);
                    if loads.is_empty() {
                        break;
                    }
                    under_way.push(self.hand_over(platform, link, loads));
                }
            } else if under_way.is_empty() {
                back_off = self.probe(platform, link, back_off).await;
                continue;
            }
            // What is due and cannot be leased yet is no reason to wake up.
            let has_room =
                back_off.is_zero() && under_way.len() < self.limits.dispatchers_per_mailbox;
            let due = platform.post.lock().bus.link_deadline(peer).unwrap_or(Timestamp(u64::MAX));
            tokio::select! {
                biased;
                Some(settled) = under_way.next(), if !under_way.is_empty() => {
                    if let Settled::Unreachable(numbers, why) = settled {
                        platform.doubts.lock().add(&numbers);
                        platform.post.lock().bus.release_link(peer, &numbers);
                        self.link_is(platform, peer, Some(&why));
                        back_off = back_off.max(self.limits.retry_first);
                    }
                }
                () = wake.notified() => {}
                () = self.ports.clock().sleep_until(due), if has_room => {}
            }
        }
    }

    /// One probe after the back-off: zero when the neighbour is there again.
    async fn probe(&self, platform: &Platform, link: LinkId, back_off: Duration) -> Duration {
        let back_off = tokio::select! {
            biased;
            () = self.probe_now.notified() => self.limits.retry_first,
            () = self.ports.clock().sleep_until(self.now().plus(back_off)) => back_off,
        };
        match self.ports.transport().probe(link).await {
            Ok(()) => {
                self.link_is(platform, link.to, None);
                Duration::ZERO
            }
            Err(why) => {
                self.link_is(platform, link.to, Some(&why));
                (back_off * 2).min(self.limits.retry_max)
            }
        }
    }

    /// Notes the state of a link; tells it once when it changes.
    fn link_is(&self, platform: &Platform, peer: PlatformIx, why: Option<&Unreachable>) {
        let now = self.now();
        let peer_name = self.routes.load().platform_name(peer).to_owned();
        {
            let mut states = platform.link_states.lock();
            let state = states.entry(peer).or_default();
            if state.is_down == why.is_some() {
                if let Some(why) = why {
                    state.detail.clone_from(&why.detail);
                }
                return;
            }
            *state = LinkState {
                is_down: why.is_some(),
                since: now,
                code: why.map(|w| w.code.to_owned()).unwrap_or_default(),
                detail: why.map(|w| w.detail.clone()).unwrap_or_default(),
            };
        }
        match why {
            Some(why) => {
                tracing::info!(platform = %platform.name, peer = %peer_name, code = why.code, detail = %why.detail, "link is down");
            }
            None => tracing::info!(platform = %platform.name, peer = %peer_name, "link is up"),
        }
        let code = why.map(|w| w.code.to_owned()).unwrap_or_default();
        let kind = EventKind::Link { peer: peer_name, is_down: why.is_some(), code };
        self.tell(Event { at: now, platform: platform.name.clone(), kind });
    }

    fn lease(&self, platform: &Platform, peer: PlatformIx) -> Vec<Load> {
        let mut numbers = Vec::new();
        let now = self.now();
        let mut guard = platform.post.lock();
        let post = &mut *guard;
        post.bus.lease_link(
            peer,
            now,
            self.limits.link_batch_max,
            self.limits.link_batch_bytes_max,
            &mut numbers,
        );
        numbers
            .iter()
            .filter_map(|&number| match post.tracking.carried(number)? {
                Carried::Delivery { doc, delivery } => Some(Load::Delivery {
                    number,
                    receiver: delivery.receiver,
                    agency: delivery.agency.as_str().to_owned(),
                    attempts: delivery.attempts,
                    accepted: Arc::clone(&doc.accepted),
                    chunks: doc.chunks.as_slice().to_vec(),
                }),
                Carried::Report(report) => {
                    Some(Load::Report { number, news: Arc::clone(&report.news) })
                }
            })
            .collect()
    }

    async fn hand_over(&self, platform: &Platform, link: LinkId, loads: Vec<Load>) -> Settled {
        let (copies, reports) = sort(loads, &platform.doubts.lock());
        let now = self.now();
        let mut documents = Vec::with_capacity(copies.len());
        let mut readable = Vec::with_capacity(copies.len());
        for copy in copies {
            match self.document(&copy, now).await {
                Ok(document) => {
                    documents.push(document);
                    readable.push(copy);
                }
                // What cannot be read does not hold up the rest.
                Err(error) => {
                    tracing::error!(doc = %copy.accepted.id(), %error, "a body cannot be read; its delivery waits");
                    self.postpone(platform, link.to, &copy.numbers(), self.limits.retry_max);
                }
            }
        }
        let copies = readable;
        let mut numbers: Vec<u64> = reports.iter().map(|(number, _)| *number).collect();
        numbers.extend(copies.iter().flat_map(Copy::numbers));
        if numbers.is_empty() {
            return Settled::Answered;
        }
        let hand_over = v1::HandOver {
            documents,
            reports: reports.iter().map(|(_, news)| report_of(news)).collect(),
        };
        let answer = match self.hand_in_time(link, hand_over).await {
            LinkOutcome::Answered(verdicts) => verdicts,
            LinkOutcome::Unreachable(why) => return Settled::Unreachable(numbers, why),
        };
        let (taken, untaken) = reports.split_at((answer.reports_taken as usize).min(reports.len()));
        let taken: Vec<u64> = taken.iter().map(|(number, _)| *number).collect();
        let mut verdicts: Verdicts =
            answer.verdicts.into_iter().map(|v| (v.receiver.clone(), v)).collect();
        let failed = self.hand_bodies(link, &copies, &mut verdicts, now).await;
        let mut silent = self.journal_outcomes(platform, link, &copies, &verdicts, taken).await;
        silent.extend(untaken.iter().map(|(number, _)| *number));
        let unsure = numbers_in_doubt(&copies, &verdicts);
        {
            let mut doubts = platform.doubts.lock();
            doubts.clear(&numbers);
            doubts.add(&unsure);
        }
        if let Some(why) = failed {
            return Settled::Unreachable(silent, why);
        }
        // It answered, but not about these: not at once again.
        self.postpone(platform, link.to, &silent, self.limits.retry_first);
        self.link_is(platform, link.to, None);
        Settled::Answered
    }

    /// Sends the bodies that the neighbour asked for; ends with the first that does not get there.
    async fn hand_bodies(
        &self,
        link: LinkId,
        copies: &[Copy],
        verdicts: &mut Verdicts,
        now: Timestamp,
    ) -> Option<Unreachable> {
        for copy in copies {
            if !copy.receivers.iter().any(|(_, receiver, _)| needs_body(verdicts, *receiver)) {
                continue;
            }
            let document = document_of(copy, now);
            match self.hand_body_in_time(link, document, copy.chunks.clone()).await {
                LinkOutcome::Answered(answer) => {
                    verdicts.extend(answer.verdicts.into_iter().map(|v| (v.receiver.clone(), v)));
                }
                // Ours to mend, and no fault of the link.
                LinkOutcome::Unreachable(why) if why.code == BODY_UNREADABLE => {
                    tracing::error!(doc = %copy.accepted.id(), detail = %why.detail, "a body cannot be read; its delivery waits");
                }
                LinkOutcome::Unreachable(why) => return Some(why),
            }
        }
        None
    }

    /// Gives leased items back, to be leased again after a while. Nothing is journalled, no attempt counted.
    fn postpone(&self, platform: &Platform, peer: PlatformIx, numbers: &[u64], by: Duration) {
        if !numbers.is_empty() {
            platform.post.lock().bus.postpone_link(peer, numbers, self.now().plus(by));
        }
    }

    async fn hand_in_time(&self, link: LinkId, hand_over: v1::HandOver) -> LinkOutcome {
        let deadline = self.now().plus(self.limits.hand_timeout);
        let attempt = self.ports.transport().hand(link, hand_over);
        self.ports
            .clock()
            .timeout_at(deadline, attempt)
            .await
            .unwrap_or_else(|_late| LinkOutcome::Unreachable(late()))
    }

    async fn hand_body_in_time(
        &self,
        link: LinkId,
        document: v1::HandDocument,
        chunks: Vec<u64>,
    ) -> LinkOutcome {
        // A large body has its own time: what the slowest link allowed would need.
        let more = Duration::from_secs(document.bytes_total / SLOWEST_BYTES_PER_S);
        let deadline = self.now().plus(self.limits.hand_timeout + more);
        let attempt =
            self.ports.transport().hand_body(link, document, chunks, self.ports.journal());
        self.ports
            .clock()
            .timeout_at(deadline, attempt)
            .await
            .unwrap_or_else(|_late| LinkOutcome::Unreachable(late()))
    }

    /// The hand-over of one copy; small bodies travel inside.
    async fn document(
        &self,
        copy: &Copy,
        now: Timestamp,
    ) -> Result<v1::HandDocument, crate::journal::ReadError> {
        let mut document = document_of(copy, now);
        if document.bytes_total > self.limits.inline_body_bytes_max {
            return Ok(document);
        }
        document.body = self.whole_body(&copy.chunks).await?;
        document.body_inside = true;
        Ok(document)
    }

    /// All chunks of a body in one piece: for small ones only.
    pub(super) async fn whole_body(
        &self,
        chunks: &[u64],
    ) -> Result<Bytes, crate::journal::ReadError> {
        if let [one] = chunks {
            return self.ports.journal().chunk(Seq(*one)).await;
        }
        let mut whole = BytesMut::new();
        for chunk in chunks {
            whole.extend_from_slice(&self.ports.journal().chunk(Seq(*chunk)).await?);
        }
        Ok(whole.freeze())
    }

    /// Journals what the neighbour said. Returns the numbers it said nothing about.
    async fn journal_outcomes(
        &self,
        platform: &Platform,
        link: LinkId,
        copies: &[Copy],
        verdicts: &Verdicts,
        reports: Vec<u64>,
    ) -> Vec<u64> {
        let now = self.now();
        let peer = self.routes.load().platform_name(link.to).to_owned();
        let mut handed = HandedOn { peer: peer.clone(), receivers: Vec::new(), reports, at: now.0 };
        let mut facts = Vec::new();
        let mut silent = Vec::new();
        for copy in copies {
            for (number, receiver, _) in &copy.receivers {
                let receiver = id_bytes(*receiver);
                let attempted = |code: &str, retry_at: u64| {
                    Fact::Attempted(Attempted {
                        peer: peer.clone(),
                        receiver: receiver.clone(),
                        code: code.to_owned(),
                        retry_at,
                        at: now.0,
                    })
                };
                match verdicts
                    .get(&receiver)
                    .and_then(|v| v.verdict.as_ref().map(|said| (said, v.code.as_str())))
                {
                    Some((v1::hand_verdict::Verdict::Accepted(_), _)) => {
                        handed.receivers.push(receiver);
                    }
                    Some((v1::hand_verdict::Verdict::Refused(code), _)) => {
                        facts.push(attempted(code, 0));
                    }
                    Some((v1::hand_verdict::Verdict::RetryAfterMs(ms), code)) => {
                        let at = now.plus(self.retry_after(*ms, copy.attempts));
                        let is_last = copy.attempts + 1 >= self.limits.attempts_max;
                        facts.push(attempted(
                            if code.is_empty() { Reason::Busy.code() } else { code },
                            if is_last { 0 } else { at.0 },
                        ));
                    }
                    Some((v1::hand_verdict::Verdict::NeedsBody(_), _)) | None => {
                        silent.push(*number);
                    }
                }
            }
        }
        if !handed.receivers.is_empty() || !handed.reports.is_empty() {
            facts.insert(0, Fact::HandedOn(handed));
        }
        if facts.is_empty() {
            return silent;
        }
        let entries: Vec<Entry> = facts
            .into_iter()
            .map(|fact| Entry {
                id: self.entry_id(),
                platform: platform.id,
                at: now,
                content: Content::Fact(fact),
            })
            .collect();
        // Nobody waits for the fold: it settles the items.
        if self.append(entries).await.is_err() {
            tracing::debug!("outcomes were not journalled: the journal is closed");
        }
        silent
    }

    /// What the neighbour asked for, or longer with each attempt.
    fn retry_after(&self, asked_ms: u64, attempts: u32) -> Duration {
        let doubled = self.limits.retry_first.saturating_mul(1 << attempts.min(16));
        Duration::from_millis(asked_ms).max(doubled).min(self.limits.retry_max)
    }
}

/// Documents in the order in which they were leased, and news by number.
type Sorted = (Vec<Copy>, Vec<(u64, Arc<Progressed>)>);

fn sort(loads: Vec<Load>, doubts: &Doubts) -> Sorted {
    let mut copies: Vec<Copy> = Vec::new();
    let mut places: BTreeMap<DocId, usize> = BTreeMap::new();
    let mut reports = Vec::new();
    for load in loads {
        match load {
            Load::Delivery { number, receiver, agency, attempts, accepted, chunks } => {
                let place = *places.entry(accepted.doc_id).or_insert(copies.len());
                if place == copies.len() {
                    let (receivers, is_repeat) = (Vec::new(), false);
                    copies.push(Copy { accepted, chunks, receivers, attempts, is_repeat });
                }
                let Some(copy) = copies.get_mut(place) else { continue };
                copy.is_repeat |= doubts.has(number);
                copy.attempts = copy.attempts.max(attempts);
                copy.receivers.push((number, receiver, agency));
            }
            Load::Report { number, news } => reports.push((number, news)),
        }
    }
    (copies, reports)
}

fn needs_body(verdicts: &Verdicts, receiver: DocId) -> bool {
    verdicts
        .get(&id_bytes(receiver))
        .is_some_and(|v| matches!(v.verdict, Some(v1::hand_verdict::Verdict::NeedsBody(_))))
}

/// Items that the neighbour may take yet: it ran out of time over them, or the answer about their body is
/// missing.
fn numbers_in_doubt(copies: &[Copy], verdicts: &Verdicts) -> Vec<u64> {
    let receivers = copies.iter().flat_map(|copy| &copy.receivers);
    let is_unsure =
        |verdict: Option<&v1::HandVerdict>| match verdict.and_then(|v| v.verdict.as_ref()) {
            Some(v1::hand_verdict::Verdict::RetryAfterMs(_)) => {
                verdict.is_some_and(|v| IN_DOUBT.iter().any(|reason| reason.code() == v.code))
            }
            Some(v1::hand_verdict::Verdict::NeedsBody(_)) | None => true,
            Some(
                v1::hand_verdict::Verdict::Accepted(_) | v1::hand_verdict::Verdict::Refused(_),
            ) => false,
        };
    receivers
        .filter(|(_, receiver, _)| is_unsure(verdicts.get(&id_bytes(*receiver))))
        .map(|(number, ..)| *number)
        .collect()
}

fn document_of(copy: &Copy, now: Timestamp) -> v1::HandDocument {
    let accepted = &copy.accepted;
    let mut hops: Vec<v1::Hop> = accepted.way().iter().map(wire_hop).collect();
    if let Some(here) = hops.last_mut() {
        here.handed_on_at = now.0;
        here.attempts = copy.attempts + 1;
    }
    let body = accepted.body.clone().unwrap_or_default();
    v1::HandDocument {
        origin: accepted.origin().to_owned(),
        doc_id: id_bytes(accepted.doc_id),
        envelope: Some(wire_envelope(
            accepted,
            copy.receivers.iter().map(|(_, _, agency)| agency.clone()).collect(),
        )),
        receivers: copy.receivers.iter().map(|(_, receiver, _)| id_bytes(*receiver)).collect(),
        correlation_id: accepted.correlation_id().to_owned(),
        hops_left: accepted.hops_left,
        hops,
        sha256: body.sha256.to_bytes(),
        bytes_total: body.bytes,
        is_edxml: accepted.is_edxml,
        signature: u32::try_from(accepted.signature).unwrap_or_default(),
        warnings: accepted.warnings().to_vec(),
        file_sha256: accepted.file_sha256.to_bytes(),
        body: Bytes::new(),
        body_inside: false,
        is_repeat: copy.is_repeat,
        sent_at: accepted.sent_at().0,
    }
}

/// The header of an accepted document, for these recipients.
pub(super) fn wire_envelope(accepted: &Record, to: Vec<String>) -> v1::Envelope {
    v1::Envelope {
        kind: accepted.kind,
        from: accepted.from().to_owned(),
        to,
        document_id: accepted.document_id().to_owned(),
        notation: accepted.notation().to_owned(),
        type_name: accepted.type_name().to_owned(),
        subject: accepted.subject().to_owned(),
        urgency: accepted.urgency,
        promulgated_on: accepted.promulgated_on().to_owned(),
        due_on: accepted.due_on().to_owned(),
        status: accepted.status,
        answers_sender: accepted.answers_sender().to_owned(),
        answers_document_id: accepted.answers_document_id().to_owned(),
        reason: accepted.reason().to_owned(),
        replaces: accepted.replaces().to_vec(),
    }
}

pub(super) fn wire_hop(hop: &Hop) -> v1::Hop {
    v1::Hop {
        platform: hop.platform.clone(),
        received_at: hop.received_at,
        handed_on_at: hop.handed_on_at,
        peer: hop.peer.clone(),
        tls: hop.tls.clone(),
        attempts: hop.attempts,
    }
}

fn report_of(news: &Progressed) -> v1::Report {
    v1::Report {
        origin: news.origin.clone(),
        doc_id: news.doc_id.clone(),
        receiver: news.receiver.clone(),
        state: news.state,
        code: news.code.clone(),
        at: news.at,
        hops: news.hops.iter().map(wire_hop).collect(),
        description: news.description.clone(),
        platform: news.platform.clone(),
    }
}

fn late() -> Unreachable {
    Unreachable { code: "LT-L002", detail: "no answer in time".to_owned() }
}

/// Code of `Unreachable` when it is this process that cannot read what it should send.
const BODY_UNREADABLE: &str = "LT-L003";

/// Answers of "later" by a neighbour that does not know itself whether it took what it was handed.
const IN_DOUBT: [Reason; 3] = [Reason::Timeout, Reason::Unavailable, Reason::Internal];

/// A link slower than this is treated as one that does not answer.
const SLOWEST_BYTES_PER_S: u64 = 64 * 1024;
