//! The land register (domain.md 4.10): four parcels for every block of sixteen people, about one for
//! three adults, owned by households of the block.

use super::Population;
use super::commune::{Commune, CommuneKind};
use super::date::Date;
use super::draw::{Draw, Shuffle, Stream};
use super::family::{Family, Role, household};
use super::identity::digits;
use super::person::Relative;
use super::territory::BLOCK_PEOPLE;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    pub index: u32,
    pub commune: Commune,
    /// Số tờ bản đồ, from 1.
    pub sheet: u32,
    /// Số thửa, from 1 on each sheet.
    pub number: u32,
    pub area_m2: u32,
    pub land_use: LandUse,
    pub certificate: CertificateSerial,
    pub certified_on: Date,
    /// One person or a married couple, all of the population.
    pub owners: Vec<Relative>,
}

/// Number on the certificate of land use rights: two letters and eight digits, "AA 01234567".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CertificateSerial {
    letters: [char; 2],
    number: u32,
}

/// Land use by its cadastral symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LandUse {
    #[default]
    Ont,
    Odt,
    Cln,
    Luc,
    Hnk,
    Rsx,
    Nts,
}

impl CertificateSerial {
    /// Two capital letters, an optional blank, eight digits; the serial need not be in use.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.chars();
        let letters = [rest.next()?, rest.next()?];
        let number = u32::try_from(digits(rest.as_str().trim_start(), 8)?).ok()?;
        letters.iter().all(char::is_ascii_uppercase).then_some(Self { letters, number })
    }
}

impl Population {
    /// How many parcels there are; their indices are `0..parcels()`.
    pub fn parcels(&self) -> u32 {
        self.territory.blocks() * BLOCK_PARCELS
    }

    /// `None` past the last parcel.
    pub fn parcel(&self, index: u32) -> Option<Parcel> {
        let block = index / BLOCK_PARCELS;
        let commune = self.territory.commune(block)?;
        let first = self.territory.commune_blocks(commune).start * BLOCK_PARCELS;
        let position = self.positions(commune).apply(u64::from(index.checked_sub(first)?))?;
        let position = u32::try_from(position).ok()?;
        let family = Family::of(self, self.parcel_household(index)?)?;
        let draw = &mut self.draw(Stream::ParcelDetail, index);
        let land_use = LandUse::draw(commune, draw);
        let (smallest, largest) = land_use.area_m2();
        Some(Parcel {
            index,
            commune,
            sheet: position / SHEET_PARCELS + 1,
            number: position % SHEET_PARCELS + 1,
            area_m2: smallest + draw.below(largest - smallest),
            land_use,
            certificate: self.certificate(index)?,
            certified_on: self.certified_on(&family, draw)?,
            owners: self.parcel_owners(&family),
        })
    }

    /// By commune, map sheet and parcel number.
    pub fn find_parcel(&self, commune: Commune, sheet: u32, number: u32) -> Option<Parcel> {
        let numbers = (1..=SHEETS).contains(&sheet) && (1..=SHEET_PARCELS).contains(&number);
        let position = numbers.then(|| (sheet - 1) * SHEET_PARCELS + number - 1)?;
        let local = u32::try_from(self.positions(commune).invert(u64::from(position))?).ok()?;
        let blocks = self.territory.commune_blocks(commune);
        let index = blocks.start * BLOCK_PARCELS + local;
        (index < blocks.end * BLOCK_PARCELS).then(|| self.parcel(index))?
    }

    pub fn find_parcel_by_certificate(&self, serial: CertificateSerial) -> Option<Parcel> {
        let index = u32::try_from(self.certificates().invert(u64::from(serial.number))?).ok()?;
        self.parcel(index).filter(|parcel| parcel.certificate == serial)
    }

    /// The parcels a person owns alone or with the spouse: at most four.
    pub fn parcels_of(&self, person: u32) -> Vec<Parcel> {
        let first = person / BLOCK_PEOPLE * BLOCK_PARCELS;
        let home = household(self, person).map(|(first, _)| first);
        (first..first.saturating_add(BLOCK_PARCELS))
            .filter(|index| self.parcel_household(*index) == home)
            .filter_map(|index| self.parcel(index))
            .filter(|parcel| parcel.owners.iter().any(|owner| owner.index == Some(person)))
            .collect()
    }

