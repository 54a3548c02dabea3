//! A member's connection to its platform: native gRPC over its own certificate, nothing of the pipeline.

use super::StartError;
use crate::clock::{Clock, SystemClock};
use crate::pki::{Holder, MemberId, Pki, PlatformName};
use crate::tls::{Alpn, Tls, TlsClient, Trust};
use crate::wire::v1;
use crate::wire::v1::exchange_client::ExchangeClient;
use bytes::{Bytes, BytesMut};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Status, Streaming};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Up to here a file travels in one message; larger ones in pieces.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
const PIECE_BYTES: usize = 256 << 10;
/// A batch of deliveries holds a mebibyte of bodies and what surrounds them.
const ANSWER_BYTES_MAX: usize = 16 << 20;
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// Deliveries that may be unconfirmed at once.
const WINDOW: u32 = 64;
/// Batches of confirmations that wait for the network.
const CONFIRMATIONS_MAX: usize = 16;

/// One connection, made when it is first used and again after it broke.
#[derive(Clone, Debug)]
pub(super) struct Post {
    client: ExchangeClient<Channel>,
}

/// An open receive stream: deliveries in, confirmations out.
pub(super) struct Inbox {
    confirmations: tokio::sync::mpsc::Sender<v1::ReceiveRequest>,
    pub(super) deliveries: Streaming<v1::DeliveryBatch>,
}

impl Post {
    pub(super) fn new(
        clock: &Arc<SystemClock>,
        trust: &Arc<Trust>,
        pki: &Pki,
        member: &str,
        platform: &str,
        door: SocketAddr,
    ) -> Result<Self, StartError> {
        let holder = Holder::Member(MemberId::parse(member)?);
        let tls = Tls::load(trust, pki.bundle(&holder).into())?;
        let tls = Arc::new(tls.client(Some(PlatformName::new(platform)?), Alpn::Http2)?);
        Ok(Self::over(Arc::clone(clock), tls, door))
    }

    /// Over a key that is loaded already.
    pub(super) fn over(clock: Arc<SystemClock>, tls: Arc<TlsClient>, door: SocketAddr) -> Self {
        let channel = channel(clock, tls, door);
        Self { client: ExchangeClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX) }
    }

    /// Hands in one edXML file.
    pub(super) async fn submit(&self, file: Bytes) -> Result<v1::Receipt, Status> {
        let mut client = self.client.clone();
        if file.len() > MESSAGE_BYTES_MAX {
            let answer = client.submit_file(futures_util::stream::iter(pieces(&file))).await;
            return answer.map(tonic::Response::into_inner);
        }
        let submission = v1::Submission {
            content: Some(v1::submission::Content::Edxml(file)),
            declaration: v1::Declaration::NoSecret as i32,
            ..v1::Submission::default()
        };
        client.submit(submission).await.map(tonic::Response::into_inner)
    }

    pub(super) async fn receive(&self) -> Result<Inbox, Status> {
        let (confirmations, receiver) = tokio::sync::mpsc::channel(CONFIRMATIONS_MAX);
        let start = v1::receive_request::Start { agencies: Vec::new(), window: WINDOW };
        let start =
            v1::ReceiveRequest { request: Some(v1::receive_request::Request::Start(start)) };
        // There is room: nothing was sent yet.
        confirmations.try_send(start).map_err(|full| Status::internal(full.to_string()))?;
        let mut client = self.client.clone();
        let deliveries = client.receive(ReceiverStream::new(receiver)).await?.into_inner();
        Ok(Inbox { confirmations, deliveries })
    }

    /// The content of a document that was too large to come with its delivery.
    pub(super) async fn content(&self, doc_id: String, bytes: u64) -> Result<Bytes, Status> {
        let mut client = self.client.clone();
        let mut chunks = client.get(v1::GetRequest { doc_id }).await?.into_inner();
        let size = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut content = BytesMut::with_capacity(size.min(ANSWER_BYTES_MAX));
        while let Some(chunk) = chunks.message().await? {
            content.extend_from_slice(&chunk.data);
        }
        Ok(content.freeze())
    }

    /// What an agency sent, newest first; of one document when its id is given.
    pub(super) async fn sent(
        &self,
        agency: String,
        doc_id: String,
        limit: u32,
    ) -> Result<Vec<v1::SentItem>, Status> {
        let mut client = self.client.clone();
        let answer = client.sent(v1::SentRequest { agency, doc_id, limit }).await?;
        Ok(answer.into_inner().items)
    }
}

impl Inbox {
    /// `Err` when the stream is over.
    pub(super) async fn confirm(&self, acks: Vec<v1::Ack>) -> Result<(), Status> {
        let acks = v1::receive_request::Request::Acks(v1::AckBatch { acks });
        let request = v1::ReceiveRequest { request: Some(acks) };
        self.confirmations
            .send(request)
            .await
            .map_err(|_closed| Status::unavailable("the receive stream is over"))
    }
}

fn pieces(file: &Bytes) -> Vec<v1::FileChunk> {
    let header = v1::Submission {
        declaration: v1::Declaration::NoSecret as i32,
        ..v1::Submission::default()
    };
    let head = v1::FileChunk {
        header: Some(header),
        bytes_total: file.len() as u64,
        ..v1::FileChunk::default()
    };
    let piece = |from: usize| v1::FileChunk {
        data: file.slice(from..(from + PIECE_BYTES).min(file.len())),
        ..v1::FileChunk::default()
    };
    std::iter::once(head).chain((0..file.len()).step_by(PIECE_BYTES).map(piece)).collect()
}

fn channel(clock: Arc<SystemClock>, tls: Arc<TlsClient>, door: SocketAddr) -> Channel {
    let connector = tower::service_fn(move |_uri: http::Uri| {
        let (clock, tls) = (Arc::clone(&clock), Arc::clone(&tls));
        async move {
            let deadline = clock.now().plus(CONNECT_TIMEOUT);
            let name = ServerName::IpAddress(door.ip().into());
            let connected = Box::pin(tls.connect(&*clock, door, name, deadline))
                .await
                .map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(TokioIo::new(connected.stream))
        }
    });
    Endpoint::from_static("https://platform")
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .connect_with_connector_lazy(connector)
}
