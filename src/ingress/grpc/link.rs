//! Service `Link`: the hop contract, for neighbouring platforms only.

use super::convert::refusal_of;
use super::{Native, status_of};
use crate::domain::tracking::Chunks;
use crate::pipeline::Ports;
use crate::wire::v1;
use crate::wire::v1::link_server::Link;
use sha2::Digest;
use tonic::{Request, Response, Status, Streaming};

#[tonic::async_trait]
impl<P: Ports> Link for Native<P> {
    async fn hand(
        &self,
        request: Request<v1::HandOver>,
    ) -> Result<Response<v1::HandVerdicts>, Status> {
        let peer = self.peer()?;
        let hand_over = request.into_inner();
        let bytes = hand_over.documents.iter().map(|d| d.body.len() as u64).sum();
        let _permit =
            self.pipeline.admit_bytes(bytes, true).map_err(|rejection| status_of(&rejection))?;
        Ok(Response::new(self.pipeline.hand(self.platform()?, peer, hand_over).await))
    }

    async fn hand_body(
        &self,
        request: Request<Streaming<v1::HandBodyFrame>>,
    ) -> Result<Response<v1::HandVerdicts>, Status> {
        let peer = self.peer()?;
        let platform = self.platform()?;
        let mut frames = request.into_inner();
        let first = frames.message().await?.and_then(|frame| frame.document);
        let Some(document) = first else {
            return Err(Status::invalid_argument("the first frame must hold the document"));
        };
        if document.bytes_total > self.pipeline.limits.body_bytes_max {
            return Err(Status::invalid_argument("the body is larger than body_bytes_max"));
        }
        if let Some(chunks) = self.pipeline.has_body(&document.sha256, document.bytes_total) {
            return Ok(Response::new(
                self.pipeline.hand_stored(platform, peer, document, chunks).await,
            ));
        }
        let mut chunks = Vec::new();
        let mut bytes = 0_u64;
        let mut hash = sha2::Sha256::new();
        while let Some(frame) = frames.message().await? {
            bytes += frame.chunk.len() as u64;
            if bytes > document.bytes_total
                || frame.chunk.len() > self.pipeline.limits.chunk_bytes_max
            {
                return Err(Status::invalid_argument("more bytes than announced"));
            }
            hash.update(&frame.chunk);
            chunks.push(
                self.pipeline
                    .store_chunk(platform, frame.chunk)
                    .await
                    .map_err(|rejection| status_of(&rejection))?,
            );
        }
        let digest: [u8; 32] = hash.finalize().into();
        if bytes != document.bytes_total || document.sha256 != digest[..] {
            return Err(Status::data_loss("the body is not the one announced"));
        }
        Ok(Response::new(
            self.pipeline.hand_stored(platform, peer, document, Chunks::from_slice(&chunks)).await,
        ))
    }

    async fn probe(
        &self,
        _request: Request<v1::ProbeRequest>,
    ) -> Result<Response<v1::ProbeReply>, Status> {
        self.peer()?;
        let reply = v1::ProbeReply {
            platform: self.platform()?.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Ok(Response::new(reply))
    }

    async fn directory_changes(
        &self,
        request: Request<v1::ChangesRequest>,
    ) -> Result<Response<v1::AgencyList>, Status> {
        self.peer()?;
        Ok(Response::new(self.pipeline.changes_since(&request.into_inner())))
    }

    async fn directory_change(
        &self,
        request: Request<v1::DirectoryChangeUp>,
    ) -> Result<Response<v1::DirectoryReply>, Status> {
        let peer = self.peer()?;
        let answer =
            self.pipeline.change_from_below(self.platform()?, peer, request.into_inner()).await;
        Ok(Response::new(reply_of(answer)))
    }
}

pub(super) fn reply_of(
    answer: Result<u64, crate::domain::rejection::Rejection>,
) -> v1::DirectoryReply {
    match answer {
        Ok(version) => v1::DirectoryReply { refusal: None, version },
        Err(rejection) => {
            v1::DirectoryReply { refusal: Some(refusal_of(&rejection, "")), version: 0 }
        }
    }
}
