//! The one-stop interface as a province uses it.

use serde_json::{Value, json};

use super::super::tests::{Asker, DEPARTMENT, NOW, OTHER, PROVINCE, agencies};
use super::session::SESSION_LIFE_MS;
use super::*;

const SEED: u64 = 7;

fn provider() -> Dossiers {
    Dossiers::new(SEED, &agencies())
}

fn session(asker: Asker<'_>) -> String {
    let password = sandbox_secret("000.00.00.H60");
    let login = json!({"username": "000.00.00.H60", "password": password});
    let (status, answer) = asker.post("/mapi/login", &login);
    assert_eq!((status, &answer["error_code"]), (200, &json!(0)));
    answer["session"].as_str().unwrap().to_owned()
}

fn call(asker: Asker<'_>, session: &str, service: &str, more: &Value) -> Value {
    let mut body = json!({"session": session, "madonvi": "000.00.00.H60", "service": service});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = asker.post("/mapi/g", &body);
    assert_eq!(status, 200, "{answer}");
    answer
}

fn dossier(status: &str) -> Value {
    json!({
        "MaHoSo": "000.00.06.H60-260105-0001", "MaTTHC": "1.004443", "TenTTHC": "Thủ tục",
        "MaLinhVuc": "G03-GD10", "TenLinhVuc": "Giáo dục trung học", "ChuHoSo": "NGUYỄN VĂN AN",
        "LoaiDoiTuong": "0", "NgayTiepNhan": "20260105080000", "NgayHenTra": "20260110170000",
        "TrangThaiHoSo": status, "HinhThuc": 2, "DonViXuLy": "Sở Giáo dục và Đào tạo",
        "TaiLieuNop": [{"TepDinhKemId": 5, "TenTepDinhKem": "don.pdf", "IsDeleted": "False",
            "MaThanhPhanHoSo": "TP1", "DuongDanTaiTepTin": "https://vi.du/don.pdf"}],
        "DanhSachLePhi": [{"TenPhiLePhi": "Phí", "MaPhiLePhi": "P1", "HinhThucThu": "1",
            "Gia": 50_000, "LoaiPhiLePhi": "2"}],
        "DanhSachGiayToKetQua": [{"TenGiayTo": "Giấy phép", "GiayToId": "9"}]
    })
}

fn changed(mut dossier: Value, field: &str, value: Value) -> Value {
    dossier[field] = value;
    dossier
}

#[test]
fn a_dossier_goes_from_received_to_returned() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let session = session(asker);
    let sent = call(
        asker,
        &session,
        "DongBoHoSoMC",
        &json!({"isUpdating": false, "data": [dossier("2")]}),
    );
    assert_eq!(sent["result"][0]["error_code"], 0, "{sent}");
    let step = json!({"MaHoSo": "000.00.06.H60-260105-0001", "NguoiXuLy": "Trần Thị Bình",
        "ChucDanh": "Chuyên viên", "ThoiDiemXuLy": "20260106090000", "PhongBanXuLy": "Phòng GDTrH",
        "NoiDungXuLy": "Thẩm định", "TrangThai": 4, "NgayBatDau": "20260106080000",
        "NgayKetThucTheoQuyDinh": "20260109170000"});
    let moved = call(asker, &session, "CapNhatTienDoHoSoMC", &json!({"data": [step]}));
    assert_eq!(moved["error_code"], 0, "{moved}");
    let done = changed(dossier("9"), "NgayKetThucXuLy", json!("20260109100000"));
    let done =
        call(asker, &session, "DongBoHoSoMC", &json!({"isUpdating": "true", "data": [done]}));
    assert_eq!(done["error_code"], 0, "{done}");
    let found =
        call(asker, &session, "TraCuuHoSo", &json!({"maHoSo": "000.00.06.H60-260105-0001"}));
    let found = &found["result"];
    assert_eq!(found["TrangThaiHoSo"], "9");
    assert_eq!(found["TaiLieuNop"][0]["TepDinhKemId"], "5");
    assert_eq!(found["TienDo"][0]["NguoiXuLy"], "Trần Thị Bình");
}

#[test]
fn each_wrong_dossier_is_told_and_the_others_are_kept() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let session = session(asker);
    let table = [
        (changed(dossier("2"), "MaHoSo", json!("H60-1")), 4),
        (dossier("11"), 4),
        (changed(dossier("2"), "HinhThuc", json!("4")), 4),
        (changed(dossier("2"), "LoaiDoiTuong", json!(3)), 4),
        (changed(dossier("2"), "NgayTiepNhan", json!("20261305")), 4),
        (changed(dossier("2"), "NgayHenTra", json!("20250101000000")), 4),
        (dossier("9"), 4),
        (dossier("10"), 4),
        (changed(dossier("9"), "NgayKetThucXuLy", json!("20260109100000")), 6),
        (dossier("2"), 0),
        (dossier("2"), 6),
    ];
    let data: Vec<_> = table.iter().map(|(dossier, _)| dossier.clone()).collect();
    let answer = call(asker, &session, "DongBoHoSoMC", &json!({"data": data}));
    let codes: Vec<_> =
        answer["result"].as_array().unwrap().iter().map(|r| r["error_code"].clone()).collect();
    let wanted: Vec<_> = table.iter().map(|(_, code)| json!(code)).collect();
    assert_eq!((codes, &answer["error_code"]), (wanted, &json!(4)));
    let back =
        call(asker, &session, "DongBoHoSoMC", &json!({"isUpdating": true, "data": [dossier("1")]}));
    assert_eq!(back["result"][0]["error_code"], 6);
    let unknown = changed(dossier("2"), "MaHoSo", json!("H60-260105-2"));
    let unknown =
        call(asker, &session, "DongBoHoSoMC", &json!({"isUpdating": true, "data": [unknown]}));
    assert_eq!(unknown["result"][0]["error_code"], 5);
}

