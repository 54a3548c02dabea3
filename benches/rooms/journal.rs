//! Goal P7: records of 1 KiB made durable per second, beside plain pwrite + fdatasync of the same bytes in
//! the same run; and goal P10: how long a restart takes beside plainly reading the same bytes.
//!
//! Segments are given back as they are read, so both sides write into files that were written before. Not
//! measured here: what the fold does with a record.

use lienthong::clock::{SystemClock, Timestamp};
use lienthong::domain::fact::{Confirmed, Fact, PlatformId};
use lienthong::journal::{
    Batch, Content, Entry, Journal, JournalOptions, Lookup, Read, SegmentJournal, Seq, Ticket,
};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

pub(crate) fn appends(size: f64) {
    let folder = tempfile::Builder::new().prefix("bench").tempdir_in("target").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let time = Duration::from_secs_f64(2.0 * size);
    println!("journal: durable records of 1 KiB per second");
    for round in 1..=5 {
        let path = folder.path().join(round.to_string());
        std::fs::create_dir(&path).unwrap();
        let raw_64 = raw(&path, 64, time);
        let raw_512 = raw(&path, 512, time);
        let dir = path.join("journal");
        let options = JournalOptions { dir, spare_segments: 6, ..JournalOptions::default() };
        let run = |waiting, records| runtime.block_on(durable(&options, waiting, records, time));
        let (one, eight, tasks) = (run(1, 64), run(8, 64), run(256, 1));
        println!(
            "{round}: raw 64 {raw_64:>9.0} · raw 512 {raw_512:>9.0} · \
             64 per batch, one waiting {one:>9.0} ({:.2}), eight waiting {eight:>9.0} ({:.2}) · \
             256 tasks {tasks:>9.0} ({:.2})",
            one / raw_64,
            eight / raw_512,
            tasks / raw_64
        );
        std::fs::remove_dir_all(path).unwrap();
    }
}

/// A zero-filled file, written round and round.
fn raw(folder: &Path, records: usize, time: Duration) -> f64 {
    let file = std::fs::File::create_new(folder.join(records.to_string())).unwrap();
    file.write_all_at(&vec![0; 64 << 20], 0).unwrap();
    file.sync_all().unwrap();
    let batch = vec![0x5a; records << 10];
    let (started, mut written) = (now(), 0);
    while started.elapsed() < time || written == 0 {
        file.write_all_at(&batch, (written << 10) as u64 % (60 << 20)).unwrap();
        file.sync_data().unwrap();
        written += records;
    }
    per_second(written as u64, started.elapsed())
}

/// So many tasks, each waiting for its batch before it appends the next.
async fn durable(options: &JournalOptions, tasks: u64, records: u64, time: Duration) -> f64 {
    let (journal, _) = SegmentJournal::open(options.clone(), Arc::new(SystemClock::new())).unwrap();
    let from = journal.last_checkpoint().await.unwrap().map_or(Seq(0), |(upto, _)| upto);
    let journal = Arc::new(journal);
    let bells: Arc<[Notify]> = (0..=tasks).map(|_| Notify::new()).collect();
    let written = Arc::new(AtomicU64::new(0));
    let position = Arc::new(watch::Sender::new(from));
    let reader = spawn(ring(Arc::clone(&journal), Arc::clone(&bells), Arc::clone(&position)));
    let janitor = spawn(give_back(Arc::clone(&journal), position.subscribe()));
    let started = now();
    let task = |task: u64| {
        let (journal, bells) = (Arc::clone(&journal), Arc::clone(&bells));
        let written = Arc::clone(&written);
        async move {
            let bell = bells.get(usize::try_from(task).unwrap()).unwrap();
            loop {
                journal.append(batch(task, records)).await.unwrap();
                bell.notified().await;
                written.fetch_add(records, Ordering::Relaxed);
                if started.elapsed() >= time {
                    return;
                }
            }
        }
    };
    let running: Vec<_> = (1..=tasks).map(|number| spawn(task(number))).collect();
    for task in running {
        task.await.unwrap();
    }
    let elapsed = started.elapsed();
    journal.close().await;
    let upto = reader.await.unwrap();
    janitor.abort();
    journal.checkpoint(upto, bytes::Bytes::new()).await.unwrap();
    per_second(written.load(Ordering::Relaxed), elapsed)
}

/// What was read is done with.
async fn give_back(journal: Arc<SegmentJournal>, mut position: watch::Receiver<Seq>) {
    while position.changed().await.is_ok() {
        let upto = *position.borrow_and_update();
        journal.checkpoint(upto, bytes::Bytes::new()).await.unwrap();
        journal.reclaim(Timestamp(u64::MAX), &[]).await.unwrap();
    }
}

