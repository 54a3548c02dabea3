//! What platforms ask each other beside calls, by the same roads: one question, one answer held whole.

use super::{CallPlane, CallPorts};
use crate::clock::Clock;
use crate::domain::routing::PlatformIx;
use crate::domain::service::{CallFault, Trouble};
use crate::egress::call::{CallBody, CallRoad};
use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use prost::Message;
use std::time::Duration;

/// Where a platform says what a token is that it handed out.
pub const TOKEN_PATH: &str = "/call/token";

/// What the platform that handed a token out says of it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TokenTold {
    #[prost(string, tag = "1")]
    pub consumer_key: String,
    /// The SHA-256 of the only certificate that may use it; empty when any may.
    #[prost(bytes = "vec", tag = "2")]
    pub bound_to: Vec<u8>,
    /// What is left of its life; none when it has expired.
    #[prost(uint64, tag = "3")]
    pub left_ms: u64,
}

/// An answer about a token is short.
const TOKEN_BYTES_MAX: usize = 4 << 10;
/// The call itself still has to fit into its own time.
const TOKEN_WAIT_MAX: Duration = Duration::from_secs(5);

impl<P: CallPorts> CallPlane<P> {
    /// Asks the platform of another process that handed a token out what it is; `None` when it never did.
    pub async fn ask_token(
        &self,
        from: PlatformIx,
        issuer: PlatformIx,
        text: &str,
    ) -> Result<Option<TokenTold>, CallFault> {
        let target = format!("https://platform{TOKEN_PATH}");
        let body = CallBody::whole(text.to_owned());
        let bounds = (TOKEN_BYTES_MAX, self.limits.timeout.min(TOKEN_WAIT_MAX));
        let told = self.ask_peer((from, issuer), &target, body, bounds).await?;
        let garbage = |error: prost::DecodeError| {
            CallFault::new(Trouble::LinkGarbage).detail(error.to_string())
        };
        told.map(TokenTold::decode).transpose().map_err(garbage)
    }

    /// At most so many bytes, within so much time; `None` when there is no such thing.
    pub(super) async fn ask_peer(
        &self,
        (from, to): (PlatformIx, PlatformIx),
        target: &str,
        body: CallBody,
        (bytes_max, wait): (usize, Duration),
    ) -> Result<Option<Bytes>, CallFault> {
        let garbage = |why: String| CallFault::new(Trouble::LinkGarbage).detail(why);
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() =
            target.parse::<Uri>().map_err(|_unreadable| garbage(target.to_owned()))?;
        let asking = async {
            let road = self.pipeline.ports().road();
            let response = road.forward(from, to, request).await?.response;
            match response.status() {
                StatusCode::NOT_FOUND => return Ok(None),
                status if !status.is_success() => return Err(garbage(status.to_string())),
                _ => {}
            }
            let read = response.into_body().collect(bytes_max).await;
            let read = read.map_err(|cut| CallFault::new(Trouble::LinkCut).detail(cut.0))?;
            read.map(Some).ok_or_else(|| garbage(format!("more than {bytes_max} bytes")))
        };
        let clock = self.pipeline.ports().clock();
        let asked = clock.timeout_at(self.now().plus(wait), Box::pin(asking)).await;
        asked.map_err(|_elapsed| CallFault::new(Trouble::LinkTimeout))?
    }
}
