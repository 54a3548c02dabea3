//! The folder of one log: `0000000001.jsonl` and so on, `anchors.jsonl`, and the lock.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::OpenError;

/// Locked for this process while it lives.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    // Held for its lock.
    _lock: File,
}

/// Contract: what was written survives a power cut once a later `sync` has returned. After a failure of either
/// nothing may be assumed.
pub(super) trait Sink: Send {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
}

impl Sink for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o700))?;
        let lock = options().create(true).open(path.join("lock"))?;
        match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse(path.to_owned())),
            Err(errno) => Err(OpenError::Io(errno.into())),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A new file of that name, which survives a power cut.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        let file = options().create_new(true).open(self.path.join(name))?;
        self.sync_names()?;
        Ok(file)
    }

    /// For writing at its end; made when it is missing.
    pub(super) fn append(&self, name: &str) -> io::Result<File> {
        let file = options().create(true).open(self.path.join(name))?;
        self.sync_names()?;
        Ok(file)
    }

    /// Cuts what stands behind `bytes`.
    pub(super) fn cut(&self, name: &str, bytes: u64) -> io::Result<()> {
        let file = options().open(self.path.join(name))?;
        file.set_len(bytes)?;
        file.sync_all()
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))?;
        self.sync_names()
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// The numbers of the segments in `folder`, ascending.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for file in std::fs::read_dir(folder)? {
        if let Ok(name) = file?.file_name().into_string() {
            numbers.extend(number_of(&name));
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

pub(super) fn name_of(segment: u64) -> String {
    format!("{segment:010}{EXTENSION}")
}

fn number_of(name: &str) -> Option<u64> {
    let number = name.strip_suffix(EXTENSION)?.parse().ok()?;
    (number > 0 && number < NUMBER_LIMIT && name_of(number) == name).then_some(number)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).mode(0o600);
    options
}

pub(super) const ANCHORS: &str = "anchors.jsonl";
/// Ten digits: names then sort as numbers do.
const NUMBER_LIMIT: u64 = 10_000_000_000;
const EXTENSION: &str = ".jsonl";
