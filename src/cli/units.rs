//! Numbers as people type them: `15s`, `5m`, `64KiB`, `10k`.

use std::time::Duration;

/// A duration: a number with `ms`, `s`, `m`, `h` or `d`; seconds without any.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, f64); 6] =
        [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0), ("", 1.0)];
    let seconds =
        scaled(text, &UNITS).ok_or_else(|| "ví dụ 15s, 5m, 2h | such as 15s, 5m, 2h".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// As `duration`, but a bare number counts milliseconds.
pub(super) fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.trim().parse::<u32>() {
        Ok(ms) => Ok(Duration::from_millis(u64::from(ms))),
        Err(_not_bare) => duration(text),
    }
}

/// A number of bytes: `512`, `64KiB`, `5MB`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 13] = [
        ("kib", 1_024.0),
        ("mib", 1_048_576.0),
        ("gib", 1_073_741_824.0),
        ("kb", 1e3),
        ("mb", 1e6),
        ("gb", 1e9),
        ("kbit", 125.0),
        ("mbit", 125e3),
        ("gbit", 125e6),
        ("k", 1e3),
        ("m", 1e6),
        ("g", 1e9),
        ("", 1.0),
    ];
    let text = text.to_ascii_lowercase();
    let text = text.strip_suffix("/s").unwrap_or(&text);
    let value =
        scaled(text, &UNITS).ok_or_else(|| "ví dụ 64KiB, 5MB | such as 64KiB, 5MB".to_owned())?;
    if value > BYTES_MAX {
        return Err("quá lớn | too large".to_owned());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and below BYTES_MAX"
    )]
    Ok(value as u64)
}

const BYTES_MAX: f64 = 1e15;

fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = unit.trim();
    let factor = units.iter().find(|(name, _)| *name == unit)?.1;
    Some(number.parse::<f64>().ok()? * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_suffixes() {
        for (text, ms) in [("15s", 15_000), ("5m", 300_000), ("250ms", 250), ("2", 2_000)] {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(ms), "{text}");
        }
        for (text, expected) in
            [("512", 512), ("64KiB", 65_536), ("5MB", 5_000_000), ("8mbit/s", 1_000_000)]
        {
            assert_eq!(bytes(text).unwrap(), expected, "{text}");
        }
        for text in ["", "s", "5x", "-1s", "1e99"] {
            assert!(duration(text).is_err(), "{text}");
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
