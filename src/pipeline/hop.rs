//! The receiving end of a link: documents and reports that a neighbour hands over.
//!
//! The key is the receiver's DocId; each recipient has its own verdict (design.md 3, "A hop").

use super::{Pipeline, Platform, Ports, parse_code};
use crate::clock::Timestamp;
use crate::domain::envelope::DocId;
use crate::domain::fact::{Accepted, BodyRef, DeliveryState, Fact, Hop, Progressed, Recipient};
use crate::domain::rejection::Reason;
use crate::domain::routing::PlatformIx;
use crate::domain::tracking::{Chunks, HopVerdict, Verdict};
use crate::journal::{Content, Entry, Journal, Lookup};
use crate::pipeline::bodies::Digest;
use crate::wire::v1;
use bytes::Bytes;
use sha2::Digest as _;
use std::collections::BTreeSet;

/// Who handed over, and by which session.
#[derive(Clone, Debug)]
pub struct Peer {
    pub ix: PlatformIx,
    pub name: String,
    /// TLS version and cipher suite.
    pub tls: String,
}

type Verdicts = Vec<v1::HandVerdict>;

impl<P: Ports> Pipeline<P> {
    /// Takes documents with their bodies inside (or already here), and reports.
    pub async fn hand(
        &self,
        platform: &Platform,
        peer: &Peer,
        hand_over: v1::HandOver,
    ) -> v1::HandVerdicts {
        let reports_taken = self.take_reports(platform, peer, &hand_over.reports).await;
        let mut verdicts = Vec::new();
        let now = self.now();
        let mut ready = Vec::with_capacity(hand_over.documents.len());
        for document in hand_over.documents {
            if let Err(rejection) = self.gate(true) {
                verdicts.extend(retry_all(
                    &document,
                    rejection.reason,
                    rejection.retry_after_ms.unwrap_or(1_000),
                ));
                continue;
            }
            match self.body_of(&document, now) {
                Ok(body) => ready.push((document, body)),
                Err(refused) => verdicts.extend(refused),
            }
        }
        // All at once, so that one flush serves the whole batch.
        let taken = ready
            .into_iter()
            .map(|(document, body)| self.take_document(platform, peer, document, body, now));
        verdicts.extend(futures_util::future::join_all(taken).await.into_iter().flatten());
        v1::HandVerdicts { verdicts, reports_taken }
    }

    /// Takes one document whose body was stored chunk by chunk.
    pub async fn hand_stored(
        &self,
        platform: &Platform,
        peer: &Peer,
        document: v1::HandDocument,
        chunks: Chunks,
    ) -> v1::HandVerdicts {
        let now = self.now();
        let verdicts =
            self.take_document(platform, peer, document, HopBody::Stored(chunks), now).await;
        v1::HandVerdicts { verdicts, reports_taken: 0 }
    }

    /// Stores a body that arrives in chunks; begin with `None`. Call `finish_body` after the last.
    pub async fn store_chunk(
        &self,
        platform: &Platform,
        chunk: Bytes,
    ) -> Result<u64, crate::domain::rejection::Rejection> {
        let folded = self.append_chunk(platform, chunk).await?;
        self.chunk_seq(folded).await
    }

    /// Has this process the body already? Then it need not be sent.
    pub fn has_body(&self, sha256: &[u8], bytes: u64) -> Option<Chunks> {
        self.bodies.find(&Digest::try_from(sha256).ok()?, bytes, self.now())
    }

    fn body_of(&self, document: &v1::HandDocument, now: Timestamp) -> Result<HopBody, Verdicts> {
        let Ok(digest) = Digest::try_from(&document.sha256[..]) else {
            return Err(refuse_all(document, Reason::ParameterInvalid));
        };
        if let Some(chunks) = self.bodies.find(&digest, document.bytes_total, now) {
            return Ok(HopBody::Stored(chunks));
        }
        if document.bytes_total == 0 {
            return Ok(HopBody::Stored(Chunks::None));
        }
        if !document.body_inside {
            let needs = |receiver: &Bytes| {
                verdict(receiver, v1::hand_verdict::Verdict::NeedsBody(true), "")
            };
            return Err(document.receivers.iter().map(needs).collect());
        }
        let real: Digest = sha2::Sha256::digest(&document.body).into();
        if real != digest {
            return Err(refuse_all(document, Reason::HashDiffers));
        }
        Ok(HopBody::Inside(document.body.clone()))
    }

