//! The rules over the files in `tests/data/edxml`: one row per case, with the source of its rule.

use super::*;
use crate::domain::agency::AgencyCode;
use crate::domain::envelope::{Kind, ResponseFor, StatusNotice};
use crate::domain::status::BusinessStatus;
use jiff::civil::date;

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/data/edxml/", $name)).as_slice()
    };
}

const GIVEN: Given = Given {
    today: date(2024, 5, 21),
    declaration: Declaration::Unspecified,
    expected: Expected::Any,
};

fn rules(mode: Mode) -> Rules {
    Rules { mode, ..Rules::default() }
}

/// A verdict in one line: the kind and how many warnings, or the refusal and its place.
fn verdict(file: &[u8], mode: Mode) -> String {
    match rules(mode).read(file, GIVEN) {
        Ok(checked) => {
            format!("{:?} {}", checked.envelope.kind, checked.envelope.warnings.len())
        }
        Err(refused) => {
            let place = refused.at.map(|at| at.to_string()).unwrap_or_default();
            format!("{} {place}", refused.reason.label())
        }
    }
}

/// (file, lenient, strict, source)
const FIXTURES: &[(&[u8], &str, &str, &str)] = &[
    (fixture!("new.edxml"), "New 0", "New 0", "domain.md 2.4"),
    (fixture!("recall.edxml"), "Recall 0", "Recall 0", "domain.md 2.4"),
    (fixture!("update.edxml"), "Update 0", "Update 0", "domain.md 2.4"),
    (fixture!("replace.edxml"), "Replace 0", "Replace 0", "domain.md 2.4"),
    (fixture!("status-03.edxml"), "Status 0", "Status 0", "domain.md 2.4"),
    (fixture!("status-13.edxml"), "Status 0", "Status 0", "wire/vxp.md 3.4"),
    (
        fixture!("status-02-without-reason.edxml"),
        "Status 1",
        "reason_missing MessageHeader/Description",
        "QĐ 28/2018 Art. 5.4",
    ),
    (
        fixture!("status-07.edxml"),
        "unknown_status MessageHeader/StatusCode",
        "unknown_status MessageHeader/StatusCode",
        "domain.md 2.2",
    ),
    (fixture!("unbound-prefix.edxml"), "New 1", "not_edxml 3:3", "wire/vxp.md 3.5"),
    (fixture!("old-namespace.edxml"), "New 1", "not_edxml edXML", "domain.md 2.3"),
    (fixture!("wrong-namespace.edxml"), "New 1", "not_edxml edXML", "domain.md 2.3"),
    (fixture!("junk-before-root.edxml"), "malformed 1:1", "malformed 1:1", "wire/vxp.md 3.5"),
    (fixture!("from-the-axis.edxml"), "New 0", "New 0", "wire/vxp.md 3.5"),
    (
        fixture!("shouting-names.edxml"),
        "New 0",
        "sender_missing MessageHeader/From/OrganId",
        "domain.md 2.3: one receiver matches lower-cased local names",
    ),
    (fixture!("bom.edxml"), "New 0", "New 0", "XML 1.0 4.3.3"),
    (fixture!("utf-16.edxml"), "not_utf8 1:1", "not_utf8 1:1", "TCVN 6909: UTF-8"),
    (fixture!("latin.edxml"), "not_utf8 41:66", "not_utf8 41:66", "TCVN 6909: UTF-8"),
    (
        fixture!("declares-utf-16.edxml"),
        "New 1",
        "not_utf8 xml/encoding",
        "assumed: writers in .NET",
    ),
    (
        fixture!("dtd-bomb.edxml"),
        "doctype_forbidden 2:1",
        "doctype_forbidden 2:1",
        "domain.md 8 rule 5",
    ),
    (
        fixture!("external-entity.edxml"),
        "doctype_forbidden 2:1",
        "doctype_forbidden 2:1",
        "domain.md 8 rule 5",
    ),
    (fixture!("truncated.edxml"), "truncated 97:157", "truncated 97:157", "XML 1.0 2.1"),
    (fixture!("mismatched-tag.edxml"), "malformed 38:72", "malformed 38:72", "XML 1.0 3"),
    (fixture!("unescaped-ampersand.edxml"), "malformed 38:36", "malformed 38:36", "XML 1.0 2.4"),
    (fixture!("other-root.edxml"), "not_edxml 2:1", "not_edxml 2:1", "domain.md 2.3"),
    (
        fixture!("two-subjects.edxml"),
        "field_invalid MessageHeader/Subject",
        "field_invalid MessageHeader/Subject",
        "assumed: a guard reads one of them",
    ),
    (
        fixture!("duplicate-receiver.edxml"),
        "receiver_twice 000.00.00.H53",
        "receiver_twice 000.00.00.H53",
        "domain.md 2.3",
    ),
    (
        fixture!("manifest-without-file.edxml"),
        "manifest_differs edXMLManifest/Reference/ContentId",
        "manifest_differs edXMLManifest/Reference/ContentId",
        "domain.md 2.3",
    ),
    (
        fixture!("file-without-manifest.edxml"),
        "New 1",
        "manifest_differs AttachmentEncoded/Attachment/ContentId",
        "domain.md 2.3",
    ),
    (fixture!("carriage-returns.edxml"), "New 0", "New 0", "assumed: Java serialisers"),
    (
        fixture!("secret.edxml"),
        "state_secret MessageHeader/Subject",
        "state_secret MessageHeader/Subject",
        "QĐ 28/2018 Art. 1",
    ),
];

