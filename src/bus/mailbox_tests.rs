//! The mailbox against a naive model, and one test per promise.

use proptest::prelude::*;

use super::*;

const FOREVER: Timestamp = Timestamp(u64::MAX);

fn mailbox(depth_max: usize, overtaken_max: u32) -> Mailbox {
    Mailbox::new(MailboxLimits { depth_max, overtaken_max })
}

fn item(number: u64, key: u64) -> Item {
    Item { number, key, urgent: false, bytes: 10 }
}

fn urgent(number: u64, key: u64) -> Item {
    Item { urgent: true, ..item(number, key) }
}

fn filled(overtaken_max: u32, items: &[Item]) -> Mailbox {
    let mut mailbox = mailbox(1000, overtaken_max);
    for &item in items {
        mailbox.publish(item).unwrap();
    }
    mailbox
}

fn lease(mailbox: &mut Mailbox, now: u64, items_max: usize) -> Vec<u64> {
    let mut out = Vec::new();
    mailbox.lease(Timestamp(now), Timestamp(now + 100), items_max, u64::MAX, &mut out);
    out
}

#[test]
fn an_empty_mailbox_is_small_and_allocates_nothing() {
    assert!(size_of::<Mailbox>() <= 152, "{}", size_of::<Mailbox>());
    assert_eq!(size_of::<Node>(), 64);
    let mailbox = mailbox(10, 4);
    assert_eq!(mailbox.slab.nodes.capacity(), 0);
    assert!(mailbox.index.is_none());
}

#[test]
fn a_drained_mailbox_gives_its_memory_back() {
    let mut mailbox = mailbox(10_000, 4);
    for number in 0..10_000 {
        mailbox.publish(item(number, number)).unwrap();
    }
    for number in 0..10_000 {
        assert!(mailbox.settle(number, Settlement::Done));
    }
    assert!(mailbox.slab.nodes.capacity() <= KEPT_MAX && mailbox.delayed.is_empty());
    assert!(mailbox.index.is_none());
}

#[test]
fn publishing_twice_changes_nothing_even_when_full() {
    let mut mailbox = mailbox(2, 4);
    mailbox.publish(item(1, 1)).unwrap();
    mailbox.publish(item(2, 2)).unwrap();
    assert_eq!(mailbox.publish(item(2, 2)), Ok(()));
    assert_eq!(mailbox.publish(item(3, 3)), Err(Full));
    assert_eq!(mailbox.len(), 2);
    assert!(mailbox.settle(1, Settlement::Done));
    assert_eq!(mailbox.publish(item(3, 3)), Ok(()));
}

#[test]
fn one_item_per_key_is_in_flight_and_keys_keep_their_order() {
    let mut mailbox = filled(4, &[item(1, 7), item(2, 7), item(3, 8), urgent(4, 7)]);
    assert_eq!(lease(&mut mailbox, 0, 9), [1, 3]);
    assert_eq!(lease(&mut mailbox, 0, 9), [0; 0]);
    assert!(mailbox.settle(1, Settlement::Again { at: Timestamp(50) }));
    assert_eq!(lease(&mut mailbox, 49, 9), [0; 0], "2 does not pass 1 while 1 waits");
    assert_eq!(mailbox.next_deadline(), Some(Timestamp(50)));
    assert_eq!(lease(&mut mailbox, 50, 9), [1]);
    assert_eq!(mailbox.attempts(1), 1);
    assert!(mailbox.settle(1, Settlement::Done));
    assert_eq!(lease(&mut mailbox, 51, 9), [2]);
    assert!(mailbox.settle(2, Settlement::Done));
    assert_eq!(lease(&mut mailbox, 52, 9), [4]);
}

#[test]
fn an_ordinary_item_is_overtaken_by_at_most_so_many_urgent_ones() {
    let later = [urgent(3, 3), urgent(4, 4), urgent(5, 5), urgent(6, 6)];
    let mut mailbox = filled(2, &[urgent(1, 1), item(2, 2)]);
    for item in later {
        mailbox.publish(item).unwrap();
    }
    assert_eq!(lease(&mut mailbox, 0, 9), [1, 3, 4, 2, 5, 6], "1 was there first");

    let mut strict = filled(0, &[urgent(1, 1), item(2, 2), urgent(3, 3)]);
    assert_eq!(lease(&mut strict, 0, 9), [1, 2, 3]);
}

