//! `RoutingTable`: which platform an agency lives at, and which neighbour leads there. The hot lookup.
//!
//! Platforms form trees (agency systems below LGSPs below the axis). A child link speaks for the agencies
//! homed below it, the parent link for all others, and nothing returns over the link it came by.
//!
//! Invariant: following next hops from anywhere ends at the home in at most as many steps as there are platforms.

use super::agency::AgencyCode;
use super::directory::{AgencyId, Directory};
use std::collections::BTreeMap;

/// A platform's place in the topology file, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlatformIx(pub u16);

impl PlatformIx {
    pub const fn ix(self) -> usize {
        self.0 as usize
    }
}

/// What routing needs to know of a platform.
#[derive(Clone, Debug, Default)]
pub struct Node {
    pub name: String,
    pub parent: Option<PlatformIx>,
    /// The agencies that live here, with all below them that live nowhere nearer.
    pub roots: Vec<AgencyCode>,
    /// Carries documents: false for a platform in name only.
    pub carries: bool,
}

/// The next step towards an agency or a platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hop {
    /// It lives here.
    Here,
    /// Hand it to this neighbour.
    Link(PlatformIx),
    /// No platform leads there.
    NoRoute,
}

/// An immutable snapshot, swapped whole.
#[derive(Clone, Debug)]
pub struct RoutingTable {
    nodes: Vec<Node>,
    roots: BTreeMap<AgencyCode, PlatformIx>,
    /// By `AgencyId`.
    homes: Vec<PlatformIx>,
    /// By platform, then by destination platform.
    hops: Vec<Hop>,
}

/// Stands in `homes` for an agency that no platform serves.
const NOWHERE: PlatformIx = PlatformIx(u16::MAX);

impl RoutingTable {
    /// Where two platforms name the same root the first has it; the topology refuses that before.
    pub fn new(nodes: Vec<Node>, directory: &Directory) -> Self {
        let mut roots = BTreeMap::new();
        for (at, node) in (0..).map(PlatformIx).zip(&nodes).filter(|(_, node)| node.carries) {
            for root in &node.roots {
                roots.entry(*root).or_insert(at);
            }
        }
        let hops = all_hops(&nodes);
        let mut table = Self { nodes, roots, homes: Vec::new(), hops };
        table.extend(directory);
        table
    }

    /// Gives a home to agencies that were registered since.
    #[must_use]
    pub fn with(&self, directory: &Directory) -> Self {
        let mut next = self.clone();
        next.extend(directory);
        next
    }

    fn extend(&mut self, directory: &Directory) {
        let known = self.homes.len();
        self.homes.reserve(directory.len().saturating_sub(known));
        for id in directory.ids().skip(known) {
            let home = self.home_of(&directory.agency(id).code).unwrap_or(NOWHERE);
            self.homes.push(home);
        }
    }

    /// The platform whose root is the longest prefix of a code, known to the directory or not.
    pub fn home_of(&self, code: &AgencyCode) -> Option<PlatformIx> {
        let mut at = Some(*code);
        while let Some(code) = at {
            if let Some(home) = self.roots.get(&code) {
                return Some(*home);
            }
            at = code.parent();
        }
        None
    }

    #[inline]
    pub fn home(&self, agency: AgencyId) -> Option<PlatformIx> {
        self.homes.get(agency.ix()).copied().filter(|home| *home != NOWHERE)
    }

    /// Two array indexes.
    #[inline]
    pub fn next_hop(&self, at: PlatformIx, to: AgencyId) -> Hop {
        let home = self.homes.get(to.ix()).copied().unwrap_or(NOWHERE);
        self.next_hop_to_platform(at, home)
    }

    /// Towards a platform: the way back of reports to where the sender handed in.
    #[inline]
    pub fn next_hop_to_platform(&self, at: PlatformIx, to: PlatformIx) -> Hop {
        if to.ix() >= self.nodes.len() {
            return Hop::NoRoute;
        }
        self.hops.get(at.ix() * self.nodes.len() + to.ix()).copied().unwrap_or(Hop::NoRoute)
    }

    /// The next hop for what came over a link: never the same link.
    pub fn next_hop_from(&self, via: PlatformIx, at: PlatformIx, to: AgencyId) -> Hop {
        let hop = self.next_hop(at, to);
        if hop == Hop::Link(via) { Hop::NoRoute } else { hop }
    }

    /// May `neighbour` hand in to `at` what this agency sent? A child for those homed below it, the
    /// parent for all others, nobody else for anyone.
    pub fn speaks_for(&self, neighbour: PlatformIx, at: PlatformIx, agency: AgencyId) -> bool {
        if self.parent(neighbour) == Some(at) {
            self.next_hop(at, agency) == Hop::Link(neighbour)
        } else if self.parent(at) == Some(neighbour) {
            let hop = self.next_hop(at, agency);
            hop == Hop::NoRoute || hop == Hop::Link(neighbour)
        } else {
            false
        }
    }

