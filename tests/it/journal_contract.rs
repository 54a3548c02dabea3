//! What every `Journal` owes, whatever keeps it. An implementation runs `everything` with a way to open it:
//! opening again after closing finds what was there.

use bytes::Bytes;
use lienthong::clock::Timestamp;
use lienthong::domain::envelope::DocId;
use lienthong::domain::fact::{Accepted, BodyRef, Confirmed, Expired, Fact, PlatformId, Recipient};
use lienthong::journal::{
    AppendError, Batch, Content, DurableBatch, Entry, Journal, Read, ReadError, Seq, Ticket,
};

/// Opens a journal named by the claim that is tested.
pub(crate) async fn everything<J: Journal>(open: impl Fn(&str) -> J) {
    batches_come_back_whole_and_in_order(&open).await;
    a_reader_that_stops_anywhere_goes_on_there(&open).await;
    many_writers_lose_nothing(&open).await;
    chunks_are_had_by_number(&open).await;
    a_restart_begins_behind_the_checkpoint(&open).await;
    closing_flushes_what_waits_and_refuses_the_rest(&open).await;
    what_cannot_be_one_batch_is_refused(&open).await;
}

async fn batches_come_back_whole_and_in_order<J: Journal>(open: &impl Fn(&str) -> J) {
    let journal = open("order");
    for ticket in 1..=50 {
        journal.append(batch(ticket, 1 + ticket % 7)).await.unwrap();
    }
    let read = read_batches(&journal, Seq(0), 50).await;
    for (batch, ticket) in read.iter().zip(1..) {
        assert_eq!(batch.ticket, Ticket(ticket));
        assert_eq!(batch.entries[..], self::batch(ticket, 1 + ticket % 7).entries[..]);
        assert_eq!(batch.seqs.len(), batch.entries.len());
    }
    let seqs: Vec<Seq> = read.iter().flat_map(|batch| batch.seqs.to_vec()).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b) && seqs[0] > Seq(0));
    journal.close().await;
}

async fn a_reader_that_stops_anywhere_goes_on_there<J: Journal>(open: &impl Fn(&str) -> J) {
    let journal = open("position");
    for ticket in 1..=20 {
        journal.append(batch(ticket, 3)).await.unwrap();
    }
    let all = read_batches(&journal, Seq(0), 20).await;
    for start in 0..20 {
        let after = if start == 0 { Seq(0) } else { all[start - 1].last() };
        let Read::Durable(some) = journal.read(after, 7).await else { panic!("closed") };
        // At most two batches of three fit into seven.
        assert!((1..=2).contains(&some.len()));
        assert_eq!(some[0].seqs, all[start].seqs);
        let Read::Durable(one) = journal.read(after, 1).await else { panic!("closed") };
        assert_eq!(one.len(), 1, "at least one batch, however small the limit");
    }
    journal.close().await;
}

async fn many_writers_lose_nothing<J: Journal>(open: &impl Fn(&str) -> J) {
    let journal = open("many");
    let writer = |writer: u64| {
        let journal = &journal;
        async move {
            for turn in 0..50 {
                journal.append(batch(1 + writer * 1000 + turn, 2)).await.unwrap();
            }
        }
    };
    let writers = futures_util::future::join_all((0..16).map(writer));
    let (_, read) = tokio::join!(writers, read_batches(&journal, Seq(0), 16 * 50));
    for writer in 0..16 {
        let of_writer = read.iter().map(|batch| batch.ticket.0 - 1).filter(|t| t / 1000 == writer);
        assert_eq!(
            of_writer.collect::<Vec<_>>(),
            Vec::from_iter((0..50).map(|t| writer * 1000 + t))
        );
    }
    journal.close().await;
}

async fn chunks_are_had_by_number<J: Journal>(open: &impl Fn(&str) -> J) {
    let journal = open("chunks");
    let chunks: Vec<Bytes> = (1..=9).map(|n| vec![n; 20_000 * usize::from(n)].into()).collect();
    let mut seqs = Vec::new();
    for chunk in &chunks {
        let content = Content::Chunk(chunk.clone());
        journal
            .append(Batch { ticket: Ticket(1), entries: vec![entry(1, content)] })
            .await
            .unwrap();
        let read = read_batches(&journal, seqs.last().copied().unwrap_or_default(), 1).await;
        seqs.push(read[0].seqs[0]);
    }
    journal.append(batch(2, 1)).await.unwrap();
    let fact = read_batches(&journal, seqs[8], 1).await[0].seqs[0];
    expect_chunks(&journal, &seqs, &chunks, fact).await;
    journal.close().await;
    drop(journal);
    let journal = open("chunks");
    expect_chunks(&journal, &seqs, &chunks, fact).await;
    journal.close().await;
}

async fn expect_chunks<J: Journal>(journal: &J, seqs: &[Seq], chunks: &[Bytes], fact: Seq) {
    for (seq, chunk) in seqs.iter().zip(chunks) {
        assert_eq!(journal.chunk(*seq).await.unwrap(), chunk);
    }
    for no_chunk in [fact, Seq(fact.0 + 1_000_000), Seq(0)] {
        assert!(matches!(journal.chunk(no_chunk).await, Err(ReadError::Gone(_))), "{no_chunk:?}");
    }
}

