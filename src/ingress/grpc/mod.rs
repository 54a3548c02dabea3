//! The native face: `proto/lienthong/exchange/v1`, for members and for neighbouring platforms.
//!
//! Invariant: this face holds no state and decides nothing; who calls is said by the certificate.

mod convert;
mod directory;
mod exchange;
mod health;
mod link;
mod receive;
mod reflection;
mod tracking;

use super::session::Session;
use crate::domain::directory::Caller;
use crate::domain::rejection::Rejection;
use crate::domain::routing::PlatformIx;
use crate::pipeline::{Peer, Pipeline, Platform, Ports};
use crate::wire::v1::directory_server::DirectoryServer;
use crate::wire::v1::exchange_server::ExchangeServer;
use crate::wire::v1::link_server::LinkServer;
use crate::wire::v1::tracking_server::TrackingServer;
use http::{Request, Response};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::sync::Arc;
use tonic::Status;
use tonic::body::Body;
use tonic_health::pb::health_server::HealthServer;
use tower::Service;

pub use convert::refusal_of;

/// What one connection's native services work with.
#[derive(Debug)]
pub struct Native<P: Ports> {
    pipeline: Arc<Pipeline<P>>,
    platform: PlatformIx,
    session: Arc<Session>,
}

impl<P: Ports> Clone for Native<P> {
    fn clone(&self) -> Self {
        Self {
            pipeline: Arc::clone(&self.pipeline),
            platform: self.platform,
            session: Arc::clone(&self.session),
        }
    }
}

impl<P: Ports> Native<P> {
    fn platform(&self) -> Result<&Platform, Status> {
        self.pipeline
            .platform(self.platform)
            .ok_or_else(|| Status::unavailable("the platform does not run here"))
    }

    fn caller(&self) -> Result<&Caller, Status> {
        self.session.caller(self.pipeline.now()).map_err(|rejection| status_of(&rejection))
    }

    fn peer(&self) -> Result<&Peer, Status> {
        self.session.peer(self.pipeline.now()).map_err(|rejection| status_of(&rejection))
    }
}

/// A refusal of the whole call, in gRPC's words: the code stands in front of the sentence.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else they sent is theirs to mend")]
fn status_of(rejection: &Rejection) -> Status {
    use crate::domain::rejection::Reason;
    let refusal = refusal_of(rejection, "");
    let detail =
        if refusal.detail.is_empty() { String::new() } else { format!(" ({})", refusal.detail) };
    let message = format!("{} {}{detail}", refusal.code, refusal.en);
    match rejection.reason {
        Reason::UnknownCaller
        | Reason::CertificateRevoked
        | Reason::BadSignature
        | Reason::BadCredential => Status::unauthenticated(message),
        Reason::NotYourDocument | Reason::SenderNotYours | Reason::ForeignCredential => {
            Status::permission_denied(message)
        }
        Reason::UnknownDocument | Reason::AgencyUnknown => Status::not_found(message),
        Reason::Throttled | Reason::Busy | Reason::MailboxFull | Reason::DiskFull => {
            Status::resource_exhausted(message)
        }
        Reason::Unavailable | Reason::ShuttingDown | Reason::Timeout => {
            Status::unavailable(message)
        }
        Reason::Internal => Status::internal(message),
        _ => Status::invalid_argument(message),
    }
}

/// The native services of one connection, chosen by path.
#[derive(Debug)]
pub struct NativeServices<P: Ports> {
    exchange: ExchangeServer<Native<P>>,
    link: LinkServer<Native<P>>,
    directory: DirectoryServer<Native<P>>,
    tracking: TrackingServer<Native<P>>,
    health: HealthServer<Native<P>>,
}

impl<P: Ports> NativeServices<P> {
    pub fn new(
        pipeline: Arc<Pipeline<P>>,
        platform: PlatformIx,
        session: Arc<Session>,
        message_bytes_max: usize,
    ) -> Self {
        let native = Native { pipeline, platform, session };
        Self {
            exchange: ExchangeServer::new(native.clone())
                .max_decoding_message_size(message_bytes_max)
                .max_encoding_message_size(usize::MAX),
            link: LinkServer::new(native.clone())
                .max_decoding_message_size(message_bytes_max)
                .max_encoding_message_size(usize::MAX),
            directory: DirectoryServer::new(native.clone()).max_encoding_message_size(usize::MAX),
            tracking: TrackingServer::new(native.clone()).max_encoding_message_size(usize::MAX),
            health: HealthServer::new(native),
        }
    }

    /// Answers one call; `None` when the path is not a native one.
    pub async fn call(
        &self,
        request: Request<Incoming>,
    ) -> Option<Result<Response<Body>, Infallible>> {
        let service = request.uri().path().strip_prefix('/')?;
        let service = service.split('/').next().unwrap_or_default().to_owned();
        Some(match service.strip_prefix("lienthong.exchange.v1.") {
            Some("Exchange") => self.exchange.clone().call(request).await,
            Some("Link") => self.link.clone().call(request).await,
            Some("Directory") => self.directory.clone().call(request).await,
            Some("Tracking") => self.tracking.clone().call(request).await,
            None if service == "grpc.health.v1.Health" => self.health.clone().call(request).await,
            None => reflection::call(&service, request).await?,
            Some(_) => return None,
        })
    }
}
