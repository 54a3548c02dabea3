//! Hands documents in: streamed in batches, or one call each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::channel::Client;
use crate::counters::{Field, Sending, bump};
use crate::runtime;
use crate::wire::v1;

#[derive(Clone, Copy, Debug)]
struct Sent {
    number: u64,
    intended: u64,
}

/// Keeps at most `window` documents unanswered; a broken stream is opened again.
pub(crate) async fn streamed(
    field: Arc<Field>,
    mut client: Client,
    window: usize,
    batch: usize,
) -> Sending {
    let mut sending = Sending::default();
    let mut source = Source { field: &field, is_dry: false };
    while !source.is_over() {
        if let Err(status) = stream(&mut source, &mut client, (window, batch), &mut sending).await {
            sending.errors.status(&status);
            runtime::sleep(PAUSE_AFTER_ERROR).await;
        }
    }
    sending
}

async fn stream(
    source: &mut Source<'_>,
    client: &mut Client,
    (window, batch): (usize, usize),
    sending: &mut Sending,
) -> Result<(), Status> {
    let field = source.field;
    // Room for every message that can be unanswered: sending never waits, so answers are always read.
    let (outbox, batches) = mpsc::channel(window);
    let mut answers = client.submit_stream(ReceiverStream::new(batches)).await?.into_inner();
    let mut open = VecDeque::<(u64, Vec<Sent>)>::new();
    let (mut credit, mut number) = (window, 0);
    let mut free_since = runtime::now();
    let patience = patience(field);
    tokio::pin!(patience);
    loop {
        if field.pacer.is_none() {
            while credit > 0 && !source.is_over() {
                let now = runtime::now();
                let moments = std::iter::repeat_n(now, credit.min(batch));
                number += 1;
                credit -= put(field, &outbox, number, moments, &mut open).await?;
            }
        }
        if open.is_empty() && source.is_over() {
            return Ok(());
        }
        tokio::select! {
            biased;
            answer = answers.message() => {
                let answer = answer?.ok_or_else(|| Status::unavailable("the stream ended"))?;
                if credit == 0 {
                    free_since = runtime::now();
                }
                credit += take(field, &answer, &mut open, sending)?;
            }
            due = source.due(credit.min(batch)), if credit > 0 && !source.is_over() => {
                if due.is_empty() {
                    continue;
                }
                sending.late(field, &due, free_since);
                number += 1;
                credit -= put(field, &outbox, number, due.into_iter(), &mut open).await?;
            }
            () = &mut patience => {
                source.is_dry = true;
                return Ok(());
            }
        }
    }
}

/// Sends one batch; returns how many documents it holds.
async fn put(
    field: &Field,
    outbox: &mpsc::Sender<v1::SubmissionBatch>,
    batch: u64,
    moments: impl Iterator<Item = u64>,
    open: &mut VecDeque<(u64, Vec<Sent>)>,
) -> Result<usize, Status> {
    let mut sent = Vec::with_capacity(moments.size_hint().0);
    let mut submissions = Vec::with_capacity(moments.size_hint().0);
    for intended in moments {
        let (number, submission) = field.documents.make(intended);
        sent.push(Sent { number, intended });
        submissions.push(submission);
    }
    let count = sent.len();
    open.push_back((batch, sent));
    let message = v1::SubmissionBatch { number: batch, submissions };
    outbox.send(message).await.map_err(|_closed| Status::unavailable("the stream ended"))?;
    Ok(count)
}

/// Notes one answer; returns how many documents it settles.
fn take(
    field: &Field,
    answer: &v1::ReceiptBatch,
    open: &mut VecDeque<(u64, Vec<Sent>)>,
    sending: &mut Sending,
) -> Result<usize, Status> {
    let now = runtime::now();
    let (number, sent) = open.pop_front().ok_or_else(|| Status::internal("answered too often"))?;
    if number != answer.number || sent.len() != answer.receipts.len() {
        return Err(Status::internal("answered out of order"));
    }
    for (&sent, receipt) in sent.iter().zip(&answer.receipts) {
        note(field, sent, receipt, now, sending);
    }
    Ok(sent.len())
}

fn note(field: &Field, sent: Sent, receipt: &v1::Receipt, now: u64, sending: &mut Sending) {
    match &receipt.result {
        Some(v1::receipt::Result::Accepted(accepted)) => {
            if let Some(refused) = accepted.receivers.iter().find(|one| !one.refused.is_empty()) {
                sending.refused.mark(sent.number);
                sending.errors.refusal(&refused.refused);
                return;
            }
            sending.accepted.mark(sent.number);
            bump(&field.accepted, 1);
            if field.span.holds(sent.intended) {
                sending.receipts.record(sent.intended, now);
            }
        }
        Some(v1::receipt::Result::Refusal(refusal)) => {
            sending.refused.mark(sent.number);
            sending.errors.refusal(&refusal.code);
        }
        None => sending.errors.refusal("empty receipt"),
    }
}

/// Keeps at most `in_flight` calls open.
pub(crate) async fn unary(field: Arc<Field>, client: Client, in_flight: usize) -> Sending {
    let mut sending = Sending::default();
    let mut source = Source { field: &field, is_dry: false };
    let mut calls = FuturesUnordered::new();
    let mut free_since = runtime::now();
    let patience = patience(&field);
    tokio::pin!(patience);
    let call = |intended| {
        let (number, submission) = field.documents.make(intended);
        let mut client = client.clone();
        async move {
            let answer = client.submit(submission).await;
            (Sent { number, intended }, runtime::now(), answer)
        }
    };
    loop {
        while field.pacer.is_none() && calls.len() < in_flight && !source.is_over() {
            calls.push(call(runtime::now()));
        }
        if calls.is_empty() && source.is_over() {
            return sending;
        }
        let room = in_flight - calls.len();
        tokio::select! {
            biased;
            Some((sent, at, answer)) = calls.next(), if !calls.is_empty() => {
                if room == 0 {
                    free_since = runtime::now();
                }
                match answer {
                    Ok(receipt) => note(&field, sent, receipt.get_ref(), at, &mut sending),
                    Err(status) => {
                        sending.errors.status(&status);
                        runtime::sleep(PAUSE_AFTER_ERROR).await;
                    }
                }
            }
            due = source.due(room), if room > 0 && !source.is_over() => {
                sending.late(&field, &due, free_since);
                calls.extend(due.into_iter().map(call));
            }
            () = &mut patience => return sending,
        }
    }
}

/// When documents are to be sent, and when there are no more.
#[derive(Debug)]
struct Source<'field> {
    field: &'field Field,
    is_dry: bool,
}

impl Source<'_> {
    /// The next moments of an open loop; never, in a closed one.
    async fn due(&mut self, most: usize) -> Vec<u64> {
        let Some(pacer) = &self.field.pacer else { return std::future::pending().await };
        let due = pacer.next(most).await;
        self.is_dry = due.is_empty();
        due
    }

    /// An open loop ends when all that was due is sent, a closed one with its time.
    fn is_over(&self) -> bool {
        self.is_dry || (self.field.pacer.is_none() && self.field.is_over())
    }
}

/// How long the last answers are waited for.
async fn patience(field: &Field) {
    let over = Duration::from_nanos(field.span.until.saturating_sub(runtime::now()));
    runtime::sleep(over + ANSWER_WAIT).await;
}

const ANSWER_WAIT: Duration = Duration::from_secs(10);
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);
