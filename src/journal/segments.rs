//! `SegmentJournal`: the journal in segment files of one folder.

use super::checkpoint::Checkpoints;
use super::cursor::Cursor;
use super::keeper::Keeper;
use super::options::{JournalOptions, OpenError, Recovery};
use super::queue::Queue;
use super::recovery::{Recovered, recover};
use super::shelf::Shelf;
use super::storage::{Directory, Storage};
use super::tail::{Next, Tail};
use super::writer::{Threads, Writer};
use super::{
    AppendError, Batch, DurableBatch, Health, Journal, Lookup, Read, ReadError, Seq, StoredFact,
};
use crate::clock::{Clock, Timestamp};
use crate::domain::fact::PlatformId;
use bytes::Bytes;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Contract beyond `Journal`'s: one process per folder; `Seq` is a place in a file, so numbers have gaps.
/// Methods that read the disk do so on tokio's blocking threads.
pub struct SegmentJournal<S: Storage = Directory> {
    shared: Arc<Shared<S>>,
    cursor: Arc<Mutex<Cursor<S>>>,
    threads: Mutex<Option<Threads>>,
}

/// What the two threads and the callers share.
pub(super) struct Shared<S: Storage> {
    pub(super) storage: S,
    pub(super) options: JournalOptions,
    pub(super) queue: Queue,
    pub(super) tail: Tail,
    pub(super) shelf: Shelf<S>,
    pub(super) keeper: Keeper<S>,
    pub(super) now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    pub(super) flushed_at: AtomicU64,
    pub(super) checkpoints: Checkpoints<S>,
}

impl SegmentJournal {
    pub fn open(
        options: JournalOptions,
        clock: Arc<impl Clock>,
    ) -> Result<(Self, Recovery), OpenError> {
        let directory = Directory::open(&options.dir)?;
        Self::open_on(directory, options, clock)
    }
}

impl<S: Storage> SegmentJournal<S> {
    /// Opens the journal that lives in `storage`; `options.dir` is not looked at.
    pub fn open_on(
        storage: S,
        options: JournalOptions,
        clock: Arc<impl Clock>,
    ) -> Result<(Self, Recovery), OpenError> {
        let (shared, writer, report) = Shared::open(storage, options, clock)?;
        let threads = Threads::start(writer)?;
        let cursor = Arc::new(Mutex::new(Cursor::new()));
        Ok((Self { shared, cursor, threads: Mutex::new(Some(threads)) }, report))
    }

    /// Runs what reads or writes the disk where it holds nobody up.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared<S>) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.map_err(|gone| ReadError::Io(std::io::Error::other(gone)))?
    }

    async fn read_disk(
        &self,
        after: Seq,
        limit: usize,
        durable: super::tail::Position,
    ) -> Result<Vec<DurableBatch>, ReadError> {
        let cursor = Arc::clone(&self.cursor);
        self.on_disk(move |shared| {
            cursor.lock().read(&shared.shelf, &shared.tail, after, limit, durable)
        })
        .await
    }
}

impl<S: Storage> Shared<S> {
    /// Everything but the threads.
    pub(super) fn open(
        storage: S,
        options: JournalOptions,
        clock: Arc<impl Clock>,
    ) -> Result<(Arc<Self>, Writer<S>, Recovery), OpenError> {
        let options = options.bounded();
        let Recovered { checkpoints, active, last, durable, numbers, mut report } =
            recover(&storage, &options, clock.now())?;
        report.end = last;
        let names = storage.names()?;
        let (spares, segment_bytes) = (options.spare_segments, options.segment_bytes);
        let keeper = Keeper::new(storage.clone(), segment_bytes, spares, &names)?;
        let sealed = numbers.iter().take(numbers.len().saturating_sub(1));
        sealed.for_each(|number| keeper.index(*number, None));
        let queue =
            Queue::new(options.batch_bytes_max, options.queue_bytes_max, options.queue_batches_max);
        let shared = Arc::new(Self {
            queue,
            tail: Tail::new(options.tail_bytes_max, last, durable),
            shelf: Shelf::new(storage.clone(), numbers, segment_bytes),
            keeper,
            flushed_at: AtomicU64::new(0),
            now: Box::new(move || clock.now()),
            checkpoints,
            storage,
            options,
        });
        let writer = Writer::new(Arc::clone(&shared), active);
        Ok((shared, writer, report))
    }
}

