//! What every flow about a citizen tells Cổng DVCQG: the dossier and its progress (domain.md 4.7), so that the citizen
//! sees where it stands, also when it stands still.

use super::stage::{Answer, Found, Stage, Stop, Todo};
use crate::providers::moment;
use crate::providers::population::Province;
use crate::providers::seed::sandbox_secret;
use crate::story::flow::State;
use serde_json::{Map, Value, json};

/// A procedure of the portal's catalogue.
pub(super) struct Procedure {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) sector: &'static str,
    pub(super) sector_name: &'static str,
}

/// `TrangThaiHoSo` (domain.md 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    New = 1,
    Accepted = 2,
    AtWork = 4,
    ToPay = 6,
    Stopped = 8,
    Done = 9,
    Returned = 10,
}

/// `error_code` of the portal for an item that it has already.
const CONFLICT: u64 = 6;
const SESSION_OVER: u64 = 2;
/// The step by which the citizen is told that the dossier is stopped (8): after it the portal takes its return only.
pub(super) const STOPPED: &str = "portal-stopped";
/// Who acts for the one-stop.
pub(super) const OFFICE: &str = "office";

impl Stage<'_> {
    pub(super) async fn log_in(&mut self) -> Result<(), Stop> {
        let user = self.office_code();
        let body = json!({ "username": user, "password": sandbox_secret(&user) });
        let title = ("Một cửa đăng nhập Cổng DVCQG", "The one-stop logs in at the national portal");
        let todo = Todo::post(("portal-login", OFFICE), title, ("dvcqg", "/mapi/login"), body);
        let read = |answer: Answer<'_>| match answer.reply.body.get("session") {
            Some(Value::String(session)) if !session.is_empty() => {
                Found::Done(session.as_str().into())
            }
            _ => Found::Refused(answer.said(answer.reply.status)),
        };
        let session = self.take(Todo { afresh: true, ..todo }, read).await?;
        session.as_str().unwrap_or_default().clone_into(&mut self.session);
        Ok(())
    }

    /// The dossier as it comes in.
    pub(super) async fn open_dossier(
        &mut self,
        procedure: &Procedure,
        owner: &str,
        status: Status,
    ) -> Result<(), Stop> {
        let channel = if status == Status::New { "2" } else { "1" };
        let item = json!({
            "MaHoSo": self.flow.id, "MaTTHC": procedure.code, "TenTTHC": procedure.name,
            "MaLinhVuc": procedure.sector, "TenLinhVuc": procedure.sector_name,
            "ChuHoSo": owner, "LoaiDoiTuong": "0",
            "NgayTiepNhan": moment::compact(self.now_ms()),
            "TrangThaiHoSo": (status as u8).to_string(), "HinhThuc": channel,
            "DonViXuLy": self.office_name(),
        });
        let title = ("Đưa hồ sơ lên Cổng DVCQG", "The dossier is put on the national portal");
        let more = [("isUpdating", json!(false)), ("data", json!([item]))];
        self.portal(("portal-dossier", title), "DongBoHoSoMC", more).await.map(|_| ())
    }

    /// One more line of progress.
    pub(super) async fn progress(
        &mut self,
        name: &'static str,
        status: Status,
        words: &str,
    ) -> Result<(), Stop> {
        let title = match status {
            Status::New | Status::Accepted => {
                ("Báo Cổng DVCQG: đã tiếp nhận", "Tells the portal: accepted")
            }
            Status::AtWork => ("Báo Cổng DVCQG: đang xử lý", "Tells the portal: at work"),
            Status::ToPay => ("Báo Cổng DVCQG: chờ nộp tiền", "Tells the portal: to be paid"),
            Status::Stopped => ("Báo Cổng DVCQG: dừng xử lý", "Tells the portal: stopped"),
            Status::Done => ("Báo Cổng DVCQG: đã xử lý xong", "Tells the portal: done"),
            Status::Returned => ("Báo Cổng DVCQG: đã trả kết quả", "Tells the portal: returned"),
        };
        let item = json!({
            "MaHoSo": self.flow.id, "NguoiXuLy": "Cán bộ một cửa", "PhongBanXuLy": self.office_name(),
            "ThoiDiemXuLy": moment::compact(self.now_ms()), "NoiDungXuLy": words,
            "TrangThai": (status as u8).to_string(),
        });
        let more = [("data", json!([item]))];
        self.portal((name, title), "CapNhatTienDoHoSoMC", more).await.map(|_| ())
    }

    /// What the citizen is shown at the end of a flow that stands still: only a decision stops the dossier, which closes
    /// it; while a party is out of reach it is at work. Nothing more is tried when telling fails: the flow's own story
    /// says so.
    pub(super) async fn tell_stop(&mut self, stop: Stop) {
        if self.session.is_empty() || self.flow.answer_of("portal-dossier").is_none() {
            return;
        }
        let at = self
            .flow
            .at()
            .map_or_else(String::new, |step| format!("{} ({})", step.title_vi, step.why));
        let (name, status, words) = match stop {
            Stop::Refused => (STOPPED, Status::Stopped, format!("Dừng xử lý tại bước: {at}")),
            Stop::Barred | Stop::Late => {
                ("portal-waiting", Status::AtWork, format!("Đang chờ ở bước: {at}"))
            }
        };
        let words: String = words.chars().take(1_000).collect();
        self.flow.state = State::Stopped;
        self.progress(name, status, &words).await.ok();
    }

    async fn portal<const N: usize>(
        &mut self,
        (name, title): (&'static str, (&'static str, &'static str)),
        service: &str,
        more: [(&str, Value); N],
    ) -> Result<Value, Stop> {
        let mut body = Map::new();
        body.insert("session".to_owned(), self.session.as_str().into());
        body.insert("madonvi".to_owned(), self.office_code().into());
        body.insert("service".to_owned(), service.into());
        body.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let todo = Todo::post((name, OFFICE), title, ("dvcqg", "/mapi/g"), Value::Object(body));
        self.take(todo, read).await
    }

    /// The dossier with its progress, as the citizen sees it.
    pub(super) async fn look_up(&mut self) -> Result<Value, Stop> {
        let title = ("Công dân tra cứu hồ sơ", "The citizen looks the dossier up");
        let more = [("maHoSo", Value::from(self.flow.id.as_str()))];
        self.portal(("portal-look", title), "TraCuuHoSo", more).await
    }

    pub(super) fn office_code(&self) -> String {
        self.flow.parties.get(OFFICE).map(|party| party.agency.wire()).unwrap_or_default()
    }

    /// Two-digit code of the province.
    pub(super) fn office_province(&self) -> String {
        let office = self.flow.parties.get(OFFICE);
        let province = office.and_then(|one| Province::by_agency_code(one.agency.root().as_str()));
        province.map(|province| format!("{:02}", province.code)).unwrap_or_default()
    }

    pub(super) fn office_name(&self) -> String {
        self.flow.parties.get(OFFICE).map(|party| party.name.clone()).unwrap_or_default()
    }
}

fn read(answer: Answer<'_>) -> Found {
    let body = &answer.reply.body;
    let code = |value: &Value| value.get("error_code").and_then(Value::as_u64);
    let first = body.pointer("/result/0");
    match (code(body), first.and_then(code)) {
        (Some(0), _) => Found::Done(body.get("result").cloned().unwrap_or_default()),
        (_, Some(CONFLICT)) if answer.may_be_done => Found::Done(Value::Null),
        (Some(SESSION_OVER), _) => Found::Refused("phiên làm việc đã hết".to_owned()),
        _ => {
            let told = first.and_then(|item| item.get("error_message")).and_then(Value::as_str);
            let told = told.map_or_else(|| answer.said(answer.reply.status), str::to_owned);
            Found::Refused(told)
        }
    }
}
