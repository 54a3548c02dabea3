//! Opening a folder: reads everything behind the checkpoint, cuts a torn tail, and refuses what is damaged.
//!
//! Only one flush is ever under way, so only the very last batch can be incomplete. Anything valid behind an
//! invalid place was acknowledged, and so was what should stand at that place: that is corruption.

use super::Seq;
use super::checkpoint::Checkpoints;
use super::index;
use super::keeper::fill;
use super::options::{FLUSH_BYTES_LIMIT, JournalOptions, Loss, OpenError, Recovery, Torn};
use super::segment::{
    BATCH_HEAD_BYTES, BatchHead, Header, HeaderError, Scanner, align, file_name, number_of, seed_of,
};
use super::storage::{Storage, StorageFile};
use super::tail::Position;
use super::writer::Active;
use crate::clock::Timestamp;
use std::io;

/// Everything that running the journal begins with.
pub(super) struct Recovered<S: Storage> {
    pub(super) checkpoints: Checkpoints<S>,
    pub(super) active: Active<S::File>,
    /// The last entry on disk.
    pub(super) last: Seq,
    pub(super) durable: Position,
    /// All segments, the open one last.
    pub(super) numbers: Vec<u32>,
    pub(super) report: Recovery,
}

pub(super) fn recover<S: Storage>(
    storage: &S,
    options: &JournalOptions,
    now: Timestamp,
) -> Result<Recovered<S>, OpenError> {
    let names = tidy(storage)?;
    let (checkpoints, checkpoint_damaged) = Checkpoints::load(storage.clone(), &names)?;
    let upto = checkpoints.last_upto();
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| number_of(name)).collect();
    let mut reader = Reading {
        storage,
        accept_loss: options.accept_loss,
        report: Recovery { checkpoint: upto, checkpoint_damaged, ..Recovery::default() },
        last: upto.unwrap_or_default(),
    };
    let needed = reader.needed(&numbers, upto)?;
    let headers = reader.headers(&needed)?;
    // What is lost whole is not there for anybody.
    numbers.retain(|number| {
        !needed.contains(number) || headers.iter().any(|header| header.number == *number)
    });
    let mut open = None;
    for (index, header) in headers.iter().enumerate() {
        let next = headers.get(index + 1).filter(|next| next.number == header.number + 1);
        open = Some(reader.read(header, next)?);
    }
    let newest = needed.last().copied().max(upto.map(|upto| upto.place().0)).unwrap_or(0);
    let active = match open {
        Some(active) if active.header.number == newest => active,
        // Nothing yet; or, with losses accepted, nothing left that could be gone on with.
        damaged => {
            reader.report.is_new = newest == 0;
            numbers.push(newest + 1);
            first_segment(storage, options, newest + 1, damaged.as_ref(), now)?
        }
    };
    Ok(Recovered {
        checkpoints,
        last: reader.last,
        durable: active.position(),
        active,
        numbers,
        report: reader.report,
    })
}

/// Removes what an interrupted run left half done; returns the names that stay, sorted.
fn tidy<S: Storage>(storage: &S) -> io::Result<Vec<String>> {
    let mut names = storage.names()?;
    names.sort_unstable();
    let is_orphan = |name: &str| {
        index::number_of(name)
            .is_some_and(|number| names.binary_search(&file_name(number)).is_err())
    };
    let (stale, kept): (Vec<String>, Vec<String>) =
        names.iter().cloned().partition(|name| name.ends_with(".tmp") || is_orphan(name));
    for name in stale {
        storage.remove(&name)?;
    }
    Ok(kept)
}

fn first_segment<S: Storage>(
    storage: &S,
    options: &JournalOptions,
    number: u32,
    former: Option<&Active<S::File>>,
    now: Timestamp,
) -> Result<Active<S::File>, OpenError> {
    let bytes = u64::from(options.segment_bytes);
    let name = format!("{}.tmp", file_name(number));
    fill(storage, bytes, &name, || false)?;
    let header = Header {
        number,
        bytes,
        journal: former.map_or_else(|| storage.random(), |former| Ok(former.header.journal))?,
        epoch: storage.random()?,
        first_batch: former.map_or(1, |former| former.next_batch),
        previous_epoch: former.map_or(0, |former| former.header.epoch),
        previous_end: former.map_or(0, |former| former.at),
        at: now,
    };
    Ok(Active::start(storage, &name, header)?)
}

struct Reading<'s, S> {
    storage: &'s S,
    accept_loss: bool,
    report: Recovery,
    last: Seq,
}

