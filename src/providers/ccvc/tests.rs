//! Personnel records as a province pushes them and a ministry reads them.

use serde_json::{Value, json};

use super::super::moment::DAY_MS;
use super::super::tests::{Asker, NOW, PROVINCE, country, encoded};
use super::*;
use crate::providers::population::Person;

fn provider() -> CivilServants {
    CivilServants::new(&country())
}

/// A servant, and a member of the province that employs them.
fn servants(provider: &CivilServants) -> Vec<(Person, String)> {
    let population = &provider.population;
    let found = (0..population.len()).filter_map(|index| {
        let servant = population.employment(index)?;
        let level_one = servant.agency_code.split('.').next()?.to_owned();
        Some((population.person(index)?, format!("VN:GOV:000.00.00.{level_one}:NOIVU")))
    });
    found.take(5).collect()
}

fn pushed(person: &Person, code: &str, step: u8) -> Value {
    json!({"soDinhDanh": person.number.to_string(), "hoTen": person.name.upper(),
        "ngaySinh": person.birth_date.slashed(), "maNgach": code, "bacLuong": step})
}

#[test]
fn an_accepted_record_changes_the_servant_and_enters_the_feed() {
    let provider = provider();
    let (person, caller) = servants(&provider).remove(0);
    let asker = Asker::new(&provider, &caller);
    let target = format!("/canBo?soDinhDanh={}", person.number);
    assert_eq!(asker.get(&target).1["hoTen"], person.name.upper());
    let batch = json!({"maLo": "LO-1", "danhSach": [pushed(&person, "01.002", 3)]});
    let judged = asker.post("/hoSo/lo", &batch).1;
    assert_eq!((&judged["chapNhan"], &judged["tuChoi"]), (&json!(1), &json!(0)));
    let changed = asker.get(&target).1;
    assert_eq!((&changed["maNgach"], &changed["heSoLuong"]), (&json!("01.002"), &json!(5.08)));
    let feed = asker.get("/bienDong?tuNgay=05/01/2026").1;
    assert_eq!(feed["danhSach"][0]["soDinhDanh"], person.number.to_string());
    assert_eq!(asker.get("/bienDong?tuNgay=06/01/2026").1, json!({"tongSo": 0, "danhSach": []}));
}

#[test]
fn each_record_is_rejected_on_its_own() {
    let provider = provider();
    let (person, caller) = servants(&provider).remove(0);
    let idle = (0..).find(|index| provider.population.employment(*index).is_none()).unwrap();
    let idle = provider.population.person(idle).unwrap();
    let mut unknown = pushed(&person, "01.003", 1);
    unknown["hoTen"] = json!("Lê Văn Không");
    let mut no_day = pushed(&person, "01.003", 1);
    no_day["ngaySinh"] = json!("31/02/1990");
    let batch = json!({"maLo": "LO-1", "danhSach": [pushed(&person, "01.003", 1), unknown, no_day,
        pushed(&idle, "01.003", 1), pushed(&person, "99.999", 1), pushed(&person, "01.001", 7)]});
    let judged = Asker::new(&provider, &caller).post("/hoSo/lo", &batch).1;
    let reasons: Vec<_> =
        judged["ketQua"].as_array().unwrap().iter().map(|one| one["maLoi"].clone()).collect();
    let wanted = json!([
        null,
        "KHONG_KHOP",
        "NGAY_KHONG_CO",
        "KHONG_PHAI_CBCCVC",
        "MA_NGACH_SAI",
        "BAC_LUONG_SAI"
    ]);
    assert_eq!((Value::from(reasons), &judged["chapNhan"]), (wanted, &json!(1)));
    let stranger = Asker::new(&provider, "VN:GOV:000.00.00.G99:X").post("/hoSo/lo", &batch).1;
    assert_eq!(stranger["ketQua"][0]["maLoi"], "KHONG_THUOC_DON_VI");
}

#[test]
fn the_feed_is_paged_and_starts_at_a_day() {
    let provider = provider();
    for (day, (person, caller)) in servants(&provider).iter().enumerate() {
        let asker = Asker::new(&provider, caller).at(NOW + i64::try_from(day).unwrap() * DAY_MS);
        let batch = json!({"maLo": format!("LO-{day}"), "danhSach": [pushed(person, "01.003", 2)]});
        assert_eq!(asker.post("/hoSo/lo", &batch).1["chapNhan"], 1);
    }
    let asker = Asker::new(&provider, PROVINCE);
    let feed = asker.get("/bienDong?tuNgay=06/01/2026&trang=2&soBanGhi=2").1;
    let numbers: Vec<_> =
        feed["danhSach"].as_array().unwrap().iter().map(|one| one["soThuTu"].clone()).collect();
    assert_eq!((&feed["tongSo"], Value::from(numbers)), (&json!(4), json!([4, 5])));
}

#[test]
fn a_servant_is_not_told_to_who_knows_a_wrong_name() {
    let provider = provider();
    let (person, _) = servants(&provider).remove(0);
    let asker = Asker::new(&provider, PROVINCE);
    let number = person.number;
    let table = [
        (format!("soDinhDanh={number}&hoTen={}", encoded(&person.name.full())), 200),
        (format!("soDinhDanh={number}&hoTen=x"), 404),
        (format!("soDinhDanh={number}&ngaySinh=01/01/1901"), 404),
        (format!("soDinhDanh={number}&ngaySinh=31/02/1990"), 409),
        (format!("soDinhDanh={number}&ngaySinh=x"), 400),
        ("soDinhDanh=x".to_owned(), 404),
        (String::new(), 400),
    ];
    for (query, status) in table {
        assert_eq!(asker.get(&format!("/canBo?{query}")).0, status, "{query}");
    }
    for wrong in ["/bienDong", "/bienDong?tuNgay=x", "/bienDong?tuNgay=05/01/2026&trang=0"] {
        assert_eq!(asker.get(wrong).0, 400, "{wrong}");
    }
}
