//! Commune-level units (xã, phường, đặc khu): as many as each province really has, under invented
//! names and codes. A code says where its commune is: two digits of province, three of its number.

use super::draw::{Shuffle, Stream};
use super::province::{Area, Province};
use std::fmt;
use std::ops::Range;

/// One commune-level unit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Commune {
    province: &'static Province,
    number: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommuneKind {
    Rural,
    Ward,
    Special,
}

impl Commune {
    /// `number` runs from 1 to `Province::communes`.
    pub fn new(province: &'static Province, number: u16) -> Option<Self> {
        (1..=province.communes()).contains(&number).then_some(Self { province, number })
    }

    /// Reads five digits.
    pub fn by_code(code: &str) -> Option<Self> {
        let all_digits = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit());
        all_digits.then_some(())?;
        let province = Province::by_code(code.get(..2)?.parse().ok()?)?;
        Self::new(province, code.get(2..)?.parse().ok()?)
    }

    /// Five digits.
    pub fn code(self) -> String {
        format!("{:02}{:03}", self.province.code, self.number)
    }

    pub fn province(self) -> &'static Province {
        self.province
    }

    /// Within the province, from 1.
    pub fn number(self) -> u16 {
        self.number
    }

    pub fn kind(self) -> CommuneKind {
        let place = self.number - 1;
        let regular = self.province.rural + self.province.wards;
        if place >= regular {
            CommuneKind::Special
        } else if wards_before(self.province, place + 1) > wards_before(self.province, place) {
            CommuneKind::Ward
        } else {
            CommuneKind::Rural
        }
    }

    /// The name alone: two syllables, unique within the province.
    pub fn name(self) -> String {
        let count = FIRST_SYLLABLES.len() * SECOND_SYLLABLES.len();
        // Names belong to the country, not to one population: the seed is fixed.
        let names = Shuffle::new(
            0,
            Stream::CommuneName,
            u64::from(self.province.code),
            u64::try_from(count).unwrap_or(1),
        );
        let name = names.apply(u64::from(self.number)).unwrap_or(0);
        let name = usize::try_from(name).unwrap_or(0);
        let first = FIRST_SYLLABLES.get(name / SECOND_SYLLABLES.len()).copied().unwrap_or_default();
        let second =
            SECOND_SYLLABLES.get(name % SECOND_SYLLABLES.len()).copied().unwrap_or_default();
        format!("{first} {second}")
    }

    /// With its kind: "Phường Tân Hưng".
    pub fn full_name(self) -> String {
        format!("{} {}", self.kind().label(), self.name())
    }

    /// Agency code of its People's Committee, `H26.101` for the first: three digits as in the real
    /// `H55.242` (domain.md 3.1); the numbers are invented.
    pub fn agency_code(self) -> String {
        format!("{}.{}", self.province.agency_code, 100 + self.number)
    }

    /// The former province on whose land it lies; `None` never happens for a province with areas.
    pub fn area(self) -> Option<&'static Area> {
        let mut areas = self.province.areas.iter();
        areas.find(|area| area_communes(self.province, area).contains(&(self.number - 1)))
    }

    /// How much of the province lives in the communes before `place` (from 0): a ward counts twice.
    pub(super) fn weight_before(province: &Province, place: u16) -> u32 {
        u32::from(place) + u32::from(wards_before(province, place))
    }
}

impl CommuneKind {
    pub fn label(self) -> &'static str {
        match self {
            Self::Rural => "Xã",
            Self::Ward => "Phường",
            Self::Special => "Đặc khu",
        }
    }
}

impl fmt::Debug for Commune {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.code())
    }
}

/// Places (from 0) of the communes on the land of a former province: a run in proportion to its people.
pub(super) fn area_communes(province: &Province, area: &Area) -> Range<u16> {
    let before: u32 = province
        .areas
        .iter()
        .take_while(|one| one.identity_code != area.identity_code)
        .map(|one| one.population)
        .sum();
    let bound = |people: u32| {
        let place = u32::from(province.communes()) * people / province.population().max(1);
        u16::try_from(place).unwrap_or(u16::MAX)
    };
    bound(before)..bound(before + area.population)
}

/// Wards are spread evenly over the numbers; special units come last.
fn wards_before(province: &Province, place: u16) -> u16 {
    let regular = u32::from(province.rural + province.wards).max(1);
    let place = u32::from(place).min(regular);
    u16::try_from(place * u32::from(province.wards) / regular).unwrap_or(0)
}

const FIRST_SYLLABLES: [&str; 20] = [
    "An", "Bình", "Đông", "Tây", "Hòa", "Hưng", "Long", "Mỹ", "Ngọc", "Phú", "Quang", "Sơn", "Tân",
    "Thanh", "Thuận", "Tiên", "Trung", "Vĩnh", "Xuân", "Yên",
];
const SECOND_SYLLABLES: [&str; 18] = [
    "Bảo",
    "Cát",
    "Điền",
    "Đức",
    "Giang",
    "Hà",
    "Hải",
    "Khánh",
    "Lạc",
    "Lâm",
    "Lộc",
    "Minh",
    "Nghĩa",
    "Phong",
    "Thạnh",
    "Thịnh",
    "Trạch",
    "Trường",
];

#[cfg(test)]
mod tests {
    use super::super::province::PROVINCES;
    use super::*;
    use std::collections::BTreeSet;

    fn all() -> impl Iterator<Item = Commune> {
        PROVINCES.iter().flat_map(|p| (1..=p.communes()).filter_map(|n| Commune::new(p, n)))
    }

    #[test]
    fn communes_are_as_many_and_as_kinded_as_in_law() {
        let of = |kind| all().filter(|commune| commune.kind() == kind).count();
        assert_eq!(of(CommuneKind::Rural), 2621);
        assert_eq!(of(CommuneKind::Ward), 687);
        assert_eq!(of(CommuneKind::Special), 13);
    }

    #[test]
    fn a_code_leads_back_and_a_name_is_unique_in_its_province() {
        let mut names = BTreeSet::new();
        for commune in all() {
            assert_eq!(Commune::by_code(&commune.code()), Some(commune));
            assert!(names.insert((commune.province().code, commune.name())));
            let area = commune.area().unwrap();
            assert!(commune.province().areas.contains(area));
        }
        for bad in ["", "01000", "01127", "02001", "0100١", "010010", "+1001"] {
            assert_eq!(Commune::by_code(bad), None, "{bad}");
        }
    }
}
