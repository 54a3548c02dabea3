//! Which rules nearly fitted a call, and what differed.

use serde::Serialize;

/// One criterion that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// `method`, `path`, `query trang`, `header x-test`, `json /a/b`, `xpath //a`, `caller`, `state step`, `times`.
    pub criterion: String,
    pub expected: String,
    /// Of what the call holds; of secrets nothing.
    pub got: String,
    /// `got` is of the body, the query or a header: for the caller, whose words they are, and for nobody else.
    #[serde(skip)]
    pub(super) is_payload: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NearRule {
    pub rule: String,
    pub differences: Vec<Difference>,
}

/// A call that fitted no rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Miss {
    /// Milliseconds since 1970, UTC.
    pub at_ms: i64,
    pub method: String,
    pub path: String,
    pub caller: String,
    pub correlation_id: String,
    /// The system answered by itself.
    pub answered: bool,
    /// The nearest first.
    pub nearest: Vec<NearRule>,
}

/// Of one word that is shown.
const SHOWN_CHARS_MAX: usize = 160;
pub(super) const NEAREST_MAX: usize = 3;
/// Kept of one system, the newest.
pub(super) const MISSES_MAX: usize = 32;

impl Difference {
    pub(super) fn new(criterion: impl Into<String>, expected: &str, got: Option<&str>) -> Self {
        Self {
            criterion: criterion.into(),
            expected: shown(expected),
            got: got.map_or_else(|| super::expect::ABSENT.to_owned(), shown),
            is_payload: false,
        }
    }

    #[must_use]
    pub(super) const fn of_payload(mut self) -> Self {
        self.is_payload = true;
        self
    }

    /// For whoever has no part in the call.
    fn without_payload(mut self) -> Self {
        if self.is_payload && self.got != super::expect::ABSENT {
            self.got = "(told to the caller only)".to_owned();
        }
        self
    }
}

impl Miss {
    /// As the operator may see it.
    pub(super) fn without_payload(mut self) -> Self {
        for near in &mut self.nearest {
            near.differences =
                near.differences.drain(..).map(Difference::without_payload).collect();
        }
        self
    }
}

pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
