//! The directory of this dialect: three lists of all agencies, registration and removal.

use super::send::small_body;
use super::words::{Nothing, done, json_stream};
use super::{Asked, Operation, Vxp};
use crate::clock::Timestamp;
use crate::domain::calendar::moment;
use crate::domain::directory::{Agency, AgencyId, AgencyKind, Directory, Standing};
use crate::domain::rejection::Rejection;
use crate::domain::routing::RoutingTable;
use crate::ingress::documents::agencies::{Registration, in_pieces};
use crate::ingress::documents::times::list_time;
use crate::ingress::documents::words::DONE;
use crate::ingress::documents::{missing, wrong};
use crate::ingress::http1::{Answer, Body};
use crate::pipeline::Ports;
use serde::Serialize;
use std::sync::Arc;

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

impl<P: Ports> Vxp<P> {
    pub(super) fn agencies(&self, asked: &Asked<'_>) -> Answer {
        let list = List::new(
            Arc::clone(&self.pipeline.directory()),
            Arc::clone(&self.pipeline.routes()),
            asked,
        );
        let before = format!(r#"{{"status":"OK","ErrorCode":"0","ErrorDesc":"{DONE}","data":["#);
        let ids = list.ids.clone();
        let write = move |id, text: &mut Vec<u8>| serde_json::to_writer(text, &list.item(id));
        json_stream(in_pieces(before, ids, b"]}", write), asked.correlation_id)
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
        self.exchange(asked).register(given).await?;
        Ok(done(asked.operation, DONE, Nothing {}, asked.correlation_id))
    }

    pub(super) async fn delete(&self, asked: &Asked<'_>) -> Result<Answer, Rejection> {
        let code = asked.parameters.any_case("AgencyCode").ok_or_else(|| missing("AgencyCode"))?;
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
            standing.is_listed() && level.is_none_or(|level| agency.code.level() as u64 == level)
        };
        let ids = directory.in_order().into_iter().filter(is_wanted).collect();
        Self { directory, routes, operation, ids }
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
