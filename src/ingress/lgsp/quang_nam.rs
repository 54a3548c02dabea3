//! `/truclienthong/v1.0.0/…` as Quảng Nam's LGSP speaks it (domain.md 2.6), behind a WSO2 gateway.
//!
//! Paths, verbs and the keys of answers are the client's (`VanBan`, `KetQua`, `DonViLienThong`). Where a parameter
//! travels is assumed: in the query or a header, a file also as the body.

use super::body::{Form, small};
use super::{
    Asked, Dialect, Head, Lgsp, Row, doc_id, filter, json, operation, status_of, streamed,
    wants_status,
};
use crate::domain::directory::AgencyId;
use crate::domain::fact::Record;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::rules::Expected;
use crate::domain::tracking::Delivery;
use crate::egress::call::CallBody;
use crate::ingress::calls::CallAnswer;
use crate::ingress::documents::agencies::{Registration, in_pieces};
use crate::ingress::documents::lists::{SERVICE, message_type, wire_code, word_of};
use crate::ingress::documents::states::Said;
use crate::ingress::documents::times::list_time;
use crate::ingress::documents::words::{DONE, description_of, error_code};
use crate::ingress::documents::{missing, wrong};
use crate::ingress::head::target::segments;
use crate::pipeline::call::CallPorts;
use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json as object;
use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    List,
    Send,
    Get,
    Update,
    Agencies,
    AgenciesHere,
    Register,
    Remove,
}

/// `{docId}` stands for any.
const ROWS: [Row<Operation>; 8] = [
    Row { method: "GET", name: "vanbans", operation: Operation::List },
    Row { method: "POST", name: "vanbans", operation: Operation::Send },
    Row { method: "GET", name: "vanbans/{docId}", operation: Operation::Get },
    Row { method: "PUT", name: "vanbans/{docId}", operation: Operation::Update },
    Row { method: "GET", name: "donvilienthongs", operation: Operation::Agencies },
    Row { method: "GET", name: "donvilienthongs/qn", operation: Operation::AgenciesHere },
    Row { method: "POST", name: "donvilienthongs", operation: Operation::Register },
    Row { method: "PUT", name: "donvilienthongs", operation: Operation::Remove },
];

const VERSION: &str = "v1.0.0";
/// What the file is: `edoc` or `status`.
const KINDS: [&str; 2] = ["type", "loaiVanBan"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    service_type: &'static str,
    message_type: &'static str,
    doc_id: String,
    from: String,
    to: String,
    status: String,
    status_desc: &'static str,
    created_time: String,
}

#[derive(Debug, Serialize)]
struct Organ<'a> {
    id: String,
    code: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<String>,
}

/// A file in JSON, under any of the names that clients give it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Sent<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Object {
        #[serde(borrow, alias = "file", alias = "base64", alias = "noiDung")]
        data: Cow<'a, str>,
        #[serde(default, alias = "loaiVanBan", alias = "messageType")]
        r#type: Option<String>,
    },
}

