//! Systems that misbehave and links that break: who is to blame is told right, and nobody waits for ever.

use super::{COUNTRY, Country, changed, http_answer, system};
use bytes::Bytes;
use lienthong::domain::behaviour::Behaviour;
use lienthong::domain::conditions::{LinkConditions, PlatformConditions};
use lienthong::domain::service::ServiceChanged;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::task::TaskTracker;

const REAL: &str = "/r1/VN/GOV/G01/DB/real";
const ECHO: &str = "/r1/VN/GOV/G06/DMDC/echo";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_fails_is_blamed_and_not_the_platforms() {
    let (country, tasks) = (Country::start().await, TaskTracker::new());
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hangs = format!("http://{}", silent.local_addr().unwrap());
    let good = http_answer("405 Method Not Allowed", "content-type: application/json\r\n", "{}");
    for (address, status, code, ours) in [
        ("http://127.0.0.1:1".to_owned(), 500, "network_error", "LT-S401"),
        ("http://không-có.invalid:1".to_owned(), 500, "", ""),
        ("http://no-such-host.invalid:1".to_owned(), 500, "unknown_host", "LT-S402"),
        (hangs, 500, "network_error", "LT-S404"),
        (system(Bytes::from("garbage\r\n\r\n"), &tasks).await, 500, "http_error", "LT-S406"),
        (system(Bytes::new(), &tasks).await, 500, "io_error", "LT-S405"),
        (system(good, &tasks).await, 405, "", ""),
    ] {
        if address.parse::<http::Uri>().is_err() {
            continue;
        }
        country.answer_with(&address).await;
        let answer = country.call("GET", REAL, b"").await;
        let code = if code.is_empty() {
            String::new()
        } else {
            format!("server.serverproxy.service_failed.{code}")
        };
        assert_eq!(answer.fault(), (status, &*code), "{address}: {}", answer.text());
        assert!(answer.text().contains(ours), "{address}: {}", answer.text());
        let side = if ours.is_empty() { serde_json::Value::Null } else { "system".into() };
        if !ours.is_empty() {
            let found = lienthong_newest(&country).await;
            assert_eq!((&found["faultCode"], &found["faultSide"]), (&ours.into(), &side));
            assert_eq!(found["faultAt"], "ss-db");
        }
    }
    country.gateway.stop().await;
}

