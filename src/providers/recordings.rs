//! The folder of recordings: one JSON file for each request, whole at any instant, readable by its owner only.

use super::recording::Exchange;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Of one process.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder, made where it is missing, and what it holds, the oldest first. What a crash left half written and what
    /// cannot be read is removed.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Exchange>)> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
        let mut found = Vec::new();
        for entry in fs::read_dir(path)? {
            let file = entry?.path();
            let ends = |with: &str| file.extension().is_some_and(|end| end == with);
            let is_whole = ends("json");
            // Somebody else's.
            if !is_whole && !ends("half") {
                continue;
            }
            let read = if is_whole { Exchange::of_json(&fs::read(&file)?) } else { None };
            match read {
                Some(exchange) => found.push(exchange),
                None => {
                    if is_whole {
                        tracing::warn!(file = %file.display(), "a recording that cannot be read is removed");
                    }
                    fs::remove_file(&file)?;
                }
            }
        }
        found.sort_by_key(|exchange| exchange.number);
        Ok((Self(path.to_owned()), found))
    }

    /// In the place of the one of the same request.
    pub(super) fn save(&self, exchange: &Exchange) -> io::Result<()> {
        let file = self.file(exchange);
        let half = file.with_extension("half");
        let mut open = OpenOptions::new();
        let mut written = open.create(true).truncate(true).write(true).mode(0o600).open(&half)?;
        written.write_all(&exchange.to_json()?)?;
        fs::rename(half, file)
    }

    pub(super) fn remove(&self, exchange: &Exchange) -> io::Result<()> {
        fs::remove_file(self.file(exchange))
    }

    fn file(&self, exchange: &Exchange) -> PathBuf {
        self.0.join(format!("{}.json", exchange.file_stem()))
    }
}
