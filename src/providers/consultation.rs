//! eConsultation (domain.md 4.10, likely): an agency opens a draft text for comments, the agencies it asks send them.
//! Paths and fields are ours.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::caller::{agency_of, new_form};
use super::http::{Fault, Outcome, Reason, Request, Route, dispatch, failure};
use super::input::{Many, Text};
use super::moment::{DAY_MS, iso, parse_iso};
use super::table::{Bounds, Table};
use super::{Answer, Call, Description, Kind, Provider, Sureness};

const CONSULTATIONS: Bounds = Bounds { rows_max: 5_000, bytes_max: 64 << 20 };
const AGENCIES_MAX: usize = 200;
/// Comments on one draft.
const COMMENTS_MAX: usize = 2_000;
const COMMENT_BYTES: usize = 128;
/// A consultation is open for a year at most.
const OPEN_MS_MAX: i64 = 365 * DAY_MS;

static DESCRIPTION: Description = Description {
    code: "econsultation",
    owner: "G22",
    system: "ECONSULTATION",
    version: "1.0",
    title_vi: "Hệ thống tham vấn ý kiến (eConsultation)",
    title_en: "eConsultation: comments on draft texts",
    sureness: Sureness::Likely,
    kind: Kind::OpenApi(include_str!("openapi/econsultation.json")),
};

pub(super) const ROUTES: &[Route<Consultations>] = &[
    Route { method: "POST", template: "/consultations", run: Consultations::open },
    Route { method: "GET", template: "/consultations", run: Consultations::list },
    Route { method: "GET", template: "/consultations/{id}", run: Consultations::show },
    Route { method: "POST", template: "/consultations/{id}/comments", run: Consultations::comment },
    Route { method: "GET", template: "/consultations/{id}/comments", run: Consultations::comments },
];

#[derive(Debug)]
pub struct Consultations {
    table: Mutex<Table<u64, Consultation>>,
}

#[derive(Debug)]
struct Consultation {
    number: u64,
    title: String,
    draft: String,
    owner: String,
    /// In the new form; empty when every agency may comment.
    asked: BTreeSet<String>,
    closes_at: i64,
    comments: Vec<Comment>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    ma_gop_y: usize,
    don_vi: String,
    dieu_khoan: String,
    noi_dung: String,
    thoi_diem: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opened {
    tieu_de: Text<1, 500>,
    du_thao: Text<1, 20_000>,
    #[serde(default)]
    co_quan: Many<Text<1, 64>, AGENCIES_MAX>,
    han_gop_y: Text<1, 40>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    dieu_khoan: Option<Text<0, 100>>,
    noi_dung: Text<1, 10_000>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    ma_tham_van: u64,
    tieu_de: &'a str,
    du_thao: &'a str,
    don_vi_lay_y_kien: &'a str,
    co_quan: &'a BTreeSet<String>,
    han_gop_y: String,
    trang_thai: &'static str,
    so_gop_y: usize,
}

const OPEN: &str = "dang_mo";
const CLOSED: &str = "da_dong";

impl Default for Consultations {
    fn default() -> Self {
        Self::new()
    }
}

impl Consultations {
    pub const fn new() -> Self {
        Self { table: Mutex::new(Table::new(CONSULTATIONS)) }
    }

    fn open(&self, request: &Request<'_>) -> Outcome {
        let opened: Opened = request.json()?;
        let closes_at = parse_iso(&opened.han_gop_y)
            .ok_or_else(|| Fault::bad_request("hanGopY phải có dạng 2026-01-05T17:00:00+07:00"))?;
        let now_ms = request.call.now_ms;
        if closes_at <= now_ms || closes_at > now_ms.saturating_add(OPEN_MS_MAX) {
            return Err(Fault::conflict("hanGopY phải ở tương lai và trong vòng một năm"));
        }
        let mut table = self.table.lock();
        let number = u64::try_from(table.len()).unwrap_or(u64::MAX).saturating_add(1);
        let consultation = Consultation {
            number,
            title: opened.tieu_de.to_string(),
            draft: opened.du_thao.to_string(),
            owner: agency_of(request.call.caller),
            asked: opened.co_quan.0.iter().map(|code| new_form(code)).collect(),
            closes_at,
            comments: Vec::new(),
        };
        let answer = Answer::json(200, &consultation.shown(now_ms));
        let bytes = request.call.body.len().saturating_add(request.call.caller.len());
        table.put(number, consultation, bytes)?;
        Ok(answer)
    }

    /// What the caller's agency has opened or may comment on; `trangThai` picks the open or the closed ones.
    fn list(&self, request: &Request<'_>) -> Outcome {
        let page = request.query.page()?;
        let wanted = request.query.text("trangThai")?;
        if wanted.is_some_and(|wanted| ![OPEN, CLOSED].contains(&wanted)) {
            return Err(Fault::bad_request("trangThai phải là dang_mo hoặc da_dong"));
        }
        let (me, now_ms) = (agency_of(request.call.caller), request.call.now_ms);
        let table = self.table.lock();
        let seen = table.values().filter(|one| one.is_seen_by(&me)).map(|one| one.shown(now_ms));
        let seen = seen.filter(|shown| wanted.is_none_or(|wanted| shown.trang_thai == wanted));
        Ok(Answer::json(200, &page.of(seen)))
    }

    fn show(&self, request: &Request<'_>) -> Outcome {
        let table = self.table.lock();
        Ok(Answer::json(200, &seen(&table, request)?.shown(request.call.now_ms)))
    }

    fn comments(&self, request: &Request<'_>) -> Outcome {
        let page = request.query.page()?;
        let table = self.table.lock();
        Ok(Answer::json(200, &page.of(seen(&table, request)?.comments.iter())))
    }

