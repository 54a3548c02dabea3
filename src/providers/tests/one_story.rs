//! One citizen in every database. Claim: whoever is picked has one name, one birth date and one sex in all eight.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Asker, NOW, PROVINCE, country, encoded, land, newborns};
use crate::providers::citizens::citizens;
use crate::providers::dancu::PopulationDatabase;
use crate::providers::moment::MINUTE_MS;
use crate::providers::population::{Person, Population};
use crate::providers::seed;
use crate::providers::{Call, Provider};

/// Somebody who owns an enterprise and land and is a civil servant, so that every database knows them.
fn picked(population: &Population, draw: u64) -> Person {
    let people = population.len();
    let start = u32::try_from(seed::below(draw, &["pick"], u64::from(people))).unwrap();
    let known = |index: &u32| {
        population.employment(*index).is_some()
            && population.enterprise_of(*index).is_some()
            && !population.parcels_of(*index).is_empty()
    };
    let index = (0..people).map(|step| (start + step) % people).find(known).unwrap();
    population.person(index).unwrap()
}

fn of<'a>(all: &'a [Box<dyn Provider>], code: &str) -> Asker<'a> {
    let provider = all.iter().find(|provider| provider.description().code == code).unwrap();
    Asker::new(&**provider, PROVINCE)
}

#[test]
fn a_citizen_has_one_name_birth_date_and_sex_in_every_database() {
    let population: Arc<Population> = country();
    for draw in 0..8 {
        let person = picked(&population, draw);
        let newborns = newborns(&population);
        let mut all = citizens(7, &population, &newborns, &land(&population));
        all.extend(PopulationDatabase::services(&population, &newborns, None));
        let (number, name) = (person.number.to_string(), person.name.upper());
        let (slashed, sex) = (person.birth_date.slashed(), person.sex.label());
        let checked = format!("soDinhDanh={number}&hoTen={}&ngaySinh={slashed}", encoded(&name));
        let who = |told: &Value| {
            (told["hoTen"].clone(), told["ngaySinh"].clone(), told["gioiTinh"].clone())
        };
        let wanted = (json!(name), json!(slashed), json!(sex));

        let code = "TraCuuThongTinCongDan";
        let born = person.birth_date.compact();
        let record = told(&all, code, &asked(code, (&number, &name, &born)), NOW);
        for field in [
            format!("<SoDinhDanh>{number}</SoDinhDanh>"),
            format!("<Ten>{}</Ten>", person.name.given.to_uppercase()),
            format!("<NgayThangNam>{born}</NgayThangNam>"),
            format!("<GioiTinh>{}</GioiTinh>", person.sex.insurance_code()),
        ] {
            assert!(record.contains(&field), "{field}: {record}");
        }
        let servant = of(&all, "ccvc").get(&format!("/canBo?{checked}")).1;
        assert_eq!(who(&servant), wanted);
        let parcels = of(&all, "datdai").get(&format!("/thuaDatTheoChuSuDung?{checked}")).1;
        let owners = parcels[0]["chuSuDung"].as_array().unwrap();
        let owner = owners.iter().find(|owner| owner["soDinhDanh"] == number).unwrap();
        assert_eq!(who(owner), wanted);
        let mut payer = of(&all, "thue").get(&format!("/nguoiNopThue?mst={number}")).1;
        payer["hoTen"] = payer["ten"].clone();
        assert_eq!(who(&payer), wanted);

        let code = person.sex.insurance_code();
        let insured = json!({"maSoBhxh": person.insurance_number.to_string()});
        let insured = of(&all, "bhxh").post("/getTraCuuTtHgdByMaSoBhxh", &insured).1;
        assert_eq!(who(&insured), (json!(name), json!(person.birth_date.compact()), json!(code)));
        let born = json!({"module": "KS", "maHoSo": number});
        let born = of(&all, "hotich").post("/traHoSo", &born).1;
        assert_eq!(who(&born["nguoi"][0]), (json!(name), json!(slashed), json!(code)));

        let asked = json!({"idMinistryJustice": "G15", "idReceivedDec": "L-1",
            "dateReceivedDec": "05/01/2026", "datePromissoryDec": "15/01/2026",
            "declarationWSForm": {"fullName": name, "identifyNo": number, "birthDate": slashed,
                "genderId": code, "formType": 2}});
        let justice = of(&all, "lltp");
        assert_eq!(justice.post("/nhanHoSoDangKy", &asked).0, 200);
        let later = justice.at(NOW + 3 * MINUTE_MS);
        let paper = later.post("/traHoSo", &json!({"idReceivedDec": "L-1"})).1;
        assert_eq!(who(&paper["CERTIFICATE"]), wanted);

        // The business register knows names only.
        let enterprise = population.enterprise_of(person.index).unwrap();
        let target = format!("/chiTietDoanhNghiep?msdn={}", enterprise.code);
        let members = of(&all, "dkdn").get(&target).1["Member"].clone();
        assert!(members.as_array().unwrap().iter().any(|member| member["MEMBER_NAME"] == name));
    }
}

