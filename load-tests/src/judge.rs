//! Judges a run: every accepted document must have been delivered exactly once, whole, to its recipient.
//!
//! Knows numbers only. Whoever sends marks what was accepted, whoever receives marks what came; this
//! file compares the two and trusts neither.

/// Which numbers were seen, one bit each.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    words: Vec<u64>,
    count: u64,
    repeated: u64,
}

impl Marks {
    /// False when it was marked before.
    pub fn mark(&mut self, number: u64) -> bool {
        let (word, bit) = (usize::try_from(number / 64).unwrap_or(usize::MAX), 1 << (number % 64));
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        let Some(word) = self.words.get_mut(word) else { return false };
        let fresh = *word & bit == 0;
        *word |= bit;
        self.count += u64::from(fresh);
        self.repeated += u64::from(!fresh);
        fresh
    }

    /// What both have marked counts as repeated.
    pub fn merge(&mut self, other: &Self) {
        self.repeated += other.repeated + self.common(other);
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
            *mine |= theirs;
        }
        self.count = self.words.iter().map(|word| u64::from(word.count_ones())).sum();
    }

    pub const fn count(&self) -> u64 {
        self.count
    }

    pub const fn repeated(&self) -> u64 {
        self.repeated
    }

    fn common(&self, other: &Self) -> u64 {
        let both = self.words.iter().zip(&other.words);
        both.map(|(mine, theirs)| u64::from((mine & theirs).count_ones())).sum()
    }
}

/// What a run left behind.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub sent: u64,
    pub accepted: Marks,
    pub refused: Marks,
    pub delivered: Marks,
    /// The body was not the one that was sent.
    pub corrupted: u64,
    /// It came to somebody else.
    pub misdelivered: u64,
    /// Documents that are not of this run.
    pub foreign: u64,
    /// Nobody listened, so nothing can have been lost.
    pub unobserved: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Judgement {
    pub sent: u64,
    pub accepted: u64,
    pub refused: u64,
    /// No answer when the run ended: may or may not have been accepted.
    pub unanswered: u64,
    pub delivered: u64,
    /// Accepted and not delivered.
    pub lost: u64,
    /// Deliveries beyond the first of the same document.
    pub duplicated: u64,
    /// Refused, and delivered all the same.
    pub refused_but_delivered: u64,
    pub corrupted: u64,
    pub misdelivered: u64,
    pub foreign: u64,
    /// Answered twice.
    pub answered_twice: u64,
}

impl Judgement {
    pub fn of(evidence: &Evidence) -> Self {
        let Evidence { accepted, refused, delivered, .. } = evidence;
        let answered = accepted.count() + refused.count();
        let arrived = accepted.common(delivered);
        Self {
            sent: evidence.sent,
            accepted: accepted.count(),
            refused: refused.count(),
            unanswered: evidence.sent.saturating_sub(answered),
            delivered: delivered.count(),
            lost: if evidence.unobserved { 0 } else { accepted.count() - arrived },
            duplicated: delivered.repeated(),
            refused_but_delivered: refused.common(delivered),
            corrupted: evidence.corrupted,
            misdelivered: evidence.misdelivered,
            foreign: evidence.foreign,
            answered_twice: accepted.repeated() + refused.repeated() + accepted.common(refused),
        }
    }

    /// Exactly once, whole, to the right one.
    pub const fn is_clean(&self) -> bool {
        self.lost == 0
            && self.duplicated == 0
            && self.refused_but_delivered == 0
            && self.corrupted == 0
            && self.misdelivered == 0
            && self.answered_twice == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(numbers: &[u64]) -> Marks {
        let mut marks = Marks::default();
        for &number in numbers {
            marks.mark(number);
        }
        marks
    }

    fn judged(accepted: &[u64], refused: &[u64], delivered: &[u64]) -> Judgement {
        Judgement::of(&Evidence {
            sent: 10,
            accepted: marks(accepted),
            refused: marks(refused),
            delivered: marks(delivered),
            ..Evidence::default()
        })
    }

    #[test]
    fn each_fault_is_told_from_the_others() {
        let clean = judged(&[1, 2, 900], &[3], &[900, 1, 2]);
        assert!(clean.is_clean());
        assert_eq!((clean.accepted, clean.refused, clean.unanswered), (3, 1, 6));

        let lost = judged(&[1, 2, 900], &[], &[1]);
        assert_eq!((lost.lost, lost.is_clean()), (2, false));
        let doubled = judged(&[1], &[], &[1, 1, 1]);
        assert_eq!((doubled.duplicated, doubled.delivered, doubled.is_clean()), (2, 1, false));
        let haunted = judged(&[], &[4], &[4]);
        assert_eq!((haunted.refused_but_delivered, haunted.is_clean()), (1, false));
        let undecided = judged(&[4], &[4], &[4]);
        assert_eq!((undecided.answered_twice, undecided.is_clean()), (1, false));
    }

    #[test]
    fn a_delivery_whose_receipt_was_lost_is_no_fault() {
        assert!(judged(&[1], &[], &[1, 2]).is_clean());
    }

    #[test]
    fn nothing_is_lost_when_nobody_listens() {
        let evidence = Evidence { accepted: marks(&[1]), unobserved: true, ..Evidence::default() };
        assert_eq!(Judgement::of(&evidence).lost, 0);
    }

    #[test]
    fn merging_finds_what_two_receivers_both_got() {
        let mut left = marks(&[1, 64, 5000]);
        left.merge(&marks(&[64, 2, 2]));
        assert_eq!((left.count(), left.repeated()), (4, 2));
        left.merge(&marks(&[100_000]));
        assert_eq!((left.count(), left.repeated()), (5, 2));
        assert!(!left.mark(100_000));
    }
}
