//! The face of the document axis: the protocol of the VXP SDK (`com.vpcp.services`), wire/vxp.md section 1.
//!
//! Parameters travel as signed headers, answers are JSON whatever happened, and clients take an item again until
//! it is confirmed. Who calls is said by systemid and HMAC, by the certificate, or by both, and then they agree.
//!
//! Invariant: this face holds no state and decides nothing.

mod agencies;
mod fetch;
mod lists;
mod operation;
mod send;
mod signed;
mod states;
mod words;

use super::documents::{self, Exchange, missing, wrong};
use super::head::{RequestHead, target};
use super::http1::{Answer, Body};
use super::session::Session;
use crate::clock::Timestamp;
use crate::domain::directory::{Caller, Members};
use crate::domain::envelope::DocId;
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::routing::PlatformIx;
use crate::pipeline::{Pipeline, Platform, Ports};
use signed::{HASH_HEADER, Mac, Parameters, SIGN_HEADER, SYSTEMID};
use std::sync::Arc;

pub use operation::{Operation, PREFIXES};
pub use words::{faulty, refused, unknown_path};

/// The face on one connection.
#[derive(Debug)]
pub struct Vxp<P: Ports> {
    pipeline: Arc<Pipeline<P>>,
    platform: PlatformIx,
    session: Arc<Session>,
    members: Arc<Members>,
}

/// One request of a caller that has proved itself.
#[derive(Debug)]
struct Asked<'a> {
    platform: &'a Platform,
    caller: Caller,
    parameters: Parameters,
    operation: Operation,
    correlation_id: &'a str,
}

/// The systemid that a request claims; nothing about it is checked.
pub fn systemid(head: &RequestHead) -> Option<&str> {
    let value = head.fields.first(SYSTEMID)?;
    std::str::from_utf8(value).ok().filter(|systemid| !systemid.is_empty())
}

impl<P: Ports> Vxp<P> {
    pub const fn new(
        pipeline: Arc<Pipeline<P>>,
        platform: PlatformIx,
        session: Arc<Session>,
        members: Arc<Members>,
    ) -> Self {
        Self { pipeline, platform, session, members }
    }

    pub async fn answer(
        &self,
        operation: Operation,
        head: &RequestHead,
        body: &mut Body<'_>,
    ) -> Answer {
        let correlation_id = documents::new_correlation_id();
        match self.try_answer(operation, head, body, &correlation_id).await {
            Ok(answer) => answer,
            Err(rejection) => refused(Some(operation), &rejection, &correlation_id),
        }
    }

    async fn try_answer(
        &self,
        operation: Operation,
        head: &RequestHead,
        body: &mut Body<'_>,
        correlation_id: &str,
    ) -> Result<Answer, Rejection> {
        let now = self.pipeline.now();
        if !matches!(head.method(), "GET" | "POST") {
            return Err(Rejection::new(Reason::ParameterInvalid).detail(head.method()));
        }
        let (caller, parameters) = self.authenticate(operation, head, now)?;
        let platform = self.pipeline.platform(self.platform).ok_or(Reason::Unavailable)?;
        let asked = Asked { platform, caller, parameters, operation, correlation_id };
        match operation {
            Operation::SendEdoc => self.send(&asked, body).await,
            Operation::ReceivedEdocList => self.received(&asked),
            Operation::SentEdocList => self.sent(&asked),
            Operation::CountReceiveEdoc => self.count(&asked, false),
            Operation::CountReceiveStatus => self.count(&asked, true),
            Operation::GetEdoc => self.get(&asked).await,
            Operation::DownloadEdoc => self.download(&asked).await,
            Operation::UpdateStatus => self.update_status(&asked).await,
            Operation::RegisterAgency => self.register(&asked, body).await,
            Operation::DeleteAgency => self.delete(&asked).await,
            Operation::AgenciesList | Operation::AgenciesListQd20 | Operation::SynchronizeUnit => {
                Ok(self.agencies(&asked))
            }
        }
    }

