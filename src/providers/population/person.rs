//! A person as the population database answers (domain.md 4.2), put together from the traits.

use super::address::address_detail;
use super::commune::Commune;
use super::date::Date;
use super::draw::{Draw, Shuffle, Stream};
use super::family::{Family, Role};
use super::identity::{IdentityNumber, OldNumber, birth_year, digits};
use super::name::{Name, family_name};
use super::province::Province;
use super::territory::BLOCK_PEOPLE;
use super::traits::{BloodGroup, EthnicGroup, MaritalStatus, RelationToHead, Religion, Sex};
use super::{HouseholdCode, InsuranceNumber, Population, TaxCode};

/// One person. Those who died lately are still on record, with `alive` false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    pub index: u32,
    /// Số định danh.
    pub number: IdentityNumber,
    /// Số CMND.
    pub old_number: Option<OldNumber>,
    pub name: Name,
    pub sex: Sex,
    pub birth_date: Date,
    pub ethnic_group: EthnicGroup,
    pub religion: Religion,
    pub marital_status: MaritalStatus,
    pub blood_group: BloodGroup,
    /// Nơi đăng ký khai sinh; its former province is the place in the identity number.
    pub birth_place: Place,
    /// Quê quán.
    pub home_town: Place,
    /// Thường trú, that of the whole household.
    pub permanent_address: Place,
    /// Nơi ở hiện tại.
    pub current_address: Place,
    /// Country code of the nationality.
    pub nationality: &'static str,
    /// `None` for a child born out of marriage.
    pub father: Option<Relative>,
    pub mother: Option<Relative>,
    /// Also a late spouse; `None` for single and divorced people.
    pub spouse: Option<Relative>,
    pub relation_to_head: RelationToHead,
    pub household: Household,
    pub insurance_number: InsuranceNumber,
    /// Ten-digit tax code used before 1/7/2025; since then it is `number`.
    pub old_tax_code: TaxCode,
    /// From 15 years; in a range of numbers not in use since 2018.
    pub phone: Option<String>,
    pub email: Option<String>,
    pub alive: bool,
}

/// A relative on record: by number when in the population, else by name only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relative {
    pub name: Name,
    pub index: Option<u32>,
    pub number: Option<IdentityNumber>,
    pub old_number: Option<OldNumber>,
    pub deceased: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub commune: Commune,
    /// House, street or hamlet; empty where the record knows no more than the commune.
    pub detail: String,
}

/// People who live together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Household {
    /// Index of its first person; the others follow.
    pub first: u32,
    pub size: u32,
    /// Index of the head (chủ hộ).
    pub head: u32,
    /// Số sổ hộ khẩu: nine digits.
    pub book: u32,
    /// `maHo` of social insurance (domain.md 4.4).
    pub code: HouseholdCode,
}

impl Place {
    pub fn province(&self) -> &'static Province {
        self.commune.province()
    }

    /// "Số 5, tổ 2, Phường Tân Hưng, Thành phố Hà Nội".
    pub fn full_text(&self) -> String {
        let comma = if self.detail.is_empty() { "" } else { ", " };
        let place = self.commune.full_name();
        format!("{}{comma}{place}, {}", self.detail, self.province().full_name())
    }

    fn bare(commune: Commune) -> Self {
        Self { commune, detail: String::new() }
    }
}

