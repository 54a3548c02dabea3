//! Systems outside: the real one behind a service, over HTTP/1.1, plain or by TLS.

use super::links::words;
use super::{CallBody, CutBody};
use crate::clock::{Clock, SystemClock};
use crate::domain::routing::PlatformIx;
use crate::domain::service::{CallFault, Trouble};
use crate::tls::{Cause, Connected, TlsClient, TlsFault};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

/// How real systems are reached. A connection serves one call: such systems are few, and a connection that a
/// system closed meanwhile would cost a call that must not be repeated.
#[derive(Debug)]
pub struct Outside {
    clock: Arc<SystemClock>,
    /// With the key of the platform that asks.
    clients: BTreeMap<PlatformIx, TlsClient>,
    connections: TaskTracker,
    stall: Duration,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const HEAD_BYTES_MAX: usize = 64 << 10;

impl Outside {
    /// `stall` is how long an answer's body may go without a byte.
    pub fn new(
        clock: Arc<SystemClock>,
        clients: BTreeMap<PlatformIx, TlsClient>,
        stall: Duration,
    ) -> Self {
        Self { clock, clients, connections: TaskTracker::new(), stall }
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
        request: Request<CallBody>,
    ) -> Result<Response<CallBody>, CallFault> {
        let host = base.host().unwrap_or_default();
        let is_tls = base.scheme() == Some(&Scheme::HTTPS);
        let port = base.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = self.connect(host, port).await?;
        if !is_tls {
            return self.send(stream, request).await;
        }
        let client = self.clients.get(&from);
        let client = client.ok_or_else(|| CallFault::from(Trouble::Internal))?;
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_unreadable| CallFault::new(Trouble::SystemHostUnknown).detail(host))?;
        let until = self.clock.now().plus(CONNECT_TIMEOUT);
        let wrapped = Box::pin(client.wrap(&*self.clock, stream, name, until)).await;
        let Connected { stream, .. } = wrapped.map_err(|fault| untrusted(&fault))?;
        self.send(stream, request).await
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

    async fn send<S>(
        &self,
        stream: S,
        request: Request<CallBody>,
    ) -> Result<Response<CallBody>, CallFault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| CallFault::new(Trouble::SystemUnreachable).detail(words(&error)))?;
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to a real system ended");
            }
        });
        match sender.send_request(request).await {
            Ok(response) => Ok(response.map(CallBody::stream)),
            Err(error) if error.is_parse() => {
                Err(CallFault::new(Trouble::SystemGarbage).detail(words(&error)))
            }
            Err(error) => Err(CallFault::new(Trouble::SystemCut).detail(words(&error))),
        }
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
