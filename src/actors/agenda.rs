//! What a member has to do, and when: bounded, in the order of time.

use super::paper::{Received, Registered};
use super::reaction::Step;
use super::script::{Correction, Plan};
use crate::clock::Timestamp;
use crate::domain::status::BusinessStatus;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One thing to do.
#[derive(Clone, Debug)]
pub(super) enum Duty {
    Write(Box<Plan>),
    Answer { to: Arc<Received>, step: Step },
    Reply(Arc<Received>),
    Correct { of: Box<Registered>, correction: Correction },
}

impl Duty {
    /// The word that a document has come is owed even when the traffic ends.
    pub(super) fn is_owed(&self) -> bool {
        matches!(self, Self::Answer { step, .. } if step.status == BusinessStatus::Arrived)
    }
}

#[derive(Debug, Default)]
pub(super) struct Agenda {
    duties: BTreeMap<(Timestamp, u64), Duty>,
    count: u64,
}

/// Beyond it only what is owed is still noted: a member must not grow because nobody takes its answers.
const DUTIES_MAX: usize = 10_000;

impl Agenda {
    /// False when there is no room left for it.
    pub(super) fn add(&mut self, at: Timestamp, duty: Duty) -> bool {
        if self.duties.len() >= DUTIES_MAX && !duty.is_owed() && !matches!(duty, Duty::Write(_)) {
            return false;
        }
        self.count += 1;
        self.duties.insert((at, self.count), duty);
        true
    }

    pub(super) fn next_at(&self) -> Option<Timestamp> {
        self.duties.first_key_value().map(|((at, _), _)| *at)
    }

    /// What is due, the earliest first.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(Timestamp, Duty)> {
        self.next_at().filter(|at| *at <= now)?;
        self.duties.pop_first().map(|((at, _), duty)| (at, duty))
    }

    /// Lets go of all further answers about one document: it was given back.
    pub(super) fn forget(&mut self, document: &Received) {
        self.duties.retain(|_, duty| match duty {
            Duty::Answer { to, step } => {
                step.status == BusinessStatus::Arrived || !to.is_same(document)
            }
            Duty::Reply(to) => !to.is_same(document),
            Duty::Write(_) | Duty::Correct { .. } => true,
        });
    }

    /// Keeps nothing but what is owed.
    pub(super) fn wind_up(&mut self) {
        self.duties.retain(|_, duty| duty.is_owed());
    }
}
