//! The segmented log over the modelled folder: power cuts at every step, failing disks, recycled files.
//!
//! The oracle knows what was shown as durable. After each power cut all of that must be there, whole and in
//! order; beyond it at most the one flush that was under way, all of it or nothing.

use super::model::{Model, Random};
use crate::clock::{SystemClock, Timestamp};
use crate::domain::fact::{Expired, Fact, PlatformId};
use crate::journal::cursor::Cursor;
use crate::journal::segments::Shared;
use crate::journal::tail::Next;
use crate::journal::writer::Writer;
use crate::journal::{
    AppendError, Batch, Content, DurableBatch, Entry, JournalOptions, Lookup, OpenError, Seq,
    Ticket,
};
use futures_util::FutureExt;
use std::sync::Arc;

#[test]
fn every_acknowledged_batch_survives_a_power_cut_at_any_step() {
    for workload in 0..2 {
        let steps = {
            let mut life = Life::new(workload);
            life.work(40).unwrap();
            life.model.steps()
        };
        for step in 1..=steps {
            for outcome in 0..2 {
                let mut life = Life::new(workload);
                life.model.cut_power_at(step);
                life.until_power_cut();
                life.recover(step * 7 + outcome);
            }
        }
    }
}

#[test]
fn many_lives_in_one_folder_lose_nothing() {
    for seed in 0..60 {
        let mut life = Life::new(seed);
        let mut random = Random(seed ^ 0xabcd);
        for _ in 0..8 {
            life.model.cut_power_at(life.model.steps() + 1 + random.below(200));
            life.until_power_cut();
            life.recover(random.next());
        }
        assert!(life.acknowledged.len() > 20, "seed {seed} did next to nothing");
    }
}

/// The model is worth something: a log whose flushes do nothing is caught.
#[test]
fn a_log_that_does_not_flush_is_caught() {
    let caught = (0..20).filter(|seed| {
        std::panic::catch_unwind(|| {
            let mut life = Life::new(*seed);
            life.model.ignore_flushes();
            life.model.cut_power_at(150);
            life.until_power_cut();
            life.recover(*seed);
        })
        .is_err()
    });
    assert!(caught.count() > 10);
}

#[test]
fn after_a_failed_write_or_flush_nothing_is_taken_any_more() {
    for step in 1..12 {
        let mut life = Life::new(1);
        life.work(3).unwrap();
        let (shared, mut writer) = life.running.take().unwrap();
        while shared.keeper.turn(&shared.shelf) {}
        life.model.fail_at(life.model.steps() + step);
        let mut pushed = Vec::new();
        for ticket in 1000.. {
            assert!(push(&shared, batch(ticket, 1, false, 10)).is_ok());
            pushed.push(Ticket(ticket));
            push(&shared, batch(ticket + 5000, 1, true, 900)).unwrap();
            pushed.push(Ticket(ticket + 5000));
            if !writer.turn() {
                break;
            }
            life.after = read_all(&shared, life.after, &mut life.acknowledged);
        }
        drop(writer);
        let Next::Closed(unanswered) = shared.tail.next(life.after, 10) else { panic!("open") };
        assert_eq!(unanswered, pushed[pushed.len() - 2..]);
        assert_eq!(push(&shared, batch(1, 1, false, 10)), Err(AppendError::Closed));
        assert!(shared.queue.is_closed());
        life.recover(step);
    }
}

#[test]
fn what_waits_in_the_queue_comes_back_when_the_disk_fails() {
    let mut life = Life::new(1);
    let (shared, mut writer) = life.running.take().unwrap();
    for ticket in 1..=20 {
        push(&shared, batch(ticket, 2, ticket % 2 == 0, 900)).unwrap();
    }
    life.model.fail_at(life.model.steps() + 2);
    assert!(!writer.turn());
    drop(writer);
    let Next::Closed(mut unanswered) = shared.tail.next(Seq(0), 10) else { panic!("open") };
    unanswered.sort_by_key(|ticket| ticket.0);
    assert_eq!(unanswered, Vec::from_iter((1..=20).map(Ticket)));
    life.recover(9);
}

/// One folder, what runs over it, and what is known to be durable in it.
struct Life {
    model: Model,
    running: Option<(Arc<Shared<Model>>, Writer<Model>)>,
    random: Random,
    acknowledged: Vec<DurableBatch>,
    /// The flush that the power cut interrupted.
    under_way: Vec<DurableBatch>,
    after: Seq,
    checkpoint: Seq,
    /// Written when the power went: it may be there.
    next_checkpoint: Seq,
    next_ticket: u64,
}

impl Life {
    fn new(seed: u64) -> Self {
        let model = Model::new(seed);
        let mut life = Self {
            model,
            running: None,
            random: Random(seed),
            acknowledged: Vec::new(),
            under_way: Vec::new(),
            after: Seq(0),
            checkpoint: Seq(0),
            next_checkpoint: Seq(0),
            next_ticket: 1,
        };
        life.start().unwrap();
        life
    }

    fn start(&mut self) -> Result<(), OpenError> {
        let clock = Arc::new(SystemClock::new());
        let (shared, writer, report) = Shared::open(self.model.clone(), options(), clock)?;
        assert_eq!(report.lost, []);
        self.running = Some((shared, writer));
        Ok(())
    }

    fn until_power_cut(&mut self) {
        if self.running.is_none() && self.start().is_err() {
            assert!(self.model.is_off());
            return;
        }
        while self.work(20).is_ok() {}
        assert!(self.model.is_off(), "only the power stops it");
    }

