//! The connection loop over an in-memory stream and a clock that the test drives.

mod chunked;
mod unknown;

use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use std::future::Future;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;

/// Stands still unless somebody waits; then the test's `passing` moves it.
struct Hand(watch::Sender<Timestamp>);

impl Hand {
    fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(Timestamp::from_secs(1_000))))
    }

    /// Runs `work` while time passes in steps, but only after everybody had a turn.
    async fn passing<T>(&self, work: impl Future<Output = T>) -> T {
        let passes = async {
            loop {
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                self.0.send_modify(|now| *now = now.plus(Duration::from_millis(500)));
            }
        };
        tokio::select! { biased; done = work => done, () = passes => panic!("time ended") }
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.0.subscribe().wait_for(|now| *now >= at).await.unwrap();
    }
}

/// Answers by path. `/echo` gives the body back, `/ignore` leaves it, the others send what they say.
struct Mirror;

impl Face for Mirror {
    async fn answer(&self, head: RequestHead, body: &mut Body<'_>) -> Answer {
        let text = |text: String| Answer::new(200, AnswerBody::Bytes(text.into()));
        let stream = |length, chunks: Vec<io::Result<Bytes>>| {
            let chunks = Box::pin(futures_util::stream::iter(chunks));
            Answer::new(200, AnswerBody::Stream { length, chunks })
        };
        let ok = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
        match head.path() {
            "/echo" => match body.collect(1 << 20).await {
                Ok(bytes) => Answer::new(200, AnswerBody::Bytes(bytes)),
                Err(fault) => Answer::json(400, fault.to_string()),
            },
            "/stream" => stream(6, vec![ok("abc"), ok("def")]),
            "/short" => stream(6, vec![ok("abc")]),
            "/long" => stream(4, vec![ok("abc"), ok("def")]),
            "/torn" => stream(6, vec![ok("abc"), Err(io::ErrorKind::Other.into())]),
            "/big" => text("x".repeat(1 << 20)),
            "/inject" => text(String::new()).field("X", &b"a\r\nSet-Cookie: b\0\x10"[..]),
            path => text(format!("{} {path}", head.method())),
        }
    }

    fn refuse(&self, fault: &HttpFault) -> Answer {
        fault.answer()
    }
}

fn limits() -> Http1Limits {
    Http1Limits {
        head: HeadLimits { bytes_max: 1024, fields_max: 20 },
        body_bytes_max: 4096,
        drain_bytes_max: 1 << 20,
        ..Http1Limits::default()
    }
}

/// Serves one end of a stream and lets `peer` play the other; returns how it ended and what `peer` returned.
async fn with_peer<T, P: Future<Output = T>>(
    limits: Http1Limits,
    peer: impl FnOnce(DuplexStream, CancellationToken) -> P,
) -> (Ended, T) {
    with_face(&Mirror, limits, peer).await
}

async fn with_face<T, P: Future<Output = T>>(
    face: &impl Face,
    limits: Http1Limits,
    peer: impl FnOnce(DuplexStream, CancellationToken) -> P,
) -> (Ended, T) {
    let clock = Hand::new();
    let (ours, theirs) = duplex(64 * 1024);
    let stop = CancellationToken::new();
    let serving = serve(ours, &clock, &limits, face, &stop);
    clock.passing(async { tokio::join!(serving, peer(theirs, stop.clone())) }).await
}

/// Sends everything, says that it is all, and reads to the end.
async fn exchange(limits: Http1Limits, sent: &[u8]) -> (Ended, String) {
    exchange_with(&Mirror, limits, sent).await
}

