//! Handshakes with a deadline, from either end, and the peer checked afterwards.

use super::fault::{Cause, Known, Role, TlsFault, Witness};
use super::identity::{PeerId, PeerIdentity};
use super::verify::{Seen, noting};
use super::{ListenerKind, Tls, TlsClient, TlsServer};
use crate::clock::{Clock, Timestamp};
use crate::pki::CertificateFacts;
use rustls_pki_types::ServerName;
use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// How long a refused client may take to read why.
const LINGER: Duration = Duration::from_millis(500);
/// What a refused client may still send meanwhile.
const LINGER_BYTES_MAX: u64 = 64 * 1024;

/// A client that was let in.
#[derive(Debug)]
pub struct Accepted<S> {
    pub stream: server::TlsStream<S>,
    pub peer: PeerIdentity,
    /// The client chose HTTP/2.
    pub is_http2: bool,
}

/// A server that is the one we meant. It may still refuse our certificate at the first read: `TlsClient::explain`.
#[derive(Debug)]
pub struct Connected<S> {
    pub stream: client::TlsStream<S>,
    pub peer: PeerIdentity,
    pub is_http2: bool,
}

impl TlsServer {
    /// Contract: whoever is returned has been checked against the revocation list of now, resumed or not.
    /// A refused client is told why and given a moment to read it.
    pub async fn accept<S, C>(
        &self,
        clock: &C,
        io: S,
        deadline: Timestamp,
    ) -> Result<Accepted<S>, TlsFault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
        C: Clock,
    {
        let handshake = TlsAcceptor::from(Arc::clone(&self.config)).accept(io).into_fallible();
        // Boxed: a handshake is large, and callers hold it in theirs.
        let noted = clock.timeout_at(deadline, Box::pin(noting(handshake))).await;
        let Ok((done, seen)) = noted else {
            return Err(TlsFault::new(Role::Client, Witness::Us, Cause::Timeout));
        };
        let mut stream = match done {
            Ok(stream) => stream,
            Err((error, mut io)) => {
                let fault = self.fault(&error, seen, clock.now());
                linger(clock, &mut io).await;
                return Err(fault);
            }
        };
        match self.admit(&stream, clock.now()) {
            Ok(peer) => {
                let is_http2 = stream.get_ref().1.alpn_protocol() == Some(super::HTTP2);
                Ok(Accepted { stream, peer, is_http2 })
            }
            Err(fault) => {
                let goodbye = clock.now().plus(LINGER);
                // The fault is what counts; whether the goodbye arrives is not ours to know.
                clock.timeout_at(goodbye, stream.shutdown()).await.ok();
                Err(fault)
            }
        }
    }

    /// What an error on an accepted connection says about TLS; `None` when it is about something else.
    pub fn explain(&self, error: &(dyn StdError + 'static), now: Timestamp) -> Option<TlsFault> {
        let own = self.tls.facts();
        TlsFault::read(error, &known(Role::Server, own.as_ref(), Seen::default(), now))
    }

    fn admit<S>(
        &self,
        stream: &server::TlsStream<S>,
        now: Timestamp,
    ) -> Result<PeerIdentity, TlsFault> {
        let trust = &self.tls.trust;
        let peer = PeerIdentity::of(stream.get_ref().1, Role::Client, trust)?;
        if self.kind == ListenerKind::Mtls && peer.id == PeerId::Anonymous {
            return Err(TlsFault::new(Role::Client, Witness::Us, Cause::NoClientCertificate));
        }
        peer.recheck(trust, now)?;
        Ok(peer)
    }

    fn fault(&self, error: &io::Error, seen: Seen, now: Timestamp) -> TlsFault {
        let own = self.tls.facts();
        if own.is_none() {
            return TlsFault::new(Role::Server, Witness::Us, Cause::NoOwnKey);
        }
        TlsFault::read_handshake(error, &known(Role::Server, own.as_ref(), seen, now))
    }
}

impl TlsClient {
    /// Connects and shakes hands. `name` must stand in the server's certificate: an address or a DNS name.
    pub async fn connect<C: Clock>(
        &self,
        clock: &C,
        address: SocketAddr,
        name: ServerName<'static>,
        deadline: Timestamp,
    ) -> Result<Connected<TcpStream>, TlsFault> {
        let unreachable = |why: String| {
            TlsFault::new(Role::Server, Witness::Us, Cause::Unreachable(why))
                .about(address.to_string())
        };
        let io = match clock.timeout_at(deadline, TcpStream::connect(address)).await {
            Ok(Ok(io)) => io,
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Err(elapsed) => return Err(unreachable(elapsed.to_string())),
        };
        io.set_nodelay(true).map_err(|error| unreachable(error.to_string()))?;
        self.wrap(clock, io, name, deadline).await
    }