    fn comment(&self, request: &Request<'_>) -> Outcome {
        let said: Said = request.json()?;
        let now_ms = request.call.now_ms;
        let mut table = self.table.lock();
        let consultation = seen(&table, request)?;
        if consultation.closes_at <= now_ms {
            return Err(Fault::conflict("đã hết hạn góp ý"));
        }
        if consultation.comments.len() >= COMMENTS_MAX {
            return Err(Fault::new(Reason::Full, "dự thảo đã có quá nhiều góp ý"));
        }
        let number = consultation.number;
        let bytes = said.noi_dung.len().saturating_add(COMMENT_BYTES);
        let consultation = table.grow(&number, bytes)?.ok_or_else(none)?;
        let comment = Comment {
            ma_gop_y: consultation.comments.len().saturating_add(1),
            don_vi: agency_of(request.call.caller),
            dieu_khoan: said.dieu_khoan.map_or_else(String::new, |text| text.to_string()),
            noi_dung: said.noi_dung.to_string(),
            thoi_diem: iso(now_ms),
        };
        let answer = Answer::json(200, &comment);
        consultation.comments.push(comment);
        Ok(answer)
    }
}

impl Consultation {
    fn is_seen_by(&self, agency: &str) -> bool {
        self.asked.is_empty() || self.owner == agency || self.asked.contains(agency)
    }

    fn shown(&self, now_ms: i64) -> Shown<'_> {
        Shown {
            ma_tham_van: self.number,
            tieu_de: &self.title,
            du_thao: &self.draft,
            don_vi_lay_y_kien: &self.owner,
            co_quan: &self.asked,
            han_gop_y: iso(self.closes_at),
            trang_thai: if self.closes_at > now_ms { OPEN } else { CLOSED },
            so_gop_y: self.comments.len(),
        }
    }
}

fn seen<'a>(
    table: &'a Table<u64, Consultation>,
    request: &Request<'_>,
) -> Result<&'a Consultation, Fault> {
    let number: u64 = request.parameter().parse().ok().ok_or_else(none)?;
    let consultation = table.get(&number).ok_or_else(none)?;
    if consultation.is_seen_by(&agency_of(request.call.caller)) {
        return Ok(consultation);
    }
    Err(Fault::denied("đơn vị không được mời góp ý"))
}

fn none() -> Fault {
    Fault::not_found("không có cuộc tham vấn này")
}

impl Provider for Consultations {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| failure(&fault))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tests::{Asker, NOW, OFFICE, OTHER, PROVINCE};
    use super::*;

    fn draft(agencies: &[&str]) -> Value {
        json!({"tieuDe": "Dự thảo", "duThao": "Điều 1. …", "coQuan": agencies, "hanGopY": "2026-01-09T17:00:00+07:00"})
    }

    #[test]
    fn the_asked_comment_until_the_end() {
        let provider = Consultations::new();
        let [office, province, other] =
            [OFFICE, PROVINCE, OTHER].map(|caller| Asker::new(&provider, caller));
        let (status, made) = office.post("/consultations", &draft(&["000.00.00.H60"]));
        assert_eq!(
            (status, &made["maThamVan"], &made["trangThai"]),
            (200, &json!(1), &json!("dang_mo"))
        );
        let comment = json!({"dieuKhoan": "Điều 1", "noiDung": "Nhất trí"});
        let (_, said) = province.post("/consultations/1/comments", &comment);
        assert_eq!((&said["maGopY"], &said["donVi"]), (&json!(1), &json!("H60")));
        assert_eq!(other.post("/consultations/1/comments", &comment).0, 403);
        assert_eq!(other.get("/consultations").1, json!([]));
        assert_eq!(office.get("/consultations/1/comments").1, json!([said]));
        assert_eq!(office.get("/consultations/1").1["soGopY"], 1);
        let late = NOW + 5 * DAY_MS;
        assert_eq!(province.at(late).post("/consultations/1/comments", &comment).0, 409);
        let count = |state: &str| {
            let target = format!("/consultations?trangThai={state}");
            province.at(late).get(&target).1.as_array().map(Vec::len)
        };
        assert_eq!((count("dang_mo"), count("da_dong"), count("x")), (Some(0), Some(1), None));
    }

    #[test]
    fn an_open_draft_is_for_all_and_wrong_ones_are_refused() {
        let provider = Consultations::new();
        let (office, other) = (Asker::new(&provider, OFFICE), Asker::new(&provider, OTHER));
        office.post("/consultations", &draft(&[]));
        assert_eq!(other.post("/consultations/1/comments", &json!({"noiDung": "Ý kiến"})).0, 200);
        assert_eq!(
            (other.get("/consultations/2").0, other.get("/consultations/x/comments").0),
            (404, 404)
        );
        assert_eq!(other.post("/consultations/1/comments", &json!({"noiDung": ""})).0, 400);
        for (end, status) in
            [("x", 400), ("2026-01-05T08:00:00+07:00", 409), ("2030-01-05T08:00:00+07:00", 409)]
        {
            let mut wrong = draft(&[]);
            wrong["hanGopY"] = json!(end);
            assert_eq!(office.post("/consultations", &wrong).0, status);
        }
    }

    #[test]
    fn a_full_table_takes_no_draft_and_no_comment() {
        let provider = Consultations::new();
        *provider.table.lock() = Table::new(Bounds { rows_max: 1, bytes_max: 500 });
        let office = Asker::new(&provider, OFFICE);
        assert_eq!(office.post("/consultations", &draft(&[])).0, 200);
        assert_eq!(office.post("/consultations", &draft(&[])).0, 503);
        let long = json!({"noiDung": "x".repeat(500)});
        assert_eq!(office.post("/consultations/1/comments", &long).0, 503);
    }
}
