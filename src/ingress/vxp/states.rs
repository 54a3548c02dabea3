//! updateStatus: the recipient's word on one item of its inbox.

use super::words::{Nothing, done};
use super::{Asked, Vxp};
use crate::domain::rejection::Rejection;
use crate::ingress::documents::missing;
use crate::ingress::documents::states::Said;
use crate::ingress::documents::words::DONE;
use crate::ingress::http1::Answer;
use crate::pipeline::Ports;

impl<P: Ports> Vxp<P> {
    pub(super) async fn update_status(&self, asked: &Asked<'_>) -> Result<Answer, Rejection> {
        let parameters = &asked.parameters;
        let status = parameters.any_case("status").ok_or_else(|| missing("status"))?;
        let said = Said::parse(status)?;
        let receiver = asked.doc_id(["docid", "docId"])?;
        let given = parameters.any_case("description").unwrap_or_default();
        self.exchange(asked).say(receiver, said, given).await?;
        Ok(done(asked.operation, DONE, Nothing {}, asked.correlation_id))
    }
}
