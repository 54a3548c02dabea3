//! How far the platforms of this process have reported their calls and documents to NDOP.

use super::fault::Fault;
use super::{Operated, State, VERSION};
use crate::domain::envelope::Kind;
use crate::domain::routing::PlatformIx;
use crate::pipeline::Way;
use crate::pipeline::call::CallPorts;
use axum::Json;
use serde::Serialize;

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NdopAnswer {
    pub version: u32,
    /// The service that takes the reports; empty when the topology has none.
    pub service: String,
    pub platforms: Vec<FeedView>,
}

/// What one platform has reported since the process began.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FeedView {
    pub platform: String,
    /// Records of evidence on disk.
    pub records: u64,
    /// The last of them that was reported, or passed over because it is a report itself.
    pub through: u64,
    pub reported: u64,
    /// Records that were gone before they could be reported.
    pub dropped: u64,
    /// Reports that came to nothing; they are sent again.
    pub failures: u64,
    /// Why the last report came to nothing; empty when it did not.
    pub trouble: String,
    /// Documents taken from members and neighbours, status messages included, since the process began.
    pub documents: u64,
    /// Of those, how many NDOP knows of.
    pub documents_reported: u64,
}

/// The tap of data sharing: what is reported, what waits, what was lost.
#[utoipa::path(get, path = "/api/v1/ndop", tag = "calls",
    responses((status = 200, body = NdopAnswer)))]
pub(super) async fn ndop<P: CallPorts>(state: State<P>) -> Result<Json<NdopAnswer>, Fault> {
    let operated = &state.operated;
    let Some(tap) = &operated.tap else {
        let (service, platforms) = (String::new(), Vec::new());
        return Ok(Json(NdopAnswer { version: VERSION, service, platforms }));
    };
    let states = tap.states();
    let platforms = operated.plane.platforms().iter().map(|platform| {
        let state = states.get(&platform.name).cloned().unwrap_or_default();
        FeedView {
            platform: platform.name.to_string(),
            records: platform.evidence.durable().number,
            through: state.through,
            reported: state.reported,
            dropped: state.dropped,
            failures: state.failures,
            trouble: state.trouble,
            documents: documents(operated, platform.ix),
            documents_reported: state.documents,
        }
    });
    Ok(Json(NdopAnswer {
        version: VERSION,
        service: tap.service().to_owned(),
        platforms: platforms.collect(),
    }))
}

fn documents<P: CallPorts>(operated: &Operated<P>, ix: PlatformIx) -> u64 {
    let Some(platform) = operated.pipeline.platform(ix) else { return 0 };
    let of = |way| Kind::ALL.map(|kind| platform.counters.ways.read(way, kind)).iter().sum::<u64>();
    of(Way::FromMember) + of(Way::FromNeighbour)
}
