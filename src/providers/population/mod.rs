//! The synthetic population: one country of invented people that all simulated national databases
//! describe, so that they tell one story (domain.md 4.2–4.10).
//!
//! Nothing is stored. Everything about a person is computed from (seed, index), and every number of a
//! person (identity, old card, insurance, tax) leads back to the index in constant time; ten million
//! people take the room of ten thousand. Nothing here is a real person's data.

mod address;
mod civil_status;
mod commune;
mod criminal;
mod date;
mod draw;
mod employment;
mod enterprise;
mod enterprise_names;
mod family;
mod identity;
mod insurance;
mod land;
mod name;
mod person;
mod province;
mod search;
mod tax;
mod territory;
mod traits;

#[cfg(test)]
mod register_tests;
#[cfg(test)]
mod tests;

pub use civil_status::{BirthRecord, DeathRecord, MarriageRecord, Registration};
pub use commune::{Commune, CommuneKind};
pub use criminal::CriminalCase;
pub use date::Date;
pub use employment::CivilServant;
pub use enterprise::{Activity, Enterprise, EnterpriseKind, EnterpriseStatus, Member};
pub use identity::{IdentityNumber, OldNumber};
pub use insurance::{HealthCard, HouseholdCode, InsuranceNumber};
pub use land::{CertificateSerial, LandUse, Parcel};
pub use name::Name;
pub use person::{Household, Person, Place, Relative};
pub use province::{Area, PROVINCES, Province};
pub use search::{BirthFilter, SearchBy, Traits};
pub use tax::TaxCode;
pub use traits::{BloodGroup, EthnicGroup, MaritalStatus, RelationToHead, Religion, Sex};

use std::fmt;
use territory::{BLOCK_PEOPLE, Territory};

/// The largest population: what six-digit serials and two million people in one former province allow
/// (see `identity`).
pub const PEOPLE_MAX: u32 = 20_000_000;

/// A country on one day. Equal (seed, people, day) give equal people.
#[derive(Clone, Debug)]
pub struct Population {
    seed: u64,
    people: u32,
    on: Date,
    territory: Territory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PopulationError {
    /// Not 1 to `PEOPLE_MAX`.
    People,
    /// Identity numbers know the births of 1900 to 2099: the day must lie in 2000 to 2099.
    Day,
}

impl Population {
    /// `people` is 1 to `PEOPLE_MAX`; `on` is the day the databases are asked, 2000 to 2099.
    pub fn new(seed: u64, people: u32, on: Date) -> Result<Self, PopulationError> {
        if !(1..=PEOPLE_MAX).contains(&people) {
            return Err(PopulationError::People);
        }
        if !(2000..=2099).contains(&on.year()) {
            return Err(PopulationError::Day);
        }
        Ok(Self { seed, people, on, territory: Territory::new(people.div_ceil(BLOCK_PEOPLE)) })
    }

    /// How many people there are; their indices are `0..len()`.
    #[expect(clippy::len_without_is_empty, reason = "a population is never empty")]
    pub fn len(&self) -> u32 {
        self.people
    }

    /// The day on which everything is true.
    pub fn on(&self) -> Date {
        self.on
    }

    fn year(&self) -> i32 {
        i32::from(self.on.year())
    }
}

impl fmt::Display for PopulationError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::People => write!(out, "the population must be 1 to {PEOPLE_MAX} people"),
            Self::Day => out.write_str("the day must lie in the years 2000 to 2099"),
        }
    }
}

impl std::error::Error for PopulationError {}
