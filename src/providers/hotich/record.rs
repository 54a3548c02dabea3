//! An entry of the civil status books, out of the population or registered while the simulator runs.

use std::fmt::Write;

use serde::Serialize;

use super::dossier::{Act, Dossier, Module, Subject};
use super::unit_of;
use crate::providers::population::{
    IdentityNumber, Name, Person, Population, Province, Registration, Relative,
};

/// Field names beyond `id`, `so`, `quyenSo` and `trangSo` are assumed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// Of the dossier; of an entry of the population the identity number under which it was asked for.
    pub(super) id: String,
    pub(super) module: &'static str,
    ma_don_vi: i64,
    so: u32,
    quyen_so: String,
    trang_so: u32,
    ngay_dang_ky: String,
    noi_dang_ky: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ngay_chet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nguyen_nhan: Option<String>,
    nguoi: Vec<Party>,
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Party {
    /// `nks`, `cha`, `me`, `nkt`, `chong` or `vo`.
    vai_tro: &'static str,
    ho_ten: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    so_dinh_danh: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ngay_sinh: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gioi_tinh: Option<u8>,
}

impl Record {
    /// `None` before the dossier is registered.
    pub(super) fn of_dossier(
        population: &Population,
        dossier: &Dossier,
        now_ms: i64,
    ) -> Option<Self> {
        let entry = dossier.registration(now_ms)?;
        let mut record = Self::new(dossier.code.clone(), dossier.module, &entry);
        let party = |role, index| Some(Party::of(role, &population.person(index)?));
        match &dossier.act {
            Act::Birth { parents, child, .. } => {
                let child = child.as_ref()?;
                record.nguoi.push(Party {
                    vai_tro: "nks",
                    ho_ten: child.name.to_uppercase(),
                    so_dinh_danh: Some(child.number.to_string()),
                    ngay_sinh: Some(child.birth_date.slashed()),
                    gioi_tinh: Some(child.sex.insurance_code()),
                });
                record.nguoi.extend(parents.father.and_then(|father| party("cha", father)));
                record.nguoi.extend(parents.mother.and_then(|mother| party("me", mother)));
            }
            Act::Death { person, died_on, cause } => {
                record.ngay_chet = Some(died_on.slashed());
                record.nguyen_nhan = Some(cause.clone());
                record.nguoi.extend(party("nkt", *person));
            }
            Act::Marriage { husband, wife } => {
                record.nguoi.extend(party("chong", *husband));
                record.nguoi.extend(party("vo", *wife));
            }
        }
        Some(record)
    }

    /// The entry about a person of the population.
    pub(super) fn of_person(population: &Population, module: Module, id: &str) -> Option<Self> {
        let person = population.find(IdentityNumber::parse(id)?)?;
        match module.subject {
            Subject::Birth => {
                let birth = population.birth_record(person.index)?;
                let mut record = Self::new(id.to_owned(), module, &birth.registration);
                record.nguoi.push(Party::of("nks", &person));
                record
                    .nguoi
                    .extend(birth.father.map(|one| Party::relative(population, "cha", &one)));
                record
                    .nguoi
                    .extend(birth.mother.map(|one| Party::relative(population, "me", &one)));
                Some(record)
            }
            Subject::Death => {
                let death = population.death_record(person.index)?;
                let mut record = Self::new(id.to_owned(), module, &death.registration);
                record.ngay_chet = Some(death.died_on.slashed());
                record.nguyen_nhan = Some(death.cause.to_owned());
                record.nguoi.push(Party::of("nkt", &person));
                Some(record)
            }
            Subject::Marriage => {
                let marriage = population.marriage_record(person.index)?;
                let mut record = Self::new(id.to_owned(), module, &marriage.registration);
                record.nguoi.push(Party::relative(population, "chong", &marriage.husband));
                record.nguoi.push(Party::relative(population, "vo", &marriage.wife));
                Some(record)
            }
        }
    }

    fn new(id: String, module: Module, entry: &Registration) -> Self {
        let commune = entry.commune;
        Self {
            id,
            module: module.text(),
            ma_don_vi: unit_of(commune),
            so: entry.number,
            quyen_so: entry.book_label(),
            trang_so: entry.page,
            ngay_dang_ky: entry.on.slashed(),
            noi_dang_ky: format!(
                "UBND {}, {}",
                commune.full_name(),
                commune.province().full_name()
            ),
            ngay_chet: None,
            nguyen_nhan: None,
            nguoi: Vec::new(),
        }
    }

    pub(super) fn is_of(&self, province: &Province) -> bool {
        self.ma_don_vi / 1_000 == i64::from(province.code)
    }

    pub(super) fn number_and_day(&self) -> (String, String) {
        (self.so.to_string(), self.ngay_dang_ky.clone())
    }

    /// The paper as plain text, where a real system gives a signed PDF.
    pub(super) fn paper(&self, title: &str) -> String {
        let mut paper = format!(
            "{title}\n(bản mô phỏng, không có giá trị pháp lý)\nSố: {} Quyển số: {} Trang: {}\nNơi đăng ký: {}\nNgày đăng ký: {}\n",
            self.so, self.quyen_so, self.trang_so, self.noi_dang_ky, self.ngay_dang_ky
        );
        for party in &self.nguoi {
            let birth = party.ngay_sinh.as_deref().unwrap_or("không rõ");
            let number = party.so_dinh_danh.as_deref().unwrap_or("không rõ");
            // Writing to a string cannot fail.
            let written = writeln!(
                paper,
                "{}: {}, sinh ngày {birth}, số định danh {number}",
                party.vai_tro, party.ho_ten
            );
            debug_assert!(written.is_ok());
        }
        paper
    }
}

impl Party {
    fn of(role: &'static str, person: &Person) -> Self {
        Self {
            vai_tro: role,
            ho_ten: person.name.upper(),
            so_dinh_danh: Some(person.number.to_string()),
            ngay_sinh: Some(person.birth_date.slashed()),
            gioi_tinh: Some(person.sex.insurance_code()),
        }
    }

    /// Relatives outside the population are known by name only.
    fn relative(population: &Population, role: &'static str, relative: &Relative) -> Self {
        let person = relative.index.and_then(|index| population.person(index));
        match person {
            Some(person) => Self::of(role, &person),
            None => Self { vai_tro: role, ho_ten: Name::upper(&relative.name), ..Self::default() },
        }
    }
}
