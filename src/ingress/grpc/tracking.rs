//! Service `Tracking`: where a document is.

use super::Native;
use super::convert::refusal_of;
use crate::domain::envelope::DocId;
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
            let doc_id: DocId = id.parse().map_err(|_invalid| {
                Rejection::new(Reason::ParameterInvalid).at(Place::Parameter("id".into()))
            })?;
            self.pipeline
                .find(
                    self.platform().map_err(|_gone| Rejection::new(Reason::Unavailable))?,
                    caller,
                    doc_id,
                )
                .await?;
            let here = self.platform().map(|p| p.name.clone()).unwrap_or_default();
            let parts = self
                .pipeline
                .story(doc_id)
                .await
                .into_iter()
                .filter(|(name, _)| *name == here)
                .collect();
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
