//! The environment, for all rooms that ask.

/// A variable that is set, not empty and UTF-8.
#[expect(clippy::disallowed_methods, reason = "this is the reader that all others ask")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The language of messages, in the order in which POSIX asks.
pub fn locale() -> Option<String> {
    ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(variable)
}
