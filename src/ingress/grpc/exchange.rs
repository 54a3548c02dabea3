//! Service `Exchange`: documents in and out, for members.

use super::convert::{inbox_item, receipt_of, refusal_of, sent_item, state_of, submission_of};
use super::{Native, receive, status_of};
use crate::domain::calendar::Calendar;
use crate::domain::envelope::DocId;
use crate::domain::rejection::{Place, Reason, Rejection};
use crate::domain::tracking::InboxFilter;
use crate::pipeline::{BytesPermit, Ports, Word};
use crate::wire::v1;
use crate::wire::v1::exchange_server::Exchange;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt};
use prost::Message;
use tonic::{Request, Response, Status, Streaming};

/// Batches of one stream whose answers may be outstanding; the reading stops there.
const WINDOW_BATCHES: usize = 16;

type Batches<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl<P: Ports> Exchange for Native<P> {
    type SubmitStreamStream = Batches<v1::ReceiptBatch>;
    type ReceiveStream = Batches<v1::DeliveryBatch>;
    type GetStream = Batches<v1::FileChunk>;

    async fn submit(
        &self,
        request: Request<v1::Submission>,
    ) -> Result<Response<v1::Receipt>, Status> {
        let caller = self.caller()?;
        let mut wire = request.into_inner();
        let correlation_id = wire.correlation_id.clone();
        let permit = self.pipeline.admit_bytes(weight(&wire), false);
        let answer = match permit
            .and_then(|permit| Ok((permit, submission_of(caller, self.session.tls(), &mut wire)?)))
        {
            Ok((permit, submission)) => {
                let answer = self.pipeline.accept_one(self.platform()?, submission).await;
                drop(permit);
                answer
            }
            Err(rejection) => Err(rejection),
        };
        Ok(Response::new(receipt_of(answer, &correlation_id)))
    }

    async fn submit_stream(
        &self,
        request: Request<Streaming<v1::SubmissionBatch>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        self.caller()?;
        let native = self.clone();
        let answers = request
            .into_inner()
            .map(move |batch| {
                let native = native.clone();
                async move { native.submit_batch(batch?).await }
            })
            .buffered(WINDOW_BATCHES);
        Ok(Response::new(answers.boxed()))
    }

    async fn submit_file(
        &self,
        request: Request<Streaming<v1::FileChunk>>,
    ) -> Result<Response<v1::Receipt>, Status> {
        self.caller()?;
        let mut chunks = request.into_inner();
        let Some(first) = chunks.message().await? else {
            return Err(Status::invalid_argument("no header"));
        };
        let mut wire = first.header.unwrap_or_default();
        let correlation_id = wire.correlation_id.clone();
        let file = match self.gather(first.bytes_total, first.data, &mut chunks).await? {
            Ok((file, permit)) => {
                wire.content = Some(v1::submission::Content::Edxml(file));
                Ok(permit)
            }
            Err(rejection) => Err(rejection),
        };
        let answer = match file.and_then(|permit| {
            Ok((permit, submission_of(self.caller_or_refused()?, self.session.tls(), &mut wire)?))
        }) {
            Ok((permit, submission)) => {
                let answer = self.pipeline.accept_one(self.platform()?, submission).await;
                drop(permit);
                answer
            }
            Err(rejection) => Err(rejection),
        };
        Ok(Response::new(receipt_of(answer, &correlation_id)))
    }

    async fn receive(
        &self,
        request: Request<Streaming<v1::ReceiveRequest>>,
    ) -> Result<Response<Self::ReceiveStream>, Status> {
        let caller = self.caller()?.clone();
        let mut requests = request.into_inner();
        let first = requests.message().await?.and_then(|first| first.request);
        let Some(v1::receive_request::Request::Start(start)) = first else {
            return Err(Status::invalid_argument("the first message must be `start`"));
        };
        let receiving = receive::Receiving::begin(self, caller, &start, requests)?;
        let batches = stream::unfold(receiving, |mut receiving| async move {
            receiving.next().await.map(|batch| (batch, receiving))
        });
        Ok(Response::new(batches.boxed()))
    }

    async fn list(
        &self,
        request: Request<v1::ListRequest>,
    ) -> Result<Response<v1::ListReply>, Status> {
        let caller = self.caller()?;
        let request = request.into_inner();
        let (agency, _) =
            self.pipeline.own_agency(caller, &request.agency).map_err(|r| status_of(&r))?;
        let filter = InboxFilter {
            status_messages: request.status_messages,
            state: request.state.and_then(|s| v1::DeliveryState::try_from(s).ok()).map(state_of),
            after: (!request.after.is_empty()).then(|| doc_id(&request.after)).transpose()?,
            ..InboxFilter::default()
        };
        let limit = limit(request.limit, self.pipeline.limits.list_items_max);
        let (calendar, now) = (Calendar::vietnam(), self.pipeline.now());
        let post = self.platform()?.post.lock();
        let (items, total) = post.tracking.inbox(agency, &filter, limit);
        let more = items.len() == limit && total > limit;
        let items = items
            .into_iter()
            .map(|(doc, delivery)| {
                inbox_item(doc, delivery, is_overdue(&calendar, doc.accepted.due_on(), now))
            })
            .collect();
        Ok(Response::new(v1::ListReply { items, more, total: total as u64 }))
    }

    async fn get(
        &self,
        request: Request<v1::GetRequest>,
    ) -> Result<Response<Self::GetStream>, Status> {
        let caller = self.caller()?;
        let id = doc_id(&request.into_inner().doc_id)?;
        let found =
            self.pipeline.find(self.platform()?, caller, id).await.map_err(|r| status_of(&r))?;
        let body = found.accepted.body.clone().unwrap_or_default();
        let head = v1::FileChunk {
            header: None,
            bytes_total: body.bytes,
            sha256: body.sha256.to_bytes(),
            data: Bytes::new(),
        };
        let pipeline = std::sync::Arc::clone(&self.pipeline);
        let chunks = stream::iter(found.chunks).then(move |seq| {
            let pipeline = std::sync::Arc::clone(&pipeline);
            async move {
                let data = pipeline
                    .chunk(seq)
                    .await
                    .map_err(|error| Status::data_loss(error.to_string()))?;
                Ok(v1::FileChunk { data, ..v1::FileChunk::default() })
            }
        });
        Ok(Response::new(stream::once(async move { Ok(head) }).chain(chunks).boxed()))
    }

    async fn confirm(
        &self,
        request: Request<v1::ConfirmRequest>,
    ) -> Result<Response<v1::ConfirmReply>, Status> {
        let caller = self.caller()?;
        let request = request.into_inner();
        let word = Word {
            receiver: doc_id(&request.doc_id)?,
            state: state_of(request.state()),
            description: request.description,
        };
        let answers = self.pipeline.confirm(self.platform()?, caller, vec![word]).await;
        let refusal = answers
            .into_iter()
            .find_map(Result::err)
            .map(|rejection| refusal_of(&rejection, &request.doc_id));
        Ok(Response::new(v1::ConfirmReply { refusal }))
    }

    async fn sent(
        &self,
        request: Request<v1::SentRequest>,
    ) -> Result<Response<v1::SentReply>, Status> {
        let caller = self.caller()?;
        let request = request.into_inner();
        let (agency, _) =
            self.pipeline.own_agency(caller, &request.agency).map_err(|r| status_of(&r))?;
        let only = (!request.doc_id.is_empty()).then(|| doc_id(&request.doc_id)).transpose()?;
        let limit = limit(request.limit, self.pipeline.limits.list_items_max);
        let post = self.platform()?.post.lock();
        let items = post
            .tracking
            .sent(agency, only, limit)
            .into_iter()
            .map(|row| sent_item(row.doc, row.delivery))
            .collect();
        Ok(Response::new(v1::SentReply { items }))
    }
}

