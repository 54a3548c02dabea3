//! A tonic server that takes documents and stores nothing: the floor under every exchange.
//!
//! Same wire, same TLS, same windows as the gateway; no identity, no rules, no journal, no delivery.

use std::future::Future;
use std::pin::Pin;

use futures_util::Stream;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use super::incoming;
use crate::channel::{CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES, server_config};
use crate::plan::{LoadError, TlsPaths};
use crate::runtime;
use crate::wire::v1;
use crate::wire::v1::exchange_server::{Exchange, ExchangeServer};

/// Serves a bound socket until `stop`.
pub async fn serve(
    listener: TcpListener,
    tls: &TlsPaths,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), LoadError> {
    let connections = incoming::accept(listener, server_config(tls)?);
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .add_service(ExchangeServer::new(Echo))
        .serve_with_incoming_shutdown(connections, stop)
        .await
        .map_err(LoadError::Peer)
}

#[derive(Debug)]
struct Echo;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Exchange for Echo {
    type SubmitStreamStream = ReceiverStream<Result<v1::ReceiptBatch, Status>>;
    type ReceiveStream = Answers<v1::DeliveryBatch>;
    type GetStream = Answers<v1::FileChunk>;

    async fn submit(
        &self,
        _request: Request<v1::Submission>,
    ) -> Result<Response<v1::Receipt>, Status> {
        Ok(Response::new(receipt()))
    }

    async fn submit_stream(
        &self,
        request: Request<Streaming<v1::SubmissionBatch>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let mut batches = request.into_inner();
        let (answers, stream) = mpsc::channel(16);
        runtime::spawn(async move {
            while let Ok(Some(batch)) = batches.message().await {
                let receipts = batch.submissions.iter().map(|_| receipt()).collect();
                let answer = v1::ReceiptBatch { number: batch.number, receipts };
                if answers.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn submit_file(
        &self,
        _request: Request<Streaming<v1::FileChunk>>,
    ) -> Result<Response<v1::Receipt>, Status> {
        Err(nothing_stored())
    }

    async fn receive(
        &self,
        _request: Request<Streaming<v1::ReceiveRequest>>,
    ) -> Result<Response<Self::ReceiveStream>, Status> {
        Err(nothing_stored())
    }

    async fn list(
        &self,
        _request: Request<v1::ListRequest>,
    ) -> Result<Response<v1::ListReply>, Status> {
        Err(nothing_stored())
    }

    async fn get(
        &self,
        _request: Request<v1::GetRequest>,
    ) -> Result<Response<Self::GetStream>, Status> {
        Err(nothing_stored())
    }

    async fn confirm(
        &self,
        _request: Request<v1::ConfirmRequest>,
    ) -> Result<Response<v1::ConfirmReply>, Status> {
        Err(nothing_stored())
    }

    async fn sent(
        &self,
        _request: Request<v1::SentRequest>,
    ) -> Result<Response<v1::SentReply>, Status> {
        Err(nothing_stored())
    }
}

fn receipt() -> v1::Receipt {
    let accepted = v1::Accepted::default();
    v1::Receipt { result: Some(v1::receipt::Result::Accepted(accepted)) }
}

fn nothing_stored() -> Status {
    Status::unimplemented("this peer stores nothing")
}
