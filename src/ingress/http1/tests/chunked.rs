//! Bodies in chunks, for a face that takes them and for those that do not.

use super::*;

/// Takes every form. `/echo` and `/small` give the body back, `/small` up to 4 bytes, `/none` an empty one; `/tell` says what it
/// knew before and after each piece; the others leave it.
struct Wide;

impl Face for Wide {
    fn takes(&self, head: &RequestHead) -> Takes {
        if head.path().starts_with("/plain") { Takes::PLAIN } else { Takes::ALL }
    }

    async fn answer(&self, head: RequestHead, body: &mut Body<'_>) -> Answer {
        let max = match head.path() {
            "/echo" => 1 << 20,
            "/small" => 4,
            "/none" => 0,
            "/tell" => return Answer::json(200, tell(body).await),
            path => {
                let text = format!("{} {path}", head.method());
                return Answer::new(200, AnswerBody::Bytes(text.into()));
            }
        };
        match body.collect(max).await {
            Ok(bytes) => Answer::new(200, AnswerBody::Bytes(bytes)),
            Err(fault) => Answer::json(400, fault.to_string()),
        }
    }

    fn refuse(&self, fault: &HttpFault) -> Answer {
        fault.answer()
    }
}

async fn tell(body: &mut Body<'_>) -> String {
    let mut told = format!("{:?}", body.announced());
    loop {
        told += &format!(" {}", body.left());
        match body.chunk().await {
            Ok(Some(piece)) => told += &format!(" {piece:?}"),
            Ok(None) => return told,
            Err(fault) => return format!("{told} {fault}"),
        }
    }
}

const CHUNKED: &str = "HTTP/1.1\r\nTransfer-Encoding: chunked\r\n";

fn posted(path: &str, body: &str) -> String {
    format!("POST {path} {CHUNKED}\r\n{body}")
}

const AFTER: &str = "GET /after HTTP/1.1\r\n\r\n";

fn three() -> Vec<u8> {
    [
        posted("/echo", "5;x=y\r\nxin\r\n\r\n3\r\n0\r\n\r\n0\r\nA: b\r\n\r\n"),
        AFTER.to_owned(),
        posted("/ignore", "1e\r\nGET /smuggled HTTP/1.1\r\n\r\n  \r\n\r\n0\r\n\r\n"),
        posted("http://example.org:81/echo?x", "2\r\n{}\r\n0\r\n\r\n"),
        posted("/echo", "0\r\n\r\n"),
        "POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\nend".to_owned(),
    ]
    .concat()
    .into_bytes()
}

fn three_answers() -> String {
    let (ignored, after) = (ok("POST /ignore"), ok("GET /after"));
    [ok("xin\r\n0\r\n"), after, ignored, ok("{}"), ok(""), ok("end")].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_they_are_cut_chunks_end_where_the_next_request_begins(mut cuts in proptest::collection::vec(0..400_usize, 0..12)) {
        let sent = three();
        cuts.retain(|cut| *cut < sent.len());
        cuts.extend([0, sent.len()]);
        cuts.sort_unstable();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (ended, answers) = runtime.block_on(with_face(&Wide, limits(), async |mut io, _| {
            for cut in cuts.windows(2) {
                io.write_all(&sent[cut[0]..cut[1]]).await.unwrap();
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
            }
            io.shutdown().await.unwrap();
            let mut answers = String::new();
            io.read_to_string(&mut answers).await.unwrap();
            answers
        }));
        prop_assert_eq!(answers, three_answers());
        prop_assert_eq!(ended, Ended { why: End::Closed, answered: 6 });
    }

    #[test]
    fn garbage_for_chunks_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let sent = [posted("/echo", "").as_bytes(), &bytes].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (_, answer) = runtime.block_on(exchange_with(&Wide, limits(), &sent));
        prop_assert!(answer.starts_with("HTTP/1.1 "));
    }
}