impl<S: Storage> Reading<'_, S> {
    /// The segments behind the checkpoint, with no gap between them.
    fn needed(&mut self, numbers: &[u32], upto: Option<Seq>) -> Result<Vec<u32>, OpenError> {
        let (checked, _) = upto.unwrap_or_default().place();
        let needed: Vec<u32> =
            numbers.iter().copied().filter(|number| *number >= checked).collect();
        // The checkpoint's own segment may be gone when the checkpoint stands at its end.
        let first = needed.first().copied().unwrap_or_else(|| checked.max(1));
        if checked == 0 && first > 1 && !self.accept_loss {
            return Err(OpenError::CheckpointLost { file: file_name(first) });
        }
        let mut expected = if first == checked { checked } else { checked + 1 };
        if needed.is_empty() && checked > 0 {
            self.lose(file_name(expected), 0, 0, 0, true)?;
        }
        for number in &needed {
            while expected < *number {
                self.lose(file_name(expected), 0, 0, 0, true)?;
                expected += 1;
            }
            expected = number + 1;
        }
        Ok(needed)
    }

    fn headers(&mut self, needed: &[u32]) -> Result<Vec<Header>, OpenError> {
        let mut headers: Vec<Header> = Vec::new();
        for number in needed {
            let file = file_name(*number);
            let header = match Header::read(&self.storage.open(&file)?)? {
                Ok(header) if header.number == *number => header,
                Err(HeaderError::Newer(version)) => return Err(OpenError::Newer { file, version }),
                Ok(_) | Err(HeaderError::Damaged) => {
                    self.lose(file, 0, 0, 0, false)?;
                    continue;
                }
            };
            if headers.first().is_some_and(|first| first.journal != header.journal) {
                return Err(OpenError::Foreign { file });
            }
            headers.push(header);
        }
        Ok(headers)
    }

    /// Reads one segment. `next` says where it must end; without one it is the open segment.
    fn read(
        &mut self,
        header: &Header,
        next: Option<&Header>,
    ) -> Result<Active<S::File>, OpenError> {
        let file = self.storage.open(&file_name(header.number))?;
        let mut scanner = Scanner::new(file, header, index::limit_of(header));
        loop {
            while let Some(found) = scanner.next_batch()? {
                self.report.entries_read += u64::from(found.head.count);
                let last = found.entries().last().map_or(0, |entry| entry.at);
                self.last = self.last.max(Seq::at(header.number, last));
            }
            let is_whole = next.is_some_and(|next| {
                next.previous_end == scanner.at()
                    && next.first_batch == scanner.number()
                    && next.previous_epoch == header.epoch
            });
            if is_whole {
                break;
            }
            let Some((at, head)) = scanner.later_batch()? else {
                match next {
                    Some(next) => {
                        self.go_over(&mut scanner, header, next.previous_end, next.first_batch)?;
                    }
                    None => self.cut(&mut scanner, header)?,
                }
                break;
            };
            self.go_over(&mut scanner, header, at, head.number)?;
        }
        self.report.segments_read += 1;
        self.report.bytes_read += u64::from(scanner.at());
        Ok(Active::resume(*header, scanner))
    }

    /// Refuses; or marks the stretch up to `until` as lost and goes on behind it.
    fn go_over(
        &mut self,
        scanner: &mut Scanner<S::File>,
        header: &Header,
        until: u32,
        number: u64,
    ) -> Result<(), OpenError> {
        let at = scanner.at();
        let bytes = until.saturating_sub(at);
        let batches = number.saturating_sub(scanner.number());
        self.lose(file_name(header.number), at, bytes, batches, false)?;
        if let Some(payload) = bytes.checked_sub(BATCH_HEAD_BYTES) {
            let mark = BatchHead {
                is_lost: true,
                epoch: header.epoch,
                number: scanner.number(),
                payload,
                count: u32::try_from(batches).unwrap_or(u32::MAX),
                digest: 0,
            };
            scanner.file().write_at(&mark.encode(seed_of(header.epoch) ^ at), u64::from(at))?;
            scanner.file().sync()?;
        }
        scanner.skip_to(until, number);
        Ok(())
    }

    /// Clears what a flush that never returned may have left behind the last batch.
    fn cut(&mut self, scanner: &mut Scanner<S::File>, header: &Header) -> Result<(), OpenError> {
        let at = scanner.at();
        let torn = scanner.torn_bytes()?;
        let reach = align(FLUSH_BYTES_LIMIT + BATCH_HEAD_BYTES);
        let end = u64::from(at.saturating_add(reach)).min(header.bytes);
        let length = usize::try_from(end.saturating_sub(u64::from(at))).unwrap_or(0);
        let mut region = vec![0; length];
        scanner.file().read_at(&mut region, u64::from(at))?;
        if region.iter().any(|byte| *byte != 0) {
            region.fill(0);
            scanner.file().write_at(&region, u64::from(at))?;
            scanner.file().sync()?;
        }
        if let Some(bytes) = torn {
            self.report.torn = Some(Torn { file: file_name(header.number), offset: at, bytes });
        }
        Ok(())
    }

    fn lose(
        &mut self,
        file: String,
        offset: u32,
        bytes: u32,
        batches: u64,
        is_missing: bool,
    ) -> Result<(), OpenError> {
        match (self.accept_loss, is_missing) {
            (true, _) => self.report.lost.push(Loss { file, offset, bytes, batches }),
            (false, true) => return Err(OpenError::Missing { file }),
            (false, false) => return Err(OpenError::Corrupt { file, offset }),
        }
        Ok(())
    }
}
