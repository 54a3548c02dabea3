//! Who plays: the virtual members of a topology, what each is in the state, and whom it writes to.
//!
//! Pure: made once from a topology, the same for the same topology.

use super::words;
use crate::domain::agency::AgencyCode;
use crate::domain::directory::{AgencyKind, Directory, Member, MemberKind};
use crate::domain::routing::PlatformIx;
use crate::topology::Topology;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A place in the cast: dense, from 0.
pub type RoleIx = usize;

/// What an agency is in the hierarchy: it decides whom it writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Văn phòng Chính phủ: writes to everybody at level one.
    Government,
    Ministry,
    MinistryUnit,
    Province,
    Department,
    Commune,
}

/// One virtual member and the agency it speaks for.
#[derive(Clone, Debug)]
pub struct Role {
    pub member: Arc<Member>,
    pub platform: PlatformIx,
    pub code: AgencyCode,
    pub name: Arc<str>,
    /// How it signs notations: `UBND`, `BTC`, `SKHCN`.
    pub sign: Box<str>,
    /// Where its documents are dated.
    pub place: Box<str>,
    pub rank: Rank,
    /// How much it writes, compared with others.
    pub weight: f64,
}

/// All of them, and who stands where.
#[derive(Debug)]
pub struct Cast {
    roles: Vec<Role>,
    by_code: BTreeMap<AgencyCode, RoleIx>,
    by_rank: BTreeMap<Rank, Vec<RoleIx>>,
    /// Below one ministry or province, by rank.
    by_root: BTreeMap<(AgencyCode, Rank), Vec<RoleIx>>,
    weight: f64,
}

impl Cast {
    /// Every virtual member of a topology.
    pub fn of(topology: &Topology) -> Self {
        Self::at(topology, |_any| true)
    }

    /// The virtual members of some of its platforms.
    pub fn at(topology: &Topology, is_played: impl Fn(PlatformIx) -> bool) -> Self {
        let mut cast = Self {
            roles: Vec::new(),
            by_code: BTreeMap::new(),
            by_rank: BTreeMap::new(),
            by_root: BTreeMap::new(),
            weight: 0.0,
        };
        let is_ours = |m: &&Arc<Member>| m.kind == MemberKind::Virtual && is_played(m.platform);
        for member in topology.members.iter().filter(is_ours) {
            let role =
                member.codes.first().and_then(|code| role(&topology.directory, member, *code));
            if let Some(role) = role {
                cast.add(role);
            }
        }
        cast
    }

    fn add(&mut self, role: Role) {
        let ix = self.roles.len();
        for code in &role.member.codes {
            self.by_code.insert(*code, ix);
        }
        self.by_rank.entry(role.rank).or_default().push(ix);
        self.by_root.entry((role.code.root(), role.rank)).or_default().push(ix);
        self.weight += role.weight;
        self.roles.push(role);
    }

    pub fn role(&self, ix: RoleIx) -> Option<&Role> {
        self.roles.get(ix)
    }

    pub fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// Who reads the inbox of an agency; `None` when nobody here does.
    pub fn reader(&self, code: &AgencyCode) -> Option<RoleIx> {
        self.by_code.get(code).copied()
    }

    /// The share of all writing that one does.
    pub fn share(&self, ix: RoleIx) -> f64 {
        self.role(ix).map_or(0.0, |role| role.weight / self.weight)
    }

    /// Groups that an agency writes to, each with its share of a hundred. Empty groups are left out, and so is the
    /// writer itself by whoever draws.
    pub(super) fn circles(&self, ix: RoleIx) -> Vec<(u64, &[RoleIx])> {
        let Some(role) = self.role(ix) else { return Vec::new() };
        let own = |rank| {
            self.by_root.get(&(role.code.root(), rank)).map(Vec::as_slice).unwrap_or_default()
        };
        let all = |rank| self.by_rank.get(&rank).map(Vec::as_slice).unwrap_or_default();
        let (departments, communes) = (own(Rank::Department), own(Rank::Commune));
        let government = all(Rank::Government);
        // Assumed; the shape is that of "Nơi nhận" lists: down to those below, up to the one above, across to equals.
        let circles: Vec<(u64, &[RoleIx])> = match role.rank {
            Rank::Government => vec![(60, all(Rank::Province)), (40, all(Rank::Ministry))],
            Rank::Ministry => vec![
                (50, all(Rank::Province)),
                (20, own(Rank::MinistryUnit)),
                (15, all(Rank::Ministry)),
                (15, government),
            ],
            Rank::MinistryUnit => vec![
                (40, own(Rank::Ministry)),
                (40, all(Rank::Department)),
                (20, own(Rank::MinistryUnit)),
            ],
            Rank::Province => vec![
                (35, departments),
                (30, communes),
                (15, all(Rank::Ministry)),
                (10, all(Rank::Province)),
                (10, government),
            ],
            Rank::Department => vec![
                (35, own(Rank::Province)),
                (25, communes),
                (20, departments),
                (12, all(Rank::Ministry)),
                (8, all(Rank::Department)),
            ],
            Rank::Commune => vec![(45, own(Rank::Province)), (40, departments), (15, communes)],
        };
        circles.into_iter().filter(|(_, who)| who.iter().any(|other| *other != ix)).collect()
    }
}

