//! `GET /asic`: the evidence of a message, for a member that took part in it (wire/xroad.md 2.11).
//!
//! X-Road's answer is the signed message; ours is the signed record of it, which holds hashes and no payload.

use super::face::{XRoad, put};
use super::identifier::{ClientId, checked};
use super::query;
use crate::domain::member_id::MemberId;
use crate::egress::call::CallBody;
use crate::evidence::{BUNDLE_TYPE, CONTAINER_TYPE, Container, Evidence, Half, bundle, file_name};
use crate::ingress::calls::{CallAnswer, Channel};
use crate::pipeline::call::CallPorts;
use http::{Response, StatusCode, header};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AsicQuery {
    id: String,
    client: ClientId,
    half: Half,
    unique: bool,
}

/// A file to download: its media type, its name, its bytes.
pub(super) type Download = (&'static str, String, Vec<u8>);
/// Why there is nothing to download: a status, and a line for people.
pub(super) type Refused = (StatusCode, String);

/// Reads a target `/asic?queryId=…&xRoadInstance=…&memberClass=…&memberCode=…&subsystemCode=…`, with `requestOnly` or
/// `responseOnly`, and `unique` beside one of them; `None` for another target. `force` asks X-Road for a timestamp
/// that is still to come; our records are signed as they are handed out, so it changes nothing.
pub(super) fn parse(target: &str) -> Option<Result<AsicQuery, String>> {
    let rest = target.strip_prefix("/asic")?;
    if rest.is_empty() {
        return Some(read(""));
    }
    rest.strip_prefix('?').map(read)
}

fn read(asked: &str) -> Result<AsicQuery, String> {
    let needed = |name: &str| {
        let missing = || format!("Parameter \"{name}\" must be specified.");
        let value = query::only(asked, name).ok_or_else(missing)?;
        checked(value).map_err(|error| format!("Parameter \"{name}\": {error}"))
    };
    let id = needed("queryId")?;
    let client = ClientId {
        instance: needed("xRoadInstance")?,
        class: needed("memberClass")?,
        member: needed("memberCode")?,
        // X-Road may leave it out; no member of ours is without one.
        subsystem: Some(needed("subsystemCode")?),
    };
    let unique = query::has(asked, "unique");
    let half = match (query::has(asked, "requestOnly"), query::has(asked, "responseOnly")) {
        (true, true) => return Err(BOTH_HALVES.to_owned()),
        (false, false) if unique => return Err(UNIQUE_ALONE.to_owned()),
        (true, false) => Half::Request,
        (false, true) => Half::Response,
        (false, false) => Half::Both,
    };
    Ok(AsicQuery { id, client, half, unique })
}

const BOTH_HALVES: &str =
    "Parameters \"requestOnly\" and \"responseOnly\" cannot be used at the same time.";
const UNIQUE_ALONE: &str =
    "Parameter \"unique\" not applicable without \"requestOnly\" or \"responseOnly\".";

impl<P: CallPorts> XRoad<'_, P> {
    pub(super) async fn asic(
        &self,
        method: &str,
        asked: Result<AsicQuery, String>,
        channel: &Channel,
    ) -> CallAnswer {
        handed_out(self.download(method, asked, channel).await)
    }

    async fn download(
        &self,
        method: &str,
        asked: Result<AsicQuery, String>,
        channel: &Channel,
    ) -> Result<Download, Refused> {
        if method != "GET" {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "GET".to_owned()));
        }
        let asked = asked.map_err(|why| (StatusCode::BAD_REQUEST, why))?;
        let member = self.identify(&asked.client, channel);
        let member =
            member.map_err(|fault| (StatusCode::UNAUTHORIZED, self.told(&fault).message))?;
        let place = self.place()?;
        let evidence = self.at.evidence.clone();
        // What was answered is found, as far as the log still writes.
        evidence.flushed(evidence.head().number).await.ok();
        let looking = tokio::task::spawn_blocking(move || {
            let _place = place;
            look(&evidence, &asked, &member).map(|found| (found, asked))
        });
        let found = looking.await.map_err(|error| failed(&error))?;
        let (found, asked) = found.map_err(|error| failed(&error))?;
        match found.as_slice() {
            [] => Err((StatusCode::NOT_FOUND, "No signed documents found".to_owned())),
            [only] if asked.unique => Ok((CONTAINER_TYPE, only.name.clone(), only.bytes.clone())),
            _ if asked.unique => {
                Err((StatusCode::INTERNAL_SERVER_ERROR, "the query id is not unique".to_owned()))
            }
            several => {
                let word = match asked.half {
                    Half::Both => "",
                    Half::Request => "-request",
                    Half::Response => "-response",
                };
                let bytes = bundle(several).map_err(|error| failed(&error))?;
                Ok((BUNDLE_TYPE, format!("{}{word}.zip", file_name(&asked.id)), bytes))
            }
        }
    }

    /// A place for one who downloads, as long as it is held.
    pub(super) fn place(&self) -> Result<OwnedSemaphorePermit, Refused> {
        let busy = |_full| (StatusCode::SERVICE_UNAVAILABLE, BUSY.to_owned());
        Arc::clone(&self.at.downloads).try_acquire_owned().map_err(busy)
    }
}

