//! Cổng DVCQG for one-stop systems (domain.md 4.7): log in, then one endpoint whose body names the service.
//!
//! Names of services and fields are the source's. The numbers of `error_code`, the field `result` and the shape of
//! questions are assumed. Malformed bodies get HTTP 400; all else is told in `error_code` under HTTP 200.

mod messages;
mod record;
mod reference;
mod session;
mod store;
#[cfg(test)]
mod tests;

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::caller::speaks_for;
use super::http::{Fault, Outcome, Reason, Request, Route, dispatch};
use super::input::Page;
use super::seed::sandbox_secret;
use super::{Answer, Call, Description, Kind, Provider, Sureness};
use messages::{Catalogue, Head, Login, Lookup, OneProcedure, Questions, Since, Sync, Tech};
use reference::Reference;
use session::Sessions;
use store::Store;

pub use reference::tech_id;

static DESCRIPTION: Description = Description {
    code: "dvcqg",
    owner: "G22",
    system: "vpcpdvcprovider",
    version: "1.0",
    title_vi: "Cổng Dịch vụ công quốc gia: đồng bộ hồ sơ một cửa",
    title_en: "National Public Service Portal: one-stop dossier sync",
    sureness: Sureness::Source,
    kind: Kind::OpenApi(include_str!("../openapi/dvcqg.json")),
};

pub(super) const ROUTES: &[Route<Dossiers>] = &[
    Route { method: "POST", template: "/mapi/login", run: Dossiers::login },
    Route { method: "POST", template: "/mapi/g", run: Dossiers::serve },
];

#[derive(Debug)]
pub struct Dossiers {
    sessions: Mutex<Sessions>,
    store: Mutex<Store>,
    reference: Reference,
}

#[derive(Serialize)]
struct Reply<R> {
    error_code: u32,
    error_message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<R>,
}

#[derive(Serialize)]
struct Opened {
    session: String,
    error_code: u32,
    error_message: &'static str,
}

impl Dossiers {
    pub fn new(seed: u64, agencies: &[(String, String)]) -> Self {
        Self {
            sessions: Mutex::new(Sessions::new(seed)),
            store: Mutex::new(Store::default()),
            reference: Reference::new(seed, agencies),
        }
    }

    /// The dossiers of one citizen, by identity number, as JSON; the first so many.
    pub fn of_citizen(&self, number: &str) -> Vec<serde_json::Value> {
        self.store.lock().of_citizen(number)
    }

    fn login(&self, request: &Request<'_>) -> Outcome {
        let login: Login = request.json()?;
        if *login.password != *sandbox_secret(&login.username) {
            let told = "sai tài khoản hoặc mật khẩu";
            let refused = Opened { session: String::new(), error_code: 1, error_message: told };
            return Ok(Answer::json(200, &refused));
        }
        let Call { caller, now_ms, .. } = request.call;
        let session = self.sessions.lock().open(caller, *now_ms)?;
        Ok(Answer::json(200, &Opened { session, error_code: 0, error_message: "Thành công" }))
    }

