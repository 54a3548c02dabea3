//! Business status 01…16: which may follow which, and who sends it.

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
}

/// Two digits, as on the wire.
impl fmt::Display for BusinessStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.code())
    }
}
