//! The business register as a one-stop office uses it.

use serde_json::{Value, json};

use super::super::tests::{Asker, NOW, PROVINCE, country};
use super::*;

fn provider() -> BusinessRegister {
    BusinessRegister::new(7, &country())
}

#[test]
fn an_enterprise_comes_in_the_fields_of_the_source() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    for index in 0..40 {
        let enterprise = provider.population.enterprise(index).unwrap();
        let (status, answer) = asker.get(&format!("/chiTietDoanhNghiep?msdn={}", enterprise.code));
        assert_eq!((status, &answer["Status"], &answer["DataCount"]), (200, &json!(1), &json!(1)));
        let main = &answer["MainInformation"];
        assert_eq!(main["ENTERPRISE_GDT_CODE"], enterprise.code.to_string());
        assert_eq!(main["FOUNDING_DATE"], enterprise.founded_on.slashed());
        assert_eq!(main["LEGAL_NAMES"], answer["Member"][0]["MEMBER_NAME"]);
        assert_eq!(answer["HOAdress"]["WardID"], enterprise.address.commune.code());
        assert_eq!(answer["BusinessActivity"][0]["IS_MAIN"], "Y");
        let shares = answer["Member"].as_array().unwrap().iter();
        assert_eq!(shares.map(|one| one["RATIO_PERCENT"].as_u64().unwrap()).sum::<u64>(), 100);
    }
}

#[test]
fn each_wrong_request_gets_its_status_and_the_words_of_a_failure() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let table = [
        ("/chiTietDoanhNghiep", 400),
        ("/chiTietDoanhNghiep?msdn=0100000000", 404),
        ("/chiTietDoanhNghiep?msdn=x", 404),
        ("/danhSachHoSo?from_date=05/01/2026&to_date=10/01/2026", 409),
        ("/danhSachHoSo?from_date=05/01/2026&to_date=04/01/2026", 409),
        ("/danhSachHoSo?from_date=31/02/2026&to_date=01/03/2026", 409),
        ("/danhSachHoSo?from_date=2026-01-05&to_date=05/01/2026", 400),
        ("/danhSachHoSo?from_date=05/01/2026", 400),
        ("/danhSachHoSo?from_date=05/01/2026&to_date=05/01/2026&limit=0", 400),
        ("/danhSachHoSo?from_date=05/01/2026&to_date=05/01/2026&limit=201", 400),
        ("/danhSachHoSo?from_date=05/01/2026&to_date=05/01/2026&offset=-1", 400),
        ("/danhSachHoSoTrongNgay?from_ts=08:00&to_ts=07:59", 409),
        ("/danhSachHoSoTrongNgay?from_ts=25:00&to_ts=26:00", 409),
        ("/danhSachHoSoTrongNgay?from_ts=8:00&to_ts=09:00", 400),
        ("/tinhTrangHoSo", 400),
        ("/tinhTrangHoSo?in_journal_no=202601059999", 404),
        ("/tinhTrangHoSo?in_journal_no=x", 404),
    ];
    for (target, status) in table {
        let (given, answer) = asker.get(target);
        assert_eq!((given, &answer["Status"]), (status, &json!(0)), "{target}");
        assert_eq!(answer["DataCount"], 0);
    }
}

fn numbers(answer: &Value) -> Vec<String> {
    let rows = answer["Data"].as_array().unwrap().iter();
    rows.map(|row| row["IN_JOURNAL_NO"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn five_days_of_files_are_the_files_of_each_day_and_each_is_found_by_number() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let list = |from: &str, to: &str| {
        asker.get(&format!("/danhSachHoSo?from_date={from}&to_date={to}&limit=200")).1
    };
    // 24/12/2025 is a Wednesday, so the weekend is 27 and 28/12.
    let all = numbers(&list("24/12/2025", "28/12/2025"));
    let days = [24, 25, 26, 27, 28].map(|day| {
        let day = format!("{day}/12/2025");
        numbers(&list(&day, &day))
    });
    assert_eq!(all, days.concat());
    assert!(days[..3].iter().all(|day| !day.is_empty()));
    assert!(days[3..].iter().all(Vec::is_empty));
    for number in &all {
        let (status, answer) = asker.get(&format!("/tinhTrangHoSo?in_journal_no={number}"));
        assert_eq!((status, numbers(&answer)), (200, vec![number.clone()]));
        assert_eq!(answer["Data"][0]["PROCESS_STATUS"], "Đã cấp đăng ký");
        assert!(answer["Data"][0]["REGISTRATION_DATE"].is_string());
        let code = answer["Data"][0]["ENTERPRISE_GDT_CODE"].as_str().unwrap();
        assert_eq!(asker.get(&format!("/chiTietDoanhNghiep?msdn={code}")).0, 200);
    }
    let page =
        asker.get("/danhSachHoSo?from_date=24/12/2025&to_date=28/12/2025&offset=1&limit=2").1;
    assert_eq!((numbers(&page), &page["DataCount"]), (all[1..3].to_vec(), &json!(all.len())));
}

#[test]
fn the_day_fills_up_as_it_goes_by() {
    let provider = provider();
    let today = "/danhSachHoSoTrongNgay?from_ts=00:00&to_ts=23:59&limit=200";
    let count = |hours: i64| {
        let asker = Asker::new(&provider, PROVINCE).at(NOW + hours * moment::HOUR_MS);
        numbers(&asker.get(today).1).len()
    };
    assert_eq!(count(-1), 0);
    assert!(count(0) <= count(4) && count(4) <= count(12) && count(12) > 0);
    let tomorrow = Asker::new(&provider, PROVINCE);
    assert!(
        numbers(&tomorrow.get("/danhSachHoSo?from_date=06/01/2026&to_date=06/01/2026").1)
            .is_empty()
    );
}
