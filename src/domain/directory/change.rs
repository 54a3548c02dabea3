//! Changes that the axis makes to the directory while it runs, as journalled facts.

use super::{Agency, AgencyId, AgencyKind, Caller, Changes, Directory, Period, Standing};
use crate::domain::agency::AgencyCode;
use crate::domain::fact::{AgencyLocked, AgencyRegistered, AgencyRemoved, Fact};
use crate::domain::rejection::Reason;
use std::sync::Arc;

impl Directory {
    /// The directory after a fact; `None` when the fact is not about agencies, or about none that can be.
    ///
    /// A fact with a version is the axis' word and brings the directory to that version; one without
    /// counts as the next version, so only the axis should apply those.
    #[must_use]
    pub fn apply(&self, fact: &Fact) -> Option<Self> {
        let mut next = self.clone();
        next.change(fact).then_some(next)
    }

    /// As `apply`, for many facts in a row; true if anything changed.
    pub fn change(&mut self, fact: &Fact) -> bool {
        match fact {
            Fact::AgencyRegistered(fact) => self.register(fact),
            Fact::AgencyRemoved(fact) => self.remove(fact),
            Fact::AgencyLocked(fact) => self.lock(fact),
            Fact::Accepted(_)
            | Fact::HandedOn(_)
            | Fact::Attempted(_)
            | Fact::Confirmed(_)
            | Fact::Progressed(_)
            | Fact::Expired(_)
            | Fact::ServiceChanged(_) => false,
        }
    }

    fn register(&mut self, fact: &AgencyRegistered) -> bool {
        let Ok(code) = AgencyCode::parse(&fact.code) else { return false };
        let version = self.next_version(fact.version);
        let id = match self.lookup(&code) {
            Some(id) => id,
            None => self.add_registered(code, fact),
        };
        self.alter(id, version, |agency| {
            let name: Arc<str> = fact.name.as_str().into();
            if let Some(last) = agency.periods.last_mut() {
                last.name_vi = name.clone();
                last.name_en = name.clone();
                if agency.removed {
                    last.valid_to = None;
                    last.merged_into = None;
                }
            }
            agency.name_vi = name.clone();
            agency.name_en = name;
            agency.mail = fact.mail.as_str().into();
            agency.mobile = fact.mobile.as_str().into();
            agency.fax = fact.fax.as_str().into();
            agency.registered_by = fact.member.as_str().into();
            agency.removed = false;
            agency.changes.registered = (version, fact.at);
        });
        true
    }

    fn add_registered(&mut self, code: AgencyCode, fact: &AgencyRegistered) -> AgencyId {
        let name: Arc<str> = fact.name.as_str().into();
        let kind = self.kind_below(&code);
        let period = Period {
            name_vi: name.clone(),
            name_en: name.clone(),
            kind,
            valid_from: None,
            valid_to: None,
            merged_into: None,
            synthetic: false,
        };
        let agency = Agency {
            code,
            name_vi: name.clone(),
            name_en: name,
            kind,
            periods: vec![period],
            locked: false,
            removed: false,
            synthetic: false,
            mail: Arc::default(),
            mobile: Arc::default(),
            fax: Arc::default(),
            registered_by: Arc::default(),
            changes: Changes::default(),
        };
        self.push_sorted(agency)
    }

    fn remove(&mut self, fact: &AgencyRemoved) -> bool {
        let Some(id) = self.lookup_text(&fact.code) else { return false };
        let version = self.next_version(fact.version);
        self.alter(id, version, |agency| {
            agency.removed = true;
            agency.changes.removed = (version, fact.at);
        });
        true
    }

    fn lock(&mut self, fact: &AgencyLocked) -> bool {
        let Some(id) = self.lookup_text(&fact.code) else { return false };
        let version = self.next_version(fact.version);
        self.alter(id, version, |agency| {
            agency.locked = fact.locked;
            agency.changes.locked = (version, fact.at);
        });
        true
    }

    fn next_version(&self, given: u64) -> u64 {
        if given == 0 { self.version + 1 } else { given }
    }

    fn alter(&mut self, id: AgencyId, version: u64, change: impl FnOnce(&mut Agency)) {
        if let Some(slot) = self.slot_mut(id) {
            change(Arc::make_mut(&mut slot.agency));
        }
        if let Some(chunk) = self.chunks.get_mut(id.ix() >> super::CHUNK_BITS) {
            let chunk = Arc::make_mut(chunk);
            chunk.changed_in = chunk.changed_in.max(version);
        }
        self.version = self.version.max(version);
        self.refresh(id);
    }

    /// A unit takes its kind from who is above it.
    fn kind_below(&self, code: &AgencyCode) -> AgencyKind {
        match self.agency_of(&code.root()).map(|root| root.kind) {
            Some(AgencyKind::Province) => AgencyKind::ProvinceUnit,
            Some(AgencyKind::Ministry | AgencyKind::MinisterialAgency) => AgencyKind::MinistryUnit,
            _ => AgencyKind::Agency,
        }
    }

    /// Every change after a version, in the order of versions: what a follower or a checkpoint needs.
    /// Of several changes of one sort to one agency only the last is told.
    pub fn changes_since(&self, version: u64) -> Vec<Fact> {
        let mut found = Vec::new();
        for chunk in self.chunks.iter().filter(|c| c.changed_in > version) {
            for slot in &chunk.slots {
                if slot.agency.changes.last() > version {
                    slot.agency.facts_since(version, &mut found);
                }
            }
        }
        found.sort_by_key(|(version, _)| *version);
        found.into_iter().map(|(_, fact)| fact).collect()
    }

