//! The gateway's door: tokens, and calls with a bearer at `/<api>/<version>/…` (domain.md 4.1 a).

use super::application::{Applications, Client};
use super::context::Contexts;
use super::credentials::{bearer, lgsp};
use super::fault::{Fault, FaultCode};
use super::login::LOGIN_PATH;
use super::quota::Quotas;
use super::request::{FORM_BYTES_MAX, TokenFault, TokenRequest};
use super::token::{Abroad, Fingerprint, LEFT_S_MIN, TOKENS_MAX, Token, Tokens, Wanted};
use crate::domain::member_id::MemberId;
use crate::domain::service::{CallFault, Services, Trouble};
use crate::egress::call::CallBody;
use crate::ingress::calls::{CallAnswer, CallRequest, Channel, OF_CONNECTION};
use crate::pipeline::call::{
    Answered, Asked, CallPlane, CallPlatform, CallPorts, Dialect, Origin, hop,
};
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// What the gateways of one process know: applications, their tokens, and where APIs stand.
pub struct Desk {
    pub(super) applications: Applications,
    pub(super) tokens: Tokens,
    pub(super) abroad: Abroad,
    quotas: Quotas,
    /// Made again when the services have changed.
    contexts: Mutex<Option<(Arc<Services>, Arc<Contexts>)>>,
}

impl Desk {
    /// `recheck`: how long what another platform says of its token is believed.
    pub fn new(applications: Applications, recheck: Duration) -> Self {
        let recheck_ms = u64::try_from(recheck.as_millis()).unwrap_or(u64::MAX);
        Self {
            applications,
            tokens: Tokens::default(),
            abroad: Abroad::new(TOKENS_MAX, recheck_ms),
            quotas: Quotas::default(),
            contexts: Mutex::default(),
        }
    }

    fn contexts(&self, services: &Arc<Services>) -> Arc<Contexts> {
        let mut kept = self.contexts.lock();
        if let Some((of, contexts)) = &*kept
            && Arc::ptr_eq(of, services)
        {
            return Arc::clone(contexts);
        }
        let contexts = Arc::new(Contexts::of(services));
        *kept = Some((Arc::clone(services), Arc::clone(&contexts)));
        contexts
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("applications", &self.applications.len())
            .finish_non_exhaustive()
    }
}

/// One platform's gateway.
#[derive(Debug)]
pub struct Gateway<'a, P: CallPorts> {
    pub plane: &'a CallPlane<P>,
    pub at: &'a CallPlatform,
    pub desk: &'a Desk,
}

const TOKEN_PATH: &str = "/token";

