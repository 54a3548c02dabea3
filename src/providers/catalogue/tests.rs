//! The catalogue's answers, word for word where the source gives them (domain.md 4.9).

use serde_json::{Value, json};

use super::super::tests::{Asker, PROVINCE, agencies};
use super::*;

#[test]
fn a_list_shows_its_columns_and_rows() {
    let catalogues = Catalogues::new(&agencies());
    let asker = Asker::new(&catalogues, PROVINCE);
    let (status, columns) = asker.get("/Metadata/madantoc");
    assert_eq!(status, 200);
    assert_eq!(
        columns[0],
        json!({"PropertyCode": "MaDanToc", "PropertyName": "Mã dân tộc", "PropertyType": "string"})
    );
    let (_, rows) = asker.get("/Category/madantoc");
    assert_eq!(rows.as_array().unwrap().len(), 54);
    assert_eq!(rows[2], json!({"MaDanToc": "03", "TenDanToc": "Thái"}));
    let (_, lists) = asker.get("/AllCategory");
    assert_eq!(lists.as_array().unwrap().len(), 36);
    let named = |code: &str| lists.as_array().unwrap().iter().any(|l| l["CategoryCode"] == code);
    assert!(named("mahesoluongvung") && named("giaoducdaotaovncap5"));
}

#[test]
fn ministries_and_provinces_are_in_the_first_list_of_document_systems() {
    let catalogues = Catalogues::new(&agencies());
    let (_, rows) = Asker::new(&catalogues, PROVINCE).get("/Category/qlvanbandieuhanhcap1");
    let codes: Vec<_> = rows.as_array().unwrap().iter().map(|r| &r["MaDinhDanhCap1"]).collect();
    assert_eq!(codes, ["G12", "G22", "H26", "H60"]);
}

#[test]
fn an_insert_answers_with_the_texts_of_the_source() {
    let catalogues = Catalogues::new(&[]);
    let asker = Asker::new(&catalogues, PROVINCE);
    let row = json!([{"MaBacLuong": "1", "TenBacLuong": "Bậc 1", "Khac": 7}]);
    let done = json!({"MSG": "Done", "Count": 1});
    assert_eq!(asker.post("/Category/mabacluong", &row), (200, done));
    let again = json!({"MSG": "Data not insert: Record 1: 1 is duplicate", "Count": 0});
    assert_eq!(asker.post("/Category/mabacluong", &row), (200, again));
    let (_, rows) = asker.get("/Category/mabacluong");
    assert_eq!(rows, json!([{"MaBacLuong": "1", "TenBacLuong": "Bậc 1"}]));
}

#[test]
fn one_wrong_record_keeps_all_out() {
    let catalogues = Catalogues::new(&[]);
    let asker = Asker::new(&catalogues, PROVINCE);
    let long = "x".repeat(VALUE_CHARS_MAX + 1);
    let table = [
        (json!({"TenBacLuong": "a"}), "MaBacLuong is missing"),
        (json!({"MaBacLuong": " "}), "MaBacLuong is missing"),
        (json!({"MaBacLuong": 2}), "MaBacLuong is not a string"),
        (json!({"MaBacLuong": "1"}), "1 is duplicate"),
        (json!({"MaBacLuong": "2", "TenBacLuong": long}), "TenBacLuong is longer than 1000"),
    ];
    for (record, mistake) in table {
        let (status, answer) =
            asker.post("/Category/mabacluong", &json!([{"MaBacLuong": "1"}, record]));
        let told = format!("Data not insert: Record 2: {mistake}");
        assert_eq!((status, answer), (200, json!({"MSG": told, "Count": 0})));
    }
    assert_eq!(asker.get("/Category/mabacluong").1, json!([]));
}

#[test]
fn what_is_no_list_of_objects_is_refused() {
    let catalogues = Catalogues::new(&[]);
    let asker = Asker::new(&catalogues, PROVINCE);
    for body in ["", "{}", "[1]", "[[]]", "null", "[{]"] {
        let (status, answer) = asker.ask("POST", "/Category/mabacluong", body.as_bytes());
        assert_eq!((status, &answer["Count"]), (400, &json!(0)), "{body}");
    }
    let many: Value = (0..=INSERT_ROWS_MAX).map(|n| json!({"MaBacLuong": n.to_string()})).collect();
    assert_eq!(asker.post("/Category/mabacluong", &many).0, 400);
    for target in ["/Category/khongco", "/Metadata/khongco", "/Category/a%2Fb"] {
        assert_eq!(asker.get(target).0, 404, "{target}");
    }
}

#[test]
fn a_list_takes_rows_up_to_its_bounds() {
    let table = [(2, 1_000), (100, 2)];
    for (rows_max, bytes_max) in table {
        let bounds = Bounds { rows_max, bytes_max };
        let catalogues = Catalogues { bounds, ..Catalogues::new(&[]) };
        let asker = Asker::new(&catalogues, PROVINCE);
        let rows = |from: usize, to: usize| -> Value {
            (from..to).map(|n| json!({"MaBacLuong": n.to_string()})).collect()
        };
        let (_, full) = asker.post("/Category/mabacluong", &rows(0, 3));
        assert_eq!(full["Count"], 0);
        assert!(full["MSG"].as_str().unwrap().contains("list is full"));
        assert_eq!(asker.post("/Category/mabacluong", &rows(0, 2)).1["Count"], 2);
        assert_eq!(asker.post("/Category/mabacluong", &rows(2, 3)).1["Count"], 0);
    }
}
