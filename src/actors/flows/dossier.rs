//! A dossier that a citizen files at Cổng DVCQG and that a province's one-stop works off (domain.md 4.7): account looked
//! up, taken in, fee booked at `PayGov`, worked on, the result sent by post, and every stand told back to the portal.

use super::portal::{OFFICE, Procedure, Status};
use super::stage::{Stage, Stop, Todo, done};
use crate::providers::seed::sandbox_secret;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const PROCEDURE: Procedure = Procedure {
    code: "1.005092",
    name: "Cấp bản sao văn bằng và chứng chỉ từ sổ gốc",
    sector: "G03-GD20",
    sector_name: "Hệ thống văn bằng và chứng chỉ",
};
/// Dong.
const FEE: u32 = 30_000;

pub(super) async fn run(stage: &mut Stage<'_>) -> Result<Value, Stop> {
    let citizen = stage.flow.text("/citizen/name").to_owned();
    stage.log_in().await?;
    stage.open_dossier(&PROCEDURE, &citizen, Status::New).await?;
    stage
        .progress("portal-accepted", Status::Accepted, "Một cửa tiếp nhận hồ sơ trực tuyến")
        .await?;
    stage.progress("portal-to-pay", Status::ToPay, "Phí cấp bản sao: 30.000 đồng").await?;
    let receipt = receipt(stage, &citizen).await?;
    stage.progress("portal-at-work", Status::AtWork, "Đã nộp phí, chuyển phòng chuyên môn").await?;
    stage.progress("portal-done", Status::Done, "Đã có kết quả").await?;
    let order = post(stage, &citizen).await?;
    stage.progress("portal-returned", Status::Returned, "Đã gửi kết quả qua bưu điện").await?;
    let seen = stage.look_up().await?;
    let steps = seen.get("TienDo").and_then(Value::as_array).map_or(0, Vec::len);
    Ok(json!({ "bien_lai": receipt, "van_don": order, "so_buoc_tren_cong": steps }))
}

/// The same payment again gets the same receipt.
async fn receipt(stage: &mut Stage<'_>, citizen: &str) -> Result<Value, Stop> {
    let partner = stage.office_code();
    let key = sandbox_secret(&partner);
    let paids = base64_simd::STANDARD
        .encode_to_string(json!([{ "feeCode": "PHI", "amount": FEE }]).to_string().as_bytes());
    let (number, code) = (stage.flow.text("/citizen/number").to_owned(), stage.flow.id.clone());
    let fields =
        [&*partner, &number, citizen, "", "", "", &code, PROCEDURE.name, &paids, "", "", &key];
    let checksum: String =
        Sha256::digest(fields.join("|")).iter().map(|byte| format!("{byte:02x}")).collect();
    let body = json!({
        "partnerCode": partner, "accessKey": key, "payerId": number, "payerName": citizen,
        "docCode": code, "procedureName": PROCEDURE.name, "paids": paids, "checksum": checksum,
    });
    let title = ("Nộp phí, nhận biên lai PayGov", "The fee is paid; PayGov gives a receipt");
    let todo = Todo::post(("fee", OFFICE), title, ("paygov", "/receipts"), body);
    let answer = stage.take(todo, done).await?;
    Ok(answer.pointer("/receipt/receiptNumber").cloned().unwrap_or_default())
}

async fn post(stage: &mut Stage<'_>, citizen: &str) -> Result<Value, Stop> {
    let province = stage.office_province();
    let party = |name: &str, phone: &str, address: &str| json!({ "hoTen": name, "dienThoai": phone, "diaChi": address, "maTinh": province });
    let office = party(&stage.office_name(), "0900000000", &stage.office_name());
    let phone = stage.flow.text("/citizen/phone").to_owned();
    let citizen = party(citizen, &phone, stage.flow.text("/citizen/address"));
    let body = json!({
        "maHoSo": stage.flow.id, "loaiDon": 2, "nguoiGui": office, "nguoiNhan": citizen,
    });
    let title = ("Gọi bưu điện trả kết quả", "The post is to deliver the result");
    let todo = Todo::post(("post", OFFICE), title, ("vnpost", "/orders"), body);
    let answer = stage.take(todo, done).await?;
    Ok(answer.get("maVanDon").cloned().unwrap_or_default())
}
