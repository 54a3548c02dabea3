//! Virtual agencies: ordinary members over mutual TLS that behave like real ones, and a judge of what comes of it.
//!
//! `cast` is who plays, `script` what each sends and when, `reaction` how each answers, `paper` the files; `member` is
//! one life over one connection (`post`), `audit` the judge. How a command uses it:
//!
//! ```text
//! let ground = Ground { topology, doors, pki, trust, clock };   // doors: PlatformIx → address of its mTLS listener
//! let traffic = Traffic::start(&ground, Options::default())?;   // returns at once; members connect within a second
//! println!("{}", traffic.banner(lang));                         // one line for the banner
//! loop { …; print!("\r{}", traffic.line(lang)); }               // as often as you like: a few atomic loads
//! let summary = traffic.finish(Duration::from_secs(10)).await;  // stops writing, drains, judges
//! print!("{}", summary.text(lang)); exit(if summary.is_clean() { 0 } else { 1 });   // or summary.json()
//! ```
//!
//! `run` does all of it until a future resolves. The platforms may run in this process or elsewhere: only the address of
//! a platform's door is asked for. Members of platforms without a door are left out.
//!
//! Invariant: nothing here calls the pipeline, and a member knows only what came over its own connection.

mod agenda;
mod audit;
mod cast;
pub mod flows;
mod member;
mod paper;
mod post;
mod reaction;
mod recent;
pub mod script;
mod summary;
mod tally;
mod words;

use crate::clock::{Clock, SystemClock, Timestamp};
use crate::domain::calendar::Calendar;
use crate::domain::routing::PlatformIx;
use crate::pki::{NameError, Pki};
use crate::random::Random;
use crate::texts::Lang;
use crate::tls::{TlsLoadError, Trust};
use crate::topology::Topology;
use audit::Auditor;
use member::Actor;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tally::Tally;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use audit::Findings;
pub use cast::{Cast, Rank, Role, RoleIx};
pub use reaction::{Reaction, Step};
pub use script::{Plan, Script, Sizes};
pub use summary::{PlatformCounts, Summary, banner_line, summary_line};
pub use tally::Counts;

/// Where the members live.
#[derive(Clone, Debug)]
pub struct Ground {
    pub topology: Arc<Topology>,
    /// The mTLS listener of each platform that is reached.
    pub doors: BTreeMap<PlatformIx, SocketAddr>,
    /// Holds the members' certificates.
    pub pki: Pki,
    pub trust: Arc<Trust>,
    pub clock: Arc<SystemClock>,
}

