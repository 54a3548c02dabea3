//! Answers whose length shows at their end, and what else a face may say in an answer.

use super::*;
use futures_util::StreamExt;
use tokio::io::BufWriter;
use tokio::sync::mpsc;

type Pieces = Vec<io::Result<&'static [u8]>>;

/// Answers with the pieces, as a stream of unknown length, and the status.
struct Flowing(u16, fn() -> Pieces);

impl Face for Flowing {
    async fn answer(&self, _: RequestHead, _: &mut Body<'_>) -> Answer {
        let pieces = self.1().into_iter().map(|piece| piece.map(Bytes::from_static));
        let chunks = Box::pin(futures_util::stream::iter(pieces));
        Answer::new(self.0, AnswerBody::Unknown { chunks })
    }

    fn refuse(&self, fault: &HttpFault) -> Answer {
        fault.answer()
    }
}

const CHUNKS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";

fn whole() -> Pieces {
    vec![Ok(b"abc"), Ok(b""), Ok(b"0123456789\r\n")]
}

fn torn() -> Pieces {
    vec![Ok(b"abc"), Err(io::ErrorKind::Other.into())]
}

fn large() -> Pieces {
    vec![Ok(&[b'x'; 20_000])]
}

#[tokio::test]
async fn an_answer_of_unknown_length_ends_where_the_client_can_see_it() {
    let get = "GET / HTTP/1.1\r\n\r\n";
    let (last, old) = ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n");
    let body = "3\r\nabc\r\nc\r\n0123456789\r\n\r\n0\r\n\r\n";
    let close = "Connection: close\r\n";
    let first = format!("{CHUNKS}\r\n{body}");
    let closed = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc0123456789\r\n";
    let heads = format!("{CHUNKS}\r\n{CHUNKS}{close}\r\n");
    let head = get.replace("GET", "HEAD") + &last.replace("GET", "HEAD");
    for (sent, expected) in [
        (get.repeat(2) + last, format!("{first}{first}{CHUNKS}{close}\r\n{body}")),
        (old.to_owned(), closed.to_owned()),
        (head, heads),
        (old.replace("GET", "HEAD"), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned()),
    ] {
        let (ended, answer) = exchange_with(&Flowing(200, whole), limits(), sent.as_bytes()).await;
        assert_eq!((answer, ended.why), (expected, End::Closed), "{sent}");
    }
    let empty = exchange_with(&Flowing(200, Vec::new), limits(), last.as_bytes()).await.1;
    assert_eq!(empty, format!("{CHUNKS}{close}\r\n0\r\n\r\n"));
    let large = exchange_with(&Flowing(200, large), limits(), last.as_bytes()).await.1;
    assert_eq!(large, format!("{CHUNKS}{close}\r\n4e20\r\n{}\r\n0\r\n\r\n", "x".repeat(20_000)));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_cut_without_its_last_chunk() {
    for (version, expected) in [
        ("1.1", format!("{CHUNKS}\r\n3\r\nabc\r\n")),
        ("1.0", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc".to_owned()),
    ] {
        let sent = format!("GET / HTTP/{version}\r\n\r\n").repeat(2);
        let (ended, answer) = exchange_with(&Flowing(200, torn), limits(), sent.as_bytes()).await;
        assert_eq!((answer, ended.why), (expected, End::AnswerCut));
    }
}

#[tokio::test]
async fn some_answers_have_neither_body_nor_length() {
    let sent = "GET / HTTP/1.1\r\n\r\n".repeat(2);
    for (status, reason) in [(204, "No Content"), (304, "Not Modified")] {
        let expected = format!("HTTP/1.1 {status} {reason}\r\n\r\n").repeat(2);
        let (ended, answer) =
            exchange_with(&Flowing(status, whole), limits(), sent.as_bytes()).await;
        assert_eq!((answer, ended.why), (expected.clone(), End::Closed));
        let (_, answer) = exchange_with(&Titled(status), limits(), sent.as_bytes()).await;
        assert!(!answer.contains("Content-Length") && !answer.contains("body"), "{answer}");
    }
}

/// Answers with fields of every kind.
struct Titled(u16);

impl Face for Titled {
    async fn answer(&self, _: RequestHead, _: &mut Body<'_>) -> Answer {
        let fields = [
            ("x-ODD-case", "1"),
            ("Set-Cookie", "a"),
            ("content-LENGTH", "999"),
            ("Set-Cookie", "b"),
            ("Transfer-Encoding", "gzip"),
            ("connection", "keep-alive"),
            ("X: y\r\nInjected", "z"),
            ("", "nothing"),
            ("A-last", "tự do\r\n"),
        ];
        Answer::with_fields(self.0, fields, AnswerBody::Bytes("body".into()))
    }

    fn refuse(&self, fault: &HttpFault) -> Answer {
        fault.answer()
    }
}

#[tokio::test]
async fn fields_keep_their_case_and_order_and_never_touch_the_framing() {
    let (_, answer) = exchange_with(&Titled(200), limits(), b"GET / HTTP/1.1\r\n\r\n").await;
    let expected = "HTTP/1.1 200 OK\r\nx-ODD-case: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\
        A-last: tự do  \r\nContent-Length: 4\r\n\r\nbody";
    assert_eq!(answer, expected);
}

/// Answers with what the test sends, when it sends it.
struct Slow {
    pieces: parking_lot::Mutex<Option<mpsc::Receiver<Bytes>>>,
    length: Option<u64>,
}

impl Face for Slow {
    async fn answer(&self, _: RequestHead, _: &mut Body<'_>) -> Answer {
        let pieces = self.pieces.lock().take().unwrap();
        let chunks = futures_util::stream::unfold(pieces, async |mut pieces| {
            pieces.recv().await.map(|piece| (Ok(piece), pieces))
        })
        .boxed();
        let body = match self.length {
            Some(length) => AnswerBody::Stream { length, chunks },
            None => AnswerBody::Unknown { chunks },
        };
        Answer::new(200, body)
    }

    fn refuse(&self, fault: &HttpFault) -> Answer {
        fault.answer()
    }
}

#[tokio::test]
async fn a_slow_answer_reaches_the_client_piece_by_piece() {
    let head = |framing: &str| format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n");
    let framed = ["1\r\na\r\n", "2\r\nbc\r\n"].map(str::to_owned);
    for (length, head, pieces) in [
        (Some(3), head("Content-Length: 3"), ["a", "bc"].map(str::to_owned)),
        (None, head("Transfer-Encoding: chunked"), framed),
    ] {
        let clock = Hand::new();
        // What is written stays in this buffer until somebody flushes it.
        let (ours, mut client) = duplex(1024);
        let ours = BufWriter::with_capacity(64 * 1024, ours);
        let (give, pieces_to_come) = mpsc::channel(1);
        let face = Slow { pieces: Some(pieces_to_come).into(), length };
        let (limits, stop) = (limits(), CancellationToken::new());
        let serving = serve(ours, &clock, &limits, &face, &stop);
        let played = async {
            client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            let mut read = vec![0; head.len()];
            client.read_exact(&mut read).await.unwrap();
            assert_eq!(read, head.as_bytes());
            for (given, expected) in ["a", "bc"].into_iter().zip(pieces) {
                give.send(Bytes::from_static(given.as_bytes())).await.unwrap();
                let mut read = vec![0; expected.len()];
                client.read_exact(&mut read).await.unwrap();
                assert_eq!(read, expected.as_bytes());
            }
            drop(give);
            client.shutdown().await.unwrap();
            let mut end = String::new();
            client.read_to_string(&mut end).await.unwrap();
            assert_eq!(end, if length.is_none() { "0\r\n\r\n" } else { "" });
        };
        let (ended, ()) = clock.passing(async { tokio::join!(serving, played) }).await;
        assert_eq!(ended.why, End::Closed);
    }
}

#[tokio::test]
async fn a_copied_answer_is_as_long_as_its_head_says() {
    struct Copier;
    impl Face for Copier {
        async fn answer(&self, _: RequestHead, _: &mut Body<'_>) -> Answer {
            let raw = b"HTTP/1.1 200 Fine\r\ncontent-length: 3\r\n\r\n";
            let Parsed::Complete { head, .. } =
                crate::ingress::head::ResponseHead::parse(raw, limits().head)
            else {
                panic!()
            };
            let chunks = Box::pin(futures_util::stream::iter([Ok(Bytes::from_static(b"abc"))]));
            Answer::copied(&head, AnswerBody::Unknown { chunks })
        }

        fn refuse(&self, fault: &HttpFault) -> Answer {
            fault.answer()
        }
    }
    let (_, answer) = exchange_with(&Copier, limits(), b"GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(answer, "HTTP/1.1 200 Fine\r\ncontent-length: 3\r\n\r\nabc");
}
