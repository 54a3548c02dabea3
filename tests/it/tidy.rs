//! The house itself: direction of imports, purity, sizes, opening sentences, files that nobody names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file may use rooms of its own rank and below, never above (design of the house, ARCHITECTURE.md).
const RANKS: &[(&str, usize)] = &[
    ("clock", 0),
    ("random", 0),
    ("domain", 1),
    ("wire", 2),
    ("texts", 2),
    ("telemetry", 2),
    ("topology", 2),
    ("pki", 2),
    ("tls", 2),
    ("rules", 2),
    ("signature", 2),
    ("story", 2),
    ("journal", 3),
    ("bus", 3),
    ("egress", 3),
    ("evidence", 3),
    ("pipeline", 4),
    ("ingress", 5),
    ("observe", 5),
    ("operator", 5),
    ("providers", 5),
    ("actors", 6),
    ("sim", 6),
    ("gateway", 6),
    ("cli", 7),
    ("main", 8),
    ("lib", 8),
];

/// Values in, values out.
const PURE: &[&str] = &["src/domain/", "src/journal/entry.rs", "src/bus/mailbox.rs", "src/rules/"];

/// What a pure file may not say.
const IMPURE: &[&str] =
    &["async ", ".await", "tokio", "std::fs", "std::net", "std::thread", "::now()", "rand::rng"];

/// What the pipeline may not say: it runs on two executors.
const UNPORTABLE: &[&str] = &[
    "tokio::time",
    "tokio::spawn",
    "JoinSet",
    "Handle::current",
    "futures::select!",
    "std::fs",
    "std::net",
];

const LINES_MAX: usize = 600;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(below: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The code without its test module and without comments.
fn code(text: &str) -> String {
    let live = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    live.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn room(file: &str) -> &str {
    file.strip_prefix("src/").unwrap().split(['/', '.']).next().unwrap()
}

fn rank(room: &str) -> Option<usize> {
    RANKS.iter().find(|(name, _)| *name == room).map(|(_, rank)| *rank)
}

fn is_test_file(file: &str) -> bool {
    let name = Path::new(file).file_stem().unwrap().to_string_lossy();
    name == "tests" || name.ends_with("_tests") || name == "model"
}

#[test]
fn nothing_is_imported_against_the_direction() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src").into_iter().filter(|(file, _)| !is_test_file(file)) {
        let here = rank(room(&file)).unwrap_or_else(|| panic!("{file}: a room without a rank"));
        for (number, line) in code(&text).lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if rank(&used).is_some_and(|rank| rank > here) {
                    wrong.push(format!("{file}: line {} of the code uses {used}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_files_are_pure() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        let is_pure = PURE.iter().any(|pure| file.starts_with(pure)) && !is_test_file(&file);
        let banned: &[&str] = match () {
            () if is_pure => IMPURE,
            () if file.starts_with("src/pipeline/") => UNPORTABLE,
            () => continue,
        };
        let code = code(&text);
        for word in banned.iter().filter(|word| code.contains(**word)) {
            wrong.push(format!("{file}: {word}"));
        }
        if file.starts_with("src/pipeline/") {
            for (at, _) in code.match_indices("select! {") {
                if !code
                    .get(at..)
                    .unwrap()
                    .trim_start_matches("select! {")
                    .trim_start()
                    .starts_with("biased;")
                {
                    wrong.push(format!("{file}: select! without biased"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_open_with_a_sentence_and_stay_small() {
    let mut wrong = Vec::new();
    for below in ["src", "tests", "load-tests", "benches"] {
        for (file, text) in sources(below) {
            if file.contains("/target/") {
                continue;
            }
            if !text.starts_with("//! ") {
                wrong.push(format!("{file}: no opening //! sentence"));
            }
            let lines = text.lines().count();
            if lines > LINES_MAX {
                wrong.push(format!("{file}: {lines} lines"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The compiler says nothing about a file that no `mod` names.
#[test]
fn every_file_is_named_by_a_mod() {
    let mut wrong = Vec::new();
    for below in ["src", "tests/it", "load-tests/src"] {
        let files = sources(below);
        let named: BTreeSet<String> = files
            .iter()
            .flat_map(|(file, text)| {
                let folder = Path::new(file).parent().unwrap().to_path_buf();
                let stem = Path::new(file).file_stem().unwrap().to_string_lossy().into_owned();
                let inner = if ["mod", "lib", "main"].contains(&stem.as_str()) {
                    folder
                } else {
                    folder.join(stem)
                };
                text.lines()
                    .filter_map(|line| {
                        line.trim()
                            .trim_start_matches("pub(crate) ")
                            .trim_start_matches("pub(super) ")
                            .trim_start_matches("pub(crate) ")
                            .trim_start_matches("pub ")
                            .strip_prefix("mod ")
                    })
                    .filter_map(|rest| rest.strip_suffix(';'))
                    .flat_map(|name| {
                        [inner.join(format!("{name}.rs")), inner.join(name).join("mod.rs")]
                    })
                    .map(|path| path.to_string_lossy().into_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        for (file, text) in &files {
            let stem = Path::new(file).file_stem().unwrap().to_string_lossy().into_owned();
            let is_root = ["lib", "main"].contains(&stem.as_str());
            let by_path =
                files.iter().any(|(_, other)| other.contains(&format!("#[path = \"{stem}.rs\"]")));
            let _ = text;
            if !is_root && !named.contains(file) && !by_path {
                wrong.push(file.clone());
            }
        }
    }
    assert!(wrong.is_empty(), "no mod names {}", wrong.join(", "));
}

/// An `expect` disappears by itself when it is no longer true; an `allow` stays for ever.
#[test]
fn dead_lint_escapes_are_not_used() {
    let mut wrong = Vec::new();
    for (file, text) in sources("src") {
        if code(&text).contains("#[allow(") || code(&text).contains("#![allow(") {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "use #[expect(…, reason = …)]: {}", wrong.join(", "));
}
