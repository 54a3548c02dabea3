//! The certificate (phiếu lý lịch tư pháp): its content is the criminal record of the population.

use std::fmt::Write;

use serde::Serialize;

use super::Dossier;
use crate::providers::population::{CriminalCase, Population};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Certificate {
    so_phieu: String,
    loai_phieu: u8,
    ho_ten: String,
    so_dinh_danh: String,
    ngay_sinh: String,
    gioi_tinh: &'static str,
    noi_thuong_tru: String,
    tinh_trang_an_tich: &'static str,
    an_tich: Vec<Conviction>,
    ngay_cap: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Conviction {
    toa_an: String,
    ngay_tuyen_an: String,
    toi_danh: &'static str,
    hinh_phat: &'static str,
    ngay_xoa_an_tich: Option<String>,
}

impl Certificate {
    /// `None` before it is ready.
    pub(super) fn of(
        population: &Population,
        id: u64,
        dossier: &Dossier,
        now_ms: i64,
    ) -> Option<Self> {
        let day = dossier.issued_on(now_ms)?;
        let person = population.person(dossier.person)?;
        let cases = population.criminal_record(dossier.person).unwrap_or_default();
        let named = cases.iter().filter(|case| dossier.form == 2 || case.cleared_on.is_none());
        let an_tich: Vec<Conviction> = named.map(Conviction::of).collect();
        Some(Self {
            so_phieu: format!("{id:06}/{}-LLTP", day.year()),
            loai_phieu: dossier.form,
            ho_ten: person.name.upper(),
            so_dinh_danh: person.number.to_string(),
            ngay_sinh: person.birth_date.slashed(),
            gioi_tinh: person.sex.label(),
            noi_thuong_tru: person.permanent_address.full_text(),
            tinh_trang_an_tich: if an_tich.is_empty() {
                "Không có án tích"
            } else {
                "Có án tích"
            },
            an_tich,
            ngay_cap: day.slashed(),
        })
    }

    /// Plain text, where a real system gives a signed PDF.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "PHIẾU LÝ LỊCH TƯ PHÁP SỐ {}\n(bản mô phỏng, không có giá trị pháp lý)\nSố: {}\nHọ và tên: {}\nGiới tính: {}\nNgày sinh: {}\nSố định danh: {}\nNơi thường trú: {}\nTình trạng án tích: {}\n",
            self.loai_phieu,
            self.so_phieu,
            self.ho_ten,
            self.gioi_tinh,
            self.ngay_sinh,
            self.so_dinh_danh,
            self.noi_thuong_tru,
            self.tinh_trang_an_tich
        );
        for case in &self.an_tich {
            let written = writeln!(
                text,
                "- {}, {}: {}, {}",
                case.ngay_tuyen_an, case.toa_an, case.toi_danh, case.hinh_phat
            );
            debug_assert!(written.is_ok());
        }
        text
    }
}

impl Conviction {
    fn of(case: &CriminalCase) -> Self {
        Self {
            toa_an: case.court.clone(),
            ngay_tuyen_an: case.judged_on.slashed(),
            toi_danh: case.offence,
            hinh_phat: case.sentence,
            ngay_xoa_an_tich: case.cleared_on.map(|day| day.slashed()),
        }
    }
}
