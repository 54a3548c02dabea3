//! The directory of this dialect: three lists of all agencies, registration and removal.
//!
//! A list of the whole country has some 25 MB, so it is measured first and then written a few hundred agencies at
//! a time; both passes read one snapshot.

use super::send::small_body;
use super::times::list_time;
use super::words::{CORRELATION_FIELD, DONE, Nothing, done};
use super::{Asked, Operation, Vxp, wrong};
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::calendar::moment;
use crate::domain::directory::{Agency, AgencyId, AgencyKind, Directory, Standing};
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::routing::RoutingTable;
use crate::ingress::http1::{Answer, AnswerBody, Body};
use crate::pipeline::Ports;
use crate::wire::v1;
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Agencies written at a time.
const PIECE_AGENCIES: usize = 512;

/// One agency in any of the lists: each list has its own keys, and absent ones are left out.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    /// Stable: an agency keeps its number as long as the directory's files only grow.
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<String>,
    code: String,
    name: &'a str,
    mail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code102: Option<String>,
    #[serde(flatten)]
    unit: Option<Unit<'a>>,
}

/// What only getSynchronizeUnit tells.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unit<'a> {
    version: u64,
    /// The platform that serves it.
    center_code: &'a str,
    deleted: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    modify_date: String,
    is_agency: bool,
}

/// One list, of one snapshot.
#[derive(Debug)]
struct List {
    directory: Arc<Directory>,
    routes: Arc<RoutingTable>,
    operation: Operation,
    ids: Vec<AgencyId>,
}

/// The body of registerAgency.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Registration {
    pcode: Option<String>,
    code: Option<String>,
    name: Option<String>,
    mail: Option<String>,
    mobile: Option<String>,
    fax: Option<String>,
}

impl<P: Ports> Vxp<P> {
    pub(super) fn agencies(&self, asked: &Asked<'_>) -> Answer {
        let list = List::new(
            Arc::clone(&self.pipeline.directory()),
            Arc::clone(&self.pipeline.routes()),
            asked,
        );
        let before = format!(r#"{{"status":"OK","ErrorCode":"0","ErrorDesc":"{DONE}","data":["#);
        let places = (0..list.ids.len()).step_by(PIECE_AGENCIES);
        let inside: usize = places.clone().map(|from| list.piece(from).len()).sum();
        let length = (before.len() + inside + AFTER.len()) as u64;
        let pieces = std::iter::once(Bytes::from(before))
            .chain(places.map(move |from| list.piece(from).into()))
            .chain(std::iter::once(Bytes::from_static(AFTER)));
        let chunks = Box::pin(stream::iter(pieces.map(Ok)));
        Answer::new(200, AnswerBody::Stream { length, chunks })
            .field("Content-Type", "application/json; charset=utf-8")
            .field(CORRELATION_FIELD, asked.correlation_id.to_owned())
    }

    /// Also how an agency is updated.
    pub(super) async fn register(
        &self,
        asked: &Asked<'_>,
        body: &mut Body<'_>,
    ) -> Result<Answer, Rejection> {
        let body = small_body(body).await?;
        let given: Registration = serde_json::from_slice(&body)
            .map_err(|error| wrong("body").detail(error.to_string()))?;
        let code = given.code.unwrap_or_default();
        let above = given.pcode.unwrap_or_default();
        let missing = |name: &str| {
            Rejection::new(Reason::ParameterMissing).at(Place::Parameter(name.to_owned()))
        };
        if code.trim().is_empty() {
            return Err(missing("code"));
        }
        if !above.trim().is_empty() && !is_below(&code, &above) {
            return Err(Rejection::new(Reason::CodeInvalid)
                .at(Place::Parameter("pcode".into()))
                .detail(format!("{code} ↛ {above}")));
        }
        let request = v1::RegisterRequest {
            code,
            name: given.name.unwrap_or_default(),
            mail: given.mail.unwrap_or_default(),
            mobile: given.mobile.unwrap_or_default(),
            fax: given.fax.unwrap_or_default(),
        };
        self.pipeline.register(asked.platform, &asked.caller, request).await?;
        Ok(done(asked.operation, DONE, Nothing {}, asked.correlation_id))
    }

    pub(super) async fn delete(&self, asked: &Asked<'_>) -> Result<Answer, Rejection> {
        let code = asked.parameters.any_case("AgencyCode").ok_or_else(|| {
            Rejection::new(Reason::ParameterMissing).at(Place::Parameter("AgencyCode".into()))
        })?;
        self.pipeline.remove(asked.platform, &asked.caller, code).await?;
        Ok(done(asked.operation, DONE, Nothing {}, asked.correlation_id))
    }
}

impl List {
    fn new(directory: Arc<Directory>, routes: Arc<RoutingTable>, asked: &Asked<'_>) -> Self {
        let number =
            |name| asked.parameters.any_case(name).and_then(|text| text.parse::<u64>().ok());
        let (level, since) = (number("level"), number("version").unwrap_or(0));
        let operation = asked.operation;
        let is_wanted = |id: &AgencyId| {
            let standing = directory.standing_today(*id);
            let agency = directory.agency(*id);
            // Who follows changes must learn what is gone.
            if operation == Operation::SynchronizeUnit {
                return standing != Standing::NotYet
                    && (since == 0 || agency.changes.last() > since);
            }
            matches!(standing, Standing::Alive | Standing::Locked)
                && level.is_none_or(|level| agency.code.level() as u64 == level)
        };
        let ids = directory.in_order().into_iter().filter(is_wanted).collect();
        Self { directory, routes, operation, ids }
    }

