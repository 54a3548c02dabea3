//! Civil servants (công chức): about two adults in a hundred, employed where they live, by a
//! department of the province or by the commune.

use super::Population;
use super::date::Date;
use super::draw::Stream;
use super::territory::BLOCK_PEOPLE;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CivilServant {
    /// Agency code in the form of QĐ 20/2020 (`H26.06`; domain.md 3.1).
    pub agency_code: String,
    pub agency_name: String,
    /// Rank (ngạch).
    pub post: &'static str,
    /// Mã ngạch (TT 02/2021/TT-BNV).
    pub salary_code: &'static str,
    /// Salary step, from 1.
    pub step: u32,
    /// Hundredths: 234 is a coefficient of 2.34.
    pub coefficient: u32,
    /// First day of employment.
    pub since: Date,
}

impl Population {
    /// `None` for everybody who is not a civil servant.
    pub fn employment(&self, index: u32) -> Option<CivilServant> {
        let draw = &mut self.draw(Stream::Employment, index);
        if !draw.chance(SERVANTS_PER_MILLE) {
            return None;
        }
        let born_on = self.birth_date(index)?;
        let years = born_on.years_until(self.on).checked_sub(HIRED_AGE_MIN)?;
        let in_service = born_on.years_until(self.on) < RETIREMENT_AGE;
        if !in_service || self.death_record(index).is_some() {
            return None;
        }
        let commune = self.territory.commune(index / BLOCK_PEOPLE)?;
        let (agency_code, agency_name) = if draw.chance(550) {
            (commune.agency_code(), format!("UBND {}", commune.full_name()))
        } else {
            let (unit, name) = draw.pick(DEPARTMENTS);
            let province = commune.province();
            (format!("{}.{unit}", province.agency_code), format!("{name} {}", province.full_name()))
        };
        let served = draw.between(0, i32::from(years));
        let ranks = if served >= 15 { SENIOR_RANKS } else { JUNIOR_RANKS };
        let (post, salary_code, start, rise) = draw.weighted(ranks);
        // A step takes three years; nine to eleven of them exist.
        let step = (u32::try_from(served).unwrap_or(0) / 3 % 9) + 1;
        Some(CivilServant {
            agency_code,
            agency_name,
            post,
            salary_code,
            step,
            coefficient: start + rise * (step - 1),
            since: self
                .on
                .plus_years(-served)
                .plus_days(-draw.between(0, 360))
                .max(born_on.plus_years(18)),
        })
    }
}

/// Of those of working age; two in a hundred of all adults.
const SERVANTS_PER_MILLE: u32 = 29;
const HIRED_AGE_MIN: u16 = 22;
const RETIREMENT_AGE: u16 = 61;
/// Second-level units of a province and their names (domain.md 3.5, as merged in 2025; numbers assumed kept).
const DEPARTMENTS: &[(&str, &str)] = &[
    ("01", "Văn phòng UBND"),
    ("02", "Sở Công Thương"),
    ("03", "Sở Giáo dục và Đào tạo"),
    ("06", "Sở Khoa học và Công nghệ"),
    ("09", "Sở Nội vụ"),
    ("10", "Sở Nông nghiệp và Môi trường"),
    ("11", "Sở Tài chính"),
    ("14", "Sở Tư pháp"),
    ("15", "Sở Văn hóa, Thể thao và Du lịch"),
    ("16", "Sở Xây dựng"),
    ("17", "Sở Y tế"),
    ("18", "Thanh tra"),
];
/// Rank, code, first coefficient and rise per step (NĐ 204/2004, tables A0, A1, A2.1, A3.1).
type Rank = (&'static str, &'static str, u32, u32);
const JUNIOR_RANKS: &[(Rank, u32)] =
    &[(("Cán sự", "01.004", 210, 31), 20), (("Chuyên viên", "01.003", 234, 33), 80)];
const SENIOR_RANKS: &[(Rank, u32)] = &[
    (("Chuyên viên", "01.003", 234, 33), 60),
    (("Chuyên viên chính", "01.002", 440, 34), 36),
    (("Chuyên viên cao cấp", "01.001", 620, 36), 4),
];
