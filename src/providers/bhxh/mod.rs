//! Social insurance (domain.md 4.4): numbers and households, by number and by traits.

mod record;
mod search;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::Deserialize;

use super::citizen::Newborns;
use super::http::{Fault, Outcome, Request, Route, dispatch, failure};
use super::input::Text;
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use crate::providers::population::{InsuranceNumber, Population};
use record::Record;

static DESCRIPTION: Description = Description {
    code: "bhxh",
    owner: "G24",
    system: "BHXH",
    version: "1.0",
    title_vi: "Cơ sở dữ liệu bảo hiểm xã hội",
    title_en: "Social insurance database",
    sureness: Sureness::Source,
    kind: Kind::OpenApi(include_str!("../openapi/bhxh.json")),
};

const ROUTES: &[Route<SocialInsurance>] = &[
    Route {
        method: "POST",
        template: "/getTraCuuTtHgdByMaSoBhxh",
        run: SocialInsurance::by_number,
    },
    Route {
        method: "POST",
        template: "/getMaSoBhxhTheoTieuChi",
        run: SocialInsurance::number_by_traits,
    },
    Route { method: "POST", template: "/getTraCuuThongTinHgd", run: SocialInsurance::household },
];

#[derive(Debug)]
pub struct SocialInsurance {
    population: Arc<Population>,
    newborns: Arc<Newborns>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ByNumber {
    ma_so_bhxh: Text<1, 20>,
}

impl SocialInsurance {
    pub fn new(population: &Arc<Population>, newborns: &Arc<Newborns>) -> Self {
        Self { population: Arc::clone(population), newborns: Arc::clone(newborns) }
    }

    fn by_number(&self, request: &Request<'_>) -> Outcome {
        let ByNumber { ma_so_bhxh } = request.json()?;
        let found = InsuranceNumber::parse(&ma_so_bhxh)
            .and_then(|number| self.record(number, request.call.now_ms));
        let found = found.ok_or_else(|| Fault::not_found("không có mã số BHXH này"))?;
        Ok(Answer::json(200, &found))
    }

    fn record(&self, number: InsuranceNumber, now_ms: i64) -> Option<Record> {
        match self.population.find_by_insurance_number(number) {
            Some(index) => Some(Record::of(&self.population.person(index)?)),
            None => {
                let child = self.newborns.find_by_insurance_number(number)?;
                (child.known_from_ms <= now_ms).then(|| Record::of_newborn(&child))
            }
        }
    }
}

impl Provider for SocialInsurance {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| failure(&fault))
    }
}
