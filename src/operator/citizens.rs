//! The invented people whom all simulated databases know (dân số giả lập): what to ask those databases for.

use super::asked::Named;
use super::fault::{ErrorAnswer, Fault, Problem};
use super::{State, VERSION};
use crate::pipeline::call::CallPorts;
use crate::providers::population::{IdentityNumber, Parcel, Person, Population, Relative};
use axum::Json;
use serde::Serialize;

/// The population: equal seed, number and day give equal people on every machine.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PopulationAnswer {
    pub version: u32,
    pub seed: u64,
    pub people: u32,
    /// `yyyyMMdd`
    #[schema(example = "20260105")]
    pub on: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CitizenAnswer {
    pub version: u32,
    pub citizen: CitizenView,
}

/// An invented citizen (công dân giả lập), as every simulated database knows them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CitizenView {
    /// From 0 to the number of people.
    pub index: u32,
    /// Số định danh cá nhân.
    #[schema(example = "001190000017")]
    pub number: String,
    /// Số CMND.
    pub old_number: Option<String>,
    pub name: String,
    pub sex: &'static str,
    /// `dd/MM/yyyy`
    pub birth_date: String,
    pub alive: bool,
    pub address: String,
    /// Five digits: `maDonVi`, `maXa`, `maXaKs`.
    pub commune: String,
    /// Mã số BHXH.
    pub insurance_number: String,
    /// Mã số thuế before 1/7/2025; since then the identity number.
    pub old_tax_code: String,
    pub father: Option<RelativeView>,
    pub mother: Option<RelativeView>,
    pub spouse: Option<RelativeView>,
    /// Mã số doanh nghiệp, of an owner.
    pub enterprise: Option<String>,
    pub parcels: Vec<ParcelView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RelativeView {
    pub number: Option<String>,
    pub name: String,
}

/// Thửa đất.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ParcelView {
    pub commune: String,
    /// Số tờ.
    pub sheet: u32,
    /// Số thửa.
    pub number: u32,
    /// Số seri giấy chứng nhận.
    pub certificate: String,
}

/// How many invented people there are, and what makes them.
#[utoipa::path(get, path = "/api/v1/population", tag = "services",
    responses((status = 200, body = PopulationAnswer)))]
pub(super) async fn population<P: CallPorts>(state: State<P>) -> Json<PopulationAnswer> {
    let topology = &state.operated.topology;
    let population = state.operated.host.population();
    Json(PopulationAnswer {
        version: VERSION,
        seed: topology.simulated.population_seed,
        people: population.len(),
        on: population.on().compact(),
    })
}

/// One invented citizen, by place in the population or by identity number.
#[utoipa::path(get, path = "/api/v1/citizens/{which}", tag = "services",
    params(("which" = String, Path, description = "A number below `people`, or số định danh", example = "4321")),
    responses((status = 200, body = CitizenAnswer), (status = 404, body = ErrorAnswer)))]
pub(super) async fn citizen<P: CallPorts>(
    state: State<P>,
    Named(which): Named,
) -> Result<Json<CitizenAnswer>, Fault> {
    let population = state.operated.host.population();
    let found = match IdentityNumber::parse(&which) {
        Some(number) => population.find(number),
        None => which.parse().ok().and_then(|index| population.person(index)),
    };
    let person = found.ok_or_else(|| Fault::new(Problem::NoSuchCitizen).detail(which))?;
    Ok(Json(CitizenAnswer { version: VERSION, citizen: view(population, &person) }))
}

fn view(population: &Population, person: &Person) -> CitizenView {
    let owned = population.enterprise_of(person.index);
    CitizenView {
        index: person.index,
        number: person.number.to_string(),
        old_number: person.old_number.map(|number| number.to_string()),
        name: person.name.full(),
        sex: person.sex.label(),
        birth_date: person.birth_date.slashed(),
        alive: person.alive,
        address: person.permanent_address.full_text(),
        commune: person.permanent_address.commune.code(),
        insurance_number: person.insurance_number.to_string(),
        old_tax_code: person.old_tax_code.to_string(),
        father: person.father.as_ref().map(relative),
        mother: person.mother.as_ref().map(relative),
        spouse: person.spouse.as_ref().map(relative),
        enterprise: owned.map(|enterprise| enterprise.code.to_string()),
        parcels: population.parcels_of(person.index).iter().map(parcel).collect(),
    }
}

fn relative(relative: &Relative) -> RelativeView {
    RelativeView {
        number: relative.number.map(|number| number.to_string()),
        name: relative.name.full(),
    }
}

fn parcel(parcel: &Parcel) -> ParcelView {
    ParcelView {
        commune: parcel.commune.code(),
        sheet: parcel.sheet,
        number: parcel.number,
        certificate: parcel.certificate.to_string(),
    }
}
