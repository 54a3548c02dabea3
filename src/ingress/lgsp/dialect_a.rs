//! `/v1/…` as Lạng Sơn's LGSP speaks it (wire/vxp.md 2 A): a form with a file in, JSON out, `success` in every answer.

use super::body::{Form, small};
use super::{
    Asked, Dialect, Head, Lgsp, Row, doc_id, filter, json, operation, status_of, streamed,
    wants_status,
};
use crate::domain::agency::AgencyCode;
use crate::domain::directory::AgencyId;
use crate::domain::edxml;
use crate::domain::fact::Record;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::rules::Expected;
use crate::domain::tracking::{Delivery, InboxFilter};
use crate::egress::call::CallBody;
use crate::ingress::calls::CallAnswer;
use crate::ingress::documents::agencies::in_pieces;
use crate::ingress::documents::lists::{SERVICE, message_type, wire_code, word_of};
use crate::ingress::documents::states::Said;
use crate::ingress::documents::times::{self, list_time};
use crate::ingress::documents::words::{DONE, description_of, error_code};
use crate::ingress::documents::{missing, wrong};
use crate::ingress::http1::ChunkStream;
use crate::ingress::multipart;
use crate::pipeline::BytesPermit;
use crate::pipeline::call::CallPorts;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json as object;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    SendEdoc,
    ReceivedEdocList,
    GetEdoc,
    UpdateStatus,
    AgenciesList,
}

const ROWS: [Row<Operation>; 5] = [
    Row { method: "POST", name: "sendEdoc", operation: Operation::SendEdoc },
    Row { method: "GET", name: "syncReceivedEdocList", operation: Operation::ReceivedEdocList },
    Row { method: "GET", name: "getEdoc", operation: Operation::GetEdoc },
    Row { method: "POST", name: "updateStatus", operation: Operation::UpdateStatus },
    Row { method: "GET", name: "getAgenciesList", operation: Operation::AgenciesList },
];

/// The file's field of the form, and what it is.
const FILE: &str = "edocFile";
const MESSAGE_TYPE: &str = "messageType";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    service_type: &'static str,
    created_time: String,
    updated_time: String,
    message_type: &'static str,
    doc_id: String,
    from: String,
    to: String,
    status: &'static str,
    status_desc: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Organ<'a> {
    org_code: String,
    org_name: &'a str,
    parent_code: String,
    address: &'static str,
    email: &'a str,
    phone: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Attached {
    file_name: String,
    file_content: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Update {
    doc_id: String,
    status: String,
    description: String,
}

impl<P: CallPorts> Lgsp<'_, P> {
    pub(super) async fn dialect_a(
        &self,
        head: &Head,
        body: CallBody,
        correlation_id: &str,
    ) -> Result<CallAnswer, Rejection> {
        let name = head.path.strip_prefix("/v1/").unwrap_or_default();
        let operation = operation(&ROWS, &head.method, name)?;
        let of_unit = operation != Operation::AgenciesList;
        let caller = self.caller(Dialect::A, head, of_unit).await?;
        let tls = self.channel.words();
        let asked = self.asked(head, &caller, (&tls, correlation_id))?;
        match operation {
            Operation::SendEdoc => self.send_a(&asked, body).await,
            Operation::ReceivedEdocList => received(&asked),
            Operation::GetEdoc => self.get_a(&asked).await,
            Operation::UpdateStatus => update(&asked, body).await,
            Operation::AgenciesList => Ok(agencies(&asked)),
        }
    }

    async fn send_a(&self, asked: &Asked<'_, P>, body: CallBody) -> Result<CallAnswer, Rejection> {
        let held = self.held(body, Form::Plain).await?;
        let kind = asked.head.header("content-type").unwrap_or_default();
        let (file, kind) = form(kind, &held.bytes)?;
        let expected = Expected::kind(wants_status(kind.as_deref(), MESSAGE_TYPE)?);
        let answer = asked.exchange.send(file, expected, Vec::new()).await?;
        drop(held);
        Ok(json(
            StatusCode::OK,
            &object!({
                "success": true,
                "message": description_of(&answer),
                "docId": answer.doc_id.to_string(),
            }),
        ))
    }

    /// The file as text, and what is in it taken apart: this answer cannot be made piece by piece.
    async fn get_a(&self, asked: &Asked<'_, P>) -> Result<CallAnswer, Rejection> {
        let id = doc_id(asked.head.given("docId"), "docId")?;
        let exchange = &asked.exchange;
        let found = exchange.pipeline.find(exchange.platform, exchange.caller, id).await?;
        let accepted = found.accepted.clone();
        let file = exchange.file_of(found).await?;
        let permit = self.permit(file.bytes)?;
        let file = file.whole().await?;
        let from = AgencyCode::parse(accepted.from()).ok();
        let directory = asked.directory();
        let name = from.and_then(|code| directory.agency_of(&code)).map(|agency| &*agency.name_vi);
        let mut head = object!({
            "docId": id.to_string(),
            "from": wire_code(accepted.from()),
            "fromName": name.unwrap_or_default(),
            "edocCode": accepted.notation(),
            "edocAbstract": accepted.subject(),
        });
        let rules = &exchange.pipeline.rules;
        if let Some(head) = head.as_object_mut() {
            head.insert("edxml".to_owned(), String::from_utf8_lossy(&file).into());
            let attached = attachments(&file, rules.mode, rules.xml);
            head.insert(
                "attachments".to_owned(),
                serde_json::to_value(attached).unwrap_or_default(),
            );
        }
        drop(file);
        let answer = object!({ "success": true, "message": DONE, "data": head });
        let text = Bytes::from(serde_json::to_string(&answer).unwrap_or_default());
        Ok(streamed(held_until_sent(text, permit)))
    }
}

