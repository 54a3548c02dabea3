//! The way of one call inside a provider: find the route, read the input, answer or say what is wrong.
//!
//! A provider lists its `Route`s and words a `Fault` in its own style; everything else is here.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::input::{self, Query};
use super::table::Full;
use super::{Answer, Call, Description, Kind};

pub const JSON: &str = "application/json";

/// One operation: `{name}` in the template stands for one non-empty path segment.
#[derive(Debug)]
pub struct Route<P> {
    pub method: &'static str,
    pub template: &'static str,
    pub run: fn(&P, &Request<'_>) -> Outcome,
}

/// A call on its way to its operation.
#[derive(Debug)]
pub struct Request<'a> {
    pub call: &'a Call<'a>,
    pub query: Query,
    parameters: Vec<String>,
}

pub type Outcome = Result<Answer, Fault>;

/// Why a provider does not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub reason: Reason,
    /// Vietnamese, for the person who called.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The request is not of the documented form.
    BadRequest,
    /// The credential inside the message is wrong (domain.md 4.1: the last layer).
    Unauthenticated,
    /// The caller may not do this.
    Denied,
    /// No such path.
    NoPath,
    WrongMethod,
    /// The thing asked for does not exist.
    NotFound,
    /// Well formed, but against the state of things.
    Conflict,
    /// A table of the provider is full.
    Full,
}

impl Reason {
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthenticated => 401,
            Self::Denied => 403,
            Self::NoPath | Self::NotFound => 404,
            Self::WrongMethod => 405,
            Self::Conflict => 409,
            Self::Full => 503,
        }
    }

    /// The stable code of the error model that domain.md 8 rule 10 offers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Denied => "ACCESS_DENIED",
            Self::NoPath => "UNKNOWN_PATH",
            Self::WrongMethod => "METHOD_NOT_ALLOWED",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::Full => "STORAGE_FULL",
        }
    }
}

impl Fault {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Reason::BadRequest, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Reason::NotFound, message)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Reason::Conflict, message)
    }

    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(Reason::Denied, message)
    }
}

impl From<Full> for Fault {
    fn from(_: Full) -> Self {
        Self::new(Reason::Full, "kho dữ liệu của hệ thống mô phỏng đã đầy, không ghi thêm được")
    }
}

impl Answer {
    pub fn json(status: u16, body: &impl Serialize) -> Self {
        // Plain structs with string keys: writing them to memory cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::new(status, JSON, body)
    }
}

impl Request<'_> {
    /// The path's parameter, decoded; no template has two.
    pub fn parameter(&self) -> &str {
        self.parameters.first().map_or("", String::as_str)
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        input::json(self.call.body)
    }
}

/// Finds the route of a call and runs it. A fixed segment goes before a parameter in the same place.
pub fn dispatch<P>(provider: &P, routes: &[Route<P>], call: &Call<'_>) -> Outcome {
    let mut allowed = Vec::new();
    let mut chosen: Option<(&Route<P>, Vec<String>)> = None;
    for route in routes {
        let Some(parameters) = matches(route.template, call.path) else {
            continue;
        };
        allowed.push(route.method);
        let nearer = chosen.as_ref().is_none_or(|(_, other)| parameters.len() < other.len());
        if route.method == call.method.as_str() && nearer {
            chosen = Some((route, parameters));
        }
    }
    match chosen {
        Some((route, parameters)) => {
            let query = Query::parse(call.query)?;
            (route.run)(provider, &Request { call, query, parameters })
        }
        None if allowed.is_empty() => {
            let known = routes.iter().map(|route| (route.method, route.template));
            let near = super::near::operations(known, call.path);
            let message = format!("dịch vụ không có đường dẫn này; gần nhất: {near}");
            Err(Fault::new(Reason::NoPath, message))
        }
        None => Err(Fault::new(
            Reason::WrongMethod,
            format!("phương thức không được phép; dùng {}", allowed.join(", ")),
        )),
    }
}

/// The parameters of a path that fits the template.
pub fn matches(template: &str, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut parameters = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(parameters),
            (Some(name), Some(segment)) if name.starts_with('{') => {
                if segment.is_empty() {
                    return None;
                }
                parameters.push(input::percent_decode(segment, false)?);
            }
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

/// What the `Allow` header of a 405 lists (RFC 9110 15.5.6): an `Answer` has no headers, so who serves it adds them.
/// Reads the description anew each time; a 405 is rare. Empty for an unknown path.
pub fn allowed_methods(description: &Description, path: &str) -> Vec<String> {
    let (Kind::OpenApi(text) | Kind::Wsdl(text)) = description.kind;
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let items = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let fitting = items.filter(|(template, _)| matches(template, path).is_some());
    let methods = fitting.filter_map(|(_, item)| item.as_object()).flat_map(|item| item.keys());
    methods.map(|method| method.to_uppercase()).collect()
}

/// `{status:"FAIL",ErrorCode,ErrorDesc}` (domain.md 8 rule 10): the style of systems whose own one is not known.
pub fn failure(fault: &Fault) -> Answer {
    #[derive(Serialize)]
    struct Failure<'a> {
        status: &'static str,
        #[serde(rename = "ErrorCode")]
        code: &'static str,
        #[serde(rename = "ErrorDesc")]
        description: &'a str,
    }
    let body = Failure { status: "FAIL", code: fault.reason.code(), description: &fault.message };
    Answer::json(fault.reason.status(), &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_fits_its_template_segment_by_segment() {
        let found = |template, path| matches(template, path);
        assert_eq!(found("/a/{x}", "/a/b%20c"), Some(vec!["b c".to_owned()]));
        assert_eq!(found("/a", "/a"), Some(vec![]));
        for path in ["/a", "/a/", "/a/b/c", "a/b", "", "/a/%", "/a/%ff", "//b"] {
            assert_eq!(found("/a/{x}", path), None, "{path}");
        }
    }
}
