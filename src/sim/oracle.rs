//! Judges a history by what members were told and saw, and by nothing the pipeline says about itself.
//!
//! It shares no code with what it judges: not the fold, not the mailboxes, not the routing.

use super::history::{History, Letter, Row};
use crate::domain::agency::AgencyCode;
use crate::domain::envelope::DocId;
use crate::domain::fact::DeliveryState;
use crate::domain::rejection::Reason;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is wrong with a history that has come to rest.
pub fn judge(history: &History) -> Vec<String> {
    let mut wrong = history.complaints.clone();
    let letters: BTreeMap<&[u8], usize> =
        history.letters.iter().enumerate().map(|(ix, letter)| (&letter.digest[..], ix)).collect();
    let sights = sights(history, &letters, &mut wrong);
    judge_receipts(history, &sights, &mut wrong);
    judge_order(history, &letters, &mut wrong);
    for (receiver, rows) in &history.rows {
        judge_rows(*receiver, rows, &mut wrong);
    }
    judge_news(history, &mut wrong);
    wrong
}

type Sights = BTreeMap<(usize, AgencyCode), Vec<DocId>>;

/// Which letter was seen where, under which ids.
fn sights(history: &History, letters: &BTreeMap<&[u8], usize>, wrong: &mut Vec<String>) -> Sights {
    let mut sights = Sights::new();
    for (agency, seen) in &history.seen {
        for sight in seen {
            match letters.get(&sight.digest[..]) {
                Some(letter) => {
                    sights.entry((*letter, *agency)).or_default().push(sight.receiver);
                }
                None => wrong.push(format!("{agency} sees {} that nobody wrote", sight.receiver)),
            }
        }
    }
    sights
}

/// What was acknowledged is seen once; what was refused never.
fn judge_receipts(history: &History, sights: &Sights, wrong: &mut Vec<String>) {
    let mut answers: Vec<Vec<_>> = vec![Vec::new(); history.letters.len()];
    for told in &history.told {
        if let (Some(list), Ok(answer)) = (answers.get_mut(told.letter), &told.answer) {
            list.push(answer);
        }
    }
    let mut owed = BTreeSet::new();
    for (ix, (letter, answers)) in history.letters.iter().zip(&answers).enumerate() {
        let ids: BTreeSet<DocId> = answers.iter().map(|answer| answer.doc_id).collect();
        if ids.len() > 1 {
            wrong.push(format!("{} was accepted as {ids:?}", name(letter)));
        }
        for receiver in answers.iter().flat_map(|answer| &answer.receivers) {
            let refused = answers
                .iter()
                .flat_map(|answer| &answer.receivers)
                .any(|other| other.agency == receiver.agency && other.refused.is_some());
            let is_over = refused || is_given_up(history, receiver.doc_id);
            if !owed.insert((ix, receiver.agency)) {
                continue;
            }
            let seen = sights.get(&(ix, receiver.agency)).map(Vec::as_slice).unwrap_or_default();
            match seen {
                [] if is_over => {}
                [] => wrong.push(format!(
                    "lost: {} for {} ({}), its sender sees {:?}",
                    name(letter),
                    receiver.agency,
                    receiver.doc_id,
                    history.rows.get(&receiver.doc_id)
                )),
                [_] if refused => wrong.push(format!(
                    "{} was refused for {} and is in its inbox",
                    name(letter),
                    receiver.agency
                )),
                [one] if *one == receiver.doc_id => {}
                other => wrong.push(format!(
                    "{} is {} times in the inbox of {}: {other:?}, told {}",
                    name(letter),
                    other.len(),
                    receiver.agency,
                    receiver.doc_id
                )),
            }
        }
    }
    for (ix, agency) in sights.keys() {
        if !owed.contains(&(*ix, *agency))
            && let Some(letter) = history.letters.get(*ix)
        {
            wrong.push(format!("{agency} sees {} that was never acknowledged", name(letter)));
        }
    }
}

/// The sender sees that it was refused on the way, or expired.
fn is_given_up(history: &History, receiver: DocId) -> bool {
    history.rows.get(&receiver).and_then(|rows| rows.last()).is_some_and(|row| {
        matches!(row.state, DeliveryState::Refused | DeliveryState::Expired)
            && row.refused.is_some()
    })
}

/// Letters of one key from one sender reach each recipient in the order in which they were written:
/// their author waits for each receipt.
fn judge_order(history: &History, letters: &BTreeMap<&[u8], usize>, wrong: &mut Vec<String>) {
    for (agency, seen) in &history.seen {
        let mut last: BTreeMap<(u64, AgencyCode), usize> = BTreeMap::new();
        for sight in seen {
            let Some(ix) = letters.get(&sight.digest[..]).copied() else { continue };
            let Some(letter) = history.letters.get(ix) else { continue };
            let before = last.insert((letter.key(), letter.from), ix);
            if let Some(other) = before.filter(|before| *before > ix)
                && let Some(other) = history.letters.get(other)
            {
                wrong.push(format!("{agency} sees {} before {}", name(other), name(letter)));
            }
        }
    }
}

/// A state shown never goes back.
fn judge_rows(receiver: DocId, rows: &[Row], wrong: &mut Vec<String>) {
    for pair in rows.windows(2) {
        let [before, after] = pair else { continue };
        let corrected = before.state == DeliveryState::Fail && after.state == DeliveryState::Done;
        if far(after.state) <= far(before.state) && before.state != after.state && !corrected {
            wrong.push(format!("{receiver} goes from {before:?} back to {after:?}"));
        }
    }
}

/// What the recipient said has come back to the sender.
fn judge_news(history: &History, wrong: &mut Vec<String>) {
    for (receiver, said) in &history.confirmed {
        let shown = history.rows.get(receiver).and_then(|rows| rows.last()).map(|row| row.state);
        let unanswered = history.unanswered.get(receiver).copied();
        if shown != Some(*said) && (shown.is_none() || shown != unanswered) {
            wrong.push(format!(
                "{receiver}: its recipient said {said:?}, its sender sees {shown:?}"
            ));
        }
    }
}

const fn far(state: DeliveryState) -> u8 {
    match state {
        DeliveryState::UnderWay => 0,
        DeliveryState::Initial => 1,
        DeliveryState::Processing => 2,
        DeliveryState::Done
        | DeliveryState::Fail
        | DeliveryState::Refused
        | DeliveryState::Expired => 3,
    }
}

/// Answers after which the same file is worth sending again.
pub(super) const fn is_worth_repeating(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Unavailable
            | Reason::Busy
            | Reason::Throttled
            | Reason::Timeout
            | Reason::DiskFull
            | Reason::ShuttingDown
    )
}

fn name(letter: &Letter) -> String {
    let about = letter.about.as_ref().map(|(sender, id)| format!(" about {sender}/{id}"));
    let status = letter.status.map(|status| format!(" {status}")).unwrap_or_default();
    format!(
        "{:?}{status} {}/{}{}",
        letter.kind,
        letter.from,
        letter.document_id,
        about.unwrap_or_default()
    )
}