/// A long answer that gives its memory back when it is gone.
fn held_until_sent(text: Bytes, permit: BytesPermit) -> (u64, ChunkStream) {
    let length = text.len() as u64;
    let piece = stream::once(std::future::ready(Ok(text)));
    let chunks = piece.map(move |piece| {
        // Named, so that the closure owns it.
        let _held = &permit;
        piece
    });
    (length, Box::pin(chunks))
}

/// The file and what it is said to be, out of the form.
fn form(content_type: &str, body: &Bytes) -> Result<(Bytes, Option<String>), Rejection> {
    let (kind, parameters) = multipart::media_type(content_type);
    let boundary = parameters.iter().find(|(name, _)| name == "boundary").map(|(_, value)| value);
    let boundary = boundary.filter(|boundary| multipart::is_boundary(boundary));
    let Some(boundary) = boundary.filter(|_| kind == "multipart/form-data") else {
        return Err(wrong("Content-Type").detail("multipart/form-data; boundary=…"));
    };
    let parts = multipart::split(boundary, body)
        .map_err(|bad| Rejection::new(Reason::Truncated).detail(bad.to_string()))?;
    let named = |wanted: &str| {
        parts.iter().find(|part| {
            let (_, given) =
                multipart::media_type(part.header("content-disposition").unwrap_or_default());
            given.iter().any(|(name, value)| name == "name" && value == wanted)
        })
    };
    let file = named(FILE).ok_or_else(|| missing(FILE))?.content.clone();
    if file.is_empty() {
        return Err(Reason::Empty.into());
    }
    let kind = named(MESSAGE_TYPE).map(|part| String::from_utf8_lossy(&part.content).into_owned());
    Ok((file, kind.map(|kind| kind.trim().to_owned()).filter(|kind| !kind.is_empty())))
}

/// Attachments as they are carried: base64, the line ends taken out.
fn attachments(file: &[u8], mode: edxml::Mode, xml: edxml::XmlLimits) -> Vec<Attached> {
    let Ok(document) = edxml::read(file, mode, xml) else { return Vec::new() };
    let attachments = document.attachments.iter();
    attachments
        .filter_map(|attachment| {
            let bytes = attachment.decode(file).ok()?;
            Some(Attached {
                file_name: attachment.file_name().unwrap_or_default(),
                file_content: base64_simd::STANDARD.encode_to_string(bytes),
            })
        })
        .collect()
}

fn received<P: CallPorts>(asked: &Asked<'_, P>) -> Result<CallAnswer, Rejection> {
    let moment = |name: &str, read: fn(&str) -> Option<crate::clock::Timestamp>| {
        let given = asked.head.query(name);
        given.map(|text| read(text).ok_or_else(|| wrong(name).detail(text))).transpose()
    };
    let filter = InboxFilter {
        from: moment("fromDate", times::from)?,
        until: moment("toDate", times::until)?,
        ..filter(asked.head, (asked.head.query(MESSAGE_TYPE), MESSAGE_TYPE))?
    };
    let data = asked.exchange.received(asked.exchange.agencies(), &filter, item);
    let count = data.len();
    Ok(json(
        StatusCode::OK,
        &object!({ "success": true, "message": DONE, "count": count, "data": data }),
    ))
}

