//! The format on disk: golden files of every version, recycled and crafted bytes, keys of the index.

use super::model::Model;
use crate::clock::{Clock, Timestamp};
use crate::domain::envelope::DocId;
use crate::domain::fact::{
    Accepted, AgencyLocked, AgencyRegistered, AgencyRemoved, Attempted, BodyRef, Confirmed,
    Expired, Fact, HandedOn, Hop, PlatformId, Progressed, Recipient, id_bytes,
};
use crate::journal::cursor::Cursor;
use crate::journal::entry::{HEAD_BYTES, Head};
use crate::journal::index::{keys_of, keys_of_entry};
use crate::journal::segment::{
    BATCH_HEAD_BYTES, BatchHead, FIRST_BATCH_AT, Header, Scanner, seed_of,
};
use crate::journal::segments::Shared;
use crate::journal::storage::{Storage, StorageFile};
use crate::journal::tail::Next;
use crate::journal::{
    Batch, Content, Entry, JournalOptions, Lookup, Seq, Ticket, order_key, order_key_of,
};
use bytes::Bytes;
use futures_util::FutureExt;
use std::path::PathBuf;
use std::sync::Arc;

/// Golden file of format version 1: it must be written byte for byte, and read for ever.
#[test]
fn version_1_is_written_and_read() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/journal/segment-v1.log");
    let written = write_one_segment();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &written).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    assert!(written == golden, "format version 1 has changed; a new format needs a new version");

    let model = Model::new(2);
    let file = model.create("0000000001.log").unwrap();
    file.write_at(&vec![0; 1 << 16], 0).unwrap();
    file.write_at(&golden, 0).unwrap();
    let (shared, _, report) = Shared::open(model, options(), Arc::new(Fixed)).unwrap();
    assert_eq!(report.entries_read, entries().len() as u64);
    let Next::OnDisk(durable) = shared.tail.next(Seq(0), 100) else { panic!("not on disk") };
    let mut cursor = Cursor::new();
    let read = cursor.read(&shared.shelf, &shared.tail, Seq(0), 100, durable).unwrap();
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].entries[..], entries()[..2]);
    assert_eq!(read[1].entries[..], entries()[2..]);
}

#[test]
fn old_records_of_a_recycled_file_and_crafted_ones_are_never_read() {
    let model = Model::new(3);
    let file = model.create("0000000001.log").unwrap();
    file.write_at(&vec![0; 1 << 16], 0).unwrap();
    let (old, new) = (header(111), header(222));
    let chunk = |bytes: Vec<u8>| Entry {
        content: Content::Chunk(bytes.into()),
        ..entry(Content::Chunk(Bytes::new()))
    };
    for number in 1..=3 {
        let at = FIRST_BATCH_AT + 512 * (number - 1);
        file.write_at(&batch(&old, u64::from(number), at, &chunk(vec![1; 40])), u64::from(at))
            .unwrap();
    }
    assert_eq!(numbers(&model, &old), ([1, 2, 3].into(), None));
    // The same places, the same numbers, another epoch.
    assert_eq!(numbers(&model, &new), ([].into(), None));
    // A first batch of the new epoch whose chunk is a batch, on a sector, by somebody who knows all but the epoch.
    let inner = batch(&header(223), 2, FIRST_BATCH_AT + 1024, &chunk(vec![2; 40]));
    let crafted = [vec![0; 1024 - 84], inner, vec![0; 600]].concat();
    let outer = batch(&new, 1, FIRST_BATCH_AT, &chunk(crafted));
    file.write_at(&outer, u64::from(FIRST_BATCH_AT)).unwrap();
    assert_eq!(numbers(&model, &new), ([1].into(), None));
    // Even when the first sector is torn away.
    file.write_at(&[0; 512], u64::from(FIRST_BATCH_AT)).unwrap();
    assert_eq!(numbers(&model, &new), ([].into(), None));
    // A valid batch of this epoch behind a hole is seen.
    file.write_at(&batch(&new, 4, 8192, &chunk(vec![3; 40])), 8192).unwrap();
    assert_eq!(numbers(&model, &new), ([].into(), Some(8192)));
}

#[test]
fn the_second_header_serves_when_the_first_is_damaged() {
    let header = header(5);
    let mut block = header.encode();
    assert_eq!(Header::decode(&block), Ok(header));
    block[20] ^= 1;
    assert_eq!(Header::decode(&block), Ok(header));
    block[2048 + 20] ^= 1;
    assert!(Header::decode(&block).is_err());
}

