//! Everything done to the files afterwards is found, at its line, once.

use std::fs;

use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};
use sha2::{Digest, Sha256};

use super::super::Note;
use super::super::folder::ANCHORS;
use super::super::line::{Line, parse, push_record};
use super::{
    Evidence, FaultKind, OpenError, Path, PathBuf, Settings, Signer, TempDir, Trust, VerifyOptions,
    check, edit, faults, log, name, numbers, path, queue, settings, spotless, try_open, verify,
};

/// Lines of the first segment: 1 header, 2 to 9 records 1 to 8 with an anchor as line 6, behind record 4, and
/// another at the end.
fn eight() -> (TempDir, PathBuf) {
    log(8, Settings { anchor_records_max: 4, ..settings() })
}

#[test]
fn an_untouched_log_is_clean() {
    let (_root, folder) = eight();
    let report = spotless(&folder);
    assert_eq!((report.records, report.last.number, report.segments), (8, 8, 1));
    assert_eq!(report.signatures_checked, 4);
}

#[test]
fn every_flipped_byte_is_found_at_its_line() {
    let (_root, folder) = eight();
    let file = path(&folder, 1);
    let whole = fs::read(&file).unwrap();
    let mut line = 1;
    for at in 0..whole.len() {
        for flip in [1, 0x20, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            fs::write(&file, &bytes).unwrap();
            let found = faults(&folder);
            let first = found.first().unwrap_or_else(|| panic!("byte {at} ^ {flip}: nothing"));
            // Without the last line feed the last line counts as torn; the anchor it held is missed before it.
            let is_end = at + 1 == whole.len();
            assert_eq!(
                first.1,
                if is_end { line - 1 } else { line },
                "byte {at} ^ {flip}: {found:?}"
            );
            let is_line_feed = whole[at] == b'\n' || bytes[at] == b'\n';
            assert!(found.len() == 1 || is_line_feed, "byte {at} ^ {flip}: {found:?}");
        }
        line += u64::from(whole[at] == b'\n');
    }
}

#[test]
fn every_flipped_byte_of_the_anchors_is_found() {
    let (_root, folder) = eight();
    let file = folder.join(ANCHORS);
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        for flip in [1, 0x20, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            fs::write(&file, &bytes).unwrap();
            let report = check(&folder);
            let is_told =
                !report.faults.is_empty() || at + 1 == whole.len() && report.notes.len() == 2;
            assert!(is_told, "byte {at} ^ {flip}: {report:?}");
        }
    }
}

