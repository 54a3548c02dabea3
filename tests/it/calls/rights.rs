//! Rights while calls run, and over a restart.

use super::{CLIENT, COUNTRY, Country, changed, right_to};
use crate::world::{start, topology};
use lienthong::domain::service::ServiceChanged;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const ID: &str = "VN:GOV:000.00.00.G06:DMDC/echo";
const ECHO: &str = "/r1/VN/GOV/G06/DMDC/echo";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_revoked_during_load_stops_the_next_call() {
    let country = Arc::new(Country::start().await);
    let (revoked, passed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (country, revoked, passed) =
            (Arc::clone(&country), Arc::clone(&revoked), Arc::clone(&passed));
        callers.spawn(async move {
            for _ in 0..10_000 {
                let was_revoked = revoked.load(Ordering::SeqCst);
                let answer = country.call("GET", ECHO, b"").await;
                let is_refused = answer.fault().1 == "server.serverproxy.access_denied";
                assert!(is_refused || !was_revoked, "a call passed after the right was gone");
                if is_refused {
                    return;
                }
                passed.fetch_add(1, Ordering::SeqCst);
            }
            panic!("the right was never gone");
        });
    }
    while passed.load(Ordering::SeqCst) < 50 {
        tokio::task::yield_now().await;
    }
    country.change(ServiceChanged { revoked: right_to("everyone"), ..changed(ID) }).await;
    revoked.store(true, Ordering::SeqCst);
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    Arc::into_inner(country).unwrap().gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_granted_and_switched_is_so_after_a_restart() {
    let mut country = Country::start().await;
    let denied = (500, "server.serverproxy.access_denied");
    let draft = ServiceChanged { state: "draft".to_owned(), ..changed(ID) };
    country.change(draft).await;
    assert_eq!(country.call("GET", ECHO, b"").await.fault(), denied);
    let published = ServiceChanged {
        state: "deprecated".to_owned(),
        revoked: right_to("everyone"),
        granted: right_to("VN:GOV:000.00.06.H60:QLVB"),
        ..changed(ID)
    };
    country.change(published).await;
    for round in 0..2 {
        let answer = country.call("GET", ECHO, b"").await;
        assert_eq!((answer.fault(), answer.header("deprecation")), ((200, ""), "true"), "{round}");
        country.gateway.stop().await;
        country.gateway = start(&topology(COUNTRY), country.data.path()).await;
    }
    let found = country.gateway.pipeline.services().by_id(ID).cloned().unwrap();
    assert!(found.is_changed && found.rights.len() == 1);
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_speaks_for_its_own_members_only() {
    let country = Country::start().await;
    // The database's security server, with its own key, says that a province's system calls.
    let answer = hop(&country, "ss-db", "VN:GOV:000.00.06.H60:QLVB").await;
    assert_eq!(answer, "LT-S102");
    // NDXP lies on the way from there, and may.
    let answer = hop(&country, "ndxp", "VN:GOV:000.00.06.H60:QLVB").await;
    assert_eq!(answer, "");
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_its_caller_gives_up_is_in_the_evidence() {
    let country = Country::start().await;
    let hangs = lienthong::domain::behaviour::Behaviour { hangs: true, ..Default::default() };
    country.gateway.host.set_behaviour("echo", hangs);
    let platforms = country.gateway.plane.platforms();
    let platform = platforms.iter().find(|p| &*p.name == "lgsp-g06").unwrap();
    tokio::select! {
        biased;
        _ = hop(&country, "ndxp", "VN:GOV:000.00.06.H60:QLVB") => panic!("it hangs"),
        () = async { while platform.door.under_way() == 0 { tokio::task::yield_now().await } } => {}
    }
    while platform.evidence.head().number == 0 {
        tokio::task::yield_now().await;
    }
    let record = country.records("lgsp-g06", "r").await.remove(0);
    assert_eq!((&record["faultCode"], &record["succeeded"]), (&"LT-S108".into(), &false.into()));
    country.gateway.stop().await;
}

/// A call handed to `lgsp-g06` in the name of a platform; the code of the fault.
async fn hop(country: &Country, platform: &str, client: &str) -> String {
    use http_body_util::{BodyExt, Full};
    let name = lienthong::pki::PlatformName::new(platform).unwrap();
    let files = country.gateway.pki.bundle(&lienthong::pki::Holder::Platform(name));
    let address = crate::world::address(&country.gateway, "lgsp-g06");
    let mut config = (*crate::world::client_config(&files)).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let server = rustls_pki_types::ServerName::IpAddress(address.ip().into());
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect(server, stream).await.unwrap();
    let executor = hyper_util::rt::TokioExecutor::new();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    tokio_util::task::TaskTracker::new().spawn(connection);
    let request = http::Request::builder()
        .uri("https://platform/call/v1")
        .header("lt-client", client)
        .header("lt-service", ID)
        .header("lt-request-id", "r")
        .header("lt-message-id", "m")
        .header("lt-first", platform)
        .header("lt-hops-left", "5")
        .header("lt-left-ms", "1000")
        .header("x-road-client", CLIENT)
        .body(Full::<bytes::Bytes>::default())
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    let fault = response.headers().get("lt-fault");
    let fault = fault.map(|code| code.to_str().unwrap().to_owned()).unwrap_or_default();
    response.into_body().collect().await.unwrap();
    fault
}
