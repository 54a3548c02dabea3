//! The fold's state at some entry, kept so that a restart begins there.
//!
//! ```text
//! 0 magic 8 · 8 version u16 · 10 zero · 16 upto u64 · 24 state length u64 · 32 crc u32 · 36 zero u32 · 40 state
//! ```
//!
//! The two newest are kept: should the newest be damaged, the former serves. So nothing at or behind the
//! former may be reclaimed.

use super::entry::{put, take};
use super::options::OpenError;
use super::storage::{Storage, StorageFile};
use super::{ReadError, Seq};
use bytes::Bytes;
use parking_lot::Mutex;
use std::io;

#[derive(Debug)]
pub(super) struct Checkpoints<S> {
    storage: S,
    /// Oldest first, at most two.
    kept: Mutex<Vec<One>>,
}

#[derive(Clone, Copy, Debug)]
struct One {
    number: u32,
    upto: Seq,
    bytes: u64,
}

impl<S: Storage> Checkpoints<S> {
    /// What the folder holds, and the name of the newest when that is damaged.
    pub(super) fn load(storage: S, names: &[String]) -> Result<(Self, Option<String>), OpenError> {
        let mut numbers: Vec<u32> = names.iter().filter_map(|name| number_of(name)).collect();
        numbers.sort_unstable();
        let (mut kept, mut damaged) = (Vec::new(), None);
        for number in numbers.into_iter().rev() {
            let name = file_name(number);
            match read(&storage, &name)? {
                Stored::Valid(upto, state) => {
                    let bytes = (HEAD_BYTES + state.len()) as u64;
                    kept.insert(0, One { number, upto, bytes });
                }
                Stored::Newer(version) => return Err(OpenError::Newer { file: name, version }),
                Stored::Damaged if kept.is_empty() => damaged = damaged.or(Some(name)),
                Stored::Damaged => {}
            }
        }
        Ok((Self { storage, kept: Mutex::new(kept) }, damaged))
    }

    /// Durable when it returns; until then the former one stands.
    pub(super) fn write(&self, upto: Seq, state: &[u8]) -> Result<(), ReadError> {
        let mut kept = self.kept.lock();
        let number = match kept.last() {
            Some(last) if upto < last.upto => return Err(ReadError::Gone(upto)),
            Some(last) => last.number + 1,
            None => 1,
        };
        let file = self.storage.create(TEMPORARY)?;
        let head = head_of(upto, state);
        file.write_at(&head, 0)?;
        file.write_at(state, HEAD_BYTES as u64)?;
        file.sync()?;
        self.storage.rename(TEMPORARY, &file_name(number))?;
        self.storage.sync_names()?;
        kept.push(One { number, upto, bytes: (HEAD_BYTES + state.len()) as u64 });
        while kept.len() > 2 {
            kept.remove(0);
        }
        let oldest = kept.first().map_or(0, |one| one.number);
        for name in self.storage.names()? {
            if number_of(&name).is_some_and(|number| number < oldest) {
                self.storage.remove(&name)?;
            }
        }
        Ok(())
    }

    pub(super) fn last(&self) -> Result<Option<(Seq, Bytes)>, ReadError> {
        let kept = self.kept.lock();
        let Some(one) = kept.last() else { return Ok(None) };
        match read(&self.storage, &file_name(one.number))? {
            Stored::Valid(upto, state) => Ok(Some((upto, state))),
            Stored::Damaged | Stored::Newer(_) => Err(ReadError::Damaged(one.upto)),
        }
    }

    pub(super) fn last_upto(&self) -> Option<Seq> {
        self.kept.lock().last().map(|one| one.upto)
    }

    /// Entries behind this one are needed by a checkpoint.
    pub(super) fn oldest_upto(&self) -> Option<Seq> {
        self.kept.lock().first().map(|one| one.upto)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.kept.lock().iter().map(|one| one.bytes).sum()
    }
}

enum Stored {
    Valid(Seq, Bytes),
    Damaged,
    Newer(u16),
}

fn read<S: Storage>(storage: &S, name: &str) -> io::Result<Stored> {
    let file = storage.open(name)?;
    let length = usize::try_from(file.bytes()?).unwrap_or(usize::MAX);
    let mut bytes = vec![0; length];
    file.read_at(&mut bytes, 0)?;
    Ok(parse(&bytes.into()).unwrap_or(Stored::Damaged))
}

fn parse(bytes: &Bytes) -> Option<Stored> {
    if take(bytes, 0)? != MAGIC {
        return None;
    }
    let version = u16::from_le_bytes(take(bytes, 8)?);
    if version > VERSION {
        return Some(Stored::Newer(version));
    }
    let upto = Seq(u64::from_le_bytes(take(bytes, 16)?));
    let length = u64::from_le_bytes(take(bytes, 24)?);
    let crc = u32::from_le_bytes(take(bytes, 32)?);
    if bytes.len().checked_sub(HEAD_BYTES)? as u64 != length {
        return None;
    }
    let state = bytes.slice(HEAD_BYTES..);
    (crc_of(bytes.get(8..32)?, &state) == crc).then_some(Stored::Valid(upto, state))
}

fn head_of(upto: Seq, state: &[u8]) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    put(&mut head, 0, &MAGIC);
    put(&mut head, 8, &VERSION.to_le_bytes());
    put(&mut head, 16, &upto.0.to_le_bytes());
    put(&mut head, 24, &(state.len() as u64).to_le_bytes());
    let crc = crc_of(head.get(8..32).unwrap_or_default(), state);
    put(&mut head, 32, &crc.to_le_bytes());
    head
}

fn crc_of(head: &[u8], state: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(state);
    hasher.finalize()
}

fn file_name(number: u32) -> String {
    format!("checkpoint-{number:010}")
}

fn number_of(name: &str) -> Option<u32> {
    name.strip_prefix("checkpoint-")?.parse().ok()
}

const TEMPORARY: &str = "checkpoint.tmp";
const HEAD_BYTES: usize = 40;
const VERSION: u16 = 1;
const MAGIC: [u8; 8] = *b"LTCHECKP";
