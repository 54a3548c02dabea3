//! What the fold promises, case by case, and over random histories.

mod histories;

use super::*;
use crate::domain::directory::tests::directory;
use crate::domain::envelope::Kind;
use crate::domain::fact::{
    Accepted, Attempted, BodyRef, Confirmed, Expired, HandedOn, Recipient, id_bytes, order_key,
};
use crate::domain::routing::Node;
use proptest::prelude::*;
use std::sync::LazyLock;

const AXIS: PlatformIx = PlatformIx(0);
const HERE: PlatformIx = PlatformIx(1);
const LIMITS: TrackingLimits = TrackingLimits {
    mailbox_depth_max: 3,
    link_depth_max: 4,
    recent_documents_max: 5,
    duplicates_max: 100,
    status_order_strict: false,
};

/// The fold of the platform `lgsp-h60`, below the axis.
struct Fold {
    tracking: Tracking,
    routes: RoutingTable,
    directory: Directory,
    effects: Vec<Effect>,
}

impl Fold {
    fn new(limits: TrackingLimits) -> Self {
        static DIRECTORY: LazyLock<Directory> = LazyLock::new(|| directory("2026-01-01"));
        let directory = Directory::clone(&DIRECTORY);
        let node = |name: &str, parent, roots: &[&str]| Node {
            name: name.to_owned(),
            parent,
            roots: roots.iter().map(|code| AgencyCode::parse(code).unwrap()).collect(),
            carries: true,
        };
        let nodes = vec![
            node("axis", None, &[]),
            node("lgsp-h60", Some(AXIS), &["H60"]),
            node("lgsp-h41", Some(AXIS), &["H41", "G12"]),
        ];
        let routes = RoutingTable::new(nodes, &directory);
        Self { tracking: Tracking::new(limits, 7), routes, directory, effects: Vec::new() }
    }

    fn apply(&mut self, fact: impl Into<Fact>) -> Verdict {
        let fact = fact.into();
        let ground = Ground {
            here: HERE,
            here_name: "lgsp-h60",
            routes: &self.routes,
            directory: &self.directory,
        };
        self.effects.clear();
        let chunks = if let Fact::Accepted(accepted) = &fact {
            Chunks::One(accepted.at)
        } else {
            Chunks::None
        };
        self.tracking.apply(&ground, &fact, chunks, &mut self.effects)
    }

    fn bytes(&self) -> Bytes {
        let ground = Ground {
            here: HERE,
            here_name: "lgsp-h60",
            routes: &self.routes,
            directory: &self.directory,
        };
        self.tracking.checkpoint(&ground)
    }

    /// As after a restart.
    fn restarted(&self) -> Self {
        let mut other = Self::new(self.tracking.limits);
        let ground = Ground {
            here: HERE,
            here_name: "lgsp-h60",
            routes: &other.routes,
            directory: &other.directory,
        };
        other.tracking.restore(&ground, self.bytes()).unwrap();
        other
    }

    fn delivery(&self, number: u64, agency: &str) -> &Delivery {
        self.tracking.delivery(receiver(number, agency)).unwrap().1
    }

    fn state(&self, number: u64, agency: &str) -> DeliveryState {
        self.delivery(number, agency).state
    }

    /// What is told to the axis now, in order: receiver and state.
    fn news(&self) -> Vec<(DocId, DeliveryState)> {
        let mut items: Vec<u64> = self.tracking.items.keys().copied().collect();
        items.sort_unstable();
        let news = items.iter().filter_map(|number| match self.tracking.carried(*number)? {
            Carried::Report(report) => Some(Arc::clone(&report.news)),
            Carried::Delivery { .. } => None,
        });
        news.map(|n| (DocId::from_slice(&n.receiver).unwrap(), n.state())).collect()
    }
}

fn doc_id(number: u64) -> DocId {
    DocId::new(Timestamp::from_ms(1_800_000_000_000 + number), u128::from(number) << 20)
}

fn receiver(number: u64, agency: &str) -> DocId {
    doc_id(number).receiver(&AgencyCode::parse(agency).unwrap())
}

