//! Reads the log from a record on, in order, while it is being written: for whoever is told of every call afterwards.
//!
//! Hashes are not checked here (`verify` does). A record that cannot be read, or that retention has removed before it
//! was reached, is counted as missed: numbers have no gaps, so a gap tells.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::folder::{name_of, segments};
use super::line::{self, Line};
use super::lines::{Lines, Raw};

/// A place in the log of one platform.
#[derive(Debug)]
pub struct Tail {
    folder: PathBuf,
    /// The last record that was passed.
    after: u64,
    /// Segment, and the offset of its first line not yet read.
    place: Option<(u64, u64)>,
}

/// What one `read` passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// The last record passed, over all reads.
    pub through: u64,
    /// Records that should have been there.
    pub missed: u64,
}

impl Tail {
    /// Begins behind the record `after`; 0 for the first there is.
    pub fn new(folder: &Path, after: u64) -> Self {
        Self { folder: folder.to_owned(), after, place: None }
    }

    pub const fn through(&self) -> u64 {
        self.after
    }

    /// Shows at most `records_max` records to `take`, none beyond `until`, which must be on disk; blocks.
    pub fn read(
        &mut self,
        until: u64,
        records_max: usize,
        mut take: impl FnMut(u64, &[u8]),
    ) -> io::Result<Passed> {
        let mut passed = Passed { through: self.after, missed: 0 };
        let mut room = records_max;
        while self.after < until && room > 0 {
            let Some((segment, offset)) = self.place()? else { break };
            let mut file = match File::open(self.folder.join(name_of(segment))) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // Retention was faster: the gap is seen at the next record.
                    self.place = None;
                    if !self.skip_to_next(segment)? {
                        break;
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            file.seek(SeekFrom::Start(offset))?;
            let mut lines = Lines::new(file, u64::MAX);
            let is_over = loop {
                let before = lines.at();
                let number = match lines.next()? {
                    None | Some(Raw::Torn(_)) => break true,
                    Some(Raw::TooLong) => continue,
                    Some(Raw::Line(text)) => match line::record_number(text) {
                        Some(number) if number > self.after => {
                            if number > until || room == 0 {
                                self.place = Some((segment, offset + before));
                                break false;
                            }
                            take(number, text);
                            number
                        }
                        Some(_) | None => continue,
                    },
                };
                passed.missed += number - self.after - 1;
                self.after = number;
                room -= 1;
            };
            if is_over {
                self.place = Some((segment, offset + lines.at()));
                // Only what was on disk before the file was opened proves that nothing more comes into it.
                if self.after >= until || !self.skip_to_next(segment)? {
                    break;
                }
            }
        }
        passed.through = self.after;
        Ok(passed)
    }

    fn place(&mut self) -> io::Result<Option<(u64, u64)>> {
        if self.place.is_none() {
            self.place = self.find()?.map(|segment| (segment, 0));
        }
        Ok(self.place)
    }

    /// The segment in which the next record stands; the oldest when it is gone.
    fn find(&self) -> io::Result<Option<u64>> {
        let numbers = segments(&self.folder)?;
        for segment in numbers.iter().rev().copied() {
            let Ok(file) = File::open(self.folder.join(name_of(segment))) else { continue };
            let mut lines = Lines::new(file, u64::MAX);
            let Some(Raw::Line(text)) = lines.next()? else { continue };
            if let Line::Header { header, .. } = line::parse(text)
                && header.first <= self.after + 1
            {
                return Ok(Some(segment));
            }
        }
        Ok(numbers.first().copied())
    }

    /// False when no later segment is there yet.
    fn skip_to_next(&mut self, segment: u64) -> io::Result<bool> {
        let later = segments(&self.folder)?.into_iter().find(|number| *number > segment);
        if let Some(later) = later {
            self.place = Some((later, 0));
        }
        Ok(later.is_some())
    }
}
