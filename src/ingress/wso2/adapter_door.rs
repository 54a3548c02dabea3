//! The adapter's door: `/XrdAdapter/RestService/forward/…` with a `dstcode` (domain.md 4.1 b).

use super::adapter::{AdapterFault, Forward};
use super::face::{answer_of, fields, passed_on};
use crate::domain::member_id::MemberId;
use crate::domain::service::{CallFault, Service, ServiceKind, Trouble};
use crate::egress::call::CallBody;
use crate::ingress::calls::{CallAnswer, CallRequest, Channel, admit};
use crate::pipeline::call::{Asked, CallPorts, Dialect, Origin};
use crate::texts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use std::sync::Arc;
use uuid::Uuid;

/// Whether the adapter answers at this path.
pub fn takes(path: &str) -> bool {
    Forward::is_target(path)
}

impl<P: CallPorts> super::face::Gateway<'_, P> {
    pub async fn forward(&self, request: CallRequest, channel: &Channel) -> CallAnswer {
        let headers = fields(&request);
        let forward = match Forward::parse(request.path(), request.query(), &headers) {
            Ok(forward) => forward,
            Err(fault) => {
                self.plane.refuse(self.at, &Trouble::RequestMalformed.into());
                return refused(fault);
            }
        };
        let admitted = self.admit_forward(request, forward, channel);
        let answered = match admitted {
            Ok((asked, origin)) => Box::pin(self.plane.call(self.at, asked, origin)).await,
            Err(fault) => {
                self.plane.refuse(self.at, &fault);
                Err(fault)
            }
        };
        answered.map_or_else(|fault| failed(&fault.at(&self.at.name)), answer_of)
    }

    fn admit_forward(
        &self,
        request: CallRequest,
        forward: Forward,
        channel: &Channel,
    ) -> Result<(Asked, Origin), CallFault> {
        let member = self.caller(&request, channel)?;
        let destination = MemberId::parse(&forward.destination).map_err(|_invalid| {
            CallFault::new(Trouble::ProviderUnknown).detail(&*forward.destination)
        })?;
        let (service, path) = self.service(&destination, &forward.path)?;
        let request_id = Uuid::now_v7().to_string();
        let mut headers = fields(&request);
        headers.remove("dstcode");
        let provider_url = forward.provider_url.and_then(|url| HeaderValue::from_str(&url).ok());
        if let Some(url) = provider_url {
            headers.insert("providerurl", url);
        }
        let asked = Asked {
            service: service.id.to_string(),
            dialect: Dialect::Rest,
            method: Method::from_bytes(request.method.as_bytes()).unwrap_or_default(),
            path: path.to_owned(),
            query: forward.query,
            headers: passed_on(headers),
            message_id: request_id.clone(),
            request_id,
            user_id: None,
            issue: None,
            represented: None,
            body: request.body,
        };
        Ok((asked, Origin::Member { id: member, tls: channel.words() }))
    }

    /// The member of the certificate; at a security server the one that `X-Road-Client` names, or the only one.
    fn caller(&self, request: &CallRequest, channel: &Channel) -> Result<MemberId, CallFault> {
        let unknown = |detail: String| CallFault::new(Trouble::CallerUnknown).detail(detail);
        let own = channel.member(self.plane.now()).map_err(|r| unknown(r.detail))?;
        if let Some(own) = own {
            return MemberId::parse(own.id()).map_err(|_invalid| unknown(own.id().to_string()));
        }
        let here = self.plane.members.iter();
        let mut here = here
            .filter(|member| member.security_server == Some(self.at.ix))
            .filter_map(|member| MemberId::parse(&member.id).ok());
        let named = request.text("x-road-client").map(|client| client.replace('/', ":"));
        let member = match named {
            Some(named) => MemberId::parse(&named).map_err(|_invalid| unknown(named))?,
            None => match (here.next(), here.next()) {
                (Some(only), None) => only,
                _ => return Err(CallFault::new(Trouble::CallerMissing)),
            },
        };
        admit(self.plane, self.at, channel, &member)?;
        Ok(member)
    }

    /// Of a system with one service that one, and the whole path; else the one whose code the path begins with,
    /// and what follows.
    fn service<'p>(
        &self,
        owner: &MemberId,
        path: &'p str,
    ) -> Result<(Arc<Service>, &'p str), CallFault> {
        let services = self.plane.services();
        let offered: Vec<&Arc<Service>> =
            services.of_owner(owner).filter(|service| service.kind != ServiceKind::Soap).collect();
        let rest = path.strip_prefix('/').unwrap_or(path);
        let at = rest.find('/').unwrap_or(rest.len());
        let (first, below) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let found = match offered.as_slice() {
            [] => return Err(CallFault::new(Trouble::ProviderUnknown).detail(owner.to_string())),
            [only] => return Ok((Arc::clone(only), path)),
            many => many.iter().copied().find(|service| service.id.code() == first),
        };
        let detail = format!("{owner}/{first}");
        let unknown = || CallFault::new(Trouble::ServiceUnknown).detail(detail);
        found.map(|service| (Arc::clone(service), below)).ok_or_else(unknown)
    }
}

fn refused(fault: AdapterFault) -> CallAnswer {
    answer(fault.status(), fault.body())
}

fn failed(fault: &CallFault) -> CallAnswer {
    let status = match fault.trouble.side() {
        crate::domain::service::Side::Consumer => StatusCode::BAD_REQUEST,
        crate::domain::service::Side::Provider if fault.trouble == Trouble::AccessDenied => {
            StatusCode::FORBIDDEN
        }
        crate::domain::service::Side::Provider => StatusCode::INTERNAL_SERVER_ERROR,
        crate::domain::service::Side::System => StatusCode::BAD_GATEWAY,
    };
    let text = |lang| {
        let title = texts::call_title(fault.trouble, lang);
        format!("{title} {}", fault.detail).trim_end().to_owned()
    };
    let body = serde_json::json!({
        "status": "FAIL",
        "ErrorCode": fault.trouble.code(),
        "ErrorDesc": text(texts::Lang::Vi),
        "ErrorDescEn": text(texts::Lang::En),
    });
    answer(status, body.to_string())
}

fn answer(status: StatusCode, text: String) -> CallAnswer {
    let mut response = Response::new(CallBody::whole(text));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
