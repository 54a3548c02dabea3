//! The same pipeline in virtual time: a scenario and a seed go in, a report comes out.
//!
//! Only the three ports are modelled. Whoever finds a violation prints the seed: the same scenario with the
//! same seed does the same again, poll by poll.

pub mod clock;
pub mod disk;
pub mod executor;
pub mod history;
pub mod journal;
pub mod network;
pub mod options;
pub mod oracle;
pub mod workload;
pub mod world;

use crate::clock::{Clock, Timestamp};
use crate::domain::conditions::LinkConditions;
use crate::domain::routing::PlatformIx;
use crate::random::Random;
use crate::topology::Topology;
use disk::DiskFaults;
use network::NetworkCounts;
use options::WorkOptions;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use workload::Workload;
use world::{Country, OUTSIDE, World, WorldOptions};

/// What is to happen in a country.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub world: WorldOptions,
    pub work: WorkOptions,
    /// Of every link while the work goes on; afterwards they are ideal.
    pub link: LinkConditions,
    /// Of every disk while the work goes on.
    pub disk: DiskFaults,
    /// Of the disk of one process instead.
    pub disk_of: Option<(usize, DiskFaults)>,
    /// The mean time between two crashes of any process.
    pub crash_every: Option<Duration>,
    /// The mean time between two outages of any link, and how long one lasts on average.
    pub outage_every: Option<(Duration, Duration)>,
    /// How long the authors may take, and how long all may take to come to rest afterwards.
    pub span_max: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    pub seed: u64,
    /// Empty when every promise was kept.
    pub violations: Vec<String>,
    /// The same for the same scenario and seed.
    pub fingerprint: u64,
    pub letters: usize,
    /// Sights of a document in an inbox.
    pub deliveries: usize,
    pub restarts: u64,
    pub network: NetworkCounts,
    /// Journal entries of all processes.
    pub entries: u64,
    /// Flushes and checkpoints, per process.
    pub writes: Vec<u64>,
    pub ended_at: Timestamp,
}

/// Runs a scenario to its end and has it judged.
pub fn run(topology: &Arc<Topology>, scenario: &Scenario) -> Report {
    let mut world = World::new(Arc::clone(topology), scenario.world.clone());
    let country = Arc::clone(&world.country);
    set_links(&country, scenario.link);
    for (place, disk) in country.disks().enumerate() {
        let own = scenario.disk_of.filter(|(other, _)| *other == place);
        disk.set_faults(own.map_or(scenario.disk, |(_, faults)| faults));
    }
    let seed = scenario.world.seed;
    let is_calm = Arc::new(AtomicBool::new(false));
    for work in hazards(&country, scenario, &is_calm) {
        country.control.spawn(OUTSIDE, work);
    }
    let work = Workload::start(&country, &scenario.work, seed);
    let in_time = run_while(&mut world, scenario.span_max, || work.authors_left() > 0);
    is_calm.store(true, Ordering::Relaxed);
    set_links(&country, LinkConditions::default());
    for disk in country.disks() {
        disk.set_faults(DiskFaults::default());
    }
    let rested =
        run_while(&mut world, scenario.span_max, || !work.is_at_rest() || !is_at_rest(&country));
    // Once more everybody looks at everything.
    world.run_for(scenario.work.poll * 10);
    for desk in work.desks().iter().map(Arc::clone) {
        let country = Arc::clone(&country);
        world.run(scenario.span_max, async move { workload::look_back(&desk, &country).await });
    }
    let mut violations = oracle::judge(&work.history.lock());
    violations.extend(country.complaints());
    if !in_time || !rested {
        violations.push(format!("not at rest in time: {} authors left", work.authors_left()));
    }
    let history = work.history.lock();
    Report {
        seed,
        violations,
        fingerprint: world.fingerprint(),
        letters: history.letters.len(),
        deliveries: history.seen.values().map(Vec::len).sum(),
        restarts: country.restarts(),
        network: country.network.counts(),
        entries: country.disks().map(|disk| disk.entries()).sum(),
        writes: country.disks().map(|disk| disk.writes()).collect(),
        ended_at: world.now(),
    }
}

/// True when it came to an end in time.
pub fn run_while(world: &mut World, span_max: Duration, goes_on: impl Fn() -> bool) -> bool {
    let deadline = world.now().plus(span_max);
    while goes_on() {
        if world.now() >= deadline {
            return false;
        }
        world.run_for(STEP);
    }
    true
}

/// Every process is up, nothing waits for a neighbour, and every inbox is done with.
pub fn is_at_rest(country: &Country) -> bool {
    let carries = country.topology.platforms.iter().filter(|p| p.active && p.carries());
    carries.map(|platform| platform.ix).all(|ix| {
        country.pipeline(ix).is_some_and(|pipeline| {
            pipeline
                .platform(ix)
                .is_some_and(|platform| platform.post.lock().tracking.depths() == (0, 0))
        })
    })
}

/// Gives every link the same conditions.
pub fn set_links(country: &Country, conditions: LinkConditions) {
    for child in children(country) {
        country.network.set_link(child, conditions);
    }
}

fn children(country: &Country) -> Vec<PlatformIx> {
    let platforms = country.topology.platforms.iter();
    platforms.filter(|platform| platform.parent.is_some()).map(|platform| platform.ix).collect()
}

type Hazard = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

fn hazards(country: &Arc<Country>, scenario: &Scenario, is_calm: &Arc<AtomicBool>) -> Vec<Hazard> {
    let seed = scenario.world.seed;
    let mut hazards: Vec<Hazard> = Vec::new();
    if let Some(mean) = scenario.crash_every {
        let random = Random::stream(seed, 0x6372_6173);
        hazards.push(Box::pin(crashes(Arc::clone(country), Arc::clone(is_calm), random, mean)));
    }
    if let Some(means) = scenario.outage_every {
        let random = Random::stream(seed, 0x6f75_7461);
        let outages =
            outages(Arc::clone(country), Arc::clone(is_calm), random, means, scenario.link);
        hazards.push(Box::pin(outages));
    }
    hazards
}

async fn crashes(
    country: Arc<Country>,
    is_calm: Arc<AtomicBool>,
    mut random: Random,
    mean: Duration,
) {
    loop {
        sleep(&country, random.exponential(mean.as_secs_f64())).await;
        if is_calm.load(Ordering::Relaxed) {
            return;
        }
        let place = random.below(country.processes_len() as u64);
        country.crash(usize::try_from(place).unwrap_or_default());
    }
}

async fn outages(
    country: Arc<Country>,
    is_calm: Arc<AtomicBool>,
    mut random: Random,
    (every, lasts): (Duration, Duration),
    link: LinkConditions,
) {
    let children = children(&country);
    loop {
        sleep(&country, random.exponential(every.as_secs_f64())).await;
        let place = usize::try_from(random.below(children.len() as u64)).unwrap_or_default();
        let Some(child) = children.get(place).copied() else { return };
        if is_calm.load(Ordering::Relaxed) {
            return;
        }
        country.network.set_link(child, LinkConditions { down: true, ..link });
        sleep(&country, random.exponential(lasts.as_secs_f64())).await;
        let after = if is_calm.load(Ordering::Relaxed) { LinkConditions::default() } else { link };
        country.network.set_link(child, after);
    }
}

async fn sleep(country: &Country, seconds: f64) {
    let at = country.clock.now().plus(Duration::from_secs_f64(seconds));
    country.clock.sleep_until(at).await;
}

/// How finely the end of the work is noticed.
const STEP: Duration = Duration::from_secs(1);
