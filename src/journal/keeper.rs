//! What the journal does beside writing: keeps an empty segment file ready, and indexes sealed segments.
//!
//! A new file is filled with zeros piece by piece, each flushed, so that the writer's own flushes do not
//! wait behind 64 MiB. A reclaimed file is used as it is.

use super::index::Gathered;
use super::segment::PAGE_BYTES;
use super::shelf::Shelf;
use super::storage::{Storage, StorageFile};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;

#[derive(Debug)]
pub(super) struct Keeper<S> {
    storage: S,
    segment_bytes: u64,
    spares_max: usize,
    work: Mutex<Work>,
    wake: Condvar,
    ready: Condvar,
}

#[derive(Debug, Default)]
struct Work {
    spares: VecDeque<String>,
    names_given: u64,
    to_index: VecDeque<(u32, Option<Gathered>)>,
    is_closed: bool,
    failed: Option<io::Error>,
}

impl<S: Storage> Keeper<S> {
    /// Takes over the spare files that a former run left.
    pub(super) fn new(
        storage: S,
        segment_bytes: u32,
        spares_max: usize,
        names: &[String],
    ) -> io::Result<Self> {
        let segment_bytes = u64::from(segment_bytes);
        let mut work = Work::default();
        for name in names {
            let Some(number) = number_of(name) else { continue };
            work.names_given = work.names_given.max(number);
            if work.spares.len() <= spares_max && storage.open(name)?.bytes()? == segment_bytes {
                work.spares.push_back(name.clone());
            } else {
                storage.remove(name)?;
            }
        }
        let work = Mutex::new(work);
        let (wake, ready) = (Condvar::new(), Condvar::new());
        Ok(Self { storage, segment_bytes, spares_max, work, wake, ready })
    }

    /// The keeper's thread.
    pub(super) fn run(&self, shelf: &Shelf<S>) {
        loop {
            while self.turn(shelf) {}
            let mut work = self.work.lock();
            if work.is_closed {
                return;
            }
            if !work.has_any() {
                self.wake.wait(&mut work);
            }
        }
    }

    /// Does one thing that waits to be done. False when nothing does.
    pub(super) fn turn(&self, shelf: &Shelf<S>) -> bool {
        let mut work = self.work.lock();
        if work.is_closed {
            return false;
        }
        if work.wants_spare() {
            work.names_given += 1;
            let name = file_name(work.names_given);
            drop(work);
            self.make_spare(name);
            return true;
        }
        let next = work.to_index.pop_front();
        drop(work);
        let Some((number, gathered)) = next else { return false };
        if let Err(error) = shelf.prepare(number, gathered) {
            tracing::error!(segment = number, %error, "journal index was not written");
        }
        true
    }

    fn make_spare(&self, name: String) {
        let is_closed = || self.work.lock().is_closed;
        let filled = fill(&self.storage, self.segment_bytes, &name, is_closed);
        let mut work = self.work.lock();
        match filled {
            Ok(true) => work.spares.push_back(name),
            Ok(false) => {}
            Err(error) => work.failed = Some(error),
        }
        self.ready.notify_all();
    }

    /// An empty segment file; waits for it only if the disk cannot keep up with the writer.
    pub(super) fn take_spare(&self) -> io::Result<String> {
        let mut work = self.work.lock();
        // What failed before may go now; and if not, this time somebody needs to know.
        work.failed = None;
        loop {
            if let Some(spare) = work.spares.pop_front() {
                self.wake.notify_one();
                return Ok(spare);
            }
            if let Some(error) = work.failed.take() {
                return Err(error);
            }
            if work.is_closed {
                return Err(io::ErrorKind::Interrupted.into());
            }
            self.wake.notify_one();
            self.ready.wait(&mut work);
        }
    }

    /// The name under which a reclaimed file of this size is kept, if more spares are wanted.
    pub(super) fn spare_name(&self, bytes: u64, promised: usize) -> Option<String> {
        let mut work = self.work.lock();
        if bytes != self.segment_bytes || work.spares.len() + promised > self.spares_max {
            return None;
        }
        work.names_given += 1;
        Some(file_name(work.names_given))
    }

    pub(super) fn give(&self, spares: Vec<String>) {
        self.work.lock().spares.extend(spares);
        self.ready.notify_all();
    }

    /// A keeper that lags reads the segments again: what waits for it does not grow with them.
    pub(super) fn index(&self, number: u32, gathered: Option<Gathered>) {
        let mut work = self.work.lock();
        let gathered = gathered.filter(|_| work.to_index.len() < GATHERED_MAX);
        work.to_index.push_back((number, gathered));
        drop(work);
        self.wake.notify_one();
    }

    pub(super) fn close(&self) {
        self.work.lock().is_closed = true;
        self.wake.notify_all();
    }
}

impl Work {
    fn wants_spare(&self) -> bool {
        self.spares.is_empty() && self.failed.is_none()
    }

    fn has_any(&self) -> bool {
        self.wants_spare() || !self.to_index.is_empty()
    }
}

/// An empty file of this size under `name`. False when it was stopped.
pub(super) fn fill<S: Storage>(
    storage: &S,
    bytes: u64,
    name: &str,
    is_stopped: impl Fn() -> bool,
) -> io::Result<bool> {
    let file = storage.create(TEMPORARY)?;
    let zeros = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < bytes {
        if is_stopped() {
            return Ok(false);
        }
        let piece = usize::try_from(bytes - at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        file.write_at(zeros.get(..piece).unwrap_or_default(), at)?;
        file.sync()?;
        at += piece as u64;
    }
    storage.rename(TEMPORARY, name)?;
    storage.sync_names()?;
    Ok(true)
}

fn file_name(number: u64) -> String {
    format!("spare-{number:010}")
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_prefix("spare-")?.parse().ok()
}

/// Segments whose index waits in memory to be written; a few megabytes each.
const GATHERED_MAX: usize = 4;

const TEMPORARY: &str = "spare.tmp";
const PIECE_BYTES: usize = 256 * PAGE_BYTES as usize;
