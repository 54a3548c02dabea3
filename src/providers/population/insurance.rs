//! Numbers of social insurance (domain.md 4.4): the ten-digit BHXH number, the household code and the
//! fifteen characters of the health insurance card.

use super::draw::{Shuffle, Stream};
use super::identity::digits;
use super::territory::BLOCK_PEOPLE;
use super::{Household, Population};
use std::fmt;

/// Mã số BHXH: ten digits, one for every person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InsuranceNumber(u64);

/// `maHo`: ten digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HouseholdCode(u64);

/// Mã thẻ BHYT: group of the insured, level of benefit, province, BHXH number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthCard {
    /// Two letters (QĐ 1351/QĐ-BHXH).
    pub group: &'static str,
    /// 1 is the best, 4 the ordinary.
    pub benefit: u8,
    /// Two-digit code of the province that issued it.
    pub province: u8,
    pub number: InsuranceNumber,
}

impl InsuranceNumber {
    /// Ten ASCII digits; the number need not be anybody's.
    pub fn parse(text: &str) -> Option<Self> {
        digits(text, 10).map(Self)
    }
}

impl HouseholdCode {
    /// Ten ASCII digits; the code need not be any household's.
    pub fn parse(text: &str) -> Option<Self> {
        digits(text, 10).map(Self)
    }
}

impl Population {
    /// `None` past the last person.
    pub fn insurance_number(&self, index: u32) -> Option<InsuranceNumber> {
        (index < self.people)
            .then(|| self.insurance_numbers().apply(u64::from(index)))?
            .map(InsuranceNumber)
    }

    pub fn find_by_insurance_number(&self, number: InsuranceNumber) -> Option<u32> {
        let index = u32::try_from(self.insurance_numbers().invert(number.0)?).ok()?;
        (index < self.people).then_some(index)
    }

    pub fn find_household_by_code(&self, code: HouseholdCode) -> Option<Household> {
        let first = u32::try_from(self.household_codes().invert(code.0)?).ok()?;
        self.household(first).filter(|household| household.first == first)
    }

    /// `None` past the last person and for people who have died.
    pub fn health_card(&self, index: u32) -> Option<HealthCard> {
        if self.death_record(index).is_some() {
            return None;
        }
        let age = self.birth_date(index)?.years_until(self.on);
        let draw = &mut self.draw(Stream::HealthCard, index);
        let (group, benefit) = match age {
            0..6 => ("TE", 1),
            _ if self.employment(index).is_some() => ("HC", 4),
            6..22 => ("HS", 4),
            80.. => ("BT", 2),
            60.. => draw.weighted(&[(("HT", 3), 40), (("GD", 4), 60)]),
            22..60 => draw.weighted(&[(("DN", 4), 55), (("GD", 4), 38), (("HN", 1), 7)]),
        };
        let province = self.territory.commune(index / BLOCK_PEOPLE)?.province().code;
        Some(HealthCard { group, benefit, province, number: self.insurance_number(index)? })
    }

    /// By the fifteen characters of a card that is in force.
    pub fn find_by_health_card(&self, card: &str) -> Option<u32> {
        let number = InsuranceNumber::parse(card.get(5..)?)?;
        let index = self.find_by_insurance_number(number)?;
        (self.health_card(index)?.to_string() == card).then_some(index)
    }

    pub(super) fn household_code(&self, first: u32) -> Option<HouseholdCode> {
        self.household_codes().apply(u64::from(first)).map(HouseholdCode)
    }

    fn insurance_numbers(&self) -> Shuffle {
        Shuffle::new(self.seed, Stream::InsuranceNumber, 0, TEN_DIGITS)
    }

    fn household_codes(&self) -> Shuffle {
        Shuffle::new(self.seed, Stream::HouseholdCode, 0, TEN_DIGITS)
    }
}

impl fmt::Display for InsuranceNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:010}", self.0)
    }
}

impl fmt::Debug for InsuranceNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Display for HouseholdCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:010}", self.0)
    }
}

impl fmt::Debug for HouseholdCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl fmt::Display for HealthCard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}{:02}{}", self.group, self.benefit, self.province, self.number)
    }
}

const TEN_DIGITS: u64 = 10_000_000_000;