#[test]
fn a_newborn_is_known_to_every_database_when_it_is_registered_and_to_none_before() {
    let population = country();
    let newborns = newborns(&population);
    let mut all = citizens(7, &population, &newborns, &land(&population));
    all.extend(PopulationDatabase::services(&population, &newborns, None));
    let mut people = (0..population.len()).filter_map(|index| population.person(index));
    let mother = people
        .find(|one| {
            one.alive && one.sex.label() == "Nữ" && (1980..2000).contains(&one.birth_date.year())
        })
        .unwrap();
    let data = format!(
        "<hoSo><nksHoTen>Lê Thị Mới</nksHoTen><nksGioiTinh>2</nksGioiTinh><nksNgaySinh>04/01/2026</nksNgaySinh><meSoDDCN>{}</meSoDDCN><meHoTen>{}</meHoTen><meNgaySinh>{}</meNgaySinh><giayToKemTheo>1</giayToKemTheo></hoSo>",
        mother.number, mother.name, mother.birth_date
    );
    let body = json!({"maDonVi": 1_001, "module": "LTKS", "maHoSo": "A-1", "ngayTiepNhan": "05/01/2026", "data": data});
    assert_eq!(of(&all, "hotich").post("/dangKyHoTich", &body).0, 200);
    let traits = json!({"hoTen": "Lê Thị Mới", "ngaySinh": "20260104", "loaiNgaySinh": 0, "gioiTinh": 2,
        "maXaKs": "01001", "isKs": 1});
    let insured = |at: i64| {
        let found = of(&all, "bhxh").at(at).post("/getMaSoBhxhTheoTieuChi", &traits).1;
        (found["errorCode"].clone(), found["trangThai"].clone())
    };
    let number = newborns.matching(|_| true, 1)[0].number.to_string();
    let on_record = |at: i64| {
        let code = "XacThucThongTinCongDan";
        let question = asked(code, (&number, "LÊ THỊ MỚI", "20260104"));
        told(&all, code, &question, at).contains("<TonTai>true</TonTai>")
    };
    assert_eq!((insured(NOW).0, on_record(NOW)), (json!("01"), false));
    let later = NOW + 3 * MINUTE_MS;
    assert_eq!((insured(later), on_record(later)), ((json!("00"), json!(1)), true));
}

/// What the population database answers.
fn told(all: &[Box<dyn Provider>], code: &str, question: &str, now_ms: i64) -> String {
    let database = all.iter().find(|one| one.description().code == code).unwrap();
    let answer = database.answer(&Call {
        method: &http::Method::POST,
        path: "",
        query: None,
        headers: &http::HeaderMap::new(),
        body: question.as_bytes(),
        caller: PROVINCE,
        correlation: "c",
        now_ms,
        pace: 1,
    });
    String::from_utf8(answer.body).unwrap()
}

/// What it is asked of somebody whose number, name and date of birth the caller knows.
fn asked(operation: &str, (number, name, born): (&str, &str, &str)) -> String {
    format!(
        "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:d=\"http://dancuquocgia.bca\"><e:Body><d:{operation}><d:MaYeuCau>1</d:MaYeuCau><d:MaDVC>1</d:MaDVC><d:MaTichHop>037</d:MaTichHop><d:MaCanBo>an</d:MaCanBo><d:SoDinhDanh>{number}</d:SoDinhDanh><d:HoVaTen>{name}</d:HoVaTen><d:NgayThangNamSinh><d:NgayThangNam>{born}</d:NgayThangNam></d:NgayThangNamSinh></d:{operation}></e:Body></e:Envelope>"
    )
}