#[test]
fn every_kind_of_damage_is_told_once_at_its_line() {
    use FaultKind::{
        Altered, AnchorsDropped, CutOff, Dropped, NoHeader, Repeated, Swapped, UnknownLine,
    };
    type Row<'a> = (&'a str, fn(&mut Vec<String>), &'a [(u64, FaultKind)]);
    let rows: [Row<'_>; 17] = [
        ("dropped", |l| drop(l.remove(3)), &[(4, Dropped { from: 3, to: 3 })]),
        ("two dropped", |l| drop(l.drain(2..4)), &[(3, Dropped { from: 2, to: 3 })]),
        ("dropped before an anchor", |l| drop(l.remove(4)), &[(6, Dropped { from: 4, to: 4 })]),
        ("neighbours swapped", |l| l.swap(2, 3), &[(3, Swapped { n: 3 })]),
        ("far lines swapped", |l| l.swap(2, 7), &[(3, Swapped { n: 6 }), (8, Swapped { n: 2 })]),
        ("the last two swapped", |l| l.swap(8, 9), &[(9, Swapped { n: 8 })]),
        (
            "moved and its place left out",
            |l| {
                l[2] = l[7].clone();
                l.remove(7);
            },
            &[(3, Swapped { n: 6 }), (4, Dropped { from: 2, to: 2 })],
        ),
        ("repeated", |l| l.insert(3, l[2].clone()), &[(4, Repeated { n: 2 })]),
        ("altered", |l| l[3] = l[3].replace("true", "fals"), &[(4, Altered)]),
        (
            "altered, dropped, inserted",
            |l| {
                l[2] = l[2].replace("VN", "VX");
                l.remove(7);
                l.insert(4, "{\"hello\":1}".to_owned());
            },
            &[(3, Altered), (5, UnknownLine), (9, Dropped { from: 6, to: 6 })],
        ),
        ("cut before the last anchor", |l| l.truncate(8), &[(8, CutOff { last: 6, vouched: 8 })]),
        ("last record gone", |l| drop(l.remove(9)), &[(10, CutOff { last: 7, vouched: 8 })]),
        ("anchor moved up", |l| l.swap(4, 5), &[(5, Swapped { n: 4 })]),
        ("anchor moved down", |l| l.swap(5, 6), &[(7, Swapped { n: 4 })]),
        ("anchor gone", |l| drop(l.remove(5)), &[(10, AnchorsDropped { from: 1, to: 1 })]),
        ("header gone", |l| drop(l.remove(0)), &[(1, NoHeader)]),
        ("a line too long", |l| l[3] = "x".repeat(1 << 20), &[(4, UnknownLine)]),
    ];
    for (what, change, expected) in rows {
        let (_root, folder) = eight();
        edit(&path(&folder, 1), change);
        let found: Vec<_> =
            faults(&folder).into_iter().map(|(_, line, kind)| (line, kind)).collect();
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn a_log_rewritten_with_right_hashes_contradicts_its_anchors() {
    let (_root, folder) = eight();
    edit(&path(&folder, 1), |lines| {
        let Line::Record { prev, .. } = parse(lines[2].as_bytes()) else { panic!() };
        let (mut prev, mut n) = (prev, 1);
        for line in &mut lines[2..] {
            if line.starts_with("{\"n\"") {
                n += 1;
                let mut text = Vec::new();
                prev = push_record(&mut text, n, &prev, b"\"messageId\":\"forged\"}");
                *line = String::from_utf8(text).unwrap().trim_end().to_owned();
            }
        }
    });
    let expected = (ANCHORS.to_owned(), 1, FaultKind::Contradicted { n: 4 });
    assert_eq!(faults(&folder), [expected]);
}

#[test]
fn one_record_rewritten_with_a_right_hash_is_found_by_the_next() {
    let (_root, folder) = eight();
    edit(&path(&folder, 1), |lines| {
        let Line::Record { prev, .. } = parse(lines[2].as_bytes()) else { panic!() };
        let mut text = Vec::new();
        push_record(&mut text, 2, &prev, b"\"messageId\":\"forged\"}");
        lines[2] = String::from_utf8(text).unwrap().trim_end().to_owned();
    });
    assert_eq!(faults(&folder), [(name(1), 4, FaultKind::Unlinked)]);
}

#[test]
fn an_anchor_of_another_key_is_not_believed() {
    struct Forger;
    impl Signer for Forger {
        fn certificate(&self) -> Vec<u8> {
            Vec::new()
        }

        fn sign(&self, bytes: &[u8]) -> Vec<u8> {
            Sha256::digest(bytes).to_vec()
        }
        fn key_id(&self) -> String {
            "seal-1".to_owned()
        }

        fn trust(&self) -> std::io::Result<Trust> {
            Ok(Trust::default())
        }
    }
    let root = tempfile::tempdir().unwrap();
    let (evidence, writer, _) = Evidence::open(root.path(), settings(), Box::new(Forger)).unwrap();
    queue(&evidence, 1..=2);
    drop(evidence);
    writer.run().unwrap();
    let bad = FaultKind::BadSignature;
    assert_eq!(faults(root.path()), [(name(1), 4, bad.clone()), (ANCHORS.to_owned(), 1, bad)]);
}

#[test]
fn whole_segments_removed_exchanged_or_cut_are_found() {
    type Row = (&'static str, fn(&Path), Vec<(u64, FaultKind)>);
    let missing = |from, to| FaultKind::SegmentsMissing { from, to };
    let rows: [Row; 5] = [
        ("one within", |f| fs::remove_file(path(f, 2)).unwrap(), vec![(2, missing(2, 2))]),
        ("the oldest", |f| fs::remove_file(path(f, 1)).unwrap(), vec![(1, missing(1, 1))]),
        (
            "the newest",
            |f| fs::remove_file(path(f, 4)).unwrap(),
            vec![(3, FaultKind::CutOff { last: 6, vouched: 7 })],
        ),
        (
            "the newest two",
            |f| {
                fs::remove_file(path(f, 4)).unwrap();
                fs::remove_file(path(f, 3)).unwrap();
            },
            vec![(2, FaultKind::CutOff { last: 4, vouched: 7 })],
        ),
        (
            "two exchanged",
            |f| {
                fs::rename(path(f, 2), f.join("x")).unwrap();
                fs::rename(path(f, 3), path(f, 2)).unwrap();
                fs::rename(f.join("x"), path(f, 3)).unwrap();
            },
            vec![(2, FaultKind::Swapped { n: 5 }), (3, FaultKind::Swapped { n: 3 })],
        ),
    ];
    for (what, change, expected) in rows {
        let (_root, folder) = log(7, Settings { segment_bytes_max: 900, ..settings() });
        assert_eq!(numbers(&folder), [1, 2, 3, 4], "the rows below count on it");
        change(&folder);
        let found: Vec<_> =
            faults(&folder).into_iter().map(|(file, _, kind)| (file, kind)).collect();
        let expected: Vec<_> = expected.into_iter().map(|(s, kind)| (name(s), kind)).collect();
        assert_eq!(found, expected, "{what}");
    }
}

#[test]
fn a_torn_tail_is_a_note_and_no_fault() {
    let (_root, folder) = eight();
    let mut text = fs::read(path(&folder, 1)).unwrap();
    text.extend_from_slice(b"{\"n\":9,\"pr");
    fs::write(path(&folder, 1), text).unwrap();
    let report = check(&folder);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(report.notes, [Note::TornTail { file: name(1), bytes: 10 }]);
}

#[test]
fn the_report_is_bounded() {
    let (_root, folder) = eight();
    edit(&path(&folder, 1), |lines| lines.fill("?".to_owned()));
    let report = verify(&folder, &VerifyOptions { verifier: None, faults_max: 3 }).unwrap();
    assert_eq!((report.faults.len(), report.faults_untold), (3, 8));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_lines_in_any_order_are_judged_without_panic(
        order in prop::collection::vec((0_usize..11, prop::option::of(any::<(prop::sample::Index, u8)>())), 0..20),
    ) {
        let (_root, folder) = eight();
        let before: Vec<String> = fs::read_to_string(path(&folder, 1)).unwrap().lines().map(str::to_owned).collect();
        let mut bytes = Vec::new();
        for (from, flip) in &order {
            let mut line = before[from % before.len()].clone().into_bytes();
            if let Some((at, flip)) = flip {
                let at = at.index(line.len());
                line[at] ^= flip;
            }
            bytes.extend_from_slice(&line);
            bytes.push(b'\n');
        }
        let is_same = bytes == fs::read(path(&folder, 1)).unwrap();
        fs::write(path(&folder, 1), &bytes).unwrap();
        prop_assert_eq!(check(&folder).is_clean(), is_same);
        let opened = try_open(&folder, Settings { accept_loss: true, ..settings() });
        let is_open = matches!(opened, Ok(_) | Err(OpenError::Foreign { .. }));
        prop_assert!(is_open);
    }
}
