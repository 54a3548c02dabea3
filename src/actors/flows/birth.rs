//! Birth registration, interlinked (liên thông đăng ký khai sinh, domain.md 4.5): the commune asks civil status, which
//! gives the child its number; population and insurance then know it; Cổng DVCQG shows each stand to the parents.

use super::line::{Content, escaped};
use super::portal::{OFFICE, Procedure, Status};
use super::stage::{Answer, Found, Stage, Stop, Todo, done};
use crate::providers::citizen::day_of;
use http::Method;
use serde_json::{Value, json};

const PROCEDURE: Procedure = Procedure {
    code: "1.001193",
    name: "Thủ tục đăng ký khai sinh",
    sector: "G15-HT01",
    sector_name: "Hộ tịch",
};

pub(super) async fn run(stage: &mut Stage<'_>) -> Result<Value, Stop> {
    let mother = stage.flow.text("/mother/name").to_owned();
    stage.log_in().await?;
    stage.open_dossier(&PROCEDURE, &mother, Status::Accepted).await?;
    let of_mother = ("mother", "/mother/number", "/mother/name", "/mother/born");
    let title = ("Xác thực người mẹ ở CSDL dân cư", "The population database verifies the mother");
    let (number, name, born) = named(stage, of_mother);
    verify(stage, ("population-mother", title), (&number, &name, &born), is_known).await?;
    stage.progress("portal-at-work", Status::AtWork, "Đã chuyển cơ quan hộ tịch").await?;
    register(stage).await?;
    let child = result(stage).await?;
    let born = day_of(stage.now_ms()).compact();
    let name = stage.flow.text("/child/name").to_owned();
    let title = ("CSDL dân cư có tên trẻ", "The population database knows the child");
    verify(stage, ("population-child", title), (&child, &name, &born), is_known_yet).await?;
    let insured = insurance(stage, &name).await?;
    let words = format!("Số định danh {child}, mã số BHXH {insured}");
    stage.progress("portal-done", Status::Done, &words).await?;
    stage.progress("portal-returned", Status::Returned, "Đã trả Giấy khai sinh").await?;
    Ok(json!({ "so_dinh_danh": child, "ma_so_bhxh": insured }))
}

fn named(
    stage: &Stage<'_>,
    (_, number, name, born): (&str, &str, &str, &str),
) -> (String, String, String) {
    let text = |pointer| stage.flow.text(pointer).to_owned();
    (text(number), text(name), text(born))
}

fn is_known(answer: Answer<'_>) -> Found {
    let text = answer.reply.body.as_str().unwrap_or_default();
    match (answer.reply.status, text.contains("<TonTai>true</TonTai>")) {
        (200, true) => Found::Done(true.into()),
        (200, false) => Found::Refused("số định danh, họ tên và ngày sinh không khớp".to_owned()),
        (status, _) => Found::Refused(answer.said(status)),
    }
}

fn is_known_yet(answer: Answer<'_>) -> Found {
    match is_known(answer) {
        Found::Refused(why) if answer.reply.status == 200 => Found::NotYet(why),
        Found::Done(known) => Found::Done(known),
        Found::NotYet(why) | Found::Refused(why) => Found::Refused(why),
    }
}

