//! The one thread that writes: takes all that waits, one write and one flush for it, then one wake-up.
//!
//! There is no timed delay: others who can run go first (`queue.rs`), then all that waits is one flush, and what gathers
//! meanwhile is the next.
//!
//! Invariant: a batch is shown to anybody only after its flush has returned. After a write or flush that failed
//! nothing is written any more: what the disk then holds is not known, and the next start finds out.

use super::index::Gathered;
use super::queue::Queued;
use super::segment::{
    BATCH_HEAD_BYTES, BatchHead, FIRST_BATCH_AT, Header, PAGE_BYTES, Scanner, file_name, seed_of,
};
use super::segments::Shared;
use super::storage::{Storage, StorageFile};
use super::tail::{Kept, Position};
use super::{DurableBatch, Entry, Seq};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

pub(super) struct Writer<S: Storage> {
    shared: Arc<Shared<S>>,
    active: Active<S::File>,
    /// One flush, encoded; used again and again.
    buffer: Vec<u8>,
    taken: Vec<Queued>,
    /// What the flush under way makes durable.
    pub(super) encoded: Vec<Kept>,
    evicted: Vec<Kept>,
}

impl<S: Storage> Writer<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, active: Active<S::File>) -> Self {
        let (taken, encoded, evicted) = (Vec::new(), Vec::new(), Vec::new());
        Self { shared, active, buffer: Vec::new(), taken, encoded, evicted }
    }

    fn run(mut self) {
        while self.turn() {}
    }

    /// One flush: waits for something to write, writes it and shows it. False when that was the last.
    pub(super) fn turn(&mut self) -> bool {
        let shared = Arc::clone(&self.shared);
        if !shared.queue.take(&mut self.taken) {
            return false;
        }
        if let Err(error) = self.flush() {
            tracing::error!(%error, "journal write failed, the journal is closed for ever");
            return false;
        }
        shared.flushed_at.store((shared.now)().0, Ordering::Relaxed);
        shared.tail.publish(&mut self.encoded, self.active.position(), &mut self.evicted);
        self.evicted.clear();
        true
    }

    fn flush(&mut self) -> io::Result<()> {
        let payload = self.taken.iter().map(|queued| queued.bytes).sum();
        if !self.active.has_room(payload) {
            self.roll()?;
        }
        let head = self.encode();
        let active = &mut self.active;
        active.file.write_at(&self.buffer, u64::from(active.at))?;
        active.file.sync()?;
        active.at = head.end(active.at);
        active.next_batch += 1;
        Ok(())
    }

    /// Moves `taken` to `encoded` and fills the buffer.
    fn encode(&mut self) -> BatchHead {
        let Self { active, buffer, taken, encoded, .. } = self;
        let seed = seed_of(active.header.epoch);
        let mut digest = crc32fast::Hasher::new_with_initial(seed);
        let mut count = 0;
        buffer.clear();
        buffer.extend_from_slice(&[0; BATCH_HEAD_BYTES as usize]);
        for queued in taken.drain(..) {
            let mut back = 0;
            let place = |entry: &Entry| {
                let start = low(buffer.len());
                let at = active.at + start;
                let crc = entry.encode(back, seed ^ at, buffer);
                if let Some(gathered) = &mut active.gathered {
                    gathered.add_entry(entry, at);
                }
                digest.update(&crc.to_le_bytes());
                back = low(buffer.len()) - start;
                count += 1;
                Seq::at(active.header.number, at)
            };
            let seqs = queued.entries.iter().map(place).collect();
            let batch = DurableBatch { ticket: queued.ticket, entries: queued.entries, seqs };
            encoded.push(Kept { batch, bytes: queued.bytes as usize });
        }
        let head = BatchHead {
            is_lost: false,
            epoch: active.header.epoch,
            number: active.next_batch,
            payload: low(buffer.len()) - BATCH_HEAD_BYTES,
            count,
            digest: digest.finalize(),
        };
        super::entry::put(buffer, 0, &head.encode(seed ^ active.at));
        // Whole pages, so that the kernel never reads an old page of a recycled file before it writes.
        let end = (active.at as usize + buffer.len()).next_multiple_of(PAGE_BYTES as usize);
        buffer.resize(end - active.at as usize, 0);
        head
    }

    fn roll(&mut self) -> io::Result<()> {
        let shared = &self.shared;
        let spare = shared.keeper.take_spare()?;
        let gathered = self.active.gathered.take();
        let former = &self.active;
        let header = Header {
            number: former.header.number + 1,
            bytes: u64::from(shared.options.segment_bytes),
            journal: former.header.journal,
            epoch: shared.storage.random()?,
            first_batch: former.next_batch,
            previous_epoch: former.header.epoch,
            previous_end: former.at,
            at: (shared.now)(),
        };
        let sealed = former.header.number;
        self.active = Active::start(&shared.storage, &spare, header)?;
        if let Some(last) = &gathered {
            self.active.gathered = Some(Gathered::like(last));
        }
        shared.shelf.add(header.number);
        shared.keeper.index(sealed, gathered);
        Ok(())
    }
}

