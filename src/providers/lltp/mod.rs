//! Criminal records (lý lịch tư pháp, domain.md 4.6): a request becomes a certificate with time; changes are pulled as
//! a list, and each is acknowledged. VNeID asks for a result under its own path.

mod certificate;
mod lists;
mod submit;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use super::caller::{agency_of, level_one};
use super::citizen::day_of;
use super::http::{Fault, Route, dispatch};
use super::moment::MINUTE_MS;
use super::table::{Bounds, Table};
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use crate::providers::population::{Date, Population};

static DESCRIPTION: Description = Description {
    code: "lltp",
    owner: "G15",
    system: "LLTP",
    version: "1.0",
    title_vi: "Cơ sở dữ liệu lý lịch tư pháp",
    title_en: "Criminal record database",
    sureness: Sureness::Source,
    kind: Kind::OpenApi(include_str!("../openapi/lltp.json")),
};

const ROUTES: &[Route<CriminalRecords>] = &[
    Route { method: "POST", template: "/nhanHoSoDangKy", run: CriminalRecords::submit },
    Route { method: "POST", template: "/traTrangThaiHs", run: CriminalRecords::state },
    Route { method: "POST", template: "/traHoSo", run: CriminalRecords::show },
    Route { method: "POST", template: "/traDanhMuc", run: CriminalRecords::catalogue },
    Route { method: "POST", template: "/traDsTrangThaiHs", run: CriminalRecords::changes },
    Route { method: "POST", template: "/danhDauHsThanhCong", run: CriminalRecords::acknowledge },
    Route { method: "POST", template: VNEID, run: CriminalRecords::result },
];

const VNEID: &str = "/v2/lyLichTuPhap/traKetQuaHoSoLLTP";
const DOSSIERS: Bounds = Bounds { rows_max: 20_000, bytes_max: 16 << 20 };
/// From receipt to processing, and to the certificate (assumed: soon enough to be seen in a lesson).
const PROCESSING_MS: i64 = MINUTE_MS;
const READY_MS: i64 = 3 * MINUTE_MS;

#[derive(Debug)]
pub struct CriminalRecords {
    population: Arc<Population>,
    /// By id, from 1.
    dossiers: Mutex<Table<u64, Dossier>>,
}

#[derive(Clone, Debug)]
struct Dossier {
    /// Ministry or province that sent it; nobody else sees it.
    owner: String,
    /// `idReceivedDec`.
    code: String,
    person: u32,
    /// 1 or 2: số 1 names what is not cleared, số 2 everything (Luật Lý lịch tư pháp Art. 41).
    form: u8,
    processing_ms: i64,
    ready_ms: i64,
    promised_on: Date,
    refused: Option<&'static str>,
    /// `DEC_STATUS_ID` last given in a list of changes, and last acknowledged.
    told: u8,
    acknowledged: u8,
}

impl CriminalRecords {
    pub fn new(population: &Arc<Population>) -> Self {
        Self { population: Arc::clone(population), dossiers: Mutex::new(Table::new(DOSSIERS)) }
    }

    fn own(&self, caller: &str, code: &str) -> Result<(u64, Dossier), Fault> {
        let (owner, dossiers) = (owner_of(caller), self.dossiers.lock());
        let mut own = dossiers.iter().filter(|(_, one)| one.owner == owner && one.code == code);
        let found = own.next().map(|(id, dossier)| (*id, dossier.clone()));
        found.ok_or_else(|| Fault::not_found("đơn vị không có hồ sơ này"))
    }
}

impl Dossier {
    /// `DEC_STATUS_ID`: 3 received, 4 processing, 5 certificate ready.
    fn status(&self, now_ms: i64) -> u8 {
        if now_ms < self.processing_ms {
            3
        } else if now_ms < self.ready_ms || self.refused.is_some() {
            4
        } else {
            5
        }
    }

    /// Day of approval, which is that of issue: both happen when the certificate is ready.
    fn issued_on(&self, now_ms: i64) -> Option<Date> {
        (self.status(now_ms) == 5).then(|| day_of(self.ready_ms))
    }
}

fn owner_of(caller: &str) -> String {
    level_one(&agency_of(caller))
}

fn word(path: &str, fault: &Fault) -> Answer {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct OfVneid<'a> {
        status_code: &'static str,
        message: &'a str,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "UPPERCASE")]
    struct Told<'a> {
        status: u8,
        description: &'a str,
    }
    let (status, message) = (fault.reason.status(), fault.message.as_str());
    if path != VNEID {
        return Answer::json(status, &Told { status: 0, description: message });
    }
    let status_code = match status {
        400 => "01",
        404 => "02",
        _ => "99",
    };
    Answer::json(status, &OfVneid { status_code, message })
}

impl Provider for CriminalRecords {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| word(call.path, &fault))
    }
}