    /// Appends, flushes, reads, checkpoints and reclaims at random. `Err` when the disk gave way.
    fn work(&mut self, turns: u64) -> Result<(), ()> {
        let (shared, mut writer) = self.running.take().ok_or(())?;
        for _ in 0..turns {
            while shared.keeper.turn(&shared.shelf) {}
            if self.model.is_off() {
                return Err(());
            }
            for _ in 0..=self.random.below(4) {
                // The last two end an entry exactly where a sector ends.
                let sizes = [self.random.below(900), 428, 468];
                let bytes = sizes[self.random.below(3) as usize];
                let entries = 1 + self.random.below(4);
                let is_body = self.random.below(3) == 0;
                push(&shared, batch(self.next_ticket, entries, is_body, bytes)).unwrap();
                self.next_ticket += 1;
            }
            if !writer.turn() {
                let under_way = writer.encoded.iter().map(|kept| kept.batch.clone());
                self.under_way = under_way.collect();
                return Err(());
            }
            self.after = read_all(&shared, self.after, &mut self.acknowledged);
            if self.random.below(8) == 0 {
                self.next_checkpoint = self.after;
                let state = self.after.0.to_le_bytes();
                shared.checkpoints.write(self.after, &state).map_err(drop)?;
                self.checkpoint = self.after;
            }
            if self.random.below(6) == 0
                && let Some(upto) = shared.checkpoints.oldest_upto()
            {
                let always = Timestamp(u64::MAX);
                shared.shelf.reclaim(always, &[], upto, &shared.keeper).map_err(drop)?;
            }
        }
        self.running = Some((shared, writer));
        Ok(())
    }

    /// Starts again after a power cut and compares what is there with what must be.
    fn recover(&mut self, seed: u64) {
        self.running = None;
        self.model = self.model.after_power_cut(seed);
        self.start().unwrap_or_else(|error| panic!("outcome {seed}: {error:?}"));
        let (shared, _) = self.running.as_ref().unwrap();
        let kept = shared.checkpoints.last().unwrap();
        let upto = kept.as_ref().map_or(Seq(0), |(upto, _)| *upto);
        assert!(upto == self.checkpoint || upto == self.next_checkpoint, "{upto:?}");
        if let Some((_, state)) = kept {
            assert_eq!(state[..], upto.0.to_le_bytes());
        }
        let mut found = Vec::new();
        self.after = read_all(shared, upto, &mut found);
        let must: Vec<_> = self.acknowledged.iter().filter(|batch| batch.last() > upto).collect();
        assert!(found.len() >= must.len(), "{} of {} are there", found.len(), must.len());
        let beyond = found.split_off(must.len());
        for (found, must) in found.iter().zip(must) {
            assert_eq!((&found.seqs, &found.entries), (&must.seqs, &must.entries));
        }
        if !beyond.is_empty() {
            let same =
                |a: &DurableBatch, b: &DurableBatch| (&a.seqs, &a.entries) == (&b.seqs, &b.entries);
            assert_eq!(beyond.len(), self.under_way.len(), "a flush is there whole or not at all");
            assert!(beyond.iter().zip(&self.under_way).all(|(a, b)| same(a, b)));
        }
        self.acknowledged.extend(beyond);
        self.under_way.clear();
        (self.checkpoint, self.next_checkpoint) = (upto, upto);
        self.expect_chunks();
        let (shared, _) = self.running.as_ref().unwrap();
        while shared.keeper.turn(&shared.shelf) {}
        // Every sealed segment that is still there can be looked into.
        assert_eq!(shared.shelf.find(None, Lookup::Key(0), 1).unwrap().len(), 0);
    }

    fn expect_chunks(&self) {
        let (shared, _) = self.running.as_ref().unwrap();
        for batch in self.acknowledged.iter().rev().take(20) {
            for (seq, entry) in batch.seqs.iter().zip(batch.entries.iter()) {
                if let Content::Chunk(bytes) = &entry.content
                    && shared.shelf.at_or_behind(seq.place().0) == Some(seq.place().0)
                {
                    assert_eq!(shared.shelf.chunk(*seq).unwrap(), bytes);
                }
            }
        }
    }
}

fn read_all(shared: &Shared<Model>, after: Seq, batches: &mut Vec<DurableBatch>) -> Seq {
    let (mut cursor, mut after) = (Cursor::new(), after);
    loop {
        let some = match shared.tail.next(after, 7) {
            Next::Batches(batches) => batches,
            Next::OnDisk(durable) => {
                cursor.read(&shared.shelf, &shared.tail, after, 7, durable).unwrap()
            }
            Next::Closed(_) | Next::Nothing => return after,
        };
        after = some.last().unwrap().last();
        batches.extend(some);
    }
}

fn push(shared: &Shared<Model>, batch: Batch) -> Result<(), AppendError> {
    shared.queue.push(batch).now_or_never().expect("the queue is full")
}

fn batch(ticket: u64, entries: u64, is_body: bool, bytes: u64) -> Batch {
    let content = |index| {
        let fill = vec![(ticket + index) as u8; bytes as usize].into();
        if is_body || index + 1 < entries && ticket.is_multiple_of(5) {
            Content::Chunk(fill)
        } else {
            Content::Fact(Fact::Expired(Expired { receiver: fill, at: ticket }))
        }
    };
    let entry = |index| Entry {
        id: u128::from(ticket << 8 | index),
        platform: PlatformId(3),
        at: Timestamp(ticket),
        content: content(index),
    };
    Batch { ticket: Ticket(ticket), entries: (0..entries).map(entry).collect() }
}

fn options() -> JournalOptions {
    JournalOptions {
        segment_bytes: 0,
        batch_bytes_max: 6000,
        queue_bytes_max: 1 << 20,
        tail_bytes_max: 4000,
        ..JournalOptions::default()
    }
}