    fn exchange<'a>(&'a self, asked: &'a Asked<'_>) -> Exchange<'a, P> {
        Exchange {
            pipeline: &self.pipeline,
            platform: asked.platform,
            caller: &asked.caller,
            tls: self.session.tls(),
            correlation_id: asked.correlation_id,
        }
    }

    /// Who calls (design.md 2.6). The age of the timestamp is not looked at: clients set it once and live for
    /// days (wire/vxp.md 1.4.1).
    fn authenticate(
        &self,
        operation: Operation,
        head: &RequestHead,
        now: Timestamp,
    ) -> Result<(Caller, Parameters), Rejection> {
        self.session.recheck(now).map_err(|fault| {
            Rejection::new(Reason::CertificateRevoked).detail(format!(
                "{} {}",
                fault.code(),
                fault.vi()
            ))
        })?;
        let fields = &head.fields;
        let channel = self.session.member();
        let unproved =
            |name: &str| Rejection::new(Reason::BadSignature).at(Place::Parameter(name.to_owned()));
        let Some(signed) = fields.first(SIGN_HEADER) else {
            // downloadEdoc2 signs nothing at all (wire/vxp.md 1.2).
            let caller = channel.filter(|_| operation == Operation::DownloadEdoc);
            let caller = caller.ok_or_else(|| unproved(SIGN_HEADER))?;
            let query = target::query_pairs(head.query()).unwrap_or_default();
            return Ok((caller.clone(), Parameters::unsigned(fields, &query)));
        };
        let systemid = systemid(head).ok_or_else(|| unproved(SYSTEMID))?;
        let caller = self
            .members
            .by_systemid(systemid)
            .filter(|caller| caller.member.platform == self.platform)
            .ok_or_else(|| Rejection::new(Reason::UnknownCaller).detail(systemid))?;
        if self.session.has_certificate() && channel.map(|member| member.ix) != Some(caller.ix) {
            return Err(Rejection::new(Reason::ForeignCredential).detail(systemid));
        }
        let secret = caller.member.credential.as_ref().and_then(|known| known.secret.as_ref());
        let claimed = fields.first(HASH_HEADER).unwrap_or_default();
        let mac = secret.map(|secret| signed::check_mac(secret.expose(), signed, claimed));
        match mac {
            Some(Mac::Holds) => {}
            Some(Mac::Differs) => return Err(unproved(HASH_HEADER)),
            Some(Mac::Uncheckable) if channel.is_some() && operation.may_trust_channel() => {}
            // A member without a secret has nothing but its certificate.
            None if channel.is_some() => {}
            Some(Mac::Uncheckable) | None => return Err(Reason::UncheckableCredential.into()),
        }
        let parameters = Parameters::read(fields)?;
        if parameters.any_case("systemid") != Some(systemid) {
            return Err(unproved(SYSTEMID));
        }
        Ok((caller, parameters))
    }
}

impl Asked<'_> {
    /// `edoc` or `status`, if it is said (wire/vxp.md 1.2: without case).
    fn wants_status(&self) -> Result<Option<bool>, Rejection> {
        match self.parameters.any_case("messagetype") {
            None => Ok(None),
            Some(kind) if kind.eq_ignore_ascii_case("edoc") => Ok(Some(false)),
            Some(kind) if kind.eq_ignore_ascii_case("status") => Ok(Some(true)),
            Some(other) => Err(wrong("messagetype").detail(other)),
        }
    }

    /// eDoc is the only service there is.
    fn check_service(&self) -> Result<(), Rejection> {
        match self.parameters.any_case("servicetype") {
            Some(service) if !service.eq_ignore_ascii_case("edoc") => {
                Err(wrong("servicetype").detail(service))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The document meant, by the spelling that the operation's client means it with, else by the other.
    // wire/vxp.md 1.4.2: both can be present with different values, because headers leak from call to call.
    fn doc_id(&self, names: [&str; 2]) -> Result<DocId, Rejection> {
        let text = names.iter().find_map(|name| self.parameters.exact(name));
        let text = text.ok_or_else(|| {
            let name = names.first().copied().unwrap_or_default();
            missing(name)
        })?;
        text.parse().map_err(|_invalid| Rejection::new(Reason::UnknownDocument).detail(text))
    }
}
