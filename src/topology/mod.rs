//! The topology file: which platforms and members exist, whom they speak for, every limit and setting.
//!
//! The TOML becomes final types in one step: whoever holds a `Topology` holds one in which every name is
//! resolved and every relation holds. All mistakes of a file are found at once.
//!
//! Invariant: nothing else in the house reads configuration files or the environment.

mod agencies;
pub mod environment;
pub mod limits;
mod members;
pub mod mistake;
mod platforms;
mod reader;
mod rules;
mod sandbox;
mod services;
pub mod settings;
pub mod shipped;

use crate::domain::agency::AgencyCode;
use crate::domain::behaviour::Behaviour;
use crate::domain::conditions::{LinkConditions, PlatformConditions};
use crate::domain::directory::{Directory, Members};
use crate::domain::fact::PlatformId;
use crate::domain::routing::{Node, PlatformIx, RoutingTable};
use crate::domain::service::Groups;
use crate::rules::RuleSet;
use jiff::civil::Date;
use platforms::Surroundings;
use reader::{Log, Table};
use shipped::Place;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

pub use limits::Limits;
pub use mistake::{Code, Lang, Mistake, Mistakes, Style};
pub use sandbox::{SandboxCredential, SandboxError};
pub use services::{ApplicationEntry, NdopEntry, ServiceEntry};
pub use settings::{
    CrlExpired, Documents, LockedReceiver, Reading, Secrecy, SettingInfo, SignaturePolicy,
    StatusOrder, TextFile, TlsSettings, XRoadSettings,
};

/// Everything a process is started with.
#[derive(Clone, Debug)]
pub struct Topology {
    pub name: Arc<str>,
    /// The first part of every member's id.
    pub instance: Arc<str>,
    /// By `PlatformIx`.
    pub platforms: Vec<Platform>,
    pub members: Members,
    /// As the files have it; journalled changes come on top.
    pub directory: Directory,
    pub routes: RoutingTable,
    /// The ways of calls: security server, LGSP, NDXP.
    pub call_routes: RoutingTable,
    pub services: Vec<ServiceEntry>,
    pub groups: Groups,
    pub applications: Vec<ApplicationEntry>,
    pub simulated: Simulated,
    /// Every call is reported to it, when there is one.
    pub ndop: Option<NdopEntry>,
    /// Response rules of simulated systems, by their names.
    pub rules: BTreeMap<String, RuleSet>,
    /// How simulated systems behave from the start, by their names.
    pub behaviours: BTreeMap<String, Behaviour>,
    /// The day the directory is fixed to; `None` when it follows the calendar.
    pub on: Option<Date>,
    pub operator_port: u16,
    /// The public door, when there is one.
    pub public_port: Option<u16>,
    /// Where the platforms' ports begin.
    pub port_base: u16,
    pub limits: Limits,
    pub documents: Documents,
    pub tls: TlsSettings,
    pub xroad: XRoadSettings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlatformKind {
    Lgsp,
    Axis,
    Ndxp,
    /// A security server: relays for agency systems, stores nothing.
    Ss,
}

impl PlatformKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lgsp => "lgsp",
            Self::Axis => "axis",
            Self::Ndxp => "ndxp",
            Self::Ss => "ss",
        }
    }
}

/// How callers are identified at a port (design.md 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListenerKind {
    /// A client certificate is required.
    Mtls,
    /// A client certificate is asked for; otherwise the credential inside counts, or, at a security server, the
    /// member's `Connection`.
    Tls,
    /// Plain HTTP of a security server.
    Local,
}

