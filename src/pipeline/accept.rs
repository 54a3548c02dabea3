//! authenticate (done by the face) → parse → check → admit → journal; the fold's verdict answers the sender.
//!
//! Order that must not change: parse before admit (limits are per size), admit before journal (what is
//! written must be carried), and nothing of a body is written before the state-secret guard has passed.

use super::append::{Answers, Prepared, Waiting};
use super::submitted::{Checked, Door, correlation, field_digest, record_of};
use super::{Pipeline, Platform, Ports};
use crate::clock::{Clock, Timestamp};
use crate::domain::agency::AgencyCode;
use crate::domain::calendar;
use crate::domain::directory::{Caller, Directory, Standing};
use crate::domain::envelope::{Declaration, DocId, Envelope, Kind, SignatureState};
use crate::domain::fact::{Addressee, Addressees, Body, DeliveryState, Fact, Record, order_key};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::rules::{Expected, Given};
use crate::domain::status::BusinessStatus;
use crate::domain::tracking::Verdict;
use crate::journal::{Content as EntryContent, Journal, Lookup};
use crate::pipeline::bodies::Digest;
use bytes::Bytes;
use sha2::Digest as _;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tracing::Instrument;

/// What a face hands in: the caller is authenticated, the rest is not yet believed.
#[derive(Debug)]
pub struct Submission<'a> {
    pub caller: &'a Caller,
    pub content: Content,
    /// What the sender says the file's SHA-256 is; checked.
    pub sha256: Option<Digest>,
    pub declaration: Declaration,
    /// What the caller says it hands in.
    pub expected: Expected,
    /// TLS version and cipher suite of the session it came by.
    pub tls: &'a str,
    /// At most 64 printable ASCII characters, or empty.
    pub correlation_id: String,
    /// Narrows the recipients of a file; empty means all it names.
    pub only_to: Vec<AgencyCode>,
}

#[derive(Debug)]
pub enum Content {
    /// An edXML file: parsed and checked once, carried unchanged.
    Edxml(Bytes),
    /// An envelope as fields; the payload is not looked at.
    Fields { envelope: Box<Envelope>, payload: Bytes },
}

impl Content {
    const fn body(&self) -> &Bytes {
        match self {
            Self::Edxml(file) => file,
            Self::Fields { payload, .. } => payload,
        }
    }
}

/// The sender's receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedAnswer {
    pub doc_id: DocId,
    pub receivers: Vec<ReceiverAnswer>,
    pub correlation_id: String,
    pub is_duplicate: bool,
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverAnswer {
    pub agency: AgencyCode,
    pub doc_id: DocId,
    pub refused: Option<Reason>,
}

impl<P: Ports> Pipeline<P> {
    /// Takes a batch of submissions of one platform, each as soon as the one before it is checked; what a face
    /// could not read is refused in its place. One answer each, in order; each is durable and folded.
    pub async fn accept(
        &self,
        platform: &Platform,
        submissions: impl ExactSizeIterator<Item = Result<Submission<'_>, Rejection>>,
    ) -> Vec<Result<AcceptedAnswer, Rejection>> {
        let now = self.now();
        let mut answers: Vec<Option<Result<AcceptedAnswer, Rejection>>> =
            Vec::with_capacity(submissions.len());
        let mut prepared = Vec::with_capacity(submissions.len());
        let gate = self.gate(false);
        for (place, submission) in submissions.enumerate() {
            answers.push(None);
            let checked = match (submission, &gate) {
                (Ok(submission), Ok(())) => {
                    self.prepare_traced(platform, place, submission, now).await
                }
                (Err(rejection), _) => Err(rejection),
                (_, Err(rejection)) => Err(rejection.clone()),
            };
            match checked {
                Ok(document) => prepared.push(document),
                Err(rejection) => set(&mut answers, place, Err(rejection)),
            }
        }
        let waiting = self.append_prepared(platform, prepared, now, &mut answers).await;
        for append in waiting {
            self.collect(platform, append, &mut answers).await;
        }
        let lost = || Err(Rejection::new(Reason::Internal));
        let answers: Vec<_> =
            answers.into_iter().map(|answer| answer.unwrap_or_else(lost)).collect();
        count(platform, &answers);
        answers
    }

    /// One submission.
    pub async fn accept_one(
        &self,
        platform: &Platform,
        submission: Submission<'_>,
    ) -> Result<AcceptedAnswer, Rejection> {
        let mut answers = self.accept(platform, std::iter::once(Ok(submission))).await;
        answers.pop().unwrap_or_else(|| Err(Reason::Internal.into()))
    }

