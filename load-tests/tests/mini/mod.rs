//! An exchange in memory: accepts, delivers, forgets. Faults are counted in submissions.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use lienthong_load::TlsPaths;
use lienthong_load::peers::incoming;
use lienthong_load::wire::v1;
use lienthong_load::wire::v1::exchange_server::{Exchange, ExchangeServer};
use lienthong_load::wire::v1::receive_request::Request as Asked;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    pub(crate) lose_every: u64,
    pub(crate) double_every: u64,
    pub(crate) corrupt_every: u64,
    pub(crate) misdeliver_every: u64,
    pub(crate) refuse_every: u64,
    pub(crate) refuse_but_deliver_every: u64,
    pub(crate) bodies_apart: bool,
    pub(crate) stall_once: Duration,
}

/// A certificate authority in a folder, with three members.
#[derive(Debug)]
pub(crate) struct Material {
    folder: tempfile::TempDir,
}

impl Material {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut authority = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        write("ca.pem", authority.self_signed(&key).unwrap().pem());
        let issuer = rcgen::Issuer::new(authority, key);
        for member in ["server", "sender", "receiver"] {
            let key = rcgen::KeyPair::generate().unwrap();
            let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
            let certificate = rcgen::CertificateParams::new(names).unwrap();
            write(&format!("{member}.pem"), certificate.signed_by(&key, &issuer).unwrap().pem());
            write(&format!("{member}.key"), key.serialize_pem());
        }
        Self { folder }
    }

    pub(crate) fn paths(&self, member: &str) -> TlsPaths {
        TlsPaths::in_folder(self.folder.path(), member)
    }
}

pub(crate) async fn serve(material: &Material, faults: Faults) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let connections = incoming::accept(listener, server_config(&material.paths("server")));
    let mini = Mini(Arc::new(State { faults, ..State::default() }));
    tokio::spawn(
        tonic::transport::Server::builder()
            .add_service(ExchangeServer::new(mini))
            .serve_with_incoming(connections),
    );
    address
}

fn server_config(paths: &TlsPaths) -> Arc<rustls::ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificates = |path| CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap);
    let mut roots = rustls::RootCertStore::empty();
    certificates(&paths.ca).for_each(|authority| roots.add(authority).unwrap());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots),
        Arc::clone(&provider),
    );
    let chain = certificates(&paths.cert).collect();
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(&paths.key).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    numbers: AtomicU64,
    stalled: AtomicBool,
    streams: Mutex<BTreeMap<String, mpsc::Sender<v1::Delivery>>>,
    bodies: Mutex<BTreeMap<String, Bytes>>,
}

#[derive(Debug)]
struct Mini(Arc<State>);

impl State {
    async fn take(&self, submission: v1::Submission) -> v1::Receipt {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let hits = |every: u64| every > 0 && number.is_multiple_of(every);
        let Some(v1::submission::Content::Envelope(envelope)) = submission.content else {
            return refusal("LT-MALFORMED");
        };
        if number == 50 && !self.stalled.swap(true, Ordering::Relaxed) {
            tokio::time::sleep(self.faults.stall_once).await;
        }
        if hits(self.faults.refuse_every) {
            return refusal("LT-BUSY");
        }
        let mut delivery = v1::Delivery {
            doc_id: Bytes::copy_from_slice(&u128::from(number).to_be_bytes()),
            to: envelope.to[0].clone(),
            from: envelope.from,
            document_id: envelope.document_id,
            bytes_total: submission.payload.len() as u64,
            body: submission.payload,
            ..v1::Delivery::default()
        };
        let streams = self.streams.lock().await;
        let stream = streams.get(&delivery.to).cloned();
        drop(streams);
        if hits(self.faults.corrupt_every) {
            delivery.body = delivery.body.slice(1..);
        }
        if hits(self.faults.misdeliver_every) {
            delivery.to.push('x');
        }
        if self.faults.bodies_apart {
            let id = format!("00000000-0000-0000-0000-{number:012x}");
            self.bodies.lock().await.insert(id, std::mem::take(&mut delivery.body));
        }
        let times = if hits(self.faults.lose_every) {
            0
        } else {
            1 + usize::from(hits(self.faults.double_every))
        };
        for _ in 0..times {
            stream.as_ref().unwrap().send(delivery.clone()).await.unwrap();
        }
        if hits(self.faults.refuse_but_deliver_every) {
            return refusal("LT-BUSY");
        }
        let accepted = v1::Accepted::default();
        v1::Receipt { result: Some(v1::receipt::Result::Accepted(accepted)) }
    }
}

