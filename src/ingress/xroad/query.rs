//! Parameters of a query string, form-encoded: `+` is a blank here.

use super::percent;

/// The value of the only parameter of that name. `None` when it is missing, repeated or badly encoded.
pub(super) fn only(query: &str, name: &str) -> Option<String> {
    let mut values = query.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    });
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    percent::decode(&value.replace('+', " "))
}

/// True when the query names the parameter, with or without a value.
pub(super) fn has(query: &str, name: &str) -> bool {
    query.split('&').any(|pair| pair.split('=').next() == Some(name))
}