impl<P: CallPorts> Gateway<'_, P> {
    /// True for the endpoints that hand out tokens and for paths below an API.
    pub fn takes(&self, path: &str) -> bool {
        path == TOKEN_PATH
            || path == LOGIN_PATH
            || self.desk.contexts(&self.plane.services()).has(path)
    }

    pub async fn answer(&self, request: CallRequest, channel: &Channel) -> CallAnswer {
        let accept = request.text("accept").map(str::to_owned);
        if request.path() == TOKEN_PATH {
            return self.token(request, channel).await;
        }
        if request.path() == LOGIN_PATH {
            return self.login(request, channel).await;
        }
        match self.call(request, channel).await {
            Ok(answered) => answer_of(answered),
            Err(fault) => self.worded(&fault, accept.as_deref()),
        }
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.plane.now().ms()
    }

    fn worded(&self, fault: &Fault, accept: Option<&str>) -> CallAnswer {
        let told = fault.answer(accept, self.now_ms());
        let mut response = Response::new(CallBody::whole(told.body));
        *response.status_mut() = told.status;
        *response.headers_mut() = told.headers;
        response
    }

    async fn token(&self, request: CallRequest, channel: &Channel) -> CallAnswer {
        let (headers, query) = (fields(&request), request.query().map(str::to_owned));
        if request.method != "POST" {
            return json(StatusCode::METHOD_NOT_ALLOWED, "{}".to_owned(), None);
        }
        let body = request.body.collect(FORM_BYTES_MAX).await.ok().flatten();
        let unread = TokenFault::InvalidRequest("the form is too long or broke off");
        let issued = match body {
            Some(body) => self.issue(&headers, query.as_deref(), &body, channel),
            None => Err(unread),
        };
        match issued {
            Ok(text) => json(StatusCode::OK, text, None),
            Err(fault) => json(fault.status(), fault.body(), fault.www_authenticate()),
        }
    }

    fn issue(
        &self,
        headers: &HeaderMap,
        query: Option<&str>,
        body: &[u8],
        channel: &Channel,
    ) -> Result<String, TokenFault> {
        let asked = TokenRequest::parse(headers, query, body)?;
        let client = self.desk.authenticate(&self.plane.members, &asked.credentials);
        let key = &asked.credentials.consumer_key;
        let client = client.map_err(|error| TokenFault::of_authentication(error, key))?;
        let wanted = Wanted {
            scope: asked.scope.clone(),
            life_s: asked.life_s,
            left_s_min: LEFT_S_MIN,
            bound_to: fingerprint(channel),
            issuer: self.at.name.to_string(),
        };
        let token = self.hand_out(&client, &wanted)?;
        Ok(serde_json::to_string(&token).unwrap_or_default())
    }

    pub(super) fn hand_out(
        &self,
        client: &Arc<Client>,
        wanted: &Wanted,
    ) -> Result<Token, TokenFault> {
        let mut random = [0; 32];
        if let Err(error) = aws_lc_rs::rand::fill(&mut random) {
            tracing::error!(%error, "the system gives no random bytes");
            return Err(TokenFault::Busy);
        }
        Ok(self.desk.tokens.issue(client, wanted, &random, self.now_ms())?)
    }

    /// Who calls: a bearer, or VNPT's `lgspaccesstoken`, whose credentials come with each call.
    async fn client(&self, headers: &HeaderMap, channel: &Channel) -> Result<Arc<Client>, Fault> {
        let refused = || Fault::new(FaultCode::InvalidCredentials);
        if let Some(own) = lgsp(headers).map_err(|_malformed| refused())? {
            let client = self.desk.authenticate(&self.plane.members, &own);
            return client.map_err(|_error| refused());
        }
        let token = bearer(headers)?;
        Ok(self.desk.bearer(self.plane, self.at.ix, token, channel).await?)
    }

    async fn call(&self, request: CallRequest, channel: &Channel) -> Result<Answered, Fault> {
        let admitted = self.admit(request, channel).await.inspect_err(|fault| {
            self.plane.refuse(self.at, &CallFault::new(counted_as(fault.code)));
        });
        let (asked, origin) = admitted?;
        let answered = Box::pin(self.plane.call(self.at, asked, origin)).await;
        answered.map_err(|fault| told(&fault, self.now_ms()))
    }

    /// Who calls, by its token, and what.
    async fn admit(
        &self,
        request: CallRequest,
        channel: &Channel,
    ) -> Result<(Asked, Origin), Fault> {
        let headers = fields(&request);
        let client = self.client(&headers, channel).await?;
        self.desk.quotas.check(&client, self.now_ms())?;
        let forbidden = || Fault::new(FaultCode::ResourceForbidden).detail(client.member.clone());
        let member = MemberId::parse(&client.member).map_err(|_invalid| forbidden())?;
        let known = self.plane.members.by_id(member.as_str()).ok_or_else(forbidden)?;
        let at = Some(self.at.ix);
        if Some(known.member.platform) != at && known.member.security_server != at {
            return Err(forbidden().detail(format!("{} ≠ {}", self.at.name, client.member)));
        }
        // design.md 2.6: a token used beside a certificate must belong to that member.
        let own = channel.member(self.plane.now()).map_err(|_rejection| forbidden())?;
        if own.is_some_and(|own| own.id() != known.id()) {
            return Err(forbidden());
        }
        let contexts = self.desk.contexts(&self.plane.services());
        let matched = contexts.find(request.path()).ok_or_else(|| {
            let choices = contexts.choices(request.path()).join(", ");
            Fault::new(FaultCode::NoMatchingResource).detail(choices)
        })?;
        let request_id = Uuid::now_v7().to_string();
        let asked = Asked {
            service: matched.service.to_owned(),
            dialect: Dialect::Rest,
            method: Method::from_bytes(request.method.as_bytes()).unwrap_or_default(),
            path: matched.path.to_owned(),
            query: request.query().map(str::to_owned),
            headers: passed_on(headers),
            message_id: request_id.clone(),
            request_id,
            user_id: None,
            issue: None,
            represented: None,
            body: request.body,
        };
        let origin = Origin::Member { id: member, tls: channel.words() };
        Ok((asked, origin))
    }
}

/// The certificate that a token is bound to.
pub(super) fn fingerprint(channel: &Channel) -> Option<Fingerprint> {
    match channel {
        Channel::Tls(session) => session.fingerprint(),
        Channel::Plain { .. } => None,
    }
}

