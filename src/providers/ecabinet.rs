//! e-Cabinet opinion ballots, "phiếu lấy ý kiến" (domain.md 4.10, likely): one agency asks others for their word until
//! a deadline. Paths and fields are ours.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::caller::{agency_of, new_form};
use super::http::{Fault, Outcome, Request, Route, dispatch, failure};
use super::input::{Many, Text};
use super::moment::{DAY_MS, iso, parse_iso};
use super::table::{Bounds, Table};
use super::{Answer, Call, Description, Kind, Provider, Sureness};

const BALLOTS: Bounds = Bounds { rows_max: 10_000, bytes_max: 64 << 20 };
const MEMBERS_MAX: usize = 100;
/// A ballot is open for a year at most.
const OPEN_MS_MAX: i64 = 365 * DAY_MS;
const VOTE_BYTES: usize = 128;

static DESCRIPTION: Description = Description {
    code: "ecabinet",
    owner: "G22",
    system: "ECABINET",
    version: "1.0",
    title_vi: "e-Cabinet: phiếu lấy ý kiến thành viên Chính phủ",
    title_en: "e-Cabinet: opinion ballots",
    sureness: Sureness::Likely,
    kind: Kind::OpenApi(include_str!("openapi/ecabinet.json")),
};

pub(super) const ROUTES: &[Route<Ballots>] = &[
    Route { method: "POST", template: "/ballots", run: Ballots::create },
    Route { method: "GET", template: "/ballots", run: Ballots::mine },
    Route { method: "GET", template: "/ballots/{id}", run: Ballots::show },
    Route { method: "POST", template: "/ballots/{id}/vote", run: Ballots::vote },
    Route { method: "PUT", template: "/ballots/{id}/vote", run: Ballots::revise },
    Route { method: "GET", template: "/ballots/{id}/result", run: Ballots::result },
];

#[derive(Debug)]
pub struct Ballots {
    ballots: Mutex<Table<u64, Ballot>>,
}

#[derive(Debug)]
struct Ballot {
    number: u64,
    title: String,
    content: String,
    /// Agency in the new form.
    owner: String,
    deadline: i64,
    /// Members in the new form, with their votes.
    votes: BTreeMap<String, Option<Vote>>,
}

