//! Civil status (hộ tịch, domain.md 4.5): registrations of births, deaths and marriages that advance with time, the
//! records of the population, and the interlinked procedures that ask for results.

mod act;
mod data;
mod dossier;
mod lists;
mod record;
mod register;
#[cfg(test)]
mod tests;
mod trouble;

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::caller::agency_of;
use super::citizen::Newborns;
use super::http::{Outcome, Request, Route, dispatch};
use super::table::{Bounds, Table};
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use crate::providers::population::{Commune, Population};
use dossier::Dossier;
use trouble::{Code, Trouble};

static DESCRIPTION: Description = Description {
    code: "hotich",
    owner: "G15",
    system: "HOTICH",
    version: "1.0",
    title_vi: "Cơ sở dữ liệu hộ tịch điện tử",
    title_en: "Civil status database",
    sureness: Sureness::Source,
    kind: Kind::OpenApi(include_str!("../openapi/hotich.json")),
};

const ROUTES: &[Route<CivilStatus>] = &[
    Route {
        method: "POST",
        template: "/dangKyHoTich",
        run: |on, it| on.run(it, CivilStatus::register),
    },
    Route {
        method: "POST",
        template: "/danhMuc",
        run: |on, it| on.run(it, CivilStatus::catalogue),
    },
    Route {
        method: "POST",
        template: "/traTrangThaiHoSo",
        run: |on, it| on.run(it, CivilStatus::state),
    },
    Route {
        method: "POST",
        template: "/ketQuaDangKyHS",
        run: |on, it| on.run(it, CivilStatus::result),
    },
    Route {
        method: "POST",
        template: "/dsHoSoDangKy",
        run: |on, it| on.run(it, CivilStatus::of_day),
    },
    Route { method: "POST", template: "/traHoSo", run: |on, it| on.run(it, CivilStatus::one) },
    Route {
        method: "POST",
        template: "/traDanhSachHoSo",
        run: |on, it| on.run(it, CivilStatus::several),
    },
    Route { method: "POST", template: "/scanHoTich", run: |on, it| on.run(it, CivilStatus::scan) },
];

/// Address of the calling machine as the sandbox is told it (assumed): the real database sees it itself.
const ADDRESS_HEADER: &str = "x-client-ip";
const DOSSIERS: Bounds = Bounds { rows_max: 20_000, bytes_max: 32 << 20 };

#[derive(Debug)]
pub struct CivilStatus {
    population: Arc<Population>,
    newborns: Arc<Newborns>,
    /// By `maHoSo`.
    dossiers: Mutex<Table<String, Dossier>>,
}

impl CivilStatus {
    pub fn new(population: &Arc<Population>, newborns: &Arc<Newborns>) -> Self {
        Self {
            population: Arc::clone(population),
            newborns: Arc::clone(newborns),
            dossiers: Mutex::new(Table::new(DOSSIERS)),
        }
    }

    fn run(
        &self,
        request: &Request<'_>,
        operation: fn(&Self, &Request<'_>) -> Result<Answer, Trouble>,
    ) -> Outcome {
        let done = admitted(request.call).and_then(|()| operation(self, request));
        Ok(done.unwrap_or_else(|trouble| trouble.answer()))
    }
}

/// Codes 100 and 101: who calls is known, and from a machine of the network.
fn admitted(call: &Call<'_>) -> Result<(), Trouble> {
    if agency_of(call.caller).is_empty() || call.caller.split(':').count() != 4 {
        return Err(Trouble::new(Code::Authen, "bên gọi không có mã thành viên hợp lệ"));
    }
    let Some(address) = call.headers.get(ADDRESS_HEADER) else {
        return Ok(());
    };
    let address = address.to_str().ok().and_then(|text| text.trim().parse::<IpAddr>().ok());
    let inside = address.is_some_and(|address| match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    });
    if inside {
        return Ok(());
    }
    Err(Trouble::new(Code::Address, "địa chỉ IP không thuộc mạng TSLCD được phép"))
}

/// `maDonVi` is the five-digit code of a commune, as a number (assumed).
fn commune_of(unit: i64) -> Result<Commune, Trouble> {
    Commune::by_code(&format!("{unit:05}"))
        .ok_or_else(|| Trouble::new(Code::Agency, "không có đơn vị mang mã maDonVi này"))
}

fn unit_of(commune: Commune) -> i64 {
    i64::from(commune.province().code) * 1_000 + i64::from(commune.number())
}

impl Provider for CivilStatus {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| Trouble::from(fault).answer())
    }
}
