//! The face of the document axis, asked by a client that writes its own bytes.

use crate::vxp_wire::{
    COUNTRY, Call, H60, Way, arrived, ask, ask_bytes, connect, edxml, list, read_reply, send,
};
use crate::world::{start, topology};
use std::collections::BTreeSet;
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_proves_itself_or_gets_code_15() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let bad_mac = Call { secret: "another", ..list() };
    let unknown = Call { systemid: "nobody", ..list() };
    let sibling = Call { systemid: "vxp.h60.06", secret: "TEST-SECRET-h60.06", ..list() };
    let elsewhere = list().by_g12();
    for (way, call, code) in [
        (Way::Plain, &bad_mac, "LT-D102"),
        (Way::Mtls, &bad_mac, "LT-D102"),
        (Way::Tls, &bad_mac, "LT-D102"),
        (Way::Plain, &unknown, "LT-D101"),
        (Way::Mtls, &unknown, "LT-D101"),
        (Way::Tls, &unknown, "LT-D101"),
        // The systemid of another member on this certificate.
        (Way::Mtls, &sibling, "LT-D104"),
        (Way::Mtls, &elsewhere, "LT-D101"),
        (Way::Tls, &elsewhere, "LT-D101"),
    ] {
        let reply = ask_bytes(&gateway, way, "h60", &call.bytes()).await.unwrap();
        assert_eq!(reply.code(), ("15".into(), code.into()), "{way:?}");
        assert!(reply.head.starts_with("HTTP/1.1 200 OK\r\n"));
    }
    // One security server serves both members of H60; each goes out with its own certificate.
    for call in [list(), sibling] {
        for way in [Way::Plain, Way::Tls] {
            let reply = ask_bytes(&gateway, way, "h60", &call.bytes()).await.unwrap();
            assert_eq!(reply.code().0, "0");
        }
    }
    // A member without a secret has its certificate and nothing else.
    let bare = Call { systemid: "vxp.nosecret", secret: "none", ..list() }.bytes();
    let mut stream = connect(&gateway, Way::Mtls, "h60", "VN:GOV:000.00.06.H60:QLVB2").await;
    stream.write_all(&bare).await.unwrap();
    assert_eq!(read_reply(&mut stream).await.unwrap().code().0, "0");
    let reply = ask_bytes(&gateway, Way::Tls, "h60", &bare).await.unwrap();
    assert_eq!(reply.code(), ("15".into(), "LT-D103".into()));
    // A signed header that was changed on the way.
    let text = String::from_utf8(list().bytes()).unwrap();
    let changed = text.replacen("messagetype: edoc", "messagetype: status", 1);
    let reply = ask_bytes(&gateway, Way::Tls, "h60", changed.as_bytes()).await.unwrap();
    assert_eq!(reply.code(), ("15".into(), "LT-D102".into()));
    let unsigned = b"POST /getAgenciesList HTTP/1.1\r\nXroadVnpt-systemid: vxp.h60\r\nContent-Length: 0\r\n\r\n";
    let reply = ask_bytes(&gateway, Way::Mtls, "h60", unsigned).await.unwrap();
    assert_eq!(reply.code().0, "15");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_accepted_is_refused_with_the_numbers_of_the_field() {
    let data = tempfile::tempdir().unwrap();
    let text = COUNTRY.replace(
        "relay_timeout_ms = 5_000",
        "relay_timeout_ms = 5_000\nbody_bytes_max = 65_536\nchunk_bytes_max = 65_536\ninline_body_bytes_max = 65_536",
    );
    let gateway = start(&topology(&text), data.path()).await;
    let axis = gateway.pipeline.platforms().iter().find(|p| p.name == "axis").unwrap();
    let locked = lienthong::domain::agency::AgencyCode::parse("G12").unwrap();
    gateway.pipeline.lock(axis, &locked, true).await.unwrap();
    let good = edxml("000.00.00.H60", &["000.00.06.H60"], 1);
    let wrong_hash = Call { body: [&good[..], b"x\r\n"].concat(), ..send(&good) };
    let mut large = send(&good);
    large.body = vec![b'x'; 70_000];
    let foreign_header = send(&good).with("from", "000.00.00.G12");
    let mut kind = send(&good);
    kind.parameters[1].1 = b"letter".to_vec();
    for (call, code) in [
        (wrong_hash, ("10", "LT-D203")),
        (large, ("10", "LT-D202")),
        (send(b""), ("10", "LT-D201")),
        (send(b"hello, no XML at all"), ("22", "LT-D205")),
        (send(b"<html/>"), ("22", "LT-D209")),
        (send(&edxml("000.00.00.H60", &["000.00.00.Q99"], 2)), ("18", "LT-D302")),
        (send(&edxml("000.00.00.H60", &["000.00.00.G12"], 3)), ("23", "LT-D304")),
        (send(&edxml("000.00.00.G12", &["000.00.00.H60"], 4)), ("19", "LT-D112")),
        (foreign_header, ("19", "LT-D112")),
        (kind, ("-1", "LT-D408")),
        (
            Call::of("/updateStatus").with("status", "finished").with("docid", "x"),
            ("-1", "LT-D408"),
        ),
        (Call::of("/updateStatus").with("status", "done"), ("-1", "LT-D407")),
        (Call::of("/getEdoc").with("docId", "no-such"), ("-1", "LT-D402")),
        (list().with("fromDate", "yesterday"), ("-1", "LT-D408")),
        (Call::of("/deleteAgency").with("AgencyCode", "000.00.00.G12"), ("-1", "LT-D603")),
        (Call::of("/registerAgency"), ("-1", "LT-D408")),
        (Call::of("/getEdocs"), ("-1", "LT-D411")),
    ] {
        for way in [Way::Plain, Way::Tls] {
            let reply = ask(&gateway, way, call.clone()).await;
            assert_eq!(reply.code(), (code.0.into(), code.1.into()), "{} {way:?}", call.path);
            if call.path == "/sendEdoc" {
                assert!(reply.body.is_ascii());
                assert_eq!(reply.json()["DocId"], "");
            }
        }
    }
    // Neither narrows the recipients: a leaked `to` names others, and a bare one is never meant.
    for (number, to) in [(5, "[\"000.00.00.H41\"]"), (6, "000.00.00.H41")] {
        let file = edxml("000.00.00.H60", &["000.00.06.H60"], number);
        assert_eq!(ask(&gateway, Way::Tls, send(&file).with("to", to)).await.code().0, "0");
    }
    // A locked receiver refuses only itself, and the sender is told.
    let file = edxml("000.00.00.H60", &["000.00.06.H60", "000.00.00.G12"], 7);
    let reply = ask(&gateway, Way::Tls, send(&file)).await;
    assert_eq!(reply.code().0, "0");
    assert!(reply.json()["ErrorDesc"].as_str().unwrap().ends_with("000.00.00.G12 LT-D304"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_gets_the_first_doc_id_and_other_bytes_do_not() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.00.G12"], 1);
    let call = send(&file);
    // The answer to the first is never read.
    let mut dropped = connect(&gateway, Way::Plain, "h60", H60).await;
    dropped.write_all(&call.bytes()).await.unwrap();
    drop(dropped);
    let first = ask(&gateway, Way::Plain, call.clone()).await;
    let again = ask(&gateway, Way::Mtls, call).await;
    assert_eq!(first.code().0, "0");
    assert_eq!(first.json()["DocId"], again.json()["DocId"]);
    let text = String::from_utf8(first.body.clone()).unwrap();
    assert!(
        text.starts_with(
            r#"{"status":"OK","ErrorCode":"0","ErrorDesc":"Th\u00e0nh c\u00f4ng","DocId":""#
        ),
        "{text}"
    );
    let other = String::from_utf8(file).unwrap().replace("V/v", "Về việc");
    let refused = ask(&gateway, Way::Mtls, send(other.as_bytes())).await;
    assert_eq!(refused.code(), ("21".into(), "LT-D401".into()));
    assert_eq!(arrived(&gateway, 1).await.len(), 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_to_header_in_json_narrows_the_recipients() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.00.G12", "000.00.06.H60"], 1);
    let reply = ask(&gateway, Way::Plain, send(&file).with("to", "[\"000.00.06.H60\"]")).await;
    assert_eq!(reply.code().0, "0");
    let sent = ask(&gateway, Way::Plain, Call::of("/getSentEdocList")).await.json();
    let rows = sent["data"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["toCode"], "000.00.06.H60");
    gateway.stop().await;
}

// wire/vxp.md 1.6 and design.md 2.6.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_description_that_no_hmac_covers_counts_where_the_channel_says_who_calls() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.00.G12"], 1);
    assert_eq!(ask(&gateway, Way::Plain, send(&file)).await.code().0, "0");
    let items = arrived(&gateway, 1).await;
    let doc_id = items[0]["docId"].as_str().unwrap();
    // Low bytes of `Đã nhận, Ăn đ ă`, signed as UTF-8.
    let garbled = b"\x10\xe3 nh\xadn, \x02n \x11 \x03";
    let update = || {
        let call = Call { secret: "signed over other bytes", ..Call::of("/updateStatus") };
        let mut call = Call { systemid: "vxp.g12", ..call }
            .with("status", "processing")
            .with("docId", "left-over")
            .with("docid", doc_id)
            .with("description", garbled);
        call.body = b"{}".to_vec();
        call.extra = "Expect: 100-continue\r\n";
        call
    };
    assert_eq!(ask(&gateway, Way::Tls, update()).await.code(), ("15".into(), "LT-D103".into()));
    for way in [Way::Plain, Way::Mtls] {
        assert_eq!(ask(&gateway, way, update()).await.code().0, "0", "{way:?}");
        let list = Call { secret: "x", ..list().by_g12().with("description", garbled) };
        let code = ask(&gateway, way, list).await.code();
        assert_eq!(code, ("15".into(), "LT-D103".into()), "{way:?}");
    }
    // What can be restored of it reaches the sender.
    let mut events = gateway.pipeline.subscribe_events();
    loop {
        let sent = ask(&gateway, Way::Plain, Call::of("/getSentEdocList")).await.json();
        if sent["data"][0]["receiveStatus"] == "processing" {
            let words = sent["data"][0]["receiveStatusDesc"].as_str().unwrap();
            assert!(words.ends_with("Đ\u{fffd} nh\u{fffd}n, Ăn đ ă"), "{words}");
            break;
        }
        events.recv().await.unwrap();
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_filter_by_state_and_date_and_codes_close_an_item() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.00.G12"], 1);
    assert_eq!(ask(&gateway, Way::Plain, send(&file)).await.code().0, "0");
    let items = arrived(&gateway, 1).await;
    let doc_id: &'static str = items[0]["docId"].as_str().unwrap().to_owned().leak();
    let count = async |call: Call| {
        ask(&gateway, Way::Mtls, call.by_g12()).await.json()["data"].as_array().unwrap().len()
    };
    assert_eq!(count(list().with("status", "initial")).await, 1);
    assert_eq!(count(list().with("status", "DONE")).await, 0);
    assert_eq!(count(list().with("status", "done").with("docid", "left-over")).await, 1);
    assert_eq!(count(list().with("toDate", "31/12/2025 23:59:59")).await, 0);
    assert_eq!(count(list().with("fromDate", "2020/01/01").with("toDate", "2099-12-31")).await, 1);
    assert_eq!(count(list().with("to", "[\"000.00.00.H60\"]")).await, 1);
    assert_eq!(count(list().with("to", "000.00.00.G12")).await, 1);
    let set = async |status: &'static str| {
        let call = Call::of("/updateStatus").with("status", status).with("docid", doc_id).by_g12();
        ask(&gateway, Way::Mtls, call).await.code().0
    };
    assert_eq!(set("initial").await, "0");
    assert_eq!(set("01").await, "0");
    assert_eq!(count(list().with("status", "processing")).await, 1);
    assert_eq!(set("initial").await, "-1");
    assert_eq!(set("03").await, "0");
    assert_eq!(count(list()).await, 0);
    assert_eq!(count(list().with("status", "done")).await, 1);
    for code in ["01", "05", "06"] {
        assert_eq!(set(code).await, "0", "{code}");
    }
    assert_eq!(set("fail").await, "-1");
    gateway.stop().await;
}

// wire/vxp.md 1.2 and 1.5: downloadEdoc2 signs nothing; an error is an empty body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_is_the_file_or_nothing() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.00.G12"], 1);
    let sent = ask(&gateway, Way::Plain, send(&file)).await.json();
    let doc_id: &'static str = sent["DocId"].as_str().unwrap().to_owned().leak();
    let signed = Call::of("/downloadEdoc").with("docId", doc_id);
    for way in [Way::Plain, Way::Mtls, Way::Tls] {
        assert_eq!(ask(&gateway, way, signed.clone()).await.body, file, "{way:?}");
        let refused = ask(&gateway, way, Call { secret: "x", ..signed.clone() }).await;
        assert!(refused.body.is_empty());
        assert_eq!(refused.field("X-Lienthong-Code"), Some("LT-D102"));
    }
    let unsigned = format!("GET /downloadEdoc?docId={doc_id} HTTP/1.1\r\nHost: x\r\n\r\n");
    let reply = ask_bytes(&gateway, Way::Mtls, "h60", unsigned.as_bytes()).await.unwrap();
    assert_eq!(reply.body, file);
    let reply = ask_bytes(&gateway, Way::Tls, "h60", unsigned.as_bytes()).await.unwrap();
    assert!(reply.body.is_empty() && reply.field("X-Lienthong-Code") == Some("LT-D102"));
    // The other members' documents are nobody's to see.
    let reply = ask_bytes(&gateway, Way::Mtls, "g12", unsigned.as_bytes()).await.unwrap();
    assert!(reply.body.is_empty() && reply.field("X-Lienthong-Code").is_some());
    // Two members share the security server: without a systemid it cannot know whose request this is.
    let reply = ask_bytes(&gateway, Way::Plain, "h60", unsigned.as_bytes()).await.unwrap();
    assert!(reply.body.is_empty() && reply.field("X-Lienthong-Code") == Some("LT-D101"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_requests_are_answered_and_half_sent_ones_leave_no_trace() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let large = format!("POST /sendEdoc HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    for way in [Way::Plain, Way::Mtls, Way::Tls] {
        let reply = ask_bytes(&gateway, way, "h60", large.as_bytes()).await.unwrap();
        assert_eq!(reply.code(), ("-1".into(), "LT-D509".into()));
        assert_eq!(reply.json()["DocId"], "");
        let garbage = b"hello\r\n\r\n";
        let reply = ask_bytes(&gateway, way, "h60", garbage).await.unwrap();
        assert_eq!(reply.code().0, "-1");
        assert!(reply.head.starts_with("HTTP/1.1 400"));
    }
    let file = edxml("000.00.00.H60", &["000.00.06.H60"], 1);
    let bytes = send(&file).bytes();
    for way in [Way::Plain, Way::Mtls] {
        let mut stream = connect(&gateway, way, "h60", H60).await;
        stream.write_all(&bytes[..bytes.len() - 100]).await.unwrap();
        stream.shutdown().await.unwrap();
        let reply = read_reply(&mut stream).await;
        assert!(reply.is_none_or(|reply| reply.code().0 != "0"));
    }
    let sent = ask(&gateway, Way::Plain, Call::of("/getSentEdocList")).await.json();
    assert!(sent["data"].as_array().unwrap().is_empty());
    // And the same file whole is no duplicate of anything.
    assert_eq!(ask(&gateway, Way::Plain, send(&file)).await.code().0, "0");
    gateway.stop().await;
}

// design.md 2.5: at its deadline a security server answers FAIL/20 and repeats nothing.
// The platform takes one document in a thousand seconds: the second waits for its turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_member_sent_for_an_agency_below_is_in_its_outbox_alone() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    // H60 sends for its department, and the department for itself.
    let file = edxml("000.00.06.H60", &["000.00.00.G12"], 1);
    assert_eq!(ask(&gateway, Way::Plain, send(&file)).await.code().0, "0");
    let department =
        |call: Call| Call { systemid: "vxp.h60.06", secret: "TEST-SECRET-h60.06", ..call };
    let file = edxml("000.00.06.H60", &["000.00.00.G12"], 2);
    assert_eq!(ask(&gateway, Way::Plain, department(send(&file))).await.code().0, "0");
    let sent = Call::of("/getSentEdocList");
    let notations = async |call: Call| {
        let sent = ask(&gateway, Way::Plain, call).await.json();
        let rows = sent["data"].as_array().unwrap().clone();
        rows.iter().map(|row| row["notation"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(notations(sent.clone()).await, ["1/VP"]);
    assert_eq!(notations(department(sent)).await, ["2/VP", "1/VP"]);
    gateway.stop().await;
}

// wire/vxp.md 1.5: keys with exactly this case.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_have_the_keys_that_clients_read() {
    let data = tempfile::tempdir().unwrap();
    let gateway = start(&topology(COUNTRY), data.path()).await;
    let file = edxml("000.00.00.H60", &["000.00.00.G12"], 1);
    assert_eq!(ask(&gateway, Way::Plain, send(&file)).await.code().0, "0");
    arrived(&gateway, 1).await;
    for (call, keys) in [
        (
            list().by_g12(),
            "created_time docId from messageType serviceType status status_desc to updated_time",
        ),
        (Call::of("/getAgenciesList"), "code id mail name oldCode pid"),
        (Call::of("/getAgenciesListQD20"), "code code102 id mail name"),
        (
            Call::of("/getSynchronizeUnit"),
            "centerCode code deleted id isAgency mail modifyDate name pid version",
        ),
        (
            Call::of("/getSentEdocList"),
            concat!(
                "fromCode messageType notation receiveStatus receiveStatusDesc receivedTime receiverDocId ",
                "sendStatus sendStatusDesc senderDocId sentTime serviceType title toCode"
            ),
        ),
    ] {
        // The sender learns of the arrival a little later.
        let mut events = gateway.pipeline.subscribe_events();
        loop {
            let reply = ask(&gateway, Way::Mtls, call.clone()).await.json();
            let items = reply["data"].as_array().unwrap();
            let found: BTreeSet<&str> = items
                .iter()
                .flat_map(|i| i.as_object().unwrap().keys())
                .map(String::as_str)
                .collect();
            let found: Vec<&str> = found.into_iter().collect();
            if found.join(" ") == keys {
                break;
            }
            assert_eq!(call.path, "/getSentEdocList", "{found:?}");
            events.recv().await.unwrap();
        }
    }
    gateway.stop().await;
}