/// A new document handed in here.
fn letter(number: u64, from: &str, to: &[&str]) -> Accepted {
    let recipient = |code: &&str| Recipient {
        agency: AgencyCode::parse(code).unwrap().as_str().to_owned(),
        doc_id: id_bytes(receiver(number, code)),
        refused: String::new(),
    };
    Accepted {
        doc_id: id_bytes(doc_id(number)),
        origin: "lgsp-h60".to_owned(),
        member: "VN:GOV:H60:QLVB".to_owned(),
        kind: Kind::New as i32,
        from: AgencyCode::parse(from).unwrap().as_str().to_owned(),
        document_id: format!("doc-{number}"),
        recipients: to.iter().map(recipient).collect(),
        body: Some(BodyRef { bytes: 100, ..BodyRef::default() }),
        file_sha256: vec![u8::try_from(number % 251).unwrap(); 32].into(),
        at: 1_000 + number,
        ..Accepted::default()
    }
}

/// A new document that came from the axis.
fn hop(number: u64, from: &str, to: &[&str]) -> Accepted {
    Accepted {
        origin: "lgsp-h41".to_owned(),
        via: "axis".to_owned(),
        member: String::new(),
        hops: vec![Hop { platform: "lgsp-h41".to_owned(), ..Hop::default() }],
        ..letter(number, from, to)
    }
}

/// A status about document `about` of `sender`.
fn status(message: Accepted, sender: &str, about: u64, status: u32) -> Accepted {
    Accepted {
        kind: Kind::Status as i32,
        document_id: String::new(),
        answers_sender: sender.to_owned(),
        answers_document_id: format!("doc-{about}"),
        status,
        ..message
    }
}

fn recall(message: Accepted, sender: &str, about: u64) -> Accepted {
    Accepted { kind: Kind::Recall as i32, ..status(message, sender, about, 0) }
}

fn confirmed(number: u64, agency: &str, state: DeliveryState, at: u64) -> Fact {
    Fact::Confirmed(Confirmed {
        receivers: id_bytes(receiver(number, agency)),
        state: state as i32,
        at,
        ..Confirmed::default()
    })
}

/// What is answered to a word on one delivery.
fn said(refused: Option<Reason>) -> Verdict {
    Verdict::Confirmed { refused: refused.map(|reason| (0, reason)).into_iter().collect() }
}

fn handed_on(number: u64, agency: &str, at: u64) -> Fact {
    let receivers = vec![id_bytes(receiver(number, agency))];
    Fact::HandedOn(HandedOn { peer: "axis".into(), receivers, reports: Vec::new(), at })
}

fn attempted(number: u64, agency: &str, code: &str, retry_at: u64, at: u64) -> Fact {
    let receiver = id_bytes(receiver(number, agency));
    Fact::Attempted(Attempted { peer: "axis".into(), receiver, code: code.into(), retry_at, at })
}

fn progressed(number: u64, agency: &str, state: DeliveryState, at: u64) -> Fact {
    Fact::Progressed(Box::new(Progressed {
        origin: "lgsp-h60".to_owned(),
        via: "axis".to_owned(),
        doc_id: id_bytes(doc_id(number)),
        receiver: id_bytes(receiver(number, agency)),
        state: state as i32,
        at,
        ..Progressed::default()
    }))
}

fn expired(number: u64, agency: &str, at: u64) -> Fact {
    Fact::Expired(Expired { receiver: id_bytes(receiver(number, agency)), at })
}

const fn accepted() -> Verdict {
    Verdict::Accepted { refused: Vec::new(), warning: None }
}