    /// First person of the household that owns the parcel: that of some person of the block.
    fn parcel_household(&self, index: u32) -> Option<u32> {
        let first = (index / BLOCK_PARCELS).checked_mul(BLOCK_PEOPLE)?;
        let people = BLOCK_PEOPLE.min(self.people.checked_sub(first)?);
        let some = first + self.draw(Stream::ParcelHousehold, index).below(people);
        household(self, some).map(|(first, _)| first)
    }

    /// The living of the couple; the estate of a single owner who died is still in that name.
    fn parcel_owners(&self, family: &Family) -> Vec<Relative> {
        let couple = [Role::Husband, Role::Wife].into_iter().filter(|role| family.has(*role));
        let mut owners: Vec<_> = couple.map(|role| self.relative(family, role)).collect();
        if owners.iter().any(|owner| !owner.deceased) {
            owners.retain(|owner| !owner.deceased);
        }
        owners
    }

    /// After the owners married, or the single owner came of age; not before the first certificates of
    /// the 1993 land law.
    fn certified_on(&self, family: &Family, draw: &mut Draw) -> Option<Date> {
        let earliest = match self.married_on(family, Role::Husband, Role::Wife) {
            Some(day) => day,
            None => self.birth_date_in(family, family.index(family.head(self))?)?.plus_years(18),
        };
        let earliest = earliest.max(Date::new(1994, 1, 1)?).min(self.on);
        Some(earliest.plus_days(draw.between(0, self.on.day_number() - earliest.day_number())))
    }

    fn certificate(&self, index: u32) -> Option<CertificateSerial> {
        let number = u32::try_from(self.certificates().apply(u64::from(index))?).ok()?;
        let draw = &mut self.draw(Stream::CertificateSerial, index);
        let letters = [draw.pick(SERIAL_LETTERS), draw.pick(SERIAL_LETTERS)];
        Some(CertificateSerial { letters, number })
    }

    fn certificates(&self) -> Shuffle {
        Shuffle::new(self.seed, Stream::CertificateSerial, 1 << 40, 100_000_000)
    }

    /// Where the parcels of a commune lie on its map.
    fn positions(&self, commune: Commune) -> Shuffle {
        let key = u64::from(commune.province().code) * 1000 + u64::from(commune.number());
        let places = u64::from(SHEETS) * u64::from(SHEET_PARCELS);
        Shuffle::new(self.seed, Stream::ParcelPosition, key, places)
    }
}

impl LandUse {
    fn draw(commune: Commune, draw: &mut Draw) -> Self {
        let (home, homes) = match commune.kind() {
            CommuneKind::Ward => (Self::Odt, 75),
            CommuneKind::Rural | CommuneKind::Special => (Self::Ont, 40),
        };
        let fields = 100 - homes;
        draw.weighted(&[
            (home, homes * 10),
            (Self::Cln, fields * 3),
            (Self::Luc, fields * 4),
            (Self::Hnk, fields),
            (Self::Rsx, fields),
            (Self::Nts, fields),
        ])
    }

    /// Square metres, smallest and largest.
    fn area_m2(self) -> (u32, u32) {
        match self {
            Self::Odt => (30, 250),
            Self::Ont => (80, 600),
            Self::Luc | Self::Hnk => (300, 4_000),
            Self::Cln | Self::Nts => (400, 8_000),
            Self::Rsx => (2_000, 30_000),
        }
    }

    /// The symbol on the map.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Ont => "ONT",
            Self::Odt => "ODT",
            Self::Cln => "CLN",
            Self::Luc => "LUC",
            Self::Hnk => "HNK",
            Self::Rsx => "RSX",
            Self::Nts => "NTS",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Ont => "Đất ở tại nông thôn",
            Self::Odt => "Đất ở tại đô thị",
            Self::Cln => "Đất trồng cây lâu năm",
            Self::Luc => "Đất chuyên trồng lúa",
            Self::Hnk => "Đất trồng cây hằng năm khác",
            Self::Rsx => "Đất rừng sản xuất",
            Self::Nts => "Đất nuôi trồng thủy sản",
        }
    }
}

impl fmt::Display for CertificateSerial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.letters;
        write!(out, "{first}{second} {:08}", self.number)
    }
}

impl fmt::Debug for CertificateSerial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

const BLOCK_PARCELS: u32 = 4;
/// Sheets of a commune's map and parcels on each: room for four hundred thousand people.
const SHEETS: u32 = 200;
const SHEET_PARCELS: u32 = 500;
const SERIAL_LETTERS: &[char] = &['A', 'B', 'C', 'D', 'E', 'G', 'H', 'K', 'L', 'M', 'N', 'P', 'T'];