    /// Is there room at all? Transit has a share of its own.
    pub(super) fn gate(&self, is_transit: bool) -> Result<(), Rejection> {
        if !self.is_open() {
            return Err(Reason::Unavailable.into());
        }
        if self.draining.is_cancelled() && !is_transit {
            return Err(Rejection::new(Reason::ShuttingDown).retry_after_ms(5_000));
        }
        let lag_max =
            if is_transit { self.limits.route_lag_max * 2 } else { self.limits.route_lag_max };
        if self.lag() > lag_max {
            return Err(Rejection::new(Reason::Busy).retry_after_ms(200));
        }
        let health = self.ports.journal().health();
        // Receipts and outcomes must still fit when intake no longer does.
        let disk_max =
            if is_transit { health.disk_bytes_max } else { health.disk_bytes_max / 20 * 19 };
        if health.disk_bytes >= disk_max {
            return Err(Rejection::new(Reason::DiskFull).retry_after_ms(60_000));
        }
        Ok(())
    }

    /// The right to hold a body in memory while it is read and journalled. Ask before reading it.
    pub fn admit_bytes(
        &self,
        bytes: u64,
        is_transit: bool,
    ) -> Result<super::BytesPermit, Rejection> {
        if bytes > self.limits.body_bytes_max {
            return Err(Rejection::new(Reason::TooLarge)
                .detail(format!("{bytes} > {}", self.limits.body_bytes_max)));
        }
        self.budget
            .take(bytes, is_transit)
            .ok_or_else(|| Rejection::new(Reason::Throttled).retry_after_ms(500))
    }

    /// One span per document, under which whatever is logged about it stands; costs nothing when nobody listens.
    async fn prepare_traced(
        &self,
        platform: &Platform,
        place: usize,
        submission: Submission<'_>,
        now: Timestamp,
    ) -> Result<Prepared, Rejection> {
        let span = tracing::debug_span!(
            "document",
            platform = %platform.name,
            member = %submission.caller.id(),
            correlation_id = %submission.correlation_id,
        );
        if span.is_disabled() {
            return self.prepare(platform, place, submission, now).await;
        }
        let prepared =
            self.prepare(platform, place, submission, now).instrument(span.clone()).await;
        span.in_scope(|| match &prepared {
            Ok(document) => tracing::debug!(
                doc = %document.accepted.id(),
                correlation_id = %document.accepted.correlation_id(),
                bytes = document.accepted.body_bytes(),
                "checked"
            ),
            Err(rejection) => tracing::debug!(%rejection, "refused"),
        });
        prepared
    }

    async fn prepare(
        &self,
        platform: &Platform,
        place: usize,
        submission: Submission<'_>,
        now: Timestamp,
    ) -> Result<Prepared, Rejection> {
        let Submission { caller, content, sha256, tls, correlation_id, only_to, .. } = submission;
        let digest = self.digest(content.body(), sha256)?;
        let given = Given {
            today: calendar::date_of(now),
            declaration: submission.declaration,
            expected: submission.expected,
        };
        let is_edxml = matches!(content, Content::Edxml(_));
        let (envelope, body, signature) = self.read(content, given)?;
        let directory = self.directory.load();
        check_sender(&directory, caller, &envelope)?;
        let to = self.recipients(platform, &envelope, &only_to).await?;
        let doc_id = self.new_doc_id(now);
        let recipients = self.check_receivers(&directory, doc_id, &to)?;
        if envelope.kind == Kind::Recall {
            self.check_recall(platform, &envelope).await?;
        }
        self.admit(platform, now).await?;
        let door =
            Door { platform: &platform.name, caller, tls, hops_max: self.limits.hops_max, now };
        let file_sha256 = if is_edxml { digest } else { field_digest(&envelope, &to, &digest) };
        let (reference, body) = self.place_body(platform, &digest, body, now).await?;
        let checked = Checked {
            doc_id,
            recipients,
            body: reference,
            correlation_id: correlation(correlation_id, doc_id),
            signature,
            is_edxml,
            file_sha256,
        };
        let accepted = Arc::new(record_of(door, *envelope, checked));
        Ok(Prepared { place, accepted, body })
    }