impl Population {
    /// `None` past the last person.
    pub fn person(&self, index: u32) -> Option<Person> {
        let family = Family::of(self, index)?;
        let role = family.role(index)?;
        let household_key = u64::from(family.id);
        let origin = self.origin(index, role)?;
        let birth_date = self.birth_date_in(&family, index)?;
        let grown = birth_date.years_until(self.on) >= 15;
        let permanent_address = self.household_address(&family)?;
        Some(Person {
            index,
            number: self.number_in(&family, index)?,
            old_number: self.old_number_in(&family, index),
            name: self.name_in(&family, role),
            sex: self.sex_of(&family, role),
            birth_date,
            ethnic_group: self.ethnic_group(&family, line_of(&family, role)),
            religion: Religion::draw(&mut Draw::new(self.seed, Stream::Religion, household_key)),
            marital_status: family.marital_status(self, role),
            blood_group: BloodGroup::draw(&mut self.draw(Stream::BloodGroup, index)),
            birth_place: Place::bare(origin.commune),
            home_town: self.home_town(&family, role)?,
            current_address: self.current_address(index, &permanent_address),
            permanent_address,
            nationality: "VN",
            father: family.father(role).map(|father| self.relative(&family, father)),
            mother: Family::mother(role).map(|mother| self.relative(&family, mother)),
            spouse: self.spouse(&family, role),
            relation_to_head: family.relation(self, role),
            household: self.household_in(&family)?,
            insurance_number: self.insurance_number(index)?,
            old_tax_code: self.old_tax_code(index)?,
            phone: if grown { self.phone(index) } else { None },
            email: grown.then(|| format!("cong-dan-{index:08}@hop-thu.example")),
            alive: !family.is_dead(self, role),
        })
    }

    pub fn find(&self, number: IdentityNumber) -> Option<Person> {
        self.person(self.find_index(number)?)
    }

    pub fn find_by_old_number(&self, number: OldNumber) -> Option<Person> {
        self.person(self.find_index_by_old_number(number)?)
    }

    /// `None` past the last person.
    pub fn name(&self, index: u32) -> Option<Name> {
        let family = Family::of(self, index)?;
        Some(self.name_in(&family, family.role(index)?))
    }

    /// `None` past the last person.
    pub fn birth_date(&self, index: u32) -> Option<Date> {
        self.birth_date_in(&Family::of(self, index)?, index)
    }

    /// The household a person belongs to.
    pub fn household(&self, index: u32) -> Option<Household> {
        self.household_in(&Family::of(self, index)?)
    }

    /// By the nine digits of the household book.
    pub fn find_household_by_book(&self, book: &str) -> Option<Household> {
        let first = u32::try_from(self.books().invert(digits(book, 9)?)?).ok()?;
        self.household(first).filter(|household| household.first == first)
    }

    pub(super) fn draw(&self, stream: Stream, index: u32) -> Draw {
        Draw::new(self.seed, stream, u64::from(index))
    }

    pub(super) fn sex_of(&self, family: &Family, role: Role) -> Sex {
        let child = || {
            let key = u64::from(family.id) * 16 + role.code();
            let boy = Draw::new(self.seed, Stream::ChildSex, key).chance(520);
            if boy { Sex::Male } else { Sex::Female }
        };
        role.fixed_sex().unwrap_or_else(child)
    }

    pub(super) fn birth_date_in(&self, family: &Family, index: u32) -> Option<Date> {
        let role = family.role(index)?;
        let year = birth_year(family, role, &self.origin(index, role)?);
        let first = Date::new(u16::try_from(year).ok()?, 1, 1)?;
        // Nobody is born after the day of the population.
        let days = (self.on.day_number() - first.day_number() + 1)
            .min(first.plus_years(1).day_number() - first.day_number());
        Some(first.plus_days(self.draw(Stream::BirthDay, index).between(0, days - 1)))
    }

    /// Relatives outside the population have names as well.
    pub(super) fn name_in(&self, family: &Family, role: Role) -> Name {
        let key = u64::from(family.id) * 16 + role.code();
        let given = &mut Draw::new(self.seed, Stream::GivenName, key);
        Name::new(self.family_name(family, role), self.sex_of(family, role), given)
    }