#[tokio::test]
async fn a_face_that_says_nothing_gets_neither_chunks_nor_absolute_targets() {
    let chunked = posted("/", "0\r\n\r\n");
    let both = posted("http://a/", "0\r\n\r\n");
    let large = "POST http://a/ HTTP/1.1\r\nContent-Length: 4097\r\n\r\n";
    // Two faults in one head: the one that was always found first.
    let hosts = "Host: a\r\nHost: b\r\n\r\n";
    for (sent, status, code) in [
        (chunked.as_str(), 411, "LT-H012"),
        (&both, 400, "LT-H006"),
        ("GET http://example.org/ HTTP/1.1\r\nHost: x\r\n\r\n", 400, "LT-H006"),
        (large, 400, "LT-H006"),
        (&format!("POST / {CHUNKED}{hosts}"), 411, "LT-H012"),
        (&format!("GET http://a/ HTTP/1.1\r\n{hosts}"), 400, "LT-H006"),
        ("GET http://a/ HTTP/2.0\r\n\r\n", 400, "LT-H006"),
    ] {
        let sent = format!("{sent}{AFTER}");
        let (ended, answer) = exchange(limits(), sent.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(code),
            "{sent}"
        );
        assert!(matches!(ended, Ended { why: End::Refused(_), answered: 0 }), "{sent}");
    }
    // A face that takes them elsewhere.
    for (sent, code) in [
        (posted("/plain", "0\r\n\r\n"), "LT-H012"),
        ("GET http://a/plain HTTP/1.1\r\n\r\n".to_owned(), "LT-H006"),
    ] {
        let (ended, answer) = exchange_with(&Wide, limits(), (sent + AFTER).as_bytes()).await;
        assert!(answer.contains(code), "{answer}");
        assert!(matches!(ended, Ended { why: End::Refused(_), answered: 0 }));
    }
}

#[tokio::test]
async fn heads_that_two_servers_could_read_differently_are_refused() {
    let body = "5\r\nhello\r\n0\r\n\r\n";
    for (version_and_fields, status, code) in [
        ("1.1\r\nContent-Length: 15\r\nTransfer-Encoding: chunked", 400, "LT-H013"),
        ("1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0", 400, "LT-H013"),
        ("1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 411, "LT-H012"),
        ("1.1\r\nTransfer-Encoding: xchunked", 411, "LT-H012"),
        ("1.1\r\nTransfer-Encoding: chunked, identity", 411, "LT-H012"),
        ("1.1\r\nTransfer-Encoding: gzip, chunked", 411, "LT-H012"),
        ("1.1\r\nTransfer-Encoding: identity", 411, "LT-H012"),
        ("1.0\r\nTransfer-Encoding: chunked", 411, "LT-H012"),
        ("1.1\r\nTransfer-Encoding:\r\n chunked", 400, "LT-H008"),
        ("1.1\r\nTransfer-Encoding : chunked", 400, "LT-H007"),
    ] {
        let sent = format!("POST /echo HTTP/{version_and_fields}\r\n\r\n{body}{AFTER}");
        let (ended, answer) = exchange_with(&Wide, limits(), sent.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{version_and_fields}: {answer}"
        );
        assert!(answer.contains(code) && !answer.contains("GET /after"), "{version_and_fields}");
        assert!(matches!(ended, Ended { why: End::Refused(_), answered: 0 }));
    }
}

#[tokio::test]
async fn after_a_broken_chunk_nothing_is_taken_for_a_request() {
    let long_line = format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(1024));
    let long_trailer = format!("0\r\n{}\r\n", "A: b\r\n".repeat(2_000));
    for (body, fault) in [
        ("0x10\r\n", ChunkFault::Size),
        ("-1\r\n", ChunkFault::Size),
        (" 5\r\nhello\r\n0\r\n\r\n", ChunkFault::Size),
        ("5 \r\nhello\r\n0\r\n\r\n", ChunkFault::Size),
        ("10000000000000005\r\nhello\r\n0\r\n\r\n", ChunkFault::Size),
        ("5\nhello\r\n0\r\n\r\n", ChunkFault::LineEnd),
        ("5\r\nhello0\r\n\r\n", ChunkFault::LineEnd),
        ("5\r\nhello\n0\r\n\r\n", ChunkFault::LineEnd),
        ("0\r\n\n", ChunkFault::LineEnd),
        ("0\r\n", ChunkFault::Trailer),
        (&long_line, ChunkFault::LongLine),
        (&long_trailer, ChunkFault::LongTrailer),
    ] {
        for path in ["/echo", "/ignore"] {
            let sent = posted(path, body) + AFTER;
            let (ended, answer) = exchange_with(&Wide, limits(), sent.as_bytes()).await;
            let why = End::BodyFailed(BodyFault::Chunks(fault));
            assert_eq!(ended, Ended { why, answered: 1 }, "{body}");
            assert!(!answer.contains("GET /after"), "{body}");
            assert_eq!(answer.contains("Connection: close"), path == "/echo", "{body}");
            assert_eq!(answer.contains(&fault.to_string()), path == "/echo", "{body}");
        }
    }
}