/// The reader: tells each task that its batch is durable.
async fn ring(
    journal: Arc<SegmentJournal>,
    bells: Arc<[Notify]>,
    position: Arc<watch::Sender<Seq>>,
) -> Seq {
    let (mut after, mut records) = (*position.borrow(), 0);
    loop {
        match journal.read(after, 4096).await {
            Read::Durable(batches) => {
                for batch in &batches {
                    let bell = usize::try_from(batch.ticket.0).unwrap();
                    bells.get(bell).unwrap().notify_one();
                    after = batch.last();
                    records += batch.entries.len();
                }
                if records > 60_000 {
                    records = 0;
                    position.send_replace(after);
                }
            }
            Read::Closed(_) => return after,
            Read::Unknown(_) => panic!("segments always know"),
        }
    }
}

fn batch(ticket: u64, records: u64) -> Batch {
    // Head, receiver and description make 1024 bytes.
    let record = |index| Entry {
        id: u128::from(index),
        platform: PlatformId(1),
        at: Timestamp(1),
        content: Content::Fact(Fact::Confirmed(Confirmed {
            receivers: bytes::Bytes::from_static(&[7; 16]),
            description: "x".repeat(959),
            ..Confirmed::default()
        })),
    };
    Batch { ticket: Ticket(ticket), entries: (0..records).map(record).collect() }
}

pub(crate) fn restart(size: f64) {
    let folder = tempfile::Builder::new().prefix("bench").tempdir_in("target").unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let options = JournalOptions { dir: folder.path().to_owned(), ..JournalOptions::default() };
    let records = if size < 1.0 { 512 } else { 1_000_448 };
    runtime.block_on(async {
        let (journal, _) = open(&options);
        let mut after = Seq(0);
        for _ in 0..records / 512 {
            journal.append(batch(0, 512)).await.unwrap();
            after = read_some(&journal, after).await.1;
        }
    });
    let started = now();
    let mut bytes = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            bytes += std::fs::read(path).unwrap().len();
        }
    }
    let plain = started.elapsed();
    let started = now();
    let (journal, report) = open(&options);
    let opened = started.elapsed();
    let (mut read, mut after) = (0, Seq(0));
    runtime.block_on(async {
        while read < records {
            let (entries, last) = read_some(&journal, after).await;
            read += entries;
            after = last;
        }
    });
    let folded = started.elapsed();
    assert_eq!(report.entries_read, records);
    println!(
        "journal restart without a checkpoint: {records} records, {} MiB: plain read {plain:?}, \
         opened {opened:?}, all read {folded:?}",
        bytes >> 20
    );
}

/// What sealed segments before the checkpoint cost: 320 of them are 20 GB at the usual size.
pub(crate) fn retained(size: f64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("journal with segments before its checkpoint");
    for segments in if size < 1.0 { [1, 2] } else { [16, 320] } {
        let folder = tempfile::Builder::new().prefix("bench").tempdir_in("target").unwrap();
        let options = JournalOptions {
            dir: folder.path().to_owned(),
            segment_bytes: 2 << 20,
            batch_bytes_max: 256 << 10,
            ..JournalOptions::default()
        };
        runtime.block_on(async {
            let (journal, _) = open(&options);
            let mut after = Seq(0);
            while after.0 >> 32 <= segments {
                journal.append(batch(0, 128)).await.unwrap();
                after = read_some(&journal, after).await.1;
            }
            journal.checkpoint(after, bytes::Bytes::new()).await.unwrap();
            // Whatever is not indexed yet is indexed now.
            journal.find(None, Lookup::Key(1), 1).await.unwrap();
        });
        let before = resident_bytes();
        let started = now();
        let (journal, _) = open(&options);
        let opened = started.elapsed();
        let find = |key| runtime.block_on(journal.find(None, Lookup::Key(key), 1)).unwrap();
        find(1);
        let grown = resident_bytes().saturating_sub(before) >> 10;
        let started = now();
        (0..100).for_each(|key| drop(find(key)));
        let found = started.elapsed() / 100;
        println!("{segments}: opened in {opened:?}, {grown} KiB more, a look-up {found:?}");
    }
}

fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn open(options: &JournalOptions) -> (SegmentJournal, lienthong::journal::Recovery) {
    SegmentJournal::open(options.clone(), Arc::new(SystemClock::new())).unwrap()
}

async fn read_some(journal: &SegmentJournal, after: Seq) -> (u64, Seq) {
    match journal.read(after, 256).await {
        Read::Durable(batches) => {
            let entries = batches.iter().map(|batch| batch.entries.len() as u64).sum();
            (entries, batches.last().unwrap().last())
        }
        Read::Closed(_) | Read::Unknown(_) => panic!("closed"),
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench is its own assembly")]
fn spawn<F>(task: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(task)
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn per_second(records: u64, elapsed: Duration) -> f64 {
    records as f64 / elapsed.as_secs_f64()
}
