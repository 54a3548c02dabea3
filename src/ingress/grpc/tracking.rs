//! Service `Tracking`: where a document is.

use super::Native;
use super::convert::refusal_of;
use crate::domain::agency::AgencyCode;
use crate::domain::envelope::DocId;
use crate::domain::fact::order_key;
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::pipeline::Ports;
use crate::story;
use crate::wire::v1;
use crate::wire::v1::tracking_server::Tracking;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl<P: Ports> Tracking for Native<P> {
    /// A member sees the story of what its agencies sent or received, on this platform.
    async fn story(
        &self,
        request: Request<v1::StoryRequest>,
    ) -> Result<Response<v1::StoryReply>, Status> {
        let caller = self.caller()?;
        let id = request.into_inner().id;
        let answer = async {
            let platform = self.platform().map_err(|_gone| Rejection::new(Reason::Unavailable))?;
            let doc_id = self.meant(&id)?;
            self.pipeline.find_known(platform, caller, doc_id).await?;
            let parts = self.pipeline.story(doc_id).await;
            let parts = parts.into_iter().filter(|(name, _)| *name == platform.name).collect();
            Ok::<_, Rejection>(story::tell(parts))
        };
        let reply = match answer.await {
            Ok(story) => v1::StoryReply {
                refusal: None,
                json: serde_json::to_string(&story).unwrap_or_default(),
            },
            Err(rejection) => {
                v1::StoryReply { refusal: Some(refusal_of(&rejection, &id)), json: String::new() }
            }
        };
        Ok(Response::new(reply))
    }
}

impl<P: Ports> Native<P> {
    /// A DocId, or the one behind `sender/DocumentId`.
    fn meant(&self, id: &str) -> Result<DocId, Rejection> {
        let wrong = || Rejection::new(Reason::ParameterInvalid).at(Place::Parameter("id".into()));
        let Some((sender, document_id)) = id.split_once('/') else {
            return id.parse().map_err(|_invalid| wrong());
        };
        let sender =
            AgencyCode::parse(sender).map_err(|error| wrong().detail(error.to_string()))?;
        self.pipeline
            .doc_id_of(order_key(sender.as_str(), document_id))
            .ok_or_else(|| Rejection::new(Reason::UnknownDocument).detail(id))
    }
}
