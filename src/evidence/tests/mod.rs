//! What the log promises, on real files.

mod peers;
mod restart;
mod running;
mod tamper;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::folder::segments;
use super::{
    Evidence, Fault, FaultKind, Head, OpenError, Opened, Report, Settings, Signer, Trust, Verifier,
    VerifyOptions, Writer, verify,
};
use crate::clock::Timestamp;

/// A signature only in so far as the tests do not know the secret.
struct Seal;

impl Signer for Seal {
    fn certificate(&self) -> Vec<u8> {
        Vec::new()
    }

    fn trust(&self) -> std::io::Result<Trust> {
        Ok(Trust::default())
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        Sha256::new().chain_update("secret").chain_update(bytes).finalize().to_vec()
    }

    fn key_id(&self) -> String {
        "seal-1".to_owned()
    }
}

impl Verifier for Seal {
    fn verify(&self, key: &str, bytes: &[u8], signature: &[u8]) -> bool {
        key == "seal-1" && self.sign(bytes) == signature
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    message_id: String,
    request_in_ts: u64,
    succeeded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_chain: Option<super::PeerChain>,
}

fn call(id: u64) -> Call {
    let message_id = format!("VN-{id}");
    Call { message_id, request_in_ts: 1_700_000_000_000 + id, succeeded: true, peer_chain: None }
}

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn settings() -> Settings {
    Settings { flush_ms_max: 0, ..Settings::new("hanoi") }
}

fn try_open(folder: &Path, settings: Settings) -> Result<(Evidence, Writer, Opened), OpenError> {
    Evidence::open(folder, settings, Box::new(Seal))
}

/// A life of the log: opens it, lets `work` queue, closes it and writes everything.
fn live(folder: &Path, settings: Settings, work: impl FnOnce(&Evidence)) -> Opened {
    let (evidence, writer, opened) = try_open(folder, settings).unwrap();
    work(&evidence);
    evidence.close();
    writer.run().unwrap();
    opened
}

fn queue(evidence: &Evidence, ids: std::ops::RangeInclusive<u64>) -> Vec<Head> {
    ids.map(|id| evidence.queue(&call(id), NOW).unwrap()).collect()
}

/// A log of records 1 to `records`, closed.
fn log(records: u64, settings: Settings) -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("evidence");
    live(&folder, settings, |evidence| drop(queue(evidence, 1..=records)));
    (root, folder)
}

fn check(folder: &Path) -> Report {
    verify(folder, &VerifyOptions { verifier: Some(&Seal), faults_max: 100 }).unwrap()
}

fn faults(folder: &Path) -> Vec<(String, u64, FaultKind)> {
    let told = check(folder).faults.into_iter();
    told.map(|Fault { file, line, kind }| (file, line, kind)).collect()
}

fn spotless(folder: &Path) -> Report {
    let report = check(folder);
    assert_eq!(report.faults, []);
    assert_eq!(report.notes, []);
    report
}

fn path(folder: &Path, segment: u64) -> PathBuf {
    folder.join(name(segment))
}

fn name(segment: u64) -> String {
    super::folder::name_of(segment)
}

fn edit(path: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(path, lines.iter().flat_map(|line| [line, "\n"]).collect::<String>()).unwrap();
}

fn numbers(folder: &Path) -> Vec<u64> {
    segments(folder).unwrap()
}
