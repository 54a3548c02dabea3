//! Claims of the fold over random histories.

use super::*;

#[test]
fn what_is_forgotten_takes_no_other_copy_with_it() {
    let mut fold = Fold::new(TrackingLimits { recent_documents_max: 0, ..LIMITS });
    fold.apply(hop(1, "H41", &["H60"]));
    fold.apply(hop(1, "H41", &["H60.101"]));
    fold.apply(confirmed(1, "H60", DeliveryState::Done, 2_000));
    assert!(fold.tracking.delivery(receiver(1, "H60")).is_none());
    assert!(fold.tracking.doc(doc_id(1)).is_some());
    fold.apply(recall(hop(2, "H41", &["H60.101"]), "H41", 1));
    assert!(fold.delivery(1, "H60.101").details.as_ref().unwrap().recall_asked);
    assert_eq!(fold.tracking.pinned_chunks().len(), 2);
    fold.apply(confirmed(1, "H60.101", DeliveryState::Done, 2_000));
    assert!(fold.tracking.doc(doc_id(1)).is_none());
}

/// A history: what each step does, to which document, and how.
fn history() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((0_u8..12, 0_u8..12, any::<u8>()), 1..120)
}

/// The fact of one step. `at` is unique.
fn step((what, which, how): (u8, u8, u8), at: u64) -> Fact {
    const HERE: [&str; 3] = ["H60", "H60.101", "H60.09"];
    const ALL: [&str; 5] = ["H60", "H60.101", "H60.09", "H41", "G12"];
    let number = u64::from(which);
    let agency = ALL[usize::from(how % 5)];
    let to: Vec<&str> = ALL
        .into_iter()
        .enumerate()
        .filter(|(bit, _)| how >> bit & 1 == 1)
        .map(|(_, c)| c)
        .collect();
    let to = if to.is_empty() { vec!["H41"] } else { to };
    let state =
        [DeliveryState::Processing, DeliveryState::Done, DeliveryState::Fail][usize::from(how % 3)];
    let message: Accepted = match what {
        0 | 1 => letter(number, HERE[usize::from(how % 3)], &to),
        2 => hop(number + 20, "H41", &to),
        3 => status(letter(at, agency, &["H41"]), "H41", number + 20, u32::from(how % 6) + 1),
        4 => status(letter(at, HERE[usize::from(how % 3)], &["H41"]), "H41", number + 20, 15),
        5 => recall(hop(at, "H41", &to), "H41", number + 20),
        6 => return handed_on(number, agency, at),
        7 => return attempted(number, agency, "LT-D501", u64::from(how % 3) * at, at),
        8 => return confirmed(number + 20, agency, state, at),
        9 => return confirmed(number, agency, state, at),
        10 => return progressed(number, agency, state, at),
        _ => return expired(number + 20 * u64::from(how % 2), agency, at),
    };
    Fact::from(Accepted { at, ..message })
}

proptest! {
    #[test]
    fn a_restart_anywhere_changes_nothing(history in history(), cut: prop::sample::Index) {
        let cut = cut.index(history.len());
        let limits = TrackingLimits { duplicates_max: 12, ..LIMITS };
        let (mut whole, mut cutting) = (Fold::new(limits), Fold::new(limits));
        for (place, (at, what)) in (10_000..).zip(history).enumerate() {
            if place == cut {
                cutting = cutting.restarted();
            }
            let fact = step(what, at);
            prop_assert_eq!(whole.apply(fact.clone()), cutting.apply(fact.clone()), "{:?}", fact);
            prop_assert_eq!(&whole.effects, &cutting.effects);
        }
        prop_assert_eq!(whole.bytes(), cutting.bytes());
        prop_assert_eq!(whole.tracking.link_items(), cutting.tracking.link_items());
        prop_assert_eq!(whole.tracking.depths(), cutting.tracking.depths());
        prop_assert_eq!(whole.tracking.pinned_chunks(), cutting.tracking.pinned_chunks());
        for code in ["H60", "H60.101", "H60.09"] {
            let id = whole.directory.lookup(&AgencyCode::parse(code).unwrap()).unwrap();
            let sent = |fold: &Fold| -> Vec<_> {
                let rows = fold.tracking.sent(id, None, 1_000);
                rows.iter().map(|row| (row.delivery.receiver, row.delivery.state)).collect()
            };
            prop_assert_eq!(sent(&whole), sent(&cutting));
            prop_assert_eq!(whole.tracking.open_items(id), cutting.tracking.open_items(id));
        }
    }

    #[test]
    fn any_fact_twice_changes_nothing(history in history()) {
        let mut fold = Fold::new(TrackingLimits { recent_documents_max: 1_000, ..LIMITS });
        for (at, what) in (10_000..).zip(history) {
            let fact = step(what, at);
            fold.apply(fact.clone());
            let (before, depths) = (fold.bytes(), fold.tracking.depths());
            fold.apply(fact.clone());
            prop_assert_eq!(before, fold.bytes(), "{:?}", fact);
            prop_assert_eq!(depths, fold.tracking.depths());
        }
    }

    #[test]
    fn what_was_sent_stands_in_order_whichever_is_forgotten_first(
        order in Just((1..=9_u64).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let limits = TrackingLimits { recent_documents_max: 0, mailbox_depth_max: 20, ..LIMITS };
        let mut fold = Fold::new(limits);
        let sender = fold.directory.lookup(&AgencyCode::parse("H60.09").unwrap()).unwrap();
        for number in 1..=9 {
            fold.apply(letter(number, "H60.09", &["H60.101"]));
        }
        let mut left: Vec<u64> = (1..=9).rev().collect();
        for (place, number) in (10..).zip(order) {
            fold.apply(confirmed(number, "H60.101", DeliveryState::Done, 2_000));
            fold.apply(letter(place, "H60.09", &["H60.101"]));
            left.retain(|other| *other != number);
            left.insert(0, place);
            let ids: Vec<DocId> = left.iter().map(|number| doc_id(*number)).collect();
            let sent = fold.tracking.sent(sender, None, 100);
            prop_assert_eq!(sent.iter().map(|row| row.doc.id).collect::<Vec<_>>(), ids);
        }
        for number in left {
            fold.apply(confirmed(number, "H60.101", DeliveryState::Done, 2_000));
        }
        prop_assert!(fold.tracking.sent.is_empty());
    }

    #[test]
    fn counts_agree_with_what_is_counted(history in history()) {
        let mut fold = Fold::new(LIMITS);
        for (at, what) in (10_000..).zip(history) {
            fold.apply(step(what, at));
            let docs = || fold.tracking.docs.iter().flatten();
            for doc in docs() {
                let open = doc.deliveries.iter().filter(|d| !d.is_closed).count();
                prop_assert_eq!(doc.open as usize, open);
            }
            prop_assert_eq!(fold.tracking.open_docs(), docs().filter(|doc| doc.open > 0).count());
            prop_assert_eq!(fold.tracking.recent.len(), docs().filter(|doc| doc.open == 0).count());
            let (links, inboxes) = fold.tracking.depths();
            prop_assert_eq!(links, fold.tracking.link_items().len());
            prop_assert_eq!(links + inboxes, fold.tracking.items.len());
            let listed: usize = fold.tracking.inboxes.values().map(|i| i.open.len()).sum();
            prop_assert_eq!(inboxes, listed);
        }
    }
}
