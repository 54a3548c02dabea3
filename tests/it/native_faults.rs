//! Bad input at the native face: each fault has its code, a sentence in both languages, the place of the fault and
//! the caller's correlation id; nothing is kept of it, and nobody else notices.

use crate::native::{G12, H60, receive};
use crate::vxp_wire::edxml;
use crate::world::{COUNTRY, accepted, channel, fields, refused, start, topology};
use lienthong::gateway::Gateway;
use lienthong::wire::v1;
use lienthong::wire::v1::exchange_client::ExchangeClient;
use tokio_stream::wrappers::ReceiverStream;

const LIMITS: &str = "\n[limits]\nbody_bytes_max = 65_536\nchunk_bytes_max = 65_536\n\
                      inline_body_bytes_max = 65_536\nrecipients_max = 40\n";

/// A good file with one thing changed.
fn altered(from: &str, to: &str) -> v1::Submission {
    let good = String::from_utf8(edxml("000.00.00.H60", &["000.00.00.H26"], 1)).unwrap();
    assert!(good.contains(from), "{from}");
    file(good.replacen(from, to, 1).into_bytes())
}

fn file(bytes: Vec<u8>) -> v1::Submission {
    let content = Some(v1::submission::Content::Edxml(bytes.into()));
    v1::Submission { content, ..v1::Submission::default() }
}

fn changed(change: impl FnOnce(&mut v1::Envelope)) -> v1::Submission {
    let mut submission = fields("H60", &["H26"], "D-faulty", b"x");
    if let Some(v1::submission::Content::Envelope(envelope)) = &mut submission.content {
        change(envelope);
    }
    submission
}

/// Each with its code, and what the place of the fault holds.
fn faults() -> Vec<(v1::Submission, &'static str, &'static str)> {
    let deep = format!("{}<x>{}", "<a>".repeat(80), "</a>".repeat(80));
    let status = |status| {
        changed(move |envelope| {
            envelope.kind = v1::Kind::Status as i32;
            envelope.status = status;
            envelope.answers_sender = "H26".into();
            envelope.answers_document_id = "D1".into();
        })
    };
    vec![
        (v1::Submission::default(), "LT-D201", ""),
        (file(b"hello".to_vec()), "LT-D205", "1:1"),
        (altered("</edXML>", ""), "LT-D206", ":"),
        (altered("<edXML xmlns", "<!DOCTYPE a [<!ENTITY b \"c\">]><edXML xmlns"), "LT-D208", "1:1"),
        (file(b"<edXML>\xff</edXML>".to_vec()), "LT-D204", "1:8"),
        (file(b"<html/>".to_vec()), "LT-D209", "1:1"),
        (altered("<edXML:Subject>", &format!("<edXML:Subject>{deep}")), "LT-D207", ":"),
        (
            altered("2024/05/20</edXML:Prom", "2099/05/20</edXML:Prom"),
            "LT-D216",
            "PromulgationDate",
        ),
        (
            altered("<edXML:OrganId>000.00.00.H60", "<edXML:OrganId>000.00.00.G12"),
            "LT-D112",
            "OrganId",
        ),
        (fields("Q99", &["H26"], "D2", b"x"), "LT-D111", "OrganId"),
        (fields("", &["H26"], "D2", b"x"), "LT-D110", "from"),
        (fields("H60", &[], "D2", b"x"), "LT-D301", "To"),
        (fields("H60", &["Q99"], "D2", b"x"), "LT-D302", "Q99"),
        (fields("H60", &["H26", "000.00.00.H26"], "D2", b"x"), "LT-D305", "H26"),
        (fields("H60", &["G12"], "D2", b"x"), "LT-D304", "G12"),
        (fields("H60", &["H26"], "", b"x"), "LT-D210", "DocumentId"),
        (changed(|envelope| envelope.promulgated_on = "2099-01-01".into()), "LT-D216", "Date"),
        (changed(|envelope| envelope.urgency = 9), "LT-D211", "urgency"),
        (changed(|envelope| envelope.subject = "TỐI MẬT: kế hoạch".into()), "LT-D213", "Subject"),
        (status(7), "LT-D405", "status"),
        (changed(|envelope| envelope.kind = v1::Kind::Recall as i32), "LT-D403", ""),
        (
            v1::Submission { sha256: vec![1; 32].into(), ..fields("H60", &["H26"], "D2", b"x") },
            "LT-D203",
            "sha256",
        ),
        (
            v1::Submission {
                payload: vec![0; 70_000].into(),
                ..fields("H60", &["H26"], "D2", b"")
            },
            "LT-D202",
            "",
        ),
    ]
}