    /// May this caller register (or update) this code? A member registers only below its own agencies.
    pub fn may_register(&self, caller: &Caller, code: &str) -> Result<AgencyCode, Reason> {
        let code = AgencyCode::parse(code).or(Err(Reason::CodeInvalid))?;
        if !caller.speaks_for(&code) || caller.is_own(&code) {
            return Err(Reason::AgencyNotBelowYours);
        }
        Ok(code)
    }

    /// May this caller remove this agency?
    pub fn may_remove(&self, caller: &Caller, code: &str) -> Result<AgencyId, Reason> {
        let code = AgencyCode::parse(code).or(Err(Reason::CodeInvalid))?;
        let id = self.lookup(&code).ok_or(Reason::AgencyUnknown)?;
        if matches!(self.standing_today(id), Standing::Dissolved { .. }) {
            return Err(Reason::AgencyUnknown);
        }
        if !caller.speaks_for(&code) || caller.is_own(&code) {
            return Err(Reason::AgencyNotBelowYours);
        }
        Ok(id)
    }
}

impl Agency {
    fn facts_since(&self, version: u64, into: &mut Vec<(u64, Fact)>) {
        let code = self.code.to_string();
        let (registered, removed, locked) =
            (self.changes.registered, self.changes.removed, self.changes.locked);
        if registered.0 > version {
            let fact = AgencyRegistered {
                code: code.clone(),
                name: self.name_vi.to_string(),
                mail: self.mail.to_string(),
                mobile: self.mobile.to_string(),
                fax: self.fax.to_string(),
                member: self.registered_by.to_string(),
                at: registered.1,
                version: registered.0,
            };
            into.push((registered.0, Fact::AgencyRegistered(Box::new(fact))));
        }
        if removed.0 > version {
            let fact = AgencyRemoved {
                code: code.clone(),
                member: String::new(),
                at: removed.1,
                version: removed.0,
            };
            into.push((removed.0, Fact::AgencyRemoved(fact)));
        }
        if locked.0 > version {
            let fact = AgencyLocked { code, locked: self.locked, at: locked.1, version: locked.0 };
            into.push((locked.0, Fact::AgencyLocked(fact)));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::directory::Standing;
    use crate::domain::directory::tests::{directory, id};
    use crate::domain::fact::{AgencyLocked, AgencyRegistered, AgencyRemoved, Fact};

    fn registered(code: &str, name: &str) -> Fact {
        Fact::AgencyRegistered(Box::new(AgencyRegistered {
            code: code.to_owned(),
            name: name.to_owned(),
            mail: "a@example.vn".to_owned(),
            ..AgencyRegistered::default()
        }))
    }

    #[test]
    fn a_registered_agency_is_found_and_the_former_snapshot_keeps_still() {
        let before = directory("2026-01-01");
        let after = before.apply(&registered("000.00.77.H60", "Ban Dân tộc")).unwrap();
        assert!(before.lookup_text("H60.77").is_none());
        let found = after.lookup_text("H60.77").unwrap();
        assert_eq!(&*after.agency(found).name_vi, "Ban Dân tộc");
        assert_eq!(after.standing_today(found), Standing::Alive);
        assert_eq!(after.version(), before.version() + 1);
        assert!(after.below(&after.agency(id(&after, "H60")).code).contains(&found));
        assert_eq!(after.search("ban dan toc", 5).first(), Some(&found));
    }

    #[test]
    fn changes_since_a_version_rebuild_the_same_directory() {
        let base = directory("2026-01-01");
        let mut changed = base.clone();
        for number in 0..1500 {
            assert!(changed.change(&registered(&format!("H60.{number:03}X"), "Đơn vị")));
        }
        let lock = AgencyLocked { code: "H41".to_owned(), locked: true, ..Default::default() };
        assert!(changed.change(&Fact::AgencyLocked(lock)));
        let removal = AgencyRemoved { code: "H60.007X".to_owned(), ..Default::default() };
        assert!(changed.change(&Fact::AgencyRemoved(removal)));

        let mut copy = base;
        for fact in changed.changes_since(0) {
            assert!(copy.change(&fact));
        }
        assert_eq!(copy.version(), 1502);
        assert_eq!(copy.in_order(), changed.in_order());
        for id in changed.ids() {
            assert_eq!(copy.agency(id), changed.agency(id));
            assert_eq!(copy.standing_today(id), changed.standing_today(id));
        }
        assert_eq!(changed.changes_since(1500).len(), 2);
        assert_eq!(changed.standing_today(id(&changed, "H41")), Standing::Locked);
        let gone = Standing::Dissolved { into: None };
        assert_eq!(changed.standing_today(id(&changed, "H60.007X")), gone);
    }

    #[test]
    fn registering_again_updates_and_revives() {
        let mut directory = directory("2026-01-01");
        directory.change(&registered("H60.77", "Ban A"));
        let removal = AgencyRemoved { code: "H60.77".to_owned(), ..Default::default() };
        directory.change(&Fact::AgencyRemoved(removal));
        directory.change(&registered("H60.77", "Ban B"));
        let found = id(&directory, "H60.77");
        assert_eq!(&*directory.agency(found).name_vi, "Ban B");
        assert_eq!(directory.standing_today(found), Standing::Alive);
        assert!(directory.apply(&registered("no code at all", "x")).is_none());
    }
}