/// The index reads its keys from the bytes; the facts themselves must say the same.
#[test]
fn every_fact_is_found_by_all_it_names() {
    let model = Model::new(4);
    let (shared, mut writer, _) = Shared::open(model, options(), Arc::new(Fixed)).unwrap();
    for entry in entries() {
        let batch = Batch { ticket: Ticket(0), entries: vec![entry] };
        shared.queue.push(batch).now_or_never().unwrap().unwrap();
    }
    assert!(writer.turn());
    // Fill up until the first segment is sealed.
    while shared.tail.durable().segment == 1 {
        let filling = entry(Content::Chunk(vec![1; 5000].into()));
        let batch = Batch { ticket: Ticket(0), entries: vec![filling] };
        shared.queue.push(batch).now_or_never().unwrap().unwrap();
        while shared.keeper.turn(&shared.shelf) {}
        assert!(writer.turn());
    }
    for entry in entries() {
        let Content::Fact(fact) = &entry.content else { continue };
        for what in named(fact) {
            for platform in [None, Some(PlatformId(5))] {
                let found = shared.shelf.find(platform, what, 100).unwrap();
                assert!(found.iter().any(|found| found.entry == entry), "{what:?} of {fact:?}");
            }
            assert!(shared.shelf.find(Some(PlatformId(6)), what, 100).unwrap().is_empty());
        }
    }
    assert!(shared.shelf.find(None, Lookup::Key(1), 100).unwrap().is_empty());
}

fn named(fact: &Fact) -> Vec<Lookup> {
    let doc = |id: &Bytes| Lookup::Doc(DocId::from_slice(id).unwrap());
    match fact {
        Fact::Accepted(fact) => {
            let receivers = fact.recipients.iter().map(|recipient| Lookup::Doc(recipient.doc_id));
            [Lookup::Doc(fact.doc_id), Lookup::Key(order_key_of(fact))]
                .into_iter()
                .chain(receivers)
                .chain(fact.replaced_keys().map(Lookup::Key))
                .collect()
        }
        Fact::HandedOn(fact) => fact.receivers.iter().map(doc).collect(),
        Fact::Attempted(fact) => vec![doc(&fact.receiver)],
        Fact::Confirmed(fact) => fact.receivers().map(Lookup::Doc).collect(),
        Fact::Progressed(fact) => vec![doc(&fact.doc_id), doc(&fact.receiver)],
        Fact::Expired(fact) => vec![doc(&fact.receiver)],
        Fact::AgencyRegistered(_)
        | Fact::AgencyRemoved(_)
        | Fact::AgencyLocked(_)
        | Fact::ServiceChanged(_) => Vec::new(),
    }
}

/// The writer indexes facts as it has them, a later process reads them from the segment: both find the same.
#[test]
fn a_fact_and_its_bytes_are_found_by_the_same_keys() {
    let word_on_two = Content::Fact(Fact::Confirmed(Confirmed {
        receivers: [id(12), id(13)].concat().into(),
        ..Confirmed::default()
    }));
    let replacement = Content::Fact(Fact::from(Accepted {
        doc_id: id(14),
        from: "H53".to_owned(),
        document_id: "doc-2".to_owned(),
        replaces: vec!["doc-1".to_owned()],
        ..Accepted::default()
    }));
    let mut entries = entries();
    entries.push(Entry { content: word_on_two, ..entries[0].clone() });
    entries.push(Entry { content: replacement, ..entries[0].clone() });
    for entry in entries {
        let mut bytes = Vec::new();
        entry.encode(0, 0, &mut bytes);
        let head = Head::parse(&bytes).unwrap();
        let (mut of_fact, mut of_bytes) = (Vec::new(), Vec::new());
        keys_of_entry(&entry, |what| of_fact.push(what));
        keys_of(head.kind, &bytes[HEAD_BYTES..], |what| of_bytes.push(what));
        assert_eq!(of_fact, of_bytes, "{entry:?}");
        let Content::Fact(fact) = &entry.content else { continue };
        assert!(named(fact).iter().all(|what| of_fact.contains(what)), "{entry:?}");
    }
}

#[test]
fn the_order_key_is_part_of_the_format() {
    assert_eq!(order_key("H53", "doc-1"), ORDER_KEY_OF_H53_DOC_1);
}

fn write_one_segment() -> Vec<u8> {
    let model = Model::new(1);
    let (shared, mut writer, _) = Shared::open(model.clone(), options(), Arc::new(Fixed)).unwrap();
    let mut entries = entries();
    let rest = entries.split_off(2);
    for entries in [entries, rest] {
        let batch = Batch { ticket: Ticket(1), entries };
        shared.queue.push(batch).now_or_never().unwrap().unwrap();
        assert!(writer.turn());
    }
    let mut bytes = vec![0; shared.tail.durable().end as usize];
    model.open("0000000001.log").unwrap().read_at(&mut bytes, 0).unwrap();
    bytes
}

