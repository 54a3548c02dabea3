//! Civil servants (domain.md 4.10; likely): one record by identity number, batches of records pushed by agencies, and
//! the feed of changes.

mod push;
mod record;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::http::{Route, dispatch, failure};
use super::table::{Bounds, Table};
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use crate::providers::population::Population;
use push::Change;

static DESCRIPTION: Description = Description {
    code: "ccvc",
    owner: "G09",
    system: "CCVC",
    version: "1.0",
    title_vi: "Cơ sở dữ liệu quốc gia về cán bộ, công chức, viên chức",
    title_en: "National database of civil servants",
    sureness: Sureness::Likely,
    kind: Kind::OpenApi(include_str!("../openapi/ccvc.json")),
};

const ROUTES: &[Route<CivilServants>] = &[
    Route { method: "GET", template: "/canBo", run: CivilServants::one },
    Route { method: "POST", template: "/hoSo/lo", run: CivilServants::push },
    Route { method: "GET", template: "/bienDong", run: CivilServants::changes },
];

const CHANGES: Bounds = Bounds { rows_max: 50_000, bytes_max: 32 << 20 };

#[derive(Debug)]
pub struct CivilServants {
    population: Arc<Population>,
    feed: Mutex<Feed>,
}

/// Changes by number from 1, and the last one of each person.
#[derive(Debug)]
struct Feed {
    changes: Table<u64, Change>,
    last: BTreeMap<u32, u64>,
}

impl CivilServants {
    pub fn new(population: &Arc<Population>) -> Self {
        let feed = Feed { changes: Table::new(CHANGES), last: BTreeMap::new() };
        Self { population: Arc::clone(population), feed: Mutex::new(feed) }
    }
}

impl Provider for CivilServants {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| failure(&fault))
    }
}
