//! Runs tasks in virtual time: when nothing is ready, the clock jumps to the next timer.
//!
//! One thread, nanosecond steps, ties in order of arrival. Tasks belong to nodes, and a node can be
//! killed like a process: every task of it is dropped where it stands. Wakers may be used from
//! anywhere, so `tokio::sync` and `FuturesUnordered` work unchanged.
//!
//! Invariant: the same seed and the same tasks give the same polls at the same moments.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

use super::clock::{SimClock, Timers};
use crate::clock::Timestamp;
use crate::random::Random;

pub struct Executor {
    shared: Arc<Shared>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    order: Order,
    polls: u64,
    fingerprint: u64,
    hook: Option<Hook>,
}

/// What dies together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub at: Timestamp,
    pub node: NodeId,
    /// Unique per task.
    pub task: u64,
    pub finished: bool,
}

/// Why the executor came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Nothing is ready and no timer is set.
    Idle,
    Deadline,
    /// `POLLS_PER_INSTANT_MAX` polls without the clock moving: some task wakes itself for ever.
    Livelock,
}

impl Executor {
    /// Ready tasks run in the order in which they were woken.
    pub fn new(start: Timestamp) -> Self {
        let shared = Shared {
            timers: Arc::new(Timers::new(start)),
            ready: Mutex::default(),
            commands: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            slots: Vec::new(),
            free: Vec::new(),
            order: Order::Arrival,
            polls: 0,
            fingerprint: 0,
            hook: None,
        }
    }

    /// Which of the ready tasks runs next is drawn, to find what depends on the order.
    pub fn shuffled(start: Timestamp, seed: u64) -> Self {
        Self { order: Order::Drawn(Random::new(seed)), ..Self::new(start) }
    }

    pub fn spawn<T, F>(&mut self, node: NodeId, work: F) -> TaskHandle<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let handle = self.control().spawn(node, work);
        self.obey();
        handle
    }

    /// Drops every task of the node at once, as a crash would; returns how many.
    pub fn kill(&mut self, node: NodeId) -> usize {
        self.obey();
        self.drop_tasks(node)
    }

    /// Called after every poll.
    pub fn set_hook(&mut self, hook: impl FnMut(Step) + Send + 'static) {
        self.hook = Some(Box::new(hook));
    }

    /// Runs all that happens up to and at `deadline`; unless livelocked, the clock then shows it.
    pub fn run_until(&mut self, deadline: Timestamp) -> Pause {
        loop {
            if !self.run_ready() {
                return Pause::Livelock;
            }
            match self.shared.timers.next() {
                Some(at) if at <= deadline => self.shared.timers.jump(at),
                next => {
                    self.shared.timers.jump(deadline);
                    return if next.is_some() { Pause::Deadline } else { Pause::Idle };
                }
            }
        }
    }

    /// Runs until nothing is ready and no timer is set; the clock shows the last moment of work.
    pub fn run_until_idle(&mut self) -> Pause {
        loop {
            if !self.run_ready() {
                return Pause::Livelock;
            }
            match self.shared.timers.next() {
                Some(at) => self.shared.timers.jump(at),
                None => return Pause::Idle,
            }
        }
    }

    /// Runs until this task is over, for its output. `None`: it was killed, it waits for something
    /// that will not come, or `deadline` came first.
    pub fn run_until_done<T>(&mut self, handle: &TaskHandle<T>, deadline: Timestamp) -> Option<T> {
        while self.run_ready() && !handle.is_over() {
            let at = self.shared.timers.next().filter(|&at| at <= deadline)?;
            self.shared.timers.jump(at);
        }
        handle.take()
    }

    /// For use inside tasks.
    pub fn control(&self) -> Control {
        Control { shared: Arc::clone(&self.shared) }
    }

    pub fn clock(&self) -> SimClock {
        SimClock::new(Arc::clone(&self.shared.timers))
    }

    pub fn now(&self) -> Timestamp {
        self.shared.timers.now()
    }

    pub fn tasks_len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub const fn polls(&self) -> u64 {
        self.polls
    }

    /// A digest of every poll so far: two runs with equal ones did the same.
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// False when it gave up.
    fn run_ready(&mut self) -> bool {
        self.obey();
        for _ in 0..POLLS_PER_INSTANT_MAX {
            let Some(id) = self.draw() else { return true };
            self.poll(id);
            self.obey();
        }
        false
    }

    fn draw(&mut self) -> Option<TaskId> {
        let mut ready = self.shared.ready.lock();
        match &mut self.order {
            Order::Arrival => ready.pop_front(),
            Order::Drawn(random) => {
                let drawn = random.below(ready.len() as u64);
                ready.swap_remove_back(usize::try_from(drawn).unwrap_or_default())
            }
        }
    }

    fn poll(&mut self, id: TaskId) {
        let Some(slot) = self.slots.get_mut(id.slot as usize) else { return };
        if slot.generation != id.generation {
            return;
        }
        let Some(task) = &mut slot.task else { return };
        task.alarm.queued.store(false, Ordering::Relaxed);
        let finished = task.future.as_mut().poll(&mut Context::from_waker(&task.waker)).is_ready();
        let step =
            Step { at: self.shared.timers.now(), node: task.node, task: id.unique(), finished };
        if finished {
            let over = slot.task.take();
            slot.generation = slot.generation.wrapping_add(1);
            self.free.push(id.slot);
            drop(over);
        }
        self.polls += 1;
        for part in [step.at.0, step.task] {
            self.fingerprint = (self.fingerprint ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            self.fingerprint ^= self.fingerprint >> 29;
        }
        if let Some(hook) = &mut self.hook {
            hook(step);
        }
    }

    /// Does what tasks asked for, in the order in which they did.
    fn obey(&mut self) {
        loop {
            let command = self.shared.commands.lock().pop_front();
            match command {
                Some(Command::Spawn(node, future)) => self.place(node, future),
                Some(Command::Kill(node)) => {
                    self.drop_tasks(node);
                }
                None => return,
            }
        }
    }

    fn drop_tasks(&mut self, node: NodeId) -> usize {
        let mut killed = Vec::new();
        for (number, slot) in (0_u32..).zip(&mut self.slots) {
            if slot.task.as_ref().is_some_and(|task| task.node == node) {
                killed.extend(slot.task.take());
                slot.generation = slot.generation.wrapping_add(1);
                self.free.push(number);
            }
        }
        killed.len()
    }

    fn place(&mut self, node: NodeId, future: Work) {
        let number = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, task: None });
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let Some(slot) = self.slots.get_mut(number as usize) else { return };
        let id = TaskId { slot: number, generation: slot.generation };
        let shared = Arc::clone(&self.shared);
        let alarm = Arc::new(Alarm { id, queued: AtomicBool::new(false), shared });
        let waker = Waker::from(Arc::clone(&alarm));
        alarm.ring();
        slot.task = Some(Task { node, future, alarm, waker });
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("now", &self.now())
            .field("tasks", &self.tasks_len())
            .field("polls", &self.polls)
            .finish_non_exhaustive()
    }
}