    /// Where the body stands. A large one is written first, in chunks, behind everybody's facts; what is returned
    /// beside the reference is to stand directly before the fact.
    async fn place_body(
        &self,
        platform: &Platform,
        digest: &Digest,
        body: Bytes,
        now: Timestamp,
    ) -> Result<(Body, Bytes), Rejection> {
        let bytes = body.len() as u64;
        let stored = match self.bodies.find(digest, bytes, now) {
            None if bytes > self.limits.inline_body_bytes_max => {
                Some(self.store_body(platform, &body).await?)
            }
            found => found,
        };
        let sha256 = (*digest).into();
        Ok(match stored {
            Some(chunks) => {
                let chunks = chunks.as_slice().to_vec();
                (Body { sha256, bytes, chunks, preceding: 0 }, Bytes::new())
            }
            None => {
                let preceding = u32::from(!body.is_empty());
                (Body { sha256, bytes, chunks: Vec::new(), preceding }, body)
            }
        })
    }

    /// The body's SHA-256, which is what the sender says it is.
    fn digest(&self, body: &Bytes, declared: Option<Digest>) -> Result<Digest, Rejection> {
        if body.len() as u64 > self.limits.body_bytes_max {
            let detail = format!("{} > {}", body.len(), self.limits.body_bytes_max);
            return Err(Rejection::new(Reason::TooLarge).detail(detail));
        }
        let digest: Digest = sha2::Sha256::digest(body).into();
        if declared.is_some_and(|declared| declared != digest) {
            return Err(Rejection::new(Reason::HashDiffers).at(Place::Parameter("sha256".into())));
        }
        Ok(digest)
    }

    /// Parses and applies every rule that needs only the file and the configuration.
    fn read(
        &self,
        content: Content,
        given: Given,
    ) -> Result<(Box<Envelope>, Bytes, SignatureState), Rejection> {
        match content {
            Content::Edxml(file) => {
                let checked = self.rules.read(&file, given)?;
                let mut envelope = Box::new(checked.envelope);
                let signature = if checked.signatures == 0 {
                    SignatureState::None
                } else {
                    crate::signature::verify(&file, &self.anchors, self.now()).state
                };
                envelope.warnings.extend(self.signature_policy.judge(signature, envelope.kind)?);
                Ok((envelope, file, signature))
            }
            Content::Fields { mut envelope, payload } => {
                self.rules.check_fields(&mut envelope, given)?;
                Ok((envelope, payload, SignatureState::Unchecked))
            }
        }
    }

