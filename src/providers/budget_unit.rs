//! Codes of budget-relation units, "mã số ĐVQHNS" (domain.md 4.10, likely): 7 digits for an agency, and a feed of
//! changes. The codes are worked out from the agency codes; real ones look alike and are others.

use std::collections::BTreeMap;

use serde::Serialize;

use super::caller::{level_one, new_form};
use super::http::{Fault, Outcome, Request, Route, dispatch, failure};
use super::moment::{DAY_MS, local, parse_date};
use super::seed;
use super::{Answer, Call, Description, Kind, Provider, Sureness};

/// Agencies that get a code, so that free codes are always found near.
const UNITS_MAX: usize = 200_000;
const CODE_DIGITS: usize = 7;
const CODE_LEAST: u64 = 1_000_000;
const CODES: u64 = 9_000_000;
/// Codes were given between 2016-01-01 and the ten years after.
const FIRST_DAY_MS: i64 = 1_451_581_200_000;
const DAYS: u64 = 3_650;
/// The same codes in every simulation: they depend on the agencies alone.
const SEED: u64 = 0;

static DESCRIPTION: Description = Description {
    code: "dvqhns",
    owner: "G12",
    system: "DVQHNS",
    version: "1.0",
    title_vi: "Mã số đơn vị có quan hệ với ngân sách",
    title_en: "Budget-relation unit codes",
    sureness: Sureness::Likely,
    kind: Kind::OpenApi(include_str!("openapi/dvqhns.json")),
};

pub(super) const ROUTES: &[Route<BudgetUnits>] = &[
    Route { method: "GET", template: "/units", run: BudgetUnits::of_agency },
    Route { method: "GET", template: "/units/changes", run: BudgetUnits::changes },
    Route { method: "GET", template: "/units/{code}", run: BudgetUnits::show },
];

#[derive(Debug)]
pub struct BudgetUnits {
    by_code: BTreeMap<String, Unit>,
    /// By agency code in the new form.
    by_agency: BTreeMap<String, String>,
    /// By date, then code.
    changes: Vec<Change>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unit {
    #[serde(rename = "maDVQHNS")]
    code: String,
    ten_don_vi: String,
    ma_dinh_danh: String,
    /// 1 central, 2 provincial, 3 below.
    cap_ngan_sach: u8,
    ngay_cap: String,
    trang_thai: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    ngay: String,
    #[serde(rename = "maDVQHNS")]
    code: String,
    ma_dinh_danh: String,
    loai_thay_doi: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Feed<'a> {
    tong_so: usize,
    thay_doi: Vec<&'a Change>,
}

impl BudgetUnits {
    /// Agencies beyond the first 200,000 get no code.
    pub fn new(agencies: &[(String, String)]) -> Self {
        // In the order of their codes, so that the order of the list does not matter.
        let named: BTreeMap<String, &str> = agencies
            .iter()
            .take(UNITS_MAX)
            .map(|(code, name)| (new_form(code), name.as_str()))
            .collect();
        let mut units =
            Self { by_code: BTreeMap::new(), by_agency: BTreeMap::new(), changes: Vec::new() };
        for (agency, name) in named {
            units.add(agency, name);
        }
        units.changes.sort();
        units
    }

    fn add(&mut self, agency: String, name: &str) {
        let drawn = seed::below(SEED, &["code", &agency], CODES);
        // The next free code, round the end.
        let mut codes = (0..CODES).map(|step| (CODE_LEAST + (drawn + step) % CODES).to_string());
        let Some(code) = codes.find(|code| !self.by_code.contains_key(code)) else {
            return;
        };
        let days = seed::below(SEED, &["given", &agency], DAYS);
        let given = date(days);
        self.changes.push(change(&given, &code, &agency, "cap_moi"));
        if seed::below(SEED, &["changed", &agency], 4) == 0 {
            let later = days.saturating_add(1 + seed::below(SEED, &["later", &agency], 700));
            self.changes.push(change(&date(later), &code, &agency, "dieu_chinh"));
        }
        let unit = Unit {
            code: code.clone(),
            ten_don_vi: name.to_owned(),
            ma_dinh_danh: agency.clone(),
            cap_ngan_sach: budget_level(&agency),
            ngay_cap: given,
            trang_thai: "dang_hoat_dong",
        };
        self.by_agency.insert(agency, code.clone());
        self.by_code.insert(code, unit);
    }

    fn show(&self, request: &Request<'_>) -> Outcome {
        let code = request.parameter();
        let is_code = code.len() == CODE_DIGITS && code.bytes().all(|byte| byte.is_ascii_digit());
        if !is_code {
            return Err(Fault::not_found("mã số ĐVQHNS có 7 chữ số"));
        }
        let unit = self.by_code.get(code).ok_or_else(no_unit)?;
        Ok(Answer::json(200, unit))
    }

