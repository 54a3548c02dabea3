//! What is told about an insured person, in the field names of domain.md 4.4.

use serde::Serialize;

use crate::providers::citizen::Newborn;
use crate::providers::population::{Person, Population};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    ho_ten: String,
    so_so_cu: String,
    ngay_sinh: String,
    loai_ngay_sinh: u8,
    gioi_tinh: u8,
    ma_tinh_ks: String,
    /// Districts are gone since 1/7/2025.
    ma_huyen_ks: &'static str,
    ma_xa_ks: String,
    trang_thai: u8,
}

/// One of a household.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resident {
    ma_so: String,
    ho_ten: String,
    ngay_sinh: String,
    gioi_tinh: u8,
    ma_ho: String,
    dia_chi: String,
    trang_thai: u8,
}

/// `trangThai`: the number is in use.
pub(super) const IN_USE: u8 = 1;
/// `trangThai`: closed, because the person died.
pub(super) const CLOSED: u8 = 0;
/// `loaiNgaySinh`: day, month and year are known.
const FULL_DATE: u8 = 0;

impl Record {
    pub(super) fn of(person: &Person) -> Self {
        let commune = person.birth_place.commune;
        Self {
            ho_ten: person.name.upper(),
            // The old book of the household; its nine digits are taken by getTraCuuThongTinHgd as soSo.
            so_so_cu: format!("{:09}", person.household.book),
            ngay_sinh: person.birth_date.compact(),
            loai_ngay_sinh: FULL_DATE,
            gioi_tinh: person.sex.insurance_code(),
            ma_tinh_ks: format!("{:02}", commune.province().code),
            ma_huyen_ks: "",
            ma_xa_ks: commune.code(),
            trang_thai: state(person),
        }
    }

    pub(super) fn of_newborn(child: &Newborn) -> Self {
        Self {
            ho_ten: child.name.to_uppercase(),
            so_so_cu: String::new(),
            ngay_sinh: child.birth_date.compact(),
            loai_ngay_sinh: FULL_DATE,
            gioi_tinh: child.sex.insurance_code(),
            ma_tinh_ks: format!("{:02}", child.commune.province().code),
            ma_huyen_ks: "",
            ma_xa_ks: child.commune.code(),
            trang_thai: IN_USE,
        }
    }
}

impl Resident {
    /// Everybody who lives with this person.
    pub(super) fn household_of(population: &Population, person: &Person) -> Vec<Self> {
        let household = person.household;
        let members = household.first..household.first.saturating_add(household.size);
        members.filter_map(|index| population.person(index)).map(|one| Self::of(&one)).collect()
    }

    fn of(person: &Person) -> Self {
        Self {
            ma_so: person.insurance_number.to_string(),
            ho_ten: person.name.upper(),
            ngay_sinh: person.birth_date.compact(),
            gioi_tinh: person.sex.insurance_code(),
            ma_ho: person.household.code.to_string(),
            dia_chi: person.permanent_address.full_text(),
            trang_thai: state(person),
        }
    }
}

pub(super) fn state(person: &Person) -> u8 {
    if person.alive { IN_USE } else { CLOSED }
}