impl<S: Storage> Journal for SegmentJournal<S> {
    async fn append(&self, batch: Batch) -> Result<(), AppendError> {
        self.shared.queue.push(batch).await
    }

    async fn read(&self, after: Seq, limit: usize) -> Read {
        loop {
            match self.shared.tail.next(after, limit) {
                Next::Batches(batches) => return Read::Durable(batches),
                Next::Closed(tickets) => return Read::Closed(tickets),
                Next::Nothing => self.shared.tail.news().await,
                Next::OnDisk(durable) => match self.read_disk(after, limit, durable).await {
                    Ok(batches) if !batches.is_empty() => return Read::Durable(batches),
                    Ok(_nothing) => {
                        tracing::error!(?after, "the journal on disk ends before its end");
                        return Read::Closed(self.shared.queue.abandon());
                    }
                    Err(error) => {
                        tracing::error!(?after, %error, "the journal cannot be read");
                        return Read::Closed(self.shared.queue.abandon());
                    }
                },
            }
        }
    }

    async fn chunk(&self, seq: Seq) -> Result<Bytes, ReadError> {
        match self.shared.tail.chunk(seq) {
            Some(found) => found.ok_or(ReadError::Gone(seq)),
            None => self.on_disk(move |shared| shared.shelf.chunk(seq)).await,
        }
    }

    async fn find(
        &self,
        platform: Option<PlatformId>,
        what: Lookup,
        limit: usize,
    ) -> Result<Vec<StoredFact>, ReadError> {
        self.on_disk(move |shared| shared.shelf.find(platform, what, limit)).await
    }

    async fn checkpoint(&self, upto: Seq, state: Bytes) -> Result<(), ReadError> {
        if self.shared.tail.durable().is_before(upto) {
            return Err(ReadError::Gone(upto));
        }
        self.on_disk(move |shared| shared.checkpoints.write(upto, &state)).await
    }

    async fn last_checkpoint(&self) -> Result<Option<(Seq, Bytes)>, ReadError> {
        self.on_disk(|shared| shared.checkpoints.last()).await
    }

    async fn reclaim(&self, before: Timestamp, pinned: &[Seq]) -> Result<u64, ReadError> {
        debug_assert!(pinned.is_sorted());
        let pinned = pinned.to_vec();
        self.on_disk(move |shared| match shared.checkpoints.oldest_upto() {
            Some(upto) => shared.shelf.reclaim(before, &pinned, upto, &shared.keeper),
            None => Ok(0),
        })
        .await
    }

    fn health(&self) -> Health {
        let shared = &self.shared;
        Health {
            disk_bytes: shared.shelf.bytes() + shared.checkpoints.bytes(),
            disk_bytes_max: shared.options.disk_bytes_max,
            queued: shared.queue.len(),
            is_closed: shared.queue.is_closed(),
            last_flush_at: Timestamp(shared.flushed_at.load(Ordering::Relaxed)),
        }
    }

    async fn close(&self) {
        self.shared.queue.close();
        let Some(threads) = self.threads.lock().take() else { return };
        let shared = Arc::clone(&self.shared);
        if tokio::task::spawn_blocking(move || threads.stop(&shared)).await.is_err() {
            tracing::error!("the journal's threads could not be waited for");
        }
    }
}

impl<S: Storage> Drop for SegmentJournal<S> {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.get_mut().take() {
            threads.stop(&self.shared);
        }
    }
}

impl<S: Storage> fmt::Debug for SegmentJournal<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentJournal")
            .field("dir", &self.shared.options.dir)
            .finish_non_exhaustive()
    }
}
