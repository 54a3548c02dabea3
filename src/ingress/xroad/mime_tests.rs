//! Claims about multipart messages.

use super::{Multipart, Part, media_type, read};
use crate::ingress::multipart::{BOUNDARY_CHARS_MAX, PART_HEADER_BYTES_MAX, PARTS_MAX};
use crate::ingress::xroad::code::ErrorStyle;
use crate::ingress::xroad::mime_write::{MimeWriteError, write};
use bytes::Bytes;
use proptest::prelude::{any, prop_assert_eq, proptest};

const XML: &str = "Content-Type: text/xml; charset=utf-8\r\nContent-ID: <soap>\r\n\r\n<a/>";

fn code(boundary: Option<&str>, body: &str) -> String {
    let fault = read(boundary, &Bytes::copy_from_slice(body.as_bytes())).unwrap_err();
    fault.code_text(ErrorStyle::V78)
}

#[test]
fn a_message_is_a_soap_part_and_attachments() {
    let body = format!(
        "preamble\r\n--b\r\n{XML}\r\n--b  \r\ncontent-type: image/png;\r\n\tname=x\r\n\
         Content-Transfer-Encoding: binary\r\nContent-ID: <p@x>\r\n\r\n\r\n--bb\r\n--b--x\r\nmid--b\r\n\r\n--b--\r\nepilogue"
    );
    for body in [body.clone(), body.replace("\r\n", "\n")] {
        let message = read(Some("b"), &Bytes::from(body.clone())).unwrap();
        assert_eq!(message.root.content, "<a/>");
        assert_eq!(message.root.header("content-id"), Some("<soap>"));
        let [attachment] = message.attachments.as_slice() else { panic!("{message:?}") };
        assert_eq!(attachment.content_type(), Some("image/png; name=x"));
        assert_eq!(attachment.header("content-transfer-encoding"), Some("binary"));
        assert_eq!(attachment.header("content-id"), Some("<p@x>"));
        let line = if body.contains('\r') { "\r\n" } else { "\n" };
        assert_eq!(attachment.content, format!("{line}--bb{line}--b--x{line}mid--b{line}"));
    }
}

#[test]
fn parts_are_slices_of_the_body() {
    let body = Bytes::from(format!("--b\r\n{XML}\r\n--b--"));
    let root = read(Some("b"), &body).unwrap().root.content;
    assert!(body.as_ptr_range().contains(&root.as_ptr()));
}

#[test]
fn each_broken_message_has_its_code() {
    let cases = [
        // wire/xroad.md 2.13, row "empty multipart"
        (String::new(), "client.missing_soap"),
        ("--b--\r\n".into(), "client.missing_soap"),
        ("no part at all".into(), "client.missing_soap"),
        // wire/xroad.md 2.13, row "attachment without SOAP, broken attachment"
        ("--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--".into(), "client.invalid_content_type"),
        ("--b\r\n\r\n<a/>\r\n--b--".into(), "client.invalid_content_type"),
        ("--b\r\n\r\n--b--".into(), "client.invalid_content_type"),
        (format!("--b\r\n{XML}\r\n--b\r\nX: y\r\n\r\nx\r\n--b--"), "client.invalid_content_type"),
        (
            "--b\r\nContent-Type: multipart/related; boundary=c\r\n\r\n\r\n--b--".into(),
            "client.invalid_content_type",
        ),
        // truncation and bad lines: wire/xroad.md 2.5, mime_parsing_failed
        (format!("--b\r\n{XML}"), "client.mime_parsing_failed"),
        (format!("--b\r\n{XML}\r\n--b"), "client.mime_parsing_failed"),
        ("--b\r\nno colon\r\n\r\nx\r\n--b--".into(), "client.mime_parsing_failed"),
        ("--b\r\n folded: x\r\n\r\nx\r\n--b--".into(), "client.mime_parsing_failed"),
        (
            format!("--b\r\nX: {}\r\n\r\nx\r\n--b--", "y".repeat(PART_HEADER_BYTES_MAX)),
            "client.mime_parsing_failed",
        ),
        (
            format!("{}--b--", format!("--b\r\n{XML}\r\n").repeat(PARTS_MAX + 1)),
            "client.mime_parsing_failed",
        ),
    ];
    for (body, expected) in cases {
        let shown: String = body.chars().take(80).collect();
        assert_eq!(code(Some("b"), &body), expected, "{shown:?}");
    }
}

#[test]
fn a_boundary_is_one_to_seventy_characters() {
    let longest = "x".repeat(BOUNDARY_CHARS_MAX);
    let body = format!("--{longest}\r\n{XML}\r\n--{longest}--");
    assert!(read(Some(&longest), &Bytes::from(body)).is_ok());
    let longer = "x".repeat(BOUNDARY_CHARS_MAX + 1);
    for wrong in [None, Some(""), Some("a "), Some("a\"b"), Some("é"), Some(longer.as_str())] {
        assert_eq!(code(wrong, "--b--"), "client.mime_parsing_failed", "{wrong:?}");
    }
}

#[test]
fn an_mtom_root_is_soap() {
    let body =
        "--b\nContent-Type: application/xop+xml; charset=UTF-8; type=\"text/xml\"\n\n<a/>\n--b--";
    assert!(read(Some("b"), &Bytes::from_static(body.as_bytes())).is_ok());
}

#[test]
fn parameters_may_be_quoted() {
    let (kind, parameters) =
        media_type("Multipart/Related; Boundary=\"a;\\\"b\" ; x; charset=UTF-8");
    assert_eq!(kind, "multipart/related");
    let expected = [("boundary", "a;\"b"), ("charset", "UTF-8")];
    assert_eq!(parameters, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
}

#[test]
fn what_would_break_a_message_is_not_written() {
    let written = |boundary: &str, name: &str, value: &str, content: &'static [u8]| {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let attachments = vec![Part { headers, content: Bytes::from_static(content) }];
        let root = Part::new("text/xml", "<a/>");
        write(boundary, &Multipart { root, attachments })
    };
    assert!(written("b", "X", "y", b"z").is_ok());
    let cases = [
        ("b", "X", "y", "\r\n--b--", MimeWriteError::Boundary),
        ("b\r\n", "X", "y", "", MimeWriteError::Boundary),
        ("b", "X", "y\r\nZ: w", "", MimeWriteError::Header),
        ("b", "X: y", "z", "", MimeWriteError::Header),
    ];
    for (boundary, name, value, content, expected) in cases {
        let error = written(boundary, name, value, content.as_bytes()).unwrap_err();
        assert_eq!(error, expected, "{boundary:?} {name:?} {value:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        boundary in "[A-Za-z0-9'()+_,./:=?-]{20,70}",
        soap in any::<Vec<u8>>(),
        files in proptest::collection::vec((any::<Vec<u8>>(), "[!-~]{1,30}"), 0..5),
    ) {
        let attachments = files.into_iter().map(|(content, id)| {
            let mut part = Part::new("a/b", content);
            part.headers.push(("Content-ID".to_owned(), id));
            part
        });
        let root = Part::new("text/xml", soap);
        let message = Multipart { root, attachments: attachments.collect() };
        let body = Bytes::from(write(&boundary, &message).unwrap());
        prop_assert_eq!(read(Some(&boundary), &body), Ok(message));
    }

    #[test]
    fn no_bytes_upset_the_reader(text in "(--b|--|\r\n|\n|\r|:| |x|content-type: text/xml){0,40}") {
        drop(read(Some("b"), &Bytes::from(text)));
    }

    #[test]
    fn no_content_type_upsets_the_reader(text in any::<String>()) {
        drop(media_type(&text));
    }
}
