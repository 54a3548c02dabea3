//! How a simulated system behaves, as data: latency, failures, maintenance, whom it lets in and how often, pace.

use super::agency::AgencyCode;
use super::calendar::vietnam_time;
use super::member_id::MemberId;
use crate::clock::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a simulated system behaves. Absent means: at once, always and for everybody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Before each answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u32>,
    /// Added to the latency: anything from nothing up to this, most of it seldom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<u32>,
    /// The share of calls answered 503, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<f64>,
    /// Takes calls and never answers.
    pub hangs: bool,
    pub maintenance: bool,
    /// Maintenance every day, Vietnam time, such as `23:00-05:00`. At most 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub maintenance_windows: Vec<Window>,
    /// Members, or agencies with all below them, whom the system itself lets in, beside the rights of its service;
    /// none means everybody. At most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<String>,
    /// Further calls of a member in one minute are answered 429.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_minute: Option<u32>,
    /// How many times faster than in life its staff works: from receipt to result. At most 1,000,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<u32>,
}

/// A time of every day; it may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    /// Minutes of the day.
    from: u16,
    /// Not included.
    until: u16,
}

/// A value that means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {en}")]
pub struct BadValue {
    pub key: &'static str,
    pub vi: &'static str,
    pub en: &'static str,
}

pub const PACE_MAX: u32 = 1_000_000;
const WINDOWS_MAX: usize = 16;
const CALLERS_MAX: usize = 100;
const DAY_MINUTES: u16 = 24 * 60;

impl Behaviour {
    /// Whether every value means something.
    pub fn check(&self) -> Result<(), BadValue> {
        let bad = |key, vi, en| Err(BadValue { key, vi, en });
        if self.failure.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            return bad("failure", "từ 0 đến 1", "from 0 to 1");
        }
        if self.pace.is_some_and(|pace| !(1..=PACE_MAX).contains(&pace)) {
            return bad("pace", "từ 1 đến 1000000", "from 1 to 1000000");
        }
        if self.calls_per_minute == Some(0) {
            return bad("calls_per_minute", "ít nhất là 1", "at least 1");
        }
        if self.maintenance_windows.len() > WINDOWS_MAX {
            return bad("maintenance_windows", "nhiều nhất 16", "at most 16");
        }
        if self.callers.len() > CALLERS_MAX {
            return bad("callers", "nhiều nhất 100", "at most 100");
        }
        let is_caller =
            |text: &String| MemberId::parse(text).is_ok() || AgencyCode::parse(text).is_ok();
        if !self.callers.iter().all(is_caller) {
            return bad(
                "callers",
                "mã thành viên hoặc mã cơ quan",
                "a member's id or an agency's code",
            );
        }
        Ok(())
    }

    pub fn is_in_maintenance(&self, at: Timestamp) -> bool {
        self.maintenance || {
            let time = vietnam_time(at);
            let minute = u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute()));
            self.maintenance_windows.iter().any(|window| window.holds(minute.unwrap_or(0)))
        }
    }

    /// Whether the system lets this member in.
    pub fn lets_in(&self, member: &str) -> bool {
        let agency = || MemberId::parse(member).ok().and_then(|id| id.agency().copied());
        let fits = |entry: &String| {
            entry == member
                || AgencyCode::parse(entry)
                    .is_ok_and(|own| agency().is_some_and(|agency| agency.is_at_or_below(&own)))
        };
        self.callers.is_empty() || self.callers.iter().any(fits)
    }
}

impl Window {
    fn holds(self, minute: u16) -> bool {
        if self.from <= self.until {
            (self.from..self.until).contains(&minute)
        } else {
            minute >= self.from || minute < self.until
        }
    }
}

impl TryFrom<String> for Window {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let minutes = |text: &str| {
            let (hour, minute) = text.split_once(':').filter(|_| text.len() == 5)?;
            let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let ends = text.split_once('-');
        let ends = ends.and_then(|(from, until)| minutes(from).zip(minutes(until)));
        let (from, until) = ends.ok_or("a window is written 23:00-05:00")?;
        Ok(Self { from, until })
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.to_string()
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [from, until] = [self.from, self.until].map(|at| at % DAY_MINUTES);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, until / 60, until % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Behaviour> {
        serde_json::from_str::<Behaviour>(text).ok().filter(|read| read.check().is_ok())
    }

    #[test]
    fn a_window_may_go_over_midnight() {
        let behaviour = read(r#"{"maintenance_windows":["23:00-05:00","12:00-12:30"]}"#).unwrap();
        // 2026-01-05T00:00+07:00
        let midnight = Timestamp::from_secs(1_767_546_000);
        for (minute, expected) in [
            (0, true),
            (299, true),
            (300, false),
            (719, false),
            (720, true),
            (750, false),
            (1_380, true),
        ] {
            let at = midnight.plus(std::time::Duration::from_secs(minute * 60));
            assert_eq!(behaviour.is_in_maintenance(at), expected, "minute {minute}");
        }
        let text = serde_json::to_string(&behaviour).unwrap();
        assert!(text.contains(r#""maintenance_windows":["23:00-05:00","12:00-12:30"]"#), "{text}");
    }

    #[test]
    fn an_agency_lets_in_all_below_it_and_nobody_else() {
        let behaviour = read(r#"{"callers":["H60","VN:COM:0102595740:VNPOST"]}"#).unwrap();
        for (member, expected) in [
            ("VN:GOV:000.00.06.H60:QLVB", true),
            ("VN:GOV:H60:QLVB", true),
            ("VN:COM:0102595740:VNPOST", true),
            ("VN:COM:0102595740:OTHER", false),
            ("VN:GOV:000.00.06.H26:QLVB", false),
            ("nonsense", false),
        ] {
            assert_eq!(behaviour.lets_in(member), expected, "{member}");
        }
        assert!(Behaviour::default().lets_in("nonsense"));
    }

    #[test]
    fn a_value_that_means_nothing_is_refused() {
        for bad in [
            r#"{"failure":1.5}"#,
            r#"{"pace":0}"#,
            r#"{"calls_per_minute":0}"#,
            r#"{"callers":["nobody knows"]}"#,
            r#"{"maintenance_windows":["24:00-01:00"]}"#,
            r#"{"maintenance_windows":["1:00-02:00"]}"#,
            r#"{"maintenance_windows":["1-2"]}"#,
            r#"{"latency":1}"#,
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