pub(super) fn failed(error: &dyn std::fmt::Display) -> Refused {
    tracing::error!(%error, "evidence could not be handed out");
    (StatusCode::INTERNAL_SERVER_ERROR, "the evidence cannot be read".to_owned())
}

pub(super) fn handed_out(found: Result<Download, Refused>) -> CallAnswer {
    match found {
        Ok((content_type, name, bytes)) => {
            let mut answer = Response::new(CallBody::whole(bytes));
            put(answer.headers_mut(), header::CONTENT_TYPE, content_type);
            let disposition = format!("attachment; filename=\"{name}\"");
            put(answer.headers_mut(), header::CONTENT_DISPOSITION, &disposition);
            answer
        }
        Err((status, why)) => {
            let mut answer = Response::new(CallBody::whole(why));
            *answer.status_mut() = status;
            put(answer.headers_mut(), header::CONTENT_TYPE, "text/plain; charset=utf-8");
            answer
        }
    }
}

/// The records of that message in which this member is the one who called or the one who was called.
fn look(
    evidence: &Evidence,
    asked: &AsicQuery,
    member: &MemberId,
) -> std::io::Result<Vec<Container>> {
    let parts = [member.instance(), member.class(), member.code(), member.system()];
    let is_member = |record: &Value, side: &str| {
        let names = ["XRoadInstance", "MemberClass", "MemberCode", "SubsystemCode"];
        names.iter().zip(parts).all(|(name, part)| text(record, &format!("{side}{name}")) == part)
    };
    let is_wanted = |record: &Value| {
        let took_part = is_member(record, "client") || is_member(record, "service");
        took_part && text(record, "messageId") == asked.id
    };
    evidence.containers(&asked.id, asked.half, (RECORDS_MAX, SCAN_BYTES_MAX), is_wanted)
}

fn text<'a>(record: &'a Value, name: &str) -> &'a str {
    record.get(name).and_then(Value::as_str).unwrap_or_default()
}

const BUSY: &str = "as many downloads as the platform takes are under way";
/// In one download: an id that a client uses again and again has its newest records.
const RECORDS_MAX: usize = 100;
const SCAN_BYTES_MAX: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    const FULL: &str =
        "/asic?queryId=a%2Fb&xRoadInstance=VN&memberClass=GOV&memberCode=H60&subsystemCode=S";

    #[test]
    fn a_download_names_its_message_its_member_and_what_of_it() {
        let asked = parse(FULL).unwrap().unwrap();
        assert_eq!((asked.id.as_str(), asked.half, asked.unique), ("a/b", Half::Both, false));
        assert_eq!(asked.client.to_string(), "VN/GOV/H60/S");
        let asked = parse(&format!("{FULL}&requestOnly&unique&force")).unwrap().unwrap();
        assert_eq!((asked.half, asked.unique), (Half::Request, true));
        assert_eq!(parse(&format!("{FULL}&responseOnly=")).unwrap().unwrap().half, Half::Response);
        for (target, why) in [
            ("/asic".to_owned(), "queryId"),
            (FULL.replace("&memberCode=H60", ""), "memberCode"),
            (format!("{FULL}&requestOnly&responseOnly"), BOTH_HALVES),
            (format!("{FULL}&unique"), UNIQUE_ALONE),
        ] {
            assert!(parse(&target).unwrap().unwrap_err().contains(why), "{target}");
        }
        assert_eq!(parse("/asicx"), None);
        assert_eq!(parse("/r1/asic?queryId=1"), None);
    }

    proptest! {
        #[test]
        fn no_text_upsets_the_reader(text in any::<String>()) {
            drop(parse(&format!("/asic?{text}")));
        }
    }
}
