//! `dataTypeId` and `periodId` of the reporting system, and when a period ends (domain.md 4.8).

use jiff::civil::{Date, date};

use super::super::moment::local;

/// Months until official figures are published. Assumed.
const OFFICIAL_AFTER_DAYS: i64 = 30;

/// 1 plan, 2 estimate, 3 actual, 4 official.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum DataType {
    Plan,
    Estimate,
    Actual,
    Official,
}

/// 1–12 months, 13–16 quarters, 17 first half, 18 second half, 20 full year, 21 five years. 19 is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Period(i8);

impl DataType {
    pub(super) const fn read(id: i64) -> Option<Self> {
        match id {
            1 => Some(Self::Plan),
            2 => Some(Self::Estimate),
            3 => Some(Self::Actual),
            4 => Some(Self::Official),
            _ => None,
        }
    }

    /// Whether such figures of a period of that year exist at a time (milliseconds, UTC).
    pub(super) fn exists(self, period: Period, year: i16, now_ms: i64) -> bool {
        let today = local(now_ms).date();
        let days_after_end = (today - period.last_day(year)).get_days();
        match self {
            Self::Plan => true,
            Self::Estimate => today >= period.first_day(year),
            Self::Actual => days_after_end > 0,
            Self::Official => i64::from(days_after_end) > OFFICIAL_AFTER_DAYS,
        }
    }
}

impl Period {
    pub(super) fn read(id: i64) -> Option<Self> {
        let id = i8::try_from(id).ok()?;
        matches!(id, 1..=18 | 20 | 21).then_some(Self(id))
    }

    /// The letter in `indicators.csv`: month, quarter, half, year, five years.
    pub(super) const fn kind(self) -> char {
        match self.0 {
            1..=12 => 'm',
            13..=16 => 'q',
            17 | 18 => 'h',
            21 => 'f',
            _ => 'y',
        }
    }

    pub(super) const fn months(self) -> u32 {
        match self.0 {
            1..=12 => 1,
            13..=16 => 3,
            17 | 18 => 6,
            21 => 60,
            _ => 12,
        }
    }

    fn first_day(self, year: i16) -> Date {
        let month = match self.0 {
            1..=12 => self.0,
            13..=16 => (self.0 - 13) * 3 + 1,
            18 => 7,
            _ => 1,
        };
        date(year, month, 1)
    }

    /// Five years count from the year that is asked.
    fn last_day(self, year: i16) -> Date {
        let (year, month) = match self.0 {
            1..=12 => (year, self.0),
            13..=16 => (year, (self.0 - 12) * 3),
            17 => (year, 6),
            21 => (year.saturating_add(4), 12),
            _ => (year, 12),
        };
        date(year, month, 1).last_of_month()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_cover_their_months() {
        let table = [
            (1, 'm', 1, 31, 1),
            (12, 'm', 12, 31, 12),
            (14, 'q', 4, 30, 6),
            (16, 'q', 10, 31, 12),
            (17, 'h', 1, 30, 6),
            (18, 'h', 7, 31, 12),
            (20, 'y', 1, 31, 12),
        ];
        for (id, kind, first, last_day, last) in table {
            let period = Period::read(id).unwrap();
            assert_eq!(period.kind(), kind);
            assert_eq!(period.first_day(2025), date(2025, first, 1));
            assert_eq!(period.last_day(2025), date(2025, last, last_day));
        }
        assert_eq!(Period::read(21).unwrap().last_day(2021), date(2025, 12, 31));
        for wrong in [0, 19, 22, -1, 256, i64::MAX] {
            assert_eq!(Period::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn figures_come_after_their_period() {
        let december = Period::read(12).unwrap();
        // 2026-01-05
        let now = 1_767_574_800_000;
        let exists = |kind: DataType, year| kind.exists(december, year, now);
        assert!(exists(DataType::Plan, 2030));
        assert!(exists(DataType::Actual, 2025) && !exists(DataType::Actual, 2026));
        assert!(exists(DataType::Official, 2024) && !exists(DataType::Official, 2025));
        assert!(!exists(DataType::Estimate, 2026));
    }
}
