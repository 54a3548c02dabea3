//! Civil status as a commune and a portal of interlinked procedures use it.

use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};

use super::super::moment::MINUTE_MS;
use super::super::tests::{Asker, NOW, PROVINCE, country};
use super::*;
use crate::providers::population::{IdentityNumber, MaritalStatus, Person, Sex};

const UNIT: i64 = 1_001;

fn provider() -> CivilStatus {
    let population = country();
    let newborns = Arc::new(Newborns::new(7, &population));
    CivilStatus::new(&population, &newborns)
}

fn find(provider: &CivilStatus, fits: impl Fn(&Person) -> bool) -> Person {
    let population = &provider.population;
    let mut people = (0..population.len()).filter_map(|index| population.person(index));
    people.find(|person| person.alive && fits(person)).unwrap()
}

fn trio(prefix: &str, person: &Person) -> String {
    format!(
        "<{prefix}SoDDCN>{}</{prefix}SoDDCN><{prefix}HoTen>{}</{prefix}HoTen><{prefix}NgaySinh>{}</{prefix}NgaySinh>",
        person.number, person.name, person.birth_date
    )
}

fn birth(mother: &Person, name: &str) -> String {
    format!(
        "<hoSo><nksHoTen>{name}</nksHoTen><nksGioiTinh>2</nksGioiTinh><nksNgaySinh>03/01/2026</nksNgaySinh>{}<giayToKemTheo>GCS 1</giayToKemTheo></hoSo>",
        trio("me", mother)
    )
}

fn mother(provider: &CivilStatus) -> Person {
    find(provider, |one| one.sex == Sex::Female && (1980..2000).contains(&one.birth_date.year()))
}

fn submission(module: &str, code: &str, data: &str) -> Value {
    json!({"maDonVi": UNIT, "module": module, "maHoSo": code, "ngayTiepNhan": "05/01/2026", "data": data})
}

fn at(provider: &CivilStatus, minutes: i64) -> Asker<'_> {
    Asker::new(provider, PROVINCE).at(NOW + minutes * MINUTE_MS)
}

#[test]
fn a_birth_advances_and_ends_with_a_new_identity_number() {
    let provider = provider();
    let mother = mother(&provider);
    let body = submission("KS", "A-1", &birth(&mother, "Lê Thị An"));
    let (status, taken) = at(&provider, 0).post("/dangKyHoTich", &body);
    assert_eq!((status, &taken["status"]), (200, &json!(1)));
    let which = json!({"maDonVi": UNIT, "maHoSo": "A-1"});
    for (minutes, state) in [(0, 1), (1, 3), (2, 3), (3, 4), (100, 4), (-5, 1)] {
        let told = at(&provider, minutes).post("/traTrangThaiHoSo", &which).1;
        assert_eq!(told["status"], state, "after {minutes} minutes");
    }
    let early = at(&provider, 1).post("/ketQuaDangKyHS", &which);
    assert_eq!((early.0, &early.1["errorCode"]), (409, &json!(200)));
    let (status, result) = at(&provider, 3).post("/ketQuaDangKyHS", &which);
    assert_eq!((status, &result["ngayDangKy"]), (200, &json!("05/01/2026")));
    for name in ["so", "quyenSo", "trangSo"] {
        assert!(!result[name].is_null(), "{name}");
    }
    let child = &result["nguoi"][0];
    let number = IdentityNumber::parse(child["soDinhDanh"].as_str().unwrap()).unwrap();
    assert_eq!(provider.population.find_index(number), None);
    assert_eq!(provider.newborns.find(number).unwrap().parents.mother, Some(mother.index));
    assert_eq!((number.place(), number.birth_year(), number.sex()), (1, 2026, Sex::Female));
    assert_eq!(result["nguoi"][1]["soDinhDanh"], mother.number.to_string());
    let list = json!({"module": "KS", "ngayCapNhat": "05/01/2026"});
    let listed = at(&provider, 3).post("/dsHoSoDangKy", &list).1;
    assert_eq!(listed, json!([{"id": "A-1", "maDonVi": UNIT}]));
    assert_eq!(at(&provider, 2).post("/dsHoSoDangKy", &list).1, json!([]));
    let one = at(&provider, 3).post("/traHoSo", &json!({"module": "KS", "maHoSo": "A-1"})).1;
    assert_eq!((&one["so"], &one["id"]), (&result["so"], &json!("A-1")));
    let again = at(&provider, 4).post("/dangKyHoTich", &body);
    assert_eq!((again.0, &again.1["errorCode"]), (409, &json!(500)));
}

