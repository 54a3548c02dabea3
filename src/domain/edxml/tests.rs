//! The shape of files: cut anywhere, changed anywhere, nested, huge; and what `write` builds is read back.

use super::write::{Answered, Attached, Letter, Notice, Party, Purpose, Replaced, Signer, Staff};
use super::*;
use crate::clock::Timestamp;
use crate::domain::agency::AgencyCode;
use crate::domain::envelope::{Kind, ReceiverChange, Urgency};
use crate::domain::status::BusinessStatus;
use jiff::civil::date;
use proptest::prelude::*;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/data/edxml/", $name)).as_slice()
    };
}

const SAMPLE: &[u8] = fixture!("new.edxml");

fn lenient(file: &[u8]) -> Result<Document<'_>, Rejection> {
    read(file, Mode::Lenient, XmlLimits::default())
}

#[test]
fn a_file_cut_anywhere_is_cut_off_and_nothing_else() {
    for end in 1..SAMPLE.trim_ascii_end().len() {
        let cut = &SAMPLE[..end];
        let reason = lenient(cut).unwrap_err().reason;
        let whole = std::str::from_utf8(cut).is_ok();
        // Only the declaration has come, or half a character is at the end.
        let expected = reason == Reason::Truncated
            || (reason == Reason::NotEdxml && end <= 39)
            || (reason == Reason::NotUtf8 && !whole);
        assert!(expected, "{end}: {reason:?} after {:?}", cut.last());
    }
}

#[test]
fn the_beginning_of_a_good_file_is_never_refused() {
    let mut complete_from = None;
    for end in 0..SAMPLE.len() {
        match read_header(&SAMPLE[..end], Mode::Lenient, XmlLimits::default()).unwrap() {
            Prefix::NeedMore => assert_eq!(complete_from, None, "{end}"),
            Prefix::Complete(header) => {
                complete_from.get_or_insert(end);
                assert_eq!(header.to.len(), 2);
            }
        }
    }
    let envelope = SAMPLE.windows(23).position(|w| w == b"</edXML:edXMLEnvelope>\n").unwrap();
    assert_eq!(complete_from, Some(envelope + 22));
}

#[test]
fn depth_and_number_of_elements_have_limits() {
    let deep = format!("<edXML>{}", "<a>".repeat(100_000));
    let refused = lenient(deep.as_bytes()).unwrap_err();
    assert_eq!(refused.reason, Reason::TooDeep);
    assert_eq!(refused.at, Some(Place::Position { line: 1, column: 7 + 3 * 63 + 1 }));
    let wide = format!("<edXML>{}</edXML>", "<a/>".repeat(70_000));
    assert_eq!(lenient(wide.as_bytes()).unwrap_err().reason, Reason::TooLarge);
    let limits = XmlLimits { depth_max: 3, ..XmlLimits::default() };
    assert_eq!(read(SAMPLE, Mode::Lenient, limits).unwrap_err().reason, Reason::TooDeep);
}

#[test]
fn what_is_no_xml_at_all_is_named() {
    // (file, reason, detail)
    let table: [(&[u8], Reason, &str); 8] = [
        (b"", Reason::Empty, ""),
        (b" \r\n\t", Reason::Empty, ""),
        (b"\xef\xbb\xbf", Reason::Empty, ""),
        (b"PK\x03\x04....", Reason::NotEdxml, "zip"),
        (b"%PDF-1.7", Reason::NotEdxml, "pdf"),
        (b"\xff\xfe<\x00", Reason::NotUtf8, "UTF-16"),
        (b"<\x00e\x00", Reason::NotUtf8, "UTF-16"),
        (b"{\"a\":1}", Reason::Malformed, "junk before the root element"),
    ];
    for (file, reason, detail) in table {
        let refused = lenient(file).unwrap_err();
        assert_eq!((refused.reason, refused.detail.as_str()), (reason, detail));
    }
}

#[test]
fn entities_are_the_five_of_xml_and_numbers() {
    let text = String::from_utf8(SAMPLE.to_vec()).unwrap();
    let file = text
        .replace(">V/v kết nối", ">A &amp; B &lt;&#7873;&#x1EC1;&gt;\r\n<!-- c --><![CDATA[<&]]>");
    let document = lenient(file.as_bytes()).unwrap();
    assert!(document.header.subject.as_str().starts_with("A & B <ềề>"));
    assert!(document.header.subject.as_str().contains("<&, liên thông"));
}

