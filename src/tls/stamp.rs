//! How files looked when they were read: enough to see that one was replaced.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Time of change to the nanosecond, length and inode of each file; zeros for one that is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(Vec<[i64; 4]>);

impl Stamp {
    #[expect(single_use_lifetimes, reason = "anonymous lifetimes in impl Trait are unstable")]
    pub(super) fn of<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Self {
        let look = |path: &PathBuf| {
            std::fs::metadata(path).map_or([0; 4], |seen| {
                [
                    seen.mtime(),
                    seen.mtime_nsec(),
                    seen.size().cast_signed(),
                    seen.ino().cast_signed(),
                ]
            })
        };
        Self(files.map(look).collect())
    }
}
