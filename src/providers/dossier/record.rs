//! A dossier as `DongBoHoSoMC` sends it, its progress, and the rules between its statuses (domain.md 4.7).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::input::{Code, Flag, Many, Object, Text};
use super::super::moment::parse_compact;

/// Entries of each list inside a dossier.
pub(super) const ENTRIES_MAX: usize = 100;

type Entries<T> = Many<Object<T>, ENTRIES_MAX>;
type Short = Text<0, 200>;
type Long = Text<0, 2000>;
type Required = Text<1, 1000>;

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Dossier {
    pub ma_ho_so: Text<1, 64>,
    #[serde(rename = "MaTTHC")]
    pub procedure: Text<1, 64>,
    #[serde(rename = "TenTTHC")]
    pub procedure_name: Required,
    pub ma_linh_vuc: Text<1, 64>,
    pub ten_linh_vuc: Required,
    pub so_bien_nhan: Option<Short>,
    pub chu_ho_so: Required,
    pub loai_doi_tuong: Option<Code>,
    pub ma_doi_tuong: Option<Short>,
    pub thong_tin_khac: Option<Long>,
    pub email: Option<Short>,
    pub fax: Option<Short>,
    pub so_dien_thoai: Option<Short>,
    pub trich_yeu_ho_so: Option<Long>,
    pub ngay_tiep_nhan: Text<1, 14>,
    pub ngay_hen_tra: Option<Text<0, 14>>,
    pub trang_thai_ho_so: Code,
    pub ngay_tra: Option<Text<0, 14>>,
    pub thong_tin_tra: Option<Long>,
    pub hinh_thuc: Code,
    pub ngay_ket_thuc_xu_ly: Option<Text<0, 14>>,
    pub don_vi_xu_ly: Required,
    pub ghi_chu: Option<Long>,
    #[serde(default)]
    pub tai_lieu_nop: Entries<Document>,
    #[serde(default)]
    pub danh_sach_le_phi: Entries<Fee>,
    #[serde(default)]
    pub danh_sach_tep_dinh_kem_khac: Entries<Map<String, Value>>,
    #[serde(default)]
    pub danh_sach_ho_so_bo_sung: Entries<Map<String, Value>>,
    #[serde(default)]
    pub danh_sach_giay_to_ket_qua: Entries<ResultPaper>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Document {
    pub tep_dinh_kem_id: Option<Code>,
    pub ten_tep_dinh_kem: Option<Short>,
    pub is_deleted: Option<Flag>,
    pub ma_thanh_phan_ho_so: Option<Short>,
    pub duong_dan_tai_tep_tin: Option<Long>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Fee {
    pub ten_phi_le_phi: Option<Short>,
    pub ma_phi_le_phi: Option<Short>,
    pub hinh_thuc_thu: Option<Code>,
    pub gia: Option<Code>,
    pub loai_phi_le_phi: Option<Code>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResultPaper {
    pub ten_giay_to: Option<Short>,
    pub ma_thanh_phan_ho_so: Option<Short>,
    pub giay_to_id: Option<Code>,
    pub duong_dan_tep_tin_ket_qua: Option<Long>,
}

/// One step of `CapNhatTienDoHoSoMC`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Progress {
    pub ma_ho_so: Text<1, 64>,
    pub nguoi_xu_ly: Text<1, 200>,
    pub chuc_danh: Option<Short>,
    pub thoi_diem_xu_ly: Text<1, 14>,
    pub phong_ban_xu_ly: Option<Short>,
    pub noi_dung_xu_ly: Option<Long>,
    pub trang_thai: Code,
    pub ngay_bat_dau: Option<Text<0, 14>>,
    pub ngay_ket_thuc_theo_quy_dinh: Option<Text<0, 14>>,
}

/// `TrangThaiHoSo`, 1 to 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(u8);

impl Status {
    pub(super) fn read(code: &str) -> Option<Self> {
        let number: u8 = code.parse().ok()?;
        (1..=10).contains(&number).then_some(Self(number))
    }

    /// A dossier is first sent when it is new, taken in, not taken in or at work. Assumed.
    pub(super) const fn may_be_first(self) -> bool {
        self.0 <= 4
    }

    /// Sent again without a change is allowed. The order is assumed from the meaning of the codes.
    pub(super) fn may_become(self, next: Self) -> bool {
        let after: &[u8] = match self.0 {
            1 => &[2, 3, 7],
            2 => &[4, 5, 6, 7, 8, 9],
            4 => &[5, 6, 7, 8, 9],
            5 => &[2, 3, 4, 7, 8],
            6 => &[4, 7, 8, 9],
            7..=9 => &[10],
            _ => &[],
        };
        self == next || after.contains(&next.0)
    }

    pub(super) const fn is_done(self) -> bool {
        self.0 == 9
    }

    pub(super) const fn is_returned(self) -> bool {
        self.0 == 10
    }
}

impl Dossier {
    /// The status when what the dossier says of itself is in order; otherwise what is wrong.
    pub(super) fn check(&self) -> Result<Status, String> {
        if !is_dossier_code(&self.ma_ho_so) {
            return Err("MaHoSo phải có dạng <mã đơn vị>-<yyMMdd>-<số thứ tự>".to_owned());
        }
        let status = Status::read(&self.trang_thai_ho_so)
            .ok_or_else(|| "TrangThaiHoSo phải từ 1 đến 10".to_owned())?;
        one_of("HinhThuc", &self.hinh_thuc, &["1", "2", "3"])?;
        if let Some(kind) = &self.loai_doi_tuong {
            one_of("LoaiDoiTuong", kind, &["0", "1", "2"])?;
        }
        let received = parse_compact(&self.ngay_tiep_nhan)
            .ok_or_else(|| "NgayTiepNhan phải có dạng yyyyMMddHHmmss".to_owned())?;
        let due = optional_time("NgayHenTra", self.ngay_hen_tra.as_deref())?;
        let done = optional_time("NgayKetThucXuLy", self.ngay_ket_thuc_xu_ly.as_deref())?;
        let returned = optional_time("NgayTra", self.ngay_tra.as_deref())?;
        for (name, time) in [("NgayHenTra", due), ("NgayKetThucXuLy", done), ("NgayTra", returned)]
        {
            if time.is_some_and(|time| time < received) {
                return Err(format!("{name} sớm hơn NgayTiepNhan"));
            }
        }
        if status.is_done() && done.is_none() {
            return Err("trạng thái 9 cần NgayKetThucXuLy".to_owned());
        }
        if status.is_returned() && returned.is_none() {
            return Err("trạng thái 10 cần NgayTra".to_owned());
        }
        Ok(status)
    }
}

impl Progress {
    pub(super) fn check(&self) -> Result<Status, String> {
        if parse_compact(&self.thoi_diem_xu_ly).is_none() {
            return Err("ThoiDiemXuLy phải có dạng yyyyMMddHHmmss".to_owned());
        }
        optional_time("NgayBatDau", self.ngay_bat_dau.as_deref())?;
        let by_rule = self.ngay_ket_thuc_theo_quy_dinh.as_deref();
        optional_time("NgayKetThucTheoQuyDinh", by_rule)?;
        Status::read(&self.trang_thai).ok_or_else(|| "TrangThai phải từ 1 đến 10".to_owned())
    }
}

fn one_of(name: &str, code: &str, allowed: &[&str]) -> Result<(), String> {
    if allowed.contains(&code) {
        return Ok(());
    }
    Err(format!("{name} phải là một trong {}", allowed.join(", ")))
}

fn optional_time(name: &str, text: Option<&str>) -> Result<Option<jiff::civil::DateTime>, String> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => parse_compact(text)
            .map(Some)
            .ok_or_else(|| format!("{name} phải có dạng yyyyMMddHHmmss")),
    }
}

