//! X-Road's REST dialect at a door: who asks, for what, and how it is told (wire/xroad.md 2.1 to 2.8).

use super::body_hash::hashed;
use super::code::Code;
use super::fault::{Conformance, Fault, Malformed, Place};
use super::headers::{self, Exchange, RequestHeaders};
use super::identifier::ClientId;
use super::metaservice::{self, RestMetaservice};
use super::request_hash::RequestHash;
use super::target::{self, RestTarget};
use super::{asic, registry, verification_conf, words, wsdl_query};
use crate::domain::member_id::MemberId;
use crate::domain::service::{CallFault, ServiceId, Trouble};
use crate::egress::call::CallBody;
use crate::ingress::calls::{CallAnswer, CallRequest, Channel, admit, http_date};
use crate::pipeline::call::{
    Answered, Asked, CallPlane, CallPlatform, CallPorts, Dialect, Origin, hop,
};
use crate::topology::XRoadSettings;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use uuid::Uuid;

/// One platform's X-Road door.
#[derive(Debug)]
pub struct XRoad<'a, P: CallPorts> {
    pub plane: &'a CallPlane<P>,
    pub at: &'a CallPlatform,
    pub settings: XRoadSettings,
}

impl<P: CallPorts> XRoad<'_, P> {
    /// True for targets that this dialect answers.
    pub fn takes(target: &str) -> bool {
        target::is_rest(target)
            || metaservice::list_clients(target).is_some()
            || wsdl_query::parse(target).is_some()
            || asic::parse(target).is_some()
            || verification_conf::is_target(target)
            || wsdl_query::is_soap_endpoint(target)
    }

    pub async fn answer(&self, request: CallRequest, channel: &Channel) -> CallAnswer {
        let accept = request.text("accept").map(str::to_owned);
        if let Some(instance) = metaservice::list_clients(&request.target) {
            return registry::clients(self.plane, instance.as_deref(), accept.as_deref());
        }
        if let Some(asked) = wsdl_query::parse(&request.target) {
            return self.wsdl(asked);
        }
        if let Some(asked) = asic::parse(&request.target) {
            return self.asic(&request.method, asked, channel).await;
        }
        if verification_conf::is_target(&request.target) {
            return self.verification_conf(&request.method).await;
        }
        if wsdl_query::is_soap_endpoint(&request.target) {
            return self.soap(request, channel).await;
        }
        match self.rest(request, channel).await {
            Ok(response) => response,
            Err(fault) => self.worded(fault, accept.as_deref()),
        }
    }

    fn worded(&self, fault: Fault, accept: Option<&str>) -> CallAnswer {
        let fault = fault.with_detail(Uuid::now_v7().to_string());
        tracing::debug!(platform = %self.at.name, ?fault, "an X-Road request was refused");
        let (content_type, body) = fault.body(accept, self.settings.into());
        let mut response = Response::new(CallBody::whole(body));
        *response.status_mut() =
            StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        put(
            headers,
            HeaderName::from_static(headers::ERROR),
            &fault.code_text(self.settings.into()),
        );
        self.date(headers);
        response
    }

    async fn rest(&self, request: CallRequest, channel: &Channel) -> Result<CallAnswer, Fault> {
        let conformance = Conformance::from(self.settings);
        let fields = request.fields.iter().map(|(name, value)| (name.as_str(), value.as_ref()));
        let named = RequestHeaders::filter(fields);
        let target = RestTarget::parse(&request.target)
            .map_err(|error| Fault::malformed(conformance, Malformed::Target(error)));
        let target = target.inspect_err(|_| self.count_malformed())?;
        if !target::is_rest_method(&request.method) {
            self.count_malformed();
            return Err(Fault::malformed(conformance, Malformed::Method));
        }
        let parties = named.parties(conformance).inspect_err(|_| self.count_malformed())?;
        let member = self.identify(&parties.client, channel);
        let member = member.map_err(|fault| self.refused(&fault))?;
        let service = &target.service;
        let owner = words::owner(service);
        if let Some(server) = &parties.security_server {
            words::check_server(self.plane, server, owner.as_ref())?;
        }
        if let Some(meta) = RestMetaservice::of(&request.method, &service.service_code) {
            return registry::metaservice(self.plane, meta, &target, &member);
        }
        let id = owner.and_then(|owner| ServiceId::new(owner, &service.service_code).ok());
        let id = id.ok_or_else(|| {
            self.refused(&CallFault::new(Trouble::ProviderUnknown).detail(service.to_string()))
        })?;
        let ids = Ids::of(&named, &parties.client);
        let hash = ids.hash(&request.method, &request.target, &named);
        let (body, hash) = hashed(request.body, hash);
        let asked = Asked {
            service: id.to_string(),
            dialect: Dialect::Rest,
            method: Method::from_bytes(request.method.as_bytes()).unwrap_or_default(),
            path: target.service_path.to_owned(),
            query: target.query.map(str::to_owned),
            headers: ids.headers(&named)?,
            body,
            request_id: ids.request.clone(),
            message_id: ids.message.clone(),
            user_id: named.user_id.map(|id| text(id).to_owned()),
            issue: named.issue.map(|issue| text(issue).to_owned()),
            represented: parties.represented_party.as_ref().map(words::represented),
        };
        let origin = Origin::Member { id: member, tls: channel.words() };
        let answered = Box::pin(self.plane.call(self.at, asked, origin)).await;
        let answered = answered.map_err(|fault| self.told(&fault))?;
        let hash = hash.digest();
        let exchange = Exchange {
            id: &ids.message,
            client: &parties.client,
            service,
            request_id: &ids.request,
            request_hash: hash.as_deref(),
        };
        Ok(self.response(answered, &exchange))
    }

    pub(super) fn told(&self, fault: &CallFault) -> Fault {
        words::fault(fault, &self.at.name)
    }

    /// A request that never becomes a call.
    pub(super) fn refused(&self, fault: &CallFault) -> Fault {
        self.plane.refuse(self.at, fault);
        self.told(fault)
    }

    pub(super) fn count_malformed(&self) {
        self.plane.refuse(self.at, &Trouble::RequestMalformed.into());
    }

    /// Who asks (design.md 2.6).
    pub(super) fn identify(
        &self,
        client: &ClientId,
        channel: &Channel,
    ) -> Result<MemberId, CallFault> {
        let id = words::member_id(client)
            .ok_or_else(|| CallFault::new(Trouble::CallerUnknown).detail(client.to_string()))?;
        admit(self.plane, self.at, channel, &id)?;
        Ok(id)
    }

    fn response(&self, answered: Answered, exchange: &Exchange<'_>) -> CallAnswer {
        let mut response = Response::new(answered.body);
        *response.status_mut() =
            StatusCode::from_u16(answered.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let headers = response.headers_mut();
        for (name, value) in &answered.headers {
            if headers::passes_to_client(name.as_str()) {
                headers.append(name.clone(), value.clone());
            }
        }
        for (name, value) in exchange.headers() {
            put(headers, HeaderName::from_static(name), &value);
        }
        if answered.is_deprecated {
            put(headers, DEPRECATION, "true");
        }
        self.date(headers);
        response
    }

    fn date(&self, headers: &mut HeaderMap) {
        put(headers, header::DATE, &http_date(self.plane.pipeline.ports().clock()));
    }
}