fn item(accepted: &Record, delivery: &Delivery) -> Item {
    let (status, status_desc) = word_of(delivery.state);
    Item {
        service_type: SERVICE,
        created_time: list_time(delivery.arrived_at),
        updated_time: list_time(delivery.updated_at.max(delivery.arrived_at)),
        message_type: message_type(accepted),
        doc_id: delivery.receiver.to_string(),
        from: wire_code(accepted.from()),
        to: delivery.agency.wire(),
        status,
        status_desc,
    }
}

async fn update<P: CallPorts>(
    asked: &Asked<'_, P>,
    body: CallBody,
) -> Result<CallAnswer, Rejection> {
    let body = small(body).await?;
    let given: Update =
        serde_json::from_slice(&body).map_err(|error| wrong("body").detail(error.to_string()))?;
    if given.status.is_empty() {
        return Err(missing("status"));
    }
    let said = Said::parse(&given.status)?;
    let id = doc_id(Some(given.doc_id.as_str()).filter(|id| !id.is_empty()), "docId")?;
    asked.exchange.say(id, said, &given.description).await?;
    Ok(json(StatusCode::OK, &object!({ "success": true, "message": DONE })))
}

fn agencies<P: CallPorts>(asked: &Asked<'_, P>) -> CallAnswer {
    let directory = asked.directory();
    let is_alive = |id: &AgencyId| directory.standing_today(*id).is_listed();
    let ids: Vec<AgencyId> = directory.in_order().into_iter().filter(is_alive).collect();
    let before = format!(r#"{{"success":true,"message":"{DONE}","count":{},"data":["#, ids.len());
    let write = move |id, text: &mut Vec<u8>| {
        let agency = directory.agency(id);
        let above = directory.parent(id).map(|above| directory.agency(above).code.wire());
        let organ = Organ {
            org_code: agency.code.wire(),
            org_name: &agency.name_vi,
            parent_code: above.unwrap_or_default(),
            address: "",
            email: &agency.mail,
            phone: "",
        };
        serde_json::to_writer(text, &organ)
    };
    streamed(in_pieces(before, ids, b"]}", write))
}

/// What may go again later has a status that says so: clients of this dialect repeat after 5xx and nothing else
/// (domain.md 7).
pub(super) fn refused(rejection: &Rejection, said: &str) -> CallAnswer {
    let code = error_code(rejection.reason);
    let status = status_of(rejection);
    let mut body = object!({
        "success": false,
        "message": said,
        "data": { "docId": "", "status": "error", "errorCode": code.to_string(), "errorDesc": said },
    });
    if let Some(body) = body.as_object_mut().filter(|_| status == StatusCode::UNAUTHORIZED) {
        body.insert("licenseInfo".to_owned(), "invalid".into());
    }
    json(status, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<(Bytes, Option<String>), Reason> {
        let body = Bytes::copy_from_slice(body.replace('\n', "\r\n").as_bytes());
        form("multipart/form-data; boundary=b", &body).map_err(|rejection| rejection.reason)
    }

    #[test]
    fn a_form_brings_a_file_and_says_what_it_is() {
        let file = "--b\nContent-Disposition: form-data; name=\"edocFile\"; filename=\"1.edxml\"\nContent-Type: application/xml\n\n<edXML/>\n";
        let kind = "--b\nContent-Disposition: form-data; name=\"messageType\"\n\nedoc\n";
        let (found, said) = read(&format!("{file}{kind}--b--\n")).unwrap();
        assert_eq!((&found[..], said.as_deref()), (&b"<edXML/>"[..], Some("edoc")));
        assert_eq!(read(&format!("{kind}{file}--b--")).unwrap().1.as_deref(), Some("edoc"));
        assert_eq!(read(&format!("{file}--b--")).unwrap().1, None);
        for (body, reason) in [
            (format!("{kind}--b--"), Reason::ParameterMissing),
            (file.to_owned(), Reason::Truncated),
            (String::new(), Reason::ParameterMissing),
            (file.replace("<edXML/>", "") + "--b--", Reason::Empty),
        ] {
            assert_eq!(read(&body).unwrap_err(), reason, "{body}");
        }
        for kind in ["", "multipart/form-data", "application/json", "multipart/mixed; boundary=b"] {
            let refused = form(kind, &Bytes::new()).unwrap_err();
            assert_eq!(refused.reason, Reason::ParameterInvalid, "{kind}");
        }
    }
}
