//! What a start goes on from, cuts, and refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::super::folder::ANCHORS;
use super::super::{FaultKind, Note, Refused};
use super::{
    Fault, NOW, OpenError, Path, Settings, call, check, edit, faults, live, log, name, numbers,
    path, queue, settings, spotless, try_open,
};

fn refusal(folder: &Path) -> Fault {
    match try_open(folder, settings()) {
        Err(OpenError::Broken(fault)) => fault,
        other => panic!("{other:?}"),
    }
}

fn lenient() -> Settings {
    Settings { accept_loss: true, ..settings() }
}

#[test]
fn the_chain_goes_on_over_a_restart() {
    let (_root, folder) = log(3, settings());
    let before = check(&folder).last;
    let opened = live(&folder, settings(), |evidence| {
        assert_eq!(evidence.head(), before);
        assert_eq!(queue(evidence, 4..=5)[0].number, 4);
    });
    assert_eq!((opened.last, opened.is_new, opened.cut_bytes), (before, false, 0));
    assert_eq!(spotless(&folder).records, 5);
    assert_eq!(numbers(&folder), [1]);
}

#[test]
fn a_start_without_records_writes_nothing() {
    let (_root, folder) = log(3, settings());
    let before = fs::read(path(&folder, 1)).unwrap();
    live(&folder, settings(), |_| {});
    assert_eq!(fs::read(path(&folder, 1)).unwrap(), before);
    spotless(&folder);
}

#[test]
fn a_crash_at_any_byte_is_survived() {
    let (_root, folder) = log(3, settings());
    let whole = fs::read(path(&folder, 1)).unwrap();
    // Behind line 4 the anchor follows, and `anchors.jsonl` is written after it.
    fs::remove_file(folder.join(ANCHORS)).unwrap();
    for end in 0..=whole.len() {
        fs::write(path(&folder, 1), &whole[..end]).unwrap();
        fs::write(folder.join(ANCHORS), "").unwrap();
        let lines = whole[..end].iter().filter(|byte| **byte == b'\n').count() as u64;
        let torn = end as u64
            - whole[..end].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at as u64 + 1);
        let opened = live(&folder, settings(), |evidence| drop(queue(evidence, 7..=8)));
        assert_eq!(opened.cut_bytes, torn, "crash at byte {end}");
        let left = lines.saturating_sub(1).min(3);
        assert_eq!(opened.last.number, left, "crash at byte {end}");
        assert_eq!(spotless(&folder).records, left + 2, "crash at byte {end}");
    }
}

#[test]
fn a_torn_line_of_the_anchors_is_cut_and_written_again() {
    let (_root, folder) = log(3, settings());
    let whole = fs::read(folder.join(ANCHORS)).unwrap();
    for end in 0..whole.len() {
        fs::write(folder.join(ANCHORS), &whole[..end]).unwrap();
        assert!(check(&folder).notes.contains(&Note::AnchorLate { anchor: 1 }));
        live(&folder, settings(), |_| {});
        assert_eq!(fs::read(folder.join(ANCHORS)).unwrap(), whole);
    }
}

#[test]
fn damage_inside_is_refused_with_file_and_line() {
    type Change = fn(&mut Vec<String>);
    let rows: [(Change, u64, FaultKind); 4] = [
        (|l| l[2] = l[2].replace("true", "fals"), 3, FaultKind::Altered),
        (|l| drop(l.remove(2)), 3, FaultKind::Dropped { from: 2, to: 2 }),
        (|l| l.truncate(3), 3, FaultKind::CutOff { last: 2, vouched: 3 }),
        (|l| l.swap(1, 2), 2, FaultKind::Swapped { n: 2 }),
    ];
    for (change, line, kind) in rows {
        let (_root, folder) = log(3, settings());
        edit(&path(&folder, 1), change);
        let damaged = fs::read(path(&folder, 1)).unwrap();
        assert_eq!(refusal(&folder), Fault { file: name(1), line, kind });
        assert_eq!(fs::read(path(&folder, 1)).unwrap(), damaged, "a refusal changes nothing");
    }
}