    /// To whom it goes: `To`, narrowed; a status to whom it answers; status 13 to the recipients of the document it names.
    async fn recipients<'e>(
        &self,
        platform: &Platform,
        envelope: &'e Envelope,
        only_to: &[AgencyCode],
    ) -> Result<Cow<'e, [AgencyCode]>, Rejection> {
        if envelope.kind == Kind::Status && envelope.to.is_empty() {
            let answers = envelope.response_for.first();
            let answers = answers.ok_or_else(|| {
                Rejection::new(Reason::FieldMissing).element("MessageHeader/ResponseFor")
            })?;
            if envelope.status.as_ref().is_some_and(|s| s.code == BusinessStatus::RecallRequested) {
                let found =
                    self.recipients_of(platform, &envelope.from, &answers.document_id).await?;
                return Ok(found.into());
            }
            let to = answers.organ_id.as_ref();
            return Ok(std::slice::from_ref(to.ok_or_else(|| {
                Rejection::new(Reason::ReceiverMissing).element("MessageHeader/ResponseFor/OrganId")
            })?)
            .into());
        }
        let narrowed: Cow<'_, [AgencyCode]> = if only_to.is_empty() {
            envelope.to.as_slice().into()
        } else {
            envelope.to.iter().filter(|code| only_to.contains(code)).copied().collect()
        };
        if narrowed.is_empty() {
            return Err(Rejection::new(Reason::ReceiverMissing).element("MessageHeader/To"));
        }
        if narrowed.len() > self.limits.recipients_max {
            return Err(Rejection::new(Reason::TooManyReceivers).detail(format!(
                "{} > {}",
                narrowed.len(),
                self.limits.recipients_max
            )));
        }
        Ok(narrowed)
    }

    /// The recipients of a document that this sender sent before; refused when there is none.
    async fn recipients_of(
        &self,
        platform: &Platform,
        sender: &AgencyCode,
        document_id: &str,
    ) -> Result<Vec<AgencyCode>, Rejection> {
        let key = order_key(sender.as_str(), document_id);
        if let Some(doc) = platform.post.lock().tracking.doc_by_key(key) {
            return Ok(doc.deliveries.iter().map(|d| d.agency).collect());
        }
        let stored = self
            .ports
            .journal()
            .find(Some(platform.id), Lookup::Key(key), FIND_MAX)
            .await
            .unwrap_or_default();
        let found = stored.iter().find_map(|stored| match &stored.entry.content {
            EntryContent::Fact(Fact::Accepted(accepted))
                if accepted.kind() == Kind::New && accepted.via().is_empty() =>
            {
                Some(accepted.recipients.iter().filter_map(|r| r.agency).collect())
            }
            EntryContent::Fact(_) | EntryContent::Chunk(_) => None,
        });
        found.ok_or_else(|| Rejection::new(Reason::RecallOfUnknown).detail(document_id))
    }

    /// A recall names a document that its sender sent from here.
    async fn check_recall(
        &self,
        platform: &Platform,
        envelope: &Envelope,
    ) -> Result<(), Rejection> {
        let document_id =
            if envelope.acts_on.is_empty() { &envelope.document_id } else { &envelope.acts_on };
        self.recipients_of(platform, &envelope.from, document_id).await.map(drop)
    }

    /// An unknown receiver refuses the whole document; a locked one only itself (configurable).
    fn check_receivers(
        &self,
        directory: &Directory,
        doc_id: DocId,
        to: &[AgencyCode],
    ) -> Result<Addressees, Rejection> {
        let mut refused = None;
        let check = |code: &AgencyCode| {
            let wrong = |reason: Reason| Rejection::new(reason).at(Place::Recipient(code.wire()));
            let Some(id) = directory.lookup(code) else {
                let nearest =
                    directory.nearest(code.as_str()).map(|id| directory.agency(id).code.wire());
                return Err(wrong(Reason::ReceiverUnknown).detail(nearest.unwrap_or_default()));
            };
            let locked = match directory.standing_today(id) {
                Standing::Alive => false,
                Standing::Locked => true,
                Standing::NotYet => return Err(wrong(Reason::ReceiverUnknown)),
                Standing::Dissolved { into } => {
                    let into = into.map(|id| directory.agency(id).code.wire()).unwrap_or_default();
                    return Err(wrong(Reason::ReceiverDissolved).detail(into));
                }
            };
            if locked {
                let rejection = wrong(Reason::ReceiverLocked);
                if self.limits.locked_refuses_all {
                    return Err(rejection);
                }
                refused.get_or_insert(rejection);
            }
            Ok(Addressee {
                agency: Some(*code),
                doc_id: doc_id.receiver(code),
                refused: locked.then_some(Reason::ReceiverLocked),
            })
        };
        let recipients = to.iter().map(check).collect::<Result<Addressees, Rejection>>()?;
        match refused {
            Some(rejection) if recipients.iter().all(|r| r.refused.is_some()) => Err(rejection),
            _ => Ok(recipients),
        }
    }

    /// The capacity that the platform's author gave it: waits for its turn, or is refused when the queue is full.
    async fn admit(&self, platform: &Platform, now: Timestamp) -> Result<(), Rejection> {
        let turn = {
            let mut admission = platform.admission.lock();
            admission.next_document(now)
        };
        match turn {
            Ok(at) if at <= now => Ok(()),
            Ok(at) => {
                self.ports.clock().sleep_until(at).await;
                Ok(())
            }
            Err(full) => {
                let wait = u64::try_from(full.retry_after.as_millis()).unwrap_or(u64::MAX);
                Err(Rejection::new(Reason::Throttled).retry_after_ms(wait.max(1)))
            }
        }
    }

    async fn collect(&self, platform: &Platform, waiting: Waiting, answers: &mut Answers) {
        let folded = match self.await_folded(waiting.folded).await {
            Ok(folded) => folded,
            Err(rejection) => {
                for (place, _) in waiting.of {
                    set(answers, place, Err(rejection.clone()));
                }
                return;
            }
        };
        for ((place, accepted), entry) in waiting.of.into_iter().zip(waiting.places) {
            let verdict = folded.verdicts.get(entry);
            set(answers, place, self.answer(platform, &accepted, verdict));
        }
    }

    fn answer(
        &self,
        platform: &Platform,
        accepted: &Record,
        verdict: Option<&Verdict>,
    ) -> Result<AcceptedAnswer, Rejection> {
        match verdict {
            Some(Verdict::Accepted { refused, warning }) => {
                let mut answer = answer_of(accepted, accepted.id(), false);
                for (place, reason) in refused {
                    if let Some(receiver) = answer.receivers.get_mut(*place) {
                        receiver.refused = Some(*reason);
                    }
                }
                answer
                    .warnings
                    .extend(warning.map(|reason| format!("{} StatusCode", reason.code())));
                // Nobody at all could be addressed: say so, instead of a receipt that means nothing. The
                // fold has kept nothing of it.
                match answer
                    .receivers
                    .iter()
                    .find_map(|r| r.refused.map(|reason| (reason, r.agency)))
                {
                    Some((reason, agency))
                        if answer.receivers.iter().all(|r| r.refused.is_some()) =>
                    {
                        Err(Rejection::new(reason).at(Place::Recipient(agency.wire())))
                    }
                    _ => Ok(answer),
                }
            }
            Some(Verdict::Duplicate { of }) => {
                let first =
                    platform.post.lock().tracking.doc(*of).map(|doc| Arc::clone(&doc.accepted));
                let mut answer = answer_of(first.as_deref().unwrap_or(accepted), *of, true);
                let post = platform.post.lock();
                for receiver in &mut answer.receivers {
                    receiver.doc_id = of.receiver(&receiver.agency);
                    // What was refused the first time, or on the way since, is not accepted by asking again.
                    if let Some((_, delivery)) = post.tracking.delivery(receiver.doc_id)
                        && delivery.state == DeliveryState::Refused
                    {
                        receiver.refused = delivery.refused;
                    }
                }
                drop(post);
                Ok(answer)
            }
            Some(Verdict::Refused(Reason::Busy)) => {
                Err(Rejection::new(Reason::Busy).retry_after_ms(LINK_FULL_RETRY_MS))
            }
            Some(Verdict::Refused(reason)) => Err(Rejection::new(*reason)),
            Some(Verdict::Hop(_) | Verdict::Confirmed { .. } | Verdict::Applied) | None => {
                Err(Reason::Internal.into())
            }
        }
    }
}