impl<P: Ports> Native<P> {
    async fn submit_batch(&self, batch: v1::SubmissionBatch) -> Result<v1::ReceiptBatch, Status> {
        let caller = self.caller()?;
        let platform = self.platform()?;
        if batch.submissions.len() > self.pipeline.limits.batch_items_max {
            let detail =
                format!("{} > {}", batch.submissions.len(), self.pipeline.limits.batch_items_max);
            return Err(status_of(
                &Rejection::new(Reason::ParameterInvalid)
                    .at(Place::Parameter("submissions".into()))
                    .detail(detail),
            ));
        }
        let number = batch.number;
        let bytes = batch.submissions.iter().map(weight).sum();
        let permit = match self.pipeline.admit_bytes(bytes, false) {
            Ok(permit) => permit,
            Err(rejection) => {
                let refused = |wire: &v1::Submission| {
                    receipt_of(Err(rejection.clone()), &wire.correlation_id)
                };
                return Ok(v1::ReceiptBatch {
                    number,
                    receipts: batch.submissions.iter().map(refused).collect(),
                });
            }
        };
        let correlation_ids: Vec<String> =
            batch.submissions.iter().map(|wire| wire.correlation_id.clone()).collect();
        let submissions = batch
            .submissions
            .into_iter()
            .map(|mut wire| submission_of(caller, self.session.tls(), &mut wire));
        let answers = self.pipeline.accept(platform, submissions).await;
        drop(permit);
        let receipts = answers
            .into_iter()
            .zip(&correlation_ids)
            .map(|(answer, correlation_id)| receipt_of(answer, correlation_id))
            .collect();
        Ok(v1::ReceiptBatch { number, receipts })
    }