    fn serve(&self, request: &Request<'_>) -> Outcome {
        let head: Head = request.json()?;
        match &*head.service {
            "DongBoHoSoMC" => {
                let sync: Sync<_> = self.enter(request, &head)?;
                let mut store = self.store.lock();
                sum_up(store.sync(
                    &head.madonvi,
                    sync.is_updating.is_some_and(|flag| flag.0),
                    sync.data.0,
                ))
            }
            "CapNhatTienDoHoSoMC" => {
                let sync: Sync<_> = self.enter(request, &head)?;
                sum_up(self.store.lock().progress(&head.madonvi, sync.data.0))
            }
            "TraCuuHoSo" => {
                let lookup: Lookup = self.enter(request, &head)?;
                done(&self.store.lock().find(&head.madonvi, &lookup.ma_ho_so)?)
            }
            "LayDanhSachTTHC" => self.procedures(&self.enter(request, &head)?),
            "LayThuTuc" => {
                let wanted: OneProcedure = self.enter(request, &head)?;
                let found =
                    self.reference.procedures.iter().find(|one| one.code == *wanted.procedure);
                done(found.ok_or_else(|| Fault::not_found("không có thủ tục hành chính này"))?)
            }
            "LayDanhMucCoQuan" => {
                let wanted: Catalogue = self.enter(request, &head)?;
                done(&wanted.page().of(self.reference.agencies.iter()))
            }
            "LayDanhMucLinhVuc" => {
                let wanted: Catalogue = self.enter(request, &head)?;
                done(&wanted.page().of(self.reference.sectors.iter()))
            }
            "DongBoHoiDap" => {
                let questions: Questions = self.enter(request, &head)?;
                sum_up(self.store.lock().ask(&head.madonvi, questions.data.0, request.call.now_ms))
            }
            "LayDanhSachHoiDap" => {
                let since: Since = self.enter(request, &head)?;
                let store = self.store.lock();
                let page =
                    Page::new(since.trang.map_or(1, |page| page.0), since.so_ban_ghi.map(|n| n.0));
                done(&page.of(store.questions(&head.madonvi, since.tu_ngay.as_deref())?))
            }
            "TraCuuTechID" => {
                let tech: Tech = self.enter(request, &head)?;
                let found = self.reference.accounts.get(&*tech.tech_id);
                done(found.ok_or_else(|| Fault::not_found("không có tài khoản với TechID này"))?)
            }
            other => Err(Fault::bad_request(format!("không có dịch vụ {other}"))),
        }
    }

    /// Reads the body of a service, then checks the session: a malformed body is malformed whoever sends it.
    fn enter<T: DeserializeOwned>(&self, request: &Request<'_>, head: &Head) -> Result<T, Fault> {
        let body: T = request.json()?;
        let Call { caller, now_ms, .. } = request.call;
        self.sessions.lock().check(&head.session, caller, *now_ms)?;
        if !speaks_for(caller, &head.madonvi) {
            return Err(Fault::denied("madonvi không thuộc bộ, tỉnh của bên gọi"));
        }
        Ok(body)
    }

    fn procedures(&self, wanted: &Catalogue) -> Outcome {
        let found = self.reference.procedures.iter().filter(|procedure| {
            wanted.ma_linh_vuc.as_deref().is_none_or(|sector| procedure.ma_linh_vuc == sector)
                && wanted.ma_co_quan.as_deref().is_none_or(|agency| procedure.ma_co_quan == agency)
        });
        done(&wanted.page().of(found))
    }
}

fn done<R: Serialize>(result: &R) -> Outcome {
    let message = "Thành công".to_owned();
    Ok(Answer::json(200, &Reply { error_code: 0, error_message: message, result: Some(result) }))
}

/// Each item is done or not on its own; `error_code` 4 when any was not.
fn sum_up(items: Vec<store::ItemResult>) -> Outcome {
    let failed = items.iter().filter(|item| item.error_code != 0).count();
    let (error_code, error_message) = match failed {
        0 => (0, "Thành công".to_owned()),
        _ => (4, format!("{failed} trên {} bản ghi không được ghi nhận", items.len())),
    };
    Ok(Answer::json(200, &Reply { error_code, error_message, result: Some(items) }))
}

/// Assumed numbers; 1 is a failed login.
const fn error_code(reason: Reason) -> u32 {
    match reason {
        Reason::Unauthenticated => 2,
        Reason::NoPath | Reason::WrongMethod => 3,
        Reason::BadRequest => 4,
        Reason::NotFound => 5,
        Reason::Conflict => 6,
        Reason::Denied => 8,
        Reason::Full => 9,
    }
}

fn word(fault: &Fault) -> Answer {
    let status = match fault.reason {
        Reason::BadRequest | Reason::NoPath | Reason::WrongMethod => fault.reason.status(),
        Reason::Unauthenticated
        | Reason::Denied
        | Reason::NotFound
        | Reason::Conflict
        | Reason::Full => 200,
    };
    let error_code = error_code(fault.reason);
    let reply = Reply::<()> { error_code, error_message: fault.message.clone(), result: None };
    Answer::json(status, &reply)
}

impl Provider for Dossiers {
    fn description(&self) -> &'static Description {
        &DESCRIPTION
    }

    fn answer(&self, call: &Call<'_>) -> Answer {
        dispatch(self, ROUTES, call).unwrap_or_else(|fault| word(&fault))
    }
}