    async fn take_document(
        &self,
        platform: &Platform,
        peer: &Peer,
        document: v1::HandDocument,
        body: HopBody,
        now: Timestamp,
    ) -> Verdicts {
        if let Err(reason) = self.check_document(platform, peer, &document) {
            return refuse_all(&document, reason);
        }
        let seen = if document.is_repeat {
            self.seen_before(platform, &document).await
        } else {
            BTreeSet::new()
        };
        let mut verdicts: Verdicts = Vec::with_capacity(document.receivers.len());
        let accepted = accepted_of(&platform.name, peer, document, now, |receiver| {
            let is_seen = seen.contains(receiver);
            if is_seen {
                verdicts.push(verdict(receiver, v1::hand_verdict::Verdict::Accepted(true), ""));
            }
            !is_seen
        });
        if accepted.recipients.is_empty() {
            return verdicts;
        }
        if let Some(known) = self.foregone(platform, &accepted.recipients) {
            verdicts.extend(known);
            return verdicts;
        }
        verdicts.extend(self.append_document(platform, accepted, body, now).await);
        verdicts
    }

    /// The verdicts, when the fold is sure to take none of it: it has them all, or there is no room for any.
    /// A full mailbox is asked again and again, and none of that needs to be written.
    fn foregone(&self, platform: &Platform, recipients: &[Recipient]) -> Option<Verdicts> {
        let (directory, routes) = (self.directory.load(), self.routes.load());
        let ground = self.ground(platform, &directory, &routes);
        let post = platform.post.lock();
        let verdict =
            |r: &Recipient| Some(word(&r.doc_id, post.tracking.foregone(&ground, &r.into())?));
        recipients.iter().map(verdict).collect()
    }

    /// Receivers of a repeated attempt that this platform took so long ago that memory has forgotten them.
    async fn seen_before(
        &self,
        platform: &Platform,
        document: &v1::HandDocument,
    ) -> BTreeSet<Bytes> {
        let mut seen = BTreeSet::new();
        for receiver in &document.receivers {
            let Some(id) = DocId::from_slice(receiver) else { continue };
            let in_memory = platform.post.lock().tracking.delivery(id).is_some();
            if in_memory {
                continue;
            }
            let found = self
                .ports
                .journal()
                .find(Some(platform.id), Lookup::Doc(id), self.limits.attempts_max as usize + 16)
                .await
                .unwrap_or_default();
            // An `Accepted` alone proves nothing: the fold may have found no room for it. What was taken
            // and is no longer in memory was ended by a fact that names the receiver.
            let was_accepted = found.iter().any(|stored| is_end(&stored.entry.content, receiver));
            if was_accepted {
                seen.insert(receiver.clone());
            }
        }
        seen
    }

    /// What can be wrong with a whole copy.
    fn check_document(
        &self,
        platform: &Platform,
        peer: &Peer,
        document: &v1::HandDocument,
    ) -> Result<(), Reason> {
        let envelope = document.envelope.as_ref().ok_or(Reason::ParameterInvalid)?;
        let receivers_fit = document.receivers.len() == envelope.to.len()
            && !document.receivers.is_empty()
            && document.receivers.iter().all(|id| id.len() == 16);
        if document.doc_id.len() != 16 || !receivers_fit {
            return Err(Reason::ParameterInvalid);
        }
        if document.hops_left == 0 {
            return Err(Reason::HopsExhausted);
        }
        let (directory, routes) = (self.directory.load(), self.routes.load());
        let from = parse_code(&envelope.from)
            .and_then(|code| directory.lookup(&code))
            .ok_or(Reason::SenderUnknown)?;
        // A child link speaks for the agencies homed below it, a parent link for all others.
        if !routes.speaks_for(peer.ix, platform.ix, from) {
            return Err(Reason::SenderNotYours);
        }
        Ok(())
    }

