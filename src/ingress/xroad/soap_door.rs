//! X-Road's SOAP dialect at a door (wire/xroad.md 2.9), and the way of clients that fetch the WSDL first (2.8).

use super::code::Code;
use super::face::{XRoad, put};
use super::fault::{Fault, Place};
use super::metaservice::SoapMetaservice;
use super::mime::{self, Multipart, Part};
use super::soap::transport::{self, ContentType, Form};
use super::soap::{self, Answer, SoapHeader, SoapMessage};
use super::wsdl_query::{self, WsdlQueryError};
use super::{identifier, mime_write, registry, request_hash, words};
use crate::domain::member_id::MemberId;
use crate::domain::service::{CallFault, Service, ServiceId, ServiceKind, Trouble};
use crate::egress::call::CallBody;
use crate::ingress::calls::{CallAnswer, CallRequest, Channel};
use crate::pipeline::call::{Answered, Asked, CallPorts, Dialect, Origin, hop};
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, Method, Response, StatusCode};
use std::sync::Arc;
use uuid::Uuid;

const SOAP_ACTION: HeaderName = HeaderName::from_static("soapaction");
const TEXT_XML: &str = "text/xml; charset=UTF-8";

impl<P: CallPorts> XRoad<'_, P> {
    pub(super) async fn soap(&self, request: CallRequest, channel: &Channel) -> CallAnswer {
        match self.answer_soap(request, channel).await {
            Ok(answer) => answer,
            Err(fault) => self.soap_fault(fault),
        }
    }

    fn soap_fault(&self, fault: Fault) -> CallAnswer {
        let fault = fault.with_detail(Uuid::now_v7().to_string());
        tracing::debug!(platform = %self.at.name, ?fault, "a SOAP request was refused");
        let text = soap::write::fault_message(&fault, self.settings.into());
        // SOAP 1.1, 6.2: a fault is a 500, whoever is to blame.
        reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT_XML, text.into())
    }

    async fn answer_soap(
        &self,
        request: CallRequest,
        channel: &Channel,
    ) -> Result<CallAnswer, Fault> {
        let malformed = |_: &Fault| self.count_malformed();
        transport::method(&request.method).inspect_err(malformed)?;
        let given_type = request.text("content-type").map(str::to_owned);
        let content_type = transport::content_type(given_type.as_deref()).inspect_err(malformed)?;
        let action = request.text("soapaction").map(str::to_owned);
        transport::soap_action(action.as_deref()).inspect_err(malformed)?;
        let hold = self.plane.hold(request.body.length()).map_err(|fault| self.refused(&fault))?;
        let body = self.whole(request.body, hold.bytes_max()).await?;
        let root = root_of(&content_type, &body).inspect_err(malformed)?;
        let message = soap::read_request(&root, content_type.charset.as_deref());
        let message = message.inspect_err(malformed)?;
        let header = &message.header;
        let member = self.identify(&header.client, channel);
        let member = member.map_err(|fault| self.refused(&fault))?;
        if let Some(server) = &header.security_server {
            let owner = words::service_id(&header.service).map(|id| id.owner().clone());
            words::check_server(self.plane, server, owner.as_ref())?;
        }
        if let Some(meta) = SoapMetaservice::of(&header.service.service_code) {
            return self.soap_metaservice(meta, &message, &root, &member);
        }
        let id = words::service_id(&header.service).ok_or_else(|| {
            self.refused(
                &CallFault::new(Trouble::ProviderUnknown).detail(header.service.to_string()),
            )
        })?;
        let mut headers = HeaderMap::new();
        put(&mut headers, header::CONTENT_TYPE, given_type.as_deref().unwrap_or(TEXT_XML));
        put(&mut headers, SOAP_ACTION, action.as_deref().unwrap_or("\"\""));
        let asked = Asked {
            service: id.to_string(),
            dialect: Dialect::Soap,
            method: Method::POST,
            path: String::new(),
            query: None,
            headers: hop::without_ours(headers),
            body: CallBody::whole(body.clone()),
            request_id: Uuid::now_v7().to_string(),
            message_id: header.id.clone(),
            user_id: header.user_id.clone(),
            issue: header.issue.clone(),
            represented: header.represented_party.as_ref().map(words::represented),
        };
        let origin = Origin::Member { id: member, tls: channel.words() };
        let answered = Box::pin(self.plane.call(self.at, asked, origin)).await;
        let answered = answered.map_err(|fault| self.told(&fault))?;
        self.check(&message, &request_hash::of_soap(&root), answered, hold.bytes_max()).await
    }

    async fn whole(&self, body: CallBody, bytes_max: usize) -> Result<Bytes, Fault> {
        let refused = |trouble, why: String| self.refused(&CallFault::new(trouble).detail(why));
        let body = body.collect(bytes_max).await;
        let body = body.map_err(|cut| refused(Trouble::RequestCut, cut.0))?;
        body.ok_or_else(|| refused(Trouble::RequestTooLarge, format!("at most {bytes_max} bytes")))
    }

    /// The answer must be one to this request; it goes on with the request's hash (wire/xroad.md 2.9).
    async fn check(
        &self,
        message: &SoapMessage<'_>,
        hash: &str,
        answered: Answered,
        bytes_max: usize,
    ) -> Result<CallAnswer, Fault> {
        let failed = |code, why: String| Fault::service(Place::ServerProxy, code, why);
        let given = answered.headers.get(header::CONTENT_TYPE);
        let given = given.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::BAD_GATEWAY);
        if !status.is_success() && status != StatusCode::INTERNAL_SERVER_ERROR {
            return Err(failed(Code::HttpError, format!("Server responded with error {status}")));
        }
        let content_type =
            transport::content_type(given.as_deref()).map_err(Fault::into_service_failure)?;
        let body = answered.body.collect(bytes_max).await;
        let body = body.map_err(|cut| failed(Code::IoError, cut.0))?;
        let body = body.ok_or_else(|| {
            failed(Code::InternalError, format!("an answer of more than {bytes_max} bytes"))
        })?;
        let root = root_of(&content_type, &body).map_err(Fault::into_service_failure)?;
        let charset = content_type.charset.as_deref();
        let given = given.as_deref().unwrap_or(TEXT_XML);
        let answer = match soap::check_answer(message, &root, charset)? {
            // The provider's own fault passes unchanged.
            Answer::Fault => return Ok(reply(status, given, body)),
            Answer::Message(answer) => answer,
        };
        let text = Bytes::from(soap::write::with_request_hash(&answer, hash));
        match &content_type.form {
            Form::Xml => Ok(reply(status, TEXT_XML, text)),
            Form::Multipart { boundary } => {
                let boundary = boundary.as_deref();
                let mut multipart =
                    mime::read(boundary, &body).map_err(Fault::into_service_failure)?;
                multipart.root.content = text;
                let written = mime_write::write(boundary.unwrap_or_default(), &multipart);
                let written =
                    written.map_err(|error| failed(Code::MimeParsingFailed, error.to_string()))?;
                Ok(reply(status, given, written.into()))
            }
        }
    }

    fn soap_metaservice(
        &self,
        meta: SoapMetaservice,
        message: &SoapMessage<'_>,
        root: &[u8],
        caller: &MemberId,
    ) -> Result<CallAnswer, Fault> {
        let hash = request_hash::of_soap(root);
        let header = &message.header;
        if meta != SoapMetaservice::GetWsdl {
            let only_allowed = (meta == SoapMetaservice::AllowedMethods).then_some(caller);
            let body = registry::soap_methods(self.plane, header, only_allowed)?;
            let text = soap::write::answer(header, &hash, &body);
            return Ok(reply(StatusCode::OK, TEXT_XML, text.into()));
        }
        let failed = |code, why: String| Fault::new(Place::ServerProxy, code, why);
        let code = soap::wsdl_asked(message).ok_or_else(|| {
            failed(Code::InvalidRequest, "Missing serviceCode in message body".to_owned())
        })?;
        let wsdl = self.wsdl_of(header, &code)?;
        let body = format!("<xroad:getWsdlResponse xmlns:xroad=\"{}\"/>", soap::NAMESPACE_XROAD);
        let text = soap::write::answer(header, &hash, &body);
        let multipart = Multipart {
            root: Part::new(TEXT_XML, text),
            attachments: vec![Part::new(TEXT_XML, wsdl)],
        };
        let boundary = format!("lienthong-{}", Uuid::now_v7().simple());
        let body = mime_write::write(&boundary, &multipart)
            .map_err(|error| failed(Code::InternalError, error.to_string()))?;
        Ok(reply(StatusCode::OK, &mime_write::content_type(&boundary), body.into()))
    }

    fn wsdl_of(&self, header: &SoapHeader, code: &str) -> Result<String, Fault> {
        let mut service = header.service.clone();
        code.clone_into(&mut service.service_code);
        let id = words::service_id(&service);
        self.described(id.as_ref())
    }

    fn described(&self, id: Option<&ServiceId>) -> Result<String, Fault> {
        let services = self.plane.services();
        let service = id.and_then(|id| services.by_id(&id.to_string()));
        let is_soap = |service: &&Arc<Service>| service.kind == ServiceKind::Soap;
        let wsdl = service.filter(is_soap).map(|service| &*service.description);
        let wsdl = wsdl.and_then(wsdl_query::anonymise_wsdl_address);
        wsdl.ok_or_else(|| {
            let id = id.map(ToString::to_string).unwrap_or_default();
            Fault::new(Place::ServerProxy, Code::UnknownService, format!("Unknown service: {id}"))
        })
    }

    /// `GET /wsdl?…`: no rights are needed, as for `getWsdl`.
    pub(super) fn wsdl(&self, asked: Result<identifier::ServiceId, WsdlQueryError>) -> CallAnswer {
        let found = match asked {
            Ok(service) => self.described(words::service_id(&service).as_ref()),
            Err(error) => Err(Fault::client(Code::BadRequest, error.to_string())),
        };
        match found {
            Ok(wsdl) => reply(StatusCode::OK, TEXT_XML, wsdl.into()),
            Err(fault) => self.soap_fault(fault),
        }
    }
}

fn root_of(content_type: &ContentType, body: &Bytes) -> Result<Bytes, Fault> {
    match &content_type.form {
        Form::Xml => Ok(body.clone()),
        Form::Multipart { boundary } => {
            mime::read(boundary.as_deref(), body).map(|multipart| multipart.root.content)
        }
    }
}

fn reply(status: StatusCode, content_type: &str, body: Bytes) -> CallAnswer {
    let mut response = Response::new(CallBody::whole(body));
    *response.status_mut() = status;
    put(response.headers_mut(), header::CONTENT_TYPE, content_type);
    response
}
