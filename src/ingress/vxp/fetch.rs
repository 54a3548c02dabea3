//! getEdoc and downloadEdoc: the file, in base64 inside JSON or as it is.

use super::words::json_stream;
use super::{Asked, Vxp};
use crate::domain::rejection::Rejection;
use crate::ingress::documents::words::{CORRELATION_FIELD, DONE};
use crate::ingress::http1::{Answer, AnswerBody};
use crate::pipeline::Ports;

impl<P: Ports> Vxp<P> {
    pub(super) async fn get(&self, asked: &Asked<'_>) -> Result<Answer, Rejection> {
        let file = self.exchange(asked).file(asked.doc_id(["docId", "docid"])?).await?;
        let before = format!(r#"{{"status":"OK","ErrorCode":"0","ErrorDesc":"{DONE}","data":""#);
        Ok(json_stream(file.in_base64(before, b"\"}"), asked.correlation_id))
    }

    pub(super) async fn download(&self, asked: &Asked<'_>) -> Result<Answer, Rejection> {
        let file = self.exchange(asked).file(asked.doc_id(["docId", "docid"])?).await?;
        let body = AnswerBody::Stream { length: file.bytes, chunks: file.chunks };
        let answer = Answer::new(200, body).field("Content-Type", "application/octet-stream");
        Ok(answer.field(CORRELATION_FIELD, asked.correlation_id.to_owned()))
    }
}