    async fn append_document(
        &self,
        platform: &Platform,
        accepted: Accepted,
        body: HopBody,
        now: Timestamp,
    ) -> Verdicts {
        let mut accepted = accepted;
        let receivers: Vec<Bytes> = accepted.recipients.iter().map(|r| r.doc_id.clone()).collect();
        let body = match body {
            // Too large for one entry: chunk by chunk first.
            HopBody::Inside(bytes) if bytes.len() > self.limits.chunk_bytes_max => match self
                .store_body(platform, &bytes)
                .await
            {
                Ok(chunks) => HopBody::Stored(chunks),
                Err(rejection) => {
                    return receivers.iter().map(|r| retry(r, rejection.reason, 1_000)).collect();
                }
            },
            fits @ (HopBody::Inside(_) | HopBody::Stored(_)) => fits,
        };
        let entry =
            |content| Entry { id: self.entry_id(), platform: platform.id, at: now, content };
        let mut entries = Vec::with_capacity(2);
        if let Some(reference) = accepted.body.as_mut() {
            match body {
                HopBody::Inside(bytes) if !bytes.is_empty() => {
                    reference.preceding = 1;
                    entries.push(entry(Content::Chunk(bytes)));
                }
                HopBody::Inside(_) => {}
                HopBody::Stored(chunks) => reference.chunks = chunks.as_slice().to_vec(),
            }
        }
        let place = entries.len();
        entries.push(entry(Content::Fact(Fact::from(accepted))));
        let folded = async { self.await_folded(self.append(entries).await?).await };
        let folded = match folded.await {
            Ok(folded) => folded,
            Err(rejection) => {
                return receivers.iter().map(|r| retry(r, rejection.reason, 1_000)).collect();
            }
        };
        match folded.verdicts.get(place) {
            Some(Verdict::Hop(verdicts)) => receivers
                .iter()
                .zip(verdicts)
                .map(|(receiver, verdict)| word(receiver, *verdict))
                .collect(),
            _ => receivers.iter().map(|r| retry(r, Reason::Internal, 5_000)).collect(),
        }
    }

    /// Journals the news; what is taken is durable.
    async fn take_reports(&self, platform: &Platform, peer: &Peer, reports: &[v1::Report]) -> u32 {
        if reports.is_empty() || !self.is_open() {
            return 0;
        }
        let now = self.now();
        let entries: Vec<Entry> = reports
            .iter()
            .map(|report| {
                let content =
                    Content::Fact(Fact::Progressed(Box::new(progressed_of(peer, report))));
                Entry { id: self.entry_id(), platform: platform.id, at: now, content }
            })
            .collect();
        let Ok(folded) = self.append(entries).await else { return 0 };
        let taken = self.await_folded(folded).await.is_ok();
        if taken { u32::try_from(reports.len()).unwrap_or(u32::MAX) } else { 0 }
    }
}

/// How the body of a handed-over document is had.
enum HopBody {
    Inside(Bytes),
    Stored(Chunks),
}

fn accepted_of(
    here: &str,
    peer: &Peer,
    document: v1::HandDocument,
    now: Timestamp,
    mut keep: impl FnMut(&Bytes) -> bool,
) -> Accepted {
    let envelope = document.envelope.unwrap_or_default();
    let mut hops: Vec<Hop> = document.hops.into_iter().map(hop_of).collect();
    hops.push(Hop {
        platform: here.to_owned(),
        received_at: now.0,
        peer: peer.name.clone(),
        tls: peer.tls.clone(),
        ..Hop::default()
    });
    let recipients = envelope
        .to
        .into_iter()
        .zip(document.receivers)
        .filter(|(_, receiver)| keep(receiver))
        .map(|(agency, doc_id)| Recipient { agency, doc_id, refused: String::new() })
        .collect();
    Accepted {
        doc_id: document.doc_id,
        origin: document.origin,
        via: peer.name.clone(),
        kind: envelope.kind,
        from: envelope.from,
        document_id: envelope.document_id,
        urgency: envelope.urgency,
        answers_sender: envelope.answers_sender,
        answers_document_id: envelope.answers_document_id,
        status: envelope.status,
        recipients,
        body: Some(BodyRef {
            sha256: document.sha256,
            bytes: document.bytes_total,
            ..BodyRef::default()
        }),
        correlation_id: document.correlation_id,
        hops,
        hops_left: document.hops_left.saturating_sub(1),
        signature: i32::try_from(document.signature).unwrap_or_default(),
        is_edxml: document.is_edxml,
        at: now.0,
        subject: envelope.subject,
        notation: envelope.notation,
        type_name: envelope.type_name,
        promulgated_on: envelope.promulgated_on,
        due_on: envelope.due_on,
        warnings: document.warnings,
        reason: envelope.reason,
        file_sha256: document.file_sha256,
        is_repeat: document.is_repeat,
        replaces: envelope.replaces,
        ..Accepted::default()
    }
}

