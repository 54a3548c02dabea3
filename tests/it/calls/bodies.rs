//! Bodies of every size and framing: they stream, and are never held whole.

use super::{CLIENT, Country, http_answer, system};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

const ECHO: &str = "/r1/VN/GOV/G06/DMDC/echo";
const DIRECT: &str = "/r1/VN/GOV/G01/DB/echo";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_comes_back_byte_for_byte() {
    let country = Country::start().await;
    // wire/xroad.md 2.13: 13 MiB and 104,729 bytes.
    let body: Vec<u8> = (0..13 * (1 << 20) + 104_729_u32).map(|n| (n % 251) as u8).collect();
    for target in [ECHO, DIRECT] {
        let answer = country.call("POST", target, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.header("x-road-error"));
        assert!(answer.body == body, "{target}: {} bytes", answer.body.len());
        let id = answer.header("x-road-request-id");
        let record = &country.records("ss-h60", id).await[0];
        assert_eq!(record["requestSize"], body.len());
        assert_eq!(record["responseSha256"], record["requestSha256"]);
        assert_eq!(record["succeeded"], true);
    }
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_memory_holds_streams_through() {
    let country = Country::start().await;
    let body = vec![b'.'; 24 << 20];
    let answer = country.call("PUT", "/r1/VN/GOV/G06/DMDC/sink", &body).await;
    assert_eq!(answer.json()["bytes"], body.len());
    let sent = &country.records("lgsp-g06", answer.header("x-road-request-id")).await[0];
    assert_eq!(sent["requestSha256"], answer.json()["sha256"]);
    let answer =
        country.call("GET", &format!("/r1/VN/GOV/G06/DMDC/source/{}", body.len()), b"").await;
    assert_eq!(answer.header("content-length"), body.len().to_string());
    assert!(answer.body == body);
    for platform in ["ss-h60", "lgsp-h60", "ndxp", "lgsp-g06"] {
        let record = &country.records(platform, answer.header("x-road-request-id")).await[0];
        assert_eq!(record["succeeded"], true, "{record}");
        assert_eq!(record["responseSize"], body.len());
    }
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_unknown_length_passes_too() {
    let country = Country::start().await;
    let mut stream = TcpStream::connect(country.plain("ss-h60")).await.unwrap();
    let head = format!(
        "POST {DIRECT} HTTP/1.1\r\nHost: ss\r\nX-Road-Client: {CLIENT}\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for piece in ["3\r\nxin\r\n", "5;ext=1\r\n chao\r\n", "0\r\n\r\n"] {
        stream.write_all(piece.as_bytes()).await.unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("xin chao") || answer.contains("xin\r\n"), "{answer}");
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_refused_and_what_is_cut_is_told() {
    let text =
        super::COUNTRY.replace("call_timeout_ms", "call_body_bytes_max = 200_000\ncall_timeout_ms");
    let (country, tasks) = (Country::start_with(&text).await, TaskTracker::new());
    let answer = country.call("POST", ECHO, &vec![b'x'; 300_000]).await;
    assert_eq!(answer.fault(), (400, "client.bad_request"), "{}", answer.text());
    assert!(answer.text().contains("LT-S107"));
    // A system that promises more than it sends.
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort";
    country.answer_with(&system(cut, &tasks).await).await;
    let answer = country.call("GET", "/r1/VN/GOV/G01/DB/real", b"").await;
    assert_eq!(answer.fault(), (500, "server.serverproxy.service_failed.io_error"));
    country
        .answer_with(&system(http_answer("200 OK", "", &"y".repeat(300_000)), &tasks).await)
        .await;
    let mut stream = TcpStream::connect(country.plain("ss-h60")).await.unwrap();
    let request = format!(
        "GET /r1/VN/GOV/G01/DB/real HTTP/1.1\r\nHost: ss\r\nX-Road-Client: {CLIENT}\r\nX-Road-Id: big\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.len() < 290_000, "the answer is cut: {}", answer.len());
    let record = &country.records("ss-db", "big").await[0];
    assert_eq!((&record["faultCode"], &record["succeeded"]), (&"LT-S407".into(), &false.into()));
    country.gateway.stop().await;
}
