//! What a receiving agency does with a document: which statuses it sends back, when, and whether it replies.
//!
//! Pure. Drawn from the seed, the agency and the document's own id, so the order in which documents arrive changes
//! nothing, and the same question asked again has the same answer.

use super::cast::RoleIx;
use super::script::{HOUR, MINUTE, delay, person, pick};
use super::words;
use crate::domain::status::BusinessStatus;
use crate::random::Random;
use std::time::Duration;

/// A status to send, counted from the arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// In the agencies' time, which `speed` compresses.
    pub after: Duration,
    pub status: BusinessStatus,
    pub description: &'static str,
}

/// Everything that one document brings about at one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// In order; never empty for a new document.
    pub steps: Vec<Step>,
    /// A letter in answer, counted from the arrival.
    pub reply: Option<Duration>,
    pub clerk: String,
    /// 15 or 16, should the sender want it back or changed.
    pub to_change: Step,
}

impl Reaction {
    pub fn to(document_id: &str, me: RoleIx, urgency: u8, seed: u64) -> Self {
        let mut random = Random::stream(seed ^ fnv(document_id), me as u64);
        let random = &mut random;
        let hurry = if urgency > 0 { 0.2 } else { 1.0 };
        let mut steps = vec![step(Duration::ZERO, BusinessStatus::Arrived)];
        // Where one registry's documents stood (domain.md 2.2): 894 × 01, 734 × 03, 610 × 05, 60 × 02, 49 × 06.
        let end = random.below(894 + 734 + 610 + 60 + 49);
        let accepted = delay(random, 25.0 * MINUTE * hurry, 0.9);
        if end < 60 {
            let description = pick(random, words::REFUSALS).copied().unwrap_or_default();
            steps.push(Step { after: accepted, status: BusinessStatus::Refused, description });
        } else if end >= 60 + 894 {
            steps.push(step(accepted, BusinessStatus::Accepted));
            if end >= 60 + 894 + 734 {
                work(random, &mut steps, accepted, hurry, end >= 60 + 894 + 734 + 610);
            }
        }
        let is_taken = steps.len() > 2;
        let reply = (is_taken && random.chance(0.2))
            .then(|| accepted + delay(random, 80.0 * MINUTE * hurry, 0.8));
        Self { steps, reply, clerk: person(random), to_change: to_change(random) }
    }

    pub fn is_refusal(&self) -> bool {
        self.steps.iter().any(|step| step.status == BusinessStatus::Refused)
    }
}

fn work(random: &mut Random, steps: &mut Vec<Step>, accepted: Duration, hurry: f64, is_done: bool) {
    // vOffice writes 03 and 05 back to back (domain.md 2.2).
    let mut at = accepted;
    if random.chance(0.4) {
        at += delay(random, 20.0 * MINUTE * hurry, 0.7);
        steps.push(step(at, BusinessStatus::Assigned));
        at += delay(random, 40.0 * MINUTE * hurry, 0.8);
    }
    at += Duration::from_secs(30);
    steps.push(step(at, BusinessStatus::InProgress));
    if is_done {
        at += delay(random, 5.0 * HOUR * hurry, 1.2);
        steps.push(step(at, BusinessStatus::Completed));
    }
}

fn to_change(random: &mut Random) -> Step {
    let after = delay(random, 15.0 * MINUTE, 0.8);
    // Assumed: most agree.
    if random.chance(0.85) {
        return step(after, BusinessStatus::ChangeAgreed);
    }
    let description = pick(random, words::DECLINES).copied().unwrap_or_default();
    Step { after, status: BusinessStatus::ChangeDeclined, description }
}

const fn step(after: Duration, status: BusinessStatus) -> Step {
    let description = match status {
        BusinessStatus::Arrived => "Phần mềm đã nhận được văn bản, văn thư chưa xử lý",
        BusinessStatus::Accepted => "Đã tiếp nhận, vào sổ văn bản đến",
        BusinessStatus::Assigned => "Đã phân công đơn vị xử lý",
        BusinessStatus::InProgress => "Đang xử lý",
        BusinessStatus::Completed => "Đã xử lý xong",
        BusinessStatus::ChangeAgreed => "Đồng ý cập nhật, lấy lại văn bản",
        BusinessStatus::Refused
        | BusinessStatus::RecallRequested
        | BusinessStatus::ChangeDeclined => "",
    };
    Step { after, status, description }
}

/// FNV-1a: the same on every machine and in every version.
pub(super) fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
