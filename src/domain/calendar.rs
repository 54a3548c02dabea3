//! Working days and deadlines in Vietnam time.
//!
//! Vietnam keeps UTC+7 the year round (QĐ 28/2018 Art. 14: GMT+7), so no time zone database is asked. A working day
//! is Monday to Friday without the public holidays, or a Saturday worked in exchange (domain.md 8 rule 7); the days are
//! data (`config/calendar/holidays.csv`), because the government announces them year by year.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{Offset, TimeZone};

use crate::clock::Timestamp;

const VIETNAM: Offset = jiff::tz::offset(7);
/// What is built in: 2018 to 2027.
const HOLIDAYS: &str = include_str!("../../config/calendar/holidays.csv");

/// A part of a working day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    pub from: Time,
    pub to: Time,
}

/// Working days and hours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Days that differ from their weekday's rule.
    exceptions: BTreeMap<Date, Exception>,
    /// In order, not touching.
    shifts: [Shift; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exception {
    Off,
    Work,
}

/// A line of a holidays file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct LineError {
    pub line: usize,
    pub what: String,
}

// Usual office hours of state agencies; provinces differ. Assumed.
const SHIFTS: [Shift; 2] = [
    Shift { from: jiff::civil::time(7, 30, 0, 0), to: jiff::civil::time(11, 30, 0, 0) },
    Shift { from: jiff::civil::time(13, 30, 0, 0), to: jiff::civil::time(17, 0, 0, 0) },
];

const NOON: Time = jiff::civil::time(12, 0, 0, 0);

impl Calendar {
    /// Reads `date,kind,basis,name` lines; blank lines and lines with `#` are skipped, all mistakes come at once.
    pub fn parse(csv: &str) -> Result<Self, Vec<LineError>> {
        let mut exceptions = BTreeMap::new();
        let mut mistakes = Vec::new();
        for (number, line) in csv.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') || line.starts_with("date,") {
                continue;
            }
            let read = read_line(line).and_then(|(date, exception)| {
                match exceptions.insert(date, exception) {
                    None => Ok(()),
                    Some(_) => Err(format!("{date} stands here twice")),
                }
            });
            if let Err(what) = read {
                mistakes.push(LineError { line: number + 1, what });
            }
        }
        if mistakes.is_empty() { Ok(Self { exceptions, shifts: SHIFTS }) } else { Err(mistakes) }
    }

    /// The built-in calendar.
    pub fn vietnam() -> Self {
        // A test reads the same file, so nothing is lost here; without it only weekends would be free.
        Self::parse(HOLIDAYS)
            .unwrap_or_else(|_| Self { exceptions: BTreeMap::new(), shifts: SHIFTS })
    }

    /// Other hours; `None` when a shift ends before it begins or the two overlap.
    pub fn with_hours(mut self, morning: Shift, afternoon: Shift) -> Option<Self> {
        let ordered = morning.from < morning.to
            && morning.to <= afternoon.from
            && afternoon.from < afternoon.to;
        self.shifts = [morning, afternoon];
        ordered.then_some(self)
    }

    pub fn is_working_day(&self, date: Date) -> bool {
        match self.exceptions.get(&date) {
            Some(exception) => *exception == Exception::Work,
            None => !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday),
        }
    }

    /// The first working day after this one.
    #[must_use]
    pub fn next_working_day(&self, date: Date) -> Date {
        let mut day = date;
        while let Ok(tomorrow) = day.tomorrow() {
            day = tomorrow;
            if self.is_working_day(day) {
                break;
            }
        }
        day
    }

    // QĐ 28/2018 Art. 6.2: sent on the day it is signed, at the latest in the morning of the next working day.
    pub fn send_by(&self, signed: Date) -> Timestamp {
        moment(self.next_working_day(signed).to_datetime(NOON))
    }

    /// The last moment of a document's `DueDate`: the end of work on that day, or on the next working day when
    /// nobody works then.
    pub fn due(&self, due_on: Date) -> Timestamp {
        let day = if self.is_working_day(due_on) { due_on } else { self.next_working_day(due_on) };
        let [_, afternoon] = self.shifts;
        moment(day.to_datetime(afternoon.to))
    }

    /// Not done in time, or not done yet and the time is over. Nothing without a `DueDate` is ever overdue.
    pub fn is_overdue(
        &self,
        now: Timestamp,
        due_on: Option<Date>,
        done_at: Option<Timestamp>,
    ) -> bool {
        due_on.is_some_and(|due_on| done_at.unwrap_or(now) > self.due(due_on))
    }

    /// How much office time lies between two moments; zero when `to` is not after `from`.
    pub fn working_time_between(&self, from: Timestamp, to: Timestamp) -> Duration {
        let mut sum = Duration::ZERO;
        let (mut day, last) = (date_of(from), date_of(to));
        while day <= last {
            if self.is_working_day(day) {
                for shift in self.shifts {
                    let begins = moment(day.to_datetime(shift.from)).max(from);
                    let ends = moment(day.to_datetime(shift.to)).min(to);
                    sum += ends.since(begins);
                }
            }
            let Ok(tomorrow) = day.tomorrow() else { break };
            day = tomorrow;
        }
        sum
    }
}

