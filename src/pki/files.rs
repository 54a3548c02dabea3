//! Files of the chain: written beside their place, synced, then renamed, so that no reader sees half a file.

use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Above this, one sync of the file system costs less than one per file.
const SYNCED_ONE_BY_ONE_MAX: usize = 8;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    Owner,
    Everybody,
}

/// New contents that take their places together, in the order they were put.
#[derive(Debug)]
pub(super) struct FileSet<'a> {
    dir: &'a Path,
    waiting: Vec<(File, PathBuf, PathBuf)>,
}

/// Held while the folder changes: two processes never issue at the same time. Released on drop.
#[derive(Debug)]
pub(super) struct FolderLock(
    #[expect(dead_code, reason = "the lock lives as long as the file")] File,
);

impl FolderLock {
    pub(super) fn take(dir: &Path) -> io::Result<Self> {
        private_folder(dir)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(dir.join(".lock"))?;
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(Self(file))
    }
}

impl<'a> FileSet<'a> {
    pub(super) const fn new(dir: &'a Path) -> Self {
        Self { dir, waiting: Vec::new() }
    }

    pub(super) fn put(&mut self, name: &str, bytes: &[u8], readers: Readers) -> io::Result<()> {
        let place = self.dir.join(name);
        if let Some(folder) = place.parent() {
            private_folder(folder)?;
        }
        let beside = self.dir.join(format!("{name}.new"));
        let mode = if readers == Readers::Owner { 0o600 } else { 0o644 };
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(mode).open(&beside)?;
        // A file left over from a crash keeps its old mode through `open`.
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        self.waiting.push((file, beside, place));
        Ok(())
    }

    pub(super) fn commit(self) -> io::Result<()> {
        sync(&self.waiting)?;
        let mut folders: Vec<&Path> = Vec::new();
        for (_, beside, place) in &self.waiting {
            std::fs::rename(beside, place)?;
            if let Some(folder) = place.parent()
                && !folders.contains(&folder)
            {
                folders.push(folder);
            }
        }
        folders.into_iter().try_for_each(|folder| File::open(folder)?.sync_all())
    }
}

fn sync(files: &[(File, PathBuf, PathBuf)]) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if files.len() > SYNCED_ONE_BY_ONE_MAX
        && let Some((file, ..)) = files.first()
    {
        return Ok(rustix::fs::syncfs(file)?);
    }
    files.iter().try_for_each(|(file, ..)| file.sync_all())
}

fn private_folder(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}