#[test]
fn every_ordinary_item_has_the_same_right_not_only_the_first() {
    let mut mailbox = filled(2, &[item(1, 1), item(2, 2), item(3, 3)]);
    for number in 10..15 {
        mailbox.publish(urgent(number, number)).unwrap();
    }
    assert_eq!(lease(&mut mailbox, 0, 9), [10, 11, 1, 2, 3, 12, 13, 14]);
}

#[test]
fn batches_end_at_their_limits_but_never_starve() {
    let big = Item { bytes: 1000, ..item(1, 1) };
    let mut mailbox = filled(4, &[big, item(2, 2), item(3, 3), item(4, 4)]);
    let mut out = Vec::new();
    mailbox.lease(Timestamp(0), FOREVER, 9, 20, &mut out);
    assert_eq!(out, [1], "larger than the batch, yet it goes");
    mailbox.lease(Timestamp(0), FOREVER, 9, 20, &mut out);
    assert_eq!(out, [1, 2, 3], "exactly full");
    mailbox.lease(Timestamp(0), FOREVER, 0, 20, &mut out);
    assert_eq!(out, [1, 2, 3]);
}

#[test]
fn a_release_restores_the_order_and_counts_no_attempt() {
    let mut mailbox = filled(1, &[item(1, 1), item(2, 2), urgent(3, 3), urgent(4, 4), item(5, 5)]);
    let before = [3, 1, 2, 4, 5];
    assert_eq!(lease(&mut mailbox, 0, 9), before);
    mailbox.release_all();
    assert_eq!((mailbox.leased_len(), mailbox.ready_len()), (0, 5));
    assert_eq!(lease(&mut mailbox, 0, 9), before);
    for number in 1..=5 {
        assert!(mailbox.settle(number, Settlement::Released));
        assert_eq!(mailbox.attempts(number), 0);
    }
    assert_eq!(lease(&mut mailbox, 0, 9), before);
}

#[test]
fn a_lease_that_ran_out_counts_and_goes_behind_the_others() {
    let mut mailbox = filled(1, &[item(1, 1), item(2, 2)]);
    assert_eq!(lease(&mut mailbox, 0, 1), [1]);
    assert_eq!(mailbox.next_deadline(), Some(Timestamp(100)));
    mailbox.expire_leases(Timestamp(99));
    assert!(mailbox.is_leased(1));
    mailbox.expire_leases(Timestamp(100));
    assert!(!mailbox.is_leased(1));
    assert!(!mailbox.settle(1, Settlement::Again { at: FOREVER }), "too late to say so");
    assert_eq!((mailbox.attempts(1), mailbox.next_deadline()), (1, None));
    assert_eq!(lease(&mut mailbox, 100, 9), [2, 1]);
}

#[test]
fn done_removes_an_item_wherever_it_is() {
    let mut mailbox = filled(1, &[item(1, 1), item(2, 1), item(3, 1), item(4, 2), item(5, 3)]);
    assert!(mailbox.settle(2, Settlement::Done), "behind its head");
    assert!(mailbox.settle(4, Settlement::Done), "ready");
    assert_eq!(lease(&mut mailbox, 0, 9), [1, 5]);
    assert!(mailbox.settle(1, Settlement::Done), "leased");
    assert!(mailbox.settle(5, Settlement::Again { at: FOREVER }));
    assert!(mailbox.settle(5, Settlement::Done), "delayed");
    assert_eq!(mailbox.next_deadline(), None);
    assert!(!mailbox.settle(5, Settlement::Done));
    assert_eq!(lease(&mut mailbox, 0, 9), [3]);
    assert!(mailbox.settle(3, Settlement::Done));
    assert!(mailbox.is_empty());
}

/// Everything in one list, searched from the start each time. `turn` orders who is ready.
#[derive(Default)]
struct Model {
    limits: (usize, u32),
    items: Vec<ModelItem>,
    turns: u64,
    leases: u64,
}

#[derive(Clone, Copy)]
struct ModelItem {
    item: Item,
    turn: u64,
    leased: u64,
    state: State,
    attempts: u32,
    /// Urgent ones that became ready later and went out, or went away, first.
    overtaken: i64,
    /// The same without those that went away, for the judge.
    passed: u32,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Unready,
    Ready,
    Leased(Timestamp),
    Delayed(Timestamp),
}

