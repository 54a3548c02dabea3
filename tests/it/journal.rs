//! The segmented log on a real disk: its contract, damage, locks, look-ups, reclaiming.

use crate::journal_contract::{batch, confirmed, doc_id, document, everything, read_batches};
use bytes::Bytes;
use lienthong::clock::{SystemClock, Timestamp};
use lienthong::domain::fact::{Fact, PlatformId};
use lienthong::journal::{
    Content, Journal, JournalOptions, Lookup, OpenError, Read, ReadError, Recovery, SegmentJournal,
    Seq, order_key,
};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[tokio::test]
async fn segments_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    everything(|name| open(&small(&folder.path().join(name))).0).await;
}

#[tokio::test]
async fn segments_keep_the_contract_with_next_to_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    everything(|name| {
        open(&JournalOptions { tail_bytes_max: 300, ..small(&folder.path().join(name)) }).0
    })
    .await;
}

#[tokio::test]
async fn a_folder_serves_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal/sandbox");
    let (journal, _) = open(&small(&path));
    let second = SegmentJournal::open(small(&path), Arc::new(SystemClock::new())).unwrap_err();
    assert!(second.to_string().contains(path.to_str().unwrap()), "{second}");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    drop(journal);
    open(&small(&path));
}

#[tokio::test]
async fn damage_before_the_end_stops_the_start_with_file_and_offset() {
    let folder = tempfile::tempdir().unwrap();
    let seqs = write_one_by_one(folder.path(), 9).await;
    let middle = offset(seqs[4]);
    flip(&segment(folder.path(), 1), middle + 60);
    let refused =
        SegmentJournal::open(small(folder.path()), Arc::new(SystemClock::new())).unwrap_err();
    let at = middle - 40;
    assert!(
        matches!(&refused, OpenError::Corrupt { file, offset } if file == "0000000001.log" && *offset == at),
        "{refused:?}"
    );

    let accepting = JournalOptions { accept_loss: true, ..small(folder.path()) };
    let (journal, report) = open(&accepting);
    assert_eq!(report.lost.len(), 1);
    assert_eq!((report.lost[0].offset, report.lost[0].batches), (at, 1));
    let kept: Vec<Seq> =
        read_batches(&journal, Seq(0), 8).await.iter().map(|b| b.seqs[0]).collect();
    assert_eq!(kept, [&seqs[..4], &seqs[5..]].concat());
    drop(journal);
    // What was accepted once need not be accepted again.
    let (journal, report) = open(&small(folder.path()));
    assert_eq!(report.lost, []);
    assert_eq!(read_batches(&journal, Seq(0), 8).await.len(), 8);
}

#[tokio::test]
async fn an_incomplete_last_batch_is_cut_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let seqs = write_one_by_one(folder.path(), 5).await;
    let last = offset(seqs[4]);
    flip(&segment(folder.path(), 1), last + 50);
    let (journal, report) = open(&small(folder.path()));
    let torn = report.torn.unwrap();
    assert_eq!((torn.file.as_str(), torn.offset, torn.bytes), ("0000000001.log", last - 40, 512));
    let mut cleared = [1; 512];
    let file = std::fs::File::open(segment(folder.path(), 1)).unwrap();
    file.read_exact_at(&mut cleared, u64::from(torn.offset)).unwrap();
    assert_eq!(cleared, [0; 512]);
    journal.append(batch(6, 1)).await.unwrap();
    let read = read_batches(&journal, Seq(0), 5).await;
    assert_eq!(read[3].seqs[0], seqs[3]);
    assert_eq!((read[4].ticket.0, read[4].seqs[0]), (6, seqs[4]), "the place is used again");
    drop(journal);
    assert_eq!(open(&small(folder.path())).1.torn, None);
}

#[tokio::test]
async fn a_sealed_segment_that_lost_its_end_is_corruption() {
    let folder = tempfile::tempdir().unwrap();
    let seqs = fill_segments(folder.path(), 3).await;
    let last = seqs.iter().rfind(|seq| seq.0 >> 32 == 1).unwrap();
    flip(&segment(folder.path(), 1), offset(*last));
    let refused =
        SegmentJournal::open(small(folder.path()), Arc::new(SystemClock::new())).unwrap_err();
    assert!(matches!(refused, OpenError::Corrupt { file, .. } if file == "0000000001.log"));
    let accepting = JournalOptions { accept_loss: true, ..small(folder.path()) };
    let (journal, report) = open(&accepting);
    assert_eq!(report.lost.len(), 1);
    let read = read_batches(&journal, Seq(0), seqs.len() - 1).await;
    assert_eq!(read.last().unwrap().last(), *seqs.last().unwrap());
}

