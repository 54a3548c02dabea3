//! The national business register (domain.md 4.3): the record of an enterprise, and the files of its changes.
//!
//! Enterprises are those of the population. Files are not stored: those of a day follow from the day.

mod enterprise;
mod file;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Serialize;

use super::citizen::{day_of, minutes, slashed};
use super::http::{Fault, Outcome, Request, Route, dispatch};
use super::input::Query;
use super::moment;
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use crate::providers::population::{Population, TaxCode};
use file::{File, FileDetail, Journal};

/// Days between `from_date` and `to_date`, both counted (domain.md 4.3).
const RANGE_DAYS_MAX: i32 = 5;
const OFFSET_MAX: i64 = 1_000_000;
const LIMIT: i64 = 50;
const LIMIT_MAX: i64 = 200;

static DESCRIPTION: Description = Description {
    code: "dkdn",
    owner: "G12",
    system: "DKDN",
    version: "1.0",
    title_vi: "Cơ sở dữ liệu quốc gia về đăng ký doanh nghiệp",
    title_en: "National business registration database",
    sureness: Sureness::Source,
    kind: Kind::OpenApi(include_str!("../openapi/dkdn.json")),
};

const ROUTES: &[Route<BusinessRegister>] = &[
    Route { method: "GET", template: "/chiTietDoanhNghiep", run: BusinessRegister::detail },
    Route { method: "GET", template: "/danhSachHoSoTrongNgay", run: BusinessRegister::today },
    Route { method: "GET", template: "/danhSachHoSo", run: BusinessRegister::range },
    Route { method: "GET", template: "/tinhTrangHoSo", run: BusinessRegister::file },
];

#[derive(Debug)]
pub struct BusinessRegister {
    seed: u64,
    population: Arc<Population>,
}

/// `DataCount`, `Status` (1 ok, 0 fail) and `Message` stand beside the data.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Told<T> {
    #[serde(flatten)]
    data: T,
    data_count: usize,
    status: u8,
    message: String,
}

#[derive(Serialize)]
struct Files<T> {
    #[serde(rename = "Data")]
    data: Vec<T>,
}

#[derive(Serialize)]
struct Nothing {}

impl BusinessRegister {
    pub fn new(seed: u64, population: &Arc<Population>) -> Self {
        Self { seed, population: Arc::clone(population) }
    }

    fn detail(&self, request: &Request<'_>) -> Outcome {
        let code = request.query.required("msdn")?;
        let found = TaxCode::parse(code).and_then(|code| self.population.find_enterprise(code));
        let found =
            found.ok_or_else(|| Fault::not_found("không có doanh nghiệp mang mã số này"))?;
        Ok(told(enterprise::record(&self.population, &found), 1))
    }

    fn today(&self, request: &Request<'_>) -> Outcome {
        let (query, now_ms) = (&request.query, request.call.now_ms);
        let page = Window::of(query)?;
        let from = minutes(query.required("from_ts")?)?;
        let to = minutes(query.required("to_ts")?)?;
        if from > to {
            return Err(Fault::conflict("from_ts sau to_ts"));
        }
        let files = file::of_day(self.seed, &self.population, day_of(now_ms));
        let seen = files.filter(|file| (from..=to).contains(&file.minute));
        Ok(page.answer(seen.filter(|file| file.is_received(now_ms)), now_ms))
    }

    fn range(&self, request: &Request<'_>) -> Outcome {
        let (query, now_ms) = (&request.query, request.call.now_ms);
        let page = Window::of(query)?;
        let from = slashed(query.required("from_date")?)?;
        let to = slashed(query.required("to_date")?)?;
        let days = to.day_number().saturating_sub(from.day_number());
        if !(0..RANGE_DAYS_MAX).contains(&days) {
            let told = format!("from_date đến to_date phải là 1 đến {RANGE_DAYS_MAX} ngày");
            return Err(Fault::conflict(told));
        }
        let days = (0..=days).map(|day| from.plus_days(day));
        let files = days.flat_map(|day| file::of_day(self.seed, &self.population, day));
        Ok(page.answer(files.filter(|file| file.is_received(now_ms)), now_ms))
    }

    fn file(&self, request: &Request<'_>) -> Outcome {
        let (number, now_ms) = (request.query.required("in_journal_no")?, request.call.now_ms);
        let found = Journal::parse(number)
            .and_then(|journal| File::read(self.seed, &self.population, journal))
            .filter(|file| file.is_received(now_ms));
        let found = found.ok_or_else(|| Fault::not_found("không có hồ sơ mang số này"))?;
        let data = FileDetail::of(&self.population, &found, now_ms);
        Ok(told(Files { data: vec![data] }, 1))
    }
}

/// `offset` and `limit`.
struct Window {
    skip: usize,
    take: usize,
}

impl Window {
    fn of(query: &Query) -> Result<Self, Fault> {
        let skip = query.number("offset", 0, OFFSET_MAX)?.unwrap_or(0);
        let take = query.number("limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT);
        let size = |number: i64| usize::try_from(number).unwrap_or(0);
        Ok(Self { skip: size(skip), take: size(take) })
    }

    /// `DataCount` counts all files found, not only those on this page.
    fn answer(&self, files: impl Iterator<Item = File>, now_ms: i64) -> Answer {
        let files: Vec<File> = files.collect();
        let page = files.iter().skip(self.skip).take(self.take);
        told(Files { data: page.map(|file| file.row(now_ms)).collect() }, files.len())
    }
}

fn told<T: Serialize>(data: T, data_count: usize) -> Answer {
    Answer::json(200, &Told { data, data_count, status: 1, message: "Thành công".to_owned() })
}

fn word(fault: &Fault) -> Answer {
    let told = Told { data: Nothing {}, data_count: 0, status: 0, message: fault.message.clone() };
    Answer::json(fault.reason.status(), &told)
}

/// Milliseconds since 1970 of a minute of a day in Vietnam.
fn instant(day: crate::providers::population::Date, minute: u16) -> i64 {
    let epoch = crate::providers::population::Date::new(1970, 1, 1)
        .map_or(0, crate::providers::population::Date::day_number);
    let days = i64::from(day.day_number().saturating_sub(epoch));
    days * moment::DAY_MS + i64::from(minute) * moment::MINUTE_MS - 7 * moment::HOUR_MS
}

impl Provider for BusinessRegister {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| word(&fault))
    }
}
