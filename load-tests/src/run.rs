//! One run: connect, warm up, measure, wait for the last deliveries, judge.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::channel::{Client, Connector};
use crate::counters::{Field, Receiving, Sending, Span};
use crate::document::Documents;
use crate::judge::Evidence;
use crate::machine::Usage;
use crate::plan::{LoadError, Mode, Plan};
use crate::receiver::Receiver;
use crate::report::{Measured, Report};
use crate::runtime::{self, Pacer};
use crate::sender;

/// Needs a multi-threaded tokio runtime; its threads are the generator's.
pub async fn run(plan: &Plan) -> Result<Report, LoadError> {
    plan.check()?;
    let clients = senders(plan).await?;
    let receivers = receivers(plan).await?;

    let field = field(plan)?;
    let (close, closing) = watch::channel(false);
    let receiving: Vec<_> = receivers
        .into_iter()
        .map(|receiver| runtime::spawn(receiver.run(Arc::clone(&field), closing.clone())))
        .collect();
    let sending: Vec<_> =
        clients.into_iter().map(|client| send(plan, Arc::clone(&field), client)).collect();

    sleep_to(field.span.from).await;
    let before = Sample::now(plan, &field);
    sleep_to(field.span.until).await;
    let after = Sample::now(plan, &field);

    let sending = join(sending).await;
    drain(plan, &field).await;
    close.send_replace(true);
    let receiving = join(receiving).await;
    Ok(Report::of(plan, measured(plan, &field, (before, after), (sending, receiving))))
}

/// Counters at one moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    usage: Usage,
    accepted: u64,
    delivered: u64,
}

impl Sample {
    fn now(plan: &Plan, field: &Field) -> Self {
        Self {
            usage: Usage::now(plan.server_pid),
            accepted: field.accepted.load(Ordering::Relaxed),
            delivered: field.delivered.load(Ordering::Relaxed),
        }
    }
}

async fn senders(plan: &Plan) -> Result<Vec<Client>, LoadError> {
    let mut connector = Connector::of_sender(plan)?;
    let connections = match plan.mode {
        Mode::Streamed { connections, .. } | Mode::Unary { connections, .. } => connections,
        Mode::Single => 1,
    };
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        clients.push(connector.open().await?);
    }
    Ok(clients)
}

async fn receivers(plan: &Plan) -> Result<Vec<Receiver>, LoadError> {
    let streams = plan.receive_streams.min(plan.receivers.len());
    let mut connector = Connector::of_receiver(plan)?;
    let mut receivers = Vec::with_capacity(streams);
    for first in 0..streams {
        let agencies = plan.receivers.iter().skip(first).step_by(streams).cloned().collect();
        let receiver = Receiver::open(connector.open().await?, agencies, plan.receive_window);
        receivers.push(receiver.await.map_err(|status| LoadError::Receive(Box::new(status)))?);
    }
    Ok(receivers)
}

fn field(plan: &Plan) -> Result<Arc<Field>, LoadError> {
    let from = runtime::now() + runtime::nanos(plan.warm_up);
    let until = from + runtime::nanos(plan.duration);
    let pacer = plan.rate.map(|rate| Pacer::start(rate, until)).transpose();
    Ok(Arc::new(Field {
        documents: Documents::new(plan, runtime::wall()),
        span: Span { from, until },
        pacer: pacer.map_err(LoadError::Pacer)?,
        accepted: AtomicU64::new(0),
        delivered: AtomicU64::new(0),
    }))
}

fn send(plan: &Plan, field: Arc<Field>, client: Client) -> JoinHandle<Sending> {
    match plan.mode {
        Mode::Streamed { window, batch, .. } => {
            runtime::spawn(sender::streamed(field, client, window, batch))
        }
        Mode::Unary { connections, in_flight } => {
            runtime::spawn(sender::unary(field, client, in_flight / connections.max(1)))
        }
        Mode::Single => runtime::spawn(sender::unary(field, client, 1)),
    }
}

/// Waits while deliveries still come: until all that was accepted is here, or none came for a while.
async fn drain(plan: &Plan, field: &Field) {
    if plan.receive_streams == 0 {
        return;
    }
    let mut seen = 0;
    let mut quiet = Duration::ZERO;
    while quiet < QUIET_MAX {
        let delivered = field.delivered.load(Ordering::Relaxed);
        quiet = if delivered > seen { Duration::ZERO } else { quiet + DRAIN_STEP };
        seen = delivered;
        if delivered >= field.accepted.load(Ordering::Relaxed) {
            // Repetitions, if there are any, come after the first.
            quiet = quiet.max(QUIET_MAX.saturating_sub(LINGER));
        }
        runtime::sleep(DRAIN_STEP).await;
    }
}

fn measured(
    plan: &Plan,
    field: &Field,
    (before, after): (Sample, Sample),
    (sending, receiving): (Vec<Sending>, Vec<Receiving>),
) -> Measured {
    let accepted = after.accepted - before.accepted;
    let delivered = after.delivered - before.delivered;
    let unobserved = plan.receive_streams == 0;
    let mut measured = Measured {
        before: before.usage,
        after: after.usage,
        receipts: accepted,
        exchanges: if unobserved { accepted } else { delivered },
        ..Measured::default()
    };
    let mut evidence = Evidence { sent: field.documents.sent(), unobserved, ..Evidence::default() };
    for part in sending {
        measured.receipt_times.merge(&part.receipts);
        measured.lag.merge(&part.lag);
        measured.errors.merge(&part.errors);
        evidence.accepted.merge(&part.accepted);
        evidence.refused.merge(&part.refused);
    }
    for part in receiving {
        measured.delivery_times.merge(&part.deliveries);
        measured.errors.merge(&part.errors);
        evidence.delivered.merge(&part.delivered);
        evidence.corrupted += part.corrupted;
        evidence.misdelivered += part.misdelivered;
        evidence.foreign += part.foreign;
    }
    measured.evidence = evidence;
    measured
}

async fn sleep_to(moment: u64) {
    runtime::sleep(Duration::from_nanos(moment.saturating_sub(runtime::now()))).await;
}

async fn join<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        // A task that panicked has nothing to say, and the judge misses what it had seen.
        done.extend(task.await.ok());
    }
    done
}

const DRAIN_STEP: Duration = Duration::from_millis(20);
const LINGER: Duration = Duration::from_millis(200);
const QUIET_MAX: Duration = Duration::from_secs(3);