#[test]
fn attachments_are_ranges_of_the_file() {
    // A byte order mark must not shift them.
    for file in [SAMPLE, fixture!("bom.edxml"), fixture!("carriage-returns.edxml")] {
        let document = lenient(file).unwrap();
        let attachment = &document.attachments[0];
        assert!(file[attachment.encoded.clone()].starts_with(b"UEsDB"));
        assert!(file[attachment.encoded.end..].starts_with(b"</edXML:ContentTransferEncoded>"));
        let bytes = attachment.decode(file).unwrap();
        assert!(bytes.starts_with(b"PK") && bytes.len() <= attachment.bytes_max());
    }
    let outside = Attachment { encoded: 10..SAMPLE.len() + 1, ..Attachment::default() };
    assert_eq!(outside.decode(SAMPLE), Err(DecodeError::OtherFile));
    let wrapped = Attachment { encoded: 0..21, ..Attachment::default() };
    assert_eq!(wrapped.decode(b"<![CDATA[aGVs\nbG8=]]>").unwrap(), b"hello");
    assert_eq!(wrapped.decode(b"<b>aGVsbG8=</b>......"), Err(DecodeError::NotBase64));
}

#[test]
fn a_file_name_cannot_leave_its_folder() {
    // (name in the file, name on disk)
    let table = [
        ("a.pdf", Some("a.pdf")),
        ("../../etc/passwd", Some("passwd")),
        ("C:\\Temp\\văn bản.pdf", Some("văn bản.pdf")),
        ("..", None),
        (".bashrc", Some("bashrc")),
        ("a\u{0}b:c", Some("abc")),
    ];
    for (given, expected) in table {
        let name = Field { text: given.into(), at: 0 };
        let attachment = Attachment { name, ..Attachment::default() };
        assert_eq!(attachment.file_name().as_deref(), expected, "{given}");
    }
}

fn party(code: &str, name: &str) -> Party {
    Party { code: AgencyCode::parse(code).unwrap(), name: name.to_owned() }
}

fn letter<'a>(purpose: Purpose, attachments: Vec<Attached<'a>>) -> Letter<'a> {
    Letter {
        from: party("G22", "Văn phòng Chính phủ"),
        to: vec![party("H53", "UBND Tỉnh Tây Ninh"), party("H55.242", "Sở <A> & B")],
        document_id: "000.00.00.G22,2024/05/20,1234/VPCP-KSTT".to_owned(),
        code_number: "1234".to_owned(),
        code_notation: "VPCP-KSTT".to_owned(),
        place: "Hà Nội".to_owned(),
        promulgated_on: date(2024, 5, 20),
        type_name: "Công văn".to_owned(),
        subject: "V/v \"A\" & <B> ]]> \u{1}".to_owned(),
        signer: Signer::default(),
        due_on: Some(date(2024, 5, 30)),
        urgency: Urgency::new(3).unwrap(),
        answers: vec![Answered {
            agency: AgencyCode::parse("H53").unwrap(),
            code: "9/UBND".to_owned(),
            document_id: "x".to_owned(),
            promulgated_on: None,
        }],
        purpose,
        reason: "vì".to_owned(),
        paper_follows: true,
        staff: Staff::default(),
        sent_at: Timestamp::from_secs(1_716_178_116),
        attachments,
    }
}

