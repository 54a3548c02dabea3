//! The land-tax link: an information transfer slip (phiếu chuyển thông tin) goes to the tax authority, a tax notice
//! comes back under the same dossier code, and is paid after a while.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::parcel::{NUMBER_MAX, Owner, owners};
use super::{LandRegister, price};
use crate::providers::Answer;
use crate::providers::citizen::{Choice, day_of};
use crate::providers::http::{Fault, Outcome, Request};
use crate::providers::input::{Text, Whole};
use crate::providers::moment::MINUTE_MS;
use crate::providers::population::Parcel;
use crate::providers::thue::land::{NO_NOTICE_YET, SLIP_TWICE};

/// From the slip to the notice, and to the payment (assumed: soon enough to be seen in a lesson).
const NOTICE_MS: i64 = MINUTE_MS;
const PAID_MS: i64 = 5 * MINUTE_MS;
/// Days to pay (NĐ 126/2020 Art. 18).
const DAYS_TO_PAY: i32 = 30;
/// Lệ phí trước bạ is at most this, in dong (NĐ 10/2022 Art. 8).
const REGISTRATION_FEE_MAX: u64 = 500_000_000;
const SLIP_BYTES: usize = 256;

#[derive(Debug)]
pub(super) struct Slip {
    parcel: u32,
    transaction: Choice<1, 4>,
    /// Dong: the declared price or that of the table, whichever is higher.
    value: u64,
    noticed_ms: i64,
    paid_ms: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    ma_ho_so: Text<1, 64>,
    ma_xa: Text<1, 10>,
    so_to: Whole<1, NUMBER_MAX>,
    so_thua: Whole<1, NUMBER_MAX>,
    loai_giao_dich: Choice<1, 4>,
    /// Dong.
    #[serde(default)]
    gia_tri_giao_dich: Option<Whole<0, 10_000_000_000_000>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notice<'a> {
    ma_ho_so: &'a str,
    so_thong_bao: String,
    ngay_thong_bao: String,
    han_nop: String,
    nguoi_nop: Vec<Owner>,
    gia_tri_tinh_thue: u64,
    cac_khoan: Vec<Item>,
    tong_so_tien: u64,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    ma_khoan: &'static str,
    ten_khoan: &'static str,
    so_tien: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Payment<'a> {
    ma_ho_so: &'a str,
    trang_thai: u8,
    mo_ta: &'static str,
    so_tien_phai_nop: u64,
    so_tien_da_nop: u64,
    ngay_nop: Option<String>,
}

impl LandRegister {
    /// The slip as the tax authority took it, in the form of `Sent`. A conflict when the dossier has one.
    /// `done_after` says when work that takes so many milliseconds is done.
    pub fn take_slip(&self, sent: Value, done_after: impl Fn(i64) -> i64) -> Result<Value, Fault> {
        let sent = Sent::deserialize(sent);
        let sent = sent.map_err(|error| Fault::bad_request(error.to_string()))?;
        let parcel = self.at(&sent.ma_xa, sent.so_to.0, sent.so_thua.0)?;
        let declared = sent.gia_tri_giao_dich.and_then(|value| u64::try_from(value.0).ok());
        let slip = Slip {
            parcel: parcel.index,
            transaction: sent.loai_giao_dich,
            value: price::value(&parcel).max(declared.unwrap_or(0)),
            noticed_ms: done_after(NOTICE_MS),
            paid_ms: done_after(PAID_MS),
        };
        let code = sent.ma_ho_so.to_string();
        let mut slips = self.slips.lock();
        if slips.contains(&code) {
            return Err(Fault::conflict(format!(
                "{SLIP_TWICE}: mã hồ sơ này đã có phiếu chuyển thông tin"
            )));
        }
        let bytes = code.len().saturating_add(SLIP_BYTES);
        slips.put(code, slip, bytes)?;
        Ok(json!({ "maHoSo": sent.ma_ho_so, "trangThai": 1, "moTa": STATES[0] }))
    }