// However the thread ends, nobody is left waiting.
impl<S: Storage> Drop for Writer<S> {
    fn drop(&mut self) {
        let encoded = self.encoded.iter().map(|kept| kept.batch.ticket);
        let taken = self.taken.iter().map(|queued| queued.ticket);
        let mut tickets: Vec<_> = encoded.chain(taken).collect();
        tickets.extend(self.shared.queue.abandon());
        self.shared.tail.close(tickets);
    }
}

/// The open segment.
pub(super) struct Active<F> {
    pub(super) header: Header,
    pub(super) next_batch: u64,
    /// Where the next batch goes.
    pub(super) at: u32,
    file: F,
    /// For its index; `None` when an earlier process began it.
    gathered: Option<Gathered>,
}

impl<F: StorageFile> Active<F> {
    /// Makes the empty file `name` the segment of this header. Durable when it returns.
    pub(super) fn start<S>(storage: &S, name: &str, header: Header) -> io::Result<Self>
    where
        S: Storage<File = F>,
    {
        let file = storage.open(name)?;
        file.write_at(&header.encode(), 0)?;
        file.sync()?;
        storage.rename(name, &file_name(header.number))?;
        storage.sync_names()?;
        let gathered = Some(Gathered::default());
        Ok(Self { next_batch: header.first_batch, at: FIRST_BATCH_AT, header, file, gathered })
    }

    /// Goes on where the scanner stopped.
    pub(super) fn resume(header: Header, scanner: Scanner<F>) -> Self {
        let (next_batch, at) = (scanner.number(), scanner.at());
        Self { header, next_batch, at, file: scanner.into_file(), gathered: None }
    }

    pub(super) const fn position(&self) -> Position {
        Position { segment: self.header.number, end: self.at }
    }

    fn has_room(&self, payload: u32) -> bool {
        let end = u64::from(self.at) + u64::from(BATCH_HEAD_BYTES) + u64::from(payload);
        end <= self.header.bytes
    }
}

/// The journal's own two threads.
#[derive(Debug)]
pub(super) struct Threads {
    writer: JoinHandle<()>,
    keeper: JoinHandle<()>,
}

impl Threads {
    pub(super) fn start<S: Storage>(writer: Writer<S>) -> io::Result<Self> {
        let shared = Arc::clone(&writer.shared);
        let keeping = Arc::clone(&shared);
        let keeper = std::thread::Builder::new()
            .name("journal-keeper".to_owned())
            .spawn(move || keeping.keeper.run(&keeping.shelf))?;
        let writer = std::thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || writer.run())
            .inspect_err(|_| shared.keeper.close())?;
        Ok(Self { writer, keeper })
    }

    /// Waits until what is queued is flushed and both have ended.
    pub(super) fn stop<S: Storage>(self, shared: &Shared<S>) {
        shared.queue.close();
        let writer = self.writer.join();
        // The writer may have needed one more segment; from here on nobody does.
        shared.keeper.close();
        if writer.and_then(|()| self.keeper.join()).is_err() {
            tracing::error!("a journal thread panicked");
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a flush is smaller than its segment")]
const fn low(bytes: usize) -> u32 {
    bytes as u32
}