#[derive(Clone, Debug)]
struct Vote {
    choice: Choice,
    opinion: String,
    at: i64,
    is_revised: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Choice {
    DongY,
    KhongDongY,
    YKienKhac,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    tieu_de: Text<1, 500>,
    noi_dung: Text<1, 20_000>,
    thanh_vien: Many<Text<1, 64>, MEMBERS_MAX>,
    han_tra_loi: Text<1, 40>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cast {
    lua_chon: Choice,
    y_kien: Option<Text<0, 4_000>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    ma_phieu: u64,
    tieu_de: &'a str,
    noi_dung: &'a str,
    don_vi_lay_y_kien: &'a str,
    thanh_vien: Vec<&'a str>,
    han_tra_loi: String,
    da_dong: bool,
    so_da_tra_loi: usize,
    /// Of the member that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    phieu_cua_toi: Option<Answered<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answered<'a> {
    thanh_vien: &'a str,
    lua_chon: Choice,
    y_kien: &'a str,
    thoi_diem: String,
    da_sua: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tally<'a> {
    ma_phieu: u64,
    tong_so: usize,
    dong_y: usize,
    khong_dong_y: usize,
    y_kien_khac: usize,
    khong_tra_loi: Vec<&'a str>,
    chi_tiet: Vec<Answered<'a>>,
}

impl Default for Ballots {
    fn default() -> Self {
        Self::new()
    }
}

impl Ballots {
    pub const fn new() -> Self {
        Self { ballots: Mutex::new(Table::new(BALLOTS)) }
    }

    fn create(&self, request: &Request<'_>) -> Outcome {
        let asked: Asked = request.json()?;
        if asked.thanh_vien.0.is_empty() {
            return Err(Fault::bad_request("thanhVien phải có ít nhất một đơn vị"));
        }
        let deadline = parse_iso(&asked.han_tra_loi).ok_or_else(|| {
            Fault::bad_request("hanTraLoi phải có dạng 2026-01-05T17:00:00+07:00")
        })?;
        let now_ms = request.call.now_ms;
        if deadline <= now_ms || deadline > now_ms.saturating_add(OPEN_MS_MAX) {
            return Err(Fault::conflict("hanTraLoi phải ở tương lai và trong vòng một năm"));
        }
        let members = asked.thanh_vien.0.iter().map(|code| (new_form(code), None));
        let mut ballots = self.ballots.lock();
        let number = u64::try_from(ballots.len()).unwrap_or(u64::MAX).saturating_add(1);
        let ballot = Ballot {
            number,
            title: asked.tieu_de.to_string(),
            content: asked.noi_dung.to_string(),
            owner: agency_of(request.call.caller),
            deadline,
            votes: members.collect(),
        };
        let bytes = request.call.body.len().saturating_add(request.call.caller.len());
        ballots.put(number, ballot, bytes)?;
        shown(ballots.get(&number).ok_or_else(no_ballot)?, request)
    }

    /// Ballots that the caller's agency has made or is asked in.
    fn mine(&self, request: &Request<'_>) -> Outcome {
        let page = request.query.page()?;
        let me = agency_of(request.call.caller);
        let ballots = self.ballots.lock();
        let seen = page.of(ballots.values().filter(|ballot| ballot.is_seen_by(&me)));
        let shown: Vec<_> =
            seen.into_iter().map(|ballot| ballot.shown(&me, request.call.now_ms)).collect();
        Ok(Answer::json(200, &shown))
    }

    fn show(&self, request: &Request<'_>) -> Outcome {
        let ballots = self.ballots.lock();
        let ballot = ballots.get(&number(request)?).ok_or_else(no_ballot)?;
        shown(ballot, request)
    }

    fn vote(&self, request: &Request<'_>) -> Outcome {
        self.cast(request, false)
    }

    fn revise(&self, request: &Request<'_>) -> Outcome {
        self.cast(request, true)
    }

    fn cast(&self, request: &Request<'_>, is_revised: bool) -> Outcome {
        let Cast { lua_chon, y_kien } = request.json()?;
        let opinion = y_kien.map_or_else(String::new, |text| text.to_string());
        let (me, number, at) =
            (agency_of(request.call.caller), number(request)?, request.call.now_ms);
        let mut ballots = self.ballots.lock();
        let ballot = ballots.get(&number).ok_or_else(no_ballot)?;
        let before = ballot.votes.get(&me).ok_or_else(not_asked)?;
        if ballot.deadline <= at {
            return Err(Fault::conflict("phiếu đã hết hạn trả lời"));
        }
        match (before, is_revised) {
            (Some(_), false) => return Err(Fault::conflict("đơn vị đã trả lời; dùng PUT để sửa")),
            (None, true) => return Err(Fault::conflict("đơn vị chưa trả lời; dùng POST")),
            _ => {}
        }
        if lua_chon == Choice::YKienKhac && opinion.trim().is_empty() {
            return Err(Fault::conflict("ý kiến khác phải có nội dung yKien"));
        }
        // A revision takes the place of the vote: only what it adds is charged.
        let charged =
            before.as_ref().map_or(0, |vote| vote.opinion.len().saturating_add(VOTE_BYTES));
        let bytes = opinion.len().saturating_add(VOTE_BYTES).saturating_sub(charged);
        let ballot = ballots.grow(&number, bytes)?.ok_or_else(no_ballot)?;
        ballot.votes.insert(me, Some(Vote { choice: lua_chon, opinion, at, is_revised }));
        shown(ballot, request)
    }

    /// When the deadline has passed or every member has answered.
    fn result(&self, request: &Request<'_>) -> Outcome {
        let ballots = self.ballots.lock();
        let ballot = ballots.get(&number(request)?).ok_or_else(no_ballot)?;
        if !ballot.is_seen_by(&agency_of(request.call.caller)) {
            return Err(not_asked());
        }
        let is_complete = ballot.votes.values().all(Option::is_some);
        if !is_complete && ballot.deadline > request.call.now_ms {
            return Err(Fault::conflict("phiếu chưa đóng, chưa có kết quả"));
        }
        let cast =
            || ballot.votes.iter().filter_map(|(member, vote)| Some((member, vote.as_ref()?)));
        let count = |choice| cast().filter(|(_, vote)| vote.choice == choice).count();
        let silent = ballot.votes.iter().filter(|(_, vote)| vote.is_none());
        Ok(Answer::json(
            200,
            &Tally {
                ma_phieu: ballot.number,
                tong_so: ballot.votes.len(),
                dong_y: count(Choice::DongY),
                khong_dong_y: count(Choice::KhongDongY),
                y_kien_khac: count(Choice::YKienKhac),
                khong_tra_loi: silent.map(|(member, _)| member.as_str()).collect(),
                chi_tiet: cast().map(|(member, vote)| answered(member, vote)).collect(),
            },
        ))
    }
}

impl Ballot {
    fn is_seen_by(&self, agency: &str) -> bool {
        self.owner == agency || self.votes.contains_key(agency)
    }

    fn shown<'a>(&'a self, me: &str, now_ms: i64) -> Shown<'a> {
        let mine = self.votes.get_key_value(me);
        let mine = mine.and_then(|(member, vote)| Some(answered(member, vote.as_ref()?)));
        Shown {
            ma_phieu: self.number,
            tieu_de: &self.title,
            noi_dung: &self.content,
            don_vi_lay_y_kien: &self.owner,
            thanh_vien: self.votes.keys().map(String::as_str).collect(),
            han_tra_loi: iso(self.deadline),
            da_dong: self.deadline <= now_ms,
            so_da_tra_loi: self.votes.values().flatten().count(),
            phieu_cua_toi: mine,
        }
    }
}