fn refusal(code: &str) -> v1::Receipt {
    let refusal = v1::Refusal { code: code.to_owned(), ..v1::Refusal::default() };
    v1::Receipt { result: Some(v1::receipt::Result::Refusal(refusal)) }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Exchange for Mini {
    type SubmitStreamStream = ReceiverStream<Result<v1::ReceiptBatch, Status>>;
    type ReceiveStream = ReceiverStream<Result<v1::DeliveryBatch, Status>>;
    type GetStream = Answers<v1::FileChunk>;

    async fn submit(
        &self,
        request: Request<v1::Submission>,
    ) -> Result<Response<v1::Receipt>, Status> {
        Ok(Response::new(self.0.take(request.into_inner()).await))
    }

    async fn submit_stream(
        &self,
        request: Request<Streaming<v1::SubmissionBatch>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let (mut batches, state) = (request.into_inner(), Arc::clone(&self.0));
        let (answers, stream) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok(Some(batch)) = batches.message().await {
                let mut receipts = Vec::new();
                for submission in batch.submissions {
                    receipts.push(state.take(submission).await);
                }
                let answer = v1::ReceiptBatch { number: batch.number, receipts };
                if answers.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn receive(
        &self,
        request: Request<Streaming<v1::ReceiveRequest>>,
    ) -> Result<Response<Self::ReceiveStream>, Status> {
        let mut requests = request.into_inner();
        let Some(Asked::Start(start)) = requests.message().await?.and_then(|first| first.request)
        else {
            return Err(Status::invalid_argument("start first"));
        };
        let (deliveries, mut waiting) = mpsc::channel(4096);
        for agency in start.agencies {
            self.0.streams.lock().await.insert(agency, deliveries.clone());
        }
        let (answers, stream) = mpsc::channel(16);
        tokio::spawn(async move {
            // Goes on with the next batch when the last one is acknowledged.
            let mut batch = Vec::new();
            while waiting.recv_many(&mut batch, 64).await > 0 {
                let expected = batch.len();
                let deliveries = std::mem::take(&mut batch);
                let message = v1::DeliveryBatch { deliveries, refusals: Vec::new() };
                let sent = answers.send(Ok(message)).await.is_ok();
                let Ok(Some(v1::ReceiveRequest { request: Some(Asked::Acks(acks)) })) =
                    requests.message().await
                else {
                    return;
                };
                assert!(sent && acks.acks.len() == expected);
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn get(
        &self,
        request: Request<v1::GetRequest>,
    ) -> Result<Response<Self::GetStream>, Status> {
        let id = request.into_inner().doc_id;
        let body = self.0.bodies.lock().await.remove(&id).ok_or_else(|| Status::not_found(id))?;
        let (first, second) = (body.slice(..body.len() / 2), body.slice(body.len() / 2..));
        let chunks = [first, second].map(|data| Ok(v1::FileChunk { data, ..Default::default() }));
        Ok(Response::new(Box::pin(futures_util::stream::iter(chunks))))
    }

    async fn submit_file(
        &self,
        _request: Request<Streaming<v1::FileChunk>>,
    ) -> Result<Response<v1::Receipt>, Status> {
        Err(Status::unimplemented("mini"))
    }

    async fn list(
        &self,
        _request: Request<v1::ListRequest>,
    ) -> Result<Response<v1::ListReply>, Status> {
        Err(Status::unimplemented("mini"))
    }

    async fn confirm(
        &self,
        _request: Request<v1::ConfirmRequest>,
    ) -> Result<Response<v1::ConfirmReply>, Status> {
        Err(Status::unimplemented("mini"))
    }

    async fn sent(
        &self,
        _request: Request<v1::SentRequest>,
    ) -> Result<Response<v1::SentReply>, Status> {
        Err(Status::unimplemented("mini"))
    }
}