#[test]
fn a_session_is_good_for_its_caller_and_its_time() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let session = session(asker);
    let code = |asker, session: &str| {
        call(asker, session, "LayDanhMucLinhVuc", &json!({}))["error_code"].clone()
    };
    assert_eq!(code(asker, &session), 0);
    assert_eq!(code(asker, "khác"), 2);
    assert_eq!(code(Asker::new(&provider, DEPARTMENT), &session), 2);
    assert_eq!(code(asker.at(NOW + SESSION_LIFE_MS), &session), 2);
    let wrong = asker.post("/mapi/login", &json!({"username": "000.00.00.H60", "password": "x"}));
    assert_eq!(
        (wrong.0, &wrong.1["error_code"], &wrong.1["session"]),
        (200, &json!(1), &json!(""))
    );
}

#[test]
fn a_dossier_is_seen_by_its_own_province_only() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let mine = session(asker);
    call(asker, &mine, "DongBoHoSoMC", &json!({"data": [dossier("2")]}));
    let other = Asker::new(&provider, OTHER);
    let login = json!({"username": "H26", "password": sandbox_secret("H26")});
    let session = other.post("/mapi/login", &login).1["session"].as_str().unwrap().to_owned();
    let ask = |madonvi: &str, code: &str| {
        let body = json!({"session": session, "madonvi": madonvi, "service": "TraCuuHoSo", "maHoSo": code});
        other.post("/mapi/g", &body).1["error_code"].clone()
    };
    assert_eq!(ask("H26", "000.00.06.H60-260105-0001"), 8);
    assert_eq!(ask("H26", "H26-260105-1"), 5);
    assert_eq!(ask("H60", "000.00.06.H60-260105-0001"), 8);
}

#[test]
fn reference_data_and_questions_are_served() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let session = session(asker);
    let ask = |service: &str, more: Value| call(asker, &session, service, &more);
    let rows = |answer: Value| answer["result"].as_array().unwrap().len();
    assert_eq!(rows(ask("LayDanhSachTTHC", json!({"maLinhVuc": "G15-HT01"}))), 4);
    assert_eq!(rows(ask("LayDanhMucCoQuan", json!({"trang": 2, "soBanGhi": 3}))), 2);
    assert_eq!(ask("LayThuTuc", json!({"maTTHC": "1.001193"}))["result"]["MaLinhVuc"], "G15-HT01");
    assert_eq!(ask("LayThuTuc", json!({"maTTHC": "0"}))["error_code"], 5);
    let person = ask("TraCuuTechID", json!({"techID": tech_id(SEED, 3)}));
    assert_eq!(person["result"]["TechID"], tech_id(SEED, 3));
    assert_eq!(ask("TraCuuTechID", json!({"techID": "x"}))["error_code"], 5);
    let question = json!({"MaCauHoi": "1", "TieuDe": "Hỏi", "NoiDung": "Cần giấy tờ gì?"});
    assert_eq!(ask("DongBoHoiDap", json!({"data": [question]}))["error_code"], 0);
    assert_eq!(rows(ask("LayDanhSachHoiDap", json!({"tuNgay": "20260105080000"}))), 1);
    assert_eq!(rows(ask("LayDanhSachHoiDap", json!({"tuNgay": "20260105080001"}))), 0);
    assert_eq!(ask("LayDanhSachHoiDap", json!({"tuNgay": "hôm nay"}))["error_code"], 6);
}

#[test]
fn malformed_bodies_are_400_in_the_same_style() {
    let provider = provider();
    let asker = Asker::new(&provider, PROVINCE);
    let table = [
        json!({"session": "x", "madonvi": "H60", "service": "KhongCo"}),
        json!({"session": 1, "madonvi": "H60", "service": "LayThuTuc"}),
        json!({"session": "x", "madonvi": "H60", "service": "LayThuTuc"}),
        json!({"session": "x", "madonvi": "H60", "service": "DongBoHoSoMC", "data": [{}]}),
    ];
    for body in table {
        let (status, answer) = asker.post("/mapi/g", &body);
        assert_eq!((status, &answer["error_code"]), (400, &json!(4)), "{body}");
    }
}

#[test]
fn a_full_table_is_told() {
    use super::super::table::Bounds;
    let provider = provider();
    let small = Bounds { rows_max: 1, bytes_max: 2_000 };
    *provider.store.lock() = Store::bounded(small, small);
    let asker = Asker::new(&provider, PROVINCE);
    let session = session(asker);
    let second = changed(dossier("2"), "MaHoSo", json!("H60-260105-2"));
    let answer = call(asker, &session, "DongBoHoSoMC", &json!({"data": [dossier("2"), second]}));
    assert_eq!(
        (&answer["result"][0]["error_code"], &answer["result"][1]["error_code"]),
        (&json!(0), &json!(9))
    );
    let long = json!({"MaHoSo": "000.00.06.H60-260105-0001", "NguoiXuLy": "A", "ThoiDiemXuLy": "20260106090000",
        "TrangThai": 4, "NoiDungXuLy": "x".repeat(1_999)});
    let answer = call(asker, &session, "CapNhatTienDoHoSoMC", &json!({"data": [long]}));
    assert_eq!(answer["result"][0]["error_code"], 9);
}