/// Spawns and kills from inside a task: it happens when that task's poll has returned.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    pub fn spawn<T, F>(&self, node: NodeId, work: F) -> TaskHandle<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let ending = Arc::new(Mutex::new(Ending { output: None, over: false, waker: None }));
        let handle = TaskHandle { ending: Arc::clone(&ending) };
        let guard = Guard { ending };
        let future = Box::pin(async move {
            let output = work.await;
            guard.ending.lock().output = Some(output);
            drop(guard);
        });
        self.shared.commands.lock().push_back(Command::Spawn(node, future));
        handle
    }

    pub fn kill(&self, node: NodeId) {
        self.shared.commands.lock().push_back(Command::Kill(node));
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

/// The result of a task, to be awaited by another or taken from outside. Dropping it ends nothing.
#[derive(Debug)]
pub struct TaskHandle<T> {
    ending: Arc<Mutex<Ending<T>>>,
}

/// The task was killed with its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task was killed")]
pub struct Killed;

impl<T> TaskHandle<T> {
    /// The output, once.
    pub fn take(&self) -> Option<T> {
        self.ending.lock().output.take()
    }

    /// Finished or killed.
    pub fn is_over(&self) -> bool {
        self.ending.lock().over
    }
}

impl<T> Future for TaskHandle<T> {
    type Output = Result<T, Killed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut ending = self.ending.lock();
        if ending.over {
            return Poll::Ready(ending.output.take().ok_or(Killed));
        }
        let before = ending.waker.replace(context.waker().clone());
        drop(ending);
        drop(before);
        Poll::Pending
    }
}

struct Shared {
    timers: Arc<Timers>,
    ready: Mutex<VecDeque<TaskId>>,
    commands: Mutex<VecDeque<Command>>,
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type Hook = Box<dyn FnMut(Step) + Send>;

enum Command {
    Spawn(NodeId, Work),
    Kill(NodeId),
}

enum Order {
    Arrival,
    Drawn(Random),
}

/// The generation tells a task from an earlier one in the same slot, whose wakers may still be about.
struct Slot {
    generation: u32,
    task: Option<Task>,
}

struct Task {
    node: NodeId,
    future: Work,
    alarm: Arc<Alarm>,
    waker: Waker,
}

#[derive(Clone, Copy)]
struct TaskId {
    slot: u32,
    generation: u32,
}

impl TaskId {
    const fn unique(self) -> u64 {
        (self.generation as u64) << 32 | self.slot as u64
    }
}

/// Puts its task into the ready queue, at most once until that is polled.
struct Alarm {
    id: TaskId,
    queued: AtomicBool,
    shared: Arc<Shared>,
}

impl Alarm {
    fn ring(&self) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.shared.ready.lock().push_back(self.id);
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

#[derive(Debug)]
struct Ending<T> {
    output: Option<T>,
    over: bool,
    waker: Option<Waker>,
}

/// Dropped when its task is over, however that came.
struct Guard<T> {
    ending: Arc<Mutex<Ending<T>>>,
}

impl<T> Drop for Guard<T> {
    fn drop(&mut self) {
        let waker = {
            let mut ending = self.ending.lock();
            ending.over = true;
            ending.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

const POLLS_PER_INSTANT_MAX: u64 = if cfg!(test) { 100_000 } else { 10_000_000 };

#[cfg(test)]
#[path = "executor_tests.rs"]
mod tests;
