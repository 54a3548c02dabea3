//! Two platforms that call each other, and what the log of one tells about the other's.

use std::fs;

use super::super::cross::check as cross;
use super::super::{CrossFault, CrossKind, cross_check};
use super::{
    Call, NOW, PathBuf, Settings, TempDir, call, edit, live, name, numbers, path, queue, settings,
    spotless, try_open,
};

/// Twelve calls between `hanoi` and `hue`, each with the caller's head recorded by the other.
fn pair(kept: usize) -> (TempDir, [(String, PathBuf); 2]) {
    let root = tempfile::tempdir().unwrap();
    let logs = ["hanoi", "hue"].map(|name| (name.to_owned(), root.path().join(name)));
    let open = |index: usize| {
        let (platform, folder) = &logs[index];
        let platform = platform.clone();
        let small = Settings { segment_bytes_max: 2500, segments_kept_max: kept, ..settings() };
        try_open(folder, Settings { platform, ..small }).unwrap()
    };
    let ((hanoi, hanoi_writer, _), (hue, hue_writer, _)) = (open(0), open(1));
    for id in 1..=12 {
        let sent = hanoi.queue(&call(id), NOW).unwrap().of_peer("hanoi");
        let answered = hue.queue(&Call { peer_chain: Some(sent), ..call(id) }, NOW).unwrap();
        let peer_chain = Some(answered.of_peer("hue"));
        hanoi.queue(&Call { peer_chain, ..call(id) }, NOW).unwrap();
    }
    drop((hanoi, hue));
    hanoi_writer.run().unwrap();
    hue_writer.run().unwrap();
    (root, logs)
}

fn fault(n: u64, kind: CrossKind, file: u64, line: u64) -> CrossFault {
    let (platform, told_by) = ("hanoi".to_owned(), "hue".to_owned());
    CrossFault { platform, n, kind, told_by, file: name(file), line }
}

#[test]
fn honest_logs_agree() {
    let (_root, logs) = pair(99);
    let report = cross_check(&logs).unwrap();
    assert_eq!((report.references, report.beyond_retention, &report.faults[..]), (24, 0, &[][..]));
}

#[test]
fn retention_is_not_taken_for_a_cut() {
    let (_root, logs) = pair(2);
    logs.iter().for_each(|(_, folder)| drop(spotless(folder)));
    let report = cross_check(&logs).unwrap();
    assert_eq!(report.faults, []);
    assert!(report.beyond_retention > 0 || numbers(&logs[0].1).len() < 2);
}

#[test]
fn a_tail_cut_with_its_anchors_is_told_by_the_peer_alone() {
    let (_root, logs) = pair(99);
    let hanoi = &logs[0].1;
    let last = *numbers(hanoi).last().unwrap();
    fs::remove_file(path(hanoi, last)).unwrap();
    edit(&hanoi.join("anchors.jsonl"), |lines| drop(lines.pop()));
    let left = spotless(hanoi).last.number;
    let report = cross_check(&logs).unwrap();
    let hue_last = *numbers(&logs[1].1).last().unwrap();
    let line = fs::read_to_string(path(&logs[1].1, hue_last)).unwrap().lines().count() - 1;
    let references = (left + 1..=23).filter(|n| n % 2 == 1).count() as u64;
    let kind = CrossKind::CutOff { last: left, references };
    assert_eq!(report.faults, [fault(23, kind, hue_last, line as u64)]);
    // Many small rounds tell the same.
    let rounds = cross(&logs, 1).unwrap();
    assert_eq!(rounds.faults.len(), 1);
    assert_eq!((rounds.faults[0].n, rounds.faults[0].kind), (23, kind));
}

#[test]
fn a_log_made_anew_is_contradicted_by_the_peer() {
    let (_root, logs) = pair(99);
    let hanoi = &logs[0].1;
    fs::remove_dir_all(hanoi).unwrap();
    live(hanoi, settings(), |evidence| drop(queue(evidence, 101..=124)));
    spotless(hanoi);
    let report = cross_check(&logs).unwrap();
    assert_eq!(report.faults.len(), 12);
    assert_eq!(report.faults[0], fault(1, CrossKind::Contradicted, 1, 2));
}

#[test]
fn a_record_taken_out_is_missed_by_the_peer() {
    let (_root, logs) = pair(99);
    edit(&path(&logs[0].1, 1), |lines| drop(lines.remove(3)));
    let report = cross_check(&logs).unwrap();
    assert_eq!(report.faults, [fault(3, CrossKind::Missing, 1, 3)]);
    assert_eq!(cross_check(&logs[1..]).unwrap().unknown_platform, 12);
}
