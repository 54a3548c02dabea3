//! What the head reader takes, byte for byte, and every way of smuggling it does not.

use super::*;
use proptest::prelude::*;

const LIMITS: HeadLimits = HeadLimits { bytes_max: 4096, fields_max: 40 };

fn request(bytes: &[u8]) -> RequestHead {
    match RequestHead::parse(bytes, LIMITS) {
        Parsed::Complete { head, len } => {
            assert_eq!(len, bytes.len());
            head
        }
        other @ (Parsed::Partial | Parsed::Malformed(_)) => {
            panic!("{other:?} for {:?}", bytes.escape_ascii().to_string())
        }
    }
}

// wire/vxp.md 1.3 and 1.6: names in their own case, `Đ đ Ă ă` as control bytes, anything from 0x80 up.
#[test]
fn a_java_clients_head_is_read_and_kept_byte_for_byte() {
    let raw = b"POST //updateStatus HTTP/1.1\r\nXroadVnpt-docId: AAAA\r\nXroadVnpt-docid: BBBB\r\n\
        XroadVnpt-description: \x10\x11\x02\x03 \xe3\x01\x7f\t.\r\nXroadVnpt-empty:\r\n\
        Expect: 100-Continue\r\nContent-Length: 2\r\nHost:x\r\nConnection: Keep-Alive\r\n\r\n";
    let head = request(raw);
    assert_eq!(head.raw().as_ref(), raw);
    assert_eq!((head.method(), head.target()), ("POST", "//updateStatus"));
    assert_eq!(head.fields.exact("XroadVnpt-docid"), Some(&b"BBBB"[..]));
    assert_eq!(head.fields.exact("XroadVnpt-docId"), Some(&b"AAAA"[..]));
    assert_eq!(head.fields.first("xroadvnpt-DOCID"), Some(&b"AAAA"[..]));
    assert_eq!(head.fields.exact("xroadvnpt-docid"), None);
    assert_eq!(head.fields.all("xroadvnpt-docid").count(), 2);
    let description = head.fields.exact("XroadVnpt-description");
    assert_eq!(description, Some(&b"\x10\x11\x02\x03 \xe3\x01\x7f\t."[..]));
    assert_eq!(head.fields.first("XroadVnpt-empty"), Some(&b""[..]));
    assert_eq!(head.fields.iter().next(), Some(("XroadVnpt-docId", &b"AAAA"[..])));
    assert_eq!(head.content_length(), 2);
    assert!(head.expects_continue() && !head.closes() && head.has_content_length());
}