/// `XacThucThongTinCongDan` (domain.md 4.2).
async fn verify(
    stage: &mut Stage<'_>,
    (step, title): (&'static str, (&'static str, &'static str)),
    (number, name, born): (&str, &str, &str),
    reads: fn(Answer<'_>) -> Found,
) -> Result<Value, Stop> {
    let operation = "XacThucThongTinCongDan";
    let name = name.to_uppercase();
    let inner = format!(
        "<d:{operation} xmlns:d=\"http://dancuquocgia.bca\"><d:MaYeuCau>{}</d:MaYeuCau>\
         <d:MaDVC>{}</d:MaDVC><d:MaTichHop>001</d:MaTichHop><d:MaCanBo>motcua</d:MaCanBo>\
         <d:SoDinhDanh>{}</d:SoDinhDanh><d:HoVaTen>{}</d:HoVaTen>\
         <d:NgayThangNamSinh><d:NgayThangNam>{}</d:NgayThangNam></d:NgayThangNamSinh></d:{operation}>",
        escaped(&stage.flow.id),
        PROCEDURE.code,
        escaped(number),
        escaped(&name),
        escaped(born)
    );
    let content = Content::Soap(inner);
    let todo = Todo::new((step, OFFICE), title, (operation, Method::POST), "", content);
    stage.take(todo, reads).await
}

async fn register(stage: &mut Stage<'_>) -> Result<(), Stop> {
    let today = day_of(stage.now_ms()).slashed();
    let flow = &stage.flow;
    let mut fields = vec![
        ("nksHoTen", flow.text("/child/name")),
        ("nksGioiTinh", flow.text("/child/sex")),
        ("nksNgaySinh", &today),
        ("meSoDDCN", flow.text("/mother/number")),
        ("meHoTen", flow.text("/mother/name")),
        ("meNgaySinh", flow.text("/mother/birth_date")),
        ("giayToKemTheo", "Giấy chứng sinh"),
    ];
    if !flow.text("/father/number").is_empty() {
        fields.extend([
            ("chaSoDDCN", flow.text("/father/number")),
            ("chaHoTen", flow.text("/father/name")),
            ("chaNgaySinh", flow.text("/father/birth_date")),
        ]);
    }
    let data: String =
        fields.iter().map(|(name, value)| format!("<{name}>{}</{name}>", escaped(value))).collect();
    let body = json!({
        "maDonVi": unit(stage), "module": "LTKS", "maHoSo": flow.id, "ngayTiepNhan": today,
        "data": format!("<hoSo>{data}</hoSo>"),
    });
    let title = ("Nộp hồ sơ khai sinh sang CSDL hộ tịch", "Civil status takes the registration");
    let todo = Todo::post(("civil-register", OFFICE), title, ("hotich", "/dangKyHoTich"), body);
    let read = |answer: Answer<'_>| match status(answer) {
        Some(1) => Found::Done(Value::Null),
        // The database has this dossier: an attempt before was done.
        _ if answer.may_be_done && answer.said(0).contains("đã được tiếp nhận") => {
            Found::Done(Value::Null)
        }
        _ => Found::Refused(answer.said(answer.reply.status)),
    };
    stage.take(todo, read).await.map(|_| ())
}

/// The child's number, when the dossier is registered.
async fn result(stage: &mut Stage<'_>) -> Result<String, Stop> {
    let body = json!({ "maDonVi": unit(stage), "maHoSo": stage.flow.id });
    let title = ("Chờ cơ quan hộ tịch đăng ký", "Civil status decides");
    let place = ("hotich", "/traTrangThaiHoSo");
    let todo = Todo::post(("civil-status", OFFICE), title, place, body.clone());
    let read = |answer: Answer<'_>| match status(answer) {
        Some(4) => Found::Done(Value::Null),
        Some(1 | 3) => Found::NotYet(answer.said(answer.reply.status)),
        _ => Found::Refused(answer.said(answer.reply.status)),
    };
    stage.take(todo, read).await?;
    let title = ("Nhận kết quả đăng ký khai sinh", "The result of the registration");
    let todo = Todo::post(("civil-result", OFFICE), title, ("hotich", "/ketQuaDangKyHS"), body);
    let record = stage.take(todo, done).await?;
    let number = record.pointer("/nguoi/0/soDinhDanh").and_then(Value::as_str);
    Ok(number.unwrap_or_default().to_owned())
}

async fn insurance(stage: &mut Stage<'_>, name: &str) -> Result<String, Stop> {
    let commune = stage.flow.text("/commune").to_owned();
    let sex: u8 = stage.flow.text("/child/sex").parse().unwrap_or(3);
    let body = json!({
        "hoTen": name, "ngaySinh": day_of(stage.now_ms()).compact(), "loaiNgaySinh": 0,
        "gioiTinh": sex, "isKs": 1, "maTinhKs": commune.get(..2).unwrap_or_default(),
        "maHuyenKs": "", "maXaKs": commune,
    });
    let title = ("BHXH cấp mã số, thẻ BHYT cho trẻ", "Social insurance has a number for the child");
    let place = ("bhxh", "/getMaSoBhxhTheoTieuChi");
    let todo = Todo::post(("insurance", OFFICE), title, place, body);
    let read = |answer: Answer<'_>| {
        let body = &answer.reply.body;
        match body.get("errorCode").and_then(Value::as_str) {
            Some("00") => Found::Done(body.get("maSoBhxh").cloned().unwrap_or_default()),
            Some("01") => Found::NotYet("BHXH chưa có tên trẻ".to_owned()),
            _ => Found::Refused(answer.said(answer.reply.status)),
        }
    };
    let number = stage.take(todo, read).await?;
    Ok(number.as_str().unwrap_or_default().to_owned())
}

fn unit(stage: &Stage<'_>) -> i64 {
    stage.flow.text("/commune").parse().unwrap_or(0)
}

fn status(answer: Answer<'_>) -> Option<u64> {
    let status = answer.reply.body.get("status").and_then(Value::as_u64);
    status.filter(|_| answer.reply.status == 200)
}
