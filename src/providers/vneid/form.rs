//! Bodies of POST requests: `application/x-www-form-urlencoded`.

use http::header::CONTENT_TYPE;

use super::super::Call;
use super::super::input::Query;
use super::answer::OAuthError;

const BODY_BYTES_MAX: usize = 16 << 10;
const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn read(call: &Call<'_>) -> Result<Query, OAuthError> {
    let is_form = call.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_form = is_form.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    if !is_form.is_some_and(|kind| kind.eq_ignore_ascii_case(FORM)) {
        let told = "Content-Type must be application/x-www-form-urlencoded";
        return Err(OAuthError::invalid_request(told));
    }
    let text = str::from_utf8(call.body).ok().filter(|text| text.len() <= BODY_BYTES_MAX);
    let form = text.and_then(|text| Query::parse(Some(text)).ok());
    form.ok_or_else(|| OAuthError::invalid_request("malformed or oversized form"))
}

/// A parameter's value; RFC 6749 3.1: an empty one counts as absent, a repeated one is an error.
pub(super) fn value<'a>(form: &'a Query, name: &str) -> Result<Option<&'a str>, OAuthError> {
    let value = form.text(name).ok();
    let value = value.ok_or_else(|| OAuthError::invalid_request("repeated parameter"))?;
    Ok(value.filter(|value| !value.is_empty()))
}

pub(super) fn required<'a>(form: &'a Query, name: &str) -> Result<&'a str, OAuthError> {
    value(form, name)?.ok_or_else(|| OAuthError::invalid_request("missing parameter"))
}
