//! The `Journal` of one simulated process over its `Disk`: group commit, back-pressure, and every way to fail.

use super::disk::{CrashPoint, Disk, Fate};
use crate::clock::{Clock, Timestamp};
use crate::domain::fact::PlatformId;
use crate::journal::{
    AppendError, Batch, DurableBatch, Health, Journal, Lookup, Read, ReadError, Seq, StoredFact,
    Ticket,
};
use crate::sim::clock::SimClock;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// How the disk behaves when nothing goes wrong.
#[derive(Clone, Copy, Debug)]
pub struct DiskOptions {
    pub flush: Duration,
    pub batch_bytes_max: usize,
    pub queue_batches_max: usize,
    pub segment_entries: usize,
    pub disk_bytes_max: u64,
}

impl Default for DiskOptions {
    fn default() -> Self {
        Self {
            flush: Duration::from_micros(800),
            batch_bytes_max: 256 << 10,
            queue_batches_max: 256,
            segment_entries: 512,
            disk_bytes_max: 1 << 40,
        }
    }
}

/// Called when the power goes: ends the process before anything else happens in it.
pub(super) type Fuse = Arc<dyn Fn() + Send + Sync>;

pub struct SimJournal {
    disk: Arc<Disk>,
    clock: SimClock,
    options: DiskOptions,
    fuse: Fuse,
    desk: Mutex<Desk>,
    room: Semaphore,
    work: Notify,
    news: Notify,
    over: Notify,
}

/// What only this process knows.
#[derive(Debug, Default)]
struct Desk {
    queue: VecDeque<Batch>,
    unknown: Vec<Batch>,
    /// Who waits for the durable batch that begins here.
    tickets: BTreeMap<Seq, Ticket>,
    is_closing: bool,
    closed: Option<Vec<Ticket>>,
    last_flush_at: Timestamp,
}

impl SimJournal {
    pub(super) fn new(disk: Arc<Disk>, clock: SimClock, options: DiskOptions, fuse: Fuse) -> Self {
        Self {
            disk,
            clock,
            options,
            fuse,
            desk: Mutex::default(),
            room: Semaphore::new(options.queue_batches_max),
            work: Notify::new(),
            news: Notify::new(),
            over: Notify::new(),
        }
    }

    /// The writer: flushes whatever has gathered, one group after the other.
    pub(super) async fn write(&self) {
        loop {
            let group = self.gather();
            if group.is_empty() {
                if self.desk.lock().is_closing {
                    self.close_for_ever(Vec::new());
                    return;
                }
                self.work.notified().await;
                continue;
            }
            let fate = self.disk.begin_flush(group);
            if fate == Fate::Crash(CrashPoint::BeforeFlush) {
                self.disk.drop_flush();
                self.crash().await;
            }
            self.clock.sleep_until(self.clock.now().plus(self.options.flush)).await;
            match fate {
                Fate::Durable => self.land(true),
                Fate::Unknown { is_durable } => self.lose_sight(is_durable),
                Fate::Crash(CrashPoint::AfterFlush) => {
                    self.land(false);
                    self.crash().await;
                }
                Fate::Crash(_) => self.crash().await,
                Fate::Fail => {
                    let tickets = self.disk.fail_flush();
                    self.close_for_ever(tickets);
                    return;
                }
            }
            self.desk.lock().last_flush_at = self.clock.now();
            self.news.notify_one();
        }
    }

    fn gather(&self) -> Vec<Batch> {
        let mut desk = self.desk.lock();
        let (mut group, mut bytes) = (Vec::new(), 0);
        while let Some(next) = desk.queue.front() {
            bytes += batch_bytes(next);
            if !group.is_empty() && bytes > self.options.batch_bytes_max {
                break;
            }
            group.extend(desk.queue.pop_front());
        }
        drop(desk);
        self.room.add_permits(group.len());
        group
    }

    fn land(&self, is_told: bool) {
        let landed = self.disk.finish_flush();
        if is_told {
            self.desk.lock().tickets.extend(landed.into_iter().filter(|(_, t)| *t != Ticket(0)));
        }
    }

    /// The answer of the disk got lost: durable or not, the reader is to append it again.
    fn lose_sight(&self, is_durable: bool) {
        let batches = self.disk.drop_flush();
        if is_durable {
            self.disk.begin_again(batches.clone());
            self.land(false);
        }
        self.desk.lock().unknown.extend(batches);
    }

    /// The process is gone when this returns to the executor.
    async fn crash(&self) {
        (self.fuse)();
        std::future::pending::<()>().await;
    }

