//! Who can be addressed, since when, and what became of them: the directory of agencies.
//!
//! A `Directory` is a snapshot: it never changes, a change makes another one that shares nearly all of
//! its memory with the former. Codes are interned: behind the door an agency is an `AgencyId`, and every
//! later question about it is an array index.
//!
//! Invariant: an `AgencyId` never changes its agency, from one snapshot to the next, and none is ever reused.

mod change;
mod index;
pub mod member;
pub mod search;
pub mod synthetic;

use super::agency::AgencyCode;
use index::Index;
use jiff::civil::Date;
use search::Folded;
use std::sync::{Arc, LazyLock, OnceLock};

pub use member::{Caller, Connection, Credential, Member, MemberIx, MemberKind, Members, Secret};

/// An agency's place in the directory: dense, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgencyId(pub u32);

impl AgencyId {
    pub const fn ix(self) -> usize {
        self.0 as usize
    }
}

/// What an agency is in the state's structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgencyKind {
    Province,
    Ministry,
    MinisterialAgency,
    Agency,
    MinistryUnit,
    ProvinceUnit,
    District,
    Commune,
    Platform,
    NationalDb,
}

impl AgencyKind {
    /// As `agencies.csv` spells them.
    pub const ALL: &'static [(&'static str, Self)] = &[
        ("province", Self::Province),
        ("ministry", Self::Ministry),
        ("ministerial_agency", Self::MinisterialAgency),
        ("agency", Self::Agency),
        ("ministry_unit", Self::MinistryUnit),
        ("province_unit", Self::ProvinceUnit),
        ("district", Self::District),
        ("commune", Self::Commune),
        ("platform", Self::Platform),
        ("national_db", Self::NationalDb),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// True for what stands under a province or a ministry and is no commune or district.
    pub const fn is_unit(self) -> bool {
        matches!(self, Self::MinistryUnit | Self::ProvinceUnit)
    }
}

/// A stretch of time during which an agency had one name and one scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Period {
    pub name_vi: Arc<str>,
    pub name_en: Arc<str>,
    pub kind: AgencyKind,
    pub valid_from: Option<Date>,
    /// The last day; open when absent.
    pub valid_to: Option<Date>,
    /// Who took over at the end. The own code means: goes on under the same code.
    pub merged_into: Option<AgencyCode>,
    pub synthetic: bool,
}

/// One row of a directory file: a period of an agency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub code: AgencyCode,
    pub period: Period,
    pub mail: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agency {
    pub code: AgencyCode,
    /// The name of the period that holds today, else of the last one.
    pub name_vi: Arc<str>,
    pub name_en: Arc<str>,
    pub kind: AgencyKind,
    /// In the order of time; never empty.
    pub periods: Vec<Period>,
    pub locked: bool,
    pub removed: bool,
    /// Invented, not a real agency.
    pub synthetic: bool,
    pub mail: Arc<str>,
    pub mobile: Arc<str>,
    pub fax: Arc<str>,
    /// The member that registered it; empty for a row of a file.
    pub registered_by: Arc<str>,
    pub changes: Changes,
}

/// The version and moment (nanoseconds) of the last change of each sort; 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub registered: (u64, u64),
    pub removed: (u64, u64),
    pub locked: (u64, u64),
}

impl Changes {
    pub fn last(&self) -> u64 {
        self.registered.0.max(self.removed.0).max(self.locked.0)
    }
}

/// Whether an agency may send and receive on a given day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Alive,
    Locked,
    NotYet,
    /// Its successor, if the directory knows one; followed until an agency that is not dissolved itself.
    Dissolved {
        into: Option<AgencyId>,
    },
}

impl Standing {
    /// An agency of that day, locked or not.
    pub const fn is_listed(self) -> bool {
        matches!(self, Self::Alive | Self::Locked)
    }
}

/// Every agency that can be addressed, as of one version and one day.
#[derive(Clone, Debug)]
pub struct Directory {
    chunks: Vec<Arc<Chunk>>,
    len: u32,
    index: Index,
    today: Date,
    version: u64,
}

/// Agencies are shared between snapshots by the chunk: a change copies one chunk of pointers.
#[derive(Clone, Debug, Default)]
struct Chunk {
    slots: Vec<Slot>,
    /// The highest version that changed anything in here.
    changed_in: u64,
    /// Made at the first search.
    folded: OnceLock<Arc<Folded>>,
}

#[derive(Clone, Debug)]
struct Slot {
    agency: Arc<Agency>,
    standing: Standing,
}