impl Model {
    fn publish(&mut self, item: Item) -> Result<(), Full> {
        if self.items.iter().any(|held| held.item.number == item.number) {
            return Ok(());
        }
        if self.items.len() >= self.limits.0 {
            return Err(Full);
        }
        let fresh = ModelItem {
            item,
            turn: 0,
            leased: 0,
            state: State::Unready,
            attempts: 0,
            overtaken: 0,
            passed: 0,
        };
        self.items.push(fresh);
        self.ready_heads();
        Ok(())
    }

    fn ready_heads(&mut self) {
        for at in 0..self.items.len() {
            let key = self.items[at].item.key;
            let is_head = self.items[..at].iter().all(|other| other.item.key != key);
            if is_head && self.items[at].state == State::Unready {
                self.enter(at);
            }
        }
    }

    fn enter(&mut self, at: usize) {
        self.turns += 1;
        // Urgent ones that are ready already do not count when they go first.
        let before = i64::try_from(self.ready(true).len()).unwrap();
        let entering = &mut self.items[at];
        (entering.turn, entering.state) = (self.turns, State::Ready);
        (entering.overtaken, entering.passed) = (-before, 0);
    }

    fn ready(&self, urgent: bool) -> Vec<usize> {
        let mut ready: Vec<usize> = (0..self.items.len())
            .filter(|&at| self.items[at].state == State::Ready)
            .filter(|&at| self.items[at].item.urgent == urgent)
            .collect();
        ready.sort_by_key(|&at| self.items[at].turn);
        ready
    }

    fn urgent_moved(&mut self, by: i64) {
        for other in self.items.iter_mut().filter(|other| !other.item.urgent) {
            other.overtaken += by;
        }
    }

    fn advance(&mut self, now: Timestamp) {
        let mut over: Vec<(bool, Timestamp, u64)> = Vec::new();
        for held in &self.items {
            match held.state {
                State::Leased(at) if at <= now => over.push((false, at, held.leased)),
                State::Delayed(at) if at <= now => over.push((true, at, held.item.number)),
                State::Unready | State::Ready | State::Leased(_) | State::Delayed(_) => {}
            }
        }
        over.sort_unstable();
        for (delayed, _, id) in over {
            let same = |held: &ModelItem| match held.state {
                State::Leased(_) => !delayed && held.leased == id,
                State::Delayed(_) => delayed && held.item.number == id,
                State::Unready | State::Ready => false,
            };
            let at = self.items.iter().position(same).unwrap();
            self.items[at].attempts += u32::from(!delayed);
            self.enter(at);
        }
    }

    fn lease(&mut self, until: Timestamp, items_max: usize, bytes_max: u64) -> Vec<u64> {
        let mut out = Vec::new();
        let mut bytes = 0;
        while out.len() < items_max {
            let (urgent, ordinary) = (self.ready(true), self.ready(false));
            let waited = ordinary
                .first()
                .filter(|&&at| self.items[at].overtaken >= i64::from(self.limits.1));
            let Some(&at) = waited.or_else(|| urgent.first()).or_else(|| ordinary.first()) else {
                break;
            };
            bytes += u64::from(self.items[at].item.bytes);
            if !out.is_empty() && bytes > bytes_max {
                break;
            }
            self.leases += 1;
            self.items[at].state = State::Leased(until);
            self.items[at].leased = self.leases;
            if self.items[at].item.urgent {
                self.urgent_moved(1);
                let turn = self.items[at].turn;
                for other in &mut self.items {
                    other.passed += u32::from(other.state == State::Ready && other.turn < turn);
                }
            }
            out.push(self.items[at].item.number);
        }
        out
    }

    fn settle(&mut self, number: u64, settlement: Settlement) -> bool {
        let Some(at) = self.items.iter().position(|held| held.item.number == number) else {
            return false;
        };
        let ModelItem { item, state, .. } = self.items[at];
        match (settlement, state) {
            (Settlement::Done, state) => {
                if item.urgent && state == State::Ready {
                    self.urgent_moved(1);
                }
                self.items.remove(at);
                self.ready_heads();
            }
            (Settlement::Again { at: due }, State::Leased(_)) => {
                self.items[at].attempts += 1;
                self.items[at].state = State::Delayed(due);
            }
            (Settlement::Released, State::Leased(_)) => self.release(at),
            _ => return false,
        }
        true
    }

