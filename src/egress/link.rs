//! Neighbouring platforms over HTTP/2 and mutual TLS: the live `Transport`.

use super::call::Toll;
use super::{LinkId, LinkOutcome, Transport, Unreachable};
use crate::clock::{Clock, SystemClock};
use crate::domain::conditions::LinkConditions;
use crate::journal::{Journal, Seq};
use crate::pki::PlatformName;
use crate::tls::{Alpn, PeerIdentity, Tls, TlsClient, TlsFault, TlsLoadError};
use crate::wire::v1;
use crate::wire::v1::link_client::LinkClient;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use futures_util::stream;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls_pki_types::ServerName;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

/// How long a neighbour may take to shake hands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// HTTP/2 windows: a body of many megabytes must not wait for credit every 64 KiB.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
/// A hand-over holds at most `link_batch_bytes_max` and what surrounds it.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// What an answer weighs on a link with little bandwidth.
const ANSWER_BYTES: u64 = 256;

/// All links that leave the platforms of this process.
#[derive(Debug)]
pub struct Links {
    clock: Arc<SystemClock>,
    links: BTreeMap<LinkId, Arc<Link>>,
}

#[derive(Debug)]
struct Link {
    client: Arc<TlsClient>,
    address: Mutex<SocketAddr>,
    /// The certificate of the present session, checked again before each use.
    peer: Arc<ArcSwapOption<PeerIdentity>>,
    channel: Mutex<Option<Channel>>,
    toll: Toll,
}

impl Links {
    pub const fn new(clock: Arc<SystemClock>) -> Self {
        Self { clock, links: BTreeMap::new() }
    }

    /// Adds the way to a neighbour. `tls` holds the key of the platform it leaves from.
    pub fn add(
        &mut self,
        id: LinkId,
        tls: &Arc<Tls>,
        peer_name: PlatformName,
        address: SocketAddr,
        conditions: Arc<Mutex<LinkConditions>>,
    ) -> Result<(), TlsLoadError> {
        let client = Arc::new(tls.client(Some(peer_name), Alpn::Http2)?);
        let link = Link {
            client,
            address: Mutex::new(address),
            peer: Arc::default(),
            channel: Mutex::new(None),
            toll: Toll::new(conditions),
        };
        self.links.insert(id, Arc::new(link));
        Ok(())
    }

    fn link(&self, id: LinkId) -> Result<&Arc<Link>, Unreachable> {
        self.links
            .get(&id)
            .ok_or_else(|| Unreachable { code: "LT-L004", detail: "no such link".into() })
    }

    /// Lets a message of so many bytes meet the conditions of its link.
    async fn pass(&self, link: &Link, bytes: u64) -> Result<(), Unreachable> {
        let passed = link.toll.pass(&self.clock, bytes).await;
        passed.map_err(|down| Unreachable { code: "LT-L001", detail: down.to_string() })
    }

    /// A client on the link's one connection; its certificate is checked again before each use.
    fn client(&self, link: &Arc<Link>) -> Result<LinkClient<Channel>, Unreachable> {
        let now = self.clock.now();
        if let Some(peer) = link.peer.load().as_ref()
            && let Err(fault) = peer.recheck(link.client.tls().trust(), now)
        {
            *link.channel.lock() = None;
            link.peer.store(None);
            return Err(named(&fault));
        }
        let mut channel = link.channel.lock();
        let channel = match &*channel {
            Some(channel) => channel.clone(),
            None => channel.insert(connect(Arc::clone(&self.clock), link)).clone(),
        };
        Ok(LinkClient::new(channel)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX))
    }

    fn failed(&self, link: &Link, status: &tonic::Status) -> Unreachable {
        let error: &(dyn StdError + 'static) = status;
        if let Some(fault) =
            fault_in(error).or_else(|| link.client.explain(error, self.clock.now()))
        {
            return named(&fault);
        }
        // A refusal that the neighbour worded itself.
        if status.code() == tonic::Code::Unauthenticated
            || status.code() == tonic::Code::PermissionDenied
        {
            return Unreachable { code: "LT-L005", detail: status.message().to_owned() };
        }
        Unreachable { code: "LT-L001", detail: status.message().to_owned() }
    }
}

impl Transport for Links {
    async fn hand(&self, link: LinkId, hand_over: v1::HandOver) -> LinkOutcome {
        let attempt = async {
            let link = self.link(link)?;
            let bytes = hand_over.documents.iter().map(|d| d.body.len() as u64 + 512).sum::<u64>()
                + 128 * hand_over.reports.len() as u64;
            self.pass(link, bytes).await?;
            let mut client = self.client(link)?;
            let answer =
                client.hand(hand_over).await.map_err(|status| self.failed(link, &status))?;
            self.pass(link, ANSWER_BYTES).await?;
            Ok(answer.into_inner())
        };
        attempt.await.map_or_else(LinkOutcome::Unreachable, LinkOutcome::Answered)
    }

