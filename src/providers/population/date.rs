//! A calendar date, always valid, in the two written forms of the national databases.

use std::fmt;

/// A day of the Gregorian calendar, years 1 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// `None` unless the day exists and the year is 1 to 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let exists = (1..=YEAR_MAX).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day);
        exists.then_some(Self { year, month, day })
    }

    /// Reads `yyyyMMdd` (domain.md 4.2, 4.4).
    pub fn parse_compact(text: &str) -> Option<Self> {
        let all_digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        all_digits.then_some(())?;
        Self::from_texts(text.get(..4)?, text.get(4..6)?, text.get(6..)?)
    }

    /// Reads `dd/MM/yyyy`, two digits for day and month (domain.md 4.3, 4.6).
    pub fn parse_slashed(text: &str) -> Option<Self> {
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(place, byte)| match place {
                2 | 5 => byte == b'/',
                _ => byte.is_ascii_digit(),
            });
        shape.then_some(())?;
        Self::from_texts(text.get(6..)?, text.get(3..5)?, text.get(..2)?)
    }

    fn from_texts(year: &str, month: &str, day: &str) -> Option<Self> {
        Self::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
    }

    /// `yyyyMMdd`.
    pub fn compact(self) -> String {
        format!("{:04}{:02}{:02}", self.year, self.month, self.day)
    }

    /// `dd/MM/yyyy`.
    pub fn slashed(self) -> String {
        format!("{:02}/{:02}/{:04}", self.day, self.month, self.year)
    }

    pub fn year(self) -> u16 {
        self.year
    }

    pub fn month(self) -> u8 {
        self.month
    }

    pub fn day(self) -> u8 {
        self.day
    }

    /// Days since 0000-03-01: only differences have a meaning.
    pub fn day_number(self) -> i32 {
        // Years begin in March, so that the leap day is the last day of its year.
        let (year, month) = if self.month > 2 {
            (i32::from(self.year), i32::from(self.month) - 3)
        } else {
            (i32::from(self.year) - 1, i32::from(self.month) + 9)
        };
        year * 365 + year / 4 - year / 100
            + year / 400
            + (153 * month + 2) / 5
            + i32::from(self.day)
            - 1
    }

    /// The inverse of `day_number`; a day outside years 1 to 9999 becomes the nearest end.
    pub fn from_day_number(number: i32) -> Self {
        let number = number.clamp(Self::FIRST.day_number(), Self::LAST.day_number());
        let era = number / DAYS_PER_400_YEARS;
        let of_era = number % DAYS_PER_400_YEARS;
        let year_of_era =
            (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096).clamp(0, 399 * 366) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = era * 400 + year_of_era + carry;
        Self {
            year: u16::try_from(year).unwrap_or(YEAR_MAX),
            month: u8::try_from(month).unwrap_or(1),
            day: u8::try_from(day).unwrap_or(1),
        }
    }

    /// Stops at the ends of years 1 and 9999.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self::from_day_number(self.day_number().saturating_add(days))
    }

    /// The same day of another year; 29 February becomes the 28th in a common year.
    #[must_use]
    pub fn plus_years(self, years: i32) -> Self {
        let year = i32::from(self.year).saturating_add(years).clamp(1, i32::from(YEAR_MAX));
        let year = u16::try_from(year).unwrap_or(YEAR_MAX);
        Self { year, month: self.month, day: self.day.min(days_in_month(year, self.month)) }
    }

    /// Completed years from `self` to `later`; 0 when `later` is earlier.
    pub fn years_until(self, later: Self) -> u16 {
        let had_birthday = (later.month, later.day) >= (self.month, self.day);
        later.year.saturating_sub(self.year).saturating_sub(u16::from(!had_birthday))
    }

    const FIRST: Self = Self { year: 1, month: 1, day: 1 };
    const LAST: Self = Self { year: YEAR_MAX, month: 12, day: 31 };
}

/// `dd/MM/yyyy`, the form people read.
impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.slashed())
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

const YEAR_MAX: u16 = 9999;
const DAYS_PER_400_YEARS: i32 = 146_097;

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: u16, month: u8, day: u8) -> Date {
        Date::new(year, month, day).unwrap()
    }

    #[test]
    fn only_days_of_the_calendar_exist() {
        for (year, month, day, exists) in [
            (2024, 2, 29, true),
            (2023, 2, 29, false),
            (1900, 2, 29, false),
            (2000, 2, 29, true),
            (2026, 4, 31, false),
            (2026, 13, 1, false),
            (2026, 0, 1, false),
            (2026, 1, 0, false),
            (0, 1, 1, false),
            (10_000, 1, 1, false),
        ] {
            assert_eq!(Date::new(year, month, day).is_some(), exists, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn both_written_forms_read_back() {
        let day = date(1987, 6, 5);
        assert_eq!(day.compact(), "19870605");
        assert_eq!(day.slashed(), "05/06/1987");
        assert_eq!(Date::parse_compact("19870605"), Some(day));
        assert_eq!(Date::parse_slashed("05/06/1987"), Some(day));
        for bad in ["", "1987065", "19870631", "+9870605", "1987060５", "19870605 "] {
            assert_eq!(Date::parse_compact(bad), None, "{bad}");
        }
        for bad in ["5/6/1987", "05-06-1987", "31/06/1987", "05/06/87", "0５/6/1987", "+5/06/1987"]
        {
            assert_eq!(Date::parse_slashed(bad), None, "{bad}");
        }
    }

    #[test]
    fn day_numbers_run_without_gap_over_four_centuries() {
        let first = date(1800, 1, 1).day_number();
        let mut before = date(1799, 12, 31);
        for number in first..=first + DAYS_PER_400_YEARS {
            let day = Date::from_day_number(number);
            assert_eq!(day.day_number(), number);
            assert!(before < day && Date::new(day.year, day.month, day.day).is_some());
            before = day;
        }
        assert_eq!(before, date(2200, 1, 1));
        assert_eq!(date(2026, 1, 1).day_number() - date(1970, 1, 1).day_number(), 20_454);
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        assert_eq!(date(9999, 12, 31).plus_days(i32::MAX), date(9999, 12, 31));
        assert_eq!(date(1, 1, 1).plus_days(i32::MIN), date(1, 1, 1));
        assert_eq!(date(2024, 2, 29).plus_years(1), date(2025, 2, 28));
        assert_eq!(date(2024, 2, 29).plus_years(i32::MAX), date(9999, 2, 28));
        assert_eq!(date(2000, 5, 10).years_until(date(2026, 5, 9)), 25);
        assert_eq!(date(2000, 5, 10).years_until(date(2026, 5, 10)), 26);
        assert_eq!(date(2026, 5, 10).years_until(date(2000, 5, 10)), 0);
    }
}