impl ListenerKind {
    /// Where its port stands after the platform's first.
    const fn offset(self) -> u16 {
        match self {
            Self::Mtls => 0,
            Self::Tls => 1,
            Self::Local => 2,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    pub kind: ListenerKind,
    /// 0: any that is free.
    pub port: u16,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Platform {
    pub ix: PlatformIx,
    pub id: PlatformId,
    pub name: Arc<str>,
    /// `VN:PLATFORM:<name>`: the name in its certificate.
    pub peer_id: Arc<str>,
    pub kind: PlatformKind,
    pub name_vi: Arc<str>,
    pub name_en: Arc<str>,
    pub parent: Option<PlatformIx>,
    /// The agencies homed here, with all below them that are homed nowhere nearer.
    pub roots: Vec<AgencyCode>,
    /// An IP address or a host name.
    pub address: Arc<str>,
    pub listeners: Vec<Listener>,
    /// False: exists in name only.
    pub active: bool,
    pub conditions: PlatformConditions,
    /// Of the link to the parent, both ways.
    pub link: LinkConditions,
    /// A security server's plain port may be reached from other machines, by `allow` only.
    pub is_beyond_loopback: bool,
    /// Networks as address and prefix length.
    pub allow: Vec<(IpAddr, u8)>,
    /// Of a security server: where load balancers ask for its health (wire/xroad.md 2.11); `None` is off.
    pub health_port: Option<u16>,
}

impl Platform {
    pub fn port(&self, kind: ListenerKind) -> Option<u16> {
        self.listeners.iter().find(|l| l.kind == kind).map(|l| l.port)
    }

    /// Keeps and hands on documents: an LGSP or the axis, not in name only.
    pub const fn carries(&self) -> bool {
        self.active && matches!(self.kind, PlatformKind::Lgsp | PlatformKind::Axis)
    }
}

/// What a topology cannot know by itself.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// Vietnam's date, for a directory that follows the calendar.
    pub today: Date,
    /// Places codes in hash tables; fixed in tests, random live.
    pub seed: u64,
    /// The names of the simulated systems that this program has.
    pub systems: &'static [&'static str],
}

impl Topology {
    /// Reads a file, or a shipped topology by its name: `sandbox`, `national`, `national-2024`.
    pub fn load(path: &str, given: Given) -> Result<Self, Mistakes> {
        match shipped::open(path) {
            Ok(found) => Self::read(&found.name, &found.text, &found.place, given),
            Err(reason) => {
                let log = Log::default();
                log.add_source(path, Arc::default());
                let mistake = settings::unreadable(path, 0..0, &reason);
                log.push(mistake.suggest(path, shipped::configs()));
                Err(log.into_mistakes())
            }
        }
    }

    /// Reads a text; files that it names come from the binary.
    pub fn load_str(name: &str, text: &str, given: Given) -> Result<Self, Mistakes> {
        Self::read(name, text, &Place::BuiltIn, given)
    }

    fn read(name: &str, text: &str, place: &Place, given: Given) -> Result<Self, Mistakes> {
        let log = Log::default();
        log.add_source(name, text.into());
        match Self::read_document(text, place, given, &log) {
            Some(topology) if log.is_empty() => Ok(topology),
            _ => Err(log.into_mistakes()),
        }
    }

    fn read_document(
        text: &str,
        place: &Place,
        Given { today, seed, systems }: Given,
        log: &Log,
    ) -> Option<Self> {
        let document = reader::parse(text, log)?;
        let mut file = Table::new(log, &document);
        check_version(&mut file);
        let about = About::read(file.table("topology", "[topology]"));
        let instance = about.instance;
        let ports = Ports::read(file.table("ports", "[ports]"));
        let limits = Limits::read(file.table("limits", "[limits]"));
        let documents = Documents::read(file.table("documents", "[documents]"), log, place);
        let tls = TlsSettings::read(file.table("tls", "[tls]"));
        let xroad = XRoadSettings::read(file.table("xroad", "[xroad]"));
        let drafts = file.tables("platform", "[[platform]]");
        let drafts = platforms::read(drafts, log);
        let roots: Vec<_> = drafts.iter().flat_map(|d| &d.roots).map(|root| root.0).collect();
        let directory = file.table("directory", "[directory]");
        let wanted = agencies::read(directory, log, place, &roots);
        let today = wanted.on.unwrap_or(today);
        let directory = Directory::from_rows(wanted.rows, today, seed);
        let Ports { base, operator, public } = ports;
        let around = Surroundings { instance, directory: &directory, base, operator: &operator };
        let platforms = platforms::resolve(&drafts, &around, log);
        let routes = RoutingTable::new(platforms.iter().map(node).collect(), &directory);
        let mut members = members::Reader {
            log,
            place,
            instance,
            drafts: &drafts,
            platforms: &platforms,
            directory: &directory,
            routes: &routes,
            members: Members::default(),
        };
        let explicit = file.tables("member", "[[member]]");
        explicit.into_iter().for_each(|table| members.member(table));
        let many = file.tables("virtual", "[[virtual]]");
        many.into_iter().for_each(|table| members.virtuals(table));
        let members = members.members;
        let call_routes = call_routes(&platforms);
        let around =
            services::Around { log, instance, drafts: &drafts, platforms: &platforms, systems };
        let (groups, services) = services::read(&mut file, &around);
        let ndop = services::ndop(&mut file, &services, &around);
        let tables = file.tables("application", "[[application]]");
        let applications = services::applications(tables, &members, log);
        let (rules, behaviours) =
            rules::read(file.tables("provider", "[[provider]]"), systems, log);
        file.finish();
        Some(Self {
            name: about.name.into(),
            instance: instance.into(),
            platforms,
            members,
            directory,
            routes,
            call_routes,
            services,
            groups,
            applications,
            simulated: about.simulated,
            ndop,
            rules,
            behaviours,
            on: wanted.on,
            operator_port: operator.0,
            public_port: public,
            port_base: base,
            limits,
            documents,
            tls,
            xroad,
        })
    }

