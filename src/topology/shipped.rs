//! Where files come from: the disk, or the copies inside the binary, so that the binary alone is enough.

use std::path::{Path, PathBuf};

/// The files inside the binary, named from `config/`.
const FILES: &[(&str, &str)] = &[
    ("sandbox.toml", include_str!("../../config/sandbox.toml")),
    ("national.toml", include_str!("../../config/national.toml")),
    ("national-2024.toml", include_str!("../../config/national-2024.toml")),
    ("xroad-dev.toml", include_str!("../../config/xroad-dev.toml")),
    ("load.toml", include_str!("../../config/load.toml")),
    ("directory/agencies.csv", include_str!("../../config/directory/agencies.csv")),
];

/// Names that `--config` knows without a file.
pub fn configs() -> impl Iterator<Item = &'static str> + Clone {
    FILES.iter().filter_map(|(name, _)| name.strip_suffix(".toml"))
}

/// A file of the binary, by its name under `config/`.
pub fn file(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The folder that a topology's relative names start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Disk(PathBuf),
    BuiltIn,
}

/// A file read, and how to name it in a report.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) place: Place,
}

/// Opens a topology: a path, or the name of a shipped one where no such file exists.
pub(super) fn open(path: &str) -> Result<Found, String> {
    let error = match std::fs::read_to_string(path) {
        Ok(text) => {
            let folder = Path::new(path).parent().map(Path::to_path_buf).unwrap_or_default();
            return Ok(Found { name: path.to_owned(), text, place: Place::Disk(folder) });
        }
        Err(error) => error,
    };
    let toml = format!("{}.toml", path.strip_suffix(".toml").unwrap_or(path));
    match file(&toml) {
        Some(text) if is_no_file(&error) => Ok(Found {
            name: format!("{BUILT_IN}{toml}"),
            text: text.to_owned(),
            place: Place::BuiltIn,
        }),
        _ => Err(error.to_string()),
    }
}

/// A folder that happens to have the name of a shipped topology is not meant.
fn is_no_file(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::IsADirectory)
}

impl Place {
    /// Opens a file that a topology names. `builtin:NAME` always means the copy inside the binary.
    pub(super) fn open(&self, name: &str) -> Result<Found, String> {
        let built_in = |name: &str| {
            let text = file(name).ok_or_else(|| "no such file in the binary".to_owned())?;
            let name = format!("{BUILT_IN}{name}");
            Ok(Found { name, text: text.to_owned(), place: Self::BuiltIn })
        };
        if let Some(name) = name.strip_prefix(BUILT_IN) {
            return built_in(name);
        }
        match self {
            Self::BuiltIn => built_in(name),
            Self::Disk(folder) => {
                let path = folder.join(name);
                let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
                let name = path.display().to_string();
                Ok(Found { name, text, place: self.clone() })
            }
        }
    }
}

const BUILT_IN: &str = "builtin:";
