//! C7: the tax system takes a signed question and gives a signed answer (SOAP with `XMLDSig`), and nothing else.

use super::{Answer, COUNTRY, Country};
use crate::world::bundle;
use lienthong::clock::{Clock, SystemClock};
use lienthong::domain::envelope::SignatureState;
use lienthong::pki::{Bundle, CertificateFacts, Holder, MemberId, Pki};
use lienthong::providers::population::{Date, Population};
use lienthong::signature::{Anchors, Signer, Verdict, verify};

const SERVICE: &str = "TraCuuNghiaVuThue";
const MEMBER: &str = "VN:GOV:000.00.06.H60:QLVB";
const OTHER: &str = "VN:GOV:000.00.00.H60:LGSP";
const TAX: &str = "VN:GOV:000.00.00.G12:THUE";

fn text() -> String {
    format!(
        r#"{COUNTRY}
[[service]]
id = "VN:GOV:G12:THUE/{SERVICE}"
platform = "ss-db"
rights = ["H60"]
"#
    )
}

fn question(code: &str) -> String {
    format!(
        "<t:{SERVICE} xmlns:t=\"http://thue.gdt.gov.vn/ketnoi/1.0\"><t:MaGiaoDich>gd-1</t:MaGiaoDich>\
         <t:MaSoThue>{code}</t:MaSoThue><t:Nam>2026</t:Nam></t:{SERVICE}>"
    )
}

fn signer(bundle: &Bundle) -> Signer {
    let read = |path| std::fs::read(path).unwrap();
    Signer::from_pem(&read(&bundle.key), &read(&bundle.chain)).unwrap()
}

async fn ask(country: &Country, body: &str) -> Answer {
    let part = |name: &str, kind: &str, parts: &str| {
        format!(
            "<x:{name} id:objectType=\"{kind}\"><id:xRoadInstance>VN</id:xRoadInstance><id:memberClass>GOV</id:memberClass>{parts}</x:{name}>"
        )
    };
    let client =
        "<id:memberCode>000.00.06.H60</id:memberCode><id:subsystemCode>QLVB</id:subsystemCode>";
    let called = format!(
        "<id:memberCode>G12</id:memberCode><id:subsystemCode>THUE</id:subsystemCode><id:serviceCode>{SERVICE}</id:serviceCode>"
    );
    let message = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header xmlns:x=\"http://x-road.eu/xsd/xroad.xsd\" \
         xmlns:id=\"http://x-road.eu/xsd/identifiers\">{}{}<x:id>m-1</x:id><x:protocolVersion>4.0</x:protocolVersion></s:Header>\
         <s:Body>{body}</s:Body></s:Envelope>",
        part("client", "SUBSYSTEM", client),
        part("service", "SERVICE", &called),
    );
    let typed = [("Content-Type", "text/xml; charset=utf-8")];
    country.call_with("POST", "/", &typed, message.as_bytes()).await
}

/// What the answer's own signature says.
fn judged(country: &Country, body: &str) -> Verdict {
    let ca = std::fs::read(country.gateway.pki.dir().join("ca.pem")).unwrap();
    verify(body.as_bytes(), &Anchors::from_pem(&ca).unwrap(), country.gateway.plane.now())
}

fn inside<'a>(answer: &'a str, name: &str) -> &'a str {
    let begin = answer.find(&format!("<{name} ")).unwrap_or_else(|| panic!("{answer}"));
    let end = format!("</{name}>");
    let length = answer[begin..].rfind(&end).unwrap() + end.len();
    &answer[begin..begin + length]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_question_about_taxes_gets_an_answer_signed_by_the_tax_system() {
    let country = Country::start_with(&text()).await;
    let on = Date::new(2026, 11, 20).unwrap();
    let topology = &country.gateway.topology;
    let people =
        Population::new(topology.simulated.population_seed, topology.simulated.population, on)
            .unwrap();
    let person = people.person(5).unwrap();
    let mine = signer(&bundle(&country.gateway, MEMBER));
    let signed = mine.sign_root(&question(&person.number.to_string())).unwrap();
    let answer = ask(&country, &signed).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.text();
    assert!(answer.contains(&person.name.upper()) && answer.contains("<MaGiaoDich>gd-1<"));
    let body = inside(&answer, "TraCuuNghiaVuThueResponse");
    let verdict = judged(&country, body);
    assert_eq!(verdict.state, SignatureState::Valid, "{}", verdict.note);
    let facts = CertificateFacts::read(&verdict.certificate.unwrap()).unwrap();
    assert_eq!(facts.holder, Some(Holder::Member(MemberId::parse(TAX).unwrap())));
    let altered = body.replacen("gd-1", "gd-2", 1);
    assert_eq!(judged(&country, &altered).state, SignatureState::Invalid);
    country.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unsigned_altered_or_foreign_question_about_taxes_is_refused_and_told_why() {
    let country = Country::start_with(&text()).await;
    let asked = question("0100000001");
    let mine = signer(&bundle(&country.gateway, MEMBER));
    let signed = mine.sign_root(&asked).unwrap();
    // Another authority that certifies the very same name.
    let elsewhere = tempfile::tempdir().unwrap();
    let forged = Pki::at(elsewhere.path());
    let member = MemberId::parse(MEMBER).unwrap();
    forged.init(&[], std::slice::from_ref(&member), SystemClock::new().now()).unwrap();
    let forged = signer(&forged.bundle(&Holder::Member(member)));
    let others = signer(&bundle(&country.gateway, OTHER));
    for (body, code) in [
        (asked.clone(), "CHUA_KY"),
        (signed.replacen("0100000001", "0100000002", 1), "CHU_KY_SAI"),
        (signed.replacen("<t:Nam>", "<t:Nam> ", 1), "CHU_KY_SAI"),
        (others.sign_root(&asked).unwrap(), "SAI_NGUOI_KY"),
        (forged.sign_root(&asked).unwrap(), "CHUNG_THU_LA"),
    ] {
        let answer = ask(&country, &body).await;
        let text = answer.text();
        let told = text.split_once("<faultstring>").map_or("", |(_, rest)| rest);
        assert!(told.starts_with(code), "{code}: {text}");
        assert!(text.contains("soap:Client"), "{text}");
    }
    country.gateway.stop().await;
}
