//! The executor's promises: exact time, one order, clean deaths, no idle polls.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use super::*;
use crate::clock::Clock;

const NODE: NodeId = NodeId(1);
const OTHER: NodeId = NodeId(2);

type Log = Arc<Mutex<Vec<(u64, u64)>>>;

fn executor() -> Executor {
    Executor::new(Timestamp(1000))
}

#[test]
fn time_has_steps_of_one_nanosecond() {
    let mut executor = executor();
    let log = Log::default();
    for wait in [3, 1, 10_638_001, 2] {
        let (clock, log) = (executor.clock(), Arc::clone(&log));
        executor.spawn(NODE, async move {
            clock.sleep_until(Timestamp(1000 + wait)).await;
            log.lock().push((wait, clock.now().0 - 1000));
        });
    }
    assert_eq!(executor.run_until_idle(), Pause::Idle);
    assert_eq!(*log.lock(), [(1, 1), (2, 2), (3, 3), (10_638_001, 10_638_001)]);
    assert_eq!(executor.polls(), 8, "no poll but the first and the last");
}

#[test]
fn timers_of_one_moment_fire_in_order_of_arrival() {
    let mut executor = executor();
    let log = Log::default();
    for (task, first) in [(0, 30), (1, 10), (2, 20)] {
        let (clock, log) = (executor.clock(), Arc::clone(&log));
        executor.spawn(NODE, async move {
            clock.sleep_until(Timestamp(1000 + first)).await;
            clock.sleep_until(Timestamp(2000)).await;
            log.lock().push((task, clock.now().0));
        });
    }
    executor.run_until_idle();
    assert_eq!(*log.lock(), [(1, 2000), (2, 2000), (0, 2000)]);
}

#[test]
fn run_until_includes_its_deadline_and_shows_it() {
    let mut executor = executor();
    let clock = executor.clock();
    let at = |at| {
        let clock = clock.clone();
        async move { clock.sleep_until(Timestamp(at)).await }
    };
    let due = executor.spawn(NODE, at(1500));
    let later = executor.spawn(NODE, at(1501));
    assert_eq!(executor.run_until(Timestamp(1500)), Pause::Deadline);
    assert_eq!((due.is_over(), later.is_over(), executor.now().0), (true, false, 1500));
    assert_eq!(executor.run_until(Timestamp(9000)), Pause::Idle);
    assert_eq!((later.is_over(), executor.now().0), (true, 9000));
    assert_eq!(executor.run_until(Timestamp(10)), Pause::Idle);
    assert_eq!(executor.now().0, 9000, "never back");
}

#[test]
fn outputs_can_be_awaited_and_taken() {
    let mut executor = executor();
    let control = executor.control();
    let clock = executor.clock();
    let sum = executor.spawn(NODE, async move {
        let parts: Vec<_> = (1..=3_u64)
            .map(|part| {
                let clock = clock.clone();
                control.spawn(OTHER, async move {
                    clock.sleep_until(Timestamp(1000 + part)).await;
                    part
                })
            })
            .collect();
        let mut sum = 0;
        for part in parts {
            sum += part.await.unwrap();
        }
        sum
    });
    assert_eq!(executor.run_until_done(&sum, Timestamp(1002)), None);
    assert_eq!(executor.run_until_done(&sum, Timestamp(5000)), Some(6));
    assert_eq!((executor.now().0, sum.take(), executor.tasks_len()), (1003, None, 0));
}

#[test]
fn a_ready_result_wins_over_the_deadline_and_leaves_no_timer() {
    let mut executor = executor();
    let clock = executor.clock();
    let both = executor.spawn(NODE, async move {
        let quick = clock.timeout_at(Timestamp(2000), clock.sleep_until(Timestamp(2000))).await;
        let slow = clock.timeout_at(Timestamp(3000), clock.sleep_until(Timestamp(3001))).await;
        (quick.is_ok(), slow.is_ok(), clock.now().0)
    });
    assert_eq!(executor.run_until_done(&both, Timestamp(9000)), Some((true, false, 3000)));
    assert_eq!(executor.shared.timers.next(), None);
}