    /// A piece of the array, with the comma that it needs before it.
    fn piece(&self, from: usize) -> Vec<u8> {
        let mut text = Vec::with_capacity(PIECE_AGENCIES * 192);
        for (offset, id) in self.ids.iter().skip(from).take(PIECE_AGENCIES).enumerate() {
            if from + offset > 0 {
                text.push(b',');
            }
            let whole = text.len();
            if let Err(error) = serde_json::to_writer(&mut text, &self.item(*id)) {
                // Text and numbers always serialise; if not, this agency is missing and the rest is sound.
                tracing::error!(%error, "an agency cannot be written");
                text.truncate(whole.saturating_sub(1));
            }
        }
        text
    }

    fn item(&self, id: AgencyId) -> Item<'_> {
        let agency = self.directory.agency(id);
        let number = |id: AgencyId| (u64::from(id.0) + 1).to_string();
        let base = Item {
            id: number(id),
            code: agency.code.wire(),
            name: &agency.name_vi,
            mail: &agency.mail,
            ..Item::default()
        };
        // QĐ 20/2020 writes codes from the top down; QCVN 102:2016 wrote thirteen characters.
        if self.operation == Operation::AgenciesListQd20 {
            let code = agency.code.as_str().to_owned();
            return Item { code, code102: agency.code.qcvn(), ..base };
        }
        let pid = self.directory.parent(id).map(number);
        if self.operation == Operation::SynchronizeUnit {
            return Item { pid, unit: Some(self.unit(id, agency)), ..base };
        }
        Item { pid, old_code: agency.code.qcvn(), ..base }
    }

    fn unit(&self, id: AgencyId, agency: &Agency) -> Unit<'_> {
        let changes = agency.changes;
        let changed = changes.registered.1.max(changes.removed.1).max(changes.locked.1);
        let since = agency.period(self.directory.today()).and_then(|period| period.valid_from);
        let begun = since.map(|date| moment(date.at(0, 0, 0, 0)));
        let modified = if changed > 0 { Some(Timestamp(changed)) } else { begun };
        Unit {
            version: changes.last(),
            center_code: self
                .routes
                .home(id)
                .map(|home| self.routes.platform_name(home))
                .unwrap_or_default(),
            deleted: matches!(self.directory.standing_today(id), Standing::Dissolved { .. }),
            modify_date: modified.map(list_time).unwrap_or_default(),
            is_agency: !matches!(agency.kind, AgencyKind::Platform | AgencyKind::NationalDb),
        }
    }
}

const AFTER: &[u8] = b"]}";

fn is_below(code: &str, above: &str) -> bool {
    match (AgencyCode::parse(code), AgencyCode::parse(above)) {
        (Ok(code), Ok(above)) => code != above && code.is_at_or_below(&above),
        // Whose code it is, the directory says better.
        (Err(_), _) => true,
        (Ok(_), Err(_)) => false,
    }
}
