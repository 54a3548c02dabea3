//! The journal's one reader: every fact → fold (tracking, duplicates, mailboxes) → answers. Also recovery.

use super::{Pipeline, Platform, Ports, Way};
use crate::clock::{Clock, Timestamp};
use crate::domain::directory::Directory;
use crate::domain::fact::{DeliveryState, Fact, Record};
use crate::domain::service::ServiceChanged;
use crate::domain::tracking::{CheckpointError, Chunks, Destination, Effect, HopVerdict, Verdict};
use crate::journal::{Content, DurableBatch, Entry, Journal, Read, ReadError, Seq};
use crate::pipeline::answers::Folded;
use prost::Message;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Something happened, for those who watch.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: Timestamp,
    pub platform: String,
    pub kind: EventKind,
}

#[derive(Clone, Debug)]
pub enum EventKind {
    Accepted(Arc<Record>),
    HandedOn { peer: String, receivers: usize },
    Confirmed { receiver: crate::domain::envelope::DocId, state: DeliveryState },
    Progressed { receiver: crate::domain::envelope::DocId, state: DeliveryState },
    Refused { receiver: crate::domain::envelope::DocId, code: String },
    Link { peer: String, is_down: bool, code: String },
    Directory { code: String, version: u64 },
}

/// Why the fold could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error("the last checkpoint cannot be used")]
    Checkpoint(#[from] CheckpointError),
    #[error("the last checkpoint cannot be decoded")]
    Decode(#[from] prost::DecodeError),
    #[error("the last checkpoint cannot be read")]
    Read(#[from] ReadError),
}

/// The fold's state of a whole process.
#[derive(Clone, PartialEq, Message)]
struct ProcessImage {
    #[prost(message, repeated, tag = "1")]
    platforms: Vec<PlatformImage>,
    /// Directory changes since the files were read.
    #[prost(message, repeated, tag = "2")]
    registered: Vec<crate::domain::fact::AgencyRegistered>,
    #[prost(message, repeated, tag = "3")]
    removed: Vec<crate::domain::fact::AgencyRemoved>,
    #[prost(message, repeated, tag = "4")]
    locked: Vec<crate::domain::fact::AgencyLocked>,
    /// Services that differ from the topology.
    #[prost(message, repeated, tag = "5")]
    services: Vec<ServiceChanged>,
}

#[derive(Clone, PartialEq, Message)]
struct PlatformImage {
    #[prost(uint32, tag = "1")]
    platform: u32,
    #[prost(bytes = "bytes", tag = "2")]
    state: bytes::Bytes,
}

/// Entries that one lock of a platform may fold; readers wait no longer than that.
const FOLD_ENTRIES_MAX: usize = 512;

impl<P: Ports> Pipeline<P> {
    /// Restores the last checkpoint. Call once, before `route`; returns where the journal is to be read from.
    pub async fn restore(&self) -> Result<Seq, RecoverError> {
        let Some((upto, state)) = self.ports.journal().last_checkpoint().await? else {
            return Ok(Seq(0));
        };
        let image = ProcessImage::decode(state)?;
        let mut directory = Directory::clone(&self.directory.load());
        let registered = image.registered.into_iter().map(Box::new).map(Fact::AgencyRegistered);
        let removed = image.removed.into_iter().map(Fact::AgencyRemoved);
        let locked = image.locked.into_iter().map(Fact::AgencyLocked);
        let mut changes: Vec<Fact> = registered.chain(removed).chain(locked).collect();
        changes.sort_by_key(version_of);
        for change in &changes {
            directory.change(change);
        }
        self.swap_directory(directory);
        self.fold_services(&image.services);
        let (directory, routes) = (self.directory.load(), self.routes.load());
        for saved in image.platforms {
            let Some(platform) = self.platforms.iter().find(|p| p.id.0 == saved.platform) else {
                continue;
            };
            let ground = self.ground(platform, &directory, &routes);
            let mut post = platform.post.lock();
            post.tracking.restore(&ground, saved.state)?;
            let waiting = post.tracking.link_items();
            post.bus.apply(&waiting);
        }
        Ok(upto)
    }

    /// Folds what the journal already holds, up to `upto`, before any door opens. Returns where to go on.
    pub async fn recover(&self, from: Seq, upto: Seq) -> Seq {
        let mut after = from;
        while after < upto && self.is_open() {
            match self.ports.journal().read(after, FOLD_ENTRIES_MAX).await {
                Read::Durable(batches) => after = self.fold(batches).unwrap_or(after),
                Read::Unknown(_) => {}
                Read::Closed(_) => self.closed(),
            }
        }
        after
    }

    /// Reads and folds until the journal closes. Writes checkpoints and gives back old segments on the way.
    ///
    /// Recovery is not a feature: it is this loop started after the last checkpoint.
    pub async fn route(&self, from: Seq) {
        let mut after = from;
        let (mut kept, mut last_checkpoint) = (from, self.now());
        let mut entries = 0_u64;
        loop {
            // Also when nothing more comes: a restart must not fold what an idle process had the time to keep.
            let due = if after > kept {
                last_checkpoint.plus(self.limits.checkpoint_interval)
            } else {
                Timestamp(u64::MAX)
            };
            let read = self.ports.journal().read(after, FOLD_ENTRIES_MAX);
            let Ok(read) = self.ports.clock().timeout_at(due, read).await else {
                last_checkpoint = self.now();
                if self.checkpoint(after).await {
                    kept = after;
                }
                entries = 0;
                continue;
            };
            match read {
                Read::Durable(batches) => {
                    entries += batches.iter().map(|batch| batch.entries.len() as u64).sum::<u64>();
                    if let Some(last) = self.fold(batches) {
                        after = last;
                    }
                }
                // Not known to be durable: the same entries again; the fold ignores what it has seen.
                Read::Unknown(batches) => {
                    for batch in batches {
                        if self.ports.journal().append(batch).await.is_err() {
                            self.closed();
                        }
                    }
                }
                Read::Closed(_tickets) => {
                    self.closed();
                    return;
                }
            }
            let now = self.now();
            let is_due = now.since(last_checkpoint) >= self.limits.checkpoint_interval
                || entries >= self.limits.checkpoint_entries_max;
            if is_due && self.is_open() {
                last_checkpoint = now;
                if self.checkpoint(after).await {
                    kept = after;
                }
                entries = 0;
            }
        }
    }

    /// Keeps the fold's state; then segments that only hold the past can be given back. False when it was not
    /// kept: it is tried again when the next one is due.
    pub async fn checkpoint(&self, upto: Seq) -> bool {
        let state = self.image();
        if let Err(error) =
            self.ports.journal().checkpoint(upto, state.encode_to_vec().into()).await
        {
            tracing::warn!(%error, "the checkpoint was not written; a restart reads more");
            return false;
        }
        self.checkpoint_at.store(self.now().0, Ordering::Relaxed);
        let mut pinned: Vec<Seq> = Vec::new();
        for platform in &self.platforms {
            pinned.extend(platform.post.lock().tracking.pinned_chunks().into_iter().map(Seq));
        }
        pinned.sort_unstable();
        let before = self.now().minus(self.limits.retention);
        match self.ports.journal().reclaim(before, &pinned).await {
            Ok(0) => {}
            Ok(bytes) => tracing::debug!(bytes, "old segments were given back"),
            Err(error) => tracing::warn!(%error, "old segments could not be given back"),
        }
        true
    }

    fn image(&self) -> ProcessImage {
        let (directory, routes) = (self.directory.load(), self.routes.load());
        let mut image =
            ProcessImage { services: self.service_changes(), ..ProcessImage::default() };
        for platform in &self.platforms {
            let ground = self.ground(platform, &directory, &routes);
            let state = platform.post.lock().tracking.checkpoint(&ground);
            image.platforms.push(PlatformImage { platform: platform.id.0, state });
        }
        for change in directory.changes_since(0) {
            match change {
                Fact::AgencyRegistered(fact) => image.registered.push(*fact),
                Fact::AgencyRemoved(fact) => image.removed.push(fact),
                Fact::AgencyLocked(fact) => image.locked.push(fact),
                Fact::Accepted(_)
                | Fact::HandedOn(_)
                | Fact::Attempted(_)
                | Fact::Confirmed(_)
                | Fact::Progressed(_)
                | Fact::Expired(_)
                | Fact::ServiceChanged(_) => {}
            }
        }
        image
    }

    /// Applies durable batches in order; answers go out after each run of batches, one wake-up per batch.
    fn fold(&self, batches: Vec<DurableBatch>) -> Option<Seq> {
        let mut last = None;
        let mut effects = Vec::new();
        for batch in batches {
            last = batch.seqs.last().copied().or(last);
            let verdicts = self.fold_batch(&batch, &mut effects);
            self.folded_entries.fetch_add(batch.entries.len() as u64, Ordering::Relaxed);
            if batch.ticket.0 != 0 {
                self.answers.resolve(batch.ticket, Folded { verdicts, seqs: batch.seqs });
            }
        }
        // What recovery folds was appended by an earlier process.
        self.appended_entries
            .fetch_max(self.folded_entries.load(Ordering::Relaxed), Ordering::Relaxed);
        last
    }

    fn fold_batch(&self, batch: &DurableBatch, effects: &mut Vec<Effect>) -> Vec<Verdict> {
        let mut verdicts = Vec::with_capacity(batch.entries.len());
        // Of whichever platform: a security server has services and no documents.
        let services = batch.entries.iter().filter_map(|entry| match &entry.content {
            Content::Fact(Fact::ServiceChanged(fact)) => Some(&**fact),
            Content::Fact(_) | Content::Chunk(_) => None,
        });
        self.fold_services(services);
        let mut at = 0;
        while let Some(first) = batch.entries.get(at) {
            // A run of entries of one platform is folded under one lock.
            let rest = batch.entries.iter().skip(at);
            let end = at + rest.take_while(|entry| entry.platform == first.platform).count();
            match self.platform_by_id(first.platform) {
                Some(platform) => self.fold_run(platform, batch, at..end, effects, &mut verdicts),
                // A platform that this process no longer runs.
                None => verdicts.resize(end, Verdict::Applied),
            }
            at = end;
        }
        verdicts
    }

    fn fold_run(
        &self,
        platform: &Platform,
        batch: &DurableBatch,
        run: Range<usize>,
        effects: &mut Vec<Effect>,
        verdicts: &mut Vec<Verdict>,
    ) {
        let first = run.start;
        let entries = batch.entries.get(run).unwrap_or_default();
        if entries.iter().any(|entry| is_directory_change(&entry.content)) {
            self.fold_directory(entries);
        }
        let (directory, routes) = (self.directory.load(), self.routes.load());
        let ground = self.ground(platform, &directory, &routes);
        let is_watched = self.events.receiver_count() > 0;
        let mut guard = platform.post.lock();
        let post = &mut *guard;
        for (place, entry) in (first..).zip(entries) {
            let Content::Fact(fact) = &entry.content else {
                verdicts.push(Verdict::Applied);
                continue;
            };
            let chunks = self.chunks_of(fact, batch, place, entry.at);
            effects.clear();
            let verdict = post.tracking.apply(&ground, fact, chunks, effects);
            post.bus.apply(effects);
            if is_watched {
                self.announce(platform, entry, fact);
            }
            count(platform, fact, &verdict, effects);
            verdicts.push(verdict);
        }
        let wakes = post.bus.take_wakes();
        drop(guard);
        for wake in wakes {
            wake.notify_one();
        }
    }

    /// Where the body of an accepted document stands; remembered by its digest for other platforms.
    fn chunks_of(&self, fact: &Fact, batch: &DurableBatch, place: usize, at: Timestamp) -> Chunks {
        let Fact::Accepted(accepted) = fact else { return Chunks::None };
        let Some(body) = &accepted.body else { return Chunks::None };
        let chunks = if body.preceding > 0 {
            let from = place.saturating_sub(body.preceding as usize);
            let seqs: Vec<u64> =
                batch.seqs.get(from..place).unwrap_or_default().iter().map(|seq| seq.0).collect();
            Chunks::from_slice(&seqs)
        } else {
            Chunks::from_slice(&body.chunks)
        };
        // How old chunks are that an earlier process wrote is known only when they stand in the same batch.
        if body.preceding > 0 || batch.ticket.0 != 0 {
            self.bodies.remember(&body.sha256, body.bytes, &chunks, at);
        }
        chunks
    }

    /// One directory per process: the axis' word, or what a follower heard of it.
    fn fold_directory(&self, entries: &[Entry]) {
        let mut directory = Directory::clone(&self.directory.load());
        let mut is_changed = false;
        for entry in entries {
            if let Content::Fact(fact) = &entry.content
                && is_directory_change(&entry.content)
            {
                // The axis numbers a change as it folds it; followers get the number with it.
                let version = version_of(fact);
                is_changed |=
                    (version == 0 || version > directory.version()) && directory.change(fact);
            }
        }
        if is_changed {
            self.swap_directory(directory);
        }
    }

    pub(super) fn swap_directory(&self, directory: Directory) {
        let routes = self.routes.load().with(&directory);
        self.directory.store(Arc::new(directory));
        self.routes.store(Arc::new(routes));
    }

    fn announce(&self, platform: &Platform, entry: &Entry, fact: &Fact) {
        let tell = |kind| self.tell(Event { at: entry.at, platform: platform.name.clone(), kind });
        let id = |bytes: &bytes::Bytes| {
            crate::domain::envelope::DocId::from_slice(bytes).unwrap_or_default()
        };
        let kind = match fact {
            Fact::Confirmed(fact) => {
                let state = fact.state();
                return fact
                    .receivers()
                    .for_each(|id| tell(EventKind::Confirmed { receiver: id, state }));
            }
            Fact::Accepted(accepted) => EventKind::Accepted(Arc::clone(accepted)),
            Fact::HandedOn(fact) => {
                EventKind::HandedOn { peer: fact.peer.clone(), receivers: fact.receivers.len() }
            }
            Fact::Attempted(fact) => {
                EventKind::Refused { receiver: id(&fact.receiver), code: fact.code.clone() }
            }
            Fact::Progressed(fact) => {
                EventKind::Progressed { receiver: id(&fact.receiver), state: fact.state() }
            }
            Fact::Expired(fact) => EventKind::Progressed {
                receiver: id(&fact.receiver),
                state: DeliveryState::Expired,
            },
            Fact::AgencyRegistered(fact) => {
                EventKind::Directory { code: fact.code.clone(), version: fact.version }
            }
            Fact::AgencyRemoved(fact) => {
                EventKind::Directory { code: fact.code.clone(), version: fact.version }
            }
            Fact::AgencyLocked(fact) => {
                EventKind::Directory { code: fact.code.clone(), version: fact.version }
            }
            Fact::ServiceChanged(_) => return,
        };
        tell(kind);
    }

    pub(super) fn tell(&self, event: Event) {
        // No subscriber is no fault.
        drop(self.events.send(Arc::new(event)));
    }

    fn closed(&self) {
        if !self.is_closed.swap(true, Ordering::AcqRel) {
            tracing::info!("the journal is closed: nothing more is acknowledged");
        }
        self.answers.fail_all();
    }
}

const fn is_directory_change(content: &Content) -> bool {
    matches!(
        content,
        Content::Fact(Fact::AgencyRegistered(_) | Fact::AgencyRemoved(_) | Fact::AgencyLocked(_))
    )
}

const fn version_of(fact: &Fact) -> u64 {
    match fact {
        Fact::AgencyRegistered(fact) => fact.version,
        Fact::AgencyRemoved(fact) => fact.version,
        Fact::AgencyLocked(fact) => fact.version,
        Fact::Accepted(_)
        | Fact::HandedOn(_)
        | Fact::Attempted(_)
        | Fact::Confirmed(_)
        | Fact::Progressed(_)
        | Fact::Expired(_)
        | Fact::ServiceChanged(_) => 0,
    }
}

fn count(platform: &Platform, fact: &Fact, verdict: &Verdict, effects: &[Effect]) {
    let counters = &platform.counters;
    let bump = |counter: &std::sync::atomic::AtomicU64, by: u64| {
        counter.fetch_add(by, Ordering::Relaxed);
    };
    if let (Fact::Accepted(accepted), Verdict::Accepted { .. } | Verdict::Hop(_)) = (fact, verdict)
    {
        // A repeat enqueues nothing.
        if effects.iter().any(|effect| matches!(effect, Effect::Enqueue { .. })) {
            bump(&counters.bytes_in, accepted.body.as_ref().map_or(0, |body| body.bytes));
            let is_hop = matches!(verdict, Verdict::Hop(_));
            let way = if is_hop { Way::FromNeighbour } else { Way::FromMember };
            counters.ways.add(way, accepted.kind(), 1);
        }
        let arrived =
            |effect: &&Effect| matches!(effect, Effect::Enqueue { to: Destination::Inbox(_), .. });
        let arrived = effects.iter().filter(arrived).count() as u64;
        bump(&counters.arrived, arrived);
        counters.ways.add(Way::ToInbox, accepted.kind(), arrived);
        let onward =
            |effect: &&Effect| matches!(effect, Effect::Enqueue { to: Destination::Link(_), .. });
        let onward = effects.iter().filter(onward).count() as u64;
        counters.ways.add(Way::ToNeighbour, accepted.kind(), onward);
    }
    match (fact, verdict) {
        (Fact::HandedOn(fact), _) => bump(&counters.handed_on, fact.receivers.len() as u64),
        (Fact::Attempted(_), _) => bump(&counters.retried, 1),
        (Fact::Confirmed(fact), Verdict::Confirmed { refused }) => {
            bump(&counters.confirmed, (fact.receivers().count() - refused.len()) as u64);
        }
        (Fact::Accepted(_), Verdict::Hop(verdicts)) => {
            for verdict in verdicts {
                match verdict {
                    HopVerdict::Accepted => bump(&counters.hop_accepted, 1),
                    HopVerdict::Refused(reason) | HopVerdict::Retry(reason) => {
                        counters.hop_refusals.count(*reason);
                    }
                }
            }
        }
        _ => {}
    }
}