async fn lock(gateway: &Gateway, code: &str) {
    let axis = gateway.pipeline.platforms().iter().find(|p| p.name == "axis").unwrap();
    let code = lienthong::domain::agency::AgencyCode::parse(code).unwrap();
    gateway.pipeline.lock(axis, &code, true).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_is_named_in_both_languages_with_its_place_and_nothing_is_kept() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&format!("{COUNTRY}{LIMITS}")), data.path()).await;
    lock(&gateway, "G12").await;
    let mut sender = ExchangeClient::new(channel(&gateway, "lgsp-h60", H60).await);
    let mut wrong = Vec::new();
    for (number, (mut submission, code, at)) in faults().into_iter().enumerate() {
        submission.correlation_id = format!("fault-{number}");
        let refusal = refused(sender.submit(submission).await.unwrap().into_inner());
        let is_told = !refusal.vi.is_empty() && !refusal.en.is_empty() && refusal.vi != refusal.en;
        let is_placed = refusal.at.contains(at);
        if refusal.code != code
            || !is_placed
            || !is_told
            || refusal.correlation_id != format!("fault-{number}")
        {
            wrong.push(format!("{number}: {code} at {at}, but {refusal:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let open: usize =
        gateway.pipeline.platforms().iter().map(|p| p.post.lock().tracking.open_docs()).sum();
    assert_eq!(open, 0, "nothing of what was refused is kept");
    accepted(sender.submit(fields("H60", &["H26"], "D2", b"x")).await.unwrap().into_inner());
    gateway.stop().await;
}

/// domain.md 4.1: a company's system, in a country of another name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_is_no_agency_connects_and_speaks_for_none() {
    let country = COUNTRY.replace("name = \"test\"", "name = \"test\"\ninstance = \"DEV\"");
    let company = "[[member]]\nid = \"DEV:COM:4321:TestClient\"\nplatform = \"lgsp-h60\"\n";
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&format!("{country}{company}")), data.path()).await;
    let channel_of = |id| channel(&gateway, "lgsp-h60", id);
    let mut company = ExchangeClient::new(channel_of("DEV:COM:4321:TestClient").await);
    let letter = || fields("H60", &["H26"], "D1", b"x");
    let refusal = refused(company.submit(letter()).await.unwrap().into_inner());
    assert_eq!(refusal.code, "LT-D112", "{refusal:?}");
    let mut agency = ExchangeClient::new(channel_of("DEV:GOV:000.00.00.H60:qlvb").await);
    accepted(agency.submit(letter()).await.unwrap().into_inner());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_sent_file_and_a_stream_that_breaks_leave_no_trace() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(&format!("{COUNTRY}{LIMITS}")), data.path()).await;
    let mut sender = ExchangeClient::new(channel(&gateway, "lgsp-h60", H60).await);
    let good = edxml("000.00.00.H60", &["000.00.00.H26"], 1);
    let chunk = |bytes_total: usize, data: &[u8]| v1::FileChunk {
        header: Some(v1::Submission { correlation_id: "half".into(), ..v1::Submission::default() }),
        bytes_total: bytes_total as u64,
        data: data.to_vec().into(),
        ..v1::FileChunk::default()
    };
    for (first, code) in [
        (chunk(good.len(), &good[..50]), "LT-D206"),
        (chunk(70_000, &good), "LT-D202"),
        (chunk(0, b""), "LT-D407"),
        (chunk(good.len() - 10, &good), "LT-D408"),
    ] {
        let chunks = tokio_stream::iter(vec![
            first,
            v1::FileChunk { data: bytes::Bytes::from_static(b"?"), ..v1::FileChunk::default() },
        ]);
        let refusal = refused(sender.submit_file(chunks).await.unwrap().into_inner());
        assert_eq!(
            (refusal.code.as_str(), refusal.correlation_id.as_str()),
            (code, "half"),
            "{refusal:?}"
        );
    }
    assert_eq!(gateway.pipeline.bytes_in_flight(), 0, "what was held for them is given back");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_that_never_reads_holds_up_nobody_and_no_more_than_its_window() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let mut sender = ExchangeClient::new(channel(&gateway, "lgsp-h60", H60).await);
    let mut idle = ExchangeClient::new(channel(&gateway, "lgsp-g12", G12).await);
    let (requests, receiver) = tokio::sync::mpsc::channel(1);
    let start = v1::receive_request::Start { agencies: Vec::new(), window: 4 };
    let start = v1::receive_request::Request::Start(start);
    requests.send(v1::ReceiveRequest { request: Some(start) }).await.unwrap();
    let unread = idle.receive(ReceiverStream::new(receiver)).await.unwrap();
    for number in 0..50 {
        let document_id = format!("D-{number}");
        let letter = fields("H60", &["G12", "H26"], &document_id, b"content");
        accepted(sender.submit(letter).await.unwrap().into_inner());
    }
    let mut other =
        ExchangeClient::new(channel(&gateway, "lgsp-h26", "VN:GOV:000.00.00.H26:qlvb").await);
    let (_acks, mut deliveries) = receive(&mut other).await;
    let mut arrived = 0;
    while arrived < 50 {
        arrived += deliveries.message().await.unwrap().unwrap().deliveries.len();
    }
    // Another stream of the same member finds what the idle one could not take.
    let (_acks, mut second) = receive(&mut idle).await;
    let mut taken = 0;
    while taken < 46 {
        taken += second.message().await.unwrap().unwrap().deliveries.len();
    }
    drop((unread, requests));
    let rest = second.message().await.unwrap().unwrap().deliveries.len();
    assert_eq!(rest, 4, "what the idle stream held is given back when it ends");
    gateway.stop().await;
}
