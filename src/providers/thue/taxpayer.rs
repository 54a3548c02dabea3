//! A taxpayer: an enterprise by its ten digits, a person by the identity number or the ten digits used before.

use serde::Serialize;

use crate::providers::population::{
    Date, Enterprise, EnterpriseStatus, Person, Population, TaxCode,
};

#[derive(Debug)]
pub(super) enum Taxpayer {
    Person(Box<Person>),
    Enterprise(Box<Enterprise>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Told {
    ma_so_thue: String,
    /// Before 1/7/2025.
    ma_so_thue_cu: Option<String>,
    loai: &'static str,
    ten: String,
    ngay_sinh: Option<String>,
    gioi_tinh: Option<&'static str>,
    ngay_thanh_lap: Option<String>,
    dia_chi: String,
    co_quan_thue: String,
    trang_thai: &'static str,
}

impl Taxpayer {
    pub(super) fn find(population: &Population, code: &str) -> Option<Self> {
        if let Some(index) = population.find_by_tax_code(code) {
            return population.person(index).map(Box::new).map(Self::Person);
        }
        let enterprise = population.find_enterprise(TaxCode::parse(code)?)?;
        Some(Self::Enterprise(Box::new(enterprise)))
    }

    /// Whether name and birth date are those of the taxpayer, where they are given.
    pub(super) fn agrees(&self, name: Option<&str>, birth_date: Option<Date>) -> bool {
        match self {
            Self::Person(person) => {
                name.is_none_or(|name| person.name.matches(name))
                    && birth_date.is_none_or(|date| person.birth_date == date)
            }
            Self::Enterprise(enterprise) => {
                let same = |name: &str| name.to_lowercase() == enterprise.name.to_lowercase();
                name.is_none_or(same) && birth_date.is_none()
            }
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::Person(person) => person.name.upper(),
            Self::Enterprise(enterprise) => enterprise.name.to_uppercase(),
        }
    }

    pub(super) fn told(&self) -> Told {
        match self {
            Self::Person(person) => Told {
                ma_so_thue: person.number.to_string(),
                ma_so_thue_cu: Some(person.old_tax_code.to_string()),
                loai: "Cá nhân",
                ten: self.name(),
                ngay_sinh: Some(person.birth_date.slashed()),
                gioi_tinh: Some(person.sex.label()),
                ngay_thanh_lap: None,
                dia_chi: person.permanent_address.full_text(),
                co_quan_thue: format!("Thuế {}", person.permanent_address.province().full_name()),
                trang_thai: if person.alive { ACTIVE } else { CLOSED },
            },
            Self::Enterprise(enterprise) => Told {
                ma_so_thue: enterprise.code.to_string(),
                ma_so_thue_cu: None,
                loai: "Doanh nghiệp",
                ten: self.name(),
                ngay_sinh: None,
                gioi_tinh: None,
                ngay_thanh_lap: Some(enterprise.founded_on.slashed()),
                dia_chi: enterprise.address.full_text(),
                co_quan_thue: format!("Thuế {}", enterprise.address.province().full_name()),
                trang_thai: match enterprise.status {
                    EnterpriseStatus::Active => ACTIVE,
                    EnterpriseStatus::Suspended => SUSPENDED,
                    EnterpriseStatus::Dissolved => CLOSED,
                },
            },
        }
    }
}

const ACTIVE: &str = "NNT đang hoạt động";
const SUSPENDED: &str = "NNT tạm nghỉ kinh doanh có thời hạn";
const CLOSED: &str = "NNT ngừng hoạt động và đã đóng mã số thuế";
