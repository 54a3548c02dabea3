//! From checked documents to entries of the journal: as few batches as the limits allow, large bodies
//! chunk by chunk before the facts that refer to them.

use super::accept::{AcceptedAnswer, set};
use super::answers::Folded;
use super::{Pipeline, Platform, Ports};
use crate::clock::{Clock, Timestamp};
use crate::domain::fact::{Fact, Record};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::tracking::Chunks;
use crate::journal::{Batch, Content, Entry, Journal};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Checked and ready for the journal.
pub(super) struct Prepared {
    /// Its place among the submissions.
    pub(super) place: usize,
    pub(super) accepted: Arc<Record>,
    /// Stands directly before the fact; empty when there is none, or when it is written already.
    pub(super) body: Bytes,
}

/// One append under way: which submissions it holds.
pub(super) struct Waiting {
    pub(super) of: Vec<(usize, Arc<Record>)>,
    pub(super) folded: oneshot::Receiver<Folded>,
    /// How many entries stand before each `Accepted` (its chunk, or nothing).
    pub(super) places: Vec<usize>,
}

/// One answer per submission, filled as they come.
pub(super) type Answers = [Option<Result<AcceptedAnswer, Rejection>>];

impl<P: Ports> Pipeline<P> {
    /// Appends what was prepared: as few batches as the limits allow.
    pub(super) async fn append_prepared(
        &self,
        platform: &Platform,
        prepared: Vec<Prepared>,
        now: Timestamp,
        answers: &mut Answers,
    ) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        let mut group = Group::default();
        group.entries.reserve_exact(prepared.len() * 2);
        for document in prepared {
            if group.bytes + document.body.len() + FACT_BYTES > self.limits.batch_bytes_max
                && !group.entries.is_empty()
            {
                waiting.extend(self.append_group(std::mem::take(&mut group), answers).await);
            }
            let ids = self.entry_ids();
            group.add(ids, platform, document, now);
        }
        waiting.extend(self.append_group(group, answers).await);
        waiting
    }

    async fn append_group(&self, group: Group, answers: &mut Answers) -> Option<Waiting> {
        if group.entries.is_empty() {
            return None;
        }
        match self.append(group.entries).await {
            Ok(folded) => Some(Waiting { of: group.of, folded, places: group.places }),
            Err(rejection) => {
                for (place, _) in group.of {
                    set(answers, place, Err(rejection.clone()));
                }
                None
            }
        }
    }

    /// Writes a large body in chunks, a few under way at a time; says where they stand.
    pub(super) async fn store_body(
        &self,
        platform: &Platform,
        body: &Bytes,
    ) -> Result<Chunks, Rejection> {
        let mut chunks = Vec::with_capacity(body.len() / self.limits.chunk_bytes_max.max(1) + 1);
        let mut under_way = std::collections::VecDeque::new();
        let mut rest = body.clone();
        while !rest.is_empty() || !under_way.is_empty() {
            if !rest.is_empty() && under_way.len() < CHUNKS_UNDER_WAY_MAX {
                let chunk = rest.split_to(rest.len().min(self.limits.chunk_bytes_max));
                under_way.push_back(self.append_chunk(platform, chunk).await?);
                continue;
            }
            if let Some(folded) = under_way.pop_front() {
                chunks.push(self.chunk_seq(folded).await?);
            }
        }
        Ok(Chunks::from_slice(&chunks))
    }

    pub(super) async fn append_chunk(
        &self,
        platform: &Platform,
        chunk: Bytes,
    ) -> Result<oneshot::Receiver<Folded>, Rejection> {
        let entry = Entry {
            id: self.entry_id(),
            platform: platform.id,
            at: self.now(),
            content: Content::Chunk(chunk),
        };
        self.append(vec![entry]).await
    }

    /// Appends entries of one batch; what the fold says of them comes later. Dropped before it resolves, nothing
    /// was appended.
    pub(super) async fn append(
        &self,
        entries: Vec<Entry>,
    ) -> Result<oneshot::Receiver<Folded>, Rejection> {
        let count = entries.len() as u64;
        let (mut pending, folded) = self.answers.expect_entries(count, &self.appended_entries);
        let batch = Batch { ticket: pending.ticket, entries };
        if self.ports.journal().append(batch).await.is_err() {
            return Err(Reason::Unavailable.into());
        }
        pending.is_appended();
        Ok(folded)
    }

    pub(super) async fn chunk_seq(
        &self,
        folded: oneshot::Receiver<Folded>,
    ) -> Result<u64, Rejection> {
        let folded = self.await_folded(folded).await?;
        folded.seqs.first().map(|seq| seq.0).ok_or_else(|| Reason::Internal.into())
    }

    /// Waits for the fold. At the deadline the answer is "do not know": a repeat will be recognised.
    pub(super) async fn await_folded(
        &self,
        folded: oneshot::Receiver<Folded>,
    ) -> Result<Folded, Rejection> {
        let deadline = self.now().plus(self.limits.answer_timeout);
        match self.ports.clock().timeout_at(deadline, folded).await {
            Ok(Ok(folded)) => Ok(folded),
            Ok(Err(_closed)) => Err(Reason::Unavailable.into()),
            Err(_late) => Err(Rejection::new(Reason::Timeout).retry_after_ms(1_000)),
        }
    }
}

/// Entries of one append, and whose they are.
#[derive(Default)]
struct Group {
    entries: Vec<Entry>,
    of: Vec<(usize, Arc<Record>)>,
    places: Vec<usize>,
    bytes: usize,
}

impl Group {
    fn add(&mut self, ids: [u128; 2], platform: &Platform, document: Prepared, now: Timestamp) {
        let accepted = document.accepted;
        let [chunk_id, fact_id] = ids;
        let entry = |id, content| Entry { id, platform: platform.id, at: now, content };
        if !document.body.is_empty() {
            self.bytes += document.body.len();
            self.entries.push(entry(chunk_id, Content::Chunk(document.body)));
        }
        self.bytes += FACT_BYTES;
        self.places.push(self.entries.len());
        self.entries.push(entry(fact_id, Content::Fact(Fact::Accepted(Arc::clone(&accepted)))));
        self.of.push((document.place, accepted));
    }
}

/// What a fact counts for when a batch is filled; real ones are smaller but for very many recipients.
const FACT_BYTES: usize = 1024;

/// Chunks of one body that may wait for their flush at once.
const CHUNKS_UNDER_WAY_MAX: usize = 4;