#[test]
fn a_delivery_follows_its_table() {
    use DeliveryState::{Done, Fail, Initial, Processing};
    // wire/vxp.md 1.8. (what was said before, the word, whether it may follow)
    let table: [(&[DeliveryState], DeliveryState, bool); 14] = [
        (&[], Processing, true),
        (&[], Done, true),
        (&[], Fail, true),
        (&[], Initial, false),
        (&[Processing], Processing, true),
        (&[Processing], Done, true),
        (&[Processing], Fail, true),
        (&[Processing], Initial, false),
        (&[Done], Done, true),
        (&[Done], Processing, false),
        (&[Done], Fail, false),
        (&[Fail], Fail, true),
        (&[Fail], Done, true),
        (&[Fail], Processing, false),
    ];
    for (before, word, may) in table {
        let mut fold = Fold::new(LIMITS);
        fold.apply(hop(1, "H41", &["H60"]));
        for (at, word) in (2_000..).zip(before) {
            assert_eq!(fold.apply(confirmed(1, "H60", *word, at)), said(None));
        }
        let verdict = fold.apply(confirmed(1, "H60", word, 3_000));
        let wanted = said((!may).then_some(Reason::BadTransition));
        assert_eq!(verdict, wanted, "{before:?} then {word:?}");
        let last = before.last().copied().unwrap_or(Initial);
        assert_eq!(fold.state(1, "H60"), if may { word } else { last });
    }
    let mut fold = Fold::new(LIMITS);
    let unknown = said(Some(Reason::UnknownDocument));
    assert_eq!(fold.apply(confirmed(9, "H60", Done, 1)), unknown);
    fold.apply(letter(1, "H60", &["H41"]));
    assert_eq!(fold.apply(confirmed(1, "H41", Done, 1)), unknown, "not in an inbox of ours");
}

#[test]
fn every_recipient_over_a_link_has_its_own_verdict() {
    let mut fold = Fold::new(LIMITS);
    for number in 1..=3 {
        fold.apply(hop(number, "H41", &["H60.101"]));
    }
    // One has room, one is full, one lives where it came from, one nobody knows.
    let mixed = hop(4, "H41", &["H60", "H60.101", "G12", "H99"]);
    let verdicts = vec![
        HopVerdict::Accepted,
        HopVerdict::Retry(Reason::MailboxFull),
        HopVerdict::Refused(Reason::NoRoute),
        HopVerdict::Refused(Reason::ReceiverUnknown),
    ];
    assert_eq!(fold.apply(mixed.clone()), Verdict::Hop(verdicts.clone()));
    assert_eq!(fold.apply(mixed), Verdict::Hop(verdicts), "the answer was lost");
    assert_eq!(fold.tracking.delivery(receiver(4, "H60.101")).map(|_| ()), None);
    fold.apply(confirmed(1, "H60.101", DeliveryState::Done, 2_000));
    let again = fold.apply(hop(4, "H41", &["H60.101"]));
    assert_eq!(again, Verdict::Hop(vec![HopVerdict::Accepted]));
    assert_eq!(fold.tracking.copies(doc_id(4)).len(), 2);
}

#[test]
fn a_copy_that_finds_no_room_leaves_nothing() {
    let mut fold = Fold::new(LIMITS);
    for number in 1..=3 {
        fold.apply(hop(number, "H41", &["H60"]));
    }
    let before = fold.bytes();
    let full = Verdict::Hop(vec![HopVerdict::Retry(Reason::MailboxFull)]);
    assert_eq!(fold.apply(hop(4, "H41", &["H60"])), full);
    assert_eq!(fold.bytes(), before);
}

#[test]
fn a_full_link_refuses_documents_whole_and_carries_news_all_the_same() {
    let mut fold = Fold::new(LIMITS);
    for number in 1..=4 {
        assert_eq!(fold.apply(letter(number, "H60", &["H41"])), accepted());
    }
    let mixed = letter(5, "H60", &["H60.101", "G12"]);
    assert_eq!(fold.apply(mixed.clone()), Verdict::Refused(Reason::Busy));
    fold.apply(hop(6, "H41", &["H60"]));
    assert_eq!(fold.news(), [(receiver(6, "H60"), DeliveryState::Initial)]);
    for number in 1..=4 {
        fold.apply(handed_on(number, "H41", 2_000));
    }
    assert_eq!(fold.apply(mixed), accepted(), "the same file, now that there is room");
}

