//! Whose a token is, wherever it was handed out.
//!
//! A token is good at its member's platform and at its member's security server. Where they run in two processes, the
//! one asks the other by mutual TLS, and believes what it says of members that are connected to it, and of no others.

use super::application::Client;
use super::face::{Desk, fingerprint};
use super::token::{Fingerprint, LookupError, issuer_of};
use crate::domain::directory::Members;
use crate::domain::routing::PlatformIx;
use crate::egress::call::CallBody;
use crate::ingress::calls::{CallAnswer, Channel};
use crate::ingress::session::Session;
use crate::pipeline::call::peer::TokenTold;
use crate::pipeline::call::{CallPlane, CallPorts};
use http::{Response, StatusCode};
use prost::Message;
use std::sync::Arc;

impl Desk {
    /// The client that a token stands for at `here`.
    pub(super) async fn bearer<P: CallPorts>(
        &self,
        plane: &CallPlane<P>,
        here: PlatformIx,
        text: &str,
        channel: &Channel,
    ) -> Result<Arc<Client>, LookupError> {
        let (presented, now_ms) = (fingerprint(channel), plane.now().ms());
        let own = self.tokens.look_up(text, presented.as_ref(), now_ms);
        if own != Err(LookupError::Unknown) {
            return own;
        }
        let issuer = issuer_of(text).and_then(|name| plane.routes().platform(name));
        let issuer = issuer.filter(|issuer| plane.platform(*issuer).is_none());
        let issuer = issuer.ok_or(LookupError::Unknown)?;
        if let Some(heard) = self.abroad.recall(text, now_ms) {
            return heard.admit(presented.as_ref(), now_ms);
        }
        // Boxed: seldom, and large.
        Box::pin(self.ask(plane, (here, issuer), text, presented)).await
    }

    /// Asks the platform of another process that the token names. Anybody can make up such a token: few are asked about
    /// at a time, and none for long.
    async fn ask<P: CallPorts>(
        &self,
        plane: &CallPlane<P>,
        (here, issuer): (PlatformIx, PlatformIx),
        text: &str,
        presented: Option<Fingerprint>,
    ) -> Result<Arc<Client>, LookupError> {
        let Ok(_place) = self.abroad.asking.try_acquire() else {
            return Err(LookupError::IssuerSilent);
        };
        let told = plane.ask_token(here, issuer, text).await.map_err(|fault| {
            tracing::info!(issuer = plane.routes().platform_name(issuer), %fault, "a token cannot be checked");
            LookupError::IssuerSilent
        })?;
        let now_ms = plane.now().ms();
        let believed = told.and_then(|told| self.believed(&plane.members, issuer, &told));
        let Some((client, bound_to, left_ms)) = believed else {
            self.abroad.forget(text);
            return Err(LookupError::Unknown);
        };
        let heard = self.abroad.keep(text, (client, bound_to), left_ms, now_ms);
        heard.admit(presented.as_ref(), now_ms)
    }

    /// The client as it is known here, when its member is connected to who says so.
    fn believed(
        &self,
        members: &Members,
        issuer: PlatformIx,
        told: &TokenTold,
    ) -> Option<(Arc<Client>, Option<Fingerprint>, u64)> {
        let client = self.client(members, &told.consumer_key)?;
        let bound_to = match told.bound_to.as_slice() {
            [] => None,
            bytes => Some(Fingerprint::try_from(bytes).ok()?),
        };
        connects(members, &client.member, issuer).then_some((client, bound_to, told.left_ms))
    }

    fn tell<P: CallPorts>(
        &self,
        plane: &CallPlane<P>,
        asks: PlatformIx,
        text: &str,
    ) -> Option<TokenTold> {
        let (client, bound_to, left_ms) = self.tokens.describe(text, plane.now().ms())?;
        // Where the member is not connected nobody has to know its tokens.
        if !connects(&plane.members, &client.member, asks) {
            return None;
        }
        Some(TokenTold {
            consumer_key: client.consumer_key.clone(),
            bound_to: bound_to.map(Vec::from).unwrap_or_default(),
            left_ms,
        })
    }
}

/// Another platform asks what a token is that was handed out here.
pub(in crate::ingress) async fn tell_token<P: CallPorts>(
    (plane, desk): (&CallPlane<P>, &Desk),
    session: &Session,
    body: CallBody,
) -> CallAnswer {
    let asks = session.platform(plane.now()).ok().and_then(|name| plane.routes().platform(name));
    let status = |status| {
        let mut response = Response::new(CallBody::Empty);
        *response.status_mut() = status;
        response
    };
    let Some(asks) = asks else { return status(StatusCode::FORBIDDEN) };
    let text = body.collect(BODY_BYTES_MAX).await.ok().flatten();
    let told = text.and_then(|text| desk.tell(plane, asks, std::str::from_utf8(&text).ok()?));
    match told {
        Some(told) => Response::new(CallBody::whole(told.encode_to_vec())),
        None => status(StatusCode::NOT_FOUND),
    }
}

/// Longer than any token.
const BODY_BYTES_MAX: usize = 1 << 10;

/// Is this the platform or the security server of the member?
fn connects(members: &Members, member: &str, platform: PlatformIx) -> bool {
    members.by_id(member).is_some_and(|known| {
        known.member.platform == platform || known.member.security_server == Some(platform)
    })
}