const CHUNK_BITS: u32 = 9;
const CHUNK: usize = 1 << CHUNK_BITS;

impl Directory {
    /// Rows of one code become one agency; ids follow the first appearance of each code, whatever the
    /// day and the seed. The seed places codes in the hash table and has no other effect.
    pub fn from_rows(rows: Vec<Row>, today: Date, seed: u64) -> Self {
        let mut directory = Self {
            chunks: Vec::new(),
            len: 0,
            index: Index::new(seed, rows.len()),
            today,
            version: 0,
        };
        for row in rows {
            directory.add_row(row);
        }
        directory.index.settle();
        directory.refresh_all();
        directory
    }

    fn add_row(&mut self, row: Row) {
        if let Some(id) = self.index.find(&row.code) {
            if let Some(slot) = self.slot_mut(id) {
                let agency = Arc::make_mut(&mut slot.agency);
                agency.periods.push(row.period);
                agency.periods.sort_by_key(|p| p.valid_from);
            }
            return;
        }
        let agency = Agency {
            code: row.code,
            name_vi: row.period.name_vi.clone(),
            name_en: row.period.name_en.clone(),
            kind: row.period.kind,
            locked: false,
            removed: false,
            synthetic: row.period.synthetic,
            periods: vec![row.period],
            mail: row.mail,
            mobile: Arc::default(),
            fax: Arc::default(),
            registered_by: Arc::default(),
            changes: Changes::default(),
        };
        self.push(agency);
    }

    fn push(&mut self, agency: Agency) -> AgencyId {
        let id = AgencyId(self.len);
        self.len += 1;
        self.index.add(agency.code, id);
        let slot = Slot { agency: Arc::new(agency), standing: Standing::Alive };
        match self.chunks.last_mut() {
            Some(last) if last.slots.len() < CHUNK => Arc::make_mut(last).slots.push(slot),
            _ => {
                let mut chunk = Chunk { slots: Vec::with_capacity(CHUNK), ..Chunk::default() };
                chunk.slots.push(slot);
                self.chunks.push(Arc::new(chunk));
            }
        }
        id
    }

    /// As `push`, keeping the order of codes.
    fn push_sorted(&mut self, agency: Agency) -> AgencyId {
        let id = self.push(agency);
        self.index.sort_added();
        id
    }

    /// The same directory as it stands on another day: at midnight, and for what-if questions.
    #[must_use]
    pub fn at(&self, today: Date) -> Self {
        let mut next = self.clone();
        next.today = today;
        next.refresh_all();
        next
    }

    fn refresh_all(&mut self) {
        for id in self.ids() {
            self.refresh(id);
        }
    }

    /// Recomputes what depends on the day for one agency.
    fn refresh(&mut self, id: AgencyId) {
        let standing = self.standing(id, self.today);
        let today = self.today;
        let Some(slot) = self.slot_mut(id) else { return };
        slot.standing = standing;
        let Some(period) = slot.agency.period(today) else { return };
        if period.name_vi != slot.agency.name_vi
            || period.name_en != slot.agency.name_en
            || period.kind != slot.agency.kind
            || period.synthetic != slot.agency.synthetic
        {
            let period = period.clone();
            let agency = Arc::make_mut(&mut slot.agency);
            agency.name_vi = period.name_vi;
            agency.name_en = period.name_en;
            agency.kind = period.kind;
            agency.synthetic = period.synthetic;
        }
    }

    fn slot_mut(&mut self, id: AgencyId) -> Option<&mut Slot> {
        let chunk = Arc::make_mut(self.chunks.get_mut(id.ix() >> CHUNK_BITS)?);
        chunk.folded = OnceLock::new();
        chunk.slots.get_mut(id.ix() & (CHUNK - 1))
    }

    fn slot(&self, id: AgencyId) -> Option<&Slot> {
        self.chunks.get(id.ix() >> CHUNK_BITS)?.slots.get(id.ix() & (CHUNK - 1))
    }

    /// The id of a code: one hash.
    #[inline]
    pub fn lookup(&self, code: &AgencyCode) -> Option<AgencyId> {
        self.index.find(code)
    }

    /// The id of a code in either written form.
    pub fn lookup_text(&self, text: &str) -> Option<AgencyId> {
        self.lookup(&AgencyCode::parse(text).ok()?)
    }

    /// An id of another directory that this one has never given out answers as `NOBODY`.
    pub fn agency(&self, id: AgencyId) -> &Agency {
        debug_assert!(id.0 < self.len, "{id:?} is not of this directory");
        self.slot(id).map_or(&*NOBODY, |slot| &slot.agency)
    }

