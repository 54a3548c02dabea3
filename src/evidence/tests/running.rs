//! The writer at work: order, limits, failure, rotation and retention.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;

use super::super::folder::{ANCHORS, Sink};
use super::super::{IDS, Passed, Refused, Tail, find};
use super::{
    FaultKind, Head, NOW, Settings, Timestamp, call, check, faults, live, log, numbers, path,
    queue, settings, spotless, try_open,
};

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn flushed_resolves_when_the_record_is_on_disk_and_hurries_the_writer() {
    let root = tempfile::tempdir().unwrap();
    // An hour: only whoever waits makes it flush.
    let slow = Settings { flush_ms_max: 3_600_000, ..settings() };
    let (evidence, writer, _) = try_open(root.path(), slow).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| writer.run().unwrap());
        for id in 1..=20 {
            let head = evidence.queue(&call(id), NOW).unwrap();
            wait(evidence.flushed(head.number)).unwrap();
            assert_eq!(evidence.durable(), head);
            assert_eq!(check(root.path()).last, head);
        }
        evidence.close();
        assert_eq!(wait(evidence.flushed(21)), Err(Refused::Closed));
    });
    assert_eq!(evidence.queue(&call(21), NOW), Err(Refused::Closed));
    spotless(root.path());
}

#[test]
fn many_threads_lose_nothing_and_keep_one_chain() {
    let root = tempfile::tempdir().unwrap();
    let small = Settings { segment_bytes_max: 20_000, anchor_records_max: 70, ..settings() };
    let (evidence, writer, _) = try_open(root.path(), small).unwrap();
    let mut heads: Vec<Head> = thread::scope(|scope| {
        scope.spawn(|| writer.run().unwrap());
        let work = |from: u64| {
            let evidence = evidence.clone();
            move || queue(&evidence, from..=from + 249)
        };
        let threads = [0, 1, 2, 3, 4, 5, 6, 7].map(|t| scope.spawn(work(t * 1000)));
        let heads = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
        evidence.close();
        heads
    });
    heads.sort_by_key(|head| head.number);
    assert!(heads.iter().map(|head| head.number).eq(1..=2000));
    let report = spotless(root.path());
    assert_eq!((report.records, Some(&report.last)), (2000, heads.last()));
    assert!(report.segments > 10);
    for id in (0..8).flat_map(|t| t * 1000..t * 1000 + 250).step_by(97) {
        assert_eq!(find(root.path(), &format!("VN-{id}"), 9, u64::MAX).unwrap().records.len(), 1);
    }
}

#[test]
fn a_tail_shows_every_record_once_across_segments_and_counts_what_retention_took() {
    let root = tempfile::tempdir().unwrap();
    let small = Settings { segment_bytes_max: 4_000, segments_kept_max: 3, ..settings() };
    let (evidence, writer, _) = try_open(root.path(), small).unwrap();
    let mut early = Tail::new(root.path(), 0);
    let mut seen = Vec::new();
    assert_eq!(early.read(0, 10, |n, _| seen.push(n)).unwrap(), Passed::default());
    thread::scope(|scope| {
        scope.spawn(|| writer.run().unwrap());
        for id in 1..=100 {
            let head = evidence.queue(&call(id), NOW).unwrap();
            wait(evidence.flushed(head.number)).unwrap();
            // Never beyond what is asked for, and at most so many at a time.
            let passed = early.read(head.number - 1, 7, |n, _| seen.push(n)).unwrap();
            assert_eq!(passed, Passed { through: head.number - 1, missed: 0 });
        }
        evidence.close();
    });
    assert!(seen.iter().copied().eq(1..=99));
    let (mut late, mut found) = (Tail::new(root.path(), 10), Vec::new());
    let mut missed = 0;
    while late.through() < 100 {
        missed += late.read(100, 9, |n, text| found.push((n, text.to_vec()))).unwrap().missed;
    }
    assert!(missed > 0 && found.len() as u64 + missed == 90, "{missed} {}", found.len());
    assert!(found.last().unwrap().1.starts_with(b"{\"n\":100,"));
    let mut there = Vec::new();
    Tail::new(root.path(), 98).read(100, 9, |n, _| there.push(n)).unwrap();
    assert_eq!(there, [99, 100]);
}

