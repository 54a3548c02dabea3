//! Flows across parties: what several agencies do for one purpose, one step after the other, over both planes and as
//! ordinary members. Each is one story under one id, which its calls carry as `X-Road-Issue`.
//!
//! A step is written down before it is asked and after it was answered (`stage`, `keep`); one that failed is asked
//! again as long as patience lasts, and a flow that stands still says where and why, tells the citizen so at Cổng DVCQG,
//! and can be taken up again: what was done is not done twice. A party's decision against the matter stops the dossier at
//! the portal (8), and ends the flow: who has mended the reason hands in a new one. That a platform lets nobody through is
//! no such decision.

mod ballot;
mod birth;
mod dossier;
mod land_tax;
mod line;
mod papers;
mod people;
mod play;
mod portal;
mod report;
mod runner;
mod stage;

use super::{Cast, Ground, Rank, StartError};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::domain::member_id::MemberId;
use crate::pki::{Holder, PlatformName};
use crate::providers::moment;
use crate::providers::population::{Population, Province};
use crate::providers::thue::land;
use crate::random::Random;
use crate::story::flow::{Flow, Kind, Party, State};
use crate::story::flows::Folder;
use crate::story::order::CannotBegin;
use crate::tls::{Alpn, Tls};
use serde_json::{Value, json};
use stage::Stage;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub use line::{Line, Named, envelope};
pub use papers::{Papers, PapersError};
pub use play::{Counts, Playing, play};
pub use runner::Runner;

/// Where flows run: who can be spoken with, and what there is to ask.
#[derive(Debug)]
pub struct Country {
    pub clock: Arc<SystemClock>,
    /// By member.
    pub lines: BTreeMap<String, Line>,
    /// Ids of services by their codes, `dvcqg` → `VN:GOV:G22:DVCQG/dvcqg`.
    pub services: BTreeMap<String, String>,
    /// Where flows are written down; `None` keeps nothing.
    pub folder: Option<Folder>,
    /// How long a flow goes on while a party fails or is not ready.
    pub patience: Duration,
}

/// Codes of the services that a flow calls.
const fn services(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Birth => &["dvcqg", "XacThucThongTinCongDan", "hotich", "bhxh"],
        Kind::Dossier => &["dvcqg", "paygov", "vnpost"],
        Kind::LandTax => &["dvcqg", "datdai", land::SLIP, land::NOTICE],
        Kind::Report => &["bc"],
        Kind::Ballot => &["ecabinet"],
    }
}

/// Whether a province acts in it, and whether the Government Office does.
const fn acted_by(kind: Kind) -> (bool, bool) {
    match kind {
        Kind::Birth | Kind::Dossier | Kind::LandTax => (true, false),
        Kind::Report => (true, true),
        Kind::Ballot => (false, true),
    }
}

/// Who may act in a flow.
#[derive(Clone, Debug, Default)]
pub struct Players {
    /// Of a province: the province itself, or an office below it.
    pub office: Option<Party>,
    /// Văn phòng Chính phủ.
    pub government: Option<Party>,
    pub ministries: Vec<Party>,
}

/// A new flow, its people picked by `seed`.
pub fn begin(
    kind: Kind,
    players: &Players,
    country: &Country,
    population: &Population,
    seed: u64,
) -> Result<Flow, CannotBegin> {
    for code in services(kind) {
        if !country.services.contains_key(*code) {
            return Err(CannotBegin::Service(code));
        }
    }
    let parties = parties(kind, players)?;
    let now = country.clock.now();
    let input = input(kind, &parties, population, seed)?;
    Ok(Flow {
        version: 1,
        id: id(&parties, now, seed),
        kind,
        state: State::Running,
        began_ms: now.ms(),
        ended_ms: None,
        parties,
        input,
        steps: Vec::new(),
        outcome: Value::Null,
    })
}

/// Goes on from where it stands until it is over or stands still again. `watcher` sees every change.
pub async fn run(
    mut flow: Flow,
    country: &Country,
    watcher: &mut (dyn FnMut(&Flow) + Send),
) -> Flow {
    if flow.state.is_final() {
        return flow;
    }
    flow.state = State::Running;
    flow.ended_ms = None;
    // What the citizen was told of the last stop is no step of what follows.
    flow.steps.retain(|step| !matches!(&*step.name, "portal-waiting" | portal::STOPPED));
    let kind = flow.kind;
    let mut stage = Stage::new(flow, country, watcher);
    let came = match kind {
        Kind::Birth => Box::pin(birth::run(&mut stage)).await,
        Kind::Dossier => Box::pin(dossier::run(&mut stage)).await,
        Kind::LandTax => Box::pin(land_tax::run(&mut stage)).await,
        Kind::Report => Box::pin(report::run(&mut stage)).await,
        Kind::Ballot => Box::pin(ballot::run(&mut stage)).await,
    };
    match came {
        Ok(outcome) => {
            stage.flow.outcome = outcome;
            stage.flow.state = State::Done;
        }
        Err(stop) => {
            Box::pin(stage.tell_stop(stop)).await;
            let is_closed = stage.flow.answer_of(portal::STOPPED).is_some();
            stage.flow.state = if is_closed { State::Refused } else { State::Stopped };
        }
    }
    stage.flow.ended_ms = Some(stage.now().ms());
    stage.tell();
    stage.flow
}

