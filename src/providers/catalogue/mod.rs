//! DMDC, the shared code lists (domain.md 4.9): their columns, their rows, and new rows from the agencies.
//!
//! The two answers of an insert are the source's word for word; what stands in a row's mistake, and the names in
//! `AllCategory`, are assumed.

mod seeded;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Map, Value};

use super::caller::{level_one, new_form};
use super::http::{Fault, Outcome, Request, Route, dispatch};
use super::input::{Many, Object, json_value};
use super::table::Bounds;
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use seeded::List;

/// Rows of one list, seeded ones included.
const ROWS_MAX: usize = 20_000;
/// Bytes of the rows inserted into one list.
const BYTES_MAX: usize = 4 << 20;
const BOUNDS: Bounds = Bounds { rows_max: ROWS_MAX, bytes_max: BYTES_MAX };
/// Rows of one insert.
const INSERT_ROWS_MAX: usize = 1_000;
const VALUE_CHARS_MAX: usize = 1_000;
/// Mistakes told in one answer.
const MISTAKES_MAX: usize = 20;

static DESCRIPTION: Description = Description {
    code: "dmdc",
    owner: "G06",
    system: "DMDC",
    version: "1.0",
    title_vi: "Danh mục dùng chung",
    title_en: "Shared code lists",
    sureness: Sureness::Source,
    kind: Kind::OpenApi(include_str!("../openapi/dmdc.json")),
};

pub(super) const ROUTES: &[Route<Catalogues>] = &[
    Route { method: "GET", template: "/AllCategory", run: Catalogues::all },
    Route { method: "GET", template: "/Metadata/{name}", run: Catalogues::metadata },
    Route { method: "GET", template: "/Category/{name}", run: Catalogues::rows },
    Route { method: "POST", template: "/Category/{name}", run: Catalogues::insert },
];

#[derive(Debug)]
pub struct Catalogues {
    lists: Mutex<BTreeMap<String, List>>,
    bounds: Bounds,
}

/// A row: every column of its list, in the list's order.
type Row = Vec<String>;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Named<'a> {
    category_code: &'a str,
    category_name: &'a str,
    count: usize,
}

#[derive(Serialize)]
struct Inserted {
    #[serde(rename = "MSG")]
    message: String,
    #[serde(rename = "Count")]
    count: usize,
}

impl Catalogues {
    /// The ministries and provinces among `agencies` become the rows of `qlvanbandieuhanhcap1`.
    pub fn new(agencies: &[(String, String)]) -> Self {
        let catalogues = Self { lists: Mutex::new(seeded::lists()), bounds: BOUNDS };
        if let Some(list) = catalogues.lists.lock().get_mut("qlvanbandieuhanhcap1") {
            let first_level = agencies.iter().filter(|(code, _)| level_one(code) == new_form(code));
            for (code, name) in first_level.take(ROWS_MAX) {
                let width = list.columns.len();
                let mut row = vec![new_form(code), name.clone()];
                row.resize(width, String::new());
                list.rows.insert(new_form(code), row);
            }
        }
        catalogues
    }

    fn all(&self, _: &Request<'_>) -> Outcome {
        let lists = self.lists.lock();
        let named: Vec<_> = lists
            .iter()
            .map(|(name, list)| Named {
                category_code: name,
                category_name: &list.title,
                count: list.rows.len(),
            })
            .collect();
        Ok(Answer::json(200, &named))
    }

    fn metadata(&self, request: &Request<'_>) -> Outcome {
        let lists = self.lists.lock();
        Ok(Answer::json(200, &find(&lists, request)?.columns))
    }

    fn rows(&self, request: &Request<'_>) -> Outcome {
        let lists = self.lists.lock();
        let list = find(&lists, request)?;
        let rows: Vec<_> = list.rows.values().map(|row| list.written(row)).collect();
        Ok(Answer::json(200, &rows))
    }

    /// All rows or none: the source shows `Count` 0 beside a mistake.
    fn insert(&self, request: &Request<'_>) -> Outcome {
        let mut lists = self.lists.lock();
        let list = lists.get_mut(request.parameter()).ok_or_else(|| unknown(request))?;
        let records: Many<Object<Map<String, Value>>, INSERT_ROWS_MAX> =
            json_value(request.call.body)?;
        let mut fresh = BTreeMap::new();
        let mut mistakes = Vec::new();
        for (record, number) in records.0.iter().zip(1_usize..) {
            match list.read(&record.0) {
                Ok((key, _)) if list.rows.contains_key(&key) || fresh.contains_key(&key) => {
                    mistakes.push(format!("Record {number}: {key} is duplicate"));
                }
                Ok((key, row)) => {
                    fresh.insert(key, row);
                }
                Err(mistake) => mistakes.push(format!("Record {number}: {mistake}")),
            }
            if mistakes.len() == MISTAKES_MAX {
                break;
            }
        }
        let rows = list.rows.len().saturating_add(fresh.len());
        let bytes = list.inserted_bytes.saturating_add(bytes_of(&fresh));
        if rows > self.bounds.rows_max || bytes > self.bounds.bytes_max {
            let Bounds { rows_max, bytes_max } = self.bounds;
            mistakes.push(format!("list is full ({rows_max} rows, {bytes_max} bytes)"));
        }
        if !mistakes.is_empty() {
            return Ok(Answer::json(200, &not_inserted(&mistakes.join("; "))));
        }
        let count = fresh.len();
        list.inserted_bytes = bytes;
        list.rows.append(&mut fresh);
        Ok(Answer::json(200, &Inserted { message: "Done".to_owned(), count }))
    }
}

impl List {
    /// The key and the row of a record; its mistake in words. Fields that are no column are passed over.
    fn read(&self, record: &Map<String, Value>) -> Result<(String, Row), String> {
        let mut row = Row::with_capacity(self.columns.len());
        for column in &self.columns {
            let code = &column.property_code;
            let value = match record.get(code) {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) if text.chars().count() > VALUE_CHARS_MAX => {
                    return Err(format!("{code} is longer than {VALUE_CHARS_MAX}"));
                }
                Some(Value::String(text)) => text.clone(),
                Some(_) => return Err(format!("{code} is not a string")),
            };
            if row.is_empty() && value.trim().is_empty() {
                return Err(format!("{code} is missing"));
            }
            row.push(value);
        }
        let key = row.first().cloned().unwrap_or_default();
        Ok((key, row))
    }

    fn written<'a>(&'a self, row: &'a Row) -> BTreeMap<&'a str, &'a str> {
        let codes = self.columns.iter().map(|column| column.property_code.as_str());
        codes.zip(row.iter().map(String::as_str)).collect()
    }
}

fn bytes_of(rows: &BTreeMap<String, Row>) -> usize {
    rows.values().flatten().map(String::len).sum()
}

fn find<'a>(lists: &'a BTreeMap<String, List>, request: &Request<'_>) -> Result<&'a List, Fault> {
    lists.get(request.parameter()).ok_or_else(|| unknown(request))
}

fn unknown(request: &Request<'_>) -> Fault {
    Fault::not_found(format!("không có danh mục {}", request.parameter()))
}

fn not_inserted(mistakes: &str) -> Inserted {
    Inserted { message: format!("Data not insert: {mistakes}"), count: 0 }
}

fn word(fault: &Fault) -> Answer {
    let body = Inserted { message: fault.message.clone(), count: 0 };
    Answer::json(fault.reason.status(), &body)
}

impl Provider for Catalogues {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| word(&fault))
    }
}