#[test]
fn the_oldest_files_leave_before_the_log_takes_more_than_it_may() {
    let root = tempfile::tempdir().unwrap();
    let bytes_max = 20_000;
    let small = Settings { segment_bytes_max: 4_000, kept_bytes_max: bytes_max, ..settings() };
    let taken = || -> u64 {
        let files = numbers(root.path()).into_iter().map(|number| path(root.path(), number));
        files.map(|file| fs::metadata(file).unwrap().len()).sum()
    };
    assert_eq!(check_first(&small, root.path(), 1..=20), 1, "nothing left yet");
    // Each life begins with what the one before left behind.
    let mut first = 1;
    for life in 1..=5 {
        let now = check_first(&small, root.path(), life * 100..=life * 100 + 60);
        assert!(now > first, "{now} {first}");
        assert!(taken() <= bytes_max && taken() > bytes_max / 2, "{}", taken());
        first = now;
    }
    let report = spotless(root.path());
    assert_eq!(report.since_ms, NOW.ms());
    assert_eq!(report.records, report.last.number + 1 - report.first);
}

/// The first record that is left after a life of the log, all of which holds.
fn check_first(settings: &Settings, folder: &Path, ids: std::ops::RangeInclusive<u64>) -> u64 {
    live(folder, settings.clone(), |evidence| drop(queue(evidence, ids)));
    spotless(folder).first
}

#[test]
fn the_last_handle_closes_the_log_with_an_anchor() {
    let root = tempfile::tempdir().unwrap();
    let (evidence, writer, _) = try_open(root.path(), settings()).unwrap();
    let other = evidence.clone();
    queue(&evidence, 1..=2);
    drop(evidence);
    queue(&other, 3..=3);
    drop(other);
    writer.run().unwrap();
    assert_eq!(spotless(root.path()).records, 3);
    let anchors = fs::read_to_string(root.path().join(ANCHORS)).unwrap();
    assert!(anchors.starts_with("{\"anchor\":1,\"platform\":\"hanoi\",\"n\":3,\"chain\":\""));
}

#[test]
fn a_full_queue_refuses_and_the_chain_is_as_before() {
    let root = tempfile::tempdir().unwrap();
    let tight = Settings { queue_records_max: 3, ..settings() };
    let (evidence, writer, _) = try_open(root.path(), tight).unwrap();
    let heads = queue(&evidence, 1..=3);
    assert_eq!(evidence.queue(&call(4), NOW), Err(Refused::Full));
    assert_eq!(evidence.head(), heads[2]);
    thread::scope(|scope| {
        scope.spawn(|| writer.run().unwrap());
        wait(evidence.flushed(3)).unwrap();
        queue(&evidence, 5..=5);
        evidence.close();
    });
    assert_eq!(spotless(root.path()).records, 4);
}

#[test]
fn a_queue_full_of_bytes_refuses() {
    let root = tempfile::tempdir().unwrap();
    let (evidence, _writer, _) =
        try_open(root.path(), Settings { queue_bytes_max: 0, ..settings() }).unwrap();
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(60_000));
    let refused = (0..10).find_map(|_| evidence.queue_json(large.as_bytes(), NOW).err());
    assert_eq!(refused, Some(Refused::Full));
}

/// Fails at the write or flush after so many.
struct Failing(u32);

impl Failing {
    fn step(&mut self) -> io::Result<()> {
        self.0 = self.0.checked_sub(1).ok_or_else(|| io::Error::other("no such disk"))?;
        Ok(())
    }
}

impl Sink for Failing {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<()> {
        self.step()
    }

    fn sync(&mut self) -> io::Result<()> {
        self.step()
    }
}

#[test]
fn after_a_failed_write_or_flush_nothing_is_taken_any_more() {
    for steps in 0..4 {
        let (_root, folder) = log(1, settings());
        let (evidence, mut writer, _) = try_open(&folder, settings()).unwrap();
        writer.segment = Some(Box::new(Failing(steps)));
        let (ran, shown) = thread::scope(|scope| {
            let thread = scope.spawn(|| writer.run());
            let two = queue(&evidence, 2..=2)[0].number;
            let shown = wait(evidence.flushed(two));
            // It may be refused already.
            // The writer may have failed already; nobody closes the log here.
            let three = evidence.queue(&call(3), NOW);
            assert!(three.is_ok() || steps < 2 && three == Err(Refused::Closed));
            assert_eq!(wait(evidence.flushed(3)), Err(Refused::Closed));
            (thread.join().unwrap(), shown)
        });
        assert!(ran.is_err() && shown.is_ok() == (steps >= 2), "{steps}: {ran:?} {shown:?}");
        assert_eq!(evidence.queue(&call(4), NOW), Err(Refused::Closed));
        assert_eq!(wait(evidence.flushed(9)), Err(Refused::Closed));
    }
}

