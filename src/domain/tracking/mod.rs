//! Folds the facts of one platform into inboxes, outboxes and the story of each document.
//!
//! Whatever depends on shared state (a duplicate? a legal transition? room in the inbox?) is decided here,
//! in the order of the journal, so that every replica decides alike.
//!
//! Invariant: memory holds what is open, a bounded number of recently closed documents and a bounded
//! duplicate window; never a body.

mod accept;
mod checkpoint;
mod duplicates;
mod progress;
mod sent;
mod views;

#[cfg(test)]
mod tests;

use super::agency::AgencyCode;
use super::directory::{AgencyId, Directory};
use super::envelope::DocId;
use super::fact::{DeliveryState, Fact, Hop, Progressed, Record};
use super::rejection::Reason;
use super::routing::{PlatformIx, RoutingTable};
use super::status::BusinessStatus;
use crate::clock::Timestamp;
use bytes::Bytes;
use duplicates::Duplicates;
use hashbrown::hash_map::Entry;
use sent::Neighbours;
use smallvec::SmallVec;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub use checkpoint::CheckpointError;
pub use views::{InboxFilter, SentRow};

pub(crate) type Map<K, V> = hashbrown::HashMap<K, V, foldhash::fast::FixedState>;

/// What the fold needs to know besides the facts. The same on every replica.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    pub here: PlatformIx,
    pub here_name: &'a str,
    pub routes: &'a RoutingTable,
    pub directory: &'a Directory,
}

/// Bounds of one platform's memory.
#[derive(Clone, Copy, Debug)]
pub struct TrackingLimits {
    /// Open items in one inbox.
    pub mailbox_depth_max: usize,
    /// Documents and reports waiting for one neighbour.
    pub link_depth_max: usize,
    /// Closed documents still known in memory.
    pub recent_documents_max: usize,
    /// Entries of the duplicate window.
    pub duplicates_max: usize,
    /// A business status that goes back, or follows a final one, is refused; else recorded with a warning.
    pub status_order_strict: bool,
}

/// Where a delivery goes from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    Inbox(AgencyId),
    Link(PlatformIx),
}

/// What the bus must do because of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    Enqueue {
        to: Destination,
        number: u64,
        key: u64,
        urgent: bool,
        bytes: u32,
    },
    /// The item is done with.
    Remove {
        to: Destination,
        number: u64,
    },
    /// The neighbour wants it again at this moment.
    Again {
        to: Destination,
        number: u64,
        at: Timestamp,
    },
}

/// What the fold decided about one fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts. Recipients that the fold refused, by their place in the list.
    Accepted {
        refused: Vec<(usize, Reason)>,
        warning: Option<Reason>,
    },
    /// The same file of the same sender was accepted before.
    Duplicate {
        of: DocId,
    },
    Refused(Reason),
    /// The word counts, but for these receivers, by their place in the fact.
    Confirmed {
        refused: Vec<(usize, Reason)>,
    },
    /// One verdict per recipient of a document that came over a link.
    Hop(Vec<HopVerdict>),
    /// Applied; nothing to say.
    Applied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopVerdict {
    Accepted,
    Refused(Reason),
    /// Full for now.
    Retry(Reason),
}

/// Numbers of the chunks of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Chunks {
    #[default]
    None,
    One(u64),
    Many(Box<[u64]>),
}

impl Chunks {
    pub fn from_slice(chunks: &[u64]) -> Self {
        match chunks {
            [] => Self::None,
            [one] => Self::One(*one),
            many => Self::Many(many.into()),
        }
    }

