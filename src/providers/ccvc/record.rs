//! The record of one civil servant: the population's, with what was pushed since.

use serde::Serialize;

use super::CivilServants;
use crate::providers::Answer;
use crate::providers::citizen::{named, slashed};
use crate::providers::http::{Fault, Outcome, Request};
use crate::providers::population::{CivilServant, Person};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    so_dinh_danh: String,
    ho_ten: String,
    ngay_sinh: String,
    gioi_tinh: &'static str,
    ma_don_vi: String,
    ten_don_vi: String,
    ngach: &'static str,
    ma_ngach: &'static str,
    bac_luong: u32,
    he_so_luong: f64,
    ngay_tuyen_dung: String,
}

/// Rank, code, coefficient of the first step and rise per step in hundredths (NĐ 204/2004), highest step.
pub(super) type Rank = (&'static str, &'static str, u32, u32, u32);
const RANKS: [Rank; 4] = [
    ("Chuyên viên cao cấp", "01.001", 620, 36, 6),
    ("Chuyên viên chính", "01.002", 440, 34, 8),
    ("Chuyên viên", "01.003", 234, 33, 9),
    ("Cán sự", "01.004", 210, 31, 10),
];

pub(super) fn rank(code: &str) -> Option<Rank> {
    RANKS.into_iter().find(|rank| rank.1 == code)
}

impl CivilServants {
    /// Name and birth date must agree where they are given.
    pub(super) fn one(&self, request: &Request<'_>) -> Outcome {
        let query = &request.query;
        let number = query.required("soDinhDanh")?;
        let birth_date = query.text("ngaySinh")?.map(slashed).transpose()?;
        let person = named(&self.population, number, query.text("hoTen")?, birth_date);
        let found = person.and_then(|person| {
            let servant = self.population.employment(person.index)?;
            Some(self.record(&person, servant))
        });
        let found = found.ok_or_else(|| {
            Fault::not_found("không có cán bộ, công chức, viên chức khớp các thông tin này")
        })?;
        Ok(Answer::json(200, &found))
    }

    fn record(&self, person: &Person, mut servant: CivilServant) -> Record {
        let feed = self.feed.lock();
        let pushed = feed.last.get(&person.index).and_then(|number| feed.changes.get(number));
        if let Some(change) = pushed {
            let (post, salary_code, start, rise, _) = change.rank;
            (servant.post, servant.salary_code, servant.step) = (post, salary_code, change.step);
            servant.coefficient = start + rise * change.step.saturating_sub(1);
        }
        Record {
            so_dinh_danh: person.number.to_string(),
            ho_ten: person.name.upper(),
            ngay_sinh: person.birth_date.slashed(),
            gioi_tinh: person.sex.label(),
            ma_don_vi: servant.agency_code,
            ten_don_vi: servant.agency_name,
            ngach: servant.post,
            ma_ngach: servant.salary_code,
            bac_luong: servant.step,
            he_so_luong: f64::from(servant.coefficient) / 100.0,
            ngay_tuyen_dung: servant.since.slashed(),
        }
    }
}
