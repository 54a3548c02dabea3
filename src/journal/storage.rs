//! The folder under the segmented log: the few file operations it needs, and what each promises.
//!
//! Two implementations: `Directory`, the real one, and the modelled folder of the tests, which loses and
//! reorders what was not flushed.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One folder. Names are plain file names.
///
/// Contract: `create`, `rename` and `remove` survive a power cut once `sync_names` has returned, and not before.
pub trait Storage: Clone + Send + Sync + 'static {
    type File: StorageFile;

    fn names(&self) -> io::Result<Vec<String>>;
    /// An empty file; replaces one of that name.
    fn create(&self, name: &str) -> io::Result<Self::File>;
    fn open(&self, name: &str) -> io::Result<Self::File>;
    /// Replaces `to` atomically.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
    fn sync_names(&self) -> io::Result<()>;
    /// Sixty-four bits that nobody can guess.
    fn random(&self) -> io::Result<u64>;
}

/// Contract: bytes written survive a power cut once a later `sync` has returned, and not before; until then any
/// part of them may, in any order, by whole sectors. After a failed `sync` nothing may be assumed.
pub trait StorageFile: Send + Sync + 'static {
    fn bytes(&self) -> io::Result<u64>;
    /// Fills `into` or fails with `UnexpectedEof`.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()>;
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
}

/// A folder of this machine, locked for this process while the value or a clone of it lives.
#[derive(Clone, Debug)]
pub struct Directory {
    inner: Arc<Locked>,
}

#[derive(Debug)]
struct Locked {
    path: PathBuf,
    // Held for its lock.
    _lock: File,
}

/// The folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("another process uses the journal folder {}", .0.display())]
    InUse(PathBuf),
    #[error("the journal folder {} cannot be opened", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl Directory {
    /// Makes the folder (mode 0700) when it is missing and locks it.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        let failed = |source| DirectoryError::Io { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)?;
        let lock =
            options().create(true).truncate(false).open(path.join("lock")).map_err(failed)?;
        match rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { inner: Arc::new(Locked { path: path.to_owned(), _lock: lock }) }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(DirectoryError::InUse(path.to_owned())),
            Err(errno) => Err(failed(errno.into())),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.inner.path.join(name)
    }
}

impl Storage for Directory {
    type File = File;

    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for file in std::fs::read_dir(&self.inner.path)? {
            // A name that is not UTF-8 is not ours.
            if let Ok(name) = file?.file_name().into_string() {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<File> {
        options().create(true).truncate(true).open(self.path(name))
    }

    fn open(&self, name: &str) -> io::Result<File> {
        options().open(self.path(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.inner.path)?.sync_all()
    }

    fn random(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        io::Read::read_exact(&mut File::open("/dev/urandom")?, &mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

impl StorageFile for File {
    fn bytes(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(into, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}
