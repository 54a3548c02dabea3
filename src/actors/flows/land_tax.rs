//! Land-tax link (liên thông thuế đất, domain.md 4.10): the land office sends the information transfer slip, the tax
//! notice comes back under the dossier's code, both signed; it is paid, and the dossier goes on.

use super::line::{Content, escaped};
use super::portal::{OFFICE, Procedure, Status};
use super::stage::{Answer, Found, Stage, Stop, Todo, done};
use crate::providers::soap::Envelope;
use crate::providers::thue::land;
use crate::providers::thue::signed::NAMESPACE;
use http::Method;
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
    let slip = [
        ("MaHoSo", stage.flow.id.clone()),
        ("MaXa", commune),
        ("SoTo", sheet.to_string()),
        ("SoThua", number.to_string()),
        ("LoaiGiaoDich", "1".to_owned()),
    ];
    let title = ("Gửi phiếu chuyển thông tin sang thuế", "The slip goes to the tax authority");
    let content = signed(land::SLIP, &slip);
    let place = (land::SLIP, Method::POST);
    stage.take(Todo::new(("tax-slip", OFFICE), title, place, "", content), is_taken).await?;
    let title = ("Chờ thông báo thuế", "The tax notice comes back");
    let content = signed(land::NOTICE, &[("MaHoSo", stage.flow.id.clone())]);
    let place = (land::NOTICE, Method::POST);
    let todo = Todo::new(("tax-notice", OFFICE), title, place, "", content);
    let notice = stage.take(todo, noticed).await?;
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

/// Slip and notice have consequences in law: both are signed XML (domain.md 1.2 C7).
fn signed(code: &str, fields: &[(&str, String)]) -> Content {
    let fields: String = fields
        .iter()
        .map(|(name, value)| format!("<t:{name}>{}</t:{name}>", escaped(value)))
        .collect();
    Content::Signed(format!("<t:{code} xmlns:t=\"{NAMESPACE}\">{fields}</t:{code}>"))
}

fn is_taken(answer: Answer<'_>) -> Found {
    match (answer.reply.status, told(answer)) {
        (200, _) => Found::Done(Value::Null),
        // An attempt before was done.
        (_, text) if answer.may_be_done && text.contains(land::SLIP_TWICE) => {
            Found::Done(Value::Null)
        }
        (status, _) => Found::Refused(answer.said(status)),
    }
}

fn noticed(answer: Answer<'_>) -> Found {
    let text = told(answer);
    match answer.reply.status {
        200 => match Envelope::read(text.as_bytes()) {
            Ok(envelope) => {
                let children = &envelope.root().children;
                let field = |name: &str| {
                    let found = children.iter().find(|child| child.name == name);
                    found.map(|child| child.text.clone()).unwrap_or_default()
                };
                let due = field("TongSoTien").parse::<u64>().unwrap_or_default();
                Found::Done(json!({ "soThongBao": field("SoThongBao"), "tongSoTien": due }))
            }
            Err(fault) => Found::Refused(fault.message),
        },
        _ if text.contains(land::NO_NOTICE_YET) => Found::NotYet(land::NO_NOTICE_YET.to_owned()),
        status => Found::Refused(answer.said(status)),
    }
}

fn told(answer: Answer<'_>) -> &str {
    answer.reply.body.as_str().unwrap_or_default()
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
