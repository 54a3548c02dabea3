//! Dossiers, their progress and the questions, as agencies have synchronised them.

use serde::Serialize;

use super::super::caller::level_one;
use super::super::http::{Fault, Reason};
use super::super::input::Object;
use super::super::moment::{compact, parse_compact};
use super::super::table::{Bounds, Table};
use super::error_code;
use super::messages::Question;
use super::record::{Dossier, Progress, Status};

const DOSSIERS: Bounds = Bounds { rows_max: 20_000, bytes_max: 64 << 20 };
const QUESTIONS: Bounds = Bounds { rows_max: 10_000, bytes_max: 16 << 20 };
/// Shown to a citizen at a time.
const OF_CITIZEN_MAX: usize = 100;
/// Steps of one dossier.
const STEPS_MAX: usize = 200;

#[derive(Debug)]
pub(super) struct Store {
    dossiers: Table<String, Kept>,
    questions: Table<String, Asked>,
}

#[derive(Debug)]
struct Kept {
    dossier: Dossier,
    status: Status,
    /// Ministry or province that sent it.
    owner: String,
    steps: Vec<Progress>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Asked {
    #[serde(flatten)]
    question: Question,
    /// `yyyyMMddHHmmss`
    ngay_dong_bo: String,
    #[serde(skip)]
    owner: String,
}

/// What became of one item of `data`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct ItemResult {
    /// `MaHoSo` or `MaCauHoi`.
    #[serde(rename = "Ma")]
    pub key: String,
    pub error_code: u32,
    pub error_message: String,
}

/// A dossier with its progress, as `TraCuuHoSo` shows it.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    #[serde(flatten)]
    dossier: &'a Dossier,
    #[serde(rename = "TienDo")]
    steps: &'a [Progress],
}

impl Default for Store {
    fn default() -> Self {
        Self::bounded(DOSSIERS, QUESTIONS)
    }
}

impl Store {
    pub(super) const fn bounded(dossiers: Bounds, questions: Bounds) -> Self {
        Self { dossiers: Table::new(dossiers), questions: Table::new(questions) }
    }

    pub(super) fn sync(
        &mut self,
        agency: &str,
        is_update: bool,
        data: Vec<Object<Dossier>>,
    ) -> Vec<ItemResult> {
        let keep = |Object(dossier): Object<Dossier>| {
            let key = dossier.ma_ho_so.to_string();
            result(key, self.keep(agency, is_update, dossier))
        };
        data.into_iter().map(keep).collect()
    }

    pub(super) fn progress(
        &mut self,
        agency: &str,
        data: Vec<Object<Progress>>,
    ) -> Vec<ItemResult> {
        let step = |Object(step): Object<Progress>| {
            let key = step.ma_ho_so.to_string();
            result(key, self.step(agency, step))
        };
        data.into_iter().map(step).collect()
    }

    pub(super) fn ask(
        &mut self,
        agency: &str,
        data: Vec<Object<Question>>,
        now_ms: i64,
    ) -> Vec<ItemResult> {
        let owner = level_one(agency);
        let mut results = Vec::new();
        for Object(question) in data {
            let key = question.ma_cau_hoi.to_string();
            // A number is an agency's own: two agencies may use the same.
            let row = format!("{owner}/{key}");
            let bytes = size_of(&question);
            let ngay_dong_bo = compact(now_ms);
            let asked = Asked { question, ngay_dong_bo, owner: owner.clone() };
            results.push(result(key, self.questions.put(row, asked, bytes).map_err(Fault::from)));
        }
        results
    }