#[test]
fn a_full_mailbox_refuses_only_itself_at_the_first_door() {
    let mut fold = Fold::new(LIMITS);
    for number in 1..=3 {
        fold.apply(letter(number, "H60", &["H60.101"]));
    }
    let refused = vec![(1, Reason::MailboxFull)];
    let verdict = fold.apply(letter(4, "H60", &["H41", "H60.101"]));
    assert_eq!(verdict, Verdict::Accepted { refused: refused.clone(), warning: None });
    assert_eq!(fold.state(4, "H60.101"), DeliveryState::Refused);
    let again = fold.apply(letter(4, "H60", &["H41", "H60.101"]));
    assert_eq!(again, Verdict::Accepted { refused, warning: None }, "after `Unknown`");
}

#[test]
fn what_nobody_gets_is_not_remembered_as_a_duplicate() {
    let mut fold = Fold::new(LIMITS);
    for number in 1..=3 {
        fold.apply(letter(number, "H60", &["H60.101"]));
    }
    let refused = Verdict::Accepted { refused: vec![(0, Reason::MailboxFull)], warning: None };
    assert_eq!(fold.apply(letter(4, "H60", &["H60.101"])), refused);
    fold.apply(confirmed(1, "H60.101", DeliveryState::Done, 2_000));
    let again = Accepted { doc_id: id_bytes(doc_id(5)), ..letter(4, "H60", &["H60.101"]) };
    assert_eq!(fold.apply(again), accepted());
}

#[test]
fn the_same_file_is_the_same_document_and_another_with_its_id_is_refused() {
    let mut fold = Fold::new(LIMITS);
    fold.apply(letter(1, "H60", &["H41"]));
    let again = Accepted { doc_id: id_bytes(doc_id(2)), ..letter(1, "H60", &["H41"]) };
    assert_eq!(fold.apply(again.clone()), Verdict::Duplicate { of: doc_id(1) });
    let other = Accepted { file_sha256: vec![9; 32].into(), ..again.clone() };
    assert_eq!(fold.apply(other.clone()), Verdict::Refused(Reason::DuplicateDocument));
    // domain.md 2.3: a change repeats the DocumentId of what it changes.
    let update = Accepted { kind: Kind::Update as i32, ..other };
    assert_eq!(fold.apply(update.clone()), accepted());
    let update = Accepted { doc_id: id_bytes(doc_id(3)), ..update };
    assert_eq!(fold.apply(update), Verdict::Duplicate { of: doc_id(2) });
    let elsewhere = Accepted { from: "H60.101".to_owned(), ..again };
    assert_eq!(fold.apply(elsewhere), accepted(), "another sender's document");
}

#[test]
fn the_duplicate_window_forgets_the_oldest_and_copies_take_one_place() {
    let mut fold = Fold::new(TrackingLimits { duplicates_max: 2, ..LIMITS });
    fold.apply(hop(1, "H41", &["H60"]));
    fold.apply(hop(1, "H41", &["H60.101"]));
    fold.apply(letter(2, "H60", &["H41"]));
    let key = order_key(&letter(1, "H41", &[]).from, "doc-1");
    assert!(fold.tracking.doc_by_key(key).is_some(), "two documents, three copies");
    fold.apply(letter(3, "H60", &["H41"]));
    assert!(fold.tracking.doc_by_key(key).is_none());
}

#[test]
fn news_travels_back_and_late_news_changes_nothing() {
    use DeliveryState::{Done, Initial, Processing, Refused, UnderWay};
    let mut fold = Fold::new(LIMITS);
    fold.apply(hop(1, "H41", &["H60"]));
    fold.apply(confirmed(1, "H60", Processing, 2_000));
    fold.apply(confirmed(1, "H60", Done, 3_000));
    let told: Vec<_> = fold.news().into_iter().map(|(_, state)| state).collect();
    assert_eq!(told, [Initial, Processing, Done]);
    let mut fold = Fold::new(LIMITS);
    fold.apply(letter(1, "H60", &["H41"]));
    assert_eq!(fold.state(1, "H41"), UnderWay);
    for (news, shown) in
        [(Processing, Processing), (Initial, Processing), (Done, Done), (Refused, Done)]
    {
        fold.apply(progressed(1, "H41", news, 2_000));
        assert_eq!(fold.state(1, "H41"), shown, "after {news:?}");
    }
    assert!(fold.tracking.link_items().is_empty(), "the news overtook the answer to the hand-over");
    fold.apply(handed_on(1, "H41", 2_500));
    assert_eq!(fold.state(1, "H41"), Done);
}