/// The ids of one request: ours, and that of its message, which is the client's own where it gave one.
struct Ids {
    request: String,
    message: String,
    is_message_ours: bool,
}

impl Ids {
    fn of(named: &RequestHeaders<'_>, client: &ClientId) -> Self {
        let new = || headers::generated_id(&client.instance, &Uuid::now_v7().to_string());
        Self {
            request: Uuid::now_v7().to_string(),
            message: named.id.map_or_else(new, |id| text(id).to_owned()),
            is_message_ours: named.id.is_none(),
        }
    }

    /// The hash of the head (wire/xroad.md 2.4).
    fn hash(&self, method: &str, target: &str, named: &RequestHeaders<'_>) -> RequestHash {
        let mut hash = RequestHash::new(method, target);
        for (name, value) in &named.kept {
            hash.header(name, value);
        }
        hash.header(headers::REQUEST_ID, self.request.as_bytes());
        if self.is_message_ours {
            hash.header(headers::ID, self.message.as_bytes());
        }
        hash
    }

    /// What goes on to the provider.
    fn headers(&self, named: &RequestHeaders<'_>) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::with_capacity(named.kept.len() + 2);
        for (name, value) in &named.kept {
            let read = HeaderName::from_bytes(name.as_bytes()).ok();
            let Some((name, value)) = read.zip(HeaderValue::from_bytes(value).ok()) else {
                let what = format!("header {name}");
                return Err(Fault::new(Place::ClientProxy, Code::BadRequest, what));
            };
            headers.append(name, value);
        }
        let mut headers = hop::without_ours(headers);
        put(&mut headers, HeaderName::from_static(headers::REQUEST_ID), &self.request);
        put(&mut headers, HeaderName::from_static(headers::ID), &self.message);
        Ok(headers)
    }
}

const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");

fn text(value: &[u8]) -> &str {
    std::str::from_utf8(value).unwrap_or_default()
}

/// A value that cannot stand in a header is left out.
pub(super) fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        headers.insert(name, value);
    }
}
