//! `chiTietDoanhNghiep` in the field names of domain.md 4.3.

use serde::Serialize;

use crate::providers::population::{Enterprise, Population};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Record {
    main_information: MainInformation,
    /// Spelt so in the source.
    #[serde(rename = "HOAdress")]
    address: Address,
    business_activity: Vec<Activity>,
    member: Vec<Member>,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct MainInformation {
    enterprise_id: u64,
    enterprise_gdt_code: String,
    imp_business_code: String,
    enterprise_type_id: u8,
    enterprise_type_name: &'static str,
    name: String,
    short_name: String,
    name_f: String,
    founding_date: String,
    last_amend_date: String,
    number_changes: u32,
    enterprise_status: &'static str,
    legal_names: String,
    capital_amount: u64,
}

#[derive(Serialize)]
struct Address {
    #[serde(rename = "CityID")]
    city_id: String,
    #[serde(rename = "CityName")]
    city_name: String,
    #[serde(rename = "DistrictID")]
    district_id: &'static str,
    #[serde(rename = "DistrictName")]
    district_name: &'static str,
    #[serde(rename = "WardID")]
    ward_id: String,
    #[serde(rename = "WardName")]
    ward_name: String,
    #[serde(rename = "StreetNumber")]
    street_number: String,
    #[serde(rename = "AddressFullText")]
    full_text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct Activity {
    code: &'static str,
    name: &'static str,
    is_main: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct Member {
    member_name: String,
    amount: u64,
    ratio_percent: u32,
    country: &'static str,
}

pub(super) fn record(population: &Population, enterprise: &Enterprise) -> Record {
    let members = enterprise.members.iter();
    let country = |index| population.person(index).map_or("VN", |person| person.nationality);
    Record {
        main_information: main_information(enterprise),
        address: address(enterprise),
        business_activity: enterprise
            .activities
            .iter()
            .map(|activity| Activity {
                code: activity.code,
                name: activity.name,
                is_main: if activity.is_main { "Y" } else { "N" },
            })
            .collect(),
        member: members
            .map(|member| Member {
                member_name: member.name.upper(),
                amount: member.amount,
                ratio_percent: member.percent,
                country: country(member.index),
            })
            .collect(),
    }
}

/// Internal number of an enterprise: ten digits at most.
pub(super) fn id_of(enterprise: &Enterprise) -> u64 {
    u64::from(enterprise.index).saturating_add(1)
}

fn main_information(enterprise: &Enterprise) -> MainInformation {
    // The first member is the one representative: the population knows no second.
    let legal_names: Vec<_> =
        enterprise.members.iter().take(1).map(|one| one.name.upper()).collect();
    MainInformation {
        enterprise_id: id_of(enterprise),
        enterprise_gdt_code: enterprise.code.to_string(),
        imp_business_code: String::new(),
        enterprise_type_id: enterprise.kind.id(),
        enterprise_type_name: enterprise.kind.label(),
        name: enterprise.name.to_uppercase(),
        short_name: enterprise.short_name.clone(),
        name_f: String::new(),
        founding_date: enterprise.founded_on.slashed(),
        last_amend_date: enterprise.last_amended_on.slashed(),
        number_changes: enterprise.changes,
        enterprise_status: enterprise.status.label(),
        legal_names: legal_names.join(";"),
        capital_amount: enterprise.capital,
    }
}

/// Districts are gone since 1/7/2025: their fields stay, empty.
fn address(enterprise: &Enterprise) -> Address {
    let place = &enterprise.address;
    Address {
        city_id: format!("{:02}", place.province().code),
        city_name: place.province().full_name(),
        district_id: "",
        district_name: "",
        ward_id: place.commune.code(),
        ward_name: place.commune.full_name(),
        street_number: place.detail.clone(),
        full_text: place.full_text(),
    }
}
