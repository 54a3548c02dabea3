//! Batches of personnel records: each record is accepted or rejected on its own; accepted ones make the change feed.

use serde::{Deserialize, Serialize};

use super::record::{Rank, rank};
use super::{CivilServants, Feed};
use crate::providers::Answer;
use crate::providers::caller::speaks_for;
use crate::providers::citizen::{Choice, Slashed, agreeing, day_of, slashed};
use crate::providers::http::{Outcome, Request};
use crate::providers::input::{Many, Object, Text};
use crate::providers::moment::iso;
use crate::providers::population::Person;
use crate::providers::table::Full;

const CHANGE_BYTES: usize = 256;

#[derive(Clone, Debug)]
pub(super) struct Change {
    person: u32,
    batch: String,
    at_ms: i64,
    pub(super) rank: Rank,
    pub(super) step: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    ma_lo: Text<1, 64>,
    danh_sach: Many<Object<Pushed>, 200>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pushed {
    so_dinh_danh: Text<1, 20>,
    ho_ten: Text<1, 200>,
    ngay_sinh: Slashed,
    ma_ngach: Text<1, 20>,
    bac_luong: Choice<1, 12>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Judged {
    ma_lo: String,
    tong_so: usize,
    chap_nhan: usize,
    tu_choi: usize,
    ket_qua: Vec<Verdict>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict {
    thu_tu: usize,
    so_dinh_danh: String,
    chap_nhan: bool,
    ma_loi: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    tong_so: usize,
    danh_sach: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    so_thu_tu: u64,
    thoi_diem: String,
    ma_lo: String,
    so_dinh_danh: String,
    ho_ten: String,
    ma_ngach: &'static str,
    bac_luong: u32,
}

impl CivilServants {
    pub(super) fn push(&self, request: &Request<'_>) -> Outcome {
        let batch: Batch = request.json()?;
        let mut feed = self.feed.lock();
        let mut ket_qua = Vec::with_capacity(batch.danh_sach.0.len());
        for (at, Object(pushed)) in batch.danh_sach.0.iter().enumerate() {
            let done = self.take(request, &batch.ma_lo, pushed, &mut feed);
            ket_qua.push(Verdict {
                thu_tu: at + 1,
                so_dinh_danh: pushed.so_dinh_danh.to_string(),
                chap_nhan: done.is_ok(),
                ma_loi: done.err(),
            });
        }
        let accepted = ket_qua.iter().filter(|verdict| verdict.chap_nhan).count();
        Ok(Answer::json(
            200,
            &Judged {
                ma_lo: batch.ma_lo.to_string(),
                tong_so: ket_qua.len(),
                chap_nhan: accepted,
                tu_choi: ket_qua.len().saturating_sub(accepted),
                ket_qua,
            },
        ))
    }

    /// The code says why a record is rejected.
    fn take(
        &self,
        request: &Request<'_>,
        batch: &str,
        pushed: &Pushed,
        feed: &mut Feed,
    ) -> Result<(), &'static str> {
        let birth_date = pushed.ngay_sinh.date().map_err(|_fault| "NGAY_KHONG_CO")?;
        let person = agreeing(&self.population, &pushed.so_dinh_danh, &pushed.ho_ten, birth_date);
        let person = person.ok_or("KHONG_KHOP")?;
        let servant = self.population.employment(person.index).ok_or("KHONG_PHAI_CBCCVC")?;
        if !speaks_for(request.call.caller, &servant.agency_code) {
            return Err("KHONG_THUOC_DON_VI");
        }
        let rank = rank(&pushed.ma_ngach).ok_or("MA_NGACH_SAI")?;
        let step = u32::from(pushed.bac_luong.0);
        if step > rank.4 {
            return Err("BAC_LUONG_SAI");
        }
        let change = Change {
            person: person.index,
            batch: batch.to_owned(),
            at_ms: request.call.now_ms,
            rank,
            step,
        };
        feed.add(change).map_err(|Full| "KHO_DAY")
    }

    /// Changes of `tuNgay` and later, oldest first.
    pub(super) fn changes(&self, request: &Request<'_>) -> Outcome {
        let since = slashed(request.query.required("tuNgay")?)?;
        let page = request.query.page()?;
        let feed = self.feed.lock();
        let fresh = || feed.changes.iter().filter(|(_, change)| day_of(change.at_ms) >= since);
        let rows = page.of(fresh()).into_iter().filter_map(|(number, change)| {
            let person = self.population.person(change.person)?;
            Some(change.row(*number, &person))
        });
        Ok(Answer::json(200, &Listed { tong_so: fresh().count(), danh_sach: rows.collect() }))
    }
}

impl Feed {
    fn add(&mut self, change: Change) -> Result<(), Full> {
        let number = u64::try_from(self.changes.len()).unwrap_or(u64::MAX).saturating_add(1);
        let (person, bytes) = (change.person, change.batch.len().saturating_add(CHANGE_BYTES));
        self.changes.put(number, change, bytes)?;
        self.last.insert(person, number);
        Ok(())
    }
}

impl Change {
    fn row(&self, number: u64, person: &Person) -> Row {
        Row {
            so_thu_tu: number,
            thoi_diem: iso(self.at_ms),
            ma_lo: self.batch.clone(),
            so_dinh_danh: person.number.to_string(),
            ho_ten: person.name.upper(),
            ma_ngach: self.rank.1,
            bac_luong: self.step,
        }
    }
}