/// One entry of every kind, every field set.
fn entries() -> Vec<Entry> {
    let small = [
        Content::Chunk(Bytes::from_static(b"a chunk of a body")),
        Content::Fact(Fact::from(accepted())),
        Content::Fact(Fact::HandedOn(HandedOn {
            peer: "truc".to_owned(),
            receivers: vec![id(12), id(13)],
            reports: vec![1, 300],
            at: 7,
        })),
        Content::Fact(Fact::Attempted(Attempted {
            peer: "truc".to_owned(),
            receiver: id(12),
            code: "LT-BUSY".to_owned(),
            retry_at: 9,
            at: 8,
        })),
        Content::Fact(Fact::Confirmed(Confirmed {
            receivers: id(12),
            state: 3,
            description: "đã nhận".to_owned(),
            member: "m2".into(),
            at: 10,
        })),
        Content::Fact(Fact::Progressed(Box::new(progressed()))),
        Content::Fact(Fact::Expired(Expired { receiver: id(13), at: 12 })),
        Content::Fact(Fact::AgencyRegistered(Box::new(AgencyRegistered {
            code: "H53.16".to_owned(),
            name: "Sở".to_owned(),
            mail: "a@b".to_owned(),
            mobile: "1".to_owned(),
            fax: "2".to_owned(),
            member: "m1".to_owned(),
            at: 13,
            version: 4,
        }))),
        Content::Fact(Fact::AgencyRemoved(AgencyRemoved {
            code: "H53.16".to_owned(),
            member: "m1".to_owned(),
            at: 14,
            version: 5,
        })),
        Content::Fact(Fact::AgencyLocked(AgencyLocked {
            code: "H53".to_owned(),
            locked: true,
            at: 15,
            version: 6,
        })),
    ];
    small.map(entry).into()
}

fn accepted() -> Accepted {
    let text = str::to_owned;
    Accepted {
        doc_id: id(11),
        origin: text("h53"),
        via: text("truc"),
        member: text("m1"),
        kind: 4,
        from: text("H53"),
        document_id: text("doc-1"),
        urgency: 2,
        answers_sender: text("H41"),
        answers_document_id: text("doc-0"),
        status: 6,
        recipients: [12, 13]
            .map(|n| Recipient { agency: text("H41"), doc_id: id(n), refused: text("LT-LOCKED") })
            .into(),
        body: Some(BodyRef { sha256: id(99), bytes: 17, chunks: vec![5, 1 << 40], preceding: 0 }),
        correlation_id: text("c-1"),
        hops: vec![hop()],
        hops_left: 8,
        signature: 2,
        is_edxml: true,
        at: 6,
        subject: text("V/v thử nghiệm"),
        notation: text("01/CV"),
        type_name: text("Công văn"),
        promulgated_on: text("2026-11-22"),
        due_on: text("2026-11-30"),
        warnings: vec![text("LT-W place")],
        reason: text("reason"),
        file_sha256: id(98),
        is_repeat: true,
        replaces: vec![text("doc-00")],
        // Came later: the file shows what the first release wrote.
        tls: String::new(),
    }
}

fn progressed() -> Progressed {
    Progressed {
        origin: "h53".to_owned(),
        via: "truc".to_owned(),
        doc_id: id(11),
        receiver: id(12),
        state: 5,
        code: "LT-NO".to_owned(),
        at: 11,
        hops: vec![hop()],
        description: "no".to_owned(),
        platform: "h41".to_owned(),
    }
}

fn hop() -> Hop {
    Hop {
        platform: "h53".to_owned(),
        received_at: 1,
        handed_on_at: 2,
        peer: "m1".to_owned(),
        tls: "TLS1.3".to_owned(),
        attempts: 3,
    }
}

fn id(n: u64) -> Bytes {
    id_bytes(DocId::new(Timestamp::from_ms(1_800_000_000_000), u128::from(n) << 40))
}

fn entry(content: Content) -> Entry {
    Entry { id: 0x0102, platform: PlatformId(5), at: Timestamp(77), content }
}

fn header(epoch: u64) -> Header {
    Header {
        number: 1,
        bytes: 1 << 16,
        journal: 1,
        epoch,
        first_batch: 1,
        previous_epoch: 0,
        previous_end: 0,
        at: Timestamp(1),
    }
}

fn batch(header: &Header, number: u64, at: u32, entry: &Entry) -> Vec<u8> {
    let seed = seed_of(header.epoch);
    let mut payload = Vec::new();
    let crc = entry.encode(0, seed ^ (at + BATCH_HEAD_BYTES), &mut payload);
    let mut digest = crc32fast::Hasher::new_with_initial(seed);
    digest.update(&crc.to_le_bytes());
    let head = BatchHead {
        is_lost: false,
        epoch: header.epoch,
        number,
        payload: payload.len() as u32,
        count: 1,
        digest: digest.finalize(),
    };
    [&head.encode(seed ^ at)[..], &payload].concat()
}

/// Batches in order, and where a later one stands behind them.
fn numbers(model: &Model, header: &Header) -> (Vec<u64>, Option<u32>) {
    let mut scanner = Scanner::new(model.open("0000000001.log").unwrap(), header, 1 << 16);
    let found = std::iter::from_fn(|| scanner.next_batch().unwrap());
    let numbers = found.map(|found| found.head.number).collect();
    (numbers, scanner.later_batch().unwrap().map(|(at, _)| at))
}

fn options() -> JournalOptions {
    JournalOptions { segment_bytes: 1 << 16, batch_bytes_max: 8000, ..JournalOptions::default() }
}

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(1_800_000_000_000)
    }

    async fn sleep_until(&self, _: Timestamp) {}
}

/// Should this ever change, so must the version of the index files, which hold such keys.
const ORDER_KEY_OF_H53_DOC_1: u64 = 242_258_606_928_426_142;