impl<P: CallPorts> Lgsp<'_, P> {
    pub(super) async fn quang_nam(
        &self,
        head: &Head,
        body: CallBody,
        correlation_id: &str,
    ) -> Result<CallAnswer, Rejection> {
        let (name, id) = place(&head.path);
        let operation = operation(&ROWS, &head.method, &name)?;
        let caller = self.caller(Dialect::QuangNam, head, true).await?;
        let tls = self.channel.words();
        let asked = self.asked(head, &caller, (&tls, correlation_id))?;
        let exchange = &asked.exchange;
        match operation {
            Operation::List => list(&asked),
            Operation::Send => self.send_qn(&asked, body).await,
            Operation::Get => {
                let file = exchange.file(doc_id(id.as_deref(), "docId")?).await?;
                let before =
                    format!(r#"{{"status":"OK","errorCode":"0","errorDesc":"{DONE}","data":""#);
                Ok(streamed(file.in_base64(before, b"\"}")))
            }
            Operation::Update => {
                let status = asked.head.given("status").ok_or_else(|| missing("status"))?;
                let (said, id) = (Said::parse(status)?, doc_id(id.as_deref(), "docId")?);
                let words = asked.head.given("description").unwrap_or_default();
                exchange.say(id, said, words).await?;
                Ok(done(DONE, object!({})))
            }
            Operation::Agencies => Ok(agencies(&asked, |_| true)),
            Operation::AgenciesHere => {
                let routes = exchange.pipeline.routes();
                let here = self.platform;
                Ok(agencies(&asked, |id| routes.home(id) == Some(here)))
            }
            Operation::Register => {
                let body = small(body).await?;
                let given: Registration = serde_json::from_slice(&body)
                    .map_err(|error| wrong("body").detail(error.to_string()))?;
                exchange.register(given).await?;
                Ok(done(DONE, object!({})))
            }
            Operation::Remove => {
                let code = asked.head.given("agencyCode").ok_or_else(|| missing("agencyCode"))?;
                exchange.pipeline.remove(exchange.platform, exchange.caller, code).await?;
                Ok(done(DONE, object!({})))
            }
        }
    }

    async fn send_qn(&self, asked: &Asked<'_, P>, body: CallBody) -> Result<CallAnswer, Rejection> {
        let held = self.held(body, Form::Base64).await?;
        let (file, inside) = file_in(&held.bytes)?;
        drop(held);
        let kind =
            KINDS.iter().find_map(|name| asked.head.given(name)).map(str::to_owned).or(inside);
        let expected = Expected::kind(wants_status(kind.as_deref(), KINDS[0])?);
        let answer = asked.exchange.send(file, expected, Vec::new()).await?;
        let doc_id = answer.doc_id.to_string();
        Ok(done(&description_of(&answer), object!({ "docId": doc_id })))
    }
}

/// What stands behind the context and its version, and the DocId in it.
fn place(path: &str) -> (String, Option<String>) {
    let rest = path.strip_prefix("/truclienthong/").unwrap_or_default();
    let parts = segments(rest).unwrap_or_default();
    match parts.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [VERSION, "vanbans", id] => ("vanbans/{docId}".to_owned(), Some((*id).to_owned())),
        [VERSION, rest @ ..] => (rest.join("/"), None),
        other => (other.join("/"), None),
    }
}

