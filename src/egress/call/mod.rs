//! The road of service calls: to a neighbouring platform, or to the system behind a service.

mod body;
mod kept;
mod links;
mod outside;
mod toll;

use crate::domain::routing::PlatformIx;
use crate::domain::service::{CallFault, Service};
use http::{Request, Response};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use body::{CallBody, CutBody, StreamedBody};
pub use links::CallLinks;
pub use outside::Outside;
pub use toll::{LinkIsDown, Toll};

/// What a neighbour answered, and who it was.
#[derive(Debug)]
pub struct Forwarded {
    pub response: Response<CallBody>,
    /// TLS version and cipher suite of the session.
    pub tls: Arc<str>,
}

/// Who asks, for the system behind a service.
#[derive(Clone, Debug)]
pub struct Asker {
    /// A member's id.
    pub client: String,
    /// One for all hops of a call.
    pub request_id: String,
    /// As the client gave it, or the request id.
    pub message_id: String,
}

/// Contract: one attempt, never a retry, and no deadline: whoever waits gives up by dropping the future, or the
/// answer's body, which abandons the call. Conditions of the link apply.
pub trait CallRoad: Send + Sync + 'static {
    /// To a neighbouring platform, or straight to the provider's.
    fn forward(
        &self,
        from: PlatformIx,
        to: PlatformIx,
        request: Request<CallBody>,
    ) -> impl Future<Output = Result<Forwarded, CallFault>> + Send;

    /// To the system behind a service of this platform.
    fn provide(
        &self,
        at: PlatformIx,
        service: &Arc<Service>,
        asker: &Asker,
        request: Request<CallBody>,
    ) -> impl Future<Output = Result<Response<CallBody>, CallFault>> + Send;
}

/// An answer on its way.
pub type Answering<'a> =
    Pin<Box<dyn Future<Output = Result<Response<CallBody>, CallFault>> + Send + 'a>>;

/// The simulated systems of a process. The target of the request holds path and query below the service.
pub trait Simulated: Send + Sync + fmt::Debug + 'static {
    fn answer<'a>(
        &'a self,
        service: &'a Arc<Service>,
        name: &'a str,
        asker: &'a Asker,
        request: Request<CallBody>,
    ) -> Answering<'a>;

    /// An answer of a real system, to be repeated later.
    fn record(&self, name: &str, asked: Request<bytes::Bytes>, answered: Response<bytes::Bytes>);
}