pub(super) fn hop_of(hop: v1::Hop) -> Hop {
    Hop {
        platform: hop.platform,
        received_at: hop.received_at,
        handed_on_at: hop.handed_on_at,
        peer: hop.peer,
        tls: hop.tls,
        attempts: hop.attempts,
    }
}

fn progressed_of(peer: &Peer, report: &v1::Report) -> Progressed {
    Progressed {
        origin: report.origin.clone(),
        via: peer.name.clone(),
        doc_id: Bytes::copy_from_slice(&report.doc_id),
        receiver: Bytes::copy_from_slice(&report.receiver),
        state: report.state,
        code: report.code.clone(),
        at: report.at,
        hops: report.hops.iter().cloned().map(hop_of).collect(),
        description: report.description.clone(),
        platform: report.platform.clone(),
    }
}

fn verdict(receiver: &Bytes, verdict: v1::hand_verdict::Verdict, code: &str) -> v1::HandVerdict {
    v1::HandVerdict { receiver: receiver.clone(), verdict: Some(verdict), code: code.to_owned() }
}

fn retry(receiver: &Bytes, reason: Reason, after_ms: u64) -> v1::HandVerdict {
    verdict(receiver, v1::hand_verdict::Verdict::RetryAfterMs(after_ms), reason.code())
}

fn word(receiver: &Bytes, said: HopVerdict) -> v1::HandVerdict {
    match said {
        HopVerdict::Accepted => verdict(receiver, v1::hand_verdict::Verdict::Accepted(true), ""),
        HopVerdict::Refused(reason) => {
            verdict(receiver, v1::hand_verdict::Verdict::Refused(reason.code().to_owned()), "")
        }
        HopVerdict::Retry(reason) => retry(receiver, reason, FULL_RETRY_MS),
    }
}

fn refuse_all(document: &v1::HandDocument, reason: Reason) -> Verdicts {
    let refused = |receiver| {
        verdict(receiver, v1::hand_verdict::Verdict::Refused(reason.code().to_owned()), "")
    };
    document.receivers.iter().map(refused).collect()
}

fn retry_all(document: &v1::HandDocument, reason: Reason, after_ms: u64) -> Verdicts {
    document.receivers.iter().map(|receiver| retry(receiver, reason, after_ms)).collect()
}

/// Nothing but a delivery that was taken in is ended.
fn is_end(content: &Content, receiver: &Bytes) -> bool {
    let Content::Fact(fact) = content else { return false };
    match fact {
        Fact::HandedOn(handed) => handed.receivers.contains(receiver),
        Fact::Attempted(attempted) => attempted.retry_at == 0 && attempted.receiver == *receiver,
        Fact::Confirmed(confirmed) => {
            matches!(confirmed.state(), DeliveryState::Done | DeliveryState::Fail)
                && confirmed.receivers().any(|id| id.to_bytes() == receiver[..])
        }
        Fact::Expired(expired) => expired.receiver == *receiver,
        Fact::Accepted(_)
        | Fact::Progressed(_)
        | Fact::AgencyRegistered(_)
        | Fact::AgencyRemoved(_)
        | Fact::AgencyLocked(_)
        | Fact::ServiceChanged(_) => false,
    }
}

/// When a full mailbox may have room again.
const FULL_RETRY_MS: u64 = 2_000;
