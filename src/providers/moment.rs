//! Times as the shared systems write them: Vietnam time, UTC+7 the year round (QĐ 28/2018 Art. 14).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

pub const MINUTE_MS: i64 = 60_000;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;

const VIETNAM: Offset = jiff::tz::offset(7);
/// Digits of `yyyyMMddHHmmss`.
const COMPACT_DIGITS: usize = 14;

/// Vietnam wall time; the epoch for a time no calendar has.
pub fn local(milliseconds: i64) -> DateTime {
    let timestamp = Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH);
    VIETNAM.to_datetime(timestamp)
}

/// `yyyyMMddHHmmss` (domain.md 4.7).
pub fn compact(milliseconds: i64) -> String {
    local(milliseconds).strftime("%Y%m%d%H%M%S").to_string()
}

/// `2026-01-05T08:30:00+07:00`.
pub fn iso(milliseconds: i64) -> String {
    local(milliseconds).strftime("%Y-%m-%dT%H:%M:%S+07:00").to_string()
}

/// Reads `yyyyMMddHHmmss`.
pub fn parse_compact(text: &str) -> Option<DateTime> {
    let digits = text.len() == COMPACT_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return None;
    }
    DateTime::strptime("%Y%m%d%H%M%S", text).ok()
}

/// Reads `yyyy-MM-dd`.
pub fn parse_date(text: &str) -> Option<Date> {
    let shaped = text.len() == "2026-01-05".len()
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !shaped {
        return None;
    }
    text.parse().ok()
}

/// Reads a time with its offset, such as `2026-01-05T17:00:00+07:00`; milliseconds since 1970, UTC.
pub fn parse_iso(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_seven_hours_ahead() {
        // 2026-01-04T23:30:00Z
        let at = 1_767_569_400_000;
        assert_eq!(compact(at), "20260105063000");
        assert_eq!(iso(at), "2026-01-05T06:30:00+07:00");
        assert_eq!(parse_iso(&iso(at)), Some(at));
        assert_eq!(parse_compact("20260105063000"), Some(local(at)));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "2026010506300", "20261305063000", "2026010506300x", "+2026105063000"] {
            assert_eq!(parse_compact(text), None, "{text}");
        }
        for text in ["", "2026-02-30", "20260105ab", "2026-1-5", "2026-01-05T00"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
        assert_eq!(parse_iso("2026-01-05T17:00:00"), None);
    }

    #[test]
    fn a_time_beyond_the_calendar_is_the_epoch() {
        assert_eq!(compact(i64::MAX), "19700101070000");
        assert_eq!(compact(i64::MIN), "19700101070000");
    }
}