#[test]
fn a_segment_that_cannot_be_made_ends_the_log() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path()).unwrap();
    let (evidence, writer, _) = try_open(root.path(), settings()).unwrap();
    fs::create_dir(path(root.path(), 1)).unwrap();
    queue(&evidence, 1..=1);
    assert!(writer.run().is_err());
    assert_eq!(evidence.queue(&call(2), NOW), Err(Refused::Closed));
}

#[test]
fn rotation_and_retention_keep_the_log_clean() {
    let small = || Settings { segment_bytes_max: 900, segments_kept_max: 3, ..settings() };
    let (_root, folder) = log(20, small());
    assert_eq!(numbers(&folder), [8, 9, 10]);
    let report = spotless(&folder);
    assert_eq!((report.records, report.last.number), (6, 20));
    // Each removed segment has left its anchor.
    assert_eq!(fs::read_to_string(folder.join(ANCHORS)).unwrap().lines().count(), 10);
    live(&folder, small(), |evidence| drop(queue(evidence, 21..=23)));
    spotless(&folder);
    fs::remove_file(folder.join(ANCHORS)).unwrap();
    let found = faults(&folder);
    assert!(found.iter().any(|(_, _, kind)| *kind == FaultKind::Unvouched), "{found:?}");
}

#[test]
fn a_segment_lasts_a_day_and_goes_when_all_in_it_is_old() {
    let root = tempfile::tempdir().unwrap();
    let day = |days: u64| Timestamp::from_secs(1_700_000_000 + days * 86_400);
    let kept = || Settings { kept_days_max: 3, ..settings() };
    for restart in 0..3 {
        live(root.path(), kept(), |evidence| {
            for days in restart * 3..restart * 3 + 3 {
                evidence.queue(&call(days), day(days)).unwrap();
                evidence.queue(&call(days), day(days)).unwrap();
            }
        });
    }
    assert_eq!(spotless(root.path()).records, 10);
    assert_eq!(numbers(root.path()), [5, 6, 7, 8, 9]);
}

#[test]
fn records_are_found_newest_first_within_limits() {
    let root = tempfile::tempdir().unwrap();
    live(root.path(), Settings { segment_bytes_max: 2000, ..settings() }, |evidence| {
        for id in 1..=30 {
            evidence.queue(&call(id % 3), NOW).unwrap();
        }
    });
    let seen = |limit, bytes| {
        let found = find(root.path(), "VN-1", limit, bytes).unwrap();
        let numbers: Vec<_> = found.records.iter().map(|r| r["n"].as_u64().unwrap()).collect();
        assert!(found.records.iter().all(|r| r[IDS[0]] == "VN-1"));
        (numbers, found.stopped_early)
    };
    assert_eq!(seen(100, u64::MAX).0, [28, 25, 22, 19, 16, 13, 10, 7, 4, 1]);
    assert_eq!(seen(2, u64::MAX), (vec![28, 25], false));
    let (few, stopped_early) = seen(100, 3000);
    assert!(stopped_early && few.len() < 10 && few.first() == Some(&28), "{few:?}");
    assert_eq!(seen(100, 0), (vec![], true));
    assert_eq!(seen(0, 3000), (vec![], false));
}

#[test]
fn a_head_travels_as_text() {
    let head = Head { number: 17, chain: [0xab; 32] };
    assert_eq!(head.to_string().parse(), Ok(head));
    let hex = "ab".repeat(32);
    for text in [
        "",
        "17",
        "17:",
        "017:ab",
        &format!("017:{hex}"),
        &format!("+7:{hex}"),
        &format!("7:{}", hex.to_uppercase()),
    ] {
        assert!(text.parse::<Head>().is_err(), "{text}");
    }
}