#[test]
fn accepted_damage_is_told_in_a_new_segment_and_seen_ever_after() {
    let (_root, folder) = log(3, settings());
    edit(&path(&folder, 1), |lines| lines[2] = lines[2].replace("true", "fals"));
    let opened = live(&folder, lenient(), |evidence| drop(queue(evidence, 4..=5)));
    assert_eq!(opened.broken.unwrap().line, 3);
    let report = check(&folder);
    let altered = Fault { file: name(1), line: 3, kind: FaultKind::Altered };
    assert_eq!(report.faults, [altered]);
    let told = Note::Break { file: name(2), damaged_file: name(1), damaged_line: 3 };
    assert_eq!(report.notes, [told]);
    assert_eq!((report.records, report.last.number), (4, 5));
    live(&folder, settings(), |evidence| drop(queue(evidence, 6..=6)));
}

#[test]
fn accepted_cuts_and_losses_leave_the_lost_numbers_free() {
    type Change = fn(&Path);
    let rows: [(Change, u64, FaultKind); 3] = [
        (|f| edit(&path(f, 2), |l| l.truncate(2)), 3, FaultKind::Dropped { from: 4, to: 4 }),
        (
            |f| {
                fs::remove_file(path(f, 1)).unwrap();
                fs::remove_file(path(f, 2)).unwrap();
            },
            1,
            FaultKind::Dropped { from: 1, to: 4 },
        ),
        (|f| edit(&path(f, 2), |l| drop(l.remove(1))), 2, FaultKind::Dropped { from: 3, to: 3 }),
    ];
    for (change, segment, kind) in rows {
        let (_root, folder) = log(4, Settings { segment_bytes_max: 900, ..settings() });
        assert_eq!(numbers(&folder), [1, 2], "the rows count on it");
        change(&folder);
        live(&folder, lenient(), |evidence| {
            assert_eq!(evidence.queue(&call(5), NOW).unwrap().number, 5);
        });
        let found = faults(&folder);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((&found[0].0, &found[0].2), (&name(segment), &kind));
        live(&folder, settings(), |evidence| drop(queue(evidence, 6..=6)));
    }
}

#[test]
fn a_missing_neighbour_of_the_last_segment_is_refused() {
    let (_root, folder) = log(7, Settings { segment_bytes_max: 900, ..settings() });
    fs::remove_file(path(&folder, 3)).unwrap();
    let kind = FaultKind::SegmentsMissing { from: 3, to: 3 };
    assert_eq!(refusal(&folder), Fault { file: name(3), line: 0, kind });
    live(&folder, lenient(), |evidence| drop(queue(evidence, 8..=8)));
    live(&folder, settings(), |evidence| drop(queue(evidence, 9..=9)));
}

#[test]
fn a_folder_is_used_by_one_process_and_one_platform() {
    let (_root, folder) = log(1, settings());
    let opened = try_open(&folder, settings()).unwrap();
    assert!(matches!(try_open(&folder, settings()), Err(OpenError::InUse(_))));
    drop(opened);
    let other = Settings { platform: "hue".to_owned(), ..settings() };
    assert!(matches!(try_open(&folder, other), Err(OpenError::Foreign { .. })));
    let long = Settings { platform: "x".repeat(300), ..settings() };
    assert!(matches!(try_open(&folder, long), Err(OpenError::NameTooLong)));
}

#[test]
fn only_the_owner_may_read() {
    let (_root, folder) = log(1, settings());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in fs::read_dir(&folder).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}

#[test]
fn what_no_record_can_be_is_refused() {
    let (_root, folder) = log(1, settings());
    live(&folder, settings(), |evidence| {
        for text in ["", "{}", "[1]", "{\"a\":\n1}", "{\"a\":1"] {
            assert_eq!(evidence.queue_json(text.as_bytes(), NOW), Err(Refused::NotAnObject));
        }
        let large = vec![b'{'; super::super::RECORD_BYTES_MAX + 1];
        assert_eq!(evidence.queue_json(&large, NOW), Err(Refused::TooLarge));
    });
    assert_eq!(spotless(&folder).records, 1);
}