#[test]
fn path_and_query_are_apart() {
    let head = request(b"GET /getEdoc?docId=1&x=a?b HTTP/1.1\r\n\r\n");
    assert_eq!((head.path(), head.query()), ("/getEdoc", "docId=1&x=a?b"));
    assert_eq!((head.content_length(), head.has_content_length()), (0, false));
    let head = request(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!((head.path(), head.query(), head.fields.is_empty()), ("/", "", true));
}

#[test]
fn a_connection_ends_where_it_says_so_and_always_with_http_1_0() {
    for (head, closes) in [
        (&b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"[..], true),
        (b"GET / HTTP/1.1\r\nConnection: Upgrade, CLOSE\r\n\r\n", true),
        (b"GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", false),
        (b"GET / HTTP/1.1\r\nConnection: closed\r\n\r\n", false),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true),
    ] {
        assert_eq!(request(head).closes(), closes);
    }
    // RFC 9110 10.1.1.
    assert!(!request(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue());
}

/// One row per vector: what it is, the bytes, why it is refused.
const REFUSED: &[(&str, &[u8], HeadFault)] = &[
    ("chunked", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", HeadFault::Coded),
    ("identity", b"POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\n", HeadFault::Coded),
    ("empty coding", b"POST / HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n", HeadFault::Coded),
    (
        "coding behind a control byte",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
        HeadFault::Coded,
    ),
    (
        "coding in odd case",
        b"POST / HTTP/1.1\r\ntrAnsfer-encoDing: xchunked\r\n\r\n",
        HeadFault::Coded,
    ),
    (
        "CL.TE",
        b"POST / HTTP/1.1\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n",
        HeadFault::CodedWithLength,
    ),
    (
        "TE.CL",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n",
        HeadFault::CodedWithLength,
    ),
    (
        "TE in HTTP/1.0",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n",
        HeadFault::CodedWithLength,
    ),
    (
        "TE with a blank before the colon",
        b"POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n",
        HeadFault::FieldName,
    ),
    (
        "TE with a tab before the colon",
        b"POST / HTTP/1.1\r\nTransfer-Encoding\t: chunked\r\n\r\n",
        HeadFault::FieldName,
    ),
    (
        "TE with a control byte in its name",
        b"POST / HTTP/1.1\r\nTransfer-Encoding\x0b: chunked\r\n\r\n",
        HeadFault::FieldName,
    ),
    (
        "TE on a folded line",
        b"POST / HTTP/1.1\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n",
        HeadFault::Folded,
    ),
    (
        "length on a folded line",
        b"POST / HTTP/1.1\r\nContent-Length:\r\n 5\r\n\r\n",
        HeadFault::BadLength,
    ),
    ("fold with a tab", b"POST / HTTP/1.1\r\nX: y\r\n\tz\r\n\r\n", HeadFault::Folded),
    ("fold before any field", b"POST / HTTP/1.1\r\n X: y\r\n\r\n", HeadFault::Folded),
    (
        "two lengths",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HeadFault::LengthTwice,
    ),
    (
        "two equal lengths",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5\r\n\r\n",
        HeadFault::LengthTwice,
    ),
    ("lengths in a list", b"POST / HTTP/1.1\r\nContent-Length: 5, 6\r\n\r\n", HeadFault::BadLength),
    (
        "equal lengths in a list",
        b"POST / HTTP/1.1\r\nContent-Length: 5,5\r\n\r\n",
        HeadFault::BadLength,
    ),
    ("plus", b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", HeadFault::BadLength),
    ("minus", b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", HeadFault::BadLength),
    ("blank inside", b"POST / HTTP/1.1\r\nContent-Length: 5 5\r\n\r\n", HeadFault::BadLength),
    ("hexadecimal", b"POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n", HeadFault::BadLength),
    ("decimal point", b"POST / HTTP/1.1\r\nContent-Length: 5.0\r\n\r\n", HeadFault::BadLength),
    ("control byte", b"POST / HTTP/1.1\r\nContent-Length: \x0b5\r\n\r\n", HeadFault::BadLength),
    (
        "wide digits",
        b"POST / HTTP/1.1\r\nContent-Length: \xef\xbc\x95\r\n\r\n",
        HeadFault::BadLength,
    ),
    ("no digits", b"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", HeadFault::BadLength),
    (
        "past 64 bits",
        b"POST / HTTP/1.1\r\nContent-Length: 18446744073709551621\r\n\r\n",
        HeadFault::BadLength,
    ),
    (
        "zeros to overflow",
        b"POST / HTTP/1.1\r\nContent-Length: 00000000000000000005\r\n\r\n",
        HeadFault::BadLength,
    ),
    (
        "bare LF after a field",
        b"POST / HTTP/1.1\r\nX: y\nContent-Length: 5\r\n\r\n",
        HeadFault::BareLineFeed,
    ),
    ("bare LF after the first line", b"POST / HTTP/1.1\nX: y\r\n\r\n", HeadFault::BareLineFeed),
    ("bare LF at the end", b"POST / HTTP/1.1\r\nX: y\r\n\n", HeadFault::BareLineFeed),
    (
        "bare CR in a value",
        b"POST / HTTP/1.1\r\nX: y\rContent-Length: 5\r\n\r\n",
        HeadFault::BareCarriageReturn,
    ),
    ("two CR", b"POST / HTTP/1.1\r\nX: y\r\r\n\r\n", HeadFault::BareCarriageReturn),
    ("bare CR in the first line", b"POST /\rX HTTP/1.1\r\n\r\n", HeadFault::BareCarriageReturn),
    ("bare CR as a line", b"POST / HTTP/1.1\r\n\r\r\n\r\n", HeadFault::FieldName),
    ("NUL in a value", b"POST / HTTP/1.1\r\nX: a\0b\r\n\r\n", HeadFault::Nul),
    ("NUL in a name", b"POST / HTTP/1.1\r\nX\0: a\r\n\r\n", HeadFault::FieldName),
    ("no colon", b"POST / HTTP/1.1\r\nContent-Length 5\r\n\r\n", HeadFault::FieldName),
    ("no name", b"POST / HTTP/1.1\r\n: 5\r\n\r\n", HeadFault::FieldName),
    (
        "name beyond ASCII",
        b"POST / HTTP/1.1\r\nContent-L\xc3\xabngth: 5\r\n\r\n",
        HeadFault::FieldName,
    ),
    ("absolute form", b"GET http://other/ HTTP/1.1\r\nHost: x\r\n\r\n", HeadFault::Target),
    ("authority form", b"CONNECT other:443 HTTP/1.1\r\n\r\n", HeadFault::Target),
    ("asterisk form", b"OPTIONS * HTTP/1.1\r\n\r\n", HeadFault::Target),
    ("fragment", b"GET /a#b HTTP/1.1\r\n\r\n", HeadFault::Target),
    ("control byte in the target", b"GET /a\x0bb HTTP/1.1\r\n\r\n", HeadFault::Target),
    ("target beyond ASCII", b"GET /\xc4\x91 HTTP/1.1\r\n\r\n", HeadFault::Target),
    ("two blanks", b"GET  / HTTP/1.1\r\n\r\n", HeadFault::FirstLine),
    ("tab for blank", b"GET\t/\tHTTP/1.1\r\n\r\n", HeadFault::FirstLine),
    ("blank at the end", b"GET / HTTP/1.1 \r\n\r\n", HeadFault::FirstLine),
    ("HTTP/0.9", b"GET /\r\n\r\n", HeadFault::FirstLine),
    ("bad method", b"G(T / HTTP/1.1\r\n\r\n", HeadFault::FirstLine),
    ("lower case version", b"GET / http/1.1\r\n\r\n", HeadFault::FirstLine),
    ("HTTP/2", b"GET / HTTP/2.0\r\n\r\n", HeadFault::Version),
    ("HTTP/1.10", b"GET / HTTP/1.10\r\n\r\n", HeadFault::Version),
    ("two hosts", b"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", HeadFault::HostTwice),
    ("other expectation", b"GET / HTTP/1.1\r\nExpect: 200-ok\r\n\r\n", HeadFault::Expectation),
    ("TLS greeting", b"\x16\x03\x01\x02", HeadFault::Garbage),
    ("garbage with line ends", b"{A: \0\n\r\n\r\n", HeadFault::Garbage),
    ("leading CR", b"\rGET / HTTP/1.1\r\n\r\n", HeadFault::BareCarriageReturn),
    ("leading blank", b" GET / HTTP/1.1\r\n\r\n", HeadFault::Garbage),
    ("empty lines", b"\r\n\r\nGET / HTTP/1.1\r\n\r\n", HeadFault::Garbage),
];

#[test]
fn nothing_is_smuggled() {
    for (what, bytes, fault) in REFUSED {
        let parsed = RequestHead::parse(bytes, LIMITS);
        assert_eq!(parsed, Parsed::Malformed(*fault), "{what}");
        assert!(fault.status() >= 400);
    }
}

/// What only `parse_any` takes, with what it reads: target, authority, path, query, chunked.
#[test]
fn forms_that_only_some_dialects_take_are_read_when_asked_for() {
    let any = |head: &str| match RequestHead::parse_any(head.as_bytes(), LIMITS) {
        Parsed::Complete { head, .. } => head,
        other @ (Parsed::Partial | Parsed::Malformed(_)) => panic!("{other:?} for {head}"),
    };
    for coding in ["chunked", "Chunked", "\tCHUNKED  "] {
        let text = format!("POST / HTTP/1.1\r\nTransfer-Encoding: {coding}\r\n\r\n");
        let head = any(&text);
        assert!(head.is_chunked() && !head.has_content_length() && head.content_length() == 0);
        let strict = RequestHead::parse(text.as_bytes(), LIMITS);
        assert_eq!(strict, Parsed::Malformed(HeadFault::Coded));
    }
    for (target, authority, path, query) in [
        ("http://example.org/xroad-endpoint", "example.org", "/xroad-endpoint", ""),
        ("HTTP://example.org:8080/a?b=http://x/y?z", "example.org:8080", "/a", "b=http://x/y?z"),
        ("http://a", "a", "/", ""),
        ("http://a?x=/", "a", "/", "x=/"),
        ("http://[2001:db8::1]:80//a", "[2001:db8::1]:80", "//a", ""),
        ("http://10.0.0.1/", "10.0.0.1", "/", ""),
    ] {
        let text = format!("POST {target} HTTP/1.1\r\nHost: other\r\n\r\n");
        let head = any(&text);
        assert_eq!((head.target(), head.authority()), (target, Some(authority)));
        assert_eq!((head.path(), head.query()), (path, query));
        assert!(!head.is_chunked());
        let strict = RequestHead::parse(text.as_bytes(), LIMITS);
        assert_eq!(strict, Parsed::Malformed(HeadFault::Target), "{target}");
    }
    for target in [
        "https://a/",
        "ftp://a/",
        "http:/a/",
        "http:///a",
        "http://",
        "http://:80/",
        "http://u@a/",
        "http://u:p@a/",
        "http://a:/",
        "http://a:+80/",
        "http://a:65536/",
        "http://a:80:80/",
        "http://a\\b/",
        "http://a%2fb/",
        "http://[::1/",
        "http://[::1]a/",
        "http://[x]/",
        "http://[]/",
        "http://a/#b",
        "a:80",
        "*",
    ] {
        let text = format!("POST {target} HTTP/1.1\r\n\r\n");
        let parsed = RequestHead::parse_any(text.as_bytes(), LIMITS);
        assert_eq!(parsed, Parsed::Malformed(HeadFault::Target), "{target}");
    }
    assert_eq!(any("GET /a HTTP/1.1\r\n\r\n").authority(), None);
}

const CODED: &[(&str, HeadFault)] = &[
    ("1.1\r\nTransfer-Encoding: gzip, chunked", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: chunked, identity", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: chunked, chunked", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: chunked,", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: chunked;q=1", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: \"chunked\"", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: xchunked", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: chunkedx", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: chunk\x0bed", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: \x0bchunked", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: identity", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding:", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: chunked\r\ntransfer-encoding: identity", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding:\r\nTransfer-Encoding: chunked", HeadFault::Coded),
    ("1.0\r\nTransfer-Encoding: chunked", HeadFault::Coded),
    ("1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0", HeadFault::CodedWithLength),
    ("1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", HeadFault::CodedWithLength),
    ("1.1\r\nTransfer-Encoding: x\r\nContent-Length: 5", HeadFault::CodedWithLength),
    ("1.1\r\nTransfer-Encoding:\r\n chunked", HeadFault::Folded),
    ("1.1\r\nTransfer-Encoding : chunked", HeadFault::FieldName),
    ("1.1\r\nTransfer-Encoding: chunked\nX: y", HeadFault::BareLineFeed),
    ("1.1\r\nTransfer-Encoding: chunked\rX: y", HeadFault::BareCarriageReturn),
    ("1.1\r\nTransfer-Encoding: chunked\r\nHost: a\r\nHost: b", HeadFault::HostTwice),
];

#[test]
fn chunked_is_one_word_said_once_in_http_1_1() {
    for (after, fault) in CODED {
        let text = format!("POST / HTTP/{after}\r\n\r\n");
        let parsed = RequestHead::parse_any(text.as_bytes(), LIMITS);
        assert_eq!(parsed, Parsed::Malformed(*fault), "{after}");
        let strict = RequestHead::parse(text.as_bytes(), LIMITS);
        assert!(matches!(strict, Parsed::Malformed(_)), "{after}");
    }
}

#[test]
fn a_stray_line_end_before_a_request_is_no_part_of_it() {
    let Parsed::Complete { head, len } =
        RequestHead::parse(b"\r\nGET / HTTP/1.1\r\n\r\nnext", LIMITS)
    else {
        panic!()
    };
    assert_eq!((head.raw().as_ref(), len), (&b"GET / HTTP/1.1\r\n\r\n"[..], 20));
}

#[test]
fn heads_are_bounded() {
    let one_field = |len: usize| {
        let mut head = b"GET / HTTP/1.1\r\nX: ".to_vec();
        head.resize(len - 4, b'a');
        head.extend(b"\r\n\r\n");
        head
    };
    request(&one_field(LIMITS.bytes_max));
    let over = Parsed::Malformed(HeadFault::TooLarge);
    assert_eq!(RequestHead::parse(&one_field(LIMITS.bytes_max + 1), LIMITS), over);
    let endless = vec![b'A'; LIMITS.bytes_max + 1];
    assert_eq!(RequestHead::parse(&endless, LIMITS), over);
    assert_eq!(RequestHead::parse(&endless[1..], LIMITS), Parsed::Partial);
    let fields = |count| format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(count));
    request(fields(40).as_bytes());
    let over = Parsed::Malformed(HeadFault::TooManyFields);
    assert_eq!(RequestHead::parse(fields(41).as_bytes(), LIMITS), over);
}

#[test]
fn answers_must_say_how_long_they_are() {
    let answer = |text: &str| ResponseHead::parse(text.as_bytes(), LIMITS);
    let Parsed::Complete { head, .. } =
        answer("HTTP/1.1 200 Được\r\nContent-Length: 12\r\nConnection: close\r\n\r\n")
    else {
        panic!()
    };
    assert_eq!((head.status, head.content_length(), head.closes()), (200, 12, true));
    for (text, status) in [
        ("HTTP/1.1 100 Continue\r\n\r\n", 100),
        ("HTTP/1.1 204\r\n\r\n", 204),
        ("HTTP/1.1 304 \r\nContent-Length: 5\r\n\r\n", 304),
    ] {
        let Parsed::Complete { head, .. } = answer(text) else { panic!("{text}") };
        assert_eq!((head.status, head.content_length()), (status, 0));
        assert_eq!(head.is_interim(), status == 100);
    }
    for (text, fault) in [
        ("HTTP/1.1 200 OK\r\n\r\n", HeadFault::NoLength),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", HeadFault::Coded),
        ("HTTP/1.1 2000 OK\r\n\r\n", HeadFault::FirstLine),
        ("HTTP/1.1 099 OK\r\n\r\n", HeadFault::FirstLine),
        ("HTTP/1.1 20\r\n\r\n", HeadFault::FirstLine),
        ("HTTP/1.1  200 OK\r\n\r\n", HeadFault::FirstLine),
        ("HTTP/2.0 200 OK\r\n\r\n", HeadFault::Version),
        ("HELLO\r\n\r\n", HeadFault::FirstLine),
    ] {
        assert_eq!(answer(text), Parsed::Malformed(fault), "{text:?}");
    }
}

fn mostly_a_request() -> impl Strategy<Value = Vec<u8>> {
    let value = proptest::collection::vec(any::<u8>(), 0..20);
    let name = prop_oneof!["[A-Za-z-]{1,12}", Just("Content-Length".into()), Just("Host".into())];
    let fields = proptest::collection::vec((name, value), 0..6);
    let first = prop_oneof![
        9 => Just(b"POST /sendEdoc HTTP/1.1\r\n".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..9),
    ];
    let tail = proptest::collection::vec(any::<u8>(), 0..10);
    (first, fields, tail).prop_map(|(mut bytes, fields, tail)| {
        for (name, value) in fields {
            bytes.extend([name.as_bytes(), b": ", &value, b"\r\n"].concat());
        }
        [bytes, b"\r\n".to_vec(), tail].concat()
    })
}

proptest! {
    /// However the bytes trickle in, the verdict is that of the whole, and it is never taken back.
    #[test]
    fn pieces_and_the_whole_read_alike(bytes in mostly_a_request(), step in 1_usize..9) {
        let whole = RequestHead::parse(&bytes, LIMITS);
        let mut search = HeadSearch::default();
        for end in (0..=bytes.len()).step_by(step).chain([bytes.len()]) {
            let part = &bytes[..end];
            let found = search.end(part, LIMITS.bytes_max);
            let parsed = RequestHead::parse(part, LIMITS);
            // The wider reader differs only in what it takes more.
            if matches!(parsed, Parsed::Complete { .. }) {
                prop_assert_eq!(&RequestHead::parse_any(part, LIMITS), &parsed);
            }
            prop_assert_eq!(found == Ok(None), parsed == Parsed::Partial);
            if parsed != Parsed::Partial {
                prop_assert_eq!(&parsed, &whole);
                break;
            }
        }
    }

    #[test]
    fn garbage_is_answered_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _first = RequestHead::parse(&bytes, LIMITS);
        let _any = RequestHead::parse_any(&bytes, LIMITS);
        let _second = ResponseHead::parse(&bytes, LIMITS);
        let framed = [b"GET / HTTP/1.1\r\n".as_slice(), &bytes, b"\r\n\r\n"].concat();
        if let Parsed::Complete { head, len } = RequestHead::parse(&framed, LIMITS) {
            prop_assert_eq!(head.raw().as_ref(), &framed[..len]);
            for (name, value) in head.fields.iter() {
                prop_assert!(name.bytes().all(is_token) && !name.is_empty());
                prop_assert!(!value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
            }
        }
    }
}