/// The newest record of the consumer's security server.
async fn lienthong_newest(country: &Country) -> serde_json::Value {
    country.records("ss-h60", "").await.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_keeps_failing_is_left_alone() {
    let text = COUNTRY.replace(
        "call_timeout_ms",
        "breaker_failures_max = 3\nbreaker_pause_ms = 300\ncall_timeout_ms",
    );
    let (country, tasks) = (Country::start_with(&text).await, TaskTracker::new());
    for _ in 0..3 {
        assert!(country.call("GET", REAL, b"").await.text().contains("LT-S401"));
    }
    assert!(country.call("GET", REAL, b"").await.text().contains("LT-S306"));
    country.answer_with(&system(http_answer("200 OK", "", "well"), &tasks).await).await;
    let mut answer = country.call("GET", REAL, b"").await;
    while answer.text().contains("LT-S306") {
        answer = country.call("GET", REAL, b"").await;
    }
    assert_eq!(answer.text(), "well", "after the pause it is asked again");
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_and_platforms_obey_their_conditions() {
    let country = Country::start().await;
    let child = country.gateway.topology.platform_named("ss-h60").unwrap().ix;
    let link = &country.gateway.link_conditions[&child];
    *link.lock() = LinkConditions { down: true, ..LinkConditions::default() };
    let answer = country.call("GET", ECHO, b"").await;
    assert_eq!(answer.fault(), (500, "server.clientproxy.network_error"));
    assert!(answer.text().contains("LT-S203"), "{}", answer.text());
    *link.lock() = LinkConditions { latency_ms: Some(60), ..LinkConditions::default() };
    let answer = country.call("GET", ECHO, b"").await;
    assert_eq!(answer.status, 200);
    let record = country.records("ss-h60", answer.header("x-road-request-id")).await.remove(0);
    let took = record["responseInTs"].as_u64().unwrap() - record["requestOutTs"].as_u64().unwrap();
    assert!(took >= 120, "there and back: {took} ms");
    *link.lock() = LinkConditions::default();
    let ndxp = country.gateway.plane.platforms().iter().find(|p| &*p.name == "ndxp").unwrap();
    let slow = PlatformConditions {
        calls_per_s: Some(0.01),
        queue: Some(0),
        ..PlatformConditions::default()
    };
    ndxp.door.set_conditions(slow);
    let answers = [country.call("GET", ECHO, b"").await, country.call("GET", ECHO, b"").await];
    assert_eq!(answers[0].status, 200);
    assert!(answers[1].text().contains("LT-S109"), "{}", answers[1].text());
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulated_system_behaves_as_it_is_told() {
    let country = Country::start().await;
    let dmdc = "/r1/VN/GOV/G06/DMDC/dmdc/AllCategory";
    let host = &country.gateway.host;
    for (behaviour, code) in [
        (Behaviour { maintenance: true, ..Behaviour::default() }, "LT-S408"),
        (Behaviour { failure: Some(1.0), ..Behaviour::default() }, "failure by its conditions"),
        (Behaviour { hangs: true, ..Behaviour::default() }, "LT-S404"),
    ] {
        host.set_behaviour("dmdc", behaviour.clone());
        let answer = country.call("GET", dmdc, b"").await;
        assert!(answer.text().contains(code), "{behaviour:?}: {}", answer.text());
    }
    host.reset();
    assert_eq!(country.call("GET", dmdc, b"").await.status, 200);
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_is_repeated_without_the_system() {
    let (country, tasks) = (Country::start().await, TaskTracker::new());
    let id = "VN:GOV:000.00.00.G01:DB/real";
    let answered = http_answer("200 OK", "content-type: text/plain\r\n", "recorded once");
    let target = |word: &str, name: &str| ServiceChanged {
        target: word.to_owned(),
        target_name: name.to_owned(),
        ..changed(id)
    };
    country.change(target("record", &system(answered, &tasks).await)).await;
    assert_eq!(country.call("GET", &format!("{REAL}/x?a=1"), b"").await.text(), "recorded once");
    country.change(target("simulated", "recorded")).await;
    let again = country.call("GET", &format!("{REAL}/x?a=1"), b"").await;
    assert_eq!(
        (again.text().as_str(), again.header("content-type")),
        ("recorded once", "text/plain")
    );
    let other = country.call("GET", &format!("{REAL}/y"), b"").await;
    // Without the query, which may hold what is known of a person.
    assert_eq!((other.status.as_u16(), &other.json()["nearest"][0]), (404, &"GET /x".into()));
    // And by the next process on the same data folder.
    let Country { gateway, data } = country;
    gateway.stop().await;
    let gateway = crate::world::start(&crate::world::topology(COUNTRY), data.path()).await;
    let country = Country { gateway, data };
    let again = country.call("GET", &format!("{REAL}/x?a=1"), b"").await;
    assert_eq!(again.text(), "recorded once");
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_behaves_as_the_topology_says_until_it_is_told_otherwise() {
    let text = format!(
        "{COUNTRY}\n[[provider]]\nname = \"echo\"\n[provider.behaviour]\ncallers = [\"G12\"]\n"
    );
    let country = Country::start_with(&text).await;
    let asked = async || country.call("GET", ECHO, b"").await;
    let answer = asked().await;
    assert_eq!(answer.status, 403, "not on its list: {}", answer.text());
    // The system's own word, not a platform's.
    assert!(
        answer.text().contains("is not on its list") && answer.header("x-road-error").is_empty()
    );
    let host = &country.gateway.host;
    let often = Behaviour { calls_per_minute: Some(2), ..Behaviour::default() };
    host.set_behaviour("echo", often);
    let mut statuses = Vec::new();
    // A minute may end in between: of five calls two or three are too many.
    for _ in 0..5 {
        statuses.push(asked().await.status.as_u16());
    }
    assert!(statuses.starts_with(&[200]) && statuses.contains(&429), "{statuses:?}");
    host.set_behaviour("echo", Behaviour::default());
    assert_eq!(asked().await.status, 200);
    host.reset();
    assert_eq!(asked().await.status, 403);
    country.gateway.stop().await;
}

/// A real system that answers as long as a connection stands, and how many connections it has seen.
async fn steady(answer: Bytes, tasks: &TaskTracker) -> (String, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (seen, own) = (Arc::new(AtomicUsize::new(0)), tasks.clone());
    let count = Arc::clone(&seen);
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            own.spawn(async move {
                let mut read = Vec::new();
                loop {
                    let mut piece = [0; 4096];
                    match stream.read(&mut piece).await {
                        Ok(count) if count > 0 => read.extend_from_slice(&piece[..count]),
                        _ => return,
                    }
                    if read.ends_with(b"\r\n\r\n") {
                        read.clear();
                        stream.write_all(&answer).await.unwrap();
                    }
                }
            });
        }
    });
    (address, seen)
}

/// One thread: a connection has come to rest before anybody hears of its answer.
#[tokio::test]
async fn calls_to_a_real_system_go_over_one_connection_as_long_as_it_may_stand() {
    const CALLS: usize = 20;
    let tasks = TaskTracker::new();
    for (idle_ms, headers, expected) in
        [(3_600_000, "", 1), (3_600_000, "connection: close\r\n", CALLS), (0, "", CALLS)]
    {
        let limits = format!("[limits]\nprovider_idle_ms = {idle_ms}\n");
        let country = Country::start_with(&COUNTRY.replace("[limits]\n", &limits)).await;
        let (address, seen) = steady(http_answer("200 OK", headers, "{}"), &tasks).await;
        country.answer_with(&address).await;
        for _ in 0..CALLS {
            let answer = country.call("GET", REAL, b"").await;
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        assert_eq!(seen.load(Ordering::SeqCst), expected, "{idle_ms} {headers:?}");
        country.gateway.stop().await;
    }
}