    /// Only the ministry or province that sent a dossier sees it: it holds personal data.
    pub(super) fn find(&self, agency: &str, code: &str) -> Result<Shown<'_>, Fault> {
        let kept = self.dossiers.get(&code.to_owned()).ok_or_else(no_dossier)?;
        check_owner(kept, agency)?;
        Ok(Shown { dossier: &kept.dossier, steps: &kept.steps })
    }

    /// Whoever stands as `MaDoiTuong` sees her own, whichever agency sent it.
    pub(super) fn of_citizen(&self, number: &str) -> Vec<serde_json::Value> {
        let is_hers =
            |kept: &&Kept| kept.dossier.ma_doi_tuong.as_deref().is_some_and(|own| own == number);
        let shown = self.dossiers.values().filter(is_hers).take(OF_CITIZEN_MAX);
        let shown = shown.map(|kept| Shown { dossier: &kept.dossier, steps: &kept.steps });
        shown.filter_map(|shown| serde_json::to_value(shown).ok()).collect()
    }

    /// The questions of a ministry or province, synchronised at or after a `yyyyMMddHHmmss`.
    pub(super) fn questions<'a>(
        &'a self,
        agency: &str,
        since: Option<&'a str>,
    ) -> Result<impl Iterator<Item = &'a Asked>, Fault> {
        let since = since.unwrap_or_default();
        if !since.is_empty() && parse_compact(since).is_none() {
            return Err(Fault::conflict("tuNgay phải có dạng yyyyMMddHHmmss"));
        }
        let owner = level_one(agency);
        let mine =
            move |asked: &&Asked| asked.owner == owner && asked.ngay_dong_bo.as_str() >= since;
        Ok(self.questions.values().filter(mine))
    }

    fn keep(&mut self, agency: &str, is_update: bool, dossier: Dossier) -> Result<(), Fault> {
        let next = dossier.check().map_err(Fault::bad_request)?;
        let key = dossier.ma_ho_so.to_string();
        let steps = match (self.dossiers.get(&key), is_update) {
            (None, true) => return Err(no_dossier()),
            (Some(kept), _) if kept.owner != level_one(agency) => return Err(not_yours()),
            (Some(_), false) => return Err(Fault::conflict("mã hồ sơ đã tồn tại")),
            (Some(kept), true) => {
                check_next(kept.status, next)?;
                kept.steps.clone()
            }
            (None, false) if !next.may_be_first() => {
                return Err(Fault::conflict("hồ sơ mới chỉ có thể ở trạng thái 1 đến 4"));
            }
            (None, false) => Vec::new(),
        };
        let bytes = steps.iter().map(size_of).fold(size_of(&dossier), usize::saturating_add);
        let kept = Kept { dossier, status: next, owner: level_one(agency), steps };
        Ok(self.dossiers.put(key, kept, bytes)?)
    }

    fn step(&mut self, agency: &str, step: Progress) -> Result<(), Fault> {
        let next = step.check().map_err(Fault::bad_request)?;
        let key = step.ma_ho_so.to_string();
        let kept = self.dossiers.get(&key).ok_or_else(no_dossier)?;
        check_owner(kept, agency)?;
        check_next(kept.status, next)?;
        if kept.steps.len() >= STEPS_MAX {
            return Err(Fault::new(Reason::Full, "hồ sơ đã có quá nhiều bước xử lý"));
        }
        let kept = self.dossiers.grow(&key, size_of(&step))?.ok_or_else(no_dossier)?;
        kept.status = next;
        kept.dossier.trang_thai_ho_so = step.trang_thai.clone();
        kept.steps.push(step);
        Ok(())
    }
}

fn check_owner(kept: &Kept, agency: &str) -> Result<(), Fault> {
    if kept.owner == level_one(agency) { Ok(()) } else { Err(not_yours()) }
}

fn check_next(from: Status, to: Status) -> Result<(), Fault> {
    if from.may_become(to) {
        return Ok(());
    }
    Err(Fault::conflict("không được chuyển từ trạng thái hiện tại sang trạng thái này"))
}

fn no_dossier() -> Fault {
    Fault::not_found("không tìm thấy hồ sơ")
}

fn not_yours() -> Fault {
    Fault::denied("hồ sơ thuộc bộ, tỉnh khác")
}

fn size_of(value: &impl Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |bytes| bytes.len())
}

fn result(key: String, outcome: Result<(), Fault>) -> ItemResult {
    match outcome {
        Ok(()) => ItemResult { key, error_code: 0, error_message: "Thành công".to_owned() },
        Err(fault) => {
            let error_code = error_code(fault.reason);
            ItemResult { key, error_code, error_message: fault.message }
        }
    }
}
