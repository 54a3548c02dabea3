//! What a request carries, read with every failure worded as a `Fault`.

use super::fault::{Fault, Problem};
use crate::clock::Timestamp;
use crate::domain::calendar;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::response::IntoResponse;
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

/// Query parameters; an unknown one is a mistake, not a wish ignored.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

/// A JSON body.
#[derive(Debug)]
pub(super) struct Given<T>(pub(super) T);

/// The two variable parts of the path, percent-decoded.
#[derive(Debug)]
pub(super) struct NamedTwice(pub(super) String, pub(super) String);

/// The one variable part of the path, percent-decoded.
#[derive(Debug)]
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let query: Result<Query<T>, QueryRejection> = Query::try_from_uri(&parts.uri);
        match query {
            Ok(Query(query)) => Ok(Self(query)),
            Err(error) => Err(Fault::new(Problem::WrongParameter).detail(error.body_text())),
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Given<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let body: Result<axum::Json<T>, JsonRejection> =
            axum::Json::from_request(request, state).await;
        match body {
            Ok(axum::Json(body)) => Ok(Self(body)),
            Err(error) => {
                let text = error.body_text();
                let too_large = error.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE;
                let problem = if too_large { Problem::BodyTooLarge } else { Problem::WrongBody };
                Err(Fault::new(problem).detail(text))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(error) => Err(Fault::new(Problem::WrongParameter).detail(error.body_text())),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NamedTwice {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        match Path::<(String, String)>::from_request_parts(parts, state).await {
            Ok(Path((first, second))) => Ok(Self(first, second)),
            Err(error) => Err(Fault::new(Problem::WrongParameter).detail(error.body_text())),
        }
    }
}

/// A moment: RFC 3339, or a date (its first moment in Vietnam).
pub(super) fn moment(name: &str, text: &str) -> Result<Timestamp, Fault> {
    if let Ok(date) = text.parse::<jiff::civil::Date>()
        && !text.contains(['T', ' '])
    {
        return Ok(calendar::moment(date.to_datetime(jiff::civil::Time::midnight())));
    }
    let at: jiff::Timestamp = text
        .parse()
        .map_err(|error: jiff::Error| Fault::parameter(name, format!("{text:?}: {error}")))?;
    Ok(Timestamp(u64::try_from(at.as_nanosecond()).unwrap_or_default()))
}

/// How many rows an answer has: what was asked, at most `max`.
pub(super) fn limit(asked: Option<usize>, default: usize, max: usize) -> Result<usize, Fault> {
    match asked {
        None => Ok(default.min(max)),
        Some(0) => Err(Fault::parameter("limit", "at least 1")),
        Some(asked) => Ok(asked.min(max)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_date_in_vietnam_or_rfc_3339() {
        let midnight = moment("since", "2026-11-20").unwrap();
        assert_eq!(moment("since", "2026-11-20T00:00:00+07:00").unwrap(), midnight);
        assert_eq!(moment("since", "2026-11-19T17:00:00Z").unwrap(), midnight);
        let wrong = moment("since", "hôm qua").unwrap_err();
        assert_eq!((wrong.code(), wrong.at.as_str()), ("LT-O005", "since"));
    }

    #[test]
    fn a_limit_is_at_least_one_and_never_more_than_the_maximum() {
        assert_eq!(limit(None, 50, 10).unwrap(), 10);
        assert_eq!(limit(Some(5), 50, 10).unwrap(), 5);
        assert_eq!(limit(Some(500), 50, 10).unwrap(), 10);
        assert!(limit(Some(0), 50, 10).is_err());
    }
}