/// The file of a body: base64 in JSON, as a JSON text, or by itself.
fn file_in(body: &Bytes) -> Result<(Bytes, Option<String>), Rejection> {
    let text = body.trim_ascii();
    if text.is_empty() {
        return Err(Reason::Empty.into());
    }
    let (encoded, kind) = if matches!(text.first(), Some(b'{' | b'"')) {
        let sent: Sent<'_> = serde_json::from_slice(text)
            .map_err(|error| wrong("body").detail(error.to_string()))?;
        match sent {
            Sent::Text(data) => (data, None),
            Sent::Object { data, r#type } => (data, r#type),
        }
    } else {
        (String::from_utf8_lossy(text), None)
    };
    let file = base64_simd::forgiving_decode_to_vec(encoded.as_bytes());
    let file = file.map_err(|_not_base64| wrong("data").detail("base64"))?;
    if file.is_empty() {
        return Err(Reason::Empty.into());
    }
    Ok((file.into(), kind))
}

fn list<P: CallPorts>(asked: &Asked<'_, P>) -> Result<CallAnswer, Rejection> {
    let kind = KINDS.iter().find_map(|name| asked.head.query(name));
    let filter = filter(asked.head, (kind, KINDS[0]))?;
    let data = asked.exchange.received(asked.exchange.agencies(), &filter, item);
    Ok(done(DONE, object!({ "data": data })))
}

fn item(accepted: &Record, delivery: &Delivery) -> Item {
    let (status, status_desc) = word_of(delivery.state);
    Item {
        service_type: SERVICE,
        message_type: message_type(accepted),
        doc_id: delivery.receiver.to_string(),
        from: wire_code(accepted.from()),
        to: delivery.agency.wire(),
        status: status.to_ascii_uppercase(),
        status_desc,
        created_time: list_time(delivery.arrived_at),
    }
}

fn agencies<P: CallPorts>(
    asked: &Asked<'_, P>,
    is_wanted: impl Fn(AgencyId) -> bool,
) -> CallAnswer {
    let directory = asked.directory();
    let is_listed = |id: &AgencyId| directory.standing_today(*id).is_listed() && is_wanted(*id);
    let ids: Vec<AgencyId> = directory.in_order().into_iter().filter(is_listed).collect();
    let before = format!(r#"{{"status":"OK","errorCode":"0","errorDesc":"{DONE}","data":["#);
    let number = |id: AgencyId| (u64::from(id.0) + 1).to_string();
    let write = move |id, text: &mut Vec<u8>| {
        let agency = directory.agency(id);
        let organ = Organ {
            id: number(id),
            code: agency.code.wire(),
            name: &agency.name_vi,
            pid: directory.parent(id).map(number),
        };
        serde_json::to_writer(text, &organ)
    };
    streamed(in_pieces(before, ids, b"]}", write))
}

/// `status`, `errorCode`, `errorDesc`, and what the operation has to say.
fn done(description: &str, more: serde_json::Value) -> CallAnswer {
    let mut body = object!({ "status": "OK", "errorCode": "0", "errorDesc": description });
    if let (Some(body), serde_json::Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    json(StatusCode::OK, &body)
}

/// The generated client throws away the body of anything but 2xx, so a refusal of a document is 200; a gateway's
/// own words, who may not ask and what may be asked again later, are not.
pub(super) fn refused(rejection: &Rejection, said: &str) -> CallAnswer {
    let code = error_code(rejection.reason);
    let body = object!({ "status": "FAIL", "errorCode": code.to_string(), "errorDesc": said });
    json(status_of(rejection), &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_their_version_and_perhaps_a_document() {
        for (path, name, id) in [
            ("/truclienthong/v1.0.0/vanbans", "vanbans", None),
            ("/truclienthong/v1.0.0//vanbans/", "vanbans", None),
            ("/truclienthong/v1.0.0/vanbans/a-b", "vanbans/{docId}", Some("a-b")),
            ("/truclienthong/v1.0.0/donvilienthongs/qn", "donvilienthongs/qn", None),
            ("/truclienthong/v2/vanbans", "v2/vanbans", None),
            ("/truclienthong/v1.0.0/vanbans/a%2fb", "", None),
        ] {
            assert_eq!(place(path), (name.to_owned(), id.map(str::to_owned)), "{path}");
        }
    }

    #[test]
    fn a_file_comes_in_base64_however_it_is_wrapped() {
        let read = |body: &str| file_in(&Bytes::copy_from_slice(body.as_bytes()));
        for (body, kind) in [
            ("PGVkWE1MLz4=", None),
            ("PGVk\r\nWE1MLz4\r\n", None),
            (r#""PGVkWE1MLz4=""#, None),
            (r#"{"data":"PGVkWE1MLz4=","type":"edoc"}"#, Some("edoc")),
            (r#"{"file":"PGVkWE1MLz4=\n","loaiVanBan":"status"}"#, Some("status")),
        ] {
            match read(body) {
                Ok((file, said)) => {
                    assert_eq!(said.as_deref(), kind, "{body}");
                    assert!(file.starts_with(b"<edXML"), "{body}");
                }
                Err(rejection) => panic!("{body}: {rejection}"),
            }
        }
        for (body, reason) in [
            ("", Reason::Empty),
            ("  ", Reason::Empty),
            ("{}", Reason::ParameterInvalid),
            (r#"{"data":7}"#, Reason::ParameterInvalid),
            (r#"{"data":""}"#, Reason::Empty),
            ("<edXML/>", Reason::ParameterInvalid),
        ] {
            assert_eq!(read(body).unwrap_err().reason, reason, "{body}");
        }
    }
}