fn answered<'a>(member: &'a str, vote: &'a Vote) -> Answered<'a> {
    Answered {
        thanh_vien: member,
        lua_chon: vote.choice,
        y_kien: &vote.opinion,
        thoi_diem: iso(vote.at),
        da_sua: vote.is_revised,
    }
}

fn shown(ballot: &Ballot, request: &Request<'_>) -> Outcome {
    let me = agency_of(request.call.caller);
    if !ballot.is_seen_by(&me) {
        return Err(not_asked());
    }
    Ok(Answer::json(200, &ballot.shown(&me, request.call.now_ms)))
}

fn number(request: &Request<'_>) -> Result<u64, Fault> {
    request.parameter().parse().ok().ok_or_else(no_ballot)
}

fn no_ballot() -> Fault {
    Fault::not_found("không có phiếu lấy ý kiến này")
}

fn not_asked() -> Fault {
    Fault::denied("đơn vị không được lấy ý kiến trong phiếu này")
}

impl Provider for Ballots {
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

    const FINANCE: &str = "VN:GOV:000.00.00.G12:ECABINET";

    fn ballot() -> Value {
        json!({"tieuDe": "Dự thảo Nghị định", "noiDung": "Xin ý kiến", "hanTraLoi": "2026-01-09T17:00:00+07:00",
            "thanhVien": ["000.00.00.G12", "G12", "H60"]})
    }

    fn choice(choice: &str, opinion: &str) -> Value {
        json!({"luaChon": choice, "yKien": opinion})
    }