#[tokio::test]
async fn a_missing_segment_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fill_segments(folder.path(), 4).await;
    std::fs::remove_file(segment(folder.path(), 2)).unwrap();
    let refused =
        SegmentJournal::open(small(folder.path()), Arc::new(SystemClock::new())).unwrap_err();
    assert!(matches!(refused, OpenError::Missing { file } if file == "0000000002.log"));
}

#[tokio::test]
async fn a_newer_format_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    write_one_by_one(folder.path(), 1).await;
    let file = std::fs::File::options().write(true).open(segment(folder.path(), 1)).unwrap();
    file.write_all_at(&[9], 8).unwrap();
    let refused =
        SegmentJournal::open(small(folder.path()), Arc::new(SystemClock::new())).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { file, version: 9 } if file == "0000000001.log"));
}

#[tokio::test]
async fn a_damaged_checkpoint_falls_back_to_the_former_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let seqs = write_one_by_one(folder.path(), 9).await;
    let (journal, _) = open(&small(folder.path()));
    for upto in [2, 4, 6] {
        journal.checkpoint(seqs[upto], vec![u8::try_from(upto).unwrap(); 3].into()).await.unwrap();
    }
    drop(journal);
    let files = checkpoints(folder.path());
    assert_eq!(files.len(), 2);
    flip(&files[1], 41);
    let (journal, report) = open(&small(folder.path()));
    assert_eq!(report.checkpoint, Some(seqs[4]));
    assert!(files[1].ends_with(report.checkpoint_damaged.unwrap()));
    let (upto, state) = journal.last_checkpoint().await.unwrap().unwrap();
    assert_eq!((upto, &state[..]), (seqs[4], &[4; 3][..]));
    journal.checkpoint(seqs[8], Bytes::new()).await.unwrap();
    drop(journal);
    assert_eq!(open(&small(folder.path())).1.checkpoint_damaged, None);
}

#[tokio::test]
async fn a_reader_that_lags_is_served_from_disk_with_its_tickets() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(&JournalOptions { tail_bytes_max: 2000, ..small(folder.path()) });
    for ticket in 1..=500 {
        journal.append(batch(ticket, 3)).await.unwrap();
    }
    journal.close().await;
    let read = read_batches(&journal, Seq(0), 500).await;
    assert!(read.iter().map(|batch| batch.ticket.0).eq(1..=500));
}

#[tokio::test]
async fn facts_are_found_after_the_seal() {
    let folder = tempfile::tempdir().unwrap();
    let journal = documents(folder.path(), 800, 2).await;
    find_all(&journal, 2).await;
    // Damaged or gone, it is built again.
    damage_records(&folder.path().join("0000000001.idx"));
    std::fs::remove_file(folder.path().join("0000000002.idx")).unwrap();
    find_all(&journal, 2).await;
    drop(journal);
    let (journal, _) = open(&small(folder.path()));
    find_all(&journal, 2).await;
    assert!(folder.path().join("0000000002.idx").exists());
}

#[tokio::test]
async fn reclaiming_respects_age_checkpoint_and_pins() {
    let folder = tempfile::tempdir().unwrap();
    let journal = documents(folder.path(), 2000, 6).await;
    let all = read_batches(&journal, Seq(0), 2001).await;
    let old = Timestamp(u64::MAX);
    assert_eq!(journal.reclaim(old, &[]).await.unwrap(), 0, "no checkpoint");
    let in_segment = |n: u64| all.iter().find(|batch| batch.first().0 >> 32 == n).unwrap();
    journal.checkpoint(in_segment(5).first(), Bytes::new()).await.unwrap();
    assert_eq!(journal.reclaim(Timestamp(1), &[]).await.unwrap(), 0, "nothing is that old");
    let pinned = in_segment(2).seqs[1];
    // All indexes are there.
    assert_eq!(journal.find(None, Lookup::Key(0), 1).await.unwrap().len(), 0);
    let before = journal.health().disk_bytes;
    let freed = journal.reclaim(old, &[pinned]).await.unwrap();
    assert_eq!(before - journal.health().disk_bytes, freed);
    let left: Vec<u32> = (1..=6).filter(|n| segment(folder.path(), *n).exists()).collect();
    assert_eq!(left, [2, 5, 6]);
    assert_eq!(journal.chunk(pinned).await.unwrap(), vec![2; 2000]);
    let gone = in_segment(3).seqs[1];
    assert!(matches!(journal.chunk(gone).await, Err(ReadError::Gone(seq)) if seq == gone));
    let key = Lookup::Key(order_key("H53", "doc-1"));
    assert_eq!(journal.find(None, key, 10).await.unwrap().len(), 0);
    drop(journal);
    let (journal, report) = open(&small(folder.path()));
    assert_eq!(report.checkpoint, Some(in_segment(5).first()));
    let rest = all.iter().filter(|batch| batch.last() > in_segment(5).last()).count();
    let read = read_batches(&journal, in_segment(5).last(), rest).await;
    assert_eq!(read.last().unwrap().last(), all[2000].last());
}