#[test]
fn what_is_written_is_read_back_strictly() {
    use crate::domain::envelope::Declaration;
    use crate::domain::rules::{Expected, Given, Rules};
    let given = Given {
        today: date(2024, 5, 20),
        declaration: Declaration::NoSecret,
        expected: Expected::Any,
    };
    let rules = Rules { mode: Mode::Strict, ..Rules::default() };
    let changes = vec![ReceiverChange { agency: AgencyCode::parse("H41").unwrap(), added: true }];
    let replaced = Replaced {
        document_id: "cũ".to_owned(),
        agencies: vec![AgencyCode::parse("H41").unwrap()],
    };
    let purposes = [
        Purpose::New,
        Purpose::Recall,
        Purpose::Update {
            document_id: "000.00.00.G22,2024/05/20,1234/VPCP-KSTT".to_owned(),
            content: true,
            receivers: changes,
        },
        Purpose::Replace(vec![replaced]),
    ];
    for purpose in purposes {
        let kind = purpose.kind();
        let files = vec![
            Attached { name: "a & b.pdf", content_type: "application/pdf", bytes: b"%PDF-1.7" },
            Attached { name: "rỗng.txt", content_type: "text/plain", bytes: b"" },
        ];
        let file = write::document(&letter(purpose, files));
        let checked = rules.read(file.as_bytes(), given).unwrap();
        let envelope = &checked.envelope;
        assert_eq!((envelope.kind, envelope.warnings.len()), (kind, 0), "{file}");
        assert_eq!(envelope.subject, "V/v \"A\" & <B> ]]>");
        assert_eq!((envelope.urgency.level(), envelope.paper_follows), (3, true));
        assert_eq!(envelope.to[1].as_str(), "H55.242");
        assert_eq!(envelope.response_for[0].document_id, "x");
        assert_eq!(envelope.receiver_changes.is_empty(), kind != Kind::Update);
        assert_eq!(envelope.replaces.is_empty(), kind != Kind::Replace);
        assert_eq!(checked.attachments[0].name.as_str(), "a & b.pdf");
        assert_eq!(checked.attachments[0].decode(file.as_bytes()).unwrap(), b"%PDF-1.7");
        assert_eq!(checked.attachments[1].decode(file.as_bytes()).unwrap(), b"");
    }
    let notice = Notice {
        from: party("H53", "UBND Tỉnh Tây Ninh"),
        answers: Answered {
            agency: AgencyCode::parse("G22").unwrap(),
            code: "1234/VPCP-KSTT".to_owned(),
            document_id: "x".to_owned(),
            promulgated_on: Some(date(2024, 5, 20)),
        },
        staff: Staff::default(),
        status: BusinessStatus::Refused,
        description: "gửi nhầm".to_owned(),
        at: Timestamp::from_secs(1_716_178_116),
    };
    let file = write::status(&notice);
    assert!(file.contains("<edXML:Timestamp>2024/05/20 11:08:36</edXML:Timestamp>"));
    let envelope = rules.read(file.as_bytes(), given).unwrap().envelope;
    let status = envelope.status.unwrap();
    assert_eq!((status.code, status.description.as_str()), (BusinessStatus::Refused, "gửi nhầm"));
    assert_eq!(envelope.response_for[0].organ_id.unwrap().as_str(), "G22");
}

#[test]
fn document_ids_are_built_as_in_the_samples() {
    let from = AgencyCode::parse("G22").unwrap();
    let id = write::document_id(&from, date(2024, 5, 20), "1234", "VPCP-KSTT");
    assert_eq!(id, "000.00.00.G22,2024/05/20,1234/VPCP-KSTT");
}

/// Pieces that a mutation puts in.
const PIECES: [&[u8]; 14] = [
    b"<",
    b">",
    b"&",
    b"\"",
    b"</",
    b"<!",
    b"<!--",
    b"<![CDATA[",
    b"<?",
    b"&#",
    b"\xff",
    b"\0",
    b"xmlns:",
    b"/>",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Hostile input is answered: no panic, no long work, whatever is changed where.
    #[test]
    fn a_mutated_file_is_always_answered(
        changes in prop::collection::vec((0_usize..5_000, 0_usize..PIECES.len(), 0_usize..40), 1..6),
        strict: bool,
    ) {
        let mut file = SAMPLE.to_vec();
        for (at, piece, removed) in changes {
            let at = at.min(file.len());
            let end = (at + removed).min(file.len());
            file.splice(at..end, PIECES[piece].iter().copied());
        }
        let mode = if strict { Mode::Strict } else { Mode::Lenient };
        let whole = read(&file, mode, XmlLimits::default());
        if let Ok(document) = &whole {
            for attachment in &document.attachments {
                prop_assert!(attachment.encoded.start <= attachment.encoded.end);
                prop_assert!(attachment.encoded.end <= file.len());
                drop(attachment.decode(&file));
            }
        }
        // What a whole reading takes, an early one never refuses.
        let early = read_header(&file, mode, XmlLimits::default());
        prop_assert!(whole.is_err() || early.is_ok());
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut file = b"<edXML>".to_vec();
        file.extend(&bytes);
        drop((lenient(&bytes), lenient(&file)));
        drop(read_header(&file, Mode::Strict, XmlLimits::default()));
    }
}
