//! Land-tax link (liên thông thuế đất, domain.md 4.10): the land office sends the information transfer slip, the tax
//! notice comes back under the dossier's code, is paid, and the dossier goes on.

use super::portal::{OFFICE, Procedure, Status};
use super::stage::{Answer, Found, Stage, Stop, Todo, done, when_ready};
use serde_json::{Value, json};

const PROCEDURE: Procedure = Procedure {
    code: "1.012783",
    name: "Đăng ký biến động quyền sử dụng đất do chuyển nhượng",
    sector: "G10-DD01",
    sector_name: "Đất đai",
};

pub(super) async fn run(stage: &mut Stage<'_>) -> Result<Value, Stop> {
    let owner = stage.flow.text("/citizen/name").to_owned();
    stage.log_in().await?;
    stage.open_dossier(&PROCEDURE, &owner, Status::Accepted).await?;
    let at = |name: &str| {
        stage.flow.input.pointer(&format!("/parcel/{name}")).cloned().unwrap_or_default()
    };
    let (commune, sheet, number) = (at("commune"), at("sheet"), at("number"));
    let commune = commune.as_str().unwrap_or_default().to_owned();
    let path = format!("/thuaDat?maXa={commune}&soTo={sheet}&soThua={number}");
    let title = ("Tra cứu thửa đất", "The land register shows the parcel");
    stage.take(Todo::get(("land-parcel", OFFICE), title, ("datdai", &path)), done).await?;
    stage.progress("portal-at-work", Status::AtWork, "Đã chuyển thông tin sang thuế").await?;
    let body = json!({
        "maHoSo": stage.flow.id, "maXa": commune, "soTo": sheet, "soThua": number, "loaiGiaoDich": 1,
    });
    let title = ("Gửi phiếu chuyển thông tin sang thuế", "The slip goes to the tax authority");
    let place = ("datdai", "/phieuChuyenThongTin");
    stage.take(Todo::post(("tax-slip", OFFICE), title, place, body), done).await?;
    let path = format!("/thongBaoThue?maHoSo={}", stage.flow.id);
    let title = ("Chờ thông báo thuế", "The tax notice comes back");
    let todo = Todo::get(("tax-notice", OFFICE), title, ("datdai", &path));
    let notice = stage.take(todo, when_ready).await?;
    let due = notice.get("tongSoTien").and_then(Value::as_u64).unwrap_or(0);
    let words = format!("Phải nộp {due} đồng");
    stage.progress("portal-to-pay", Status::ToPay, &words).await?;
    paid(stage).await?;
    stage.progress("portal-paid", Status::AtWork, "Đã nộp đủ thuế").await?;
    stage.progress("portal-done", Status::Done, "Đã xác nhận biến động").await?;
    stage.progress("portal-returned", Status::Returned, "Đã trả giấy chứng nhận").await?;
    let number = notice.get("soThongBao").cloned().unwrap_or_default();
    Ok(json!({ "so_thong_bao": number, "so_tien": due }))
}

async fn paid(stage: &mut Stage<'_>) -> Result<Value, Stop> {
    let path = format!("/trangThaiNopThue?maHoSo={}", stage.flow.id);
    let title = ("Chờ công dân nộp thuế", "The citizen pays");
    let read = |answer: Answer<'_>| {
        let state = answer.reply.body.get("trangThai").and_then(Value::as_u64);
        match (answer.reply.status, state) {
            (200, Some(3)) => Found::Done(answer.reply.body.clone()),
            (200, _) => Found::NotYet("chưa nộp đủ".to_owned()),
            (status, _) => Found::Refused(answer.said(status)),
        }
    };
    stage.take(Todo::get(("tax-paid", OFFICE), title, ("datdai", &path)), read).await
}
