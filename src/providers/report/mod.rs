//! The Government reporting system (domain.md 4.8): figures of indicators, offices, and the way of a periodic report.
//!
//! Paths, parameters and envelope of `/indicators` and `/offices` are the source's; the POSTs of the workflow are ours.

mod figures;
mod indicator;
mod period;
mod submit;
#[cfg(test)]
mod tests;
mod workflow;

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::Serialize;

use super::caller::new_form;
use super::http::{Fault, Outcome, Route, dispatch};
use super::table::{Bounds, Table};
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use indicator::Indicator;
use period::{DataType, Period};
use workflow::{Report, Subject};

const REPORTS: Bounds = Bounds { rows_max: 20_000, bytes_max: 32 << 20 };
/// Offices of the directory that are kept.
const OFFICES_MAX: usize = 200_000;

static DESCRIPTION: Description = Description {
    code: "bc",
    owner: "G22",
    system: "BCCP",
    version: "1.0",
    title_vi: "Hệ thống thông tin báo cáo Chính phủ",
    title_en: "Government reporting information system",
    sureness: Sureness::Source,
    kind: Kind::OpenApi(include_str!("../openapi/bc.json")),
};

pub(super) const ROUTES: &[Route<Reports>] = &[
    Route { method: "GET", template: "/indicators", run: Reports::one },
    Route { method: "POST", template: "/indicators", run: Reports::many },
    Route { method: "GET", template: "/offices", run: Reports::offices },
    Route { method: "GET", template: "/indicators/hasdata", run: Reports::has_data },
    Route {
        method: "GET",
        template: "/indicators/office/hasdata/{office}",
        run: Reports::of_office,
    },
    Route { method: "GET", template: "/reports", run: Reports::list },
    Route { method: "POST", template: "/reports", run: Reports::enter },
    Route { method: "GET", template: "/reports/{id}", run: Reports::show },
    Route { method: "POST", template: "/reports/{id}/send", run: Reports::send },
    Route { method: "POST", template: "/reports/{id}/review", run: Reports::review },
    Route { method: "POST", template: "/reports/{id}/approve", run: Reports::approve },
    Route { method: "POST", template: "/reports/{id}/return", run: Reports::send_back },
    Route { method: "POST", template: "/reports/{id}/correct", run: Reports::correct },
];

#[derive(Debug)]
pub struct Reports {
    seed: u64,
    /// By code in the new form.
    offices: BTreeMap<String, Office>,
    indicators: Vec<Indicator>,
    desk: Mutex<Desk>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Office {
    office_code: String,
    office_name: String,
}

/// Reports by number, and the number of each subject's report.
#[derive(Debug)]
struct Desk {
    reports: Table<u64, Report>,
    numbers: BTreeMap<Subject, u64>,
}

/// `{data, error:{code:200, internalMessage, userMessage}, total}`
#[derive(Serialize)]
struct Envelope<T> {
    data: T,
    error: Told,
    total: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    code: u16,
    internal_message: &'static str,
    user_message: String,
}

impl Reports {
    /// At most 200,000 agencies are kept as offices.
    pub fn new(seed: u64, agencies: &[(String, String)]) -> Self {
        let office = |(code, name): &(String, String)| {
            let office = Office { office_code: code.clone(), office_name: name.clone() };
            (new_form(code), office)
        };
        Self {
            seed,
            offices: agencies.iter().take(OFFICES_MAX).map(office).collect(),
            indicators: indicator::indicators(),
            desk: Mutex::new(Desk { reports: Table::new(REPORTS), numbers: BTreeMap::new() }),
        }
    }

    fn subject(&self, office: &str, ids: (i64, i64, i64)) -> Result<Subject, Fault> {
        let (data_type, period, year) = ids;
        let data_type = DataType::read(data_type);
        let data_type =
            data_type.ok_or_else(|| Fault::bad_request("dataTypeId phải từ 1 đến 4"))?;
        let period = Period::read(period).ok_or_else(|| {
            // 19 lies inside the range that the description gives, so it is no malformed number.
            Fault::not_found("không có kỳ báo cáo này; periodId là 1 đến 18, 20 hoặc 21")
        })?;
        let year = i16::try_from(year).ok();
        let year = year.ok_or_else(|| Fault::bad_request("dataYear phải từ 2000 đến 2100"))?;
        let office = self.office(office)?;
        Ok(Subject { office, data_type, period, year })
    }

    fn office(&self, code: &str) -> Result<String, Fault> {
        let form = new_form(code);
        if self.offices.contains_key(&form) {
            return Ok(form);
        }
        Err(Fault::not_found("không có đơn vị báo cáo này"))
    }

    fn indicator(&self, code: &str) -> Result<&Indicator, Fault> {
        let found = self.indicators.iter().find(|indicator| indicator.code == code);
        found.ok_or_else(|| Fault::not_found(format!("không có chỉ tiêu {code}")))
    }
}

fn listed<T: Serialize>(data: Vec<T>, total: usize) -> Outcome {
    Ok(Answer::json(200, &Envelope { data, error: fine(), total }))
}

fn shown<T: Serialize>(data: T) -> Outcome {
    Ok(Answer::json(200, &Envelope { data, error: fine(), total: 1 }))
}

fn fine() -> Told {
    Told { code: 200, internal_message: "OK", user_message: "Thành công".to_owned() }
}

fn word(fault: &Fault) -> Answer {
    let (code, internal_message) = (fault.reason.status(), fault.reason.code());
    let error = Told { code, internal_message, user_message: fault.message.clone() };
    Answer::json(code, &Envelope { data: (), error, total: 0 })
}

impl Provider for Reports {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| word(&fault))
    }
}
