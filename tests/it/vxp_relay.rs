//! The security server, and connections that last: who is let in, what is reused, and what happens when the
//! platform is gone, silent or slow.

use crate::vxp_wire::{COUNTRY, Call, H60, Way, ask, connect, edxml, list, read_reply, send};
use crate::world::{start, start_only, topology};
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_serves_one_call_after_the_other() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.06.H60"], 1);
    for way in [Way::Plain, Way::Mtls] {
        let mut stream = connect(&gateway, way, "h60", H60).await;
        let calls =
            [send(&file), list(), Call::of("//getSentEdocList"), Call::of("/countReceiveEdoc")];
        for call in calls {
            stream.write_all(&call.bytes()).await.unwrap();
            assert_eq!(read_reply(&mut stream).await.unwrap().code().0, "0", "{}", call.path);
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_security_server_whose_platform_is_silent_or_gone_answers_code_20() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for (held, code) in [(Some(silent), "LT-D505"), (None, "LT-D505")] {
        let data = tempfile::tempdir().unwrap();
        let text = COUNTRY.replace("relay_timeout_ms = 5_000", "relay_timeout_ms = 300").replace(
            "name = \"lgsp-h60\"",
            &format!("name = \"lgsp-h60\"\nport = {port}\nlisteners = [\"mtls\"]"),
        );
        let gateway = start_only(&topology(&text), data.path(), &["ss-h60"], true).await;
        let file = edxml("000.00.00.H60", &["000.00.06.H60"], 1);
        let reply = ask(&gateway, Way::Plain, send(&file)).await;
        assert_eq!(reply.code(), ("20".into(), code.into()));
        assert_eq!(reply.json()["DocId"], "");
        assert!(reply.field("Retry-After").is_none());
        let download = Call::of("/downloadEdoc").with("docId", "x");
        assert!(ask(&gateway, Way::Plain, download).await.body.is_empty());
        gateway.stop().await;
        drop(held);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_must_use_tls_is_not_relayed_from_the_plain_port() {
    for connection in ["sslnoauth", "sslauth"] {
        let data = tempfile::tempdir().unwrap();
        let strict = format!("systemid = \"vxp.h60\"\nconnection = \"{connection}\"");
        let text = COUNTRY.replace("systemid = \"vxp.h60\"", &strict);
        let gateway = start(&topology(&text), data.path()).await;
        let reply = ask(&gateway, Way::Plain, list()).await;
        assert_eq!(reply.code().1, "LT-D101", "{connection}");
        assert_eq!(ask(&gateway, Way::Mtls, list()).await.code().0, "0", "{connection}");
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_security_server_answers_at_its_deadline() {
    let data = tempfile::tempdir().unwrap();
    let text = COUNTRY
        .replace("relay_timeout_ms = 5_000", "relay_timeout_ms = 1_000\ndrain_timeout_ms = 0")
        .replace(
            "name = \"lgsp-h60\"",
            "name = \"lgsp-h60\"\nconditions = { documents_per_s = 0.001, workers = 1, queue = 5 }",
        );
    let gateway = start(&topology(&text), data.path()).await;
    let mut codes = Vec::new();
    for number in 1..=3 {
        let file = edxml("000.00.00.H60", &["000.00.06.H60"], number);
        codes.push(ask(&gateway, Way::Plain, send(&file)).await.code());
        if codes.last().unwrap().0 != "0" {
            break;
        }
    }
    assert_eq!(codes.last().unwrap(), &("20".into(), "LT-D506".into()));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_the_platform_closed_meanwhile_is_not_used() {
    let data = tempfile::tempdir().unwrap();
    let text = COUNTRY.replace(
        "relay_timeout_ms = 5_000",
        "relay_timeout_ms = 5_000\nidle_timeout_ms = 300\nhead_timeout_ms = 300",
    );
    let gateway = start(&topology(&text), data.path()).await;
    for _ in 0..3 {
        assert_eq!(ask(&gateway, Way::Plain, list()).await.code().0, "0");
        // Idle for less time than the security server's, and closed by the platform all the same.
        let mut witness = connect(&gateway, Way::Mtls, "h60", H60).await;
        witness.write_all(&list().bytes()).await.unwrap();
        assert_eq!(read_reply(&mut witness).await.unwrap().code().0, "0");
        assert!(read_reply(&mut witness).await.is_none());
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_member_is_refused_on_open_connections_and_new_ones() {
    use lienthong::pki::{Holder, MemberId, Reason, Which};
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let mut open = connect(&gateway, Way::Mtls, "h60", H60).await;
    open.write_all(&list().bytes()).await.unwrap();
    assert_eq!(read_reply(&mut open).await.unwrap().code().0, "0");
    assert_eq!(ask(&gateway, Way::Plain, list()).await.code().0, "0");
    let member = Which::Holder(Holder::Member(MemberId::parse(H60).unwrap()));
    let now = lienthong::clock::Clock::now(&*gateway.clock);
    gateway.pki.revoke(&member, Reason::KeyCompromise, now).unwrap();
    assert!(gateway.reload().is_empty());
    open.write_all(&list().bytes()).await.unwrap();
    let reply = read_reply(&mut open).await.unwrap();
    assert_eq!(reply.code(), ("15".into(), "LT-D105".into()));
    // The security server's connection of before is open still; what comes over it is refused.
    assert_eq!(ask(&gateway, Way::Plain, list()).await.code().0, "15");
    // A client of TLS 1.3 learns of it when it reads.
    let mut fresh = connect(&gateway, Way::Mtls, "h60", H60).await;
    fresh.write_all(&list().bytes()).await.ok();
    assert!(read_reply(&mut fresh).await.is_none());
    gateway.stop().await;
}