fn role(directory: &Directory, member: &Arc<Member>, code: AgencyCode) -> Option<Role> {
    let agency = directory.agency_of(&code)?;
    let root = directory.agency_of(&code.root()).unwrap_or(agency);
    let rank = match agency.kind {
        _ if code.as_str() == GOVERNMENT_OFFICE => Rank::Government,
        AgencyKind::Province => Rank::Province,
        AgencyKind::ProvinceUnit | AgencyKind::District => Rank::Department,
        AgencyKind::Commune => Rank::Commune,
        AgencyKind::MinistryUnit => Rank::MinistryUnit,
        AgencyKind::Ministry
        | AgencyKind::MinisterialAgency
        | AgencyKind::Agency
        | AgencyKind::Platform
        | AgencyKind::NationalDb => Rank::Ministry,
    };
    Some(Role {
        member: Arc::clone(member),
        platform: member.platform,
        code,
        name: Arc::clone(&agency.name_vi),
        sign: sign(&agency.name_vi).into(),
        place: place(&root.name_vi).into(),
        rank,
        weight: weight(rank, &code.root()),
    })
}

const GOVERNMENT_OFFICE: &str = "G22";

/// Assumed: provinces by their people; what is below them and the ministries beside them in proportion.
fn weight(rank: Rank, root: &AgencyCode) -> f64 {
    let people = words::POPULATIONS
        .iter()
        .find(|(code, _)| *code == root.as_str())
        .map_or(2.0, |(_, people)| *people);
    match rank {
        Rank::Government => 8.0,
        Rank::Ministry => 5.0,
        Rank::MinistryUnit => 0.8,
        Rank::Province => people,
        Rank::Department => people * 0.3,
        Rank::Commune => people * 0.1,
    }
}

/// `Sở Khoa học và Công nghệ tỉnh Tuyên Quang` signs `SKHCN`, a People's Committee `UBND` (NĐ 30/2020: initials).
fn sign(name: &str) -> String {
    if name.starts_with("UBND") {
        return "UBND".to_owned();
    }
    let mut sign = String::new();
    for (place, word) in name.split_whitespace().enumerate() {
        let is_end = ["tỉnh", "thành", "Việt"].contains(&word) || (place > 0 && word == "Bộ");
        if is_end {
            break;
        }
        if word == "và" {
            continue;
        }
        let is_short = word.len() > 1 && word.chars().all(char::is_uppercase);
        match word.chars().next() {
            Some(_) if is_short => sign.push_str(word),
            Some(first) if first.is_alphabetic() => sign.extend(first.to_uppercase()),
            _ => {}
        }
    }
    if sign.is_empty() { "VP".to_owned() } else { sign.chars().take(12).collect() }
}

fn place(root: &str) -> String {
    root.strip_prefix("UBND Tỉnh ")
        .or_else(|| root.strip_prefix("UBND Thành phố "))
        .unwrap_or("Hà Nội")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agencies_sign_with_their_initials() {
        let table = [
            ("UBND Tỉnh Tuyên Quang", "UBND"),
            ("UBND xã Bình An tỉnh Tuyên Quang", "UBND"),
            ("Bộ Tài chính", "BTC"),
            ("Bộ Khoa học và Công nghệ", "BKHCN"),
            ("Văn phòng Chính phủ", "VPCP"),
            ("Văn phòng UBND tỉnh Nghệ An", "VPUBND"),
            ("Sở Khoa học và Công nghệ thành phố Hà Nội", "SKHCN"),
            ("Vụ Kế hoạch Bộ Tài chính", "VKH"),
            ("Ngân hàng Nhà nước Việt Nam", "NHNN"),
        ];
        for (name, expected) in table {
            assert_eq!(sign(name), expected, "{name}");
        }
        assert_eq!(place("UBND Thành phố Hà Nội"), "Hà Nội");
        assert_eq!(place("Bộ Tài chính"), "Hà Nội");
    }
}