    fn of_agency(&self, request: &Request<'_>) -> Outcome {
        let agency = new_form(request.query.required("maDinhDanh")?);
        let unit = self.by_agency.get(&agency).and_then(|code| self.by_code.get(code));
        Ok(Answer::json(200, unit.ok_or_else(no_unit)?))
    }

    /// From a day on, up to the day of the call.
    fn changes(&self, request: &Request<'_>) -> Outcome {
        let since = request.query.required("tuNgay")?;
        let since = parse_date(since)
            .ok_or_else(|| Fault::bad_request("tuNgay phải có dạng yyyy-MM-dd"))?
            .to_string();
        let page = request.query.page()?;
        let today = local(request.call.now_ms).date().to_string();
        let fits =
            |change: &&Change| (since.as_str()..=today.as_str()).contains(&change.ngay.as_str());
        let found = self.changes.iter().filter(fits);
        let tong_so = found.clone().count();
        Ok(Answer::json(200, &Feed { tong_so, thay_doi: page.of(found) }))
    }
}

fn change(day: &str, code: &str, agency: &str, loai_thay_doi: &'static str) -> Change {
    let (ngay, ma_dinh_danh) = (day.to_owned(), agency.to_owned());
    Change { ngay, code: code.to_owned(), ma_dinh_danh, loai_thay_doi }
}

fn date(days: u64) -> String {
    let days = i64::try_from(days).unwrap_or(0);
    local(FIRST_DAY_MS.saturating_add(days.saturating_mul(DAY_MS))).date().to_string()
}

fn budget_level(agency: &str) -> u8 {
    let is_province = agency.starts_with('H');
    match (is_province, level_one(agency) == agency) {
        (false, _) => 1,
        (true, true) => 2,
        (true, false) => 3,
    }
}

fn no_unit() -> Fault {
    Fault::not_found("không có đơn vị này")
}

impl Provider for BudgetUnits {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| failure(&fault))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{Asker, PROVINCE, agencies};
    use super::*;

    #[test]
    fn an_agency_has_one_code_in_both_lookups_and_in_any_order() {
        let provider = BudgetUnits::new(&agencies());
        let asker = Asker::new(&provider, PROVINCE);
        let (status, unit) = asker.get("/units?maDinhDanh=000.00.06.H60");
        assert_eq!(
            (status, &unit["maDinhDanh"], &unit["capNganSach"]),
            (200, &json!("H60.06"), &json!(3))
        );
        let code = unit["maDVQHNS"].as_str().unwrap();
        assert_eq!(code.len(), 7);
        assert_eq!(asker.get(&format!("/units/{code}")).1, unit);
        let mut turned = agencies();
        turned.reverse();
        assert_eq!(BudgetUnits::new(&turned).by_agency, provider.by_agency);
    }

    #[test]
    fn thousands_of_agencies_have_codes_of_their_own() {
        let many: Vec<_> = (0..5_000).map(|n| (format!("H60.{n}"), "Đơn vị".to_owned())).collect();
        let provider = BudgetUnits::new(&many);
        assert_eq!((provider.by_code.len(), provider.by_agency.len()), (5_000, 5_000));
        assert!(provider.by_code.keys().all(|code| code.len() == CODE_DIGITS));
        let asker = Asker::new(&provider, PROVINCE);
        let total = |day: &str| {
            asker.get(&format!("/units/changes?tuNgay={day}")).1["tongSo"].as_u64().unwrap()
        };
        assert!(total("2016-01-01") > 5_000 && total("2016-01-01") < 6_500);
        assert!(total("2025-01-01") < total("2020-01-01"));
        assert_eq!(total("2026-01-06"), 0);
        let (_, feed) = asker.get("/units/changes?tuNgay=2016-01-01&soBanGhi=2");
        assert!(feed["thayDoi"][0]["ngay"].as_str() <= feed["thayDoi"][1]["ngay"].as_str());
    }

    #[test]
    fn wrong_questions_are_refused() {
        let provider = BudgetUnits::new(&agencies());
        let asker = Asker::new(&provider, PROVINCE);
        let table = [
            ("/units", 400),
            ("/units?maDinhDanh=H99", 404),
            ("/units/1", 404),
            ("/units/9999999", 404),
            ("/units/changes", 400),
            ("/units/changes?tuNgay=1/1/2020", 400),
            ("/units/changes?tuNgay=2020-01-01&trang=x", 400),
        ];
        for (target, status) in table {
            assert_eq!(asker.get(target).0, status, "{target}");
        }
    }
}
