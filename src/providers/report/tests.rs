//! The reporting system as a province and the Government Office use it.

use serde_json::{Value, json};

use super::super::tests::{Asker, NOW, OFFICE, OTHER, PROVINCE, agencies};
use super::*;

const ONE: &str = "/indicators?officeCode=000.00.00.H60&indicatorCode=BPC_KTXH_TDTTGRDP&dataTypeId=3&periodId=20&dataYear=2024";

fn provider() -> Reports {
    Reports::new(7, &agencies())
}

fn entry() -> Value {
    json!({"officeCode": "H60", "dataTypeId": 3, "periodId": 20, "dataYear": 2024,
        "values": [{"indicatorCode": "BPC_KTXH_TDTTGRDP", "value": 9.5}]})
}

#[test]
fn a_figure_comes_in_the_envelope_of_the_source() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let (status, answer) = asker.get(ONE);
    let fine = json!({"code": 200, "internalMessage": "OK", "userMessage": "Thành công"});
    assert_eq!((status, &answer["error"], &answer["total"]), (200, &fine, &json!(1)));
    assert_eq!(
        (&answer["data"][0]["indicatorCode"], &answer["data"][0]["unit"]),
        (&json!("BPC_KTXH_TDTTGRDP"), &json!("%"))
    );
    let body = json!({"officeCode": "H60", "indicatorCodes": ["BPC_KTXH_TDTTGRDP", "BPC_KTXH_KH5N"],
        "dataTypeId": 3, "periodId": 20, "dataYear": 2024});
    let (_, many) = asker.post("/indicators", &body);
    assert_eq!(many["data"][0], answer["data"][0]);
    assert_eq!((&many["total"], asker.get(ONE).1), (&json!(2), answer));
}

#[test]
fn what_does_not_exist_and_what_is_malformed_are_told_apart() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let table = [
        (ONE.replace("H60", "H99"), 404),
        (ONE.replace("TDTTGRDP", "X"), 404),
        (ONE.replace("periodId=20", "periodId=19"), 404),
        (ONE.replace("periodId=20", "periodId=1"), 404),
        (ONE.replace("dataYear=2024", "dataYear=2026"), 404),
        (ONE.replace("dataYear=2024", "dataYear=20240"), 400),
        (ONE.replace("dataTypeId=3", "dataTypeId=5"), 400),
        (ONE.replace("periodId=20", "periodId=x"), 400),
        (ONE.replace("&dataTypeId=3", ""), 400),
        (format!("{ONE}&periodId=20"), 400),
    ];
    for (target, status) in table {
        let (given, answer) = asker.get(&target);
        assert_eq!((given, &answer["error"]["code"]), (status, &json!(status)), "{target}");
        assert_eq!(answer["data"], Value::Null);
    }
}

#[test]
fn offices_and_their_indicators_are_listed() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    assert_eq!(asker.get("/offices?soBanGhi=2").1["total"], 5);
    assert_eq!(asker.get("/indicators/office/hasdata/000.00.06.H60").1["total"], 38);
    assert_eq!(asker.get("/indicators/office/hasdata/H61").0, 404);
    let months =
        asker.get("/indicators/hasdata?officeCode=H60&dataTypeId=3&periodId=12&dataYear=2025").1;
    assert!(months["total"].as_u64().unwrap() > 10);
    let later =
        asker.get("/indicators/hasdata?officeCode=H60&dataTypeId=4&periodId=12&dataYear=2025").1;
    assert_eq!(later["total"], 0);
}

#[test]
fn an_approved_report_replaces_the_seeded_figures() {
    let provider = provider();
    let (province, office) = (Asker::new(&provider, PROVINCE), Asker::new(&provider, OFFICE));
    let figure = || province.get(ONE).1["data"][0]["value"].clone();
    let seeded = figure();
    assert_eq!(province.post("/reports", &entry()).1["data"]["state"], "entered");
    let steps = [(province, "send", "sent"), (office, "review", "reviewed")];
    for (asker, step, state) in steps {
        let (status, answer) = asker.ask("POST", &format!("/reports/1/{step}"), b"");
        assert_eq!((status, &answer["data"]["state"]), (200, &json!(state)));
        assert_eq!(figure(), seeded);
    }
    assert_eq!(office.ask("POST", "/reports/1/approve", b"").0, 200);
    assert_eq!(figure(), 9.5);
    let correction = json!({"reason": "nhầm số", "values": [{"indicatorCode": "BPC_KTXH_TDTTGRDP", "value": 9.1}]});
    assert_eq!(province.post("/reports/1/correct", &correction).1["data"]["state"], "corrected");
    assert_eq!(figure(), 9.5);
    for step in ["review", "approve"] {
        assert_eq!(office.ask("POST", &format!("/reports/1/{step}"), b"").0, 200);
    }
    assert_eq!(figure(), 9.1);
    let history = &province.at(NOW).get("/reports/1").1["data"]["history"];
    assert_eq!(history.as_array().unwrap().len(), 7);
    assert_eq!(history[4]["reason"], "nhầm số");
}

#[test]
fn a_returned_report_is_entered_again() {
    let provider = provider();
    let (province, office) = (Asker::new(&provider, PROVINCE), Asker::new(&provider, OFFICE));
    province.post("/reports", &entry());
    province.ask("POST", "/reports/1/send", b"");
    assert_eq!(province.post("/reports", &entry()).0, 409);
    let back = json!({"reason": "thiếu chỉ tiêu"});
    assert_eq!(office.post("/reports/1/return", &back).1["data"]["state"], "returned");
    let (_, again) = province.post("/reports", &entry());
    assert_eq!(
        (&again["data"]["reportId"], &again["data"]["state"]),
        (&json!(1), &json!("entered"))
    );
}

#[test]
fn steps_are_for_those_they_belong_to() {
    let provider = provider();
    let (province, office) = (Asker::new(&provider, PROVINCE), Asker::new(&provider, OFFICE));
    let other = Asker::new(&provider, OTHER);
    assert_eq!(other.post("/reports", &entry()).0, 403);
    province.post("/reports", &entry());
    assert_eq!(office.ask("POST", "/reports/1/send", b"").0, 403);
    assert_eq!(province.ask("POST", "/reports/1/review", b"").0, 403);
    assert_eq!(office.ask("POST", "/reports/1/approve", b"").0, 409);
    assert_eq!(
        (other.get("/reports/1").0, other.get("/reports").1["total"].clone()),
        (403, json!(0))
    );
    assert_eq!(office.get("/reports?officeCode=000.00.00.H60").1["total"], 1);
    assert_eq!(province.ask("POST", "/reports/2/send", b"").0, 404);
    assert_eq!(province.ask("POST", "/reports/x/send", b"").0, 404);
    let mut twice = entry();
    twice["values"] = json!([twice["values"][0], twice["values"][0]]);
    assert_eq!(province.post("/reports", &twice).0, 409);
    twice["values"] = json!([{"indicatorCode": "X", "value": 1}]);
    assert_eq!(province.post("/reports", &twice).0, 404);
}

#[test]
fn a_full_desk_is_told() {
    let provider = provider();
    provider.desk.lock().reports = Table::new(Bounds { rows_max: 1, bytes_max: 500 });
    let asker = Asker::new(&provider, PROVINCE);
    assert_eq!(asker.post("/reports", &entry()).0, 200);
    let mut second = entry();
    second["dataYear"] = json!(2023);
    assert_eq!(asker.post("/reports", &second).0, 503);
    assert_eq!(asker.ask("POST", "/reports/1/send", b"").0, 503);
}
