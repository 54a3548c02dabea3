//! Service `Directory`: the agencies that can be addressed.

use super::Native;
use super::link::reply_of;
use crate::domain::agency::AgencyCode;
use crate::domain::directory::{AgencyId, Directory as Agencies, Standing};
use crate::domain::routing::RoutingTable;
use crate::pipeline::Ports;
use crate::wire::v1;
use crate::wire::v1::directory_server::Directory;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl<P: Ports> Directory for Native<P> {
    async fn search(
        &self,
        request: Request<v1::SearchRequest>,
    ) -> Result<Response<v1::AgencyList>, Status> {
        self.caller()?;
        let request = request.into_inner();
        let (directory, routes) = (self.pipeline.directory(), self.pipeline.routes());
        let max = self.pipeline.limits.list_items_max;
        let limit = if request.limit == 0 { max } else { (request.limit as usize).min(max) };
        let agencies = directory
            .search(&request.text, limit)
            .into_iter()
            .map(|id| agency_of(&directory, &routes, id))
            .collect();
        Ok(Response::new(v1::AgencyList { agencies, version: directory.version(), more: false }))
    }

    async fn changes(
        &self,
        request: Request<v1::ChangesRequest>,
    ) -> Result<Response<v1::AgencyList>, Status> {
        self.caller()?;
        let request = request.into_inner();
        if request.since_version > 0 {
            return Ok(Response::new(self.pipeline.changes_since(&request)));
        }
        // All of it, page by page in the order of codes.
        let (directory, routes) = (self.pipeline.directory(), self.pipeline.routes());
        let after = AgencyCode::parse(&request.after).ok();
        let limit = (request.limit.max(1) as usize).min(self.pipeline.limits.list_items_max);
        let order = directory.in_order();
        let from = after
            .map_or(0, |after| order.partition_point(|&id| directory.agency(id).code <= after));
        let page = order.get(from..).unwrap_or_default();
        let agencies =
            page.iter().take(limit).map(|&id| agency_of(&directory, &routes, id)).collect();
        Ok(Response::new(v1::AgencyList {
            agencies,
            version: directory.version(),
            more: page.len() > limit,
        }))
    }

    async fn register(
        &self,
        request: Request<v1::RegisterRequest>,
    ) -> Result<Response<v1::DirectoryReply>, Status> {
        let caller = self.caller()?;
        let answer = self.pipeline.register(self.platform()?, caller, request.into_inner()).await;
        Ok(Response::new(reply_of(answer)))
    }

    async fn remove(
        &self,
        request: Request<v1::RemoveRequest>,
    ) -> Result<Response<v1::DirectoryReply>, Status> {
        let caller = self.caller()?;
        let answer =
            self.pipeline.remove(self.platform()?, caller, &request.into_inner().code).await;
        Ok(Response::new(reply_of(answer)))
    }
}

fn agency_of(directory: &Agencies, routes: &RoutingTable, id: AgencyId) -> v1::Agency {
    let agency = directory.agency(id);
    let standing = directory.standing_today(id);
    let merged_into = match standing {
        Standing::Dissolved { into: Some(into) } => directory.agency(into).code.as_str().to_owned(),
        Standing::Alive
        | Standing::Locked
        | Standing::NotYet
        | Standing::Dissolved { into: None } => String::new(),
    };
    v1::Agency {
        code: agency.code.as_str().to_owned(),
        code_qcvn: agency.code.qcvn().unwrap_or_default(),
        name_vi: agency.name_vi.to_string(),
        name_en: agency.name_en.to_string(),
        parent: agency.code.parent().map(|code| code.as_str().to_owned()).unwrap_or_default(),
        kind: agency.kind.as_str().to_owned(),
        alive: matches!(standing, Standing::Alive | Standing::Locked),
        locked: agency.locked,
        removed: agency.removed,
        merged_into,
        synthetic: agency.synthetic,
        mail: agency.mail.to_string(),
        version: agency.changes.last(),
        mobile: agency.mobile.to_string(),
        fax: agency.fax.to_string(),
        platform: routes
            .home(id)
            .map(|home| routes.platform_name(home).to_owned())
            .unwrap_or_default(),
        member: String::new(),
    }
}
