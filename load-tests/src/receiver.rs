//! Takes deliveries for some agencies and acknowledges each batch.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::channel::Client;
use crate::counters::{Field, Receiving, bump};
use crate::runtime;
use crate::wire::v1::{self, receive_request};

#[derive(Debug)]
pub(crate) struct Receiver {
    client: Client,
    agencies: Vec<String>,
    window: u32,
    acks: mpsc::Sender<v1::ReceiveRequest>,
    deliveries: Streaming<v1::DeliveryBatch>,
}

impl Receiver {
    /// Returns when the platform has taken the stream: what is sent from now on will be delivered.
    pub(crate) async fn open(
        mut client: Client,
        agencies: Vec<String>,
        window: u32,
    ) -> Result<Self, Status> {
        let (acks, requests) = mpsc::channel(ACK_BATCHES_MAX);
        let start = receive_request::Start { agencies: agencies.clone(), window };
        let start = receive_request::Request::Start(start);
        let closed = |_| Status::unavailable("the stream ended");
        acks.send(v1::ReceiveRequest { request: Some(start) }).await.map_err(closed)?;
        let deliveries = client.receive(ReceiverStream::new(requests)).await?.into_inner();
        Ok(Self { client, agencies, window, acks, deliveries })
    }

    /// Until `closing`; a broken stream is opened again.
    pub(crate) async fn run(
        mut self,
        field: Arc<Field>,
        mut closing: watch::Receiver<bool>,
    ) -> Receiving {
        let mut receiving = Receiving::default();
        let mut names = Names::default();
        loop {
            let batch = tokio::select! {
                biased;
                batch = self.deliveries.message() => batch,
                _ = closing.wait_for(|&closing| closing) => return receiving,
            };
            let taken = match batch {
                Ok(Some(batch)) => self.take(&field, batch, &mut names, &mut receiving).await,
                Ok(None) => Err(Status::unavailable("the stream ended")),
                Err(status) => Err(status),
            };
            let Err(status) = taken else { continue };
            receiving.errors.status(&status);
            runtime::sleep(PAUSE_AFTER_ERROR).await;
            let again = Self::open(self.client.clone(), self.agencies.clone(), self.window);
            if let Ok(again) = again.await {
                self = again;
            }
        }
    }

    async fn take(
        &mut self,
        field: &Field,
        batch: v1::DeliveryBatch,
        names: &mut Names,
        receiving: &mut Receiving,
    ) -> Result<(), Status> {
        let (now, before) = (runtime::now(), receiving.delivered.count());
        let mut acks = Vec::with_capacity(batch.deliveries.len());
        for refusal in &batch.refusals {
            receiving.errors.refusal(&refusal.code);
        }
        for mut delivery in batch.deliveries {
            if delivery.body.is_empty() && delivery.bytes_total > 0 {
                delivery.body = fetch(&mut self.client, &delivery.doc_id).await?.into();
            }
            judge_one(field, &delivery, now, names, receiving);
            let state = v1::DeliveryState::Done.into();
            acks.push(v1::Ack { doc_id: delivery.doc_id, state, description: String::new() });
        }
        if !acks.is_empty() {
            let acks = receive_request::Request::Acks(v1::AckBatch { acks });
            let closed = |_| Status::unavailable("the stream ended");
            self.acks.send(v1::ReceiveRequest { request: Some(acks) }).await.map_err(closed)?;
        }
        bump(&field.delivered, receiving.delivered.count() - before);
        Ok(())
    }
}

fn judge_one(
    field: &Field,
    delivery: &v1::Delivery,
    now: u64,
    names: &mut Names,
    receiving: &mut Receiving,
) {
    let Some(mark) = field.documents.read(&delivery.document_id) else {
        receiving.foreign += 1;
        return;
    };
    receiving.delivered.mark(mark.number);
    receiving.corrupted += u64::from(!field.documents.is_whole(mark.number, &delivery.body));
    let target = field.documents.target(mark.number);
    receiving.misdelivered += u64::from(!names.agree(target, &delivery.to));
    if field.span.holds(mark.intended) {
        receiving.deliveries.record(mark.intended, now);
    }
}

/// The platform answers agency codes in its canonical form, whatever form the plan has: so one
/// receiver must always go by one name.
#[derive(Debug, Default)]
struct Names(Vec<String>);

impl Names {
    fn agree(&mut self, target: usize, name: &str) -> bool {
        if self.0.len() <= target {
            self.0.resize(target + 1, String::new());
        }
        match self.0.get_mut(target) {
            Some(known) if known.is_empty() => {
                name.clone_into(known);
                true
            }
            Some(known) => known == name,
            None => false,
        }
    }
}

/// A body too large for the stream.
async fn fetch(client: &mut Client, doc_id: &[u8]) -> Result<Vec<u8>, Status> {
    let id = doc_id.iter().fold(0_u128, |id, &byte| id << 8 | u128::from(byte));
    let doc_id = format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        id >> 96,
        id >> 80 & 0xffff,
        id >> 64 & 0xffff,
        id >> 48 & 0xffff,
        id & 0xffff_ffff_ffff
    );
    let mut chunks = client.get(v1::GetRequest { doc_id }).await?.into_inner();
    let mut body = Vec::new();
    while let Some(chunk) = chunks.message().await? {
        body.extend_from_slice(&chunk.data);
    }
    Ok(body)
}

const ACK_BATCHES_MAX: usize = 256;
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);