/// How they behave.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub seed: u64,
    /// How much faster than in life they answer; protocol time is real.
    pub speed: f64,
    pub sizes: Sizes,
    /// New documents of all members together.
    pub documents_per_s: f64,
    /// Write at office hours only.
    pub calendar: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, speed: 600.0, sizes: Sizes::Laptop, documents_per_s: 25.0, calendar: false }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Tls(#[from] TlsLoadError),
    #[error(transparent)]
    Papers(#[from] flows::PapersError),
}

/// What all members share.
struct World {
    cast: Arc<Cast>,
    clock: Arc<SystemClock>,
    calendar: Option<Calendar>,
    seed: u64,
    speed: f64,
    sizes: Sizes,
    documents_per_s: f64,
    tally: Tally,
    auditor: Auditor,
    platforms: BTreeMap<PlatformIx, Traffics>,
    /// Things in hand that must be finished before the traffic counts as drained.
    busy: AtomicU64,
    /// Cancelled when no more documents are to be written.
    sending: CancellationToken,
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct Traffics {
    sent: AtomicU64,
    delivered: AtomicU64,
}

/// Running members.
pub struct Traffic {
    world: Arc<World>,
    actors: Vec<Arc<Actor>>,
    names: BTreeMap<PlatformIx, Arc<str>>,
    tasks: TaskTracker,
    started_at: Timestamp,
}

/// Members begin one after the other: handshakes of all at once would keep a laptop busy before anything is seen.
const STAGGER: Duration = Duration::from_millis(6);
const STAGGER_ALL_MAX: Duration = Duration::from_millis(1_200);
const DRAIN_LOOK_EVERY: Duration = Duration::from_millis(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Missing documents that are asked for, one by one.
const INQUIRIES_MAX: usize = 500;
const INQUIRY_TIMEOUT: Duration = Duration::from_secs(3);

impl Traffic {
    /// Reads the certificates and starts every virtual member; each connects when its turn comes.
    pub fn start(ground: &Ground, options: Options) -> Result<Self, StartError> {
        let topology = &ground.topology;
        let cast = Arc::new(Cast::at(topology, |platform| ground.doors.contains_key(&platform)));
        let world = Arc::new(World {
            clock: Arc::clone(&ground.clock),
            calendar: options.calendar.then(Calendar::vietnam),
            seed: options.seed,
            speed: options.speed.max(f64::MIN_POSITIVE),
            sizes: options.sizes,
            documents_per_s: options.documents_per_s,
            tally: Tally::default(),
            auditor: Auditor::default(),
            platforms: ground.doors.keys().map(|ix| (*ix, Traffics::default())).collect(),
            busy: AtomicU64::new(0),
            sending: CancellationToken::new(),
            stop: CancellationToken::new(),
            cast,
        });
        let mut names = BTreeMap::new();
        let mut actors = Vec::new();
        for (me, role) in world.cast.roles().iter().enumerate() {
            let (Some(platform), Some(&door)) =
                (topology.platform(role.platform), ground.doors.get(&role.platform))
            else {
                continue;
            };
            names.insert(role.platform, Arc::clone(&platform.name));
            let post = post::Post::new(
                &ground.clock,
                &ground.trust,
                &ground.pki,
                &role.member.id,
                &platform.name,
                door,
            )?;
            actors.push(Arc::new(Actor::new(Arc::clone(&world), me, role.clone(), post)));
        }
        let traffic =
            Self { started_at: world.clock.now(), world, actors, names, tasks: TaskTracker::new() };
        traffic.start_lives();
        Ok(traffic)
    }

    fn start_lives(&self) {
        let count = u32::try_from(self.actors.len()).unwrap_or(u32::MAX).max(1);
        let between = STAGGER.min(STAGGER_ALL_MAX / count);
        // The heaviest writers first: what is seen first should be worth seeing.
        let mut order: Vec<&Arc<Actor>> = self.actors.iter().collect();
        order.sort_by(|a, b| b.weight().total_cmp(&a.weight()));
        for (place, actor) in (0_u32..).zip(order) {
            let (actor, stop) = (Arc::clone(actor), self.world.stop.clone());
            let begin = self.started_at.plus(between * place);
            self.tasks.spawn(async move {
                stop.run_until_cancelled(actor.live(begin)).await;
            });
        }
    }

    /// Ends the writing; what is on its way still arrives and is answered with 01.
    pub fn stop_sending(&self) {
        self.world.sending.cancel();
        self.actors.iter().for_each(|actor| actor.wind_up());
    }

    /// Stops writing, waits until every accepted (document, recipient) was seen, at most `drain`, and judges.
    pub async fn finish(self, drain: Duration) -> Summary {
        let world = &self.world;
        let clock = &world.clock;
        let stopped_at = clock.now();
        self.stop_sending();
        let until = stopped_at.plus(drain);
        while clock.now() < until && !self.is_drained() {
            clock.sleep_until(clock.now().plus(DRAIN_LOOK_EVERY)).await;
        }
        let deadline = clock.now().plus(INQUIRY_TIMEOUT);
        if clock.timeout_at(deadline, Box::pin(self.inquire())).await.is_err() {
            tracing::warn!("not every missing document could be asked for");
        }
        world.stop.cancel();
        self.tasks.close();
        if clock.timeout_at(clock.now().plus(STOP_TIMEOUT), self.tasks.wait()).await.is_err() {
            tracing::warn!("some virtual members did not end in time");
        }
        self.summary(stopped_at)
    }

    /// One live line.
    pub fn line(&self, lang: Lang) -> String {
        summary_line(&self.counts(), lang)
    }

    /// One line about who plays.
    pub fn banner(&self, lang: Lang) -> String {
        banner_line(self.actors.len(), self.names.len(), self.world.speed, lang)
    }

    pub fn counts(&self) -> Counts {
        let auditor = &self.world.auditor;
        self.world.tally.counts(auditor.open() as u64, auditor.of_others())
    }

    fn is_drained(&self) -> bool {
        // In this order: what is seen is noted as busy first.
        self.world.busy.load(Ordering::SeqCst) == 0
            && self.world.auditor.open() == 0
            && self.world.busy.load(Ordering::SeqCst) == 0
    }

    /// Asks the senders' platforms about everything that was promised and not seen.
    async fn inquire(&self) {
        for owed in self.world.auditor.still_owed().into_iter().take(INQUIRIES_MAX) {
            if let Some(sender) = self.actors.iter().find(|actor| actor.is(owed.sender)) {
                let found = sender.whereabouts(&owed).await;
                tracing::warn!(doc = %owed.receiver, to = %owed.to, ?found, "accepted and not seen");
                self.world.auditor.explained(owed.receiver, found);
            }
        }
    }

    fn summary(&self, stopped_at: Timestamp) -> Summary {
        let world = &self.world;
        let (p50, p99) = world.auditor.times();
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        let platforms = self.names.iter().filter_map(|(ix, name)| {
            let traffics = world.platforms.get(ix)?;
            Some(PlatformCounts {
                name: name.to_string(),
                sent: traffics.sent.load(Ordering::Relaxed),
                delivered: traffics.delivered.load(Ordering::Relaxed),
            })
        });
        Summary {
            members: self.actors.len(),
            seconds: stopped_at.since(self.started_at).as_secs_f64(),
            counts: self.counts(),
            findings: world.auditor.findings(),
            p50_ms: ms(p50),
            p99_ms: ms(p99),
            platforms: platforms.collect(),
        }
    }
}

impl fmt::Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traffic").field("members", &self.actors.len()).finish_non_exhaustive()
    }
}

impl World {
    /// A delay of the agencies, as it is played.
    fn compressed(&self, delay: Duration) -> Duration {
        Duration::try_from_secs_f64(delay.as_secs_f64() / self.speed).unwrap_or(delay)
    }

    /// True always, or by how busy offices are now.
    fn is_open_for_writing(&self, hours: &mut Random) -> bool {
        self.calendar.as_ref().is_none_or(|calendar| {
            hours.chance(script::office_intensity(calendar, self.clock.now()))
        })
    }

    fn sent_from(&self, platform: PlatformIx) {
        if let Some(traffics) = self.platforms.get(&platform) {
            tally::add(&traffics.sent, 1);
        }
    }

    fn arrived_at(&self, platform: PlatformIx) {
        if let Some(traffics) = self.platforms.get(&platform) {
            tally::add(&traffics.delivered, 1);
        }
    }
}

/// Plays until `until` resolves, then drains and judges.
pub async fn run(
    ground: &Ground,
    options: Options,
    until: impl Future<Output = ()>,
    drain: Duration,
) -> Result<Summary, StartError> {
    let traffic = Traffic::start(ground, options)?;
    until.await;
    Ok(Box::pin(traffic.finish(drain)).await)
}