    pub fn platform(&self, ix: PlatformIx) -> Option<&Platform> {
        self.platforms.get(ix.ix())
    }

    pub fn platform_named(&self, name: &str) -> Option<&Platform> {
        self.platforms.iter().find(|platform| &*platform.name == name)
    }

    pub fn platform_of(&self, id: PlatformId) -> Option<&Platform> {
        self.platforms.iter().find(|platform| platform.id == id)
    }

    /// The platform whose certificate carries this name.
    pub fn peer(&self, peer_id: &str) -> Option<&Platform> {
        self.platforms.iter().find(|platform| &*platform.peer_id == peer_id)
    }
}

/// What simulated systems are simulated with; keys of `[topology]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simulated {
    /// The same seed gives the same synthetic people.
    pub population_seed: u64,
    /// How many there are; none of them is held in memory.
    pub population: u32,
    /// How many times faster than in life the systems' staff works.
    pub office_pace: u32,
}

/// `[topology]`.
struct About<'d> {
    name: &'d str,
    instance: &'d str,
    simulated: Simulated,
}

impl<'d> About<'d> {
    fn read(mut table: Table<'d>) -> Self {
        let population = table.integer("population", 1..=20_000_000);
        let pace = table.integer("office_pace", 1..=1_000_000);
        let about = Self {
            name: table.string("name").map_or("lienthong", toml::Spanned::into_inner),
            instance: table.string("instance").map_or("VN", toml::Spanned::into_inner),
            simulated: Simulated {
                population_seed: table.integer("population_seed", 0..=u64::MAX).unwrap_or(1),
                population: population
                    .and_then(|all| u32::try_from(all).ok())
                    .unwrap_or(POPULATION),
                office_pace: pace.and_then(|pace| u32::try_from(pace).ok()).unwrap_or(OFFICE_PACE),
            },
        };
        table.finish();
        about
    }
}

/// `[ports]`.
struct Ports {
    base: u16,
    /// With its place in the file.
    operator: (u16, std::ops::Range<usize>),
    public: Option<u16>,
}

impl Ports {
    fn read(mut table: Table<'_>) -> Self {
        let base = port(&mut table, "base", PORT_BASE);
        let operator = port(&mut table, "operator", PORT_OPERATOR);
        let operator = (operator, table.span_of("operator"));
        let public = table.integer("public", 0..=65_535);
        let public = public.and_then(|port| u16::try_from(port).ok());
        table.finish();
        Self { base, operator, public }
    }
}

const PORT_BASE: u16 = 7100;
const POPULATION: u32 = 1_000_000;
/// A minute passes in a second.
const OFFICE_PACE: u32 = 60;
const PORT_OPERATOR: u16 = 7000;

fn port(table: &mut Table<'_>, key: &'static str, default: u16) -> u16 {
    let given = table.integer(key, 0..=65_535);
    given.and_then(|port| u16::try_from(port).ok()).unwrap_or(default)
}

fn check_version(file: &mut Table<'_>) {
    let found = file.integer("version", 0..=u64::MAX);
    if found.is_some_and(|version| version != 1) {
        file.push(Mistake::new(
            Code::UnknownVersion,
            file.span_of("version"),
            "chỉ đọc được `version = 1`",
            "only `version = 1` can be read",
        ));
    }
}

fn node(platform: &Platform) -> Node {
    let Platform { parent, ref roots, .. } = *platform;
    Node {
        name: platform.name.to_string(),
        parent,
        roots: roots.clone(),
        carries: platform.carries(),
    }
}

/// Calls go up to NDXP where documents go up to the axis.
fn call_routes(platforms: &[Platform]) -> RoutingTable {
    let ndxp = platforms.iter().find(|p| p.kind == PlatformKind::Ndxp && p.active).map(|p| p.ix);
    let nodes = platforms.iter().map(|platform| Node {
        name: platform.name.to_string(),
        parent: match platform.kind {
            PlatformKind::Ss => platform.parent,
            PlatformKind::Lgsp | PlatformKind::Axis => ndxp,
            PlatformKind::Ndxp => None,
        },
        roots: Vec::new(),
        carries: platform.active,
    });
    RoutingTable::new(nodes.collect(), &Directory::from_rows(Vec::new(), Date::ZERO, 0))
}

#[cfg(test)]
mod tests;