    /// Shakes hands over a stream that is already there.
    pub async fn wrap<S, C>(
        &self,
        clock: &C,
        io: S,
        name: ServerName<'static>,
        deadline: Timestamp,
    ) -> Result<Connected<S>, TlsFault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
        C: Clock,
    {
        let handshake = TlsConnector::from(self.config()).connect(name, io).into_fallible();
        // Boxed: a handshake is large, and callers hold it in theirs.
        let noted = clock.timeout_at(deadline, Box::pin(noting(handshake))).await;
        let Ok((done, seen)) = noted else {
            return Err(TlsFault::new(Role::Server, Witness::Us, Cause::Timeout));
        };
        let stream = done.map_err(|(error, _)| {
            let own = self.tls.facts();
            TlsFault::read_handshake(&error, &known(Role::Client, own.as_ref(), seen, clock.now()))
        })?;
        let connection = stream.get_ref().1;
        let peer = PeerIdentity::of(connection, Role::Server, &self.tls.trust)?;
        peer.recheck(&self.tls.trust, clock.now())?;
        let is_http2 = connection.alpn_protocol() == Some(super::HTTP2);
        Ok(Connected { stream, peer, is_http2 })
    }

    /// What an error while reading or writing says about TLS. This is where a client of TLS 1.3 learns
    /// that its certificate was refused; hyper's and tonic's errors are read as well.
    pub fn explain(&self, error: &(dyn StdError + 'static), now: Timestamp) -> Option<TlsFault> {
        let own = self.tls.facts();
        TlsFault::read(error, &known(Role::Client, own.as_ref(), Seen::default(), now))
            .or_else(|| self.own_fault(now))
    }

    /// Why a server would refuse our certificate, as far as we can tell. A server that finds it out after the
    /// handshake closes without an alert, so this is asked whenever a connection ends before an answer.
    pub fn own_fault(&self, now: Timestamp) -> Option<TlsFault> {
        self.tls.own_fault(now)
    }
}

impl Tls {
    /// Why a peer would refuse our certificate, as far as we can tell.
    pub fn own_fault(&self, now: Timestamp) -> Option<TlsFault> {
        let own = self.facts()?;
        let cause = if now > own.not_after {
            Cause::Expired { not_after: Some(own.not_after) }
        } else if now < own.not_before {
            Cause::NotYetValid { not_before: Some(own.not_before) }
        } else {
            self.trust.revocation(&own.key)?;
            Cause::Revoked { serial: Some(own.key.serial.clone()) }
        };
        Some(TlsFault::new(Role::Client, Witness::Peer, cause).about(own.called()))
    }
}

const fn known(
    role: Role,
    own: Option<&CertificateFacts>,
    seen: Seen,
    now: Timestamp,
) -> Known<'_> {
    Known { role, own, seen, now }
}

/// Closing with unread bytes resets the connection, and the alert is lost before it is read. So: say that
/// nothing follows, then read what still comes, within limits.
async fn linger<S, C>(clock: &C, io: &mut S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    C: Clock,
{
    let until = clock.now().plus(LINGER);
    let drain = async {
        if io.shutdown().await.is_err() {
            return;
        }
        let mut bucket = [0_u8; 4096];
        let mut left = LINGER_BYTES_MAX;
        while left > 0 {
            match io.read(&mut bucket).await {
                Ok(count) if count > 0 => left = left.saturating_sub(count as u64),
                Ok(_) | Err(_) => return,
            }
        }
    };
    // Either way the connection is dropped next.
    clock.timeout_at(until, drain).await.ok();
}
