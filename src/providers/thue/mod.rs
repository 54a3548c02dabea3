//! Taxpayers, what they owe and what they paid (domain.md 4.10; likely).

pub mod door;
pub mod land;
mod obligation;
pub mod signed;
mod taxpayer;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::http::{Fault, Outcome, Request, Route, dispatch, failure};
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use crate::providers::population::Population;
use taxpayer::Taxpayer;

static DESCRIPTION: Description = Description {
    code: "thue",
    owner: "G12",
    system: "THUE",
    version: "1.0",
    title_vi: "Cơ sở dữ liệu người nộp thuế",
    title_en: "Tax database",
    sureness: Sureness::Likely,
    kind: Kind::OpenApi(include_str!("../openapi/thue.json")),
};

const ROUTES: &[Route<Taxes>] = &[
    Route { method: "GET", template: "/nguoiNopThue", run: Taxes::taxpayer },
    Route { method: "GET", template: "/nghiaVu", run: Taxes::obligations },
    Route { method: "GET", template: "/bienLai", run: Taxes::receipts },
];

const YEAR_MIN: i64 = 2000;
const YEAR_MAX: i64 = 2100;

#[derive(Debug)]
pub struct Taxes {
    seed: u64,
    population: Arc<Population>,
}

impl Taxes {
    pub fn new(seed: u64, population: &Arc<Population>) -> Self {
        Self { seed, population: Arc::clone(population) }
    }

    fn taxpayer(&self, request: &Request<'_>) -> Outcome {
        let (query, code) = (&request.query, request.query.required("mst")?);
        let birth_date = query.text("ngaySinh")?.map(super::citizen::slashed).transpose()?;
        let found = self.find(code)?;
        if !found.agrees(query.text("hoTen")?, birth_date) {
            return Err(no_taxpayer());
        }
        Ok(Answer::json(200, &found.told()))
    }

    fn obligations(&self, request: &Request<'_>) -> Outcome {
        let year = year(request)?;
        let found = self.find(request.query.required("mst")?)?;
        Ok(Answer::json(200, &self.obligations_of(&found, year, request.call.now_ms)))
    }

    /// Those of the obligations that are paid.
    fn receipts(&self, request: &Request<'_>) -> Outcome {
        let year = year(request)?;
        let found = self.find(request.query.required("mst")?)?;
        let owed = self.obligations_of(&found, year, request.call.now_ms);
        let receipts: Vec<_> = owed.into_iter().filter_map(|one| one.receipt()).collect();
        Ok(Answer::json(200, &receipts))
    }

    fn find(&self, code: &str) -> Result<Taxpayer, Fault> {
        Taxpayer::find(&self.population, code).ok_or_else(no_taxpayer)
    }
}

fn year(request: &Request<'_>) -> Result<u16, Fault> {
    let year = request.query.required_number("nam", YEAR_MIN, YEAR_MAX)?;
    u16::try_from(year).map_err(|_narrow| Fault::bad_request("tham số nam không hợp lệ"))
}

fn no_taxpayer() -> Fault {
    Fault::not_found("không có người nộp thuế khớp các thông tin này")
}

impl Provider for Taxes {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| failure(&fault))
    }
}
