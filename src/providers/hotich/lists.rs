//! What civil status tells beside single dossiers: catalogues, the registrations of a day, records, and the state of
//! interlinked dossiers.

use serde::{Deserialize, Serialize};

use super::dossier::{Dossier, Module, State};
use super::record::Record;
use super::register::module_of;
use super::trouble::{Code, Trouble};
use super::{CivilStatus, unit_of};
use crate::providers::Answer;
use crate::providers::citizen::{Choice, NATIONALITIES, Slashed, province_by_code};
use crate::providers::http::Request;
use crate::providers::input::{Many, Text};
use crate::providers::moment::iso;
use crate::providers::population::{EthnicGroup, PROVINCES, Province};

/// Rows of `dsHoSoDangKy`; the rest of a fuller day is asked for by dossier.
const DAY_ROWS_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WhichCatalogue {
    loai_danh_muc: Choice<1, 5>,
}

#[derive(Serialize)]
struct Entry {
    ma: String,
    ten: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfDay {
    module: Text<1, 8>,
    ngay_cap_nhat: Slashed,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    ma_don_vi: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct One {
    module: Text<1, 8>,
    ma_ho_so: Text<1, 64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Several {
    ma_tinh: Text<1, 10>,
    module: Text<1, 8>,
    ds_ma_ho_so: Many<Text<1, 64>, 50>,
}

/// `ScanHoTichRequest`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scan {
    ma_dinh_danh_ho_so: Many<Text<1, 64>, 3>,
    ma_tinh: Text<1, 10>,
    module: Text<1, 8>,
}

#[derive(Serialize)]
struct Scanned {
    value: Vec<Progress>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    trang_thai: u8,
    thoi_gian_thuc_hien: String,
    noi_dung_xu_ly: String,
    ghi_chu: String,
    #[serde(rename = "maHoSoLT")]
    interlinked_code: String,
    #[serde(rename = "maHoSoMCDT")]
    code: String,
    ket_qua_xu_ly: Option<Outcome>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    giay_khai_sinh: String,
    so_dang_ky: String,
    ngay_dang_ky: String,
}

impl CivilStatus {
    pub(super) fn catalogue(&self, request: &Request<'_>) -> Result<Answer, Trouble> {
        let WhichCatalogue { loai_danh_muc } = request.json()?;
        let entry =
            |(code, name): &(&str, &str)| Entry { ma: (*code).to_owned(), ten: (*name).to_owned() };
        let entries: Vec<Entry> = match loai_danh_muc.0 {
            1 => NATIONALITIES.iter().map(entry).collect(),
            2 => COUNTRIES.iter().map(entry).collect(),
            3 => EthnicGroup::ALL
                .iter()
                .map(|group| Entry { ma: format!("{:02}", group.code), ten: group.name.to_owned() })
                .collect(),
            4 => PROVINCES
                .iter()
                .map(|one| Entry { ma: format!("{:02}", one.code), ten: one.full_name() })
                .collect(),
            _ => PAPERS.iter().map(entry).collect(),
        };
        Ok(Answer::json(200, &entries))
    }

    pub(super) fn of_day(&self, request: &Request<'_>) -> Result<Answer, Trouble> {
        let wanted: OfDay = request.json()?;
        let module = module_of(&wanted.module)?;
        let day = wanted.ngay_cap_nhat.date()?;
        let dossiers = self.dossiers.lock();
        let listed: Vec<Listed> = dossiers
            .values()
            .filter(|dossier| dossier.module == module)
            .filter(|dossier| {
                dossier.registration(request.call.now_ms).is_some_and(|entry| entry.on == day)
            })
            .take(DAY_ROWS_MAX)
            .map(|dossier| Listed { id: dossier.code.clone(), ma_don_vi: unit_of(dossier.commune) })
            .collect();
        Ok(Answer::json(200, &listed))
    }

    pub(super) fn one(&self, request: &Request<'_>) -> Result<Answer, Trouble> {
        let wanted: One = request.json()?;
        let module = module_of(&wanted.module)?;
        let record = self.record(module, &wanted.ma_ho_so, request.call.now_ms, None)?;
        let missing = || Trouble::new(Code::NotFound, "không có hồ sơ đã đăng ký mang mã này");
        Ok(Answer::json(200, &record.ok_or_else(missing)?))
    }

    /// Dossiers that are not found are left out.
    pub(super) fn several(&self, request: &Request<'_>) -> Result<Answer, Trouble> {
        let wanted: Several = request.json()?;
        let module = module_of(&wanted.module)?;
        let province = province_of(&wanted.ma_tinh)?;
        let mut records = Vec::new();
        for code in &wanted.ds_ma_ho_so.0 {
            records.extend(self.record(module, code, request.call.now_ms, Some(province))?);
        }
        Ok(Answer::json(200, &records))
    }

    /// By code of a dossier, or by identity number for the entries of the population (assumed).
    fn record(
        &self,
        module: Module,
        code: &str,
        now_ms: i64,
        province: Option<&Province>,
    ) -> Result<Option<Record>, Trouble> {
        let dossier = self.dossiers.lock().get(&code.to_owned()).cloned();
        let record = match dossier {
            Some(dossier) if dossier.module != module => None,
            Some(dossier) if dossier.state(now_ms) != State::Registered => {
                let told = format!("hồ sơ {code}: {}", dossier.state(now_ms).label());
                return match province {
                    Some(_) => Ok(None),
                    None => Err(Trouble::new(Code::Uncomplete, told)),
                };
            }
            Some(dossier) => Record::of_dossier(&self.population, &dossier, now_ms),
            None => Record::of_person(&self.population, module, code),
        };
        Ok(record.filter(|record| province.is_none_or(|province| record.is_of(province))))
    }

    pub(super) fn scan(&self, request: &Request<'_>) -> Result<Answer, Trouble> {
        let wanted: Scan = request.json()?;
        let module = module_of(&wanted.module)?;
        if !module.interlinked {
            let told = "module của hồ sơ liên thông phải là LTKS, LTKT hoặc LTKH";
            return Err(Trouble::new(Code::DataType, told));
        }
        let province = province_of(&wanted.ma_tinh)?;
        let dossiers = self.dossiers.lock();
        let found = wanted.ma_dinh_danh_ho_so.0.iter().filter_map(|code| {
            dossiers.get(&code.to_string()).filter(|dossier| {
                dossier.module == module && dossier.commune.province().code == province.code
            })
        });
        let value = found.map(|dossier| self.progress(dossier, request.call.now_ms)).collect();
        Ok(Answer::json(200, &Scanned { value }))
    }

    fn progress(&self, dossier: &Dossier, now_ms: i64) -> Progress {
        let state = dossier.state(now_ms);
        let record = Record::of_dossier(&self.population, dossier, now_ms);
        Progress {
            trang_thai: state.scanned(),
            thoi_gian_thuc_hien: iso(dossier.since_ms(now_ms)),
            noi_dung_xu_ly: state.label().to_owned(),
            ghi_chu: dossier.refused.unwrap_or_default().to_owned(),
            interlinked_code: format!("LT-{}", dossier.code),
            code: dossier.code.clone(),
            ket_qua_xu_ly: record.map(|record| {
                let (so_dang_ky, ngay_dang_ky) = record.number_and_day();
                let paper = record.paper(dossier.module.subject.title());
                let giay_khai_sinh = base64_simd::STANDARD.encode_to_string(paper.as_bytes());
                Outcome { giay_khai_sinh, so_dang_ky, ngay_dang_ky }
            }),
        }
    }
}

fn province_of(code: &str) -> Result<&'static Province, Trouble> {
    province_by_code(code)
        .ok_or_else(|| Trouble::new(Code::Province, "không có tỉnh, thành phố mang mã maTinh này"))
}

const COUNTRIES: &[(&str, &str)] = &[
    ("VN", "Cộng hòa xã hội chủ nghĩa Việt Nam"),
    ("CN", "Cộng hòa Nhân dân Trung Hoa"),
    ("FR", "Cộng hòa Pháp"),
    ("JP", "Nhật Bản"),
    ("KH", "Vương quốc Campuchia"),
    ("KR", "Đại Hàn Dân Quốc"),
    ("LA", "Cộng hòa Dân chủ Nhân dân Lào"),
    ("US", "Hợp chúng quốc Hoa Kỳ"),
];
const PAPERS: &[(&str, &str)] = &[
    ("1", "Thẻ căn cước"),
    ("2", "Thẻ căn cước công dân"),
    ("3", "Chứng minh nhân dân"),
    ("4", "Hộ chiếu"),
    ("5", "Giấy chứng nhận căn cước"),
];