    pub fn agency_of(&self, code: &AgencyCode) -> Option<&Agency> {
        self.lookup(code).map(|id| self.agency(id))
    }

    /// Today's standing: an array index.
    #[inline]
    pub fn standing_today(&self, id: AgencyId) -> Standing {
        self.slot(id).map_or(Standing::NotYet, |slot| slot.standing)
    }

    pub fn standing(&self, id: AgencyId, on: Date) -> Standing {
        let standing = self.own_standing(id, on);
        if let Standing::Dissolved { into: Some(first) } = standing {
            return Standing::Dissolved { into: Some(self.successor(first, on)) };
        }
        standing
    }

    /// The last of a chain of successors. Chains are short; a loop ends it too.
    fn successor(&self, first: AgencyId, on: Date) -> AgencyId {
        let mut last = first;
        for _ in 0..SUCCESSORS_MAX {
            let Standing::Dissolved { into: Some(next) } = self.own_standing(last, on) else {
                break;
            };
            last = next;
        }
        last
    }

    fn own_standing(&self, id: AgencyId, on: Date) -> Standing {
        let Some(slot) = self.slot(id) else { return Standing::NotYet };
        let agency = &slot.agency;
        if agency.removed {
            return Standing::Dissolved { into: None };
        }
        let alive = if agency.locked { Standing::Locked } else { Standing::Alive };
        let Some(period) = agency.period_before(on) else { return Standing::NotYet };
        if period.valid_to.is_none_or(|last| on <= last) {
            return alive;
        }
        match period.merged_into {
            Some(into) if into == agency.code => alive,
            Some(into) => Standing::Dissolved { into: self.lookup(&into) },
            None => Standing::Dissolved { into: None },
        }
    }

    /// The nearest agency above this one that the directory holds.
    pub fn parent(&self, id: AgencyId) -> Option<AgencyId> {
        let mut code = self.agency(id).code.parent();
        while let Some(above) = code {
            if let Some(found) = self.lookup(&above) {
                return Some(found);
            }
            code = above.parent();
        }
        None
    }

    /// Those one level below, in the order of their codes, dissolved ones included.
    pub fn children(&self, code: &AgencyCode) -> Vec<AgencyId> {
        let level = code.level() + 1;
        let is_child = |id: &AgencyId| self.agency(*id).code.level() == level;
        self.below(code).into_iter().filter(is_child).collect()
    }

    /// Everything below a code, in the order of codes, without the code itself.
    pub fn below(&self, code: &AgencyCode) -> Vec<AgencyId> {
        self.index.below(code)
    }

    /// Ministries, provinces and whatever else has no one above.
    pub fn roots(&self) -> Vec<AgencyId> {
        self.index.in_order().into_iter().filter(|id| self.agency(*id).code.level() == 1).collect()
    }

    pub fn ids(&self) -> impl Iterator<Item = AgencyId> + use<> {
        (0..self.len).map(AgencyId)
    }

    /// In the order of codes: what lists are made of.
    pub fn in_order(&self) -> Vec<AgencyId> {
        self.index.in_order()
    }

    pub const fn len(&self) -> usize {
        self.len as usize
    }

    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub const fn today(&self) -> Date {
        self.today
    }

    /// How many changes the axis has made to what the files say.
    pub const fn version(&self) -> u64 {
        self.version
    }
}

impl Agency {
    /// The period that holds on a day.
    pub fn period(&self, on: Date) -> Option<&Period> {
        self.period_before(on).or_else(|| self.periods.first())
    }

    /// The last period that has begun by a day.
    fn period_before(&self, on: Date) -> Option<&Period> {
        self.periods.iter().rev().find(|p| p.valid_from.is_none_or(|first| first <= on))
    }
}

/// Longer chains of mergers are not followed to their end.
const SUCCESSORS_MAX: usize = 8;

#[expect(clippy::unwrap_used, reason = "a literal that parses; a test reads it")]
static NOBODY: LazyLock<Agency> = LazyLock::new(|| Agency {
    code: AgencyCode::parse("NOBODY").unwrap(),
    name_vi: Arc::default(),
    name_en: Arc::default(),
    kind: AgencyKind::Agency,
    periods: Vec::new(),
    locked: true,
    removed: true,
    synthetic: true,
    mail: Arc::default(),
    mobile: Arc::default(),
    fax: Arc::default(),
    registered_by: Arc::default(),
    changes: Changes::default(),
});

#[cfg(test)]
pub(crate) mod tests;
