//! Who lives together: blocks of sixteen people fall into households of one to six, and each household
//! into husband, wife, children and the husband's parents.
//!
//! Everything about a family follows from (seed, first index of the household), so parents, children
//! and spouses agree about each other without meeting in memory. Relatives who are not in the
//! population have a role too: their names must agree as well.

use super::Population;
use super::draw::{Draw, Stream};
use super::territory::BLOCK_PEOPLE;
use super::traits::{MaritalStatus, RelationToHead, Sex};

/// A place in a family. Those of `ParentOf` are names only; any other may be a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Husband,
    Wife,
    /// Eldest is 0.
    Child(u8),
    Grandfather,
    Grandmother,
    /// Father or mother of an adult whose parents never live in the household.
    ParentOf(Married, Sex),
}

/// The adults who came from another family, or whose parents are too old to be members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Married {
    Wife,
    Grandfather,
    Grandmother,
}

/// One household, worked out.
#[derive(Clone, Debug)]
pub(super) struct Family {
    /// Index of its first person.
    pub(super) id: u32,
    roles: [Option<Role>; HOUSEHOLD_PEOPLE_MAX],
    /// What became of the partner whom a lone adult had, if any.
    past: MaritalStatus,
    /// First of the four years in which each may be born; see `birth_window`.
    eldest_child: i32,
    husband: i32,
    wife: i32,
    grandfather: i32,
    grandmother: i32,
}

impl Family {
    /// `None` past the last person.
    pub(super) fn of(population: &Population, index: u32) -> Option<Self> {
        let (id, size) = household(population, index)?;
        let mut family = Self {
            id,
            roles: [None; HOUSEHOLD_PEOPLE_MAX],
            past: MaritalStatus::Single,
            eldest_child: 0,
            husband: 0,
            wife: 0,
            grandfather: 0,
            grandmother: 0,
        };
        let draw = &mut Draw::new(population.seed, Stream::HouseholdShape, u64::from(id));
        family.draw_roles(size, draw);
        family.draw_windows(population);
        family.draw_past(population, draw);
        Some(family)
    }

    /// The people of the household, by index and role.
    pub(super) fn members(&self) -> impl Iterator<Item = (u32, Role)> + use<> {
        (self.id..).zip(self.roles.into_iter().flatten())
    }

    pub(super) fn role(&self, index: u32) -> Option<Role> {
        self.members().find(|(member, _)| *member == index).map(|(_, role)| role)
    }

    /// `None` for a relative outside the population.
    pub(super) fn index(&self, role: Role) -> Option<u32> {
        self.members().find(|(_, member)| *member == role).map(|(index, _)| index)
    }

    pub(super) fn has(&self, role: Role) -> bool {
        self.roles.contains(&Some(role))
    }

    /// First of the four consecutive years one of which is the birth year: the identity number needs
    /// that freedom (see `identity`).
    pub(super) fn birth_window(&self, role: Role) -> i32 {
        match role {
            Role::Husband => self.husband,
            Role::Wife => self.wife,
            // A year between the windows keeps siblings at least a year apart.
            Role::Child(nth) => self.eldest_child + CHILD_YEARS * i32::from(nth),
            Role::Grandfather => self.grandfather,
            Role::Grandmother => self.grandmother,
            Role::ParentOf(Married::Wife, _) => self.wife - 28,
            Role::ParentOf(Married::Grandfather, _) => self.grandfather - 28,
            Role::ParentOf(Married::Grandmother, _) => self.grandmother - 28,
        }
    }

    pub(super) fn marital_status(&self, population: &Population, role: Role) -> MaritalStatus {
        match role {
            Role::Child(_) => MaritalStatus::Single,
            Role::ParentOf(..) => MaritalStatus::Married,
            Role::Husband | Role::Wife | Role::Grandfather | Role::Grandmother => {
                match role.partner().filter(|partner| self.has(*partner)) {
                    Some(partner) if self.is_dead(population, partner) => MaritalStatus::Widowed,
                    Some(_) => MaritalStatus::Married,
                    None => self.past,
                }
            }
        }
    }

    /// For members of the household: whether they have died and are kept on record. Of a couple at most
    /// one has, and never a parent who brings up children alone.
    pub(super) fn is_dead(&self, population: &Population, role: Role) -> bool {
        let partner = role.partner().filter(|partner| self.has(*partner));
        let may_die = match role {
            Role::Husband | Role::Wife => partner.is_some() || !self.has(Role::Child(0)),
            Role::Grandfather | Role::Grandmother => true,
            Role::Child(_) | Role::ParentOf(..) => false,
        };
        if !may_die || !self.has(role) {
            return false;
        }
        let couple = matches!(role, Role::Grandfather | Role::Grandmother);
        let key = u64::from(self.id) * 2 + u64::from(couple);
        let draw = &mut Draw::new(population.seed, Stream::Death, key);
        let husband_first = draw.chance(600);
        if partner.is_some() && husband_first != (role.fixed_sex() == Some(Sex::Male)) {
            return false;
        }
        let age = population.year() - self.birth_window(role) - YEAR_STEPS;
        age >= 60 && draw.chance(u32::try_from((age - 55) * 3).unwrap_or(0))
    }

