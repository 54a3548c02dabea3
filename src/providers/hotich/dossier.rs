//! A dossier of civil status and its way: received, eligible, registered, or short of a paper, or refused.

use crate::providers::citizen::{Newborn, Parents, day_of};
use crate::providers::moment::MINUTE_MS;
use crate::providers::population::{Commune, Date, Registration, Sex};

/// From receipt to "eligible", and to "registered", in life as the sandbox sees it (assumed: soon enough to be
/// seen in a lesson).
pub(super) const ELIGIBLE_MS: i64 = MINUTE_MS;
pub(super) const REGISTERED_MS: i64 = 3 * MINUTE_MS;

#[derive(Clone, Debug)]
pub(super) struct Dossier {
    pub(super) module: Module,
    pub(super) code: String,
    pub(super) commune: Commune,
    pub(super) received_ms: i64,
    pub(super) eligible_ms: i64,
    pub(super) registered_ms: i64,
    pub(super) act: Act,
    /// Of the book entry that the dossier gets when it is registered.
    pub(super) number: u32,
    /// No paper came with it.
    pub(super) needs_supplement: bool,
    pub(super) refused: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Birth {
        parents: Parents,
        name: String,
        sex: Sex,
        birth_date: Date,
        /// `None` while a paper is missing, and for a refused birth.
        child: Option<Box<Newborn>>,
    },
    Death {
        person: u32,
        died_on: Date,
        cause: String,
    },
    Marriage {
        husband: u32,
        wife: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Birth,
    Death,
    Marriage,
}

/// `module`: `KS`, `KT`, `KH`, and `LTKS`, `LTKT`, `LTKH` of the interlinked procedures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) subject: Subject,
    pub(super) interlinked: bool,
}

/// `traTrangThaiHoSo` (domain.md 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Refused,
    Received,
    NeedsSupplement,
    Eligible,
    Registered,
}

impl Module {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (interlinked, rest) = match text.strip_prefix("LT") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let subject = match rest {
            "KS" => Subject::Birth,
            "KT" => Subject::Death,
            "KH" => Subject::Marriage,
            _ => return None,
        };
        Some(Self { subject, interlinked })
    }

    pub(super) fn text(self) -> &'static str {
        match (self.subject, self.interlinked) {
            (Subject::Birth, false) => "KS",
            (Subject::Death, false) => "KT",
            (Subject::Marriage, false) => "KH",
            (Subject::Birth, true) => "LTKS",
            (Subject::Death, true) => "LTKT",
            (Subject::Marriage, true) => "LTKH",
        }
    }
}

impl State {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Refused => 0,
            Self::Received => 1,
            Self::NeedsSupplement => 2,
            Self::Eligible => 3,
            Self::Registered => 4,
        }
    }

    /// `trangThai` of `ScanHoTichRequest`.
    pub(super) const fn scanned(self) -> u8 {
        match self {
            Self::NeedsSupplement => 2,
            Self::Received | Self::Eligible => 3,
            Self::Registered => 4,
            Self::Refused => 6,
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Refused => "Hồ sơ bị từ chối",
            Self::Received => "Đã tiếp nhận",
            Self::NeedsSupplement => "Cần bổ sung giấy tờ kèm theo",
            Self::Eligible => "Đủ điều kiện đăng ký",
            Self::Registered => "Đã đăng ký",
        }
    }
}

impl Dossier {
    pub(super) fn state(&self, now_ms: i64) -> State {
        if self.refused.is_some() {
            return State::Refused;
        }
        if self.needs_supplement {
            return State::NeedsSupplement;
        }
        if now_ms < self.eligible_ms {
            State::Received
        } else if now_ms < self.registered_ms {
            State::Eligible
        } else {
            State::Registered
        }
    }

    /// When the state of `now_ms` began.
    pub(super) fn since_ms(&self, now_ms: i64) -> i64 {
        match self.state(now_ms) {
            State::Refused | State::Received | State::NeedsSupplement => self.received_ms,
            State::Eligible => self.eligible_ms,
            State::Registered => self.registered_ms,
        }
    }

    /// The entry in the book; `None` before the dossier is registered.
    pub(super) fn registration(&self, now_ms: i64) -> Option<Registration> {
        if self.state(now_ms) != State::Registered {
            return None;
        }
        let on = day_of(self.registered_ms);
        let entry = self.number.saturating_sub(1);
        Some(Registration {
            commune: self.commune,
            on,
            number: self.number,
            book: entry / BOOK_PAGES + 1,
            page: entry % BOOK_PAGES + 1,
        })
    }
}

/// As in `population::civil_status`.
const BOOK_PAGES: u32 = 200;