#[test]
fn each_error_has_its_code() {
    let provider = provider();
    let mother = mother(&provider);
    let good = submission("KS", "A-1", &birth(&mother, "Lê Thị An"));
    let mut stranger = mother.clone();
    stranger.birth_date = stranger.birth_date.plus_days(1);
    let table = [
        ("maDonVi", json!(99_999), 404, 106),
        ("maDonVi", json!("1001"), 400, 302),
        ("maDonVi", json!(0), 400, 302),
        ("module", json!("XX"), 400, 302),
        ("ngayTiepNhan", json!("2026-01-05"), 400, 302),
        ("ngayTiepNhan", json!("31/02/2026"), 409, 500),
        ("ngayTiepNhan", json!("06/01/2026"), 409, 500),
        ("data", json!("<hoSo>"), 409, 500),
        ("data", json!("<hoSo></hoSo>"), 409, 200),
        ("data", json!(birth(&mother, "")), 409, 200),
        ("data", json!(birth(&stranger, "Lê Thị An")), 409, 500),
        ("data", json!(birth(&mother, "Lê").replace("03/01/2026", "06/01/2026")), 409, 500),
        ("data", json!(birth(&mother, "Lê").replace(">2<", ">3<")), 409, 500),
    ];
    for (name, value, status, code) in table {
        let mut body = good.clone();
        body[name] = value;
        let (given, answer) = at(&provider, 0).post("/dangKyHoTich", &body);
        assert_eq!((given, &answer["errorCode"]), (status, &json!(code)), "{body}");
        assert_eq!(answer["status"], 0);
    }
    let which = json!({"maDonVi": UNIT, "maHoSo": "nothing"});
    assert_eq!(at(&provider, 0).post("/traTrangThaiHoSo", &which).1["errorCode"], 201);
    let many = json!({"maTinh": "99", "module": "KS", "dsMaHoSo": []});
    assert_eq!(at(&provider, 0).post("/traDanhSachHoSo", &many).1["errorCode"], 108);
    assert!(provider.dossiers.lock().is_empty());
    let nobody = Asker::new(&provider, "").post("/danhMuc", &json!({"loaiDanhMuc": 1}));
    assert_eq!((nobody.0, &nobody.1["errorCode"]), (401, &json!(100)));
}

#[test]
fn a_machine_outside_the_network_is_disallowed() {
    let provider = provider();
    let ask = |address: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(ADDRESS_HEADER, HeaderValue::from_str(address).unwrap());
        let answer = provider.answer(&Call {
            method: &Method::POST,
            path: "/danhMuc",
            query: None,
            headers: &headers,
            body: b"{\"loaiDanhMuc\":\"4\"}",
            caller: PROVINCE,
            correlation: "test",
            now_ms: NOW,
            pace: 1,
        });
        (answer.status, serde_json::from_slice::<Value>(&answer.body).unwrap())
    };
    let (status, provinces) = ask("10.1.2.3");
    assert_eq!((status, provinces.as_array().unwrap().len()), (200, 34));
    for address in ["203.0.113.9", "x", "2001:db8::1"] {
        let (status, answer) = ask(address);
        assert_eq!((status, &answer["errorCode"]), (403, &json!(101)), "{address}");
    }
}

#[test]
fn a_dossier_without_papers_waits_until_it_is_sent_again() {
    let provider = provider();
    let data = birth(&mother(&provider), "Lê Thị An");
    let bare = data.replace("<giayToKemTheo>GCS 1</giayToKemTheo>", "");
    at(&provider, 0).post("/dangKyHoTich", &submission("LTKS", "A-1", &bare));
    let scan = json!({"maDinhDanhHoSo": ["A-1", "none"], "maTinh": "01", "module": "LTKS"});
    let state = |minutes| at(&provider, minutes).post("/scanHoTich", &scan).1["value"].clone();
    assert_eq!(state(60)[0]["trangThai"], 2);
    assert!(provider.newborns.matching(|_| true, 1).is_empty());
    let taken = at(&provider, 60).post("/dangKyHoTich", &submission("LTKS", "A-1", &data));
    assert_eq!(taken.0, 200);
    assert_eq!(state(60)[0]["trangThai"], 3);
    let done = &state(63)[0];
    assert_eq!((&done["trangThai"], &done["maHoSoMCDT"]), (&json!(4), &json!("A-1")));
    let paper = done["ketQuaXuLy"]["giayKhaiSinh"].as_str().unwrap();
    let paper = base64_simd::STANDARD.decode_to_vec(paper).unwrap();
    assert!(String::from_utf8(paper).unwrap().contains("LÊ THỊ AN"));
    let mut plain = scan.clone();
    plain["module"] = json!("KS");
    assert_eq!(at(&provider, 0).post("/scanHoTich", &plain).0, 400);
}