/// A request's fields, those that are none of HTTP's left out.
pub(in crate::ingress) fn fields(request: &CallRequest) -> HeaderMap {
    let fields = request.fields.iter();
    header_map_of(fields.map(|(name, value)| (name.as_str(), &**value)))
}

pub(in crate::ingress) fn header_map_of<'f>(
    fields: impl Iterator<Item = (&'f str, &'f [u8])>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        if let Some((name, value)) = name.zip(HeaderValue::from_bytes(value).ok()) {
            headers.append(name, value);
        }
    }
    headers
}

/// A client's fields as its provider sees them: no credential of the gateway, nothing of the connection.
pub(super) fn passed_on(headers: HeaderMap) -> HeaderMap {
    let mut headers = hop::without_ours(headers);
    for name in CREDENTIALS.into_iter().chain(OF_CONNECTION) {
        headers.remove(name);
    }
    headers
}

const CREDENTIALS: [&str; 2] = ["authorization", "lgspaccesstoken"];

pub(super) fn answer_of(answered: Answered) -> CallAnswer {
    let mut response = Response::new(answered.body);
    *response.status_mut() =
        StatusCode::from_u16(answered.status).unwrap_or(StatusCode::BAD_GATEWAY);
    *response.headers_mut() = passed_on(answered.headers);
    response
}

pub(super) fn json(
    status: StatusCode,
    text: String,
    challenge: Option<&'static str>,
) -> CallAnswer {
    let mut response = Response::new(CallBody::whole(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(challenge) = challenge {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

/// What a refusal before there is a call counts as.
const fn counted_as(code: FaultCode) -> Trouble {
    match code {
        FaultCode::MissingCredentials => Trouble::CallerMissing,
        FaultCode::InvalidCredentials => Trouble::CallerUnknown,
        FaultCode::Unclassified => Trouble::LinkTimeout,
        FaultCode::ResourceForbidden => Trouble::CallerForeign,
        FaultCode::NoMatchingResource => Trouble::ServiceUnknown,
        FaultCode::HardLimit
        | FaultCode::ResourceThrottledOut
        | FaultCode::ApplicationThrottledOut => Trouble::Throttled,
        FaultCode::ApiBlocked
        | FaultCode::BackendConnectFailed
        | FaultCode::BackendTimeout
        | FaultCode::BackendClosed => Trouble::Internal,
    }
}

/// A trouble as WSO2 tells it, with our code for who wants to know more.
fn told(fault: &CallFault, now_ms: u64) -> Fault {
    let code = match fault.trouble {
        Trouble::AccessDenied | Trouble::CallerForeign | Trouble::CallerUnknown => {
            FaultCode::ResourceForbidden
        }
        Trouble::ServiceUnknown | Trouble::ProviderUnknown | Trouble::WrongKind => {
            FaultCode::NoMatchingResource
        }
        Trouble::ServiceDisabled | Trouble::SystemMaintenance | Trouble::PlatformMaintenance => {
            FaultCode::ApiBlocked
        }
        Trouble::Throttled | Trouble::Busy => FaultCode::HardLimit,
        Trouble::ProviderBusy | Trouble::CircuitOpen => FaultCode::ResourceThrottledOut,
        Trouble::SystemTimeout | Trouble::LinkTimeout => FaultCode::BackendTimeout,
        Trouble::SystemCut | Trouble::SystemGarbage | Trouble::LinkCut => FaultCode::BackendClosed,
        Trouble::LinkDown
        | Trouble::LinkRefused
        | Trouble::NoRoute
        | Trouble::SystemUnreachable
        | Trouble::SystemHostUnknown
        | Trouble::SystemUntrusted
        | Trouble::SystemMissing
        | Trouble::RuleMissing
        | Trouble::RuleFailed
        | Trouble::AnswerTooLarge => FaultCode::BackendConnectFailed,
        Trouble::CallerInsecure
        | Trouble::CallerMissing
        | Trouble::RequestMalformed
        | Trouble::PathRefused
        | Trouble::RequestTooLarge
        | Trouble::RequestCut
        | Trouble::HopsExhausted
        | Trouble::LinkGarbage
        | Trouble::LinkUnsigned
        | Trouble::EvidenceFailed
        | Trouble::Internal
        | Trouble::ShuttingDown => FaultCode::Unclassified,
    };
    let next_access_ms = fault.retry_after_ms.map(|ms| now_ms + ms);
    let detail = format!("{} {}", fault.trouble.code(), fault.detail);
    Fault { next_access_ms, ..Fault::new(code).detail(detail.trim_end().to_owned()) }
}
