//! What a rule answers.

use super::asked::Facts;
use super::reader::Object;
use super::template::{Form, Given, Template};
use super::{CRITERIA_MAX, DELAY_MS_MAX, WORD_BYTES_MAX};
use http::{HeaderName, HeaderValue, header};
use serde_json::Value;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Then {
    status: u16,
    headers: Vec<(HeaderName, HeaderValue)>,
    content: Content,
    delay: Duration,
    fault: Option<Fault>,
    /// New states; an empty text forgets one.
    pub(super) set: Vec<(String, String)>,
    /// Answers so many calls and no more.
    pub(super) times: Option<u64>,
}

#[derive(Debug, Default)]
enum Content {
    #[default]
    Nothing,
    Text(String),
    /// Written as JSON.
    Json(String),
    Template(Box<Template>),
}

/// How an answer is spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no answer until the caller gives up.
    Hang,
    /// Its head comes and half of its body, then the line is cut.
    Cut,
    /// What comes is no HTTP.
    Garbage,
    /// The line is closed without a byte.
    Empty,
}

/// An answer ready to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub rule: String,
    pub status: u16,
    /// The content type included; in a SOAP answer that is the envelope's.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: String,
    pub delay: Duration,
    pub fault: Option<Fault>,
}

/// A template failed at the answer; why, in English.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule {rule}: {why}")]
pub struct Spoilt {
    pub rule: String,
    pub why: String,
}

const FAULTS: &[(&str, Fault)] = &[
    ("hang", Fault::Hang),
    ("cut", Fault::Cut),
    ("garbage", Fault::Garbage),
    ("empty", Fault::Empty),
];

/// What carries the body, which is not a rule's business.
const FRAMING: &[HeaderName] = &[
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::TRAILER,
    header::UPGRADE,
    header::TE,
];

impl Default for Then {
    fn default() -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            content: Content::Nothing,
            delay: Duration::ZERO,
            fault: None,
            set: Vec::new(),
            times: None,
        }
    }
}

impl Then {
    pub(super) fn read(mut table: Object<'_>) -> Self {
        let status = table.integer("status", 200, 599);
        let headers = headers(&mut table);
        let content = content(&mut table);
        let delay = table.integer("delay_ms", 0, DELAY_MS_MAX).unwrap_or_default();
        let fault = table.string("fault").and_then(|word| {
            let found = FAULTS.iter().find(|(known, _)| *known == word).map(|(_, fault)| *fault);
            if found.is_none() {
                table.push(
                    "fault",
                    format!("`{word}` không phải `hang`, `cut`, `garbage` hay `empty`"),
                    format!("`{word}` is none of `hang`, `cut`, `garbage` and `empty`"),
                );
            }
            found
        });
        let set = states(&mut table);
        let times = table.integer("times", 1, u64::from(u32::MAX));
        table.finish();
        Self {
            status: status.and_then(|status| u16::try_from(status).ok()).unwrap_or(200),
            headers,
            content,
            delay: Duration::from_millis(delay),
            fault,
            set,
            times,
        }
    }

    pub(super) fn plan(
        &self,
        rule: &str,
        facts: &Facts<'_>,
        given: Given<'_>,
    ) -> Result<Plan, Spoilt> {
        let form = self.form(facts.asked.is_soap);
        let body = match &self.content {
            Content::Nothing => String::new(),
            Content::Text(text) | Content::Json(text) => text.clone(),
            Content::Template(template) => template
                .render(form, facts, given)
                .map_err(|why| Spoilt { rule: rule.to_owned(), why })?,
        };
        let mut headers = self.headers.clone();
        let is_typed = headers.iter().any(|(name, _)| *name == header::CONTENT_TYPE);
        if !body.is_empty() && !is_typed {
            let kind = match form {
                Form::Json => "application/json",
                Form::Xml => "text/xml; charset=utf-8",
                Form::Text => "text/plain; charset=utf-8",
            };
            headers.push((header::CONTENT_TYPE, HeaderValue::from_static(kind)));
        }
        let (delay, fault) = (self.delay, self.fault);
        Ok(Plan { rule: rule.to_owned(), status: self.status, headers, body, delay, fault })
    }

    /// By its content type; without one, what the system speaks.
    fn form(&self, is_soap: bool) -> Form {
        let typed = self.headers.iter().find(|(name, _)| *name == header::CONTENT_TYPE);
        let typed = typed.and_then(|(_, value)| value.to_str().ok()).map(str::to_ascii_lowercase);
        match typed {
            None if is_soap => Form::Xml,
            None => Form::Json,
            Some(typed) if typed.contains("json") => Form::Json,
            Some(typed) if typed.contains("xml") || typed.contains("html") => Form::Xml,
            Some(_) => Form::Text,
        }
    }
}

fn headers(table: &mut Object<'_>) -> Vec<(HeaderName, HeaderValue)> {
    let mut found = Vec::new();
    for (name, value) in table.named("headers", CRITERIA_MAX) {
        let key = HeaderName::try_from(name).ok().filter(|name| !FRAMING.contains(name));
        let text = value.as_str().filter(|text| text.len() <= WORD_BYTES_MAX * 16);
        match key.zip(text.and_then(|text| HeaderValue::from_str(text).ok())) {
            Some(pair) => found.push(pair),
            None => table.push_named(
                "headers",
                name,
                (
                    "không đặt được phần đầu này, hoặc giá trị không phải chuỗi hợp lệ".to_owned(),
                    "this header cannot be set, or its value is no text that a header may have"
                        .to_owned(),
                ),
            ),
        }
    }
    found
}

fn content(table: &mut Object<'_>) -> Content {
    let text = table.string("body");
    let json = table.value("json").map(Value::to_string);
    let template = table.string("template");
    let count = [text.is_some(), json.is_some(), template.is_some()];
    if count.into_iter().filter(|is_given| *is_given).count() > 1 {
        table.push(
            "body",
            "chỉ một trong `body`, `json`, `template`",
            "only one of `body`, `json` and `template`",
        );
    }
    let template = template.map(|source| match Template::read(&source) {
        Ok(template) => Content::Template(Box::new(template)),
        Err((vi, en)) => {
            table.push("template", vi, en);
            Content::Nothing
        }
    });
    let plain = || json.map(Content::Json).or_else(|| text.map(Content::Text));
    template.or_else(plain).unwrap_or_default()
}

fn states(table: &mut Object<'_>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in table.named("set", CRITERIA_MAX) {
        let text = match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        let text = text.filter(|text| text.len() <= WORD_BYTES_MAX);
        match text.filter(|_| (1..=WORD_BYTES_MAX).contains(&name.len())) {
            Some(text) => found.push((name.to_owned(), text)),
            None => table.push_named(
                "set",
                name,
                (
                    format!("trạng thái là chuỗi hay số dài tối đa {WORD_BYTES_MAX} byte"),
                    format!("a state is a text or a number of at most {WORD_BYTES_MAX} bytes"),
                ),
            ),
        }
    }
    found
}