    /// For relatives outside the population: whether they are known to have died.
    pub(super) fn is_absent_dead(&self, population: &Population, role: Role) -> bool {
        let widows_partner =
            role.partner().is_some_and(|one| self.has(one)) && self.past == MaritalStatus::Widowed;
        match role {
            Role::Husband | Role::Wife => widows_partner,
            Role::Child(_) => false,
            Role::Grandfather | Role::Grandmother if widows_partner => true,
            Role::Grandfather | Role::Grandmother | Role::ParentOf(..) => {
                let age = population.year() - self.birth_window(role);
                let key = u64::from(self.id) * 16 + role.code();
                let chance = u32::try_from((age - 50).max(0) * 16).unwrap_or(0);
                age > 95 || Draw::new(population.seed, Stream::AbsentDeath, key).chance(chance)
            }
        }
    }

    /// `None` for a child born out of marriage, and beyond the relatives who are on record.
    pub(super) fn father(&self, role: Role) -> Option<Role> {
        let unmarried = self.past == MaritalStatus::Single && !self.has(Role::Husband);
        match role {
            Role::Child(_) => (!unmarried).then_some(Role::Husband),
            Role::Husband => Some(Role::Grandfather),
            Role::Wife => Some(Role::ParentOf(Married::Wife, Sex::Male)),
            Role::Grandfather => Some(Role::ParentOf(Married::Grandfather, Sex::Male)),
            Role::Grandmother => Some(Role::ParentOf(Married::Grandmother, Sex::Male)),
            Role::ParentOf(..) => None,
        }
    }

    /// `None` beyond the relatives who are on record.
    pub(super) fn mother(role: Role) -> Option<Role> {
        match role {
            Role::Child(_) => Some(Role::Wife),
            Role::Husband => Some(Role::Grandmother),
            Role::Wife => Some(Role::ParentOf(Married::Wife, Sex::Female)),
            Role::Grandfather => Some(Role::ParentOf(Married::Grandfather, Sex::Female)),
            Role::Grandmother => Some(Role::ParentOf(Married::Grandmother, Sex::Female)),
            Role::ParentOf(..) => None,
        }
    }

    /// The head is an adult member, living unless the household has died out.
    pub(super) fn head(&self, population: &Population) -> Role {
        let wife_first =
            Draw::new(population.seed, Stream::HeadChoice, u64::from(self.id)).chance(150);
        let order =
            if wife_first { [Role::Wife, Role::Husband] } else { [Role::Husband, Role::Wife] };
        let present = || order.into_iter().filter(|role| self.has(*role));
        let living = present().find(|role| !self.is_dead(population, *role));
        living.or_else(|| present().next()).unwrap_or(Role::Husband)
    }

    pub(super) fn relation(&self, population: &Population, role: Role) -> RelationToHead {
        let head = self.head(population);
        match (role, head) {
            _ if role == head => RelationToHead::Head,
            (Role::Husband, _) => RelationToHead::Husband,
            (Role::Wife, _) => RelationToHead::Wife,
            (Role::Grandfather, Role::Wife) => RelationToHead::FatherInLaw,
            (Role::Grandmother, Role::Wife) => RelationToHead::MotherInLaw,
            (Role::Grandfather, _) => RelationToHead::Father,
            (Role::Grandmother, _) => RelationToHead::Mother,
            _ => RelationToHead::Child,
        }
    }

    fn draw_roles(&mut self, size: u32, draw: &mut Draw) {
        let couple = [Role::Husband, Role::Wife];
        let lone = if draw.chance(350) { [Role::Husband] } else { [Role::Wife] };
        let grandparents = match draw.below(4) {
            0 => [Role::Grandfather],
            _ => [Role::Grandmother],
        };
        let both = [Role::Grandfather, Role::Grandmother];
        let share = draw.below(100);
        let (adults, elders): (&[Role], &[Role]) = match (size, share) {
            (0 | 1, _) | (2, 70..) | (3, 85..) => (&lone, &[]),
            (4, 80..) | (5, 25..) | (6, 70..) => (&couple, &grandparents),
            (6, 30..70) => (&couple, &both),
            _ => (&couple, &[]),
        };
        let grown = adults.len() + elders.len();
        let children =
            u8::try_from(size).unwrap_or(0).saturating_sub(u8::try_from(grown).unwrap_or(0));
        let all = adults
            .iter()
            .copied()
            .chain((0..children).map(Role::Child))
            .chain(elders.iter().copied());
        for (slot, role) in self.roles.iter_mut().zip(all) {
            *slot = Some(role);
        }
    }