    pub fn parent(&self, at: PlatformIx) -> Option<PlatformIx> {
        self.nodes.get(at.ix()).and_then(|node| node.parent)
    }

    /// Parent and children that carry documents, in the order of the topology.
    pub fn neighbours(&self, at: PlatformIx) -> Vec<PlatformIx> {
        (0..)
            .map(PlatformIx)
            .zip(&self.nodes)
            .filter(|(other, node)| {
                node.carries && (node.parent == Some(at) || self.parent(at) == Some(*other))
            })
            .map(|(other, _)| other)
            .collect()
    }

    /// The name of a platform; empty for one that is not in the topology.
    pub fn platform_name(&self, at: PlatformIx) -> &str {
        self.nodes.get(at.ix()).map(|node| node.name.as_str()).unwrap_or_default()
    }

    /// The agencies that a platform was made for; none for one that is not in the topology.
    pub fn roots(&self, at: PlatformIx) -> &[AgencyCode] {
        self.nodes.get(at.ix()).map(|node| node.roots.as_slice()).unwrap_or_default()
    }

    /// The platform of this name.
    pub fn platform(&self, name: &str) -> Option<PlatformIx> {
        (0..).map(PlatformIx).zip(&self.nodes).find(|(_, node)| node.name == name).map(|(at, _)| at)
    }

    /// The neighbour that leads to the platform of this name.
    pub fn link_to_platform(&self, at: PlatformIx, name: &str) -> Option<PlatformIx> {
        match self.next_hop_to_platform(at, self.platform(name)?) {
            Hop::Link(peer) => Some(peer),
            Hop::Here | Hop::NoRoute => None,
        }
    }

    pub const fn platforms(&self) -> usize {
        self.nodes.len()
    }
}

fn all_hops(nodes: &[Node]) -> Vec<Hop> {
    let ways: Vec<_> = (0..nodes.len()).map(|at| way_up(nodes, at)).collect();
    let mut hops = Vec::with_capacity(nodes.len() * nodes.len());
    for from in &ways {
        for to in &ways {
            hops.push(hop(from, to));
        }
    }
    hops
}

/// A platform and those above it; empty for one that does not carry. A loop of parents ends it.
fn way_up(nodes: &[Node], from: usize) -> Vec<PlatformIx> {
    let mut way = Vec::new();
    let mut at = u16::try_from(from).ok().map(PlatformIx);
    while let Some(platform) = at {
        match nodes.get(platform.ix()) {
            Some(node) if node.carries && !way.contains(&platform) => {
                way.push(platform);
                at = node.parent;
            }
            _ => break,
        }
    }
    way
}

