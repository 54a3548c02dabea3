//! A modelled folder: until a flush, every written sector may be lost or kept by itself, and so may the
//! latest names. It can lose power at any step, and fail a chosen step.

use crate::journal::storage::{Storage, StorageFile};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(super) struct Model {
    world: Arc<Mutex<World>>,
}

#[derive(Debug)]
pub(super) struct ModelFile {
    world: Arc<Mutex<World>>,
    id: usize,
}

#[derive(Debug, Default)]
struct World {
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// What the names were after each change since they were flushed.
    pending_names: Vec<BTreeMap<String, usize>>,
    files: Vec<Content>,
    random: Random,
    /// Steps that change something, so far.
    steps: u64,
    power_cut_at: Option<u64>,
    fails_at: Option<u64>,
    ignores_flushes: bool,
}

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors written since the last flush, each with all it has been since.
    pending: BTreeMap<usize, Vec<Vec<u8>>>,
}

impl Model {
    pub(super) fn new(seed: u64) -> Self {
        let world = World { random: Random(seed), ..World::default() };
        Self { world: Arc::new(Mutex::new(world)) }
    }

    /// The power goes when this many steps have been taken, in the middle of that step.
    pub(super) fn cut_power_at(&self, step: u64) {
        self.world.lock().power_cut_at = Some(step);
    }

    /// That step fails; the machine goes on.
    pub(super) fn fail_at(&self, step: u64) {
        self.world.lock().fails_at = Some(step);
    }

    pub(super) fn ignore_flushes(&self) {
        self.world.lock().ignores_flushes = true;
    }

    pub(super) fn steps(&self) -> u64 {
        self.world.lock().steps
    }

    pub(super) fn is_off(&self) -> bool {
        self.world.lock().is_off()
    }

    /// The folder as the next start finds it. What `seed` says survives of what was not flushed.
    pub(super) fn after_power_cut(&self, seed: u64) -> Self {
        let mut world = self.world.lock();
        let mut random = Random(seed);
        for file in &mut world.files {
            file.lose(&mut random);
        }
        let kept = random.below(world.pending_names.len() as u64 + 1);
        let mut pending = std::mem::take(&mut world.pending_names);
        pending.truncate(kept as usize);
        if let Some(names) = pending.pop() {
            world.durable_names = names;
        }
        world.names = world.durable_names.clone();
        world.power_cut_at = None;
        world.fails_at = None;
        Self { world: Arc::clone(&self.world) }
    }
}

impl World {
    fn is_off(&self) -> bool {
        self.power_cut_at.is_some_and(|at| self.steps >= at)
    }

    /// Counts a step that changes something; `change` also happens, unflushed, when the power goes in it.
    fn step<T>(&mut self, change: impl FnOnce(&mut Self) -> T) -> io::Result<T> {
        self.alive()?;
        self.steps += 1;
        if self.fails_at == Some(self.steps) {
            return Err(io::Error::other("the modelled disk fails"));
        }
        let done = change(self);
        self.alive().map(|()| done)
    }

    fn alive(&self) -> io::Result<()> {
        if self.is_off() { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    fn rename(&mut self, change: impl FnOnce(&mut BTreeMap<String, usize>)) {
        change(&mut self.names);
        self.pending_names.push(self.names.clone());
    }
}

impl Content {
    fn write(&mut self, bytes: &[u8], at: usize) {
        let end = at + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[at..end].copy_from_slice(bytes);
        for sector in at / SECTOR..end.div_ceil(SECTOR) {
            let until = self.bytes.len().min((sector + 1) * SECTOR);
            let written = self.bytes[sector * SECTOR..until].to_vec();
            self.pending.entry(sector).or_default().push(written);
        }
    }

    fn flush(&mut self) {
        self.durable.resize(self.bytes.len(), 0);
        for (sector, _) in std::mem::take(&mut self.pending) {
            let until = self.bytes.len().min((sector + 1) * SECTOR);
            let place = sector * SECTOR..until;
            self.durable[place.clone()].copy_from_slice(&self.bytes[place]);
        }
    }

    fn lose(&mut self, random: &mut Random) {
        // Now and then nothing or everything survives, else any part.
        let mood = random.below(4);
        for (sector, versions) in std::mem::take(&mut self.pending) {
            let pick = match mood {
                0 => 0,
                1 => versions.len() as u64,
                _ => random.below(versions.len() as u64 + 1),
            };
            let Some(kept) = (pick as usize).checked_sub(1).map(|index| &versions[index]) else {
                continue;
            };
            let at = sector * SECTOR;
            if self.durable.len() < at + kept.len() {
                self.durable.resize(at + kept.len(), 0);
            }
            self.durable[at..at + kept.len()].copy_from_slice(kept);
        }
        self.bytes.clone_from(&self.durable);
    }
}

impl Storage for Model {
    type File = ModelFile;

    fn names(&self) -> io::Result<Vec<String>> {
        let world = self.world.lock();
        world.alive().map(|()| world.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<ModelFile> {
        let id = self.world.lock().step(|world| {
            world.files.push(Content::default());
            let id = world.files.len() - 1;
            world.rename(|names| {
                names.insert(name.to_owned(), id);
            });
            id
        })?;
        Ok(ModelFile { world: Arc::clone(&self.world), id })
    }

    fn open(&self, name: &str) -> io::Result<ModelFile> {
        let world = self.world.lock();
        world.alive()?;
        let id = *world.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(ModelFile { world: Arc::clone(&self.world), id })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.world.lock().step(|world| {
            world.rename(|names| {
                let id = names.remove(from).unwrap();
                names.insert(to.to_owned(), id);
            });
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = self.world.lock();
        if !world.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        world.step(|world| {
            world.rename(|names| {
                names.remove(name);
            });
        })
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut world = self.world.lock();
        world.step(|_| ())?;
        world.durable_names = world.names.clone();
        world.pending_names.clear();
        Ok(())
    }

    fn random(&self) -> io::Result<u64> {
        Ok(self.world.lock().random.next())
    }
}

impl StorageFile for ModelFile {
    fn bytes(&self) -> io::Result<u64> {
        let world = self.world.lock();
        world.alive().map(|()| world.files[self.id].bytes.len() as u64)
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        let world = self.world.lock();
        world.alive()?;
        let at = at as usize;
        let bytes = world.files[self.id].bytes.get(at..at + into.len());
        into.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.world.lock().step(|world| world.files[self.id].write(bytes, at as usize))
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.world.lock();
        world.step(|_| ())?;
        if !world.ignores_flushes {
            world.files[self.id].flush();
        }
        Ok(())
    }
}

/// `SplitMix64`.
#[derive(Clone, Debug, Default)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

const SECTOR: usize = 512;
