//! Civil status (hộ tịch, domain.md 4.5): one birth record for everybody, a marriage record for
//! couples of the population, a death record for those who died in the last five years.

use super::commune::Commune;
use super::date::Date;
use super::draw::{Draw, Stream};
use super::family::{Family, Role};
use super::identity::IdentityNumber;
use super::name::Name;
use super::territory::BLOCK_PEOPLE;
use super::{Population, Relative};

/// Where a record stands: `so`, `quyenSo`, `trangSo` and the registering commune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    pub commune: Commune,
    pub on: Date,
    /// Births: unique within former province, birth year. Others: unique within commune and kind.
    pub number: u32,
    /// Books of two hundred pages, from 1.
    pub book: u32,
    pub page: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirthRecord {
    pub registration: Registration,
    pub number: IdentityNumber,
    pub name: Name,
    pub born_on: Date,
    pub father: Option<Relative>,
    pub mother: Option<Relative>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarriageRecord {
    pub registration: Registration,
    pub husband: Relative,
    pub wife: Relative,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeathRecord {
    pub registration: Registration,
    pub number: IdentityNumber,
    pub name: Name,
    pub died_on: Date,
    pub cause: &'static str,
}

impl Registration {
    fn new(commune: Commune, on: Date, number: u32) -> Self {
        let entry = number.saturating_sub(1);
        Self { commune, on, number, book: entry / BOOK_PAGES + 1, page: entry % BOOK_PAGES + 1 }
    }

    /// Quyển số: "02/2019".
    pub fn book_label(&self) -> String {
        format!("{:02}/{}", self.book, self.on.year())
    }
}

impl Population {
    /// `None` past the last person.
    pub fn birth_record(&self, index: u32) -> Option<BirthRecord> {
        let family = Family::of(self, index)?;
        let role = family.role(index)?;
        let born_on = self.birth_date_in(&family, index)?;
        let number = self.number_in(&family, index)?;
        // The law gives sixty days.
        let on =
            born_on.plus_days(self.draw(Stream::BirthRecord, index).between(1, 60)).min(self.on);
        let entry = 2 * number.serial() + u64::from(number.sex().insurance_code());
        let commune = self.origin(index, role)?.commune;
        Some(BirthRecord {
            registration: Registration::new(commune, on, u32::try_from(entry).ok()?),
            number,
            name: self.name_in(&family, role),
            born_on,
            father: family.father(role).map(|father| self.relative(&family, father)),
            mother: Family::mother(role).map(|mother| self.relative(&family, mother)),
        })
    }

    /// `None` unless the person is one of a couple of the population, living or widowed.
    pub fn marriage_record(&self, index: u32) -> Option<MarriageRecord> {
        let family = Family::of(self, index)?;
        let role = family.role(index)?;
        let (husband, wife) = match role {
            Role::Husband | Role::Wife => (Role::Husband, Role::Wife),
            Role::Grandfather | Role::Grandmother => (Role::Grandfather, Role::Grandmother),
            Role::Child(_) | Role::ParentOf(..) => return None,
        };
        let on = self.married_on(&family, husband, wife)?;
        // The marriage stands in the book of the husband's commune, under his place in it.
        let registration = self.local_registration(family.index(husband)?, on)?;
        Some(MarriageRecord {
            registration,
            husband: self.relative(&family, husband),
            wife: self.relative(&family, wife),
        })
    }

    /// `None` for the living.
    pub fn death_record(&self, index: u32) -> Option<DeathRecord> {
        let family = Family::of(self, index)?;
        let role = family.role(index)?;
        if !family.is_dead(self, role) {
            return None;
        }
        let draw = &mut Draw::new(self.seed, Stream::Death, (1 << 40) + u64::from(index));
        let died_on = self.on.plus_days(-draw.between(1, DEATH_DAYS_MAX));
        let registered_on = died_on.plus_days(draw.between(1, 15)).min(self.on);
        Some(DeathRecord {
            registration: self.local_registration(index, registered_on)?,
            number: self.number_in(&family, index)?,
            name: self.name_in(&family, role),
            died_on,
            cause: draw.pick(&["Bệnh tim mạch", "Ung thư", "Tai biến mạch máu não", "Tuổi già"]),
        })
    }

    /// After both are of age (20 and 18, Luật Hôn nhân và gia đình 2014 Art. 8), before their eldest
    /// child in the population is born.
    pub(super) fn married_on(&self, family: &Family, husband: Role, wife: Role) -> Option<Date> {
        let (his, hers) = (family.index(husband)?, family.index(wife)?);
        let eldest = if husband == Role::Husband { Role::Child(0) } else { Role::Husband };
        let of_age = self.birth_date_in(family, his)?.plus_years(20);
        let earliest = of_age.max(self.birth_date_in(family, hers)?.plus_years(18));
        let child = family.index(eldest).and_then(|child| self.birth_date_in(family, child));
        let latest = child.map_or(self.on, |born| born.plus_days(-1));
        let latest = latest.min(earliest.plus_years(MARRIAGE_WAIT_YEARS)).max(earliest);
        let key = u64::from(family.id) * 16 + husband.code();
        let days = latest.day_number() - earliest.day_number();
        Some(earliest.plus_days(Draw::new(self.seed, Stream::Marriage, key).between(0, days)))
    }

    /// Under the person's place among the people of the commune of residence.
    fn local_registration(&self, index: u32, on: Date) -> Option<Registration> {
        let commune = self.territory.commune(index / BLOCK_PEOPLE)?;
        let number = index - self.people_of(commune).start + 1;
        Some(Registration::new(commune, on, number))
    }
}

const BOOK_PAGES: u32 = 200;
/// Deaths of the last five years are on record.
const DEATH_DAYS_MAX: i32 = 1825;
const MARRIAGE_WAIT_YEARS: i32 = 9;
