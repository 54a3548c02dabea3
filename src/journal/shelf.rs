//! All segments of the journal by number: reading single entries, looking facts up, giving segments back.
//!
//! Invariant: memory per segment is small and bounded, and a start waits for nothing that stands before the
//! checkpoint: the keeper loads indexes behind its back, and a look-up loads those that it finds missing.

use super::entry::{Content, Entry, HEAD_BYTES, Head};
use super::index::{self, Gathered, Summary};
use super::keeper::Keeper;
use super::segment::{FIRST_BATCH_AT, Header, file_name, seed_of};
use super::storage::{Storage, StorageFile};
use super::{Lookup, ReadError, Seq, StoredFact};
use crate::clock::Timestamp;
use crate::domain::fact::{Fact, PlatformId};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

#[derive(Debug)]
pub(super) struct Shelf<S> {
    storage: S,
    /// The last one is the open one.
    segments: Mutex<BTreeMap<u32, Arc<Segment>>>,
    /// What a segment takes before its header was read.
    segment_bytes: u64,
    /// What segments and their indexes take: every document asks, and there may be hundreds of segments.
    bytes: AtomicU64,
}

#[derive(Debug)]
pub(super) struct Segment {
    number: u32,
    header: OnceLock<Header>,
    summary: Mutex<Option<Arc<Summary>>>,
}

impl<S: Storage> Shelf<S> {
    pub(super) fn new(
        storage: S,
        numbers: impl IntoIterator<Item = u32>,
        segment_bytes: u32,
    ) -> Self {
        let segments = numbers.into_iter().map(|number| (number, Segment::shared(number)));
        let segments = Mutex::new(segments.collect());
        let (segment_bytes, bytes) = (segment_bytes.into(), AtomicU64::new(0));
        let shelf = Self { storage, segments, segment_bytes, bytes };
        shelf.count_bytes();
        shelf
    }

    /// From now on this is the open segment.
    pub(super) fn add(&self, number: u32) {
        self.segments.lock().insert(number, Segment::shared(number));
        self.count_bytes();
    }

    /// The first segment at or behind `number`.
    pub(super) fn at_or_behind(&self, number: u32) -> Option<u32> {
        self.segments.lock().range(number..).next().map(|(number, _)| *number)
    }

    /// A segment's file with its header.
    pub(super) fn open(&self, number: u32) -> Result<(S::File, Header), ReadError> {
        let gone = ReadError::Gone(Seq::at(number, 0));
        let Some(segment) = self.segments.lock().get(&number).cloned() else { return Err(gone) };
        self.open_segment(&segment)
    }

    fn open_segment(&self, segment: &Segment) -> Result<(S::File, Header), ReadError> {
        let seq = Seq::at(segment.number, 0);
        let file = match self.storage.open(&file_name(segment.number)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ReadError::Gone(seq));
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(header) = segment.header.get() {
            return Ok((file, *header));
        }
        let header = Header::read(&file)?.or(Err(ReadError::Damaged(seq)))?;
        if header.number != segment.number {
            return Err(ReadError::Damaged(seq));
        }
        Ok((file, *segment.header.get_or_init(|| header)))
    }

    /// The chunk at `seq`, which must be durable.
    pub(super) fn chunk(&self, seq: Seq) -> Result<Bytes, ReadError> {
        let (number, offset) = seq.place();
        let (file, header) = self.open(number).map_err(|error| match error {
            ReadError::Gone(_) => ReadError::Gone(seq),
            ReadError::Damaged(_) | ReadError::Io(_) => error,
        })?;
        match self.entry(&file, &header, offset)?.0.content {
            Content::Chunk(bytes) => Ok(bytes),
            Content::Fact(_) => Err(ReadError::Gone(seq)),
        }
    }

