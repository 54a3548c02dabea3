//! Flows that a running process is asked to run: in the background, so many at a time. They end with the process, and
//! stand still then until somebody takes them up again.

use super::super::Ground;
use super::{Country, Players, begin, line, run};
use crate::clock::{Clock, Timestamp};
use crate::domain::agency::AgencyCode;
use crate::domain::directory::{Member, MemberKind};
use crate::domain::member_id::MemberId;
use crate::providers::population::Population;
use crate::random::Random;
use crate::story::flow::{Flow, Kind, Party, State};
use crate::story::flows::{Folder, Held};
use crate::story::order::{CannotBegin, Order, Refused, Wanted};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Carries orders out.
#[derive(Debug)]
pub struct Runner {
    ground: Ground,
    folder: Folder,
    population: Arc<Population>,
    /// Under way at once; more are refused.
    flows_max: usize,
    random: Random,
}

const LETTING_GO_MAX: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A flow that nobody else runs, and where it runs.
type Begun = (Flow, Held, Country);

impl Runner {
    /// `seed` picks people for orders that name no seed.
    pub const fn new(
        ground: Ground,
        folder: Folder,
        population: Arc<Population>,
        flows_max: usize,
        seed: u64,
    ) -> Self {
        Self { ground, folder, population, flows_max, random: Random::new(seed) }
    }

    /// Until `stop`, or until nobody can order any more.
    pub async fn serve(mut self, mut orders: mpsc::Receiver<Order>, stop: CancellationToken) {
        let (tasks, places) = (TaskTracker::new(), Arc::new(Semaphore::new(self.flows_max)));
        while let Some(Some(order)) = stop.run_until_cancelled(orders.recv()).await {
            let Order { wanted, patience, services, answer } = order;
            let begun = match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let begun = self.take_up(wanted, services, patience).await;
                    begun.map(|begun| (begun, place))
                }
                Err(_none_left) => Err(Refused::Full),
            };
            let ((flow, held, country), place) = match begun {
                Ok(begun) => begun,
                Err(refused) => {
                    // Whoever no longer waits for the answer needs none.
                    answer.send(Err(refused)).ok();
                    continue;
                }
            };
            answer.send(Ok(flow.clone())).ok();
            let stop = stop.clone();
            tasks.spawn(async move {
                let _held = held;
                let mut place = Some(place);
                // Before its end can be read: whoever sees it has room for another.
                let mut watcher = |flow: &Flow| drop(flow.ended_ms.and_then(|_| place.take()));
                let running = Box::pin(run(flow, &country, &mut watcher));
                stop.run_until_cancelled(running).await;
            });
        }
        tasks.close();
        tasks.wait().await;
    }

    async fn take_up(
        &mut self,
        wanted: Wanted,
        services: BTreeMap<String, String>,
        patience: Duration,
    ) -> Result<Begun, Refused> {
        match wanted {
            Wanted::New { kind, seed, office } => {
                let players = self.players(office)?;
                let country =
                    self.country(&players.all().collect::<Vec<_>>(), services, patience)?;
                let seed = seed.unwrap_or_else(|| self.random.next());
                self.begin(kind, &players, country, seed).await
            }
            Wanted::Again(id) => {
                let (mut flow, held) = self.take(&id).await?;
                match flow.state {
                    State::Done => {}
                    State::Refused => return Err(Refused::Over),
                    State::Running | State::Stopped => {
                        flow.state = State::Running;
                        self.folder.save(&flow).map_err(|error| failed(&error))?;
                    }
                }
                let parties: Vec<&Party> = flow.parties.values().collect();
                let country = self.country(&parties, services, patience)?;
                Ok((flow, held, country))
            }
        }
    }

    /// A flow that says that it stands still and is held all the same is let go in a moment.
    async fn take(&self, id: &str) -> Result<(Flow, Held), Refused> {
        let clock = &self.ground.clock;
        let until = clock.now().plus(LETTING_GO_MAX);
        loop {
            let taken = self.folder.take(id).map_err(|error| failed(&error));
            let is_ending = || self.folder.load(id).is_ok_and(|it| it.state != State::Running);
            if !matches!(taken, Err(Refused::UnderWay)) || clock.now() > until || !is_ending() {
                return taken;
            }
            clock.sleep_until(clock.now().plus(LOOK_EVERY)).await;
        }
    }

    async fn begin(
        &self,
        kind: Kind,
        players: &Players,
        country: Country,
        seed: u64,
    ) -> Result<Begun, Refused> {
        loop {
            let flow = begin(kind, players, &country, &self.population, seed);
            let flow = flow.map_err(Refused::Lacking)?;
            if self.folder.load(&flow.id).is_ok() {
                // The same seed in the same millisecond; the next has another id.
                let next = Timestamp::from_ms(flow.began_ms + 1);
                country.clock.sleep_until(next).await;
                continue;
            }
            self.folder.prune().map_err(|error| failed(&error))?;
            let held = self.folder.hold(&flow.id).map_err(|error| failed(&error))?;
            // Whoever is told its id finds it.
            self.folder.save(&flow).map_err(|error| failed(&error))?;
            return Ok((flow, held, country));
        }
    }

    fn country(
        &self,
        parties: &[&Party],
        services: BTreeMap<String, String>,
        patience: Duration,
    ) -> Result<Country, Refused> {
        let mut lines = BTreeMap::new();
        for party in parties {
            let found = line(&self.ground, &party.member);
            let found = found.map_err(|error| Refused::Failed(error.to_string()))?;
            let id = party.member.to_string();
            let line = found.ok_or_else(|| Refused::Lacking(CannotBegin::Party(id.clone())))?;
            lines.insert(id, line);
        }
        let (clock, folder) = (Arc::clone(&self.ground.clock), Some(self.folder.clone()));
        Ok(Country { clock, lines, services, folder, patience })
    }

    /// Members of platforms that are reached.
    fn players(&self, office: Option<AgencyCode>) -> Result<Players, Refused> {
        let members: Vec<&Arc<Member>> = self
            .ground
            .topology
            .members
            .iter()
            .filter(|member| self.ground.doors.contains_key(&member.platform))
            .collect();
        let heads = members.iter().filter_map(|member| {
            let place = member.codes.iter().position(|code| code.level() == 1)?;
            self.party(member, place)
        });
        let mut players = Players::among(heads);
        if let Some(code) = office {
            let level = |member: &Member| {
                let own = member.codes.iter().filter(|own| code.is_at_or_below(own));
                own.map(AgencyCode::level).max()
            };
            let rank = |member: &&&Arc<Member>| {
                (Reverse(level(member)), member.kind != MemberKind::External)
            };
            let able = members.iter().filter(|member| member.speaks_for(&code)).min_by_key(rank);
            let acting = able.and_then(|member| self.party(member, 0));
            let nobody = || Refused::Lacking(CannotBegin::Party(code.as_str().to_owned()));
            players.office = Some(acting.ok_or_else(nobody)?);
        }
        Ok(players)
    }

    /// A member acting for the agency at this place among its own.
    fn party(&self, member: &Member, place: usize) -> Option<Party> {
        let (code, id) = (member.codes.get(place)?, member.agencies.get(place)?);
        let agency = self.ground.topology.directory.agency(*id);
        Some(Party {
            member: MemberId::parse(&member.id).ok()?,
            agency: *code,
            name: agency.name_vi.to_string(),
        })
    }
}

fn failed(error: &io::Error) -> Refused {
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        return Refused::Unknown;
    }
    if kind == io::ErrorKind::WouldBlock {
        return Refused::UnderWay;
    }
    Refused::Failed(error.to_string())
}
