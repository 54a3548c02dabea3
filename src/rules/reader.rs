//! Reads a rule's JSON key by key, and notes every mistake instead of stopping at one.

use super::RuleMistake;
use serde_json::{Map, Value};
use std::cell::RefCell;

/// What is wrong so far.
#[derive(Debug, Default)]
pub(super) struct Root(RefCell<Vec<RuleMistake>>);

impl Root {
    pub(super) fn push(&self, at: Vec<String>, vi: impl Into<String>, en: impl Into<String>) {
        self.0.borrow_mut().push(RuleMistake { at, vi: vi.into(), en: en.into() });
    }

    /// Mistakes of something inside, at a place of this.
    pub(super) fn adopt(&self, place: &[String], mistakes: Vec<RuleMistake>) {
        for mistake in mistakes {
            let at = place.iter().cloned().chain(mistake.at).collect();
            self.push(at, mistake.vi, mistake.en);
        }
    }

    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Vec<RuleMistake>> {
        let mistakes = self.0.into_inner();
        match read {
            Some(read) if mistakes.is_empty() => Ok(read),
            Some(_) | None => Err(mistakes),
        }
    }
}

/// One JSON object being read. Keys asked for are the keys it may have; `finish` reports the others.
#[derive(Debug)]
pub(super) struct Object<'a> {
    root: &'a Root,
    at: Vec<String>,
    entries: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

const NEAR: usize = 3;

impl<'a> Object<'a> {
    pub(super) fn new(root: &'a Root, value: &'a Value) -> Option<Self> {
        Self::at(root, Vec::new(), value)
    }

    fn at(root: &'a Root, at: Vec<String>, value: &'a Value) -> Option<Self> {
        let Value::Object(entries) = value else {
            root.push(at, "phải là một bảng", "must be a table");
            return None;
        };
        Some(Self { root, at, entries, known: Vec::new() })
    }

    /// Where a key of this object stands.
    pub(super) fn place(&self, key: &str) -> Vec<String> {
        self.at.iter().map(String::as_str).chain([key]).map(str::to_owned).collect()
    }

    pub(super) fn push(&self, key: &str, vi: impl Into<String>, en: impl Into<String>) {
        self.root.push(self.place(key), vi, en);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.entries.get(key)
    }

    pub(super) fn string(&mut self, key: &'static str) -> Option<String> {
        let value = self.value(key)?;
        if let Value::String(text) = value {
            return Some(text.clone());
        }
        self.push(key, "phải là một chuỗi", "must be a string");
        None
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        let found = value.as_bool();
        if found.is_none() {
            self.push(key, "phải là `true` hoặc `false`", "must be `true` or `false`");
        }
        found
    }

    pub(super) fn integer(&mut self, key: &'static str, min: u64, max: u64) -> Option<u64> {
        let value = self.value(key)?;
        let found = value.as_u64().filter(|number| (min..=max).contains(number));
        if found.is_none() {
            self.push(
                key,
                format!("phải là số nguyên từ {min} đến {max}"),
                format!("must be a whole number from {min} to {max}"),
            );
        }
        found
    }

    pub(super) fn object(&mut self, key: &'static str) -> Option<Self> {
        let value = self.value(key)?;
        Self::at(self.root, self.place(key), value)
    }

    pub(super) fn list(&mut self, key: &'static str) -> Vec<&'a Value> {
        match self.value(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => items.iter().collect(),
            Some(_) => {
                self.push(key, "phải là một danh sách", "must be a list");
                Vec::new()
            }
        }
    }

    /// The entries of a table with keys of one's own: at most so many.
    pub(super) fn named(&mut self, key: &'static str, max: usize) -> Vec<(&'a str, &'a Value)> {
        let Some(table) = self.object(key) else { return Vec::new() };
        if table.entries.len() > max {
            self.push(key, format!("nhiều hơn {max} mục"), format!("more than {max} entries"));
        }
        table.entries.iter().take(max).map(|(name, value)| (name.as_str(), value)).collect()
    }

    /// Notes a mistake in an entry of such a table.
    pub(super) fn push_named(&self, key: &str, name: &str, (vi, en): (String, String)) {
        let mut at = self.place(key);
        at.push(name.to_owned());
        self.root.push(at, vi, en);
    }

    pub(super) fn finish(self) {
        for key in self.entries.keys().filter(|key| !self.known.contains(&key.as_str())) {
            let near = self.known.iter().map(|known| (strsim::osa_distance(known, key), *known));
            let near = near.filter(|(distance, _)| *distance <= NEAR).min();
            let (vi, en) = match near {
                Some((_, near)) => {
                    (format!("; có phải ý bạn là `{near}`?"), format!("; did you mean `{near}`?"))
                }
                None => {
                    let all = self.known.join(", ");
                    (format!("; các khóa: {all}"), format!("; the keys are {all}"))
                }
            };
            self.push(key, format!("không có khóa này{vi}"), format!("there is no such key{en}"));
        }
    }
}