async fn a_restart_begins_behind_the_checkpoint<J: Journal>(open: &impl Fn(&str) -> J) {
    let journal = open("restart");
    assert_eq!(journal.last_checkpoint().await.unwrap(), None);
    for ticket in 1..=30 {
        journal.append(batch(ticket, 2)).await.unwrap();
    }
    let all = read_batches(&journal, Seq(0), 30).await;
    journal.checkpoint(all[3].last(), Bytes::from_static(b"first")).await.unwrap();
    journal.checkpoint(all[9].last(), Bytes::from_static(b"second")).await.unwrap();
    let ahead = Seq(all[29].last().0 + 1_000_000);
    assert!(journal.checkpoint(ahead, Bytes::new()).await.is_err(), "not durable yet");
    journal.close().await;
    drop(journal);

    let journal = open("restart");
    let (upto, state) = journal.last_checkpoint().await.unwrap().unwrap();
    assert_eq!((upto, &state[..]), (all[9].last(), &b"second"[..]));
    journal.append(batch(31, 1)).await.unwrap();
    let rest = read_batches(&journal, upto, 21).await;
    for (again, before) in rest.iter().zip(&all[10..]) {
        assert_eq!((&again.entries, &again.seqs), (&before.entries, &before.seqs));
        assert_eq!(again.ticket, Ticket(0), "nobody waits for what was there before");
    }
    assert_eq!(rest[20].ticket, Ticket(31));
    journal.close().await;
}

async fn closing_flushes_what_waits_and_refuses_the_rest<J: Journal>(open: &impl Fn(&str) -> J) {
    let journal = open("close");
    for ticket in 1..=100 {
        journal.append(batch(ticket, 1)).await.unwrap();
    }
    journal.close().await;
    assert_eq!(journal.append(batch(101, 1)).await, Err(AppendError::Closed));
    assert!(journal.health().is_closed);
    let read = read_batches(&journal, Seq(0), 100).await;
    let Read::Closed(unanswered) = journal.read(read[99].last(), 10).await else { panic!("open") };
    assert_eq!(unanswered, []);
}

async fn what_cannot_be_one_batch_is_refused<J: Journal>(open: &impl Fn(&str) -> J) {
    let journal = open("refused");
    let nothing = Batch { ticket: Ticket(1), entries: Vec::new() };
    assert_eq!(journal.append(nothing).await, Err(AppendError::Empty));
    let chunk = || entry(1, Content::Chunk(vec![1; 512 << 10].into()));
    let large = Batch { ticket: Ticket(1), entries: (0..20).map(|_| chunk()).collect() };
    assert!(matches!(journal.append(large).await, Err(AppendError::TooLarge { .. })));
    journal.append(batch(2, 1)).await.unwrap();
    assert_eq!(read_batches(&journal, Seq(0), 1).await[0].ticket, Ticket(2));
    journal.close().await;
}

/// Reads until `count` batches have come.
pub(crate) async fn read_batches<J: Journal>(
    journal: &J,
    after: Seq,
    count: usize,
) -> Vec<DurableBatch> {
    let (mut after, mut batches) = (after, Vec::new());
    while batches.len() < count {
        match journal.read(after, 16).await {
            Read::Durable(some) => batches.extend(some),
            Read::Unknown(again) => panic!("{} batches unknown", again.len()),
            Read::Closed(_) => panic!("closed after {} batches", batches.len()),
        }
        after = batches.last().map_or(after, DurableBatch::last);
    }
    assert_eq!(batches.len(), count);
    batches
}

/// A batch of `entries` facts; the same for the same numbers.
pub(crate) fn batch(ticket: u64, entries: u64) -> Batch {
    let fact = |index| {
        let receiver = doc(ticket * 100 + index);
        Fact::Expired(Expired { receiver, at: ticket })
    };
    let entries = (0..entries).map(|index| entry(ticket, Content::Fact(fact(index)))).collect();
    Batch { ticket: Ticket(ticket), entries }
}

pub(crate) fn entry(id: u64, content: Content) -> Entry {
    Entry { id: u128::from(id), platform: PlatformId(7), at: Timestamp(id), content }
}

pub(crate) fn doc(number: u64) -> Bytes {
    lienthong::domain::fact::id_bytes(doc_id(number))
}

pub(crate) fn doc_id(number: u64) -> DocId {
    let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    DocId::new(Timestamp::from_ms(1_800_000_000_000 + number), u128::from(spread))
}

/// A document with its body in the same batch, in two chunks, for two recipients.
pub(crate) fn document(number: u64, at: u64) -> Batch {
    let recipient = |n| Recipient { doc_id: doc(number * 10 + n), ..Recipient::default() };
    let body = BodyRef { preceding: 2, bytes: 3000, ..BodyRef::default() };
    let accepted = Accepted {
        doc_id: doc(number * 10),
        from: "H53".to_owned(),
        document_id: format!("doc-{number}"),
        recipients: vec![recipient(1), recipient(2)],
        body: Some(body),
        ..Accepted::default()
    };
    let contents = [
        Content::Chunk(vec![1; 1000].into()),
        Content::Chunk(vec![2; 2000].into()),
        Content::Fact(Fact::from(accepted)),
    ];
    let entries = contents.map(|content| Entry { at: Timestamp(at), ..entry(number, content) });
    Batch { ticket: Ticket(number), entries: entries.into() }
}

pub(crate) fn confirmed(number: u64, at: u64) -> Batch {
    let fact = Confirmed { receivers: doc(number * 10 + 2), state: 3, ..Confirmed::default() };
    let entry = entry(number, Content::Fact(Fact::Confirmed(fact)));
    Batch { ticket: Ticket(number), entries: vec![Entry { at: Timestamp(at), ..entry }] }
}