    fn release(&mut self, at: usize) {
        self.items[at].state = State::Ready;
        if self.items[at].item.urgent {
            self.urgent_moved(-1);
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Publish { key: u64, urgent: bool, bytes: u32 },
    PublishAgain { back: u64 },
    Lease { after: u64, hold: u64, items_max: usize, bytes_max: u64 },
    Settle { back: u64, settlement: Settlement },
    ReleaseAll,
    Expire { after: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..6_u64, any::<bool>(), 0..50_u32)
            .prop_map(|(key, urgent, bytes)| Step::Publish { key, urgent, bytes }),
        1 => (0..20_u64).prop_map(|back| Step::PublishAgain { back }),
        4 => (0..5_u64, 1..40_u64, 0..5_usize, 0..120_u64).prop_map(
            |(after, hold, items_max, bytes_max)| Step::Lease { after, hold, items_max, bytes_max }
        ),
        3 => (0..20_u64).prop_map(|back| Step::Settle { back, settlement: Settlement::Done }),
        2 => (0..20_u64, 0..60_u64).prop_map(|(back, at)| Step::Settle {
            back,
            settlement: Settlement::Again { at: Timestamp(at) }
        }),
        2 => (0..20_u64).prop_map(|back| Step::Settle { back, settlement: Settlement::Released }),
        1 => Just(Step::ReleaseAll),
        1 => (0..20_u64).prop_map(|after| Step::Expire { after }),
    ];
    proptest::collection::vec(step, 1..120)
}

fn runs_like_the_model(steps: Vec<Step>, overtaken_max: u32) -> Result<(), TestCaseError> {
    let mut real = mailbox(24, overtaken_max);
    let mut model = Model { limits: (24, overtaken_max), ..Model::default() };
    let (mut now, mut next) = (Timestamp::ZERO, 0_u64);
    // A release gives a turn back, which `passed` does not follow.
    let mut released = false;
    for step in steps {
        match step {
            Step::Publish { key, urgent, bytes } => {
                next += 1;
                let item = Item { number: next, key, urgent, bytes };
                prop_assert_eq!(real.publish(item), model.publish(item));
            }
            Step::PublishAgain { back } => {
                let number = next.saturating_sub(back);
                if model.items.iter().any(|held| held.item.number == number) {
                    prop_assert_eq!(real.publish(item(number, 0)), Ok(()));
                }
            }
            Step::Lease { after, hold, items_max, bytes_max } => {
                now = Timestamp(now.0 + after);
                let until = Timestamp(now.0 + hold);
                let mut out = Vec::new();
                real.lease(now, until, items_max, bytes_max, &mut out);
                model.advance(now);
                prop_assert_eq!(out, model.lease(until, items_max, bytes_max));
                let mut waiting =
                    model.items.iter().filter(|held| !released && held.state == State::Ready);
                prop_assert!(waiting.all(|held| held.item.urgent || held.passed <= overtaken_max));
            }
            Step::Settle { back, settlement } => {
                let number = next.saturating_sub(back);
                released |= settlement == Settlement::Released;
                let settlement = match settlement {
                    Settlement::Again { at } => Settlement::Again { at: Timestamp(now.0 + at.0) },
                    Settlement::Done | Settlement::Released => settlement,
                };
                prop_assert_eq!(real.settle(number, settlement), model.settle(number, settlement));
            }
            Step::ReleaseAll => {
                released = true;
                real.release_all();
                for at in 0..model.items.len() {
                    if matches!(model.items[at].state, State::Leased(_)) {
                        model.release(at);
                    }
                }
            }
            Step::Expire { after } => {
                now = Timestamp(now.0 + after);
                real.expire_leases(now);
                model.advance(now);
            }
        }
        agrees(&real, &model)?;
    }
    Ok(())
}

fn agrees(real: &Mailbox, model: &Model) -> Result<(), TestCaseError> {
    prop_assert!(real.check_invariants());
    prop_assert_eq!(real.len(), model.items.len());
    prop_assert_eq!(real.ready_len(), model.ready(true).len() + model.ready(false).len());
    let deadline = model.items.iter().filter_map(|held| match held.state {
        State::Leased(at) | State::Delayed(at) => Some(at),
        State::Unready | State::Ready => None,
    });
    prop_assert_eq!(real.next_deadline(), deadline.min());
    for held in &model.items {
        let number = held.item.number;
        prop_assert_eq!(real.is_leased(number), matches!(held.state, State::Leased(_)));
        prop_assert_eq!(real.attempts(number), held.attempts);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_behaves_like_a_list_that_is_searched(steps in steps(), overtaken_max in 0..4_u32) {
        runs_like_the_model(steps, overtaken_max)?;
    }
}