#[tokio::test]
async fn pieces_reach_the_face_as_they_come() {
    let (_, told) = with_face(&Wide, limits(), async |mut io, _| {
        io.write_all(posted("/tell", "").as_bytes()).await.unwrap();
        for piece in ["6\r\nab", "cd", "ef\r\n1\r\ng\r\n", "0\r\n\r\n"] {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            io.write_all(piece.as_bytes()).await.unwrap();
        }
        io.shutdown().await.unwrap();
        let mut told = String::new();
        io.read_to_string(&mut told).await.unwrap();
        told
    })
    .await;
    let told = told.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(told, r#"None 1 b"ab" 4 b"cd" 2 b"ef" 1 b"g" 1"#);
    let known = "POST /tell HTTP/1.1\r\nContent-Length: 2\r\n\r\nab";
    let (_, told) = exchange_with(&Wide, limits(), known.as_bytes()).await;
    assert!(told.ends_with(r#"Some(2) 2 b"ab" 0"#), "{told}");
}

#[tokio::test]
async fn the_interim_answer_comes_before_the_first_chunk() {
    let (_, ()) = with_face(&Wide, limits(), async |mut io, _| {
        let head = format!("POST /echo {CHUNKED}Expect: 100-continue\r\n\r\n");
        io.write_all(head.as_bytes()).await.unwrap();
        let mut interim = [0; 25];
        io.read_exact(&mut interim).await.unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        io.write_all(b"2\r\n{}\r\n0\r\n\r\n").await.unwrap();
        let mut answer = vec![0; ok("{}").len()];
        io.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, ok("{}").as_bytes());
    })
    .await;
}

#[tokio::test]
async fn what_is_collected_is_bounded_by_what_came_and_not_by_what_might() {
    for (path, body, collected) in [
        ("/none", "0\r\n\r\n", Some("")),
        ("/none", "1\r\na\r\n0\r\n\r\n", None),
        ("/small", "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", Some("abcd")),
        ("/small", "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", None),
        ("/small", "5\r\nabcde\r\n0\r\n\r\n", None),
    ] {
        let sent = posted(path, body) + AFTER;
        let (_, answers) = exchange_with(&Wide, limits(), sent.as_bytes()).await;
        // Too much for the face is no fault of the connection.
        let first = answers.strip_suffix(&ok("GET /after")).unwrap();
        match collected {
            Some(collected) => assert_eq!(first, ok(collected), "{body}"),
            None => assert!(first.starts_with("HTTP/1.1 400 ") && first.contains("larger than")),
        }
    }
}

#[tokio::test]
async fn chunks_that_the_face_left_are_drained_within_limits() {
    let body = |bytes: usize| format!("{bytes:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(bytes));
    let none = Http1Limits { drain_bytes_max: 0, ..limits() };
    let sent = posted("/ignore", "0\r\n\r\n") + AFTER;
    let (_, answers) = exchange_with(&Wide, none, sent.as_bytes()).await;
    assert_eq!(answers, ok("POST /ignore") + &ok("GET /after"));
    let drains = Http1Limits { drain_bytes_max: 100, ..limits() };
    for (path, answer) in [("/small", "HTTP/1.1 400 "), ("/ignore", "HTTP/1.1 200 ")] {
        let (ended, answers) =
            exchange_with(&Wide, drains, (posted(path, &body(100)) + AFTER).as_bytes()).await;
        assert!(answers.starts_with(answer) && answers.ends_with(&ok("GET /after")), "{answers}");
        assert_eq!(ended, Ended { why: End::Closed, answered: 2 });
    }
    let (ended, answers) =
        exchange_with(&Wide, drains, (posted("/ignore", &body(101)) + AFTER).as_bytes()).await;
    assert_eq!(answers, ok("POST /ignore"));
    assert_eq!(ended.why, End::BodyFailed(BodyFault::TooLarge { max: 100 }));
    // What is larger than the whole allowance is not drained either.
    let (ended, answers) =
        exchange_with(&Wide, limits(), (posted("/ignore", &body(4097)) + AFTER).as_bytes()).await;
    assert_eq!(answers, ok("POST /ignore"));
    assert_eq!(ended.why, End::BodyFailed(BodyFault::TooLarge { max: 4096 }));
}

#[tokio::test]
async fn a_client_that_sends_too_many_chunks_still_reads_why_it_was_too_much() {
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    for (count, why) in [(4, End::Closed), (5, too_large()), (300, too_large())] {
        let (ended, answer) = with_face(&Wide, limits(), async |mut io, _| {
            io.write_all(posted("/echo", "").as_bytes()).await.unwrap();
            io.write_all(chunk.repeat(count).as_bytes()).await.unwrap();
            io.write_all(b"0\r\n\r\n").await.unwrap();
            io.shutdown().await.unwrap();
            let mut answer = String::new();
            io.read_to_string(&mut answer).await.unwrap();
            answer
        })
        .await;
        assert_eq!(ended.why, why);
        let expected = if count == 4 { ok(&"x".repeat(4096)) } else { "HTTP/1.1 400 ".into() };
        assert!(answer.starts_with(&expected), "{answer}");
        assert_eq!(answer.contains("Connection: close"), count > 4);
    }
}

fn too_large() -> End {
    End::BodyFailed(BodyFault::TooLarge { max: 4096 })
}

#[tokio::test]
async fn chunks_that_stop_coming_are_not_waited_for() {
    for (body, missing) in [("", 1), ("9\r\nhalf", 5), ("4\r\nhalf\r\n", 1), ("0\r\nA: b\r\n", 1)] {
        let (ended, answer) =
            exchange_with(&Wide, limits(), posted("/echo", body).as_bytes()).await;
        assert_eq!(ended.why, End::BodyFailed(BodyFault::Short { missing }), "{body}");
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("Connection: close"));
        let (ended, answer) = with_face(&Wide, limits(), async |mut io, _| {
            io.write_all(posted("/echo", body).as_bytes()).await.unwrap();
            let mut answer = String::new();
            io.read_to_string(&mut answer).await.unwrap();
            answer
        })
        .await;
        assert_eq!(ended.why, End::BodyFailed(BodyFault::TooSlow { missing }), "{body}");
        assert!(answer.starts_with("HTTP/1.1 400 "), "{body}");
    }
}

#[tokio::test]
async fn a_relay_gets_no_chunked_head_to_copy() {
    let clock = Hand::new();
    let (door, mut client) = duplex(64 * 1024);
    let (ours, mut platform) = duplex(64 * 1024);
    let face = Relay { clock: Arc::clone(&clock), to: Some(ours).into(), chunked: false };
    let (limits, stop) = (limits(), CancellationToken::new());
    client.write_all(posted("/echo", "0\r\n\r\n").as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    let ended = clock.passing(serve(door, &clock, &limits, &face, &stop)).await;
    assert_eq!(ended.why, End::Refused(HttpFault::Head(HeadFault::Coded)));
    drop(face);
    let mut arrived = Vec::new();
    platform.read_to_end(&mut arrived).await.unwrap();
    assert_eq!(arrived, b"");
}