async fn exchange_with(face: &impl Face, limits: Http1Limits, sent: &[u8]) -> (Ended, String) {
    let (ended, answer) = with_face(face, limits, async |mut io, _| {
        io.write_all(sent).await.unwrap();
        io.shutdown().await.unwrap();
        let mut answer = Vec::new();
        io.read_to_end(&mut answer).await.unwrap();
        answer
    })
    .await;
    (ended, String::from_utf8(answer).unwrap())
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn last(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

const THREE: &[u8] = b"POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nxin\r\n\
    GET /a HTTP/1.1\r\n\r\n\r\nPOST /ignore HTTP/1.1\r\nContent-Length: 3\r\n\r\n\0\r\n\
    POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}";

#[tokio::test]
async fn requests_sent_in_a_row_are_answered_in_a_row() {
    let (ended, answers) = exchange(limits(), THREE).await;
    let expected = [ok("xin\r\n"), ok("GET /a"), ok("POST /ignore"), ok("{}")].concat();
    assert_eq!(answers, expected);
    assert_eq!(ended, Ended { why: End::Closed, answered: 4 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_it_is_cut_the_answers_are_the_same(mut cuts in proptest::collection::vec(0..THREE.len(), 0..12)) {
        cuts.extend([0, THREE.len()]);
        cuts.sort_unstable();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (ended, answers) = runtime.block_on(with_peer(limits(), async |mut io, _| {
            for cut in cuts.windows(2) {
                io.write_all(&THREE[cut[0]..cut[1]]).await.unwrap();
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
            }
            io.shutdown().await.unwrap();
            let mut answers = Vec::new();
            io.read_to_end(&mut answers).await.unwrap();
            String::from_utf8(answers).unwrap()
        }));
        // Whether the interim answer was needed depends on whether the body was there already.
        let answers = answers.replace("HTTP/1.1 100 Continue\r\n\r\n", "");
        prop_assert_eq!(answers, [ok("xin\r\n"), ok("GET /a"), ok("POST /ignore"), ok("{}")].concat());
        prop_assert_eq!(ended.answered, 4);
    }

    #[test]
    fn garbage_gets_an_answer_with_a_body_or_silence(bytes in proptest::collection::vec(any::<u8>(), 0..300), framed: bool) {
        let sent = if framed { [b"GET / HTTP/1.1\r\n".as_slice(), &bytes, b"\r\n\r\n"].concat() } else { bytes };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (ended, answer) = runtime.block_on(exchange(limits(), &sent));
        if let End::Refused(fault) = ended.why {
            prop_assert!(answer.contains(fault.code()) && answer.contains("\"ErrorCode\""));
        }
    }
}

#[tokio::test]
async fn the_interim_answer_comes_before_the_body_is_sent() {
    let (_, ()) = with_peer(limits(), async |mut io, _| {
        let head = b"POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
        io.write_all(head).await.unwrap();
        let mut interim = [0; 25];
        io.read_exact(&mut interim).await.unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        io.write_all(b"{}").await.unwrap();
        let mut answer = vec![0; ok("{}").len()];
        io.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, ok("{}").as_bytes());
    })
    .await;
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_json_and_the_connection_ends() {
    let large = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(1024));
    for (sent, status, code) in [
        (large.as_str(), 431, "LT-H016"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "LT-H012"),
        ("GET / HTTP/1.1\nHost: x\n\n", 400, "LT-H002"),
        ("GET / HTTP/3.0\r\n\r\n", 505, "LT-H005"),
        ("\x16\x03\x01", 400, "LT-H001"),
        ("POST / HTTP/1.1\r\nContent-Length: 4097\r\n\r\n", 413, "LT-H020"),
    ] {
        let after = "GET /smuggled HTTP/1.1\r\n\r\n";
        let (ended, answer) = exchange(limits(), format!("{sent}{after}").as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("Connection: close") && head.contains("application/json"));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["status"], &body["DocId"]), (&"FAIL".into(), &"".into()));
        assert!(body["ErrorDesc"].as_str().unwrap().starts_with(code), "{body}");
        assert!(matches!(ended, Ended { why: End::Refused(_), answered: 0 }));
    }
}

#[tokio::test]
async fn a_client_that_sends_everything_first_still_reads_why_it_was_too_much() {
    let (ended, answer) = with_peer(limits(), async |mut io, _| {
        io.write_all(b"POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n").await.unwrap();
        io.write_all(&[b'x'; 300_000]).await.unwrap();
        io.shutdown().await.unwrap();
        let mut answer = String::new();
        io.read_to_string(&mut answer).await.unwrap();
        answer
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(ended.why, End::Refused(HttpFault::BodyTooLarge { max: 4096 }));
}

#[tokio::test]
async fn slow_clients_meet_the_limit_of_what_they_are_slow_at() {
    let half = "POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf";
    for (sent, why, answer) in [
        ("", End::Idle, ""),
        ("\r\n", End::Idle, ""),
        ("GET / HT", End::Refused(HttpFault::HeadTooSlow), "HTTP/1.1 408 "),
        (half, End::BodyFailed(BodyFault::TooSlow { missing: 5 }), "HTTP/1.1 400 "),
    ] {
        let (ended, read) = with_peer(limits(), async |mut io, _| {
            io.write_all(sent.as_bytes()).await.unwrap();
            let mut read = String::new();
            io.read_to_string(&mut read).await.unwrap();
            read
        })
        .await;
        assert_eq!(ended.why, why);
        assert!(read.starts_with(answer) && read.is_empty() == answer.is_empty(), "{read}");
    }
}

#[tokio::test]
async fn a_body_that_trickles_is_bounded_as_a_whole() {
    let trickling = Http1Limits { body_ms_max: 5_000, stall_ms_max: 2_000, ..limits() };
    let (ended, sent) = with_peer(trickling, async |mut io, _| {
        io.write_all(b"POST /echo HTTP/1.1\r\nContent-Length: 4000\r\n\r\n").await.unwrap();
        let mut sent = 0;
        while io.write_all(b"x").await.is_ok() {
            sent += 1;
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
        sent
    })
    .await;
    assert!(matches!(ended.why, End::BodyFailed(BodyFault::TooSlow { .. })), "{ended:?}");
    assert!(sent < 100, "{sent}");
}

#[tokio::test]
async fn half_a_message_is_never_taken_for_a_whole_one() {
    let (ended, answer) = exchange(limits(), b"GET / HTTP/1.1\r\nHost: ").await;
    assert_eq!((ended.why, answer.as_str()), (End::Broken, ""));
    let half = b"POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf";
    let (ended, answer) = exchange(limits(), half).await;
    assert_eq!(ended.why, End::BodyFailed(BodyFault::Short { missing: 5 }));
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("Connection: close"));
}

#[tokio::test]
async fn a_client_that_never_reads_is_left() {
    // The stream is returned, so that it stays open.
    let (ended, _io) = with_peer(limits(), async |mut io, _| {
        io.write_all(b"GET /big HTTP/1.1\r\n\r\n").await.unwrap();
        io
    })
    .await;
    assert_eq!(ended.why, End::AnswerCut);
}

#[tokio::test]
async fn a_stopped_server_finishes_what_began_and_takes_nothing_new() {
    let (ended, ()) = with_peer(limits(), async |io, stop| {
        stop.cancel();
        drop(io);
    })
    .await;
    assert!(matches!(ended, Ended { why: End::Stopped | End::Closed, answered: 0 }));

    let (ended, answer) = with_peer(limits(), async |mut io, stop| {
        io.write_all(b"POST /echo HTTP/1.1\r\nContent-Le").await.unwrap();
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        io.write_all(b"ngth: 2\r\n\r\n{}GET /a HTTP/1.1\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        io.read_to_string(&mut answer).await.unwrap();
        answer
    })
    .await;
    assert_eq!(answer, last("{}"));
    assert_eq!(ended, Ended { why: End::Closed, answered: 1 });

    let (ended, ()) = with_peer(limits(), async |mut io, stop| {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        assert_eq!(io.read(&mut [0; 1]).await.unwrap(), 0);
    })
    .await;
    assert_eq!(ended, Ended { why: End::Stopped, answered: 0 });
}

#[tokio::test]
async fn a_streamed_answer_is_exactly_as_long_as_announced() {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\n\r\n");
    let (ended, answer) = exchange(limits(), (get("/stream") + &get("/a")).as_bytes()).await;
    assert_eq!((answer, ended.why), (ok("abcdef") + &ok("GET /a"), End::Closed));
    for path in ["/short", "/torn", "/long"] {
        let (ended, answer) = exchange(limits(), (get(path) + &get("/a")).as_bytes()).await;
        assert_eq!(ended.why, End::AnswerCut, "{path}");
        assert!(answer.ends_with("abc"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn small_print_of_connections() {
    let get = "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
    assert_eq!(exchange(limits(), get.as_bytes()).await.1, last("GET /a"));
    let get = "GET /a HTTP/1.1\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
    assert_eq!(exchange(limits(), get.as_bytes()).await.1, last("GET /a"));
    let head = "HEAD /a HTTP/1.1\r\n\r\n";
    assert_eq!(
        exchange(limits(), head.as_bytes()).await.1,
        "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
    );
    let twice = "GET /a HTTP/1.1\r\n\r\n".repeat(2);
    let (ended, answer) =
        exchange(Http1Limits { requests_max: 1, ..limits() }, twice.as_bytes()).await;
    assert_eq!((answer, ended), (last("GET /a"), Ended { why: End::Spent, answered: 1 }));
    let inject = "GET /inject HTTP/1.1\r\n\r\n";
    let expected = "HTTP/1.1 200 OK\r\nX: a  Set-Cookie: b \x10\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(exchange(limits(), inject.as_bytes()).await.1, expected);
}

/// A security server in small: what comes in goes to the platform as it is, and so does what comes back.
struct Relay {
    clock: Arc<Hand>,
    to: parking_lot::Mutex<Option<DuplexStream>>,
    chunked: bool,
}

impl Face for Relay {
    async fn answer(&self, head: RequestHead, body: &mut Body<'_>) -> Answer {
        let upstream = self.to.lock().take().unwrap();
        let mut client = Client::new(upstream, Arc::clone(&self.clock));
        let until = self.clock.now().plus(Duration::from_secs(5));
        let limits = AskLimits { head: limits().head, stall_ms_max: 1_000, until };
        let answer = match client.ask(head.raw(), Payload::Body(body), &limits).await {
            Ok(answer) => answer,
            Err(fault) => return Answer::json(502, fault.to_string()),
        };
        let length = answer.content_length();
        let body = if self.chunked {
            AnswerBody::Stream { length, chunks: client.into_chunks(&answer, &limits) }
        } else {
            let bytes = client.body(&answer, 1 << 20, &limits).await.unwrap();
            assert!(client.is_reusable());
            AnswerBody::Bytes(bytes)
        };
        Answer::copied(&answer, body)
    }

    fn refuse(&self, fault: &HttpFault) -> Answer {
        fault.answer()
    }
}

async fn relayed(sent: &[u8], answer: &[u8], chunked: bool) -> (Vec<u8>, Vec<u8>) {
    let clock = Hand::new();
    let (client, door) = duplex(64 * 1024);
    let (ours, mut platform) = duplex(64 * 1024);
    let face = Relay { clock: Arc::clone(&clock), to: Some(ours).into(), chunked };
    let stop = CancellationToken::new();
    let limits = limits();
    let serving = serve(door, &clock, &limits, &face, &stop);
    let (mut reader, mut writer) = tokio::io::split(client);
    let played = async {
        writer.write_all(sent).await.unwrap();
        let mut arrived = vec![0; sent.len()];
        platform.read_exact(&mut arrived).await.unwrap();
        platform.write_all(answer).await.unwrap();
        platform.shutdown().await.unwrap();
        writer.shutdown().await.unwrap();
        let mut returned = Vec::new();
        reader.read_to_end(&mut returned).await.unwrap();
        (arrived, returned)
    };
    clock.passing(async { tokio::join!(serving, played).1 }).await
}

#[tokio::test]
async fn a_relay_changes_no_byte_in_either_direction() {
    let sent = b"POST //updateStatus HTTP/1.1\r\nXroadVnpt-description: \x10\x11\x02\x03\xe3\r\n\
        x-odd-Case:  two blanks \r\nContent-Length: 10\r\n\r\n0123456789";
    let interim = b"HTTP/1.1 100 Continue\r\n\r\n";
    let answer = b"HTTP/1.1 200 Fine\r\nX-tra:\t\x10\r\ncontent-length: 5\r\n\r\n\0\r\n\r\n";
    for chunked in [false, true] {
        let all = [&interim[..], answer].concat();
        let (arrived, returned) = relayed(sent, &all, chunked).await;
        assert_eq!(arrived, sent);
        assert_eq!(returned, answer);
    }
}

#[tokio::test]
async fn a_relay_says_when_there_is_no_answer() {
    let sent = b"POST /echo HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
    for (answer, why) in [
        (&b""[..], "the connection was closed before the answer"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "the answer is malformed"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "the answer is malformed"),
        (&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(9), "more interim answers than 8"),
    ] {
        let (_, returned) = relayed(sent, answer, false).await;
        let returned = String::from_utf8(returned).unwrap();
        assert!(returned.starts_with("HTTP/1.1 502 ") && returned.contains(why), "{returned}");
    }
}

#[test]
fn a_connection_may_be_served_from_any_thread() {
    fn is_send<T: Send>(_: &T) {}
    let clock = Arc::new(crate::clock::SystemClock::new());
    let (io, _) = duplex(1);
    let (limits, stop) = (limits(), CancellationToken::new());
    is_send(&serve(io, &clock, &limits, &Mirror, &stop));
}
