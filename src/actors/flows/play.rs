//! Flows one after the other, as a country has them all day: what a demonstration shows of the call plane.

use super::{Country, Players, begin, run};
use crate::clock::Clock;
use crate::providers::population::Population;
use crate::random::Random;
use crate::story::flow::{Kind, State};
use crate::texts::Lang;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What the flows came to.
#[derive(Debug, Default)]
struct Tally {
    begun: AtomicU64,
    done: AtomicU64,
    stopped: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub begun: u64,
    pub done: u64,
    /// Standing still at a party that failed or refused; `lienthong flow list` says where.
    pub stopped: u64,
}

/// Between two beginnings.
const EVERY: Duration = Duration::from_millis(1_500);
/// Under way at a time: when parties fail, flows wait, and no more are begun.
const UNDER_WAY_MAX: usize = 8;

/// Flows of one country under way.
#[derive(Debug)]
pub struct Playing {
    tally: Arc<Tally>,
    tasks: TaskTracker,
    ending: CancellationToken,
    stop: CancellationToken,
}

/// Begins a flow of each kind in turn until it is told to end. Kinds that the topology has no parties or services for
/// are left out.
pub fn play(
    country: Arc<Country>,
    players: Players,
    population: Arc<Population>,
    seed: u64,
) -> Playing {
    let playing = Playing {
        tally: Arc::default(),
        tasks: TaskTracker::new(),
        ending: CancellationToken::new(),
        stop: CancellationToken::new(),
    };
    let (tally, tasks) = (Arc::clone(&playing.tally), playing.tasks.clone());
    let (ending, stop) = (playing.ending.clone(), playing.stop.clone());
    playing.tasks.spawn(async move {
        let mut random = Random::new(seed);
        for kind in Kind::ALL.into_iter().cycle() {
            let wait = country.clock.sleep_until(country.clock.now().plus(EVERY));
            if ending.run_until_cancelled(wait).await.is_none() {
                return;
            }
            // This task is one of them.
            if tasks.len() > UNDER_WAY_MAX {
                continue;
            }
            let Ok(flow) = begin(kind, &players, &country, &population, random.next()) else {
                continue;
            };
            let held = country.folder.as_ref().and_then(|folder| {
                folder.prune().ok();
                folder.hold(&flow.id).ok()
            });
            let (country, tally, stop) = (Arc::clone(&country), Arc::clone(&tally), stop.clone());
            tally.begun.fetch_add(1, Ordering::Relaxed);
            tasks.spawn(async move {
                let _held = held;
                let mut nobody_watches = |_: &_| {};
                let flow = Box::pin(run(flow, &country, &mut nobody_watches));
                let ended = stop.run_until_cancelled(flow).await;
                let is_done = ended.is_some_and(|flow| flow.state == State::Done);
                let count = if is_done { &tally.done } else { &tally.stopped };
                count.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    playing
}

impl Playing {
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let tally = &*self.tally;
        Counts { begun: read(&tally.begun), done: read(&tally.done), stopped: read(&tally.stopped) }
    }

    /// Begins no more; those under way get so long to come to their end.
    pub async fn finish(self, country: &Country, drain: Duration) -> Counts {
        self.ending.cancel();
        self.tasks.close();
        let until = country.clock.now().plus(drain);
        if country.clock.timeout_at(until, self.tasks.wait()).await.is_err() {
            self.stop.cancel();
            self.tasks.wait().await;
        }
        self.counts()
    }
}

impl Counts {
    /// One sentence.
    pub fn text(self, lang: Lang) -> String {
        let Self { begun, done, stopped } = self;
        match lang {
            Lang::Vi => format!(
                "luồng liên thông: {begun} đã bắt đầu, {done} hoàn thành, {stopped} dừng giữa chừng (lienthong flow list)"
            ),
            Lang::En => format!(
                "flows across parties: {begun} begun, {done} done, {stopped} stopped (lienthong flow list)"
            ),
        }
    }
}