    /// The notice of a dossier. A conflict while there is none yet.
    pub fn notice_of(&self, code: &str, now_ms: i64) -> Result<Value, Fault> {
        let slips = self.slips.lock();
        let slip = slips.get(&code.to_owned()).ok_or_else(no_slip)?;
        if slip.state(now_ms) == 1 {
            return Err(Fault::conflict(format!(
                "{NO_NOTICE_YET}: cơ quan thuế chưa ra thông báo"
            )));
        }
        let parcel = self.population.parcel(slip.parcel).ok_or_else(no_slip)?;
        let day = day_of(slip.noticed_ms);
        let cac_khoan = slip.items(&parcel);
        let notice = Notice {
            ma_ho_so: code,
            so_thong_bao: format!("LTB-{}-{}", day.compact(), parcel.index),
            ngay_thong_bao: day.slashed(),
            han_nop: day.plus_days(DAYS_TO_PAY).slashed(),
            nguoi_nop: owners(&self.population, &parcel),
            gia_tri_tinh_thue: slip.value,
            tong_so_tien: cac_khoan.iter().map(|item| item.so_tien).sum(),
            cac_khoan,
        };
        Ok(json!(notice))
    }

    pub(super) fn payment(&self, request: &Request<'_>) -> Outcome {
        let code = request.query.required("maHoSo")?;
        let slips = self.slips.lock();
        let slip = slips.get(&code.to_owned()).ok_or_else(no_slip)?;
        let parcel = self.population.parcel(slip.parcel).ok_or_else(no_slip)?;
        let state = slip.state(request.call.now_ms);
        let due =
            if state == 1 { 0 } else { slip.items(&parcel).iter().map(|one| one.so_tien).sum() };
        let paid_on = (state == 3).then(|| day_of(slip.paid_ms));
        let payment = Payment {
            ma_ho_so: code,
            trang_thai: state,
            mo_ta: STATES.get(usize::from(state) - 1).copied().unwrap_or_default(),
            so_tien_phai_nop: due,
            so_tien_da_nop: if state == 3 { due } else { 0 },
            ngay_nop: paid_on.map(|day| day.slashed()),
        };
        Ok(Answer::json(200, &payment))
    }
}

impl Slip {
    /// 1 being computed, 2 notice given, 3 paid.
    fn state(&self, now_ms: i64) -> u8 {
        if now_ms < self.noticed_ms {
            1
        } else if now_ms < self.paid_ms {
            2
        } else {
            3
        }
    }

    /// Transfer 2 % and 0.5 % of the value; within the family nothing; another use half of the gain (NĐ 103/2024);
    /// a first certificate 0.5 %. Simplified.
    fn items(&self, parcel: &Parcel) -> Vec<Item> {
        let income = Item {
            ma_khoan: "TNCN",
            ten_khoan: "Thuế thu nhập cá nhân từ chuyển nhượng bất động sản",
            so_tien: self.value / 50,
        };
        let registration = Item {
            ma_khoan: "LPTB",
            ten_khoan: "Lệ phí trước bạ nhà, đất",
            so_tien: (self.value / 200).min(REGISTRATION_FEE_MAX),
        };
        let exempt = |item: Item| Item { so_tien: 0, ..item };
        let use_of_land = Item {
            ma_khoan: "TSDD",
            ten_khoan: "Tiền sử dụng đất khi chuyển mục đích sử dụng",
            so_tien: price::gain_as_home(parcel) / 2,
        };
        match self.transaction.0 {
            1 => vec![income, registration],
            2 => vec![exempt(income), exempt(registration)],
            3 => vec![use_of_land],
            _ => vec![registration],
        }
    }
}

fn no_slip() -> Fault {
    Fault::not_found("không có phiếu chuyển thông tin của hồ sơ này")
}

const STATES: [&str; 3] = ["Đang tính thuế", "Đã ra thông báo, chưa nộp", "Đã nộp đủ"];