fn check_sender(
    directory: &Directory,
    caller: &Caller,
    envelope: &Envelope,
) -> Result<(), Rejection> {
    let wrong = |reason| {
        Rejection::new(reason).element("MessageHeader/From/OrganId").detail(envelope.from.wire())
    };
    let Some(id) = directory.lookup(&envelope.from) else {
        return Err(wrong(Reason::SenderUnknown));
    };
    if !caller.speaks_for(&envelope.from) {
        return Err(wrong(Reason::SenderNotYours));
    }
    match directory.standing_today(id) {
        Standing::Alive | Standing::Locked => Ok(()),
        Standing::NotYet => Err(wrong(Reason::SenderUnknown)),
        Standing::Dissolved { into } => {
            let into = into.map(|id| directory.agency(id).code.wire()).unwrap_or_default();
            Err(wrong(Reason::SenderDissolved).detail(into))
        }
    }
}

fn answer_of(accepted: &Record, doc_id: DocId, is_duplicate: bool) -> AcceptedAnswer {
    AcceptedAnswer {
        doc_id,
        receivers: accepted
            .recipients
            .iter()
            .filter_map(|r| {
                Some(ReceiverAnswer { agency: r.agency?, doc_id: r.doc_id, refused: r.refused })
            })
            .collect(),
        correlation_id: accepted.correlation_id().to_owned(),
        is_duplicate,
        warnings: accepted.warnings().to_vec(),
    }
}

pub(super) fn set(answers: &mut Answers, place: usize, answer: Result<AcceptedAnswer, Rejection>) {
    if let Some(slot) = answers.get_mut(place) {
        *slot = Some(answer);
    }
}

fn count(platform: &Platform, answers: &[Result<AcceptedAnswer, Rejection>]) {
    let accepted =
        answers.iter().filter(|a| a.as_ref().is_ok_and(|a| !a.is_duplicate)).count() as u64;
    let duplicates =
        answers.iter().filter(|a| a.as_ref().is_ok_and(|a| a.is_duplicate)).count() as u64;
    let refused = answers.len() as u64 - accepted - duplicates;
    platform.counters.accepted.fetch_add(accepted, Ordering::Relaxed);
    platform.counters.duplicates.fetch_add(duplicates, Ordering::Relaxed);
    platform.counters.refused.fetch_add(refused, Ordering::Relaxed);
    for rejection in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        platform.counters.refusals.count(rejection.reason);
    }
}

/// When a neighbour's full mailbox may have room again.
const LINK_FULL_RETRY_MS: u64 = 5_000;

/// Facts of one old document that are looked at.
const FIND_MAX: usize = 256;
