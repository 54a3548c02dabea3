//! The land database as a land registration office uses it.

use serde_json::{Value, json};

use super::super::http::Reason;
use super::super::moment::MINUTE_MS;
use super::super::tests::{Asker, NOW, PROVINCE, country, encoded};
use super::*;

fn provider() -> LandRegister {
    LandRegister::new(&country())
}

#[test]
fn a_parcel_is_the_same_by_place_by_certificate_and_by_owner() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    for index in (0..provider.population.parcels()).step_by(997) {
        let parcel = provider.population.parcel(index).unwrap();
        let (commune, sheet, number) = (parcel.commune.code(), parcel.sheet, parcel.number);
        let by_place = asker.get(&format!("/thuaDat?maXa={commune}&soTo={sheet}&soThua={number}"));
        let serial = encoded(&parcel.certificate.to_string());
        let by_serial = asker.get(&format!("/giayChungNhan?soSerial={serial}"));
        assert_eq!((by_place.0, &by_place), (200, &by_serial));
        assert_eq!(by_place.1["dienTich"], parcel.area_m2);
        let owner = provider.population.person(parcel.owners[0].index.unwrap()).unwrap();
        let target = format!(
            "/thuaDatTheoChuSuDung?soDinhDanh={}&hoTen={}&ngaySinh={}",
            owner.number,
            encoded(&owner.name.full()),
            owner.birth_date
        );
        let owned = asker.get(&target).1;
        assert!(owned.as_array().unwrap().contains(&by_place.1));
        let wrong = target.replace(&owner.birth_date.slashed(), "01/01/1901");
        assert_eq!(asker.get(&wrong).0, 404);
    }
}

#[test]
fn a_slip_becomes_a_notice_and_the_notice_is_paid() {
    let provider = provider();
    let parcel = provider.population.parcel(5).unwrap();
    let now = |minutes: i64| NOW + minutes * MINUTE_MS;
    let at = |minutes: i64| Asker::new(&provider, PROVINCE).at(now(minutes));
    let value = price::value(&parcel);
    let take = |slip: &Value| provider.take_slip(slip.clone(), |ms| NOW + ms);
    let reason = |told: Result<Value, Fault>| told.unwrap_err().reason;
    let table = [
        (1, value / 50 + (value / 200).min(500_000_000)),
        (2, 0),
        (3, price::gain_as_home(&parcel) / 2),
        (4, (value / 200).min(500_000_000)),
    ];
    for (kind, total) in table {
        let code = format!("D-{kind}");
        let slip = json!({"maHoSo": code, "maXa": parcel.commune.code(), "soTo": parcel.sheet,
            "soThua": parcel.number, "loaiGiaoDich": kind});
        assert_eq!(take(&slip).unwrap()["trangThai"], 1);
        assert_eq!(reason(take(&slip)), Reason::Conflict);
        assert_eq!(reason(provider.notice_of(&code, now(0))), Reason::Conflict);
        let told = provider.notice_of(&code, now(1)).unwrap();
        assert_eq!(told["tongSoTien"], json!(total), "{told}");
        let payment = format!("/trangThaiNopThue?maHoSo={code}");
        for (minutes, state, paid) in [(0, 1, 0), (1, 2, 0), (4, 2, 0), (5, 3, total)] {
            let told = at(minutes).get(&payment).1;
            assert_eq!((&told["trangThai"], &told["soTienDaNop"]), (&json!(state), &json!(paid)));
        }
    }
    let dear = json!({"maHoSo": "D-9", "maXa": parcel.commune.code(), "soTo": parcel.sheet,
        "soThua": parcel.number, "loaiGiaoDich": "1", "giaTriGiaoDich": value + 1_000});
    take(&dear).unwrap();
    let told = provider.notice_of("D-9", now(1)).unwrap();
    assert_eq!(told["giaTriTinhThue"], value + 1_000);
    let nowhere =
        json!({"maHoSo": "D-10", "maXa": "99999", "soTo": 1, "soThua": 1, "loaiGiaoDich": 1});
    assert_eq!(reason(take(&nowhere)), Reason::NotFound);
    assert_eq!(reason(take(&json!({"maHoSo": "D-11"}))), Reason::BadRequest);
    assert_eq!(reason(provider.notice_of("D-11", now(1))), Reason::NotFound);
}

#[test]
fn what_does_not_exist_is_404_and_what_is_malformed_400() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let table = [
        ("/thuaDat?maXa=99999&soTo=1&soThua=1", 404),
        ("/thuaDat?maXa=01001&soTo=100000&soThua=1", 404),
        ("/thuaDat?maXa=01001&soTo=0&soThua=1", 400),
        ("/thuaDat?maXa=01001&soTo=1", 400),
        ("/giayChungNhan?soSerial=x", 404),
        ("/giayChungNhan", 400),
        ("/thuaDatTheoChuSuDung?soDinhDanh=1&hoTen=x&ngaySinh=01/01/1990", 404),
        ("/thuaDatTheoChuSuDung?soDinhDanh=1&hoTen=x&ngaySinh=31/02/1990", 409),
        ("/thuaDatTheoChuSuDung?soDinhDanh=1", 400),
        ("/trangThaiNopThue?maHoSo=x", 404),
    ];
    for (target, status) in table {
        assert_eq!(asker.get(target).0, status, "{target}");
    }
}
