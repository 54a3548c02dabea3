//! The business register (domain.md 4.3): one enterprise for 96 people, run and owned by adults among
//! those 96. So the enterprise of a person is found without a table, and the other way round.

use super::address::address_detail;
use super::date::Date;
use super::draw::{Draw, Stream};
use super::enterprise_names::{activities, company_name};
use super::family::Family;
use super::identity::IdentityNumber;
use super::name::Name;
use super::person::Place;
use super::territory::BLOCK_PEOPLE;
use super::{Population, TaxCode};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enterprise {
    pub index: u32,
    /// `ENTERPRISE_GDT_CODE`: registration number and tax code.
    pub code: TaxCode,
    pub kind: EnterpriseKind,
    pub name: String,
    pub short_name: String,
    pub founded_on: Date,
    pub last_amended_on: Date,
    /// How often the registration changed.
    pub changes: u32,
    pub status: EnterpriseStatus,
    /// Dong.
    pub capital: u64,
    /// Head office.
    pub address: Place,
    /// The main activity first.
    pub activities: Vec<Activity>,
    /// Owners; the first is the legal representative. Their shares make one hundred per cent.
    pub members: Vec<Member>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity {
    /// Four digits of VSIC.
    pub code: &'static str,
    pub name: &'static str,
    pub is_main: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub index: u32,
    pub number: IdentityNumber,
    pub name: Name,
    /// Dong.
    pub amount: u64,
    pub percent: u32,
}

/// `ENTERPRISE_TYPE_*`; ids are those of this simulator (assumed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnterpriseKind {
    Private,
    LimitedOne,
    LimitedMore,
    JointStock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EnterpriseStatus {
    #[default]
    Active,
    Suspended,
    Dissolved,
}

impl Population {
    /// How many enterprises there are; their indices are `0..enterprises()`.
    pub fn enterprises(&self) -> u32 {
        self.people / ENTERPRISE_PEOPLE
    }

    /// `None` past the last enterprise.
    pub fn enterprise(&self, index: u32) -> Option<Enterprise> {
        if index >= self.enterprises() {
            return None;
        }
        let draw = &mut self.draw(Stream::Enterprise, index);
        let owners = self.owners(index, draw);
        let representative = *owners.first()?;
        let kind = EnterpriseKind::draw(owners.len(), draw);
        let (activities, trade) = activities(draw);
        let (name, short_name) = company_name(kind, trade, draw);
        // In units of a hundred million dong, so that every per cent is a whole amount.
        let capital = u64::from(draw.below(100).pow(2) / 50 + 1) * 100_000_000;
        let earliest = owners.iter().map(|owner| self.birth_date(*owner)).max()??.plus_years(18);
        let earliest = earliest.max(self.on.plus_years(-25)).min(self.on);
        let day_since = |day: Date, draw: &mut Draw| {
            day.plus_days(draw.between(0, self.on.day_number() - day.day_number()))
        };
        let founded_on = day_since(earliest, draw);
        let changes = draw.below(6);
        let last_amended_on = if changes == 0 { founded_on } else { day_since(founded_on, draw) };
        let commune = self.territory.commune(representative / BLOCK_PEOPLE)?;
        Some(Enterprise {
            index,
            code: self.enterprise_tax_code(index)?,
            kind,
            name,
            short_name,
            founded_on,
            last_amended_on,
            changes,
            status: draw.weighted(&[
                (EnterpriseStatus::Active, 88),
                (EnterpriseStatus::Suspended, 7),
                (EnterpriseStatus::Dissolved, 5),
            ]),
            capital,
            address: Place { commune, detail: address_detail(commune, draw) },
            activities,
            members: self.members(&owners, capital, draw)?,
        })
    }

    pub fn find_enterprise(&self, code: TaxCode) -> Option<Enterprise> {
        let index = self.enterprise_by_body(code)?;
        self.enterprise(index).filter(|enterprise| enterprise.code == code)
    }

    /// The enterprise the person owns a share of; nobody has two.
    pub fn enterprise_of(&self, person: u32) -> Option<Enterprise> {
        let enterprise = self.enterprise(person / ENTERPRISE_PEOPLE)?;
        enterprise.members.iter().any(|member| member.index == person).then_some(enterprise)
    }

    /// One to five different people: living heads of households among the 96, of which there are at
    /// least sixteen. Should all have died, the first head owns it.
    fn owners(&self, enterprise: u32, draw: &mut Draw) -> Vec<u32> {
        let first = enterprise * ENTERPRISE_PEOPLE;
        let mut heads = Vec::new();
        let mut next = first;
        while next < first + ENTERPRISE_PEOPLE {
            let Some(family) = Family::of(self, next) else { break };
            let head = family.head(self);
            let alive = !family.is_dead(self, head);
            next = family.members().last().map_or(next, |(last, _)| last) + 1;
            heads.extend(family.index(head).map(|index| (!alive, draw.next(), index)));
        }
        // The living first, in random order.
        heads.sort_unstable();
        let living = heads.iter().filter(|(dead, ..)| !dead).count().max(1);
        let count = draw.weighted(&[(1, 55), (2, 20), (3, 15), (4, 6), (5, 4)]).clamp(1, living);
        heads.into_iter().take(count).map(|(_, _, index)| index).collect()
    }

    fn members(&self, owners: &[u32], capital: u64, draw: &mut Draw) -> Option<Vec<Member>> {
        let mut left = 100;
        let mut others = u32::try_from(owners.len()).ok()?;
        owners
            .iter()
            .map(|owner| {
                others -= 1;
                // Everybody else keeps at least one per cent; the last one takes what is left.
                let most = left - others;
                let percent = if others == 0 { left } else { 1 + draw.below(most.min(60)) };
                left -= percent;
                Some(Member {
                    index: *owner,
                    number: self.identity_number(*owner)?,
                    name: self.name(*owner)?,
                    amount: capital / 100 * u64::from(percent),
                    percent,
                })
            })
            .collect()
    }
}

impl EnterpriseKind {
    fn draw(owners: usize, draw: &mut Draw) -> Self {
        match (owners, draw.below(100)) {
            (..=1, ..12) => Self::Private,
            (..=1, _) => Self::LimitedOne,
            (3.., ..55) => Self::JointStock,
            _ => Self::LimitedMore,
        }
    }

    pub fn id(self) -> u8 {
        match self {
            Self::Private => 1,
            Self::LimitedOne => 2,
            Self::LimitedMore => 3,
            Self::JointStock => 4,
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            Self::Private => "Doanh nghiệp tư nhân",
            Self::LimitedOne => "Công ty trách nhiệm hữu hạn một thành viên",
            Self::LimitedMore => "Công ty trách nhiệm hữu hạn hai thành viên trở lên",
            Self::JointStock => "Công ty cổ phần",
        }
    }
}

impl EnterpriseStatus {
    pub fn label(self) -> &'static str {
        match self {
            Self::Active => "Đang hoạt động",
            Self::Suspended => "Tạm ngừng kinh doanh",
            Self::Dissolved => "Đã giải thể",
        }
    }
}

/// Six whole blocks: no household is cut.
const ENTERPRISE_PEOPLE: u32 = 6 * BLOCK_PEOPLE;
