//! Amounts as people write them: `10k`, `5m`, `64KiB`.

use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct UnitError {
    text: String,
    wanted: &'static str,
}

/// `100ms`, `30s`, `5m`, `2h`.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let units = [("ms", 1e-3), ("us", 1e-6), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let secs = scaled(text, &units).filter(|&secs| secs <= 1e7);
    secs.map(Duration::from_secs_f64).ok_or_else(|| wrong(text, "a time like 30s, 5m or 100ms"))
}

/// `1024`, `64KiB`, `1MiB`, `10kB`.
pub fn parse_bytes(text: &str) -> Result<usize, UnitError> {
    let units = [
        ("KiB", 1024.0),
        ("MiB", 1_048_576.0),
        ("GiB", 1_073_741_824.0),
        ("kB", 1e3),
        ("MB", 1e6),
        ("B", 1.0),
        ("", 1.0),
    ];
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie in 0..=4 GiB"
    )]
    scaled(text, &units)
        .filter(|&bytes| bytes <= 4_294_967_296.0)
        .map(|bytes| bytes as usize)
        .ok_or_else(|| wrong(text, "a size like 64KiB"))
}

/// Per second: `1000`, `10k`, `0.5`, `10k/s`.
pub fn parse_rate(text: &str) -> Result<f64, UnitError> {
    let units = [("k", 1e3), ("M", 1e6), ("", 1.0)];
    scaled(text.trim().trim_end_matches("/s"), &units)
        .filter(|&rate| rate > 0.0)
        .ok_or_else(|| wrong(text, "a rate like 1000 or 10k"))
}

fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let text = text.trim();
    let (number, factor) = units.iter().find_map(|&(unit, factor)| {
        let number = text.strip_suffix(unit)?;
        number.ends_with(|last: char| last.is_ascii_digit()).then_some((number, factor))
    })?;
    let is_plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    is_plain.then(|| number.parse::<f64>().ok()).flatten().map(|value| value * factor)
}

fn wrong(text: &str, wanted: &'static str) -> UnitError {
    UnitError { text: text.to_owned(), wanted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, wanted) in [("30s", 30_000), ("100ms", 100), ("1.5m", 90_000), ("2h", 7_200_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(wanted)), "{text}");
        }
        for (text, wanted) in [("1024", 1024), ("64KiB", 65_536), ("10kB", 10_000), ("5 MiB", 0)] {
            assert_eq!(parse_bytes(text).unwrap_or(0), wanted, "{text}");
        }
        for (text, wanted) in [("1000", 1000.0), ("10k", 10_000.0), ("2.5k/s", 2500.0)] {
            assert!((parse_rate(text).unwrap() - wanted).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn nonsense_is_named() {
        for text in ["", "s", "-3s", "1e9h", "1.2.3s", "abc", "10x", "nan", "inf"] {
            assert!(parse_duration(text).is_err() && parse_rate(text).is_err(), "{text}");
            assert!(parse_bytes(text).is_err(), "{text}");
        }
        assert!(parse_rate("0").is_err());
        assert_eq!(
            parse_duration("10x").unwrap_err().to_string(),
            "`10x` is not a time like 30s, 5m or 100ms"
        );
    }
}
