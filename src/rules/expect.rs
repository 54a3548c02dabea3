//! What one part of a call is expected to be: equal to something, there or not there, or of a pattern.

use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// A pattern longer than this says something else than a pattern should.
const REGEX_BYTES_MAX: usize = 1_024;
/// What a compiled pattern may take of memory. Its matching takes time linear in the text.
const REGEX_COMPILED_BYTES_MAX: usize = 256 << 10;

#[derive(Clone, Debug)]
pub(super) enum Expect {
    Equals(Value),
    Present(bool),
    Matches(Regex),
}

impl Expect {
    /// A plain value means equality; a table has one of `equals`, `present` and `regex`. The mistake comes in
    /// both languages.
    pub(super) fn read(given: &Value) -> Result<Self, (String, String)> {
        let Value::Object(entries) = given else { return Ok(Self::Equals(given.clone())) };
        let mut entries = entries.iter();
        let (Some((key, value)), None) = (entries.next(), entries.next()) else {
            return Err(wrong());
        };
        match (key.as_str(), value) {
            ("equals", value) => Ok(Self::Equals(value.clone())),
            ("present", Value::Bool(is_there)) => Ok(Self::Present(*is_there)),
            ("regex", Value::String(pattern)) => {
                if pattern.len() > REGEX_BYTES_MAX {
                    return Err((
                        format!("biểu thức dài quá {REGEX_BYTES_MAX} byte"),
                        format!("a pattern has at most {REGEX_BYTES_MAX} bytes"),
                    ));
                }
                let built = RegexBuilder::new(pattern)
                    .size_limit(REGEX_COMPILED_BYTES_MAX)
                    .dfa_size_limit(REGEX_COMPILED_BYTES_MAX)
                    .build();
                let bad = |error: regex::Error| {
                    let told = error.to_string();
                    let last = told.lines().last().unwrap_or_default().to_owned();
                    (format!("biểu thức chính quy sai: {last}"), format!("a wrong pattern: {last}"))
                };
                built.map(Self::Matches).map_err(bad)
            }
            _ => Err(wrong()),
        }
    }

    /// Of something that may be there several times: one that fits is enough.
    pub(super) fn fits_texts<'t, I>(&self, mut found: I) -> bool
    where
        I: Iterator<Item = &'t str>,
    {
        match self {
            Self::Equals(wanted) => found.any(|text| is_text(wanted, text)),
            Self::Present(is_there) => found.next().is_some() == *is_there,
            Self::Matches(regex) => found.any(|text| regex.is_match(text)),
        }
    }

    pub(super) fn fits_json(&self, found: Option<&Value>) -> bool {
        match (self, found) {
            (Self::Present(is_there), found) => found.is_some() == *is_there,
            (Self::Equals(_) | Self::Matches(_), None) => false,
            (Self::Equals(wanted), Some(found)) => wanted == found,
            (Self::Matches(regex), Some(Value::String(text))) => regex.is_match(text),
            (Self::Matches(regex), Some(other)) => regex.is_match(&other.to_string()),
        }
    }

    /// For people.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Equals(Value::String(text)) => text.clone(),
            Self::Equals(other) => other.to_string(),
            Self::Present(true) => "present".to_owned(),
            Self::Present(false) => ABSENT.to_owned(),
            Self::Matches(regex) => format!("/{regex}/"),
        }
    }
}

pub(super) const ABSENT: &str = "absent";

/// Numbers and truth values are written as they are in JSON.
fn is_text(wanted: &Value, text: &str) -> bool {
    match wanted {
        Value::String(wanted) => wanted == text,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            let written = wanted.to_string();
            written == text
        }
    }
}

fn wrong() -> (String, String) {
    (
        "phải là một giá trị, hoặc đúng một trong `equals`, `present`, `regex`".to_owned(),
        "must be a value, or exactly one of `equals`, `present` and `regex`".to_owned(),
    )
}
