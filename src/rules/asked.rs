//! A call as rules look at it: its parts are read once, and only when a rule asks for them.

use super::LOOKED_INTO_BYTES_MAX;
use super::xml::Xml;
use crate::domain::member_id::MemberId;
use crate::domain::service::{ServicePath, unescape};
use http::HeaderMap;
use serde_json::Value;
use std::cell::OnceCell;
use std::sync::Arc;

/// One call, its body complete.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    /// Raw, below the service: empty, or with its leading `/`.
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// A member's id.
    pub caller: &'a str,
    pub correlation: &'a str,
    /// Milliseconds since 1970, UTC.
    pub now_ms: i64,
    /// What is answered stands inside the body of a SOAP envelope.
    pub is_soap: bool,
}

/// What is read of a call.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) path: Option<ServicePath>,
    pub(super) caller: Option<MemberId>,
    pub(super) query: Vec<(String, String)>,
    json: OnceCell<Result<Value, String>>,
    xml: OnceCell<Result<Arc<Xml>, String>>,
}

const QUERY_PAIRS_MAX: usize = 64;

impl<'a> Facts<'a> {
    pub(super) fn new(asked: &'a Asked<'a>) -> Self {
        let pairs = asked.query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let query = pairs.take(QUERY_PAIRS_MAX).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (unescape(&name.replace('+', " ")), unescape(&value.replace('+', " ")))
        });
        Self {
            asked,
            path: ServicePath::parse(asked.path).ok(),
            caller: MemberId::parse(asked.caller).ok(),
            query: query.collect(),
            json: OnceCell::new(),
            xml: OnceCell::new(),
        }
    }

    /// Why not, in English, when the body is no JSON.
    pub(super) fn json(&self) -> Result<&Value, &str> {
        let read = || {
            let body = self.bounded()?;
            serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))
        };
        self.json.get_or_init(read).as_ref().map_err(String::as_str)
    }

    pub(super) fn xml(&self) -> Result<&Arc<Xml>, &str> {
        let read = || {
            let text = std::str::from_utf8(self.bounded()?);
            let text = text.map_err(|_invalid| "no UTF-8".to_owned())?;
            Xml::read(text).map(Arc::new).map_err(|error| format!("no XML: {error}"))
        };
        self.xml.get_or_init(read).as_ref().map_err(String::as_str)
    }

    fn bounded(&self) -> Result<&'a [u8], String> {
        let body = self.asked.body;
        if body.len() > LOOKED_INTO_BYTES_MAX {
            return Err(format!("a body of more than {LOOKED_INTO_BYTES_MAX} bytes"));
        }
        Ok(body)
    }

    pub(super) fn headers(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.asked.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
    }
}
