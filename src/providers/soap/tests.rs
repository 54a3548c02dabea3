//! What is read as a SOAP request and what is not, and that an answer repeats the header as it was sent.

use proptest::prelude::*;

use super::*;

const OPEN: &str =
    r#"<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="urn:x">"#;

fn request(header: &str) -> String {
    format!(
        "{OPEN}{header}<s:Body><x:Ask a='1'><x:B>1 &lt; 2<![CDATA[ & ]]></x:B></x:Ask></s:Body></s:Envelope>"
    )
}

fn text(answer: &Answer) -> &str {
    str::from_utf8(&answer.body).unwrap()
}

#[test]
fn the_header_is_repeated_byte_for_byte() {
    let headers = [
        "",
        "<s:Header/>",
        "<s:Header ></s:Header\n>",
        "<s:Header xmlns:i='urn:i'>\r\n <x:client i:objectType=\"SUBSYSTEM\"><!-- Đà Nẵng --><i:a>&#x110;&amp;<![CDATA[<]]></i:a></x:client>\t<x:id/></s:Header>",
    ];
    for header in headers {
        let envelope = Envelope::read(request(header).as_bytes()).unwrap();
        let answer = envelope.answer("<r/>");
        assert_eq!(answer.status, 200);
        let wanted = format!("{DECLARATION}{OPEN}{header}<s:Body><r/></s:Body></s:Envelope>");
        assert_eq!(text(&answer), wanted);
        let fault = envelope.fault(&SoapFault::client("sai & <hỏng>"));
        assert!(text(&fault).contains(header) && text(&fault).contains("sai &amp; &lt;hỏng&gt;"));
        assert_eq!(fault.status, 500);
        let again = Envelope::read(&answer.body).unwrap();
        assert_eq!(again.root().name, "r");
    }
}

#[test]
fn an_envelope_in_the_default_namespace_is_answered_in_it() {
    let body = format!(
        "\u{feff}<?xml version='1.0' encoding='utf-8'?><Envelope xmlns='{SOAP_1_1}'><Body><A xmlns='urn:a'/></Body></Envelope>\n"
    );
    let envelope = Envelope::read(body.as_bytes()).unwrap();
    assert_eq!((envelope.root().name.as_str(), envelope.root().namespace.as_str()), ("A", "urn:a"));
    let fault = document::read(text(&envelope.fault(&SoapFault::client("x")))).unwrap();
    let fault = &fault.children[0].children[0];
    assert_eq!((fault.name.as_str(), fault.namespace.as_str()), ("Fault", SOAP_1_1));
    assert_eq!(fault.children[0].namespace, "");
}

#[test]
fn text_is_put_together_from_all_its_forms() {
    let body = request("");
    let envelope = Envelope::read(body.as_bytes()).unwrap();
    assert_eq!(envelope.root().children[0].text, "1 < 2 & ");
}

#[test]
fn what_is_no_soap_request_is_refused() {
    let good = request("");
    let inside = |body: &str| format!("{OPEN}<s:Body>{body}</s:Body></s:Envelope>");
    let deep = format!("{}{}", "<x:a>".repeat(5_000), "</x:a>".repeat(5_000));
    let many = "<x:a/>".repeat(5_000);
    let long = format!("<x:a>{}</x:a>", "a".repeat(300 << 10));
    let names = format!("<x:a xmlns:y='{}'><y:b/></x:a>", "u".repeat(1_000));
    let attributes: String = (0..100).map(|at| format!(" a{at}=''")).collect();
    let bodies = [
        String::new(),
        "{}".to_owned(),
        inside(""),
        inside("<x:a/><x:b/>"),
        inside("<x:a>"),
        inside("<x:a></x:b>"),
        inside("<x:a b='1' b='2'/>"),
        inside("<x:a b='<'/>"),
        inside("<x:a b=1/>"),
        inside("<x:a y:b='1'/>"),
        inside("<x:a b='&x;'/>"),
        inside("<y:a/>"),
        inside("<x:a:b/>"),
        inside("<1/>"),
        inside("<x:a>&x;</x:a>"),
        inside("<x:a>&#0;</x:a>"),
        inside("<x:a>&#1;</x:a>"),
        inside("<x:a>\u{1}</x:a>"),
        inside("<x:a>]]></x:a>"),
        inside("<x:a><!-- -- --></x:a>"),
        inside("<x:a><?php x?></x:a>"),
        inside(&deep),
        inside(&many),
        inside(&long),
        inside(&names),
        inside(&format!("<x:a{attributes}/>")),
        format!("{good}<x/>"),
        format!("{good}x"),
        format!("x{good}"),
        good.replace("<s:Body>", "<s:Other/><s:Body>"),
        good.replace("</s:Envelope>", "<s:Header/></s:Envelope>"),
        good.replace("soap/envelope", "soap/other"),
        good.replace(SOAP_1_1, SOAP_1_2),
        format!("<?xml version='1.1'?>{good}"),
        format!("<?xml version='1.0' encoding='windows-1258'?>{good}"),
        format!("<!DOCTYPE a [<!ENTITY x 'x'>]>{good}"),
        format!("<!DOCTYPE a SYSTEM 'file:///etc/passwd'>{good}"),
    ];
    for body in bodies {
        let told: String = body.chars().take(200).collect();
        let fault = Envelope::read(body.as_bytes()).err();
        let answer = fault.unwrap_or_else(|| panic!("taken: {told}")).answer();
        assert_eq!(answer.status, 500);
        let root = document::read(text(&answer)).unwrap();
        assert_eq!(root.children[0].children[0].name, "Fault");
    }
    for body in [&b"\xff"[..], &b"\xfe\xff\0<"[..], &b"<a>\xc3</a>"[..]] {
        assert!(Envelope::read(body).is_err());
    }
    assert!(Envelope::read(good.as_bytes()).is_ok());
}

#[test]
fn another_soap_version_is_called_so() {
    let other = request("").replace(SOAP_1_1, SOAP_1_2);
    let fault = Envelope::read(other.as_bytes()).unwrap_err();
    assert_eq!(fault.code, FaultCode::VersionMismatch);
}

proptest! {
    #[test]
    fn no_input_panics_and_what_is_taken_is_answered_well_formed(pieces in proptest::collection::vec(
        prop_oneof![
            Just(OPEN), Just("<s:Body>"), Just("</s:Body>"), Just("</s:Envelope>"), Just("<x:a>"),
            Just("</x:a>"), Just("<s:Header/>"), Just("<x:a/>"), Just("é"), Just("&amp;"), Just("<!--"),
            Just("<![CDATA["), Just("]]>"), Just("-->"), Just("<"), Just("&#x41;"), Just("\u{feff}"), Just(" a=''"),
        ], 0..14)
    ) {
        let body = pieces.concat();
        if let Ok(envelope) = Envelope::read(body.as_bytes()) {
            prop_assert!(Envelope::read(&envelope.answer("<r/>").body).is_ok());
        }
    }
}
