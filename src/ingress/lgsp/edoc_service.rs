//! `/EdocService/…` as Bkav's LGSP speaks it (wire/vxp.md 2 B): parameters are headers, DocIds are numbers, and
//! what is wrong stands in `errors`.
//!
//! A DocId's number is 53 of its random bits, which every client can hold exactly, JavaScript's too; it is looked
//! for in the inbox of the organ that asks.

use super::body::{Form, small};
use super::caller::ORGAN_ID;
use super::{
    Asked, Dialect, Head, Lgsp, Row, is_status_message, json, operation, status_of_unknown,
    streamed,
};
use crate::domain::agency::AgencyCode;
use crate::domain::directory::AgencyId;
use crate::domain::envelope::DocId;
use crate::domain::fact::{DeliveryState, Record};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::rules::Expected;
use crate::domain::tracking::{Delivery, InboxFilter};
use crate::egress::call::CallBody;
use crate::ingress::calls::CallAnswer;
use crate::ingress::documents::agencies::in_pieces;
use crate::ingress::documents::states::Said;
use crate::ingress::documents::words::error_code;
use crate::ingress::documents::{hash_file, missing, wrong};
use crate::pipeline::call::CallPorts;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as object};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Organizations,
    PendingDocIds,
    SendDocument,
    GetDocument,
    ConfirmReceived,
    CheckExist,
}

/// The server changed getPendingDocIds from GET to POST; clients of both kinds are about.
const ROWS: [Row<Operation>; 7] = [
    Row { method: "GET", name: "getOrganizations", operation: Operation::Organizations },
    Row { method: "GET", name: "getPendingDocIds", operation: Operation::PendingDocIds },
    Row { method: "POST", name: "getPendingDocIds", operation: Operation::PendingDocIds },
    Row { method: "POST", name: "sendDocument", operation: Operation::SendDocument },
    Row { method: "POST", name: "getDocument", operation: Operation::GetDocument },
    Row { method: "POST", name: "confirmReceived", operation: Operation::ConfirmReceived },
    Row { method: "POST", name: "checkExistDocument", operation: Operation::CheckExist },
];

const DOC_ID: &str = "docId";
/// `EDOC` or `STATUS`.
const TYPE: &str = "type";
const HASH: &str = "hash-edoc";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Organ<'a> {
    organ_id: String,
    organization_in_charge: &'a str,
    organ_name: &'a str,
    organ_add: &'static str,
    email: &'a str,
    telephone: &'static str,
    fax: &'static str,
    website: &'static str,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exists {
    from_organ: String,
    to_organ: String,
    doc_code: String,
}

impl<P: CallPorts> Lgsp<'_, P> {
    pub(super) async fn edoc_service(
        &self,
        head: &Head,
        body: CallBody,
        correlation_id: &str,
    ) -> Result<CallAnswer, Rejection> {
        let name = head.path.strip_prefix("/EdocService/").unwrap_or_default();
        let operation = operation(&ROWS, &head.method, name)?;
        let caller = self.caller(Dialect::EdocService, head, true).await?;
        let tls = self.channel.words();
        let asked = self.asked(head, &caller, (&tls, correlation_id))?;
        let organ = organ(&asked)?;
        match operation {
            Operation::Organizations => organizations(&asked),
            Operation::PendingDocIds => {
                let filter = InboxFilter {
                    status_messages: Some(is_status(&asked)?),
                    ..InboxFilter::default()
                };
                let found =
                    asked.exchange.received(vec![organ], &filter, |_, delivery: &Delivery| {
                        (number(delivery.receiver), delivery.agency.wire())
                    });
                let ids: Vec<u64> = found.iter().map(|(id, _)| *id).collect();
                let data: Vec<Value> = found
                    .iter()
                    .map(|(id, organ)| object!({ "docId": id, "organId": organ }))
                    .collect();
                Ok(done(object!({ "docIDs": ids, "data": data })))
            }
            Operation::SendDocument => self.send_b(&asked, body).await,
            Operation::GetDocument => {
                let file = asked.exchange.file(meant(&asked, organ)?).await?;
                let before = r#"{"status":"Success","code":"0","errors":[],"data":""#.to_owned();
                Ok(streamed(file.in_base64(before, b"\"}")))
            }
            Operation::ConfirmReceived => {
                asked
                    .exchange
                    .say(meant(&asked, organ)?, Said::State(DeliveryState::Done), "")
                    .await?;
                Ok(done(object!({})))
            }
            Operation::CheckExist => exists(&asked, body).await,
        }
    }

    async fn send_b(&self, asked: &Asked<'_, P>, body: CallBody) -> Result<CallAnswer, Rejection> {
        let expected = if is_status(asked)? { Expected::Status } else { Expected::Document };
        let held = self.held(body, Form::Plain).await?;
        let file = hash_file::file_in(&held.bytes, asked.head.header(HASH))
            .ok_or_else(|| Rejection::new(Reason::HashDiffers).at(Place::Parameter(HASH.into())))?;
        if file.is_empty() {
            return Err(Reason::Empty.into());
        }
        let answer = asked.exchange.send(file, expected, Vec::new()).await?;
        drop(held);
        // A locked receiver is left out and the others get it: the sender must learn that.
        let left_out = answer.receivers.iter().filter_map(|receiver| {
            let code = receiver.refused?.code();
            Some(object!({ "code": code, "description": receiver.agency.wire() }))
        });
        let errors: Vec<Value> = left_out.collect();
        Ok(done(object!({ "docId": number(answer.doc_id), "errors": errors })))
    }
}