#[test]
fn tokio_sync_works() {
    let mut executor = executor();
    let (clock, control) = (executor.clock(), executor.control());
    let done = executor.spawn(NODE, async move {
        let notify = Arc::new(Notify::new());
        let gate = Arc::new(Semaphore::new(0));
        let (answer, question) = oneshot::channel();
        let (sender, mut receiver) = mpsc::channel(2);
        control.spawn(NODE, {
            let (clock, notify, gate) = (clock.clone(), Arc::clone(&notify), Arc::clone(&gate));
            async move {
                clock.sleep_until(Timestamp(1100)).await;
                notify.notify_one();
                clock.sleep_until(Timestamp(1200)).await;
                gate.add_permits(1);
                clock.sleep_until(Timestamp(1300)).await;
                answer.send(7_u64).unwrap();
                for number in 0..5_u64 {
                    sender.send(number).await.unwrap();
                }
            }
        });
        let mut seen = Vec::new();
        notify.notified().await;
        seen.push(clock.now().0);
        gate.acquire().await.unwrap().forget();
        seen.push(clock.now().0);
        seen.push(question.await.unwrap());
        while let Some(number) = receiver.recv().await {
            seen.push(number);
        }
        seen
    });
    let seen = executor.run_until_done(&done, Timestamp(5000)).unwrap();
    assert_eq!(seen, [1100, 1200, 7, 0, 1, 2, 3, 4]);
}

#[test]
fn killing_a_node_drops_its_tasks_and_no_others() {
    let mut executor = executor();
    let held = Arc::new(());
    let mut handles = Vec::new();
    for node in [NODE, OTHER, NODE] {
        let (clock, held) = (executor.clock(), Arc::clone(&held));
        handles.push(executor.spawn(node, async move {
            clock.sleep_until(Timestamp(2000)).await;
            drop(held);
        }));
    }
    executor.run_until(Timestamp(1500));
    assert_eq!(executor.kill(NODE), 2);
    assert_eq!(Arc::strong_count(&held), 2, "dropped at once");
    let watcher = executor.spawn(OTHER, async move {
        let mut ends = Vec::new();
        for handle in handles {
            ends.push(handle.await);
        }
        ends
    });
    assert_eq!(
        executor.run_until_done(&watcher, Timestamp(5000)),
        Some(vec![Err(Killed), Ok(()), Err(Killed)])
    );
    assert_eq!(executor.tasks_len(), 0);
}

#[test]
fn a_node_can_be_killed_and_restarted_from_inside() {
    let mut executor = executor();
    let (control, clock) = (executor.control(), executor.clock());
    let old = executor.spawn(NODE, {
        let clock = clock.clone();
        async move { clock.sleep_until(Timestamp(2000)).await }
    });
    let fresh = executor.spawn(OTHER, async move {
        control.spawn(NODE, std::future::pending::<()>());
        control.kill(NODE);
        let fresh = control.spawn(NODE, async move {
            clock.sleep_until(Timestamp(3000)).await;
            8
        });
        Some(fresh)
    });
    let fresh = executor.run_until_done(&fresh, Timestamp(1000)).flatten().unwrap();
    assert_eq!(executor.tasks_len(), 1);
    assert_eq!((old.is_over(), old.take()), (true, None));
    assert_eq!(executor.run_until_done(&fresh, Timestamp(5000)), Some(8));
}

#[test]
fn the_waker_of_a_dead_task_wakes_nobody() {
    let mut executor = executor();
    let kept = Arc::new(Mutex::new(None::<Waker>));
    let keep = Arc::clone(&kept);
    executor.spawn(
        NODE,
        std::future::poll_fn(move |context| {
            *keep.lock() = Some(context.waker().clone());
            Poll::Ready(())
        }),
    );
    executor.run_until_idle();
    executor.spawn(NODE, std::future::pending::<()>());
    executor.run_until_idle();
    let before = executor.polls();
    kept.lock().take().unwrap().wake();
    executor.run_until_idle();
    assert_eq!((executor.polls(), executor.tasks_len()), (before, 1));
}

