//! The tax database as a one-stop office asks it.

use serde_json::{Value, json};

use super::super::tests::{Asker, PROVINCE, country, encoded};
use super::*;

fn provider() -> Taxes {
    Taxes::new(7, &country())
}

#[test]
fn a_person_has_two_codes_and_an_enterprise_one() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    for index in (0..provider.population.len()).step_by(4_999) {
        let person = provider.population.person(index).unwrap();
        let by_number = asker.get(&format!("/nguoiNopThue?mst={}", person.number));
        let by_old = asker.get(&format!("/nguoiNopThue?mst={}", person.old_tax_code));
        assert_eq!((by_number.0, &by_number), (200, &by_old));
        assert_eq!(by_number.1["ten"], person.name.upper());
        let checked = format!(
            "/nguoiNopThue?mst={}&hoTen={}&ngaySinh=",
            person.number,
            encoded(&person.name.full())
        );
        assert_eq!(asker.get(&format!("{checked}{}", person.birth_date)).0, 200);
        assert_eq!(asker.get(&format!("{checked}01/01/1901")).0, 404);
    }
    let enterprise = provider.population.enterprise(3).unwrap();
    let told = asker.get(&format!("/nguoiNopThue?mst={}", enterprise.code)).1;
    assert_eq!((&told["loai"], &told["maSoThueCu"]), (&json!("Doanh nghiệp"), &Value::Null));
}

#[test]
fn receipts_are_the_paid_obligations() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let (mut owed, mut paid, mut late) = (0, 0, 0);
    for index in 0..provider.population.enterprises().min(200) {
        let enterprise = provider.population.enterprise(index).unwrap();
        let ask = |path: &str| {
            asker
                .get(&format!("/{path}?mst={}&nam=2024", enterprise.code))
                .1
                .as_array()
                .unwrap()
                .clone()
        };
        let (obligations, receipts) = (ask("nghiaVu"), ask("bienLai"));
        let numbers: Vec<_> =
            obligations.iter().map(|one| &one["soBienLai"]).filter(|one| !one.is_null()).collect();
        assert_eq!(numbers, receipts.iter().map(|one| &one["soBienLai"]).collect::<Vec<_>>());
        owed += obligations.len();
        paid += receipts.len();
        late += obligations.iter().filter(|one| one["trangThai"] == "Quá hạn").count();
    }
    assert!(owed > 0 && late > 0 && paid + late == owed, "{owed} {paid} {late}");
    let future = asker.get("/nghiaVu?mst=0000000000&nam=2027");
    assert_eq!(future.0, 404);
}

#[test]
fn land_and_salary_are_taxed_as_the_registers_say() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let population = &provider.population;
    let servant = (0..population.len()).find(|index| {
        population
            .employment(*index)
            .is_some_and(|one| one.since.year() <= 2025 && one.coefficient > 480)
    });
    let number = population.identity_number(servant.unwrap()).unwrap();
    let owed = asker.get(&format!("/nghiaVu?mst={number}&nam=2025")).1;
    let salary = owed.as_array().unwrap().iter().find(|one| one["maKhoan"] == "TNCN").unwrap();
    assert!(salary["soTien"].as_u64().unwrap() > 0 && salary["hanNop"] == "31/03/2026");
    let since = population.employment(servant.unwrap()).unwrap().since.year();
    let before = asker.get(&format!("/nghiaVu?mst={number}&nam={}", since - 1)).1;
    assert!(before.as_array().unwrap().iter().all(|one| one["maKhoan"] != "TNCN"));
    let future = asker.get(&format!("/nghiaVu?mst={number}&nam=2027")).1;
    assert_eq!(future, json!([]));
}

#[test]
fn wrong_requests_are_told_apart() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let table = [
        ("/nguoiNopThue", 400),
        ("/nguoiNopThue?mst=x", 404),
        ("/nguoiNopThue?mst=1&ngaySinh=1990", 400),
        ("/nguoiNopThue?mst=1&ngaySinh=31/02/1990", 409),
        ("/nghiaVu?mst=1", 400),
        ("/nghiaVu?mst=1&nam=1999", 400),
        ("/nghiaVu?mst=1&nam=2025", 404),
        ("/bienLai?mst=1&nam=2025", 404),
    ];
    for (target, status) in table {
        assert_eq!(asker.get(target).0, status, "{target}");
    }
}
