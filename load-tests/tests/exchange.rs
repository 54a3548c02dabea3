//! The generator against a small exchange of its own over real mTLS, which can be told to misbehave.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod mini;

use std::time::Duration;

use lienthong_load::{Limit, LoadError, Mode, Plan, Report, run};

use mini::{Faults, Material};

fn plan(material: &Material, address: String) -> Plan {
    Plan {
        sender: "H53".to_owned(),
        receivers: (0..6).map(|number| format!("G{number:02}")).collect(),
        warm_up: Duration::from_millis(100),
        duration: Duration::from_millis(500),
        server_pid: Some(std::process::id()),
        ..Plan::canonical(address, material.paths("sender"), material.paths("receiver"))
    }
}

async fn report(mode: Mode, rate: Option<f64>, faults: Faults) -> Report {
    let material = Material::new();
    let address = mini::serve(&material, faults).await;
    run(&Plan { mode, rate, ..plan(&material, address) }).await.unwrap()
}

const STREAMED: Mode = Mode::Streamed { connections: 2, window: 32, batch: 8 };
const UNARY: Mode = Mode::Unary { connections: 2, in_flight: 8 };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mode_brings_every_document_exactly_once() {
    for mode in [STREAMED, UNARY, Mode::Single] {
        let report = report(mode, None, Faults::default()).await;
        let judged = &report.judgement;
        assert!(judged.is_clean(), "{}", report.text());
        assert!(judged.accepted > 20 && judged.delivered == judged.accepted, "{}", report.text());
        assert_eq!((judged.sent, judged.unanswered), (judged.accepted, 0));
        assert!(report.exchanges > 0 && report.receipt.count > 0 && report.delivery.count > 0);
        assert!(report.errors.is_empty() && report.limits.contains(&Limit::Window));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_loop_keeps_its_rate() {
    for mode in [STREAMED, UNARY] {
        let report = report(mode, Some(400.0), Faults::default()).await;
        // Counted by intended moment, so a busy machine makes documents late, not fewer.
        assert!((195..=205).contains(&report.receipt.count), "{}", report.text());
        assert!(report.judgement.is_clean(), "{}", report.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_was_due_during_a_stall_is_late() {
    for mode in [Mode::Streamed { connections: 1, window: 8, batch: 8 }, Mode::Single] {
        let stall = Faults { stall_once: Duration::from_millis(400), ..Faults::default() };
        let report = report(mode, Some(400.0), stall).await;
        // A closed loop would have seen one slow answer, or one slow window.
        assert!(report.receipt.p50_us > 50_000.0, "{}", report.text());
        assert!(report.receipt.max_us > 350_000.0, "{}", report.text());
        assert!(!report.limits.contains(&Limit::LateSends), "{}", report.text());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_misdeed_of_a_server_is_found() {
    let judged = |faults| async { report(STREAMED, Some(500.0), faults).await.judgement };
    let every = 10;
    let lost = judged(Faults { lose_every: every, ..Faults::default() }).await;
    assert!(lost.lost > 10 && lost.duplicated == 0, "{lost:?}");
    let doubled = judged(Faults { double_every: every, ..Faults::default() }).await;
    assert!(doubled.duplicated > 10 && doubled.lost == 0, "{doubled:?}");
    let corrupted = judged(Faults { corrupt_every: every, ..Faults::default() }).await;
    assert!(corrupted.corrupted > 10 && corrupted.lost == 0, "{corrupted:?}");
    let strayed = judged(Faults { misdeliver_every: every, ..Faults::default() }).await;
    assert!(strayed.misdelivered > 10, "{strayed:?}");
    let haunted = judged(Faults { refuse_but_deliver_every: every, ..Faults::default() }).await;
    assert!(haunted.refused_but_delivered > 10 && haunted.lost == 0, "{haunted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_counted_by_code_and_named_as_the_limit() {
    let report = report(UNARY, None, Faults { refuse_every: 2, ..Faults::default() }).await;
    assert!(report.judgement.is_clean() && report.judgement.refused > 10, "{}", report.text());
    assert_eq!(report.errors["LT-BUSY"], report.judgement.refused);
    assert!(report.limits.contains(&Limit::Refusals));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_not_in_the_stream_is_fetched() {
    let report = report(STREAMED, None, Faults { bodies_apart: true, ..Faults::default() }).await;
    assert!(report.judgement.is_clean() && report.judgement.delivered > 20, "{}", report.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_gets_no_connection() {
    let (material, stranger) = (Material::new(), Material::new());
    let address = mini::serve(&material, Faults::default()).await;
    let mut plan = plan(&material, address);
    plan.sender_tls.ca = material.paths("sender").ca;
    plan.sender_tls.cert = stranger.paths("sender").cert;
    plan.sender_tls.key = stranger.paths("sender").key;
    let report = run(&plan).await;
    // With TLS 1.3 the refusal comes after the client's handshake, so the first request may carry it.
    match report {
        Err(LoadError::Connect { .. }) => {}
        Ok(report) => assert_eq!(report.judgement.accepted, 0),
        Err(other) => assert_eq!(other.to_string(), "no connection"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bare_peer_answers_every_document() {
    let material = Material::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let tls = material.paths("server");
    tokio::spawn(async move {
        lienthong_load::peers::echo::serve(listener, &tls, std::future::pending()).await
    });
    for mode in [STREAMED, UNARY] {
        let plan = Plan { mode, receive_streams: 0, ..plan(&material, address.clone()) };
        let report = run(&plan).await.unwrap();
        assert!(report.exchanges > 20 && report.judgement.is_clean(), "{}", report.text());
        assert_eq!(report.judgement.accepted, report.judgement.sent);
    }
}

#[tokio::test]
async fn an_impossible_plan_is_refused_before_anything_is_opened() {
    let material = Material::new();
    let good = plan(&material, "127.0.0.1:1".to_owned());
    for bad in [
        Plan { addresses: Vec::new(), ..good.clone() },
        Plan { receivers: Vec::new(), ..good.clone() },
        Plan { rate: Some(f64::NAN), ..good.clone() },
        Plan { mode: Mode::Streamed { connections: 1, window: 0, batch: 1 }, ..good.clone() },
    ] {
        assert!(matches!(run(&bad).await, Err(LoadError::Plan(_))));
    }
    assert!(matches!(run(&good).await, Err(LoadError::Connect { .. })));
}
