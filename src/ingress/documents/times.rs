//! Times in parameters and lists: three ways to write a filter, one way to write a list. All are Vietnam's.

use crate::clock::Timestamp;
use crate::domain::calendar::{moment, vietnam_time};
use jiff::civil::{Date, DateTime, Time};
use std::time::Duration;

// wire/vxp.md 1.5: `yyyy-MM-dd HH:mm:ss.S`; the one digit is tenths, which both readings of `S` survive.
pub(in crate::ingress) fn list_time(at: Timestamp) -> String {
    if at == Timestamp::ZERO {
        return String::new();
    }
    let time = vietnam_time(at);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second(),
        time.subsec_nanosecond() / 100_000_000
    )
}

/// The first moment that a `fromDate` means.
pub(in crate::ingress) fn from(text: &str) -> Option<Timestamp> {
    let (date, time) = read(text)?;
    Some(moment(DateTime::from_parts(date, time.unwrap_or(Time::midnight()))))
}

/// The last moment that a `toDate` means: a day counts whole.
pub(in crate::ingress) fn until(text: &str) -> Option<Timestamp> {
    let (date, time) = read(text)?;
    let last = time.unwrap_or(jiff::civil::time(23, 59, 59, 0));
    Some(moment(DateTime::from_parts(date, last)).plus(Duration::from_nanos(999_999_999)))
}

// wire/vxp.md 1.8: C# sample `dd/MM/yyyy HH:mm:ss`, PVN app `yyyy-MM-dd`, LGSP A `yyyy/MM/dd`.
fn read(text: &str) -> Option<(Date, Option<Time>)> {
    let text = text.trim();
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, Some(clock_time(time)?)),
        None => (text, None),
    };
    let mut parts = date.split(['-', '/']);
    let (first, month, last) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, day) = if first.len() == 4 { (first, last) } else { (last, first) };
    if year.len() != 4 {
        return None;
    }
    Some((Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?, time))
}

fn clock_time(text: &str) -> Option<Time> {
    let (whole, _) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':').map(str::parse::<i8>);
    let (hour, minute) = (parts.next()?.ok()?, parts.next()?.ok()?);
    let second = parts.next().unwrap_or(Ok(0)).ok()?;
    if parts.next().is_some() {
        return None;
    }
    Time::new(hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_spellings_mean_the_same_day() {
        let midnight = moment(jiff::civil::date(2026, 11, 20).at(0, 0, 0, 0));
        for text in
            ["2026-11-20", "2026/11/20", "20/11/2026", "20/11/2026 00:00:00", " 2026-11-20 "]
        {
            assert_eq!(from(text), Some(midnight), "{text}");
        }
        let end = until("2026/11/20").unwrap();
        assert_eq!(end.plus(Duration::from_nanos(1)).since(midnight), Duration::from_secs(86_400));
        assert_eq!(until("20/11/2026 23:59:59"), Some(end));
        for wrong in
            ["", "yesterday", "2026-13-01", "20/11/26", "2026-11-20 25:00:00", "1-2-3-4", "2026-11"]
        {
            assert_eq!(from(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn lists_show_vietnam_time() {
        let at = moment(jiff::civil::date(2026, 11, 20).at(7, 5, 9, 487_000_000));
        assert_eq!(list_time(at), "2026-11-20 07:05:09.4");
        assert_eq!(list_time(Timestamp::ZERO), "");
    }
}
