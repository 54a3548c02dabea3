//! Systems outside: the real one behind a service, over HTTP/1.1, plain or by TLS.

use super::links::words;
use super::{CallBody, CutBody};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::domain::routing::PlatformIx;
use crate::domain::service::{CallFault, Trouble};
use crate::tls::{Cause, Connected, PeerIdentity, TlsClient, TlsFault};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls_pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

/// How real systems are reached. A connection is kept for the next call, but not for long: one that the system closes
/// just when a call is written to it costs that call, because what was written is never repeated.
#[derive(Debug)]
pub struct Outside {
    clock: Arc<SystemClock>,
    /// With the key of the platform that asks.
    clients: BTreeMap<PlatformIx, TlsClient>,
    connections: TaskTracker,
    stall: Duration,
    kept: Mutex<BTreeMap<(PlatformIx, String), Vec<Kept>>>,
}

/// A connection that serves a call, or waits for one.
#[derive(Debug)]
struct Kept {
    sender: http1::SendRequest<CallBody>,
    /// Who answers, by TLS.
    peer: Option<PeerIdentity>,
    used_at: Timestamp,
}

/// Per platform and system.
const KEPT_MAX: usize = 128;
/// Platforms and systems whose connections are kept.
const SYSTEMS_MAX: usize = 256;
/// Shorter than any usual server keeps an idle connection.
const IDLE_MAX: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const HEAD_BYTES_MAX: usize = 64 << 10;

impl Outside {
    /// `stall` is how long an answer's body may go without a byte.
    pub fn new(
        clock: Arc<SystemClock>,
        clients: BTreeMap<PlatformIx, TlsClient>,
        stall: Duration,
    ) -> Self {
        let (connections, kept) = (TaskTracker::new(), Mutex::default());
        Self { clock, clients, connections, stall, kept }
    }

    /// Asks once. The target of the request holds the path and query to be added to `address`.
    pub async fn ask(
        &self,
        from: PlatformIx,
        address: &str,
        request: Request<CallBody>,
    ) -> Result<Response<CallBody>, CallFault> {
        let base: Uri = address
            .parse()
            .map_err(|_unreadable| CallFault::new(Trouble::SystemHostUnknown).detail(address))?;
        let request = addressed(&base, request)?;
        let answered = self.attempt(from, &base, request).await?;
        Ok(answered.map(|body| self.watched(body)))
    }

    async fn attempt(
        &self,
        from: PlatformIx,
        base: &Uri,
        mut request: Request<CallBody>,
    ) -> Result<Response<CallBody>, CallFault> {
        let scheme = base.scheme_str().unwrap_or_default();
        let authority = base.authority().map_or("", http::uri::Authority::as_str);
        let key = (from, format!("{scheme}://{authority}"));
        loop {
            let standing = self.standing(&key);
            let is_fresh = standing.is_none();
            let mut kept = match standing {
                Some(kept) => kept,
                None => self.open(from, base).await?,
            };
            match kept.sender.try_send_request(request).await {
                Ok(response) => {
                    self.keep(key, kept);
                    return Ok(response.map(CallBody::stream));
                }
                Err(mut failed) => match failed.take_message() {
                    // It was never written.
                    Some(unsent) if !is_fresh => request = unsent,
                    _ => return Err(broken(&failed.into_error())),
                },
            }
        }
    }

    /// It is free again when the answer was read to its end.
    fn keep(&self, key: (PlatformIx, String), kept: Kept) {
        let kept = Kept { used_at: self.clock.now(), ..kept };
        let mut systems = self.kept.lock();
        if systems.len() >= SYSTEMS_MAX && !systems.contains_key(&key) {
            systems.retain(|_, all| all.iter().any(|one| self.is_young(one)));
            if systems.len() >= SYSTEMS_MAX {
                return;
            }
        }
        let all = systems.entry(key).or_default();
        if all.len() < KEPT_MAX && !kept.sender.is_closed() {
            all.push(kept);
        }
    }

    /// One whose answer is still being read counts as in use.
    fn is_young(&self, kept: &Kept) -> bool {
        let is_idle = kept.sender.is_ready();
        !kept.sender.is_closed() && (!is_idle || self.clock.now().since(kept.used_at) < IDLE_MAX)
    }

    /// A connection that is free, and whose certificate still holds.
    fn standing(&self, key: &(PlatformIx, String)) -> Option<Kept> {
        let mut all = self.kept.lock();
        let all = all.get_mut(key)?;
        all.retain(|kept| self.is_young(kept));
        let at = all.iter().rposition(|kept| kept.sender.is_ready())?;
        let kept = all.swap_remove(at);
        let Some(peer) = &kept.peer else { return Some(kept) };
        let trust = self.clients.get(&key.0)?.tls().trust();
        peer.recheck(trust, self.clock.now()).is_ok().then_some(kept)
    }