async fn find_all(journal: &SegmentJournal, sealed: u64) {
    for number in [1, 2, 50] {
        let by_key = Lookup::Key(order_key("H53", &format!("doc-{number}")));
        let by_sender = Lookup::Doc(doc_id(number * 10));
        let by_receiver = Lookup::Doc(doc_id(number * 10 + 2));
        for (what, count) in [(by_key, 1), (by_sender, 1), (by_receiver, 2)] {
            let found = journal.find(Some(PlatformId(7)), what, 10).await.unwrap();
            assert_eq!(found.len(), if number == 1 { count } else { 1 }, "{what:?}");
            assert!(found[0].seq.0 >> 32 <= sealed);
            let Content::Fact(Fact::Accepted(accepted)) = &found[0].entry.content else { panic!() };
            assert_eq!(accepted.document_id(), format!("doc-{number}"));
            let body = accepted.body.as_ref().unwrap();
            assert_eq!((body.chunks.len(), body.preceding), (2, 0));
            for (chunk, bytes) in body.chunks.iter().zip([1000, 2000]) {
                assert_eq!(journal.chunk(Seq(*chunk)).await.unwrap().len(), bytes);
            }
            assert_eq!(journal.find(Some(PlatformId(8)), what, 10).await.unwrap().len(), 0);
        }
    }
    let one = journal.find(None, Lookup::Doc(doc_id(12)), 1).await.unwrap();
    assert!(matches!(one[0].entry.content, Content::Fact(Fact::Accepted(_))), "oldest first");
    assert_eq!(journal.find(None, Lookup::Doc(doc_id(3)), 9).await.unwrap().len(), 0);
}

/// Documents 1.., then a word on the first, so many that `sealed` segments are full.
async fn documents(folder: &Path, count: u64, sealed: u64) -> SegmentJournal {
    let (journal, _) = open(&JournalOptions { tail_bytes_max: 10_000, ..small(folder) });
    let mut last = Seq(0);
    for number in 1..=count {
        journal.append(document(number, number)).await.unwrap();
        if number == 20 {
            journal.append(confirmed(1, 20)).await.unwrap();
        }
    }
    for batch in read_batches(&journal, Seq(0), usize::try_from(count + 1).unwrap()).await {
        last = batch.last();
    }
    assert!(last.0 >> 32 > sealed, "only {} segments", last.0 >> 32);
    journal
}

async fn write_one_by_one(folder: &Path, count: u64) -> Vec<Seq> {
    let (journal, report) = open(&small(folder));
    assert!(report.is_new);
    let mut seqs = vec![Seq(0)];
    for ticket in 1..=count {
        journal.append(batch(ticket, 1)).await.unwrap();
        seqs.push(read_batches(&journal, seqs[seqs.len() - 1], 1).await[0].last());
    }
    seqs.split_off(1)
}

async fn fill_segments(folder: &Path, segments: u64) -> Vec<Seq> {
    let (journal, _) = open(&small(folder));
    let mut seqs = vec![Seq(0)];
    while seqs[seqs.len() - 1].0 >> 32 < segments {
        journal.append(document(1, 1)).await.unwrap();
        seqs.push(read_batches(&journal, seqs[seqs.len() - 1], 1).await[0].last());
    }
    seqs.split_off(1)
}

fn small(dir: &Path) -> JournalOptions {
    JournalOptions {
        dir: dir.to_owned(),
        segment_bytes: 1 << 20,
        batch_bytes_max: 256 << 10,
        queue_bytes_max: 1 << 20,
        ..JournalOptions::default()
    }
}

fn open(options: &JournalOptions) -> (SegmentJournal, Recovery) {
    SegmentJournal::open(options.clone(), Arc::new(SystemClock::new())).unwrap()
}

fn segment(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:010}.log"))
}

fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let names = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> =
        names.filter(|path| path.to_str().unwrap().contains("checkpoint-")).collect();
    files.sort();
    files
}

fn offset(seq: Seq) -> u32 {
    u32::try_from(seq.0 & 0xffff_ffff).unwrap()
}

fn flip(path: &Path, at: u32) {
    let file = std::fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, u64::from(at)).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], u64::from(at)).unwrap();
}

/// Zeroes all records of an index; its head and filter stay.
fn damage_records(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let filter = usize::try_from(u32::from_le_bytes(bytes[44..48].try_into().unwrap())).unwrap();
    bytes[4096 + filter.next_multiple_of(4096)..].fill(0);
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn nothing_is_read_after_the_last_before_the_close() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(&small(folder.path()));
    let mut read = Box::pin(journal.read(Seq(0), 10));
    assert!(futures_util::poll!(&mut read).is_pending());
    drop(read);
    journal.close().await;
    assert!(matches!(journal.read(Seq(0), 10).await, Read::Closed(tickets) if tickets.is_empty()));
}
