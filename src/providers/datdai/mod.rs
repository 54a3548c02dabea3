//! The land database and its link to the tax authority (domain.md 4.10; likely): parcels, and for a dossier the tax
//! notice and its payment. Slip and notice go between the two in signed XML (`thue/land.rs`).

mod notice;
mod parcel;
mod price;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::Mutex;

use super::http::{Fault, Route, dispatch, failure};
use super::table::{Bounds, Table};
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use crate::providers::population::{Commune, Parcel, Population};
use notice::Slip;
pub use price::dong_per_m2;

static DESCRIPTION: Description = Description {
    code: "datdai",
    owner: "G10",
    system: "DATDAI",
    version: "1.0",
    title_vi: "Cơ sở dữ liệu quốc gia về đất đai",
    title_en: "National land database",
    sureness: Sureness::Likely,
    kind: Kind::OpenApi(include_str!("../openapi/datdai.json")),
};

const ROUTES: &[Route<LandRegister>] = &[
    Route { method: "GET", template: "/thuaDat", run: LandRegister::parcel },
    Route { method: "GET", template: "/giayChungNhan", run: LandRegister::certificate },
    Route { method: "GET", template: "/thuaDatTheoChuSuDung", run: LandRegister::of_owner },
    Route { method: "GET", template: "/trangThaiNopThue", run: LandRegister::payment },
];

const SLIPS: Bounds = Bounds { rows_max: 20_000, bytes_max: 16 << 20 };

#[derive(Debug)]
pub struct LandRegister {
    population: Arc<Population>,
    /// By `maHoSo`.
    slips: Mutex<Table<String, Slip>>,
}

impl LandRegister {
    pub fn new(population: &Arc<Population>) -> Self {
        Self { population: Arc::clone(population), slips: Mutex::new(Table::new(SLIPS)) }
    }

    fn at(&self, commune: &str, sheet: i64, number: i64) -> Result<Parcel, Fault> {
        let commune =
            Commune::by_code(commune).ok_or_else(|| Fault::not_found("không có xã mang mã này"))?;
        let place = u32::try_from(sheet).ok().zip(u32::try_from(number).ok());
        place
            .and_then(|(sheet, number)| self.population.find_parcel(commune, sheet, number))
            .ok_or_else(|| Fault::not_found("không có thửa đất này"))
    }
}

impl Provider for LandRegister {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| failure(&fault))
    }
}