/// The agency that asks, of those that the caller speaks for; left out, the only one it has.
fn organ<P: CallPorts>(asked: &Asked<'_, P>) -> Result<AgencyId, Rejection> {
    let text = asked.head.header(ORGAN_ID).unwrap_or_default();
    let exchange = &asked.exchange;
    let found = exchange.pipeline.own_agency(exchange.caller, text);
    found.map(|(id, _)| id).map_err(|rejection| rejection.at(Place::Parameter(ORGAN_ID.to_owned())))
}

fn is_status<P: CallPorts>(asked: &Asked<'_, P>) -> Result<bool, Rejection> {
    is_status_message(asked.head.header(TYPE).ok_or_else(|| missing(TYPE))?, TYPE)
}

/// The document of the organ's inbox that a number stands for: what waits first, then what was closed of late. A
/// whole DocId is taken too.
fn meant<P: CallPorts>(asked: &Asked<'_, P>, organ: AgencyId) -> Result<DocId, Rejection> {
    let text = asked.head.header(DOC_ID).ok_or_else(|| missing(DOC_ID))?;
    let unknown = || Rejection::new(Reason::UnknownDocument).detail(text);
    let Ok(wanted) = text.parse::<u64>() else { return text.parse().map_err(|_invalid| unknown()) };
    let post = asked.exchange.platform.post.lock();
    let states = [None, Some(DeliveryState::Done), Some(DeliveryState::Fail)];
    let found = states.into_iter().find_map(|state| {
        let filter = InboxFilter { state, ..InboxFilter::default() };
        let (items, _) = post.tracking.inbox(organ, &filter, usize::MAX);
        let mut ids = items.into_iter().map(|(_, delivery)| delivery.receiver);
        ids.find(|id| number(*id) == wanted)
    });
    found.ok_or_else(unknown)
}

/// See the top of this file. The low bits of a DocId are random, a receiver's as well as a sender's.
const fn number(id: DocId) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = id.to_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h]) & ((1 << 53) - 1)
}

/// Everything below an organ; without one, everything.
fn organizations<P: CallPorts>(asked: &Asked<'_, P>) -> Result<CallAnswer, Rejection> {
    let directory = asked.directory();
    let above = asked.head.query("organId").or_else(|| asked.head.query("domain"));
    let ids = match above {
        None => directory.in_order(),
        Some(text) => {
            let code = AgencyCode::parse(text)
                .map_err(|_invalid| Rejection::new(Reason::CodeInvalid).detail(text))?;
            directory.below(&code)
        }
    };
    let is_alive = |id: &AgencyId| directory.standing_today(*id).is_listed();
    let ids: Vec<AgencyId> = ids.into_iter().filter(is_alive).collect();
    let before = r#"{"status":"Success","code":"0","errors":[],"organizations":["#.to_owned();
    let write = move |id, text: &mut Vec<u8>| {
        let agency = directory.agency(id);
        let above = directory.parent(id).map(|above| directory.agency(above).code.wire());
        let organ = Organ {
            organ_id: agency.code.wire(),
            organization_in_charge: above.as_deref().unwrap_or_default(),
            organ_name: &agency.name_vi,
            organ_add: "",
            email: &agency.mail,
            telephone: "",
            fax: "",
            website: "",
        };
        serde_json::to_writer(text, &organ)
    };
    Ok(streamed(in_pieces(before, ids, b"]}", write)))
}