    #[test]
    fn members_vote_once_revise_and_see_the_result_when_it_is_closed() {
        let provider = Ballots::new();
        let [office, finance, province] =
            [OFFICE, FINANCE, PROVINCE].map(|caller| Asker::new(&provider, caller));
        let (status, made) = office.post("/ballots", &ballot());
        assert_eq!(
            (status, &made["maPhieu"], &made["thanhVien"]),
            (200, &json!(1), &json!(["G12", "H60"]))
        );
        assert_eq!(
            finance.post("/ballots/1/vote", &choice("dong_y", "")).1["phieuCuaToi"]["luaChon"],
            "dong_y"
        );
        assert_eq!(finance.post("/ballots/1/vote", &choice("dong_y", "")).0, 409);
        let other = choice("y_kien_khac", "Bổ sung Điều 5").to_string();
        assert_eq!(
            finance.ask("PUT", "/ballots/1/vote", other.as_bytes()).1["phieuCuaToi"]["daSua"],
            true
        );
        assert_eq!(province.ask("PUT", "/ballots/1/vote", other.as_bytes()).0, 409);
        assert_eq!(office.get("/ballots/1/result").0, 409);
        let late = NOW + 5 * DAY_MS;
        assert_eq!(province.at(late).post("/ballots/1/vote", &choice("dong_y", "")).0, 409);
        let (_, result) = office.at(late).get("/ballots/1/result");
        assert_eq!((&result["yKienKhac"], &result["khongTraLoi"]), (&json!(1), &json!(["H60"])));
        assert_eq!(result["chiTiet"][0]["yKien"], "Bổ sung Điều 5");
    }

    #[test]
    fn the_result_is_there_when_all_have_answered() {
        let provider = Ballots::new();
        let office = Asker::new(&provider, OFFICE);
        office.post("/ballots", &ballot());
        for caller in [FINANCE, PROVINCE] {
            assert_eq!(
                Asker::new(&provider, caller)
                    .post("/ballots/1/vote", &choice("khong_dong_y", ""))
                    .0,
                200
            );
        }
        assert_eq!(office.get("/ballots/1/result").1["khongDongY"], 2);
    }

    #[test]
    fn strangers_and_wrong_ballots_are_refused() {
        let provider = Ballots::new();
        let (office, other) = (Asker::new(&provider, OFFICE), Asker::new(&provider, OTHER));
        office.post("/ballots", &ballot());
        for target in ["/ballots/1", "/ballots/1/result"] {
            assert_eq!(other.get(target).0, 403);
        }
        assert_eq!(other.post("/ballots/1/vote", &choice("dong_y", "")).0, 403);
        assert_eq!(
            (other.get("/ballots").1, office.get("/ballots").1.as_array().unwrap().len()),
            (json!([]), 1)
        );
        assert_eq!((office.get("/ballots/2").0, office.get("/ballots/x").0), (404, 404));
        let table = [
            ("thanhVien", json!([]), 400),
            ("hanTraLoi", json!("mai"), 400),
            ("tieuDe", json!(""), 400),
            ("hanTraLoi", json!("2026-01-05T07:59:59+07:00"), 409),
            ("hanTraLoi", json!("2028-01-05T07:59:59+07:00"), 409),
        ];
        for (field, value, status) in table {
            let mut wrong = ballot();
            wrong[field] = value;
            assert_eq!(office.post("/ballots", &wrong).0, status, "{field}");
        }
        let finance = Asker::new(&provider, FINANCE);
        assert_eq!(finance.post("/ballots/1/vote", &choice("co", "")).0, 400);
        assert_eq!(finance.post("/ballots/1/vote", &choice("y_kien_khac", " ")).0, 409);
    }

    #[test]
    fn a_full_table_takes_no_ballot_and_no_vote() {
        let provider = Ballots::new();
        *provider.ballots.lock() = Table::new(Bounds { rows_max: 1, bytes_max: 400 });
        let office = Asker::new(&provider, OFFICE);
        assert_eq!(office.post("/ballots", &ballot()).0, 200);
        assert_eq!(office.post("/ballots", &ballot()).0, 503);
        let long = choice("dong_y", &"x".repeat(400));
        assert_eq!(Asker::new(&provider, FINANCE).post("/ballots/1/vote", &long).0, 503);
    }
}