fn read_line(line: &str) -> Result<(Date, Exception), String> {
    let mut fields = line.splitn(4, ',').map(str::trim);
    let given = fields.next().unwrap_or_default();
    let date: Date =
        given.parse().map_err(|error| format!("{given:?} is not a date (yyyy-MM-dd): {error}"))?;
    let exception = match fields.next() {
        Some("off") => Exception::Off,
        Some("work") => Exception::Work,
        other => return Err(format!("{:?} is neither off nor work", other.unwrap_or_default())),
    };
    match fields.next() {
        Some("law" | "likely" | "assumed") => {}
        other => {
            let other = other.unwrap_or_default();
            return Err(format!("{other:?} is none of law, likely, assumed"));
        }
    }
    if fields.next().is_none_or(str::is_empty) {
        return Err("the name is missing".to_owned());
    }
    Ok((date, exception))
}

/// Date and time in Vietnam at a moment.
pub fn vietnam_time(at: Timestamp) -> DateTime {
    let at = jiff::Timestamp::from_nanosecond(i128::from(at.0)).unwrap_or_default();
    VIETNAM.to_datetime(at)
}

/// The date in Vietnam at a moment.
pub fn date_of(at: Timestamp) -> Date {
    vietnam_time(at).date()
}

/// The moment of a date and time in Vietnam; the epoch for what lies before it.
pub fn moment(local: DateTime) -> Timestamp {
    let nanoseconds =
        TimeZone::fixed(VIETNAM).to_timestamp(local).map_or(0, jiff::Timestamp::as_nanosecond);
    Timestamp(u64::try_from(nanoseconds).unwrap_or_default())
}