#[test]
fn a_neighbour_has_nothing_to_say_about_an_inbox_here() {
    let mut fold = Fold::new(LIMITS);
    fold.apply(letter(1, "H60", &["H60.101"]));
    let before = fold.bytes();
    fold.apply(progressed(1, "H60.101", DeliveryState::Done, 2_000));
    fold.apply(handed_on(1, "H60.101", 2_000));
    fold.apply(attempted(1, "H60.101", "LT-D304", 0, 2_000));
    assert_eq!(fold.bytes(), before);
}

#[test]
fn a_platform_in_between_has_done_its_part_when_it_is_handed_on() {
    let mut fold = Fold::new(LIMITS);
    // What comes from below goes up; here: what the axis would carry down is carried up by a child.
    let transit =
        Accepted { via: "lgsp-h60-child".to_owned(), ..hop(1, "H60.101", &["H41", "G12"]) };
    fold.apply(transit);
    assert_eq!(fold.tracking.open_docs(), 1);
    fold.apply(handed_on(1, "H41", 2_000));
    fold.apply(attempted(1, "G12", "LT-D304", 0, 2_100));
    assert_eq!(fold.tracking.open_docs(), 0);
    assert_eq!(fold.state(1, "G12"), DeliveryState::Refused);
    assert_eq!(fold.news(), [(receiver(1, "G12"), DeliveryState::Refused)]);
}

#[test]
fn an_attempt_is_repeated_at_its_moment_and_the_last_one_ends_it() {
    let mut fold = Fold::new(LIMITS);
    fold.apply(letter(1, "H60", &["H41"]));
    fold.apply(attempted(1, "H41", "LT-D501", 9_000, 2_000));
    let number = fold.delivery(1, "H41").number;
    let again = Effect::Again { to: Destination::Link(AXIS), number, at: Timestamp(9_000) };
    assert_eq!((fold.effects.as_slice(), fold.delivery(1, "H41").attempts), (&[again][..], 1));
    fold.apply(attempted(1, "H41", "LT-D304", 0, 3_000));
    assert_eq!(fold.effects, [Effect::Remove { to: Destination::Link(AXIS), number }]);
    assert_eq!(fold.delivery(1, "H41").refused, Some(Reason::ReceiverLocked));
    assert_eq!(fold.tracking.open_docs(), 0);
}

#[test]
fn documents_are_shown_part_by_part_each_once() {
    let mut fold = Fold::new(TrackingLimits { recent_documents_max: 0, ..LIMITS });
    for (number, to) in (1..).zip(["H60.101", "H60", "H60.101", "H60"]) {
        fold.apply(hop(number, "H41", &[to]));
    }
    fold.apply(confirmed(2, "H60", DeliveryState::Done, 2_000));
    let part = |places| fold.tracking.documents_at(places).map(|docs| docs.map(|doc| doc.id));
    let parts = [0..2, 2..4, 4..6].map(|places| part(places).map(Iterator::collect::<Vec<_>>));
    assert_eq!(parts, [Some(vec![doc_id(1)]), Some(vec![doc_id(3), doc_id(4)]), None]);
}

#[test]
fn one_word_on_several_deliveries_counts_for_each_by_itself() {
    let mut fold = Fold::new(LIMITS);
    for number in 1..=3 {
        fold.apply(hop(number, "H41", &["H60"]));
    }
    fold.apply(confirmed(2, "H60", DeliveryState::Fail, 2_000));
    let receivers = [1, 9, 2, 3].map(|number| receiver(number, "H60").to_bytes()).concat();
    let word = Confirmed {
        receivers: receivers.into(),
        state: DeliveryState::Processing as i32,
        at: 3_000,
        ..Confirmed::default()
    };
    let refused = vec![(1, Reason::UnknownDocument), (2, Reason::BadTransition)];
    assert_eq!(fold.apply(Fact::Confirmed(word)), Verdict::Confirmed { refused });
    let states = [1, 2, 3].map(|number| fold.state(number, "H60"));
    assert_eq!(states, [DeliveryState::Processing, DeliveryState::Fail, DeliveryState::Processing]);
}