/// The country of `ground`, and who of its virtual members plays which part.
pub fn country(
    ground: &Ground,
    folder: Folder,
    patience: Duration,
) -> Result<(Country, Players), StartError> {
    let topology = &ground.topology;
    let cast = Cast::at(topology, |platform| ground.doors.contains_key(&platform));
    let (mut lines, mut players) = (BTreeMap::new(), Players::default());
    for role in cast.roles() {
        let member = MemberId::parse(&role.member.id)?;
        let (member, agency) = (member, role.code);
        let party = Party { member, agency, name: role.name.to_string() };
        let place = match role.rank {
            Rank::Province if players.office.is_none() => &mut players.office,
            Rank::Government if players.government.is_none() => &mut players.government,
            Rank::Ministry if players.ministries.len() < ballot::ASKED.len() => {
                players.ministries.push(party.clone());
                &mut None
            }
            Rank::Government
            | Rank::Ministry
            | Rank::MinistryUnit
            | Rank::Province
            | Rank::Department
            | Rank::Commune => continue,
        };
        let Some(line) = line(ground, &party.member)? else { continue };
        lines.insert(party.member.to_string(), line);
        *place = Some(party);
    }
    let ids = topology.services.iter().map(|service| &service.id);
    let services = ids.map(|id| (id.code().to_owned(), id.to_string())).collect();
    let clock = Arc::clone(&ground.clock);
    Ok((Country { clock, lines, services, folder: Some(folder), patience }, players))
}

/// The line of a member to its platform; none when that is not reached.
fn line(ground: &Ground, member: &MemberId) -> Result<Option<Line>, StartError> {
    let topology = &ground.topology;
    let found = topology.members.by_id(&member.to_string()).map(|caller| caller.member.platform);
    let platform = found.and_then(|ix| topology.platform(ix));
    let door = platform.and_then(|platform| ground.doors.get(&platform.ix));
    let (Some(platform), Some(&door)) = (platform, door) else { return Ok(None) };
    let bundle = ground.pki.bundle(&Holder::Member(member.clone()));
    let papers = Papers::read(&bundle.key, &bundle.chain, &ground.pki.dir().join("ca.pem"))?;
    let tls = Tls::load(&ground.trust, bundle.into())?;
    let name = PlatformName::new(&platform.name)?;
    let client = Arc::new(tls.client(Some(name), Alpn::Http2)?);
    Ok(Some(Line::new(&ground.clock, (client, papers), member.clone(), door)))
}

impl Players {
    /// Of the heads of provinces and ministries: the first province, the Government Office, the first ministries.
    pub fn among(heads: impl IntoIterator<Item = Party>) -> Self {
        let mut players = Self::default();
        for party in heads {
            let code = party.agency.as_str();
            if code == GOVERNMENT_CODE {
                players.government = Some(party);
            } else if code.starts_with('H') {
                players.office.get_or_insert(party);
            } else if code.starts_with('G') && players.ministries.len() < ballot::ASKED.len() {
                players.ministries.push(party);
            }
        }
        players
    }

    pub fn all(&self) -> impl Iterator<Item = &Party> {
        let heads = self.office.iter().chain(&self.government);
        heads.chain(&self.ministries)
    }

    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Party> {
        let heads = self.office.iter_mut().chain(&mut self.government);
        heads.chain(&mut self.ministries)
    }
}

/// Văn phòng Chính phủ.
const GOVERNMENT_CODE: &str = "G22";

impl Country {
    fn line(&self, flow: &Flow, role: &str) -> Option<&Line> {
        let party = flow.parties.get(role)?;
        self.lines.get(&party.member.to_string())
    }
}

fn parties(kind: Kind, players: &Players) -> Result<BTreeMap<String, Party>, CannotBegin> {
    let mut parties = BTreeMap::new();
    let (wants_office, wants_government) = acted_by(kind);
    if wants_office {
        let office =
            players.office.clone().ok_or_else(|| CannotBegin::Party("office".to_owned()))?;
        parties.insert(portal::OFFICE.to_owned(), office);
    }
    if wants_government {
        let government =
            players.government.clone().ok_or_else(|| CannotBegin::Party("G22".to_owned()))?;
        parties.insert(ballot::GOVERNMENT.to_owned(), government);
    }
    if kind == Kind::Ballot {
        if players.ministries.is_empty() {
            return Err(CannotBegin::Party("ministry".to_owned()));
        }
        let asked = ballot::ASKED.into_iter().map(str::to_owned);
        parties.extend(asked.zip(players.ministries.iter().cloned()));
    }
    Ok(parties)
}

fn input(
    kind: Kind,
    parties: &BTreeMap<String, Party>,
    population: &Population,
    seed: u64,
) -> Result<Value, CannotBegin> {
    let province = || {
        let office = parties.get(portal::OFFICE)?;
        Province::by_agency_code(office.agency.root().as_str())
    };
    let found = match kind {
        Kind::Birth => province().and_then(|of| people::birth(population, of, seed)),
        Kind::Dossier => province().and_then(|of| people::citizen(population, of, seed)),
        Kind::LandTax => province().and_then(|of| people::owner(population, of, seed)),
        Kind::Report => {
            let mut random = Random::new(seed);
            let mut draw = |from: u64, to: u64| from + random.below(to - from);
            Some(json!({
                "dataTypeId": draw(1, 5), "periodId": draw(1, 13), "dataYear": draw(2_000, 2_100),
            }))
        }
        Kind::Ballot => Some(Value::Null),
    };
    found.ok_or(CannotBegin::Person)
}

/// In the form of a dossier code: `<agency code>-<yyMMdd>-<serial>` (domain.md 3.1).
fn id(parties: &BTreeMap<String, Party>, now: Timestamp, seed: u64) -> String {
    let first = parties.get(portal::OFFICE).or_else(|| parties.get(ballot::GOVERNMENT));
    let code = first.map(|party| party.agency.as_str().to_owned()).unwrap_or_default();
    let ms = i64::try_from(now.ms()).unwrap_or(0);
    let day = moment::compact(ms);
    let serial = Random::stream(seed, now.ms()).below(100_000_000);
    format!("{code}-{}-{serial:08}", day.get(2..8).unwrap_or_default())
}