#[test]
fn every_fixture_has_its_verdict_in_both_modes() {
    let mut wrong = Vec::new();
    for (number, (file, lenient, strict, source)) in FIXTURES.iter().enumerate() {
        for (mode, expected) in [(Mode::Lenient, lenient), (Mode::Strict, strict)] {
            let got = verdict(file, mode);
            if got != **expected {
                wrong.push(format!("row {number} {mode:?} ({source}): {got:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The full sample with one piece of text exchanged.
fn changed(from: &str, to: &str) -> Vec<u8> {
    let sample = std::str::from_utf8(fixture!("new.edxml")).unwrap();
    assert!(sample.contains(from), "{from}");
    sample.replacen(from, to, 1).into_bytes()
}

const URGENCY: &str = "field_invalid MessageHeader/OtherInfo/Priority";
const DATE_FIELD: &str = "field_invalid MessageHeader/PromulgationInfo/PromulgationDate";
const KIND: &str = "field_invalid TraceHeaderList/Bussiness/BussinessDocType";

/// (piece, its replacement, lenient, strict): domain.md 2.3 unless the row says otherwise.
const CHANGES: &[(&str, &str, &str, &str)] = &[
    (">1</edXML:Priority", ">4</edXML:Priority", "New 0", "New 0"),
    // Bkav's own table stores normal as 5.
    (">1</edXML:Priority", ">5</edXML:Priority", "New 1", URGENCY),
    (">1</edXML:Priority", ">6</edXML:Priority", URGENCY, URGENCY),
    (">1</edXML:Priority", ">-1</edXML:Priority", URGENCY, URGENCY),
    (">1</edXML:Priority", "></edXML:Priority", "New 0", "New 0"),
    ("2024/05/20</edXML:Promu", "2024-05-20</edXML:Promu", "New 0", DATE_FIELD),
    ("2024/05/20</edXML:Promu", "20/05/2024</edXML:Promu", "New 0", DATE_FIELD),
    ("2024/05/20</edXML:Promu", "2024/02/30</edXML:Promu", DATE_FIELD, DATE_FIELD),
    ("2024/05/20</edXML:Promu", "2024/5/20</edXML:Promu", DATE_FIELD, DATE_FIELD),
    ("2024/05/20</edXML:Promu", "2024/05/21</edXML:Promu", "New 0", "New 0"),
    (
        "2024/05/20</edXML:Promu",
        "2024/05/22</edXML:Promu",
        "future_date MessageHeader/PromulgationInfo/PromulgationDate",
        "future_date MessageHeader/PromulgationInfo/PromulgationDate",
    ),
    (
        "<edXML:PromulgationDate>2024/05/20",
        "<edXML:PromulgationDate>",
        "field_missing MessageHeader/PromulgationInfo/PromulgationDate",
        "field_missing MessageHeader/PromulgationInfo/PromulgationDate",
    ),
    (
        "2024/05/30</edXML:DueDate",
        "30.05.2024</edXML:DueDate",
        "field_invalid MessageHeader/DueDate",
        "field_invalid MessageHeader/DueDate",
    ),
    (
        "<edXML:OrganId>000.00.00.G22",
        "<edXML:OrganId>",
        "sender_missing MessageHeader/From/OrganId",
        "sender_missing MessageHeader/From/OrganId",
    ),
    (
        "<edXML:OrganId>000.00.00.G22",
        "<edXML:OrganId>VPCP Hà Nội",
        "field_invalid MessageHeader/From/OrganId",
        "field_invalid MessageHeader/From/OrganId",
    ),
    (
        "<edXML:OrganId>000.00.00.G14",
        "<edXML:OrganId>",
        "field_missing MessageHeader/To[2]/OrganId",
        "field_missing MessageHeader/To[2]/OrganId",
    ),
    (
        "<edXML:DocumentId>000.00.00.G22,2024/05/20,1234/VPCP-KSTT",
        "<edXML:DocumentId>",
        "field_missing MessageHeader/DocumentId",
        "field_missing MessageHeader/DocumentId",
    ),
    (
        "<edXML:CodeNumber>1234",
        "<edXML:CodeNumber>123456789012",
        "New 1",
        "field_invalid MessageHeader/Code/CodeNumber",
    ),
    (
        "<edXML:Subject>V/v kết nối, liên thông phần mềm quản lý văn bản",
        "<edXML:Subject> \n ",
        "field_missing MessageHeader/Subject",
        "field_missing MessageHeader/Subject",
    ),
    ("<edXML:Subject>V/v", "<edXML:Subject><![CDATA[V/v & ]]>", "New 0", "New 0"),
    (
        "<edXML:TypeName>Công văn",
        "<edXML:TypeName>",
        "New 1",
        "field_missing MessageHeader/DocumentType/TypeName",
    ),
    (
        "<edXML:BussinessDocType>0",
        "<edXML:BussinessDocType>",
        "New 1",
        "field_missing TraceHeaderList/Bussiness/BussinessDocType",
    ),
    ("<edXML:BussinessDocType>0", "<edXML:BussinessDocType>4", KIND, KIND),
    (
        "<edXML:BussinessDocType>0",
        "<edXML:BussinessDocType>3",
        "Replace 1",
        "field_missing TraceHeaderList/Bussiness/ReplacementInfoList/ReplacementInfo/DocumentId",
    ),
    ("<edXML:Paper>0", "<edXML:Paper>1", "New 0", "New 0"),
    ("<edXML:Paper>0", "<edXML:Paper>12", "New 1", "field_invalid TraceHeaderList/Bussiness/Paper"),
    (
        "<edXML:SteeringType>2",
        "<edXML:SteeringType>9",
        "New 1",
        "field_invalid MessageHeader/SteeringType",
    ),
    (
        "<edXML:PageAmount>3",
        "<edXML:PageAmount>ba",
        "New 1",
        "field_invalid MessageHeader/OtherInfo/PageAmount",
    ),
    (
        "<edXML:TyperNotation>TVC",
        "<edXML:TyperNotation>TVCTVCTVCTVC",
        "New 1",
        "field_invalid MessageHeader/OtherInfo/TyperNotation",
    ),
    ("<ContentId>cid:1", "<ContentId>1", "New 0", "New 0"),
    ("<edXML:Subject>", "<edXML:Subject>&#1;", "malformed 38:24", "malformed 38:24"),
    ("<edXML:Subject>", "<edXML:Subject>&nbsp;", "malformed 38:24", "malformed 38:24"),
    ("<edXML:Subject>", "<edXML:Subject a=\"1\" a=\"2\">", "malformed 38:9", "malformed 38:9"),
    ("<edXML:Subject>", "<edXML:Subject a=1>", "malformed 38:9", "malformed 38:9"),
    ("</edXML>", "</edXML><edXML/>", "malformed 100:9", "malformed 100:9"),
    ("</edXML>", "</edXML>x", "malformed 100:9", "malformed 100:9"),
];

#[test]
fn every_changed_field_has_its_verdict_in_both_modes() {
    let mut wrong = Vec::new();
    for (from, to, lenient, strict) in CHANGES {
        let file = changed(from, to);
        for (mode, expected) in [(Mode::Lenient, lenient), (Mode::Strict, strict)] {
            let got = verdict(&file, mode);
            if got != **expected {
                wrong.push(format!("{to} {mode:?}: {got:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_sample_is_read_field_by_field() {
    let checked = rules(Mode::Lenient).read(fixture!("new.edxml"), GIVEN).unwrap();
    let envelope = checked.envelope;
    assert_eq!(envelope.from.as_str(), "G22");
    let to: Vec<_> = envelope.to.iter().map(AgencyCode::as_str).collect();
    assert_eq!(to, ["H53", "G14"]);
    assert_eq!(envelope.document_id, "000.00.00.G22,2024/05/20,1234/VPCP-KSTT");
    assert_eq!(
        (envelope.code_number.as_str(), envelope.code_notation.as_str()),
        ("1234", "VPCP-KSTT")
    );
    assert_eq!(envelope.promulgation_date, Some(date(2024, 5, 20)));
    assert_eq!(envelope.due_date, Some(date(2024, 5, 30)));
    assert_eq!(envelope.type_name, "Công văn");
    assert_eq!(envelope.subject, "V/v kết nối, liên thông phần mềm quản lý văn bản");
    assert_eq!((envelope.urgency.level(), envelope.steering), (1, 2));
    assert!(!envelope.paper_follows);
    assert_eq!(envelope.reason, "Văn bản điện tử mới");
    let [attachment] = checked.attachments.as_slice() else { panic!("one attachment") };
    assert_eq!(attachment.file_name().as_deref(), Some("1234_VPCP-KSTT.txt"));
    assert!(attachment.decode(fixture!("new.edxml")).unwrap().starts_with(b"PK\x03\x04"));
}

#[test]
fn each_kind_carries_what_it_needs() {
    let read = |file| rules(Mode::Strict).read(file, GIVEN).unwrap().envelope;
    let recall = read(fixture!("recall.edxml"));
    assert_eq!(recall.acts_on, recall.document_id);
    let update = read(fixture!("update.edxml"));
    assert_eq!(update.acts_on, "000.00.00.G22,2024/05/20,1234/VPCP-KSTT");
    let changes: Vec<_> =
        update.receiver_changes.iter().map(|c| (c.agency.as_str().to_owned(), c.added)).collect();
    assert_eq!(changes, [("H41".to_owned(), false), ("H14".to_owned(), true)]);
    let replace = read(fixture!("replace.edxml"));
    assert_eq!(replace.replaces, ["000.00.00.G22,2024/04/02,900/VPCP-KSTT"]);
    let status = read(fixture!("status-03.edxml"));
    assert_eq!(status.status.unwrap().code, BusinessStatus::Accepted);
    assert!(status.to.is_empty());
    assert_eq!(status.response_for[0].organ_id, Some(AgencyCode::parse("G22").unwrap()));
}

#[test]
fn what_is_handed_in_must_be_what_was_announced() {
    let given = |expected| Given { expected, ..GIVEN };
    let rules = rules(Mode::Lenient);
    let refused = rules.read(fixture!("status-03.edxml"), given(Expected::Document)).unwrap_err();
    assert_eq!(refused.reason, Reason::ParameterInvalid);
    let refused = rules.read(fixture!("new.edxml"), given(Expected::Status)).unwrap_err();
    assert_eq!(
        (refused.reason, refused.at),
        (Reason::FieldMissing, Some(Place::Element("MessageHeader/StatusCode".to_owned())),)
    );
    rules.read(fixture!("status-03.edxml"), given(Expected::Status)).unwrap();
}

#[test]
fn a_refusal_names_line_and_column_of_the_field() {
    let file = changed(">1</edXML:Priority", ">6</edXML:Priority");
    let refused = rules(Mode::Lenient).read(&file, GIVEN).unwrap_err();
    assert_eq!(refused.detail, "47:27 0..4");
    let file = changed("<edXML:OrganId>000.00.00.G14", "<edXML:OrganId>G 14");
    let refused = rules(Mode::Lenient).read(&file, GIVEN).unwrap_err();
    assert!(refused.detail.starts_with("21:26 G 14"), "{}", refused.detail);
}

#[test]
fn limits_are_kept() {
    let few = Rules { recipients_max: 1, ..Rules::default() };
    let refused = few.read(fixture!("new.edxml"), GIVEN).unwrap_err();
    assert_eq!(refused.reason, Reason::TooManyReceivers);
    let small = Rules { body_bytes_max: 100, ..Rules::default() };
    assert_eq!(small.read(fixture!("new.edxml"), GIVEN).unwrap_err().reason, Reason::TooLarge);
    assert_eq!(small.read(b"", GIVEN).unwrap_err().reason, Reason::Empty);
}

#[test]
fn the_guard_needs_no_more_than_the_header() {
    let rules = rules(Mode::Lenient);
    let sample = fixture!("new.edxml");
    let body = sample.windows(18).position(|w| w == b"</edXML:edXMLBody>").unwrap();
    assert_eq!(rules.read_early(&sample[..200], GIVEN), Ok(Early::NeedMore));
    assert_eq!(rules.read_early(&sample[..body], GIVEN), Ok(Early::NeedMore));
    assert_eq!(rules.read_early(&sample[..body + 100], GIVEN), Ok(Early::Clear));
    let secret = fixture!("secret.edxml");
    let refused = rules.read_early(&secret[..secret.len() - 300], GIVEN).unwrap_err();
    assert_eq!(refused.reason, Reason::StateSecret);
    // Nothing of the document is quoted, not even where another rule is broken as well.
    let twice = String::from_utf8(secret.to_vec()).unwrap().replace("000.00.00.G14", "H53");
    let refused = rules.read(twice.as_bytes(), GIVEN).unwrap_err();
    assert_eq!((refused.reason, refused.detail.as_str()), (Reason::StateSecret, ""));
}

fn plain(kind: Kind) -> Envelope {
    let code = |text| AgencyCode::parse(text).unwrap();
    let to = if kind == Kind::Status { vec![] } else { vec![code("H53")] };
    Envelope::addressed(kind, code("G22"), to, "1/CV".to_owned())
}

fn checked(rules: &Rules, mut envelope: Envelope) -> Result<Envelope, Rejection> {
    rules.check_fields(&mut envelope, GIVEN).map(|()| envelope)
}

#[test]
fn fields_handed_in_keep_the_same_rules() {
    let rules = rules(Mode::Lenient);
    let reason = |envelope| checked(&rules, envelope).map_err(|r| r.reason);
    assert!(reason(plain(Kind::New)).is_ok());
    let mut envelope = plain(Kind::New);
    envelope.to.push(AgencyCode::parse("000.00.00.H53").unwrap());
    assert_eq!(reason(envelope), Err(Reason::ReceiverTwice));
    assert_eq!(reason(Envelope { to: vec![], ..plain(Kind::New) }), Err(Reason::ReceiverMissing));
    let nameless = Envelope { document_id: String::new(), ..plain(Kind::New) };
    assert_eq!(reason(nameless), Err(Reason::FieldMissing));
    let broken = Envelope { document_id: "1\n2".to_owned(), ..plain(Kind::New) };
    assert_eq!(reason(broken), Err(Reason::FieldInvalid));
    let future = Envelope { promulgation_date: Some(date(2030, 1, 1)), ..plain(Kind::New) };
    assert_eq!(reason(future), Err(Reason::FutureDate));
    let secret = Envelope { subject: "(Tuyệt mật)".to_owned(), ..plain(Kind::New) };
    assert_eq!(reason(secret), Err(Reason::StateSecret));
    let loose = Envelope { subject: "Co\u{302}ng va\u{306}n".to_owned(), ..plain(Kind::New) };
    assert_eq!(reason(loose).unwrap().subject, "Công văn");
    assert_eq!(reason(plain(Kind::Recall)).unwrap().acts_on, "1/CV");
}

#[test]
fn a_status_handed_in_says_what_it_answers() {
    let lenient = rules(Mode::Lenient);
    let strict = rules(Mode::Strict);
    let status = |code, organ: Option<&str>, document: &str| Envelope {
        status: Some(StatusNotice { code, description: String::new() }),
        response_for: vec![ResponseFor {
            organ_id: organ.map(|o| AgencyCode::parse(o).unwrap()),
            document_id: document.to_owned(),
            ..ResponseFor::default()
        }],
        ..plain(Kind::Status)
    };
    let refused = |envelope| checked(&lenient, envelope).unwrap_err().reason;
    assert_eq!(refused(plain(Kind::Status)), Reason::FieldMissing);
    assert_eq!(refused(status(BusinessStatus::Arrived, Some("H53"), "")), Reason::FieldMissing);
    assert_eq!(refused(status(BusinessStatus::Arrived, None, "1/CV")), Reason::FieldMissing);
    checked(&lenient, status(BusinessStatus::RecallRequested, None, "1/CV")).unwrap();
    // QĐ 28/2018 Art. 5.4.
    let silent = status(BusinessStatus::Refused, Some("H53"), "1/CV");
    assert_eq!(checked(&lenient, silent.clone()).unwrap().warnings.len(), 1);
    let refused = checked(&strict, silent).unwrap_err();
    assert_eq!(refused.reason, Reason::StatusReasonMissing);
}

#[test]
fn texts_have_lengths() {
    let long = format!("<edXML:Subject>{}", "x".repeat(501));
    let endless = format!("<edXML:Subject>{}", "x".repeat(4_001));
    let long_id = format!("<edXML:DocumentId>{}", "x".repeat(201));
    // (piece, its replacement, lenient, strict): domain.md 2.3 and NĐ 30/2020 Annex VI.
    let table = [
        (
            "<edXML:DocumentId>",
            long_id,
            "field_invalid MessageHeader/DocumentId",
            "field_invalid MessageHeader/DocumentId",
        ),
        ("<edXML:Subject>", long, "New 1", "field_invalid MessageHeader/Subject"),
        (
            "<edXML:Subject>",
            endless,
            "field_invalid MessageHeader/Subject",
            "field_invalid MessageHeader/Subject",
        ),
    ];
    for (from, to, lenient, strict) in table {
        let file = changed(from, &to);
        assert_eq!(verdict(&file, Mode::Lenient), lenient);
        assert_eq!(verdict(&file, Mode::Strict), strict);
    }
}