/// `yyyy/MM/dd HH:mm:ss`, as edXML and VXP write it.
pub fn wire_time(at: Timestamp) -> String {
    let time = vietnam_time(at);
    format!(
        "{} {:02}:{:02}:{:02}",
        wire_date(time.date()),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// `yyyy/MM/dd`.
pub fn wire_date(date: Date) -> String {
    format!("{:04}/{:02}/{:02}", date.year(), date.month(), date.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn at(year: i16, month: i8, day: i8, hour: i8, minute: i8) -> Timestamp {
        moment(date(year, month, day).at(hour, minute, 0, 0))
    }

    #[test]
    fn the_built_in_file_is_sound() {
        let calendar = Calendar::parse(HOLIDAYS).unwrap();
        for (day, exception) in &calendar.exceptions {
            let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            assert_eq!(weekend, *exception == Exception::Work, "{day} changes nothing");
        }
        for year in 2018..=2027 {
            let off = calendar
                .exceptions
                .iter()
                .filter(|(d, e)| d.year() == year && **e == Exception::Off);
            // domain.md 8 rule 7: ten or eleven days a year, exchanges aside.
            assert!((10..=13).contains(&off.count()), "{year}");
        }
        assert_eq!(Calendar::vietnam(), calendar);
    }

    #[test]
    fn working_days_follow_the_table() {
        let calendar = Calendar::vietnam();
        // domain.md 8 rule 7 and the table itself.
        let table = [
            (date(2026, 2, 13), true),
            (date(2026, 2, 17), false),
            (date(2026, 2, 21), false),
            (date(2026, 2, 23), true),
            (date(2025, 4, 7), false),
            (date(2027, 4, 16), false),
            (date(2026, 9, 2), false),
            (date(2025, 4, 26), true),
            (date(2024, 5, 20), true),
            (date(2024, 5, 19), false),
            (date(2035, 2, 6), true),
        ];
        for (day, works) in table {
            assert_eq!(calendar.is_working_day(day), works, "{day}");
        }
        assert_eq!(calendar.next_working_day(date(2026, 2, 13)), date(2026, 2, 23));
    }

    #[test]
    fn a_document_is_sent_by_noon_of_the_next_working_day() {
        // QĐ 28/2018 Art. 6.2.
        let calendar = Calendar::vietnam();
        assert_eq!(calendar.send_by(date(2024, 5, 20)), at(2024, 5, 21, 12, 0));
        assert_eq!(calendar.send_by(date(2024, 5, 17)), at(2024, 5, 20, 12, 0));
        assert_eq!(calendar.send_by(date(2026, 2, 13)), at(2026, 2, 23, 12, 0));
    }

    #[test]
    fn due_dates_end_with_the_working_day() {
        let calendar = Calendar::vietnam();
        assert_eq!(calendar.due(date(2024, 5, 30)), at(2024, 5, 30, 17, 0));
        assert_eq!(calendar.due(date(2026, 2, 14)), at(2026, 2, 23, 17, 0));
        let due_on = Some(date(2024, 5, 30));
        let (before, after) = (at(2024, 5, 30, 17, 0), at(2024, 5, 30, 17, 1));
        assert!(!calendar.is_overdue(before, due_on, None));
        assert!(calendar.is_overdue(after, due_on, None));
        assert!(!calendar.is_overdue(after, due_on, Some(before)));
        assert!(!calendar.is_overdue(after, None, None));
    }

    #[test]
    fn office_time_leaves_out_lunch_nights_and_holidays() {
        let calendar = Calendar::vietnam();
        let minutes = |from, to| calendar.working_time_between(from, to).as_secs() / 60;
        assert_eq!(minutes(at(2024, 5, 20, 11, 0), at(2024, 5, 20, 14, 0)), 60);
        assert_eq!(minutes(at(2024, 5, 17, 16, 0), at(2024, 5, 20, 8, 0)), 90);
        assert_eq!(minutes(at(2026, 2, 13, 17, 0), at(2026, 2, 23, 7, 30)), 0);
        assert_eq!(minutes(at(2024, 5, 20, 14, 0), at(2024, 5, 20, 11, 0)), 0);
        let (from, to) = (jiff::civil::time(8, 0, 0, 0), jiff::civil::time(12, 0, 0, 0));
        let (morning, evening) = (Shift { from, to }, Shift { from: to, to: from });
        assert_eq!(calendar.with_hours(morning, evening), None);
    }

    #[test]
    fn every_mistake_is_reported_with_its_line() {
        let csv = "date,kind,basis,name\n2026-02-30,off,law,x\n2026-03-02,off,law,x\n2026-03-02,work,law,y\n\
                   2026-03-03,of,law,x\n2026-03-04,off,maybe,x\n2026-03-05,off,law,\n";
        let mistakes = Calendar::parse(csv).unwrap_err();
        let lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
        assert_eq!(lines, [2, 4, 5, 6, 7]);
    }

    #[test]
    fn times_are_written_as_the_vendor_writes_them() {
        assert_eq!(wire_time(Timestamp::from_secs(1_716_178_116)), "2024/05/20 11:08:36");
        assert_eq!(date_of(Timestamp::from_secs(1_716_224_400)), date(2024, 5, 21));
    }

    proptest! {
        #[test]
        fn deadlines_never_lie_before_their_day(days in 0_i32..3650) {
            let calendar = Calendar::vietnam();
            let signed = date(2018, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
            let by = date_of(calendar.send_by(signed));
            prop_assert!(by > signed && calendar.is_working_day(by));
            prop_assert!(date_of(calendar.due(signed)) >= signed);
        }

        #[test]
        fn office_time_adds_up(start in 1_514_739_600_u64..1_830_000_000, a in 0_u64..2_000_000, b in 0_u64..2_000_000) {
            let calendar = Calendar::vietnam();
            let at = Timestamp::from_secs;
            let whole = calendar.working_time_between(at(start), at(start + a + b));
            let parts = calendar.working_time_between(at(start), at(start + a))
                + calendar.working_time_between(at(start + a), at(start + a + b));
            prop_assert_eq!(whole, parts);
            prop_assert!(whole.as_secs() <= a + b);
        }

        #[test]
        fn moments_and_local_times_are_one(seconds in 0_u64..4_000_000_000) {
            let at = Timestamp::from_secs(seconds);
            prop_assert_eq!(moment(vietnam_time(at)), at);
        }
    }
}