/// `000.00.00.H26-200101-0001` and `H26.12-250801-0001` (domain.md 3.1).
fn is_dossier_code(code: &str) -> bool {
    let mut parts = code.rsplitn(3, '-');
    let (Some(serial), Some(day), Some(agency)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let agency_like = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.';
    !serial.is_empty()
        && digits(serial)
        && day.len() == 6
        && parse_compact(&format!("20{day}000000")).is_some()
        && !agency.is_empty()
        && agency.bytes().all(agency_like)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dossier_codes_have_their_form() {
        for good in ["000.00.00.H26-200101-0001", "H26.12-250801-0001", "H60-260105-1"] {
            assert!(is_dossier_code(good), "{good}");
        }
        for bad in [
            "",
            "H26",
            "H26-0001",
            "H26-251301-0001",
            "H26-250801-",
            "-250801-1",
            "H 6-250801-1",
            "H26-250801-a",
        ] {
            assert!(!is_dossier_code(bad), "{bad}");
        }
    }

    #[test]
    fn a_status_leads_only_where_its_meaning_leads() {
        let next = |from: &str| -> Vec<u8> {
            let from = Status::read(from).unwrap();
            (1..=10).filter(|&to| to != from.0 && from.may_become(Status(to))).collect()
        };
        assert_eq!(next("1"), [2, 3, 7]);
        assert_eq!(next("9"), [10]);
        assert!(next("3").is_empty() && next("10").is_empty());
        for wrong in ["0", "11", "", "x", "256", "-1"] {
            assert_eq!(Status::read(wrong), None, "{wrong}");
        }
        // Every status but the first can be reached, and none leads back to it.
        for to in 2..=10 {
            assert!((1..=10).any(|from| from != to && Status(from).may_become(Status(to))), "{to}");
        }
        assert!((2..=10).all(|from| !Status(from).may_become(Status(1))));
    }
}
