//! The health of a security server, for load balancers (wire/xroad.md 2.11): any path, one answer.

use super::accept_each;
use super::head::RequestHead;
use super::http1::{self, Answer, AnswerBody, Http1Limits, HttpFault};
use super::network::Near;
use crate::domain::routing::PlatformIx;
use crate::pipeline::call::{CallPlane, CallPorts};
use crate::tls::Tls;
use bytes::Bytes;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// What is looked at when somebody asks.
pub struct HealthCheck<P: CallPorts> {
    pub plane: Arc<CallPlane<P>>,
    pub server: PlatformIx,
    /// The key with which it meets other platforms.
    pub key: Arc<Tls>,
    /// Whose machines may ask.
    pub near: Near,
    pub limits: Http1Limits,
}

/// Load balancers at a time.
const CONNECTIONS_MAX: usize = 64;

/// Serves the health port until `stop`.
pub async fn serve<P: CallPorts>(
    listener: TcpListener,
    check: Arc<HealthCheck<P>>,
    stop: CancellationToken,
) {
    let clock = Arc::new(super::PipelineClock(Arc::clone(&check.plane.pipeline)));
    accept_each(listener, &*Arc::clone(&clock), CONNECTIONS_MAX, &stop, |stream, from| {
        let (check, clock, stop) = (Arc::clone(&check), Arc::clone(&clock), stop.clone());
        async move {
            if check.near.lets_in(from.ip()) {
                http1::serve(stream, &clock, &check.limits, &*check, &stop).await;
            } else {
                tracing::warn!(%from, "a connection from a network that is not allowed was refused");
            }
        }
    })
    .await;
}

impl<P: CallPorts> HealthCheck<P> {
    /// 200 and nothing, or why not: 503 in maintenance, 500 when something is broken.
    fn told(&self) -> (u16, String) {
        let Some(at) = self.plane.platform(self.server) else {
            return (500, "the security server does not run here".to_owned());
        };
        if at.door.conditions().maintenance {
            return (503, "Health check interface is in maintenance mode".to_owned());
        }
        let pipeline = &self.plane.pipeline;
        if let Some(fault) = self.key.own_fault(self.plane.now()) {
            return (500, format!("the authentication certificate does not hold: {}", fault.en()));
        }
        if pipeline.gauges().is_draining || !pipeline.is_open() {
            return (500, "the process is stopping".to_owned());
        }
        if !at.evidence.is_open() {
            return (500, "the message log cannot be written".to_owned());
        }
        (200, String::new())
    }
}

impl<P: CallPorts> http1::Face for HealthCheck<P> {
    async fn answer(&self, _head: RequestHead, _body: &mut http1::Body<'_>) -> Answer {
        let (status, line) = self.told();
        plain(status, line)
    }

    fn refuse(&self, fault: &HttpFault) -> Answer {
        plain(400, fault.to_string())
    }
}

fn plain(status: u16, line: String) -> Answer {
    let fields = [("content-type".to_owned(), Bytes::from_static(b"text/plain; charset=utf-8"))];
    Answer::with_fields(status, fields, AnswerBody::Bytes(line.into()))
}

impl<P: CallPorts> std::fmt::Debug for HealthCheck<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HealthCheck").field("server", &self.server).finish_non_exhaustive()
    }
}