#[test]
fn many_wake_ups_are_one_poll() {
    let mut executor = executor();
    let notify = Arc::new(Notify::new());
    let waits = Arc::clone(&notify);
    executor.spawn(NODE, async move {
        tokio::join!(biased; waits.notified(), waits.notified(), waits.notified());
        std::future::pending::<()>().await;
    });
    executor.run_until_idle();
    let before = executor.polls();
    notify.notify_waiters();
    executor.run_until_idle();
    assert_eq!((executor.polls(), executor.tasks_len()), (before + 1, 1));
}

#[test]
fn a_task_that_wakes_itself_for_ever_is_noticed() {
    let mut executor = executor();
    executor.spawn(
        NODE,
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }),
    );
    assert_eq!(executor.run_until_idle(), Pause::Livelock);
}

#[test]
fn waiting_without_a_timer_is_idle() {
    let mut executor = executor();
    let clock = executor.clock();
    executor.spawn(NODE, async move { clock.sleep_until(Timestamp(u64::MAX)).await });
    assert_eq!(executor.run_until_idle(), Pause::Idle);
    assert_eq!((executor.polls(), executor.now().0), (1, 1000));
}

/// A busy little world: workers with drawn pauses pass numbers through a narrow queue, one task
/// gathers them with deadlines, one watches many futures at once, and a node dies in between.
fn run_world(mut executor: Executor, seed: u64) -> (Vec<Step>, Vec<(u64, u64)>, u64) {
    let (clock, control) = (executor.clock(), executor.control());
    let steps = Arc::new(Mutex::new(Vec::new()));
    let log = Log::default();
    let (sender, mut receiver) = mpsc::channel::<u64>(3);
    executor.set_hook({
        let steps = Arc::clone(&steps);
        move |step| steps.lock().push(step)
    });
    for worker in 0..20_u32 {
        let (clock, sender) = (clock.clone(), sender.clone());
        let mut random = Random::stream(seed, u64::from(worker));
        executor.spawn(NodeId(worker % 4), async move {
            for round in 0..30 {
                let pause = Duration::from_nanos(random.below(5000));
                clock.sleep_until(clock.now().plus(pause)).await;
                sender.send(u64::from(worker) * 100 + round).await.unwrap();
            }
        });
    }
    drop(sender);
    let gather = (clock.clone(), Arc::clone(&log));
    executor.spawn(NodeId(9), async move {
        let (clock, log) = gather;
        loop {
            match clock
                .timeout_at(clock.now().plus(Duration::from_nanos(300)), receiver.recv())
                .await
            {
                Ok(Some(number)) => log.lock().push((clock.now().0, number)),
                Ok(None) => return,
                Err(_) => log.lock().push((clock.now().0, u64::MAX)),
            }
        }
    });
    let sleeper = Arc::clone(&log);
    executor.spawn(NodeId(10), async move {
        let mut sleeps: FuturesUnordered<_> = (0..100_u64)
            .map(|number| {
                let clock = clock.clone();
                async move {
                    clock.sleep_until(Timestamp(1000 + number * 37 % 50 * 1000)).await;
                    number
                }
            })
            .collect();
        while let Some(number) = sleeps.next().await {
            sleeper.lock().push((0, number));
            if number == 49 {
                control.kill(NodeId(2));
            }
        }
    });
    assert_eq!(executor.run_until_idle(), Pause::Idle);
    assert_eq!(executor.tasks_len(), 0);
    let fingerprint = executor.fingerprint();
    drop(executor);
    let steps = std::mem::take(&mut *steps.lock());
    let log = std::mem::take(&mut *log.lock());
    (steps, log, fingerprint)
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let first = run_world(executor(), 7);
    assert!(first.0.len() > 1000, "{}", first.0.len());
    assert_eq!(first, run_world(executor(), 7));
    assert_ne!(first.2, run_world(executor(), 8).2);

    let shuffled = |seed| run_world(Executor::shuffled(Timestamp(1000), seed), 7);
    let drawn = shuffled(1);
    assert_eq!(drawn, shuffled(1));
    assert_ne!(drawn.2, shuffled(2).2);
    assert_ne!(drawn.2, first.2);
}
