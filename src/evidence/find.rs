//! Looks records up by the id of their message or request, or the newest of all, reading no more than it may.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use serde_json::Value;

use super::folder::{name_of, segments};
use super::lines::{Lines, Raw};

/// The fields of a record that name its message and its call, as X-Road's monitoring has them (wire/xroad.md 2.11).
pub const IDS: [&str; 3] = ["messageId", "xRequestId", "messageIssue"];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// Whole records as they stand in the log, newest first.
    pub records: Vec<Value>,
    pub scanned_bytes: u64,
    /// Older records were not looked at, because `scan_bytes_max` was used up.
    pub stopped_early: bool,
}

/// The newest `limit` records of a message or call, of all when `id` is empty; blocks. Hashes are not checked. What is
/// queued and not on disk yet is not found.
pub fn find(folder: &Path, id: &str, limit: usize, scan_bytes_max: u64) -> io::Result<Found> {
    let seen = look(folder, id, (limit, scan_bytes_max), |_, record| Some(record))?;
    let (records, scanned_bytes, stopped_early) = seen;
    Ok(Found { records, scanned_bytes, stopped_early })
}

/// Like `find`, the lines of the log as they stand, of the records that `is_wanted` lets through.
pub(super) fn lines_of(
    folder: &Path,
    id: &str,
    limit: usize,
    scan_bytes_max: u64,
    is_wanted: impl Fn(&Value) -> bool,
) -> io::Result<Vec<String>> {
    let whole = |text: &[u8], record: Value| {
        is_wanted(&record).then(|| String::from_utf8_lossy(text).into_owned())
    };
    look(folder, id, (limit, scan_bytes_max), whole).map(|(lines, ..)| lines)
}

/// What `take` makes of the newest records, how many bytes were scanned, and whether that was not all.
fn look<T>(
    folder: &Path,
    id: &str,
    (limit, scan_bytes_max): (usize, u64),
    take: impl Fn(&[u8], Value) -> Option<T>,
) -> io::Result<(Vec<T>, u64, bool)> {
    let (mut found, mut scanned_bytes) = (Vec::new(), 0);
    let wanted = if id.is_empty() {
        Vec::new()
    } else {
        serde_json::to_vec(id).map_err(io::Error::other)?
    };
    let finder = memchr::memmem::Finder::new(&wanted);
    for segment in segments(folder)?.into_iter().rev() {
        let room = limit - found.len();
        if room == 0 {
            break;
        }
        let mut file = match File::open(folder.join(name_of(segment))) {
            Ok(file) => file,
            // Retention was faster; what is older is gone as well.
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
        };
        let bytes = file.metadata()?.len();
        let scanned = bytes.min(scan_bytes_max - scanned_bytes);
        let start = bytes - scanned;
        file.seek(SeekFrom::Start(start))?;
        let mut lines = Lines::new(file, scanned);
        if start > 0 {
            // Most likely the end of a line only.
            lines.next()?;
        }
        let mut newest = VecDeque::new();
        while let Some(raw) = lines.next()? {
            let Raw::Line(text) = raw else { continue };
            if finder.find(text).is_some()
                && let Some(taken) = record_of(text, id).and_then(|record| take(text, record))
            {
                if newest.len() == room {
                    newest.pop_front();
                }
                newest.push_back(taken);
            }
        }
        found.extend(newest.into_iter().rev());
        scanned_bytes += scanned;
        if start > 0 {
            let is_short = found.len() < limit;
            return Ok((found, scanned_bytes, is_short));
        }
    }
    Ok((found, scanned_bytes, false))
}

fn record_of(text: &[u8], id: &str) -> Option<Value> {
    let record: Value = serde_json::from_slice(text).ok()?;
    let mut ids = IDS.iter().filter_map(|name| record.get(name)).filter_map(Value::as_str);
    let is_it = ids.any(|own| id.is_empty() || own == id);
    is_it.then_some(record)
}