    pub(super) fn family_name(&self, family: &Family, role: Role) -> &'static str {
        let line = line_of(family, role);
        let key = u64::from(family.id) * 8 + line;
        let group = self.ethnic_group(family, line);
        family_name(group.code, &mut Draw::new(self.seed, Stream::FamilyName, key))
    }

    pub(super) fn relative(&self, family: &Family, role: Role) -> Relative {
        let index = family.index(role);
        let deceased = match index {
            Some(_) => family.is_dead(self, role),
            None => family.is_absent_dead(self, role),
        };
        Relative {
            name: self.name_in(family, role),
            index,
            number: index.and_then(|index| self.number_in(family, index)),
            old_number: index.and_then(|index| self.old_number_in(family, index)),
            deceased,
        }
    }

    pub(super) fn household_address(&self, family: &Family) -> Option<Place> {
        let commune = self.territory.commune(family.id / BLOCK_PEOPLE)?;
        let draw = &mut self.draw(Stream::Address, family.id);
        Some(Place { commune, detail: address_detail(commune, draw) })
    }

    /// The commune of some block of the country.
    pub(super) fn any_commune(&self, draw: &mut Draw) -> Option<Commune> {
        self.territory.commune(draw.below(self.territory.blocks()))
    }

    fn spouse(&self, family: &Family, role: Role) -> Option<Relative> {
        let status = family.marital_status(self, role);
        let on_record = matches!(status, MaritalStatus::Married | MaritalStatus::Widowed);
        let partner = role.partner().filter(|_| on_record)?;
        Some(self.relative(family, partner))
    }

    fn ethnic_group(&self, family: &Family, line: u64) -> EthnicGroup {
        let Some(commune) = self.territory.commune(family.id / BLOCK_PEOPLE) else {
            return EthnicGroup::KINH;
        };
        let draw = &mut Draw::new(self.seed, Stream::Ethnicity, u64::from(family.id));
        let own = EthnicGroup::draw(commune.province().minorities, draw);
        // One wife in twelve comes from whatever group the province has.
        let mixed = draw.chance(80);
        let other = EthnicGroup::draw(commune.province().minorities, draw);
        if mixed && matches!(line, 1 | 3) { other } else { own }
    }

    fn home_town(&self, family: &Family, role: Role) -> Option<Place> {
        let draw = &mut Draw::new(
            self.seed,
            Stream::HomeTown,
            u64::from(family.id) * 8 + line_of(family, role),
        );
        let home = self.territory.commune(family.id / BLOCK_PEOPLE)?;
        let from_here = draw.chance(700);
        Some(Place::bare(if from_here { home } else { self.any_commune(draw)? }))
    }

    fn current_address(&self, index: u32, permanent: &Place) -> Place {
        let draw = &mut self.draw(Stream::CurrentAddress, index);
        let elsewhere = if draw.chance(60) { self.any_commune(draw) } else { None };
        elsewhere.map_or_else(
            || permanent.clone(),
            |commune| Place { commune, detail: address_detail(commune, draw) },
        )
    }

    fn household_in(&self, family: &Family) -> Option<Household> {
        Some(Household {
            first: family.id,
            size: u32::try_from(family.members().count()).ok()?,
            head: family.index(family.head(self))?,
            book: u32::try_from(self.books().apply(u64::from(family.id))?).ok()?,
            code: self.household_code(family.id)?,
        })
    }

    fn books(&self) -> Shuffle {
        Shuffle::new(self.seed, Stream::HouseholdBook, 0, 1_000_000_000)
    }

    fn phone(&self, index: u32) -> Option<String> {
        // Mobile numbers beginning 01 went out of use in 2018.
        let numbers = Shuffle::new(self.seed, Stream::Phone, 0, 100_000_000);
        numbers.apply(u64::from(index)).map(|number| format!("01{number:08}"))
    }
}

/// A child born out of marriage bears the mother's name and belongs to her people.
fn line_of(family: &Family, role: Role) -> u64 {
    let unmarried = matches!(role, Role::Child(_)) && family.father(role).is_none();
    if unmarried { Role::Wife.line() } else { role.line() }
}