/// Down if the destination is below, else up if there is a common root.
fn hop(from: &[PlatformIx], to: &[PlatformIx]) -> Hop {
    let (Some(here), Some(there)) = (from.first(), to.first()) else { return Hop::NoRoute };
    if here == there {
        return Hop::Here;
    }
    if let Some(depth) = to.iter().position(|p| p == here) {
        let next = depth.checked_sub(1).and_then(|below| to.get(below));
        return next.map_or(Hop::NoRoute, |next| Hop::Link(*next));
    }
    match from.get(1) {
        Some(parent) if from.last() == to.last() => Hop::Link(*parent),
        _ => Hop::NoRoute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::directory::tests::{directory, id};
    use proptest::prelude::*;

    const AXIS: PlatformIx = PlatformIx(0);
    const H60: PlatformIx = PlatformIx(1);
    const H41: PlatformIx = PlatformIx(2);
    const SO: PlatformIx = PlatformIx(3);
    const NDXP: PlatformIx = PlatformIx(4);

    fn node(parent: Option<PlatformIx>, roots: &[&str], carries: bool) -> Node {
        let roots = roots.iter().map(|code| AgencyCode::parse(code).unwrap()).collect();
        Node { name: String::new(), parent, roots, carries }
    }

    fn table() -> (RoutingTable, Directory) {
        let directory = directory("2026-01-01");
        let nodes = vec![
            node(None, &[], true),
            node(Some(AXIS), &["H60"], true),
            node(Some(AXIS), &["H41"], true),
            node(Some(H60), &["H60.09"], true),
            node(None, &["G05"], false),
        ];
        (RoutingTable::new(nodes, &directory), directory)
    }

    #[test]
    fn documents_go_by_the_longest_prefix_up_and_down_the_tree() {
        let (table, directory) = table();
        // (at, to, hop)
        let rows = [
            (H60, "H60", Hop::Here),
            (H60, "H60.101", Hop::Here),
            (H60, "H60.09", Hop::Link(SO)),
            (H60, "H41", Hop::Link(AXIS)),
            (SO, "H60.09", Hop::Here),
            (SO, "H60", Hop::Link(H60)),
            (SO, "H41", Hop::Link(H60)),
            (AXIS, "H60.09", Hop::Link(H60)),
            (AXIS, "H41", Hop::Link(H41)),
            (H41, "H60.09", Hop::Link(AXIS)),
            // No LGSP serves the ministry; a platform in name only serves nobody.
            (H60, "G12", Hop::NoRoute),
            (AXIS, "G05", Hop::NoRoute),
            (NDXP, "H60", Hop::NoRoute),
            (H60, "H60-X", Hop::NoRoute),
        ];
        for (at, to, expected) in rows {
            assert_eq!(table.next_hop(at, id(&directory, to)), expected, "{at:?} to {to}");
        }
        assert_eq!(table.next_hop_to_platform(SO, H41), Hop::Link(H60));
        assert_eq!(table.next_hop_to_platform(H60, NDXP), Hop::NoRoute);
        assert_eq!(table.next_hop_to_platform(H60, PlatformIx(99)), Hop::NoRoute);
        assert_eq!(table.next_hop_to_platform(PlatformIx(99), H60), Hop::NoRoute);
        assert_eq!(table.neighbours(H60), [AXIS, SO]);
    }

    #[test]
    fn nothing_returns_over_the_link_it_came_by() {
        let (table, directory) = table();
        let to = id(&directory, "H41");
        assert_eq!(table.next_hop_from(SO, H60, to), Hop::Link(AXIS));
        assert_eq!(table.next_hop_from(AXIS, H60, to), Hop::NoRoute);
    }

    #[test]
    fn a_child_speaks_for_those_below_and_the_parent_for_all_others() {
        let (table, directory) = table();
        // (neighbour, at, sender, may)
        let rows = [
            (H60, AXIS, "H60", true),
            (H60, AXIS, "H60.09", true),
            (H60, AXIS, "H41", false),
            (H60, AXIS, "G12", false),
            (SO, H60, "H60.09", true),
            (SO, H60, "H60", false),
            (AXIS, H60, "H41", true),
            (AXIS, H60, "G12", true),
            (AXIS, H60, "H60", false),
            (AXIS, H60, "H60.09", false),
            (H41, H60, "H41", false),
        ];
        for (neighbour, at, sender, may) in rows {
            let found = table.speaks_for(neighbour, at, id(&directory, sender));
            assert_eq!(found, may, "{neighbour:?} at {at:?} for {sender}");
        }
    }

    #[test]
    fn a_registered_agency_gets_its_home_from_its_code() {
        use crate::domain::fact::{AgencyRegistered, Fact};
        let (table, directory) = table();
        let fact = AgencyRegistered { code: "H60.09.03".to_owned(), ..Default::default() };
        let directory = directory.apply(&Fact::AgencyRegistered(Box::new(fact))).unwrap();
        let new = id(&directory, "H60.09.03");
        assert_eq!(table.next_hop(H60, new), Hop::NoRoute);
        assert_eq!(table.with(&directory).next_hop(H60, new), Hop::Link(SO));
    }

    proptest! {
        #[test]
        fn hops_always_arrive(parents in prop::collection::vec((any::<u16>(), any::<bool>()), 1..24)) {
            let nodes: Vec<Node> = parents
                .iter()
                .enumerate()
                .map(|(ix, (parent, is_root))| Node { name: ix.to_string(),
                    parent: (ix > 0 && !is_root).then(|| PlatformIx(parent % u16::try_from(ix).unwrap())),
                    roots: Vec::new(),
                    carries: true,
                })
                .collect();
            let table = RoutingTable::new(nodes, &directory("2026-01-01"));
            let all = || (0..u16::try_from(table.platforms()).unwrap()).map(PlatformIx);
            for from in all() {
                for to in all() {
                    let mut at = from;
                    let mut came_by = None;
                    for _ in 0..=table.platforms() {
                        match table.next_hop_to_platform(at, to) {
                            Hop::Here => { prop_assert_eq!(at, to); break; }
                            Hop::Link(next) => {
                                prop_assert_ne!(Some(next), came_by);
                                came_by = Some(at);
                                at = next;
                            }
                            Hop::NoRoute => { prop_assert_eq!(at, from); at = to; break; }
                        }
                    }
                    prop_assert_eq!(at, to);
                }
            }
        }
    }
}
