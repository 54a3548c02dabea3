//! Simulated shared government systems of the call plane (domain.md 4), in-process: each answers service calls from
//! state in memory, the same for the same seed. Data are synthetic.

pub mod bhxh;
pub mod budget_unit;
pub mod caller;
pub mod catalogue;
pub mod ccvc;
pub mod citizen;
pub mod citizens;
pub mod congdan;
pub mod consultation;
pub mod dancu;
pub mod datdai;
pub mod dkdn;
pub mod dossier;
pub mod ecabinet;
pub mod emc;
pub mod example;
pub mod host;
pub mod hotich;
pub mod http;
pub mod input;
pub mod legal;
pub mod lltp;
pub mod moment;
pub mod ndop;
mod near;
pub mod paygov;
pub mod population;
pub mod post;
mod recorded;
mod recording;
mod recordings;
pub mod report;
mod ruled;
pub mod seed;
pub mod soap;
mod streams;
pub mod table;
#[cfg(test)]
mod tests;
pub mod thue;
pub mod vneid;

use crate::signature::{Anchors, Signer};
use population::Population;
use std::fmt;
use std::sync::Arc;

/// One service call as a provider sees it: body complete and bounded by the platform.
#[derive(Debug)]
pub struct Call<'a> {
    pub method: &'a ::http::Method,
    /// Raw path after the service code, "" or beginning with '/'.
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: &'a ::http::HeaderMap,
    pub body: &'a [u8],
    /// Member that asks: `VN:GOV:000.00.06.H60:QLVB`.
    pub caller: &'a str,
    pub correlation: &'a str,
    /// Milliseconds since 1970, UTC.
    pub now_ms: i64,
    /// How many times faster than in life the system's staff works.
    pub pace: u32,
}

impl Call<'_> {
    /// When work that takes so long in life and begins now is done.
    pub fn done_after(&self, work_ms: i64) -> i64 {
        let pace = i64::from(self.pace.max(1));
        self.now_ms.saturating_add(work_ms / pace)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// Beside the content type, such as `Location`; names in any case, values without control characters.
    pub headers: Vec<(&'static str, String)>,
}

impl Answer {
    pub fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type, body: body.into(), headers: Vec::new() }
    }

    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Static facts of a service.
#[derive(Debug, PartialEq, Eq)]
pub struct Description {
    /// Service code, e.g. "dmdc".
    pub code: &'static str,
    /// Agency code level 1 or system code, e.g. "G06".
    pub owner: &'static str,
    /// Subsystem, e.g. "DMDC".
    pub system: &'static str,
    /// "1.0"
    pub version: &'static str,
    pub title_vi: &'static str,
    pub title_en: &'static str,
    pub sureness: Sureness,
    pub kind: Kind,
}

/// How well the real service is known: the marks of domain.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sureness {
    Source,
    Likely,
    Unsure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JSON text.
    OpenApi(&'static str),
    Wsdl(&'static str),
}

/// A shared system. Any input gets an answer; nothing a caller sends makes it panic or grow without bound.
pub trait Provider: Send + Sync + fmt::Debug {
    fn description(&self) -> &'static Description;
    fn answer(&self, call: &Call<'_>) -> Answer;
}

/// A system that another one reads as well.
impl<P: Provider> Provider for Arc<P> {
    fn description(&self) -> &'static Description {
        P::description(self)
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        P::answer(self, call)
    }
}

/// The names of all simulated systems, those for trying out a connection included: what a topology may name.
pub const SYSTEMS: &[&str] = &[
    "dmdc",
    "dvcqg",
    "bc",
    "emc",
    "paygov",
    "vnpost",
    "ecabinet",
    "econsultation",
    "vbqppl",
    "dvqhns",
    "ndop",
    "dkdn",
    "bhxh",
    "hotich",
    "lltp",
    "datdai",
    "thue",
    "ccvc",
    "XacThucThongTinCongDan",
    "TraCuuThongTinCongDan",
    "XacMinhThongTinNhanThan",
    thue::signed::CODE,
    thue::land::SLIP,
    thue::land::NOTICE,
    "mock1",
    "getRandom",
    "helloService",
    "vneid",
    "congdan",
    host::ECHO,
    host::SINK,
    host::SOURCE,
    host::RECORDED,
];

/// Systems without citizens. `agencies` are codes and names, in either form of code.
pub fn shared(seed: u64, agencies: &[(String, String)]) -> Vec<Box<dyn Provider>> {
    shared_with(seed, agencies, &Arc::new(dossier::Dossiers::new(seed, agencies)))
}

/// As `shared`, with dossiers that others read as well.
fn shared_with(
    seed: u64,
    agencies: &[(String, String)],
    dossiers: &Arc<dossier::Dossiers>,
) -> Vec<Box<dyn Provider>> {
    vec![
        Box::new(catalogue::Catalogues::new(agencies)),
        Box::new(Arc::clone(dossiers)),
        Box::new(report::Reports::new(seed, agencies)),
        Box::new(emc::Monitoring::new()),
        Box::new(paygov::Receipts::default()),
        Box::new(post::PostOrders::new(seed)),
        Box::new(ecabinet::Ballots::new()),
        Box::new(consultation::Consultations::new()),
        Box::new(legal::LegalDocuments::new()),
        Box::new(budget_unit::BudgetUnits::new(agencies)),
        Box::new(ndop::Observatory::new()),
    ]
}

/// Every system of this folder: whoever keeps citizens keeps those of `population`. Without a `tax` signature
/// nobody answers to signed questions about taxes, and no slip about land comes to them.
pub fn all(
    seed: u64,
    agencies: &[(String, String)],
    population: &Arc<Population>,
    tax: Option<(Anchors, Signer)>,
) -> Result<Vec<Box<dyn Provider>>, vneid::KeyError> {
    let dossiers = Arc::new(dossier::Dossiers::new(seed, agencies));
    let mut all = shared_with(seed, agencies, &dossiers);
    let newborns = Arc::new(citizen::Newborns::new(seed, population));
    let land = Arc::new(datdai::LandRegister::new(population));
    all.extend(citizens::citizens(seed, population, &newborns, &land));
    all.extend(dancu::PopulationDatabase::services(population, &newborns, None));
    if let Some((anchors, signer)) = tax {
        let door = Arc::new(thue::door::Door::new(anchors, signer));
        all.push(Box::new(thue::signed::SignedTaxes::new(seed, population, &door)));
        all.extend(thue::land::LandTax::services(&land, &door));
    }
    all.extend(example::Example::services(seed));
    let clients = vneid::sandbox_clients();
    let vneid = Arc::new(vneid::SignIn::new(Arc::clone(population), None, clients)?);
    all.push(Box::new(congdan::CitizenPortal::new(&vneid, &dossiers)));
    all.push(Box::new(vneid));
    Ok(all)
}
