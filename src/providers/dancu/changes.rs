//! The bulk change feed (domain.md 4.2): whose record changed on which day. A population is computed, not stored, and
//! stands still on one day; so the feed draws the people who changed and gives their records as they are (assumed).

use super::super::seed;
use super::super::soap::Xml;
use super::record;
use crate::providers::population::{Date, PEOPLE_MAX, Population};

/// Assumed: of so many people one changes on a day.
const PEOPLE_PER_CHANGE: u32 = 2_000;
/// A prime above `PEOPLE_MAX`: steps of it meet nobody twice.
const STEP: u64 = 32_452_843;
const _: () = assert!(STEP > PEOPLE_MAX as u64);

/// Which rows of the feed are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) first: Date,
    /// Included; before `first` when all of the window lies ahead.
    pub(super) last: Date,
    pub(super) kind: ChangeKind,
    /// From 1.
    pub(super) page: u32,
    pub(super) rows: u32,
}

/// `Loai`; its codes are assumed.
#[derive(Clone, Copy, Debug)]
pub(super) enum ChangeKind {
    /// 1: thông tin nhân thân.
    Personal,
    /// 2: nơi cư trú.
    Residence,
}

impl ChangeKind {
    pub(super) fn parse(code: &str) -> Option<Self> {
        match code {
            "1" => Some(Self::Personal),
            "2" => Some(Self::Residence),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Residence => "residence",
        }
    }
}

pub(super) fn write(xml: &mut Xml, population: &Population, window: Window) {
    let of_day = u64::from(population.len() / PEOPLE_PER_CHANGE + 1);
    let days = window.last.day_number() - window.first.day_number() + 1;
    let total = u64::try_from(days).unwrap_or(0) * of_day;
    let rows = u64::from(window.rows);
    let first = u64::from(window.page.saturating_sub(1)) * rows;
    record::collection(xml, Some(total), |xml| {
        for row in first..(first + rows).min(total) {
            let day = window.first.day_number() + i32::try_from(row / of_day).unwrap_or(0);
            let index =
                who(population.len(), window.kind, Date::from_day_number(day), row % of_day);
            if let Some(person) = population.person(index) {
                record::whole(xml, population, &person);
            }
        }
    });
}

fn who(people: u32, kind: ChangeKind, day: Date, place: u64) -> u32 {
    let names = ["dancu", kind.name(), &day.compact()];
    let start = seed::below(0, &names, u64::from(people));
    u32::try_from((start + place * STEP) % u64::from(people)).unwrap_or(0)
}
