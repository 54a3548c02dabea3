//! Identity numbers that lead back to the person without a table.
//!
//! A number is three digits of birth place, one of century and sex, two of birth year and six of
//! serial (TT 07/2016/TT-BCA). Everybody has an *origin*: a place in the layout of `territory` that
//! says where they were born. Natives have their own place; migrants have the same place in another
//! block, by a bijection of the blocks. The offset of the origin within its former province is
//! `step * SERIALS + rest`: the serial is a bijection of `rest`, upper half for migrants, and the birth
//! year has `step` as its remainder modulo four. Hence the number gives the origin, the origin the
//! index: one probe. Two people cannot share a number: offset, half and place differ, or the years do.

use super::Population;
use super::commune::Commune;
use super::draw::{Draw, Shuffle, Stream};
use super::family::{Family, Role, YEAR_STEPS};
use super::province::{Area, PROVINCES, Province};
use super::territory::BLOCK_PEOPLE;
use super::traits::Sex;
use std::fmt;

/// Số định danh cá nhân: twelve digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityNumber(u64);

/// Số chứng minh nhân dân: the nine digits of the old card.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OldNumber(u32);

impl IdentityNumber {
    /// Twelve ASCII digits; the number need not be anybody's.
    pub fn parse(text: &str) -> Option<Self> {
        digits(text, 12).map(Self)
    }

    /// Code of the former province of birth.
    pub fn place(self) -> u16 {
        u16::try_from(self.0 / 1_000_000_000).unwrap_or(u16::MAX)
    }

    pub fn sex(self) -> Sex {
        if self.century_and_sex().is_multiple_of(2) { Sex::Male } else { Sex::Female }
    }

    pub fn birth_year(self) -> i32 {
        let century = 1900 + 100 * (self.century_and_sex() / 2);
        i32::try_from(century + self.0 / 1_000_000 % 100).unwrap_or(0)
    }

    fn century_and_sex(self) -> u64 {
        self.0 / 100_000_000 % 10
    }

    pub(super) fn serial(self) -> u64 {
        self.0 % (2 * SERIALS)
    }

    fn compose(place: u16, sex: Sex, birth_year: i32, serial: u64) -> Self {
        let year = u64::try_from(birth_year - 1900).unwrap_or(0);
        let century_and_sex = 2 * (year / 100) + u64::from(sex == Sex::Female);
        Self(
            u64::from(place) * 1_000_000_000
                + century_and_sex * 100_000_000
                + year % 100 * 1_000_000
                + serial,
        )
    }
}

impl OldNumber {
    /// Nine ASCII digits; the number need not be anybody's.
    pub fn parse(text: &str) -> Option<Self> {
        digits(text, 9).and_then(|number| u32::try_from(number).ok()).map(Self)
    }
}

impl fmt::Display for IdentityNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:012}", self.0)
    }
}

impl fmt::Debug for IdentityNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Display for OldNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:09}", self.0)
    }
}

impl fmt::Debug for OldNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The value of exactly `count` ASCII digits.
pub(super) fn digits(text: &str, count: usize) -> Option<u64> {
    let fits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

/// Where a person was born, and what that fixes in the identity number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) commune: Commune,
    place: u16,
    serial: u64,
    /// The birth year modulo `YEAR_STEPS`.
    year_step: u64,
}

impl Population {
    /// `None` past the last person.
    pub fn identity_number(&self, index: u32) -> Option<IdentityNumber> {
        let family = Family::of(self, index)?;
        self.number_in(&family, index)
    }

    /// The person with this number; costs the same whatever the size of the population.
    pub fn find_index(&self, number: IdentityNumber) -> Option<u32> {
        let (province, area) = area_by_code(number.place())?;
        let blocks = self.territory.area_blocks(province, area);
        let migrant = number.serial() >= SERIALS;
        let rest = self.serials(area.identity_code).invert(number.serial() % SERIALS)?;
        let year = u64::try_from(number.birth_year()).ok()?;
        let shift = self.year_shift(area.identity_code, rest, migrant);
        let step = (year + STEPS - shift) % STEPS;
        let offset = u32::try_from(step * SERIALS + rest).ok()?;
        let origin = (blocks.start * BLOCK_PEOPLE).checked_add(offset)?;
        let block = origin / BLOCK_PEOPLE;
        let block = if migrant {
            u32::try_from(self.origin_blocks().invert(u64::from(block))?).ok()?
        } else {
            block
        };
        let index = block.checked_mul(BLOCK_PEOPLE)? + origin % BLOCK_PEOPLE;
        (self.identity_number(index)? == number).then_some(index)
    }

    /// People born before 2000 and grown up had a nine-digit card.
    pub fn old_number(&self, index: u32) -> Option<OldNumber> {
        self.old_number_in(&Family::of(self, index)?, index)
    }

    pub(super) fn old_number_in(&self, family: &Family, index: u32) -> Option<OldNumber> {
        let role = family.role(index)?;
        let year = birth_year(family, role, &self.origin(index, role)?);
        let had_card = year < 2000 && self.year() - year > 18;
        had_card
            .then(|| self.old_numbers().apply(u64::from(index)))?
            .and_then(|number| u32::try_from(number).ok().map(OldNumber))
    }