    async fn open(&self, from: PlatformIx, base: &Uri) -> Result<Kept, CallFault> {
        let host = base.host().unwrap_or_default();
        let is_tls = base.scheme() == Some(&Scheme::HTTPS);
        let port = base.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = self.connect(host, port).await?;
        if !is_tls {
            let sender = self.speak(stream).await?;
            return Ok(Kept { sender, peer: None, used_at: self.clock.now() });
        }
        let client = self.clients.get(&from);
        let client = client.ok_or_else(|| CallFault::from(Trouble::Internal))?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_unreadable| CallFault::new(Trouble::SystemHostUnknown).detail(host))?;
        let until = self.clock.now().plus(CONNECT_TIMEOUT);
        let wrapped = Box::pin(client.wrap(&*self.clock, stream, name, until)).await;
        let Connected { stream, peer, .. } = wrapped.map_err(|fault| untrusted(&fault))?;
        let sender = self.speak(stream).await?;
        Ok(Kept { sender, peer: Some(peer), used_at: self.clock.now() })
    }

    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, CallFault> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let unknown = |why: String| CallFault::new(Trouble::SystemHostUnknown).detail(why);
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((bare, port))
            .await
            .map_err(|error| unknown(format!("{host}: {error}")))?
            .collect();
        let mut last = unknown(host.to_owned());
        // wire/xroad.md 2.13: a resolvable address out of bad ones is picked.
        for address in addresses {
            let until = self.clock.now().plus(CONNECT_TIMEOUT);
            match self.clock.timeout_at(until, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    stream.set_nodelay(true).ok();
                    return Ok(stream);
                }
                Ok(Err(error)) => {
                    let why = format!("{address}: {error}");
                    last = CallFault::new(Trouble::SystemUnreachable).detail(why);
                }
                Err(_) => {
                    last = CallFault::new(Trouble::SystemUnreachable).detail(address.to_string());
                }
            }
        }
        Err(last)
    }

    async fn speak<S>(&self, stream: S) -> Result<http1::SendRequest<CallBody>, CallFault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| CallFault::new(Trouble::SystemUnreachable).detail(words(&error)))?;
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a real system ended");
            }
        });
        Ok(sender)
    }

    /// A body that stops coming is cut.
    fn watched(&self, body: CallBody) -> CallBody {
        let length = body.length();
        let CallBody::Stream(stream) = body else { return body };
        let (clock, stall) = (Arc::clone(&self.clock), self.stall);
        let pieces = futures_util::stream::unfold(stream, move |mut stream| {
            let clock = Arc::clone(&clock);
            async move {
                let until = clock.now().plus(stall);
                let late = || Some(Err(CutBody("no byte came for too long".to_owned())));
                let frame =
                    clock.timeout_at(until, stream.frame()).await.unwrap_or_else(|_| late())?;
                Some((frame, stream))
            }
        });
        CallBody::pieces(pieces, length)
    }
}

/// Puts the path of a call behind that of its system: one `/` where both have one (wire/xroad.md 2.1).
fn addressed(base: &Uri, mut request: Request<CallBody>) -> Result<Request<CallBody>, CallFault> {
    let asked = request.uri().path_and_query().map_or("", PathAndQuery::as_str);
    // An empty path of a call stands as `/` in a URI.
    let own = base.path();
    let target = match (own.ends_with('/'), asked.strip_prefix('/')) {
        (true, Some(rest)) => format!("{own}{rest}"),
        (_, _) if asked == "/" => own.to_owned(),
        (_, _) => format!("{own}{asked}"),
    };
    let target: Uri = target
        .parse()
        .map_err(|_unreadable| CallFault::new(Trouble::RequestMalformed).detail(target.clone()))?;
    *request.uri_mut() = target;
    let host = base.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    if let Ok(host) = HeaderValue::from_str(host) {
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(request)
}

fn broken(error: &hyper::Error) -> CallFault {
    let trouble = if error.is_parse() { Trouble::SystemGarbage } else { Trouble::SystemCut };
    CallFault::new(trouble).detail(words(error))
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else is wrong, one side refused the other"
)]
fn untrusted(fault: &TlsFault) -> CallFault {
    let trouble = match fault.cause {
        Cause::Unreachable(_) => Trouble::SystemUnreachable,
        Cause::Timeout => Trouble::SystemTimeout,
        _ => Trouble::SystemUntrusted,
    };
    CallFault::new(trouble).detail(format!("{} {}", fault.code(), fault.en()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_behind_that_of_its_system_with_one_slash() {
        for (base, asked, expected) in [
            ("http://a.example", "/x?q=1", "/x?q=1"),
            ("http://a.example/", "/x", "/x"),
            ("http://a.example/api", "/x", "/api/x"),
            ("http://a.example/api/", "/x", "/api/x"),
            ("http://a.example/api", "/", "/api"),
            ("http://a.example/api", "/path%3B/", "/api/path%3B/"),
        ] {
            let request = Request::builder().uri(asked).body(CallBody::Empty).unwrap();
            let found = addressed(&base.parse().unwrap(), request).unwrap();
            assert_eq!(found.uri().to_string(), expected, "{base} {asked}");
            assert_eq!(found.headers().get("host").unwrap(), "a.example");
        }
    }
}