    pub fn as_slice(&self) -> &[u64] {
        match self {
            Self::None => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// One document on this platform.
#[derive(Clone, Debug)]
pub struct Doc {
    pub accepted: Arc<Record>,
    pub id: DocId,
    pub key: u64,
    pub chunks: Chunks,
    /// Who handed it in here; `None` when it came over a link.
    sender: Option<AgencyId>,
    /// Its place among what that sender sent.
    sent: Neighbours,
    /// Most documents have one recipient.
    pub deliveries: SmallVec<[Delivery; 1]>,
    /// How many deliveries are not closed here.
    open: u32,
}

/// One document for one recipient.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub receiver: DocId,
    pub agency: AgencyCode,
    /// `None` when it was refused here.
    pub to: Option<Destination>,
    /// The number of its mailbox item.
    pub number: u64,
    pub state: DeliveryState,
    /// Nothing more happens to it here.
    pub is_closed: bool,
    pub attempts: u32,
    pub refused: Option<Reason>,
    pub arrived_at: Timestamp,
    /// When a neighbour took it over.
    pub handed_on_at: Timestamp,
    pub updated_at: Timestamp,
    pub details: Option<Box<DeliveryDetails>>,
}

/// What most deliveries do not have.
#[derive(Clone, Debug, Default)]
pub struct DeliveryDetails {
    pub description: String,
    pub confirmed_by: String,
    /// The clerk's words, in order of arrival.
    pub statuses: Vec<StatusNote>,
    /// The way to the inbox, as the report told it.
    pub hops: Vec<Hop>,
    /// When it was taken (`processing`) before it was done.
    pub processing_at: Timestamp,
    /// A recall reached this recipient: agreeing to it destroys the content (QĐ 28/2018 Art. 9).
    pub recall_asked: bool,
    pub destroyed_at: Timestamp,
    /// Code of a neighbour's last refusal.
    pub last_code: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusNote {
    pub status: BusinessStatus,
    pub by: AgencyCode,
    pub at: Timestamp,
    pub description: String,
    /// It went back or followed a final one.
    pub out_of_order: bool,
}

impl Doc {
    /// What keeps its order in a mailbox: this document and what is about it, for one recipient. Recipients
    /// do not wait for each other.
    fn item_key(&self, agency: &AgencyCode) -> u64 {
        use std::hash::{BuildHasher, Hasher};
        let mut hasher = foldhash::quality::FixedState::with_seed(self.key).build_hasher();
        hasher.write(agency.as_bytes());
        hasher.finish()
    }
}

impl Delivery {
    pub fn business(&self) -> Option<BusinessStatus> {
        let details = self.details.as_ref()?;
        details
            .statuses
            .iter()
            .rev()
            .find(|n| n.status != BusinessStatus::RecallRequested)
            .map(|n| n.status)
    }

    pub fn is_destroyed(&self) -> bool {
        self.details.as_ref().is_some_and(|d| d.destroyed_at > Timestamp::ZERO)
    }

    pub(crate) fn details_mut(&mut self) -> &mut DeliveryDetails {
        self.details.get_or_insert_default()
    }
}

/// News that waits for a neighbour.
#[derive(Clone, Debug)]
pub struct Report {
    pub to: PlatformIx,
    pub news: Arc<Progressed>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DocIx(u32);

/// What a mailbox item stands for.
#[derive(Clone, Copy, Debug)]
enum ItemRef {
    Delivery(DocIx, u32),
    Report(u32),
}

/// What a mailbox item stands for, for those who carry it.
#[derive(Debug)]
pub enum Carried<'a> {
    Delivery { doc: &'a Doc, delivery: &'a Delivery },
    Report(&'a Report),
}

/// Open items of one agency, by number (that is, in order of arrival).
#[derive(Debug, Default)]
struct Inbox {
    open: BTreeMap<u64, (DocIx, u32)>,
}

/// One platform, folded.
#[derive(Debug)]
pub struct Tracking {
    limits: TrackingLimits,
    docs: Vec<Option<Doc>>,
    free: Vec<u32>,
    /// The first copy that came of each document that is known.
    by_id: Map<DocId, DocIx>,
    /// The others, where a document came in several copies for different recipients.
    more_copies: Map<DocId, Vec<DocIx>>,
    by_receiver: Map<DocId, (DocIx, u32)>,
    items: Map<u64, ItemRef>,
    reports: Vec<Option<Report>>,
    free_reports: Vec<u32>,
    next_number: u64,
    inboxes: Map<AgencyId, Inbox>,
    /// The newest document that each sender handed in here.
    sent: Map<AgencyId, DocIx>,
    /// Closed documents, oldest first.
    recent: VecDeque<DocIx>,
    /// Items waiting per neighbour.
    link_depth: BTreeMap<PlatformIx, usize>,
    duplicates: Duplicates,
    open_docs: usize,
}

impl Tracking {
    /// `seed` fixes the order inside hash maps; nothing depends on it but the time an attacker would need.
    pub fn new(limits: TrackingLimits, seed: u64) -> Self {
        let state = foldhash::fast::FixedState::with_seed(seed);
        Self {
            limits,
            docs: Vec::new(),
            free: Vec::new(),
            by_id: Map::with_hasher(state.clone()),
            more_copies: Map::with_hasher(state.clone()),
            by_receiver: Map::with_hasher(state.clone()),
            items: Map::with_hasher(state.clone()),
            reports: Vec::new(),
            free_reports: Vec::new(),
            next_number: 1,
            inboxes: Map::with_hasher(state.clone()),
            sent: Map::with_hasher(state.clone()),
            recent: VecDeque::new(),
            link_depth: BTreeMap::new(),
            duplicates: Duplicates::new(limits.duplicates_max, state),
            open_docs: 0,
        }
    }

    /// Applies one fact. `chunks` are the numbers of the body's chunks, for `Accepted`.
    pub fn apply(
        &mut self,
        ground: &Ground<'_>,
        fact: &Fact,
        chunks: Chunks,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        match fact {
            Fact::Accepted(accepted) => self.accepted(ground, accepted, chunks, effects),
            Fact::HandedOn(handed) => self.handed_on(handed, effects),
            Fact::Attempted(attempted) => self.attempted(ground, attempted, effects),
            Fact::Confirmed(confirmed) => self.confirmed(ground, confirmed, effects),
            Fact::Progressed(news) => self.progressed(ground, news, effects),
            Fact::Expired(expired) => self.expired(ground, expired, effects),
            // The directory is folded once per process, beside the platforms (`pipeline/route`).
            Fact::AgencyRegistered(_)
            | Fact::AgencyRemoved(_)
            | Fact::AgencyLocked(_)
            | Fact::ServiceChanged(_) => Verdict::Applied,
        }
    }

    pub fn doc(&self, id: DocId) -> Option<&Doc> {
        self.doc_at(*self.by_id.get(&id)?)
    }

    /// Every copy of a document here: a document may arrive in several, for different recipients.
    pub fn copies(&self, id: DocId) -> Vec<&Doc> {
        self.copies_ix(id).into_iter().filter_map(|ix| self.doc_at(ix)).collect()
    }

    fn copies_ix(&self, id: DocId) -> Vec<DocIx> {
        let more = self.more_copies.get(&id).into_iter().flatten();
        self.by_id.get(&id).into_iter().chain(more).copied().collect()
    }

    fn add_copy(&mut self, id: DocId, ix: DocIx) {
        if *self.by_id.entry(id).or_insert(ix) != ix {
            self.more_copies.entry(id).or_default().push(ix);
        }
    }

    /// The next copy, if there is one, stands for the document from now on.
    fn drop_copy(&mut self, id: DocId, ix: DocIx) {
        if self.more_copies.is_empty() {
            if let Entry::Occupied(known) = self.by_id.entry(id)
                && *known.get() == ix
            {
                known.remove();
            }
            return;
        }
        let mut next = None;
        if let Some(more) = self.more_copies.get_mut(&id) {
            more.retain(|other| *other != ix);
            if self.by_id.get(&id) == Some(&ix) && !more.is_empty() {
                next = Some(more.remove(0));
            }
            if more.is_empty() {
                self.more_copies.remove(&id);
            }
        }
        if self.by_id.get(&id) == Some(&ix) {
            match next {
                Some(next) => drop(self.by_id.insert(id, next)),
                None => drop(self.by_id.remove(&id)),
            }
        }
    }

    /// The delivery that has this receiver's DocId.
    pub fn delivery(&self, receiver: DocId) -> Option<(&Doc, &Delivery)> {
        let (ix, place) = *self.by_receiver.get(&receiver)?;
        let doc = self.doc_at(ix)?;
        Some((doc, doc.deliveries.get(place as usize)?))
    }

    /// What stands behind a leased number.
    pub fn carried(&self, number: u64) -> Option<Carried<'_>> {
        match *self.items.get(&number)? {
            ItemRef::Delivery(ix, place) => {
                let doc = self.doc_at(ix)?;
                Some(Carried::Delivery { doc, delivery: doc.deliveries.get(place as usize)? })
            }
            ItemRef::Report(slot) => self.reports.get(slot as usize)?.as_ref().map(Carried::Report),
        }
    }

    /// The DocId under which the same file, or another one with the same DocumentId, was accepted before.
    pub fn known_as(&self, sender: AgencyId, accepted: &Record) -> Option<Verdict> {
        self.duplicates.judge(sender, accepted)
    }

    /// The document with this order key, if it is known in memory.
    pub fn doc_by_key(&self, key: u64) -> Option<&Doc> {
        self.doc(self.duplicates.document(key)?)
    }

    /// The number that the next mailbox item will have.
    pub const fn next_number(&self) -> u64 {
        self.next_number
    }

    pub const fn open_docs(&self) -> usize {
        self.open_docs
    }

    fn doc_at(&self, ix: DocIx) -> Option<&Doc> {
        self.docs.get(ix.0 as usize)?.as_ref()
    }

    fn doc_at_mut(&mut self, ix: DocIx) -> Option<&mut Doc> {
        self.docs.get_mut(ix.0 as usize)?.as_mut()
    }

    fn take_number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "documents in memory are bounded far below 2^32"
    )]
    fn insert_doc(&mut self, doc: Doc) -> DocIx {
        if let Some(slot) = self.free.pop() {
            if let Some(place) = self.docs.get_mut(slot as usize) {
                *place = Some(doc);
            }
            return DocIx(slot);
        }
        self.docs.push(Some(doc));
        DocIx(self.docs.len() as u32 - 1)
    }

    /// A delivery is over here. Closes the document with its last one, and forgets the oldest closed ones.
    fn close_delivery(&mut self, ix: DocIx, place: u32) {
        let Some(doc) = self.doc_at_mut(ix) else { return };
        let Some(delivery) = doc.deliveries.get_mut(place as usize) else { return };
        if std::mem::replace(&mut delivery.is_closed, true) {
            return;
        }
        doc.open = doc.open.saturating_sub(1);
        if doc.open == 0 {
            self.close_doc(ix);
        }
    }

    fn close_doc(&mut self, ix: DocIx) {
        self.open_docs = self.open_docs.saturating_sub(1);
        self.recent.push_back(ix);
        while self.recent.len() > self.limits.recent_documents_max {
            let Some(oldest) = self.recent.pop_front() else { break };
            self.forget(oldest);
        }
    }

    fn forget(&mut self, ix: DocIx) {
        let Some(doc) = self.docs.get_mut(ix.0 as usize).and_then(Option::take) else { return };
        self.free.push(ix.0);
        self.drop_copy(doc.id, ix);
        for delivery in &doc.deliveries {
            self.by_receiver.remove(&delivery.receiver);
        }
        self.drop_sent(&doc);
    }

    /// A report toward where the sender handed the document in.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "reports in memory are bounded far below 2^32"
    )]
    fn enqueue_report(&mut self, ground: &Ground<'_>, news: Progressed, effects: &mut Vec<Effect>) {
        let Some(to) = ground.routes.link_to_platform(ground.here, &news.origin) else { return };
        let number = self.take_number();
        let key = receiver_key(&news.receiver);
        let bytes = 128 + 64 * news.hops.len() as u32;
        let report = Report { to, news: Arc::new(news) };
        let slot = if let Some(slot) = self.free_reports.pop() {
            if let Some(place) = self.reports.get_mut(slot as usize) {
                *place = Some(report);
            }
            slot
        } else {
            self.reports.push(Some(report));
            self.reports.len() as u32 - 1
        };
        self.items.insert(number, ItemRef::Report(slot));
        *self.link_depth.entry(to).or_default() += 1;
        effects.push(Effect::Enqueue {
            to: Destination::Link(to),
            number,
            key,
            urgent: false,
            bytes,
        });
    }
}

/// Reports about one delivery stay in order.
fn receiver_key(receiver: &Bytes) -> u64 {
    DocId::from_slice(receiver).map_or(0, |id| {
        let [_, _, _, _, _, _, _, _, low @ ..] = id.to_bytes();
        u64::from_be_bytes(low)
    })
}