    pub fn find_index_by_old_number(&self, number: OldNumber) -> Option<u32> {
        let index = u32::try_from(self.old_numbers().invert(u64::from(number.0))?).ok()?;
        (self.old_number(index)? == number).then_some(index)
    }

    pub(super) fn number_in(&self, family: &Family, index: u32) -> Option<IdentityNumber> {
        let role = family.role(index)?;
        let origin = self.origin(index, role)?;
        let year = birth_year(family, role, &origin);
        Some(IdentityNumber::compose(origin.place, self.sex_of(family, role), year, origin.serial))
    }

    pub(super) fn origin(&self, index: u32, role: Role) -> Option<Origin> {
        let migrant = self.is_migrant(index, role);
        let home = index / BLOCK_PEOPLE;
        let block = if migrant {
            u32::try_from(self.origin_blocks().apply(u64::from(home))?).ok()?
        } else {
            home
        };
        let commune = self.territory.commune(block)?;
        let area = commune.area()?;
        let first = self.territory.area_blocks(commune.province(), area).start * BLOCK_PEOPLE;
        let offset = u64::from((block * BLOCK_PEOPLE + index % BLOCK_PEOPLE).checked_sub(first)?);
        let (step, rest) = (offset / SERIALS, offset % SERIALS);
        let place = area.identity_code;
        let half = if migrant { SERIALS } else { 0 };
        let serial = self.serials(place).apply(rest)? + half;
        let year_step = (step + self.year_shift(place, rest, migrant)) % STEPS;
        Some(Origin { commune, place, serial, year_step })
    }

    /// Children are born where the household lives; one adult in eight came from elsewhere.
    pub(super) fn is_migrant(&self, index: u32, role: Role) -> bool {
        !matches!(role, Role::Child(_))
            && Draw::new(self.seed, Stream::Migrant, u64::from(index)).chance(MIGRANTS_PER_MILLE)
    }

    /// From the block a migrant lives in to the block of the birth place.
    pub(super) fn origin_blocks(&self) -> Shuffle {
        Shuffle::new(self.seed, Stream::OriginBlock, 0, u64::from(self.territory.blocks()))
    }

    fn serials(&self, place: u16) -> Shuffle {
        Shuffle::new(self.seed, Stream::IdentitySerial, u64::from(place), SERIALS)
    }

    /// Spreads the four remainders over the people of a place; equal for equal `rest`, so that different
    /// steps always give different years.
    fn year_shift(&self, place: u16, rest: u64, migrant: bool) -> u64 {
        let key = u64::from(place) * 2 * SERIALS + 2 * rest + u64::from(migrant);
        Draw::new(self.seed, Stream::IdentityYear, key).next() % STEPS
    }

    fn old_numbers(&self) -> Shuffle {
        Shuffle::new(self.seed, Stream::OldNumber, 0, 1_000_000_000)
    }
}

/// The year of the birth window that has the remainder the number needs.
pub(super) fn birth_year(family: &Family, role: Role, origin: &Origin) -> i32 {
    let window = family.birth_window(role);
    let step = i32::try_from(origin.year_step).unwrap_or(0);
    window + (step - window).rem_euclid(YEAR_STEPS)
}

fn area_by_code(code: u16) -> Option<(&'static Province, &'static Area)> {
    let areas = PROVINCES.iter().flat_map(|one| one.areas.iter().map(move |area| (one, area)));
    areas.into_iter().find(|(_, area)| area.identity_code == code)
}

/// Half of the six-digit serials: one half for natives, one for migrants.
const SERIALS: u64 = 500_000;
/// `YEAR_STEPS`, unsigned. With `SERIALS` it bounds a former province to two million people.
const STEPS: u64 = YEAR_STEPS.unsigned_abs() as u64;
const MIGRANTS_PER_MILLE: u32 = 125;

#[cfg(test)]
mod tests {
    use super::super::{Date, PEOPLE_MAX};
    use super::*;

    #[test]
    fn every_former_province_fits_its_serials_at_the_largest_size() {
        let on = Date::new(2026, 1, 1).unwrap();
        let population = Population::new(1, PEOPLE_MAX, on).unwrap();
        for (province, area) in PROVINCES.iter().flat_map(|p| p.areas.iter().map(move |a| (p, a))) {
            let blocks = population.territory.area_blocks(province, area);
            let people = u64::try_from(blocks.len()).unwrap() * u64::from(BLOCK_PEOPLE);
            assert!(people <= STEPS * SERIALS, "{}: {people}", area.name);
        }
    }

    #[test]
    fn only_plain_digits_are_numbers() {
        for bad in
            ["", "00109900000", "0010990000011", "00109900000a", "+01099000001", " 01099000001"]
        {
            assert_eq!(IdentityNumber::parse(bad), None, "{bad}");
        }
        assert_eq!(OldNumber::parse("12345678"), None);
        assert_eq!(OldNumber::parse("012345678").unwrap().to_string(), "012345678");
        let number = IdentityNumber::parse("079303000042").unwrap();
        assert_eq!((number.place(), number.sex(), number.birth_year()), (79, Sex::Female, 2003));
        assert_eq!(number.to_string(), "079303000042");
    }
}
