//! Criminal records as a Department of Justice and VNeID use them.

use serde_json::{Value, json};

use super::super::tests::{Asker, NOW, OTHER, PROVINCE, country};
use super::*;
use crate::providers::population::Person;

fn provider() -> CriminalRecords {
    CriminalRecords::new(&country())
}

fn declared(person: &Person, code: &str, form: u8) -> Value {
    json!({"idMinistryJustice": "G15", "idReceivedDec": code, "dateReceivedDec": "05/01/2026",
        "datePromissoryDec": "15/01/2026", "idMoneyReceipt": "BL1",
        "declarationWSForm": {"fullName": person.name.full(), "identifyNo": person.number.to_string(),
            "birthDate": person.birth_date.slashed(), "genderId": person.sex.insurance_code(), "formType": form},
        "residenceWSForm": [{"residencePlace": "Hà Nội"}], "mandatorWSForm": null})
}

fn convict(provider: &CriminalRecords) -> Person {
    let population = &provider.population;
    let cleared = |index: &u32| {
        let cases = population.criminal_record(*index);
        cases.is_some_and(|cases| cases.iter().all(|case| case.cleared_on.is_some()))
    };
    let mut people =
        (0..population.len()).filter(cleared).filter_map(|index| population.person(index));
    people.find(|person| person.alive).unwrap()
}

fn at(provider: &CriminalRecords, minutes: i64) -> Asker<'_> {
    Asker::new(provider, PROVINCE).at(NOW + minutes * MINUTE_MS)
}

#[test]
fn changes_are_pulled_until_they_are_acknowledged() {
    let provider = provider();
    let person = convict(&provider);
    let taken = at(&provider, 0).post("/nhanHoSoDangKy", &declared(&person, "L-1", 2)).1;
    assert_eq!((&taken["STATUS"], &taken["ID"]), (&json!(1), &json!(1)));
    let ack = json!({"ids": "1"});
    assert_eq!(at(&provider, 0).post("/danhDauHsThanhCong", &ack).0, 409);
    let pull =
        |minutes| at(&provider, minutes).post("/traDsTrangThaiHs", &json!({})).1["DATA"].clone();
    assert_eq!(pull(0)[0]["DEC_STATUS_ID"], 3);
    assert_eq!(pull(0)[0]["DEC_STATUS_ID"], 3);
    // The dossier moves on between pull and acknowledgement: that change is not lost.
    assert_eq!(at(&provider, 1).post("/danhDauHsThanhCong", &ack).0, 200);
    assert_eq!(pull(1)[0]["DEC_STATUS_ID"], 4);
    at(&provider, 1).post("/danhDauHsThanhCong", &ack);
    assert_eq!(pull(2), json!([]));
    assert_eq!(
        pull(3)[0],
        json!({"ID": 1, "ID_RECEIVED_DEC": "L-1", "DEC_STATUS_ID": 5,
        "APPROVE_DATE": "05/01/2026", "ISSUE_DATE": "05/01/2026"})
    );
    at(&provider, 3).post("/danhDauHsThanhCong", &ack);
    assert_eq!(pull(9), json!([]));
    let other = Asker::new(&provider, OTHER);
    assert_eq!(other.post("/traDsTrangThaiHs", &json!({})).1["DATA"], json!([]));
    for ids in ["1", "2", "x", "1;", "1;2"] {
        assert_eq!(other.post("/danhDauHsThanhCong", &json!({"ids": ids})).0, 404);
    }
}

#[test]
fn form_2_names_what_form_1_does_not() {
    let provider = provider();
    let person = convict(&provider);
    for form in [1, 2] {
        let code = format!("L-{form}");
        at(&provider, 0).post("/nhanHoSoDangKy", &declared(&person, &code, form));
        let which = json!({"idReceivedDec": code});
        let early = at(&provider, 2).post("/traHoSo", &which).1;
        assert_eq!((&early["CERTIFICATE"], &early["DEC_STATUS_ID"]), (&Value::Null, &json!(4)));
        let done = at(&provider, 3).post("/traHoSo", &which).1;
        let named = done["CERTIFICATE"]["anTich"].as_array().unwrap().len();
        let cases = provider.population.criminal_record(person.index).unwrap().len();
        assert_eq!(named, if form == 2 { cases } else { 0 });
        assert_eq!(done["CERTIFICATE"]["hoTen"], person.name.upper());
        let state = at(&provider, 3).post("/traTrangThaiHs", &which).1;
        assert_eq!(
            (&state["DEC_STATUS_ID"], &state["ISSUE_DATE"]),
            (&json!(5), &json!("05/01/2026"))
        );
    }
}