#[test]
fn nobody_dies_twice_and_nobody_has_two_spouses() {
    let provider = provider();
    let free = |sex| {
        find(&provider, |one| {
            one.sex == sex
                && one.marital_status == MaritalStatus::Single
                && (1970..2000).contains(&one.birth_date.year())
        })
    };
    let (man, woman) = (free(Sex::Male), free(Sex::Female));
    let wedding = format!(
        "<hoSo>{}{}<giayToKemTheo>1</giayToKemTheo></hoSo>",
        trio("chong", &man),
        trio("vo", &woman)
    );
    let post = |module: &str, code: &str, data: &str| {
        let (status, answer) =
            at(&provider, 0).post("/dangKyHoTich", &submission(module, code, data));
        (status, answer["errorCode"].clone())
    };
    assert_eq!(post("KH", "K-1", &wedding).0, 200);
    assert_eq!(post("KH", "K-2", &wedding), (409, json!(500)));
    assert_eq!(post("LTKH", "K-3", &wedding).0, 200);
    let scan = json!({"maDinhDanhHoSo": ["K-3"], "maTinh": "01", "module": "LTKH"});
    let refused = at(&provider, 9).post("/scanHoTich", &scan).1;
    assert_eq!(refused["value"][0]["trangThai"], 6);
    let state = json!({"maDonVi": UNIT, "maHoSo": "K-3"});
    assert_eq!(at(&provider, 9).post("/traTrangThaiHoSo", &state).1["status"], 0);
    let death = format!(
        "<hoSo>{}<nktNgayChet>04/01/2026</nktNgayChet><giayToKemTheo>1</giayToKemTheo></hoSo>",
        trio("nkt", &man)
    );
    assert_eq!(post("KT", "T-1", &death).0, 200);
    assert_eq!(post("KT", "T-2", &death), (409, json!(500)));
    let number = |code: &str| {
        let which = json!({"maDonVi": UNIT, "maHoSo": code});
        at(&provider, 9).post("/ketQuaDangKyHS", &which).1["so"].as_u64().unwrap()
    };
    assert!(number("K-1") > 0 && number("T-1") > 0);
}

#[test]
fn records_of_the_population_are_found_by_identity_number() {
    let provider = provider();
    let asker = at(&provider, 0);
    for index in (0..provider.population.len()).step_by(1_009) {
        let person = provider.population.person(index).unwrap();
        let ask = |module: &str| {
            let body = json!({"module": module, "maHoSo": person.number.to_string()});
            asker.post("/traHoSo", &body)
        };
        let birth = provider.population.birth_record(index).unwrap();
        let (status, record) = ask("KS");
        assert_eq!((status, &record["so"]), (200, &json!(birth.registration.number)));
        assert_eq!(record["nguoi"][0]["hoTen"], person.name.upper());
        assert_eq!(record["quyenSo"], birth.registration.book_label());
        assert_eq!(ask("KT").0, if person.alive { 404 } else { 200 });
        let married = provider.population.marriage_record(index).is_some();
        assert_eq!(ask("KH").0, if married { 200 } else { 404 });
        let province = &birth.registration.commune.code()[..2];
        let list = json!({"maTinh": province, "module": "KS", "dsMaHoSo": [person.number.to_string(), "x"]});
        assert_eq!(asker.post("/traDanhSachHoSo", &list).1, json!([record]));
    }
}

#[test]
fn a_full_store_takes_no_further_dossier() {
    let provider = provider();
    let data = birth(&mother(&provider), "Lê Thị An");
    at(&provider, 0).post("/dangKyHoTich", &submission("KS", "A-1", &data));
    {
        let mut dossiers = provider.dossiers.lock();
        let one = dossiers.get(&"A-1".to_owned()).cloned().unwrap();
        for at in dossiers.len()..DOSSIERS.rows_max {
            dossiers.put(format!("B-{at}"), one.clone(), 1).unwrap();
        }
    }
    let data = data.replace("Lê Thị An", "Lê Thị Ba");
    let full = at(&provider, 0).post("/dangKyHoTich", &submission("KS", "A-2", &data));
    assert_eq!((full.0, &full.1["errorCode"]), (503, &json!(500)));
    assert_eq!(provider.newborns.matching(|_| true, 9).len(), 1);
}
