//! The simulated databases that tell about citizens and enterprises, all out of one population (domain.md 4.3–4.10).

use std::sync::Arc;

use super::Provider;
use super::bhxh::SocialInsurance;
use super::ccvc::CivilServants;
use super::citizen::Newborns;
use super::datdai::LandRegister;
use super::dkdn::BusinessRegister;
use super::hotich::CivilStatus;
use super::lltp::CriminalRecords;
use super::thue::Taxes;
use crate::providers::population::Population;

/// All of them; `newborns` and `land` are read by others as well.
pub fn citizens(
    seed: u64,
    population: &Arc<Population>,
    newborns: &Arc<Newborns>,
    land: &Arc<LandRegister>,
) -> Vec<Box<dyn Provider>> {
    vec![
        Box::new(BusinessRegister::new(seed, population)),
        Box::new(SocialInsurance::new(population, newborns)),
        Box::new(CivilStatus::new(population, newborns)),
        Box::new(CriminalRecords::new(population)),
        Box::new(Arc::clone(land)),
        Box::new(Taxes::new(seed, population)),
        Box::new(CivilServants::new(population)),
    ]
}