    /// Each window is four years long, so gaps between windows are at least three years more than the
    /// law and nature ask: parents 18 years older, a bride of 18, a bridegroom of 20.
    fn draw_windows(&mut self, population: &Population) {
        let draw = &mut Draw::new(population.seed, Stream::BirthWindows, u64::from(self.id));
        let now = population.year();
        let elders = self.has(Role::Grandfather) || self.has(Role::Grandmother);
        let children = self.members().filter(|(_, role)| matches!(role, Role::Child(_))).count();
        let last = i32::try_from(children).unwrap_or(0) - 1;
        if last < 0 {
            let couple = self.has(Role::Husband) && self.has(Role::Wife);
            self.husband = now - draw.between(if couple { 26 } else { 22 }, 82);
            self.wife = if couple { self.husband + draw.between(-2, 6) } else { self.husband }
                .min(now - 22);
        } else {
            let youngest_end = CHILD_YEARS * last + YEAR_STEPS - 1;
            // Grandparents who live in are not yet a hundred.
            let oldest = if elders { 18 } else { 30 };
            self.eldest_child = now - draw.between(youngest_end, oldest.max(youngest_end));
            self.wife = self.eldest_child - draw.between(22, if last >= 3 { 26 } else { 30 });
            self.husband = (self.wife - draw.between(-1, 6)).min(self.eldest_child - 24);
        }
        self.grandmother = self.husband - draw.between(24, 30);
        self.grandfather = (self.grandmother - draw.between(-1, 5)).min(self.husband - 24);
    }

    fn draw_past(&mut self, population: &Population, draw: &mut Draw) {
        use MaritalStatus::{Divorced, Single, Widowed};
        let elder_alone = self.has(Role::Grandfather) != self.has(Role::Grandmother);
        let age = population.year() - self.husband;
        self.past = if elder_alone {
            Widowed
        } else if self.has(Role::Child(0)) {
            let unmarried = if self.has(Role::Wife) { 15 } else { 0 };
            draw.weighted(&[(Single, unmarried), (Divorced, 50), (Widowed, 35)])
        } else if age < 38 {
            draw.weighted(&[(Single, 88), (Divorced, 10), (Widowed, 2)])
        } else if age < 62 {
            draw.weighted(&[(Single, 40), (Divorced, 40), (Widowed, 20)])
        } else {
            draw.weighted(&[(Single, 10), (Divorced, 15), (Widowed, 75)])
        };
    }
}

impl Role {
    /// A stable number below 16, for keys.
    pub(super) fn code(self) -> u64 {
        match self {
            Self::Husband => 0,
            Self::Wife => 1,
            Self::Child(nth) => 2 + u64::from(nth.min(3)),
            Self::Grandfather => 6,
            Self::Grandmother => 7,
            Self::ParentOf(of, Sex::Male) => 8 + 2 * of.code(),
            Self::ParentOf(of, Sex::Female) => 9 + 2 * of.code(),
        }
    }

    /// `None` for a child: drawn, not given by the role.
    pub(super) fn fixed_sex(self) -> Option<Sex> {
        match self {
            Self::Child(_) => None,
            Self::Husband | Self::Grandfather => Some(Sex::Male),
            Self::Wife | Self::Grandmother => Some(Sex::Female),
            Self::ParentOf(_, sex) => Some(sex),
        }
    }

    pub(super) fn partner(self) -> Option<Self> {
        match self {
            Self::Husband => Some(Self::Wife),
            Self::Wife => Some(Self::Husband),
            Self::Grandfather => Some(Self::Grandmother),
            Self::Grandmother => Some(Self::Grandfather),
            Self::Child(_) | Self::ParentOf(..) => None,
        }
    }

    /// People of one line share family name and home town.
    pub(super) fn line(self) -> u64 {
        match self {
            Self::Husband
            | Self::Child(_)
            | Self::Grandfather
            | Self::ParentOf(Married::Grandfather, Sex::Male) => 0,
            Self::Wife | Self::ParentOf(Married::Wife, Sex::Male) => 1,
            Self::Grandmother | Self::ParentOf(Married::Grandmother, Sex::Male) => 2,
            Self::ParentOf(of, Sex::Female) => 3 + of.code(),
        }
    }
}

impl Married {
    fn code(self) -> u64 {
        match self {
            Self::Wife => 0,
            Self::Grandfather => 1,
            Self::Grandmother => 2,
        }
    }
}

/// First index and size of the household that holds `index`; `None` past the last person.
pub(super) fn household(population: &Population, index: u32) -> Option<(u32, u32)> {
    if index >= population.people {
        return None;
    }
    let block = index / BLOCK_PEOPLE;
    let end = (block + 1).saturating_mul(BLOCK_PEOPLE).min(population.people);
    let draw = &mut Draw::new(population.seed, Stream::HouseholdSizes, u64::from(block));
    let mut first = block * BLOCK_PEOPLE;
    // A household has at least one person: at most sixteen rounds.
    for _ in 0..BLOCK_PEOPLE {
        let size = draw.weighted(SIZES).clamp(1, end - first);
        if index < first + size {
            return Some((first, size));
        }
        first += size;
    }
    None
}

/// Share in a hundred of each size.
const SIZES: &[(u32, u32)] = &[(1, 9), (2, 16), (3, 22), (4, 28), (5, 15), (6, 10)];
const HOUSEHOLD_PEOPLE_MAX: usize = 6;
const CHILD_YEARS: i32 = 5;
/// Length of a birth window.
pub(super) const YEAR_STEPS: i32 = 4;