#[test]
fn an_expired_item_leaves_the_inbox_and_its_sender_is_told() {
    let mut fold = Fold::new(LIMITS);
    fold.apply(hop(1, "H41", &["H60"]));
    fold.apply(expired(1, "H60", 9_000));
    assert_eq!(fold.state(1, "H60"), DeliveryState::Expired);
    assert_eq!(fold.news().last(), Some(&(receiver(1, "H60"), DeliveryState::Expired)));
    assert_eq!(fold.tracking.depths().1, 0);
    let late = fold.apply(confirmed(1, "H60", DeliveryState::Done, 9_001));
    assert_eq!(late, said(Some(Reason::BadTransition)));
    fold.apply(hop(2, "H41", &["H60"]));
    fold.apply(confirmed(2, "H60", DeliveryState::Done, 9_002));
    fold.apply(expired(2, "H60", 9_003));
    assert_eq!(fold.state(2, "H60"), DeliveryState::Done, "taken in the same moment");
}

// QĐ 28/2018 Art. 9: on a recall the receiver destroys the recalled document and says so.
#[test]
fn agreeing_to_a_recall_destroys_the_content_in_every_copy() {
    let mut fold = Fold::new(TrackingLimits { link_depth_max: 100, ..LIMITS });
    fold.apply(hop(1, "H41", &["H60"]));
    fold.apply(hop(1, "H41", &["H60.101"]));
    fold.apply(status(letter(2, "H60", &["H41"]), "H41", 1, 15));
    assert!(!fold.delivery(1, "H60").is_destroyed(), "an update was agreed to, not a recall");
    fold.apply(recall(hop(3, "H41", &["H60", "H60.101"]), "H41", 1));
    assert!(!fold.delivery(1, "H60").is_destroyed(), "nobody has agreed yet");
    fold.apply(status(letter(4, "H60.101", &["H41"]), "H41", 1, 15));
    assert!(fold.delivery(1, "H60.101").is_destroyed());
    assert!(!fold.delivery(1, "H60").is_destroyed());
    fold.apply(status(letter(5, "H60", &["H41"]), "H41", 1, 15));
    assert!(fold.delivery(1, "H60").is_destroyed());
}

#[test]
fn a_clerks_word_that_goes_back_is_marked_or_refused() {
    for is_strict in [false, true] {
        let mut fold = Fold::new(TrackingLimits { status_order_strict: is_strict, ..LIMITS });
        fold.apply(hop(1, "H41", &["H60.101"]));
        fold.apply(hop(1, "H41", &["H60"]));
        let word = |number, code| status(letter(number, "H60", &["H41"]), "H41", 1, code);
        assert_eq!(fold.apply(word(2, 5)), accepted());
        let back = fold.apply(word(3, 3));
        if is_strict {
            assert_eq!(back, Verdict::Refused(Reason::BadTransition));
            assert_eq!(fold.apply(word(4, 6)), accepted());
            continue;
        }
        let warning = Some(Reason::BadTransition);
        assert_eq!(back, Verdict::Accepted { refused: Vec::new(), warning });
        let notes = &fold.delivery(1, "H60").details.as_ref().unwrap().statuses;
        let marks: Vec<_> = notes.iter().map(|n| (n.status.code(), n.out_of_order)).collect();
        assert_eq!(marks, [(5, false), (3, true)]);
    }
}

#[test]
fn recipients_do_not_wait_for_each_other_and_changes_wait_for_their_document() {
    let mut fold = Fold::new(LIMITS);
    let keys = |fold: &Fold| -> Vec<u64> {
        let key = |effect: &Effect| match effect {
            Effect::Enqueue { key, .. } => Some(*key),
            Effect::Remove { .. } | Effect::Again { .. } => None,
        };
        fold.effects.iter().filter_map(key).collect()
    };
    fold.apply(letter(1, "H60", &["H41", "G12"]));
    let document = keys(&fold);
    assert_ne!(document[0], document[1]);
    fold.apply(recall(letter(2, "H60", &["H41", "G12"]), "H60", 1));
    assert_eq!(keys(&fold), document);
}