#[test]
fn vneid_gets_the_paper_of_the_person_it_names() {
    let provider = provider();
    let person = convict(&provider);
    at(&provider, 0).post("/nhanHoSoDangKy", &declared(&person, "L-1", 1));
    let body = json!({"maHoSo": "L-1", "soDinhDanh": person.number.to_string()});
    let early = at(&provider, 0).post(VNEID, &body).1;
    assert_eq!(
        (&early["statusCode"], &early["ketQuaXuLy"]["phieuLLTP"]),
        (&json!("00"), &Value::Null)
    );
    assert_eq!(early["ketQuaXuLy"]["ngayHenTraKetQua"], "15/01/2026");
    let done = at(&provider, 3).post(VNEID, &body).1;
    let paper = done["ketQuaXuLy"]["phieuLLTP"].as_str().unwrap();
    let paper = base64_simd::STANDARD.decode_to_vec(paper).unwrap();
    assert!(String::from_utf8(paper).unwrap().contains(&person.name.upper()));
    let wrong = json!({"maHoSo": "L-1", "soDinhDanh": "001099000001"});
    let (status, answer) = at(&provider, 3).post(VNEID, &wrong);
    assert_eq!((status, &answer["statusCode"]), (404, &json!("02")));
    assert_eq!(at(&provider, 3).post(VNEID, &json!({})).1["statusCode"], "01");
}

#[test]
fn the_dead_get_no_certificate_but_a_reason() {
    let provider = provider();
    let population = &provider.population;
    let mut people = (0..population.len()).filter_map(|index| population.person(index));
    let dead = people.find(|person| !person.alive).unwrap();
    at(&provider, 0).post("/nhanHoSoDangKy", &declared(&dead, "L-1", 1));
    let body = json!({"maHoSo": "L-1", "soDinhDanh": dead.number.to_string()});
    let done = at(&provider, 9).post(VNEID, &body).1;
    assert!(
        done["ketQuaXuLy"]["lyDoTuChoi"].is_string() && done["ketQuaXuLy"]["phieuLLTP"].is_null()
    );
}

#[test]
fn each_wrong_submission_is_refused_in_the_words_of_the_source() {
    let provider = provider();
    let person = convict(&provider);
    let good = declared(&person, "L-1", 1);
    let table = [
        ("/declarationWSForm/fullName", json!("Lê Văn Không"), 404),
        ("/declarationWSForm/birthDate", json!("01/01/1901"), 404),
        ("/declarationWSForm/birthDate", json!("31/02/1990"), 409),
        ("/declarationWSForm/birthDate", json!("1990"), 400),
        ("/declarationWSForm/identifyNo", json!("1"), 404),
        ("/declarationWSForm/formType", json!(3), 400),
        ("/declarationWSForm", json!([]), 400),
        ("/datePromissoryDec", json!("04/01/2026"), 409),
        ("/idReceivedDec", json!(""), 400),
        ("/residenceWSForm", json!([1]), 400),
    ];
    for (place, value, status) in table {
        let mut body = good.clone();
        *body.pointer_mut(place).unwrap() = value;
        let (given, answer) = at(&provider, 0).post("/nhanHoSoDangKy", &body);
        assert_eq!((given, &answer["STATUS"]), (status, &json!(0)), "{body}");
        assert!(answer["DESCRIPTION"].is_string());
    }
    assert_eq!(at(&provider, 0).post("/nhanHoSoDangKy", &good).0, 200);
    assert_eq!(at(&provider, 0).post("/nhanHoSoDangKy", &good).0, 409);
    assert_eq!(
        Asker::new(&provider, OTHER).post("/traHoSo", &json!({"idReceivedDec": "L-1"})).0,
        404
    );
    for kind in 1..=5 {
        let list = at(&provider, 0).post("/traDanhMuc", &json!({"loaiDanhMuc": kind})).1;
        assert!(!list["DATA"].as_array().unwrap().is_empty());
    }
}
