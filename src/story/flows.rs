//! The folder of flows: one JSON file each, whole at any instant, readable by its owner only.

use super::flow::{Flow, State};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Of one data folder.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

/// The right to run one flow; dropping it, or dying, gives it back.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

/// Older ones are removed when a new flow begins.
const FLOWS_KEPT_MAX: usize = 1_000;
const FLOW_BYTES_MAX: u64 = 4 << 20;

impl Folder {
    /// `flows/` below a data folder; made when it is first written to.
    pub fn below(data: &Path) -> Self {
        Self(data.join("flows"))
    }

    /// Flushed before it is the flow's file: what a flow did before a crash is not forgotten.
    pub fn save(&self, flow: &Flow) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let half = self.0.join(format!("{}.half", flow.id));
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&half)?;
        file.write_all(&serde_json::to_vec_pretty(flow)?)?;
        file.sync_data()?;
        fs::rename(half, self.path(&flow.id))?;
        File::open(&self.0)?.sync_all()
    }

    /// Held by whoever runs a flow, as long as it runs: two do not run one. `WouldBlock` when somebody else does.
    pub fn hold(&self, id: &str) -> io::Result<Held> {
        fs::create_dir_all(&self.0)?;
        let path = self.0.join(format!("{id}.lock"));
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
        file.try_lock().map_err(io::Error::from)?;
        Ok(Held { _file: file })
    }

    /// As it is shown. `NotFound` for an id that no flow has.
    pub fn load(&self, id: &str) -> io::Result<Flow> {
        self.read(&self.known(id)?)
    }

    /// To be gone on with by whoever holds it. Errors of `load` and `hold`.
    pub fn take(&self, id: &str) -> io::Result<(Flow, Held)> {
        let path = self.known(id)?;
        let held = self.hold(id)?;
        let mut flow = parse(&path)?;
        if flow.state == State::Running {
            flow.interrupt();
        }
        Ok((flow, held))
    }

    /// All that can be read, the newest first.
    pub fn all(&self) -> io::Result<Vec<Flow>> {
        let mut flows: Vec<Flow> =
            self.files()?.iter().filter_map(|path| self.read(path).ok()).collect();
        flows.sort_by_key(|flow| std::cmp::Reverse(flow.began_ms));
        Ok(flows)
    }

    /// Makes room for one more.
    pub fn prune(&self) -> io::Result<()> {
        let files = self.files()?;
        let Some(over) = (files.len() + 1).checked_sub(FLOWS_KEPT_MAX).filter(|over| *over > 0)
        else {
            return Ok(());
        };
        let written = |path: &PathBuf| fs::metadata(path).and_then(|about| about.modified()).ok();
        let mut by_age: Vec<_> = files.into_iter().map(|path| (written(&path), path)).collect();
        by_age.sort();
        let mut over = over;
        for (_, path) in by_age {
            let id = path.file_stem().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
            // One that somebody runs stays: without its lock it could be run twice.
            let Ok(_held) = self.hold(id) else { continue };
            fs::remove_file(&path)?;
            fs::remove_file(path.with_extension("lock")).ok();
            over -= 1;
            if over == 0 {
                break;
            }
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        Ok(paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect())
    }

    /// A flow that nobody runs stands still, whatever it said last.
    fn read(&self, path: &Path) -> io::Result<Flow> {
        let mut flow = parse(path)?;
        if flow.state == State::Running
            && let Ok(_held) = self.hold(&flow.id)
        {
            // It may have come to its end since it was read.
            flow = parse(path)?;
            if flow.state == State::Running {
                flow.interrupt();
            }
        }
        Ok(flow)
    }

    fn known(&self, id: &str) -> io::Result<PathBuf> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if id.is_empty() || !id.chars().all(is_plain) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let path = self.path(id);
        fs::metadata(&path).map(|_there| path)
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}.json"))
    }
}

fn parse(path: &Path) -> io::Result<Flow> {
    if fs::metadata(path)?.len() > FLOW_BYTES_MAX {
        return Err(io::Error::other("the flow's file is too large"));
    }
    serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)
}