    /// One entry: a first read that is enough for nearly every fact, a second one for the rest of a chunk.
    fn entry(
        &self,
        file: &S::File,
        header: &Header,
        offset: u32,
    ) -> Result<(Entry, Head), ReadError> {
        let seq = Seq::at(header.number, offset);
        let room = header.bytes.saturating_sub(u64::from(offset));
        if offset < FIRST_BATCH_AT || room < HEAD_BYTES as u64 {
            return Err(ReadError::Gone(seq));
        }
        let first = usize::try_from(room.min(FIRST_READ_BYTES)).unwrap_or(HEAD_BYTES);
        let mut bytes = vec![0; first];
        file.read_at(&mut bytes, u64::from(offset))?;
        let damaged = || self.damaged(seq);
        let length = Head::parse(&bytes).ok_or_else(damaged)?.len();
        if length as u64 > room {
            return Err(damaged());
        }
        bytes.resize(length, 0);
        if let Some(rest) = bytes.get_mut(first..) {
            file.read_at(rest, u64::from(offset) + first as u64)?;
        }
        let bytes = Bytes::from(bytes);
        let head =
            Head::check(&bytes, seed_of(header.epoch) ^ offset).map_err(|_damaged| damaged())?;
        let entry = head.decode(&bytes).map_err(|_damaged| damaged())?;
        Ok((entry, head))
    }

    // A segment that was reclaimed while it was read holds something else now.
    fn damaged(&self, seq: Seq) -> ReadError {
        if self.segments.lock().contains_key(&seq.place().0) {
            ReadError::Damaged(seq)
        } else {
            ReadError::Gone(seq)
        }
    }

    pub(super) fn find(
        &self,
        platform: Option<PlatformId>,
        what: Lookup,
        limit: usize,
    ) -> Result<Vec<StoredFact>, ReadError> {
        let mut facts = Vec::new();
        for segment in self.sealed() {
            match self.find_in(&segment, platform, what, limit, &mut facts) {
                // It was reclaimed meanwhile.
                Err(ReadError::Gone(_)) if !self.holds(segment.number) => {}
                other => other?,
            }
            if facts.len() >= limit {
                break;
            }
        }
        Ok(facts)
    }

    fn find_in(
        &self,
        segment: &Segment,
        platform: Option<PlatformId>,
        what: Lookup,
        limit: usize,
        facts: &mut Vec<StoredFact>,
    ) -> Result<(), ReadError> {
        let summary = self.summary(segment)?;
        if !summary.may_hold(what) {
            return Ok(());
        }
        let offsets = match self.look(segment, &summary, platform, what) {
            Ok(offsets) => offsets,
            Err(_damaged_or_missing) => {
                let rebuilt = self.rebuild(segment)?;
                self.look(segment, &rebuilt, platform, what)?
            }
        };
        if offsets.is_empty() {
            return Ok(());
        }
        let (file, header) = self.open_segment(segment)?;
        for offset in offsets.into_iter().take(limit.saturating_sub(facts.len())) {
            let (mut entry, head) = self.entry(&file, &header, offset)?;
            self.resolve(&file, &header, offset, head, &mut entry)?;
            facts.push(StoredFact { seq: Seq::at(segment.number, offset), entry });
        }
        Ok(())
    }

    fn look(
        &self,
        segment: &Segment,
        summary: &Summary,
        platform: Option<PlatformId>,
        what: Lookup,
    ) -> io::Result<Vec<u32>> {
        let file = self.storage.open(&index::file_name(segment.number))?;
        summary.look(&file, platform, what)
    }

    /// Names the chunks that stand directly before an `Accepted` in its batch.
    fn resolve(
        &self,
        file: &S::File,
        header: &Header,
        offset: u32,
        head: Head,
        entry: &mut Entry,
    ) -> Result<(), ReadError> {
        let Content::Fact(Fact::Accepted(accepted)) = &mut entry.content else { return Ok(()) };
        let preceding = accepted.body.as_ref().map_or(0, |body| body.preceding);
        if preceding == 0 {
            return Ok(());
        }
        let damaged = || self.damaged(Seq::at(header.number, offset));
        let (mut chunks, mut at, mut back) = (Vec::new(), offset, head.back);
        for _ in 0..preceding {
            at = at.checked_sub(back).filter(|at| *at < offset).ok_or_else(damaged)?;
            chunks.push(Seq::at(header.number, at).0);
            let mut bytes = [0; HEAD_BYTES];
            file.read_at(&mut bytes, u64::from(at))?;
            back = Head::parse(&bytes).ok_or_else(damaged)?.back;
        }
        chunks.reverse();
        Arc::make_mut(accepted).place_body(chunks);
        Ok(())
    }