    /// Gathers a file that comes in chunks. A file that is too large is refused before it is read.
    async fn gather(
        &self,
        bytes_total: u64,
        first: Bytes,
        chunks: &mut Streaming<v1::FileChunk>,
    ) -> Result<Result<(Bytes, BytesPermit), Rejection>, Status> {
        if bytes_total == 0 {
            return Ok(Err(
                Rejection::new(Reason::ParameterMissing).at(Place::Parameter("bytes_total".into()))
            ));
        }
        let permit = match self.pipeline.admit_bytes(bytes_total, false) {
            Ok(permit) => permit,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let size = usize::try_from(bytes_total).unwrap_or(usize::MAX);
        // Memory is taken as the bytes come, not as they are promised.
        let mut file = BytesMut::with_capacity(size.min(1 << 20));
        file.extend_from_slice(&first);
        while let Some(chunk) = chunks.message().await? {
            if file.len() + chunk.data.len() > size {
                return Ok(Err(Rejection::new(Reason::ParameterInvalid)
                    .at(Place::Parameter("bytes_total".into()))));
            }
            file.extend_from_slice(&chunk.data);
        }
        if file.len() < size {
            return Ok(Err(
                Rejection::new(Reason::Truncated).detail(format!("{} < {size}", file.len()))
            ));
        }
        Ok(Ok((file.freeze(), permit)))
    }

    fn caller_or_refused(&self) -> Result<&crate::domain::directory::Caller, Rejection> {
        self.session.caller(self.pipeline.now())
    }
}

/// What a submission weighs against the bytes in flight.
fn weight(wire: &v1::Submission) -> u64 {
    let content = match &wire.content {
        Some(v1::submission::Content::Edxml(file)) => file.len(),
        Some(v1::submission::Content::Envelope(envelope)) => envelope.encoded_len(),
        None => 0,
    };
    (content + wire.payload.len()) as u64
}

fn doc_id(text: &str) -> Result<DocId, Status> {
    text.parse().map_err(|_invalid| {
        status_of(
            &Rejection::new(Reason::ParameterInvalid)
                .at(Place::Parameter("doc_id".into()))
                .detail(text),
        )
    })
}

fn limit(asked: u32, max: usize) -> usize {
    if asked == 0 { max } else { (asked as usize).min(max) }
}

fn is_overdue(calendar: &Calendar, due_on: &str, now: crate::clock::Timestamp) -> bool {
    calendar.is_overdue(now, due_on.parse().ok(), None)
}
