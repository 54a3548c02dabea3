//! Services across two processes that share no folder: changed at their home alone, known to both.

use super::{Two, until};
use crate::calls::{changed, right_to};
use lienthong::domain::service::{Service, ServiceChanged, ServiceRecord, ServiceState};
use lienthong::gateway::Gateway;
use lienthong::pipeline::call::NotChanged;
use std::sync::Arc;

const ID: &str = "VN:GOV:000.00.00.G06:DMDC/echo";
const ECHO: &str = "/r1/VN/GOV/G06/DMDC/echo";
const NEW: &str = "VN:GOV:000.00.00.G06:DMDC/moi";
const DENIED: (u16, &str) = (500, "server.serverproxy.access_denied");

fn known(gateway: &Gateway, id: &str) -> Option<Arc<Service>> {
    gateway.pipeline.services().by_id(id).cloned()
}

fn record(home: &str) -> ServiceChanged {
    let record = ServiceRecord {
        version: "2.0".to_owned(),
        title_vi: "Dịch vụ mới".to_owned(),
        kind: "openapi".to_owned(),
        home: home.to_owned(),
        timeout_ms: 1_000,
        calls_max: 10,
        body_bytes_max: 1 << 20,
        description: r#"{"openapi":"3.1.0"}"#.to_owned(),
        ..ServiceRecord::default()
    };
    ServiceChanged { record: Some(Box::new(record)), ..changed(NEW) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_holds_at_once_at_its_home_and_is_seen_by_the_others() {
    let two = Two::start("").await;
    let answer = two.call(ECHO).await;
    assert_eq!(answer.fault(), (200, ""), "{}", answer.text());
    let revoke = ServiceChanged { revoked: right_to("everyone"), ..changed(ID) };
    two.there.plane.change_service(revoke.clone()).await.unwrap();
    assert_eq!(two.call(ECHO).await.fault(), DENIED);
    until("the right is gone here", || known(&two.here, ID).unwrap().rights.is_empty()).await;
    let granted = right_to("VN:GOV:000.00.06.H60:QLVB");
    let grant = ServiceChanged { granted, state: "deprecated".to_owned(), ..changed(ID) };
    let refused = two.here.plane.change_service(grant.clone()).await;
    assert!(
        matches!(&refused, Err(NotChanged::Elsewhere(home)) if home == "lgsp-g06"),
        "{refused:?}"
    );
    assert_eq!(two.call(ECHO).await.fault(), DENIED, "what is refused changes nothing");
    two.there.plane.change_service(grant).await.unwrap();
    let answer = two.call(ECHO).await;
    assert_eq!((answer.fault(), answer.header("deprecation")), ((200, ""), "true"));
    let is_so = |service: &Service| service.rights.len() == 1;
    until("the right is there", || is_so(&known(&two.here, ID).unwrap())).await;
    assert_eq!(known(&two.here, ID).unwrap().state, ServiceState::Deprecated);
    // What was told by a process that is gone is told again by the next, from its journal.
    let two = two.restart().await;
    two.there.plane.change_service(revoke).await.unwrap();
    let state = ServiceChanged { state: "published".to_owned(), ..changed(ID) };
    two.there.plane.change_service(state).await.unwrap();
    until("the new process is heard", || {
        known(&two.here, ID).unwrap().state == ServiceState::Published
    })
    .await;
    assert!(is_so(&known(&two.here, ID).unwrap()), "{:?}", known(&two.here, ID));
    assert_eq!(two.call(ECHO).await.fault(), (200, ""));
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_registered_in_one_process_is_called_through_the_other() {
    let two = Two::start("").await;
    let target = "/r1/VN/GOV/G06/DMDC/moi";
    let elsewhere = two.here.plane.change_service(record("lgsp-g06")).await;
    assert!(matches!(&elsewhere, Err(NotChanged::Elsewhere(home)) if home == "lgsp-g06"));
    two.there.plane.change_service(record("lgsp-g06")).await.unwrap();
    until("it is known here", || known(&two.here, NEW).is_some()).await;
    assert_eq!(two.call(target).await.fault(), DENIED, "a draft has no rights");
    let open = ServiceChanged {
        granted: right_to("H60"),
        state: "published".to_owned(),
        target: "simulated".to_owned(),
        target_name: "echo".to_owned(),
        ..changed(NEW)
    };
    two.there.plane.change_service(open).await.unwrap();
    assert_eq!(two.call(target).await.fault(), (200, ""));
    let told = || known(&two.here, NEW).filter(|service| service.rights.len() == 1);
    until("its right is known here", || told().is_some()).await;
    assert_eq!(told(), known(&two.there, NEW), "all of it is known, its description too");
    // Nobody takes it over: it has a home.
    let taken = two.here.plane.change_service(record("ndxp")).await;
    assert!(matches!(&taken, Err(NotChanged::Refused(_))), "{taken:?}");
    let gone = ServiceChanged { removed: true, ..changed(NEW) };
    two.there.plane.change_service(gone).await.unwrap();
    until("it is gone here", || known(&two.here, NEW).is_none()).await;
    assert_eq!(two.call(target).await.fault().0, 500);
    // Now it may be at another's, and begins anew.
    let moved = two.here.plane.change_service(record("ndxp")).await.unwrap();
    assert_eq!((moved.state, moved.rights.len()), (ServiceState::Draft, 0));
    until("it is known there", || known(&two.there, NEW).is_some()).await;
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_of_the_topology_that_moves_is_nowhere_twice() {
    let two = Two::start("").await;
    let gone = ServiceChanged { removed: true, ..changed(ID) };
    two.there.plane.change_service(gone).await.unwrap();
    until("it is gone here", || known(&two.here, ID).is_none()).await;
    let moving = ServiceChanged { service: ID.to_owned(), ..record("ndxp") };
    two.here.plane.change_service(moving).await.unwrap();
    let home = |gateway: &Gateway| {
        let home = known(gateway, ID).map(|service| service.home);
        home.and_then(|home| gateway.topology.platform(home)).map(|home| home.name.to_string())
    };
    until("both know where it is", || {
        [&two.here, &two.there].into_iter().all(|one| home(one).as_deref() == Some("ndxp"))
    })
    .await;
    let rights = [&two.here, &two.there].map(|one| known(one, ID).unwrap().rights.len());
    assert_eq!(rights, [0, 0], "rights given at the former home are over");
    // One that restarts hears of both again.
    let two = two.restart().await;
    until("it is heard again", || home(&two.there).as_deref() == Some("ndxp")).await;
    two.stop().await;
}
