//! Searches by traits instead of numbers, such as `getMaSoBhxhTheoTieuChi` (domain.md 4.4).
//!
//! A search needs a commune: the people of one commune, or those born there, can be listed without
//! looking at the rest of the country. The cost is that of reading one commune, twice that by birth
//! place: a millisecond in a country of ten million. A province or the whole country cannot be
//! searched by name.

use super::Population;
use super::commune::Commune;
use super::date::Date;
use super::family::{Family, YEAR_STEPS};
use super::territory::BLOCK_PEOPLE;
use super::traits::Sex;
use std::ops::Range;

/// Whom to look for.
#[derive(Clone, Copy, Debug)]
pub struct Traits<'a> {
    pub commune: Commune,
    pub by: SearchBy,
    /// Full name in any case, NFC.
    pub name: &'a str,
    pub birth: BirthFilter,
    /// `None` matches both.
    pub sex: Option<Sex>,
}

/// `isKs` of domain.md 4.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchBy {
    /// `isKs` 0: where the household is registered.
    Household,
    /// `isKs` 1: where the birth was registered.
    Birth,
}

/// `loaiNgaySinh` of domain.md 4.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BirthFilter {
    /// 0: the full date.
    Day(Date),
    /// 1: the year.
    Year(u16),
    /// 2: year and month.
    Month { year: u16, month: u8 },
}

impl BirthFilter {
    pub fn matches(self, date: Date) -> bool {
        match self {
            Self::Day(day) => date == day,
            Self::Year(year) => date.year() == year,
            Self::Month { year, month } => (date.year(), date.month()) == (year, month),
        }
    }

    fn year(self) -> i32 {
        match self {
            Self::Day(day) => i32::from(day.year()),
            Self::Year(year) | Self::Month { year, .. } => i32::from(year),
        }
    }
}

impl Population {
    /// Indices of everybody whose permanent address is in the commune.
    pub fn people_of(&self, commune: Commune) -> Range<u32> {
        let blocks = self.territory.commune_blocks(commune);
        let bound = |block: u32| (block * BLOCK_PEOPLE).min(self.people);
        bound(blocks.start)..bound(blocks.end)
    }

    /// Indices of everybody whose birth was registered in the commune, wherever they live.
    pub fn born_in(&self, commune: Commune) -> impl Iterator<Item = u32> {
        self.births(commune).flat_map(move |(family, migrants)| {
            family
                .members()
                .filter(move |(index, role)| self.is_migrant(*index, *role) == migrants)
                .map(|(index, _)| index)
        })
    }

    /// Indices of at most `count_max` people with these traits.
    pub fn matching(&self, traits: &Traits<'_>, count_max: usize) -> Vec<u32> {
        let mut found = Vec::new();
        match traits.by {
            SearchBy::Household => {
                for family in self.families(self.people_of(traits.commune)) {
                    found.extend(self.fitting(&family, traits));
                    if found.len() >= count_max {
                        break;
                    }
                }
            }
            SearchBy::Birth => {
                for (family, migrants) in self.births(traits.commune) {
                    let fitting = self.fitting(&family, traits);
                    found.extend(fitting.filter(|index| {
                        family
                            .role(*index)
                            .is_some_and(|role| self.is_migrant(*index, role) == migrants)
                    }));
                    if found.len() >= count_max {
                        break;
                    }
                }
            }
        }
        found.truncate(count_max);
        found
    }

    /// The families with members born in the commune: those who live there, of whom the natives count,
    /// and those with the commune as origin (`identity`), of whom the migrants count (true).
    fn births(&self, commune: Commune) -> impl Iterator<Item = (Family, bool)> {
        let natives = self.families(self.people_of(commune)).map(|family| (family, false));
        let blocks = self
            .territory
            .commune_blocks(commune)
            .filter_map(|block| u32::try_from(self.origin_blocks().invert(u64::from(block))?).ok());
        let moved = blocks.flat_map(move |block| {
            self.families(block * BLOCK_PEOPLE..((block + 1) * BLOCK_PEOPLE).min(self.people))
        });
        natives.chain(moved.map(|family| (family, true)))
    }

    /// The families of a run of whole blocks.
    fn families(&self, people: Range<u32>) -> impl Iterator<Item = Family> {
        let mut next = people.start;
        std::iter::from_fn(move || {
            let family = (next < people.end).then(|| Family::of(self, next))??;
            next = family.members().last().map_or(people.end, |(last, _)| last + 1);
            Some(family)
        })
    }

    fn fitting(&self, family: &Family, traits: &Traits<'_>) -> impl Iterator<Item = u32> {
        family.members().filter_map(|(index, role)| {
            // The cheapest question first: most people differ in the years they may be born in.
            let window = family.birth_window(role);
            let fits = (window..window + YEAR_STEPS).contains(&traits.birth.year())
                && traits.sex.is_none_or(|sex| self.sex_of(family, role) == sex)
                && self.birth_date_in(family, index).is_some_and(|date| traits.birth.matches(date))
                && self.name_in(family, role).matches(traits.name);
            fits.then_some(index)
        })
    }
}