/// Whether the caller's agency has sent a document of that number and notation there, or has received it from there.
async fn exists<P: CallPorts>(
    asked: &Asked<'_, P>,
    body: CallBody,
) -> Result<CallAnswer, Rejection> {
    let body = small(body).await?;
    let given: Exists =
        serde_json::from_slice(&body).map_err(|error| wrong("body").detail(error.to_string()))?;
    let code = |text: &str| {
        AgencyCode::parse(text).map_err(|_invalid| Rejection::new(Reason::CodeInvalid).detail(text))
    };
    let (from, to) = (code(&given.from_organ)?, code(&given.to_organ)?);
    let exchange = &asked.exchange;
    if !exchange.caller.speaks_for(&from) && !exchange.caller.speaks_for(&to) {
        return Err(Rejection::new(Reason::NotYourDocument).detail(given.from_organ));
    }
    let directory = asked.directory();
    let is_it = |accepted: &Record| {
        accepted.notation() == given.doc_code
            && AgencyCode::parse(accepted.from()).is_ok_and(|sender| sender == from)
    };
    let is_there = {
        let post = exchange.platform.post.lock();
        let sent = directory.lookup(&from).filter(|_| exchange.caller.speaks_for(&from));
        let sent = sent.is_some_and(|from| {
            let rows = post.tracking.sent(from, None, usize::MAX);
            rows.iter().any(|row| is_it(&row.doc.accepted) && row.delivery.agency == to)
        });
        let inbox = directory.lookup(&to).filter(|_| exchange.caller.speaks_for(&to));
        sent || inbox.is_some_and(|to| {
            [None, Some(DeliveryState::Done), Some(DeliveryState::Fail)].into_iter().any(|state| {
                let filter = InboxFilter { state, ..InboxFilter::default() };
                let (items, _) = post.tracking.inbox(to, &filter, usize::MAX);
                items.iter().any(|(doc, _)| is_it(&doc.accepted))
            })
        })
    };
    Ok(done(object!({ "isExist": is_there })))
}

fn done(more: Value) -> CallAnswer {
    let mut body = object!({ "status": "Success", "code": "0", "errors": [] });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    json(StatusCode::OK, &body)
}

/// HTTP 200 but for who may not ask (401) and what is asked for nowhere; `Error` is our own failure.
pub(super) fn refused(path: &str, rejection: &Rejection, said: &str) -> CallAnswer {
    let (code, reason) = (error_code(rejection.reason), rejection.reason);
    let errors = object!([{ "code": error_of(rejection), "description": said }]);
    if code == 15 {
        let body = object!({ "status": false, "code": 9999, "errors": errors });
        return json(StatusCode::UNAUTHORIZED, &body);
    }
    let status = if reason == Reason::UnknownOperation {
        status_of_unknown(rejection)
    } else {
        StatusCode::OK
    };
    let word = if code == 20 { "Error" } else { "Fail" };
    let mut body = object!({ "status": word, "code": "9999", "errors": errors });
    // A result without it does not parse: it is a `long` there.
    if let Some(body) = body.as_object_mut().filter(|_| path.ends_with("/sendDocument")) {
        body.insert(DOC_ID.to_owned(), 0.into());
    }
    json(status, &body)
}

/// The names that this dialect has for what is wrong; ours for the rest.
fn error_of(rejection: &Rejection) -> String {
    let is_missing = matches!(
        rejection.reason,
        Reason::FieldMissing | Reason::SenderMissing | Reason::ReceiverMissing
    );
    match (rejection.reason, &rejection.at) {
        (Reason::DuplicateDocument, _) => "ExistDoc".to_owned(),
        (_, Some(Place::Element(path))) if is_missing => format!("N.{}", path.replace('/', ".")),
        (Reason::ParameterMissing, Some(Place::Parameter(name))) if name == DOC_ID => {
            "R.DocID".to_owned()
        }
        (Reason::ParameterMissing | Reason::ParameterInvalid, Some(Place::Parameter(name)))
            if name == TYPE =>
        {
            "M.MessageType".to_owned()
        }
        _ => rejection.code().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_exact_in_every_language_and_not_two_documents() {
        let sender = DocId::new(crate::clock::Timestamp::from_ms(1_800_000_000_000), u128::MAX / 3);
        let (h60, g12) = (AgencyCode::parse("H60").unwrap(), AgencyCode::parse("G12").unwrap());
        let numbers =
            [number(sender), number(sender.receiver(&h60)), number(sender.receiver(&g12))];
        for (place, number) in numbers.iter().enumerate() {
            assert!(*number < 1 << 53);
            assert!(!numbers[place + 1..].contains(number));
        }
    }

    #[test]
    fn errors_have_the_names_of_the_dialect() {
        let at = |reason, place| Rejection::new(reason).at(place);
        let parameter = |name: &str| Place::Parameter(name.to_owned());
        for (rejection, expected) in [
            (Rejection::new(Reason::DuplicateDocument), "ExistDoc"),
            (
                Rejection::new(Reason::FieldMissing).element("MessageHeader/From/OrganId"),
                "N.MessageHeader.From.OrganId",
            ),
            (at(Reason::ParameterMissing, parameter(DOC_ID)), "R.DocID"),
            (at(Reason::ParameterInvalid, parameter(TYPE)), "M.MessageType"),
            (Rejection::new(Reason::ReceiverUnknown), "LT-D302"),
        ] {
            assert_eq!(error_of(&rejection), expected);
        }
    }
}