    async fn hand_body<J: Journal>(
        &self,
        link: LinkId,
        document: v1::HandDocument,
        chunks: Vec<u64>,
        journal: &J,
    ) -> LinkOutcome {
        let attempt = async {
            let link = self.link(link)?;
            let mut client = self.client(link)?;
            // The chunks are read ahead of the network by one message, so memory holds no whole body.
            let (sender, receiver) = tokio::sync::mpsc::channel::<v1::HandBodyFrame>(1);
            let head = v1::HandBodyFrame { document: Some(document), chunk: Bytes::new() };
            let feed = async {
                let mut is_open = sender.send(head).await.is_ok();
                for seq in chunks {
                    if !is_open {
                        break;
                    }
                    let chunk = journal.chunk(Seq(seq)).await.map_err(|error| Unreachable {
                        code: "LT-L003",
                        detail: error.to_string(),
                    })?;
                    self.pass(link, chunk.len() as u64).await?;
                    is_open =
                        sender.send(v1::HandBodyFrame { document: None, chunk }).await.is_ok();
                }
                drop(sender);
                Ok::<(), Unreachable>(())
            };
            let frames = stream::unfold(receiver, |mut receiver| async {
                receiver.recv().await.map(|frame| (frame, receiver))
            });
            let call = async {
                client.hand_body(frames).await.map_err(|status| self.failed(link, &status))
            };
            let (fed, answer) = futures_util::future::join(feed, call).await;
            let answer = answer?;
            fed?;
            self.pass(link, ANSWER_BYTES).await?;
            Ok(answer.into_inner())
        };
        attempt.await.map_or_else(LinkOutcome::Unreachable, LinkOutcome::Answered)
    }

    async fn probe(&self, link: LinkId) -> Result<(), Unreachable> {
        let link = self.link(link)?;
        let deadline = self.clock.now().plus(CONNECT_TIMEOUT);
        let attempt = async {
            self.pass(link, ANSWER_BYTES).await?;
            let mut client = self.client(link)?;
            client
                .probe(v1::ProbeRequest {})
                .await
                .map(drop)
                .map_err(|status| self.failed(link, &status))
        };
        let late = Unreachable { code: "LT-L002", detail: "no answer in time".into() };
        self.clock.timeout_at(deadline, attempt).await.unwrap_or(Err(late))
    }

    async fn directory_changes(
        &self,
        link: LinkId,
        request: v1::ChangesRequest,
    ) -> Result<v1::AgencyList, Unreachable> {
        let link = self.link(link)?;
        self.pass(link, ANSWER_BYTES).await?;
        let mut client = self.client(link)?;
        let answer = client.directory_changes(request).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(link, &status))
    }

    async fn directory_change(
        &self,
        link: LinkId,
        change: v1::DirectoryChangeUp,
    ) -> Result<v1::DirectoryReply, Unreachable> {
        let link = self.link(link)?;
        self.pass(link, ANSWER_BYTES).await?;
        let mut client = self.client(link)?;
        let answer = client.directory_change(change).await;
        answer.map(tonic::Response::into_inner).map_err(|status| self.failed(link, &status))
    }
}

/// One connection, made when it is first used and again after it broke.
fn connect(clock: Arc<SystemClock>, link: &Arc<Link>) -> Channel {
    let link = Arc::clone(link);
    let connector = tower::service_fn(move |_uri: http::Uri| {
        let (clock, link) = (Arc::clone(&clock), Arc::clone(&link));
        async move {
            let address = *link.address.lock();
            let deadline = clock.now().plus(CONNECT_TIMEOUT);
            let name = ServerName::IpAddress(address.ip().into());
            let connected = link
                .client
                .connect(&*clock, address, name, deadline)
                .await
                .map_err(std::io::Error::other)?;
            link.peer.store(Some(Arc::new(connected.peer)));
            Ok::<_, std::io::Error>(TokioIo::new(connected.stream))
        }
    });
    Endpoint::from_static("https://platform")
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .connect_with_connector_lazy(connector)
}

fn fault_in<'a>(error: &'a (dyn StdError + 'static)) -> Option<TlsFault> {
    let mut next: Option<&'a (dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(fault) = error.downcast_ref::<TlsFault>() {
            return Some(fault.clone());
        }
        if let Some(inner) =
            error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
            && let Some(fault) = inner.downcast_ref::<TlsFault>()
        {
            return Some(fault.clone());
        }
        next = error.source();
    }
    None
}

fn named(fault: &TlsFault) -> Unreachable {
    Unreachable { code: fault.code(), detail: fault.en() }
}
