//! Business status 01…16: which may follow which, and who sends it.
//!
//! This is the clerk's word about a document, not the state of its delivery (`fact::DeliveryState`).
//! Nothing is forbidden here: `next` only says what a new status is to the last one, and the pipeline
//! records or refuses it.

use std::fmt;

/// The clerk's word about a document, carried by an edXML status message (domain.md 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum BusinessStatus {
    /// Đã đến
    Arrived = 1,
    /// Từ chối tiếp nhận
    Refused = 2,
    /// Đã tiếp nhận
    Accepted = 3,
    /// Phân công
    Assigned = 4,
    /// Đang xử lý
    InProgress = 5,
    /// Hoàn thành
    Completed = 6,
    /// Lấy lại (by the sender)
    RecallRequested = 13,
    /// Đồng ý cập nhật/lấy lại
    ChangeAgreed = 15,
    /// Từ chối cập nhật/lấy lại
    ChangeDeclined = 16,
}

/// The end of the exchange that says a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    Sender,
    Receiver,
}

/// What a new status is to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The next one, or a later one: jumps are normal (vOffice writes 03 and 05 back to back).
    Forward,
    /// The same once more.
    Repeat,
    Backward,
    /// The document was refused or done with; nothing was to follow.
    AfterTerminal,
}

impl BusinessStatus {
    pub const ALL: [Self; 9] = [
        Self::Arrived,
        Self::Refused,
        Self::Accepted,
        Self::Assigned,
        Self::InProgress,
        Self::Completed,
        Self::RecallRequested,
        Self::ChangeAgreed,
        Self::ChangeDeclined,
    ];

    pub const fn code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// As written in a file: one or two digits.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits =
            !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
        if digits { Self::from_code(text.parse().ok()?) } else { None }
    }

    // domain.md 2.2: 13 comes from the document's sender, all others from its receiver.
    pub const fn said_by(self) -> Party {
        match self {
            Self::RecallRequested => Party::Sender,
            Self::Arrived
            | Self::Refused
            | Self::Accepted
            | Self::Assigned
            | Self::InProgress
            | Self::Completed
            | Self::ChangeAgreed
            | Self::ChangeDeclined => Party::Receiver,
        }
    }

    /// The status says no to something, so it owes a reason (QĐ 28/2018 Art. 5.4 for 02; 13 and 16 by the
    /// vendor's samples).
    pub const fn owes_reason(self) -> bool {
        matches!(self, Self::Refused | Self::RecallRequested | Self::ChangeDeclined)
    }

    /// How far the document has come at its receiver; `None` for the talk about changes.
    const fn progress(self) -> Option<u8> {
        match self {
            Self::Arrived
            | Self::Refused
            | Self::Accepted
            | Self::Assigned
            | Self::InProgress
            | Self::Completed => Some(self as u8),
            Self::RecallRequested | Self::ChangeAgreed | Self::ChangeDeclined => None,
        }
    }
}

/// What `new` is after `current`, the last status on record for this document and receiver.
///
/// 13, 15 and 16 stand beside the way from 01 to 06: they may come at any time before 06 (and the answers
/// to an update later still), and the way goes on after them, because an update was made or a recall declined.
/// That a document agreed to be recalled is destroyed is for the pipeline to know.
pub fn next(current: Option<BusinessStatus>, new: BusinessStatus) -> Step {
    use BusinessStatus::{ChangeAgreed, ChangeDeclined, Completed, RecallRequested, Refused};
    let Some(current) = current else { return Step::Forward };
    if current == new {
        return Step::Repeat;
    }
    match (current, new) {
        // An update may reach a document that is done with; its receiver still answers it.
        (Completed, ChangeAgreed | ChangeDeclined) => Step::Forward,
        // domain.md 2.2: 02 is terminal, and 13 may come at any time before 06.
        (Refused | Completed, _) => Step::AfterTerminal,
        (ChangeAgreed, ChangeDeclined) => Step::Backward,
        // A recall is answered, not progressed; what crossed it on the way still counts.
        (RecallRequested | ChangeAgreed | ChangeDeclined, _) => Step::Forward,
        _ => match (current.progress(), new.progress()) {
            // Accepted and later refused (trả lại) goes back.
            (Some(was), Some(is)) if is < was => Step::Backward,
            _ => Step::Forward,
        },
    }
}

/// Two digits, as on the wire.
impl fmt::Display for BusinessStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(current: u8, new: u8) -> Step {
        let current = (current > 0).then(|| BusinessStatus::from_code(current).unwrap());
        next(current, BusinessStatus::from_code(new).unwrap())
    }

    #[test]
    fn the_table_of_the_document_life_cycle_holds() {
        use Step::{AfterTerminal, Backward, Forward, Repeat};
        // (current, new, step): domain.md 2.2. 0 is none yet.
        let table = [
            (0, 1, Forward),
            (0, 5, Forward),
            (0, 13, Forward),
            (1, 1, Repeat),
            (1, 2, Forward),
            (1, 3, Forward),
            (1, 6, Forward),
            (3, 5, Forward),
            (3, 4, Forward),
            (5, 6, Forward),
            (3, 1, Backward),
            (3, 2, Backward),
            (5, 4, Backward),
            (2, 3, AfterTerminal),
            (2, 13, AfterTerminal),
            (2, 2, Repeat),
            (6, 5, AfterTerminal),
            (6, 13, AfterTerminal),
            (6, 15, Forward),
            (6, 6, Repeat),
            (1, 13, Forward),
            (5, 13, Forward),
            (13, 15, Forward),
            (13, 16, Forward),
            (13, 3, Forward),
            (15, 16, Backward),
            (16, 13, Forward),
            (16, 5, Forward),
            (3, 15, Forward),
        ];
        for (current, new, expected) in table {
            assert_eq!(step(current, new), expected, "{current:02} then {new:02}");
        }
    }

    #[test]
    fn only_a_recall_is_said_by_the_sender() {
        for status in BusinessStatus::ALL {
            let sender = status.said_by() == Party::Sender;
            assert_eq!(sender, status == BusinessStatus::RecallRequested, "{status}");
        }
    }

    #[test]
    fn a_code_has_one_or_two_digits() {
        assert_eq!(BusinessStatus::parse("3"), Some(BusinessStatus::Accepted));
        assert_eq!(BusinessStatus::parse(" 03 "), Some(BusinessStatus::Accepted));
        for unknown in ["", "7", "14", "003", "+3", "x", "17", "٣"] {
            assert_eq!(BusinessStatus::parse(unknown), None, "{unknown}");
        }
        for status in BusinessStatus::ALL {
            assert_eq!(BusinessStatus::parse(&status.to_string()), Some(status));
        }
    }
}
