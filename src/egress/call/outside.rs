//! Systems outside: the real one behind a service, over HTTP/1.1, plain or by TLS.

use super::kept::{Io, Key, Line, Lines};
use super::links::words;
use super::{CallBody, CutBody};
use crate::clock::{Clock, SystemClock};
use crate::domain::routing::PlatformIx;
use crate::domain::service::{CallFault, Trouble};
use crate::tls::{Cause, Connected, PeerIdentity, TlsClient, TlsFault};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt;
use rustls_pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// How real systems are reached. A connection is kept for the next call, but not for long: one that the system closes
/// just when a call is written to it costs that call, because what was written is never repeated.
#[derive(Debug)]
pub struct Outside {
    clock: Arc<SystemClock>,
    /// With the key of the platform that asks.
    clients: BTreeMap<PlatformIx, TlsClient>,
    stall: Duration,
    lines: Arc<Lines>,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

impl Outside {
    /// `stall` is how long an answer's body may go without a byte, `idle` how long a connection waits for the next call.
    pub fn new(
        clock: Arc<SystemClock>,
        clients: BTreeMap<PlatformIx, TlsClient>,
        (stall, idle): (Duration, Duration),
    ) -> Self {
        let lines = Lines::new(Arc::clone(&clock), idle);
        Self { clock, clients, stall, lines }
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
            let line = match standing {
                Some(line) => line,
                // Boxed: seldom, and large.
                None => Box::pin(self.open(from, base)).await?,
            };
            match self.lines.send(&key, line, request).await {
                // 101: nobody asked for another protocol.
                Ok(response) if response.status().is_informational() => {
                    let status = response.status().to_string();
                    return Err(CallFault::new(Trouble::SystemGarbage).detail(status));
                }
                Ok(response) => return Ok(response),
                Err(mut failed) => match failed.take_message() {
                    // It was never written.
                    Some(unsent) if !is_fresh => request = unsent,
                    _ => return Err(broken(&failed.into_error())),
                },
            }
        }
    }

    /// A connection that is free, and whose certificate still holds.
    fn standing(&self, key: &Key) -> Option<Line> {
        let line = self.lines.take(key)?;
        let Some(peer) = &line.peer else { return Some(line) };
        let trust = self.clients.get(&key.0)?.tls().trust();
        peer.recheck(trust, self.clock.now()).is_ok().then_some(line)
    }

    async fn open(&self, from: PlatformIx, base: &Uri) -> Result<Line, CallFault> {
        let host = base.host().unwrap_or_default();
        let is_tls = base.scheme() == Some(&Scheme::HTTPS);
        let port = base.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = self.connect(host, port).await?;
        if !is_tls {
            return speak(Box::new(stream), None).await;
        }
        let client = self.clients.get(&from);
        let client = client.ok_or_else(|| CallFault::from(Trouble::Internal))?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_unreadable| CallFault::new(Trouble::SystemHostUnknown).detail(host))?;
        let until = self.clock.now().plus(CONNECT_TIMEOUT);
        let wrapped = Box::pin(client.wrap(&*self.clock, stream, name, until)).await;
        let Connected { stream, peer, .. } = wrapped.map_err(|fault| untrusted(&fault))?;
        speak(Box::new(stream), Some(peer)).await
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

async fn speak(io: Box<dyn Io>, peer: Option<PeerIdentity>) -> Result<Line, CallFault> {
    let unreachable =
        |error: hyper::Error| CallFault::new(Trouble::SystemUnreachable).detail(words(&error));
    Line::new(io, peer).await.map_err(unreachable)
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
