//! One receive stream: leases out, acknowledgements in, at most `window` between them.

use super::convert::{delivery_of, refusal_of, state_of};
use super::{Native, status_of};
use crate::domain::directory::{AgencyId, Caller};
use crate::domain::envelope::DocId;
use crate::domain::fact::DeliveryState;
use crate::domain::rejection::{Reason, Rejection};
use crate::pipeline::{Leased, Listening, Pipeline, Ports, Word};
use crate::wire::v1;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tonic::{Status, Streaming};

/// What became of one batch of acknowledgements.
type Confirmed = Vec<(DocId, Result<(), Rejection>)>;

type Unacknowledged = hashbrown::HashMap<DocId, u64, foldhash::fast::RandomState>;

/// Bytes of bodies in one batch of deliveries.
const BATCH_BYTES_MAX: u64 = 1 << 20;

pub(super) struct Receiving<P: Ports> {
    native: Native<P>,
    caller: Caller,
    listening: Listening<P>,
    requests: Streaming<v1::ReceiveRequest>,
    window: usize,
    /// Sent and not acknowledged: the receiver's DocId and the number of the lease.
    unacknowledged: Unacknowledged,
    /// Acknowledgements on their way into the journal.
    confirming: FuturesUnordered<BoxFuture<'static, Confirmed>>,
    refusals: Vec<v1::Refusal>,
    is_ended: bool,
}

impl<P: Ports> Receiving<P> {
    pub(super) fn begin(
        native: &Native<P>,
        caller: Caller,
        start: &v1::receive_request::Start,
        requests: Streaming<v1::ReceiveRequest>,
    ) -> Result<Self, Status> {
        let mut agencies: Vec<AgencyId> = if start.agencies.is_empty() {
            caller.member.agencies.clone()
        } else {
            let own = |text: &String| native.pipeline.own_agency(&caller, text).map(|(id, _)| id);
            start
                .agencies
                .iter()
                .map(own)
                .collect::<Result<_, _>>()
                .map_err(|rejection| status_of(&rejection))?
        };
        agencies.sort_unstable();
        agencies.dedup();
        let limits = &native.pipeline.limits;
        let window = (start.window.max(1) as usize).min(limits.batch_items_max * 64);
        let listening = native.pipeline.listen(native.platform()?, agencies);
        Ok(Self {
            native: native.clone(),
            caller,
            listening,
            requests,
            window,
            unacknowledged: Unacknowledged::default(),
            confirming: FuturesUnordered::new(),
            refusals: Vec::new(),
            is_ended: false,
        })
    }

    /// The next batch for the client; `None` when the stream is over.
    pub(super) async fn next(&mut self) -> Option<Result<v1::DeliveryBatch, Status>> {
        loop {
            if let Err(rejection) = self.native.session.caller(self.native.pipeline.now()) {
                return (!std::mem::replace(&mut self.is_ended, true))
                    .then(|| Err(status_of(&rejection)));
            }
            let batch = self.batch().await;
            if !batch.deliveries.is_empty() || !batch.refusals.is_empty() {
                return Some(Ok(batch));
            }
            if self.is_ended && self.confirming.is_empty() {
                return None;
            }
            tokio::select! {
                biased;
                Some(confirmed) = self.confirming.next(), if !self.confirming.is_empty() => self.confirmed(confirmed),
                request = self.requests.message(), if !self.is_ended => self.heard(request),
                () = self.native.pipeline.draining(), if !self.is_ended => self.is_ended = true,
                () = self.listening.ready(), if self.unacknowledged.len() < self.window => {}
            }
        }
    }

    async fn batch(&mut self) -> v1::DeliveryBatch {
        let refusals = std::mem::take(&mut self.refusals);
        let room = self.window.saturating_sub(self.unacknowledged.len());
        if room == 0 || self.is_ended {
            return v1::DeliveryBatch { deliveries: Vec::new(), refusals };
        }
        let items = room.min(self.native.pipeline.limits.batch_items_max);
        let leased = self.listening.lease(items, BATCH_BYTES_MAX);
        let mut deliveries = Vec::with_capacity(leased.len());
        for lease in leased {
            match body_of(&self.native.pipeline, &lease).await {
                Ok(body) => {
                    self.unacknowledged.insert(lease.receiver, lease.number);
                    deliveries.push(delivery_of(&lease, body));
                }
                Err(error) => {
                    tracing::error!(doc = %lease.receiver, %error, "a body cannot be read; it is not delivered");
                    self.listening.release(&[lease.number]);
                }
            }
        }
        v1::DeliveryBatch { deliveries, refusals }
    }

    fn heard(&mut self, request: Result<Option<v1::ReceiveRequest>, Status>) {
        let acks = match request {
            Ok(Some(v1::ReceiveRequest {
                request: Some(v1::receive_request::Request::Acks(acks)),
            })) => acks,
            Ok(Some(_)) => {
                self.refusals.push(refusal_of(
                    &Rejection::new(Reason::ParameterInvalid).detail("start once"),
                    "",
                ));
                return;
            }
            Ok(None) | Err(_) => {
                self.is_ended = true;
                return;
            }
        };
        let words: Vec<Word> = acks.acks.into_iter().filter_map(word_of).collect();
        let (native, caller) = (self.native.clone(), self.caller.clone());
        self.confirming.push(Box::pin(async move {
            let receivers: Box<[DocId]> = words.iter().map(|word| word.receiver).collect();
            let Ok(platform) = native.platform() else { return Vec::new() };
            let answers = native.pipeline.confirm(platform, &caller, words).await;
            receivers.into_iter().zip(answers).collect()
        }));
    }

    fn confirmed(&mut self, answers: Confirmed) {
        for (receiver, answer) in answers {
            let number = self.unacknowledged.remove(&receiver);
            if let Err(rejection) = answer {
                self.refusals.push(refusal_of(&rejection, &receiver.to_string()));
                if let Some(number) = number {
                    self.listening.release(&[number]);
                }
            }
        }
    }
}

/// The body, when it is small enough to travel inside.
async fn body_of<P: Ports>(
    pipeline: &Pipeline<P>,
    lease: &Leased,
) -> Result<Bytes, crate::journal::ReadError> {
    let bytes = lease.accepted.body.as_ref().map_or(0, |body| body.bytes);
    if bytes > pipeline.limits.inline_body_bytes_max || lease.is_destroyed {
        return Ok(Bytes::new());
    }
    pipeline.body(lease.chunks.as_slice()).await
}

fn word_of(ack: v1::Ack) -> Option<Word> {
    let receiver = DocId::from_slice(&ack.doc_id)?;
    let state = match state_of(ack.state()) {
        DeliveryState::UnderWay => DeliveryState::Done,
        said @ (DeliveryState::Initial
        | DeliveryState::Processing
        | DeliveryState::Done
        | DeliveryState::Fail
        | DeliveryState::Refused
        | DeliveryState::Expired) => said,
    };
    Some(Word { receiver, state, description: ack.description })
}