    /// Loads or builds the index of a sealed segment, so that the first look-up need not. What the writer has
    /// gathered spares reading the segment.
    pub(super) fn prepare(&self, number: u32, gathered: Option<Gathered>) -> Result<(), ReadError> {
        let segment = self.segments.lock().get(&number).cloned();
        segment.map_or(Ok(()), |segment| self.summary_from(&segment, gathered).map(drop))
    }

    fn summary(&self, segment: &Segment) -> Result<Arc<Summary>, ReadError> {
        self.summary_from(segment, None)
    }

    fn summary_from(
        &self,
        segment: &Segment,
        gathered: Option<Gathered>,
    ) -> Result<Arc<Summary>, ReadError> {
        let mut kept = segment.summary.lock();
        if let Some(summary) = &*kept {
            return Ok(Arc::clone(summary));
        }
        let (file, header) = self.open_segment(segment)?;
        let summary = match (Summary::load(&self.storage, &header)?, gathered) {
            (Some(summary), _) => summary,
            (None, Some(gathered)) => Summary::write(&self.storage, &header, gathered)?,
            (None, None) => Summary::build(&self.storage, &header, file)?,
        };
        let summary = Arc::clone(kept.insert(Arc::new(summary)));
        drop(kept);
        self.count_bytes();
        Ok(summary)
    }

    fn rebuild(&self, segment: &Segment) -> Result<Arc<Summary>, ReadError> {
        tracing::warn!(segment = segment.number, "journal index is damaged, building it again");
        let mut kept = segment.summary.lock();
        let (file, header) = self.open_segment(segment)?;
        let summary = Summary::build(&self.storage, &header, file)?;
        Ok(Arc::clone(kept.insert(Arc::new(summary))))
    }

    /// Gives back what is older than `before`, needed by no checkpoint and not pinned. Returns the bytes.
    pub(super) fn reclaim(
        &self,
        before: Timestamp,
        pinned: &[Seq],
        upto: Seq,
        keeper: &Keeper<S>,
    ) -> Result<u64, ReadError> {
        let (mut freed, mut spares) = (0, Vec::new());
        for segment in self.sealed() {
            let number = segment.number;
            if Seq::at(number, 0) > upto || is_pinned(number, pinned) {
                continue;
            }
            let summary = self.summary(&segment)?;
            if summary.last_at >= before || summary.last_seq(number) > upto {
                continue;
            }
            let bytes = self.open_segment(&segment)?.1.bytes;
            self.segments.lock().remove(&number);
            self.count_bytes();
            self.storage.remove(&index::file_name(number))?;
            match keeper.spare_name(bytes, spares.len()) {
                Some(spare) => {
                    self.storage.rename(&file_name(number), &spare)?;
                    spares.push(spare);
                }
                None => self.storage.remove(&file_name(number))?,
            }
            freed += bytes + summary.bytes;
        }
        // Before a spare is written to, it must not be found under its old name any more.
        self.storage.sync_names()?;
        keeper.give(spares);
        Ok(freed)
    }

    /// What segments and their indexes take.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn count_bytes(&self) {
        let segments = self.segments.lock();
        let sizes = segments.values().map(|segment| {
            let index = segment.summary.try_lock().and_then(|kept| Some(kept.as_ref()?.bytes));
            let header = segment.header.get();
            header.map_or(self.segment_bytes, |header| header.bytes) + index.unwrap_or(0)
        });
        self.bytes.store(sizes.sum(), Ordering::Relaxed);
    }

    fn sealed(&self) -> Vec<Arc<Segment>> {
        let segments = self.segments.lock();
        let open = segments.keys().next_back().copied().unwrap_or(0);
        let sealed = segments.range((Bound::Unbounded, Bound::Excluded(open)));
        sealed.map(|(_, segment)| Arc::clone(segment)).collect()
    }

    fn holds(&self, number: u32) -> bool {
        self.segments.lock().contains_key(&number)
    }
}

impl Segment {
    fn shared(number: u32) -> Arc<Self> {
        Arc::new(Self { number, header: OnceLock::new(), summary: Mutex::new(None) })
    }
}

fn is_pinned(number: u32, pinned: &[Seq]) -> bool {
    let first = pinned.partition_point(|seq| *seq < Seq::at(number, 0));
    pinned.get(first).is_some_and(|seq| seq.place().0 == number)
}

const FIRST_READ_BYTES: u64 = 8 << 10;