    fn close_for_ever(&self, mut tickets: Vec<Ticket>) {
        self.room.close();
        {
            let mut desk = self.desk.lock();
            tickets.extend(desk.queue.drain(..).map(|batch| batch.ticket));
            desk.closed = Some(tickets);
        }
        self.news.notify_one();
        self.over.notify_waiters();
    }

    fn next(&self, after: Seq, limit: usize) -> Option<Read> {
        let mut desk = self.desk.lock();
        if !desk.unknown.is_empty() {
            return Some(Read::Unknown(std::mem::take(&mut desk.unknown)));
        }
        let mut batches: Vec<DurableBatch> = self.disk.batches(after, limit.max(1));
        if !batches.is_empty() {
            for batch in &mut batches {
                batch.ticket = desk.tickets.remove(&batch.first()).unwrap_or_default();
            }
            return Some(Read::Durable(batches));
        }
        desk.closed.clone().map(Read::Closed)
    }
}

impl Journal for SimJournal {
    async fn append(&self, batch: Batch) -> Result<(), AppendError> {
        if batch.entries.is_empty() {
            return Err(AppendError::Empty);
        }
        let bytes = batch_bytes(&batch);
        if bytes > self.options.batch_bytes_max * 2 {
            let bytes_max = u32::try_from(self.options.batch_bytes_max * 2).unwrap_or(u32::MAX);
            return Err(AppendError::TooLarge { bytes, bytes_max });
        }
        let permit = self.room.acquire().await.map_err(|_closed| AppendError::Closed)?;
        let mut desk = self.desk.lock();
        if desk.is_closing || desk.closed.is_some() {
            return Err(AppendError::Closed);
        }
        permit.forget();
        desk.queue.push_back(batch);
        drop(desk);
        self.work.notify_one();
        Ok(())
    }

    async fn read(&self, after: Seq, limit: usize) -> Read {
        loop {
            if let Some(read) = self.next(after, limit) {
                return read;
            }
            self.news.notified().await;
        }
    }

    async fn chunk(&self, seq: Seq) -> Result<Bytes, ReadError> {
        self.disk.chunk(seq).ok_or(ReadError::Gone(seq))
    }

    async fn find(
        &self,
        platform: Option<PlatformId>,
        what: Lookup,
        limit: usize,
    ) -> Result<Vec<StoredFact>, ReadError> {
        let mut found = self.disk.find(what);
        found.retain(|stored| platform.is_none_or(|wanted| stored.entry.platform == wanted));
        found.truncate(limit);
        Ok(found)
    }

    async fn checkpoint(&self, upto: Seq, state: Bytes) -> Result<(), ReadError> {
        if upto > self.disk.end() {
            return Err(ReadError::Gone(upto));
        }
        let fate = self.disk.begin_checkpoint();
        self.clock.sleep_until(self.clock.now().plus(self.options.flush)).await;
        match fate {
            Fate::Crash(CrashPoint::AfterFlush) => {
                self.disk.keep_checkpoint(upto, state);
                self.crash().await;
            }
            Fate::Crash(_) => self.crash().await,
            Fate::Fail => return Err(ReadError::Io(std::io::Error::other("no space left"))),
            Fate::Durable | Fate::Unknown { .. } => self.disk.keep_checkpoint(upto, state),
        }
        Ok(())
    }

    async fn last_checkpoint(&self) -> Result<Option<(Seq, Bytes)>, ReadError> {
        Ok(self.disk.last_checkpoint())
    }

    async fn reclaim(&self, before: Timestamp, pinned: &[Seq]) -> Result<u64, ReadError> {
        Ok(self.disk.reclaim(before, pinned))
    }

    fn health(&self) -> Health {
        let desk = self.desk.lock();
        Health {
            disk_bytes: self.disk.bytes(),
            disk_bytes_max: self.options.disk_bytes_max,
            queued: desk.queue.len(),
            is_closed: desk.closed.is_some(),
            last_flush_at: desk.last_flush_at,
        }
    }

    async fn close(&self) {
        let over = self.over.notified();
        {
            let mut desk = self.desk.lock();
            if desk.closed.is_some() {
                return;
            }
            desk.is_closing = true;
        }
        self.work.notify_one();
        over.await;
    }
}

impl fmt::Debug for SimJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimJournal").field("health", &self.health()).finish_non_exhaustive()
    }
}

fn batch_bytes(batch: &Batch) -> usize {
    batch.entries.iter().map(crate::journal::Entry::encoded_len).sum()
}
