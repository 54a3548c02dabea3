//! Social insurance as a commune asks it.

use serde_json::{Value, json};

use super::super::citizen::{Birth, Parents};
use super::super::tests::{Asker, PROVINCE, country};
use super::*;
use crate::providers::population::{Commune, Date, Person, Sex};

fn provider() -> SocialInsurance {
    let population = country();
    let newborns = Arc::new(Newborns::new(7, &population));
    SocialInsurance::new(&population, &newborns)
}

fn traits_of(person: &Person, by_birth: bool) -> Value {
    let place = if by_birth { &person.birth_place } else { &person.permanent_address };
    json!({"hoTen": person.name.full(), "ngaySinh": person.birth_date.compact(), "loaiNgaySinh": 0,
        "gioiTinh": person.sex.insurance_code(), "maTinhKs": place.commune.code()[..2],
        "maHuyenKs": "", "maXaKs": place.commune.code(), "isKs": u8::from(by_birth)})
}

#[test]
fn a_number_leads_to_the_person_and_the_person_to_the_number() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    for index in (0..provider.population.len()).step_by(2_003) {
        let person = provider.population.person(index).unwrap();
        let number = json!({"maSoBhxh": person.insurance_number.to_string()});
        let (status, answer) = asker.post("/getTraCuuTtHgdByMaSoBhxh", &number);
        assert_eq!((status, &answer["hoTen"]), (200, &json!(person.name.upper())));
        assert_eq!(answer["ngaySinh"], person.birth_date.compact());
        assert_eq!(answer["gioiTinh"], person.sex.insurance_code());
        assert_eq!(answer["maXaKs"], person.birth_place.commune.code());
        for by_birth in [false, true] {
            let body = traits_of(&person, by_birth);
            let (_, found) = asker.post("/getMaSoBhxhTheoTieuChi", &body);
            // Namesakes of one day in one commune are possible, but then nobody is named.
            let own = found["maSoBhxh"] == number["maSoBhxh"] && found["errorCode"] == "00";
            assert!(own || found["errorCode"] == "02", "{found}");
        }
    }
}

#[test]
fn a_search_without_commune_says_so_and_one_wrong_trait_finds_nobody() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let good = traits_of(&provider.population.person(9).unwrap(), false);
    let table = [
        ("maXaKs", json!(null), "03"),
        ("maXaKs", json!(""), "03"),
        ("maXaKs", json!("99999"), "04"),
        ("maTinhKs", json!("99"), "06"),
        ("ngaySinh", json!("20260231"), "05"),
        ("ngaySinh", json!("1990"), "05"),
        ("hoTen", json!("Lê Văn Không"), "01"),
        ("gioiTinh", json!(3), "01"),
        ("ngaySinh", json!("19010101"), "01"),
    ];
    for (name, value, code) in table {
        let mut body = good.clone();
        body[name] = value;
        let (status, found) = asker.post("/getMaSoBhxhTheoTieuChi", &body);
        assert_eq!((status, &found["errorCode"]), (200, &json!(code)), "{body}");
        assert_eq!(found["maSoBhxh"], "");
    }
    for (name, value) in [("loaiNgaySinh", json!(3)), ("hoTen", json!(1)), ("isKs", json!("x"))] {
        let mut body = good.clone();
        body[name] = value;
        assert_eq!(asker.post("/getMaSoBhxhTheoTieuChi", &body).0, 400);
    }
}

#[test]
fn a_year_or_a_month_is_enough_when_the_kind_of_date_says_so() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let person = provider.population.person(9).unwrap();
    let date = person.birth_date.compact();
    for (kind, text) in [
        (1, date[..4].to_owned()),
        (1, format!("{}0000", &date[..4])),
        (2, date[..6].to_owned()),
        (2, format!("{}00", &date[..6])),
    ] {
        let mut body = traits_of(&person, false);
        body["ngaySinh"] = json!(text);
        body["loaiNgaySinh"] = json!(kind);
        let found = asker.post("/getMaSoBhxhTheoTieuChi", &body).1;
        assert_eq!(found["maSoBhxh"], person.insurance_number.to_string(), "{text}");
    }
}

#[test]
fn a_household_is_told_to_who_knows_one_of_it_completely() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let people =
        (0..provider.population.len()).filter_map(|index| provider.population.person(index));
    let person =
        people.into_iter().find(|person| person.alive && person.household.size > 2).unwrap();
    let card = provider.population.health_card(person.index).unwrap().to_string();
    let good = json!({"maTinh": person.permanent_address.commune.code()[..2], "hoTen": person.name.upper(),
        "ngaySinh": person.birth_date.compact(), "loaiNgaySinh": "0",
        "gioiTinh": person.sex.insurance_code().to_string(),
        "soSo": format!("{:09}", person.household.book), "maThe": card, "isKs": 0});
    let (status, members) = asker.post("/getTraCuuThongTinHgd", &good);
    let members = members.as_array().unwrap();
    assert_eq!((status, members.len()), (200, usize::try_from(person.household.size).unwrap()));
    assert!(members.iter().any(|one| one["maSo"] == person.insurance_number.to_string()));
    assert!(members.iter().all(|one| one["maHo"] == person.household.code.to_string()));
    let table = [
        ("hoTen", json!("Lê Văn Không"), 404),
        ("ngaySinh", json!("19010101"), 404),
        ("ngaySinh", json!("x"), 409),
        ("maTinh", json!("99"), 404),
        ("soSo", json!("000000000"), 404),
        ("maThe", json!("TE1010000000000"), 404),
        ("maThe", json!(card.to_lowercase()), 404),
        ("gioiTinh", json!(4), 400),
    ];
    for (name, value, status) in table {
        let mut body = good.clone();
        body[name] = value;
        assert_eq!(asker.post("/getTraCuuThongTinHgd", &body).0, status, "{body}");
    }
    let mut neither = good;
    neither["soSo"] = json!("");
    neither["maThe"] = json!(null);
    assert_eq!(asker.post("/getTraCuuThongTinHgd", &neither).0, 409);
}

#[test]
fn a_newborn_is_insured_from_the_first_day() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let commune = Commune::by_code("01001").unwrap();
    let born = Date::new(2026, 1, 4).unwrap();
    let birth = Birth {
        parents: Parents::default(),
        name: "Lê Thị Mới".to_owned(),
        sex: Sex::Female,
        birth_date: born,
        commune,
        known_from_ms: 0,
    };
    let child = provider.newborns.register(birth.clone()).unwrap();
    let body = json!({"maSoBhxh": child.insurance_number.to_string()});
    assert_eq!(asker.post("/getTraCuuTtHgdByMaSoBhxh", &body).1["hoTen"], "LÊ THỊ MỚI");
    let body = json!({"hoTen": "lê thị  mới", "ngaySinh": "20260104", "loaiNgaySinh": 0, "gioiTinh": 2,
        "maTinhKs": "01", "maXaKs": "01001", "isKs": 1});
    let found = asker.post("/getMaSoBhxhTheoTieuChi", &body).1;
    assert_eq!(found["maSoBhxh"], child.insurance_number.to_string());
    assert!(provider.newborns.register(birth).is_ok());
    let found = asker.post("/getMaSoBhxhTheoTieuChi", &body).1;
    assert_eq!((&found["errorCode"], &found["maSoBhxh"]), (&json!("02"), &json!("")));
    assert_eq!(asker.post("/getTraCuuTtHgdByMaSoBhxh", &json!({"maSoBhxh": "x"})).0, 404);
    assert_eq!(asker.post("/getTraCuuTtHgdByMaSoBhxh", &json!({})).0, 400);
}
