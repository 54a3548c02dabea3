//! The native face end to end: real sockets, mutual TLS, three platforms.

use crate::world::{COUNTRY, accepted, channel, fields, refused, start, topology};
use lienthong::wire::v1;
use lienthong::wire::v1::exchange_client::ExchangeClient;
use lienthong::wire::v1::tracking_client::TrackingClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;

pub(crate) const H60: &str = "VN:GOV:000.00.00.H60:qlvb";
pub(crate) const G12: &str = "VN:GOV:000.00.00.G12:qlvb";
const H26: &str = "VN:GOV:000.00.00.H26:qlvb";

/// A receive stream and the way to acknowledge on it.
pub(crate) async fn receive(
    client: &mut ExchangeClient<Channel>,
) -> (mpsc::Sender<v1::ReceiveRequest>, tonic::Streaming<v1::DeliveryBatch>) {
    let (sender, receiver) = mpsc::channel(16);
    let start = v1::receive_request::Start { agencies: Vec::new(), window: 64 };
    sender
        .send(v1::ReceiveRequest { request: Some(v1::receive_request::Request::Start(start)) })
        .await
        .unwrap();
    let stream = client.receive(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    (sender, stream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_crosses_three_platforms_and_the_sender_sees_it_done() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let mut sender = ExchangeClient::new(channel(&gateway, "lgsp-h60", H60).await);
    let mut recipient = ExchangeClient::new(channel(&gateway, "lgsp-g12", G12).await);
    let (acks, mut deliveries) = receive(&mut recipient).await;

    let sent = sender
        .submit(fields("000.00.00.H60", &["G12"], "H60,2026/11/20,12/UBND-VP", b"content"))
        .await
        .unwrap();
    let sent = accepted(sent.into_inner());
    assert_eq!(sent.receivers.len(), 1);

    let batch = deliveries.message().await.unwrap().unwrap();
    let delivery = &batch.deliveries[0];
    assert_eq!(&delivery.body[..], b"content");
    assert_eq!((delivery.from.as_str(), delivery.to.as_str()), ("H60", "G12"));
    let id: lienthong::domain::envelope::DocId = sent.receivers[0].doc_id.parse().unwrap();
    assert_eq!(
        &delivery.doc_id[..],
        id.to_bytes(),
        "the receiver's DocId is the one in the sender's receipt"
    );

    let ack = v1::Ack { doc_id: delivery.doc_id.clone(), ..v1::Ack::default() };
    acks.send(v1::ReceiveRequest {
        request: Some(v1::receive_request::Request::Acks(v1::AckBatch { acks: vec![ack] })),
    })
    .await
    .unwrap();

    let mut events = gateway.pipeline.subscribe_events();
    loop {
        let request = v1::SentRequest { agency: "H60".into(), doc_id: String::new(), limit: 10 };
        let items = sender.sent(request).await.unwrap().into_inner().items;
        assert_eq!(items.len(), 1);
        if items[0].state() == v1::DeliveryState::Done {
            break;
        }
        events.recv().await.unwrap();
    }
    let story = gateway.pipeline.story(sent.doc_id.parse().unwrap()).await;
    let story = lienthong::story::tell(story).unwrap();
    let way: Vec<&str> = story.recipients[0].hops.iter().map(|hop| hop.platform.as_str()).collect();
    assert_eq!(way, ["lgsp-h60", "axis", "lgsp-g12"]);
    let tls = story.recipients[0].hops.iter().all(|hop| hop.tls.starts_with("TLS 1.3 "));
    assert!(tls, "every hop says how it was protected: {:?}", story.recipients[0].hops);

    let mut tracking = TrackingClient::new(channel(&gateway, "lgsp-h60", H60).await);
    let request = v1::StoryRequest { id: "000.00.00.H60/H60,2026/11/20,12/UBND-VP".into() };
    let reply = tracking.story(request).await.unwrap().into_inner();
    assert!(reply.refusal.is_none() && reply.json.contains(&sent.doc_id), "{reply:?}");
    let mut stranger = TrackingClient::new(channel(&gateway, "lgsp-h26", H26).await);
    let request = v1::StoryRequest { id: sent.doc_id };
    let reply = stranger.story(request).await.unwrap().into_inner();
    assert_eq!(reply.refusal.unwrap().code, "LT-D402");
    gateway.stop().await;
}

/// Acknowledgements of one batch are one fact each for words that are alike; every delivery has its own answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_batch_of_acknowledgements_only_the_wrong_ones_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let mut sender = ExchangeClient::new(channel(&gateway, "lgsp-h60", H60).await);
    let mut recipient = ExchangeClient::new(channel(&gateway, "lgsp-g12", G12).await);
    let mut ids = Vec::new();
    for number in 0..3 {
        let name = format!("D{number}");
        let sent = sender.submit(fields("H60", &["G12"], &name, b"content")).await.unwrap();
        ids.push(accepted(sent.into_inner()).receivers[0].doc_id.clone());
    }
    let (acks, mut deliveries) = receive(&mut recipient).await;
    let mut arrived = Vec::new();
    while arrived.len() < ids.len() {
        arrived.extend(deliveries.message().await.unwrap().unwrap().deliveries);
    }
    let ack = |place: usize, state: v1::DeliveryState| {
        let id: lienthong::domain::envelope::DocId = ids[place].parse().unwrap();
        v1::Ack { doc_id: id.to_bytes().to_vec(), state: state as i32, ..v1::Ack::default() }
    };
    let foreign = v1::Ack { doc_id: vec![7; 16], ..ack(0, v1::DeliveryState::Done) };
    let words = vec![
        ack(0, v1::DeliveryState::Done),
        foreign,
        ack(1, v1::DeliveryState::Done),
        ack(0, v1::DeliveryState::Processing),
        ack(2, v1::DeliveryState::Processing),
    ];
    acks.send(v1::ReceiveRequest {
        request: Some(v1::receive_request::Request::Acks(v1::AckBatch { acks: words })),
    })
    .await
    .unwrap();
    let answer = deliveries.message().await.unwrap().unwrap();
    let refused: Vec<_> =
        answer.refusals.iter().map(|r| (r.code.as_str(), r.correlation_id.as_str())).collect();
    let nobody = "07070707-0707-0707-0707-070707070707";
    assert_eq!(refused, [("LT-D402", nobody), ("LT-D404", ids[0].as_str())]);
    let request = v1::ListRequest { agency: "G12".into(), ..v1::ListRequest::default() };
    let items = recipient.list(request).await.unwrap().into_inner().items;
    let left: Vec<_> = items.iter().map(|item| (item.doc_id.clone(), item.state())).collect();
    assert_eq!(left, [(ids[2].clone(), v1::DeliveryState::Processing)], "done ones have left");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_gets_the_first_doc_id_and_other_bytes_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let mut sender = ExchangeClient::new(channel(&gateway, "lgsp-h60", H60).await);
    let first =
        accepted(sender.submit(fields("H60", &["G12"], "D1", b"one")).await.unwrap().into_inner());
    let again =
        accepted(sender.submit(fields("H60", &["G12"], "D1", b"one")).await.unwrap().into_inner());
    assert!(again.duplicate);
    assert_eq!(again.doc_id, first.doc_id);
    let other =
        refused(sender.submit(fields("H60", &["G12"], "D1", b"two")).await.unwrap().into_inner());
    assert_eq!(other.code, "LT-D401");
    let foreign =
        refused(sender.submit(fields("G12", &["H60"], "D2", b"x")).await.unwrap().into_inner());
    assert_eq!(foreign.code, "LT-D112");
    let unknown = refused(
        sender.submit(fields("H60", &["G12", "Q99"], "D3", b"x")).await.unwrap().into_inner(),
    );
    assert_eq!((unknown.code.as_str(), unknown.at.as_str()), ("LT-D302", "000.00.00.Q99"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_survives_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let country = topology(COUNTRY);
    let gateway = start(&country, data.path()).await;
    let mut sender = ExchangeClient::new(channel(&gateway, "lgsp-h60", H60).await);
    accepted(
        sender.submit(fields("H60", &["G12", "H26"], "D1", b"one")).await.unwrap().into_inner(),
    );
    gateway.stop().await;

    let gateway = start(&country, data.path()).await;
    let mut recipient = ExchangeClient::new(channel(&gateway, "lgsp-g12", G12).await);
    let (_acks, mut deliveries) = receive(&mut recipient).await;
    let batch = deliveries.message().await.unwrap().unwrap();
    assert_eq!(&batch.deliveries[0].body[..], b"one");
    gateway.stop().await;
}
